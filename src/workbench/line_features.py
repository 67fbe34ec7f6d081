"""Line items to one row per customer: what he bought, returned and paid less for, up to a day."""

from __future__ import annotations

import pandas as pd

from workbench.lines import Lines, derived, of_frame, query

UNKNOWN = "unbekannt"
# What each feature needs of the source; every source of lines bears the others.
_NEEDS = {
    "n_categories": "category",
    "top_category_share": "category",
    "category_entropy": "category",
    "new_categories": "category",
    "discounted_share": "discount",
    "n_channels": "channel",
    "last_channel": "channel",
}
# Sums of whole numbers do not depend on the order of the rows; logarithms are scaled to such.
_FEATURES = """
    , known AS (
        SELECT customer_id, $origin::DATE - date AS age, category, channel,
               NOT is_return AS is_bought, discount <> 0 AS is_discounted
        FROM lines WHERE date <= $origin::DATE AND customer_id IS NOT NULL AND is_goods
    ), per_category AS (
        SELECT customer_id, count(*) AS n, max(age) AS first_age
        FROM known WHERE is_bought AND category IS NOT NULL GROUP BY customer_id, category
    ), categories AS (
        SELECT customer_id, count(*) AS n_categories, sum(n)::BIGINT AS n, max(n) AS n_top,
               sum(round(n * ln(n) * 1e9)::BIGINT)::DOUBLE / 1e9 AS n_log_n,
               count(*) FILTER (first_age < $window) AS new_categories
        FROM per_category GROUP BY customer_id
    ), per_channel AS (
        SELECT customer_id, channel, min(age) AS last_age
        FROM known WHERE is_bought AND channel IS NOT NULL GROUP BY customer_id, channel
    ), channels AS (
        SELECT customer_id, count(*) AS n_channels,
               arg_min(channel, {'age': last_age, 'name': channel}) AS last_channel
        FROM per_channel GROUP BY customer_id
    ), counted AS (
        SELECT customer_id, count(*) FILTER (is_bought) AS n_bought,
               count(*) FILTER (NOT is_bought) AS n_returned,
               count(*) FILTER (is_bought AND is_discounted) AS n_discounted
        FROM known GROUP BY customer_id
    )
    SELECT customer_id, n_categories::DOUBLE AS n_categories, n_top / n AS top_category_share,
           greatest(ln(n) - n_log_n / n, 0) AS category_entropy,
           new_categories::DOUBLE AS new_categories,
           least(n_returned / greatest(n_bought, 1), 1) AS returned_share,
           n_discounted / greatest(n_bought, 1) AS discounted_share,
           n_channels::DOUBLE AS n_channels, last_channel
    FROM counted LEFT JOIN categories USING (customer_id) LEFT JOIN channels USING (customer_id)
"""


def build(
    lines: pd.DataFrame | Lines,
    *,
    origin: pd.Timestamp,
    window_days: int,
    customers: pd.Index,
) -> pd.DataFrame:
    """Describe what each customer had bought by the end of an origin.

    A return counts on the day on which it came back: what was bought before stays as it was, so
    that no return of tomorrow changes what is said of today. Postage, fees and vouchers are no
    purchases here (`line_counts.NO_PRODUCT`).

    Parameters
    ----------
    lines : DataFrame or Lines
        One row per line, in any order; later ones are ignored, and those without a customer.
    origin : Timestamp
        Last day that counts.
    window_days : int
        Categories are new which a customer bought for the first time in so many days up to the
        origin.
    customers : Index
        Who is described.

    Returns
    -------
    DataFrame
        Indexed by `customers`, without a missing value; described in `feature_book.BOOK`. With a
        category in the lines: `n_categories`, `top_category_share`, `category_entropy` (nats, of
        the lines) and `new_categories`; always `returned_share`; with a discount
        `discounted_share`; with a channel `n_channels` and, as text, `last_channel`: of several on
        the last day, the first by name.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": "anna", "amount": [9.0, 5.0, -5.0, 7.0],
    ...                       "category": ["tea", "tea", "tea", "cups"],
    ...                       "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-09",
    ...                                               "2024-01-20"])})
    >>> build(table, origin=pd.Timestamp("2024-01-10"), window_days=15,
    ...       customers=pd.Index(["anna"], name="customer_id"))[["n_categories", "returned_share"]]
                 n_categories  returned_share
    customer_id
    anna                  1.0             0.5
    """
    has = lines.columns
    found = query(lines, _FEATURES, origin=origin.date(), window=window_days)
    table = found.set_index("customer_id").reindex(customers)
    table = table[[name for name in table if _NEEDS.get(name, "date") in has]]
    if "last_channel" in table:
        texts = table["last_channel"].fillna(UNKNOWN).astype("str")
        return table.drop(columns="last_channel").fillna(0.0).assign(last_channel=texts)
    return table.fillna(0.0)


def moved(lines: pd.DataFrame | Lines, *, origin: pd.Timestamp, happens: bool) -> Lines:
    """Return lines whose future never came, or came differently.

    Parameters
    ----------
    lines : DataFrame or Lines
        Stay as they are.
    origin : Timestamp
        Last day that stays.
    happens : bool
        Whether on the next day all that was bought comes back, and every customer and a new one
        buys something new, elsewhere and cheaper.
    """
    stored = of_frame(lines) if isinstance(lines, pd.DataFrame) else lines
    past = f"FROM lines WHERE date <= DATE '{origin.date()}'"
    if not happens:
        return derived(stored, past)
    next_day = f"DATE '{(origin + pd.Timedelta(days=1)).date()}'"
    return derived(
        stored,
        f"""
        , past AS ({past}), everybody AS (
            SELECT DISTINCT customer_id FROM past WHERE customer_id IS NOT NULL
            UNION ALL SELECT '~new'
        )
        FROM past
        UNION ALL
        SELECT * REPLACE ({next_day} AS date, -amount AS amount, -quantity AS quantity,
                          NOT is_return AS is_return) FROM past
        UNION ALL BY NAME
        SELECT customer_id, {next_day} AS date, 0 AS order_no, '~new' AS product_id,
               '~new' AS category, '~new' AS channel, 1 AS quantity, 1 AS discount, 1 AS margin,
               1 AS amount, false AS is_return
        FROM everybody
        """,
    )
