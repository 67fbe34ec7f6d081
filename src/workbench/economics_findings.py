"""Tables of what measures may cost to German sentences, key figures and rows."""

from __future__ import annotations

import pandas as pd

from workbench.economics import EFFECTS
from workbench.formats import Style
from workbench.offers import Offer
from workbench.outputs import KeyFigure, Sentence, say

# What a shop does for a group, if it does anything.
PROPOSALS = {
    "VIP-Kunden": "Geschenk, persönliche Betreuung",
    "Stammkunden": "Bindung",
    "Wiederkäufer": "Anreiz zum nächsten Kauf",
    "Neukunden": "Anreiz zum zweiten Kauf",
    "Gelegenheitskäufer": "Rückgewinnung, Anreiz zum Kauf",
    "Überfällige Stammkunden": "Rückgewinnung",
    "Einmalkäufer": "Anreiz zum zweiten Kauf",
}
ACQUISITION = "Akquise: ein neuer Kunde"


def proposals(cards: pd.DataFrame) -> pd.DataFrame:
    """Name the measure of each group."""
    return cards.assign(proposal=[PROPOSALS.get(name, "") for name in cards.index])


def tiles(overall: pd.Series, *, style: Style) -> tuple[KeyFigure, ...]:
    """Show what a contact may cost on average, and what it must achieve.

    Parameters
    ----------
    overall : Series
        Row of `economics.thresholds` and `economics.ceilings` for all customers.
    style : Style
        How numbers are written.
    """
    note = say(
        "wenn sie {wirkung} der Angesprochenen zusätzlich zum Kauf bewegt; im Mittel aller Kunden",
        wirkung=style.share(EFFECTS["two"]),
    )
    needed = "mehr Käufer unter den Angesprochenen, damit sich Ihre Kosten tragen"
    return (
        KeyFigure(
            "contact_ceiling",
            "Eine Ansprache darf höchstens kosten",
            style.money(overall["ceiling_two"], digits=2),
            note,
            headline=True,
        ),
        KeyFigure(
            "needed_effect",
            "Nötige Wirkung",
            style.share(overall["needed_effect"], digits=1),
            needed,
            headline=True,
        ),
    )


def people_tile(customers: float, *, style: Style) -> KeyFigure:
    """Show how many customers there are, where nothing else can be said."""
    return KeyFigure("customers_planned", "Kunden", style.count(customers))


def untested() -> Sentence:
    """Say that the values of this page were not tested."""
    return say(
        "Die Kundenwerte dieser Seite sind nicht an der Vergangenheit geprüft: Sie läuft ohne die "
        "Seite Kundenwert. Der ganze Bericht prüft sie dort."
    )


def equity(value: float, *, bounds: tuple[float, float], style: Style) -> Sentence:
    """Say what the customers are worth, as 03 says it, and what that means for a budget.

    Parameters
    ----------
    value : float
        Sum of `clv` (currency).
    bounds : tuple of float
        Of the value, from the page on value; NaN where it gives none.
    style : Style
        How numbers are written.
    """
    text = "Ihre Kunden sind zusammen {wert} wert"
    if all(pd.notna(bound) for bound in bounds):
        text += ", voraussichtlich zwischen {von} und {bis}"
    return say(
        text + ". Mehr kann keine Maßnahme retten; was sie wirklich retten kann, ist ein "
        "kleiner Teil davon.",
        wert=style.money(value),
        von=style.money(bounds[0]),
        bis=style.money(bounds[1]),
    )


