import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END

from workbench import clv, mbg_nbd, pareto_nbd, predictive, purchase_models, spend, summary
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchases import BgNbd
from workbench.schema import DataError

TERMS = {"horizon_days": 365, "annual_discount_rate": 0.10, "margin": 1.0}
NAMES = list(purchase_models.MODELS)
REST = {
    "covariance": (),
    "log_likelihood": 0.0,
    "n_customers": 0,
    "n_repeat": 0,
    "condition": 1.0,
}


@pytest.fixture(scope="module")
def sample(sample_orders):
    return summary.summarise(sample_orders, as_of=CALIBRATION_END)


@pytest.fixture(scope="module")
def models(sample):
    return purchase_models.fit_all(summary.profiles(sample))


@pytest.fixture(scope="module")
def spend_model(sample):
    return spend.fit(sample)


@pytest.fixture(scope="module")
def money(spend_model, sample):
    return spend.expected_spend(spend_model, sample)


def _customer(x, recency, age):
    return pd.DataFrame({"frequency": [x], "recency": [float(recency)], "T": [float(age)]})


# By hand


@pytest.mark.parametrize("name", NAMES)
def test_without_discount_value_is_purchases_times_spend_times_margin(name, models, sample, money):
    value = clv.customer_value(
        models[name],
        sample,
        expected_spend=money,
        horizon_days=90,
        annual_discount_rate=0.0,
        margin=0.4,
    )

    expected = purchase_models.expected_purchases(models[name], sample, days=90)
    np.testing.assert_allclose(value, 0.4 * expected * money, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_scores_holds_what_each_function_gives(name, models, sample, money):
    terms = TERMS | {"margin": 0.25, "expected_spend": money}

    table = clv.score(models[name], sample, **terms)

    assert list(table.columns) == [
        "p_alive", "p_purchase", "expected_purchases", "expected_spend", "clv_revenue", "clv",
    ]  # fmt: skip
    pd.testing.assert_index_equal(table.index, sample.index)
    value = clv.customer_value(models[name], sample, **terms)
    pd.testing.assert_series_equal(table["clv"], value, rtol=1e-14)
    pd.testing.assert_series_equal(table["expected_spend"], money)
    for question, ask in (
        ("p_alive", purchase_models.p_alive(models[name], sample)),
        ("p_purchase", 1 - purchase_models.p_no_purchase(models[name], sample, days=365)),
        ("expected_purchases", purchase_models.expected_purchases(models[name], sample, days=365)),
    ):
        np.testing.assert_allclose(table[question], ask, rtol=1e-9, atol=1e-14)


def test_revenue_stands_beside_what_is_left_of_it(models, sample, money):
    table = clv.score(models["bg_nbd"], sample, expected_spend=money, **TERMS | {"margin": 0.25})

    revenue = clv.customer_value(models["bg_nbd"], sample, expected_spend=money, **TERMS)
    np.testing.assert_allclose(table["clv_revenue"], revenue, rtol=1e-14)
    np.testing.assert_allclose(table["clv"], revenue / 4, rtol=1e-14)


def test_who_never_leaves_buys_for_ever_at_one_rate():
    # r + x = 3 purchases in alpha + T = 30 days; 10 % a year is ln(1.1) / 365 a day.
    model, delta = Nbd(r=1.0, alpha=10.0, **REST), math.log(1.1) / 365
    customer = _customer(2, 9, 20)

    year = clv.discounted_purchases(
        model, customer, horizon_days=365, annual_discount_rate=0.1
    ).iloc[0]
    for_ever = clv.residual_purchases(model, customer, annual_discount_rate=0.1).iloc[0]

    assert year == pytest.approx(3 / 30 * (1 - 1 / 1.1) / delta, rel=1e-14)
    assert for_ever == pytest.approx(3 / 30 / delta, rel=1e-14)


def test_residual_value_is_residual_purchases_times_spend_times_margin(models, sample, money):
    value = clv.residual_value(
        models["bg_nbd"], sample, expected_spend=money, annual_discount_rate=0.1, margin=0.5
    )

    count = clv.residual_purchases(models["bg_nbd"], sample, annual_discount_rate=0.1)
    assert value.name == "residual_value"
    np.testing.assert_allclose(value, count * money / 2, rtol=1e-14)


def test_parameters_of_several_fits_stand_below_each_other(models, spend_model):
    day, later = pd.Timestamp("1997-09-30"), pd.Timestamp("1998-06-30")
    of_purchases = purchase_models.parameter_table(models["nbd"])
    of_spend = spend.parameter_table(spend_model)

    table = clv.parameter_table(
        {day: {"NBD": of_purchases, "Gamma-Gamma": of_spend}, later: {"NBD": of_purchases}}
    )

    assert len(table) == 9
    assert table["fitted_to"].tolist() == [day] * 6 + [later] * 3
    assert table["model"].tolist() == ["NBD"] * 3 + ["Gamma-Gamma"] * 3 + ["NBD"] * 3
    pd.testing.assert_frame_equal(table.loc[:2, of_purchases.columns], of_purchases)


# Properties


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("horizon_days", "rate"), [(1, 0.99), (365, 0.10), (1500, 0.5)])
def test_discounted_purchases_are_those_of_short_slices(name, models, sample, horizon_days, rate):
    customers = pd.concat([sample.iloc[::200], _customer(0, 0, 0), _customer(29, 260, 265)])
    edges = np.linspace(0, horizon_days, 401)

    found = clv.discounted_purchases(
        models[name], customers, horizon_days=horizon_days, annual_discount_rate=rate
    )

    until = [purchase_models.expected_purchases(models[name], customers, days=t) for t in edges]
    middles = (edges[1:] + edges[:-1]) / 2
    slices = np.diff(np.array(until), axis=0) * (1 + rate) ** (-middles[:, None] / 365)
    np.testing.assert_allclose(found, slices.sum(axis=0), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_higher_rate_and_a_shorter_horizon_are_worth_less(name, models, sample, money):
    def value(**changes):
        return clv.customer_value(models[name], sample, expected_spend=money, **TERMS | changes)

    assert (value() < value(horizon_days=366)).all()
    assert (value() > value(annual_discount_rate=0.11)).all()
    residual = clv.residual_value(
        models[name], sample, expected_spend=money, annual_discount_rate=0.10, margin=1.0
    )
    assert (value(horizon_days=36_500) < residual).all()


@pytest.mark.parametrize("name", NAMES)
def test_any_horizon_has_a_value(name, models, sample):
    def discounted(days):
        return clv.discounted_purchases(
            models[name], sample, horizon_days=days, annual_discount_rate=0.10
        )

    tiny = purchase_models.expected_purchases(models[name], sample, days=1e-6)
    np.testing.assert_allclose(discounted(1e-6), tiny, rtol=1e-9)
    assert (discounted(1e-300) > 0).any()
    residual = clv.residual_purchases(models[name], sample, annual_discount_rate=0.10)
    np.testing.assert_allclose(discounted(1e9), residual, rtol=1e-10)
    assert np.isfinite(residual).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_hundredfold_amount_gives_a_hundredfold_value_and_the_same_chances(
    name, models, sample, money
):
    cents = sample.assign(monetary_value=sample["monetary_value"] * 100)

    in_cents = spend.expected_spend(spend.fit(cents), cents)
    model = purchase_models.fit(name, summary.profiles(cents))
    table = clv.score(model, cents, expected_spend=in_cents, **TERMS)

    before = clv.score(models[name], sample, expected_spend=money, **TERMS)
    for column in ("expected_spend", "clv_revenue", "clv"):
        np.testing.assert_allclose(table[column], 100 * before[column], rtol=1e-9)
    for column in ("p_alive", "p_purchase", "expected_purchases"):
        pd.testing.assert_series_equal(table[column], before[column], check_exact=True)


@pytest.mark.parametrize("name", NAMES)
def test_days_and_weeks_give_the_same_values_for_the_same_horizon(name, models, sample, money):
    weeks = sample.assign(recency=sample["recency"] / 7, T=sample["T"] / 7)
    weekly = purchase_models.fit(name, summary.profiles(weeks))

    # One year is 365 units here too: the rate that a unit costs must be the same.
    found = clv.score(
        weekly,
        weeks,
        expected_spend=money,
        horizon_days=365 / 7,
        annual_discount_rate=1.01**7 - 1,
        margin=1.0,
    )

    expected = clv.score(
        models[name],
        sample,
        expected_spend=money,
        horizon_days=365,
        annual_discount_rate=0.01,
        margin=1.0,
    )
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_row_order_does_not_change_a_byte(name, models, sample, money):
    shuffled = sample.sample(frac=1, random_state=3)
    table = clv.score(
        models[name], shuffled, expected_spend=money.loc[shuffled.index], **TERMS
    ).sort_index()

    expected = clv.score(models[name], sample, expected_spend=money, **TERMS)
    pd.testing.assert_frame_equal(table, expected, check_exact=True)


@pytest.mark.parametrize(("most", "scale"), [(9, 1.0), (9, 0.1), (9, 1e7), (50_000, 100.0)])
def test_pairs_are_those_of_a_loop(most, scale):
    # Whole numbers of days, fractions of days, and more possible pairs than places.
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"frequency": rng.integers(0, most, 500), "T": scale * rng.integers(0, 40, 500)}
    )

    pairs = predictive.pairs(table)

    rows = list(zip(table["frequency"], table["T"], strict=True))
    assert list(zip(pairs.x, pairs.age, strict=True)) == sorted(set(rows))
    assert list(zip(pairs.x[pairs.code], pairs.age[pairs.code], strict=True)) == rows


