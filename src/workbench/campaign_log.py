"""The log of contacts and the orders -> one row per campaign and customer: group, contact, outcome.

What a customer did counts from the day of the contact on; what was known of him ends the day before
the campaign began, returns that came later included in neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import consents
from workbench import lines as line_items
from workbench.lines import Lines
from workbench.orders import Orders, query
from workbench.schema import TooFewData

# What a campaign may change; yes or no, count, currency, currency.
OUTCOMES = ("bought", "orders", "revenue", "margin")
# What was known of a customer before it, the most telling first: counts, currency and days.
COVARIATES = (
    *("orders_before", "orders_ever", "days_since_last", "revenue_before", "revenue_ever"),
    "days_since_first",
)
# Segments by what was known before, in this order.
SEGMENTS = ("none", "new", "once", "several", "frequent")
FREQUENT_ORDERS, NEW_DAYS = 5, 180
# Fewer customers who never bought count among the new ones.
FEWEST_APART = 100
# What a campaign can be read as.
TRIAL, NO_CONTROL, NOT_OVER = "trial", "no_control", "not_over"


class Log(NamedTuple):
    """All campaigns that have a name, and who was in them.

    Attributes
    ----------
    people : DataFrame
        One row per campaign and customer, sorted by both.

        - `campaign`, `customer_id` (text), `day` (from which on outcomes count)
        - `group` (text): ``treated``, ``control``, ``both`` or ``none`` (the
          campaign has groups, the customer has not)
        - `contacts` (count), `cost` (currency, missing where not all are known)
        - `response` (share of contacts with an answer that count as one),
          `unsubscribed` (0 or 1); missing where the log says nothing
        - `OUTCOMES`: missing where the window of the campaign is not over
    campaigns : DataFrame
        Indexed by `campaign`, by first day.

        - `first_day`, `last_day`: of the contacts
        - `channel` (text): all of them
        - `treated`, `control`, `both`, `none` (int): customers
        - `status` (text): ``trial`` (both groups), ``no_control`` or ``not_over``
    unnamed : int
        Contacts without the name of a campaign.
    measured_margin : bool
        `margin` is that of the line items, not a share of revenue.
    """

    people: pd.DataFrame
    campaigns: pd.DataFrame
    unnamed: int
    measured_margin: bool


def read(
    contacts: pd.DataFrame,
    *,
    orders: pd.DataFrame | Orders,
    lines: Lines | None,
    as_of: pd.Timestamp,
    days: int,
    margin: float,
) -> Log:
    """Say of each campaign who was in which group and what he bought afterwards.

    A customer counts once in a campaign, from the first contact on. Control
    customers got nothing: their day is the one that the log gives them where
    somebody was contacted on it, else the day of most contacts. In a campaign
    without a control group everybody counts as contacted.

    Parameters
    ----------
    contacts : DataFrame
        As `companions` reads it: `customer_id`, `date`, `channel`, `campaign`,
        `group`, `cost`, `response`, `reaction`.
    orders : DataFrame or Orders
        One row per customer and day, up to `as_of`.
    lines : Lines or None
        Line items; where each of them has a margin, it is used.
    as_of : Timestamp
        Last day that is known.
    days : int
        Outcomes count from the day of the contact up to so many days after it.
    margin : float
        Share of revenue that is left, where no line says so.

    Raises
    ------
    TooFewData
        If no contact has the name of a campaign.
    """
    named = contacts[contacts["campaign"].notna()]
    if named.empty:
        raise TooFewData("no contact has the name of a campaign.", have=0, need=1)
    people = _people(named)
    campaigns = _campaigns(named, people, as_of=as_of, days=days)
    over = campaigns.index[campaigns["status"] != NOT_OVER]
    ready = people[people["campaign"].isin(over)]
    margins = _margins(lines, ready, days=days)
    bought = _outcomes(ready, orders=orders, margins=margins, days=days)
    if margins is None:
        bought["margin"] = bought["revenue"] * margin
    people = people.join(
        bought.set_index(["campaign", "customer_id"])[list(OUTCOMES)],
        on=["campaign", "customer_id"],
    )
    return Log(people, campaigns, len(contacts) - len(named), margins is not None)


class Trial(NamedTuple):
    """One campaign with two groups.

    Attributes
    ----------
    name : str
        Of the campaign.
    day : Timestamp
        First day of its contacts.
    people : DataFrame
        Indexed and sorted by `customer_id`; who is in neither group, or in
        both, is absent. `treated` (bool), `contacts`, `cost`, `response`,
        `unsubscribed` and `OUTCOMES` as in `Log`; `COVARIATES`; and `segment`
        (categorical, `SEGMENTS`).
    """

    name: str
    day: pd.Timestamp
    people: pd.DataFrame

    @property
    def treated(self) -> pd.Series:
        """Who was to be contacted."""
        return self.people["treated"]

    @property
    def outcomes(self) -> pd.DataFrame:
        """What the campaign may have changed."""
        return self.people[list(OUTCOMES)]

    @property
    def covariates(self) -> pd.DataFrame:
        """What was known before it."""
        return self.people[list(COVARIATES)]


def trials(
    log: Log, *, known: Callable[[pd.Timestamp], pd.DataFrame], days: int, most: int
) -> tuple[Trial, ...]:
    """Put together the campaigns that have both groups, the latest last.

    Parameters
    ----------
    log : Log
        From `read`.
    known : callable
        From a day to the orders as they were known on it.
    days : int
        Length of the window before the campaign, as that after it.
    most : int
        So many at most, the latest.
    """
    ready = log.campaigns.index[log.campaigns["status"] == TRIAL]
    return tuple(_trial(log, name, known=known, days=days) for name in ready[-most:])


def _people(named: pd.DataFrame) -> pd.DataFrame:
    """Make one row per campaign and customer."""
    keys = ["campaign", "customer_id"]
    is_control, is_treated = named["group"] == "control", named["group"] == "treatment"
    has_groups = is_control.groupby(named["campaign"]).transform("any")
    # Without a control group whoever stands in the log was contacted.
    is_treated |= ~has_groups
    left = consents.opted_out(named["reaction"])
    rows = named[[*keys, "date", "cost"]].assign(
        is_control=is_control,
        is_treated=is_treated,
        unknown_cost=named["cost"].isna(),
        response=named["response"].astype("Float64").astype(float),
        unsubscribed=left.astype(float).where(named["reaction"].notna()),
    )
    groups = rows.sort_values([*keys, "date"], kind="stable").groupby(keys)
    people = groups.agg(
        day=("date", "min"),
        contacts=("date", "size"),
        cost=("cost", "sum"),
        unknown_cost=("unknown_cost", "any"),
        is_control=("is_control", "any"),
        is_treated=("is_treated", "any"),
        response=("response", "mean"),
        unsubscribed=("unsubscribed", "max"),
    ).reset_index()
    sides = [
        people["is_control"] & people["is_treated"],
        people["is_treated"],
        people["is_control"],
    ]
    people["group"] = np.select(sides, ["both", "treated", "control"], default="none")
    people["cost"] = people["cost"].mask(people["unknown_cost"])
    return _with_campaign_day(people)[
        [*keys, "day", "group", "contacts", "cost", "response", "unsubscribed"]
    ]


def _with_campaign_day(people: pd.DataFrame) -> pd.DataFrame:
    """Give control customers a day on which others were contacted."""
    contacted = people[people["group"] == "treated"]
    counts = contacted.groupby(["campaign", "day"], as_index=False).size()
    most = counts.sort_values(["campaign", "size", "day"], ascending=[True, False, True])
    main = most.drop_duplicates("campaign").set_index("campaign")["day"].rename("main")
    main = people[["campaign"]].join(main, on="campaign")["main"]
    sent = pd.MultiIndex.from_frame(counts[["campaign", "day"]])
    own = pd.MultiIndex.from_frame(people[["campaign", "day"]]).isin(sent)
    moved = (people["group"] == "control") & ~own & main.notna()
    return people.assign(day=people["day"].mask(moved, main))


def _campaigns(
    named: pd.DataFrame, people: pd.DataFrame, *, as_of: pd.Timestamp, days: int
) -> pd.DataFrame:
    sizes = people.groupby(["campaign", "group"]).size().unstack(fill_value=0)
    sizes = sizes.reindex(columns=["treated", "control", "both", "none"], fill_value=0)
    span = people.groupby("campaign")["day"].agg(first_day="min", last_day="max")
    channels = named.dropna(subset=["channel"]).groupby("campaign")["channel"].unique()
    channel = channels.map(lambda found: ", ".join(sorted(found))).reindex(span.index)
    table = span.assign(channel=channel).join(sizes)
    is_trial = (table["treated"] > 0) & (table["control"] > 0)
    is_over = table["last_day"] + pd.Timedelta(days=days) <= as_of
    table["status"] = np.select([~is_over, is_trial], [NOT_OVER, TRIAL], default=NO_CONTROL)
    return table.reset_index().sort_values(["first_day", "campaign"]).set_index("campaign")


def _margins(lines: Lines | None, people: pd.DataFrame, *, days: int) -> pd.DataFrame | None:
    """Add up the margin of each customer and day; None where a line has none."""
    if lines is None or "margin" not in lines.columns or people.empty:
        return None
    first, last = people["day"].min(), people["day"].max() + pd.Timedelta(days=days)
    found = line_items.query(
        lines,
        """
        SELECT customer_id, date, sum(margin)::DOUBLE AS margin,
               count(*) FILTER (margin IS NULL) AS without
        FROM lines WHERE customer_id IS NOT NULL AND date BETWEEN $first::DATE AND $last::DATE
        GROUP BY customer_id, date ORDER BY customer_id, date
        """,
        first=first.date(),
        last=last.date(),
    )
    return None if found["without"].any() else found[["customer_id", "date", "margin"]]


def _outcomes(
    people: pd.DataFrame,
    *,
    orders: pd.DataFrame | Orders,
    margins: pd.DataFrame | None,
    days: int,
) -> pd.DataFrame:
    members = people[["campaign", "customer_id", "day"]]
    beside = {"members": members}
    found = query(
        orders,
        """
        SELECT campaign, customer_id, count(*) FILTER (is_purchase)::DOUBLE AS orders,
               coalesce(sum(money), 0)::DOUBLE AS revenue
        FROM members LEFT JOIN orders USING (customer_id)
        WHERE date BETWEEN day::DATE AND day::DATE + $days::INT
        GROUP BY campaign, customer_id ORDER BY campaign, customer_id
        """,
        beside=beside,
        days=days,
    )
    table = members.merge(found, how="left", on=["campaign", "customer_id"])
    table[["orders", "revenue"]] = table[["orders", "revenue"]].fillna(0.0)
    table["bought"] = (table["orders"] > 0).astype(float)
    if margins is not None:
        earned = members.merge(margins, on="customer_id")
        late = (earned["date"] - earned["day"]).dt.days
        earned = earned[late.between(0, days)].groupby(["campaign", "customer_id"])["margin"].sum()
        table = table.join(earned, on=["campaign", "customer_id"]).fillna({"margin": 0.0})
    return table


def _trial(
    log: Log, name: str, *, known: Callable[[pd.Timestamp], pd.DataFrame], days: int
) -> Trial:
    rows = log.people[log.people["campaign"] == name].set_index("customer_id").sort_index()
    rows = rows[rows["group"].isin(["treated", "control"])]
    day = log.campaigns.loc[name, "first_day"]
    past = _past(rows.index, known(day - pd.Timedelta(days=1)), day=day, days=days)
    people = rows.drop(columns=["campaign", "day", "group"]).join(past)
    people.insert(0, "treated", rows["group"] == "treated")
    return Trial(name, day, people.assign(segment=_segments(past)))


def _past(
    customers: pd.Index, orders: pd.DataFrame, *, day: pd.Timestamp, days: int
) -> pd.DataFrame:
    """Say what each customer had bought before a day; who had not, as long ago as the longest."""
    found = query(
        orders,
        """
        SELECT customer_id, count(*) FILTER (is_purchase)::DOUBLE AS orders_ever,
               coalesce(sum(money), 0)::DOUBLE AS revenue_ever,
               count(*) FILTER (is_purchase AND date >= $day::DATE - $days::INT)::DOUBLE
                   AS orders_before,
               coalesce(sum(money) FILTER (date >= $day::DATE - $days::INT), 0)::DOUBLE
                   AS revenue_before,
               ($day::DATE - max(date) FILTER (is_purchase))::DOUBLE AS days_since_last,
               ($day::DATE - min(date) FILTER (is_purchase))::DOUBLE AS days_since_first
        FROM orders WHERE date < $day::DATE GROUP BY customer_id ORDER BY customer_id
        """,
        day=day.date(),
        days=days,
    )
    past = found.set_index("customer_id")[list(COVARIATES)].reindex(customers)
    ages = ["days_since_last", "days_since_first"]
    longest = past[ages].max().fillna(0.0)
    return past.fillna(dict.fromkeys(set(COVARIATES) - set(ages), 0.0) | dict(longest))


def _segments(past: pd.DataFrame) -> pd.Categorical:
    n, age = past["orders_ever"], past["days_since_first"]
    never = n == 0
    apart = "none" if never.sum() >= FEWEST_APART else "new"
    rules = [never, n >= FREQUENT_ORDERS, age <= NEW_DAYS, n == 1]
    names = np.select(rules, [apart, "frequent", "new", "once"], default="several")
    return pd.Categorical(names, categories=SEGMENTS, ordered=True)
