import numpy as np
import pandas as pd
import pytest

from workbench import matching
from workbench.schema import TooFewData


def rows(seed=1, *, n=400, effect=0.0):
    """Cases are drawn mostly from the stratum with the larger values."""
    chance = np.random.default_rng(seed)
    stratum = np.where(chance.random(n) < 0.5, "high", "low")
    is_case = chance.random(n) < np.where(stratum == "high", 0.6, 0.2)
    x = np.where(stratum == "high", 10.0, 1.0) + chance.normal(0, 1, n) + effect * is_case
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:04}" for i in range(n)],
            "stratum": stratum,
            "is_case": is_case,
            "weight": 1.0,
            "x": x,
        }
    )


def test_a_stratum_counts_as_often_as_it_has_cases():
    table = pd.DataFrame(
        {
            "customer_id": [str(i) for i in range(120)],
            "stratum": ["a"] * 60 + ["b"] * 60,
            "is_case": ([True] * 45 + [False] * 15) + ([True] * 15 + [False] * 45),
            "weight": 1.0,
            "x": [4.0] * 45 + [2.0] * 15 + [8.0] * 15 + [8.0] * 45,
        }
    )
    found = matching.compare(table, measures=["x"], seed=1)
    assert found.table.loc["x", "cases"] == pytest.approx(5.0)
    assert found.table.loc["x", "controls"] == pytest.approx((45 * 2 + 15 * 8) / 60)
    assert (found.cases, found.controls, found.unmatched) == (60, 60, 0)


def test_the_weights_of_controls_count():
    table = rows(n=200).assign(stratum="a")
    table["weight"] = np.where(table["x"] > 5, 3.0, 1.0)
    controls = table[~table["is_case"]]
    found = matching.compare(table, measures=["x"], seed=1)
    assert found.table.loc["x", "controls"] == pytest.approx(
        np.average(controls["x"], weights=controls["weight"])
    )


def test_matching_takes_away_what_the_stratum_explains_and_leaves_the_effect():
    inside = [
        matching.compare(rows(seed, effect=0.5), measures=["x"], seed=seed).table.loc["x"]
        for seed in range(8)
    ]
    assert sum(row["low"] <= 0.5 <= row["high"] for row in inside) >= 7
    assert all(abs(row["difference"] - 0.5) < 0.6 for row in inside)


def test_the_order_of_rows_changes_nothing():
    table = rows()
    again = matching.compare(table.sample(frac=1, random_state=3), measures=["x"], seed=2)
    pd.testing.assert_frame_equal(
        matching.compare(table, measures=["x"], seed=2).table, again.table
    )


def test_cases_without_a_control_are_left_out_and_counted():
    table = rows()
    lonely = table[table["is_case"]].iloc[:7].assign(stratum="alone", x=1e9)
    lonely["customer_id"] = [f"z{i}" for i in range(7)]
    found = matching.compare(pd.concat([table, lonely]), measures=["x"], seed=1)
    assert found.unmatched == 7
    assert found.table.loc["x", "cases"] < 100


def test_too_few_cases_or_controls_are_refused():
    table = rows()
    few = pd.concat([table[~table["is_case"]], table[table["is_case"]].iloc[:9]])
    with pytest.raises(TooFewData, match=r"^9 cases and \d+ controls are alike"):
        matching.compare(few, measures=["x"], seed=1)
