"""The same models fitted by lifetimes: one row per parameter, ours beside theirs.

The only importer of lifetimes, which on import changes a pandas option and the warning filters,
and prints when a fit fails; none of it reaches the caller.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from workbench import purchases, spend
from workbench.purchases import BgNbd
from workbench.spend import GammaGamma

COLUMNS = (
    "model",
    "parameter",
    "unit",
    "workbench",
    "lifetimes",
    "relative_difference",
    "lifetimes_error",
)
NOT_CONVERGED = "ConvergenceError"


class LifetimesFit(NamedTuple):
    """Parameters by name (`alpha` in days), or none and the name of the error."""

    parameters: dict[str, float]
    error: str


class SecondOpinion(NamedTuple):
    """Both models as lifetimes fits them."""

    purchases: LifetimesFit
    spend: LifetimesFit


def fit_lifetimes(profiles: pd.DataFrame, summary: pd.DataFrame) -> SecondOpinion:
    """Fit BG/NBD and Gamma-Gamma with lifetimes.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`.
    summary : DataFrame
        `frequency` and `monetary_value`, for Gamma-Gamma; as in `spend.fit`
        only repeat buyers who spent something count.
    """
    return SecondOpinion(fit_purchases(profiles), fit_spend(summary))


def fit_purchases(profiles: pd.DataFrame) -> LifetimesFit:
    """Fit BG/NBD with lifetimes on weighted profiles, time in days."""
    with _lifetimes_contained():
        from lifetimes import BetaGeoFitter
        from lifetimes.utils import ConvergenceError

        fitter = BetaGeoFitter()
        try:
            fitter.fit(
                profiles["frequency"],
                profiles["recency"],
                profiles["T"],
                weights=profiles["customers"],
            )
        except ConvergenceError:
            return LifetimesFit({}, NOT_CONVERGED)
        return LifetimesFit(_plain(fitter.params_), "")


def fit_spend(summary: pd.DataFrame) -> LifetimesFit:
    """Fit Gamma-Gamma with lifetimes on distinct frequencies and mean amounts."""
    known = summary[(summary["frequency"] > 0) & (summary["monetary_value"] > 0)]
    distinct = known.groupby(["frequency", "monetary_value"], sort=True).size()
    distinct = distinct.rename("customers").reset_index()
    with _lifetimes_contained():
        from lifetimes import GammaGammaFitter
        from lifetimes.utils import ConvergenceError

        fitter = GammaGammaFitter()
        try:
            fitter.fit(
                distinct["frequency"], distinct["monetary_value"], weights=distinct["customers"]
            )
        except ConvergenceError:
            return LifetimesFit({}, NOT_CONVERGED)
        return LifetimesFit(_plain(fitter.params_), "")


def compare(
    purchase_model: BgNbd,
    spend_model: GammaGamma,
    *,
    profiles: pd.DataFrame,
    summary: pd.DataFrame,
) -> pd.DataFrame:
    """Put each parameter beside the one that lifetimes finds on the same data.

    Parameters
    ----------
    purchase_model, spend_model
        Fitted on `profiles` and `summary`.
    profiles, summary : DataFrame
        As in `fit_lifetimes`.

    Returns
    -------
    DataFrame
        One row per parameter.

        - `model`: ``bg_nbd`` or ``gamma_gamma``
        - `parameter`, `unit` (``1``, ``days`` or ``currency``)
        - `workbench`, `lifetimes`: the estimates; NaN where lifetimes failed
        - `relative_difference`: lifetimes over workbench, less 1
        - `lifetimes_error`: name of its error, or empty
    """
    second = fit_lifetimes(profiles, summary)
    units = {"alpha": "days", "v": "currency"}
    parts = (
        ("bg_nbd", purchases.PARAMETERS, purchase_model, second.purchases),
        ("gamma_gamma", spend.PARAMETERS, spend_model, second.spend),
    )
    rows = []
    for model, names, ours, theirs in parts:
        for name in names:
            own = getattr(ours, name)
            other = theirs.parameters.get(name, float("nan"))
            row = (model, name, units.get(name, "1"), own, other, other / own - 1, theirs.error)
            rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


@contextlib.contextmanager
def _lifetimes_contained() -> Iterator[None]:
    """Undo what lifetimes does to warnings, to pandas and to the screen."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        chained_assignment = pd.get_option("mode.chained_assignment")
        try:
            yield
        finally:
            pd.set_option("mode.chained_assignment", chained_assignment)


def _plain(parameters: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in parameters.items()}
