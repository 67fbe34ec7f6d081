"""Backtests to a decision: which purchase model to take, and whether it is worth having.

Both rules look at nothing but forecasts of days that the models never saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import forecast_measures
from workbench.backtests import Backtest, Comparison, pair
from workbench.forecast_measures import NAIVE

SIMPLEST_FIRST = ("nbd", "bg_nbd", "mbg_nbd", "pareto_nbd")
# A model must save so much of the RMSE, and may order customers so much worse.
MIN_RMSE_GAIN = 0.01
MAX_CONCORDANCE_LOSS = 0.01
# The sum may be this much further from the truth, as a share of it, and still count as kept.
MAX_BIAS_LOSS = 0.05
# A revenue that was missed by more than half is none to plan with.
MAX_MONEY_BIAS = 0.5
# One chance in 100 that customers without a signal of their own reach it.
MIN_SIGNAL = 2.3263478740408408


class Verdict(NamedTuple):
    """Whether a model forecasts better than every naive forecast does.

    Attributes
    ----------
    code : str
        ``better``, ``tied``, ``worse``, or ``untested`` where no origin has
        both a forecast of the model and a purchase after it.
    reasons : tuple of str
        Parts of the rule in `verdict` that are not held: ``error``, ``order``,
        ``sum``, ``signal``.
    model, best_naive : str
        The model, and the naive forecast with the lowest error.
    n_origins, n_origins_won : int
        Origins judged, and those of them with a lower RMSE than `best_naive`.
    error_gain, error_gain_lower, error_gain_upper : float
        Share of the RMSE of `best_naive` that the model saves, with a 95 %
        interval; negative if it adds some.
    concordance, naive_concordance : float
        Of the model, and the highest of a naive forecast; means over origins.
    bias_size, naive_bias_size : float
        Relative error of the sum without its sign, of the model and of
        `best_naive`; means over origins.
    bias, signal : float
        Relative error of the model's sum, and `forecast_measures.signal`; means.
    """

    code: str
    reasons: tuple[str, ...]
    model: str
    best_naive: str
    n_origins: int
    n_origins_won: int
    error_gain: float
    error_gain_lower: float
    error_gain_upper: float
    concordance: float
    naive_concordance: float
    bias_size: float
    naive_bias_size: float
    bias: float
    signal: float


class Choice(NamedTuple):
    """The model to take.

    Attributes
    ----------
    name : str
        Empty if there is none.
    code : str
        ``lowest_error``; ``simplest_of_tied`` where a more complex model has a
        lower error by so little that it does not count; ``only_one`` and
        ``none`` where so many gave a forecast at the last origin.
    table : DataFrame
        Indexed by `model`, simplest first: `n_origins` (with a forecast), `error`
        (RMSE over that of "nobody buys") and `bias_size` over the origins that
        all candidates share (NaN for the others), `is_tied` with the best.
    """

    name: str
    code: str
    table: pd.DataFrame


def verdict(backtest: Backtest, *, model: str) -> Verdict:
    """Judge a model's forecasts of purchases against the naive forecasts, over all origins.

    Every origin counts equally: squared errors are divided by those of "nobody
    buys" at that origin. The best naive forecast is the one with the lowest
    sum of them. Four parts:

    1. error: the model saves at least one percent of its RMSE (`MIN_RMSE_GAIN`),
       and the 95 % interval of the saving lies above 0;
    2. order: the mean concordance is not lower than the highest of a naive
       forecast by more than .01 (`MAX_CONCORDANCE_LOSS`);
    3. sum: the mean relative error of the sum, without its sign, is not larger
       than that of the best naive forecast by more than .05 (`MAX_BIAS_LOSS`);
    4. signal: the model orders customers of one cohort better than chance
       (`forecast_measures.signal`, mean of at least `MIN_SIGNAL`).

    ``better`` if all four hold. ``worse`` if the model adds at least one percent
    of RMSE and the interval lies below 0, or if the first part is not held and
    the second or the third is not either. Else ``tied``.

    The interval is that of a paired comparison in which a customer is one case.

    Parameters
    ----------
    backtest : Backtest
    model : str
        One of its models.

    Raises
    ------
    ValueError
        If there is no such model.

    References
    ----------
    Diebold and Mariano (1995), Journal of Business & Economic Statistics 13,
    253-263, for the comparison of losses on the same cases.
    """
    return _judge(backtest, backtest.purchases, model)


def is_usable(judged: Verdict, *, paid: Verdict) -> bool:
    """Say whether values of single customers may be shown.

    They may if the model is not worse than the best naive forecast of purchases,
    tells customers of one cohort apart better than chance, and is not both worse
    than the best naive forecast of revenue and further off its sum than
    `MAX_MONEY_BIAS`.

    Parameters
    ----------
    judged, paid : Verdict
        From `verdict` and `money_verdict`.
    """
    far_off = paid.code == "worse" and paid.bias_size > MAX_MONEY_BIAS
    return judged.code in ("better", "tied") and "signal" not in judged.reasons and not far_off


def money_verdict(backtest: Backtest, *, model: str) -> Verdict:
    """Judge a model's forecasts of revenue, by the rule of `verdict`."""
    return _judge(backtest, backtest.revenue, model)


