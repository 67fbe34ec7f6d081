"""What the fits of all purchase models share: enough repeat buyers, days, the parameters' table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench import newton
from workbench.newton import Optimum
from workbench.schema import DAYS_PER_WEEK, TooFewData, check_summary

MIN_REPEAT_CUSTOMERS = 20
# A unit and its days.
UNITS_OF_TIME = (("weeks", DAYS_PER_WEEK), ("days", 1))
UNITLESS = (("1", 1),)


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


def parameter_table(
    estimate: Mapping[str, float],
    *,
    times: Sequence[str],
    covariance: Sequence[Sequence[float]],
) -> pd.DataFrame:
    """Put parameters beside their standard errors and 95 % intervals, times in weeks and in days.

    Parameters
    ----------
    estimate : mapping of str to float
        The parameters by name; times in days.
    times : sequence of str
        Names of those that are times.
    covariance : sequence of sequences of float
        Of the parameters, in their order.

    Returns
    -------
    DataFrame
        As `newton.parameter_table`; a time stands twice.
    """
    errors = dict(zip(estimate, np.sqrt(np.diag(covariance)).tolist(), strict=True))
    rows = [
        (name, unit, days)
        for name in estimate
        for unit, days in (UNITS_OF_TIME if name in times else UNITLESS)
    ]
    return newton.parameter_table(
        [estimate[name] / days for name, _, days in rows],
        names=[name for name, _, _ in rows],
        units=[unit for _, unit, _ in rows],
        standard_error=[errors[name] / days for name, _, days in rows],
    )
