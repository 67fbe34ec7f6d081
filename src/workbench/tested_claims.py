"""Every claim on a firm's own data: its readings where the data bear it, and a verdict by rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import claim_effects, claims, privacy, revenue_bridge, revenue_ratio
from workbench import periods as spans
from workbench.claim_book import CLAIMS
from workbench.lines import Lines
from workbench.orders import Orders
from workbench.periods import Periods
from workbench.revenue_ratio import Design
from workbench.schema import TooFewData

# A comparison of two groups needs so many customers on each side.
MIN_CUSTOMERS = 30
# A claim this near to a bound, relative to it, is only just inside or outside.
NEAR = 0.05
# The reading that stands for a claim, the first with a value; else the first of all.
MAIN = {
    "seven_times": ("landmark", "naive"),
    "five_percent": ("retention_relative",),
    "acquisition_cost": (0.0,),
    "complaints": ("resolved", "adjusted"),
}


class Judged(NamedTuple):
    """What became of the claims.

    Attributes
    ----------
    readings : dict of str to DataFrame
        Claim to its readings, indexed by `reading`, with `claims.COLUMNS`;
        claims that the data do not bear are absent.
    ratios : DataFrame
        As in `revenue_ratio.compare`, small groups blanked; without rows where
        nothing is left.
    friends : DataFrame
        The four groups of `claim_effects.tenure`, small ones blanked; without
        rows likewise.
    days : Design
        The days behind `ratios`.
    new_share : float
        Share of the latest period's revenue that new customers brought; NaN
        where that would speak of few.
    """

    readings: dict[str, pd.DataFrame]
    ratios: pd.DataFrame
    friends: pd.DataFrame
    days: Design
    new_share: float


def measure(
    orders: pd.DataFrame | Orders,
    *,
    periods: Periods,
    tables: Mapping[str, pd.DataFrame],
    lines: Lines | None,
    annual_discount_rate: float,
    k: int,
    seed: int,
) -> Judged:
    """Measure every claim that the data bear.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    periods : Periods
        From `periods.choose`.
    tables : mapping of str to DataFrame
        Of `customers`, `survey`, `complaints` and `budget` those that are
        there, as `companions` reads them.
    lines : Lines or None
        Line items, where the source has them.
    annual_discount_rate : float
        Effective rate a year.
    k : int
        Smallest group shown.
    seed : int
        Of the resamples.
    """
    bought = spans.by_customer(orders, periods=periods)
    before = bought["purchases_1"] > 0
    retained = before & (bought["purchases_0"] > 0)
    days = revenue_ratio.design(periods)
    # Where a part of the bridge is too small, no count of the same periods may give it away.
    parts = revenue_bridge.shown(revenue_bridge.bridge(orders, periods=periods), k=k).parts
    is_open = bool(parts["customers"].notna().all())
    enough = {"fewest": max(k, MIN_CUSTOMERS), "seed": seed}
    timed = {"periods": periods} | enough
    survey, cases = tables.get("survey"), tables.get("complaints")
    people, budget = tables.get("customers"), tables.get("budget")
    has_margin = lines is not None and "margin" in lines.columns
    friends = {}

    def of_tenure() -> pd.DataFrame:
        found, friends["table"] = claim_effects.tenure(orders, **timed)
        return found

    # What needs a table that is not there is not asked.
    asked: dict[str, tuple[bool, Callable[[], pd.DataFrame]]] = {
        "seven_times": (
            True,
            lambda: revenue_ratio.compare(
                orders, days=days, claimed=CLAIMS["seven_times"].claimed, seed=seed
            ),
        ),
        "five_percent": (
            is_open,
            lambda: claims.own_retention(
                int(retained.sum()),
                int(before.sum()),
                periods=periods,
                annual_discount_rate=annual_discount_rate,
            ),
        ),
        "revenue_growth": (is_open, lambda: claims.growth(orders, periods=periods, seed=seed)),
        "acquisition_cost": (
            is_open and budget is not None,
            lambda: claims.acquisition_cost(orders, periods=periods, budget=budget, k=k, seed=seed),
        ),
        "budget_share": (
            budget is not None,
            lambda: claims.budget_share(budget, periods=periods),
        ),
        "referral_index": (
            survey is not None,
            lambda: claim_effects.referral_index(orders, survey=survey, **enough),
        ),
        "cost_to_serve": (
            has_margin,
            lambda: claim_effects.cost_to_serve(lines, as_of=periods.as_of, **enough),
        ),
        "tenure": (True, of_tenure),
        "satisfied_buy": (
            survey is not None,
            lambda: claim_effects.satisfied_buy(orders, survey=survey, **timed),
        ),
        "satisfied_recommend": (
            survey is not None,
            lambda: claim_effects.satisfied_recommend(orders, survey=survey, **enough),
        ),
        "referred_value": (
            people is not None,
            lambda: claim_effects.referred_value(orders, customers=people, **timed),
        ),
        "programme": (
            people is not None,
            lambda: claim_effects.programme(orders, customers=people, **timed),
        ),
        "complaints": (
            cases is not None,
            lambda: claim_effects.complaints(orders, cases=cases, k=k, **timed),
        ),
    }
    found = {name: _attempt(ask) for name, (there, ask) in asked.items() if there}
    readings = {name: table for name, table in found.items() if table is not None}
    ratios = readings.pop("seven_times", None)
    if ratios is not None:
        ratios = revenue_ratio.shown(ratios, k=k)
        if not is_open:
            ratios.loc[ratios.index.str.startswith("year")] = np.nan
        readings["seven_times"] = _of_ratios(ratios)
        ratios = ratios if ratios["ratio"].notna().any() else None
    revenue = bought["revenue_0"]
    new = revenue[bought["first"] >= periods.start(0)].sum()
    return Judged(
        readings={name: _shown(readings[name], k=k) for name in CLAIMS if name in readings},
        ratios=pd.DataFrame() if ratios is None else ratios,
        friends=_suppressed(friends.get("table"), k=k),
        days=days,
        new_share=float(new / revenue.sum()) if is_open and revenue.sum() > 0 else np.nan,
    )


def summary(tested: Judged) -> pd.DataFrame:
    """Put each claim beside its main reading, with a verdict.

    Parameters
    ----------
    tested : Judged
        From `measure`.

    Returns
    -------
    DataFrame
        Indexed by `claim`, all of `claim_book.CLAIMS`: `claimed`,
        `claimed_to`, `value`, `low`, `high` (missing where there is none) and
        `verdict`: ``inside``, ``just_inside``, ``just_outside``, ``less`` (the
        data show less than is claimed) or ``more``; for claims without a
        number ``supported``, ``contradicted`` or ``open``; ``missing``.
    """
    rows = {}
    for name, claim in CLAIMS.items():
        row = main(tested, name)
        claimed = (np.nan if n is None else n for n in (claim.claimed, claim.claimed_to))
        rows[name] = [*claimed, row["value"], row["low"], row["high"], verdict(name, row)]
    columns = ["claimed", "claimed_to", "value", "low", "high", "verdict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("claim")


def main(tested: Judged, name: str) -> pd.Series:
    """Return the reading that stands for a claim; without values where there is none."""
    table = tested.readings.get(name)
    if table is None or table.empty:
        return _nothing()
    asked = MAIN.get(name, table.index)
    there = [reading for reading in asked if pd.notna(table["value"].get(reading))]
    return table.loc[there[0]] if there else _nothing()


def verdict(name: str, row: pd.Series) -> str:
    """Judge a claim by where it lies beside the interval of a reading.

    Examples
    --------
    >>> row = pd.Series({"value": 5.58, "low": 4.44, "high": 7.03})
    >>> verdict("seven_times", row), verdict("seven_times", row / 2)
    ('just_inside', 'less')
    """
    claim = CLAIMS[name]
    value, low, high = row[["value", "low", "high"]]
    if np.isnan(value):
        return "missing"
    if claim.claimed is None:
        return "supported" if low > claim.neutral else _not_above(high, claim.neutral)
    # What is no sample has no bounds but its own value.
    low, high = (value if np.isnan(bound) else bound for bound in (low, high))
    first, last = claim.claimed, claim.claimed_to or claim.claimed
    is_near = abs(first - high) <= NEAR * abs(high) or abs(last - low) <= NEAR * abs(low)
    if low <= last and first <= high:
        return "just_inside" if is_near and low < high else "inside"
    if is_near:
        return "just_outside"
    return "less" if high < first else "more"


def _nothing() -> pd.Series:
    return pd.Series(np.nan, index=claims.COLUMNS)


def _not_above(high: float, neutral: float) -> str:
    return "contradicted" if high < neutral else "open"


def _attempt(ask: Callable[[], pd.DataFrame]) -> pd.DataFrame | None:
    try:
        return ask()
    except TooFewData:
        return None


def _of_ratios(ratios: pd.DataFrame) -> pd.DataFrame:
    """Return the ways of `revenue_ratio` as readings."""
    names = {"ratio": "value", "ratio_low": "low", "ratio_high": "high"}
    names |= {"existing_customers": "customers", "new_customers": "customers_other"}
    return ratios.rename(columns=names).rename_axis("reading")


def _shown(table: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank readings that rest on fewer than `k` customers; a budget rests on none."""
    few = table[["customers", "customers_other"]].gt(0) & table[
        ["customers", "customers_other"]
    ].lt(k)
    blanked = table.copy()
    blanked.loc[few.any(axis=1)] = np.nan
    return blanked


def _suppressed(friends: pd.DataFrame | None, *, k: int) -> pd.DataFrame:
    if friends is None:
        return pd.DataFrame()
    return privacy.suppress(friends, count="customers", k=k, within=["is_long"])
