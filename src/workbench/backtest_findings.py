"""Tables of the backtests and intervals to German sentences and a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from workbench import measured_coverage as measured
from workbench import published_model
from workbench.backtests import Backtest, Origins
from workbench.formats import Style
from workbench.gates import MAX_BIAS_LOSS, MAX_CONCORDANCE_LOSS, MIN_RMSE_GAIN, Choice
from workbench.gates import Verdict as Judged
from workbench.intervals import Band
from workbench.outputs import Sentence, Verdict, say
from workbench.published_model import Published

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
PROBLEMS = {
    "no_dropout": "nach diesem Modell wandert fast niemand ab",
    "flat_ridge": "viele Lösungen sind fast gleich gut",
    "no_interior_optimum": "es gibt keine eindeutige Lösung",
    "too_few_data": "die Daten sind zu wenige",
}
MEASURED = {
    "real data": "CDNOW, Online Retail und Musterhandel",
    "simulated, steady": "Erfunden, gleichmäßige Nachfrage",
    "simulated, unsteady": "Erfunden, schwankende Nachfrage",
}
NOBODY_LEAVES = (
    " Ob und wann Kunden gehen, lässt sich aus diesen Daten nicht bestimmen; das Modell rechnet "
    "deshalb so, als ginge niemand."
)
LABEL = "Modell an mehreren Stichtagen besser"


def verdict(judged: Judged, *, style: Style) -> Verdict:
    """Say whether the chosen model beats every naive forecast over all origins."""
    if judged.code == "untested":
        return untested(judged.model)
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
        + ". Seine Summe liegt im Mittel {abweichung} "
        + ("über" if judged.bias >= 0 else "unter")
        + " dem, was gekauft wurde.",
        gewinn=style.share(abs(judged.error_gain), digits=1),
        von=style.share(abs(low), digits=1),
        bis=style.share(abs(high), digits=1),
        gewonnen=style.count(judged.n_origins_won),
        abweichung=style.share(abs(judged.bias), digits=1),
        stichtage=style.count(judged.n_origins),
    )
    consequence = {
        "better": say("Die Rangfolge der Kunden und die erwarteten Käufe dürfen verwendet werden."),
        "tied": say("Das einfache Verfahren genügt; das Modell schadet nicht, hilft aber kaum."),
        "worse": say("Planen Sie mit dem einfachen Verfahren, nicht mit den Kundenwerten.")
        if judged.best_naive != "nobody_buys"
        else say("Verwenden Sie die Kundenwerte nicht: Schon „Niemand kauft“ trifft besser."),
    }[judged.code]
    return Verdict("clv_backtest", LABEL, judged.code == "better", sentence, consequence)


def untested(model: str) -> Verdict:
    """Say that a model's values are published although no backtest could be made."""
    sentence = say(
        f"{NAMES[model]}, mit dem die Kundenwerte gerechnet sind, lässt sich an keinem Stichtag "
        "prüfen."
    )
    consequence = say("Ob die Kundenwerte stimmen, weiß niemand. Planen Sie nicht mit ihnen.")
    return Verdict("clv_backtest", LABEL, False, sentence, consequence)


def choice(chosen: Choice, placed: Origins, *, style: Style) -> Sentence:
    """Say at how many origins the models were tried, and which one did best there."""
    head = "Geprüft wurde an {stichtage} Stichtagen. " + ORIGINS[placed.code]
    numbers = {"stichtage": style.count(len(placed.days))}
    if not chosen.name:
        return say(head + " Keines der Modelle lässt sich anpassen.", **numbers)
    reason = {
        "lowest_error": "sein Fehler ist der kleinste",
        "simplest_of_tied": "unter den fast gleich guten ist es das einfachste",
        "only_one": "kein anderes lässt sich am letzten Stichtag anpassen",
    }[chosen.code]
    return say(f"{head} Die Wahl fällt auf {NAMES[chosen.name]}: {reason}.", **numbers)


def published(found: Published) -> Sentence:
    """Say which model the values rest on, and why others were passed over."""
    name = NAMES[found.model.name]
    passed = "; ".join(
        f"{NAMES[model]}: {PROBLEMS[why]}" for model, why in found.passed_over.items()
    )
    if found.code == "chosen":
        text = f"Die Kundenwerte rechnen mit dem gewählten Modell, {name}."
        return say(text + (NOBODY_LEAVES if found.model.name == "nbd" else ""))
    if found.code == "next_best":
        return say(
            f"Die Kundenwerte rechnen mit {name}, dem nächstbesten. Auf allen Daten fallen aus: "
            f"{passed}."
        )
    text = (
        f"Die Kundenwerte rechnen mit {name}; an früheren Stichtagen ließ sich kein Modell prüfen."
    )
    return say(text + (f" Auf allen Daten fallen aus: {passed}." if passed else ""))


def models(found: Published, *, chosen: Choice | None) -> pd.DataFrame:
    """Name the rows of `published_model.table` and say in words how each fit came out."""
    table = published_model.table(found, choice=chosen)
    words = table["problem"].map({"": "angepasst", **PROBLEMS})
    role = table["is_published"].map({True: "ja", False: "nein"})
    return table.assign(problem=words, is_published=role).rename(index=NAMES)


def accuracy(test: Backtest) -> pd.DataFrame:
    """Average the measures of each forecast over the origins, named in German."""
    table = test.purchases.measures.groupby("forecast", sort=False).mean()
    return table.rename(index=NAMES).rename_axis("forecast")


