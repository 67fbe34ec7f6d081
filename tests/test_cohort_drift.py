import numpy as np
import pandas as pd
import pytest
from conftest import HOLDOUT_END

from workbench import cohort_drift
from workbench.schema import DataError, TooFewData

START = pd.Timestamp("2024-01-01")
AS_OF = START + pd.Timedelta(days=399)


def _orders(starts, repeats, *, amount=10.0):
    """Customers by day of first purchase, each with so many repeat purchases on the days after."""
    number = np.repeat(np.arange(len(starts)), np.asarray(repeats) + 1)
    age = np.concatenate([np.arange(n + 1) for n in repeats])
    day = np.asarray(starts)[number] + age
    return pd.DataFrame(
        {
            "customer_id": [f"{n:05d}" for n in number],
            "date": START + pd.to_timedelta(day, unit="D"),
            "amount": amount,
        }
    )


def _poisson(early, late, *, n=600, seed=0):
    rng = np.random.default_rng(seed)
    starts = np.arange(n) % 300
    return _orders(starts, rng.poisson(np.where(starts < 150, early, late)))


def _measure(orders, **changed):
    return cohort_drift.measure(orders, **{"as_of": AS_OF, "age_days": 91, "seed": 1} | changed)


# By hand


def test_cohorts_and_change_are_those_written_out():
    # Four groups of 20 on four days; 1, 1, 2 and 3 repeat purchases each.
    starts, repeats = np.repeat([0, 10, 20, 30], 20), np.repeat([1, 1, 2, 3], 20)

    found = _measure(_orders(starts, repeats))

    assert found.change == pytest.approx(2.5 / 1 - 1)
    assert found.code == "rising"
    assert found.n_customers == 80
    assert found.cohorts["customers"].tolist() == [20] * 4
    assert found.cohorts["purchases_each"].tolist() == [1, 1, 2, 3]
    assert found.cohorts["revenue_each"].tolist() == [20, 20, 30, 40]
    assert found.cohorts["bought_share"].tolist() == [1] * 4
    assert found.cohorts["start"].tolist() == list(START + pd.to_timedelta([0, 10, 20, 30], "D"))


def test_only_customers_of_the_age_and_purchases_up_to_it_count():
    orders = _orders(np.repeat([0, 10, 20, 30], 20), np.repeat([1, 1, 2, 3], 20))
    young = _orders([309] * 5, [4] * 5).assign(
        customer_id=[f"y{n}" for n in np.repeat(range(5), 5)]
    )
    late = orders.groupby("customer_id", as_index=False)["date"].min()
    late = late.assign(date=late["date"] + pd.Timedelta(days=92), amount=10.0)

    found = _measure(pd.concat([orders, young, late]))

    pd.testing.assert_frame_equal(found.cohorts, _measure(orders).cohorts)


def test_a_day_of_returns_is_no_purchase_and_its_money_is_taken_off():
    orders = _orders(np.repeat([0, 10, 20, 30], 20), np.repeat([1, 1, 2, 3], 20))
    back = orders.groupby("customer_id", as_index=False)["date"].min()
    back = back.assign(date=back["date"] + pd.Timedelta(days=50), amount=-4.0)

    found, plain = _measure(pd.concat([orders, back])), _measure(orders)

    assert found[:6] == plain[:6]
    assert (plain.cohorts["revenue_each"] - found.cohorts["revenue_each"]).tolist() == [4] * 4


# Properties


def test_equal_cohorts_are_stable_and_the_interval_holds_zero_in_nineteen_of_twenty():
    found = [_measure(_poisson(1.0, 1.0, n=300, seed=seed), seed=seed) for seed in range(100)]

    held = sum(one.lower <= 0 <= one.upper for one in found)
    # 95 expected; three standard deviations are 6.5.
    assert held >= 88
    assert sum(one.code == "stable" for one in found) >= held


@pytest.mark.parametrize(("late", "code"), [(1.6, "rising"), (0.6, "falling")])
def test_other_cohorts_are_found(late, code):
    found = _measure(_poisson(1.0, late, seed=5))

    assert found.code == code
    assert found.change == pytest.approx(late - 1, abs=0.25)
    assert found.lower < late - 1 < found.upper


def test_a_later_half_that_never_buys_again_is_falling():
    found = _measure(_orders(np.repeat([0, 10], 40), np.repeat([1, 0], 40)))

    assert (found.change, found.lower, found.upper, found.code) == (-1, -1, -1, "falling")


def test_a_certain_difference_below_a_tenth_is_stable():
    starts = np.repeat([0, 10, 20, 30], 400)
    repeats = np.tile([4, 4, 4, 4, 4], 320) + (np.arange(1600) >= 800) * (np.arange(1600) % 4 == 0)

    found = _measure(_orders(starts, repeats))

    assert found.change == pytest.approx(0.0625)
    assert found.lower > 0
    assert found.code == "stable"


def test_row_order_and_later_rows_do_not_change_a_byte(sample_orders):
    how = {"as_of": pd.Timestamp("1998-03-31"), "age_days": 133, "seed": 3}
    found = cohort_drift.measure(sample_orders, **how)
    known = sample_orders[sample_orders["date"] <= how["as_of"]]

    again = cohort_drift.measure(known.sample(frac=1, random_state=2), **how)

    assert found[:6] == again[:6]
    pd.testing.assert_frame_equal(found.cohorts, again.cohorts, check_exact=True)


def test_the_default_age_is_a_quarter_of_the_span_and_at_most_a_year():
    days = [cohort_drift.default_age_days(START, as_of=START + pd.Timedelta(days=n)) for n in
            (5, 100, 10_000)]  # fmt: skip
    assert days == [7, 21, 364]


# Against an authority


def test_cdnows_cohorts_are_alike(sample_orders, master_orders):
    # Fader, Hardie and Lee (2005) fit one set of parameters to them, and it holds up.
    how = {"as_of": HOLDOUT_END, "age_days": 133, "seed": 1}
    sample = cohort_drift.measure(sample_orders, **how)
    master = cohort_drift.measure(master_orders, **how)

    assert (sample.change, sample.n_customers) == (pytest.approx(-0.0509, abs=5e-5), 2357)
    assert (master.change, master.n_customers) == (pytest.approx(-0.0171, abs=5e-5), 23_570)
    assert {sample.code, master.code} == {"stable"}
    # Counted in the data for the first quarter of new customers.
    assert sample.cohorts.loc[1, "purchases_each"] == pytest.approx(0.738, abs=5e-4)


# Messages


def test_too_few_customers_say_how_many_and_which_age():
    with pytest.raises(TooFewData, match=r"30 customers in each half .* 91 days .* has 20") as info:
        _measure(_orders(np.repeat([0, 10], 20), [1] * 40))
    assert (info.value.have, info.value.need) == (20, 30)

    with pytest.raises(TooFewData, match="the smaller half has 0"):
        _measure(_orders([380] * 90, [1] * 90))

    with pytest.raises(TooFewData, match=r"none of the 40 customers .* within 91 days"):
        _measure(_orders(np.repeat([0, 10], 40), np.repeat([0, 1], 40)))


def test_bad_ages_and_tables_are_refused():
    orders = _poisson(1.0, 1.0)
    with pytest.raises(ValueError, match="age_days=0 must be at least 1"):
        _measure(orders, age_days=0)
    with pytest.raises(DataError, match=r"lacks \['date'\]"):
        _measure(orders.drop(columns="date"))
