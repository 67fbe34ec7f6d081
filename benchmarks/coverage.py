"""Share of outcomes inside the 90 % intervals, at past days of real data and on simulated bases.

Run with ``python benchmarks/coverage.py [--uci FILE] [--simulated N] [--origins]``. CDNOW comes
with lifetimes, Musterhandel with the project, Online Retail is the UCI's file as Parquet; the
default is 200 simulated bases. Two processes. The last lines are the rows of `measured_coverage`.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from workbench import (
    backtests,
    candidates,
    forecast_measures,
    intake,
    intervals,
    purchase_models,
    spend,
    summary,
    synthetic,
)
from workbench.purchase_models import PurchaseModel
from workbench.schema import NotIdentified, TooFewData

SEED = 20050401
N_PROCESSES = 2
NICE = 10
# BG/NBD is judged; where it collapses, the model without leaving takes its place.
MODELS = ("bg_nbd", "nbd")
HORIZONS = (91, 182, 273, 365)
# Every customer's purchases beyond this share one probability.
MAX_PURCHASES = 150
UCI_COLUMNS = {
    "customer_id": "CustomerID",
    "date": "InvoiceDate",
    "quantity": "Quantity",
    "unit_price": "UnitPrice",
    "order_id": "InvoiceNo",
    "product_id": "StockCode",
}
MONEY = {"p": 6.25, "q": 3.74, "v": 15.44}
# CDNOW's estimates, and a shop whose customers buy more often and stay longer; times in days.
WORLDS = (
    ("bg_nbd", {"r": 0.2426, "alpha": 30.9, "a": 0.7929, "b": 2.4259}),
    ("pareto_nbd", {"r": 0.5533, "alpha": 74.0, "s": 0.6062, "beta": 81.7}),
    ("bg_nbd", {"r": 0.8, "alpha": 60.0, "a": 0.5, "b": 4.0}),
    ("pareto_nbd", {"r": 1.0, "alpha": 60.0, "s": 0.6, "beta": 200.0}),
)
# What the models do not know of: two of five bases have none of it.
DEMANDS = ("steady", "steady", "season", "trend", "shocks")
SIZES = (400, 1000, 2500)
# The bases before these have been looked at while the rule of `candidates.allowance` was chosen.
FIRST_BASE = 1000


class Case(NamedTuple):
    """One forecast to judge: a base, the day on which it starts, and how far it looks."""

    data_set: str
    orders: pd.DataFrame
    known: Callable[[pd.Timestamp], pd.DataFrame]
    first_day: pd.Timestamp
    origin: pd.Timestamp
    horizon_days: int


def cdnow_sample() -> pd.DataFrame:
    """Read the orders of CDNOW's 1/10 sample, one row per customer and day."""
    folder = importlib.util.find_spec("lifetimes").submodule_search_locations[0]
    lines = pd.read_csv(
        Path(folder) / "datasets" / "CDNOW_sample.txt",
        sep=r"\s+",
        names=["master_id", "customer_id", "date", "cds", "amount"],
        dtype={"customer_id": str, "date": str},
    )
    lines["date"] = pd.to_datetime(lines["date"], format="%Y%m%d")
    return lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()


def cases_of(
    data_set: str,
    orders: pd.DataFrame,
    *,
    known: Callable[[pd.Timestamp], pd.DataFrame] | None = None,
    first_day: pd.Timestamp | None = None,
    as_of: pd.Timestamp | None = None,
    horizons: Iterable[int] = HORIZONS,
) -> list[Case]:
    """Take every origin that `backtests.origins` gives for a horizon."""
    first_day = first_day or orders["date"].min()
    as_of = as_of or orders["date"].max()
    found = []
    for days in horizons:
        try:
            placed = backtests.origins(orders, as_of=as_of, horizon_days=days, first_day=first_day)
        except TooFewData:
            continue
        back = functools.cache(known or functools.partial(_until, orders))
        found += [Case(data_set, orders, back, first_day, day, days) for day in placed.days]
    return found


