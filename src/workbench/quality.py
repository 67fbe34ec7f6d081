"""Cleaned data to a verdict on them: one row per rule, with what was measured and its status."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import DAYS_PER_WEEK, DAYS_PER_YEAR, DataError, check_orders, purchase_days

GOOD, CAUTION, SERIOUS, UNTESTED = "gut", "Hinweis", "Mangel", "nicht prüfbar"

# A year without any purchase divides a history into blocks.
FAR_DAYS = DAYS_PER_YEAR
# A block with less than this share of all purchases is taken for mistyped dates. A history that
# really begins with a few purchases and a silent year loses them from the drawings only.
FAR_SHARE = 0.05
# Below so many purchases in a usual week, a week without any is chance: exp(-5) = 0.7 %.
MIN_WEEKLY_PURCHASES = 5
# The weeks with which the last one is compared.
USUAL_WEEKS = 12
# A customer number behind which several people may stand: on a third of all days on which
# anybody bought, at least 30 times and ten times as often as the customer in the middle.
CROWD_DAYS = 1 / 3
CROWD_ORDERS = 30
CROWD_TIMES = 10


class Rule(NamedTuple):
    """When a measured value is a caution and when a serious defect.

    Attributes
    ----------
    unit : str
        As in `formats.Style.write`.
    caution, serious : float or None
        The last value that is still none; None where there is no such status.
    at_least : bool
        Whether small values are the bad ones; else large ones are.
    """

    unit: str
    caution: float | None
    serious: float | None
    at_least: bool = False


# The reasons stand beside the limits; another shop may set others, but in view.
RULES = {
    # One in twenty missing shifts no share by more than five points; with a quarter missing the
    # report no longer describes the business.
    "money_without_customer": Rule("share", 0.05, 0.25),
    # Lines weigh less than money: many are small.
    "lines_without_customer": Rule("share", 0.05, 0.50),
    # A readable export has next to none; one in ten means that the export is wrong.
    "unreadable_lines": Rule("share", 0.01, 0.10),
    # Two equal lines are often two equal purchases; one in five is a file read twice in part.
    "repeated_lines": Rule("share", 0.02, 0.20),
    # Samples and vouchers are few; one in five means that prices are missing.
    "zero_orders": Rule("share", 0.02, 0.20),
    # One purchase that moves every total and mean by five points, or by a fifth.
    "largest_order": Rule("share", 0.05, 0.20),
    "crowd_customers": Rule("count", 0, None),
    # Everything that counts from the last day is wrong with one mistyped date.
    "far_days": Rule("days", None, 0),
    # A holiday closes a shop for a week or two; a missing month is an export with a hole.
    "silent_weeks": Rule("weeks", 0, 3),
    # Half of the usual is more than a quiet week: the last bookings may be missing.
    "last_week": Rule("share", 0.5, None, at_least=True),
    "days_to_month_end": Rule("days", 0, None),
    # A week without purchases before the day of reference looks like customers lost; after a
    # month of it every forecast starts from a silence that is not the customers'.
    "days_since_last_line": Rule("days", 7, 31),
    # All seasons need a year; learning and testing need a quarter each.
    "history_days": Rule("days", DAYS_PER_YEAR, 182, at_least=True),
    # A share among 100 is known to 10 points, among 1000 to 3.
    "customers": Rule("count", 1000, 100, at_least=True),
    # The models of purchases live on repeat buyers; 30 is the least for any share of them.
    "repeat_customers": Rule("count", 200, 30, at_least=True),
}
_NO_CUSTOMER = ("missing_customer", "collective_customer")
_UNREADABLE = ("repeated_header", "amount_not_a_number", "signs_differ", "before_first")


class Core(NamedTuple):
    """The orders without those that lie far from all others.

    Attributes
    ----------
    orders : DataFrame
        As given, less the orders of `far_days`.
    as_of : Timestamp
        As given; the last day of `orders` where far days come after it.
    far_days : DatetimeIndex
        Sorted days with purchases that are left out.
    """

    orders: pd.DataFrame
    as_of: pd.Timestamp
    far_days: pd.DatetimeIndex

    @property
    def purchases(self) -> pd.DataFrame:
        """The orders without days of returns."""
        return purchase_days(self.orders)


class Inspection(NamedTuple):
    """What the rules say about the data.

    Attributes
    ----------
    checks : DataFrame
        Indexed by `check` (a key of `RULES`): `value`, `unit`, `status` (one
        of `GOOD`, `CAUTION`, `SERIOUS`, `UNTESTED`) and `people` (customers
        of whom the value speaks; 0 where of none).
    core : Core
        What was measured.
    silent_weeks : DatetimeIndex
        Mondays of the whole weeks without any purchase.
    """

    checks: pd.DataFrame
    core: Core
    silent_weeks: pd.DatetimeIndex

    @property
    def passed(self) -> bool:
        """Whether there is no serious defect."""
        return not (self.checks["status"] == SERIOUS).any()


def core(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> Core:
    """Leave out the days that lie more than a year from nearly all purchases.

    Orders, days of returns among them, are divided where there was none for
    more than `FAR_DAYS` days; a part with less than `FAR_SHARE` of them is far.
    So is the year 2924.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last day that counts.

    Raises
    ------
    DataError
        If nothing was bought by `as_of`.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [str(n) for n in range(30)], "amount": 1.0,
    ...     "date": pd.to_datetime(["2924-03-01"] + ["2024-03-01"] * 29),
    ... })
    >>> found = core(orders, as_of=pd.Timestamp("2924-03-01"))
    >>> found.as_of.year, found.far_days.year.tolist()
    (2024, [2924])
    """
    check_orders(orders)
    known = orders[orders["date"] <= as_of]
    if known.empty:
        raise DataError(f"no purchase up to as_of={as_of.date()}. Take a later as_of.")
    per_day = known.groupby("date").size()
    silence = per_day.index.to_series().diff().dt.days
    block = (silence > FAR_DAYS).cumsum()
    far = per_day.groupby(block).transform("sum") < FAR_SHARE * len(known)
    far_days = pd.DatetimeIndex(per_day.index[far])
    near = known[~known["date"].isin(far_days)]
    is_end_far = far.iloc[-1]
    return Core(near, near["date"].max() if is_end_far else as_of, far_days)


def inspect(
    orders: pd.DataFrame, *, balance: pd.DataFrame, counts: pd.DataFrame, as_of: pd.Timestamp
) -> Inspection:
    """Measure cleaned data by every rule of `RULES`.

    Parameters
    ----------
    orders, balance, counts : DataFrame
        As in `transactions.Cleaned`.
    as_of : Timestamp
        Last day that counts.

    Raises
    ------
    DataError
        If nothing was bought by `as_of`.
    """
    near = core(orders, as_of=as_of)
    bought = near.purchases
    weeks = _whole_weeks(bought)
    sells_weekly = len(weeks) > 0 and weeks.median() >= MIN_WEEKLY_PURCHASES
    silent = pd.DatetimeIndex(weeks.index[weeks == 0] if sells_weekly else [])
    steps = balance.set_index("reason")
    rows = steps["n_rows"]
    n = counts.set_index("code")["n"]
    money = counts.set_index("code")["amount"]
    n_read = rows["read"] - rows[steps["kind"] == "left_out"].sum()
    revenue = near.orders["amount"].sum()
    n_orders = bought.groupby("customer_id").size()
    n_customers, n_repeat = len(n_orders), int((n_orders > 1).sum())
    crowd = int(_is_crowd(n_orders, n_days=bought["date"].nunique()).sum())
    nobody = money["purchases_without_customer"] + max(
        0.0, steps.loc["collective_customer", "amount"]
    )
    values = {
        "money_without_customer": _share(nobody, money["purchases"] + nobody),
        "lines_without_customer": _share(rows[list(_NO_CUSTOMER)].sum(), n_read),
        "unreadable_lines": _share(rows[list(_UNREADABLE)].sum(), n_read),
        "repeated_lines": _share(n["duplicate_rows_read"], n["rows"]),
        "zero_orders": (bought["amount"] == 0).mean(),
        "largest_order": _share(bought["amount"].max(), revenue),
        "crowd_customers": crowd,
        "far_days": len(near.far_days),
        "silent_weeks": len(silent) if sells_weekly else np.nan,
        "last_week": _last_week(bought),
        "days_to_month_end": near.as_of.days_in_month - near.as_of.day,
        "days_since_last_line": (near.as_of - bought["date"].max()).days,
        "history_days": (near.as_of - bought["date"].min()).days,
        "customers": n_customers,
        "repeat_customers": n_repeat,
    }
    people = dict.fromkeys(RULES, n_customers) | {
        # How many customers there are speaks of none of them.
        "customers": 0,
        "repeat_customers": min(n_repeat, n_customers - n_repeat) or n_customers,
        "largest_order": 1,
        "crowd_customers": crowd,
    }
    checks = pd.DataFrame(
        {
            "value": pd.Series(values, dtype=float),
            "unit": {check: rule.unit for check, rule in RULES.items()},
            "status": {check: _status(values[check], rule) for check, rule in RULES.items()},
            "people": people,
        },
        index=pd.Index(list(RULES), name="check"),
    )
    return Inspection(checks, near, silent)


def hide_small(checks: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """Blank the values that speak of fewer than `k` customers; the status stays."""
    small = (checks["people"] > 0) & (checks["people"] < k)
    return checks.assign(value=checks["value"].mask(small))


def _status(value: float, rule: Rule) -> str:
    if np.isnan(value):
        return UNTESTED
    for status, limit in ((SERIOUS, rule.serious), (CAUTION, rule.caution)):
        if limit is not None and (value < limit if rule.at_least else value > limit):
            return status
    return GOOD


def _is_crowd(n_orders: pd.Series, *, n_days: int) -> pd.Series:
    return (
        (n_orders >= CROWD_ORDERS)
        & (n_orders >= CROWD_TIMES * n_orders.median())
        & (n_orders >= CROWD_DAYS * n_days)
    )


def _whole_weeks(orders: pd.DataFrame) -> pd.Series:
    """Count the purchases of each week from Monday to Sunday that lies between first and last."""
    first, last = orders["date"].min(), orders["date"].max()
    mondays = pd.date_range(first, last - pd.Timedelta(days=DAYS_PER_WEEK - 1), freq="W-MON")
    monday = orders["date"] - pd.to_timedelta(orders["date"].dt.day_of_week, unit="D")
    return monday.groupby(monday).size().reindex(mondays, fill_value=0)


def _last_week(orders: pd.DataFrame) -> float:
    """Compare the last seven days with purchases to the weeks before; NaN where sales are few."""
    age = (orders["date"].max() - orders["date"]).dt.days // DAYS_PER_WEEK
    n_weeks = int(age.max())
    if n_weeks < USUAL_WEEKS:
        return np.nan
    weekly = age.groupby(age).size().reindex(range(USUAL_WEEKS + 1), fill_value=0)
    usual = weekly.iloc[1:].median()
    return float(weekly.iloc[0] / usual) if usual >= MIN_WEEKLY_PURCHASES else np.nan


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else np.nan
