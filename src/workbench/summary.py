"""Orders to one row per customer up to a day: what they bought, how often, how long ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.orders import Orders, check, query, query_table
from workbench.schema import DAYS_PER_WEEK, DataError, TooFewData, check_summary

# A day -> the orders as they were known on it. A return that comes later may change an order.
Known = Callable[[pd.Timestamp], pd.DataFrame | Orders]

# Who has bought by a day, in terms of `orders.query`. Sums of decimals are exact, so that the
# first purchase can be taken off again.
_BUYERS = """
    , buyers AS (
        SELECT customer_id, count(*) FILTER (is_purchase) AS n_orders,
               min(date) FILTER (is_purchase) AS first, max(date) FILTER (is_purchase) AS last,
               sum(money) FILTER (is_purchase) - arg_min(money, date) FILTER (is_purchase)
               AS repeat_money, sum(money) AS revenue
        FROM orders WHERE date <= $as_of::DATE GROUP BY customer_id HAVING n_orders > 0
    ), customers AS (
        SELECT customer_id, n_orders - 1 AS frequency, (last - first)::DOUBLE AS recency,
               ($as_of::DATE - first)::DOUBLE AS T,
               repeat_money::DOUBLE / greatest(n_orders - 1, 1) AS monetary_value,
               T - recency AS days_since_last, n_orders, revenue::DOUBLE AS revenue
        FROM buyers
    )
"""
_PROFILES = """
    SELECT frequency, recency::DOUBLE AS recency, T::DOUBLE AS T, count(*) AS customers
    FROM {customers} GROUP BY ALL ORDER BY ALL
"""


class Split(NamedTuple):
    """Calibration and holdout of one table of orders.

    Attributes
    ----------
    calibration : DataFrame
        `summarise` up to and including `cutoff`.
    holdout : DataFrame
        Same index: `purchases` (days with a purchase after the cutoff) and
        `revenue` (the money of that time, less what came back).
    start, cutoff, end : Timestamp
        First day with a purchase, as known at the cutoff; last day of the
        calibration and of the holdout.
    holdout_days : int
        Length of the holdout.
    """

    calibration: pd.DataFrame
    holdout: pd.DataFrame
    start: pd.Timestamp
    cutoff: pd.Timestamp
    end: pd.Timestamp
    holdout_days: int


def summarise(orders: pd.DataFrame | Orders, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Count each customer's repeat purchases up to and including one day.

    The first purchase starts the customer's clock and is not counted: a
    customer who bought once has `frequency` 0, `recency` 0 and
    `monetary_value` 0. A day of returns is no purchase, see
    `schema.purchase_days`; it lowers `revenue` alone.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day, in any order. Columns `customer_id`,
        `date` (midnight, no time zone), `amount` (currency; zero is a free
        order, less is a day of returns).
    as_of : Timestamp
        Last day that counts. Later rows are ignored, so that one table gives
        the calibration summary and the full one.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`; who first bought after `as_of`
        is absent.

        - `frequency` (int): days with a purchase, less the first (x)
        - `recency` (float): days from first to last purchase (t_x)
        - `T` (float): days from first purchase to `as_of`
        - `monetary_value` (float): mean amount of the repeat purchase days
        - `days_since_last` (float): `T` less `recency`
        - `n_orders` (int): days with a purchase
        - `revenue` (float): all money up to `as_of`, less what came back

    Raises
    ------
    DataError
        If the table of orders breaks its promise, or nothing was bought by
        `as_of`.

    References
    ----------
    Fader, Hardie and Lee (2005), Marketing Science 24 (2), 275-284.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "anna", "ben"],
    ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-21", "2024-01-05"]),
    ...     "amount": [10.0, 20.0, 40.0, 15.0],
    ... })
    >>> summarise(orders, as_of=pd.Timestamp("2024-01-31")).iloc[:, :4]
                 frequency  recency     T  monetary_value
    customer_id
    anna                 2     20.0  30.0            30.0
    ben                  0      0.0  26.0             0.0
    """
    check(orders)
    table = query(
        orders, f"{_BUYERS} FROM customers ORDER BY customer_id", as_of=as_of.date()
    ).set_index("customer_id")
    if table.empty:
        raise DataError(
            f"no purchase up to as_of={as_of.date()}; the first one is on "
            f"{_first_day(orders).date()}. Take a later as_of."
        )
    return table


def recent_revenue(orders: pd.DataFrame | Orders, *, as_of: pd.Timestamp, days: int) -> float:
    """Sum the money of the last days up to and including `as_of`, less what came back.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts.
    days : int
        How many days, the last one included.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "a"], "amount": [5.0, 7.0],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-01-10"])})
    >>> recent_revenue(orders, as_of=pd.Timestamp("2024-01-10"), days=9)
    7.0
    """
    check(orders)
    found = query(
        orders,
        """
        SELECT coalesce(sum(money), 0)::DOUBLE AS revenue FROM orders
        WHERE date > $start::DATE AND date <= $as_of::DATE
        """,
        start=(as_of - pd.Timedelta(days=days)).date(),
        as_of=as_of.date(),
    )
    return float(found["revenue"].iloc[0])


