"""Seconds for a BG/NBD fit with standard errors: lifetimes, lifetimes on profiles, ours.

Run with ``python benchmarks/fit.py [CUSTOMERS ...]``; the default is 10,000, 100,000, 1,000,000.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from workbench import purchases, second_opinion, summary, synthetic

WORLD = {"r": 0.243, "alpha_days": 4.414 * 7, "a": 0.793, "b": 2.426}
N_DAYS = 730
ACQUISITION_DAYS = 365


def seconds(function: Callable[[], Any], *, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def row(n_customers: int) -> dict[str, float]:
    customers = synthetic.purchase_summary(
        **WORLD,
        n_customers=n_customers,
        acquisition_days=ACQUISITION_DAYS,
        n_days=N_DAYS,
        seed=1,
    )
    one_each = customers.assign(customers=1)
    repeats = 5 if n_customers <= 100_000 else 1
    as_is = seconds(lambda: second_opinion.fit_purchases(one_each), repeats=repeats)
    weighted = seconds(
        lambda: second_opinion.fit_purchases(summary.profiles(customers)), repeats=repeats
    )
    ours = seconds(lambda: purchases.fit(summary.profiles(customers)), repeats=5)
    return {
        "customers": n_customers,
        "profiles": len(summary.profiles(customers)),
        "lifetimes_s": as_is,
        "lifetimes_profiles_s": weighted,
        "workbench_s": ours,
        "ratio_to_lifetimes": as_is / ours,
        "ratio_to_lifetimes_profiles": weighted / ours,
    }


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000]
    purchases.fit(
        summary.profiles(
            synthetic.purchase_summary(
                **WORLD, n_customers=2000, acquisition_days=365, n_days=730, seed=1
            )
        )
    )
    second_opinion.fit_purchases(
        pd.DataFrame(
            {
                "frequency": [0, 1, 2],
                "recency": [0.0, 9.0, 20.0],
                "T": [30.0] * 3,
                "customers": [9] * 3,
            }
        )
    )
    with threadpool_limits(1):
        table = pd.DataFrame([row(size) for size in sizes])
    print(table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
