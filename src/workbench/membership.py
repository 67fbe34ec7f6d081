"""Simulated futures to each customer's chance of belonging to the most valuable ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from workbench.schema import DataError

Model = TypeVar("Model")

TOP_SHARE = 0.1
LIST_SHARES = (0.05, 0.1, 0.2, 0.3)


def probability(
    models: Sequence[Model],
    summary: pd.DataFrame,
    *,
    simulate: Callable[[Model, pd.DataFrame, np.random.Generator], tuple[np.ndarray, np.ndarray]],
    share: float = TOP_SHARE,
    seed: int,
) -> pd.Series:
    """Count in how many simulated futures each customer is among the most valuable.

    Each model gives one future of the whole base, and no more than one is kept
    at a time. Where several customers share the value at the border, each gets
    the same part of the places left. A customer who brings nothing is not among
    the most valuable, however many places are left.

    Parameters
    ----------
    models : sequence
        From `intervals.refits`: each stands for what the parameters may be.
    summary : DataFrame
        One row per customer.
    simulate : callable
        As in `intervals.predict`: purchases (count) and value (currency).
    share : float
        Of the customers, rounded to at least one of them; between 0 and 1.
    seed : int
        Of the futures.

    Returns
    -------
    Series
        `p_top` (0 to 1), same index.

    Raises
    ------
    DataError
        If there is no customer.
    ValueError
        If the share is not between 0 and 1, or there is no model.
    """
    if summary.empty:
        raise DataError("summary is empty. Take an as_of on or after the first purchase.")
    if not 0 < share < 1:
        raise ValueError(f"share={share} must lie between 0 and 1: write 0.1 for a tenth.")
    if not models:
        raise ValueError("models is empty; take those of intervals.refits.")
    n = len(summary)
    places = max(round(share * n), 1)
    generator = np.random.default_rng(seed)
    counts = np.zeros(n)
    for model in models:
        _, value = simulate(model, summary, generator)
        border = np.partition(value, n - places)[n - places]
        above = value > max(border, 0)
        counts += above
        if border > 0:
            tied = value == border
            counts[tied] += (places - above.sum()) / tied.sum()
    return pd.Series(counts / len(models), summary.index, name="p_top")


def lists(
    p_top: pd.Series, *, by: pd.Series, shares: Sequence[float] = LIST_SHARES
) -> pd.DataFrame:
    """Say how many of the most valuable a list of the first customers will hold.

    Parameters
    ----------
    p_top : Series
        From `probability`.
    by : Series
        Same customers: what the list is ordered by, the largest first, such
        as `clv`. Equal ones are told apart by `customer_id`.
    shares : sequence of float
        Lengths of the lists as shares of all customers, rising, in (0, 1].

    Returns
    -------
    DataFrame
        Indexed by `list_share`: `customers` (count), `expected_members`
        (count), `hit_share` (expected members of the listed) and
        `found_share` (of all members; NaN if nobody is ever one).

    Raises
    ------
    DataError
        If the two are not about the same customers.
    ValueError
        If a share is outside (0, 1].

    Examples
    --------
    >>> chance = pd.Series([0.9, 0.0, 0.6, 0.5], index=["a", "b", "c", "d"])
    >>> value = pd.Series([90.0, 80.0, 50.0, 10.0], index=chance.index)
    >>> lists(chance, by=value, shares=[0.5, 1.0])
                customers  expected_members  hit_share  found_share
    list_share
    0.5                 2               0.9       0.45         0.45
    1.0                 4               2.0       0.50         1.00
    """
    if not by.sort_index().index.equals(p_top.sort_index().index):
        raise DataError(
            f"p_top is about {len(p_top)} customers and by about {len(by)}, and they are not the "
            "same ones. Take both from one summary."
        )
    outside = [share for share in shares if not 0 < share <= 1]
    if outside:
        raise ValueError(f"shares {outside} are outside (0, 1].")
    order = by.sort_index().sort_values(ascending=False, kind="stable").index
    held = np.concatenate([[0.0], np.cumsum(p_top.loc[order].to_numpy(float))])
    customers = np.maximum(np.round(np.asarray(shares) * len(by)), 1).astype(int)
    members = held[customers]
    return pd.DataFrame(
        {
            "customers": customers,
            "expected_members": members,
            "hit_share": members / customers,
            "found_share": members / held[-1] if held[-1] > 0 else np.nan,
        },
        index=pd.Index(shares, name="list_share", dtype=float),
    )
