import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from workbench import churn_features, discrimination, drawn_quality, purchase_models, summary
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


def test_average_precision_takes_equal_predictions_together():
    truth = pd.Series([True, True, False, False])
    predictions = pd.DataFrame({"model": [0.9, 0.5, 0.5, 0.1]})
    # One of one found at .9, two of three at .5: half of the events at each step.
    expected = 0.5 * 1 + 0.5 * 2 / 3
    row = discrimination.discrimination(truth, predictions).loc["model"]
    assert row["pr_auc"] == pytest.approx(expected)


def test_gains_of_every_length_go_from_nothing_to_everything():
    truth = pd.Series([True, False, True, False, False])
    score = pd.Series([3.0, 2.0, 2.0, 1.0, 0.0])
    table = discrimination.gains(truth, score, shares=[0.2, 0.4, 0.6, 0.8, 1.0])
    assert table["caught"].tolist() == pytest.approx([0.5, 0.75, 1.0, 1.0, 1.0])
    assert (table["lift"] <= table["max_lift"] + 1e-12).all()


def test_groups_by_hand():
    index = pd.Index(["anna", "ben", "cem", "dora"], name="customer_id")
    truth = pd.Series([True, False, True, True], index=index)
    probability = pd.Series([0.5, 0.25, 0.75, 1.0], index=index)
    groups = pd.Series(["old", "old", "young", "young"], index=index)
    table = discrimination.by_group(truth, probability, groups=groups)
    assert table.index.tolist() == ["old", "young"]
    assert table["customers"].tolist() == table["rows"].tolist() == [2, 2]
    assert table["events"].tolist() == [1, 2]
    assert table["brier"].tolist() == pytest.approx([(0.25 + 0.0625) / 2, 0.0625 / 2])
    assert table["gap"].tolist() == pytest.approx([0.5 - 0.375, 1 - 0.875])
    # Two customers bear no AUC, and Wilson's bounds of one in two.
    assert table[["auc", "auc_low", "auc_high"]].isna().all(axis=None)
    assert table.loc["old", "gap_low"] == pytest.approx(0.0945 - 0.375, abs=0.00005)


def test_too_many_draws_of_a_single_class_leave_the_auc_without_bounds():
    truth = pd.Series([True, False, True, False])
    predictions = pd.DataFrame({"p": [0.9, 0.1, 0.8, 0.2]})
    table = drawn_quality.intervals(truth, predictions, seed=1)
    # One draw in eight has only one class: too many to say anything of the AUC.
    assert table.loc[("p", "auc"), "estimate"] == 1
    assert table.loc[("p", "auc"), ["low", "high"]].isna().all()
    assert table.loc[("p", "brier"), ["low", "high"]].notna().all()


# --- properties ------------------------------------------------------------------------------


