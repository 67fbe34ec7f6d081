"""Forecasts without a model, and how far any forecast of purchases or money is from what came.

`evaluation.accuracy` measures errors and ranks; the measures added here are of the whole order
of customers, in which customers with the same forecast share what they bought.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import evaluation
from workbench.newton import NORMAL_975
from workbench.schema import DataError, check_summary, purchase_days

NAIVE = (
    "own_rate",
    "same_count_again",
    "last_period",
    "cohort_mean",
    "hiatus",
    "nobody_buys",
)
# Silent for longer than this share of the calibration: lost, says the hiatus rule.
HIATUS_SHARE = 0.25
N_DECILES = 10
# "Nobody buys" would be infinitely wrong: in the deviance no forecast is lower than this.
MIN_EXPECTED_COUNT = 0.01


class Gain(NamedTuple):
    """Share of the naive RMSE that a forecast saves, with the bounds of a 95 % interval."""

    gain: float
    lower: float
    upper: float


def naive_forecasts(
    orders: pd.DataFrame, *, past: pd.DataFrame, origin: pd.Timestamp, horizon_days: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast each customer's purchases and revenue without a model.

    With h days of horizon, C days from the first order of all to the origin,
    both included, and for each customer x repeat purchases, T days since the
    first one and s days since the last one:

    - `own_rate`: ``x / T * h``
    - `same_count_again`: ``x / C * h``
    - `last_period`: all purchases of the last h days, the first one included;
      where C < h, those of C days, times ``h / C``
    - `cohort_mean`: all x of those who first bought in the same month over all
      their T, times h; the mean of the whole base where that T is 0
    - `hiatus`: `own_rate` if s < C / 4, else 0
    - `nobody_buys`: 0

    For revenue, x is the money of the repeat purchases, and `last_period` that
    of its purchases.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order; rows after `origin` are
        ignored.
    past : DataFrame
        From `summary.summarise` of these orders up to `origin`.
    origin : Timestamp
        Last day that counts.
    horizon_days : int
        Days to forecast.

    Returns
    -------
    tuple of DataFrame
        Purchases (count) and revenue (currency), both indexed as `past`.

    Raises
    ------
    ValueError
        If `horizon_days` is not positive.
    DataError
        If `past` breaks its promise.

    References
    ----------
    Wübben and von Wangenheim (2008), Journal of Marketing 72 (3), 82-93, for the
    hiatus rule.

    Examples
    --------
    >>> from workbench import summary
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben"], "amount": [10.0, 20.0, 5.0],
    ...     "date": pd.to_datetime(["2024-01-01", "2024-01-31", "2024-01-21"])})
    >>> day = pd.Timestamp("2024-02-09")
    >>> counts, money = naive_forecasts(
    ...     orders, past=summary.summarise(orders, as_of=day), origin=day, horizon_days=20)
    >>> counts.round(2).iloc[:, :5]
                 own_rate  same_count_again  last_period  cohort_mean  hiatus
    customer_id
    anna             0.51               0.5          1.0         0.34    0.51
    ben              0.00               0.0          1.0         0.34    0.00
    """
    if horizon_days < 1:
        raise ValueError(f"horizon_days={horizon_days} must be at least 1.")
    check_summary(past)
    calibration_days = int(past["T"].max()) + 1
    window_days = min(horizon_days, calibration_days)
    recent = in_window(orders, after=origin - pd.Timedelta(days=window_days), until=origin)
    recent = recent.reindex(past.index, fill_value=0) * (horizon_days / window_days)
    cohort = cohorts(past, origin=origin)
    is_silent = past["days_since_last"] >= HIATUS_SHARE * calibration_days

    def forecast(bought: pd.Series, last_period: pd.Series) -> pd.DataFrame:
        # Whoever first bought on the last day has no repeat purchase, so any divisor gives 0.
        own_rate = bought / past["T"].where(past["T"] > 0, 1.0) * horizon_days
        return pd.DataFrame(
            {
                "own_rate": own_rate,
                "same_count_again": bought * (horizon_days / calibration_days),
                "last_period": last_period.astype(float),
                "cohort_mean": _mean_rate(bought, age=past["T"], cohort=cohort) * horizon_days,
                "hiatus": own_rate.where(~is_silent, 0.0),
                "nobody_buys": 0.0,
            }
        )[list(NAIVE)]

    return (
        forecast(past["frequency"].astype(float), recent["purchases"]),
        forecast(past["frequency"] * past["monetary_value"], recent["revenue"]),
    )


