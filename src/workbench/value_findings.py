"""Tables of the purchase and spend models to German sentences and verdicts."""

from __future__ import annotations

import pandas as pd

from workbench.evaluation import MAX_CONCORDANCE_LOSS, MIN_RMSE_GAIN, PurchaseVerdict
from workbench.findings import share_of
from workbench.formats import Style
from workbench.outputs import Sentence, Verdict, say
from workbench.spend import Independence

SECOND_OPINION_TOLERANCE = 1e-4
HOLDOUT_LABEL = "Kaufmodell besser als einfache Verfahren"
MODELS = {"bg_nbd": "BG/NBD", "gamma_gamma": "Gamma-Gamma"}
UNITS = {"1": "ohne Einheit", "weeks": "Wochen", "days": "Tage", "currency": "Währung"}
FORECASTS = {
    "bgnbd": "BG/NBD-Modell",
    "same_count_again": "Gleich viele Käufe wie bisher",
    "own_rate": "Eigene Kaufrate",
    "population_mean": "Alle wie der Durchschnitt",
    "nobody_buys": "Niemand kauft",
}
POLICIES = {
    "net": "Retoure mindert ihren Kauf",
    "same_day": "Retoure mindert den Tag, an dem sie eingeht",
    "drop": "Retouren bleiben außer Acht",
    "separate": "Retouren stehen in einer eigenen Tabelle",
}
CAUTIONS = {
    "": "Die Anpassung ist rechnerisch eindeutig: Es gibt genau eine beste Lösung.",
    "no_dropout": "Achtung: Nach dem Modell wandert fast niemand ab. Die Daten sagen zu wenig "
    "darüber, wer gegangen ist; die Aktivitätswahrscheinlichkeit ist dann kaum zu gebrauchen.",
    "flat_ridge": "Achtung: Mehrere Lösungen sind fast gleich gut. Summen sind verlässlicher als "
    "Werte einzelner Kunden.",
}


def independence(found: Independence, *, style: Style) -> Sentence:
    """Say whether spend per purchase goes with the number of purchases."""
    size = abs(found.correlation)
    word = "kaum" if size < 0.1 else "schwach" if size < 0.3 else "deutlich"
    return say(
        "Unter Wiederkäufern hängen Kaufbetrag und Häufigkeit " + word + " zusammen "
        "(Korrelation {r}, Unsicherheitsbereich {von} bis {bis}).",
        r=style.number(found.correlation),
        von=style.number(found.lower),
        bis=style.number(found.upper),
    )


def caution(code: str) -> Sentence:
    """Say whether the fit of the purchase model is well determined."""
    return say(CAUTIONS[code])


def purchase_verdict(verdict: PurchaseVerdict, *, style: Style) -> Verdict:
    """Say whether the purchase model beats the naive forecasts, and what follows."""
    rival = FORECASTS[verdict.best_naive]
    if verdict.passed:
        sentence = say(
            "Der Fehler des Modells (RMSE) ist {gewinn} kleiner als der des besten einfachen "
            "Verfahrens, „"
            + rival
            + "“. Seine Summe liegt {abweichung} "
            + _side(verdict.bias)
            + " dem, was gekauft wurde; die des einfachen Verfahrens {einfach} dar"
            + _side(verdict.naive_bias)
            + ".",
            gewinn=style.share(verdict.rmse_gain, digits=1),
            abweichung=style.share(abs(verdict.bias), digits=1),
            einfach=style.share(abs(verdict.naive_bias), digits=1),
        )
        consequence = say(
            "Die erwarteten Käufe dürfen verwendet werden. Geprüft ist ihre Zahl, nicht der "
            "Betrag. Wie weit der Wert des Kundenstamms danebenliegen kann, sagt sein Bereich oben."
        )
    else:
        reasons = [
            text
            for holds, text in (
                (verdict.lower_rmse, "der Fehler (RMSE) ist nicht klein genug"),
                (verdict.keeps_ranking, "die Reihenfolge der Kunden ist schlechter"),
                (verdict.keeps_bias, "die Summe liegt weiter daneben"),
            )
            if not holds
        ]
        sentence = say(
            "Gegenüber „"
            + rival
            + "“, dem besten einfachen Verfahren, besteht das Modell nicht: "
            + "; ".join(reasons)
            + ". Sein Fehler (RMSE) ist um {gewinn} "
            + ("kleiner" if verdict.rmse_gain >= 0 else "größer")
            + ", seine Summe liegt {abweichung} "
            + _side(verdict.bias)
            + " dem, was gekauft wurde.",
            gewinn=style.share(abs(verdict.rmse_gain), digits=1),
            abweichung=style.share(abs(verdict.bias), digits=1),
        )
        consequence = (
            say("Verwenden Sie die Kundenwerte nicht: Schon „Niemand kauft“ trifft besser.")
            if verdict.best_naive == "nobody_buys"
            else say("Planen Sie mit dem einfachen Verfahren, nicht mit den Kundenwerten.")
        )
    return Verdict(
        "clv_holdout",
        HOLDOUT_LABEL,
        verdict.passed,
        sentence,
        consequence,
    )


