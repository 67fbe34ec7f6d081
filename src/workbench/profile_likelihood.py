"""A log-likelihood and its maximum -> intervals of the parameters by profile likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import newton
from workbench.newton import Climb, Derivatives

# An end is known to this part of a standard error.
TOLERANCE = 1e-5
# An end beyond 1e-4 or 1e4 times the estimate is open; the other parameters may go further.
MAX_DISTANCE = math.log(1e4)
# What is left of the climb in the other parameters: squared standard errors.
CLIMB_TOLERANCE = 1e-8

# A log parameter held at its place, the others at a first guess -> the summit of the others.
Ask = Callable[..., Climb]


class _Place(NamedTuple):
    """One value of a parameter, so far from its estimate in logs.

    `root` is the root of twice the lost log-likelihood: the distance in standard errors, were
    the log-likelihood quadratic. `slope` is its derivative by `distance`.
    """

    distance: float
    root: float
    slope: float
    climb: Climb


def intervals(
    derivatives: Callable[[np.ndarray], Derivatives],
    *,
    names: Sequence[str],
    estimate: Sequence[float],
) -> pd.DataFrame:
    """Bound each parameter by its 95 % profile-likelihood interval.

    It holds every value at which the log-likelihood, maximised over all other parameters, is at
    most 1.92 below its maximum: half the 95 % quantile of chi-squared with one degree of freedom.
    It is the same on every scale of the parameters and need not be symmetric on any.

    Parameters
    ----------
    derivatives : callable
        Takes the natural parameters, gives `newton.Derivatives`; as in `newton.maximise`.
    names : sequence of str
        The parameters' names, at least two.
    estimate : sequence of float
        Where the log-likelihood is largest.

    Returns
    -------
    DataFrame
        Indexed by `parameter`: `lower` and `upper`, in natural parameters. An end that the data
        leave open is 0 or infinite.

    References
    ----------
    Venzon and Moolgavkar (1988), A method for computing profile-likelihood-based confidence
    intervals, Applied Statistics 37 (1), 87-94.

    Examples
    --------
    Ten events of a Poisson process in four days, three of another in one:

    >>> def poisson(theta):
    ...     events, days = np.array([10, 3]), np.array([4, 1])
    ...     value = events @ np.log(theta) - days @ theta
    ...     return Derivatives(value, events / theta - days, np.diag(-events / theta**2))
    >>> intervals(poisson, names=("one", "other"), estimate=(2.5, 3.0)).round(3)
               lower  upper
    parameter
    one        1.253  4.385
    other      0.746  7.779
    """
    center = np.asarray(estimate, float)
    ask = partial(newton.climb, partial(_in_multiples, derivatives, center), names=names)
    summit = ask(np.zeros_like(center))
    errors = np.sqrt(np.diag(np.linalg.inv(-summit.hessian)))
    logs = [
        [_end(ask, summit, place=place, first=side * error) for side in (-1, 1)]
        for place, error in enumerate(errors)
    ]
    ends = center[:, None] * np.exp(logs)
    return pd.DataFrame(ends, pd.Index(names, name="parameter"), ["lower", "upper"])


def _in_multiples(
    derivatives: Callable[[np.ndarray], Derivatives], center: np.ndarray, theta: np.ndarray
) -> Derivatives:
    """Take parameters in multiples of their estimates, so that bounds know no unit."""
    value, gradient, hessian = derivatives(theta * center)
    return Derivatives(value, gradient * center, hessian * np.outer(center, center))


def _end(ask: Ask, summit: Climb, *, place: int, first: float) -> float:
    """Return how far from the estimate, in logs, the interval ends: Newton's method in a bracket.

    `first` is one standard error, negative for the lower end.
    """
    error, side = abs(first), math.copysign(1.0, first)
    inside, outside = _Place(0.0, 0.0, 1 / error, summit), math.inf
    near, distance = summit, newton.NORMAL_975 * error
    while outside - inside.distance > TOLERANCE * error:
        here = _at(ask, summit, place=place, distance=distance, side=side, near=near)
        missing = newton.NORMAL_975 - here.root
        if abs(missing) < TOLERANCE:
            return side * distance
        if missing > 0:
            inside = here
        else:
            outside = distance
        if inside.distance >= MAX_DISTANCE:
            return side * math.inf

        near = here.climb if here.slope > 0 else inside.climb
        proposed = distance + missing / here.slope if here.slope > 0 else math.inf
        if math.isinf(outside):
            distance = min(proposed, 2 * distance, MAX_DISTANCE)
        elif inside.distance < proposed < outside:
            distance = proposed
        else:
            distance = (inside.distance + outside) / 2
    return side * inside.distance


def _at(
    ask: Ask, summit: Climb, *, place: int, distance: float, side: float, near: Climb
) -> _Place:
    """Hold one parameter, and climb in the others from where a point nearby says they will be."""
    others = np.arange(summit.point.size) != place
    point = near.point.copy()
    point[place] = summit.point[place] + side * distance
    shift = point[place] - near.point[place]
    bend, pull = near.hessian[np.ix_(others, others)], near.hessian[others, place]
    drift = -np.linalg.lstsq(bend, pull)[0] * shift
    point[others] += np.clip(drift, -newton.MAX_LOG_STEP, newton.MAX_LOG_STEP)

    climb = ask(point, held=[place], tolerance=CLIMB_TOLERANCE)
    root = math.sqrt(max(2 * (summit.value - climb.value), 0.0))
    slope = -side * float(climb.gradient[place]) / root if root else 0.0
    return _Place(distance, root, slope, climb)
