"""A sheet of an Excel workbook to one DuckDB table, a row of typed cells for each of its rows."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

import duckdb
import openpyxl
from openpyxl.utils import column_index_from_string
from openpyxl.utils.exceptions import InvalidFileException

from workbench import textfiles, typed_cells
from workbench.day_formats import Fact, Form, examples
from workbench.schema import DataError, ParameterError, TableForm

# Excel's own limit.
MAX_ROWS = 1 << 20
# Excel keeps so many digits of a number; of a longer id it has changed the last ones.
MAX_DIGITS = 15
# The row of column names stands among so many filled rows.
MAX_TITLE_ROWS = 50

_CHUNK_BYTES = 1 << 20
# What a protected workbook, and one of Excel before 2007, begins with.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# What openpyxl and the libraries below it raise where a part of a workbook is not as it should be.
_BROKEN = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    NotImplementedError,
)
# A formula without a stored value, and cells merged over more than one row or column.
_MARKS = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f\b[^<>]*/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?"
    rb'\s*(?P<formula></(?:\w+:)?c>)|<(?:\w+:)?mergeCell\b[^<>]*?ref="(?P<merged>[A-Z0-9:]+)"'
)
_RANGE = re.compile(r"([A-Z]+)(\d+):([A-Z]+)(\d+)")


class Sheet(NamedTuple):
    """Where the table stands in a workbook.

    Attributes
    ----------
    path : Path
        The workbook.
    title : str
        The sheet.
    row : int
        The row with the names of the columns.
    found : tuple of str
        These names, up to the last one.
    """

    path: Path
    title: str
    row: int
    found: tuple[str, ...]


def layout(path: Path, *, sheet: str, wanted: Collection[str], n_needed: int) -> Sheet:
    """Find the sheet of a workbook that holds the table, and the row that names its columns.

    Without a name it is the only visible sheet with a filled cell. Of its
    first `MAX_TITLE_ROWS` filled rows, the one with most of the names wanted
    names the columns; if none has any, the first with as many texts as needed.

    Parameters
    ----------
    path : Path
        The workbook.
    sheet : str
        Name of the sheet; empty for the only one.
    wanted : collection of str
        Names of columns to look for.
    n_needed : int
        How many columns there must be.

    Raises
    ------
    DataError
        If the file is no workbook, is protected or unpacks to far more than
        its size; if the sheet is not clear; if no row names columns or a name
        stands twice.
    """
    _check_file(path)
    with _opened(path) as workbook:
        title = sheet or _only_sheet(path, workbook)
        if title not in workbook.sheetnames:
            raise DataError(
                f"{path.name} has no sheet {title!r}; there are: {', '.join(workbook.sheetnames)}."
            )
        filled = [
            (row, tuple(_name(value) for value in values))
            for row, values in islice(_rows(path, workbook[title]), MAX_TITLE_ROWS)
        ]
    if not filled:
        raise DataError(f"{path.name}: the sheet {title!r} is empty. Name another one in query.")
    n_wanted = [len(set(wanted) & set(names)) for _, names in filled]
    n_texts = [sum(name != "" for name in names) for _, names in filled]
    best = n_wanted.index(max(n_wanted))
    if n_wanted[best] == 0:
        best = next((i for i, n in enumerate(n_texts) if n >= n_needed), -1)
    if best == -1:
        raise DataError(
            f"{path.name}: of the first rows of the sheet {title!r} none has {n_needed} texts, "
            "so none names the columns. Write their names above them."
        )
    row, names = filled[best]
    found = names[: max(i for i, name in enumerate(names) if name) + 1]
    twice = sorted({name for name in found if name and found.count(name) > 1})
    if twice:
        raise DataError(
            f"{path.name} has more than one column called {twice} in row {row} of the sheet "
            f"{title!r}. Rename them, so that one is meant."
        )
    return Sheet(path, title, row, found)


def _name(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _check_file(path: Path) -> None:
    """Refuse what is no workbook, before anything of it is unpacked."""
    with path.open("rb") as file:
        start = file.read(len(_OLE))
    if start == _OLE:
        raise DataError(
            f"{path.name} is protected by a password, or an .xls of Excel before 2007 under "
            "another name. Save it as .xlsx without a password."
        )
    packed = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{path.name} is no workbook: {error}. Export it again.") from error
    if unpacked > max(textfiles.FREE_UNPACKED_BYTES, textfiles.MAX_UNPACKING * packed):
        raise DataError(
            f"{path.name} has {packed} bytes and unpacks to {unpacked}, more than "
            f"{textfiles.MAX_UNPACKING} times as many (and more than "
            f"{textfiles.FREE_UNPACKED_BYTES}), which no workbook does. Export it as CSV."
        )


@contextmanager
def _opened(path: Path) -> Iterator[openpyxl.Workbook]:
    """Open a workbook for streaming, and say so where it cannot be read."""
    workbook = None
    try:
        with warnings.catch_warnings():
            # It tells of styles, extensions and print areas, none of which is read here.
            warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
            yield workbook
    except (DataError, ParameterError):
        raise
    except _BROKEN as error:
        cause = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path.name} cannot be read as a workbook: {type(error).__name__}: {cause}. "
            "Open it in Excel and save it again, or export it as CSV."
        ) from error
    finally:
        if workbook is not None:
            workbook.close()


def _only_sheet(path: Path, workbook: openpyxl.Workbook) -> str:
    titles = [
        sheet.title
        for sheet in workbook.worksheets
        if sheet.sheet_state == "visible" and next(_rows(path, sheet), None)
    ]
    if not titles:
        raise DataError(f"{path.name} is empty: no visible sheet has a filled cell.")
    if len(titles) > 1:
        raise DataError(
            f"{path.name} has {len(titles)} sheets with data: {', '.join(titles)}. "
            f"Say which one, like query={titles[0]!r}."
        )
    return titles[0]


def _rows(
    path: Path, sheet: openpyxl.worksheet.worksheet.Worksheet, *, after: int = 0, width: int = 0
) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Give the filled rows of a sheet with their numbers; what it says of its size is not read."""
    sheet.reset_dimensions()
    values = sheet.iter_rows(min_row=after + 1, max_col=width or None, values_only=True)
    for row, cells_of_row in enumerate(values, after + 1):
        if row > MAX_ROWS:
            raise DataError(
                f"{path.name}: the sheet {sheet.title!r} has a row beyond {MAX_ROWS}, which Excel "
                "does not. Export it as CSV."
            )
        if any(value is not None and value != "" for value in cells_of_row):
            yield row, cells_of_row


