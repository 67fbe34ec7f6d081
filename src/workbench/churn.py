"""Panels of customers at several origins to a churn model and its quality on the last one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from workbench import discrimination
from workbench.labels import MODEL_LABELS
from workbench.schema import DataError, TooFewData
from workbench.snapshots import FEATURES, MIN_ORIGINS, P_NO_PURCHASE, Panel

MIN_PER_CLASS = 20
N_PERMUTATIONS = 5
RISK_EDGES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


class ChurnModel(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    name : str
        Key of `MODEL_LABELS`.
    columns : tuple of str
        Columns of the features that it reads.
    pipeline : Pipeline or None
        None for `bgnbd`, whose probability is taken as it is.
    """

    name: str
    columns: tuple[str, ...]
    pipeline: Pipeline | None


class Backtest(NamedTuple):
    """What `backtest` found.

    Attributes
    ----------
    quality : DataFrame
        Indexed by `origin` and `prediction` (the model's name): `role`
        ("earlier", "validation", "test"), `customers`, `churned` (share) and
        the columns of `discrimination.discrimination`.
    predictions : DataFrame
        Customers of the test origin, one column per model: predicted
        probability of no purchase.
    chosen : str
        The model that the validation origin chose.
    model : ChurnModel
        It, fitted to every origin before the test origin.
    test_origin : Timestamp
        The last origin.
    """

    quality: pd.DataFrame
    predictions: pd.DataFrame
    chosen: str
    model: ChurnModel
    test_origin: pd.Timestamp


def backtest(panels: Mapping[pd.Timestamp, Panel], *, seed: int) -> Backtest:
    """Judge every model on customers and days that it was not fitted to.

    At each origin from the second on, the models are fitted to all earlier
    origins and predict this one. The last origin but one chooses the model, by
    `discrimination.choose`; the last one only judges.

    Parameters
    ----------
    panels : mapping of Timestamp to Panel
        Three or more origins. `bgnbd` is judged where every panel's features
        have the column `p_no_purchase`; no other model reads it.
    seed : int
        Seed of the boosting.

    Returns
    -------
    Backtest

    Raises
    ------
    TooFewData
        If there are fewer than three origins, or at one of them fewer than 20
        customers churned or fewer than 20 bought.
    DataError
        If a label is not known at the next origin, or features and labels hold
        other customers.

    Notes
    -----
    No resampling and no class weights: both spoil the probabilities (on CDNOW the
    Brier score of a logistic regression goes from .105 to .136) and leave the
    order of the customers as it is.
    """
    ordered = sorted(panels)
    if len(ordered) < MIN_ORIGINS:
        raise TooFewData(
            f"{len(ordered)} origins are too few: one to train, one to choose and one to test are "
            "needed. Take a shorter horizon, or more history.",
            have=len(ordered),
            need=MIN_ORIGINS,
        )
    for origin, following in itertools.pairwise(ordered):
        if panels[origin].outcome_end > following:
            raise DataError(
                f"the label of origin {origin.date()} is known on "
                f"{panels[origin].outcome_end.date()}, after the next origin {following.date()}. "
                "Place the origins with snapshots.origins."
            )
    for origin in ordered:
        _check_panel(panels[origin], origin=origin)
    has_bgnbd = all(P_NO_PURCHASE in panels[origin].features for origin in ordered)
    names = [name for name in MODEL_LABELS if has_bgnbd or name != "bgnbd"]

    quality = {}
    for position, origin in enumerate(ordered[1:], start=1):
        earlier = {day: panels[day] for day in ordered[:position]}
        judged = panels[origin]
        models = {name: fit_final(earlier, name=name, seed=seed) for name in names}
        predictions = pd.DataFrame({name: predict(models[name], judged.features) for name in names})
        table = discrimination.discrimination(judged.churned, predictions)
        role = {len(ordered) - 1: "test", len(ordered) - 2: "validation"}.get(position, "earlier")
        table.insert(0, "role", role)
        table.insert(1, "customers", len(judged.churned))
        table.insert(2, "churned", judged.churned.mean())
        quality[origin] = table

    # Models and predictions of the last pass are those of the test origin.
    chosen = discrimination.choose(quality[ordered[-2]], order=names)
    return Backtest(
        quality=pd.concat(quality, names=["origin"]),
        predictions=predictions,
        chosen=chosen,
        model=models[chosen],
        test_origin=ordered[-1],
    )


