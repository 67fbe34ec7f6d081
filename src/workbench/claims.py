"""The claims with a number, measured on a firm's own data: one row per reading of each.

A reading has a value, its 95 % interval by resampled customers, and the customers on both sides.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import budgets, customer_bootstrap, retention_whatif
from workbench import periods as spans
from workbench.discrimination import wilson
from workbench.orders import Orders
from workbench.periods import Periods
from workbench.retention_whatif import READINGS
from workbench.schema import DAYS_PER_YEAR, TooFewData

COLUMNS = ("value", "low", "high", "customers", "customers_other")
# Parts of one budget that may in truth have served the other purpose.
SHIFTS = (-0.25, 0.0, 0.25, 0.5)
# A little less leaving, and how much revenue would have stayed.
LESS_LEAVING = (0.05, 0.1, 0.25, 0.5, 1.0)
# Retention rates and the discount rate of the table in the literature.
RATES = (0.60, 0.70, 0.80, 0.85, 0.90, 0.93)


def five_percent(rates: tuple[float, ...], *, annual_discount_rate: float) -> pd.DataFrame:
    """Work out what a little more retention does to the value of a customer, rate by rate.

    Parameters
    ----------
    rates : tuple of float
        Retention rates a year, between 0 and 1.
    annual_discount_rate : float
        Effective rate a year.

    Returns
    -------
    DataFrame
        Indexed by `retention`: `multiple` (value in yearly margins), one
        column for each of `retention_whatif.READINGS` (change of value, as a
        share) and `elasticity`.

    Examples
    --------
    >>> five_percent((0.8,), annual_discount_rate=0.10).T.round(2)
    retention            0.8
    multiple            2.67
    churn_relative      0.05
    retention_relative  0.21
    retention_points    0.28
    elasticity          3.67
    """
    rows = []
    for rate in rates:
        change = retention_whatif.constant_retention(
            rate, annual_discount_rate=annual_discount_rate
        )["change"]
        rows.append(
            {
                "multiple": retention_whatif.multiple(
                    rate, annual_discount_rate=annual_discount_rate
                ),
                **change.to_dict(),
                "elasticity": retention_whatif.elasticity(
                    rate, annual_discount_rate=annual_discount_rate
                ),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(rates, name="retention"))


def own_retention(
    retained: int, before: int, *, periods: Periods, annual_discount_rate: float
) -> pd.DataFrame:
    """Do the same for a firm's own retention rate, from period to period.

    Where a period is no year, the discount rate is that of a period, and value
    counts in margins of a period. The bounds are those of the rate after
    Wilson, carried through.

    Parameters
    ----------
    retained, before : int
        Customers who bought in both periods, and in the first of them.
    periods : Periods
        From `periods.choose`.
    annual_discount_rate : float
        Effective rate a year.

    Returns
    -------
    DataFrame
        Indexed by `reading`, one of `retention_whatif.READINGS`: `COLUMNS`
        (`customers_other` is `before` too), `retention` (the rate), `multiple`
        (in margins of a period) and `elasticity`.

    Raises
    ------
    TooFewData
        If none or all of them bought again.
    """
    if not 0 < retained < before or not annual_discount_rate > 0:
        raise TooFewData(
            f"{retained} of {before} customers bought again; a rate between 0 and 1, and a "
            "discount rate above 0, are needed.",
            have=min(retained, before - retained),
            need=1,
        )
    rate = (1 + annual_discount_rate) ** (periods.days / DAYS_PER_YEAR) - 1
    share = retained / before
    bounds = [float(bound) for bound in wilson(retained, before)]
    table = five_percent((share, *bounds), annual_discount_rate=rate)
    changes = table[list(READINGS)]
    return pd.DataFrame(
        {
            "value": changes.iloc[0],
            "low": changes.min(),
            "high": changes.max(),
            "customers": float(before),
            "customers_other": float(before),
            "retention": share,
            "multiple": table["multiple"].iloc[0],
            "elasticity": table["elasticity"].iloc[0],
        }
    ).rename_axis("reading")


def growth(orders: pd.DataFrame | Orders, *, periods: Periods, seed: int) -> pd.DataFrame:
    """Measure what customers who were there before did to revenue, as a share of it.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    periods : Periods
        From `periods.choose`.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        Indexed by `reading`: ``known`` (all known customers together: growth,
        decline, return and loss), ``stayed`` (those who bought in both
        periods) and ``nobody_left`` (what the lost ones had brought: as if
        they all had stayed and spent as before); `COLUMNS`.

    Raises
    ------
    TooFewData
        If the period before had no revenue.
    """
    bought = spans.by_customer(orders, periods=periods)
    now, before = bought["purchases_0"] > 0, bought["purchases_1"] > 0
    known = bought["first"] < periods.start(0)
    change = bought["revenue_0"] - bought["revenue_1"]
    lost = before & ~now
    columns = [change * known, change * (now & before), bought["revenue_1"] * lost]
    sums = np.column_stack([*columns, bought["revenue_1"]]).astype(float)
    if not sums[:, 3].sum() > 0:
        raise TooFewData("the period before had no revenue.", have=0, need=1)

    def shares(total: np.ndarray) -> np.ndarray:
        return total[:, :3] / total[:, 3:]

    found = customer_bootstrap.bounded(sums, shares, seed=seed)
    groups = [known & (now | before), now & before, lost]
    return _readings(("known", "stayed", "nobody_left"), found, [int(g.sum()) for g in groups])


def less_leaving(nobody_left: float) -> pd.DataFrame:
    """Scale what would have stayed had fewer left.

    Parameters
    ----------
    nobody_left : float
        Value of that reading of `growth`.

    Returns
    -------
    DataFrame
        Indexed by `less_leaving` (share of those who left): `gain` (share of
        the revenue before).
    """
    table = pd.DataFrame({"gain": [share * nobody_left for share in LESS_LEAVING]})
    return table.set_index(pd.Index(LESS_LEAVING, name="less_leaving"))


def acquisition_cost(
    orders: pd.DataFrame | Orders,
    *,
    periods: Periods,
    budget: pd.DataFrame,
    k: int,
    seed: int,
) -> pd.DataFrame:
    """Divide the cost of a new customer by that of one who was kept.

    Parameters
    ----------
    orders, periods, seed
        As in `growth`.
    budget : DataFrame
        As `companions` reads it.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        Indexed by `moved`, one of `SHIFTS` (share of the acquisition budget
        that served known customers; negative: of the retention budget that
        served new ones): `COLUMNS`, ``customers`` being the new and
        ``customers_other`` the kept ones, `cost_new` and `cost_kept`
        (currency).

    Raises
    ------
    TooFewData
        If a day of the period has no budget, one of both is not stated or 0,
        or nobody is new or was kept.
    """
    bought = spans.by_customer(orders, periods=periods)
    now, before = bought["purchases_0"] > 0, bought["purchases_1"] > 0
    new, kept = now & (bought["first"] >= periods.start(0)), now & before
    spent = budgets.spent(budget, since=periods.start(0), until=periods.as_of)
    if not (spent.covered == 1 and spent.acquisition > 0 and spent.retention > 0):
        raise TooFewData(
            f"budgets cover {spent.covered:.0%} of the {periods.days} days of the period.",
            have=int(spent.covered * periods.days),
            need=periods.days,
        )
    fewest = min(int(new.sum()), int(kept.sum()))
    if fewest < max(k, 1):
        raise TooFewData(f"{fewest} customers are new, or were kept.", have=fewest, need=max(k, 1))
    costs = np.array([_moved(spent, share) for share in SHIFTS])

    def ratios(total: np.ndarray) -> np.ndarray:
        return costs[:, 0] / costs[:, 1] * total[:, 1:] / total[:, :1]

    sums = np.column_stack([new, kept]).astype(float)
    found = customer_bootstrap.bounded(sums, ratios, seed=seed)
    table = _readings(SHIFTS, found, [int(new.sum())] * len(SHIFTS), int(kept.sum()))
    table = table.assign(cost_new=costs[:, 0] / new.sum(), cost_kept=costs[:, 1] / kept.sum())
    return table.rename_axis("moved")


def budget_share(budget: pd.DataFrame, *, periods: Periods) -> pd.DataFrame:
    """Add up which part of all budgets of the data's time goes to winning customers.

    Parameters
    ----------
    budget : DataFrame
        As `companions` reads it.
    periods : Periods
        From `periods.choose`.

    Returns
    -------
    DataFrame
        One row, `reading` ``all``: `COLUMNS`; a budget is no sample and has no
        bounds.

    Raises
    ------
    TooFewData
        If nothing was spent, or a budget is not stated.
    """
    spent = budgets.spent(budget, since=periods.first_day, until=periods.as_of)
    whole = spent.acquisition + spent.retention
    if not whole > 0:
        raise TooFewData("no budget is stated for all of its time.", have=0, need=1)
    nothing = np.array([np.nan])
    return _readings(("all",), (np.array([spent.acquisition / whole]), nothing, nothing), [0])


def _moved(spent: budgets.Spent, share: float) -> tuple[float, float]:
    """Return both budgets after a part of one was found to serve the other purpose."""
    to_kept = share * (spent.acquisition if share > 0 else spent.retention)
    return spent.acquisition - to_kept, spent.retention + to_kept


def _readings(
    names: tuple,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
    customers: list[int],
    other: float = np.nan,
) -> pd.DataFrame:
    value, low, high = found
    columns = [value, low, high, np.array(customers, dtype=float), np.full(len(value), other)]
    return pd.DataFrame(
        dict(zip(COLUMNS, columns, strict=True)), index=pd.Index(names, name="reading")
    )
