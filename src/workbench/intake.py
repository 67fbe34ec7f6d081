"""The cleaned customer base of a notebook: read from its source, or from the run's own folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb
import pandas as pd

from workbench import sources, transactions
from workbench.schema import DataError, check_orders

CUSTOMERS_FOLDER = Path("customers")
ORDERS = CUSTOMERS_FOLDER / "orders.parquet"
ORIGIN = CUSTOMERS_FOLDER / "origin.json"
DEFAULT_CURRENCY = "EUR"
MAX_SILENT_DAYS = 366


class Base(NamedTuple):
    """The orders of a customer base up to a day, and where they are from.

    Attributes
    ----------
    orders : DataFrame
        One row per customer and day up to `as_of`: `customer_id`, `date`,
        `amount` (currency).
    as_of : Timestamp
        Last day that counts.
    name, label, currency : str
        Short name, shown name and ISO code of the source.
    """

    orders: pd.DataFrame
    as_of: pd.Timestamp
    name: str
    label: str
    currency: str


class Reading(NamedTuple):
    """A base just read, with the account of its cleaning.

    Attributes
    ----------
    base : Base
        What the notebooks work on.
    balance, counts : DataFrame
        As in `transactions.Cleaned`.
    sha256 : str
        Of the source's bytes.
    n_rows : int
        Rows read.
    """

    base: Base
    balance: pd.DataFrame
    counts: pd.DataFrame
    sha256: str
    n_rows: int


def read(
    x: str,
    *,
    columns: Mapping[str, str] | str,
    as_of: pd.Timestamp | None,
    currency: str,
    duplicates: str,
    max_loss: float,
) -> Reading:
    """Read and clean a source.

    Parameters
    ----------
    x : str
        The source, as in `sources.read`.
    columns : mapping or str
        Our column names to theirs, or a preset.
    as_of : Timestamp or None
        Last day that counts; None is the last day in the data.
    currency : str
        ISO code; empty is the source's own, else EUR.
    duplicates, max_loss
        As in `transactions.clean`.

    Raises
    ------
    DataError
        If the source cannot be read, or the cleaning refuses it.
    """
    source = sources.read(x, columns=columns)
    cleaned = transactions.clean(source, max_loss=max_loss, duplicates=duplicates, as_of=as_of)
    silent_days = 0 if as_of is None else (as_of - cleaned.last_day).days
    if silent_days > MAX_SILENT_DAYS:
        raise DataError(
            f"as_of={as_of.date()} lies {silent_days} days after the last line of the source, "
            f"{cleaned.last_day.date()}: so long a silence would count as customers lost. "
            "Take an earlier as_of, or newer data."
        )
    base = Base(
        orders=cleaned.orders,
        as_of=cleaned.last_day if as_of is None else as_of,
        name=source.name,
        label=source.label,
        currency=currency or source.currency or DEFAULT_CURRENCY,
    )
    return Reading(base, cleaned.balance, cleaned.counts, source.sha256, source.n_rows)


def load(
    x: str,
    *,
    run_dir: str,
    columns: Mapping[str, str] | str,
    as_of: pd.Timestamp | None,
    currency: str,
    duplicates: str,
    max_loss: float,
) -> Base:
    """Return the base that a run already holds, or read the source.

    Parameters
    ----------
    x : str
        The source; not opened inside a run.
    run_dir : str
        Folder of the run, or empty when a notebook runs alone.
    columns, as_of, currency, duplicates, max_loss
        As in `read`.

    Raises
    ------
    DataError
        If the run's folder holds no orders, or as in `read`.
    """
    if not run_dir:
        return read(
            x,
            columns=columns,
            as_of=as_of,
            currency=currency,
            duplicates=duplicates,
            max_loss=max_loss,
        ).base
    folder = Path(run_dir)
    for needed in (ORDERS, ORIGIN):
        if not (folder / needed).is_file():
            raise DataError(f"run_dir {run_dir!r} holds no {needed}. Run 01_daten into it first.")
    origin = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    orders = read_table(folder / ORDERS)
    # DuckDB hands back microseconds or days; one unit keeps arithmetic alike in both ways in.
    orders["date"] = orders["date"].astype("datetime64[us]")
    check_orders(orders)
    return Base(
        orders=orders,
        as_of=pd.Timestamp(origin["as_of"]),
        name=origin["name"],
        label=origin["label"],
        currency=origin["currency"],
    )


def hand_over(reading: Reading, *, run_dir: str) -> None:
    """Write the cleaned orders for the other notebooks; nothing when a notebook runs alone."""
    if not run_dir:
        return
    base = reading.base
    write_table(base.orders, Path(run_dir) / ORDERS)
    origin = {
        "name": base.name,
        "label": base.label,
        "currency": base.currency,
        "as_of": base.as_of.date().isoformat(),
        "sha256": reading.sha256,
        "rows_read": reading.n_rows,
        "orders": len(base.orders),
        "customers": int(base.orders["customer_id"].nunique()),
    }
    (Path(run_dir) / ORIGIN).write_text(
        json.dumps(origin, ensure_ascii=False, indent=2), encoding="utf-8"
    )


def write_customers(table: pd.DataFrame, *, run_dir: str, notebook: str) -> None:
    """Write a notebook's columns about customers; nothing when it runs alone.

    Parameters
    ----------
    table : DataFrame
        Indexed by `customer_id`.
    run_dir : str
        Folder of the run, or empty.
    notebook : str
        Stem of the notebook, for example ``03_clv``.
    """
    if run_dir:
        path = Path(run_dir) / CUSTOMERS_FOLDER / f"{notebook}.parquet"
        write_table(table.sort_index().reset_index(), path)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a Parquet file that only its owner may read; same table, same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.from_df(table.copy()).write_parquet(str(path), compression="zstd")
    path.chmod(0o600)


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet file of a run."""
    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.read_parquet(str(path)).df()
