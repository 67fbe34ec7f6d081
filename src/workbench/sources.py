"""A raw export or an embedded data set to one relation of plain text, a row for each line."""

from __future__ import annotations

import difflib
import json
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
    datasets,
    dialects,
    jsonfiles,
    parquetfiles,
    return_marks,
    textfiles,
    typed_cells,
)
from workbench.dialects import Dialect, Fact
from workbench.schema import TRANSACTIONS, DataError, ParameterError, TableForm

# What may stand for the amount of a line.
FACTORS = ("quantity", "unit_price")
# Names of columns in other languages than ours: one word stands for one column in every table.
PRESETS: dict[str, dict[str, str]] = {
    "deutsch": {
        "customer_id": "kunde_id",
        "date": "datum",
        "amount": "betrag",
        "order_id": "beleg_id",
        "product_id": "artikel",
        "category": "kategorie",
        "quantity": "menge",
        "unit_price": "einzelpreis",
        "discount": "rabatt",
        "margin": "deckungsbeitrag",
        "channel": "kanal",
        "currency": "waehrung",
        "postcode": "plz2",
        "country": "land",
        "birth_year_group": "geburtsjahr_gruppe",
        **{"age_group": "altersgruppe", "gender": "geschlecht", "occupation": "beruf"},
        **{"income_group": "einkommensgruppe", "household_size": "haushaltsgroesse"},
        "customer_type": "kundentyp",
        "first_channel": "erstkanal",
        "referred_by": "geworben_von",
        **{"programme_since": "programm_seit", "points": "punkte"},
        "status": "status",
        "source": "quelle",
        "campaign": "kampagne",
        "group": "gruppe",
        "cost": "kosten",
        "response": "reaktion",
        "nps": "nps",
        "satisfaction": "zufriedenheit",
        "comment": "kommentar",
        "received": "eingang",
        "first_response": "erstreaktion",
        "resolved": "geloest",
        "followed_up": "nachverfolgt",
        "period": "zeitraum",
        "acquisition_budget": "akquise_budget",
        "retention_budget": "bestand_budget",
        "start": "beginn",
        "end": "ende",
        "tariff": "tarif",
        "end_reason": "kuendigungsgrund",
        "label": "label",
    },
}
TEXT_SUFFIXES = textfiles.TABLE_SUFFIXES + textfiles.JSON_SUFFIXES
PACKED_SUFFIXES = tuple(f"{suffix}{textfiles.PACKED_SUFFIX}" for suffix in TEXT_SUFFIXES)
WORKBOOK_SUFFIXES = (".xlsx",)
SUFFIXES = (*TEXT_SUFFIXES, *PACKED_SUFFIXES, ".parquet", *WORKBOOK_SUFFIXES)
DATASET_PREFIX = datasets.PREFIX
MAX_COLUMNS = 2000
# DuckDB keeps so much in memory and the rest in a temporary file.
MEMORY_LIMIT = "2GB"

# An address of a database that is not written as one: its password must not stand in a message.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", flags=re.IGNORECASE)
_MAY_HOLD_PASSWORD = re.compile(
    r"://[^\s/]*@|[\w.+-]:[^/\\\s]+@|(?:password|passwd|pwd)\s*=", flags=re.IGNORECASE
)

# Only the suggestion in a refusal uses these; a column is never taken because of its name.
_COMMON_NAMES = {
    "customer_id": ("customer_id", "kunde_id", "kundennummer", "kundennr", "customer", "cust"),
    "date": ("date", "order_date", "invoice_date", "datum", "bestelldatum"),
    "amount": ("amount", "betrag", "umsatz", "revenue", "total", "dollar_value"),
    "order_id": ("order_id", "beleg_id", "bestellnummer", "bestellnr", "invoice_no"),
    "quantity": ("quantity", "menge", "anzahl", "qty"),
    "unit_price": ("unit_price", "einzelpreis", "stueckpreis", "price"),
}


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


class _Names(NamedTuple):
    """What is asked of a table: its form, our names to the source's, and which it must have."""

    form: TableForm
    theirs: dict[str, str]
    needed: tuple[str, ...]


