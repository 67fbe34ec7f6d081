"""Customer equity: what a new customer is worth and costs, by quarter, and where the value is.

The value of the customers one has is the sum of `clv`; that of customers still to come is no part
of it. Their first purchase is known to happen, so a new customer is valued from it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import purchase_models
from workbench.purchase_models import PurchaseModel
from workbench.schema import DAYS_PER_YEAR, DataError, check_orders, purchase_days

N_THIRDS = 3
# Borders of P(no purchase in the horizon) between the classes of risk.
RISK_EDGES = (0.5, 0.8)
RISKS = ("low", "middle", "high")


class NewCustomer(NamedTuple):
    """What a new customer is expected to bring in a horizon, the first purchase included.

    Attributes
    ----------
    first_margin : float
        Margin of the first purchase (currency); it is made today.
    repeat_purchases : float
        Expected repeat purchases (count), not discounted.
    repeat_value : float
        Their discounted margin (currency).
    value : float
        The sum of both margins (currency).
    """

    first_margin: float
    repeat_purchases: float
    repeat_value: float
    value: float


def discounted_repeats(
    model: PurchaseModel, *, horizon_days: int, annual_discount_rate: float
) -> pd.Series:
    """Add up the discounted repeat purchases of a new customer, day by day.

    The purchases of a day are discounted at its middle, at
    ``(1 + annual_discount_rate) ** (-days / 365)``.

    Parameters
    ----------
    model : PurchaseModel
        From `purchase_models.fit`.
    horizon_days : int
        Days after the first purchase.
    annual_discount_rate : float
        Effective rate a year: 0.10 is 10 %.

    Returns
    -------
    Series
        Indexed by `day` from 0: `discounted_repeats` (count), rising from 0.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for
    customer base analysis, Journal of Marketing Research 42 (4), 415-430.
    """
    if horizon_days < 1:
        raise ValueError(f"horizon_days={horizon_days} must be at least 1.")
    if not 0 <= annual_discount_rate < 1:
        raise ValueError(
            f"annual_discount_rate={annual_discount_rate} must be at least 0 and below 1, "
            "as an effective rate a year: write 0.10 for 10 %."
        )
    days = np.arange(horizon_days + 1)
    bought = np.diff(purchase_models.expected_repeat_purchases(model, days.astype(float)))
    worth = (1 + annual_discount_rate) ** (-(days[1:] - 0.5) / DAYS_PER_YEAR)
    return pd.Series(
        np.concatenate([[0.0], np.cumsum(bought * worth)]),
        index=pd.RangeIndex(horizon_days + 1, name="day"),
        name="discounted_repeats",
    )


def new_customer(
    model: PurchaseModel,
    *,
    first_purchase: float,
    spend: float,
    horizon_days: int,
    annual_discount_rate: float,
    margin: float,
) -> NewCustomer:
    """Value a customer on the day of the first purchase.

    Parameters
    ----------
    model, horizon_days, annual_discount_rate
        As in `discounted_repeats`.
    first_purchase : float
        Mean amount of a first purchase (currency).
    spend : float
        Mean amount of a repeat purchase (currency), such as
        `spend.expected_spend` of a customer without one.
    margin : float
        Share of revenue that is left, above 0 and at most 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    _check_margin(margin)
    repeats = discounted_repeats(
        model, horizon_days=horizon_days, annual_discount_rate=annual_discount_rate
    )
    ages = np.array([float(horizon_days)])
    purchases = float(purchase_models.expected_repeat_purchases(model, ages)[0])
    first, later = float(margin * first_purchase), float(margin * spend * repeats.iloc[-1])
    return NewCustomer(first, purchases, later, first + later)


