"""What customers do next who may leave after each purchase: means, chances, counts, simulated.

Shared by BG/NBD and MBG/NBD; all purchase models use the checks and the records. A customer who is
alive at age T after x repeat purchases buys at a rate from Gamma(r + x, alpha + T) and leaves after
each purchase with a probability from Beta(a, b + x); MBG/NBD counts the first purchase too, which
makes its b one larger. Each function here is about customers known to be alive, unless it takes
their log odds of having left.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial import chebyshev
from scipy.special import betainc, betaincc, expit

# Blocks stay in cache.
BLOCK = 32_768
# In logits the trapezoid rule errs like exp(-pi^2 / step), times a power of 1 / step.
STEP = 0.28
MIN_POINTS = 49
# Of the logarithm of a density below its peak: exp(-32) is 1e-14.
NEGLIGIBLE = 32
# A series of n terms that converges like exp(-n rate) ends at this n rate.
DIGITS = 32
# Money beyond exp(-40) of its worth is none: less than rounding of all that comes before.
WORTHLESS = 40.0
# Codes of pairs are looked up, not sorted, in tables of so many places, or 8 per row.
MIN_PLACES = 2**20


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


class Prospects(NamedTuple):
    """What to expect in a horizon of customers known to be alive, one value per row.

    Attributes
    ----------
    p_purchase : array of float
        Probability of at least one purchase.
    expected_purchases : array of float
        Mean count.
    discounted_purchases : array of float
        Mean of the sum of ``exp(-daily_rate t)`` over purchases after t days.
    """

    p_purchase: np.ndarray
    expected_purchases: np.ndarray
    discounted_purchases: np.ndarray


class Pairs(NamedTuple):
    """Distinct pairs of frequency and T (days), sorted, and the pair of each customer."""

    x: np.ndarray
    age: np.ndarray
    code: np.ndarray


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


def check_annual_rate(annual_discount_rate: float) -> None:
    """Refuse a discount rate that is no share, or no sensible one."""
    if not 0 <= annual_discount_rate < 1:
        raise ValueError(
            f"annual_discount_rate={annual_discount_rate} must be at least 0 and below 1, "
            "as an effective rate a year: write 0.10 for 10 %."
        )


def check_positive(parameters: Mapping[str, float]) -> None:
    """Refuse parameters of a model of which one is not positive."""
    if not min(parameters.values()) > 0:
        named = ", ".join(f"{name}={value}" for name, value in parameters.items())
        raise ValueError(f"{named} must all be positive.")


def pairs(summary: pd.DataFrame) -> Pairs:
    """Find the distinct pairs of frequency and T: what is expected of the alive depends on them.

    Examples
    --------
    >>> pairs(pd.DataFrame({"frequency": [2, 0, 2], "recency": [3.0, 0.0, 4.0], "T": [9.0] * 3}))
    Pairs(x=array([0., 2.]), age=array([9., 9.]), code=array([1, 0, 1]))
    """
    x_code, x_values = _codes(summary["frequency"].to_numpy())
    age_code, age_values = _codes(summary["T"].to_numpy(float))
    key = x_code * len(age_values) + age_code
    n_places = len(x_values) * len(age_values)
    if n_places <= max(8 * key.size, MIN_PLACES):
        is_there = np.zeros(n_places, bool)
        is_there[key] = True
        found = np.flatnonzero(is_there)
        code = (np.cumsum(is_there) - 1)[key]
    else:
        found, code = np.unique(key, return_inverse=True)
    x_part, age_part = np.divmod(found, len(age_values))
    return Pairs(x_values[x_part], age_values[age_part], code)


def evaluate_once(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], summary: pd.DataFrame
) -> np.ndarray:
    """Evaluate a function of frequency and T once per distinct pair, for every row."""
    x, age, code = pairs(summary)
    return function(x, age)[code]


def evaluate_in_blocks(
    function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray], summary: pd.DataFrame
) -> np.ndarray:
    """Evaluate a function of frequency, recency and T in blocks of rows that stay in cache."""
    named = [summary[name].to_numpy() for name in ("frequency", "recency", "T")]
    result = np.empty(len(summary))
    for first in range(0, len(summary), BLOCK):
        part = slice(first, first + BLOCK)
        result[part] = function(*(column[part].astype(float) for column in named))
    return result


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
    spans = days / (alive.alpha + age)
    growth = (alive.r + x_values) * spans.max(initial=0.0)
    nodes = _nodes(alive.a, alive.b + x_values, growth)

    result = np.empty(x.size)
    block = max(BLOCK // nodes.p.shape[1], 1)
    for first in range(0, x.size, block):
        part = slice(first, first + block)
        row = x_index[part]
        tau = spans[part, None]
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


def prospects(
    alive: Alive, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> Prospects:
    """Return chance, mean and discounted mean of the purchases in the next days.

    Parameters
    ----------
    alive : Alive
    x, age : array of float
        Frequency and T (days), one pair per row.
    days : float
        Length of the horizon, above 0.
    daily_rate : float
        Continuous rate of discount a day, at least 0.
    """
    expected = expected_purchases(alive, x, age, days)
    return Prospects(
        p_purchase=-np.expm1(-(alive.r + x) * np.log1p(days / (alive.alpha + age))),
        expected_purchases=expected,
        discounted_purchases=np.exp(-daily_rate * days) * expected
        + _lost_to_waiting(alive, x, age, days=days, daily_rate=daily_rate),
    )


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
    with np.errstate(divide="ignore", over="ignore"):
        until_gone = 1 + np.floor(generator.standard_exponential(x.size) / -np.log1p(-p))
    return np.where(is_alive, np.minimum(opportunities, until_gone), 0).astype(np.int64)


def _codes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers for values, in their order, and what each number stands for."""
    if values.max() < MIN_PLACES:
        whole = values.astype(np.int64)
        if (whole == values).all():
            return whole, np.arange(whole.max() + 1.0)
    return pd.factorize(values.astype(float), sort=True)


