"""Orders to one row per reason why revenue changed between two periods; it adds up to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import privacy
from workbench.orders import Orders, check, query
from workbench.periods import Periods

# Where a customer belongs, by what was bought in the period and in the one before.
PARTS = ("new", "reactivated", "growth", "decline", "lost", "returns_only")
_BUYS_NOW = ("new", "reactivated", "growth", "decline")
_BOUGHT_BEFORE = ("growth", "decline", "lost")
_SQL = """
    , customers AS (
        SELECT min(date) FILTER (is_purchase) AS first,
               count(*) FILTER (is_purchase AND date >= $start::DATE) AS n_now,
               count(*) FILTER (is_purchase AND date BETWEEN $before::DATE AND $start::DATE - 1)
               AS n_before,
               coalesce(sum(money) FILTER (date >= $start::DATE), 0) AS money_now,
               coalesce(sum(money) FILTER (date BETWEEN $before::DATE AND $start::DATE - 1), 0)
               AS money_before
        FROM orders WHERE date <= $finish::DATE GROUP BY customer_id
    ), placed AS (
        SELECT *, CASE WHEN n_now > 0 AND first >= $start::DATE THEN 'new'
                       WHEN n_now > 0 AND n_before = 0 THEN 'reactivated'
                       WHEN n_now > 0 AND money_now >= money_before THEN 'growth'
                       WHEN n_now > 0 THEN 'decline'
                       WHEN n_before > 0 THEN 'lost'
                       WHEN money_now <> 0 OR money_before <> 0 THEN 'returns_only' END AS part
        FROM customers
    )
    SELECT part, count(*) AS customers, sum(money_now)::VARCHAR AS money_now,
           sum(money_before)::VARCHAR AS money_before
    FROM placed WHERE part IS NOT NULL GROUP BY part
"""


class Bridge(NamedTuple):
    """From the revenue of one period to that of the next.

    Attributes
    ----------
    parts : DataFrame
        Indexed by `part`, one of `PARTS` and all but the last always there:
        `customers` (count), `change` (currency, in whole cents) and `buys_now`,
        `bought_before` (yes or no).
    before, now : float
        Revenue of the two periods, less what came back (currency, in whole
        cents); ``before`` and the changes add up to ``now``.
    customers_before, customers_now : float
        Customers who bought in each.
    """

    parts: pd.DataFrame
    before: float
    now: float
    customers_before: float
    customers_now: float


def bridge(orders: pd.DataFrame | Orders, *, periods: Periods, back: int = 0) -> Bridge:
    """Split the change of revenue by what each customer did in the two periods.

    `new` bought for the first time, `reactivated` after a period without a
    purchase; `growth` and `decline` bought in both, and brought at least as
    much as before, or less; `lost` bought in the period before alone. Days of
    returns are no purchase but money; `returns_only` are customers for whom
    there is nothing else in either period. Amounts below a cent are rounded so
    that the sum holds: no part is off by more than a cent.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day.
    periods : Periods
        From `periods.choose`.
    back : int
        0 compares the latest period with the one before it, 1 that one with
        its own predecessor.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna", "anna", "ben", "cleo"], "amount": [10.0, 14.5, 5.0, 7.0],
    ...     "date": pd.to_datetime(["2024-01-02", "2024-02-02", "2024-01-03", "2024-02-20"])})
    >>> two = Periods(28, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-25"))
    >>> found = bridge(orders, periods=two)
    >>> found.before, found.now, found.parts["change"].to_dict()
    (15.0, 21.5, {'new': 7.0, 'reactivated': 0.0, 'growth': 4.5, 'decline': 0.0, 'lost': -5.0})
    """
    check(orders)
    found = query(
        orders,
        _SQL,
        before=periods.start(back + 1).date(),
        start=periods.start(back).date(),
        finish=periods.end(back).date(),
    ).set_index("part")
    has_returns = "returns_only" in found.index
    names = pd.Index([name for name in PARTS if has_returns or name != PARTS[-1]], name="part")
    exact = {
        name: (
            Decimal(found["money_before"].get(name, "0")),
            Decimal(found["money_now"].get(name, "0")),
        )
        for name in names
    }
    before = _cents(sum(old for old, _ in exact.values()))
    now = _cents(sum(new for _, new in exact.values()))
    changes = _whole_cents([new - old for old, new in exact.values()], total=now - before)
    customers = found["customers"].reindex(names, fill_value=0).astype(int)
    parts = pd.DataFrame(
        {
            "customers": customers,
            "change": np.array(changes) / 100,
            "buys_now": names.isin(_BUYS_NOW),
            "bought_before": names.isin(_BOUGHT_BEFORE),
        }
    )
    counted = {name: float(customers[parts[name]].sum()) for name in ("bought_before", "buys_now")}
    return Bridge(parts, before / 100, now / 100, counted["bought_before"], counted["buys_now"])


def shown(found: Bridge, *, k: int) -> Bridge:
    """Blank the parts that stand for fewer than `k` customers, and what would give them away.

    Both totals are shown, so the rule holds among those who bought in either
    period too.
    """
    if any(0 < n < k for n in (found.customers_before, found.customers_now)):
        nothing = found.parts.assign(customers=np.nan, change=np.nan)
        return Bridge(nothing, np.nan, np.nan, np.nan, np.nan)
    parts = privacy.suppress(
        found.parts, count="customers", k=k, within=["buys_now", "bought_before"]
    )
    return found._replace(parts=parts)


def _cents(amount: Decimal) -> int:
    return round(100 * amount)


def _whole_cents(amounts: list[Decimal], *, total: int) -> list[int]:
    """Round amounts to cents that add up to a total, those first that it changes least."""
    cents = [_cents(amount) for amount in amounts]
    short = total - sum(cents)
    step = 1 if short > 0 else -1
    gain = [step * (100 * amount - cent) for amount, cent in zip(amounts, cents, strict=True)]
    for place in sorted(range(len(cents)), key=lambda i: -gain[i])[: abs(short)]:
        cents[place] += step
    return cents
