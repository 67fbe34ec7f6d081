"""Tables of the return after a silence and of the money of a campaign to German sentences."""

from __future__ import annotations

import pandas as pd

from workbench import offers
from workbench.formats import Number, Style
from workbench.offers import Offer
from workbench.outputs import KeyFigure, KeyFigures, Sentence, key_figures, say
from workbench.retention_profit import Profit
from workbench.return_curve import FOLLOWUP_DAYS

# What `outputs.attempt` says is lacking for the curve, and for the choice of a horizon.
CURVE_NEEDS = "genug Kaufpausen, die mindestens zwei Wochen lang beobachtet sind"
HORIZON_NEEDS = "Beobachtungen längerer Kaufpausen, in Tagen"
# A list must bring so much more than one drawn by lot.
MIN_GAIN = 0.05
RANKINGS = {
    "by_gain": "nach erwartetem Gewinn",
    "by_risk": "nach Risiko",
    "by_lot": "durch das Los",
}


def return_title(curve: pd.DataFrame, *, horizon_days: int | None, style: Style) -> Sentence:
    """Say how many customers still come back after the silence chosen, or after the longest.

    Parameters
    ----------
    curve : DataFrame
        From `return_curve.estimate`.
    horizon_days : int or None
        From `return_curve.churn_horizon_days`; None where the curve never gets so low.
    style : Style
        How numbers are written.
    """
    silent = curve.index[-1] if horizon_days is None else horizon_days
    row = curve.loc[silent]
    even = "Auch nach" if horizon_days is None else "Nach"
    within, days = _within(row, style=style)
    return say(
        even + " {tage} Tagen ohne Kauf kommen " + within + " noch {anteil} der Kunden wieder",
        tage=style.count(silent),
        anteil=style.share(row["return_share"], digits=1),
        **days,
    )


def return_alt(
    curve: pd.DataFrame, *, max_return_share: float, horizon_days: int | None, style: Style
) -> Sentence:
    """Describe the drawing of the curve of return; rows that are missing are not drawn."""
    shown = curve.dropna(subset=["return_share"])
    if shown.empty:
        return say("Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.")
    marked = {} if horizon_days is None else {"gewaehlt": style.count(horizon_days)}
    chosen = ", senkrecht die gewählten {gewaehlt} Tage" if marked else ""
    return say(
        "Linie mit Unsicherheitsband: Nach {erste} Tagen ohne Kauf kommen {von} der Kunden "
        "wieder, nach {letzte} Tagen {bis}. Waagerecht die Grenze von {grenze}" + chosen + ".",
        erste=style.count(shown.index[0]),
        von=style.share(shown["return_share"].iloc[0]),
        letzte=style.count(shown.index[-1]),
        bis=style.share(shown["return_share"].iloc[-1]),
        grenze=style.share(max_return_share),
        **marked,
    )


def return_caption() -> Sentence:
    """Say how to read the curve of return."""
    return say(
        "Anteil der Kunden, die nach einer so langen Kaufpause innerhalb eines Jahres wieder "
        "kaufen; wo die Daten nicht so weit reichen, bis zu ihrem Ende. Eine Pause, die am "
        "Stichtag noch andauert, zählt nur so lange mit, wie sie beobachtet ist."
    )


def horizon(
    curve: pd.DataFrame, *, horizon_days: int, max_return_share: float, style: Style
) -> Sentence:
    """Say which silence counts as churn, why, and what the data do not reach.

    Parameters
    ----------
    curve : DataFrame
        From `return_curve.estimate`.
    horizon_days : int
        From `return_curve.churn_horizon_days`.
    max_return_share : float
        At most this share may still come back.
    style : Style
        How numbers are written.
    """
    row = curve.loc[horizon_days]
    within, days = _within(row, style=style)
    more = " Weiter reichen die Daten nicht; in einem ganzen Jahr wären es eher mehr."
    return say(
        "Als abgewandert gilt hier, wer {tage} Tage lang nicht kauft. Das ist die kürzeste Pause "
        "in ganzen Wochen, nach der höchstens {grenze} der Kunden "
        + within
        + " wiederkommen: {anteil} (Unsicherheitsbereich: {von} bis {bis})."
        + (more if days else ""),
        tage=style.count(horizon_days),
        grenze=style.share(max_return_share),
        anteil=style.share(row["return_share"], digits=1),
        von=style.share(row["low"], digits=1),
        bis=style.share(row["high"], digits=1),
        **days,
    )


def horizon_figure(horizon_days: int, *, style: Style) -> KeyFigure:
    """Show the silence that counts as churn."""
    note = say("so lange ohne Kauf, und kaum jemand kommt wieder")
    return KeyFigure("churn_horizon", "Abgewandert nach", style.days(horizon_days), note)


