"""Seconds and memory of reading, cleaning, keeping and summing up line items, beside a bare scan.

Run with ``python benchmarks/clean.py [LINES [LINES_PER_RECEIPT]]``; the defaults are 10,000,000
and 4. Each step runs in a process of its own, so that its peak memory is its own; the last one
starts from the orders that the one before has written.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd

from workbench import lines, orders, sources, summary, transactions

MEMORY_LIMIT = "2GB"
ORDERS, LINES = "orders.parquet", "lines.parquet"
AS_OF = pd.Timestamp("2024-12-31")
COLUMNS = {
    "customer_id": "kunde",
    "date": "zeit",
    "quantity": "menge",
    "unit_price": "preis",
    "order_id": "beleg",
    "product_id": "artikel",
}


def generate(path: Path, n_lines: int, per_receipt: int) -> None:
    """Write receipts, twelve lines and six products a customer, a tenth of them returns."""
    with connect(path.parent) as connection:
        connection.execute(
            f"""
            COPY (
                WITH drawn AS (
                    SELECT i // {per_receipt} AS receipt,
                           hash(receipt) % {max(n_lines // 12, 1)} AS customer,
                           hash(customer, hash(i) % 6) % 5000 AS product,
                           hash(i, 1) % 10 = 0 AS is_return
                    FROM range({n_lines}) AS lines(i)
                )
                SELECT printf('K%08d', customer::BIGINT) AS kunde,
                       TIMESTAMP '2022-01-01'
                           + to_minutes((hash(receipt, 2) % 1500000)::BIGINT) AS zeit,
                       CASE WHEN is_return THEN -1 ELSE 2 END AS menge,
                       (1 + hash(product) % 200)::DECIMAL(9, 2) - 0.01 AS preis,
                       printf('%09d', receipt) AS beleg,
                       printf('A%05d', product::BIGINT) AS artikel
                FROM drawn
            ) TO '{path}' (FORMAT parquet)
            """
        )


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder / "spill")}
    )


def scan(path: Path) -> None:
    """Sum every customer's day, and nothing else."""
    with connect(path.parent) as connection:
        connection.execute(
            f"""
            CREATE TABLE days AS
            SELECT kunde, zeit::DATE AS tag, sum(menge * preis) AS betrag
            FROM read_parquet('{path}') GROUP BY ALL
            """
        )


def read(path: Path) -> sources.Source:
    return sources.read(path, columns=COLUMNS)


def clean(path: Path) -> None:
    cleaned = transactions.clean(read(path), max_loss=1.0, duplicates="report", returns="net")
    orders.write(cleaned.stored, path.with_name(ORDERS))


def keep(path: Path) -> None:
    source = read(path)
    cleaned = transactions.clean(source, max_loss=1.0, duplicates="report", returns="net")
    orders.write(cleaned.stored, path.with_name(ORDERS))
    kept = lines.keep(source.connection, columns=source.columns)
    lines.write(kept, path.with_name(LINES))


def sum_up(path: Path) -> None:
    stored = orders.read(orders.connect(), path.with_name(ORDERS))
    summary.summarise(stored, as_of=AS_OF)
    summary.profiles_of(stored, as_of=AS_OF)


STEPS = {"scan": scan, "read": read, "read_clean": clean, "read_clean_keep": keep}
STEPS |= {"summary_profiles": sum_up}


def measured(step: str, path: Path) -> dict[str, float | str]:
    done = subprocess.run(
        [sys.executable, __file__, step, str(path)], check=True, capture_output=True, text=True
    )
    seconds, megabytes = done.stdout.split()
    return {"step": step, "seconds": float(seconds), "peak_mb": float(megabytes)}


def measure(step: str, path: Path) -> None:
    before = time.perf_counter()
    STEPS[step](path)
    seconds = time.perf_counter() - before
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    given = [int(argument) for argument in sys.argv[1:]]
    n_lines, per_receipt = given + [10_000_000, 4][len(given) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.parquet"
        generate(path, n_lines, per_receipt)
        table = pd.DataFrame([measured(step, path) for step in STEPS])
    print(table.assign(lines=n_lines).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
