import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from workbench import recalibration
from workbench.schema import DataError


def random_case(seed: int, n: int = 2000) -> tuple[pd.Series, pd.Series]:
    random = np.random.default_rng(seed)
    index = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")
    probability = pd.Series(random.beta(2, 3, n), index=index)
    return pd.Series(random.random(n) < probability, index=index), probability


# --- by hand ---------------------------------------------------------------------------------


def test_a_constant_probability_has_the_log_odds_of_the_share_and_no_slope():
    truth = pd.Series([True, False, False, False])
    row = recalibration.recalibrate(truth, pd.DataFrame({"p": [0.5] * 4})).loc["p"]
    assert row["in_the_large"] == pytest.approx(np.log(1 / 3))
    # The error of a log odds is 1 / sqrt(n p q).
    assert row["in_the_large_high"] - row["in_the_large"] == pytest.approx(
        1.959964 / np.sqrt(4 * 0.25 * 0.75), rel=1e-6
    )
    assert row.filter(regex="slope|intercept").isna().all()


def test_two_probabilities_are_brought_to_their_shares():
    # A third of those told 1/10 and three quarters of those told 4/5 had the event.
    truth = pd.Series([True, False, False, True, True, True, False])
    predictions = pd.DataFrame({"p": [0.1] * 3 + [0.8] * 4})
    row = recalibration.recalibrate(truth, predictions).loc["p"]
    slope = (logit(3 / 4) - logit(1 / 3)) / (logit(0.8) - logit(0.1))
    assert row["slope"] == pytest.approx(slope)
    assert row["intercept"] == pytest.approx(logit(1 / 3) - slope * logit(0.1))


@pytest.mark.parametrize(
    "probability",
    [
        [0.1, 0.2, 0.3, 0.4],  # separated
        [0.4, 0.3, 0.2, 0.1],  # the wrong way round
        [0.1, 0.3, 0.3, 0.4],  # touching
    ],
)
def test_separated_events_have_no_slope_but_a_level(probability):
    truth = pd.Series([False, False, True, True])
    row = recalibration.recalibrate(truth, pd.DataFrame({"p": probability})).loc["p"]
    assert row.filter(regex="slope|intercept").isna().all()
    level = expit(logit(np.array(probability)) + row["in_the_large"]).mean()
    assert level == pytest.approx(0.5)


def test_events_on_both_sides_of_equal_others_have_a_slope():
    truth = pd.Series([True, False, False, True, True])
    row = recalibration.recalibrate(truth, pd.DataFrame({"p": [0.1, 0.3, 0.3, 0.4, 0.6]})).loc["p"]
    assert np.isfinite(row).all()


def test_one_class_alone_has_nothing():
    row = recalibration.recalibrate(pd.Series([True, True]), pd.DataFrame({"p": [0.1, 0.2]}))
    assert row.isna().all(axis=None)


def test_certain_errors_end_in_finite_figures():
    truth = pd.Series([True, False] * 50)
    row = recalibration.recalibrate(truth, pd.DataFrame({"p": [0.0] * 51 + [1.0] * 49})).loc["p"]
    assert np.isfinite(row).all()
    assert abs(row["slope"]) < 0.01
    everybody = pd.DataFrame({"p": [0.0] * 100})
    row = recalibration.recalibrate(truth, everybody).loc["p"]
    assert row["in_the_large"] == pytest.approx(-logit(1e-15), rel=1e-9)


def test_the_misfit_of_two_tenths_by_hand():
    # 4 of 10 told 1/5, and 6 of 10 told 4/5.
    truth = pd.Series(([True] * 4 + [False] * 6) + ([True] * 6 + [False] * 4))
    predictions = pd.DataFrame({"p": [0.2] * 10 + [0.8] * 10})
    row = recalibration.hosmer_lemeshow(truth, predictions).loc["p"]
    statistic = 2 * (4 - 2) ** 2 / (10 * 0.2 * 0.8)
    assert row["statistic"] == pytest.approx(statistic)
    assert row["p_value"] == pytest.approx(stats.chi2.sf(statistic, 2))


