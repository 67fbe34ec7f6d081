"""CPU seconds of one thread for a fit: lifetimes, lifetimes on profiles, ours with standard errors.

Run with ``python benchmarks/fit.py [CASE] [CUSTOMERS ...]``. The cases:

- ``daily`` (the default): BG/NBD, whole days, 730 days; 10,000, 100,000 and 1,000,000 customers
- ``weekly``: BG/NBD, whole weeks, 39 weeks; 1,000,000 customers
- ``pareto``: Pareto/NBD, whole days, where lifetimes gives no standard errors; 100,000 customers

On a quiet machine CPU seconds are seconds.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
from threadpoolctl import threadpool_limits

from workbench import pareto_nbd, purchases, second_opinion, summary, synthetic

DAYS = {"r": 0.243, "alpha_days": 4.414 * 7, "a": 0.793, "b": 2.426}
# The unit of time is a week here, whatever the names say.
WEEKS = DAYS | {"alpha_days": 4.414}
REPEATS = 5


class Case(NamedTuple):
    """A world, how to fit it, and how many customers to draw."""

    world: dict[str, float]
    ours: Callable[[pd.DataFrame], Any]
    lifetimes: Callable[[pd.DataFrame], Any]
    sizes: tuple[int, ...]


def fit_pareto_with_lifetimes(table: pd.DataFrame) -> None:
    from lifetimes import ParetoNBDFitter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ParetoNBDFitter().fit(
            table["frequency"], table["recency"], table["T"], weights=table["customers"]
        )


CASES = {
    "daily": Case(
        DAYS | {"acquisition_days": 365, "n_days": 730},
        purchases.fit,
        second_opinion.fit_purchases,
        (10_000, 100_000, 1_000_000),
    ),
    "weekly": Case(
        WEEKS | {"acquisition_days": 12, "n_days": 39},
        purchases.fit,
        second_opinion.fit_purchases,
        (1_000_000,),
    ),
    "pareto": Case(
        DAYS | {"acquisition_days": 365, "n_days": 730},
        pareto_nbd.fit,
        fit_pareto_with_lifetimes,
        (100_000,),
    ),
}


def seconds(function: Callable[[], Any], *, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return sorted(times)[len(times) // 2]


def row(case: Case, n_customers: int) -> dict[str, float]:
    customers = synthetic.purchase_summary(**case.world, n_customers=n_customers, seed=1)
    one_each = customers.assign(customers=1)
    quick = case.lifetimes is not fit_pareto_with_lifetimes and n_customers <= 100_000
    repeats = REPEATS if quick else 1
    as_is = seconds(lambda: case.lifetimes(one_each), repeats=repeats)
    weighted = seconds(lambda: case.lifetimes(summary.profiles(customers)), repeats=repeats)
    ours = seconds(lambda: case.ours(summary.profiles(customers)), repeats=REPEATS)
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
    named, sizes = sys.argv[1:2], sys.argv[2:]
    if named and named[0] not in CASES:
        named, sizes = [], sys.argv[1:]
    case = CASES[named[0] if named else "daily"]

    # What is loaded at the first call is no part of a fit.
    few = synthetic.purchase_summary(**case.world, n_customers=300, seed=1)
    case.ours(summary.profiles(few))
    case.lifetimes(summary.profiles(few))
    with threadpool_limits(1):
        rows = [row(case, int(size)) for size in sizes or case.sizes]
    print(pd.DataFrame(rows).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
