"""What contacting each customer may cost and bring, and the same of a list, with bounds.

The measure is the one of `economics`: it moves some who would not have bought in the horizon to
buy. What one of them brings is the widest assumption after the success rate, so it has bounds.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench.offers import Offer, contact_gain, expected_gain
from workbench.schema import DataError

# What a customer who was won brings: as others who buy, the same at both ends of the value of the
# base, or one purchase.
SCENARIOS = ("as_others", "value_low", "value_high", "once")


def expect(people: pd.DataFrame, *, offer: Offer, margin: float) -> pd.DataFrame:
    """Expect the gain of contacting each customer, and bound it by what a customer won may bring.

    Value is nothing without a purchase, so that a customer who buys brings
    ``clv / p_purchase``. At worst he buys once; at best he brings as much as the
    upper end of his interval. How many can be won, the success rate, is an
    assumption that the bounds do not hold.

    Parameters
    ----------
    people : DataFrame
        Indexed by `customer_id`: `clv` (currency, after margin), `p_purchase`
        (0 to 1, in the same horizon), `expected_spend` (currency, revenue per
        purchase) and, where known, `value_high` (currency).
    offer : Offer
        Its fixed cost is left out.
    margin : float
        Share of revenue that is left, above 0 and at most 1.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`

        - `risk`: probability of no purchase in the horizon
        - `worth`, `once` (currency): what he brings if he is won, and with one
          purchase only
        - `given_away` (currency): the contact, and what those who buy anyway take
        - `cost` (currency): the contact, and the incentive for all who take it
        - `gain`, `gain_low`, `gain_high` (currency): expected, and its bounds

    Raises
    ------
    DataError
        If a value or probability is missing or out of bounds.

    Examples
    --------
    >>> offer = Offer(success_rate=0.1, incentive=5, contact_cost=1, uptake=0.5, fixed_cost=0)
    >>> people = pd.DataFrame({"clv": [50.0], "p_purchase": [0.5], "expected_spend": [30.0],
    ...                        "value_high": [140.0]}, index=["anna"])
    >>> expect(people, offer=offer, margin=1.0)[["cost", "gain", "gain_low", "gain_high"]]
          cost  gain  gain_low  gain_high
    anna   2.5   2.5      -1.0        4.5
    """
    people = people.sort_index()
    p, clv = people["p_purchase"].astype(float), people["clv"].astype(float)
    single = margin * people["expected_spend"].astype(float)
    n_bad = int((~(np.isfinite(single) & (single >= 0) & (clv >= 0))).sum())
    if n_bad:
        raise DataError(
            f"{n_bad} of {len(people)} customers have no expected spend or value, or a negative "
            "one. Leave them out, and say how many they are."
        )
    worth = (clv / p.where(p > 0)).fillna(single)
    # A discounted purchase may be worth less than an undiscounted one.
    once = single.clip(upper=worth)
    best = worth if "value_high" not in people else worth.clip(lower=people["value_high"])
    risk = 1 - p
    takers = p * offer.uptake + risk * offer.success_rate
    return pd.DataFrame(
        {
            "risk": risk,
            "worth": worth,
            "once": once,
            "given_away": offer.contact_cost + p * offer.uptake * offer.incentive,
            "cost": offer.contact_cost + takers * offer.incentive,
            "gain": expected_gain(risk, clv=worth, offer=offer),
            "gain_low": expected_gain(risk, clv=once, offer=offer),
            "gain_high": expected_gain(risk, clv=best, offer=offer),
        }
    )


def of_list(
    gains: pd.DataFrame,
    *,
    listed: pd.Series,
    offer: Offer,
    value_span: tuple[float, float],
    seed: int,
) -> pd.DataFrame:
    """Sum up what a list brings, by what its customers bring if they are won.

    The bounds are those of customers drawn again; the list holds a customer as
    often as he was drawn.

    Parameters
    ----------
    gains : DataFrame
        From `expect`, of all customers who could be on the list.
    listed : Series of bool
        Who is on it, the same customers.
    offer : Offer
        With its fixed cost.
    value_span : tuple of float
        Both ends of the value of the whole base, each over that value; NaN
        where it has none.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        Indexed by `scenario`, of `SCENARIOS` (without the ends of the value
        where there are none): `list_gain`, `list_gain_low`, `list_gain_high`
        (currency, 95 %) and `break_even`, the success rate from which on the
        list pays; missing where no rate does. All is 0 where nobody could be on
        the list.

    References
    ----------
    Efron (1979), Annals of Statistics 7 (1), 1-26.
    """
    gains = gains.sort_index()
    is_on = listed.reindex(gains.index).to_numpy(bool)
    worth = {"as_others": gains["worth"]}
    if all(math.isfinite(end) for end in value_span):
        low, high = value_span
        worth |= {"value_low": low * gains["worth"], "value_high": high * gains["worth"]}
    worth["once"] = gains["once"]
    each = {
        name: contact_gain(gains["risk"], value=value, offer=offer).to_numpy() * is_on
        for name, value in worth.items()
    }
    sums = np.column_stack(list(each.values()))
    cost = offer.fixed_cost if is_on.any() else 0.0
    found: tuple[np.ndarray, ...] = (np.zeros(len(worth)),) * 3
    if len(gains):
        found = customer_bootstrap.bounded(sums, lambda total: total - cost, seed=seed)
    table = dict(zip(("list_gain", "list_gain_low", "list_gain_high"), found, strict=True))
    index = pd.Index(list(worth), name="scenario")
    table["break_even"] = [
        _break_even(gains[is_on], worth=value[is_on], offer=offer) for value in worth.values()
    ]
    return pd.DataFrame(table, index=index)


def _break_even(gains: pd.DataFrame, *, worth: pd.Series, offer: Offer) -> float:
    """Find the success rate at which a list earns nothing: ``(sum g + A) / sum r (V - delta)``."""
    lost = math.fsum(gains["given_away"]) + offer.fixed_cost
    more = math.fsum(gains["risk"] * (worth - offer.incentive))
    return lost / more if more > 0 and lost <= more else math.nan