def of_counts(forecasts: pd.DataFrame, *, actual: pd.Series) -> pd.DataFrame:
    """Measure forecasts of purchases.

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
        One row per forecast: the columns of `evaluation.accuracy`, and

        - `deviance`: mean Poisson deviance, ``2 (y log(y / m) - y + m)`` for y
          purchases and a forecast m of at least `MIN_EXPECTED_COUNT`
        - `gini` (-1 to 1): covariance of purchases with the rank of the forecast,
          over that with their own rank; 1 is the perfect order, 0 is chance or
          a constant
        - `top_decile` (share): of all purchases, those of the tenth with the
          highest forecasts; .1 for a constant

        The last two are NaN where nothing, or by everybody the same, was
        bought, and average exactly over customers with the same forecast.

    Raises
    ------
    DataError
        If the two tables hold other customers, or a value is missing or
        negative.

    References
    ----------
    Lerman and Yitzhaki (1984), Economics Letters 15, 363-368, for the
    covariance form of the Gini coefficient.

    Examples
    --------
    >>> actual = pd.Series([0, 3, 1, 0], index=["anna", "ben", "cem", "dora"])
    >>> forecasts = pd.DataFrame({"model": [0.0, 2.0, 1.0, 0.0], "all": 1.0}, index=actual.index)
    >>> of_counts(forecasts, actual=actual)[["deviance", "gini", "top_decile"]].round(3)
              deviance  gini  top_decile
    forecast
    model        0.118   1.0         0.3
    all          1.648   0.0         0.1
    """
    table = evaluation.accuracy(forecasts, actual=actual)
    table["deviance"] = [
        _deviance(forecasts[name].to_numpy(float), actual.reindex(forecasts.index).to_numpy(float))
        for name in table.index
    ]
    return table.join(_of_order(forecasts, actual))


def of_money(forecasts: pd.DataFrame, *, actual: pd.Series) -> pd.DataFrame:
    """Measure forecasts of revenue; parameters as in `of_counts`, in currency of any sign.

    Returns
    -------
    DataFrame
        One row per forecast: `mae` and `rmse` (currency), `bias`, `wape`,
        `rank_correlation`, `concordance`, `gini` and `top_decile`.
    """
    return evaluation.errors(forecasts, actual=actual).join(_of_order(forecasts, actual))


def by_decile(forecast: pd.Series, *, actual: pd.Series) -> pd.DataFrame:
    """Compare means of forecast and truth in ten classes of equal size, high forecasts first.

    A class holds exactly a tenth of the customers, where needed with a part of
    one; customers with the same forecast share what they bought.

    Parameters
    ----------
    forecast, actual : Series
        Indexed by `customer_id`: what was expected, and what came.

    Returns
    -------
    DataFrame
        Indexed by `decile` 1 ... 10: `customers` (count, may be a fraction),
        `actual` and `expected` (means).

    Raises
    ------
    DataError
        If the two hold other customers, or none.

    Examples
    --------
    >>> truth = pd.Series([float(i) for i in range(20)])
    >>> by_decile(pd.Series(1.0, index=truth.index), actual=truth).iloc[[0, 9]]
            customers  actual  expected
    decile
    1             2.0     9.5       1.0
    10            2.0     9.5       1.0
    """
    n_other = len(forecast.index.symmetric_difference(actual.index))
    if n_other or forecast.empty:
        raise DataError(
            f"forecast holds {len(forecast)} customers, and {n_other} customers are in only one of "
            "forecast and actual. Give both the same customers, at least one."
        )
    forecast = forecast.sort_index()
    blocks = _blocks(forecast, actual.reindex(forecast.index).to_numpy(float))
    customers = len(forecast) / N_DECILES
    return pd.DataFrame(
        {
            "customers": customers,
            "actual": _class_sums(blocks, blocks.actual) / customers,
            "expected": _class_sums(blocks, blocks.forecast * blocks.customers) / customers,
        },
        index=pd.RangeIndex(1, N_DECILES + 1, name="decile"),
    )


def signal(forecast: pd.Series, *, actual: pd.Series, cohort: pd.Series) -> float:
    """Measure whether a forecast orders customers of one cohort better than chance does.

    Had chance dealt what came among the customers of each cohort, the sum over
    cohorts of the products of the ranks of forecast and truth would have a
    known mean and variance. The result says by how many standard deviations
    the sum is larger.

    Parameters
    ----------
    forecast, actual : Series
        Indexed by `customer_id`: what was expected, and what came.
    cohort : Series
        Same customers: the group within which chance deals.

    Returns
    -------
    float
        Standard normal by chance; 0 where nothing can be told apart. Ranks
        are averaged over ties and divided by cohort size plus one.

    References
    ----------
    Landis, Heyman and Koch (1978), International Statistical Review 46,
    237-254: the correlation statistic of the generalised Cochran-Mantel-Haenszel
    test, with modified ridit scores.

    Examples
    --------
    >>> values = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> signal(values, actual=values, cohort=pd.Series("2024-01", index=values.index))
    2.0
    """
    table = pd.DataFrame({"forecast": forecast, "actual": actual}).sort_index()
    groups = table.groupby(cohort.reindex(table.index))
    score = groups.rank().div(groups["actual"].transform("size") + 1, axis=0) - 0.5
    products = pd.DataFrame(
        {
            "both": score["forecast"] * score["actual"],
            "forecast": score["forecast"] ** 2,
            "actual": score["actual"] ** 2,
        }
    )
    sums = products.groupby(cohort.reindex(table.index)).sum()
    variance = sums["forecast"] * sums["actual"] / (groups.size() - 1).clip(lower=1)
    if not variance.sum() > 0:
        return 0.0
    return float(sums["both"].sum() / np.sqrt(variance.sum()))


