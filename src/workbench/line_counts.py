"""Plain counts of the lines of an export: what stands out, and what they are made of."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import pandas as pd

from workbench import returns as settling

# Product codes that are no goods, in upper case: those of the UCI retailer (postage, dotcom
# postage, carriage, discount, manual, samples, bad debt, fees, a charity), and German ones.
NO_PRODUCT = (
    *("POST", "DOT", "C2", "D", "M", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK"),
    *("VERSAND", "VERSANDKOSTEN", "PORTO", "FRACHT", "NACHNAHME", "RABATT", "GUTSCHEIN"),
    *("MAHNGEBÜHR", "PFAND", "TRINKGELD"),
)
COUNTS = {
    "rows": "gelesene Zeilen",
    "rows_without_customer": "Zeilen ohne Kundennummer",
    "purchases_without_customer": "davon Käufe (Betrag über null)",
    "repeated_headers": "wiederholte Kopfzeilen",
    "amounts_not_a_number": "Zeilen, deren Betrag keine Zahl ist",
    "duplicate_rows_read": "gelesene Zeilen, die eine frühere exakt wiederholen",
    "cancellations": "Zeilen mit Stornobeleg (C und Ziffern)",
    "rows_usable": "verwertbare Zeilen bis zum Stichtag",
    "customers": "Kunden in den verwertbaren Zeilen",
    "purchases": "davon Käufe (Betrag über null)",
    "customers_with_purchases": "Kunden mit Käufen",
    "receipts_of_purchases": "Belege mit Käufen",
    "zero_amounts": "davon Zeilen mit Betrag null",
    "negative_amounts": "davon Zeilen mit negativem Betrag (Retouren)",
    "customers_with_returns": "Kunden mit Retouren",
    "customers_net_negative": "Kunden, die mehr zurückgaben als kauften",
    "no_products": "davon Zeilen, die keine Ware sind (Versand, Gebühren, Rabatte)",
    "duplicate_rows": "davon Zeilen, die eine frühere exakt wiederholen",
    **settling.COUNTS,
    "orders": "Bestellungen (ein Kunde, ein Tag)",
    "zero_orders": "davon Bestellungen mit Betrag null",
    "buyers": "Kunden mit mindestens einer Bestellung",
}
_CODES = ", ".join(f"'{code}'" for code in NO_PRODUCT)
_LINES_WHERE = {
    "rows": "true",
    "rows_without_customer": "reason = 'missing_customer'",
    "purchases_without_customer": "reason = 'missing_customer' AND money > 0",
    "repeated_headers": "reason = 'repeated_header'",
    "amounts_not_a_number": "reason = 'amount_not_a_number'",
    "rows_usable": "usable",
    "purchases": "usable AND money > 0",
    "zero_amounts": "usable AND money = 0",
    "negative_amounts": "usable AND money < 0",
    "no_products": f"usable AND upper(product_id) IN ({_CODES})",
}


# So many groups have a row of their own; the smaller ones share one.
MAX_GROUPS = 20
OTHERS, UNNAMED = "alle übrigen", "ohne Angabe"


def by_text(connection: duckdb.DuckDBPyConnection, column: str) -> pd.DataFrame:
    """Add up what was kept of the lines by a column of texts, the largest groups first.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds the views `raw` and `judged` of `transactions.clean`.
    column : str
        For example ``category``.

    Returns
    -------
    DataFrame
        `group` (text of the source, `OTHERS` or `UNNAMED`), `lines` and
        `customers` (counts) and `revenue` (currency, returns taken off).
    """
    return connection.execute(
        f"""
        WITH kept AS (
            SELECT coalesce(nullif(trim(raw.{column}), ''), $unnamed) AS "group",
                   judged.customer_id, due
            FROM raw JOIN judged USING (line) WHERE reason IS NULL
        ), ranked AS (
            SELECT "group", row_number() OVER (ORDER BY sum(due) DESC, "group") AS place
            FROM kept GROUP BY "group"
        )
        SELECT CASE WHEN place <= $n THEN "group" ELSE $others END AS "group",
               count(*) AS lines, count(DISTINCT customer_id) AS customers,
               sum(due)::DOUBLE AS revenue
        FROM kept JOIN ranked USING ("group")
        GROUP BY ALL ORDER BY min(place)
        """,
        {"unnamed": UNNAMED, "others": OTHERS, "n": MAX_GROUPS},
    ).df()


def of_lines(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Count what stands out, each for itself.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds the tables of `transactions.clean`: `lines`, `repeated`, `met`
        and `days`.

    Returns
    -------
    DataFrame
        `code` (a key of `COUNTS`), `label` (German), `n` (count) and `amount`
        (signed sum, currency; NaN where no money is asked for).
    """
    filtered = ", ".join(
        f"count(*) FILTER ({which}) AS {code}, sum(money) FILTER ({which}) AS {code}_money"
        for code, which in _LINES_WHERE.items()
    )
    queries = (
        f"SELECT {filtered} FROM lines",
        """
        SELECT count(DISTINCT customer_id) AS customers,
               count(DISTINCT customer_id) FILTER (money > 0) AS customers_with_purchases,
               count(DISTINCT order_id) FILTER (money > 0) AS receipts_of_purchases,
               count(DISTINCT customer_id) FILTER (money < 0) AS customers_with_returns
        FROM lines WHERE usable
        """,
        """
        SELECT count(*) AS customers_net_negative
        FROM (SELECT customer_id FROM lines WHERE reason IS NULL
              GROUP BY customer_id HAVING sum(money) < 0)
        """,
        """
        SELECT coalesce(sum(n_repeats), 0)::BIGINT AS duplicate_rows_read,
               coalesce(sum(n_repeats) FILTER (usable), 0)::BIGINT AS duplicate_rows
        FROM repeated
        """,
        # Where most receipts are plain numbers, one with a C in front cancels.
        r"""
        SELECT CASE WHEN 2 * plain > n THEN marked ELSE 0 END AS cancellations
        FROM (SELECT count(*) AS n, count(*) FILTER (regexp_full_match(order_id, '\d+')) AS plain,
                     count(*) FILTER (regexp_full_match(order_id, '[Cc]\d+')) AS marked
              FROM lines WHERE order_id IS NOT NULL)
        """,
        settling.COUNTS_QUERY,
        """
        SELECT count(*) AS orders, sum(amount) AS orders_money,
               count(*) FILTER (amount = 0) AS zero_orders,
               count(DISTINCT customer_id) AS buyers
        FROM days WHERE is_purchase
        """,
    )
    found: dict[str, Any] = {}
    for query in queries:
        result = connection.execute(query)
        names = [name for name, *_ in result.description]
        found |= dict(zip(names, result.fetchall()[0], strict=True))
    return pd.DataFrame(
        [
            {"code": code, "label": label, "n": found[code], "amount": _money(found, code)}
            for code, label in COUNTS.items()
        ]
    )


def _money(found: dict[str, Any], code: str) -> float:
    name = f"{code}_money"
    return float(found[name] or 0) if name in found else math.nan
