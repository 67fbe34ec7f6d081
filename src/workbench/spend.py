"""Gamma-Gamma: what a customer spends per purchase, independently of how often.

Amounts of one customer follow Gamma(p, nu), and nu differs between customers like Gamma(q, v).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import gammaln, polygamma, psi

from workbench import newton
from workbench.schema import DataError, NotIdentified, TooFewData

PARAMETERS = ("p", "q", "v")
MIN_REPEAT_CUSTOMERS = 20
MIN_CUSTOMERS_FOR_CORRELATION = 4

# p, q, v over the mean amount.
STARTS = ((4.0, 3.0, 0.5), (1.0, 6.0, 4.0))
# Blocks stay in cache, and BLAS sums vectors this short in one thread: same bytes on any machine.
BLOCK = 8192


@dataclass(frozen=True)
class GammaGamma:
    """A fitted Gamma-Gamma model.

    Attributes
    ----------
    p, q, v : float
        Shape of the amounts; shape and rate (currency) of their scale.
    covariance : tuple of tuples of float
        Of p, q, v.
    log_likelihood : float
        Of the mean amounts in currency.
    n_customers : int
        Customers fitted.
    condition : float
        Of the Hessian in log parameters; large on a flat ridge.
    """

    name: ClassVar[str] = "gamma_gamma"

    p: float
    q: float
    v: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    log_likelihood: float
    n_customers: int
    condition: float


class InfiniteMean(NotIdentified):
    """Gamma-Gamma fits, but with q <= 1 its mean amount is infinite."""


class Independence(NamedTuple):
    """Correlation of frequency and mean amount, with a 95 % interval, among n repeat buyers."""

    correlation: float
    lower: float
    upper: float
    n: int


def fit(summary: pd.DataFrame) -> GammaGamma:
    """Estimate Gamma-Gamma by maximum likelihood from repeat buyers.

    Customers with `frequency` 0 tell nothing, and a mean amount of 0 is
    impossible in the model: both are left out, and `n_customers` counts the
    rest.

    Parameters
    ----------
    summary : DataFrame
        `frequency` (count) and `monetary_value` (mean amount of the repeat
        purchases, currency).

    Raises
    ------
    DataError
        If a column is missing, or an amount is negative or missing.
    TooFewData
        If fewer than `MIN_REPEAT_CUSTOMERS` such customers remain.
    NotIdentified
        If the likelihood has no interior optimum; `InfiniteMean` if q <= 1.

    References
    ----------
    Fader and Hardie (2013), The Gamma-Gamma model of monetary value,
    equation 1a.
    """
    x, mean = _repeat_spenders(summary)
    if x.size < MIN_REPEAT_CUSTOMERS:
        raise TooFewData(
            f"Gamma-Gamma needs {MIN_REPEAT_CUSTOMERS} customers with repeat purchases that cost "
            f"something; {x.size} of {len(summary)} have them. Take a longer calibration period "
            "or more customers.",
            have=x.size,
            need=MIN_REPEAT_CUSTOMERS,
        )

    order = np.lexsort((mean, x))
    x, mean = x[order], mean[order]
    scale = float(mean.mean())
    scaled = mean / scale
    try:
        optimum = newton.maximise(
            lambda theta: _derivatives(x, scaled, theta), names=PARAMETERS, starts=STARTS
        )
    except newton.NoInteriorOptimum as error:
        p, q, _ = error.estimate
        raise NotIdentified(
            f"Gamma-Gamma has no interior optimum on {x.size} customers, whose mean amounts run "
            f"from {mean.min():.6g} to {mean.max():.6g}: {error}. It stopped at p = {p:.3g}, "
            f"q = {q:.3g}. Use the mean amount, or a longer calibration period."
        ) from error

    q = optimum.estimate[1]
    if q <= 1:
        raise InfiniteMean(
            f"Gamma-Gamma has q = {q:.4g} on {x.size} customers, not above 1: its mean amount is "
            "infinite. Use the mean amount, or look for single huge orders."
        )
    unscale = np.array([1.0, 1.0, scale])
    covariance = np.array(optimum.covariance) * np.outer(unscale, unscale)
    return GammaGamma(
        *(np.array(optimum.estimate) * unscale).tolist(),
        covariance=tuple(map(tuple, covariance.tolist())),
        log_likelihood=optimum.log_likelihood - x.size * float(np.log(scale)),
        n_customers=x.size,
        condition=optimum.condition,
    )


def derivatives(summary: pd.DataFrame, *, p: float, q: float, v: float) -> newton.Derivatives:
    """Return log-likelihood, gradient and Hessian in p, q, v (currency).

    Raises
    ------
    ValueError
        If a parameter is not positive.
    """
    if not min(p, q, v) > 0:
        raise ValueError(f"p={p}, q={q}, v={v} must all be positive.")
    return _derivatives(*_repeat_spenders(summary), np.array([p, q, v]))


def expected_spend(model: GammaGamma, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's expected amount per future purchase.

    It lies between the customer's own mean and the population's,
    ``p v / (q - 1)``, which is what a one-time buyer gets.

    Parameters
    ----------
    model : GammaGamma
    summary : DataFrame
        `frequency` and `monetary_value` (currency), any index.

    Returns
    -------
    Series
        `expected_spend` (currency), same index.

    Raises
    ------
    InfiniteMean
        If q <= 1.

    References
    ----------
    Fader and Hardie (2013), equation 5.
    """
    if model.q <= 1:
        raise InfiniteMean(
            f"q={model.q:.4g} is not above 1: the mean amount of this Gamma-Gamma model is "
            "infinite. Use the mean amount, or look for single huge orders."
        )
    _check_spend(summary)
    x = summary["frequency"]
    total = x * summary["monetary_value"]
    expected = model.p * (model.v + total) / (model.p * x + model.q - 1)
    return expected.rename("expected_spend")


