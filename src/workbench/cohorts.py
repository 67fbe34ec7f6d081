"""Orders to aggregates over time: one row per month, per cohort and age, or per purchase count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import privacy
from workbench.schema import DataError, check_orders, check_summary, purchase_days

# Customers with this many purchase days or more share one row.
LAST_ORDER_COUNT = 7
# More columns than these cannot be told apart on a telephone, nor more layers in a stack.
MAX_AGES = 24
MAX_COLUMNS = 36
MAX_LAYERS = 6
# A group of customers without a new one for so many months is closed.
IDLE_MONTHS = 3
# A first month with so many times the new customers of a usual one holds old customers too.
CROWDED_TIMES = 1.5
# What is usual takes so many months with new customers beside the first.
USUAL_MONTHS = 3
# That of the bounds of `discrimination.wilson`.
CONFIDENCE = 0.95


class Beginning(NamedTuple):
    """What the first purchases in the data can be taken for.

    Attributes
    ----------
    idle_months : int
        Months, up to the last day, without a new customer; the last month counts
        even where it is not over.
    is_closed : bool
        At least `IDLE_MONTHS` of them: a group chosen once, nobody joins it.
    first_month : Timestamp
        First day of the month of the first purchase of all.
    times_usual : float
        New customers of the first month over the median of the later months up
        to the last new customer; missing with fewer than `USUAL_MONTHS` of them.
    is_truncated : bool
        `times_usual` is above `CROWDED_TIMES`: the data begin amid a shop's
        life, and customers from before look like new ones.
    """

    idle_months: int
    is_closed: bool
    first_month: pd.Timestamp
    times_usual: float
    is_truncated: bool


def monthly_revenue(orders: pd.DataFrame) -> pd.DataFrame:
    """Split each month's revenue into that of new and of known customers.

    A customer is new in the calendar month of the first purchase and known
    afterwards. The first and the last month may be incomplete. What came back
    before the first purchase is revenue of known customers, and so is what came
    back in any month after it.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.

    Returns
    -------
    DataFrame
        Indexed by `month` (first day), without holes: `known_customers` (count
        that bought or gave something back), `new_customers` (count that
        bought), `revenue_known` and `revenue_new` (currency, less what came
        back).

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben"],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-02-01", "2024-02-20"]),
    ...     "amount": [10.0, 20.0, 5.0],
    ... })
    >>> monthly_revenue(orders).iloc[:, 1:]
                new_customers  revenue_known  revenue_new
    month
    2024-01-01              1            0.0         10.0
    2024-02-01              1           20.0          5.0
    """
    check_orders(orders)
    known = orders.sort_values(["customer_id", "date"])
    month = known["date"].dt.to_period("M").rename("month")
    bought = purchase_days(known)
    first = month[bought.index].groupby(bought["customer_id"]).min()
    is_new = month == known["customer_id"].map(first)
    table = pd.DataFrame(
        {
            "known_customers": known[~is_new].groupby(month)["customer_id"].nunique(),
            "new_customers": known[is_new].groupby(month)["customer_id"].nunique(),
            "revenue_known": known[~is_new].groupby(month)["amount"].sum(),
            "revenue_new": known[is_new].groupby(month)["amount"].sum(),
        }
    )
    every = pd.period_range(month.min(), month.max(), freq="M", name="month")
    table = table.reindex(every).fillna(0)
    counts = ["known_customers", "new_customers"]
    table[counts] = table[counts].astype(int)
    table.index = table.index.to_timestamp()
    return table


def order_counts(summary: pd.DataFrame) -> pd.DataFrame:
    """Count customers by how many days they bought on.

    Parameters
    ----------
    summary : DataFrame
        Column `n_orders` (count).

    Returns
    -------
    DataFrame
        Indexed by `n_orders` (text, ``1`` to ``7+``): `customers`,
        `customer_share`, `revenue` (currency), `revenue_share`.
    """
    check_summary(summary)
    classes = summary["n_orders"].clip(upper=LAST_ORDER_COUNT)
    groups = summary.groupby(classes)["revenue"]
    every = range(1, LAST_ORDER_COUNT + 1)
    table = pd.DataFrame({"customers": groups.size(), "revenue": groups.sum()})
    table = table.reindex(every, fill_value=0)
    table.insert(1, "customer_share", table["customers"] / len(summary))
    table["revenue_share"] = table["revenue"] / summary["revenue"].sum()
    table.index = pd.Index(
        [str(n) if n < LAST_ORDER_COUNT else f"{n}+" for n in every], name="n_orders"
    )
    return table


def beginning(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> Beginning:
    """Judge whether the first purchases in the data are those of new customers.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts; later rows are ignored.
    """
    month = first_days(orders, as_of=as_of).dt.to_period("M")
    every = pd.period_range(month.min(), month.max(), freq="M")
    counts = month.value_counts().reindex(every, fill_value=0)
    later = counts.iloc[1:][lambda n: n > 0]
    times = counts.iloc[0] / later.median() if len(later) >= USUAL_MONTHS else np.nan
    idle = len(pd.period_range(every[-1], as_of, freq="M")) - 1
    return Beginning(
        idle_months=idle,
        is_closed=idle >= IDLE_MONTHS,
        first_month=every[0].to_timestamp(),
        times_usual=float(times),
        is_truncated=bool(times > CROWDED_TIMES),
    )


def period_length(orders: pd.DataFrame, *, as_of: pd.Timestamp, longest: int) -> str:
    """Choose the shortest of months, quarters and years of which the data span few.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day.
    as_of : Timestamp
        Last day that counts.
    longest : int
        So many periods at most, where years allow it.

    Returns
    -------
    str
        ``"M"``, ``"Q"`` or ``"Y"``.
    """
    start = first_days(orders, as_of=as_of).min()
    short = [f for f in ("M", "Q") if len(pd.period_range(start, as_of, freq=f)) <= longest]
    return short[0] if short else "Y"


def layer_length(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> str:
    """Choose quarters, or years where there are more than `MAX_LAYERS` quarters."""
    length = period_length(orders, as_of=as_of, longest=MAX_LAYERS)
    return "Q" if length == "M" else length


def revenue_stack(
    orders: pd.DataFrame, *, as_of: pd.Timestamp, length: str, layer_length: str
) -> pd.DataFrame:
    """Split the revenue of each period by the period in which its customers began.

    All money is in one cell, so that the cells add up to the revenue. Who gave
    something back in a period before that of the first purchase in the data was
    a customer before they begin: that money is in the earliest layer.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts; later rows are ignored.
    length, layer_length : {"M", "Q", "Y"}
        Length of the periods of revenue, and of those of the first purchase.
        Of more than `MAX_LAYERS` of the latter the earliest share a layer.

    Returns
    -------
    DataFrame
        Indexed by `period` (first day, without holes) and `layer` (text, the
        earliest first), every combination: `customers` (count that bought or
        gave something back), `new_customers` (those of them whose first purchase
        lies in the period), `known_customers` (the others) and `revenue`
        (currency, less what came back).
    """
    first = first_days(orders, as_of=as_of)
    known = orders[(orders["date"] <= as_of) & orders["customer_id"].isin(first.index)]
    known = known.sort_values(["customer_id", "date"])
    began = known["customer_id"].map(first)
    period, first_period = period_numbers(known["date"], length), period_numbers(began, length)
    layer = period_numbers(began, layer_length)
    oldest = max(layer.min(), layer.max() - MAX_LAYERS + 1)
    table = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "period": period,
            "layer": layer.clip(lower=oldest).where(period >= first_period, oldest),
            "amount": known["amount"],
            "is_new": period == first_period,
        }
    )
    cells = table.groupby(["period", "layer"])
    people = table.drop_duplicates(["customer_id", "period", "layer"])
    people = people.groupby(["period", "layer"])
    stack = pd.DataFrame(
        {
            "customers": people.size(),
            "new_customers": people["is_new"].sum(),
            "revenue": cells["amount"].sum(),
        }
    )
    periods = range(table["period"].min(), table["period"].max() + 1)
    layers = range(oldest, layer.max() + 1)
    every = pd.MultiIndex.from_product([periods, layers], names=["period", "layer"])
    stack = stack.reindex(every, fill_value=0).astype({"revenue": float})
    stack.insert(2, "known_customers", stack["customers"] - stack["new_customers"])
    starts = pd.PeriodIndex.from_ordinals(every.levels[0], freq=length).to_timestamp()
    names = [period_name(pd.Period(ordinal=n, freq=layer_length)) for n in layers]
    if layer.min() < oldest:
        names[0] = f"bis {names[0]}"
    return stack.set_axis(every.set_levels([starts, names], verify_integrity=False))


def period_name(period: pd.Period) -> str:
    """Name a month, a quarter or a year: 03/1997, Q1/1997, 1997."""
    if period.freqstr.startswith("M"):
        return f"{period.month:02d}/{period.year}"
    return (
        f"Q{period.quarter}/{period.year}" if period.freqstr.startswith("Q") else f"{period.year}"
    )


def hidden_cohorts(sizes: pd.Series, *, k: int) -> pd.Series:
    """Say which cohorts must not be told by their size.

    Parameters
    ----------
    sizes : Series
        Customers by `cohort_start` (first day), all cohorts of one length; those
        of longer ones are shown elsewhere.
    k : int
        Smallest group shown.

    Returns
    -------
    Series of bool
        Same index.
    """
    spans = {length: period_numbers(sizes.index.to_series(), length) for length in ("M", "Q", "Y")}
    table = pd.DataFrame({"customers": sizes, **spans})
    shown = privacy.suppress(table, count="customers", k=k, keep=list(spans), within=list(spans))
    return shown["customers"].isna()


def first_days(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.Series:
    """Find the day of each customer's first purchase.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts; later rows are ignored.

    Returns
    -------
    Series
        `date` by `customer_id`, sorted.

    Raises
    ------
    DataError
        If nobody bought by `as_of`.
    """
    check_orders(orders)
    bought = purchase_days(orders[orders["date"] <= as_of])
    if bought.empty:
        raise DataError(f"no purchase up to {as_of.date()}. Take a later day.")
    return bought.groupby("customer_id")["date"].min()


def period_numbers(days: pd.Series, length: str) -> pd.Series:
    """Give each day the number of its period; neighbours differ by 1."""
    return days.dt.to_period(length).astype("int64")
