"""How far a forecast may be off: refits on resampled customers, simulated futures, past misses.

An interval of a sum that comes from a model alone is too narrow, because a model is never quite
right. So it is widened by what the same forecast missed on earlier origins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from workbench.schema import NotIdentified, TooFewData

Model = TypeVar("Model")

LEVEL = 0.9
N_DRAWS = 200
# So many customers are simulated at a time, under all draws.
CHUNK = 20_000
# Below this share of refits that found an optimum the draws say nothing about the model.
MIN_FITTED = 0.8


class Predictive(NamedTuple):
    """What simulated futures say of a base, with `LEVEL` intervals.

    Attributes
    ----------
    customers : DataFrame
        Indexed like the summary: `purchases_low`, `purchases_high` (counts) and
        `value_low`, `value_high` (currency).
    totals : DataFrame
        One row per draw: `purchases` (count) and `value` (currency) of all
        customers.
    groups : DataFrame
        One row per draw and one column per group: value (currency).
    """

    customers: pd.DataFrame
    totals: pd.DataFrame
    groups: pd.DataFrame


class Band(NamedTuple):
    """An interval: lower and upper end."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Say whether a value lies inside, ends included."""
        return self.low <= value <= self.high


def resampled(
    table: pd.DataFrame, *, n_draws: int, seed: int, weight: str = "customers"
) -> list[pd.DataFrame]:
    """Draw the customers of a table of profiles again, with replacement.

    Parameters
    ----------
    table : DataFrame
        One row per profile, with its count of customers.
    n_draws : int
        How many tables.
    seed : int
        Of the draws.
    weight : str
        Column with the counts.

    Returns
    -------
    list of DataFrame
        Each with as many customers; profiles that were not drawn are left out.

    References
    ----------
    Efron (1979), Annals of Statistics 7 (1), 1-26: the bootstrap, here on profiles, where it
    is a multinomial draw of their counts.
    """
    counts = table[weight].to_numpy(float)
    n = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=n_draws)
    return [table.assign(**{weight: row})[row > 0] for row in drawn]


def refits(fit: Callable[[pd.DataFrame], Model], tables: Sequence[pd.DataFrame]) -> list[Model]:
    """Fit a model to each table, leaving out those that bear none.

    Raises
    ------
    NotIdentified
        If fewer than `MIN_FITTED` of the tables bear a fit.
    """
    fitted = []
    for table in tables:
        try:
            fitted.append(fit(table))
        except (TooFewData, NotIdentified):
            continue
    if len(fitted) < MIN_FITTED * len(tables):
        raise NotIdentified(
            f"only {len(fitted)} of {len(tables)} fits to resampled customers found an optimum: "
            "how sure the model is cannot be told. Take more customers or a longer history."
        )
    return fitted


