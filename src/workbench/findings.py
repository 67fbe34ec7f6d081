"""Tables of customers, months and segments to German sentences, computed and worded by rule."""

from __future__ import annotations

import math

import pandas as pd

from workbench.formats import Style
from workbench.lifecycle import (
    LIKELY_ALIVE,
    LIKELY_GONE,
    LONG_PAUSE,
    LOOKS_DOWN,
    LOOKS_UP,
    OWN_RHYTHM_PAUSES,
    USUAL_PAUSE,
    Pauses,
)
from workbench.outputs import Sentence, say
from workbench.schema import purchase_days

# A group of customers without a new one for so long is closed.
IDLE_MONTHS = 3


def base(
    summary: pd.DataFrame, *, orders: pd.DataFrame, as_of: pd.Timestamp, k: int, style: Style
) -> Sentence:
    """Say who the customers are and how many of them came back."""
    if len(summary) < k:
        return say(
            "Die Daten enthalten {kunden} Kunden; das sind zu wenige, um mehr über sie zu zeigen.",
            kunden=style.count(len(summary)),
        )
    return say(
        "Vom {von} bis zum {bis} haben {kunden} Kunden mit {kaeufe} Käufen {umsatz} ausgegeben; "
        "{anteil} von ihnen kauften mehr als einmal.",
        von=style.date(purchase_days(orders)["date"].min()),
        bis=style.date(as_of),
        kunden=style.count(len(summary)),
        kaeufe=style.count(summary["n_orders"].sum()),
        umsatz=style.money(summary["revenue"].sum()),
        anteil=style.share((summary["frequency"] > 0).mean(), digits=1),
    )


