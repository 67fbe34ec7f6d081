"""Raw lines to orders, one row per customer and day, and a balance of what was dropped and why."""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb
import pandas as pd

from workbench.schema import DataError, ParameterError, check_orders
from workbench.sources import Source

DUPLICATES = ("report", "drop")
# Text that stands for nothing, in lower case; #nv is what a German Excel writes for #n/a.
MISSING = ("", "-", "nan", "na", "n/a", "#n/a", "#nv", "null", "none", "<na>")
REASONS = {
    "missing_customer": "ohne Kundennummer",
    "repeated_header": "wiederholte Kopfzeile",
    "amount_not_a_number": "Betrag ist keine Zahl",
    "after_as_of": "nach dem Stichtag",
    "duplicate": "exakt doppelte Zeile",
    "return_day": "Retourentag ohne Kauf",
}
COUNTS = {
    "rows": "gelesene Zeilen",
    "rows_without_customer": "Zeilen ohne Kundennummer",
    "repeated_headers": "wiederholte Kopfzeilen",
    "amounts_not_a_number": "Zeilen, deren Betrag keine Zahl ist",
    "rows_usable": "verwertbare Zeilen bis zum Stichtag",
    "customers": "Kunden in den verwertbaren Zeilen",
    "zero_amounts": "davon Zeilen mit Betrag null",
    "negative_amounts": "davon Zeilen mit negativem Betrag (Retouren)",
    "customers_with_returns": "Kunden mit Retouren",
    "customers_net_negative": "Kunden, die mehr zurückgaben als kauften",
    "duplicate_rows": "Zeilen, die eine frühere exakt wiederholen",
    "orders": "Bestellungen (ein Kunde, ein Tag)",
    "zero_orders": "davon Bestellungen mit Betrag null",
    "buyers": "Kunden mit mindestens einer Bestellung",
}
_SAID = {
    "missing_customer": "have no customer_id",
    "repeated_header": "are repeated headers",
    "amount_not_a_number": "have an amount that is not a number",
    "duplicate": "are exact duplicates",
    "return_day": "are on a day of returns without a purchase",
}
SHOWN_LINES = 5
SHOWN_VALUES = 10

# RE2 knows neither the no-break space nor the byte order mark as white space.
_BLANK = r"[\s\x{00A0}\x{FEFF}]"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_DAY = r"[12]\d{3}-\d{2}-\d{2}"
_TIME = r"([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?)?"
_OFFSET = r"\s*(Z|[+-]\d{2}(:?\d{2})?)"


class TooMuchLost(DataError):
    """Cleaning would drop more than it may.

    Attributes
    ----------
    balance : DataFrame
        As in `Cleaned`.
    """

    def __init__(self, message: str, *, balance: pd.DataFrame) -> None:
        table = balance.drop(columns="label").to_string(index=False)
        super().__init__(f"{message}\n{table}")
        self.balance = balance


class Cleaned(NamedTuple):
    """Orders, and how they come from the lines that were read.

    Attributes
    ----------
    orders : DataFrame
        One row per customer and day, sorted by both: `customer_id` (text),
        `date` (midnight), `amount` (>= 0, currency).
    balance : DataFrame
        First row ``read``, then one row per reason in the order in which the
        steps were taken, last row ``kept``; read = dropped + kept in rows and
        in money.

        - `reason` (str): ``read``, a key of `REASONS`, or ``kept``
        - `label` (str): the same in German
        - `n_rows` (int), `share` (float): lines, and as a share of those read
        - `amount` (float): signed sum, currency; what is no number counts 0
        - `customers` (int): customers among those lines; a customer can
          appear under several reasons
        - `first_lines` (str): the first line numbers of what was dropped
        - `values` (str): for amounts that are no number, what stands there
    counts : DataFrame
        `code` (a key of `COUNTS`), `label` (German) and `n` (count). The
        counts overlap; they are not a balance.
    first_day, last_day : Timestamp
        First and last day with a usable line, days of returns included.
    """

    orders: pd.DataFrame
    balance: pd.DataFrame
    counts: pd.DataFrame
    first_day: pd.Timestamp
    last_day: pd.Timestamp


class _Loss(NamedTuple):
    """The share that was dropped of rows or money, and the reason that took most of it."""

    share: float
    of: str
    worst_share: float
    worst: str


