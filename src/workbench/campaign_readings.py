"""Campaigns with two groups -> what each says: by lot or not, the effect, on whom, at what cost."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from workbench import campaign_balance, campaign_effects, campaign_returns, uplift
from workbench.campaign_balance import Attrition, Balance
from workbench.campaign_effects import MIN_ARM, Heterogeneity
from workbench.campaign_log import Trial
from workbench.campaign_returns import Returns
from workbench.schema import TooFewData
from workbench.uplift import Qini

# What segments, the list and the question of an effect are about; the money is another question.
MAIN = "orders"


class Reading(NamedTuple):
    """What one campaign with two groups says.

    Attributes
    ----------
    trial : Trial
        From `campaign_log.trials`.
    balance : Balance
        How alike the groups were before.
    attrition : Attrition
        Who of them is in no table.
    plain : DataFrame
        As `campaign_effects.difference`, of all outcomes.
    effect : DataFrame or None
        As `campaign_effects.adjusted`; None where the groups cannot have been
        drawn by lot: the difference is then a description and no effect.
    narrowed : float
        By which share adjusting made the interval of `MAIN` narrower; missing
        without an effect.
    """

    trial: Trial
    balance: Balance
    attrition: Attrition
    plain: pd.DataFrame
    effect: pd.DataFrame | None
    narrowed: float

    @property
    def main(self) -> pd.Series:
        """The effect on `MAIN`, or the difference where there is none by lot."""
        return (self.plain if self.effect is None else self.effect).loc[MAIN]


def readings(
    trials: tuple[Trial, ...], *, left_out: pd.DataFrame | None, seed: int
) -> tuple[Reading, ...]:
    """Read each campaign whose groups are large enough, in their order.

    Parameters
    ----------
    trials : tuple of Trial
        From `campaign_log.trials`.
    left_out : DataFrame or None
        As in `campaign_balance.attrition`.
    seed : int
        Of the permutations.

    Raises
    ------
    TooFewData
        If no campaign has `campaign_effects.MIN_ARM` customers in both groups.
    """
    smaller = [int(min(trial.treated.sum(), (~trial.treated).sum())) for trial in trials]
    if max(smaller, default=0) < MIN_ARM:
        raise TooFewData(
            f"no campaign has {MIN_ARM} customers in both groups.",
            have=max(smaller, default=0),
            need=MIN_ARM,
        )
    return tuple(
        _reading(trial, left_out=left_out, seed=seed)
        for trial, n in zip(trials, smaller, strict=True)
        if n >= MIN_ARM
    )


def last_by_lot(found: tuple[Reading, ...]) -> Reading:
    """Return the last campaign whose groups a lot can have drawn.

    Raises
    ------
    TooFewData
        If there is none.
    """
    by_lot = [reading for reading in found if reading.effect is not None]
    if not by_lot:
        raise TooFewData("no campaign has groups that a lot can have drawn.", have=0, need=1)
    return by_lot[-1]


class Segments(NamedTuple):
    """The effect on `MAIN` in each segment, and whether they differ."""

    table: pd.DataFrame
    test: Heterogeneity


def segments(reading: Reading) -> Segments:
    """Work out the effect by segment known before the campaign.

    Raises
    ------
    ValueError
        If the groups were not drawn by lot.
    """
    trial = _by_lot(reading)
    table = campaign_effects.by_segment(
        trial.people[MAIN],
        treated=trial.treated,
        segment=trial.people["segment"],
        covariates=trial.covariates,
    )
    return Segments(table, campaign_effects.heterogeneity(table))


class Targeting(NamedTuple):
    """Whether a list in the order of a score would have done better than one by lot."""

    qini: Qini
    parts: pd.DataFrame


def targeting(reading: Reading, *, seed: int) -> Targeting:
    """Score each customer from the others, and draw the curve and the thirds of the list.

    Raises
    ------
    TooFewData
        As in `uplift.score`.
    ValueError
        If the groups were not drawn by lot.
    """
    trial = _by_lot(reading)
    known = {"treated": trial.treated, "covariates": trial.covariates}
    scores = uplift.score(trial.people[MAIN], seed=seed, **known)
    return Targeting(
        uplift.qini(
            scores, trial.people[MAIN], treated=trial.treated, reuse=uplift.REUSE, seed=seed
        ),
        uplift.parts(scores, trial.people[MAIN], **known),
    )


def account(reading: Reading) -> Returns:
    """Set what the campaign brought against its cost, as `campaign_returns.account`.

    Raises
    ------
    TooFewData
        As in `campaign_returns.account`.
    ValueError
        If the groups were not drawn by lot.
    """
    return campaign_returns.account(_by_lot(reading))


def _by_lot(reading: Reading) -> Trial:
    if reading.effect is None:
        raise ValueError(f"{reading.trial.name!r} has groups that no lot can have drawn.")
    return reading.trial


def _reading(trial: Trial, *, left_out: pd.DataFrame | None, seed: int) -> Reading:
    treated, known = trial.treated, trial.covariates
    balance = campaign_balance.check(known, treated=treated, seed=seed)
    plain = campaign_effects.difference(trial.outcomes, treated=treated)
    effect, narrowed = None, float("nan")
    if balance.is_random:
        effect = campaign_effects.adjusted(trial.outcomes, treated=treated, covariates=known)
        width, wider = (
            table.loc[MAIN, "high"] - table.loc[MAIN, "low"] for table in (effect, plain)
        )
        narrowed = float(1 - width / wider)
    gone = campaign_balance.attrition(left_out, campaign=trial.name, treated=treated)
    return Reading(trial, balance, gone, plain, effect, narrowed)
