"""Seconds and memory of churn features and label at one origin, beside one hand-written query.

Run with ``python benchmarks/churn.py [ORDERS]``; the default is 10,000,000 days with a purchase or
a return, of a tenth as many customers, in the Parquet file that a run leaves. The rival is what an
analyst writes down: 20 columns and the label in one pass of DuckDB, without medians, gaps between
purchases or distinct months, its sums in floating point. It runs on one thread, as ours does in a
run, and on all. Each row is a process of its own, so that its peak memory is its own; the ratio is
one of CPU seconds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd

from workbench import churn_features, orders
from workbench.purchases import BgNbd

AS_OF = pd.Timestamp("2024-12-31")
WINDOW = {"origin": pd.Timestamp("2024-09-30"), "horizon_days": 91, "gap_days": 0}
MODEL = BgNbd(
    **{"r": 0.243, "alpha": 4.414 * 7, "a": 0.793, "b": 2.426},
    **{"covariance": (), "log_likelihood": 0.0, "n_customers": 1, "n_repeat": 1, "condition": 1.0},
)
QUERY = """
    SELECT customer_id, min(age) FILTER (age >= 0) AS silence, max(age) AS tenure,
           count(*) FILTER (age >= 0) AS orders,
           (tenure - silence) / nullif(orders - 1, 0) AS mean_gap,
           count(*) FILTER (age BETWEEN 0 AND 29) AS orders_30,
           count(*) FILTER (age BETWEEN 0 AND 90) AS orders_91,
           count(*) FILTER (age BETWEEN 0 AND 181) AS orders_182,
           count(*) FILTER (age BETWEEN 0 AND 364) AS orders_365,
           count(*) FILTER (age BETWEEN 0 AND 729) AS orders_730,
           count(*) FILTER (age >= 0 AND month(date) IN (11, 12)) AS orders_in_season,
           count(*) FILTER (age >= 0 AND amount < 0) AS returns,
           sum(amount) FILTER (age >= 0) AS money,
           sum(amount) FILTER (age BETWEEN 0 AND 29) AS money_30,
           sum(amount) FILTER (age BETWEEN 0 AND 90) AS money_91,
           sum(amount) FILTER (age BETWEEN 0 AND 181) AS money_182,
           sum(amount) FILTER (age BETWEEN 0 AND 364) AS money_365,
           avg(amount) FILTER (age >= 0) AS basket,
           arg_max(amount, age) FILTER (age >= 0) AS first_basket,
           arg_min(amount, age) FILTER (age >= 0) AS last_basket,
           stddev_samp(amount) FILTER (age >= 0) AS spread,
           count(*) FILTER (age < 0 AND age >= -91) = 0 AS churned
    FROM (SELECT *, DATE '2024-09-30' - date::DATE AS age FROM read_parquet($path))
    GROUP BY customer_id HAVING orders > 0
"""


def generate(path: Path, n_orders: int) -> None:
    """Write orders, ten a customer on days of three years, 2 % of them days of returns."""
    with orders.connect() as connection:
        connection.execute("SET memory_limit = '4GB'")
        connection.execute(
            f"""
            CREATE TABLE drawn AS
            SELECT printf('K%08d', i % {max(n_orders // 10, 1)}) AS customer_id,
                   DATE '2022-01-01' + (hash(i) % 1096)::INTEGER AS date,
                   (CASE WHEN hash(i, 2) % 50 = 0 THEN -1 ELSE 1 END)
                   * (hash(i, 1) % 20000 / 100) AS amount
            FROM range({n_orders}) AS rows(i)
            """
        )
        orders.write(
            orders.store(connection, "SELECT DISTINCT ON (customer_id, date) * FROM drawn"), path
        )


def rival(path: Path, *, threads: int) -> pd.DataFrame:
    with duckdb.connect(config={"threads": threads}) as connection:
        return connection.execute(QUERY, {"path": str(path)}).df()


def features(path: Path, *, with_model: bool) -> pd.DataFrame:
    stored = orders.read(orders.connect(), path)
    model = MODEL if with_model else None
    found = churn_features.build(stored, purchase_model=model, **WINDOW)
    churned = churn_features.label(stored, customers=found.index, as_of=AS_OF, **WINDOW)
    found["churned"] = churned
    return found


STEPS = {
    "rival, one thread": lambda path: rival(path, threads=1),
    "rival, all threads": lambda path: rival(path, threads=os.cpu_count() or 1),
    "features and label": lambda path: features(path, with_model=False),
    "the same with BG/NBD": lambda path: features(path, with_model=True),
}


def measure(step: str, path: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    table = STEPS[step](path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(wall, cpu, peak, *table.shape)


def alone(*arguments: str) -> str:
    """Run this script in a process of its own, and return the last line that it prints."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, capture_output=True, text=True
    )
    # DuckDB may draw a progress bar before it.
    return done.stdout.replace("\r", "\n").rstrip().split("\n")[-1]


def measured(step: str, path: Path) -> dict[str, float | str]:
    names = ("seconds", "cpu_seconds", "peak_mb", "customers", "columns")
    figures = map(float, alone(step, str(path)).split())
    return {"step": step} | dict(zip(names, figures, strict=True))


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["generate"]:
        generate(Path(sys.argv[2]), int(sys.argv[3]))
        return
    n_orders = sys.argv[1] if sys.argv[1:] else "10000000"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        alone("generate", str(path), n_orders)
        table = pd.DataFrame([measured(step, path) for step in STEPS])
    table["ratio"] = table["cpu_seconds"] / table["cpu_seconds"].iloc[0]
    print(table.astype({"customers": int, "columns": int}).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
