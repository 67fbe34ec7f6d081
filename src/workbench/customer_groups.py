"""States and past revenue to the groups that a shop speaks of, one name per customer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.lifecycle import FORMER_STATES, ONE_TIME_STATES

GROUPS = (
    "VIP-Kunden",
    "Stammkunden",
    "Wiederkäufer",
    "Neukunden",
    "Gelegenheitskäufer",
    "Überfällige Stammkunden",
    "Einmalkäufer",
)
# The share of the customers still there who are VIPs, by past revenue.
VIP_SHARE = 0.1
# With so many purchases a customer has a rhythm of three pauses.
REGULAR_ORDERS = 4
# A segment with so large a part of a group is named as where it comes from.
MAIN_SHARE = 0.2
# Groups whose customers bought once, and groups of repeat buyers who are no longer there.
ONE_TIME_GROUPS = ("Neukunden", "Einmalkäufer")
GONE_GROUPS = ("Gelegenheitskäufer", "Überfällige Stammkunden")


class Overlap(NamedTuple):
    """Customers still there by two rules: regular ones, the most valuable ones, and both."""

    regular: int
    vip: int
    both: int


def place(summary: pd.DataFrame, *, state: pd.Series) -> pd.Series:
    """Give each customer one of `GROUPS`.

    Who bought once is a `Neukunde` in the state `Aktivierung` and an `Einmalkäufer`
    after it. Of those who bought more often and are not in `Rückgewinnung`, the
    tenth (rounded up) with the most past revenue among all who are still there are
    `VIP-Kunden`; of the others, four purchases make a `Stammkunde`, fewer a
    `Wiederkäufer`. In `Rückgewinnung`, four purchases make an overdue
    `Stammkunde`, fewer a `Gelegenheitskäufer`. So being a VIP comes before being
    regular, see `overlap`.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`: `n_orders` (count), `revenue` (currency).
    state : Series
        From `lifecycle.states`, the same customers.

    Returns
    -------
    Series
        `customer_group`, indexed like `summary`.

    Examples
    --------
    >>> customers = pd.DataFrame({"n_orders": [9, 2, 1], "revenue": [90.0, 20.0, 5.0]},
    ...                          index=pd.Index(["anna", "ben", "cleo"], name="customer_id"))
    >>> state = pd.Series(["Bindung aktiv", "Rückgewinnung", "Aktivierung"], customers.index)
    >>> place(customers, state=state).tolist()
    ['VIP-Kunden', 'Gelegenheitskäufer', 'Neukunden']
    """
    state = state.reindex(summary.index)
    is_once, is_regular = state.isin(ONE_TIME_STATES), _is_regular(summary)
    is_gone = state.isin(FORMER_STATES)
    name = np.select(
        [
            is_once & ~is_gone,
            is_once,
            is_gone & is_regular,
            is_gone,
            _is_vip(summary, state=state),
            is_regular,
        ],
        [
            "Neukunden",
            "Einmalkäufer",
            "Überfällige Stammkunden",
            "Gelegenheitskäufer",
            "VIP-Kunden",
            "Stammkunden",
        ],
        default="Wiederkäufer",
    )
    return pd.Series(name, index=summary.index, name="customer_group")


def overlap(summary: pd.DataFrame, *, state: pd.Series) -> Overlap:
    """Count who is regular, who is a VIP, and who is both.

    Parameters
    ----------
    summary, state
        As in `place`.
    """
    state = state.reindex(summary.index)
    is_vip = _is_vip(summary, state=state)
    is_regular = _is_regular(summary) & ~state.isin((*FORMER_STATES, *ONE_TIME_STATES))
    return Overlap(int(is_regular.sum()), int(is_vip.sum()), int((is_regular & is_vip).sum()))


def cards(
    summary: pd.DataFrame,
    names: pd.Series,
    *,
    order: tuple[str, ...],
    scores: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Describe each group by size, money, rhythm and what is to be expected of it.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`.
    names : Series
        Group of each of these customers.
    order : tuple of str
        All groups, in the order shown.
    scores : DataFrame, optional
        `p_purchase` (0 to 1) and `clv_revenue` (currency) of the same customers.

    Returns
    -------
    DataFrame
        Indexed by the name of `names`, empty groups left out: `customers`,
        `customer_share`, `revenue` (currency), `revenue_share`, `median_basket`
        (currency per purchase), `median_gap` (days between two purchases: the
        median of the customers' means; NaN without a second purchase),
        `p_purchase` (mean), `expected_revenue` and `expected_share` (NaN without
        scores).
    """
    people = pd.DataFrame(
        {
            "revenue": summary["revenue"],
            "basket": summary["revenue"] / summary["n_orders"],
            "gap": summary["recency"] / summary["frequency"].where(summary["frequency"] > 0),
            "p_purchase": np.nan if scores is None else scores["p_purchase"],
            "expected": np.nan if scores is None else scores["clv_revenue"],
        },
        index=summary.index,
    )
    groups = people.groupby(names.reindex(summary.index))
    expected = groups["expected"].sum(min_count=1)
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "customer_share": groups.size() / len(people),
            "revenue": groups["revenue"].sum(),
            "revenue_share": groups["revenue"].sum() / people["revenue"].sum(),
            "median_basket": groups["basket"].median(),
            "median_gap": groups["gap"].median(),
            "p_purchase": groups["p_purchase"].mean(),
            "expected_revenue": expected,
            "expected_share": expected / people["expected"].sum(min_count=1),
        }
    )
    return table.reindex([name for name in order if name in table.index]).rename_axis(names.name)


def main_segments(group: pd.Series, segment: pd.Series, *, k: int) -> pd.Series:
    """Name the segments from which a group's customers mainly come.

    Parameters
    ----------
    group : Series
        From `place`.
    segment : Series
        From `segments.score`, the same customers.
    k : int
        Smallest part of a group that is named.

    Returns
    -------
    Series
        `main_segments` (names, the largest part first, then by name), indexed by
        group: segments with a fifth (`MAIN_SHARE`) of the group's customers or more;
        empty where each is smaller.
    """
    counts = pd.crosstab(group, segment.reindex(group.index)).stack()
    of_group = counts.groupby(level=0).transform("sum")
    main = counts[(counts >= MAIN_SHARE * of_group) & (counts >= k)]
    main = (
        main.rename("n")
        .reset_index()
        .sort_values(["customer_group", "n", "segment"], ascending=[True, False, True])
    )
    names = main.groupby("customer_group")["segment"].agg(", ".join)
    return names.reindex(group.unique(), fill_value="").rename("main_segments").sort_index()


def with_kinds(cards: pd.DataFrame) -> pd.DataFrame:
    """Add the columns `kind` and `presence` of `lifecycle.state_sizes`, for the suppression.

    Their totals are the same in both tables, so that one would give away what the
    other hides.
    """
    names = cards.index
    presence = np.where(names.isin(GONE_GROUPS), "gone", "there")
    return cards.assign(
        kind=np.where(names.isin(ONE_TIME_GROUPS), "once", "repeat"),
        presence=np.where(names.isin(ONE_TIME_GROUPS), "once", presence),
    )


def _is_regular(summary: pd.DataFrame) -> pd.Series:
    return summary["n_orders"] >= REGULAR_ORDERS


def _is_vip(summary: pd.DataFrame, *, state: pd.Series) -> pd.Series:
    """Tell which repeat buyers still there are in the top tenth; equal revenue, equal answer."""
    is_there = ~state.isin(FORMER_STATES)
    rank = summary["revenue"].where(is_there).rank(method="min")
    is_top = rank > (1 - VIP_SHARE) * is_there.sum()
    return is_there & ~state.isin(ONE_TIME_STATES) & is_top
