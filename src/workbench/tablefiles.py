"""The numbers behind the pages as CSV: one file per table and figure, one of every sentence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from workbench.pages import Page, Payload, data_tables, sentences
from workbench.release import FORMULA_STARTS

FOLDER = "tables"


def table_files(pages: Sequence[Page]) -> dict[str, str]:
    r"""Write the numbers of all pages as CSV: comma, decimal point, UTF-8.

    Parameters
    ----------
    pages : sequence of Page
        All pages of a run.

    Returns
    -------
    dict
        File name below the run's folder to text, sorted by name.

        - ``tables/<name>.csv``: one per table and per figure, headed by the
          column keys
        - ``tables/kennzahlen.csv``: `notebook, name, label, value, unit`
        - ``tables/aussagen.csv``: `notebook, place, name, value, unit`, every
          number in every sentence
        - ``tables/urteile.csv``: `notebook, name, label, passed`

    Raises
    ------
    ValueError
        If two tables have one name.

    Examples
    --------
    >>> files = table_files([Page(stem="01_daten", title="Daten", question="")])
    >>> files["tables/urteile.csv"]
    'notebook,name,label,passed\n'
    """
    files = {
        "kennzahlen": _csv(
            ("notebook", "name", "label", "value", "unit"),
            (
                (page.stem, item["name"], item["label"], item["value"], item["unit"])
                for page in pages
                for item in page.key_figures
            ),
        ),
        "aussagen": _csv(
            ("notebook", "place", "name", "value", "unit"),
            (
                (page.stem, place, name, number["value"], number["unit"])
                for page in pages
                for place, sentence in sentences(page)
                for name, number in sentence["values"].items()
                if number["unit"] != "text"
            ),
        ),
        "urteile": _csv(
            ("notebook", "name", "label", "passed"),
            (
                (page.stem, item["name"], item["label"], "true" if item["passed"] else "false")
                for page in pages
                for item in page.verdicts
            ),
        ),
    }
    owners = dict.fromkeys(files, "the report itself")
    for page in pages:
        for table in data_tables(page):
            name = table["name"]
            text = _csv([column["key"] for column in table["columns"]], table["values"])
            # A notebook may show a table and then draw it: one file serves both.
            if name in files and not (owners[name] == page.stem and files[name] == text):
                raise ValueError(
                    f"table name {name!r} of {page.stem} is taken by {owners[name]}. "
                    "Names of tables and figures are file names: give it one of its own."
                )
            files[name], owners[name] = text, page.stem
    return {f"{FOLDER}/{name}.csv": files[name] for name in sorted(files)}


def download_address(table: Payload) -> str:
    """Return a table as a ``data:`` address of German CSV: semicolon, decimal comma, BOM.

    Parameters
    ----------
    table : dict
        Payload of an `outputs.Table`.
    """
    text = "\ufeff" + _csv(
        [column["label"] for column in table["columns"]],
        table["values"],
        delimiter=";",
        line_end="\r\n",
        decimal=",",
    )
    return "data:text/csv;charset=utf-8," + quote(text, safe=";,:/?!$()*=+")


def _csv(
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    delimiter: str = ",",
    line_end: str = "\n",
    decimal: str = ".",
) -> str:
    buffer = io.StringIO()
    # The writer quotes a text for the characters of its own line end alone.
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([_cell(label, decimal) for label in header])
    writer.writerows([_cell(value, decimal) for value in row] for row in rows)
    return buffer.getvalue().replace("\r\n", line_end)


def _cell(value: Any, decimal: str) -> Any:
    if isinstance(value, float):
        return repr(value).replace(".", decimal)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