def money_accuracy(test: Backtest) -> pd.DataFrame:
    """Average the measures of each forecast of revenue over the origins, named in German."""
    table = test.revenue.measures.groupby("forecast", sort=False).mean()
    return table.rename(index=NAMES).rename_axis("forecast")


def money(judged: Judged, *, style: Style) -> Sentence:
    """Say whether the model beats the naive forecasts of revenue too."""
    if judged.code == "untested":
        return say("Beim Umsatz lässt sich das Modell an keinem Stichtag prüfen.")
    head = {
        "better": "Auch beim Umsatz ist das Modell besser als alle einfachen Verfahren",
        "tied": "Beim Umsatz ist das Modell gleichauf mit dem besten einfachen Verfahren",
        "worse": "Beim Umsatz ist das Modell schlechter als das beste einfache Verfahren",
    }[judged.code]
    return say(
        f"{head}: Gegenüber „{NAMES[judged.best_naive]}“ ist sein Fehler (RMSE) um {{gewinn}} "
        f"{_than(judged.error_gain)}; seine Summe liegt im Mittel {{abweichung}} "
        + ("über" if judged.bias >= 0 else "unter")
        + " dem, was bezahlt wurde.",
        gewinn=style.share(abs(judged.error_gain), digits=1),
        abweichung=style.share(abs(judged.bias), digits=1),
    )


def rule(*, style: Style) -> Sentence:
    """State the rule behind `verdict`."""
    return say(
        "Mittel über die Stichtage; Fehler in Käufen je Kunde. Regel: Der Fehler (RMSE) muss "
        "mindestens {gewinn} kleiner sein als beim besten einfachen Verfahren, und der "
        "Unsicherheitsbereich dieses Gewinns muss über null liegen. Die Konkordanz (Anteil der "
        "Kundenpaare in richtiger Reihenfolge; Gleichstand zählt halb) darf höchstens {rang} unter "
        "der besten liegen, die Summe höchstens {summe} weiter danebenliegen. Und das Modell muss "
        "Kunden desselben Startmonats besser ordnen als der Zufall. Jeder Stichtag zählt gleich; "
        "das Urteil kann vom Verhältnis der Mittel etwas abweichen.",
        gewinn=style.share(MIN_RMSE_GAIN),
        rang=style.number(MAX_CONCORDANCE_LOSS),
        summe=style.share(MAX_BIAS_LOSS),
    )


def value_range(
    band: Band,
    *,
    misses: Sequence[float],
    proven: pd.Series | None,
    window_days: int,
    horizon_days: int,
    style: Style,
) -> Sentence:
    """Say how far the value of the base may be off.

    Parameters
    ----------
    band : Band
        The widened interval.
    misses : sequence of float
        From `candidates.revenue_misses`.
    proven : Series of bool, or None
        From `candidates.coverage`: whether such a range held at an earlier origin.
    window_days, horizon_days : int
        Length of the windows that were missed, and of the forecast.
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
        "Rechnen Sie mit {von} bis {bis}. An {stichtage} früheren Stichtagen lag dieselbe Rechnung "
        "beim Umsatz der nächsten {fenster} Tage um bis zu {faktor} daneben; der Bereich lässt "
        "entsprechend Platz"
    )
    if horizon_days > window_days:
        text += ", und mehr für {tage} Tage"
    text += "."
    if proven is not None and len(proven):
        text += " In der Probe hielt ein solcher Bereich an {gehalten} von {proben} Stichtagen."
    return say(
        text,
        gehalten=style.count(0 if proven is None else int(proven.sum())),
        proben=style.count(0 if proven is None else len(proven)),
        von=style.money(band.low),
        bis=style.money(band.high),
        stichtage=style.count(len(misses)),
        fenster=style.count(window_days),
        faktor=style.share(math.expm1(max(misses))),
        tage=style.count(horizon_days),
    )


def measured_coverage() -> pd.DataFrame:
    """Name the data on which the intervals were measured."""
    return measured.pooled().rename(index=MEASURED).rename_axis("data_set")


def coverage(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how often the intervals held, against what they promise.

    Parameters
    ----------
    table : DataFrame
        From `measured_coverage`.
    style : Style
        How to write numbers.
    """
    real = table.loc[MEASURED["real data"]]
    worst = table["total_value_widened"].idxmin()
    return say(
        "Versprochen sind {versprochen}. Gemessen an {prognosen} Prognosen: Einzelne Kunden lagen "
        "in {kunden} der Fälle in ihrem Bereich, der Umsatz aller Kunden nach dem Modell allein in "
        "{modell}, im aufgeweiteten Bereich in {summe}. Am schlechtesten hielt er bei "
        f"„{worst}“: in {{schlechtest}} der Fälle.",
        versprochen=style.share(measured.NOMINAL),
        prognosen=style.count(real["origins"]),
        kunden=style.share(real["customer_value"]),
        modell=style.share(real["total_value"]),
        summe=style.share(real["total_value_widened"]),
        schlechtest=style.share(table["total_value_widened"].min()),
    )


def coverage_rule() -> Sentence:
    """Say what the columns of the measured coverage are."""
    return say(
        "Anteil der Fälle, in denen der Bereich die Wahrheit enthielt. Der erweiterte Bereich "
        "kannte nur Stichtage vor dem geprüften. Die erfundenen Daten haben eine bekannte "
        "Wahrheit; bei schwankender Nachfrage kommen Saison, Trend oder Einbrüche vor, von denen "
        "das Modell nichts weiß."
    )


def _than(gain: float) -> str:
    return "kleiner" if gain >= 0 else "größer"
