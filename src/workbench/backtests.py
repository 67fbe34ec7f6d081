"""Forecasts at several past days against what came after.

At each origin everything is computed from what was known on that day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import evaluation, forecast_measures
from workbench.forecast_measures import NAIVE
from workbench.schema import DataError, NotIdentified, TooFewData, check_orders, purchase_days
from workbench.summary import Known, profiles, summarise

MIN_ORIGINS = 3
SPEND = "spend"


class Origins(NamedTuple):
    """Days on which a past forecast starts.

    Attributes
    ----------
    days : tuple of Timestamp
        In order; each is the last day that its forecast knows.
    step_days : int
        From one to the next.
    code : str
        ``disjoint``: three or more, and no outcome window overlaps another.
        ``overlapping``: three, whose windows share days or whose first
        calibration is shorter than the horizon. ``few``: one or two.
    """

    days: tuple[pd.Timestamp, ...]
    step_days: int
    code: str


class Forecast(NamedTuple):
    """What a model says at an origin.

    Attributes
    ----------
    purchases : Series
        Customers of the summary: expected purchases in the horizon.
    repeat_by_age : callable or None
        Ages in days to expected repeat purchases of a customer of that age, for
        the tracking curve.
    """

    purchases: pd.Series
    repeat_by_age: Callable[[np.ndarray], np.ndarray] | None = None


# Summary and its profiles -> forecast; raises TooFewData or NotIdentified where it has none.
Model = Callable[[pd.DataFrame, pd.DataFrame], pd.Series | Forecast]


class Comparison(NamedTuple):
    """Forecasts of purchases, or of revenue, beside what came.

    Attributes
    ----------
    actual : Series
        Indexed by `origin` and `customer_id`: what came in the horizon.
    forecasts : DataFrame
        Same index; one column per forecast, NaN at an origin without it.
    measures : DataFrame
        Indexed by `origin` and `forecast`; columns of `forecast_measures`.
    """

    actual: pd.Series
    forecasts: pd.DataFrame
    measures: pd.DataFrame


class Backtest(NamedTuple):
    """Forecasts at several origins against what came.

    Attributes
    ----------
    origins : tuple of Timestamp
        In order.
    horizon_days : int
        Length of each outcome window, which starts the day after its origin.
    models : tuple of str
        Names of the models; the other forecasts are naive.
    customers : DataFrame
        Indexed by `origin` and `customer_id`: `frequency`, `recency`, `T` (days)
        as known at the origin, and `cohort` (month of the first purchase).
    failures : DataFrame
        `origin`, `model`, `code` (``too_few_data`` or ``not_identified``) and
        `message`, one row per model that gave no forecast at an origin.
    purchases, revenue : Comparison
        Counts, and undiscounted money.
    tracking : DataFrame
        Indexed by `origin`, `forecast` and `step`: `evaluation.tracking` up to
        the end of the window, for models that give `repeat_by_age`.
    """

    origins: tuple[pd.Timestamp, ...]
    horizon_days: int
    models: tuple[str, ...]
    customers: pd.DataFrame
    failures: pd.DataFrame
    purchases: Comparison
    revenue: Comparison
    tracking: pd.DataFrame


def origins(
    orders: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    horizon_days: int,
    max_origins: int = 8,
    first_day: pd.Timestamp | None = None,
) -> Origins:
    """Place origins whose outcome windows are complete.

    Counted back from `as_of`, origins lie `horizon_days` apart as long as each
    calibration, first and last day included, is at least as long as the
    horizon. If that gives fewer than three, three are placed up to
    `horizon_days` apart, at least a quarter of them, the first one after a
    calibration of at least half of them; if three do not fit, two, or one.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    as_of : Timestamp
        Last complete day.
    horizon_days : int
        Length of the outcome window.
    max_origins : int
        At most so many, the latest ones.
    first_day : Timestamp, optional
        First day of the data, where the first order has been returned since.

    Raises
    ------
    TooFewData
        If there is not even one calibration of half the horizon.
    ValueError
        If a number is not positive.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["anna"], "amount": [1.0],
    ...                        "date": pd.to_datetime(["2024-01-01"])})
    >>> placed = origins(orders, as_of=pd.Timestamp("2024-02-09"), horizon_days=10)
    >>> [str(day.date()) for day in placed.days], placed.code
    (['2024-01-10', '2024-01-20', '2024-01-30'], 'disjoint')
    >>> placed = origins(orders, as_of=pd.Timestamp("2024-01-15"), horizon_days=10)
    >>> [str(day.date()) for day in placed.days], placed.code
    (['2024-01-05'], 'few')
    """
    check_orders(orders)
    if horizon_days < 1 or max_origins < 1:
        raise ValueError(
            f"horizon_days={horizon_days} and max_origins={max_origins} must be at least 1."
        )
    have = (as_of - (first_day or purchase_days(orders)["date"].min())).days + 1
    shortest, closest = max(horizon_days // 2, 1), max(horizon_days // 4, 1)
    room = have - horizon_days - shortest
    if room < 0:
        raise TooFewData(
            f"{have} days from the first order to as_of={as_of.date()} are too few to test a "
            f"forecast of {horizon_days} days: that needs {horizon_days + shortest}. Take a "
            "shorter horizon, or more history.",
            have=have,
            need=horizon_days + shortest,
        )
    count, step, code = have // horizon_days - 1, horizon_days, "disjoint"
    if count < MIN_ORIGINS:
        code = "overlapping"
        for count in (3, 2, 1):
            step = min(horizon_days, room // max(count - 1, 1))
            if step >= closest or count == 1:
                break
    count = min(count, max_origins)
    latest = as_of - pd.Timedelta(days=horizon_days)
    days = tuple(latest - pd.Timedelta(days=step * back) for back in range(count - 1, -1, -1))
    return Origins(days, step, code if count >= MIN_ORIGINS else "few")


def run(
    orders: pd.DataFrame,
    *,
    origins: Sequence[pd.Timestamp],
    horizon_days: int,
    as_of: pd.Timestamp,
    models: Mapping[str, Model],
    spend: Callable[[pd.DataFrame, pd.DataFrame], pd.Series] | None = None,
    known: Known | None = None,
) -> Backtest:
    """Forecast from each origin and compare with what came.

    Forecasts know the orders as they were known on their origin; what came is
    what was known at the end of the outcome window.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    origins : sequence of Timestamp
        Last days that a forecast knows; see `origins`.
    horizon_days : int
        Length of each outcome window.
    as_of : Timestamp
        Last complete day; no window ends later.
    models : mapping of str to callable
        Name to a function that fits to the profiles of a summary and forecasts
        its customers' purchases in the horizon. Where it raises `TooFewData` or
        `NotIdentified`, the model has no forecast at that origin.
    spend : callable, optional
        Of a summary and the orders behind it: its customers' expected amounts per
        purchase.
        With it, models forecast revenue as well: purchases times amount.
    known : callable, optional
        Gives the orders as they were known on a day; without it, those up to
        that day.

    Returns
    -------
    Backtest

    Raises
    ------
    ValueError
        If there is no origin, one comes twice, a window ends after `as_of`, or
        a model has the name of a naive forecast.
    DataError
        If the table of orders breaks its promise, nothing was bought by an
        origin, or a model forecasts other customers or negative numbers.
    """
    check_orders(orders)
    days = tuple(sorted(origins))
    _check_run(days, models, horizon_days=horizon_days, as_of=as_of)
    horizon = pd.Timedelta(days=horizon_days)
    known_on = {
        day: orders[orders["date"] <= day] if known is None else known(day)
        for day in sorted({*days, *(origin + horizon for origin in days)})
    }
    parts = {
        origin: _at_origin(
            known_on[origin],
            known_on[origin + horizon],
            origin=origin,
            horizon_days=horizon_days,
            models=models,
            spend=spend,
        )
        for origin in days
    }

    def joined(name: str) -> pd.DataFrame:
        tables = {day: getattr(part, name) for day, part in parts.items()}
        return pd.concat(tables, names=["origin"])

    failures = [
        {"origin": day, **failure} for day, part in parts.items() for failure in part.failures
    ]
    tracks = {
        (day, name): table for day, part in parts.items() for name, table in part.tracking.items()
    }
    return Backtest(
        origins=days,
        horizon_days=horizon_days,
        models=tuple(models),
        customers=joined("customers"),
        failures=pd.DataFrame(failures, columns=["origin", "model", "code", "message"]),
        purchases=Comparison(
            joined("actual")["purchases"], joined("purchases"), joined("purchase_measures")
        ),
        revenue=Comparison(
            joined("actual")["revenue"], joined("revenue"), joined("revenue_measures")
        ),
        tracking=pd.concat(tracks, names=["origin", "forecast"]).sort_index()
        if tracks
        else pd.DataFrame(),
    )


def by_frequency(
    backtest: Backtest, *, forecast: str, origin: pd.Timestamp, top: int = 7
) -> pd.DataFrame:
    """Compare mean purchases by repeat purchases before an origin: `evaluation.by_frequency`."""
    expected, actual = pair(backtest.purchases, forecast, origin)
    past = backtest.customers.loc[origin]
    return evaluation.by_frequency(past, actual=actual, expected=expected, top=top)


def by_decile(compared: Comparison, *, forecast: str, origin: pd.Timestamp) -> pd.DataFrame:
    """Compare means in tenths of the forecast of an origin: `forecast_measures.by_decile`."""
    expected, actual = pair(compared, forecast, origin)
    return forecast_measures.by_decile(expected, actual=actual)


class _AtOrigin(NamedTuple):
    """The parts of a `Backtest` at one origin."""

    customers: pd.DataFrame
    actual: pd.DataFrame
    purchases: pd.DataFrame
    revenue: pd.DataFrame
    purchase_measures: pd.DataFrame
    revenue_measures: pd.DataFrame
    failures: list[dict[str, str]]
    tracking: dict[str, pd.DataFrame]


def _at_origin(
    past_orders: pd.DataFrame,
    later_orders: pd.DataFrame,
    *,
    origin: pd.Timestamp,
    horizon_days: int,
    models: Mapping[str, Model],
    spend: Callable[[pd.DataFrame, pd.DataFrame], pd.Series] | None,
) -> _AtOrigin:
    past = summarise(past_orders, as_of=origin)
    counts, money = forecast_measures.naive_forecasts(
        past_orders, past=past, origin=origin, horizon_days=horizon_days
    )
    end = origin + pd.Timedelta(days=horizon_days)
    came = forecast_measures.in_window(later_orders, after=origin, until=end)
    actual = came.reindex(past.index, fill_value=0)

    failures: list[dict[str, str]] = []
    answered, tracking = [], {}
    amount = None if spend is None else _attempt(SPEND, lambda: spend(past, past_orders), failures)
    if amount is not None:
        _check_customers(amount, past.index, name=SPEND)
    groups = profiles(past)
    for name, model in models.items():
        answer = _attempt(name, lambda model=model: model(past, groups), failures)
        if answer is None:
            counts[name] = money[name] = np.nan
            continue
        given = Forecast(*answer) if isinstance(answer, tuple) else Forecast(answer)
        _check_customers(given.purchases, past.index, name=name)
        answered.append(name)
        counts[name] = given.purchases
        money[name] = np.nan if amount is None else given.purchases * amount
        if given.repeat_by_age is not None:
            tracking[name] = evaluation.tracking(
                later_orders,
                cutoff=origin,
                as_of=end,
                expected_repeat=given.repeat_by_age,
                known=past_orders,
            )
    return _AtOrigin(
        customers=past[["frequency", "recency", "T"]].assign(
            cohort=forecast_measures.cohorts(past, origin=origin)
        ),
        actual=actual,
        purchases=counts,
        revenue=money,
        purchase_measures=forecast_measures.of_counts(
            counts[[*NAIVE, *answered]], actual=actual["purchases"]
        ),
        revenue_measures=forecast_measures.of_money(
            money[[*NAIVE, *(answered if amount is not None else ())]], actual=actual["revenue"]
        ),
        failures=failures,
        tracking=tracking,
    )


def _attempt(
    name: str, forecast: Callable[[], pd.Series | Forecast], failures: list[dict[str, str]]
) -> pd.Series | Forecast | None:
    try:
        return forecast()
    except TooFewData as error:
        failures.append({"model": name, "code": "too_few_data", "message": str(error)})
    except NotIdentified as error:
        failures.append({"model": name, "code": "not_identified", "message": str(error)})
    return None


def pair(compared: Comparison, forecast: str, origin: pd.Timestamp) -> tuple[pd.Series, pd.Series]:
    """Return a forecast and the truth, of the customers of one origin."""
    if forecast not in compared.forecasts or compared.forecasts.loc[origin, forecast].isna().any():
        raise ValueError(f"there is no forecast {forecast!r} at origin {origin.date()}.")
    return compared.forecasts.loc[origin, forecast], compared.actual.loc[origin]


def _check_run(
    days: tuple[pd.Timestamp, ...],
    models: Mapping[str, Model],
    *,
    horizon_days: int,
    as_of: pd.Timestamp,
) -> None:
    if not days or len(set(days)) < len(days):
        raise ValueError(f"{len(days)} origins, {len(set(days))} of them different: give one each.")
    end = days[-1] + pd.Timedelta(days=horizon_days)
    if end > as_of:
        raise ValueError(
            f"the outcome window of origin {days[-1].date()} ends on {end.date()}, "
            f"{(end - as_of).days} days after the last complete day {as_of.date()}. "
            "Take an earlier origin or a shorter horizon."
        )
    taken = sorted({*NAIVE, SPEND} & set(models))
    if taken:
        raise ValueError(f"models may not be called {taken}: naive forecasts have these names.")


def _check_customers(values: pd.Series, customers: pd.Index, *, name: str) -> None:
    if not values.index.equals(customers):
        raise DataError(
            f"{name} answers for {len(values)} customers, not for the {len(customers)} of the "
            "summary in their order. Return a Series with the summary's index."
        )
