from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from workbench import (
    churn_features,
    churn_training,
    discrimination,
    model_choice,
    purchases,
    summary,
)
from workbench.churn_training import Panel, Plan, Training
from workbench.schema import DataError, TooFewData
from workbench.stored_model import Calibration, Model, members, predict, uncalibrated

SEEDS = range(20)
SEED = 20050401
DAY = pd.Timedelta(days=1)
FIRST_DAY = pd.Timestamp("2023-01-01")
PLAN = churn_training.plan(FIRST_DAY, as_of=FIRST_DAY + 450 * DAY, horizon_days=80, gap_days=10)
Panels = dict[pd.Timestamp, Panel]


def make_panel(seed: int, *, n: int = 600, shift: float = 0.0, turned: bool = False) -> Panel:
    """Customers whose churn follows their silence and their trend, by known odds."""
    random = np.random.default_rng(seed)
    silence = random.integers(0, 400, n).astype(float)
    trend = random.normal(size=n)
    n_orders = random.integers(1, 7, n)
    log_odds = (-1 if turned else 1) * (silence / 100 - 2 - 1.2 * trend) + shift
    truth = expit(np.where(n_orders > 1, log_odds, log_odds / 2))
    features = pd.DataFrame(
        {
            "days_since_last": silence,
            "n_orders": n_orders.astype(float),
            "p_no_purchase": expit(logit(truth) / 2 + random.normal(size=n)),
            "trend": trend,
            "rhythm": np.where(n_orders > 2, random.random(n), np.nan),
            "first_channel": random.choice(["Laden", "Netz", None], n),
        },
        index=pd.Index([f"c{i:05d}" for i in range(n)], name="customer_id"),
    )
    label = pd.Series(random.random(n) < truth, index=features.index, name="churned")
    return Panel(features, label)


def make_panels(seed: int = 0, **keywords) -> Panels:
    return {origin: make_panel(100 * seed + i, **keywords) for i, origin in enumerate(PLAN.origins)}


def train(panels: Panels, *, plan: Plan = PLAN, population: str = "repeat") -> Training:
    return churn_training.train(panels, plan=plan, population=population, seed=SEED)


def only(panels: Panels, columns: list[str]) -> Panels:
    return {day: one._replace(features=one.features[columns]) for day, one in panels.items()}


def assert_same(one: Training, other: Training) -> None:
    """But for the quality at the test origin, everything is the same to the last bit."""
    pd.testing.assert_frame_equal(one.selection, other.selection, check_exact=True)
    pd.testing.assert_frame_equal(one.predictions, other.predictions, check_exact=True)
    pd.testing.assert_series_equal(one.calibrated, other.calibrated, check_exact=True)
    assert one.model._replace(pipeline=None) == other.model._replace(pipeline=None)


@pytest.fixture(scope="module")
def panels() -> Panels:
    return make_panels()


@pytest.fixture(scope="module")
def trained(panels) -> Training:
    return train(panels)


# --- by hand ---------------------------------------------------------------------------------


def test_origins_by_hand():
    # Windows of 10 + 80 days back from day 450; before the first lie at least 80 days.
    assert [(day - FIRST_DAY).days for day in PLAN.origins] == [90, 180, 270, 360]
    assert (PLAN.calibration - FIRST_DAY).days == 270
    assert [(day - FIRST_DAY).days for day in PLAN.training] == [90, 180]
    short = churn_training.plan(
        FIRST_DAY, as_of=FIRST_DAY + 450 * DAY, horizon_days=80, gap_days=10, max_origins=3
    )
    assert short.origins == PLAN.origins[1:]


def test_exactly_enough_history_gives_one_origin_of_each_kind():
    keywords = {"horizon_days": 80, "gap_days": 10}
    found = churn_training.plan(FIRST_DAY, as_of=FIRST_DAY + 350 * DAY, **keywords)
    assert len(found.training) == 1
    with pytest.raises(TooFewData, match="349 days"):
        churn_training.plan(FIRST_DAY, as_of=FIRST_DAY + 349 * DAY, **keywords)


def test_the_event_of_one_time_buyers_is_the_second_purchase(panels):
    test = panels[PLAN.test]
    for population, once in (("repeat", False), ("one_time", True)):
        own = (test.features["n_orders"] == 1) == once
        bought = ~test.label[own]
        table = train(panels, population=population).quality
        assert (table["customers"] == own.sum()).all()
        assert (table["events"] == (bought.sum() if once else (~bought).sum())).all()


