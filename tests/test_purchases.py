import dataclasses
import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, logsumexp

from workbench import purchases, schema, summary, synthetic
from workbench.schema import DataError, NotIdentified, TooFewData

PARAMETERS = {"r": 0.25, "alpha": 31.0, "a": 0.8, "b": 2.4}


@pytest.fixture(scope="module")
def sample_split(sample_orders):
    return summary.split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)


@pytest.fixture(scope="module")
def sample(sample_split):
    return sample_split.calibration


@pytest.fixture(scope="module")
def sample_profiles(sample):
    return summary.profiles(sample)


@pytest.fixture(scope="module")
def fitted(sample_profiles):
    return purchases.fit(sample_profiles)


def _model(r, alpha, a, b):
    return purchases.BgNbd(r, alpha, a, b, (), 0.0, 0, 0, 1.0)


def _customer(x, recency, age):
    return pd.DataFrame({"frequency": [x], "recency": [float(recency)], "T": [float(age)]})


def _profiles(rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "customers"])


def _in_weeks(model, table):
    """Log-likelihood with time in weeks, as the literature prints it."""
    n_purchases = (table["frequency"] * table["customers"]).sum()
    return model.log_likelihood + n_purchases * math.log(7)


# By hand


def test_the_likelihood_of_three_customers_is_that_of_equation_6():
    # With r = a = b = 1 and alpha = 10. No repeat purchase in 10 days: 10/20.
    # One, after 5 days: (10/20^2 + 10/15^2) / 2. Two, with the last on day 10:
    # 2 * 10 * (1/3) * (1/20^3 + (1/2) / 20^3).
    table = _profiles([(0, 0.0, 10.0, 1), (1, 5.0, 10.0, 2), (2, 10.0, 10.0, 1)])

    value = purchases.log_likelihood(table, r=1.0, alpha=10.0, a=1.0, b=1.0)

    one = (10 / 20**2 + 10 / 15**2) / 2
    two = 20 / 3 * 1.5 / 20**3
    assert value == pytest.approx(math.log(0.5) + 2 * math.log(one) + math.log(two), rel=1e-13)


def test_p_alive_of_one_repeat_buyer():
    # x = 1, a = b = 1, r = 1, alpha = 10, t_x = 5, T = 10: odds (1/1) (20/15)^2.
    model = _model(1.0, 10.0, 1.0, 1.0)

    assert purchases.p_alive(model, _customer(1, 5, 10)).iloc[0] == pytest.approx(9 / 25)


def test_everyone_without_a_repeat_purchase_counts_as_alive(fitted, sample):
    alive = purchases.p_alive(fitted, sample)

    assert (alive[sample["frequency"] == 0] == 1).all()
    assert (alive[sample["frequency"] > 0] < 1).all()


def test_p_purchase_of_a_new_customer_is_that_of_nbd():
    model = _model(2.0, 10.0, 0.8, 2.4)

    chance = purchases.p_purchase(model, _customer(0, 0, 10), days=20)

    assert chance.iloc[0] == pytest.approx(1 - (20 / 40) ** 2)


def test_a_new_customers_counts_are_those_of_equation_8():
    # With r = a = b = 1, alpha = 10 and 10 days each opportunity comes with chance 1/2, and half
    # stay after the first, 1/3 after two. One purchase: 1/2 1/4 + 1/2 1/2; two: 1/3 1/8 + 1/6 1/4.
    model = _model(1.0, 10.0, 1.0, 1.0)

    counts = purchases.purchase_counts(model, _customer(0, 0, 0), days=10, max_purchases=3)

    assert counts.columns.tolist() == [0, 1, 2, 3]
    assert counts.iloc[0].tolist() == pytest.approx([1 / 2, 3 / 8, 1 / 12, 1 / 24], rel=1e-14)


def test_no_purchase_is_having_left_or_staying_away():
    # P(alive) is 9/25, and someone alive stays away with (20/40)^2.
    model = _model(1.0, 10.0, 1.0, 1.0)

    silent = purchases.p_no_purchase(model, _customer(1, 5, 10), days=20)

    assert silent.name == "p_no_purchase"
    assert silent.iloc[0] == pytest.approx(16 / 25 + 9 / 25 / 4, rel=1e-14)


def test_who_surely_left_after_the_first_purchase_draws_at_most_one():
    model = _model(5.0, 1.0, 1e9, 1e-9)
    customers = pd.concat([_customer(0, 0, 1)] * 200, ignore_index=True)

    drawn = purchases.simulate(model, customers, days=50, generator=np.random.default_rng(1))

    assert set(drawn) == {1}


