"""Two groups drawn by lot -> what a campaign changed: one row per outcome, or per segment.

Everybody counts in the group to which the lot sent him, whether or not the mail was opened
(intention to treat).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from workbench.schema import DataError, TooFewData

LEVEL = 0.95
# With fewer customers in a group its mean has no interval worth printing.
MIN_ARM = 30
# A group needs so many customers for each column that its outcomes are adjusted by.
PER_COLUMN = 10
# A column is left out where what the others leave of it is a smaller part of its spread.
COLLINEAR = 1e-6


class Arm(NamedTuple):
    """What one group says of all outcomes.

    Attributes
    ----------
    mean : ndarray
        Of each outcome, moved to the mean covariates of everybody where adjusted.
    variance : ndarray
        Of those means.
    freedom : int
        Degrees of freedom.
    """

    mean: np.ndarray
    variance: np.ndarray
    freedom: int


def difference(outcomes: pd.DataFrame, *, treated: pd.Series) -> pd.DataFrame:
    """Compare the means of two groups.

    The variance is that of Neyman, which is never too small on average for
    these customers, and the degrees of freedom are those of Welch.

    Parameters
    ----------
    outcomes : DataFrame
        Indexed by `customer_id`: one column per outcome, numbers or yes and no.
    treated : Series of bool
        Same customers: who was to be contacted; the others are the control group.

    Returns
    -------
    DataFrame
        Indexed by `outcome`.

        - `treated`, `control` (int): customers
        - `treated_mean`, `control_mean`: unit of the outcome
        - `effect`, `low`, `high`: difference of the means, 95 % interval
        - `error`: standard error of the difference
        - `p_value`: of no difference, two-sided
          (interval, error and p missing where no outcome differs from another)

    Raises
    ------
    TooFewData
        If a group has fewer than `MIN_ARM` customers.

    References
    ----------
    Neyman (1923), translated in Statistical Science 5 (1990), 465-472.
    Welch (1947), Biometrika 34, 28-35.

    Examples
    --------
    >>> bought = pd.DataFrame({"orders": [1.0, 3.0] * 30 + [1.0, 1.0, 0.0] * 20})
    >>> treated = pd.Series([True] * 60 + [False] * 60)
    >>> difference(bought, treated=treated)[["effect", "error"]].round(3).values.tolist()
    [[1.333, 0.144]]
    """
    outcomes, treated = _sorted(outcomes, treated)
    arms = [_mean(part) for part in _split(outcomes, treated)]
    return _compared(arms, outcomes.columns, treated)


def adjusted(
    outcomes: pd.DataFrame, *, treated: pd.Series, covariates: pd.DataFrame
) -> pd.DataFrame:
    """Compare the means of two groups, given what was known before the contact.

    In each group the outcome is regressed on the covariates, and both groups
    are read at the mean covariates of everybody: ordinary least squares with
    all interactions, or CUPED with a slope of its own in each group. The lot
    makes the estimate right whether or not the lines are; they only make it
    sharper. The variance is HC2 and speaks of these customers. Covariates that
    the others determine, or that are too many for the smaller group
    (`PER_COLUMN`), are left out, the last ones first.

    Parameters
    ----------
    outcomes, treated
        As in `difference`.
    covariates : DataFrame
        Same customers: numbers known before the contact, the most telling first.

    Returns
    -------
    DataFrame
        As in `difference`; `treated_mean` and `control_mean` are those at the
        mean covariates.

    Raises
    ------
    TooFewData
        As in `difference`.
    DataError
        If the covariates are those of other customers, or one is missing.

    References
    ----------
    Lin (2013), Annals of Applied Statistics 7 (1), 295-318.
    Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity of online controlled
    experiments by utilizing pre-experiment data, WSDM 2013, 123-132.
    MacKinnon and White (1985), Journal of Econometrics 29 (3), 305-325: HC2.
    """
    covariates = covariates.sort_index()
    outcomes, treated = _sorted(outcomes, treated)
    if not covariates.index.equals(outcomes.index):
        raise DataError("the covariates are those of other customers. Take the same ones.")
    n_missing = int(covariates.isna().to_numpy().sum())
    if n_missing:
        raise DataError(f"{n_missing} covariates are missing. Fill or leave out their columns.")
    known = _usable(covariates.to_numpy(float), treated.to_numpy(bool))
    parts = zip(_split(outcomes, treated), (known[treated], known[~treated]), strict=True)
    return _compared([_fit(y, x) for y, x in parts], outcomes.columns, treated)


def by_segment(
    outcome: pd.Series,
    *,
    treated: pd.Series,
    segment: pd.Series,
    covariates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Work out the effect in each segment, with p-values for looking at all of them.

    Parameters
    ----------
    outcome : Series
        Indexed by `customer_id`.
    treated : Series of bool
        As in `difference`.
    segment : Series
        Same customers: a name that was known before the contact; an ordered
        categorical keeps its order.
    covariates : DataFrame, optional
        As in `adjusted`; without it the plain means are compared.

    Returns
    -------
    DataFrame
        Indexed by `segment`: the columns of `difference` and `p_holm`. Of
        segments with fewer than `MIN_ARM` customers in a group only the counts.
    """
    rows = {}
    for name, people in segment.groupby(segment, observed=True, sort=True):
        part, flag = outcome.loc[people.index].to_frame(), treated.loc[people.index]
        counts = {"treated": int(flag.sum()), "control": int((~flag).sum())}
        if min(counts.values()) < MIN_ARM:
            rows[name] = counts
        elif covariates is None:
            rows[name] = difference(part, treated=flag).iloc[0]
        else:
            known = covariates.loc[people.index]
            rows[name] = adjusted(part, treated=flag, covariates=known).iloc[0]
    columns = difference(outcome.to_frame(), treated=treated).columns
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    table = table.astype({"treated": int, "control": int}).rename_axis("segment")
    return table.assign(p_holm=holm(table["p_value"].to_numpy(float)))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Correct p-values for how many there are: no true zero is denied with more than 5 %.

    The smallest is multiplied by their number, the next by one less, and so
    on; none becomes smaller than one before it. Missing ones stay and do not
    count.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6 (2), 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, np.nan]).round(2).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p_values, dtype=float)
    found = np.full(p.shape, np.nan)
    places = np.flatnonzero(~np.isnan(p))
    order = places[np.argsort(p[places], kind="stable")]
    steps = p[order] * (len(order) - np.arange(len(order)))
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return found


