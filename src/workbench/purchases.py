"""BG/NBD: how often customers buy, whether they still do, and what to expect of each of them.

Fader, Hardie and Lee (2005), Marketing Science 24 (2), 275-284; equations are theirs. A customer
buys at a rate from Gamma(r, alpha) and leaves after a purchase with a probability from Beta(a, b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, gammaln, polygamma, psi

from workbench import newton
from workbench.schema import DAYS_PER_WEEK, NotIdentified, TooFewData, check_summary

PARAMETERS = ("r", "alpha", "a", "b")
MIN_REPEAT_CUSTOMERS = 20
# An optimum is doubted beyond these: see `caution`.
MAX_SOUND_CONDITION = 1e5
MAX_SOUND_SUM = 1e3
MIN_SOUND_DROPOUT = 1e-3

# r, alpha over the longest T, a, b.
STARTS = ((0.5, 0.1, 1.0, 2.0), (1.0, 1.0, 0.1, 1.0))
# A systematic sample of this many profiles finds the start for all of them.
PILOT_PROFILES = 1024
# Blocks stay in cache, and BLAS sums vectors this short in one thread: same bytes on any machine.
BLOCK = 8192
QUADRATURE_POINTS = 161


@dataclass(frozen=True)
class BgNbd:
    """A fitted BG/NBD model.

    Attributes
    ----------
    r, alpha : float
        Gamma distribution of purchase rates; `alpha` in days.
    a, b : float
        Beta distribution of the probability to leave after a purchase.
    covariance : tuple of tuples of float
        Of r, alpha (days), a, b.
    log_likelihood : float
        With time in days; in weeks it is larger by ``sum(x) * ln 7``.
    n_customers, n_repeat : int
        Customers fitted, and those of them with a repeat purchase.
    condition : float
        Of the Hessian in log parameters; large on a flat ridge.
    """

    r: float
    alpha: float
    a: float
    b: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    log_likelihood: float
    n_customers: int
    n_repeat: int
    condition: float


def fit(profiles: pd.DataFrame) -> BgNbd:
    """Estimate BG/NBD by maximum likelihood.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`: `frequency` (count), `recency` and `T`
        (days), `customers` (count).

    Raises
    ------
    DataError
        If a profile breaks the promises of a summary.
    TooFewData
        If fewer than `MIN_REPEAT_CUSTOMERS` customers have a repeat purchase.
    NotIdentified
        If the likelihood has no interior optimum.

    References
    ----------
    Fader, Hardie and Lee (2005), equation 6.
    """
    check_summary(profiles)
    customers = profiles["customers"]
    n_customers = int(customers.sum())
    n_repeat = int(customers[profiles["frequency"] > 0].sum())
    if n_repeat < MIN_REPEAT_CUSTOMERS:
        raise TooFewData(
            f"BG/NBD needs {MIN_REPEAT_CUSTOMERS} customers with a repeat purchase; {n_repeat} of "
            f"{n_customers} have one. Take a longer calibration period or more customers.",
            have=n_repeat,
            need=MIN_REPEAT_CUSTOMERS,
        )

    scale = float(profiles["T"].max())
    try:
        optimum = _maximise(profiles, scale)
    except newton.NoInteriorOptimum as error:
        r, alpha, a, b = error.estimate
        raise NotIdentified(
            f"BG/NBD has no interior optimum on {n_customers} customers, {n_repeat} of them with "
            f"a repeat purchase: {error}. At most the ratios a/(a+b) = {a / (a + b):.3g} and "
            f"r/alpha = {r / alpha / scale * DAYS_PER_WEEK:.3g} a week are identified. "
            "Take a longer calibration period or more customers."
        ) from error

    unscale = np.array([1.0, scale, 1.0, 1.0])
    covariance = np.array(optimum.covariance) * np.outer(unscale, unscale)
    n_purchases = float(profiles["frequency"].to_numpy(float) @ customers.to_numpy(float))
    return BgNbd(
        *(np.array(optimum.estimate) * unscale).tolist(),
        covariance=tuple(map(tuple, covariance.tolist())),
        log_likelihood=optimum.log_likelihood - n_purchases * float(np.log(scale)),
        n_customers=n_customers,
        n_repeat=n_repeat,
        condition=optimum.condition,
    )


def log_likelihood(profiles: pd.DataFrame, *, r: float, alpha: float, a: float, b: float) -> float:
    """Return the log-likelihood of parameters, with `alpha` and all times in days."""
    return derivatives(profiles, r=r, alpha=alpha, a=a, b=b).value


def derivatives(
    profiles: pd.DataFrame, *, r: float, alpha: float, a: float, b: float
) -> newton.Derivatives:
    """Return log-likelihood, gradient and Hessian in r, alpha (days), a, b.

    Raises
    ------
    ValueError
        If a parameter is not positive.
    """
    if not min(r, alpha, a, b) > 0:
        raise ValueError(f"r={r}, alpha={alpha}, a={a}, b={b} must all be positive.")
    return _derivatives(_rows(profiles, 1.0), np.array([r, alpha, a, b]))


def caution(model: BgNbd) -> str:
    """Say in one word why a converged optimum deserves doubt.

    Returns
    -------
    str
        ``""`` if it is sound; ``no_dropout`` if customers leave after fewer
        than one in 1,000 purchases, so that P(alive) is 1 for nearly all;
        ``flat_ridge`` if a + b > 1,000 or r > 1,000 (customers do not differ,
        only the ratio is known) or the condition number is above 1e5.
    """
    if model.a / (model.a + model.b) < MIN_SOUND_DROPOUT:
        return "no_dropout"
    if max(model.a + model.b, model.r) > MAX_SOUND_SUM or model.condition > MAX_SOUND_CONDITION:
        return "flat_ridge"
    return ""


def parameter_table(model: BgNbd) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`
        (Wald on the log scale); `alpha` stands twice, in weeks and in days.
    """
    r_error, alpha_error, a_error, b_error = np.sqrt(np.diag(model.covariance))
    return newton.parameter_table(
        [model.r, model.alpha / DAYS_PER_WEEK, model.alpha, model.a, model.b],
        names=("r", "alpha", "alpha", "a", "b"),
        units=("1", "weeks", "days", "1", "1"),
        standard_error=[r_error, alpha_error / DAYS_PER_WEEK, alpha_error, a_error, b_error],
    )


def p_alive(model: BgNbd, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's probability of not having left by the day of the summary.

    It is 1 for everyone without a repeat purchase, because BG/NBD lets
    customers leave after repeat purchases only: not a churn score.

    Parameters
    ----------
    model : BgNbd
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.

    Returns
    -------
    Series
        `p_alive` (0 to 1), same index.

    References
    ----------
    Fader, Hardie and Lee (2008), Computing P(alive) using the BG/NBD model.
    """
    check_summary(summary)
    x, recency, age = _columns(summary)
    is_repeat = x > 0
    odds = np.log(model.a / (model.b + np.where(is_repeat, x - 1, 0.0)))
    odds += (model.r + x) * np.log1p((age - recency) / (model.alpha + recency))
    return pd.Series(np.where(is_repeat, expit(-odds), 1.0), summary.index, name="p_alive")


