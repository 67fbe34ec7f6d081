"""Raw lines to orders, one row per customer and day, and a balance of what was dropped and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from workbench import deals, line_counts
from workbench import lines as line_items
from workbench import orders as order_tables
from workbench import returns as settling
from workbench.orders import Orders
from workbench.schema import DataError, ParameterError
from workbench.sources import Source

DUPLICATES = ("report", "drop")
# Reasons of lines that would be part of an order if it were known who bought.
UNNAMED = ("missing_customer", "collective_customer")
# Text that stands for nothing, in lower case; #nv is what a German Excel writes for #n/a.
MISSING = ("", "-", "nan", "na", "n/a", "#n/a", "#nv", "null", "none", "<na>")
# Ids that a till writes for everyone it does not know, in lower case, alone or before more
# ("Barverkauf 2", "Diverse Kunden"); a longer word ("Diversey") is another customer.
COLLECTIVE = (
    *("barverkauf", "barverkäufe", "barverkaeufe", "barverk", "bar-verkauf", "bar verkauf"),
    *("barkunde", "barkunden", "barzahler", "kassenkunde", "thekenverkauf"),
    *("laufkundschaft", "laufkunde", "laufkunden", "sammelkunde", "sammelkunden", "sammelkonto"),
    *("diverse", "divers", "cpd", "anonym", "anonymer kunde", "gast", "gastkunde"),
)
# As a whole id such a name too, but before more that of a place to drink.
_COLLECTIVE_ALONE = "bar"
# What stands in the place of an id where an export adds up its lines, alone or before more.
TOTALS = (
    *("summe", "gesamt", "gesamtsumme", "zwischensumme", "endsumme"),
    *("total", "grand total", "subtotal"),
)
# Texts by which what was kept is added up.
GROUPED = ("category", "channel")
# What stands for no date lies before: day 0 of Excel (1899-12-30) and of Unix (1970-01-01).
FIRST_DAY = pd.Timestamp("1980-01-01")
REASONS = {
    "missing_customer": "ohne Kundennummer",
    "repeated_header": "wiederholte Kopfzeile",
    "total_row": "Summenzeile",
    "collective_customer": "Sammelkunde",
    "erased": "auf der Löschliste",
    "objected": "Widerspruch gegen die Auswertung",
    "amount_not_a_number": "Betrag ist keine Zahl",
    "signs_differ": "Menge negativ, Betrag positiv",
    "before_first": f"vor dem {FIRST_DAY:%d.%m.%Y}",
    "after_as_of": "nach dem Stichtag",
    "duplicate": "exakt doppelte Zeile",
    **settling.REASONS,
}
# Beside those, of the deals of a CRM.
REASONS_OF_DEALS = {
    "not_won": "Geschäft nicht gewonnen",
    "several_customers": "mehrere Kundennummern in einer Zelle",
}
_LOST = {
    "missing_customer": "have no customer_id",
    "repeated_header": "are repeated headers",
    "total_row": "are rows of totals",
    "several_customers": "name several customers at once",
    "collective_customer": "belong to collective customers",
    "amount_not_a_number": "have an amount that is not a number",
    "signs_differ": "have a negative quantity and a positive amount",
    "before_first": f"are before {FIRST_DAY.date()}",
    "duplicate": "are exact duplicates",
    **settling.LOST,
}
# Not for us to judge: later than the day asked for, of people who must not be counted, or never
# bought at all.
_LEFT_OUT = ("not_won", "after_as_of", "erased", "objected")
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
    stored : Orders
        One row per customer and day, in the database of the source.
    balance : DataFrame
        First row ``read``, then one row per reason in the order in which the
        steps were taken, last row ``kept``; read = dropped + kept in rows and
        in money.

        - `reason` (str): ``read``, a key of `REASONS` or of `REASONS_OF_DEALS`, or ``kept``
        - `label` (str): the same in German
        - `n_rows` (int), `share` (float): lines, and as a share of those read
        - `kind` (str): ``lost``, ``settled`` (a return and what it met), or
          ``left_out`` (not for us to judge); '' for what was read and kept
        - `amount` (float): signed sum, currency; what is no number counts 0,
          and what a settled return takes from its purchase counts for neither
        - `customers` (int): customers among those lines; a customer can
          appear under several reasons
        - `first_lines` (str): the first line numbers of what was dropped
        - `values` (str): for amounts that are no number, and for deals that are
          not won, what stands there
    counts : DataFrame
        `code` (a key of `line_counts.COUNTS`), `label` (German), `n` (count) and `amount`
        (signed sum, currency; NaN where no money is asked for). The counts
        overlap; they are not a balance. Those of returns say what `net` does
        or would do, whatever the policy.
    first_day, last_day : Timestamp
        First and last day with a usable line, days of returns included.
    returned : DataFrame
        Returns that were set aside, one row per customer and day:
        `customer_id`, `date`, `amount` (<= 0, currency); empty unless
        `returns` is ``separate``.
    currency : str
        What stands in the column `currency`; '' where there is none.
    unsettled : Unsettled
        To settle the returns again.
    made_of : dict of str to DataFrame
        As in `line_counts.by_text`, for those of `GROUPED` that the source has.
    """

    stored: Orders
    balance: pd.DataFrame
    counts: pd.DataFrame
    first_day: pd.Timestamp
    last_day: pd.Timestamp
    returned: pd.DataFrame
    currency: str
    unsettled: settling.Unsettled
    made_of: dict[str, pd.DataFrame]

    @property
    def orders(self) -> pd.DataFrame:
        """The orders, sorted: `customer_id` (text), `date` (midnight), `amount` (currency)."""
        return self.stored.frame


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
    returns: str = "net",
    erased: Collection[str] = (),
    objected: Collection[str] = (),
) -> Cleaned:
    """Make one order of all lines of a customer on one day.

    A line's amount is `amount`, or else `quantity` times `unit_price`, rounded
    to four places, half a unit away from zero. An order's amount is the sum of
    its lines, less what came back of them. A day whose sum is negative is a day
    of returns, see `schema.purchase_days`; where the customer never bought it
    is dropped, and so is a day whose sum is zero with a return in it. A day of
    nothing but free lines is an order of zero. Money is added up as decimals with four
    places, so that the result does not depend on the order of the lines.

    Parameters
    ----------
    source : Source
        Raw lines. Dates are ISO days, with or without a time of day; amounts
        and quantities have a decimal point and no thousands separator.
    max_loss : float
        Largest share, 0 to 1, of rows and of money (without sign) that may be
        dropped. Lines after `as_of` and of customers left out count neither as
        lost nor as read; returns that were settled or set aside, and orders
        that came back in full, are not lost.
    duplicates : {"report", "drop"}
        What happens to lines that repeat another in every column: kept and
        counted, or dropped. Where a line is a whole order, that is, no
        `order_id` stands in two different lines, the repetitions of an order
        are dropped in either case.
    as_of : Timestamp, optional
        Last day that counts. The first is `FIRST_DAY`.
    returns : {"net", "same_day", "drop", "separate"}
        What happens to returns, see `returns.settle`. ``net`` and ``same_day``
        keep the signed sum of money.
    erased, objected : collection of str
        Ids of customers who are left out: they are to be forgotten, or do not
        want to be analysed. Blanks around an id, the ``.0`` of floating point
        and how its accents are composed do not matter.

    Returns
    -------
    Cleaned

    Raises
    ------
    TooMuchLost
        If more than `max_loss` of the rows or of the money was dropped.
    DataError
        If a date is not ISO or has an offset, most amounts are not numbers,
        the lines are in several currencies, or no purchase is left.
    ParameterError
        If `max_loss`, `duplicates` or `returns` is not one of the values
        allowed.
    """
    if not 0 <= max_loss <= 1:
        raise ParameterError(f"max_loss={max_loss} must be a share from 0 to 1.")
    if duplicates not in DUPLICATES:
        raise ParameterError(f"duplicates={duplicates!r} must be one of {', '.join(DUPLICATES)}.")
    if returns not in settling.POLICIES:
        raise ParameterError(f"returns={returns!r} must be one of {', '.join(settling.POLICIES)}.")

    connection = source.connection
    _judge_lines(source, as_of, {"erased": erased, "objected": objected})
    if source.crm:
        deals.check(connection, source.crm, header=source.columns["won"], label=source.label)
    _check_amounts(connection, label=source.label)
    _check_dates(connection, label=source.label)
    _check_signs(connection)
    currency = _currency(source)
    if currency:
        _leave_out_other_money(source, currency)
    _find_duplicates(connection, always=duplicates == "drop")
    settling.settle(connection, returns)

    balance, losses = _balance(connection, are_deals=source.crm is not None)
    _check_losses(losses, balance, max_loss=max_loss)
    stored = order_tables.store(connection, settling.ORDERS_QUERY)
    if order_tables.extent(stored).purchases == 0:
        dropped = balance[balance["n_rows"] > 0].iloc[1:]
        reasons = ", ".join(
            f"{n} {reason}" for reason, n in zip(dropped["reason"], dropped["n_rows"], strict=True)
        )
        raise DataError(f"no purchase is left of {source.n_rows} rows: {reasons}.")
    first_day, last_day = _row(connection, "SELECT min(day), max(day) FROM lines WHERE usable")
    return Cleaned(
        stored,
        balance,
        line_counts.of_lines(connection),
        pd.Timestamp(first_day),
        pd.Timestamp(last_day),
        settling.returned(connection),
        currency,
        settling.unsettled(connection),
        {name: line_counts.by_text(connection, name) for name in GROUPED if name in source.columns},
    )


