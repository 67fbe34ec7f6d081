"""The customer value under each way to count returns, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from workbench import clv, purchase_models, spend_models, summary
from workbench.schema import NotIdentified, TooFewData


def compare(
    orders: Mapping[str, pd.DataFrame],
    *,
    model: str,
    as_of: pd.Timestamp,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
) -> pd.DataFrame:
    """Fit and value the base once for each policy.

    Parameters
    ----------
    orders : mapping of str to DataFrame
        Policy to the orders that it gives.
    model : str
        Name of the purchase model. The spend model is chosen for each policy.
    as_of : Timestamp
        Last day that counts.
    horizon_days, annual_discount_rate, margin
        As in `clv.customer_value`.

    Returns
    -------
    DataFrame
        Indexed by `policy`, in the order given: `customers` and `orders`
        (counts), `revenue` (currency), `value` (sum of the customer values,
        currency; NaN where the models do not fit) and `mean_value`.
    """
    rows = {
        policy: _value(
            table,
            model=model,
            as_of=as_of,
            horizon_days=horizon_days,
            annual_discount_rate=annual_discount_rate,
            margin=margin,
        )
        for policy, table in orders.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def _value(
    orders: pd.DataFrame,
    *,
    model: str,
    as_of: pd.Timestamp,
    horizon_days: float,
    annual_discount_rate: float,
    margin: float,
) -> dict[str, float]:
    customers = summary.summarise(orders, as_of=as_of)
    try:
        spend_model = spend_models.choose(orders, summary=customers).model
        values = clv.customer_value(
            purchase_models.fit(model, summary.profiles(customers)),
            customers,
            expected_spend=spend_models.expected_spend(spend_model, customers),
            horizon_days=horizon_days,
            annual_discount_rate=annual_discount_rate,
            margin=margin,
        )
        value = float(values.sum())
    except (TooFewData, NotIdentified):
        value = math.nan
    return {
        "customers": len(customers),
        "orders": int(customers["n_orders"].sum()),
        "revenue": float(customers["revenue"].sum()),
        "value": value,
        "mean_value": value / len(customers),
    }