def default_holdout_days(first_day: pd.Timestamp, *, as_of: pd.Timestamp) -> int:
    """Take half the span from the first day in whole weeks, rounded up, as holdout.

    Examples
    --------
    >>> default_holdout_days(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"))
    273
    """
    span = (as_of - first_day).days
    return max(1, -(-span // (2 * DAYS_PER_WEEK))) * DAYS_PER_WEEK


def split(
    orders: pd.DataFrame | Orders,
    *,
    as_of: pd.Timestamp,
    holdout_days: int,
    known: Known | None = None,
) -> Split:
    """Cut a table of orders by date into calibration and holdout.

    Parameters
    ----------
    orders : DataFrame or Orders
        As in `summarise`.
    as_of : Timestamp
        Last day of the holdout.
    holdout_days : int
        Length of the holdout; the calibration ends that many days before
        `as_of`.
    known : callable, optional
        Gives the orders as they were known on a day; without it, those up to
        that day.

    Returns
    -------
    Split
        Customers who first bought in the holdout are in neither table.

    Raises
    ------
    ValueError
        If `holdout_days` is not positive.
    TooFewData
        If nothing was bought by the end of the calibration.
    """
    if holdout_days < 1:
        raise ValueError(f"holdout_days={holdout_days} must be at least 1.")
    check(orders)
    cutoff = as_of - pd.Timedelta(days=holdout_days)
    past = orders if known is None else known(cutoff)
    start = _first_day(past)
    if not start <= cutoff:
        have, need = (as_of - _first_day(orders)).days, holdout_days
        raise TooFewData(
            f"no purchase before a holdout of {holdout_days} days: the first one is {have} days "
            f"before as_of={as_of.date()}. Take a shorter holdout, or more history.",
            have=have,
            need=need,
        )
    calibration = summarise(past, as_of=cutoff)
    later = query(
        orders,
        """
        SELECT customer_id, count(*) FILTER (is_purchase) AS purchases,
               sum(money)::DOUBLE AS revenue
        FROM orders WHERE date > $cutoff::DATE AND date <= $as_of::DATE GROUP BY customer_id
        """,
        cutoff=cutoff.date(),
        as_of=as_of.date(),
    ).set_index("customer_id")
    holdout = later.reindex(calibration.index).fillna(0.0).astype({"purchases": int})
    return Split(calibration, holdout, start, cutoff, as_of, holdout_days)


def profiles(summary: pd.DataFrame) -> pd.DataFrame:
    """Count the customers who share frequency, recency and T.

    A likelihood needs each such row once, with its weight.

    Parameters
    ----------
    summary : DataFrame
        Columns `frequency`, `recency` and `T` (days); one row per customer.

    Returns
    -------
    DataFrame
        One row per distinct combination, sorted: `frequency`, `recency`, `T`
        and `customers` (count).

    Examples
    --------
    >>> profiles(pd.DataFrame({"frequency": [0, 1, 0], "recency": [0., 7., 0.],
    ...                        "T": [14., 14., 14.]}))
       frequency  recency     T  customers
    0          0      0.0  14.0          2
    1          1      7.0  14.0          1
    """
    check_summary(summary)
    x = summary["frequency"].to_numpy()
    recency, age = summary["recency"].to_numpy(float), summary["T"].to_numpy(float)
    key = _packed(x, recency, age)
    if key is None:
        parts = summary[["frequency", "recency", "T"]]
        return query_table(parts, _PROFILES.format(customers="rows"))

    unique, customers = np.unique(key, return_counts=True)
    age_span = int(age.max()) + 1
    unique, age_part = np.divmod(unique, age_span)
    x_part, recency_part = np.divmod(unique, age_span)
    return pd.DataFrame(
        {
            "frequency": x_part,
            "recency": recency_part.astype(float),
            "T": age_part.astype(float),
            "customers": customers,
        }
    )


def profiles_of(orders: pd.DataFrame | Orders, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Count the customers who share frequency, recency and T on a day.

    As `profiles` of `summarise`, without a table of customers in between.

    Parameters
    ----------
    orders : DataFrame or Orders
        As in `summarise`.
    as_of : Timestamp
        Last day that counts.

    Raises
    ------
    DataError
        If the table of orders breaks its promise, or nothing was bought by
        `as_of`.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna", "ben"], "amount": [10.0, 20.0],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-01-01"])})
    >>> profiles_of(orders, as_of=pd.Timestamp("2024-01-15"))
       frequency  recency     T  customers
    0          0      0.0  14.0          2
    """
    check(orders)
    table = query(orders, _BUYERS + _PROFILES.format(customers="customers"), as_of=as_of.date())
    if table.empty:
        raise DataError(
            f"no purchase up to as_of={as_of.date()}; the first one is on "
            f"{_first_day(orders).date()}. Take a later as_of."
        )
    return table


def _first_day(orders: pd.DataFrame | Orders) -> pd.Timestamp:
    found = query(orders, "SELECT min(date) AS date FROM orders WHERE is_purchase")
    return found["date"].iloc[0]


def _packed(x: np.ndarray, recency: np.ndarray, age: np.ndarray) -> np.ndarray | None:
    """Pack three whole numbers into one sortable integer; None if they do not fit."""
    whole = all((part == np.floor(part)).all() for part in (x, recency, age))
    age_span = int(age.max()) + 1
    if not whole or (int(x.max()) + 1) * age_span**2 >= 2**62:
        return None
    return (x.astype(np.int64) * age_span + recency.astype(np.int64)) * age_span + age.astype(
        np.int64
    )
