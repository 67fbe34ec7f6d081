import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from workbench.privacy import (
    shown,
    shown_share,
    suppress,
    suppress_balance,
    suppress_counts,
    suppress_nested,
)

SEEDS = range(20)


def groups(*customers: float, **columns) -> pd.DataFrame:
    index = pd.Index(list("abcdefghij")[: len(customers)], name="group")
    return pd.DataFrame({"customers": customers} | columns, index=index)


def blanked(*customers: float, k: int = 5) -> str:
    """Name the rows that are blanked, in the order of the table."""
    table = suppress(groups(*customers), count="customers", k=k)
    return "".join(table.index[table["customers"].isna()])


# by hand


def test_small_rows_lose_their_numbers_and_keep_their_texts():
    table = groups(
        40,
        3,
        4,
        revenue=[900.0, 80.0, 70.0],
        share=[0.9, 0.05, 0.05],
        label=["A", "B", "C"],
        since=pd.to_datetime(["2024-01-01"] * 3),
    )
    result = suppress(table, count="customers", k=5)
    assert result["customers"].tolist()[:1] == [40]
    for column in ("customers", "revenue", "share"):
        assert result[column].isna().tolist() == [False, True, True]
    pd.testing.assert_frame_equal(result[["label", "since"]], table[["label", "since"]])
    assert list(result.columns) == list(table.columns)
    assert result.index.equals(table.index) and result.index.name == "group"


@pytest.mark.parametrize(
    ("customers", "names"),
    [
        ((40, 30, 20), ""),
        ((5, 6, 7), ""),
        ((40, 9, 4), "bc"),
        ((4, 9, 40), "ab"),
        ((40, 4, 9, 3), "bd"),
        ((40, 9, 0, 4), "bd"),
        ((4,), "a"),
        ((4, 0, 0), "a"),
        ((1, 4, 3), "abc"),
        ((0, 0), ""),
        ((40, 0), ""),
        ((), ""),
    ],
)
def test_a_small_row_never_stands_blank_alone(customers, names):
    assert blanked(*customers) == names


def test_of_equal_candidates_one_is_enough():
    assert len(blanked(40, 9, 9, 9, 4)) == 2


def blanked_within(larger: str, *customers: float) -> str:
    table = groups(*customers, larger=list(larger))
    result = suppress(table, count="customers", k=5, within=["larger"])
    return "".join(result.index[result["customers"].isna()])


@pytest.mark.parametrize(
    ("larger", "customers", "names"),
    [
        ("xxyy", (40, 30, 20, 10), ""),
        ("xxyy", (40, 3, 20, 10), "ab"),
        ("xxyy", (40, 3, 2, 10), "abcd"),
        ("xxxy", (40, 3, 4, 10), "bc"),
        ("xxxy", (40, 1, 2, 10), "abc"),
        ("xyxy", (40, 9, 0, 4), "bd"),
    ],
)
def test_the_total_of_a_larger_group_does_not_give_away_a_part(larger, customers, names):
    assert blanked_within(larger, *customers) == names


def test_the_grand_total_does_not_give_away_a_larger_group_of_one_part():
    # x is a single part: in its own group nothing else can be blanked, but all customers
    # less those shown are its three.
    assert len(blanked_within("xyyz", 3, 9, 8, 40)) >= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_the_grand_total_nor_that_of_a_larger_group_gives_away_fewer_than_k(seed):
    chance = np.random.default_rng(seed)
    table = groups(*chance.integers(0, 15, 9), larger=list("wxxyyyzzz"))
    result = suppress(table, count="customers", k=5, within=["larger"])
    hidden = result["customers"].isna()
    wholes = [hidden | ~hidden, *(table["larger"] == name for name in "wxyz")]
    for whole in wholes:
        blank = table.loc[hidden & whole, "customers"]
        everything = not (whole & ~hidden & (table["customers"] > 0)).any()
        assert blank.empty or everything or (len(blank) > 1 and blank.sum() >= 5)


def test_without_a_threshold_nothing_is_blanked():
    assert blanked(1, 2, 3, k=1) == ""
    assert blanked(1, 2, 3, k=0) == ""


def test_a_group_of_exactly_k_is_shown_and_one_less_is_not():
    assert blanked(5, 50, k=5) == ""
    assert blanked(4, 50, k=5) == "ab"


def test_all_rows_small_are_all_blanked():
    table = suppress(groups(1, 2, 3, revenue=[1.0, 2.0, 3.0]), count="customers", k=5)
    assert table.isna().all().all()


def test_what_is_kept_stays():
    table = groups(40, 3, 4, lines=[400, 30, 40], revenue=[1.0, 2.0, 3.0])
    result = suppress(table, count="customers", k=5, keep=["lines"])
    assert result["lines"].tolist() == [400, 30, 40]
    assert result["revenue"].isna().tolist() == [False, True, True]


