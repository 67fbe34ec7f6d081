"""A list of customers to those who are contacted and those drawn by lot who are not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from workbench.crm_gate import CONTROL, TARGET

N_PARTS = 3


def strata(people: pd.DataFrame) -> pd.Series:
    """Name the stratum of each customer of a list: the group, and the third of the value.

    Parameters
    ----------
    people : DataFrame
        Indexed by `customer_id`, those on the list: `customer_group`, `clv`
        (currency). Equal values lie in the same third.

    Returns
    -------
    Series of str
        `stratum`, indexed like `people`.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_group": "Neukunden", "clv": [1.0, 2.0, 3.0]})
    >>> strata(people).tolist()
    ['Neukunden 1', 'Neukunden 2', 'Neukunden 3']
    """
    value = people["clv"].astype(float)
    if people.empty:
        return pd.Series("", index=people.index, dtype="str", name="stratum")
    limits = np.quantile(value, np.arange(1, N_PARTS) / N_PARTS)
    third = pd.Series(np.searchsorted(limits, value, side="left") + 1, index=people.index)
    return (people["customer_group"].astype("str") + " " + third.astype("str")).rename("stratum")


def count(listed: int, *, share: float) -> int:
    """Return a share of a list in whole customers, halves up.

    A decimal share is meant as it is written: a fifth of 15 is 3, not a little more.

    Examples
    --------
    >>> count(15, share=0.2), count(1, share=0.5)
    (3, 1)
    """
    return int(Fraction(str(share)) * listed + Fraction(1, 2))


def sizes(customers: pd.Series, *, share: float) -> pd.Series:
    """Divide a share of all over strata, so that it adds up to the customer.

    Every stratum gets its own share rounded down; the largest remainders get
    one more, equal ones in the order of the strata. So none is off by a whole
    customer.

    Parameters
    ----------
    customers : Series
        Of each stratum (count).
    share : float
        0 to 1.

    Returns
    -------
    Series of int
        Indexed and sorted by stratum.

    Examples
    --------
    >>> sizes(pd.Series({"a": 7, "b": 7, "c": 6}), share=0.2).tolist()
    [2, 1, 1]
    """
    customers = customers.sort_index()
    exact = [Fraction(str(share)) * int(n) for n in customers]
    whole = [int(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in order[: count(int(customers.sum()), share=share) - sum(whole)]:
        whole[i] += 1
    return pd.Series(whole, index=customers.index, dtype=int)


def draw(people: pd.DataFrame, *, share: float, seed: int) -> pd.Series:
    """Draw the control group of a list by lot, stratum by stratum.

    A fifth is a sensible share: the smallest effect that a list can show is
    then a quarter above that of two halves, which is the least there is; with a
    tenth it would be two thirds above, and each customer in the control group
    forgoes the gain of a contact.

    Parameters
    ----------
    people : DataFrame
        As in `strata`: all those on the list. Their order changes nothing.
    share : float
        Of the list that is not contacted, 0 to 1.
    seed : int
        Of the lot.

    Returns
    -------
    Series of str
        `campaign_group`, indexed and sorted by `customer_id`: `crm_gate.TARGET`
        or `crm_gate.CONTROL`.
    """
    people = people.sort_index()
    stratum = strata(people)
    chance = np.random.default_rng(seed)
    group = pd.Series(TARGET, index=people.index, dtype="str", name="campaign_group")
    for name, n in sizes(stratum.value_counts(), share=share).items():
        members = people.index[(stratum == name).to_numpy()]
        group[members[chance.permutation(len(members))[:n]]] = CONTROL
    return group
