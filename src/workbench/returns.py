"""Returns and their orders: a day's sum for each customer, under one of four policies."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import NamedTuple

import duckdb
import pandas as pd

from workbench import orders as order_tables
from workbench.orders import Orders

POLICIES = ("net", "same_day", "drop", "separate")
REASONS = {
    "return_dropped": "Retoure, nicht berücksichtigt",
    "return_separate": "Retoure, in eigener Tabelle",
    "return_settled": "Retoure, mit ihrem Kauf verrechnet",
    "order_returned": "Bestellung ganz zurückgegeben",
    "return_day": "Tag mit Retoure, Summe null",
    "never_bought": "Retoure, Kunde ohne Kauf",
}
# What was settled or set aside is not lost.
LOST = {
    "return_dropped": "are returns, which returns='drop' leaves out",
    "never_bought": "belong to customers with returns and no purchase",
}
COUNTS = {
    "returns": "Retouren (verwertbare Zeilen)",
    "returns_matched": "davon mit gefundenem Kauf",
    "returns_partial": "davon nur zum Teil mit gefundenem Kauf",
    "returns_unmatched": "davon ohne gefundenen Kauf",
    "returns_met": "Retouren, die einen Kauf mindern können, mit diesem Teil ihres Betrags",
}

# What a return and its purchase have in common. A length in front keeps the parts of a key
# apart, whatever stands in them.
_NAMED_KEY = (
    "CASE WHEN order_id IS NOT NULL THEN concat('o', len(order_id), ':', order_id, product_id) END"
)
_ITEM_KEY = "coalesce('p' || product_id, 'a' || abs(money))"
# No export writes a unit separator into the code of a product.
_CLOSED = "chr(31)"
_UNSETTLED = (
    "customer_id, day, moment, is_return, order_id, product_id, money::DECIMAL(38, 4) AS money"
)


def settle(connection: duckdb.DuckDBPyConnection, policy: str) -> None:
    """Make the view `judged` of all lines and the table `days` of what they add up to.

    A return is a line with a negative amount or quantity.

    - ``net``: a return meets its order, see `meet`, and reduces it. What
      meets none is subtracted on its own day. An order that came back in full
      is no order.
    - ``same_day``: a return is subtracted on its own day.
    - ``drop``: a return is left out.
    - ``separate``: a return is left out, and stands in `returned`.

    A day is a purchase if its sum is positive, or if nothing but free lines
    make it zero. A day whose sum is negative is a day of returns, which counts
    with its money alone; of a customer who has no other days it is dropped.
    With ``net`` a return changes an order of the past: for what
    was known on an earlier day, lines up to that day must be settled alone.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds the table `lines`: `line`, `customer_id`, `order_id`,
        `product_id` (text, NULL where there is none), `day`, `moment`
        (timestamp), `money` (decimal), `is_return`, and `reason`, NULL where
        a line has not been dropped.
    policy : {"net", "same_day", "drop", "separate"}
        What happens to returns.

    Notes
    -----
    `judged` has the columns of `lines`; `reason` is completed by those of
    `REASONS`, and `due` is what of the line's money is left when a return and
    its order are settled. The sum of `due` is the sum of `money`. `days` has
    `customer_id`, `day`, `amount`, `is_purchase` and `has_return`; those of them
    that are no order stand in `dropped_days`.
    """
    meet(connection)
    away = {
        "net": "WHEN is_return AND met > 0 AND met = -money THEN 'return_settled'",
        "same_day": "",
        "drop": "WHEN is_return THEN 'return_dropped'",
        "separate": "WHEN is_return THEN 'return_separate'",
    }[policy]
    met = "met" if policy == "net" else "0"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW due_lines AS
        SELECT lines.* REPLACE (
                   CASE WHEN reason IS NOT NULL THEN reason::VARCHAR {away} END AS reason
               ),
               CASE WHEN met IS NULL THEN money
                    WHEN is_return THEN money + {met} ELSE money - {met} END AS due
        FROM lines LEFT JOIN met USING (line)
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE days AS
        SELECT customer_id, day, sum(due) AS amount, bool_or(is_return) AS has_return,
               sum(due) > 0 OR (sum(abs(money)) = 0 AND NOT bool_or(is_return)) AS is_purchase
        FROM due_lines WHERE reason IS NULL GROUP BY customer_id, day
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE dropped_days AS
        SELECT customer_id, day,
               CASE WHEN amount < 0 THEN 'never_bought'
                    WHEN has_return THEN 'return_day' ELSE 'order_returned' END AS dropped_as
        FROM days
        WHERE NOT is_purchase
        AND (amount = 0 OR customer_id NOT IN (SELECT customer_id FROM days WHERE is_purchase))
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP VIEW judged AS
        SELECT due_lines.* REPLACE (coalesce(reason, dropped_as) AS reason)
        FROM due_lines LEFT JOIN dropped_days USING (customer_id, day)
        """
    )