def test_a_purchase_model_is_turned_round_for_the_second_purchase(panels):
    reads = {"p_no_purchase": "number"}
    for population in ("repeat", "one_time"):
        own = members(panels[PLAN.test].features, population=population)
        model = Model(population, "bgnbd", reads, None, 0.1, Calibration("none"))
        silent = own["p_no_purchase"]
        wanted = silent if population == "repeat" else 1 - silent
        assert predict(model, own).tolist() == wanted.tolist()


def test_the_threshold_of_ten_customers_by_hand(trained):
    ten = pd.Series(np.arange(10) / 10)
    some = trained._replace(calibrated=ten)
    assert churn_training.threshold(some, top_share=0.3) == 0.7
    assert churn_training.threshold(some, top_share=1.0) == 0.0
    assert (ten >= churn_training.threshold(some, top_share=0.25)).sum() == 2


def test_too_few_events_leave_the_base_rate_and_say_why(panels):
    test = panels[PLAN.test]
    own = members(test.features, population="repeat").index
    label = test.label.copy()
    label[own] = False
    label[own[:7]] = True
    result = train(panels | {PLAN.test: test._replace(label=label)})
    assert result.reason.startswith(
        f"of {len(own)} customers of the population 'repeat' at the test origin, only 7 had"
    )
    before = [panels[day] for day in (*PLAN.training, PLAN.calibration)]
    rate = pd.concat([one.label[one.features["n_orders"] > 1] for one in before]).mean()
    assert result.model.name == "base_rate"
    assert result.predictions.columns.tolist() == ["base_rate"]
    assert result.predictions["base_rate"].tolist() == [pytest.approx(rate)] * len(own)
    assert result.verdict.code == "untested"
    last = churn_training.refit(
        panels | {PLAN.test: test._replace(label=label)}, plan=PLAN, training=result, seed=SEED
    )
    assert last.name == "base_rate" and last.rate < rate


def test_a_customer_who_churned_at_two_origins_is_one_customer(panels):
    rare = {}
    for day in PLAN.training:
        one = panels[day]
        own = members(one.features, population="repeat").index
        again = members(panels[PLAN.training[0]].features, population="repeat").index
        both = own.intersection(again)[:12]
        label = one.label.where(~one.label.index.isin(own), False)
        rare[day] = one._replace(label=label.where(~label.index.isin(both), True))
    result = train(panels | rare)
    assert "at the training origin, only" in result.reason
    n_rows = sum(one.label[one.features["n_orders"] > 1].sum() for one in rare.values())
    assert n_rows == 24


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_every_label_is_known_at_the_origin_that_follows(seed):
    random = np.random.default_rng(seed)
    horizon, gap = int(random.integers(1, 200)), int(random.integers(0, 60))
    as_of = FIRST_DAY + int(random.integers(horizon * 4 + gap * 3, 3000)) * DAY
    found = churn_training.plan(FIRST_DAY, as_of=as_of, horizon_days=horizon, gap_days=gap)
    window = (horizon + gap) * DAY
    for origin in found.training:
        assert origin + window <= found.calibration
    assert found.calibration + window <= found.test
    assert found.test + window == as_of
    assert found.origins[0] - FIRST_DAY >= horizon * DAY


def test_the_true_causes_win_and_the_model_beats_the_stopwatch(trained):
    assert trained.model.name == "logistic"
    assert trained.selection.index.tolist() == [
        *("base_rate", "weeks_since_last", "frequency", "bgnbd", "logistic", "boosting"),
    ]
    assert trained.verdict.code == "model" and trained.verdict.model == "logistic"
    assert trained.verdict.gain_low > 0 and trained.verdict.auc_gain_low > 0
    assert trained.reason == ""


def test_the_stopwatch_wins_where_nothing_but_silence_counts():
    panels = {}
    for i, origin in enumerate(PLAN.origins):
        one = make_panel(i)
        truth = expit(2 * np.log1p(one.features["days_since_last"].to_numpy() / 100) - 1.6)
        label = pd.Series(np.random.default_rng(i).random(len(truth)) < truth, one.label.index)
        panels[origin] = Panel(one.features.drop(columns="p_no_purchase"), label)
    result = train(panels)
    assert result.model.name == "weeks_since_last"
    assert result.verdict.code in ("tied", "stopwatch")
    assert result.verdict.model != "weeks_since_last"