def first_purchases(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Find each customer's first purchase up to a day.

    Parameters
    ----------
    orders : DataFrame
        As in `schema.check_orders`.
    as_of : Timestamp
        Last day that counts.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`: `date`, `amount` (currency) and
        `quarter` (its first day).
    """
    check_orders(orders)
    known = purchase_days(orders[orders["date"] <= as_of]).sort_values(["customer_id", "date"])
    first = known.drop_duplicates("customer_id").set_index("customer_id")[["date", "amount"]]
    return first.assign(quarter=_quarter(first["date"]))


def cohorts(first: pd.DataFrame, *, repeat_value: float, margin: float) -> pd.DataFrame:
    """Value the new customers of each quarter by what their first baskets held.

    A quarter has few customers and baskets differ widely, so its mean is drawn
    towards that of all quarters, the more so the less the quarters differ
    (credibility: n / (n + variance within / variance between)). What comes
    after the first purchase is the same for all quarters.

    Parameters
    ----------
    first : DataFrame
        From `first_purchases`.
    repeat_value : float
        Of `new_customer` (currency).
    margin : float
        Share of revenue that is left, above 0 and at most 1.

    Returns
    -------
    DataFrame
        Indexed by `quarter`, quarters without a new customer left out:
        `customers` (count), `first_basket` (mean), `first_basket_shrunk`,
        `first_margin`, `repeat_value`, `new_value` (the sum of both);
        currency.

    References
    ----------
    Bühlmann and Straub (1970), Glaubwürdigkeit für Schadensätze, Mitteilungen der Vereinigung
    schweizerischer Versicherungsmathematiker 70, 111-133.
    """
    _check_margin(margin)
    groups = first.groupby("quarter")["amount"]
    table = pd.DataFrame({"customers": groups.size(), "first_basket": groups.mean()})
    shrunk = _credible(table["customers"], table["first_basket"], groups.var(ddof=0))
    return table.assign(
        first_basket_shrunk=shrunk,
        first_margin=margin * shrunk,
        repeat_value=repeat_value,
        new_value=margin * shrunk + repeat_value,
    )


def acquisition_costs(
    first: pd.DataFrame, *, budget: pd.DataFrame, start: pd.Timestamp, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Divide what was spent on acquisition by the customers who came, quarter by quarter.

    Each budget is spread evenly over the days of its period. All new customers
    of days with a budget count, those too who would have come without any
    advertising.

    Parameters
    ----------
    first : DataFrame
        From `first_purchases`.
    budget : DataFrame
        As `companions` reads it: `first_day`, `last_day`,
        `acquisition_budget` (currency; missing where not stated).
    start, as_of : Timestamp
        First and last day of the orders; a quarter that reaches beyond them
        counts with its days inside.

    Returns
    -------
    DataFrame
        Indexed by `quarter`, those with a budget: `customers` (count, on days
        with a budget), `acquisition_budget` and `cac` (currency; missing where
        a budget of the quarter is not stated, or nobody came).
    """
    quarters = pd.date_range(_quarter(pd.Series([start])).iloc[0], as_of, freq="QS", name="quarter")
    last_days = quarters + pd.offsets.QuarterEnd(0)
    spent = [
        _spent(budget, since=max(since, start), until=min(until, as_of))
        for since, until in zip(quarters, last_days, strict=True)
    ]
    came = first[_covered(first["date"], budget)].groupby("quarter").size()
    table = pd.DataFrame(
        {
            "customers": came.reindex(quarters, fill_value=0),
            "acquisition_budget": [money for money, _ in spent],
        }
    )
    return _with_cac(table[[days > 0 for _, days in spent]])


def channel_costs(
    first: pd.DataFrame,
    *,
    budget: pd.DataFrame,
    channels: pd.Series,
    start: pd.Timestamp,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Divide what was spent on acquisition by the customers who came, channel by channel.

    Only days that the budget of a channel covers count, for its money and for
    its customers.

    Parameters
    ----------
    first, start, as_of
        As in `acquisition_costs`.
    budget : DataFrame
        As in `acquisition_costs`, and `channel` (text; missing: no channel).
    channels : Series
        Indexed by `customer_id`: the channel by which each one came.

    Returns
    -------
    DataFrame
        Indexed by `channel`, those with a budget for acquisition, the dearest
        first: `customers`, `acquisition_budget`, `cac`, as in
        `acquisition_costs`.
    """
    came = first.join(channels.rename("channel"), validate="one_to_one")
    rows = {}
    for channel, part in budget.dropna(subset=["channel"]).groupby("channel"):
        if not part["acquisition_budget"].gt(0).any():
            continue
        money, _ = _spent(part, since=start, until=as_of)
        days = came.loc[came["channel"] == channel, "date"]
        rows[channel] = (int(_covered(days, part).sum()), money)
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["customers", "acquisition_budget"]
    ).rename_axis("channel")
    order = ["cac", "channel"]
    return _with_cac(table).sort_values(order, ascending=[False, True])


def payback(
    table: pd.DataFrame, *, costs: pd.DataFrame, repeats: pd.Series, repeat_margin: float
) -> pd.DataFrame:
    """Find the day on which a new customer has earned what it cost to win him.

    Parameters
    ----------
    table : DataFrame
        From `cohorts`.
    costs : DataFrame
        From `acquisition_costs`.
    repeats : Series
        From `discounted_repeats`.
    repeat_margin : float
        Margin of one repeat purchase (currency): margin times spend.

    Returns
    -------
    DataFrame
        `table` with `cac` (currency), `net_value` (`new_value` less `cac`),
        `payback_days` (days after the first purchase, 0 if that one suffices;
        missing where it does not come) and `payback` (text): ``no_cost`` where
        no cost is known, ``first_purchase``, ``in_horizon`` or
        ``not_in_horizon``.
    """
    cac = costs["cac"].reindex(table.index)
    open_cost = (cac - table["first_margin"]).to_numpy(float)
    earned = repeat_margin * repeats.to_numpy(float)
    day = np.searchsorted(earned, open_cost, side="left")
    late, unknown = day == len(earned), np.isnan(open_cost)
    outcome = np.select(
        [unknown, open_cost <= 0, late],
        ["no_cost", "first_purchase", "not_in_horizon"],
        default="in_horizon",
    )
    return table.assign(
        cac=cac,
        net_value=table["new_value"] - cac,
        payback_days=np.where(unknown | late, np.nan, day),
        payback=outcome,
    )


def earnings(
    repeats: pd.Series, *, first_margin: float, repeat_margin: float, cac: float
) -> pd.DataFrame:
    """Add up what a new customer has earned by each day, beside what it cost to win him.

    Parameters
    ----------
    repeats : Series
        From `discounted_repeats`.
    first_margin, repeat_margin, cac : float
        Currency; `cac` is NaN where it is unknown.

    Returns
    -------
    DataFrame
        Indexed by `day`: `earned` and `cac` (currency).
    """
    return pd.DataFrame({"earned": first_margin + repeat_margin * repeats, "cac": cac})


def value_by_risk(
    values: pd.Series, *, risk: pd.Series, edges: Sequence[float] = RISK_EDGES
) -> pd.DataFrame:
    """Count customers and add up their value by thirds of value and classes of risk.

    Parameters
    ----------
    values : Series
        Indexed by `customer_id`: value (currency, >= 0), such as `clv`. Equal
        ones at a border are told apart by `customer_id`.
    risk : Series
        Same customers: probability of no purchase in the horizon.
    edges : sequence of float
        Two borders of the classes of risk; a border belongs to the upper class.

    Returns
    -------
    DataFrame
        Indexed by `value_third` (1: the most valuable) and `risk` (one of
        `RISKS`), every combination: `customers` (count), `customer_share`,
        `value` (currency), `value_share`, `mean_value` (missing without
        customers).

    Raises
    ------
    DataError
        If a value is missing or negative, or a risk missing.
    """
    risk = risk.reindex(values.index)
    n_bad = int((~(values >= 0) | ~risk.between(0, 1)).sum())
    if n_bad:
        raise DataError(
            f"{n_bad} of {len(values)} customers have no value, a negative one, or no risk "
            "between 0 and 1. Score value and risk on the same summary."
        )
    ordered = values.sort_index().sort_values(ascending=False, kind="stable")
    third = np.arange(len(ordered)) * N_THIRDS // max(len(ordered), 1) + 1
    place = np.searchsorted(edges, risk.loc[ordered.index], side="right")
    classes = pd.Categorical(np.take(RISKS, place), categories=RISKS, ordered=True)
    groups = ordered.groupby([third, classes], observed=True)
    every = pd.MultiIndex.from_product(
        [range(1, N_THIRDS + 1), RISKS], names=["value_third", "risk"]
    )
    customers = groups.size().reindex(every, fill_value=0)
    value = groups.sum().reindex(every, fill_value=0.0)
    return pd.DataFrame(
        {
            "customers": customers,
            "customer_share": customers / len(ordered),
            "value": value,
            "value_share": value / ordered.sum() if ordered.sum() > 0 else np.nan,
            "mean_value": value / customers.where(customers > 0),
        }
    )


def _quarter(days: pd.Series) -> pd.Series:
    return days.dt.to_period("Q").dt.start_time.astype("datetime64[us]")


def _credible(counts: pd.Series, means: pd.Series, variances: pd.Series) -> pd.Series:
    """Draw the means of groups towards that of all, by the moments of Bühlmann and Straub."""
    n, n_groups = counts.sum(), len(counts)
    overall = (counts * means).sum() / n
    if n_groups < 2 or n == n_groups:
        return pd.Series(overall, means.index)
    within = (counts * variances).sum() / (n - n_groups)
    spread = (counts * (means - overall) ** 2).sum()
    between = (spread - (n_groups - 1) * within) / (n - (counts**2).sum() / n)
    if between <= 0:
        return pd.Series(overall, means.index)
    weight = counts / (counts + within / between)
    centre = (weight * means).sum() / weight.sum()
    return weight * means + (1 - weight) * centre


def _spent(
    budget: pd.DataFrame, *, since: pd.Timestamp, until: pd.Timestamp
) -> tuple[float, float]:
    """Return the money that falls between two days, NaN if some is not stated, and its days."""
    length = (budget["last_day"] - budget["first_day"]).dt.days + 1
    inside = budget["last_day"].clip(upper=until) - budget["first_day"].clip(lower=since)
    days = (inside.dt.days + 1).clip(lower=0)
    touched = days > 0
    part = (budget["acquisition_budget"] * days / length)[touched]
    return float(part.sum(skipna=False)), float(days.sum())


def _covered(days: pd.Series, budget: pd.DataFrame) -> np.ndarray:
    """Say which days lie in the period of a budget."""
    code, unique = pd.factorize(days)
    each = np.asarray(unique)[:, None]
    since, until = (budget[name].to_numpy() for name in ("first_day", "last_day"))
    return ((each >= since) & (each <= until)).any(axis=1)[code]


def _with_cac(table: pd.DataFrame) -> pd.DataFrame:
    customers = table["customers"]
    return table.assign(cac=table["acquisition_budget"] / customers.where(customers > 0))


def _check_margin(margin: float) -> None:
    if not 0 < margin <= 1:
        raise ValueError(
            f"margin={margin} must be above 0 and at most 1, as a share of revenue: "
            "write 0.30 for 30 %."
        )
