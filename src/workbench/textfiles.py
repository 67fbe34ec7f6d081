"""A text file as a shop exports it to one DuckDB table, a row of text cells for each line."""

from __future__ import annotations

import codecs
import csv
import glob
import gzip
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import duckdb

from workbench.schema import DataError

TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
JSON_SUFFIXES = (".jsonl", ".ndjson")
PACKED_SUFFIX = ".gz"
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
DELIMITERS = (",", ";", "\t", "|")
# What one file may take: a row in memory, and on disk what a packed file unpacks to. Whatever
# unpacks to little is taken; beyond that, real exports shrink to a fifth or a twentieth.
MAX_ROW_BYTES = 1 << 17
FREE_UNPACKED_BYTES = 1 << 26
MAX_UNPACKING = 100
BUFFER_BYTES = 1 << 24
SHOWN_LINES = 5
# Around a cell that is no id, these mean nothing.
BLANKS = " \t\r\n\u00a0\u2007\u2009\u202f\ufeff"

_CHUNK_BYTES = 1 << 20
_SAMPLED_ROWS = 200
_BATCH = 100_000
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What a file of another kind begins with, what it is, and what to do.
_OTHERS = (
    (rb"PK\x03\x04", "a zip archive, as workbooks are", "Give it the ending .xlsx, or unpack it"),
    (rb"\x1f\x8b", "packed with gzip", f"Give it the ending {PACKED_SUFFIX}"),
    (rb"%PDF", "a PDF", "Export the table as CSV"),
    (rb"PAR1", "Parquet", "Give it the ending .parquet"),
    (rb"\xd0\xcf\x11\xe0", "a workbook of Excel before 2007", "Save it as .xlsx or CSV"),
    (rb"SQLite format 3", "a database of SQLite", "Give its address, sqlite:///file.db"),
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype|html|table|\?xml)", "a web page", "Export CSV instead"),
)
# In Windows-1252 a capital with an accent before a quote or dash, or ß before a closing quote,
# is by chance a letter of UTF-8; more than these few mean that two encodings are mixed.
_CHANCE_SHARE = 0.1
# A byte that is no UTF-8, as Python's surrogateescape keeps it, and any other beyond ASCII.
_ESCAPED = re.compile("[\udc80-\udcff]")
_LETTER = re.compile("[^\\x00-\\x7f\udc80-\udcff]")


class TextFile(NamedTuple):
    """A file that is ready to be read as UTF-8.

    Attributes
    ----------
    path : Path
        The file itself, or a copy that is unpacked and in UTF-8.
    label : str
        Name of the file that was given.
    encoding : str
        One of `ENCODINGS`: what the given file is written in.
    n_lines : int
        Line ends, and one more for a last line without.
    """

    path: Path
    label: str
    encoding: str
    n_lines: int


class Layout(NamedTuple):
    """How the lines of a file delimited by one sign are cut.

    Attributes
    ----------
    delimiter : str
        The sign between two fields.
    skip : int
        Lines before the header: blank ones, and Excel's ``sep=;``.
    found : tuple of str
        The names in the header.
    """

    delimiter: str
    skip: int
    found: tuple[str, ...]


class _Survey(NamedTuple):
    """What one pass over the bytes of a file tells of its letters and lines."""

    n_lines: int
    nul_line: int
    broken: tuple[int, int] | None
    n_broken: int
    n_letters: int
    letter_line: int


