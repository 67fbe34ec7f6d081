import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from workbench import newton, profile_likelihood, purchase_models, summary, synthetic
from workbench.newton import Derivatives
from workbench.schema import DataError

HALF_QUANTILE = stats.chi2.ppf(0.95, 1) / 2
TRUTH = {
    "bg_nbd": {"r": 0.2426, "alpha": 30.9, "a": 0.7929, "b": 2.4259},
    "mbg_nbd": {"r": 0.525, "alpha": 43.3, "a": 0.891, "b": 1.614},
    "pareto_nbd": {"r": 0.5533, "alpha": 74.0, "s": 0.6062, "beta": 81.7},
    "nbd": {"r": 0.3848, "alpha": 84.5},
}
NAMES = list(TRUTH)


def base(model, seed=1, n_customers=500):
    customers = synthetic.histories(
        model,
        parameters=TRUTH[model],
        n_customers=n_customers,
        acquisition_days=84,
        n_days=273,
        future_days=1,
        seed=seed,
    )
    return summary.profiles(customers.round())


def ends_of(model, profiles):
    fitted = purchase_models.fit(model, profiles)
    return fitted, purchase_models.parameter_intervals(fitted, profiles=profiles)


def in_logs(function):
    """Make derivatives in two natural parameters of those in their logarithms."""

    def derivatives(theta):
        value, gradient, hessian = function(np.log(theta))
        natural = hessian / np.outer(theta, theta) - np.diag(gradient / theta**2)
        return Derivatives(value, gradient / theta, natural)

    return derivatives


# By hand


def test_a_quadratic_log_likelihood_gives_the_interval_of_the_standard_error():
    information = np.array([[4.0, 3.0], [3.0, 9.0]])
    center = np.log([2.0, 5.0])

    def quadratic(logs):
        away = logs - center
        return -away @ information @ away / 2, -information @ away, -information

    found = profile_likelihood.intervals(in_logs(quadratic), names=("a", "b"), estimate=(2.0, 5.0))

    half = newton.NORMAL_975 * np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(np.log(found["lower"]), center - half, rtol=1e-9)
    np.testing.assert_allclose(np.log(found["upper"]), center + half, rtol=1e-9)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (3.0, 1.0), (1.0, 3.0)])
def test_an_end_at_which_too_little_likelihood_is_lost_is_open(low, high):
    """A hill of this height over the plain on either side of it; the other parameter is known."""

    def hill(logs):
        y, other = logs
        height = low if y < 0 else high
        top = math.exp(-(y**2))
        gradient = np.array([-2 * y * height * top, -other])
        bend = height * (4 * y**2 - 2) * top
        return height * (top - 1) - other**2 / 2, gradient, np.diag([bend, -1.0])

    found = profile_likelihood.intervals(in_logs(hill), names=("a", "b"), estimate=(1.0, 1.0))

    # Half the quantile is lost where a hill of height 3 has fallen by 1.92.
    end = math.sqrt(-math.log(1 - HALF_QUANTILE / 3))
    lower = 0.0 if low == 1 else pytest.approx(math.exp(-end), rel=1e-5)
    upper = math.inf if high == 1 else pytest.approx(math.exp(end), rel=1e-5)
    assert (found.at["a", "lower"], found.at["a", "upper"]) == (lower, upper)
    assert found.at["b", "upper"] == pytest.approx(math.exp(newton.NORMAL_975), rel=1e-9)


def test_customers_who_hardly_differ_leave_the_shape_of_nbd_open_above():
    """All buy at nearly one rate: any large r with its alpha explains them."""
    customers = [60, 104, 104, 72, 38, 14, 8]
    x = np.arange(len(customers))
    profiles = pd.DataFrame(
        {"frequency": x, "recency": 90.0 * (x > 0), "T": 100.0, "customers": customers}
    )

    fitted, ends = ends_of("nbd", profiles)

    assert (ends["upper"] == math.inf).all()
    assert (ends["lower"] > 0).all()
    assert (ends["lower"] < [fitted.r, fitted.alpha]).all()
    table = purchase_models.interval_table(fitted, profiles=profiles)
    assert (table["upper"] == math.inf).all()


# Properties