def cleaning(balance: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how much the cleaning took away, and how much else is not counted."""
    n_read, n_kept = balance["n_rows"].iloc[0], balance["n_rows"].iloc[-1]
    n_of = balance.groupby("kind")["n_rows"].sum().reindex(["lost", "settled", "left_out"])
    n_lost, n_settled, n_left_out = n_of.fillna(0)
    n_not_won = balance.loc[balance["reason"] == "not_won", "n_rows"].sum()
    if n_kept == n_read:
        return say(
            "Alle {gelesen} Zeilen sind brauchbar; es wurde nichts entfernt.",
            gelesen=style.count(n_read),
        )
    text, numbers = "Von {gelesen} Zeilen bleiben {behalten}.", {}
    if n_lost:
        text += " Entfernt wurden {entfernt} ({anteil}), jede mit Grund."
        numbers["entfernt"] = style.count(n_lost)
        numbers["anteil"] = style.share(n_lost / n_read, digits=1)
    if n_settled:
        text += " {verrechnet} sind Retouren oder von ihnen aufgehoben."
        numbers["verrechnet"] = style.count(n_settled)
    if n_not_won:
        text += " {nicht_gewonnen} sind Geschäfte, die nicht gewonnen wurden, und keine Käufe."
        numbers["nicht_gewonnen"] = style.count(n_not_won)
    if n_left_out > n_not_won:
        text += " {ausgelassen} zählen nicht mit: später als der Stichtag, gelöscht oder mit "
        text += "Widerspruch."
        numbers["ausgelassen"] = style.count(n_left_out - n_not_won)
    unmet = balance[balance["reason"] == "never_bought"]
    if unmet["amount"].sum() < 0:
        text += " Retouren von Kunden ohne Kauf ({ohne_kauf}) sind vom Umsatz nicht abgezogen."
        numbers["ohne_kauf"] = style.money(-unmet["amount"].sum())
    return say(text, gelesen=style.count(n_read), behalten=style.count(n_kept), **numbers)


def months(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which part of the revenue came from known customers."""
    shown = table.dropna()
    total = shown["revenue_known"].sum() + shown["revenue_new"].sum()
    return say(
        "{anteil} des Umsatzes stammen von Kunden, die schon einmal gekauft hatten",
        anteil=style.share(share_of(shown["revenue_known"].sum(), total)),
    )


def months_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of monthly revenue."""
    revenue = (table["revenue_known"] + table["revenue_new"]).dropna()
    if revenue.empty:
        return say("Säulen je Monat; jeder Monat ist zu klein, um gezeigt zu werden.")
    return say(
        "Säulen für {monate} Monate, geteilt in Bestandskunden und Neukunden. "
        "Der stärkste Monat beginnt am {monat} und bringt {umsatz}.",
        monate=style.count(len(table)),
        monat=style.date(revenue.idxmax()),
        umsatz=style.money(revenue.max()),
    )


def newcomers(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say when the last new customers came; a closed group has none for months.

    Parameters
    ----------
    table : DataFrame
        From `cohorts.monthly_revenue`, not suppressed.
    """
    came = table.index[table["new_customers"] > 0]
    idle = len(table) - 1 - table.index.get_loc(came[-1])
    if idle >= IDLE_MONTHS:
        return say(
            "Seit {monate} Monaten kommt kein neuer Kunde hinzu: Die Daten sind eine geschlossene "
            "Gruppe. Aussagen über Neukunden gelten für sie nicht.",
            monate=style.count(idle),
        )
    return say(
        "In {mit} von {alle} Monaten kamen neue Kunden hinzu.",
        mit=style.count(len(came)),
        alle=style.count(len(table)),
    )


def order_counts(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many customers bought once."""
    return say(
        "{anteil} der Kunden haben genau einmal gekauft",
        anteil=style.share(table["customer_share"].iloc[0]),
    )


def order_counts_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of purchase days per customer."""
    return say(
        "Säulen für die Zahl der Käufe je Kunde: {einmal} Kunden kauften einmal, "
        "{oft} Kunden {stufe} Mal oder öfter.",
        einmal=style.count(table["customers"].iloc[0]),
        oft=style.count(table["customers"].iloc[-1]),
        stufe=style.count(len(table)),
    )


def concentration(table: pd.DataFrame, *, what: str, style: Style) -> Sentence:
    """Say which part of the money, past or expected, the best tenth holds."""
    return say(
        "Auf das beste Zehntel der Kunden entfallen {anteil} " + what,
        anteil=style.share(table.loc[0.1, "share_of_total"]),
    )


def concentration_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the concentration curve."""
    return say(
        "Kurve über der Diagonale: Auf die beste Hälfte der Kunden entfallen {haelfte}, "
        "auf das beste Fünftel {fuenftel}.",
        haelfte=style.share(table.loc[0.5, "share_of_total"]),
        fuenftel=style.share(table.loc[0.2, "share_of_total"]),
    )


def segments(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which segment brings most of the revenue, and how small it is."""
    best = leading(sizes)
    if best is None:
        return say("Jedes Segment ist zu klein, um gezeigt zu werden")
    return say(
        "{segment}: {kunden} der Kunden, {umsatz} des Umsatzes",
        segment=style.text(best),
        kunden=style.share(sizes.loc[best, "customer_share"]),
        umsatz=style.share(sizes.loc[best, "revenue_share"]),
    )


def segments_lead(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in a full sentence which segment carries the revenue and which is the largest."""
    best = leading(sizes)
    if best is None:
        return say("Jedes Segment ist zu klein, um gezeigt zu werden.")
    largest = sizes["customer_share"].idxmax()
    if largest == best:
        return say(
            "Die größte Gruppe, {beste}, stellt {kunden} der Kunden und bringt {umsatz} des "
            "Umsatzes.",
            beste=style.text(best),
            kunden=style.share(sizes.loc[best, "customer_share"]),
            umsatz=style.share(sizes.loc[best, "revenue_share"]),
        )
    return say(
        "Die Gruppe {beste} stellt {kunden} der Kunden und bringt {umsatz} des Umsatzes; "
        "die größte Gruppe, {groesste}, stellt {anteil} und bringt {rest}.",
        beste=style.text(best),
        kunden=style.share(sizes.loc[best, "customer_share"]),
        umsatz=style.share(sizes.loc[best, "revenue_share"]),
        groesste=style.text(largest),
        anteil=style.share(sizes.loc[largest, "customer_share"]),
        rest=style.share(sizes.loc[largest, "revenue_share"]),
    )


def leading(sizes: pd.DataFrame) -> str | None:
    """Return the name of the group with the most revenue; None where all are suppressed."""
    shown = sizes["revenue_share"].dropna()
    return None if shown.empty else str(shown.idxmax())


def shares_alt(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe a drawing of groups by share of customers and of revenue."""
    shown = sizes.dropna(subset=["customer_share"])
    if shown.empty:
        return say("Balken je Gruppe; jede ist zu klein, um gezeigt zu werden.")
    largest = shown["customer_share"].idxmax()
    return say(
        "Zwei Balken je Gruppe, Anteil der Kunden und Anteil am Umsatz, für {gruppen} Gruppen. "
        "Die größte Gruppe heißt {groesste} und umfasst {anteil} der Kunden.",
        gruppen=style.count(len(sizes)),
        groesste=style.text(largest),
        anteil=style.share(shown.loc[largest, "customer_share"]),
    )


def grid(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Say where in the score grid most customers are."""
    shown = cells["customers"].dropna()
    if shown.empty or shown.max() == 0:
        return say("Jede Zelle ist zu klein, um gezeigt zu werden")
    r_score, f_score = shown.idxmax()
    return say(
        "Die vollste Zelle, {kunden} Kunden, hat die Note {r} für den letzten Kauf "
        "und die Note {f} für die Häufigkeit",
        kunden=style.count(shown.max()),
        r=style.count(r_score),
        f=style.count(f_score),
    )


def grid_alt(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the score grid."""
    return say(
        "Gitter aus {zellen} Zellen, Note für den letzten Kauf mal Note für die Häufigkeit, "
        "mit der Zahl der Kunden; dunkler heißt mehr Kunden.",
        zellen=style.count(len(cells)),
    )


def lifecycle(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how much past revenue stands with customers who are slipping away."""
    slipping = sizes.loc[["Bindung gefährdet", "Rückgewinnung"]].sum(min_count=2)
    return say(
        "{kunden} Kunden mit mehreren Käufen machen eine ungewöhnlich lange Pause; sie brachten "
        "bisher {anteil} des Umsatzes",
        kunden=style.count(slipping["customers"]),
        anteil=style.share(slipping["revenue_share"]),
    )


def lifecycle_rule(limits: Pauses, *, style: Style) -> Sentence:
    """State the rule behind the states of the lifecycle."""
    return say(
        "Aktivierung: ein Kauf, höchstens {zweiter} Tage her; danach Einmalkäufer (still). "
        "Wer mehrmals kaufte, ist gefährdet, wenn seine Pause länger ist als {usual} seiner "
        "eigenen Pausen oder die Aktivitätswahrscheinlichkeit höchstens {leben} beträgt, und steht "
        "in der Rückgewinnung ab {long} der eigenen Pausen oder unter {tot}. Wer weniger als "
        "{pausen} Pausen hatte, wird an allen Kunden gemessen: {tage_usual} und {tage_long} Tage. "
        "Reaktiviert: nach einer langen Pause wieder da. Nach unten rückt, wer bei {unten} "
        "wöchentlichen Blicken in Folge über der Grenze liegt, nach oben erst, wer es bei {oben} "
        "nicht mehr tut; so wechselt niemand jede Woche hin und her.",
        unten=style.count(LOOKS_DOWN),
        oben=style.count(LOOKS_UP),
        zweiter=style.count(limits.second_purchase),
        usual=style.share(USUAL_PAUSE),
        long=style.share(LONG_PAUSE),
        leben=style.number(LIKELY_ALIVE, digits=1),
        tot=style.number(LIKELY_GONE, digits=1),
        pausen=style.count(OWN_RHYTHM_PAUSES),
        tage_usual=style.count(limits.usual),
        tage_long=style.count(limits.long),
    )


def share_of(part: float, whole: float) -> float:
    """Divide; NaN where the whole is suppressed or nothing."""
    return float(part / whole) if whole > 0 else math.nan