def predict(
    models: Sequence[Model],
    summary: pd.DataFrame,
    *,
    simulate: Callable[[Model, pd.DataFrame, np.random.Generator], tuple[np.ndarray, np.ndarray]],
    groups: pd.Series | None = None,
    level: float = LEVEL,
    seed: int,
) -> Predictive:
    """Simulate the future of every customer under every model.

    Parameters
    ----------
    models : sequence
        From `refits`: each stands for what the parameters may be.
    summary : DataFrame
        One row per customer.
    simulate : callable
        Of a model, a part of the summary and a generator: purchases (count)
        and value (currency) of each customer of that part.
    groups : Series, optional
        Same index: a group for each customer.
    level : float
        Of the intervals.
    seed : int
        Of the futures.

    Returns
    -------
    Predictive
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    generator = np.random.default_rng(seed)
    names = sorted(groups.unique()) if groups is not None else []
    totals = np.zeros((len(models), 2))
    by_group = np.zeros((len(models), len(names)))
    ends = []
    for start in range(0, len(summary), CHUNK):
        part = summary.iloc[start : start + CHUNK]
        drawn = [simulate(model, part, generator) for model in models]
        purchases = np.array([counts for counts, _ in drawn])
        value = np.array([money for _, money in drawn])
        totals += np.column_stack([purchases.sum(axis=1), value.sum(axis=1)])
        if groups is not None:
            place = pd.Categorical(groups.loc[part.index], categories=names).codes
            for i in range(len(names)):
                by_group[:, i] += value[:, place == i].sum(axis=1)
        # An observed count is whole, so the ends of its interval are.
        low, high = np.quantile(purchases, tails, axis=0, method="inverted_cdf")
        value_low, value_high = np.quantile(value, tails, axis=0, method="inverted_cdf")
        ends.append(np.column_stack([low, high, value_low, value_high]))
    columns = ["purchases_low", "purchases_high", "value_low", "value_high"]
    return Predictive(
        customers=pd.DataFrame(np.vstack(ends), index=summary.index, columns=columns),
        totals=pd.DataFrame(totals, columns=["purchases", "value"]),
        groups=pd.DataFrame(by_group, columns=names),
    )


def band(draws: pd.Series, *, level: float = LEVEL) -> Band:
    """Take the middle of simulated sums as an interval."""
    low, high = np.quantile(draws.to_numpy(float), [(1 - level) / 2, (1 + level) / 2])
    return Band(float(low), float(high))


def widened(plain: Band, *, forecast: float, misses: Sequence[float], level: float = LEVEL) -> Band:
    """Widen the interval of a sum by what the forecast missed before.

    A miss is the size of the log of truth over forecast on an earlier origin.
    Of n misses the ``ceil((n + 1) level)``-th smallest is taken, as in split
    conformal prediction; where n is too small for that, the largest one, and
    the interval then holds with a probability of about n / (n + 1) at most.

    Parameters
    ----------
    plain : Band
        From the model alone.
    forecast : float
        The forecast of the sum; positive.
    misses : sequence of float
        From `miss`, of origins whose outcome was known before; may be empty.
    level : float
        Of the interval.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World.

    Examples
    --------
    >>> wide = widened(Band(95.0, 105.0), forecast=100.0, misses=[0.1, 0.2])
    >>> round(wide.low, 1), round(wide.high, 1)
    (81.9, 122.1)
    """
    if not misses or forecast <= 0:
        return plain
    ordered = sorted(misses)
    place = min(len(ordered), math.ceil((len(ordered) + 1) * level))
    factor = math.exp(ordered[place - 1])
    return Band(min(plain.low, forecast / factor), max(plain.high, forecast * factor))


def group_bands(
    drawn: Predictive,
    *,
    values: pd.Series,
    groups: pd.Series,
    misses: Sequence[float],
    level: float = LEVEL,
) -> pd.DataFrame:
    """Put the value of each group beside its two intervals.

    The second is widened by the factor of the total. A group may have missed
    by more than the total did, where misses cancel; so that is the least it
    has to be widened.

    Parameters
    ----------
    drawn : Predictive
        From `predict` with the same groups.
    values : Series
        Value of each customer (currency), such as `clv`.
    groups : Series
        Same index: a group for each customer.
    misses : sequence of float
        As in `widened`.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Indexed by the name of the groups, sorted: `customers` (count), `value`
        (sum), `model_low_money`, `model_high_money` (from the model alone),
        `low_money`, `high_money` (widened); currency.

    Raises
    ------
    ValueError
        If the groups are not those of the draws.
    """
    found = values.groupby(groups.rename(groups.name or "group")).agg(["size", "sum"])
    if found.index.tolist() != drawn.groups.columns.tolist():
        raise ValueError(
            f"groups are {found.index.tolist()}, those of the draws "
            f"{drawn.groups.columns.tolist()}. Give predict the same groups."
        )
    plain = [band(drawn.groups[name], level=level) for name in found.index]
    wide = [
        widened(one, forecast=float(total), misses=misses, level=level)
        for one, total in zip(plain, found["sum"], strict=True)
    ]
    columns = ["model_low_money", "model_high_money", "low_money", "high_money"]
    ends = pd.DataFrame(
        [(*one, *other) for one, other in zip(plain, wide, strict=True)],
        index=found.index,
        columns=columns,
    )
    return found.rename(columns={"size": "customers", "sum": "value"}).join(ends)


def miss(*, forecast: float, truth: float) -> float:
    """Measure a miss: the size of the log of truth over forecast; infinite where one is zero."""
    if forecast <= 0 or truth <= 0:
        return 0.0 if forecast == truth else math.inf
    return abs(math.log(truth / forecast))
