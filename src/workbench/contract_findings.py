"""Tables of contracts to German sentences."""

from __future__ import annotations

import pandas as pd

from workbench import feature_book
from workbench.churn_training import Training
from workbench.contract_lives import MONTHS_PER_YEAR
from workbench.formats import Style
from workbench.labels import MODEL_LABELS
from workbench.outputs import Sentence, say
from workbench.processing_record import visible

PERIODS = {"M": "Monat", "Q": "Quartal", "Y": "Jahr"}
NEEDS = "eine Tabelle der Verträge mit Beginn und Ende"
ENDS_NEEDS = "genug beendete Verträge für eine Kurve"
HOLDER_NEEDS = "Kunden, die an jedem Stichtag einen laufenden Vertrag hatten"
LEAVER_NEEDS = "mehr Kunden, die ihren letzten Vertrag beendeten und die ihn behielten"
# Features that only contracts have; the others are in `feature_book`.
FEATURES = {
    "contract_days": "Laufzeit des ältesten Vertrags",
    "contracts_running": "Zahl der laufenden Verträge",
    "contracts_ended": "Zahl der beendeten Verträge",
    "tariff": "Tarif des jüngsten Vertrags",
}
YEAR_NEEDS = "Verträge, die vor einem Jahr liefen, in Tagen seit dem ersten Beginn"


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Make the names of a table's rows, which come from outside, fit for a page."""
    names = visible(pd.Series(table.index.astype("str")))
    return table.set_axis(pd.Index(names, name=table.index.name))


