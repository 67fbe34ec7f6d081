"""Tables of a planned campaign to German sentences and rows."""

from __future__ import annotations

import pandas as pd

from workbench import contact_pressure, trial_power
from workbench.crm_gate import CONTROL, TARGET
from workbench.formats import Number, Style
from workbench.outputs import Sentence, say

CONTACT_NEEDS = "eine Tabelle der Kontakte (contacts)"
OPT_OUT_NEEDS = "Abmeldungen in der Tabelle der Kontakte"
LIST_NEEDS = "eine Liste, auf die genug Kunden kommen"
CHANNELS = {"email": "E-Mail", "telefon": "Telefon", "post": "Post"}
REASONS = {
    "no_legal_basis": "keine Einwilligung oder andere Erlaubnis für diesen Kanal",
    "objection": "der Werbung widersprochen",
    "former": "ehemalige Kunden, Rückgewinnung ist nicht erlaubt (winback)",
    "pressed": "zuletzt schon oft genug angesprochen",
    "not_chosen": "nicht in der Auswahl",
    "not_worth": "eine Ansprache brächte weniger, als sie kostet",
    "beyond_budget": "das Budget reicht nicht",
    CONTROL: "auf der Liste, ausgelost als Vergleichsgruppe",
    TARGET: "auf der Liste, wird angesprochen",
}
RULES = {
    "lohnend": "alle, deren Ansprache sich lohnt",
    "gefaehrdet": "wer im Zeitraum eher nicht kauft",
    "wertvoll": "das wertvollste Drittel der Kunden",
}
SCENARIOS = {
    "as_others": "Gewonnene kaufen wie die übrigen Käufer",
    "value_low": "dasselbe am unteren Ende des Kundenstammwerts",
    "value_high": "dasselbe am oberen Ende des Kundenstammwerts",
    "once": "Gewonnene kaufen nur ein Mal",
}


def headline(
    totals: pd.DataFrame,
    *,
    listed: int,
    target: int,
    permitted: bool,
    candidates: int,
    limited: bool,
    success_rate: float,
    k: int,
    style: Style,
) -> Sentence:
    """Say how long the list is and what it brings, or why there is none.

    Parameters
    ----------
    totals : DataFrame
        From `campaign_gain.of_list`, of those who are contacted.
    listed, target : int
        Customers on the list, and those of them who are contacted.
    permitted : bool
        There is a table of consents.
    candidates : int
        Whom nothing but the money could keep off the list.
    limited : bool
        The budget ends the list.
    success_rate : float
        As assumed.
    k : int
        Smallest group shown.
    style : Style
        How numbers are written.
    """
    numbers = {
        "n": style.count(listed),
        "rest": style.count(listed - target),
        "gewinn": style.money(totals["list_gain"].get("as_others")),
        "von": style.money(totals["list_gain_low"].min()),
        "bis": style.money(totals["list_gain_high"].max()),
        "rate": style.share(success_rate, digits=1),
        "k": style.count(k),
    }
    start = "" if permitted else "Ohne Einwilligungen darf niemand angesprochen werden. "
    if not listed:
        end = _no_list(candidates=candidates, limited=limited, permitted=permitted)
    elif target < k:
        end = "Anzusprechen wären weniger als {k} Kunden; so kleine Gruppen zeigen wir nicht."
    elif permitted:
        end = (
            "Für die nächste Ansprache kommen {n} Kunden auf die Liste; zu erwarten ist ein "
            "Gewinn von {gewinn} ({von} bis {bis}), falls das Angebot {rate} derer zum Kauf "
            "bewegt, die sonst nichts kauften."
        )
        if listed - target >= k:
            end += " {rest} Kunden der Liste bleiben zum Vergleich unangesprochen."
    else:
        end = (
            "Hätten alle eingewilligt, kämen {n} Kunden auf die Liste; zu erwarten wäre ein Gewinn "
            "von {gewinn} ({von} bis {bis})."
        )
        if listed - target >= k:
            end += " {rest} von ihnen blieben zum Vergleich unangesprochen."
    return say(start + end, **numbers)


def _no_list(*, candidates: int, limited: bool, permitted: bool) -> str:
    """Say what leaves a list without anybody: the gate, the budget, or the gain."""
    if not candidates:
        return (
            "Für diese Ansprache kommt niemand infrage; warum, sagt die Tabelle der Gründe."
            if permitted
            else "Auch mit Einwilligungen käme für diese Ansprache niemand infrage."
        )
    if limited:
        return (
            "Das Budget reicht für keine Liste, die Gewinn bringt."
            if permitted
            else "Auch mit Einwilligungen reichte das Budget für keine Liste, die Gewinn bringt."
        )
    return (
        "Unter diesen Annahmen lohnt sich keine Ansprache, also gibt es keine Liste."
        if permitted
        else "Auch mit Einwilligungen lohnte sich unter diesen Annahmen keine Ansprache."
    )


