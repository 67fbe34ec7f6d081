"""Orders to the state of the lifecycle in which each customer is, one row per customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.orders import Orders, of_frame
from workbench.schema import DAYS_PER_WEEK, DataError, TooFewData, check_orders, purchase_days
from workbench.summary import summarise

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

# A customer is looked at once a week, a quarter of a year back.
N_LOOKS = 13
# What must be seen in so many looks in a row to move someone down, and up again. Of all moves
# from week to week, the share taken back within four weeks falls from 7 % to 2 % on CDNOW, from
# 11 % to 2 % on Online Retail, from 42 % to 12 % in the grocery shops of The Complete Journey.
LOOKS_DOWN, LOOKS_UP = 2, 4
# How far down each of `STATES` is.
_DEPTH = np.array([0, 1, 0, 1, 2, 0])
_ABSENT = -1
_GONE = 2
_CODE = {name: code for code, name in enumerate(STATES)}

# The summary of a day -> the probability of still being a customer on it.
Alive = Callable[[pd.DataFrame], pd.Series]


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


def pauses(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> Pauses:
    """Measure the usual pauses between purchases up to a day.

    Raises
    ------
    TooFewData
        If nobody bought twice by `as_of`.
    """
    return _limits(_gaps(orders, as_of=as_of), as_of=as_of)


def states(orders: pd.DataFrame, *, as_of: pd.Timestamp, p_alive: Alive | None = None) -> pd.Series:
    """Place each customer in a state of the lifecycle that does not flicker from week to week.

    The rule of `raw_states` is applied on `as_of` and on the same weekday of twelve
    weeks before, each time to what was bought by then. A customer moves down
    (`Bindung aktiv`, `Bindung gefährdet`, `Rückgewinnung`; `Aktivierung`,
    `Einmalkäufer (still)`) only after two looks in a row that say so, and up again
    only after four. Two things count at once, because they are purchases: the
    second one, and one that ends a `Rückgewinnung`; the customer is `Reaktiviert`
    then, until four looks in a row find nothing but `Bindung aktiv`.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order; those after `as_of` are ignored.
    as_of : Timestamp
        The day.
    p_alive : callable, optional
        Asked for each look with the summary of its day; by default everybody is
        alive and the pauses alone decide.

    Returns
    -------
    Series
        `state`, indexed and sorted by `customer_id`.

    Raises
    ------
    TooFewData
        If nobody bought twice by `as_of`.
    DataError
        If a table breaks its promise, or `p_alive` does not cover every customer.
    """
    second = _gaps(orders, as_of=as_of)
    _limits(second, as_of=as_of)
    looks = [as_of - pd.Timedelta(days=DAYS_PER_WEEK * back) for back in reversed(range(N_LOOKS))]
    looks = [day for day in looks if day >= second["date"].min()]
    stored = of_frame(orders)
    seen = {}
    for day in looks:
        known = second[second["date"] <= day]
        seen[day] = _look(stored, known, as_of=day, p_alive=p_alive)
    customers = seen[as_of].index
    codes = np.column_stack(
        [look["state"].map(_CODE).reindex(customers, fill_value=_ABSENT) for look in seen.values()]
    )
    silence = [look["days_since_last"].reindex(customers) for look in seen.values()]
    found = _steady(codes, bought=np.column_stack(silence) < DAYS_PER_WEEK)
    return pd.Series(np.array(STATES)[found], index=customers, name="state")


def raw_states(
    orders: pd.DataFrame, summary: pd.DataFrame, *, as_of: pd.Timestamp, p_alive: pd.Series
) -> pd.Series:
    """Place each customer in a state of the lifecycle by what holds on one day.

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
    return _place(_gaps(orders, as_of=as_of), summary, as_of=as_of, p_alive=p_alive)