def simulated(number: int) -> Case:
    """Make one simulated base, judged once: at the day that lies the horizon before its end."""
    rng = np.random.default_rng([SEED, number])
    model, parameters = WORLDS[number % len(WORLDS)]
    demand = DEMANDS[number // len(WORLDS) % len(DEMANDS)]
    n_days = int(rng.choice([546, 820, 1096]))
    days = int(rng.choice(HORIZONS))
    start = pd.Timestamp("2020-01-01")
    end = start + pd.Timedelta(days=n_days - 1)
    orders = synthetic.orders(
        model,
        parameters=parameters,
        **MONEY,
        n_customers=SIZES[number % len(SIZES)],
        start=start,
        acquisition_days=int(rng.choice([91, 365])),
        end=end,
        seed=number,
        demand=_demand(demand, n_days, rng),
    )
    name = "simulated, steady" if demand == "steady" else "simulated, unsteady"
    origin = end - pd.Timedelta(days=days)
    back = functools.partial(_until, orders)
    return Case(name, orders, back, orders["date"].min(), origin, days)


def _demand(kind: str, n_days: int, rng: np.random.Generator) -> np.ndarray | None:
    """Give a year's wave of 30 %, 20 % a year more or less, or weekly shocks of 4 % that stay."""
    day = np.arange(n_days)
    if kind == "season":
        return np.exp(0.3 * np.sin(2 * np.pi * (day / 365 + rng.random())))
    if kind == "trend":
        return np.exp(rng.choice([-0.2, 0.2]) * day / 365)
    if kind == "shocks":
        return np.exp(np.cumsum(rng.normal(0, 0.04, n_days // 7 + 1)))[day // 7]
    return None


def judged(case: Case) -> dict[str, Any] | None:
    """Forecast at the origin of a case from what was known on it, and compare with what came.

    None where no model fits.
    """
    with threadpool_limits(1):
        past = case.known(case.origin)
        base = summary.summarise(past, as_of=case.origin)
        groups = summary.profiles(base)
        model = _fit(groups)
        if model is None:
            return None
        try:
            money = spend.fit(base)
            draws, scores = _draws(model, money, base, groups, days=case.horizon_days)
        except (TooFewData, NotIdentified):
            return None
        end = case.origin + pd.Timedelta(days=case.horizon_days)
        came = forecast_measures.in_window(case.known(end), after=case.origin, until=end)
        actual = came.reindex(base.index, fill_value=0)
        window = candidates.window_days(
            case.first_day, as_of=case.origin, horizon_days=case.horizon_days
        )
        test = _backtest(case, past, model.name, days=window)
        row = {
            "data_set": case.data_set,
            "horizon_days": case.horizon_days,
            "origin": case.origin.date(),
            "customers": len(base),
            "model": model.name,
            "window_days": window,
            **_of_customers(draws, actual),
            "fair_purchases": _fair_coverage(
                model, base, actual["purchases"], days=case.horizon_days
            ),
        }
        for name, expected, misses in (
            ("purchases", scores["expected_purchases"], candidates.purchase_misses),
            ("value", scores["clv"], candidates.revenue_misses),
        ):
            plain = intervals.band(draws.totals[name])
            known = misses(test, model=model.name) if test else []
            allowed = candidates.allowance(
                known, window_days=window, horizon_days=case.horizon_days
            )
            forecast = float(expected.sum())
            wide = intervals.widened(plain, forecast=forecast, misses=allowed)
            truth = float(actual["revenue" if name == "value" else name].sum())
            row |= {
                f"forecast_{name}": forecast,
                f"actual_{name}": truth,
                f"plain_{name}": plain.holds(truth),
                f"widened_{name}": wide.holds(truth),
                f"plain_low_{name}": plain.low,
                f"plain_high_{name}": plain.high,
                f"wide_low_{name}": wide.low,
                f"wide_high_{name}": wide.high,
                f"misses_{name}": len(known),
            }
        return row


def _until(orders: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return orders[orders["date"] <= day]


def _fit(groups: pd.DataFrame) -> PurchaseModel | None:
    for name in MODELS:
        try:
            model = purchase_models.fit(name, groups)
        except (TooFewData, NotIdentified):
            continue
        if not purchase_models.collapsed(model):
            return model
    return None


def _draws(
    model: PurchaseModel,
    money: spend.GammaGamma,
    base: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    days: int,
) -> tuple[intervals.Predictive, pd.DataFrame]:
    """Simulate revenue: the customer value without discounting and with a margin of 1."""
    scores = pd.DataFrame(
        {
            "expected_purchases": purchase_models.expected_purchases(model, base, days=days),
            "expected_spend": spend.expected_spend(money, base),
        }
    )
    scores["clv"] = scores["expected_purchases"] * scores["expected_spend"]
    models = candidates.refits(model, profiles=groups, seed=SEED)
    simulate = candidates.futures(money, scores, horizon_days=days)
    return intervals.predict(models, base, simulate=simulate, seed=SEED), scores


def _backtest(
    case: Case, past: pd.DataFrame, model: str, *, days: int
) -> backtests.Backtest | None:
    """Backtest within what was known at the origin."""
    try:
        placed = backtests.origins(
            past, as_of=case.origin, horizon_days=days, first_day=case.first_day
        )
    except TooFewData:
        return None
    return backtests.run(
        past,
        origins=placed.days,
        horizon_days=days,
        as_of=case.origin,
        models={model: candidates.forecasters(days=days)[model]},
        spend=candidates.money,
        known=case.known,
    )


def _of_customers(draws: intervals.Predictive, actual: pd.DataFrame) -> dict[str, float]:
    ends = draws.customers
    return {
        f"customer_{name}": float(
            actual[came].between(ends[f"{name}_low"], ends[f"{name}_high"]).mean()
        )
        for name, came in (("purchases", "purchases"), ("value", "revenue"))
    }


def _fair_coverage(
    model: PurchaseModel, base: pd.DataFrame, actual: pd.Series, *, days: int
) -> float:
    """Cover counts as a continuous quantity would be: each end's chance counts in part.

    Whole numbers cannot leave exactly 5 % on either side, so an interval with
    both ends inside covers more than it says although the model is right. Here a
    count is inside by that share of its chance that lies between the tails.
    """
    counts = purchase_models.purchase_counts(model, base, days=days, max_purchases=MAX_PURCHASES)
    below = np.column_stack([np.zeros(len(base)), np.cumsum(counts.to_numpy(), axis=1)])
    rows, bought = np.arange(len(base)), np.minimum(actual.to_numpy(int), MAX_PURCHASES)
    start, stop = below[rows, bought], below[rows, bought + 1]
    low, high = (1 - intervals.LEVEL) / 2, (1 + intervals.LEVEL) / 2
    inside = np.clip(np.minimum(stop, high) - np.maximum(start, low), 0, None)
    # What the model holds for impossible lies in a tail.
    share = np.divide(inside, stop - start, out=np.zeros(len(base)), where=stop > start)
    return float(share.mean())


def summarised(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per data set and horizon, simulated bases together: the mean of each share."""
    shares = {
        "customer_purchases": "customer_purchases",
        "customer_purchases_fair": "fair_purchases",
        "customer_value": "customer_value",
        "total_purchases": "plain_purchases",
        "total_purchases_widened": "widened_purchases",
        "total_value": "plain_value",
        "total_value_widened": "widened_value",
    }
    is_real = ~rows["data_set"].str.startswith("simulated")
    keys = [rows["data_set"], rows["horizon_days"].where(is_real, 0)]
    grouped = rows.groupby(keys, sort=False)
    table = grouped.agg(origins=("customers", "size"), customers=("customers", "median"))
    for column, source in shares.items():
        table[column] = grouped[source].mean()
    return table.astype({"customers": int}).reset_index()


def real_cases(uci: str) -> list[Case]:
    found = cases_of("CDNOW sample", cdnow_sample())
    sources = {
        "CDNOW master": ("dataset:cdnow", {}),
        "Musterhandel": ("dataset:beispiel", {}),
    }
    if uci:
        sources["UCI Online Retail"] = (uci, UCI_COLUMNS)
    for name, (source, columns) in sources.items():
        base = intake.read(source, columns=columns, pseudonymise="off").base
        found += cases_of(
            name, base.orders, known=base.known, first_day=base.first_day, as_of=base.as_of
        )
    return found


def _judged_real(uci: str) -> list[dict[str, Any] | None]:
    return [judged(case) for case in real_cases(uci)]


def _judged_simulated(number: int) -> dict[str, Any] | None:
    return judged(simulated(number))


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--uci", default="", help="Online Retail as Parquet")
    reader.add_argument("--simulated", type=int, default=200, help="how many simulated bases")
    reader.add_argument("--origins", action="store_true", help="show every origin, too")
    asked = reader.parse_args()
    with multiprocessing.Pool(N_PROCESSES, initializer=os.nice, initargs=(NICE,)) as pool:
        real = pool.apply_async(_judged_real, (asked.uci,))
        made = pool.map(
            _judged_simulated, range(FIRST_BASE, FIRST_BASE + asked.simulated), chunksize=5
        )
        found = [*real.get(), *made]
    rows = pd.DataFrame([row for row in found if row is not None])
    print(f"{len(found) - len(rows)} of {len(found)} forecasts could not be made", end="\n\n")
    if asked.origins:
        print(rows.round(3).to_string(), end="\n\n")
    table = summarised(rows).round(3)
    print(table.to_string(index=False), end="\n\n")
    for row in table.itertuples(index=False):
        print(f"    {tuple(row)},")


if __name__ == "__main__":
    main()
