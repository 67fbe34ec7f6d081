"""Purchase model to one row per customer: what comes in a window that starts after a gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import hyp2f1

from workbench import predictive, purchase_models
from workbench.mbg_nbd import FIRST_CHANCES, MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchase_models import PurchaseModel

N_NODES = 48


def check_window(*, horizon_days: int, gap_days: int) -> None:
    """Check the length of a window and the days before it.

    Raises
    ------
    ValueError
        If the window is shorter than a day or the gap than none.
    """
    if horizon_days < 1 or gap_days < 0:
        raise ValueError(
            f"horizon_days={horizon_days} must be at least 1 and gap_days={gap_days} at least 0."
        )


def expectations(
    model: PurchaseModel, summary: pd.DataFrame, *, gap_days: int, horizon_days: int
) -> pd.DataFrame:
    """Return what a model says of each customer's purchases in a window that starts after a gap.

    Parameters
    ----------
    model, summary
        As in `purchase_models.p_alive`.
    gap_days, horizon_days : int
        Days between the day of the summary and the window, and length of the window.

    Returns
    -------
    DataFrame
        Same index: `p_no_purchase` (0 to 1) and `expected_purchases` (count) of the window, and
        `p_alive` (0 to 1) on the day of the summary.
    """
    expected = purchase_models.expected_purchases(model, summary, days=gap_days + horizon_days)
    if gap_days:
        expected = expected - purchase_models.expected_purchases(model, summary, days=gap_days)
    silent = p_no_purchase(model, summary, gap_days=gap_days, horizon_days=horizon_days)
    alive = purchase_models.p_alive(model, summary)
    return pd.DataFrame({"p_no_purchase": silent, "expected_purchases": expected, "p_alive": alive})


def p_no_purchase(
    model: PurchaseModel, summary: pd.DataFrame, *, gap_days: int, horizon_days: int
) -> pd.Series:
    """Return each customer's probability of no purchase in a window that starts after a gap.

    A customer who is alive at the start of the window buys as he did before, so that of the
    customers alive at the origin the share ``E[exp(-g m) (1 - exp(-h rate))]`` buys, where m is
    the rate at which they leave: for BG/NBD and MBG/NBD rate times the probability to leave,
    which gives a difference of two hypergeometric functions; for Pareto/NBD see `_pareto`.

    Parameters
    ----------
    model, summary
        As in `purchase_models.p_alive`.
    gap_days, horizon_days : int
        g and h: days between the day of the summary and the window, and length of the window.

    Returns
    -------
    Series
        `p_no_purchase` (0 to 1), same index. Without a gap that of `purchase_models`.
    """
    check_window(horizon_days=horizon_days, gap_days=gap_days)
    if gap_days == 0:
        return purchase_models.p_no_purchase(model, summary, days=horizon_days)

    def bought(x: np.ndarray, age: np.ndarray) -> np.ndarray:
        shape, clock = model.r + x, model.alpha + age
        if isinstance(model, Nbd):
            return -np.expm1(-shape * np.log1p(horizon_days / clock))
        if isinstance(model, ParetoNbd):
            return _pareto(model, x, age, gap_days=gap_days, horizon_days=horizon_days)
        b = model.b + x + (FIRST_CHANCES if isinstance(model, MbgNbd) else 0)
        late = np.exp(-shape * np.log1p(horizon_days / clock))
        return _stay(shape, model.a, b, gap_days / clock) - late * _stay(
            shape, model.a, b, gap_days / (clock + horizon_days)
        )

    if_alive = predictive.evaluate_once(bought, summary)
    alive = purchase_models.p_alive(model, summary)
    return (1 - alive * if_alive).clip(0.0, 1.0).rename("p_no_purchase")


def _stay(shape: np.ndarray, a: float, b: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return E[(1 + p z) ** -shape] of p ~ Beta(a, b).

    Pfaff's transformation makes the argument positive and below 1, and keeps the large `shape`
    out of the series.
    """
    return (1 + z) ** -a * hyp2f1(a + b - shape, a, a + b, z / (1 + z))


def _pareto(
    model: ParetoNbd, x: np.ndarray, age: np.ndarray, *, gap_days: int, horizon_days: int
) -> np.ndarray:
    """Return the chance of a purchase in the window, of customers alive at the origin.

    The first purchase t days into the window needs a customer who lives for g + t days; the time
    until he leaves is Pareto distributed. Integrated over w = log(1 + t / (alpha + T)), which is
    exponentially distributed.
    """
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    shape, clock, beta = model.r + x, model.alpha + age, model.beta + age
    reach = np.minimum(np.log1p(horizon_days / clock), predictive.WORTHLESS / shape)
    w = reach[:, None] * (nodes + 1) / 2
    days = gap_days + clock[:, None] * np.expm1(w)
    buys_and_lives = np.exp(-shape[:, None] * w - model.s * np.log1p(days / beta[:, None]))
    return shape * reach / 2 * (buys_and_lives * weights).sum(axis=1)
