"""One row per churn feature: its German name, unit and meaning, and the group it belongs to.

A feature that is not in this book is not made: `churn_features.build` gives these columns in this
order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from workbench.reasons import PHRASES, Phrase
from workbench.schema import DataError

# Features of a group say nearly the same, so that their importance is measured together.
GROUPS = {
    "recency": "Letzter Kauf",
    "frequency": "Kaufhäufigkeit",
    "money": "Einkaufswert",
    "tenure": "Kundenbeziehung",
    "rhythm": "Kaufrhythmus",
    "season": "Saison",
    "returns": "Retouren",
    "assortment": "Sortiment",
    "discounts": "Rabatte",
    "channels": "Kanäle",
    "complaints": "Beschwerden",
    "survey": "Befragung",
    "contacts": "Werbekontakte",
    "purchase_model": "Kaufmodell",
    "master": "Herkunft",
}
UNITS = {
    "days": "Tage",
    "count": "Anzahl",
    "number": "Zahl",
    "share": "Anteil",
    "probability": "Wahrscheinlichkeit",
    "flag": "0 oder 1",
    "mark": "0 bis 10",
    "month": "1 bis 12",
    "text": "Text",
}
# Unit here to that of `formats.Style.write`, in which a reason tells the value.
_WRITTEN_AS = {"days": "count", "count": "count", "month": "count", "share": "share"}
_WRITTEN_AS |= {"probability": "share"}


class Feature(NamedTuple):
    """What a column of the churn features is.

    Attributes
    ----------
    label : str
        German name.
    unit : str
        Key of `UNITS`; ``text`` is no number and needs an encoder that is fitted with the model.
    meaning : str
        One German sentence or two.
    group : str
        Key of `GROUPS`.
    above, below : str
        German words for a value above and below the usual one, as in `reasons.Phrase`; empty
        where the label does.
    """

    label: str
    unit: str
    meaning: str
    group: str
    above: str = ""
    below: str = ""


BOOK: dict[str, Feature] = {
    "days_since_last": Feature(
        "Tage seit dem letzten Kauf",
        "days",
        "Tage vom letzten Kauf bis zum Stichtag.",
        "recency",
    ),
    "silence_ratio": Feature(
        "Stille im Verhältnis zum eigenen Kaufabstand",
        "number",
        "Tage seit dem letzten Kauf, geteilt durch den Median der eigenen Kaufabstände; bei "
        "Einmalkäufern eins.",
        "recency",
        "die Pause dauert das {value}-Fache des eigenen Kaufabstands",
        "die Pause dauert erst das {value}-Fache des eigenen Kaufabstands",
    ),
    "n_orders": Feature(
        "Zahl der Käufe",
        "count",
        "Tage mit mindestens einem Kauf bis zum Stichtag.",
        "frequency",
    ),
    "recent_orders": Feature(
        "Käufe im letzten Zeitfenster",
        "count",
        "Käufe im Zeitfenster bis zum Stichtag, das so lang ist wie der Prognosezeitraum.",
        "frequency",
    ),
    "purchase_trend": Feature(
        "Entwicklung der Käufe",
        "number",
        "Logarithmus des Verhältnisses der Käufe im letzten Zeitfenster zu denen im Zeitfenster "
        "davor, jeweils plus eins; null heißt unverändert.",
        "frequency",
    ),
    "active_months": Feature(
        "Aktive Monate im letzten Jahr",
        "count",
        "Zahl der zwölf Monate vor dem Stichtag (je ein Zwölftel Jahr) mit mindestens einem Kauf.",
        "frequency",
        "im letzten Jahr in {value} [Monat|Monaten] gekauft",
        "im letzten Jahr nur in {value} [Monat|Monaten] gekauft",
    ),
    "is_one_time": Feature(
        "Einmalkäufer",
        "flag",
        "Eins, wenn es bis zum Stichtag genau einen Kauf gab, sonst null.",
        "frequency",
        "hat erst einmal gekauft",
        "hat mehr als einmal gekauft",
    ),
    "days_to_second": Feature(
        "Tage bis zum zweiten Kauf (bei Einmalkäufern: bis zum Stichtag)",
        "days",
        "Tage vom ersten zum zweiten Kauf; bei Einmalkäufern Tage vom ersten Kauf bis zum "
        "Stichtag.",
        "frequency",
    ),
    "log_mean_basket": Feature(
        "Mittlerer Einkaufswert",
        "number",
        "Mittlerer Betrag eines Kaufs, geteilt durch den Durchschnitt dieses Werts über alle "
        "Kunden; davon der Logarithmus nach Addition von eins.",
        "money",
    ),
    "log_median_basket": Feature(
        "Median der Einkaufswerte",
        "number",
        "Median der Beträge aller Käufe, geteilt durch den durchschnittlichen Einkaufswert aller "
        "Kunden; davon der Logarithmus nach Addition von eins.",
        "money",
    ),
    "log_first_basket": Feature(
        "Wert des ersten Einkaufs",
        "number",
        "Betrag des ersten Kaufs, geteilt durch den durchschnittlichen Einkaufswert aller Kunden; "
        "davon der Logarithmus nach Addition von eins.",
        "money",
    ),
    "basket_slope": Feature(
        "Entwicklung des Einkaufswerts",
        "number",
        "Steigung der Beträge von Kauf zu Kauf, geteilt durch den mittleren Betrag; null heißt "
        "unverändert, auch bei Einmalkäufern.",
        "money",
    ),
    "T": Feature(
        "Alter der Kundenbeziehung",
        "days",
        "Tage vom ersten Kauf bis zum Stichtag.",
        "tenure",
    ),
    "first_month": Feature(
        "Monat des ersten Kaufs",
        "month",
        "Kalendermonat des ersten Kaufs, eins für Januar.",
        "tenure",
    ),
    "gap_variation": Feature(
        "Unregelmäßigkeit der Käufe",
        "number",
        "Streuung der eigenen Kaufabstände, geteilt durch ihr Mittel; null bei weniger als drei "
        "Käufen.",
        "rhythm",
    ),
    "clumpiness": Feature(
        "Häufung der Käufe",
        "share",
        "Null, wenn die Käufe gleichmäßig über die Zeit bis zum Stichtag verteilt sind, nahe eins, "
        "wenn sie in einem Schub kamen; null bei Einmalkäufern.",
        "rhythm",
    ),
    "peak_share": Feature(
        "Anteil der Käufe in der Hochsaison",
        "share",
        "Anteil der Käufe in den beiden aufeinanderfolgenden Kalendermonaten, in denen alle Kunden "
        "zusammen im letzten Jahr am meisten kauften; null, wenn noch kein ganzes Jahr vorliegt.",
        "season",
        "{value} der Käufe in der Hochsaison",
        "nur {value} der Käufe in der Hochsaison",
    ),
    "return_days": Feature(
        "Tage mit Retouren",
        "count",
        "Tage, an denen mehr zurückkam als gekauft wurde; Retouren, die mit ihrem Kauf verrechnet "
        "sind, zählen nicht.",
        "returns",
        "{value} [Tag|Tage] mit Retouren",
        "nur {value} [Tag|Tage] mit Retouren",
    ),
    "return_share": Feature(
        "Anteil der Retouren",
        "number",
        "Geld aus den Tagen mit Retouren, geteilt durch das Geld aller Käufe.",
        "returns",
    ),
    "n_categories": Feature(
        "Zahl der gekauften Kategorien",
        "count",
        "Verschiedene Warenkategorien in den gekauften Positionen bis zum Stichtag; Versand und "
        "Gebühren zählen hier und bei allen Merkmalen des Sortiments nicht.",
        "assortment",
        "aus {value} [Kategorie|Kategorien] gekauft",
        "erst aus {value} [Kategorie|Kategorien] gekauft",
    ),
    "top_category_share": Feature(
        "Anteil der liebsten Kategorie",
        "share",
        "Anteil der häufigsten Warenkategorie an den gekauften Positionen mit Kategorie; null, "
        "wenn es keine gibt.",
        "assortment",
        "{value} der Positionen aus einer einzigen Kategorie",
        "nur {value} der Positionen aus der liebsten Kategorie",
    ),
    "category_entropy": Feature(
        "Streuung über die Kategorien",
        "number",
        "Shannon-Entropie (natürlicher Logarithmus) der gekauften Positionen über die "
        "Warenkategorien: null, wenn alle aus einer Kategorie sind.",
        "assortment",
    ),
    "new_categories": Feature(
        "Neue Kategorien im letzten Zeitfenster",
        "count",
        "Warenkategorien, aus denen der Kunde zum ersten Mal gekauft hat, in so vielen Tagen bis "
        "zum Stichtag, wie der Prognosezeitraum lang ist.",
        "assortment",
        "in letzter Zeit {value} neue [Kategorie|Kategorien]",
        "in letzter Zeit nur {value} neue [Kategorie|Kategorien]",
    ),
    "returned_share": Feature(
        "Anteil der zurückgegebenen Positionen",
        "share",
        "Zurückgegebene Positionen, geteilt durch gekaufte, jede an dem Tag, an dem sie gebucht "
        "wurde; höchstens eins.",
        "returns",
        "{value} der Positionen zurückgegeben",
        "nur {value} der Positionen zurückgegeben",
    ),
    "discounted_share": Feature(
        "Anteil der Positionen mit Rabatt",
        "share",
        "Gekaufte Positionen mit einem Rabatt, geteilt durch alle gekauften.",
        "discounts",
        "{value} der Positionen mit Rabatt gekauft",
        "nur {value} der Positionen mit Rabatt gekauft",
    ),
    "n_channels": Feature(
        "Zahl der genutzten Kanäle",
        "count",
        "Verschiedene Verkaufskanäle, über die der Kunde bis zum Stichtag gekauft hat.",
        "channels",
        "über {value} [Kanal|Kanäle] gekauft",
        "nur über {value} [Kanal|Kanäle] gekauft",
    ),
    "complaints": Feature(
        "Beschwerden im letzten Zeitfenster",
        "count",
        "Beschwerden, die in so vielen Tagen bis zum Stichtag eingingen, wie der Prognosezeitraum "
        "lang ist.",
        "complaints",
        "in letzter Zeit {value} [Beschwerde|Beschwerden]",
        "in letzter Zeit nur {value} [Beschwerde|Beschwerden]",
    ),
    "open_complaints": Feature(
        "Offene Beschwerden",
        "count",
        "Beschwerden, die bis zum Stichtag eingingen und an ihm noch nicht gelöst waren.",
        "complaints",
        "{value} offene [Beschwerde|Beschwerden]",
        "nur {value} offene [Beschwerde|Beschwerden]",
    ),
    # First, so that the 7 of who never answered is not told as his answer.
    "nps_missing": Feature(
        "Keine Antwort auf die Empfehlungsfrage",
        "flag",
        "Eins, wenn es bis zum Stichtag keine Antwort gab, sonst null.",
        "survey",
        "hat die Empfehlungsfrage nicht beantwortet",
        "hat die Empfehlungsfrage beantwortet",
    ),
    "last_nps": Feature(
        "Letzte Antwort auf die Empfehlungsfrage",
        "mark",
        "Letzter Wert der Weiterempfehlung bis zum Stichtag; sieben, wenn es keinen gibt.",
        "survey",
        "zuletzt {value} von 10 Punkten bei der Empfehlungsfrage",
        "zuletzt nur {value} von 10 Punkten bei der Empfehlungsfrage",
    ),
    "contacts": Feature(
        "Werbekontakte im letzten Jahr",
        "count",
        "Kontakte in den 365 Tagen bis zum Stichtag; wer in einer Kontrollgruppe war, hatte "
        "keinen.",
        "contacts",
        "im letzten Jahr {value} [Werbekontakt|Werbekontakte]",
        "im letzten Jahr nur {value} [Werbekontakt|Werbekontakte]",
    ),
    "responses": Feature(
        "Reaktionen auf Werbung im letzten Jahr",
        "count",
        "Kontakte des letzten Jahres mit Reaktion; nur solche, die am Stichtag mindestens 30 Tage "
        "zurücklagen, weil der Tag der Reaktion nicht bekannt ist.",
        "contacts",
        "im letzten Jahr {value} [Reaktion|Reaktionen] auf Werbung",
        "im letzten Jahr nur {value} [Reaktion|Reaktionen] auf Werbung",
    ),
    "p_no_purchase": Feature(
        "Kaufmodell: kein Kauf im Prognosezeitraum",
        "probability",
        "Wahrscheinlichkeit des Kaufmodells, dass der Kunde im Prognosezeitraum nichts kauft; das "
        "Modell kennt nichts nach dem Stichtag.",
        "purchase_model",
    ),
    "expected_purchases": Feature(
        "Kaufmodell: erwartete Käufe",
        "number",
        "Käufe, die das Kaufmodell im Prognosezeitraum erwartet.",
        "purchase_model",
    ),
    "p_alive": Feature(
        "Kaufmodell: noch Kunde",
        "probability",
        "Wahrscheinlichkeit des Kaufmodells, dass der Kunde am Stichtag noch Kunde ist. Ein "
        "Modell, in dem man nur nach einem Wiederkauf geht, gibt Einmalkäufern immer eins.",
        "purchase_model",
    ),
    "last_channel": Feature(
        "Letzter Kanal",
        "text",
        "Verkaufskanal des letzten Kaufs; „unbekannt“, wenn er nicht vermerkt ist.",
        "channels",
    ),
    "first_channel": Feature(
        "Erster Kanal",
        "text",
        "Kanal, über den der Kunde zum Händler kam; „unbekannt“, wenn er nicht vermerkt ist.",
        "master",
    ),
    "customer_type": Feature(
        "Kundentyp",
        "text",
        "Art des Kunden, etwa privat oder geschäftlich; „unbekannt“, wenn sie nicht vermerkt ist.",
        "master",
    ),
}


def table() -> pd.DataFrame:
    """List all features for the codebook.

    Returns
    -------
    DataFrame
        Indexed by `feature`: `label`, `unit`, `meaning` and `group`, all German.

    Examples
    --------
    >>> table().loc["T"].tolist()[:2]
    ['Alter der Kundenbeziehung', 'Tage']
    """
    rows = {
        name: (one.label, UNITS[one.unit], one.meaning, GROUPS[one.group])
        for name, one in BOOK.items()
    }
    columns = ["label", "unit", "meaning", "group"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype="str")
    return found.rename_axis("feature")


def groups(features: Iterable[str]) -> dict[str, list[str]]:
    """Return the groups of some features, both in the order of the book.

    Parameters
    ----------
    features : iterable of str
        Columns of a table of features.

    Returns
    -------
    dict of str to list of str
        German name of the group to its features.

    Raises
    ------
    DataError
        If a feature is not in the book.

    Examples
    --------
    >>> groups(["T", "silence_ratio", "days_since_last"])
    {'Letzter Kauf': ['days_since_last', 'silence_ratio'], 'Kundenbeziehung': ['T']}
    """
    asked = set(features)
    unknown = sorted(asked - BOOK.keys())
    if unknown:
        raise DataError(f"{unknown} are no features of the book. Describe them in BOOK first.")
    found: dict[str, list[str]] = {label: [] for label in GROUPS.values()}
    for name, one in BOOK.items():
        if name in asked:
            found[GROUPS[one.group]].append(name)
    return {label: names for label, names in found.items() if names}


def label(feature: str) -> str:
    """Return the German name of a feature."""
    return BOOK[feature].label


def phrases() -> dict[str, Phrase]:
    """Return the words for the reasons of all features that are numbers."""
    return {
        name: PHRASES.get(name)
        or Phrase(one.above, one.below, one.label, _WRITTEN_AS.get(one.unit, "number"))
        for name, one in BOOK.items()
        if one.unit != "text"
    }