def simulate(
    model: GammaGamma,
    summary: pd.DataFrame,
    *,
    purchases: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draw the money of so many future purchases of each customer.

    A customer's scale is drawn from what the model knows of him; given it, the
    sum of n amounts is a Gamma with n times the shape.

    Parameters
    ----------
    model : GammaGamma
    summary : DataFrame
        `frequency` and `monetary_value` (currency), any index.
    purchases : array of int
        How many purchases, in the order of the summary.
    generator : Generator
        Two draws per customer.

    Returns
    -------
    array of float
        Currency; 0 without a purchase.
    """
    _check_spend(summary)
    x = summary["frequency"].to_numpy(float)
    total = x * summary["monetary_value"].to_numpy(float)
    scale = generator.gamma(model.q + model.p * x) / (model.v + total)
    # A shape of 0 draws 0.
    return generator.gamma(model.p * purchases) / scale


def independence(summary: pd.DataFrame) -> Independence:
    """Correlate frequency and mean amount of the repeat buyers whom `fit` uses.

    Gamma-Gamma assumes that how often and how much are independent.

    Returns
    -------
    Independence
        Pearson's correlation and its 95 % interval (Fisher's z).

    Raises
    ------
    TooFewData
        If there are fewer than 4 such customers.
    NotIdentified
        If all have the same frequency or the same mean amount.
    """
    x, mean = _repeat_spenders(summary)
    if x.size < MIN_CUSTOMERS_FOR_CORRELATION:
        raise TooFewData(
            f"a correlation with an interval needs {MIN_CUSTOMERS_FOR_CORRELATION} customers with "
            f"repeat purchases that cost something; {x.size} of {len(summary)} have them.",
            have=x.size,
            need=MIN_CUSTOMERS_FOR_CORRELATION,
        )
    for name, values in (("frequency", x), ("monetary_value", mean)):
        if np.ptp(values) == 0:
            raise NotIdentified(
                f"all {x.size} repeat buyers have {name} {values[0]:g}: "
                "there is no correlation to compute."
            )
    correlation = float(np.clip(np.corrcoef(x, mean)[0, 1], -1, 1))
    with np.errstate(divide="ignore"):  # a perfect correlation has z infinite
        z = np.arctanh(correlation)
    half = newton.NORMAL_975 / np.sqrt(x.size - 3)
    return Independence(correlation, float(np.tanh(z - half)), float(np.tanh(z + half)), x.size)


def parameter_table(model: GammaGamma) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`
        (Wald on the log scale).
    """
    return newton.parameter_table(
        [model.p, model.q, model.v],
        names=PARAMETERS,
        units=("1", "1", "currency"),
        standard_error=np.sqrt(np.diag(model.covariance)),
    )


def _derivatives(x: np.ndarray, mean: np.ndarray, theta: np.ndarray) -> newton.Derivatives:
    """Sum equation 1a and its derivatives; amounts enter through ``x mean / v`` only."""
    p, q, v = theta
    values, counts = np.unique(x, return_counts=True)
    a = p * values + q
    value = counts @ (gammaln(a) - gammaln(p * values) - gammaln(q))
    gradient, hessian = np.zeros(3), np.zeros((3, 3))
    gradient[0] = (counts * values) @ (psi(a) - psi(p * values))
    gradient[1] = counts @ (psi(a) - psi(q))
    bend = counts * polygamma(1, a)
    hessian[0, 0] = (bend - counts * polygamma(1, p * values)) @ values**2
    hessian[0, 1] = bend @ values
    hessian[1, 1] = bend.sum() - counts.sum() * polygamma(1, q)

    for first in range(0, x.size, BLOCK):
        part = slice(first, first + BLOCK)
        n, total = x[part], x[part] * mean[part]
        # log(total + v) = log(v) + excess, and log(total) - log(total + v) = share.
        excess, share = np.log1p(total / v), -np.log1p(v / total)
        inverse = 1 / (total + v)
        value += p * (n @ share) - q * excess.sum() - np.log(mean[part]).sum()
        gradient[0] += n @ share
        gradient[1] -= excess.sum()
        # q / v - (p x + q) / (total + v)
        gradient[2] += (q / v * (total * inverse)).sum() - p * (n @ inverse)
        hessian[0, 2] -= n @ inverse
        hessian[1, 2] += (total * inverse).sum() / v
        hessian[2, 2] += (
            p * (n @ inverse**2) - q / v**2 * (total * inverse * (1 + v * inverse)).sum()
        )
    return newton.Derivatives(float(value), gradient, np.triu(hessian) + np.triu(hessian, 1).T)


def _repeat_spenders(summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    _check_spend(summary)
    x = summary["frequency"].to_numpy(float)
    mean = summary["monetary_value"].to_numpy(float)
    known = (x > 0) & (mean > 0)
    return x[known], mean[known]


def _check_spend(summary: pd.DataFrame) -> None:
    missing = [name for name in ("frequency", "monetary_value") if name not in summary.columns]
    if missing:
        raise DataError(
            f"summary lacks {missing}; it has {list(summary.columns)}. "
            "Make the table with summary.summarise."
        )
    n_broken = int((~(summary["monetary_value"] >= 0)).sum())
    if n_broken:
        raise DataError(
            f"{n_broken} of {len(summary)} monetary values are negative or missing. "
            "Make the table with summary.summarise."
        )
