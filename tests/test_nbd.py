import dataclasses
import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END
from scipy.optimize import minimize
from scipy.stats import nbinom

from workbench import nbd, summary
from workbench.schema import DataError, NotIdentified, TooFewData

PARAMETERS = {"r": 0.4, "alpha": 80.0}


@pytest.fixture(scope="module")
def sample(sample_orders):
    return summary.summarise(sample_orders, as_of=CALIBRATION_END)


@pytest.fixture(scope="module")
def sample_profiles(sample):
    return summary.profiles(sample)


@pytest.fixture(scope="module")
def fitted(sample_profiles):
    return nbd.fit(sample_profiles)


def _model(r, alpha):
    return nbd.Nbd(r, alpha, (), 0.0, 0, 0, 1.0)


def _customer(x, recency, age):
    return pd.DataFrame({"frequency": [x], "recency": [float(recency)], "T": [float(age)]})


def _profiles(rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "customers"])


def _world(*, r, alpha, n_customers, days, seed):
    """Customers who never leave, all bought for the first time on one day."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(rng.gamma(r, 1 / alpha, n_customers) * days)
    recency = np.where(x > 0, days * rng.random(n_customers) ** (1 / np.maximum(x, 1)), 0.0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": float(days)})


# By hand


def test_the_likelihood_of_three_customers():
    # With r = 1 and alpha = 10: nothing in 10 days has 10/20, one purchase 10/20^2,
    # two 2 * 10/20^3, whenever they were.
    table = _profiles([(0, 0.0, 10.0, 1), (1, 5.0, 10.0, 2), (2, 9.0, 10.0, 1)])

    value = nbd.log_likelihood(table, r=1.0, alpha=10.0)

    by_hand = math.log(0.5) + 2 * math.log(10 / 400) + math.log(20 / 8000)
    assert value == pytest.approx(by_hand, rel=1e-14)


def test_predictions_for_one_customer():
    # r + x = 2 and alpha + T = 20: a rate of 0.1 a day; in 20 days a coin decides.
    model, customer = _model(1.0, 10.0), _customer(1, 5, 10)

    assert nbd.p_alive(model, customer).tolist() == [1.0]
    assert nbd.expected_purchases(model, customer, days=20).tolist() == pytest.approx([2.0])
    assert nbd.p_no_purchase(model, customer, days=20).tolist() == pytest.approx([0.25])
    counts = nbd.purchase_counts(model, customer, days=20, max_purchases=3)
    assert counts.columns.tolist() == [0, 1, 2, 3]
    assert counts.iloc[0].tolist() == pytest.approx([1 / 4, 1 / 4, 3 / 16, 5 / 16])


def test_a_new_customer_buys_at_the_mean_rate():
    expected = nbd.expected_repeat_purchases(_model(2.0, 10.0), np.array([0, 5, 20]))

    assert expected.tolist() == pytest.approx([0.0, 1.0, 4.0])


def test_nothing_happens_in_no_time(fitted, sample):
    counts = nbd.purchase_counts(fitted, sample, days=0, max_purchases=3)

    assert (counts[0] == 1).all()
    assert (counts[[1, 2, 3]] == 0).all(axis=None)
    assert (nbd.expected_purchases(fitted, sample, days=0) == 0).all()
    assert (nbd.p_no_purchase(fitted, sample, days=0) == 1).all()
    generator = np.random.default_rng(1)
    assert (nbd.simulate(fitted, sample, days=0, generator=generator) == 0).all()


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_probabilities_are_bounded_and_add_up(seed):
    rng = np.random.default_rng(seed)
    model = _model(*np.exp(rng.normal(0, 2, 2)) * (1, 30))
    customers = _world(r=0.5, alpha=20, n_customers=60, days=300, seed=seed)
    customers.index = rng.permutation(60) + 100
    before = customers.copy()
    days = float(np.exp(rng.normal(4, 2)))

    counts = nbd.purchase_counts(model, customers, days=days, max_purchases=7)
    silent = nbd.p_no_purchase(model, customers, days=days)
    expected = nbd.expected_purchases(model, customers, days=days)

    assert ((counts >= 0) & (counts <= 1)).all(axis=None)
    np.testing.assert_allclose(counts.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(counts[0], silent, rtol=1e-14)
    assert (1 - silent <= expected * (1 + 1e-12)).all()
    for values in (counts, silent, expected, nbd.p_alive(model, customers)):
        pd.testing.assert_index_equal(values.index, customers.index)
    pd.testing.assert_frame_equal(customers, before)


def test_counts_have_the_expected_mean(fitted, sample):
    counts = nbd.purchase_counts(fitted, sample, days=90, max_purchases=400)

    np.testing.assert_allclose(
        counts @ counts.columns.to_numpy(), nbd.expected_purchases(fitted, sample, days=90)
    )


def test_gradient_and_hessian_are_those_of_finite_differences(sample_profiles):
    exact = nbd.derivatives(sample_profiles, **PARAMETERS)

    for i, name in enumerate(PARAMETERS):
        step = 1e-5 * PARAMETERS[name]
        above, below = (
            nbd.derivatives(sample_profiles, **PARAMETERS | {name: PARAMETERS[name] + change})
            for change in (step, -step)
        )
        slope = (above.value - below.value) / (2 * step)
        assert exact.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-5)
        bend = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(exact.hessian[i], bend, rtol=1e-7, atol=1e-7)


def test_one_row_per_customer_gives_what_weighted_profiles_give(sample, fitted):
    one_each = sample[["frequency", "recency", "T"]].assign(customers=1)

    model = nbd.fit(one_each)

    assert (model.r, model.alpha) == pytest.approx((fitted.r, fitted.alpha), rel=1e-9)
    assert (model.n_customers, model.n_repeat) == (fitted.n_customers, fitted.n_repeat)


def test_days_and_weeks_give_the_same_values(sample, sample_profiles, fitted):
    weeks = {"recency": lambda t: t["recency"] / 7, "T": lambda t: t["T"] / 7}

    model = nbd.fit(sample_profiles.assign(**weeks))

    assert (model.r, model.alpha * 7) == pytest.approx((fitted.r, fitted.alpha), rel=1e-9)
    for function in (nbd.expected_purchases, nbd.p_no_purchase):
        np.testing.assert_allclose(
            function(model, sample.assign(**weeks), days=52),
            function(fitted, sample, days=364),
            rtol=1e-9,
        )


def test_the_order_of_customers_does_not_change_a_byte(sample, fitted):
    shuffled = sample.sample(frac=1, random_state=1)

    assert nbd.fit(summary.profiles(shuffled)) == fitted
    counts = nbd.purchase_counts(fitted, shuffled, days=90, max_purchases=3)
    pd.testing.assert_frame_equal(
        counts.sort_index(),
        nbd.purchase_counts(fitted, sample, days=90, max_purchases=3),
        check_exact=True,
    )


@pytest.mark.parametrize("start", [(-2.0, 0.5), (1.5, 2.0)])
def test_a_general_optimiser_finds_the_same_optimum(sample_profiles, fitted, start):
    def loss(logs):
        r, alpha = np.exp(logs)
        exact = nbd.derivatives(sample_profiles, r=r, alpha=100 * alpha)
        return -exact.value, -exact.gradient * (r, 100 * alpha)

    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6})

    r, alpha = np.exp(found.x) * (1, 100)
    assert (r, alpha) == pytest.approx((fitted.r, fitted.alpha), rel=1e-6)
    assert -found.fun == pytest.approx(fitted.log_likelihood, rel=1e-13)


def test_known_parameters_come_back():
    customers = _world(r=0.8, alpha=400.0, n_customers=50_000, days=900, seed=5)

    model = nbd.fit(customers.assign(customers=1))

    error = np.sqrt(np.diag(model.covariance))
    assert (np.abs(np.array([model.r, model.alpha]) - (0.8, 400.0)) < 3 * error).all()
    assert (error < (0.02, 10.0)).all()
    assert nbd.caution(model) == ""


def test_simulated_purchases_have_the_distribution_of_the_counts(fitted, sample):
    generator = np.random.default_rng(7)
    draws = [nbd.simulate(fitted, sample, days=273, generator=generator) for _ in range(400)]

    expected = nbd.expected_purchases(fitted, sample, days=273)
    totals = np.array([draw.sum() for draw in draws])
    assert totals.mean() == pytest.approx(expected.sum(), abs=4 * totals.std() / 20)
    counts = nbd.purchase_counts(fitted, sample, days=273, max_purchases=4)
    seen = np.bincount(np.minimum(np.concatenate(draws), 4)) / 400
    error = np.sqrt((counts * (1 - counts)).sum() / 400)
    assert (np.abs(seen - counts.sum()) < 4 * error).all()


def test_the_same_seed_gives_the_same_draws(fitted, sample):
    first, again, other = (
        nbd.simulate(fitted, sample, days=90, generator=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )

    assert (first == again).all()
    assert (first != other).any()


# Against an authority


def test_parameters_and_likelihood_are_those_of_the_reference(fitted, sample_profiles):
    n_purchases = (sample_profiles["frequency"] * sample_profiles["customers"]).sum()

    assert fitted.r == pytest.approx(0.3848, abs=5e-5)
    assert fitted.alpha / 7 == pytest.approx(12.072, abs=5e-4)
    in_weeks = fitted.log_likelihood + n_purchases * math.log(7)
    # The reference stopped 9e-5 below the maximum, which rounds to -9763.6576.
    assert in_weeks == pytest.approx(-9763.6577, abs=1e-4)
    assert in_weeks > -9763.6577
    assert (fitted.name, fitted.n_customers, fitted.n_repeat) == ("nbd", 2357, 946)
    assert nbd.caution(fitted) == ""


def test_without_dropout_the_holdout_is_overstated(fitted, sample_orders):
    split = summary.split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)

    expected = nbd.expected_purchases(fitted, split.calibration, days=HOLDOUT_DAYS)

    assert expected.sum() > 1.3 * split.holdout["purchases"].sum()


def test_counts_are_those_of_scipy():
    model = _model(0.37, 84.5)
    customers = pd.concat([_customer(x, x > 0, 300) for x in (0, 1, 30, 10_000)])

    counts = nbd.purchase_counts(model, customers, days=60, max_purchases=40)

    shape, p = model.r + customers["frequency"].to_numpy()[:, None], 384.5 / 444.5
    k = np.arange(40)
    np.testing.assert_allclose(counts.iloc[:, :40], nbinom.pmf(k, shape, p), rtol=1e-9)
    np.testing.assert_allclose(counts[40], nbinom.sf(39, shape[:, 0], p), rtol=1e-9)


@pytest.mark.parametrize("r", [1e-3, 0.38, 1.0, 900.0])
@pytest.mark.parametrize(("x", "age"), [(0, 0.0), (1, 1e-3), (30, 730.0), (10_000, 1e6)])
@pytest.mark.parametrize("days", [1e-3, 90.0, 1e6])
def test_counts_are_mixed_poisson_counts_to_50_digits(r, x, age, days):
    model, customer = _model(r, 31.0), _customer(x, age if x else 0, age)

    counts = nbd.purchase_counts(model, customer, days=days, max_purchases=3).iloc[0]
    silent = nbd.p_no_purchase(model, customer, days=days).iloc[0]

    with mpmath.workdps(50):
        shape, clock = mpmath.mpf(r) + x, 31 + mpmath.mpf(age)
        bought = days / (clock + days)
        truth = [
            mpmath.binomial(shape + k - 1, k) * (1 - bought) ** shape * bought**k for k in range(3)
        ]
        truth.append(mpmath.betainc(3, shape, 0, bought, regularized=True))
        for found, exact in zip([silent, *counts], [truth[0], *truth], strict=True):
            # Below the least float both are nothing.
            assert found == pytest.approx(float(exact), rel=1e-8, abs=1e-300)


# Messages


def test_nobody_who_repeats_is_too_few_data_with_both_numbers():
    table = _profiles([(0, 0.0, 100.0, 500), (1, 10.0, 100.0, 3)])

    with pytest.raises(TooFewData, match=r"NBD needs 20 .* 3 of 503 have one") as info:
        nbd.fit(table)

    assert (info.value.have, info.value.need) == (3, 20)


def test_customers_who_all_buy_at_one_rate_have_no_optimum_but_a_rate():
    alike = _profiles([(1, 90.0, 100.0, 50), (2, 90.0, 100.0, 900), (3, 90.0, 100.0, 50)])

    with pytest.raises(NotIdentified, match=r"on 1000 customers, 1000 of them .* = 0\.14 a week"):
        nbd.fit(alike)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, ""), ({"r": 2000.0, "alpha": 1e6}, "flat_ridge"), ({"condition": 2e5}, "flat_ridge")],
)
def test_a_doubtful_optimum_has_a_word_for_it(fitted, changes, code):
    assert nbd.caution(dataclasses.replace(fitted, **changes)) == code


def test_bad_arguments_are_refused(fitted, sample, sample_profiles):
    with pytest.raises(ValueError, match="days=-1 must be a length of at least 0 days"):
        nbd.expected_purchases(fitted, sample, days=-1)
    with pytest.raises(ValueError, match="days=inf"):
        nbd.p_no_purchase(fitted, sample, days=math.inf)
    with pytest.raises(ValueError, match="max_purchases=0 must be at least 1"):
        nbd.purchase_counts(fitted, sample, days=1, max_purchases=0)
    with pytest.raises(ValueError, match="the least is -2"):
        nbd.expected_repeat_purchases(fitted, np.array([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"r=1\.0, alpha=0\.0 must all be positive"):
        nbd.log_likelihood(sample_profiles, r=1.0, alpha=0.0)
    with pytest.raises(DataError, match="1 of 1 rows break"):
        nbd.p_alive(fitted, _customer(1, 20, 10))


def test_the_parameter_table_has_weeks_and_days(fitted):
    table = nbd.parameter_table(fitted).set_index(["parameter", "unit"])

    assert list(table.index) == [("r", "1"), ("alpha", "weeks"), ("alpha", "days")]
    ratio = table.loc[("alpha", "days")] / table.loc[("alpha", "weeks")]
    assert ratio.tolist() == pytest.approx([7] * 4)
