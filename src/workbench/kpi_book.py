"""Every key figure of the base: German name, what is counted, unit, which way is better."""

from __future__ import annotations

from typing import NamedTuple

# Days after the first purchase within which a second one counts.
WINDOWS = (90, 180, 365)
TOP_SHARE = 0.1
# Monthly revenue of so many whole months has a spread worth showing.
MIN_MONTHS = 4
# An index of answers rests on at least so many.
MIN_ANSWERS = 30
PROMOTER, DETRACTOR = 9, 6
# A complaint is answered quickly on the same day or the next.
QUICK_DAYS = 1


class Kpi(NamedTuple):
    """A key figure.

    Attributes
    ----------
    label, meaning : str
        German name, and what is counted in one phrase.
    unit : str
        As in formats.Style.write.
    digits : int or None
        For numbers, money and shares.
    better : int
        1 where more is better, -1 where less is, 0 where neither.
    people : str
        The customers on whom it rests, a column of kpis.
    groups : tuple of str
        Parts of revenue_bridge.PARTS whose size it gives away.
    needs_past : bool
        It rests on what was bought before the period.
    lacks : str
        German: what would bring it where it cannot be computed.
    """

    label: str
    meaning: str
    unit: str
    digits: int | None
    better: int
    people: str
    groups: tuple[str, ...] = ()
    needs_past: bool = False
    lacks: str = "Käufe in beiden Zeiträumen"


_KEPT = ("growth", "decline")
_NO_NEW = "neue Kunden im Zeitraum"

