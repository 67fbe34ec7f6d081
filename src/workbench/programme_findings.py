"""Tables of loyalty programmes and referrals to German sentences and rows."""

from __future__ import annotations

import pandas as pd

from workbench.formats import Style
from workbench.matching import Matched
from workbench.outputs import Sentence, say
from workbench.programmes import JOINING_DAYS, WINDOW_DAYS

JOINED_NEEDS = "der Tag des Beitritts zum Kundenprogramm (Tabelle customers)"
POINT_NEEDS = "offene Punkte je Kunde (Tabelle customers, Spalte points) und der Wert eines Punktes"
MEMBER_NEEDS = "Mitglieder mit Käufen lange vor und nach dem Beitritt"
REFERRED_NEEDS = "wer wen geworben hat (Tabelle customers)"
MATCH_NEEDS = "geworbene Kunden, neben denen im selben Quartal andere kamen"
# Bounds of a difference; low_money and high_money are those of an amount.
COLUMNS = {"low": "gap_low", "high": "gap_high"}
GROUPS = {"member": "Mitglieder", "other": "Übrige Kunden"}
MEASURES = {
    "earlier": "Käufe im vorletzten Zeitraum davor (abgestimmt)",
    "before": "Käufe im letzten Zeitraum davor",
    "after": "Käufe im Zeitraum danach",
    "change": "Änderung",
    "so_far": "Bisheriger Beitrag",
    "ahead": "Künftiger Wert",
    "total": "Zusammen",
}