def customers_read(source: Source) -> pd.Index:
    """Return the ids in the lines of a source that was cleaned, also of those left out."""
    rows = source.connection.execute(
        "SELECT DISTINCT customer_id FROM lines WHERE customer_id IS NOT NULL ORDER BY ALL"
    ).fetchall()
    return pd.Index([customer for (customer,) in rows], dtype="str", name="customer_id")


def _judge_lines(
    source: Source, as_of: pd.Timestamp | None, left_out: Mapping[str, Collection[str]]
) -> None:
    """Read day and money of each line, and give a reason to those that can be no order."""
    _store_left_out(source.connection, left_out)
    source.relation.create_view("raw", replace=True)
    found = source.relation.columns
    wanted = (*source.columns, "order_id", "product_id", "quantity")
    stripped = ", ".join(
        f"{_strip(name) if name in found else repr('')} AS {name}" for name in dict.fromkeys(wanted)
    )
    missing = ", ".join(f"'{text}'" for text in MISSING)
    details = {
        **{name: f"CASE WHEN lower({name}) NOT IN ({missing}) THEN {name} END" for name in GROUPED},
        **{name: _number(name, kind) for name, kind in line_items.NUMBERS.items()},
    }
    detailed = "".join(
        f", {value} AS {name}" for name, value in details.items() if name in source.columns
    )
    if "amount" in source.columns:
        amount_text, money = "raw.amount", _number("amount", "DECIMAL(18, 4)")
    else:
        amount_text = "concat(raw.quantity, ' × ', raw.unit_price)"
        # Only of 38 digits does DuckDB make a product that cannot overflow.
        price = _number("unit_price", "DECIMAL(18, 6)")
        product = f"quantity_number::DECIMAL(38, 6) * ({price})::DECIMAL(38, 6)"
        money = f"try_cast(round({product}, 4) AS DECIMAL(18, 4))"
    header = " AND ".join(f"{ours} = ${ours}" for ours in source.columns)
    reasons = ", ".join(f"'{reason}'" for reason in REASONS | REASONS_OF_DEALS)
    unnamed = ", ".join(f"'{reason}'" for reason in UNNAMED)
    is_lost, is_several = "false", "false"
    if source.crm:
        is_lost, is_several = deals.is_lost(source.crm), deals.names_several()
    source.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lines AS
        WITH stripped AS (
            SELECT line, fingerprint, nfc_normalize(raw.customer_id) AS id, raw.date AS date_text,
                   {amount_text} AS amount_text, {stripped}
            FROM raw
        ), typed AS (
            SELECT *, {_number("quantity", "DECIMAL(18, 6)")} AS quantity_number,
                   {money} AS money, nfc_normalize(lower(customer_id)) AS known_as,
                   CASE WHEN regexp_full_match(date, '{_DAY}{_TIME}')
                        THEN try_cast(date[1:10] AS DATE) END AS day,
                   try_cast(date AS TIMESTAMP) AS instant,
                   coalesce(money < 0 OR quantity_number < 0, false) AS is_return,
                   CASE WHEN known_as IN ({missing}) THEN 'missing_customer'
                        WHEN {header} THEN 'repeated_header'
                        WHEN {_begins_with("known_as", TOTALS)} THEN 'total_row'
                        WHEN {is_several} THEN 'several_customers'
                        WHEN {_begins_with("known_as", COLLECTIVE)}
                        OR known_as = '{_COLLECTIVE_ALONE}'
                        THEN 'collective_customer' END AS nobody,
                   CASE WHEN money IS NULL THEN 'amount_not_a_number'
                        WHEN quantity_number < 0 AND money > 0 THEN 'signs_differ'
                        WHEN day < $first_day::DATE THEN 'before_first' END AS broken
            FROM stripped LEFT JOIN left_out ON id_key = {_id_key("customer_id")}
        )
        SELECT line, fingerprint, day, money, is_return,
               CASE WHEN nobody IS NULL THEN id END AS customer_id,
               CASE WHEN lower(order_id) NOT IN ({missing}) THEN order_id END AS order_id,
               CASE WHEN lower(product_id) NOT IN ({missing}) THEN product_id END AS product_id,
               -- A purchase without a time of day starts its day, a return without one ends it.
               CASE WHEN is_return AND instant = day
                    THEN instant + to_microseconds(86399999999)
                    ELSE instant END AS moment,
               CASE WHEN {is_lost} AND left_out_as IS NULL
                    AND coalesce(nobody NOT IN ('repeated_header', 'total_row'), true)
                    THEN 'not_won'
                    WHEN day > $as_of::DATE THEN 'after_as_of'
                    WHEN nobody IS NOT NULL THEN nobody
                    ELSE coalesce(left_out_as, broken) END::ENUM({reasons}) AS reason,
               reason IS NULL AS usable,
               coalesce(reason IN ({unnamed}) AND left_out_as IS NULL AND broken IS NULL
                        AND day IS NOT NULL, false) AS is_unnamed,
               CASE WHEN reason = 'amount_not_a_number' THEN amount_text END AS amount_text,
               CASE WHEN day IS NULL THEN date_text END AS date_text{detailed}
        FROM typed
        """,
        {
            **source.columns,
            "first_day": FIRST_DAY.date(),
            "as_of": None if as_of is None else as_of.date(),
        },
    )


def _store_left_out(
    connection: duckdb.DuckDBPyConnection, left_out: Mapping[str, Collection[str]]
) -> None:
    """Make the table of ids that are left out; of two reasons the first counts."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE left_out (id_key VARCHAR, left_out_as VARCHAR)"
    )
    for reason, ids in left_out.items():
        if len(ids) == 0:
            continue
        listed = pd.DataFrame({"id": pd.Series(sorted(ids), dtype="str")})
        connection.register("listed", listed)
        connection.execute(
            f"""
            INSERT INTO left_out SELECT DISTINCT {_id_key(_strip("id"))}, '{reason}' FROM listed
            WHERE {_id_key(_strip("id"))} NOT IN (SELECT id_key FROM left_out)
            """
        )
        connection.unregister("listed")


