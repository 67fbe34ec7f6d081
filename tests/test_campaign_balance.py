import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench import campaign_balance
from workbench.schema import TooFewData


def people(seed, n=160):
    chance = np.random.default_rng(seed)
    known = pd.DataFrame(
        {
            "orders_ever": chance.geometric(0.3, n).astype(float),
            "revenue_ever": chance.lognormal(4.0, 1.2, n),
            "days_since_last": chance.integers(1, 400, n).astype(float),
        }
    )
    known["orders_before"] = known["orders_ever"] * 2
    return known, pd.Series(chance.permutation(n) < n // 2)


def test_the_table_by_hand():
    known, treated = people(1)
    row = campaign_balance.check(known, treated=treated, seed=1).table.loc["revenue_ever"]
    one, other = known.loc[treated, "revenue_ever"], known.loc[~treated, "revenue_ever"]
    assert (row["treated_mean"], row["control_mean"]) == pytest.approx((one.mean(), other.mean()))
    spread = np.sqrt((one.var() + other.var()) / 2)
    assert row["gap"] == pytest.approx((one.mean() - other.mean()) / spread)


def test_the_distance_is_that_of_mahalanobis():
    known, treated = people(2)
    x = np.arcsinh(known.drop(columns="orders_before").to_numpy())
    gap = x[treated].mean(axis=0) - x[~treated].mean(axis=0)
    inverse = np.linalg.inv(np.cov(x.T))
    expected = gap @ inverse @ gap * treated.sum() * (~treated).sum() / len(x)
    found = campaign_balance.check(known.drop(columns="orders_before"), treated=treated, seed=1)
    assert found.statistic == pytest.approx(expected)
    # A column that another one determines adds nothing but what the sine bends.
    assert found.p_value == pytest.approx(stats.chi2.sf(expected, 3), abs=0.05)


def test_p_values_are_uniform_where_a_lot_drew():
    p_values = []
    for seed in range(40):
        known, treated = people(seed)
        p_values.append(campaign_balance.check(known, treated=treated, seed=seed).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) < 0.2) < 0.45


def test_better_customers_are_no_lot():
    known, _ = people(3)
    best = known["orders_ever"].rank(method="first") > len(known) / 2
    found = campaign_balance.check(known, treated=best, seed=1)
    assert not found.is_random
    assert found.p_value < 0.01
    assert found.table["gap"].abs().idxmax() in ("orders_ever", "orders_before")


def test_many_customers_need_no_permutation():
    chance = np.random.default_rng(1)
    known = pd.DataFrame({"a": chance.normal(size=campaign_balance.MANY)})
    treated = pd.Series(chance.permutation(len(known)) < 9000)
    found = campaign_balance.check(known, treated=treated, seed=1)
    bent = np.arcsinh(known["a"])
    exact = stats.ttest_ind(bent[treated], bent[~treated]).pvalue
    assert found.p_value == pytest.approx(exact, abs=0.01)


def test_rows_in_another_order_give_the_same_and_constants_say_nothing():
    known, treated = people(4)
    mixed = np.random.default_rng(1).permutation(len(known))
    expected = campaign_balance.check(known, treated=treated, seed=1)
    found = campaign_balance.check(known.iloc[mixed], treated=treated.iloc[mixed], seed=1)
    assert found[1:] == expected[1:]
    same = campaign_balance.check(known[["orders_ever"]] * 0, treated=treated, seed=1)
    assert same.is_random and same.directions == 0
    assert same.table["gap"].tolist() == [0.0]


def test_a_small_group_is_refused():
    known, treated = people(5, n=50)
    with pytest.raises(TooFewData, match="25 customers, fewer than 30"):
        campaign_balance.check(known, treated=treated, seed=1)


def test_attrition_by_hand():
    treated = pd.Series([True] * 90 + [False] * 95)
    left = pd.DataFrame(
        {
            "campaign": ["Mai", "Mai", "Juni"],
            "group": ["treatment", "control", "control"],
            "customers": [10, 5, 70],
        }
    )
    found = campaign_balance.attrition(left, campaign="Mai", treated=treated)
    assert (found.treated_share, found.control_share) == (0.1, 0.05)
    assert found.p_value == pytest.approx(stats.fisher_exact([[10, 90], [5, 95]]).pvalue)
    assert found.is_even
    assert not campaign_balance.attrition(left, campaign="Juni", treated=treated).is_even
    nobody = campaign_balance.attrition(None, campaign="Mai", treated=treated)
    assert (nobody.treated, nobody.control, nobody.p_value) == (0, 0, 1.0)
