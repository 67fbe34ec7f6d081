"""Predictions against what happened, customers drawn anew -> intervals of the measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench import customer_bootstrap, discrimination
from workbench.discrimination import CONFIDENCE, MEASURES, Interval

N_DRAWS = 500


def intervals(truth: pd.Series, predictions: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Bound the measures of `discrimination.discrimination` by drawing customers with replacement.

    All predictions are judged on the same 500 draws (`N_DRAWS`).

    Parameters
    ----------
    truth, predictions : Series, DataFrame
        As in `discrimination.discrimination`.
    seed : int
        Seed of the draws.

    Returns
    -------
    DataFrame
        Indexed by `prediction` and `measure`, one of `discrimination.MEASURES`: `estimate`, and
        `low` and `high`, the 2.5 % and 97.5 % quantile of the draws. `lift` is
        that of the tenth with the highest predictions, equal ones averaged. A draw
        that has only one class is left out where the measure needs two; with more
        than 5 % of such draws the bounds are NaN.

    Raises
    ------
    DataError
        As in `discrimination.discrimination`.

    References
    ----------
    Efron (1979), Annals of Statistics 7 (1), 1-26: the bootstrap.
    """
    whole, drawn = _drawn(truth, predictions, seed=seed)
    return _bounded(whole, drawn, names=list(predictions.columns))


def differences(
    truth: pd.Series, predictions: pd.DataFrame, *, reference: str, seed: int
) -> pd.DataFrame:
    """Bound how much better or worse predictions are than one of them, customers drawn.

    All are judged on the same draws as in `intervals`: what makes a draw easy or hard for both
    falls out of the difference.

    Parameters
    ----------
    truth, predictions, seed
        As in `intervals`.
    reference : str
        The column that the others are compared with.

    Returns
    -------
    DataFrame
        As from `intervals`, of the measure less that of the reference; the reference is absent.

    Raises
    ------
    ValueError
        If `reference` is no column.
    DataError
        As in `discrimination.discrimination`.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 and 13.
    """
    names = list(predictions.columns)
    if reference not in names:
        raise ValueError(f"reference={reference!r} is none of the predictions {names}.")
    whole, drawn = _drawn(truth, predictions, seed=seed)
    place = names.index(reference)
    others = [one for one in range(len(names)) if one != place]
    return _bounded(
        (whole - whole[:, [place]])[:, others],
        (drawn - drawn[:, [place]])[:, others],
        names=[names[one] for one in others],
    )


def _drawn(
    truth: pd.Series, predictions: pd.DataFrame, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Measure each prediction as it is and on every draw: draws, predictions, measures."""
    predictions = predictions.sort_index()
    event = discrimination.events_of(truth, index=predictions.index)
    ranked = []
    for name in predictions.columns:
        prediction = predictions[name].to_numpy(float)
        discrimination.check_present(prediction, name=name)
        ranked.append(discrimination.rank(event, prediction))
    customers = discrimination.customer_codes(predictions.index)

    def measures(weights: np.ndarray) -> np.ndarray:
        of_rows = weights[:, customers]
        return np.stack([discrimination.measures(one, of_rows) for one in ranked], axis=1)

    n_customers = int(customers.max()) + 1
    draws = customer_bootstrap.resample(
        measures, customers=n_customers, seed=seed, resamples=N_DRAWS
    )
    return measures(np.ones((1, n_customers))), draws


def _bounded(whole: np.ndarray, drawn: np.ndarray, *, names: Sequence[str]) -> pd.DataFrame:
    rows = {}
    for position, name in enumerate(names):
        for column, measure in enumerate(MEASURES):
            low, high = _quantiles(drawn[:, position, column])
            estimate = float(whole[0, position, column])
            rows[name, measure] = {"estimate": estimate, "low": low, "high": high}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.set_axis(pd.MultiIndex.from_tuples(rows, names=["prediction", "measure"]))


def _quantiles(draws: np.ndarray) -> Interval:
    known = draws[np.isfinite(draws)]
    if len(known) < CONFIDENCE * len(draws):
        return Interval(np.nan, np.nan)
    return Interval(*np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
