"""Typed values of a workbook or a database as exact text, and what each of their columns holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from types import NoneType
from typing import NamedTuple

import duckdb

from workbench import textfiles
from workbench.day_formats import MAX_LENGTH, ZONE, Form
from workbench.schema import DataError, TableForm

_BATCH = 10_000
_NUMBERS, _DAYS = (int, float, Decimal), (date, datetime)
# An error of Excel is no text that could be a number: #DIV/0!.
_DIGIT = re.compile("^[^#]*[0-9]")
# Beyond it, whole numbers in floating point are no longer exact.
_WHOLE = 1 << 53


class Column(NamedTuple):
    """What the cells of a column are.

    Attributes
    ----------
    n_numbers, n_floats : int
        Numbers, and those of them in floating point.
    n_days, n_instants : int
        Days with or without a time, and those of them that know UTC.
    first : mapping
        The first ``number``, ``day`` and ``text``; of texts only one with a
        digit in it, which is not the name of the column.
    is_broken : bool
        Whether there are bytes that are no text in UTF-8.
    """

    n_numbers: int = 0
    n_floats: int = 0
    n_days: int = 0
    n_instants: int = 0
    first: Mapping[str, Form] = {}
    is_broken: bool = False


class Loaded(NamedTuple):
    """How many rows became `raw_lines`; which columns are typed; whether their days know UTC."""

    n_rows: int
    typed: frozenset[str]
    instants: bool


def fill(
    connection: duckdb.DuckDBPyConnection,
    rows: Iterable[tuple[int, Sequence[object]]],
    *,
    found: tuple[str, ...],
) -> tuple[Column, ...]:
    """Store rows as the table `cells` of texts, a batch at a time, and tell what they were.

    The texts are those of DuckDB: numbers exact and as short as can be,
    ``2024-01-31 12:49:00``, ``true``; instants are in UTC and end in ``+00``. Bytes are the text
    that they are in UTF-8, or else their hexadecimal digits.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is made: `line`, and ``c0`` onwards.
    rows : iterable
        The line of each row, and a value for each column.
    found : tuple of str
        Names of the columns.
    """
    rows = iter(rows)
    names = [f"c{i}" for i in range(len(found))]
    connection.execute(
        f"CREATE TABLE cells (line BIGINT, {', '.join(f'{name} VARCHAR' for name in names)})"
    )
    insert = f"INSERT INTO cells SELECT unnest(?::BIGINT[]){', unnest(?::VARCHAR[])' * len(names)}"
    columns = [Column()] * len(found)
    while batch := list(islice(rows, _BATCH)):
        lines = [line for line, _ in batch]
        texts = []
        for i, values in enumerate(zip(*(values for _, values in batch), strict=True)):
            is_broken = columns[i].is_broken
            if bytes in set(map(type, values)):
                plain = [_decoded(value) for value in values]
                is_broken |= any(type(value) is bytes for value in plain)
                values = [value.hex() if type(value) is bytes else value for value in plain]
            columns[i] = _add(columns[i], lines, values, name=found[i])
            columns[i] = columns[i]._replace(is_broken=is_broken)
            is_text = set(map(type, values)) <= {str, NoneType}
            texts.append(values if is_text else [_text(value) for value in values])
        connection.execute(insert, [lines, *texts])
    return tuple(columns)


def _decoded(value: object) -> object:
    """Make text of bytes that are text."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _add(column: Column, lines: list[int], values: Sequence[object], *, name: str) -> Column:
    """Add a batch of values to what is known of a column."""
    types = Counter(map(type, values))
    instants = datetime in types and sum(
        type(value) is datetime and value.tzinfo is not None for value in values
    )
    first = dict(column.first)
    for kind, of in (("number", _NUMBERS), ("day", _DAYS), ("text", (str,))):
        if kind not in first and not types.keys().isdisjoint(of):
            found = (
                Form(1, line, _text(value)[:MAX_LENGTH])
                for line, value in zip(lines, values, strict=True)
                if type(value) in of
                and (kind != "text" or (value != name and _DIGIT.search(value)))
            )
            form = next(found, None)
            first |= {kind: form} if form else {}
    return Column(
        column.n_numbers + sum(types[kind] for kind in _NUMBERS),
        column.n_floats + types[float],
        column.n_days + sum(types[kind] for kind in _DAYS),
        column.n_instants + instants,
        first,
    )