def clean(
    source: Source,
    *,
    max_loss: float,
    duplicates: str = "report",
    as_of: pd.Timestamp | None = None,
) -> Cleaned:
    """Make one order of all lines of a customer on one day.

    An order's amount is the signed sum of its lines, so a return on the day of
    a larger purchase reduces it. A day whose sum is negative, or zero with a
    return in it, is no purchase and is dropped; a day of nothing but free
    lines is an order of zero. Money is added up as decimals with four places,
    so that the result does not depend on the order of the lines.

    Parameters
    ----------
    source : Source
        Raw lines. Dates are ISO days, with or without a time of day; amounts
        have a decimal point and no thousands separator.
    max_loss : float
        Largest share, 0 to 1, of rows and of money (without sign) that may be
        dropped. Lines after `as_of` count neither as lost nor as read.
    duplicates : {"report", "drop"}
        What happens to lines that repeat another in every column: kept and
        counted, or dropped. Where a line is a whole order, that is, no
        `order_id` stands in two different lines, the repetitions of an order
        are dropped in either case.
    as_of : Timestamp, optional
        Last day that counts.

    Returns
    -------
    Cleaned

    Raises
    ------
    TooMuchLost
        If more than `max_loss` of the rows or of the money was dropped.
    DataError
        If a date is not ISO or has an offset, most amounts are not numbers,
        or no purchase is left.
    ParameterError
        If `max_loss` or `duplicates` is not one of the values allowed.
    """
    if not 0 <= max_loss <= 1:
        raise ParameterError(f"max_loss={max_loss} must be a share from 0 to 1.")
    if duplicates not in DUPLICATES:
        raise ParameterError(f"duplicates={duplicates!r} must be one of {', '.join(DUPLICATES)}.")

    connection = source.connection
    _judge_lines(source, as_of)
    _check_amounts(connection, label=source.label)
    _check_dates(connection, label=source.label)
    _check_signs(connection)
    _find_duplicates(connection, always=duplicates == "drop")
    _sum_days(connection)

    balance, losses = _balance(connection)
    _check_losses(losses, balance, max_loss=max_loss)
    orders = _orders(connection)
    if orders.empty:
        dropped = balance[balance["n_rows"] > 0].iloc[1:]
        reasons = ", ".join(
            f"{n} {reason}" for reason, n in zip(dropped["reason"], dropped["n_rows"], strict=True)
        )
        raise DataError(f"no purchase is left of {source.n_rows} rows: {reasons}.")
    check_orders(orders)
    first_day, last_day = _row(connection, "SELECT min(day), max(day) FROM lines WHERE usable")
    return Cleaned(
        orders, balance, _counts(connection), pd.Timestamp(first_day), pd.Timestamp(last_day)
    )


