"""Orders to one row per cohort: what its customers bought up to the same age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import (
    DAYS_PER_WEEK,
    DAYS_PER_YEAR,
    TooFewData,
    check_orders,
    purchase_days,
)

N_COHORTS = 4
MIN_CUSTOMERS = 30
# With a tenth between the halves, each is a twentieth off the mean that one model gives both:
# as far as `gates.MAX_BIAS_LOSS` lets a sum be off.
MIN_CHANGE = 0.1
N_DRAWS = 1000


class CohortDrift(NamedTuple):
    """How later customers differ from earlier ones.

    Attributes
    ----------
    change : float
        Repeat purchases of the later half of new customers over those of the
        earlier half, at equal age, less 1.
    lower, upper : float
        95 % interval.
    code : str
        ``falling``, ``stable`` or ``rising``: see `measure`.
    age_days : int
        Age up to which purchases count.
    n_customers : int
        Customers measured.
    cohorts : DataFrame
        One row per quarter of the new customers, numbered by `cohort`: `start`
        and `last_day` (first purchases), `customers` (count), `purchases_each`
        (mean repeat purchases up to that age), `revenue_each` (currency, first
        purchase included, returns taken off), `bought_share` (with a repeat purchase).
    """

    change: float
    lower: float
    upper: float
    code: str
    age_days: int
    n_customers: int
    cohorts: pd.DataFrame


def default_age_days(first_day: pd.Timestamp, *, as_of: pd.Timestamp) -> int:
    """Take a quarter of the span in whole weeks, at least one and at most 52.

    Then new customers of three quarters of the span have reached that age.

    Examples
    --------
    >>> default_age_days(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"))
    133
    """
    longest = DAYS_PER_YEAR // DAYS_PER_WEEK
    weeks = (as_of - first_day).days // (4 * DAYS_PER_WEEK)
    return min(max(1, weeks), longest) * DAYS_PER_WEEK


def measure(orders: pd.DataFrame, *, as_of: pd.Timestamp, age_days: int, seed: int) -> CohortDrift:
    """Compare the repeat purchases of later and earlier customers at equal age.

    A purchase model gives one set of parameters to all customers. Here no
    model is fitted: of everyone who has reached the age of `age_days` by
    `as_of`, the days with a purchase after the first and up to that age are
    counted. Customers are cut into four cohorts of about the same size by the
    day of their first purchase; who began on one day is in one cohort. The
    change compares the later two cohorts with the earlier two.

    ``rising`` or ``falling`` if the change is at least `MIN_CHANGE` and its
    interval leaves out 0; else ``stable``.

    Where the data begin in the middle of a shop's life, its old customers seem
    to begin on the first days and look like an eager cohort. An age of less
    than a year carries the season in which a cohort began.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order. A row with a negative
        amount is a day of returns and no purchase.
    as_of : Timestamp
        Last day that counts; later rows are ignored.
    age_days : int
        Age up to which purchases count.
    seed : int
        Of the bootstrap over customers.

    Raises
    ------
    ValueError
        If `age_days` is below 1.
    DataError
        If the table of orders breaks its promise.
    TooFewData
        If fewer than `MIN_CUSTOMERS` customers in a half have reached the age,
        or nobody of the earlier half has bought again by then.
    """
    if age_days < 1:
        raise ValueError(f"age_days={age_days} must be at least 1.")
    customers = _at_age(orders, as_of=as_of, age_days=age_days)
    is_late = customers["cohort"] > N_COHORTS // 2
    smaller = int(min(is_late.sum(), (~is_late).sum()))
    if smaller < MIN_CUSTOMERS:
        raise TooFewData(
            f"a drift of cohorts needs {MIN_CUSTOMERS} customers in each half who began at least "
            f"{age_days} days before {as_of.date()}; the smaller half has {smaller}. "
            "Take a shorter age_days or a longer history.",
            have=smaller,
            need=MIN_CUSTOMERS,
        )
    early, late = customers["purchases"][~is_late], customers["purchases"][is_late]
    if early.sum() == 0:
        raise TooFewData(
            f"none of the {early.size} customers of the earlier half bought again within "
            f"{age_days} days: there is nothing to compare with. Take a longer age_days.",
            have=0,
            need=1,
        )

    change = float(late.mean() / early.mean() - 1)
    generator = np.random.default_rng(seed)
    before, after = _resampled_means(early, generator), _resampled_means(late, generator)
    # A draw in which nobody of the earlier half bought again stands for any rise.
    ratio = np.divide(after, before, out=np.full(N_DRAWS, np.inf), where=before > 0)
    lower, upper = np.quantile(ratio - 1, [0.025, 0.975], method="nearest")
    code = "stable"
    if abs(change) >= MIN_CHANGE and not lower <= 0 <= upper:
        code = "rising" if change > 0 else "falling"
    cohorts = customers.groupby("cohort").agg(
        start=("first", "min"),
        last_day=("first", "max"),
        customers=("purchases", "size"),
        purchases_each=("purchases", "mean"),
        revenue_each=("revenue", "mean"),
        bought_share=("bought", "mean"),
    )
    return CohortDrift(change, float(lower), float(upper), code, age_days, len(customers), cohorts)


def _at_age(orders: pd.DataFrame, *, as_of: pd.Timestamp, age_days: int) -> pd.DataFrame:
    """Return first day, cohort, repeat purchases and money up to that age, by customer."""
    check_orders(orders)
    known = orders[orders["date"] <= as_of].sort_values(["customer_id", "date"])
    first = purchase_days(known).groupby("customer_id")["date"].min()
    is_old = first <= as_of - pd.Timedelta(days=age_days)
    known = known.join(first[is_old].rename("first"), on="customer_id", how="inner")
    age = (known["date"] - known["first"]).dt.days
    known = known[(age >= 0) & (age <= age_days)]
    table = pd.DataFrame(
        {
            "first": first[is_old],
            "purchases": purchase_days(known).groupby("customer_id").size() - 1,
            "revenue": known.groupby("customer_id")["amount"].sum(),
        }
    )
    table["bought"] = table["purchases"] > 0
    # The share of customers who began on earlier days says in which quarter a day lies.
    earlier = table["first"].rank(method="min") - 1
    table["cohort"] = (earlier * N_COHORTS / max(len(table), 1)).astype(int) + 1
    return table


def _resampled_means(purchases: pd.Series, generator: np.random.Generator) -> np.ndarray:
    values, counts = np.unique(purchases.to_numpy(), return_counts=True)
    n = int(counts.sum())
    return (generator.multinomial(n, counts / n, size=N_DRAWS) * values).sum(axis=1) / n
