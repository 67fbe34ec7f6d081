"""Two groups and what was known of them before -> whether a lot can have drawn them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from workbench.campaign_effects import MIN_ARM
from workbench.schema import TooFewData

# Of a hundred campaigns by lot this test turns away one.
LEVEL = 0.01
# A difference of so many standard deviations is worth a look, whatever the test says.
LARGE = 0.1
PERMUTATIONS = 999
# With so many customers the distance is distributed as chi-square, and no permutation is needed.
MANY = 20_000
# Directions in which the columns vary less than this part of the most are none.
COLLINEAR = 1e-9


class Balance(NamedTuple):
    """How alike two groups were.

    Attributes
    ----------
    table : DataFrame
        Indexed by `covariate`: `treated_mean`, `control_mean` and `gap`
        (difference in standard deviations; 0 where a column does not vary).
    treated, control : int
        Customers.
    directions : int
        In so many independent ways the customers differed before; with none
        nothing can be tested.
    statistic, p_value : float
        Distance of all mean columns at once, and how often a lot among the
        same customers makes it as large.
    is_random : bool
        Nothing speaks against a lot at the level `LEVEL`; that none was drawn
        no test can rule out.
    """

    table: pd.DataFrame
    treated: int
    control: int
    directions: int
    statistic: float
    p_value: float
    is_random: bool


def check(covariates: pd.DataFrame, *, treated: pd.Series, seed: int) -> Balance:
    """Ask whether two groups differ by more than a lot would let them.

    The distance is that of Mahalanobis between the mean columns, after an
    inverse hyperbolic sine that tames long tails; its distribution is that of
    permutations among fewer than `MANY` customers, else chi-square.

    Parameters
    ----------
    covariates : DataFrame
        Indexed by `customer_id`: numbers known before the campaign, none missing.
    treated : Series of bool
        Same customers.
    seed : int
        Of the permutations.

    Raises
    ------
    TooFewData
        If a group has fewer than `campaign_effects.MIN_ARM` customers.

    References
    ----------
    Hansen and Bowers (2008), Statistical Science 23 (2), 219-236.
    Austin (2009), Statistics in Medicine 28, 3083-3107: standardised differences.
    """
    covariates, treated = covariates.sort_index(), treated.astype(bool).sort_index()
    arm = treated.to_numpy()
    n = len(arm)
    sizes = int(arm.sum()), int(n - arm.sum())
    if min(sizes) < MIN_ARM:
        raise TooFewData(
            f"the smaller group has {min(sizes)} customers, fewer than {MIN_ARM}.",
            have=min(sizes),
            need=MIN_ARM,
        )
    columns = covariates.to_numpy(float)
    one, other = columns[arm], columns[~arm]
    spread = np.sqrt((one.var(axis=0, ddof=1) + other.var(axis=0, ddof=1)) / 2)
    gap = one.mean(axis=0) - other.mean(axis=0)
    table = pd.DataFrame(
        {
            "treated_mean": one.mean(axis=0),
            "control_mean": other.mean(axis=0),
            "gap": np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0),
        },
        index=pd.Index(covariates.columns, name="covariate"),
    )
    directions = _whitened(np.arcsinh(columns))
    # All directions sum to 0, so that of the treated says all.
    scale = n * (n - 1) / (sizes[0] * sizes[1])
    statistic = scale * float((directions[arm].sum(axis=0) ** 2).sum())
    if n >= MANY or not directions.shape[1]:
        p_value = float(stats.chi2.sf(statistic, max(directions.shape[1], 1)))
    else:
        chance = np.random.default_rng(seed)
        drawn = [
            directions[chance.permutation(n)[: sizes[0]]].sum(axis=0) for _ in range(PERMUTATIONS)
        ]
        distances = scale * (np.array(drawn) ** 2).sum(axis=1)
        reached = int((distances >= statistic * (1 - 1e-12)).sum())
        p_value = (1 + reached) / (1 + PERMUTATIONS)
    return Balance(table, *sizes, directions.shape[1], statistic, p_value, p_value >= LEVEL)


class Attrition(NamedTuple):
    """Customers of a campaign who are in no table: counts, shares, and whether they differ.

    Attributes
    ----------
    treated, control : int
        Customers who are left out.
    treated_share, control_share : float
        Of all whom the campaign named for the group.
    p_value : float
        Of one share for both groups (Fisher's exact test).
    is_even : bool
        The test finds no difference at the level `LEVEL`.
    """

    treated: int
    control: int
    treated_share: float
    control_share: float
    p_value: float
    is_even: bool


def attrition(left_out: pd.DataFrame | None, *, campaign: str, treated: pd.Series) -> Attrition:
    """Compare which part of each group is left out of the data, as by a later objection.

    Who objects because of a campaign is missing in one group alone, and the
    comparison of those who stay is no longer one by lot.

    Parameters
    ----------
    left_out : DataFrame or None
        `campaign`, `group` (``treatment``, ``control``) and `customers`, as in
        `companions.Companion`; None is nobody.
    campaign : str
        Which one.
    treated : Series of bool
        Those of its customers who are in the data.
    """
    counts = {"treatment": 0, "control": 0}
    if left_out is not None:
        own = left_out[left_out["campaign"] == campaign].set_index("group")["customers"]
        counts |= {group: int(n) for group, n in own.items()}
    gone = counts["treatment"], counts["control"]
    stay = int(treated.sum()), int((~treated).sum())
    whole = [max(left + kept, 1) for left, kept in zip(gone, stay, strict=True)]
    p_value = float(stats.fisher_exact([gone, stay]).pvalue)
    return Attrition(*gone, gone[0] / whole[0], gone[1] / whole[1], p_value, p_value >= LEVEL)


def _whitened(columns: np.ndarray) -> np.ndarray:
    """Turn columns into uncorrelated ones of length 1 that span the same."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    scaled = centred[:, spread > 0] / spread[spread > 0]
    if not scaled.shape[1]:
        return scaled
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    kept = values > COLLINEAR * values.max()
    return scaled @ (vectors[:, kept] / np.sqrt(values[kept]))
