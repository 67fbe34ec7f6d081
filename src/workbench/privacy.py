"""Suppression of small groups, so that no figure of a report speaks of one person."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd


def suppress(
    table: pd.DataFrame,
    *,
    count: str,
    k: int,
    keep: Sequence[str] = (),
    within: str | None = None,
) -> pd.DataFrame:
    """Blank the rows that stand for fewer than `k` customers.

    A total gives away what the blanked rows hold together. So as long as that
    is a single row, or fewer than `k` customers, the smallest of the other rows
    is blanked too.

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
    within : str, optional
        Column that names a larger group whose total is shown elsewhere; the
        rule then holds in each larger group.

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
    larger = pd.Series(0, index=table.index) if within is None else table[within]
    for group in larger[small].unique():
        counts = table.loc[(larger == group) & (table[count] > 0), count].sort_values(kind="stable")
        n_blanked = int((counts < k).sum())
        while n_blanked < len(counts) and (n_blanked == 1 or counts.iloc[:n_blanked].sum() < k):
            n_blanked += 1
        small[counts.index[:n_blanked]] = True
    numeric = table.select_dtypes("number").columns.difference(list(keep))
    shown = table.copy()
    shown[numeric] = shown[numeric].astype(float).mask(small)
    return shown


def shown(value: float, *, customers: int, k: int) -> float:
    """Return a figure about a group, or NaN where the group is smaller than `k`."""
    return value if customers >= k else math.nan
