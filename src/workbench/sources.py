"""A raw export or an embedded data set to one relation of plain text, a row for each line."""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from workbench import (
    column_names,
    datasets,
    dialects,
    engines,
    jsonfiles,
    parquetfiles,
    return_marks,
    textfiles,
    typed_cells,
)
from workbench.column_names import FACTORS, Chosen, Names
from workbench.crm_columns import Crm
from workbench.dialects import Dialect, Fact
from workbench.schema import TRANSACTIONS, DataError, ParameterError, TableForm

TEXT_SUFFIXES = textfiles.TABLE_SUFFIXES + textfiles.JSON_SUFFIXES
PACKED_SUFFIXES = tuple(f"{suffix}{textfiles.PACKED_SUFFIX}" for suffix in TEXT_SUFFIXES)
WORKBOOK_SUFFIXES = (".xlsx",)
SUFFIXES = (*TEXT_SUFFIXES, *PACKED_SUFFIXES, ".parquet", *WORKBOOK_SUFFIXES)
DATASET_PREFIX = datasets.PREFIX
# DuckDB keeps so much in memory and the rest in a temporary file.
MEMORY_LIMIT = "2GB"

# An address of a database that is not written as one: its password must not stand in a message.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", flags=re.IGNORECASE)
_MAY_HOLD_PASSWORD = re.compile(
    r"://[^\s/]*@|[\w.+-]:[^/\\\s]+@|(?:password|passwd|pwd)\s*=", flags=re.IGNORECASE
)


class Source(NamedTuple):
    """The raw lines of one export, as plain text, and where they come from.

    Attributes
    ----------
    relation : DuckDBPyRelation
        One row per line, all text, '' where there is nothing: what the source
        has of the form's columns, days as ISO, numbers with a decimal point
        (of transactions, `amount` or both of `FACTORS`); `line` (in a text file as an
        editor counts, in Excel as the sheet does, in Parquet the first row is 1, in
        a database in the order of the texts); and `fingerprint`, which
        two lines share exactly when all their columns are the same, also
        those that were not asked for. What is no day or no number stays as it stands in the source.
    connection : DuckDBPyConnection
        Where the relation lives.
    name : str
        Short, fit for a folder.
    label : str
        What a reader knows it by.
    currency : str
        ISO 4217 code; '' if the source does not say.
    embedded : bool
        A public data set, not the user's own.
    n_rows : int
        Lines without the header.
    sha256 : str
        Of the file's bytes; of a folder, of its files' hashes and names; of a
        database, as in `databases.Result`.
    columns_found : tuple of str
        The source's own column names.
    columns : dict
        Our names to the source's; without `amount` where `FACTORS` stand for it.
    dialect : Dialect
        How the source writes what it holds.
    facts : tuple of Fact
        What its user should know of the reading.
    crm : Crm or None
        The CRM whose export it is, and how that names the customer.
    """

    relation: duckdb.DuckDBPyRelation
    connection: duckdb.DuckDBPyConnection
    name: str
    label: str
    currency: str
    embedded: bool
    n_rows: int
    sha256: str
    columns_found: tuple[str, ...]
    columns: dict[str, str]
    dialect: Dialect
    facts: tuple[Fact, ...]
    crm: Crm | None = None


class _Raw(NamedTuple):
    """What is known of `raw_lines` once it is stored; `name` will be made fit for a folder."""

    n_rows: int
    sha256: str
    found: tuple[str, ...]
    chosen: Chosen
    name: str
    label: str
    typed: frozenset[str] = frozenset()
    instants: bool = False
    parts: Mapping[str, str] = {}
    facts: tuple[Fact, ...] = ()
    marks: Mapping[str, str] = {}


def is_address(x: object) -> bool:
    """Tell an address of a database from the path of a file.

    Examples
    --------
    >>> is_address("sqlite:///shop.db"), is_address("orders.csv")
    (True, False)
    """
    return isinstance(x, str) and _ADDRESS.match(x) is not None


