"""Predicted probabilities to the straight line in log odds that would make them right."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import chdtrc, expit, logit

from workbench import discrimination
from workbench.schema import NotIdentified

# Newton's method needs about ten; a line close to a separation more, as a step is at most 5.
MAX_STEPS = 500
MAX_STEP = 5.0


def recalibrate(truth: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Ask by which straight line in log odds predicted probabilities would become right.

    Parameters
    ----------
    truth : Series
        Did the event happen (bool).
    predictions : DataFrame
        Same index, one column per predicted probability, 0 ... 1. A probability of
        exactly 0 or 1 is moved by 1e-15.

    Returns
    -------
    DataFrame
        One row per column, indexed by `prediction`; each figure with its 95 %
        interval, `..._low` and `..._high`.

        - `slope`: below 1 the probabilities are too extreme, above 1 too timid
        - `intercept` (log odds) of the same line
        - `in_the_large`: the intercept (log odds) where the slope is held at 1;
          above 0 the event is more frequent than predicted

        NaN where no finite figure exists: slope and intercept if one probability
        separates those with the event from those without, or all are equal; and
        all three if all rows had the event or none.

    Raises
    ------
    DataError
        If the two tables have other rows, or a value is missing or outside 0 ... 1.

    References
    ----------
    Cox (1958), Biometrika 45 (3/4), 562-565. Existence of the optimum: Albert and
    Anderson (1984), Biometrika 71 (1), 1-10. Standard errors: Liang and Zeger (1986),
    Biometrika 73 (1), 13-22, with independence as the working correlation.

    Examples
    --------
    >>> truth = pd.Series([True, False, False, False, True, True, True, False])
    >>> probability = pd.Series([0.1] * 4 + [0.9] * 4)
    >>> recalibrate(truth, pd.DataFrame({"model": probability}))[["slope", "in_the_large"]]
                slope  in_the_large
    prediction
    model         0.5           0.0
    """
    predictions = predictions.sort_index()
    event = discrimination.events_of(truth, index=predictions.index)
    customers = discrimination.customer_codes(predictions.index)
    rows = {}
    for name in predictions.columns:
        probability = predictions[name].to_numpy(float)
        discrimination.check_probability(probability, name=name)
        log_odds = logit(np.clip(probability, discrimination.SMALLEST, 1 - discrimination.SMALLEST))
        one = np.ones((1, len(event)))
        figures = dict.fromkeys(("slope", "intercept", "in_the_large"), (np.nan, np.nan))
        if 0 < event.sum() < len(event):
            figures["in_the_large"] = _logistic(one, event, log_odds, customers)[0]
        if _overlap(event, log_odds):
            # On a scale of its own, so that the first step is a good one.
            centre, spread = log_odds.mean(), log_odds.std()
            lines = np.vstack([one, (log_odds - centre) / spread])
            back = np.array([[1.0, -centre / spread], [0.0, 1 / spread]])
            fitted = _logistic(lines, event, np.zeros(len(event)), customers, back=back)
            figures["intercept"], figures["slope"] = fitted
        rows[name] = {
            key: value
            for figure, (estimate, error) in figures.items()
            for key, value in (
                (figure, estimate),
                (f"{figure}_low", estimate - discrimination.Z * error),
                (f"{figure}_high", estimate + discrimination.Z * error),
            )
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("prediction")


def hosmer_lemeshow(truth: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Test whether predicted probabilities are right in each tenth of the customers.

    In tenths by the probability the squared differences of observed and expected
    events, over their variance, are added up. For probabilities that were not fitted to
    these customers the sum is distributed as chi-squared, with as many degrees of
    freedom as there are tenths.

    Parameters
    ----------
    truth, predictions : Series, DataFrame
        As in `recalibrate`, one row per customer.

    Returns
    -------
    DataFrame
        One row per column, indexed by `prediction`: `statistic` and `p_value`, the
        chance of one so large if the probabilities are right.

    Raises
    ------
    DataError
        As in `recalibrate`.

    References
    ----------
    Hosmer and Lemeshow (1980), Communications in Statistics, Theory and Methods 9 (10),
    1043-1069.

    Examples
    --------
    >>> truth = pd.Series([True] * 30 + [False] * 70)
    >>> predictions = pd.DataFrame({"right": [0.3] * 100, "low": [0.2] * 100})
    >>> hosmer_lemeshow(truth, predictions).round(3)
                statistic  p_value
    prediction
    right            0.00    1.000
    low              6.25    0.012
    """
    rows = {}
    for name in predictions.columns:
        tenths = discrimination.calibration_table(truth, predictions[name])
        # A tenth that is certain of the outcome has no variance; a single error refutes it.
        smallest = discrimination.SMALLEST
        expected = tenths["predicted"].clip(smallest, 1 - smallest)
        variance = expected * (1 - expected) / tenths["customers"]
        statistic = float(((tenths["observed"] - expected) ** 2 / variance).sum())
        rows[name] = {"statistic": statistic, "p_value": float(chdtrc(len(tenths), statistic))}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("prediction")


def _overlap(event: np.ndarray, log_odds: np.ndarray) -> bool:
    """Tell whether a logistic line through one predictor has a finite optimum."""
    with_event, without = log_odds[event == 1], log_odds[event == 0]
    if not (len(with_event) and len(without)):
        return False
    return bool(without.max() > with_event.min() and with_event.max() > without.min())


def _logistic(
    lines: np.ndarray,
    event: np.ndarray,
    offset: np.ndarray,
    customers: np.ndarray,
    *,
    back: np.ndarray | None = None,
) -> list[tuple[float, float]]:
    """Fit a logistic regression by Newton's method: estimates with their clustered errors.

    `lines` has one row per predictor; `back` takes the estimates to another scale.
    """
    back = np.eye(len(lines)) if back is None else back

    def height(beta: np.ndarray) -> float:
        log_odds = offset + (beta[:, None] * lines).sum(axis=0)
        return float((event * log_odds - np.logaddexp(0, log_odds)).sum())

    # Sums without a matrix product: its last digit may depend on the number of threads.
    beta = np.zeros(len(lines))
    reached = height(beta)
    for _ in range(MAX_STEPS):
        probability = expit(offset + (beta[:, None] * lines).sum(axis=0))
        scores = lines * (event - probability)
        curvature = lines * (probability * (1 - probability))
        information = (curvature[:, None, :] * lines[None, :, :]).sum(axis=2)
        gradient = scores.sum(axis=1)
        step = np.linalg.solve(information, gradient)
        if float(gradient @ step) < 1e-16 * len(event):
            break
        step *= min(1.0, MAX_STEP / np.abs(step).max())
        while (higher := height(beta + step)) < reached and np.abs(step).max() > 1e-12:
            step /= 2
        beta, reached = beta + step, higher
    else:
        raise NotIdentified(
            f"the recalibration of {len(event)} rows found no optimum in {MAX_STEPS} steps. Look "
            "for probabilities of almost exactly 0 or 1 that were wrong."
        )
    summed = np.array([np.bincount(customers, weights=score) for score in scores])
    spread = (summed[:, None, :] * summed[None, :, :]).sum(axis=2)
    bread = back @ np.linalg.inv(information)
    errors = np.sqrt(np.diag(bread @ spread @ bread.T))
    return list(zip((back @ beta).tolist(), errors.tolist(), strict=True))
