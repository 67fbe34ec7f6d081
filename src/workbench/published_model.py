"""Backtests and fits to the purchase model whose values are published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from workbench import purchase_models
from workbench.gates import Choice
from workbench.purchase_models import NoFit, PurchaseModel
from workbench.schema import NotIdentified

# Where no backtest says which model is better: the one that is known best comes first.
UNTESTED_ORDER = ("bg_nbd", "mbg_nbd", "pareto_nbd", "nbd")


class Published(NamedTuple):
    """The model that is published, and those that were passed over on the way to it.

    Attributes
    ----------
    model : PurchaseModel
        Fitted to all data.
    code : str
        ``chosen`` by the backtests; ``next_best`` where that one collapses on
        all data; ``untested`` where there is no choice.
    passed_over : dict of str to str
        Better models by name, to the reason from `purchase_models.collapsed`.
    fits : dict of str to PurchaseModel or NoFit
        Every model.
    """

    model: PurchaseModel
    code: str
    passed_over: dict[str, str]
    fits: dict[str, PurchaseModel | NoFit]


def take(profiles: pd.DataFrame, *, choice: Choice | None) -> Published:
    """Fit every model to all data and take the best one that does not collapse.

    Models stand in the order of the backtests: the one chosen, then the others
    by their error. In-sample fit has no say.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`.
    choice : Choice or None
        From `gates.choose`; None where no backtest could be made.

    Raises
    ------
    TooFewData
        If the data are too few for any model.
    NotIdentified
        If every model collapses.
    """
    fits = purchase_models.fit_all(profiles)
    order = _order(choice)
    passed_over: dict[str, str] = {}
    for name in order:
        fitted = fits[name]
        problem = purchase_models.collapsed(fitted)
        if not problem:
            tested = choice is not None and bool(choice.name)
            code = "untested" if not tested else "next_best" if passed_over else "chosen"
            return Published(fitted, code, passed_over, fits)
        passed_over[name] = problem
    raise _none_is_sound(profiles, passed_over)


def best_known(profiles: pd.DataFrame) -> PurchaseModel:
    """Fit the best known model that does not collapse, and none after it.

    It is the one that `take` publishes without a choice; where no table of all models is wanted
    the dear ones need not be fitted.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`.

    Raises
    ------
    TooFewData, NotIdentified
        As in `take`.
    """
    passed_over: dict[str, str] = {}
    for name in UNTESTED_ORDER:
        fitted = purchase_models.attempt(name, profiles)
        problem = purchase_models.collapsed(fitted)
        if not problem:
            return fitted
        passed_over[name] = problem
    raise _none_is_sound(profiles, passed_over)


def table(published: Published, *, choice: Choice | None) -> pd.DataFrame:
    """Put the models side by side.

    Returns
    -------
    DataFrame
        Indexed by `model`, best first: `log_likelihood` (times in days), `aic`,
        `bic` (NaN without a fit), `error` (RMSE over that of "nobody buys", mean
        of the backtests; NaN without), `problem` (code, empty if sound) and
        `is_published`.
    """
    rows = {}
    for name in _order(choice):
        fitted = published.fits[name]
        has_fit = not isinstance(fitted, NoFit)
        criteria = purchase_models.criteria(fitted) if has_fit else (float("nan"), float("nan"))
        rows[name] = {
            "log_likelihood": fitted.log_likelihood if has_fit else float("nan"),
            "aic": criteria[0],
            "bic": criteria[1],
            "error": float("nan") if choice is None else choice.table["error"].get(name),
            "problem": purchase_models.collapsed(fitted),
            "is_published": name == published.model.name,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _none_is_sound(profiles: pd.DataFrame, passed_over: Mapping[str, str]) -> NotIdentified:
    if set(passed_over.values()) == {"too_few_data"}:
        # Raises TooFewData with its counts.
        purchase_models.fit(next(iter(passed_over)), profiles)
    return NotIdentified(
        f"every purchase model collapses on these data: {passed_over}. "
        "Take more customers or a longer history."
    )


def _order(choice: Choice | None) -> list[str]:
    if choice is None or not choice.name:
        return list(UNTESTED_ORDER)
    by_error = choice.table["error"].sort_values(kind="stable", na_position="last").index
    ranked: Mapping[str, None] = dict.fromkeys([choice.name, *by_error, *UNTESTED_ORDER])
    return [name for name in ranked if name in purchase_models.MODELS]