class Heterogeneity(NamedTuple):
    """Whether segments differ in their effect: chi-square, degrees of freedom, p-value."""

    statistic: float
    freedom: int
    p_value: float


def heterogeneity(effects: pd.DataFrame) -> Heterogeneity:
    """Test whether all segments have one and the same effect.

    Parameters
    ----------
    effects : DataFrame
        From `by_segment`: `effect` and `error` of segments that share no customer.

    Returns
    -------
    Heterogeneity
        Missing with fewer than two segments that have an interval.

    References
    ----------
    Cochran (1954), Biometrics 10 (1), 101-129.

    Examples
    --------
    >>> heterogeneity(pd.DataFrame({"effect": [1.0, 3.0], "error": [1.0, 1.0]})).statistic
    2.0
    """
    told = effects[effects["error"] > 0]
    if len(told) < 2:
        return Heterogeneity(np.nan, 0, np.nan)
    weight = 1 / told["error"] ** 2
    common = float((weight * told["effect"]).sum() / weight.sum())
    statistic = float((weight * (told["effect"] - common) ** 2).sum())
    freedom = len(told) - 1
    return Heterogeneity(statistic, freedom, float(stats.chi2.sf(statistic, freedom)))


def _sorted(outcomes: pd.DataFrame, treated: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Put the customers in order, so that sums do not depend on that of the rows."""
    outcomes, treated = outcomes.astype(float).sort_index(), treated.astype(bool).sort_index()
    if not outcomes.index.equals(treated.index):
        raise DataError("outcomes and groups are those of other customers. Take the same ones.")
    smaller = int(min(treated.sum(), (~treated).sum()))
    if smaller < MIN_ARM:
        raise TooFewData(
            f"the smaller group has {smaller} customers, fewer than {MIN_ARM}.",
            have=smaller,
            need=MIN_ARM,
        )
    return outcomes, treated


def _split(outcomes: pd.DataFrame, treated: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    return outcomes[treated].to_numpy(), outcomes[~treated].to_numpy()


def _mean(y: np.ndarray) -> Arm:
    return Arm(y.mean(axis=0), y.var(axis=0, ddof=1) / len(y), len(y) - 1)


def _fit(y: np.ndarray, x: np.ndarray) -> Arm:
    """Regress outcomes on centred covariates; the intercept is the mean that is looked for."""
    design = np.column_stack([np.ones(len(x)), x])
    inverse = np.linalg.inv(design.T @ design)
    weight = design @ inverse
    residual = y - design @ (weight.T @ y)
    free = np.maximum(1 - (weight * design).sum(axis=1), 1e-8)
    variance = (weight[:, :1] ** 2 * residual**2 / free[:, None]).sum(axis=0)
    return Arm(weight[:, 0] @ y, variance, len(y) - design.shape[1])


def _usable(columns: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Centre and scale the columns, and keep those that add something in both groups."""
    spread = columns.std(axis=0)
    scaled = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    most = min(treated.sum(), (~treated).sum()) // PER_COLUMN - 1
    kept: list[int] = []
    for place in range(columns.shape[1]):
        adds = [
            _left(scaled[arm][:, place], scaled[arm][:, kept]) > COLLINEAR
            for arm in (treated, ~treated)
        ]
        if all(adds) and len(kept) < most:
            kept.append(place)
    return scaled[:, kept]


def _left(column: np.ndarray, others: np.ndarray) -> float:
    """Return the mean square of what a constant and other columns leave of a column."""
    design = np.column_stack([np.ones(len(column)), others])
    fitted = design @ np.linalg.lstsq(design, column, rcond=None)[0]
    return float(np.mean((column - fitted) ** 2))


def _compared(arms: list[Arm], names: pd.Index, treated: pd.Series) -> pd.DataFrame:
    one, other = arms
    variance = one.variance + other.variance
    error = np.sqrt(np.where(variance > 0, variance, np.nan))
    parts = one.variance**2 / one.freedom + other.variance**2 / other.freedom
    freedom = np.divide(variance**2, parts, out=np.ones_like(parts), where=parts > 0)
    effect = one.mean - other.mean
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    return pd.DataFrame(
        {
            "treated": int(treated.sum()),
            "control": int((~treated).sum()),
            "treated_mean": one.mean,
            "control_mean": other.mean,
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "error": error,
            "p_value": 2 * stats.t.sf(np.abs(effect) / error, freedom),
        },
        index=pd.Index(names, name="outcome"),
    )
