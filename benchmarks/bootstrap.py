"""Resample the customers of CDNOW for all key figures, beside a loop over drawn tables.

Usage: python benchmarks/bootstrap.py
"""

import time

import numpy as np

from workbench import customer_bootstrap, intake, kpis, periods

SEED = 20050401
LOOPS = 50


def seconds(work) -> float:
    """Run it once, in CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print one line each."""
    base = intake.load("dataset:cdnow", run_dir="")
    compared = periods.choose(base.first_day, as_of=base.as_of)
    bought = periods.by_customer(base.stored, periods=compared)
    n = len(bought)

    def loop() -> None:
        chance = np.random.default_rng(SEED)
        for _ in range(LOOPS):
            drawn = bought.iloc[chance.integers(n, size=n)]
            for back in (0, 1):
                active = drawn[drawn[f"purchases_{back}"] > 0]
                active[[f"purchases_{back}", f"revenue_{back}"]].sum()

    every = seconds(lambda: kpis.measure(base.stored, periods=compared, tables={}, k=5, seed=SEED))
    weights = seconds(
        lambda: customer_bootstrap.resample(lambda w: w[:, 0], customers=n, seed=SEED)
    )
    slow = seconds(loop) * customer_bootstrap.RESAMPLES / LOOPS
    print(f"{n:,} customers, {customer_bootstrap.RESAMPLES:,} resamples, CPU seconds")
    print(f"drawing the weights               {weights:7.2f}")
    print(f"all key figures of two periods    {every:7.2f}")
    print(f"two sums by a loop over tables    {slow:7.2f}")


if __name__ == "__main__":
    main()
