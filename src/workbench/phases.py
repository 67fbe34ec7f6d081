"""States of the lifecycle to the phases of a model, and what purchases cannot show of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import privacy
from workbench.discrimination import wilson
from workbench.lifecycle import FORMER_STATES, ONE_TIME_STATES, STATES
from workbench.schema import ParameterError, purchase_days

ACTIVE_STATES = tuple(name for name in STATES if name not in (*FORMER_STATES, *ONE_TIME_STATES))
LEFT = "Abgewandert"
GROWTH, REFERRAL = "Umsatzsteigerung", "Empfehlungen"
# Half of a customer's purchases against the other half needs two in each.
MIN_ORDERS = 4
# Baskets have grown when those of the later half are so many times those of the earlier one;
# the same factor the other way round is what they may have shrunk by.
GROWN = 1.25

NUMBERS = ("customers", "customer_share", "revenue", "revenue_share")

# How a phase can be known: from purchases, from the table of customers, or not at all.
SEEN, MASTER_DATA, UNSEEN, OUTSIDE = "purchases", "customers", "none", "outside"


class PhaseModel(NamedTuple):
    """A model of the way of a customer.

    Attributes
    ----------
    title : str
        German, as a report prints it.
    phases : dict of str to str
        Each phase in order, with how it can be known: ``purchases``, ``customers``
        (the table of that name), ``none``, or ``outside`` for customers whom the
        model has no phase for.
    of_state : dict of str to str
        The phase of each state of the lifecycle.
    """

    title: str
    phases: Mapping[str, str]
    of_state: Mapping[str, str]


def _of_states(once: str, silent: str, active: str, gone: str) -> dict[str, str]:
    return dict(zip(STATES, (once, silent, active, active, gone, active), strict=True))


MODELS: Mapping[str, PhaseModel] = {
    "akquisition-bindung": PhaseModel(
        "Akquisition, Aktivierung, Bindung, Rückgewinnung",
        {
            "Akquisition": MASTER_DATA,
            "Aktivierung": SEEN,
            "Bindung": SEEN,
            "Rückgewinnung": SEEN,
        },
        _of_states("Aktivierung", "Rückgewinnung", "Bindung", "Rückgewinnung"),
    ),
    "akquisition-empfehlungen": PhaseModel(
        "Akquisition, Aktivierung, Bindung, Umsatzsteigerung, Empfehlungen",
        {
            "Akquisition": MASTER_DATA,
            "Aktivierung": SEEN,
            "Bindung": SEEN,
            GROWTH: SEEN,
            REFERRAL: MASTER_DATA,
            LEFT: OUTSIDE,
        },
        _of_states("Aktivierung", LEFT, "Bindung", LEFT),
    ),
    "aufmerksamkeit-treue": PhaseModel(
        "Aufmerksamkeit, Abwägung, Kauf, Treue",
        {
            "Aufmerksamkeit": UNSEEN,
            "Abwägung": MASTER_DATA,
            "Kauf": SEEN,
            "Treue": SEEN,
            LEFT: OUTSIDE,
        },
        _of_states("Kauf", LEFT, "Treue", LEFT),
    ),
    "erkennung-loyalitaet": PhaseModel(
        "Erkennung, Erwägung, Kauf, Nutzung, Loyalität",
        {
            "Erkennung": UNSEEN,
            "Erwägung": MASTER_DATA,
            "Kauf": SEEN,
            "Nutzung": UNSEEN,
            "Loyalität": SEEN,
            LEFT: OUTSIDE,
        },
        _of_states("Kauf", LEFT, "Loyalität", LEFT),
    ),
    "erkennung-entscheidung": PhaseModel(
        "Erkennungsphase, Überlegungsphase, Entscheidungsphase",
        {"Erkennungsphase": UNSEEN, "Überlegungsphase": MASTER_DATA, "Entscheidungsphase": SEEN},
        _of_states(*["Entscheidungsphase"] * 4),
    ),
}


class Growth(NamedTuple):
    """Active customers by how their baskets changed, and whether that is more than chance.

    Attributes
    ----------
    grown, shrunk, others : int
        Customers by the ratio of their later baskets to their earlier ones; who
        bought fewer than four times is in none of them.
    low, high : float
        95 % interval (Wilson) of the share of the grown among those that changed;
        NaN where nobody did.
    """

    grown: int
    shrunk: int
    others: int
    low: float
    high: float


def place(
    state: pd.Series,
    *,
    phase_model: str,
    orders: pd.DataFrame,
    as_of: pd.Timestamp,
    customers: pd.DataFrame | None = None,
) -> pd.Series:
    """Give each customer one phase of a model.

    A phase follows from the state of the lifecycle. In the model with
    `Umsatzsteigerung` and `Empfehlungen`, active repeat buyers stand there instead:
    in `Empfehlungen` who brought another customer, else in `Umsatzsteigerung` whose
    baskets have grown, see `basket_ratio`.

    Parameters
    ----------
    state : Series
        From `lifecycle.states`.
    phase_model : str
        One of `MODELS`.
    orders : DataFrame
        One row per customer and day; later ones than `as_of` are ignored.
    as_of : Timestamp
        The day of the states.
    customers : DataFrame, optional
        Table of customers, indexed by `customer_id`: `referred_by`.

    Returns
    -------
    Series
        `phase`, indexed like `state`.

    Raises
    ------
    ParameterError
        If there is no such model.
    """
    model = find(phase_model)
    phase = state.map(dict(model.of_state)).rename("phase")
    is_active = state.isin(ACTIVE_STATES)
    if GROWTH in model.phases:
        ratio = basket_ratio(orders, as_of=as_of).reindex(state.index)
        phase = phase.mask(is_active & (ratio >= GROWN), GROWTH)
    if REFERRAL in model.phases and has_referrals(customers):
        brought = state.index.isin(customers["referred_by"].dropna())
        phase = phase.mask(is_active & brought, REFERRAL)
    return phase


def find(phase_model: str) -> PhaseModel:
    """Return the model of a name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if phase_model not in MODELS:
        raise ParameterError(f"there is no phase model {phase_model!r}; there are {list(MODELS)}.")
    return MODELS[phase_model]


