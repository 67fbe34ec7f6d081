"""Cases and matched controls: how much more the cases have, by resampled customers.

Matching makes groups comparable in what was matched on, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from workbench import customer_bootstrap
from workbench.schema import TooFewData

# With fewer cases or controls that are alike the interval is no good.
MIN_CASES = 30


class Matched(NamedTuple):
    """Cases beside their matched controls.

    Attributes
    ----------
    table : DataFrame
        Indexed by `measure`: `cases` and `controls` (means), `difference`, `low`,
        `high` (95 %).
    cases, controls : int
        Customers who could be compared.
    unmatched : int
        Cases without a control like them; they are left out.
    """

    table: pd.DataFrame
    cases: int
    controls: int
    unmatched: int


def compare(rows: pd.DataFrame, *, measures: Sequence[str], seed: int) -> Matched:
    """Compare each case with the mean of the controls in its stratum.

    A stratum counts as often as it has cases. Customers are drawn again, with
    all their rows, as cases and as controls.

    Parameters
    ----------
    rows : DataFrame
        `customer_id`, `stratum` (any hashable), `is_case` (bool), `weight` (of a
        control within its stratum, > 0), and the measures.
    measures : sequence of str
        Columns to compare.
    seed : int
        Of the resampling.

    Raises
    ------
    TooFewData
        If fewer than `MIN_CASES` cases, or controls, are alike.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": [str(i) for i in range(120)], "stratum": "a",
    ...                      "is_case": [True, False] * 60, "weight": 1.0, "x": [3.0, 1.0] * 60})
    >>> compare(rows, measures=["x"], seed=1).table.iloc[0].tolist()
    [3.0, 1.0, 2.0, 2.0, 2.0]
    """
    is_case = rows["is_case"].to_numpy(bool)
    both = set(rows["stratum"][is_case]) & set(rows["stratum"][~is_case])
    usable = rows["stratum"].isin(both).to_numpy()
    n_cases = rows["customer_id"][is_case & usable].nunique()
    n_controls = rows["customer_id"][~is_case & usable].nunique()
    if min(n_cases, n_controls) < MIN_CASES:
        raise TooFewData(
            f"{n_cases} cases and {n_controls} controls are alike. Take a longer history.",
            have=min(n_cases, n_controls),
            need=MIN_CASES,
        )
    kept = rows[usable].sort_values(["customer_id", "stratum"], kind="stable")
    of_case = kept["is_case"].to_numpy(bool)
    person, people = pd.factorize(kept["customer_id"])
    stratum, strata = pd.factorize(kept["stratum"])
    weight = np.where(of_case, 1.0, kept["weight"].to_numpy(float))
    shape = (len(people), len(strata))

    def spread(values: np.ndarray, chosen: np.ndarray) -> sparse.csr_array:
        cells = (values[chosen], (person[chosen], stratum[chosen]))
        return sparse.csr_array(cells, shape=shape)

    n_case, n_control = spread(weight, of_case), spread(weight, ~of_case)
    sums = [
        (spread(weight * values, of_case), spread(weight * values, ~of_case))
        for values in (kept[name].to_numpy(float) for name in measures)
    ]

    def means(drawn: np.ndarray) -> np.ndarray:
        cases, controls = drawn @ n_case, drawn @ n_control
        there = (cases > 0) & (controls > 0)
        cases = np.where(there, cases, 0.0)
        total = cases.sum(axis=1)
        found = []
        for of_cases, of_controls in sums:
            own = np.where(there, drawn @ of_cases, 0.0).sum(axis=1)
            like = np.divide(drawn @ of_controls, controls, out=np.zeros_like(cases), where=there)
            found += [own / total, (cases * like).sum(axis=1) / total]
        return np.column_stack(found)

    estimate = means(np.ones((1, len(people))))[0]
    draws = customer_bootstrap.resample(means, customers=len(people), seed=seed)
    difference = estimate[::2] - estimate[1::2]
    low, high = customer_bootstrap.interval(difference, draws[:, ::2] - draws[:, 1::2])
    table = pd.DataFrame(
        {
            "cases": estimate[::2],
            "controls": estimate[1::2],
            "difference": difference,
            "low": low,
            "high": high,
        },
        index=pd.Index(measures, name="measure"),
    )
    n_unmatched = rows["customer_id"][is_case].nunique() - n_cases
    return Matched(table, int(n_cases), int(n_controls), int(n_unmatched))