def p_purchase(model: BgNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's probability of at least one purchase in the next days.

    Parameters
    ----------
    model, summary
        As in `p_alive`.
    days : float
        Length of the horizon, from the day of the summary.

    Returns
    -------
    Series
        `p_purchase` (0 to 1), same index: P(alive) times
        ``1 - ((alpha + T) / (alpha + T + days)) ** (r + x)``.
    """
    _check_days(days)
    x, _, age = _columns(summary)
    stays = -np.expm1(-(model.r + x) * np.log1p(days / (model.alpha + age)))
    return (p_alive(model, summary) * stays).rename("p_purchase")


def expected_purchases(model: BgNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's expected number of purchases in the next days.

    Parameters
    ----------
    model, summary
        As in `p_alive`.
    days : float
        Length of the horizon, from the day of the summary.

    Returns
    -------
    Series
        `expected_purchases` (count), same index.

    References
    ----------
    Fader, Hardie and Lee (2005), equation 10, evaluated as an integral.
    """
    _check_days(days)
    alive = p_alive(model, summary)
    counts = evaluate_once(lambda x, age: expected_if_alive(model, x, age, days), summary)
    return (alive * counts).rename("expected_purchases")


def expected_repeat_purchases(model: BgNbd, ages: np.ndarray) -> np.ndarray:
    """Return the expected repeat purchases of a new customer up to each age.

    Parameters
    ----------
    model : BgNbd
    ages : array of float
        Days since the first purchase, each >= 0.

    References
    ----------
    Fader, Hardie and Lee (2005), equation 9, evaluated as an integral.
    """
    ages = np.asarray(ages, float)
    if not (ages >= 0).all():
        raise ValueError(f"ages must be at least 0 days; the least is {ages.min()}.")
    return expected_if_alive(model, np.zeros_like(ages), np.zeros_like(ages), ages)


def evaluate_once(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], summary: pd.DataFrame
) -> np.ndarray:
    """Evaluate a function of frequency and T once per distinct pair, for every row."""
    x, _, age = _columns(summary)
    x_code, x_values = pd.factorize(x, sort=True)
    age_code, age_values = pd.factorize(age, sort=True)
    code, pairs = pd.factorize(x_code * len(age_values) + age_code, sort=True)
    x_part, age_part = np.divmod(pairs, len(age_values))
    return function(x_values[x_part], age_values[age_part])[code]


