"""Tables of contracts to German sentences."""

from __future__ import annotations

import pandas as pd

from workbench.contract_lives import MONTHS_PER_YEAR
from workbench.formats import Style
from workbench.outputs import Sentence, say
from workbench.processing_record import visible

PERIODS = {"M": "Monat", "Q": "Quartal", "Y": "Jahr"}
NEEDS = "eine Tabelle der Verträge mit Beginn und Ende"
ENDS_NEEDS = "genug beendete Verträge für eine Kurve"
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
