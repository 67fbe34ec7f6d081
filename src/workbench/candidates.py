"""The purchase models as candidates of a backtest, and the money that goes with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from workbench import backtests, intervals, purchase_models, spend_models, spend_shrinkage
from workbench.intervals import Band
from workbench.purchase_models import PurchaseModel
from workbench.schema import NotIdentified
from workbench.spend_models import SpendModel

# Of a model, a part of the summary and a generator: purchases (count) and value (currency).
Future = Callable[[PurchaseModel, pd.DataFrame, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def forecasters(*, days: float) -> dict[str, backtests.Model]:
    """Return each purchase model as a backtest calls it: summary and profiles to a forecast.

    A model that collapses has no forecast, so that the next one is taken.

    Parameters
    ----------
    days : float
        The horizon.
    """
    return {name: _forecaster(name, days) for name in purchase_models.MODELS}


def money(past: pd.DataFrame, orders: pd.DataFrame) -> pd.Series:
    """Return the expected amount per purchase, from what was known at an origin.

    Parameters
    ----------
    past : DataFrame
        Summary of an origin.
    orders : DataFrame
        The orders behind it.
    """
    return spend_models.expected_spend(spend_models.choose(orders, summary=past).model, past)


def spend_model(name: str, past: pd.DataFrame, *, orders: pd.DataFrame) -> SpendModel:
    """Fit the spend model of a name to what was known at an origin.

    Parameters
    ----------
    name : str
        One of `spend_models.MODELS`.
    past, orders : DataFrame
        As in `money`.

    Raises
    ------
    TooFewData, NotIdentified
        As in `spend_models.fit`.
    """
    return spend_models.fit(name, spend_shrinkage.add_variance(past, orders=orders))


def refits(model: PurchaseModel, *, profiles: pd.DataFrame, seed: int) -> list[PurchaseModel]:
    """Fit a purchase model again to resampled customers.

    Parameters
    ----------
    model : BgNbd, MbgNbd, ParetoNbd or Nbd
        Fit to all customers; the refits start from it.
    profiles : DataFrame
        From `summary.profiles`.
    seed : int
        Of the resampling.

    Raises
    ------
    NotIdentified
        As in `intervals.refits`.
    """
    return intervals.refits(
        lambda table: purchase_models.fit(model.name, table, start=model),
        intervals.resampled(profiles, n_draws=intervals.N_DRAWS, seed=seed),
    )


def futures(spend_model: SpendModel, scores: pd.DataFrame, *, horizon_days: float) -> Future:
    """Return what draws the purchases and the value of customers, for `intervals.predict`.

    The money of each simulated purchase is discounted as the expected ones are
    on average.

    Parameters
    ----------
    spend_model : GammaGamma or SpendShrinkage
        Fit to all customers.
    scores : DataFrame
        From `clv.score`.
    horizon_days : float
        As in `clv.score`.
    """
    expected = scores["expected_purchases"] * scores["expected_spend"]
    per_unit = (scores["clv"] / expected.where(expected > 0)).fillna(0.0)

    def simulate(model, part, generator):
        counts = purchase_models.simulate(model, part, days=horizon_days, generator=generator)
        paid = spend_models.simulate(spend_model, part, purchases=counts, generator=generator)
        return counts, paid * per_unit.loc[part.index].to_numpy()

    return simulate


def window_days(first_day: pd.Timestamp, *, as_of: pd.Timestamp, horizon_days: int) -> int:
    """Say how long a window a backtest can have that is to tell how far a forecast may be off.

    It is the horizon itself where the data are at least twice as long, else
    half of their days: the longest window that still leaves room for three
    origins in `backtests.origins`.

    Parameters
    ----------
    first_day, as_of : Timestamp
        First and last day of the data.
    horizon_days : int
        Length of the forecast.

    Examples
    --------
    >>> first_day, as_of = pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30")
    >>> [window_days(first_day, as_of=as_of, horizon_days=days) for days in (91, 365)]
    [91, 273]
    """
    return max(min(horizon_days, ((as_of - first_day).days + 1) // 2), 1)


def revenue_misses(test: backtests.Backtest, *, model: str) -> list[float]:
    """Measure what a model's revenue missed at each origin that has a forecast."""
    return _misses(test.revenue, model)