def read(
    x: str | Path,
    *,
    columns: Mapping[str, str] | str | Crm,
    query: str = "",
    dialect: Mapping[str, str] | None = None,
    form: TableForm = TRANSACTIONS,
) -> Source:
    """Read a table from outside, numbers and days as plain text.

    How numbers and days are written is found over whole columns, never line by
    line, and stated in `facts`. `transactions.clean` decides what is done with
    text that is no number, no day or no customer.

    Parameters
    ----------
    x : str or Path
        A file ending in ``.csv``, ``.tsv`` or ``.txt`` (header line, delimited
        by comma, semicolon, tab or bar) or in ``.jsonl`` or ``.ndjson`` (an
        object on each line), all of them also with ``.gz``; a ``.parquet``
        file or a folder of them; an ``.xlsx`` workbook; ``dataset:NAME`` for an
        embedded data set; or the address of a database, as in
        `databases.check_address`.
    columns : mapping, str or Crm
        Our names, those of `form`, to the source's, or a preset, as in
        `column_names.names`. A name that is not mapped stands for itself. Without
        an amount, that of a transaction is ``quantity`` times ``unit_price``.
    query : str
        Of a database, the name of a table or one SELECT, as in
        `databases.fetch`; of a workbook, the name of its sheet, if there are
        several.
    dialect : mapping, optional
        What is not to be found but given, as in `dialects.check_settings`.
    form : TableForm
        Which columns the table may have. Transactions without a row are
        refused; any other table may be empty.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        If the source does not exist, is empty, cannot be read, lacks a column,
        or can be read in two ways.
    ParameterError
        If `columns` has a key that is not ours, or names no preset; if
        `dialect` has an unknown part or one that does not apply; or if `query`
        does not apply or is no single SELECT.
    """
    names = column_names.names(columns, form)
    given = dialects.check_settings(dialect)
    if isinstance(x, str) and x.startswith(DATASET_PREFIX):
        return _dataset(x, names, query, given)
    if is_address(x):
        _check_applies(("encoding", "delimiter"), given, label="a database")
        connection = _connect()
        return _source(connection, _read_database(connection, x, names, query), names.form, given)
    if _MAY_HOLD_PASSWORD.search(str(x)):
        raise DataError(
            "what is to be read looks like the address of a database and not like a file; it is "
            "not repeated here, as it may hold a password. Write it like "
            "postgresql://user@host:5432/database, without blanks around it."
        )
    path = Path(x)
    kind = _kind(path)
    if query and kind != "workbook":
        raise ParameterError(f"query={query!r} does not apply to {path.name}. Leave it empty.")
    parts = {"json": ("delimiter",), "table": ()}.get(kind, ("encoding", "delimiter"))
    _check_applies(parts, given, label=path.name)
    connection = _connect()
    try:
        if kind == "workbook":
            raw = _read_workbook(connection, path, names, query, given)
        else:
            raw = _read_file(connection, path, kind, names, given)
        return _source(connection, raw, names.form, given)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _check_applies(parts: tuple[str, ...], given: Mapping[str, str], *, label: str) -> None:
    for key in parts:
        if key in given:
            raise ParameterError(
                f"dialect has a {key}, which does not apply to {label}. Leave it out."
            )


def _dataset(x: str, names: Names, query: str, given: Mapping[str, str]) -> Source:
    """Read the transactions of an embedded data set."""
    dataset = datasets.find(x.removeprefix(DATASET_PREFIX))
    columns = names.crm.name if names.crm else names.theirs
    for parameter, value in (("columns", columns), ("query", query), ("dialect", dict(given))):
        if value:
            raise ParameterError(
                f"{parameter}={value!r} does not apply to {x}, "
                "whose columns are known already. Leave it out."
            )
    if names.form.name != TRANSACTIONS.name:
        raise DataError(f"{x} is a table of transactions, and not of {names.form.name}.")
    connection = _connect()
    if dataset.scan:
        n_rows = textfiles.store(
            connection,
            dataset.scan,
            list(dataset.parameters),
            texts=dataset.texts,
            ids=TRANSACTIONS.ids,
            cells=dataset.cells,
            first_line=dataset.first_line,
            line=dataset.line,
        )
        raw = _Raw(
            n_rows,
            textfiles.sha256(dataset.path),
            dataset.found,
            Chosen(dict(dataset.chosen)),
            dataset.name,
            dataset.path.name,
            typed=dataset.typed,
        )
    else:
        preset = column_names.names(dataset.preset, TRANSACTIONS)
        raw = _read_file(connection, dataset.path, "table", preset, given)
    source = _source(connection, raw, TRANSACTIONS, given)
    return source._replace(
        name=dataset.name, label=dataset.label, currency=dataset.currency, embedded=True
    )


