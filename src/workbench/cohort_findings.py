"""Tables of cohorts to German sentences and texts for drawings, computed and worded by rule."""

from __future__ import annotations

import math

import pandas as pd

from workbench.cohorts import CONFIDENCE, Beginning
from workbench.formats import Style
from workbench.outputs import Sentence, say

# Label of the age of a cohort, and its unit for one and for many, by the length of a period.
AGES = {"M": "Monate danach", "Q": "Quartale danach", "Y": "Jahre danach"}
UNITS = {"M": ("Monat", "Monate"), "Q": ("Quartal", "Quartale"), "Y": ("Jahr", "Jahre")}


def beginning(begun: Beginning, *, style: Style) -> Sentence:
    """Say whether the cohorts are those of new customers, and what to bear in mind if not."""
    parts, values = [], {}
    if begun.is_truncated:
        parts.append(
            "Die erste Kohorte, ab {beginn}, hat {mal}-mal so viele Kunden wie ein üblicher "
            "späterer Monat: Die Daten beginnen wohl mitten im Geschäft. Viele dieser "
            "„Neukunden“ kauften schon vorher, und auch in den Monaten danach tauchen noch alte "
            "Kunden zum ersten Mal auf. Die erste Zeile zeigt deshalb die Treue alter Kunden, "
            "nicht die neuer."
        )
        values |= {
            "beginn": style.date(begun.first_month),
            "mal": style.number(begun.times_usual, digits=1),
        }
    if begun.is_closed:
        parts.append(
            "Seit {monate} Monaten kommt kein neuer Kunde hinzu: Die Daten sind eine geschlossene "
            "Gruppe. Alle Kohorten sind fast gleich alt, und der Umsatz ruht auf immer denselben "
            "Kunden. Ob heutige Neukunden besser oder schlechter sind als frühere, lässt sich an "
            "ihr nicht sehen."
        )
        values["monate"] = style.count(begun.idle_months)
    if not parts and math.isnan(begun.times_usual):
        parts.append(
            "Die Daten umfassen zu wenige Monate mit neuen Kunden, um zu erkennen, ob die ersten "
            "Käufe darin wirklich erste Käufe sind."
        )
    elif not parts:
        parts.append(
            "Die erste Kohorte ist nicht größer als üblich, und bis zuletzt kamen neue Kunden "
            "hinzu: Die Kohorten lassen sich vergleichen."
        )
    return say(" ".join(parts), **values)


def retention(shown: pd.DataFrame, *, length: str, style: Style) -> Sentence:
    """Say how far the cohorts lie apart in the first period after the first purchase.

    Parameters
    ----------
    shown : DataFrame
        From `cohort_retention.hide_small`.
    length : {"M", "Q", "Y"}
        Length of a period.
    style : Style
        How to write numbers.
    """
    first = shown["bought_share"][shown.index.get_level_values("age") == 1].dropna()
    if first.empty:
        return say("Noch ist keine Kohorte alt und groß genug, um sie zu zeigen")
    after = f"Im {UNITS[length][0]} nach dem ersten Kauf"
    if len(first) == 1:
        return say(after + " kauften {anteil} wieder", anteil=style.share(first.iloc[0]))
    return say(
        after + " kauften je nach Kohorte {von} bis {bis} wieder",
        von=style.share(first.min()),
        bis=style.share(first.max()),
    )


def retention_alt(shown: pd.DataFrame, *, length: str, style: Style) -> Sentence:
    """Describe the triangle of cohorts by age."""
    cells = shown["bought_share"].dropna()
    later = cells[cells.index.get_level_values("age") > 0]
    n = style.count(len(shown.index.unique("cohort_start")))
    text = "Dreieck: eine Zeile je Kohorte ({kohorten}), eine Spalte je " + UNITS[length][0]
    text += " seit dem ersten Kauf; dunkler heißt, dass ein größerer Anteil kauft."
    if later.empty:
        return say(text, kohorten=n)
    start, age = later.idxmin()
    return say(
        text
        + " Am niedrigsten ist der Anteil mit {tief} bei der Kohorte ab {beginn}, {alter} "
        + AGES[length]
        + ".",
        kohorten=n,
        tief=style.share(later.min()),
        beginn=style.date(start),
        alter=style.count(age),
    )


def decay(pooled: pd.DataFrame, *, length: str, style: Style) -> Sentence:
    """Say how the share of buyers changes from the first period to the last."""
    shares = pooled["bought_share"].dropna()
    if shares.empty:
        return say("Zu wenige Käufer, um den Verlauf zu zeigen")
    if len(shares) == 1:
        return say(
            f"{{zeit}} {_unit(shares.index[0], length)} nach dem ersten Kauf kaufen {{anteil}}",
            zeit=style.count(shares.index[0]),
            anteil=style.share(shares.iloc[0], digits=1),
        )
    first, last = (_unit(age, length) for age in shares.index[[0, -1]])
    return say(
        f"{{erst}} {first} nach dem ersten Kauf kaufen {{von}}, {{dann}} {last} danach {{bis}}",
        erst=style.count(shares.index[0]),
        dann=style.count(shares.index[-1]),
        von=style.share(shares.iloc[0], digits=1),
        bis=style.share(shares.iloc[-1], digits=1),
    )


