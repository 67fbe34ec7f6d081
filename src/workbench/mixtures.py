"""Measures of customers -> how many normal clouds they are best described by."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from workbench.clusters import MAX_SAMPLED, N_GROUPS, scaled

# Variance added to each cloud: a tenth of the middle half, so that none shrinks to a point.
LEAST_VARIANCE = 0.01
MAX_STEPS = 300


class Mixtures(NamedTuple):
    """Mixtures of normal clouds.

    Attributes
    ----------
    table : DataFrame
        Indexed by `n_groups` (1 to 8): `bic` and `icl`, the smaller the better.
    by_bic, by_icl : int
        The best number of clouds by each.
    agreement : float
        Adjusted Rand index of groups and clouds where there are as many: 1 if they
        are the same, 0 if only by chance.
    """

    table: pd.DataFrame
    by_bic: int
    by_icl: int
    agreement: float


def describe(measured: pd.DataFrame, *, labels: pd.Series, seed: int) -> Mixtures:
    """Describe customers by one to eight normal clouds of any shape.

    The Bayesian criterion takes as many clouds as the shape of the whole needs,
    also where a single skewed cloud is there; the integrated criterion adds
    twice the entropy of who belongs where, and so takes clouds that lie apart.
    A count of purchases is spread evenly over the unit around it: clouds would
    else shrink onto its values. Of many customers a sample is taken.

    Parameters
    ----------
    measured : DataFrame
        From `clusters.features`.
    labels : Series
        Groups to compare with, from `clusters.find`.
    seed : int
        Of sample, spread and starts.

    References
    ----------
    Schwarz (1978), The Annals of Statistics 6 (2), 461-464; Biernacki, Celeux
    and Govaert (2000), IEEE Transactions on Pattern Analysis and Machine
    Intelligence 22 (7), 719-725, for the integrated criterion; Hubert and Arabie
    (1985), Journal of Classification 2, 193-218, for the adjusted index.
    """
    generator = np.random.default_rng(seed)
    measured = measured.iloc[np.lexsort(measured.to_numpy().T)]
    if len(measured) > MAX_SAMPLED:
        chosen = generator.choice(len(measured), MAX_SAMPLED, replace=False)
        measured = measured.iloc[np.sort(chosen)]
    spread = measured["n_orders"] + generator.random(len(measured)) - 0.5
    points = scaled(measured.assign(n_orders=spread)).to_numpy()
    n_labels = int(labels.max())
    rows, agreement = {}, float("nan")
    with threadpool_limits(limits=1):
        for n_groups in (1, *N_GROUPS):
            clouds = _fit(points, n_groups, state=int(generator.integers(2**31)))
            belongs = clouds.predict_proba(points)
            unsure = -(belongs * np.log(np.maximum(belongs, np.finfo(float).tiny))).sum()
            bic = float(clouds.bic(points))
            rows[n_groups] = {"bic": bic, "icl": bic + 2 * float(unsure)}
            if n_groups == n_labels:
                own = labels.reindex(measured.index).to_numpy()
                agreement = float(adjusted_rand_score(own, belongs.argmax(axis=1)))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("n_groups")
    return Mixtures(table, int(table["bic"].idxmin()), int(table["icl"].idxmin()), agreement)


def _fit(points: np.ndarray, n_groups: int, *, state: int) -> GaussianMixture:
    clouds = GaussianMixture(
        n_groups, reg_covar=LEAST_VARIANCE, max_iter=MAX_STEPS, random_state=state
    )
    with warnings.catch_warnings():
        # After so many steps the criteria no longer change in the digits that matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clouds.fit(points)
