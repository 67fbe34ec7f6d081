"""Orders and optional tables to one row per customer with what the key figures add up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from workbench import lines as line_items
from workbench import periods as spans
from workbench.kpi_book import DETRACTOR, MIN_MONTHS, PROMOTER, QUICK_DAYS, WINDOWS
from workbench.lines import Lines
from workbench.orders import Orders, query
from workbench.periods import Periods

# The latest period and the one before it.
SHOWN = (0, 1)


def by_period(
    orders: pd.DataFrame | Orders,
    *,
    periods: Periods,
    tables: Mapping[str, pd.DataFrame],
    lines: Lines | None = None,
) -> list[pd.DataFrame]:
    """Say of each customer what the key figures add up, period by period.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    periods : Periods
        From `periods.choose`.
    tables : mapping of str to DataFrame
        Of `customers`, `survey` and `complaints` those that are there, as
        `companions` reads them.
    lines : Lines, optional
        Line items, where the source has them; the margin is theirs.

    Returns
    -------
    list of DataFrame
        For the latest period and the one before it, indexed and sorted by
        `customer_id`: counts, yes or no, and currency; missing throughout
        where an optional table is.
    """
    bought = spans.by_customer(orders, periods=periods)
    return [
        pd.concat(
            [
                _purchases(bought, periods=periods, back=back),
                _second_purchases(bought, periods=periods, back=back),
                _answers(tables.get("survey"), bought.index, periods=periods, back=back),
                _cases(tables.get("complaints"), bought.index, periods=periods, back=back),
                _referrals(tables.get("customers"), bought, periods=periods, back=back),
                _margins(lines, bought.index, periods=periods, back=back),
            ],
            axis=1,
        )
        for back in SHOWN
    ]


def by_month(
    orders: pd.DataFrame | Orders, index: pd.Index, *, periods: Periods, back: int
) -> dict[str, sparse.csr_array]:
    """Add up each customer's money in the whole calendar months of a period.

    A customer is new in the month of the first purchase and known in all
    others, as in `cohorts.monthly_revenue`.

    Parameters
    ----------
    orders, periods
        As in `by_period`.
    index : Index
        Customers, in the order of the rows.
    back : int
        0 is the latest period.

    Returns
    -------
    dict of str to csr_array
        ``known`` and ``new``: shape (customers, months), currency; empty with
        fewer than `kpi_book.MIN_MONTHS` whole months.
    """
    months = pd.period_range(
        (periods.start(back) - pd.Timedelta(days=1)).to_period("M") + 1,
        (periods.end(back) + pd.Timedelta(days=1)).to_period("M") - 1,
        freq="M",
    )
    if len(months) < MIN_MONTHS:
        return {}
    found = query(
        orders,
        """
        , firsts AS (
            SELECT customer_id, date_trunc('month', min(date)) AS month FROM orders
            WHERE is_purchase AND date <= $last::DATE GROUP BY customer_id
        )
        SELECT customer_id, date_trunc('month', date)::DATE AS month,
               sum(money)::DOUBLE AS revenue, date_trunc('month', date) = firsts.month AS is_new
        FROM orders LEFT JOIN firsts USING (customer_id)
        WHERE date BETWEEN $first::DATE AND $last::DATE GROUP BY ALL ORDER BY ALL
        """,
        first=months[0].start_time.date(),
        last=months[-1].end_time.date(),
    )
    row = index.get_indexer(found["customer_id"])
    column = months.get_indexer(pd.PeriodIndex(found["month"], freq="M"))
    is_new = found["is_new"].fillna(False).to_numpy(bool)
    shape = (len(index), len(months))
    return {
        name: sparse.csr_array((found["revenue"][rows], (row[rows], column[rows])), shape=shape)
        for name, rows in {"known": ~is_new, "new": is_new}.items()
    }


def _purchases(bought: pd.DataFrame, *, periods: Periods, back: int) -> pd.DataFrame:
    active, was_active = bought[f"purchases_{back}"] > 0, bought[f"purchases_{back + 1}"] > 0
    known = bought["first"] < periods.start(back)
    was_known = was_active & (bought["first"] < periods.start(back + 1))
    revenue = bought[f"revenue_{back}"]
    return pd.DataFrame(
        {
            "active": active,
            "purchases": bought[f"purchases_{back}"],
            "revenue": revenue,
            "new": active & ~known,
            "reactivated": active & known & ~was_active,
            "known_revenue": revenue.where(known, 0.0),
            "was_active": was_active,
            "was_known": was_known,
            "was_new": was_active & ~was_known,
            "retained": active & was_active,
            "retained_known": active & was_known,
            "retained_new": active & was_active & ~was_known,
            "lost": was_active & ~active,
        }
    )


def _second_purchases(bought: pd.DataFrame, *, periods: Periods, back: int) -> pd.DataFrame:
    columns = {}
    for days in WINDOWS:
        limit = bought["first"] + pd.Timedelta(days=days)
        is_over = limit.between(periods.start(back), periods.end(back))
        columns[f"window_{days}"] = is_over
        columns[f"repeated_{days}"] = is_over & (bought["second"] <= limit)
    return pd.DataFrame(columns)


def _answers(
    survey: pd.DataFrame | None, index: pd.Index, *, periods: Periods, back: int
) -> pd.DataFrame:
    names = ("answers", "promoters", "detractors", "ratings", "marks", "answered", "rated")
    if survey is None:
        return pd.DataFrame(np.nan, index=index, columns=names)
    inside = survey[survey["date"].between(periods.start(back), periods.end(back))]
    nps = inside["nps"].astype(float)
    table = pd.DataFrame(
        {
            "answers": nps.notna(),
            "promoters": nps >= PROMOTER,
            "detractors": nps <= DETRACTOR,
            "ratings": inside["satisfaction"].notna(),
            "marks": inside["satisfaction"].fillna(0.0),
        }
    ).astype(float)
    summed = table.groupby(inside["customer_id"]).sum().reindex(index, fill_value=0.0)
    return summed.assign(answered=summed["answers"] > 0, rated=summed["ratings"] > 0)


def _cases(
    complaints: pd.DataFrame | None, index: pd.Index, *, periods: Periods, back: int
) -> pd.DataFrame:
    names = ("cases", "cases_due", "quick_cases", "complained")
    if complaints is None:
        return pd.DataFrame(np.nan, index=index, columns=names)
    received = complaints["received"].dt.normalize()
    took = (complaints["first_response"].dt.normalize() - received).dt.days
    # Who wrote on the last days may still get a quick answer.
    due = took.notna() | ((periods.as_of - received).dt.days > QUICK_DAYS)
    table = pd.DataFrame({"cases": 1.0, "cases_due": due, "quick_cases": took <= QUICK_DAYS})
    inside = received.between(periods.start(back), periods.end(back))
    by = complaints.loc[inside, "customer_id"]
    summed = table[inside].astype(float).groupby(by).sum().reindex(index, fill_value=0.0)
    return summed.assign(complained=summed["cases"] > 0)


def _referrals(
    customers: pd.DataFrame | None, bought: pd.DataFrame, *, periods: Periods, back: int
) -> pd.DataFrame:
    if customers is None or customers["referred_by"].isna().all():
        return pd.DataFrame({"new_referred": np.nan}, index=bought.index)
    is_new = bought["first"].between(periods.start(back), periods.end(back))
    return pd.DataFrame(
        {"new_referred": is_new & customers["referred_by"].reindex(bought.index).notna()}
    )


def _margins(lines: Lines | None, index: pd.Index, *, periods: Periods, back: int) -> pd.DataFrame:
    names = ["margin", "margin_revenue"]
    if lines is None or "margin" not in lines.columns:
        return pd.DataFrame(np.nan, index=index, columns=names)
    found = line_items.query(
        lines,
        """
        SELECT customer_id, sum(margin)::DOUBLE AS margin, sum(amount)::DOUBLE AS margin_revenue
        FROM lines WHERE margin IS NOT NULL AND customer_id IS NOT NULL
                         AND date BETWEEN $start::DATE AND $finish::DATE
        GROUP BY customer_id ORDER BY customer_id
        """,
        start=periods.start(back).date(),
        finish=periods.end(back).date(),
    )
    return found.set_index("customer_id")[names].reindex(index, fill_value=0.0)
