"""What the data say of the models' assumptions to German sentences and a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbench.cohort_drift import MIN_CHANGE, CohortDrift
from workbench.formats import Style
from workbench.outputs import Missing, Sentence, Verdict, say
from workbench.regularity import IRREGULAR_BELOW, REGULAR_ABOVE, Regularity
from workbench.spend import Independence
from workbench.spend_models import MAX_CORRELATION, SpendChoice, is_tied

LABEL = "Voraussetzungen des Modells"
FORECASTS = {
    "gamma_gamma": "Gamma-Gamma",
    "spend_shrinkage": "Zum Durchschnitt gezogenes Mittel",
    "own_mean": "Eigener Durchschnittsbetrag",
    "base_mean": "Durchschnitt aller Wiederkäufer",
}
CHOICES = {
    "holds": "Der Betrag je Kauf kommt aus dem Gamma-Gamma-Modell: Es lässt sich anpassen, und "
    "dass Betrag und Häufigkeit enger zusammenhängen, als es annimmt, ist nicht nachgewiesen.",
    "tied": "Gamma-Gamma nimmt an, dass Betrag und Häufigkeit nicht zusammenhängen; hier tun sie "
    "es nachweisbar.",
    "infinite_mean": "Nach Gamma-Gamma wäre der mittlere Betrag unendlich: Einzelne sehr große "
    "Käufe bestimmen die Anpassung.",
    "no_interior_optimum": "Gamma-Gamma findet auf diesen Beträgen keine eindeutige Lösung.",
    "too_few_data": "Für Gamma-Gamma gibt es zu wenige Wiederkäufer.",
}
RHYTHMS = {
    "irregular": "Die Kunden kaufen in Schüben",
    "random": "Die Kunden kaufen, soweit zu erkennen, etwa so zufällig, wie es die Kaufmodelle "
    "annehmen",
    "regular": "Die Kunden kaufen regelmäßiger, als es die Kaufmodelle annehmen",
}
OLD_CUSTOMERS = (
    " Beginnen die Daten mitten im Geschäft, zählen anfangs auch alte Kunden als neu; ein Teil des "
    "Unterschieds kann daher kommen."
)
DRIFTS = {
    "rising": "Spätere Kunden kaufen häufiger wieder als frühere",
    "stable": "Dass spätere Kunden anders kaufen als frühere, ist nicht zu erkennen",
    "falling": "Spätere Kunden kaufen seltener wieder als frühere",
}
# Code of an assumption that fails: what speaks against it, and what follows.
FAILURES = {
    "irregular": (
        "dass die Kunden in Schüben kaufen",
        "Wer lange nicht gekauft hat, ist häufiger noch Kunde, als die "
        "Aktivitätswahrscheinlichkeit sagt.",
    ),
    "regular": (
        "dass die Kunden recht regelmäßig kaufen",
        "Wer ungewöhnlich lange schweigt, ist häufiger schon fort, als die Modelle annehmen.",
    ),
    "tied": (
        "dass Betrag und Häufigkeit zusammenhängen",
        "Der erwartete Betrag je Kauf richtet sich deshalb auch nach der Häufigkeit; bei Kunden "
        "mit nur einem Kauf bleibt er unsicher.",
    ),
    "infinite_mean": (
        "dass einzelne sehr große Käufe den mittleren Betrag bestimmen",
        "Prüfen Sie die größten Käufe, bevor Sie die Werte einzelner Kunden verwenden.",
    ),
    "no_interior_optimum": (
        "dass die Beträge nicht zu Gamma-Gamma passen",
        "Der erwartete Betrag je Kauf kommt deshalb aus einem einfacheren Verfahren.",
    ),
    "rising": (
        "dass spätere Kunden häufiger wieder kaufen als frühere",
        "Für neue Kunden sind die erwarteten Käufe eher zu niedrig.",
    ),
    "falling": (
        "dass spätere Kunden seltener wieder kaufen als frühere",
        "Für neue Kunden sind die erwarteten Käufe eher zu hoch.",
    ),
}


def regularity(found: Regularity, *, style: Style) -> Sentence:
    """Say whether customers buy at random, in bunches or to a rhythm, and what follows."""
    text = (
        RHYTHMS[found.code] + " (Regelmäßigkeit {k}, Unsicherheitsbereich {von} bis {bis}; "
        "{zufall} heißt zufällig, mehr heißt regelmäßiger)."
    )
    if found.code in FAILURES:
        text += " " + FAILURES[found.code][1]
    return say(
        text,
        k=style.number(found.shape),
        von=style.number(found.lower),
        bis=style.number(found.upper),
        zufall=style.count(1),
    )


def spend_choice(chosen: SpendChoice, *, style: Style) -> Sentence:
    """Say which spend model the values use, and why."""
    text = CHOICES[chosen.code]
    if chosen.code == "holds":
        return say(text)
    model = chosen.model
    if model.between == 0:
        return say(
            text + " Zwischen den Kunden ist kein Unterschied zu erkennen, der über Zufall "
            "hinausgeht; deshalb gilt der Durchschnitt für alle."
        )
    if model.within == 0:
        return say(
            text + " Jeder Wiederkäufer gibt stets denselben Betrag aus; damit wird gerechnet."
        )
    of_whom = " der Kunden mit ähnlich vielen Käufen" if model.slope else ""
    return say(
        text + f" Deshalb wird das eigene Mittel jedes Kunden zum Durchschnitt{of_whom} gezogen: "
        "Bei {k} Wiederholungskäufen zählen beide gleich viel.",
        k=style.number(model.k, digits=1),
    )


def spend_accuracy(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Name the forecasts of `spend_models.accuracy` in German."""
    return accuracy.rename(index=FORECASTS)


