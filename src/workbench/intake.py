"""The cleaned customer base of a notebook: read from its source, or from the run's own folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd

from workbench import (
    companions,
    consents,
    datasets,
    identifiers,
    labelled_sets,
    pseudonyms,
    sources,
    transactions,
)
from workbench import lines as line_items
from workbench import orders as order_tables
from workbench import returns as settling
from workbench.companions import Companion
from workbench.dialects import Fact
from workbench.lines import Lines
from workbench.orders import Orders
from workbench.returns import Unsettled
from workbench.schema import TRANSACTIONS, DataError, ParameterError
from workbench.sources import Source

CUSTOMERS_FOLDER = Path("customers")
ORDERS = CUSTOMERS_FOLDER / "orders.parquet"
UNSETTLED = CUSTOMERS_FOLDER / "unsettled.parquet"
LINES = CUSTOMERS_FOLDER / "lines.parquet"
LEFT_OUT = CUSTOMERS_FOLDER / "contacts_left_out.parquet"
# Only while a run lasts: the ids that its release gate must find on no page.
IDS = CUSTOMERS_FOLDER / "ids.parquet"
ORIGIN = CUSTOMERS_FOLDER / "origin.json"
# Parameters that name a source.
SOURCES = ("transactions", *companions.FORMS, labelled_sets.NAME)
_PASSWORD = re.compile(r"//[^/\s]*:[^/\s]*@|\b(?:password|passwd|pwd)\s*=", re.IGNORECASE)
# Who is left out stands in one of these.
LISTS = {"erased": "the erasure list", "objected": "the objections of the consent table"}
PASSING = (IDS, ORIGIN)
TABLES = (*companions.FORMS, labelled_sets.NAME)
# Those with one row per customer.
ONE_ROW = ("customers", labelled_sets.NAME)
# So many different values tell what a column holds.
SAMPLED_VALUES = 200
DEFAULT_CURRENCY = "EUR"
MAX_SILENT_DAYS = 366


class Base(NamedTuple):
    """The orders of a customer base up to a day, and where they are from.

    Attributes
    ----------
    stored : Orders
        One row per customer and day up to `as_of`, in a database.
    first_day : Timestamp
        First day with a line that counts, also of an order that came back.
    as_of : Timestamp
        Last day that counts.
    name, label, currency : str
        Short name, shown name and ISO code of the source.
    returns : str
        How returns were settled, a policy of `returns.settle`.
    unsettled : Unsettled
        What it takes to settle them again.
    lines : Lines or None
        The line items up to `as_of`, as they were booked; None where a line of
        the source says no more than an order.
    tables : dict of str to DataFrame
        The optional tables that were asked for and are there.
    left_out : DataFrame or None
        Where the table of contacts is there: as in `companions.Companion`, how
        many of its customers are in no table.
    """

    stored: Orders
    first_day: pd.Timestamp
    as_of: pd.Timestamp
    name: str
    label: str
    currency: str
    returns: str
    unsettled: Unsettled
    lines: Lines | None
    tables: dict[str, pd.DataFrame]
    left_out: pd.DataFrame | None

    @property
    def orders(self) -> pd.DataFrame:
        """All orders, sorted: `customer_id`, `date`, `amount` (currency); read once."""
        return self.stored.frame

    @property
    def details(self) -> dict[str, pd.DataFrame | Lines]:
        """What there is beside the orders: the optional tables and, as ``lines``, the lines."""
        return self.tables | ({} if self.lines is None else {"lines": self.lines})

    def known(self, day: pd.Timestamp) -> pd.DataFrame:
        """Return the orders as they were known on a day: without the returns that came later."""
        return settling.restate(self.stored, self.unsettled, policy=self.returns, as_of=day)

    def by_policy(self) -> dict[str, pd.DataFrame]:
        """Return the orders under each policy for returns; empty where there are none."""
        if not self.unsettled.n_rows:
            return {}
        return {
            policy: settling.restate(self.stored, self.unsettled, policy=policy, as_of=self.as_of)
            for policy in settling.POLICIES
        }


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
    facts : tuple of Fact
        How the source is written, and what was made of it.
    columns_found : tuple of str
        The source's own column names.
    columns : dict
        Our names to those of the source.
    identified : DataFrame
        As in `identifiers.judge`: which columns name a person.
    pseudonymised : bool
        The ids in `base` are pseudonyms.
    ids : Series
        Every id that was read, in any table, also of people left out: what no
        page may hold.
    made_of : dict of str to DataFrame
        As in `transactions.Cleaned`.
    companions : dict of str to Companion
        The optional tables that were given, under the ids of `base`.
    """

    base: Base
    balance: pd.DataFrame
    counts: pd.DataFrame
    sha256: str
    n_rows: int
    facts: tuple[Fact, ...]
    columns_found: tuple[str, ...]
    columns: dict[str, str]
    identified: pd.DataFrame
    pseudonymised: bool
    ids: pd.Series
    made_of: dict[str, pd.DataFrame]
    companions: dict[str, Companion]


