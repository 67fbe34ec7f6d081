from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench import ageing, purchase_models, segments, summary, synthetic
from workbench.ageing import later_summary
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchases import BgNbd
from workbench.schema import NotIdentified, TooFewData, check_summary

DAY, END = pd.Timestamp("2024-06-30"), pd.Timestamp("2024-12-31")
DAYS = (END - DAY).days
FOUR = np.zeros((4, 4)).tolist()
MODELS = {
    "bg_nbd": BgNbd(0.8, 60.0, 0.6, 3.0, FOUR, -1.0, 9, 9, 1.0),
    "mbg_nbd": MbgNbd(0.8, 60.0, 0.6, 3.0, FOUR, -1.0, 9, 9, 1.0),
    "pareto_nbd": ParetoNbd(0.8, 60.0, 0.6, 200.0, FOUR, -1.0, 9, 9, 1.0),
    "nbd": Nbd(0.8, 60.0, [[0.0, 0.0], [0.0, 0.0]], -1.0, 9, 9, 1.0),
}


def world(seed: int, *, later: float = 1.0, n: int = 500) -> pd.DataFrame:
    """Customers of BG/NBD, who from the earlier day on buy `later` times as often."""
    start = pd.Timestamp("2023-01-01")
    demand = np.ones((END - start).days + 1)
    demand[-DAYS:] = later
    return synthetic.orders(
        "bg_nbd",
        parameters={"r": 0.8, "alpha": 60, "a": 0.6, "b": 3},
        **{"p": 6, "q": 4, "v": 60},
        n_customers=n,
        start=start,
        acquisition_days=400,
        end=END,
        seed=seed,
        demand=demand,
    )


def compared(orders: pd.DataFrame, *, seed: int = 1, n_draws: int = 100) -> ageing.Chance:
    earlier = summary.summarise(orders, as_of=DAY)
    cutoffs = segments.cutoffs_of(earlier)
    after = segments.score(summary.summarise(orders, as_of=END), cutoffs=cutoffs)["segment"]
    model = ageing.fit(summary.profiles(earlier))
    return ageing.compare(
        model, earlier, after=after, cutoffs=cutoffs, days=DAYS, seed=seed, n_draws=n_draws
    )


def one_customer(n: int) -> pd.DataFrame:
    """The same customer n times: five repeat purchases, the last of them a while ago."""
    return pd.DataFrame(
        {
            "frequency": 5,
            "recency": 150.0,
            "T": 200.0,
            "days_since_last": 50.0,
            "n_orders": 6,
            "revenue": 60.0,
        },
        index=pd.RangeIndex(n).astype(str),
    )


# by hand and against an authority


@pytest.mark.parametrize("name", MODELS)
def test_a_drawn_future_has_the_purchases_that_the_model_expects(name):
    model, people = MODELS[name], one_customer(40_000)
    # So long a future, and purchases so rare, that two seldom fall on one day.
    model = replace(model, alpha=600.0)
    drawn = later_summary(model, people, days=2000, generator=np.random.default_rng(1))
    bought = drawn["n_orders"] - 6
    expected = purchase_models.expected_purchases(model, people.iloc[:1], days=2000).item()
    assert bought.mean() == pytest.approx(expected, rel=0.02)
    chance = 1 - purchase_models.p_no_purchase(model, people.iloc[:1], days=2000).item()
    assert (bought > 0).mean() == pytest.approx(chance, abs=0.01)


@pytest.mark.parametrize("name", MODELS)
def test_a_drawn_future_is_a_summary_of_a_later_day(name):
    people = summary.summarise(world(1), as_of=DAY)
    before = people.copy()
    later = later_summary(MODELS[name], people, days=DAYS, generator=np.random.default_rng(2))
    check_summary(later)
    pd.testing.assert_frame_equal(people, before)
    assert (later["T"] == people["T"] + DAYS).all()
    assert (later["days_since_last"] == later["T"] - later["recency"]).all()
    same = later["n_orders"] == people["n_orders"]
    assert 0 < same.sum() < len(people)
    assert (later["recency"] == people["recency"])[same].all()
    assert (later["recency"] > people["T"])[~same].all()
    assert (later["n_orders"] - people["n_orders"]).max() <= DAYS


def test_the_model_that_describes_the_customers_best_is_taken():
    profiles = summary.profiles(summary.summarise(world(3, n=2000), as_of=DAY))
    model = ageing.fit(profiles)
    others = [purchase_models.criteria(m).bic for m in purchase_models.fit_all(profiles).values()]
    assert purchase_models.criteria(model).bic == min(others)
    assert model.name == "bg_nbd"


# properties


def test_where_nothing_changes_chance_explains_the_ways():
    """Eight of 160 such worlds fell below 0.05 when this was measured; one of four may."""
    p_values = [compared(world(seed), n_draws=40).p_value for seed in range(4)]
    assert sum(p < 0.05 for p in p_values) <= 1


@pytest.mark.parametrize("seed", range(2))
def test_where_everybody_buys_half_as_often_chance_does_not(seed):
    found = compared(world(seed, later=0.5), n_draws=40)
    assert found.p_value < 0.05
    assert found.distance - found.usual > 0.02


def test_expected_ways_of_a_group_add_up_to_its_customers_in_any_order_of_rows():
    orders = world(5)
    found = compared(orders, n_draws=15)
    mixed = compared(orders.sample(frac=1, random_state=1), n_draws=15)
    pd.testing.assert_frame_equal(found.flows, mixed.flows)
    assert found[1:] == mixed[1:]
    earlier = summary.summarise(orders, as_of=DAY)
    sizes = segments.score(earlier)["segment"].value_counts()
    expected = found.flows["expected_customers"].groupby("before").sum()
    assert expected[expected > 0].round(6).to_dict() == sizes.astype(float).to_dict()
    assert (found.flows["expected_low"] <= found.flows["expected_high"]).all()


def test_of_a_large_base_a_part_stands_for_all(monkeypatch):
    orders = world(6)
    whole = compared(orders, n_draws=15)
    monkeypatch.setattr(ageing, "MAX_CUSTOMERS", 200)
    part = compared(orders, n_draws=15)
    n = summary.summarise(orders, as_of=DAY).shape[0]
    assert part.flows["expected_customers"].sum() == pytest.approx(n)
    assert part.moved == pytest.approx(whole.moved, abs=0.1)


# messages


def test_too_few_repeat_buyers_are_counted():
    orders = world(1).drop_duplicates("customer_id")
    with pytest.raises(TooFewData):
        ageing.fit(summary.profiles(summary.summarise(orders, as_of=DAY)))


def test_customers_whom_no_model_describes_are_refused(monkeypatch):
    monkeypatch.setattr(purchase_models, "collapsed", lambda model: "flat_ridge")
    profiles = summary.profiles(summary.summarise(world(1), as_of=DAY))
    with pytest.raises(NotIdentified, match=r"^none of the 4 purchase models describes"):
        ageing.fit(profiles)
