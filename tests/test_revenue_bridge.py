from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbench.periods import Periods
from workbench.revenue_bridge import PARTS, bridge, shown

DAY = pd.Timestamp("2024-01-01")
TWO = Periods(28, DAY, DAY + pd.Timedelta(days=55))
BEFORE, NOW = "2024-01-10", "2024-02-10"


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def random_orders(seed: int, *, digits: int = 2, returned: float = 20) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 60, 300).astype(str),
            "date": DAY + pd.to_timedelta(chance.integers(-28, 60, 300), unit="D"),
            "amount": np.round(chance.normal(15, returned, 300), digits),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def cents(amount: float) -> int:
    exact = 100 * Decimal(repr(amount))
    assert exact == exact.to_integral_value()
    return int(exact)


# by hand


def test_each_customer_stands_in_the_part_that_the_two_periods_say():
    found = bridge(
        orders(
            ("new", NOW, 8),
            ("reactivated", "2023-06-01", 5),
            ("reactivated", NOW, 6),
            ("grown", BEFORE, 10),
            ("grown", NOW, 12),
            ("equal", BEFORE, 3),
            ("equal", NOW, 3),
            ("shrunk", BEFORE, 10),
            ("shrunk", NOW, 4),
            ("lost", BEFORE, 7),
            ("long gone", "2023-06-01", 99),
        ),
        periods=TWO,
    )
    assert found.parts["customers"].to_dict() == {
        "new": 1,
        "reactivated": 1,
        "growth": 2,
        "decline": 1,
        "lost": 1,
    }
    assert found.parts["change"].to_list() == [8, 6, 2, -6, -7]
    assert (found.before, found.now) == (30, 33)
    assert (found.customers_before, found.customers_now) == (4, 5)


def test_what_comes_back_is_money_but_makes_nobody_a_buyer():
    found = bridge(
        orders(
            ("lost and returned", BEFORE, 20),
            ("lost and returned", NOW, -5),
            ("old", "2023-06-01", 50),
            ("old", NOW, -2),
            ("less than nothing", BEFORE, 4),
            ("less than nothing", NOW, 1),
            ("less than nothing", "2024-02-11", -3),
        ),
        periods=TWO,
    )
    assert found.parts["customers"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found.parts["change"].tolist() == [0, 0, 0, -6, -25, -2]
    assert found.parts.index.tolist() == list(PARTS)
    assert (found.before, found.now) == (24, -9 + 0)


def test_parts_of_a_cent_go_where_they_change_least():
    found = bridge(
        orders(("a", NOW, 1.004), ("b", BEFORE, 1.0), ("b", NOW, 2.004), ("c", NOW, 0)),
        periods=TWO,
    )
    assert (found.before, found.now) == (1.0, 3.01)
    assert found.parts["change"].tolist() == [1.01, 0, 1.0, 0, 0]


def test_the_bridge_before_is_that_of_the_earlier_periods():
    table = random_orders(1)
    three = Periods(28, DAY - pd.Timedelta(days=28), TWO.as_of)
    earlier = bridge(table, periods=three, back=1)
    cut = Periods(28, three.first_day, TWO.end(1))
    pd.testing.assert_frame_equal(earlier.parts, bridge(table, periods=cut).parts)
    assert earlier.now == bridge(table, periods=TWO).before


def test_a_small_part_is_blanked_with_another_so_that_no_total_gives_it_away():
    rows = [(f"new {i}", NOW, 5) for i in range(2)]
    rows += [(f"grown {i}", when, 5) for i in range(9) for when in (BEFORE, NOW)]
    rows += [(f"lost {i}", BEFORE, 5) for i in range(7)]
    found = shown(bridge(orders(*rows), periods=TWO), k=5)
    assert found.parts["customers"].isna().tolist() == [True, False, True, False, True]
    assert found.parts["change"].isna().tolist() == [True, False, True, False, True]
    assert (found.before, found.now) == (80, 55)


def test_where_hardly_anybody_bought_nothing_is_shown():
    found = shown(bridge(orders(("a", BEFORE, 5), ("b", NOW, 7)), periods=TWO), k=5)
    assert found.parts[["customers", "change"]].isna().all(axis=None)
    assert np.isnan([found.before, found.now]).all()


def test_no_purchase_in_one_period_leaves_the_other_to_be_shown():
    found = shown(bridge(orders(*[(str(i), NOW, 1) for i in range(6)]), periods=TWO), k=5)
    assert found.parts["customers"].tolist() == [6, 0, 0, 0, 0]
    assert (found.before, found.now) == (0, 6)


# properties


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("digits", [2, 5])
def test_it_adds_up_to_the_cent_and_no_part_is_off_by_more(seed, digits):
    table = random_orders(seed, digits=digits)
    found = bridge(table, periods=TWO)
    changes = sum(cents(change) for change in found.parts["change"].tolist())
    assert cents(found.before) + changes == cents(found.now)
    money = [table.loc[table["date"].between(TWO.start(b), TWO.end(b)), "amount"] for b in (1, 0)]
    assert [found.before, found.now] == pytest.approx([m.sum() for m in money], abs=0.0051)
    again = bridge(table.sample(frac=1, random_state=seed), periods=TWO)
    pd.testing.assert_frame_equal(again.parts, found.parts)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_blanked_cannot_be_worked_out_from_the_totals(seed):
    found = shown(bridge(random_orders(seed, returned=8), periods=TWO), k=8)
    actual = bridge(random_orders(seed, returned=8), periods=TWO).parts["customers"]
    blank = found.parts["customers"].isna()
    for whole in ("buys_now", "bought_before"):
        hidden = actual[blank & found.parts[whole]]
        assert hidden.sum() == 0 or hidden.sum() >= 8 or not found.parts[whole][~blank].any()
