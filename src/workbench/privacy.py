"""Suppression of small groups, so that no figure of a report speaks of one person."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

RANK_TOLERANCE = 1e-9


def suppress(
    table: pd.DataFrame,
    *,
    count: str,
    k: int,
    keep: Sequence[str] = (),
    within: Sequence[str] = (),
    parts: Sequence[str] = (),
    hidden: pd.Series | None = None,
) -> pd.DataFrame:
    """Blank the rows that stand for fewer than `k` customers.

    A total gives away what the blanked rows hold together. So as long as that
    is a single row, or fewer than `k` customers, the smallest of the other rows
    is blanked too; and so as long as a blanked row follows from several totals,
    as where larger groups cross.

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
    within : sequence of str
        Columns or index levels that name larger groups whose totals are shown
        elsewhere; the rule then holds in each larger group too.

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
    groups = table[[count, *parts]].to_numpy(float)
    small = ((groups > 0) & (groups < k)).any(axis=1)
    if hidden is not None:
        small |= hidden.to_numpy(bool)
    flat = table.reset_index()
    wholes = [(flat[name] == group).to_numpy() for name in within for group in flat[name].unique()]
    wholes.append(np.full(len(table), True))
    smallest_first = np.argsort(customers, kind="stable")
    # A row blanked for one whole may leave another whole with a single blank row.
    while (exposed := _exposed(groups, small, wholes, k=k)) is not None:
        rows = smallest_first[exposed[smallest_first]]
        small[next(row for row in rows if customers[row] > 0 and not small[row])] = True
    numeric = table.select_dtypes("number").columns.difference(list(keep))
    shown = table.copy()
    shown[numeric] = shown[numeric].astype(float)
    shown.loc[small, numeric] = math.nan
    return shown


def exposing_totals(
    table: pd.DataFrame, shown: pd.Series, *, within: str, counts: Sequence[str], k: int
) -> pd.Series:
    """Say of which groups the total must not be shown, since its rows would follow from it.

    Parameters
    ----------
    table : DataFrame
        One row per part of a group, nothing blanked.
    shown : Series of bool
        Same index: whether the row is shown.
    within : str
        Column or index level that names the groups.
    counts : sequence of str
        Columns with customers.
    k : int
        Smallest group shown.

    Returns
    -------
    Series of bool
        By group: one row alone is hidden, or rows of fewer than `k` customers.

    Examples
    --------
    >>> table = pd.DataFrame({"group": ["a", "a", "b", "b"], "customers": [9, 2, 9, 9]})
    >>> shown = pd.Series([True, False, True, True])
    >>> exposing_totals(table, shown, within="group", counts=["customers"], k=5).tolist()
    [True, False]
    """
    hidden = table[list(counts)].where(~shown, 0).groupby(table.reset_index()[within].to_numpy())
    told = hidden.sum()
    alone = (~shown).groupby(table.reset_index()[within].to_numpy()).sum() == 1
    return alone | ((told > 0) & (told < k)).any(axis=1)


def _exposed(
    groups: np.ndarray, small: np.ndarray, wholes: list[np.ndarray], *, k: int
) -> np.ndarray | None:
    """Return a group of rows of which one more has to be blanked; None where all is well."""
    exposed = next((whole for whole in wholes if _gives_away(groups, small, whole, k=k)), None)
    if exposed is not None or not small.any():
        return exposed
    # A blank row follows from the totals where no other numbers in the blank rows fit them. What
    # is a group all by itself is blank wherever it is shown.
    filled = groups[:, 0] > 0
    told = [whole[small] for whole in wholes if (whole & filled).sum() > 1]
    totals = np.array(told, dtype=float).reshape(-1, int(small.sum()))
    _, sizes, directions = np.linalg.svd(totals)
    free = directions[int((sizes > RANK_TOLERANCE).sum()) :]
    follows = np.flatnonzero(small)[(np.abs(free) < RANK_TOLERANCE).all(axis=0)]
    for row in follows:
        around = np.any([whole for whole in wholes[:-1] if whole[row]], axis=0)
        if (around & ~small & filled).any():
            return around
    return None


def _gives_away(groups: np.ndarray, small: np.ndarray, whole: np.ndarray, *, k: int) -> bool:
    """Say whether a total less the rows shown speaks of too few, and more can be blanked."""
    blank = groups[whole & small]
    more = (whole & ~small & (groups[:, 0] > 0)).any()
    told = blank.sum(axis=0)
    return bool(more and len(blank) and (len(blank) == 1 or ((told > 0) & (told < k)).any()))


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


def suppress_nested(table: pd.DataFrame, *, count: str, k: int) -> pd.DataFrame:
    """Keep those rows of nested groups that lie at least `k` customers apart.

    Each row holds the one before it: the difference of two rows is a group too,
    and so is that of a row and the last one, which is everybody.

    Parameters
    ----------
    table : DataFrame
        Rising groups; the last row is everybody and stays if it holds `k`.
    count : str
        Column with the customers of each row; may be a fraction.
    k : int
        Smallest group shown.

    Examples
    --------
    >>> curve = pd.DataFrame({"customers": [1.0, 5.0, 8.0, 10.0], "held": [0.3, 0.7, 0.9, 1.0]})
    >>> suppress_nested(curve, count="customers", k=5)["held"].tolist()
    [nan, 0.7, nan, 1.0]
    """
    customers = table[count].to_numpy(float)
    everybody, last, keep = customers[-1], 0.0, []
    for n in customers:
        is_last = n == everybody
        kept = n - last >= k and (is_last or everybody - n >= k)
        keep.append(kept)
        last = n if kept else last
    numeric = table.select_dtypes("number").columns
    shown = table.copy()
    shown[numeric] = shown[numeric].astype(float)
    shown.loc[~np.array(keep), numeric] = math.nan
    return shown


def suppress_counts(counts: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank plain counts of customers that speak of fewer than `k`.

    Parameters
    ----------
    counts : DataFrame
        As in `transactions.Cleaned`: `code` and `n`.
    k : int
        Smallest group shown; also between those who bought, who are a key
        figure of their own, and any larger group.
    """
    n = counts.set_index("code")["n"].astype(float)
    people = [code for code in n.index if code.startswith(("customers_", "buyers"))]
    small = [code for code in people if 0 < n[code] < k]
    wider = n.index.intersection(["customers", "customers_with_purchases"])
    small += [code for code in wider if 0 < n[code] - n["buyers"] < k]
    n[small] = math.nan
    return counts.assign(n=n.to_numpy())


def shown_share(part: float, *, customers: int, k: int) -> float:
    """Return a part as a share, or NaN where it or the rest is a group smaller than `k`."""
    small = customers < k or 0 < part < k or 0 < customers - part < k
    return math.nan if small else part / customers


def shown(value: float, *, customers: int, k: int) -> float:
    """Return a figure about a group, or NaN where the group is smaller than `k`."""
    return value if customers >= k else math.nan
