"""A set of customers with features and a known outcome: read, put into types, accounted for.

A row of the result is one customer; the columns are those of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from workbench import companion_cells as cells
from workbench import companions, identifiers, sources
from workbench.companion_columns import FLAGS, Shaped
from workbench.companions import Companion
from workbench.schema import DataError, ParameterError, TableForm
from workbench.sources import Source

NAME = "labelled"
KEYS = ("customer_id", "label")
# From this share of its filled cells on, a column is one of numbers or of days.
LEAST_SHARE = 0.95
# What no row of a text column shares with so many others tells the rows apart, and nothing else.
MIN_REPEATED = 20
# What becomes of a column, beside `identifiers.DECISIONS`.
DECISIONS = {
    "constant": "nur ein Wert, weggelassen",
    "unrepeated": "kein Wert kommt oft genug vor, weggelassen",
    "left_out": "auf Wunsch weggelassen",
}

# So many different values tell whether a column names people.
SAMPLED_VALUES = 200

_LACKS = " lacks ["
_DAY = re.compile(
    r"(?:\d{4}[-./]\d{2}[-./]\d{2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2}))(?:[ T]+\d.*)?"
)
_NUMBER = re.compile(
    r"[+\u2212-]?(?:\d{1,3}(?:[.,'\u2019 \u00a0\u202f]\d{3})+|\d+)?(?:[.,]\d*)?"
    r"(?:[eE][+-]?\d+)?(?: ?(?:€|\$|£|EUR|CHF|USD|GBP))?"
)
# 01067 is no number: the sign of a code.
_CODE = re.compile(r"0\d+")


class _Columns(NamedTuple):
    """What is read of a source: our names to its own, the form, and what becomes of each column."""

    theirs: dict[str, str]
    form: TableForm
    identified: pd.DataFrame


def read(
    x: str | Path,
    *,
    columns: Mapping[str, str],
    without: Iterable[str],
    known_customers: Iterable[str],
    as_of: pd.Timestamp,
    erased: Iterable[str] = (),
    objected: Iterable[str] = (),
) -> Companion:
    """Read a labelled set: one row per customer, a label of 0 or 1, any other columns as features.

    A column of numbers becomes numbers, one of days the days before its last day, any other one
    texts. Left out are columns that name people, have one value only, or are texts of which no
    value stands in 20 rows (`MIN_REPEATED`). A set has no time of its own, so that `as_of` cuts
    nothing.

    Parameters
    ----------
    x : str or Path
        A source, as in `sources.read`.
    columns : mapping
        `customer_id` and `label` to the source's names; a name that is not mapped stands for
        itself.
    without : iterable of str
        Names in the source of columns that are no features, for instance those that were known
        only after the outcome.
    known_customers, erased, objected
        As in `companions.read`.
    as_of : Timestamp
        Last day of the transactions.

    Returns
    -------
    Companion
        Its table is indexed and sorted by `customer_id`: `label` (bool), and the features under
        their names in the source, numbers as float (may be missing) and texts. In `identified`
        the decision may also be one of `DECISIONS`.

    Raises
    ------
    DataError
        If the source cannot be read, lacks a column, holds another label than 0 and 1, or has
        two different rows for one customer.
    ParameterError
        If `columns` has a key that is none of `KEYS`, or `without` a column that is needed.
    """
    found = _columns(x, columns=columns, without=list(without))
    source = sources.read(x, columns=found.theirs, form=found.form)
    companion = companions.assemble(
        NAME,
        source,
        form=found.form,
        shape=partial(_shape, form=found.form),
        known_customers=known_customers,
        as_of=as_of,
        erased=erased,
        objected=objected,
    )
    table = companion.table.set_index("customer_id").astype({"label": bool})
    reasons = {name: _useless(table[name]) for name in table.columns.drop("label")}
    decisions = {found.theirs[name]: reason for name, reason in reasons.items() if reason}
    identified = _decided(found.identified, decisions)
    features = [name for name, reason in reasons.items() if not reason]
    names = _unlike(found.theirs[name] for name in features)
    return companion._replace(
        table=table[["label", *features]].rename(columns=dict(zip(features, names, strict=True))),
        identified=identified,
    )


def _columns(x: str | Path, *, columns: Mapping[str, str], without: list[str]) -> _Columns:
    """Look at a whole source as text, and decide what each of its columns holds."""
    unknown = [ours for ours in columns if ours not in KEYS]
    if unknown:
        raise ParameterError(
            f"labelled_columns has the keys {unknown}; allowed are {list(KEYS)}. Any other column "
            "is a feature; name in labelled_without those that are none."
        )
    found, named = _header(x, columns)
    clash = [name for name in without if name in named.values()]
    if clash:
        raise ParameterError(f"labelled_without names {clash}, which the set cannot be without.")
    absent = [name for name in without if name not in found]
    if absent:
        raise ParameterError(
            f"labelled_without names {absent}, which the set lacks; it has {list(found)}."
        )
    kinds = {name: "left_out" for name in without}
    others = [name for name in found if name not in {*named.values(), *without}]
    theirs = named | {f"feature_{i}": name for i, name in enumerate(others)}
    texts = tuple(ours for ours in theirs if ours not in KEYS)
    form = TableForm(NAME, needed=KEYS, ids=KEYS[:1], texts=(KEYS[1], *texts))
    source = sources.read(x, columns=theirs, form=form)
    rows = source.relation.select(*texts).df() if texts else pd.DataFrame()
    source.connection.close()

    identified = identifiers.judge(
        found,
        used=named,
        samples={theirs[ours]: sorted(set(rows[ours]))[:SAMPLED_VALUES] for ours in texts},
    )
    by_name = identified.set_index("column")["kind"]
    features = [ours for ours in texts if not by_name[theirs[ours]]]
    kinds |= {theirs[ours]: "used" for ours in features}
    holds = {ours: _kind(rows[ours]) for ours in features}
    return _Columns(
        theirs={ours: theirs[ours] for ours in (*KEYS, *features)},
        form=TableForm(
            NAME,
            needed=KEYS,
            ids=KEYS[:1],
            days=tuple(ours for ours in features if holds[ours] == "day"),
            numbers=tuple(ours for ours in features if holds[ours] == "number"),
            texts=(KEYS[1], *(ours for ours in features if holds[ours] == "text")),
        ),
        identified=_decided(identified, kinds),
    )


def _header(x: str | Path, columns: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Find the columns of a source, and which of them are those of `KEYS`."""
    form = TableForm(NAME, needed=KEYS, ids=KEYS[:1], texts=KEYS[1:])
    refusals = []
    for names in [columns] if columns else [{}, "deutsch"]:
        try:
            source = sources.read(x, columns=names, form=form)
        except DataError as error:
            if _LACKS not in str(error):
                raise
            refusals.append(error)
        else:
            source.connection.close()
            return source.columns_found, source.columns
    lacking, _, rest = str(refusals[0]).partition("; it has ")
    raise DataError(
        f"{lacking}; it has {rest.partition('. ')[0]}. Say which they are, like "
        "labelled_columns={customer_id: ID, label: Response}."
    ) from refusals[0]


