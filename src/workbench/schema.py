"""Names, units and invariants of the tables, and the errors that say where one is broken.

Every table that crosses a module border is checked here once; inside a module it is trusted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

TRANSACTION_COLUMNS = ("customer_id", "date", "amount")
ORDER_COLUMNS = ("customer_id", "date", "amount")
SUMMARY_COLUMNS = (
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "days_since_last",
    "n_orders",
    "revenue",
)
# A day on which more came back than was bought is no purchase; its money counts all the same.
IS_PURCHASE = "amount >= 0"
# Far above any shop's, and so low that sums of all amounts stay exact.
MAX_AMOUNT = 1e14
# Stands for a day that never comes, where a system cannot leave one out.
NEVER = "9999-12-31"
DAYS_PER_WEEK = 7
DAYS_PER_YEAR = 365


class TableForm(NamedTuple):
    """Our names of the columns that a table from outside may have, by what they hold.

    Attributes
    ----------
    name : str
        What the table is called.
    needed : tuple of str
        Columns without which it cannot be read.
    ids, days, numbers, texts : tuple of str
        Ids stay text to the last sign; days become ISO, numbers get a decimal
        point, and texts lose blanks at their ends.
    open_days : tuple of str
        Those of the days in which 9999-12-31 may stand for none.
    """

    name: str
    needed: tuple[str, ...]
    ids: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    open_days: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, the needed ones first."""
        every = (*self.needed, *self.ids, *self.days, *self.numbers, *self.texts)
        return tuple(dict.fromkeys(every))


# `quantity` and `unit_price` may stand for `amount`; so `sources` asks for either.
TRANSACTIONS = TableForm(
    "transactions",
    needed=TRANSACTION_COLUMNS,
    ids=("customer_id", "order_id", "product_id"),
    days=("date",),
    numbers=("amount", "quantity", "unit_price", "discount", "margin"),
    texts=("category", "channel", "currency"),
)


class DataError(ValueError):
    """A table breaks its promise: what is wrong, how much of it, where, what to do."""


class ParameterError(ValueError):
    """A parameter is unknown, of the wrong type or out of bounds."""


class TooFewData(DataError):
    """A method needs more data than there are.

    Attributes
    ----------
    have, need : int
        What there is, and the least that the method takes.
    """

    def __init__(self, message: str, *, have: int, need: int) -> None:
        super().__init__(message)
        self.have = have
        self.need = need


class NotIdentified(DataError):
    """A likelihood has no interior optimum on these data."""


def check_orders(orders: pd.DataFrame) -> None:
    """Check the table of orders: one row per customer and day.

    Parameters
    ----------
    orders : DataFrame
        Columns `customer_id` (text), `date` (midnight, no time zone) and
        `amount` (currency). A negative amount is a day of returns, see
        `purchase_days`.

    Raises
    ------
    DataError
        If a column is missing, the table holds no purchase, a value is missing,
        an amount is infinite, a date has a time of day, or a customer has two
        rows on one day.
    """
    _check_columns(orders, ORDER_COLUMNS, name="orders")
    if orders.empty:
        raise DataError("orders is empty. Read a source with at least one purchase.")
    for column in ORDER_COLUMNS:
        n_missing = int(orders[column].isna().sum())
        if n_missing:
            raise DataError(
                f"{n_missing} of {len(orders)} orders have no {column}. "
                "Clean the source with transactions.clean first."
            )
    if not pd.api.types.is_string_dtype(orders["customer_id"]):
        raise DataError(
            f"orders['customer_id'] is of type {orders['customer_id'].dtype}, not text. "
            "Read it as text, so that leading zeros survive."
        )
    if not pd.api.types.is_datetime64_dtype(orders["date"]):
        raise DataError(
            f"orders['date'] is of type {orders['date'].dtype}, not datetime without a time zone. "
            "Convert it with pandas.to_datetime."
        )
    n_timed = int((orders["date"] != orders["date"].dt.normalize()).sum())
    if n_timed:
        raise DataError(
            f"{n_timed} of {len(orders)} order dates have a time of day. "
            "Make one row per customer and day with transactions.clean."
        )
    if not pd.api.types.is_numeric_dtype(orders["amount"]):
        raise DataError(
            f"orders['amount'] is of type {orders['amount'].dtype}, not a number. "
            "Clean the source with transactions.clean first."
        )
    n_infinite = int((orders["amount"].abs() >= MAX_AMOUNT).sum())
    if n_infinite:
        raise DataError(
            f"{n_infinite} of {len(orders)} amounts are infinite, or {MAX_AMOUNT:.0e} and more. "
            "Look for a number without its decimal point."
        )
    if (orders["amount"] < 0).all():
        raise DataError(
            f"orders holds no purchase: all {len(orders)} amounts are negative. "
            "Read a source with at least one purchase."
        )
    n_twice = int(orders.duplicated(["customer_id", "date"]).sum())
    if n_twice:
        raise DataError(
            f"{n_twice} of {len(orders)} orders share customer and day with another row. "
            "Make one row per customer and day with transactions.clean."
        )


def purchase_days(orders: pd.DataFrame) -> pd.DataFrame:
    """Keep the orders that are purchases.

    A row with a negative amount is a day of returns that met no order, or met
    one of the same day that was smaller. It is no purchase: it is counted
    nowhere, and no customer's time starts or ends with it. Its money is part of
    every revenue.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, as in `check_orders`.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna", "ben"], "amount": [10.0, -4.0],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    >>> purchase_days(orders)["customer_id"].tolist()
    ['anna']
    """
    return orders.query(IS_PURCHASE)


def check_summary(summary: pd.DataFrame) -> None:
    """Check the table with one row per customer.

    Parameters
    ----------
    summary : DataFrame
        At least `frequency` (count), `recency` and `T` (days).

    Raises
    ------
    DataError
        If a column is missing, the table is empty, or a row breaks
        ``0 <= recency <= T``, ``frequency >= 0`` or
        ``recency > 0 exactly when frequency > 0``.
    """
    _check_columns(summary, ("frequency", "recency", "T"), name="summary")
    if summary.empty:
        raise DataError("summary is empty. Take an as_of on or after the first purchase.")
    x, recency, age = (summary[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    fits = (x >= 0) & (recency >= 0) & (recency <= age) & (age < math.inf)
    broken = ~(fits & ((x > 0) == (recency > 0)))
    if broken.any():
        raise DataError(
            f"{int(broken.sum())} of {len(summary)} rows break 0 <= recency <= T or "
            f"'recency > 0 exactly when frequency > 0', the first at "
            f"position {int(broken.argmax())}. Make the table with summary.summarise."
        )


def _check_columns(table: pd.DataFrame, needed: tuple[str, ...], *, name: str) -> None:
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise DataError(
            f"{name} lacks {missing}; it has {list(table.columns)}. Rename the columns first."
        )
