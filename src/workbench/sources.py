"""A raw export or an embedded data set to one relation of text columns, a row for each line."""

from __future__ import annotations

import codecs
import csv
import difflib
import glob
import hashlib
import importlib.util
import json
import re
import tempfile
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from workbench.schema import TRANSACTION_COLUMNS, DataError, ParameterError

OPTIONAL_COLUMNS = ("order_id",)
PRESETS: dict[str, dict[str, str]] = {
    "deutsch": {
        "customer_id": "kunde_id",
        "date": "datum",
        "amount": "betrag",
        "order_id": "beleg_id",
    },
}
TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet")
DELIMITERS = (",", ";", "\t", "|")
DATASET_PREFIX = "dataset:"
SHOWN_LINES = 5

# Only the suggestion in a refusal uses these; a column is never taken because of its name.
_COMMON_NAMES = {
    "customer_id": ("customer_id", "kunde_id", "kundennummer", "kundennr", "customer", "cust"),
    "date": ("date", "order_date", "invoice_date", "datum", "bestelldatum"),
    "amount": ("amount", "betrag", "umsatz", "revenue", "total", "dollar_value"),
    "order_id": ("order_id", "beleg_id", "bestellnummer", "bestellnr", "invoice_no"),
}
_CHUNK_BYTES = 1 << 20


class Source(NamedTuple):
    """The raw lines of one export, as text, and where they come from.

    Attributes
    ----------
    relation : DuckDBPyRelation
        One row per line: `line` (in a text file the header is line 1, in
        Parquet the first row is 1), `customer_id`, `date`, `amount` and, where
        the source has one, `order_id` as text, '' where there is nothing; and
        `fingerprint`, which two lines share exactly when all their columns are
        the same, also those that were not asked for.
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
        Of the file's bytes.
    columns_found : tuple of str
        The source's own column names.
    columns : dict
        Our names to the source's.
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


class _Names(NamedTuple):
    """Our names to the source's, and which of ours it must have."""

    theirs: dict[str, str]
    needed: tuple[str, ...]


class _File(NamedTuple):
    """Facts of a file that one pass over its bytes gives."""

    sha256: str
    n_lines: int


def read(x: str | Path, *, columns: Mapping[str, str] | str) -> Source:
    """Read a source of transactions, every column as the text that stands in it.

    Nothing is interpreted here but the file's form: `transactions.clean`
    decides what is a number, a day and a customer.

    Parameters
    ----------
    x : str or Path
        A file ending in ``.csv``, ``.tsv`` or ``.txt`` (UTF-8, header line,
        delimited by comma, semicolon, tab or bar), a ``.parquet`` file, or
        ``dataset:NAME`` for an embedded data set.
    columns : mapping or str
        Our names (``customer_id``, ``date``, ``amount``, ``order_id``) to the
        source's, or the name of one of `PRESETS`. A name that is not mapped
        stands for itself. `order_id` may be absent.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        If the source does not exist, is empty, cannot be read, or lacks a
        column.
    ParameterError
        If `columns` has a key that is not ours, or names no preset.
    """
    names = _names(columns)
    if isinstance(x, str) and x.startswith(DATASET_PREFIX):
        return _dataset(x.removeprefix(DATASET_PREFIX), names)
    path = Path(x)
    _check_file(path)
    reader = _read_parquet if path.suffix.lower() == ".parquet" else _read_text
    try:
        return reader(path, names)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _dataset(name: str, names: _Names) -> Source:
    if name not in DATASETS:
        raise DataError(
            f"data set {name!r} is unknown; there are: {', '.join(sorted(DATASETS))}. "
            f"Write {DATASET_PREFIX}{min(DATASETS)}, or the path of a file."
        )
    if names.theirs:
        raise ParameterError(
            f"columns={names.theirs!r} does not apply to {DATASET_PREFIX}{name}, "
            "whose columns have our names already. Leave it out."
        )
    return DATASETS[name]()


