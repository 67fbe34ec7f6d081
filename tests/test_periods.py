import numpy as np
import pandas as pd
import pytest

from workbench import periods
from workbench.periods import Periods, by_customer, choose
from workbench.schema import TooFewData

DAY = pd.Timestamp("2024-01-01")
TWO = Periods(28, DAY, DAY + pd.Timedelta(days=55))


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 30, 200).astype(str),
            "date": DAY + pd.to_timedelta(chance.integers(0, 84, 200), unit="D"),
            "amount": np.round(chance.normal(15, 20, 200), 2),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


# by hand


def test_two_years_of_data_give_two_years_to_compare():
    assert choose(DAY, as_of=DAY + pd.Timedelta(days=729)).days == 365
    assert choose(DAY, as_of=DAY + pd.Timedelta(days=728)).days == 364
    assert choose(DAY, as_of=DAY + pd.Timedelta(days=4000)).days == 365


def test_periods_lie_end_to_end_back_from_the_last_day():
    assert (TWO.start(0), TWO.end(0)) == (pd.Timestamp("2024-01-29"), pd.Timestamp("2024-02-25"))
    assert (TWO.start(1), TWO.end(1)) == (DAY, pd.Timestamp("2024-01-28"))
    assert [TWO.holds(back) for back in periods.BACK] == [True, True, False]


def test_a_day_belongs_to_one_period_and_returns_are_money_but_no_purchase():
    found = by_customer(
        orders(
            ("anna", "2024-01-01", 5),
            ("anna", "2024-01-28", 7),
            ("anna", "2024-01-29", -3),
            ("ben", "2023-12-31", 2),
            ("ben", "2024-02-25", 4),
            ("ben", "2024-02-26", 100),
            ("cleo", "2024-02-01", -9),
        ),
        periods=TWO,
    )
    assert found.index.tolist() == ["anna", "ben", "cleo"]
    assert found[["purchases_0", "purchases_1", "purchases_2"]].to_numpy().tolist() == [
        [0, 2, 0],
        [1, 0, 1],
        [0, 0, 0],
    ]
    assert found[["revenue_0", "revenue_1", "revenue_2"]].to_numpy().tolist() == [
        [-3, 12, 0],
        [4, 0, 2],
        [-9, 0, 0],
    ]
    days = [DAY, pd.Timestamp("2023-12-31"), pd.NaT]
    assert found["first"].tolist() == days
    days = [pd.Timestamp("2024-01-28"), pd.Timestamp("2024-02-25"), pd.NaT]
    assert found["second"].tolist() == days


# properties


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_those_of_the_slow_loop_in_any_order(seed):
    table = random_orders(seed)
    three = Periods(28, DAY, DAY + pd.Timedelta(days=83))
    found = by_customer(table.sample(frac=1, random_state=seed), periods=three)
    for name, rows in table.groupby("customer_id"):
        bought = rows[rows["amount"] >= 0].sort_values("date")
        for back in periods.BACK:
            inside = rows["date"].between(three.start(back), three.end(back))
            row = found.loc[name]
            assert row[f"purchases_{back}"] == (inside & (rows["amount"] >= 0)).sum()
            assert row[f"revenue_{back}"] == pytest.approx(rows.loc[inside, "amount"].sum())
        expected = [*bought["date"].iloc[:2], pd.NaT, pd.NaT][:2]
        assert found.loc[name, ["first", "second"]].tolist() == expected


def test_later_orders_change_nothing():
    table = random_orders(1)
    later = orders(("0", "2024-09-01", 50), ("neu", "2024-09-02", 60))
    before = by_customer(table, periods=TWO)
    pd.testing.assert_frame_equal(by_customer(pd.concat([table, later]), periods=TWO), before)


# messages


def test_too_short_a_history_is_refused_with_its_days():
    with pytest.raises(TooFewData, match=r"^55 days do not hold two periods of 28 days") as caught:
        choose(DAY, as_of=DAY + pd.Timedelta(days=54))
    assert (caught.value.have, caught.value.need) == (55, 56)
