import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from workbench import churn, discrimination, purchases, snapshots, summary
from workbench.schema import DataError, TooFewData

SEEDS = range(20)
SEED = 20050401
AS_OF = pd.Timestamp("1998-06-30")
DAY = pd.Timedelta(days=1)


def orders_of(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return orders.assign(date=pd.to_datetime(orders["date"]))


def random_orders(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 200, 150), unit="D")
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in random.integers(0, 40, 150)],
            "date": days,
            "amount": random.gamma(2, 20, 150).round(2),
        }
    )
    return orders.drop_duplicates(["customer_id", "date"], ignore_index=True)


@pytest.fixture
def three_customers() -> pd.DataFrame:
    return orders_of(
        [
            ("anna", "2024-01-01", 10.0),
            ("anna", "2024-01-11", 30.0),
            ("anna", "2024-01-31", 20.0),
            ("anna", "2024-02-15", 99.0),  # after the origin
            ("ben", "2024-01-21", 40.0),
            ("cem", "2024-02-10", 0.0),  # on the origin, for free
            ("dora", "2024-02-11", 50.0),  # not yet there
        ]
    )


@pytest.fixture(scope="module")
def panels(sample_orders) -> dict[pd.Timestamp, snapshots.Panel]:
    """CDNOW's sample at four origins, windows of 91 days, without a purchase model."""
    keywords = {"as_of": AS_OF, "horizon_days": 91, "gap_days": 0}
    return {
        origin: snapshots.panel(sample_orders, origin=origin, **keywords)
        for origin in snapshots.origins(sample_orders, **keywords)
    }


@pytest.fixture(scope="module")
def backtest(panels) -> churn.Backtest:
    return churn.backtest(panels, seed=SEED)


def with_column(
    panels: dict[pd.Timestamp, snapshots.Panel], make
) -> dict[pd.Timestamp, snapshots.Panel]:
    """Give every panel the column p_no_purchase."""
    return {
        origin: one._replace(features=one.features.assign(p_no_purchase=make(one)))
        for origin, one in panels.items()
    }


# --- by hand ---------------------------------------------------------------------------------


def test_features_of_three_customers_by_hand(three_customers):
    table = snapshots.features(three_customers, origin=pd.Timestamp("2024-02-10"), horizon_days=20)
    assert table.index.tolist() == ["anna", "ben", "cem"]
    assert table.index.name == "customer_id"
    assert table.columns.tolist() == list(snapshots.FEATURES)
    assert table["days_since_last"].tolist() == [10, 20, 0]
    assert table["n_orders"].tolist() == [3, 1, 1]
    assert table["T"].tolist() == [40, 20, 0]
    # 60, 40 and 0 on the whole; 20, 40 and 0 a purchase.
    assert table["revenue_ratio"].tolist() == pytest.approx([1.8, 1.2, 0])
    assert table["basket_ratio"].tolist() == pytest.approx([1, 2, 0])
    # Anna's gaps are 10 and 20 days: mean 15, spread 5.
    assert table["gap_ratio"].tolist() == pytest.approx([10 / 15, 1, 1])
    assert table["gap_variation"].tolist() == pytest.approx([5 / 15, 0, 0])
    # The window is 2024-01-22 to 2024-02-10, the one before 2024-01-02 to 2024-01-21.
    assert table["recent_orders"].tolist() == [1, 0, 1]
    assert table["trend"].tolist() == pytest.approx([2 / 2, 1 / 2, 2 / 1])