def assumptions(offer: Offer, *, style: Style) -> Sentence:
    """State what the calculation of a campaign takes for granted."""
    return say(
        "Angenommen ist: Von den Angesprochenen, die sonst abwandern, bleiben {erfolg}. Von denen, "
        "die ohnehin bleiben, lösen {mitnahme} das Angebot trotzdem ein. Eine Einlösung kostet "
        "{angebot}, eine Ansprache {kontakt}, die Aktion als Ganzes {fest}. Diese Zahlen sind "
        "gesetzt und nicht gemessen; messen lassen sie sich nur mit einer zufälligen "
        "Vergleichsgruppe.",
        erfolg=style.share(offer.success_rate),
        mitnahme=style.share(offer.uptake),
        angebot=style.money(offer.incentive, digits=2),
        kontakt=style.money(offer.contact_cost, digits=2),
        fest=style.money(offer.fixed_cost),
    )


def break_even(clv: float, *, churn_rate: float, offer: Offer, style: Style) -> Sentence:
    """Say from which share of leavers on a contact pays, and how good a list must be for it.

    Parameters
    ----------
    clv : float
        Mean value of a customer who stays (currency).
    churn_rate : float
        Share of leavers among all customers.
    offer : Offer
        What a contact costs and brings.
    style : Style
        How numbers are written.
    """
    share = offers.break_even_share(clv, offer=offer)
    if share > 1:
        return say(
            "Bei einem mittleren Kundenwert von {wert} lohnt sich die Ansprache nie, auch wenn "
            "jeder Angesprochene abwandern würde.",
            wert=style.money(clv, digits=2),
        )
    lift = offers.break_even_lift(clv, churn_rate=churn_rate, offer=offer)
    rest, needed = "Das erreicht schon eine ausgeloste Liste.", {}
    if lift > 1:
        rest = "Eine Liste muss also {lift}-mal so viele von ihnen enthalten wie eine ausgeloste."
        needed = {"lift": style.number(lift)}
    return say(
        "Bei einem mittleren Kundenwert von {wert} lohnt sich die Ansprache, wenn mehr als "
        "{schwelle} der Angesprochenen abwandern würden; unter allen Kunden sind es {grundrate}. "
        + rest,
        wert=style.money(clv, digits=2),
        schwelle=style.share(share, digits=1),
        grundrate=style.share(churn_rate, digits=1),
        **needed,
    )