def revenue_ratios(test: backtests.Backtest, *, model: str) -> list[float]:
    """Return a model's revenue over the true one at each origin that has a forecast."""
    forecasts = test.revenue.forecasts[model].groupby("origin").sum(min_count=1).dropna()
    actual = test.revenue.actual.groupby("origin").sum().reindex(forecasts.index)
    return [float(ratio) for ratio in (forecasts / actual)[actual > 0]]


def purchase_misses(test: backtests.Backtest, *, model: str) -> list[float]:
    """Measure what a model's count of purchases missed at each origin that has a forecast."""
    return _misses(test.purchases, model)


def allowance(
    misses: Sequence[float],
    *,
    window_days: int,
    horizon_days: int,
    level: float = intervals.LEVEL,
) -> list[float]:
    """Say what miss to allow for, from the misses of earlier windows.

    A backtest has eight origins at most, and the largest of so few misses is
    too small a bound. So logs of truth over forecast are taken to be normal
    around zero: the bound is the normal quantile of the level times the root
    of the mean square of the misses. For a horizon longer than the windows it
    grows with the square root of their ratio, as what is not known does where
    demand drifts like a random walk; a constant error grows less, a trend
    more. It is never made smaller.

    Parameters
    ----------
    misses : sequence of float
        From `revenue_misses` or `purchase_misses`.
    window_days : int
        Length of the windows that were missed; see `window_days`.
    horizon_days : int
        Length of the forecast.
    level : float
        Of the interval that is to be widened.

    Returns
    -------
    list of float
        One miss, as `intervals.widened` takes it; none if there is none.

    Raises
    ------
    ValueError
        If a length is not positive.

    Examples
    --------
    >>> [round(miss, 3) for miss in allowance([0.1, 0.1], window_days=91, horizon_days=364)]
    [0.329]
    """
    if min(window_days, horizon_days) <= 0:
        raise ValueError(
            f"window_days={window_days} and horizon_days={horizon_days} must be positive."
        )
    if not misses:
        return []
    spread = math.sqrt(math.fsum(miss**2 for miss in misses) / len(misses))
    growth = math.sqrt(max(horizon_days / window_days, 1.0))
    return [float(ndtri((1 + level) / 2)) * spread * growth]


def coverage(test: backtests.Backtest, *, model: str) -> pd.DataFrame:
    """Judge the widening at each origin by what was missed before it, and never after.

    Returns
    -------
    DataFrame
        Indexed by `origin`: `forecast_money`, `actual_money`, `low_money`,
        `high_money` (currency, undiscounted) and `inside`; the first origin has
        nothing to learn from and is left out.
    """
    forecasts = test.revenue.forecasts[model].groupby("origin").sum(min_count=1).dropna()
    actual = test.revenue.actual.groupby("origin").sum()
    rows, misses = {}, []
    for origin, total in forecasts.items():
        if misses:
            allowed = allowance(
                misses, window_days=test.horizon_days, horizon_days=test.horizon_days
            )
            band = intervals.widened(Band(total, total), forecast=total, misses=allowed)
            rows[origin] = (total, actual[origin], *band, band.holds(actual[origin]))
        misses.append(intervals.miss(forecast=float(total), truth=float(actual[origin])))
    columns = ["forecast_money", "actual_money", "low_money", "high_money", "inside"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("origin")


def _misses(compared: backtests.Comparison, model: str) -> list[float]:
    forecasts = compared.forecasts[model].groupby("origin").sum(min_count=1).dropna()
    actual = compared.actual.groupby("origin").sum()
    return [
        intervals.miss(forecast=float(total), truth=float(actual[origin]))
        for origin, total in forecasts.items()
    ]


def _forecaster(
    name: str, days: float
) -> Callable[[pd.DataFrame, pd.DataFrame], backtests.Forecast]:
    def forecast(summary: pd.DataFrame, profiles: pd.DataFrame) -> backtests.Forecast:
        model: PurchaseModel = purchase_models.fit(name, profiles)
        if code := purchase_models.collapsed(model):
            raise NotIdentified(f"{name} collapses on these customers: {code}.")
        return backtests.Forecast(
            purchase_models.expected_purchases(model, summary, days=days),
            lambda ages: purchase_models.expected_repeat_purchases(model, ages),
        )

    return forecast
