import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from workbench import discrimination
from workbench.schema import DataError

SEEDS = range(20)


def random_case(seed: int, n: int = 200) -> tuple[pd.Series, pd.DataFrame]:
    """Draw events and probabilities in steps of .05, so that there are ties."""
    random = np.random.default_rng(seed)
    index = pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id")
    probability = np.round(random.beta(2, 1, n) * 20) / 20
    truth = pd.Series(random.random(n) < probability, index=index)
    return truth, pd.DataFrame({"model": probability, "days": 300 * probability}, index=index)


# --- by hand ---------------------------------------------------------------------------------


def test_auc_counts_a_tie_as_one_half():
    truth = pd.Series([True, True, False, False])
    predictions = pd.DataFrame({"model": [0.9, 0.5, 0.5, 0.1]})
    # Of four pairs three are in order and one is tied.
    assert discrimination.discrimination(truth, predictions).loc["model", "auc"] == 3.5 / 4


def test_the_base_rate_has_auc_one_half_and_no_skill():
    truth = pd.Series([True, False, False, False])
    row = discrimination.discrimination(truth, pd.DataFrame({"base": [0.25] * 4})).loc["base"]
    assert row["auc"] == 0.5
    assert row["brier"] == pytest.approx(0.25 * 0.75)
    assert row["brier_skill"] == pytest.approx(0)
    assert row["log_loss"] == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))


def test_a_ranking_has_no_probability_scores():
    truth = pd.Series([True, False, True])
    row = discrimination.discrimination(truth, pd.DataFrame({"days": [90, 10, 200]})).loc["days"]
    assert row["auc"] == 1
    assert row[["brier", "brier_skill", "log_loss"]].isna().all()


def test_one_class_alone_has_no_auc():
    truth = pd.Series([True, True])
    row = discrimination.discrimination(truth, pd.DataFrame({"p": [0.9, 0.8]})).loc["p"]
    assert row[["auc", "auc_low", "auc_high", "brier_skill"]].isna().all()
    assert row["brier"] == pytest.approx((0.01 + 0.04) / 2)


def test_a_certain_error_has_a_finite_log_loss():
    truth = pd.Series([True, False])
    row = discrimination.discrimination(truth, pd.DataFrame({"p": [0.0, 0.0]})).loc["p"]
    assert row["log_loss"] == pytest.approx(-np.log(1e-15) / 2)


def test_calibration_table_by_hand():
    truth = pd.Series([False, True, True, True])
    probability = pd.Series([0.1, 0.3, 0.6, 0.8])
    table = discrimination.calibration_table(truth, probability, bins=2)
    assert table["customers"].tolist() == [2, 2]
    assert table["predicted"].tolist() == pytest.approx([0.2, 0.7])
    assert table["observed"].tolist() == [0.5, 1.0]
    assert table["high"].iloc[1] == 1


def test_customers_with_the_same_probability_share_a_class():
    truth = pd.Series([True, False] * 5)
    probability = pd.Series([0.2] * 7 + [0.5, 0.6, 0.9])
    table = discrimination.calibration_table(truth, probability, bins=5)
    assert 7 in table["customers"].tolist()
    assert table["customers"].sum() == 10


def test_gains_average_the_tie_at_the_border():
    truth = pd.Series([True, True, False, False, False])
    score = pd.Series([5.0, 1.0, 1.0, 1.0, 1.0])
    table = discrimination.gains(truth, score, shares=[0.2, 0.6, 1.0])
    assert table["caught"].tolist() == pytest.approx([0.5, 0.5 + 0.5 * 2 / 4, 1.0])
    assert table["lift"].tolist() == pytest.approx([2.5, 1.25, 1.0])
    assert table["max_lift"].tolist() == pytest.approx([2.5, 1 / 0.6, 1.0])


