import json
import stat

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from workbench import (
    churn_features,
    churn_panels,
    churn_training,
    clv,
    intake,
    purchase_models,
    spend_models,
    stored_model,
    summary,
)
from workbench.churn_panels import Snapshot, Terms
from workbench.churn_training import UNTESTED, Panel, Plan, Training
from workbench.formats import Style
from workbench.purchases import BgNbd
from workbench.schema import DataError
from workbench.stored_model import Calibration, Model

STYLE = Style("de_DE", "EUR")
DAY = pd.Timedelta(days=1)
AS_OF = pd.Timestamp("1998-06-30")
TERMS = Terms(horizon_days=365, annual_discount_rate=0.1, margin=0.3)
NO_ERRORS = ((0.0,) * 4,) * 4
PLAN = churn_training.plan(
    pd.Timestamp("1997-01-01"), as_of=AS_OF, horizon_days=91, gap_days=14, max_origins=3
)


def up_to(orders: pd.DataFrame):
    """Return what gives the orders as they were known on a day; nothing was returned."""
    return lambda day: orders[orders["date"] <= day]


def described(orders: pd.DataFrame, *, plan: Plan = PLAN) -> dict[pd.Timestamp, Snapshot]:
    return churn_panels.snapshots(
        orders, plan=plan, as_of=AS_OF, known=up_to(orders), tables={}, terms=TERMS
    )


@pytest.fixture(scope="module")
def some_orders(sample_orders) -> pd.DataFrame:
    """Every second customer of CDNOW's sample."""
    customers = sorted(set(sample_orders["customer_id"]))[::2]
    return sample_orders[sample_orders["customer_id"].isin(customers)]


@pytest.fixture(scope="module")
def found(some_orders) -> dict[pd.Timestamp, Snapshot]:
    return described(some_orders)


@pytest.fixture
def three() -> pd.DataFrame:
    """Features of three repeat buyers, of whom one is silent beyond his rhythm."""
    return pd.DataFrame(
        {
            "days_since_last": [96.0, 30.0, 8.0],
            "n_orders": [4.0, 2.0, 12.0],
            "first_channel": ["Laden", "Netz", "Netz"],
            "usual_gap_days": [30.4, np.nan, 8.0],
        },
        index=pd.Index(["anna", "ben", "cem"], name="customer_id"),
    )


