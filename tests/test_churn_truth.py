"""The churn pipeline on 100,000 customers whose true probabilities and causes are known."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from workbench import (
    churn_panels,
    churn_training,
    effects,
    purchase_models,
    stored_model,
    summary,
    synthetic,
)
from workbench.churn_training import Panel, Training
from workbench.purchases import BgNbd

START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")
PLAN = churn_training.plan(START, as_of=END, horizon_days=91, gap_days=0, max_origins=3)
TERMS = churn_panels.Terms(365, 0.1, 1.0)
RATE = {"r": 1.2, "alpha": 60.0}
# Whoever has an open complaint, or would not recommend the shop, leaves more readily: mark and
# complaint to a and b.
LEAVING = {
    (9, False): {"a": 0.6, "b": 6.0},
    (3, False): {"a": 1.5, "b": 5.0},
    (9, True): {"a": 2.0, "b": 5.0},
    (3, True): {"a": 3.0, "b": 4.0},
}
CAUSES = ["last_nps", "open_complaints"]
NOISE = [f"noise_{number:02d}" for number in range(20)]


class Found(NamedTuple):
    """What the pipeline says, and the truth on the test origin."""

    panels: dict[pd.Timestamp, Panel]
    training: Training
    truth: pd.Series


@pytest.fixture(scope="module")
def found() -> Found:
    kinds = pd.DataFrame(
        [(nps, complained) for nps, complained in LEAVING], columns=["nps", "open"]
    )
    orders = pd.concat([_orders(number) for number in kinds.index], ignore_index=True)
    first = orders.groupby("customer_id")["date"].min()
    kind = first.index.str[0].astype(int)
    of_each = kinds.loc[kind].set_axis(first.index).assign(date=first)
    asked = of_each.reset_index()
    complaints = asked[asked["open"]].rename(columns={"date": "received"})
    tables = {"survey": asked, "complaints": complaints.assign(resolved=pd.NaT)}

    def known(day):
        return orders[orders["date"] <= day]

    snapshots, people = {}, {}
    for origin in PLAN.origins:
        people[origin] = summary.summarise(known(origin), as_of=origin)
        snapshots[origin] = churn_panels.snapshot(
            known(origin),
            people=people[origin],
            model=churn_panels.purchase_model(people[origin]),
            origin=origin,
            horizon_days=PLAN.horizon_days,
            gap_days=PLAN.gap_days,
            tables=tables,
            terms=TERMS,
            with_model=True,
        )
    panels = churn_panels.panels(found=snapshots, plan=PLAN, as_of=END, known=known)
    random = np.random.default_rng(1)
    for origin, panel in panels.items():
        noise = random.normal(size=(len(panel.features), len(NOISE)))
        noise = pd.DataFrame(noise, panel.features.index, NOISE)
        panels[origin] = panel._replace(features=panel.features.join(noise))
    training = churn_training.train(panels, plan=PLAN, population="repeat", seed=1)

    past = people[PLAN.test]
    truth = [
        purchase_models.p_no_purchase(
            BgNbd(**RATE, **leaving, covariance=(), log_likelihood=0.0, n_customers=0, n_repeat=0,
                  condition=1.0),
            past[past.index.str[0] == str(number)],
            days=PLAN.horizon_days,
        )
        for number, leaving in enumerate(LEAVING.values())
    ]  # fmt: skip
    return Found(panels, training, pd.concat(truth))


def _orders(number: int) -> pd.DataFrame:
    orders = synthetic.orders(
        "bg_nbd",
        parameters=RATE | list(LEAVING.values())[number],
        **{"p": 6.25, "q": 3.74, "v": 15.44},
        n_customers=25_000,
        start=START,
        acquisition_days=(END - START).days,
        end=END,
        seed=10 + number,
    )
    return orders.assign(customer_id=f"{number}-" + orders["customer_id"])


def test_in_every_tenth_the_probability_is_the_true_one_within_a_point_and_a_half(found):
    predicted = found.training.predictions[found.training.model.name]
    both = pd.DataFrame({"predicted": predicted, "true": found.truth.loc[predicted.index]})
    tenth = (predicted.rank(method="first") * 10 / (len(both) + 1)).astype(int)
    gap = both.groupby(tenth).mean().diff(axis=1)["true"]
    assert len(gap) == 10
    assert gap.abs().max() < 0.015
    # They are told apart, and not all given the mean.
    assert both["predicted"].corr(both["true"]) > 0.95


def test_the_true_causes_of_leaving_rank_above_every_noise_feature(found):
    judged = found.panels[PLAN.test]
    held_out = stored_model.members(judged.features, population="repeat").iloc[::20]
    assert found.training.model.name in churn_panels.MANY_FEATURES
    drivers = effects.importance(
        held_out[[*CAUSES, *NOISE]],
        judged.label.loc[held_out.index],
        predict=partial(churn_panels.ask, found.training.model, held_out),
        groups={name: [name] for name in (*CAUSES, *NOISE)},
        seed=1,
    )
    assert set(drivers.index[:2]) == set(CAUSES)
    assert drivers.loc[CAUSES, "auc_loss_low"].min() > drivers.loc[NOISE, "auc_loss_high"].max()
    covers = (drivers["auc_loss_low"] <= 0) & (drivers["auc_loss_high"] >= 0)
    assert covers[NOISE].sum() >= 18
