"""Line items to one category and one channel per customer: those in which he spends most."""

from __future__ import annotations

import pandas as pd

from workbench.lines import Lines, query

# What a customer is named by, and the column of the lines that says it.
CHOICES = {"main_category": "category", "main_channel": "channel"}


def main_choice(
    lines: pd.DataFrame | Lines | None, choice: str, *, as_of: pd.Timestamp
) -> pd.Series:
    """Find the category or the channel in which each customer has spent most.

    Money that came back is taken off where it was spent; postage, fees and
    vouchers do not count. Of equal sums the first name holds.

    Parameters
    ----------
    lines : DataFrame or Lines or None
        One row per line, in any order; None where the source has none.
    choice : {"main_category", "main_channel"}
        Which.
    as_of : Timestamp
        Last day that counts; later rows are ignored.

    Returns
    -------
    Series
        Text by `customer_id`, sorted; customers of whom no line says it are
        absent. Empty where the source does not say it at all.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["anna", "anna", "ben"], "amount": [5.0, 9.0, 1.0],
    ...                      "date": pd.to_datetime(["2024-01-01"] * 3),
    ...                      "category": ["Tee", "Kaffee", "Tee"]})
    >>> main_choice(rows, "main_category", as_of=pd.Timestamp("2024-01-31")).tolist()
    ['Kaffee', 'Tee']
    """
    column = CHOICES[choice]
    nothing = pd.Series(dtype="str", index=pd.Index([], dtype="str", name="customer_id"))
    if lines is None or column not in lines.columns:
        return nothing.rename(choice)
    found = query(
        lines,
        f"""
        , spent AS (
            SELECT customer_id, {column} AS name, sum(amount) AS money
            FROM lines
            WHERE date <= $as_of::DATE AND customer_id IS NOT NULL AND is_goods
                  AND {column} IS NOT NULL
            GROUP BY ALL HAVING sum(amount) > 0
        ), placed AS (
            SELECT customer_id, name,
                   row_number() OVER (PARTITION BY customer_id ORDER BY money DESC, name) AS place
            FROM spent
        )
        SELECT customer_id, name FROM placed WHERE place = 1 ORDER BY customer_id
        """,
        as_of=as_of,
    )
    return found.set_index("customer_id")["name"].rename(choice)
