"""The interior maximum of a smooth log-likelihood in positive parameters, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import NotIdentified

# Squared length of the remaining Newton step in standard errors: 1e-7 of one is left.
TOLERANCE = 1e-14
# Rounding may stop a climb earlier; 1e-4 of a standard error is still an optimum.
LOOSE_TOLERANCE = 1e-8
MAX_STEPS = 200
# A parameter beyond 1e6, or below 1e-6, runs away: data are scaled to about 1.
MAX_LOG_PARAMETER = math.log(1e6)
MAX_LOG_STEP = 2.0
# Beyond this, rounding decides where on a ridge the climb stops.
MAX_CONDITION = 1e8
# A boundary must beat an interior optimum by so much log-likelihood to displace it.
BOUNDARY_GAIN = 1e-3
# 97.5 % quantile of the standard normal distribution.
NORMAL_975 = 1.959963984540054


class Derivatives(NamedTuple):
    """Value, gradient and Hessian of a log-likelihood in the natural parameters."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


class Optimum(NamedTuple):
    """An interior maximum.

    Attributes
    ----------
    estimate : tuple of float
        The natural parameters.
    covariance : tuple of tuples of float
        Of the natural parameters: inverse of the exact negative Hessian.
    log_likelihood : float
        The maximum.
    condition : float
        Largest over smallest eigenvalue of the Hessian in log parameters:
        how flat the flattest direction is.
    n_evaluations : int
        Evaluations from all starts.
    gradient_norm : float
        Largest component of the gradient in log parameters.
    """

    estimate: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    condition: float
    n_evaluations: int
    gradient_norm: float


class NoInteriorOptimum(NotIdentified):
    """The climb left every bound or found no summit.

    Attributes
    ----------
    estimate : tuple of float
        Where it stopped, in natural parameters.
    """

    def __init__(self, message: str, *, estimate: tuple[float, ...]) -> None:
        super().__init__(message)
        self.estimate = estimate


class Climb(NamedTuple):
    """Where a climb ended.

    Attributes
    ----------
    point : array
        Logarithms of the parameters.
    value : float
        Log-likelihood there.
    gradient, hessian : array
        In log parameters, those held included.
    n_evaluations : int
    problem : str
        Why this is no summit; empty if it is one.
    """

    point: np.ndarray
    value: float
    gradient: np.ndarray
    hessian: np.ndarray
    n_evaluations: int
    problem: str


def maximise(
    derivatives: Callable[[np.ndarray], Derivatives],
    *,
    names: Sequence[str],
    starts: Sequence[Sequence[float]],
) -> Optimum:
    """Maximise a log-likelihood by Newton's method in log parameters.

    Where the Hessian is not negative definite the step is damped: upward
    curvature enters by its size. Every step is shortened until the
    log-likelihood rises. Each start is climbed from, and the highest summit
    is taken.

    Parameters
    ----------
    derivatives : callable
        Takes the natural parameters, gives `Derivatives`. Data should be
        scaled so that sound estimates lie well within 1e-6 to 1e6.
    names : sequence of str
        The parameters' names, for messages.
    starts : sequence of sequences of float
        Positive natural parameters to start from.

    Raises
    ------
    NoInteriorOptimum
        If no start leads to a summit, a parameter runs to 0 or infinity at a
        higher likelihood than any summit, or the summit is a flat ridge.

    References
    ----------
    Nocedal and Wright (2006), Numerical Optimization, sections 3.4 and 3.5.

    Examples
    --------
    Ten events in four days: the rate of a Poisson process is 2.5 a day.

    >>> def poisson(theta):
    ...     rate = theta[0]
    ...     value = 10 * np.log(rate) - 4 * rate
    ...     return Derivatives(value, np.array([10 / rate - 4]), np.array([[-10 / rate**2]]))
    >>> optimum = maximise(poisson, names=("rate",), starts=((1.0,),))
    >>> round(optimum.estimate[0], 9), round(optimum.covariance[0][0], 6)
    (2.5, 0.625)
    """
    climbs = [climb(derivatives, np.log(np.asarray(start, float)), names=names) for start in starts]
    n_evaluations = sum(ended.n_evaluations for ended in climbs)
    summits = [ended for ended in climbs if not ended.problem]
    failures = [ended for ended in climbs if ended.problem]

    highest_failure = max(failures, key=_height, default=None)
    summit = max(summits, key=_height, default=None)
    if summit is None or (
        highest_failure is not None and highest_failure.value > summit.value + BOUNDARY_GAIN
    ):
        raise _no_optimum(highest_failure, highest_failure.problem, n_evaluations)

    curvature, axes = np.linalg.eigh(-summit.hessian)
    condition = float(curvature[-1] / curvature[0])
    if condition > MAX_CONDITION:
        problem = f"the likelihood is a flat ridge (condition {condition:.1e})"
        raise _no_optimum(summit, problem, n_evaluations)
    scale = np.exp(summit.point)
    covariance = (axes / curvature) @ axes.T * np.outer(scale, scale)
    return Optimum(
        estimate=tuple(scale.tolist()),
        covariance=tuple(map(tuple, ((covariance + covariance.T) / 2).tolist())),
        log_likelihood=summit.value,
        condition=condition,
        n_evaluations=n_evaluations,
        gradient_norm=float(np.abs(summit.gradient).max()),
    )


