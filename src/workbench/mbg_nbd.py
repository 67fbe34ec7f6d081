"""MBG/NBD: BG/NBD for customers who may also leave right after their first purchase.

Batislam, Denizel and Filiztekin (2007), International Journal of Research in Marketing 24 (3),
201-209, and Hoppe and Wagner (2007), Marketing: Journal of Research and Management 3 (2), 75-90.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from workbench import newton, predictive, purchases
from workbench.predictive import Prospects
from workbench.schema import check_summary

PARAMETERS = purchases.PARAMETERS
FIRST_CHANCES = 1


@dataclass(frozen=True)
class MbgNbd:
    """A fitted MBG/NBD model.

    Attributes
    ----------
    r, alpha : float
        Gamma distribution of purchase rates; `alpha` in days.
    a, b : float
        Beta distribution of the probability to leave after a purchase, the
        first one included.
    covariance : tuple of tuples of float
        Of r, alpha (days), a, b.
    log_likelihood : float
        With time in days; in weeks it is larger by ``sum(x) * ln 7``.
    n_customers, n_repeat : int
        Customers fitted, and those of them with a repeat purchase.
    condition : float
        Of the Hessian in log parameters; large on a flat ridge.
    """

    name: ClassVar[str] = "mbg_nbd"

    r: float
    alpha: float
    a: float
    b: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    log_likelihood: float
    n_customers: int
    n_repeat: int
    condition: float


def fit(profiles: pd.DataFrame, *, start: tuple[float, ...] | None = None) -> MbgNbd:
    """Estimate MBG/NBD by maximum likelihood.

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
        If fewer than `fitting.MIN_REPEAT_CUSTOMERS` customers have a repeat
        purchase.
    NotIdentified
        If the likelihood has no interior optimum.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), section 3.
    """
    return MbgNbd(
        *purchases.estimate(profiles, title="MBG/NBD", first_chances=FIRST_CHANCES, start=start)
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
    return purchases.derivatives(profiles, r=r, alpha=alpha, a=a, b=b, first_chances=FIRST_CHANCES)


def likelihood(profiles: pd.DataFrame) -> Callable[[np.ndarray], newton.Derivatives]:
    """Return `derivatives` as a function of r, alpha (days), a, b alone, to be asked often."""
    return purchases.likelihood(profiles, first_chances=FIRST_CHANCES)


def caution(model: MbgNbd) -> str:
    """Say in one word why a converged optimum deserves doubt; as `purchases.caution`."""
    return purchases.caution(model)


def p_alive(model: MbgNbd, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's probability of not having left by the day of the summary.

    Parameters
    ----------
    model : MbgNbd
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.

    Returns
    -------
    Series
        `p_alive` (0 to 1), same index; below 1 without a repeat purchase too.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), section 3.
    """
    odds = _log_odds_of_having_left(model, summary)
    return pd.Series(expit(-odds), summary.index, name="p_alive")


def p_no_purchase(model: MbgNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's probability of no purchase in the next days.

    Parameters
    ----------
    model, summary
        As in `p_alive`.
    days : float
        Length of the horizon, from the day of the summary.

    Returns
    -------
    Series
        `p_no_purchase` (0 to 1), same index.
    """
    odds = _log_odds_of_having_left(model, summary)
    return predictive.p_no_purchase(_alive(model), odds, summary, days=days)


def purchase_counts(
    model: MbgNbd, summary: pd.DataFrame, *, days: float, max_purchases: int
) -> pd.DataFrame:
    """Return each customer's distribution of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.
    max_purchases : int
        The last column, at least 1.

    Returns
    -------
    DataFrame
        Same index; columns 0 to `max_purchases`, the last one for so many or
        more; a row sums to 1.
    """
    odds = _log_odds_of_having_left(model, summary)
    return predictive.purchase_counts(
        _alive(model), odds, summary, days=days, max_purchases=max_purchases
    )


def expected_purchases(model: MbgNbd, summary: pd.DataFrame, *, days: float) -> pd.Series:
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
    Batislam, Denizel and Filiztekin (2007), section 3, evaluated as an integral.
    """
    predictive.check_days(days)
    alive = p_alive(model, summary)
    counts = predictive.evaluate_once(
        lambda x, age: expected_if_alive(model, x, age, days), summary
    )
    return (alive * counts).rename("expected_purchases")


def expected_if_alive(
    model: MbgNbd, x: np.ndarray, age: np.ndarray, days: np.ndarray | float
) -> np.ndarray:
    """Return the expected purchases in the next days of customers known to be alive.

    Parameters
    ----------
    model : MbgNbd
    x, age, days : array of float
        Frequency, T (days) and horizon (days); broadcast against each other.
    """
    return predictive.expected_purchases(_alive(model), x, age, days)


def simulate(
    model: MbgNbd, summary: pd.DataFrame, *, days: float, generator: np.random.Generator
) -> np.ndarray:
    """Draw each customer's purchases in the next days.

    Whether he is alive, his rate, his probability to leave, and when he
    leaves are drawn from what the model knows of him.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.
    generator : Generator
        The same state gives the same draws.

    Returns
    -------
    array of int
        One count per row of the summary.
    """
    odds = _log_odds_of_having_left(model, summary)
    return predictive.simulate(_alive(model), odds, summary, days=days, generator=generator)


def expected_repeat_purchases(model: MbgNbd, ages: np.ndarray) -> np.ndarray:
    """Return the expected repeat purchases of a new customer up to each age.

    Parameters
    ----------
    model : MbgNbd
    ages : array of float
        Days since the first purchase, each >= 0.

    References
    ----------
    Hoppe and Wagner (2007), section 3, evaluated as an integral.
    """
    ages = predictive.check_ages(ages)
    nothing = np.zeros_like(ages)
    stays = model.b / (model.a + model.b)
    return stays * expected_if_alive(model, nothing, nothing, ages)


def prospects(
    model: MbgNbd, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> Prospects:
    """Return what to expect in the next days of alive customers; as `predictive.prospects`."""
    return predictive.prospects(_alive(model), x, age, days=days, daily_rate=daily_rate)


def parameter_table(model: MbgNbd) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        As `purchases.parameter_table`.
    """
    return purchases.parameter_table(model)


def _alive(model: MbgNbd) -> predictive.Alive:
    return predictive.Alive(model.r, model.alpha, model.a, model.b + FIRST_CHANCES)


def _log_odds_of_having_left(model: MbgNbd, summary: pd.DataFrame) -> np.ndarray:
    check_summary(summary)

    def log_odds(x: np.ndarray, recency: np.ndarray, age: np.ndarray) -> np.ndarray:
        silence = np.log1p((age - recency) / (model.alpha + recency))
        return np.log(model.a / (model.b + x)) + (model.r + x) * silence

    return predictive.evaluate_in_blocks(log_odds, summary)
