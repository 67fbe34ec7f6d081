"""All purchase models by name: fitted, asked, compared and stored in one way.

A model is a record of numbers that knows its name; the module of that name answers the questions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench import mbg_nbd, model_records, nbd, pareto_nbd, profile_likelihood, purchases
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.predictive import Prospects
from workbench.purchases import BgNbd
from workbench.schema import DataError, NotIdentified, TooFewData

PurchaseModel = BgNbd | MbgNbd | ParetoNbd | Nbd

RECORDS: Mapping[str, type] = {kind.name: kind for kind in (BgNbd, MbgNbd, ParetoNbd, Nbd)}
MODELS: Mapping[str, ModuleType] = {
    "bg_nbd": purchases,
    "mbg_nbd": mbg_nbd,
    "pareto_nbd": pareto_nbd,
    "nbd": nbd,
}
# A model whose customers leave after purchases collapses beyond these: see `collapsed`.
MIN_DROPOUT = 1e-3
MAX_B = 1e3


class NoFit(NamedTuple):
    """Why a model could not be fitted.

    Attributes
    ----------
    code : str
        ``too_few_data`` or ``no_interior_optimum``.
    message : str
        What was wrong, how much of it, what to do.
    """

    code: str
    message: str


class Criteria(NamedTuple):
    """Akaike's and Schwarz's criteria; the smaller, the better on the same data."""

    aic: float
    bic: float


def fit(name: str, profiles: pd.DataFrame, *, start: PurchaseModel | None = None) -> PurchaseModel:
    """Estimate one model by maximum likelihood.

    Parameters
    ----------
    name : str
        One of `MODELS`.
    profiles : DataFrame
        From `summary.profiles`.
    start : BgNbd, MbgNbd, ParetoNbd or Nbd, optional
        A model of that name to climb from, such as the fit to nearly the same
        customers: a refit takes a few steps instead of a search.

    Raises
    ------
    ValueError
        If there is no such model, or `start` is another one.
    DataError, TooFewData, NotIdentified
        As in the model's own `fit`.
    """
    module = _module(name)
    if start is None:
        return module.fit(profiles)
    if start.name != name:
        raise ValueError(f"start is a model {start.name!r}; {name!r} climbs from one of its own.")
    return module.fit(profiles, start=tuple(parameters(start).values()))


def attempt(name: str, profiles: pd.DataFrame) -> PurchaseModel | NoFit:
    """Estimate one model; where that fails, say why.

    Raises
    ------
    ValueError
        If there is no such model.
    DataError
        If a profile breaks the promises of a summary.
    """
    try:
        return fit(name, profiles)
    except TooFewData as error:
        return NoFit("too_few_data", str(error))
    except NotIdentified as error:
        return NoFit("no_interior_optimum", str(error))


def fit_all(profiles: pd.DataFrame) -> dict[str, PurchaseModel | NoFit]:
    """Estimate every model; where that fails, say why.

    Raises
    ------
    DataError
        If a profile breaks the promises of a summary.
    """
    return {name: attempt(name, profiles) for name in MODELS}


def log_likelihood(profiles: pd.DataFrame, *, name: str, **parameters: float) -> float:
    """Return the log-likelihood of a model's parameters, all times in days."""
    return _module(name).log_likelihood(profiles, **parameters)


def parameters(model: PurchaseModel) -> dict[str, float]:
    """Return the parameters by name; times in days."""
    return {name: getattr(model, name) for name in MODELS[model.name].PARAMETERS}


