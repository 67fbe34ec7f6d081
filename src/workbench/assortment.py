"""Line items to what is bought together, what sells most, and what a customer may want next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench import lines as line_tables
from workbench.discrimination import wilson
from workbench.lines import Lines
from workbench.schema import TooFewData

# What may stand for goods, the broader first.
UNITS = ("category", "product_id")
# Of fewer categories nearly every customer has bought all; then products say more.
FEWEST_CATEGORIES = 10
FEWEST_BASKETS = 200
# A pair is counted where both of its goods are in so many baskets at least.
MOST_ITEMS = 800
OFFERS = 3
TEST_DAYS = 30
FEWEST_TESTED = 100
TIERS = 3
MOVED = 0.25
# Customers whose suggestions are computed at once.
BLOCK = 20_000
_Z = 1.959963984540054
# A receipt is a basket; without receipts all purchases of a customer on a day are one.
_BASKET = "coalesce('r' || order_no, 'c' || customer_id || ' ' || date)"
_BOUGHT = f"NOT is_return AND amount > 0 AND {_BASKET} IS NOT NULL AND date <= $until"


class Pairs(NamedTuple):
    """Goods that are bought together.

    Attributes
    ----------
    table : DataFrame
        A row per pair, the strongest first: `first`, `second`, `baskets` (with
        both), `customers` (who bought both together; unknown ones count none),
        `support` (share of all baskets), `confidence` (share of the baskets with
        `first` that hold `second` too), `confidence_back` (the other way
        round), `lift` (how many times more often than by chance), `lift_low`,
        `lift_high` (its 95 % interval).
    baskets : int
        All baskets with a purchase.
    """

    table: pd.DataFrame
    baskets: int


class Trial(NamedTuple):
    """Whether suggestions beat the most popular goods on days that they did not know.

    Attributes
    ----------
    customers : int
        Who bought in the days of the trial something that was new to them.
    hit_share, popular_share : float
        Share of them who bought one of the three suggested goods, and one of
        the three most popular that were new to them.
    difference, low, high : float
        Of these shares, with a 95 % interval of drawing customers.
    first_day : Timestamp
        Of the trial.
    """

    customers: int
    hit_share: float
    popular_share: float
    difference: float
    low: float
    high: float
    first_day: pd.Timestamp

    @property
    def is_better(self) -> bool:
        """Whether the suggestions beat popularity beyond chance."""
        return self.low > 0


def unit_of(lines: Lines | None) -> str:
    """Return which column names the goods: the category where there are many, else the product.

    Empty where the source has neither.
    """
    named = [name for name in UNITS if lines is not None and name in lines.columns]
    if len(named) == len(UNITS):
        counted = line_tables.query(lines, "SELECT count(DISTINCT category) AS n FROM lines")
        return UNITS[0] if counted["n"].iloc[0] >= FEWEST_CATEGORIES else UNITS[1]
    return named[0] if named else ""


def bestsellers(lines: Lines, *, unit: str, until: pd.Timestamp) -> pd.DataFrame:
    """Count baskets, customers and money of each good.

    Parameters
    ----------
    lines : Lines
    unit : str
        One of `UNITS`.
    until : Timestamp
        Last day that counts.

    Returns
    -------
    DataFrame
        Indexed by `item`, the most frequent first: `baskets`, `basket_share`,
        `customers`, `revenue` (purchases, currency), `revenue_share`, `returned_share` (money that
        came back, as a share of the purchases).

    Raises
    ------
    TooFewData
        If there are fewer than `FEWEST_BASKETS` baskets.
    """
    n = _n_baskets(lines, until=until)
    found = line_tables.query(
        lines,
        f"""
        SELECT {unit} AS item, count(DISTINCT {_BASKET}) FILTER ({_BOUGHT}) AS baskets,
               count(DISTINCT customer_id) FILTER ({_BOUGHT}) AS customers,
               coalesce(sum(amount) FILTER ({_BOUGHT}), 0)::DOUBLE AS revenue,
               coalesce(-sum(amount) FILTER (amount < 0 AND date <= $until), 0)::DOUBLE AS returned
        FROM lines WHERE {unit} IS NOT NULL AND is_goods
        GROUP BY 1 HAVING baskets > 0 ORDER BY baskets DESC, item
        """,
        until=until,
    ).set_index("item")
    return pd.DataFrame(
        {
            "baskets": found["baskets"].astype(int),
            "basket_share": found["baskets"] / n,
            "customers": found["customers"].astype(int),
            "revenue": found["revenue"],
            "revenue_share": found["revenue"] / found["revenue"].sum(),
            "returned_share": found["returned"] / found["revenue"],
        }
    )


def pairs(lines: Lines, *, unit: str, min_support: float, until: pd.Timestamp) -> Pairs:
    """Count which goods are in one basket, and how much more often than by chance.

    The interval of the lift is that of its logarithm by the delta method: its
    four cells are multinomial. Where many pairs are looked at, the best ones
    look better than they are.

    Parameters
    ----------
    lines : Lines
    unit : str
        One of `UNITS`.
    min_support : float
        Smallest share of baskets in which a pair must be.
    until : Timestamp
        Last day that counts.

    Raises
    ------
    TooFewData
        If there are fewer than `FEWEST_BASKETS` baskets, or no pair is frequent enough.

    References
    ----------
    Agrawal, Imielinski and Swami (1993), Mining association rules, SIGMOD;
    Brin, Motwani, Ullman and Tsur (1997), Dynamic itemset counting, SIGMOD (lift, there: interest).
    """
    n = _n_baskets(lines, until=until)
    found = line_tables.query(
        lines,
        f"""
        , held AS MATERIALIZED (
            SELECT DISTINCT {_BASKET} AS basket, customer_id, {unit} AS item
            FROM lines WHERE {_BOUGHT} AND {unit} IS NOT NULL AND is_goods
        ), frequent AS (
            SELECT item, count(DISTINCT basket) AS n FROM held GROUP BY item
            HAVING n >= $least ORDER BY n DESC, item LIMIT {MOST_ITEMS}
        ), kept AS (SELECT held.*, n FROM held JOIN frequent USING (item))
        SELECT a.item AS first, b.item AS second, count(DISTINCT a.basket) AS baskets,
               count(DISTINCT a.customer_id) AS customers, any_value(a.n) AS n_first,
               any_value(b.n) AS n_second
        FROM kept AS a JOIN kept AS b ON a.basket = b.basket AND a.item < b.item
        GROUP BY ALL HAVING baskets >= $least ORDER BY first, second
        """,
        until=until,
        least=max(int(np.ceil(min_support * n)), 1),
    )
    if found.empty:
        raise TooFewData(
            f"no pair of goods is in {min_support:.1%} of {n} baskets.", have=0, need=1
        )
    both, first, second = (
        found[name].to_numpy(float) for name in ("baskets", "n_first", "n_second")
    )
    lift = both * n / (first * second)
    half = _Z * np.sqrt(_log_lift_variance(both / n, first / n, second / n) / n)
    table = pd.DataFrame(
        {
            "first": found["first"],
            "second": found["second"],
            "baskets": found["baskets"].astype(int),
            "customers": found["customers"].astype(int),
            "support": both / n,
            "confidence": both / first,
            "confidence_back": both / second,
            "lift": lift,
            "lift_low": lift * np.exp(-half),
            "lift_high": lift * np.exp(half),
        }
    )
    order = ["lift_low", "first", "second"]
    return Pairs(table.sort_values(order, ascending=[False, True, True], ignore_index=True), n)


def suggestions(lines: Lines, *, unit: str, until: pd.Timestamp) -> pd.DataFrame:
    """Suggest to each customer goods that were new to her, by what goes with what she has.

    The score of a good is the mean share of the baskets with each of her goods
    that held it too.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`: `item_1` to `item_3`, the best
        first; missing where nothing new is left.
    """
    held, chances, _ = _learnt(lines, unit=unit, until=until)
    best, items = _best(held, chances), held.columns
    names = np.where(best >= 0, np.array(items, dtype=object)[best], None)
    columns = [f"item_{place}" for place in range(1, OFFERS + 1)]
    return pd.DataFrame(names, index=held.index, columns=columns).astype("str")


def trial(lines: Lines, *, unit: str, as_of: pd.Timestamp, seed: int) -> Trial:
    """Try the suggestions on the last days, which they did not know, beside popularity.

    Whoever bought something in the trial that was new to her counts. A
    suggestion hits where one of three is among it; so does popularity with the
    three goods in most baskets that were new to her.

    Parameters
    ----------
    lines : Lines
    unit : str
        One of `UNITS`.
    as_of : Timestamp
        Last day of the trial, which takes `TEST_DAYS`.
    seed : int
        Of the draws.

    Raises
    ------
    TooFewData
        If there are too few baskets before, or fewer than `FEWEST_TESTED`
        customers to try it on.
    """
    before = as_of - pd.Timedelta(days=TEST_DAYS)
    held, chances, counts = _learnt(lines, unit=unit, until=before)
    came = line_tables.query(
        lines,
        f"""
        SELECT DISTINCT customer_id, {unit} AS item FROM lines
        WHERE {_BOUGHT} AND date > $before AND customer_id IS NOT NULL AND is_goods
        AND {unit} IS NOT NULL
        """,
        until=as_of,
        before=before,
    )
    came = came[came["customer_id"].isin(held.index) & came["item"].isin(held.columns)]
    bought = np.zeros(held.shape, dtype=bool)
    rows = held.index.get_indexer(came["customer_id"])
    bought[rows, held.columns.get_indexer(came["item"])] = True
    owned = held.to_numpy()
    news = bought & ~owned
    tested = news.any(axis=1)
    if tested.sum() < FEWEST_TESTED:
        raise TooFewData(
            f"{tested.sum()} known customers bought something new in the last {TEST_DAYS} days; "
            f"{FEWEST_TESTED} are needed.",
            have=int(tested.sum()),
            need=FEWEST_TESTED,
        )
    some = held[tested]
    suggested = _hits(_best(some, chances), news[tested])
    popular = np.broadcast_to(counts / counts.sum(), chances.shape)
    by_popularity = _hits(_best(some, popular), news[tested])
    pair = np.column_stack([suggested, by_popularity]).astype(float)

    def difference(weights: np.ndarray) -> np.ndarray:
        means = customer_bootstrap.totals(weights, pair) / weights.sum(axis=1, keepdims=True)
        return means[:, :1] - means[:, 1:]

    estimate = difference(np.ones((1, len(pair))))[0]
    draws = customer_bootstrap.resample(difference, customers=len(pair), seed=seed)
    low, high = customer_bootstrap.interval(estimate, draws)
    return Trial(
        customers=len(pair),
        hit_share=float(suggested.mean()),
        popular_share=float(by_popularity.mean()),
        difference=float(estimate[0]),
        low=float(low[0]),
        high=float(high[0]),
        first_day=before + pd.Timedelta(days=1),
    )


def price_moves(lines: Lines, *, as_of: pd.Timestamp, days: int) -> pd.DataFrame:
    """Count who buys dearer or cheaper goods than in the period before.

    The products of a category are cut into three price tiers of equal size by
    what a piece cost in the mean. A customer's level is the mean tier of the
    lines bought; it rose or fell where it moved by more than a quarter of a tier.

    Parameters
    ----------
    lines : Lines
        With `product_id` and `quantity`.
    as_of : Timestamp
        Last day of the later period.
    days : int
        Length of each of the two periods.

    Returns
    -------
    DataFrame
        Indexed by `direction` ("up", "same", "down"): `customers` (who bought
        in both periods), `share`, `low`, `high` (95 % interval after Wilson).

    Raises
    ------
    TooFewData
        If fewer than `FEWEST_TESTED` customers bought in both.
    """
    middle = as_of - pd.Timedelta(days=days)
    found = line_tables.query(
        lines,
        f"""
        , priced AS (
            SELECT product_id, any_value(category) AS category,
                   sum(amount) / sum(quantity) AS price
            FROM lines WHERE {_BOUGHT} AND quantity > 0 AND is_goods AND product_id IS NOT NULL
            GROUP BY product_id
        ), tiers AS (
            SELECT product_id,
                   ntile({TIERS}) OVER (PARTITION BY category ORDER BY price, product_id) AS tier
            FROM priced
        )
        SELECT customer_id, avg(tier) FILTER (date <= $middle) AS before,
               avg(tier) FILTER (date > $middle) AS later
        FROM lines JOIN tiers USING (product_id)
        WHERE {_BOUGHT} AND date > $first AND customer_id IS NOT NULL
        GROUP BY 1 HAVING before IS NOT NULL AND later IS NOT NULL
        """,
        until=as_of,
        middle=middle,
        first=middle - pd.Timedelta(days=days),
    )
    n = len(found)
    if n < FEWEST_TESTED:
        raise TooFewData(
            f"{n} customers bought products in both periods of {days} days; {FEWEST_TESTED} are "
            "needed.",
            have=n,
            need=FEWEST_TESTED,
        )
    change = found["later"].to_numpy(float) - found["before"].to_numpy(float)
    counts = np.array(
        [(change > MOVED).sum(), (np.abs(change) <= MOVED).sum(), (change < -MOVED).sum()]
    )
    low, high = wilson(counts, np.full(3, n))
    return pd.DataFrame(
        {"customers": counts, "share": counts / n, "low": low, "high": high},
        index=pd.Index(["up", "same", "down"], name="direction"),
    )


def _n_baskets(lines: Lines, *, until: pd.Timestamp) -> int:
    found = line_tables.query(
        lines, f"SELECT count(DISTINCT {_BASKET}) AS n FROM lines WHERE {_BOUGHT}", until=until
    )
    n = int(found["n"].iloc[0])
    if n < FEWEST_BASKETS:
        raise TooFewData(
            f"there are {n} baskets up to {until.date()}; {FEWEST_BASKETS} are needed.",
            have=n,
            need=FEWEST_BASKETS,
        )
    return n


def _log_lift_variance(both: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the variance of one basket's part in log(both / (first second))."""
    slope = 1 / both - 1 / first - 1 / second
    only_first, only_second = (first - both) / first**2, (second - both) / second**2
    return np.maximum(both * slope**2 + only_first + only_second - 1, 0.0)


def _learnt(
    lines: Lines, *, unit: str, until: pd.Timestamp
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return who holds what, how often goods go together, and in how many baskets each is."""
    _n_baskets(lines, until=until)
    popular = line_tables.query(
        lines,
        f"""
        SELECT {unit} AS item, count(DISTINCT {_BASKET}) AS n FROM lines
        WHERE {_BOUGHT} AND {unit} IS NOT NULL AND is_goods
        GROUP BY 1 ORDER BY n DESC, item LIMIT {MOST_ITEMS}
        """,
        until=until,
    )
    items = pd.Index(sorted(popular["item"]), name="item")
    counts = popular.set_index("item")["n"].reindex(items).to_numpy(float)
    both = line_tables.query(
        lines,
        f"""
        , held AS MATERIALIZED (
            SELECT DISTINCT {_BASKET} AS basket, {unit} AS item FROM lines
            WHERE {_BOUGHT} AND is_goods AND list_contains($items, {unit})
        )
        SELECT a.item AS first, b.item AS second, count(*) AS n
        FROM held AS a JOIN held AS b ON a.basket = b.basket AND a.item < b.item
        GROUP BY ALL
        """,
        until=until,
        items=list(items),
    )
    chances = np.zeros((len(items), len(items)))
    first, second = (items.get_indexer(both[name]) for name in ("first", "second"))
    chances[first, second] = chances[second, first] = both["n"]
    chances /= counts[:, None]
    owned = line_tables.query(
        lines,
        f"""
        SELECT DISTINCT customer_id, {unit} AS item FROM lines
        WHERE {_BOUGHT} AND customer_id IS NOT NULL AND is_goods
        AND list_contains($items, {unit})
        """,
        until=until,
        items=list(items),
    )
    people = pd.Index(sorted(owned["customer_id"].unique()), name="customer_id")
    held = np.zeros((len(people), len(items)), dtype=bool)
    held[people.get_indexer(owned["customer_id"]), items.get_indexer(owned["item"])] = True
    return pd.DataFrame(held, index=people, columns=items), chances, counts


def _best(held: pd.DataFrame, chances: np.ndarray) -> np.ndarray:
    """Return the columns of the best new goods of each customer, -1 where none is left."""
    parts = []
    for start in range(0, len(held), BLOCK):
        owned = held.to_numpy()[start : start + BLOCK]
        score = owned.astype(float) @ chances / np.maximum(owned.sum(axis=1, keepdims=True), 1)
        score[owned] = -1.0
        order = np.argsort(-score, axis=1, kind="stable")[:, :OFFERS]
        fits = np.take_along_axis(score, order, axis=1) > 0
        part = np.full((len(owned), OFFERS), -1)
        part[:, : order.shape[1]] = np.where(fits, order, -1)
        parts.append(part)
    return np.concatenate(parts) if parts else np.empty((0, OFFERS), dtype=int)


def _hits(best: np.ndarray, news: np.ndarray) -> np.ndarray:
    found = np.take_along_axis(news, np.maximum(best, 0), axis=1) & (best >= 0)
    return found.any(axis=1)
