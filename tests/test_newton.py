import math

import numpy as np
import pytest

from workbench import newton
from workbench.newton import Derivatives
from workbench.schema import NotIdentified


def _poisson(theta):
    """Ten events in four days."""
    rate = theta[0]
    return Derivatives(
        10 * math.log(rate) - 4 * rate, np.array([10 / rate - 4]), np.array([[-10 / rate**2]])
    )


def _two_summits(theta):
    """Two hills in log theta, the higher one at theta = exp(2)."""
    y = math.log(theta[0])
    low, high = math.exp(-2 * (y + 2) ** 2), 2 * math.exp(-2 * (y - 2) ** 2)
    by_y = -4 * (y + 2) * low - 4 * (y - 2) * high
    by_yy = (16 * (y + 2) ** 2 - 4) * low + (16 * (y - 2) ** 2 - 4) * high
    gradient = by_y / theta[0]
    return Derivatives(
        low + high, np.array([gradient]), np.array([[(by_yy - by_y) / theta[0] ** 2]])
    )


def _only_the_product(theta):
    """A Poisson rate that is a product of two parameters."""
    product = theta[0] * theta[1]
    slope, bend = 10 / product - 4, -10 / product**2
    gradient = slope * theta[::-1]
    hessian = bend * np.outer(theta[::-1], theta[::-1]) + slope * np.array([[0, 1], [1, 0]])
    return Derivatives(10 * math.log(product) - 4 * product, gradient, hessian)


def _towards_infinity(theta):
    return Derivatives(
        -1 / theta[0], np.array([1 / theta[0] ** 2]), np.array([[-2 / theta[0] ** 3]])
    )


# By hand


def test_ten_events_in_four_days_are_a_rate_of_five_halves():
    optimum = newton.maximise(_poisson, names=("rate",), starts=((0.01,), (100.0,)))

    assert optimum.estimate[0] == pytest.approx(2.5, rel=1e-12)
    assert optimum.covariance[0][0] == pytest.approx(2.5**2 / 10, rel=1e-7)
    assert optimum.log_likelihood == pytest.approx(10 * math.log(2.5) - 10, rel=1e-14)
    assert optimum.condition == 1
    assert optimum.gradient_norm < 1e-6


def test_the_higher_of_two_summits_wins_whatever_the_order_of_the_starts():
    for starts in (((0.1,), (9.0,)), ((9.0,), (0.1,))):
        optimum = newton.maximise(_two_summits, names=("theta",), starts=starts)

        assert math.log(optimum.estimate[0]) == pytest.approx(2, abs=1e-6)


def test_an_interval_on_the_log_scale_is_the_estimate_times_and_over_one_factor():
    table = newton.parameter_table([2.0], names=("r",), units=("1",), standard_error=[0.5])

    assert list(table.columns) == [
        "parameter", "unit", "estimate", "standard_error", "lower", "upper",
    ]  # fmt: skip
    factor = math.exp(1.959964 * 0.25)
    assert table.loc[0, "upper"] == pytest.approx(2 * factor, rel=1e-6)
    assert table.loc[0, "lower"] == pytest.approx(2 / factor, rel=1e-6)


# Properties


def test_a_start_where_the_likelihood_bends_upwards_still_climbs():
    optimum = newton.maximise(_two_summits, names=("theta",), starts=((math.exp(0.3),),))

    assert math.log(optimum.estimate[0]) == pytest.approx(2, abs=1e-6)


# Messages


def test_a_ridge_is_refused():
    with pytest.raises(NotIdentified, match="the likelihood is a flat ridge"):
        newton.maximise(_only_the_product, names=("a", "b"), starts=((1.0, 1.0),))


def test_a_parameter_that_runs_away_is_named_with_where_it_stopped():
    with pytest.raises(newton.NoInteriorOptimum, match=r"a runs to infinity; \|gradient\|") as info:
        newton.maximise(_towards_infinity, names=("a",), starts=((1.0,),))

    assert info.value.estimate[0] > 1e6


def test_a_likelihood_that_cannot_be_computed_is_no_optimum():
    def broken(theta):
        return Derivatives(math.nan, np.array([math.nan]), np.array([[math.nan]]))

    with pytest.raises(NotIdentified, match="evaluations"):
        newton.maximise(broken, names=("a",), starts=((1.0,),))


def test_a_gradient_that_contradicts_the_value_is_no_convergence():
    def wrong(theta):
        value, gradient, hessian = _poisson(theta)
        return Derivatives(-value, gradient, hessian)

    with pytest.raises(NotIdentified, match="no step raises the likelihood"):
        newton.maximise(wrong, names=("a",), starts=((1.0,),))