def _judge_lines(source: Source, as_of: pd.Timestamp | None) -> None:
    """Read day and money of each line, and give a reason to those that can be no order."""
    source.relation.create_view("raw", replace=True)
    order_id = "order_id" if "order_id" in source.relation.columns else "''"
    header = " AND ".join(f"{_strip(ours)} = ${ours}" for ours in source.columns)
    missing = ", ".join(f"'{text}'" for text in MISSING)
    source.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lines AS
        WITH trimmed AS (
            SELECT line, fingerprint, customer_id, date AS date_text, amount AS amount_text,
                   lower({_strip("customer_id")}) IN ({missing}) AS no_customer,
                   lower({_strip(order_id)}) IN ({missing}) AS no_order_id,
                   {order_id} AS order_id,
                   {header} AS is_header,
                   {_strip("date")} AS date, {_strip("amount")} AS amount
            FROM raw
        ), typed AS (
            SELECT *,
                   CASE WHEN regexp_full_match(date, '{_DAY}{_TIME}')
                        THEN try_cast(date[1:10] AS DATE) END AS day,
                   CASE WHEN regexp_full_match(amount, '{_NUMBER}')
                        THEN try_cast(amount AS DECIMAL(18, 4)) END AS money
            FROM trimmed
        )
        SELECT line, fingerprint, no_order_id, order_id, day, money,
               CASE WHEN NOT no_customer AND NOT is_header THEN customer_id END AS customer_id,
               CASE WHEN day > $as_of::DATE THEN 'after_as_of'
                    WHEN no_customer THEN 'missing_customer'
                    WHEN is_header THEN 'repeated_header'
                    WHEN money IS NULL THEN 'amount_not_a_number' END AS reason,
               reason IS NULL AS usable,
               CASE WHEN reason = 'amount_not_a_number' THEN amount_text END AS amount_text,
               CASE WHEN day IS NULL THEN date_text END AS date_text
        FROM typed
        """,
        {**source.columns, "as_of": None if as_of is None else as_of.date()},
    )


def _strip(column: str) -> str:
    return f"regexp_replace({column}, '^{_BLANK}+|{_BLANK}+$', '', 'g')"


def _check_amounts(connection: duckdb.DuckDBPyConnection, *, label: str) -> None:
    n_bad, n = _row(
        connection,
        """
        SELECT count(*) FILTER (reason = 'amount_not_a_number'), count(*)
        FROM lines WHERE customer_id IS NOT NULL
        """,
    )
    if 2 * n_bad <= n:
        return
    line, text = _row(
        connection,
        "SELECT line, amount_text FROM lines WHERE amount_text IS NOT NULL "
        "ORDER BY trim(amount_text) = '', line LIMIT 1",
    )
    raise DataError(
        f"{n_bad} of {n} amounts in {label} are not numbers with a decimal point, the first "
        f"in line {line}: {_shown(text)}. Write amounts like 1234.56, without thousands "
        "separators and currency."
    )


def _check_dates(connection: duckdb.DuckDBPyConnection, *, label: str) -> None:
    """Refuse days that are missing, not ISO, or belong to a time zone."""
    n_bad, n = _row(
        connection, "SELECT count(*) FILTER (day IS NULL), count(*) FROM lines WHERE usable"
    )
    if n_bad == 0:
        return
    bad = connection.execute(
        "SELECT line, date_text FROM lines WHERE usable AND day IS NULL ORDER BY line LIMIT ?",
        [SHOWN_LINES],
    ).fetchall()
    (n_offset,) = _row(
        connection,
        f"""
        SELECT count(*) FROM lines WHERE usable AND day IS NULL
        AND regexp_full_match({_strip("date_text")}, '{_DAY}{_TIME}{_OFFSET}')
        """,
    )
    where = ", ".join(f"line {line}: {_shown(text)}" for line, text in bad)
    if n_offset == n_bad:
        raise DataError(
            f"{n_bad} of {n} dates in {label} have a time zone offset, the first: {where}. "
            "Write the shop's local time without an offset, so that it is clear which day counts."
        )
    raise DataError(
        f"{n_bad} of {n} dates in {label} are not ISO dates, the first: {where}. "
        "Write every date as YYYY-MM-DD, with or without a time of day."
    )


def _check_signs(connection: duckdb.DuckDBPyConnection) -> None:
    n, n_negative = _row(
        connection, "SELECT count(*), count(*) FILTER (money < 0) FROM lines WHERE usable"
    )
    if n and n == n_negative:
        raise DataError(
            f"no purchases: all {n} amounts are negative. These are returns, or the export "
            "writes purchases with a minus: then turn the sign of the export."
        )


def _find_duplicates(connection: duckdb.DuckDBPyConnection, *, always: bool) -> None:
    """Mark every usable line that repeats an earlier one and is to be dropped."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT fingerprint, min(line) AS first_line, count(*) - 1 AS n_repeats
        FROM lines WHERE usable GROUP BY fingerprint HAVING count(*) > 1
        """
    )
    # A product bought twice gives two equal lines of one order, and both are genuine. Only where
    # different lines never share an order is an equal line the same order once more.
    (whole_orders,) = _row(
        connection,
        """
        SELECT count(*) = count(DISTINCT order_id)
        FROM (SELECT DISTINCT fingerprint, order_id FROM lines WHERE usable AND NOT no_order_id)
        """,
    )
    droppable = "true" if always else "NOT no_order_id" if whole_orders else "false"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW unique_lines AS
        SELECT lines.* REPLACE (
            CASE WHEN usable AND line > first_line AND {droppable} THEN 'duplicate'
                 ELSE reason END AS reason
        )
        FROM lines LEFT JOIN repeated USING (fingerprint)
        """
    )


def _sum_days(connection: duckdb.DuckDBPyConnection) -> None:
    """Sum the lines of each customer's day, and mark the lines of days without a purchase."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE days AS
        SELECT customer_id, day, sum(money) AS amount,
               sum(money) > 0 OR (sum(money) = 0 AND min(money) = 0) AS is_purchase
        FROM unique_lines WHERE reason IS NULL GROUP BY customer_id, day
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP VIEW judged_lines AS
        SELECT unique_lines.* REPLACE (
            CASE WHEN reason IS NULL AND NOT is_purchase THEN 'return_day'
                 ELSE reason END AS reason
        )
        FROM unique_lines LEFT JOIN days USING (customer_id, day)
        """
    )


