"""What customers do next who may leave after each purchase: means, chances, counts, simulated.

Shared by BG/NBD and MBG/NBD. A customer who is alive at age T after x repeat purchases buys at a
rate from Gamma(r + x, alpha + T) and leaves after each purchase with a probability from
Beta(a, b + x); MBG/NBD counts the first purchase too, which makes its b one larger. Each function
here is about customers known to be alive, unless it takes their log odds of having left.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betainc, betaincc, expit

# Blocks stay in cache.
BLOCK = 32_768
# In logits the trapezoid rule errs like exp(-pi^2 / step), times a power of 1 / step.
STEP = 0.28
MIN_POINTS = 49
# Of the logarithm of a density below its peak: exp(-32) is 1e-14.
NEGLIGIBLE = 32


class Alive(NamedTuple):
    """Distributions of the customers who are alive.

    Attributes
    ----------
    r, alpha : float
        Gamma(r + x, alpha + T) is that of their rates; `alpha` in days.
    a, b : float
        Beta(a, b + x) is that of their probabilities to leave after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float


def columns(summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `frequency`, `recency` and `T` of a summary as floats."""
    return tuple(summary[name].to_numpy(float) for name in ("frequency", "recency", "T"))


def check_days(days: float) -> None:
    """Refuse a horizon that is negative, infinite or no number."""
    if not 0 <= days < float("inf"):
        raise ValueError(f"days={days} must be a length of at least 0 days.")


def check_ages(ages: np.ndarray) -> np.ndarray:
    """Return ages (days) as floats; refuse negative ones."""
    ages = np.asarray(ages, float)
    if not (ages >= 0).all():
        raise ValueError(f"ages must be at least 0 days; the least is {ages.min()}.")
    return ages


def evaluate_once(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], summary: pd.DataFrame
) -> np.ndarray:
    """Evaluate a function of frequency and T once per distinct pair, for every row."""
    x, _, age = columns(summary)
    x_code, x_values = pd.factorize(x, sort=True)
    age_code, age_values = pd.factorize(age, sort=True)
    code, pairs = pd.factorize(x_code * len(age_values) + age_code, sort=True)
    x_part, age_part = np.divmod(pairs, len(age_values))
    return function(x_values[x_part], age_values[age_part])[code]


def expected_purchases(
    alive: Alive, x: np.ndarray, age: np.ndarray, days: np.ndarray | float
) -> np.ndarray:
    """Return the expected purchases in the next days.

    With u = r + x, tau = days / (alpha + T) and p the probability to leave,
    this is the mean of ``f(p) = (1 - (1 + p tau)^-u) / p`` over Beta(a, b + x).
    Two integrations by parts turn it into

        f(1) + (b+x)/(a+b+x+1) * mean of (f(p) - f(1))/(1 - p) - f'(p)/(a+b+x)

    over Beta(a + 1, b + x + 1): every term is positive and no tail is heavy,
    whatever a and b. In the logit of p the trapezoid rule converges
    geometrically.

    Parameters
    ----------
    alive : Alive
    x, age, days : array of float
        Frequency, T (days) and horizon (days); broadcast against each other.
    """
    x, age, days = np.broadcast_arrays(*(np.asarray(part, float) for part in (x, age, days)))
    shape = x.shape
    x, age, days = x.ravel(), age.ravel(), days.ravel()
    x_values, x_index = np.unique(x, return_inverse=True)
    longest = days.max(initial=0.0) / alive.alpha
    nodes = _nodes(alive.a, alive.b + x_values, (alive.r + x_values) * longest)

    result = np.empty(x.size)
    block = max(BLOCK // nodes.p.shape[1], 1)
    for first in range(0, x.size, block):
        part = slice(first, first + block)
        row = x_index[part]
        tau = (days[part] / (alive.alpha + age[part]))[:, None]
        u = (alive.r + x[part])[:, None]
        p = nodes.p[row]
        bought_at_1 = -np.expm1(-u * np.log1p(tau))
        reach = p * tau
        bought = -np.expm1(-u * np.log1p(reach))
        # p^2 times -f'(p): the probability of two purchases or more.
        twice = bought - (1 - bought) * u * reach / (1 + reach)
        mean = np.einsum("ij,ij->i", bought / p - bought_at_1, nodes.weight[row])
        mean += np.einsum("ij,ij->i", twice, nodes.slope_weight[row])
        result[part] = bought_at_1[:, 0] + mean
    return result.reshape(shape)


def p_no_purchase(
    alive: Alive, log_odds: np.ndarray, summary: pd.DataFrame, *, days: float
) -> pd.Series:
    """Return the probability of no purchase in the next days, whether alive or not.

    Parameters
    ----------
    alive : Alive
    log_odds : array of float
        Log odds of having left, per row of the summary.
    summary : DataFrame
        `frequency`, `recency`, `T` (days).
    days : float
        Length of the horizon.
    """
    check_days(days)
    x, _, age = columns(summary)
    none = np.exp(-(alive.r + x) * np.log1p(days / (alive.alpha + age)))
    # Their sum may round to a little more than 1.
    silent = np.minimum(expit(log_odds) + expit(-log_odds) * none, 1.0)
    return pd.Series(silent, summary.index, name="p_no_purchase")


def purchase_counts(
    alive: Alive, log_odds: np.ndarray, summary: pd.DataFrame, *, days: float, max_purchases: int
) -> pd.DataFrame:
    """Return the distribution of purchases in the next days, whether alive or not.

    Staying through n purchases and being drawn n times are independent, so
    every probability is a sum of positive terms.

    Parameters
    ----------
    alive, log_odds, summary, days
        As in `p_no_purchase`.
    max_purchases : int
        The last column.

    Returns
    -------
    DataFrame
        Same index; columns 0 to `max_purchases`, the last one so many or more.
    """
    check_days(days)
    if operator.index(max_purchases) < 1:
        raise ValueError(f"max_purchases={max_purchases} must be at least 1.")
    counts = evaluate_once(
        lambda x, age: _counts_if_alive(alive, x, age, days, max_purchases), summary
    )
    counts *= expit(-log_odds)[:, None]
    counts[:, 0] += expit(log_odds)
    return pd.DataFrame(counts, summary.index, columns=range(max_purchases + 1))


def simulate(
    alive: Alive,
    log_odds: np.ndarray,
    summary: pd.DataFrame,
    *,
    days: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draw each customer's purchases in the next days, whether alive or not.

    Parameters
    ----------
    alive, log_odds, summary, days
        As in `p_no_purchase`.
    generator : Generator
        Four draws per customer, in the order of the summary.

    Returns
    -------
    array of int
    """
    check_days(days)
    x, _, age = columns(summary)
    is_alive = generator.random(x.size) < expit(-log_odds)
    rate = generator.gamma(alive.r + x) / (alive.alpha + age)
    p = generator.beta(alive.a, alive.b + x)
    opportunities = generator.poisson(rate * days)
    # Purchases until he leaves, the last one included: geometric; never where p rounds to 0.
    with np.errstate(divide="ignore"):
        until_gone = 1 + np.floor(generator.standard_exponential(x.size) / -np.log1p(-p))
    return np.where(is_alive, np.minimum(opportunities, until_gone), 0).astype(np.int64)


class _Nodes(NamedTuple):
    """Quadrature points p, one row per frequency, and weights of f(p) - f(1) and of -p^2 f'(p)."""

    p: np.ndarray
    weight: np.ndarray
    slope_weight: np.ndarray


def _nodes(a: float, b: np.ndarray, growth: np.ndarray) -> _Nodes:
    """Place the trapezoid rule where Beta(a + 1, b + 1) in logits is not negligible.

    To the left the integrand grows like p^-2 until p = 1 / growth.
    """
    centre = np.log((a + 1) / (b + 1))
    left = np.minimum(centre, -np.log1p(growth)) - _reach(a + 1, b + 1)
    if a > 1:
        left = np.maximum(left, np.log((a - 1) / (b + 1)) - _reach(a - 1, b + 1))
    right = centre + _reach(b + 1, a + 1)
    n_points = int(np.ceil((right - left).max(initial=0.0) / STEP)) + 1
    logit = np.linspace(left, right, max(n_points, MIN_POINTS), axis=-1)
    log_p, log_stay = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)

    b = b[:, None]
    density = (a + 1) * log_p + (b + 1) * log_stay
    weight = np.exp(density - density.max(axis=1, keepdims=True))
    weight *= b / (a + b + 1) / weight.sum(axis=1, keepdims=True)
    return _Nodes(np.exp(log_p), weight * np.exp(-log_stay), weight * np.exp(-2 * log_p) / (a + b))