def members(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how members differ from others, and why that is no effect.

    Parameters
    ----------
    table : DataFrame
        From `programmes.members_apart`, small groups blanked.
    style : Style
        How numbers are written.
    """
    if table["customers"].isna().any() or len(table) < 2:
        return say("Mitglieder und übrige Kunden lassen sich nicht vergleichen: zu wenige.")
    own, other = table.loc["member"], table.loc["other"]
    return say(
        "{n} Kunden sind im Kundenprogramm. Sie kauften im Mittel {eigene} Mal, die übrigen "
        "{andere} Mal. Das ist kein Erfolg des Programms: Wer beitritt, hat sich selbst "
        "ausgesucht, und wer oft kauft, wird öfter gefragt. Ob das Programm etwas dazu tat, "
        "zeigt diese Zahl nicht.",
        n=style.count(own["customers"]),
        eigene=style.number(own["orders_each"], digits=1),
        andere=style.number(other["orders_each"], digits=1),
    )


def open_points(row: pd.Series, *, k: int, horizon_days: int, style: Style) -> Sentence:
    """Say what open points are worth, all of them and those that will be redeemed.

    Parameters
    ----------
    row : Series
        From `programmes.open_points`.
    k : int
        With fewer customers nothing is said of them.
    horizon_days : int
        That of the probabilities.
    style : Style
        How numbers are written.
    """
    if row["customers"] < k:
        return say("Offene Punkte haben zu wenige Kunden, um sie zu zeigen.")
    text = "{n} Kunden haben zusammen {punkte} offene Punkte. Lösen alle sie ein, kostet das {alle}"
    if pd.notna(row["expected"]):
        text += (
            "; lösen sie nur die ein, die in {tage} Tagen wieder kaufen, sind es {erwartet}. Der "
            "Unterschied ist kein Gewinn, solange die Punkte nicht verfallen"
        )
    return say(
        text + ".",
        n=style.count(row["customers"]),
        punkte=style.count(row["points"]),
        alle=style.money(row["liability"]),
        tage=style.count(horizon_days),
        erwartet=style.money(row["expected"]),
    )


def joining_title(found: Matched, *, style: Style) -> Sentence:
    """Say in one line how members stand beside like customers before and after joining."""
    table = found.table
    return say(
        "Mitglieder neben vergleichbaren Kunden: {davor} Käufe mehr im Zeitraum vor dem Beitritt, "
        "{danach} mehr danach",
        davor=style.number(table.loc["before", "difference"], digits=2),
        danach=style.number(table.loc["after", "difference"], digits=2),
    )


def joining_alt(found: Matched, *, style: Style) -> Sentence:
    """Describe the drawing of the differences around joining."""
    table = found.table
    return say(
        "Drei Punkte mit Unsicherheitsbereich: der Unterschied der Käufe je Kunde zwischen "
        "Mitgliedern und vergleichbaren Kunden, im vorletzten Zeitraum vor dem Beitritt {fern}, im "
        "letzten {nah}, danach {danach}. Eine Linie liegt bei null.",
        fern=style.number(table.loc["earlier", "difference"], digits=2),
        nah=style.number(table.loc["before", "difference"], digits=2),
        danach=style.number(table.loc["after", "difference"], digits=2),
    )


def effect(found: Matched, *, style: Style) -> Sentence:
    """Say what changed around joining, beside like customers; never that the programme did it.

    Parameters
    ----------
    found : Matched
        From `programmes.around_joining`.
    style : Style
        How numbers are written.
    """
    row, before = found.table.loc["change"], found.table.loc["before"]
    numbers = {
        "davor": style.number(before["difference"], digits=2),
        "davor_von": style.number(before["low"], digits=2),
        "davor_bis": style.number(before["high"], digits=2),
        "tage": style.count(WINDOW_DAYS),
        "differenz": style.number(row["difference"], digits=2),
        "von": style.number(row["low"], digits=2),
        "bis": style.number(row["high"], digits=2),
        "mitglieder": style.count(found.cases),
        "andere": style.count(found.controls),
    }
    basis = (
        " Verglichen sind {mitglieder} Mitglieder mit {andere} Kunden, die zur selben Zeit "
        "kauften, zur selben Zeit begonnen und zuvor ebenso oft gekauft hatten."
    )
    span = (
        "In den {tage} Tagen nach dem Beitritt änderten sich die Käufe eines Mitglieds um "
        "{differenz} gegenüber vergleichbaren Kunden (Unsicherheitsbereich: {von} bis {bis}). "
    )
    if before["low"] > 0 or before["high"] < 0:
        verdict = (
            "Das ist kein Nachweis, dass das Programm wirkt: Schon im gleich langen Zeitraum vor "
            "dem Beitritt wichen die Mitglieder um {davor} Käufe ab ({davor_von} bis {davor_bis}), "
            "der Vergleich ist also nicht sauber."
        )
    elif row["low"] > 0:
        verdict = (
            "Das ist mehr als Zufall, aber kein Beweis: Vielleicht treten Kunden bei, wenn sie "
            "ohnehin mehr vorhaben. Sicher ist nur ein Versuch, in dem das Los einlädt."
        )
    elif row["high"] < 0:
        verdict = (
            "Mitglieder kauften danach weniger als zuvor; auch das beweist nichts, denn wer gerade "
            "viel gekauft hat, tritt eher bei."
        )
    else:
        verdict = "Null liegt in diesem Bereich: kein Nachweis, dass das Programm wirkt."
    return say(span + verdict + basis, **numbers)


def effect_rule(*, style: Style) -> Sentence:
    """Say what the rows of the comparison around joining are."""
    return say(
        "Käufe je Kunde in {tage} Tagen, der Kauf beim Beitritt nicht mitgezählt. Mitglieder, "
        "die höchstens {frist} Tage nach einem Kauf beitraten; die übrigen um einen eigenen Kauf.",
        tage=style.count(WINDOW_DAYS),
        frist=style.count(JOINING_DAYS),
    )


def named(found: Matched, *, unit: str) -> pd.DataFrame:
    """Return the comparison with German names of its rows, and columns that name the unit.

    Parameters
    ----------
    found : Matched
        Its measures are in `MEASURES`.
    unit : str
        ``number`` or ``money``.
    """
    table = found.table.rename(index=MEASURES).rename_axis("measure")
    return table.rename(columns=lambda name: f"{COLUMNS.get(name, name)}_{unit}")


def referral_rate(row: pd.Series, *, style: Style) -> Sentence:
    """Say how many new customers were referred.

    Parameters
    ----------
    row : Series
        From `referrals.rate`; blank where too few.
    style : Style
        How numbers are written.
    """
    if pd.isna(row["share"]):
        return say("Im letzten Jahr kamen zu wenige Kunden durch Empfehlung, um es zu zeigen.")
    text = "Im letzten Jahr kamen {anteil} der neuen Kunden durch Empfehlung ({von} bis {bis})."
    if pd.notna(row["referrer_share"]):
        text += " {werber} aller Kunden haben schon jemanden geworben."
    return say(
        text,
        anteil=style.share(row["share"], digits=1),
        von=style.share(row["low"], digits=1),
        bis=style.share(row["high"], digits=1),
        werber=style.share(row["referrer_share"], digits=1),
    )


def reward(found: Matched, row: pd.Series, *, style: Style) -> Sentence:
    """Say what a referral may cost at most, or that nothing shows that it brings more.

    Parameters
    ----------
    found : Matched
        From `referrals.value`.
    row : Series
        From `referrals.highest_reward`.
    style : Style
        How numbers are written.
    """
    total = found.table.loc["total"]
    text = (
        "Ein geworbener Kunde ist {mehr} mehr wert als andere, die im selben Quartal kamen "
        "(Unsicherheitsbereich: {von} bis {bis}). "
    )
    if total["difference"] < 0:
        text = (
            "Ein geworbener Kunde ist nicht mehr wert als andere, die im selben Quartal kamen: "
            "{mehr} (Unsicherheitsbereich: {von} bis {bis}). "
        )
    if total["low"] <= 0 <= total["high"]:
        text += "Null liegt darin: kein Nachweis. "
    if row["saved"] > 0:
        text += "Dazu spart er Akquisitionskosten von {gespart}. "
    text += (
        "Eine Belohnung von mehr als {belohnung} rechnet sich nicht; vorsichtig gerechnet "
        "höchstens {vorsichtig}. Wer ohnehin empfohlen hätte, kostet sie ohne Gegenwert."
    )
    return say(
        text,
        mehr=style.money(total["difference"]),
        von=style.money(total["low"]),
        bis=style.money(total["high"]),
        gespart=style.money(row["saved"], digits=2),
        belohnung=style.money(row["reward"]),
        vorsichtig=style.money(row["reward_low"]),
    )