def decay_alt(pooled: pd.DataFrame, *, length: str, style: Style) -> Sentence:
    """Describe the curve of the share of buyers by age."""
    shares = pooled["bought_share"].dropna()
    if shares.empty:
        return say("Kurve nach dem Alter; jeder Punkt ist zu klein, um gezeigt zu werden.")
    return say(
        "Linie mit Unsicherheitsband über {punkte} "
        + AGES[length]
        + ": Der höchste Anteil ist {hoch}, der niedrigste {tief}.",
        punkte=style.count(len(shares)),
        hoch=style.share(shares.max(), digits=1),
        tief=style.share(shares.min(), digits=1),
    )


def decay_rule(pooled: pd.DataFrame, *, begun: Beginning, style: Style) -> Sentence:
    """State who is in the pool of cohorts, and how many of them reach the last age."""
    text = "In jedem Alter zählt, wer schon so lange beobachtet ist"
    values = {}
    customers = pooled["customers"].dropna()
    if len(customers):
        text += ": anfangs {erst} Kunden, zuletzt {dann}"
        ends = customers.iloc[[0, -1]]
        values = {"erst": style.count(ends.iloc[0]), "dann": style.count(ends.iloc[-1])}
    text += "; das Band ist der Unsicherheitsbereich von {sicherheit}."
    if begun.is_truncated:
        text += " Die erste Kohorte fehlt, weil sie alte Kunden enthält."
    shares = pooled["bought_share"].dropna()
    if len(shares) > 1 and shares.iloc[-1] > shares.iloc[0]:
        text += (
            " Dass die Kurve steigt, heißt nicht, dass Kunden treuer werden: Ein hohes Alter haben "
            "nur die ältesten Kohorten, und sie haben es alle in denselben letzten Monaten."
        )
    return say(text, **values, sicherheit=style.share(CONFIDENCE))


def stack(shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which part of the revenue of the last period those bring who began earlier.

    Parameters
    ----------
    shown : DataFrame
        From `cohorts.revenue_stack`, suppressed.
    """
    revenue = shown["revenue"].unstack(sort=False)
    layers = list(revenue.columns)
    total = revenue.sum(axis=1, min_count=len(layers)).dropna()
    if total.empty or total.iloc[-1] <= 0:
        return say("Von jedem Zeitraum sind Teile zu klein, um gezeigt zu werden")
    if len(layers) == 1:
        return say(
            "Der ganze Umsatz ruht auf Kunden aus {schicht}: im stärksten Zeitraum {hoch}, im "
            "letzten {zuletzt}",
            schicht=style.text(layers[0]),
            hoch=style.money(total.max()),
            zuletzt=style.money(total.iloc[-1]),
        )
    shown_rows = revenue.loc[total.index[total > 0]]
    newest = shown_rows.apply(lambda row: row[row != 0].index[-1], axis=1)
    newest = newest[newest != layers[0]]
    if newest.empty:
        return say(
            "Von den Zeiträumen mit mehreren Schichten sind Teile zu klein, um gezeigt zu werden"
        )
    last, layer = newest.index[-1], newest.iloc[-1]
    return say(
        "Zuletzt, im Zeitraum ab {beginn}, kamen {anteil} des Umsatzes von Kunden, die vor "
        "{schicht} begonnen haben",
        beginn=style.date(last),
        anteil=style.share(1 - revenue.loc[last, layer] / total[last]),
        schicht=style.text(layer),
    )


def stack_alt(shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the stack of revenue by cohort."""
    held = shown["revenue"].groupby("layer", sort=False).sum(min_count=1).dropna()
    text = "Gestapelte Säulen für {zeitraeume} Zeiträume, eine Schicht je Beginn der Kunden "
    text += "({schichten}), die ältesten unten."
    values = {
        "zeitraeume": style.count(len(shown.index.unique("period"))),
        "schichten": style.count(len(shown.index.unique("layer"))),
    }
    if held.empty:
        return say(text, **values)
    return say(
        text + " Am meisten Umsatz insgesamt bringt die Schicht {groesste}: {umsatz}.",
        **values,
        groesste=style.text(held.idxmax()),
        umsatz=style.money(held.max()),
    )


def _unit(age: int, length: str) -> str:
    one, many = UNITS[length]
    return one if age == 1 else many
