"""DuckDB connections that print nothing."""

from __future__ import annotations

import duckdb


def quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Let a connection draw no bar while a query takes long, and return it.

    DuckDB draws one where it takes Python for a dialogue. A notebook without
    widgets has none, and there the setting must not even be touched.
    """
    ((draws,),) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    if draws:
        connection.execute("SET enable_progress_bar = false")
    return connection
