import numpy as np
import pandas as pd
import pytest

from workbench.mixtures import describe


def traits(seed: int, n: int = 300) -> pd.DataFrame:
    """Two kinds of customers: one buys often and lately, the other seldom and long ago."""
    chance = np.random.default_rng(seed)
    often = np.arange(n) < n // 2
    return pd.DataFrame(
        {
            "days_since_last": np.where(often, 5, 200) * np.exp(0.3 * chance.normal(size=n)),
            "n_orders": np.where(often, 40, 3) + chance.integers(0, 3, n),
            "basket": 50 * np.exp(0.5 * chance.normal(size=n)),
            "gap": np.where(often, 8, 90) * np.exp(0.3 * chance.normal(size=n)),
        },
        index=[f"c{i:03d}" for i in range(n)],
    )


def test_two_kinds_of_customers_are_two_clouds():
    table = traits(1)
    labels = pd.Series(np.where(np.arange(300) < 150, 1, 2), table.index)
    found = describe(table, labels=labels, seed=1)
    assert found.by_icl == found.by_bic == 2
    assert found.agreement == 1
    assert list(found.table.index) == list(range(1, 9))
    assert (found.table["icl"] >= found.table["bic"] - 1e-6).all()
    assert found.table.loc[1, "icl"] == pytest.approx(found.table.loc[1, "bic"])


def test_the_same_seed_gives_the_same_clouds_in_any_order_of_rows():
    table = traits(2)
    labels = pd.Series(1 + np.arange(300) % 3, table.index)
    mixed = table.sample(frac=1, random_state=1), labels.sample(frac=1, random_state=2)
    found = describe(table, labels=labels, seed=3)
    again = describe(mixed[0], labels=mixed[1], seed=3)
    pd.testing.assert_frame_equal(again.table, found.table)
    assert again[1:] == found[1:]
    # Three groups that have nothing to do with what customers did.
    assert found.agreement == pytest.approx(0, abs=0.03)


def test_a_count_that_takes_few_values_makes_no_cloud_of_each():
    chance = np.random.default_rng(4)
    table = traits(4).assign(n_orders=2 + chance.geometric(0.6, 300) // 2)
    table["days_since_last"] = np.exp(4 + chance.normal(size=300))
    table["gap"] = np.exp(4 + chance.normal(size=300))
    labels = pd.Series(1, table.index)
    assert describe(table, labels=labels, seed=1).by_icl <= 2
