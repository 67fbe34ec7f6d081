"""Customers drawn again with replacement: one row of weights per resample, no refit.

A figure of a customer base is uncertain because these customers came and not others. Each resample
says how often each customer was drawn; sums, medians and shares of it are sums over weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.special import ndtr, ndtri

from workbench.schema import DataError

RESAMPLES = 2000
LEVEL = 0.95
# Weights of so many customers times resamples are in memory at a time.
BLOCK_CELLS = 1_000_000
# With more customers than this there are fewer resamples, for the same work.
MOST_CELLS = 100_000_000
FEWEST_RESAMPLES = 200
# An interval needs this share of the resamples to have a value.
MIN_DEFINED = 0.9


def n_resamples(customers: int) -> int:
    """Return how many resamples a base of so many customers gets.

    Examples
    --------
    >>> n_resamples(23_570), n_resamples(100_000), n_resamples(10_000_000)
    (2000, 1000, 200)
    """
    affordable = MOST_CELLS // max(customers, 1)
    return int(np.clip(affordable, FEWEST_RESAMPLES, RESAMPLES))


def resample(
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    customers: int,
    seed: int,
    resamples: int | None = None,
    block: int | None = None,
) -> np.ndarray:
    """Compute figures of resampled customers.

    Parameters
    ----------
    statistic : callable
        From weights of shape (resamples, customers), whole numbers that add up
        to the number of customers in each row, to an array whose first axis
        are the resamples. The customers stand in the order in which the caller
        has them: sorted, so that the order of a file's rows changes nothing.
    customers : int
        How many there are.
    seed : int
        Of the draws.
    resamples : int, optional
        How many; else `n_resamples`.
    block : int, optional
        So many resamples at a time; changes no draw.

    Returns
    -------
    ndarray
        The results, resamples first.

    Raises
    ------
    DataError
        If there is no customer.

    References
    ----------
    Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1-26.

    Examples
    --------
    >>> revenue = np.array([[10.0], [20.0], [60.0]])
    >>> draws = resample(lambda w: totals(w, revenue) / 3, customers=3, seed=1, resamples=4)
    >>> draws.shape, bool((draws >= 10).all() and (draws <= 60).all())
    ((4, 1), True)
    """
    if customers < 1:
        raise DataError("no customer to draw from. Take a table with at least one.")
    wanted = n_resamples(customers) if resamples is None else resamples
    step = max(1, BLOCK_CELLS // customers) if block is None else block
    chance = np.random.default_rng(seed)
    parts = []
    for first in range(0, wanted, step):
        weights = np.empty((min(step, wanted - first), customers))
        for row in weights:
            row[:] = np.bincount(chance.integers(customers, size=customers), minlength=customers)
        parts.append(statistic(weights))
    return np.concatenate(parts)


def totals(weights: np.ndarray, columns: np.ndarray | sparse.sparray) -> np.ndarray:
    """Sum columns over drawn customers.

    Parameters
    ----------
    weights : ndarray
        As in `resample`, shape (resamples, customers).
    columns : ndarray or sparse array
        Shape (customers, columns).

    Returns
    -------
    ndarray
        Shape (resamples, columns).
    """
    return (columns.T @ weights.T).T if sparse.issparse(columns) else weights @ columns


def medians(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Find the median of drawn customers; the mean of the middle two where their number is even.

    Parameters
    ----------
    weights : ndarray
        As in `totals`.
    values : ndarray
        One value per customer; a missing one is left out.

    Returns
    -------
    ndarray
        One median per resample, NaN where nobody with a value was drawn.

    Examples
    --------
    >>> medians(np.array([[1, 1, 1, 0], [0, 2, 0, 2]]), np.array([1.0, 5.0, 9.0, 7.0]))
    array([5., 6.])
    """
    order = np.argsort(values, kind="stable")[: int((~np.isnan(values)).sum())]
    ordered = np.append(values[order], np.nan)
    counted = np.cumsum(weights[:, order], axis=1)
    n = counted[:, -1:] if counted.shape[1] else np.zeros((len(weights), 1))
    lower = (counted <= (n - 1) // 2).sum(axis=1)
    upper = (counted <= n // 2).sum(axis=1)
    return np.where(n[:, 0] > 0, (ordered[lower] + ordered[upper]) / 2, np.nan)


def inequality(weights: np.ndarray, values: np.ndarray, *, top_share: float) -> np.ndarray:
    """Measure how unequally a total is spread over drawn customers.

    Parameters
    ----------
    weights : ndarray
        As in `totals`.
    values : ndarray
        One value per customer, >= 0; a missing one is left out.
    top_share : float
        Share of the customers, in (0, 1]; where it is no whole number, a part
        of the customer at the border counts.

    Returns
    -------
    ndarray
        Shape (resamples, 2): the share of the total that the largest hold, and
        the Gini coefficient; NaN where the total is 0.

    Examples
    --------
    >>> inequality(np.ones((1, 5)), np.array([1.0, 5, 1, 2, 1]), top_share=0.2).round(2)
    array([[0.5 , 0.36]])
    """
    order = np.argsort(-values, kind="stable")[: int((~np.isnan(values)).sum())]
    drawn, worth = weights[:, order], values[order]
    counted, held = np.cumsum(drawn, axis=1), np.cumsum(drawn * worth, axis=1)
    if not len(order):
        return np.full((len(weights), 2), np.nan)
    n, total = counted[:, -1], held[:, -1]
    # The largest down to the border, and a part of the customer at it.
    border = top_share * n
    at = np.minimum((counted < border[:, None]).sum(axis=1), len(order) - 1)
    row = np.arange(len(weights))
    top = held[row, at] - (counted[row, at] - border) * worth[at]
    # Twice the area under the curve of the largest first, less one.
    area = ((2 * held - drawn * worth) * drawn).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, [top / total, area / (n * total) - 1], np.nan).T


def interval(
    estimate: np.ndarray, draws: np.ndarray, *, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Bound figures by the percentiles of their resamples, corrected for bias.

    Where more or fewer than half of the resamples lie below the estimate, both
    percentiles are moved by twice that distance on the normal scale.

    Parameters
    ----------
    estimate : ndarray
        Figures of the customers as they are, shape (figures,).
    draws : ndarray
        Those of the resamples, shape (resamples, figures); NaN where a resample
        has none.
    level : float
        Coverage.

    Returns
    -------
    tuple of ndarray
        Lower and upper bounds; NaN where fewer than `MIN_DEFINED` of the
        resamples have a value, or there is no estimate.

    References
    ----------
    Efron (1981), Nonparametric standard errors and confidence intervals, Canadian Journal of
    Statistics 9, 139-158.

    Examples
    --------
    >>> draws = np.arange(1001.0)[:, None]
    >>> low, high = interval(np.array([500.0]), draws)
    >>> float(low.round(6)[0]), float(high.round(6)[0])
    (25.0, 975.0)
    """
    figures = np.asarray(estimate, dtype=float)
    defined = np.isfinite(draws)
    usable = np.isfinite(figures) & (defined.mean(axis=0) >= MIN_DEFINED)
    low, high = np.full(figures.shape, np.nan), np.full(figures.shape, np.nan)
    tail = ndtri((1 - level) / 2)
    for i in np.flatnonzero(usable):
        found = draws[defined[:, i], i]
        below = (np.mean(found < figures[i]) + np.mean(found <= figures[i])) / 2
        shift = 2 * ndtri(np.clip(below, 0.5 / len(found), 1 - 0.5 / len(found)))
        low[i], high[i] = np.quantile(found, ndtr([shift + tail, shift - tail]))
    return low, high


def bounded(
    sums: np.ndarray | sparse.sparray,
    formula: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Work out figures from sums over customers, and bound them.

    Parameters
    ----------
    sums : ndarray or sparse array
        What each customer adds, shape (customers, columns).
    formula : callable
        From totals of shape (resamples, columns) to figures of shape
        (resamples, figures); a division by 0 gives a figure without a value.
    seed : int
        Of the draws.

    Returns
    -------
    tuple of ndarray
        The figures of the customers as they are, and their bounds as in
        `interval`; NaN where there is no value.

    Examples
    --------
    >>> spent = np.array([[10.0, 1.0], [20.0, 1.0], [60.0, 1.0], [10.0, 1.0]])
    >>> mean, low, high = bounded(spent, lambda total: total[:, :1] / total[:, 1:], seed=1)
    >>> float(mean[0]), bool(low[0] < mean[0] < high[0])
    (25.0, True)
    """

    def figures(weights: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            found = formula(totals(weights, sums))
        return np.where(np.isfinite(found), found, np.nan)

    actual = figures(np.ones((1, sums.shape[0])))[0]
    draws = resample(figures, customers=sums.shape[0], seed=seed)
    return actual, *interval(actual, draws)
