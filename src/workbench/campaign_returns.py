"""What a campaign cost beside what it brought: per contact, with an interval, and per channel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import campaign_effects, privacy
from workbench.campaign_log import Log, Trial
from workbench.discrimination import wilson
from workbench.schema import TooFewData


class Returns(NamedTuple):
    """The account of one campaign by lot, per customer to be contacted (currency).

    Attributes
    ----------
    table : DataFrame
        Indexed by `item`: ``margin`` (more margin than without it), ``cost``,
        ``net`` (margin less cost) and ``roi`` (net for each unit of cost):
        `value`, `low`, `high` (95 %; of the cost none).
    treated : int
        Customers who were to be contacted.
    unknown : int
        Those of them whose cost is not known; the others' mean stands for it.
    pays : bool or None
        The interval of `net` lies above 0; below 0 is False, neither is None.
    """

    table: pd.DataFrame
    treated: int
    unknown: int
    pays: bool | None


def account(trial: Trial) -> Returns:
    """Set the additional margin of a campaign against the cost of its contacts.

    The interval of `net` is that of the adjusted difference of margin less
    own cost; that of `roi` follows by the delta method: it is the difference
    of margin less roi times cost, divided by the mean cost. What the campaign
    cost beside its contacts is in no log and not in here.

    Parameters
    ----------
    trial : Trial
        From `campaign_log.trials`, with `margin` and `cost`.

    Raises
    ------
    TooFewData
        If no contact has a cost above 0, or as in `campaign_effects.difference`.
    """
    people, treated = trial.people, trial.treated
    known = people["cost"].where(treated).dropna()
    if not known.gt(0).any():
        raise TooFewData("no contact has a cost above 0.", have=0, need=1)
    unknown = int(people["cost"].isna()[treated].sum())
    # Whatever the log says of control customers: they got nothing.
    cost = people["cost"].fillna(known.mean()).where(treated, 0.0)

    def row(values: pd.Series) -> pd.Series:
        return campaign_effects.adjusted(
            values.rename("value").to_frame(), treated=treated, covariates=trial.covariates
        ).iloc[0]

    margin, net = row(people["margin"]), row(people["margin"] - cost)
    each = float(cost[treated].mean())
    roi = (margin["effect"] - each) / each
    half = row(people["margin"] - (1 + roi) * cost)
    half = (half["high"] - half["low"]) / 2 / each
    table = pd.DataFrame(
        {
            "margin": [margin["effect"], margin["low"], margin["high"]],
            "cost": [each, np.nan, np.nan],
            "net": [margin["effect"] - each, net["low"], net["high"]],
            "roi": [roi, roi - half, roi + half],
        },
        index=["value", "low", "high"],
    ).T.rename_axis("item")
    pays = True if net["low"] > 0 else False if net["high"] < 0 else None
    return Returns(table, int(treated.sum()), unknown, pays)


def contacts(log: Log, *, by: str, k: int) -> pd.DataFrame:
    """Describe contacts by campaign or by channel: what followed, not what they caused.

    A share of fewer than `k` customers is blanked, and another of the same
    channel where it would follow from the sum.

    Parameters
    ----------
    log : Log
        From `campaign_log.read`.
    by : str
        ``campaign`` or ``channel``.
    k : int
        Smallest group shown.

    Returns
    -------
    DataFrame
        By campaign in the order of `Log.campaigns`, by channel sorted.

        - `channel` (text): by campaign
        - `customers` (count): contacted, once per campaign
        - `cost_each` (currency per customer and campaign)
        - `response_share`, `unsubscribed_share`: of those of whom the log says
          it, with Wilson intervals `response_low` and so on
        - `bought_share`, `revenue_each` (currency): in the window after the
          contact, where it is over
    """
    people = log.people[log.people["group"] == "treated"]
    people = people.assign(channel=people["campaign"].map(log.campaigns["channel"]))
    people["response"] = (people["response"] > 0).astype(float).where(people["response"].notna())
    groups = people.groupby(by, sort=True)
    table = groups.agg(
        customers=("customer_id", "size"),
        cost_each=("cost", "mean"),
        revenue_each=("revenue", "mean"),
    )
    if by == "campaign":
        table.insert(0, "channel", log.campaigns["channel"].reindex(table.index))
    whole = ["channel"] if by == "campaign" else []
    table = privacy.suppress(table, count="customers", k=k, within=whole)
    for name in ("response", "unsubscribed", "bought"):
        n, part = groups[name].count(), groups[name].sum()
        bounds = wilson(part, n.clip(lower=1))
        shares = pd.DataFrame(
            {
                "part": part,
                f"{name}_share": part / n.clip(lower=1),
                f"{name}_low": bounds.low,
                f"{name}_high": bounds.high,
            },
            index=table.index,
        ).where(n > 0)
        few = table["customers"].isna()
        shares = shares.assign(part=shares["part"].fillna(0.0), **table[whole])
        shares = privacy.suppress(shares, count="part", k=k, within=whole, hidden=few)
        table = table.join(shares.drop(columns=["part", *whole]))
    if by == "campaign":
        table = table.reindex([name for name in log.campaigns.index if name in table.index])
    return table