def fitted(kinds: dict[str, str], *, seed: int = 1) -> Model:
    """A logistic regression in which silence raises the risk and purchases lower it."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "days_since_last": random.integers(0, 200, 500).astype(float),
            "n_orders": random.integers(2, 15, 500).astype(float),
            "first_channel": random.choice(["Laden", "Netz"], 500),
        }
    )
    event = table["days_since_last"] / 20 > table["n_orders"] - random.normal(0, 3, 500)
    pipeline = stored_model.new_pipeline("logistic", kinds, seed=1).fit(table[list(kinds)], event)
    return Model("repeat", "logistic", kinds, pipeline, 0.5, Calibration("none"))


READ = {"days_since_last": "number", "first_channel": "text", "n_orders": "number"}


# --- by hand ---------------------------------------------------------------------------------


def test_risk_classes_by_hand():
    probability = pd.Series([0.1, 0.25, 0.3, 0.9, 1.0], index=list("abcde"))
    values = pd.Series([10.0, 20.0, 30.0, 40.0, 100.0], index=list("abcde"))
    table = churn_panels.risk_classes(probability, values=values)
    assert table["risk_from"].tolist() == [0, 0.25, 0.5, 0.75, 0.9]
    assert table["risk_to"].tolist() == [0.25, 0.5, 0.75, 0.9, 1]
    # A border belongs to the class above it, but for 1, which has none.
    assert table["customers"].tolist() == [1, 2, 0, 0, 2]
    assert table["customer_share"].tolist() == pytest.approx([0.2, 0.4, 0, 0, 0.4])
    assert table["value"].tolist() == [10, 50, 0, 0, 140]
    assert table["value_share"].tolist() == pytest.approx([0.05, 0.25, 0, 0, 0.7])
    turned = churn_panels.risk_classes(probability, values=values[::-1])
    pd.testing.assert_frame_equal(turned, table)


def test_customers_who_are_worth_nothing_have_no_share_of_it():
    probability = pd.Series([0.1, 0.6], index=list("ab"))
    table = churn_panels.risk_classes(probability, values=probability * 0.0)
    assert (table["value_share"] == 0).all()


def test_the_value_if_staying_is_the_value_over_the_probability_of_being_there(some_orders):
    people = summary.summarise(some_orders, as_of=AS_OF)
    model = BgNbd(0.243, 30.9, 0.793, 2.426, NO_ERRORS, -9.0, len(people), 9, 9.0)
    found = churn_panels.value_if_staying(people, some_orders, model=model, terms=TERMS)
    spend_model = spend_models.choose(some_orders, summary=people).model
    value = clv.customer_value(
        model,
        people,
        expected_spend=spend_models.expected_spend(spend_model, people),
        horizon_days=365,
        annual_discount_rate=0.1,
        margin=0.3,
    )
    alive = purchase_models.p_alive(model, people)
    assert found.index.equals(people.index) and found.name == "value_if_staying"
    assert (found * alive).tolist() == pytest.approx(value.tolist())
    assert (found > value)[alive < 0.9].all()
    # Who bought once is there for certain, in this model.
    once = people["frequency"] == 0
    assert found[once].tolist() == value[once].tolist()
    twice = TERMS._replace(margin=0.6)
    double = churn_panels.value_if_staying(people, some_orders, model=model, terms=twice)
    assert double.tolist() == pytest.approx((2 * found).tolist())


def test_who_is_surely_gone_is_worth_nothing_and_no_division_by_zero(some_orders, monkeypatch):
    people = summary.summarise(some_orders, as_of=AS_OF)
    model = BgNbd(0.243, 30.9, 0.793, 2.426, NO_ERRORS, -9.0, len(people), 9, 9.0)
    gone = pd.Series(0.0, index=people.index)
    monkeypatch.setattr(purchase_models, "p_alive", lambda model, people: gone)
    found = churn_panels.value_if_staying(people, some_orders, model=model, terms=TERMS)
    assert (found == 0).all()


def test_where_no_spend_model_fits_there_is_no_value():
    orders = pd.DataFrame(
        {
            "customer_id": ["anna", "ben"],
            "date": pd.to_datetime(["2024-01-01", "2024-01-11"]),
            "amount": [10.0, 30.0],
        }
    )
    people = summary.summarise(orders, as_of=pd.Timestamp("2024-02-01"))
    model = BgNbd(0.243, 30.9, 0.793, 2.426, NO_ERRORS, -9.0, 2, 9, 9.0)
    assert churn_panels.value_if_staying(people, orders, model=model, terms=TERMS) is None
    assert churn_panels.purchase_model(people) is None


def test_asking_changes_only_the_features_that_are_given(three):
    model, before = fitted(READ), three.copy()
    whole = stored_model.predict(model, three)
    pd.testing.assert_series_equal(churn_panels.ask(model, three, three[["n_orders"]]), whole)
    louder = three[["days_since_last"]] + 50
    asked = churn_panels.ask(model, three, louder)
    wanted = stored_model.predict(model, three.assign(days_since_last=[146.0, 80.0, 58.0]))
    pd.testing.assert_series_equal(asked, wanted)
    assert (asked > whole).all()
    # Some customers, in another order: each keeps what is his.
    some = louder.loc[["cem", "anna"]]
    pd.testing.assert_series_equal(
        churn_panels.ask(model, three, some), wanted.loc[["anna", "cem"]]
    )
    pd.testing.assert_frame_equal(three, before)


def test_reasons_are_german_phrases_of_what_the_model_reads(three):
    model = fitted(READ)
    buyers = three.assign(days_since_last=30.0, n_orders=6.0)
    table = churn_panels.explain(model, three, reference=buyers, style=STYLE)
    assert table.index.tolist() == ["anna", "ben", "cem"]
    assert table.columns.tolist() == ["reason_1", "reason_2", "reason_3"]
    assert table.loc["anna"].tolist() == [
        "seit 96 Tagen kein Kauf, üblich sind 30",
        "erst 4 Käufe (beim mittleren Käufer 6)",
        "",
    ]
    assert table.loc["ben"].tolist() == ["erst 2 Käufe (beim mittleren Käufer 6)", "", ""]
    assert table.loc["cem"].tolist() == ["", "", ""]


def test_a_feature_that_the_model_does_not_read_is_no_reason(three):
    reads = {"n_orders": "number"}
    more = three.assign(T=9999.0)
    table = churn_panels.explain(fitted(reads), more, reference=more, style=STYLE)
    assert not table.apply(lambda told: told.str.contains("Tag")).any(axis=None)
    nothing = Model("repeat", "base_rate", {}, None, 0.5, Calibration("none"))
    assert (churn_panels.explain(nothing, three, reference=three, style=STYLE) == "").all(axis=None)


def test_features_of_the_purchase_model_can_be_left_out():
    table = pd.DataFrame({"T": [1.0], "p_no_purchase": 0.5, "expected_purchases": 1, "p_alive": 1})
    assert list(churn_panels.without_model(table)) == ["T"]
    assert list(churn_panels.without_model(table[["T"]])) == ["T"]


def make_panels() -> dict[pd.Timestamp, Panel]:
    """Repeat buyers whose churn follows silence, which a purchase model knows as well."""
    panels = {}
    for seed, origin in enumerate(PLAN.origins):
        random = np.random.default_rng(seed)
        silence = random.integers(0, 300, 400).astype(float)
        features = pd.DataFrame(
            {
                "days_since_last": silence,
                "n_orders": random.integers(2, 9, 400).astype(float),
                "p_no_purchase": (silence + 30) / 400,
            },
            index=pd.Index([f"c{i:03d}" for i in range(400)], name="customer_id"),
        )
        label = random.random(400) < (silence + 30) / 400
        panels[origin] = Panel(features, pd.Series(label, index=features.index))
    return panels


@pytest.mark.parametrize(
    ("chosen", "name"), [("bgnbd", "logistic"), ("frequency", "logistic"), ("boosting", "boosting")]
)
def test_what_is_taken_apart_reads_many_features_and_none_of_the_purchase_model(chosen, name):
    model = Model("repeat", chosen, {}, None, 0.5, Calibration("none"))
    none = pd.DataFrame()
    training = Training(model, none, none, none, pd.Series(dtype=float), UNTESTED, "")
    panels = make_panels()
    apart = churn_panels.taken_apart(panels, plan=PLAN, training=training, seed=1)
    assert apart.name == name
    assert set(apart.kinds) == {"days_since_last", "n_orders"}
    assert "p_no_purchase" in panels[PLAN.test].features


# --- properties ------------------------------------------------------------------------------


def same(one: Snapshot, other: Snapshot) -> bool:
    return (
        one.features.equals(other.features)
        and one.values.equals(other.values)
        and one.n_customers == other.n_customers
    )


def test_snapshots_know_nothing_after_their_day(some_orders, found):
    """The other future: everybody buys on the next day, strangers come, and prices rise."""
    origin = PLAN.calibration
    past = some_orders[some_orders["date"] <= origin]
    late = some_orders[some_orders["date"] > origin]
    everybody = sorted({*some_orders["customer_id"], "~new"})
    more = pd.DataFrame({"customer_id": everybody, "date": origin + DAY, "amount": 999.0})
    moved = late.assign(date=late["date"] + 2 * DAY, amount=late["amount"] * 7)
    other = described(pd.concat([past, more, moved[moved["date"] <= AS_OF]]))
    for day, one in found.items():
        assert same(other[day], one) == (day <= origin)


def test_each_origin_is_described_by_the_orders_as_they_were_known_on_it(some_orders, found):
    """Until after the test origin, nobody knew of one customer."""
    hidden = found[PLAN.training[0]].features.index[0]
    known = up_to(some_orders[some_orders["customer_id"] != hidden])
    again = churn_panels.snapshots(
        some_orders, plan=PLAN, as_of=AS_OF, known=known, tables={}, terms=TERMS
    )
    for origin in PLAN.origins:
        assert hidden not in again[origin].features.index
        assert again[origin].n_customers == found[origin].n_customers - 1
    assert same(again[AS_OF], found[AS_OF])


def snapshot_of(orders, *, gap_days):
    people = summary.summarise(orders, as_of=PLAN.test)
    return churn_panels.snapshot(
        orders,
        people=people,
        model=churn_panels.purchase_model(people),
        origin=PLAN.test,
        horizon_days=91,
        gap_days=gap_days,
        tables={},
        terms=TERMS,
        with_model=True,
    )


def test_orders_after_its_day_change_no_snapshot(some_orders, found):
    whole = snapshot_of(some_orders, gap_days=14)
    assert same(whole, found[PLAN.test])


def test_the_order_of_rows_changes_no_snapshot(some_orders, found):
    again = described(some_orders.sample(frac=1, random_state=1))
    assert all(same(again[day], one) for day, one in found.items())


def test_a_snapshot_holds_who_may_still_be_lost_and_counts_everybody(some_orders, found):
    assert list(found) == [*PLAN.origins, AS_OF]
    for day, one in found.items():
        people = summary.summarise(some_orders, as_of=day)
        active = people["days_since_last"] < churn_features.active_days(91)
        assert one.features.index.equals(people.index[active])
        assert one.values.index.equals(one.features.index) and (one.values >= 0).all()
        assert one.n_customers == len(people)
        assert one.features["p_no_purchase"].between(0, 1).all()
    assert len(found[AS_OF].features) < found[AS_OF].n_customers


def test_where_one_origin_bears_no_model_no_snapshot_has_its_columns(some_orders):
    early = pd.Timestamp("1997-01-04")
    plan = PLAN._replace(training=(early,))
    found = described(some_orders, plan=plan)
    assert found[early].values is None and found[AS_OF].values is not None
    for one in found.values():
        assert not set(one.features) & {"p_no_purchase", "expected_purchases", "p_alive"}


def known_of(orders):
    return lambda day: orders[orders["date"] <= day]


def test_a_panel_takes_its_label_from_what_was_known_when_the_window_ended(some_orders, found):
    asked = []

    def known(day):
        asked.append(day)
        return some_orders[some_orders["date"] <= day]

    churn_panels.panels(found=found, plan=PLAN, as_of=AS_OF, known=known)
    window = (PLAN.gap_days + PLAN.horizon_days) * DAY
    assert asked == [origin + window for origin in PLAN.origins]


def test_a_panel_adds_what_came_and_knows_only_its_window(some_orders, found):
    panels = churn_panels.panels(found=found, plan=PLAN, as_of=AS_OF, known=known_of(some_orders))
    assert list(panels) == list(PLAN.origins)
    for origin, panel in panels.items():
        assert panel.features.equals(found[origin].features)
        start, end = origin + 14 * DAY, origin + 105 * DAY
        bought = some_orders[some_orders["date"].between(start + DAY, end)]
        assert panel.label.equals(
            pd.Series(
                ~panel.features.index.isin(bought["customer_id"]),
                index=panel.features.index,
                name="churned",
            )
        )
        again = churn_panels.panels(
            found=found, plan=PLAN, as_of=AS_OF, known=lambda day, table=bought: table
        )
        assert again[origin].label.equals(panel.label)


def test_reasons_do_not_depend_on_who_else_is_asked(three):
    model = fitted(READ)
    buyers = three.assign(days_since_last=30.0, n_orders=6.0)
    whole = churn_panels.explain(model, three, reference=buyers, style=STYLE)
    parts = [
        churn_panels.explain(model, three.loc[[name]], reference=buyers, style=STYLE)
        for name in ("cem", "anna", "ben")
    ]
    pd.testing.assert_frame_equal(pd.concat(parts).sort_index(), whole)


# --- the file --------------------------------------------------------------------------------


def test_a_model_is_stored_in_a_run_for_the_owner_alone(tmp_path, three):
    folder = tmp_path / intake.CUSTOMERS_FOLDER
    folder.mkdir()
    (tmp_path / intake.ORIGIN).write_text(json.dumps({"sha256": "ab" * 32}))
    model = fitted(READ)
    churn_panels.store(model, run_dir=str(tmp_path), plan=PLAN)
    path = tmp_path / churn_panels.MODEL_FILE
    assert path.parent == folder
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stored = stored_model.load(path)
    assert (stored.horizon_days, stored.gap_days, stored.origin) == (91, 14, PLAN.test)
    assert stored.data_hash == "ab" * 32
    scored = stored_model.score(stored, three, horizon_days=91, gap_days=14)
    assert logit(scored).tolist() == logit(stored_model.predict(model, three)).tolist()


def test_a_notebook_alone_stores_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    churn_panels.store(fitted(READ), run_dir="", plan=PLAN)
    assert list(tmp_path.iterdir()) == []


# --- messages --------------------------------------------------------------------------------


def test_orders_after_the_day_are_refused_where_a_value_would_read_them(some_orders):
    # Where spend is tied to frequency, the value is made of single purchases.
    frequency = some_orders.groupby("customer_id")["date"].transform("size")
    tied = some_orders.assign(amount=some_orders["amount"] * frequency)
    with pytest.raises(DataError, match="Pass the orders up to the day of the summary"):
        snapshot_of(tied, gap_days=0)


def test_a_window_that_is_still_open_is_refused(some_orders, found):
    with pytest.raises(ValueError, match="1 days after the last complete day"):
        churn_panels.panels(found=found, plan=PLAN, as_of=AS_OF - DAY, known=known_of(some_orders))
