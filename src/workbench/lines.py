"""Line items, one row per line of a receipt, in DuckDB or in a DataFrame: asked in one SQL.

They may be more than memory holds: they lie in a Parquet file, sorted by day, of which DuckDB reads
what a question needs.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
import weakref
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from workbench import orders as order_tables
from workbench.line_counts import NO_PRODUCT
from workbench.schema import DataError

# In the order of the table. Sums of decimals depend neither on the order of rows nor on threads.
KINDS = {
    "customer_id": "VARCHAR",
    "date": "DATE",
    "order_no": "BIGINT",
    "product_id": "VARCHAR",
    "category": "VARCHAR",
    "channel": "VARCHAR",
    "quantity": "DECIMAL(18, 6)",
    "discount": "DECIMAL(18, 4)",
    "margin": "DECIMAL(18, 4)",
    "amount": "DECIMAL(18, 4)",
    "is_return": "BOOLEAN",
}
# A source with one of these has lines worth keeping; the column that each becomes.
DETAILS = {
    "order_id": "order_no",
    "product_id": "product_id",
    "category": "category",
    "channel": "channel",
    "quantity": "quantity",
    "unit_price": "quantity",
    "discount": "discount",
    "margin": "margin",
}
NUMBERS = {name: KINDS[name] for name in ("quantity", "discount", "margin")}
_ALWAYS = ("customer_id", "date", "amount", "is_return")
_NO_GOODS = ", ".join(f"'{code}'" for code in NO_PRODUCT)


@dataclass(frozen=True, eq=False)
class Lines:
    """A table of line items in DuckDB.

    Attributes
    ----------
    connection : DuckDBPyConnection
        Holds the table.
    table : str
        Its name; its columns are `KINDS`, described in `query`.
    columns : tuple of str
        Those of them that the source has; the others are NULL in every line.
    """

    connection: duckdb.DuckDBPyConnection
    table: str
    columns: tuple[str, ...]


def query(lines: pd.DataFrame | Lines, sql: str, **values: Any) -> pd.DataFrame:
    """Ask line items in SQL.

    Lines are as they were booked. A return is a line of its own on the day on which it came back,
    with a negative amount, and the purchase that it takes back stays as it was: so the sum of a
    customer's lines is what he paid, and what is cut at a day (``WHERE date <= $day``) knows
    nothing that came after it. Orders, in contrast, are settled (`returns.settle`).

    Parameters
    ----------
    lines : DataFrame or Lines
        One row per line, in any order. A DataFrame needs `customer_id`, `date` and `amount`.
    sql : str
        Continues a WITH of the table `lines`:

        - `customer_id` (text): NULL where nobody knows who bought; such lines are part of
          baskets and of no customer
        - `date` (day)
        - `order_no` (count): the lines of one receipt share it; it stands for the receipt's id,
          of which nothing else is left; NULL where there is none
        - `product_id`, `category`, `channel` (text): NULL where the source says nothing
        - `quantity` (count), `discount`, `margin` (as the source writes them): NULL likewise
        - `amount` (currency): of the whole line; negative for a return
        - `is_return` (bool): amount or quantity is negative
        - `is_goods` (bool): no postage, fee or voucher, as far as `product_id` tells

        Numbers are decimals, so that their sums are exact.
    **values
        What stands for the ``$names`` in it.

    Returns
    -------
    DataFrame
        In the order of the SQL; text and days of the types of a table of orders.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["anna", "anna", None], "amount": [0.1, 0.2, -0.1],
    ...                      "date": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-02"])})
    >>> query(rows, "SELECT is_return, sum(amount) AS amount FROM lines GROUP BY ALL ORDER BY ALL")
       is_return  amount
    0      False     0.3
    1       True    -0.1
    """
    is_frame = isinstance(lines, pd.DataFrame)
    found = _typed("rows", tuple(lines.columns)) if is_frame else f"FROM {lines.table}"
    asked = f"""
        WITH lines AS (
            SELECT *, coalesce(upper(product_id) NOT IN ({_NO_GOODS}), true) AS is_goods
            FROM ({found})
        )
        {sql}
    """
    if is_frame:
        return order_tables.typed(order_tables.query_table(lines, asked, **values))
    with lines.connection.cursor() as cursor:
        return order_tables.typed(cursor.execute(asked, values).df())


def keep(
    connection: duckdb.DuckDBPyConnection,
    *,
    columns: Collection[str],
    names: pd.DataFrame | None = None,
    salt: str = "",
) -> Lines | None:
    """Keep the lines that were cleaned, where they say more than the orders do.

    Kept are the lines of which orders are made, before returns are settled, and those that would
    be but for a customer: who bought is unknown, or the till's collective customer. The same
    lines in any order give the same file.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds the table `lines` of `transactions.clean`.
    columns : collection of str
        What the source has, in our names.
    names : DataFrame, optional
        `customer_id` and the `name` that stands for it, every customer once; without it, ids stay.
    salt : str
        Secret; so that the numbers of receipts do not follow the order of their ids.

    Returns
    -------
    Lines or None
        None where the source has none of `DETAILS`.
    """
    kept = {kept for detail, kept in DETAILS.items() if detail in columns}
    if not kept:
        return None
    present = tuple(name for name in KINDS if name in {*_ALWAYS, *kept})
    ours = {"date": "day", "amount": "money"} | ({} if names is None else {"customer_id": "name"})
    listed = ", ".join(f"{ours.get(name, name)}::{KINDS[name]} AS {name}" for name in present)
    if names is not None:
        connection.register("names", names)
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE receipts AS
        SELECT order_id,
               row_number() OVER (ORDER BY sha256($salt || order_id), order_id) AS order_no
        FROM (SELECT DISTINCT order_id FROM lines
              WHERE order_id IS NOT NULL AND (reason IS NULL OR is_unnamed))
        """,
        {"salt": salt},
    )
    path = _file_of(connection)
    connection.execute(
        f"""
        COPY (
            SELECT {listed} FROM lines LEFT JOIN receipts USING (order_id)
            {"" if names is None else "LEFT JOIN names USING (customer_id)"}
            WHERE reason IS NULL OR is_unnamed
            ORDER BY date, {", ".join(name for name in present if name != "date")}
        ) TO {_literal(path)} (FORMAT parquet, COMPRESSION zstd)
        """
    )
    connection.execute("DROP TABLE receipts")
    if names is not None:
        connection.unregister("names")
    return _of_file(connection, path)


