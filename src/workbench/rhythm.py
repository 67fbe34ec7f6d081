"""Orders to tables of when customers buy: by weekday, after what gap, and whether again at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from workbench.schema import (
    DAYS_PER_WEEK,
    DataError,
    TooFewData,
    check_orders,
    check_summary,
    purchase_days,
)

WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
# More columns than these cannot be told apart on a telephone.
MAX_PERIODS = 36
# Upper ends of the classes of gaps and of the time since the last purchase, in weeks.
GAP_WEEKS = (1, 2, 4, 8, 13, 26, 52)
SILENCE_WEEKS = (4, 13, 26, 52)
# Marks at which the curves of the next purchase are read: a month, a quarter, half a year, a year.
MARK_WEEKS = (4, 13, 26, 52)
# What a clock that starts at the n-th purchase waits for.
STAGES = {1: "zweiter Kauf", 2: "dritter Kauf"}
# With fewer customers the interval of a share is wider than 35 points.
MIN_CUSTOMERS = 30
CONFIDENCE = 0.95


def calendar(orders: pd.DataFrame, *, last_day: pd.Timestamp) -> pd.DataFrame:
    """Count purchases by weekday and month, and relate them to the days there were.

    Where that would be more than `MAX_PERIODS` columns, quarters stand for
    months, and then years.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    last_day : Timestamp
        Last day that counts; the first is that of the first order.

    Returns
    -------
    DataFrame
        Indexed by `period` (its first day) and `weekday` (German), every
        combination: `days` (such days between first order and `last_day`),
        `purchases`, `customers` (counts) and `purchases_per_day` (missing
        without such a day).

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "ben", "ben"], "amount": [1.0, 2.0, 3.0],
    ...     "date": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-02"]),
    ... })
    >>> calendar(orders, last_day=pd.Timestamp("2024-01-08")).head(2)
                           days  purchases  customers  purchases_per_day
    period     weekday
    2024-01-01 Montag         2          2          2                1.0
               Dienstag       1          1          1                1.0
    """
    known = _known(orders, as_of=last_day)
    every = pd.Series(pd.date_range(known["date"].min(), last_day, freq="D"))
    length = next(
        freq for freq in ("M", "Q", "Y") if freq == "Y" or _n_periods(every, freq) <= MAX_PERIODS
    )
    periods = pd.period_range(every.iloc[0], last_day, freq=length).to_timestamp()
    cells = pd.MultiIndex.from_product([periods, WEEKDAYS], names=["period", "weekday"])
    buyers = known["customer_id"].groupby(_cell(known["date"], length))
    table = pd.DataFrame(
        {
            "days": every.groupby(_cell(every, length)).size(),
            "purchases": buyers.size(),
            "customers": buyers.nunique(),
        },
        index=cells,
    )
    table = table.fillna(0).astype(int)
    table["purchases_per_day"] = table["purchases"] / table["days"].where(table["days"] > 0)
    return table


def gaps(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """List the completed gaps between two purchases of a customer.

    The gap that is still open on `as_of` is none of them, so that short gaps
    are over-represented where the history is short.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Later orders are ignored.

    Returns
    -------
    DataFrame
        One row per gap, sorted: `customer_id`, `nth` (1 = before the second
        purchase) and `days`.
    """
    known = _known(orders, as_of=as_of)
    customer = known.groupby("customer_id")["date"]
    table = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "nth": customer.cumcount(),
            "days": customer.diff().dt.days,
        }
    )
    return table[table["nth"] > 0].astype({"days": int}).reset_index(drop=True)


def gap_classes(gaps: pd.DataFrame) -> pd.DataFrame:
    """Count gaps by their length.

    Parameters
    ----------
    gaps : DataFrame
        `customer_id` and `days`, as from `gaps`.

    Returns
    -------
    DataFrame
        Indexed by `gap` (text, the last class open), every class: `gaps`
        (count), `gap_share` (of all gaps) and `customers` (count).

    Raises
    ------
    TooFewData
        If there is no gap.
    """
    if gaps.empty:
        raise TooFewData("there is no gap; nobody bought twice.", have=0, need=1)
    classes = gaps.groupby(_weeks_class(gaps["days"], GAP_WEEKS), observed=False)
    table = pd.DataFrame({"gaps": classes.size(), "customers": classes["customer_id"].nunique()})
    table.insert(1, "gap_share", table["gaps"] / len(gaps))
    return table.set_axis(pd.Index(list(table.index), name="gap"))


def base_by_silence(summary: pd.DataFrame) -> pd.DataFrame:
    """Divide the base by how long ago each customer last bought.

    Parameters
    ----------
    summary : DataFrame
        `days_since_last` (days) and `revenue` (currency); one row per customer.

    Returns
    -------
    DataFrame
        Indexed by `silence` (text, the last class open), every class:
        `customers`, `customer_share`, `revenue` (currency), `revenue_share`
        (missing without any revenue).
    """
    check_summary(summary)
    classes = summary.groupby(
        _weeks_class(summary["days_since_last"], SILENCE_WEEKS), observed=False
    )["revenue"]
    total = summary["revenue"].sum()
    table = pd.DataFrame({"customers": classes.size(), "revenue": classes.sum()})
    table.insert(1, "customer_share", table["customers"] / len(summary))
    table["revenue_share"] = table["revenue"] / (total if total > 0 else np.nan)
    return table.set_axis(pd.Index(list(table.index), name="silence"))


def waiting(orders: pd.DataFrame, *, as_of: pd.Timestamp, nth: int) -> pd.DataFrame:
    """Measure how long customers took from one purchase to the next, or have waited so far.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Day of censoring; later orders are ignored.
    nth : int
        Purchase at which the clock starts, 1 for the first.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`, those with an n-th purchase:
        `days` to the next purchase, or to `as_of`, and `bought` (whether there
        is a next one).
    """
    known = _known(orders, as_of=as_of)
    customer = known.groupby("customer_id")["date"]
    following = customer.shift(-1)
    table = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "days": (following.fillna(as_of) - known["date"]).dt.days,
            "bought": following.notna(),
        }
    )
    return table[customer.cumcount() == nth - 1].set_index("customer_id")


def kaplan_meier(days: pd.Series, happened: pd.Series) -> pd.DataFrame:
    """Estimate the share to whom something has not happened after so many days.

    An observation that ends without the event on a day counts as at risk on
    that day: ties are events first. The variance is Greenwood's; the bounds of
    95 % come from the log(-log) scale, so that they stay between 0 and 1.

    Parameters
    ----------
    days : Series
        Days until the event, or until the observation ended (>= 0).
    happened : Series
        Same index, bool: whether the observation ended with the event.

    Returns
    -------
    DataFrame
        Indexed by `days`, each day on which an observation ended: `at_risk`,
        `events`, `censored` (counts), `survival` (0 to 1), `standard_error`,
        `lower`, `upper`. Before the first event the bounds are 1; where
        nobody is left after an event, error and bounds are missing.

    Raises
    ------
    DataError
        If there is no observation, or one of less than 0 days.

    References
    ----------
    Kaplan and Meier (1958), JASA 53 (282), 457-481; Kalbfleisch and Prentice
    (2002), The Statistical Analysis of Failure Time Data, section 1.4.

    Examples
    --------
    >>> table = kaplan_meier(pd.Series([1, 2, 2, 3]), pd.Series([True, True, False, False]))
    >>> table[["at_risk", "events", "survival"]]
          at_risk  events  survival
    days
    1           4       1      0.75
    2           3       1      0.50
    3           1       0      0.50
    """
    if len(days) == 0:
        raise DataError("there is no observation. Take a later as_of.")
    n_bad = int((~(days >= 0)).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(days)} observations are negative or missing.")
    ended = happened.groupby(days.to_numpy()).agg(["size", "sum"])
    leaving = ended["size"].to_numpy()
    events = ended["sum"].to_numpy(int)
    at_risk = len(days) - np.cumsum(leaving) + leaving
    survival = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard_variance = np.cumsum(events / (at_risk * (at_risk - events)))
        standard_error = survival * np.sqrt(hazard_variance)
        reach = ndtri(0.5 + CONFIDENCE / 2) * np.sqrt(hazard_variance) / -np.log(survival)
        lower, upper = survival ** np.exp(reach), survival ** np.exp(-reach)
    certain = survival == 1
    nobody_left = survival == 0
    table = pd.DataFrame(
        {
            "at_risk": at_risk,
            "events": events,
            "censored": leaving - events,
            "survival": survival,
            "standard_error": np.where(nobody_left, np.nan, standard_error),
            "lower": np.where(certain, 1.0, np.where(nobody_left, np.nan, lower)),
            "upper": np.where(certain, 1.0, np.where(nobody_left, np.nan, upper)),
        },
        index=ended.index.rename("days"),
    )
    return table


def next_purchase(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Estimate which share of customers has bought again after so many weeks.

    By Kaplan and Meier: a customer whose time is not over on `as_of` counts as
    long as observed, instead of counting as lost. A curve ends where fewer
    than `MIN_CUSTOMERS` are still waiting and observed; a stage with fewer
    purchases than that has no curve.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Day of censoring; later orders are ignored.

    Returns
    -------
    DataFrame
        Indexed by `stage` (a value of `STAGES`) and `week` (whole weeks since
        the purchase before, from 1): `customers` who started (count), `buyers`
        (count so far), `later` (buyers after that week), `waiting` (still
        observed then, count), `bought_share` by then, `low` and `high` (its bounds of 95 %).

    Raises
    ------
    TooFewData
        If fewer than `MIN_CUSTOMERS` bought a second time.
    """
    waits = {stage: waiting(orders, as_of=as_of, nth=nth) for nth, stage in STAGES.items()}
    n_second = int(waits[STAGES[1]]["bought"].sum())
    if n_second < MIN_CUSTOMERS:
        raise TooFewData(
            f"a curve needs {MIN_CUSTOMERS} customers with a second purchase; there are "
            f"{n_second}.",
            have=n_second,
            need=MIN_CUSTOMERS,
        )
    borne = {stage: wait for stage, wait in waits.items() if wait["bought"].sum() >= MIN_CUSTOMERS}
    curves = {stage: by_week(wait) for stage, wait in borne.items()}
    return pd.concat(curves, names=["stage", "week"])


def by_week(wait: pd.DataFrame) -> pd.DataFrame:
    """Read the curve of some customers at whole weeks, as long as enough of them are observed.

    Parameters
    ----------
    wait : DataFrame
        Rows of `waiting`, at least `MIN_CUSTOMERS`.

    Returns
    -------
    DataFrame
        Indexed by `week`; the columns of `next_purchase`.
    """
    curve = kaplan_meier(wait["days"], wait["bought"])
    ended = np.sort(wait["days"].to_numpy())
    # The n-th longest observation: up to its day n customers are still there.
    last_week = max(1, int(ended[-MIN_CUSTOMERS]) // DAYS_PER_WEEK)
    weeks = np.arange(1, last_week + 1)
    read = curve.reindex(weeks * DAYS_PER_WEEK, method="ffill").set_axis(weeks)
    # Before the first day on which an observation ended, everybody is still waiting.
    read.loc[weeks * DAYS_PER_WEEK < curve.index[0], ["survival", "lower", "upper"]] = 1.0
    bought = np.sort(wait.loc[wait["bought"], "days"].to_numpy())
    buyers = np.searchsorted(bought, weeks * DAYS_PER_WEEK, side="right")
    return pd.DataFrame(
        {
            "customers": len(wait),
            "buyers": buyers,
            "later": len(bought) - buyers,
            "waiting": len(ended) - np.searchsorted(ended, weeks * DAYS_PER_WEEK, side="left"),
            "bought_share": 1 - read["survival"],
            "low": 1 - read["upper"],
            "high": 1 - read["lower"],
        },
        index=pd.Index(weeks, name="week"),
    )


def at_marks(curves: pd.DataFrame) -> pd.DataFrame:
    """Keep of curves such as those of `next_purchase` the weeks of `MARK_WEEKS`."""
    return curves[curves.index.get_level_values("week").isin(MARK_WEEKS)]


def thin(curves: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank weeks of the curves, so that between two that stay fewer than `k` never bought.

    Two weeks with the same number of buyers both stay: between them nobody
    bought. The weeks of `MARK_WEEKS` are the last to go.

    Parameters
    ----------
    curves : DataFrame
        From `next_purchase`, or others by `by_week` under an index of two levels.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        A copy; the numbers of blanked weeks are missing.
    """
    keep = pd.Series(False, index=curves.index)
    for _, curve in curves.groupby(level=0, sort=False):
        weeks = curve.index.get_level_values("week")
        marks_first = np.argsort(~weeks.isin(MARK_WEEKS), kind="stable")
        told = [0, int(curve["buyers"].iloc[0] + curve["later"].iloc[0])]
        for row in marks_first:
            apart = np.abs(np.array(told) - curve["buyers"].iloc[row])
            if ((apart == 0) | (apart >= k)).all():
                told.append(int(curve["buyers"].iloc[row]))
                keep[curve.index[row]] = True
    return curves.astype(float).where(keep, axis=0)


def _known(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    check_orders(orders)
    known = purchase_days(orders[orders["date"] <= as_of])
    if known.empty:
        raise DataError(f"no purchase up to {as_of.date()}. Take a later day.")
    return known.sort_values(["customer_id", "date"])


def _n_periods(days: pd.Series, freq: str) -> int:
    return len(pd.period_range(days.iloc[0], days.iloc[-1], freq=freq))


def _cell(days: pd.Series, freq: str) -> list[pd.Series]:
    """Period and weekday of each day, as keys of a groupby."""
    weekday = days.dt.day_of_week.map(dict(enumerate(WEEKDAYS)))
    return [days.dt.to_period(freq).dt.to_timestamp(), weekday]


def _weeks_class(days: pd.Series, weeks: tuple[int, ...]) -> pd.Series:
    """Put days into classes that end with so many weeks; the last one is open."""
    edges = [-1, *(n * DAYS_PER_WEEK for n in weeks), np.inf]
    names = [f"bis {n} Woche{'n' if n > 1 else ''}" for n in weeks]
    return pd.cut(days, edges, labels=[*names, f"über {weeks[-1]} Wochen"])
