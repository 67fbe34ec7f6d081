import numpy as np
import pandas as pd
import pytest

from workbench import (
    churn_features,
    churn_findings,
    discrimination,
    drawn_quality,
    early_warning,
    effects,
    feature_book,
    labels,
    model_choice,
    privacy,
    recalibration,
)
from workbench.churn_training import UNTESTED, Decay, Training, Verdict
from workbench.formats import Style
from workbench.outputs import Sentence
from workbench.stored_model import Calibration, Model

NBSP = "\u00a0"
NAN = float("nan")
STYLE = Style("de_DE", "EUR")


def plain(sentence: Sentence) -> str:
    """Return the text with ordinary spaces."""
    return str(sentence).replace(NBSP, " ")


def training(
    auc: float = 0.83,
    skill: float = 0.12,
    *,
    name: str = "boosting",
    code: str = "model",
    reason: str = "",
) -> Training:
    """Return a training whose chosen model has these figures, 0.03 either way."""
    row = {"auc": auc, "auc_low": auc - 0.03, "auc_high": auc + 0.03, "brier_skill": skill}
    other = {"auc": 0.5, "auc_low": 0.5, "auc_high": 0.5, "brier_skill": 0.0}
    verdict = Verdict(code, name, 0.0456, 0.01, 0.08, 0.02, 0.01, 0.03)
    none = pd.DataFrame()
    return Training(
        model=Model("repeat", name, {}, None, 0.5, Calibration("none")),
        selection=none,
        quality=pd.DataFrame({"other": other, name: row}).T if not reason else none,
        predictions=none,
        calibrated=pd.Series(dtype=float),
        verdict=UNTESTED if reason else verdict,
        reason=reason,
    )


def curve() -> pd.DataFrame:
    index = pd.Index([91, 182, 273], name="silent_days")
    return pd.DataFrame({"return_share": [0.3728, 0.224, 0.1430]}, index=index)


def aged(old: float, new: float, *, low: float = NAN, high: float = NAN) -> Decay:
    index = pd.to_datetime(["2024-01-01", "2024-04-01"]).rename("origin")
    table = {"age_days": [91, 1182], "auc": [0.9, old], "auc_refitted": [0.9, new]}
    pooled = {"auc_lost": new - old, "auc_lost_low": low, "auc_lost_high": high}
    return Decay(pd.DataFrame(table, index=index), pd.Series(pooled))


def ahead(low: float) -> pd.DataFrame:
    index = pd.Index(["weeks_since_last", "logistic"], name="prediction")
    table = {"auc_gain": [NAN, 0.02], "auc_gain_low": [NAN, low], "auc_gain_high": [NAN, 0.03]}
    return pd.DataFrame(table, index=index)


def counted(new: float = 12.0, longer: float = 1200.0) -> pd.DataFrame:
    index = pd.Index(["one_time", "within", "new", "longer"], name="stage")
    return pd.DataFrame({"customers": [900.0, 300.0, new, longer]}, index=index)


def course() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "value": [10.0, 20.0, 30.0],
            "effect": [-0.1234, 0.05, 0.2],
            "customers": [0, 50, 60],
        }
    )


def line(low: float, high: float) -> pd.Series:
    """Return a calibration whose level has these bounds (log odds)."""
    return pd.Series(
        {
            "slope": 1.2,
            "slope_low": 0.9,
            "slope_high": 1.5,
            "in_the_large": (low + high) / 2,
            "in_the_large_low": low,
            "in_the_large_high": high,
        }
    )


def judged() -> dict[str, pd.Series]:
    """Return the risks of four customers, and what came."""
    return {
        "predicted": pd.Series([0.9, 0.7, 0.5, 0.3]),
        "churned": pd.Series([True, True, True, False]),
    }


