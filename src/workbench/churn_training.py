"""Customers at several origins to a model of each population: fitted, calibrated, chosen, judged.

Each step has days of its own. Models are fitted at the training origins, calibrated and chosen at
a later one, and judged at the last; in between, every label has become known.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from workbench import discrimination, drawn_quality
from workbench.labels import MODEL_LABELS
from workbench.model_choice import (
    STOPWATCH,
    UNTESTED,
    Verdict,
    against_stopwatch,
    best_curve,
    compare,
    held_out,
    simplest,
)
from workbench.schema import DataError, TooFewData
from workbench.stored_model import (
    P_NO_PURCHASE,
    Calibration,
    Model,
    fit_curve,
    kind,
    members,
    new_pipeline,
    predict,
    table_of,
    uncalibrated,
)

SINGLE = {STOPWATCH: "days_since_last", "frequency": "n_orders", "bgnbd": P_NO_PURCHASE}
SINGLE |= {"tenure": "contract_days"}
MIN_ORIGINS = 3
MIN_PER_CLASS = 20


class Panel(NamedTuple):
    """Customers known at one origin.

    Attributes
    ----------
    features : DataFrame
        Indexed by `customer_id`: what was known at the origin. Columns of numbers,
        where a value may be missing, or of text. Needed are `days_since_last` and
        `n_orders`; `p_no_purchase` is a purchase model's probability of no
        purchase in the window, from nothing after the origin.
    label : Series
        Same customers: True if nothing was bought in the outcome window,
        ``(origin + gap_days, origin + gap_days + horizon_days]``.
    """

    features: pd.DataFrame
    label: pd.Series


class Plan(NamedTuple):
    """Which origin serves what, so that no label reaches past the origin that follows.

    Attributes
    ----------
    training : tuple of Timestamp
        Origins to fit to, in order.
    calibration : Timestamp
        Origin that calibrates and chooses.
    test : Timestamp
        Origin that judges.
    horizon_days, gap_days : int
        Length of the outcome window, and the days between origin and window.
    """

    training: tuple[pd.Timestamp, ...]
    calibration: pd.Timestamp
    test: pd.Timestamp
    horizon_days: int
    gap_days: int

    @property
    def origins(self) -> tuple[pd.Timestamp, ...]:
        """All of them, in order."""
        return (*self.training, self.calibration, self.test)


class Training(NamedTuple):
    """What `train` found for one population.

    Attributes
    ----------
    model : Model
        The chosen one, as it was judged.
    selection : DataFrame
        Indexed by `model`, simplest first, at the calibration origin:
        `calibration` (method) and the columns of `model_choice.compare`.
    quality : DataFrame
        Indexed by `prediction`, at the test origin: `customers`, `events` and the
        columns of `discrimination.discrimination`; empty without customers there.
    predictions : DataFrame
        Customers of the test origin, one column per model: calibrated probability.
    calibrated : Series
        Customers of the calibration origin: probability of the chosen model, its
        curve taken from the others of them.
    verdict : Verdict
    reason : str
        Why there is nothing but a base rate; empty if there is more.
    """

    model: Model
    selection: pd.DataFrame
    quality: pd.DataFrame
    predictions: pd.DataFrame
    calibrated: pd.Series
    verdict: Verdict
    reason: str


class Decay(NamedTuple):
    """How a model ages.

    Attributes
    ----------
    by_origin : DataFrame
        Indexed by `origin`: `age_days` (since the earliest), `customers`, `events`
        (counts), and of the old model `auc` with `auc_low` and `auc_high` and `brier`;
        `auc_refitted` and `brier_refitted`; `auc_lost`, `auc_refitted` less `auc`, with
        `auc_lost_low` and `auc_lost_high`. Origins without a customer of the population
        are absent.
    pooled : Series
        The same of all rows at origins where the two models differ, and `origins` and
        `rows` (counts) of them; empty without any.

    Intervals are 95 %, customers drawn: each with all of his rows, and the same ones
    for both models.
    """

    by_origin: pd.DataFrame
    pooled: pd.Series


def plan(
    first_day: pd.Timestamp,
    *,
    as_of: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    max_origins: int = 6,
) -> Plan:
    """Place the origins: the last is the latest with a complete outcome window.

    One window, gap included, lies between neighbours, so that the labels of an
    origin are known at the next and no purchase is the label of two. Before the
    first lie at least `horizon_days`.

    Parameters
    ----------
    first_day, as_of : Timestamp
        First and last complete day of the data.
    horizon_days, gap_days : int
        Length of the outcome window, and the days between origin and window.
    max_origins : int
        At most so many, the latest ones.

    Raises
    ------
    TooFewData
        If there is no room for one origin of each kind.
    ValueError
        If a length breaks its bounds.

    Examples
    --------
    >>> found = plan(pd.Timestamp("2024-01-01"), as_of=pd.Timestamp("2024-02-20"),
    ...              horizon_days=8, gap_days=2)
    >>> [str(day.date()) for day in found.origins]
    ['2024-01-11', '2024-01-21', '2024-01-31', '2024-02-10']
    """
    if horizon_days < 1 or gap_days < 0:
        raise ValueError(
            f"horizon_days={horizon_days} must be at least 1 and gap_days={gap_days} at least 0."
        )
    if max_origins < MIN_ORIGINS:
        raise ValueError(f"max_origins={max_origins} must be at least {MIN_ORIGINS}.")
    step = horizon_days + gap_days
    have, need = (as_of - first_day).days, horizon_days + MIN_ORIGINS * step
    if have < need:
        raise TooFewData(
            f"{have} days from {first_day.date()} to as_of={as_of.date()} are too few: one origin "
            f"to train, one to calibrate and one to test need {need} with "
            f"horizon_days={horizon_days} and gap_days={gap_days}. Take a shorter horizon, or "
            "more history.",
            have=have,
            need=need,
        )
    n_origins = min(max_origins, (have - horizon_days) // step)
    days = [as_of - pd.Timedelta(days=step * back) for back in range(n_origins, 0, -1)]
    return Plan(tuple(days[:-2]), days[-2], days[-1], horizon_days, gap_days)


def train(
    panels: Mapping[pd.Timestamp, Panel], *, plan: Plan, population: str, seed: int
) -> Training:
    """Fit, calibrate, choose and judge the models of one population.

    The event of `repeat` is no purchase in the window (churn), that of `one_time`
    is a purchase, the second, that of `contract` the end of the last contract. Every
    model is fitted to the training origins, stacked. At the calibration origin each
    gets the simplest curve, and then the simplest model is chosen, by `compare` in both
    cases; each customer's probability there comes from a curve that was fitted to other
    customers. The test origin only judges.

    No row is resampled and no class is weighted: both spoil the probabilities and
    leave the order of the customers as it is.

    Parameters
    ----------
    panels : mapping of Timestamp to Panel
        All origins of the plan.
    plan : Plan
        From `plan`.
    population : str
        One of `stored_model.POPULATIONS`.
    seed : int
        Seed of the boosting and of the folds.

    Returns
    -------
    Training
        With a reason and nothing but the base rate where at the training, the
        calibration or the test origin fewer than 20 customers had the event or
        fewer than 20 had it not.

    Raises
    ------
    DataError
        If an origin is missing, a training label is not known at the calibration
        origin or one of that not at the test origin, or features and labels do not
        fit together.
    TooFewData
        If no customer of this population is there before the test origin.

    References
    ----------
    Van den Goorbergh, van Smeden, Timmerman and Van Calster (2022), Journal of the
    American Medical Informatics Association 29 (9), 1525-1534: resampling makes
    risks too high and does not help the AUC. Wübben and von Wangenheim (2008),
    Journal of Marketing 72 (3), 82-93: the time since the last purchase as rival.
    """
    parts = _parts(panels, plan.origins, plan=plan, population=population)
    before = [parts[origin] for origin in plan.training]
    calibration, test = parts[plan.calibration], parts[plan.test]
    stages = {"training": before, "calibration": [calibration], "test": [test]}
    reason = _too_few(stages, population=population)
    if reason:
        return _base_rate_only([*before, calibration], test, population=population, reason=reason)

    models, probabilities, methods = {}, {}, {}
    event = calibration.label
    for name in _names(before):
        model = _fit(name, before, population=population, seed=seed)
        raw = uncalibrated(model, calibration.features)
        curves = held_out(raw, event, seed=seed)
        method = best_curve(event, curves)
        models[name] = model._replace(calibration=fit_curve(raw, event, method=method))
        probabilities[name], methods[name] = curves[method], method

    selection = compare(event, pd.DataFrame(probabilities))
    selection.insert(0, "calibration", methods)
    chosen = simplest(selection)
    predictions = pd.DataFrame({name: predict(models[name], test.features) for name in models})
    rivals = selection["log_loss"].drop(["base_rate", STOPWATCH], errors="ignore")
    rival = chosen if chosen in rivals else str(rivals.idxmin()) if len(rivals) else ""
    return Training(
        model=models[chosen],
        selection=selection,
        quality=_quality(test.label, predictions),
        predictions=predictions,
        calibrated=probabilities[chosen].rename("probability"),
        verdict=against_stopwatch(test.label, predictions, chosen=chosen, rival=rival),
        reason="",
    )


def refit(
    panels: Mapping[pd.Timestamp, Panel], *, plan: Plan, training: Training, seed: int
) -> Model:
    """Make the model that is published: the same recipe, one origin later.

    It is fitted to the training and the calibration origins, and calibrated at the
    test origin by the same method. Nothing is chosen.

    Parameters
    ----------
    panels, plan, seed
        As given to `train`.
    training : Training
        From `train`.

    Raises
    ------
    DataError
        As in `train`.
    """
    old = training.model
    parts = _parts(panels, plan.origins, plan=plan, population=old.population)
    before = [parts[origin] for origin in plan.origins[:-1]]
    last = parts[plan.test]
    if training.reason:
        return _fit("base_rate", [*before, last], population=old.population, seed=seed)
    model = _fit(old.name, before, population=old.population, seed=seed)
    curve = fit_curve(uncalibrated(model, last.features), last.label, method=old.calibration.method)
    return model._replace(calibration=curve or Calibration("none"))


def threshold(training: Training, *, top_share: float) -> float:
    """Return the probability that just a share of the customers reached at calibration.

    The list of them is no longer than the share of the customers of the calibration
    origin, but for equal probabilities at its end. The test origin can then say how
    long it becomes with unknown customers and how many of it had the event.

    Parameters
    ----------
    training : Training
        From `train`.
    top_share : float
        Share of the customers that can be contacted, in (0, 1].

    Raises
    ------
    ValueError
        If `top_share` is outside its bounds.
    """
    if not 0 < top_share <= 1:
        raise ValueError(f"top_share={top_share} must be above 0 and at most 1.")
    # The hair's breadth makes 30 % of ten customers three, where the product is just below.
    length = max(int(top_share * len(training.calibrated) + 1e-9), 1)
    return float(training.calibrated.nlargest(length).min())


def decay(
    panels: Mapping[pd.Timestamp, Panel], *, plan: Plan, population: str, name: str, seed: int
) -> Decay:
    """Follow a model that was fitted to the earliest origin over all later ones.

    Beside it stands the same model, fitted anew at each origin to all labels known
    there: the customers of a later origin may be easier or harder, and only the
    difference is the model's age. Neither is calibrated.

    Parameters
    ----------
    panels, plan, population, seed
        As in `train`.
    name : str
        Key of `MODEL_LABELS`.

    Returns
    -------
    Decay

    Raises
    ------
    ValueError
        If the model is unknown, or reads a column that is missing or constant at
        the earliest origin.
    TooFewData
        If at the earliest origin fewer than 20 customers had the event, or fewer
        than 20 had it not.
    DataError
        As in `train`.

    References
    ----------
    Risselada, Verhoef and Bijmolt (2010), Journal of Interactive Marketing 24 (3),
    198-208: the staying power of churn models is low.
    """
    parts = _parts(panels, plan.origins, plan=plan, population=population)
    first, *later = plan.origins
    reason = _too_few({"earliest": [parts[first]]}, population=population)
    if reason:
        n_smaller = _smaller_class([parts[first]])
        raise TooFewData(reason, have=n_smaller, need=MIN_PER_CLASS)
    available = _names([parts[first]])
    if name not in available:
        raise ValueError(f"model {name!r} cannot be fitted at {first.date()}; {available} can.")
    old = _fit(name, [parts[first]], population=population, seed=seed)
    rows, labels, predictions = {}, {}, {}
    for position, origin in enumerate(later, start=1):
        one = parts[origin]
        if one.label.empty:
            continue
        known = [parts[day] for day in plan.origins[:position]]
        new = _fit(name, known, population=population, seed=seed)
        both = {"old": predict(old, one.features), "new": predict(new, one.features)}
        labels[origin], predictions[origin] = one.label, pd.DataFrame(both)
        rows[origin] = {
            "age_days": (origin - first).days,
            "customers": len(one.label),
            "events": int(one.label.sum()),
            **_aged(one.label, predictions[origin], seed=seed),
        }
    by_origin = pd.DataFrame.from_dict(rows, orient="index").rename_axis("origin")
    # At the first of them both were fitted to the same origin.
    aged = [origin for origin in rows if origin != later[0]]
    if not aged:
        return Decay(by_origin, pd.Series(dtype=float))
    names = ["origin", "customer_id"]
    label = pd.concat({origin: labels[origin] for origin in aged}, names=names)
    both = pd.concat({origin: predictions[origin] for origin in aged}, names=names)
    together = {"origins": len(aged), "rows": len(label)} | _aged(label, both, seed=seed)
    return Decay(by_origin, pd.Series(together))


def _aged(label: pd.Series, both: pd.DataFrame, *, seed: int) -> dict[str, float]:
    """Judge an old and a new model on the same drawn customers."""
    bounds = drawn_quality.intervals(label, both, seed=seed)
    lost = drawn_quality.differences(label, both, reference="old", seed=seed)
    old, difference = bounds.loc[("old", "auc")], lost.loc[("new", "auc")]
    return {
        **{"auc": old["estimate"], "auc_low": old["low"], "auc_high": old["high"]},
        "auc_refitted": bounds.loc[("new", "auc"), "estimate"],
        "auc_lost": difference["estimate"],
        **{"auc_lost_low": difference["low"], "auc_lost_high": difference["high"]},
        "brier": bounds.loc[("old", "brier"), "estimate"],
        "brier_refitted": bounds.loc[("new", "brier"), "estimate"],
    }


def _parts(
    panels: Mapping[pd.Timestamp, Panel],
    origins: Sequence[pd.Timestamp],
    *,
    plan: Plan,
    population: str,
) -> dict[pd.Timestamp, Panel]:
    """Check the panels and cut out one population, whose event becomes the label."""
    absent = [str(origin.date()) for origin in origins if origin not in panels]
    if absent:
        raise DataError(f"there is no panel of the origins {absent}. Make one for each.")
    if not plan.training:
        raise TooFewData("the plan has no training origin.", have=0, need=1)
    window = pd.Timedelta(days=plan.gap_days + plan.horizon_days)
    for origin, following in itertools.pairwise(origins):
        if origin + window > following:
            raise DataError(
                f"the label of origin {origin.date()} is known on {(origin + window).date()}, "
                f"after the next origin {following.date()}. Place the origins with "
                "churn_training.plan."
            )
    columns = set(panels[origins[0]].features)
    for origin in origins:
        other = sorted(columns ^ set(panels[origin].features))
        if other:
            raise DataError(
                f"origin {origin.date()} and {origins[0].date()} do not share the features "
                f"{other}. Make all panels from the same tables."
            )
    return {
        origin: _part(panels[origin], origin=origin, population=population) for origin in origins
    }


def _part(panel: Panel, *, origin: pd.Timestamp, population: str) -> Panel:
    features = members(panel.features, population=population)
    n_other = len(panel.features.index.symmetric_difference(panel.label.index))
    if n_other or panel.features.empty:
        raise DataError(
            f"{n_other} of {len(panel.features)} customers of origin {origin.date()} are in only "
            "one of features and label. Make both for the same origin."
        )
    churned = discrimination.events_of(panel.label, index=panel.features.index) == 1
    label = pd.Series(churned, index=panel.features.index, name="event").reindex(features.index)
    return Panel(features, ~label if population == "one_time" else label)


def _smaller_class(parts: Sequence[Panel]) -> int:
    """Count customers, not rows, of the smaller class."""
    label = pd.concat([one.label for one in parts])
    return min(label.index[label == value].nunique() for value in (True, False))


def _too_few(stages: Mapping[str, Sequence[Panel]], *, population: str) -> str:
    for stage, parts in stages.items():
        n_smaller = _smaller_class(parts)
        if n_smaller < MIN_PER_CLASS:
            n_customers = len({customer for one in parts for customer in one.label.index})
            return (
                f"of {n_customers} customers of the population {population!r} at the {stage} "
                f"origin, only {n_smaller} had the rarer outcome; a model needs at least "
                f"{MIN_PER_CLASS}. Take another horizon, or more history."
            )
    return ""


def _base_rate_only(
    before: Sequence[Panel], test: Panel, *, population: str, reason: str
) -> Training:
    if not any(len(one.label) for one in before):
        raise TooFewData(
            f"no customer of the population {population!r} is there before the test origin.",
            have=0,
            need=1,
        )
    model = _fit("base_rate", before, population=population, seed=0)
    predictions = predict(model, test.features).to_frame("base_rate")
    return Training(
        model=model,
        selection=pd.DataFrame(),
        quality=_quality(test.label, predictions) if len(predictions) else pd.DataFrame(),
        predictions=predictions,
        calibrated=predict(model, before[-1].features),
        verdict=UNTESTED,
        reason=reason,
    )


def _names(parts: Sequence[Panel]) -> list[str]:
    """Models, simplest first, that find a column that varies at these origins."""
    stacked = pd.concat([one.features for one in parts])
    return [name for name in MODEL_LABELS if name == "base_rate" or _kinds(stacked, name=name)]


def _kinds(table: pd.DataFrame, *, name: str) -> dict[str, str]:
    """Columns in alphabetical order: that of the table must not matter to the trees."""
    wanted = [SINGLE[name]] if name in SINGLE else sorted(table.columns)
    return {
        column: kind(table[column])
        for column in wanted
        if column in table and table[column].nunique(dropna=False) > 1
    }


def _fit(name: str, parts: Sequence[Panel], *, population: str, seed: int) -> Model:
    event = np.concatenate([one.label.to_numpy(bool) for one in parts])
    rate = float(event.mean())
    stacked = pd.concat([one.features for one in parts])
    kinds = {} if name == "base_rate" else _kinds(stacked, name=name)
    model = Model(population, name, kinds, None, rate, Calibration("none"))
    if name in ("base_rate", "bgnbd"):
        return model
    pipeline = new_pipeline(name, kinds, seed=seed)
    with threadpool_limits(limits=1):
        pipeline.fit(table_of(stacked, kinds), event)
    return model._replace(pipeline=pipeline)


def _quality(event: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    table = discrimination.discrimination(event, predictions)
    table.insert(0, "customers", len(event))
    table.insert(1, "events", int(event.sum()))
    return table
