"""Deals of a CRM: which lines of its export are purchases, in SQL, or a refusal.

Only a deal that was won is a purchase; its customer is one customer; and it stands in one line.
"""

from __future__ import annotations

import duckdb

from workbench import crm_columns
from workbench.crm_columns import Crm
from workbench.schema import DataError

SHOWN_VALUES = 10
_SHOWN_CHARACTERS = 30


def is_lost(crm: Crm) -> str:
    """Write the SQL of a line whose column `won` does not say that the deal was won.

    HubSpot may put the pipeline in brackets behind the stage.
    """
    words = ", ".join(f"'{word}'" for word in crm_columns.WON_WORDS[crm.name])
    return f"lower(regexp_replace(won, '[ ]*[(].*[)]$', '')) NOT IN ({words})"


def names_several() -> str:
    """Write the SQL of a line whose customer is a list of ids."""
    return f"regexp_full_match(customer_id, '{crm_columns.SEVERAL}')"


def check(connection: duckdb.DuckDBPyConnection, crm: Crm, *, header: str, label: str) -> None:
    """Refuse deals of which none is won, or not known which, and those of several lines.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds `raw`, the plain texts, and `lines`, what was made of them.
    crm : Crm
        Whose export it is.
    header : str
        The column that says which deals are won.
    label : str
        What a user knows the export by.

    Raises
    ------
    DataError
        If no deal is won, a status may mean won but is none of the CRM's, or a
        deal that was won stands in lines that differ.
    """
    flag = "as the CRM writes it" if crm.name == "pipedrive" else "with true or false"
    hint = f"Export the column that says which deals are won, {flag}."
    n_lost, n = _row(
        connection,
        f"SELECT count(*) FILTER ({is_lost(crm)}), count(*) FROM lines JOIN raw USING (line)",
    )
    if n_lost == n:
        words = ", ".join(map(repr, crm_columns.WON_WORDS[crm.name]))
        raise DataError(
            f"none of {n} deals in {label} is won: {header!r} holds {lost_as(connection)}, and "
            f"won is one of {words}. {hint}"
        )
    doubtful = connection.execute(
        """
        SELECT won, count(*) AS n FROM lines JOIN raw USING (line)
        WHERE reason = 'not_won' AND regexp_matches(lower(won), '\\b(won|gewonnen)\\b')
        AND NOT regexp_matches(lower(won), '\\b(not|nicht|never|nie)\\b')
        GROUP BY won ORDER BY n DESC, won LIMIT 1
        """
    ).fetchall()
    for status, n_such in doubtful:
        raise DataError(
            f"{n_such} of {n} deals in {label} have {_shown(status)} in {header!r}, and whether "
            f"that is won is not known. {hint}"
        )
    n_split, line = _row(
        connection,
        """
        SELECT count(*), min(line) FROM (
            SELECT max(line) AS line FROM lines WHERE usable AND order_id IS NOT NULL
            GROUP BY order_id HAVING count(DISTINCT fingerprint) > 1)
        """,
    )
    if n_split:
        raise DataError(
            f"{n_split} deals in {label} stand in several lines that differ, the first in line "
            f"{line}: their amounts would count several times. Export one line for each deal, "
            "without its products."
        )


def lost_as(connection: duckdb.DuckDBPyConnection) -> str:
    """Quote what stands where a deal was not won, the most frequent first."""
    rows = connection.execute(
        """
        SELECT won, count(*) AS n FROM lines JOIN raw USING (line)
        WHERE reason = 'not_won' GROUP BY won ORDER BY n DESC, won LIMIT ?
        """,
        [SHOWN_VALUES],
    ).fetchall()
    return ", ".join(_shown(status) for status, _ in rows)


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    return connection.execute(query).fetchall()[0]


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
