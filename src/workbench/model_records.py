"""Fitted models, which are records of numbers, to JSON and back without loss."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any


def to_json(model: Any) -> dict[str, Any]:
    """Return a model as plain numbers that `from_json` turns back without loss."""
    stored = {"name": model.name, **dataclasses.asdict(model)}
    return stored | {"covariance": [list(row) for row in model.covariance]}


def name_of(stored: Mapping[str, Any]) -> str:
    """Return the name of a stored model.

    Raises
    ------
    ValueError
        If it has none.
    """
    if "name" not in stored:
        raise ValueError(f"a stored model lacks its name; it has {sorted(stored)}.")
    return stored["name"]


def values_of(
    stored: Mapping[str, Any], *, kind: type, size: int | None, writer: str
) -> dict[str, Any]:
    """Return the checked fields of a stored model.

    Parameters
    ----------
    stored : mapping
        From `to_json`.
    kind : type
        The record that it is to become.
    size : int or None
        Rows of its covariance; None takes any square.
    writer : str
        What stores such a model, for the message.

    Raises
    ------
    ValueError
        If a field is missing or unknown, or a value is not a number of the
        right kind.
    """
    types = {field.name: str(field.type) for field in dataclasses.fields(kind)}
    given = {name: value for name, value in stored.items() if name != "name"}
    unknown, missing = sorted(given.keys() - types.keys()), sorted(types.keys() - given.keys())
    if unknown or missing:
        raise ValueError(
            f"a stored {kind.name} has unknown fields {unknown} and lacks {missing}; "
            f"its fields are {list(types)}. Store it with {writer}."
        )
    return {
        name: _square(value, size=size)
        if name == "covariance"
        else _number(value, name, whole=types[name] == "int")
        for name, value in given.items()
    }


def _number(value: object, name: str, *, whole: bool) -> float:
    """Return a finite number; bool, text and a broken count are none."""
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
        wanted = "a whole number" if whole else "a finite number"
        raise ValueError(f"{name}={value!r} of a stored model is not {wanted}.")
    return value if whole else float(value)


def _square(value: object, *, size: int | None) -> tuple[tuple[float, ...], ...]:
    rows = value if isinstance(value, list | tuple) else []
    length = len(rows) if size is None else size
    is_square = len(rows) == length > 0 and all(
        isinstance(row, list | tuple) and len(row) == length for row in rows
    )
    if not is_square:
        wanted = "a square of numbers" if size is None else f"{size} rows of {size} numbers"
        raise ValueError(f"covariance of a stored model is not {wanted}.")
    return tuple(tuple(_number(cell, "covariance", whole=False) for cell in row) for row in rows)
