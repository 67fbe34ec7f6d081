"""Suppression of small groups, so that no figure of a report speaks of one person."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd


def suppress(table: pd.DataFrame, *, count: str, k: int, keep: Sequence[str] = ()) -> pd.DataFrame:
    """Blank the rows that stand for fewer than `k` customers.

    Where exactly one row is blanked, the smallest of the others is blanked
    too: a total would give the first one away.

    Parameters
    ----------
    table : DataFrame
        One row per group.
    count : str
        Column with the customers of the group; 0 is no person and stays.
    k : int
        Smallest group shown.
    keep : sequence of str
        Numbers that say nothing about the people of a group and stay.

    Returns
    -------
    DataFrame
        A copy; numbers of blanked rows are missing, texts and the index stay.

    Examples
    --------
    >>> groups = pd.DataFrame({"customers": [40, 9, 3], "revenue": [900.0, 80.0, 70.0]})
    >>> suppress(groups, count="customers", k=5)
       customers  revenue
    0       40.0    900.0
    1        NaN      NaN
    2        NaN      NaN
    """
    small = (table[count] > 0) & (table[count] < k)
    others = table.loc[~small & (table[count] > 0), count]
    if small.sum() == 1 and len(others):
        small = small | (table.index == others.idxmin())
    numeric = table.select_dtypes("number").columns.difference(list(keep))
    shown = table.copy()
    shown[numeric] = shown[numeric].astype(float).mask(small)
    return shown


def shown(value: float, *, customers: int, k: int) -> float:
    """Return a figure about a group, or NaN where the group is smaller than `k`."""
    return value if customers >= k else math.nan
