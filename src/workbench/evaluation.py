"""Forecasts of purchases against what was bought: one row per forecast, class or week."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from workbench.schema import DAYS_PER_WEEK, DataError, check_orders, check_summary

MIN_RMSE_GAIN = 0.01
MAX_CONCORDANCE_LOSS = 0.01


class PurchaseVerdict(NamedTuple):
    """Whether a model forecasts purchases better than the naive forecasts do.

    Attributes
    ----------
    passed : bool
        All three of the next are true.
    lower_rmse, keeps_ranking, keeps_bias : bool
        The three parts of the rule in `purchase_verdict`.
    best_naive : str
        The naive forecast with the lowest RMSE.
    rmse_gain : float
        Share of that RMSE which the model saves; negative if it adds some.
    concordance_gain : float
        Concordance less the highest of a naive forecast.
    bias, naive_bias : float
        Relative error of the sum, of the model and of `best_naive`.
    """

    passed: bool
    lower_rmse: bool
    keeps_ranking: bool
    keeps_bias: bool
    best_naive: str
    rmse_gain: float
    concordance_gain: float
    bias: float
    naive_bias: float


def naive_forecasts(
    calibration: pd.DataFrame, *, holdout_days: int, calibration_days: int
) -> pd.DataFrame:
    """Forecast each customer's purchases without a model.

    Parameters
    ----------
    calibration : DataFrame
        Indexed by `customer_id`: `frequency`, `recency` and `T` (days).
    holdout_days, calibration_days : int
        Lengths of the two periods, the first and the last day included.

    Returns
    -------
    DataFrame
        Same index; expected purchases in `holdout_days`.

        - `same_count_again`: as many repeat purchases a day as in the
          calibration; with periods of equal length, the same count
        - `own_rate`: repeat purchases per day since the own first one,
          ``frequency / T * holdout_days``; 0 for a customer of today
        - `population_mean`: the same for everybody, all repeat purchases over
          all days since a first one
        - `nobody_buys`: 0

    Raises
    ------
    ValueError
        If a length is not positive.
    DataError
        If `calibration` breaks its promise.

    Examples
    --------
    >>> calibration = pd.DataFrame(
    ...     {"frequency": [3, 0], "recency": [20.0, 0.0], "T": [30.0, 20.0]}, index=["anna", "ben"]
    ... )
    >>> naive_forecasts(calibration, holdout_days=10, calibration_days=40)
          same_count_again  own_rate  population_mean  nobody_buys
    anna              0.75       1.0              0.6          0.0
    ben               0.00       0.0              0.6          0.0
    """
    check_summary(calibration)
    for name, days in (("holdout_days", holdout_days), ("calibration_days", calibration_days)):
        if days < 1:
            raise ValueError(f"{name}={days} must be at least 1.")
    x, age = calibration["frequency"], calibration["T"]
    # Whoever first bought on the last day has no repeat purchase, so any divisor gives 0.
    own_rate = x / age.where(age > 0, 1.0)
    mean_rate = x.sum() / age.sum() if age.sum() > 0 else 0.0
    return pd.DataFrame(
        {
            "same_count_again": x * (holdout_days / calibration_days),
            "own_rate": own_rate * holdout_days,
            "population_mean": mean_rate * holdout_days,
            "nobody_buys": 0.0,
        },
        index=calibration.index,
    )


def accuracy(forecasts: pd.DataFrame, *, actual: pd.Series) -> pd.DataFrame:
    """Measure how far forecasts of purchases are from the purchases made.

    Parameters
    ----------
    forecasts : DataFrame
        Indexed by `customer_id`, one column per forecast (expected purchases,
        >= 0).
    actual : Series
        Same customers: purchases made.

    Returns
    -------
    DataFrame
        One row per forecast, indexed by `forecast`.

        - `mae`, `rmse` (purchases): mean absolute, root mean squared error
        - `bias` (share): forecast sum over actual sum, less 1
        - `wape` (share): sum of absolute errors over actual sum
        - `msle`: mean squared difference of ``log(1 + purchases)``
        - `rank_correlation`: Spearman's, ties averaged; NaN for a constant
        - `concordance`: of two customers who bought unequally often, the chance
          that the busier one has the higher forecast, a tie counting one half;
          .5 for a constant, NaN if all bought equally often

        `bias` and `wape` are NaN if nothing was bought.

    Notes
    -----
    Spearman's coefficient falls when a forecast tells apart customers who turn
    out to have bought equally often. Where most bought nothing, that favours
    forecasts with many ties: on CDNOW "same count again" has .488 and BG/NBD .449,
    although BG/NBD has more pairs in order (.760 against .748). To compare a
    forecast that ties with one that does not, take `concordance`.

    References
    ----------
    Harrell, Lee and Mark (1996), Statistics in Medicine 15, 361-387, for the
    concordance.

    Raises
    ------
    DataError
        If the two tables hold other customers, or a value is missing or
        negative.

    Examples
    --------
    >>> actual = pd.Series([0, 3, 1], index=["anna", "ben", "cem"])
    >>> forecasts = pd.DataFrame({"model": [0.0, 2.0, 1.0]}, index=actual.index)
    >>> accuracy(forecasts, actual=actual)[["mae", "bias", "wape", "rank_correlation"]].round(2)
               mae  bias  wape  rank_correlation
    forecast
    model     0.33 -0.25  0.25               1.0
    """
    # Sums over sorted customers: the last digit does not depend on the order of the rows.
    forecasts = forecasts.sort_index()
    truth = _aligned(actual, index=forecasts.index, name="actual")
    _check_counts(truth, name="actual")
    rows = {}
    for name in forecasts.columns:
        forecast = forecasts[name].astype(float)
        _check_counts(forecast, name=f"forecast {name!r}")
        error = forecast - truth
        rows[name] = {
            "mae": error.abs().mean(),
            "rmse": np.sqrt((error**2).mean()),
            "bias": forecast.sum() / truth.sum() - 1 if truth.sum() > 0 else np.nan,
            "wape": error.abs().sum() / truth.sum() if truth.sum() > 0 else np.nan,
            "msle": ((np.log1p(forecast) - np.log1p(truth)) ** 2).mean(),
            "rank_correlation": _rank_correlation(forecast, truth),
            "concordance": _concordance(forecast, truth),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecast")


def purchase_verdict(accuracy: pd.DataFrame, *, model: str) -> PurchaseVerdict:
    """Judge a model against the naive forecasts on the same customers.

    It passes if all three hold:

    1. its RMSE is lower than that of every naive forecast, by one percent of it
       or more (`MIN_RMSE_GAIN`);
    2. its concordance is not lower than the highest of a naive forecast by more
       than .01 (`MAX_CONCORDANCE_LOSS`), so that it orders customers as well;
    3. its error of the sum is, without its sign, not larger than that of the naive
       forecast with the lowest RMSE.

    The mean absolute error does not count. Where most customers buy nothing,
    the forecast "nobody buys" has nearly the lowest one (CDNOW: .7985 against
    .7855 of BG/NBD), because absolute error rewards the median, which is 0.

    Parameters
    ----------
    accuracy : DataFrame
        From `accuracy`: the model and at least one naive forecast. Every other
        row counts as naive; take out the rows of other models first.
    model : str
        The row to judge.

    Returns
    -------
    PurchaseVerdict
        A rule that lacks a figure is not held; if all customers bought equally
        often there is nothing to order, and no forecast passes.

    Raises
    ------
    ValueError
        If `model` is no row, or the only one.
    """
    if model not in accuracy.index or len(accuracy) < 2:
        raise ValueError(
            f"accuracy has the rows {list(accuracy.index)}: it needs {model!r} and at least "
            "one naive forecast. Add evaluation.naive_forecasts."
        )
    judged, naive = accuracy.loc[model], accuracy.drop(index=model)
    best_naive = str(naive["rmse"].idxmin())
    best = naive.loc[best_naive]
    rmse_gain = 1 - judged["rmse"] / best["rmse"] if best["rmse"] > 0 else np.nan
    concordance_gain = judged["concordance"] - naive["concordance"].max()

    lower_rmse = bool(rmse_gain >= MIN_RMSE_GAIN)
    keeps_ranking = bool(concordance_gain >= -MAX_CONCORDANCE_LOSS)
    keeps_bias = bool(abs(judged["bias"]) <= abs(best["bias"]))
    return PurchaseVerdict(
        passed=lower_rmse and keeps_ranking and keeps_bias,
        lower_rmse=lower_rmse,
        keeps_ranking=keeps_ranking,
        keeps_bias=keeps_bias,
        best_naive=best_naive,
        rmse_gain=float(rmse_gain),
        concordance_gain=float(concordance_gain),
        bias=float(judged["bias"]),
        naive_bias=float(best["bias"]),
    )


def by_frequency(
    calibration: pd.DataFrame, *, actual: pd.Series, expected: pd.Series, top: int = 7
) -> pd.DataFrame:
    """Compare mean holdout purchases by the number of repeat purchases before.

    Parameters
    ----------
    calibration : DataFrame
        Indexed by `customer_id`: `frequency`, `recency` and `T` (days).
    actual, expected : Series
        Same customers: purchases in the holdout, made and forecast.
    top : int
        Last class: so many repeat purchases and more.

    Returns
    -------
    DataFrame
        Indexed by `frequency` 0 ... `top`: `customers` (count), `actual` and
        `expected` (mean purchases; NaN in a class without customers).

    Raises
    ------
    DataError
        If the three tables hold other customers.

    Examples
    --------
    >>> calibration = pd.DataFrame({"frequency": [0, 0, 2, 5], "recency": [0., 0., 5., 9.],
    ...                             "T": [9., 9., 9., 9.]})
    >>> by_frequency(calibration, actual=pd.Series([0, 1, 2, 3]),
    ...              expected=pd.Series([.2, .4, 1., 2.]), top=2)
               customers  actual  expected
    frequency
    0                  2     0.5       0.3
    1                  0     NaN       NaN
    2                  2     2.5       1.5
    """
    check_summary(calibration)
    table = pd.DataFrame(
        {
            "actual": _aligned(actual, index=calibration.index, name="actual"),
            "expected": _aligned(expected, index=calibration.index, name="expected"),
        }
    ).sort_index()
    groups = table.groupby(calibration["frequency"].clip(upper=top))
    result = groups.mean().reindex(pd.RangeIndex(top + 1, name="frequency"))
    result.insert(0, "customers", groups.size().reindex(result.index, fill_value=0))
    return result


def tracking(
    orders: pd.DataFrame,
    *,
    cutoff: pd.Timestamp,
    as_of: pd.Timestamp,
    expected_repeat: Callable[[np.ndarray], np.ndarray],
    step_days: int = DAYS_PER_WEEK,
    known: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Count repeat purchases over calendar time and put the expected ones beside them.

    Steps start on the day of the first order and hold whole days: week 1 ends
    on the seventh day. The customers are those who first bought up to `cutoff`;
    at the end of step k, whoever first bought on day s (from 0) has the age
    ``k * step_days - s`` days, the last day counted in full.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    cutoff : Timestamp
        Last day of the calibration.
    as_of : Timestamp
        Last complete day; only whole steps up to it are counted.
    expected_repeat : callable
        Ages in days to expected repeat purchases of a customer of that age.
    step_days : int
        Length of a step in days.
    known : DataFrame, optional
        The orders up to `cutoff` as they were known then, where a later return
        has changed them.

    Returns
    -------
    DataFrame
        Indexed by `step` from 1.

        - `last_day` (datetime): last day of the step
        - `is_holdout` (bool): the step ends after `cutoff`
        - `actual`, `expected`: repeat purchases in the step
        - `cumulative_actual`, `cumulative_expected`: from the start

    Raises
    ------
    ValueError
        If `as_of` leaves no whole step.
    DataError
        If nothing was bought up to `cutoff`.

    References
    ----------
    Fader, Hardie and Lee (2005), Marketing Science 24 (2), 275-284, figure 3.
    """
    check_orders(orders)
    past = orders[orders["date"] <= cutoff] if known is None else known
    if past.empty:
        first_day = orders["date"].min().date()
        raise DataError(f"no purchase up to cutoff={cutoff.date()}; the first is on {first_day}")
    start = past["date"].min()
    is_later = (orders["date"] > cutoff) & orders["customer_id"].isin(past["customer_id"])
    orders = pd.concat([past, orders[is_later]], ignore_index=True)
    steps = ((as_of - start).days + 1) // step_days
    if steps < 1:
        raise ValueError(
            f"as_of={as_of.date()} leaves no whole step of {step_days} days after {start.date()}. "
            "Take a later as_of or shorter steps."
        )

    first = orders.groupby("customer_id")["date"].transform("min")
    tracked = orders[(first <= cutoff) & (orders["date"] > first)]
    repeat_day = (tracked["date"] - start).dt.days.to_numpy()
    first_days = (first[first == orders["date"]] - start).dt.days.to_numpy()
    starters = np.bincount(first_days[first_days <= (cutoff - start).days])

    ends = step_days * np.arange(1, steps + 1)
    cumulative_actual = np.searchsorted(np.sort(repeat_day), ends, side="left")
    # One call for all whole ages: a year of weekly steps asks for the same few hundred again.
    repeat_at = np.asarray(expected_repeat(np.arange(ends[-1] + 1, dtype=float)), dtype=float)
    ages = np.clip(ends[:, None] - np.arange(len(starters)), 0, None)
    cumulative_expected = (repeat_at[ages] * np.where(ages > 0, starters, 0)).sum(axis=1)

    last_day = start + pd.to_timedelta(ends - 1, unit="D")
    return pd.DataFrame(
        {
            "last_day": last_day,
            "is_holdout": last_day > cutoff,
            "actual": np.diff(cumulative_actual, prepend=0),
            "expected": np.diff(cumulative_expected, prepend=0.0),
            "cumulative_actual": cumulative_actual,
            "cumulative_expected": cumulative_expected,
        },
        index=pd.RangeIndex(1, steps + 1, name="step"),
    )


