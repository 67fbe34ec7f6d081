"""A table of budgets to what was spent on winning and on keeping customers between two days."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

PURPOSES = ("acquisition_budget", "retention_budget")


class Spent(NamedTuple):
    """What was spent between two days.

    Attributes
    ----------
    acquisition, retention : float
        Currency; NaN where a budget of the time is not stated.
    covered : float
        Share of the days for which there is any budget, 0 to 1.
    """

    acquisition: float
    retention: float
    covered: float


def spent(budget: pd.DataFrame, *, since: pd.Timestamp, until: pd.Timestamp) -> Spent:
    """Add up budgets, each spread evenly over the days of its period.

    Parameters
    ----------
    budget : DataFrame
        As `companions` reads it: `first_day`, `last_day`, `acquisition_budget`
        and `retention_budget` (currency; missing where not stated).
    since, until : Timestamp
        First and last day that count.

    Examples
    --------
    >>> table = pd.DataFrame({"first_day": pd.to_datetime(["2024-01-01"]),
    ...                       "last_day": pd.to_datetime(["2024-01-10"]),
    ...                       "acquisition_budget": [100.0], "retention_budget": [20.0]})
    >>> spent(table, since=pd.Timestamp("2024-01-06"), until=pd.Timestamp("2024-01-15"))
    Spent(acquisition=50.0, retention=10.0, covered=0.5)
    """
    first, last = budget["first_day"].clip(lower=since), budget["last_day"].clip(upper=until)
    days = ((last - first).dt.days + 1).clip(lower=0)
    length = (budget["last_day"] - budget["first_day"]).dt.days + 1
    touched = days > 0
    money = [float((budget[name] * days / length)[touched].sum(skipna=False)) for name in PURPOSES]
    span = (until - since).days + 1
    is_covered = np.zeros(span, dtype=bool)
    for start, n in zip((first - since).dt.days[touched], days[touched], strict=True):
        is_covered[start : start + n] = True
    return Spent(*money, covered=float(is_covered.mean()))