# Against an authority

BETA_GEOMETRIC = [
    # r, alpha, a, b: CDNOW, a of one, hardly anyone leaves, nearly all leave, all alike, U-shaped.
    (0.243, 30.9, 0.793, 2.426),
    (0.25, 31.0, 1.0, 2.5),
    (0.5, 10.0, 1e-4, 1.0),
    (0.6, 40.0, 9.0, 0.4),
    (4.0, 200.0, 12.0, 48.0),
    (0.25, 4.5, 0.2, 0.3),
]
CUSTOMERS = [(0, 0.0, 0.0), (2, 213.0, 272.0), (29, 260.0, 265.0), (7, 1.0, 1.0)]


def _sum_of_all_days(intensity, *, rate, days, knees, maxdegree=None):
    """Integrate a discounted intensity over a horizon, panel by panel."""
    delta = mpmath.log(1 + mpmath.mpf(rate)) / 365
    end = min(mpmath.mpf(days), 60 / delta)
    edges = [0, *(t for t in sorted(knees) if t < end), end]
    discounted = lambda t: mpmath.exp(-delta * t) * intensity(t)  # noqa: E731
    return mpmath.quad(discounted, edges, method="gauss-legendre", maxdegree=maxdegree)


@pytest.mark.parametrize(("days", "rate"), [(365, 0.10), (math.inf, 0.10)])
@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
@pytest.mark.parametrize("parameters", BETA_GEOMETRIC)
def test_discounted_purchases_are_the_defining_integral(parameters, kind, days, rate):
    # Who buys at rate l and leaves with p after each purchase still buys on day t at the rate
    # l exp(-l p t); its mean over Gamma and Beta is
    # (r+x)/(alpha+T) 2F1(r+x+1, a; a+b+x; -t/(alpha+T)).
    model = kind(*parameters, **REST)
    r, alpha, a, b = (mpmath.mpf(value) for value in parameters)
    customers = pd.concat([_customer(*customer) for customer in CUSTOMERS], ignore_index=True)

    if days == math.inf:
        found = clv.residual_purchases(model, customers, annual_discount_rate=rate)
    else:
        found = clv.discounted_purchases(
            model, customers, horizon_days=days, annual_discount_rate=rate
        )

    found = found / purchase_models.p_alive(model, customers)
    first_chances = mbg_nbd.FIRST_CHANCES if kind is MbgNbd else 0
    for (x, _, age), value in zip(CUSTOMERS, found, strict=True):
        u, clock = r + x, alpha + age

        def intensity(t, u=u, clock=clock, b_left=b + x + first_chances):
            return u / clock * mpmath.hyp2f1(u + 1, a, a + b_left, -t / clock)

        knees = [clock * mpmath.mpf(10) ** (power / 2) for power in range(-4, 12)]
        # Twelve nodes in each half of a decade: within 2e-13 of what more of them give.
        truth = _sum_of_all_days(intensity, rate=rate, days=days, knees=knees, maxdegree=3)
        assert value == pytest.approx(float(truth), rel=1e-9)