def check_sources(names: Iterable[str]) -> None:
    """Refuse sources and queries that hold a password, before anything stores them.

    Raises
    ------
    ParameterError
        If there is one; the password is not part of the message.
    """
    for x in names:
        if sources.is_address(x):
            from workbench import databases  # SQLAlchemy, which few need

            databases.check_address(x)
        elif _PASSWORD.search(x):
            raise ParameterError(
                "a source or a query holds a password, and a run keeps its parameters. Put it "
                "into PGPASSWORD or ~/.pgpass."
            )


def read(
    x: str,
    *,
    query: str = "",
    columns: Mapping[str, str] | str = {},
    dialect: Mapping[str, str] = {},
    tables: Mapping[str, str] = {},
    labelled_columns: Mapping[str, str] = {},
    labelled_without: Iterable[str] = (),
    as_of: pd.Timestamp | None = None,
    currency: str = "",
    returns: str = "net",
    duplicates: str = "report",
    max_loss: float = 0.35,
    pseudonymise: str = "auto",
) -> Reading:
    """Read and clean the transactions, and the optional tables beside them.

    Who is on the erasure list, or objects to profiling, is in none of the
    tables, whatever the day.

    Parameters
    ----------
    x : str
        The source, as in `sources.read`.
    query : str
        The table, SELECT or sheet of the source; empty where it needs none.
    columns : mapping or str
        Our column names to theirs, or a preset.
    dialect : mapping
        As in `sources.read`.
    tables : mapping of str to str
        Optional table, one of `TABLES`, to its source; empty is none.
    labelled_columns, labelled_without
        As `columns` and `without` in `labelled_sets.read`.
    as_of : Timestamp or None
        Last day that counts; None is the last day in the data.
    currency : str
        ISO code; empty is the source's own, else EUR.
    returns, duplicates, max_loss
        As in `transactions.clean`.
    pseudonymise : {"auto", "on", "off"}
        Whether pseudonyms stand for the ids; ``auto`` is off where nothing but an
        embedded data set is read.

    Raises
    ------
    DataError
        If the source cannot be read, or the cleaning refuses it.
    """
    source = sources.read(x, query=query, columns=columns, dialect=dialect)
    identified = identifiers.judge(
        source.columns_found, used=source.columns, samples=_samples(source)
    )
    identifiers.check_used(identified)
    embedded, named = _embedded_tables(x)
    given = {name: str(table) for name, table in embedded.items() if name in tables}
    given |= {name: table for name, table in tables.items() if table}
    named = {name: columns for name, columns in named.items() if not tables.get(name)}
    left_out = _left_out(given)
    cleaned = transactions.clean(
        source,
        max_loss=max_loss,
        duplicates=duplicates,
        as_of=as_of,
        returns=returns,
        **left_out,
    )
    silent_days = 0 if as_of is None else (as_of - cleaned.last_day).days
    if silent_days > MAX_SILENT_DAYS:
        raise DataError(
            f"as_of={as_of.date()} lies {silent_days} days after the last line of the source, "
            f"{cleaned.last_day.date()}: so long a silence would count as customers lost. "
            "Take an earlier as_of, or newer data."
        )
    names_people = (identified["kind"] != "") & (identified["decision"] == "pseudonymised")
    is_public = source.embedded and not any(tables.values())
    wanted = pseudonymise == "on" or (pseudonymise == "auto" and not is_public)
    hide = wanted or bool(names_people.any())
    key = pseudonyms.key() if hide else None
    ids = transactions.customers_read(source)
    for reason, listed in left_out.items():
        companions.check_reach(listed, ids, what=LISTS[reason])
    last_day = cleaned.last_day if as_of is None else as_of
    names, salt = (None, "") if key is None else (_names(ids, key), pseudonyms.salt(key))
    known = order_tables.customers(cleaned.stored)
    beside = {}
    for name, table in given.items():
        up_to = {"known_customers": known, "as_of": last_day, **left_out}
        if name == labelled_sets.NAME:
            how = {"columns": labelled_columns, "without": labelled_without}
            beside[name] = labelled_sets.read(table, **how, **up_to)
        elif name == "erasure":
            beside[name] = companions.read(name, table, known_customers=ids, as_of=last_day)
        else:
            how = {"columns": named.get(name), "crm": source.crm}
            beside[name] = companions.read(name, table, **how, **up_to)
    if "consent" in beside:
        told = beside["consent"].table
        refusing = told.loc[told["status"] == consents.OBJECTION, "customer_id"]
        companions.check_reach(refusing, ids, what=LISTS["objected"])
    if {"consent", "contacts"} <= set(beside):
        said = consents.with_opt_outs(beside["consent"].table, beside["contacts"].opt_outs)
        beside["consent"] = beside["consent"]._replace(table=said)
    base = Base(
        stored=cleaned.stored if names is None else order_tables.renamed(cleaned.stored, names),
        first_day=cleaned.first_day,
        as_of=last_day,
        name=source.name,
        label=source.label,
        currency=_currency(currency, source.currency, cleaned.currency),
        returns=returns,
        unsettled=cleaned.unsettled
        if names is None
        else settling.renamed(cleaned.unsettled, names, salt=salt),
        lines=line_items.keep(source.connection, columns=source.columns, names=names, salt=salt),
        tables={name: _hide(found.table, key) for name, found in beside.items()},
        left_out=beside["contacts"].left_out if "contacts" in beside else None,
    )
    _check_currencies(beside, currency=base.currency)
    return Reading(
        base=base,
        balance=cleaned.balance,
        counts=cleaned.counts,
        sha256=source.sha256,
        n_rows=source.n_rows,
        facts=source.facts,
        columns_found=source.columns_found,
        columns=source.columns,
        identified=identified,
        pseudonymised=hide,
        ids=_ids(ids, left_out, beside),
        made_of=cleaned.made_of,
        companions={
            name: found._replace(table=base.tables[name]) for name, found in beside.items()
        },
    )