def fit_final(panels: Mapping[pd.Timestamp, Panel], *, name: str, seed: int) -> ChurnModel:
    """Fit one model to all origins given, stacked.

    Parameters
    ----------
    panels : mapping of Timestamp to Panel
        One origin or more.
    name : str
        Key of `MODEL_LABELS`.
    seed : int
        Seed of the boosting.

    Raises
    ------
    ValueError
        If `name` is unknown.
    TooFewData
        If at one origin fewer than 20 customers churned or fewer than 20 bought.
    DataError
        If features and labels hold other customers, or a column is missing.
    """
    if name not in MODEL_LABELS:
        raise ValueError(f"model {name!r} is unknown; there are {list(MODEL_LABELS)}.")
    for origin, one in panels.items():
        _check_panel(one, origin=origin)
    columns = _columns(name)
    pipeline = _pipeline(name, seed=seed)
    if pipeline is None:
        return ChurnModel(name, columns, None)
    stacked = [panels[origin] for origin in sorted(panels)]
    known = pd.concat([one.features.sort_index()[list(columns)] for one in stacked])
    churned = pd.concat([one.churned.sort_index() for one in stacked])
    with threadpool_limits(limits=1):
        pipeline.fit(known, churned.to_numpy(bool))
    return ChurnModel(name, columns, pipeline)


def predict(model: ChurnModel, features: pd.DataFrame) -> pd.Series:
    """Predict the probability of no purchase in the outcome window.

    Parameters
    ----------
    model : ChurnModel
        From `fit_final` or `backtest`.
    features : DataFrame
        From `features`; for `bgnbd` with the column `p_no_purchase`.

    Returns
    -------
    Series
        `churn_probability` (0 ... 1), indexed and sorted by `customer_id`.

    Raises
    ------
    DataError
        If a column that the model reads is missing.
    """
    missing = [column for column in model.columns if column not in features]
    if missing:
        raise DataError(f"features lacks {missing}, which the model {model.name!r} reads.")
    known = features.sort_index()[list(model.columns)]
    if model.pipeline is None:
        probability = known[P_NO_PURCHASE].to_numpy(float)
    else:
        with threadpool_limits(limits=1):
            probability = model.pipeline.predict_proba(known)[:, 1]
    return pd.Series(probability, index=known.index, name="churn_probability")


def risk_classes(probability: pd.Series, *, revenue: pd.Series) -> pd.DataFrame:
    """Count customers and their past revenue by predicted risk.

    Parameters
    ----------
    probability : Series
        Indexed by `customer_id`: predicted probability of no purchase.
    revenue : Series
        Same customers: money up to the origin (currency).

    Returns
    -------
    DataFrame
        One row per class of `RISK_EDGES`, lowest risk first: `risk_from`, `risk_to`
        (probability; the upper one belongs to the class), `customers` (count),
        `customer_share`, `expected_silent` (sum of the probabilities), `revenue`
        (currency) and `revenue_share`.

    Raises
    ------
    DataError
        If the two hold other customers.
    """
    _check_same_customers(probability.to_frame(), revenue)
    edges = pd.IntervalIndex.from_breaks(RISK_EDGES)
    risk_class = pd.cut(probability, RISK_EDGES, include_lowest=True, labels=False)
    groups = pd.DataFrame({"p": probability, "revenue": revenue}).groupby(risk_class)
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "expected_silent": groups["p"].sum(),
            "revenue": groups["revenue"].sum(),
        }
    ).reindex(range(len(edges)), fill_value=0)
    table["risk_from"], table["risk_to"] = edges.left, edges.right
    table["customer_share"] = table["customers"] / len(probability)
    table["revenue_share"] = table["revenue"] / revenue.sum()
    return table[
        [
            "risk_from",
            "risk_to",
            "customers",
            "customer_share",
            "expected_silent",
            "revenue",
            "revenue_share",
        ]
    ]


