"""What each customer is worth in a horizon: purchases, spend per purchase, discounted value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench import predictive, purchase_models
from workbench.predictive import Prospects
from workbench.purchase_models import PurchaseModel
from workbench.schema import DAYS_PER_YEAR, DataError


def discounted_purchases(
    purchase_model: PurchaseModel,
    summary: pd.DataFrame,
    *,
    horizon_days: float,
    annual_discount_rate: float,
) -> pd.Series:
    """Return each customer's expected discounted purchases in a horizon.

    A purchase t days after the day of the summary counts
    ``(1 + annual_discount_rate) ** (-t / 365)``, and each is discounted by
    the day on which it is expected: the integral of that weight over the
    expected purchases as they add up.

    Parameters
    ----------
    purchase_model : BgNbd, MbgNbd, ParetoNbd or Nbd
    summary : DataFrame
        `frequency`, `recency`, `T` (days).
    horizon_days : float
        How far to look ahead from the day of the summary.
    annual_discount_rate : float
        Effective rate a year: 0.10 is 10 %.

    Returns
    -------
    Series
        `discounted_purchases` (count), same index.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    DataError
        If the summary breaks its promises.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for
    customer base analysis, Journal of Marketing Research 42 (4), 415-430.
    """
    _check_horizon(horizon_days)
    alive = purchase_models.p_alive(purchase_model, summary)
    ahead, code = _prospects(
        purchase_model, summary, days=horizon_days, daily_rate=_daily_rate(annual_discount_rate)
    )
    return (alive * ahead.discounted_purchases[code]).rename("discounted_purchases")


def residual_purchases(
    purchase_model: PurchaseModel, summary: pd.DataFrame, *, annual_discount_rate: float
) -> pd.Series:
    """Return each customer's discounted expected residual transactions (DERT).

    They are the `discounted_purchases` without a horizon.

    Parameters
    ----------
    purchase_model, summary, annual_discount_rate
        As in `discounted_purchases`; the rate above 0.

    Returns
    -------
    Series
        `residual_purchases` (count), same index.

    Raises
    ------
    ValueError
        If the rate is out of range or 0.

    References
    ----------
    Fader, Hardie and Lee (2005), as in `discounted_purchases`: equation 2.
    """
    daily_rate = _daily_rate(annual_discount_rate)
    if daily_rate == 0:
        raise ValueError(
            "annual_discount_rate=0 without a horizon: the purchases of all days to come add up "
            "to infinity under NBD, and may do so under the other models. "
            "Take a rate above 0, or a horizon."
        )
    # Purchases come ever less densely: what is beyond is below exp(-40) of what is before.
    everything = discounted_purchases(
        purchase_model,
        summary,
        horizon_days=predictive.WORTHLESS / daily_rate,
        annual_discount_rate=annual_discount_rate,
    )
    return everything.rename("residual_purchases")


def customer_value(
    purchase_model: PurchaseModel,
    summary: pd.DataFrame,
    *,
    expected_spend: pd.Series,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
) -> pd.Series:
    """Return each customer's expected discounted value in a horizon, after margin.

    It is discounted purchases times spend per purchase times margin; money
    already spent is not part of it. With a margin of 1 it is revenue.

    Parameters
    ----------
    purchase_model, summary, horizon_days, annual_discount_rate
        As in `discounted_purchases`.
    expected_spend : Series
        Of each customer per future purchase (currency, at least 0), indexed
        like the summary; such as `spend.expected_spend`.
    margin : float
        Share of revenue that is left, above 0 and at most 1.

    Returns
    -------
    Series
        `clv` (currency), same index.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    DataError
        If the summary breaks its promises, or the spend is that of other
        customers, negative or missing.
    """
    _check_money(summary, expected_spend=expected_spend, margin=margin)
    discounted = discounted_purchases(
        purchase_model,
        summary,
        horizon_days=horizon_days,
        annual_discount_rate=annual_discount_rate,
    )
    return (discounted * expected_spend * margin).rename("clv")


def residual_value(
    purchase_model: PurchaseModel,
    summary: pd.DataFrame,
    *,
    expected_spend: pd.Series,
    annual_discount_rate: float,
    margin: float,
) -> pd.Series:
    """Return each customer's expected discounted value without a horizon, after margin.

    Parameters
    ----------
    purchase_model, summary, annual_discount_rate
        As in `residual_purchases`.
    expected_spend, margin
        As in `customer_value`.

    Returns
    -------
    Series
        `residual_value` (currency), same index.

    Raises
    ------
    ValueError, DataError
        As in `residual_purchases` and `customer_value`.
    """
    _check_money(summary, expected_spend=expected_spend, margin=margin)
    discounted = residual_purchases(
        purchase_model, summary, annual_discount_rate=annual_discount_rate
    )
    return (discounted * expected_spend * margin).rename("residual_value")


def score(
    purchase_model: PurchaseModel,
    summary: pd.DataFrame,
    *,
    expected_spend: pd.Series,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
) -> pd.DataFrame:
    """Put everything that the models say of each customer into one table.

    Revenue and margin stand side by side and are never mixed: what is to be
    compared with sales is `clv_revenue`, what with costs is `clv`.

    Parameters
    ----------
    purchase_model, summary, expected_spend, horizon_days, annual_discount_rate, margin
        As in `customer_value`.

    Returns
    -------
    DataFrame
        Same index as the summary.

        - `p_alive` (0 to 1): probability of not having left
        - `p_purchase` (0 to 1): of at least one purchase in the horizon
        - `expected_purchases` (count): in the horizon
        - `expected_spend` (currency): revenue per purchase
        - `clv_revenue` (currency): discounted revenue in the horizon
        - `clv` (currency): that times the margin

    Raises
    ------
    ValueError, DataError
        As in `customer_value`.
    """
    _check_horizon(horizon_days)
    _check_money(summary, expected_spend=expected_spend, margin=margin)
    daily_rate = _daily_rate(annual_discount_rate)
    alive = purchase_models.p_alive(purchase_model, summary).to_numpy()
    ahead, code = _prospects(purchase_model, summary, days=horizon_days, daily_rate=daily_rate)

    money = expected_spend.to_numpy(float)
    revenue = alive * ahead.discounted_purchases[code] * money
    return pd.DataFrame(
        {
            "p_alive": alive,
            "p_purchase": alive * ahead.p_purchase[code],
            "expected_purchases": alive * ahead.expected_purchases[code],
            "expected_spend": money,
            "clv_revenue": revenue,
            "clv": revenue * margin,
        },
        index=summary.index,
        copy=False,
    )


def parameter_table(fits: Mapping[pd.Timestamp, Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    """Put the parameters of several fits below each other.

    Parameters
    ----------
    fits : mapping
        Last day of the data fitted to, to the tables of parameters by the
        title of their model, such as `purchase_models.parameter_table`.

    Returns
    -------
    DataFrame
        One row per fit, model, parameter and unit: the columns of those
        tables, `fitted_to` (Timestamp) and `model` (text).
    """
    tables = [
        table.assign(fitted_to=day, model=title)
        for day, of_models in fits.items()
        for title, table in of_models.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _prospects(
    model: PurchaseModel, summary: pd.DataFrame, *, days: float, daily_rate: float
) -> tuple[Prospects, np.ndarray]:
    """Ask once per distinct pair of frequency and T; say which pair each customer is."""
    x, age, code = predictive.pairs(summary)
    return purchase_models.prospects(model, x, age, days=days, daily_rate=daily_rate), code


def _daily_rate(annual_discount_rate: float) -> float:
    predictive.check_annual_rate(annual_discount_rate)
    return float(np.log1p(annual_discount_rate)) / DAYS_PER_YEAR


def _check_horizon(horizon_days: float) -> None:
    if not 0 < horizon_days < float("inf"):
        raise ValueError(f"horizon_days={horizon_days} must be positive.")


def _check_money(summary: pd.DataFrame, *, expected_spend: pd.Series, margin: float) -> None:
    if not 0 < margin <= 1:
        raise ValueError(
            f"margin={margin} must be above 0 and at most 1, as a share of revenue: "
            "write 0.30 for 30 %."
        )
    if not expected_spend.index.equals(summary.index):
        raise DataError(
            f"expected_spend has {len(expected_spend)} rows that are not indexed like the "
            f"{len(summary)} of the summary. Compute it from the same summary."
        )
    n_broken = int((~(expected_spend.to_numpy(float) >= 0)).sum())
    if n_broken:
        raise DataError(
            f"{n_broken} of {len(expected_spend)} values of expected_spend are negative or missing."
        )
