import numpy as np
import pandas as pd
import pytest

from workbench import migration
from workbench.discrimination import wilson
from workbench.migration import GONE, NEW, balance, days_apart, flows, shown, spending
from workbench.schema import DataError, TooFewData

SEEDS = range(20)
ORDER = ("oft", "selten", "still")
START = pd.Timestamp("2024-01-01")
DAY, LATER = pd.Timestamp("2024-06-30"), pd.Timestamp("2024-12-31")


def groups(**members: str) -> pd.Series:
    return pd.Series(members, dtype=str)


def random_groups(seed: int, n: int = 300) -> tuple[pd.Series, pd.Series]:
    """Groups on two days: some customers come, some are gone."""
    chance = np.random.default_rng(seed)
    names = np.array([f"c{i:03d}" for i in range(n)])
    before = pd.Series(chance.choice(ORDER, n, p=[0.1, 0.3, 0.6]), index=names)
    stays = chance.random(n) < 0.6
    after = before.where(stays, pd.Series(chance.choice(ORDER, n), index=names))
    return before[names > "c040"], after[chance.random(n) < 0.97]


def orders(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.assign(date=pd.to_datetime(table["date"]))


def many_orders(n: int = 40) -> pd.DataFrame:
    """Customers who bought in January; the even ones again in May and in November."""
    rows = [(f"c{i:02d}", f"2024-01-{1 + i % 28:02d}", 10.0) for i in range(n)]
    rows += [
        (f"c{i:02d}", day, 10.0) for i in range(0, n, 2) for day in ("2024-05-02", "2024-11-05")
    ]
    return orders(rows)


# by hand


def test_each_way_is_counted_with_its_share_and_interval():
    table = flows(
        groups(a="oft", b="oft", c="oft", d="selten"),
        groups(a="oft", b="selten", c="selten", d="selten", e="oft"),
        order=ORDER,
    )
    assert table.loc[("oft", "selten"), ["customers", "share"]].tolist() == [
        2,
        pytest.approx(2 / 3),
    ]
    assert table.loc[(NEW, "oft"), "customers"] == 1
    assert table["customers"].sum() == 5
    low, high = wilson(2, 3)
    assert table.loc[("oft", "selten"), ["low", "high"]].tolist() == [low, high]
    assert table.loc["still", ["share", "low", "high"]].isna().all(axis=None)
    assert GONE not in table.index.get_level_values("after")


def test_who_gave_everything_back_is_gone():
    table = flows(groups(a="oft", b="oft"), groups(a="oft"), order=ORDER)
    assert table.loc[("oft", GONE), "customers"] == 1
    assert NEW not in table.index.get_level_values("before")


def test_money_of_each_way_is_that_of_its_customers():
    spent = pd.DataFrame(
        {"revenue_before": [10.0, 5.0, 99.0], "revenue_after": [1.0, 2.0, 99.0]},
        index=["a", "b", "x"],
    )
    table = flows(
        groups(a="oft", b="oft"), groups(a="oft", b="selten", c="oft"), order=ORDER, money=spent
    )
    assert table.loc[("oft", "oft"), ["revenue_before", "revenue_after"]].tolist() == [10, 1]
    assert table.loc[("oft", "selten"), ["revenue_before", "revenue_after"]].tolist() == [5, 2]
    assert table.loc[(NEW, "oft"), ["revenue_before", "revenue_after"]].tolist() == [0, 0]


def test_the_balance_of_a_group_adds_up():
    before = pd.Series({f"a{i}": "oft" for i in range(20)} | {f"b{i}": "still" for i in range(10)})
    after = before.replace("still", "oft")
    after = after.where(~after.index.isin([f"a{i}" for i in range(6)]), "still")
    after = pd.concat([after, pd.Series({f"n{i}": "still" for i in range(7)})])
    found = balance(flows(before, after, order=ORDER), k=5)
    assert found.loc["oft"].tolist() == [20, 6, 10, 0, 24, 4]
    assert found.loc["still"].tolist() == [10, 10, 6, 7, 13, -4]
    assert "selten" not in found.index


def test_the_earlier_day_is_a_year_back_where_there_are_two():
    first = pd.Timestamp("2023-01-01")
    assert days_apart(first, as_of=first + pd.Timedelta(days=730), compare_days=0) == 365
    assert days_apart(first, as_of=first + pd.Timedelta(days=729), compare_days=0) == 53 * 7
    assert days_apart(first, as_of=LATER, compare_days=90) == 90


def test_money_is_compared_over_two_times_of_equal_length():
    table = orders(
        [
            ("a", "2024-05-01", 1.0), ("a", "2024-06-30", 2.0), ("a", "2024-07-01", 4.0),
            ("b", "2024-10-31", 8.0), ("b", "2024-11-01", 16.0), ("b", "2024-12-31", 32.0),
        ]
    )  # fmt: skip
    found = spending(table, table, start=pd.Timestamp("2024-05-01"), cutoff=DAY, as_of=LATER)
    # From the first of May to the thirtieth of June, and the same number of days to the end.
    assert found.days == 61
    assert found.money.loc["a"].tolist() == [3, 0]
    assert found.money.loc["b"].tolist() == [0, 48]


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ways_of_a_group_add_up_to_its_customers(seed):
    before, after = random_groups(seed)
    table = flows(before, after, order=ORDER)
    starts = table["customers"].groupby("before").sum()
    assert starts.drop(NEW).sum() == len(before)
    assert starts.drop(NEW).to_dict() == before.value_counts().to_dict()
    ends = table["customers"].groupby("after").sum()
    assert ends.drop(GONE).to_dict() == after.value_counts().to_dict()
    shares = table["share"].groupby("before").sum()
    assert np.allclose(shares, 1)
    assert (table["low"] <= table["share"]).all() and (table["share"] <= table["high"]).all()


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_the_order_of_rows_changes_nothing(seed):
    before, after = random_groups(seed)
    money = pd.DataFrame(
        np.random.default_rng(seed).exponential(20, (len(after), 2)).round(2),
        index=after.index,
        columns=["revenue_before", "revenue_after"],
    )
    mixed = [table.sample(frac=1, random_state=seed) for table in (before, after, money)]
    table = flows(before, after, order=ORDER, money=money)
    pd.testing.assert_frame_equal(flows(*mixed[:2], order=ORDER, money=mixed[2]), table)
    pd.testing.assert_frame_equal(balance(flows(*mixed[:2], order=ORDER), k=5), balance(table, k=5))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_way_and_no_difference_of_ways_speaks_of_a_few(seed):
    chance = np.random.default_rng(seed)
    before, after = random_groups(seed, n=int(chance.integers(60, 160)))
    table = flows(before, after, order=ORDER)
    seen = shown(table, k=5)["customers"]
    assert not ((seen > 0) & (seen < 5)).any()
    for level in ("before", "after"):
        hidden = table["customers"].where(seen.isna(), 0).groupby(level).sum()
        alone = seen.isna().groupby(level).sum()
        group = table["customers"].groupby(level).sum()
        assert ((hidden == 0) | (hidden >= 5) | (group == hidden)).all()
        assert ((alone != 1) | (group == hidden)).all()
    for column, values in balance(table, k=5).drop(columns="net_change").items():
        assert not ((values > 0) & (values < 5)).any(), column


def computable(seen: pd.Series, sizes: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the blank ways that the sizes shown fix: those that no other solution changes."""
    blank = list(seen.index[seen.isna()])
    known = [[way[0] != NEW for way in blank], [way[1] != GONE for way in blank]]
    for side, column in enumerate(("customers", "customers_after")):
        known += [[way[side] == name for way in blank] for name in sizes[column].dropna().index]
    known.append([way[0] == NEW for way in blank])
    equations = np.array(known, float)
    both = np.linalg.pinv(equations) @ equations
    # A way is fixed where its unit vector lies in the span of the equations.
    return {way for place, way in enumerate(blank) if abs(both[place, place] - 1) < 1e-9}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_way_of_a_few_can_be_computed_from_the_sizes_shown(seed):
    chance = np.random.default_rng(seed)
    names = np.array([f"c{i:03d}" for i in range(int(chance.integers(60, 400)))])
    shares = chance.dirichlet(np.ones(6))
    before = pd.Series(chance.choice(list("abcdef"), names.size, p=shares), names)
    stays = chance.random(names.size) < 0.9
    after = before.where(stays, pd.Series(chance.choice(list("abcdef"), names.size), names))
    table = flows(before[names > "c020"], after, order=list("abcdef"))
    seen, sizes = shown(table, k=5)["customers"], balance(table, k=5)
    few = table["customers"].between(1, 4)
    assert seen[few].isna().all()
    assert not computable(seen, sizes) & set(table.index[few])


@pytest.mark.parametrize("seed", SEEDS)
def test_all_money_of_the_time_is_on_some_way(seed):
    before, after = random_groups(seed)
    everybody = before.index.union(after.index)
    cents = np.random.default_rng(seed).integers(-500, 9000, (len(everybody), 2))
    money = pd.DataFrame(cents / 100, everybody, columns=["revenue_before", "revenue_after"])
    table = flows(before, after, order=ORDER, money=money)
    for place, column in enumerate(money.columns):
        assert round(100 * table[column].sum(), 6) == cents[:, place].sum()


def test_later_orders_change_nothing_of_the_earlier_day():
    table = many_orders()
    known = lambda day: table[table["date"] <= day]  # noqa: E731
    moved = table.assign(date=table["date"].where(table["date"] <= DAY, LATER))
    split = migration.earlier_day(table, as_of=LATER, days=184, known=known)
    other = migration.earlier_day(moved, as_of=LATER, days=184, known=known)
    pd.testing.assert_frame_equal(split.calibration, other.calibration)
    assert split.cutoff == DAY


# messages


def test_a_group_without_a_place_is_named():
    with pytest.raises(DataError, match=r"^groups \['neu'\] have no place in the order"):
        flows(groups(a="oft"), groups(a="neu"), order=ORDER)


def test_too_few_customers_on_the_earlier_day_are_counted():
    table = many_orders(20)
    match = "^20 customers had bought by 2024-06-30; a comparison needs 30"
    with pytest.raises(TooFewData, match=match) as raised:
        migration.earlier_day(table, as_of=LATER, days=184, known=lambda day: table)
    assert (raised.value.have, raised.value.need) == (20, 30)
    with pytest.raises(TooFewData, match=r"^0 customers had bought by 2019"):
        migration.earlier_day(table, as_of=LATER, days=2000, known=lambda day: table)