def write(lines: Lines, path: Path) -> None:
    """Write a Parquet file; what was kept of the same lines in any order gives the same bytes."""
    with lines.connection.cursor() as cursor:
        # They are sorted, and DuckDB keeps the order.
        cursor.execute(
            f"COPY (SELECT {', '.join(lines.columns)} FROM {lines.table}) "
            f"TO {_literal(path)} (FORMAT parquet, COMPRESSION zstd)"
        )


def read(connection: duckdb.DuckDBPyConnection, path: Path) -> Lines:
    """Take the lines from what `write` wrote, without reading them into memory.

    Raises
    ------
    DataError
        If the file breaks the promise of a table of lines.
    """
    lines = _of_file(connection, path)
    missing = [name for name in _ALWAYS if name not in lines.columns]
    if missing:
        raise DataError(f"{path.name} lacks {missing}. Run 01_daten into its folder again.")
    return lines


def derived(lines: Lines, sql: str) -> Lines:
    """Make other lines of some, without storing any.

    Parameters
    ----------
    lines : Lines
        Stay as they are.
    sql : str
        Continues a WITH of the table `lines`, which has the columns of `KINDS`, and gives the same.
    """
    table = f"lines_{uuid.uuid4().hex}"
    lines.connection.execute(f"CREATE VIEW {table} AS WITH lines AS (FROM {lines.table}) {sql}")
    return Lines(lines.connection, table, lines.columns)


def of_frame(rows: pd.DataFrame) -> Lines:
    """Store a table of lines, as `query` takes it."""
    connection = order_tables.connect()
    path = _file_of(connection)
    present = tuple(name for name in KINDS if name in {*_ALWAYS, *rows.columns})
    connection.register("rows", rows.copy())
    connection.execute(
        f"""
        COPY (SELECT {", ".join(present)} FROM ({_typed("rows", tuple(rows.columns))})
              ORDER BY date, {", ".join(name for name in present if name != "date")})
        TO {_literal(path)} (FORMAT parquet, COMPRESSION zstd)
        """
    )
    connection.unregister("rows")
    return _of_file(connection, path)


def _typed(table: str, columns: tuple[str, ...]) -> str:
    """Write the SELECT of all columns of a table, with NULL for those that it lacks."""
    quantity = "quantity" if "quantity" in columns else "NULL"
    absent = {"is_return": f"coalesce(amount < 0 OR {quantity} < 0, false)"}
    listed = ", ".join(
        f"({name if name in columns else absent.get(name, 'NULL')})::{kind} AS {name}"
        for name, kind in KINDS.items()
    )
    return f"SELECT {listed} FROM {table}"


def _of_file(connection: duckdb.DuckDBPyConnection, path: Path) -> Lines:
    """Make the table of a file; its name is its own, since one connection may clean twice."""
    table, file = f"lines_{uuid.uuid4().hex}", f"read_parquet({_literal(path)})"
    found = {name for name, *_ in connection.execute(f"DESCRIBE FROM {file}").fetchall()}
    columns = tuple(name for name in KINDS if name in found)
    connection.execute(f"CREATE VIEW {table} AS {_typed(file, columns)}")
    return Lines(connection, table, columns)


def _file_of(connection: duckdb.DuckDBPyConnection) -> Path:
    """Name a file that only its owner may look at, and that goes with the connection."""
    folder = tempfile.mkdtemp(prefix="workbench-")
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "lines.parquet"


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
