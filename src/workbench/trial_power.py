"""Sizes of two groups to the smallest effect that a comparison of them can show, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from workbench import control_groups

POWER = 0.8
# Two-sided.
SIGNIFICANCE = 0.05
# More buyers among the contacted, as a share of them.
EFFECTS = (0.01, 0.02, 0.05)
# Of the list that is not contacted, side by side.
SHARES = (0.1, 0.2, 0.3, 0.5)


def power(base: float, effect: float, *, target: float, control: float) -> float:
    """Give the chance that two groups show a difference of their shares.

    The test is the one of two shares with a pooled variance, two-sided at
    `SIGNIFICANCE`; a difference with the wrong sign counts as none.

    Parameters
    ----------
    base : float
        Share of buyers in the control group, 0 to 1.
    effect : float
        How much larger it is in the target group.
    target, control : float
        Customers of the groups, above 0.

    Returns
    -------
    float
        0 to 1.

    References
    ----------
    Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions,
    3rd edition, chapter 4.
    """
    other = base + effect
    pooled = (control * base + target * other) / (control + target)
    under_none = math.sqrt(pooled * (1 - pooled) * (1 / target + 1 / control))
    under_both = math.sqrt(base * (1 - base) / control + other * (1 - other) / target)
    distance = effect - ndtri(1 - SIGNIFICANCE / 2) * under_none
    if under_both == 0:
        return float(distance > 0)
    return float(ndtr(distance / under_both))


def visible_share(base: float, *, target: float, control: float) -> float:
    """Find the smallest rise of a share that two groups show with a chance of `POWER`.

    Parameters
    ----------
    base, target, control
        As in `power`.

    Returns
    -------
    float
        Share; NaN where not even everybody buying would show.
    """
    most = 1 - base
    if not (target > 0 and control > 0 and most > 0):
        return math.nan

    def lacking(effect: float) -> float:
        return power(base, effect, target=target, control=control) - POWER

    return math.nan if lacking(most) < 0 else float(brentq(lacking, 0.0, most, xtol=1e-12))


def visible_mean(deviation: float, *, target: float, control: float) -> float:
    """Find the smallest difference of means that two groups show with a chance of `POWER`.

    Parameters
    ----------
    deviation : float
        Standard deviation of what single customers bring.
    target, control : float
        Customers of the groups.

    Returns
    -------
    float
        In the unit of `deviation`; NaN where a group is empty.

    Examples
    --------
    >>> round(visible_mean(10, target=100, control=100), 2)
    3.96
    """
    if not (target > 0 and control > 0):
        return math.nan
    z = ndtri(1 - SIGNIFICANCE / 2) + ndtri(POWER)
    return float(z * deviation * math.sqrt(1 / target + 1 / control))


def customers_needed(base: float, effect: float) -> float:
    """Find how many customers each of two equal groups needs, to show a rise of a share.

    Parameters
    ----------
    base, effect : float
        As in `power`.

    Returns
    -------
    float
        Customers of one group, rounded up; NaN where the effect is impossible.

    Examples
    --------
    >>> customers_needed(0.10, 0.03)
    1774.0
    """
    other = base + effect
    if not (effect > 0 and base >= 0 and other <= 1):
        return math.nan
    mean = (base + other) / 2
    chance = ndtri(1 - SIGNIFICANCE / 2) * math.sqrt(2 * mean * (1 - mean))
    missed = ndtri(POWER) * math.sqrt(base * (1 - base) + other * (1 - other))
    return float(math.ceil((chance + missed) ** 2 / effect**2))


def in_window(p: pd.Series, *, of_days: int, days: int) -> pd.Series:
    """Turn the chance of a purchase in a horizon into that in a shorter time: ``1 - (1-p)^(d/D)``.

    Every day is taken to have the same chance, so this is a baseline to plan with.

    Parameters
    ----------
    p : Series
        Chance of a purchase in `of_days` days, 0 to 1.
    of_days, days : int
        Of the horizon, and those asked for.

    Examples
    --------
    >>> in_window(pd.Series([0.75, 1.0, 0.0]), of_days=100, days=50).tolist()
    [0.5, 1.0, 0.0]
    """
    return 1 - (1 - p.astype(float)) ** (days / of_days)


def past_revenue(
    orders: pd.DataFrame, *, customers: pd.Index, as_of: pd.Timestamp, days: int
) -> pd.Series:
    """Sum what each customer spent in the days up to one day, 0 where nothing.

    Parameters
    ----------
    orders : DataFrame
        `customer_id`, `date`, `amount` (currency).
    customers : Index
        Whom to ask for.
    as_of : Timestamp
        The last of these days.
    days : int
        How many of them.
    """
    lately = (orders["date"] > as_of - pd.Timedelta(days=days)) & (orders["date"] <= as_of)
    spent = orders[lately].groupby("customer_id")["amount"].sum()
    return spent.reindex(customers, fill_value=0.0).rename("revenue")


def splits(
    listed: int,
    *,
    shares: Iterable[float],
    base: float,
    deviation: float,
    gain: float,
    drawn: Mapping[float, int] | None = None,
) -> pd.DataFrame:
    """Say what a list can show, by the share of it that is not contacted, and what that costs.

    Parameters
    ----------
    listed : int
        Customers on the list.
    shares : iterable of float
        Of the control group.
    base : float
        Share of buyers to be expected without a contact.
    deviation : float
        Standard deviation of what single customers spend (currency).
    gain : float
        Expected of the whole list, without the fixed cost (currency).
    drawn : mapping of float to int, optional
        By share, the size of a control group that is drawn already.

    Returns
    -------
    DataFrame
        Indexed by `control_share`, rising: `target`, `control` (counts),
        `visible_share`, `visible_revenue` (currency per head) and `forgone`
        (currency, the gain of those not contacted).
    """
    rows = {}
    for share in sorted(set(shares)):
        control = (drawn or {}).get(share, control_groups.count(listed, share=share))
        target = listed - control
        rows[share] = {
            "target": target,
            "control": control,
            "visible_share": visible_share(base, target=target, control=control),
            "visible_revenue": visible_mean(deviation, target=target, control=control),
            "forgone": gain * control / listed,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("control_share")


def needed(base: float, *, effects: Iterable[float] = EFFECTS) -> pd.DataFrame:
    """Say how many customers each of two equal groups needs for effects of a given size.

    Returns
    -------
    DataFrame
        Indexed by `more_buyers` (the effect, as a share): `group_size` (customers).
    """
    sizes = {effect: customers_needed(base, effect) for effect in effects}
    index = pd.Index(list(sizes), name="more_buyers")
    return pd.DataFrame({"group_size": np.array(list(sizes.values()))}, index=index)
