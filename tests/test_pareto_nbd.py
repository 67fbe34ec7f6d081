import dataclasses
import itertools
import math

import mpmath
import numpy as np
import pandas as pd
import pytest
from conftest import HOLDOUT_DAYS, HOLDOUT_END
from scipy.optimize import minimize
from scipy.special import hyp2f1

from workbench import nbd, pareto_nbd, summary
from workbench.schema import DataError, NotIdentified, TooFewData

PARAMETERS = {"r": 0.6, "alpha": 60.0, "s": 0.7, "beta": 90.0}


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
    return pareto_nbd.fit(sample_profiles)


def _model(r, alpha, s, beta):
    return pareto_nbd.ParetoNbd(r, alpha, s, beta, (), 0.0, 0, 0, 1.0)


def _customer(x, recency, age):
    return pd.DataFrame({"frequency": [x], "recency": [float(recency)], "T": [float(age)]})


def _profiles(rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "customers"])


def _estimate(model):
    return tuple(getattr(model, name) for name in pareto_nbd.PARAMETERS)


def _world(*, r, alpha, s, beta, n_customers, days, seed, later_days=0):
    """Customers in continuous time; `later` counts purchases after the day of the summary."""
    rng = np.random.default_rng(seed)
    age = days * (0.5 + 0.5 * rng.random(n_customers))
    rate = rng.gamma(r, 1 / alpha, n_customers)
    life = beta * np.expm1(np.minimum(rng.exponential(1 / s, n_customers), 700))
    known = np.minimum(life, age)
    x = rng.poisson(rate * known)
    recency = np.where(x > 0, known * rng.random(n_customers) ** (1 / np.maximum(x, 1)), 0.0)
    later = rng.poisson(rate * np.clip(life - age, 0, later_days))
    return pd.DataFrame({"frequency": x, "recency": recency, "T": age, "later": later})


# By hand


def test_the_likelihood_of_three_customers():
    # With all parameters 1 a customer has x! times what is integrated over the day he leaves,
    # 1 / (1 + T)^(x+2) if later than T and the integral of (1 + y)^-(x+3) from t_x on if not.
    table = _profiles([(0, 0.0, 1.0, 1), (1, 1.0, 3.0, 2), (2, 1.0, 1.0, 1)])

    value = pareto_nbd.log_likelihood(table, r=1.0, alpha=1.0, s=1.0, beta=1.0)

    none = 1 / 2**2 + (1 - 1 / 2**2) / 2
    one = 1 / 4**3 + (1 / 2**3 - 1 / 4**3) / 3
    two = 2 / 2**4
    by_hand = math.log(none) + 2 * math.log(one) + math.log(two)
    assert value == pytest.approx(by_hand, rel=1e-14)


def test_p_alive_of_three_customers():
    # The shares of "later than T" in the sums above.
    model = _model(1.0, 1.0, 1.0, 1.0)
    customers = pd.concat([_customer(0, 0, 1), _customer(1, 1, 3), _customer(2, 1, 1)])

    alive = pareto_nbd.p_alive(model, customers)

    assert alive.tolist() == pytest.approx([0.4, 0.3, 1.0], rel=1e-14)


def test_predictions_for_one_customer():
    # x = 1 and t_x = T = 1: alive, with Gamma(2, 2) and Gamma(1, 2). In 2 days he is expected to
    # be active for 2 ln 2, and buys nothing with (1/2)^3 + (1/2) (1 - 1/2^3) 2/3.
    model, customer = _model(1.0, 1.0, 1.0, 1.0), _customer(1, 1, 1)

    expected = pareto_nbd.expected_purchases(model, customer, days=2).iloc[0]
    silent = pareto_nbd.p_no_purchase(model, customer, days=2).iloc[0]

    assert expected == pytest.approx(2 * math.log(2), rel=1e-14)
    assert silent == pytest.approx(1 / 8 + (1 - 1 / 8) / 3, rel=1e-14)


