"""Tables of the backtests and intervals to German sentences and a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbench import measured_coverage as measured
from workbench import published_model
from workbench.backtests import Backtest, Origins
from workbench.formats import Style
from workbench.gates import MAX_BIAS_LOSS, MAX_CONCORDANCE_LOSS, MIN_RMSE_GAIN, Choice
from workbench.gates import Verdict as Judged
from workbench.intervals import LEVEL, Band
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
    "real data": "CDNOW, Online Retail, Musterhandel",
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
        + ". Seine Summe "
        + _sum_off(judged)
        + " dem, was gekauft wurde.",
        gewinn=style.share(abs(judged.error_gain), digits=1),
        von=style.share(abs(low), digits=1),
        bis=style.share(abs(high), digits=1),
        gewonnen=style.count(judged.n_origins_won),
        abweichung=style.share(judged.bias_size, digits=1),
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
        "only_one": "kein anderes gibt am letzten Stichtag eine brauchbare Lösung",
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
    rows = test.purchases.measures.groupby("forecast", sort=False)
    table = rows.mean().assign(n_origins=rows.size())
    return table.rename(index=NAMES).rename_axis("forecast")


def money_accuracy(test: Backtest) -> pd.DataFrame:
    """Average the measures of each forecast of revenue over the origins, named in German."""
    rows = test.revenue.measures.groupby("forecast", sort=False)
    table = rows.mean().assign(n_origins=rows.size())
    return table.rename(index=NAMES).rename_axis("forecast")


def money(judged: Judged, *, style: Style) -> Sentence:
    """Say whether the model beats the naive forecasts of revenue too, and what follows."""
    if judged.code == "untested":
        return say("Beim Umsatz lässt sich das Modell an keinem Stichtag prüfen.")
    rival = NAMES[judged.best_naive]
    head = {
        "better": "Auch beim Umsatz ist das Modell besser als alle einfachen Verfahren",
        "tied": "Beim Umsatz ist das Modell gleichauf mit dem besten einfachen Verfahren",
        "worse": "Beim Umsatz ist das Modell schlechter als das beste einfache Verfahren",
    }[judged.code]
    advice = f" Planen Sie den Umsatz mit „{rival}“." if judged.code == "worse" else ""
    return say(
        f"{head}: Gegenüber „{rival}“ ist sein Fehler (RMSE) um {{gewinn}} "
        f"{_than(judged.error_gain)}. Seine Summe {_sum_off(judged)} dem, was bezahlt "
        f"wurde.{advice}",
        gewinn=style.share(abs(judged.error_gain), digits=1),
        abweichung=style.share(judged.bias_size, digits=1),
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
    ratios: Sequence[float],
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
    ratios : sequence of float
        From `candidates.revenue_ratios`: forecast over truth at earlier origins.
    proven : Series of bool, or None
        From `candidates.coverage`: whether a narrower range, made of earlier misses
        alone, held at an earlier origin.
    window_days, horizon_days : int
        Length of the windows that were forecast, and of the value.
    style : Style
        How to write numbers.
    """
    if not ratios:
        return say(
            "Der Wert des Kundenstamms liegt nach dem Modell allein zwischen {von} und {bis}. "
            "Dieser Bereich ist zu eng: Was das Modell früher verfehlte, ließ sich nicht messen.",
            von=style.money(band.low),
            bis=style.money(band.high),
        )
    side = ""
    if max(ratios) < 1:
        side = ", jedes Mal zu wenig"
    elif min(ratios) > 1:
        side = ", jedes Mal zu viel"
    text = (
        "Rechnen Sie mit {von} bis {bis}. An {stichtage} früheren Stichtagen erreichte dieselbe "
        "Rechnung für {fenster} Tage {wenig} bis {viel} des tatsächlichen Umsatzes" + side + "; "
        "der Bereich lässt entsprechend Platz"
    )
    if horizon_days > window_days:
        text += ", und mehr für {tage} Tage"
    text += ". Er soll in {sicher} der Fälle halten."
    if proven is not None and len(proven):
        text += (
            " Ein engerer, der nur frühere Abweichungen kannte, hielt in der Probe an {gehalten} "
            "von {proben} Stichtagen."
        )
    return say(
        text,
        gehalten=style.count(0 if proven is None else int(proven.sum())),
        proben=style.count(0 if proven is None else len(proven)),
        von=style.money(band.low),
        bis=style.money(band.high),
        stichtage=style.count(len(ratios)),
        fenster=style.count(window_days),
        wenig=style.share(min(ratios)),
        viel=style.share(max(ratios)),
        tage=style.count(horizon_days),
        sicher=style.share(LEVEL),
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
        "Versprochen sind {versprochen}. Außerhalb dieses Berichts wurde dieselbe Rechnung an "
        "{prognosen} Prognosen geprüft, die sich überlappen: Einzelne Kunden lagen "
        "in {kunden} der Fälle in ihrem Bereich, der Umsatz aller Kunden nach dem Modell allein in "
        "{modell}, im aufgeweiteten Bereich in {summe}. Am schlechtesten hielt er bei "
        f"„{worst}“: in {{schlechtest}} der Fälle. Für Ihre Daten zählt die Tabelle darüber.",
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


def _sum_off(judged: Judged) -> str:
    """Say on which side of the truth the sums lie, without letting them cancel."""
    if judged.bias_size - abs(judged.bias) > 1e-9:
        return "liegt mal über, mal unter, im Mittel {abweichung} neben"
    side = "über" if judged.bias >= 0 else "unter"
    return f"liegt an jedem Stichtag {side}, im Mittel {{abweichung}} {side}"


def _than(gain: float) -> str:
    return "kleiner" if gain >= 0 else "größer"
