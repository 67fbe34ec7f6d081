"""Probabilities on the same customers -> the curve, the model, and whether it beats a stopwatch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from workbench import discrimination, drawn_quality, recalibration
from workbench.stored_model import calibrated, fit_curve

STOPWATCH = "weeks_since_last"
# A step function of fewer cases follows their noise.
MIN_ISOTONIC = 1000
N_FOLDS = 5
# So much of the best log loss may be lost for a simpler model.
MAX_EXCESS = 0.01
# A curve stands unless a test finds it wrong at this level.
MAX_P_VALUE = 0.05


class Verdict(NamedTuple):
    """Whether a model beats the stopwatch, the time since the last purchase, at the test origin.

    Attributes
    ----------
    code : str
        ``model`` if it saves at least one percent (`MAX_EXCESS`) of the stopwatch's
        log loss and the interval lies above 0; ``stopwatch`` if the interval lies
        below 0; else ``tied``, and the stopwatch wins, being simpler. ``base_rate``
        where that was chosen, and neither is worth having; ``untested`` where
        events were too few.
    model : str
        The chosen one, or where that is no more than the stopwatch, the best of
        the others at the calibration origin.
    gain, gain_low, gain_high : float
        Share of the stopwatch's log loss that the model saves, with a 95 %
        interval, customers drawn.
    auc_gain, auc_gain_low, auc_gain_high : float
        AUC of the model less that of the stopwatch, after DeLong.
    """

    code: str
    model: str
    gain: float
    gain_low: float
    gain_high: float
    auc_gain: float
    auc_gain_low: float
    auc_gain_high: float


UNTESTED = Verdict("untested", "", *(float("nan"),) * 6)


def compare(event: pd.Series, probabilities: pd.DataFrame) -> pd.DataFrame:
    """Compare log losses on the same customers, and tell which are as good as the best.

    As good is what loses at most one percent (`MAX_EXCESS`) of the best log loss
    more, or what the 95 % interval of the paired difference does not tell from it.

    Parameters
    ----------
    event : Series
        Did it happen (bool).
    probabilities : DataFrame
        Same index, one column per candidate.

    Returns
    -------
    DataFrame
        One row per column, in their order, indexed by `model`: `log_loss` (nats per
        customer), `excess` over the best, `excess_low`, `excess_high` (95 %), and
        `is_as_good`.

    References
    ----------
    Diebold and Mariano (1995), Journal of Business & Economic Statistics 13,
    253-263, for the comparison of losses on the same cases.

    Examples
    --------
    >>> event = pd.Series([True, True, False, False] * 25)
    >>> table = compare(event, pd.DataFrame({"half": 0.5, "sure": event * 0.8 + 0.1}))
    >>> table[["log_loss", "excess", "is_as_good"]].round(3)
           log_loss  excess  is_as_good
    model
    half      0.693   0.588       False
    sure      0.105   0.000        True
    """
    truth = discrimination.events_of(event, index=probabilities.index)
    losses = probabilities.apply(lambda p: discrimination.log_losses(truth, p.to_numpy(float)))
    mean = losses.mean()
    best = str(mean.idxmin())
    excess = losses.sub(losses[best], axis=0)
    half = discrimination.Z * excess.std() / np.sqrt(len(losses))
    table = pd.DataFrame(
        {
            "log_loss": mean,
            "excess": excess.mean(),
            "excess_low": excess.mean() - half,
            "excess_high": excess.mean() + half,
        }
    ).rename_axis("model")
    is_close = table["excess"] <= MAX_EXCESS * mean[best]
    table["is_as_good"] = is_close | (table["excess_low"] <= 0)
    return table


def simplest(table: pd.DataFrame) -> str:
    """Return the first row of `compare` that is as good as the best."""
    return str(table.index[table["is_as_good"]][0])


def best_curve(event: pd.Series, curves: pd.DataFrame) -> str:
    """Choose the simplest curve whose probabilities are right, as far as can be told.

    It has to be as good as the best by `compare`, and `recalibration.hosmer_lemeshow` must not
    find it wrong. Log loss alone hardly feels an error of two points in a hundred, which a list
    of customers by expected gain does. Where every curve is found wrong, the least wrong.

    Parameters
    ----------
    event : Series
        Did it happen (bool).
    curves : DataFrame
        From `held_out`: same index, one column per method, the simplest first.
    """
    table = compare(event, curves)
    misfit = recalibration.hosmer_lemeshow(event, curves)[table["is_as_good"]]
    fits = misfit.index[misfit["p_value"] >= MAX_P_VALUE]
    return str(fits[0] if len(fits) else misfit["statistic"].idxmin())


def held_out(raw: pd.Series, event: pd.Series, *, seed: int) -> pd.DataFrame:
    """Calibrate each fold of the customers by the others, by every method that can be fitted.

    Parameters
    ----------
    raw, event : Series
        As in `stored_model.fit_curve`.
    seed : int
        Seed of the folds.

    Returns
    -------
    DataFrame
        Same customers, one column per method, the simplest first: ``none``, ``sigmoid`` and, from
        1,000 customers on (`MIN_ISOTONIC`), ``isotonic``.
    """
    methods = ["none", "sigmoid", *(["isotonic"] if len(raw) >= MIN_ISOTONIC else [])]
    methods = [method for method in methods if fit_curve(raw, event, method=method) is not None]
    table = pd.DataFrame(np.nan, index=raw.index, columns=methods)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    for others, fold in folds.split(np.zeros(len(event)), event.to_numpy()):
        for column, method in enumerate(methods):
            curve = fit_curve(raw.iloc[others], event.iloc[others], method=method)
            if curve is not None:
                table.iloc[fold, column] = calibrated(curve, raw.iloc[fold]).to_numpy()
    return table.dropna(axis=1)


def against_stopwatch(
    event: pd.Series, predictions: pd.DataFrame, *, chosen: str, rival: str
) -> Verdict:
    """Judge a model beside the stopwatch on the same customers.

    Parameters
    ----------
    event : Series
        Did it happen (bool).
    predictions : DataFrame
        Same index, one column per model: probability.
    chosen : str
        The chosen model.
    rival : str
        What stands against the stopwatch, as in `Verdict.model`; empty where there is
        nothing.
    """
    if not rival or STOPWATCH not in predictions:
        return UNTESTED
    truth = event.to_numpy(float)
    model, silence = (predictions[name].to_numpy(float) for name in (rival, STOPWATCH))
    losses = discrimination.log_losses(truth, silence)
    saved = (losses - discrimination.log_losses(truth, model)) / losses.mean()
    gain, error = float(saved.mean()), float(saved.std(ddof=1)) / len(saved) ** 0.5
    auc, terms = discrimination.auc_terms(truth, model)
    auc_silence, terms_silence = discrimination.auc_terms(truth, silence)
    auc_gain, each = auc - auc_silence, np.arange(len(truth))
    auc_error = discrimination.standard_error(terms - terms_silence, customers=each)
    half, auc_half = discrimination.Z * error, discrimination.Z * auc_error
    code = "tied"
    if chosen == "base_rate":
        code = "base_rate"
    elif gain >= MAX_EXCESS and gain > half:
        code = "model"
    elif gain < -half:
        code = "stopwatch"
    bounds = (gain, gain - half, gain + half)
    return Verdict(code, rival, *bounds, auc_gain, auc_gain - auc_half, auc_gain + auc_half)


def gains(event: pd.Series, predictions: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Tell how much better than the stopwatch each model orders the same customers.

    Parameters
    ----------
    event, predictions
        As in `against_stopwatch`.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        One row per column, in their order, indexed by `prediction`: `auc_gain`, the AUC less that
        of the stopwatch, with `auc_gain_low` and `auc_gain_high` (95 %, the same customers drawn
        for all). The stopwatch has none, and nobody has where there is no stopwatch.
    """
    columns = ["auc_gain", "auc_gain_low", "auc_gain_high"]
    if STOPWATCH not in predictions:
        return pd.DataFrame(np.nan, predictions.columns, columns).rename_axis("prediction")
    found = drawn_quality.differences(event, predictions, reference=STOPWATCH, seed=seed)
    found = found.xs("auc", level="measure").set_axis(columns, axis=1)
    return found.reindex(predictions.columns).rename_axis("prediction")
