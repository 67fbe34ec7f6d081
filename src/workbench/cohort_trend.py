"""Orders to whether later cohorts are better or worse, each measured at the same age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from workbench import cohorts, privacy, rhythm
from workbench.cohort_drift import MIN_CHANGE, MIN_CUSTOMERS
from workbench.cohorts import CONFIDENCE, Beginning
from workbench.discrimination import wilson
from workbench.schema import TooFewData

AGE_DAYS = 90
MIN_COHORTS = 4
# With fewer months weeks stand for them, with more or smaller ones quarters or years.
MIN_MONTHS, MAX_COHORTS = 6, 36


class Slope(NamedTuple):
    """A line through the means of cohorts.

    Attributes
    ----------
    change : float
        From the first cohort to the last, as a share of the mean of all customers.
    lower, upper : float
        95 % interval.
    code : str
        ``falling``, ``stable`` or ``rising``: see `measure`.
    """

    change: float
    lower: float
    upper: float
    code: str


class CohortTrend(NamedTuple):
    """What cohorts have in common and in what they differ.

    Attributes
    ----------
    repeat, revenue : Slope
        Of the share that bought again, and of the revenue of a customer.
    length : str
        ``"W"``, ``"M"``, ``"Q"`` or ``"Y"``: cohorts by week, month, quarter or year.
    n_customers : int
        Customers measured.
    without_first : bool
        Whether the first month was left out, since it holds old customers.
    cohorts : DataFrame
        Indexed by `cohort_start` (first day): `customers`, `buyers` (with a second
        purchase by `AGE_DAYS`), `others` (counts), `repeat_share`, `repeat_share_low`,
        `repeat_share_high` (bounds of 95 %, Wilson), `repeat_share_fitted`, `revenue_each`
        (currency, first purchase included, returns taken off),
        `revenue_each_low`, `revenue_each_high` (two standard errors),
        `revenue_each_fitted`.
    """

    repeat: Slope
    revenue: Slope
    length: str
    n_customers: int
    without_first: bool
    cohorts: pd.DataFrame


def measure(orders: pd.DataFrame, *, as_of: pd.Timestamp, begun: Beginning) -> CohortTrend:
    """Draw a line through what the customers of each cohort did in their first 90 days.

    Only cohorts count of which everybody was observed that long. The line is
    that of least squares over customers, by the start of their cohort. Its
    variance is what customers of one cohort differ by; where cohorts lie
    further from the line than that explains, it is widened by as much as they
    do (Birge), and the quantile is Student's with two degrees of freedom less
    than cohorts.

    ``rising`` or ``falling`` if the interval leaves out 0 and the change is at
    least `cohort_drift.MIN_CHANGE`; else ``stable``.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts; later rows are ignored.
    begun : Beginning
        From `cohorts.beginning`; a first month with old customers is left out.

    Raises
    ------
    TooFewData
        If there are fewer than `MIN_COHORTS` cohorts or `MIN_CUSTOMERS`
        customers, or if all of them are alike.

    References
    ----------
    Birge (1932), The calculation of errors by the method of least squares,
    Physical Review 40, 207-227.
    """
    customers = _first_days_of_life(orders, as_of=as_of)
    if begun.is_truncated:
        customers = customers[customers["first"] >= begun.first_month + pd.offsets.MonthBegin()]
    length, customers = _cohorts_over(customers, as_of=as_of)
    for have, need, what in (
        (customers["cohort_start"].nunique(), MIN_COHORTS, "cohorts"),
        (len(customers), MIN_CUSTOMERS, "customers"),
    ):
        if have < need:
            raise TooFewData(
                f"a trend of cohorts needs {need} {what} observed for {AGE_DAYS} days by "
                f"{as_of.date()}; there are {have}.",
                have=have,
                need=need,
            )
    groups = customers.groupby("cohort_start")
    table = pd.DataFrame({"customers": groups.size(), "buyers": groups["bought"].sum()})
    table["others"] = table["customers"] - table["buyers"]
    table["repeat_share"] = table["buyers"] / table["customers"]
    bounds = wilson(table["buyers"].to_numpy(), table["customers"].to_numpy())
    table["repeat_share_low"], table["repeat_share_high"] = bounds
    repeat, table["repeat_share_fitted"] = _line(customers, "bought")
    mean, reach = groups["revenue"].mean(), 2 * groups["revenue"].sem()
    table["revenue_each"], table["revenue_each_low"] = mean, mean - reach
    table["revenue_each_high"] = mean + reach
    revenue, table["revenue_each_fitted"] = _line(customers, "revenue")
    return CohortTrend(repeat, revenue, length, len(customers), begun.is_truncated, table)


def hide_small(
    found: CohortTrend, orders: pd.DataFrame, *, as_of: pd.Timestamp, k: int
) -> pd.DataFrame:
    """Blank cohorts that tell of fewer than `k` customers, and those that the triangle hides.

    Parameters
    ----------
    found : CohortTrend
        From `measure`.
    orders, as_of
        As there.
    k : int
        Smallest group shown.
    """
    first = cohorts.first_days(orders, as_of=as_of)
    sizes = first.dt.to_period(found.length).dt.start_time.value_counts().sort_index()
    is_hidden = cohorts.hidden_cohorts(sizes, k=k)[found.cohorts.index]
    return privacy.suppress(
        found.cohorts, count="customers", k=k, parts=["buyers", "others"], hidden=is_hidden
    )


def _first_days_of_life(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return first day, whether bought again, and money in the first days, by customer."""
    first = cohorts.first_days(orders, as_of=as_of)
    wait = rhythm.waiting(orders, as_of=as_of, nth=1)
    known = orders[orders["date"] <= as_of].sort_values(["customer_id", "date"])
    age = (known["date"] - known["customer_id"].map(first)).dt.days
    young = known[(age >= 0) & (age <= AGE_DAYS)]
    bought = wait["bought"] & (wait["days"] <= AGE_DAYS)
    revenue = young.groupby("customer_id")["amount"].sum()
    return pd.DataFrame({"first": first, "bought": bought.astype(float), "revenue": revenue})