def _names(columns: Mapping[str, str] | str) -> _Names:
    if isinstance(columns, str):
        if columns not in PRESETS:
            raise ParameterError(
                f"columns={columns!r} names no preset; there are: {', '.join(PRESETS)}. "
                "Take one of them, or a mapping of our names to yours."
            )
        # A preset offers an optional column; a mapping of the user promises it.
        return _Names(PRESETS[columns], TRANSACTION_COLUMNS)
    allowed = (*TRANSACTION_COLUMNS, *OPTIONAL_COLUMNS)
    unknown = [ours for ours in columns if ours not in allowed]
    if unknown:
        raise ParameterError(
            f"columns has the keys {unknown}, which are not ours; allowed are {list(allowed)}. "
            "A key is our name, its value is the name in the file."
        )
    theirs = list(columns.values())
    twice = sorted({name for name in theirs if theirs.count(name) > 1})
    if twice:
        raise ParameterError(f"columns maps more than one of our names to {twice}.")
    optional = tuple(ours for ours in OPTIONAL_COLUMNS if ours in columns)
    return _Names(dict(columns), TRANSACTION_COLUMNS + optional)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path} is a folder. Give one of the files in it.")
    if not path.exists():
        raise DataError(
            f"{path} does not exist, seen from the working directory {Path.cwd()}. Check the path."
        )
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path} ends in {path.suffix!r}; what can be read ends in {', '.join(SUFFIXES)}. "
            "Export it as CSV in UTF-8."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: it has 0 bytes. Export it again.")


def _read_text(path: Path, names: _Names) -> Source:
    file = _scan(path)
    delimiter = _delimiter(path)
    _, header = next(_records(path, delimiter))
    found = tuple(name.strip() for name in header)
    _check_unique(found, label=path.name)
    chosen = _choose(found, names, label=path.name)

    cells = [f"c{i}" for i in range(len(found))]
    types = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
    scan = (
        "read_csv(?, delim=?, quote='\"', escape='\"', header=true, auto_detect=false, "
        f"columns={{{types}}})"
    )
    connection = _connect()
    try:
        n_rows = _create_raw(
            connection,
            scan,
            [_literal(path), delimiter],
            texts={name: cells[found.index(theirs)] for name, theirs in chosen.items()},
            cells=cells,
            first_line=2,
        )
    except duckdb.Error as error:
        raise DataError(_explain(path, delimiter, len(found), error)) from error
    _check_rows(n_rows, label=path.name)
    if n_rows + 1 != file.n_lines:
        _shift_lines(connection, path, delimiter, n_rows)
    return _source(connection, path, n_rows, file.sha256, found, chosen)


def _read_parquet(path: Path, names: _Names) -> Source:
    connection = _connect()
    try:
        described = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?)", [_literal(path)]
        ).fetchall()
        types = {name: kind for name, kind, *_ in described}
        found = tuple(types)
        chosen = _choose(found, names, label=path.name)
        n_rows = _create_raw(
            connection,
            "read_parquet(?)",
            [_literal(path)],
            texts={name: _text(theirs, types[theirs], name) for name, theirs in chosen.items()},
            cells=[_text(name, kind, "") for name, kind in types.items()],
            first_line=1,
        )
    except duckdb.Error as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet: {_first_line(error)} Export it again."
        ) from error
    _check_rows(n_rows, label=path.name)
    return _source(connection, path, n_rows, _scan_bytes(path), found, chosen)


def _read_cdnow() -> Source:
    """Read CDNOW's master from the folder of the installed lifetimes, without importing it."""
    spec = importlib.util.find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / "datasets" / "CDNOW_master.txt" if folders else None
    if path is None or not path.is_file():
        raise DataError(
            "CDNOW_master.txt is not in the installed lifetimes. Install lifetimes==0.11.3."
        )
    found = ("customer_id", "date", "number_of_cds", "dollar_value")
    # The unit separator stands nowhere in the file: each line is one cell, cut at blanks below.
    scan = (
        "(SELECT string_split_regex(trim(text), '\\s+') AS cells FROM read_csv(?, delim=chr(31), "
        "quote='', escape='', header=true, auto_detect=false, columns={'text': 'VARCHAR'}))"
    )
    connection = _connect()
    day = "concat_ws('-', cells[2][1:4], cells[2][5:6], cells[2][7:8])"
    n_rows = _create_raw(
        connection,
        scan,
        [_literal(path)],
        texts={"customer_id": "cells[1]", "date": day, "amount": "cells[4]"},
        cells=[f"cells[{i + 1}]" for i in range(len(found))],
        first_line=2,
    )
    chosen = {"customer_id": "customer_id", "date": "date", "amount": "dollar_value"}
    source = _source(connection, path, n_rows, _scan_bytes(path), found, chosen)
    return source._replace(name="cdnow", label="CDNOW", currency="USD", embedded=True)


