"""Groups of the customers on two days -> one row per way between two groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import random_table

from workbench import privacy, segments, summary
from workbench.discrimination import wilson
from workbench.orders import Orders, check, query
from workbench.schema import DAYS_PER_WEEK, DAYS_PER_YEAR, DataError, TooFewData, purchase_days
from workbench.segments import CutOffs
from workbench.summary import Known, Split

# Where a customer of the later day was before his first purchase, and where one of the
# earlier day is of whom no purchase is left, because all was given back.
NEW, GONE = "noch nicht Kunde", "kein Kauf mehr"
# With fewer customers on the first day nothing is said about their ways.
MIN_CUSTOMERS = 30
KEYS = ["before", "after"]
N_TABLES = 999


class Spending(NamedTuple):
    """Money of each customer in two times of equal length.

    Attributes
    ----------
    money : DataFrame
        Indexed and sorted by `customer_id`: `revenue_before` and `revenue_after`
        (currency) of the times that end on the earlier and on the later day.
    days : int
        Length of each time.
    """

    money: pd.DataFrame
    days: int


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


def days_apart(first_day: pd.Timestamp, *, as_of: pd.Timestamp, compare_days: int) -> int:
    """Return how many days before `as_of` the customers are compared with.

    Parameters
    ----------
    first_day, as_of : Timestamp
        First and last day of the data.
    compare_days : int
        As asked for; 0 takes a year where the data hold two, else half the span
        in whole weeks.

    Examples
    --------
    >>> days_apart(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"), compare_days=0)
    273
    >>> days_apart(pd.Timestamp("2023-01-01"), as_of=pd.Timestamp("2025-06-30"), compare_days=0)
    365
    """
    if compare_days:
        return compare_days
    if (as_of - first_day).days >= 2 * DAYS_PER_YEAR:
        return DAYS_PER_YEAR
    return summary.default_holdout_days(first_day, as_of=as_of)


def earlier_day(
    orders: pd.DataFrame | Orders, *, as_of: pd.Timestamp, days: int, known: Known
) -> Split:
    """Cut the orders at an earlier day and return what was known on it.

    Parameters
    ----------
    orders, as_of, known
        As in `summary.split`.
    days : int
        From the earlier day to `as_of`.

    Raises
    ------
    TooFewData
        If fewer than `MIN_CUSTOMERS` customers had bought by then.
    """
    try:
        split = summary.split(orders, as_of=as_of, holdout_days=days, known=known)
    except TooFewData as error:
        raise _too_few(0, as_of - pd.Timedelta(days=days)) from error
    if len(split.calibration) < MIN_CUSTOMERS:
        raise _too_few(len(split.calibration), split.cutoff)
    return split


def spending(
    known: pd.DataFrame | Orders,
    orders: pd.DataFrame | Orders,
    *,
    start: pd.Timestamp,
    cutoff: pd.Timestamp,
    as_of: pd.Timestamp,
) -> Spending:
    """Sum each customer's money in two times of equal length, less what came back.

    One ends on the earlier day, the other on the later. They are as long as the
    days between them, or as the data before the earlier day.

    Parameters
    ----------
    known, orders : DataFrame or Orders
        One row per customer and day, in any order, as known on `cutoff` and on
        `as_of`.
    start, cutoff, as_of : Timestamp
        First day of `known`, the earlier and the later day.
    """
    days = min((as_of - cutoff).days, (cutoff - start).days + 1)
    before = _revenue(known, until=cutoff, days=days)
    after = _revenue(orders, until=as_of, days=days)
    money = pd.DataFrame({"revenue_before": before, "revenue_after": after}).fillna(0.0)
    return Spending(money.sort_index(), days)


def flows(
    before: pd.Series,
    after: pd.Series,
    *,
    order: Sequence[str],
    money: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Count the customers on each way from a group of one day to a group of a later one.

    A customer of the later day alone comes from `NEW`; one of the earlier day
    of whom no purchase is left goes to `GONE`. So the rows of a group of the
    earlier day add up to its customers, and those that lead to a group of the
    later day to its own.

    Parameters
    ----------
    before, after : Series of str
        Group of each customer, indexed by `customer_id`, in any order.
    order : sequence of str
        All groups, in the order shown.
    money : DataFrame, optional
        `revenue_before` and `revenue_after` of each customer, as in `Spending`;
        who is absent has none.

    Returns
    -------
    DataFrame
        Indexed by `before` and `after`: every pair of groups; `NEW` and `GONE`
        where there are such customers.

        - `customers` (count)
        - `share` (0 to 1): of the customers who start at `before`; missing
          where nobody does
        - `low`, `high`: its 95 % interval after Wilson
        - `revenue_before`, `revenue_after` (currency), where given

    Raises
    ------
    DataError
        If a group has a name that `order` lacks.

    Examples
    --------
    >>> before = pd.Series({"anna": "oft", "ben": "oft"})
    >>> after = pd.Series({"anna": "oft", "ben": "selten", "cleo": "oft"})
    >>> flows(before, after, order=["oft", "selten"])["customers"]
    before            after
    oft               oft       1
                      selten    1
    selten            oft       0
                      selten    0
    noch nicht Kunde  oft       1
                      selten    0
    Name: customers, dtype: int64
    """
    unknown = sorted({*before, *after} - set(order))
    if unknown:
        raise DataError(f"groups {unknown} have no place in the order {list(order)}. Add them.")
    ways = _ways(before, after)
    starts = [*order, *([NEW] if (ways["before"] == NEW).any() else [])]
    ends = [*order, *([GONE] if (ways["after"] == GONE).any() else [])]
    every = pd.MultiIndex.from_product([starts, ends], names=KEYS)
    table = ways.groupby(KEYS).size().reindex(every, fill_value=0).to_frame("customers")
    total = table["customers"].groupby(level="before", sort=False).transform("sum")
    table["share"] = table["customers"] / total
    bounds = wilson(table["customers"].to_numpy(), total.clip(lower=1).to_numpy())
    for name, bound in zip(("low", "high"), bounds, strict=True):
        table[name] = np.where(total > 0, bound, np.nan)
    if money is not None:
        own = money.reindex(ways.index).fillna(0.0)
        sums = own.groupby([ways["before"], ways["after"]]).sum()
        table = table.join(sums.reindex(every, fill_value=0.0))
    return table


def shown(table: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank the ways of fewer than `k` customers, and what would give them away.

    The customers of each group are known on both days; so no group has one
    blank way alone, or blank ways of fewer than `k` customers together.

    Parameters
    ----------
    table : DataFrame
        From `flows`.
    k : int
        Smallest group shown.
    """
    return privacy.suppress(table, count="customers", k=k, within=["before", "after"])


def travelled(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the ways that nobody took and hardly anybody was expected to take.

    Parameters
    ----------
    table : DataFrame
        From `shown`; `expected_customers` may be beside it.
    """
    taken = table["customers"] != 0
    if "expected_customers" in table:
        taken |= table["expected_customers"] >= 1
    return table[taken]


def balance(table: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Balance each group: who was in it, who left, who came, who is in it.

    Parameters
    ----------
    table : DataFrame
        From `flows`, not suppressed.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        Indexed by `group`, where it had a customer: `customers` (on the earlier
        day), `left_group` and
        `came` (for and from other groups), `new_customers` (first purchase in
        between), `customers_after`, and `net_change`, which is `came` less
        `left_group`. A number from which a blank way could be computed is missing.
    """
    counts = table["customers"].unstack("after", sort=False)
    seen = shown(table, k=k)["customers"].unstack("after", sort=False)
    groups = pd.Index([name for name in counts.index if name != NEW], name="group")
    result = pd.DataFrame(
        {
            "customers": counts.sum(axis=1).reindex(groups),
            "customers_after": counts.sum(axis=0).reindex(groups),
        }
    )
    result = result[result.any(axis=1)]
    groups = result.index
    # The customers of each day are known as a whole.
    for column in result.columns:
        result[column] = privacy.suppress(result[[column]], count=column, k=k)[column]
    stayed = pd.Series([seen.loc[name, name] for name in groups], groups, dtype=float)
    new = seen.loc[NEW, groups] if NEW in seen.index else 0 * stayed.fillna(0)
    result["left_group"] = result["customers"] - stayed
    result["new_customers"] = new
    result["came"] = result["customers_after"] - stayed - new
    result["net_change"] = result["came"] - result["left_group"]
    order = ["customers", "left_group", "came", "new_customers", "customers_after", "net_change"]
    return result[order]


def moved_share(table: pd.DataFrame, *, k: int) -> float:
    """Return which part of the customers of the earlier day is in another group later.

    Parameters
    ----------
    table : DataFrame
        From `flows`, not suppressed.
    k : int
        Smallest group shown: missing where so few moved, or stayed.
    """
    here = table.drop(NEW, level="before", errors="ignore")["customers"]
    stays = here.index.get_level_values("before") == here.index.get_level_values("after")
    total = int(here.sum())
    return privacy.shown_share(int(here[~stays].sum()), customers=total, k=k)


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


def memory(
    known: Known,
    *,
    days: Sequence[pd.Timestamp],
    k: int,
    seed: int,
    cutoffs: CutOffs | None = None,
) -> Memory:
    """Test whether the way of customers depends on more than on where they are.

    Their segments on three days are those of fixed limits, or of the limits of the
    first day. See `memory_of`.

    Parameters
    ----------
    known : callable
        Gives the orders as they were known on a day.
    days : sequence of Timestamp
        From `three_days`.
    k, seed
        As in `memory_of`.
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
        raise _too_few(n_first, days[0])
    tables = [summary.summarise(table, as_of=day) for table, day in zip(orders, days, strict=True)]
    cutoffs = cutoffs or segments.cutoffs_of(tables[0])
    placed = [segments.score(table, cutoffs=cutoffs)["segment"] for table in tables]
    return memory_of(*placed, k=k, seed=seed)


def memory_of(
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
        p_value=float((1 + (drawn >= total - 1e-9).sum()) / (1 + N_TABLES)),
        association=float(np.sqrt(total / most)) if most else 0.0,
        customers=len(known),
        **_example(parts, k=k),
    )


def _too_few(have: int, day: pd.Timestamp) -> TooFewData:
    return TooFewData(
        f"{have} customers had bought by {day.date()}; a comparison needs {MIN_CUSTOMERS}. "
        "Take a later day, or more history.",
        have=have,
        need=MIN_CUSTOMERS,
    )


def _revenue(orders: pd.DataFrame | Orders, *, until: pd.Timestamp, days: int) -> pd.Series:
    check(orders)
    found = query(
        orders,
        """
        SELECT customer_id, sum(money)::DOUBLE AS revenue FROM orders
        WHERE date > $after::DATE AND date <= $until::DATE
        GROUP BY customer_id ORDER BY customer_id
        """,
        after=(until - pd.Timedelta(days=days)).date(),
        until=until.date(),
    )
    return found.set_index("customer_id")["revenue"]


def _ways(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """One row per customer of either day: `before`, `after`."""
    everybody = before.index.union(after.index)
    return pd.DataFrame(
        {
            "before": before.reindex(everybody).fillna(NEW),
            "after": after.reindex(everybody).fillna(GONE),
        }
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
