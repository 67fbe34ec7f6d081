"""Tables of the churn models to German sentences and a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbench import discrimination, feature_book
from workbench.churn_features import MAX_AUC
from workbench.churn_training import Decay, Training
from workbench.formats import Style
from workbench.labels import MODEL_LABELS
from workbench.model_choice import MAX_EXCESS
from workbench.outputs import Sentence, Verdict, say
from workbench.schema import DAYS_PER_WEEK

QUALITY_LABEL = "Abwanderungsprognose brauchbar"
GUARDS_LABEL = "Kein Merkmal kennt die Zukunft"
# A loss of AUC from here on is worth a new fit.
WORTH_REFITTING = 0.01
STOPWATCHES = {
    "model": "Der Log-Verlust ist {gewinn} kleiner als der der Zeit seit dem letzten Kauf allein.",
    "tied": "Die Zeit seit dem letzten Kauf allein ist so gut wie jedes Modell.",
    "stopwatch": "Die Zeit seit dem letzten Kauf allein ist besser als jedes Modell.",
    "base_rate": "Kein Verfahren ist besser als die Grundrate.",
    "untested": "Der Vergleich mit der Zeit seit dem letzten Kauf war nicht möglich.",
}
MEASURES = {
    "auc": "Trennschärfe (AUC)",
    "pr_auc": "Genauigkeit der Liste (PR-AUC)",
    "lift": "Lift im Zehntel mit dem höchsten Risiko",
    "brier": "Brier-Wert",
    "brier_skill": "Verbesserung gegenüber dem mittleren Anteil",
    "log_loss": "Log-Verlust",
}
STAGES = {
    "one_time": "Einmalkäufer, ohne Rhythmus",
    "within": "im eigenen Rhythmus",
    "new": "neu darüber",
    "longer": "länger darüber",
}


def window_note(horizon_days: int, *, style: Style) -> Sentence:
    """Say how long the window is."""
    return say("in den nächsten {tage} Tagen", tage=style.count(horizon_days))


def risk(
    probability: pd.Series,
    *,
    tested: pd.Series,
    churned: pd.Series,
    horizon_days: int,
    style: Style,
) -> Sentence:
    """Say how many customers will probably buy, and how far off that was in the last test.

    Parameters
    ----------
    probability : Series
        Predicted probability of no purchase today.
    tested, churned : Series
        The same prediction on the test origin, and what came of it.
    horizon_days : int
        Length of the window.
    style : Style
        How numbers are written.
    """
    expected, actual = (1 - tested).sum(), (~churned).sum()
    gap = expected / actual - 1 if actual else float("nan")
    last = (
        " In der letzten Probe hatte die Prognose {abweichung} zu "
        + ("viele" if gap >= 0 else "wenige")
        + " Käufer erwartet."
        if actual
        else " In der letzten Probe kaufte niemand."
    )
    return say(
        "Von den {kunden} Wiederkäufern, die noch abwandern können, werden in den nächsten {tage} "
        "Tagen voraussichtlich {kaeufer} kaufen." + last,
        kunden=style.count(len(probability)),
        tage=style.count(horizon_days),
        kaeufer=style.count((1 - probability).sum()),
        abweichung=style.share(abs(gap), digits=1),
    )


def population(
    *, customers: int, eligible: int, one_time: float, active_days: int, style: Style
) -> Sentence:
    """Say of whom the page speaks: who may still be lost, and who bought only once."""
    last = " Einmalkäufer sind nicht darunter." if one_time == 0 else ""
    if one_time > 0:
        last = " {einmal} davon kauften bisher ein einziges Mal und haben ihre eigene Prognose."
    return say(
        "Von {kunden} Kunden haben {aktiv} in den letzten {tage} Tagen gekauft; nur sie können "
        "noch abwandern." + last,
        kunden=style.count(customers),
        aktiv=style.count(eligible),
        tage=style.count(active_days),
        einmal=style.count(one_time),
    )


def window(
    curve: pd.DataFrame, *, window_days: int, usual: int | None, share: float, style: Style
) -> Sentence:
    """Say what the window that was set means, beside the one that the data would choose.

    Parameters
    ----------
    curve : DataFrame
        From `return_curve.estimate`.
    window_days : int
        The window set.
    usual : int or None
        From `return_curve.churn_horizon_days`; None where the curve never gets so low.
    share : float
        Share that may still come back.
    style : Style
        How numbers are written.
    """
    row = curve.loc[marked(curve, window_days=window_days)]
    pause = marked(curve, window_days=window_days)
    text = (
        "Gesetzt sind {tage} Tage: Wer so lange schweigt, kommt in {anteil} der Fälle doch noch "
        "wieder."
    )
    if window_days - pause >= DAYS_PER_WEEK:
        text = (
            "Gesetzt sind {tage} Tage; so lange Pausen zeigen die Daten nicht. Nach {pause} Tagen "
            "kommen noch {anteil} wieder."
        )
    text += (
        " Höchstens {grenze} wären es nach {ueblich} Tagen."
        if usual is not None
        else " Unter {grenze} fällt dieser Anteil nie, soweit die Daten reichen."
    )
    return say(
        text,
        tage=style.count(window_days),
        pause=style.count(pause),
        anteil=style.share(row["return_share"]),
        grenze=style.share(share),
        ueblich=style.count(usual or 0),
    )


def marked(curve: pd.DataFrame, *, window_days: int) -> int:
    """Return the pause of the curve that is as long as a window, or the next shorter one."""
    shorter = curve.index[curve.index <= window_days]
    return int(shorter.max() if len(shorter) else curve.index[0])


def churn_quality(training: Training, *, style: Style) -> Verdict:
    """Say whether the chosen churn forecast is worth having on the test origin.

    Parameters
    ----------
    training : Training
        From `churn_training.train`, of repeat buyers.
    style : Style
        How numbers are written.
    """
    chosen = training.model.name
    if training.reason:
        return Verdict(
            "churn_quality",
            QUALITY_LABEL,
            False,
            say("Zu wenige Kunden gingen oder blieben; es gibt nur die Grundrate."),
            say("Wählen Sie ein anderes Zeitfenster, oder warten Sie auf mehr Daten."),
        )
    row, found = training.quality.loc[chosen], training.verdict
    passed = discrimination.is_useful(row)
    sentence = say(
        "Gewählt ist „{verfahren}“: Trennschärfe {auc} (Unsicherheitsbereich {von} bis {bis}), wo "
        "Zufall {zufall} wäre. Der Brier-Wert ist {skill} "
        + ("kleiner" if row["brier_skill"] > 0 else "größer")
        + ", als wenn man allen den mittleren Anteil zuschriebe. "
        + STOPWATCHES[found.code],
        verfahren=style.text(MODEL_LABELS[chosen]),
        auc=style.number(row["auc"], digits=3),
        von=style.number(row["auc_low"], digits=3),
        bis=style.number(row["auc_high"], digits=3),
        zufall=style.number(0.5, digits=1),
        skill=style.share(abs(row["brier_skill"]), digits=1),
        gewinn=style.share(abs(found.gain), digits=1),
    )
    if not passed:
        consequence = say("Verwenden Sie die Risiken nicht, um einzelne Kunden auszuwählen.")
    elif found.code in ("tied", "stopwatch"):
        consequence = say("Um Kunden zu ordnen, genügt die Zeit seit dem letzten Kauf.")
    else:
        consequence = say("Die Risiken dürfen verwendet werden, um Kunden zu ordnen.")
    return Verdict("churn_quality", QUALITY_LABEL, passed, sentence, consequence)


def choice_rule(*, style: Style) -> Sentence:
    """State the rules behind the choice of a churn forecast and its verdict."""
    return say(
        "Alle Verfahren am letzten Stichtag, den weder Anpassung noch Auswahl kannten. Gewählt "
        "wird am Stichtag davor das einfachste, dessen Log-Verlust höchstens {verlust} über dem "
        "besten liegt oder sich von ihm nicht unterscheiden lässt. Brauchbar ist es, wenn seine "
        "Trennschärfe mindestens {mindestens} beträgt und seine Wahrscheinlichkeiten besser sind "
        "als die Grundrate.",
        verlust=style.share(MAX_EXCESS),
        mindestens=style.number(discrimination.MIN_AUC, digits=1),
    )


def second_purchase(training: Training, *, expected: pd.Series, style: Style) -> Sentence:
    """Say how many one-time buyers will come back, and whether they can be told apart.

    Parameters
    ----------
    training : Training
        From `churn_training.train`, of one-time buyers.
    expected : Series
        Today's one-time buyers: probability of a second purchase.
    style : Style
        How numbers are written.
    """
    text = (
        "Von {einmal} Kunden mit einem einzigen Kauf kommen voraussichtlich {zurueck} im "
        "Zeitfenster wieder."
    )
    numbers = {"einmal": style.count(len(expected)), "zurueck": style.count(expected.sum())}
    if training.reason:
        return say(
            text + " Für eine eigene Prognose sind es zu wenige; gerechnet ist mit ihrem mittleren "
            "Anteil.",
            **numbers,
        )
    row = training.quality.loc[training.model.name]
    told = row["auc_low"] > 0.5
    return say(
        text
        + (
            " Wer von ihnen, lässt sich besser sagen als durch Zufall (Trennschärfe {auc})."
            if told
            else " Wer von ihnen, lässt sich nicht sagen (Trennschärfe {auc})."
        ),
        auc=style.number(row["auc"], digits=3),
        **numbers,
    )


def level(
    recalibrated: pd.Series, *, predicted: pd.Series, churned: pd.Series, style: Style
) -> Sentence:
    """Say whether the risks are too high or too low in all.

    Parameters
    ----------
    recalibrated : Series
        A row of `recalibration.recalibrate`.
    predicted, churned : Series
        The probabilities that it judges, and what came.
    style : Style
        How numbers are written.
    """
    low, high = recalibrated["in_the_large_low"], recalibrated["in_the_large_high"]
    found = (
        "insgesamt zu niedrig"
        if low > 0
        else "insgesamt zu hoch"
        if high < 0
        else "ein Fehler im Ganzen ist nicht nachgewiesen"
    )
    return say(
        "Im Prüfzeitraum war das Risiko im Mittel {vorhergesagt}, tatsächlich kauften "
        "{tatsaechlich} "
        "nicht: " + found + " (Steigung der Kalibrierung {steigung}, Bereich {von} bis {bis}; "
        "{eins} wäre richtig).",
        vorhergesagt=style.share(predicted.mean(), digits=1),
        tatsaechlich=style.share(churned.mean(), digits=1),
        steigung=style.number(recalibrated["slope"]),
        von=style.number(recalibrated["slope_low"]),
        bis=style.number(recalibrated["slope_high"]),
        eins=style.count(1),
    )


def gains(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which forecasts order customers better than the time since the last purchase.

    Parameters
    ----------
    table : DataFrame
        From `model_choice.gains`.
    style : Style
        How numbers are written.
    """
    known = table.dropna()
    if known.empty:
        return say("Der Vergleich mit der Zeit seit dem letzten Kauf war nicht möglich.")
    best = known.loc[known["auc_gain"].idxmax()]
    better = known.index[known["auc_gain_low"] > 0]
    if not len(better):
        return say(
            "Keines der Verfahren ordnet nachweislich besser als die Zeit seit dem letzten Kauf."
        )
    return say(
        "Nachweislich besser als die Zeit seit dem letzten Kauf: {verfahren}. Der größte Vorsprung "
        "an Trennschärfe ist {vorsprung} (Unsicherheitsbereich {von} bis {bis}).",
        verfahren=style.text(", ".join(f"„{MODEL_LABELS[name]}“" for name in better)),
        vorsprung=style.number(best["auc_gain"], digits=3),
        von=style.number(best["auc_gain_low"], digits=3),
        bis=style.number(best["auc_gain_high"], digits=3),
    )


