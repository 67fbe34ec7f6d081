"""Tables of survey, complaints and comments to sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.comment_themes import FEWEST_COMMENTS, STABLE, Themes
from workbench.complaint_funnel import REPEAT_DAYS, STEPS
from workbench.feedback_outcomes import NEIGHBOURS
from workbench.formats import Style
from workbench.nps import DETRACTOR, FEWEST_ANSWERS, PROMOTER, Change, Score
from workbench.outputs import Sentence, say

SURVEY_NEEDS = "eine Befragung mit der Frage nach der Weiterempfehlung (Tabelle survey)"
MARK_NEEDS = "eine Befragung mit Noten der Zufriedenheit (Tabelle survey)"
COMPLAINT_NEEDS = "Beschwerden mit dem Tag des Eingangs (Tabelle complaints)"
COMMENT_NEEDS = "Kommentare in genügender Zahl; wenige liest man besser alle"
WAVE_NEEDS = "zwei Halbjahre mit genügend Antworten"
OUTCOME_NEEDS = "genügend Kunden, deren Zeit nach der Antwort vorbei ist"
# Up to here a difference of matched customers is usually called balanced.
BALANCED = 0.25


def half_years(days: pd.Series) -> pd.Series:
    """Name the half-year of each day, so that the names sort in time.

    Examples
    --------
    >>> half_years(pd.Series(pd.to_datetime(["2024-03-01", "2024-07-01"]))).tolist()
    ['2024/1', '2024/2']
    """
    half = np.where(days.dt.month <= 6, "1", "2")
    return days.dt.year.astype("str") + "/" + pd.Series(half, index=days.index, dtype="str")


def answer_groups(nps: pd.Series) -> pd.Series:
    """Call those who answered promoters, passives and detractors in German."""
    named = np.select([nps >= PROMOTER, nps <= DETRACTOR], ["Fürsprecher", "Kritiker"], "Passive")
    return pd.Series(named, index=nps.index, dtype="str")


def score(found: Score, *, style: Style) -> Sentence:
    """Say the score, how sure it is, and on how many answers it rests."""
    return say(
        "Der Weiterempfehlungswert (NPS) beträgt {nps} Punkte ({von} bis {bis}): {fuer} der "
        "{antworten} Antworten sind Fürsprecher, {gegen} Kritiker.",
        nps=style.number(found.nps, digits=0),
        von=style.number(found.low, digits=0),
        bis=style.number(found.high, digits=0),
        fuer=style.share(found.promoters),
        gegen=style.share(found.detractors),
        antworten=style.count(found.answers),
    )


def score_rule(*, style: Style) -> Sentence:
    """Say how the score is computed and when it is not shown."""
    return say(
        "Fürsprecher geben {hoch} oder mehr, Kritiker {tief} oder weniger; der NPS ist ihr "
        "Unterschied in Punkten. Unter {wenige} Antworten zeigen wir ihn nicht. „Von“ und „Bis“ "
        "begrenzen den Unsicherheitsbereich von {sicher}.",
        hoch=style.count(PROMOTER),
        tief=style.count(DETRACTOR),
        wenige=style.count(FEWEST_ANSWERS),
        sicher=style.share(0.95),
    )


def waves_title(waves: pd.DataFrame, *, style: Style) -> Sentence:
    """Say between which values the score moved."""
    shown = waves["nps"].dropna()
    if shown.empty:
        return say("Kein Halbjahr hat genügend Antworten")
    earlier = shown.iloc[:-1]
    if earlier.empty:
        return say(
            "Der NPS liegt bei {zuletzt} Punkten", zuletzt=style.number(shown.iloc[-1], digits=0)
        )
    return say(
        "Zuletzt lag der NPS bei {zuletzt}, davor zwischen {tief} und {hoch} Punkten",
        zuletzt=style.number(shown.iloc[-1], digits=0),
        tief=style.number(earlier.min(), digits=0),
        hoch=style.number(earlier.max(), digits=0),
    )


def waves_alt(waves: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the waves."""
    shown = waves["nps"].dropna()
    if shown.empty:
        return say("Punkte je Halbjahr; kein Halbjahr hat genügend Antworten.")
    return say(
        "Punkte mit Unsicherheitsbereich für {zahl} Halbjahre; der höchste Wert ist {hoch}, "
        "der niedrigste {tief}.",
        zahl=style.count(len(shown)),
        hoch=style.number(shown.max(), digits=0),
        tief=style.number(shown.min(), digits=0),
    )