def test_the_stopwatch_wins_where_what_was_learned_no_longer_holds(panels, trained):
    test = panels[PLAN.test]
    turned = test._replace(features=test.features.assign(trend=-test.features["trend"]))
    result = train(panels | {PLAN.test: turned})
    assert result.model.name == trained.model.name == "logistic"
    assert result.verdict.code == "stopwatch" and result.verdict.gain_high < 0
    assert result.verdict.auc_gain_high < 0


def test_noise_is_not_better_than_the_base_rate():
    panels = {}
    for i, (origin, one) in enumerate(make_panels().items()):
        heads = np.random.default_rng(50 + i).random(len(one.label)) < 0.4
        panels[origin] = one._replace(label=pd.Series(heads, index=one.label.index))
    result = train(panels)
    assert result.model.name == "base_rate" and result.verdict.code == "base_rate"


def test_a_cheat_is_chosen():
    panels = {
        day: one._replace(features=one.features.assign(p_no_purchase=one.label.astype(float)))
        for day, one in make_panels().items()
    }
    result = train(panels)
    assert result.model.name == "bgnbd" and result.quality.loc["bgnbd", "auc"] == 1


def test_a_shift_of_the_level_is_calibrated_away():
    shifts = dict(zip(PLAN.origins, (0.0, 0.0, 1.5, 1.5), strict=True))
    panels = {
        day: make_panel(i, n=2000, shift=shift) for i, (day, shift) in enumerate(shifts.items())
    }
    result = train(panels)
    test = members(panels[PLAN.test].features, population="repeat")
    observed = panels[PLAN.test].label[test.index].mean()
    assert result.model.calibration.method == "sigmoid"
    assert predict(result.model, test).mean() == pytest.approx(observed, abs=0.02)
    assert abs(uncalibrated(result.model, test).mean() - observed) > 0.1


def stairs(n: int) -> Panels:
    """Customers whose purchase model knows the order, but not that there are two levels only."""
    panels = {}
    for i, origin in enumerate(PLAN.origins):
        random = np.random.default_rng(i)
        silent = random.random(n)
        features = pd.DataFrame(
            {"n_orders": 2.0, "days_since_last": random.random(n), "p_no_purchase": silent},
            index=pd.Index([f"c{i:05d}" for i in range(n)], name="customer_id"),
        )
        label = random.random(n) < np.where(silent < 0.8, 0.1, 0.9)
        panels[origin] = Panel(features, pd.Series(label, index=features.index))
    return panels


def test_stairs_are_calibrated_by_steps_only_with_a_thousand_customers():
    result = train(stairs(3000))
    assert result.selection.loc["bgnbd", "calibration"] == "isotonic"
    assert result.predictions["bgnbd"].min() > 0 and result.predictions["bgnbd"].max() < 1
    few = train(stairs(999)).selection["calibration"]
    assert "isotonic" not in few.tolist()


@pytest.mark.parametrize("n", [999, 3000])
def test_calibration_never_turns_two_customers_round(n):
    panels = stairs(n)
    result = train(panels)
    silent = panels[PLAN.test].features["p_no_purchase"].sort_values()
    assert result.predictions["bgnbd"].reindex(silent.index).is_monotonic_increasing


def test_a_model_that_is_upside_down_is_not_turned_round_by_calibration(panels):
    one = panels[PLAN.calibration]
    silent = 1 - one.features["p_no_purchase"]
    turned = one._replace(features=one.features.assign(p_no_purchase=silent))
    result = train(panels | {PLAN.calibration: turned})
    assert result.selection.loc["bgnbd", "calibration"] == "none"


def test_rows_columns_and_origins_in_another_order_change_nothing(panels, trained):
    turned = {
        origin: Panel(
            panels[origin].features.sample(frac=1, random_state=1).iloc[:, ::-1],
            panels[origin].label.sample(frac=1, random_state=2),
        )
        for origin in sorted(panels, reverse=True)
    }
    again = train(turned)
    assert_same(again, trained)
    pd.testing.assert_frame_equal(again.quality, trained.quality, check_exact=True)
    assert again.verdict == trained.verdict


def test_the_same_seed_gives_the_same_and_arguments_stay_as_they_were(panels, trained):
    before = {day: (one.features.copy(), one.label.copy()) for day, one in panels.items()}
    with threadpool_limits(limits=2):
        assert_same(train(panels), trained)
    for day, one in panels.items():
        pd.testing.assert_frame_equal(one.features, before[day][0])
        pd.testing.assert_series_equal(one.label, before[day][1])