def _place(
    gaps: pd.DataFrame, summary: pd.DataFrame, *, as_of: pd.Timestamp, p_alive: pd.Series
) -> pd.Series:
    """Place each customer by the pauses up to a day, as `raw_states` says."""
    alive = p_alive.reindex(summary.index)
    lacking = int(alive.isna().sum())
    if lacking:
        raise DataError(f"p_alive lacks {lacking} of {len(summary)} customers of the summary.")
    limits = _limits(gaps, as_of=as_of)
    pauses_each = gaps.groupby("customer_id")["days"]
    has_rhythm = pauses_each.transform("size") >= OWN_RHYTHM_PAUSES
    own = gaps[has_rhythm].groupby("customer_id")["days"]

    def limit(level: float, pooled: float) -> pd.Series:
        return own.quantile(level).reindex(summary.index).fillna(pooled)

    silence = summary["days_since_last"]
    last_pause = pauses_each.last().reindex(summary.index)
    long = limit(LONG_PAUSE, limits.long)
    gone = (alive < LIKELY_GONE) | (silence > long)
    at_risk = (alive <= LIKELY_ALIVE) | (silence > limit(USUAL_PAUSE, limits.usual))
    state = np.select(
        [
            (summary["frequency"] == 0) & (silence <= limits.second_purchase),
            summary["frequency"] == 0,
            gone,
            at_risk,
            last_pause > long.clip(lower=limits.long),
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


def state_sizes(
    summary: pd.DataFrame, state: pd.Series, *, expected: pd.Series | None = None
) -> pd.DataFrame:
    """Count customers, their past revenue and what is expected of them by state.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`: `revenue` (currency).
    state : Series
        From `states`, the same customers.
    expected : Series, optional
        Expected revenue (currency) of the same customers.

    Returns
    -------
    DataFrame
        Indexed by `state` in the order of `STATES`: `customers`,
        `customer_share`, `revenue` (currency), `revenue_share`, `kind` ("once" or
        "repeat": how often these customers bought) and `presence` ("once", "there",
        "gone": repeat buyers in `Rückgewinnung` are gone), `expected_revenue`
        (currency; NaN if none is given).
    """
    groups = summary["revenue"].groupby(state)
    table = pd.DataFrame({"customers": groups.size(), "revenue": groups.sum()})
    table = table.reindex(list(STATES), fill_value=0)
    table.insert(1, "customer_share", table["customers"] / len(summary))
    table["revenue_share"] = table["revenue"] / summary["revenue"].sum()
    # Totals of the kinds stand in the table of purchases per customer, those of the
    # presence follow from the groups of customers.
    is_once = table.index.isin(ONE_TIME_STATES)
    table["kind"] = np.where(is_once, "once", "repeat")
    presence = np.where(table.index.isin(FORMER_STATES), "gone", "there")
    table["presence"] = np.where(is_once, "once", presence)
    if expected is None:
        table["expected_revenue"] = np.nan
    else:
        table["expected_revenue"] = expected.groupby(state).sum()
        table["expected_revenue"] = table["expected_revenue"].fillna(0.0)
    return table.rename_axis("state")


def _look(
    orders: Orders, gaps: pd.DataFrame, *, as_of: pd.Timestamp, p_alive: Alive | None
) -> pd.DataFrame:
    """Return `state` and `days_since_last` of the customers of one day."""
    summary = summarise(orders, as_of=as_of)
    alive = pd.Series(1.0, index=summary.index) if p_alive is None else p_alive(summary)
    state = _place(gaps, summary, as_of=as_of, p_alive=alive)
    return summary[["days_since_last"]].assign(state=state)


def _steady(codes: np.ndarray, *, bought: np.ndarray) -> np.ndarray:
    """Follow each customer (row) from look to look (column); return the last state's code.

    `codes` are positions in `STATES`, -1 before the first purchase; `bought` says
    whether a purchase lies between a look and the one before.
    """
    if codes.shape[1] == 1:
        return codes[:, 0]
    is_once = np.isin(codes, [_CODE[name] for name in ONE_TIME_STATES])
    depths = np.where(codes == _ABSENT, _ABSENT, _DEPTH[codes])
    active = codes == _CODE["Bindung aktiv"]
    is_back = codes == _CODE["Reaktiviert"]
    # Not the first look itself, or who hovers would be where it happens to find them.
    depth, returned = np.minimum(depths[:, 0], 0), is_back[:, 0]
    for now in range(1, codes.shape[1]):
        starts = (depth == _ABSENT) | (is_once[:, now - 1] & ~is_once[:, now])
        comes_back = (depth == _GONE) & bought[:, now] & (depths[:, now] < _GONE)
        confirmed = depths[:, max(0, now - LOOKS_DOWN + 1) : now + 1].min(axis=1)
        recent = slice(max(0, now - LOOKS_UP + 1), now + 1)
        cleared = depths[:, recent].max(axis=1)
        if now - LOOKS_UP + 1 < 0:
            cleared = depth
        moved = np.where(confirmed > depth, confirmed, np.minimum(depth, cleared))
        depth = np.where(starts, depths[:, now], np.where(comes_back, 0, moved))
        calm = active[:, recent].all(axis=1) & (now - LOOKS_UP + 1 >= 0)
        returned = (depth == 0) & ~calm & (returned & ~starts | is_back[:, now] | comes_back)
    once, repeat = np.array([0, 1]), np.array([2, 3, 4])
    found = np.where(is_once[:, -1], once[np.minimum(depth, 1)], repeat[depth])
    return np.where(~is_once[:, -1] & returned, _CODE["Reaktiviert"], found)


def _limits(gaps: pd.DataFrame, *, as_of: pd.Timestamp) -> Pauses:
    if gaps.empty:
        raise TooFewData(
            f"nobody bought twice by {as_of.date()}; there is no pause to measure.",
            have=0,
            need=1,
        )
    second = gaps[gaps["nth"] == 1]["days"]
    return Pauses(
        usual=float(gaps["days"].quantile(USUAL_PAUSE)),
        long=float(gaps["days"].quantile(LONG_PAUSE)),
        second_purchase=float(second.quantile(USUAL_PAUSE)),
    )


def _gaps(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per pause: `customer_id`, `date` it ended, `nth` (1: before the second), `days`."""
    check_orders(orders)
    known = purchase_days(orders[orders["date"] <= as_of]).sort_values(["customer_id", "date"])
    customer = known.groupby("customer_id")["date"]
    gaps = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "date": known["date"],
            "nth": customer.cumcount(),
            "days": customer.diff().dt.days,
        }
    )
    return gaps[gaps["nth"] > 0]