def test_nothing_happens_in_no_time(fitted, sample):
    counts = pareto_nbd.purchase_counts(fitted, sample, days=0, max_purchases=3)

    assert (counts[0] == 1).all()
    assert (counts[[1, 2, 3]] == 0).all(axis=None)
    assert (pareto_nbd.expected_purchases(fitted, sample, days=0) == 0).all()
    assert (pareto_nbd.p_no_purchase(fitted, sample, days=0) == 1).all()
    assert pareto_nbd.expected_repeat_purchases(fitted, np.array([0.0])) == 0
    generator = np.random.default_rng(1)
    assert (pareto_nbd.simulate(fitted, sample, days=0, generator=generator) == 0).all()


def test_who_bought_on_the_last_day_is_alive_and_silence_costs():
    model = _model(0.55, 74.0, 0.6, 82.0)
    silence = np.array([0.0, 1.0, 30.0, 100.0, 364.0])
    customers = pd.DataFrame({"frequency": 12, "recency": 365 - silence, "T": 365.0})

    alive = pareto_nbd.p_alive(model, customers)

    assert alive[0] == 1
    assert (alive.diff()[1:] < 0).all()


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_predictions_stay_in_their_bounds_and_add_up(seed):
    rng = np.random.default_rng(seed)
    model = _model(*np.exp(rng.normal(0, 2, 4)) * (1, 30, 1, 30))
    customers = _world(**PARAMETERS, n_customers=60, days=300, seed=seed).drop(columns="later")
    customers.index = rng.permutation(60) + 100
    before = customers.copy()
    days = float(np.exp(rng.normal(4, 2)))

    alive = pareto_nbd.p_alive(model, customers)
    silent = pareto_nbd.p_no_purchase(model, customers, days=days)
    expected = pareto_nbd.expected_purchases(model, customers, days=days)
    longer = pareto_nbd.expected_purchases(model, customers, days=2 * days)
    counts = pareto_nbd.purchase_counts(model, customers, days=days, max_purchases=7)

    assert ((counts >= 0) & (counts <= 1)).all(axis=None)
    np.testing.assert_allclose(counts.sum(axis=1), 1, rtol=1e-11)
    np.testing.assert_allclose(counts[0], silent, rtol=1e-12)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (silent >= 1 - alive - 1e-15).all()
    assert (1 - silent <= expected + 1e-12).all()
    assert (expected <= longer).all()
    for values in (alive, silent, expected, counts):
        assert values.notna().all(axis=None)
        pd.testing.assert_index_equal(values.index, customers.index)
    pd.testing.assert_frame_equal(customers, before)


def test_counts_have_the_expected_mean(fitted, sample):
    counts = pareto_nbd.purchase_counts(fitted, sample, days=90, max_purchases=250)

    np.testing.assert_allclose(
        counts @ counts.columns.to_numpy(),
        pareto_nbd.expected_purchases(fitted, sample, days=90),
        rtol=1e-9,
    )


