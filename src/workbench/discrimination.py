"""Probabilities against what happened: one row per prediction, class, group or share of customers.

An event is True; which one it is (here mostly: no purchase) is the caller's choice. Truth and
predictions are indexed by `customer_id`, or by `origin` and `customer_id` where several origins
are stacked. Rows of one customer go together: intervals are those of drawing customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from workbench.schema import DataError

MIN_AUC = 0.6
CONFIDENCE = 0.95
Z = float(ndtri((1 + CONFIDENCE) / 2))
# A list as long as this share of the customers: its lift is the one that is usually printed.
TOP_SHARE = 0.1
MEASURES = ("auc", "pr_auc", "lift", "brier", "brier_skill", "log_loss")
# With fewer of a kind in a group its AUC is chance, and DeLong's interval may have no width.
MIN_PER_CLASS = 10
# A certain error costs 34.5 nats.
SMALLEST = 1e-15


class Interval(NamedTuple):
    """Bounds of a confidence interval, each a number or an array."""

    low: np.ndarray
    high: np.ndarray


def discrimination(truth: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Measure how well predictions order customers, and how good they are as probabilities.

    Parameters
    ----------
    truth : Series
        Did the event happen (bool).
    predictions : DataFrame
        Same index, one column per prediction; higher means that the event
        is more likely. A column with a value outside 0 ... 1 is a ranking only.

    Returns
    -------
    DataFrame
        One row per column, indexed by `prediction`.

        - `auc`: chance that a customer with the event is ranked above one
          without, a tie counting one half; NaN if all customers had it or none
        - `auc_low`, `auc_high`: 95 % interval after DeLong, customers drawn
        - `pr_auc`: average precision over all lengths of the list of the highest
          predictions, equal ones entering together; chance gives the base rate
        - `brier`: mean squared error of the probability
        - `brier_skill`: share by which it is below that of the base rate of
          these customers; 0 is no better
        - `log_loss`: mean negative log-likelihood in nats; a probability of
          exactly 0 or 1 is moved by 1e-15, so that a certain error costs 34.5

        The last three are NaN for a ranking.

    Raises
    ------
    DataError
        If the two tables hold other customers, or a value is missing.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44 (3), 837-845; where a
    customer has several rows, their terms are summed as in Obuchowski (1997),
    Biometrics 53 (2), 567-578.

    Examples
    --------
    >>> truth = pd.Series([True, True, False, False])
    >>> predictions = pd.DataFrame({"model": [0.9, 0.5, 0.5, 0.1], "days": [90, 10, 20, 5]})
    >>> discrimination(truth, predictions)[["auc", "brier", "brier_skill"]]
                  auc  brier  brier_skill
    prediction
    model       0.875   0.13         0.48
    days        0.750    NaN          NaN
    """
    # Sums over sorted customers: the last digit does not depend on the order of the rows.
    predictions = predictions.sort_index()
    event = events_of(truth, index=predictions.index)
    customers = customer_codes(predictions.index)
    once = np.ones((1, len(event)))
    rows = {}
    for name in predictions.columns:
        prediction = predictions[name].to_numpy(float)
        check_present(prediction, name=name)
        whole = measures(rank(event, prediction), once)[0]
        found = dict(zip(MEASURES, whole.tolist(), strict=True))
        auc = found["auc"]
        auc_se = standard_error(auc_terms(event, prediction)[1], customers=customers)
        rows[name] = {
            "auc": auc,
            "auc_low": np.clip(auc - Z * auc_se, 0, 1),
            "auc_high": np.clip(auc + Z * auc_se, 0, 1),
            **{key: found[key] for key in ("pr_auc", "brier", "brier_skill", "log_loss")},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("prediction")


def by_group(truth: pd.Series, probability: pd.Series, *, groups: pd.Series) -> pd.DataFrame:
    """Judge one prediction in each group of customers, for instance by segment or age.

    Parameters
    ----------
    truth, probability : Series
        Did the event happen (bool), and its predicted probability, 0 ... 1.
    groups : Series
        Same index: the group, of any type that can be sorted. Customers of unknown
        group are a group too; name it.

    Returns
    -------
    DataFrame
        One row per group, sorted, indexed by `group`; every figure but the counts
        with its 95 % interval, `..._low` and `..._high`.

        - `customers`, `rows`, `events` (counts); suppress small groups by the first
        - `auc` after DeLong; NaN with fewer than 10 (`MIN_PER_CLASS`) rows that had
          the event, or that had it not
        - `brier`, whose level depends on the group's base rate
        - `observed`, `predicted`: share with the event, mean probability (no interval)
        - `gap`: `observed` less `predicted`, calibration in the large; its interval is
          that of Wilson for `observed`, with `customers` as the count of draws

    Raises
    ------
    DataError
        If the three have other rows, a group is missing, or a probability is missing
        or outside 0 ... 1.
    """
    probability = probability.sort_index()
    event = events_of(truth, index=probability.index)
    predicted = probability.to_numpy(float)
    check_probability(predicted, name="probability")
    _check_same_rows(groups.index, probability.index, name="groups")
    groups = groups.reindex(probability.index)
    n_missing = int(groups.isna().sum())
    if n_missing:
        raise DataError(
            f"{n_missing} of {len(groups)} rows have no group. Give the unknown ones a name."
        )
    customers = customer_codes(probability.index)
    places = pd.Series(range(len(groups))).groupby(groups.to_numpy(), sort=True)
    rows = {
        name: _judge_group(event[at], predicted[at], customers[at])
        for name, at in ((name, place.to_numpy()) for name, place in places)
    }
    table = pd.DataFrame(rows.values(), index=pd.Index(rows, name="group"))
    return table.astype({"customers": int, "rows": int, "events": int})


def calibration_table(truth: pd.Series, probability: pd.Series, *, bins: int = 10) -> pd.DataFrame:
    """Compare predicted with observed shares in classes of equal size.

    Customers with the same probability are in the same class; so there can be
    fewer classes than asked for, and of unequal size.

    Parameters
    ----------
    truth : Series
        Indexed by `customer_id`: did the event happen (bool).
    probability : Series
        Same customers: its predicted probability, 0 ... 1.
    bins : int
        Number of classes.

    Returns
    -------
    DataFrame
        One row per class that is not empty, indexed by `bin` from 1 (lowest
        probability).

        - `customers` (count)
        - `predicted` (mean probability), `observed` (share with the event)
        - `low`, `high`: 95 % interval of `observed` after Wilson

    Raises
    ------
    DataError
        If the two hold other customers, or a value is missing or outside 0 ... 1.
    ValueError
        If `bins` is not positive.
    """
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1.")
    probability = probability.sort_index()
    event = events_of(truth, index=probability.index)
    predicted = probability.to_numpy(float)
    check_probability(predicted, name="probability")
    middle_rank = pd.Series(predicted).rank(method="average") - 0.5
    label = np.minimum((middle_rank / len(predicted) * bins).astype(int), bins - 1)
    table = pd.DataFrame({"predicted": predicted, "observed": event})
    groups = table.groupby(label)
    result = groups.mean()
    result.insert(0, "customers", groups.size())
    bounds = wilson(groups["observed"].sum(), result["customers"])
    result["low"], result["high"] = bounds.low, bounds.high
    return result.set_axis(pd.RangeIndex(1, len(result) + 1, name="bin"))


def gains(
    truth: pd.Series, score: pd.Series, *, shares: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.5)
) -> pd.DataFrame:
    """Count which part of the events a list of the highest scores would catch.

    Equal scores at the border of the list are averaged.

    Parameters
    ----------
    truth : Series
        Indexed by `customer_id`: did the event happen (bool).
    score : Series
        Same customers; higher comes first.
    shares : sequence of float
        Lengths of the list as shares of the customers, in (0, 1].

    Returns
    -------
    DataFrame
        Indexed by `top_share`.

        - `customers` (count, may be a fraction)
        - `caught`: share of all events that are on the list
        - `precision`: share of the list that had the event
        - `lift`: `precision` over the share among all customers
        - `max_lift`: the lift of a list without an error; where most customers
          have the event it is hardly above 1, and the opposite event is the
          better question

    Raises
    ------
    DataError
        If the two hold other customers, a value is missing, or no event
        happened.
    ValueError
        If a share is outside (0, 1].

    Examples
    --------
    >>> truth = pd.Series([True, False, True, False])
    >>> gains(truth, pd.Series([4.0, 3.0, 3.0, 1.0]), shares=[0.25, 0.5])
               customers  caught  precision  lift  max_lift
    top_share
    0.25             1.0    0.50       1.00   2.0       2.0
    0.50             2.0    0.75       0.75   1.5       2.0
    """
    event = events_of(truth, index=score.index)
    check_present(score.to_numpy(float), name="score")
    outside = [share for share in shares if not 0 < share <= 1]
    if outside:
        raise ValueError(f"shares {outside} are outside (0, 1].")
    if not event.any():
        raise DataError(f"none of {len(event)} customers had the event. Take a longer window.")
    by_score = pd.DataFrame({"event": event}).groupby(-score.to_numpy(float))["event"]
    seen = np.concatenate([[0.0], by_score.size().cumsum()])
    found = np.concatenate([[0.0], by_score.sum().cumsum()])
    customers = np.asarray(shares, dtype=float) * len(event)
    caught = np.interp(customers, seen, found)
    return pd.DataFrame(
        {
            "customers": customers,
            "caught": caught / event.sum(),
            "precision": caught / customers,
            "lift": caught / customers / event.mean(),
            "max_lift": np.minimum(1 / np.asarray(shares, dtype=float), 1 / event.mean()),
        },
        index=pd.Index(shares, name="top_share", dtype=float),
    )


