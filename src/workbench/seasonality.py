"""Orders to the revenue of whole months: its trend, its season, its largest shift of level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from workbench.cohorts import CONFIDENCE, monthly_revenue
from workbench.schema import DataError, TooFewData

MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August"),
    *("September", "Oktober", "November", "Dezember"),
)
N_MONTHS = len(MONTHS)
# Two full years: each calendar month is compared with its own year at least once.
MIN_MONTHS_SEASON = 24
MIN_MONTHS_SHIFT = 12
# A level is measured on so many months at least.
MIN_SIDE = 3
N_DRAWS = 2000
TREND_DEGREE = 2
# A shift that chance makes less often than this is one; every report asks.
SIGNIFICANT = 0.01


class Season(NamedTuple):
    """A classical decomposition.

    Attributes
    ----------
    months : DataFrame
        Indexed by `month` (first day): `revenue`, `trend` (centred moving
        average of twelve months; missing at both ends) and `adjusted` (revenue
        over the index of its calendar month); currency.
    indices : DataFrame
        Indexed by `calendar_month` (German): `index` (1 is an average month),
        `index_low`, `index_high` (95 % for all twelve at once, Bonferroni; missing
        without a month measured twice) and `n_ratios` (how often measured).
    """

    months: pd.DataFrame
    indices: pd.DataFrame


class Shift(NamedTuple):
    """The largest shift of level in a series of months.

    Attributes
    ----------
    month : Timestamp
        First month on the new level.
    change : float
        New level over the old one, less 1, beside a smooth trend.
    p_value : float
        How often months in random order shift as much.
    n_months : int
        Months compared.
    is_adjusted : bool
        Whether the season was taken out first.
    """

    month: pd.Timestamp
    change: float
    p_value: float
    n_months: int
    is_adjusted: bool


def whole_months(
    orders: pd.DataFrame, *, first_day: pd.Timestamp, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Add up the revenue of the months that lie wholly within the data.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    first_day, as_of : Timestamp
        First and last day of the data; later rows are ignored.

    Returns
    -------
    DataFrame
        Indexed by `month` (first day), without holes: `known_customers`,
        `new_customers` (counts) and `revenue` (currency, less what came back).
    """
    months = monthly_revenue(orders[orders["date"] <= as_of])
    ends = months.index + pd.offsets.MonthEnd()
    whole = months[(months.index >= first_day) & (ends <= as_of)]
    revenue = whole["revenue_known"] + whole["revenue_new"]
    return whole[["known_customers", "new_customers"]].assign(revenue=revenue)


def unbroken(whole: pd.DataFrame) -> pd.DataFrame:
    """Keep the months after the last one without revenue: trend and season need every month.

    Parameters
    ----------
    whole : DataFrame
        From `whole_months`.
    """
    empty = np.flatnonzero(whole["revenue"].to_numpy() <= 0)
    return whole.iloc[empty[-1] + 1 :] if len(empty) else whole


def decompose(revenue: pd.Series) -> Season:
    """Split monthly revenue into trend, season and rest, by ratios to a moving average.

    The classical multiplicative decomposition: the trend is the mean of twelve
    months around each (the outer two of thirteen count half), the index of a
    calendar month the mean of its ratios to the trend, and the twelve indices
    have the mean 1. The interval takes every ratio to scatter alike about its
    index; with exactly two years nothing is measured twice, and there is none.

    Parameters
    ----------
    revenue : Series
        By `month` (first day), without holes, all above 0 (currency).

    Raises
    ------
    TooFewData
        If there are fewer than `MIN_MONTHS_SEASON` months.
    DataError
        If a month has no revenue.

    References
    ----------
    Macaulay (1931), The Smoothing of Time Series, NBER, chapter 1; Hyndman and
    Athanasopoulos (2021), Forecasting: Principles and Practice, section 3.4.
    """
    _check_months(revenue, need=MIN_MONTHS_SEASON)
    weights = np.array([0.5, *[1.0] * (N_MONTHS - 1), 0.5]) / N_MONTHS
    inner = np.convolve(revenue.to_numpy(float), weights, mode="valid")
    half = N_MONTHS // 2
    trend = pd.Series(np.nan, index=revenue.index)
    trend.iloc[half:-half] = inner
    ratios = (revenue / trend).dropna()
    groups = ratios.groupby(ratios.index.month)
    index, n = groups.mean(), groups.size()
    scatter = float(((ratios - groups.transform("mean")) ** 2).sum())
    degrees = len(ratios) - N_MONTHS
    reach = np.nan
    if degrees > 0:
        error = np.sqrt(scatter / degrees / n)
        reach = stdtrit(degrees, 1 - (1 - CONFIDENCE) / 2 / N_MONTHS) * error
    scale = 1 / index.mean()
    indices = pd.DataFrame(
        {"index": index, "index_low": index - reach, "index_high": index + reach, "n_ratios": n}
    )
    indices[["index", "index_low", "index_high"]] *= scale
    adjusted = revenue / (scale * index[revenue.index.month].to_numpy())
    months = pd.DataFrame({"revenue": revenue, "trend": trend, "adjusted": adjusted})
    return Season(months, indices.set_axis(pd.Index(MONTHS, name="calendar_month")))