def selection(
    *,
    channel: str,
    rule: str,
    groups: list[str],
    budget: float,
    cost: float,
    style: Style,
) -> Sentence:
    """Say whom the campaign is meant for, on which channel, and how much of the budget it takes.

    Parameters
    ----------
    channel, rule : str
        Keys of `CHANNELS` and `RULES`.
    groups : list of str
        Of customers; empty: all.
    budget, cost : float
        Currency; a budget of 0 is none. The cost is expected, of those contacted and
        the fixed one; NaN where that would speak of few.
    style : Style
        How numbers are written.
    """
    text = "Kanal: {kanal}. Auswahl: {regel}; Kundengruppen: {gruppen}."
    if budget and pd.notna(cost):
        text += " Die Aktion kostet voraussichtlich {kosten}, das Budget ist {budget}."
    return say(
        text,
        kosten=style.money(cost),
        budget=style.money(budget),
        kanal=style.text(CHANNELS[channel]),
        regel=style.text(RULES[rule]),
        gruppen=style.text(", ".join(groups) or "alle"),
    )


def left_out(counts: pd.DataFrame, *, permitted: bool) -> pd.DataFrame:
    """Name the reasons; without consents nobody is on a list, but would be.

    Parameters
    ----------
    counts : DataFrame
        From `campaign_gate.counts`, small ones blanked.
    permitted : bool
        There is a table of consents.
    """
    names = dict(REASONS)
    if not permitted:
        names[CONTROL] = "käme auf die Liste, als Vergleichsgruppe"
        names[TARGET] = "käme auf die Liste, würde angesprochen"
    return counts.assign(label=[names[reason] for reason in counts.index])


def left_out_rule(*, permitted: bool, days: int, limit: int, style: Style) -> Sentence:
    """Say how the customers are counted."""
    text = (
        "Alle Kunden; es zählt der erste Grund, der zutrifft. Oft genug heißt: in {tage} Tagen auf "
        "allen Kanälen zusammen {grenze} Mal oder öfter"
    )
    if not permitted:
        text += ". Ohne Tabelle der Einwilligungen (consent) ist das eine Planung und keine Liste"
    return say(text, grenze=style.count(limit), tage=style.count(days))