def rmse_gain(loss: pd.Series, *, naive_loss: pd.Series) -> Gain:
    """Compare two forecasts by squared error, one observation per customer.

    Parameters
    ----------
    loss, naive_loss : Series
        Same customers: squared errors of the two, each added up over whatever
        was forecast of the customer.

    Returns
    -------
    Gain
        The interval is that of the logarithm of the ratio of the two sums, whose
        variance is that of its influences.

    Examples
    --------
    >>> rmse_gain(pd.Series([1.0, 2.0, 1.0]), naive_loss=pd.Series([4.0, 8.0, 4.0]))
    Gain(gain=0.5, lower=0.5, upper=0.5)
    """
    total, naive_total = loss.sum(), naive_loss.sum()
    if not (total > 0 and naive_total > 0):
        gain = 0.0 if total == naive_total else 1.0 if naive_total > 0 else -np.inf
        return Gain(gain, gain, gain)
    influence = loss / total - naive_loss / naive_total
    n = len(influence)
    spread = NORMAL_975 * np.sqrt((influence**2).sum() * n / max(n - 1, 1))
    ratio = np.log(total / naive_total)
    return Gain(*(float(-np.expm1((ratio + shift) / 2)) for shift in (0.0, spread, -spread)))


def in_window(orders: pd.DataFrame, *, after: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """Count each customer's days with a purchase after one day up to another, and their money.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    after, until : Timestamp
        The day before the first one, and the last one.

    Returns
    -------
    DataFrame
        Indexed by `customer_id`, those who bought or gave something back:
        `purchases` (count) and `revenue` (currency, less what came back).
    """
    inside = orders[(orders["date"] > after) & (orders["date"] <= until)]
    inside = inside.sort_values(["customer_id", "date"])
    purchases = purchase_days(inside).groupby("customer_id").size()
    revenue = inside.groupby("customer_id")["amount"].sum()
    return pd.DataFrame(
        {"purchases": purchases.reindex(revenue.index, fill_value=0), "revenue": revenue}
    )


def cohorts(past: pd.DataFrame, *, origin: pd.Timestamp) -> pd.Series:
    """Return the month of each customer's first purchase as text, ``2024-01``.

    Parameters
    ----------
    past : DataFrame
        From `summary.summarise` up to `origin`.
    origin : Timestamp
    """
    first = origin - pd.to_timedelta(past["T"], unit="D")
    return first.dt.strftime("%Y-%m").rename("cohort")


def _deviance(expected: np.ndarray, truth: np.ndarray) -> float:
    order = np.lexsort((expected, truth))
    expected, truth = np.maximum(expected[order], MIN_EXPECTED_COUNT), truth[order]
    surprise = truth * np.log(np.where(truth > 0, truth, 1) / expected)
    return float(2 * (surprise - truth + expected).mean())


class _Blocks(NamedTuple):
    """Distinct forecasts, low ones first: customers, and sum of what came."""

    forecast: np.ndarray
    customers: np.ndarray
    actual: np.ndarray


def _blocks(forecast: pd.Series, actual: np.ndarray) -> _Blocks:
    values, block, customers = np.unique(
        forecast.to_numpy(float), return_inverse=True, return_counts=True
    )
    return _Blocks(values, customers, np.bincount(block, actual, minlength=len(values)))


def _of_order(forecasts: pd.DataFrame, actual: pd.Series) -> pd.DataFrame:
    """Return `gini` and `top_decile` of each forecast."""
    forecasts = forecasts.sort_index()
    truth = actual.reindex(forecasts.index).astype(float)
    perfect = _rank_covariance(_blocks(truth, truth.to_numpy()))
    known = perfect > 0
    total = truth.sum() if known else 0.0
    rows = {}
    for name in forecasts.columns:
        blocks = _blocks(forecasts[name], truth.to_numpy())
        rows[name] = {
            "gini": _rank_covariance(blocks) / perfect if known else np.nan,
            "top_decile": _class_sums(blocks, blocks.actual)[0] / total if total > 0 else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecast")


def _rank_covariance(blocks: _Blocks) -> float:
    rank = np.cumsum(blocks.customers) - (blocks.customers - 1) / 2
    return float((rank - (blocks.customers.sum() + 1) / 2) @ blocks.actual)


def _class_sums(blocks: _Blocks, sums: np.ndarray) -> np.ndarray:
    """Sum ten classes of equal size, the highest first; a block at a border is divided evenly."""
    customers = np.concatenate([[0], np.cumsum(blocks.customers[::-1])])
    cumulative = np.concatenate([[0.0], np.cumsum(sums[::-1])])
    borders = np.linspace(0, customers[-1], N_DECILES + 1)
    return np.diff(np.interp(borders, customers, cumulative))


def _mean_rate(bought: pd.Series, *, age: pd.Series, cohort: pd.Series) -> pd.Series:
    overall = bought.sum() / age.sum() if age.sum() > 0 else 0.0
    days = age.groupby(cohort).transform("sum")
    rate = bought.groupby(cohort).transform("sum") / days.where(days > 0)
    return rate.fillna(overall)
