"""A labelled set to a model: fitted, calibrated, chosen and judged by cross-validation.

Such a set has no time. Each customer is judged by a model that was fitted to others, and not, as
in `churn_training`, by one that was fitted to earlier days.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from workbench import discrimination, effects
from workbench.churn_training import MIN_PER_CLASS
from workbench.model_choice import N_FOLDS, best_curve, compare, held_out, simplest
from workbench.schema import TooFewData
from workbench.stored_model import (
    Calibration,
    Model,
    kind,
    new_pipeline,
    table_of,
    uncalibrated,
)

# The simplest first; a set needs no purchases, and so no stopwatch.
NAMES = ("base_rate", "logistic", "boosting")
MANY_FEATURES = ("logistic", "boosting")


class Judged(NamedTuple):
    """What `judge` found.

    Attributes
    ----------
    name : str
        The chosen model, one of `NAMES`.
    selection : DataFrame
        Indexed by `model`, simplest first: `calibration` (method) and the columns of
        `model_choice.compare`.
    quality : DataFrame
        Indexed by `prediction`: `customers`, `events` and the columns of
        `discrimination.discrimination`.
    predictions : DataFrame
        One column per model: each customer's calibrated probability, from models and curves that
        were fitted to others.
    fitted : mapping of str to tuple of Model
        The models of each fold, not calibrated.
    folds : Series
        Same customers: number of the fold whose model was fitted without the customer.
    """

    name: str
    selection: pd.DataFrame
    quality: pd.DataFrame
    predictions: pd.DataFrame
    fitted: Mapping[str, tuple[Model, ...]]
    folds: pd.Series


def judge(features: pd.DataFrame, label: pd.Series, *, seed: int) -> Judged:
    """Fit, calibrate, choose and judge models by stratified cross-validation in five folds.

    The pipelines, the curves and the rule of choice are those of `churn_training`. The customers
    that choose also judge: with three candidates and a rule that prefers the simplest, the
    measures of the chosen one are hardly better for it. They are those of models fitted to four
    fifths of the customers. What a set cannot show: whether a feature became known only after the
    outcome, and whether the model holds next year.

    Parameters
    ----------
    features : DataFrame
        Indexed by `customer_id`: numbers, where a value may be missing, and texts.
    label : Series
        Same customers: did the event happen (bool).
    seed : int
        Seed of the folds and the boosting.

    Raises
    ------
    TooFewData
        If fewer than 20 customers (`churn_training.MIN_PER_CLASS`) had the event, or fewer than
        20 had it not.
    DataError
        If the two hold other customers, or a feature is neither number nor text.

    References
    ----------
    Stone (1974), Journal of the Royal Statistical Society B 36 (2), 111-147: cross-validation.
    """
    features = features.sort_index()
    event = pd.Series(
        discrimination.events_of(label, index=features.index) == 1, index=features.index
    )
    n_smaller = int(min(event.sum(), (~event).sum()))
    if n_smaller < MIN_PER_CLASS:
        raise TooFewData(
            f"of {len(event)} customers only {n_smaller} had the rarer outcome; a model needs at "
            f"least {MIN_PER_CLASS}.",
            have=n_smaller,
            need=MIN_PER_CLASS,
        )
    splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    parts = list(splitter.split(np.zeros(len(event)), event.to_numpy()))
    folds = pd.Series(0, index=features.index, name="fold")
    for number, (_, fold) in enumerate(parts):
        folds.iloc[fold] = number

    varied = features.columns[features.nunique(dropna=False) > 1]
    # In alphabetical order: that of the table must not matter to the trees.
    kinds = {name: kind(features[name]) for name in sorted(varied)}
    fitted, probabilities, methods = {}, {}, {}
    for name in NAMES if kinds else NAMES[:1]:
        fitted[name] = tuple(
            _fit(name, features.iloc[others], event.iloc[others], kinds=kinds, seed=seed)
            for others, _ in parts
        )
        raw = _predicted(fitted[name], folds, features)
        # The same folds: no curve is fitted to a customer whom it is to judge.
        curves = held_out(raw, event, seed=seed)
        methods[name] = "none" if name == "base_rate" else best_curve(event, curves)
        probabilities[name] = curves[methods[name]]

    predictions = pd.DataFrame(probabilities)
    selection = compare(event, predictions)
    selection.insert(0, "calibration", methods)
    quality = discrimination.discrimination(event, predictions)
    quality.insert(0, "customers", len(event))
    quality.insert(1, "events", int(event.sum()))
    return Judged(simplest(selection), selection, quality, predictions, fitted, folds)


def importance(
    judged: Judged, features: pd.DataFrame, label: pd.Series, *, seed: int
) -> pd.DataFrame:
    """Measure how much worse customers are ordered when features are shuffled among them.

    Each customer is asked of the model that was fitted to others. Numbers that say nearly the
    same are shuffled together. Where the base rate was chosen, which has nothing to take apart,
    the logistic regression stands in.

    Parameters
    ----------
    judged : Judged
        From `judge`.
    features, label, seed
        As given to `judge`.

    Returns
    -------
    DataFrame
        As from `effects.importance`.

    Raises
    ------
    TooFewData
        If no feature has more than one value.
    """
    name = taken_apart(judged)
    if name not in judged.fitted:
        raise TooFewData("no feature has more than one value.", have=0, need=1)
    kinds = judged.fitted[name][0].kinds
    shown = features[list(kinds)].sort_index()
    numbers = shown[[column for column, one in kinds.items() if one == "number"]]
    groups = effects.correlated(numbers.fillna(numbers.median()))
    groups |= {column: (column,) for column, one in kinds.items() if one == "text"}
    ask = partial(_predicted, judged.fitted[name], judged.folds)
    return effects.importance(shown, label, predict=ask, groups=groups, seed=seed)


def taken_apart(judged: Judged) -> str:
    """Name the model whose features `importance` looks at."""
    return judged.name if judged.name in MANY_FEATURES else MANY_FEATURES[0]


def _fit(
    name: str, features: pd.DataFrame, event: pd.Series, *, kinds: dict[str, str], seed: int
) -> Model:
    rate = float(event.mean())
    if name == "base_rate":
        return Model("labelled", name, {}, None, rate, Calibration("none"))
    pipeline = new_pipeline(name, kinds, seed=seed)
    with threadpool_limits(limits=1):
        pipeline.fit(table_of(features, kinds), event.to_numpy())
    return Model("labelled", name, kinds, pipeline, rate, Calibration("none"))


def _predicted(models: tuple[Model, ...], folds: pd.Series, features: pd.DataFrame) -> pd.Series:
    """Predict for each customer by the model of the fold that he is judged in."""
    parts = [uncalibrated(model, features[folds == i]) for i, model in enumerate(models)]
    return pd.concat(parts).reindex(features.index)