KPIS: dict[str, Kpi] = {
    "revenue": Kpi("Umsatz", "Umsatz abzüglich Retouren", "money", 0, 1, "active"),
    "active": Kpi(
        "Kaufende Kunden", "Kunden mit mindestens einem Kauf", "count", None, 1, "active"
    ),
    "revenue_each": Kpi(
        "Umsatz je Kunde", "Umsatz geteilt durch kaufende Kunden", "money", 2, 1, "active"
    ),
    "frequency": Kpi(
        "Kauffrequenz", "Käufe je kaufendem Kunden; ein Tag ist ein Kauf", "number", 2, 1, "active"
    ),
    "basket": Kpi("Bonwert", "Umsatz geteilt durch Käufe", "money", 2, 1, "active"),
    "margin": Kpi(
        *("Deckungsbeitrag", "Summe der Zeilen, wie gebucht", "money", 0, 1, "active"),
        lacks="der Deckungsbeitrag je Zeile (Spalte margin)",
    ),
    "margin_rate": Kpi(
        *("Deckungsbeitragsquote", "Deckungsbeitrag geteilt durch Umsatz derselben Zeilen"),
        *("share", 1, 1, "active"),
        lacks="der Deckungsbeitrag je Zeile (Spalte margin)",
    ),
    "new": Kpi(
        *("Neukunden", "Kunden mit ihrem ersten Kauf", "count", None, 1, "new"),
        groups=("new",),
        needs_past=True,
        lacks=_NO_NEW,
    ),
    "reactivated": Kpi(
        "Zurückgekehrte Kunden",
        "kauften früher, nicht im Vorzeitraum, jetzt wieder",
        *("count", None, 1, "reactivated"),
        groups=("reactivated",),
        needs_past=True,
        lacks="Kunden, die nach einer Pause wiederkamen",
    ),
    "known_share": Kpi(
        "Umsatzanteil Bestandskunden",
        "Anteil der Kunden, die schon vor dem Zeitraum gekauft hatten",
        *("share", 1, 0, "active"),
        groups=("new",),
        needs_past=True,
        lacks="Umsatz im Zeitraum",
    ),
    "retention": Kpi(
        "Kundenbindungsrate",
        "Anteil der Käufer des Vorzeitraums, die wieder kauften",
        *("share", 1, 1, "was_active"),
        groups=(*_KEPT, "lost"),
        needs_past=True,
    ),
    "retention_new": Kpi(
        "Bindung der Neukunden",
        "Anteil der Neukunden des Vorzeitraums, die wieder kauften",
        *("share", 1, 1, "was_new"),
        groups=(*_KEPT, "lost"),
        needs_past=True,
        lacks="Neukunden im Vorzeitraum",
    ),
    "retention_known": Kpi(
        "Bindung der Bestandskunden",
        "Anteil der übrigen Käufer des Vorzeitraums, die wieder kauften",
        *("share", 1, 1, "was_known"),
        groups=(*_KEPT, "lost"),
        needs_past=True,
        lacks="Bestandskunden im Vorzeitraum",
    ),
    "balance": Kpi(
        "Kundenbindung nach Bestand",
        "(Kunden am Ende − Neukunden) / Kunden am Anfang; Kunde an einem Tag ist, wer im Zeitraum "
        "bis dahin kaufte, so dass Rückkehrer mitzählen",
        *("share", 1, 1, "was_active"),
        groups=(*_KEPT, "reactivated"),
        needs_past=True,
    ),
    "churn": Kpi(
        "Abwanderungsquote",
        "Anteil der Käufer des Vorzeitraums ohne weiteren Kauf",
        *("share", 1, -1, "was_active"),
        groups=(*_KEPT, "lost"),
        needs_past=True,
    ),
    **{
        f"repeat_{days}": Kpi(
            f"Wiederkaufrate, {days} Tage",
            f"Anteil mit zweitem Kauf binnen {days} Tagen; Frist endete im Zeitraum",
            *("share", 1, 1, f"window_{days}"),
            # Who is first seen on the first days of the data had often bought before.
            needs_past=True,
            lacks="Erstkäufer, deren Frist im Zeitraum endete",
        )
        for days in WINDOWS
    },
    "spread_known": Kpi(
        "Schwankung Bestandsumsatz",
        "Standardabweichung durch Mittel der Monatsumsätze von Bestandskunden",
        *("share", 0, -1, "active"),
        needs_past=True,
        lacks="genug volle Monate im Zeitraum",
    ),
    "spread_new": Kpi(
        "Schwankung Neukundenumsatz",
        "dasselbe für den Umsatz im Monat des ersten Kaufs",
        *("share", 0, -1, "new"),
        needs_past=True,
        lacks="genug volle Monate mit neuen Kunden",
    ),
    "top_tenth": Kpi(
        "Umsatzanteil des besten Zehntels",
        "was die umsatzstärksten zehn von hundert Käufern bringen",
        *("share", 1, 0, "active"),
        lacks="Umsatz im Zeitraum",
    ),
    "gini": Kpi(
        "Konzentration (Gini)",
        "null: alle bringen gleich viel; eins: einer bringt alles",
        *("number", 2, 0, "active"),
        lacks="Umsatz im Zeitraum",
    ),
    "nps": Kpi(
        "Weiterempfehlung (NPS)",
        "Anteil der Fürsprecher minus Anteil der Kritiker, mal hundert",
        *("number", 0, 1, "answered"),
        lacks="genug Antworten auf die Empfehlungsfrage (Tabelle survey)",
    ),
    "satisfaction": Kpi(
        "Zufriedenheit",
        "mittlere Note der Befragung, höher ist besser",
        *("number", 2, 1, "rated"),
        lacks="genug Noten zur Zufriedenheit (Tabelle survey)",
    ),
    "referred": Kpi(
        "Geworbene Neukunden",
        "Anteil der Neukunden, die ein Kunde empfohlen hat",
        *("share", 1, 1, "new"),
        lacks="wer wen geworben hat (Tabelle customers, Spalte referred_by)",
    ),
    "complaints": Kpi(
        "Beschwerden je hundert Käufe",
        "Beschwerden geteilt durch Käufe, mal hundert",
        *("number", 2, -1, "complained"),
        lacks="die Beschwerden (Tabelle complaints)",
    ),
    "quick_answers": Kpi(
        "Schnelle Erstreaktion",
        "Anteil der Beschwerden mit Antwort am selben oder nächsten Tag",
        *("share", 0, 1, "complained"),
        lacks="die Beschwerden (Tabelle complaints)",
    ),
    "cac": Kpi(
        "Akquisitionskosten je Neukunde",
        "Akquisebudget des Zeitraums geteilt durch Neukunden",
        *("money", 2, -1, "new"),
        lacks="ein Budget für jeden Tag des Zeitraums (Tabelle budget)",
    ),
}

# What is asked for, but stands elsewhere or cannot be had from purchases: name, and what it takes.
ELSEWHERE = (
    ("Kundenwert (CLV)", "steht mit Unsicherheit auf der Seite Kundenwert"),
    ("Abwanderungsrisiko je Gruppe", "steht auf der Seite Abwanderung"),
    (
        "Ertrag der Bestandskundenpflege (ROI)",
        "Budgets und ein Versuch mit ausgeloster Kontrollgruppe",
    ),
    ("Wirkung der Kanäle", "Kontakte mit Kosten und Kontrollgruppe (Tabelle contacts)"),
    ("Reichweite und Sichtbarkeit", "Zahlen aus Web und sozialen Netzen"),
)
