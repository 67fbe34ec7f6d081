"""What campaigns changed, or did not show -> German sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.campaign_balance import LARGE, LEVEL
from workbench.campaign_log import FREQUENT_ORDERS, NEW_DAYS, NO_CONTROL, NOT_OVER, Log
from workbench.campaign_readings import Reading, Segments, Targeting
from workbench.campaign_returns import Returns
from workbench.campaign_tables import ALPHA, COVARIATES, NO_TRIAL, SEGMENTS, STATUSES
from workbench.formats import Style
from workbench.outputs import Sentence, say

LOG_NEEDS = "ein Protokoll der Kontakte mit den Namen der Kampagnen (Tabelle contacts)"
TRIAL_NEEDS = "eine abgeschlossene Kampagne mit genug Kunden in beiden Gruppen"
LOT_NEEDS = "eine Kampagne, deren Vergleichsgruppe das Los bestimmt hat"
COST_NEEDS = "die Kosten je Kontakt (Tabelle contacts, Spalte cost)"
LIST_NEEDS = "genug Kunden in beiden Gruppen der Kampagne"


def overview(log: Log, *, days: int, style: Style) -> Sentence:
    """Say how many campaigns there are, and which of them can show an effect.

    Parameters
    ----------
    log : Log
        From `campaign_log.read`.
    days : int
        Length of the window.
    style : Style
        How numbers are written.
    """
    counts = log.campaigns["status"].value_counts().reindex(STATUSES, fill_value=0)
    text = "Kampagnen im Protokoll: {n}, davon mit einer Vergleichsgruppe, die nichts bekam: {mit}."
    if counts[NO_CONTROL]:
        text += (
            " Ohne Vergleichsgruppe ({ohne}) ist nur zu sehen, wer reagierte und kaufte, nicht, "
            "was die Kampagne bewirkte: Wie viele auch ohne sie gekauft hätten, weiß niemand. Wer "
            "einen Teil der Liste auslost und nicht anspricht, erfährt es."
        )
    if counts[NOT_OVER]:
        text += (
            " Bei den noch offenen ({offen}) sind seit dem letzten Kontakt keine {tage} Tage "
            "vergangen; was folgt, ist nicht vollständig."
        )
    if log.unnamed:
        text += " Ohne den Namen einer Kampagne sind {namenlos} Kontakte; sie zählen hier nicht."
    return say(
        text,
        n=style.count(len(log.campaigns)),
        mit=style.count(int((log.campaigns[["treated", "control"]] > 0).all(axis=1).sum())),
        ohne=style.count(counts[NO_CONTROL]),
        offen=style.count(counts[NOT_OVER]),
        tage=style.count(days),
        namenlos=style.count(log.unnamed),
    )


def unsubscribed(contacts: pd.DataFrame, *, style: Style) -> Sentence | None:
    """Say after which campaign most customers left the list; None where nobody is known to.

    Parameters
    ----------
    contacts : DataFrame
        From `campaign_returns.contacts`, by campaign.
    style : Style
        How numbers are written.
    """
    left = contacts["unsubscribed_share"].dropna()
    if not (left > 0).any():
        return None
    most = contacts.loc[left.idxmax()]
    return say(
        "Am häufigsten meldeten sich Kunden nach „{name}“ ab: {anteil} der Angesprochenen "
        "({von} bis {bis}). Wer sich abmeldet, ist mit keiner weiteren Nachricht zu erreichen.",
        name=style.text(left.idxmax()),
        anteil=style.share(most["unsubscribed_share"], digits=1),
        von=style.share(most["unsubscribed_low"], digits=1),
        bis=style.share(most["unsubscribed_high"], digits=1),
    )


def balance(reading: Reading, *, style: Style) -> Sentence:
    """Say whether a lot can have drawn the groups, and what follows if not.

    Parameters
    ----------
    reading : Reading
        From `campaign_readings.readings`.
    style : Style
        How numbers are written.
    """
    found = reading.balance
    gap = found.table["gap"].abs()
    numbers = {
        "name": style.text(reading.trial.name),
        "n": style.count(found.treated),
        "m": style.count(found.control),
        "anteil": style.share(found.p_value, digits=1),
        "grenze": style.share(LEVEL),
        "abstand": style.number(gap.max(), digits=2),
        "merkmal": style.text(COVARIATES[gap.idxmax()][0]),
    }
    start = "„{name}“: {n} Kunden wurden angesprochen, {m} nicht. "
    if not found.is_random:
        return say(
            "Warnung: " + start + "Beide Gruppen hatten schon vorher verschieden gekauft (am "
            "weitesten auseinander: {merkmal}, {abstand} Standardabweichungen). So verschieden "
            "macht sie ein Los in weniger als {grenze} der Fälle. Das war kein Versuch: Der "
            "Unterschied danach beschreibt, wer ausgesucht wurde, und nicht, was die Kampagne "
            "bewirkte.",
            **numbers,
        )
    if not found.directions:
        return say(
            start + "Vorher hatten alle dasselbe gekauft: Ob das Los entschied, lässt sich nicht "
            "prüfen.",
            **numbers,
        )
    text = start + (
        "Vorher hatten beide Gruppen so ähnlich gekauft, wie ein Los sie macht: In {anteil} aller "
        "Auslosungen wären sie mindestens so verschieden. Nichts spricht also dagegen, dass das "
        "Los entschied."
    )
    if gap.max() > LARGE:
        text += (
            " Am weitesten auseinander liegen {merkmal} ({abstand} Standardabweichungen); die "
            "Rechnung gleicht das aus."
        )
    return say(text, **numbers)


def effect(reading: Reading, apart: Segments | None, *, days: int, style: Style) -> Sentence:
    """Say what the campaign changed on average, or that nothing shows it.

    Parameters
    ----------
    reading : Reading
        From `campaign_readings.readings`.
    apart : Segments or None
        From `campaign_readings.segments`, of a campaign by lot.
    days : int
        Length of the window.
    style : Style
        How numbers are written.
    """
    row = reading.main
    numbers = {
        "name": style.text(reading.trial.name),
        "tag": style.date(reading.trial.day),
        "tage": style.count(days),
        "zahl": style.number(100 * abs(row["effect"]), digits=1),
        "von": style.number(100 * row["low"], digits=1),
        "bis": style.number(100 * row["high"], digits=1),
    }
    more = "mehr" if row["effect"] >= 0 else "weniger"
    if reading.effect is None:
        return say(
            "Nach „{name}“ ({tag}) kamen in {tage} Tagen auf hundert Angesprochene {zahl} Käufe "
            f"{more} als auf hundert der übrigen. Das ist kein Nachweis einer Wirkung: Wer "
            "angesprochen wurde, entschied nicht das Los.",
            **numbers,
        )
    text = (
        "„{name}“ ({tag}): Auf hundert Angesprochene kamen in {tage} Tagen {zahl} Käufe "
        f"{more} als ohne Ansprache (Unsicherheitsbereich: {{von}} bis {{bis}}). "
    )
    if pd.isna(row["low"]):
        text = "Nach „{name}“ ({tag}) kaufte in keiner der beiden Gruppen jemand."
    elif row["low"] > 0:
        text += "Das ist mehr als Zufall: Die Kampagne hat Käufe gebracht."
    elif row["high"] < 0:
        text += "Das ist mehr als Zufall: Die Kampagne hat Käufe gekostet."
    else:
        text += "Null liegt in diesem Bereich: Im Mittel aller Kunden ist das kein Nachweis."
    if apart is not None and apart.test.p_value < ALPHA:
        text += " Die Segmente reagierten aber verschieden"
        gains, losses = (", ".join(names) for names in _proven(apart.table))
        numbers |= {"mehr": style.text(gains), "weniger": style.text(losses)}
        told = [("mehr Käufe: {mehr}", gains), ("weniger Käufe: {weniger}", losses)]
        told = [part for part, names in told if names]
        text += f" ({'; '.join(told)})." if told else "."
    return say(text, **numbers)


def narrowed(reading: Reading, *, style: Style) -> Sentence:
    """Say by how much knowing the past sharpened the interval.

    Parameters
    ----------
    reading : Reading
        Of a campaign by lot.
    style : Style
        How numbers are written.
    """
    if not reading.narrowed > 0:
        return say(
            "Was die Kunden vorher gekauft hatten, ist herausgerechnet; schärfer wird die Antwort "
            "dadurch hier nicht."
        )
    return say(
        "Was die Kunden vorher gekauft hatten, ist herausgerechnet. Dadurch wird der "
        "Unsicherheitsbereich um {anteil} schmaler, ohne dass ein Kunde mehr nötig wäre.",
        anteil=style.share(reading.narrowed),
    )


def attrition(reading: Reading, *, k: int, style: Style) -> Sentence | None:
    """Say whether as many of both groups are left out of the data; None where nobody is.

    Parameters
    ----------
    reading : Reading
        From `campaign_readings.readings`.
    k : int
        Smallest group shown.
    style : Style
        How numbers are written.
    """
    found = reading.attrition
    if found.treated + found.control == 0:
        return None
    shown = all(n == 0 or n >= k for n in (found.treated, found.control))
    share = " ({eine} der Angesprochenen, {andere} der Vergleichsgruppe)" if shown else ""
    start = f"Gelöschte Kunden und solche mit Widerspruch fehlen hier{share}. "
    end = (
        "Mehr als der Zufall macht, unterscheiden sich die Gruppen darin nicht; der Vergleich "
        "leidet nicht darunter."
    )
    if not found.is_even:
        end = (
            "Warnung: Darin unterscheiden sich die Gruppen mehr, als der Zufall macht. Vielleicht "
            "vertrieb die Kampagne Kunden, die jetzt niemand mehr sieht. Der Vergleich ist deshalb "
            "nur ein Anhalt."
        )
    return say(
        start + end,
        eine=style.share(found.treated_share, digits=1),
        andere=style.share(found.control_share, digits=1),
    )


def excluded(log: Log, reading: Reading, *, k: int, style: Style) -> Sentence | None:
    """Say how many customers of a campaign belong to no group of it; None where all do.

    Parameters
    ----------
    log : Log
        From `campaign_log.read`.
    reading : Reading
        Of the campaign.
    k : int
        Smallest group shown.
    style : Style
        How numbers are written.
    """
    n = int(log.campaigns.loc[reading.trial.name, ["both", "none"]].sum())
    if n == 0:
        return None
    if n < k:
        return say("Wenige Kunden stehen in beiden Gruppen oder in keiner; sie zählen nicht mit.")
    return say(
        "In beiden Gruppen oder in keiner stehen {n} Kunden; sie zählen nicht mit. Sind es viele, "
        "kam etwas zwischen Los und Versand, und der Vergleich ist nur ein Anhalt.",
        n=style.count(n),
    )


def segments(found: Segments, table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whom the campaign changed, as far as that is shown.

    Parameters
    ----------
    found : Segments
        From `campaign_readings.segments`.
    table : DataFrame
        Its table, small groups blanked.
    style : Style
        How numbers are written.
    """
    gains, losses = _proven(table)
    differ = found.test.p_value < ALPHA
    if pd.isna(found.test.p_value):
        start = "Für einen Vergleich der Segmente sind zu wenige Kunden dabei. "
    elif differ:
        start = (
            "Die Kampagne wirkte nicht auf alle gleich: Dass die Segmente nur zufällig so weit "
            "auseinanderliegen, kommt in höchstens {p} der Fälle vor. "
        )
    else:
        start = "Kein Nachweis, dass die Kampagne auf die Segmente verschieden wirkte. "
    text = ""
    if gains:
        text += "Mehr Käufe sind nachgewiesen bei: {mehr}. "
    if losses:
        text += "Weniger Käufe sind nachgewiesen bei: {weniger}. "
    text += (
        "Für die übrigen Segmente gibt es keinen Nachweis."
        if text and len(gains) + len(losses) < len(table)
        else ""
        if text
        else "Für kein einzelnes Segment gibt es einen Nachweis."
    )
    return say(
        (start + text).strip(),
        p=style.share(np.ceil(max(found.test.p_value, 1e-3) * 1000) / 1000, digits=1),
        mehr=style.text(", ".join(gains)),
        weniger=style.text(", ".join(losses)),
    )


