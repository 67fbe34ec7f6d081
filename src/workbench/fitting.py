"""What the fits of all purchase models share: enough repeat buyers, and the way back to days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.newton import Optimum
from workbench.schema import TooFewData, check_summary

MIN_REPEAT_CUSTOMERS = 20


def count_customers(profiles: pd.DataFrame, *, title: str) -> tuple[int, int]:
    """Count the customers of profiles, and those of them with a repeat purchase.

    Parameters
    ----------
    profiles : DataFrame
        From `summary.profiles`.
    title : str
        The model's name in messages.

    Raises
    ------
    DataError
        If a profile breaks the promises of a summary.
    TooFewData
        If fewer than `MIN_REPEAT_CUSTOMERS` customers have a repeat purchase.
    """
    check_summary(profiles)
    customers = profiles["customers"]
    n_customers = int(customers.sum())
    n_repeat = int(customers[profiles["frequency"] > 0].sum())
    if n_repeat < MIN_REPEAT_CUSTOMERS:
        raise TooFewData(
            f"{title} needs {MIN_REPEAT_CUSTOMERS} customers with a repeat purchase; {n_repeat} of "
            f"{n_customers} have one. Take a longer calibration period or more customers.",
            have=n_repeat,
            need=MIN_REPEAT_CUSTOMERS,
        )
    return n_customers, n_repeat


def in_days(
    optimum: Optimum, profiles: pd.DataFrame, *, scale: float, times: Sequence[int]
) -> tuple[list[float], tuple[tuple[float, ...], ...], float]:
    """Return estimate, covariance and log-likelihood with time in days.

    Parameters
    ----------
    optimum : Optimum
        With time in units of `scale` days.
    profiles : DataFrame
        What was fitted.
    scale : float
        Days in the unit of time.
    times : sequence of int
        Places of the parameters that are times.
    """
    unscale = np.ones(len(optimum.estimate))
    unscale[list(times)] = scale
    covariance = np.array(optimum.covariance) * np.outer(unscale, unscale)
    n_purchases = float(
        profiles["frequency"].to_numpy(float) @ profiles["customers"].to_numpy(float)
    )
    return (
        (np.array(optimum.estimate) * unscale).tolist(),
        tuple(map(tuple, covariance.tolist())),
        optimum.log_likelihood - n_purchases * float(np.log(scale)),
    )
