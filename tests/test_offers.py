import dataclasses

import numpy as np
import pandas as pd
import pytest

from workbench import offers
from workbench.offers import Offer
from workbench.schema import DataError

SEEDS = range(20)
OFFER = Offer(success_rate=0.3, incentive=10, contact_cost=1, uptake=1, fixed_cost=0)


def customers(seed: int, n: int = 300) -> tuple[pd.Series, pd.Series]:
    """Draw risks and values."""
    random = np.random.default_rng(seed)
    index = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")
    risk = pd.Series(random.beta(1, 4, n).round(6), index=index)
    return risk, pd.Series(random.gamma(1, 150, n).round(2), index=index)


def changed(**fields: float) -> Offer:
    return dataclasses.replace(OFFER, **fields)


# By hand


def test_the_gain_of_a_contact_is_what_is_saved_less_what_is_given_away():
    risk = pd.Series({"ben": 0.5, "anna": 0.9, "cem": 0.0})
    value = pd.Series({"anna": 20.0, "ben": 200.0, "cem": 500.0})
    gain = offers.expected_gain(risk, clv=value, offer=changed(uptake=0.5))
    assert list(gain.index) == ["anna", "ben", "cem"]
    # .9 x .3 x 10 - .1 x .5 x 10 - 1; .5 x .3 x 190 - .5 x .5 x 10 - 1; - .5 x 10 - 1
    assert gain.to_numpy() == pytest.approx([1.2, 25.0, -6.0])


def test_break_even_knows_offers_that_cost_nothing_and_those_that_never_pay():
    assert offers.break_even_share(5, offer=changed(incentive=0, contact_cost=0)) == 0
    assert offers.break_even_share(5, offer=changed(uptake=0)) == np.inf
    assert offers.break_even_share(20, offer=changed(uptake=0)) == pytest.approx(1 / 3)


def test_the_three_rankings_are_gain_risk_and_lot():
    risk, value = pd.Series({"b": 0.5, "a": 0.9}), pd.Series({"a": 20.0, "b": 200.0})
    table = offers.rankings(risk, clv=value, offer=OFFER)
    assert table.index.tolist() == ["a", "b"]
    assert table["by_gain"].tolist() == pytest.approx([0.7, 22.5])
    assert table["by_risk"].tolist() == [0.9, 0.5]
    assert table["by_lot"].nunique() == 1


def test_nobody_contacted_is_no_campaign_and_costs_nothing():
    known = {"customers": 100, "churn_rate": 0.1, "lift": 1, "offer": changed(fixed_cost=50)}
    assert offers.campaign_profit(200, contacted_share=0, **known) == 0


# Properties


def test_a_list_of_this_share_of_leavers_breaks_even():
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        offer = Offer(*random.uniform(0.05, 1, 4), 0)
        clv = random.uniform(5, 50)
        share = offers.break_even_share(clv, offer=offer)
        if share <= 1:
            gain = offers.campaign_profit(
                clv, customers=100, contacted_share=1, churn_rate=share, lift=1, offer=offer
            )
            assert gain == pytest.approx(0, abs=1e-9)


def test_contacting_whom_the_gain_is_positive_for_beats_every_list_by_risk():
    for seed in SEEDS:
        risk, value = customers(seed)
        gain = offers.expected_gain(risk, clv=value, offer=OFFER)
        by_risk = gain.loc[risk.sort_values(ascending=False).index].cumsum()
        assert gain[gain > 0].sum() >= by_risk.max()


def test_the_order_of_rows_changes_nothing_and_cents_are_euros():
    for seed in SEEDS:
        risk, value = customers(seed)
        before = risk.copy(), value.copy()
        gain = offers.expected_gain(risk, clv=value, offer=OFFER)
        shuffled = risk.sample(frac=1, random_state=seed)
        assert offers.expected_gain(shuffled, clv=value[::-1], offer=OFFER).equals(gain)
        cents = changed(incentive=1000, contact_cost=100)
        in_cents = offers.expected_gain(risk, clv=100 * value, offer=cents)
        assert in_cents.to_numpy() == pytest.approx(100 * gain.to_numpy())
        assert risk.equals(before[0]) and value.equals(before[1])


# Against an authority


def test_break_even_is_that_of_neslins_formula():
    # (delta + c) / (gamma CLV + delta (1 - gamma)) = 11 / 67
    assert offers.break_even_share(200, offer=OFFER) == pytest.approx(11 / 67)
    assert offers.break_even_share(200, offer=OFFER) == pytest.approx(0.164, abs=5e-4)
    for churn_rate, lift in ((0.05, 3.3), (0.10, 1.6)):
        needed = offers.break_even_lift(200, churn_rate=churn_rate, offer=OFFER)
        assert needed == pytest.approx(lift, abs=0.05)
    assert offers.break_even_lift(200, churn_rate=0.20, offer=OFFER) < 1


def test_the_campaign_profit_is_that_of_neslins_formula():
    profit = offers.campaign_profit(
        200,
        customers=10_000,
        contacted_share=0.1,
        churn_rate=0.05,
        lift=4,
        offer=changed(fixed_cost=500),
    )
    # N a ((gamma CLV + delta (1 - gamma)) beta lambda - delta - c) - A
    assert profit == pytest.approx(10_000 * 0.1 * ((60 + 7) * 0.05 * 4 - 10 - 1) - 500)


# Messages


def test_a_customer_without_a_value_is_refused_and_counted():
    risk, value = customers(9)
    value.iloc[[3, 5]] = np.nan
    with pytest.raises(
        DataError, match=r"2 of 300 values of 'clv' are missing or infinite\. Leave"
    ):
        offers.expected_gain(risk, clv=value, offer=OFFER)


def test_other_customers_and_what_is_no_probability_are_refused_and_counted():
    risk, value = customers(10)
    with pytest.raises(DataError, match="1 customers are only in 'clv' or only in the ranking"):
        offers.expected_gain(risk, clv=value.iloc[1:], offer=OFFER)
    with pytest.raises(DataError, match="'p_churn' holds a customer twice"):
        offers.expected_gain(pd.concat([risk, risk]), clv=value, offer=OFFER)
    with pytest.raises(DataError, match=r"300 of 300 values of 'p_churn' are outside 0 \.\.\. 1"):
        offers.expected_gain(risk + 1.1, clv=value, offer=OFFER)


def test_parameters_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match=r"success_rate=1\.5 must be between 0 and 1"):
        changed(success_rate=1.5)
    with pytest.raises(ValueError, match="uptake=nan must be between 0 and 1"):
        changed(uptake=float("nan"))
    with pytest.raises(ValueError, match="contact_cost=-1 must be 0 or more"):
        changed(contact_cost=-1)
    with pytest.raises(ValueError, match="clv=nan must be a finite amount"):
        offers.break_even_share(float("nan"), offer=OFFER)
    with pytest.raises(ValueError, match="churn_rate=0 must be above 0"):
        offers.break_even_lift(200, churn_rate=0, offer=OFFER)
    with pytest.raises(ValueError, match=r"churn_rate \* lift=1\.5 must be between 0 and 1"):
        offers.campaign_profit(
            200, customers=9, contacted_share=1, churn_rate=0.5, lift=3, offer=OFFER
        )
