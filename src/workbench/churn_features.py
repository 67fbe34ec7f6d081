"""Orders and optional tables to one row per customer: what was known of him at an origin.

An origin is the last day that a feature may know. The outcome window starts `gap_days` after it
and lasts `horizon_days`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from workbench import discrimination, line_features, purchase_windows
from workbench.line_features import UNKNOWN
from workbench.lines import Lines
from workbench.orders import Orders, check, of_frame, query
from workbench.purchase_models import PurchaseModel
from workbench.purchase_windows import check_window
from workbench.schema import DAYS_PER_YEAR, DataError

# Orders and optional tables -> features of one origin.
Build = Callable[[pd.DataFrame, Mapping[str, pd.DataFrame | Lines]], pd.DataFrame]

# Contacts longer ago are forgotten.
CONTACT_DAYS = DAYS_PER_YEAR
# A response has no day of its own: that of a younger contact may still lie in the future.
RESPONSE_DAYS = 30
# Stands for the mark of who was never asked, beside a flag: between detractor and promoter.
NO_NPS = 7.0
# What is settled when a customer comes. Any other column may have been overwritten since.
MASTER_COLUMNS = ("first_channel", "customer_type")
# The day on which a row of an optional table came to be known.
_DAY_OF = {"complaints": "received", "survey": "date", "contacts": "date"}
# On CDNOW the best single feature has an AUC of .83, and one that cheats, the days since the last
# purchase of the whole file, .95.
MAX_AUC = 0.9
# Decimals that are kept of ratios of money, so that cents and euros give the same bits.
RATIO_DIGITS = 9

# More purchases than these are described in parts, so that memory holds what a part needs.
PURCHASES_AT_ONCE = 1_000_000

# How many purchases there were, for how many days, and the first of the two months in a row with
# most purchases in the last year.
_SEASON = f"""
    , months AS (
        SELECT month(date) AS month, count(*) AS purchases, $origin::DATE - min(date) AS days,
               count(*) FILTER ($origin::DATE - date < {DAYS_PER_YEAR}) AS n_orders
        FROM orders WHERE date <= $origin::DATE AND is_purchase GROUP BY month(date)
    )
    SELECT (SELECT coalesce(sum(purchases), 0) FROM months) AS purchases,
           (SELECT max(days) FROM months) AS days,
           (SELECT starts.month FROM range(1, 13) AS starts (month)
            LEFT JOIN months ON months.month IN (starts.month, starts.month % 12 + 1)
            GROUP BY starts.month ORDER BY coalesce(sum(n_orders), 0) DESC, starts.month LIMIT 1
           ) AS peak
"""
# Buyers at random, by whom customers are cut into parts; where the cuts lie changes no feature.
_DRAWN = """
    SELECT customer_id FROM (FROM orders WHERE date <= $origin::DATE AND is_purchase)
    USING SAMPLE reservoir(10000 ROWS) REPEATABLE (1)