def test_without_dropout_all_is_nbd(sample):
    model, stays = _model(0.4, 80.0, 1e-16, 100.0), nbd.Nbd(0.4, 80.0, (), 0.0, 0, 0, 1.0)

    for ours, theirs in (
        (pareto_nbd.p_alive(model, sample), nbd.p_alive(stays, sample)),
        (
            pareto_nbd.expected_purchases(model, sample, days=90),
            nbd.expected_purchases(stays, sample, days=90),
        ),
        (
            pareto_nbd.purchase_counts(model, sample, days=90, max_purchases=5),
            nbd.purchase_counts(stays, sample, days=90, max_purchases=5),
        ),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("beta", [25.0, 60.0, 90.0])
def test_gradient_and_hessian_are_those_of_finite_differences(sample_profiles, beta):
    point = PARAMETERS | {"beta": beta}
    exact = pareto_nbd.derivatives(sample_profiles, **point)

    for i, name in enumerate(point):
        step = 1e-5 * point[name]
        above, below = (
            pareto_nbd.derivatives(sample_profiles, **point | {name: point[name] + change})
            for change in (step, -step)
        )
        slope = (above.value - below.value) / (2 * step)
        assert exact.gradient[i] == pytest.approx(slope, rel=1e-7, abs=1e-5)
        bend = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(exact.hessian[i], bend, rtol=1e-7, atol=1e-7)


def test_one_row_per_customer_gives_what_weighted_profiles_give(sample, fitted):
    one_each = sample[["frequency", "recency", "T"]].assign(customers=1)

    model = pareto_nbd.fit(one_each)

    assert _estimate(model) == pytest.approx(_estimate(fitted), rel=1e-8)
    assert (model.n_customers, model.n_repeat) == (fitted.n_customers, fitted.n_repeat)


def test_days_and_weeks_give_the_same_values(sample, sample_profiles, fitted):
    weeks = {"recency": lambda t: t["recency"] / 7, "T": lambda t: t["T"] / 7}

    model = pareto_nbd.fit(sample_profiles.assign(**weeks))

    in_days = np.array(_estimate(model)) * (1, 7, 1, 7)
    assert in_days == pytest.approx(_estimate(fitted), rel=1e-8)
    for function in (pareto_nbd.expected_purchases, pareto_nbd.p_no_purchase):
        np.testing.assert_allclose(
            function(model, sample.assign(**weeks), days=52),
            function(fitted, sample, days=364),
            rtol=1e-9,
        )


def test_the_order_of_customers_does_not_change_a_byte(sample, fitted):
    shuffled = sample.sample(frac=1, random_state=1)

    assert pareto_nbd.fit(summary.profiles(shuffled)) == fitted
    counts = pareto_nbd.purchase_counts(fitted, shuffled, days=90, max_purchases=3)
    pd.testing.assert_frame_equal(
        counts.sort_index(),
        pareto_nbd.purchase_counts(fitted, sample, days=90, max_purchases=3),
        check_exact=True,
    )


@pytest.mark.parametrize("start", [(0.5, -0.5, 1.0, 0.5), (-1.0, 1.0, -1.0, 2.0)])
def test_a_general_optimiser_finds_the_same_optimum(sample_profiles, fitted, start):
    unit = np.array([1, 100, 1, 100])

    def loss(logs):
        theta = np.exp(logs) * unit
        exact = pareto_nbd.derivatives(
            sample_profiles, **dict(zip(pareto_nbd.PARAMETERS, theta, strict=True))
        )
        return -exact.value, -exact.gradient * theta

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-6})

    assert np.exp(found.x) * unit == pytest.approx(_estimate(fitted), rel=1e-6)
    assert -found.fun == pytest.approx(fitted.log_likelihood, rel=1e-13)


def test_many_profiles_are_fitted_exactly_and_known_parameters_come_back():
    world = {"r": 0.6, "alpha": 60.0, "s": 0.8, "beta": 200.0}
    customers = _world(**world, n_customers=20_000, days=730, seed=2)
    table = customers.drop(columns="later").assign(customers=1)
    assert len(table) > 4 * pareto_nbd.PILOT_PROFILES

    model = pareto_nbd.fit(table)

    found = dict(zip(pareto_nbd.PARAMETERS, _estimate(model), strict=True))
    exact = pareto_nbd.derivatives(table, **found)
    assert exact.value == pytest.approx(model.log_likelihood, rel=1e-12)
    assert np.abs(exact.gradient * list(found.values())).max() < 1e-5
    np.testing.assert_allclose(np.linalg.inv(-exact.hessian), model.covariance, rtol=1e-5)
    truth, error = np.array(list(world.values())), np.sqrt(np.diag(model.covariance))
    assert (np.abs(_estimate(model) - truth) < 3 * error).all()
    assert (error < 0.15 * truth).all()
    assert pareto_nbd.caution(model) == ""


