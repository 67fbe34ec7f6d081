import numpy as np
import pandas as pd
import pytest

from workbench.customer_groups import (
    GROUPS,
    Overlap,
    cards,
    main_segments,
    overlap,
    place,
    with_kinds,
)
from workbench.lifecycle import STATES

SEEDS = range(20)


def people(n_orders: list[int], revenue: list[float], **more: list[float]) -> pd.DataFrame:
    index = pd.Index([f"c{i:03d}" for i in range(len(n_orders))], name="customer_id")
    return pd.DataFrame({"n_orders": n_orders, "revenue": revenue} | more, index=index)


def random_people(seed: int, n: int = 150) -> tuple[pd.DataFrame, pd.Series]:
    chance = np.random.default_rng(seed)
    n_orders = chance.geometric(0.4, n)
    table = people(
        n_orders.tolist(),
        (chance.integers(1, 9, n) * 10.0).tolist(),
        frequency=(n_orders - 1).tolist(),
        recency=(30.0 * (n_orders - 1)).tolist(),
    )
    once, repeat = np.array(STATES[:2]), np.array(STATES[2:])
    names = np.where(n_orders == 1, chance.choice(once, n), chance.choice(repeat, n))
    return table, pd.Series(names, index=table.index, name="state")


# by hand


def test_a_group_follows_from_purchases_state_and_revenue():
    table = people([1, 1, 2, 3, 4, 2, 4, 9], [5.0, 5, 20, 30, 40, 20, 40, 500])
    state = pd.Series(
        [
            "Aktivierung",
            "Einmalkäufer (still)",
            "Bindung aktiv",
            "Bindung gefährdet",
            "Reaktiviert",
            "Rückgewinnung",
            "Rückgewinnung",
            "Bindung gefährdet",
        ],
        index=table.index,
    )
    # Five are still there; the one with 500 alone has a rank above 4.5.
    assert place(table, state=state).tolist() == [
        "Neukunden",
        "Einmalkäufer",
        "Wiederkäufer",
        "Wiederkäufer",
        "Stammkunden",
        "Gelegenheitskäufer",
        "Überfällige Stammkunden",
        "VIP-Kunden",
    ]
    assert overlap(table, state=state) == Overlap(regular=2, vip=1, both=1)


def test_who_bought_once_or_is_gone_is_no_vip_however_much_it_was():
    table = people([1, 5, 2, 2], [9000.0, 9000, 10, 20])
    state = pd.Series(["Aktivierung", "Rückgewinnung", "Bindung aktiv", "Bindung aktiv"])
    found = place(table, state=state.set_axis(table.index))
    assert found.tolist() == [
        "Neukunden",
        "Überfällige Stammkunden",
        "Wiederkäufer",
        "Wiederkäufer",
    ]


def test_customers_with_the_same_revenue_are_vips_together_or_not_at_all():
    table = people([2] * 20, [10.0] * 18 + [99.0] * 2)
    state = pd.Series("Bindung aktiv", index=table.index)
    assert (place(table, state=state) == "VIP-Kunden").sum() == 2
    tied = people([2] * 20, [10.0] * 12 + [99.0] * 8)
    # The lowest rank of the eight is 13, not above 18.
    assert (place(tied, state=state) == "VIP-Kunden").sum() == 0


def test_a_card_describes_its_customers():
    table = people([1, 2, 4], [10.0, 30, 80], frequency=[0, 1, 3], recency=[0.0, 40, 60])
    names = pd.Series(["Neukunden", "Stammkunden", "Stammkunden"], table.index, name="group")
    scores = pd.DataFrame(
        {"p_purchase": [0.2, 0.4, 0.8], "clv_revenue": [1.0, 3.0, 6.0]}, index=table.index
    )
    found = cards(table, names.iloc[::-1], order=GROUPS, scores=scores)
    assert found.index.tolist() == ["Stammkunden", "Neukunden"] and found.index.name == "group"
    assert found.loc["Stammkunden"].to_dict() == pytest.approx(
        {
            "customers": 2,
            "customer_share": 2 / 3,
            "revenue": 110.0,
            "revenue_share": 110 / 120,
            "median_basket": 17.5,
            "median_gap": 30.0,
            "p_purchase": 0.6,
            "expected_revenue": 9.0,
            "expected_share": 0.9,
        }
    )
    assert np.isnan(found.loc["Neukunden", "median_gap"])
    without = cards(table, names, order=GROUPS)
    assert without[["p_purchase", "expected_revenue", "expected_share"]].isna().all(axis=None)


def test_groups_and_states_have_the_same_kinds():
    kinds = with_kinds(pd.DataFrame(index=pd.Index(GROUPS)))
    assert kinds.index[kinds["kind"] == "once"].tolist() == ["Neukunden", "Einmalkäufer"]
    assert kinds.groupby("presence").size().to_dict() == {"gone": 2, "once": 2, "there": 3}


def test_the_segments_that_make_up_a_fifth_of_a_group_are_named():
    group = pd.Series(["VIP-Kunden"] * 100 + ["Neukunden"] * 4, name="customer_group")
    names = ["Ruhende"] * 30 + ["Aufsteiger"] * 51 + ["Gefährdete"] * 19 + ["Erstkäufer"] * 4
    found = main_segments(group, pd.Series(names, name="segment"), k=5)
    assert found.to_dict() == {"VIP-Kunden": "Aufsteiger, Ruhende", "Neukunden": ""}


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_every_customer_is_in_exactly_one_group_and_the_order_of_rows_changes_nothing(seed):
    table, state = random_people(seed)
    before = table.copy()
    found = place(table, state=state)
    assert found.index.equals(table.index) and found.isin(GROUPS).all()
    assert found.name == "customer_group"
    shuffled = place(table.sample(frac=1, random_state=seed), state=state.iloc[::-1])
    pd.testing.assert_series_equal(shuffled.sort_index(), found)
    pd.testing.assert_frame_equal(table, before)
    # Groups and states divide the customers along the same lines.
    is_gone = found.isin(["Gelegenheitskäufer", "Überfällige Stammkunden"])
    assert (is_gone == (state == "Rückgewinnung")).all()
    assert ((found == "Neukunden") == (state == "Aktivierung")).all()
    both = overlap(table, state=state)
    assert both.vip == (found == "VIP-Kunden").sum()
    assert both.regular - both.both == (found == "Stammkunden").sum()
    is_there = ~state.isin(["Rückgewinnung", "Einmalkäufer (still)"])
    assert both.vip <= 0.1 * is_there.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_cards_add_up_to_the_base(seed):
    table, state = random_people(seed)
    found = cards(table, place(table, state=state), order=GROUPS)
    assert found["customers"].sum() == len(table)
    assert found["revenue"].sum() == pytest.approx(table["revenue"].sum())
    assert found["revenue_share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_in_cents_gives_the_same_groups(seed):
    table, state = random_people(seed)
    cents = table.assign(revenue=table["revenue"] * 100)
    pd.testing.assert_series_equal(place(cents, state=state), place(table, state=state))