def _balance(connection: duckdb.DuckDBPyConnection) -> tuple[pd.DataFrame, list[_Loss]]:
    """Add up the lines by reason; and what is lost of the rows and of the money without sign."""
    rows = connection.execute(
        """
        SELECT coalesce(reason, 'kept'), count(*), coalesce(sum(money), 0),
               coalesce(sum(abs(money)), 0), count(DISTINCT customer_id), min(line, $shown)
        FROM judged_lines GROUP BY ALL
        UNION ALL
        SELECT 'read', count(*), coalesce(sum(money), 0),
               coalesce(sum(abs(money)), 0), count(DISTINCT customer_id), []
        FROM lines
        """,
        {"shown": SHOWN_LINES},
    ).fetchall()
    labels = {"read": "gelesen", **REASONS, "kept": "behalten"}
    found = dict.fromkeys(labels, (0, 0, 0, 0, [])) | {reason: tuple(row) for reason, *row in rows}
    n_read = found["read"][0]
    balance = pd.DataFrame(
        [
            {
                "reason": reason,
                "label": labels[reason],
                "n_rows": n_rows,
                "share": n_rows / n_read,
                "amount": float(money),
                "customers": customers,
                "first_lines": ", ".join(map(str, lines)) if reason in REASONS else "",
                "values": _bad_amounts(connection) if reason == "amount_not_a_number" else "",
            }
            for reason, (n_rows, money, _, customers, lines) in found.items()
        ]
    )
    losses = [
        _loss({reason: row[0] for reason, row in found.items()}, of=f"{n_read} rows"),
        _loss({reason: row[2] for reason, row in found.items()}, of=f"the money of {n_read} rows"),
    ]
    return balance, losses


def _loss(sizes: dict[str, Any], *, of: str) -> _Loss:
    """Take the share that was dropped; what is only later than `as_of` is not lost."""
    total = sizes["read"] - sizes["after_as_of"]
    lost = {reason: float(sizes[reason] / total) if total else 0.0 for reason in _SAID}
    worst = max(lost, key=lambda reason: lost[reason])
    share = float((total - sizes["kept"]) / total) if total else 0.0
    return _Loss(share, of, lost[worst], worst)


def _bad_amounts(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        """
        SELECT line, amount_text FROM lines WHERE reason = 'amount_not_a_number'
        ORDER BY line LIMIT ?
        """,
        [SHOWN_VALUES],
    ).fetchall()
    return ", ".join(f"{line}: {_shown(text)}" for line, text in rows)


def _check_losses(losses: list[_Loss], balance: pd.DataFrame, *, max_loss: float) -> None:
    for loss in losses:
        if loss.share > max_loss:
            raise TooMuchLost(
                f"cleaning dropped {loss.share:.1%} of {loss.of}, more than max_loss={max_loss}; "
                f"{loss.worst_share:.1%} {_SAID[loss.worst]}. "
                "Look at `balance`, then raise max_loss if that is right.",
                balance=balance,
            )


def _orders(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    orders = connection.execute(
        """
        SELECT customer_id, day AS date, amount::DOUBLE AS amount
        FROM days WHERE is_purchase ORDER BY customer_id, date
        """
    ).df()
    return orders.astype({"customer_id": "str", "date": "datetime64[us]"})


def _counts(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    queries = (
        """
        SELECT count(*) AS rows,
               count(*) FILTER (reason = 'missing_customer') AS rows_without_customer,
               count(*) FILTER (reason = 'repeated_header') AS repeated_headers,
               count(*) FILTER (reason = 'amount_not_a_number') AS amounts_not_a_number,
               count(*) FILTER (usable) AS rows_usable,
               count(DISTINCT customer_id) FILTER (usable) AS customers,
               count(*) FILTER (usable AND money = 0) AS zero_amounts,
               count(*) FILTER (usable AND money < 0) AS negative_amounts,
               count(DISTINCT customer_id) FILTER (usable AND money < 0) AS customers_with_returns
        FROM lines
        """,
        """
        SELECT count(*) AS customers_net_negative
        FROM (SELECT customer_id FROM unique_lines WHERE reason IS NULL
              GROUP BY customer_id HAVING sum(money) < 0)
        """,
        "SELECT coalesce(sum(n_repeats), 0)::BIGINT AS duplicate_rows FROM repeated",
        """
        SELECT count(*) AS orders, count(*) FILTER (amount = 0) AS zero_orders,
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
        [{"code": code, "label": label, "n": found[code]} for code, label in COUNTS.items()]
    )


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    return connection.execute(query).fetchall()[0]


def _shown(text: str) -> str:
    """Quote a value of the source, cut to what a message can hold."""
    return repr(text if len(text) <= 30 else text[:30] + "…")
