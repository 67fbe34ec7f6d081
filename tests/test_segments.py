import numpy as np
import pandas as pd
import pytest

from workbench import privacy
from workbench.schema import DataError
from workbench.segments import (
    GRID,
    SEGMENTS,
    CutOffs,
    cutoffs_of,
    score,
    score_grid,
    segment_sizes,
    shown_grid,
)
from workbench.summary import summarise

SEEDS = range(20)
AS_OF = pd.Timestamp("2024-12-31")


def customers(**columns) -> pd.DataFrame:
    n = len(columns["days_since_last"])
    table = pd.DataFrame({"n_orders": 1, "revenue": 1.0} | columns)
    table.index = pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id")
    table["frequency"] = table["n_orders"] - 1
    table["recency"] = np.where(table["frequency"] > 0, 1.0, 0.0)
    table["T"] = table["days_since_last"] + table["recency"]
    return table


def tied_customers(seed: int, n: int = 200) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return customers(
        days_since_last=chance.integers(0, 12, n).astype(float),
        n_orders=chance.geometric(0.4, n),
        revenue=chance.integers(0, 6, n) * 10.0,
    )


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 60, 250).astype(str),
            "date": AS_OF - pd.to_timedelta(chance.integers(0, 300, 250), unit="D"),
            "amount": chance.exponential(20, 250),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


# by hand


def test_every_cell_of_the_grid_has_a_name_and_every_name_a_cell():
    assert GRID.shape == (5, 5)
    assert list(GRID.index) == list(GRID.columns) == [1, 2, 3, 4, 5]
    assert set(GRID.to_numpy().ravel()) == set(SEGMENTS)
    assert len(set(SEGMENTS)) == len(SEGMENTS)


@pytest.mark.parametrize(
    ("n_orders", "f_score"),
    [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (11, 5), (500, 5)],
)
def test_the_classes_of_frequency_are_fixed(n_orders, f_score):
    assert score(customers(days_since_last=[1.0], n_orders=[n_orders]))["f_score"].item() == f_score


def test_five_customers_get_the_five_scores():
    scores = score(customers(days_since_last=[10.0, 50, 20, 40, 30], revenue=[5.0, 1, 4, 2, 3]))
    assert scores["r_score"].tolist() == [5, 1, 4, 2, 3]
    assert scores["m_score"].tolist() == [5, 1, 4, 2, 3]
    assert scores["f_score"].tolist() == [1] * 5
    expected = ["Erstkäufer", "Ruhende", "Vielversprechende", "Ruhende", "Einschlafende"]
    assert scores["segment"].tolist() == expected


def test_ten_customers_with_ties_get_the_score_of_their_middle_rank():
    # Ranks of 0: mean of 1..6 = 3.5, ceil(5 * 3.5 / 10) = 2; of 1: mean of 7..10 = 8.5 -> 5.
    scores = score(customers(days_since_last=[3.0] * 10, revenue=[0.0] * 6 + [1.0] * 4))
    assert scores["m_score"].tolist() == [2] * 6 + [5] * 4
    assert scores["r_score"].tolist() == [3] * 10


def test_limits_of_another_day_score_the_customers_of_this_one():
    frozen = cutoffs_of(
        customers(days_since_last=[10.0, 50, 20, 40, 30], revenue=[5.0, 1, 4, 2, 3])
    )
    assert frozen == CutOffs((40, 30, 20, 10), (2, 3, 5, 10), (2, 3, 4, 5))
    later = customers(
        days_since_last=[9.0, 35, 41, 10], n_orders=[1, 2, 4, 12], revenue=[9.0, 2.5, 0, 4]
    )
    scores = score(later, cutoffs=frozen)
    assert scores["r_score"].tolist() == [5, 2, 1, 5]
    assert scores["f_score"].tolist() == [1, 2, 3, 5]
    assert scores["m_score"].tolist() == [5, 2, 1, 4]
    assert scores["segment"].tolist() == ["Erstkäufer", "Ruhende", "Gefährdete", "Spitzenkunden"]