def load(
    connection: duckdb.DuckDBPyConnection,
    sheet: Sheet,
    *,
    chosen: Mapping[str, str],
    form: TableForm,
    date_format: str,
) -> tuple[typed_cells.Loaded, tuple[Fact, ...]]:
    """Store the rows below the names as the table `raw_lines`; `line` is the row in the sheet.

    Empty rows are none; cells to the right of the last name belong to no
    column. A formula counts with its stored value.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is made.
    sheet : Sheet
        What `layout` gave.
    chosen : mapping
        Our names to those of the columns.
    form : TableForm
        What our columns hold.
    date_format : str
        As it is given; '' if it is not.

    Raises
    ------
    DataError
        If a column mixes numbers, days and text; if an id is a number of more
        than `MAX_DIGITS` digits; if cells of a column are merged; or if days
        are plain numbers of a workbook that counts from 1904.
    """
    width = len(sheet.found)
    numbers: dict[int, Form] = {}

    def typed_rows() -> Iterator[tuple[int, list[object]]]:
        for row, values in _rows(sheet.path, worksheet, after=sheet.row, width=width):
            plain = [_plain(value) for value in values]
            for i, value in enumerate(plain):
                if type(value) in (int, float) and abs(value) >= 10**MAX_DIGITS:
                    numbers.setdefault(i, Form(1, row, str(value)))
            yield row, plain

    with _opened(sheet.path) as workbook:
        worksheet = workbook[sheet.title]
        n_formulas, merged = _marks(sheet, worksheet)
        from_1904 = workbook.epoch == openpyxl.utils.datetime.CALENDAR_MAC_1904
        columns = typed_cells.fill(connection, typed_rows(), found=sheet.found)
    places = {ours: sheet.found.index(theirs) for ours, theirs in chosen.items()}
    for ours in form.ids:
        if ours in places and places[ours] in numbers:
            raise DataError(
                f"column {chosen[ours]!r} of {sheet.path.name} holds ids as numbers of more than "
                f"{MAX_DIGITS} digits, the first in {examples([numbers[places[ours]]])}. Excel "
                "keeps no more digits, so different ids may have become one. Export them as text."
            )
    _check_merged(sheet, merged, among=set(places.values()))
    plain_days = [ours for ours in form.days if ours in places and columns[places[ours]].n_numbers]
    if from_1904 and date_format == "excel" and plain_days:
        raise DataError(
            f"{sheet.path.name} counts its days from 1904, and {chosen[plain_days[0]]!r} holds "
            "plain numbers. Format the column as days in Excel."
        )
    loaded = typed_cells.load(
        connection,
        found=sheet.found,
        columns=columns,
        chosen=chosen,
        form=form,
        label=sheet.path.name,
    )
    return loaded, _facts(sheet, n_formulas)


