"""A summary to RFM scores, named segments and lifecycle states, one row per customer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import DataError, check_orders, check_summary, purchase_days

N_SCORES = 5
# Purchases that open the classes 2 to 5 of the frequency score. More than half of a shop's
# customers buy once, so quantiles of the count have no classes to offer.
FREQUENCY_LIMITS = (2, 3, 5, 10)

# The complete grid: row = recency score, column = frequency score.
GRID = pd.DataFrame(
    [
        ["Ruhende", "Ruhende", "Gefährdete", "Gefährdete", "Unbedingt halten"],
        ["Ruhende", "Ruhende", "Gefährdete", "Gefährdete", "Unbedingt halten"],
        ["Einschlafende", "Einschlafende", "Aufmerksamkeit nötig", "Stammkunden", "Stammkunden"],
        ["Vielversprechende", "Aufsteiger", "Aufsteiger", "Stammkunden", "Stammkunden"],
        ["Neukunden", "Aufsteiger", "Aufsteiger", "Spitzenkunden", "Spitzenkunden"],
    ],
    index=pd.RangeIndex(1, N_SCORES + 1, name="r_score"),
    columns=pd.RangeIndex(1, N_SCORES + 1, name="f_score"),
)
SEGMENTS = (
    "Spitzenkunden",
    "Stammkunden",
    "Aufsteiger",
    "Neukunden",
    "Vielversprechende",
    "Aufmerksamkeit nötig",
    "Einschlafende",
    "Gefährdete",
    "Unbedingt halten",
    "Ruhende",
)

STATES = (
    "Aktivierung",
    "Einmalkäufer (still)",
    "Bindung aktiv",
    "Bindung gefährdet",
    "Rückgewinnung",
    "Reaktiviert",
)
ONE_TIME_STATES = STATES[:2]
# Who is in one of these has likely gone; to write to them again is a decision of its own.
FORMER_STATES = ("Einmalkäufer (still)", "Rückgewinnung")
USUAL_PAUSE, LONG_PAUSE = 0.75, 0.95
LIKELY_ALIVE, LIKELY_GONE = 0.7, 0.3
# A rhythm of one's own needs this many pauses; with fewer the pauses of all count.
OWN_RHYTHM_PAUSES = 3


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


class Pauses(NamedTuple):
    """Limits of a usual and a long pause between two purchases, in days.

    Attributes
    ----------
    usual, long : float
        75 % and 95 % quantile of all pauses between purchase days.
    second_purchase : float
        75 % quantile of the days from first to second purchase.
    """

    usual: float
    long: float
    second_purchase: float


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


def score(summary: pd.DataFrame, *, cutoffs: CutOffs | None = None) -> pd.DataFrame:
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
    cutoffs = cutoffs or cutoffs_of(summary)
    scores = pd.DataFrame(
        {
            "r_score": _reached(
                [-days for days in cutoffs.recency_days], -summary["days_since_last"]
            ),
            "f_score": _reached(cutoffs.orders, summary["n_orders"]),
            "m_score": _reached(cutoffs.money, summary["revenue"]),
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


def pauses(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> Pauses:
    """Measure the usual pauses between purchases up to a day.

    Raises
    ------
    DataError
        If nobody bought twice by `as_of`.
    """
    gaps = _gaps(orders, as_of=as_of)
    if gaps.empty:
        raise DataError(f"nobody bought twice by {as_of.date()}; there is no pause to measure.")
    second = gaps[gaps["nth"] == 1]["days"]
    return Pauses(
        usual=float(gaps["days"].quantile(USUAL_PAUSE)),
        long=float(gaps["days"].quantile(LONG_PAUSE)),
        second_purchase=float(second.quantile(USUAL_PAUSE)),
    )


def lifecycle(
    orders: pd.DataFrame, summary: pd.DataFrame, *, as_of: pd.Timestamp, p_alive: pd.Series
) -> pd.Series:
    """Place each customer in a state of the lifecycle on one day.

    One-time buyers have states of their own, since a purchase model says
    nothing about them: `Aktivierung` while their silence is shorter than three
    quarters of all second purchases took, `Einmalkäufer (still)` after that.
    Repeat buyers are in `Rückgewinnung` when P(alive) < 0.3 or their silence
    exceeds a long pause, in `Bindung gefährdet` when P(alive) <= 0.7 or the
    silence exceeds a usual pause, else in `Bindung aktiv`, or `Reaktiviert`
    when the pause before their last purchase was a long one. A customer with
    at least three pauses is measured by the 75 % and 95 % quantile of their own,
    others by those of all customers.

    Parameters
    ----------
    orders, summary : DataFrame
        As in `summary.summarise`; `summary` up to `as_of`.
    as_of : Timestamp
        Later orders are ignored.
    p_alive : Series
        Indexed by `customer_id`.

    Returns
    -------
    Series
        `state`, indexed like `summary`.

    Raises
    ------
    DataError
        If `p_alive` does not cover every customer, or nobody bought twice.
    """
    alive = p_alive.reindex(summary.index)
    lacking = int(alive.isna().sum())
    if lacking:
        raise DataError(f"p_alive lacks {lacking} of {len(summary)} customers of the summary.")
    limits = pauses(orders, as_of=as_of)
    gaps = _gaps(orders, as_of=as_of)
    own = gaps.groupby("customer_id")["days"]
    enough = own.size()[lambda size: size >= OWN_RHYTHM_PAUSES].index

    def limit(level: float, pooled: float) -> pd.Series:
        personal = own.quantile(level).reindex(enough)
        return personal.reindex(summary.index).fillna(pooled)

    silence = summary["days_since_last"]
    last_pause = own.last().reindex(summary.index)
    gone = (alive < LIKELY_GONE) | (silence > limit(LONG_PAUSE, limits.long))
    at_risk = (alive <= LIKELY_ALIVE) | (silence > limit(USUAL_PAUSE, limits.usual))
    state = np.select(
        [
            (summary["frequency"] == 0) & (silence <= limits.second_purchase),
            summary["frequency"] == 0,
            gone,
            at_risk,
            last_pause > limit(LONG_PAUSE, limits.long).clip(lower=limits.long),
        ],
        [
            "Aktivierung",
            "Einmalkäufer (still)",
            "Rückgewinnung",
            "Bindung gefährdet",
            "Reaktiviert",
        ],
        default=STATES[2],
    )
    return pd.Series(state, index=summary.index, name="state")


def may_be_listed(state: pd.Series, *, winback: bool) -> pd.Series:
    """Say which customers may be put on a list: former ones only where that is wanted.

    Parameters
    ----------
    state : Series
        From `lifecycle`.
    winback : bool
        Former customers may be on a list too.

    Returns
    -------
    Series of bool
        `may_be_listed`, indexed like `state`.

    Examples
    --------
    >>> states = pd.Series(["Bindung aktiv", "Rückgewinnung"])
    >>> may_be_listed(states, winback=False).tolist()
    [True, False]
    """
    return (winback | ~state.isin(FORMER_STATES)).rename("may_be_listed")


def state_sizes(summary: pd.DataFrame, state: pd.Series) -> pd.DataFrame:
    """Count customers and their past revenue by state.

    Returns
    -------
    DataFrame
        Indexed by `state` in the order of `STATES`: `customers`,
        `customer_share`, `revenue` (currency), `revenue_share`, and `kind`
        ("once" or "repeat": how often these customers bought).
    """
    groups = summary["revenue"].groupby(state)
    table = pd.DataFrame({"customers": groups.size(), "revenue": groups.sum()})
    table = table.reindex(list(STATES), fill_value=0)
    table.insert(1, "customer_share", table["customers"] / len(summary))
    table["revenue_share"] = table["revenue"] / summary["revenue"].sum()
    # The totals of the two kinds stand in the table of purchases per customer.
    table["kind"] = ["once" if name in ONE_TIME_STATES else "repeat" for name in table.index]
    return table.rename_axis("state")


def _fifths(values: pd.Series) -> tuple[float, ...]:
    """Return the smallest values whose middle rank earns the scores 2 to 5."""
    scores = np.ceil(N_SCORES * values.rank(method="average") / len(values))
    return tuple(
        float(values[scores >= wanted].min()) if (scores >= wanted).any() else math.inf
        for wanted in range(2, N_SCORES + 1)
    )


def _reached(limits: Sequence[float], values: pd.Series) -> np.ndarray:
    return 1 + np.searchsorted(limits, values, side="right")


def _gaps(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per pause: `customer_id`, `nth` (1 = before the second purchase), `days`."""
    check_orders(orders)
    known = purchase_days(orders[orders["date"] <= as_of]).sort_values(["customer_id", "date"])
    customer = known.groupby("customer_id")["date"]
    gaps = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "nth": customer.cumcount(),
            "days": customer.diff().dt.days,
        }
    )
    return gaps[gaps["nth"] > 0]
