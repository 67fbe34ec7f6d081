"""Customer values of twelve months, daily grain: lifetimes as it is beside ours, on one thread.

Run with ``python benchmarks/score.py [CUSTOMERS ...]``; the default is 100,000 and 1,000,000. Sizes
above `MAX_FOR_LIFETIMES` are scored by ours alone. Seconds are those of the CPU, which on a quiet
machine are seconds; the ratios count our expected spend too, as lifetimes does. The peak of memory
is that of `clv.score` with the summary in memory (Linux).
"""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from workbench import clv, purchases, spend, synthetic
from workbench.purchases import BgNbd
from workbench.spend import GammaGamma

WORLD = {"r": 0.243, "alpha": 4.414 * 7, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
UNKNOWN = {"covariance": (), "log_likelihood": 0.0, "n_customers": 0, "condition": 1.0}
ANNUAL_RATE = 0.10
MAX_FOR_LIFETIMES = 1_000_000
# lifetimes counts months of 30 days and discounts each month's purchases at its end.
MONTH_DAYS = 30
N_MONTHS = 12


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def peak_megabytes() -> float:
    """Return the most memory that this process held since `forget_peak`."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def customers(n_customers: int) -> pd.DataFrame:
    table = synthetic.purchase_summary(
        r=WORLD["r"],
        alpha_days=WORLD["alpha"],
        a=WORLD["a"],
        b=WORLD["b"],
        n_customers=n_customers,
        acquisition_days=365,
        n_days=730,
        seed=1,
    )
    amount = np.random.default_rng(2).gamma(4.0, 9.0, n_customers)
    return table.assign(monetary_value=np.where(table["frequency"] > 0, amount, 0.0))


def by_lifetimes(table: pd.DataFrame) -> pd.Series:
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    purchase_fitter, spend_fitter = BetaGeoFitter(), GammaGammaFitter()
    purchase_fitter.params_, spend_fitter.params_ = pd.Series(WORLD), pd.Series(SPEND)
    purchase_fitter.predict = purchase_fitter.conditional_expected_number_of_purchases_up_to_time
    return spend_fitter.customer_lifetime_value(
        purchase_fitter,
        table["frequency"],
        table["recency"],
        table["T"],
        table["monetary_value"],
        time=N_MONTHS,
        discount_rate=(1 + ANNUAL_RATE) ** (MONTH_DAYS / 365) - 1,
        freq="D",
    )


def by_month_ends(model: BgNbd, table: pd.DataFrame, expected_spend: pd.Series) -> pd.Series:
    """Return our value in the convention of lifetimes, to compare the figures."""
    ends = [
        purchases.expected_purchases(model, table, days=MONTH_DAYS * n) for n in range(N_MONTHS + 1)
    ]
    factor = (1 + ANNUAL_RATE) ** (-MONTH_DAYS / 365)
    return expected_spend * sum((ends[n] - ends[n - 1]) * factor**n for n in range(1, N_MONTHS + 1))


def row(n_customers: int) -> dict[str, float]:
    table = customers(n_customers)
    model = BgNbd(**WORLD, **UNKNOWN, n_repeat=0)
    spend_model = GammaGamma(**SPEND, **UNKNOWN)
    expected_spend = spend.expected_spend(spend_model, table)
    terms = {"annual_discount_rate": ANNUAL_RATE, "margin": 0.3, "expected_spend": expected_spend}
    days = MONTH_DAYS * N_MONTHS

    spend_s, _ = timed(lambda: spend.expected_spend(spend_model, table))
    value_s = min(
        timed(lambda: clv.customer_value(model, table, horizon_days=days, **terms))[0]
        for _ in range(3)
    )
    score_s = min(
        timed(lambda: clv.score(model, table, horizon_days=days, **terms))[0] for _ in range(3)
    )
    forget_peak()
    clv.score(model, table, horizon_days=days, **terms)
    peak = peak_megabytes()
    residual_s, _ = timed(lambda: clv.residual_value(model, table, **terms))
    found = {
        "customers": n_customers,
        "pairs": len(table[["frequency", "T"]].drop_duplicates()),
        "spend_s": spend_s,
        "value_s": value_s,
        "score_s": score_s,
        "residual_s": residual_s,
        "peak_MB": peak,
    }
    if n_customers > MAX_FOR_LIFETIMES:
        return found
    lifetimes_s, theirs = timed(lambda: by_lifetimes(table))
    ours = by_month_ends(model, table, expected_spend)
    return found | {
        "lifetimes_s": lifetimes_s,
        "ratio_value": lifetimes_s / (spend_s + value_s),
        "ratio_score": lifetimes_s / (spend_s + score_s),
        "largest_difference": float((theirs / ours - 1).abs().max()),
    }


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [100_000, 1_000_000]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for size in sizes:
            print(pd.Series(row(size)).to_string(float_format="{:.6g}".format), end="\n\n")


if __name__ == "__main__":
    main()