def coefficients(model: ChurnModel) -> pd.DataFrame:
    """List the coefficients of a logistic model.

    Each feature was taken as ``log(1 + value)`` and brought to mean 0 and standard
    deviation 1. Features that say nearly the same share their effect in an
    arbitrary way.

    Returns
    -------
    DataFrame
        Indexed by `feature`, the largest effect first: `label` (German),
        `coefficient` (change of the log odds of churning per standard deviation)
        and `odds_ratio`.

    Raises
    ------
    ValueError
        If the model has no coefficients.
    """
    if model.pipeline is None or not hasattr(model.pipeline[-1], "coef_"):
        raise ValueError(f"model {model.name!r} has no coefficients; a logistic one has.")
    coefficient = pd.Series(model.pipeline[-1].coef_[0], index=list(model.columns))
    table = pd.DataFrame(
        {
            "label": [FEATURES[column][0] for column in model.columns],
            "coefficient": coefficient,
            "odds_ratio": np.exp(coefficient),
        }
    ).rename_axis("feature")
    return table.sort_values("coefficient", key=np.abs, ascending=False, kind="stable")


def importance(
    model: ChurnModel, features: pd.DataFrame, churned: pd.Series, *, seed: int
) -> pd.DataFrame:
    """Measure how much AUC is lost when one feature is shuffled among the customers.

    Take the customers of the test origin. A feature that another one can stand in
    for loses little; that is a connection, not a cause.

    Parameters
    ----------
    model : ChurnModel
        Any but `base_rate` and `bgnbd`, which read no feature.
    features, churned : DataFrame, Series
        As in `Panel`.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    DataFrame
        Indexed by `feature`, the largest loss first: `label` (German), `auc_loss`
        (mean of 5 shuffles) and `auc_loss_sd` (their standard deviation).

    Raises
    ------
    ValueError
        If the model reads no feature.
    DataError
        If the two tables hold other customers.
    """
    if model.name in ("base_rate", "bgnbd"):
        raise ValueError(f"model {model.name!r} reads no feature that could be shuffled.")
    _check_same_customers(features, churned)
    known = features.sort_index()[list(model.columns)]
    with threadpool_limits(limits=1):
        loss = permutation_importance(
            model.pipeline,
            known,
            churned.reindex(known.index).to_numpy(bool),
            scoring="roc_auc",
            n_repeats=N_PERMUTATIONS,
            random_state=seed,
            n_jobs=1,
        )
    table = pd.DataFrame(
        {
            "label": [FEATURES[column][0] for column in model.columns],
            "auc_loss": loss.importances_mean,
            "auc_loss_sd": loss.importances_std,
        },
        index=pd.Index(model.columns, name="feature"),
    )
    return table.sort_values("auc_loss", ascending=False, kind="stable")


def _columns(name: str) -> tuple[str, ...]:
    single = {
        "weeks_since_last": ("days_since_last",),
        "frequency": ("n_orders",),
        "bgnbd": (P_NO_PURCHASE,),
    }
    return single.get(name, tuple(FEATURES))


def _pipeline(name: str, *, seed: int) -> Pipeline | None:
    if name == "bgnbd":
        return None
    if name == "base_rate":
        return Pipeline([("model", DummyClassifier(strategy="prior"))])
    if name == "boosting":
        trees = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=120,
            max_depth=3,
            min_samples_leaf=40,
            early_stopping=False,
            random_state=seed,
        )
        return Pipeline([("model", trees)])
    return Pipeline(
        [
            ("log", FunctionTransformer(np.log1p, feature_names_out="one-to-one")),
            ("scale", StandardScaler()),
            ("model", LogisticRegression(solver="newton-cholesky")),
        ]
    )


def _check_same_customers(features: pd.DataFrame, churned: pd.Series) -> None:
    n_other = len(features.index.symmetric_difference(churned.index))
    if n_other or not (features.index.is_unique and churned.index.is_unique):
        raise DataError(
            f"{n_other} customers are in only one of features and labels, or one is there twice. "
            "Make both for the same origin."
        )


def _check_panel(one: Panel, *, origin: pd.Timestamp) -> None:
    _check_same_customers(one.features, one.churned)
    n_churned = int(one.churned.sum())
    n_smaller = min(n_churned, len(one.churned) - n_churned)
    if n_smaller < MIN_PER_CLASS:
        raise TooFewData(
            f"of {len(one.churned)} customers at origin {origin.date()}, {n_churned} churned and "
            f"{len(one.churned) - n_churned} bought; a model needs at least {MIN_PER_CLASS} of "
            "each. Take another horizon, or more history.",
            have=n_smaller,
            need=MIN_PER_CLASS,
        )