def _moment(value: datetime) -> str:
    zone = "" if value.tzinfo is None else "+00"
    if zone:
        value = value.astimezone(UTC).replace(tzinfo=None)
    text = str(value)
    return (text.rstrip("0") if value.microsecond else text) + zone


_TEXTS: dict[type, Callable[..., str | None]] = {
    NoneType: lambda value: value,
    str: lambda value: value,
    bool: lambda value: str(value).lower(),
    float: repr,
    Decimal: lambda value: format(value, "f"),
    datetime: _moment,
    dict: partial(json.dumps, ensure_ascii=False),
}


def _text(value: object) -> str | None:
    return _TEXTS.get(type(value), str)(value)


def load(
    connection: duckdb.DuckDBPyConnection,
    *,
    found: tuple[str, ...],
    columns: tuple[Column, ...],
    chosen: Mapping[str, str],
    form: TableForm,
    label: str,
) -> Loaded:
    """Make `raw_lines` of the table `cells`, and drop that.

    A column of numbers or days is typed if none of its cells says otherwise:
    text without a digit may stand among them, other text may not.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds `cells`, as `fill` makes it.
    found, columns : tuple
        Names of the columns, and what they hold.
    chosen : mapping
        Our names to those of the columns.
    form : TableForm
        What our columns hold.
    label : str
        What a user knows the source by.

    Raises
    ------
    DataError
        If a column mixes numbers, days and text with digits, or holds bytes
        that are no text.
    """
    held = {ours: columns[found.index(theirs)] for ours, theirs in chosen.items()}
    for name, column in held.items():
        if column.is_broken:
            raise no_text(chosen[name], label)
    typed = set()
    for name in (*form.days, *form.numbers):
        if name in held and (name in form.days or held[name].first.keys() != {"day"}):
            _check_one_kind(held[name], header=chosen[name], label=label)
        if name in held and (held[name].n_days if name in form.days else held[name].n_numbers):
            typed.add(name)
    texts = {}
    for name, column in held.items():
        texts[name] = cell = f"c{found.index(chosen[name])}"
        if column.n_instants:
            texts[name] = f"timezone('{ZONE}', {cell}::TIMESTAMPTZ)::VARCHAR"
        elif name in form.ids and 0 < column.n_floats == column.n_numbers:
            texts[name] = id_text(f"try_cast({cell} AS DOUBLE)", otherwise=cell)
    n_rows = textfiles.store(
        connection,
        "cells",
        [],
        texts=texts,
        ids=form.ids,
        cells=[f"c{i}" for i in range(len(found))],
        line="line",
    )
    connection.execute("DROP TABLE cells")
    instants = any(held[name].n_instants for name in form.days if name in held)
    return Loaded(n_rows, frozenset(typed), instants)


def _check_one_kind(column: Column, *, header: str, label: str) -> None:
    if len(column.first) > 1:
        shown = ", ".join(
            f"a {kind} in line {form.line}: {form.text!r}"
            for kind, form in sorted(column.first.items(), key=lambda item: item[1].line)
        )
        raise DataError(
            f"column {header!r} of {label} mixes kinds of cells: {shown}. "
            "Give all of them the type of a day or a number, or write all of them as text."
        )


def id_text(number: str, *, otherwise: str) -> str:
    """Write the SQL of an id in floating point: whole ids lose their ``.0``, NaN is none."""
    # A column of whole ids with gaps is stored as floating point by pandas: 17850.0.
    return (
        f"CASE WHEN {number} = trunc({number}) AND abs({number}) < {_WHOLE} "
        f"THEN {number}::BIGINT::VARCHAR WHEN isnan({number}) THEN '' ELSE {otherwise} END"
    )


def bytes_text(column: str) -> str:
    """Write the SQL of bytes as the text that they are in UTF-8, or else escaped."""
    return f"coalesce(try(decode({column})), {column}::VARCHAR)"


def no_text(column: str, label: str) -> DataError:
    """Refuse bytes in a column that is read."""
    return DataError(
        f"column {column!r} of {label} holds bytes that are no text in UTF-8. "
        "Store the column as text, a number or a day."
    )
