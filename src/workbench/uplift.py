"""Customers of a campaign by lot -> whom it changes: scores, the Qini curve, parts of the list.

A score is only ever put to customers whose outcome it has not seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_limits

from workbench import campaign_effects, customer_bootstrap
from workbench.schema import DataError, TooFewData

FOLDS = 5
# A group needs so many customers, or a score learns nothing but noise.
MIN_ARM = 100
# How strongly slopes are drawn to zero; the data choose.
PENALTIES = tuple(10.0**power for power in range(-1, 5))
# The curve is read at so many lengths of the list.
STEPS = 20
# The variance of a cross-fitted curve is up to twice that of one with scores from elsewhere: every
# pair of folds counts twice, each fold once as lesson and once as test of the other.
REUSE = 2.0
# Thirds of the list, by score: those whom the campaign changes most come first.
PARTS = ("first", "second", "last")


class Qini(NamedTuple):
    """How much of the effect a list in the order of a score brings before one by lot.

    Attributes
    ----------
    curve : DataFrame
        Indexed by `share` (of the customers contacted, highest scores first,
        from 0 on): `gain`, `low`, `high` (95 %) and `random`, all in units of
        the outcome per customer of the whole list; `customers` (count, of the
        smaller group on the list).
    coefficient, low, high : float
        Area between the curve and that of a list by lot, with its 95 % interval,
        which allows for `REUSE`; the bounds of the curve hold for these scores.
    """

    curve: pd.DataFrame
    coefficient: float
    low: float
    high: float


def score(
    outcome: pd.Series, *, treated: pd.Series, covariates: pd.DataFrame, seed: int
) -> pd.Series:
    """Predict by how much the campaign changes each customer, from the others.

    Two ridge regressions, one per group, on the covariates after an inverse
    hyperbolic sine; the score is the difference of what they say, less its
    mean in the fold: an order, not an effect. Customers are dealt into `FOLDS`
    folds, each group for itself, and the lines for a fold are fitted to the
    other folds.

    Parameters
    ----------
    outcome : Series
        Indexed by `customer_id`.
    treated : Series of bool
        Same customers.
    covariates : DataFrame
        Same customers: numbers known before the contact, none missing.
    seed : int
        Of the folds.

    Returns
    -------
    Series
        Sorted by `customer_id`, unit of the outcome.

    Raises
    ------
    TooFewData
        If a group has fewer than `MIN_ARM` customers.
    DataError
        If the three do not speak of the same customers.

    References
    ----------
    Hansotia and Rukstales (2002), Journal of Interactive Marketing 16 (3), 35-46: two models.
    Chernozhukov et al. (2018), The Econometrics Journal 21, C1-C68: cross-fitting.
    """
    outcome, treated = outcome.sort_index(), treated.astype(bool).sort_index()
    covariates = covariates.sort_index()
    _check_same(outcome, treated, covariates)
    arm, y = treated.to_numpy(), outcome.to_numpy(float)
    smaller = int(min(arm.sum(), (~arm).sum()))
    if smaller < MIN_ARM:
        raise TooFewData(
            f"the smaller group has {smaller} customers, fewer than {MIN_ARM}.",
            have=smaller,
            need=MIN_ARM,
        )
    x = np.arcsinh(covariates.to_numpy(float))
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    chance = np.random.default_rng(seed)
    fold = np.empty(len(y), dtype=int)
    for group in (arm, ~arm):
        places = np.flatnonzero(group)
        fold[chance.permutation(places)] = np.arange(len(places)) % FOLDS
    found = np.empty(len(y))
    with threadpool_limits(limits=1):
        for number in range(FOLDS):
            asked = fold == number
            with_it, without = (
                RidgeCV(alphas=PENALTIES).fit(x[group & ~asked], y[group & ~asked])
                for group in (arm, ~arm)
            )
            change = with_it.predict(x[asked]) - without.predict(x[asked])
            # A fold in which the campaign did well by chance has lines from folds in which it did
            # badly: compared with one another, folds would be in the wrong order.
            found[asked] = change - change.mean()
    return pd.Series(found, index=outcome.index, name="score")


def qini(
    scores: pd.Series,
    outcome: pd.Series,
    *,
    treated: pd.Series,
    reuse: float,
    seed: int,
    resamples: int | None = None,
) -> Qini:
    """Draw how much a list would bring, from its highest scores on.

    After the first customers of the list the gain is Y_T - Y_C N_T / N_C: what
    the treated among them did, less what as many of the control group did. It
    is divided by all treated. Equal scores come onto the list together. The
    intervals are those of customers drawn again, each group for itself; the
    scores stay.

    Parameters
    ----------
    scores, outcome : Series
        Indexed by `customer_id`.
    treated : Series of bool
        Same customers; by lot, or the curve says nothing.
    reuse : float
        The variance of the coefficient is so many times that of the resamples:
        `REUSE` for scores of `score`, 1 for those of other customers.
    seed : int
        Of the resamples.
    resamples : int, optional
        How many; else `customer_bootstrap.n_resamples`.

    Raises
    ------
    DataError
        If the three do not speak of the same customers.

    References
    ----------
    Radcliffe (2007), Using control groups to target on predicted lift, Direct Marketing
    Analytics Journal, 14-21.
    Bengio and Grandvalet (2004), Journal of Machine Learning Research 5, 1089-1105: the
    variance of cross-validation.

    Examples
    --------
    >>> people = [f"{i:03d}" for i in range(400)]
    >>> wins = pd.Series([1.0] * 100 + [0.0] * 300, index=people)
    >>> treated = pd.Series([True, True, False, False] * 100, index=people)
    >>> found = qini(wins, wins * treated, treated=treated, reuse=1, seed=1, resamples=50)
    >>> round(found.coefficient, 3), round(float(found.curve["gain"].iloc[-1]), 3)
    (0.094, 0.25)
    """
    scores, outcome = scores.sort_index(), outcome.sort_index()
    treated = treated.astype(bool).sort_index()
    _check_same(scores, outcome, treated)
    place, n_places = _places(scores.to_numpy(float))
    y, arm = outcome.to_numpy(float), treated.to_numpy()
    sums, draws = [], []
    for number, group in enumerate((arm, ~arm)):
        size = int(group.sum())
        rows, at = np.arange(size), place[group]
        counted = sparse.csr_array((np.ones(size), (rows, at)), shape=(size, n_places))
        summed = sparse.csr_array((y[group], (rows, at)), shape=(size, n_places))
        columns = sparse.hstack([counted, summed], format="csr")
        sums.append(customer_bootstrap.totals(np.ones((1, size)), columns))
        draws.append(
            customer_bootstrap.resample(
                lambda weights, columns=columns: customer_bootstrap.totals(weights, columns),
                customers=size,
                seed=seed + number,
                resamples=resamples or customer_bootstrap.n_resamples(len(y)),
            )
        )
    share, gain, area = _curve(*sums)
    _, drawn_gain, drawn_area = _curve(*draws)
    low, high = customer_bootstrap.interval(gain[0], drawn_gain)
    stretched = area + np.sqrt(reuse) * (drawn_area - area)
    bounds = customer_bootstrap.interval(area, stretched[:, None])
    smaller = min(arm, ~arm, key=np.sum)
    on_list = np.cumsum(np.bincount(place[smaller], minlength=n_places))
    curve = pd.DataFrame(
        {
            "gain": gain[0],
            "low": low,
            "high": high,
            "random": share[0] * gain[0, -1],
            "customers": np.append(0, on_list),
        },
        index=pd.Index(share[0], name="share"),
    )
    return Qini(curve, float(area[0]), float(bounds[0][0]), float(bounds[1][0]))


def parts(
    scores: pd.Series, outcome: pd.Series, *, treated: pd.Series, covariates: pd.DataFrame
) -> pd.DataFrame:
    """Work out the effect in each third of the list, highest scores first.

    Parameters
    ----------
    scores, outcome, treated
        As in `qini`.
    covariates : DataFrame
        As in `campaign_effects.adjusted`.

    Returns
    -------
    DataFrame
        Indexed by `segment` (`PARTS`), as `campaign_effects.by_segment`.
    """
    scores = scores.sort_index()
    rank = scores.rank(method="first", ascending=False).to_numpy()
    third = np.minimum((rank - 1) * len(PARTS) // len(scores), len(PARTS) - 1).astype(int)
    names = pd.Categorical(np.array(PARTS)[third], categories=PARTS, ordered=True)
    return campaign_effects.by_segment(
        outcome.sort_index(),
        treated=treated.astype(bool).sort_index(),
        segment=pd.Series(names, index=scores.index),
        covariates=covariates.sort_index(),
    )


def _places(scores: np.ndarray) -> tuple[np.ndarray, int]:
    """Say at which step of the list each customer comes onto it."""
    levels, place = np.unique(-scores, return_inverse=True)
    if len(levels) > STEPS:
        steps = np.quantile(-scores, np.arange(1, STEPS) / STEPS, method="lower")
        _, place = np.unique(np.searchsorted(steps, -scores), return_inverse=True)
    return place, int(place.max()) + 1


def _curve(treated: np.ndarray, control: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares, gains and the area above the straight line, a row per resample."""
    n_places = treated.shape[1] // 2
    start = np.zeros((len(treated), 1))
    n_treated, y_treated, n_control, y_control = (
        np.hstack([start, np.cumsum(part, axis=1)])
        for arm in (treated, control)
        for part in (arm[:, :n_places], arm[:, n_places:])
    )
    like = np.divide(n_treated, n_control, out=np.zeros_like(n_treated), where=n_control > 0)
    gain = (y_treated - y_control * like) / n_treated[:, -1:]
    share = n_treated / n_treated[:, -1:]
    area = np.trapezoid(gain - share * gain[:, -1:], share, axis=1)
    return share, gain, area


def _check_same(first: pd.Series, *others: pd.Series | pd.DataFrame) -> None:
    if not all(first.index.equals(other.index) for other in others):
        raise DataError("scores, outcomes and groups are those of other customers.")
