"""Every claim about known customers that is tested: its words, its number, what is known."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NONE: Mapping[str, Any] = MappingProxyType({})


class Claim(NamedTuple):
    """A claim that circulates, and what research says about it.

    Attributes
    ----------
    text : str
        German, without a number.
    claimed, claimed_to : float or None
        What it says, ``claimed`` to ``claimed_to`` where it names a range; None
        where it names no number.
    neutral : float or None
        Where it names none: the figure at which there is no effect.
    unit : str
        Of the figure, as in `formats.Style.write`.
    known : str
        German sentence, a template of `outputs.say`, on what is known.
    numbers : mapping of str to tuple
        Its numbers: value and unit.
    source : str
        Where that stands; '' where there is none.
    lacks : str
        German: what it takes to measure the claim.
    """

    text: str
    known: str
    lacks: str
    source: str = ""
    claimed: float | None = None
    claimed_to: float | None = None
    neutral: float | None = None
    unit: str = "number"
    numbers: Mapping[str, Any] = NONE


_NO_SOURCE = "Eine Quelle für die Zahl war nicht zu finden."
_TRIAL = "Zeigen kann es nur ein Versuch, in dem ausgelost wird, wen die Maßnahme trifft."
_REINARTZ = "Reinartz und Kumar 2002, Harvard Business Review"

CLAIMS: dict[str, Claim] = {
    "seven_times": Claim(
        "Ein Bestandskunde bringt bis zu siebenmal so viel Umsatz wie ein Neukunde",
        "Eine Quelle war nicht zu finden. Im GfK Consumer Scan ({jahr}) stellten Stammkunden "
        "{kunden} der Kunden und {umsatz} des Umsatzes, je Kopf also das {faktor}-Fache der "
        "übrigen.",
        "Kunden mit einem und mit mehreren Käufen",
        source="GfK Consumer Scan, erstes Halbjahr 2018, nach Deutsche Post",
        claimed=7.0,
        numbers={
            "jahr": ("2018", "text"),
            "kunden": (0.32, "share"),
            "umsatz": (0.66, "share"),
            "faktor": (4.1, "number"),
        },
    ),
    "five_percent": Claim(
        "Ein wenig mehr Kundenbindung (plus fünf Prozent) hebt den Gewinn um ein Viertel bis fast "
        "auf das Doppelte",
        "Die Zahl stammt aus einer Rechnung, nicht aus einer Messung: Die Abwanderung sinkt darin "
        "von {davor} auf {danach}, und gemeint ist der Wert je Kunde, nicht der Gewinn der Firma.",
        "Kunden, die in zwei aufeinanderfolgenden Zeiträumen kauften",
        source="Reichheld und Sasser 1990; Kritik: Sharp, Marketing Week 2010",
        claimed=0.25,
        claimed_to=0.95,
        unit="share",
        numbers={"davor": (0.10, "share"), "danach": (0.05, "share")},
    ),
    "revenue_growth": Claim(
        "Kundenbindung steigert den Umsatz um bis zu ein Viertel",
        "Der Satz nennt keine Quelle.",
        "Käufe in zwei Zeiträumen gleicher Länge",
        claimed=0.25,
        unit="share",
    ),
    "acquisition_cost": Claim(
        "Einen neuen Kunden zu gewinnen kostet bis zu fünfmal so viel, wie einen zu halten",
        "Die früheste Spur führt zu einer Beratung gegen Ende der achtziger Jahre; eine Durchsicht "
        "der Belege hält die Zahl für widerlegt. Andere nennen das {andere}-Fache oder das {von}- "
        "bis {bis}-Fache.",
        "Budgets für Gewinnung und für Bindung an jedem Tag des Zeitraums (Tabelle budget)",
        source="TARP, späte 1980er; Keiningham u. a., Loyalty Myths, Nr. 8; Deutsche Post",
        claimed=5.0,
        numbers={"andere": (7, "count"), "von": (5, "count"), "bis": (25, "count")},
    ),
    "budget_share": Claim(
        "Bis zu neun Zehntel des Werbebudgets gehen in die Gewinnung neuer Kunden",
        _NO_SOURCE,
        "Budgets für Gewinnung und für Bindung (Tabelle budget)",
        claimed=0.9,
        unit="share",
    ),
    "referral_index": Claim(
        "Der Empfehlungswert von Bestandskunden liegt bei hundertsiebzehn, der von Neukunden bei "
        "hundert",
        _NO_SOURCE,
        "genug Antworten auf die Empfehlungsfrage von neuen und alten Kunden (Tabelle survey)",
        claimed=117.0,
    ),
    "cost_to_serve": Claim(
        "Bestandskunden zu bedienen kostet weniger",
        "Bei {kunden} Kunden aus {firmen} Firmen fand sich kein Beleg, dass treue Kunden weniger "
        "kosten, mehr zahlen oder mehr werben.",
        "der Deckungsbeitrag je Zeile (Spalte margin)",
        source=_REINARTZ,
        neutral=1.0,
        numbers={"kunden": (16000, "count"), "firmen": (4, "count")},
    ),
    "tenure": Claim(
        "Langjährige Kunden bringen mehr",
        "Treue und Ertrag fallen oft auseinander: Nicht alle treuen Kunden sind profitabel, und "
        "nicht alle profitablen treu.",
        "Käufer des Vorzeitraums, die verschieden lange Kunden sind",
        source=_REINARTZ,
        neutral=1.0,
    ),
    "satisfied_buy": Claim(
        "Zufriedene Kunden kaufen eher wieder",
        "Die Befunde dazu sind gemischt.",
        "genug Noten zur Zufriedenheit mit Zeit danach (Tabelle survey)",
        neutral=1.0,
    ),
    "satisfied_recommend": Claim(
        "Zufriedene Kunden empfehlen weiter",
        "In einer Umfrage würden {treu} der Kunden ihren bevorzugten Anbieter empfehlen, bei loser "
        "Beziehung {lose}. Gesagt ist noch nicht geworben.",
        "genug Antworten mit Note und Empfehlungsfrage (Tabelle survey)",
        source="Excellence Barometer, nach dasinvestment.com",
        neutral=1.0,
        numbers={"treu": (0.57, "share"), "lose": (0.27, "share")},
    ),
    "referred_value": Claim(
        "Geworbene Kunden sind mehr wert",
        "Bei einer deutschen Bank waren von rund {kunden} Kunden die geworbenen um mindestens "
        "{mehr} mehr wert; ihr Vorsprung im Ertrag schwand, der in der Bindung blieb.",
        "wer wen geworben hat (Tabelle customers, Spalte referred_by)",
        source="Schmitt, Skiera und van den Bulte, Journal of Marketing 2011",
        neutral=1.0,
        numbers={"kunden": (10000, "count"), "mehr": (0.16, "share")},
    ),
    "programme": Claim(
        "Kundenbindungsprogramme steigern die Wiederkaufrate",
        "Wer beitritt, kauft meist schon vorher mehr; ohne ausgeloste Angebote bleibt offen, was "
        "das Programm bewirkt.",
        "seit wann jemand im Programm ist (Tabelle customers, Spalte programme_since)",
        neutral=1.0,
    ),
    "complaints": Claim(
        "Gutes Beschwerdemanagement stärkt die Bindung",
        "Bei {kunden} neuen Kunden erhöhten Beschwerden die Abwanderung deutlich; eine Lösung "
        "milderte das und glich es fast nie ganz aus.",
        "genug Beschwerden mit Zeit danach (Tabelle complaints)",
        source="Knox und van Oest 2014, Journal of Marketing",
        neutral=1.0,
        numbers={"kunden": (20000, "count")},
    ),
    "personalisation": Claim(
        "Persönliche Angebote erhöhen den Wiederkauf stark",
        _TRIAL,
        "ein Versuch, in dem ausgelost wurde, wer persönlich angesprochen wird",
    ),
    "care": Claim(
        "Pflege der Bestandskunden senkt die Abwanderung",
        _TRIAL,
        "ein Versuch, in dem ausgelost wurde, wer gepflegt wird",
    ),
    "switching": Claim(
        "Treue Kunden wechseln seltener zum Wettbewerb",
        "Abwanderungsraten ähneln sich über Marken hinweg; Wachstum kommt vor allem aus mehr "
        "Käufern.",
        "Käufe bei anderen Anbietern; sie stehen in keinem Kaufprotokoll",
        source="Ehrenberg-Bass Institute",
    ),
}
NUMERIC = tuple(name for name, claim in CLAIMS.items() if claim.claimed is not None)