def meet(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the order of each return, and make the table `met` of what they share.

    A return meets earlier purchases of its customer: first those of the same
    order and product, if it names an order; then those of the same product,
    or, where it names none, of the same amount without its sign. It uses up
    the money of the nearest one, then that of the next before it, until it is
    covered or nothing is left. Returns take their turn in the order of time.
    On one day a purchase is earlier if its time of day is not later; a
    purchase without a time starts its day, a return without one ends it.

    Parameters
    ----------
    connection : DuckDBPyConnection
        As in `settle`.

    Notes
    -----
    `met` has `line` and `met` (> 0, currency), for returns and purchases
    alike; both add up to the same money.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE met (line BIGINT, met DECIMAL(38, 4))")
    _meet_by(connection, _NAMED_KEY)
    _meet_by(connection, _ITEM_KEY)
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE met AS
        SELECT line, sum(met)::DECIMAL(38, 4) AS met FROM met GROUP BY line
        """
    )


def _meet_by(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    """Add to `met` what returns and earlier purchases of one customer and key share.

    The open money of a key is a stack: a purchase lays its amount on top, a
    return takes from the top, and never more than there is. With the height
    of the stack after each line, a purchase has left what no later height
    undercuts, so that two windows do the work of a loop.
    """
    connection.execute(
        f"""
        INSERT INTO met
        WITH taken AS (
            SELECT line, sum(met) AS met FROM met GROUP BY line
        ), keyed AS (
            SELECT line, customer_id, {key} AS key, moment, is_return,
                   abs(money) - coalesce(met, 0) AS size
            FROM lines LEFT JOIN taken USING (line)
            WHERE reason IS NULL AND abs(money) > coalesce(met, 0)
        ), events AS (
            FROM keyed SEMI JOIN (FROM keyed WHERE is_return) AS returns USING (customer_id, key)
        ), sums AS (
            SELECT *, sum(CASE WHEN is_return THEN -size ELSE size END) OVER past AS signed
            FROM events
            WINDOW past AS (PARTITION BY customer_id, key ORDER BY moment, is_return, size, line
                            ROWS UNBOUNDED PRECEDING)
        ), floors AS (
            SELECT *, least(0, min(signed) OVER past) AS floor,
                   least(0, min(signed) OVER (past ROWS BETWEEN UNBOUNDED PRECEDING
                                              AND 1 PRECEDING)) AS floor_before
            FROM sums
            WINDOW past AS (PARTITION BY customer_id, key ORDER BY moment, is_return, size, line)
        ), heights AS (
            SELECT *, signed - floor AS height,
                   min(signed - floor) OVER (
                       PARTITION BY customer_id, key ORDER BY moment, is_return, size, line
                       ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
                   ) AS lowest
            FROM floors
        ), shared AS (
            SELECT line,
                   CASE WHEN is_return THEN size - (coalesce(floor_before, 0) - floor)
                        ELSE size - greatest(0, lowest - (height - size)) END AS met
            FROM heights
        )
        FROM shared WHERE met > 0
        """
    )


def returned(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Add up the returns that were set aside, one row per customer and day.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds the view `judged`.

    Returns
    -------
    DataFrame
        `customer_id`, `date` and `amount` (<= 0, currency), sorted by
        customer and day; empty under the policies that set none aside.
    """
    table = connection.execute(
        """
        SELECT customer_id, day AS date, sum(money)::DOUBLE AS amount FROM judged
        WHERE reason = 'return_separate' GROUP BY ALL ORDER BY customer_id, date
        """
    ).df()
    return table.astype({"customer_id": "str", "date": "datetime64[us]"})


# Facts of the data, alike under every policy; columns as in `COUNTS`, money under `_money`.
COUNTS_QUERY = """
    SELECT count(*) AS returns,
           count(*) FILTER (met = -money) AS returns_matched,
           count(*) FILTER (met < -money) AS returns_partial,
           count(*) FILTER (met IS NULL) AS returns_unmatched,
           count(met) AS returns_met,
           sum(money) AS returns_money,
           sum(money) FILTER (met = -money) AS returns_matched_money,
           sum(money) FILTER (met < -money) AS returns_partial_money,
           sum(money) FILTER (met IS NULL) AS returns_unmatched_money,
           -sum(met) AS returns_met_money
    FROM lines LEFT JOIN met USING (line) WHERE reason IS NULL AND is_return
"""


# One row per customer and day, from what `settle` made.
ORDERS_QUERY = """
    SELECT customer_id, day AS date, amount::DOUBLE AS amount
    FROM days ANTI JOIN dropped_days USING (customer_id, day)
"""


class Unsettled(NamedTuple):
    """What it takes to settle returns again, up to another day or by another policy.

    Attributes
    ----------
    connection : DuckDBPyConnection
        Holds the table.
    table : str
        Lines of the customers who returned something, with `customer_id`,
        `day`, `moment`, `is_return`, `order_id`, `product_id` and `money`
        (decimal, currency). Purchases that no return can meet are added up,
        one row per customer and day, under a product of their own.
    n_rows : int
        Rows of that table; 0 where nothing was returned.
    """

    connection: duckdb.DuckDBPyConnection
    table: str
    n_rows: int


def unsettled(connection: duckdb.DuckDBPyConnection) -> Unsettled:
    """Keep what it takes to settle the returns of `lines` again; for `lines` see `settle`."""
    return _kept(
        connection,
        f"""
        WITH theirs AS (
            SELECT *, {_NAMED_KEY} AS named, {_ITEM_KEY} AS item
            FROM lines SEMI JOIN (FROM lines WHERE is_return AND reason IS NULL) AS with_returns
            USING (customer_id)
            WHERE reason IS NULL
        ), met_by AS (
            SELECT customer_id, named AS key FROM theirs WHERE is_return
            UNION SELECT customer_id, item FROM theirs WHERE is_return
        ), judged_lines AS (
            SELECT theirs.*, is_return OR by_name.key IS NOT NULL OR by_item.key IS NOT NULL
                   AS is_open
            FROM theirs
            LEFT JOIN met_by AS by_name
            ON theirs.customer_id = by_name.customer_id AND theirs.named = by_name.key
            LEFT JOIN met_by AS by_item
            ON theirs.customer_id = by_item.customer_id AND theirs.item = by_item.key
        )
        SELECT {_UNSETTLED} FROM judged_lines WHERE is_open
        UNION ALL
        SELECT customer_id, day, min(moment), false, NULL, {_CLOSED} || day,
               sum(money)::DECIMAL(38, 4)
        FROM judged_lines WHERE NOT is_open GROUP BY customer_id, day
        """,
    )


def read_unsettled(connection: duckdb.DuckDBPyConnection, path: Path) -> Unsettled:
    """Read what `write_unsettled` wrote."""
    return _kept(connection, f"FROM read_parquet({_literal(path)})")


def write_unsettled(kept: Unsettled, path: Path) -> None:
    """Write a Parquet file; the same lines in any order give the same bytes."""
    with kept.connection.cursor() as cursor:
        cursor.execute(
            f"COPY (FROM {kept.table} ORDER BY ALL) TO {_literal(path)} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )


def renamed(kept: Unsettled, names: pd.DataFrame, *, salt: str) -> Unsettled:
    """Put other ids for those of the customers, and marks for those of their orders.

    Parameters
    ----------
    kept : Unsettled
        Stays as it is.
    names : DataFrame
        `customer_id` and the `name` that stands for it.
    salt : str
        Secret; which orders are the same is all that is left of their ids.
    """
    kept.connection.register("names", names)
    renamed = _kept(
        kept.connection,
        f"""
        SELECT kept.* REPLACE (
            name AS customer_id, sha256({_quoted(salt)} || order_id)[1:16] AS order_id
        )
        FROM {kept.table} AS kept JOIN names USING (customer_id)
        """,
    )
    kept.connection.unregister("names")
    return renamed


def restate(
    orders_now: Orders, kept: Unsettled, *, policy: str, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Settle the returns as they were known on a day, or by another policy.

    With ``net`` a return of today lowers an order of the past. What was known
    on an earlier day must not know it: so the lines up to that day are settled
    alone.

    Parameters
    ----------
    orders_now : Orders
        All orders, settled by any policy.
    kept : Unsettled
        From `unsettled`, on the connection of the orders.
    policy : {"net", "same_day", "drop", "separate"}
        As in `settle`.
    as_of : Timestamp
        Last day that counts.

    Returns
    -------
    DataFrame
        Orders up to `as_of`: `customer_id`, `date`, `amount`, sorted.
    """
    with kept.connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE lines AS
            SELECT row_number() OVER () AS line, *, NULL::VARCHAR AS reason
            FROM {kept.table} WHERE day <= ?
            """,
            [as_of.date()],
        )
        settle(cursor, policy)
        rows = cursor.execute(
            f"""
            SELECT customer_id, date::TIMESTAMP AS date, amount FROM (
                {ORDERS_QUERY}
                UNION ALL
                SELECT customer_id, date, amount
                FROM {orders_now.table} AS others
                ANTI JOIN {kept.table} AS theirs USING (customer_id)
                WHERE date <= ?
            )
            ORDER BY customer_id, date
            """,
            [as_of.date()],
        ).df()
    return order_tables.typed(rows)


def _kept(connection: duckdb.DuckDBPyConnection, query: str) -> Unsettled:
    """Store a query under a name of its own: one connection may clean more than once."""
    table = f"unsettled_{uuid.uuid4().hex}"
    connection.execute(f"CREATE TABLE {table} AS {query}")
    n_rows = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    return Unsettled(connection, table, n_rows)


def _literal(path: Path) -> str:
    return _quoted(str(path))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
