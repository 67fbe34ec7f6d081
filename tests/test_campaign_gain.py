import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from workbench import campaign_gain, economics
from workbench.offers import Offer
from workbench.schema import DataError

OFFER = Offer(success_rate=0.1, incentive=5.0, contact_cost=0.5, uptake=0.5, fixed_cost=0.0)
NO_SPAN = (math.nan, math.nan)


def people(seed=1, n=300) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    p, spend = chance.uniform(0.02, 0.98, n), chance.gamma(4, 10, n)
    clv = p * spend * chance.uniform(1, 4, n)
    high = np.where(chance.random(n) < 0.2, 0.0, 2 * clv)
    index = pd.Index([f"c{i:04}" for i in range(n)], name="customer_id")
    return pd.DataFrame(
        {"p_purchase": p, "expected_spend": spend, "clv": clv, "value_high": high}, index=index
    )


def everybody(gains: pd.DataFrame) -> pd.Series:
    return pd.Series(True, gains.index)


# by hand


def test_one_customer_by_hand():
    one = pd.DataFrame(
        {"clv": [50.0], "p_purchase": [0.5], "expected_spend": [60.0], "value_high": [140.0]},
        index=["anna"],
    )
    found = campaign_gain.expect(one, offer=OFFER, margin=0.5).loc["anna"]
    # Worth 50 / .5 if he buys; half of 60 with one purchase.
    assert (found["worth"], found["once"]) == (100.0, 30.0)
    assert found["given_away"] == pytest.approx(0.5 + 0.5 * 0.5 * 5)
    assert found["cost"] == pytest.approx(0.5 + (0.25 + 0.05) * 5)
    assert found["gain"] == pytest.approx(0.5 * 0.1 * 95 - 1.75)
    assert found["gain_low"] == pytest.approx(0.5 * 0.1 * 25 - 1.75)
    assert found["gain_high"] == pytest.approx(0.5 * 0.1 * 135 - 1.75)


def test_who_can_hardly_buy_has_a_gain_and_what_is_missing_is_refused():
    lost = people(n=2).assign(p_purchase=[0.0, 0.5], clv=[0.0, 10.0])
    assert campaign_gain.expect(lost, offer=OFFER, margin=1.0).notna().all(axis=None)
    with pytest.raises(DataError, match="1 of 2 customers have no expected spend or value"):
        campaign_gain.expect(lost.assign(clv=[np.nan, 1.0]), offer=OFFER, margin=1.0)


# properties


@pytest.mark.parametrize("seed", range(5))
def test_bounds_hold_the_gain_and_cost_and_return_make_it(seed):
    table = people(seed)
    found = campaign_gain.expect(table.sample(frac=1, random_state=seed), offer=OFFER, margin=0.8)
    assert found.index.tolist() == sorted(table.index)
    assert (found["gain_low"] <= found["gain"] + 1e-12).all()
    assert (found["gain"] <= found["gain_high"] + 1e-12).all()
    returns = found["risk"] * OFFER.success_rate * found["worth"]
    assert (returns - found["cost"]).to_numpy() == pytest.approx(found["gain"].to_numpy())


def test_customers_alike_gain_what_their_group_does():
    alike = people(n=1).loc[np.repeat("c0000", 4)].set_axis(list("abcd"))
    by = pd.Series("alle", alike.index, name="customer_group")
    card = economics.thresholds(economics.groups(alike, by=by, margin=1.0), offer=OFFER).loc["alle"]
    found = campaign_gain.expect(alike, offer=OFFER, margin=1.0)
    assert found["gain"].to_numpy() == pytest.approx(card["gain_each"])
    assert found["cost"].to_numpy() == pytest.approx(card["cost_each"])


@pytest.mark.parametrize("fixed", [0.0, 40.0])
def test_at_the_break_even_a_list_earns_nothing(fixed):
    offer = dataclasses.replace(OFFER, fixed_cost=fixed)
    table = people()
    gains = campaign_gain.expect(table, offer=offer, margin=1.0)
    span = {"value_span": (0.8, 1.3), "seed": 3}
    found = campaign_gain.of_list(gains, listed=everybody(gains), offer=offer, **span)
    assert found.index.tolist() == list(campaign_gain.SCENARIOS)
    for scenario, rate in found["break_even"].items():
        bare = dataclasses.replace(offer, success_rate=rate)
        again = campaign_gain.of_list(gains, listed=everybody(gains), offer=bare, **span)
        assert again.loc[scenario, "list_gain"] == pytest.approx(0, abs=1e-9)
    assert (found["list_gain_low"] < found["list_gain"]).all()
    assert (found["list_gain"] < found["list_gain_high"]).all()
    assert found.loc["as_others", "list_gain"] == pytest.approx(gains["gain"].sum() - fixed)


def test_an_offer_dearer_than_what_it_saves_never_pays():
    dear = dataclasses.replace(OFFER, incentive=1e6)
    gains = campaign_gain.expect(people(), offer=dear, margin=1.0)
    how = {"offer": dear, "value_span": NO_SPAN, "seed": 3}
    found = campaign_gain.of_list(gains, listed=everybody(gains), **how)
    assert found.index.tolist() == ["as_others", "once"]
    assert found["break_even"].isna().all()


def test_a_list_of_nobody_costs_nothing():
    dear = dataclasses.replace(OFFER, fixed_cost=100.0)
    gains = campaign_gain.expect(people(n=20), offer=dear, margin=1.0)
    how = {"offer": dear, "value_span": NO_SPAN, "seed": 3}
    assert campaign_gain.of_list(gains, listed=~everybody(gains), **how)["list_gain"].eq(0).all()
    found = campaign_gain.of_list(gains.iloc[:0], listed=pd.Series(dtype=bool), **how)
    assert found["list_gain"].eq(0).all()