def _lost_to_waiting(
    alive: Alive, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> np.ndarray:
    """Integrate ``rate exp(-rate t) M(t)`` over the horizon, M(t) the expected purchases.

    M depends on x and tau = t / (alpha + T) alone, and the discount on T alone.
    In v = log1p(k tau), with k so large that no customer's rate times chance
    to leave exceeds it, ``M / tau sqrt(1 + k tau)`` is bounded as far as pi / 2
    from the real axis: a Chebyshev series per x converges geometrically,
    whatever a, b and the horizon, and the square root keeps its relative
    digits at both ends. What remains are the discounted moments of the
    polynomials, one row per T.
    """
    if daily_rate == 0:
        return np.zeros(x.size)
    days = min(days, WORTHLESS / daily_rate)
    x_values, x_index = np.unique(x, return_inverse=True)
    age_values, age_index = np.unique(age, return_inverse=True)
    clock = alive.alpha + age_values
    b = alive.b + x_values
    largest_p = expit(np.log((alive.a + 1) / (b + 1)) + _reach(b + 1, alive.a + 1))
    k = max(float(((alive.r + x_values + 1) * largest_p).max()), 1.0)
    end = float(np.log1p(k * days / clock[0]))
    n_terms = int(np.ceil(DIGITS / np.arcsinh(np.pi / end))) + 4

    node = np.cos(np.pi * (np.arange(n_terms) + 0.5) / n_terms)
    v = end * (1 + node) / 2
    tau = np.expm1(v) / k
    height = expected_purchases(alive, x_values[:, None], 0.0, tau * alive.alpha)
    height *= np.exp(v / 2) / tau
    series = np.einsum("xi,ik->xk", height, chebyshev.chebvander(node, n_terms - 1)) / n_terms
    series[:, 1:] *= 2

    moments = np.empty((clock.size, n_terms))
    point, weight = np.polynomial.legendre.leggauss(n_terms // 2 + 8)
    block = max(BLOCK // n_terms, 1)
    for first in range(0, clock.size, block):
        part = slice(first, first + block)
        near = clock[part, None]
        length = np.log1p(k * days / near) / 2
        v = length * (1 + point)
        tau = np.expm1(v) / k
        z = daily_rate * near
        mass = np.exp(v / 2 - z * tau) * tau * (z * length / k) * weight
        polynomials = chebyshev.chebvander(2 * v / end - 1, n_terms - 1)
        moments[part] = np.einsum("ij,ijk->ik", mass, polynomials)

    lost = np.empty(x.size)
    for first in range(0, x.size, BLOCK):
        part = slice(first, first + BLOCK)
        lost[part] = np.einsum("ij,ij->i", series[x_index[part]], moments[age_index[part]])
    return lost


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
