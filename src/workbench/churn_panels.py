"""Orders and optional tables to what the churn models learn from, and to what they predict.

At each origin everything is computed from what was known on that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from workbench import (
    churn_features,
    churn_training,
    clv,
    feature_book,
    intake,
    published_model,
    purchase_models,
    reasons,
    spend_models,
    stored_model,
)
from workbench.churn_training import Panel, Plan, Training
from workbench.formats import Style
from workbench.lines import Lines
from workbench.purchase_models import PurchaseModel
from workbench.reasons import Reference
from workbench.schema import NotIdentified, TooFewData
from workbench.stored_model import Model
from workbench.summary import Known, profiles, summarise

MANY_FEATURES = ("logistic", "boosting")
OF_MODEL = ("p_no_purchase", "expected_purchases", "p_alive")
MODEL_FILE = intake.CUSTOMERS_FOLDER / "churn_model.bin"
# Risk of no purchase: borders of the classes shown.
RISK_EDGES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


class Terms(NamedTuple):
    """What a customer's value means.

    Attributes
    ----------
    horizon_days : int
        How far it looks ahead.
    annual_discount_rate, margin : float
        As in `clv.customer_value`.
    """

    horizon_days: int
    annual_discount_rate: float
    margin: float


class Snapshot(NamedTuple):
    """Customers who may still be lost, on one day.

    Attributes
    ----------
    features : DataFrame
        From `churn_features.build`, those who are `churn_features.eligible`.
    values : Series or None
        Same customers: value if the customer stays (currency); None where no
        model of purchases or spend can be fitted.
    n_customers : int
        All customers known on the day.
    """

    features: pd.DataFrame
    values: pd.Series | None
    n_customers: int


def snapshot(
    orders: pd.DataFrame,
    *,
    people: pd.DataFrame,
    model: PurchaseModel | None,
    origin: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    tables: Mapping[str, pd.DataFrame | Lines],
    terms: Terms,
    with_model: bool,
) -> Snapshot:
    """Describe the customers on one day, from the orders as they were known on it.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day.
    people : DataFrame
        Summary of the orders on the day.
    model : PurchaseModel or None
        From `purchase_model` of the summary.
    origin : Timestamp
        The day.
    horizon_days, gap_days : int
        Of the outcome window.
    tables : mapping of str to DataFrame or Lines
        As in `churn_features.build`.
    terms : Terms
        Of the value.
    with_model : bool
        Whether the features hold what a purchase model says; all origins of one
        training need the same features.
    """
    features = churn_features.build(
        orders,
        origin=origin,
        horizon_days=horizon_days,
        gap_days=gap_days,
        tables=tables,
        purchase_model=model if with_model else None,
    )
    features = features[churn_features.eligible(features, horizon_days=horizon_days)]
    values = None if model is None else value_if_staying(people, orders, model=model, terms=terms)
    if values is not None:
        values = values.loc[features.index]
    return Snapshot(features, values, len(people))


def snapshots(
    orders: pd.DataFrame,
    *,
    plan: Plan,
    as_of: pd.Timestamp,
    known: Known,
    tables: Mapping[str, pd.DataFrame | Lines],
    terms: Terms,
) -> dict[pd.Timestamp, Snapshot]:
    """Describe the customers at every origin of a plan, and on the last day.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, up to `as_of`.
    plan : Plan
        From `churn_training.plan`.
    as_of : Timestamp
        The last day.
    known : callable
        Gives the orders as they were known on a day.
    tables, terms
        As in `snapshot`.
    """
    days = [*plan.origins, as_of]
    states = {day: orders if day == as_of else known(day) for day in days}
    people = {day: summarise(state, as_of=day) for day, state in states.items()}
    models = {day: purchase_model(table) for day, table in people.items()}
    has_model = all(model is not None for model in models.values())
    return {
        day: snapshot(
            state,
            people=people[day],
            model=models[day],
            origin=day,
            horizon_days=plan.horizon_days,
            gap_days=plan.gap_days,
            tables=tables,
            terms=terms,
            with_model=has_model,
        )
        for day, state in states.items()
    }


def panels(
    *,
    found: Mapping[pd.Timestamp, Snapshot],
    plan: Plan,
    as_of: pd.Timestamp,
    known: Known,
) -> dict[pd.Timestamp, Panel]:
    """Add to each origin of a plan what its customers did in the outcome window.

    That is what was known when the window ended: a purchase that came back later is one.
    """
    window = pd.Timedelta(days=plan.gap_days + plan.horizon_days)
    return {
        origin: Panel(
            found[origin].features,
            churn_features.label(
                known(min(origin + window, as_of)),
                origin=origin,
                gap_days=plan.gap_days,
                horizon_days=plan.horizon_days,
                customers=found[origin].features.index,
                as_of=as_of,
            ),
        )
        for origin in plan.origins
    }


def purchase_model(people: pd.DataFrame) -> PurchaseModel | None:
    """Fit the purchase model of a day: the best known one that does not collapse."""
    try:
        return published_model.best_known(profiles(people))
    except (TooFewData, NotIdentified):
        return None


def value_if_staying(
    people: pd.DataFrame, orders: pd.DataFrame, *, model: PurchaseModel, terms: Terms
) -> pd.Series | None:
    """Value customers as if it were sure that they are still there.

    This is what an offer saves that holds one of them; the customer value itself
    counts the risk of leaving already.

    Parameters
    ----------
    people, orders : DataFrame
        Summary of a day, and the orders behind it.
    model : PurchaseModel
        Fitted to the summary.
    terms : Terms
        Of the value.

    Returns
    -------
    Series or None
        `value_if_staying` (currency), same customers; None where no spend model
        can be fitted.
    """
    try:
        spend_model = spend_models.choose(orders, summary=people).model
    except (TooFewData, NotIdentified):
        return None
    value = clv.customer_value(
        model,
        people,
        expected_spend=spend_models.expected_spend(spend_model, people),
        **terms._asdict(),
    )
    alive = purchase_models.p_alive(model, people)
    return (value / alive.where(alive > 0)).fillna(0.0).rename("value_if_staying")


def risk_classes(probability: pd.Series, *, values: pd.Series) -> pd.DataFrame:
    """Count customers and their value by predicted risk.

    Parameters
    ----------
    probability : Series
        Indexed by `customer_id`: predicted probability of no purchase.
    values : Series
        Same customers: value (currency).

    Returns
    -------
    DataFrame
        One row per class of risk, the lowest first: `risk_from`, `risk_to` (0 to
        1; a border belongs to the upper class), `customers`, `customer_share`,
        `value` (sum) and `value_share`.
    """
    edges = pd.IntervalIndex.from_breaks(RISK_EDGES, closed="left")
    classes = pd.cut(probability, [*RISK_EDGES[:-1], 2.0], right=False, labels=False)
    groups = values.groupby(classes)
    table = pd.DataFrame({"customers": groups.size(), "value": groups.sum()})
    table = table.reindex(range(len(edges)), fill_value=0)
    total = table["value"].sum()
    return pd.DataFrame(
        {
            "risk_from": edges.left,
            "risk_to": edges.right,
            "customers": table["customers"].to_numpy(),
            "customer_share": (table["customers"] / len(probability)).to_numpy(),
            "value": table["value"].to_numpy(),
            "value_share": (table["value"] / total if total else table["value"] * 0.0).to_numpy(),
        }
    )


def taken_apart(
    panels: Mapping[pd.Timestamp, Panel], *, plan: Plan, training: Training, seed: int
) -> Model:
    """Fit a model whose features are worth taking apart, to the same customers.

    What the purchase model says is left out: it is made of the other features, and
    would stand in front of them. A model that reads one number has nothing to take
    apart; the logistic regression stands in for it.

    Parameters
    ----------
    panels, plan, training, seed
        As in `churn_training.refit`.
    """
    name = training.model.name
    if name not in MANY_FEATURES:
        name = MANY_FEATURES[0]
    plain = {
        origin: panel._replace(features=without_model(panel.features))
        for origin, panel in panels.items()
    }
    stand_in = training._replace(model=training.model._replace(name=name))
    return churn_training.refit(plain, plan=plan, training=stand_in, seed=seed)


def without_model(features: pd.DataFrame) -> pd.DataFrame:
    """Return the features without those that a purchase model adds."""
    return features.drop(columns=list(OF_MODEL), errors="ignore")


def ask(model: Model, whole: pd.DataFrame, changed: pd.DataFrame) -> pd.Series:
    """Predict for customers of whom some features are changed and all others stay.

    Parameters
    ----------
    model : Model
        From `churn_training`.
    whole : DataFrame
        All features of the customers.
    changed : DataFrame
        Some of the same customers, and some of the features.
    """
    others = whole.drop(columns=list(changed))
    if not others.index.equals(changed.index):
        others = others.loc[changed.index]
    return stored_model.predict(model, pd.concat([changed, others], axis=1))


def explain(
    model: Model, features: pd.DataFrame, *, reference: pd.DataFrame, style: Style
) -> pd.DataFrame:
    """Tell each customer's three strongest reasons: a connection, and no cause.

    Parameters
    ----------
    model : Model
        From `churn_training.refit`.
    features : DataFrame
        Those of the model, of today, and `usual_gap_days`; others are not read.
    reference : DataFrame
        Features of customers who bought: their median stands for nothing special.
    style : Style
        How numbers are written.

    Returns
    -------
    DataFrame
        As from `reasons.in_words`.
    """
    numbers = features[[name for name, kind in model.kinds.items() if kind == "number"]]
    middle = Reference("beim mittleren Käufer", reference[list(numbers)].median())
    groups = feature_book.groups(numbers)
    found = reasons.contributions(
        numbers, predict=partial(ask, model, features), reference=middle, groups=groups
    )
    return reasons.in_words(
        features,
        contributions=found,
        reference=middle,
        groups=groups,
        phrases=feature_book.phrases(),
        style=style,
    )


def store(model: Model, *, run_dir: str, plan: Plan) -> None:
    """Store the model beside the scores of a run; nothing when a notebook runs alone.

    Parameters
    ----------
    model : Model
        From `churn_training.refit`.
    run_dir : str
        Folder of the run, or empty.
    plan : Plan
        Of its training.
    """
    if run_dir:
        path = Path(run_dir) / MODEL_FILE
        stored_model.save(
            model,
            path,
            horizon_days=plan.horizon_days,
            gap_days=plan.gap_days,
            origin=plan.test,
            data_hash=intake.data_hash(run_dir),
        )
        path.chmod(0o600)
