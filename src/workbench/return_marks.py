"""A column beside the amounts that says which of them are returns, as ledgers and tills write it.

An export without a negative amount may still hold returns: a receipt of 20.00 marked H, or
Gutschrift. Read by its amounts alone it would turn every return into a purchase.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import duckdb

from workbench.schema import DataError
from workbench.textfiles import quoted

# How such a column is called, in lower case and without blanks and signs.
NAMES = (
    *("sh", "shkz", "shkennzeichen", "sollhaben", "sollhabenkennzeichen", "dc", "debitcredit"),
    *("belegart", "belegtyp", "vorgangsart", "vorgang", "buchungsart", "umsatzart", "typ", "type"),
    *("kind", "art", "sign", "vorzeichen", "documenttype", "transactiontype", "doctype"),
)
# Two values, and no other, that stand for plus and minus.
_PAIRS = ({"s", "h"}, {"d", "c"}, {"+", "-"}, {"soll", "haben"}, {"debit", "credit"})
_RETURNS = (
    *("gutschrift", "gutschriften", "rechnungskorrektur", "storno", "stornorechnung"),
    *("stornierung", "retoure", "retouren", "rückgabe", "rücksendung", "erstattung"),
    *("return", "returns", "refund", "refunds", "credit note", "credit memo", "creditnote"),
)
# Credit is a return beside an invoice, and a way to pay beside anything else.
_CREDITS = ("credit", "credits")
_SALES = ("rechnung", "verkauf", "invoice", "sale", "sales", "order", "purchase")
# What is longer is no kind of receipt.
_MAX_LENGTH = 40
_MARK = "mark_"


def columns(found: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Name the columns that are not read and may say which lines are returns.

    Examples
    --------
    >>> columns(["kunde", "Betrag", "Soll/Haben"], {"customer_id": "kunde", "amount": "Betrag"})
    {'mark_0': 'Soll/Haben'}
    """
    names = [
        name
        for name in found
        if name not in chosen.values() and re.sub(r"[\W_]+", "", name.lower()) in NAMES
    ]
    return {f"{_MARK}{i}": name for i, name in enumerate(names)}


def find(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Tell which of the columns mark returns, and what stands there.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds `raw_lines`.
    columns : mapping
        Columns of `raw_lines` to their names in the source.
    """
    found = {}
    for column, name in columns.items():
        rows = connection.execute(
            f"""
            SELECT lower(trim({column})) AS value, min(trim({column})) FROM raw_lines
            WHERE length(trim({column})) BETWEEN 1 AND {_MAX_LENGTH} AND trim({column}) <> ?
            GROUP BY value ORDER BY value LIMIT 1000
            """,
            [name],
        ).fetchall()
        values = dict(rows)
        marks = {value for value in values if value in _RETURNS}
        if not values.keys().isdisjoint(_SALES):
            marks |= {value for value in values if value in _CREDITS}
        if values.keys() in _PAIRS:
            found[name] = [values[value] for value in sorted(values)]
        elif marks and len(marks) < len(values):
            found[name] = [values[value] for value in sorted(marks)]
    return found


def check(
    connection: duckdb.DuckDBPyConnection,
    found: Mapping[str, list[str]],
    *,
    numbers: Iterable[str],
    label: str,
) -> None:
    """Refuse a source that marks its returns beside its amounts, and in none of them.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds `plain_lines`, as `dialects.read` makes it.
    found : mapping
        What `find` gave.
    numbers : iterable of str
        Columns of `plain_lines` that can have a sign.
    label : str
        What a user knows the source by.

    Raises
    ------
    DataError
        If there is such a column, and no number is negative.
    """
    if not found:
        return
    negative = " OR ".join(f"starts_with({name}, {quoted('-')})" for name in numbers)
    if connection.execute(f"SELECT 1 FROM plain_lines WHERE {negative} LIMIT 1").fetchall():
        return
    name, values = next(iter(found.items()))
    raise DataError(
        f"no amount in {label} is negative, and the column {name!r}, which is not read, holds "
        f"{', '.join(values)}: it seems to mark the returns, which would count as purchases. "
        "Write the amounts of returns with a minus, or leave the column out if it says "
        "something else."
    )
