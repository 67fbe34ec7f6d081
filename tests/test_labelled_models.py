import numpy as np
import pandas as pd
import pytest

from workbench import labelled_models, labelled_sets, stored_model
from workbench.schema import TooFewData

SEED = 20050401


def customers(n, *, seed, effect=1.5) -> tuple[pd.DataFrame, pd.Series]:
    """A set in which one number and one text tell the event, and one number tells nothing."""
    chance = np.random.default_rng(seed)
    index = pd.Index([f"c{i:05d}" for i in range(n)], name="customer_id")
    told, kind = chance.normal(size=n), chance.choice(["a", "b"], n)
    odds = effect * (told + (kind == "b"))
    event = pd.Series(chance.random(n) < 1 / (1 + np.exp(1 - odds)), index=index)
    features = pd.DataFrame(
        {"told": told, "again": told**3, "noise": chance.normal(size=n), "kind": kind}, index=index
    )
    return features.assign(told=features["told"].mask(chance.random(n) < 0.05), same=1.0), event


@pytest.fixture(scope="module")
def judged():
    features, event = customers(600, seed=1)
    return features, event, labelled_models.judge(features, event, seed=SEED)


@pytest.fixture(scope="module")
def campaign(shared):
    """The marketing campaign of shared/, read as a labelled set."""
    return labelled_sets.read(
        shared / "data" / "marketing_campaign.csv",
        columns={"customer_id": "ID", "label": "Response"},
        without=(),
        known_customers=(),
        as_of=pd.Timestamp("2025-12-31"),
    ).table


# By hand


def test_each_customer_is_judged_by_models_that_did_not_know_him(judged):
    _, event, found = judged
    assert found.folds.value_counts().tolist() == [120] * 5
    events = event.groupby(found.folds).sum()
    assert events.max() - events.min() <= 1
    for number, model in enumerate(found.fitted["base_rate"]):
        assert model.rate == pytest.approx(event[found.folds != number].mean())
        assert (found.predictions["base_rate"][found.folds == number] == model.rate).all()


def test_a_fold_is_predicted_as_by_a_pipeline_fitted_to_the_others(judged):
    features, event, found = judged
    others = found.folds != 3
    kinds = {"again": "number", "kind": "text", "noise": "number", "told": "number"}
    pipeline = stored_model.new_pipeline("logistic", kinds, seed=SEED)
    pipeline.fit(features.loc[others, list(kinds)], event[others])
    expected = pipeline.predict_proba(features.loc[~others, list(kinds)])[:, 1]
    model = found.fitted["logistic"][3]
    told = stored_model.uncalibrated(model, features[~others])
    assert told.to_numpy() == pytest.approx(expected, abs=1e-12)
    assert found.selection.loc["logistic", "calibration"] == "none"
    assert found.predictions.loc[~others, "logistic"].to_numpy() == pytest.approx(expected)


def test_what_tells_the_event_is_found_and_noise_is_not(judged):
    features, event, found = judged
    assert found.name == "logistic"
    assert found.quality.loc["logistic", "auc"] > 0.75
    assert found.quality.loc["logistic", "brier_skill"] > 0.15
    table = labelled_models.importance(found, features, event, seed=SEED)
    assert set(table.index) == {"again", "kind", "noise"}
    assert table.loc["again", "features"] == "again, told"
    assert table.index[0] == "again" and table.loc["again", "auc_loss_low"] > 0.05
    assert table.loc["kind", "auc_loss_low"] > 0
    assert table.loc["noise", "auc_loss_low"] < 0 < table.loc["noise", "auc_loss_high"] + 0.01


# Properties


def test_the_order_of_rows_and_columns_changes_nothing(judged):
    features, event, found = judged
    mixed = features.sample(frac=1, random_state=3)[features.columns[::-1]]
    again = labelled_models.judge(mixed, event.sample(frac=1, random_state=4), seed=SEED)
    pd.testing.assert_frame_equal(again.predictions, found.predictions)
    pd.testing.assert_frame_equal(again.selection, found.selection)


def test_features_that_say_nothing_lose_to_the_base_rate():
    chosen = []
    for seed in range(2):
        features, event = customers(150, seed=seed, effect=0.0)
        chosen.append(labelled_models.judge(features, event, seed=seed).name)
    assert chosen == ["base_rate"] * 2


def test_without_a_feature_there_is_nothing_but_the_base_rate():
    features, event = customers(100, seed=2)
    found = labelled_models.judge(features[["same"]], event, seed=SEED)
    assert list(found.predictions) == ["base_rate"] and found.name == "base_rate"
    with pytest.raises(TooFewData, match="no feature has more than one value"):
        labelled_models.importance(found, features[["same"]], event, seed=SEED)


# Against an authority


def test_marketing_campaign_reaches_the_auc_that_is_known_of_it(campaign):
    features, label = campaign.drop(columns="label"), campaign["label"]
    # Without the day on which each became a customer, which others leave out as a text.
    found = labelled_models.judge(features.drop(columns="Dt_Customer"), label, seed=SEED)
    assert 0.87 <= found.quality.loc["logistic", "auc"] <= 0.89
    assert found.name == "logistic"


def test_the_day_they_came_makes_the_marketing_campaign_easier_to_tell(campaign):
    features, label = campaign.drop(columns="label"), campaign["label"]
    quality = labelled_models.judge(features, label, seed=SEED).quality
    assert 0.89 <= quality.loc["logistic", "auc"] <= 0.91
    assert quality.loc["logistic", "brier_skill"] == pytest.approx(0.363, abs=0.01)


# Messages


def test_too_few_of_one_kind_are_counted():
    features, event = customers(100, seed=5)
    event[:] = False
    event.iloc[:19] = True
    with pytest.raises(
        TooFewData, match="of 100 customers only 19 had the rarer outcome"
    ) as caught:
        labelled_models.judge(features, event, seed=SEED)
    assert (caught.value.have, caught.value.need) == (19, 20)
