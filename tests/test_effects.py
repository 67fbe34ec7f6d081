from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from workbench import churn_features, churn_training, effects, stored_model
from workbench.schema import DataError, TooFewData


def customers(n: int) -> pd.Index:
    return pd.Index([f"c{i:05d}" for i in range(n)], name="customer_id")


def line(**slopes: float):
    """Make a logistic model with these slopes."""

    def predict(features: pd.DataFrame) -> pd.Series:
        return expit(sum(slope * features[name] for name, slope in slopes.items()))

    return predict


def drawn_case(seed: int, n: int = 1000) -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(seed)
    features = pd.DataFrame(random.normal(size=(n, 2)), columns=["a", "b"], index=customers(n))
    return features, pd.Series(random.random(n) < expit(2 * features["a"]), index=features.index)


# --- by hand ---------------------------------------------------------------------------------


def test_rising_and_falling_features_are_one_group_and_a_constant_is_alone():
    features = pd.DataFrame(
        {
            "silence": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "activity": [1 / day for day in range(1, 7)],
            "constant": 1.0,
            "other": [2.0, 5.0, 1.0, 6.0, 3.0, 4.0],
        }
    )
    assert effects.correlated(features) == {
        "activity": ("activity", "silence"),
        "constant": ("constant",),
        "other": ("other",),
    }


def test_every_pair_of_a_group_correlates_by_the_threshold():
    # a and b, b and c correlate by .8, a and c by .4: they are no group of three.
    features = pd.DataFrame(
        {"a": [1, 2, 3, 4, 5.0], "b": [2, 1, 4, 3, 5.0], "c": [4, 1, 3, 2, 5.0]}
    )
    ranks = features.corr("spearman").abs()
    groups = effects.correlated(features)
    assert ranks.loc["a", "c"] < effects.SAME_FROM < ranks.loc["a", "b"]
    assert groups == {"a": ("a", "b"), "c": ("c",)}


def test_a_feature_that_the_model_does_not_read_loses_nothing():
    features, truth = drawn_case(1)
    groups = {"a": ["a"], "b": ["b"]}
    table = effects.importance(features, truth, predict=line(a=2.0), groups=groups, seed=1)
    assert table.index.tolist() == ["a", "b"]
    assert table.loc["b"].drop("features").tolist() == pytest.approx([0] * 6, abs=1e-15)
    assert table.loc["a", "auc_loss_low"] > 0.2


def test_a_straight_line_has_a_straight_local_effect():
    # .3 + x / 10 for x = 0 ... 4, each as often: the middle of the classes is 2.
    features = pd.DataFrame({"x": np.tile(np.arange(5.0), 20)}, index=customers(100))
    table = effects.local_effects(
        features, feature="x", predict=lambda table: 0.3 + table["x"] / 10
    )
    assert table["value"].tolist() == [0, 1, 2, 3, 4]
    assert table["customers"].tolist() == [0, 40, 20, 20, 20]
    assert np.diff(table["effect"]).tolist() == pytest.approx([0.1] * 4)
    middle = (0.4 * 0.05 + 0.2 * 0.15 + 0.2 * 0.25 + 0.2 * 0.35) + table["effect"].iloc[0]
    assert middle == pytest.approx(0)


