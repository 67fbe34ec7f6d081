"""Orders to aggregates over time: one row per month, or per number of purchases."""

from __future__ import annotations

import pandas as pd

from workbench.schema import check_orders, check_summary, purchase_days

# Customers with this many purchase days or more share one row.
LAST_ORDER_COUNT = 7


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
