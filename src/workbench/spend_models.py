"""All spend models by name: fitted, asked, chosen, tested and stored in one way.

A model is a record of numbers that knows its name; the module of that name answers the questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench import model_records, spend, spend_shrinkage
from workbench.schema import DataError, NotIdentified, TooFewData
from workbench.spend import GammaGamma, Independence, InfiniteMean
from workbench.spend_shrinkage import SpendShrinkage

SpendModel = GammaGamma | SpendShrinkage

RECORDS: Mapping[str, type] = {kind.name: kind for kind in (GammaGamma, SpendShrinkage)}
MODELS: Mapping[str, ModuleType] = {"gamma_gamma": spend, "spend_shrinkage": spend_shrinkage}
# A correlation of 0.1 puts Gamma-Gamma's spend of one-time buyers about an eighth off; 0.2, a
# quarter: measured on simulated customers whose mean amount rises with their rate of purchase.
MAX_CORRELATION = 0.1
# Fewer judged customers leave the error of a mean amount to single baskets.
MIN_JUDGED = 20


class SpendChoice(NamedTuple):
    """The spend model to take.

    Attributes
    ----------
    model : GammaGamma or SpendShrinkage
    code : str
        ``holds`` for Gamma-Gamma; else why it does not: ``too_few_data``,
        ``no_interior_optimum``, ``infinite_mean`` or ``tied``.
    """

    model: SpendModel
    code: str


def fit(name: str, amounts: pd.DataFrame) -> SpendModel:
    """Estimate one model.

    Parameters
    ----------
    name : str
        One of `MODELS`.
    amounts : DataFrame
        From `spend_shrinkage.add_variance`.

    Raises
    ------
    ValueError
        If there is no such model.
    DataError, TooFewData, NotIdentified
        As in the model's own `fit`.
    """
    return _module(name).fit(amounts)


def choose(orders: pd.DataFrame, *, summary: pd.DataFrame) -> SpendChoice:
    """Fit Gamma-Gamma, or the shrinkage of mean amounts where Gamma-Gamma does not hold.

    It does not hold where it cannot be fitted, where its mean is infinite, and
    where spend is tied to frequency: see `is_tied`.

    Parameters
    ----------
    orders : DataFrame
        The orders that the summary counts, as in `spend_shrinkage.add_variance`.
    summary : DataFrame
        From `summary.summarise`.

    Raises
    ------
    DataError
        If a table breaks its promise.
    TooFewData
        If there are too few repeat purchases for either model.
    """
    try:
        model = spend.fit(summary)
    except TooFewData:
        code = "too_few_data"
    except InfiniteMean:
        code = "infinite_mean"
    except NotIdentified:
        code = "no_interior_optimum"
    else:
        code = "tied" if _has_ties(summary) else "holds"
        if code == "holds":
            return SpendChoice(model, code)
    amounts = spend_shrinkage.add_variance(summary, orders=orders)
    return SpendChoice(spend_shrinkage.fit(amounts), code)


def is_tied(found: Independence) -> bool:
    """Say whether spend is tied to frequency so closely that Gamma-Gamma misleads.

    It is if the whole 95 % interval of their correlation lies beyond
    `MAX_CORRELATION`, on either side of 0.

    Examples
    --------
    >>> is_tied(Independence(0.114, 0.050, 0.176, 946))
    False
    >>> is_tied(Independence(-0.25, -0.35, -0.15, 400))
    True
    """
    return found.lower > MAX_CORRELATION or found.upper < -MAX_CORRELATION


def expected_spend(model: SpendModel, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's expected amount per future purchase.

    Parameters
    ----------
    model : GammaGamma or SpendShrinkage
    summary : DataFrame
        `frequency` and `monetary_value` (currency), any index.

    Returns
    -------
    Series
        `expected_spend` (currency), same index.
    """
    return MODELS[model.name].expected_spend(model, summary)


