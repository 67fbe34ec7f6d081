"""Pareto/NBD: how often customers buy, whether they still do, and what to expect of each of them.

Schmittlein, Morrison and Colombo (1987), Management Science 33 (1), 1-24. A customer buys at a
rate from Gamma(r, alpha) until he leaves, unseen, at a rate from Gamma(s, beta).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, exprel, gammaln, polygamma, psi

from workbench import fitting, leaving, newton, predictive
from workbench.predictive import Prospects, evaluate_once
from workbench.schema import DAYS_PER_WEEK, DAYS_PER_YEAR, NotIdentified, check_summary

PARAMETERS = ("r", "alpha", "s", "beta")
# An optimum is doubted beyond these: see `caution`.
MAX_SOUND_CONDITION = 1e5
MAX_SOUND_SHAPE = 1e3
MIN_SOUND_DROPOUT = 1e-3

# r, alpha over the longest T, s, beta over the longest T.
STARTS = ((0.5, 0.1, 0.5, 0.2), (1.0, 0.5, 2.0, 2.0), (1.0, 1.0, 0.1, 0.1))
# A systematic sample of this many profiles finds the start for all of them.
PILOT_PROFILES = 1024
# Blocks stay in cache, and BLAS sums vectors this short in one thread: same bytes on any machine.
BLOCK = 8192
# Instead of 0 in a denominator; its inverse is still a number.
TINY = 1e-290


@dataclass(frozen=True)
class ParetoNbd:
    """A fitted Pareto/NBD model.

    Attributes
    ----------
    r, alpha : float
        Gamma distribution of purchase rates; `alpha` in days.
    s, beta : float
        Gamma distribution of the rates of leaving; `beta` in days.
    covariance : tuple of tuples of float
        Of r, alpha (days), s, beta (days).
    log_likelihood : float
        With time in days; in weeks it is larger by ``sum(x) * ln 7``.
    n_customers, n_repeat : int
        Customers fitted, and those of them with a repeat purchase.
    condition : float
        Of the Hessian in log parameters; large on a flat ridge.
    """

    name: ClassVar[str] = "pareto_nbd"

    r: float
    alpha: float
    s: float
    beta: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    log_likelihood: float
    n_customers: int
    n_repeat: int
    condition: float


def fit(profiles: pd.DataFrame, *, start: tuple[float, ...] | None = None) -> ParetoNbd:
    """Estimate Pareto/NBD by maximum likelihood.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`: `frequency` (count), `recency` and `T`
        (days), `customers` (count).
    start : tuple of float, optional
        r, alpha (days), s, beta (days) to climb from, such as the estimate on
        nearly the same customers.

    Raises
    ------
    DataError
        If a profile breaks the promises of a summary.
    TooFewData
        If fewer than `fitting.MIN_REPEAT_CUSTOMERS` customers have a repeat purchase.
    NotIdentified
        If the likelihood has no interior optimum.

    References
    ----------
    Fader and Hardie (2005), A note on deriving the Pareto/NBD model and
    related expressions: the likelihood before its integral is written with
    hypergeometric functions.
    """
    n_customers, n_repeat = fitting.count_customers(profiles, title="Pareto/NBD")
    scale = float(profiles["T"].max())
    if start is not None:
        predictive.check_positive(dict(zip(PARAMETERS, start, strict=True)))
        start = tuple(start / np.array([1.0, scale, 1.0, scale]))
    try:
        optimum = _maximise(profiles, scale, start)
    except newton.NoInteriorOptimum as error:
        r, alpha, s, beta = error.estimate
        raise NotIdentified(
            f"Pareto/NBD has no interior optimum on {n_customers} customers, {n_repeat} of them "
            f"with a repeat purchase: {error}. At most the mean rates of buying, "
            f"r/alpha = {r / alpha / scale * DAYS_PER_WEEK:.3g} a week, and of leaving, "
            f"s/beta = {s / beta / scale * DAYS_PER_WEEK:.3g} a week, are identified. "
            "Take a longer calibration period or more customers."
        ) from error

    estimate, covariance, reached = fitting.in_days(optimum, profiles, scale=scale, times=[1, 3])
    return ParetoNbd(
        *estimate,
        covariance=covariance,
        log_likelihood=reached,
        n_customers=n_customers,
        n_repeat=n_repeat,
        condition=optimum.condition,
    )


def log_likelihood(
    profiles: pd.DataFrame, *, r: float, alpha: float, s: float, beta: float
) -> float:
    """Return the log-likelihood of parameters, with `alpha`, `beta` and all times in days."""
    return derivatives(profiles, r=r, alpha=alpha, s=s, beta=beta).value


def derivatives(
    profiles: pd.DataFrame, *, r: float, alpha: float, s: float, beta: float
) -> newton.Derivatives:
    """Return log-likelihood, gradient and Hessian in r, alpha (days), s, beta (days).

    Raises
    ------
    ValueError
        If a parameter is not positive.
    """
    predictive.check_positive({"r": r, "alpha": alpha, "s": s, "beta": beta})
    return likelihood(profiles)(np.array([r, alpha, s, beta]))


def likelihood(profiles: pd.DataFrame) -> Callable[[np.ndarray], newton.Derivatives]:
    """Return `derivatives` as a function of r, alpha (days), s, beta (days), to be asked often."""
    return partial(_derivatives, _rows(profiles, 1.0))


def caution(model: ParetoNbd) -> str:
    """Say in one word why a converged optimum deserves doubt.

    Returns
    -------
    str
        ``""`` if it is sound; ``no_dropout`` if fewer than one customer
        leaves per 1,000 purchases, so that P(alive) is 1 for nearly all;
        ``flat_ridge`` if r or s > 1,000 (customers do not differ, only the
        mean rate is known) or the condition number is above 1e5.
    """
    if model.s / model.beta < MIN_SOUND_DROPOUT * model.r / model.alpha:
        return "no_dropout"
    if max(model.r, model.s) > MAX_SOUND_SHAPE or model.condition > MAX_SOUND_CONDITION:
        return "flat_ridge"
    return ""


def p_alive(model: ParetoNbd, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's probability of not having left by the day of the summary.

    Parameters
    ----------
    model : ParetoNbd
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.

    Returns
    -------
    Series
        `p_alive` (0 to 1), same index.

    References
    ----------
    Schmittlein, Morrison and Colombo (1987), equations 11 to 13, evaluated
    as an integral.

    Examples
    --------
    >>> model = ParetoNbd(1.0, 1.0, 1.0, 1.0, (), 0.0, 0, 0, 1.0)
    >>> customers = pd.DataFrame({"frequency": [0, 2], "recency": [0.0, 1.0], "T": [1.0, 1.0]})
    >>> p_alive(model, customers).round(6).tolist()
    [0.4, 1.0]
    """
    check_summary(summary)
    return pd.Series(expit(-_log_odds(model, summary)), summary.index, name="p_alive")


def p_no_purchase(model: ParetoNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's probability of buying nothing in the next days.

    Parameters
    ----------
    model, summary
        As in `p_alive`.
    days : float
        Length of the horizon, from the day of the summary.

    Returns
    -------
    Series
        `p_no_purchase` (0 to 1), same index: he has left, or leaves before
        he buys, or neither leaves nor buys.
    """
    predictive.check_days(days)
    check_summary(summary)
    log_odds = _log_odds(model, summary)

    def silent_if_alive(x: np.ndarray, age: np.ndarray) -> np.ndarray:
        u, alpha, beta = model.r + x, model.alpha + age, model.beta + age
        stays = np.exp(-u * np.log1p(days / alpha) - model.s * np.log1p(days / beta))
        return stays + np.exp(_log_leaves(u, model.s, alpha, beta, np.full(x.size, days)))

    silent = evaluate_once(silent_if_alive, summary)
    chance = silent + expit(log_odds) * (1 - silent)
    return pd.Series(chance, summary.index, name="p_no_purchase")


def expected_purchases(model: ParetoNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's expected number of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.

    Returns
    -------
    Series
        `expected_purchases` (count), same index.

    References
    ----------
    Schmittlein, Morrison and Colombo (1987), equation 22, in a form without
    a gap at s = 1.
    """
    predictive.check_days(days)
    x, age = summary["frequency"].to_numpy(float), summary["T"].to_numpy(float)
    counts = _expected_if_alive(model, x, age, days)
    return (p_alive(model, summary) * counts).rename("expected_purchases")


def purchase_counts(
    model: ParetoNbd, summary: pd.DataFrame, *, days: float, max_purchases: int
) -> pd.DataFrame:
    """Return each customer's distribution of the number of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.
    max_purchases : int
        The last column, at least 1: so many purchases or more.

    Returns
    -------
    DataFrame
        Same index; columns 0 to `max_purchases` (probabilities that add up
        to 1).
    """
    if max_purchases < 1:
        raise ValueError(f"max_purchases={max_purchases} must be at least 1.")
    predictive.check_days(days)
    check_summary(summary)
    log_odds = _log_odds(model, summary)
    if_alive = evaluate_once(
        lambda x, age: _counts_if_alive(model, x, age, days, max_purchases), summary
    )
    table = expit(-log_odds)[:, None] * if_alive
    table[:, 0] = if_alive[:, 0] + expit(log_odds) * (1 - if_alive[:, 0])
    return pd.DataFrame(table, summary.index, range(max_purchases + 1))


def simulate(
    model: ParetoNbd, summary: pd.DataFrame, *, days: float, generator: np.random.Generator
) -> np.ndarray:
    """Draw each customer's number of purchases in the next days once.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.
    generator : numpy.random.Generator
        Same state and same rows, same draws.

    Returns
    -------
    array of int
        One count per row: whether he is still there, and if so a rate and a
        lifetime from what is known of him, then a Poisson count.
    """
    predictive.check_days(days)
    alive = generator.random(len(summary)) < p_alive(model, summary).to_numpy()
    x, age = summary["frequency"].to_numpy(float), summary["T"].to_numpy(float)
    rate = generator.gamma(model.r + x) / (model.alpha + age)
    # A Pareto lifetime is an exponential one at a Gamma rate; the bound keeps exp finite.
    exponent = np.minimum(generator.exponential(1 / model.s, len(summary)), 700.0)
    active_days = np.minimum((model.beta + age) * np.expm1(exponent), days)
    return generator.poisson(np.where(alive, rate * active_days, 0.0))


def expected_repeat_purchases(model: ParetoNbd, ages: np.ndarray) -> np.ndarray:
    """Return the expected repeat purchases of a new customer up to each age.

    Parameters
    ----------
    model : ParetoNbd
    ages : array of float
        Days since the first purchase, each >= 0.

    References
    ----------
    Schmittlein, Morrison and Colombo (1987), equation 17.
    """
    ages = predictive.check_ages(ages)
    return _expected_if_alive(model, np.zeros_like(ages), np.zeros_like(ages), ages)


def prospects(
    model: ParetoNbd, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> Prospects:
    """Return what to expect in the next days of alive customers; as `predictive.prospects`."""
    u, clock = model.r + x, model.alpha + age
    age_values, age_index = np.unique(age, return_inverse=True)
    active = _discounted_days(model.s, model.beta + age_values, days, daily_rate)[age_index]
    # The day of the first purchase, before which he neither leaves nor buys.
    span = np.full(x.size, float(days))
    first = leaving.log_integral(0, u + 1, model.s, clock, model.beta + age, span)
    return Prospects(
        p_purchase=u / clock * np.exp(first),
        expected_purchases=_expected_if_alive(model, x, age, days),
        discounted_purchases=u / clock * active,
    )


def dert(model: ParetoNbd, summary: pd.DataFrame, *, annual_discount_rate: float) -> pd.Series:
    """Return each customer's discounted expected residual transactions, without a horizon.

    A purchase after t days counts ``(1 + annual_discount_rate) ** (-t / 365)``.
    With delta the logarithm of the yearly factor over 365 and U the
    confluent hypergeometric function of Tricomi, it is

        P(alive) (r + x) / (alpha + T) (beta + T)^s delta^(s-1) U(s, s, delta (beta + T)).

    Parameters
    ----------
    model, summary
        As in `p_alive`.
    annual_discount_rate : float
        Effective rate a year: 0.10 is 10 %. Without discounting the sum is
        finite only if s > 1.

    Returns
    -------
    Series
        `dert` (count), same index.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for
    customer base analysis, Journal of Marketing Research 42 (4), 415-430.
    """
    predictive.check_annual_rate(annual_discount_rate)
    if annual_discount_rate == 0 and model.s <= 1:
        raise ValueError(
            f"without discounting, s={model.s:.4g} <= 1 expects infinitely many purchases. "
            "Take an annual_discount_rate above 0."
        )
    x, age = summary["frequency"].to_numpy(float), summary["T"].to_numpy(float)
    daily_rate = float(np.log1p(annual_discount_rate)) / DAYS_PER_YEAR
    active = _once(
        lambda age: leaving.discounted_lifetime(model.s, model.beta + age, daily_rate), summary["T"]
    )
    values = p_alive(model, summary) * ((model.r + x) / (model.alpha + age) * active)
    return values.rename("dert")


def parameter_table(model: ParetoNbd) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`
        (Wald on the log scale); `alpha` and `beta` stand twice, in weeks and
        in days.
    """
    estimate = {name: getattr(model, name) for name in PARAMETERS}
    return fitting.parameter_table(estimate, times=["alpha", "beta"], covariance=model.covariance)


def _expected_if_alive(
    model: ParetoNbd, x: np.ndarray, age: np.ndarray, days: np.ndarray | float
) -> np.ndarray:
    """Multiply the mean rate by the mean of the lifetime or the horizon, whichever ends first."""
    span = np.log1p(days / (model.beta + age))
    active = (model.beta + age) * span * exprel((1 - model.s) * span)
    return (model.r + x) / (model.alpha + age) * active


def _discounted_days(s: float, beta: np.ndarray, days: float, daily_rate: float) -> np.ndarray:
    """Return the mean discounted days before customers leave or the horizon ends.

    In ``v = log1p(t / beta)`` the integrand is log-concave and bounded as far
    as pi / 2 from the real axis; it is followed until it has fallen by `DROP`.
    """
    z = daily_rate * beta
    end = np.log1p(np.minimum(days, predictive.WORTHLESS / max(daily_rate, TINY)) / beta)
    peak = np.clip(np.log(np.maximum((1 - s) / np.maximum(z, TINY), 1.0)), 0.0, end)
    top = (1 - s) * peak - z * np.expm1(peak)
    for _ in range(leaving.BOUND_STEPS):
        fallen = top - (1 - s) * end + z * np.expm1(end)
        slope = np.minimum(1 - s - z * np.exp(end), -TINY)
        end = np.where(fallen > leaving.DROP, end + (fallen - leaving.DROP) / slope, end)
    n = 28 + int(np.ceil(predictive.DIGITS / 2 / np.arcsinh(np.pi / end.max())))
    point, weight = np.polynomial.legendre.leggauss(n)
    v = end[:, None] * (1 + point) / 2
    height = np.exp((1 - s) * v - z[:, None] * np.expm1(v) - top[:, None])
    return beta * np.exp(top) * end / 2 * np.einsum("ij,j->i", height, weight)


def _counts_if_alive(
    model: ParetoNbd, x: np.ndarray, age: np.ndarray, days: float, max_purchases: int
) -> np.ndarray:
    """Return P(0), P(1) ... P(max_purchases or more) of customers known to be alive.

    P(k) adds those who stay to those who leave at y with k purchases; "or
    more" adds up, over the time y of the last purchase that it takes, those
    who are still there. All terms are positive.
    """
    u, alpha, beta = model.r + x, model.alpha + age, model.beta + age
    table = np.zeros((x.size, max_purchases + 1))
    if days == 0:
        table[:, 0] = 1.0
        return table
    span = np.full(x.size, days)
    log_stays = -u * np.log1p(days / alpha) - model.s * np.log1p(days / beta)
    log_bought = -np.log1p(alpha / days)
    # ln of Gamma(u + k) / (Gamma(u) k!), each from the one before.
    log_ways = np.zeros(x.size)
    for k in range(max_purchases):
        leaves = leaving.log_integral(k, u, model.s + 1, alpha, beta, span) + np.log(model.s / beta)
        table[:, k] = np.exp(log_ways + np.logaddexp(log_stays + k * log_bought, leaves))
        log_ways += np.log((u + k) / (k + 1))
    last = leaving.log_integral(max_purchases - 1, u + 1, model.s, alpha, beta, span)
    table[:, -1] = np.exp(log_ways + np.log(max_purchases / alpha) + last)
    return table


def _log_odds(model: ParetoNbd, summary: pd.DataFrame) -> np.ndarray:
    """Return the log odds of each customer's having left; -inf if he bought on the last day."""

    def evaluate(x: np.ndarray, recency: np.ndarray, age: np.ndarray) -> np.ndarray:
        u, silence = model.r + x, age - recency
        alpha, beta = model.alpha + recency, model.beta + recency
        stays = u * np.log1p(silence / alpha) + model.s * np.log1p(silence / beta)
        return stays + _log_leaves(u, model.s, alpha, beta, silence)

    return _once(evaluate, summary["frequency"], summary["recency"], summary["T"])


