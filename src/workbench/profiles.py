"""Attributes and groups of customers to cross tables, and whether the two hang together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import random_table

from workbench import privacy
from workbench.discrimination import wilson
from workbench.schema import TooFewData

UNKNOWN = "ohne Angabe"
REST = "übrige"
# More groups of one attribute than these share one.
MAX_GROUPS = 10
# With fewer customers whose attribute is known there is nothing to compare.
MIN_CUSTOMERS = 30
N_DRAWS = 2000
CONFIDENCE = 0.95
SIGNIFICANT = 0.05


class Profile(NamedTuple):
    """Attributes of one kind across the segments.

    Attributes
    ----------
    cells : DataFrame
        Indexed by `attribute`, `group` and `segment`: the columns of `cross`.
    associations : DataFrame
        Indexed by `attribute`, the closest first: the fields of `Association`, and
        `is_sure` (bool): the test holds beside all others (Holm). V and the
        statistic are rounded: to the last digit they would tell of cells that
        are suppressed.
    """

    cells: pd.DataFrame
    associations: pd.DataFrame


class Association(NamedTuple):
    """How closely an attribute and the groups of customers hang together.

    Attributes
    ----------
    n_customers : int
        Whose attribute is known.
    cramers_v : float
        0 (independent) to 1 (the one tells the other), without the bias of
        small tables (Bergsma).
    v_low, v_high : float
        95 % interval.
    chi_square : float
    degrees : int
    p_value : float
        How often customers shuffled at random hang together as closely.
    """

    n_customers: int
    cramers_v: float
    v_low: float
    v_high: float
    chi_square: float
    degrees: int
    p_value: float


def grouped(values: pd.Series) -> pd.Series:
    """Put the values of an attribute into at most `MAX_GROUPS` groups, in their order.

    Values with a number in them are ordered by it, others by their name; of too
    many the rarest become one.

    Parameters
    ----------
    values : Series
        Text by customer; missing where unknown.

    Returns
    -------
    Series
        A categorical, missing where unknown.

    Examples
    --------
    >>> grouped(pd.Series(["50-74K", "Under 15K", "100K+", None])).cat.categories.tolist()
    ['Under 15K', '50-74K', '100K+']
    """
    counts = values.value_counts()
    kept = counts.sort_index().sort_values(ascending=False, kind="stable").index
    if len(kept) > MAX_GROUPS:
        kept = kept[: MAX_GROUPS - 1]
    order = sorted(kept, key=_place)
    groups = values.where(values.isin(kept) | values.isna(), REST)
    if len(counts) > MAX_GROUPS:
        order.append(REST)
    return groups.astype(pd.CategoricalDtype(order, ordered=True))


def profile(
    attributes: pd.DataFrame, segment: pd.Series, *, order: Sequence[str], seed: int
) -> Profile:
    """Cross every attribute that is known of enough customers with the segments.

    A profile describes who the customers of a segment are; it is no feature of
    a model and no cause.

    Parameters
    ----------
    attributes : DataFrame
        Text by `customer_id`, one column per attribute; missing where unknown.
    segment : Series
        By customer, all of them.
    order : sequence of str
        The segments in their order.
    seed : int
        Of all chance.

    Raises
    ------
    TooFewData
        If no attribute is known of enough customers, see `associate`.
    """
    cells, associations, shortage = {}, {}, None
    for name in attributes:
        groups = grouped(attributes[name].reindex(segment.index))
        try:
            associations[name] = associate(groups, segment, seed=seed)
        except TooFewData as error:
            shortage = error if shortage is None or error.have > shortage.have else shortage
            continue
        cells[name] = cross(groups, segment, order=order)
    if not cells:
        raise shortage or TooFewData("there is no attribute.", have=0, need=MIN_CUSTOMERS)
    table = pd.DataFrame.from_dict(associations, orient="index", columns=Association._fields)
    table = table.rename_axis("attribute").sort_values("cramers_v", ascending=False, kind="stable")
    table["is_sure"] = _holm(table["p_value"])
    table = table.round({"cramers_v": 2, "v_low": 2, "v_high": 2, "chi_square": 0})
    joined = pd.concat(cells, names=["attribute"])
    return Profile(joined.loc[list(table.index)], table)


def cross(attribute: pd.Series, segment: pd.Series, *, order: Sequence[str]) -> pd.DataFrame:
    """Count the customers of each group of an attribute in each segment.

    Parameters
    ----------
    attribute : Series
        From `grouped`.
    segment : Series
        By customer, all of them; who has no row in `attribute` is unknown.
    order : sequence of str
        The segments in their order; empty ones are left out.

    Returns
    -------
    DataFrame
        Indexed by `group` (text, last `UNKNOWN`) and `segment`, every
        combination: `customers` (count), `segment_share` (of the customers of the
        segment whose attribute is known), `mean_share` (the same of all
        customers) and `relative` (the one over the other); they are missing for
        `UNKNOWN` and where nobody's attribute is known.
    """
    names = [name for name in order if (segment == name).any()]
    groups = attribute.reindex(segment.index).astype("str").fillna(UNKNOWN)
    every = pd.MultiIndex.from_product(
        [[*attribute.cat.categories, UNKNOWN], names], names=["group", "segment"]
    )
    counts = groups.groupby([groups.to_numpy(), segment.to_numpy()]).size()
    table = counts.reindex(every, fill_value=0).rename("customers").to_frame()
    known = table["customers"].where(every.get_level_values("group") != UNKNOWN)
    sizes = known.groupby("segment").transform("sum")
    table["segment_share"] = known / sizes.where(sizes > 0)
    table["mean_share"] = known.groupby("group").transform("sum") / known.sum()
    table.loc[known.isna(), "mean_share"] = np.nan
    table["relative"] = table["segment_share"] / table["mean_share"].where(table["mean_share"] > 0)
    return table


def associate(attribute: pd.Series, segment: pd.Series, *, seed: int) -> Association:
    """Measure how closely an attribute and the segments hang together, by Cramér's V.

    The interval is from resampled customers; since a table drawn from a table
    hangs together more closely than that one, twice the bias is taken off
    each. The test shuffles customers with both margins fixed, so that it holds
    for small groups too.

    Parameters
    ----------
    attribute : Series
        From `grouped`.
    segment : Series
        By customer.
    seed : int
        Of all chance.

    Raises
    ------
    TooFewData
        If the attribute of fewer than `MIN_CUSTOMERS` is known, or all of them
        are alike in it, or in one segment.

    References
    ----------
    Cramér (1946), Mathematical Methods of Statistics, section 21.9; Bergsma (2013), A
    bias-correction for Cramér's V and Tschuprow's T, Journal of the Korean
    Statistical Society 42 (3), 323-328; Patefield (1981), Algorithm AS 159.
    """
    known = attribute.dropna().astype("str")
    table = pd.crosstab(known, segment.reindex(known.index)).to_numpy()
    have = int(table.sum()) if min(table.shape, default=0) > 1 else 0
    if have < MIN_CUSTOMERS:
        raise TooFewData(
            f"a profile needs {MIN_CUSTOMERS} customers of two segments with two values or more "
            f"of the attribute; there are {have}.",
            have=have,
            need=MIN_CUSTOMERS,
        )
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(have, table.ravel() / have, size=N_DRAWS)
    resampled = _corrected_v(draws.reshape(-1, *table.shape), times=2)
    lower, upper = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    shuffled = random_table(rows, columns).rvs(N_DRAWS, random_state=generator)
    chi_square = float(_chi_square(table[None])[0])
    # Equal up to rounding counts as equal.
    n_as_close = int((_chi_square(shuffled) >= chi_square * (1 - 1e-9)).sum())
    return Association(
        n_customers=have,
        cramers_v=float(_corrected_v(table[None], times=1)[0]),
        v_low=float(lower),
        v_high=float(upper),
        chi_square=chi_square,
        degrees=(len(rows) - 1) * (len(columns) - 1),
        p_value=(1 + n_as_close) / (1 + N_DRAWS),
    )


def hide_small(table: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank the cells of a cross table that tell of fewer than `k` customers.

    The totals of segments and of groups are taken to be known, so that no cell
    stands blank alone in its row or its column, nor follows from several of them.

    Parameters
    ----------
    table : DataFrame
        From `cross`.
    k : int
        Smallest group shown.
    """
    totals = table.groupby("group")["customers"].transform("sum")
    mean = table["mean_share"].mask((totals > 0) & (totals < k))
    shown = privacy.suppress(
        table, count="customers", k=k, keep=["mean_share"], within=["group", "segment"]
    )
    return shown.assign(mean_share=mean)


