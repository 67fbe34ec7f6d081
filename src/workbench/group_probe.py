"""A past day to what was expected of each group of customers on it, beside what came."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import candidates, customer_groups, lifecycle, outlook, purchase_models
from workbench.discrimination import wilson
from workbench.purchase_models import PurchaseModel
from workbench.summary import Known, Split, profiles


class Probe(NamedTuple):
    """What was expected of the groups of a past day, and what came.

    Attributes
    ----------
    table : DataFrame
        From `compare`, with the columns of `customer_groups.with_kinds`.
    day : Timestamp
        The past day.
    days : int
        Length of the window after it.
    """

    table: pd.DataFrame
    day: pd.Timestamp
    days: int


def look_back(split: Split, *, known: Known, model: PurchaseModel) -> Probe:
    """Place the customers of the cutoff in groups, and compare forecast and truth.

    Groups, model and spend know nothing after the cutoff. The model is of the kind
    that is used today, fitted anew.

    Parameters
    ----------
    split : Split
        From `summary.split`.
    known : callable
        Gives the orders as they were known on a day.
    model : PurchaseModel
        Which kind to fit.

    Raises
    ------
    TooFewData, NotIdentified
        If that day bears no model of purchases or of spend, or nobody had bought
        twice by then.
    """
    people, day = split.calibration, split.cutoff
    orders = known(day)
    fitted = purchase_models.fit(model.name, profiles(people))
    alive = partial(outlook.p_alive_then, model=model)
    state = lifecycle.states(orders, as_of=day, p_alive=alive)
    days = split.holdout_days
    expected = pd.DataFrame(
        {
            "p_purchase": 1 - purchase_models.p_no_purchase(fitted, people, days=days),
            "money": purchase_models.expected_purchases(fitted, people, days=days)
            * candidates.money(people, orders),
        }
    )
    group = customer_groups.place(people, state=state)
    table = compare(group, expected=expected, actual=split.holdout)
    return Probe(customer_groups.with_kinds(table), day, days)


def compare(group: pd.Series, *, expected: pd.DataFrame, actual: pd.DataFrame) -> pd.DataFrame:
    """Put what was expected of each group beside what came.

    Parameters
    ----------
    group : Series
        From `customer_groups.place`.
    expected : DataFrame
        Same customers: `p_purchase` (0 to 1), `money` (currency).
    actual : DataFrame
        Same customers: `purchases` (count), `revenue` (currency) in the window.

    Returns
    -------
    DataFrame
        Indexed by `customer_group` in order, empty ones left out: `customers`,
        `predicted` (mean probability), `observed` (share that bought), `low` and
        `high` (its 95 % interval after Wilson), `forecast_money` and `actual_money`
        (currency).
    """
    index = group.index
    people = pd.DataFrame(
        {
            "predicted": expected["p_purchase"].reindex(index),
            "bought": actual["purchases"].reindex(index) > 0,
            "forecast_money": expected["money"].reindex(index),
            "actual_money": actual["revenue"].reindex(index),
        }
    )
    groups = people.groupby(group)
    n, bought = groups.size(), groups["bought"].sum()
    low, high = wilson(bought.to_numpy(), n.to_numpy())
    table = pd.DataFrame(
        {
            "customers": n,
            "predicted": groups["predicted"].mean(),
            "observed": bought / n,
            "low": np.asarray(low),
            "high": np.asarray(high),
            "forecast_money": groups["forecast_money"].sum(),
            "actual_money": groups["actual_money"].sum(),
        }
    )
    order = [name for name in customer_groups.GROUPS if name in table.index]
    return table.reindex(order).rename_axis("customer_group")
