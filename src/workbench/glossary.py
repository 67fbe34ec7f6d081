"""The words of the reports for readers outside the field, each with one sentence."""

from __future__ import annotations

import re
from typing import NamedTuple


class Term(NamedTuple):
    """A word of the reports.

    Attributes
    ----------
    name : str
        As the glossary lists it.
    meaning : str
        One German sentence without a number.
    forms : tuple of str
        How it stands in a text, without endings; with none given, the name.
    """

    name: str
    meaning: str
    forms: tuple[str, ...] = ()


TERMS = (
    Term(
        "NBD",
        "Rechnet mit Kunden, die nie gehen und sich nur in ihrer Kaufrate unterscheiden.",
        (r"(?<!/)NBD",),
    ),
    Term(
        "MBG/NBD",
        "Wie BG/NBD, doch kann ein Kunde schon nach dem ersten Kauf gehen.",
    ),
    Term(
        "Pareto/NBD",
        "Wie BG/NBD, doch kann ein Kunde jederzeit gehen, nicht nur nach einem Kauf.",
    ),
    Term(
        "Gini-Wert",
        "Wie gut eine Vorhersage die Kunden ordnet; eins heißt fehlerfrei, null heißt geraten.",
    ),
    Term(
        "Log-Likelihood",
        "Maß dafür, wie gut ein Modell die Daten beschreibt, an die es angepasst ist.",
    ),
    Term(
        "Profil-Likelihood",
        "Wie gut ein Modell die Daten noch beschreibt, wenn einer seiner Parameter festgehalten "
        "wird und die anderen sich anpassen.",
    ),
    Term(
        "Label",
        "Angabe je Kunde, ob etwas eintrat; daran lernt ein Modell, und daran wird es gemessen.",
    ),
    Term(
        "Log-Verlust",
        "Strafe für falsche Wahrscheinlichkeiten; kleiner ist besser.",
    ),
    Term(
        "PR-AUC",
        "Wie viele Treffer eine Liste im Mittel enthält, wenn man sie von oben abarbeitet.",
    ),
    Term(
        "EMPC",
        "Gewinn, der je Kunde zu erwarten ist, wenn der Erfolg eines Angebots nicht bekannt ist.",
    ),
    Term(
        "Regelmäßigkeit",
        "Wie gleichmäßig die Abstände zwischen den Käufen eines Kunden sind.",
    ),
    Term(
        "Boosting",
        "Viele kleine Entscheidungsbäume, von denen jeder die Fehler der vorigen ausgleicht.",
    ),
    Term(
        "Grundrate",
        "Anteil aller Kunden, die nicht kauften; die einfachste Vorhersage für jeden.",
    ),
    Term(
        "Cramérs V",
        "Wie eng zwei Merkmale zusammenhängen: null heißt gar nicht, eins heißt, das eine verrät "
        "das andere.",
    ),
    Term(
        "Chi-Quadrat-Test",
        "Prüft, ob zwei Merkmale enger zusammenhängen, als der Zufall es macht.",
    ),
    Term(
        "Konkordanz",
        "Anteil der Kundenpaare, die eine Vorhersage in die richtige Reihenfolge bringt; "
        "Gleichstand zählt halb.",
    ),
    Term(
        "Logistische Regression",
        "Rechnet aus mehreren Merkmalen eine Wahrscheinlichkeit; jedes Merkmal hat ein festes "
        "Gewicht.",
        ("[Ll]ogistische[rn]? Regression",),
    ),
    Term(
        "MAE",
        "Mittlerer Abstand zwischen erwarteten und tatsächlichen Käufen je Kunde.",
    ),
    Term(
        "Rangkorrelation",
        "Wie ähnlich zwei Reihenfolgen sind: eins heißt gleich, null heißt ohne Zusammenhang.",
    ),
    Term(
        "RMSE",
        "Fehler je Kunde, bei dem große Abweichungen stärker zählen als kleine.",
    ),
    Term(
        "WAPE",
        "Summe aller Abweichungen, geteilt durch die Summe der tatsächlichen Käufe.",
    ),
    Term(
        "Abwanderungsquote",
        "Anteil der Kunden, die in einem Zeitraum nichts gekauft haben.",
    ),
    Term(
        "Abwanderungsrisiko",
        "Wahrscheinlichkeit, dass ein Kunde im gewählten Zeitraum nicht mehr kauft.",
        ("Abwanderungsrisik[oe]", "Abwanderungswahrscheinlichkeit"),
    ),
    Term(
        "Abzinsungssatz",
        "Jährlicher Satz, um den ein späterer Betrag weniger zählt als ein heutiger.",
        ("Abzinsungss(?:atz|ätz)", "Abzinsung", "abgezinst"),
    ),
    Term(
        "Aktivitätswahrscheinlichkeit",
        "Wahrscheinlichkeit, dass ein Kunde noch nicht endgültig gegangen ist.",
    ),
    Term(
        "Akquisitionskosten",
        "Was es im Mittel kostet, einen neuen Kunden zu gewinnen.",
    ),
    Term(
        "Beobachtungszeitraum",
        "Die Zeit, aus deren Käufen ein Modell lernt.",
        ("Beobachtungszeitr(?:aum|äum)",),
    ),
    Term(
        "BG/NBD-Modell",
        "Rechnet aus Zahl und Zeitpunkt der bisherigen Käufe hoch, wie oft ein Kunde noch kauft "
        "und ob er noch dabei ist.",
        ("BG/NBD",),
    ),
    Term(
        "Brier-Wert",
        "Mittlerer quadrierter Abstand zwischen vorhergesagter Wahrscheinlichkeit und dem, was "
        "eintrat; kleiner ist besser.",
        ("Brier",),
    ),
    Term(
        "Datenleck",
        "Ein Merkmal enthält Wissen aus der Zukunft; das Modell wirkt dann besser, als es ist.",
    ),
    Term(
        "Deckungsbeitrag",
        "Umsatz abzüglich der Kosten, die mit jedem Verkauf anfallen.",
        ("Deckungsbeitr(?:ag|äg)",),
    ),
    Term("Einmalkäufer", "Kunde mit genau einem Kauf."),
    Term(
        "Erwartete Käufe",
        "Zahl der Käufe, mit der bei einem Kunden im Mittel zu rechnen ist.",
        ("[Ee]rwartete[nr]? Käufe",),
    ),
    Term(
        "Gamma-Gamma-Modell",
        "Schätzt den mittleren Betrag künftiger Käufe; wer selten kaufte, wird stärker an den "
        "Durchschnitt aller Kunden herangerückt.",
        ("Gamma-Gamma",),
    ),
    Term(
        "Erfolgsquote",
        "Anteil derer, die sonst nicht gekauft hätten und durch ein Angebot doch kaufen.",
    ),
    Term(
        "Prozentpunkt",
        "Einheit für den Abstand zweier Anteile.",
    ),
    Term("Gewinnschwelle", "Punkt, von dem an eine Maßnahme mehr bringt, als sie kostet."),
    Term(
        "Kalibrierung",
        "Eine Vorhersage ist kalibriert, wenn das Angekündigte so oft eintritt wie angekündigt.",
        ("Kalibrierung", "kalibriert"),
    ),
    Term(
        "Kaufhäufigkeit",
        "Zahl der Tage mit Kauf; mehrere Bestellungen an einem Tag zählen als eine.",
    ),
    Term(
        "Kaplan-Meier-Kurve",
        "Anteil der Kunden, bei denen etwas bis zu einem Tag eingetreten ist; wer noch nicht so "
        "lange beobachtet wird, zählt nur für seine Zeit mit.",
        ("Kaplan-Meier-Kurve", "Kaplan und Meier"),
    ),
    Term("Kaufpause", "Zeit, die seit dem letzten Kauf vergangen ist."),
    Term("Kaufrhythmus", "Üblicher Abstand zwischen zwei Käufen eines Kunden."),
    Term(
        "Kaufwahrscheinlichkeit",
        "Wahrscheinlichkeit, dass ein Kunde im Zeitraum mindestens einmal kauft.",
    ),
    Term("Kohorte", "Alle Kunden, die im selben Zeitraum zum ersten Mal gekauft haben."),
    Term("Kundenalter", "Zeit seit dem ersten Kauf eines Kunden."),
    Term(
        "Kundenbindungsrate",
        "Anteil der Kunden eines Zeitraums, die im folgenden Zeitraum wieder kaufen.",
    ),
    Term("Kundenstammwert", "Summe der Kundenwerte aller heutigen Kunden."),
    Term(
        "Kundenwert",
        "Was ein Kunde vom Stichtag bis zum Ende des Vorhersagehorizonts voraussichtlich "
        "einbringt, abgezinst.",
        ("Kundenwert", "CLV", "Restkundenwert"),
    ),
    Term(
        "Lift",
        "Wievielmal häufiger ein Ereignis in einer ausgewählten Gruppe ist als im Durchschnitt.",
    ),
    Term(
        "Pseudonym",
        "Ersatzkennung für einen Kunden; der Schlüssel dazu liegt an einem anderen Ort.",
        ("Pseudonym", "pseudonymisiert"),
    ),
    Term(
        "Prüfzeitraum",
        "Die letzte Zeit in den Daten; das Modell sieht sie nicht und wird an ihr gemessen.",
        ("Prüfzeitr(?:aum|äum)",),
    ),
    Term(
        "RFM",
        "Ordnet Kunden danach, wie lange der letzte Kauf her ist, wie oft und für wie viel sie "
        "gekauft haben.",
    ),
    Term(
        "Rückgewinnung",
        "Ansprache von Kunden, die als abgewandert gelten.",
        ("Rückgewinnung", "zurückgewonnen"),
    ),
    Term(
        "Sammelkunde",
        "Kundennummer, unter der eine Kasse viele verschiedene Käufer bucht.",
        ("Sammelkunde", "Sammelnummer"),
    ),
    Term(
        "Segmentwanderung",
        "Wechsel von Kunden zwischen Segmenten von einem Stichtag zum nächsten.",
    ),
    Term(
        "Chi-Quadrat",
        "Maß dafür, wie weit Anzahlen von denen abweichen, die ohne Zusammenhang zu erwarten sind.",
    ),
    Term(
        "Silhouette",
        "Wie viel näher ein Kunde seiner Gruppe ist als der nächsten; null heißt dazwischen.",
    ),
    Term(
        "Jaccard",
        "Welcher Teil zweier Gruppen beiden gemeinsam ist; eins heißt gleich.",
    ),
    Term(
        "Angepasster Rand-Index",
        "Wie ähnlich zwei Einteilungen derselben Kunden sind: eins heißt gleich, null zufällig.",
        ("[Aa]ngepasster Rand-Index",),
    ),
    Term(
        "BIC",
        "Maß für Modelle: Anpassung an die Daten, abzüglich einer Strafe für jede Stellschraube; "
        "kleiner ist besser.",
    ),
    Term(
        "ICL",
        "Wie BIC, mit einer weiteren Strafe dafür, dass Kunden keiner Wolke klar angehören.",
    ),
    Term(
        "p-Wert",
        "Wie oft der Zufall allein mindestens so weit abweicht; klein heißt selten.",
    ),
    Term(
        "Qini-Wert",
        "Wie viel mehr eine Liste nach Wertung bringt als eine ausgeloste, über alle Längen; null "
        "heißt, die Wertung taugt nicht mehr als das Los.",
        ("Qini-Wert", "Qini-Kurve"),
    ),
    Term("Segment", "Gruppe von Kunden mit ähnlichem Kaufverhalten."),
    Term(
        "Schlafende Hunde",
        "Kunden, die nach einer Ansprache weniger kaufen als ohne sie.",
    ),
    Term("Stammkunde", "Kunde, der in seinem üblichen Rhythmus kauft."),
    Term(
        "VIP-Kunde",
        "Aktiver Kunde mit mehreren Käufen, einer von denen mit dem höchsten bisherigen Umsatz.",
    ),
    Term(
        "Gelegenheitskäufer",
        "Kunde mit wenigen Käufen, der länger schweigt, als es im Rhythmus der Kunden üblich ist.",
    ),
    Term(
        "Interessent",
        "Jemand, der in den Stammdaten steht, aber noch nichts gekauft hat.",
    ),
    Term("Stichtag", "Letzter Tag, der in die Rechnung eingeht."),
    Term(
        "Trennschärfe (AUC)",
        "Wie sicher ein Modell Kunden, die gehen, vor Kunden reiht, die bleiben; reines Raten "
        "liegt in der Mitte der Skala.",
        ("Trennschärfe", "AUC"),
    ),
    Term(
        "Unterdrückt",
        "Nicht gezeigt, weil die Gruppe so klein ist, dass einzelne Kunden erkennbar wären.",
        ("[Uu]nterdrückt",),
    ),
    Term(
        "Überzeugbare",
        "Kunden, die nur kaufen oder mehr kaufen, weil sie angesprochen wurden.",
    ),
    Term(
        "Unsicherheitsbereich",
        "Bereich, in dem der wahre Wert nach den Daten vermutlich liegt.",
        ("Unsicherheitsbereich", "Konfidenzbereich", "Vertrauensbereich"),
    ),
    Term(
        "Vergleichsgruppe",
        "Zufällig ausgewählte Kunden, die nicht angesprochen werden, damit die Wirkung einer "
        "Maßnahme messbar wird.",
        ("Vergleichsgruppe", "Kontrollgruppe"),
    ),
    Term(
        "Versuch",
        "Kampagne, bei der das Los bestimmt, wer angesprochen wird und wer nicht; nur so zeigt "
        "sich, was sie bewirkt.",
    ),
    Term("Vorhersagehorizont", "Zeitraum nach dem Stichtag, für den vorhergesagt wird."),
    Term(
        "Weiterempfehlungswert (NPS)",
        "Anteil der Fürsprecher abzüglich des Anteils der Kritiker in einer Befragung.",
        ("Weiterempfehlungswert", "NPS"),
    ),
    Term(
        "Elastizität",
        "Um wie viel Prozent ein Wert steigt, wenn ein anderer um ein Prozent steigt.",
    ),
    Term(
        "Bonwert",
        "Betrag eines Kaufs im Mittel.",
    ),
    Term(
        "Kauffrequenz",
        "Käufe je kaufendem Kunden in einem Zeitraum.",
    ),
    Term(
        "Umsatzbrücke",
        "Zerlegt die Änderung des Umsatzes in das, was neue, treue und verlorene Kunden beitrugen.",
    ),
    Term(
        "Wilson",
        "Verfahren für den Unsicherheitsbereich eines Anteils, das auch bei wenigen Fällen hält.",
    ),
    Term(
        "Wiederkaufrate",
        "Anteil der Kunden, die nach dem ersten Kauf mindestens ein weiteres Mal kaufen.",
        ("Wiederkaufrate", "Wiederkaufquote"),
    ),
    Term(
        "Zusatzwirkung",
        "Was es nur wegen einer Maßnahme gab und ohne sie nicht gegeben hätte.",
    ),
)


def terms_in(text: str) -> tuple[Term, ...]:
    """Return the terms that stand in a text, in the order of the alphabet.

    Parameters
    ----------
    text : str
        German text; a term counts with its usual endings, but not as a part
        of a longer word.

    Examples
    --------
    >>> [term.name for term in terms_in("Der Wert der Kohorten am Stichtag")]
    ['Kohorte', 'Stichtag']
    """
    return tuple(term for term in sorted(TERMS, key=_alphabet) if _pattern(term).search(text))


def _alphabet(term: Term) -> str:
    return term.name.lower().translate(str.maketrans("äöüß", "aous"))


def _pattern(term: Term) -> re.Pattern[str]:
    forms = "|".join(term.forms or (re.escape(term.name),))
    return re.compile(rf"\b(?:{forms})(?:e[nrsm]?|n|s)?\b")