def _reach(tail: float | np.ndarray, other: float | np.ndarray) -> float | np.ndarray:
    """Measure how far below its mode, in logits, Beta(tail, other) becomes negligible.

    The logarithm of the density falls ever more steeply towards a line, so
    that Newton's steps from beyond never overshoot.
    """
    share = tail / (tail + other)
    distance = NEGLIGIBLE / tail + np.sqrt(2 * NEGLIGIBLE * (1 / tail + 1 / other))
    for _ in range(3):
        left = 1 + share * np.expm1(-distance)
        fall = tail * distance + (tail + other) * np.log(left)
        distance -= (fall - NEGLIGIBLE) / (tail * (1 - np.exp(-distance) / left))
    return distance


def _counts_if_alive(
    alive: Alive, x: np.ndarray, age: np.ndarray, days: float, max_purchases: int
) -> np.ndarray:
    """Return P(n purchases), n = 0 to `max_purchases` or more, one row per customer.

    Opportunities in the horizon are negative binomial; he takes the n-th if
    he stayed after the n - 1 before it.
    """
    u, tau = (alive.r + x)[:, None], (days / (alive.alpha + age))[:, None]
    n = np.arange(1, max_purchases + 1)
    with np.errstate(divide="ignore"):
        steps = np.log1p((u - 1) / n) - np.log1p(1 / tau)
    log_exactly = np.cumsum(np.hstack([-u * np.log1p(tau), steps]), axis=1)
    exactly = np.exp(log_exactly[:, :-1])
    # The smaller of the two arguments keeps its digits.
    most = np.where(
        tau < 1,
        betainc(max_purchases, u, tau / (1 + tau)),
        betaincc(u, max_purchases, 1 / (1 + tau)),
    )
    # At least n: from the right, so that small terms add up before large ones.
    at_least = np.cumsum(np.hstack([most, exactly[:, :0:-1]]), axis=1)[:, ::-1]

    b = (alive.b + x)[:, None] + n - 1
    leaves = alive.a / (alive.a + b)
    stayed = np.cumprod(np.hstack([np.ones_like(u), b / (alive.a + b)]), axis=1)
    counts = np.empty((x.size, max_purchases + 1))
    counts[:, 0] = exactly[:, 0]
    counts[:, 1:-1] = stayed[:, 1:-1] * exactly[:, 1:]
    counts[:, 1:-1] += stayed[:, :-2] * leaves[:, :-1] * at_least[:, :-1]
    counts[:, -1] = stayed[:, -2] * at_least[:, -1]
    return counts