def _plain(value: object) -> object:
    """Take the time of midnight from a day, and the ``.0`` from a whole number."""
    if type(value) is float and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if type(value) is datetime and value == datetime(value.year, value.month, value.day):
        return value.date()
    return None if value == "" else value


def _marks(
    sheet: Sheet, worksheet: openpyxl.worksheet.worksheet.Worksheet
) -> tuple[int, list[str]]:
    """Count formulas without a stored value, and list merged cells, which openpyxl hides."""
    n_formulas, merged, tail = 0, [], b""
    with zipfile.ZipFile(sheet.path) as archive, archive.open(worksheet._worksheet_path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            text, end = tail + chunk, 0
            for found in _MARKS.finditer(text):
                end = found.end()
                n_formulas += found["formula"] is not None
                merged += [found["merged"].decode()] if found["merged"] else []
            tail = text[max(end, len(text) - 200) :]
    return n_formulas, merged


def _check_merged(sheet: Sheet, merged: list[str], *, among: set[int]) -> None:
    """Refuse cells of a chosen column that are merged over rows: only the first has a value."""
    hits = []
    for text in merged:
        first, top, last, bottom = _RANGE.fullmatch(text).groups()
        spanned = range(column_index_from_string(first) - 1, column_index_from_string(last))
        if int(bottom) > max(int(top), sheet.row + 1) and among & set(spanned):
            hits.append(text)
    if hits:
        raise DataError(
            f"{len(hits)} merged cells in {sheet.path.name}, like {hits[0]} of the sheet "
            f"{sheet.title!r}, reach over several rows, and only the first row has their value. "
            "Unmerge them and fill every row."
        )


def _facts(sheet: Sheet, n_formulas: int) -> tuple[Fact, ...]:
    where = Fact(
        "sheet",
        f"sheet {sheet.title!r}, column names in row {sheet.row}",
        "Tabellenblatt",
        f"{sheet.title}, Spaltennamen in Zeile {sheet.row}",
    )
    empty = Fact(
        "formulas",
        f"{n_formulas} formulas have no stored value and count as empty; "
        "open the workbook in Excel and save it",
        "Formeln ohne gespeicherten Wert",
        f"{n_formulas}, gelten als leer",
    )
    return (where, empty) if n_formulas else (where,)