DATASETS: dict[str, Callable[[], Source]] = {"cdnow": _read_cdnow}


def _connect() -> duckdb.DuckDBPyConnection:
    # DuckDB would spill into the working directory, and fetch extensions from the network.
    spill = Path(tempfile.gettempdir()) / f"workbench-{uuid.uuid4().hex}"
    connection = duckdb.connect(
        config={
            "temp_directory": str(spill),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _create_raw(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    parameters: list[str],
    *,
    texts: Mapping[str, str],
    cells: list[str],
    first_line: int,
) -> int:
    """Store a scan as the table `raw_lines`, and count its rows."""
    chosen = ", ".join(f"coalesce({sql}, '') AS {name}" for name, sql in texts.items())
    connection.execute(
        f"""
        CREATE TABLE raw_lines AS
        SELECT row_number() OVER () + {first_line - 1} AS line, {chosen},
               md5_number(to_json([{", ".join(cells)}])::VARCHAR) AS fingerprint
        FROM {scan}
        """,
        parameters,
    )
    return connection.execute("SELECT count(*) FROM raw_lines").fetchall()[0][0]


def _source(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    n_rows: int,
    sha256: str,
    found: tuple[str, ...],
    chosen: dict[str, str],
) -> Source:
    return Source(
        relation=connection.table("raw_lines"),
        connection=connection,
        name=_short_name(path.stem),
        label=path.name,
        currency="",
        embedded=False,
        n_rows=n_rows,
        sha256=sha256,
        columns_found=found,
        columns=chosen,
    )


def _short_name(stem: str) -> str:
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain)[:120].strip("_") or "source"


def _literal(path: Path) -> str:
    """Write a path so that DuckDB takes `[1]` or `*` in it as it stands."""
    return glob.escape(str(path))


def _text(column: str, kind: str, ours: str) -> str:
    """Write the SQL that turns a Parquet column into exact text."""
    quoted = '"' + column.replace('"', '""') + '"'
    if kind in ("FLOAT", "DOUBLE") and ours in ("customer_id", "order_id"):
        # A column of whole ids with gaps is stored as floating point by pandas: 17850.0.
        whole = f"{quoted} = trunc({quoted}) AND abs({quoted}) < 9007199254740992"
        return (
            f"CASE WHEN {whole} THEN {quoted}::BIGINT::VARCHAR "
            f"WHEN isnan({quoted}) THEN '' ELSE {quoted}::VARCHAR END"
        )
    return f"{quoted}::VARCHAR"


def _scan_bytes(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _scan(path: Path) -> _File:
    """Hash a text file, count its lines, and refuse what is not UTF-8."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    n_ends, last = 0, b""
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = n_ends + error.object[: error.start].count(b"\n") + 1
                raise DataError(
                    f"{path.name} is not UTF-8: line {line} holds the byte "
                    f"0x{error.object[error.start]:02X}. "
                    "Save it as UTF-8 (in Excel the file type 'CSV UTF-8')."
                ) from error
            if not chunk:
                break
            digest.update(chunk)
            n_ends += chunk.count(b"\n")
            last = chunk[-1:]
    return _File(digest.hexdigest(), n_ends + (last != b"\n"))


def _delimiter(path: Path) -> str:
    """Take the delimiter that stands most often in the header, outside quotes."""
    with path.open(encoding="utf-8-sig") as text:
        header = re.sub(r'"[^"]*"', "", text.readline())
    delimiter = max(DELIMITERS, key=header.count)
    if header.count(delimiter) == 0:
        raise DataError(
            f"{path.name}: line 1 holds no comma, semicolon, tab or bar, so there is one column: "
            f"{header.strip()!r}. The first line must name the columns."
        )
    return delimiter


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row of a text file with the line on which it starts; blank lines are none."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
        start = 1
        try:
            for row in rows:
                if row:
                    yield start, row
                start = rows.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{path.name}: the row that starts in line {start} cannot be read: {error}. "
                'Close every quote, and write a quote inside a field twice ("").'
            ) from error


def _shift_lines(
    connection: duckdb.DuckDBPyConnection, path: Path, delimiter: str, n_rows: int
) -> None:
    """Renumber the rows of a file with blank lines, or line ends in quotes, as an editor does."""
    numbers, shifts = [0], [0]
    n_records = 0
    for n_records, (start, _) in enumerate(_records(path, delimiter), start=1):
        if start - n_records != shifts[-1]:
            numbers.append(n_records)
            shifts.append(start - n_records)
    if n_records != n_rows + 1:
        raise DataError(
            f"{path.name} has {n_rows} or {n_records - 1} rows, depending on how its quotes are "
            'read. Write a quote inside a field twice ("").'
        )
    connection.execute(
        """
        CREATE OR REPLACE TABLE raw_lines AS
        SELECT raw_lines.* REPLACE (raw_lines.line + shifts.shift AS line)
        FROM raw_lines
        ASOF JOIN (SELECT unnest(?::BIGINT[]) AS line, unnest(?::BIGINT[]) AS shift) AS shifts
        ON raw_lines.line >= shifts.line
        """,
        [numbers, shifts],
    )


def _explain(path: Path, delimiter: str, n_columns: int, error: duckdb.Error) -> str:
    """Say which rows are ragged, or else what DuckDB says."""
    n_rows, ragged = 0, []
    for n_rows, (line, row) in enumerate(_records(path, delimiter)):  # noqa: B007
        if len(row) != n_columns:
            ragged.append((line, len(row)))
    if not ragged:
        return (
            f"{path.name} cannot be read as text delimited by {delimiter!r}: "
            f"{_first_line(error)} Use one kind of line end throughout."
        )
    lines = ", ".join(f"line {line} has {n}" for line, n in ragged[:SHOWN_LINES])
    more = f" and {len(ragged) - SHOWN_LINES} more" if len(ragged) > SHOWN_LINES else ""
    return (
        f"{path.name}: {len(ragged)} of {n_rows} rows have not the {n_columns} fields that the "
        f"header names: {lines}{more}. Repair the lines, or quote fields that hold {delimiter!r}."
    )


def _first_line(error: duckdb.Error) -> str:
    """Take the cause from DuckDB's message, without advice and without the row itself."""
    text = re.split(r"Possible |\n\n", str(error))[0]
    text = re.sub(r"Original Line:.*", "", text)
    return " ".join(text.split())[:300].rstrip(". ") + "."


def _check_unique(found: tuple[str, ...], *, label: str) -> None:
    twice = sorted({name for name in found if name and found.count(name) > 1})
    if twice:
        raise DataError(
            f"{label} has more than one column called {twice}. Rename them, so that one is meant."
        )


def _check_rows(n_rows: int, *, label: str) -> None:
    if n_rows == 0:
        raise DataError(f"{label} has a header but no transactions. Export it again.")


def _choose(found: tuple[str, ...], names: _Names, *, label: str) -> dict[str, str]:
    """Find each of our columns under its name in the source, or say what is missing."""
    wanted = {ours: names.theirs.get(ours, ours) for ours in TRANSACTION_COLUMNS + OPTIONAL_COLUMNS}
    chosen = {o: theirs for o, theirs in wanted.items() if o in names.needed or theirs in found}
    missing = [theirs for theirs in chosen.values() if theirs not in found]
    if missing:
        raise DataError(
            f"{label} lacks {missing}; it has {list(found)}. "
            f"Map our names to yours, like columns={_suggest(chosen, found)}"
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
    for wanted in (theirs, *_COMMON_NAMES[ours]):
        match = difflib.get_close_matches(wanted.lower(), plain, n=1, cutoff=0.7)
        if match:
            return plain[match[0]]
    return "?"