def test_one_population_does_not_hear_of_the_other(panels, trained):
    other = {}
    for day, one in panels.items():
        is_once = one.features["n_orders"] == 1
        other[day] = Panel(one.features[~is_once], one.label[~is_once])
    assert_same(train(other), trained)


def test_missing_and_unheard_of_values_are_predicted(panels, trained):
    known = members(panels[PLAN.test].features, population="repeat")
    strange = known.assign(trend=np.nan, rhythm=np.nan, first_channel="Messe")
    probability = predict(trained.model, strange)
    assert probability.between(0, 1).all() and probability.nunique() > 50


def test_no_customer_is_calibrated_by_himself(panels, monkeypatch):
    fit_curve, calibrated = model_choice.fit_curve, model_choice.calibrated
    fitted_to = []

    def fit(raw, event, *, method):
        fitted_to.append(raw.index)
        return fit_curve(raw, event, method=method)

    def apply(curve, raw):
        assert fitted_to[-1].intersection(raw.index).empty
        return calibrated(curve, raw)

    monkeypatch.setattr(model_choice, "fit_curve", fit)
    monkeypatch.setattr(model_choice, "calibrated", apply)
    n = len(train(panels).calibrated)
    assert min(len(index) for index in fitted_to) < 0.81 * n < max(map(len, fitted_to)) == n


def test_the_published_model_is_the_same_recipe_one_origin_later(panels, trained):
    last = churn_training.refit(panels, plan=PLAN, training=trained, seed=SEED)
    assert (last.name, last.population) == (trained.model.name, "repeat")
    before = [panels[day] for day in (*PLAN.training, PLAN.calibration)]
    rate = pd.concat([one.label[one.features["n_orders"] > 1] for one in before]).mean()
    assert last.rate == pytest.approx(rate)
    known = members(panels[PLAN.test].features, population="repeat")
    assert not predict(last, known).equals(predict(trained.model, known))


def test_an_old_model_decays_where_customers_change_and_a_new_one_recovers():
    panels = make_panels(n=1500) | {
        day: make_panel(40 + i, n=1500, turned=True) for i, day in enumerate(PLAN.origins[2:])
    }
    found = churn_training.decay(panels, plan=PLAN, population="repeat", name="logistic", seed=SEED)
    table = found.by_origin
    assert table.index.tolist() == list(PLAN.origins[1:])
    assert table["age_days"].tolist() == [90, 180, 270]
    assert table["auc"].iloc[0] > 0.75 and (table["auc"].iloc[1:] < 0.3).all()
    # One of three origins that it was fitted to is like the last.
    assert table["auc_refitted"].iloc[2] > table["auc"].iloc[2]
    assert table["auc"].iloc[0] == table["auc_refitted"].iloc[0]
    assert table["brier"].iloc[2] > table["brier_refitted"].iloc[2]
    assert (table["auc_low"] < table["auc"]).all() and (table["auc"] < table["auc_high"]).all()
    # At the first both are one model, on the same draws.
    assert table[["auc_lost", "auc_lost_low", "auc_lost_high"]].iloc[0].tolist() == [0, 0, 0]
    last = table.iloc[2]
    assert 0 < last["auc_lost_low"] < last["auc_lost"] < last["auc_lost_high"]
    assert last["auc_lost"] == pytest.approx(last["auc_refitted"] - last["auc"])
    pooled = found.pooled
    assert (pooled["origins"], pooled["rows"]) == (2, table["customers"].iloc[1:].sum())
    assert pooled["auc_lost_low"] < pooled["auc_lost"] < pooled["auc_lost_high"]
    assert pooled["auc_lost_low"] > 0 and pooled["auc_lost_high"] < last["auc_lost_high"] + 0.1


# --- the traps of training, each put in ------------------------------------------------------


def strangers_do_not_matter(panels: Panels) -> bool:
    """Half of the customers of the test origin become strange; the others keep their bits."""
    test = panels[PLAN.test]
    strange = test.features.index[::2]
    features = test.features.copy()
    features.loc[strange, ["days_since_last", "trend"]] *= 50
    one = train(panels).predictions
    other = train(panels | {PLAN.test: test._replace(features=features)}).predictions
    kept = one.index.difference(strange)
    return one.loc[kept].equals(other.loc[kept])