@pytest.mark.parametrize(
    ("auc", "brier", "chosen"),
    [
        ([0.79, 0.80, 0.81], [0.106, 0.106, 0.105], "simple"),  # all as good
        ([0.78, 0.80, 0.80], [0.105, 0.105, 0.105], "simple"),  # exactly .02 below
        ([0.77, 0.80, 0.81], [0.105, 0.106, 0.105], "middle"),  # ranks too badly
        ([0.80, 0.80, 0.81], [0.110, 0.106, 0.105], "middle"),  # fits too badly
        ([0.70, 0.75, 0.81], [0.100, 0.100, 0.120], "simple"),  # nobody is both: lowest Brier
        ([0.80, np.nan, 0.81], [np.nan, 0.100, 0.105], "complex"),  # a missing score is no score
    ],
)
def test_the_simplest_of_the_models_as_good_as_the_best_is_chosen(auc, brier, chosen):
    quality = pd.DataFrame({"auc": auc, "brier": brier}, index=["simple", "middle", "complex"])
    assert discrimination.choose(quality, order=["simple", "middle", "complex"]) == chosen
    assert discrimination.choose(quality[::-1], order=["simple", "middle", "complex"]) == chosen


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_nothing(seed):
    truth, predictions = random_case(seed)
    turned = predictions.sample(frac=1, random_state=seed)
    truth_before, predictions_before = truth.copy(), predictions.copy()
    pd.testing.assert_frame_equal(
        discrimination.discrimination(truth, predictions),
        discrimination.discrimination(truth[::-1], turned),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(
        discrimination.calibration_table(truth, predictions["model"]),
        discrimination.calibration_table(truth[::-1], turned["model"]),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(
        discrimination.gains(truth, predictions["model"]),
        discrimination.gains(truth[::-1], turned["model"]),
        check_exact=True,
    )
    pd.testing.assert_series_equal(truth, truth_before)
    pd.testing.assert_frame_equal(predictions, predictions_before)


@pytest.mark.parametrize("seed", SEEDS)
def test_turning_the_prediction_round_turns_the_auc_round(seed):
    truth, predictions = random_case(seed)
    there = discrimination.discrimination(truth, predictions)
    back = discrimination.discrimination(truth, 1 - predictions)
    assert back.loc["model", "auc"] == pytest.approx(1 - there.loc["model", "auc"])
    assert back.loc["model", "auc_low"] == pytest.approx(1 - there.loc["model", "auc_high"])


@pytest.mark.parametrize("seed", SEEDS)
def test_classes_hold_every_customer_once_and_rise(seed):
    truth, predictions = random_case(seed)
    table = discrimination.calibration_table(truth, predictions["model"])
    assert table["customers"].sum() == len(truth)
    assert (table["observed"] * table["customers"]).sum() == pytest.approx(truth.sum())
    assert table["predicted"].is_monotonic_increasing
    assert table["observed"].between(table["low"], table["high"]).all()


def test_the_cheat_and_the_noise_look_different():
    truth, _ = random_case(1, n=2000)
    noise = np.random.default_rng(2).random(len(truth))
    predictions = pd.DataFrame({"cheat": truth.astype(float), "noise": noise}, index=truth.index)
    table = discrimination.discrimination(truth, predictions)
    assert table.loc["cheat", "auc"] == 1
    assert table.loc["cheat", "brier_skill"] == 1
    assert table.loc["noise", "auc_low"] < 0.5 < table.loc["noise", "auc_high"]
    assert table.loc["noise", "brier_skill"] < 0


def test_the_interval_of_the_auc_covers_it_as_often_as_it_says():
    random = np.random.default_rng(3)
    inside = 0
    # Two normals one standard deviation apart: AUC is Phi(1 / sqrt(2)).
    true_auc = 0.7602499389
    for _ in range(400):
        truth = pd.Series(np.arange(200) < 60)
        score = pd.DataFrame({"x": random.normal(size=200) + truth.to_numpy()})
        row = discrimination.discrimination(truth, score).loc["x"]
        inside += row["auc_low"] <= true_auc <= row["auc_high"]
    assert 0.92 <= inside / 400 <= 0.98


# --- against an authority --------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_are_those_of_scikit_learn(seed):
    truth, predictions = random_case(seed)
    table = discrimination.discrimination(truth, predictions.clip(0.05, 0.95))
    probability = predictions["model"].clip(0.05, 0.95)
    row = table.loc["model"]
    assert row["auc"] == pytest.approx(roc_auc_score(truth, probability), abs=1e-12)
    assert row["brier"] == pytest.approx(brier_score_loss(truth, probability), abs=1e-12)
    assert row["log_loss"] == pytest.approx(log_loss(truth, probability), abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_bounds_are_those_of_newcombe_1998_table_1(successes, n, low, high):
    # Newcombe (1998), Statistics in Medicine 17, 857-872, method 3.
    bounds = discrimination.wilson(successes, n)
    assert float(bounds.low) == pytest.approx(low, abs=0.00005)
    assert float(bounds.high) == pytest.approx(high, abs=0.00005)


# --- messages --------------------------------------------------------------------------------


def test_other_customers_are_counted_in_the_message():
    truth = pd.Series([True, False], index=["anna", "ben"])
    predictions = pd.DataFrame({"p": [0.1, 0.2]}, index=["anna", "cem"])
    with pytest.raises(DataError, match="2 customers are in only one of truth and prediction"):
        discrimination.discrimination(truth, predictions)


def test_missing_predictions_are_counted_and_named():
    truth = pd.Series([True, False])
    with pytest.raises(DataError, match="1 of 2 values of 'p' are missing"):
        discrimination.discrimination(truth, pd.DataFrame({"p": [0.1, np.nan]}))


def test_truth_must_be_true_or_false():
    with pytest.raises(DataError, match="1 of 2 values of truth are neither True nor False"):
        discrimination.discrimination(pd.Series([1, 2]), pd.DataFrame({"p": [0.1, 0.2]}))


def test_a_probability_outside_its_bounds_has_no_calibration():
    truth = pd.Series([True, False])
    with pytest.raises(DataError, match="1 of 2 probabilities are outside"):
        discrimination.calibration_table(truth, pd.Series([0.1, 1.2]))
    with pytest.raises(ValueError, match="bins=0 must be at least 1"):
        discrimination.calibration_table(truth, pd.Series([0.1, 0.2]), bins=0)


def test_gains_without_an_event_are_refused():
    with pytest.raises(DataError, match="none of 2 customers had the event"):
        discrimination.gains(pd.Series([False, False]), pd.Series([0.1, 0.2]))
    with pytest.raises(ValueError, match=r"shares \[0.0, 1.5\] are outside"):
        discrimination.gains(pd.Series([True]), pd.Series([0.1]), shares=[0.0, 0.5, 1.5])


def test_wilson_refuses_more_successes_than_customers():
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        discrimination.wilson(np.array([1, 3]), np.array([2, 2]))
    with pytest.raises(ValueError, match="n >= 1"):
        discrimination.wilson(0, 0)


def test_choose_wants_an_order_of_all_rows():
    quality = pd.DataFrame({"auc": [0.8], "brier": [np.nan]}, index=["days"])
    with pytest.raises(ValueError, match="differ"):
        discrimination.choose(quality, order=["days", "trees"])
    with pytest.raises(ValueError, match="has both an AUC and a Brier score"):
        discrimination.choose(quality, order=["days"])