def untested_verdict() -> Verdict:
    """Say that a purchase model was fitted but could not be put to the test."""
    return Verdict(
        "clv_holdout",
        HOLDOUT_LABEL,
        False,
        say("Das Modell ließ sich auf dem Lernzeitraum nicht anpassen, deshalb fehlt die Probe."),
        say("Behandeln Sie die Kundenwerte als ungeprüfte Schätzung."),
    )


def purchase_rule(*, style: Style) -> Sentence:
    """State the rule behind `purchase_verdict`."""
    return say(
        "Regel: Der Fehler (RMSE) muss mindestens {gewinn} kleiner sein als bei jedem einfachen "
        "Verfahren. Die Konkordanz (Anteil der Kundenpaare in richtiger Reihenfolge; Gleichstand "
        "zählt halb) darf höchstens {rang} unter der besten liegen. Die Summe darf nicht weiter "
        "danebenliegen als beim besten einfachen Verfahren.",
        gewinn=style.share(MIN_RMSE_GAIN),
        rang=style.number(MAX_CONCORDANCE_LOSS),
    )


def ranking(accuracy: pd.DataFrame, *, model: str, style: Style) -> Sentence:
    """Say whether Spearman's rho would rank the model differently from the concordance."""
    naive = accuracy.drop(index=model)
    ours = accuracy.loc[model, "rank_correlation"]
    best = naive["rank_correlation"].max()
    better = accuracy.loc[model, "concordance"] >= naive["concordance"].max()
    if not (better and ours < best):
        return say(
            "Konkordanz und Rangkorrelation kommen zum gleichen Schluss über die Reihenfolge der "
            "Kunden."
        )
    return say(
        "Nach der Rangkorrelation ordnet ein einfaches Verfahren besser ({einfach} gegen "
        "{modell}). Sie zieht auch dann Punkte ab, wenn ein Verfahren Kunden unterscheidet, die "
        "später alle nichts kauften; deshalb richtet sich das Urteil nach der Konkordanz.",
        einfach=style.number(best, digits=3),
        modell=style.number(ours, digits=3),
    )