class _Raw(NamedTuple):
    """What is known of `raw_lines` once it is stored; `name` will be made fit for a folder."""

    n_rows: int
    sha256: str
    found: tuple[str, ...]
    chosen: dict[str, str]
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
    columns: Mapping[str, str] | str,
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
    columns : mapping or str
        Our names, those of `form`, to the source's, or the name of one of
        `PRESETS`. A name that is not mapped stands for itself. Without an
        amount, that of a transaction is ``quantity`` times ``unit_price``.
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
    names = _names(columns, form)
    given = dialects.check_settings(dialect)
    if isinstance(x, str) and x.startswith(DATASET_PREFIX):
        return _dataset(x, names, query, given)
    if is_address(x):
        _check_applies(("encoding", "delimiter"), given, label="a database")
        connection = _connect()
        return _source(connection, _read_database(connection, x, names, query), form, given)
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
        return _source(connection, raw, form, given)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _check_applies(parts: tuple[str, ...], given: Mapping[str, str], *, label: str) -> None:
    for key in parts:
        if key in given:
            raise ParameterError(
                f"dialect has a {key}, which does not apply to {label}. Leave it out."
            )


def _dataset(x: str, names: _Names, query: str, given: Mapping[str, str]) -> Source:
    """Read the transactions of an embedded data set."""
    dataset = datasets.find(x.removeprefix(DATASET_PREFIX))
    for parameter, value in (("columns", names.theirs), ("query", query), ("dialect", dict(given))):
        if value:
            raise ParameterError(
                f"{parameter}={value!r} does not apply to {x}, "
                "whose columns are known already. Leave it out."
            )
    if names.form is not TRANSACTIONS:
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
            dict(dataset.chosen),
            dataset.name,
            dataset.path.name,
            typed=dataset.typed,
        )
    else:
        preset = _names(dataset.preset, TRANSACTIONS)
        raw = _read_file(connection, dataset.path, "table", preset, given)
    source = _source(connection, raw, TRANSACTIONS, given)
    return source._replace(
        name=dataset.name, label=dataset.label, currency=dataset.currency, embedded=True
    )


def _names(columns: Mapping[str, str] | str, form: TableForm) -> _Names:
    if isinstance(columns, str):
        if columns not in PRESETS:
            raise ParameterError(
                f"columns={columns!r} names no preset; there are: {', '.join(PRESETS)}. "
                "Take one of them, or a mapping of our names to yours."
            )
        # A preset offers an optional column; a mapping of the user promises it.
        return _Names(form, PRESETS[columns], ())
    unknown = [ours for ours in columns if ours not in form.columns]
    if unknown:
        raise ParameterError(
            f"columns has the keys {unknown}, which are not ours; "
            f"allowed are {list(form.columns)}. "
            "A key is our name, its value is the name in the file."
        )
    theirs = list(columns.values())
    twice = sorted({name for name in theirs if theirs.count(name) > 1})
    if twice:
        raise ParameterError(f"columns maps more than one of our names to {twice}.")
    return _Names(form, dict(columns), tuple(columns))


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
    names: _Names,
    given: Mapping[str, str],
) -> _Raw:
    read_raw = {"json": _read_json, "table": _read_table}.get(kind, _read_parquet)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        return read_raw(connection, path, names, given, Path(folder))