def test_nothing_is_expected_in_no_time(fitted, sample):
    for values in (
        purchases.expected_purchases(fitted, sample, days=0),
        purchases.p_purchase(fitted, sample, days=0),
        purchases.expected_repeat_purchases(fitted, np.array([0.0])),
    ):
        assert (np.asarray(values) == 0).all()
        assert not np.signbit(np.asarray(values)).any()


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_predictions_stay_in_their_bounds_and_keep_the_index(seed):
    rng = np.random.default_rng(seed)
    model = _model(*np.exp(rng.normal(0, 2, 4)) * (1, 30, 1, 1))
    customers = synthetic.purchase_summary(
        r=0.5, alpha_days=30, a=0.8, b=2.4, n_customers=60, acquisition_days=30, n_days=300,
        seed=seed,
    ).sample(frac=1, random_state=seed)  # fmt: skip
    before = customers.copy()

    expected = purchases.expected_purchases(model, customers, days=90)
    longer = purchases.expected_purchases(model, customers, days=180)
    chance = purchases.p_purchase(model, customers, days=90)
    alive = purchases.p_alive(model, customers)

    for values in (expected, chance, alive):
        pd.testing.assert_index_equal(values.index, customers.index)
        assert values.notna().all()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (chance <= alive).all()
    assert (chance <= expected * (1 + 1e-12)).all()
    assert (expected <= longer).all()
    pd.testing.assert_frame_equal(customers, before)


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_a_distribution_with_the_expected_mean(seed):
    rng = np.random.default_rng(seed)
    model = _model(*np.exp(rng.normal(0, 1, 4)) * (1, 30, 1, 1))
    customers = synthetic.purchase_summary(
        r=0.5, alpha_days=30, a=0.8, b=2.4, n_customers=60, acquisition_days=30, n_days=300,
        seed=seed,
    ).sample(frac=1, random_state=seed)  # fmt: skip

    many = purchases.purchase_counts(model, customers, days=20, max_purchases=3000)
    few = purchases.purchase_counts(model, customers, days=20, max_purchases=4)

    pd.testing.assert_index_equal(many.index, customers.index)
    assert (many >= 0).all(axis=None)
    np.testing.assert_allclose(many.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(few[4], many.loc[:, 4:].sum(axis=1), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(few.loc[:, :3], many.loc[:, :3], rtol=1e-11, atol=1e-15)
    silent = purchases.p_no_purchase(model, customers, days=20)
    np.testing.assert_allclose(many[0], silent, rtol=1e-12)
    bought = purchases.p_purchase(model, customers, days=20)
    np.testing.assert_allclose(1 - silent, bought, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        many @ many.columns.to_numpy(float),
        purchases.expected_purchases(model, customers, days=20),
        rtol=1e-9,
    )


def test_simulated_purchases_are_those_that_the_counts_promise(fitted, sample):
    customers = sample.iloc[::10]
    rng = np.random.default_rng(5)

    drawn = np.array(
        [purchases.simulate(fitted, customers, days=273, generator=rng) for _ in range(400)]
    )

    counts = purchases.purchase_counts(fitted, customers, days=273, max_purchases=8)
    for n in range(8):
        promised = counts[n].to_numpy()
        error = np.sqrt((promised * (1 - promised)).sum() / 400)
        assert (drawn == n).mean(axis=0).sum() == pytest.approx(promised.sum(), abs=4 * error), n
    expected = purchases.expected_purchases(fitted, customers, days=273)
    error = drawn.sum(axis=1).std() / math.sqrt(400)
    assert drawn.sum(axis=1).mean() == pytest.approx(expected.sum(), abs=4 * error)


def test_the_same_generator_draws_the_same_purchases(fitted, sample):
    first, again, other = (
        purchases.simulate(fitted, sample, days=90, generator=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )

    assert (first == again).all()
    assert (first != other).any()
    assert first.dtype == np.int64


def test_a_fit_from_a_near_start_finds_the_same_optimum(fitted, sample_profiles):
    start = (fitted.r * 1.1, fitted.alpha * 0.9, fitted.a * 1.2, fitted.b)

    warm = purchases.fit(sample_profiles, start=start)

    for name in purchases.PARAMETERS:
        assert getattr(warm, name) == pytest.approx(getattr(fitted, name), rel=1e-9)
    np.testing.assert_allclose(warm.covariance, fitted.covariance, rtol=1e-6)


def test_gradient_and_hessian_are_those_of_finite_differences(sample_profiles):
    exact = purchases.derivatives(sample_profiles, **PARAMETERS)

    for i, name in enumerate(PARAMETERS):
        step = 1e-5 * PARAMETERS[name]
        above = purchases.derivatives(
            sample_profiles, **PARAMETERS | {name: PARAMETERS[name] + step}
        )
        below = purchases.derivatives(
            sample_profiles, **PARAMETERS | {name: PARAMETERS[name] - step}
        )
        slope = (above.value - below.value) / (2 * step)
        assert exact.gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)
        bend = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(exact.hessian[i], bend, rtol=1e-6, atol=1e-6)


def test_one_row_per_customer_gives_what_weighted_profiles_give(sample, fitted):
    one_each = sample[["frequency", "recency", "T"]].assign(customers=1)

    model = purchases.fit(one_each)

    for name in purchases.PARAMETERS:
        assert getattr(model, name) == pytest.approx(getattr(fitted, name), rel=1e-9)
    assert (model.n_customers, model.n_repeat) == (fitted.n_customers, fitted.n_repeat)


def test_days_and_weeks_give_the_same_values(sample, sample_profiles, fitted):
    weeks = {"recency": lambda t: t["recency"] / 7, "T": lambda t: t["T"] / 7}

    model = purchases.fit(sample_profiles.assign(**weeks))

    assert model.alpha * 7 == pytest.approx(fitted.alpha, rel=1e-9)
    assert (model.r, model.a, model.b) == pytest.approx((fitted.r, fitted.a, fitted.b), rel=1e-9)
    for function in (purchases.expected_purchases, purchases.p_purchase):
        np.testing.assert_allclose(
            function(model, sample.assign(**weeks), days=52),
            function(fitted, sample, days=364),
            rtol=1e-9,
        )


def test_the_order_of_customers_does_not_change_a_byte(sample, fitted):
    shuffled = sample.sample(frac=1, random_state=1)

    assert purchases.fit(summary.profiles(shuffled)) == fitted
    expected = purchases.expected_purchases(fitted, shuffled, days=90)
    pd.testing.assert_series_equal(
        expected.sort_index(),
        purchases.expected_purchases(fitted, sample, days=90),
        check_exact=True,
    )


def test_many_profiles_are_fitted_as_exactly_from_their_pilot():
    customers = synthetic.purchase_summary(
        r=0.243, alpha_days=31, a=0.793, b=2.426, n_customers=20_000, acquisition_days=365,
        n_days=730, seed=2,
    )  # fmt: skip
    table = summary.profiles(customers)
    assert len(table) > 4 * purchases.PILOT_PROFILES

    model = purchases.fit(table)

    found = {name: getattr(model, name) for name in purchases.PARAMETERS}
    exact = purchases.derivatives(table, **found)
    assert exact.value == pytest.approx(model.log_likelihood, rel=1e-13)
    scaled = exact.gradient * list(found.values())
    assert np.abs(scaled).max() < 1e-6


def test_known_parameters_come_back():
    # Slow buyers, so that few orders fall on one day and the days' grain does no harm.
    world = {"r": 0.8, "alpha_days": 400.0, "a": 0.8, "b": 2.4}
    customers = synthetic.purchase_summary(
        **world, n_customers=100_000, acquisition_days=365, n_days=1825, seed=11
    )

    model = purchases.fit(summary.profiles(customers))

    found = np.array([model.r, model.alpha, model.a, model.b])
    errors = np.sqrt(np.diag(model.covariance))
    truth = np.array(list(world.values()))
    assert (np.abs(found - truth) < 3 * errors + 0.01 * truth).all()
    assert (errors < 0.05 * truth).all()
    assert purchases.caution(model) == ""


def test_probabilities_and_counts_hold_in_a_simulated_future():
    world = {"r": 0.8, "alpha_days": 200.0, "a": 0.8, "b": 2.4}
    orders = synthetic.purchases(
        **world, p=6.0, q=4.0, v=15.0, n_customers=40_000, start=pd.Timestamp("2022-01-01"),
        acquisition_days=300, end=pd.Timestamp("2023-12-31"), seed=3,
    )  # fmt: skip
    split = summary.split(orders, as_of=pd.Timestamp("2023-12-31"), holdout_days=180)
    model = _model(*world.values())

    chance = purchases.p_purchase(model, split.calibration, days=180)
    expected = purchases.expected_purchases(model, split.calibration, days=180)
    bought = (split.holdout["purchases"] > 0).groupby(pd.qcut(chance, 8, duplicates="drop"))
    predicted = chance.groupby(pd.qcut(chance, 8, duplicates="drop"))

    error = np.sqrt(predicted.mean() * (1 - predicted.mean()) / predicted.size())
    assert len(error) == 8
    assert ((bought.mean() - predicted.mean()).abs() < 4 * error + 0.002).all()
    assert split.holdout["purchases"].sum() == pytest.approx(expected.sum(), rel=0.02)


# Against an authority


def test_parameters_are_those_of_fader_hardie_lee_2005(fitted, sample_profiles):
    assert fitted.r == pytest.approx(0.2426, abs=5e-5)
    assert fitted.alpha / 7 == pytest.approx(4.4136, abs=5e-5)
    assert fitted.a == pytest.approx(0.7929, abs=5e-5)
    assert fitted.b == pytest.approx(2.4259, abs=5e-5)
    assert _in_weeks(fitted, sample_profiles) == pytest.approx(-9582.4292, abs=5e-5)
    assert (fitted.n_customers, fitted.n_repeat) == (2357, 946)
    assert purchases.caution(fitted) == ""


def test_a_simplex_on_the_printed_equation_finds_the_same_optimum(fitted, sample_profiles):
    x, recency, age, weight = (
        sample_profiles[name].to_numpy(float) for name in ("frequency", "recency", "T", "customers")
    )

    def loss(logs):
        r, alpha, a, b = np.exp(logs)
        alive = betaln(a, b + x) - (r + x) * np.log(alpha + age)
        left = betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
        left = np.where(x > 0, left, -np.inf)
        rest = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        return -weight @ (rest + logsumexp([alive, left], axis=0))

    for start in ((1.0, 100.0, 1.0, 1.0), (0.1, 10.0, 3.0, 5.0)):
        found = minimize(
            loss,
            np.log(start),
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 0, "maxiter": 900, "maxfev": 2000},
        )
        ours = (fitted.r, fitted.alpha, fitted.a, fitted.b)
        assert np.exp(found.x) == pytest.approx(ours, rel=1e-6)
        assert -found.fun == pytest.approx(fitted.log_likelihood, rel=1e-13)


def test_standard_errors_are_those_of_fader_hardie_lee_2005(fitted):
    table = purchases.parameter_table(fitted).set_index(["parameter", "unit"])

    assert list(table.index) == [
        ("r", "1"), ("alpha", "weeks"), ("alpha", "days"), ("a", "1"), ("b", "1"),
    ]  # fmt: skip
    error = table["standard_error"]
    assert error["r", "1"] == pytest.approx(0.01256, abs=5e-6)
    assert error["alpha", "weeks"] == pytest.approx(0.3782, abs=5e-5)
    assert error["a", "1"] == pytest.approx(0.1857, abs=5e-5)
    assert error["b", "1"] == pytest.approx(0.705, abs=5e-4)
    assert error["alpha", "days"] == pytest.approx(7 * error["alpha", "weeks"], rel=1e-12)
    assert table.loc[("r", "1"), ["lower", "upper"]].tolist() == pytest.approx(
        [0.219, 0.268], abs=6e-4
    )


def test_the_fit_on_the_full_master_is_that_of_the_reference(master_orders):
    table = summary.profiles(summary.summarise(master_orders, as_of=CALIBRATION_END))

    model = purchases.fit(table)

    assert model.n_customers == 23_570
    found = (model.r, model.alpha / 7, model.a, model.b)
    assert found == pytest.approx((0.2516, 4.7889, 0.7234, 2.1611), abs=5e-5)
    assert _in_weeks(model, table) == pytest.approx(-95_368.44, abs=5e-3)


def test_the_fit_on_all_of_the_full_master_is_that_of_the_reference(master_orders):
    model = purchases.fit(summary.profiles(summary.summarise(master_orders, as_of=HOLDOUT_END)))

    found = (model.r, model.alpha / 7, model.a, model.b)
    assert found == pytest.approx((0.2671, 5.9865, 0.4835, 2.1116), abs=5e-5)


def test_expected_holdout_purchases_by_frequency_are_those_published(fitted, sample):
    expected = purchases.expected_purchases(fitted, sample, days=HOLDOUT_DAYS)

    by_frequency = expected.groupby(sample["frequency"].clip(upper=7)).mean()

    published = [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]
    assert by_frequency.tolist() == pytest.approx(published, abs=5e-4)


def test_holdout_accuracy_is_that_of_the_reference(fitted, sample_split):
    actual = sample_split.holdout["purchases"]

    gap = purchases.expected_purchases(fitted, sample_split.calibration, days=HOLDOUT_DAYS) - actual

    assert actual.sum() == 1882
    assert gap.abs().mean() == pytest.approx(0.7855, abs=5e-5)
    assert math.sqrt((gap**2).mean()) == pytest.approx(1.6080, abs=5e-5)
    assert 100 * gap.sum() / actual.sum() == pytest.approx(-12.1, abs=0.05)
    assert gap.abs().sum() / actual.sum() == pytest.approx(0.984, abs=5e-4)


def test_cumulative_repeat_purchases_are_those_published(fitted, sample_orders):
    birth = sample_orders.groupby("customer_id")["date"].min() - pd.Timestamp("1997-01-01")

    cumulative = [
        purchases.expected_repeat_purchases(
            fitted, np.maximum(7 * week - birth.dt.days.to_numpy(), 0)
        ).sum()
        for week in range(20, 26)
    ]

    # The published figures come from an optimiser that stopped at 1e-6, ours from the optimum.
    published = [1312.458, 1387.346, 1460.392, 1531.713, 1601.418, 1669.6]
    assert cumulative == pytest.approx(published, abs=0.0025)


def test_dropping_who_spent_nothing_gives_the_better_and_wrong_likelihood(sample):
    spent = sample[sample["revenue"] > 0]
    assert len(sample) - len(spent) == 8
    table = summary.profiles(spent)

    assert _in_weeks(purchases.fit(table), table) == pytest.approx(-9578.197, abs=5e-4)


def test_purchases_collapsed_by_week_are_another_model(sample_orders):
    monday = sample_orders["date"].dt.to_period("W-SUN").dt.start_time
    weekly = sample_orders.assign(date=monday).groupby(["customer_id", "date"], as_index=False)
    last_monday = pd.Timestamp("1997-09-29")

    model = purchases.fit(
        summary.profiles(summary.summarise(weekly["amount"].sum(), as_of=last_monday))
    )

    found = (model.r, model.alpha / 7, model.a, model.b)
    assert found == pytest.approx((0.291, 6.852, 0.665, 2.320), abs=5e-4)


@pytest.mark.parametrize(
    ("parameters", "x", "recency", "age", "days", "truth", "digit"),
    [
        ((0.25, 4.5, 1, 2.5), 120, 3650, 3650, 365, 11.3637, 1e-4),
        ((0.25, 4.5, 1, 2.5), 30, 30, 30, 3650, 144.8606, 1e-4),
        ((0.25, 4.5, 1 + 1e-9, 2.5), 400, 30, 30, 0.001, 0.011572, 1e-6),
        ((0.25, 4.5, 1 + 1e-9, 2.5), 1500, 1, 1, 0.001, 0.27257, 1e-5),
        ((0.25, 4.5, 1 + 1e-6, 2.5), 1500, 30, 30, 0.001, 0.043456, 1e-6),
        ((0.25, 4.5, 0.4, 0.6), 0, 0, 730, 365, 0.111865, 1e-6),
        ((0.5, 10, 1e-6, 1), 0, 0, 730, 3650, 2.466213, 1e-6),
        ((0.5, 10, 1e-4, 1e-3), 0, 0, 0, 365, 16.66178, 1e-5),
        ((0.25, 4.5, 0.2, 0.3), 0, 0, 1, 30, 0.848812, 1e-6),
        ((0.5, 10, 1.5, 5e4), 7, 1, 1, 3650, 2388.510, 1e-3),
        ((0.5, 10, 2e4, 2e5), 1500, 30, 30, 30, 10.0755, 1e-4),
    ],
)
def test_where_the_hypergeometric_form_fails_the_integral_holds(
    parameters, x, recency, age, days, truth, digit
):
    expected = purchases.expected_purchases(
        _model(*parameters), _customer(x, recency, age), days=days
    )

    assert expected.iloc[0] == pytest.approx(truth, abs=digit / 2)


def test_huge_a_and_b_of_a_customer_known_to_be_alive():
    expected = purchases.expected_if_alive(_model(0.5, 10, 2e4, 2e5), 400, 1, 365)

    assert expected == pytest.approx(11.0205, abs=5e-5)


def test_a_of_one_is_no_special_case_for_new_customers():
    at, below, above = (
        purchases.expected_repeat_purchases(_model(0.25, 4.5, a, 2.5), np.array([52.0]))[0]
        for a in (1.0, 1 - 1e-9, 1 + 1e-9)
    )

    assert at == pytest.approx((below + above) / 2, rel=1e-12)


def _defining_integral(r, alpha, a, b, x, age, days):
    """Integrate (1 - (1 + p t / (alpha + T))^-(r + x)) / p over Beta(a, b + x), 50 digits."""
    with mpmath.workdps(50):
        r, alpha, a, b, age, days = (mpmath.mpf(value) for value in (r, alpha, a, b, age, days))
        u, tau, later = r + x, days / (alpha + age), b + x
        norm = mpmath.log(mpmath.beta(a, later))

        def integrand(logit):
            odds = mpmath.exp(logit)
            p, log_stay = odds / (1 + odds), -mpmath.log1p(odds)
            bought = -mpmath.expm1(-u * mpmath.log1p(p * tau)) / p
            return mpmath.exp(a * (logit + log_stay) + later * log_stay - norm) * bought

        centre, width = mpmath.log(a / later), mpmath.sqrt(1 / a + 1 / later)
        knee = -mpmath.log1p(u * tau)
        left = min(centre, knee) - 60 / a - 15 * width
        right = max(centre, knee) + 60 / later + 15 * width
        cuts = {left, right, -mpmath.log1p(tau)}
        cuts |= {middle + step for middle in (knee, 0) for step in range(-40, 41, 8)}
        cuts |= {centre + step * width for step in (-12, -6, -3, 0, 3, 6, 12)}
        inside = sorted(cut for cut in cuts if left <= cut <= right)
        for degree in (5, 6, 7):
            value, error = mpmath.quad(
                integrand, inside, error=True, method="gauss-legendre", maxdegree=degree
            )
            if error < 1e-10 * value:
                return float(value)
        raise AssertionError(f"mpmath's own error is {error / value}")


EDGE_CUSTOMERS = ((0, 0, 1e-3), (3, 700, 700), (1, 1e-3, 1e6), (10_000, 900, 1000), (0, 0, 730))
EDGE_DAYS = (1e-6, 1.0, 365.0, 1e5, 1e9)
# Every a beside every b, twice, and every customer beside every horizon.
EDGES = [
    ((0.25, 31.0, a, b), EDGE_CUSTOMERS[(i + 2 * j + k) % 5], EDGE_DAYS[(2 * i + j + 2 * k) % 5])
    for i, a in enumerate((1e-6, 0.4, 1.0, 50.0, 1e6))
    for j, b in enumerate((1e-6, 0.6, 2.5, 1e4, 1e6))
    for k in range(2)
]


@pytest.mark.parametrize(("parameters", "customer", "days"), EDGES)
def test_predictions_at_the_edges_are_the_defining_integral(parameters, customer, days):
    r, alpha, a, b = parameters
    x, recency, age = customer
    model, table = _model(*parameters), _customer(*customer)
    with mpmath.workdps(50):
        silence = (mpmath.mpf(alpha) + age) / (mpmath.mpf(alpha) + recency)
        odds = mpmath.mpf(a) / (mpmath.mpf(b) + x - 1) * silence ** (mpmath.mpf(r) + x)
        alive = 1 / (1 + odds) if x else mpmath.mpf(1)
        away = (1 + mpmath.mpf(days) / (mpmath.mpf(alpha) + age)) ** -(mpmath.mpf(r) + x)
        silent = float(1 - alive * (1 - away))
        alive = float(alive)

    if_alive = _defining_integral(*parameters, x, age, days)

    tight = {"rel": 1e-8, "abs": 1e-300}
    assert purchases.expected_if_alive(model, x, age, days) == pytest.approx(if_alive, **tight)
    expected = purchases.expected_purchases(model, table, days=days).iloc[0]
    assert expected == pytest.approx(alive * if_alive, **tight)
    assert purchases.p_alive(model, table).iloc[0] == pytest.approx(alive, **tight)
    assert purchases.p_no_purchase(model, table, days=days).iloc[0] == pytest.approx(
        silent, **tight
    )
    bought = purchases.p_purchase(model, table, days=days).iloc[0]
    assert bought == pytest.approx(float(alive * (1 - away)), **tight)


@pytest.mark.parametrize(
    ("parameters", "customers"),
    [
        ((0.2426, 30.9, 0.7929, 2.4259), [(0, 0, 365), (7, 270, 273), (1500, 1500, 365)]),
        ((0.25, 4.5, 1.0, 2.5), [(3, 30, 10), (30, 300, 3650)]),
        ((0.25, 4.5, 0.4, 0.6), [(0, 730, 0.001), (1, 1, 36500)]),
        ((0.5, 10, 1e-4, 1e-3), [(0, 0, 365), (0, 30, 3.65e6)]),
        ((0.25, 4.5, 2.0, 0.05), [(0, 30, 365)]),
        ((0.5, 10, 1.5, 5e4), [(7, 1, 3650)]),
        ((0.5, 10, 2e4, 2e5), [(1500, 30, 30), (0, 0, 365)]),
        ((1e3, 4e3, 0.5, 2.0), [(0, 30, 3.65e6), (30, 300, 365)]),
        ((0.25, 1.0, 2.5, 1e4), [(1000, 0, 1e6)]),
    ],
)
def test_expected_purchases_are_the_defining_integral(parameters, customers):
    for x, age, days in customers:
        expected = purchases.expected_if_alive(_model(*parameters), x, age, days)

        truth = _defining_integral(*parameters, x, age, days)
        assert expected == pytest.approx(truth, rel=1e-10), (x, age, days)


def _counts_of_equation_8(r, alpha, a, b, x, age, days, counts):
    """P(n purchases in the days) of a customer alive, for each n > 0, by the printed formula."""
    with mpmath.workdps(400):
        r, alpha, a, b, days = (mpmath.mpf(value) for value in (r, alpha, a, b, days))
        u, later, clock = r + x, b + x, alpha + age
        share = days / (clock + days)
        exactly = [(clock / (clock + days)) ** u]
        for k in range(max(counts)):
            exactly.append(exactly[-1] * (u + k) / (k + 1) * share)
        norm = mpmath.beta(a, later)
        return [
            float(
                mpmath.beta(a, later + n) / norm * exactly[n]
                + mpmath.beta(a + 1, later + n - 1) / norm * (1 - mpmath.fsum(exactly[:n]))
            )
            for n in counts
        ]


@pytest.mark.parametrize(
    ("parameters", "customer", "days"),
    [
        ((0.243, 4.414, 0.793, 2.426), (0, 0), 365.0),
        ((0.243, 4.414, 0.793, 2.426), (7, 39), 1e-6),
        ((0.25, 4.5, 1e-6, 1e6), (10_000, 1000), 30.0),
        ((0.25, 4.5, 1e6, 1e-6), (0, 1e6), 1e9),
        ((1e-3, 1e-3, 1e-6, 1e-6), (0, 0), 1e15),
        ((1e4, 1e6, 0.5, 2.0), (3, 10), 1e5),
    ],
)
def test_counts_are_those_of_equation_8_at_the_edges(parameters, customer, days):
    x, age = customer
    table = _customer(x, age, age) if x else _customer(0, 0, age)
    model = _model(*parameters)

    counts = purchases.purchase_counts(model, table, days=days, max_purchases=300).iloc[0]

    alive = purchases.p_alive(model, table).iloc[0]
    several = [1, 2, 30, 171, 200, 299]
    truth = _counts_of_equation_8(*parameters, x, age, days, several)
    for n, if_alive in zip(several, truth, strict=True):
        assert counts[n] == pytest.approx(alive * if_alive, rel=1e-8, abs=1e-250), n


def test_a_count_of_an_ordinary_customer_is_its_double_integral():
    r, alpha, a, b, x, age, days, n = 0.243, 4.414, 0.793, 2.426, 2, 39.0, 30.0, 2
    with mpmath.workdps(15):

        def poisson(rate, k):
            return mpmath.exp(-rate * days) * (rate * days) ** k / mpmath.factorial(k)

        def count(rate, p):
            rest = 1 - sum(poisson(rate, k) for k in range(n))
            return (1 - p) ** n * poisson(rate, n) + p * (1 - p) ** (n - 1) * rest

        def density(rate, p):
            shape, clock = r + x, alpha + age
            by_rate = clock**shape * rate ** (shape - 1) * mpmath.exp(-rate * clock)
            by_p = p ** (a - 1) * (1 - p) ** (b + x - 1) / mpmath.beta(a, b + x)
            return by_rate / mpmath.gamma(shape) * by_p

        truth = mpmath.quad(
            lambda rate, p: density(rate, p) * count(rate, p), [0, 0.1, 1], [0, 0.5, 1], maxdegree=3
        )
    model, table = _model(r, alpha, a, b), _customer(x, age, age)

    counts = purchases.purchase_counts(model, table, days=days, max_purchases=5)

    alive = purchases.p_alive(model, table).iloc[0]
    assert counts[n].iloc[0] == pytest.approx(alive * float(truth), rel=1e-5)


# Messages


def test_nobody_who_repeats_is_too_few_data_with_both_numbers():
    table = _profiles([(0, 0.0, 100.0, 500), (1, 10.0, 100.0, 3)])

    with pytest.raises(
        TooFewData, match=r"20 customers with a repeat .* 3 of 503 have one"
    ) as info:
        purchases.fit(table)

    assert (info.value.have, info.value.need) == (3, 20)


def test_nobody_who_leaves_has_no_optimum():
    rng = np.random.default_rng(1)
    x = rng.negative_binomial(0.5, 0.1, 500)
    customers = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 300.0, 0.0), "T": 300.0})

    with pytest.raises(NotIdentified, match=r"on 500 customers, \d+ of them .* a/\(a\+b\) = ") as e:
        purchases.fit(summary.profiles(customers))

    assert float(str(e.value).split("a/(a+b) = ")[1].split()[0]) < 1e-4