def _proven(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Name the segments with more and with fewer purchases, where that is shown."""
    shown = table[table["p_holm"] < ALPHA]
    gains, losses = shown["effect"] > 0, shown["effect"] < 0
    return tuple([SEGMENTS[name] for name in shown.index[rows]] for rows in (gains, losses))


def segment_rule(*, style: Style) -> Sentence:
    """Say what the segments are, and how the table is to be read."""
    return say(
        "Stand am Tag vor der Kampagne: Vielkäufer ab {n} Käufen; neu: erster Kauf in den "
        "{tage} Tagen davor; sonst nach der Zahl der Käufe. Der p-Wert rechnet ein, dass mehrere "
        "Segmente angesehen werden (Verfahren von Holm)",
        n=style.count(FREQUENT_ORDERS),
        tage=style.count(NEW_DAYS),
    )


def targeting(found: Targeting, *, style: Style) -> Sentence:
    """Say whether a list by score would have done better than one by lot, and for whom.

    Parameters
    ----------
    found : Targeting
        From `campaign_readings.targeting`.
    style : Style
        How numbers are written.
    """
    qini, curve = found.qini, found.qini.curve
    half = curve.iloc[(curve.index.to_series() - 0.5).abs().argmin()]
    numbers = {
        "laenge": style.share(half.name),
        "gezielt": style.number(100 * half["gain"], digits=1),
        "los": style.number(100 * half["random"], digits=1),
        "alle": style.number(100 * curve["gain"].iloc[-1], digits=1),
    }
    if not qini.low > 0:
        text = (
            "Kein Nachweis, dass eine gezieltere Liste mehr gebracht hätte als eine gleich lange, "
            "die das Los bestimmt. Dass einzelne Segmente verschieden reagieren, schließt das "
            "nicht aus."
        )
        if qini.high < 0:
            text = "Die Wertung ordnete die Kunden schlechter als das Los; sie taugt hier nicht. "
    else:
        text = (
            "Ja, eine gezieltere Liste hätte mehr gebracht: Die {laenge} mit der höchsten Wertung "
            "allein hätten auf hundert Kunden der ganzen Liste {gezielt} Käufe gebracht, ebenso "
            "viele nach Los {los}, alle zusammen {alle}. "
        )
        first, last = found.parts.loc["first"], found.parts.loc["last"]
        if first["p_holm"] < ALPHA and first["effect"] > 0:
            text += "Das Drittel mit der höchsten Wertung sind Überzeugbare: Sie kauften mehr. "
        if last["p_holm"] < ALPHA and last["effect"] < 0:
            text += (
                "Das Drittel mit der niedrigsten Wertung sind Schlafende Hunde: Sie kauften nach "
                "der Ansprache weniger, besser lässt man sie in Ruhe."
            )
        else:
            text += "Schlafende Hunde, die man besser in Ruhe lässt, sind nicht nachgewiesen."
    return say(text.strip(), **numbers)


def account(found: Returns, *, measured: bool, margin: float, style: Style) -> Sentence:
    """Say whether the campaign earned its contacts.

    Parameters
    ----------
    found : Returns
        From `campaign_readings.account`.
    measured : bool
        The margin is that of the line items.
    margin : float
        Share of revenue that stands for it otherwise.
    style : Style
        How numbers are written.
    """
    table = found.table
    text = (
        "Je Angesprochenem kostete der Kontakt {kosten}; der Deckungsbeitrag änderte sich dadurch "
        "im Mittel um {beitrag} ({von} bis {bis}). "
    )
    if found.pays:
        text += "Die Kontakte haben sich getragen: Es bleiben {rest} ({rest_von} bis {rest_bis})."
    elif found.pays is False:
        text += "Die Kampagne hat damit mehr gekostet, als sie brachte."
    else:
        text += (
            "Es ist nicht belegt, dass sich die Kampagne trägt: Nach Abzug der Kosten reicht der "
            "Unsicherheitsbereich von {rest_von} bis {rest_bis}."
        )
    if not measured and margin == 1:
        text += " Ein Deckungsbeitrag ist nicht bekannt; gerechnet ist mit dem ganzen Umsatz."
    elif not measured:
        text += " Als Deckungsbeitrag gelten {marge} des Umsatzes."
    if found.unknown:
        text += " Wo Kosten fehlen, steht ihr Mittel."
    return say(
        text,
        kosten=style.money(table.loc["cost", "value"], digits=2),
        beitrag=style.money(table.loc["margin", "value"], digits=2),
        von=style.money(table.loc["margin", "low"], digits=2),
        bis=style.money(table.loc["margin", "high"], digits=2),
        rest=style.money(table.loc["net", "value"], digits=2),
        rest_von=style.money(table.loc["net", "low"], digits=2),
        rest_bis=style.money(table.loc["net", "high"], digits=2),
        marge=style.share(margin),
    )


def balance_rule(reading: Reading, *, style: Style) -> Sentence:
    """Say whose past the table shows."""
    return say(
        "Beide Gruppen am Tag vor „{name}“, im Mittel je Kunde",
        name=style.text(reading.trial.name),
    )


def interval_title(rows: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in how many rows an effect is shown."""
    shown = rows.dropna(subset=["change_low_number"])
    shown = shown[shown["trial_kind"] != NO_TRIAL]
    if shown.empty:
        return say("Kein Versuch: Kein Unterschied hier ist eine Wirkung")
    clear = (shown["change_low_number"] > 0) | (shown["change_high_number"] < 0)
    return say(
        "Bei {n} von {m} Vergleichen liegt der ganze Bereich auf einer Seite der Null",
        n=style.count(int(clear.sum())),
        m=style.count(len(shown)),
    )


def interval_alt(rows: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing: the largest and the smallest change."""
    shown = rows.dropna(subset=["change_number"]).sort_values("change_number", kind="stable")
    if shown.empty:
        return say("Keine Gruppe ist groß genug, um gezeigt zu werden.")
    return say(
        "Zusätzliche Käufe je Kunde mit Unsicherheitsbereich, daneben die Null. Am meisten: {oben} "
        "mit {hoch}; am wenigsten: {unten} mit {tief}.",
        oben=style.text(shown.index[-1]),
        hoch=style.number(shown["change_number"].iloc[-1]),
        unten=style.text(shown.index[0]),
        tief=style.number(shown["change_number"].iloc[0]),
    )


def curve_title(found: Targeting) -> Sentence:
    """Say whether the curve lies above that of a list by lot."""
    if found.qini.low > 0:
        return say("Nach Wertung geordnet bringt die Liste mehr als nach Los")
    return say("Nach Wertung geordnet bringt die Liste nicht nachweisbar mehr als nach Los")


def curve_alt(found: Targeting, *, style: Style) -> Sentence:
    """Describe the drawing: the Qini coefficient and where the curve ends."""
    return say(
        "Zusätzliche Käufe je Kunde der ganzen Liste, je nachdem, wie viel von ihr angesprochen "
        "wird; daneben die Gerade einer ausgelosten Liste. Die Fläche dazwischen, der Qini-Wert, "
        "ist {qini} ({von} bis {bis}); am Ende treffen sich beide bei {ende}.",
        qini=style.number(found.qini.coefficient, digits=3),
        von=style.number(found.qini.low, digits=3),
        bis=style.number(found.qini.high, digits=3),
        ende=style.number(found.qini.curve["gain"].iloc[-1]),
    )


def gap_rule(*, days: int, style: Style) -> Sentence:
    """Say what the rows of the table of differences are."""
    return say(
        "Was in {tage} Tagen vom Kontakt an geschah, ohne jede Rechnung. Nur bei einem Versuch ist "
        "der Unterschied eine Wirkung",
        tage=style.count(days),
    )


def effect_rule() -> Sentence:
    """Say what the rows of the table of effects are."""
    return say(
        "Was nur wegen der Kampagne geschah, je Angesprochenem. Entschieden wird nach den Käufen "
        "je Kunde, die übrigen Zeilen sind Nebenfragen"
    )