def stacked_twice(seed: int) -> tuple[pd.Series, pd.DataFrame]:
    """Give every customer of a random case two rows that say the same."""
    truth, predictions = random_case(seed)
    names = ["origin", "customer_id"]
    return (
        pd.concat({1: truth, 2: truth}, names=names),
        pd.concat({1: predictions, 2: predictions}, names=names),
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_second_row_of_each_customer_that_says_the_same_adds_no_certainty(seed):
    once = random_case(seed)
    twice = stacked_twice(seed)
    single, double = (discrimination.discrimination(*case) for case in (once, twice))
    # Not to the last digit: DeLong's variance divides by the rows less one.
    pd.testing.assert_frame_equal(single, double, rtol=0.002)
    single, double = (drawn_quality.intervals(*case, seed=1) for case in (once, twice))
    pd.testing.assert_frame_equal(single, double, rtol=1e-12)
    groups = pd.Series("all", index=once[0].index)
    both = pd.concat({1: groups, 2: groups}, names=["origin", "customer_id"])
    single = discrimination.by_group(once[0], once[1]["model"], groups=groups)
    double = discrimination.by_group(twice[0], twice[1]["model"], groups=both)
    pd.testing.assert_frame_equal(
        single.drop(columns=["rows", "events"]), double.drop(columns=["rows", "events"]), rtol=0.002
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_intervals_whatever_the_order_of_rows(seed):
    truth, predictions = random_case(seed)
    turned = predictions.sample(frac=1, random_state=seed)
    there = drawn_quality.intervals(truth, predictions, seed=seed)
    back = drawn_quality.intervals(truth[::-1], turned, seed=seed)
    pd.testing.assert_frame_equal(there, back, check_exact=True)
    other = drawn_quality.intervals(truth, predictions, seed=seed + 1)
    assert (other["estimate"].dropna() == there["estimate"].dropna()).all()
    assert (other["low"].dropna() != there["low"].dropna()).any()
    groups = pd.Series(np.where(predictions["days"] > 150, "late", "early"), index=truth.index)
    pd.testing.assert_frame_equal(
        discrimination.by_group(truth, predictions["model"], groups=groups),
        discrimination.by_group(truth[::-1], turned["model"], groups=groups[::-1]),
        check_exact=True,
    )


@pytest.mark.parametrize("seed", range(5))
def test_estimates_are_those_of_the_whole_table_and_lie_inside(seed):
    truth, predictions = random_case(seed, n=500)
    table = drawn_quality.intervals(truth, predictions, seed=seed)
    whole = discrimination.discrimination(truth, predictions).loc["model"]
    estimate = table.loc["model", "estimate"]
    for measure in ("auc", "pr_auc", "brier", "brier_skill", "log_loss"):
        assert estimate[measure] == whole[measure]
    lift = discrimination.gains(truth, predictions["model"], shares=[0.1]).loc[0.1, "lift"]
    assert estimate["lift"] == pytest.approx(lift)
    known = table.dropna()
    assert (known["low"] < known["estimate"]).all()
    assert (known["estimate"] < known["high"]).all()
    assert table.loc["days", "estimate"].isna().sum() == 3


def test_bootstrap_and_delong_agree_on_the_auc():
    truth, predictions = random_case(7, n=2000)
    delong = discrimination.discrimination(truth, predictions).loc["model"]
    row = drawn_quality.intervals(truth, predictions, seed=7).loc[("model", "auc")]
    # The error of a standard deviation of 500 draws is about 3 %.
    assert row["high"] - row["low"] == pytest.approx(
        delong["auc_high"] - delong["auc_low"], rel=0.12
    )
    assert row["low"] == pytest.approx(delong["auc_low"], abs=0.003)


def test_correlated_rows_of_a_customer_widen_the_interval():
    random = np.random.default_rng(5)
    n, origins = 300, range(6)
    risk = random.normal(size=n)
    index = pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id")
    # What a customer does hangs on something that the prediction does not know.
    hidden = random.normal(size=n)
    truth = pd.concat(
        {o: pd.Series(risk + 2 * hidden + random.normal(size=n) > 0, index=index) for o in origins},
        names=["origin", "customer_id"],
    )
    score = pd.concat(
        {o: pd.DataFrame({"x": risk}, index=index) for o in origins},
        names=["origin", "customer_id"],
    )
    by_customer = discrimination.discrimination(truth, score).loc["x"]
    as_strangers = discrimination.discrimination(
        truth.reset_index(drop=True), score.reset_index(drop=True)
    ).loc["x"]
    drawn = drawn_quality.intervals(truth, score, seed=1).loc[("x", "auc")]
    width = by_customer["auc_high"] - by_customer["auc_low"]
    assert width > 1.7 * (as_strangers["auc_high"] - as_strangers["auc_low"])
    assert drawn["high"] - drawn["low"] == pytest.approx(width, rel=0.12)


def test_the_gap_of_a_group_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(11)
    n, inside = 4000, []
    groups = pd.Series(random.integers(0, 100, n))
    for _ in range(10):
        probability = pd.Series(random.beta(1, 3, n))
        truth = pd.Series(random.random(n) < probability)
        table = discrimination.by_group(truth, probability, groups=groups)
        inside.append(((table["gap_low"] <= 0) & (table["gap_high"] >= 0)).mean())
    # The probabilities are right, and those of unlike customers vary less than one share.
    assert 0.93 <= np.mean(inside) <= 0.995


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
    assert row["pr_auc"] == pytest.approx(average_precision_score(truth, probability), abs=1e-12)
    assert row["log_loss"] == pytest.approx(log_loss(truth, probability), abs=1e-12)


# Buyers of the next 91 days on CDNOW's sample, measured with other code: average precision by
# silence, by frequency and by BG/NBD, and the bootstrap interval of the AUC of 1 - P(alive).
REFERENCE = {
    "1997-12-31": ((0.457, 0.484, 0.539), (0.306, 0.354)),
    "1998-04-01": ((0.427, 0.444, 0.518), (0.326, 0.373)),
}


def cdnow(orders: pd.DataFrame, origin: pd.Timestamp) -> tuple[pd.DataFrame, pd.Series]:
    """Features with those of BG/NBD, and who churned; the second window ends after the data."""
    window = {"origin": origin, "horizon_days": 91, "gap_days": 0}
    model = purchase_models.fit("bg_nbd", summary.profiles_of(orders, as_of=origin))
    features = churn_features.build(orders, purchase_model=model, **window)
    churned = churn_features.label(
        orders, customers=features.index, as_of=pd.Timestamp("1998-07-01"), **window
    )
    return features, churned


# Churners of the same windows: AUC of silence, frequency, BG/NBD and 1 - P(alive), and the Brier
# score of BG/NBD.
CHURNERS = {
    "1997-12-31": ((0.799, 0.796, 0.794, 0.329), 0.1058),
    "1998-04-01": ((0.829, 0.820, 0.834, 0.350), 0.0845),
}


@pytest.mark.parametrize("day", CHURNERS)
def test_auc_brier_and_interval_on_cdnow_are_those_of_the_reference(sample_orders, day):
    features, churned = cdnow(sample_orders, pd.Timestamp(day))
    table = discrimination.discrimination(
        churned,
        pd.DataFrame(
            {
                "silence": features["days_since_last"],
                "frequency": -features["n_orders"],
                "bgnbd": features["p_no_purchase"],
                "not_alive": 1 - features["p_alive"],
            }
        ),
    )
    auc, brier = CHURNERS[day]
    assert table["auc"].tolist() == pytest.approx(auc, abs=0.0005)
    assert table.loc["bgnbd", "brier"] == pytest.approx(brier, abs=0.00005)
    # P(alive) is 1 for every one-time buyer, and orders the customers worse than chance. The
    # reference drew its interval by bootstrap.
    low, high = REFERENCE[day][1]
    assert table.loc["not_alive", "auc_low"] == pytest.approx(low, abs=0.002)
    assert table.loc["not_alive", "auc_high"] == pytest.approx(high, abs=0.002)


@pytest.mark.parametrize("day", REFERENCE)
def test_average_precision_and_bootstrap_on_cdnow_are_those_of_the_reference(sample_orders, day):
    features, churned = cdnow(sample_orders, pd.Timestamp(day))
    predictions = pd.DataFrame(
        {
            "silence": -features["days_since_last"],
            "frequency": features["n_orders"],
            "bgnbd": 1 - features["p_no_purchase"],
            "alive": features["p_alive"],
        }
    )
    precision, (low, high) = REFERENCE[day]
    table = discrimination.discrimination(~churned, predictions)
    assert table["pr_auc"].iloc[:3].tolist() == pytest.approx(precision, abs=0.0005)
    alive = drawn_quality.intervals(~churned, predictions[["alive"]], seed=1)
    # Chance moves a bound from 500 draws by about .0015, and that of the reference too.
    assert alive.loc[("alive", "auc"), "low"] == pytest.approx(low, abs=0.0045)
    assert alive.loc[("alive", "auc"), "high"] == pytest.approx(high, abs=0.0045)


@pytest.mark.parametrize("seed", range(5))
def test_measures_of_weighted_rows_are_those_of_scikit_learn(seed):
    truth, predictions = random_case(seed)
    weight = np.random.default_rng(seed).integers(0, 4, len(truth))
    probability = predictions["model"].clip(0.05, 0.95).to_numpy()
    event = truth.to_numpy(float)
    ranked = discrimination.rank(event, probability)
    twice = discrimination.measures(ranked, np.array([2 * weight, weight], dtype=float))
    ours = dict(zip(discrimination.MEASURES, twice[1], strict=True))
    # Rows that all count twice as much change nothing.
    assert twice[0] == pytest.approx(twice[1], rel=1e-12)
    known = {"y_true": event, "sample_weight": weight}
    assert ours["auc"] == pytest.approx(roc_auc_score(y_score=probability, **known), abs=1e-12)
    assert ours["pr_auc"] == pytest.approx(
        average_precision_score(y_score=probability, **known), abs=1e-12
    )
    assert ours["brier"] == pytest.approx(brier_score_loss(y_proba=probability, **known), abs=1e-12)
    assert ours["log_loss"] == pytest.approx(
        log_loss(event, probability, sample_weight=weight), abs=1e-12
    )


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


def test_rows_without_a_group_are_counted():
    truth = pd.Series([True, False, True])
    probability = pd.Series([0.1, 0.2, 0.3])
    with pytest.raises(DataError, match="2 of 3 rows have no group"):
        discrimination.by_group(truth, probability, groups=pd.Series(["old", None, None]))
    with pytest.raises(DataError, match="1 customers are in only one of groups and prediction"):
        discrimination.by_group(truth, probability, groups=pd.Series(["old", "new"]))
    with pytest.raises(DataError, match="1 of 3 probabilities are outside"):
        discrimination.by_group(truth, probability + 0.8, groups=pd.Series(["old", "new", "new"]))