def parameter_table(model: PurchaseModel) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`
        (Wald on the log scale); a time stands twice, in weeks and in days.
    """
    return MODELS[model.name].parameter_table(model)


def parameter_intervals(model: PurchaseModel, *, profiles: pd.DataFrame) -> pd.DataFrame:
    """Bound each parameter by its 95 % profile-likelihood interval.

    Where few data leave the likelihood far from quadratic these intervals hold the truth as often
    as they say, and those of `parameter_table` do not (`benchmarks/README.md`).

    Parameters
    ----------
    model : BgNbd, MbgNbd, ParetoNbd or Nbd
    profiles : DataFrame
        What the model was fitted to.

    Returns
    -------
    DataFrame
        As `profile_likelihood.intervals`; times in days.

    Raises
    ------
    DataError
        If the model was fitted to another number of customers.
    """
    n_customers = int(profiles["customers"].sum())
    if n_customers != model.n_customers:
        raise DataError(
            f"the model was fitted to {model.n_customers} customers, and the profiles hold "
            f"{n_customers}. Give the profiles that it was fitted to."
        )
    module = MODELS[model.name]
    return profile_likelihood.intervals(
        module.likelihood(profiles),
        names=module.PARAMETERS,
        estimate=tuple(parameters(model).values()),
    )


def interval_table(model: PurchaseModel, *, profiles: pd.DataFrame) -> pd.DataFrame:
    """Put the estimates beside their standard errors and profile-likelihood intervals.

    Parameters
    ----------
    model, profiles
        As in `parameter_intervals`.

    Returns
    -------
    DataFrame
        As `parameter_table`, with `lower` and `upper` from `parameter_intervals`.
    """
    table = parameter_table(model)
    ends = parameter_intervals(model, profiles=profiles).loc[table["parameter"]]
    per_unit = table["estimate"] / table["parameter"].map(parameters(model))
    return table.assign(**{side: ends[side].to_numpy() * per_unit for side in ends})


def criteria(model: PurchaseModel) -> Criteria:
    """Return AIC and BIC of a fitted model.

    With k parameters, n customers and log-likelihood LL in days they are
    ``2 k - 2 LL`` and ``k ln n - 2 LL``.

    References
    ----------
    Akaike (1974), IEEE Transactions on Automatic Control 19 (6), 716-723;
    Schwarz (1978), The Annals of Statistics 6 (2), 461-464.
    """
    k = len(MODELS[model.name].PARAMETERS)
    deviance = -2 * model.log_likelihood
    return Criteria(deviance + 2 * k, deviance + k * math.log(model.n_customers))


def collapsed(model: PurchaseModel | NoFit) -> str:
    """Say in one word why a model is not to be used on these data.

    Returns
    -------
    str
        ``""`` if it may be; the code of a `NoFit`; for BG/NBD and MBG/NBD
        ``no_dropout`` if a/(a+b) < 0.001 and ``flat_ridge`` if b > 1,000;
        for the others what their `caution` says.
    """
    if isinstance(model, NoFit):
        return model.code
    if not isinstance(model, BgNbd | MbgNbd):
        return caution(model)
    if model.a / (model.a + model.b) < MIN_DROPOUT:
        return "no_dropout"
    return "flat_ridge" if model.b > MAX_B else ""


def caution(model: PurchaseModel) -> str:
    """Say in one word why a converged optimum deserves doubt; ``""`` if it is sound."""
    return MODELS[model.name].caution(model)


def p_alive(model: PurchaseModel, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's probability of not having left by the day of the summary.

    Parameters
    ----------
    model : BgNbd, MbgNbd, ParetoNbd or Nbd
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.

    Returns
    -------
    Series
        `p_alive` (0 to 1), same index.
    """
    return MODELS[model.name].p_alive(model, summary)


def p_no_purchase(model: PurchaseModel, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's probability of no purchase in the next days.

    Parameters
    ----------
    model, summary
        As in `p_alive`.
    days : float
        Length of the horizon, from the day of the summary.

    Returns
    -------
    Series
        `p_no_purchase` (0 to 1), same index.
    """
    return MODELS[model.name].p_no_purchase(model, summary, days=days)


def expected_purchases(model: PurchaseModel, summary: pd.DataFrame, *, days: float) -> pd.Series:
    """Return each customer's expected number of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.

    Returns
    -------
    Series
        `expected_purchases` (count), same index.
    """
    return MODELS[model.name].expected_purchases(model, summary, days=days)


def prospects(
    model: PurchaseModel, x: np.ndarray, age: np.ndarray, *, days: float, daily_rate: float
) -> Prospects:
    """Return what to expect in the next days of customers known to be alive.

    Parameters
    ----------
    model : BgNbd, MbgNbd, ParetoNbd or Nbd
    x, age : array of float
        Frequency and T (days), one pair per row.
    days : float
        Length of the horizon, above 0.
    daily_rate : float
        Continuous rate of discount a day, at least 0.

    Returns
    -------
    Prospects
        Chance of a purchase, expected and discounted purchases, per row.
    """
    return MODELS[model.name].prospects(model, x, age, days=days, daily_rate=daily_rate)


def purchase_counts(
    model: PurchaseModel, summary: pd.DataFrame, *, days: float, max_purchases: int
) -> pd.DataFrame:
    """Return each customer's distribution of purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.
    max_purchases : int
        The last column, at least 1.

    Returns
    -------
    DataFrame
        Same index; columns 0 to `max_purchases`, the last one for so many or
        more; a row sums to 1.
    """
    module = MODELS[model.name]
    return module.purchase_counts(model, summary, days=days, max_purchases=max_purchases)


def simulate(
    model: PurchaseModel, summary: pd.DataFrame, *, days: float, generator: np.random.Generator
) -> np.ndarray:
    """Draw each customer's purchases in the next days.

    Parameters
    ----------
    model, summary, days
        As in `p_no_purchase`.
    generator : Generator
        The same state gives the same draws.

    Returns
    -------
    array of int
        One count per row of the summary.
    """
    return MODELS[model.name].simulate(model, summary, days=days, generator=generator)


def expected_repeat_purchases(model: PurchaseModel, ages: np.ndarray) -> np.ndarray:
    """Return the expected repeat purchases of a new customer up to each age in days."""
    return MODELS[model.name].expected_repeat_purchases(model, ages)


def to_json(model: PurchaseModel) -> dict[str, Any]:
    """Return a model as plain numbers that `from_json` turns back without loss.

    Examples
    --------
    >>> to_json(Nbd(0.5, 80.0, ((0.01, 0.0), (0.0, 9.0)), -100.0, 50, 30, 12.0))
    {'name': 'nbd', 'r': 0.5, 'alpha': 80.0, 'covariance': [[0.01, 0.0], [0.0, 9.0]],
     'log_likelihood': -100.0, 'n_customers': 50, 'n_repeat': 30, 'condition': 12.0}
    """
    return model_records.to_json(model)


def from_json(stored: Mapping[str, Any]) -> PurchaseModel:
    """Return the model that `to_json` stored.

    Raises
    ------
    ValueError
        If the name is unknown, a field is missing or unknown, or a value is
        not a number of the right kind.
    """
    name = model_records.name_of(stored)
    module = _module(name)
    kind = RECORDS[name]
    values = model_records.values_of(
        stored, kind=kind, size=len(module.PARAMETERS), writer="purchase_models.to_json"
    )
    not_positive = [name for name in module.PARAMETERS if not values[name] > 0]
    if not_positive:
        raise ValueError(f"{not_positive} of a stored {kind.name} must be positive.")
    return kind(**values)


def _module(name: str) -> ModuleType:
    if name not in MODELS:
        raise ValueError(f"there is no purchase model {name!r}; there are {list(MODELS)}.")
    return MODELS[name]