def test_where_nobody_reached_a_score_nobody_can():
    # All alike: the middle rank earns a 3, and 4 and 5 are out of reach.
    frozen = cutoffs_of(customers(days_since_last=[3.0] * 10, revenue=[7.0] * 10))
    assert frozen.recency_days == (3.0, 3.0, -np.inf, -np.inf)
    assert frozen.money == (7.0, 7.0, np.inf, np.inf)
    other = score(customers(days_since_last=[0.0, 3, 4], revenue=[99.0, 7, 6]), cutoffs=frozen)
    assert other["r_score"].tolist() == other["m_score"].tolist() == [3, 3, 1]


def test_the_segment_is_the_cell_of_recency_and_frequency():
    table = tied_customers(1)
    scores = score(table)
    for row in scores.itertuples():
        assert row.segment == GRID.loc[row.r_score, row.f_score]


def test_segments_are_described_by_size_money_and_rhythm():
    table = customers(
        days_since_last=[10.0, 30, 50, 70], n_orders=[1, 2, 1, 2], revenue=[10.0, 30, 20, 40]
    )
    scores = pd.DataFrame({"segment": ["Erstkäufer", "Aufsteiger"] * 2}, index=table.index)
    sizes = segment_sizes(table, scores)
    assert sizes.index.tolist() == ["Aufsteiger", "Erstkäufer"]
    assert sizes.index.name == "segment"
    assert sizes.to_dict("index") == {
        "Aufsteiger": {
            "customers": 2,
            "customer_share": 0.5,
            "revenue": 70.0,
            "revenue_share": 0.7,
            "median_basket": 17.5,
            "median_days_since_last": 50.0,
            "median_orders": 2.0,
        },
        "Erstkäufer": {
            "customers": 2,
            "customer_share": 0.5,
            "revenue": 30.0,
            "revenue_share": 0.3,
            "median_basket": 15.0,
            "median_days_since_last": 30.0,
            "median_orders": 1.0,
        },
    }


def test_scores_are_matched_by_customer_and_not_by_position():
    table = tied_customers(3)
    scores = score(table)
    pd.testing.assert_frame_equal(
        segment_sizes(table, scores.sample(frac=1, random_state=1)), segment_sizes(table, scores)
    )


def test_a_score_grid_has_every_cell_with_its_name():
    table = tied_customers(4)
    scores = score(table)
    grid = score_grid(scores)
    assert grid.shape == (25, 2) and grid.index.names == ["r_score", "f_score"]
    assert grid["customers"].sum() == len(table)
    assert (grid["customers"] == 0).any()
    for (r, f), row in grid.iterrows():
        assert row["segment"] == GRID.loc[r, f]
        assert row["customers"] == ((scores["r_score"] == r) & (scores["f_score"] == f)).sum()


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_keep_their_promises_on_tied_data(seed):
    table = tied_customers(seed)
    before = table.copy()
    scores = score(table)
    pd.testing.assert_frame_equal(table, before)
    assert scores.index.equals(table.index)
    for column, source, better in (
        ("r_score", "days_since_last", -1),
        ("f_score", "n_orders", 1),
        ("m_score", "revenue", 1),
    ):
        assert scores[column].between(1, 5).all()
        assert scores[column].dtype.kind == "i"
        by_value = scores[column].groupby(table[source] * better)
        assert (by_value.nunique() == 1).all()
        assert by_value.first().is_monotonic_increasing
    assert scores["segment"].isin(SEGMENTS).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_own_limits_are_the_middle_ranks_and_foreign_ones_keep_equal_values_together(seed):
    table, other = tied_customers(seed), tied_customers(seed + 100)
    scores = score(table)
    for column, values in (("r_score", -table["days_since_last"]), ("m_score", table["revenue"])):
        by_rank = np.ceil(5 * values.rank(method="average") / len(values))
        assert (scores[column] == by_rank).all()
    pd.testing.assert_frame_equal(score(table, cutoffs=cutoffs_of(table)), scores)
    foreign = score(other, cutoffs=cutoffs_of(table))
    alone = pd.concat([score(other.iloc[[i]], cutoffs=cutoffs_of(table)) for i in range(20)])
    pd.testing.assert_frame_equal(foreign.iloc[:20], alone)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_no_score_and_no_size(seed):
    table = tied_customers(seed)
    shuffled = table.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(score(shuffled).sort_index(), score(table))
    pd.testing.assert_frame_equal(score_grid(score(shuffled)), score_grid(score(table)))


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_add_up_to_the_base(seed):
    table = random_orders(seed)
    summary = summarise(table, as_of=AS_OF)
    sizes = segment_sizes(summary, score(summary))
    assert sizes["customers"].sum() == len(summary)
    assert sizes["customer_share"].sum() == pytest.approx(1, abs=1e-12)
    assert sizes["revenue"].sum() == pytest.approx(summary["revenue"].sum())
    assert sizes["revenue_share"].sum() == pytest.approx(1, abs=1e-12)
    assert (sizes["customers"] > 0).all()
    order = [SEGMENTS.index(name) for name in sizes.index]
    assert order == sorted(order)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_in_cents_gives_the_same_scores(seed):
    table = tied_customers(seed)
    pd.testing.assert_frame_equal(score(table.assign(revenue=table["revenue"] * 100)), score(table))