def test_an_event_that_was_certain_not_to_come_refutes():
    truth = pd.Series([True] + [False] * 9)
    predictions = pd.DataFrame({"sure": [0.0] * 10, "right": [0.1] * 10})
    found = recalibration.hosmer_lemeshow(truth, predictions)["p_value"]
    assert found["sure"] == 0 and found["right"] == 1


def test_probabilities_that_are_right_are_refuted_once_in_twenty():
    found = []
    for seed in range(200):
        truth, probability = random_case(seed, n=1000)
        table = recalibration.hosmer_lemeshow(truth, probability.to_frame("p"))
        found.append(table.loc["p", "p_value"])
    # The error of a share of 200 is 1.5 points.
    assert 0.01 <= np.mean(np.array(found) < 0.05) <= 0.095
    assert 0.4 <= np.median(found) <= 0.6


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_stretched_log_odds_are_brought_back(seed):
    truth, probability = random_case(seed)
    predictions = pd.DataFrame({"as_is": probability, "twice": expit(2 * logit(probability) + 1)})
    table = recalibration.recalibrate(truth, predictions)
    as_is, twice = table.loc["as_is"], table.loc["twice"]
    assert twice["slope"] == pytest.approx(as_is["slope"] / 2)
    assert twice["intercept"] == pytest.approx(as_is["intercept"] - as_is["slope"] / 2)
    assert twice["slope_high"] < 1 < twice["slope_high"] * 2.5


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_changes_nothing(seed):
    truth, probability = random_case(seed, n=200)
    pd.testing.assert_frame_equal(
        recalibration.recalibrate(truth, probability.to_frame("p")),
        recalibration.recalibrate(truth[::-1], probability.sample(frac=1).to_frame("p")),
        check_exact=True,
    )


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(200):
        truth, probability = random_case(seed, n=400)
        row = recalibration.recalibrate(truth, probability.to_frame("p")).loc["p"]
        inside.append(
            [
                row["slope_low"] <= 1 <= row["slope_high"],
                row["intercept_low"] <= 0 <= row["intercept_high"],
                row["in_the_large_low"] <= 0 <= row["in_the_large_high"],
            ]
        )
    # Two hundred draws: 95 % with an error of 1.5 %.
    assert (np.abs(np.mean(inside, axis=0) - 0.95) < 0.045).all()


def test_a_second_row_that_says_the_same_adds_no_certainty():
    truth, probability = random_case(1, n=300)
    names = ["origin", "customer_id"]
    once = recalibration.recalibrate(truth, probability.to_frame("p"))
    twice = recalibration.recalibrate(
        pd.concat({1: truth, 2: truth}, names=names),
        pd.concat({1: probability, 2: probability}, names=names).to_frame("p"),
    )
    pd.testing.assert_frame_equal(once, twice, rtol=1e-9)


# --- against an authority --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_slope_and_intercept_are_those_of_scikit_learn(seed):
    truth, probability = random_case(seed)
    row = recalibration.recalibrate(truth, probability.to_frame("p")).loc["p"]
    theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)
    theirs.fit(logit(probability.to_numpy())[:, None], truth)
    assert row["slope"] == pytest.approx(theirs.coef_[0, 0], abs=1e-6)
    assert row["intercept"] == pytest.approx(theirs.intercept_[0], abs=1e-6)


# --- messages --------------------------------------------------------------------------------


def test_what_is_no_probability_is_counted():
    truth = pd.Series([True, False])
    with pytest.raises(DataError, match="1 of 2 probabilities are outside"):
        recalibration.recalibrate(truth, pd.DataFrame({"days": [0.5, 12]}))
    with pytest.raises(DataError, match="1 of 2 values of 'p' are missing"):
        recalibration.recalibrate(truth, pd.DataFrame({"p": [0.5, np.nan]}))
