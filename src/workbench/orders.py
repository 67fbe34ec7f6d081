"""Orders, one row per customer and day, in DuckDB or in a DataFrame: asked in one SQL.

Orders in DuckDB may be more than memory holds. Money is added up as decimals, so that a sum
depends neither on the order of the rows nor on the number of threads.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from workbench import engines
from workbench.schema import IS_PURCHASE, DataError, check_orders

# 22 digits before the point hold the sum of 1e8 amounts below `schema.MAX_AMOUNT`.
MONEY = "DECIMAL(38, 16)"
_FRAME = "SELECT customer_id, date::TIMESTAMP AS date, amount FROM"


@dataclass(frozen=True, eq=False)
class Orders:
    """A table of orders in DuckDB.

    Attributes
    ----------
    connection : DuckDBPyConnection
        Holds the table.
    table : str
        Its name: `customer_id` (text), `date` (day) and `amount` (currency), one
        row per customer and day, in no order.
    """

    connection: duckdb.DuckDBPyConnection
    table: str

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """All orders, sorted by customer and day; read once."""
        with self.connection.cursor() as cursor:
            rows = cursor.execute(f"{_FRAME} {self.table} ORDER BY customer_id, date").df()
        return typed(rows)


class Extent(NamedTuple):
    """How much there is.

    Attributes
    ----------
    customers, purchases : int
        Customers with a purchase, and days on which one of them bought.
    revenue : float
        All money, less what came back (currency).
    first_day, last_day : Timestamp
        Of the purchases; missing without any.
    """

    customers: int
    purchases: int
    revenue: float
    first_day: pd.Timestamp
    last_day: pd.Timestamp


def check(orders: pd.DataFrame | Orders) -> None:
    """Check a table of orders that comes from outside; what was cleaned is trusted.

    Raises
    ------
    DataError
        As in `schema.check_orders`.
    """
    if isinstance(orders, pd.DataFrame):
        check_orders(orders)


def query(
    orders: pd.DataFrame | Orders,
    sql: str,
    *,
    beside: Mapping[str, pd.DataFrame] = {},
    **values: Any,
) -> pd.DataFrame:
    """Ask orders in SQL.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day, in any order.
    sql : str
        Continues a WITH of the table `orders`: `customer_id`, `date` (day),
        `amount` (currency), `money` (the same as a decimal, whose sums are
        exact) and `is_purchase` (see `schema.purchase_days`).
    beside : mapping of str to DataFrame
        Other tables under the names that they have in the SQL.
    **values
        What stands for the ``$names`` in it.

    Returns
    -------
    DataFrame
        In the order of the SQL; text and days of the types of a table of orders.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna", "ben"], "amount": [0.1, 0.2],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    >>> query(orders, "SELECT sum(money)::DOUBLE AS revenue FROM orders")
       revenue
    0      0.3
    """
    is_frame = isinstance(orders, pd.DataFrame)
    with (_engine() if is_frame else orders.connection).cursor() as cursor:
        if is_frame:
            _register(cursor, "order_rows", orders)
        for name, table in beside.items():
            _register(cursor, name, table)
        rows = cursor.execute(
            f"""
            WITH orders AS (
                SELECT customer_id, date::DATE AS date, amount, amount::{MONEY} AS money,
                       {IS_PURCHASE} AS is_purchase
                FROM {"order_rows" if is_frame else orders.table}
            )
            {sql}
            """,
            values,
        ).df()
    return typed(rows)


def query_table(table: pd.DataFrame, sql: str, **values: Any) -> pd.DataFrame:
    """Ask a DataFrame in SQL, where it is called `rows`; `values` as in `query`."""
    with _engine().cursor() as cursor:
        _register(cursor, "rows", table)
        return cursor.execute(sql, values).df()


def extent(orders: pd.DataFrame | Orders) -> Extent:
    """Count customers and purchases, and add up the money.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna", "anna"], "amount": [10.0, -4.0],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    >>> extent(orders)[:3]
    (1, 1, 6.0)
    """
    found = query(
        orders,
        """
        SELECT count(DISTINCT customer_id) FILTER (is_purchase) AS customers,
               count(*) FILTER (is_purchase) AS purchases,
               coalesce(sum(money), 0)::DOUBLE AS revenue,
               min(date) FILTER (is_purchase) AS first_day,
               max(date) FILTER (is_purchase) AS last_day
        FROM orders
        """,
    ).iloc[0]
    return Extent(
        int(found["customers"]),
        int(found["purchases"]),
        float(found["revenue"]),
        found["first_day"],
        found["last_day"],
    )


def customers(orders: pd.DataFrame | Orders) -> pd.Series:
    """Return the ids of all customers, each once, sorted."""
    return query(orders, "SELECT DISTINCT customer_id FROM orders ORDER BY ALL")["customer_id"]


def store(connection: duckdb.DuckDBPyConnection, select: str) -> Orders:
    """Store what a SELECT gives: `customer_id`, `date` and `amount`.

    Under a name of its own, since one connection may clean more than once.
    """
    table = f"orders_{uuid.uuid4().hex}"
    connection.execute(
        f"""
        CREATE TABLE {table} AS
        SELECT customer_id, date::DATE AS date, amount::DOUBLE AS amount FROM ({select})
        """
    )
    return Orders(connection, table)


def of_frame(orders: pd.DataFrame) -> Orders:
    """Store a table of orders.

    Raises
    ------
    DataError
        If it breaks its promise.
    """
    check_orders(orders)
    connection = connect()
    _register(connection, "order_rows", orders)
    stored = store(connection, "FROM order_rows")
    connection.unregister("order_rows")
    return stored


def renamed(orders: Orders, names: pd.DataFrame) -> Orders:
    """Put other ids for those of the customers.

    Parameters
    ----------
    orders : Orders
        Stays as it is.
    names : DataFrame
        `customer_id` and the `name` that stands for it, every customer once.
    """
    orders.connection.register("names", names)
    found = store(
        orders.connection,
        f"SELECT name AS customer_id, date, amount FROM {orders.table} JOIN names "
        "USING (customer_id)",
    )
    orders.connection.unregister("names")
    return found


def write(orders: Orders, path: Path) -> None:
    """Write a Parquet file; the same orders in any order give the same bytes."""
    with orders.connection.cursor() as cursor:
        cursor.execute(
            f"COPY ({_FRAME} {orders.table} ORDER BY customer_id, date) "
            f"TO {_literal(path)} (FORMAT parquet, COMPRESSION zstd)"
        )


def read(connection: duckdb.DuckDBPyConnection, path: Path) -> Orders:
    """Take the orders from what `write` wrote, without reading them into memory.

    Raises
    ------
    DataError
        If the file breaks the promise of a table of orders.
    """
    table = f"orders_{uuid.uuid4().hex}"
    connection.execute(f"CREATE VIEW {table} AS FROM read_parquet({_literal(path)})")
    orders = Orders(connection, table)
    found = query(
        orders,
        """
        SELECT 3 * count(*) - count(customer_id) - count(date) - count(amount) AS missing,
               count(*) FILTER (is_purchase) AS purchases
        FROM orders
        """,
    ).iloc[0]
    if found["missing"] or not found["purchases"]:
        raise DataError(
            f"{path.name} holds {found['purchases']} purchases and {found['missing']} missing "
            "values. Run 01_daten into its folder again."
        )
    return orders


def connect() -> duckdb.DuckDBPyConnection:
    """Open a database in memory that spills into a folder which goes with it."""
    # DuckDB would spill into the working directory, where others may look.
    folder = tempfile.mkdtemp(prefix="workbench-")
    connection = duckdb.connect(
        config={"threads": 1, "temp_directory": str(Path(folder) / "spill")}
    )
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)
    return engines.quiet(connection)


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Open the database that reads DataFrames: to open one takes longer than to ask it."""
    return engines.quiet(duckdb.connect(config={"threads": 1, "temp_directory": ""}))


def _register(connection: duckdb.DuckDBPyConnection, name: str, table: pd.DataFrame) -> None:
    # DuckDB refuses arrays that run backwards, as those of a reversed table do.
    connection.register(name, table.copy())


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Give text and days one type each; DuckDB's depend on where the rows are from."""
    kinds = {"customer_id": "str", "date": "datetime64[us]"}
    return rows.astype({name: kind for name, kind in kinds.items() if name in rows})


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