def test_probabilities_and_counts_hold_in_a_simulated_future():
    customers = _world(**PARAMETERS, n_customers=40_000, days=730, seed=3, later_days=180)
    model = _model(*PARAMETERS.values())

    silent = pareto_nbd.p_no_purchase(model, customers, days=180)
    expected = pareto_nbd.expected_purchases(model, customers, days=180)

    group = pd.qcut(silent, 8, duplicates="drop")
    seen, predicted = (customers["later"] == 0).groupby(group), silent.groupby(group)
    error = np.sqrt(predicted.mean() * (1 - predicted.mean()) / predicted.size())
    assert len(error) == 8
    assert ((seen.mean() - predicted.mean()).abs() < 4 * error).all()
    group = pd.qcut(expected, 8, duplicates="drop")
    gap = (customers["later"] - expected).groupby(group)
    assert (gap.mean().abs() < 4 * gap.std() / np.sqrt(gap.size())).all()


def test_simulated_purchases_have_the_distribution_of_the_counts(fitted, sample):
    generator = np.random.default_rng(7)
    draws = [pareto_nbd.simulate(fitted, sample, days=273, generator=generator) for _ in range(400)]

    expected = pareto_nbd.expected_purchases(fitted, sample, days=273)
    totals = np.array([draw.sum() for draw in draws])
    assert totals.mean() == pytest.approx(expected.sum(), abs=4 * totals.std() / 20)
    counts = pareto_nbd.purchase_counts(fitted, sample, days=273, max_purchases=4)
    seen = np.bincount(np.minimum(np.concatenate(draws), 4)) / 400
    error = np.sqrt((counts * (1 - counts)).sum() / 400)
    assert (np.abs(seen - counts.sum()) < 4 * error).all()


