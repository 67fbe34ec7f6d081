"""Orders to aggregates over time: one row per month, per cohort and age, or per purchase count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import privacy
from workbench.discrimination import wilson
from workbench.schema import DataError, TooFewData, check_orders, check_summary, purchase_days

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
    month = _first_days(orders, as_of=as_of).dt.to_period("M")
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
    start = _first_days(orders, as_of=as_of).min()
    short = [f for f in ("M", "Q") if len(pd.period_range(start, as_of, freq=f)) <= longest]
    return short[0] if short else "Y"


def layer_length(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> str:
    """Choose quarters, or years where there are more than `MAX_LAYERS` quarters."""
    length = period_length(orders, as_of=as_of, longest=MAX_LAYERS)
    return "Q" if length == "M" else length


def retention(orders: pd.DataFrame, *, as_of: pd.Timestamp, length: str) -> pd.DataFrame:
    """Count which part of each cohort buys in each later period.

    A cohort is everybody whose first purchase lies in one period; age 0 is that
    period, in which all of them buy. A period that `as_of` does not complete
    has not happened: its cells are missing, never 0.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order. A day of returns is no purchase.
    as_of : Timestamp
        Last day that counts; later rows are ignored.
    length : {"M", "Q", "Y"}
        Length of a period: month, quarter, year.

    Returns
    -------
    DataFrame
        Indexed by `cohort_start` (first day) and `age` (periods since), every
        combination: `period` (first day), `is_over` (bool), `customers` (count of
        the cohort so far), `buyers`, `others` (customers who did not buy; counts)
        and `share` (of the cohort).

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben"], "amount": [1.0, 1.0, 1.0],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-02-01", "2024-02-20"]),
    ... })
    >>> retention(orders, as_of=pd.Timestamp("2024-02-29"), length="M")[["buyers", "share"]]
                      buyers  share
    cohort_start age
    2024-01-01   0       1.0    1.0
                 1       1.0    1.0
    2024-02-01   0       1.0    1.0
                 1       NaN    NaN
    """
    first = _first_days(orders, as_of=as_of)
    bought = purchase_days(orders[orders["date"] <= as_of])
    cohort = _period(first, length)
    sizes = cohort.value_counts().sort_index()
    visits = pd.DataFrame(
        {
            "customer_id": bought["customer_id"],
            "cohort": bought["customer_id"].map(cohort),
            "period": _period(bought["date"], length),
        }
    ).drop_duplicates()
    age = visits["period"] - visits["cohort"]
    buyers = visits.groupby(["cohort", age.rename("age")]).size()

    last = pd.Period(as_of, freq=length).ordinal
    names = ["cohort_start", "age"]
    cells = pd.MultiIndex.from_product([sizes.index, range(last - sizes.index[0] + 1)], names=names)
    cohorts, ages = cells.get_level_values(0), cells.get_level_values(1)
    periods = pd.PeriodIndex.from_ordinals(cohorts + ages, freq=length)
    is_over = periods.end_time.normalize() <= as_of
    table = pd.DataFrame(
        {
            "period": periods.to_timestamp(),
            "is_over": is_over,
            "customers": sizes[cohorts].to_numpy(),
            "buyers": buyers.reindex(cells, fill_value=0).to_numpy(float),
        }
    )
    table["buyers"] = table["buyers"].where(table["is_over"])
    table["others"] = table["customers"] - table["buyers"]
    table["share"] = table["buyers"] / table["customers"]
    starts = pd.PeriodIndex.from_ordinals(cohorts, freq=length).to_timestamp()
    return table.set_axis(pd.MultiIndex.from_arrays([starts, ages], names=names))


def decay(triangle: pd.DataFrame, *, begun: Beginning) -> pd.DataFrame:
    """Pool the cohorts: which share buys so many periods after the first purchase.

    Of each age, every cohort counts whose period is over, by its customers. The
    first cohort is left out where it holds old customers: they return more
    often, and at the highest ages nobody else can be observed.

    Parameters
    ----------
    triangle : DataFrame
        From `retention`, nothing blanked.
    begun : Beginning
        From `beginning`.

    Returns
    -------
    DataFrame
        Indexed by `age` from 1, ages that no cohort has reached left out:
        `customers` who could be observed, `buyers`, `others` (counts), `share`,
        `low`, `high` (bounds of 95 %, Wilson).

    Raises
    ------
    TooFewData
        If no cohort that counts has a period behind it.
    """
    cells = _pooled_cells(triangle, begun=begun)
    over = cells[cells["is_over"]]
    if over.empty:
        raise TooFewData(
            "no cohort has a whole period behind it. Take a later as_of.", have=0, need=1
        )
    table = over.groupby("age")[["customers", "buyers", "others"]].sum().astype(int)
    table["share"] = table["buyers"] / table["customers"]
    bounds = wilson(table["buyers"].to_numpy(), table["customers"].to_numpy())
    return table.assign(low=bounds.low, high=bounds.high)


def revenue_stack(
    orders: pd.DataFrame, *, as_of: pd.Timestamp, length: str, layer_length: str
) -> pd.DataFrame:
    """Split the revenue of each period by the period in which its customers began.

    All money is in one cell, so that the cells add up to the revenue; what came
    back before the first purchase counts for the cohort of that purchase.

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
    first = _first_days(orders, as_of=as_of)
    known = orders[(orders["date"] <= as_of) & orders["customer_id"].isin(first.index)]
    known = known.sort_values(["customer_id", "date"])
    began = known["customer_id"].map(first)
    layer = _period(began, layer_length)
    oldest = max(layer.min(), layer.max() - MAX_LAYERS + 1)
    table = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "period": _period(known["date"], length),
            "layer": layer.clip(lower=oldest),
            "amount": known["amount"],
            "is_new": _period(began, length) == _period(known["date"], length),
        }
    )
    cells = table.groupby(["period", "layer"])
    people = table.drop_duplicates(["customer_id", "period"]).groupby(["period", "layer"])
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