"""
# Sums of whole numbers do not depend on the order of the rows; money and logarithms are scaled
# to such.
_FEATURES = f"""
    , known AS (
        SELECT customer_id, date, amount, is_purchase FROM orders
        WHERE date <= $origin::DATE
        AND customer_id >= $first AND ($end IS NULL OR customer_id < $end)
    ), in_turn AS (
        SELECT customer_id, date, amount, row_number() OVER own AS nth, lag(date) OVER own AS before
        FROM known WHERE is_purchase WINDOW own AS (PARTITION BY customer_id ORDER BY date)
    ), purchases AS (
        SELECT customer_id, $origin::DATE - date AS age, month(date) AS month, amount,
               (amount * 1e8)::HUGEINT AS units, nth, date - before AS gap
        FROM in_turn
    ), bought AS (
        SELECT customer_id, count(*) AS n_orders, min(age) AS days_since_last, max(age) AS T,
               sum(units) AS units, median(amount) AS median_basket,
               any_value(amount) FILTER (nth = 1) AS first_basket,
               any_value(month) FILTER (nth = 1) AS first_month,
               sum(2 * nth * units) AS ranked_units,
               any_value(gap) FILTER (nth = 2) AS days_to_second,
               median(gap) AS median_gap, sum(gap * gap) AS squared_gaps,
               sum(round(gap * ln(gap) * 1e9)::BIGINT) AS log_gaps,
               count(*) FILTER (age < $window) AS recent_orders,
               count(*) FILTER (age >= $window AND age < 2 * $window) AS previous_orders,
               bit_count(bit_or(1 << least(age * 12 // {DAYS_PER_YEAR}, 12)::INTEGER)
                         FILTER (age < {DAYS_PER_YEAR})) AS active_months,
               count(*) FILTER (month IN ($peak::INTEGER, $peak::INTEGER % 12 + 1)) AS peak_orders
        FROM purchases GROUP BY customer_id
    ), returned AS (
        SELECT customer_id, count(*) AS return_days,
               sum(-(amount * 1e8)::HUGEINT) AS returned_units
        FROM known WHERE NOT is_purchase GROUP BY customer_id
    ), described AS (
        SELECT customer_id, n_orders, days_since_last, T, first_month, median_basket, first_basket,
               units / 1e8 AS money,
               6 * (ranked_units - (n_orders + 1) * units)::DOUBLE
               / nullif((n_orders * n_orders - 1) * units::DOUBLE, 0) AS basket_slope,
               days_to_second, median_gap, squared_gaps, log_gaps / 1e9 AS log_gaps, recent_orders,
               previous_orders, active_months, peak_orders, coalesce(return_days, 0) AS return_days,
               coalesce(returned_units / nullif(units, 0), 0) AS return_share
        FROM bought LEFT JOIN returned USING (customer_id)
    )
    SELECT customer_id, COLUMNS(* EXCLUDE (customer_id))::DOUBLE
    FROM described ORDER BY customer_id
"""


def build(
    orders: pd.DataFrame | Orders,
    *,
    origin: pd.Timestamp,
    horizon_days: int,
    gap_days: int,
    tables: Mapping[str, pd.DataFrame | Lines] = {},
    purchase_model: PurchaseModel | None = None,
) -> pd.DataFrame:
    """Describe each customer by what was known at the end of the origin.

    Later rows are ignored, in the orders and in the optional tables, and so are later days in a
    row that stays. A return that lowers an order of the past cannot be told from the orders: take
    them as they were known at the origin.

    Parameters
    ----------
    orders : DataFrame or Orders
        One row per customer and day, in any order, as known at the origin (`intake.Base.known`).
        A negative amount is a day of returns and no purchase.
    origin : Timestamp
        Last day that counts.
    horizon_days, gap_days : int
        Length of the outcome window, and the days between origin and window. The windows of
        `recent_orders`, `purchase_trend` and `complaints` are as long as that of the outcome.
    tables : mapping of str to DataFrame or Lines
        What there is beside the orders, as `intake.Base.details` has it. Read are ``lines``,
        ``complaints``, ``survey``, ``contacts`` and ``customers``; each adds its columns.
    purchase_model : BgNbd, MbgNbd, ParetoNbd or Nbd, optional
        Fitted to nothing after the origin; adds its columns.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`; who first bought after the origin is absent. The
        columns are described in `feature_book.BOOK`, in its order: floats without a missing
        value, and as text `last_channel`, `first_channel` and `customer_type`.

    Raises
    ------
    DataError
        If the table of orders breaks its promise, nothing was bought by the origin, or the
        purchase model was fitted to more customers than had bought by then.
    ValueError
        If a length breaks its bounds.

    References
    ----------
    Zhang, Bradlow and Small (2015), Predicting customer value using clumpiness: from RFM to
    RFMC, Marketing Science 34 (2), 195-208.

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": ["anna", "anna", "ben"], "amount": [10.0, 30.0, 5.0],
    ...                       "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-21"])})
    >>> found = build(table, origin=pd.Timestamp("2024-01-31"), horizon_days=15, gap_days=0)
    >>> found[["days_since_last", "n_orders", "silence_ratio", "recent_orders"]]
                 days_since_last  n_orders  silence_ratio  recent_orders
    customer_id
    anna                    20.0       2.0            2.0            0.0
    ben                     10.0       1.0            1.0            1.0
    """
    check_window(horizon_days=horizon_days, gap_days=gap_days)
    check(orders)
    table = _of_orders(_purchases(orders, origin=origin, days=horizon_days))
    texts = pd.DataFrame(index=table.index)
    if "lines" in tables:
        bought = line_features.build(
            tables["lines"], origin=origin, window_days=horizon_days, customers=table.index
        )
        texts = bought.select_dtypes(exclude="number")
        table = table.join(bought.drop(columns=list(texts)))
    if "complaints" in tables:
        table = table.join(_complaints(tables["complaints"], origin=origin, days=horizon_days))
    if "survey" in tables:
        last_nps = _survey(tables["survey"], origin=origin).reindex(table.index)
        table["nps_missing"] = last_nps.isna().astype(float)
        table["last_nps"] = last_nps.fillna(NO_NPS)
    if "contacts" in tables:
        table = table.join(_contacts(tables["contacts"], origin=origin))
    # Who is not in a table has no event in it.
    table = table.fillna(0.0)
    if purchase_model is not None:
        table = table.join(
            _expectations(purchase_model, table, gap_days=gap_days, horizon_days=horizon_days)
        )
    if "customers" in tables:
        master = tables["customers"][list(MASTER_COLUMNS)].reindex(table.index)
        texts = texts.join(master.fillna(UNKNOWN).astype("str"))
    return table.join(texts)


def label(
    orders_later: pd.DataFrame | Orders,
    *,
    origin: pd.Timestamp,
    gap_days: int,
    horizon_days: int,
    customers: pd.Index,
    as_of: pd.Timestamp,
) -> pd.Series:
    """Tell which customers buy nothing in the outcome window of an origin.

    The window is ``(origin + gap_days, origin + gap_days + horizon_days]``: who buys in the gap
    alone has churned.

    Parameters
    ----------
    orders_later : DataFrame or Orders
        One row per customer and day, in any order, as known at the end of the window. Rows
        outside it are ignored.
    origin : Timestamp
        Day of the features.
    gap_days, horizon_days : int
        Days between origin and window, and length of the window.
    customers : Index
        The customers of the features.
    as_of : Timestamp
        Last complete day.

    Returns
    -------
    Series
        `churned` (bool), indexed and sorted by `customer_id`.

    Raises
    ------
    ValueError
        If the window ends after `as_of`, or a length breaks its bounds.
    DataError
        If the table of orders breaks its promise, or there is no customer.
    """
    check_window(horizon_days=horizon_days, gap_days=gap_days)
    check(orders_later)
    start = origin + pd.Timedelta(days=gap_days)
    end = start + pd.Timedelta(days=horizon_days)
    if end > as_of:
        raise ValueError(
            f"the outcome window of origin {origin.date()} ends on {end.date()}, "
            f"{(end - as_of).days} days after the last complete day {as_of.date()}: nobody can "
            "have bought there yet. Take an earlier origin or a shorter horizon."
        )
    if customers.empty:
        raise DataError(f"there is no customer at origin {origin.date()}. Take a later origin.")
    index = customers.sort_values().rename("customer_id")
    stayed = query(
        orders_later,
        """
        SELECT place FROM described SEMI JOIN (
            FROM orders WHERE is_purchase AND date > $start::DATE AND date <= $end::DATE
        ) AS buyers USING (customer_id)
        """,
        beside={"described": pd.DataFrame({"customer_id": index, "place": range(len(index))})},
        start=start.date(),
        end=end.date(),
    )["place"]
    churned = np.ones(len(index), bool)
    churned[stayed] = False
    return pd.Series(churned, index=index, name="churned")


def active_days(horizon_days: int) -> int:
    """Return how long ago the last purchase of an eligible customer may be, in days.

    A year, so that who buys once a year, before Christmas, is not taken for lost between two
    purchases; and twice the horizon, so that nobody is excluded for a silence that the horizon
    itself calls normal.

    Examples
    --------
    >>> active_days(91), active_days(270)
    (365, 540)
    """
    return max(DAYS_PER_YEAR, 2 * horizon_days)


def eligible(features: pd.DataFrame, *, horizon_days: int) -> pd.Series:
    """Tell which customers may still be lost: those who bought in the last `active_days`.

    Who has been silent for longer is lost already. To predict that is easy and of no use, and
    the AUC would praise it. Among the eligible, one-time buyers (`is_one_time`) are a population
    of their own with another question: whether they buy a second time.

    Parameters
    ----------
    features : DataFrame
        From `build`.
    horizon_days : int
        Length of the outcome window.

    Returns
    -------
    Series
        `eligible` (bool), same index.
    """
    return (features["days_since_last"] < active_days(horizon_days)).rename("eligible")


def _purchases(orders: pd.DataFrame | Orders, *, origin: pd.Timestamp, days: int) -> pd.DataFrame:
    """Count and add up each customer's purchases and returns, customers sorted."""
    season = query(orders, _SEASON, origin=origin.date()).iloc[0]
    n_purchases = int(season["purchases"])
    if n_purchases == 0:
        raise DataError(f"no purchase up to origin={origin.date()}. Take a later origin.")
    n_parts = -(-n_purchases // PURCHASES_AT_ONCE)
    if n_parts > 1 and isinstance(orders, pd.DataFrame):
        # To hand over a DataFrame takes longer than to read a part of it.
        orders = of_frame(orders)
    starts = _starts(orders, origin=origin, n_parts=n_parts)
    # Before a whole year has passed nobody knows the season.
    peak = int(season["peak"]) if season["days"] >= DAYS_PER_YEAR else None
    values = {"origin": origin.date(), "window": days, "peak": peak}
    parts = [
        query(orders, _FEATURES, first=first, end=end, **values)
        for first, end in zip(starts, [*starts[1:], None], strict=True)
    ]
    return pd.concat(parts, ignore_index=True).set_index("customer_id")


def _starts(orders: pd.DataFrame | Orders, *, origin: pd.Timestamp, n_parts: int) -> list[str]:
    """Find the first customer of each part: of a range of ids a sorted file is read in part."""
    if n_parts == 1:
        return [""]
    drawn = query(orders, _DRAWN, origin=origin.date())["customer_id"].sort_values()
    places = [len(drawn) * part // n_parts for part in range(n_parts)]
    return ["", *drawn.iloc[places].drop_duplicates().iloc[1:]]


def _of_orders(found: pd.DataFrame) -> pd.DataFrame:
    """Make features of the counts and sums of the purchases."""
    n_orders, silence, age = found["n_orders"], found["days_since_last"], found["T"]
    n_gaps, bought_for = n_orders - 1, age - silence
    spread = np.sqrt((n_gaps * found["squared_gaps"] - bought_for**2).clip(lower=0))
    # The open gap counts as one, of a day at least: n_gaps + 1 parts of the whole time.
    open_gap, whole = silence + 1, age + 1
    parts = (found["log_gaps"].fillna(0.0) + open_gap * np.log(open_gap)) / whole - np.log(whole)
    mean_basket = found["money"] / n_orders
    table = pd.DataFrame(
        {
            "days_since_last": silence,
            # A one-time buyer has no gap; the time since the purchase stands for it.
            "silence_ratio": (silence / found["median_gap"]).fillna(1.0),
            "n_orders": n_orders,
            "recent_orders": found["recent_orders"],
            "purchase_trend": np.log((found["recent_orders"] + 1) / (found["previous_orders"] + 1)),
            "active_months": found["active_months"].fillna(0),
            "is_one_time": n_orders == 1,
            "days_to_second": found["days_to_second"].fillna(age),
            "log_mean_basket": _log_to_mean(mean_basket, mean_basket),
            "log_median_basket": _log_to_mean(found["median_basket"], mean_basket),
            "log_first_basket": _log_to_mean(found["first_basket"], mean_basket),
            "basket_slope": found["basket_slope"].fillna(0.0).round(RATIO_DIGITS),
            "T": age,
            "first_month": found["first_month"],
            "gap_variation": (spread / bought_for.where(n_gaps > 1)).fillna(0.0),
            "clumpiness": (1 + parts / np.log(n_orders.where(n_gaps > 0))).fillna(0.0).clip(0, 1),
            "peak_share": found["peak_orders"] / n_orders,
            "return_days": found["return_days"],
            "return_share": found["return_share"].round(RATIO_DIGITS),
        }
    )
    return table.astype(float)


def _log_to_mean(money: pd.Series, per_customer: pd.Series) -> pd.Series:
    """Return log(1 + money relative to the mean customer's basket); 0 where all was free."""
    mean = per_customer.mean()
    ratio = money / mean if mean > 0 else money * 0.0
    return np.log1p(ratio.round(RATIO_DIGITS))


def _complaints(rows: pd.DataFrame, *, origin: pd.Timestamp, days: int) -> pd.DataFrame:
    """Count each customer's complaints; one without a day of its solution is open."""
    received = rows["received"].dt.normalize()
    rows = rows.assign(
        complaints=(received > origin - pd.Timedelta(days=days)).astype(float),
        open_complaints=(~(rows["resolved"].dt.normalize() <= origin)).astype(float),
    )[received <= origin]
    return rows.groupby("customer_id")[["complaints", "open_complaints"]].sum()


def _survey(rows: pd.DataFrame, *, origin: pd.Timestamp) -> pd.Series:
    """Return each customer's last mark; the mean of several on one day."""
    known = rows[(rows["date"] <= origin) & rows["nps"].notna()]
    marks = known.groupby(["customer_id", "date"])["nps"].mean().astype(float)
    return marks.groupby("customer_id").last()


def _contacts(rows: pd.DataFrame, *, origin: pd.Timestamp) -> pd.DataFrame:
    """Count the contacts of a year, and the responses that were known; controls got none."""
    sent = rows[(rows["group"] != "control") & (rows["date"] <= origin)]
    sent = sent[sent["date"] > origin - pd.Timedelta(days=CONTACT_DAYS)]
    is_old = sent["date"] <= origin - pd.Timedelta(days=RESPONSE_DAYS)
    counted = sent.assign(
        contacts=1.0, responses=(sent["response"].fillna(False).astype(bool) & is_old).astype(float)
    )
    return counted.groupby("customer_id")[["contacts", "responses"]].sum()


def _expectations(
    model: PurchaseModel, table: pd.DataFrame, *, gap_days: int, horizon_days: int
) -> pd.DataFrame:
    if model.n_customers > len(table):
        raise DataError(
            f"the purchase model was fitted to {model.n_customers} customers, but only "
            f"{len(table)} had bought by the origin. Fit it to nothing after the origin."
        )
    summary = pd.DataFrame(
        {
            "frequency": table["n_orders"] - 1,
            "recency": table["T"] - table["days_since_last"],
            "T": table["T"],
        }
    )
    return purchase_windows.expectations(
        model, summary, gap_days=gap_days, horizon_days=horizon_days
    )


def moved_future(
    build: Build,
    *,
    orders: pd.DataFrame,
    origin: pd.Timestamp,
    tables: Mapping[str, pd.DataFrame | Lines] = {},
) -> list[str]:
    """Change everything after an origin and name the features that change with it.

    The features are made three times: from the tables as they are; without what came to be known
    after the origin; and with another future, in which every customer and a new one buys on the
    next day, each event of the past happens again, all that was bought comes back, open complaints
    are solved, and columns without a day, which somebody may overwrite, are overwritten. Features
    that know only the past are the same to the last bit.

    Parameters
    ----------
    build : callable
        Takes orders and tables and gives the features of the origin; whatever it fits, such as a
        purchase model, it fits inside.
    orders : DataFrame
        One row per customer and day.
    origin : Timestamp
        Last day that a feature may know.
    tables : mapping of str to DataFrame or Lines
        As in `churn_features.build`.

    Returns
    -------
    list of str
        Columns that changed, in the order of the features; first ``customer_id`` where other
        customers are there. Empty if nothing leaks.
    """
    as_is = build(orders, tables)
    changed = set()
    for happens in (False, True):
        other_tables = {
            name: _other_rows(name, rows, origin=origin, happens=happens)
            for name, rows in tables.items()
        }
        moved = build(_other_orders(orders, origin=origin, happens=happens), other_tables)
        if not moved.index.equals(as_is.index):
            changed.add("customer_id")
            moved = moved.reindex(as_is.index)
        changed |= set(as_is.columns.symmetric_difference(moved.columns))
        changed |= {
            name
            for name in as_is.columns.intersection(moved.columns)
            if not as_is[name].equals(moved[name])
        }
    others = sorted(changed - {"customer_id", *as_is.columns})
    return [name for name in ("customer_id", *as_is.columns, *others) if name in changed]


def suspicious(
    features: pd.DataFrame,
    label: pd.Series,
    *,
    stopwatch: pd.Series | None = None,
    max_auc: float = MAX_AUC,
) -> pd.DataFrame:
    """Find single features that order the customers too well to be known before.

    It is an alarm and no proof: `moved_future` tells whether a feature knows the future.

    Parameters
    ----------
    features : DataFrame
        Indexed by `customer_id`. A text is ordered by the share of events of each value; a missing
        value counts as the lowest or the highest, whichever tells more.
    label : Series
        Same customers: did the event happen (bool).
    stopwatch : Series, optional
        Same customers: days since the last purchase, counted apart from the features, as
        `summary.summarise` does. Where customers buy every week or two, it alone has an AUC of
        .94 among the eligible. A feature is then suspicious only if it also halves the
        stopwatch's distance from 1.
    max_auc : float
        From this AUC on, in either direction, a feature is suspicious.

    Returns
    -------
    DataFrame
        Indexed by `feature`, the highest first: `auc` (0.5 to 1, whichever direction). Empty if
        there is none.

    Raises
    ------
    DataError
        If the tables hold other customers.
    """
    customers = features.index.sort_values()
    for name, one in {"labels": label, "stopwatch": stopwatch}.items():
        if one is not None and not one.index.sort_values().equals(customers):
            raise DataError(
                f"{len(features)} rows of features and {len(one)} of {name} are not of the same "
                "customers. Make both for the same origin."
            )
    event = label.reindex(features.index).astype(float)
    if stopwatch is not None:
        max_auc = max(max_auc, (1 + _auc(stopwatch.reindex(features.index), event)) / 2)
    auc = {name: _auc(features[name], event) for name in features.columns}
    table = pd.Series(auc, name="auc", dtype=float).rename_axis("feature").to_frame()
    alarming = table[table["auc"] >= max_auc]
    return alarming.sort_values("auc", ascending=False, kind="stable")


def _other_orders(orders: pd.DataFrame, *, origin: pd.Timestamp, happens: bool) -> pd.DataFrame:
    past = orders[orders["date"] <= origin]
    if not happens:
        return past
    everybody = sorted({*orders["customer_id"], "~new"})
    much = 2 * orders["amount"].max() + 1
    day = origin + pd.Timedelta(days=1)
    later = pd.DataFrame({"customer_id": everybody, "date": day, "amount": much})
    return pd.concat([past, later.astype(past[list(later)].dtypes)], ignore_index=True)


def _other_rows(
    name: str, rows: pd.DataFrame | Lines, *, origin: pd.Timestamp, happens: bool
) -> pd.DataFrame | Lines:
    """Return an optional table whose future never came, or came differently."""
    if name == "lines":
        return line_features.moved(rows, origin=origin, happens=happens)
    next_day = origin + pd.Timedelta(days=1)
    if name not in _DAY_OF:
        return _other_master(rows, origin=origin, happens=happens) if name == "customers" else rows
    day = _DAY_OF[name]
    past = rows[rows[day].dt.normalize() <= origin].copy()
    for column in past.select_dtypes("datetime").columns.drop(day):
        known = past[column].dt.normalize() <= origin
        past[column] = past[column].where(known, next_day if happens else pd.NaT)
    for column in past.columns.intersection(["is_open", "followed_up"]):
        past[column] = not happens
    if name == "contacts":
        is_young = past[day] > origin - pd.Timedelta(days=RESPONSE_DAYS)
        past["response"] = past["response"].mask(is_young, happens)
    if not happens:
        return past
    return pd.concat([past, past.assign(**{day: next_day})], ignore_index=True)


def _other_master(rows: pd.DataFrame, *, origin: pd.Timestamp, happens: bool) -> pd.DataFrame:
    """Overwrite every column that has no day and is not settled when a customer comes."""
    rows, later = rows.copy(), origin + pd.Timedelta(days=1) if happens else pd.NaT
    for column in rows.columns.difference(MASTER_COLUMNS):
        if pd.api.types.is_datetime64_any_dtype(rows[column]):
            rows[column] = rows[column].where(rows[column] <= origin, later)
        elif pd.api.types.is_numeric_dtype(rows[column]):
            rows[column] = float(happens)
        else:
            rows[column] = f"overwritten {happens}"
    if not happens:
        return rows
    new = rows.iloc[:1].rename(index=lambda customer: "~new")
    return pd.concat([rows, new]).rename_axis(rows.index.name)


def _auc(value: pd.Series, event: pd.Series) -> float:
    """Return the AUC of one feature in its better direction."""
    if not pd.api.types.is_numeric_dtype(value):
        value = event.groupby(value, dropna=False).transform("mean")
    # That a value is missing may tell the future as well.
    filled = [value.astype(float).fillna(end).to_numpy() for end in (-np.inf, np.inf)]
    found = [discrimination.auc_terms(event.to_numpy(), one)[0] for one in filled]
    return max(max(one, 1 - one) for one in found)
