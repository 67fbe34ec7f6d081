"""Orders and optional tables to one row per key figure: value, interval, period before."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from workbench import budgets, customer_bootstrap, privacy, revenue_bridge
from workbench.discrimination import wilson
from workbench.kpi_book import KPIS, MIN_ANSWERS, TOP_SHARE, WINDOWS
from workbench.kpi_columns import SHOWN, by_month, by_period
from workbench.lines import Lines
from workbench.orders import Orders
from workbench.periods import Periods

# Shares of customers, each of whom counts once: bounded after Wilson.
SHARES = {
    "retention": ("retained", "was_active"),
    "retention_new": ("retained_new", "was_new"),
    "retention_known": ("retained_known", "was_known"),
    "churn": ("lost", "was_active"),
    "referred": ("new_referred", "new"),
    **{f"repeat_{days}": (f"repeated_{days}", f"window_{days}") for days in WINDOWS},
}
# How a figure follows from sums over customers; what is not here is such a sum itself.
_FORMULAS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "revenue_each": lambda total: total["revenue"] / total["active"],
    "frequency": lambda total: total["purchases"] / total["active"],
    "basket": lambda total: total["revenue"] / total["purchases"],
    "known_share": lambda total: total["known_revenue"] / total["revenue"],
    "balance": lambda total: (total["active"] - total["new"]) / total["was_active"],
    "nps": lambda total: 100 * (total["promoters"] - total["detractors"]) / total["answers"],
    "margin_rate": lambda total: total["margin"] / total["margin_revenue"],
    "satisfaction": lambda total: total["marks"] / total["ratings"],
    "complaints": lambda total: 100 * total["cases"] / total["purchases"],
    "quick_answers": lambda total: total["quick_cases"] / total["cases_due"],
    "cac": lambda total: total["cost"] / total["new"],
    **{
        name: lambda total, part=part, whole=whole: total[part] / total[whole]
        for name, (part, whole) in SHARES.items()
    },
}
# One is all customers of the time less the other.
_TWINS = ("retention_new", "retention_known")
# Answers are few long before customers are.
_FEWEST = {"nps": "answers", "satisfaction": "ratings"}


def measure(
    orders: pd.DataFrame | Orders,
    *,
    periods: Periods,
    tables: Mapping[str, pd.DataFrame],
    lines: Lines | None = None,
    k: int,
    seed: int,
) -> pd.DataFrame:
    """Measure every key figure that the data bear, for the latest period and the one before it.

    Shares of customers are bounded after Wilson, everything else, and every
    difference between the two periods, by resampled customers. What rests on
    the past is compared only where the data reach back to a period before both.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    periods : Periods
        From `periods.choose`.
    tables : mapping of str to DataFrame
        Of the optional tables `customers`, `survey`, `complaints` and `budget`
        those that are there, as `companions` reads them.
    lines : Lines, optional
        Line items, where the source has them.
    k : int
        Smallest group shown.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        Indexed by `kpi`, the keys of `kpi_book.KPIS` that the latest period
        bears: `customers` (count), `value`, `value_low`, `value_high` (95 %),
        `previous`, `change_low`, `change_high` (value less previous, 95 %) and
        `movement` (``higher``, ``lower``, ``same``; '' without a comparison).
        What would speak of a small group is missing.
    """
    columns = by_period(orders, periods=periods, tables=tables, lines=lines)
    index, names = columns[0].index, list(columns[0].columns)
    sums = np.hstack([each.to_numpy(float) for each in columns])
    # Who gave back more than was bought counts as nothing where totals are ranked.
    worth = [each["revenue"].clip(lower=0).where(each["active"]).to_numpy() for each in columns]
    months = [by_month(orders, index, periods=periods, back=back) for back in SHOWN]
    cost = [_acquisition(tables.get("budget"), periods=periods, back=back) for back in SHOWN]

    def figures(weights: np.ndarray) -> np.ndarray:
        summed = np.split(customer_bootstrap.totals(weights, sums), len(SHOWN), axis=1)
        found = []
        for back in SHOWN:
            uneven = customer_bootstrap.inequality(weights, worth[back], top_share=TOP_SHARE)
            total = dict(zip(names, summed[back].T, strict=True)) | {"cost": cost[back]}
            total |= dict(zip(("top_tenth", "gini"), uneven.T, strict=True))
            total |= _spreads(weights, months[back])
            found.append(_evaluate(total))
        return np.stack(found, axis=1)

    actual = figures(np.ones((1, len(index))))[0]
    draws = customer_bootstrap.resample(figures, customers=len(index), seed=seed)
    counts = [each.sum() for each in columns]
    secret = [_secret(orders, counts[back], periods=periods, back=back, k=k) for back in SHOWN]
    return _table(actual, draws, counts, secret, has_past=periods.holds(len(SHOWN)))


def _acquisition(budget: pd.DataFrame | None, *, periods: Periods, back: int) -> float:
    """Return what was spent on winning customers; NaN where a day has no budget."""
    if budget is None:
        return np.nan
    spent = budgets.spent(budget, since=periods.start(back), until=periods.end(back))
    return spent.acquisition if spent.covered == 1 else np.nan


def _spreads(weights: np.ndarray, months: Mapping[str, sparse.csr_array]) -> dict[str, np.ndarray]:
    """Divide the standard deviation of monthly revenue by its mean."""
    spreads = {name: np.full(len(weights), np.nan) for name in ("spread_known", "spread_new")}
    for name, money in months.items():
        monthly = customer_bootstrap.totals(weights, money)
        mean = monthly.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = monthly.std(axis=1, ddof=1) / mean
        spreads[f"spread_{name}"] = np.where(mean > 0, spread, np.nan)
    return spreads


def _evaluate(total: Mapping[str, Any]) -> np.ndarray:
    """Work out every key figure, in the order of the book; NaN where it has no value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [_FORMULAS.get(name, operator.itemgetter(name))(total) for name in KPIS]
    rows = np.array(np.broadcast_arrays(*found), dtype=float)
    return np.where(np.isfinite(rows), rows, np.nan).T


