import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from workbench import campaign_lists, control_groups, formats, measure_plots
from workbench.crm_gate import CONTROL, TARGET


def gains(seed=1, n=400) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    index = pd.Index([f"c{i:04}" for i in range(n)], name="customer_id")
    table = {"gain": chance.normal(1, 2, n).round(1), "cost": chance.choice([0.5, 1.0, 2.0], n)}
    return pd.DataFrame(table, index=index)


def planned(table, *, budget, share, fixed=0.0, least=5, seed=3):
    """The list, and who of it is contacted, as the page makes both."""
    costs = {"budget": budget, "fixed_cost": fixed}
    ranked = campaign_lists.rank(table, control_share=share, **costs)
    people = table.assign(customer_group="A", clv=table["gain"]).loc[ranked.listed]
    group = control_groups.draw(people, share=share, seed=seed)
    return campaign_lists.cut(ranked, group=group, least=least, **costs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [20.0, 90.0, 160.0])
@pytest.mark.parametrize("fixed", [0.0, 5.0])
def test_who_is_contacted_costs_what_fits_into_the_budget_and_never_more(seed, budget, fixed):
    table = gains(seed)
    ranked, group = planned(table, budget=budget, share=0.2, fixed=fixed, seed=seed)
    assert group.index.tolist() == sorted(ranked.listed)
    paid = table.loc[group.index[group == TARGET], "cost"].sum() + fixed
    assert paid <= budget
    assert ranked.length == ranked.best or budget - paid < 2.0
    assert abs((group == CONTROL).mean() - 0.2) < 0.1


def test_a_control_group_of_too_few_is_none():
    table = gains(n=30).assign(gain=2.0, cost=1.0)
    for budget, contacted in ((0.0, 30), (12.0, 12)):
        _, group = planned(table, budget=budget, share=0.1, least=5)
        assert (group == TARGET).all()
        assert len(group) == contacted
    assert (planned(table, budget=0.0, share=0.1, least=3)[1] == CONTROL).sum() == 3


def test_a_list_pays_only_if_those_who_are_contacted_earn_the_fixed_cost():
    table = gains(n=40).assign(gain=1.0, cost=1.0)
    assert planned(table, budget=0.0, share=0.2, fixed=31.0)[0].length == 40
    for budget in (0.0, 100.0):
        ranked, group = planned(table, budget=budget, share=0.2, fixed=33.0)
        assert (ranked.best, ranked.length, len(group)) == (0, 0, 0)
    ranked, group = planned(table, budget=40.0, share=0.2, fixed=21.0)
    assert (ranked.best, ranked.length, len(group)) == (40, 0, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [0.0, 7.0, 50.0, 1e9])
@pytest.mark.parametrize("fixed", [0.0, 5.0])
def test_no_other_length_brings_more_and_the_budget_holds(seed, budget, fixed):
    table = gains(seed)
    found, _ = planned(table, budget=budget, share=0.0, fixed=fixed)
    assert (table.loc[found.listed, "gain"] > 0).all()
    total = table.loc[found.listed, "gain"].sum() - fixed
    if budget:
        affordable = found.table[found.table["total_cost"] <= budget]
        assert table.loc[found.listed, "cost"].sum() + fixed <= budget + 1e-9 or not found.length
        assert found.length == 0 or total == pytest.approx(affordable["total_gain"].max())
    else:
        assert total == pytest.approx(max(0, found.table["total_gain"].max()))
    yields = (found.table["gain"] / found.table["cost"]).iloc[: found.length]
    assert budget == 0 or (np.diff(yields) <= 1e-12).all()


def test_equal_customers_follow_by_id_and_free_ones_come_first():
    table = pd.DataFrame(
        {"gain": [1.0, 1.0, 0.2, 2.0], "cost": [1.0, 1.0, 0.0, 2.0]}, index=list("bacd")
    )
    found, _ = planned(table, budget=3.0, share=0.0)
    assert found.table.index.tolist() == ["c", "d", "a", "b"]
    assert found.listed.tolist() == ["c", "d", "a"]
    assert found.limited


def test_a_fixed_cost_that_no_list_earns_leaves_nobody():
    found = campaign_lists.rank(gains(n=5), budget=0.0, fixed_cost=1e6, control_share=0.0)
    assert (found.best, found.length) == (0, 0)
    assert not campaign_lists.rank(
        gains().iloc[:0], budget=0.0, fixed_cost=1.0, control_share=0.0
    ).length


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [0.0, 40.0, 170.0])
def test_the_curve_shows_no_two_lists_nearer_than_k(seed, budget):
    ranked, _ = planned(gains(seed), budget=budget, share=0.0, fixed=3.0)
    table = campaign_lists.curve(ranked, k=9)
    shown = table["list_gain"].dropna()
    named = {0, ranked.length, *shown.index}
    assert min(np.diff(sorted(named))) >= 9
    assert ranked.length in shown.index
    for length, gain in shown.items():
        assert gain == pytest.approx(ranked.table["gain"].iloc[:length].sum() - 3.0)


def test_a_curve_ends_where_too_few_are_left():
    table = gains(n=30).assign(gain=[*[2.0] * 27, -1.0, -1.0, -1.0])
    ranked = campaign_lists.rank(table, budget=0.0, fixed_cost=0.0, control_share=0.0)
    assert campaign_lists.curve(ranked, k=5).index.max() == 27
    few = campaign_lists.rank(table.iloc[:3], budget=0.0, fixed_cost=0.0, control_share=0.0)
    assert campaign_lists.curve(few, k=5).empty


def test_the_drawing_marks_the_best_length_and_that_of_the_budget():
    style = formats.style(locale="de_DE", currency="EUR")
    ranked, _ = planned(gains(), budget=40.0, share=0.0, fixed=3.0)
    table = campaign_lists.curve(ranked, k=5)
    ends = {"best": ranked.best, "length": ranked.length}
    ax = measure_plots.plot_list_gain(table, **ends, style=style)
    marks = {line.get_label(): float(line.get_xdata()[0]) for line in ax.get_lines()}
    assert marks["beste Länge"] == ranked.best
    assert marks["so weit reicht das Budget"] == ranked.length < ranked.best
    plt.close(ax.figure)


def test_groups_add_up():
    table = gains()
    group = pd.Series(np.where(np.arange(400) % 3, "A", "B"), table.index, name="customer_group")
    reason = pd.Series("former", table.index).mask(table["cost"] < 2, "not_worth")
    reason = reason.mask((reason == "not_worth") & (table["gain"] > 0), "")
    found = campaign_lists.by_group(table, group=group, reason=reason)
    assert (found["candidates"] == found["listed"] + found["passed_over"]).all()
    assert (found["customers"] == found["candidates"] + found["outside"]).all()
    assert found["customers"].sum() == 400
    assert found["list_gain"].sum() == pytest.approx(table.loc[reason == "", "gain"].sum())