def test_the_same_seed_gives_the_same_draws(fitted, sample):
    first, again, other = (
        pareto_nbd.simulate(fitted, sample, days=90, generator=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )

    assert (first == again).all()
    assert (first != other).any()


def test_residual_transactions_are_discounted_purchases_of_all_days(fitted, sample):
    rate, some = math.log(1.1) / 365, sample.iloc[:20]
    logs = np.linspace(math.log(1e-6), math.log(40 / rate), 300)
    days = np.exp(logs)

    # By parts, the discount's loss in each short span times what is expected up to it.
    expected = np.array([pareto_nbd.expected_purchases(fitted, some, days=end) for end in days])
    total = (rate * np.exp(-rate * days) * days * (logs[1] - logs[0])) @ expected

    found = pareto_nbd.dert(fitted, some, annual_discount_rate=0.1)
    np.testing.assert_allclose(found, total, rtol=1e-6)


def test_residual_transactions_without_discounting_are_all_purchases_to_come():
    model, customers = _model(0.5, 10.0, 3.0, 50.0), _customer(2, 20, 30)

    undiscounted = pareto_nbd.dert(model, customers, annual_discount_rate=0)
    expected = pareto_nbd.expected_purchases(model, customers, days=1e9)

    assert undiscounted.iloc[0] == pytest.approx(expected.iloc[0], rel=1e-12)
    barely = pareto_nbd.dert(model, customers, annual_discount_rate=1e-9)
    assert barely.iloc[0] == pytest.approx(expected.iloc[0], rel=1e-9)


# Against an authority


def test_parameters_are_those_of_fader_hardie_lee_2005(fitted, sample_profiles):
    n_purchases = (sample_profiles["frequency"] * sample_profiles["customers"]).sum()

    assert fitted.r == pytest.approx(0.5533, abs=5e-5)
    assert fitted.alpha / 7 == pytest.approx(10.578, abs=5e-4)
    assert fitted.s == pytest.approx(0.6062, abs=5e-5)
    assert fitted.beta / 7 == pytest.approx(11.67, abs=5e-3)
    in_weeks = fitted.log_likelihood + n_purchases * math.log(7)
    assert in_weeks == pytest.approx(-9594.976, abs=5e-4)
    assert (fitted.name, fitted.n_customers, fitted.n_repeat) == ("pareto_nbd", 2357, 946)
    assert pareto_nbd.caution(fitted) == ""


def test_standard_errors_are_those_published(fitted):
    table = pareto_nbd.parameter_table(fitted).set_index(["parameter", "unit"])

    error = table["standard_error"]
    assert error["r", "1"] == pytest.approx(0.0476, abs=5e-5)
    assert error["alpha", "weeks"] == pytest.approx(0.8427, abs=5e-5)
    assert error["s", "1"] == pytest.approx(0.1873, abs=5e-5)
    assert error["beta", "weeks"] == pytest.approx(6.21, abs=5e-3)
    for name in ("alpha", "beta"):
        ratio = table.loc[(name, "days")] / table.loc[(name, "weeks")]
        assert ratio.tolist() == pytest.approx([7] * 4)


# Printed figures of both kinds belong to points where an optimiser stopped, less than 1e-6 of
# log-likelihood below the maximum: there they agree to the last digit, at the maximum to 4 digits.


def test_expected_holdout_purchases_by_frequency_are_those_published(
    fitted, sample, sample_profiles
):
    published = [0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403]
    stopped = {"r": 0.5532965, "alpha": 7 * 10.5778582, "s": 0.6060038, "beta": 7 * 11.661419}

    def by_frequency(model):
        expected = pareto_nbd.expected_purchases(model, sample, days=HOLDOUT_DAYS)
        return expected.groupby(sample["frequency"].clip(upper=7)).mean().tolist()

    height = pareto_nbd.log_likelihood(sample_profiles, **stopped)
    assert 0 < fitted.log_likelihood - height < 1e-6
    assert by_frequency(_model(*stopped.values())) == pytest.approx(published, abs=5e-4)
    assert by_frequency(fitted) == pytest.approx(published, abs=8e-4)


def test_holdout_accuracy_is_that_of_the_reference(fitted, sample_split):
    actual = sample_split.holdout["purchases"]

    expected = pareto_nbd.expected_purchases(fitted, sample_split.calibration, days=HOLDOUT_DAYS)

    gap = expected - actual
    assert gap.abs().mean() == pytest.approx(0.7545, abs=5e-5)
    assert math.sqrt((gap**2).mean()) == pytest.approx(1.6028, abs=5e-5)
    assert 100 * gap.sum() / actual.sum() == pytest.approx(-11.5, abs=0.05)
    assert gap.abs().sum() / actual.sum() == pytest.approx(0.945, abs=5e-4)
    in_logs = (np.log1p(expected) - np.log1p(actual)) ** 2
    assert in_logs.mean() == pytest.approx(0.238, abs=5e-4)


def _cumulative(model, orders):
    birth = orders.groupby("customer_id")["date"].min() - pd.Timestamp("1997-01-01")
    return [
        pareto_nbd.expected_repeat_purchases(
            model, np.maximum(7 * week - birth.dt.days.to_numpy(), 0)
        ).sum()
        for week in range(20, 26)
    ]


def test_cumulative_repeat_purchases_are_those_published(fitted, sample_orders, sample_profiles):
    published = [1308.856, 1385.275, 1459.923, 1532.906, 1604.32, 1674.253]
    stopped = {"r": 0.55327605, "alpha": 7 * 10.57808261, "s": 0.60612479, "beta": 7 * 11.66565117}
    height = pareto_nbd.log_likelihood(sample_profiles, **stopped)
    assert 0 < fitted.log_likelihood - height < 1e-6
    assert _cumulative(_model(*stopped.values()), sample_orders) == pytest.approx(
        published, abs=5e-4
    )
    assert _cumulative(fitted, sample_orders) == pytest.approx(published, rel=5e-5)


@pytest.mark.parametrize("parameters", [(0.55, 74.0, 0.61, 82.0), (0.55, 82.0, 0.61, 74.0)])
def test_the_likelihood_is_that_of_the_hypergeometric_form(parameters):
    # Fader and Hardie (2005), A note on deriving the Pareto/NBD model.
    r, alpha, s, beta = parameters
    gap, total = abs(alpha - beta), 3 + r + s
    upper = s + 1 if alpha >= beta else r + 3
    x, recency, age = 3, 100.0, 273.0

    def term(time):
        base = max(alpha, beta) + time
        return hyp2f1(total, upper, total + 1, gap / base) / base**total

    front = math.gamma(r + x) / math.gamma(r) * alpha**r * beta**s
    stays = 1 / ((alpha + age) ** (r + x) * (beta + age) ** s)
    truth = math.log(front * (stays + s / total * (term(recency) - term(age))))
    found = pareto_nbd.log_likelihood(
        _profiles([(x, recency, age, 1)]),
        **dict(zip(pareto_nbd.PARAMETERS, parameters, strict=True)),
    )
    assert found == pytest.approx(truth, rel=1e-11)


def test_s_of_one_is_no_special_case():
    customer = _customer(3, 20, 30)
    at, below, above = (
        pareto_nbd.expected_purchases(_model(0.55, 10, s, 11), customer, days=10).iloc[0]
        for s in (1.0, 1 - 1e-9, 1 + 1e-9)
    )

    assert at == pytest.approx((below + above) / 2, rel=1e-12)


def _integral(function, end, knees):
    """Integrate from 0 to `end` over the logarithm of y, in pieces around the knees."""
    top, cuts = mpmath.log(end), set()
    for knee in map(mpmath.log, knees):
        cuts |= {knee + step for step in (-130, -30, -6, -1.5, 0, 1.5, 3, 6)}
    inside = sorted({min(cut, top) for cut in cuts} | {top})

    def in_logs(t):
        y = mpmath.exp(t)
        return y * function(y)

    return mpmath.quad(in_logs, inside, maxdegree=7)


def _truth(parameters, x, recency, age, days, annual_rate, n_counts):
    """Integrate over the day of leaving, to 50 digits, and over what follows from it."""
    with mpmath.workdps(50):
        r, alpha, s, beta = map(mpmath.mpf, parameters)
        recency, age, days = map(mpmath.mpf, (recency, age, days))
        u, a, b = r + x, alpha + age, beta + age

        odds = mpmath.mpf(0)
        if recency < age:
            a_last, b_last = alpha + recency, beta + recency
            odds = _integral(
                lambda y: s / (b_last + y) * (a / (a_last + y)) ** u * (b / (b_last + y)) ** s,
                age - recency,
                (a_last, b_last, a_last / (u + 1)),
            )
        alive = 1 / (1 + odds)

        def count(k):
            leaves = _integral(
                lambda y: (
                    s / (b + y) * (b / (b + y)) ** s * (a / (a + y)) ** u * (y / (a + y)) ** k
                ),
                days,
                (a, b, a * (k + 1) / (u + 1), b / (s + 1)),
            )
            stays = (b / (b + days)) ** s * (a / (a + days)) ** u * (days / (a + days)) ** k
            return alive * mpmath.binomial(u + k - 1, k) * (stays + leaves)

        counts = [count(k) for k in range(n_counts)]
        active = _integral(lambda y: (b / (b + y)) ** s, days, (b, b / (s + 1)))
        delta = mpmath.log1p(mpmath.mpf(annual_rate)) / 365
        residual = _integral(
            lambda y: mpmath.exp(-delta * y) * (b / (b + y)) ** s, 1000 / delta, (b, 1 / delta)
        )
        return {
            "alive": alive,
            "silent": 1 - alive + counts[0],
            "expected": alive * u / a * active,
            "dert": alive * u / a * residual,
            **{f"count_{k}": counts[k] + (0 if k else 1 - alive) for k in range(n_counts)},
            "more": alive - sum(counts),
        }


def _found(parameters, x, recency, age, days, annual_rate, n_counts):
    model, customer = _model(*parameters), _customer(x, recency, age)
    counts = pareto_nbd.purchase_counts(model, customer, days=days, max_purchases=n_counts)
    return {
        "alive": pareto_nbd.p_alive(model, customer).iloc[0],
        "silent": pareto_nbd.p_no_purchase(model, customer, days=days).iloc[0],
        "expected": pareto_nbd.expected_purchases(model, customer, days=days).iloc[0],
        "dert": pareto_nbd.dert(model, customer, annual_discount_rate=annual_rate).iloc[0],
        **{f"count_{k}": counts[k].iloc[0] for k in range(n_counts)},
        "more": counts[n_counts].iloc[0],
    }


@pytest.mark.parametrize(
    ("parameters", "customer", "days"),
    [
        ((0.5533, 74.0, 0.6062, 81.7), (3, 120, 273), 273),
        ((0.55, 10.0, 1.0, 11.0), (3, 20, 30), 10),
        ((0.55, 10.0, 1 + 1e-9, 10.0), (0, 0, 730), 1e6),
        ((0.25, 500.0, 0.3, 2.0), (10_000, 300, 730), 90),
        ((0.25, 2.0, 0.3, 500.0), (10_000, 729, 730), 1e-3),
        ((1e-3, 5.0, 1e-3, 1e4), (0, 0, 1e-3), 3650),
        ((50.0, 1e4, 200.0, 1e-2), (1, 1e-6, 1e-3), 90),
        ((1e3, 4e3, 1e3, 1e6), (30, 730, 730), 365),
        ((2.0, 1e-3, 5.0, 1e3), (400, 1.5e5, 3e5), 3650),
    ],
)
def test_predictions_are_their_defining_integrals_to_50_digits(parameters, customer, days):
    arguments = (parameters, *customer, days, 0.1, 2)

    found, truth = _found(*arguments), _truth(*arguments)

    for name, exact in truth.items():
        # Below the least float both are nothing.
        assert found[name] == pytest.approx(float(exact), rel=1e-8, abs=1e-290), name


def test_residual_transactions_are_those_of_the_confluent_form():
    for s, beta, annual_rate in itertools.product(
        (0.05, 0.6062, 1.0, 1 + 1e-9, 1.5, 5.0, 50.0), (1e-3, 81.7, 1e5), (1e-6, 0.1, 0.99)
    ):
        model = _model(0.5, 10.0, s, beta)
        found = pareto_nbd.dert(model, _customer(2, 30, 30), annual_discount_rate=annual_rate)

        with mpmath.workdps(80):
            delta, clock = mpmath.log1p(mpmath.mpf(annual_rate)) / 365, mpmath.mpf(beta) + 30
            # U(s, s, z) = z^(1-s) e^z E_s(z); of mpmath's own forms E_s keeps most digits.
            z = delta * clock
            confluent = z ** (1 - mpmath.mpf(s)) * mpmath.exp(z) * mpmath.expint(s, z)
            truth = mpmath.mpf(2.5) / 40 * clock**s * delta ** (mpmath.mpf(s) - 1) * confluent
        assert found.iloc[0] == pytest.approx(float(truth), rel=1e-10), (s, beta, annual_rate)


@pytest.mark.parametrize("beta", [25.0, 74.0, 500.0])
def test_gradient_of_one_profile_is_that_of_mpmath(beta):
    point, profile = (0.25, 74.0, 0.6, beta), (12, 100.0, 273.0)

    def log_likelihood(*theta):
        r, alpha, s, beta = theta
        x, recency, age = profile
        u = r + x
        odds = mpmath.quad(
            lambda y: s / (beta + y) * ((alpha + age) / (alpha + y)) ** u
            * ((beta + age) / (beta + y)) ** s,
            [recency, recency + 20, age],
        )  # fmt: skip
        value = mpmath.loggamma(u) - mpmath.loggamma(r) + r * mpmath.log(alpha)
        value += s * mpmath.log(beta) - u * mpmath.log(alpha + age) - s * mpmath.log(beta + age)
        return value + mpmath.log1p(odds)

    found = pareto_nbd.derivatives(
        _profiles([(*profile, 1)]), **dict(zip(pareto_nbd.PARAMETERS, point, strict=True))
    )
    with mpmath.workdps(40):
        assert found.value == pytest.approx(float(log_likelihood(*map(mpmath.mpf, point))))
        for i in range(4):
            order = tuple(int(i == j) for j in range(4))
            slope = mpmath.diff(log_likelihood, tuple(map(mpmath.mpf, point)), order)
            assert found.gradient[i] == pytest.approx(float(slope), rel=1e-9)


# Messages


def test_nobody_who_repeats_is_too_few_data_with_both_numbers():
    table = _profiles([(0, 0.0, 100.0, 500), (1, 10.0, 100.0, 3)])

    with pytest.raises(TooFewData, match=r"Pareto/NBD needs 20 .* 3 of 503 have one") as info:
        pareto_nbd.fit(table)

    assert (info.value.have, info.value.need) == (3, 20)


def test_nobody_who_leaves_has_no_optimum():
    rng = np.random.default_rng(1)
    x = rng.negative_binomial(0.5, 0.1, 500)
    customers = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 300.0, 0.0), "T": 300.0})

    with pytest.raises(NotIdentified, match=r"on 500 customers, \d+ of them .* s/beta = ") as info:
        pareto_nbd.fit(summary.profiles(customers))

    assert float(str(info.value).split("s/beta = ")[1].split()[0]) < 1e-3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"s": 1e-3, "beta": 500.0}, "no_dropout"),
        ({"s": 2000.0, "beta": 2e5}, "flat_ridge"),
        ({"r": 2000.0, "alpha": 2e5}, "flat_ridge"),
        ({"condition": 2e5}, "flat_ridge"),
    ],
)
def test_a_doubtful_optimum_has_a_word_for_it(fitted, changes, code):
    assert pareto_nbd.caution(dataclasses.replace(fitted, **changes)) == code


