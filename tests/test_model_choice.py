import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from workbench import model_choice, recalibration
from workbench.model_choice import MAX_P_VALUE, best_curve, held_out

# By hand


def test_losses_of_four_customers_by_hand():
    event = pd.Series([True, True, False, False])
    table = model_choice.compare(
        event, pd.DataFrame({"half": [0.5] * 4, "better": [0.8, 0.8, 0.2, 0.5]})
    )
    losses = -np.log([0.8, 0.8, 0.8, 0.5])
    differences = np.log(2) - losses
    assert table.loc["half", "log_loss"] == pytest.approx(np.log(2))
    assert table.loc["better", "log_loss"] == pytest.approx(losses.mean())
    half_width = 1.959964 * differences.std(ddof=1) / 2
    assert table.loc["half", "excess"] == pytest.approx(differences.mean())
    assert table.loc["half", "excess_low"] == pytest.approx(differences.mean() - half_width)
    assert table.loc["half", "excess_high"] == pytest.approx(differences.mean() + half_width)
    assert table["is_as_good"].tolist() == [False, True]


def test_a_loss_of_one_percent_and_one_that_chance_explains_count_as_none():
    event = pd.Series([True, False] * 5000)
    sure = event * 0.6 + 0.2
    near, far = sure.where(~event, 0.7986), sure.where(~event, 0.78)
    table = model_choice.compare(event, pd.DataFrame({"near": near, "far": far, "sure": sure}))
    assert (table["excess_low"] > 0).tolist() == [True, True, False]
    assert table["is_as_good"].tolist() == [True, False, True]
    few = event.index < 6
    chance = sure.where(event.index != 0, 0.5)
    table = model_choice.compare(event[few], pd.DataFrame({"chance": chance, "sure": sure})[few])
    assert table.loc["chance", "excess"] > 0.01 * table.loc["sure", "log_loss"]
    assert table["is_as_good"].all()


def drawn(n: int, *, slope: float, seed: int) -> tuple[pd.Series, pd.Series]:
    """Return events, and a prediction whose log odds are too small by a factor."""
    random = np.random.default_rng(seed)
    true = random.beta(1.5, 1.5, n)
    event = pd.Series(random.random(n) < true)
    return event, pd.Series(expit(logit(true) / slope))


# Properties


def test_probabilities_that_are_right_are_left_alone():
    for seed in range(5):
        event, raw = drawn(20_000, slope=1.0, seed=seed)
        curves = held_out(raw, event, seed=1)
        if recalibration.hosmer_lemeshow(event, curves).loc["none", "p_value"] >= MAX_P_VALUE:
            assert best_curve(event, curves) == "none"


def test_an_error_of_two_points_that_log_loss_hardly_feels_is_taken_out():
    event, raw = drawn(60_000, slope=1.1, seed=3)
    curves = held_out(raw, event, seed=1)
    table = model_choice.compare(event, curves)
    assert model_choice.simplest(table) == "none"
    assert best_curve(event, curves) == "sigmoid"
    # With few customers nobody can tell, and nothing is bent.
    few = held_out(raw[:800], event[:800], seed=1)
    assert best_curve(event[:800], few) == "none"


def test_where_no_curve_is_right_the_least_wrong_is_taken():
    event, raw = drawn(60_000, slope=1.1, seed=3)
    curves = pd.DataFrame({"none": raw, "sigmoid": expit(1.05 * logit(raw))})
    assert (recalibration.hosmer_lemeshow(event, curves)["p_value"] < MAX_P_VALUE).all()
    assert best_curve(event, curves) == "sigmoid"
