"""The claims without a number, and what answers say: one row per reading of each.

Every reading is a ratio, 1 being no difference, as in `claim_events.ratio`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import claim_events, customer_bootstrap
from workbench import lines as line_items
from workbench import periods as spans
from workbench.kpi_book import PROMOTER
from workbench.lines import Lines
from workbench.orders import Orders, query
from workbench.periods import Periods
from workbench.schema import DAYS_PER_WEEK, TooFewData

# What happens in so many days after an event is its outcome, in long data.
AFTER_DAYS = 26 * DAYS_PER_WEEK
# Marks from here up are those of satisfied customers, on a scale up to 5 or to 10.
SATISFIED = {5: 4, 10: 8}
FRIENDS = ("friends", "barnacles", "butterflies", "strangers")


def after_days(periods: Periods) -> int:
    """Choose how long the time after an event is: half a year, a quarter of shorter data.

    Examples
    --------
    >>> after_days(Periods(365, pd.Timestamp("2023-07-02"), pd.Timestamp("2025-12-31")))
    182
    """
    span = (periods.as_of - periods.first_day).days + 1
    return min(AFTER_DAYS, span // (4 * DAYS_PER_WEEK) * DAYS_PER_WEEK)


def satisfied_buy(
    orders: pd.DataFrame | Orders,
    *,
    survey: pd.DataFrame,
    periods: Periods,
    fewest: int,
    seed: int,
) -> pd.DataFrame:
    """Compare who buys in the time after an answer: satisfied customers and the others.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    survey : DataFrame
        `customer_id`, `date`, `satisfaction`, as `companions` reads it.
    periods : Periods
        From `periods.choose`.
    fewest : int
        Customers that each side needs.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        As `claim_events.ratio`.

    Raises
    ------
    TooFewData
        If a side has fewer customers.
    """
    days = after_days(periods)
    answers = survey[survey["satisfaction"].notna()]
    answers = answers[answers["date"] <= periods.as_of - pd.Timedelta(days=days)]
    history = claim_events.look(orders, answers, days=days)
    return _compared(
        history,
        history["bought"],
        exposed=_is_satisfied(survey).loc[history.index],
        fewest=fewest,
        seed=seed,
    )


def satisfied_recommend(
    orders: pd.DataFrame | Orders, *, survey: pd.DataFrame, fewest: int, seed: int
) -> pd.DataFrame:
    """Compare how many say they would recommend: satisfied customers and the others.

    Parameters
    ----------
    orders, survey, fewest, seed
        As in `satisfied_buy`; the table needs `nps` too.

    Raises
    ------
    TooFewData
        As in `satisfied_buy`.
    """
    both = survey[survey["satisfaction"].notna() & survey["nps"].notna()]
    history = claim_events.look(orders, both)
    return _compared(
        history,
        both.loc[history.index, "nps"].astype(float) >= PROMOTER,
        exposed=_is_satisfied(survey).loc[history.index],
        fewest=fewest,
        seed=seed,
    )


def referral_index(
    orders: pd.DataFrame | Orders, *, survey: pd.DataFrame, fewest: int, seed: int
) -> pd.DataFrame:
    """Divide the mean mark for recommending of known customers by that of new ones, times 100.

    Who had bought once by the day of the answer is new, who had bought more
    often is known.

    Parameters
    ----------
    orders, survey, fewest, seed
        As in `satisfied_recommend`.

    Returns
    -------
    DataFrame
        One row, `reading` ``stated``: as `claim_events.ratio`.

    Raises
    ------
    TooFewData
        As in `satisfied_buy`.
    """
    answers = survey[survey["nps"].notna()]
    history = claim_events.look(orders, answers)
    found = claim_events.ratio(
        answers.loc[history.index, "nps"].to_numpy(float),
        exposed=(history["n_before"] >= 2).to_numpy(),
        stratum=np.zeros(len(history), dtype=int),
        customer=history["customer"].to_numpy(),
        fewest=fewest,
        seed=seed,
    )
    found[["value", "low", "high"]] *= 100
    return found.loc[["raw"]].rename(index={"raw": "stated"})


def complaints(
    orders: pd.DataFrame | Orders,
    *,
    cases: pd.DataFrame,
    periods: Periods,
    fewest: int,
    k: int,
    seed: int,
) -> pd.DataFrame:
    """Compare who buys in the time after a complaint with who does on ordinary days.

    Ordinary are days of customers who had not complained by then.

    Parameters
    ----------
    orders, periods, fewest, seed
        As in `satisfied_buy`.
    cases : DataFrame
        `customer_id`, `received` and `resolved`, as `companions` reads it.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        As `claim_events.ratio`, for all complaints, and where both have `k`
        customers ``resolved`` and ``unresolved`` ones, by what had become of
        them at the end of that time, adjusted.

    Raises
    ------
    TooFewData
        As in `satisfied_buy`.
    """
    days = after_days(periods)
    length = pd.Timedelta(days=days)
    events = cases.assign(date=cases["received"].dt.normalize())
    events = events[events["date"] <= periods.as_of - length]
    ordinary = claim_events.ordinary_days(orders, as_of=periods.as_of, days=days)
    first = cases.groupby("customer_id")["received"].min().dt.normalize()
    since = first.reindex(ordinary["customer_id"]).to_numpy()
    ordinary = ordinary[~(ordinary["date"] >= since)]
    resolved = events["resolved"].dt.normalize() <= events["date"] + length
    tables = [_beside(orders, events, ordinary, days=days, fewest=fewest, seed=seed)]
    parts = {"resolved": events[resolved], "unresolved": events[~resolved]}
    if min(part["customer_id"].nunique() for part in parts.values()) >= max(k, 1):
        for name, part in parts.items():
            found = _beside(orders, part, ordinary, days=days, fewest=k, seed=seed)
            tables.append(found.loc[["adjusted"]].rename(index={"adjusted": name}))
    return pd.concat(tables)


def programme(
    orders: pd.DataFrame | Orders,
    *,
    customers: pd.DataFrame,
    periods: Periods,
    fewest: int,
    seed: int,
) -> pd.DataFrame:
    """Compare who buys in the time after joining a programme with who does on ordinary days.

    Ordinary are days of customers who had not joined by then.

    Parameters
    ----------
    orders, periods, fewest, seed
        As in `satisfied_buy`.
    customers : DataFrame
        Indexed by `customer_id`: `programme_since`, as `companions` reads it.

    Returns
    -------
    DataFrame
        As `claim_events.ratio`.

    Raises
    ------
    TooFewData
        As in `satisfied_buy`.
    """
    days = after_days(periods)
    joined = customers["programme_since"].dropna()
    events = joined.rename("date").rename_axis("customer_id").reset_index()
    events = events[events["date"] <= periods.as_of - pd.Timedelta(days=days)]
    ordinary = claim_events.ordinary_days(orders, as_of=periods.as_of, days=days)
    since = joined.reindex(ordinary["customer_id"]).to_numpy()
    ordinary = ordinary[~(ordinary["date"] >= since)]
    return _beside(orders, events, ordinary, days=days, fewest=fewest, seed=seed)


def referred_value(
    orders: pd.DataFrame | Orders,
    *,
    customers: pd.DataFrame,
    periods: Periods,
    fewest: int,
    seed: int,
) -> pd.DataFrame:
    """Compare what referred and other customers bring in the time after their first purchase.

    In the adjusted reading only customers who came in the same quarter are
    compared.

    Parameters
    ----------
    orders, periods, fewest, seed
        As in `satisfied_buy`.
    customers : DataFrame
        Indexed by `customer_id`: `referred_by`.

    Returns
    -------
    DataFrame
        As `claim_events.ratio`; the outcome is revenue (currency).

    Raises
    ------
    TooFewData
        As in `satisfied_buy`.
    """
    days = after_days(periods)
    found = query(
        orders,
        """
        , firsts AS (
            SELECT customer_id, min(date) AS first FROM orders WHERE is_purchase
            GROUP BY customer_id
        )
        SELECT customer_id, first,
               coalesce(sum(money) FILTER (date <= first + $days::INT), 0)::DOUBLE AS revenue
        FROM orders JOIN firsts USING (customer_id)
        WHERE first + $days::INT <= $as_of::DATE GROUP BY customer_id, first ORDER BY customer_id
        """,
        days=days,
        as_of=periods.as_of.date(),
    ).set_index("customer_id")
    return claim_events.ratio(
        found["revenue"].clip(lower=0).to_numpy(),
        exposed=customers["referred_by"].reindex(found.index).notna().to_numpy(),
        stratum=(found["first"].dt.year * 4 + found["first"].dt.quarter).to_numpy(),
        customer=np.arange(len(found)),
        fewest=fewest,
        seed=seed,
    )


def tenure(
    orders: pd.DataFrame | Orders, *, periods: Periods, fewest: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare what longer and shorter known customers bring in the latest period.

    Customers are those who bought in the period before; long is who has been a
    customer for at least the median time at its end.

    Parameters
    ----------
    orders, periods, fewest, seed
        As in `satisfied_buy`.

    Returns
    -------
    tuple of DataFrame
        As `claim_events.ratio`, the outcome being revenue, one row ``raw``;
        and the four groups of `FRIENDS` by tenure and by revenue of at least
        the mean: `customers`, `customer_share`, `revenue`, `revenue_share` and
        `is_long`.

    Raises
    ------
    TooFewData
        As in `satisfied_buy`.
    """
    bought = spans.by_customer(orders, periods=periods)
    bought = bought[bought["purchases_1"] > 0]
    age = (periods.start(0) - bought["first"]).dt.days
    revenue = bought["revenue_0"].clip(lower=0)
    is_long = (age >= age.median()).to_numpy()
    found = claim_events.ratio(
        revenue.to_numpy(),
        exposed=is_long,
        stratum=np.zeros(len(bought), dtype=int),
        customer=np.arange(len(bought)),
        fewest=fewest,
        seed=seed,
    )
    is_rich = (revenue >= revenue.mean()).to_numpy()
    names = np.select([is_long & is_rich, is_long, is_rich], FRIENDS[:3], default=FRIENDS[3])
    groups = revenue.groupby(names)
    table = pd.DataFrame({"customers": groups.size(), "revenue": groups.sum()})
    table = table.reindex(FRIENDS, fill_value=0).rename_axis("friends")
    table.insert(1, "customer_share", table["customers"] / len(bought))
    whole = table["revenue"].sum()
    table["revenue_share"] = table["revenue"] / whole if whole > 0 else np.nan
    return found.loc[["raw"]], table.assign(is_long=table.index.isin(FRIENDS[:2]))


