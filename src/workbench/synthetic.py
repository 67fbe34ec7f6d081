"""Seeded customers of worlds whose parameters are known: purchase models and Gamma-Gamma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

# Model to its parameters, times in days, under the names of the fitted records.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "bg_nbd": ("r", "alpha", "a", "b"),
    "mbg_nbd": ("r", "alpha", "a", "b"),
    "pareto_nbd": ("r", "alpha", "s", "beta"),
    "nbd": ("r", "alpha"),
}


class _Traits(NamedTuple):
    """What a customer is born with: rate a day, chance to leave after an order, days to live."""

    rate: np.ndarray
    leaving: np.ndarray
    lifetime: np.ndarray


def purchases(
    *,
    r: float,
    alpha_days: float,
    a: float,
    b: float,
    p: float,
    q: float,
    v: float,
    n_customers: int,
    start: pd.Timestamp,
    acquisition_days: int,
    end: pd.Timestamp,
    seed: int,
) -> pd.DataFrame:
    """Simulate every order of customers who behave exactly as the models say.

    Each customer's first order falls on one of `acquisition_days` days, all
    equally likely; then come orders at the customer's own rate, after each
    of which he leaves for good with his own probability. Time is continuous
    in the world and counted in whole days in the table: several orders of a
    customer on one day are one order, with one amount, so that the table
    holds one row per customer and day.

    Parameters
    ----------
    r, alpha_days : float
        Shape, and rate in days, of the Gamma distribution of purchase rates.
    a, b : float
        Of the Beta distribution of the probability to leave after an order.
    p, q, v : float
        Shape of the amounts, and shape and rate of the Gamma distribution of
        their scale (v in currency).
    n_customers : int
        Customers, all of whom buy at least once.
    start, end : Timestamp
        First day of acquisition and last day of the table, both included.
    acquisition_days : int
        Length of the acquisition in days.
    seed : int
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        Sorted by customer and day, one row per customer and day.

        - `customer_id` (text)
        - `date` (datetime, midnight)
        - `amount` (float): currency, in cents, at least 0.01

    Raises
    ------
    ValueError
        If a parameter is not positive, or the acquisition ends after `end`.

    Examples
    --------
    >>> orders = purchases(
    ...     r=0.243, alpha_days=31, a=0.793, b=2.426, p=6.25, q=3.74, v=15.44,
    ...     n_customers=3, start=pd.Timestamp("2024-01-01"), acquisition_days=7,
    ...     end=pd.Timestamp("2024-12-31"), seed=1,
    ... )
    >>> orders["customer_id"].nunique()
    3
    """
    _check_positive(p=p, q=q, v=v)
    rng = np.random.default_rng(seed)
    n_days = (end - start).days
    customer, day = _purchase_days(
        rng, r, alpha_days, a, b, n_customers, acquisition_days=acquisition_days, n_days=n_days
    )

    return _priced(rng, customer, day, n_customers=n_customers, start=start, p=p, q=q, v=v)


def orders(
    model: str,
    *,
    parameters: Mapping[str, float],
    p: float,
    q: float,
    v: float,
    n_customers: int,
    start: pd.Timestamp,
    acquisition_days: int,
    end: pd.Timestamp,
    seed: int,
    demand: np.ndarray | None = None,
) -> pd.DataFrame:
    """Simulate every order of customers of any of the four purchase models.

    Whole days and money are as in `purchases`. With `demand` the rate of all
    customers swings together, which no purchase model knows of.

    Parameters
    ----------
    model : str
        One of `PARAMETERS`.
    parameters : mapping of str to float
        The model's parameters, times in days.
    p, q, v, n_customers, start, acquisition_days, end, seed
        As in `purchases`.
    demand : array, optional
        Every day's rate as a multiple of the customer's own, one positive number
        for each day from `start` to `end`.

    Returns
    -------
    DataFrame
        As `purchases`.

    Raises
    ------
    ValueError
        As in `purchases`; if the model or its parameters are unknown, or
        `demand` has another length.

    Examples
    --------
    >>> lines = orders(
    ...     "nbd", parameters={"r": 0.385, "alpha": 84.5}, p=6.25, q=3.74, v=15.44,
    ...     n_customers=3, start=pd.Timestamp("2024-01-01"), acquisition_days=7,
    ...     end=pd.Timestamp("2024-12-31"), seed=1,
    ... )
    >>> list(lines.columns)
    ['customer_id', 'date', 'amount']
    """
    _check_positive(p=p, q=q, v=v, n_customers=n_customers, acquisition_days=acquisition_days)
    rng = np.random.default_rng(seed)
    n_days = (end - start).days
    _check_acquisition(acquisition_days, n_days)
    if demand is not None and (len(demand) != n_days + 1 or not (demand > 0).all()):
        raise ValueError(
            f"demand has {len(demand)} numbers, {int((np.asarray(demand) > 0).sum())} of them "
            f"positive, for {n_days + 1} days from start to end. Give one positive number a day."
        )
    traits = _traits(rng, model, parameters, n_customers)
    first = rng.integers(0, acquisition_days, n_customers)
    customer, time = _order_times(
        rng, traits, first, end=n_days + 1, at_once=model == "mbg_nbd", demand=demand
    )
    customer, day = _whole_days(customer, time, n_days)
    return _priced(rng, customer, day, n_customers=n_customers, start=start, p=p, q=q, v=v)


def histories(
    model: str,
    *,
    parameters: Mapping[str, float],
    n_customers: int,
    acquisition_days: float,
    n_days: float,
    future_days: float,
    seed: int,
) -> pd.DataFrame:
    """Simulate what is known of each customer on a day, and how often he buys after it.

    Time is continuous, as in the models: nothing is rounded or merged.

    Parameters
    ----------
    model, parameters, seed
        As in `orders`.
    n_customers : int
        Customers, all of whom buy at least once.
    acquisition_days : float
        First orders fall into so many days, every moment equally likely.
    n_days : float
        Days from the start of the acquisition to the day of the summary.
    future_days : float
        Days after that.

    Returns
    -------
    DataFrame
        One row per customer, numbered: `frequency` (count), `recency` and `T`
        (days, with decimals), `purchases` (count in the future days).

    Raises
    ------
    ValueError
        As in `orders`.

    Examples
    --------
    >>> histories("nbd", parameters={"r": 0.385, "alpha": 84.5}, n_customers=3,
    ...           acquisition_days=91, n_days=273, future_days=273, seed=1).shape
    (3, 4)
    """
    _check_positive(
        n_customers=n_customers, acquisition_days=acquisition_days, future_days=future_days
    )
    _check_acquisition(acquisition_days, n_days)
    rng = np.random.default_rng(seed)
    traits = _traits(rng, model, parameters, n_customers)
    first = rng.uniform(0.0, acquisition_days, n_customers)
    customer, time = _order_times(
        rng, traits, first, end=n_days + future_days, at_once=model == "mbg_nbd"
    )

    known = time <= n_days
    last = first.copy()
    np.maximum.at(last, customer[known], time[known])
    return pd.DataFrame(
        {
            "frequency": np.bincount(customer[known], minlength=n_customers) - 1,
            "recency": last - first,
            "T": n_days - first,
            "purchases": np.bincount(customer[~known], minlength=n_customers),
        },
        index=pd.RangeIndex(n_customers, name="customer_id"),
    )


def purchase_summary(
    *,
    r: float,
    alpha_days: float,
    a: float,
    b: float,
    n_customers: int,
    acquisition_days: int,
    n_days: int,
    seed: int,
) -> pd.DataFrame:
    """Simulate frequency, recency and T of such customers without a table of orders.

    Same world and same whole days as `purchases`, for millions of customers.

    Parameters
    ----------
    r, alpha_days, a, b, n_customers, acquisition_days, seed
        As in `purchases`.
    n_days : int
        Days from the start of the acquisition to the day of the summary.

    Returns
    -------
    DataFrame
        One row per customer, numbered: `frequency` (count), `recency` and
        `T` (days).

    Raises
    ------
    ValueError
        As in `purchases`.

    Examples
    --------
    >>> purchase_summary(r=0.243, alpha_days=31, a=0.793, b=2.426, n_customers=3,
    ...                  acquisition_days=7, n_days=365, seed=1).shape
    (3, 3)
    """
    rng = np.random.default_rng(seed)
    customer, day = _purchase_days(
        rng, r, alpha_days, a, b, n_customers, acquisition_days=acquisition_days, n_days=n_days
    )

    n_orders = np.bincount(customer, minlength=n_customers)
    last_row = np.cumsum(n_orders) - 1
    first, last = day[last_row - n_orders + 1], day[last_row]
    return pd.DataFrame(
        {
            "frequency": n_orders - 1,
            "recency": (last - first).astype(float),
            "T": (n_days - first).astype(float),
        },
        index=pd.RangeIndex(n_customers, name="customer_id"),
    )


def _purchase_days(
    rng: np.random.Generator,
    r: float,
    alpha_days: float,
    a: float,
    b: float,
    n_customers: int,
    *,
    acquisition_days: int,
    n_days: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return customer and day of every order, sorted, one per customer and day."""
    _check_positive(
        r=r,
        alpha_days=alpha_days,
        a=a,
        b=b,
        n_customers=n_customers,
        acquisition_days=acquisition_days,
    )
    _check_acquisition(acquisition_days, n_days)
    parameters = {"r": r, "alpha": alpha_days, "a": a, "b": b}
    traits = _traits(rng, "bg_nbd", parameters, n_customers)
    first = rng.integers(0, acquisition_days, n_customers)
    customer, time = _order_times(rng, traits, first, end=n_days + 1, at_once=False)
    return _whole_days(customer, time, n_days)