def profit_title(judged: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whether the list by expected gain paid on customers that did not choose its length.

    Parameters
    ----------
    judged : DataFrame
        From `retention_profit.judge`, with the row `by_gain`.
    style : Style
        How numbers are written.
    """
    row = judged.loc["by_gain"]
    share = style.share(row["contacted_share"])
    if row["contacted_share"] == 0:
        return say("Unter diesen Annahmen lohnt es sich nicht, Kunden anzusprechen")
    by_lot = judged.loc["by_lot", "profit"] if "by_lot" in judged.index else float("-inf")
    if 0 < row["profit"] <= (1 + MIN_GAIN) * by_lot:
        return say(
            "Die Auswahl bringt hier fast nichts: Die Liste hätte {gewinn} gebracht, eine "
            "ausgeloste {los}",
            gewinn=style.money(row["profit"]),
            los=style.money(by_lot),
        )
    if row["profit_low"] > 0:
        return say(
            "{anteil} der Kunden anzusprechen hätte sich unter diesen Annahmen gelohnt: {gewinn} "
            "Gewinn",
            anteil=share,
            gewinn=style.money(row["profit"]),
        )
    if row["profit_high"] < 0:
        return say(
            "{anteil} der Kunden anzusprechen hätte unter diesen Annahmen {verlust} gekostet",
            anteil=share,
            verlust=style.money(-row["profit"]),
        )
    return say(
        "Ob es sich gelohnt hätte, {anteil} der Kunden anzusprechen, ist nicht sicher",
        anteil=share,
    )


def profit(judged: pd.DataFrame, *, style: Style) -> Sentence:
    """Say what the list by expected gain brought, how sure that is, and whom it held.

    Parameters
    ----------
    judged : DataFrame
        From `retention_profit.judge`, with the row `by_gain`.
    style : Style
        How numbers are written.
    """
    row = judged.loc["by_gain"]
    if row["contacted_share"] == 0:
        return say(
            "Schon am Stichtag, der die Länge der Liste bestimmt, war mit keiner ein Gewinn zu "
            "machen. Sprechen Sie unter diesen Annahmen niemanden an."
        )
    return say(
        "Wie lang die Liste ist, hat ein früherer Stichtag bestimmt; geprüft ist sie am letzten. "
        "Die ersten {anteil} der Kunden anzusprechen, geordnet nach erwartetem Gewinn, hätte "
        + ("{betrag} gebracht" if row["profit"] >= 0 else "{betrag} gekostet")
        + " (Unsicherheitsbereich des Gewinns: {von} bis {bis}). Von den Angesprochenen wären "
        "{abgewandert} ohne Ansprache abgewandert.",
        anteil=style.share(row["contacted_share"]),
        betrag=style.money(abs(row["profit"])),
        von=style.money(row["profit_low"]),
        bis=style.money(row["profit_high"]),
        abgewandert=style.share(row["churn_rate"], digits=1),
    )


def rankings(judged: pd.DataFrame, *, style: Style) -> Sentence:
    """Set the lists by gain, by risk and by lot beside each other, each of its own length."""
    return say(
        "Jede Liste mit der Länge, die am früheren Stichtag die beste war: nach erwartetem Gewinn "
        "geordnet {gewinn}, nach Risiko geordnet {risiko}, ausgelost {los}.",
        gewinn=style.money(judged.loc["by_gain", "profit"]),
        risiko=style.money(judged.loc["by_risk", "profit"]),
        los=style.money(judged.loc["by_lot", "profit"]),
    )


def profit_alt(curves: pd.DataFrame, *, contacted_share: float, style: Style) -> Sentence:
    """Describe the drawing of the profit curves; rows that are missing are not drawn.

    Parameters
    ----------
    curves : DataFrame
        From `retention_profit.profit_curves`, of `offers.rankings`.
    contacted_share : float
        The share chosen.
    style : Style
        How numbers are written.
    """
    by_gain = curves["by_gain"].dropna()
    if by_gain.empty:
        return say("Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.")
    return say(
        "Linien des Gewinns über dem Anteil der angesprochenen Kunden. Nach erwartetem Gewinn "
        "geordnet ist er mit {hoechster} bei {bei} am höchsten und beträgt am rechten Rand "
        "{ende}; nach Risiko geordnet sind es höchstens {risiko}. Senkrecht der gewählte Anteil "
        "von {gewaehlt}.",
        hoechster=style.money(by_gain.max()),
        bei=style.share(by_gain.idxmax()),
        ende=style.money(by_gain.iloc[-1]),
        risiko=style.money(curves["by_risk"].max()),
        gewaehlt=style.share(contacted_share),
    )


def profit_caption() -> Sentence:
    """Say how to read the profit curves."""
    return say(
        "Jeder Kunde zählt mit seinem eigenen Wert und damit, ob er wirklich abgewandert ist. Die "
        "Länge der Liste ist an einem früheren Stichtag gewählt; deshalb liegt sie nicht genau am "
        "höchsten Punkt."
    )


def expected_profit(measure: Profit, *, mean_success_rate: float, style: Style) -> Sentence:
    """Say what the ranking is worth where the success rate is not known (EMPC).

    Parameters
    ----------
    measure : Profit
        From `retention_profit.empc`.
    mean_success_rate : float
        Mean of its distribution.
    style : Style
        How numbers are written.
    """
    return say(
        "Ist die Erfolgsquote unbekannt und nur ihr Mittel von {mittel} angenommen, bringt die "
        "Rangfolge nach Risiko bei jeweils bester Länge {gewinn} je Kunde (EMPC); anzusprechen "
        "wären dafür im Mittel {anteil} der Kunden.",
        mittel=style.share(mean_success_rate),
        gewinn=style.money(measure.per_customer, digits=2),
        anteil=style.share(measure.contacted_share),
    )


def figures(judged: pd.DataFrame, *, clv: float, offer: Offer, style: Style) -> KeyFigures:
    """Show how many to contact, what it brought, and from which share of leavers on it pays.

    Parameters
    ----------
    judged : DataFrame
        From `retention_profit.judge`, with the row `by_gain`.
    clv : float
        Mean value of a customer who stays (currency).
    offer : Offer
        What a contact costs and brings.
    style : Style
        How numbers are written.
    """
    row = judged.loc["by_gain"]
    share = offers.break_even_share(clv, offer=offer)
    bounds = say(
        "Unsicherheitsbereich: {von} bis {bis}",
        von=style.money(row["profit_low"]),
        bis=style.money(row["profit_high"]),
    )
    never = say("lohnt sich bei keinem Anteil")
    needed = say("so viele der Angesprochenen müssten abwandern, damit es sich lohnt")
    return key_figures(
        KeyFigure("contacted_share", "Anzusprechende Kunden", style.share(row["contacted_share"])),
        KeyFigure("campaign_profit", "Gewinn der Aktion", style.money(row["profit"]), bounds),
        KeyFigure(
            "break_even_share",
            "Gewinnschwelle",
            style.share(share if share <= 1 else float("nan"), digits=1),
            needed if share <= 1 else never,
        ),
    )


def _within(row: pd.Series, *, style: Style) -> tuple[str, dict[str, Number]]:
    """Template of the time in which a return was looked for, and its number where it needs one."""
    if row["followup_days"] >= FOLLOWUP_DAYS:
        return "innerhalb eines Jahres", {}
    return "in den nächsten {beobachtet} Tagen", {"beobachtet": style.count(row["followup_days"])}
