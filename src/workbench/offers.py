"""What a retention offer costs, and what contacting a customer with it brings.

A campaign sends an offer to a list of customers. Of those who would leave, the success rate
takes it and stays; of those who would stay anyway, the uptake takes it too and costs its worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.schema import DataError


@dataclass(frozen=True)
class Offer:
    """What a retention campaign costs, and how it works.

    Attributes
    ----------
    success_rate : float
        Share of the contacted who would leave, and stay because of the offer
        (gamma, 0 to 1).
    incentive : float
        What the offer costs where it is taken (delta, currency, >= 0).
    contact_cost : float
        Of each contact (c, currency, >= 0).
    uptake : float
        Share of the contacted who would stay anyway, and take the offer (psi, 0 to 1).
    fixed_cost : float
        Of the campaign as a whole, however small (A, currency, >= 0).

    Raises
    ------
    ValueError
        If one is out of its bounds.
    """

    success_rate: float
    incentive: float
    contact_cost: float
    uptake: float
    fixed_cost: float

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        for name in ("success_rate", "uptake"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} must be between 0 and 1.")
        for name in ("incentive", "contact_cost", "fixed_cost"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} must be 0 or more, and finite.")


def expected_gain(p_churn: pd.Series, *, clv: pd.Series, offer: Offer) -> pd.Series:
    """Expect the gain of contacting each customer: the number to rank by.

    It is ``p gamma (CLV - delta) - (1 - p) psi delta - c``. Contact whom it is
    positive for. It ranks otherwise than the risk does, as the customers most at
    risk may be worth less than the contact.

    Parameters
    ----------
    p_churn : Series
        Indexed by `customer_id`: probability of leaving without a contact, 0 to
        1; where it is known what happened, True and False.
    clv : Series
        Same customers: value of one who stays (currency, after margin). A value
        that the risk of leaving has already lowered counts that risk twice, and
        the gain is then too low.
    offer : Offer
        Its fixed cost is left out.

    Returns
    -------
    Series
        `expected_gain` (currency), indexed and sorted by `customer_id`.

    Raises
    ------
    DataError
        If the two hold other customers, or a value is missing or out of bounds.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu and Mason (2006), Journal of Marketing Research
    43 (2), 204-211, for the profit of a contact, here of a single customer.

    Examples
    --------
    >>> offer = Offer(success_rate=0.3, incentive=10, contact_cost=1, uptake=1, fixed_cost=0)
    >>> risk = pd.Series({"anna": 0.9, "ben": 0.5})
    >>> expected_gain(risk, clv=pd.Series({"anna": 20.0, "ben": 200.0}), offer=offer).round(2)
    anna     0.7
    ben     22.5
    Name: expected_gain, dtype: float64
    """
    p_churn = checked(p_churn.astype(float).sort_index(), name="p_churn")
    _check_probability(p_churn, name="p_churn")
    value = aligned(clv, index=p_churn.index, name="clv")
    return contact_gain(p_churn, value=value, offer=offer).rename("expected_gain")


def rankings(p_churn: pd.Series, *, clv: pd.Series, offer: Offer) -> pd.DataFrame:
    """Rank the customers in three ways: by expected gain, by risk, and not at all.

    Parameters
    ----------
    p_churn, clv, offer
        As in `expected_gain`.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`, one score each, higher is contacted
        first: `by_gain` (currency), `by_risk` (0 to 1), `by_lot` (the same for
        all, so that every list is its average).

    Raises
    ------
    DataError
        As in `expected_gain`.
    """
    gain = expected_gain(p_churn, clv=clv, offer=offer)
    return pd.DataFrame({"by_gain": gain, "by_risk": p_churn.astype(float), "by_lot": 0.0})


def break_even_share(clv: float, *, offer: Offer) -> float:
    """Find the share of leavers among the contacted above which a contact pays.

    It is ``(psi delta + c) / (gamma (CLV - delta) + psi delta)``; with an uptake
    of 1, ``(delta + c) / (gamma CLV + delta (1 - gamma))``.

    Parameters
    ----------
    clv : float
        Mean value of a contacted customer who stays (currency).
    offer : Offer
        Its fixed cost is left out.

    Returns
    -------
    float
        Above 1 where no list pays; infinite where a leaver is worth no more
        than one who stays anyway.

    Examples
    --------
    >>> offer = Offer(success_rate=0.3, incentive=10, contact_cost=1, uptake=1, fixed_cost=0)
    >>> round(break_even_share(200, offer=offer), 3)
    0.164
    """
    check_amount(clv=clv)
    lost = offer.uptake * offer.incentive + offer.contact_cost
    more = offer.success_rate * (clv - offer.incentive) + offer.uptake * offer.incentive
    if lost == 0 and more >= 0:
        return 0.0
    return lost / more if more > 0 else math.inf


def break_even_lift(clv: float, *, churn_rate: float, offer: Offer) -> float:
    """Find the lift that a list needs, so that contacting it pays.

    Parameters
    ----------
    clv : float
        Mean value of a contacted customer who stays (currency).
    churn_rate : float
        Share of leavers among all customers, in (0, 1].
    offer : Offer
        Its fixed cost is left out.

    Returns
    -------
    float
        `break_even_share` over `churn_rate`. At most 1: even a random list
        pays. Above ``1 / churn_rate``: none does.

    Raises
    ------
    ValueError
        If `churn_rate` is out of bounds.

    Examples
    --------
    >>> offer = Offer(success_rate=0.3, incentive=10, contact_cost=1, uptake=1, fixed_cost=0)
    >>> round(break_even_lift(200, churn_rate=0.05, offer=offer), 1)
    3.3
    """
    if not 0 < churn_rate <= 1:
        raise ValueError(f"churn_rate={churn_rate} must be above 0 and at most 1.")
    return break_even_share(clv, offer=offer) / churn_rate


def campaign_profit(
    clv: float,
    *,
    customers: int,
    contacted_share: float,
    churn_rate: float,
    lift: float,
    offer: Offer,
) -> float:
    """Calculate the profit of a campaign from the lift of its list.

    With an uptake of 1 it is ``N a ((gamma CLV + delta (1 - gamma)) beta lambda
    - delta - c) - A``; nobody contacted is no campaign and costs nothing.

    Parameters
    ----------
    clv : float
        Mean value of a contacted customer who stays (currency).
    customers : int
        All of them, N.
    contacted_share : float
        Share of them on the list, a.
    churn_rate, lift : float
        Share of leavers among all customers, beta, and how many times more of
        them the list holds, lambda.
    offer : Offer
        What a contact costs and brings.

    Returns
    -------
    float
        Currency.

    Raises
    ------
    ValueError
        If a share is outside 0 to 1, or the list would hold more leavers than
        customers.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu and Mason (2006), Journal of Marketing Research
    43 (2), 204-211.
    """
    check_amount(clv=clv)
    among_contacted = churn_rate * lift
    for name, share in (
        ("contacted_share", contacted_share),
        ("churn_rate", churn_rate),
        ("churn_rate * lift", among_contacted),
    ):
        if not 0 <= share <= 1:
            raise ValueError(f"{name}={share} must be between 0 and 1.")
    gain = contact_gain(among_contacted, value=clv, offer=offer)
    fixed_cost = offer.fixed_cost if contacted_share > 0 else 0.0
    return customers * contacted_share * gain - fixed_cost


def contact_gain(p_churn: Any, *, value: Any, offer: Offer) -> Any:
    """Return ``p gamma (CLV - delta) - (1 - p) psi delta - c``, the gain of a contact.

    Parameters
    ----------
    p_churn, value : number, array or Series
        Probability of leaving (0 to 1), and value of one who stays (currency).
    offer : Offer
        Its fixed cost is left out.
    """
    saved = p_churn * offer.success_rate * (value - offer.incentive)
    return saved - (1 - p_churn) * offer.uptake * offer.incentive - offer.contact_cost


def checked(values: pd.Series, *, name: str) -> pd.Series:
    """Return numbers of customers as they are, after checking that none is missing.

    Raises
    ------
    DataError
        If there is none, a customer stands twice, or a number is missing or
        infinite.
    """
    if values.empty:
        raise DataError("there is no customer to calculate a profit for.")
    if not values.index.is_unique:
        raise DataError(f"{name!r} holds a customer twice.")
    n_missing = int((~np.isfinite(values.to_numpy(float))).sum())
    if n_missing:
        raise DataError(
            f"{n_missing} of {len(values)} values of {name!r} are missing or infinite. Leave these "
            "customers out of every table, and say how many they are."
        )
    return values


def aligned(values: pd.Series, *, index: pd.Index, name: str) -> pd.Series:
    """Bring numbers of customers into the order of an index.

    Raises
    ------
    DataError
        If the customers are others, or as in `checked`.
    """
    n_other = len(values.index.symmetric_difference(index))
    if n_other:
        raise DataError(
            f"{n_other} customers are only in {name!r} or only in the ranking. Give all tables "
            "the same customers."
        )
    return checked(values.astype(float), name=name).reindex(index)


def check_amount(*, clv: float) -> None:
    """Refuse a value that is missing or infinite."""
    if not math.isfinite(clv):
        raise ValueError(f"clv={clv} must be a finite amount.")


def _check_probability(values: pd.Series, *, name: str) -> None:
    n_outside = int(((values < 0) | (values > 1)).sum())
    if n_outside:
        raise DataError(f"{n_outside} of {len(values)} values of {name!r} are outside 0 ... 1.")