def test_a_day_of_returns_lowers_what_was_spent_and_is_no_purchase(three_customers):
    back = orders_of(
        [
            ("anna", "2024-02-05", -30.0),
            ("ben", "2024-02-09", -90.0),
            ("cem", "2024-03-01", -1.0),
            ("never", "2024-01-02", -5.0),
        ]
    )
    table = pd.concat([back, three_customers], ignore_index=True)
    origin, window = pd.Timestamp("2024-02-10"), {"horizon_days": 20, "gap_days": 0}
    plain = snapshots.features(three_customers, origin=origin, horizon_days=20)
    found = snapshots.features(table, origin=origin, horizon_days=20)
    money = ["revenue_ratio", "basket_ratio"]
    pd.testing.assert_frame_equal(found.drop(columns=money), plain.drop(columns=money))
    # Anna has spent 30; Ben gave back more than he bought.
    assert found["revenue_ratio"].tolist() == [3.0, 0.0, 0.0]
    as_of = pd.Timestamp("2024-03-31")
    pd.testing.assert_series_equal(
        snapshots.labels(table, origin=origin, as_of=as_of, **window),
        snapshots.labels(three_customers, origin=origin, as_of=as_of, **window),
    )
    far = {"as_of": as_of, "horizon_days": 20, "gap_days": 0}
    early = pd.concat([table, orders_of([("anna", "2023-01-01", -1.0)])])
    assert snapshots.origins(early, **far) == snapshots.origins(three_customers, **far)


def test_labels_by_hand_leave_the_gap_out():
    orders = orders_of(
        [
            ("anna", "2024-01-01", 1.0),
            ("anna", "2024-01-15", 1.0),  # last day of the gap
            ("ben", "2024-01-01", 1.0),
            ("ben", "2024-01-16", 1.0),  # first day of the window
            ("cem", "2024-01-10", 1.0),
            ("cem", "2024-01-25", 1.0),  # last day of the window
            ("dora", "2024-01-05", 1.0),
            ("dora", "2024-01-26", 1.0),  # one day late
            ("emil", "2024-01-11", 1.0),  # not known at the origin
            ("emil", "2024-01-20", 1.0),
        ]
    )
    churned = snapshots.labels(
        orders,
        origin=pd.Timestamp("2024-01-10"),
        horizon_days=10,
        gap_days=5,
        as_of=pd.Timestamp("2024-01-25"),
    )
    assert churned.to_dict() == {"anna": True, "ben": False, "cem": False, "dora": True}
    assert churned.name == "churned" and churned.dtype == bool


def test_origins_by_hand():
    orders = orders_of([("anna", "2024-01-01", 1.0)])
    found = snapshots.origins(
        orders, as_of=pd.Timestamp("2024-01-01") + 100 * DAY, horizon_days=20, gap_days=5
    )
    # Windows of 5 + 20 days; the origin on day 0 has no 20 days before it.
    assert [(day - pd.Timestamp("2024-01-01")).days for day in found] == [25, 50, 75]


def test_no_more_origins_than_asked_for_and_the_latest_ones():
    orders = orders_of([("anna", "2020-01-01", 1.0)])
    keywords = {"as_of": pd.Timestamp("2024-01-01"), "horizon_days": 30, "gap_days": 0}
    assert len(snapshots.origins(orders, **keywords)) == 4
    found = snapshots.origins(orders, max_origins=6, **keywords)
    assert len(found) == 6 and found[-1] == pd.Timestamp("2023-12-02")


def test_exactly_enough_history_gives_three_origins():
    orders = orders_of([("anna", "2024-01-01", 1.0)])
    keywords = {"horizon_days": 20, "gap_days": 5}
    first = pd.Timestamp("2024-01-01")
    assert len(snapshots.origins(orders, as_of=first + 95 * DAY, **keywords)) == 3
    with pytest.raises(TooFewData, match="94 days"):
        snapshots.origins(orders, as_of=first + 94 * DAY, **keywords)


def test_the_purchase_model_is_taken_as_it_is(panels):
    added = with_column(panels, lambda one: 1 / (1 + one.features["n_orders"]))
    model = churn.fit_final(added, name="bgnbd", seed=SEED)
    one = added[max(added)].features
    predicted = churn.predict(model, one)
    assert predicted.tolist() == one["p_no_purchase"].tolist()
    assert predicted.name == "churn_probability"


