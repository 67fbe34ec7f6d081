"""A little more retention: what it would change in value, in three readings of "5 %".

One reading leaves fewer of those who leave, one keeps more of those who stay, one adds percentage
points. None of them is profit: what it costs to keep customers is not in it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import betaincinv, gammaincinv

from workbench import predictive
from workbench.mbg_nbd import MbgNbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchase_models import PurchaseModel
from workbench.purchases import BgNbd
from workbench.schema import DAYS_PER_YEAR, NotIdentified

STEP = 0.05
# From the chance of leaving to the changed one, by the size of the step.
READINGS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "churn_relative": lambda leaving, step: (1 - step) * leaving,
    "retention_relative": lambda leaving, step: np.maximum(1 - (1 + step) * (1 - leaving), 0.0),
    "retention_points": lambda leaving, step: np.maximum(leaving - step, 0.0),
}
# Gauss-Legendre points: customers that differ in their chance to leave, and days of a horizon.
# A change is off by less than 0.1 percentage points.
LEAVING_POINTS = 64
TIME_POINTS = 6
# So many customers times both kinds of points stay in memory at a time.
BLOCK = 256


def constant_retention(
    retention: float, *, annual_discount_rate: float, step: float = STEP
) -> pd.DataFrame:
    """Change the retention rate of customers who all leave at one constant rate.

    A customer who brings 1 at the end of each year that he stays is worth
    ``r / (1 + i - r)``. Real customers differ, and a single rate understates
    what the loyal ones are worth.

    Parameters
    ----------
    retention : float
        Share that stays from one year to the next, r, between 0 and 1.
    annual_discount_rate : float
        Effective rate a year, i, above 0.
    step : float
        Size of the change: 0.05 is 5 %, or five percentage points.

    Returns
    -------
    DataFrame
        Indexed by `reading`, one of `READINGS`: `retention` (changed),
        `multiple` (of a year's margin), `change` (of the multiple, as a
        share). A rate that would pass 1 stays at 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    Gupta and Lehmann (2003), Customers as assets, Journal of Interactive Marketing 17 (1), 9-24.

    Examples
    --------
    >>> constant_retention(0.8, annual_discount_rate=0.10).round(3)
                        retention  multiple  change
    reading
    churn_relative           0.81     2.793   0.047
    retention_relative       0.84     3.231   0.212
    retention_points         0.85     3.400   0.275
    """
    before = multiple(retention, annual_discount_rate=annual_discount_rate)
    _check_step(step)
    changed = pd.Series({name: 1 - read(1 - retention, step) for name, read in READINGS.items()})
    after = changed / (1 + annual_discount_rate - changed)
    return pd.DataFrame(
        {"retention": changed, "multiple": after, "change": after / before - 1}
    ).rename_axis("reading")


def multiple(retention: float, *, annual_discount_rate: float) -> float:
    """Return the value of a customer in years' margins, ``r / (1 + i - r)``.

    Raises
    ------
    ValueError
        If the retention rate is not between 0 and 1, or the discount rate not
        above 0.
    """
    if not 0 < retention < 1:
        raise ValueError(f"retention={retention} must lie between 0 and 1: write 0.80 for 80 %.")
    if not 0 < annual_discount_rate < 1:
        raise ValueError(
            f"annual_discount_rate={annual_discount_rate} must lie between 0 and 1: "
            "write 0.10 for 10 %."
        )
    return retention / (1 + annual_discount_rate - retention)


def elasticity(retention: float, *, annual_discount_rate: float) -> float:
    """Return by how many per cent value rises per per cent of retention, ``(1+i) / (1+i-r)``.

    Raises
    ------
    ValueError
        As in `multiple`.
    """
    once = multiple(retention, annual_discount_rate=annual_discount_rate)
    return (1 + annual_discount_rate) * once / retention


def existing_customers(
    model: PurchaseModel,
    summary: pd.DataFrame,
    *,
    values: pd.Series,
    horizon_days: float,
    annual_discount_rate: float,
    step: float = STEP,
) -> pd.DataFrame:
    """Change how readily today's customers leave from now on, and value them again.

    The chance to leave is each customer's own and is changed for each: in
    BG/NBD and MBG/NBD that after one purchase, in Pareto/NBD that within one
    year. Whether a customer has left already, how often he buys and what he
    spends stay as they are.

    Parameters
    ----------
    model : PurchaseModel
        From `purchase_models.fit`.
    summary : DataFrame
        `frequency`, `recency`, `T` (days), any index.
    values : Series
        Same index: value of each customer in the horizon, such as `clv`.
    horizon_days, annual_discount_rate : float
        Those of the values.
    step : float
        Size of the change.

    Returns
    -------
    DataFrame
        Indexed by `reading`, one of `READINGS`: `value` (as it is),
        `new_value`, `difference` (currency), `change` (share).

    Raises
    ------
    NotIdentified
        If the model knows no leaving.
    ValueError
        If a parameter is out of range.
    """
    _check_terms(horizon_days, annual_discount_rate, step)
    reader = _reader(model, horizon_days, annual_discount_rate)

    def ratios(x: np.ndarray, age: np.ndarray) -> np.ndarray:
        before = reader(x, age, lambda leaving: leaving)
        after = [
            reader(x, age, lambda leaving, read=read: read(leaving, step))
            for read in READINGS.values()
        ]
        return np.column_stack(after) / before[:, None]

    factor = predictive.evaluate_once(ratios, summary)
    before = float(values.sum())
    after = values.loc[summary.index].to_numpy(float) @ factor
    return pd.DataFrame(
        {
            "value": before,
            "new_value": after,
            "difference": after - before,
            "change": after / before - 1 if before > 0 else np.nan,
        },
        index=pd.Index(READINGS, name="reading"),
    )


def new_customer(
    model: PurchaseModel,
    *,
    horizon_days: float,
    annual_discount_rate: float,
    step: float = STEP,
) -> pd.DataFrame:
    """Change how readily a new customer leaves, and count the repeat purchases again.

    Parameters
    ----------
    model, horizon_days, annual_discount_rate, step
        As in `existing_customers`.

    Returns
    -------
    DataFrame
        Indexed by `reading`: `repeats` (discounted count, as it is),
        `new_repeats`, `change` (share).

    Raises
    ------
    NotIdentified, ValueError
        As in `existing_customers`.
    """
    _check_terms(horizon_days, annual_discount_rate, step)
    reader = _reader(model, horizon_days, annual_discount_rate, first_chance=True)
    nothing = np.zeros(1)
    before = float(reader(nothing, nothing, lambda leaving: leaving)[0])
    after = np.array(
        [
            float(reader(nothing, nothing, lambda leaving, read=read: read(leaving, step))[0])
            for read in READINGS.values()
        ]
    )
    return pd.DataFrame(
        {"repeats": before, "new_repeats": after, "change": after / before - 1},
        index=pd.Index(READINGS, name="reading"),
    )


def _reader(
    model: PurchaseModel,
    horizon_days: float,
    annual_discount_rate: float,
    *,
    first_chance: bool = False,
) -> Callable[[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]], np.ndarray]:
    """Return the function from x, T and a change to the discounted purchases of those alive."""
    daily_rate = float(np.log1p(annual_discount_rate)) / DAYS_PER_YEAR
    if isinstance(model, ParetoNbd):
        return lambda x, age, change: _at_any_time(
            model, x, age, change, horizon_days=horizon_days, daily_rate=daily_rate
        )
    if isinstance(model, BgNbd | MbgNbd):
        # The first purchase of MBG/NBD is a chance to leave; who is known has survived it.
        is_first = first_chance and isinstance(model, MbgNbd)
        return lambda x, age, change: _after_purchases(
            model,
            x,
            age,
            change,
            horizon_days=horizon_days,
            daily_rate=daily_rate,
            is_first=is_first,
        )
    raise NotIdentified(
        f"{model.name} knows no leaving, so retention cannot change in it. "
        "Take BG/NBD, MBG/NBD or Pareto/NBD."
    )


def _after_purchases(
    model: BgNbd | MbgNbd,
    x: np.ndarray,
    age: np.ndarray,
    change: Callable[[np.ndarray], np.ndarray],
    *,
    horizon_days: float,
    daily_rate: float,
    is_first: bool,
) -> np.ndarray:
    """Count the discounted purchases of customers who may leave after each one.

    Who leaves with probability p buys ``(1 - (1 + p tau)^-u) / p`` times, with
    u = r + x and tau = days / (alpha + T). By parts, the discounted sum is
    that of the horizon less what lost value on the way.
    """
    b = model.b + x + (1.0 if isinstance(model, MbgNbd) and not is_first else 0.0)
    b_values, code = np.unique(b, return_inverse=True)
    point, weight = _unit_legendre(LEAVING_POINTS)
    leaving = change(betaincinv(model.a, b_values[:, None], point))
    weights = weight * (1 - leaving) if is_first else np.broadcast_to(weight, leaving.shape)
    # The limit of no leaving at all is u tau; so is what the digits give here.
    leaving = np.maximum(leaving, 1e-12)
    time, time_weight = _unit_legendre(TIME_POINTS)

    result = np.empty(x.size)
    for first in range(0, x.size, BLOCK):
        part = slice(first, first + BLOCK)
        clock = (model.alpha + age[part])[:, None]
        length = np.log1p(horizon_days / clock)
        days = np.hstack([clock * np.expm1(length * time), np.full_like(clock, horizon_days)])
        p, u = leaving[code[part]][:, None, :], (model.r + x[part])[:, None, None]
        bought = -np.expm1(-u * np.log1p(p * (days / clock)[:, :, None])) / p
        mean = np.einsum("ijk,ik->ij", bought, weights[code[part]])
        worth = np.exp(-daily_rate * days)
        lost = worth[:, :-1] * mean[:, :-1] * (clock + days[:, :-1]) * (length * time_weight)
        result[part] = worth[:, -1] * mean[:, -1] + daily_rate * lost.sum(axis=1)
    return result


def _at_any_time(
    model: ParetoNbd,
    x: np.ndarray,
    age: np.ndarray,
    change: Callable[[np.ndarray], np.ndarray],
    *,
    horizon_days: float,
    daily_rate: float,
) -> np.ndarray:
    """Count the discounted purchases of customers who may leave at any time.

    Who leaves at the rate mu is gone within a year with ``1 - exp(-365 mu)``.
    """
    point, weight = _unit_legendre(LEAVING_POINTS)
    rate = gammaincinv(model.s, point) / (model.beta + age)[:, None]
    leaving = change(-np.expm1(-rate * DAYS_PER_YEAR))
    with np.errstate(divide="ignore"):  # who leaves for sure leaves at once
        lost = daily_rate - np.log1p(-leaving) / DAYS_PER_YEAR
    # Without leaving and discounting the days of the horizon count in full.
    lost = np.maximum(lost, 1e-15)
    days = -np.expm1(-lost * horizon_days) / lost
    return (model.r + x) / (model.alpha + age) * (days @ weight)


def _unit_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    point, weight = np.polynomial.legendre.leggauss(n)
    return (1 + point) / 2, weight / 2


def _check_step(step: float) -> None:
    if not 0 < step < 1:
        raise ValueError(f"step={step} must lie between 0 and 1: write 0.05 for 5 %.")


def _check_terms(horizon_days: float, annual_discount_rate: float, step: float) -> None:
    _check_step(step)
    if not 0 < horizon_days < float("inf"):
        raise ValueError(f"horizon_days={horizon_days} must be positive.")
    if not 0 <= annual_discount_rate < 1:
        raise ValueError(
            f"annual_discount_rate={annual_discount_rate} must be at least 0 and below 1, "
            "as an effective rate a year: write 0.10 for 10 %."
        )
