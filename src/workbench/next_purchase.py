"""A purchase model to the day of each customer's next purchase, one row per customer.

The day is a distribution: the chance of having bought by it rises from 0 to the chance of ever
buying again, which is below 1 for whoever may have left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench import purchase_models
from workbench.intervals import LEVEL
from workbench.purchase_models import PurchaseModel
from workbench.schema import DAYS_PER_YEAR, check_summary

# What is known of a customer who is alive: see `_bought_if_alive`.
AGE = ["frequency", "T"]
# Who has not come back by then is not counted as coming back.
LONGEST_DAYS = 5 * DAYS_PER_YEAR
# Points of the grid of days, even in log(1 + days): days are off by less than 0.2 % or 0.02 days.
GRID_POINTS = 129
# So many customers times the grid stay in memory at a time.
CHUNK = 20_000
TIMING_EDGES = (30, 91, 365)


def expect(
    model: PurchaseModel, summary: pd.DataFrame, *, horizon_days: float, level: float = LEVEL
) -> pd.DataFrame:
    """Say how likely each customer's next purchase is, and when it is to be expected.

    The median is that of the customer as he is: the day by which he has bought
    with a chance of one half, and missing for whoever is more likely not to come
    back within `LONGEST_DAYS`. The interval is that of those futures in which he
    buys within the horizon; it is missing only where the chance of that rounds
    to nothing.

    Parameters
    ----------
    model : PurchaseModel
        From `purchase_models.fit`.
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.
    horizon_days : float
        Length of the horizon, from the day of the summary.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Same index.

        - `p_next_purchase` (0 to 1): of a purchase within the horizon
        - `p_comes_back` (0 to 1): of a purchase within `LONGEST_DAYS`, or
          within the horizon if that is longer
        - `next_median_days` (days): by then he has bought with a chance of 1/2
        - `next_low_days`, `next_high_days` (days): the interval, if he buys
          within the horizon

    Raises
    ------
    DataError
        If a row breaks the promises of a summary.
    ValueError
        If the horizon is not positive, or the level not between 0 and 1.
    """
    check_summary(summary)
    if not 0 < horizon_days < float("inf"):
        raise ValueError(f"horizon_days={horizon_days} must be positive.")
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1.")
    longest = max(LONGEST_DAYS, horizon_days)
    grid = np.union1d(np.linspace(0, np.log1p(longest), GRID_POINTS), np.log1p(horizon_days))

    ages = summary[AGE].drop_duplicates().sort_values(AGE)
    place = summary.groupby(AGE, sort=True).ngroup().to_numpy()
    bought = _bought_if_alive(model, ages, grid)
    soon = bought[:, np.searchsorted(grid, np.log1p(horizon_days))]
    low, high = (_days_at(bought, grid, soon * (1 + sign * level) / 2) for sign in (-1, 1))

    alive = purchase_models.p_alive(model, summary).to_numpy()
    half = 0.5 / np.maximum(alive, np.finfo(float).tiny)
    blocks = [slice(start, start + CHUNK) for start in range(0, len(summary), CHUNK)]
    median = [_days_at(bought[place[rows]], grid, half[rows]) for rows in blocks]
    return pd.DataFrame(
        {
            "p_next_purchase": alive * soon[place],
            "p_comes_back": alive * bought[place, -1],
            "next_median_days": np.concatenate(median),
            "next_low_days": low[place],
            "next_high_days": high[place],
        },
        index=summary.index,
    )


def dates(expected: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Turn days ahead into calendar days, a part of a day into the whole of it.

    Parameters
    ----------
    expected : DataFrame
        From `expect`.
    as_of : Timestamp
        Day of the summary.

    Returns
    -------
    DataFrame
        Same index: `next_median_date`, `next_low_date`, `next_high_date`;
        missing where the days are.

    Examples
    --------
    >>> ahead = pd.DataFrame({"next_median_days": [2.1], "next_low_days": [0.3],
    ...                       "next_high_days": [31.0]})
    >>> dates(ahead, as_of=pd.Timestamp("2024-01-31")).iloc[0].dt.strftime("%d.%m.%Y").tolist()
    ['03.02.2024', '01.02.2024', '02.03.2024']
    """
    columns = [f"next_{end}_days" for end in ("median", "low", "high")]
    return pd.DataFrame(
        {
            name.replace("days", "date"): as_of + pd.to_timedelta(np.ceil(expected[name]), unit="D")
            for name in columns
        }
    )


def timing(expected: pd.DataFrame, *, edges: Sequence[int] = TIMING_EDGES) -> pd.DataFrame:
    """Count the customers by the day by which they have bought with a chance of one half.

    Parameters
    ----------
    expected : DataFrame
        From `expect`.
    edges : sequence of int
        Last days of the classes, rising.

    Returns
    -------
    DataFrame
        One row per class, the soonest first, the last one for those without
        such a day: `from_days`, `to_days` (count, both included; missing
        where open), `customers` (count), `customer_share` (0 to 1),
        `expected_buyers` (count, within the horizon of `expect`).
    """
    whole_days = np.ceil(expected["next_median_days"].to_numpy(float))
    never = len(edges) + 1
    place = np.where(np.isnan(whole_days), never, np.searchsorted(edges, whole_days, side="left"))
    customers = np.bincount(place, minlength=never + 1)
    buyers = np.bincount(
        place, weights=expected["p_next_purchase"].to_numpy(float), minlength=never + 1
    )
    return pd.DataFrame(
        {
            "from_days": [1.0, *(edge + 1.0 for edge in edges), np.nan],
            "to_days": [*map(float, edges), np.nan, np.nan],
            "customers": customers,
            "customer_share": customers / len(expected),
            "expected_buyers": buyers,
        }
    )


def _bought_if_alive(model: PurchaseModel, ages: pd.DataFrame, grid: np.ndarray) -> np.ndarray:
    """Return the chance of a purchase by each day of the grid, in log(1 + days), if alive.

    In every model it depends on frequency and T alone, and the day of the last
    purchase tells no more than whether the customer is alive. So it is asked of
    customers who have just bought, and who are as alive as can be.
    """
    fresh = ages.assign(recency=ages["T"].where(ages["frequency"] > 0, 0.0))
    alive = purchase_models.p_alive(model, fresh).to_numpy()
    silent = [
        purchase_models.p_no_purchase(model, fresh, days=days).to_numpy() for days in np.expm1(grid)
    ]
    bought = (1 - np.column_stack(silent)) / np.maximum(alive, np.finfo(float).tiny)[:, None]
    # A model that integrates may round one of two neighbours the other way.
    return np.clip(np.maximum.accumulate(bought, axis=1), 0, 1)


def _days_at(bought: np.ndarray, grid: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return the day on which each row reaches its chance, NaN where it never does."""
    after = np.count_nonzero(bought < chance[:, None], axis=1)
    reached = np.flatnonzero((bought[:, -1] >= chance) & (after > 0))
    after = after[reached]
    low, high = bought[reached, after - 1], bought[reached, after]
    part = (chance[reached] - low) / (high - low)
    days = np.full(len(bought), np.nan)
    days[reached] = np.expm1(grid[after - 1] + part * (grid[after] - grid[after - 1]))
    return days