def _rank_correlation(forecast: pd.Series, truth: pd.Series) -> float:
    """Spearman's rho; NaN if either is constant."""
    if forecast.nunique() < 2 or truth.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(forecast.rank(), truth.rank())[0, 1])


def _concordance(forecast: pd.Series, truth: pd.Series) -> float:
    """Share of pairs with unequal truth that are in order, from Kendall's tau-b."""
    pairs = len(truth) * (len(truth) - 1) / 2
    unequal = pairs - _tied_pairs(truth)
    if unequal == 0:
        return float("nan")
    if forecast.nunique() < 2:
        return 0.5
    tau = kendalltau(forecast, truth, method="asymptotic").statistic
    # tau-b divides by the geometric mean of the pairs unequal in truth and in forecast.
    return float(0.5 + 0.5 * tau * np.sqrt((pairs - _tied_pairs(forecast)) / unequal))


def _tied_pairs(values: pd.Series) -> float:
    same = values.value_counts().to_numpy(float)
    return float((same * (same - 1) / 2).sum())


def _aligned(values: pd.Series, *, index: pd.Index, name: str) -> pd.Series:
    if not (values.index.is_unique and index.is_unique):
        raise DataError(f"{name} or the table beside it holds a customer twice.")
    n_other = len(values.index.symmetric_difference(index))
    if n_other:
        raise DataError(
            f"{n_other} customers are in only one of {name} and the table beside it. "
            "Give both the same customers."
        )
    return values.reindex(index).astype(float)


def _check_counts(values: pd.Series, *, name: str) -> None:
    n_bad = int((~(values >= 0) | np.isinf(values)).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(values)} values of {name} are missing, infinite or < 0.")
