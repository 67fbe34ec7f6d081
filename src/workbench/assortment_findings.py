"""Tables of the assortment to sentences."""

from __future__ import annotations

import pandas as pd

from workbench.assortment import OFFERS, TEST_DAYS, Pairs, Trial
from workbench.formats import Style
from workbench.outputs import Sentence, say

LINE_NEEDS = "Positionen mit Artikel oder Kategorie (Spalten product_id, category)"
PAIR_NEEDS = "Artikel oder Kategorien, die oft genug zusammen gekauft werden"
TRIAL_NEEDS = "genügend Kunden, die zuletzt etwas für sie Neues kauften"
TIER_NEEDS = "Artikel und Mengen von Kunden aus zwei Zeiträumen (Spalten product_id, quantity)"
UNIT_LABELS = {"category": "Kategorie", "product_id": "Artikel", "": "Artikel"}
DIRECTIONS = {"up": "teurere Artikel", "same": "gleiche Preislage", "down": "günstigere Artikel"}


def bestsellers(table: pd.DataFrame, *, shown: int, unit: str, style: Style) -> Sentence:
    """Say how much of the revenue the most frequent goods carry."""
    return say(
        "Die {zahl} häufigsten von {alle} ({einheit}) bringen {anteil} des Umsatzes.",
        zahl=style.count(min(shown, len(table))),
        alle=style.count(len(table)),
        einheit=style.text(UNIT_LABELS[unit]),
        anteil=style.share(table["revenue_share"].head(shown).sum()),
    )


def pairs(found: Pairs, shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which two goods go together most, and how many pairs were looked at."""
    first = shown.dropna(subset=["lift"])
    if first.empty:
        return say("Jedes Paar steht für zu wenige Kunden, um gezeigt zu werden.")
    best = first.iloc[0]
    return say(
        "Am engsten gehören „{eins}“ und „{zwei}“ zusammen: Sie liegen {mal}-mal so oft in einem "
        "Warenkorb wie zufällig ({von} bis {bis}). Verglichen wurden {paare} Paare in {koerbe} "
        "Warenkörben; die stärksten sehen deshalb etwas stärker aus, als sie sind.",
        eins=style.text(best["first"]),
        zwei=style.text(best["second"]),
        mal=style.number(best["lift"], digits=1),
        von=style.number(best["lift_low"], digits=1),
        bis=style.number(best["lift_high"], digits=1),
        paare=style.count(len(found.table)),
        koerbe=style.count(found.baskets),
    )


def pairs_rule(*, min_support: float, style: Style) -> Sentence:
    """Say how a pair is counted."""
    return say(
        "Paare in mindestens {anteil} aller Warenkörbe. „Davon auch“: Anteil der Körbe mit dem "
        "ersten, die auch den zweiten enthalten; „Umgekehrt“: andersherum. Anhebung: so viel "
        "öfter als zufällig, mit Unsicherheitsbereich.",
        anteil=style.share(min_support, digits=1),
    )


def trial(found: Trial, *, style: Style) -> Sentence:
    """Say whether suggestions beat popularity, and what follows."""
    text = "Geprüft an der letzten Zeit ({tage}): Bei {kunden} Kunden, die etwas für sie Neues "
    text += "kauften, trafen {vorschlaege} Vorschläge in {treffer}, die beliebtesten Waren in "
    text += "{beliebt} der Fälle (Unterschied {unterschied}, {von} bis {bis}). "
    text += (
        "Die Vorschläge sind besser als die Bestenliste und stehen je Kunde in der Datei des Laufs."
        if found.is_better
        else "Das ist nicht besser als die Bestenliste; deshalb schreiben wir keine Vorschläge."
    )
    return say(
        text,
        tage=style.days(TEST_DAYS),
        kunden=style.count(found.customers),
        vorschlaege=style.count(OFFERS),
        treffer=style.share(found.hit_share),
        beliebt=style.share(found.popular_share),
        unterschied=style.share(found.difference, digits=1),
        von=style.share(found.low, digits=1),
        bis=style.share(found.high, digits=1),
    )


def price_moves(table: pd.DataFrame, *, days: int, style: Style) -> Sentence:
    """Say whether customers move to dearer or to cheaper goods."""
    up, down = table.loc["up"], table.loc["down"]
    is_clear = up["low"] > down["high"] or down["low"] > up["high"]
    text = "Verglichen mit dem gleich langen Zeitraum davor ({tage}) kauften {hoch} der Kunden "
    text += "teurere und {tief} günstigere Artikel ihrer Kategorien. "
    if not is_clear:
        text += "Das gleicht sich aus: Weder Aufstieg noch Abstieg überwiegt erkennbar."
    elif up["share"] > down["share"]:
        text += "Es überwiegt der Aufstieg."
    else:
        text += "Es überwiegt der Abstieg."
    return say(
        text,
        tage=style.days(days),
        hoch=style.share(up["share"]),
        tief=style.share(down["share"]),
    )
