"""What each customer is worth in a horizon: purchases, spend per purchase, discounted value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench import purchases, spend
from workbench.purchases import BgNbd
from workbench.schema import DAYS_PER_YEAR
from workbench.spend import GammaGamma

# Gauss-Legendre points over the horizon: see `_discounted_if_alive`.
DISCOUNT_POINTS = 16


def customer_value(
    purchase_model: BgNbd,
    spend_model: GammaGamma,
    summary: pd.DataFrame,
    *,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
) -> pd.Series:
    """Return each customer's expected discounted value in a horizon.

    Every expected purchase is discounted by the day on which it is expected,
    at ``(1 + annual_discount_rate) ** (-days / 365)``; money already spent is
    not part of it.

    Parameters
    ----------
    purchase_model : BgNbd
    spend_model : GammaGamma
    summary : DataFrame
        `frequency`, `recency`, `T` (days), `monetary_value` (currency).
    horizon_days : float
        How far to look ahead from the day of the summary.
    annual_discount_rate : float
        Effective rate a year: 0.10 is 10 %.
    margin : float
        Share of revenue that is left, above 0 and at most 1; with 1 the
        values are revenue.

    Returns
    -------
    Series
        `clv` (currency), same index.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the spend model has no mean.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for
    customer base analysis, Journal of Marketing Research 42 (4), 415-430.
    """
    _check_terms(
        horizon_days=horizon_days, annual_discount_rate=annual_discount_rate, margin=margin
    )
    discounted = purchases.p_alive(purchase_model, summary) * purchases.evaluate_once(
        lambda x, age: _discounted_if_alive(
            purchase_model,
            x,
            age,
            horizon_days=horizon_days,
            daily_rate=float(np.log1p(annual_discount_rate)) / DAYS_PER_YEAR,
        ),
        summary,
    )
    value = discounted * spend.expected_spend(spend_model, summary) * margin
    return value.rename("clv")


def score(
    purchase_model: BgNbd,
    spend_model: GammaGamma,
    summary: pd.DataFrame,
    *,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
) -> pd.DataFrame:
    """Put everything that the models say of each customer into one table.

    Parameters
    ----------
    purchase_model, spend_model, summary, horizon_days, annual_discount_rate, margin
        As in `customer_value`.

    Returns
    -------
    DataFrame
        Same index as the summary.

        - `p_alive` (0 to 1): probability of not having left
        - `p_purchase` (0 to 1): of at least one purchase in the horizon
        - `expected_purchases` (count): in the horizon
        - `expected_spend` (currency): per purchase
        - `clv` (currency): discounted, after margin

    Raises
    ------
    ValueError
        As in `customer_value`.
    """
    terms = {
        "horizon_days": horizon_days,
        "annual_discount_rate": annual_discount_rate,
        "margin": margin,
    }
    value = customer_value(purchase_model, spend_model, summary, **terms)
    columns = [
        purchases.p_alive(purchase_model, summary),
        purchases.p_purchase(purchase_model, summary, days=horizon_days),
        purchases.expected_purchases(purchase_model, summary, days=horizon_days),
        spend.expected_spend(spend_model, summary),
        value,
    ]
    return pd.concat(columns, axis=1)


def parameter_table(
    fits: Mapping[pd.Timestamp, tuple[BgNbd, GammaGamma]],
) -> pd.DataFrame:
    """Put the parameters of several fits below each other.

    Parameters
    ----------
    fits : mapping
        Last day of the data fitted to, to the two models.

    Returns
    -------
    DataFrame
        One row per fit, model, parameter and unit: `fitted_to` (Timestamp),
        `model` (text) and the columns of `purchases.parameter_table`.
    """
    tables = [
        table.assign(fitted_to=day, model=name)
        for day, (purchase_model, spend_model) in fits.items()
        for name, table in (
            ("BG/NBD", purchases.parameter_table(purchase_model)),
            ("Gamma-Gamma", spend.parameter_table(spend_model)),
        )
    ]
    return pd.concat(tables, ignore_index=True)


def _discounted_if_alive(
    model: BgNbd, x: np.ndarray, age: np.ndarray, *, horizon_days: float, daily_rate: float
) -> np.ndarray:
    """Integrate ``exp(-rate t) dE[X(t)]`` over the horizon, by parts.

    What is left to integrate is smooth in ``log(1 + t / (alpha + T))``, in
    which few points do, however old or new the customer is.
    """
    expected = purchases.expected_if_alive(model, x, age, horizon_days)
    if daily_rate == 0:
        return expected
    point, weight = np.polynomial.legendre.leggauss(DISCOUNT_POINTS)
    clock = (model.alpha + age)[:, None]
    length = np.log1p(horizon_days / clock) / 2
    days = clock * np.expm1(length * (1 + point))
    bought = purchases.expected_if_alive(model, x[:, None], age[:, None], days)
    lost = np.exp(-daily_rate * days) * bought * (clock + days) * (length * weight)
    return np.exp(-daily_rate * horizon_days) * expected + daily_rate * lost.sum(axis=1)


def _check_terms(*, horizon_days: float, annual_discount_rate: float, margin: float) -> None:
    if not 0 < horizon_days < float("inf"):
        raise ValueError(f"horizon_days={horizon_days} must be positive.")
    if not 0 <= annual_discount_rate < 1:
        raise ValueError(
            f"annual_discount_rate={annual_discount_rate} must be at least 0 and below 1, "
            "as an effective rate a year: write 0.10 for 10 %."
        )
    if not 0 < margin <= 1:
        raise ValueError(
            f"margin={margin} must be above 0 and at most 1, as a share of revenue: "
            "write 0.30 for 30 %."
        )
