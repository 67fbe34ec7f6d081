"""A summary to RFM scores and named segments, one row per customer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import check_summary

N_SCORES = 5
# Purchases that open the classes 2 to 5 of the frequency score. More than half of a shop's
# customers buy once, so quantiles of the count have no classes to offer.
FREQUENCY_LIMITS = (2, 3, 5, 10)

# The complete grid: row = recency score, column = frequency score. Stammkunden and Neukunden are
# names of `customer_groups`, where they mean something else.
GRID = pd.DataFrame(
    [
        ["Ruhende", "Ruhende", "Gefährdete", "Gefährdete", "Unbedingt halten"],
        ["Ruhende", "Ruhende", "Gefährdete", "Gefährdete", "Unbedingt halten"],
        ["Einschlafende", "Einschlafende", "Aufmerksamkeit nötig", "Treue Kunden", "Treue Kunden"],
        ["Vielversprechende", "Aufsteiger", "Aufsteiger", "Treue Kunden", "Treue Kunden"],
        ["Erstkäufer", "Aufsteiger", "Aufsteiger", "Spitzenkunden", "Spitzenkunden"],
    ],
    index=pd.RangeIndex(1, N_SCORES + 1, name="r_score"),
    columns=pd.RangeIndex(1, N_SCORES + 1, name="f_score"),
)
SEGMENTS = (
    "Spitzenkunden",
    "Treue Kunden",
    "Aufsteiger",
    "Erstkäufer",
    "Vielversprechende",
    "Aufmerksamkeit nötig",
    "Einschlafende",
    "Gefährdete",
    "Unbedingt halten",
    "Ruhende",
)


class CutOffs(NamedTuple):
    """Limits of the scores 2, 3, 4 and 5, to be kept and applied to another day.

    Attributes
    ----------
    recency_days : tuple of float
        At most so many days since the last purchase, falling; -inf where nobody
        reached the score on the day of the limits.
    orders : tuple of int
        At least so many purchases, rising.
    money : tuple of float
        At least so much money (currency), rising; inf where nobody reached it.
    """

    recency_days: tuple[float, ...]
    orders: tuple[int, ...]
    money: tuple[float, ...]


def cutoffs_of(summary: pd.DataFrame) -> CutOffs:
    """Take the limits of the scores from the customers of one day.

    Recency (`days_since_last`) and money (`revenue`) are cut at the fifths of their
    middle ranks, ``ceil(5 * mid-rank / n)``, so that equal values stay together;
    frequency at the fixed classes 1, 2, 3-4, 5-9 and 10 or more purchases. The
    record can be kept: customers of another day scored by it move only if they
    changed, and not because the others did.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`; `days_since_last` (days) and `revenue` (currency).

    Raises
    ------
    DataError
        If the summary breaks its promise or is empty.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "frequency": 0, "recency": 0.0, "T": [10.0, 20, 30, 40, 50], "n_orders": 1,
    ...     "days_since_last": [10.0, 20, 30, 40, 50], "revenue": [1.0, 2, 3, 4, 5],
    ... }, index=pd.Index(list("abcde"), name="customer_id"))
    >>> cutoffs_of(customers)
    CutOffs(recency_days=(40.0, 30.0, 20.0, 10.0), orders=(2, 3, 5, 10), money=(2.0, 3.0, 4.0, 5.0))
    """
    check_summary(summary)
    return CutOffs(
        recency_days=tuple(-limit for limit in _fifths(-summary["days_since_last"])),
        orders=FREQUENCY_LIMITS,
        money=_fifths(summary["revenue"]),
    )


def score(
    summary: pd.DataFrame, *, cutoffs: CutOffs | None = None, money: pd.Series | None = None
) -> pd.DataFrame:
    """Score recency, frequency and money from 1 (worst) to 5 (best) and name the segment.

    Equal values get equal scores, whatever the limits. The segment follows from
    recency and frequency through the complete `GRID`.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`; `days_since_last` (days), `n_orders` (count)
        and `revenue` (currency).
    cutoffs : CutOffs, optional
        Limits of the scores, of another day for instance; by default those of
        these customers, see `cutoffs_of`.
    money : Series, optional
        What the money score looks at (currency), of the same customers; by default
        `revenue`. See `score_rules.money`.

    Returns
    -------
    DataFrame
        Same index: `r_score`, `f_score`, `m_score` (1 to 5), `segment`.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "frequency": 0, "recency": 0.0, "T": [9.0, 90.0, 400.0], "days_since_last":
    ...     [9.0, 90.0, 400.0], "n_orders": [12, 1, 1], "revenue": [900.0, 20.0, 20.0],
    ... }, index=pd.Index(["anna", "ben", "cleo"], name="customer_id"))
    >>> score(customers)
                 r_score  f_score  m_score        segment
    customer_id
    anna               5        5        5  Spitzenkunden
    ben                4        1        3  Vielversprechende
    cleo               2        1        3        Ruhende
    """
    check_summary(summary)
    spent = summary["revenue"] if money is None else money.reindex(summary.index)
    cutoffs = cutoffs or cutoffs_of(summary.assign(revenue=spent))
    scores = pd.DataFrame(
        {
            "r_score": _reached(
                [-days for days in cutoffs.recency_days], -summary["days_since_last"]
            ),
            "f_score": _reached(cutoffs.orders, summary["n_orders"]),
            "m_score": _reached(cutoffs.money, spent),
        },
        index=summary.index,
    )
    names = GRID.to_numpy()
    scores["segment"] = names[scores["r_score"] - 1, scores["f_score"] - 1]
    return scores


def segment_sizes(summary: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Describe each segment by size, money and rhythm.

    Returns
    -------
    DataFrame
        Indexed by `segment` in the order of `SEGMENTS` (empty ones left out):
        `customers`, `customer_share`, `revenue` (currency), `revenue_share`,
        `median_basket` (currency per order), `median_days_since_last` (days)
        and `median_orders` (count).
    """
    joined = summary.join(scores["segment"], validate="one_to_one")
    joined["basket"] = joined["revenue"] / joined["n_orders"]
    groups = joined.groupby("segment")
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "customer_share": groups.size() / len(joined),
            "revenue": groups["revenue"].sum(),
            "revenue_share": groups["revenue"].sum() / joined["revenue"].sum(),
            "median_basket": groups["basket"].median(),
            "median_days_since_last": groups["days_since_last"].median(),
            "median_orders": groups["n_orders"].median(),
        }
    )
    return table.reindex([name for name in SEGMENTS if name in table.index]).rename_axis("segment")


