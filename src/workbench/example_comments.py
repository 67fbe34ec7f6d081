"""What the invented customers of the example shop are called, and what they write, in German."""

from __future__ import annotations

import numpy as np

FIRST_NAMES = (
    "Anna", "Ben", "Clara", "David", "Elif", "Emil", "Fatma", "Felix", "Greta", "Hanna", "Ida",
    "Jakob", "Jonas", "Jörg", "Katja", "Lea", "Leon", "Lukas", "Mara", "Mehmet", "Mia", "Nele",
    "Noah", "Oskar", "Paula", "Petra", "Rolf", "Sören", "Theo", "Ute", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Ackermann", "Bachmann", "Brückner", "Dietrich", "Ebert", "Fink", "Gerber", "Großmann",
    "Haas", "Hübner", "Jansen", "Kaya", "Kern", "Köhler", "Lindner", "Lorenz", "Maurer", "Moser",
    "Nowak", "Öztürk", "Pohl", "Rieger", "Sauer", "Schäfer", "Seidel", "Thoma", "Ullrich", "Vogt",
    "Weiß", "Winkler", "Yıldız", "Zeller",
)  # fmt: skip

# How often a first sentence of praise, and one of blame, is about the topic; either adds up to 1.
TOPICS: dict[str, tuple[float, float]] = {
    "Lieferung": (0.15, 0.28),
    "Preis": (0.08, 0.16),
    "Qualität": (0.25, 0.12),
    "Beratung": (0.20, 0.06),
    "Retoure": (0.05, 0.18),
    "Website": (0.06, 0.10),
    "Verpackung": (0.08, 0.05),
    "Sortiment": (0.13, 0.05),
}
SECOND_TOPIC = 0.35
CLOSING = 0.20

PRAISE: dict[str, tuple[str, ...]] = {
    "Lieferung": (
        "Die Lieferung kam schon am nächsten Tag.",
        "Das Paket war schneller da als angekündigt.",
        "Der Bote war freundlich und hat bis an die Tür geliefert.",
        "Die Sendungsverfolgung stimmte auf die Stunde.",
        "Pünktlich geliefert, so muss es sein.",
        "Trotz der Feiertage kam alles rechtzeitig an.",
        "Mit der Lieferzeit bin ich sehr zufrieden.",
        "Bestellt am Montag, geliefert am Mittwoch.",
    ),
    "Preis": (
        "Für diesen Preis bekommt man anderswo weniger.",
        "Preis und Leistung passen zusammen.",
        "Der Gutschein hat den Kauf noch günstiger gemacht.",
        "Die Preise sind fair und bleiben es auch.",
        "Versandkosten erst bei kleinen Beträgen, das ist anständig.",
        "Ich habe verglichen, hier war es am günstigsten.",
        "Gute Ware muss nicht teuer sein.",
    ),
    "Qualität": (
        "Die Qualität ist besser als erwartet.",
        "Alles ist sauber verarbeitet und wirkt haltbar.",
        "Der Kaffee schmeckt hervorragend.",
        "Nach einem Jahr Gebrauch noch wie neu.",
        "Das Material fühlt sich hochwertig an.",
        "Die Pfanne hält, was die Beschreibung verspricht.",
        "Sehr gute Ware, nichts zu bemängeln.",
        "Der Schreibtisch steht fest und wackelt nicht.",
        "Die Farben sind auch nach dem Waschen kräftig.",
    ),
    "Beratung": (
        "Am Telefon hat man sich viel Zeit für mich genommen.",
        "Die Beratung im Laden war freundlich und ehrlich.",
        "Meine Frage wurde noch am selben Tag beantwortet.",
        "Die Mitarbeiterin kannte sich wirklich aus.",
        "Man hat mir sogar vom teureren Gerät abgeraten.",
        "Sehr geduldige Hilfe bei der Auswahl.",
        "Der Kundendienst ist kompetent und nett.",
        "Ich fühle mich hier gut beraten.",
    ),
    "Retoure": (
        "Die Rücksendung war in zwei Minuten erledigt.",
        "Das Geld war nach drei Tagen wieder auf dem Konto.",
        "Der Umtausch lief ohne Rückfragen.",
        "Das Rücksendeetikett lag schon bei.",
        "Auch die Retoure im Laden klappte sofort.",
        "Umtausch problemlos, danke dafür.",
    ),
    "Website": (
        "Die Website ist übersichtlich, man findet alles sofort.",
        "Bestellen geht auch am Handy ganz leicht.",
        "Die Suche versteht, was ich meine.",
        "Die Bilder im Shop zeigen die Ware, wie sie ist.",
        "Mit wenigen Klicks war ich fertig.",
        "Das Kundenkonto ist klar aufgebaut.",
    ),
    "Verpackung": (
        "Alles war sicher und ohne Plastik verpackt.",
        "Die Verpackung war sparsam und trotzdem stabil.",
        "Das Geschirr kam dank guter Polsterung heil an.",
        "Schön verpackt, fast wie ein Geschenk.",
        "Der Karton ließ sich gut wiederverwenden.",
        "Kein unnötiges Füllmaterial, vorbildlich.",
    ),
    "Sortiment": (
        "Die Auswahl ist groß, ohne zu erschlagen.",
        "Hier finde ich Dinge, die es sonst nirgends gibt.",
        "Schön, dass es auch Ersatzteile gibt.",
        "Das Sortiment für den Garten ist ausgezeichnet.",
        "Von Kaffee bis Büro bekomme ich alles an einem Ort.",
        "Die neuen Holzspielzeuge sind eine tolle Ergänzung.",
        "Gute Mischung aus bekannten und neuen Marken.",
    ),
}