def _all_leave_alike(seed):
    """Everyone leaves with probability 1/4: only a/(a+b) is known."""
    customers = synthetic.purchase_summary(
        r=0.9,
        alpha_days=90,
        a=1e7,
        b=3e7,
        n_customers=2000,
        acquisition_days=90,
        n_days=730,
        seed=seed,
    )
    return summary.profiles(customers)


def test_customers_who_all_leave_alike_have_no_optimum_but_a_ratio():
    with pytest.raises(NotIdentified, match="on 2000 customers, 1689 of them") as info:
        purchases.fit(_all_leave_alike(31))

    assert 0.2 < float(str(info.value).split("a/(a+b) = ")[1].split()[0]) < 0.3


def test_an_optimum_far_out_on_the_ridge_is_marked():
    model = purchases.fit(_all_leave_alike(32))

    assert purchases.caution(model) == "flat_ridge"
    assert model.a / (model.a + model.b) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"a": 1e-3, "b": 2.0}, "no_dropout"),
        ({"a": 300.0, "b": 900.0}, "flat_ridge"),
        ({"r": 2000.0, "alpha": 1e6}, "flat_ridge"),
        ({"condition": 2e5}, "flat_ridge"),
    ],
)
def test_a_doubtful_optimum_has_a_word_for_it(fitted, changes, code):
    assert purchases.caution(dataclasses.replace(fitted, **changes)) == code


