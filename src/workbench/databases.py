"""A table or a SELECT of a SQL database to one DuckDB table of cells, in an order of its own."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import duckdb
import sqlalchemy
from sqlalchemy.engine import URL, Connection, make_url

from workbench import textfiles, typed_cells
from workbench.schema import DataError, ParameterError

BACKENDS = ("postgresql", "sqlite", "duckdb")
CONNECT_SECONDS = 10
SHOWN_TABLES = 20

_SELECT = re.compile(r"(?:--[^\n]*\n|/\*.*?\*/|\s)*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
_BATCH = 10_000
_NUMBER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT")
_NUMBER_TYPES += ("UINTEGER", "UBIGINT", "UHUGEINT", "DECIMAL", "FLOAT", "DOUBLE")


class Result(NamedTuple):
    """What a query gave.

    Attributes
    ----------
    found : tuple of str
        Names of the columns.
    columns : tuple of Column
        What they hold.
    sha256 : str
        Of the names and of the texts of all cells, whatever the order of the rows.
    name, label : str
        For a folder, and for a reader: without user and password.
    """

    found: tuple[str, ...]
    columns: tuple[typed_cells.Column, ...]
    sha256: str
    name: str
    label: str


def check_address(x: str) -> URL:
    """Check the address of a database; no message repeats it, since it may hold a password.

    Parameters
    ----------
    x : str
        ``postgresql://user@host/database``, ``sqlite:///file.db`` or
        ``duckdb:///file.duckdb``.

    Returns
    -------
    URL

    Raises
    ------
    DataError
        If it cannot be read, is of another database, or holds a password.
    """
    try:
        url = make_url(x)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        url = None
    if url is None:
        raise DataError(
            "the address of the database cannot be read. Write it like "
            "postgresql://user@host:5432/database or sqlite:///file.db."
        )
    backend = url.drivername
    if backend not in (*BACKENDS, "postgresql+psycopg"):
        raise DataError(
            f"the address begins with {backend}://; what can be read begins with "
            f"{', '.join(f'{name}://' for name in BACKENDS)}."
        )
    if url.password is not None or any("password" in key.lower() for key in url.query):
        raise DataError(
            "the address of the database holds a password, which would be saved with every run. "
            "Take it out, and put it into the environment variable PGPASSWORD or the file "
            "~/.pgpass."
        )
    if backend in ("sqlite", "duckdb") and (not url.database or url.host):
        raise DataError(
            f"the address names no file. Write {backend}:///file.db, or four slashes before the "
            "full path."
        )
    return url


def fetch(connection: duckdb.DuckDBPyConnection, x: str, *, query: str) -> Result:
    """Store what a table holds, or a SELECT gives, as the table `cells`.

    The database is only read, in one transaction, and never held in memory.
    Rows of a database have no order; here they are in that of their texts, and
    `line` counts them, so that the same rows give the same lines.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is made.
    x : str
        The address, as in `check_address`. A password comes from PGPASSWORD or
        ~/.pgpass.
    query : str
        The name of a table or view, also with its schema, ``sales.orders``; or
        one SELECT. A name is taken as it stands: upper and lower case differ.

    Raises
    ------
    DataError
        If the address is refused, the database cannot be reached or refuses,
        the table does not exist, or two columns have one name.
    ParameterError
        If `query` is more than one statement.
    """
    url = check_address(x)
    statement = query.strip().rstrip(";").rstrip()
    if ";" in statement:
        raise ParameterError(
            "query holds a ';' before its end. Write one SELECT without it, or make it a view."
        )
    file = Path(url.database or "") if url.drivername in ("sqlite", "duckdb") else None
    if file and not file.is_file():
        raise DataError(f"{file} does not exist, seen from the working directory {Path.cwd()}.")
    host = url.host or url.normalized_query.get("host", ("localhost",))[0]
    place = file.name if file else f"{host}/{url.database or ''}"
    read = _fetch_native if url.drivername == "duckdb" else _fetch_streaming
    found, columns = read(connection, url, statement, place)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise DataError(
            f"the query on {place} gives more than one column called {twice}. Rename them with AS."
        )
    is_select = _SELECT.match(statement) is not None
    stem = file.stem if file else url.database or ""
    return Result(
        found,
        columns,
        _sorted_and_hashed(connection, found),
        f"{stem}_{'abfrage' if is_select else statement}",
        f"{place}: {'Abfrage' if is_select else statement}",
    )


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Turn what a driver says into a refusal; what it was told stays out of the message."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        cause = str(error.orig)
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = str(error)
    except duckdb.Error as error:
        cause = textfiles.cause(error)
    else:
        return
    cause = " ".join(cause.split())[:300].rstrip(".")
    raise DataError(f"{place} cannot be read: {cause}. Check the address and the query.") from None


def _fetch_streaming(
    connection: duckdb.DuckDBPyConnection, url: URL, statement: str, place: str
) -> tuple[tuple[str, ...], tuple[typed_cells.Column, ...]]:
    """Read a batch at a time through SQLAlchemy."""
    options: dict[str, object] = {"stream_results": True, "no_parameters": True}
    if url.drivername == "sqlite":
        query = {"mode": "ro", "uri": "true"}
        address = URL.create("sqlite", database=f"file:{quote(url.database)}", query=query)
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    else:
        engine = sqlalchemy.create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=sqlalchemy.NullPool,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _reading(place), engine.connect() as database:
        database = database.execution_options(**options)
        if url.drivername != "sqlite":
            database.exec_driver_sql(
                "SET TIME ZONE 'UTC'", execution_options={"stream_results": False}
            )
        select = _select(
            statement,
            place,
            tables=lambda schema: _tables(database, schema),
            quoted=database.dialect.identifier_preparer.quote_identifier,
        )
        result = database.exec_driver_sql(select, execution_options={"yield_per": _BATCH})
        found = tuple(result.keys())
        return found, typed_cells.fill(connection, enumerate(result, 1), found=found)


def _fetch_native(
    connection: duckdb.DuckDBPyConnection, url: URL, statement: str, place: str
) -> tuple[tuple[str, ...], tuple[typed_cells.Column, ...]]:
    """Read a DuckDB file with DuckDB itself: there is nothing between the two to keep."""
    with _reading(place):
        path = textfiles.quoted(str(url.database))
        connection.execute(f"ATTACH {path} AS attached (READ_ONLY)")
        try:
            connection.execute("USE attached")
            select = _select(
                statement,
                place,
                tables=lambda schema: _native_tables(connection, schema),
                quoted=lambda name: '"' + name.replace('"', '""') + '"',
            )
            connection.execute(f"CREATE TABLE memory.main.fetched AS {select}")
            described = connection.execute(f"DESCRIBE {select}").fetchall()
        finally:
            connection.execute("USE memory")
            connection.execute("DETACH attached")
        found = tuple(name for name, *_ in described)
        names = [f"c{i}" for i in range(len(found))]
        texts = [
            typed_cells.bytes_text(name) if kind == "BLOB" else f"{name}::VARCHAR"
            for name, (_, kind, *_) in zip(names, described, strict=True)
        ]
        connection.execute(
            f"""
            CREATE TABLE cells AS
            SELECT 0::BIGINT AS line,
                   {", ".join(f"{text} AS {name}" for name, text in zip(names, texts, strict=True))}
            FROM fetched AS native({", ".join(names)})
            """
        )
        kinds = [kind for _, kind, *_ in described]
        broken = [
            f"count(*) FILTER ({name} IS NOT NULL AND try(decode({name})) IS NULL) > 0"
            if kind == "BLOB"
            else "false"
            for name, kind in zip(names, kinds, strict=True)
        ]
        n, *has_broken = connection.execute(
            f"SELECT count(*), {', '.join(broken)} FROM fetched AS native({', '.join(names)})"
        ).fetchall()[0]
        connection.execute("DROP TABLE fetched")
    return found, tuple(map(_column, kinds, has_broken, [n] * len(kinds)))


def _column(kind: str, is_broken: bool, n: int) -> typed_cells.Column:
    is_number, is_day = kind.startswith(_NUMBER_TYPES), kind.startswith(("DATE", "TIMESTAMP"))
    return typed_cells.Column(
        n_numbers=n * is_number,
        n_floats=n * (kind in ("FLOAT", "DOUBLE")),
        n_days=n * is_day,
        n_instants=n * (kind == "TIMESTAMP WITH TIME ZONE"),
        is_broken=is_broken,
    )


def _select(
    statement: str,
    place: str,
    *,
    tables: Callable[[str | None], Iterable[str]],
    quoted: Callable[[str], str],
) -> str:
    """Take a SELECT as it stands, or write the one of a table that is there."""
    if _SELECT.match(statement):
        return statement
    schema, _, table = statement.rpartition(".")
    for said, name in ((None, statement), (schema or None, table)):
        if name and name in tables(said):
            return f"SELECT * FROM {quoted(said) + '.' if said else ''}{quoted(name)}"
    there = sorted(tables(None))
    near = difflib.get_close_matches(statement, there, n=1)
    listed = ", ".join(there[:SHOWN_TABLES]) + ", …" * (len(there) > SHOWN_TABLES)
    raise DataError(
        f"query={statement[:100]!r} is neither a SELECT nor a table of {place}, which has "
        f"{listed or 'none'}. Say one of them{f', like query={near[0]!r}' if near else ''}; "
        "upper and lower case differ."
    )


def _tables(database: Connection, schema: str | None) -> list[str]:
    inspector = sqlalchemy.inspect(database)
    names = inspector.get_table_names(schema=schema) + inspector.get_view_names(schema=schema)
    if database.dialect.name == "postgresql":
        names += inspector.get_materialized_view_names(schema=schema)
    return names


def _native_tables(connection: duckdb.DuckDBPyConnection, schema: str | None) -> list[str]:
    rows = connection.execute(
        """
        SELECT table_name FROM information_schema.tables
        WHERE table_catalog = 'attached' AND table_schema = ?
        """,
        [schema or "main"],
    ).fetchall()
    return [name for (name,) in rows]


def _sorted_and_hashed(connection: duckdb.DuckDBPyConnection, found: tuple[str, ...]) -> str:
    """Give the rows lines in the order of their texts, and hash them in it."""
    names = ", ".join(f"c{i}" for i in range(len(found)))
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE cells AS
        SELECT row_number() OVER (ORDER BY {names}) AS line, {names} FROM cells ORDER BY line
        """
    )
    digest = hashlib.sha256(json.dumps(found).encode())
    rows = connection.execute(f"SELECT to_json([{names}])::VARCHAR FROM cells ORDER BY line")
    while batch := rows.fetchmany(_BATCH):
        for (row,) in batch:
            digest.update(b"\n" + row.encode())
    return digest.hexdigest()