def _traits(
    rng: np.random.Generator, model: str, parameters: Mapping[str, float], n_customers: int
) -> _Traits:
    if model not in PARAMETERS:
        raise ValueError(f"there is no purchase model {model!r}; there are {list(PARAMETERS)}.")
    if set(parameters) != set(PARAMETERS[model]):
        raise ValueError(
            f"{model} has the parameters {list(PARAMETERS[model])}, not {sorted(parameters)}."
        )
    _check_positive(**parameters)
    rate = rng.gamma(parameters["r"], 1 / parameters["alpha"], n_customers)
    leaving, lifetime = np.zeros(n_customers), np.full(n_customers, np.inf)
    if "a" in parameters:
        leaving = rng.beta(parameters["a"], parameters["b"], n_customers)
    if "s" in parameters:
        going = rng.gamma(parameters["s"], 1 / parameters["beta"], n_customers)
        with np.errstate(divide="ignore"):  # a rate may underflow to 0: he never leaves
            lifetime = rng.exponential(1.0, n_customers) / going
    return _Traits(rate, leaving, lifetime)


def _order_times(
    rng: np.random.Generator,
    traits: _Traits,
    first: np.ndarray,
    *,
    end: float,
    at_once: bool,
    demand: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return customer and time of every order before the end, first ones first.

    Under `demand` orders are random on a clock that runs as fast as it says.
    """
    days = np.arange(end + 1) if demand is not None else np.zeros(0)
    clock = np.append(0.0, np.cumsum(demand)) if demand is not None else days

    def ticked(time: np.ndarray) -> np.ndarray:
        return time if demand is None else np.interp(time, days, clock)

    customer = np.arange(first.size)
    limit = ticked(np.minimum(first + traits.lifetime, end))
    time = ticked(first.astype(float))
    customers, times = [customer], [first]
    if at_once:
        stays = rng.random(customer.size) >= traits.leaving
        customer, time = customer[stays], time[stays]
    # One round per order: those who stay draw the time of their next one.
    while customer.size:
        with np.errstate(divide="ignore"):  # a rate may underflow to 0: no further order
            time = time + rng.exponential(1.0, customer.size) / traits.rate[customer]
        known = time < limit[customer]
        customer, time = customer[known], time[known]
        customers.append(customer)
        times.append(time if demand is None else np.interp(time, clock, days))
        stays = rng.random(customer.size) >= traits.leaving[customer]
        customer, time = customer[stays], time[stays]
    return np.concatenate(customers), np.concatenate(times)


def _whole_days(
    customer: np.ndarray, time: np.ndarray, n_days: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return customer and day, sorted, one row per customer and day."""
    # A clock turned back into days may round up to the end itself.
    day = np.minimum(np.floor(time), n_days).astype(np.int64)
    key = np.unique(customer * (n_days + 1) + day)
    return np.divmod(key, n_days + 1)


def _priced(
    rng: np.random.Generator,
    customer: np.ndarray,
    day: np.ndarray,
    *,
    n_customers: int,
    start: pd.Timestamp,
    p: float,
    q: float,
    v: float,
) -> pd.DataFrame:
    """Put an amount to every customer and day, and names to the customers."""
    scale = rng.gamma(q, 1 / v, n_customers)
    amount = rng.gamma(p, 1.0, customer.size) / scale[customer]
    digits = len(str(n_customers))
    names = np.array([f"{number:0{digits}d}" for number in range(1, n_customers + 1)])
    return pd.DataFrame(
        {
            "customer_id": names[customer],
            "date": start + pd.to_timedelta(day, unit="D"),
            "amount": np.maximum(amount.round(2), 0.01),
        }
    )


def _check_acquisition(acquisition_days: float, n_days: float) -> None:
    if acquisition_days > n_days + 1:
        raise ValueError(
            f"acquisition_days={acquisition_days} is longer than the {n_days + 1} days "
            "from start to end. Take a later end."
        )


def _check_positive(**parameters: float) -> None:
    for name, value in parameters.items():
        if not value > 0:
            raise ValueError(f"{name}={value} must be positive.")