def has_referrals(customers: pd.DataFrame | None) -> bool:
    """Say whether a table of customers tells who brought whom."""
    if customers is None or "referred_by" not in customers:
        return False
    return bool(customers["referred_by"].notna().any())


def basket_ratio(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.Series:
    """Compare the later half of each customer's baskets with the earlier half.

    The middle one of an odd number counts in neither.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day.
    as_of : Timestamp
        Later orders are ignored.

    Returns
    -------
    Series
        `basket_ratio` (mean amount of the later purchases over that of the
        earlier ones), indexed by `customer_id`: customers with at least four
        purchases and money in the earlier half.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"])
    >>> orders = pd.DataFrame({"customer_id": "anna", "date": days, "amount": [10.0, 10, 30, 10]})
    >>> basket_ratio(orders, as_of=days[-1]).to_dict()
    {'anna': 2.0}
    """
    known = purchase_days(orders[orders["date"] <= as_of]).sort_values(["customer_id", "date"])
    nth = known.groupby("customer_id").cumcount()
    n = known.groupby("customer_id")["date"].transform("size")
    known = known.assign(
        earlier=known["amount"].where(nth < n // 2), later=known["amount"].where(nth >= n - n // 2)
    )
    halves = known[n >= MIN_ORDERS].groupby("customer_id")[["earlier", "later"]].mean()
    halves = halves[halves["earlier"] > 0]
    return (halves["later"] / halves["earlier"]).rename("basket_ratio")


def growth(state: pd.Series, *, ratio: pd.Series) -> Growth:
    """Count active customers whose baskets grew or shrank by the same factor.

    Were it chance alone, both would be equally many. Customers are the cases.

    Parameters
    ----------
    state : Series
        From `lifecycle.states`.
    ratio : Series
        From `basket_ratio`.

    References
    ----------
    Wilson (1927), JASA 22 (158), 209-212.
    """
    active = ratio.reindex(state.index[state.isin(ACTIVE_STATES)]).dropna()
    grown, shrunk = int((active >= GROWN).sum()), int((active <= 1 / GROWN).sum())
    others = len(active) - grown - shrunk
    if grown + shrunk == 0:
        return Growth(0, 0, others, math.nan, math.nan)
    low, high = wilson(np.array(grown), np.array(grown + shrunk))
    return Growth(grown, shrunk, others, float(low), float(high))


def prospects(customers: pd.DataFrame | None, *, known: pd.Index) -> int | None:
    """Count who stands in the table of customers and never bought; None without a table.

    Parameters
    ----------
    customers : DataFrame or None
        Indexed by `customer_id`.
    known : Index
        Customers with a purchase.
    """
    return None if customers is None else len(customers.index.difference(known))


def sizes(
    summary: pd.DataFrame,
    phase: pd.Series,
    *,
    phase_model: str,
    shown_states: pd.DataFrame,
    customers: pd.DataFrame | None,
    k: int,
) -> pd.DataFrame:
    """Count customers and their past revenue by phase, with small ones blanked.

    A phase is made of states. So one that holds a state which the table of states
    hides is hidden too, or the difference of the two tables would tell.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`: `revenue` (currency).
    phase : Series
        From `place`.
    phase_model : str
        One of `MODELS`.
    shown_states : DataFrame
        From `lifecycle.state_sizes`, suppressed.
    customers : DataFrame or None
        Table of customers, indexed by `customer_id`.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        Indexed by `phase`, every phase of the model in order: `basis` (as in
        `PhaseModel`), `customers`, `customer_share`, `revenue`, `revenue_share`.
        A phase without data has none of the numbers; one that only the table of
        customers shows has prospects, and neither share nor revenue.
    """
    model = find(phase_model)
    groups = summary["revenue"].groupby(phase.reindex(summary.index))
    table = pd.DataFrame({"customers": groups.size(), "revenue": groups.sum()})
    table = table.reindex(list(model.phases), fill_value=0).astype(float)
    table.insert(1, "customer_share", table["customers"] / len(summary))
    table["revenue_share"] = table["revenue"] / summary["revenue"].sum()
    basis = pd.Series(dict(model.phases))
    asks = (basis == MASTER_DATA) & (basis.index != REFERRAL)
    n_prospects = prospects(customers, known=summary.index)
    if n_prospects is None:
        basis = basis.mask(asks, UNSEEN)
    if REFERRAL in basis and not has_referrals(customers):
        basis[REFERRAL] = UNSEEN
    nobody = asks | (basis == UNSEEN)

    of_active = {name for name, of in model.of_state.items() if name in ACTIVE_STATES}
    together = {model.of_state[name] for name in of_active} | {GROWTH, REFERRAL}
    table["part"] = np.where(table.index.isin(together), "active", "others")
    shown = privacy.suppress(table, count="customers", k=k, within=["part"])
    hidden = shown_states.index[shown_states["customers"].isna()]
    telling = [model.of_state[name] for name in hidden if name not in ACTIVE_STATES]
    shown.loc[shown.index.isin(telling) | nobody, list(NUMBERS)] = math.nan
    if n_prospects is not None and not 0 < n_prospects < k:
        shown.loc[asks, "customers"] = float(n_prospects)
    shown.insert(0, "basis", basis)
    return shown.drop(columns="part").rename_axis("phase")