def simulate(
    model: SpendModel,
    summary: pd.DataFrame,
    *,
    purchases: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draw the money of so many future purchases of each customer.

    Parameters
    ----------
    model, summary
        As in `expected_spend`.
    purchases : array of int
        How many purchases, in the order of the summary.
    generator : Generator
        The same state gives the same draws.

    Returns
    -------
    array of float
        Currency; 0 without a purchase.
    """
    return MODELS[model.name].simulate(model, summary, purchases=purchases, generator=generator)


def parameter_table(model: SpendModel) -> pd.DataFrame:
    """Put the estimates beside their standard errors and 95 % intervals.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `estimate`, `standard_error`, `lower`, `upper`.
    """
    return MODELS[model.name].parameter_table(model)


def accuracy(
    model: SpendModel, calibration: pd.DataFrame, *, holdout: pd.DataFrame
) -> pd.DataFrame:
    """Compare expected with actual amounts of repeat buyers who bought in the holdout.

    A customer is one case: his expected amount per purchase against the money
    of the holdout over his purchases in it. Beside the model stand two naive
    forecasts: his own mean so far, and the mean of those means.

    Parameters
    ----------
    model : GammaGamma or SpendShrinkage
        Fitted to the calibration.
    calibration, holdout : DataFrame
        From `summary.split`: `frequency`, `monetary_value` and `purchases`,
        `revenue`, with one index.

    Returns
    -------
    DataFrame
        Indexed by `forecast` (the model's name, ``own_mean``, ``base_mean``):
        `customers` (count), `spend_mae` and `spend_rmse` (currency), `bias`
        (relative error of the money, given the number of purchases).

    Raises
    ------
    DataError
        If the two tables have different customers.
    TooFewData
        If fewer than `MIN_JUDGED` repeat buyers bought in the holdout.
    """
    if not calibration.index.equals(holdout.index):
        raise DataError("calibration and holdout have different customers. Use summary.split.")
    judged = (calibration["frequency"] > 0) & (holdout["purchases"] > 0)
    if judged.sum() < MIN_JUDGED:
        raise TooFewData(
            f"judging mean amounts needs {MIN_JUDGED} repeat buyers with a purchase in the "
            f"holdout; {judged.sum()} of {len(calibration)} are. Take a longer holdout.",
            have=int(judged.sum()),
            need=MIN_JUDGED,
        )
    own = calibration["monetary_value"]
    forecasts = pd.DataFrame(
        {
            model.name: expected_spend(model, calibration),
            "own_mean": own,
            "base_mean": own[calibration["frequency"] > 0].mean(),
        }
    )[judged]
    purchases, revenue = holdout.loc[judged, "purchases"], holdout.loc[judged, "revenue"]
    error = forecasts.sub(revenue / purchases, axis=0)
    return pd.DataFrame(
        {
            "customers": int(judged.sum()),
            "spend_mae": error.abs().mean(),
            "spend_rmse": np.sqrt((error**2).mean()),
            "bias": forecasts.mul(purchases, axis=0).sum() / revenue.sum() - 1,
        }
    ).rename_axis("forecast")


def to_json(model: SpendModel) -> dict[str, Any]:
    """Return a model as plain numbers that `from_json` turns back without loss.

    Examples
    --------
    >>> model = SpendShrinkage(30.0, 2.0, 9.0, 6.0, 33.0, ((1.0, 0.0), (0.0, 4.0)), 40, 90)
    >>> to_json(model)
    {'name': 'spend_shrinkage', 'base': 30.0, 'slope': 2.0, 'within': 9.0, 'between': 6.0,
     'mean': 33.0, 'covariance': [[1.0, 0.0], [0.0, 4.0]], 'n_customers': 40, 'n_purchases': 90}
    """
    return model_records.to_json(model)


def from_json(stored: Mapping[str, Any]) -> SpendModel:
    """Return the model that `to_json` stored.

    Raises
    ------
    ValueError
        If the name is unknown, a field is missing or unknown, or a value is
        not a finite number of the right kind and sign.
    """
    name = model_records.name_of(stored)
    _module(name)
    kind = RECORDS[name]
    values = model_records.values_of(stored, kind=kind, size=None, writer="spend_models.to_json")
    not_positive = [name for name in ("p", "q", "v") if not values.get(name, 1) > 0]
    negative = [name for name in ("base", "within", "between") if values.get(name, 0) < 0]
    if not_positive or negative:
        raise ValueError(f"{not_positive + negative} of a stored {kind.name} must be positive.")
    return kind(**values)


def _has_ties(summary: pd.DataFrame) -> bool:
    try:
        return is_tied(spend.independence(summary))
    except NotIdentified:  # all customers have one frequency: nothing to be tied to
        return False


def _module(name: str) -> ModuleType:
    if name not in MODELS:
        raise ValueError(f"there is no spend model {name!r}; there are {list(MODELS)}.")
    return MODELS[name]