def test_a_grid_of_fewer_customers_than_k_is_hidden():
    table = customers(days_since_last=[3.0], n_orders=[6])
    scores = score(table)
    sizes = privacy.suppress(segment_sizes(table, scores), count="customers", k=5)
    shown = shown_grid(score_grid(scores), shown_sizes=sizes, k=5)
    assert shown["customers"].isna().sum() == 1 and shown["customers"].sum() == 0


def told_exactly(cells: pd.DataFrame, shown: pd.DataFrame, sizes: pd.DataFrame) -> set:
    """Cells that follow from the grid shown, the sizes shown and the totals of frequency."""
    hidden = shown.index[shown["customers"].isna()]
    known = [cells.loc[hidden, "segment"] == name for name in sizes.dropna().index]
    scores = hidden.get_level_values("f_score")
    for together in ([1], [2], [3], [4, 5]):
        if cells["customers"][cells.index.isin(together, level="f_score")].sum() >= 5:
            known.append(scores.isin(together))
    equations = np.array([np.asarray(row, float) for row in known])
    rank = np.linalg.matrix_rank(equations)
    unit = np.eye(len(hidden))
    return {
        cell
        for i, cell in enumerate(hidden)
        if np.linalg.matrix_rank(np.vstack([equations, unit[i]])) == rank
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_no_small_cell_of_the_grid_follows_from_what_is_shown(seed):
    table = tied_customers(seed, n=90)
    scores = score(table)
    sizes = privacy.suppress(segment_sizes(table, scores), count="customers", k=5)
    cells = score_grid(scores)
    shown = shown_grid(cells, shown_sizes=sizes, k=5)
    assert shown.index.equals(cells.index) and shown["segment"].equals(cells["segment"])
    told = shown["customers"].dropna()
    assert (told == cells.loc[told.index, "customers"]).all()
    assert not ((told > 0) & (told < 5)).any()
    exact = told_exactly(cells, shown, sizes)
    assert not [cell for cell in exact if cells.loc[cell, "customers"] < 5]
    hidden = sizes.index[sizes["customers"].isna()]
    of_hidden = shown[shown["segment"].isin(hidden) & (cells["customers"] > 0)]
    assert of_hidden["customers"].isna().all()


# messages


def test_a_broken_summary_is_refused():
    table = tied_customers(1).assign(recency=-1.0)
    with pytest.raises(DataError, match=r"^200 of 200 rows break"):
        score(table)


def test_an_empty_summary_is_refused():
    with pytest.raises(DataError, match=r"^summary is empty"):
        score(tied_customers(1).iloc[:0])