def _begins_with(column: str, words: Collection[str]) -> str:
    """Write the SQL of a text that is one of some words, or begins with one as a whole word."""
    return f"regexp_matches({column}, '^({'|'.join(words)})($|[^a-zäöüß])')"


def _id_key(column: str) -> str:
    return f"regexp_replace(nfc_normalize({column}), '^([0-9]+)[.]0$', '\\1')"


def _strip(column: str) -> str:
    return f"regexp_replace({column}, '^{_BLANK}+|{_BLANK}+$', '', 'g')"


def _number(column: str, kind: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({column}, '{_NUMBER}') THEN try_cast({column} AS {kind}) END"
    )


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
    n_offset, n_no_day = _row(
        connection,
        f"""
        SELECT count(*) FILTER (regexp_full_match({_strip("date_text")}, '{_DAY}{_TIME}{_OFFSET}')),
               count(*) FILTER (regexp_full_match({_strip("date_text")}, '{_DAY}{_TIME}'))
        FROM lines WHERE usable AND day IS NULL
        """,
    )
    where = ", ".join(f"line {line}: {_shown(text)}" for line, text in bad)
    if n_offset == n_bad:
        raise DataError(
            f"{n_bad} of {n} dates in {label} have a time zone offset, the first: {where}. "
            "Write the shop's local time without an offset, so that it is clear which day counts."
        )
    if n_no_day == n_bad:
        raise DataError(
            f"{n_bad} of {n} dates in {label} are no days of the calendar, the first: {where}. "
            "Write every date as YYYY-MM-DD."
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
            'writes purchases with a minus: then say dialect={"returns_sign": "+"}.'
        )


