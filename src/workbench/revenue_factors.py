"""Two periods to one row per factor of revenue: customers, purchases each, basket."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench import periods as spans
from workbench.orders import Orders
from workbench.periods import Periods

FACTORS = ("active", "frequency", "basket")
GROUPS = ("all", "both")
COLUMNS = ("customers", "previous", "now", "change", "change_low", "change_high")


def decompose(orders: pd.DataFrame | Orders, *, periods: Periods, seed: int) -> pd.DataFrame:
    """Split the change of revenue into more customers, more purchases each, larger baskets.

    Revenue is the product of the three. Each gets the logarithm of its own
    ratio times the logarithmic mean of both revenues, so that the parts add up
    exactly and no order of the factors is preferred.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    periods : Periods
        From `periods.choose`.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        Indexed by `group` (``all``, and ``both``: who bought in both periods)
        and `factor`, one of `FACTORS`: `customers` (count, with a purchase in
        either period), `previous` and `now` (the factor), `change`, `change_low`
        and `change_high` (what it did to revenue, in currency, 95 %). A group
        without revenue in one of the periods has no rows.

    References
    ----------
    Ang (2005), The LMDI approach to decomposition analysis, Energy Policy 33, 867-871.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "anna", "ben"], "amount": [10.0, 9.0, 11.0, 10.0],
    ...     "date": pd.to_datetime(["2024-01-02", "2024-02-02", "2024-02-08", "2024-02-20"])})
    >>> two = spans.Periods(28, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-25"))
    >>> decompose(orders, periods=two, seed=1).loc["all", ["previous", "now", "change"]].round(2)
               previous   now  change
    factor
    active          1.0   2.0   12.62
    frequency       1.0   1.5    7.38
    basket         10.0  10.0    0.00
    """
    bought = spans.by_customer(orders, periods=periods)
    active = (bought[["purchases_1", "purchases_0"]] > 0).to_numpy()
    tables = {}
    for group, inside in zip(GROUPS, (active.any(axis=1), active.all(axis=1)), strict=True):
        part = bought[inside]
        sums = np.column_stack(
            [
                *(active[inside, 0], part["purchases_1"], part["revenue_1"]),
                *(active[inside, 1], part["purchases_0"], part["revenue_0"]),
            ]
        ).astype(float)
        both = sums.sum(axis=0, keepdims=True)
        if len(part) and (both[0, [2, 5]] > 0).all():
            tables[group] = _group(sums, both, seed=seed)
    empty = pd.DataFrame(columns=COLUMNS, index=pd.Index([], name="factor"), dtype=float)
    return pd.concat(tables or {"all": empty}, names=["group"])


def shown(split: pd.DataFrame, *, parts: pd.DataFrame) -> pd.DataFrame:
    """Blank what would give away a part that the bridge of the same periods blanks.

    Parameters
    ----------
    split : DataFrame
        From `decompose`.
    parts : DataFrame
        Of `revenue_bridge.shown`.
    """
    if not parts["customers"].isna().any():
        return split
    hidden = split.assign(customers=np.nan)
    inner = hidden.index.get_level_values("group") == GROUPS[1]
    everybody = parts["customers"].isna().all()
    hidden.loc[inner | everybody] = np.nan
    return hidden


def _group(sums: np.ndarray, both: np.ndarray, *, seed: int) -> pd.DataFrame:
    change, low, high = customer_bootstrap.bounded(sums, _changes, seed=seed)
    before, now = (_factors(part)[0] for part in np.split(both, 2, axis=1))
    columns = [np.full(len(FACTORS), len(sums)), before, now, change, low, high]
    return pd.DataFrame(
        dict(zip(COLUMNS, columns, strict=True)), index=pd.Index(FACTORS, name="factor")
    )


def _changes(sums: np.ndarray) -> np.ndarray:
    before, now = np.split(sums, 2, axis=1)
    old, new = before[:, 2:], now[:, 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.log(new / old)
        mean = np.where(new == old, old, (new - old) / growth)
        return mean * np.log(_factors(now) / _factors(before))


def _factors(sums: np.ndarray) -> np.ndarray:
    """Return customers, purchases of each and the amount of each purchase."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.column_stack([sums[:, 0], sums[:, 1] / sums[:, 0], sums[:, 2] / sums[:, 1]])