def test_the_effect_of_one_feature_leaves_out_that_of_its_companion():
    # b is a with noise; a partial dependence would ask about customers who do not exist.
    random = np.random.default_rng(2)
    a = random.uniform(0, 1, 4000)
    features = pd.DataFrame({"a": a, "b": a + random.normal(0, 0.01, 4000)}, index=customers(4000))

    def predict(table: pd.DataFrame) -> pd.Series:
        # The effect of a turns round where a and b are far apart, which never happens.
        far = (table["a"] - table["b"]).abs() > 0.3
        return (0.2 + 0.5 * table["a"]).where(~far, 0.9)

    table = effects.local_effects(features, feature="a", predict=predict)
    slope = np.polyfit(table["value"], table["effect"], 1)[0]
    assert slope == pytest.approx(0.5, abs=1e-9)
    flat = effects.local_effects(features, feature="b", predict=predict)
    assert flat["effect"].tolist() == pytest.approx([0] * len(flat), abs=1e-12)


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_columns_and_groups_changes_nothing(seed):
    features, truth = drawn_case(seed)
    before = features.copy()
    turned = features.sample(frac=1, random_state=seed)[["b", "a"]]
    assert effects.correlated(features) == effects.correlated(turned)
    predict = line(a=1.0, b=0.5)
    there = effects.importance(
        features, truth, predict=predict, groups={"a": ["a"], "b": ["b"]}, seed=seed
    )
    back = effects.importance(
        turned, truth[::-1], predict=predict, groups={"b": ["b"], "a": ["a"]}, seed=seed
    )
    pd.testing.assert_frame_equal(there, back, check_exact=True)
    pd.testing.assert_frame_equal(
        effects.local_effects(features, feature="a", predict=predict),
        effects.local_effects(turned, feature="a", predict=predict),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(features, before)


def test_another_seed_shuffles_otherwise():
    features, truth = drawn_case(1)
    first, second = (
        effects.importance(features, truth, predict=line(a=2.0), groups={"a": ["a"]}, seed=seed)
        for seed in (1, 2)
    )
    assert first.loc["a", "auc_loss"] != second.loc["a", "auc_loss"]
    assert first.loc["a", "auc_loss"] == pytest.approx(second.loc["a", "auc_loss"], abs=0.03)


def test_features_that_stand_in_for_each_other_are_found_together():
    random = np.random.default_rng(3)
    features, truth = drawn_case(3, n=3000)
    features["copy"] = features["a"] + random.normal(0, 0.1, len(features))
    predict = line(a=1.0, copy=1.0)
    alone = effects.importance(
        features, truth, predict=predict, groups={"a": ["a"], "copy": ["copy"]}, seed=1
    )
    groups = effects.correlated(features)
    together = effects.importance(features, truth, predict=predict, groups=groups, seed=1)
    assert groups == {"a": ("a", "copy"), "b": ("b",)}
    assert together.loc["a", "features"] == "a, copy"
    assert together.loc["a", "auc_loss"] > 1.5 * alone["auc_loss"].max()


def noise_coverage(seed: int) -> tuple[int, int, float]:
    """Count the intervals of 20 noise features that hold 0, AUC and log loss; and the cause's."""
    random = np.random.default_rng(seed)
    n, names = 1500, [f"noise_{i:02d}" for i in range(20)]
    features = pd.DataFrame(random.normal(size=(2 * n, 20)), columns=names, index=customers(2 * n))
    features["cause"] = random.normal(size=2 * n)
    truth = pd.Series(random.random(2 * n) < expit(features["cause"]), index=features.index)
    model = LogisticRegression(solver="newton-cholesky")
    model.fit(features.iloc[:n], truth.iloc[:n])
    table = effects.importance(
        features.iloc[n:],
        truth.iloc[n:],
        predict=lambda known: pd.Series(
            model.predict_proba(known[[*names, "cause"]])[:, 1], index=known.index
        ),
        groups=effects.correlated(features),
        seed=seed,
    )
    noise = table.drop(index="cause")
    return (
        int(((noise["auc_loss_low"] <= 0) & (noise["auc_loss_high"] >= 0)).sum()),
        int(((noise["log_loss_gain_low"] <= 0) & (noise["log_loss_gain_high"] >= 0)).sum()),
        table.loc["cause", "auc_loss_low"] - noise["auc_loss_high"].max(),
    )


def test_of_twenty_noise_features_the_intervals_of_eighteen_hold_zero():
    found = [noise_coverage(seed) for seed in range(10)]
    by_auc, by_log_loss = [one[0] for one in found], [one[1] for one in found]
    # 95 % of 200 with an error of 1.5 %.
    assert 0.92 <= np.sum(by_auc) / 200 <= 0.99
    assert 0.92 <= np.sum(by_log_loss) / 200 <= 0.99
    assert by_auc[0] >= 18
    assert min(one[2] for one in found) > 0


# --- against an authority --------------------------------------------------------------------


CDNOW_END = pd.Timestamp("1998-06-30")


def cdnow(orders: pd.DataFrame, origin: pd.Timestamp) -> tuple[pd.DataFrame, pd.Series]:
    """Features of one day, and who bought nothing in the 91 days after it."""
    window = {"origin": origin, "horizon_days": 91, "gap_days": 0}
    features = churn_features.build(orders, **window)
    churned = churn_features.label(orders, customers=features.index, as_of=CDNOW_END, **window)
    return features, churned


def logistic(features: pd.DataFrame, churned: pd.Series) -> tuple[Pipeline, Callable]:
    """Fit a logistic regression; its pipeline, and how it predicts."""
    kinds = dict.fromkeys(features, "number")
    pipeline = stored_model.new_pipeline("logistic", kinds, seed=1).fit(features, churned)

    def predict(table: pd.DataFrame) -> pd.Series:
        return pd.Series(pipeline.predict_proba(table[list(kinds)])[:, 1], index=table.index)

    return pipeline, predict


def test_importance_on_cdnow_agrees_with_scikit_learn(sample_orders):
    first_day = sample_orders["date"].min()
    plan = churn_training.plan(first_day, as_of=CDNOW_END, horizon_days=91, gap_days=0)
    *earlier, (judged, churned) = [cdnow(sample_orders, origin) for origin in plan.origins]
    pipeline, predict = logistic(*(pd.concat(parts) for parts in zip(*earlier, strict=True)))
    alone = {name: [name] for name in judged}
    table = effects.importance(judged, churned, predict=predict, groups=alone, seed=1)
    theirs = permutation_importance(
        pipeline, judged, churned, scoring="roc_auc", n_repeats=20, random_state=2
    )
    expected = pd.Series(theirs.importances_mean, index=list(judged))
    assert (table["auc_loss"] - expected).abs().max() < 0.01
    assert table["auc_loss"].idxmax() == expected.idxmax() == "n_orders"
    groups = effects.correlated(judged)
    together = effects.importance(judged, churned, predict=predict, groups=groups, seed=1)
    assert groups["clumpiness"] == ("clumpiness", "days_to_second", "is_one_time", "n_orders")
    assert together.index[0] == "clumpiness"
    # Features that can stand in for each other each lose little.
    assert together["auc_loss_low"].iloc[0] > 1.5 * table["auc_loss"].max()
    assert 0.03 < together["auc_loss_low"].iloc[0] < together["auc_loss_high"].iloc[0] < 0.08


def test_the_local_effect_of_silence_on_cdnow_rises(sample_orders):
    features, churned = cdnow(sample_orders, pd.Timestamp("1998-03-31"))
    _, predict = logistic(features[["days_since_last"]], churned)
    table = effects.local_effects(features, feature="days_since_last", predict=predict)
    assert table["effect"].is_monotonic_increasing
    assert table["effect"].iloc[-1] - table["effect"].iloc[0] > 0.3
    assert table["customers"].sum() >= 0.94 * len(features)


# --- messages --------------------------------------------------------------------------------


def test_what_lacks_is_named():
    features, truth = drawn_case(1)
    with pytest.raises(DataError, match=r"features lacks \['c'\], which the groups name"):
        effects.importance(features, truth, predict=line(a=1.0), groups={"c": ["c"]}, seed=1)
    with pytest.raises(DataError, match="features lacks 'c'"):
        effects.local_effects(features, feature="c", predict=line(a=1.0))
    with pytest.raises(DataError, match=r"of 1000 rows, features are missing: {'a': 1}"):
        effects.correlated(
            features.assign(a=features["a"].where(features["a"] > features["a"].min()))
        )


def test_a_feature_with_one_value_has_no_curve():
    features, _ = drawn_case(1)
    with pytest.raises(TooFewData, match="'flat' is 3 for all but 5% of 1000 customers") as caught:
        effects.local_effects(features.assign(flat=3.0), feature="flat", predict=line(a=1.0))
    assert (caught.value.have, caught.value.need) == (1, 2)


def test_a_prediction_of_other_customers_is_refused():
    features, truth = drawn_case(1)
    with pytest.raises(DataError, match="predict gave 10 rows for 1000 customers"):
        effects.importance(
            features,
            truth,
            predict=lambda table: line(a=1.0)(table.head(10)),
            groups={"a": ["a"]},
            seed=1,
        )
