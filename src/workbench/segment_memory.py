"""Segments on three days -> whether the way of customers has a memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import random_table

from workbench import segments, summary
from workbench.migration import GONE, MIN_CUSTOMERS, NEW, too_few
from workbench.schema import DAYS_PER_WEEK, purchase_days
from workbench.segments import CutOffs
from workbench.summary import Known

N_TABLES = 999
ROUNDING = 1e-9


class Memory(NamedTuple):
    """Whether where customers go depends on where they came from, given where they are.

    Attributes
    ----------
    chi_square : float
        Sum over the groups of the second day.
    degrees : int
        Its degrees of freedom.
    p_value : float
        Share of tables without memory that are at least as far from it.
    association : float
        Cramér's V: 0 without memory, at most 1.
    customers : int
        Customers on the second day.
    group : str or None
        The group of the second day with the most memory of which two parts
        large enough can be shown; None where there is none.
    from_low, from_high : str or None
        Where those of it came from who stayed least and most.
    stayed_low, stayed_high : float
        Which part of them was in it on the third day too.
    """

    chi_square: float
    degrees: int
    p_value: float
    association: float
    customers: int
    group: str | None
    from_low: str | None
    from_high: str | None
    stayed_low: float
    stayed_high: float


def three_days(
    first_day: pd.Timestamp, *, as_of: pd.Timestamp, days: int
) -> tuple[pd.Timestamp, ...]:
    """Return three days in equal distance, the last one `as_of`.

    They are `days` apart where the data reach that far back, else a third of
    the span in whole weeks, at least one.

    Examples
    --------
    >>> found = three_days(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"), days=273)
    >>> [str(day.date()) for day in found]
    ['1997-07-15', '1998-01-06', '1998-06-30']
    """
    third = (as_of - first_day).days // 3
    step = days if days <= third else max(1, third // DAYS_PER_WEEK) * DAYS_PER_WEEK
    return tuple(as_of - n * pd.Timedelta(days=step) for n in (2, 1, 0))


def measure(
    known: Known,
    *,
    days: Sequence[pd.Timestamp],
    k: int,
    seed: int,
    cutoffs: CutOffs | None = None,
) -> Memory:
    """Test whether the way of customers depends on more than on where they are.

    Their segments on three days are those of fixed limits, or of the limits of the
    first day. See `measure_groups`.

    Parameters
    ----------
    known : callable
        Gives the orders as they were known on a day.
    days : sequence of Timestamp
        From `three_days`.
    k, seed
        As in `measure_groups`.
    cutoffs : CutOffs, optional
        Limits of the scores on every day; by default those of the first day.

    Raises
    ------
    TooFewData
        If fewer than `MIN_CUSTOMERS` customers had bought by the first day.
    """
    orders = [known(day) for day in days]
    bought = purchase_days(orders[0])
    n_first = bought.loc[bought["date"] <= days[0], "customer_id"].nunique()
    if n_first < MIN_CUSTOMERS:
        raise too_few(n_first, days[0])
    tables = [summary.summarise(table, as_of=day) for table, day in zip(orders, days, strict=True)]
    cutoffs = cutoffs or segments.cutoffs_of(tables[0])
    placed = [segments.score(table, cutoffs=cutoffs)["segment"] for table in tables]
    return measure_groups(*placed, k=k, seed=seed)


def measure_groups(
    first: pd.Series, second: pd.Series, third: pd.Series, *, k: int, seed: int
) -> Memory:
    """Test whether groups on three days form a chain without memory.

    That is Markov's assumption, and what one needs to carry a matrix of ways
    forward by multiplying it with itself. In each group of the second day, the
    group of the first day (or `NEW`) and that of the third are then
    independent; their chi-squares are added up. Cells are often sparse, so the
    sum is compared with tables drawn with the same margins.

    Parameters
    ----------
    first, second, third : Series of str
        Group of each customer on three days in equal distance, indexed by
        `customer_id`.
    k : int
        Smallest group shown.
    seed : int
        Of the tables drawn.

    References
    ----------
    Anderson and Goodman (1957), Statistical Inference about Markov Chains, The
    Annals of Mathematical Statistics 28 (1), 89-110; Patefield (1981), Applied
    Statistics 30 (1), 91-97, for the tables; Pfeifer and Carraway (2000),
    Journal of Interactive Marketing 14 (2), 43-55, for what rests on it.
    """
    known = pd.DataFrame(
        {
            "first": first.reindex(second.index).fillna(NEW),
            "second": second,
            "third": third.reindex(second.index).fillna(GONE),
        }
    ).sort_index()
    generator = np.random.default_rng(seed)
    total, drawn, degrees, most = 0.0, np.zeros(N_TABLES), 0, 0.0
    parts = {}
    for name, part in known.groupby("second"):
        counts = pd.crosstab(part["first"], part["third"])
        smaller = min(counts.shape) - 1
        if not smaller:
            continue
        margins = counts.sum(axis=1).to_numpy(), counts.sum(axis=0).to_numpy()
        alike = np.outer(*margins) / len(part)
        own = _chi_square(counts.to_numpy(), alike)
        tables = random_table(*margins, seed=generator).rvs(N_TABLES, method="patefield")
        total, drawn = total + own, drawn + _chi_square(tables, alike)
        degrees += (counts.shape[0] - 1) * (counts.shape[1] - 1)
        most += len(part) * smaller
        parts[name] = own, counts
    return Memory(
        chi_square=total,
        degrees=degrees,
        p_value=float((1 + (drawn >= total - ROUNDING).sum()) / (1 + N_TABLES)),
        association=float(np.sqrt(total / most)) if most else 0.0,
        customers=len(known),
        **_example(parts, k=k),
    )


def _chi_square(tables: np.ndarray, alike: np.ndarray) -> np.ndarray | float:
    return ((tables - alike) ** 2 / alike).sum(axis=(-2, -1))


def _example(parts: dict[str, tuple[float, pd.DataFrame]], *, k: int) -> dict[str, object]:
    """Find the group with the most memory in which two large parts stayed unequally often."""
    least = max(k, MIN_CUSTOMERS)
    for name, (_, counts) in sorted(parts.items(), key=lambda item: (-item[1][0], item[0])):
        if name not in counts.columns:
            continue
        size, stayed = counts.sum(axis=1), counts[name]
        safe = (size >= least) & (stayed >= k) & (size - stayed >= k)
        if safe.sum() > 1:
            share = (stayed / size)[safe]
            return {
                "group": name,
                "from_low": share.idxmin(),
                "from_high": share.idxmax(),
                "stayed_low": float(share.min()),
                "stayed_high": float(share.max()),
            }
    return {
        **dict.fromkeys(("group", "from_low", "from_high")),
        **dict.fromkeys(("stayed_low", "stayed_high"), float("nan")),
    }
