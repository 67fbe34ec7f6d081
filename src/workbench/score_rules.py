"""Orders to the limits of the RFM scores, by the rule asked for, and to the money scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench import rhythm, segments
from workbench.schema import DAYS_PER_YEAR, DataError, ParameterError, purchase_days
from workbench.segments import FREQUENCY_LIMITS, CutOffs

BY_RANK, BY_LIMITS = "rank", "limits"
RULES = (BY_RANK, BY_LIMITS)
MONEY = ("revenue", "last_year", "basket")
# Shares of all pauses that are over by the limits of recency: within the shortest of them a
# customer scores 5.
PAUSE_SHARES = (0.5, 0.75, 0.9, 0.95)
# Limits of money in multiples of the shop's median purchase.
MULTIPLES: Mapping[str, tuple[float, ...]] = {
    "revenue": (1.0, 2.0, 4.0, 8.0),
    "last_year": (0.5, 1.0, 2.0, 4.0),
    "basket": (0.5, 0.8, 1.25, 2.0),
}


def money(
    orders: pd.DataFrame, people: pd.DataFrame, *, kind: str, as_of: pd.Timestamp
) -> pd.Series:
    """Return what the money score looks at.

    All revenue is nearly the number of purchases over again; the other two are not.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day; later ones than `as_of` are ignored.
    people : DataFrame
        From `summary.summarise`: `revenue` (currency).
    kind : str
        ``revenue`` (all up to `as_of`), ``last_year`` (of the last 365 days, less
        what came back) or ``basket`` (median amount of the days with a purchase).
    as_of : Timestamp
        Last day that counts.

    Returns
    -------
    Series
        `money` (currency), indexed like `people`.

    Raises
    ------
    ParameterError
        If there is no such kind.
    """
    if kind not in MONEY:
        raise ParameterError(f"money_score={kind!r} is unknown; there are {list(MONEY)}.")
    if kind == "revenue":
        return people["revenue"].rename("money")
    known = orders[orders["date"] <= as_of]
    if kind == "basket":
        baskets = purchase_days(known).groupby("customer_id")["amount"].median()
        return baskets.reindex(people.index).rename("money")
    recent = known[known["date"] > as_of - pd.Timedelta(days=DAYS_PER_YEAR)]
    # Whole cents add up exactly in any order, so that equal sums are equal.
    cents = (recent["amount"] * 100).round().astype("int64").groupby(recent["customer_id"]).sum()
    return (cents.reindex(people.index, fill_value=0) / 100).rename("money")


def cutoffs(
    orders: pd.DataFrame,
    people: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    rule: str,
    limits: Mapping[str, Sequence[float]],
    kind: str,
) -> CutOffs:
    """Take the limits of the scores by rank, or as fixed classes.

    Fixed classes are those given; what is not given follows from the rhythm of the
    shop: recency from the pauses between two purchases, half, 75, 90 and 95 % of
    which are over by the limits; money from multiples of the median purchase. The
    classes of frequency are fixed under both rules, see `segments.cutoffs_of`.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day; later ones than `as_of` are ignored.
    people : DataFrame
        From `summary.summarise` of these orders.
    as_of : Timestamp
        The day of the limits.
    rule : str
        ``rank`` or ``limits``.
    limits : mapping
        ``recency_days``: so many days since the last purchase end the scores 5, 4, 3
        and 2; ``money``: so much (currency) opens the scores 2, 3, 4 and 5. Four
        rising numbers each; only with the rule ``limits``.
    kind : str
        As in `money`.

    Raises
    ------
    ParameterError
        If a rule, a kind or a name of a limit is unknown, or limits are given that
        the rule does not read.
    DataError
        If a rhythm is needed and nobody bought twice.

    Examples
    --------
    >>> own = {"recency_days": [30, 90, 180, 365], "money": [25, 50, 100, 250]}
    >>> cutoffs(pd.DataFrame(), pd.DataFrame(), as_of=pd.Timestamp("2024-12-31"),
    ...         rule="limits", limits=own, kind="revenue")
    CutOffs(recency_days=(365.0, 180.0, 90.0, 30.0), orders=(2, 3, 5, 10),
            money=(25.0, 50.0, 100.0, 250.0))
    """
    if rule not in RULES or kind not in MONEY:
        raise ParameterError(
            f"score_rule={rule!r} or money_score={kind!r} is unknown; there are {list(RULES)} "
            f"and {list(MONEY)}."
        )
    unknown = set(limits) - {"recency_days", "money"}
    if unknown:
        raise ParameterError(
            f"score_limits has {sorted(unknown)}; it takes recency_days and money."
        )
    if rule == BY_RANK:
        if limits:
            raise ParameterError("score_limits are read with score_rule=limits alone. Set both.")
        scored = people.assign(revenue=money(orders, people, kind=kind, as_of=as_of))
        return segments.cutoffs_of(scored)
    days = limits.get("recency_days") or _days_of_rhythm(orders, as_of=as_of)
    amounts = limits.get("money") or _amounts(orders, kind=kind, as_of=as_of)
    return CutOffs(
        recency_days=tuple(float(day) for day in reversed(days)),
        orders=FREQUENCY_LIMITS,
        money=tuple(float(amount) for amount in amounts),
    )


def segment(
    orders: pd.DataFrame,
    people: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    rule: str,
    limits: Mapping[str, Sequence[float]],
) -> pd.Series:
    """Name each customer's segment by the rule that was asked for; money has no say in it.

    Parameters
    ----------
    orders, people, as_of, rule, limits
        As in `cutoffs`.

    Returns
    -------
    Series
        `segment`, indexed like `people`.
    """
    found = cutoffs(orders, people, as_of=as_of, rule=rule, limits=limits, kind="revenue")
    return segments.score(people, cutoffs=found)["segment"]


def table(found: CutOffs, *, n_customers: int, k: int) -> pd.DataFrame:
    """List the limits of each score; a limit by rank is the value of one customer.

    So they are rounded to whole days and units of currency, and hidden where a fifth of
    the base has fewer than `k` customers.

    Parameters
    ----------
    found : CutOffs
    n_customers : int
        Of the base.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        Indexed by `score`, 5 first: `recency_days` (at most so many since the last
        purchase), `orders_from` (count) and `money_from` (currency); NaN for score 1,
        which takes the rest, and where nobody reaches the score.
    """
    scores = range(segments.N_SCORES, 0, -1)
    rows = pd.DataFrame(
        {
            "recency_days": [*reversed(found.recency_days), np.nan],
            "orders_from": [*reversed(found.orders), 1],
            "money_from": [*reversed(found.money), np.nan],
        },
        index=pd.Index(scores, name="score"),
    ).replace([np.inf, -np.inf], np.nan)
    rows[["recency_days", "money_from"]] = rows[["recency_days", "money_from"]].round()
    if n_customers < segments.N_SCORES * k:
        rows[["recency_days", "money_from"]] = np.nan
    return rows


def _days_of_rhythm(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> list[float]:
    pauses = rhythm.gaps(orders, as_of=as_of)["days"]
    if pauses.empty:
        raise DataError(
            f"nobody bought twice by {as_of.date()}; there is no rhythm to take the limits of "
            "recency from. Give them: score_limits={recency_days: [30, 90, 180, 365]}."
        )
    return [float(np.ceil(pauses.quantile(share))) for share in PAUSE_SHARES]


def _amounts(orders: pd.DataFrame, *, kind: str, as_of: pd.Timestamp) -> list[float]:
    middle = purchase_days(orders[orders["date"] <= as_of])["amount"].median()
    return [round(float(middle) * multiple, 2) for multiple in MULTIPLES[kind]]
