import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench import trial_power


def simulated(base: float, effect: float, *, target: int, control: int) -> float:
    """Power by the exact binomial chances of every pair of counts."""
    x, y = np.arange(control + 1), np.arange(target + 1)
    p, q = x[:, None] / control, y[None, :] / target
    pooled = (x[:, None] + y[None, :]) / (control + target)
    error = np.sqrt(pooled * (1 - pooled) * (1 / control + 1 / target))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(error > 0, (q - p) / error, 0) > stats.norm.isf(0.025)
    chance_x = stats.binom.pmf(x, control, base)
    chance_y = stats.binom.pmf(y, target, base + effect)
    return float(chance_x @ found @ chance_y)


def test_power_and_size_agree_with_r_and_with_another_formula(monkeypatch):
    # The examples of R's manual: power.prop.test(n = 50, p1 = .50, p2 = .75) gives 0.740, and
    # power.prop.test(p1 = .50, p2 = .75, power = .90) gives n = 76.7.
    assert round(trial_power.power(0.50, 0.25, target=50, control=50), 3) == 0.740
    monkeypatch.setattr(trial_power, "POWER", 0.9)
    assert trial_power.customers_needed(0.50, 0.25) == math.ceil(76.7)
    monkeypatch.undo()
    # Cohen's arcsine formula for 10 against 13 %: another road to nearly the same place.
    h = 2 * (math.asin(math.sqrt(0.13)) - math.asin(math.sqrt(0.10)))
    z = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    assert trial_power.customers_needed(0.10, 0.03) == pytest.approx(2 * (z / h) ** 2, rel=0.005)


@pytest.mark.parametrize(
    ("base", "effect", "target", "control"),
    [(0.1, 0.03, 1774, 1774), (0.3, 0.1, 800, 200), (0.65, 0.14, 388, 97)],
)
def test_power_is_that_of_all_counts_that_can_come(base, effect, target, control):
    exact = simulated(base, effect, target=target, control=control)
    found = trial_power.power(base, effect, target=target, control=control)
    assert found == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize("base", [0.02, 0.1, 0.5])
def test_the_smallest_visible_effect_has_the_power_and_the_size_that_it_needs(base):
    effect = trial_power.visible_share(base, target=800, control=200)
    assert trial_power.power(base, effect, target=800, control=200) == pytest.approx(0.8)
    n = trial_power.customers_needed(base, 0.03)
    visible = trial_power.visible_share(base, target=n, control=n)
    assert visible == pytest.approx(0.03, rel=0.01)
    assert visible <= 0.03


def test_what_cannot_be_shown_is_missing():
    assert math.isnan(trial_power.visible_share(0.9, target=20, control=2))
    assert math.isnan(trial_power.visible_share(1.0, target=20, control=20))
    assert math.isnan(trial_power.visible_share(0.1, target=20, control=0))
    assert math.isnan(trial_power.visible_mean(10, target=20, control=0))
    assert math.isnan(trial_power.customers_needed(0.99, 0.02))
    assert math.isnan(trial_power.customers_needed(0.5, 0.0))


def test_a_mean_that_is_just_visible_is_found_in_four_of_five_trials():
    chance = np.random.default_rng(5)
    gap = trial_power.visible_mean(10, target=400, control=100)
    ours = chance.normal(50 + gap, 10, (3000, 400))
    theirs = chance.normal(50, 10, (3000, 100))
    p = stats.ttest_ind(ours, theirs, axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.025)


def test_halves_show_most_and_a_fifth_a_quarter_less():
    of_list = {"base": 0.2, "deviation": 30.0, "gain": 500.0}
    table = trial_power.splits(1000, shares=[0.5, 0.2, 0.1], **of_list)
    assert table.index.tolist() == [0.1, 0.2, 0.5]
    assert (table["target"] + table["control"] == 1000).all()
    assert table["visible_revenue"].to_numpy() / table.loc[0.5, "visible_revenue"] == (
        pytest.approx([5 / 3, 1.25, 1.0])
    )
    assert table["forgone"].tolist() == [50.0, 100.0, 250.0]


def test_two_windows_one_after_the_other_are_the_horizon():
    p = pd.Series([0.0, 0.3, 0.95, 1.0])
    one = trial_power.in_window(p, of_days=365, days=56)
    rest = trial_power.in_window(p, of_days=365, days=309)
    assert (1 - (1 - one) * (1 - rest)).to_numpy() == pytest.approx(p.to_numpy())
    assert one.iloc[1] == pytest.approx(0.0532, abs=1e-4)


def test_a_group_that_is_drawn_is_taken_as_it_is():
    of_list = {"base": 0.2, "deviation": 30.0, "gain": 500.0}
    table = trial_power.splits(1000, shares=[0.2, 0.5], drawn={0.2: 190}, **of_list)
    assert table[["target", "control"]].to_numpy().tolist() == [[810, 190], [500, 500]]


def test_who_spent_nothing_counts():
    days = pd.to_datetime(["2025-01-01", "2025-12-31", "2025-12-30"])
    orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "date": days, "amount": [9.0, 2.0, 3.0]})
    spent = trial_power.past_revenue(
        orders, customers=pd.Index(["a", "b", "c"]), as_of=days[1], days=364
    )
    assert spent.tolist() == [2.0, 3.0, 0.0]