def pressure(months: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how often those who were contacted heard from the firm in the densest month."""
    shown = months.dropna(subset=["contacts_each"])
    if shown.empty:
        return say("In jedem Monat wurden zu wenige Kunden angesprochen, um sie zu zeigen.")
    most = shown["contacts_each"].idxmax()
    return say(
        "Im dichtesten Monat (ab {monat}) hörte ein angesprochener Kunde im Mittel {mal} Mal von "
        "Ihnen.",
        mal=style.number(shown.loc[most, "contacts_each"], digits=1),
        monat=style.date(most),
    )


def contact_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Name the classes of `contact_pressure.opt_outs`."""
    last = contact_pressure.MOST_CONTACTS
    names = [f"{n}. und jeder weitere" if n == last else f"{n}." for n in table.index]
    return table.set_axis(pd.Index(names, name="contact_number"), axis=0)


def opt_outs(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whether more leave at later contacts, as far as the intervals tell."""
    shown = table.dropna(subset=["share"])
    if len(shown) < len(table) or len(shown) == 1:
        return say(
            "Von {n} Kontakten endeten {weg} mit einer Abmeldung.",
            n=_sum(table["contacts"], style=style),
            weg=_sum(table["opted_out"], style=style),
        )
    first, last = shown.iloc[0], shown.iloc[-1]
    if last["low"] > first["high"]:
        end = "Wer oft angesprochen wird, geht also eher: Die Gefahr, ihn zu vertreiben, steigt."
    elif last["high"] < first["low"]:
        end = "Wer geblieben ist, geht also seltener; die Gefahr liegt am Anfang."
    else:
        end = "Ein Unterschied ist damit nicht zu belegen."
    return say(
        "Beim ersten Kontakt meldeten sich {erst} ab, vom {letzter}. an {spaet}. " + end,
        letzter=style.count(len(table)),
        erst=style.share(first["share"], digits=1),
        spaet=style.share(last["share"], digits=1),
    )


def span_rule(*, sure_share: float, has_interval: bool, style: Style) -> Sentence:
    """Say what the bounds of the gain of a single customer cover.

    Parameters
    ----------
    sure_share : float
        Of the customers on the list, whose gain is above 0 at its lower bound too;
        NaN where that would speak of few.
    has_interval : bool
        The page on value bounds the value of each customer.
    style : Style
        How numbers are written.
    """
    sure = " Auch am unteren Ende lohnt sich die Ansprache bei {anteil} der Gelisteten."
    top = (
        "oben so viel, wie das obere Ende des Bereichs sagt, den die Seite Kundenwert ihm gibt"
        if has_interval
        else "oben so viel wie die übrigen Käufer, denn die Seite Kundenwert nennt keinen Bereich"
    )
    return say(
        "Je Kunde reicht der Bereich des Gewinns so weit: unten kauft er, wenn Sie ihn gewinnen, "
        "nur ein Mal, " + top + ". Nicht enthalten ist, wie viele Sie gewinnen: Diese "
        "Erfolgsquote ist angenommen." + (sure if pd.notna(sure_share) else ""),
        anteil=style.share(sure_share),
    )


def failed_values() -> Sentence:
    """Say that the values on which the list rests did not pass their test."""
    return say(
        "Die Kundenwerte haben ihre Probe nicht bestanden (Seite Kundenwert). Nehmen Sie die "
        "Reihenfolge der Liste ernster als die Beträge."
    )


def totals(table: pd.DataFrame) -> pd.DataFrame:
    """Name the assumptions of `campaign_gain.of_list`."""
    return table.rename(index=SCENARIOS).rename_axis("assumption")


def totals_rule(*, style: Style) -> Sentence:
    """Say how the gain of the list is bounded."""
    return say(
        "Alle, die angesprochen werden, nach Abzug der festen Kosten; der Bereich zeigt, wie sehr "
        "er davon abhängt, dass gerade diese Kunden bei Ihnen kaufen. Ein Strich bei der nötigen "
        "Erfolgsquote heißt: Keine reicht aus"
    )


def break_even(totals: pd.DataFrame, *, success_rate: float, style: Style) -> Sentence:
    """Say from which success rate on the list pays.

    Parameters
    ----------
    totals : DataFrame
        From `campaign_gain.of_list`.
    success_rate : float
        As assumed.
    style : Style
        How numbers are written.
    """
    usual, once = totals["break_even"].get("as_others"), totals["break_even"].get("once")
    text = (
        "Die Liste trägt sich, sobald das Angebot {wie} derer zum Kauf bewegt, die sonst nichts "
        "kauften; angenommen sind {rate}. "
    )
    if pd.isna(once):
        text += "Kaufen die Gewonnenen nur ein Mal, trägt sie sich nie."
    elif once <= success_rate:
        text += "Auch wenn die Gewonnenen nur ein Mal kaufen, reicht das: Nötig sind dann {einmal}."
    else:
        text += "Kaufen die Gewonnenen nur ein Mal, sind {einmal} nötig, mehr als angenommen."
    return say(
        text,
        wie=style.share(usual, digits=1),
        rate=style.share(success_rate, digits=1),
        einmal=style.share(once, digits=1),
    )


def curve_title(curve: pd.DataFrame, *, best: int, length: int, style: Style) -> Sentence:
    """Say how long the best list is, and where the budget ends it.

    Parameters
    ----------
    curve : DataFrame
        From `campaign_lists.curve`.
    best, length : int
        As in `campaign_lists.Ranked`.
    style : Style
        How numbers are written.
    """
    if best in curve.index:
        text = "Am meisten bringt eine Liste von {n} Kunden"
        if length < best and length in curve.index:
            text += "; das Budget reicht für {budget}"
    elif length in curve.index:
        text = "Das Budget reicht für eine Liste von {budget} Kunden"
    else:
        text = "Unter diesen Annahmen bringt keine Liste Gewinn, die lang genug wäre"
    return say(text, n=style.count(best), budget=style.count(length))


def curve_alt(curve: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the gain by length of the list."""
    shown = curve["list_gain"].dropna()
    if shown.empty:
        return say("Leere Zeichnung: Die Listen sind zu klein, um gezeigt zu werden.")
    return say(
        "Linie über der Länge der Liste: Der Gewinn erreicht bei {n} Kunden {hoch} und beträgt "
        "{ende}, wenn alle {alle} Kandidaten angesprochen werden.",
        n=style.count(shown.idxmax()),
        hoch=style.money(shown.max()),
        ende=style.money(shown.iloc[-1]),
        alle=style.count(shown.index[-1]),
    )


def curve_rule(*, limited: bool, budgeted: bool, style: Style) -> Sentence:
    """Say in which order the list is filled."""
    order = "wer je Geldeinheit Kosten am meisten bringt" if budgeted else "wer am meisten bringt"
    end = "wo der Nächste mehr kostet, als er bringt, sinkt die Linie"
    if limited:
        end += ", doch das Budget endet früher"
    return say(
        "Zuerst kommt, "
        + order
        + "; "
        + end
        + ". Gerechnet ist, als würde auch die Vergleichsgruppe angesprochen; feste Kosten sind "
        "abgezogen",
    )


def groups(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in which group of customers a unit of money brings most."""
    shown = table["gain_per_cost"].dropna().sort_values(kind="stable")
    if shown.empty:
        return say(
            "Jede Gruppe ist zu klein, um gezeigt zu werden, oder steht nicht auf der Liste."
        )
    return say(
        "Am meisten bringt das Geld bei „{gruppe}“: Jeder Betrag kommt zurück, und das "
        "{mal}-Fache davon als Gewinn dazu.",
        gruppe=style.text(shown.index[-1]),
        mal=style.number(shown.iloc[-1], digits=1),
    )


def power(
    splits: pd.DataFrame, *, share: float, base: float, assumed: float, style: Style
) -> Sentence:
    """Say which effect the list can show, beside the one that was assumed.

    Parameters
    ----------
    splits : DataFrame
        From `trial_power.splits`, with the share chosen.
    share : float
        Of the control group, as chosen.
    base : float
        Share of buyers to be expected without a contact.
    assumed : float
        Effect as assumed: share of those contacted who are won.
    style : Style
        How numbers are written.
    """
    visible = splits["visible_share"].get(share)
    needed = trial_power.customers_needed(base, assumed)
    if visible is None or pd.isna(visible):
        return say("Mit dieser Liste lässt sich keine Wirkung zeigen: Eine Gruppe ist zu klein.")
    end = "Die angenommene Wirkung, {angenommen} Prozentpunkte, ist groß genug."
    if visible > assumed:
        end = "Auch die angenommene Wirkung, {angenommen} Prozentpunkte, bliebe also unsichtbar"
        end += "; für sie wären je Gruppe {noetig} Kunden nötig." if pd.notna(needed) else "."
    return say(
        "Mit dieser Liste lässt sich eine Wirkung ab {punkte} Prozentpunkten zeigen. Kleineres "
        "bleibt unsichtbar. " + end,
        punkte=_points(visible, style=style),
        angenommen=_points(assumed, style=style),
        noetig=style.count(needed),
    )


def power_rule(*, base: float, days: int, style: Style) -> Sentence:
    """Say how the smallest visible effect is computed."""
    return say(
        "So viel mehr Käufer oder Umsatz je Kopf muss das Ziel in den {tage} Tagen nach dem "
        "Kontakt haben, damit es in {macht} aller Versuche auffällt (der Zufall allein fällt in "
        "{irrtum} auf). Ohne Ansprache kaufen in diesen Tagen voraussichtlich {basis}",
        tage=style.count(days),
        macht=style.share(trial_power.POWER),
        irrtum=style.share(trial_power.SIGNIFICANCE),
        basis=style.share(base),
    )


def long_gone(
    back: pd.Series, *, customers: int, days: float, success_rate: float, style: Style
) -> Sentence:
    """Set the success rate beside those who come back by themselves after so long a silence.

    Parameters
    ----------
    back : Series
        From `return_curve.after`: `followup_days`, `return_share`.
    customers : int
        Former customers on the list.
    days : float
        Half of them have been silent for longer.
    success_rate : float
        As assumed.
    style : Style
        How numbers are written.
    """
    share = float(back["return_share"])
    end = (
        "Wer so lange fort ist, ist meist schwerer zu gewinnen: Gewinn und Rang dieser Kunden sind "
        "eher zu hoch als zu niedrig."
    )
    if success_rate > share:
        end = (
            "Zusätzlich noch mehr zu gewinnen, als von selbst kommen, wäre ungewöhnlich: "
            "Gewinn und Rang dieser Kunden sind vermutlich viel zu hoch."
        )
    return say(
        "{n} auf der Liste sind ehemalige Kunden, die Hälfte von ihnen schweigt seit mindestens "
        "{tage} Tagen. Nach einer so langen Pause kamen bisher {wieder} in den nächsten {danach} "
        "Tagen von selbst zurück. Angenommen ist, dass die Ansprache {rate} der übrigen gewinnt, "
        "so viele wie bei jedem anderen. " + end,
        n=style.count(customers),
        tage=style.count(days),
        wieder=style.share(share),
        danach=style.count(back["followup_days"]),
        rate=style.share(success_rate, digits=1),
    )


def _points(share: float, *, style: Style) -> Number:
    return style.number(100 * share, digits=1)


def _sum(column: pd.Series, *, style: Style) -> Number:
    """Add up a column; blank where a part is blank."""
    return style.count(column.sum(skipna=False))