# --- by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (
            churn_findings.population(
                customers=2357, eligible=1234, one_time=321, active_days=365, style=STYLE
            ),
            "Von 2.357 Kunden haben 1.234 in den letzten 365 Tagen gekauft; nur sie können noch "
            "abwandern. 321 davon kauften bisher ein einziges Mal und haben ihre eigene Prognose.",
        ),
        (
            churn_findings.population(
                customers=50, eligible=40, one_time=0, active_days=365, style=STYLE
            ),
            "Von 50 Kunden haben 40 in den letzten 365 Tagen gekauft; nur sie können noch "
            "abwandern. Einmalkäufer sind nicht darunter.",
        ),
        (
            churn_findings.window(curve(), window_days=91, usual=273, share=0.15, style=STYLE),
            "Gesetzt sind 91 Tage: Wer so lange schweigt, kommt in 37 % der Fälle doch noch "
            "wieder. Höchstens 15 % wären es nach 273 Tagen.",
        ),
        (
            churn_findings.window(curve(), window_days=200, usual=None, share=0.1, style=STYLE),
            "Gesetzt sind 200 Tage; so lange Pausen zeigen die Daten nicht. Nach 182 Tagen kommen "
            "noch 22 % wieder. Unter 10 % fällt dieser Anteil nie, soweit die Daten reichen.",
        ),
        (
            churn_findings.lasting(curve(), window_days=91, margin=0.3, style=STYLE),
            "Wer im Zeitfenster nicht kauft, kommt in 37 % der Fälle doch noch wieder; nur der "
            "Rest seines Werts gilt als verloren. Die Unsicherheitsbereiche enthalten den Zufall "
            "der Kunden, nicht den der Annahmen.",
        ),
        (
            churn_findings.lasting(curve(), window_days=200, margin=1, style=STYLE),
            "Wer im Zeitfenster nicht kauft, kommt in 22 % der Fälle doch noch wieder; nur der "
            "Rest seines Werts gilt als verloren. Die Unsicherheitsbereiche enthalten den Zufall "
            "der Kunden, nicht den der Annahmen. Weil keine Marge angegeben ist, heißt Gewinn hier "
            "Umsatz abzüglich der Kosten der Aktion; der wirkliche Gewinn ist kleiner.",
        ),
        (
            churn_findings.second_purchase(
                training(0.61), expected=pd.Series([0.5, 0.25, 0.25]), style=STYLE
            ),
            "Von 3 Kunden mit einem einzigen Kauf kommen voraussichtlich 1 im Zeitfenster wieder. "
            "Wer von ihnen, lässt sich besser sagen als durch Zufall (Trennschärfe 0,610).",
        ),
        (
            churn_findings.second_purchase(
                training(0.52), expected=pd.Series([0.03] * 1000), style=STYLE
            ),
            "Von 1.000 Kunden mit einem einzigen Kauf kommen voraussichtlich 30 im Zeitfenster "
            "wieder. Wer von ihnen, lässt sich nicht sagen (Trennschärfe 0,520).",
        ),
        (
            churn_findings.second_purchase(
                training(reason="too few"), expected=pd.Series([0.1] * 20), style=STYLE
            ),
            "Von 20 Kunden mit einem einzigen Kauf kommen voraussichtlich 2 im Zeitfenster "
            "wieder. Für eine eigene Prognose sind es zu wenige; gerechnet ist mit ihrem "
            "mittleren Anteil.",
        ),
        (
            # The bounds decide, not the figure itself.
            churn_findings.level(line(-0.1, 0.4), **judged(), style=STYLE),
            "Im Prüfzeitraum war das Risiko im Mittel 60,0 %, tatsächlich kauften 75,0 % nicht: "
            "ein Fehler im Ganzen ist nicht nachgewiesen (Steigung der Kalibrierung 1,20, Bereich "
            "0,90 bis 1,50; 1 wäre richtig).",
        ),
        (
            churn_findings.level(line(0.1, 0.3), **judged(), style=STYLE),
            "Im Prüfzeitraum war das Risiko im Mittel 60,0 %, tatsächlich kauften 75,0 % nicht: "
            "insgesamt zu niedrig (Steigung der Kalibrierung 1,20, Bereich 0,90 bis 1,50; 1 wäre "
            "richtig).",
        ),
        (
            churn_findings.level(line(-0.3, -0.1), **judged(), style=STYLE),
            "Im Prüfzeitraum war das Risiko im Mittel 60,0 %, tatsächlich kauften 75,0 % nicht: "
            "insgesamt zu hoch (Steigung der Kalibrierung 1,20, Bereich 0,90 bis 1,50; 1 wäre "
            "richtig).",
        ),
        (
            churn_findings.gains(ahead(0.012), style=STYLE),
            "Nachweislich besser als die Zeit seit dem letzten Kauf: „Logistische Regression“. Der "
            "größte Vorsprung an Trennschärfe ist 0,020 (Unsicherheitsbereich 0,012 bis 0,030).",
        ),
        (
            churn_findings.gains(ahead(-0.001), style=STYLE),
            "Keines der Verfahren ordnet nachweislich besser als die Zeit seit dem letzten Kauf.",
        ),
        (
            churn_findings.gains(ahead(NAN), style=STYLE),
            "Der Vergleich mit der Zeit seit dem letzten Kauf war nicht möglich.",
        ),
        (
            churn_findings.decay(aged(0.8, 0.8121, low=0.004, high=0.02), style=STYLE),
            "Eine logistische Regression, die 1.182 Tage alt ist, ordnet die Kunden mit einer "
            "Trennschärfe von 0,800; neu angepasst wären es 0,812. Über alle späteren Stichtage "
            "zusammen beträgt der Verlust durch Alter 0,012 (Unsicherheitsbereich 0,004 bis "
            "0,020). Eine neue Anpassung lohnt sich.",
        ),
        (
            churn_findings.decay(aged(0.8, 0.795, low=-0.008, high=0.002), style=STYLE),
            "Eine logistische Regression, die 1.182 Tage alt ist, ordnet die Kunden mit einer "
            "Trennschärfe von 0,800; neu angepasst wären es 0,795. Über alle späteren Stichtage "
            "zusammen beträgt der Verlust durch Alter -0,005 (Unsicherheitsbereich -0,008 bis "
            "0,002). Sie altert kaum.",
        ),
        (
            churn_findings.decay(aged(0.8, 0.82, low=-0.01, high=0.05), style=STYLE),
            "Eine logistische Regression, die 1.182 Tage alt ist, ordnet die Kunden mit einer "
            "Trennschärfe von 0,800; neu angepasst wären es 0,820. Über alle späteren Stichtage "
            "zusammen beträgt der Verlust durch Alter 0,020 (Unsicherheitsbereich -0,010 bis "
            "0,050). Ob sich eine neue Anpassung lohnt, ist damit offen.",
        ),
        (
            churn_findings.decay(aged(0.8, 0.82), style=STYLE),
            "Eine logistische Regression, die 1.182 Tage alt ist, ordnet die Kunden mit einer "
            "Trennschärfe von 0,800; neu angepasst wären es 0,820. Ob sie altert, lässt sich nicht "
            "sagen.",
        ),
        (
            churn_findings.watch(counted(), style=STYLE),
            "1.212 Kunden schweigen länger, als bei ihnen üblich ist; 12 davon erst seit dieser "
            "Woche.",
        ),
        (
            churn_findings.watch(counted(new=NAN), style=STYLE),
            "Wie viele Kunden länger schweigen, als bei ihnen üblich ist, zeigen wir nicht.",
        ),
        (
            churn_findings.effect(course(), feature="days_since_last", style=STYLE),
            "Mit dem Merkmal „Tage seit dem letzten Kauf“ steigt das vorhergesagte Risiko um 32,3 "
            "Prozentpunkte",
        ),
        (
            churn_findings.effect(course()[::-1], feature="n_orders", style=STYLE),
            "Mit dem Merkmal „Zahl der Käufe“ sinkt das vorhergesagte Risiko um 32,3 Prozentpunkte",
        ),
        (
            churn_findings.effect_alt(course(), style=STYLE),
            "Linie von -12,3 bis 20,0 Prozentpunkten Änderung des Risikos über 3 Werte.",
        ),
        (
            churn_findings.effect_alt(course().assign(effect=NAN), style=STYLE),
            "Leere Zeichnung: Jede Gruppe ist zu klein, um gezeigt zu werden.",
        ),
    ],
    ids=lambda value: None if isinstance(value, Sentence) else value[:40],
)
def test_a_sentence_says_in_german_what_the_table_holds(sentence, text):
    assert plain(sentence) == text