BLAME: dict[str, tuple[str, ...]] = {
    "Lieferung": (
        "Die Lieferung hat fast drei Wochen gedauert.",
        "Das Paket wurde ohne Nachricht beim Nachbarn abgegeben.",
        "Zugesagt waren zwei Tage, daraus wurden neun.",
        "Niemand konnte mir sagen, wo meine Sendung ist.",
        "Die Hälfte der Bestellung fehlte im Paket.",
        "Der Liefertermin wurde zweimal verschoben.",
        "Ich habe den ganzen Tag umsonst auf den Boten gewartet.",
        "Zum Geburtstag kam das Geschenk leider zu spät.",
        "Laut Sendungsverfolgung zugestellt, aber nichts war da.",
        "Die Lieferung ging an eine alte Adresse.",
    ),
    "Preis": (
        "Eine Woche später war der Artikel deutlich billiger.",
        "Die Versandkosten sind für kleine Bestellungen zu hoch.",
        "Der Preis ist im letzten Jahr kräftig gestiegen.",
        "Anderswo kostet das Gleiche ein Drittel weniger.",
        "Mein Gutschein wurde an der Kasse nicht angenommen.",
        "Für den Preis hätte ich mehr erwartet.",
        "Nur neue Kunden bekommen Rabatt, das ärgert mich.",
        "Auf der Rechnung stand mehr als im Warenkorb.",
    ),
    "Qualität": (
        "Nach vier Wochen ist der Griff abgebrochen.",
        "Die Farbe weicht stark vom Bild ab.",
        "Das Material wirkt billig und riecht unangenehm.",
        "Die Schrauben passten nicht zu den Löchern.",
        "Schon beim ersten Waschen eingelaufen.",
        "Das Gerät ging nach kurzer Zeit kaputt.",
        "Der Stuhl quietscht bei jeder Bewegung.",
        "Früher war die Verarbeitung besser.",
    ),
    "Beratung": (
        "Am Telefon hing ich eine halbe Stunde in der Warteschleife.",
        "Auf meine E-Mail kam nie eine Antwort.",
        "Der Mitarbeiter wusste weniger als ich.",
        "Ich wurde dreimal weiterverbunden, ohne Ergebnis.",
        "Im Laden fühlte sich niemand zuständig.",
        "Die Auskunft am Telefon war schlicht falsch.",
        "Statt einer Antwort bekam ich einen Textbaustein.",
    ),
    "Retoure": (
        "Auf die Erstattung warte ich seit fünf Wochen.",
        "Die Rücksendung musste ich selbst bezahlen.",
        "Der Umtausch wurde ohne Begründung abgelehnt.",
        "Es lag kein Rücksendeetikett bei.",
        "Erst nach drei Mahnungen kam mein Geld zurück.",
        "Die Retoure wurde angeblich nie empfangen.",
        "Zurückgeben ist hier viel zu umständlich.",
        "Statt des Geldes bekam ich nur einen Gutschein.",
    ),
    "Website": (
        "Die Website bricht beim Bezahlen ständig ab.",
        "Am Handy ist der Shop kaum zu bedienen.",
        "Die Suche findet selbst genaue Namen nicht.",
        "Artikel stehen als lieferbar da und sind es nicht.",
        "Mein Kundenkonto war plötzlich gesperrt.",
        "Der Warenkorb war nach dem Anmelden leer.",
        "Die Maße fehlen in der Beschreibung.",
    ),
    "Verpackung": (
        "Das Glas war zerbrochen, weil die Polsterung fehlte.",
        "Ein riesiger Karton für eine kleine Tüte Tee.",
        "Viel zu viel Plastik in der Verpackung.",
        "Der Karton kam aufgerissen und durchnässt an.",
        "Die Teller lagen lose im Paket.",
        "So schlecht verpackt kann nichts heil ankommen.",
    ),
    "Sortiment": (
        "Mein Lieblingstee ist aus dem Sortiment verschwunden.",
        "Ersatzfilter sind seit Monaten ausverkauft.",
        "Die Auswahl an Büromöbeln ist zu klein.",
        "Immer ist genau meine Größe vergriffen.",
        "Für Kinder unter drei Jahren gibt es fast nichts.",
        "Das Angebot wird von Jahr zu Jahr kleiner.",
    ),
}