def test_bad_arguments_are_refused(fitted, sample, sample_profiles):
    with pytest.raises(ValueError, match="days=-1 must be a length of at least 0 days"):
        pareto_nbd.expected_purchases(fitted, sample, days=-1)
    with pytest.raises(ValueError, match="days=inf"):
        pareto_nbd.p_no_purchase(fitted, sample, days=math.inf)
    with pytest.raises(ValueError, match="max_purchases=0 must be at least 1"):
        pareto_nbd.purchase_counts(fitted, sample, days=1, max_purchases=0)
    with pytest.raises(ValueError, match="the least is -2"):
        pareto_nbd.expected_repeat_purchases(fitted, np.array([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"s=0\.0, beta=1\.0 must all be positive"):
        pareto_nbd.log_likelihood(sample_profiles, r=1.0, alpha=1.0, s=0.0, beta=1.0)
    with pytest.raises(ValueError, match=r"annual_discount_rate=10 must be .* write 0.10 for 10 %"):
        pareto_nbd.dert(fitted, sample, annual_discount_rate=10)
    with pytest.raises(ValueError, match=r"without discounting, s=0\.6062 <= 1 expects infinitely"):
        pareto_nbd.dert(fitted, sample, annual_discount_rate=0)


def test_a_table_that_is_no_summary_is_refused(fitted):
    with pytest.raises(DataError, match="1 of 1 rows break"):
        pareto_nbd.p_alive(fitted, _customer(1, 20, 10))
    with pytest.raises(DataError, match="summary is empty"):
        pareto_nbd.fit(_profiles([]))
