"""How often a programme without any effect shows one: 'programmes.py 101 137' takes these seeds.

The invented shop's members are drawn among those who buy often; joining changes nothing.
"""

from __future__ import annotations

import sys

import pandas as pd

from workbench import example_shop, programmes
from workbench.schema import TooFewData


def change(seed: int) -> pd.Series | None:
    """Return what changed around joining in one shop; None where too few joined."""
    shop = example_shop.make(seed=seed)
    lines = shop.transactions[shop.transactions["amount"] > 0]
    lines = lines[~lines["customer_id"].isin(["", "Barverkauf"])]
    orders = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    people = shop.customers.drop_duplicates("customer_id").set_index("customer_id")
    last = shop.transactions["date"].max()
    try:
        found = programmes.around_joining(
            orders, since=people["programme_since"], as_of=last, seed=1
        )
    except TooFewData:
        return None
    return found.table.loc["change"]


if __name__ == "__main__":
    first, final = int(sys.argv[1]), int(sys.argv[2])
    changes = [row for seed in range(first, final + 1) if (row := change(seed)) is not None]
    inside = sum(row["low"] <= 0 <= row["high"] for row in changes)
    mean = sum(row["difference"] for row in changes) / len(changes)
    print(f"{inside} of {len(changes)} intervals hold 0; mean difference {mean:.2f} purchases")