@pytest.mark.parametrize(("days", "rate"), [(1, 0.99), (365, 0.10), (36_500, 0.01)])
@pytest.mark.parametrize(
    "parameters",
    [
        (0.55, 74.0, 0.61, 82.0),
        (0.5, 10.0, 1.0, 11.0),
        (0.5, 10.0, 1e-4, 1e-2),
        (2.0, 9.0, 800.0, 9e4),
    ],
)
def test_discounted_purchases_of_pareto_nbd_are_the_defining_integral(parameters, days, rate):
    model = ParetoNbd(*parameters, **REST)
    r, alpha, s, beta = (mpmath.mpf(value) for value in parameters)
    customers = pd.concat([_customer(*customer) for customer in CUSTOMERS], ignore_index=True)

    found = clv.discounted_purchases(model, customers, horizon_days=days, annual_discount_rate=rate)

    found = found / purchase_models.p_alive(model, customers)
    for (x, _, age), value in zip(CUSTOMERS, found, strict=True):
        truth = (
            (r + x)
            / (alpha + age)
            * _sum_of_all_days(
                lambda t, age=age: (1 + t / (beta + age)) ** -s,
                rate=rate,
                days=days,
                knees=[(beta + age) * mpmath.mpf(10) ** power for power in range(-4, 7)],
            )
        )
        assert value == pytest.approx(float(truth), rel=1e-11)