@pytest.mark.parametrize(
    ("window_days", "days"), [(91, 91), (181, 91), (182, 182), (999, 273), (30, 91)]
)
def test_a_window_is_marked_at_the_pause_of_the_curve_that_is_no_longer(window_days, days):
    assert churn_findings.marked(curve(), window_days=window_days) == days


def test_the_churn_verdict_names_the_method_and_its_figures():
    shown = churn_findings.churn_quality(training(0.8291, -0.0123), style=STYLE)
    assert (shown.name, shown.passed) == ("churn_quality", False)
    assert plain(shown.sentence) == (
        "Gewählt ist „Boosting (Entscheidungsbäume)“: Trennschärfe 0,829 (Unsicherheitsbereich "
        "0,799 bis 0,859), wo Zufall 0,5 wäre. Der Brier-Wert ist 1,2 % größer, als wenn man allen "
        "den mittleren Anteil zuschriebe. Der Log-Verlust ist 4,6 % kleiner als der der Zeit seit "
        "dem letzten Kauf allein."
    )


@pytest.mark.parametrize(
    ("auc", "skill", "code", "passed", "consequence"),
    [
        (0.83, 0.12, "model", True, "Die Risiken dürfen verwendet werden, um Kunden zu ordnen."),
        (0.83, 0.12, "untested", True, "Die Risiken dürfen verwendet werden"),
        (0.83, 0.12, "tied", True, "Um Kunden zu ordnen, genügt die Zeit seit dem letzten Kauf."),
        (0.83, 0.12, "stopwatch", True, "Um Kunden zu ordnen, genügt die Zeit"),
        (0.6, 0.12, "model", True, "Die Risiken dürfen verwendet werden"),
        (0.599, 0.12, "model", False, "Verwenden Sie die Risiken nicht"),
        (0.83, 0.0, "tied", False, "Verwenden Sie die Risiken nicht"),
        (0.5, 0.0, "base_rate", False, "Verwenden Sie die Risiken nicht"),
        (NAN, NAN, "untested", False, "Verwenden Sie die Risiken nicht"),
    ],
)
def test_a_churn_forecast_passes_if_it_sorts_and_is_better_than_the_base_rate(
    auc, skill, code, passed, consequence
):
    shown = churn_findings.churn_quality(training(auc, skill, code=code), style=STYLE)
    assert shown.passed == passed
    assert plain(shown.consequence).startswith(consequence)
    assert "nan" not in plain(shown.sentence)


