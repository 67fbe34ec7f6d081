"""Contracts and orders to what a model of leaving learns from: one panel per origin.

At each origin everything is computed from what was known on that day; a row is a customer who
held a contract on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from workbench import churn_features, churn_panels, contract_lives, effects
from workbench.churn_training import Panel, Plan
from workbench.contract_lives import UNKNOWN
from workbench.lines import Lines
from workbench.schema import TooFewData
from workbench.stored_model import Model
from workbench.summary import Known


def describe(
    orders: pd.DataFrame,
    contracts: pd.DataFrame,
    *,
    origin: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    tables: Mapping[str, pd.DataFrame | Lines],
) -> pd.DataFrame:
    """Describe the customers with a running contract by it and by what they bought.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, as they were known at the origin.
    contracts : DataFrame
        As in `contract_lives.known`; later ends are not read.
    origin : Timestamp
        Last day that counts.
    horizon_days, gap_days, tables
        As in `churn_features.build`.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`: the columns of `churn_features.build`, missing for
        who never bought (`n_orders` is 0, texts are `UNKNOWN`), and those of
        `contract_lives.holders`.
    """
    held = contract_lives.holders(contracts, origin=origin)
    bought = churn_features.build(
        orders, origin=origin, horizon_days=horizon_days, gap_days=gap_days, tables=tables
    ).reindex(held.index)
    texts = bought.columns.difference(bought.select_dtypes("number").columns)
    filled = bought.fillna({"n_orders": 0.0, **dict.fromkeys(texts, UNKNOWN)})
    return filled.join(held)


def panels(
    orders: Known,
    contracts: pd.DataFrame,
    *,
    plan: Plan,
    tables: Mapping[str, pd.DataFrame | Lines],
) -> dict[pd.Timestamp, Panel]:
    """Describe the holders at every origin of a plan, and tell who left in the window after it.

    Parameters
    ----------
    orders : callable
        Gives the orders as they were known on a day.
    contracts, tables
        As in `describe`.
    plan : Plan
        From `churn_training.plan`.

    Raises
    ------
    TooFewData
        If nobody held a contract at an origin.
    """
    window = {"horizon_days": plan.horizon_days, "gap_days": plan.gap_days}
    found = {}
    for origin in plan.origins:
        if not contract_lives.runs(contracts, day=origin).any():
            raise TooFewData(f"nobody held a contract on {origin.date()}.", have=0, need=1)
        features = describe(orders(origin), contracts, origin=origin, tables=tables, **window)
        label = contract_lives.left(contracts, origin=origin, customers=features.index, **window)
        found[origin] = Panel(features, label)
    return found


def importance(model: Model, panel: Panel, *, seed: int) -> pd.DataFrame:
    """Measure how much worse a model orders customers when features are shuffled among them.

    Parameters
    ----------
    model : Model
        From `churn_panels.taken_apart`.
    panel : Panel
        Of the test origin, which its pipeline was not fitted to.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    DataFrame
        As from `effects.importance`; numbers that say nearly the same are shuffled together.
    """
    shown = panel.features[list(model.kinds)].sort_index()
    numbers = shown[[column for column, kind in model.kinds.items() if kind == "number"]]
    groups = effects.correlated(numbers.fillna(numbers.median()))
    groups |= {column: (column,) for column, kind in model.kinds.items() if kind == "text"}
    ask = partial(churn_panels.ask, model, panel.features)
    return effects.importance(shown, panel.label, predict=ask, groups=groups, seed=seed)
