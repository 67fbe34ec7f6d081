import numpy as np
import pandas as pd
import pytest

from workbench import (
    churn_panels,
    churn_training,
    contract_findings,
    contract_lives,
    contract_panels,
    stored_model,
)
from workbench.formats import Style
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2024-12-31")
SEED = 20050401


def world(n, *, seed) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers who buy often or hardly; who hardly buys ends the contract twelve times as soon."""
    chance = np.random.default_rng(seed)
    ids = np.array([f"c{i:04d}" for i in range(n)])
    loyal = chance.random(n) < 0.5
    start = pd.Timestamp("2023-01-01") + pd.to_timedelta(chance.integers(0, 500, n), unit="D")
    life = np.ceil(chance.exponential(np.where(loyal, 2500, 200)))
    end = pd.Series(start + pd.to_timedelta(life, unit="D"))
    contracts = pd.DataFrame(
        {"customer_id": ids, "start": start, "end": end.where(end <= AS_OF), "tariff": "Basis"}
    )
    rows = []
    for customer, is_loyal, first in zip(ids, loyal, start, strict=True):
        gaps = chance.exponential(20 if is_loyal else 250, 40)
        days = first + pd.to_timedelta(np.unique(np.cumsum(np.ceil(gaps))), unit="D")
        rows.append(pd.DataFrame({"customer_id": customer, "date": days, "amount": 10.0}))
    orders = pd.concat(rows, ignore_index=True)
    return orders[orders["date"] <= AS_OF], contracts.sample(frac=1, random_state=seed)


@pytest.fixture(scope="module")
def trained():
    orders, contracts = world(700, seed=4)
    plan = churn_training.plan(
        pd.Timestamp("2023-01-01"), as_of=AS_OF, horizon_days=91, gap_days=0, max_origins=4
    )

    def known(day):
        return orders[orders["date"] <= day]

    panels = contract_panels.panels(known, contracts, plan=plan, tables={})
    training = churn_training.train(panels, plan=plan, population="contract", seed=SEED)
    return orders, contracts, plan, panels, training


# By hand


def test_holders_are_described_by_contract_and_purchases_and_who_never_bought_is_there():
    orders = pd.DataFrame(
        {
            "customer_id": ["anna", "anna", "carl"],
            "date": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-01"]),
            "amount": [10.0, 20.0, 5.0],
        }
    )
    contracts = pd.DataFrame(
        {
            "customer_id": ["anna", "ben", "carl"],
            "start": pd.to_datetime(["2024-01-15", "2024-02-01", "2023-01-01"]),
            "end": pd.to_datetime([None, None, "2024-01-31"]),
            "tariff": ["Basis", None, "Basis"],
        }
    )
    master = pd.DataFrame(
        {"first_channel": ["laden"], "customer_type": ["privat"]},
        index=pd.Index(["anna"], name="customer_id"),
    )
    found = contract_panels.describe(
        orders,
        contracts,
        origin=pd.Timestamp("2024-03-01"),
        horizon_days=30,
        gap_days=0,
        tables={"customers": master},
    )
    assert found.index.tolist() == ["anna", "ben"]
    assert found["n_orders"].tolist() == [2, 0]
    assert found["contract_days"].tolist() == [46, 29]
    assert found["tariff"].tolist() == ["Basis", "unbekannt"]
    assert found["first_channel"].tolist() == ["laden", "unbekannt"]
    assert found["days_since_last"].isna().tolist() == [False, True]


def test_a_panel_tells_who_had_no_contract_when_the_window_was_over(trained):
    _, contracts, plan, panels, _ = trained
    for origin in plan.origins:
        end = origin + pd.Timedelta(days=91)
        one = panels[origin]
        running = contracts.set_index("customer_id").loc[one.label.index, "end"]
        assert (one.label == ((running > origin) & (running <= end))).all()
        assert one.features.index.equals(one.label.index)


# Properties


def test_what_comes_after_an_origin_changes_no_feature(trained):
    orders, contracts, plan, panels, _ = trained
    origin = plan.calibration
    moved = contracts.assign(end=contracts["end"].where(contracts["end"] <= origin, AS_OF))
    again = contract_panels.describe(
        orders[orders["date"] <= origin],
        moved[moved["start"] <= origin],
        origin=origin,
        horizon_days=91,
        gap_days=0,
        tables={},
    )
    pd.testing.assert_frame_equal(again, panels[origin].features)


def test_the_cause_that_was_built_in_is_found_and_the_level_is_right(trained):
    orders, contracts, plan, panels, training = trained
    quality = training.quality
    assert training.reason == "" and training.model.population == "contract"
    assert {"base_rate", "tenure", "logistic", "boosting"} <= set(quality.index)
    assert "bgnbd" not in quality.index
    chosen = quality.loc[training.model.name]
    assert chosen["auc_low"] > 0.5 and chosen["brier_skill"] > 0
    came = panels[plan.test].label
    assert training.predictions[training.model.name].mean() == pytest.approx(came.mean(), abs=0.04)
    model = churn_training.refit(panels, plan=plan, training=training, seed=SEED)
    today = contract_panels.describe(
        orders, contracts, origin=AS_OF, horizon_days=91, gap_days=0, tables={}
    )
    expected = stored_model.predict(model, today)
    assert len(expected) == contract_lives.runs(contracts, day=AS_OF).sum()
    sentence = str(
        contract_findings.leaving(
            training, expected=expected, horizon_days=91, style=Style("de_DE", "EUR")
        )
    )
    assert "mit laufendem Vertrag werden in den nächsten 91 Tagen voraussichtlich" in sentence
    assert "Zufall" not in sentence


def test_importance_groups_what_says_nearly_the_same(trained):
    _, _, plan, panels, training = trained
    apart = churn_panels.taken_apart(panels, plan=plan, training=training, seed=SEED)
    table = contract_panels.importance(apart, panels[plan.test], seed=SEED)
    names = contract_findings.feature_names(table)
    assert set(names) == set(table.index) and len(set(names.values())) == len(names)
    shuffled = [name for group in table["features"] for name in group.split(", ")]
    assert sorted(shuffled) == sorted(apart.kinds)
    assert table["auc_loss"].iloc[0] > 0


# Messages


def test_without_a_contract_at_an_origin_there_is_no_panel(trained):
    orders, contracts, plan, _, _ = trained
    late = contracts[contracts["start"] > plan.origins[0]]
    with pytest.raises(TooFewData, match=f"nobody held a contract on {plan.origins[0].date()}"):
        contract_panels.panels(lambda day: orders, late, plan=plan, tables={})
