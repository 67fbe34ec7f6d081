"""Who joined a loyalty programme, and whether he buys more afterwards than one who did not.

Who joins buys more anyway. So members are compared with others around a purchase of the same time,
matched on when they began and how often they bought long before; and what changed since then is
compared, not the level. What else makes somebody join at just that time stays in the difference.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import matching
from workbench.matching import Matched
from workbench.schema import check_orders, purchase_days

# Length of the two windows before joining and of the one after it.
WINDOW_DAYS = 91
# So long after a purchase somebody may join for it to be the purchase at which he did.
JOINING_DAYS = 7
# More purchases than this before joining are one class.
MOST_BEFORE = 3
MEASURES = ("earlier", "before", "after", "change")


def members_apart(people: pd.DataFrame, *, since: pd.Series) -> pd.DataFrame:
    """Put members beside all others, as they are: nobody is matched, nothing is an effect.

    Parameters
    ----------
    people : DataFrame
        From `summary.summarise`: `n_orders` (count), `revenue` (currency), `T` (days).
    since : Series
        Indexed by `customer_id`: the day of joining; missing for the others.

    Returns
    -------
    DataFrame
        Indexed by `group` (``member``, ``other``): `customers`, `repeat_share`
        (bought more than once), `orders_each`, `revenue_each` (means).
    """
    joined = since.reindex(people.index).notna()
    group = pd.Series(np.where(joined, "member", "other"), people.index, name="group")
    parts = people.groupby(group)
    return pd.DataFrame(
        {
            "customers": parts.size(),
            "repeat_share": (people["n_orders"] > 1).groupby(group).mean(),
            "orders_each": parts["n_orders"].mean(),
            "revenue_each": parts["revenue"].mean(),
        }
    )


def open_points(
    points: pd.Series, *, p_purchase: pd.Series | None, point_value: float
) -> pd.Series:
    """Value the points that nobody has redeemed yet.

    Parameters
    ----------
    points : Series
        Indexed by `customer_id`: open points, 0 or more; missing for who has none.
    p_purchase : Series or None
        Indexed by `customer_id`: probability to buy within the horizon, 0 to 1; a
        customer without one is taken to buy. None: not known of anybody.
    point_value : float
        Currency per point, above 0.

    Returns
    -------
    Series
        `customers` (count, with points), `points` (sum), `liability` (currency:
        all of them redeemed) and `expected` (currency: redeemed by those who buy
        again, points times `p_purchase`; missing where it is not known).

    Examples
    --------
    >>> points = pd.Series({"anna": 100.0, "ben": 300.0, "cleo": None})
    >>> p_purchase = pd.Series({"anna": 0.5, "ben": 0.1, "cleo": 0.9})
    >>> open_points(points, p_purchase=p_purchase, point_value=0.01).to_dict()
    {'customers': 2.0, 'points': 400.0, 'liability': 4.0, 'expected': 0.8}
    """
    if not point_value > 0:
        raise ValueError(f"point_value={point_value} must be above 0.")
    held = points[points > 0].sort_index()
    expected = np.nan
    if p_purchase is not None:
        expected = float((held * p_purchase.reindex(held.index).fillna(1.0)).sum())
    return pd.Series(
        {
            "customers": float(len(held)),
            "points": float(held.sum()),
            "liability": point_value * float(held.sum()),
            "expected": point_value * expected,
        }
    )


def around_joining(
    orders: pd.DataFrame, *, since: pd.Series, as_of: pd.Timestamp, seed: int
) -> Matched:
    """Compare what changed around joining with what changed around a purchase of others.

    The event of a member is the last purchase up to the day of joining, a week
    before it at most. The events of the others are all their purchases, each
    customer counting once in all. A stratum is a quarter of the event, a half-year
    of the first purchase, and the purchases of the window that ended `WINDOW_DAYS`
    before the event. The window right before the event is not matched on, so that
    chance in it does not turn into an effect. Who never joined up to `as_of` is a
    control.

    Parameters
    ----------
    orders : DataFrame
        As in `schema.check_orders`; later ones than `as_of` are ignored.
    since : Series
        Indexed by `customer_id`: the day of joining; missing for the others.
    as_of : Timestamp
        Last day of the data; an event needs a whole window up to it.
    seed : int
        Of the resampling.

    Returns
    -------
    Matched
        Measures, in purchases per customer, the event left out: `earlier` (matched
        on), `before`, `after`, and `change` (after less before).

    Raises
    ------
    TooFewData
        As in `matching.compare`.
    """
    check_orders(orders)
    events = _events(orders[orders["date"] <= as_of], as_of=as_of)
    joined = events["customer_id"].map(since)
    late = (joined - events["date"]).dt.days
    at_joining = joined.notna() & late.between(0, JOINING_DAYS)
    of_members = events[at_joining].sort_values("date").drop_duplicates("customer_id", keep="last")
    others = events[joined.isna()]
    rows = pd.concat([of_members.assign(is_case=True), others.assign(is_case=False)])
    weight = 1 / rows.groupby(["is_case", "customer_id"])["date"].transform("size")
    strata = zip(
        rows["date"].dt.to_period("Q").astype(str),
        rows["first"].dt.year * 2 + (rows["first"].dt.month > 6),
        rows["earlier"].clip(upper=MOST_BEFORE),
        strict=True,
    )
    rows = rows.assign(weight=weight, stratum=list(strata))
    return matching.compare(rows, measures=MEASURES, seed=seed)


def _events(orders: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Find every purchase with two windows of history before and one whole window after it."""
    known = purchase_days(orders)[["customer_id", "date"]].drop_duplicates()
    known = known.sort_values(["customer_id", "date"], ignore_index=True)
    person, _ = pd.factorize(known["customer_id"])
    origin = known["date"].min()
    day = (known["date"] - origin).dt.days.to_numpy()
    # One number per customer and day, rising: counts in a window are differences of places.
    span = int(day.max(initial=0)) + 4 * WINDOW_DAYS
    place = person * span + 2 * WINDOW_DAYS + day

    def upto(shift: int) -> np.ndarray:
        """Count the purchases before the day so many days after the event."""
        return np.searchsorted(place, place + shift, side="left")

    first = known.groupby("customer_id")["date"].transform("first")
    earlier = upto(-WINDOW_DAYS) - upto(-2 * WINDOW_DAYS)
    before = upto(0) - upto(-WINDOW_DAYS)
    after = upto(WINDOW_DAYS + 1) - upto(1)
    table = known.assign(first=first, earlier=earlier, before=before, after=after)
    table["change"] = table["after"] - table["before"]
    whole = table["date"] + pd.Timedelta(days=WINDOW_DAYS) <= as_of
    old = table["date"] - table["first"] > pd.Timedelta(days=2 * WINDOW_DAYS)
    return table[whole & old]
