import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_END

from workbench import purchases, regularity, summary, synthetic
from workbench.schema import DataError, TooFewData

CDNOW = {"r": 0.243, "alpha_days": 31, "a": 0.793, "b": 2.426}
START = pd.Timestamp("2024-01-01")


def _orders(customer, day):
    """Orders from customer numbers and days since the start; one row per customer and day."""
    lines = pd.DataFrame({"customer_id": customer, "day": np.floor(day).astype(int)})
    lines = lines.drop_duplicates().sort_values(["customer_id", "day"])
    return pd.DataFrame(
        {
            "customer_id": lines["customer_id"].map("{:06d}".format),
            "date": START + pd.to_timedelta(lines["day"], unit="D"),
            "amount": 10.0,
        }
    )


def _gaps(*pairs, copies=1):
    """Customers who bought on a day, after a first gap and again after a second gap."""
    days = [(0, first, first + second) for first, second in pairs] * copies
    return _orders(np.repeat(np.arange(len(days)), 3), np.ravel(days))


def _renewals(shape, *, mean_gap, n_days, n, seed):
    """Customers whose gaps are Gamma of one shape, around a mean of their own, until the end."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(3.0, 1 / (3.0 * mean_gap), n)
    time = rng.uniform(0, n_days / 6, n)
    customer, customers, times = np.arange(n), [], []
    while customer.size:
        customers.append(customer)
        times.append(time)
        time = time + rng.gamma(shape, 1 / shape, customer.size) / rate[customer]
        customer, time = customer[time < n_days], time[time < n_days]
    return _orders(np.concatenate(customers), np.concatenate(times))


def _in_silence(shape, *, seed):
    """P(alive) and truth of customers silent for four to eight of their own mean gaps."""
    rng = np.random.default_rng(seed)
    n, n_days = 8000, 546
    rate, leaving = rng.gamma(1.5, 1 / 40, n), rng.beta(0.5, 3, n)
    time = rng.uniform(0, 84, n)
    first, last = np.floor(time), np.floor(time)
    x, alive, customer = np.zeros(n), np.ones(n, bool), np.arange(n)
    while customer.size:
        time = time + rng.gamma(shape, 1 / shape, customer.size) / np.maximum(rate[customer], 1e-9)
        customer, time = customer[time < n_days], time[time < n_days]
        x[customer] += np.floor(time) > last[customer]
        last[customer] = np.floor(time)
        stays = rng.random(customer.size) >= leaving[customer]
        alive[customer[~stays]] = False
        customer, time = customer[stays], time[stays]
    table = pd.DataFrame({"frequency": x.astype(int), "recency": last - first, "T": n_days - first})
    said = purchases.p_alive(purchases.fit(summary.profiles(table)), table)
    silence = (table["T"] - table["recency"]) * table["frequency"] / table["recency"].clip(lower=1)
    silent = (table["frequency"] >= 3) & silence.between(4, 8)
    return said[silent].mean(), alive[silent].mean()


# By hand


def test_the_shape_is_that_of_the_shares_written_out():
    # Of 31 days in two gaps, a first gap of 8 has the share 7.5 / 30 = 1/4.
    orders = _gaps((8, 23), (23, 8), copies=20)

    found = regularity.estimate(orders, seed=1)

    variance = 1 / 16 + 1 / (12 * 30**2)
    assert found.shape == pytest.approx((1 - 4 * variance) / (8 * variance), rel=1e-12)
    assert found.lower == pytest.approx(found.shape)
    assert found.upper == pytest.approx(found.shape)
    assert (found.code, found.n_customers) == ("regular", 40)


def test_every_first_gap_equally_likely_is_exactly_random():
    for total in (7, 8, 30):
        orders = _gaps(*((first, total - first) for first in range(1, total)), copies=6)
        assert regularity.estimate(orders, seed=1).shape == pytest.approx(1, rel=1e-12)


def test_only_the_first_two_gaps_of_a_week_or_more_count():
    orders = _gaps((8, 23), (23, 8), copies=20)
    more = _orders([90, 90, 90, 91, 91], [0, 2, 5, 0, 80])  # five days, and one gap only
    later = _orders([0] * 5, [40, 41, 42, 43, 300])

    assert regularity.estimate(pd.concat([orders, more, later]), seed=1) == regularity.estimate(
        orders, seed=1
    )


def test_a_day_of_returns_is_no_purchase():
    orders = _gaps((8, 23), (23, 8), copies=20)
    back = _orders(np.arange(40), np.full(40, 3)).assign(amount=-5.0)

    found = regularity.estimate(pd.concat([orders, back]), seed=1)

    assert found == regularity.estimate(orders, seed=1)


# Properties


@pytest.mark.parametrize("mean_gap", [3, 7, 60])
def test_random_purchases_have_shape_one_at_any_rate(mean_gap):
    orders = _renewals(1.0, mean_gap=mean_gap, n_days=400, n=6000, seed=3)

    found = regularity.estimate(orders, seed=1)

    assert found.lower < 1 < found.upper
    assert found.upper - found.lower < 0.2
    assert found.code == "random"


@pytest.mark.parametrize(("shape", "code"), [(0.5, "irregular"), (2.0, "regular")])
@pytest.mark.parametrize("mean_gap", [3, 7, 60])
def test_bunches_and_rhythms_are_told_from_chance_at_any_rate(shape, code, mean_gap):
    orders = _renewals(shape, mean_gap=mean_gap, n_days=400, n=3000, seed=4)

    found = regularity.estimate(orders, seed=1)

    assert found.code == code
    if mean_gap == 60:
        assert found.shape == pytest.approx(shape, abs=0.12)


def test_the_interval_holds_a_shape_of_one_in_nineteen_of_twenty_cdnow_like_bases():
    held = []
    for seed in range(1000, 1060):
        orders = synthetic.purchases(
            **CDNOW,
            **{"p": 6.25, "q": 3.74, "v": 15.44},
            n_customers=1200,
            start=START,
            acquisition_days=84,
            end=START + pd.Timedelta(days=545),
            seed=seed,
        )
        found = regularity.estimate(orders, seed=seed)
        held.append(found.lower <= 1 <= found.upper)

    # 57 expected; three standard deviations are 5.1.
    assert sum(held) >= 52


@pytest.mark.parametrize(("shape", "sign"), [(0.5, -1), (2.0, 1)])
def test_p_alive_falls_too_slowly_for_regular_and_too_fast_for_bunched_customers(shape, sign):
    said, true = _in_silence(shape, seed=3)

    assert sign * (said - true) > 0.08


@pytest.mark.parametrize("seed", range(5))
def test_row_order_and_amounts_do_not_change_a_byte(sample_orders, seed):
    shuffled = sample_orders.sample(frac=1, random_state=seed)

    found = regularity.estimate(shuffled.assign(amount=shuffled["amount"] * 100), seed=7)

    assert found == regularity.estimate(sample_orders, seed=7)


def test_the_argument_is_left_as_it_was(sample_orders):
    before = sample_orders.copy()
    regularity.estimate(sample_orders, seed=1)
    pd.testing.assert_frame_equal(sample_orders, before)


# Against an authority


def test_cdnow_shows_no_regularity_as_platzers_btydplus_says(sample_orders):
    # Its MBG/CNBD-k takes k = 1 on the 39 weeks of calibration: demo/cdnow.R.
    calibration = sample_orders[sample_orders["date"] <= CALIBRATION_END]

    found = regularity.estimate(calibration, seed=1)

    assert found.code == "random"
    assert round(found.shape) == 1
    assert found.lower < 1 < found.upper


def test_cdnow_in_all_weeks_is_a_little_bunched_and_still_counts_as_random(
    sample_orders, master_orders
):
    sample = regularity.estimate(sample_orders[sample_orders["date"] <= HOLDOUT_END], seed=1)
    master = regularity.estimate(master_orders, seed=1)

    assert (sample.shape, sample.n_customers) == (pytest.approx(0.8592, abs=5e-5), 728)
    assert (master.shape, master.n_customers) == (pytest.approx(0.8881, abs=5e-5), 7390)
    assert master.upper < 1
    assert {sample.code, master.code} == {"random"}


# Messages


def test_too_few_customers_say_how_many_have_two_gaps():
    orders = _gaps((8, 23), (23, 8), copies=10)

    with pytest.raises(TooFewData, match=r"needs 30 customers .* at least 7 days; 20") as info:
        regularity.estimate(orders, seed=1)

    assert (info.value.have, info.value.need) == (20, 30)


def test_a_table_without_amounts_is_refused():
    with pytest.raises(DataError, match=r"lacks \['amount'\]"):
        regularity.estimate(_gaps((8, 23)).drop(columns="amount"), seed=1)
