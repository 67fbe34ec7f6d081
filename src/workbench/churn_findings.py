"""Tables of the churn models to German sentences and a verdict."""

from __future__ import annotations

import pandas as pd

from workbench import discrimination
from workbench.formats import Style
from workbench.labels import MODEL_LABELS
from workbench.outputs import Sentence, Verdict, say

ROLES = {"earlier": "Rückblick", "validation": "Auswahl", "test": "Prüfung"}


def window_note(horizon_days: int, *, style: Style) -> Sentence:
    """Say how long the window is."""
    return say("in den nächsten {tage} Tagen", tage=style.count(horizon_days))


def risk(
    probability: pd.Series,
    *,
    tested: pd.Series,
    churned: pd.Series,
    horizon_days: int,
    style: Style,
) -> Sentence:
    """Say how many customers will probably buy, and how far off that was in the last test.

    Parameters
    ----------
    probability : Series
        Predicted probability of no purchase today.
    tested, churned : Series
        The same prediction on the test origin, and what came of it.
    horizon_days : int
        Length of the window.
    style : Style
        How numbers are written.
    """
    expected, actual = (1 - tested).sum(), (~churned).sum()
    gap = expected / actual - 1
    return say(
        "Von den {kunden} Kunden werden in den nächsten {tage} Tagen voraussichtlich {kaeufer} "
        "kaufen. In der letzten Probe hatte die Prognose {abweichung} zu "
        + ("viele" if gap >= 0 else "wenige")
        + " Käufer erwartet.",
        kunden=style.count(len(probability)),
        tage=style.count(horizon_days),
        kaeufer=style.count((1 - probability).sum()),
        abweichung=style.share(abs(gap), digits=1),
    )


def churn_quality(quality: pd.DataFrame, *, chosen: str, style: Style) -> Verdict:
    """Say whether the chosen churn forecast is worth having on the test origin.

    Parameters
    ----------
    quality : DataFrame
        From `discrimination.discrimination`, indexed by the model's name.
    chosen : str
        A row of it.
    style : Style
        How numbers are written.
    """
    row, silence = quality.loc[chosen], quality.loc["weeks_since_last"]
    passed = discrimination.is_useful(row)
    sentence = say(
        "Gewählt ist das Verfahren {verfahren}: Trennschärfe {auc}, wo Zufall {zufall} wäre und "
        "die Zeit seit dem letzten Kauf allein {stille} erreicht. Die Wahrscheinlichkeiten sind "
        "{skill} " + ("besser" if row["brier_skill"] > 0 else "schlechter") + " als der Anteil "
        "aller, die nicht kauften.",
        verfahren=style.text(MODEL_LABELS[chosen]),
        auc=style.number(row["auc"], digits=3),
        zufall=style.number(0.5, digits=1),
        stille=style.number(silence["auc"], digits=3),
        skill=style.share(abs(row["brier_skill"]), digits=1),
    )
    if not passed:
        consequence = say("Verwenden Sie die Risiken nicht, um einzelne Kunden auszuwählen.")
    elif chosen == "weeks_since_last":
        consequence = say("Kein aufwendigeres Modell ist deutlich besser als diese einfache Zahl.")
    elif row["auc"] - silence["auc"] < discrimination.AUC_TOLERANCE:
        consequence = say(
            "Um Kunden zu ordnen, genügt fast die Zeit seit dem letzten Kauf; für Rechnungen mit "
            "Wahrscheinlichkeiten nehmen Sie die Prognose."
        )
    else:
        consequence = say("Die Risiken dürfen verwendet werden, um Kunden zu ordnen.")
    return Verdict("churn_quality", "Abwanderungsprognose brauchbar", passed, sentence, consequence)


def choice_rule(*, style: Style) -> Sentence:
    """State the rules behind the choice of a churn forecast and its verdict."""
    return say(
        "Alle Verfahren an allen Stichtagen. Gewählt wird das einfachste, dessen Trennschärfe "
        "höchstens {auc} unter der besten liegt und dessen Brier-Wert höchstens {brier} höher ist "
        "als der beste. Brauchbar ist es, wenn seine Trennschärfe mindestens {mindestens} beträgt "
        "und seine Wahrscheinlichkeiten besser sind als die Grundrate.",
        auc=style.number(discrimination.AUC_TOLERANCE),
        brier=style.share(discrimination.BRIER_TOLERANCE),
        mindestens=style.number(discrimination.MIN_AUC, digits=1),
    )


def quality(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which forecast was chosen and how well it sorts."""
    chosen = table[table["chosen"]].iloc[0]
    if chosen["auc"] == table["auc"].max():
        return say(
            "Das gewählte Verfahren erreicht mit {auc} die höchste Trennschärfe",
            auc=style.number(chosen["auc"], digits=3),
        )
    return say(
        "Das gewählte Verfahren erreicht {auc}, das trennschärfste {best}",
        auc=style.number(chosen["auc"], digits=3),
        best=style.number(table["auc"].max(), digits=3),
    )


def quality_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of AUC by forecast."""
    return say(
        "Balken der Trennschärfe für {zahl} Verfahren, von {von} bis {bis}.",
        zahl=style.count(len(table)),
        von=style.number(table["auc"].min(), digits=3),
        bis=style.number(table["auc"].max(), digits=3),
    )


def calibration(bins: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in how many classes the prediction lies within the bounds, and how far off it gets."""
    bins = bins.dropna(subset=["predicted"])
    if bins.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    inside = (bins["predicted"] >= bins["low"]) & (bins["predicted"] <= bins["high"])
    gap = (bins["predicted"] - bins["observed"]).abs().max()
    return say(
        "In {daneben} von {alle} Gruppen liegt die Vorhersage außerhalb des Unsicherheitsbereichs, "
        "höchstens {abweichung} Prozentpunkte daneben",
        daneben=style.count(int((~inside).sum())),
        alle=style.count(len(bins)),
        abweichung=style.number(100 * gap, digits=1),
    )


def calibration_alt(bins: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the reliability diagram."""
    return say(
        "Punkte mit Fehlerbalken entlang der Diagonale: vorhergesagt {von} bis {bis}, "
        "tatsächlich {von_t} bis {bis_t}.",
        von=style.share(bins["predicted"].iloc[0]),
        bis=style.share(bins["predicted"].iloc[-1]),
        von_t=style.share(bins["observed"].iloc[0]),
        bis_t=style.share(bins["observed"].iloc[-1]),
    )


def importance(table: pd.DataFrame, *, label: str, style: Style) -> Sentence:
    """Say which feature the model leans on most."""
    return say(
        "{verfahren}: Am meisten zählt das Merkmal „{merkmal}“",
        verfahren=style.text(label),
        merkmal=style.text(table.index[0]),
    )


def importance_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of importance."""
    return say(
        "Balken für {zahl} Merkmale; beim wichtigsten gehen {verlust} Trennschärfe verloren, wenn "
        "seine Werte unter den Kunden gemischt werden.",
        zahl=style.count(len(table)),
        verlust=style.number(table["auc_loss"].iloc[0], digits=3),
    )
