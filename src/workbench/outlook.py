"""Orders to what each customer will likely buy, by the models that the page on value publishes."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from workbench import (
    backtests,
    candidates,
    clv,
    gates,
    published_model,
    purchase_models,
    spend_models,
    summary,
)
from workbench.gates import Verdict
from workbench.purchase_models import PurchaseModel
from workbench.schema import NotIdentified, TooFewData
from workbench.summary import Known


class Outlook(NamedTuple):
    """What the models expect of the customers of a day.

    Attributes
    ----------
    scores : DataFrame
        From `clv.score` with a margin of 1: `p_alive`, `p_purchase`,
        `expected_purchases`, `expected_spend`, `clv_revenue` (currency, discounted).
    model : PurchaseModel
        Fitted to all data.
    judged : Verdict or None
        On its forecasts of purchases; None where the data are too few for a test.
    usable : bool
        What it says of single customers and groups may be shown: see
        `gates.is_usable`. Where nothing could be tested, it may.
    """

    scores: pd.DataFrame
    model: PurchaseModel
    judged: Verdict | None
    usable: bool


def look_ahead(
    orders: pd.DataFrame,
    people: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    first_day: pd.Timestamp,
    known: Known,
    holdout_days: int,
    horizon_days: int,
    annual_discount_rate: float,
) -> Outlook:
    """Choose the models by backtests, fit them to all data and ask them about everybody.

    Choice, fit and verdict are those of the page on customer value, so that both
    pages say the same of a customer.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, up to `as_of`.
    people : DataFrame
        From `summary.summarise` of these orders.
    as_of, first_day : Timestamp
        Last and first day of the data.
    known : callable
        Gives the orders as they were known on a day.
    holdout_days : int
        Length of the window of the backtests; 0 for half of the data.
    horizon_days : int
        How far to look ahead.
    annual_discount_rate : float
        Effective rate a year.

    Raises
    ------
    TooFewData
        If there are too few repeat purchases for a model of purchases or of spend.
    NotIdentified
        If every model of purchases collapses.
    """
    window = window_days(
        first_day, as_of=as_of, holdout_days=holdout_days, horizon_days=horizon_days
    )
    try:
        placed = backtests.origins(orders, as_of=as_of, horizon_days=window, first_day=first_day)
    except TooFewData:
        tested, choice = None, None
    else:
        tested = backtests.run(
            orders,
            origins=placed.days,
            horizon_days=window,
            models=candidates.forecasters(days=window),
            as_of=as_of,
            known=known,
            spend=candidates.money,
        )
        choice = gates.choose(tested)
    model = published_model.take(summary.profiles(people), choice=choice).model
    spend = spend_models.choose(orders, summary=people).model
    scores = clv.score(
        model,
        people,
        expected_spend=spend_models.expected_spend(spend, people),
        horizon_days=horizon_days,
        annual_discount_rate=annual_discount_rate,
        margin=1.0,
    )
    judged = None if tested is None else gates.verdict(tested, model=model.name)
    holds = tested is None or gates.is_usable(
        judged, paid=gates.money_verdict(tested, model=model.name)
    )
    return Outlook(scores, model, judged, bool(holds and scores["clv_revenue"].sum() > 0))


def window_days(
    first_day: pd.Timestamp, *, as_of: pd.Timestamp, holdout_days: int, horizon_days: int
) -> int:
    """Say how long the window is on which forecasts are tested.

    Examples
    --------
    >>> first_day, as_of = pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30")
    >>> window_days(first_day, as_of=as_of, holdout_days=0, horizon_days=365)
    273
    """
    return min(holdout_days or summary.default_holdout_days(first_day, as_of=as_of), horizon_days)


def p_alive_then(people: pd.DataFrame, *, model: PurchaseModel) -> pd.Series:
    """Return P(alive) of the customers of an earlier day, by a model fitted to that day.

    Parameters
    ----------
    people : DataFrame
        Summary of the day.
    model : PurchaseModel
        Which kind to fit, and where to start from.

    Returns
    -------
    Series
        `p_alive` (0 to 1), same index; 1 for all where the day had too few data.
    """
    try:
        fitted = purchase_models.fit(model.name, summary.profiles(people))
    except (TooFewData, NotIdentified):
        return pd.Series(1.0, index=people.index, name="p_alive")
    return purchase_models.p_alive(fitted, people)
