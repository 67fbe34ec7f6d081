"""What customers did after an event, beside others of the same past: one row per reading.

An event is a day of a customer: an answer, a complaint, joining a programme. Customers to compare
with are other events, or ordinary days. Both are sorted by how often and how lately each had
bought, and only those of the same class are compared. That is no experiment: who complains or
joins may differ in what no log of purchases shows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from workbench import customer_bootstrap
from workbench.orders import Orders, query
from workbench.schema import TooFewData

COLUMNS = ("value", "low", "high", "customers", "customers_other")
# Purchases up to the day, and days since the last one, that open a class.
FREQUENCY_EDGES = (1, 2, 3, 5)
SILENCE_EDGES = (0, 1, 8, 31, 91)
# Ordinary days are the first of so many months apart that there are no more rows than this.
MOST_ROWS = 1_000_000


def look(orders: pd.DataFrame | Orders, events: pd.DataFrame, *, days: int = 0) -> pd.DataFrame:
    """Count each customer's purchases up to a day, and say whether more came after it.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    events : DataFrame
        `customer_id` and `date` (day), any index.
    days : int
        Length of the time after the day.

    Returns
    -------
    DataFrame
        Same index, events of unknown customers and those before the first
        purchase left out: `customer` (place in the sorted customers), `n_before`
        (purchases up to the day, the day included), `silent_days` (since the
        last of them) and `bought` (a purchase in the `days` after it).

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna", "anna"], "amount": [10.0, 20.0],
    ...                        "date": pd.to_datetime(["2024-01-01", "2024-02-20"])})
    >>> event = pd.DataFrame({"customer_id": ["anna"], "date": pd.to_datetime(["2024-01-11"])})
    >>> look(orders, event, days=91).iloc[:, 1:]
       n_before  silent_days  bought
    0         1           10    True
    """
    bought = purchases(orders)
    names = pd.Index(bought["customer_id"].unique())
    code = names.get_indexer(events["customer_id"])
    day, purchase = _days(events["date"]), _days(bought["date"])
    # Customers follow one another on one line of days, far apart.
    origin = min(day.min(initial=0), purchase.min())
    width = int(max(day.max(initial=0), purchase.max()) - origin) + days + 2
    line = names.get_indexer(bought["customer_id"]) * width + purchase - origin
    at = code * width + day - origin
    upto = np.searchsorted(line, at, side="right")
    after = np.searchsorted(line, at + days, side="right")
    n_before = upto - np.searchsorted(line, code * width, side="left")
    last = line[np.maximum(upto - 1, 0)]
    table = pd.DataFrame(
        {
            "customer": code,
            "n_before": n_before,
            "silent_days": at - last,
            "bought": after > upto,
        },
        index=events.index,
    )
    return table[(code >= 0) & (n_before > 0)]


def ordinary_days(orders: pd.DataFrame | Orders, *, as_of: pd.Timestamp, days: int) -> pd.DataFrame:
    """List days on which nothing but the calendar or a purchase marks a customer.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    as_of : Timestamp
        Last day of the data.
    days : int
        So much time after each day lies in the data.

    Returns
    -------
    DataFrame
        `customer_id` and `date`: each day of a purchase, and the first of a
        month after the first purchase.
    """
    bought = purchases(orders)
    end = as_of - pd.Timedelta(days=days)
    first = bought.drop_duplicates("customer_id")
    months = pd.date_range(first["date"].min(), max(end, first["date"].min()), freq="MS")
    stride = max(1, -(-len(first) * len(months) // MOST_ROWS))
    calendar = pd.DataFrame({"date": months[::stride].astype("datetime64[us]")})
    starts = first.rename(columns={"date": "first"}).merge(calendar, how="cross")
    starts = starts.loc[starts["date"] > starts["first"], ["customer_id", "date"]]
    every = pd.concat([bought[bought["date"] <= end], starts], ignore_index=True)
    return every.drop_duplicates(ignore_index=True)


def purchases(orders: pd.DataFrame | Orders) -> pd.DataFrame:
    """Return `customer_id` and `date` of every purchase, sorted."""
    return query(
        orders,
        "SELECT customer_id, date FROM orders WHERE is_purchase ORDER BY customer_id, date",
    )


def classes(history: pd.DataFrame) -> np.ndarray:
    """Give each row of `look` the number of its class of equal past."""
    often = np.searchsorted(FREQUENCY_EDGES, history["n_before"], side="right")
    lately = np.searchsorted(SILENCE_EDGES, history["silent_days"], side="right")
    return often * (len(SILENCE_EDGES) + 1) + lately


def ratio(
    outcome: np.ndarray,
    *,
    exposed: np.ndarray,
    stratum: np.ndarray,
    customer: np.ndarray,
    fewest: int,
    seed: int,
) -> pd.DataFrame:
    """Divide the mean outcome of some rows by that of the others, as it is and class by class.

    The adjusted ratio weighs the classes as Mantel and Haenszel do, so that
    each counts by what it can tell. Customers are drawn with all their rows.

    Parameters
    ----------
    outcome : ndarray
        One number per row, >= 0.
    exposed : ndarray of bool
        The rows on top.
    stratum, customer : ndarray of int
        Class and customer of each row, from 0.
    fewest : int
        Customers that each side needs.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        Indexed by `reading`, ``adjusted`` and ``raw``: `COLUMNS` (the exposed
        customers and the others) and `mean`, `mean_other` (of the outcome, as
        it is).

    Raises
    ------
    TooFewData
        If a side has fewer customers.

    References
    ----------
    Mantel and Haenszel (1959), Statistical aspects of the analysis of data from retrospective
    studies of disease, Journal of the National Cancer Institute 22, 719-748.

    Examples
    --------
    >>> found = ratio(np.array([1, 0, 1, 1.0]), exposed=np.array([False, False, True, True]),
    ...               stratum=np.zeros(4, int), customer=np.arange(4), fewest=1, seed=1)
    >>> found["value"].tolist()
    [2.0, 2.0]
    """
    sides = [len(np.unique(customer[rows])) for rows in (exposed, ~exposed)]
    if min(sides) < max(fewest, 1):
        raise TooFewData(
            f"{min(sides)} customers on one side of the comparison.",
            have=min(sides),
            need=max(fewest, 1),
        )
    place = np.unique(customer, return_inverse=True)[1]
    group = np.unique(stratum, return_inverse=True)[1]
    n_groups = int(group.max()) + 1
    column = 4 * group + 2 * (~exposed)
    shape = (int(place.max()) + 1, 4 * n_groups)
    cells = np.concatenate([outcome, np.ones(len(outcome))]).astype(float)
    at = (np.tile(place, 2), np.concatenate([column, column + 1]))
    sums = sparse.csr_array((cells, at), shape=shape)

    def ratios(total: np.ndarray) -> np.ndarray:
        top, n_top, other, n_other = (total[:, i::4] for i in range(4))
        n = np.where(n_top + n_other > 0, n_top + n_other, 1)
        raw = top.sum(axis=1) / n_top.sum(axis=1) / (other.sum(axis=1) / n_other.sum(axis=1))
        adjusted = (top * n_other / n).sum(axis=1) / (other * n_top / n).sum(axis=1)
        return np.column_stack([adjusted, raw])

    value, low, high = customer_bootstrap.bounded(sums, ratios, seed=seed)
    return pd.DataFrame(
        {
            "value": value,
            "low": low,
            "high": high,
            "customers": float(sides[0]),
            "customers_other": float(sides[1]),
            "mean": outcome[exposed].mean(),
            "mean_other": outcome[~exposed].mean(),
        },
        index=pd.Index(["adjusted", "raw"], name="reading"),
    )


def _days(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)