def hide_small(triangle: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank what the triangle tells of fewer than `k` customers, directly or by subtraction.

    Of a cohort that is too small everything goes; so does a cell with fewer
    than `k` buyers or fewer than `k` others. What a calendar period or an age
    holds in all is shown elsewhere, so that no cell stands blank alone in them.

    Parameters
    ----------
    triangle : DataFrame
        From `retention`.
    k : int
        Smallest group shown.
    """
    sizes = triangle.groupby("cohort_start")[["customers"]].first()
    shown = privacy.suppress(sizes, count="customers", k=k)["customers"].notna()
    is_hidden = ~shown.loc[triangle.index.get_level_values("cohort_start")].to_numpy()
    result = privacy.suppress(
        triangle,
        count="buyers",
        k=k,
        keep=["customers"],
        within=["period", "age"],
        parts=["others"],
        hidden=pd.Series(is_hidden, index=triangle.index),
    )
    return result.assign(customers=result["customers"].mask(is_hidden))


def hide_small_decay(triangle: pd.DataFrame, *, begun: Beginning, k: int) -> pd.DataFrame:
    """Pool the cohorts, without ages that tell of fewer than `k` customers.

    Nor is an age shown of which the triangle hides a single cell, or cells of
    fewer than `k` customers: the others and the pool would give them away.

    Parameters
    ----------
    triangle : DataFrame
        From `retention`, nothing blanked.
    begun : Beginning
        From `beginning`.
    k : int
        Smallest group shown.

    Raises
    ------
    TooFewData
        As `decay`.
    """
    pooled = decay(triangle, begun=begun)
    is_hidden = triangle["is_over"] & hide_small(triangle, k=k)["buyers"].isna()
    hidden = _pooled_cells(triangle[is_hidden], begun=begun)[["buyers", "others"]].groupby("age")
    told, n_hidden = hidden.sum(), hidden.size()
    is_exposed = (n_hidden == 1) | ((told > 0) & (told < k)).any(axis=1)
    is_exposed = is_exposed.reindex(pooled.index, fill_value=False)
    return privacy.suppress(pooled, count="buyers", k=k, parts=["others"], hidden=is_exposed)


def _pooled_cells(triangle: pd.DataFrame, *, begun: Beginning) -> pd.DataFrame:
    starts, ages = (triangle.index.get_level_values(name) for name in triangle.index.names)
    is_old = begun.is_truncated & (starts <= begun.first_month)
    return triangle[(ages > 0) & ~is_old]


def _first_days(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.Series:
    """Return the day of the first purchase by customer, sorted."""
    check_orders(orders)
    bought = purchase_days(orders[orders["date"] <= as_of])
    if bought.empty:
        raise DataError(f"no purchase up to {as_of.date()}. Take a later day.")
    return bought.groupby("customer_id")["date"].min()


def _period(days: pd.Series, length: str) -> pd.Series:
    """Return the number of the period of each day; neighbours differ by 1."""
    return days.dt.to_period(length).astype("int64")