def expected_if_alive(
    model: BgNbd, x: np.ndarray, age: np.ndarray, days: np.ndarray | float
) -> np.ndarray:
    """Return the expected purchases in the next days of customers known to be alive.

    With u = r + x, tau = days / (alpha + T) and p the probability to leave,
    this is the mean of ``f(p) = (1 - (1 + p tau)^-u) / p`` over Beta(a, b + x).
    Two integrations by parts turn it into

        f(1) + (b+x)/(a+b+x+1) * mean of (f(p) - f(1))/(1 - p) - f'(p)/(a+b+x)

    over Beta(a + 1, b + x + 1): every term is positive and no tail is heavy,
    whatever a and b. In the logit of p the trapezoid rule converges
    geometrically.

    Parameters
    ----------
    model : BgNbd
    x, age, days : array of float
        Frequency, T (days) and horizon (days); broadcast against each other.
    """
    x, age, days = np.broadcast_arrays(*(np.asarray(part, float) for part in (x, age, days)))
    shape = x.shape
    x, age, days = x.ravel(), age.ravel(), days.ravel()
    x_values, x_index = np.unique(x, return_inverse=True)
    longest = days.max(initial=0.0) / model.alpha
    nodes = _nodes(model.a, model.b + x_values, (model.r + x_values) * longest)

    result = np.empty(x.size)
    block = max(BLOCK * 4 // QUADRATURE_POINTS, 1)
    for first in range(0, x.size, block):
        part = slice(first, first + block)
        row = x_index[part]
        tau = (days[part] / (model.alpha + age[part]))[:, None]
        u = (model.r + x[part])[:, None]
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


class _Nodes(NamedTuple):
    """Quadrature points p, one row per frequency, and weights of f(p) - f(1) and of -p^2 f'(p)."""

    p: np.ndarray
    weight: np.ndarray
    slope_weight: np.ndarray


def _nodes(a: float, b: np.ndarray, growth: np.ndarray) -> _Nodes:
    """Place the trapezoid rule where Beta(a + 1, b + 1) in logits exceeds 1e-16 of its peak.

    To the left the integrand grows like p^-2 until p = 1 / growth.
    """
    centre = np.log((a + 1) / (b + 1))
    left = np.minimum(centre, -np.log1p(growth)) - _reach(a + 1, b + 1)
    if a > 1:
        left = np.maximum(left, np.log((a - 1) / (b + 1)) - _reach(a - 1, b + 1))
    right = centre + _reach(b + 1, a + 1)
    logit = np.linspace(left, right, QUADRATURE_POINTS, axis=-1)
    log_p, log_stay = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)

    b = b[:, None]
    density = (a + 1) * log_p + (b + 1) * log_stay
    weight = np.exp(density - density.max(axis=1, keepdims=True))
    weight *= b / (a + b + 1) / weight.sum(axis=1, keepdims=True)
    return _Nodes(np.exp(log_p), weight * np.exp(-log_stay), weight * np.exp(-2 * log_p) / (a + b))


def _reach(tail: float | np.ndarray, other: float | np.ndarray) -> np.ndarray:
    """Bound the distance in which a logit-Beta tail falls by 38 in logs: Gaussian, then linear."""
    return 38 / tail + np.sqrt(76 * (1 / tail + 1 / other))


class _Rows(NamedTuple):
    """All profiles, those with a repeat purchase, and the histogram of frequency."""

    x: np.ndarray
    age: np.ndarray
    weight: np.ndarray
    repeat_x: np.ndarray
    repeat_recency: np.ndarray
    repeat_age: np.ndarray
    repeat_weight: np.ndarray
    repeat_index: np.ndarray
    x_values: np.ndarray
    x_weights: np.ndarray


def _rows(profiles: pd.DataFrame, scale: float) -> _Rows:
    x, recency, age = _columns(profiles)
    weight = profiles["customers"].to_numpy(float)
    x_values, x_index = np.unique(x, return_inverse=True)
    is_repeat = x > 0
    return _Rows(
        x=x,
        age=age / scale,
        weight=weight,
        repeat_x=x[is_repeat],
        repeat_recency=recency[is_repeat] / scale,
        repeat_age=age[is_repeat] / scale,
        repeat_weight=weight[is_repeat],
        repeat_index=x_index[is_repeat],
        x_values=x_values,
        x_weights=np.bincount(x_index, weight),
    )