def parameter_table(
    estimate: Sequence[float],
    *,
    names: Sequence[str],
    units: Sequence[str],
    standard_error: Sequence[float],
) -> pd.DataFrame:
    """Put estimates beside their standard errors and 95 % Wald intervals on the log scale.

    Parameters
    ----------
    estimate, standard_error : sequence of float
        In natural parameters.
    names, units : sequence of str
        Of each parameter.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`.
    """
    center, error = np.asarray(estimate, float), np.asarray(standard_error, float)
    factor = np.exp(NORMAL_975 * error / center)
    return pd.DataFrame(
        {
            "parameter": list(names),
            "unit": list(units),
            "estimate": center,
            "standard_error": error,
            "lower": center / factor,
            "upper": center * factor,
        }
    )


def climb(
    derivatives: Callable[[np.ndarray], Derivatives],
    point: np.ndarray,
    *,
    names: Sequence[str],
    held: Sequence[int] = (),
    tolerance: float = TOLERANCE,
) -> Climb:
    """Climb from one point by damped Newton steps in log parameters.

    Parameters
    ----------
    derivatives, names
        As in `maximise`.
    point : array
        Logarithms of the parameters to start from.
    held : sequence of int
        Places of the parameters that keep their value; not all of them.
    tolerance : float
        Squared length of the remaining step, in standard errors, at which to stop.
    """
    value, gradient, hessian = _in_logs(derivatives, point)
    n_evaluations = 1
    free = np.setdiff1d(np.arange(point.size), held)
    step = np.zeros_like(point)
    problem = f"no convergence in {MAX_STEPS} steps"
    for _ in range(MAX_STEPS):
        step[free], decrement, is_concave = _step(gradient[free], hessian[np.ix_(free, free)])
        if decrement < tolerance:
            # The last step is too small to measure its rise, and squares what error is left.
            point = point + step
            problem = "" if is_concave else "the likelihood is a flat ridge"
            break

        slope, share = float(gradient @ step), 1.0
        rounding = 1e-13 * abs(value)
        while share > 1e-9:
            trial = point + share * step
            trial_value, trial_gradient, trial_hessian = _in_logs(derivatives, trial)
            n_evaluations += 1
            if trial_value >= value + 1e-4 * share * slope - rounding:
                break
            share /= 2
        else:
            close = is_concave and decrement < LOOSE_TOLERANCE
            problem = "" if close else "no step raises the likelihood"
            break

        point, value, gradient, hessian = trial, trial_value, trial_gradient, trial_hessian
        outside = free[np.abs(point[free]) > MAX_LOG_PARAMETER]
        if outside.size:
            problem = " and ".join(
                f"{names[i]} runs to {'infinity' if point[i] > 0 else '0'}" for i in outside
            )
            break
    return Climb(point, value, gradient, hessian, n_evaluations, problem)


def _in_logs(
    derivatives: Callable[[np.ndarray], Derivatives], point: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    theta = np.exp(point)
    value, gradient, hessian = derivatives(theta)
    in_logs = theta * gradient
    if not (math.isfinite(value) and np.isfinite(in_logs).all() and np.isfinite(hessian).all()):
        return -math.inf, np.zeros_like(point), np.zeros((point.size, point.size))
    return float(value), in_logs, hessian * np.outer(theta, theta) + np.diag(in_logs)


def _step(gradient: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Return the step, the squared Newton decrement and whether the Hessian was fit for it."""
    curvature, axes = np.linalg.eigh(-hessian)
    along = axes.T @ gradient
    floor = 1e-14 * max(float(np.abs(curvature).max()), 1e-300)
    is_concave = bool(curvature[0] > floor)
    # Upward curvature counts by its size, so that a climb leaves a saddle instead of creeping.
    damped = np.maximum(np.abs(curvature), floor)
    # One flat direction must not shorten the step in the others.
    step = axes @ np.clip(along / damped, -MAX_LOG_STEP, MAX_LOG_STEP)
    return step, float((along**2 / damped).sum()), is_concave


def _height(climb: Climb) -> float:
    return climb.value


def _no_optimum(climb: Climb, problem: str, n_evaluations: int) -> NoInteriorOptimum:
    return NoInteriorOptimum(
        f"{problem}; |gradient| {np.abs(climb.gradient).max():.1e} "
        f"after {n_evaluations} evaluations",
        estimate=tuple(np.exp(climb.point).tolist()),
    )
