import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from workbench import mbg_nbd, purchases, summary
from workbench.schema import DataError, NotIdentified, TooFewData

PARAMETERS = {"r": 0.5, "alpha": 43.0, "a": 0.9, "b": 1.6}
WORLD = {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.4}


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
    return mbg_nbd.fit(sample_profiles)


def _model(r, alpha, a, b):
    return mbg_nbd.MbgNbd(r, alpha, a, b, (), 0.0, 0, 0, 1.0)


def _customer(x, recency, age):
    return pd.DataFrame({"frequency": [x], "recency": [float(recency)], "T": [float(age)]})


def _profiles(rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "customers"])


def _in_weeks(model, table):
    n_purchases = (table["frequency"] * table["customers"]).sum()
    return model.log_likelihood + n_purchases * math.log(7)


def _simulated_world(*, n_customers, age, days, seed):
    """Follow customers purchase by purchase: their summary at an age, and purchases after it."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(WORLD["r"], 1 / WORLD["alpha"], n_customers)
    p = rng.beta(WORLD["a"], WORLD["b"], n_customers)
    clock, x, recency, later = np.zeros((4, n_customers))
    active = rng.random(n_customers) >= p
    while active.any():
        clock[active] += rng.exponential(1 / rate[active])
        active &= clock <= age + days
        before = active & (clock <= age)
        x += before
        recency[before] = clock[before]
        later += active & ~before
        active &= rng.random(n_customers) >= p
    return pd.DataFrame({"frequency": x.astype(int), "recency": recency, "T": float(age)}), later


# By hand


def test_the_likelihood_of_three_customers_is_that_of_the_paper():
    # With r = a = b = 1 and alpha = 10. No repeat purchase in 10 days: 1/2 left at once, 1/2 stayed
    # and kept silent with 10/20. One, after 5 days: stayed twice (1/3) 10/20^2, left at the second
    # chance (1/6) 10/15^2. Two, the last on day 10: 2 * 10 / 20^3 times 1/4 + 1/12.
    table = _profiles([(0, 0.0, 10.0, 1), (1, 5.0, 10.0, 2), (2, 10.0, 10.0, 1)])

    value = mbg_nbd.log_likelihood(table, r=1.0, alpha=10.0, a=1.0, b=1.0)

    none = 1 / 2 + 1 / 4
    one = 10 / 20**2 / 3 + 10 / 15**2 / 6
    two = 20 / 20**3 / 3
    assert value == pytest.approx(math.log(none) + 2 * math.log(one) + math.log(two), rel=1e-13)


def test_p_alive_of_a_one_time_buyer_and_of_a_repeat_buyer():
    # a = b = r = 1, alpha = T = 10. x = 0: odds (1/1) 20/10. x = 1, t_x = 5: (1/2) (20/15)^2.
    model = _model(1.0, 10.0, 1.0, 1.0)
    customers = pd.concat([_customer(0, 0, 10), _customer(1, 5, 10)])

    assert mbg_nbd.p_alive(model, customers).tolist() == pytest.approx([1 / 3, 9 / 17], rel=1e-14)


def test_no_purchase_and_counts_of_a_one_time_buyer():
    # Alive with 1/3; then b is 2: half of the chances to buy in 20 days come to nothing, and
    # someone stays after a purchase with 2/3, after two with 1/2.
    model, customer = _model(1.0, 10.0, 1.0, 1.0), _customer(0, 0, 10)

    counts = mbg_nbd.purchase_counts(model, customer, days=20, max_purchases=2).iloc[0]
    silent = mbg_nbd.p_no_purchase(model, customer, days=20).iloc[0]

    assert silent == pytest.approx(2 / 3 + 1 / 3 * 1 / 2, rel=1e-14)
    once = 2 / 3 * 1 / 4 + 1 / 3 * 1 / 2
    assert counts.tolist() == pytest.approx([5 / 6, once / 3, (1 / 2 - once) / 3], rel=1e-14)


def test_nothing_is_expected_in_no_time(fitted, sample):
    expected = mbg_nbd.expected_purchases(fitted, sample, days=0)
    at_birth = mbg_nbd.expected_repeat_purchases(fitted, np.array([0.0]))
    counts = mbg_nbd.purchase_counts(fitted, sample, days=0, max_purchases=3)

    assert (expected == 0).all()
    assert not np.signbit(expected).any()
    assert at_birth.tolist() == [0.0]
    np.testing.assert_allclose(counts[0], 1, rtol=1e-14)
    assert (counts.loc[:, 1:] == 0).all(axis=None)


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_predictions_stay_in_their_bounds_and_keep_the_index(seed):
    rng = np.random.default_rng(seed)
    model = _model(*np.exp(rng.normal(0, 2, 4)) * (1, 30, 1, 1))
    customers = _simulated_world(n_customers=60, age=300, days=0, seed=seed)[0]
    customers = customers.sample(frac=1, random_state=seed)
    before = customers.copy()

    expected = mbg_nbd.expected_purchases(model, customers, days=90)
    longer = mbg_nbd.expected_purchases(model, customers, days=180)
    silent = mbg_nbd.p_no_purchase(model, customers, days=90)
    alive = mbg_nbd.p_alive(model, customers)
    counts = mbg_nbd.purchase_counts(model, customers, days=90, max_purchases=10)
    drawn = mbg_nbd.simulate(model, customers, days=90, generator=rng)

    for values in (expected, silent, alive, counts):
        pd.testing.assert_index_equal(values.index, customers.index)
        assert values.notna().all(axis=None)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (1 - silent <= alive + 1e-15).all()
    assert (1 - silent <= expected + 1e-15).all()
    assert (expected <= longer).all()
    np.testing.assert_allclose(counts.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(counts[0], silent, rtol=1e-12)
    assert drawn.min() >= 0
    pd.testing.assert_frame_equal(customers, before)


def test_gradient_and_hessian_are_those_of_finite_differences(sample_profiles):
    exact = mbg_nbd.derivatives(sample_profiles, **PARAMETERS)

    for i, name in enumerate(PARAMETERS):
        step = 1e-5 * PARAMETERS[name]
        above = mbg_nbd.derivatives(sample_profiles, **PARAMETERS | {name: PARAMETERS[name] + step})
        below = mbg_nbd.derivatives(sample_profiles, **PARAMETERS | {name: PARAMETERS[name] - step})
        slope = (above.value - below.value) / (2 * step)
        assert exact.gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)
        bend = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(exact.hessian[i], bend, rtol=1e-6, atol=1e-6)


def test_the_order_of_customers_does_not_change_a_byte(sample, fitted):
    shuffled = sample.sample(frac=1, random_state=1)

    assert mbg_nbd.fit(summary.profiles(shuffled)) == fitted


def test_one_row_per_customer_gives_what_weighted_profiles_give(sample, fitted):
    model = mbg_nbd.fit(sample[["frequency", "recency", "T"]].assign(customers=1))

    for name in mbg_nbd.PARAMETERS:
        assert getattr(model, name) == pytest.approx(getattr(fitted, name), rel=1e-9)


def test_days_and_weeks_give_the_same_values(sample, sample_profiles, fitted):
    weeks = {"recency": lambda t: t["recency"] / 7, "T": lambda t: t["T"] / 7}

    model = mbg_nbd.fit(sample_profiles.assign(**weeks))

    assert model.alpha * 7 == pytest.approx(fitted.alpha, rel=1e-9)
    for function in (mbg_nbd.expected_purchases, mbg_nbd.p_no_purchase):
        np.testing.assert_allclose(
            function(model, sample.assign(**weeks), days=52),
            function(fitted, sample, days=364),
            rtol=1e-9,
        )


def test_a_fit_from_a_near_start_finds_the_same_optimum(fitted, sample_profiles):
    start = (fitted.r * 1.1, fitted.alpha * 0.9, fitted.a * 1.2, fitted.b)

    warm = mbg_nbd.fit(sample_profiles, start=start)

    for name in mbg_nbd.PARAMETERS:
        assert getattr(warm, name) == pytest.approx(getattr(fitted, name), rel=1e-9)


def test_a_fit_from_its_pilot_is_stationary_and_a_maximum(master_orders):
    table = summary.profiles(summary.summarise(master_orders, as_of=CALIBRATION_END))

    model = mbg_nbd.fit(table)

    exact = mbg_nbd.derivatives(
        table, **{name: getattr(model, name) for name in mbg_nbd.PARAMETERS}
    )
    scaled = exact.gradient * [model.r, model.alpha, model.a, model.b]
    assert np.abs(scaled).max() < 1e-6
    assert (np.linalg.eigvalsh(exact.hessian) < 0).all()


def test_known_parameters_come_back():
    customers = _simulated_world(n_customers=60_000, age=700, days=0, seed=1)[0]

    model = mbg_nbd.fit(summary.profiles(customers))

    found = np.array([model.r, model.alpha, model.a, model.b])
    errors, truth = np.sqrt(np.diag(model.covariance)), np.array(list(WORLD.values()))
    assert (np.abs(found - truth) < 3 * errors).all()
    assert (errors < 0.1 * truth).all()
    assert mbg_nbd.caution(model) == ""


def test_probabilities_and_counts_hold_in_a_simulated_future():
    customers, later = _simulated_world(n_customers=40_000, age=300, days=120, seed=2)
    model = _model(**WORLD)

    counts = mbg_nbd.purchase_counts(model, customers, days=120, max_purchases=6)
    expected = mbg_nbd.expected_purchases(model, customers, days=120)
    drawn = mbg_nbd.simulate(model, customers, days=120, generator=np.random.default_rng(3))

    for n in range(6):
        error = math.sqrt((counts[n] * (1 - counts[n])).sum())
        assert (later == n).sum() == pytest.approx(counts[n].sum(), abs=4 * error), n
        assert (drawn == n).sum() == pytest.approx(counts[n].sum(), abs=4 * error), n
    spread = 4 * drawn.std() * math.sqrt(len(drawn))
    assert later.sum() == pytest.approx(expected.sum(), abs=spread)
    assert drawn.sum() == pytest.approx(expected.sum(), abs=spread)
    fresh = mbg_nbd.expected_repeat_purchases(model, np.array([300.0]))[0]
    error = customers["frequency"].std() / math.sqrt(len(customers))
    assert customers["frequency"].mean() == pytest.approx(fresh, abs=4 * error)


def test_hardly_anyone_who_leaves_at_once_makes_it_bg_nbd():
    # With b huge and a / b fixed both models draw the same p; a first chance at p = 1e-9 is none.
    customers = pd.concat([_customer(0, 0, 400), _customer(3, 200, 400)])
    terms = (0.5, 30.0, 1e-3, 1e6)
    near = purchases.BgNbd(*terms, (), 0.0, 0, 0, 1.0)

    np.testing.assert_allclose(
        mbg_nbd.expected_purchases(_model(*terms), customers, days=90),
        purchases.expected_purchases(near, customers, days=90),
        rtol=1e-5,
    )


# Against an authority


def test_parameters_are_those_of_the_lifetimes_test_suite(fitted, sample_profiles):
    found = (fitted.r, fitted.alpha / 7, fitted.a, fitted.b)

    assert found == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=5e-4)
    assert _in_weeks(fitted, sample_profiles) == pytest.approx(-9582.1357, abs=5e-5)
    assert (fitted.n_customers, fitted.n_repeat) == (2357, 946)
    assert mbg_nbd.caution(fitted) == ""


def test_holdout_accuracy_is_that_of_the_reference(fitted, sample_split):
    actual = sample_split.holdout["purchases"]

    expected = mbg_nbd.expected_purchases(fitted, sample_split.calibration, days=HOLDOUT_DAYS)

    gap = expected - actual
    assert gap.abs().mean() == pytest.approx(0.7648, abs=5e-5)
    assert math.sqrt((gap**2).mean()) == pytest.approx(1.6072, abs=5e-5)
    assert 100 * gap.sum() / actual.sum() == pytest.approx(-16.2, abs=0.05)
    assert gap.abs().sum() / actual.sum() == pytest.approx(0.958, abs=5e-4)
    logs = np.log1p(expected) - np.log1p(actual)
    assert (logs**2).mean() == pytest.approx(0.231, abs=5e-4)


def test_a_simplex_on_the_printed_equation_finds_the_same_optimum(fitted, sample_profiles):
    x, recency, age, weight = (
        sample_profiles[name].to_numpy(float) for name in ("frequency", "recency", "T", "customers")
    )

    def loss(logs):
        r, alpha, a, b = np.exp(logs)
        alive = betaln(a, b + x + 1) - (r + x) * np.log(alpha + age)
        left = betaln(a + 1, b + x) - (r + x) * np.log(alpha + recency)
        rest = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        return -weight @ (rest + np.logaddexp(alive, left))

    for start in ((1.0, 100.0, 1.0, 1.0), (0.1, 10.0, 3.0, 5.0)):
        options = {"xatol": 1e-9, "fatol": 0, "maxiter": 900, "maxfev": 2000}
        found = minimize(loss, np.log(start), method="Nelder-Mead", options=options)
        ours = (fitted.r, fitted.alpha, fitted.a, fitted.b)
        assert np.exp(found.x) == pytest.approx(ours, rel=1e-6)
        assert -found.fun == pytest.approx(fitted.log_likelihood, rel=1e-13)


def _defining_integral(r, alpha, a, b, x, recency, age, days):
    """Integrate P(alive) f(p) over the posterior Beta(a, b + x + 1), 50 digits."""
    with mpmath.workdps(50):
        r, alpha, a, b = (mpmath.mpf(value) for value in (r, alpha, a, b))
        u, tau, later = r + x, mpmath.mpf(days) / (alpha + age), b + x + 1
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
        value, error = mpmath.quad(
            integrand, inside, error=True, method="gauss-legendre", maxdegree=6
        )
        assert error < 1e-10 * value
        odds = a / (b + x) * ((alpha + age) / (alpha + recency)) ** u
        silent = (odds + (1 + tau) ** -u) / (1 + odds)
        return float(value / (1 + odds)), float(silent)


@pytest.mark.parametrize("a", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("b", [1e-6, 1e6])
@pytest.mark.parametrize(
    ("customer", "days"),
    [
        ((0, 0, 0.001), 1e9),
        ((0, 0, 1e6), 1e-6),
        ((2, 30.0, 30.0), 365),
        ((10_000, 900.0, 1000.0), 1e5),
    ],
)
def test_predictions_at_the_edges_are_the_defining_integral(a, b, customer, days):
    parameters = (0.525, 43.3, a, b)
    model, table = _model(*parameters), _customer(*customer)

    expected = mbg_nbd.expected_purchases(model, table, days=days).iloc[0]
    silent = mbg_nbd.p_no_purchase(model, table, days=days).iloc[0]

    truth = _defining_integral(*parameters, *customer, days)
    assert (expected, silent) == pytest.approx(truth, rel=1e-8, abs=1e-300)


# Messages


def test_nobody_who_repeats_is_too_few_data_with_both_numbers():
    table = _profiles([(0, 0.0, 100.0, 500), (1, 10.0, 100.0, 3)])

    with pytest.raises(TooFewData, match=r"MBG/NBD needs 20 .* 3 of 503 have one"):
        mbg_nbd.fit(table)


def test_nobody_who_leaves_has_no_optimum():
    x = np.random.default_rng(1).negative_binomial(0.5, 0.1, 500) + 1
    customers = pd.DataFrame({"frequency": x, "recency": 300.0, "T": 300.0})

    with pytest.raises(NotIdentified, match=r"MBG/NBD has no interior optimum on 500 customers"):
        mbg_nbd.fit(summary.profiles(customers))


def test_bad_parameters_are_refused(fitted, sample, sample_profiles):
    with pytest.raises(ValueError, match="days=-1 must be a length of at least 0 days"):
        mbg_nbd.expected_purchases(fitted, sample, days=-1)
    with pytest.raises(ValueError, match="max_purchases=0 must be at least 1"):
        mbg_nbd.purchase_counts(fitted, sample, days=1, max_purchases=0)
    with pytest.raises(ValueError, match="the least is -2"):
        mbg_nbd.expected_repeat_purchases(fitted, np.array([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"a=0\.0, b=1\.0 must all be positive"):
        mbg_nbd.log_likelihood(sample_profiles, r=1.0, alpha=1.0, a=0.0, b=1.0)
    with pytest.raises(DataError, match="1 of 1 rows break"):
        mbg_nbd.p_alive(fitted, _customer(1, 20, 10))