def test_bad_parameters_are_refused(fitted, sample, sample_profiles):
    with pytest.raises(ValueError, match="days=-1 must be a length of at least 0 days"):
        purchases.expected_purchases(fitted, sample, days=-1)
    with pytest.raises(ValueError, match="days=nan"):
        purchases.p_purchase(fitted, sample, days=math.nan)
    with pytest.raises(ValueError, match="days=inf"):
        purchases.p_no_purchase(fitted, sample, days=math.inf)
    with pytest.raises(ValueError, match="max_purchases=0 must be at least 1"):
        purchases.purchase_counts(fitted, sample, days=1, max_purchases=0)
    with pytest.raises(ValueError, match="days=-1"):
        purchases.simulate(fitted, sample, days=-1, generator=np.random.default_rng(1))
    with pytest.raises(ValueError, match=r"alpha=-1\.0, a=1\.0, b=1\.0 must all be positive"):
        purchases.fit(sample_profiles, start=(1.0, -1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="the least is -2"):
        purchases.expected_repeat_purchases(fitted, np.array([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"a=0\.0, b=1\.0 must all be positive"):
        purchases.log_likelihood(sample_profiles, r=1.0, alpha=1.0, a=0.0, b=1.0)


def test_a_table_that_is_no_summary_is_refused(fitted):
    with pytest.raises(DataError, match="1 of 1 rows break"):
        purchases.p_alive(fitted, _customer(1, 20, 10))
    with pytest.raises(schema.DataError, match="summary is empty"):
        purchases.fit(_profiles([]))