def prepare(path: Path, *, folder: Path, encoding: str = "") -> TextFile:
    """Unpack a text file, find its encoding, and hand it on as UTF-8.

    The encoding is that of the byte order mark; else UTF-8 if every byte fits;
    else Windows-1252. Latin-1 is none of them: it differs from Windows-1252
    in signs that nobody writes, and would turn the euro sign into one of them.

    Parameters
    ----------
    path : Path
        The file; ending in ``.gz`` it is unpacked.
    folder : Path
        Where a copy may lie, if one is needed.
    encoding : str
        One of `ENCODINGS`; empty leaves it to the bytes.

    Raises
    ------
    DataError
        If the file is of another kind, cannot be unpacked, unpacks to far more than its size,
        holds a NUL byte, or does not fit the encoding.
    """
    plain = _unpacked(path, folder) if path.suffix.lower() == PACKED_SUFFIX else path
    if plain.stat().st_size == 0:
        raise DataError(f"{path} is empty: it unpacks to 0 bytes. Export it again.")
    with plain.open("rb") as file:
        start = file.read(1024)
    for begins, what, advice in _OTHERS:
        if re.match(begins, start):
            raise DataError(f"{path.name} is no text but {what}. {advice}.")
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "")
    if encoding and marked and encoding.removesuffix("-sig") != marked.removesuffix("-sig"):
        raise DataError(
            f"{path.name} begins with the byte order mark of {marked}, and is not {encoding}. "
            "Leave the encoding out of the dialect."
        )
    if "utf-16" in (encoding, marked):
        codec = "utf-16" if marked else "utf-16-be" if start[:1] == b"\0" else "utf-16-le"
        copy = _transcoded(plain, folder, codec, label=path.name)
        survey = _survey(copy)
        _check_nul(survey, label=path.name)
        return TextFile(copy, path.name, "utf-16", survey.n_lines)

    survey = _survey(plain)
    _check_nul(survey, label=path.name)
    encoding = marked or encoding or ("cp1252" if survey.broken else "utf-8")
    _check_encoding(survey, encoding, label=path.name)
    if encoding != "utf-8":
        plain = _transcoded(plain, folder, encoding, label=path.name)
    return TextFile(plain, path.name, encoding, survey.n_lines)


def _unpacked(path: Path, folder: Path) -> Path:
    n, packed = 0, path.stat().st_size
    target = folder / "unpacked"
    try:
        with gzip.open(path) as source, target.open("wb") as file:
            while chunk := source.read(_CHUNK_BYTES):
                n += file.write(chunk)
                if n > max(FREE_UNPACKED_BYTES, MAX_UNPACKING * packed):
                    raise DataError(
                        f"{path.name} has {packed} bytes and unpacks to more than "
                        f"{MAX_UNPACKING} times as many (and more than {FREE_UNPACKED_BYTES}), "
                        "which no export does. Unpack it yourself if it is right."
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path.name} cannot be unpacked after {n} bytes: {error}. Pack it with gzip again."
        ) from error
    return target


