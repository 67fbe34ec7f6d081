"""The same models fitted by lifetimes: one row per parameter, ours beside theirs.

The only importer of lifetimes, which on import changes a pandas option and the warning filters,
and prints when a fit fails; none of it reaches the caller.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench import purchase_models, spend
from workbench.purchase_models import PurchaseModel
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
COUNTERPARTS = ("bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma")
UNITS = {"alpha": "days", "beta": "days", "v": "currency"}
LOG_LIKELIHOOD = "log_likelihood"
NOT_CONVERGED = "ConvergenceError"
TOO_MANY_PROFILES = "too_many_profiles"

# Its Pareto/NBD passes over all profiles some 600 times, 0.3 ms a profile: 4 s for so many.
MAX_PARETO_PROFILES = 15_000
# Its own tolerance, 1e-4, leaves weighted Pareto/NBD estimates up to 7 % off.
PARETO_TOLERANCE = 1e-8


class LifetimesFit(NamedTuple):
    """Parameters by name (times in days), or none and what kept lifetimes from them."""

    parameters: dict[str, float]
    error: str


def has(name: str) -> bool:
    """Say whether lifetimes has a model.

    Examples
    --------
    >>> has("pareto_nbd"), has("gamma_gamma"), has("nbd")
    (True, True, False)
    """
    return name in COUNTERPARTS


def fit_purchases(profiles: pd.DataFrame, *, name: str = "bg_nbd") -> LifetimesFit:
    """Fit a purchase model with lifetimes on weighted profiles, time in days.

    Pareto/NBD starts from 1 instead of at random, and is not fitted on more
    than `MAX_PARETO_PROFILES` profiles: the error is then
    ``too_many_profiles``.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`.
    name : str
        ``bg_nbd``, ``mbg_nbd`` or ``pareto_nbd``.

    Raises
    ------
    ValueError
        If lifetimes has no such purchase model.
    """
    if name not in purchase_models.MODELS or not has(name):
        known = [model for model in purchase_models.MODELS if has(model)]
        raise ValueError(f"lifetimes has no purchase model {name!r}; it has {known}.")
    options: dict[str, Any] = {}
    if name == "pareto_nbd":
        if len(profiles) > MAX_PARETO_PROFILES:
            return LifetimesFit({}, TOO_MANY_PROFILES)
        options = {"initial_params": np.ones(4), "tol": PARETO_TOLERANCE}
    with _lifetimes_contained():
        import lifetimes

        kinds = {
            "bg_nbd": lifetimes.BetaGeoFitter,
            "mbg_nbd": lifetimes.ModifiedBetaGeoFitter,
            "pareto_nbd": lifetimes.ParetoNBDFitter,
        }
        return _fit(
            kinds[name](),
            profiles["frequency"],
            profiles["recency"],
            profiles["T"],
            weights=profiles["customers"],
            **options,
        )


def fit_spend(summary: pd.DataFrame) -> LifetimesFit:
    """Fit Gamma-Gamma with lifetimes on distinct frequencies and mean amounts.

    Parameters
    ----------
    summary : DataFrame
        `frequency` and `monetary_value`; as in `spend.fit` only repeat buyers
        who spent something count.
    """
    known = summary[(summary["frequency"] > 0) & (summary["monetary_value"] > 0)]
    distinct = known.groupby(["frequency", "monetary_value"], sort=True).size()
    distinct = distinct.rename("customers").reset_index()
    with _lifetimes_contained():
        import lifetimes

        return _fit(
            lifetimes.GammaGammaFitter(),
            distinct["frequency"],
            distinct["monetary_value"],
            weights=distinct["customers"],
        )


def compare(
    purchase_model: PurchaseModel,
    spend_model: object,
    *,
    profiles: pd.DataFrame,
    summary: pd.DataFrame,
) -> pd.DataFrame:
    """Put each parameter beside the one that lifetimes finds on the same data.

    On a flat ridge two optimisers may stop far from each other and be equally
    right. Each model therefore ends in a row for the log-likelihood, our
    formula in both columns: at our parameters and at those of lifetimes. That
    row also tells where lifetimes stopped short without an error, as its
    Pareto/NBD may.

    Parameters
    ----------
    purchase_model : BgNbd, MbgNbd, ParetoNbd or Nbd
        Fitted on `profiles`.
    spend_model : GammaGamma or another record
        Fitted on `summary`.
    profiles, summary : DataFrame
        As in `fit_purchases` and `fit_spend`.

    Returns
    -------
    DataFrame
        One row per parameter and one for the log-likelihood; none for a model
        that lifetimes lacks (see `has`).

        - `model`: ``bg_nbd``, ``mbg_nbd``, ``pareto_nbd`` or ``gamma_gamma``
        - `parameter`, `unit` (``1``, ``days`` or ``currency``)
        - `workbench`, `lifetimes`: the estimates; NaN where lifetimes failed
        - `relative_difference`: lifetimes over workbench, less 1
        - `lifetimes_error`: name of its error, ``too_many_profiles`` where it
          was not asked, or empty
    """
    rows = []
    if has(purchase_model.name):
        name = purchase_model.name
        rows += _rows(
            name,
            ours=purchase_models.parameters(purchase_model),
            theirs=fit_purchases(profiles, name=name),
            log_likelihood=lambda **values: purchase_models.log_likelihood(
                profiles, name=name, **values
            ),
        )
    if isinstance(spend_model, GammaGamma):
        rows += _rows(
            "gamma_gamma",
            ours={name: getattr(spend_model, name) for name in spend.PARAMETERS},
            theirs=fit_spend(summary),
            log_likelihood=lambda **values: spend.derivatives(summary, **values).value,
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = ("workbench", "lifetimes", "relative_difference")
    return table.astype(dict.fromkeys(numbers, float))


def likelihood_differences(comparison: pd.DataFrame) -> pd.Series:
    """Return how far lifetimes is from our log-likelihood, per model.

    Parameters
    ----------
    comparison : DataFrame
        From `compare`.

    Returns
    -------
    Series
        `log_likelihood_difference` by model, in units of the log-likelihood:
        negative where the parameters of lifetimes are the less likely ones,
        near zero where they are as good as ours, NaN where it has none.

    Examples
    --------
    >>> rows = [("bg_nbd", "r", "1", 0.5, 0.6, 0.2, ""),
    ...         ("bg_nbd", "log_likelihood", "1", -90.0, -90.5, 0.0055, "")]
    >>> likelihood_differences(pd.DataFrame(rows, columns=list(COLUMNS)))
    model
    bg_nbd   -0.5
    Name: log_likelihood_difference, dtype: float64
    """
    rows = comparison[comparison["parameter"] == LOG_LIKELIHOOD].set_index("model")
    return (rows["lifetimes"] - rows["workbench"]).rename("log_likelihood_difference")


def _rows(
    model: str,
    *,
    ours: dict[str, float],
    theirs: LifetimesFit,
    log_likelihood: Callable[..., float],
) -> list[tuple[Any, ...]]:
    """Return the rows of one model; the last one is the log-likelihood."""
    ours = ours | {LOG_LIKELIHOOD: log_likelihood(**ours)}
    found = theirs.parameters
    if found:
        found = found | {LOG_LIKELIHOOD: log_likelihood(**found)}
    rows = []
    for name, own in ours.items():
        other = found.get(name, math.nan)
        rows.append((model, name, UNITS.get(name, "1"), own, other, other / own - 1, theirs.error))
    return rows


def _fit(fitter: Any, *columns: pd.Series, **options: Any) -> LifetimesFit:
    """Fit within `_lifetimes_contained`."""
    from lifetimes.utils import ConvergenceError

    try:
        fitter.fit(*columns, **options)
    except (ConvergenceError, np.linalg.LinAlgError) as error:
        return LifetimesFit({}, type(error).__name__)
    parameters = {str(name): float(value) for name, value in fitter.params_.items()}
    # On a boundary it may return 0, infinity or NaN and call that converged.
    if not all(0 < value < math.inf for value in parameters.values()):
        return LifetimesFit({}, NOT_CONVERGED)
    return LifetimesFit(parameters, "")


@contextlib.contextmanager
def _lifetimes_contained() -> Iterator[None]:
    """Undo what lifetimes does to warnings, to pandas and to the screen."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        chained_assignment = pd.get_option("mode.chained_assignment")
        try:
            yield
        finally:
            pd.set_option("mode.chained_assignment", chained_assignment)