def decay(found: Decay, *, style: Style) -> Sentence:
    """Say how much a model loses that is not fitted again.

    Parameters
    ----------
    found : Decay
        From `churn_training.decay`.
    style : Style
        How numbers are written.
    """
    last, pooled = found.by_origin.iloc[-1], found.pooled
    text = (
        "Eine logistische Regression, die {tage} Tage alt ist, ordnet die Kunden mit einer "
        "Trennschärfe von {alt}; neu angepasst wären es {neu}."
    )
    numbers = {
        "tage": style.count(last["age_days"]),
        "alt": style.number(last["auc"], digits=3),
        "neu": style.number(last["auc_refitted"], digits=3),
    }
    if pooled.empty or pd.isna(pooled["auc_lost_low"]):
        return say(text + " Ob sie altert, lässt sich nicht sagen.", **numbers)
    text += (
        " Über alle späteren Stichtage zusammen beträgt der Verlust durch Alter {verlust} "
        "(Unsicherheitsbereich {von} bis {bis}). "
    )
    if pooled["auc_lost_low"] > 0 and pooled["auc_lost"] > WORTH_REFITTING:
        text += "Eine neue Anpassung lohnt sich."
    elif pooled["auc_lost_high"] <= WORTH_REFITTING:
        text += "Sie altert kaum."
    else:
        text += "Ob sich eine neue Anpassung lohnt, ist damit offen."
    return say(
        text,
        verlust=style.number(pooled["auc_lost"], digits=3),
        von=style.number(pooled["auc_lost_low"], digits=3),
        bis=style.number(pooled["auc_lost_high"], digits=3),
        **numbers,
    )