def by_frequency(comparison: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far the expected purchases are from the actual ones in sum."""
    shown = comparison.dropna()
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    actual = (shown["customers"] * shown["actual"]).sum()
    expected = (shown["customers"] * shown["expected"]).sum()
    return say(
        "Das Modell erwartet {erwartet} Käufe, gekauft wurde {beobachtet} Mal",
        erwartet=style.count(expected),
        beobachtet=style.count(actual),
    )


def by_frequency_alt(comparison: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the comparison by frequency."""
    return say(
        "Zwei Linien, beobachtete und erwartete mittlere Käufe im Prüfzeitraum, über der Zahl der "
        "Wiederholungskäufe. Beobachtet steigt sie von {unten} auf {oben}, "
        "erwartet von {unten_e} auf {oben_e}.",
        unten=style.number(comparison["actual"].iloc[0]),
        oben=style.number(comparison["actual"].iloc[-1]),
        unten_e=style.number(comparison["expected"].iloc[0]),
        oben_e=style.number(comparison["expected"].iloc[-1]),
    )


def tracking(weeks: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far the expected purchases of the holdout are from the actual ones."""
    later = weeks.loc[weeks["is_holdout"], ["actual", "expected"]].sum()
    gap = share_of(later["expected"], later["actual"]) - 1
    return say(
        "Nach dem Ende des Lernens liegt die erwartete Summe {abweichung} "
        + _side(gap)
        + " der beobachteten",
        abweichung=style.share(abs(gap), digits=1),
    )


def tracking_alt(weeks: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the tracking curve."""
    return say(
        "Zwei steigende Kurven über {wochen} Wochen: beobachtet bis {beobachtet}, "
        "erwartet bis {erwartet} Wiederholungskäufe.",
        wochen=style.count(len(weeks)),
        beobachtet=style.count(weeks["cumulative_actual"].iloc[-1]),
        erwartet=style.count(weeks["cumulative_expected"].iloc[-1]),
    )


def second_opinion(comparison: pd.DataFrame, *, style: Style) -> Verdict:
    """Say whether lifetimes finds the same parameters as we do."""
    label = "Zweite Rechnung kommt zum gleichen Ergebnis"
    failed = comparison["lifetimes"].isna()
    largest = comparison["relative_difference"].abs().max()
    agrees = not failed.any() and bool(largest <= SECOND_OPINION_TOLERANCE)
    if failed.any():
        sentence = say(
            "Das Paket lifetimes findet auf diesen Daten keine Lösung; unsere steht allein."
        )
    else:
        sentence = say(
            "Die größte Abweichung zwischen unserer Anpassung und der des Pakets "
            "lifetimes beträgt {abweichung} (erlaubt: {grenze}).",
            abweichung=style.share(largest, digits=5),
            grenze=style.share(SECOND_OPINION_TOLERANCE, digits=2),
        )
    consequence = (
        say("Die Parameter sind durch zwei Programme bestätigt.")
        if agrees
        else say("Lassen Sie die Parameter prüfen, bevor Sie mit den Werten planen.")
    )
    return Verdict("clv_second_opinion", label, agrees, sentence, consequence)


def value_note(horizon_days: int, annual_discount_rate: float, *, style: Style) -> Sentence:
    """Say over which time the value counts and how it is discounted."""
    return say(
        "in den nächsten {tage} Tagen, abgezinst mit {zins} im Jahr",
        tage=style.count(horizon_days),
        zins=style.share(annual_discount_rate, digits=1),
    )


def median_note(scores: pd.DataFrame, *, style: Style) -> Sentence:
    """Say what a customer in the middle is worth."""
    return say(
        "die Hälfte der Kunden ist weniger als {median} wert",
        median=style.money(scores["clv"].median(), digits=2),
    )


def value(
    scores: pd.DataFrame, *, recent: float, horizon_days: int, margin: float, style: Style
) -> Sentence:
    """Say what the customers of today will bring, beside what they brought last.

    `recent` is their money of the last `horizon_days`, times the margin.
    """
    kind = "Umsatz" if margin == 1 else "Deckungsbeitrag"
    return say(
        "Die {kunden} Kunden von heute bringen in den nächsten {tage} Tagen voraussichtlich {wert} "
        + kind
        + " (abgezinst); in den letzten {tage_zuvor} Tagen waren es {zuvor}. Kunden, die erst noch "
        "kommen, sind in der Vorhersage nicht enthalten.",
        kunden=style.count(len(scores)),
        tage=style.count(horizon_days),
        wert=style.money(scores["clv"].sum()),
        tage_zuvor=style.count(horizon_days),
        zuvor=style.money(recent),
    )


def deciles(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how much more the best tenth is worth than the middle."""
    return say(
        "Ein Kunde im besten Zehntel ist im Mittel {wert} wert, im fünften {mitte}",
        wert=style.money(table["mean_value"].iloc[0]),
        mitte=style.money(table["mean_value"].iloc[4]),
    )


def deciles_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of value by decile."""
    return say(
        "Fallende Säulen für {zahl} Zehntel der Kunden, vom wertvollsten mit {oben} "
        "bis zum letzten mit {unten} je Kunde.",
        zahl=style.count(len(table)),
        oben=style.money(table["mean_value"].iloc[0]),
        unten=style.money(table["mean_value"].iloc[-1]),
    )


def _side(difference: float) -> str:
    return "über" if difference >= 0 else "unter"


def no_returns() -> Sentence:
    """Say that there is nothing to choose."""
    return say("Die Daten enthalten keine Retouren; die Zählweise ändert nichts.")


def return_policies(table: pd.DataFrame, *, chosen: str, style: Style) -> Sentence:
    """Say how much of the value of the base hangs on the way returns are counted."""
    values = table["value"].dropna()
    if chosen not in values.index or len(values) < 2 or values[chosen] <= 0:
        return say(
            "Nicht unter jeder Zählweise lassen sich die Modelle anpassen; die Tabelle nennt, "
            "was bleibt. Gewählt ist: " + POLICIES[chosen] + "."
        )
    low, high = values.min(), values.max()
    head = "" if len(values) == len(table) else "Unter den Zählweisen, die ein Modell tragen: "
    return say(
        head
        + "Je nachdem, wie Retouren zählen, beträgt der Wert des Kundenstamms {von} bis {bis}; "
        "das ist ein Unterschied von {anteil}. Gewählt ist: " + POLICIES[chosen] + ".",
        von=style.money(low),
        bis=style.money(high),
        anteil=style.share((high - low) / values[chosen], digits=1),
    )