def cost_to_serve(lines: Lines, *, as_of: pd.Timestamp, fewest: int, seed: int) -> pd.DataFrame:
    """Divide the margin rate of later purchases by that of first ones.

    What is left of a unit of revenue is the nearest that a receipt says about
    cost: above 1 means that later purchases leave more.

    Parameters
    ----------
    lines : Lines
        With the column `margin`.
    as_of : Timestamp
        Last day that counts.
    fewest, seed
        As in `satisfied_buy`.

    Returns
    -------
    DataFrame
        One row, `reading` ``margin_rate``: as `claim_events.ratio`, the
        customers being those with a later purchase and all; `mean` and
        `mean_other` are the rates.

    Raises
    ------
    TooFewData
        If fewer customers have a later purchase, or the first ones left no
        margin.
    """
    found = line_items.query(
        lines,
        """
        , placed AS (
            SELECT customer_id, amount, margin,
                   date > min(date) OVER (PARTITION BY customer_id) AS is_later
            FROM lines WHERE customer_id IS NOT NULL AND date <= $as_of::DATE
        )
        SELECT customer_id, coalesce(sum(margin) FILTER (is_later), 0)::DOUBLE AS later_margin,
               coalesce(sum(amount) FILTER (is_later AND margin IS NOT NULL), 0)::DOUBLE AS later,
               coalesce(sum(margin) FILTER (NOT is_later), 0)::DOUBLE AS first_margin,
               coalesce(sum(amount) FILTER (NOT is_later AND margin IS NOT NULL), 0)::DOUBLE
               AS first
        FROM placed GROUP BY customer_id ORDER BY customer_id
        """,
        as_of=as_of.date(),
    ).set_index("customer_id")
    n_later = int((found["later"] != 0).sum())
    total = found.sum()
    if n_later < max(fewest, 1) or not (total["first_margin"] > 0 and total["later"] > 0):
        raise TooFewData(
            f"{n_later} customers have a later purchase with a margin.",
            have=n_later,
            need=max(fewest, 1),
        )
    value, low, high = customer_bootstrap.bounded(
        found.to_numpy(float),
        lambda sums: (sums[:, :1] / sums[:, 1:2]) / (sums[:, 2:3] / sums[:, 3:]),
        seed=seed,
    )
    return pd.DataFrame(
        {
            "value": value,
            "low": low,
            "high": high,
            "customers": float(n_later),
            "customers_other": float(len(found)),
            "mean": total["later_margin"] / total["later"],
            "mean_other": total["first_margin"] / total["first"],
        },
        index=pd.Index(["margin_rate"], name="reading"),
    )


def _is_satisfied(survey: pd.DataFrame) -> pd.Series:
    marks = survey["satisfaction"]
    return marks >= SATISFIED[10 if marks.max() > 5 else 5]


def _beside(
    orders: pd.DataFrame | Orders,
    events: pd.DataFrame,
    ordinary: pd.DataFrame,
    *,
    days: int,
    fewest: int,
    seed: int,
) -> pd.DataFrame:
    """Compare the days of events with ordinary days."""
    both = pd.concat([events[["customer_id", "date"]], ordinary], ignore_index=True)
    history = claim_events.look(orders, both, days=days)
    return _compared(
        history,
        history["bought"],
        exposed=pd.Series(history.index < len(events), index=history.index),
        fewest=fewest,
        seed=seed,
    )


def _compared(
    history: pd.DataFrame,
    outcome: pd.Series,
    *,
    exposed: pd.Series,
    fewest: int,
    seed: int,
) -> pd.DataFrame:
    return claim_events.ratio(
        outcome.to_numpy(float),
        exposed=exposed.to_numpy(bool),
        stratum=claim_events.classes(history),
        customer=history["customer"].to_numpy(),
        fewest=fewest,
        seed=seed,
    )
