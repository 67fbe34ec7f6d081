import numpy as np
import pandas as pd
import pytest

from workbench import discrimination, drawn_quality, model_choice


def random_case(seed: int, n: int = 300) -> tuple[pd.Series, pd.DataFrame]:
    """Events, a prediction that knows something, one that knows less, and one that is noise."""
    random = np.random.default_rng(seed)
    index = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")
    risk = random.normal(size=n)
    truth = pd.Series(random.random(n) < 1 / (1 + np.exp(-2 * risk)), index=index)
    known = {
        "knows": 1 / (1 + np.exp(-2 * risk)),
        # Rounded: with ties.
        "knows_less": (1 / (1 + np.exp(-risk - random.normal(size=n)))).round(1),
        "noise": random.random(n),
    }
    return truth, pd.DataFrame(known, index=index)


# By hand


def test_a_prediction_less_itself_is_nothing():
    truth, predictions = random_case(1)
    twice = predictions[["knows"]].assign(again=predictions["knows"])
    table = drawn_quality.differences(truth, twice, reference="knows", seed=1)
    assert table.index.get_level_values("prediction").unique().tolist() == ["again"]
    assert (table == 0).all(axis=None)


# Properties


@pytest.mark.parametrize("seed", range(3))
def test_a_difference_is_that_of_the_estimates_and_lies_inside(seed):
    truth, predictions = random_case(seed)
    each = drawn_quality.intervals(truth, predictions, seed=seed)["estimate"]
    table = drawn_quality.differences(truth, predictions, reference="noise", seed=seed)
    for name in ("knows", "knows_less"):
        expected = each.loc[name] - each.loc["noise"]
        pd.testing.assert_series_equal(
            table.loc[name, "estimate"], expected, check_names=False, rtol=1e-12
        )
    assert (table["low"] < table["estimate"]).all() and (table["estimate"] < table["high"]).all()
    turned = predictions.iloc[::-1, ::-1]
    again = drawn_quality.differences(truth[::-1], turned, reference="noise", seed=seed)
    pd.testing.assert_frame_equal(again.loc[table.index], table, check_exact=True)


def test_the_same_draws_make_a_difference_narrower_than_two_intervals():
    truth, predictions = random_case(4, n=1000)
    close = predictions[["knows"]].assign(near=(predictions["knows"] * 0.95 + 0.05 * truth) ** 2)
    each = drawn_quality.intervals(truth, close, seed=1).xs("auc", level="measure")
    apart = drawn_quality.differences(truth, close, reference="knows", seed=1).loc[("near", "auc")]
    assert apart["low"] > 0
    assert each.loc["near", "low"] < each.loc["knows", "high"]


def test_customers_go_into_a_draw_with_all_of_their_rows():
    truth, predictions = random_case(5)
    names = ["origin", "customer_id"]
    twice = [pd.concat({1: one, 2: one}, names=names) for one in (truth, predictions)]
    single = drawn_quality.differences(truth, predictions, reference="noise", seed=1)
    double = drawn_quality.differences(*twice, reference="noise", seed=1)
    pd.testing.assert_frame_equal(single, double, rtol=1e-9)


def test_a_true_difference_is_held_as_often_as_it_says():
    held = []
    whole, many = random_case(6, n=60_000)
    event = whole.to_numpy(float)
    auc = {name: discrimination.auc_terms(event, many[name].to_numpy())[0] for name in many}
    true = auc["knows"] - auc["knows_less"]
    random = np.random.default_rng(6)
    for seed in range(40):
        some = random.choice(len(whole), 300, replace=False)
        row = drawn_quality.differences(
            whole.iloc[some],
            many.iloc[some, :2],
            reference="knows_less",
            seed=seed,
        ).loc[("knows", "auc")]
        held.append(row["low"] <= true <= row["high"])
    # By chance, 40 intervals of 95 % hold it less than 34 times in a thousand cases of one.
    assert sum(held) >= 34


# Against an authority


def test_differences_are_those_of_a_slow_loop_over_drawn_rows():
    truth, predictions = random_case(7, n=120)
    random, drawn = np.random.default_rng(7), []
    for _ in range(drawn_quality.N_DRAWS):
        rows = random.integers(len(truth), size=len(truth))
        event = truth.to_numpy(float)[rows]
        one, other = (predictions[name].to_numpy()[rows] for name in ("knows", "noise"))
        drawn.append(
            discrimination.auc_terms(event, one)[0] - discrimination.auc_terms(event, other)[0]
        )
    table = drawn_quality.differences(truth, predictions, reference="noise", seed=7)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert table.loc[("knows", "auc"), ["low", "high"]].tolist() == pytest.approx([low, high])


# What the page shows, and messages


def test_the_gain_over_the_stopwatch_is_empty_without_one_and_for_itself():
    truth, predictions = random_case(8)
    named = predictions.rename(columns={"knows_less": model_choice.STOPWATCH})
    table = model_choice.gains(truth, named, seed=1)
    assert table.index.tolist() == list(named)
    assert table.loc[model_choice.STOPWATCH].isna().all()
    assert table.loc["knows", "auc_gain_low"] > 0 > table.loc["noise", "auc_gain_high"]
    assert model_choice.gains(truth, predictions, seed=1).isna().all(axis=None)


def test_a_reference_that_is_no_prediction_is_named():
    truth, predictions = random_case(9)
    with pytest.raises(ValueError, match="reference='luck' is none of the predictions"):
        drawn_quality.differences(truth, predictions, reference="luck", seed=1)