@pytest.mark.parametrize("model", NAMES)
def test_so_many_customers_make_it_the_interval_of_the_standard_error(model):
    profiles = base(model)
    many = profiles.assign(customers=profiles["customers"] * 1_000_000)

    fitted, ends = ends_of(model, many)

    estimate = np.array(list(purchase_models.parameters(fitted).values()))
    half = newton.NORMAL_975 * np.sqrt(np.diag(fitted.covariance)) / estimate
    np.testing.assert_allclose(np.log(ends["lower"] / estimate), -half, rtol=0.01)
    np.testing.assert_allclose(np.log(ends["upper"] / estimate), half, rtol=0.01)


@pytest.mark.parametrize("model", NAMES)
def test_weeks_give_the_same_intervals_as_days(model):
    profiles = base(model)
    weeks = profiles.assign(recency=profiles["recency"] / 7, T=profiles["T"] / 7)

    in_days, in_weeks = ends_of(model, profiles)[1], ends_of(model, weeks)[1]

    days = np.array([[7.0] if name in ("alpha", "beta") else [1.0] for name in in_days.index])
    np.testing.assert_allclose(in_weeks * days, in_days, rtol=1e-4)


def test_the_table_has_the_interval_in_weeks_and_in_days():
    profiles = base("pareto_nbd")
    fitted, ends = ends_of("pareto_nbd", profiles)

    table = purchase_models.interval_table(fitted, profiles=profiles)

    plain = purchase_models.parameter_table(fitted)
    same = ["parameter", "unit", "estimate", "standard_error"]
    assert table[same].equals(plain[same])
    assert list(table) == list(plain)
    rows = table.set_index(["parameter", "unit"])
    for name in ends.index:
        is_time = name in ("alpha", "beta")
        row = rows.loc[(name, "days" if is_time else "1")]
        assert row["lower"] == pytest.approx(ends.at[name, "lower"], rel=1e-14)
        assert row["upper"] == pytest.approx(ends.at[name, "upper"], rel=1e-14)
        if is_time:
            np.testing.assert_allclose(rows.loc[(name, "weeks")] * 7, row, rtol=1e-12)


# Against an authority


def lost_beyond_the_end(fitted, profiles):
    """Return how much more than the interval allows is lost at one value of a parameter.

    All others are found by scipy's optimiser, which knows nothing but the log-likelihood.
    """
    estimate = purchase_models.parameters(fitted)

    def lost(name, value):
        others = [other for other in estimate if other != name]
        start = np.log([estimate[other] for other in others])

        def loss(logs):
            values = dict(zip(others, np.exp(logs), strict=True)) | {name: value}
            return -purchase_models.log_likelihood(profiles, name=fitted.name, **values)

        found = optimize.minimize(loss, start, method="Nelder-Mead", options={"fatol": 1e-5})
        return fitted.log_likelihood + found.fun - HALF_QUANTILE

    return lost


def test_intervals_of_mbg_nbd_on_a_small_base_are_those_of_a_general_optimiser():
    profiles = base("mbg_nbd", n_customers=800)
    fitted, ends = ends_of("mbg_nbd", profiles)
    lost = lost_beyond_the_end(fitted, profiles)

    for name, side, outwards in [
        ("r", "upper", 1.001),
        ("b", "lower", 0.999),
        ("b", "upper", 1.001),
    ]:
        end = ends.at[name, side]
        assert lost(name, end / outwards) < 0 < lost(name, end * outwards)
    # So few customers make the interval clearly lopsided in logs too.
    assert ends.at["b", "upper"] / fitted.b > 1.15 * fitted.b / ends.at["b", "lower"]


def test_three_hundred_customers_leave_b_of_mbg_nbd_open_above():
    profiles = base("mbg_nbd", n_customers=300)
    fitted, ends = ends_of("mbg_nbd", profiles)

    assert ends.at["b", "upper"] == math.inf
    assert lost_beyond_the_end(fitted, profiles)("b", 100 * fitted.b) < 0
    assert ends.at["b", "lower"] > 0
    assert ends.at["r", "upper"] < math.inf


# Messages


def test_profiles_of_other_customers_are_refused():
    profiles = base("nbd")
    fitted = purchase_models.fit("nbd", profiles)

    with pytest.raises(DataError, match="fitted to 500 customers, and the profiles hold 1000"):
        purchase_models.parameter_intervals(
            fitted, profiles=profiles.assign(customers=profiles["customers"] * 2)
        )