def _read_table(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    names: _Names,
    given: Mapping[str, str],
    folder: Path,
) -> _Raw:
    file = textfiles.prepare(path, folder=folder, encoding=given.get("encoding", ""))
    layout = textfiles.layout(
        file, delimiter=given.get("delimiter", ""), n_needed=len(names.form.needed)
    )
    chosen = _choose(layout.found, names, label=path.name)
    marks = _marks(layout.found, chosen, names.form)
    n_rows = textfiles.load_table(
        connection, file, layout, chosen=chosen | marks, ids=names.form.ids
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
    names: _Names,
    given: Mapping[str, str],
    folder: Path,
) -> _Raw:
    file = textfiles.prepare(path, folder=folder, encoding=given.get("encoding", ""))
    keys = jsonfiles.keys(connection, file)
    chosen = _choose(keys.found, names, label=path.name)
    marks = _marks(keys.found, chosen, names.form)
    n_rows = jsonfiles.load(connection, file, keys, chosen=chosen | marks, ids=names.form.ids)
    # A day or an id may be a number in JSON, and still need a format or be a float.
    typed = {
        ours
        for ours, theirs in chosen.items()
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
    names: _Names,
    given: Mapping[str, str],
    folder: Path,
) -> _Raw:
    layout = parquetfiles.layout(connection, path)
    found = tuple(layout.types)
    chosen = _choose(found, names, label=path.name)
    marks = _marks(found, chosen, names.form)
    loaded = parquetfiles.load(connection, layout, chosen=chosen | marks, form=names.form)
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
    names: _Names,
    query: str,
    given: Mapping[str, str],
) -> _Raw:
    from workbench import workbooks  # openpyxl, which few need, takes a while to import

    sheet = workbooks.layout(
        path,
        sheet=query,
        wanted={names.theirs.get(ours, ours) for ours in names.form.columns},
        n_needed=len(names.form.needed),
    )
    chosen = _choose(sheet.found, names, label=path.name)
    marks = _marks(sheet.found, chosen, names.form)
    loaded, facts = workbooks.load(
        connection,
        sheet,
        chosen=chosen | marks,
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


def _read_database(
    connection: duckdb.DuckDBPyConnection, x: str, names: _Names, query: str
) -> _Raw:
    from workbench import databases  # SQLAlchemy, which few need, takes a while to import

    result = databases.fetch(connection, x, query=query)
    chosen = _choose(result.found, names, label=result.label)
    marks = _marks(result.found, chosen, names.form)
    loaded = typed_cells.load(
        connection,
        found=result.found,
        columns=result.columns,
        chosen=chosen | marks,
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
    return connection


def _source(
    connection: duckdb.DuckDBPyConnection,
    raw: _Raw,
    form: TableForm,
    given: Mapping[str, str],
) -> Source:
    """Make the plain texts of the raw ones."""
    if raw.n_rows == 0 and form is TRANSACTIONS:
        raise DataError(f"{raw.label} has a header but no transactions. Export it again.")
    marked = return_marks.find(connection, raw.marks)
    reading = dialects.read(
        connection,
        form=form,
        names=raw.chosen,
        typed=raw.typed,
        instants=raw.instants,
        file_parts=raw.parts,
        given=given,
        label=raw.label,
    )
    numbers = [name for name in ("amount", *FACTORS) if name in raw.chosen]
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
        columns=raw.chosen,
        dialect=reading.dialect,
        facts=(*raw.facts, *reading.facts),
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
    return return_marks.columns(found, chosen) if form is TRANSACTIONS else {}


def _choose(found: tuple[str, ...], names: _Names, *, label: str) -> dict[str, str]:
    """Find each of our columns under its name in the source, or say what is missing."""
    if len(found) > MAX_COLUMNS:
        raise DataError(
            f"{label} has {len(found)} columns, more than the {MAX_COLUMNS} that are read. "
            "Export the columns that are needed."
        )
    wanted = {ours: names.theirs.get(ours, ours) for ours in names.form.columns}
    present = {ours for ours, theirs in wanted.items() if theirs in found}
    promised = present | set(names.needed)
    needed = {*names.form.needed, *names.needed}
    if names.form is TRANSACTIONS and "amount" not in promised and promised & set(FACTORS):
        needed = needed - {"amount"} | set(FACTORS)
    chosen = {ours: theirs for ours, theirs in wanted.items() if ours in needed | present}
    missing = [theirs for theirs in chosen.values() if theirs not in found]
    if missing:
        raise DataError(
            f"{label} lacks {missing}; it has {list(found)}. "
            + (
                f"Map our names to yours, like columns={_suggest(chosen, found)}; "
                "quantity and unit_price may stand for the amount."
                if names.form is TRANSACTIONS
                else f"Name its columns {', '.join(chosen)}, or as the preset 'deutsch' does."
            )
        )
    return chosen


def _suggest(chosen: Mapping[str, str], found: tuple[str, ...]) -> str:
    """Write a mapping to paste: what was found, the nearest name for the rest, or '?'."""
    free = [name for name in found if name and name not in chosen.values()]
    suggestion = {}
    for ours, theirs in chosen.items():
        near = theirs if theirs in found else _nearest(ours, theirs, free)
        free = [name for name in free if name != near]
        suggestion[ours] = near
    return json.dumps(suggestion, ensure_ascii=False)


def _nearest(ours: str, theirs: str, free: list[str]) -> str:
    plain = {name.lower().replace(" ", "_"): name for name in free}
    for wanted in (theirs, *_COMMON_NAMES.get(ours, ())):
        match = difflib.get_close_matches(wanted.lower(), plain, n=1, cutoff=0.7)
        if match:
            return plain[match[0]]
    return "?"
