"""Suppression of small groups, so that no figure of a report speaks of one person."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
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
    customers = table[count].to_numpy(float)
    small = (customers > 0) & (customers < k)
    larger = [] if within is None else table[within].unique()
    wholes = [(table[within] == name).to_numpy() for name in larger]
    wholes.append(np.full(len(table), True))
    smallest_first = np.argsort(customers, kind="stable")
    # A row blanked for one whole may leave another whole with a single blank row.
    while exposed := [whole for whole in wholes if _gives_away(customers, small, whole, k=k)]:
        rows = smallest_first[exposed[0][smallest_first]]
        small[next(row for row in rows if customers[row] > 0 and not small[row])] = True
    numeric = table.select_dtypes("number").columns.difference(list(keep))
    shown = table.copy()
    shown[numeric] = shown[numeric].astype(float)
    shown.loc[small, numeric] = math.nan
    return shown


def _gives_away(customers: np.ndarray, small: np.ndarray, whole: np.ndarray, *, k: int) -> bool:
    """Say whether a total less the rows shown speaks of too few, and more can be blanked."""
    blank = customers[whole & small]
    more = (whole & ~small & (customers > 0)).any()
    return bool(more and len(blank) and (len(blank) == 1 or blank.sum() < k))


def suppress_balance(balance: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank the money of small reasons in the balance of a cleaning, but no count of lines.

    The money kept is a key figure of its own; so where a reason is blanked, what
    was read is blanked too, or the difference would give the reason away.

    Parameters
    ----------
    balance : DataFrame
        As in `transactions.Cleaned`: first row what was read, last row what was
        kept; columns `n_rows`, `amount` and `customers`.
    k : int
        Smallest group shown.
    """
    small = (balance["customers"] > 0) & (balance["customers"] < k)
    if small.any():
        small.iloc[0] = True
    blanked = balance.astype({"amount": float, "customers": float})
    blanked.loc[small, ["amount", "customers"]] = math.nan
    return blanked


def shown(value: float, *, customers: int, k: int) -> float:
    """Return a figure about a group, or NaN where the group is smaller than `k`."""
    return value if customers >= k else math.nan