def guards(alarms: pd.DataFrame, *, moved: Sequence[str], style: Style) -> Verdict:
    """Say whether a feature knows the future, by two tests, and which one.

    Parameters
    ----------
    alarms : DataFrame
        From `churn_features.suspicious`.
    moved : sequence of str
        From `churn_features.moved_future`.
    style : Style
        How numbers are written.
    """
    passed = alarms.empty and not len(moved)
    if passed:
        sentence = say(
            "Wird alles nach dem Stichtag verändert, bleibt jedes Merkmal gleich, und keines "
            "allein ordnet die Kunden verdächtig gut (Grenze: {grenze}).",
            grenze=style.number(MAX_AUC, digits=1),
        )
        consequence = say("Die Prognose beruht auf dem, was am Stichtag bekannt war.")
        return Verdict("churn_guards", GUARDS_LABEL, passed, sentence, consequence)

    text, numbers = "", {}
    if len(alarms):
        text += (
            "{merkmal} allein ordnet die Kunden so gut, wie es ohne Blick in die Zukunft kaum geht "
            "(Trennschärfe {auc})."
        )
        numbers |= {
            "merkmal": style.text(_quoted([alarms.index[0]])),
            "auc": style.number(alarms["auc"].iloc[0], digits=3),
        }
    others = [*alarms.index[1:]]
    if others:
        text += " Ebenso: {weitere}."
        numbers["weitere"] = style.text(_quoted(others))
    if len(moved):
        text += " Mit der Zukunft ändert sich: {bewegt}."
        numbers["bewegt"] = style.text(_quoted(moved))
    consequence = say(
        "Klären Sie, wann diese Angaben in die Daten kommen. Bis dahin sind die Risiken nicht zu "
        "verwenden: Die Prognose kennt womöglich, was sie vorhersagen soll."
    )
    return Verdict("churn_guards", GUARDS_LABEL, passed, say(text.strip(), **numbers), consequence)