def _cohorts_over(customers: pd.DataFrame, *, as_of: pd.Timestamp) -> tuple[str, pd.DataFrame]:
    """Choose the length of a cohort, and keep the customers of cohorts observed long enough."""

    def cut(length: str) -> pd.DataFrame:
        cohort = customers["first"].dt.to_period(length)
        is_over = cohort.dt.end_time.dt.normalize() + pd.Timedelta(days=AGE_DAYS) <= as_of
        return customers[is_over].assign(cohort_start=cohort[is_over].dt.start_time)

    found = {length: cut(length) for length in ("M", "Q", "Y")}
    sizes = {length: rows["cohort_start"].value_counts() for length, rows in found.items()}
    if len(sizes["M"]) < MIN_MONTHS:
        return "W", cut("W")
    borne = [length for length, size in sizes.items() if len(size) >= MIN_COHORTS]
    for length in borne:
        if len(sizes[length]) <= MAX_COHORTS and sizes[length].median() >= MIN_CUSTOMERS:
            return length, found[length]
    return borne[-1], found[borne[-1]]


def _line(customers: pd.DataFrame, column: str) -> tuple[Slope, pd.Series]:
    """Fit a line through the cohorts; return it and what it says of each."""
    groups = customers.groupby("cohort_start")[column]
    n, mean = groups.size().to_numpy(float), groups.mean()
    within = float(((customers[column] - groups.transform("mean")) ** 2).sum())
    variance = within / (len(customers) - len(mean))
    level = float(customers[column].mean())
    if not (variance > 0 and level > 0):
        raise TooFewData(
            f"all {len(customers)} customers are alike in their first {AGE_DAYS} days.",
            have=0,
            need=1,
        )
    days = (mean.index - mean.index[0]).days.to_numpy(float)
    centred = days - np.average(days, weights=n)
    spread = float((n * centred**2).sum())
    slope = float((n * centred * mean.to_numpy()).sum()) / spread
    fitted = level + slope * centred
    degrees = len(mean) - 2
    birge = max(1.0, float((n * (mean.to_numpy() - fitted) ** 2).sum()) / variance / degrees)
    reach = stdtrit(degrees, 0.5 + CONFIDENCE / 2) * np.sqrt(birge * variance / spread)
    change, half = days[-1] * slope / level, days[-1] * reach / level
    code = "stable"
    if abs(change) >= max(MIN_CHANGE, half):
        code = "rising" if change > 0 else "falling"
    found = Slope(float(change), float(change - half), float(change + half), code)
    return found, pd.Series(fitted, index=mean.index)
