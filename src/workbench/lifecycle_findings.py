"""Tables of phases and of the way from purchase to purchase to German sentences."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.findings import leading
from workbench.formats import Style
from workbench.outputs import Sentence, say
from workbench.phases import (
    GROWN,
    MASTER_DATA,
    OUTSIDE,
    REFERRAL,
    SEEN,
    UNSEEN,
    Growth,
    PhaseModel,
)

BASES: Mapping[str, str] = {
    SEEN: "aus den Käufen",
    MASTER_DATA: "aus den Stammdaten: Interessenten, noch ohne Kauf",
    OUTSIDE: "aus den Käufen; das Modell hat keine Phase für sie",
}
REFERRED = "aus den Stammdaten: hat andere geworben"
# What it would take to see a phase that purchases do not show.
NEEDS: Mapping[str, str] = {
    "Akquisition": "Stammdaten mit Interessenten; die Neukunden zählt der Abschnitt Kennzahlen",
    "Aufmerksamkeit": "Zahlen aus Werbung und Website",
    "Abwägung": "Stammdaten mit Interessenten",
    "Erkennung": "Zahlen aus Werbung und Website",
    "Erwägung": "Stammdaten mit Interessenten",
    "Nutzung": "Daten über den Gebrauch der Ware",
    "Erkennungsphase": "Zahlen aus Werbung und Website",
    "Überlegungsphase": "Stammdaten mit Interessenten",
    REFERRAL: "Stammdaten, die sagen, wer wen geworben hat",
}
STEPS: Mapping[int, str] = {
    1: "Vom ersten zum zweiten Kauf",
    2: "Vom zweiten zum dritten Kauf",
    3: "Vom dritten zum vierten Kauf",
    4: "Vom vierten zum fünften Kauf",
}


def phase_model(model: PhaseModel, *, sizes: pd.DataFrame, style: Style) -> Sentence:
    """Say which model is used, and which of its phases the data cannot show.

    Parameters
    ----------
    model : PhaseModel
        From `phases.find`.
    sizes : DataFrame
        From `phases.sizes`.
    """
    unseen = sizes.index[sizes["basis"] == UNSEEN]
    if unseen.empty:
        return say(
            "Modell: {modell}. Alle Phasen zeigen sich in den Daten", modell=style.text(model.title)
        )
    return say(
        "Modell: {modell}. Ohne Daten: {phasen}",
        modell=style.text(model.title),
        phasen=style.text(", ".join(unseen)),
    )


def named_phases(sizes: pd.DataFrame) -> pd.DataFrame:
    """Say in words how each phase is known, or what it would take to know it.

    Parameters
    ----------
    sizes : DataFrame
        From `phases.sizes`.
    """
    words = []
    for phase, basis in sizes["basis"].items():
        if basis == UNSEEN:
            words.append(f"ohne Daten; nötig: {NEEDS[phase]}")
        else:
            words.append(REFERRED if phase == REFERRAL else BASES[basis])
    return sizes.assign(basis=words)


def phases(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in which phase most customers are, and which one brought the most revenue.

    Parameters
    ----------
    sizes : DataFrame
        From `phases.sizes`.
    """
    best = leading(sizes)
    if best is None:
        return say("Jede Phase ist zu klein, um gezeigt zu werden.")
    largest = str(sizes["customer_share"].idxmax())
    if largest == best:
        return say(
            "Die meisten Kunden ({anteil}) stehen in der Phase {phase}; sie brachten {umsatz} des "
            "Umsatzes.",
            anteil=style.share(sizes.loc[best, "customer_share"]),
            phase=style.text(best),
            umsatz=style.share(sizes.loc[best, "revenue_share"]),
        )
    return say(
        "Die meisten Kunden ({anteil}) stehen in der Phase {groesste}, den meisten Umsatz "
        "({umsatz}) brachte die Phase {beste}.",
        anteil=style.share(sizes.loc[largest, "customer_share"]),
        groesste=style.text(largest),
        umsatz=style.share(sizes.loc[best, "revenue_share"]),
        beste=style.text(best),
    )


def growth(found: Growth, *, k: int, style: Style) -> Sentence:
    """Say whether more baskets grew than shrank, and whether chance does as much.

    Parameters
    ----------
    found : Growth
        From `phases.growth`.
    k : int
        Smallest group named.
    """
    if min(found.grown, found.shrunk) < k:
        return say(
            "Zu wenige Kunden haben ihren Betrag je Kauf so geändert, dass man es zählen kann."
        )
    text = (
        "{mehr} aktive Kunden geben je Kauf mindestens {um} mehr aus als früher, {weniger} im "
        "selben Verhältnis weniger"
    )
    if found.low <= 0.5 <= found.high:
        text += ". Das ist kein Unterschied, den nicht auch der Zufall macht: Wer in der "
        text += "Phase Umsatzsteigerung steht, kann durch Zufall dort stehen."
    elif found.low > 0.5:
        text += ". Das sind mehr, als der Zufall erklärt: Die Beträge steigen."
    else:
        text += ". Das sind weniger, als der Zufall erklärt: Die Beträge sinken."
    return say(
        text,
        mehr=style.count(found.grown),
        um=style.share(GROWN - 1),
        weniger=style.count(found.shrunk),
    )


def obstacle(steps: pd.DataFrame, *, step: int | None, window_days: int, style: Style) -> Sentence:
    """Name the step at which most customers are lost.

    Parameters
    ----------
    steps : DataFrame
        From `purchase_journey.steps`, suppressed.
    step : int or None
        From `purchase_journey.obstacle`.
    window_days : int
        As in `purchase_journey.steps`.
    """
    if step is None:
        return say("Kein Schritt hat genug Kunden, um gezeigt zu werden.")
    row = steps.loc[step]
    return say(
        "Das größte Hindernis: {schritt} gehen {verlust} der Kunden binnen {tage} Tagen nicht "
        "weiter (Unsicherheitsbereich: {von} bis {bis}).",
        schritt=style.text(STEPS[step][0].lower() + STEPS[step][1:]),
        verlust=style.share(row["dropped_share"]),
        tage=style.count(window_days),
        von=style.share(row["low"]),
        bis=style.share(row["high"]),
    )


def steps_rule(*, window_days: int, style: Style) -> Sentence:
    """Say what a row of the table of steps is."""
    return say(
        "Der Weg von Kauf zu Kauf: wer binnen {tage} Tagen nicht weitergeht, und wie schnell die "
        "anderen sind",
        tage=style.count(window_days),
    )


def named_steps(steps: pd.DataFrame) -> pd.DataFrame:
    """Put the German name of each step in place of its number."""
    return steps.rename(index=STEPS).rename_axis("stage")