def sure_months(season: Season) -> list[str]:
    """Name the calendar months whose interval leaves out that of an average month."""
    indices = season.indices
    is_sure = (indices["index_low"] > 1) | (indices["index_high"] < 1)
    return indices.index[is_sure].tolist()


def level(whole: pd.DataFrame, season: Season | None) -> pd.Series:
    """Return the revenue in which to look for a shift: without the season, where that is sure.

    An index that may be chance would add more than it takes out.
    """
    if season is None or not sure_months(season):
        return whole["revenue"]
    return season.months["adjusted"]


def hide_small(whole: pd.DataFrame, season: Season | None, *, k: int) -> pd.DataFrame:
    """Keep the revenue of months of which no part tells of fewer than `k` customers.

    The page of the data shows known and new customers apart. A trend would tell
    of a blank month by its neighbours, so there is none beside one.

    Parameters
    ----------
    whole : DataFrame
        From `whole_months`.
    season : Season or None
        Whose trend is wanted.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        Indexed by `month`: `revenue` and, with a season, `trend` (currency).
    """
    people = whole[["known_customers", "new_customers"]]
    is_small = ((people > 0) & (people < k)).any(axis=1)
    shown = whole[["revenue"]].mask(is_small)
    if season is None:
        return shown
    return shown.assign(trend=np.nan if is_small.any() else season.months["trend"])


def largest_shift(revenue: pd.Series, *, is_adjusted: bool, seed: int) -> Shift:
    """Find the month from which the level of the revenue differs most, beside a smooth trend.

    On the logarithm of the revenue a step at each month is fitted beside a
    parabola, so that growth that levels off is no step. Whether the largest
    step is more than chance is judged by shuffling what the parabola leaves
    (Freedman and Lane): months that depend on their neighbours, or a season
    that was not taken out, make a step look surer than it is.

    Parameters
    ----------
    revenue : Series
        By `month` (first day), without holes, all above 0 (currency).
    is_adjusted : bool
        Whether the season was taken out.
    seed : int
        Of the permutations.

    Raises
    ------
    TooFewData
        If there are fewer than `MIN_MONTHS_SHIFT` months.
    DataError
        If a month has no revenue.

    References
    ----------
    Freedman and Lane (1983), A nonstochastic interpretation of reported
    significance levels, Journal of Business & Economic Statistics 1 (4), 292-298.
    """
    _check_months(revenue, need=MIN_MONTHS_SHIFT)
    n = len(revenue)
    basis, _ = np.linalg.qr(np.vander(np.arange(n, dtype=float), TREND_DEGREE + 1))
    level = np.log(revenue.to_numpy(float))
    rest = level - basis @ (basis.T @ level)
    starts = np.arange(MIN_SIDE, n - MIN_SIDE + 1)
    steps = (np.arange(n)[:, None] >= starts).astype(float)
    steps -= basis @ (basis.T @ steps)
    steps /= np.sqrt((steps**2).sum(axis=0))
    generator = np.random.default_rng(seed)
    draws = generator.permuted(np.tile(rest, (N_DRAWS, 1)), axis=1)
    draws -= (draws @ basis) @ basis.T
    largest = _explained(draws, steps).max(axis=1)
    held = _explained(rest[None, :], steps)[0]
    best = int(held.argmax())
    # Equal up to rounding counts as equal.
    n_as_large = int((largest >= held[best] * (1 - 1e-9)).sum())
    raw = (np.arange(n) >= starts[best]).astype(float)
    raw -= basis @ (basis.T @ raw)
    size = float(rest @ raw / (raw @ raw))
    return Shift(
        month=revenue.index[starts[best]],
        change=float(np.expm1(size)),
        p_value=(1 + n_as_large) / (1 + N_DRAWS),
        n_months=n,
        is_adjusted=is_adjusted,
    )


def _explained(rest: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the share of the squares of each row that each step explains."""
    squares = (rest**2).sum(axis=1, keepdims=True)
    return (rest @ steps) ** 2 / np.where(squares > 0, squares, 1.0)


def _check_months(revenue: pd.Series, *, need: int) -> None:
    n_empty = int((revenue <= 0).sum())
    if n_empty:
        raise DataError(
            f"{n_empty} of {len(revenue)} months have no revenue, the first is "
            f"{revenue.index[(revenue <= 0).to_numpy()][0].date()}. Take seasonality.unbroken."
        )
    if len(revenue) < need:
        raise TooFewData(
            f"this needs {need} whole months in a row with revenue; there are {len(revenue)}.",
            have=len(revenue),
            need=need,
        )