def test_with_too_few_customers_there_is_no_verdict_but_what_to_do():
    shown = churn_findings.churn_quality(
        training(name="base_rate", reason="of 30 customers, only 7"), style=STYLE
    )
    assert (shown.name, shown.passed) == ("churn_quality", False)
    assert plain(shown.sentence) == (
        "Zu wenige Kunden gingen oder blieben; es gibt nur die Grundrate."
    )
    assert plain(shown.consequence).startswith("Wählen Sie ein anderes Zeitfenster")


def test_the_guards_pass_where_no_feature_knows_the_future():
    shown = churn_findings.guards(pd.DataFrame({"auc": []}), moved=[], style=STYLE)
    assert (shown.name, shown.label) == ("churn_guards", "Kein Merkmal kennt die Zukunft")
    assert shown.passed
    assert plain(shown.sentence) == (
        "Wird alles nach dem Stichtag verändert, bleibt jedes Merkmal gleich, und keines allein "
        "ordnet die Kunden verdächtig gut (Grenze: 0,9)."
    )


@pytest.mark.parametrize(
    ("alarming", "moved", "text"),
    [
        (
            {"customer_type": 0.951},
            [],
            "„Kundentyp“ allein ordnet die Kunden so gut, wie es ohne Blick in die Zukunft kaum "
            "geht (Trennschärfe 0,951).",
        ),
        ({}, ["open_complaints"], "Mit der Zukunft ändert sich: „Offene Beschwerden“."),
        (
            # A column that is no feature of ours keeps its name.
            {"status": 0.99, "last_login": 0.95, "n_orders": 0.91},
            ["status"],
            "„status“ allein ordnet die Kunden so gut, wie es ohne Blick in die Zukunft kaum geht "
            "(Trennschärfe 0,990). Ebenso: „last_login“, „Zahl der Käufe“. Mit der Zukunft ändert "
            "sich: „status“.",
        ),
    ],
)
def test_the_guards_name_each_feature_that_may_know_the_future(alarming, moved, text):
    alarms = pd.Series(alarming, name="auc", dtype=float).to_frame()
    shown = churn_findings.guards(alarms, moved=moved, style=STYLE)
    assert not shown.passed
    assert plain(shown.sentence) == text
    assert "nicht zu verwenden" in plain(shown.consequence)


def test_the_rule_of_the_churn_forecast_is_stated_with_its_numbers():
    text = plain(churn_findings.choice_rule(style=STYLE))
    assert f"höchstens {plain(STYLE.share(model_choice.MAX_EXCESS))} über dem besten" in text
    assert f"mindestens {STYLE.number(discrimination.MIN_AUC, digits=1)} beträgt" in text
    assert text.endswith(".")


