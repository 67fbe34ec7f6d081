"""Tables of the purchase and spend models to German sentences and verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from workbench import clv, purchase_models, spend_models
from workbench.findings import share_of
from workbench.formats import Style
from workbench.outputs import Sentence, Verdict, say
from workbench.purchase_models import PurchaseModel
from workbench.second_opinion import LOG_LIKELIHOOD, TOO_MANY_PROFILES, likelihood_differences
from workbench.spend import Independence
from workbench.spend_models import SpendModel

SECOND_OPINION_TOLERANCE = 1e-4
# Units of the log-likelihood: two solutions so close are equally likely.
AS_LIKELY = 1e-4
MODELS = {
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
    "pareto_nbd": "Pareto/NBD",
    "nbd": "NBD",
    "gamma_gamma": "Gamma-Gamma",
    "spend_shrinkage": "Zum Durchschnitt gezogenes Mittel",
}
PARAMETERS = {
    "log_likelihood": "Log-Likelihood",
    "base": "Durchschnitt bei höchstens einem Wiederholungskauf",
    "slope": "Zunahme mit der Häufigkeit",
    "within": "Streuung je Kunde",
    "between": "Streuung zwischen Kunden",
    "k": "Wiederholungskäufe, bei denen beide gleich viel zählen",
}
UNITS = {"1": "ohne Einheit", "weeks": "Wochen", "days": "Tage", "currency": "Währung"}
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
    """Say whether lifetimes finds the same parameters as we do, or others as likely."""
    label = "Zweite Rechnung kommt zum gleichen Ergebnis"
    asked = comparison[comparison["lifetimes_error"] != TOO_MANY_PROFILES]
    is_parameter = asked["parameter"] != LOG_LIKELIHOOD
    failed = asked["lifetimes"].isna().any()
    largest = asked.loc[is_parameter, "relative_difference"].abs().max()
    as_likely = likelihood_differences(asked).abs().max() <= AS_LIKELY
    same = bool(largest <= SECOND_OPINION_TOLERANCE)
    agrees = not asked.empty and not failed and (same or bool(as_likely))
    if asked.empty or failed:
        sentence = say(
            "Das Paket lifetimes findet auf diesen Daten keine Lösung; unsere steht allein."
            if failed
            else "Für so viele verschiedene Kunden rechnet das Paket lifetimes zu lange; unsere "
            "Lösung steht allein."
        )
    else:
        text = (
            "Die größte Abweichung zwischen unserer Anpassung und der des Pakets "
            "lifetimes beträgt {abweichung} (erlaubt: {grenze})."
        )
        if as_likely and not same:
            text += " Beide Lösungen erklären die Daten gleich gut."
        if len(asked) < len(comparison):
            text += (
                " Für das Kaufmodell sind es zu viele verschiedene Kunden; verglichen ist der Rest."
            )
        sentence = say(
            text,
            abweichung=style.share(largest, digits=5),
            grenze=style.share(SECOND_OPINION_TOLERANCE, digits=2),
        )
    consequence = (
        say("Die Parameter sind durch zwei Programme bestätigt.")
        if agrees and same
        else say(
            "Die Vorhersagen sind durch zwei Programme bestätigt, die Parameter nicht einzeln."
        )
        if agrees
        else say("Lassen Sie die Parameter prüfen, bevor Sie mit den Werten planen.")
    )
    return Verdict("clv_second_opinion", label, agrees, sentence, consequence)


def no_second_opinion() -> Sentence:
    """Say that the other package knows neither model."""
    return say("Das Paket lifetimes kennt dieses Modell nicht; eine zweite Rechnung gibt es nicht.")


def named(comparison: pd.DataFrame) -> pd.DataFrame:
    """Name models, parameters and units of `second_opinion.compare` in German."""
    return comparison.replace({"unit": UNITS, "model": MODELS, "parameter": PARAMETERS})


class Fitted(NamedTuple):
    """Both models of a day, and the profiles behind the purchase model."""

    model: PurchaseModel
    profiles: pd.DataFrame
    spend_model: SpendModel


def fits(fitted: Mapping[pd.Timestamp, Fitted]) -> pd.DataFrame:
    """Put the parameters of several fits below each other, named in German.

    Parameters
    ----------
    fitted : mapping
        Last day of the data fitted to, to the two models.
    """
    table = clv.parameter_table(
        {
            day: {
                model.name: purchase_models.interval_table(model, profiles=profiles),
                spend_model.name: spend_models.parameter_table(spend_model),
            }
            for day, (model, profiles, spend_model) in fitted.items()
        }
    )
    return named(table)


def parameter_rule(table: pd.DataFrame) -> Sentence:
    """Say what the intervals of `fits` are, and where the data leave an end open."""
    text = (
        "Geschätzte Parameter mit Standardfehler und Unsicherheitsbereich. Der Bereich des "
        "Kaufmodells umfasst die Werte, mit denen es die Daten fast so gut erklärt wie mit dem "
        "geschätzten (Profil-Likelihood)."
    )
    if (table["upper"] == math.inf).any():
        text += " Ein Strich heißt: Die Daten setzen keine obere Grenze."
    if (table["lower"] == 0).any():
        text += " Eine Null heißt: Die Daten setzen keine untere Grenze."
    return say(text)


def no_value(*, recent: float, horizon_days: int, style: Style) -> Sentence:
    """Say that the data bear no value of the base, and what to plan with instead."""
    text = "Einen verlässlichen Kundenwert geben diese Daten nicht her."
    if pd.isna(recent):
        return say(text)
    return say(
        text + " Planen Sie mit dem, was die "
        "Kunden zuletzt brachten: {zuvor} in den letzten {tage} Tagen.",
        zuvor=style.money(recent),
        tage=style.count(horizon_days),
    )


def no_single_values() -> Sentence:
    """Say why no values of single customers or groups are shown."""
    return say(
        "Weil das Modell die Probe nicht besteht, zeigen wir keine Werte einzelner Kunden oder "
        "Gruppen. Sie sähen genauer aus, als sie sind."
    )


def value_note(horizon_days: int, annual_discount_rate: float, *, style: Style) -> Sentence:
    """Say over which time the value counts and how it is discounted."""
    return say(
        "in den nächsten {tage} Tagen, abgezinst mit {zins} im Jahr",
        tage=style.count(horizon_days),
        zins=style.share(annual_discount_rate, digits=1),
    )


def ahead_note(horizon_days: int, *, style: Style) -> Sentence:
    """Say how far ahead purchases are counted."""
    return say("in den nächsten {tage} Tagen", tage=style.count(horizon_days))


def revenue_note(margin: float, *, style: Style) -> Sentence:
    """Say that the value above is what is left of this revenue."""
    return say(
        "Die Kundenwerte dieser Seite sind Deckungsbeitrag, {marge} davon",
        marge=style.share(margin, digits=1),
    )


def residual(total: float, *, within: float, horizon_days: int, style: Style) -> Sentence:
    """Say what the base is worth without a horizon, and how much of it lies within.

    Parameters
    ----------
    total : float
        Sum of `clv.residual_value`.
    within : float
        Sum of the values in the horizon.
    horizon_days : int
        That of `within`.
    style : Style
        How numbers are written.
    """
    return say(
        "Ohne zeitliche Grenze gerechnet, sind die Kunden von heute {wert} wert; {anteil} davon "
        "fallen in die nächsten {tage} Tage. Je weiter die Rechnung vorausblickt, desto weniger "
        "ist sie geprüft.",
        wert=style.money(total),
        anteil=style.share(share_of(within, total)),
        tage=style.count(horizon_days),
    )


def median_note(scores: pd.DataFrame, *, style: Style) -> Sentence:
    """Say what a customer in the middle is worth."""
    return say(
        "die Hälfte der Kunden ist weniger als {median} wert",
        median=style.money(scores["clv"].median(), digits=2),
    )


def value(
    scores: pd.DataFrame,
    *,
    recent: float,
    past_days: int,
    horizon_days: int,
    margin: float,
    style: Style,
) -> Sentence:
    """Say what the customers of today will bring, beside what they brought last.

    `recent` is their money of the last `past_days`, times the margin; missing if
    it is that of too few.
    """
    kind = "Umsatz" if margin == 1 else "Deckungsbeitrag"
    before = "; in den letzten {tage_zuvor} Tagen waren es {zuvor}" if pd.notna(recent) else ""
    return say(
        "Die {kunden} Kunden von heute bringen in den nächsten {tage} Tagen voraussichtlich {wert} "
        + kind
        + " (abgezinst)"
        + before
        + ". Kunden, die erst noch kommen, sind in der Vorhersage nicht enthalten.",
        kunden=style.count(len(scores)),
        tage=style.count(horizon_days),
        wert=style.money(scores["clv"].sum()),
        tage_zuvor=style.count(past_days),
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
