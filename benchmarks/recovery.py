"""Share of 95 % intervals that hold the truth, over bases simulated from the model itself.

Run with ``python benchmarks/recovery.py [BASES [MODEL ...]]``; the default is 2,000 bases of each
model. Two processes.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from workbench import newton, purchase_models, summary, synthetic
from workbench.purchase_models import PurchaseModel
from workbench.schema import NotIdentified, TooFewData

# The estimates on CDNOW's sample, times in days, and its size and days.
WORLDS: Mapping[str, Mapping[str, float]] = {
    "bg_nbd": {"r": 0.2426, "alpha": 4.4136 * 7, "a": 0.7929, "b": 2.4259},
    "mbg_nbd": {"r": 0.525, "alpha": 6.183 * 7, "a": 0.891, "b": 1.614},
    "pareto_nbd": {"r": 0.5533, "alpha": 10.578 * 7, "s": 0.6062, "beta": 11.67 * 7},
    "nbd": {"r": 0.3848, "alpha": 12.072 * 7},
}
# BG/NBD once more, with orders in whole days and one a day at most, as shops have them.
WHOLE_DAYS = "bg_nbd, whole days"
ACQUISITION_DAYS, N_DAYS, FUTURE_DAYS = 84, 273, 273
N_CUSTOMERS = 2357
N_PROCESSES = 2
NICE = 10
LEVEL = 0.9
# The distribution of a customer's purchases is dear: so many of each base are asked for theirs.
ASKED = 200
MAX_PURCHASES = 60


class Held(NamedTuple):
    """Whether 95 % intervals of a parameter hold the truth.

    Attributes
    ----------
    profile, wald : bool
        By profile likelihood, as 03 prints it, and from the standard error, on the log scale.
    is_open : bool
        Whether the data leave an end of the former open.
    """

    profile: bool
    wald: bool
    is_open: bool


class Base(NamedTuple):
    """What one simulated base says of a model; NaN without an interior optimum.

    Attributes
    ----------
    holds : dict of str to Held
        By parameter.
    no_purchase : DataFrame
        Tenths of customers by P(no purchase): means of `expected` and `actual`.
    covered, covered_fairly : float
        Share of customers inside their 90 % interval of purchases, ends
        included; and with the ends' chance split as a continuous count would.
    """

    holds: dict[str, Held]
    no_purchase: pd.DataFrame
    covered: float
    covered_fairly: float


def measured(model: str, *, n_bases: int, n_customers: int = N_CUSTOMERS) -> list[Base | None]:
    """Measure so many bases, seeds 1, 2, …; None for each that bears no fit."""
    return [_base((model, seed, n_customers)) for seed in range(1, n_bases + 1)]


def _base(case: tuple[str, int, int]) -> Base | None:
    model, seed, n_customers = case
    customers = _simulated(model, seed, n_customers)
    profiles = summary.profiles(customers)
    name = model.split(",")[0]
    try:
        with threadpool_limits(1):
            fitted = purchase_models.fit(name, profiles)
            if purchase_models.collapsed(fitted):
                return None
            ends = purchase_models.parameter_intervals(fitted, profiles=profiles)
    except (TooFewData, NotIdentified):
        return None
    holds = _holds(fitted, ends, WORLDS[name])
    if "purchases" not in customers:
        return Base(holds, pd.DataFrame(), math.nan, math.nan)
    covered, fairly = _coverage(fitted, customers.iloc[:ASKED])
    return Base(holds, _no_purchase(fitted, customers), covered, fairly)


def _simulated(model: str, seed: int, n_customers: int) -> pd.DataFrame:
    sizes = {"n_customers": n_customers, "acquisition_days": ACQUISITION_DAYS, "n_days": N_DAYS}
    if model == WHOLE_DAYS:
        world = dict(WORLDS["bg_nbd"])
        world["alpha_days"] = world.pop("alpha")
        return synthetic.purchase_summary(**world, **sizes, seed=seed)
    return synthetic.histories(
        model, parameters=WORLDS[model], **sizes, future_days=FUTURE_DAYS, seed=seed
    )


def _holds(
    fitted: PurchaseModel, ends: pd.DataFrame, truth: Mapping[str, float]
) -> dict[str, Held]:
    errors = np.sqrt(np.diag(fitted.covariance))
    found = {}
    for (name, estimate), error in zip(
        purchase_models.parameters(fitted).items(), errors, strict=True
    ):
        lower, upper = ends.loc[name]
        distance = abs(math.log(truth[name] / estimate))
        found[name] = Held(
            profile=bool(lower <= truth[name] <= upper),
            wald=bool(distance <= newton.NORMAL_975 * error / estimate),
            is_open=bool(lower == 0 or upper == math.inf),
        )
    return found


def _no_purchase(fitted: PurchaseModel, customers: pd.DataFrame) -> pd.DataFrame:
    expected = purchase_models.p_no_purchase(fitted, customers, days=FUTURE_DAYS)
    table = pd.DataFrame({"expected": expected, "actual": customers["purchases"] == 0})
    tenth = (expected.rank(method="first") * 10 / (len(table) + 1)).astype(int) + 1
    return table.astype(float).groupby(tenth.rename("tenth")).mean()


def _coverage(fitted: PurchaseModel, customers: pd.DataFrame) -> tuple[float, float]:
    counts = purchase_models.purchase_counts(
        fitted, customers, days=FUTURE_DAYS, max_purchases=MAX_PURCHASES
    ).to_numpy()
    below = np.column_stack([np.zeros(len(counts)), np.cumsum(counts, axis=1)])
    rows = np.arange(len(counts))
    actual = np.minimum(customers["purchases"].to_numpy(), MAX_PURCHASES)
    start, stop = below[rows, actual], below[rows, actual + 1]
    low, high = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    # A count is inside unless all of its chance lies in one tail.
    inside = (stop >= low) & (start < high)
    share = (np.minimum(stop, high) - np.maximum(start, low)) / (stop - start)
    return float(inside.mean()), float(np.clip(share, 0, 1).mean())


def parameter_table(bases: Mapping[str, list[Base | None]]) -> pd.DataFrame:
    """Return one row per model and parameter: the share of intervals that hold the truth."""
    rows: list[dict[str, Any]] = []
    for model, all_of_them in bases.items():
        fitted = [base for base in all_of_them if base is not None]
        for name in fitted[0].holds:
            held, by_wald, is_open = np.mean([base.holds[name] for base in fitted], axis=0)
            rows.append(
                {
                    "model": model,
                    "parameter": name,
                    "bases": len(all_of_them),
                    "no_optimum": len(all_of_them) - len(fitted),
                    "held": held,
                    "standard_error": math.sqrt(held * (1 - held) / len(fitted)),
                    "held_by_wald": by_wald,
                    "open": is_open,
                }
            )
    return pd.DataFrame(rows)


def customer_table(bases: Mapping[str, list[Base | None]]) -> pd.DataFrame:
    """Return one row per model: mean coverage of the 90 % intervals of single customers."""
    rows = {}
    for model, all_of_them in bases.items():
        fitted = [base for base in all_of_them if base is not None]
        rows[model] = {
            "covered": np.mean([base.covered for base in fitted]),
            "covered_fairly": np.mean([base.covered_fairly for base in fitted]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model").dropna()


def no_purchase_table(bases: Mapping[str, list[Base | None]]) -> pd.DataFrame:
    """Return mean expected and actual shares without a purchase, by tenths of the expected one."""
    tables = {
        model: sum(base.no_purchase for base in all_of_them if base is not None)
        / sum(base is not None for base in all_of_them)
        for model, all_of_them in bases.items()
        if model != WHOLE_DAYS
    }
    return pd.concat(tables, axis=1)


def main() -> None:
    n_bases = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    models = sys.argv[2:] or [*WORLDS, WHOLE_DAYS]
    with multiprocessing.Pool(N_PROCESSES, initializer=os.nice, initargs=(NICE,)) as pool:
        bases = {
            model: pool.map(
                _base, [(model, seed, N_CUSTOMERS) for seed in range(1, n_bases + 1)], chunksize=10
            )
            for model in models
        }
    print(parameter_table(bases).round(4).to_string(index=False), end="\n\n")
    print(customer_table(bases).round(4).to_string(), end="\n\n")
    print(no_purchase_table(bases).round(4).to_string())


if __name__ == "__main__":
    main()
