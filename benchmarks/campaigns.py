"""How often 95 % intervals hold the true effect of a campaign: 'campaigns.py 1 100' takes seeds.

The invented shop knows by how many orders its one mailing by lot changes each customer, given what
is true of him on its day. The truth is the mean of that over the people in it, or in a segment:
intention to treat. A later mailing that changes nothing shows false alarms: its readers are dealt
into two groups by a lot of our own.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench import (
    campaign_balance,
    campaign_effects,
    campaign_log,
    example_mailings,
    example_shop,
    example_world,
    uplift,
)
from workbench.campaign_log import Trial

WITHOUT_EFFECT = "Newsletter Oktober 2025"
GROUPS = {"kampagne": "treatment", "kontrolle": "control"}


class World(NamedTuple):
    """A campaign by lot with the true effect on each customer, and one that changes nothing."""

    trial: Trial
    truth: pd.Series
    placebo: Trial


def world(seed: int) -> World:
    """Invent a shop and read its log of contacts as a run would."""
    shop = example_shop.make(seed=seed)
    lines = shop.transactions
    lines = lines[~lines["customer_id"].isin(["", "Barverkauf"]) & (lines["amount"] > 0)]
    orders = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    contacts = shop.contacts.assign(
        group=shop.contacts["group"].map(GROUPS),
        reaction=shop.contacts["response"],
        response=shop.contacts["response"].eq("geklickt").astype("boolean"),
    )
    names = [example_mailings.EXPERIMENT.name, WITHOUT_EFFECT]
    contacts = contacts[contacts["campaign"].isin(names)].reset_index(drop=True)
    readers = np.flatnonzero(contacts["campaign"] == WITHOUT_EFFECT)
    drawn = np.random.default_rng(seed).permutation(readers)[: len(readers) // 2]
    contacts.loc[drawn, "group"] = "control"
    days = example_mailings.EXPERIMENT_DAYS
    log = campaign_log.read(
        contacts, orders=orders, lines=None, as_of=example_world.END, days=days, margin=1.0
    )
    trial, placebo = campaign_log.trials(
        log, known=lambda day: orders[orders["date"] <= day], days=days, most=2
    )
    truth = shop.truth_customers.set_index("customer_id")["campaign_effect"]
    return World(trial, truth.reindex(trial.people.index).fillna(0.0), placebo)


def rows(made: World, *, seed: int) -> list[dict[str, Any]]:
    """Compare both estimates with the truth, overall and in each segment."""
    found = []
    for name, trial, truth in (
        ("trial", made.trial, made.truth),
        ("placebo", made.placebo, made.placebo.people["orders"] * 0.0),
    ):
        outcome, treated = trial.people["orders"], trial.treated
        whole = pd.Series("alle", index=outcome.index)
        balanced = campaign_balance.check(trial.covariates, treated=treated, seed=seed)
        for method, known in (("difference", None), ("adjusted", trial.covariates)):
            for segment in (whole, trial.people["segment"]):
                table = campaign_effects.by_segment(
                    outcome, treated=treated, segment=segment, covariates=known
                )
                table["truth"] = truth.groupby(segment, observed=True).mean()
                apart = campaign_effects.heterogeneity(table).p_value
                kept = table.dropna(subset=["error"]).reset_index()
                kept = kept.assign(seed=seed, campaign=name, method=method, apart=apart)
                found += kept.assign(is_random=balanced.is_random).to_dict("records")
    return found


def side(made: World, *, seed: int) -> dict[str, int]:
    """Say on which side of 0 the interval of the Qini coefficient lies, 0 where it holds it."""
    found = {}
    for name, trial in (("trial", made.trial), ("placebo", made.placebo)):
        outcome, treated = trial.people["orders"], trial.treated
        scores = uplift.score(outcome, treated=treated, covariates=trial.covariates, seed=seed)
        curve = uplift.qini(scores, outcome, treated=treated, reuse=uplift.REUSE, seed=seed)
        found[name] = int(curve.low > 0) - int(curve.high < 0)
    return found


def report(table: pd.DataFrame) -> pd.DataFrame:
    """Sum up coverage, bias and width by campaign, method and segment."""
    inside = table["truth"].between(table["low"], table["high"])
    measured = table.assign(
        inside=inside,
        off=table["effect"] - table["truth"],
        width=table["high"] - table["low"],
    )
    keys = ["campaign", "method", "segment"]
    return measured.groupby(keys, sort=False).agg(
        worlds=("inside", "size"),
        inside=("inside", "sum"),
        truth=("truth", "mean"),
        bias=("off", "mean"),
        width=("width", "mean"),
    )


if __name__ == "__main__":
    seeds = range(int(sys.argv[1]), int(sys.argv[2]) + 1)
    found: list[dict[str, Any]] = []
    sides = []
    for seed in seeds:
        made = world(seed)
        found += rows(made, seed=seed)
        sides.append(side(made, seed=seed))
    table = pd.DataFrame(found)
    print(report(table).round(3).to_string())
    by_world = table.groupby(["campaign", "seed"])["is_random"].first()
    print("balance passed:", by_world.groupby("campaign").sum().to_dict())
    parts = table[table["segment"] != "alle"].groupby(["campaign", "method", "seed"])
    named = (parts["p_holm"].min() < 0.05).groupby(["campaign", "method"]).sum()
    print("worlds with a segment that Holm names:", named.to_dict())
    apart = (parts["apart"].first() < 0.05).groupby(["campaign", "method"]).sum()
    print("worlds whose segments differ by chi-square:", apart.to_dict())
    curves = pd.DataFrame(sides)
    print("worlds with a Qini interval above 0:", (curves > 0).sum().to_dict())
    print("worlds with a Qini interval below 0:", (curves < 0).sum().to_dict())
