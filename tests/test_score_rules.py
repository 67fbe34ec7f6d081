import numpy as np
import pandas as pd
import pytest

from workbench import score_rules, segments
from workbench.schema import DataError, ParameterError
from workbench.score_rules import cutoffs, money
from workbench.segments import CutOffs
from workbench.summary import summarise

AS_OF = pd.Timestamp("2024-12-31")
OWN = {"recency_days": [30, 90, 180, 365], "money": [25, 50, 100, 250]}


def orders(**purchases: list[tuple[int, float]]) -> pd.DataFrame:
    """Purchases as pairs of days before the as-of day and amount."""
    rows = [
        (name, AS_OF - pd.Timedelta(days=days), amount)
        for name, own in purchases.items()
        for days, amount in own
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 80, 300).astype(str),
            "date": AS_OF - pd.to_timedelta(chance.integers(0, 700, 300), unit="D"),
            "amount": chance.integers(1, 9, 300) * 10.0,
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def found(table: pd.DataFrame, *, rule: str = "limits", limits=None, kind: str = "revenue"):
    people = summarise(table, as_of=AS_OF)
    return cutoffs(table, people, as_of=AS_OF, rule=rule, limits=limits or {}, kind=kind)


# by hand


def test_given_limits_are_taken_as_they_are():
    assert found(orders(a=[(3, 1.0)]), limits=OWN) == CutOffs(
        (365.0, 180.0, 90.0, 30.0), (2, 3, 5, 10), (25.0, 50.0, 100.0, 250.0)
    )


def test_limits_that_are_not_given_follow_from_the_rhythm_and_the_median_purchase():
    # Pauses of 10 (ten times) and 100: half and three quarters are over by 10 days.
    table = orders(a=[(10 * i, 20.0) for i in range(11)], b=[(100, 30.0), (0, 30.0)])
    limits = found(table)
    assert limits.recency_days == (55.0, 10.0, 10.0, 10.0)
    assert limits.money == (20.0, 40.0, 80.0, 160.0)
    assert found(table, kind="basket").money == (10.0, 16.0, 25.0, 40.0)
    assert found(table, limits={"money": [1, 2, 3, 4]}).money == (1.0, 2.0, 3.0, 4.0)


def test_by_rank_the_limits_are_those_of_the_money_that_was_asked_for():
    table = random_orders(3)
    people = summarise(table, as_of=AS_OF)
    assert found(table, rule="rank") == segments.cutoffs_of(people)
    year = money(table, people, kind="last_year", as_of=AS_OF)
    assert found(table, rule="rank", kind="last_year") == segments.cutoffs_of(
        people.assign(revenue=year)
    )


def test_money_is_all_revenue_that_of_a_year_or_the_median_basket():
    table = orders(a=[(400, 90.0), (365, 7.0), (364, 10.0), (1, 20.0), (0, -5.0)], b=[(500, 3.0)])
    people = summarise(table, as_of=AS_OF)
    assert money(table, people, kind="revenue", as_of=AS_OF).to_dict() == {"a": 122.0, "b": 3.0}
    assert money(table, people, kind="last_year", as_of=AS_OF).to_dict() == {"a": 25.0, "b": 0.0}
    # The day of returns is no purchase.
    assert money(table, people, kind="basket", as_of=AS_OF).to_dict() == {"a": 15.0, "b": 3.0}


def test_the_table_of_limits_goes_from_the_best_score_down():
    listed = score_rules.table(
        CutOffs((365.0, 180.4, 90.0, -np.inf), (2, 3, 5, 10), (25.0, 50.0, 99.6, np.inf)),
        n_customers=25,
        k=5,
    )
    assert listed.index.tolist() == [5, 4, 3, 2, 1]
    assert listed["orders_from"].tolist() == [10, 5, 3, 2, 1]
    np.testing.assert_equal(listed["recency_days"].to_numpy(), [np.nan, 90, 180, 365, np.nan])
    np.testing.assert_equal(listed["money_from"].to_numpy(), [np.nan, 100, 50, 25, np.nan])
    few = score_rules.table(CutOffs((4, 3, 2, 1), (2, 3, 5, 10), (1, 2, 3, 4)), n_customers=24, k=5)
    assert few[["recency_days", "money_from"]].isna().all(axis=None)


# properties


@pytest.mark.parametrize("kind", score_rules.MONEY)
@pytest.mark.parametrize("rule", score_rules.RULES)
def test_equal_values_get_equal_scores_under_every_rule(rule, kind):
    table = random_orders(7)
    people = summarise(table, as_of=AS_OF)
    amounts = money(table, people, kind=kind, as_of=AS_OF)
    scores = segments.score(people, cutoffs=found(table, rule=rule, kind=kind), money=amounts)
    values = {"r_score": -people["days_since_last"], "f_score": people["n_orders"]}
    for column, of in (values | {"m_score": amounts}).items():
        by_value = scores[column].groupby(of)
        assert (by_value.nunique() == 1).all()
        assert by_value.first().is_monotonic_increasing
        assert scores[column].between(1, 5).all()
    shuffled = table.sample(frac=1, random_state=1)
    assert found(shuffled, rule=rule, kind=kind) == found(table, rule=rule, kind=kind)
    pd.testing.assert_series_equal(money(shuffled, people, kind=kind, as_of=AS_OF), amounts)
    later = orders(zoe=[(-9, 999.0), (-3, 999.0)])
    longer = pd.concat([table, later], ignore_index=True)
    assert found(longer, rule=rule, kind=kind) == found(table, rule=rule, kind=kind)


def test_sums_of_a_year_are_exact_in_any_order():
    table = orders(a=[(i, 0.1) for i in range(10)], b=[(3, 1.0)])
    people = summarise(table, as_of=AS_OF)
    year = money(table, people, kind="last_year", as_of=AS_OF)
    assert year["a"] == year["b"] == 1.0


def test_a_segment_by_fixed_limits_does_not_depend_on_the_others():
    table = random_orders(9)
    people = summarise(table, as_of=AS_OF)
    by = {"as_of": AS_OF, "rule": "limits", "limits": OWN}
    all_of_them = score_rules.segment(table, people, **by)
    some = table[table["customer_id"] < "4"]
    alone = score_rules.segment(some, summarise(some, as_of=AS_OF), **by)
    pd.testing.assert_series_equal(alone, all_of_them.loc[alone.index])
    # By rank it does.
    ranked = score_rules.segment(table, people, as_of=AS_OF, rule="rank", limits={})
    pd.testing.assert_series_equal(ranked, segments.score(people)["segment"])


# messages


def test_limits_that_the_rule_does_not_read_are_refused():
    table = orders(a=[(3, 1.0)])
    with pytest.raises(
        ParameterError, match=r"^score_limits are read with score_rule=limits alone"
    ):
        found(table, rule="rank", limits=OWN)
    with pytest.raises(ParameterError, match=r"^score_limits has \['days'\]"):
        found(table, limits={"days": [1, 2, 3, 4]})
    with pytest.raises(ParameterError, match="is unknown"):
        found(table, rule="quintiles")
    with pytest.raises(ParameterError, match="money_score='sum' is unknown"):
        money(table, summarise(table, as_of=AS_OF), kind="sum", as_of=AS_OF)


def test_without_a_rhythm_the_limits_of_recency_must_be_given():
    table = orders(a=[(3, 10.0)], b=[(5, 10.0)])
    with pytest.raises(DataError, match=r"^nobody bought twice by 2024-12-31; there is no rhythm"):
        found(table)
    assert found(table, limits=OWN).recency_days[-1] == 30
