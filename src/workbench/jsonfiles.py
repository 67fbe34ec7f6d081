"""A JSON lines file to one DuckDB table, a row of text cells for each object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from workbench.schema import DataError
from workbench.textfiles import (
    BUFFER_BYTES,
    MAX_ROW_BYTES,
    SHOWN_LINES,
    TextFile,
    cause,
    literal,
    quoted,
    store,
    text_lines,
)


class Keys(NamedTuple):
    """What the objects of a file hold.

    Attributes
    ----------
    found : tuple of str
        All keys, by the line on which they come first.
    numbers : frozenset of str
        Those without any text.
    nested : dict of str to int
        Those that hold an object or a list, and the first line with one.
    """

    found: tuple[str, ...]
    numbers: frozenset[str]
    nested: dict[str, int]


def keys(connection: duckdb.DuckDBPyConnection, file: TextFile) -> Keys:
    """Store the objects of a JSON lines file, and tell of their keys.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where the table `json_lines` is made.
    file : TextFile
        What `textfiles.prepare` gave.

    Raises
    ------
    DataError
        If a line is no JSON object, or a key stands twice in one.
    """
    # The unit separator stands nowhere in JSON unescaped: each line is one cell.
    scan = (
        "read_csv(?, delim=chr(31), quote='', escape='', header=false, auto_detect=false, "
        f"max_line_size={MAX_ROW_BYTES}, buffer_size={BUFFER_BYTES}, "
        "columns={'text': 'VARCHAR'})"
    )
    try:
        connection.execute(
            f"""
            CREATE TABLE json_lines AS SELECT * FROM (
                SELECT row_number() OVER () AS line, trim(text) AS text
                FROM {scan}
            ) WHERE text <> ''
            """,
            [literal(file.path)],
        )
    except duckdb.Error as error:
        for _ in text_lines(file, 0):
            pass
        raise DataError(f"{file.label} cannot be read line by line: {cause(error)}") from error
    broken = connection.execute(
        """
        SELECT line FROM json_lines
        WHERE NOT json_valid(text) OR json_type(text) <> 'OBJECT' ORDER BY line
        """
    ).fetchmany(SHOWN_LINES)
    if broken:
        lines = ", ".join(f"line {line}" for (line,) in broken)
        raise DataError(
            f"{file.label}: {lines} is no JSON object. "
            'Write one object like {"customer_id": "00123"} on each line.'
        )
    twice = connection.execute(
        """
        SELECT line, json_keys(text) FROM json_lines
        WHERE len(json_keys(text)) > len(list_distinct(json_keys(text))) ORDER BY line LIMIT 1
        """
    ).fetchall()
    for line, names in twice:
        key = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"{file.label}: the object in line {line} holds the key {key!r} twice. "
            "Write each key once, so that one value is meant."
        )
    rows = connection.execute(
        """
        SELECT key, count(*) FILTER (kind = 'VARCHAR'),
               min(line) FILTER (kind IN ('OBJECT', 'ARRAY'))
        FROM (SELECT line, key, json_type(text, '/' || replace(replace(key, '~', '~0'), '/', '~1'))
                     AS kind
              FROM (SELECT line, text, unnest(json_keys(text)) AS key FROM json_lines))
        GROUP BY key ORDER BY min(line), key
        """
    ).fetchall()
    return Keys(
        tuple(key for key, _, _ in rows),
        frozenset(key for key, n_texts, _ in rows if not n_texts),
        {key: line for key, _, line in rows if line is not None},
    )


def load(
    connection: duckdb.DuckDBPyConnection,
    file: TextFile,
    keys: Keys,
    *,
    chosen: Mapping[str, str],
    ids: Iterable[str],
) -> int:
    """Store the objects that `keys` left as the table `raw_lines`, and count them.

    Raises
    ------
    DataError
        If a chosen key holds an object or a list.
    """
    for key in chosen.values():
        if key in keys.nested:
            raise DataError(
                f"{key!r} of {file.label} holds in line {keys.nested[key]} an object or a list "
                "and no single value. Write the value itself, or choose another key."
            )
    n_rows = store(
        connection,
        "json_lines",
        [],
        texts={name: _text(theirs) for name, theirs in chosen.items()},
        ids=ids,
        cells=[_text(key) for key in keys.found],
        line="line",
    )
    connection.execute("DROP TABLE json_lines")
    return n_rows


def _text(key: str) -> str:
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    return f"json_extract_string(text, {quoted(pointer)})"