def _log_leaves(
    u: np.ndarray, s: float, alpha: np.ndarray, beta: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """Return the log probability of leaving within a span of days before buying again."""
    return np.log(s / beta) + leaving.log_integral(0, u, s + 1, alpha, beta, span)


def _once(function: Callable[..., np.ndarray], *columns: pd.Series) -> np.ndarray:
    """Evaluate a function of columns once per distinct combination, for every row."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        part, values = pd.factorize(column.to_numpy(float), sort=True)
        code, _ = pd.factorize(code * len(values) + part, sort=True)
    first = np.unique(code, return_index=True)[1]
    return function(*(column.to_numpy(float)[first] for column in columns))[code]


class _Rows(NamedTuple):
    """All profiles, those silent at the end, and the histogram of frequency."""

    x: np.ndarray
    age: np.ndarray
    weight: np.ndarray
    silent_x: np.ndarray
    silent_recency: np.ndarray
    silence: np.ndarray
    silent_weight: np.ndarray
    x_values: np.ndarray
    x_weights: np.ndarray


def _rows(profiles: pd.DataFrame, scale: float) -> _Rows:
    x, recency, age, weight = (
        profiles[name].to_numpy(float) for name in ("frequency", "recency", "T", "customers")
    )
    x_values, x_index = np.unique(x, return_inverse=True)
    is_silent = recency < age
    return _Rows(
        x=x,
        age=age / scale,
        weight=weight,
        silent_x=x[is_silent],
        silent_recency=recency[is_silent] / scale,
        silence=(age - recency)[is_silent] / scale,
        silent_weight=weight[is_silent],
        x_values=x_values,
        x_weights=np.bincount(x_index, weight),
    )


def _maximise(
    profiles: pd.DataFrame, scale: float, start: tuple[float, ...] | None
) -> newton.Optimum:
    starts: tuple[tuple[float, ...], ...] = STARTS if start is None else (start,)
    if start is None and len(profiles) > 4 * PILOT_PROFILES:
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

    A customer who is still there has the likelihood

        Gamma(r+x)/Gamma(r) alpha^r beta^s (alpha+T)^-(r+x) (beta+T)^-s;

    having left at any y since the last purchase multiplies it by 1 + odds.
    """
    value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
    r, alpha, s, beta = theta

    x, weight = rows.x_values, rows.x_weights
    value += weight @ (gammaln(r + x) - gammaln(r))
    gradient[0] += weight @ (psi(r + x) - psi(r))
    hessian[0, 0] += weight @ (polygamma(1, r + x) - polygamma(1, r))
    for part in leaving.slices(np.arange(rows.x.size), BLOCK):
        x, age, weight = rows.x[part], rows.age[part], rows.weight[part]
        for first, shape, scale, counts in ((0, r, alpha, x), (2, s, beta, np.zeros_like(x))):
            inverse, decay = 1 / (scale + age), np.log1p(age / scale)
            slope = age * inverse / scale
            value -= weight @ (shape * decay + counts * np.log(scale + age))
            gradient[first] -= weight @ decay
            gradient[first + 1] += weight @ (shape * slope - counts * inverse)
            hessian[first, first + 1] += weight @ slope
            hessian[first + 1, first + 1] += weight @ (
                counts * inverse**2 - shape * slope * (1 / scale + inverse)
            )

    for part in leaving.slices(np.arange(rows.silence.size), BLOCK):
        odds = _odds(rows, part, theta)
        weight, left = rows.silent_weight[part], expit(odds.log)
        value += weight @ np.logaddexp(0, odds.log)
        by_odds, both = weight * left, weight * left * (1 - left)
        gradient += odds.gradient @ by_odds
        for i in range(4):
            for j in range(i, 4):
                hessian[i, j] += by_odds @ odds.hessian[i, j]
                hessian[i, j] += (both * odds.gradient[i]) @ odds.gradient[j]
    return newton.Derivatives(float(value), gradient, np.triu(hessian) + np.triu(hessian, 1).T)


class _Odds(NamedTuple):
    """Log odds of having left, and its derivatives by r, alpha, s, beta, one column per row."""

    log: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


def _odds(rows: _Rows, part: np.ndarray, theta: np.ndarray) -> _Odds:
    """Integrate the odds and, as means over the same integrand, their derivatives.

    Its logarithm at y is, up to a constant, ``log(s) + u A + s B - log(beta + y)``
    with ``A = log((alpha + T) / (alpha + y))`` and B alike; of the odds'
    logarithm the gradient is the mean of its derivatives, and the Hessian the
    mean of its second ones plus their covariance.
    """
    r, alpha, s, beta = theta
    recency, span = rows.silent_recency[part], rows.silence[part]
    u, alpha, beta = r + rows.silent_x[part], alpha + recency, beta + recency
    log_a, log_b = np.log1p(span / alpha), np.log1p(span / beta)
    end_a, end_b = 1 / (alpha + span), 1 / (beta + span)
    integrand = leaving.integrand_of(0, u, s + 1, alpha, beta)
    panel = leaving.panel_of(integrand, span)

    log_mass, mean, cross = np.empty(u.size), np.empty((4, u.size)), np.empty((4, 4, u.size))
    for block, node, node_weight in leaving.node_blocks(panel.points):
        shape, near_a, near_b = u[block, None], alpha[block, None], beta[block, None]
        width = (panel.right - panel.left)[block]
        v = panel.left[block, None] + width[:, None] * node
        y = integrand.near[block, None] * np.expm1(v)
        past_a, past_b = np.log1p(y / near_a), np.log1p(y / near_b)
        mass = np.exp(v - shape * past_a - (s + 1) * past_b - panel.top[block, None]) * node_weight
        total = mass.sum(axis=1)
        mass /= total[:, None]
        log_mass[block] = np.log(total * width * integrand.near[block]) + panel.top[block]
        parts = (
            log_a[block, None] - past_a,
            end_a[block, None] - 1 / (near_a + y),
            log_b[block, None] - past_b,
            end_b[block, None] - 1 / (near_b + y),
        )
        for i in range(4):
            weighted = mass * parts[i]
            mean[i, block] = weighted.sum(axis=1)
            for j in range(i, 4):
                cross[i, j, block] = np.einsum("ij,ij->i", weighted, parts[j])

    one, zero = np.ones_like(u), np.zeros_like(u)
    factor = np.stack((one, u, one, (s + 1) * one))
    hessian = np.zeros_like(cross)
    for i in range(4):
        for j in range(i, 4):
            hessian[i, j] = factor[i] * factor[j] * (cross[i, j] - mean[i] * mean[j])
    hessian[0, 1] += mean[1]
    hessian[1, 1] += u * (cross[1, 1] - 2 * end_a * mean[1])
    hessian[2, 2] -= 1 / s**2
    hessian[2, 3] += mean[3]
    hessian[3, 3] += (s + 1) * (cross[3, 3] - 2 * end_b * mean[3]) + end_b**2
    return _Odds(
        log=np.log(s / beta) + u * log_a + s * log_b + log_mass,
        gradient=factor * mean + np.stack((zero, zero, one / s, -end_b)),
        hessian=hessian,
    )