def wilson(successes: np.ndarray, n: np.ndarray) -> Interval:
    """Bound a share by its 95 % interval after Wilson.

    Parameters
    ----------
    successes, n : int or array
        Events and customers, ``0 <= successes <= n`` and ``n >= 1``.

    Raises
    ------
    ValueError
        If a count breaks these bounds.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> low, high = wilson(0, 10)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0, 0.2775)
    """
    k, total = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    if not ((k >= 0) & (k <= total) & (total >= 1)).all():
        raise ValueError("wilson needs 0 <= successes <= n and n >= 1 in every place.")
    share = k / total
    centre = share + Z**2 / (2 * total)
    half = Z * np.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    scale = 1 + Z**2 / total
    # The exact bounds at no event and at nothing but events; rounding would miss them.
    low = np.where(k == 0, 0.0, (centre - half) / scale)
    high = np.where(k == total, 1.0, (centre + half) / scale)
    return Interval(low, high)


def is_useful(quality: pd.Series) -> bool:
    """Tell whether a forecast of probabilities is worth having.

    It is when it orders customers clearly better than chance (`auc` of at
    least `MIN_AUC`) and its probabilities are better than saying the base rate
    for everybody (`brier_skill` above 0).

    Parameters
    ----------
    quality : Series
        A row of `discrimination`: `auc` and `brier_skill`.

    Examples
    --------
    >>> is_useful(pd.Series({"auc": 0.83, "brier_skill": 0.25}))
    True
    """
    return bool(quality["auc"] >= MIN_AUC and quality["brier_skill"] > 0)


