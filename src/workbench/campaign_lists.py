"""Expected gains to a list: whom it holds, how long it is, where its budget goes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import privacy
from workbench.campaign_gate import PASSED_OVER
from workbench.crm_gate import CONTROL, TARGET

# The curve of the gain is read at so many shares of the candidates.
N_LENGTHS = 50
# Sums of costs may differ from the budget by rounding.
ROUNDING = 1e-9


class Ranked(NamedTuple):
    """Candidates, who is taken first, and how far a list goes.

    Attributes
    ----------
    table : DataFrame
        Indexed by `customer_id`, first taken first: `cost` and `gain` (currency,
        of each), `total_cost` and `total_gain` (of the list that ends here, with
        the fixed cost).
    best : int
        Length of the list that brings most, 0 where none pays.
    length : int
        Length of the list to take: the best one, or as far as the budget goes for
        those of it who are contacted.
    """

    table: pd.DataFrame
    best: int
    length: int

    @property
    def listed(self) -> pd.Index:
        """Who is on the list."""
        return self.table.index[: self.length]

    @property
    def limited(self) -> bool:
        """Whether the budget, and not the gain, ends the list."""
        return self.length < self.best


def rank(gains: pd.DataFrame, *, budget: float, fixed_cost: float, control_share: float) -> Ranked:
    """Rank candidates and cut the list where it stops to pay, or the budget is sure to end.

    The control group costs nothing. As the lot decides what the others cost,
    the list is a little longer here than the budget goes; `cut` makes it fit.

    Without a limit the highest gain comes first. With one it is spent where a
    unit of money brings most, so the highest gain per cost does. Both orders
    hold the same customers until the gain of a contact is no longer above 0.
    Equal ones follow by `customer_id`.

    Parameters
    ----------
    gains : DataFrame
        From `campaign_gain.expect`, of all who may be on the list, also those
        who are not worth it: `gain` and `cost` (currency).
    budget : float
        For all costs of the campaign (currency, >= 0); 0: no limit.
    fixed_cost : float
        Of the campaign, once (currency, >= 0).
    control_share : float
        Of the list that is not contacted (0 to 1, below 1).

    Returns
    -------
    Ranked

    Examples
    --------
    >>> gains = pd.DataFrame({"gain": [4.0, 3.0, -1.0], "cost": [4.0, 1.0, 1.0]},
    ...                      index=["anna", "ben", "cleo"])
    >>> rank(gains, budget=0, fixed_cost=0, control_share=0).listed.tolist()
    ['anna', 'ben']
    >>> rank(gains, budget=2, fixed_cost=0, control_share=0).table.index.tolist()
    ['ben', 'anna', 'cleo']
    """
    gains = gains[["gain", "cost"]].sort_index()
    gain, cost = gains["gain"].to_numpy(float), gains["cost"].to_numpy(float)
    free = np.where(gain > 0, np.inf, np.where(gain < 0, -np.inf, 0.0))
    yields = np.divide(gain, cost, out=free, where=cost > 0)
    keys = (-gain,) if budget == 0 else (-gain, -yields)
    table = gains.iloc[np.lexsort(keys)]
    table = table.assign(
        total_cost=fixed_cost + table["cost"].cumsum(),
        total_gain=table["gain"].cumsum() - fixed_cost,
    )
    n_worth = int((gain > 0).sum())
    contacted = 1 - control_share
    pays = n_worth and contacted * table["gain"].iloc[:n_worth].sum() > fixed_cost
    length = best = n_worth if pays else 0
    if budget > 0:
        expected = fixed_cost + contacted * table["cost"].cumsum()
        affordable = int((expected <= budget * (1 + ROUNDING)).sum())
        # The lot moves what the contacted cost by much less than that many of them.
        length = min(best, affordable + math.isqrt(affordable) + bool(affordable))
    return Ranked(table, best, length)


def cut(
    ranked: Ranked, *, group: pd.Series, budget: float, fixed_cost: float, least: int
) -> tuple[Ranked, pd.Series]:
    """End a list where those who are contacted have spent the budget.

    Parameters
    ----------
    ranked : Ranked
        From `rank`.
    group : Series of str
        From `control_groups.draw`, of those listed: `crm_gate.TARGET` or
        `crm_gate.CONTROL`.
    budget, fixed_cost : float
        As in `rank`.
    least : int
        Of a control group of fewer customers nobody is held back: it shows
        nothing.

    Returns
    -------
    tuple of Ranked and Series
        The list as it is, and the group of those on it, sorted by `customer_id`.
        Empty where those contacted do not earn the fixed cost.
    """
    of_list = ranked.table.loc[ranked.listed]
    is_target = (group.reindex(of_list.index) == TARGET).to_numpy(bool)
    length = _affordable(of_list, is_target, budget=budget, fixed_cost=fixed_cost)
    if 0 < (~is_target[:length]).sum() < least:
        is_target = np.full(len(of_list), True)
        length = _affordable(of_list, is_target, budget=budget, fixed_cost=fixed_cost)
    earned = of_list["gain"].to_numpy(float)[:length][is_target[:length]].sum()
    best = ranked.best
    if earned <= fixed_cost:
        best, length = (0 if length == best else best), 0
    taken = pd.Series(CONTROL, index=of_list.index[:length], dtype="str", name=group.name)
    return Ranked(ranked.table, best, length), taken.mask(is_target[:length], TARGET).sort_index()


def _affordable(
    of_list: pd.DataFrame, is_target: np.ndarray, *, budget: float, fixed_cost: float
) -> int:
    """Count how far down a list the budget goes."""
    if budget == 0:
        return len(of_list)
    spent = fixed_cost + (of_list["cost"].to_numpy(float) * is_target).cumsum()
    return int((spent <= budget * (1 + ROUNDING)).sum())


def settle(reason: pd.Series, ranked: Ranked) -> pd.Series:
    """Add to the reasons why somebody worth a contact is not on the list.

    Parameters
    ----------
    reason : Series
        From `campaign_gate.reasons`.
    ranked : Ranked
        Of those whose reason is '' or ``not_worth``.

    Returns
    -------
    Series of str
        '' for those on the list alone; others are ``beyond_budget``, or
        ``not_worth`` where the fixed cost makes every list one.
    """
    open_still = (reason == "") & ~reason.index.isin(ranked.listed)
    return reason.mask(open_still, "beyond_budget" if ranked.limited else "not_worth")


def curve(ranked: Ranked, *, k: int) -> pd.DataFrame:
    """Read the gain of lists of rising length.

    Parameters
    ----------
    ranked : Ranked
    k : int
        Lists lie at least so many customers apart, or are blank.

    Returns
    -------
    DataFrame
        Indexed by `list_length` (count): `customers` (the same), `list_cost`
        and `list_gain` (currency, of the whole list); the length taken, the
        best one and all candidates are among the lengths where they lie `k` apart.
    """
    n = len(ranked.table)
    # Lists that are named elsewhere too must not lie nearer to each other than k.
    marks: list[int] = []
    for length in (ranked.length, ranked.best, n):
        if length - (marks[-1] if marks else 0) >= k:
            marks.append(length)
    steps = {round(share * n) for share in np.arange(1, N_LENGTHS + 1) / N_LENGTHS}
    apart = {step for step in steps if all(abs(step - mark) >= k for mark in marks)}
    last = max(marks, default=0)
    lengths = sorted(length for length in apart | set(marks) if 0 < length <= last)
    rows = ranked.table.iloc[[length - 1 for length in lengths]]
    table = pd.DataFrame(
        {
            "customers": lengths,
            "list_cost": rows["total_cost"].to_numpy(),
            "list_gain": rows["total_gain"].to_numpy(),
        },
        index=pd.Index(lengths, name="list_length"),
    )
    return privacy.suppress_nested(table, count="customers", k=k) if len(table) else table


def by_group(gains: pd.DataFrame, *, group: pd.Series, reason: pd.Series) -> pd.DataFrame:
    """Say where the money of a list goes.

    Parameters
    ----------
    gains : DataFrame
        From `campaign_gain.expect`, of all customers.
    group : Series
        `customer_group` of each.
    reason : Series
        From `campaign_gate.reasons` after the budget: '' is on the list, one of
        `campaign_gate.PASSED_OVER` is a candidate too.

    Returns
    -------
    DataFrame
        Indexed by `customer_group`: `customers`, `candidates`, `listed`
        (counts), `outside`, `passed_over` (the differences, for the
        suppression), `list_cost`, `list_gain` (currency, of those listed; without
        the fixed cost) and `gain_per_cost` (missing without a cost).
    """
    is_on = reason.reindex(gains.index) == ""
    over = reason.reindex(gains.index).isin(PASSED_OVER)
    each = pd.DataFrame(
        {
            "customers": 1,
            "candidates": is_on | over,
            "listed": is_on,
            "outside": ~(is_on | over),
            "passed_over": over,
            "list_cost": gains["cost"].where(is_on, 0.0),
            "list_gain": gains["gain"].where(is_on, 0.0),
        }
    )
    table = each.groupby(group.reindex(gains.index)).sum()
    cost = table["list_cost"].where(table["list_cost"] > 0)
    return table.assign(gain_per_cost=table["list_gain"] / cost)