def score_grid(scores: pd.DataFrame) -> pd.DataFrame:
    """Count the customers in each cell of recency score by frequency score.

    Returns
    -------
    DataFrame
        Indexed by `r_score` and `f_score`, every cell of the grid: `segment`,
        `customers`.
    """
    cells = GRID.stack().rename("segment").to_frame()
    counted = scores.groupby(["r_score", "f_score"]).size()
    return cells.assign(customers=counted.reindex(cells.index, fill_value=0))


def shown_grid(cells: pd.DataFrame, *, shown_sizes: pd.DataFrame, k: int) -> pd.DataFrame:
    """Blank the cells that stand for fewer than `k` customers, or would tell of such a cell.

    The sizes of the segments stand in another table, and so do the totals of the
    frequency scores, of 4 and 5 together. So the smallest of the other cells are
    blanked too, until no cell that is small, or belongs to a hidden segment, follows
    from the totals less what is shown, as far as hiding cells can bring that about.

    Parameters
    ----------
    cells : DataFrame
        From `score_grid`.
    shown_sizes : DataFrame
        From `segment_sizes`, suppressed.
    k : int
        Smallest group shown.
    """
    customers = cells["customers"].to_numpy(float)
    names, scores = cells["segment"].to_numpy(), cells.index.get_level_values("f_score")
    told = shown_sizes.index[shown_sizes["customers"].notna()]
    totals = [names == name for name in told]
    totals += [row for row in _frequency_totals(scores) if customers[row].sum() >= k]
    secret = (customers > 0) & ((customers < k) | ~np.isin(names, told))
    blank = secret.copy()
    # An empty cell is hidden last of all: it says nothing but that it is empty.
    smallest_first = np.argsort(np.where(customers > 0, customers, np.inf), kind="stable")
    while len(fixed := _determined(blank, totals=totals)) and secret[fixed].any():
        beside = np.any([total for total in totals if total[fixed].any()], axis=0)
        left = [row for row in smallest_first if not blank[row]]
        if not left:
            break
        blank[next((row for row in left if beside[row]), left[0])] = True
    shown = cells.astype({"customers": float})
    shown.loc[blank, "customers"] = np.nan
    return shown


def _frequency_totals(scores: pd.Index) -> list[np.ndarray]:
    """Return the cells of each total that the table of purchases per customer tells."""
    return [np.isin(scores, together) for together in ([1], [2], [3], [4, 5])]


def _determined(blank: np.ndarray, *, totals: list[np.ndarray]) -> np.ndarray:
    """Return the blank cells that follow from the totals less the cells shown."""
    hidden = np.flatnonzero(blank)
    equations = np.array([total[hidden] for total in totals], dtype=float)
    equations = equations.reshape(len(totals), len(hidden))
    rank = np.linalg.matrix_rank(equations)
    unit = np.eye(len(hidden))
    ranks = [np.linalg.matrix_rank(np.vstack([equations, row])) for row in unit]
    return hidden[np.array(ranks, dtype=int) == rank]


def _fifths(values: pd.Series) -> tuple[float, ...]:
    """Return the smallest values whose middle rank earns the scores 2 to 5."""
    scores = np.ceil(N_SCORES * values.rank(method="average") / len(values))
    return tuple(
        float(values[scores >= wanted].min()) if (scores >= wanted).any() else math.inf
        for wanted in range(2, N_SCORES + 1)
    )


def _reached(limits: Sequence[float], values: pd.Series) -> np.ndarray:
    return 1 + np.searchsorted(limits, values, side="right")
