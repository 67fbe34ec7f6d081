"""How often the 90 % intervals held what came: a row is a data set under one horizon."""

from __future__ import annotations

import pandas as pd

NOMINAL = 0.9
# What makes the rows below; benchmarks/README.md says with which sizes and versions.
COMMAND = "python benchmarks/coverage.py --uci online_retail_uci.parquet"
SHARES = (
    "customer_purchases",
    "customer_purchases_fair",
    "customer_value",
    "total_purchases",
    "total_purchases_widened",
    "total_value",
    "total_value_widened",
)
COLUMNS = ("data_set", "horizon_days", "origins", "customers", *SHARES)
ROWS = (
    ("CDNOW sample", 91, 5, 2357, 0.971, 0.9, 0.946, 0.4, 0.8, 0.4, 0.6),
    ("CDNOW sample", 182, 3, 2357, 0.965, 0.898, 0.941, 0.667, 1.0, 0.667, 1.0),
    ("CDNOW sample", 273, 3, 2357, 0.947, 0.885, 0.92, 0.0, 1.0, 0.0, 1.0),
    ("CDNOW master", 91, 5, 23570, 0.97, 0.9, 0.945, 0.0, 1.0, 0.2, 1.0),
    ("CDNOW master", 182, 3, 23570, 0.962, 0.898, 0.939, 0.333, 1.0, 0.333, 1.0),
    ("CDNOW master", 273, 3, 23570, 0.946, 0.887, 0.924, 0.0, 1.0, 0.0, 1.0),
    ("Musterhandel", 91, 6, 903, 0.971, 0.9, 0.948, 0.5, 0.833, 0.833, 1.0),
    ("Musterhandel", 182, 3, 840, 0.962, 0.9, 0.949, 0.333, 1.0, 0.667, 1.0),
    ("Musterhandel", 273, 2, 780, 0.956, 0.895, 0.941, 0.5, 1.0, 1.0, 1.0),
    ("Musterhandel", 365, 2, 697, 0.965, 0.906, 0.954, 1.0, 1.0, 0.5, 1.0),
    ("UCI Online Retail", 91, 3, 2803, 0.966, 0.908, 0.938, 0.333, 0.667, 0.0, 0.667),
    ("UCI Online Retail", 182, 3, 2394, 0.963, 0.914, 0.941, 0.667, 1.0, 0.0, 0.667),
    ("simulated, steady", 0, 75, 1000, 0.971, 0.903, 0.956, 0.893, 0.973, 0.88, 0.973),
    ("simulated, unsteady", 0, 113, 1000, 0.966, 0.899, 0.952, 0.354, 0.752, 0.398, 0.69),
)


def table() -> pd.DataFrame:
    """Return what was measured, data sets in the order in which they were judged.

    Returns
    -------
    DataFrame
        - `data_set` (text)
        - `horizon_days` (int): length of the forecasts; 0 where it differs
          between simulated bases
        - `origins` (int): forecasts judged
        - `customers` (int): in the median forecast
        - `customer_purchases`, `customer_value` (0 to 1): share of customers
          whose purchases and revenue lay inside their own interval
        - `customer_purchases_fair` (0 to 1): the same if a count at an end of
          the interval counts in part, as a continuous quantity would
        - `total_purchases`, `total_value` (0 to 1): share of the forecasts whose
          sum lay inside the interval of the model alone
        - `total_purchases_widened`, `total_value_widened` (0 to 1): inside the
          interval that allows for earlier misses
    """
    return pd.DataFrame(list(ROWS), columns=list(COLUMNS))


def pooled() -> pd.DataFrame:
    """Average the shares over real data and over each kind of simulated base.

    Every forecast counts equally.

    Returns
    -------
    DataFrame
        Indexed by `kind` (``real data``, or the simulated data set): `origins`
        (count) and the shares of `table`.
    """
    measured = table()
    is_simulated = measured["data_set"].str.startswith("simulated")
    kind = measured["data_set"].where(is_simulated, "real data").rename("kind")
    weighted = measured[list(SHARES)].mul(measured["origins"], axis=0)
    sums = weighted.assign(origins=measured["origins"]).groupby(kind).sum()
    shares = sums[list(SHARES)].div(sums["origins"], axis=0)
    return shares.assign(origins=sums["origins"])[["origins", *SHARES]]