def hide_small_profile(found: Profile, *, k: int) -> pd.DataFrame:
    """Hide what each cross table of a profile tells of fewer than `k` customers."""
    names = found.cells.index.unique("attribute")
    shown = {name: hide_small(found.cells.loc[name], k=k) for name in names}
    return pd.concat(shown, names=["attribute"])


def areas(places: pd.DataFrame, people: pd.DataFrame, *, gone: pd.Series | None) -> pd.DataFrame:
    """Compare customers by where they live: how many, what they brought, who has gone.

    The smallest areas are taken in which most customers have at least
    `MIN_CUSTOMERS` neighbours; those of smaller ones share a row.

    Parameters
    ----------
    places : DataFrame
        By `customer_id`, text: columns from the largest to the smallest areas.
    people : DataFrame
        Indexed by `customer_id`: `revenue` (currency).
    gone : Series of bool or None
        By customer: no longer there; None where that is not known.

    Returns
    -------
    DataFrame
        Indexed by `group` (text; `REST` and `UNKNOWN` last): `customers` (count),
        `customer_share`, `revenue_each` (currency, mean of all past revenue),
        `revenue_low`, `revenue_high` (two standard errors; missing for one customer)
        and, with `gone`, `gone` and `there` (counts), `gone_share`, `low`, `high`
        (bounds of 95 %, Wilson).

    Raises
    ------
    TooFewData
        If no area has enough customers.
    """
    known = places.reindex(people.index)
    most = 0
    for name in reversed(known.columns):
        counts = known[name].value_counts()
        most = max(most, counts.max())
        large = counts.index[counts >= MIN_CUSTOMERS]
        if len(large) > 1 and 2 * counts[large].sum() >= counts.sum():
            break
    else:
        raise TooFewData(
            f"two areas with {MIN_CUSTOMERS} customers each are needed; the largest has {most}.",
            have=min(most, MIN_CUSTOMERS - 1),
            need=MIN_CUSTOMERS,
        )
    group = known[name].where(known[name].isin(large) | known[name].isna(), REST).fillna(UNKNOWN)
    order = [*sorted(large), *(last for last in (REST, UNKNOWN) if (group == last).any())]
    rows = people.groupby(group)["revenue"]
    table = pd.DataFrame({"customers": rows.size(), "revenue_each": rows.mean()})
    table["revenue_low"] = table["revenue_each"] - 2 * rows.sem()
    table["revenue_high"] = table["revenue_each"] + 2 * rows.sem()
    table.insert(1, "customer_share", table["customers"] / len(people))
    table = table.loc[order].rename_axis("group")
    if gone is None:
        return table
    table["gone"] = gone.reindex(people.index).groupby(group).sum()
    table["there"] = table["customers"] - table["gone"]
    table["gone_share"] = table["gone"] / table["customers"]
    bounds = wilson(table["gone"].to_numpy(), table["customers"].to_numpy())
    return table.assign(low=bounds.low, high=bounds.high)