def test_measures_are_named_in_german_with_their_bounds():
    table = pd.DataFrame(
        {"estimate": [0.8, 0.1], "low": [0.7, 0.05], "high": [0.9, 0.2]},
        index=pd.Index(["auc", "brier"], name="measure"),
    )
    named = churn_findings.measures(table)
    assert named.index.tolist() == ["Trennschärfe (AUC)", "Brier-Wert"]
    assert named.columns.tolist() == ["estimate", "lower", "upper"]
    assert list(table) == ["estimate", "low", "high"]


def test_a_group_of_features_is_named_after_its_first():
    table = pd.DataFrame(
        {"features": ["T, first_month", "n_orders"]}, index=pd.Index(["T", "n_orders"])
    )
    assert churn_findings.feature_names(table) == {
        "T": "Alter der Kundenbeziehung (mit 1 ähnlichen)",
        "n_orders": "Zahl der Käufe",
    }


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", labels.MODEL_LABELS)
def test_every_churn_model_can_be_chosen(name):
    shown = churn_findings.churn_quality(training(name=name), style=STYLE)
    assert labels.MODEL_LABELS[name] in plain(shown.sentence)


def test_every_code_of_the_stopwatch_and_every_measure_and_stage_has_its_words():
    codes = {"model", "tied", "stopwatch", "base_rate", "untested"}
    assert set(churn_findings.STOPWATCHES) == codes
    truth = pd.Series([True, False] * 20)
    predictions = pd.DataFrame({"p": np.linspace(0.1, 0.9, 40)})
    measured = drawn_quality.intervals(truth, predictions, seed=1).loc["p"]
    assert set(measured.index) == set(churn_findings.MEASURES)
    assert list(counted().index) == list(churn_findings.STAGES)


@pytest.mark.parametrize("feature", feature_book.BOOK)
def test_every_feature_can_lead(feature):
    text = plain(churn_findings.effect(course(), feature=feature, style=STYLE))
    assert f"„{feature_book.label(feature)}“" in text


def test_arguments_stay_as_they_were():
    for make, tell in (
        (ahead, churn_findings.gains),
        (counted, churn_findings.watch),
        (course, churn_findings.effect_alt),
    ):
        table = make(0.012) if make is ahead else make()
        before = table.copy()
        tell(table, style=STYLE)
        pd.testing.assert_frame_equal(table, before)


def test_the_sentences_fit_the_tables_that_the_package_makes(sample_orders):
    origin = pd.Timestamp("1998-03-31")
    window = {"origin": origin, "horizon_days": 91, "gap_days": 0}
    features = churn_features.build(sample_orders, **window)
    churned = churn_features.label(
        sample_orders, customers=features.index, as_of=pd.Timestamp("1998-06-30"), **window
    )

    def predict(table: pd.DataFrame) -> pd.Series:
        return 1 / (1 + np.exp(1 - table["days_since_last"] / 100))

    probability = predict(features)
    recalibrated = recalibration.recalibrate(churned, probability.to_frame("chosen"))
    told = churn_findings.level(
        recalibrated.loc["chosen"], predicted=probability, churned=churned, style=STYLE
    )
    assert plain(told).startswith("Im Prüfzeitraum war das Risiko im Mittel")
    known = features[["days_since_last", "n_orders", "active_months"]]
    drivers = effects.importance(
        known, churned, predict=predict, groups=effects.correlated(known), seed=1
    )
    assert set(churn_findings.feature_names(drivers)) == set(drivers.index)
    moved = effects.local_effects(known, feature="days_since_last", predict=predict)
    shown = privacy.suppress(moved, count="customers", k=5)
    assert "steigt" in plain(churn_findings.effect(moved, feature="days_since_last", style=STYLE))
    assert "Werte" in plain(churn_findings.effect_alt(shown, style=STYLE))
    rhythms = early_warning.rhythms(sample_orders, as_of=origin)
    stages = early_warning.counts(rhythms, values=pd.Series(1.0, index=rhythms.index))
    assert "davon erst seit dieser Woche" in plain(churn_findings.watch(stages, style=STYLE))
    assert set(stages.index) == set(churn_findings.STAGES)
    alarms = churn_features.suspicious(features, churned)
    assert churn_findings.guards(alarms, moved=[], style=STYLE).passed
