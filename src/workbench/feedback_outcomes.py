"""What customers did after they had said something, beside customers like them who had not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench.schema import TooFewData, purchase_days

# So many customers like him stand for what would have been.
NEIGHBOURS = 5
# Half a year: long enough to buy again, short enough to be over for most answers.
DAYS = 180
FEWEST_CASES = 30
# More cases sharpen nothing and cost minutes.
MOST_CASES = 1_000
# Purchases up to the day; only customers of one class are compared.
FREQUENCY_CLASSES = (1, 2, 3, 5, 10)
_FEATURES = ("days_since_last", "n_orders", "mean_basket", "age")


class Landmarks(NamedTuple):
    """All purchases, sorted by customer and day, to look at any day.

    Attributes
    ----------
    customers : Index
        Sorted.
    days : ndarray of int
        Day number of each purchase.
    keys : ndarray of int
        Customer and day in one rising number.
    money : ndarray
        Running total before each purchase, one longer than `days`.
    starts : ndarray of int
        Where each customer begins.
    """

    customers: pd.Index
    days: np.ndarray
    keys: np.ndarray
    money: np.ndarray
    starts: np.ndarray


_SPAN = 1 << 20


def landmarks(orders: pd.DataFrame) -> Landmarks:
    """Lay the purchases out so that every customer's past on any day is read at once.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    """
    bought = purchase_days(orders).sort_values(["customer_id", "date"], kind="stable")
    codes, customers = pd.factorize(bought["customer_id"], sort=True)
    days = _number(bought["date"])
    keys = codes * _SPAN + days
    money = np.concatenate([[0.0], np.cumsum(bought["amount"].to_numpy(float))])
    starts = np.searchsorted(keys, np.arange(len(customers)) * _SPAN)
    return Landmarks(pd.Index(customers, name="customer_id"), days, keys, money, starts)


