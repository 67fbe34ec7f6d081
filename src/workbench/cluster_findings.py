"""The search for groups among repeat buyers -> German sentences, worded by rule."""

from __future__ import annotations

import pandas as pd

from workbench.clusters import ALPHA, STABLE, Search, stability
from workbench.formats import Style
from workbench.mixtures import Mixtures
from workbench.outputs import Sentence, say

STABILITY = {
    "unreliable": "unzuverlässig",
    "pattern": "Muster, nicht stabil",
    "stable": "stabil",
    "highly_stable": "sehr stabil",
}
# Adjusted Rand index from which two groupings have something, or much, in common.
SOME, MUCH = 0.2, 0.5


def title(search: Search, *, style: Style) -> Sentence:
    """Say in a headline whether there are groups."""
    return say(
        {
            "natural": "Die Wiederkäufer bilden {gruppen} natürliche Gruppen",
            "reproducible": "Keine natürlichen Gruppen, aber {gruppen} reproduzierbare",
            "constructed": "Keine stabilen Gruppen unter den Wiederkäufern",
        }[search.code],
        gruppen=style.count(search.n_groups),
    )


def search_alt(search: Search, *, style: Style) -> Sentence:
    """Describe the drawing of the search."""
    row = search.table.loc[search.n_groups]
    return say(
        "Linien über der Zahl der Gruppen. Bei {gruppen} Gruppen beträgt die Silhouette {eigen}, "
        "in Vergleichstabellen ohne Gruppen im Mittel {ohne} und höchstens {hoch}.",
        gruppen=style.count(search.n_groups),
        eigen=style.number(row["silhouette"]),
        ohne=style.number(row["reference"]),
        hoch=style.number(row["reference_high"]),
    )


def verdict(search: Search, *, style: Style) -> Sentence:
    """Say whether the groups are natural, reproducible or constructed, and what follows."""
    values = {
        "kunden": style.count(len(search.labels)),
        "gruppen": style.count(search.n_groups),
        "jaccard": style.number(min(search.jaccard)),
        "ohne": style.number(search.reference_jaccard),
        "grenze": style.number(STABLE),
    }
    if search.code == "natural":
        return say(
            "Natürliche Gruppen: Die {kunden} Wiederkäufer zerfallen in {gruppen} Gruppen, die "
            "klar getrennt liegen. Jede kehrt in Stichproben wieder (Jaccard mindestens "
            "{jaccard}). Sie lohnen eigene Ansprache.",
            **values,
        )
    if search.code == "reproducible":
        return say(
            "Keine natürlichen Gruppen: Die {kunden} Wiederkäufer gehen ineinander über. "
            "Reproduzierbar ist eine Einteilung in {gruppen}; sie kehrt in Stichproben fast gleich "
            "wieder (Jaccard mindestens {jaccard}, ohne Gruppen höchstens {ohne}). Sie taugt als "
            "Arbeitshilfe, nicht als Entdeckung.",
            **values,
        )
    if search.p_value > ALPHA:
        why = "sie liegen nicht weiter auseinander als in Tabellen ohne Gruppen"
    elif min(search.jaccard) < STABLE:
        why = (
            "in Stichproben kehren sie nicht verlässlich wieder (Jaccard {jaccard}, nötig {grenze})"
        )
    else:
        why = (
            "in Tabellen ohne Gruppen kehren sie ebenso gut wieder oder liegen so weit auseinander"
        )
    return say(
        "Keine stabilen Gruppen: Ein Verfahren teilt die {kunden} Wiederkäufer zwar in {gruppen} "
        f"Gruppen, doch {why}. Jede Einteilung wäre hier gesetzt, nicht gefunden. Bleiben Sie bei "
        "den Segmenten nach Regeln.",
        **values,
    )


def clouds(found: Mixtures, search: Search, *, style: Style) -> Sentence:
    """Say how many normal clouds describe the customers, and whether they are the groups."""
    return say(
        "Das zweite Verfahren, Mischungen aus Normalverteilungen, wählt als Zahl der Wolken nach "
        "BIC {bic} und nach ICL {icl}; ICL zählt nur, was getrennt liegt. Mit {gruppen} Wolken "
        f"hat die Einteilung oben {_in_common(found.agreement)} (angepasster Rand-Index {{rand}}).",
        bic=style.count(found.by_bic),
        icl=style.count(found.by_icl),
        gruppen=style.count(search.n_groups),
        rand=style.number(found.agreement),
    )


def segments(agreement: float, *, style: Style) -> Sentence:
    """Say what the groups have in common with the segments by score."""
    return say(
        f"Mit den Segmenten nach Noten haben die Gruppen {_in_common(agreement)} (angepasster "
        "Rand-Index "
        "{rand}; eins heißt gleich, null heißt zufällig).",
        rand=style.number(agreement),
    )


def cards_title(cards: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which group of repeat buyers brings most."""
    shown = cards[cards["kind"] == "repeat"].dropna(subset=["revenue_share"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    best = shown["revenue_share"].idxmax()
    return say(
        "„{gruppe}“: {kunden} der Kunden, {umsatz} des Umsatzes",
        gruppe=style.text(best),
        kunden=style.share(shown.loc[best, "customer_share"]),
        umsatz=style.share(shown.loc[best, "revenue_share"]),
    )


def positions_caption() -> Sentence:
    """Say how to read the drawing of where the groups stand, and where their names are from."""
    return say(
        "Jedes Zeichen ist der mittlere Kunde der Gruppe in einem Merkmal. Der Name nennt, worin "
        "er am weitesten von der Mitte aller Wiederkäufer abweicht. Oben steht die Gruppe mit dem "
        "höchsten mittleren Umsatz je Kunde."
    )


def positions_alt(positions: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of where the groups stand."""
    return say(
        "Je Gruppe vier Zeichen auf einer Linie von klein nach groß, für {gruppen} Gruppen. Am "
        "häufigsten kauft „{oft}“, am längsten still ist „{still}“.",
        gruppen=style.count(len(positions)),
        oft=style.text(_highest(positions["place_frequency"])),
        still=style.text(_highest(positions["place_recency"])),
    )


def with_stability(cards: pd.DataFrame, search: Search) -> pd.DataFrame:
    """Put beside each group how well it returns in samples, in a number and a word."""
    repeat = cards.index[cards["kind"] == "repeat"]
    jaccard = pd.Series(search.jaccard, repeat).reindex(cards.index)
    words = jaccard.map(stability, na_action="ignore").map(STABILITY)
    return cards.assign(jaccard=jaccard, stability=words.fillna("nach Definition"))


def _in_common(agreement: float) -> str:
    much = "viel" if agreement >= MUCH else "manches"
    return f"{much if agreement >= SOME else 'wenig'} gemeinsam"


def _highest(values: pd.Series) -> str | None:
    shown = values.dropna()
    return None if shown.empty else str(shown.idxmax())
