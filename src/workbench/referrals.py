"""Who was referred by another customer, and what such customers are worth beside others.

Who comes through a friend differs from others in more than that. So the difference is one between
customers who came at the same time, and it bounds a reward: it does not show what a reward brings.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench import matching, privacy
from workbench.discrimination import wilson
from workbench.matching import Matched
from workbench.schema import DAYS_PER_YEAR

MEASURES = ("so_far", "ahead", "total")


def rate(people: pd.DataFrame, *, referred_by: pd.Series, k: int) -> pd.Series:
    """Count the new customers of the last year who were referred, and who referred.

    Parameters
    ----------
    people : DataFrame
        From `summary.summarise`: `T` (days since the first purchase).
    referred_by : Series
        Indexed by `customer_id`: the customer who brought each one; missing for
        the others.
    k : int
        Smallest group shown.

    Returns
    -------
    Series
        `share` of the new customers of the last 365 days who were referred, `low`,
        `high` (95 %, Wilson), and `referrer_share` (of all customers, those who
        ever brought somebody); missing where a group is smaller than `k`.
    """
    brought = referred_by.reindex(people.index)
    is_new = people["T"] < DAYS_PER_YEAR
    new, referred = int(is_new.sum()), int(brought[is_new].notna().sum())
    share = privacy.shown_share(referred, customers=new, k=k)
    low = high = math.nan
    if not math.isnan(share):
        bounds = wilson(np.array([referred]), np.array([new]))
        low, high = float(bounds.low[0]), float(bounds.high[0])
    referrers = int(people.index.isin(brought.dropna()).sum())
    return pd.Series(
        {
            "share": share,
            "low": low,
            "high": high,
            "referrer_share": privacy.shown_share(referrers, customers=len(people), k=k),
        }
    )


def value(
    people: pd.DataFrame,
    *,
    values: pd.Series,
    referred_by: pd.Series,
    as_of: pd.Timestamp,
    margin: float,
    seed: int,
) -> Matched:
    """Compare the value of referred customers with others of the same quarter.

    The channel by which somebody came is not matched on: a referral is one.

    Parameters
    ----------
    people : DataFrame
        From `summary.summarise`: `T` (days), `revenue` (currency).
    values : Series
        Same customers: `clv` (currency, after margin), what is still to come.
    referred_by : Series
        As in `rate`.
    as_of : Timestamp
        Last day of the data.
    margin : float
        Share of revenue that is left.
    seed : int
        Of the resampling.

    Returns
    -------
    Matched
        Measures, in currency per customer: `so_far` (margin of all revenue up to
        `as_of`), `ahead` (`values`), `total` (their sum).

    Raises
    ------
    TooFewData
        As in `matching.compare`.
    """
    first = as_of - pd.to_timedelta(people["T"], unit="D")
    so_far = margin * people["revenue"].astype(float)
    ahead = values.reindex(people.index).astype(float)
    rows = pd.DataFrame(
        {
            "customer_id": people.index,
            "stratum": first.dt.to_period("Q").astype(str).to_numpy(),
            "is_case": referred_by.reindex(people.index).notna().to_numpy(),
            "weight": 1.0,
            "so_far": so_far.to_numpy(),
            "ahead": ahead.to_numpy(),
            "total": (so_far + ahead).to_numpy(),
        }
    )
    return matching.compare(rows, measures=MEASURES, seed=seed)


def highest_reward(compared: Matched, *, cac: float) -> pd.Series:
    """Say what a referral may cost at most: what a referred customer is worth more, and saves.

    Parameters
    ----------
    compared : Matched
        From `value`.
    cac : float
        What a new customer costs to acquire otherwise (currency); NaN where
        unknown, and then only the value counts.

    Returns
    -------
    Series
        `worth_more`, `saved`, `reward` (their sum), `reward_low`, `reward_high`
        (95 %: that of the value, the cost being taken as known); currency, a
        reward is never below 0.
    """
    saved = 0.0 if math.isnan(cac) else cac
    row = compared.table.loc["total"]
    low, high = (max(row[name] + saved, 0.0) for name in ("low", "high"))
    return pd.Series(
        {
            "worth_more": row["difference"],
            "saved": saved,
            "reward": max(row["difference"] + saved, 0.0),
            "reward_low": low,
            "reward_high": high,
        }
    )