def test_trap_4_a_scaler_fitted_to_the_test_origin_is_noticed(panels, monkeypatch):
    assert strangers_do_not_matter(panels)
    honest = churn_training._parts
    fit = churn_training._fit
    seen: list[Panel] = []

    def remember(*arguments, **keywords):
        parts = honest(*arguments, **keywords)
        seen[:] = parts.values()
        return parts

    def scaled_on_all(name, parts, **keywords):
        model = fit(name, parts, **keywords)
        if model.pipeline is not None:
            everybody = pd.concat([one.features for one in seen])
            table = churn_training.table_of(everybody, model.kinds)
            model.pipeline["columns"].fit(table)
        return model

    monkeypatch.setattr(churn_training, "_parts", remember)
    monkeypatch.setattr(churn_training, "_fit", scaled_on_all)
    assert not strangers_do_not_matter(panels)


def risk_is_as_frequent_as_predicted(panels: Panels) -> bool:
    """A logistic regression with an intercept predicts its own training rows right on average."""
    model = train(panels).model
    assert model.name == "logistic"
    before = [panels[day] for day in PLAN.training]
    rows = [members(one.features, population="repeat") for one in before]
    predicted = pd.concat([uncalibrated(model, one) for one in rows]).mean()
    observed = pd.concat(
        [one.label[known.index] for one, known in zip(before, rows, strict=True)]
    ).mean()
    return abs(predicted - observed) < 1e-4


@pytest.fixture(scope="module")
def rare_panels() -> Panels:
    return make_panels(n=1500, shift=-2.5)


def test_trap_5_resampling_before_the_fit_is_noticed(rare_panels, monkeypatch):
    assert risk_is_as_frequent_as_predicted(rare_panels)
    fit = churn_training._fit

    def oversampled(name, parts, **keywords):
        more = []
        for one in parts:
            rare = one.label.index[one.label]
            times = (~one.label).sum() // max(len(rare), 1)
            rows = one.label.index.append([rare] * max(times - 1, 0))
            more.append(Panel(one.features.loc[rows], one.label.loc[rows]))
        return fit(name, more, **keywords)

    monkeypatch.setattr(churn_training, "_fit", oversampled)
    assert not risk_is_as_frequent_as_predicted(rare_panels)


def test_trap_5_class_weights_are_noticed(rare_panels, monkeypatch):
    honest = churn_training.new_pipeline

    def weighted(name, kinds, **keywords):
        return honest(name, kinds, **keywords).set_params(model__class_weight="balanced")

    monkeypatch.setattr(churn_training, "new_pipeline", weighted)
    assert not risk_is_as_frequent_as_predicted(rare_panels)


def outcomes_of_the_test_change_nothing(panels: Panels, of: Callable[[Panels], object]) -> bool:
    test = panels[PLAN.test]
    flipped = panels | {PLAN.test: test._replace(label=~test.label)}
    return of(panels) == of(flipped)


def test_trap_12_choosing_a_model_on_the_test_origin_is_noticed(panels):
    def honest(some: Panels) -> str:
        return train(some).model.name

    def chosen_on_test(some: Panels) -> str:
        return str(train(some).quality["log_loss"].idxmin())

    assert outcomes_of_the_test_change_nothing(panels, honest)
    assert not outcomes_of_the_test_change_nothing(panels, chosen_on_test)


def test_trap_12_everything_but_the_quality_is_deaf_to_the_test_origin(panels, trained):
    test = panels[PLAN.test]
    again = train(panels | {PLAN.test: test._replace(label=~test.label)})
    assert_same(again, trained)
    assert again.quality["auc"].to_dict() != pytest.approx(trained.quality["auc"].to_dict())


def test_trap_13_a_threshold_tuned_on_the_test_origin_is_noticed(panels):
    def honest(some: Panels) -> float:
        return churn_training.threshold(train(some), top_share=0.2)

    def tuned(some: Panels) -> float:
        result = train(some)
        probability = result.predictions[result.model.name]
        event = some[PLAN.test].label[probability.index]
        grid = np.linspace(0.05, 0.95, 19)
        hits = [((probability >= level) == event).mean() for level in grid]
        return float(grid[int(np.argmax(hits))])

    def of_the_scores(some: Panels) -> float:
        result = train(some)
        return float(result.predictions[result.model.name].quantile(0.8))

    assert outcomes_of_the_test_change_nothing(panels, honest)
    assert not outcomes_of_the_test_change_nothing(panels, tuned)
    test = panels[PLAN.test]
    silent = test.features.assign(days_since_last=test.features["days_since_last"] + 200)
    later = panels | {PLAN.test: test._replace(features=silent)}
    assert honest(panels) == honest(later)
    assert of_the_scores(panels) != of_the_scores(later)