def test_everybody_free_of_charge_is_no_division_by_zero():
    orders = orders_of([("anna", "2024-01-01", 0.0), ("ben", "2024-01-02", 0.0)])
    table = snapshots.features(orders, origin=pd.Timestamp("2024-01-05"), horizon_days=5)
    assert (table[["revenue_ratio", "basket_ratio"]] == 0).all(axis=None)


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_after_the_origin_change_no_feature(seed):
    orders, origin = random_orders(seed), pd.Timestamp("2024-04-15")
    before = orders.copy()
    late = orders["date"] > origin
    assert late.any()
    moved = orders.assign(date=orders["date"].mask(late, orders["date"] + 500 * DAY))
    raised = orders.assign(amount=orders["amount"].mask(late, 9999.0))
    table = snapshots.features(orders, origin=origin, horizon_days=30)
    for other in (orders[~late], moved, raised, orders.sample(frac=1, random_state=seed)):
        pd.testing.assert_frame_equal(
            snapshots.features(other, origin=origin, horizon_days=30), table, check_exact=True
        )
    pd.testing.assert_frame_equal(orders, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_features_are_finite_not_negative_and_free_of_the_unit_of_money(seed):
    orders, origin = random_orders(seed), pd.Timestamp("2024-04-15")
    table = snapshots.features(orders, origin=origin, horizon_days=30)
    assert (np.isfinite(table) & (table >= 0)).all(axis=None)
    cents = orders.assign(amount=orders["amount"] * 100)
    pd.testing.assert_frame_equal(
        snapshots.features(cents, origin=origin, horizon_days=30), table, rtol=1e-12
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_are_the_slow_loop_and_know_only_their_window(seed):
    orders, origin = random_orders(seed), pd.Timestamp("2024-04-15")
    keywords = {
        "origin": origin,
        "horizon_days": 30,
        "gap_days": 7,
        "as_of": pd.Timestamp("2024-07-01"),
    }
    churned = snapshots.labels(orders, **keywords)
    for customer_id, own in orders.groupby("customer_id"):
        days = (own["date"] - origin).dt.days
        if days.min() <= 0:
            assert churned[customer_id] == (not ((days > 7) & (days <= 37)).any())
        else:
            assert customer_id not in churned.index
    shuffled = orders.sample(frac=1, random_state=seed)
    pd.testing.assert_series_equal(snapshots.labels(shuffled, **keywords), churned)
    later = orders[orders["date"] <= origin + 37 * DAY]
    pd.testing.assert_series_equal(snapshots.labels(later, **keywords), churned)


@pytest.mark.parametrize("gap_days", [0, 14])
def test_every_label_is_known_at_the_next_origin(sample_orders, gap_days):
    found = snapshots.origins(sample_orders, as_of=AS_OF, horizon_days=60, gap_days=gap_days)
    for origin, following in zip(found, [*found[1:], AS_OF], strict=True):
        assert origin + (60 + gap_days) * DAY <= following
    assert (found[0] - sample_orders["date"].min()).days >= 60


def test_the_backtest_judges_every_model_at_every_origin_but_the_first(panels, backtest):
    others = sorted(panels)[1:]
    quality = backtest.quality
    assert quality.index.names == ["origin", "prediction"]
    assert quality.index.get_level_values("origin").unique().tolist() == others
    names = [name for name in churn.MODEL_LABELS if name != "bgnbd"]
    for origin, role in zip(others, ["earlier", "validation", "test"], strict=True):
        assert quality.loc[origin].index.tolist() == names
        assert (quality.loc[origin, "role"] == role).all()
    assert backtest.test_origin == others[-1]
    assert backtest.predictions.columns.tolist() == names
    assert backtest.predictions.index.equals(panels[others[-1]].features.index)
    assert backtest.model.name == backtest.chosen
    pd.testing.assert_series_equal(
        churn.predict(backtest.model, panels[others[-1]].features),
        backtest.predictions[backtest.chosen].rename("churn_probability"),
    )


def test_the_same_seed_gives_the_same_result(panels, backtest):
    again = churn.backtest(panels, seed=SEED)
    pd.testing.assert_frame_equal(again.quality, backtest.quality, check_exact=True)
    pd.testing.assert_frame_equal(again.predictions, backtest.predictions, check_exact=True)
    assert again.chosen == backtest.chosen


def test_the_order_of_rows_and_origins_changes_nothing(panels, backtest):
    turned = {
        origin: panels[origin]._replace(
            features=panels[origin].features.sample(frac=1, random_state=1),
            churned=panels[origin].churned.sample(frac=1, random_state=2),
        )
        for origin in sorted(panels, reverse=True)
    }
    again = churn.backtest(turned, seed=SEED)
    pd.testing.assert_frame_equal(again.quality, backtest.quality, check_exact=True)
    pd.testing.assert_frame_equal(again.predictions, backtest.predictions, check_exact=True)


def test_the_number_of_threads_changes_nothing(panels, backtest):
    with threadpool_limits(limits=2):
        again = churn.backtest(panels, seed=SEED)
    pd.testing.assert_frame_equal(again.predictions, backtest.predictions, check_exact=True)


def test_outcomes_at_the_test_origin_change_neither_choice_nor_prediction(panels, backtest):
    test_origin = max(panels)
    one = panels[test_origin]
    other = panels | {test_origin: one._replace(churned=~one.churned)}
    again = churn.backtest(other, seed=SEED)
    assert again.chosen == backtest.chosen
    pd.testing.assert_frame_equal(again.predictions, backtest.predictions, check_exact=True)
    before_test = backtest.quality.index.get_level_values("origin") < test_origin
    pd.testing.assert_frame_equal(
        again.quality[before_test], backtest.quality[before_test], check_exact=True
    )
    assert again.quality.loc[test_origin, "auc"].to_dict() != pytest.approx(
        backtest.quality.loc[test_origin, "auc"].to_dict()
    )


def test_the_cheat_is_chosen_and_the_noise_is_not(panels):
    random = np.random.default_rng(1)
    cheat = churn.backtest(with_column(panels, lambda one: one.churned.astype(float)), seed=SEED)
    noise = churn.backtest(
        with_column(panels, lambda one: random.random(len(one.churned))), seed=SEED
    )
    cheated = cheat.quality.loc[cheat.test_origin].loc["bgnbd"]
    noisy = noise.quality.loc[noise.test_origin].loc["bgnbd"]
    assert cheat.chosen == "bgnbd" and cheated["auc"] == 1 and cheated["brier"] == 0
    assert noise.chosen != "bgnbd" and noisy["brier_skill"] < 0
    assert noisy["auc_low"] < 0.5 < noisy["auc_high"]


def test_a_feature_that_knows_the_label_is_found_by_its_importance(panels):
    known = {
        origin: one._replace(
            features=one.features.assign(trend=one.churned.astype(float) + 1),
        )
        for origin, one in panels.items()
    }
    last = known[max(known)]
    model = churn.fit_final(known, name="logistic", seed=SEED)
    table = churn.importance(model, last.features, last.churned, seed=SEED)
    assert table.index[0] == "trend"
    assert table["auc_loss"].iloc[0] > 0.2 > table["auc_loss"].iloc[1]
    assert table.loc["trend", "label"] == "Entwicklung der Käufe"
    again = churn.importance(model, last.features[::-1], last.churned, seed=SEED)
    pd.testing.assert_frame_equal(again, table, check_exact=True)


def test_coefficients_of_a_single_feature_have_the_sign_of_common_sense(panels):
    silence = churn.coefficients(churn.fit_final(panels, name="weeks_since_last", seed=SEED))
    count = churn.coefficients(churn.fit_final(panels, name="frequency", seed=SEED))
    assert silence.loc["days_since_last", "coefficient"] > 0
    assert count.loc["n_orders", "odds_ratio"] < 1
    table = churn.coefficients(churn.fit_final(panels, name="logistic", seed=SEED))
    assert sorted(table.index) == sorted(snapshots.FEATURES)
    assert table["coefficient"].abs().is_monotonic_decreasing


def test_every_feature_and_model_has_its_german_words():
    for label, definition in snapshots.FEATURES.values():
        assert label[0].isupper() and definition.format(horizon_days=91).endswith(".")
    assert all(churn.MODEL_LABELS.values())


# --- against an authority --------------------------------------------------------------------

# The figures of churn on CDNOW's sample: no purchase in the next 91 days, seen from 1997-12-31
# and 1998-04-01. The second window ends one day after the data, as it did for the figures.
REFERENCE = {
    "1997-12-31": {"buyers": 0.164, "silence": 0.799, "bgnbd": 0.794, "brier": 0.1058},
    "1998-04-01": {"buyers": 0.127, "silence": 0.829, "bgnbd": 0.834, "brier": 0.0845},
}
AUC_OF_P_ALIVE = {"1997-12-31": (0.329, 0.306, 0.354), "1998-04-01": (0.350, 0.326, 0.373)}


@pytest.fixture(scope="module")
def reference_panels(sample_orders) -> dict[pd.Timestamp, snapshots.Panel]:
    found = {}
    for day in ("1997-10-01", *REFERENCE):
        origin = pd.Timestamp(day)
        one = snapshots.panel(
            sample_orders, origin=origin, horizon_days=91, gap_days=0, as_of=AS_OF + DAY
        )
        known = summary.summarise(sample_orders, as_of=origin)
        model = purchases.fit(summary.profiles(known))
        silent = 1 - purchases.p_purchase(model, known, days=91)
        lost = 1 - purchases.p_alive(model, known)
        found[origin] = one._replace(
            features=one.features.assign(p_no_purchase=silent, not_alive=lost)
        )
    return found


@pytest.mark.parametrize("day", REFERENCE)
def test_churn_on_cdnow_is_that_of_the_reference(reference_panels, day):
    one, expected = reference_panels[pd.Timestamp(day)], REFERENCE[day]
    columns = ["days_since_last", "p_no_purchase"]
    table = discrimination.discrimination(one.churned, one.features[columns])
    assert len(one.churned) == 2357
    assert 1 - one.churned.mean() == pytest.approx(expected["buyers"], abs=0.0005)
    assert table.loc["days_since_last", "auc"] == pytest.approx(expected["silence"], abs=0.0005)
    assert table.loc["p_no_purchase", "auc"] == pytest.approx(expected["bgnbd"], abs=0.0005)
    assert table.loc["p_no_purchase", "brier"] == pytest.approx(expected["brier"], abs=0.00005)


@pytest.mark.parametrize("day", AUC_OF_P_ALIVE)
def test_p_alive_ranks_churn_worse_than_chance(reference_panels, day):
    one = reference_panels[pd.Timestamp(day)]
    row = discrimination.discrimination(one.churned, one.features[["not_alive"]]).loc["not_alive"]
    auc, low, high = AUC_OF_P_ALIVE[day]
    assert row["auc"] == pytest.approx(auc, abs=0.0005)
    # The reference drew its interval by bootstrap.
    assert row["auc_low"] == pytest.approx(low, abs=0.002)
    assert row["auc_high"] == pytest.approx(high, abs=0.002)


def test_models_on_cdnow_reach_the_figures_of_the_reference(reference_panels):
    backtest = churn.backtest(reference_panels, seed=SEED)
    test = backtest.quality.loc[pd.Timestamp("1998-04-01")]
    # The reference has .832 and .0837 with other features, .835 for its boosting, and says that
    # a difference below .02 means nothing.
    assert test.loc["logistic", "auc"] == pytest.approx(0.832, abs=0.02)
    assert test.loc["logistic", "brier"] == pytest.approx(0.0837, rel=0.03)
    assert test.loc["boosting", "auc"] == pytest.approx(0.835, abs=0.02)
    assert test.loc["weeks_since_last", "auc"] == pytest.approx(0.829, abs=0.0005)
    assert backtest.chosen == "bgnbd"


# --- messages --------------------------------------------------------------------------------


def test_a_window_past_the_data_is_refused_with_the_days(three_customers):
    with pytest.raises(ValueError, match="ends on 2024-03-12, 11 days after the last complete day"):
        snapshots.labels(
            three_customers,
            origin=pd.Timestamp("2024-02-10"),
            horizon_days=30,
            gap_days=1,
            as_of=pd.Timestamp("2024-03-01"),
        )


def test_too_short_a_history_says_how_many_days_are_needed(sample_orders):
    with pytest.raises(TooFewData, match=r"545 days .* that needs 800") as caught:
        snapshots.origins(sample_orders, as_of=AS_OF, horizon_days=200, gap_days=0)
    assert (caught.value.have, caught.value.need) == (545, 800)


def test_bad_lengths_are_refused(three_customers):
    origin = pd.Timestamp("2024-02-10")
    with pytest.raises(ValueError, match="horizon_days=0 must be at least 1"):
        snapshots.features(three_customers, origin=origin, horizon_days=0)
    with pytest.raises(ValueError, match="gap_days=-1 at least 0"):
        snapshots.labels(three_customers, origin=origin, horizon_days=1, gap_days=-1, as_of=origin)
    with pytest.raises(ValueError, match="max_origins=2 must be at least 3"):
        snapshots.origins(three_customers, as_of=origin, horizon_days=1, gap_days=0, max_origins=2)


def test_an_origin_before_the_first_order_is_refused(three_customers):
    origin = pd.Timestamp("2023-12-31")
    with pytest.raises(DataError, match="the first one is on 2024-01-01"):
        snapshots.features(three_customers, origin=origin, horizon_days=5)
    with pytest.raises(DataError, match="the first one is on 2024-01-01"):
        snapshots.labels(
            three_customers, origin=origin, horizon_days=5, gap_days=0, as_of=origin + 5 * DAY
        )


def test_too_few_of_a_class_are_counted(panels):
    origin = max(panels)
    one = panels[origin]
    all_churned = panels | {origin: one._replace(churned=one.churned | True)}
    message = f"of 2357 customers at origin {origin.date()}, 2357 churned and 0 bought"
    with pytest.raises(TooFewData, match=message) as caught:
        churn.backtest(all_churned, seed=SEED)
    assert (caught.value.have, caught.value.need) == (0, 20)


def test_two_origins_are_too_few(panels):
    two = {origin: panels[origin] for origin in sorted(panels)[:2]}
    with pytest.raises(TooFewData, match="2 origins are too few"):
        churn.backtest(two, seed=SEED)


def test_a_label_not_known_at_the_next_origin_is_refused(panels):
    first = min(panels)
    late = panels | {first: panels[first]._replace(outcome_end=first + 92 * DAY)}
    with pytest.raises(DataError, match=r"origin 1997-07-01 is known on 1997-10-01, after"):
        churn.backtest(late, seed=SEED)


def test_features_and_labels_of_other_customers_are_refused(panels):
    origin = max(panels)
    cut = panels | {origin: panels[origin]._replace(churned=panels[origin].churned.iloc[3:])}
    with pytest.raises(DataError, match="3 customers are in only one of features and labels"):
        churn.backtest(cut, seed=SEED)


def test_unknown_models_and_missing_columns_are_named(panels):
    with pytest.raises(ValueError, match="model 'forest' is unknown"):
        churn.fit_final(panels, name="forest", seed=SEED)
    model = churn.fit_final(panels, name="bgnbd", seed=SEED)
    with pytest.raises(DataError, match=r"features lacks \['p_no_purchase'\]"):
        churn.predict(model, panels[max(panels)].features)


def test_models_without_coefficients_or_features_say_so(panels):
    last = panels[max(panels)]
    base = churn.fit_final(panels, name="base_rate", seed=SEED)
    with pytest.raises(ValueError, match="model 'base_rate' has no coefficients"):
        churn.coefficients(base)
    with pytest.raises(ValueError, match="model 'base_rate' reads no feature"):
        churn.importance(base, last.features, last.churned, seed=SEED)


def test_cents_and_dollars_give_the_same_bits_of_every_feature(sample_orders):
    day = pd.Timestamp("1997-12-31")
    in_cents = sample_orders.assign(amount=(sample_orders["amount"] * 100).round())
    one = snapshots.features(sample_orders, origin=day, horizon_days=91)
    other = snapshots.features(in_cents, origin=day, horizon_days=91)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
