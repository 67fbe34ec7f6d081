"""Orders to a triangle: which part of each cohort buys so many periods after its first purchase."""

from __future__ import annotations

import pandas as pd

from workbench import cohorts, privacy
from workbench.discrimination import wilson
from workbench.schema import TooFewData, purchase_days


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
        and `bought_share` (of the cohort).

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben"], "amount": [1.0, 1.0, 1.0],
    ...     "date": pd.to_datetime(["2024-01-05", "2024-02-01", "2024-02-20"]),
    ... })
    >>> retention(orders, as_of=pd.Timestamp("2024-02-29"), length="M")[["buyers", "bought_share"]]
                      buyers  bought_share
    cohort_start age
    2024-01-01   0       1.0           1.0
                 1       1.0           1.0
    2024-02-01   0       1.0           1.0
                 1       NaN           NaN
    """
    first = cohorts.first_days(orders, as_of=as_of)
    bought = purchase_days(orders[orders["date"] <= as_of])
    cohort = cohorts.period_numbers(first, length)
    sizes = cohort.value_counts().sort_index()
    visits = pd.DataFrame(
        {
            "customer_id": bought["customer_id"],
            "cohort": bought["customer_id"].map(cohort),
            "period": cohorts.period_numbers(bought["date"], length),
        }
    ).drop_duplicates()
    age = visits["period"] - visits["cohort"]
    buyers = visits.groupby(["cohort", age.rename("age")]).size()

    last = pd.Period(as_of, freq=length).ordinal
    names = ["cohort_start", "age"]
    cells = pd.MultiIndex.from_product([sizes.index, range(last - sizes.index[0] + 1)], names=names)
    starts_in, ages = cells.get_level_values(0), cells.get_level_values(1)
    periods = pd.PeriodIndex.from_ordinals(starts_in + ages, freq=length)
    is_over = periods.end_time.normalize() <= as_of
    table = pd.DataFrame(
        {
            "period": periods.to_timestamp(),
            "is_over": is_over,
            "customers": sizes[starts_in].to_numpy(),
            "buyers": buyers.reindex(cells, fill_value=0).to_numpy(float),
        }
    )
    table["buyers"] = table["buyers"].where(table["is_over"])
    table["others"] = table["customers"] - table["buyers"]
    table["bought_share"] = table["buyers"] / table["customers"]
    starts = pd.PeriodIndex.from_ordinals(starts_in, freq=length).to_timestamp()
    return table.set_axis(pd.MultiIndex.from_arrays([starts, ages], names=names))


def decay(triangle: pd.DataFrame, *, begun: cohorts.Beginning) -> pd.DataFrame:
    """Pool the cohorts: which share buys so many periods after the first purchase.

    Of each age, every cohort counts whose period is over, by its customers. The
    first cohort is left out where it holds old customers: they return more
    often, and at the highest ages nobody else can be observed.

    Parameters
    ----------
    triangle : DataFrame
        From `retention`, nothing blanked.
    begun : Beginning
        From `cohorts.beginning`.

    Returns
    -------
    DataFrame
        Indexed by `age` from 1, ages that no cohort has reached left out:
        `customers` who could be observed, `buyers`, `others` (counts), `bought_share`,
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
    table["bought_share"] = table["buyers"] / table["customers"]
    bounds = wilson(table["buyers"].to_numpy(), table["customers"].to_numpy())
    return table.assign(low=bounds.low, high=bounds.high)


def has_later(shown: pd.DataFrame) -> bool:
    """Say whether the triangle shows any cell after the period of the first purchase.

    Parameters
    ----------
    shown : DataFrame
        From `hide_small`.
    """
    later = shown[shown.index.get_level_values("age") > 0]
    return bool(later["bought_share"].notna().any())


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
    is_hidden = cohorts.hidden_cohorts(triangle.groupby("cohort_start")["customers"].first(), k=k)
    is_hidden = is_hidden[triangle.index.get_level_values("cohort_start")].to_numpy()
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


def hide_small_decay(triangle: pd.DataFrame, *, begun: cohorts.Beginning, k: int) -> pd.DataFrame:
    """Pool the cohorts, without ages that tell of fewer than `k` customers.

    Nor is an age shown of which the triangle hides a single cell, or cells of
    fewer than `k` customers: the others and the pool would give them away.

    Parameters
    ----------
    triangle : DataFrame
        From `retention`, nothing blanked.
    begun : Beginning
        From `cohorts.beginning`.
    k : int
        Smallest group shown.

    Raises
    ------
    TooFewData
        As `decay`.
    """
    pooled = decay(triangle, begun=begun)
    over = _pooled_cells(triangle, begun=begun)[lambda cells: cells["is_over"]]
    shown = hide_small(triangle, k=k).loc[over.index, "buyers"].notna()
    exposing = privacy.exposing_totals(over, shown, within="age", counts=["buyers", "others"], k=k)
    return privacy.suppress(pooled, count="buyers", k=k, parts=["others"], hidden=exposing)


def _pooled_cells(triangle: pd.DataFrame, *, begun: cohorts.Beginning) -> pd.DataFrame:
    starts, ages = (triangle.index.get_level_values(name) for name in triangle.index.names)
    is_old = begun.is_truncated & (starts <= begun.first_month)
    return triangle[(ages > 0) & ~is_old]
