"""Orders to one row per customer and origin: what was known then, and who churned after it.

Churned means: no purchase in the outcome window, which starts `gap_days` after the
origin and lasts `horizon_days`. An origin is the last day that a feature may know.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from workbench import summary
from workbench.schema import DataError, TooFewData, check_orders, purchase_days

# Column: German label, German definition. {horizon_days} stands for the length of the window.
FEATURES: dict[str, tuple[str, str]] = {
    "days_since_last": (
        "Tage seit dem letzten Kauf",
        "Tage vom letzten Kauf bis zum Stichtag.",
    ),
    "n_orders": (
        "Zahl der Käufe",
        "Tage mit mindestens einem Kauf bis zum Stichtag.",
    ),
    "T": (
        "Alter der Kundenbeziehung",
        "Tage vom ersten Kauf bis zum Stichtag.",
    ),
    "revenue_ratio": (
        "Umsatz im Verhältnis zum Durchschnitt",
        "Umsatz bis zum Stichtag, geteilt durch den mittleren Umsatz aller Kunden.",
    ),
    "basket_ratio": (
        "Einkaufswert im Verhältnis zum Durchschnitt",
        "Mittlerer Umsatz je Kauf, geteilt durch den Durchschnitt dieses Werts über alle Kunden.",
    ),
    "gap_ratio": (
        "Stille im Verhältnis zum Kaufabstand",
        "Tage seit dem letzten Kauf, geteilt durch den eigenen mittleren Abstand zweier Käufe; "
        "bei Einmalkäufern eins.",
    ),
    "gap_variation": (
        "Unregelmäßigkeit der Käufe",
        "Streuung der Kaufabstände, geteilt durch ihr Mittel; null bei weniger als drei Käufen.",
    ),
    "recent_orders": (
        "Käufe im letzten Zeitfenster",
        "Käufe in den letzten {horizon_days} Tagen bis zum Stichtag.",
    ),
    "trend": (
        "Entwicklung der Käufe",
        "Käufe in den letzten {horizon_days} Tagen plus eins, geteilt durch die Käufe in den "
        "{horizon_days} Tagen davor plus eins; eins heißt unverändert.",
    ),
}
P_NO_PURCHASE = "p_no_purchase"
# One to train, one to choose, one to test.
MIN_ORIGINS = 3


class Panel(NamedTuple):
    """Customers known at one origin.

    Attributes
    ----------
    features : DataFrame
        From `features`, where wanted with the column `p_no_purchase`: the
        probability of no purchase in the outcome window, from a purchase model
        fitted to nothing after the origin.
    churned : Series
        Same index, from `labels`.
    outcome_end : Timestamp
        Last day of the outcome window: from then on the label is known.
    """

    features: pd.DataFrame
    churned: pd.Series
    outcome_end: pd.Timestamp


def origins(
    orders: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    max_origins: int = 4,
    first_day: pd.Timestamp | None = None,
) -> list[pd.Timestamp]:
    """Place origins whose outcome windows are complete and do not overlap.

    The last origin's outcome window ends on `as_of`; each earlier one's ends on
    the next origin, so that its label is known there. Before the first origin
    lie at least `horizon_days` of orders.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last complete day.
    horizon_days, gap_days : int
        Length of the outcome window, and the days between origin and window.
    max_origins : int
        At most so many, the latest ones.
    first_day : Timestamp, optional
        First day of the data, where the first order has been returned since.

    Returns
    -------
    list of Timestamp
        In order; three or more.

    Raises
    ------
    TooFewData
        If there is no room for three: one to train, one to choose, one to test.
    ValueError
        If a length breaks its bounds.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna"], "amount": [1.0],
    ...                        "date": pd.to_datetime(["2024-01-01"])})
    >>> [str(day.date()) for day in origins(
    ...     orders, as_of=pd.Timestamp("2024-02-10"), horizon_days=10, gap_days=0)]
    ['2024-01-11', '2024-01-21', '2024-01-31']
    """
    check_orders(orders)
    _check_window(horizon_days, gap_days)
    if max_origins < MIN_ORIGINS:
        raise ValueError(f"max_origins={max_origins} must be at least {MIN_ORIGINS}.")
    step = horizon_days + gap_days
    have = (as_of - (first_day or purchase_days(orders)["date"].min())).days
    need = horizon_days + MIN_ORIGINS * step
    if have < need:
        raise TooFewData(
            f"{have} days from the first order to as_of={as_of.date()} are too few to train, "
            f"choose and test with horizon_days={horizon_days} and gap_days={gap_days}: that needs "
            f"{need}. Take a shorter horizon, or more history.",
            have=have,
            need=need,
        )
    n_origins = min(max_origins, (have - horizon_days) // step)
    return [as_of - pd.Timedelta(days=step * back) for back in range(n_origins, 0, -1)]


def features(orders: pd.DataFrame, *, origin: pd.Timestamp, horizon_days: int) -> pd.DataFrame:
    """Describe each customer by the orders up to and including the origin.

    A one-time buyer has no gap between purchases. The time since the purchase
    stands for it, which is known at the origin: `gap_ratio` is 1.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order. Rows after `origin` are
        ignored.
    origin : Timestamp
        Last day that counts.
    horizon_days : int
        Length of the window of `recent_orders` and `trend`, days: that of the
        outcome.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`; who first bought after `origin` is
        absent. The columns of `FEATURES`, all >= 0. Money is relative to the mean
        over these customers, so that its unit does not matter; who gave back
        more than he bought has spent nothing.

    Raises
    ------
    DataError
        If the table of orders breaks its promise, or nothing was bought by
        `origin`.
    ValueError
        If `horizon_days` is not positive.
    """
    _check_window(horizon_days, 0)
    base = summary.summarise(orders, as_of=origin)
    spent = base["revenue"].clip(lower=0)
    known = purchase_days(orders[orders["date"] <= origin]).sort_values(["customer_id", "date"])
    customer = known["customer_id"]

    mean_gap = base["recency"] / base["frequency"].where(base["frequency"] > 0)
    gap = known["date"].diff().dt.days.where(customer.duplicated())
    gap_spread = gap.groupby(customer).std(ddof=0)

    age = (origin - known["date"]).dt.days
    recent = (age < horizon_days).groupby(customer).sum()
    previous = ((age >= horizon_days) & (age < 2 * horizon_days)).groupby(customer).sum()

    table = pd.DataFrame(
        {
            "days_since_last": base["days_since_last"],
            "n_orders": base["n_orders"],
            "T": base["T"],
            "revenue_ratio": _to_mean(spent),
            "basket_ratio": _to_mean(spent / base["n_orders"]),
            # Silence and mean gap would give the ratio: the mean gap is no feature of its own.
            "gap_ratio": (base["days_since_last"] / mean_gap).fillna(1.0),
            "gap_variation": (gap_spread / mean_gap).fillna(0.0),
            "recent_orders": recent,
            "trend": (recent + 1) / (previous + 1),
        },
        index=base.index,
    )
    return table[list(FEATURES)].astype(float)


def labels(
    orders: pd.DataFrame,
    *,
    origin: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    as_of: pd.Timestamp,
    customers: pd.Index | None = None,
) -> pd.Series:
    """Tell which customers buy nothing in the outcome window after an origin.

    The window is ``(origin + gap_days, origin + gap_days + horizon_days]``. A
    purchase in the gap does not count: who buys only there has churned.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    origin : Timestamp
        Customers are those who first bought up to it.
    horizon_days, gap_days : int
        Length of the window, and the days between origin and window, in which a
        measure is prepared.
    as_of : Timestamp
        Last complete day.
    customers : Index, optional
        Other customers: those of whom it was known at the origin that they had
        bought, where a return has changed that since.

    Returns
    -------
    Series
        `churned` (bool), indexed and sorted by `customer_id`.

    Raises
    ------
    ValueError
        If the window ends after `as_of`, or a length breaks its bounds.
    DataError
        If the table of orders breaks its promise, or nothing was bought by
        `origin`.
    """
    check_orders(orders)
    _check_window(horizon_days, gap_days)
    window_start = origin + pd.Timedelta(days=gap_days)
    window_end = window_start + pd.Timedelta(days=horizon_days)
    if window_end > as_of:
        raise ValueError(
            f"the outcome window of origin {origin.date()} ends on {window_end.date()}, "
            f"{(window_end - as_of).days} days after the last complete day {as_of.date()}: nobody "
            "can have bought there yet. Take an earlier origin or a shorter horizon."
        )
    bought = purchase_days(orders)
    if customers is None:
        buyers = bought.loc[bought["date"] <= origin, "customer_id"]
        customers = pd.Index(buyers.drop_duplicates().sort_values(), name="customer_id")
    if customers.empty:
        raise DataError(
            f"no purchase up to origin={origin.date()}; the first one is on "
            f"{bought['date'].min().date()}. Take a later origin."
        )
    in_window = (bought["date"] > window_start) & (bought["date"] <= window_end)
    churned = ~customers.isin(bought.loc[in_window, "customer_id"])
    return pd.Series(churned, index=customers, name="churned")


def panel(
    orders: pd.DataFrame,
    *,
    origin: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    as_of: pd.Timestamp,
    known: summary.Known | None = None,
) -> Panel:
    """Join features and labels of one origin; parameters as in `features` and `labels`.

    With `known`, which gives the orders as they were known on a day, features
    know the origin's day and labels the last day of the outcome window.
    """
    outcome_end = origin + pd.Timedelta(days=gap_days + horizon_days)
    past = features(
        orders if known is None else known(origin), origin=origin, horizon_days=horizon_days
    )
    churned = labels(
        orders if known is None else known(min(outcome_end, as_of)),
        customers=past.index,
        origin=origin,
        horizon_days=horizon_days,
        gap_days=gap_days,
        as_of=as_of,
    )
    return Panel(past, churned, outcome_end)


def _to_mean(money: pd.Series) -> pd.Series:
    """Divide by the mean; all zero where everything was free.

    Rounded, so that cents and euros give the same number to the last bit and
    trees split them alike.
    """
    mean = money.mean()
    return (money / mean).round(9) if mean > 0 else money


def _check_window(horizon_days: int, gap_days: int) -> None:
    if horizon_days < 1 or gap_days < 0:
        raise ValueError(
            f"horizon_days={horizon_days} must be at least 1 and gap_days={gap_days} at least 0."
        )
