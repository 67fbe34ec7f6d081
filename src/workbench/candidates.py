"""The purchase models as candidates of a backtest, and the money that goes with them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from workbench import backtests, intervals, purchase_models, purchases, spend
from workbench.intervals import Band
from workbench.purchase_models import PurchaseModel
from workbench.schema import NotIdentified
from workbench.spend import GammaGamma


def forecasters(*, days: float) -> dict[str, backtests.Model]:
    """Return each purchase model as a backtest calls it: summary and profiles to a forecast.

    A model that collapses has no forecast, so that the next one is taken.

    Parameters
    ----------
    days : float
        The horizon.
    """
    return {name: _forecaster(name, days) for name in purchase_models.MODELS}


def money(past: pd.DataFrame) -> pd.Series:
    """Return the expected amount per purchase, from what was known at an origin."""
    return spend.expected_spend(spend.fit(past), past)


def value_draws(
    model: purchases.BgNbd,
    spend_model: GammaGamma,
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    *,
    profiles: pd.DataFrame,
    horizon_days: float,
    seed: int,
) -> intervals.Predictive:
    """Simulate the value of the base under parameters refitted to resampled customers.

    The money of each simulated purchase is discounted as the expected ones are
    on average.

    Parameters
    ----------
    model, spend_model : BgNbd, GammaGamma
        Fits to all customers.
    scores : DataFrame
        From `clv.score`.
    summary, profiles : DataFrame
        From `summary.summarise` and `summary.profiles`.
    horizon_days : float
        As in `clv.score`.
    seed : int
        Of resampling and futures.
    """
    start = (model.r, model.alpha, model.a, model.b)
    models = intervals.refits(
        lambda table: purchases.fit(table, start=start),
        intervals.resampled(profiles, n_draws=intervals.N_DRAWS, seed=seed),
    )
    expected = scores["expected_purchases"] * scores["expected_spend"]
    per_unit = (scores["clv"] / expected.where(expected > 0)).fillna(0.0)
    table = summary.assign(per_unit=per_unit)

    def simulate(one, part, generator):
        counts = purchases.simulate(one, part, days=horizon_days, generator=generator)
        paid = spend.simulate(spend_model, part, purchases=counts, generator=generator)
        return counts, paid * part["per_unit"].to_numpy()

    return intervals.predict(models, table, simulate=simulate, seed=seed)


def revenue_misses(test: backtests.Backtest, *, model: str) -> list[float]:
    """Measure what a model's revenue missed at each origin that has a forecast."""
    forecasts = test.revenue.forecasts[model].groupby("origin").sum(min_count=1).dropna()
    actual = test.revenue.actual.groupby("origin").sum()
    return [
        intervals.miss(forecast=float(total), truth=float(actual[origin]))
        for origin, total in forecasts.items()
    ]


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
            band = intervals.widened(Band(total, total), forecast=total, misses=misses)
            rows[origin] = (total, actual[origin], *band, band.holds(actual[origin]))
        misses.append(intervals.miss(forecast=float(total), truth=float(actual[origin])))
    columns = ["forecast_money", "actual_money", "low_money", "high_money", "inside"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("origin")


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
