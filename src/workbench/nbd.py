"""NBD: how often customers buy who never leave, and what to expect of each of them.

Ehrenberg (1959), Applied Statistics 8 (1), 26-41. A customer buys at a rate from Gamma(r, alpha)
for good: the yardstick for every model in which customers leave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betainc, gammaln, polygamma, psi

from workbench import fitting, newton, predictive
from workbench.predictive import Prospects
from workbench.schema import DAYS_PER_WEEK, NotIdentified, check_summary

PARAMETERS = ("r", "alpha")
# An optimum is doubted beyond these: see `caution`.
MAX_SOUND_CONDITION = 1e5
MAX_SOUND_SHAPE = 1e3

# r, alpha over the longest T.
STARTS = ((0.5, 0.3), (2.0, 2.0))
# BLAS sums vectors this short in one thread: same bytes on any machine.
BLOCK = 8192


@dataclass(frozen=True)
class Nbd:
    """A fitted NBD model.

    Attributes
    ----------
    r, alpha : float
        Gamma distribution of purchase rates; `alpha` in days.
    covariance : tuple of tuples of float
        Of r, alpha (days).
    log_likelihood : float
        With time in days; in weeks it is larger by ``sum(x) * ln 7``.
    n_customers, n_repeat : int
        Customers fitted, and those of them with a repeat purchase.
    condition : float
        Of the Hessian in log parameters; large on a flat ridge.
    """

    name: ClassVar[str] = "nbd"

    r: float
    alpha: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    log_likelihood: float
    n_customers: int
    n_repeat: int
    condition: float


def fit(profiles: pd.DataFrame, *, start: tuple[float, ...] | None = None) -> Nbd:
    """Estimate NBD by maximum likelihood.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`: `frequency` (count), `recency` and `T`
        (days), `customers` (count).
    start : tuple of float, optional
        r, alpha (days) to climb from, such as the estimate on nearly the same
        customers.

    Raises
    ------
    DataError
        If a profile breaks the promises of a summary.
    TooFewData
        If fewer than `fitting.MIN_REPEAT_CUSTOMERS` customers have a repeat purchase.
    NotIdentified
        If the likelihood has no interior optimum: counts vary no more than
        those of customers who all buy at one rate.

    References
    ----------
    Schmittlein, Morrison and Colombo (1987), Management Science 33 (1), 1-24.
    """
    n_customers, n_repeat = fitting.count_customers(profiles, title="NBD")
    scale = float(profiles["T"].max())
    starts: tuple[tuple[float, ...], ...] = STARTS
    if start is not None:
        predictive.check_positive(dict(zip(PARAMETERS, start, strict=True)))
        starts = (tuple(start / np.array([1.0, scale])),)
    rows = _rows(profiles, scale)
    try:
        optimum = newton.maximise(
            lambda theta: _derivatives(rows, theta), names=PARAMETERS, starts=starts
        )
    except newton.NoInteriorOptimum as error:
        r, alpha = error.estimate
        raise NotIdentified(
            f"NBD has no interior optimum on {n_customers} customers, {n_repeat} of them with a "
            f"repeat purchase: {error}. At most the mean rate "
            f"r/alpha = {r / alpha / scale * DAYS_PER_WEEK:.3g} a week is identified. "
            "Take a longer calibration period or more customers."
        ) from error

    estimate, covariance, reached = fitting.in_days(optimum, profiles, scale=scale, times=[1])
    return Nbd(
        *estimate,
        covariance=covariance,
        log_likelihood=reached,
        n_customers=n_customers,
        n_repeat=n_repeat,
        condition=optimum.condition,
    )


def log_likelihood(profiles: pd.DataFrame, *, r: float, alpha: float) -> float:
    """Return the log-likelihood of parameters, with `alpha` and all times in days."""
    return derivatives(profiles, r=r, alpha=alpha).value


def derivatives(profiles: pd.DataFrame, *, r: float, alpha: float) -> newton.Derivatives:
    """Return log-likelihood, gradient and Hessian in r, alpha (days).

    Raises
    ------
    ValueError
        If a parameter is not positive.
    """
    predictive.check_positive({"r": r, "alpha": alpha})
    return likelihood(profiles)(np.array([r, alpha]))


def likelihood(profiles: pd.DataFrame) -> Callable[[np.ndarray], newton.Derivatives]:
    """Return `derivatives` as a function of r, alpha (days) alone, to be asked often."""
    return partial(_derivatives, _rows(profiles, 1.0))


def caution(model: Nbd) -> str:
    """Say in one word why a converged optimum deserves doubt.

    Returns
    -------
    str
        ``""`` if it is sound; ``flat_ridge`` if r > 1,000 (customers do not
        differ, only r/alpha is known) or the condition number is above 1e5.
        That nobody leaves is the model's assumption and no cause for doubt.
    """
    if model.r > MAX_SOUND_SHAPE or model.condition > MAX_SOUND_CONDITION:
        return "flat_ridge"
    return ""


def p_alive(model: Nbd, summary: pd.DataFrame) -> pd.Series:
    """Return 1 for everyone: nobody leaves in this model.

    Parameters
    ----------
    model : Nbd
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.

    Returns
    -------
    Series
        `p_alive` (1.0), same index.
    """
    check_summary(summary)
    return pd.Series(1.0, summary.index, name="p_alive")


def p_no_purchase(model: Nbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
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
        `p_no_purchase` (0 to 1), same index:
        ``((alpha + T) / (alpha + T + days)) ** (r + x)``.

    Examples
    --------
    >>> model = Nbd(1.0, 10.0, (), 0.0, 0, 0, 1.0)
    >>> customer = pd.DataFrame({"frequency": [1], "recency": [5.0], "T": [10.0]})
    >>> p_no_purchase(model, customer, days=20).tolist()
    [0.25]
    """
    shape, clock = _posterior(model, summary, days)
    silent = np.exp(-shape * np.log1p(days / clock))
    return pd.Series(silent, summary.index, name="p_no_purchase")


def expected_purchases(model: Nbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's expected number of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.

    Returns
    -------
    Series
        `expected_purchases` (count), same index:
        ``(r + x) / (alpha + T) * days``.
    """
    shape, clock = _posterior(model, summary, days)
    return pd.Series(shape / clock * days, summary.index, name="expected_purchases")


def purchase_counts(
    model: Nbd, summary: pd.DataFrame, *, days: float, max_purchases: int
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
    shape, clock = _posterior(model, summary, days)
    bought = days / (clock + days)

    # Each count from the one before: ratios keep the digits that Gamma functions lose.
    table = np.empty((shape.size, max_purchases + 1))
    table[:, 0] = -shape * np.log1p(days / clock)
    with np.errstate(divide="ignore"):  # in no time there is no purchase: log 0
        log_bought = np.log(bought)
    for k in range(1, max_purchases):
        table[:, k] = table[:, k - 1] + np.log((shape + k - 1) / k) + log_bought
    table[:, :-1] = np.exp(table[:, :-1])
    table[:, -1] = betainc(max_purchases, shape, bought)
    return pd.DataFrame(table, summary.index, range(max_purchases + 1))


def simulate(
    model: Nbd, summary: pd.DataFrame, *, days: float, generator: np.random.Generator
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
        One count per row: a rate from what is known of the customer, then a
        Poisson count.
    """
    shape, clock = _posterior(model, summary, days)
    return generator.poisson(generator.gamma(shape) * (days / clock))


def expected_repeat_purchases(model: Nbd, ages: np.ndarray) -> np.ndarray:
    """Return the expected repeat purchases of a new customer up to each age.

    Parameters
    ----------
    model : Nbd
    ages : array of float
        Days since the first purchase, each >= 0.
    """
    return model.r / model.alpha * predictive.check_ages(ages)


def prospects(
    model: Nbd, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> Prospects:
    """Return what to expect of customers in the next days; as `predictive.prospects`."""
    rate = (model.r + x) / (model.alpha + age)
    worth = -np.expm1(-daily_rate * days) / daily_rate if daily_rate else days
    return Prospects(
        p_purchase=-np.expm1(-(model.r + x) * np.log1p(days / (model.alpha + age))),
        expected_purchases=rate * days,
        discounted_purchases=rate * worth,
    )


def parameter_table(model: Nbd) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`
        (Wald on the log scale); `alpha` stands twice, in weeks and in days.
    """
    estimate = {name: getattr(model, name) for name in PARAMETERS}
    return fitting.parameter_table(estimate, times=["alpha"], covariance=model.covariance)


def _posterior(model: Nbd, summary: pd.DataFrame, days: float) -> tuple[np.ndarray, np.ndarray]:
    """Return shape and rate (days) of each customer's Gamma distribution of purchase rates."""
    predictive.check_days(days)
    check_summary(summary)
    x, age = summary["frequency"].to_numpy(float), summary["T"].to_numpy(float)
    return model.r + x, model.alpha + age