def _embedded_tables(x: str) -> tuple[dict[str, Path], dict[str, dict[str, str]]]:
    """Find the optional tables that come with an embedded data set, and their columns' names."""
    if not x.startswith(sources.DATASET_PREFIX):
        return {}, {}
    name = x.removeprefix(sources.DATASET_PREFIX)
    return datasets.companions(name), datasets.COMPANION_COLUMNS.get(name, {})


def _samples(source: Source) -> dict[str, list[str]]:
    """Take some values of each text column that is read, the same in any order of the rows."""
    samples = {}
    for ours, theirs in source.columns.items():
        if ours in TRANSACTIONS.ids + TRANSACTIONS.texts:
            rows = source.connection.execute(
                f"""
                SELECT {ours} FROM plain_lines WHERE {ours} <> ''
                GROUP BY {ours} ORDER BY hash({ours}) LIMIT {SAMPLED_VALUES}
                """
            ).fetchall()
            samples[theirs] = [value for (value,) in rows]
    return samples


def _left_out(tables: Mapping[str, str]) -> dict[str, pd.Index]:
    """Read who must be in no table; a wish of today counts for every day before it too."""
    found = {}
    ever = {"known_customers": (), "as_of": pd.Timestamp.max.normalize()}
    if "erasure" in tables:
        listed = companions.read("erasure", tables["erasure"], **ever).table
        found["erased"] = pd.Index(listed["customer_id"])
    if "consent" in tables:
        found["objected"] = consents.objected(
            companions.read("consent", tables["consent"], **ever).table
        )
    return found


def _currency(asked: str, of_source: str, of_lines: str) -> str:
    """Take the currency asked for, where the data do not say another one."""
    told = of_lines or of_source
    if asked and told and asked != told:
        raise DataError(
            f"currency={asked}, but the amounts are in {told}. Leave the parameter out, or "
            "convert the amounts first."
        )
    return asked or told or DEFAULT_CURRENCY


def _check_currencies(beside: Mapping[str, Companion], *, currency: str) -> None:
    """Refuse an optional table whose money is another one."""
    for name, companion in beside.items():
        if name == labelled_sets.NAME:
            # Its amounts are features, and are added to none of the purchases.
            continue
        told = "".join(fact.value for fact in companion.facts if fact.code == "currency")
        if told and told != currency:
            raise DataError(
                f"the amounts of {name} ({companion.label}) are in {told}, those of the purchases "
                f"in {currency}. Convert them to one currency first."
            )


def _hide(table: pd.DataFrame, key: bytes | None) -> pd.DataFrame:
    """Put pseudonyms for the ids, and sort by them, so that nothing is left of the old order."""
    if key is None:
        return table
    if table.index.name == "customer_id":
        return _hide(table.reset_index(), key).set_index("customer_id")
    hidden = table.copy()
    for name in hidden.columns.intersection(["customer_id", "referred_by"]):
        filled = hidden[name].dropna()
        hidden.loc[filled.index, name] = pseudonyms.pseudonymise(filled, key=key)
    order = [name for name in ("customer_id", "date") if name in hidden]
    return hidden.sort_values(order or list(hidden.columns), ignore_index=True, kind="stable")


