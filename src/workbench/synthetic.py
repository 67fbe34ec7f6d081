"""Seeded customers of a BG/NBD and Gamma-Gamma world whose parameters are known."""

from __future__ import annotations

import numpy as np
import pandas as pd


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
    if acquisition_days > n_days + 1:
        raise ValueError(
            f"acquisition_days={acquisition_days} is longer than the {n_days + 1} days "
            "from start to end. Take a later end."
        )
    rate = rng.gamma(r, 1 / alpha_days, n_customers)
    leaving = rng.beta(a, b, n_customers)
    first = rng.integers(0, acquisition_days, n_customers)

    # One round per order: those who stay draw the time of their next one.
    customer = np.arange(n_customers)
    time = first.astype(float)
    customers, days = [customer], [first]
    while customer.size:
        with np.errstate(divide="ignore"):  # a rate may underflow to 0: no further order
            time = time + rng.exponential(1.0, customer.size) / rate[customer]
        known = time < n_days + 1
        customer, time = customer[known], time[known]
        customers.append(customer)
        days.append(np.floor(time).astype(np.int64))
        stays = rng.random(customer.size) >= leaving[customer]
        customer, time = customer[stays], time[stays]

    key = np.unique(np.concatenate(customers) * (n_days + 1) + np.concatenate(days))
    return np.divmod(key, n_days + 1)


def _check_positive(**parameters: float) -> None:
    for name, value in parameters.items():
        if not value > 0:
            raise ValueError(f"{name}={value} must be positive.")
