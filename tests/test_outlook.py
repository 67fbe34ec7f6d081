import pandas as pd
import pytest

from workbench import (
    backtests,
    candidates,
    clv,
    gates,
    outlook,
    published_model,
    purchase_models,
    spend_models,
    summary,
)
from workbench.outlook import look_ahead
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("1998-06-30")
FIRST = pd.Timestamp("1997-01-01")
TERMS = {"holdout_days": 0, "horizon_days": 365, "annual_discount_rate": 0.1}


def looked(orders: pd.DataFrame, *, as_of: pd.Timestamp = AS_OF) -> outlook.Outlook:
    people = summary.summarise(orders, as_of=as_of)
    known = lambda day: orders[orders["date"] <= day]  # noqa: E731
    return look_ahead(orders, people, as_of=as_of, first_day=FIRST, known=known, **TERMS)


@pytest.fixture(scope="module")
def found(sample_orders) -> outlook.Outlook:
    return looked(sample_orders)


# against an authority: the steps of the page on customer value, one by one


def test_it_says_what_the_page_on_value_says(sample_orders, found):
    people = summary.summarise(sample_orders, as_of=AS_OF)
    placed = backtests.origins(sample_orders, as_of=AS_OF, horizon_days=273, first_day=FIRST)
    tested = backtests.run(
        sample_orders,
        origins=placed.days,
        horizon_days=273,
        models=candidates.forecasters(days=273),
        as_of=AS_OF,
        spend=candidates.money,
    )
    choice = gates.choose(tested)
    published = published_model.take(summary.profiles(people), choice=choice)
    assert found.model == published.model
    assert found.judged == gates.verdict(tested, model=published.model.name)
    paid = gates.money_verdict(tested, model=published.model.name)
    assert found.usable == gates.is_usable(found.judged, paid=paid)
    spend = spend_models.choose(sample_orders, summary=people).model
    amount = spend_models.expected_spend(spend, people)
    scores = clv.score(
        published.model,
        people,
        expected_spend=amount,
        horizon_days=365,
        annual_discount_rate=0.1,
        margin=1.0,
    )
    pd.testing.assert_frame_equal(found.scores, scores)


def test_p_alive_of_an_earlier_day_is_that_of_a_model_of_that_day(sample_orders, found):
    then = summary.summarise(sample_orders, as_of=pd.Timestamp("1997-12-31"))
    alive = outlook.p_alive_then(then, model=found.model)
    fitted = purchase_models.fit(found.model.name, summary.profiles(then))
    pd.testing.assert_series_equal(alive, purchase_models.p_alive(fitted, then))


# properties


def test_one_time_buyers_have_a_chance_of_their_own(found, sample_orders):
    people = summary.summarise(sample_orders, as_of=AS_OF)
    once = found.scores.loc[people["frequency"] == 0]
    assert once["p_purchase"].between(0.02, 0.5).all()
    assert once["p_purchase"].nunique() > 1


# messages


def test_a_day_with_too_few_data_leaves_everybody_alive(sample_orders, found):
    then = summary.summarise(sample_orders, as_of=pd.Timestamp("1997-01-02"))
    assert (outlook.p_alive_then(then, model=found.model) == 1).all()


def test_data_too_short_for_a_test_are_used_untested(sample_orders):
    end = pd.Timestamp("1997-03-31")
    untested = look_ahead(
        sample_orders[sample_orders["date"] <= end],
        summary.summarise(sample_orders, as_of=end),
        as_of=end,
        first_day=FIRST,
        known=lambda day: sample_orders[sample_orders["date"] <= day],
        holdout_days=80,
        horizon_days=365,
        annual_discount_rate=0.1,
    )
    assert untested.judged is None and untested.usable


def test_one_time_buyers_alone_bear_no_model(sample_orders):
    once = sample_orders.drop_duplicates("customer_id")
    with pytest.raises(TooFewData):
        looked(once)
