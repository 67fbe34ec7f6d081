"""Values of customers to tables of how unequally they are spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.schema import DataError

SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
N_DECILES = 10


def deciles(values: pd.Series) -> pd.DataFrame:
    """Cut customers into ten classes of equal size, the largest values first.

    The sizes differ by one at most. Equal values at a border are told apart by
    `customer_id`, which changes no figure of the table.

    Parameters
    ----------
    values : Series
        Indexed by `customer_id`; one value per customer, >= 0.

    Returns
    -------
    DataFrame
        Indexed by `decile` from 1: `customers` (count), `mean_value`, `value`
        (sum) and `value_share`. Fewer than ten customers fill fewer classes.

    Raises
    ------
    DataError
        If a value is missing or negative.
    """
    decile = decile_of(values)
    ordered = values.reindex(decile.index)
    groups = ordered.groupby(decile)
    table = pd.DataFrame(
        {"customers": groups.size(), "mean_value": groups.mean(), "value": groups.sum()}
    )
    table["value_share"] = table["value"] / ordered.sum()
    return table


def decile_of(values: pd.Series) -> pd.Series:
    """Place each customer in one of ten classes of equal size, as `deciles` cuts them.

    Parameters
    ----------
    values : Series
        Indexed by `customer_id`; one value per customer, >= 0.

    Returns
    -------
    Series of int
        `decile` from 1, the largest values first; indexed by customer in that order.

    Raises
    ------
    DataError
        If a value is missing or negative.

    Examples
    --------
    >>> decile_of(pd.Series({"anna": 1.0, "ben": 3.0, "cleo": 3.0})).to_dict()
    {'ben': 1, 'cleo': 4, 'anna': 7}
    """
    _check_values(values)
    ordered = values.sort_index().sort_values(ascending=False, kind="stable")
    decile = np.arange(len(ordered)) * N_DECILES // max(len(ordered), 1) + 1
    return pd.Series(decile, ordered.index, name="decile")


def concentration(values: pd.Series, *, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """Measure which part of a total the largest customers hold.

    A share of the customers that is no whole number takes a part of the customer
    at the border, and equal values at the border are averaged; so the order of
    equal customers changes nothing.

    Parameters
    ----------
    values : Series
        One value per customer, >= 0.
    shares : sequence of float
        Shares of the customers, in (0, 1].

    Returns
    -------
    DataFrame
        Indexed by `top_share`: `customers` (count, may be a fraction) and
        `share_of_total`; NaN if the total is 0.

    Raises
    ------
    DataError
        If there is no customer, or a value is missing or negative.
    ValueError
        If a share is outside (0, 1].

    Examples
    --------
    >>> concentration(pd.Series([1, 5, 1, 2, 1]), shares=[0.2, 0.5])
               customers  share_of_total
    top_share
    0.2              1.0            0.50
    0.5              2.5            0.75
    """
    _check_values(values)
    if values.empty:
        raise DataError("values is empty. Take a table with at least one customer.")
    outside = [share for share in shares if not 0 < share <= 1]
    if outside:
        raise ValueError(f"shares {outside} are outside (0, 1].")
    # Interpolating the running sum gives a tie at the border its average by itself.
    held = np.concatenate([[0.0], np.cumsum(np.sort(values.to_numpy(float))[::-1])])
    customers = np.asarray(shares, dtype=float) * len(values)
    share_of_total = np.full(len(customers), np.nan)
    if held[-1] > 0:
        share_of_total = np.interp(customers, np.arange(len(held)), held) / held[-1]
    return pd.DataFrame(
        {"customers": customers, "share_of_total": share_of_total},
        index=pd.Index(shares, name="top_share", dtype=float),
    )


def _check_values(values: pd.Series) -> None:
    n_bad = int((~(values >= 0) | np.isinf(values)).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(values)} values are missing, infinite or < 0.")
