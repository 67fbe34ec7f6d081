import numpy as np
import pandas as pd
import pytest

from workbench import early_warning
from workbench.schema import DataError, TooFewData

START = pd.Timestamp("2024-01-01")
AS_OF = pd.Timestamp("2025-06-30")


def orders_on(days: dict[str, list[int]]) -> pd.DataFrame:
    """Let customers buy for 10 on days counted from the start."""
    rows = [
        (name, START + pd.Timedelta(days=day), 10.0) for name, own in days.items() for day in own
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def drawn_orders(seed: int, *, n: int = 1500, shape: float = 1.0, stay: float = 1.0):
    """Draw customers with Gamma gaps about means of their own, who may leave after a purchase."""
    random = np.random.default_rng(seed)
    mean_gap = 1 / random.gamma(2, 1 / 60, n)
    gaps = np.ceil(random.gamma(shape, 1 / shape, (n, 80)) * mean_gap[:, None])
    day = random.integers(0, 100, n)[:, None] + np.c_[np.zeros(n), gaps.cumsum(axis=1)]
    n_before_leaving = random.geometric(1 - stay, n) if stay < 1 else np.full(n, 81)
    who, which = np.nonzero((day < 547) & (np.arange(81) < n_before_leaving[:, None]))
    return pd.DataFrame(
        {
            "customer_id": np.char.mod("c%04d", who).astype(str),
            "date": START + pd.to_timedelta(day[who, which], unit="D"),
            "amount": 10.0,
        }
    ).astype({"customer_id": "str"})


def crowd() -> dict[str, list[int]]:
    """Make 40 customers with gaps of 10, 10, 10 and then 10 to 49 days, in the far past."""
    return {f"k{i:02d}": [0, 10, 20, 30, 40 + i] for i in range(40)}


# --- by hand ---------------------------------------------------------------------------------


def test_rhythms_by_hand():
    last = (AS_OF - START).days
    orders = orders_on(crowd() | {"often": [last - 60, last - 50, last - 40], "once": [last - 300]})
    table = early_warning.rhythms(orders, as_of=AS_OF)

    gaps = 10 * 40 * 3 + sum(range(10, 50)) + 20
    base = gaps / (40 * 4 + 2)
    often = table.loc["often"]
    assert often["purchases"] == 3
    assert often["days_since_last"] == 40
    assert often["usual_gap_days"] == 10
    # Fewer than 100 pauses follow one gap, or two or more: 121 of them share one limit. Those of
    # 10 days after one gap and after two, and 40 of 10 to 49 days after three.
    ratios = [10 / ((10 + base) / 2)] * 41 + [10 / ((20 + base) / 3)] * 40
    ratios += [(10 + i) / ((30 + base) / 4) for i in range(40)]
    limit = sorted(ratios)[int(np.ceil(0.9 * 121)) - 1]
    expected = (20 + base) / 3
    assert often["limit_days"] == pytest.approx(limit * expected)
    beyond = [one for one in ratios if one > limit]
    over = sum(one < 40 / expected for one in beyond) / len(beyond)
    assert often["excess"] == pytest.approx(over)
    once = table.loc["once"]
    assert once["days_since_last"] == 300
    assert once[["usual_gap_days", "limit_days", "excess"]].isna().all()
    assert not once["is_new"]


def test_a_limit_is_new_for_seven_days():
    orders = orders_on(crowd() | {"often": [100, 110, 120]})
    quiet = [START + pd.Timedelta(days=120 + days) for days in range(10, 60)]
    seen = [early_warning.rhythms(orders, as_of=day).loc["often"] for day in quiet]
    late = [one["days_since_last"] > one["limit_days"] for one in seen]
    new = [bool(one["is_new"]) for one in seen]
    first = late.index(True)
    assert sum(new) == 7
    assert new[first : first + 7] == [True] * 7


def test_the_list_is_sorted_by_the_value_at_stake():
    rhythms = pd.DataFrame(
        {
            "purchases": [5, 5, 5, 5, 1],
            "days_since_last": [50.0, 80.0, 80.0, 10.0, 400.0],
            "usual_gap_days": [10.0, 10.0, 10.0, 10.0, np.nan],
            "limit_days": [40.0, 40.0, 40.0, 40.0, np.nan],
            "excess": [0.5, 1.0, 1.0, 0.0, np.nan],
            "is_new": [False, False, True, False, False],
        },
        index=pd.Index(["anna", "ben", "cem", "dora", "emil"], name="customer_id"),
    )
    values = pd.Series({"cem": 30.0, "ben": 30.0, "anna": 100.0, "dora": 900.0, "emil": 1.0})
    table = early_warning.watch_list(rhythms, values=values)
    assert table.index.tolist() == ["anna", "ben", "cem"]
    assert table["value_at_stake"].tolist() == [50, 30, 30]

    counted = early_warning.counts(rhythms, values=values)
    assert counted["customers"].to_dict() == {"one_time": 1, "within": 1, "new": 1, "longer": 2}
    assert counted["value_at_stake"].to_dict() == {
        "one_time": 0,
        "within": 0,
        "new": 30,
        "longer": 80,
    }


def test_a_day_of_returns_is_no_purchase():
    orders = orders_on(crowd() | {"often": [100, 110, 120]})
    back = orders_on({"often": [150], "guest": [130]}).assign(amount=-5.0)
    as_of = START + pd.Timedelta(days=160)
    pd.testing.assert_frame_equal(
        early_warning.rhythms(pd.concat([orders, back]), as_of=as_of),
        early_warning.rhythms(orders, as_of=as_of),
    )


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_neither_the_future_nor_the_order_of_rows_nor_money_changes_anything(seed):
    orders = drawn_orders(seed, n=300)
    as_of = START + pd.Timedelta(days=400)
    table = early_warning.rhythms(orders, as_of=as_of)
    past = orders[orders["date"] <= as_of]
    future = orders[orders["date"] > as_of]
    moved = future.assign(date=future["date"] + pd.Timedelta(days=seed + 1))
    before = orders.copy()
    for other in (
        past,
        pd.concat([moved, past]),
        orders.sample(frac=1, random_state=seed),
        orders.assign(amount=orders["amount"] * 100),
    ):
        pd.testing.assert_frame_equal(
            early_warning.rhythms(other, as_of=as_of), table, check_exact=True
        )
    pd.testing.assert_frame_equal(orders, before)
    assert table.index.is_monotonic_increasing


@pytest.mark.parametrize("seed", range(5))
def test_excess_lies_between_its_bounds_and_grows_with_silence(seed):
    orders = drawn_orders(seed, n=300, stay=0.9)
    table = early_warning.rhythms(orders, as_of=AS_OF)
    known = table.dropna()
    late = known["days_since_last"] > known["limit_days"]
    assert known["excess"].between(0, 1).all()
    assert (known.loc[~late, "excess"] == 0).all()
    assert (late >= known["is_new"]).all()
    later = early_warning.rhythms(orders, as_of=AS_OF + pd.Timedelta(days=30)).loc[known.index]
    assert (later["excess"] >= known["excess"]).all()
    values = pd.Series(np.arange(len(table), dtype=float), index=table.index)
    listed = early_warning.watch_list(table, values=values)
    counted = early_warning.counts(table, values=values)
    assert counted["customers"].sum() == len(table)
    assert counted["customers"][["new", "longer"]].sum() == len(listed)
    assert counted["value_at_stake"].sum() == pytest.approx(listed["value_at_stake"].sum())
    hundred = early_warning.watch_list(table, values=100 * values)
    assert hundred["value_at_stake"].tolist() == pytest.approx(
        (100 * listed["value_at_stake"]).tolist()
    )


@pytest.mark.parametrize(
    ("shape", "low", "high"), [(0.5, 0.12, 0.24), (1.0, 0.08, 0.14), (3.0, 0.03, 0.08)]
)
def test_about_a_tenth_of_those_who_never_leave_are_beyond_their_limit(shape, low, high):
    # On a chosen day long gaps are met more often: clumped purchases give more, regular ones less.
    table = early_warning.rhythms(drawn_orders(1, n=3000, shape=shape), as_of=AS_OF)
    steady = table[table["purchases"] >= 4]
    assert low < (steady["days_since_last"] > steady["limit_days"]).mean() < high


def test_those_who_have_left_are_found():
    orders = drawn_orders(2, n=3000, stay=0.9)
    as_of = START + pd.Timedelta(days=400)
    table = early_warning.rhythms(orders, as_of=as_of)
    steady = table[table["purchases"] >= 4]
    late = steady["days_since_last"] > steady["limit_days"]
    returns = steady.index.isin(orders.loc[orders["date"] > as_of, "customer_id"])
    assert late.mean() > 0.4
    assert returns[late].mean() < 0.15
    assert returns[~late].mean() > 0.6


# --- on real data ----------------------------------------------------------------------------


def test_on_cdnow_customers_beyond_their_rhythm_come_back_half_as_often(sample_orders):
    as_of = pd.Timestamp("1997-12-31")
    table = early_warning.rhythms(sample_orders, as_of=as_of)
    later = sample_orders.loc[sample_orders["date"] > as_of, "customer_id"]
    returns = pd.Series(table.index.isin(later), index=table.index)
    steady = table["purchases"] >= 4
    late = table["days_since_last"] > table["limit_days"]
    assert returns[steady & late].mean() < 0.5
    assert returns[steady & ~late].mean() > 0.65
    # Everybody within once is: one-time buyers have no rhythm and are not warned of.
    values = pd.Series(1.0, index=table.index)
    counted = early_warning.counts(table, values=values)["customers"]
    assert counted["one_time"] == (table["purchases"] == 1).sum()
    assert counted["new"] < counted["longer"] < counted["within"]


# --- messages --------------------------------------------------------------------------------


def test_too_few_pauses_are_counted():
    with pytest.raises(TooFewData, match=r"2 pauses between purchases .* 100 are needed") as caught:
        early_warning.rhythms(orders_on({"anna": [0, 5, 9, 20]}), as_of=AS_OF)
    assert (caught.value.have, caught.value.need) == (2, 100)


def test_a_day_before_the_first_purchase_is_refused():
    with pytest.raises(DataError, match="no purchase up to as_of=2023-12-31"):
        early_warning.rhythms(orders_on({"anna": [0, 5]}), as_of=START - pd.Timedelta(days=1))


def test_customers_without_a_value_are_counted():
    orders = orders_on(crowd())
    table = early_warning.rhythms(orders, as_of=AS_OF)
    with pytest.raises(DataError, match="39 of 40 customers beyond their limit have no value"):
        early_warning.watch_list(table, values=pd.Series({"k00": 1.0}))