def choose(backtest: Backtest, *, simplest_first: Sequence[str] = SIMPLEST_FIRST) -> Choice:
    """Choose the model for forecasts of purchases, by backtests alone.

    Candidates are the models with a forecast at the last origin; they are
    compared on the origins that all of them share, each origin counting
    equally. The best has the lowest error. Tied with it is a model whose RMSE
    is higher by less than one percent (`MIN_RMSE_GAIN`) and whose mean error of
    the sum, without its sign, is not larger by more than .05
    (`MAX_BIAS_LOSS`). The simplest of those is chosen.

    Parameters
    ----------
    backtest : Backtest
    simplest_first : sequence of str
        Models in order of complexity; others follow in the order in which they
        were given.
    """
    order = [name for name in simplest_first if name in backtest.models]
    order += [name for name in backtest.models if name not in order]
    has_forecast = _has_forecast(backtest.purchases, order)
    table = pd.DataFrame(
        {"n_origins": has_forecast.sum(), "error": np.nan, "bias_size": np.nan, "is_tied": False},
        index=pd.Index(order, name="model"),
    )
    candidates = [name for name in order if has_forecast[name].iloc[-1]]
    if not candidates:
        return Choice("", "none", table)
    shared = [day for day, fits in has_forecast[candidates].all(axis=1).items() if fits]
    bias = backtest.purchases.measures["bias"].unstack("forecast").loc[shared, candidates]
    table.loc[candidates, "error"] = np.sqrt(_loss(backtest.purchases, candidates, shared).sum())
    table.loc[candidates, "bias_size"] = bias.abs().mean()

    best = table.loc[candidates].sort_values("error", kind="stable").iloc[0]
    is_close = (1 - best["error"] / table["error"] < MIN_RMSE_GAIN) | (table.index == best.name)
    is_near = ~(table["bias_size"] > best["bias_size"] + MAX_BIAS_LOSS)
    table["is_tied"] = is_close & is_near & table.index.isin(candidates)
    name = str(table.index[table["is_tied"]][0])
    code = "lowest_error" if name == best.name else "simplest_of_tied"
    return Choice(name, "only_one" if len(candidates) == 1 else code, table)


def _has_forecast(compared: Comparison, names: Sequence[str]) -> pd.DataFrame:
    """Tell which forecasts each origin has; one row per origin, in order."""
    return compared.forecasts[list(names)].notna().groupby(level="origin", sort=True).all()


def _loss(compared: Comparison, names: Sequence[str], days: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Return squared errors by customer, summed over origins that count equally.

    Each column adds up to the mean over origins of its squared error over
    that of "nobody buys". An origin after which nothing came is left out.
    """
    of_nobody = (compared.actual**2).groupby(level="origin").sum()
    judged = [day for day in days if of_nobody[day] > 0]
    is_judged = compared.actual.index.get_level_values("origin").isin(judged)
    actual, forecasts = compared.actual[is_judged], compared.forecasts.loc[is_judged, list(names)]
    weight = 1 / (of_nobody.reindex(actual.index, level="origin") * max(len(judged), 1))
    error = forecasts.sub(actual, axis=0) ** 2
    return error.mul(weight, axis=0).groupby(level="customer_id", sort=True).sum()


def _judge(backtest: Backtest, compared: Comparison, model: str) -> Verdict:
    if model not in backtest.models:
        raise ValueError(f"{model!r} is no model of this backtest; it has {backtest.models}.")
    has_forecast = _has_forecast(compared, [model])[model]
    came = compared.actual.groupby(level="origin").sum() > 0
    days = [day for day in backtest.origins if has_forecast[day] and came[day]]
    if not days:
        nothing = (float("nan"),) * 9
        return Verdict("untested", (), model, "", 0, 0, *nothing)

    loss = _loss(compared, [*NAIVE, model], days)
    best_naive = str(loss[list(NAIVE)].sum().idxmin())
    gain, lower, upper = forecast_measures.rmse_gain(loss[model], naive_loss=loss[best_naive])
    table = compared.measures[["rmse", "concordance", "bias"]].unstack("forecast").loc[days]
    concordance = table["concordance"].mean()
    bias_size = table["bias"].abs().mean()
    cohort = backtest.customers["cohort"]
    pairs = [(day, *pair(compared, model, day)) for day in days]
    signals = [
        forecast_measures.signal(expected, actual=actual, cohort=cohort.loc[day])
        for day, expected, actual in pairs
    ]
    found = float(np.mean(signals))

    held = {
        "error": gain >= MIN_RMSE_GAIN and lower > 0,
        "order": concordance[model] >= concordance[list(NAIVE)].max() - MAX_CONCORDANCE_LOSS,
        "sum": bias_size[model] <= bias_size[best_naive] + MAX_BIAS_LOSS,
        "signal": found >= MIN_SIGNAL,
    }
    adds_error = gain <= -MIN_RMSE_GAIN and upper < 0
    loses_more = not held["error"] and not (held["order"] and held["sum"])
    code = "better" if all(held.values()) else "worse" if adds_error or loses_more else "tied"
    return Verdict(
        code=code,
        reasons=tuple(part for part, holds in held.items() if not holds),
        model=model,
        best_naive=best_naive,
        n_origins=len(days),
        n_origins_won=int((table["rmse"][model] < table["rmse"][best_naive]).sum()),
        error_gain=gain,
        error_gain_lower=lower,
        error_gain_upper=upper,
        concordance=float(concordance[model]),
        naive_concordance=float(concordance[list(NAIVE)].max()),
        bias_size=float(bias_size[model]),
        naive_bias_size=float(bias_size[best_naive]),
        bias=float(table["bias"][model].mean()),
        signal=found,
    )