def after(
    events: pd.DataFrame, *, orders: pd.DataFrame, as_of: pd.Timestamp, days: int, seed: int
) -> pd.DataFrame:
    """Compare who bought after an event with customers like them without one.

    Each event is seen from its own day: what the customer had bought by then,
    and whether he bought in the `days` after it. Beside him stand the
    `NEIGHBOURS` most similar customers on the same day, of the same class of
    frequency, alike in time since the last purchase, frequency, mean basket and
    age, who had no event up to that day. What they did later decides nothing.
    Events whose time is not over on `as_of` do not count, nor do those of
    customers without a purchase up to the day. A connection, not a cause.

    Parameters
    ----------
    events : DataFrame
        `customer_id`, `date`, `group`; of a customer with several events of a
        group the first counts.
    orders : DataFrame
        One row per customer and day.
    as_of : Timestamp
        Last day that is known.
    days : int
        How long the time after an event is.
    seed : int
        Of the draws, and of the choice where there are more than `MOST_CASES`.

    Returns
    -------
    DataFrame
        Indexed by `group`, sorted: `customers` (cases), `bought_share`,
        `matched_share`, `bought_difference` with `low` and `high` (95 %, customers
        drawn), and `imbalance` (largest mean difference of the features that
        were matched, in standard deviations).

    Raises
    ------
    TooFewData
        If no group has `FEWEST_CASES` cases.

    References
    ----------
    Rosenbaum and Rubin (1985), Constructing a control group using multivariate
    matched sampling, The American Statistician 39 (1), 33-38.
    """
    past = landmarks(orders)
    seen = events.assign(date=events["date"].dt.normalize()).sort_values(["date", "customer_id"])
    seen = seen[seen["customer_id"].isin(past.customers)]
    first = pd.Series(np.iinfo(np.int64).max, index=past.customers)
    earliest = seen.groupby("customer_id")["date"].min()
    first[earliest.index] = _number(earliest)
    over = seen["date"] + pd.Timedelta(days=days) <= as_of
    cases = seen[over].drop_duplicates(["group", "customer_id"])
    chance = np.random.default_rng(seed)
    rows, largest = {}, 0
    for group, part in cases.groupby("group", sort=True):
        if len(part) > MOST_CASES:
            part = part.iloc[np.sort(chance.permutation(len(part))[:MOST_CASES])]
        found = _matched(part, past=past, first=first.to_numpy(), days=days)
        largest = max(largest, len(found))
        if len(found) >= FEWEST_CASES:
            rows[group] = _compared(found, seed=seed)
    if not rows:
        raise TooFewData(
            f"the largest group has {largest} customers whose time after the event is over; "
            f"{FEWEST_CASES} are needed.",
            have=largest,
            need=FEWEST_CASES,
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def bought_after(
    events: pd.DataFrame, *, orders: pd.DataFrame, as_of: pd.Timestamp, days: int
) -> pd.Series:
    """Say of each event whether a purchase followed; missing where its time is not over.

    Parameters
    ----------
    events : DataFrame
        `customer_id`, `date`.
    orders : DataFrame
        One row per customer and day.
    as_of : Timestamp
        Last day that is known.
    days : int
        A purchase within so many days after the event counts.

    Returns
    -------
    Series of float
        1, 0 or missing, indexed like `events`.
    """
    past = landmarks(orders)
    codes = past.customers.get_indexer(events["customer_id"])
    keys = codes * _SPAN + _number(events["date"])
    start = np.searchsorted(past.keys, keys, side="right")
    bought = np.searchsorted(past.keys, keys + days, side="right") > start
    over = events["date"].dt.normalize() + pd.Timedelta(days=days) <= as_of
    known = pd.Series(codes >= 0, index=events.index) & over
    return pd.Series(bought.astype(float), index=events.index).where(known)


def _number(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def _states(past: Landmarks, day: int, *, days: int) -> pd.DataFrame:
    """Return the state of every customer on one day, and whether he bought after it."""
    base = np.arange(len(past.customers)) * _SPAN
    ends = np.searchsorted(past.keys, base + day, side="right")
    later = np.searchsorted(past.keys, base + day + days, side="right")
    n = ends - past.starts
    known = n > 0
    last = past.days[np.where(known, ends - 1, 0)]
    first = past.days[np.minimum(past.starts, len(past.days) - 1)]
    spent = past.money[ends] - past.money[past.starts]
    return pd.DataFrame(
        {
            "n_orders": n,
            "days_since_last": np.where(known, day - last, np.nan),
            "age": np.where(known, day - first, np.nan),
            "mean_basket": spent / np.maximum(n, 1),
            "bought": later > ends,
        },
        index=past.customers,
    )


def _matched(cases: pd.DataFrame, *, past: Landmarks, first: np.ndarray, days: int) -> pd.DataFrame:
    """Return a row per case: what he did, what his neighbours did, and how unlike they were."""
    rows, names = [], []
    numbers = dict(zip(cases["date"], _number(cases["date"]), strict=True))
    for date, part in cases.groupby("date", sort=True):
        states = _states(past, numbers[date], days=days)
        scaled = _scaled(states)
        classes = np.searchsorted(FREQUENCY_CLASSES, states["n_orders"], side="right")
        free = (classes > 0) & (first > numbers[date])
        for customer in part["customer_id"]:
            at = past.customers.get_loc(customer)
            pool = np.flatnonzero(free & (classes == classes[at]))
            if classes[at] == 0 or len(pool) < NEIGHBOURS:
                continue
            distance = ((scaled[pool] - scaled[at]) ** 2).sum(axis=1)
            nearest = pool[np.argsort(distance, kind="stable")[:NEIGHBOURS]]
            apart = scaled[at] - scaled[nearest].mean(axis=0)
            done = states["bought"].to_numpy()
            rows.append([float(done[at]), done[nearest].mean(), *apart])
            names.append(customer)
    columns = ["bought", "matched", *_FEATURES]
    return pd.DataFrame(rows, index=pd.Index(names, name="customer_id"), columns=columns)


def _scaled(states: pd.DataFrame) -> np.ndarray:
    """Return the features on comparable scales: logarithms in standard deviations."""
    logs = np.log1p(states[list(_FEATURES)].clip(lower=0))
    spread = logs.std(ddof=0).replace(0.0, 1.0)
    return ((logs - logs.mean()) / spread).to_numpy()


def _compared(found: pd.DataFrame, *, seed: int) -> dict[str, float]:
    ordered = found.sort_index()
    pairs = ordered[["bought", "matched"]].to_numpy()

    def difference(weights: np.ndarray) -> np.ndarray:
        means = customer_bootstrap.totals(weights, pairs) / weights.sum(axis=1, keepdims=True)
        return means[:, :1] - means[:, 1:]

    estimate = difference(np.ones((1, len(pairs))))[0]
    draws = customer_bootstrap.resample(difference, customers=len(pairs), seed=seed)
    low, high = customer_bootstrap.interval(estimate, draws)
    return {
        "customers": len(pairs),
        "bought_share": pairs[:, 0].mean(),
        "matched_share": pairs[:, 1].mean(),
        "bought_difference": float(estimate[0]),
        "low": float(low[0]),
        "high": float(high[0]),
        "imbalance": float(ordered[list(_FEATURES)].mean().abs().max()),
    }
