"""Forecasts of purchases against what was bought: one row per forecast, class or week."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from workbench.schema import (
    DAYS_PER_WEEK,
    DataError,
    check_orders,
    check_summary,
    purchase_days,
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
    forecasts = forecasts.sort_index()
    truth = _aligned(actual, index=forecasts.index, name="actual")
    _check_counts(truth, name="actual")
    for name in forecasts.columns:
        _check_counts(forecasts[name], name=f"forecast {name!r}")
    table = errors(forecasts, actual=truth)
    squares = (np.log1p(forecasts.astype(float)).sub(np.log1p(truth), axis="index")) ** 2
    table.insert(table.columns.get_loc("wape") + 1, "msle", squares.mean())
    return table


def errors(forecasts: pd.DataFrame, *, actual: pd.Series) -> pd.DataFrame:
    """Measure how far forecasts of any sign are from what came.

    Parameters
    ----------
    forecasts : DataFrame
        Indexed by `customer_id`, one column per forecast.
    actual : Series
        Same customers: what came, such as revenue less what was given back.

    Returns
    -------
    DataFrame
        The columns of `accuracy` but `msle`, in the unit of `actual`.

    Raises
    ------
    DataError
        If the two tables hold other customers, or a value is missing or
        infinite.
    """
    # Sums over sorted customers: the last digit does not depend on the order of the rows.
    forecasts = forecasts.sort_index()
    truth = _aligned(actual, index=forecasts.index, name="actual")
    _check_finite(truth, name="actual")
    rows = {}
    for name in forecasts.columns:
        forecast = forecasts[name].astype(float)
        _check_finite(forecast, name=f"forecast {name!r}")
        error = forecast - truth
        rows[name] = {
            "mae": error.abs().mean(),
            "rmse": np.sqrt((error**2).mean()),
            "bias": forecast.sum() / truth.sum() - 1 if truth.sum() > 0 else np.nan,
            "wape": error.abs().sum() / truth.sum() if truth.sum() > 0 else np.nan,
            "rank_correlation": _rank_correlation(forecast, truth),
            "concordance": _concordance(forecast, truth),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecast")


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
    orders = purchase_days(orders)
    past = orders[orders["date"] <= cutoff] if known is None else purchase_days(known)
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
    if len(truth) == 2:
        # scipy would divide by zero for a p-value that nobody reads.
        return float(np.argmax(forecast) == np.argmax(truth))
    from scipy.stats import kendalltau  # half a second to import, which other notebooks save

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


def _check_finite(values: pd.Series, *, name: str) -> None:
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(values)} values of {name} are missing or infinite.")


def _check_counts(values: pd.Series, *, name: str) -> None:
    n_bad = int((~(values >= 0) | np.isinf(values)).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(values)} values of {name} are missing, infinite or < 0.")