def _survey(path: Path) -> _Survey:
    """Count lines, letters beyond ASCII, and bytes that are no UTF-8, in one pass."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    n_ends = nul_line = n_broken = n_letters = letter_line = 0
    broken: tuple[int, int] | None = None
    last = "\n"
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            text = decoder.decode(chunk, final=not chunk)
            if n_ends == 0:
                text = text.removeprefix("\ufeff")
            if not nul_line and "\0" in text:
                nul_line = n_ends + text.count("\n", 0, text.index("\0")) + 1
            if not text.isascii():
                found = _LETTER.search(text)
                if found and not letter_line:
                    letter_line = n_ends + text.count("\n", 0, found.start()) + 1
                escaped = _ESCAPED.findall(text)
                if escaped and broken is None:
                    line = n_ends + text.count("\n", 0, text.index(escaped[0])) + 1
                    broken = (line, ord(escaped[0]) - 0xDC00)
                n_broken += len(escaped)
                n_letters += len(text) - len(text.encode("ascii", "ignore")) - len(escaped)
            n_ends += text.count("\n")
            last = text[-1:] or last
            if not chunk:
                break
    return _Survey(n_ends + (last != "\n"), nul_line, broken, n_broken, n_letters, letter_line)


def _check_nul(survey: _Survey, *, label: str) -> None:
    if survey.nul_line:
        raise DataError(
            f"{label}: line {survey.nul_line} holds a NUL byte, which no text does. Export it "
            'again as text; UTF-16 without a byte order mark needs dialect={"encoding": "utf-16"}.'
        )


def _check_encoding(survey: _Survey, encoding: str, *, label: str) -> None:
    """Refuse letters that the encoding does not have, or that it would garble."""
    if survey.broken is None:
        if encoding == "cp1252" and survey.n_letters:
            raise DataError(
                f"{label} is UTF-8 and not cp1252: {survey.n_letters} letters beyond ASCII, the "
                f"first in line {survey.letter_line}, are all UTF-8. "
                "Leave the encoding out of the dialect."
            )
        return
    line, byte = survey.broken
    if encoding != "cp1252":
        raise DataError(
            f"{label} is not UTF-8: line {line} holds the byte 0x{byte:02X}. "
            "Save it as UTF-8 (in Excel the file type 'CSV UTF-8'), or leave the encoding out."
        )
    if survey.n_letters > _CHANCE_SHARE * survey.n_broken:
        raise DataError(
            f"{label} mixes encodings: line {survey.letter_line} holds UTF-8, and line {line} the "
            f"byte 0x{byte:02X}, which is none; {survey.n_letters} letters are UTF-8, "
            f"{survey.n_broken} bytes are not. Write the whole file in one encoding."
        )


def _transcoded(path: Path, folder: Path, encoding: str, *, label: str) -> Path:
    decoder = codecs.getincrementaldecoder(encoding)()
    target = folder / "utf8"
    n_ends = 0
    with path.open("rb") as source, target.open("wb") as file:
        while True:
            chunk = source.read(_CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(encoding, errors="ignore")
                raise DataError(
                    f"{label} is not {encoding}: line {n_ends + before.count(chr(10)) + 1} holds "
                    f"the byte 0x{error.object[error.start]:02X}. Save it as UTF-8."
                ) from error
            file.write(text.encode())
            n_ends += text.count("\n")
            if not chunk:
                return target


def layout(file: TextFile, *, delimiter: str = "", n_needed: int = 2) -> Layout:
    """Find the sign that cuts the lines, and the names in the header.

    Excel's first line ``sep=;`` says it. Else it is the sign that cuts most of
    the first rows into as many fields as the header; of signs that cut equally
    many, the one that stands most often in the header.

    Parameters
    ----------
    file : TextFile
        What `prepare` gave.
    delimiter : str
        The sign, if it is known; empty leaves it to the file.
    n_needed : int
        How many columns there must be; only where it is 1, one is taken.

    Raises
    ------
    DataError
        If the first line is too long or holds no such sign, or a name stands
        twice in it.
    """
    lines = enumerate(text_lines(file, 0))
    skip, first = next(((n, line) for n, line in lines if line.strip()), (0, ""))
    said = re.fullmatch(r'"?sep=(.)"?', first.strip("\r\n "), flags=re.IGNORECASE)
    if said:
        skip = next((n for n, line in lines if line.strip()), skip + 1)
    candidates = (delimiter,) if delimiter else (said.group(1),) if said else DELIMITERS
    counts = {sign: _fit(file, sign, skip) for sign in candidates}
    best = max(candidates, key=lambda sign: counts[sign])
    _, header = next(_records(file, best, skip), (1, []))
    if len(header) < min(n_needed, 2):
        what = repr(delimiter) if delimiter else "comma, semicolon, tab or bar"
        raise DataError(
            f"{file.label}: line {skip + 1} holds no {what}, so there is one column: "
            f"{', '.join(header)[:100]!r}. The first line must name the columns."
        )
    found = tuple(name.strip() for name in header)
    twice = sorted(name for name, n in Counter(found).items() if name and n > 1)
    if twice:
        raise DataError(
            f"{file.label} has more than one column called {twice}. "
            "Rename them, so that one is meant."
        )
    return Layout(best, skip, found)


def _fit(file: TextFile, delimiter: str, skip: int) -> tuple[int, int]:
    """Count the first rows that a sign cuts like the header, and the fields of the header."""
    lengths = []
    rows = csv.reader(text_lines(file, skip), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in islice((row for row in rows if row), _SAMPLED_ROWS + 1):
            lengths.append(len(row))
    except csv.Error:
        # What cannot be read is refused by name and line when the whole file is.
        pass
    n_fields = lengths[0] if lengths else 0
    return (sum(n == n_fields for n in lengths) if n_fields > 1 else 0, n_fields)


def load_table(
    connection: duckdb.DuckDBPyConnection,
    file: TextFile,
    layout: Layout,
    *,
    chosen: Mapping[str, str],
    ids: Iterable[str],
) -> int:
    """Store the lines of a delimited file as the table `raw_lines`, and count them.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is made.
    file, layout : TextFile, Layout
        What `prepare` and `layout` gave.
    chosen : mapping
        Our names to those in the header.
    ids : iterable of str
        As in `store`.

    Raises
    ------
    DataError
        If rows are ragged, too long or have an open quote; with their lines.
    """
    cells = [f"c{i}" for i in range(len(layout.found))]
    types = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
    scan = (
        "read_csv(?, delim=?, skip=?, quote='\"', escape='\"', header=true, auto_detect=false, "
        f"max_line_size={MAX_ROW_BYTES}, buffer_size={BUFFER_BYTES}, columns={{{types}}})"
    )
    if len(cells) == 1:
        # DuckDB skips blank lines only where a row has several fields.
        scan = f"(SELECT * FROM {scan} WHERE c0 IS NOT NULL)"
    try:
        n_rows = store(
            connection,
            scan,
            [literal(file.path), layout.delimiter, layout.skip],
            texts={name: cells[layout.found.index(theirs)] for name, theirs in chosen.items()},
            ids=ids,
            cells=cells,
            first_line=layout.skip + 2,
        )
    except duckdb.Error as error:
        raise DataError(_explain(file, layout, error)) from error
    if n_rows and n_rows + 1 + layout.skip != file.n_lines:
        _shift_lines(connection, file, layout, n_rows)
    return n_rows


def store(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    parameters: list[object],
    *,
    texts: Mapping[str, str],
    ids: Iterable[str],
    cells: Iterable[str],
    first_line: int = 1,
    line: str = "",
) -> int:
    """Store a scan as the table `raw_lines`, and count its rows.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is made.
    scan : str
        SQL of the rows, with `parameters`.
    parameters : list
        What stands for the question marks.
    texts : mapping
        Our names to the SQL of their text.
    ids : iterable of str
        Those of our names that keep the blanks around them.
    cells : iterable of str
        SQL of all cells, which make the fingerprint.
    first_line : int
        Line of the first row, where the rows have no line of their own.
    line : str
        SQL of a row's line, where they have.
    """
    blanks = quoted(BLANKS)
    cell = {name: sql if name in ids else f"trim({sql}, {blanks})" for name, sql in texts.items()}
    chosen = ", ".join(f"coalesce({sql}, '') AS {name}" for name, sql in cell.items())
    connection.execute(
        f"""
        CREATE TABLE raw_lines AS
        SELECT {line or f"row_number() OVER () + {first_line - 1}"} AS line, {chosen},
               md5_number(to_json([{", ".join(cells)}])::VARCHAR) AS fingerprint
        FROM {scan}
        """,
        parameters,
    )
    return connection.execute("SELECT count(*) FROM raw_lines").fetchall()[0][0]


def literal(path: Path) -> str:
    """Write a path so that DuckDB takes `[1]` or `*` in it as it stands."""
    return glob.escape(str(path))


def quoted(text: str) -> str:
    """Write a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def sha256(path: Path) -> str:
    """Hash the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cause(error: duckdb.Error) -> str:
    """Take the cause from DuckDB's message, without advice and without the row itself."""
    text = re.split(r"Possible |\n\n", str(error))[0]
    text = re.sub(r"Original Line:.*", "", text)
    return " ".join(text.split())[:300].rstrip(". ") + "."