# --- against an authority --------------------------------------------------------------------


def cdnow_panels(orders: pd.DataFrame, plan: Plan, *, as_of: pd.Timestamp) -> Panels:
    found = {}
    for origin in plan.origins:
        known = summary.summarise(orders, as_of=origin)
        features = churn_features.build(
            orders,
            origin=origin,
            horizon_days=91,
            gap_days=0,
            purchase_model=purchases.fit(summary.profiles(known)),
        )
        label = churn_features.label(
            orders,
            origin=origin,
            gap_days=0,
            horizon_days=91,
            customers=features.index,
            as_of=as_of,
        )
        found[origin] = Panel(features, label)
    return found


# No purchase in the next 91 days on CDNOW's sample, from both origins of the reference; the
# second window ends one day after the data. AUC and Brier score of a logistic regression with
# other features, fitted to one earlier origin; a difference below .02 AUC means nothing.
REFERENCE = {
    "1997-12-31": {"buyers": 0.164, "silence": 0.799, "auc": 0.815, "brier": 0.1053},
    "1998-04-01": {"buyers": 0.127, "silence": 0.829, "auc": 0.832, "brier": 0.0837},
}


@pytest.mark.parametrize("day", REFERENCE)
def test_churn_on_cdnow_is_that_of_the_reference(sample_orders, day):
    expected, as_of = REFERENCE[day], pd.Timestamp(day) + 91 * DAY
    plan = churn_training.plan(pd.Timestamp("1997-01-01"), as_of=as_of, horizon_days=91, gap_days=0)
    assert plan.test == pd.Timestamp(day)
    panels = cdnow_panels(sample_orders, plan, as_of=as_of)
    repeat, once = (train(panels, plan=plan, population=name) for name in ("repeat", "one_time"))
    churned, features = panels[plan.test].label, panels[plan.test].features
    assert len(churned) == 2357
    assert 1 - churned.mean() == pytest.approx(expected["buyers"], abs=0.0005)
    # Both populations together, as the reference has them.
    every = pd.concat([repeat.predictions["logistic"], 1 - once.predictions["logistic"]])
    table = discrimination.discrimination(
        churned,
        pd.DataFrame({"logistic": every, "silence": features["days_since_last"]}),
    )
    assert table.loc["silence", "auc"] == pytest.approx(expected["silence"], abs=0.0005)
    assert table.loc["logistic", "auc"] == pytest.approx(expected["auc"], abs=0.02)
    assert table.loc["logistic", "brier"] == pytest.approx(expected["brier"], rel=0.03)


@pytest.mark.parametrize(("day", "auc"), [("1997-12-31", 0.778), ("1998-04-01", 0.835)])
def test_boosting_on_cdnow_reaches_the_figure_of_the_reference(sample_orders, day, auc):
    as_of = pd.Timestamp(day) + 91 * DAY
    plan = churn_training.plan(pd.Timestamp("1997-01-01"), as_of=as_of, horizon_days=91, gap_days=0)
    panels = cdnow_panels(sample_orders, plan, as_of=as_of)
    repeat, once = (train(panels, plan=plan, population=name) for name in ("repeat", "one_time"))
    every = pd.concat([repeat.predictions["boosting"], 1 - once.predictions["boosting"]])
    table = discrimination.discrimination(panels[plan.test].label, every.to_frame())
    assert table.loc["boosting", "auc"] == pytest.approx(auc, abs=0.02)


def test_one_time_buyers_of_cdnow_are_gone_and_nothing_tells_them_apart(sample_orders):
    as_of = pd.Timestamp("1998-07-01")
    plan = churn_training.plan(pd.Timestamp("1997-01-01"), as_of=as_of, horizon_days=91, gap_days=0)
    panels = cdnow_panels(sample_orders, plan, as_of=as_of)
    once = train(panels, plan=plan, population="one_time")
    repeat = train(panels, plan=plan, population="repeat")
    # 95 to 97 % of the one-time buyers buy no more, and 69 to 76 % of the repeat buyers.
    gone, away = (one.quality["events"] / one.quality["customers"] for one in (once, repeat))
    assert 1 - gone["base_rate"] == pytest.approx(0.97, abs=0.005)
    assert away["base_rate"] == pytest.approx(0.76, abs=0.005)
    assert once.model.name == "base_rate" and once.verdict.code == "base_rate"
    assert repeat.quality.loc["logistic", "auc"] < 0.8