def _secret(
    orders: pd.DataFrame | Orders, counts: pd.Series, *, periods: Periods, back: int, k: int
) -> set[str]:
    """Say which figures of a period would speak of fewer than `k` customers."""
    found = revenue_bridge.bridge(orders, periods=periods, back=back)
    parts = revenue_bridge.shown(found, k=k).parts["customers"]
    blanked = set(parts.index[parts.isna()])
    secret = {name for name, kpi in KPIS.items() if blanked & set(kpi.groups)}
    secret |= {name for name, kpi in KPIS.items() if 0 < counts[kpi.people] < k}
    for name, (part, whole) in SHARES.items():
        n = counts[whole]
        if n and np.isnan(privacy.shown_share(counts[part], customers=n, k=k)):
            secret.add(name)
    secret |= {name for name, answers in _FEWEST.items() if counts[answers] < MIN_ANSWERS}
    return secret | set(_TWINS) if secret & set(_TWINS) else secret


def _table(
    actual: np.ndarray,
    draws: np.ndarray,
    counts: list[pd.Series],
    secret: list[set[str]],
    *,
    has_past: bool,
) -> pd.DataFrame:
    """Bound the figures and say which way each has moved.

    `actual` has the shape (periods, figures), `draws` (resamples, periods, figures).
    """
    names = pd.Index(KPIS, name="kpi")
    now, before = (pd.Series(actual[back], index=names) for back in SHOWN)
    low, high = customer_bootstrap.interval(actual[0], draws[:, 0])
    change = actual[0] - actual[1]
    change_low, change_high = customer_bootstrap.interval(change, draws[:, 0] - draws[:, 1])
    table = pd.DataFrame(
        {
            "customers": [counts[0][kpi.people] for kpi in KPIS.values()],
            "value": now,
            "value_low": low,
            "value_high": high,
            "previous": before,
            "change_low": change_low,
            "change_high": change_high,
        },
        index=names,
    ).astype(float)
    for name, (part, whole) in SHARES.items():
        if counts[0][whole] > 0:
            table.loc[name, ["value_low", "value_high"]] = wilson(counts[0][part], counts[0][whole])
    table = table[now.notna() & (table["customers"] > 0)]
    compared = ["previous", "change_low", "change_high"]
    alone = [not has_past and KPIS[name].needs_past for name in table.index]
    table.loc[alone, compared] = np.nan
    table.loc[table.index.isin(secret[1]), compared] = np.nan
    table.loc[table.index.isin(secret[0])] = np.nan
    moved = np.select(
        [table["change_low"] > 0, table["change_high"] < 0, table["change_low"].notna()],
        ["higher", "lower", "same"],
        default="",
    )
    return table.assign(movement=moved)