def test_a_table_without_rows_stays_without_rows():
    assert suppress(groups(revenue=[]), count="customers", k=5).shape == (0, 2)


def test_a_row_without_a_count_does_not_hide_others_or_crash():
    assert blanked(40, math.nan, 30) == "b"


def test_rows_of_two_levels_are_blanked_like_others():
    index = pd.MultiIndex.from_product([[1, 2], [1, 2]], names=["r", "f"])
    table = pd.DataFrame({"customers": [40, 9, 3, 0], "segment": list("wxyz")}, index=index)
    result = suppress(table, count="customers", k=5)
    assert result["customers"].isna().tolist() == [False, True, True, False]
    assert result["segment"].tolist() == list("wxyz")
    assert result.index.equals(index)


def test_two_rows_of_two_levels_are_both_blanked():
    index = pd.MultiIndex.from_tuples([("a", "b"), ("c", "d")])
    table = pd.DataFrame({"customers": [40, 3]}, index=index)
    assert suppress(table, count="customers", k=5)["customers"].isna().all()


def test_numbers_of_every_width_can_be_missing():
    table = groups(40, 3, 4).astype("int8")
    table["nullable"] = pd.array([1, 2, 3], dtype="Int64")
    table["narrow"] = np.array([1, 2, 3], dtype="float32")
    result = suppress(table, count="customers", k=5)
    assert result.isna().to_numpy().tolist() == [[False] * 3, [True] * 3, [True] * 3]


def test_a_figure_of_a_small_group_is_not_shown():
    assert shown(12.5, customers=5, k=5) == 12.5
    assert math.isnan(shown(12.5, customers=4, k=5))
    assert math.isnan(shown(12.5, customers=0, k=5))
    assert shown(12.5, customers=1, k=1) == 12.5


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_no_small_group_is_shown_and_nothing_else_changes(seed):
    chance = np.random.default_rng(seed)
    table = groups(*chance.integers(0, 12, 8), revenue=chance.exponential(100, 8))
    before = table.copy()
    result = suppress(table, count="customers", k=5)
    pd.testing.assert_frame_equal(table, before)
    open_rows = result["customers"].notna()
    assert not ((table["customers"] > 0) & (table["customers"] < 5) & open_rows).any()
    assert (result["revenue"].notna() == open_rows).all()
    pd.testing.assert_frame_equal(
        result[open_rows], table[open_rows].astype(float), check_exact=True
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_total_gives_away_is_never_a_group_smaller_than_k(seed):
    # Total less the rows shown is the sum of the blanked ones: that sum is a figure
    # about all their customers together, so they must be k or more.
    chance = np.random.default_rng(seed)
    table = groups(*chance.integers(0, 12, 8))
    hidden = suppress(table, count="customers", k=5)["customers"].isna()
    together = table.loc[hidden, "customers"].sum()
    assert together == 0 or together >= 5 or hidden.sum() == (table["customers"] > 0).sum()


def test_two_tiny_groups_take_a_third_with_them():
    assert blanked(40, 9, 2, 2) == "bcd"
    assert blanked(40, 9, 1, 1) == "bcd"
    assert blanked(40, 9, 2, 3) == "cd"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rows_blanked_do_not_depend_on_their_order(seed):
    chance = np.random.default_rng(seed)
    table = groups(*chance.permutation(20)[:8])
    shuffled = table.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        suppress(shuffled, count="customers", k=5).sort_index(),
        suppress(table, count="customers", k=5),
    )


# messages


def test_a_table_without_the_count_is_refused():
    with pytest.raises(KeyError, match="buyers"):
        suppress(groups(40, 3), count="buyers", k=5)


def test_a_small_reason_of_the_balance_hides_its_money_and_what_was_read():
    balance = pd.DataFrame(
        {
            "n_rows": [100, 3, 7, 90],
            "amount": [1000.0, 30.0, 70.0, 900.0],
            "customers": [50, 2, 6, 48],
        },
        index=["read", "duplicate", "return_day", "kept"],
    )
    blanked = suppress_balance(balance, k=5)
    assert blanked["n_rows"].tolist() == [100, 3, 7, 90]
    assert blanked["amount"].isna().tolist() == [True, True, False, False]
    assert blanked["customers"].isna().tolist() == [True, True, False, False]
    assert balance["amount"].notna().all()


def test_a_balance_without_small_reasons_stays_as_it_is():
    balance = pd.DataFrame({"n_rows": [9, 9], "amount": [90.0, 90.0], "customers": [9, 9]})
    assert suppress_balance(balance, k=5).equals(balance.astype({"customers": float}))


def test_nested_groups_lie_k_customers_apart():
    curve = pd.DataFrame(
        {"customers": [0.4, 4, 8, 20, 36, 38, 40], "held": [0.1, 0.3, 0.4, 0.7, 0.9, 0.95, 1.0]}
    )
    shown = suppress_nested(curve, count="customers", k=5)
    assert shown["held"].notna().tolist() == [False, False, True, True, False, False, True]