def _holm(p_values: pd.Series) -> pd.Series:
    """Say which of several tests hold together, from the smallest p-value on."""
    ordered = p_values.sort_values(kind="stable")
    limits = SIGNIFICANT / np.arange(len(ordered), 0, -1)
    holds = (ordered.to_numpy() <= limits).cumprod().astype(bool)
    return pd.Series(holds, index=ordered.index).reindex(p_values.index)


def _place(value: str) -> tuple[float, int, str]:
    """Sort by the first number, what lies below it first; then by name."""
    number = re.search(r"\d+", value)
    if number is None:
        return (float("inf"), 0, value)
    is_below = bool(re.match(r"\s*(?:under|below|unter|bis|<)", value, re.IGNORECASE))
    return (float(number.group()), 0 if is_below else 1, value)


def _chi_square(tables: np.ndarray) -> np.ndarray:
    """Return Pearson's statistic of each table; rows and columns without anybody count nothing."""
    n = tables.sum(axis=(1, 2), keepdims=True)
    expected = tables.sum(axis=2, keepdims=True) * tables.sum(axis=1, keepdims=True) / n
    gap = (tables - expected) ** 2
    return np.divide(gap, expected, out=np.zeros_like(gap), where=expected > 0).sum(axis=(1, 2))


def _corrected_v(tables: np.ndarray, *, times: int) -> np.ndarray:
    """Return Cramér's V of each table, less so many times its bias under independence."""
    n = tables.sum(axis=(1, 2))
    rows, columns = tables.shape[1:]
    bias = (rows - 1) * (columns - 1) / (n - 1)
    phi_square = np.clip(_chi_square(tables) / n - times * bias, 0, None)
    ends = [size - (size - 1) ** 2 / (n - 1) for size in (rows, columns)]
    return np.sqrt(phi_square / (np.minimum(*ends) - 1)).clip(max=1.0)