def _ids(
    read: pd.Index, left_out: Mapping[str, pd.Index], beside: Mapping[str, Companion]
) -> pd.Series:
    """Collect all ids that were read, as they stand in the sources."""
    found = {*read, *(name for listed in left_out.values() for name in listed)}
    for companion in beside.values():
        table = companion.table.reset_index()
        for column in table.columns.intersection(["customer_id", "referred_by"]):
            found |= set(table[column].dropna())
    return pd.Series(sorted(found), dtype="str", name="customer_id")


def _names(ids: pd.Index, key: bytes) -> pd.DataFrame:
    """Give each customer a pseudonym."""
    customers = ids.to_series(index=range(len(ids)))
    hidden = pseudonyms.pseudonymise(customers, key=key)
    return pd.DataFrame({"customer_id": customers, "name": hidden})


def load(x: str, *, run_dir: str, **how: Any) -> Base:
    """Return the base that a run already holds, or read the source.

    Parameters
    ----------
    x : str
        The source; not opened inside a run.
    run_dir : str
        Folder of the run, or empty when a notebook runs alone.
    **how
        As in `read`.

    Raises
    ------
    DataError
        If the run's folder holds no orders, or as in `read`.
    """
    if not run_dir:
        return read(x, **how).base
    folder = Path(run_dir)
    for needed in (ORDERS, UNSETTLED, ORIGIN):
        if not (folder / needed).is_file():
            raise DataError(f"run_dir {run_dir!r} holds no {needed}. Run 01_daten into it first.")
    origin = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    connection = order_tables.connect()
    return Base(
        stored=order_tables.read(connection, folder / ORDERS),
        first_day=pd.Timestamp(origin["first_day"]),
        as_of=pd.Timestamp(origin["as_of"]),
        name=origin["name"],
        label=origin["label"],
        currency=origin["currency"],
        returns=origin["returns"],
        unsettled=settling.read_unsettled(connection, folder / UNSETTLED),
        lines=line_items.read(connection, folder / LINES) if (folder / LINES).is_file() else None,
        tables={
            name: _indexed(read_table(path), name)
            for name in how.get("tables", {})
            if (path := folder / _table_file(name)).is_file()
        },
        left_out=read_table(folder / LEFT_OUT) if (folder / LEFT_OUT).is_file() else None,
    )


def hand_over(reading: Reading, *, run_dir: str) -> None:
    """Write the cleaned orders for the other notebooks; nothing when a notebook runs alone."""
    if not run_dir:
        return
    base = reading.base
    (Path(run_dir) / CUSTOMERS_FOLDER).mkdir(parents=True, exist_ok=True)
    order_tables.write(base.stored, Path(run_dir) / ORDERS)
    settling.write_unsettled(base.unsettled, Path(run_dir) / UNSETTLED)
    if base.lines is not None:
        line_items.write(base.lines, Path(run_dir) / LINES)
    for table in (ORDERS, UNSETTLED, *([] if base.lines is None else [LINES])):
        (Path(run_dir) / table).chmod(0o600)
    extent = order_tables.extent(base.stored)
    write_table(reading.ids.to_frame(), Path(run_dir) / IDS)
    for name, companion in reading.companions.items():
        if name == "erasure":
            continue
        table = companion.table
        table = table.reset_index() if table.index.name else table
        write_table(table, Path(run_dir) / _table_file(name))
    if base.left_out is not None:
        write_table(base.left_out, Path(run_dir) / LEFT_OUT)
    origin = {
        "name": base.name,
        "label": base.label,
        "currency": base.currency,
        "first_day": base.first_day.date().isoformat(),
        "as_of": base.as_of.date().isoformat(),
        "returns": base.returns,
        "pseudonymised": reading.pseudonymised,
        "sha256": reading.sha256,
        "rows_read": reading.n_rows,
        "orders": extent.purchases,
        "customers": extent.customers,
    }
    (Path(run_dir) / ORIGIN).write_text(
        json.dumps(origin, ensure_ascii=False, indent=2), encoding="utf-8"
    )


def _indexed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.set_index("customer_id") if name in ONE_ROW else table


def _table_file(name: str) -> Path:
    return CUSTOMERS_FOLDER / f"table_{name}.parquet"


def data_hash(run_dir: str) -> str:
    """Return the SHA-256 of the source that a run has read."""
    return json.loads((Path(run_dir) / ORIGIN).read_text(encoding="utf-8"))["sha256"]


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
    with duckdb.connect(config={"threads": 1, "temp_directory": ""}) as connection:
        connection.from_df(table.copy()).write_parquet(str(path), compression="zstd")
    path.chmod(0o600)


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet file of a run."""
    with duckdb.connect(config={"threads": 1, "temp_directory": ""}) as connection:
        return connection.read_parquet(str(path)).df()