def spend_error(accuracy: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far the expected amounts are off, against the better naive forecast.

    Parameters
    ----------
    accuracy : DataFrame
        From `spend_models.accuracy`: the model first, then the naive forecasts.
    style : Style
        How to write numbers.
    """
    model, naive = accuracy.iloc[0], accuracy.iloc[1:]
    best = naive["spend_rmse"].idxmin()
    error, rival = model["spend_rmse"], naive.loc[best, "spend_rmse"]
    gain = 1 - error / rival if rival > 0 else 0.0
    return say(
        "Bei {kunden} Wiederkäufern, die im Prüfzeitraum kauften, liegt der erwartete Betrag je "
        "Kauf im Mittel um {fehler} daneben. Der Fehler (RMSE) ist um {gewinn} "
        + ("kleiner" if gain >= 0 else "größer")
        + f" als der des besten einfachen Verfahrens, „{FORECASTS[best]}“; die Summe liegt "
        "{abweichung} " + ("über" if model["bias"] >= 0 else "unter") + " dem, was bezahlt wurde.",
        kunden=style.count(model["customers"]),
        fehler=style.money(model["spend_mae"], digits=2),
        gewinn=style.share(abs(gain), digits=1),
        abweichung=style.share(abs(model["bias"]), digits=1),
    )


def drift(found: CohortDrift, *, style: Style) -> Sentence:
    """Say whether later customers buy as the earlier ones did at equal age."""
    return say(
        DRIFTS[found.code] + ": In den ersten {tage} Tagen nach dem ersten Kauf kommt die spätere "
        f"Hälfte der Neukunden auf {{unterschied}} {_than(found.change)} Wiederholungskäufe je "
        f"Kunde als die frühere (Unsicherheitsbereich: {{von}} {_than(found.lower)} bis {{bis}} "
        f"{_than(found.upper)})." + (OLD_CUSTOMERS if found.code == "falling" else ""),
        tage=style.count(found.age_days),
        unterschied=style.share(abs(found.change), digits=1),
        von=style.share(abs(found.lower), digits=1),
        bis=style.share(abs(found.upper), digits=1),
    )


def verdict(
    *,
    independence: Independence | Missing,
    rhythm: Regularity | Missing,
    cohorts: CohortDrift | Missing,
    chosen: SpendChoice | Missing,
) -> Verdict:
    """Say whether the data speak against what the models assume, and what follows.

    Passed if no assumption that could be tested fails, and at least one could.

    Parameters
    ----------
    independence : Independence or Missing
        From `spend.independence`.
    rhythm : Regularity or Missing
        From `regularity.estimate`.
    cohorts : CohortDrift or Missing
        From `cohort_drift.measure`.
    chosen : SpendChoice or Missing
        From `spend_models.choose`.
    """
    tests = {
        "ob Betrag und Häufigkeit zusammenhängen": independence,
        "wie regelmäßig die Kunden kaufen": rhythm,
        "ob spätere Kunden anders kaufen als frühere": cohorts,
    }
    untested = [name for name, found in tests.items() if isinstance(found, Missing)]
    is_tested = len(untested) < len(tests)
    codes = [found.code for found in (chosen, rhythm, cohorts) if not isinstance(found, Missing)]
    if not isinstance(independence, Missing) and is_tied(independence):
        codes.append("tied")
    failed = [FAILURES[code] for code in dict.fromkeys(codes) if code in FAILURES]

    if failed:
        text = f"Gegen die Annahmen spricht, {_and([reason for reason, _ in failed])}."
        consequence = " ".join(follows for _, follows in failed)
    elif is_tested:
        text = "Keine der geprüften Annahmen ist nach der Regel verletzt."
        consequence = "Die Modelle dürfen bleiben; wie gut sie treffen, sagen die Proben."
    else:
        text = "Keine der Annahmen ließ sich prüfen."
        consequence = "Behandeln Sie die Kundenwerte als ungeprüfte Schätzung."
    if untested and is_tested:
        text += f" Nicht zu prüfen war, {_and(untested)}."
    passed = is_tested and not failed
    return Verdict("clv_assumptions", LABEL, passed, say(text), say(consequence))


def rule(*, style: Style) -> Sentence:
    """State the rule behind `verdict`."""
    return say(
        "Regel: Eine Annahme hält nicht, wenn die Korrelation von Betrag und Häufigkeit mit ihrem "
        "ganzen Unsicherheitsbereich weiter als {korrelation} von null entfernt liegt; wenn die "
        "Regelmäßigkeit unter {unten} oder über {oben} liegt und ihr Bereich {zufall} nicht "
        "enthält; wenn frühere und spätere Kunden um mindestens {unterschied} auseinanderliegen "
        "und der Bereich null nicht enthält; oder wenn Gamma-Gamma keine brauchbare Lösung hat.",
        korrelation=style.number(MAX_CORRELATION, digits=1),
        unten=style.number(IRREGULAR_BELOW),
        oben=style.number(REGULAR_ABOVE),
        zufall=style.count(1),
        unterschied=style.share(MIN_CHANGE),
    )


def _than(change: float) -> str:
    return "mehr" if change >= 0 else "weniger"


def _and(parts: Sequence[str]) -> str:
    """Join clauses, each of which a comma may stand before."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " und " + parts[-1]
