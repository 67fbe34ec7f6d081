"""Tables to an Excel workbook: texts stay texts, and the same tables give the same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import openpyxl
import pandas as pd
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

# A column is as wide as its header, within reason.
_WIDTHS = (10, 40)
_TEXT = "@"
_DAY = "yyyy-mm-dd"
_STAMPS = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")


def workbook(
    sheets: Mapping[str, tuple[Sequence[str], Iterable[Sequence[object]]]], *, day: pd.Timestamp
) -> bytes:
    """Write sheets of typed cells.

    A text is a text whatever it looks like: ``00123`` keeps its zeros,
    ``=1+1`` and ``+49`` are marked as Excel marks what was typed behind an
    apostrophe, so that they run neither now nor after an edit.

    Parameters
    ----------
    sheets : mapping
        Title to the names of the columns and the rows. A value is text, a
        number (Decimal too), a Timestamp (written as a day) or None.
    day : Timestamp
        Stands in the place of the time of writing.

    Returns
    -------
    bytes
        Of an ``.xlsx`` file.
    """
    book = openpyxl.Workbook(write_only=True)
    for title, (columns, rows) in sheets.items():
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for number, name in enumerate(columns, start=1):
            width = min(max(len(name) + 2, _WIDTHS[0]), _WIDTHS[1])
            sheet.column_dimensions[get_column_letter(number)].width = width
        heads = [WriteOnlyCell(sheet, value=name) for name in columns]
        for head in heads:
            head.font = Font(bold=True)
        sheet.append(heads)
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    written = io.BytesIO()
    book.save(written)
    return _without_clock(written.getvalue(), day=day)


def _cell(sheet: object, value: object) -> WriteOnlyCell:
    if value is None:
        return WriteOnlyCell(sheet)
    if isinstance(value, pd.Timestamp):
        cell = WriteOnlyCell(sheet, value=value.to_pydatetime())
        cell.number_format = _DAY
        return cell
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.number_format = _TEXT
        cell.quotePrefix = True
    elif isinstance(value, Decimal):
        places = -int(value.as_tuple().exponent)
        cell.number_format = "0" if places <= 0 else f"0.{'0' * places}"
    return cell


def _without_clock(content: bytes, *, day: pd.Timestamp) -> bytes:
    """Put a day in the place of the time of writing, in the workbook and in its archive."""
    stamp = f"{day:%Y-%m-%d}T00:00:00Z".encode()
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in sorted(old.namelist()):
            part = old.read(name)
            if name == "docProps/core.xml":
                part = _STAMPS.sub(rb"\g<1>" + stamp + rb"\g<2>", part)
            # A member without a date of its own has that of the first day that zip knows.
            new.writestr(zipfile.ZipInfo(name), part, compress_type=zipfile.ZIP_DEFLATED)
    return written.getvalue()