def _currency(source: Source) -> str:
    """Take the one currency of the usable lines; a line without one says nothing."""
    if "currency" not in source.relation.columns:
        return ""
    missing = ", ".join(f"'{text}'" for text in MISSING)
    found = source.connection.execute(
        f"""
        SELECT upper({_strip("currency")}) AS code, count(*) AS n
        FROM raw JOIN lines USING (line)
        WHERE usable AND lower({_strip("currency")}) NOT IN ({missing})
        GROUP BY code ORDER BY n DESC, code
        """
    ).fetchall()
    if len(found) > 1:
        listed = ", ".join(f"{code} in {n} lines" for code, n in found)
        raise DataError(
            f"{source.label} holds {len(found)} currencies: {listed}. "
            "Export one of them at a time, or convert the amounts first."
        )
    return found[0][0] if found else ""


def _leave_out_other_money(source: Source, currency: str) -> None:
    """Keep lines without a customer out of the baskets where they are in another currency."""
    missing = ", ".join(f"'{text}'" for text in MISSING)
    source.connection.execute(
        f"""
        UPDATE lines SET is_unnamed = false FROM raw
        WHERE lines.line = raw.line AND is_unnamed
        AND lower({_strip("currency")}) NOT IN ({missing}, lower($currency))
        """,
        {"currency": currency},
    )


