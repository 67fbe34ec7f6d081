import math

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END

from workbench import clv, purchases, spend, summary

TERMS = {"horizon_days": 365, "annual_discount_rate": 0.10, "margin": 1.0}


@pytest.fixture(scope="module")
def sample(sample_orders):
    return summary.summarise(sample_orders, as_of=CALIBRATION_END)


@pytest.fixture(scope="module")
def models(sample):
    return purchases.fit(summary.profiles(sample)), spend.fit(sample)


def _slow_value(purchase_model, spend_model, customer, *, horizon_days, annual_discount_rate):
    """Sum expected purchases of short slices, each discounted from its middle."""
    edges = np.linspace(0, horizon_days, 20_001)
    counts = purchases.expected_if_alive(
        purchase_model, customer["frequency"].iloc[0], customer["T"].iloc[0], edges
    )
    middles = (edges[1:] + edges[:-1]) / 2
    discounted = (np.diff(counts) * (1 + annual_discount_rate) ** (-middles / 365)).sum()
    alive = purchases.p_alive(purchase_model, customer).iloc[0]
    return discounted * alive * spend.expected_spend(spend_model, customer).iloc[0]


# By hand


def test_without_discount_value_is_purchases_times_spend_times_margin(models, sample):
    value = clv.customer_value(
        *models, sample, horizon_days=90, annual_discount_rate=0.0, margin=0.4
    )

    expected = purchases.expected_purchases(models[0], sample, days=90)
    np.testing.assert_allclose(
        value, 0.4 * expected * spend.expected_spend(models[1], sample), rtol=1e-12
    )


def test_the_table_of_scores_holds_what_each_function_gives(models, sample):
    table = clv.score(*models, sample, **TERMS)

    assert list(table.columns) == [
        "p_alive", "p_purchase", "expected_purchases", "expected_spend", "clv",
    ]  # fmt: skip
    pd.testing.assert_index_equal(table.index, sample.index)
    pd.testing.assert_series_equal(table["clv"], clv.customer_value(*models, sample, **TERMS))
    pd.testing.assert_series_equal(
        table["p_purchase"], purchases.p_purchase(models[0], sample, days=365)
    )


# Properties


@pytest.mark.parametrize("rate", [0.01, 0.10, 0.99])
@pytest.mark.parametrize("horizon_days", [1, 365, 3650])
@pytest.mark.parametrize(
    ("x", "recency", "age"), [(0, 0.0, 0.0), (2, 213.0, 272.0), (29, 260.0, 265.0)]
)
def test_value_is_the_sum_over_short_slices(models, x, recency, age, horizon_days, rate):
    customer = pd.DataFrame(
        {"frequency": [x], "recency": [recency], "T": [age], "monetary_value": [20.0 * (x > 0)]}
    )

    value = clv.customer_value(
        *models, customer, horizon_days=horizon_days, annual_discount_rate=rate, margin=1.0
    )

    slow = _slow_value(*models, customer, horizon_days=horizon_days, annual_discount_rate=rate)
    assert value.iloc[0] == pytest.approx(slow, rel=1e-6)


def test_a_higher_rate_and_a_shorter_horizon_are_worth_less(models, sample):
    value = clv.customer_value(*models, sample, **TERMS)

    assert (value < clv.customer_value(*models, sample, **TERMS | {"horizon_days": 366})).all()
    dearer = clv.customer_value(*models, sample, **TERMS | {"annual_discount_rate": 0.11})
    assert (value > dearer).all()


def test_a_hundredfold_amount_gives_a_hundredfold_value_and_the_same_chances(models, sample):
    cents = sample.assign(monetary_value=sample["monetary_value"] * 100)

    table = clv.score(models[0], spend.fit(cents), cents, **TERMS)

    before = clv.score(*models, sample, **TERMS)
    for column in ("expected_spend", "clv"):
        np.testing.assert_allclose(table[column], 100 * before[column], rtol=1e-9)
    for column in ("p_alive", "p_purchase", "expected_purchases"):
        pd.testing.assert_series_equal(table[column], before[column], check_exact=True)


def test_days_and_weeks_give_the_same_value_for_the_same_horizon(models, sample):
    weeks = sample.assign(recency=sample["recency"] / 7, T=sample["T"] / 7)
    weekly = purchases.fit(summary.profiles(weeks))

    # One year is 365 units here too: the rate that a unit costs must be the same.
    value = clv.customer_value(
        weekly,
        models[1],
        weeks,
        horizon_days=365 / 7,
        annual_discount_rate=1.01**7 - 1,
        margin=1.0,
    )

    expected = clv.customer_value(
        *models, sample, horizon_days=365, annual_discount_rate=0.01, margin=1.0
    )
    np.testing.assert_allclose(value, expected, rtol=1e-9)


def test_row_order_does_not_change_a_byte(models, sample):
    shuffled = clv.score(*models, sample.sample(frac=1, random_state=3), **TERMS).sort_index()

    pd.testing.assert_frame_equal(shuffled, clv.score(*models, sample, **TERMS), check_exact=True)


# Against an authority


def test_the_first_customer_of_cdnow_is_worth_36_28_and_not_140_10(models):
    # lifetimes' quick start prints 140.10 for its first customer: weeks read as days, and
    # months of 30 weeks. Twelve months at 1 % a month, discounted at each month's end: 36.28.
    purchase_model, spend_model = models
    customer = pd.DataFrame(
        {"frequency": [2], "recency": [7 * 30.43], "T": [7 * 38.86], "monetary_value": [22.35]}
    )
    month = 365 / 12

    cumulative = np.array(
        [
            purchases.expected_purchases(purchase_model, customer, days=month * n).iloc[0]
            for n in range(13)
        ]
    )
    monthly = (np.diff(cumulative) / 1.01 ** np.arange(1, 13)).sum()
    per_purchase = spend.expected_spend(spend_model, customer).iloc[0]
    value = clv.customer_value(
        *models, customer, horizon_days=365, annual_discount_rate=1.01**12 - 1, margin=1.0
    ).iloc[0]

    assert monthly * per_purchase == pytest.approx(36.28, abs=0.005)
    assert value == pytest.approx(36.28, rel=0.015)


# Messages


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon_days": 0}, "horizon_days=0 must be positive"),
        ({"horizon_days": math.inf}, "horizon_days=inf must be positive"),
        ({"annual_discount_rate": 10}, r"annual_discount_rate=10 .* write 0\.10 for 10 %"),
        ({"annual_discount_rate": -0.1}, "must be at least 0 and below 1"),
        ({"margin": 0}, "margin=0 must be above 0 and at most 1"),
        ({"margin": 30}, r"write 0\.30 for 30 %"),
        ({"margin": math.nan}, "margin=nan"),
    ],
)
def test_terms_out_of_range_are_refused_with_a_hint(models, sample, change, message):
    with pytest.raises(ValueError, match=message):
        clv.score(*models, sample, **TERMS | change)
