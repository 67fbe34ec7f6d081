"""Groups of the customers on two days -> one row per way between two groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import privacy, summary
from workbench.discrimination import wilson
from workbench.orders import Orders, check, query
from workbench.schema import DAYS_PER_YEAR, DataError, TooFewData
from workbench.summary import Known, Split

# Where a customer of the later day was before his first purchase, and where one of the
# earlier day is of whom no purchase is left, because all was given back.
NEW, GONE = "noch nicht Kunde", "kein Kauf mehr"
# With fewer customers on the earlier day nothing is said about their ways.
MIN_CUSTOMERS = 30
KEYS = ["before", "after"]
ROUNDING = 1e-9


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


class _Cover(NamedTuple):
    """What is not shown: ways, and the groups whose size on each of the days is withheld."""

    blank: np.ndarray
    withheld: tuple[set[str], set[str]]


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
        raise too_few(0, as_of - pd.Timedelta(days=days)) from error
    if len(split.calibration) < MIN_CUSTOMERS:
        raise too_few(len(split.calibration), split.cutoff)
    return split


def too_few(have: int, day: pd.Timestamp) -> TooFewData:
    """Return the error that says how many customers had bought by a day, and how many it takes."""
    return TooFewData(
        f"{have} customers had bought by {day.date()}; a comparison needs {MIN_CUSTOMERS}. "
        "Take a later day, or more history.",
        have=have,
        need=MIN_CUSTOMERS,
    )


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
    blank way alone, or blank ways of fewer than `k` customers together. Where
    all these totals together still fix a small way, another of its group is
    blanked; where it has none, the size of the group is withheld in `balance`.
    What cannot be hidden: that all who gave everything back, where they are
    fewer than `k`, were in one group.

    Parameters
    ----------
    table : DataFrame
        From `flows`.
    k : int
        Smallest group shown.
    """
    blank = _cover(table, k=k).blank
    seen = table.astype({"customers": float})
    seen.loc[blank, seen.select_dtypes("number").columns] = np.nan
    return seen


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
    withheld = _cover(table, k=k).withheld
    for name, hidden in zip(result.columns, withheld, strict=True):
        result[name] = _shown_sizes(result[name], hidden, k=k)
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


def _cover(table: pd.DataFrame, *, k: int) -> _Cover:
    """Choose what to hide, so that no way of fewer than `k` customers can be computed."""
    seen = privacy.suppress(table[["customers"]], count="customers", k=k, within=KEYS)
    blank = seen["customers"].isna().to_numpy(copy=True)
    customers = table["customers"].to_numpy()
    names = [table.index.get_level_values(key) for key in KEYS]
    withheld: tuple[set[str], set[str]] = (set(), set())
    given_up = np.zeros(len(table), bool)
    while True:
        totals = _known_totals(table, withheld, k=k)
        holes = _computable(totals, blank, customers=customers, k=k) & ~given_up
        if not holes.any():
            return _Cover(blank, withheld)
        hole = int(holes.argmax())
        beside = [(group == group[hole]) & ~blank & (customers > 0) for group in names]
        ways = next((ways for ways in beside if ways.any()), None)
        sizes = [
            (side, group[hole])
            for side, group in enumerate(names)
            if group[hole] not in (NEW, GONE, *withheld[side])
        ]
        if ways is not None:
            blank[np.where(ways, customers, np.inf).argmin()] = True
        elif sizes:
            side, name = sizes[0]
            withheld[side].add(name)
        else:
            # What is left is a way elsewhere, from which a size withheld can be computed.
            for way in np.argsort(np.where(blank, np.inf, customers), kind="stable"):
                more = blank.copy()
                more[way] = True
                frees = not blank[way] and customers[way] > 0
                if frees and not _computable(totals, more, customers=customers, k=k)[hole]:
                    blank = more
                    break
            else:
                given_up[hole] = True


def _shown_sizes(sizes: pd.Series, withheld: set[str], *, k: int) -> pd.Series:
    """Suppress the customers of each group of a day, which are known as a whole."""
    # Who is withheld counts as too few, so that another group is hidden with him.
    counted = sizes.where(~sizes.index.isin(withheld), 1).rename("n").to_frame()
    return sizes.where(privacy.suppress(counted, count="n", k=k)["n"].notna())


def _known_totals(
    table: pd.DataFrame, withheld: tuple[set[str], set[str]], *, k: int
) -> np.ndarray:
    """Return which ways add up to a number that a reader knows: one row for each such number."""
    known = []
    for name, outside, hidden in zip(KEYS, (NEW, GONE), withheld, strict=True):
        place = table.index.get_level_values(name)
        sizes = table["customers"].groupby(place, sort=False).sum()
        listed = sizes.index != outside
        seen = _shown_sizes(sizes[listed], hidden, k=k).dropna().index
        known += [place == group for group in [*seen, *sizes.index[~listed]]]
        known.append(place != outside)
    return np.array(known, dtype=float)


def _computable(
    totals: np.ndarray, blank: np.ndarray, *, customers: np.ndarray, k: int
) -> np.ndarray:
    """Mark the blank ways of fewer than `k` customers that the totals fix."""
    found, holes = np.zeros(blank.size, bool), np.flatnonzero(blank)
    if holes.size:
        _, values, vectors = np.linalg.svd(totals[:, holes])
        free = vectors[(values > ROUNDING).sum() :]
        found[holes] = (np.abs(free) < ROUNDING).all(axis=0)
    return found & (customers > 0) & (customers < k)


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