def _kind(path: Path) -> str:
    """Tell what a path holds by its ending, or refuse it."""
    if not path.exists():
        raise DataError(
            f"{path} does not exist, seen from the working directory {Path.cwd()}. Check the path."
        )
    if path.is_dir():
        return "folder"
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise DataError(
            f"{path} ends in {path.suffix!r}; what can be read ends in {', '.join(SUFFIXES)}. "
            "Export it as CSV in UTF-8."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: it has 0 bytes. Export it again.")
    if name.endswith(".parquet"):
        return "parquet"
    if name.endswith(WORKBOOK_SUFFIXES):
        return "workbook"
    plain = name.removesuffix(textfiles.PACKED_SUFFIX)
    return "json" if plain.endswith(textfiles.JSON_SUFFIXES) else "table"


def _read_file(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    kind: str,
    names: Names,
    given: Mapping[str, str],
) -> _Raw:
    read_raw = {"json": _read_json, "table": _read_table}.get(kind, _read_parquet)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        return read_raw(connection, path, names, given, Path(folder))


def _read_table(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    names: Names,
    given: Mapping[str, str],
    folder: Path,
) -> _Raw:
    file = textfiles.prepare(path, folder=folder, encoding=given.get("encoding", ""))
    layout = textfiles.layout(
        file, delimiter=given.get("delimiter", ""), n_needed=len(names.form.needed)
    )
    chosen = column_names.choose(layout.found, names, label=path.name)
    marks = _marks(layout.found, chosen.columns, names.form)
    n_rows = textfiles.load_table(
        connection, file, layout, chosen=chosen.columns | marks, ids=names.form.ids
    )
    return _Raw(
        n_rows,
        textfiles.sha256(path),
        layout.found,
        chosen,
        _stem(path),
        path.name,
        parts={"encoding": file.encoding, "delimiter": layout.delimiter},
        marks=marks,
    )


def _read_json(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    names: Names,
    given: Mapping[str, str],
    folder: Path,
) -> _Raw:
    file = textfiles.prepare(path, folder=folder, encoding=given.get("encoding", ""))
    keys = jsonfiles.keys(connection, file)
    chosen = column_names.choose(keys.found, names, label=path.name)
    marks = _marks(keys.found, chosen.columns, names.form)
    n_rows = jsonfiles.load(
        connection, file, keys, chosen=chosen.columns | marks, ids=names.form.ids
    )
    # A day or an id may be a number in JSON, and still need a format or be a float.
    typed = {
        ours
        for ours, theirs in chosen.columns.items()
        if theirs in keys.numbers and ours in names.form.numbers
    }
    return _Raw(
        n_rows,
        textfiles.sha256(path),
        keys.found,
        chosen,
        _stem(path),
        path.name,
        typed=frozenset(typed),
        parts={"encoding": file.encoding},
        marks=marks,
    )


def _read_parquet(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    names: Names,
    given: Mapping[str, str],
    folder: Path,
) -> _Raw:
    layout = parquetfiles.layout(connection, path)
    found = tuple(layout.types)
    chosen = column_names.choose(found, names, label=path.name)
    marks = _marks(found, chosen.columns, names.form)
    loaded = parquetfiles.load(connection, layout, chosen=chosen.columns | marks, form=names.form)
    return _Raw(
        loaded.n_rows,
        parquetfiles.sha256(path, layout),
        found,
        chosen,
        _stem(path),
        path.name,
        typed=loaded.typed,
        instants=loaded.instants,
        marks=marks,
    )


def _read_workbook(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    names: Names,
    query: str,
    given: Mapping[str, str],
) -> _Raw:
    from workbench import workbooks  # openpyxl, which few need, takes a while to import

    sheet = workbooks.layout(
        path,
        sheet=query,
        wanted=names.headers,
        n_needed=len(names.form.needed),
    )
    chosen = column_names.choose(sheet.found, names, label=path.name)
    marks = _marks(sheet.found, chosen.columns, names.form)
    loaded, facts = workbooks.load(
        connection,
        sheet,
        chosen=chosen.columns | marks,
        form=names.form,
        date_format=given.get("date_format", ""),
    )
    return _Raw(
        loaded.n_rows,
        textfiles.sha256(path),
        sheet.found,
        chosen,
        f"{_stem(path)}_{query}" if query else _stem(path),
        f"{path.name}: {query}" if query else path.name,
        typed=loaded.typed,
        facts=facts,
        marks=marks,
    )


def _read_database(connection: duckdb.DuckDBPyConnection, x: str, names: Names, query: str) -> _Raw:
    from workbench import databases  # SQLAlchemy, which few need, takes a while to import

    result = databases.fetch(connection, x, query=query)
    chosen = column_names.choose(result.found, names, label=result.label)
    marks = _marks(result.found, chosen.columns, names.form)
    loaded = typed_cells.load(
        connection,
        found=result.found,
        columns=result.columns,
        chosen=chosen.columns | marks,
        form=names.form,
        label=result.label,
    )
    return _Raw(
        loaded.n_rows,
        result.sha256,
        result.found,
        chosen,
        result.name,
        result.label,
        typed=loaded.typed,
        instants=loaded.instants,
        marks=marks,
    )


def _connect() -> duckdb.DuckDBPyConnection:
    # DuckDB would spill into the working directory, where others may look, and fetch extensions
    # from the network.
    spill = tempfile.mkdtemp(prefix="workbench-")
    connection = duckdb.connect(
        config={
            "temp_directory": str(Path(spill) / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": MEMORY_LIMIT,
        }
    )
    weakref.finalize(connection, shutil.rmtree, spill, ignore_errors=True)
    connection.execute("SET TimeZone = 'UTC'")
    return engines.quiet(connection)


def _source(
    connection: duckdb.DuckDBPyConnection,
    raw: _Raw,
    form: TableForm,
    given: Mapping[str, str],
) -> Source:
    """Make the plain texts of the raw ones."""
    if raw.n_rows == 0 and form.name == TRANSACTIONS.name:
        raise DataError(f"{raw.label} has a header but no transactions. Export it again.")
    marked = return_marks.find(connection, raw.marks)
    reading = dialects.read(
        connection,
        form=form,
        names=raw.chosen.columns,
        typed=raw.typed,
        instants=raw.instants,
        file_parts=raw.parts,
        given=given,
        label=raw.label,
    )
    numbers = [name for name in ("amount", *FACTORS) if name in raw.chosen.columns]
    return_marks.check(connection, marked, numbers=numbers, label=raw.label)
    return Source(
        relation=connection.table("plain_lines"),
        connection=connection,
        name=_short_name(raw.name),
        label=raw.label,
        currency=reading.currency,
        embedded=False,
        n_rows=raw.n_rows,
        sha256=raw.sha256,
        columns_found=raw.found,
        columns=raw.chosen.columns,
        dialect=reading.dialect,
        facts=(*raw.chosen.facts, *raw.facts, *reading.facts),
        crm=raw.chosen.crm,
    )


def _stem(path: Path) -> str:
    """Take the endings that can be read from the name of a file."""
    stem = path.name
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        stem = stem[: -len(suffix)] if stem.lower().endswith(suffix) else stem
    return stem


def _short_name(stem: str) -> str:
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain)[:120].strip("_") or "source"


def _marks(found: tuple[str, ...], chosen: Mapping[str, str], form: TableForm) -> dict[str, str]:
    return return_marks.columns(found, chosen) if form.name == TRANSACTIONS.name else {}