def _records(file: TextFile, delimiter: str, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Give each row of a text file with the line on which it starts; blank lines are none."""
    rows = csv.reader(
        text_lines(file, skip), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    start = skip + 1
    try:
        for row in rows:
            if row:
                yield start, row
            start = rows.line_num + skip + 1
    except csv.Error as error:
        raise DataError(
            f"{file.label}: the row that starts in line {start} cannot be read: {error}. "
            'Close every quote, and write a quote inside a field twice ("").'
        ) from error


def text_lines(file: TextFile, skip: int) -> Iterator[str]:
    """Give the lines with their ends, never holding more than a row may have."""
    with file.path.open(encoding="utf-8", newline="") as text:
        number = 0
        while line := text.readline(MAX_ROW_BYTES + 1):
            number += 1
            if 4 * len(line) > MAX_ROW_BYTES and len(line.encode()) > MAX_ROW_BYTES:
                raise DataError(
                    f"{file.label}: line {number} is longer than the {MAX_ROW_BYTES} bytes that a "
                    "row may have. Close every quote, and leave long texts out of the export."
                )
            if number > skip:
                yield line


def _shift_lines(
    connection: duckdb.DuckDBPyConnection, file: TextFile, layout: Layout, n_rows: int
) -> None:
    """Renumber the rows of a file with blank lines, or line ends in quotes, as an editor does."""
    connection.execute("CREATE TABLE shifts AS SELECT 0::BIGINT AS line, 0::BIGINT AS shift")
    numbers, shifts, shift = [], [], 0
    n_records = first = layout.skip + 1
    for n_records, (start, _) in enumerate(_records(file, layout.delimiter, layout.skip), first):
        if start - n_records != shift:
            shift = start - n_records
            numbers.append(n_records)
            shifts.append(shift)
        if len(numbers) == _BATCH:
            connection.execute("INSERT INTO shifts SELECT unnest(?), unnest(?)", [numbers, shifts])
            numbers, shifts = [], []
    connection.execute(
        "INSERT INTO shifts SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[])", [numbers, shifts]
    )
    if n_records != n_rows + first:
        raise DataError(
            f"{file.label} has {n_rows} or {n_records - first} rows, depending on how its quotes "
            'are read. Write a quote inside a field twice ("").'
        )
    connection.execute(
        """
        CREATE OR REPLACE TABLE raw_lines AS
        SELECT raw_lines.* REPLACE (raw_lines.line + shifts.shift AS line)
        FROM raw_lines ASOF JOIN shifts ON raw_lines.line >= shifts.line
        """
    )
    connection.execute("DROP TABLE shifts")


def _explain(file: TextFile, layout: Layout, error: duckdb.Error) -> str:
    """Say which rows are ragged, or else what DuckDB says."""
    n_rows = n_ragged = 0
    first, n_columns = [], len(layout.found)
    records = _records(file, layout.delimiter, layout.skip)
    for n_rows, (line, row) in enumerate(records):  # noqa: B007
        if len(row) != n_columns:
            n_ragged += 1
            first += [f"line {line} has {len(row)}"] * (n_ragged <= SHOWN_LINES)
    if not n_ragged:
        return (
            f"{file.label} cannot be read as text delimited by {layout.delimiter!r}: "
            f"{cause(error)} Use one kind of line end throughout."
        )
    more = f" and {n_ragged - SHOWN_LINES} more" if n_ragged > SHOWN_LINES else ""
    return (
        f"{file.label}: {n_ragged} of {n_rows} rows have not the {n_columns} fields that the "
        f"header names: {', '.join(first)}{more}. Repair the lines, or quote fields that hold "
        f"{layout.delimiter!r}."
    )