def _quoted(features: Sequence[str]) -> str:
    """List features by their German name; a column that is none keeps its own."""
    known = feature_book.BOOK
    names = [known[name].label if name in known else name for name in features]
    return ", ".join(f"„{name}“" for name in names)


def watch(counts: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many customers are silent beyond their own rhythm.

    Parameters
    ----------
    counts : DataFrame
        From `early_warning.counts`, suppressed.
    style : Style
        How numbers are written.
    """
    late = counts.loc[["new", "longer"], "customers"].sum(min_count=2)
    new = counts.loc["new", "customers"]
    if pd.isna(late):
        return say("Wie viele Kunden länger schweigen, als bei ihnen üblich ist, zeigen wir nicht.")
    return say(
        "{zahl} Kunden schweigen länger, als bei ihnen üblich ist; {neu} davon erst seit dieser "
        "Woche.",
        zahl=style.count(late),
        neu=style.count(new),
    )


def quality(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which forecast was chosen and how well it sorts."""
    chosen = table[table["chosen"]].iloc[0]
    if chosen["auc"] == table["auc"].max():
        return say(
            "Das gewählte Verfahren erreicht mit {auc} die höchste Trennschärfe",
            auc=style.number(chosen["auc"], digits=3),
        )
    return say(
        "Das gewählte Verfahren erreicht {auc}, das trennschärfste {best}",
        auc=style.number(chosen["auc"], digits=3),
        best=style.number(table["auc"].max(), digits=3),
    )


def quality_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of AUC by forecast."""
    return say(
        "Balken der Trennschärfe für {zahl} Verfahren, von {von} bis {bis}.",
        zahl=style.count(len(table)),
        von=style.number(table["auc"].min(), digits=3),
        bis=style.number(table["auc"].max(), digits=3),
    )


def calibration(bins: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in how many classes the prediction lies within the bounds, and how far off it gets."""
    bins = bins.dropna(subset=["predicted"])
    if bins.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    inside = (bins["predicted"] >= bins["low"]) & (bins["predicted"] <= bins["high"])
    gap = (bins["predicted"] - bins["observed"]).abs().max()
    return say(
        "In {daneben} von {alle} Gruppen liegt die Vorhersage außerhalb des "
        "Unsicherheitsbereichs; die "
        "größte Abweichung beträgt {abweichung} Prozentpunkte",
        daneben=style.count(int((~inside).sum())),
        alle=style.count(len(bins)),
        abweichung=style.number(100 * gap, digits=1),
    )


def calibration_alt(bins: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the reliability diagram."""
    return say(
        "Punkte mit Fehlerbalken entlang der Diagonale: vorhergesagt {von} bis {bis}, "
        "tatsächlich {von_t} bis {bis_t}.",
        von=style.share(bins["predicted"].iloc[0]),
        bis=style.share(bins["predicted"].iloc[-1]),
        von_t=style.share(bins["observed"].iloc[0]),
        bis_t=style.share(bins["observed"].iloc[-1]),
    )


def importance(table: pd.DataFrame, *, label: str, style: Style) -> Sentence:
    """Say which feature the model leans on most."""
    return say(
        "{verfahren}: Am meisten zählt das Merkmal „{merkmal}“",
        verfahren=style.text(label),
        merkmal=style.text(table.index[0]),
    )


def importance_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of importance."""
    return say(
        "Balken für {zahl} Merkmale; beim wichtigsten gehen {verlust} Trennschärfe verloren, wenn "
        "seine Werte unter den Kunden gemischt werden.",
        zahl=style.count(len(table)),
        verlust=style.number(table["auc_loss"].iloc[0], digits=3),
    )


def measures(intervals: pd.DataFrame) -> pd.DataFrame:
    """Name the measures of `drawn_quality.intervals` in German.

    Parameters
    ----------
    intervals : DataFrame
        Of one prediction: indexed by `measure`, with `estimate`, `low` and `high`.
    """
    named = intervals.rename(index=MEASURES).rename_axis("measure")
    return named.rename(columns={"low": "lower", "high": "upper"})


def feature_names(importance: pd.DataFrame) -> dict[str, str]:
    """Return a German name of each group of `effects.importance`: that of its first feature."""
    names = {}
    for group, features in importance["features"].items():
        first, *others = features.split(", ")
        names[group] = feature_book.label(first) + (
            f" (mit {len(others)} ähnlichen)" if others else ""
        )
    return names


def effect(course: pd.DataFrame, *, feature: str, style: Style) -> Sentence:
    """Say how far the risk moves along a feature.

    Parameters
    ----------
    course : DataFrame
        From `effects.local_effects`.
    feature : str
        Key of `feature_book.BOOK`.
    style : Style
        How numbers are written.
    """
    moved = course["effect"].iloc[-1] - course["effect"].iloc[0]
    return say(
        "Mit dem Merkmal „{merkmal}“ "
        + ("steigt" if moved >= 0 else "sinkt")
        + " das vorhergesagte Risiko um {punkte} Prozentpunkte",
        merkmal=style.text(feature_book.label(feature)),
        punkte=style.number(100 * abs(moved), digits=1),
    )


def effect_alt(course: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of an effect."""
    shown = course.dropna(subset=["effect"])
    if shown.empty:
        return say("Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.")
    return say(
        "Linie von {von} bis {bis} Prozentpunkten Änderung des Risikos über {zahl} Werte.",
        von=style.number(100 * shown["effect"].iloc[0], digits=1),
        bis=style.number(100 * shown["effect"].iloc[-1], digits=1),
        zahl=style.count(len(shown)),
    )


def lasting(curve: pd.DataFrame, *, window_days: int, margin: float, style: Style) -> Sentence:
    """Say which part of the value counts as lost, and whether it is revenue.

    Parameters
    ----------
    curve : DataFrame
        From `return_curve.estimate`.
    window_days : int
        Length of the outcome window.
    margin : float
        With 1 the values are revenue.
    style : Style
        How numbers are written.
    """
    text = (
        "Wer im Zeitfenster nicht kauft, kommt in {wieder} der Fälle doch noch wieder; "
        "nur der Rest "
        "seines Werts gilt als verloren. Die Unsicherheitsbereiche enthalten den Zufall der "
        "Kunden, nicht den der Annahmen."
    )
    if margin == 1:
        text += (
            " Weil keine Marge angegeben ist, heißt Gewinn hier Umsatz abzüglich der Kosten der "
            "Aktion; der wirkliche Gewinn ist kleiner."
        )
    row = curve.loc[marked(curve, window_days=window_days)]
    return say(text, wieder=style.share(row["return_share"]))