def _find_duplicates(connection: duckdb.DuckDBPyConnection, *, always: bool) -> None:
    """Find the lines that repeat an earlier one, and drop them where they are to be dropped."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT fingerprint, min(line) AS first_line, count(*) - 1 AS n_repeats,
               bool_and(usable) AS usable
        FROM lines GROUP BY fingerprint HAVING count(*) > 1
        """
    )
    # A product bought twice gives two equal lines of one order, and both are genuine. Only where
    # different purchases never share an order is an equal line the same order once more.
    (whole_orders,) = _row(
        connection,
        """
        SELECT coalesce(bool_and(low = high), true)
        FROM (SELECT min(fingerprint) AS low, max(fingerprint) AS high FROM lines
              WHERE usable AND order_id IS NOT NULL AND NOT is_return GROUP BY order_id)
        """,
    )
    if always or whole_orders:
        connection.execute(
            """
            UPDATE lines SET is_unnamed = false,
                   reason = CASE WHEN lines.usable THEN 'duplicate' ELSE reason END
            FROM repeated
            WHERE lines.fingerprint = repeated.fingerprint AND (lines.usable OR is_unnamed)
            AND line > first_line AND ($always OR order_id IS NOT NULL)
            """,
            {"always": always},
        )


def _balance(
    connection: duckdb.DuckDBPyConnection, *, are_deals: bool
) -> tuple[pd.DataFrame, list[_Loss]]:
    """Add up the lines by reason; and what is lost of the rows and of the money without sign."""
    rows = connection.execute(
        """
        SELECT coalesce(reason, 'kept'), count(*), coalesce(sum(due), 0),
               coalesce(sum(abs(money)), 0), count(DISTINCT customer_id), min(line, $shown)
        FROM judged GROUP BY ALL
        UNION ALL
        SELECT 'read', count(*), coalesce(sum(money), 0),
               coalesce(sum(abs(money)), 0), count(DISTINCT customer_id), []
        FROM lines
        """,
        {"shown": SHOWN_LINES},
    ).fetchall()
    of_deals = REASONS_OF_DEALS if are_deals else {}
    labels = {"read": "gelesen", **of_deals, **REASONS, "kept": "behalten"}
    found = dict.fromkeys(labels, (0, 0, 0, 0, [])) | {reason: tuple(row) for reason, *row in rows}
    n_read = found["read"][0]
    shown = {"amount_not_a_number": _bad_amounts(connection)}
    shown |= {"not_won": deals.lost_as(connection)} if are_deals else {}
    balance = pd.DataFrame(
        [
            {
                "reason": reason,
                "label": labels[reason],
                "n_rows": n_rows,
                "share": n_rows / n_read,
                "kind": _kind(reason),
                "amount": float(money),
                "customers": customers,
                "first_lines": ", ".join(map(str, lines)) if _may_show(reason) else "",
                "values": shown.get(reason, ""),
            }
            for reason, (n_rows, money, _, customers, lines) in found.items()
        ]
    )
    losses = [
        _loss({reason: row[0] for reason, row in found.items()}, of=f"{n_read} rows"),
        _loss({reason: row[2] for reason, row in found.items()}, of=f"the money of {n_read} rows"),
    ]
    return balance, losses


def _kind(reason: str) -> str:
    if reason in ("read", "kept"):
        return ""
    return "left_out" if reason in _LEFT_OUT else "lost" if reason in _LOST else "settled"


def _may_show(reason: str) -> bool:
    """Say whether a report may point at the lines: at those of people left out it must not."""
    return reason not in ("read", "kept", "erased", "objected")


def _loss(sizes: dict[str, Any], *, of: str) -> _Loss:
    """Take the share that was lost; what is left out does not count at all."""
    total = sizes["read"] - sum(sizes.get(reason, 0) for reason in _LEFT_OUT)
    sizes = {reason: sizes.get(reason, 0) for reason in _LOST}
    lost = {reason: float(size / total) if total else 0.0 for reason, size in sizes.items()}
    worst = max(lost, key=lambda reason: lost[reason])
    share = float(sum(sizes.values()) / total) if total else 0.0
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
                f"{loss.worst_share:.1%} {_LOST[loss.worst]}. "
                "Look at `balance`, then raise max_loss if that is right.",
                balance=balance,
            )


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    return connection.execute(query).fetchall()[0]


def _shown(text: str) -> str:
    """Quote a value of the source, cut to what a message can hold."""
    return repr(text if len(text) <= 30 else text[:30] + "…")