def test_fewer_than_k_customers_show_no_curve():
    curve = pd.DataFrame({"customers": [1.0, 4.0], "held": [0.5, 1.0]})
    assert suppress_nested(curve, count="customers", k=5)["held"].isna().all()


def test_counts_of_few_customers_are_blank_and_counts_of_lines_stay():
    counts = pd.DataFrame(
        {
            "code": ["rows", "customers", "customers_with_returns", "zero_amounts", "buyers"],
            "n": [900, 100, 2, 1, 98],
        }
    )
    shown = suppress_counts(counts, k=5).set_index("code")["n"]
    assert shown[["rows", "buyers", "zero_amounts"]].tolist() == [900, 98, 1]
    assert shown[["customers_with_returns", "customers"]].isna().all()


@pytest.mark.parametrize(
    ("part", "customers", "share"),
    [
        (0, 10, 0.0),
        (4, 10, math.nan),
        (6, 10, math.nan),
        (5, 10, 0.5),
        (10, 10, 1.0),
        (2, 3, math.nan),
    ],
)
def test_a_share_hides_small_parts_and_small_rests(part, customers, share):
    assert shown_share(part, customers=customers, k=5) == pytest.approx(share, nan_ok=True)


def test_a_row_gives_way_for_the_part_that_can_be_set_apart_from_it():
    table = groups(40, 30, 20, others=[3, 30, 20])
    result = suppress(table, count="customers", k=5, parts=["others"])
    assert result["customers"].isna().tolist() == [True, False, True]
    small = groups(40, 30, 20, others=[1, 1, 20])
    assert suppress(small, count="customers", k=5, parts=["others"])["others"].isna().all()


def test_rows_hidden_for_another_reason_count_as_blank():
    table = groups(40, 30, 20)
    is_hidden = pd.Series([False, True, False], index=table.index)
    result = suppress(table, count="customers", k=5, hidden=is_hidden)
    assert result["customers"].isna().tolist() == [False, True, True]


def crossed(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows, columns = chance.integers(3, 8, 2)
    return pd.DataFrame(
        {
            "customers": chance.poisson(chance.choice([4, 9, 20]), rows * columns),
            "row": np.repeat([f"r{i}" for i in range(rows)], columns),
            "column": np.tile([f"c{i}" for i in range(columns)], rows),
        }
    )


def cells_that_follow(table: pd.DataFrame, hidden: pd.Series) -> list[int]:
    """Solve for the hidden cells what their totals say, by elimination over fractions."""
    blank = table.index[hidden]
    rows = [
        [Fraction(int(table.loc[cell, name] == group)) for cell in blank]
        for name in ("row", "column")
        for group in table[name].unique()
    ]
    pivots = []
    for place in range(len(blank)):
        pivot = next((row for row in rows[len(pivots) :] if row[place]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        pivot = [value / pivot[place] for value in pivot]
        rows = [[a - row[place] * b for a, b in zip(row, pivot, strict=True)] for row in rows]
        rows.insert(len(pivots), pivot)
        pivots.append(place)
    return [
        blank[place]
        for place, row in zip(pivots, rows, strict=False)
        if sum(bool(value) for value in row) == 1
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_cell_of_a_cross_table_follows_from_the_totals_of_rows_and_columns(seed):
    table = crossed(seed)
    hidden = suppress(table, count="customers", k=5, within=["row", "column"])["customers"].isna()
    assert hidden[table["customers"].between(1, 4)].all()
    for cell in cells_that_follow(table, hidden):
        around = (table["row"] == table.loc[cell, "row"]) | (
            table["column"] == table.loc[cell, "column"]
        )
        assert not (around & ~hidden & (table["customers"] > 0)).any()


def test_a_bridge_between_two_blocks_of_blank_cells_is_no_longer_alone():
    # Every row and column holds two small cells or more, and yet one in the middle follows: the
    # first two columns less the first two rows leave the second cell of the third row.
    counts = [[3, 3, 9, 9], [3, 3, 9, 9], [9, 3, 3, 9], [9, 9, 3, 3], [9, 9, 3, 3]]
    table = pd.DataFrame(
        [(n, f"r{i}", f"c{j}") for i, row in enumerate(counts) for j, n in enumerate(row)],
        columns=["customers", "row", "column"],
    )
    assert cells_that_follow(table, table["customers"] == 3) == [9, 10]
    hidden = suppress(table, count="customers", k=5, within=["row", "column"])["customers"].isna()
    assert cells_that_follow(table, hidden) == []


def test_a_group_of_one_row_is_blank_by_itself_and_takes_no_others_along():
    assert blanked_within("wxyz", 40, 3, 20, 10) == "bd"
