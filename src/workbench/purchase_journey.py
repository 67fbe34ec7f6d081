"""Orders to the way from one purchase to the next, one row per step."""

from __future__ import annotations

import pandas as pd

from workbench.rhythm import kaplan_meier, waiting
from workbench.schema import DAYS_PER_YEAR, TooFewData

# From the first purchase to the second, and so on.
N_STEPS = 4
# A step is judged from so many customers who began it.
MIN_CUSTOMERS = 20


def default_window_days(first_day: pd.Timestamp, *, as_of: pd.Timestamp) -> int:
    """Say within how many days a step counts as taken: half of the data, at most a year.

    Examples
    --------
    >>> default_window_days(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"))
    272
    """
    return max(1, min(DAYS_PER_YEAR, (as_of - first_day).days // 2))


def steps(orders: pd.DataFrame, *, as_of: pd.Timestamp, window_days: int) -> pd.DataFrame:
    """Measure who goes on from each of the first purchases, and how soon.

    By Kaplan and Meier: who has not had the whole window until `as_of` counts for as
    long as observed, instead of counting as lost.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Later orders are ignored.
    window_days : int
        A step counts as taken within so many days.

    Returns
    -------
    DataFrame
        Indexed by `step` (1: from the first purchase to the second), as many as
        20 customers have begun, four at most: `customers` (who began it),
        `dropped_share` (share without the next purchase within the window), `low`
        and `high` (its bounds of 95 %), `median_days` (by then half of those who go
        on within the window have done so; NaN where nobody does).

    Raises
    ------
    TooFewData
        If fewer than 20 customers have bought.
    """
    rows = {}
    for nth in range(1, N_STEPS + 1):
        wait = waiting(orders, as_of=as_of, nth=nth)
        if len(wait) < MIN_CUSTOMERS:
            break
        rows[nth] = _step(wait, window_days=window_days)
    if not rows:
        n_customers = len(waiting(orders, as_of=as_of, nth=1))
        raise TooFewData(
            f"{n_customers} customers are too few to follow; {MIN_CUSTOMERS} are needed.",
            have=n_customers,
            need=MIN_CUSTOMERS,
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def obstacle(steps: pd.DataFrame) -> int | None:
    """Return the step at which the largest share drops out; None where all are hidden.

    Parameters
    ----------
    steps : DataFrame
        From `steps`, suppressed.
    """
    shown = steps["dropped_share"].dropna()
    return None if shown.empty else int(shown.idxmax())


def _step(wait: pd.DataFrame, *, window_days: int) -> dict[str, float]:
    curve = kaplan_meier(wait["days"], wait["bought"])
    within = curve[curve.index <= window_days]
    if within.empty:
        last = pd.Series({"survival": 1.0, "lower": 1.0, "upper": 1.0})
    else:
        last = within.iloc[-1]
    half = 1 - (1 - last["survival"]) / 2
    reached = within.index[within["survival"] <= half]
    return {
        "customers": len(wait),
        "dropped_share": last["survival"],
        "low": last["lower"],
        "high": last["upper"],
        "median_days": float(reached[0]) if last["survival"] < 1 else float("nan"),
    }
