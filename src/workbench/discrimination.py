"""Probabilities against what happened: one row per prediction, class of risk or share of customers.

An event is True; which one it is (here mostly: no purchase) is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from workbench.schema import DataError

# On CDNOW the 95 % interval of an AUC is .025 to either side: closer models cannot be told apart.
AUC_TOLERANCE = 0.02
BRIER_TOLERANCE = 0.02
MIN_AUC = 0.6
CONFIDENCE = 0.95
_Z = float(norm.ppf((1 + CONFIDENCE) / 2))


class Interval(NamedTuple):
    """Bounds of a confidence interval, each a number or an array."""

    low: np.ndarray
    high: np.ndarray


def discrimination(truth: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Measure how well predictions order customers, and how good they are as probabilities.

    Parameters
    ----------
    truth : Series
        Indexed by `customer_id`: did the event happen (bool).
    predictions : DataFrame
        Same customers, one column per prediction; higher means that the event
        is more likely. A column with a value outside 0 ... 1 is a ranking only.

    Returns
    -------
    DataFrame
        One row per column, indexed by `prediction`.

        - `auc`: chance that a customer with the event is ranked above one
          without, a tie counting one half; NaN if all customers had it or none
        - `auc_low`, `auc_high`: 95 % interval after DeLong, customers drawn
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
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44 (3), 837-845.

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
    event = _events(truth, index=predictions.index)
    rows = {}
    for name in predictions.columns:
        prediction = predictions[name].to_numpy(float)
        _check_present(prediction, name=name)
        auc, auc_se = _auc(event, prediction)
        is_probability = bool(((prediction >= 0) & (prediction <= 1)).all())
        brier = np.mean((prediction - event) ** 2) if is_probability else np.nan
        base_brier = event.mean() * (1 - event.mean())
        rows[name] = {
            "auc": auc,
            "auc_low": np.clip(auc - _Z * auc_se, 0, 1),
            "auc_high": np.clip(auc + _Z * auc_se, 0, 1),
            "brier": brier,
            "brier_skill": 1 - brier / base_brier if base_brier > 0 else np.nan,
            "log_loss": _log_loss(event, prediction) if is_probability else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("prediction")


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
    event = _events(truth, index=probability.index)
    predicted = probability.to_numpy(float)
    _check_present(predicted, name="probability")
    n_outside = int(((predicted < 0) | (predicted > 1)).sum())
    if n_outside:
        raise DataError(f"{n_outside} of {len(predicted)} probabilities are outside 0 ... 1.")
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
    event = _events(truth, index=score.index)
    _check_present(score.to_numpy(float), name="score")
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
    centre = share + _Z**2 / (2 * total)
    half = _Z * np.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    scale = 1 + _Z**2 / total
    # The exact bounds at no event and at nothing but events; rounding would miss them.
    low = np.where(k == 0, 0.0, (centre - half) / scale)
    high = np.where(k == total, 1.0, (centre + half) / scale)
    return Interval(low, high)


def choose(quality: pd.DataFrame, *, order: Sequence[str]) -> str:
    """Choose the simplest model that is as good as the best one.

    As good: its AUC is at most .02 (`AUC_TOLERANCE`) below the highest one, and
    its Brier score at most 2 % (`BRIER_TOLERANCE`) above the lowest one. If no
    model is both, the one with the lowest Brier score is taken, because
    probabilities are multiplied with money.

    Parameters
    ----------
    quality : DataFrame
        From `discrimination`, on customers that no model was fitted to.
    order : sequence of str
        All rows of `quality`, the simplest first.

    Returns
    -------
    str
        A row of `quality`. A ranking without a Brier score is never chosen.

    Raises
    ------
    ValueError
        If `order` and the rows of `quality` differ, or no row has both scores.

    Examples
    --------
    >>> quality = pd.DataFrame({"auc": [.79, .80, .81], "brier": [.106, .120, .105]},
    ...                        index=["silence", "trees", "logistic"])
    >>> choose(quality, order=["silence", "logistic", "trees"])
    'silence'
    """
    if sorted(order) != sorted(quality.index):
        raise ValueError(f"order {list(order)} and rows {list(quality.index)} differ.")
    scored = quality.loc[list(order), ["auc", "brier"]].dropna()
    if scored.empty:
        raise ValueError(f"none of {list(order)} has both an AUC and a Brier score.")
    # The hair's breadth takes in a difference of exactly the tolerance, as .82 - .80 is not .02.
    ranks_well = scored["auc"] >= scored["auc"].max() - AUC_TOLERANCE - 1e-12
    fits_well = scored["brier"] <= scored["brier"].min() * (1 + BRIER_TOLERANCE) + 1e-12
    as_good = scored.index[ranks_well & fits_well]
    return str(as_good[0] if len(as_good) else scored["brier"].idxmin())


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


def _auc(event: np.ndarray, prediction: np.ndarray) -> tuple[float, float]:
    """AUC and its standard error from three sets of average ranks."""
    is_event = event == 1
    n_event, n_other = int(is_event.sum()), int((~is_event).sum())
    if n_event == 0 or n_other == 0:
        return float("nan"), float("nan")
    rank = pd.Series(prediction).rank().to_numpy()
    above = (rank[is_event] - pd.Series(prediction[is_event]).rank().to_numpy()) / n_other
    below = 1 - (rank[~is_event] - pd.Series(prediction[~is_event]).rank().to_numpy()) / n_event
    auc = float(above.mean())
    if n_event == 1 or n_other == 1:
        return auc, float("nan")
    return auc, float(np.sqrt(above.var(ddof=1) / n_event + below.var(ddof=1) / n_other))


def _log_loss(event: np.ndarray, probability: np.ndarray) -> float:
    inside = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(event == 1, np.log(inside), np.log1p(-inside))))


def _events(truth: pd.Series, *, index: pd.Index) -> np.ndarray:
    """Put the events, 0.0 or 1.0, into the order of `index`."""
    if len(index) == 0:
        raise DataError("there is no customer to judge a prediction on.")
    if not (truth.index.is_unique and index.is_unique):
        raise DataError("truth or prediction holds a customer twice.")
    n_other = len(truth.index.symmetric_difference(index))
    if n_other:
        raise DataError(
            f"{n_other} customers are in only one of truth and prediction. "
            "Give both the same customers."
        )
    event = truth.reindex(index)
    n_bad = int((~event.isin([True, False])).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(event)} values of truth are neither True nor False.")
    return event.to_numpy(float)


def _check_present(prediction: np.ndarray, *, name: str) -> None:
    n_missing = int((~np.isfinite(prediction)).sum())
    if n_missing:
        raise DataError(f"{n_missing} of {len(prediction)} values of {name!r} are missing.")