class _Rows(NamedTuple):
    """Histogram of frequency, and customers and their repeat purchases by T."""

    x: np.ndarray
    x_weight: np.ndarray
    age: np.ndarray
    customers: np.ndarray
    purchases: np.ndarray


def _rows(profiles: pd.DataFrame, scale: float) -> _Rows:
    weight = profiles["customers"].to_numpy(float)
    frequency = profiles["frequency"].to_numpy(float)
    x, x_index = np.unique(frequency, return_inverse=True)
    age, age_index = np.unique(profiles["T"].to_numpy(float), return_inverse=True)
    return _Rows(
        x=x,
        x_weight=np.bincount(x_index, weight),
        age=age / scale,
        customers=np.bincount(age_index, weight),
        purchases=np.bincount(age_index, weight * frequency),
    )


def _derivatives(rows: _Rows, theta: np.ndarray) -> newton.Derivatives:
    """Sum the log-likelihood and its derivatives; time in the unit of the rows.

    Per customer, ``ln Gamma(r + x) / Gamma(r) - r ln(1 + T / alpha) - x ln(alpha + T)``.
    """
    r, alpha = theta
    value, gradient, hessian = 0.0, np.zeros(2), np.zeros((2, 2))
    for first in range(0, rows.x.size, BLOCK):
        x, weight = rows.x[first : first + BLOCK], rows.x_weight[first : first + BLOCK]
        value += weight @ (gammaln(r + x) - gammaln(r))
        gradient[0] += weight @ (psi(r + x) - psi(r))
        hessian[0, 0] += weight @ (polygamma(1, r + x) - polygamma(1, r))

    for first in range(0, rows.age.size, BLOCK):
        part = slice(first, first + BLOCK)
        age, customers, purchases = rows.age[part], rows.customers[part], rows.purchases[part]
        inverse, decay = 1 / (alpha + age), np.log1p(age / alpha)
        # Both are derivatives by alpha: of -ln(1 + T / alpha), and of that once more.
        slope = age * inverse / alpha
        bend = -slope * (1 / alpha + inverse)
        value -= r * (customers @ decay) + purchases @ np.log(alpha + age)
        gradient[0] -= customers @ decay
        gradient[1] += r * (customers @ slope) - purchases @ inverse
        hessian[0, 1] += customers @ slope
        hessian[1, 1] += r * (customers @ bend) + purchases @ inverse**2
    hessian[1, 0] = hessian[0, 1]
    return newton.Derivatives(float(value), gradient, hessian)