def change(found: Change, *, style: Style) -> Sentence:
    """Say whether the score moved more than chance would move it."""
    is_clear = found.low > 0 or found.high < 0
    text = (
        "Gegenüber dem Halbjahr davor änderte sich der NPS um {punkte} Punkte ({von} bis {bis}). "
    )
    text += (
        "Das ist mehr als Zufall."
        if is_clear
        else "Der Bereich enthält null: Das ist keine erkennbare Änderung."
    )
    return say(
        text + " {beide} Kunden antworteten beide Male.",
        punkte=style.number(found.points, digits=1),
        von=style.number(found.low, digits=1),
        bis=style.number(found.high, digits=1),
        beide=style.count(found.both),
    )


def satisfaction(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how satisfied those are who gave a mark."""
    mean, top = table.loc["mean"], table.loc["top_two"]
    return say(
        "Die mittlere Note der Zufriedenheit ist {note} ({von} bis {bis}); {anteil} vergaben eine "
        "der beiden besten Noten.",
        note=style.number(mean["estimate"], digits=2),
        von=style.number(mean["lower"], digits=2),
        bis=style.number(mean["upper"], digits=2),
        anteil=style.share(top["estimate"]),
    )


def response(table: pd.DataFrame, *, plain: float, weighted: float, style: Style) -> Sentence:
    """Say who answers more often, and what the score would be if all groups had."""
    shown = table.dropna(subset=["response_share"])
    text = ""
    numbers = {}
    if len(shown) > 1:
        most, least = shown["response_share"].idxmax(), shown["response_share"].idxmin()
        text = "Am häufigsten antworten Kunden mit {viel} ({anteil}), am seltensten mit {wenig} "
        text += "({rest}). "
        numbers = {
            "viel": style.text(f"{most} Käufen" if most != "1" else "einem Kauf"),
            "anteil": style.share(shown.loc[most, "response_share"]),
            "wenig": style.text(f"{least} Käufen" if least != "1" else "einem Kauf"),
            "rest": style.share(shown.loc[least, "response_share"]),
        }
    text += "Zählt jeder Kunde mit seiner letzten Antwort, beträgt der NPS {roh} Punkte; gewichtet "
    text += "nach dem ganzen Bestand sind es {gewichtet}."
    return say(
        text,
        roh=style.number(plain, digits=0),
        gewichtet=style.number(weighted, digits=0),
        **numbers,
    )


def german_steps(table: pd.DataFrame) -> pd.DataFrame:
    """Call the steps of a table of complaints by their German names."""
    return table.rename(index=STEPS).rename_axis("stage")


def funnel_title(steps: pd.DataFrame, *, style: Style) -> Sentence:
    """Say at which step most complaints stay behind."""
    shares = steps["share"].to_numpy()
    lost = shares[:-1] - shares[1:]
    if np.isnan(lost).all():
        return say("Es sind zu wenige Beschwerden, um sie zu zeigen")
    worst = int(np.nanargmax(lost))
    return say(
        "Am meisten geht vor dem Schritt „{schritt}“ verloren: Ihn erreichen {anteil} der "
        "Beschwerden",
        schritt=style.text(steps.index[worst + 1]),
        anteil=style.share(shares[worst + 1]),
    )


def funnel_alt(steps: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the steps."""
    return say(
        "Balken für {zahl} Schritte der Bearbeitung; der letzte, „{schritt}“, reicht bis {anteil}.",
        zahl=style.count(len(steps)),
        schritt=style.text(steps.index[-1]),
        anteil=style.share(steps["share"].iloc[-1]),
    )


def times(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how long customers wait."""
    first, solved = table.loc["first_response"], table.loc["resolved"]
    return say(
        "Die Hälfte der Beschwerden wartet höchstens {antwort} auf eine Antwort und höchstens "
        "{loesung} auf eine Lösung; neun von zehn warten höchstens {langsam_antwort} und "
        "{langsam}. Offene Fälle zählen mit.",
        antwort=style.days(first["median_days"]),
        loesung=style.days(solved["median_days"]),
        langsam_antwort=style.days(first["slow_days"]),
        langsam=style.days(solved["slow_days"]),
    )


def repeats(count: int, observed: int, *, k: int, style: Style) -> Sentence:
    """Say how many complained again soon; few are not counted out."""
    if 0 < count < k or observed < k:
        return say("Wie viele sich bald wieder beschwerten, wird nicht gezeigt: zu wenige.")
    return say(
        "Auf {anteil} der Beschwerden folgte bald (höchstens {tage} später) eine weitere desselben "
        "Kunden.",
        anteil=style.share(count / observed, digits=1),
        tage=style.days(REPEAT_DAYS),
    )


def outcomes_title(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whose later buying differs most from that of customers like them."""
    clear = table[(table["low"] > 0) | (table["high"] < 0)].dropna(subset=["bought_difference"])
    if clear.empty:
        return say("Keine Gruppe kauft danach erkennbar anders als ähnliche Kunden")
    strongest = clear["bought_difference"].abs().idxmax()
    row = clear.loc[strongest]
    return say(
        "{gruppe}: {anteil} kaufen danach, ähnliche Kunden zu {vergleich}",
        gruppe=style.text(strongest),
        anteil=style.share(row["bought_share"]),
        vergleich=style.share(row["matched_share"]),
    )


def outcomes_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of what came after."""
    return say(
        "Je Gruppe ein Punkt für ihren Anteil mit einem Kauf danach und ein leeres Quadrat für "
        "ähnliche Kunden; {zahl} Gruppen.",
        zahl=style.count(len(table)),
    )


def outcomes(table: pd.DataFrame, *, days: int, style: Style) -> Sentence:
    """Say what was compared, whether it was alike, and that it proves no cause."""
    worst = table["imbalance"].max()
    text = "Gezählt sind Käufe der {tage} nach der Antwort oder Beschwerde. Verglichen wird jeder "
    text += "mit den {nachbarn} ähnlichsten Kunden desselben Tages, die noch nichts gesagt hatten. "
    text += (
        "Sie sind in Häufigkeit, letztem Kauf, Betrag und Alter einander ähnlich "
        if worst <= BALANCED
        else "Ganz ähnlich sind sie einander nicht "
    )
    return say(
        text + "(größter Abstand: {abstand} Standardabweichungen). Zusammenhang, keine Ursache.",
        tage=style.days(days),
        nachbarn=style.count(NEIGHBOURS),
        abstand=style.number(worst, digits=2),
    )


def themes(found: Themes, *, style: Style) -> Sentence:
    """Say what the comments are about and how far the themes can be trusted."""
    first = found.words.iloc[0]
    text = "Am häufigsten geht es um „{thema}“ ({anteil} der Kommentare). "
    text += (
        "Die Themen sind beständig: "
        if found.stability >= STABLE
        else "Die Themen sind nur eine grobe Ordnung: "
    )
    return say(
        text + "Werden andere Kunden gezogen, bleiben im Mittel {stabil} ihrer Wörter.",
        thema=style.text(first["name"]),
        anteil=style.share(first["comments"] / found.words["comments"].sum()),
        stabil=style.share(found.stability),
    )


def themes_rule(*, k: int, style: Style) -> Sentence:
    """Say how themes come about and why a quotation names nobody."""
    return say(
        "Themen ab {wenige} Kommentaren; ein Beispielsatz enthält nur Wörter, die mindestens "
        "{k} Kunden gebrauchen.",
        wenige=style.count(FEWEST_COMMENTS),
        k=style.count(k),
    )
