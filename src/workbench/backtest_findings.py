"""Tables of the backtests and intervals to German sentences and a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from workbench.backtests import Backtest, Origins
from workbench.formats import Style
from workbench.gates import Choice
from workbench.gates import Verdict as Judged
from workbench.intervals import LEVEL, Band
from workbench.outputs import Sentence, Verdict, say

NAMES = {
    "nbd": "NBD ohne Abwanderung",
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
    "pareto_nbd": "Pareto/NBD",
    "own_rate": "Eigene Kaufrate",
    "same_count_again": "Gleich viele Käufe wie bisher",
    "last_period": "So viele Käufe wie im letzten Zeitraum",
    "cohort_mean": "Alle wie der Durchschnitt ihres Startmonats",
    "hiatus": "Eigene Kaufrate, außer nach langer Stille",
    "nobody_buys": "Niemand kauft",
}
ORIGINS = {
    "disjoint": "Die Prüfzeiträume folgen lückenlos aufeinander.",
    "overlapping": "Die Prüfzeiträume überlappen sich, weil die Daten für getrennte zu kurz sind.",
    "few": "Mehr Stichtage geben die Daten nicht her.",
}
REASONS = {
    "error": "der Fehler (RMSE) ist nicht nachweisbar kleiner",
    "order": "die Reihenfolge der Kunden ist schlechter",
    "sum": "die Summe liegt weiter daneben",
    "signal": "aus dem Verhalten des einzelnen Kunden lässt sich hier nichts vorhersagen",
}
LABEL = "Modell an mehreren Stichtagen besser"


def verdict(judged: Judged, *, style: Style) -> Verdict:
    """Say whether the chosen model beats every naive forecast over all origins."""
    if judged.code == "untested":
        sentence = say(
            f"{NAMES[judged.model]}, mit dem die Kundenwerte gerechnet sind, lässt sich an keinem "
            "Stichtag prüfen."
        )
        consequence = say("Ob die Kundenwerte stimmen, weiß niemand. Planen Sie nicht mit ihnen.")
        return Verdict("clv_backtest", LABEL, False, sentence, consequence)
    head = {
        "better": "besser als alle einfachen Verfahren",
        "tied": "gleichauf mit dem besten einfachen Verfahren",
        "worse": "schlechter als das beste einfache Verfahren",
    }[judged.code]
    why = "" if not judged.reasons else "; " + "; ".join(REASONS[code] for code in judged.reasons)
    low, high = judged.error_gain_lower, judged.error_gain_upper
    sentence = say(
        f"{NAMES[judged.model]} ist {head}. Gegenüber „{NAMES[judged.best_naive]}“, dem besten von "
        "ihnen, ist der Fehler (RMSE) um {gewinn} "
        + _than(judged.error_gain)
        + " (Unsicherheitsbereich: {von} "
        + _than(low)
        + " bis {bis} "
        + _than(high)
        + "); an {gewonnen} von {stichtage} Stichtagen liegt das Modell vorn"
        + why
        + ".",
        gewinn=style.share(abs(judged.error_gain), digits=1),
        von=style.share(abs(low), digits=1),
        bis=style.share(abs(high), digits=1),
        gewonnen=style.count(judged.n_origins_won),
        stichtage=style.count(judged.n_origins),
    )
    consequence = {
        "better": say("Die Rangfolge der Kunden und die erwarteten Käufe dürfen verwendet werden."),
        "tied": say("Das einfache Verfahren genügt; das Modell schadet nicht, hilft aber kaum."),
        "worse": say("Planen Sie mit dem einfachen Verfahren, nicht mit den Kundenwerten."),
    }[judged.code]
    return Verdict("clv_backtest", LABEL, judged.code == "better", sentence, consequence)


def choice(chosen: Choice, placed: Origins, *, published: str, style: Style) -> Sentence:
    """Say at how many origins the models were tried, which is best, and which is published."""
    head = "Geprüft wurde an {stichtage} Stichtagen. " + ORIGINS[placed.code]
    numbers = {"stichtage": style.count(len(placed.days))}
    if not chosen.name:
        return say(head + " Keines der Modelle lässt sich anpassen.", **numbers)
    reason = {
        "lowest_error": "sein Fehler ist der kleinste",
        "simplest_of_tied": "unter den fast gleich guten ist es das einfachste",
        "only_one": "kein anderes lässt sich am letzten Stichtag anpassen",
    }[chosen.code]
    text = f"{head} Die Wahl fällt auf {NAMES[chosen.name]}: {reason}."
    if chosen.name != published:
        text += (
            f" Die Kundenwerte dieser Seite rechnen mit {NAMES[published]}; das Urteil gilt ihm."
        )
    return say(text, **numbers)


def accuracy(test: Backtest) -> pd.DataFrame:
    """Average the measures of each forecast over the origins, named in German."""
    table = test.purchases.measures.groupby("forecast", sort=False).mean()
    return table.rename(index=NAMES).rename_axis("forecast")


def value_range(band: Band, *, misses: Sequence[float], style: Style) -> Sentence:
    """Say how far the value of the base may be off.

    Parameters
    ----------
    band : Band
        The widened interval.
    misses : sequence of float
        From `candidates.revenue_misses`.
    style : Style
        How to write numbers.
    """
    if not misses:
        return say(
            "Der Wert des Kundenstamms liegt nach dem Modell allein zwischen {von} und {bis}. "
            "Dieser Bereich ist zu eng: Was das Modell früher verfehlte, ließ sich nicht messen.",
            von=style.money(band.low),
            bis=style.money(band.high),
        )
    text = (
        "Rechnen Sie mit {von} bis {bis}: An {stichtage} früheren Stichtagen lag dieselbe Rechnung "
        "beim Umsatz höchstens um den Faktor {faktor} daneben."
    )
    numbers = {
        "von": style.money(band.low),
        "bis": style.money(band.high),
        "stichtage": style.count(len(misses)),
        "faktor": style.number(math.exp(max(misses))),
    }
    # So many past misses cannot promise more: one of n + 1 may be the largest.
    promised = len(misses) / (len(misses) + 1)
    if promised < LEVEL:
        text += " So wenige Proben sichern den Bereich nur in etwa {sicher} der Fälle."
        numbers["sicher"] = style.share(promised)
    return say(text, **numbers)


def _than(gain: float) -> str:
    return "kleiner" if gain >= 0 else "größer"