def ceiling(cards: pd.DataFrame, *, style: Style) -> Sentence:
    """Say between which groups and amounts the ceilings lie.

    Parameters
    ----------
    cards : DataFrame
        From `economics.ceilings`, small groups blanked.
    style : Style
        How numbers are written.
    """
    shown = cards["ceiling_two"].dropna().sort_values(kind="stable")
    share = style.share(EFFECTS["two"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden.")
    if len(shown) == 1:
        return say(
            "Bewegt eine Maßnahme {wirkung} der Angesprochenen zusätzlich zum Kauf, darf sie je "
            "Angesprochenem höchstens {hoch} kosten ({oben}).",
            wirkung=share,
            hoch=style.money(shown.iloc[-1], digits=2),
            oben=style.text(shown.index[-1]),
        )
    return say(
        "Bewegt eine Maßnahme {wirkung} der Angesprochenen zusätzlich zum Kauf, darf sie je "
        "Angesprochenem höchstens {hoch} kosten ({oben}) und höchstens {tief} bei der Gruppe, die "
        "am wenigsten bringt ({unten}).",
        wirkung=share,
        hoch=style.money(shown.iloc[-1], digits=2),
        oben=style.text(shown.index[-1]),
        tief=style.money(shown.iloc[0], digits=2),
        unten=style.text(shown.index[0]),
    )


def ceiling_rule(*, horizon_days: int, style: Style) -> Sentence:
    """Say how the ceilings are computed."""
    return say(
        "Höchstkosten je angesprochenem Kunden, Ansprache und Angebot zusammen. Wert eines "
        "Käufers: was ein Kunde der Gruppe in {tage} Tagen einbringt, falls er kauft. So viel "
        "bringt ein zusätzlicher Käufer höchstens; kauft er nur ein Mal, gilt die letzte Spalte.",
        tage=style.count(horizon_days),
    )


def decile_ceilings(tenths: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far the ceilings of the best tenth and of the tenth in the middle lie apart.

    Parameters
    ----------
    tenths : DataFrame
        From `economics.ceilings`, indexed by `decile` from 1, small ones blanked.
    style : Style
        How numbers are written.
    """
    shown = tenths["ceiling_two"].dropna()
    if len(shown) < 2:
        return say("Für Zehntel nach Kundenwert sind es zu wenige Kunden.")
    middle = shown.index[len(shown) // 2]
    return say(
        "Im besten Zehntel nach Kundenwert darf eine Maßnahme, die {wirkung} zusätzlich zum Kauf "
        "bewegt, je Angesprochenem {hoch} kosten, im {mitte}. Zehntel nur noch {mittel}.",
        wirkung=style.share(EFFECTS["two"]),
        hoch=style.money(shown.iloc[0], digits=2),
        mitte=style.count(middle),
        mittel=style.money(shown[middle], digits=2),
    )


def retention_budget(budget: pd.DataFrame, *, horizon_days: int, style: Style) -> Sentence:
    """Say what a little more retention may cost per customer, at least and at most.

    Parameters
    ----------
    budget : DataFrame
        From `economics.retention_budget`.
    horizon_days : int
        That of the values.
    style : Style
        How numbers are written.
    """
    each = budget["ceiling_each"]
    return say(
        "Etwas mehr Bindung darf je Kunde in {tage} Tagen zwischen {wenig} und {viel} kosten, je "
        "nachdem, was damit gemeint ist. Wer ein Budget mit so einer Zahl begründet, muss zuerst "
        "sagen, welche Lesart er meint.",
        tage=style.count(horizon_days),
        wenig=style.money(each.min(), digits=2),
        viel=style.money(each.max(), digits=2),
    )


def thresholds(cards: pd.DataFrame, *, offer: Offer, style: Style) -> Sentence:
    """Say in which groups a contact pays under the assumptions.

    Parameters
    ----------
    cards : DataFrame
        From `economics.thresholds`, small groups blanked.
    offer : Offer
        Its assumptions.
    style : Style
        How numbers are written.
    """
    gains = cards["gain_each"].dropna()
    paying = gains[gains > 0].sort_values(ascending=False, kind="stable")
    start = (
        "Angenommen, eine Ansprache kostet {kontakt}, ein Angebot {angebot}, und es bewegt "
        "{wirkung} derer, die sonst nicht kaufen: Dann "
    )
    n_once = int((cards["gain_once"].dropna() > 0).sum())
    once = (
        "Kauft ein Gewonnener danach nie wieder, trägt sie sich noch in {einmal} von {alle} "
        "Gruppen."
    )
    if not n_once:
        once = "Kauft ein Gewonnener danach nie wieder, trägt sie sich nirgends."
    if gains.empty:
        end = "lässt sich nichts sagen, denn jede Gruppe ist zu klein."
    elif paying.empty:
        end = "trägt sich die Ansprache in keiner Gruppe."
    elif len(paying) == len(gains):
        end = (
            "trägt sie sich in jeder Gruppe, am meisten bei „{gruppe}“ ({gewinn} je Kunde). " + once
        )
    else:
        end = (
            "trägt sie sich in {n} von {alle} Gruppen, am meisten bei „{gruppe}“ ({gewinn} je "
            "Kunde), nicht in: {nicht}. " + once
        )
    losing = [name for name in gains.index if name not in paying.index]
    return say(
        start + end + " Ob die Wirkung stimmt, zeigt nur ein Versuch mit Vergleichsgruppe.",
        kontakt=style.money(offer.contact_cost, digits=2),
        angebot=style.money(offer.incentive, digits=2),
        wirkung=style.share(offer.success_rate),
        n=style.count(len(paying)),
        einmal=style.count(n_once),
        alle=style.count(len(gains)),
        gruppe=style.text(paying.index[0] if len(paying) else ""),
        gewinn=style.money(paying.iloc[0] if len(paying) else None, digits=2),
        nicht=style.text(", ".join(losing)),
    )


def threshold_rule(*, offer: Offer, style: Style) -> Sentence:
    """Say how the break-even is computed."""
    return say(
        "Je angesprochenem Kunden. Nötige Wirkung: so viele zusätzliche Käufer braucht es; ein "
        "Strich heißt: So viele gibt es nicht. {anteil} derer, die ohnehin kaufen, nehmen das "
        "Angebot mit und kosten es. Höchstes Angebot: damit die angenommene Wirkung gerade reicht.",
        anteil=style.share(offer.uptake),
    )


def returns_title(cards: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in how many groups a single purchase pays for the contact."""
    gains = cards["gain_once"].dropna()
    if gains.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    return say(
        "In {n} von {alle} Gruppen deckt schon ein einziger Kauf die Kosten, falls die "
        "angenommene Wirkung eintritt",
        n=style.count(int((gains > 0).sum())),
        alle=style.count(len(gains)),
    )


def returns_alt(cards: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of return and cost; groups that are missing are not drawn."""
    shown = cards.dropna(subset=["return_each"])
    if shown.empty:
        return say("Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.")
    best = shown["return_each"].idxmax()
    row = shown.loc[best]
    return say(
        "Je Gruppe eine Spanne: links der Ertrag einer Ansprache, wenn nur ein Kauf folgt, rechts, "
        "wenn der Gewonnene wie die übrigen Käufer kauft; ein Kreuz für die Kosten. Die weiteste "
        "Spanne rechts hat {gruppe}: {einmal} bis {viel} bei {kosten} Kosten.",
        gruppe=style.text(best),
        einmal=style.money(row["return_once"], digits=2),
        viel=style.money(row["return_each"], digits=2),
        kosten=style.money(row["cost_each"], digits=2),
    )


def compared(acquired: pd.Series, cards: pd.DataFrame) -> pd.DataFrame:
    """Put the return of acquisition beside that of contacting each group.

    Parameters
    ----------
    acquired : Series
        From `economics.acquisition`.
    cards : DataFrame
        From `economics.thresholds`, small groups blanked.

    Returns
    -------
    DataFrame
        Indexed by `label`: `cost_each`, `return_each`, `gain_each` (currency) and
        `return_on_cost` (return over cost).
    """
    first = pd.DataFrame(
        {
            "cost_each": acquired["cac"],
            "return_each": acquired["new_value"],
            "gain_each": acquired["net_value"],
        },
        index=[ACQUISITION],
    )
    columns = ["cost_each", "return_each", "gain_each"]
    table = pd.concat([first, cards[columns].dropna()]).rename_axis("label")
    costs = table["cost_each"]
    return table.assign(return_on_cost=table["return_each"] / costs.where(costs > 0))


def acquisition(acquired: pd.Series, table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say what acquisition brings beside the best group of today's customers.

    Parameters
    ----------
    acquired : Series
        From `economics.acquisition`.
    table : DataFrame
        From `compared`.
    style : Style
        How numbers are written.
    """
    start = (
        "Ein neuer Kunde kostete in den letzten {quartale} Quartalen im Mittel {kosten} und ist "
        "{wert} wert, das {ertrag}-Fache. "
    )
    rest = table["return_on_cost"].drop(ACQUISITION).dropna().sort_values(kind="stable")
    if rest.empty:
        end = "Für den Bestand lässt sich nichts danebenstellen."
    else:
        end = (
            "Im Bestand brächte die Gruppe „{gruppe}“ am meisten, das {bestand}-Fache, falls die "
            "Annahmen stimmen."
        )
    return say(
        start + end + " Der Wert neuer Kunden ist ein Mittel: Die nächsten kosten meist mehr, denn "
        "zuerst kommen die, die leicht zu gewinnen sind.",
        quartale=style.count(acquired["quarters"]),
        kosten=style.money(acquired["cac"], digits=2),
        wert=style.money(acquired["new_value"], digits=2),
        ertrag=style.number(acquired["return_on_cost"], digits=1),
        gruppe=style.text(rest.index[-1] if len(rest) else ""),
        bestand=style.number(rest.iloc[-1] if len(rest) else None, digits=1),
    )
