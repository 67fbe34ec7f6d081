"""How much more a known customer brings than a new one: one row per honest way to ask.

Who bought twice has had more time and was chosen by what is measured. Each way of asking takes away
a part of that; none is the whole truth, so they stand side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench.orders import Orders, check, query
from workbench.periods import Periods
from workbench.schema import DAYS_PER_WEEK, DAYS_PER_YEAR, TooFewData

# Fifty-two weeks after the landmark, if so many days lie before it.
AFTER_DAYS = 52 * DAYS_PER_WEEK
MIN_BEFORE_DAYS = 91
# Amounts beyond these quantiles of their own group are set to them.
WINSOR = 0.01
WAYS = (
    "naive",
    "landmark",
    "basket",
    "year",
    "year_buyers",
    "year_exposure",
    "within_stayed",
    "within_all",
)
COLUMNS = (
    *("existing_customers", "new_customers", "mean_existing", "mean_new", "ratio", "ratio_low"),
    *("ratio_high", "ratio_median", "ratio_winsorised", "share_reaching"),
)


class Design(NamedTuple):
    """The days that the ways of asking need.

    Attributes
    ----------
    as_of : Timestamp
        Last day.
    landmark : Timestamp
        Last day on which it is told who is a known customer.
    after_days : int
        So many days after the landmark count.
    year_start, year_end : Timestamp
        First and last day of the calendar year, or of the latest period where
        the data hold no whole calendar year with a past.
    own_days : int
        Length of a customer's own first and second stretch of time.
    """

    as_of: pd.Timestamp
    landmark: pd.Timestamp
    after_days: int
    year_start: pd.Timestamp
    year_end: pd.Timestamp
    own_days: int


def design(periods: Periods) -> Design:
    """Choose the days from what the data hold.

    Parameters
    ----------
    periods : Periods
        From `periods.choose`.

    Examples
    --------
    >>> found = design(Periods(273, pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30")))
    >>> found.landmark.date().isoformat(), found.after_days, found.own_days
    ('1997-07-01', 364, 182)
    """
    first_day, as_of = periods.first_day, periods.as_of
    span = (as_of - first_day).days + 1
    enough = span >= AFTER_DAYS + MIN_BEFORE_DAYS
    after = AFTER_DAYS if enough else span // (2 * DAYS_PER_WEEK) * DAYS_PER_WEEK
    last_year = as_of.year if (as_of + pd.Timedelta(days=1)).year > as_of.year else as_of.year - 1
    year = pd.Timestamp(last_year, 1, 1)
    whole = (year - first_day).days >= MIN_BEFORE_DAYS
    return Design(
        as_of=as_of,
        landmark=as_of - pd.Timedelta(days=after),
        after_days=after,
        year_start=year if whole else periods.start(0),
        year_end=pd.Timestamp(last_year, 12, 31) if whole else as_of,
        own_days=min(DAYS_PER_YEAR, span // (3 * DAYS_PER_WEEK) * DAYS_PER_WEEK),
    )


def compare(
    orders: pd.DataFrame | Orders, *, days: Design, claimed: float, seed: int
) -> pd.DataFrame:
    """Compare what known and new customers bring, in every way that the data bear.

    - ``naive``: revenue up to the last day, two purchases or more against one
    - ``landmark``: the same groups as of a day, revenue in the days after it,
      zeros included
    - ``basket``: amount of a later purchase against that of the first
    - ``year``: revenue in a year, first purchase before it (zeros included)
      against first purchase in it; ``year_buyers``: those alone of the former
      who bought in it; ``year_exposure``: per day as a customer in it
    - ``within_all``: each customer's own second stretch of time against the
      first; ``within_stayed``: those alone who bought in the second

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    days : Design
        From `design`.
    claimed : float
        A ratio; how many customers reach it is told.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        Indexed by `way`, those of `WAYS` with customers on both sides:
        `existing_customers`, `new_customers` (count), `mean_existing`, `mean_new`
        (currency), `ratio`, `ratio_low`, `ratio_high` (95 %, resampled
        customers), `ratio_median` (of both medians), `ratio_winsorised` (each
        side cut at its 1 % and 99 % quantile) and `share_reaching` (of the
        known customers, who bring `claimed` times `mean_new`).

    Raises
    ------
    TooFewData
        If no way has customers on both sides.
    """
    check(orders)
    table = _customers(orders, days)
    sides = {way: pair for way, pair in _sides(table, days).items() if _has_both(*pair)}
    if not sides:
        raise TooFewData(
            f"{len(table)} customers up to {days.as_of.date()} are either all new or all known. "
            "Take a longer history.",
            have=len(table),
            need=len(table) + 1,
        )
    sums = np.column_stack([part for pair in sides.values() for side in pair for part in side])

    def ratios(total: np.ndarray) -> np.ndarray:
        mean = total[:, 0::2] / total[:, 1::2]
        return mean[:, 0::2] / mean[:, 1::2]

    _, low, high = customer_bootstrap.bounded(sums, ratios, seed=seed)
    rows = [_row(known, new, claimed=claimed) for known, new in sides.values()]
    found = pd.DataFrame(rows, index=pd.Index(sides, name="way"))
    found = found.assign(ratio_low=low, ratio_high=high)
    if "basket" in sides:
        found.loc["basket", ["ratio_median", "ratio_winsorised"]] = _baskets(orders, days)
    return found[list(COLUMNS)]


def shown(found: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank the ways with a side of fewer than `k` customers, and shares of so few."""
    table = found.copy()
    table.loc[(found[["existing_customers", "new_customers"]] < k).any(axis=1)] = np.nan
    n = table["share_reaching"] * table["existing_customers"]
    rest = table["existing_customers"] - n
    few = ((n > 0) & (n.round() < k)) | ((rest > 0) & (rest.round() < k))
    table.loc[few, "share_reaching"] = np.nan
    return table


def _customers(orders: pd.DataFrame | Orders, days: Design) -> pd.DataFrame:
    return query(
        orders,
        """
        , firsts AS (
            SELECT customer_id, min(date) AS first FROM orders
            WHERE is_purchase AND date <= $as_of::DATE GROUP BY customer_id
        )
        SELECT customer_id, first, count(*) FILTER (is_purchase) AS n,
               sum(money)::DOUBLE AS revenue,
               count(*) FILTER (is_purchase AND date <= $landmark::DATE) AS n_before,
               coalesce(sum(money) FILTER (
                   date > $landmark::DATE AND date <= $landmark::DATE + $after::INT
               ), 0)::DOUBLE AS after,
               coalesce(sum(money) FILTER (is_purchase AND date = first), 0)::DOUBLE AS first_money,
               coalesce(sum(money) FILTER (is_purchase AND date > first), 0)::DOUBLE
               AS later_money,
               coalesce(sum(money) FILTER (date BETWEEN $year_start::DATE AND $year_end::DATE), 0)
               ::DOUBLE AS in_year,
               count(*) FILTER (
                   is_purchase AND date BETWEEN $year_start::DATE AND $year_end::DATE
               ) AS n_in_year,
               coalesce(sum(money) FILTER (date < first + $own::INT), 0)::DOUBLE AS own_first,
               coalesce(sum(money) FILTER (
                   date >= first + $own::INT AND date < first + 2 * $own::INT
               ), 0)::DOUBLE AS own_second,
               count(*) FILTER (
                   is_purchase AND date >= first + $own::INT AND date < first + 2 * $own::INT
               ) AS n_own_second
        FROM orders JOIN firsts USING (customer_id) WHERE date <= $as_of::DATE
        GROUP BY customer_id, first ORDER BY customer_id
        """,
        as_of=days.as_of.date(),
        landmark=days.landmark.date(),
        after=days.after_days,
        year_start=days.year_start.date(),
        year_end=days.year_end.date(),
        own=days.own_days,
    ).set_index("customer_id")


# What a customer counts for on one side of a ratio: the money, and what it is divided by.
Side = tuple[np.ndarray, np.ndarray]


def _sides(table: pd.DataFrame, days: Design) -> dict[str, tuple[Side, Side]]:
    """Return, way by way, the known and the new side."""
    first = table["first"]
    again, once = table["n"] >= 2, table["n"] == 1
    known_then, new_then = table["n_before"] >= 2, table["n_before"] == 1
    before, during = first < days.year_start, first.between(days.year_start, days.year_end)
    length = (days.year_end - first.clip(lower=days.year_start)).dt.days + 1
    whole = first + pd.Timedelta(days=2 * days.own_days - 1) <= days.as_of
    stayed = whole & (table["n_own_second"] > 0)
    revenue, in_year = table["revenue"], table["in_year"]
    return {
        "naive": (_side(revenue, again), _side(revenue, once)),
        "landmark": (_side(table["after"], known_then), _side(table["after"], new_then)),
        "basket": (
            _side(table["later_money"], again, table["n"] - 1),
            _side(table["first_money"], again | once),
        ),
        "year": (_side(in_year, before), _side(in_year, during)),
        "year_buyers": (
            _side(in_year, before & (table["n_in_year"] > 0)),
            _side(in_year, during),
        ),
        "year_exposure": (_side(in_year, before, length), _side(in_year, during, length)),
        "within_stayed": (_side(table["own_second"], stayed), _side(table["own_first"], stayed)),
        "within_all": (_side(table["own_second"], whole), _side(table["own_first"], whole)),
    }


def _side(money: pd.Series, inside: pd.Series, divisor: pd.Series | float = 1.0) -> Side:
    return (money * inside).to_numpy(float), (divisor * inside).to_numpy(float)


def _has_both(known: Side, new: Side) -> bool:
    return bool(known[1].any() and new[1].any())


def _row(known: Side, new: Side, *, claimed: float) -> dict[str, float]:
    """Describe one way for the customers as they are."""
    mean_existing, mean_new = (money.sum() / n.sum() for money, n in (known, new))
    each = known[0][known[1] > 0] / known[1][known[1] > 0]
    medians = [np.median(money[n > 0] / n[n > 0]) for money, n in (known, new)]
    cut = [_winsorised(money[n > 0]).sum() / n.sum() for money, n in (known, new)]
    return {
        "existing_customers": float((known[1] > 0).sum()),
        "new_customers": float((new[1] > 0).sum()),
        "mean_existing": mean_existing,
        "mean_new": mean_new,
        "ratio": _divided(mean_existing, mean_new),
        "ratio_median": _divided(*medians),
        "ratio_winsorised": _divided(*cut),
        "share_reaching": float(np.mean(each >= claimed * mean_new)) if mean_new > 0 else np.nan,
    }


def _winsorised(money: np.ndarray) -> np.ndarray:
    return np.clip(money, *np.quantile(money, [WINSOR, 1 - WINSOR]))


def _divided(above: float, below: float) -> float:
    return float(above / below) if below > 0 else np.nan


def _baskets(orders: pd.DataFrame | Orders, days: Design) -> list[float]:
    """Divide medians and winsorised means of later purchases by those of first ones."""
    found = query(
        orders,
        f"""
        , placed AS (
            SELECT amount, date > min(date) OVER (PARTITION BY customer_id) AS is_later
            FROM orders WHERE is_purchase AND date <= $as_of::DATE
        ), limits AS (
            SELECT is_later, median(amount) AS middle,
                   quantile_cont(amount, {WINSOR}) AS low,
                   quantile_cont(amount, {1 - WINSOR}) AS high
            FROM placed GROUP BY is_later
        )
        SELECT is_later, any_value(middle) AS middle,
               sum(greatest(least(amount, high), low)::DECIMAL(38, 16))::DOUBLE / count(*) AS cut
        FROM placed JOIN limits USING (is_later) GROUP BY is_later ORDER BY is_later
        """,
        as_of=days.as_of.date(),
    )
    first, later = (found[["middle", "cut"]].iloc[i] for i in (0, 1))
    return [_divided(later["middle"], first["middle"]), _divided(later["cut"], first["cut"])]