# --- messages --------------------------------------------------------------------------------


def test_too_short_a_history_says_what_is_needed():
    with pytest.raises(
        TooFewData,
        match=r"100 days from 2023-01-01 .* one to calibrate and one to test need 350",
    ) as caught:
        churn_training.plan(FIRST_DAY, as_of=FIRST_DAY + 100 * DAY, horizon_days=80, gap_days=10)
    assert (caught.value.have, caught.value.need) == (100, 350)


def test_bad_lengths_and_shares_are_refused(trained):
    with pytest.raises(ValueError, match="horizon_days=0 must be at least 1"):
        churn_training.plan(FIRST_DAY, as_of=FIRST_DAY, horizon_days=0, gap_days=0)
    with pytest.raises(ValueError, match="max_origins=2 must be at least 3"):
        churn_training.plan(FIRST_DAY, as_of=FIRST_DAY, horizon_days=1, gap_days=0, max_origins=2)
    with pytest.raises(ValueError, match="top_share=0 must be above 0"):
        churn_training.threshold(trained, top_share=0)


def test_a_label_that_is_not_known_in_time_is_refused(panels):
    day = PLAN.training[-1] + 1 * DAY
    late = PLAN._replace(training=(PLAN.training[0], day))
    with pytest.raises(DataError, match=r"origin 2023-07-01 is known on 2023-09-29, after the"):
        train(panels | {day: panels[PLAN.training[-1]]}, plan=late)
    overlapping = PLAN._replace(calibration=PLAN.calibration + 5 * DAY)
    with pytest.raises(DataError, match="after the next origin 2023-12-27"):
        train(panels | {overlapping.calibration: panels[PLAN.calibration]}, plan=overlapping)


def test_a_missing_origin_and_one_with_other_columns_are_named(panels):
    absent = {day: one for day, one in panels.items() if day != PLAN.test}
    with pytest.raises(DataError, match=r"no panel of the origins \['2023-12-27'\]"):
        train(absent)
    one = panels[PLAN.calibration]
    other = panels | {PLAN.calibration: one._replace(features=one.features.drop(columns="trend"))}
    with pytest.raises(DataError, match=r"do not share the features \['trend'\]"):
        train(other)
    with pytest.raises(TooFewData, match="no training origin"):
        train(panels, plan=PLAN._replace(training=()))


def test_features_and_labels_of_other_customers_are_refused(panels):
    one = panels[PLAN.test]
    cut = panels | {PLAN.test: one._replace(label=one.label.iloc[3:])}
    with pytest.raises(DataError, match="3 of 600 customers of origin 2023-12-27"):
        train(cut)
    unknown = one.label.astype(object)
    unknown.iloc[:2] = None
    with pytest.raises(DataError, match="2 of 600 values of truth are neither"):
        train(panels | {PLAN.test: one._replace(label=unknown)})


def test_a_population_that_is_not_there_is_said(panels):
    repeaters = {}
    for day, one in panels.items():
        often = one.features["n_orders"] > 1
        repeaters[day] = Panel(one.features[often], one.label[often])
    with pytest.raises(TooFewData, match="no customer of the population 'one_time'"):
        train(repeaters, population="one_time")
    with pytest.raises(ValueError, match="population 'all' is unknown"):
        train(panels, population="all")


def test_decay_says_which_models_can_be_followed(panels):
    keywords = {"plan": PLAN, "population": "repeat", "seed": SEED}
    with pytest.raises(ValueError, match="model 'forest' cannot be fitted at 2023-04-01"):
        churn_training.decay(panels, name="forest", **keywords)
    first = panels[PLAN.training[0]]
    quiet = panels | {PLAN.training[0]: first._replace(label=first.label | True)}
    with pytest.raises(TooFewData, match="at the earliest origin, only 0 had") as caught:
        churn_training.decay(quiet, name="logistic", **keywords)
    assert (caught.value.have, caught.value.need) == (0, 20)