@pytest.mark.parametrize("rate", [1e-6, 0.01, 0.10, 0.99])
@pytest.mark.parametrize("s", [1e-3, 0.6, 1.0, 1.7, 40.0, 2e4])
def test_residual_purchases_of_pareto_nbd_are_those_of_the_closed_form(s, rate, sample):
    model = ParetoNbd(r=0.55, alpha=74.0, s=s, beta=82.0, **REST)

    found = clv.residual_purchases(model, sample, annual_discount_rate=rate)

    closed = pareto_nbd.dert(model, sample, annual_discount_rate=rate)
    np.testing.assert_allclose(found, closed, rtol=1e-10)


def test_the_first_customer_of_cdnow_is_worth_36_28_and_not_140_10(models, spend_model):
    # lifetimes' quick start prints 140.10 for its first customer: weeks read as days, and
    # months of 30 weeks. Twelve months at 1 % a month, discounted at each month's end: 36.28.
    model = models["bg_nbd"]
    customer = _customer(2, 7 * 30.43, 7 * 38.86).assign(monetary_value=22.35)
    per_purchase = spend.expected_spend(spend_model, customer)
    month = 365 / 12

    cumulative = np.array(
        [
            purchase_models.expected_purchases(model, customer, days=month * n).iloc[0]
            for n in range(13)
        ]
    )
    monthly = (np.diff(cumulative) / 1.01 ** np.arange(1, 13)).sum()
    value = clv.customer_value(
        model,
        customer,
        expected_spend=per_purchase,
        horizon_days=365,
        annual_discount_rate=1.01**12 - 1,
        margin=1.0,
    ).iloc[0]

    assert monthly * per_purchase.iloc[0] == pytest.approx(36.28, abs=0.005)
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
@pytest.mark.parametrize("ask", [clv.score, clv.customer_value])
def test_terms_out_of_range_are_refused_with_a_hint(ask, models, sample, money, change, message):
    with pytest.raises(ValueError, match=message):
        ask(models["bg_nbd"], sample, expected_spend=money, **TERMS | change)


@pytest.mark.parametrize("name", NAMES)
def test_all_days_to_come_without_discount_are_refused(name, models, sample):
    with pytest.raises(ValueError, match=r"=0 without a horizon: .* infinity under NBD"):
        clv.residual_purchases(models[name], sample, annual_discount_rate=0)


def test_spend_of_other_customers_or_none_is_refused(models, sample, money):
    def value(expected_spend):
        clv.score(models["bg_nbd"], sample, expected_spend=expected_spend, **TERMS)

    with pytest.raises(DataError, match="2356 rows that are not indexed like the 2357"):
        value(money.iloc[1:])
    with pytest.raises(DataError, match="1 of 2357 values of expected_spend are negative"):
        value(money.where(money.index != money.index[5]))
    with pytest.raises(DataError, match="2357 of 2357"):
        value(-money)