def auc_terms(event: np.ndarray, prediction: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the AUC and what each row adds to its error.

    The sum of the terms' squares is DeLong's variance. The terms of two predictions
    of the same rows may be subtracted: that gives the variance of the difference.

    Parameters
    ----------
    event : array
        0.0 or 1.0 for each row.
    prediction : array
        Higher means that the event is more likely.

    Returns
    -------
    tuple of float and array
        NaN if all rows had the event or none; the terms also if a single one had it
        or had it not.
    """
    is_event = event == 1
    n_event, n_other = int(is_event.sum()), int((~is_event).sum())
    terms = np.full(len(event), np.nan)
    if n_event == 0 or n_other == 0:
        return float("nan"), terms
    rank = pd.Series(prediction).rank().to_numpy()
    above = (rank[is_event] - pd.Series(prediction[is_event]).rank().to_numpy()) / n_other
    below = 1 - (rank[~is_event] - pd.Series(prediction[~is_event]).rank().to_numpy()) / n_event
    auc = float(above.mean())
    if n_event > 1 and n_other > 1:
        terms[is_event] = (above - auc) / np.sqrt(n_event * (n_event - 1))
        terms[~is_event] = (below - auc) / np.sqrt(n_other * (n_other - 1))
    return auc, terms


class Ranked(NamedTuple):
    """Rows from the highest prediction down, ready to be weighted.

    Attributes
    ----------
    order : array of int
        Place of each row.
    event : array of float
        0.0 or 1.0, in this order.
    last : array of int
        The last row of each equal prediction.
    squared_error, log_loss : array of float or None
        In the order of the rows; None for a ranking that is no probability.
    """

    order: np.ndarray
    event: np.ndarray
    last: np.ndarray
    squared_error: np.ndarray | None
    log_loss: np.ndarray | None


def rank(event: np.ndarray, prediction: np.ndarray) -> Ranked:
    """Put rows in the order of a prediction.

    Parameters
    ----------
    event : array of float
        0.0 or 1.0 for each row.
    prediction : array of float
        Higher means that the event is more likely.
    """
    order = np.argsort(-prediction, kind="stable")
    ranked = prediction[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    is_probability = bool(((prediction >= 0) & (prediction <= 1)).all())
    return Ranked(
        order=order,
        event=event[order],
        last=last,
        squared_error=(prediction - event) ** 2 if is_probability else None,
        log_loss=log_losses(event, prediction) if is_probability else None,
    )


def measures(ranked: Ranked, weight: np.ndarray) -> np.ndarray:
    """Measure rows that count so many times each, for many such weights at once.

    Parameters
    ----------
    ranked : Ranked
    weight : array of float
        Shape (draws, rows): whole numbers, so that the sums are exact.

    Returns
    -------
    array of float
        Shape (draws, measures), as in `MEASURES`; NaN where a draw has only one class and the
        measure needs two, or for a ranking.
    """
    by_rank = weight[:, ranked.order]
    found = np.cumsum(by_rank * ranked.event, axis=1)[:, ranked.last]
    seen = np.cumsum(by_rank, axis=1)[:, ranked.last]
    n, n_event = seen[:, -1], found[:, -1]
    tied = np.diff(found, prepend=0, axis=1)
    tied_others = np.diff(seen - found, prepend=0, axis=1)
    result = np.full((len(weight), len(MEASURES)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = (tied_others * (found - tied / 2)).sum(axis=1)
        result[:, 0] = pairs / n_event / (n - n_event)
        result[:, 1] = (tied * (found / np.maximum(seen, 1))).sum(axis=1) / n_event
        result[:, 2] = _caught(found, seen, length=TOP_SHARE * n) / n_event / TOP_SHARE
        if ranked.squared_error is not None and ranked.log_loss is not None:
            variance = n_event / n * (1 - n_event / n)
            brier = (weight * ranked.squared_error).sum(axis=1) / n
            result[:, 3] = brier
            result[:, 4] = np.where(variance > 0, 1 - brier / variance, np.nan)
            result[:, 5] = (weight * ranked.log_loss).sum(axis=1) / n
    return result


def log_losses(event: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each row's negative log-likelihood in nats, a certain error costing 34.5."""
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return -np.where(event == 1, np.log(inside), np.log1p(-inside))


def standard_error(terms: np.ndarray, *, customers: np.ndarray) -> float:
    """Return the standard error of a sum of terms, those of one customer going together."""
    return float(np.sqrt((np.bincount(customers, weights=terms) ** 2).sum()))


def customer_codes(index: pd.Index) -> np.ndarray:
    """Give each customer of an index a number, the same for all of its rows."""
    if isinstance(index, pd.MultiIndex):
        return pd.factorize(index.get_level_values("customer_id"), sort=True)[0]
    return np.arange(len(index))


def events_of(truth: pd.Series, *, index: pd.Index) -> np.ndarray:
    """Put the events, 0.0 or 1.0, into the order of `index`.

    Raises
    ------
    DataError
        If truth has other rows, or a value that is neither True nor False.
    """
    if len(index) == 0:
        raise DataError("there is no customer to judge a prediction on.")
    _check_same_rows(truth.index, index, name="truth")
    event = truth.reindex(index)
    n_bad = int((~event.isin([True, False])).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(event)} values of truth are neither True nor False.")
    return event.to_numpy(float)


def check_probability(probability: np.ndarray, *, name: str) -> None:
    """Raise a DataError that counts what is missing or outside 0 ... 1."""
    check_present(probability, name=name)
    n_outside = int(((probability < 0) | (probability > 1)).sum())
    if n_outside:
        raise DataError(f"{n_outside} of {len(probability)} probabilities are outside 0 ... 1.")


def _caught(found: np.ndarray, seen: np.ndarray, *, length: np.ndarray) -> np.ndarray:
    """Events on a list of so many rows, an equal prediction at its end counting in part."""
    end = (seen < length[:, None]).sum(axis=1)
    rows = np.arange(len(end))
    before = np.maximum(end - 1, 0)
    seen_before = np.where(end > 0, seen[rows, before], 0)
    found_before = np.where(end > 0, found[rows, before], 0)
    part = (length - seen_before) / (seen[rows, end] - seen_before)
    return found_before + part * (found[rows, end] - found_before)


def _judge_group(
    event: np.ndarray, predicted: np.ndarray, customers: np.ndarray
) -> dict[str, float]:
    n, n_event = len(event), int(event.sum())
    codes, rows_each = np.unique(customers, return_inverse=True)
    auc, terms = auc_terms(event, predicted)
    auc_se = standard_error(terms, customers=rows_each)
    if min(n_event, n - n_event) < MIN_PER_CLASS:
        auc = auc_se = np.nan
    squared = (predicted - event) ** 2
    brier = squared.mean()
    brier_se = standard_error((squared - brier) / n, customers=rows_each)
    observed, mean = event.mean(), predicted.mean()
    bounds = wilson(observed * len(codes), len(codes))
    return {
        "customers": len(codes),
        "rows": n,
        "events": n_event,
        "auc": auc,
        "auc_low": np.clip(auc - Z * auc_se, 0, 1),
        "auc_high": np.clip(auc + Z * auc_se, 0, 1),
        "brier": brier,
        "brier_low": np.clip(brier - Z * brier_se, 0, 1),
        "brier_high": np.clip(brier + Z * brier_se, 0, 1),
        "observed": observed,
        "predicted": mean,
        "gap": observed - mean,
        "gap_low": float(bounds.low) - mean,
        "gap_high": float(bounds.high) - mean,
    }


def _check_same_rows(one: pd.Index, other: pd.Index, *, name: str) -> None:
    if not (one.is_unique and other.is_unique):
        raise DataError(f"{name} or prediction holds a customer twice.")
    n_other = len(one.symmetric_difference(other))
    if n_other:
        raise DataError(
            f"{n_other} customers are in only one of {name} and prediction. "
            "Give both the same customers."
        )


def check_present(prediction: np.ndarray, *, name: str) -> None:
    """Raise a DataError that counts what is missing or infinite."""
    n_missing = int((~np.isfinite(prediction)).sum())
    if n_missing:
        raise DataError(f"{n_missing} of {len(prediction)} values of {name!r} are missing.")