GLAD = (
    "Gerne wieder!",
    "Weiter so.",
    "Ich empfehle den Shop gern weiter.",
    "Vielen Dank an das ganze Team.",
    "Bis zum nächsten Mal.",
)
ANGRY = (
    "Das war meine letzte Bestellung.",
    "Ich bin enttäuscht.",
    "Da muss sich etwas ändern.",
    "Schade, früher war das anders.",
    "So verliert man Kunden.",
)
# Numbers that the Bundesnetzagentur keeps free for films, and addresses that reach nobody.
PERSONAL = (
    "Bitte rufen Sie mich unter 030 23125 0{digit}2 zurück.",
    "Sie erreichen mich mobil unter 0171 39200{digit}4.",
    "Schreiben Sie mir an {email}.",
    "Es geht um meine Bestellung {order_id}, bitte prüfen.",
    "Viele Grüße, {name}",
)


def compose(rng: np.random.Generator, *, praise_share: float) -> str:
    """Write one comment of one or two topics.

    Parameters
    ----------
    rng : Generator
        Draws topics, sentences and their mood.
    praise_share : float
        Probability that a sentence praises (0 to 1).

    Examples
    --------
    >>> compose(np.random.default_rng(2), praise_share=1.0)
    'Das Geschirr kam dank guter Polsterung heil an. Die Rücksendung war in zwei Minuten
    erledigt. Bis zum nächsten Mal.'
    """
    names = list(TOPICS)
    sentences: list[str] = []
    used: list[str] = []
    n_topics = 1 + int(rng.random() < SECOND_TOPIC)
    while len(sentences) < n_topics:
        glad = rng.random() < praise_share
        topic = str(rng.choice(names, p=[shares[0 if glad else 1] for shares in TOPICS.values()]))
        if topic not in used:
            used.append(topic)
            sentences.append(str(rng.choice((PRAISE if glad else BLAME)[topic])))
    if rng.random() < CLOSING:
        sentences.append(str(rng.choice(GLAD if glad else ANGRY)))
    return " ".join(sentences)
