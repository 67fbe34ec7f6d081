"""Orders to one row per customer with what was bought in each of the last periods."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from workbench.orders import Orders, check, query
from workbench.schema import DAYS_PER_WEEK, DAYS_PER_YEAR, TooFewData

# A shorter period would be moved by single days.
MIN_DAYS = 28
# The latest period is 0, the one before it 1; what was active before that one is told by 2.
BACK = (0, 1, 2)


class Periods(NamedTuple):
    """Periods of equal length, counted back from the last day.

    Attributes
    ----------
    days : int
        Length of each.
    first_day, as_of : Timestamp
        First day of the data and last day of the latest period.
    """

    days: int
    first_day: pd.Timestamp
    as_of: pd.Timestamp

    def end(self, back: int) -> pd.Timestamp:
        """Return the last day of the period that lies `back` before the latest one."""
        return self.as_of - pd.Timedelta(days=back * self.days)

    def start(self, back: int) -> pd.Timestamp:
        """Return the first day of a period."""
        return self.end(back + 1) + pd.Timedelta(days=1)

    def holds(self, back: int) -> bool:
        """Tell whether the data reach back to the first day of a period."""
        return self.first_day <= self.start(back)


def choose(first_day: pd.Timestamp, *, as_of: pd.Timestamp) -> Periods:
    """Take the last year where there are two of them, else half the span in whole weeks.

    Parameters
    ----------
    first_day, as_of : Timestamp
        First and last day of the data.

    Raises
    ------
    TooFewData
        If half the span is shorter than `MIN_DAYS`.

    Examples
    --------
    >>> choose(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30")).days
    273
    >>> choose(pd.Timestamp("2023-07-02"), as_of=pd.Timestamp("2025-12-31")).days
    365
    """
    span = (as_of - first_day).days + 1
    if span < 2 * MIN_DAYS:
        raise TooFewData(
            f"{span} days do not hold two periods of {MIN_DAYS} days. Take a longer history.",
            have=max(span, 0),
            need=2 * MIN_DAYS,
        )
    half = span // (2 * DAYS_PER_WEEK) * DAYS_PER_WEEK
    return Periods(DAYS_PER_YEAR if span >= 2 * DAYS_PER_YEAR else half, first_day, as_of)


def by_customer(orders: pd.DataFrame | Orders, *, periods: Periods) -> pd.DataFrame:
    """Count and add up what each customer bought in the last three periods.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day; days after the last period are ignored.
    periods : Periods
        From `choose`.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`, with all who bought or gave
        something back by the end of the last period: `first`, `second` (days of
        the first two purchases; missing without), and for each period of
        `BACK`, such as ``purchases_0``: `purchases` (days with one) and
        `revenue` (currency, less what came back).

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna", "anna"], "amount": [10.0, 20.0],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-02-20"])})
    >>> two = Periods(28, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-25"))
    >>> by_customer(orders, periods=two)[["purchases_0", "revenue_1"]]
                 purchases_0  revenue_1
    customer_id
    anna                   1       10.0
    """
    check(orders)
    columns, days = [], {}
    for back in BACK:
        days[f"start_{back}"] = periods.start(back).date()
        days[f"end_{back}"] = periods.end(back).date()
        inside = f"date BETWEEN $start_{back}::DATE AND $end_{back}::DATE"
        columns.append(f"count(*) FILTER (is_purchase AND {inside}) AS purchases_{back}")
        columns.append(f"coalesce(sum(money) FILTER ({inside}), 0)::DOUBLE AS revenue_{back}")
    table = query(
        orders,
        f"""
        , numbered AS (
            SELECT *, CASE WHEN is_purchase THEN row_number() OVER (
                PARTITION BY customer_id, is_purchase ORDER BY date) END AS place
            FROM orders WHERE date <= $end_0::DATE
        )
        SELECT customer_id, min(date) FILTER (place = 1) AS first,
               min(date) FILTER (place = 2) AS second, {", ".join(columns)}
        FROM numbered GROUP BY customer_id ORDER BY customer_id
        """,
        **days,
    )
    return table.set_index("customer_id")