def survival_title(curve: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which share still runs after a year, or at the end of the curve.

    Parameters
    ----------
    curve : DataFrame
        From `contract_lives.thin`.
    style : Style
        How numbers are written.
    """
    shown = curve.dropna(subset=["kept_share"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    months = MONTHS_PER_YEAR if MONTHS_PER_YEAR in shown.index else shown.index[-1]
    row = shown.loc[months]
    return say(
        "Nach {monate} Monaten laufen noch {anteil} der Verträge (Bereich {von} bis {bis})",
        monate=style.count(months),
        anteil=style.share(row["kept_share"]),
        von=style.share(row["low"]),
        bis=style.share(row["high"]),
    )


def survival_alt(curve: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the curve."""
    shown = curve.dropna(subset=["kept_share"])
    if shown.empty:
        return say("Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.")
    return say(
        "Stufen, die von {ganz} zu Vertragsbeginn auf {ende} nach {monate} Monaten fallen, mit "
        "einem Band für die Unsicherheit.",
        ganz=style.share(1.0),
        ende=style.share(shown["kept_share"].iloc[-1]),
        monate=style.count(shown.index[-1]),
    )


def survival_caption() -> Sentence:
    """Say how to read the curve, and what it takes for granted."""
    return say(
        "Kaplan-Meier-Kurve: Ein Vertrag, der noch läuft, zählt so lange mit, wie er beobachtet "
        "ist. Stehen beendete Verträge nicht in der Tabelle, liegt die Kurve zu hoch."
    )


def rates_title(rates: pd.DataFrame, *, length: str, style: Style) -> Sentence:
    """Say which share of the contracts ends in a period.

    Parameters
    ----------
    rates : DataFrame
        From `contract_lives.rates`, suppressed.
    length : str
        Key of `PERIODS`.
    style : Style
        How numbers are written.
    """
    shown = rates.dropna(subset=["end_rate"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    each = {"M": "jedem Monat", "Q": "jedem Quartal", "Y": "jedem Jahr"}[length]
    mean = shown["ended"].sum() / shown["contracts"].sum()
    return say(
        f"In {each} enden im Mittel {{anteil}} der laufenden Verträge, zuletzt {{zuletzt}}",
        anteil=style.share(mean, digits=1),
        zuletzt=style.share(shown["end_rate"].iloc[-1], digits=1),
    )


def rates_alt(rates: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the rates."""
    shown = rates["end_rate"].dropna()
    if shown.empty:
        return say("Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.")
    return say(
        "Punkte mit Fehlerbalken für {zahl} Zeiträume, von {von} bis {bis}.",
        zahl=style.count(len(shown)),
        von=style.share(shown.min(), digits=1),
        bis=style.share(shown.max(), digits=1),
    )


def tariffs(rates: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whether the tariffs can be told apart.

    Parameters
    ----------
    rates : DataFrame
        From `contract_lives.by_tariff`, suppressed, under names fit for a page.
    style : Style
        How numbers are written.
    """
    shown = rates.dropna(subset=["end_rate"]).sort_values("end_rate", kind="stable")
    if len(shown) < 2:
        return say("Zum Vergleich gibt es zu wenige Tarife, die gezeigt werden dürfen.")
    best, worst = shown.iloc[0], shown.iloc[-1]
    text = (
        "Von den Verträgen, die vor einem Jahr liefen, endeten im Tarif „{hoch}“ {anteil}, im "
        "Tarif „{tief}“ {wenig}."
    )
    if best["high"] >= worst["low"]:
        text += " Die Unsicherheitsbereiche überlappen: Das kann Zufall sein."
    return say(
        text,
        hoch=style.text(str(shown.index[-1])),
        tief=style.text(str(shown.index[0])),
        anteil=style.share(worst["end_rate"], digits=1),
        wenig=style.share(best["end_rate"], digits=1),
    )


def leaving(
    training: Training, *, expected: pd.Series, horizon_days: int, style: Style
) -> Sentence:
    """Say how many will end their last contract, and whether it can be told who.

    Parameters
    ----------
    training : Training
        From `churn_training.train`, of the population ``contract``, without a reason.
    expected : Series
        Today's holders: probability of ending the last contract in the window.
    horizon_days : int
        Length of the window.
    style : Style
        How numbers are written.
    """
    row = training.quality.loc[training.model.name]
    text = (
        "Von {kunden} Kunden mit laufendem Vertrag werden in den nächsten {tage} Tagen "
        "voraussichtlich {gehen} ihren letzten Vertrag beenden. "
    )
    numbers = {
        "kunden": style.count(len(expected)),
        "tage": style.count(horizon_days),
        "gehen": style.count(expected.sum()),
    }
    if training.model.name == "base_rate":
        return say(text + "Wer, lässt sich nicht sagen: Gewählt ist die Grundrate.", **numbers)
    if row["auc_low"] <= 0.5:
        text += "Wer, lässt sich kaum besser sagen als durch Zufall. "
    return say(
        text + "Gewählt ist „{verfahren}“; am letzten Stichtag war die Trennschärfe {auc} "
        "(Unsicherheitsbereich {von} bis {bis}) und der Brier-Wert {skill} "
        + ("kleiner" if row["brier_skill"] > 0 else "größer")
        + " als mit dem mittleren Anteil.",
        verfahren=style.text(MODEL_LABELS[training.model.name]),
        auc=style.number(row["auc"], digits=3),
        von=style.number(row["auc_low"], digits=3),
        bis=style.number(row["auc_high"], digits=3),
        skill=style.share(abs(row["brier_skill"]), digits=1),
        **numbers,
    )


def choice_rule() -> Sentence:
    """Say who counts as gone, and how the models were judged and chosen."""
    return say(
        "Verfahren am letzten Stichtag, den weder Anpassung noch Auswahl kannten; gewählt ist nach "
        "derselben Regel wie bei den Käufen. Wer am Ende des Zeitfensters einen anderen Vertrag "
        "hat, ist gewechselt und nicht gegangen."
    )


def feature_names(importance: pd.DataFrame) -> dict[str, str]:
    """Return a German name of each group of `effects.importance`: that of its first feature."""
    names = {}
    for group, features in importance["features"].items():
        first, *others = features.split(", ")
        label = FEATURES.get(first) or feature_book.label(first)
        names[group] = label + (f" (mit {len(others)} ähnlichen)" if others else "")
    return names
