"""BG/NBD: how often customers buy, whether they still do, and what to expect of each of them.

Fader, Hardie and Lee (2005), Marketing Science 24 (2), 275-284; equations are theirs. A customer
buys at a rate from Gamma(r, alpha) and leaves after a purchase with a probability from Beta(a, b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, gammaln, polygamma, psi

from workbench import fitting, newton, predictive
from workbench.predictive import Prospects, evaluate_in_blocks, evaluate_once
from workbench.schema import DAYS_PER_WEEK, NotIdentified, check_summary

PARAMETERS = ("r", "alpha", "a", "b")
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

    name: ClassVar[str] = "bg_nbd"

    r: float
    alpha: float
    a: float
    b: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    log_likelihood: float
    n_customers: int
    n_repeat: int
    condition: float


class Estimate(NamedTuple):
    """What a fit finds: the fields of a model, in their order."""

    r: float
    alpha: float
    a: float
    b: float
    covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    n_customers: int
    n_repeat: int
    condition: float


def fit(profiles: pd.DataFrame, *, start: tuple[float, ...] | None = None) -> BgNbd:
    """Estimate BG/NBD by maximum likelihood.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`: `frequency` (count), `recency` and `T`
        (days), `customers` (count).
    start : tuple of float, optional
        r, alpha (days), a, b to climb from, such as the estimate on nearly
        the same customers.

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
    Fader, Hardie and Lee (2005), equation 6.
    """
    return BgNbd(*estimate(profiles, title="BG/NBD", first_chances=0, start=start))


def estimate(
    profiles: pd.DataFrame, *, title: str, first_chances: int, start: tuple[float, ...] | None
) -> Estimate:
    """Estimate BG/NBD or MBG/NBD, which differ in when a customer may leave first.

    Parameters
    ----------
    profiles, start
        As in `fit`.
    title : str
        The model's name in messages.
    first_chances : int
        Chances to leave before the first repeat purchase: 0 for BG/NBD, 1 for
        MBG/NBD.
    """
    n_customers, n_repeat = fitting.count_customers(profiles, title=title)
    scale = float(profiles["T"].max())
    if start is not None:
        predictive.check_positive(dict(zip(PARAMETERS, start, strict=True)))
        start = tuple(start / np.array([1.0, scale, 1.0, 1.0]))
    try:
        optimum = _maximise(profiles, scale, first_chances, start)
    except newton.NoInteriorOptimum as error:
        r, alpha, a, b = error.estimate
        raise NotIdentified(
            f"{title} has no interior optimum on {n_customers} customers, {n_repeat} of them with "
            f"a repeat purchase: {error}. At most the ratios a/(a+b) = {a / (a + b):.3g} and "
            f"r/alpha = {r / alpha / scale * DAYS_PER_WEEK:.3g} a week are identified. "
            "Take a longer calibration period or more customers."
        ) from error

    estimated, covariance, reached = fitting.in_days(optimum, profiles, scale=scale, times=[1])
    return Estimate(
        *estimated,
        covariance=covariance,
        log_likelihood=reached,
        n_customers=n_customers,
        n_repeat=n_repeat,
        condition=optimum.condition,
    )


def log_likelihood(profiles: pd.DataFrame, *, r: float, alpha: float, a: float, b: float) -> float:
    """Return the log-likelihood of parameters, with `alpha` and all times in days."""
    return derivatives(profiles, r=r, alpha=alpha, a=a, b=b).value


def derivatives(
    profiles: pd.DataFrame,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    first_chances: int = 0,
) -> newton.Derivatives:
    """Return log-likelihood, gradient and Hessian in r, alpha (days), a, b.

    `first_chances` is that of `estimate`.

    Raises
    ------
    ValueError
        If a parameter is not positive.
    """
    predictive.check_positive({"r": r, "alpha": alpha, "a": a, "b": b})
    return likelihood(profiles, first_chances=first_chances)(np.array([r, alpha, a, b]))


def likelihood(
    profiles: pd.DataFrame, *, first_chances: int = 0
) -> Callable[[np.ndarray], newton.Derivatives]:
    """Return `derivatives` as a function of r, alpha (days), a, b alone, to be asked often."""
    return partial(_derivatives, _rows(profiles, 1.0, first_chances))


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
    estimate = {name: getattr(model, name) for name in PARAMETERS}
    return fitting.parameter_table(estimate, times=["alpha"], covariance=model.covariance)


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
    odds = _log_odds_of_having_left(model, summary)
    return pd.Series(expit(-odds), summary.index, name="p_alive")


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
    predictive.check_days(days)
    x, _, age = predictive.columns(summary)
    stays = -np.expm1(-(model.r + x) * np.log1p(days / (model.alpha + age)))
    return (p_alive(model, summary) * stays).rename("p_purchase")


def p_no_purchase(model: BgNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's probability of no purchase in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_purchase`, whose complement it is; small values of either keep
        their digits.

    Returns
    -------
    Series
        `p_no_purchase` (0 to 1), same index.
    """
    odds = _log_odds_of_having_left(model, summary)
    return predictive.p_no_purchase(_alive(model), odds, summary, days=days)


def purchase_counts(
    model: BgNbd, summary: pd.DataFrame, *, days: float, max_purchases: int
) -> pd.DataFrame:
    """Return each customer's distribution of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_purchase`.
    max_purchases : int
        The last column, at least 1.

    Returns
    -------
    DataFrame
        Same index; columns 0 to `max_purchases`, the last one for so many or
        more; a row sums to 1.

    References
    ----------
    Fader, Hardie and Lee (2005), equation 8, with the posterior of each customer.
    """
    odds = _log_odds_of_having_left(model, summary)
    return predictive.purchase_counts(
        _alive(model), odds, summary, days=days, max_purchases=max_purchases
    )


def simulate(
    model: BgNbd, summary: pd.DataFrame, *, days: float, generator: np.random.Generator
) -> np.ndarray:
    """Draw each customer's purchases in the next days.

    Whether he is alive, his rate, his probability to leave, and when he
    leaves are drawn from what the model knows of him.

    Parameters
    ----------
    model, summary, days
        As in `p_purchase`.
    generator : Generator
        The same state gives the same draws.

    Returns
    -------
    array of int
        One count per row of the summary.
    """
    odds = _log_odds_of_having_left(model, summary)
    return predictive.simulate(_alive(model), odds, summary, days=days, generator=generator)


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
    predictive.check_days(days)
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
    ages = predictive.check_ages(ages)
    return expected_if_alive(model, np.zeros_like(ages), np.zeros_like(ages), ages)


def expected_if_alive(
    model: BgNbd, x: np.ndarray, age: np.ndarray, days: np.ndarray | float
) -> np.ndarray:
    """Return the expected purchases in the next days of customers known to be alive.

    Parameters
    ----------
    model : BgNbd
    x, age, days : array of float
        Frequency, T (days) and horizon (days); broadcast against each other.
    """
    return predictive.expected_purchases(_alive(model), x, age, days)


def prospects(
    model: BgNbd, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> Prospects:
    """Return what to expect in the next days of alive customers; as `predictive.prospects`."""
    return predictive.prospects(_alive(model), x, age, days=days, daily_rate=daily_rate)


def _alive(model: BgNbd) -> predictive.Alive:
    return predictive.Alive(model.r, model.alpha, model.a, model.b)


def _log_odds_of_having_left(model: BgNbd, summary: pd.DataFrame) -> np.ndarray:
    check_summary(summary)

    def log_odds(x: np.ndarray, recency: np.ndarray, age: np.ndarray) -> np.ndarray:
        odds = np.log(model.a / (model.b + np.maximum(x - 1, 0)))
        odds += (model.r + x) * np.log1p((age - recency) / (model.alpha + recency))
        return np.where(x > 0, odds, -np.inf)

    return evaluate_in_blocks(log_odds, summary)


class _Rows(NamedTuple):
    """All profiles, those who may have left, and the histogram of chances to leave."""

    x: np.ndarray
    age: np.ndarray
    weight: np.ndarray
    leaver_x: np.ndarray
    leaver_recency: np.ndarray
    leaver_age: np.ndarray
    leaver_weight: np.ndarray
    leaver_index: np.ndarray
    x_values: np.ndarray
    x_weights: np.ndarray
    first_chances: int


def _rows(profiles: pd.DataFrame, scale: float, first_chances: int) -> _Rows:
    x, recency, age = predictive.columns(profiles)
    weight = profiles["customers"].to_numpy(float)
    x_values, x_index = np.unique(x, return_inverse=True)
    may_leave = x + first_chances > 0
    return _Rows(
        x=x,
        age=age / scale,
        weight=weight,
        leaver_x=x[may_leave],
        leaver_recency=recency[may_leave] / scale,
        leaver_age=age[may_leave] / scale,
        leaver_weight=weight[may_leave],
        leaver_index=x_index[may_leave],
        x_values=x_values,
        x_weights=np.bincount(x_index, weight),
        first_chances=first_chances,
    )


def _maximise(
    profiles: pd.DataFrame, scale: float, first_chances: int, start: tuple[float, ...] | None
) -> newton.Optimum:
    starts: tuple[tuple[float, ...], ...] = STARTS if start is None else (start,)
    if start is None and len(profiles) > 4 * PILOT_PROFILES:
        pilot_profiles = profiles.iloc[:: len(profiles) // PILOT_PROFILES]
        pilot = _rows(pilot_profiles, scale, first_chances)
        try:
            optimum = newton.maximise(
                lambda theta: _derivatives(pilot, theta), names=PARAMETERS, starts=STARTS
            )
            starts = (optimum.estimate,)
        except newton.NoInteriorOptimum:
            pass
    rows = _rows(profiles, scale, first_chances)
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

    # Where nobody may leave, b + chances - 1 may be negative; no row looks it up.
    before = b + np.maximum(rows.x_values + rows.first_chances - 1, 0)
    log_before, inverse_before = np.log(before), 1 / before
    for first in range(0, rows.leaver_x.size, BLOCK):
        part = slice(first, first + BLOCK)
        u, index = r + rows.leaver_x[part], rows.leaver_index[part]
        now, last = 1 / (alpha + rows.leaver_age[part]), 1 / (alpha + rows.leaver_recency[part])
        silence = np.log1p((rows.leaver_age[part] - rows.leaver_recency[part]) * last)
        odds = np.log(a) - log_before[index] + u * silence

        tail = np.exp(-np.abs(odds))
        left = np.where(odds > 0, 1.0, tail) / (1 + tail)
        weight = rows.leaver_weight[part]
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
    chances = x + rows.first_chances
    value = weight @ (
        gammaln(r + x)
        - gammaln(r)
        + gammaln(b + chances)
        - gammaln(b)
        + gammaln(a + b)
        - gammaln(a + b + chances)
    )
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    both = weight @ (psi(a + b) - psi(a + b + chances))
    gradient[0] = weight @ (psi(r + x) - psi(r))
    gradient[2:] = both, both + weight @ (psi(b + chances) - psi(b))
    both = weight @ (polygamma(1, a + b) - polygamma(1, a + b + chances))
    hessian[0, 0] = weight @ (polygamma(1, r + x) - polygamma(1, r))
    hessian[2, 2:] = both
    hessian[3, 3] = both + weight @ (polygamma(1, b + chances) - polygamma(1, b))
    return value, gradient, hessian