def _decided(identified: pd.DataFrame, decisions: Mapping[str, str]) -> pd.DataFrame:
    """Put what was decided of some columns in the place of what was known of them."""
    known = zip(identified["column"], identified["decision"], strict=True)
    return identified.assign(decision=[decisions.get(column, old) for column, old in known])


def _kind(texts: pd.Series) -> str:
    """Tell whether a column holds numbers, days or texts; a few cells may be something else."""
    filled = cells.stripped(texts[~cells.is_blank(texts)])
    if filled.empty or filled.str.fullmatch(_CODE).any():
        return "text"
    for kind, pattern in (("day", _DAY), ("number", _NUMBER)):
        if filled.str.fullmatch(pattern).mean() >= LEAST_SHARE:
            return kind
    return "text"


def _shape(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp, form: TableForm) -> Shaped:
    """Keep one row per customer with a label, its cells as values."""
    rows = cells.dropped(rows, "no_label", cells.is_blank(rows["label"]))
    label = cells.chosen(rows["label"], FLAGS)
    cells.check_all(rows, "label", bad=label.isna(), what="0 or 1", source=source)
    days = {name: cells.days(rows[name]) for name in form.days}
    # What is left out must not move the day that all others are counted to.
    last = {name: day[rows["reason"] == ""].max() for name, day in days.items()}
    values = {name: (last[name] - day) / pd.Timedelta(days=1) for name, day in days.items()}
    values |= {name: cells.numbers(rows[name]) for name in form.numbers}
    unread = sum(cells.unread(rows[name], value).astype(int) for name, value in values.items())
    texts = {name: cells.filled(rows[name]) for name in form.texts if name != "label"}
    rows = rows.assign(label=label.astype("boolean"), **values, **texts)
    rows = cells.dropped(rows, "duplicate", cells.kept(rows).duplicated(list(form.columns)))
    kept = cells.kept(rows)
    cells.check_one_row(kept, source=source)
    counts = {
        "events": int(kept["label"].sum()),
        "others": int((~kept["label"]).sum()),
        "cells_unreadable": int((unread + pd.Series(0, index=rows.index))[kept.index].sum()),
    }
    return Shaped(rows.astype({"label": "boolean"}), counts)


def _useless(values: pd.Series) -> str:
    """Say why a column tells nothing, as a key of `DECISIONS`; empty if it may."""
    if values.nunique(dropna=False) < 2:
        return "constant"
    if pd.api.types.is_numeric_dtype(values):
        return ""
    return "" if values.value_counts().iloc[0] >= MIN_REPEATED else "unrepeated"


def _unlike(names: Iterable[str]) -> list[str]:
    """Tell names apart that differ from another, or from ours, in capitals only.

    Examples
    --------
    >>> _unlike(["Income", "income", "Label"])
    ['Income', 'income (2)', 'Label (2)']
    """
    seen, told = set(KEYS), []
    for name in names:
        n, one = 1, name
        while one.casefold() in seen:
            n += 1
            one = f"{name} ({n})"
        seen.add(one.casefold())
        told.append(one)
    return told
