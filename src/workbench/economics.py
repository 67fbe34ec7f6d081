"""Value and probability of groups of customers to what a measure may cost, and must achieve.

A measure moves some customers who would not have bought in the horizon to buy. Each of them brings
what a buyer of the group brings, at most; one purchase, at least. What it costs is a contact for
everybody, and the incentive for those who take it: some of those who would have bought anyway too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbench.offers import Offer, contact_gain
from workbench.schema import DataError

# More buyers among the contacted, as a share of them.
EFFECTS: Mapping[str, float] = {"one": 0.01, "two": 0.02, "five": 0.05}


def groups(people: pd.DataFrame, *, by: pd.Series, margin: float) -> pd.DataFrame:
    """Describe each group by what one of its customers brings if he buys.

    Value is nothing without a purchase, so that the mean value of those who buy
    is the sum of all values over the sum of all probabilities.

    Parameters
    ----------
    people : DataFrame
        Indexed by `customer_id`: `clv` (currency, after margin), `p_purchase`
        (0 to 1, in the same horizon), `expected_spend` (currency, revenue per
        purchase).
    by : Series
        Group of each of these customers.
    margin : float
        Share of revenue that is left, above 0 and at most 1.

    Returns
    -------
    DataFrame
        Indexed by the name of `by`: `customers` (count), `p_purchase` (mean),
        `buyer_value` (currency: sum of `clv` over sum of `p_purchase`) and
        `once_value` (currency: margin of one purchase, weighted by
        `p_purchase`); both missing where nobody can be expected to buy.

    Raises
    ------
    DataError
        If a value or probability is missing or out of bounds, or a customer has
        no group.

    Examples
    --------
    >>> people = pd.DataFrame({"clv": [30.0, 10.0], "p_purchase": [0.5, 0.3],
    ...                        "expected_spend": [20.0, 20.0]}, index=["anna", "ben"])
    >>> by = pd.Series("Stammkunden", people.index, name="customer_group")
    >>> groups(people, by=by, margin=0.5).iloc[0].tolist()
    [2.0, 0.4, 50.0, 10.0]
    """
    if not 0 < margin <= 1:
        raise ValueError(f"margin={margin} must be above 0 and at most 1: write 0.30 for 30 %.")
    named = by.reindex(people.index)
    money = people[["clv", "expected_spend"]].to_numpy(float)
    bad = ~((money >= 0) & np.isfinite(money)).all(axis=1) | named.isna().to_numpy()
    bad |= ~people["p_purchase"].between(0, 1).to_numpy()
    if bad.any():
        raise DataError(
            f"{int(bad.sum())} of {len(people)} customers have no group, no value, a negative one, "
            "or no probability between 0 and 1. Leave them out, and say how many they are."
        )
    sums = pd.DataFrame(
        {
            "customers": 1,
            "p_purchase": people["p_purchase"],
            "clv": people["clv"],
            "once": margin * people["p_purchase"] * people["expected_spend"],
        }
    ).sort_index()
    total = sums.groupby(named.reindex(sums.index)).sum()
    buyers = total["p_purchase"].where(total["p_purchase"] > 0)
    return pd.DataFrame(
        {
            "customers": total["customers"],
            "p_purchase": total["p_purchase"] / total["customers"],
            "buyer_value": total["clv"] / buyers,
            "once_value": total["once"] / buyers,
        }
    ).rename_axis(by.name)


def ceilings(cards: pd.DataFrame) -> pd.DataFrame:
    """Say what a measure may cost per contacted customer, by how many more buyers it makes.

    Parameters
    ----------
    cards : DataFrame
        From `groups`.

    Returns
    -------
    DataFrame
        `cards` with `ceiling_one`, `ceiling_two`, `ceiling_five` (currency per
        contacted customer, everything included): 1, 2 or 5 of 100 times
        `buyer_value`; and `once_one` ... `once_five`, the same with `once_value`.
    """
    added = {f"ceiling_{name}": share * cards["buyer_value"] for name, share in EFFECTS.items()}
    added |= {f"once_{name}": share * cards["once_value"] for name, share in EFFECTS.items()}
    return cards.assign(**added)


def thresholds(cards: pd.DataFrame, *, offer: Offer) -> pd.DataFrame:
    """Say what a measure of given costs must achieve in each group, and what it earns if it does.

    With p the chance to buy anyway, V the value of a buyer, c the contact, delta
    the incentive, psi the uptake and gamma the success rate: the gain is ``(1-p)
    gamma (V - delta) - p psi delta - c``, as in `offers.expected_gain`.

    Parameters
    ----------
    cards : DataFrame
        From `groups`.
    offer : Offer
        Its fixed cost is left out.

    Returns
    -------
    DataFrame
        `cards` with

        - `needed_effect`: more buyers as a share of the contacted, from which on
          it pays: ``(c + p psi delta) / (V - delta)``; missing where no effect
          that is possible, ``1 - p`` at most, pays
        - `assumed_effect`: ``(1 - p) gamma``
        - `cost_each` (currency): ``c + (p psi + (1 - p) gamma) delta``
        - `return_each` (currency): ``(1 - p) gamma V``
        - `return_once` (currency): the same, V being `once_value`
        - `gain_each`, `gain_once` (currency): return less cost, and the same where a
          customer won buys once and never again
        - `highest_incentive` (currency, per offer taken): at which the gain is 0:
          ``((1 - p) gamma V - c) / (p psi + (1 - p) gamma)``; missing where a
          contact does not even pay without one, or nobody takes it
    """
    p, value = cards["p_purchase"], cards["buyer_value"]
    effect = (1 - p) * offer.success_rate
    takers = p * offer.uptake + effect
    fixed = offer.contact_cost + p * offer.uptake * offer.incentive
    left = (value - offer.incentive).where(value > offer.incentive)
    needed = fixed / left
    highest = (effect * value - offer.contact_cost) / takers.where(takers > 0)
    return cards.assign(
        needed_effect=needed.where(needed <= 1 - p),
        assumed_effect=effect,
        cost_each=offer.contact_cost + takers * offer.incentive,
        return_each=effect * value,
        return_once=effect * cards["once_value"],
        gain_each=contact_gain(1 - p, value=value, offer=offer),
        gain_once=contact_gain(1 - p, value=cards["once_value"], offer=offer),
        highest_incentive=highest.where(highest >= 0),
    )


def retention_budget(readings: pd.DataFrame, *, customers: int) -> pd.DataFrame:
    """Say what a lasting rise of retention may cost, by what it would add to the value of the base.

    Parameters
    ----------
    readings : DataFrame
        As 03 shows them in ``mehr_bindung``: `reading`, `difference` (currency),
        `change` (share).
    customers : int
        So many make up the base, at least 1.

    Returns
    -------
    DataFrame
        `reading`, `change`, `difference` and `ceiling_each` (currency per
        customer, for the whole horizon: `difference` / `customers`).

    Examples
    --------
    >>> readings = pd.DataFrame({"reading": ["one"], "difference": [500.0], "change": [0.1]})
    >>> retention_budget(readings, customers=200)["ceiling_each"].tolist()
    [2.5]
    """
    if customers < 1:
        raise ValueError(f"customers={customers} must be at least 1.")
    return readings[["reading", "change", "difference"]].assign(
        ceiling_each=readings["difference"] / customers
    )


def acquisition(quarters: pd.DataFrame | None, *, last: int = 4) -> pd.Series | None:
    """Sum up what the new customers of the last quarters with a known cost are worth and cost.

    Parameters
    ----------
    quarters : DataFrame or None
        Shown by 03 as ``neukunden_quartale``: `quarter` (ISO day), `customers`,
        `new_value`, `cac` (currency); rows of small groups are blank.
    last : int
        So many quarters.

    Returns
    -------
    Series or None
        `customers`, `new_value` and `cac` (means per new customer), `net_value`
        (their difference), `return_on_cost` (`new_value` over `cac`) and `quarters`
        (count); None where no quarter has a cost.
    """
    if quarters is None or "cac" not in quarters:
        return None
    known = quarters.dropna(subset=["customers", "new_value", "cac"]).sort_values("quarter")
    known = known.iloc[-last:]
    n = known["customers"].astype(float)
    if not n.sum() > 0:
        return None
    worth = math.fsum(n * known["new_value"]) / n.sum()
    cost = math.fsum(n * known["cac"]) / n.sum()
    return pd.Series(
        {
            "customers": n.sum(),
            "new_value": worth,
            "cac": cost,
            "net_value": worth - cost,
            "return_on_cost": worth / cost if cost > 0 else math.nan,
            "quarters": len(known),
        }
    )
