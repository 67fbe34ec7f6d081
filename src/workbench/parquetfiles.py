"""A Parquet file, or a folder of them, to one DuckDB table, a row of text cells for each row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from workbench import textfiles, typed_cells
from workbench.day_formats import ZONE
from workbench.schema import DataError, TableForm

_NESTED = re.compile(r".*\]$|(STRUCT|MAP|UNION|VARIANT)\b.*", flags=re.DOTALL)


class Layout(NamedTuple):
    """The files, what a user knows them by, and the type of each of their columns."""

    files: list[Path]
    label: str
    types: dict[str, str]


def layout(connection: duckdb.DuckDBPyConnection, path: Path) -> Layout:
    """Find the files and the types of their columns, which all of them share.

    Files and folders within a folder that begin with a point or a low line are left out.

    Raises
    ------
    DataError
        If there is no file, one cannot be read, or the files hold different columns.
    """
    files = _files(path) if path.is_dir() else [path]
    types = _types(connection, files[0], path.name)
    for file in files[1:]:
        _check_same(types, _types(connection, file, path.name), files[0], file)
    return Layout(files, path.name, types)


def _types(connection: duckdb.DuckDBPyConnection, file: Path, label: str) -> dict[str, str]:
    try:
        described = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning=false)",
            [textfiles.literal(file)],
        ).fetchall()
    except duckdb.Error as error:
        raise _unreadable(label, error) from error
    return {name: kind for name, kind, *_ in described}


def _unreadable(label: str, error: duckdb.Error) -> DataError:
    return DataError(
        f"{label} cannot be read as Parquet: {textfiles.cause(error)} Export it again."
    )


def _check_same(
    types: Mapping[str, str], others: Mapping[str, str], first: Path, file: Path
) -> None:
    """Refuse a file whose columns are not those of the first one; widths of numbers may differ."""
    lacking = next((name for name in types if name not in others), None)
    if lacking is not None:
        raise DataError(
            f"{file.name} lacks {lacking!r}, which {first.name} has. "
            "Export all files of the folder with the same columns."
        )
    for name, kind in types.items():
        if _family(kind) != _family(others[name]):
            raise DataError(
                f"{file.name} holds {name!r} as {others[name]}, and {first.name} as {kind}. "
                "Export all files of the folder with the same types."
            )


def _family(kind: str) -> str:
    """Name what types have in common that can stand in one column of text."""
    if re.match(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$|DECIMAL", kind):
        return "exact number"
    return {"ENUM": "VARCHAR", "FLOAT": "DOUBLE"}.get(kind.split("(")[0], kind)


def load(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout,
    *,
    chosen: Mapping[str, str],
    form: TableForm,
) -> typed_cells.Loaded:
    """Store the rows as the table `raw_lines`.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table is made.
    layout : Layout
        What `layout` gave.
    chosen : mapping
        Our names to those of the columns.
    form : TableForm
        What our columns hold.

    Raises
    ------
    DataError
        If a chosen column holds lists, objects or bytes that are no text, or a
        file cannot be read.
    """
    types = layout.types
    for name in chosen.values():
        if _NESTED.fullmatch(types[name]):
            raise DataError(
                f"column {name!r} of {layout.label} holds lists or objects ({types[name][:100]}) "
                "and no single values. Write the values themselves, or choose another column."
            )
    scan = "read_parquet(?, hive_partitioning=false)"
    parameters: list[object] = [[textfiles.literal(file) for file in layout.files]]
    try:
        n_rows = textfiles.store(
            connection,
            scan,
            parameters,
            texts={
                name: _text(theirs, types[theirs], is_id=name in form.ids)
                for name, theirs in chosen.items()
            },
            ids=form.ids,
            cells=[_text(name, kind) for name, kind in types.items()],
        )
        for name in chosen.values():
            if types[name] == "BLOB":
                _check_bytes(connection, scan, parameters, name, label=layout.label)
    except duckdb.Error as error:
        raise _unreadable(layout.label, error) from error
    typed = {
        ours
        for ours, theirs in chosen.items()
        if types[theirs].startswith(("DATE", "TIMESTAMP"))
        or (ours in form.numbers and not types[theirs].startswith(("VARCHAR", "ENUM", "BLOB")))
    }
    instants = any(
        types[chosen[name]] == "TIMESTAMP WITH TIME ZONE" for name in form.days if name in chosen
    )
    return typed_cells.Loaded(n_rows, frozenset(typed), instants)


def _check_bytes(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    parameters: list[object],
    column: str,
    *,
    label: str,
) -> None:
    quoted = _quoted(column)
    (line,) = connection.execute(
        f"""
        SELECT min(line) FROM (SELECT row_number() OVER () AS line, {quoted} FROM {scan})
        WHERE {quoted} IS NOT NULL AND try(decode({quoted})) IS NULL
        """,
        parameters,
    ).fetchall()[0]
    if line is not None:
        raise typed_cells.no_text(column, f"{label}, line {line},")


def _files(path: Path) -> list[Path]:
    files = [
        file
        for file in sorted(path.rglob("*.parquet"), key=lambda file: file.as_posix())
        if not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    ]
    if not files:
        raise DataError(f"{path} is a folder without a .parquet file. Give one of the files in it.")
    return files


def sha256(path: Path, layout: Layout) -> str:
    """Hash the file, or of a folder its files' hashes and names."""
    if not path.is_dir():
        return textfiles.sha256(path)
    listed = "".join(
        f"{textfiles.sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in layout.files
    )
    return hashlib.sha256(listed.encode()).hexdigest()


def _text(column: str, kind: str, *, is_id: bool = False) -> str:
    """Write the SQL that turns a column into exact text."""
    quoted = _quoted(column)
    if kind in ("FLOAT", "DOUBLE") and is_id:
        return typed_cells.id_text(quoted, otherwise=f"{quoted}::VARCHAR")
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('{ZONE}', {quoted})::VARCHAR"
    if kind == "BLOB":
        return typed_cells.bytes_text(quoted)
    return f"{quoted}::VARCHAR"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