def _maximise(profiles: pd.DataFrame, scale: float) -> newton.Optimum:
    starts: tuple[tuple[float, ...], ...] = STARTS
    if len(profiles) > 4 * PILOT_PROFILES:
        pilot = _rows(profiles.iloc[:: len(profiles) // PILOT_PROFILES], scale)
        try:
            optimum = newton.maximise(
                lambda theta: _derivatives(pilot, theta), names=PARAMETERS, starts=STARTS
            )
            starts = (optimum.estimate,)
        except newton.NoInteriorOptimum:
            pass
    rows = _rows(profiles, scale)
    return newton.maximise(lambda theta: _derivatives(rows, theta), names=PARAMETERS, starts=starts)


def _derivatives(rows: _Rows, theta: np.ndarray) -> newton.Derivatives:
    """Sum the log-likelihood and its derivatives; time in the unit of the rows.

    Equation 6 with the two summands divided by the one of the customers who
    are alive: ``log1p(exp(odds))`` remains, and the Gamma functions depend on
    frequency alone.
    """
    value, gradient, hessian = _gamma_part(rows, theta)
    r, alpha, a, b = theta

    for first in range(0, rows.x.size, BLOCK):
        part = slice(first, first + BLOCK)
        x, age, weight = rows.x[part], rows.age[part], rows.weight[part]
        inverse = 1 / (alpha + age)
        decay = np.log1p(age / alpha)
        weight_inverse, weight_age = weight * inverse, weight * age * inverse
        value -= weight @ (r * decay) + (weight * x) @ np.log(alpha + age)
        gradient[0] -= weight @ decay
        gradient[1] += r / alpha * weight_age.sum() - weight_inverse @ x
        hessian[0, 1] += weight_age.sum() / alpha
        hessian[1, 1] += (weight_inverse * inverse) @ x
        hessian[1, 1] -= r / alpha**2 * (weight_age.sum() + alpha * (weight_age @ inverse))

    # In x = 0, which no repeat row looks up, b + x - 1 may be negative.
    before = b + np.maximum(rows.x_values - 1, 0)
    log_before, inverse_before = np.log(before), 1 / before
    for first in range(0, rows.repeat_x.size, BLOCK):
        part = slice(first, first + BLOCK)
        u, index = r + rows.repeat_x[part], rows.repeat_index[part]
        now, last = 1 / (alpha + rows.repeat_age[part]), 1 / (alpha + rows.repeat_recency[part])
        silence = np.log1p((rows.repeat_age[part] - rows.repeat_recency[part]) * last)
        odds = np.log(a) - log_before[index] + u * silence

        tail = np.exp(-np.abs(odds))
        left = np.where(odds > 0, 1.0, tail) / (1 + tail)
        weight = rows.repeat_weight[part]
        value += weight @ (np.maximum(odds, 0) + np.log1p(tail))

        # Derivatives of the odds by r, alpha, a, b: silence, slope, 1 / a, -per_b.
        shift = now - last
        slope, per_b = u * shift, inverse_before[index]
        first_order = weight * left
        second_order = first_order * (1 - left)
        sum_1, sum_2 = first_order.sum(), second_order.sum()
        gradient += (first_order @ silence, first_order @ slope, sum_1 / a, -first_order @ per_b)
        by_silence, by_slope = second_order * silence, second_order * slope
        by_b = second_order * per_b
        hessian[0] += (
            by_silence @ silence,
            by_silence @ slope + first_order @ shift,
            by_silence.sum() / a,
            -by_silence @ per_b,
        )
        hessian[1, 1] += by_slope @ slope - (first_order * slope) @ (now + last)
        hessian[1, 2] += by_slope.sum() / a
        hessian[1, 3] -= by_slope @ per_b
        hessian[2, 2] += (sum_2 - sum_1) / a**2
        hessian[2, 3] -= by_b.sum() / a
        hessian[3, 3] += (by_b + first_order * per_b) @ per_b
    return newton.Derivatives(float(value), gradient, np.triu(hessian) + np.triu(hessian, 1).T)


def _gamma_part(rows: _Rows, theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    r, _, a, b = theta
    x, weight = rows.x_values, rows.x_weights
    value = weight @ (
        gammaln(r + x)
        - gammaln(r)
        + gammaln(b + x)
        - gammaln(b)
        + gammaln(a + b)
        - gammaln(a + b + x)
    )
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    both = weight @ (psi(a + b) - psi(a + b + x))
    gradient[0] = weight @ (psi(r + x) - psi(r))
    gradient[2:] = both, both + weight @ (psi(b + x) - psi(b))
    both = weight @ (polygamma(1, a + b) - polygamma(1, a + b + x))
    hessian[0, 0] = weight @ (polygamma(1, r + x) - polygamma(1, r))
    hessian[2, 2:] = both
    hessian[3, 3] = both + weight @ (polygamma(1, b + x) - polygamma(1, b))
    return value, gradient, hessian


def _columns(summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(summary[name].to_numpy(float) for name in ("frequency", "recency", "T"))


def _check_days(days: float) -> None:
    if not 0 <= days < float("inf"):
        raise ValueError(f"days={days} must be a length of at least 0 days.")
