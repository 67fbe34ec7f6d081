import numpy as np
import pandas as pd
import pytest

from workbench import (
    assumption_findings,
    backtest_findings,
    backtests,
    churn_findings,
    churn_training,
    cohorts,
    findings,
    forecast_measures,
    gates,
    intervals,
    labels,
    lifecycle,
    measured_coverage,
    nbd,
    outputs,
    privacy,
    published_model,
    purchase_models,
    segments,
    value_findings,
)
from workbench.formats import Style
from workbench.outputs import Sentence
from workbench.spend import Independence
from workbench.stored_model import Calibration, Model

NBSP = "\u00a0"
STYLE = Style("de_DE", "EUR")
NAN = float("nan")


def plain(sentence: Sentence) -> str:
    """Return the text with ordinary spaces."""
    return str(sentence).replace(NBSP, " ")


def summary(n: int = 6) -> pd.DataFrame:
    index = pd.Index([f"c{i}" for i in range(n)], name="customer_id")
    frequency = [1] * (n // 3) + [0] * (n - n // 3)
    table = pd.DataFrame({"frequency": frequency, "revenue": 250.5}, index=index)
    return table.assign(n_orders=table["frequency"] + 1)


def orders() -> pd.DataFrame:
    # The first row is a return, and no purchase.
    days = pd.to_datetime(["1996-12-24", "1997-02-03", "1997-01-01"])
    return pd.DataFrame({"date": days, "amount": [-5.0, 10.0, 20.0]})


def balance(kept: int, *, lost: int = 0, settled: int = 0, left_out: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reason": ["read", "duplicate", "return_settled", "after_as_of", "kept"],
            "kind": ["", "lost", "settled", "left_out", ""],
            "amount": 0.0,
            "n_rows": [kept + lost + settled + left_out, lost, settled, left_out, kept],
        }
    )


def months() -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=3, freq="MS", name="month")
    return pd.DataFrame(
        {
            "known_customers": [0, 20, 10],
            "new_customers": [20, 10, 0],
            "revenue_known": [0.0, 150.0, 50.0],
            "revenue_new": [100.0, 100.0, 0.0],
        },
        index=index,
    )


def order_counts() -> pd.DataFrame:
    index = pd.Index(["1", "2", "3", "4", "5", "6", "7+"], name="n_orders")
    customers = [1411, 439, 214, 100, 62, 67, 64]
    table = pd.DataFrame({"customers": customers}, index=index)
    return table.assign(customer_share=table["customers"] / 2357)


def concentration() -> pd.DataFrame:
    index = pd.Index([0.1, 0.2, 0.5, 1.0], name="top_share")
    return pd.DataFrame(
        {"customers": [20, 40, 100, 200], "share_of_total": [0.45, 0.62, 0.875, 1.0]}, index=index
    )


def sizes() -> pd.DataFrame:
    index = pd.Index(["Spitzenkunden", "Stammkunden", "Ruhende"], name="segment")
    return pd.DataFrame(
        {
            "customers": [10, 30, 60],
            "customer_share": [0.1, 0.3, 0.6],
            "revenue": [500.0, 400.0, 100.0],
            "revenue_share": [0.5, 0.4, 0.1],
        },
        index=index,
    )


def states() -> pd.DataFrame:
    index = pd.Index(lifecycle.STATES, name="state")
    return pd.DataFrame(
        {
            "customers": [10, 50, 20, 8, 1200, 7],
            "customer_share": np.array([10, 50, 20, 8, 1200, 7]) / 1295,
            "revenue": 1.0,
            "revenue_share": [0.1, 0.1, 0.4, 0.15, 0.21, 0.04],
        },
        index=index,
    )


def grid(largest: float = 1234) -> pd.DataFrame:
    cells = segments.GRID.stack().rename("segment").to_frame().assign(customers=10.0)
    cells.loc[(2, 1), "customers"] = largest
    return cells


def by_frequency() -> pd.DataFrame:
    return pd.DataFrame(
        {"customers": [1000, 200, 0], "actual": [0.2, 4.0, NAN], "expected": [0.21, 3.5, NAN]},
        index=pd.RangeIndex(3, name="frequency"),
    )


def weeks(actual: float = 1000.0, expected: float = 879.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "is_holdout": [False, True],
            "actual": [5.0, actual],
            "expected": [7.0, expected],
            "cumulative_actual": [5.0, actual],
            "cumulative_expected": [7.0, expected],
        },
        index=pd.RangeIndex(1, 3, name="step"),
    )


def opinion(
    difference: float = 3e-6, *, failed: bool = False, lost: float = 0.5, error: str = ""
) -> pd.DataFrame:
    theirs = NAN if failed or error else 4.4
    return pd.DataFrame(
        {
            "model": "bg_nbd",
            "parameter": ["r", "alpha", "log_likelihood"],
            "workbench": [0.24, 4.4, -90.0],
            "lifetimes": [NAN if error else 0.24, theirs, theirs - 94.4 - lost],
            "relative_difference": [-difference, difference / 2 + 0 * theirs, lost / 90],
            "lifetimes_error": error or ("ConvergenceError" if failed else ""),
        }
    )


def deciles() -> pd.DataFrame:
    index = pd.RangeIndex(1, 11, name="decile")
    return pd.DataFrame({"customers": 20, "mean_value": np.arange(10, 0, -1) * 123.4}, index=index)


def quality() -> pd.DataFrame:
    index = pd.Index(["Zeit seit dem letzten Kauf", "Logistische Regression"])
    return pd.DataFrame({"auc": [0.829, 0.832], "chosen": [True, False]}, index=index)


def bins() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customers": [40, 40, 40],
            "predicted": [0.1, 0.5, 0.9],
            "observed": [0.12, 0.7, 0.88],
            "low": [0.05, 0.6, 0.8],
            "high": [0.2, 0.8, 0.95],
        },
        index=pd.RangeIndex(1, 4, name="bin"),
    )


def accuracy(rank: float = 0.45) -> pd.DataFrame:
    return pd.DataFrame(
        {"concordance": [0.74, 0.76], "rank_correlation": [0.49, rank]},
        index=pd.Index(["own_rate", "bgnbd"], name="forecast"),
    )


def closed_months() -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=5, freq="MS", name="month")
    return pd.DataFrame({"new_customers": [20, 3, 0, 0, 0]}, index=index)


def untrained() -> churn_training.Training:
    """Return what the training found where customers were too few."""
    model = Model("repeat", "base_rate", {}, None, 0.5, Calibration("none"))
    none = pd.DataFrame()
    verdict = churn_training.UNTESTED
    return churn_training.Training(model, none, none, none, pd.Series(), verdict, "too few")


def importance() -> pd.DataFrame:
    index = pd.Index(["Zeit seit dem letzten Kauf", "Umsatz"], name="label")
    return pd.DataFrame({"auc_loss": [0.1234, 0.001]}, index=index)


# by hand: every sentence


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (
            findings.base(
                summary(), orders=orders(), as_of=pd.Timestamp("1998-06-30"), k=5, style=STYLE
            ),
            "Vom 01.01.1997 bis zum 30.06.1998 haben 6 Kunden mit 8 Käufen 1.503 € ausgegeben; "
            "33,3 % von ihnen kauften mehr als einmal.",
        ),
        (
            findings.cleaning(balance(6919), style=STYLE),
            "Alle 6.919 Zeilen sind brauchbar; es wurde nichts entfernt.",
        ),
        (
            findings.cleaning(balance(1500, lost=500), style=STYLE),
            "Von 2.000 Zeilen bleiben 1.500. Entfernt wurden 500 (25,0 %), jede mit Grund.",
        ),
        (
            findings.cleaning(balance(1500, lost=100, settled=80, left_out=20), style=STYLE),
            "Von 1.700 Zeilen bleiben 1.500. Entfernt wurden 100 (5,9 %), jede mit Grund. "
            "80 sind Retouren oder von ihnen aufgehoben. 20 zählen nicht mit: später als der "
            "Stichtag, gelöscht oder mit Widerspruch.",
        ),
        (
            findings.months(months(), style=STYLE),
            "50 % des Umsatzes stammen von Kunden, die schon einmal gekauft hatten",
        ),
        (
            findings.months_alt(months(), style=STYLE),
            "Säulen für 3 Monate, geteilt in Bestandskunden und Neukunden. "
            "Der stärkste Monat beginnt am 01.02.2024 und bringt 250 €.",
        ),
        (
            findings.order_counts(order_counts(), style=STYLE),
            "60 % der Kunden haben genau einmal gekauft",
        ),
        (
            findings.order_counts_alt(order_counts(), style=STYLE),
            "Säulen für die Zahl der Käufe je Kunde: 1.411 Kunden kauften einmal, "
            "64 Kunden 7 Mal oder öfter.",
        ),
        (
            findings.concentration(concentration(), what="des Umsatzes", style=STYLE),
            "Auf das beste Zehntel der Kunden entfallen 45 % des Umsatzes",
        ),
        (
            findings.concentration_alt(concentration(), style=STYLE),
            "Kurve über der Diagonale: Auf die beste Hälfte der Kunden entfallen 88 %, "
            "auf das beste Fünftel 62 %.",
        ),
        (
            findings.segments(sizes(), style=STYLE),
            "Spitzenkunden: 10 % der Kunden, 50 % des Umsatzes",
        ),
        (
            findings.shares_alt(sizes(), style=STYLE),
            "Zwei Balken je Gruppe, Anteil der Kunden und Anteil am Umsatz, für 3 Gruppen. "
            "Die größte Gruppe heißt Ruhende und umfasst 60 % der Kunden.",
        ),
        (
            findings.grid(grid(), style=STYLE),
            "Die vollste Zelle, 1.234 Kunden, hat die Note 2 für den letzten Kauf "
            "und die Note 1 für die Häufigkeit",
        ),
        (
            findings.grid_alt(grid(), style=STYLE),
            "Gitter aus 25 Zellen, Note für den letzten Kauf mal Note für die Häufigkeit, "
            "mit der Zahl der Kunden; dunkler heißt mehr Kunden.",
        ),
        (
            findings.lifecycle(states(), style=STYLE),
            "1.208 Kunden mit mehreren Käufen machen eine ungewöhnlich lange Pause; sie brachten "
            "bisher 36 % des Umsatzes",
        ),
        (
            value_findings.independence(Independence(0.1139, 0.05, 0.176, 946), style=STYLE),
            "Unter Wiederkäufern hängen Kaufbetrag und Häufigkeit schwach zusammen "
            "(Korrelation 0,11, Unsicherheitsbereich 0,05 bis 0,18).",
        ),
        (
            value_findings.by_frequency(by_frequency(), style=STYLE),
            "Das Modell erwartet 910 Käufe, gekauft wurde 1.000 Mal",
        ),
        (
            value_findings.tracking(weeks(), style=STYLE),
            "Nach dem Ende des Lernens liegt die erwartete Summe 12,1 % unter der beobachteten",
        ),
        (
            value_findings.tracking(weeks(expected=1200.0), style=STYLE),
            "Nach dem Ende des Lernens liegt die erwartete Summe 20,0 % über der beobachteten",
        ),
        (
            value_findings.tracking_alt(weeks(), style=STYLE),
            "Zwei steigende Kurven über 2 Wochen: beobachtet bis 1.000, "
            "erwartet bis 879 Wiederholungskäufe.",
        ),
        (
            value_findings.value_note(365, 0.1, style=STYLE),
            "in den nächsten 365 Tagen, abgezinst mit 10,0 % im Jahr",
        ),
        (
            value_findings.median_note(pd.DataFrame({"clv": [1.0, 2.5, 90.0]}), style=STYLE),
            "die Hälfte der Kunden ist weniger als 2,50 € wert",
        ),
        (churn_findings.window_note(91, style=STYLE), "in den nächsten 91 Tagen"),
        (
            value_findings.value(
                pd.DataFrame({"clv": [1000.0, 234.5]}),
                recent=2000.0,
                past_days=365,
                horizon_days=365,
                margin=1.0,
                style=STYLE,
            ),
            "Die 2 Kunden von heute bringen in den nächsten 365 Tagen voraussichtlich 1.234 € "
            "Umsatz (abgezinst); in den letzten 365 Tagen waren es 2.000 €. Kunden, die erst "
            "noch kommen, sind in der Vorhersage nicht enthalten.",
        ),
        (
            value_findings.value(
                pd.DataFrame({"clv": [10.0]}),
                recent=20.0,
                past_days=91,
                horizon_days=91,
                margin=0.3,
                style=STYLE,
            ),
            "Die 1 Kunden von heute bringen in den nächsten 91 Tagen voraussichtlich 10 € "
            "Deckungsbeitrag (abgezinst); in den letzten 91 Tagen waren es 20 €. Kunden, die erst "
            "noch kommen, sind in der Vorhersage nicht enthalten.",
        ),
        (findings.newcomers(months(), style=STYLE), "In 2 von 3 Monaten kamen neue Kunden hinzu."),
        (
            findings.newcomers(closed_months(), style=STYLE),
            "Seit 3 Monaten kommt kein neuer Kunde hinzu: Die Daten sind eine geschlossene Gruppe. "
            "Aussagen über Neukunden gelten für sie nicht.",
        ),
        (
            value_findings.ranking(accuracy(), model="bgnbd", style=STYLE),
            "Nach der Rangkorrelation ordnet ein einfaches Verfahren besser (0,490 gegen 0,450). "
            "Sie zieht auch dann Punkte ab, wenn ein Verfahren Kunden unterscheidet, die später "
            "alle nichts kauften; deshalb richtet sich das Urteil nach der Konkordanz.",
        ),
        (
            value_findings.ranking(accuracy(rank=0.5), model="bgnbd", style=STYLE),
            "Konkordanz und Rangkorrelation kommen zum gleichen Schluss über die Reihenfolge der "
            "Kunden.",
        ),
        (
            value_findings.deciles(deciles(), style=STYLE),
            "Ein Kunde im besten Zehntel ist im Mittel 1.234 € wert, im fünften 740 €",
        ),
        (
            value_findings.deciles_alt(deciles(), style=STYLE),
            "Fallende Säulen für 10 Zehntel der Kunden, vom wertvollsten mit 1.234 € "
            "bis zum letzten mit 123 € je Kunde.",
        ),
        (
            churn_findings.quality(quality(), style=STYLE),
            "Das gewählte Verfahren erreicht 0,829, das trennschärfste 0,832",
        ),
        (
            churn_findings.quality_alt(quality(), style=STYLE),
            "Balken der Trennschärfe für 2 Verfahren, von 0,829 bis 0,832.",
        ),
        (
            churn_findings.calibration(bins(), style=STYLE),
            "In 1 von 3 Gruppen liegt die Vorhersage außerhalb des Unsicherheitsbereichs; die "
            "größte Abweichung beträgt 20,0 Prozentpunkte",
        ),
        (
            churn_findings.calibration_alt(bins(), style=STYLE),
            "Punkte mit Fehlerbalken entlang der Diagonale: vorhergesagt 10 % bis 90 %, "
            "tatsächlich 12 % bis 88 %.",
        ),
        (
            churn_findings.risk(
                pd.Series([0.9, 0.5, 0.1]),
                tested=pd.Series([0.9, 0.5, 0.4]),
                churned=pd.Series([True, True, False]),
                horizon_days=91,
                style=STYLE,
            ),
            "Von den 3 Wiederkäufern, die noch abwandern können, werden in den nächsten 91 Tagen "
            "voraussichtlich 2 kaufen. In der letzten Probe hatte die Prognose 20,0 % zu viele "
            "Käufer erwartet.",
        ),
        (
            churn_findings.importance(importance(), label="Boosting", style=STYLE),
            "Boosting: Am meisten zählt das Merkmal „Zeit seit dem letzten Kauf“",
        ),
        (
            churn_findings.importance_alt(importance(), style=STYLE),
            "Balken für 2 Merkmale; beim wichtigsten gehen 0,123 Trennschärfe verloren, wenn seine "
            "Werte unter den Kunden gemischt werden.",
        ),
    ],
    ids=lambda value: None if isinstance(value, Sentence) else value[:40],
)
def test_a_sentence_says_in_german_what_the_table_holds(sentence, text):
    assert plain(sentence) == text


def test_the_holdout_sentence_describes_both_lines():
    comparison = by_frequency().iloc[:2]
    assert plain(value_findings.by_frequency_alt(comparison, style=STYLE)).endswith(
        "Beobachtet steigt sie von 0,20 auf 4,00, erwartet von 0,21 auf 3,50."
    )


@pytest.mark.parametrize(
    ("correlation", "word"),
    [
        (0.0, "kaum"),
        (-0.09, "kaum"),
        (0.1, "schwach"),
        (-0.29, "schwach"),
        (0.3, "deutlich"),
        (-0.9, "deutlich"),
    ],
)
def test_the_word_for_a_correlation_follows_its_size(correlation, word):
    found = Independence(correlation, -1.0, 1.0, 50)
    assert f"Häufigkeit {word} zusammen" in plain(value_findings.independence(found, style=STYLE))


@pytest.mark.parametrize("code", ["", "no_dropout", "flat_ridge"])
def test_every_caution_is_a_sentence_and_a_warning_where_one_is_due(code):
    text = plain(value_findings.caution(code))
    assert text.endswith(".") and text.startswith("Achtung: ") == bool(code)


def test_numbers_are_written_as_the_style_says():
    swiss = Style("de_CH", "CHF")
    assert str(findings.months_alt(months(), style=swiss)).endswith(f"bringt CHF{NBSP}250.")
    assert str(findings.months(months(), style=swiss)).startswith("50% ")


# by hand: verdicts


@pytest.mark.parametrize(("difference", "agrees"), [(3e-6, True), (1e-4, True), (1.1e-4, False)])
def test_the_second_opinion_agrees_up_to_its_tolerance(difference, agrees):
    shown = value_findings.second_opinion(opinion(difference), style=STYLE)
    assert (shown.name, shown.passed) == ("clv_second_opinion", agrees)
    assert "(erlaubt: 0,01 %)" in plain(shown.sentence)
    begin = "Die Parameter sind durch" if agrees else "Lassen Sie die Parameter prüfen"
    assert plain(shown.consequence).startswith(begin)


def test_the_second_opinion_names_the_largest_difference():
    shown = value_findings.second_opinion(opinion(3e-6), style=STYLE)
    assert "lifetimes beträgt 0,00030 % (erlaubt" in plain(shown.sentence)


def test_a_second_opinion_that_fails_confirms_nothing():
    shown = value_findings.second_opinion(opinion(failed=True), style=STYLE)
    assert shown.passed is False
    assert plain(shown.sentence) == (
        "Das Paket lifetimes findet auf diesen Daten keine Lösung; unsere steht allein."
    )


def test_parameters_on_a_flat_ridge_are_confirmed_by_their_likelihood():
    shown = value_findings.second_opinion(opinion(3e-4, lost=1e-6), style=STYLE)
    assert shown.passed
    assert "Beide Lösungen erklären die Daten gleich gut." in plain(shown.sentence)
    assert "die Parameter nicht einzeln" in plain(shown.consequence)


def test_a_second_opinion_that_was_not_asked_is_not_one_that_failed():
    shown = value_findings.second_opinion(opinion(error="too_many_profiles"), style=STYLE)
    assert shown.passed is False
    assert "rechnet das Paket lifetimes zu lange" in plain(shown.sentence)


def judged(code="better", **changed) -> gates.Verdict:
    given = dict(
        code=code,
        reasons=(),
        model="bg_nbd",
        best_naive="same_count_again",
        n_origins=3,
        n_origins_won=3,
        error_gain=0.141,
        error_gain_lower=0.102,
        error_gain_upper=0.178,
        concordance=0.72,
        naive_concordance=0.71,
        bias_size=0.14,
        naive_bias_size=0.21,
        bias=-0.14,
        signal=9.0,
    )
    return gates.Verdict(**given | changed)


@pytest.mark.parametrize(
    ("found", "passed", "start", "consequence"),
    [
        (
            judged(),
            True,
            "BG/NBD ist besser als alle einfachen Verfahren. Gegenüber „Gleich viele Käufe wie "
            "bisher“, dem besten von ihnen, ist der Fehler (RMSE) um 14,1 % kleiner "
            "(Unsicherheitsbereich: 10,2 % kleiner bis 17,8 % kleiner); an 3 von 3 Stichtagen "
            "liegt das Modell vorn.",
            "Die Rangfolge der Kunden",
        ),
        (
            judged("tied", reasons=("sum",)),
            False,
            "BG/NBD ist gleichauf mit dem besten einfachen Verfahren",
            "Das einfache Verfahren genügt",
        ),
        (
            judged(
                "worse",
                reasons=("error", "signal"),
                error_gain=-0.097,
                error_gain_lower=-0.148,
                error_gain_upper=0.02,
            ),
            False,
            "BG/NBD ist schlechter als das beste einfache Verfahren. Gegenüber „Gleich viele Käufe "
            "wie bisher“, dem besten von ihnen, ist der Fehler (RMSE) um 9,7 % größer "
            "(Unsicherheitsbereich: 14,8 % größer bis 2,0 % kleiner)",
            "Planen Sie mit dem einfachen Verfahren",
        ),
        (
            judged("untested"),
            False,
            "BG/NBD, mit dem die Kundenwerte gerechnet sind, lässt sich an keinem Stichtag",
            "Ob die Kundenwerte stimmen",
        ),
    ],
)
def test_the_verdict_over_several_origins_says_who_is_better_and_what_follows(
    found, passed, start, consequence
):
    shown = backtest_findings.verdict(found, style=STYLE)
    assert (shown.name, shown.passed) == ("clv_backtest", passed)
    assert plain(shown.sentence).startswith(start)
    assert plain(shown.consequence).startswith(consequence)
    if "signal" in found.reasons:
        assert "lässt sich hier nichts vorhersagen" in plain(shown.sentence)


def test_the_choice_names_the_model_and_why():
    days = tuple(pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"]))
    table = pd.DataFrame()
    placed = backtests.Origins(days, 91, "disjoint")
    shown = backtest_findings.choice(
        gates.Choice("mbg_nbd", "simplest_of_tied", table), placed, style=STYLE
    )
    assert plain(shown) == (
        "Geprüft wurde an 3 Stichtagen. Die Prüfzeiträume folgen lückenlos aufeinander. Die Wahl "
        "fällt auf MBG/NBD: unter den fast gleich guten ist es das einfachste."
    )
    nobody = backtest_findings.choice(gates.Choice("", "none", table), placed, style=STYLE)
    assert plain(nobody).endswith("Keines der Modelle lässt sich anpassen.")


@pytest.mark.parametrize(
    ("code", "passed_over", "text"),
    [
        (
            "chosen",
            {},
            "Die Kundenwerte rechnen mit dem gewählten Modell, NBD ohne Abwanderung. Ob und wann "
            "Kunden gehen, lässt sich aus diesen Daten nicht bestimmen; das Modell rechnet "
            "deshalb so, als ginge niemand.",
        ),
        (
            "next_best",
            {"bg_nbd": "no_dropout"},
            "Die Kundenwerte rechnen mit NBD ohne Abwanderung, dem nächstbesten. Auf allen Daten "
            "fallen aus: BG/NBD: nach diesem Modell wandert fast niemand ab.",
        ),
        (
            "untested",
            {},
            "Die Kundenwerte rechnen mit NBD ohne Abwanderung; an früheren Stichtagen ließ sich "
            "kein Modell prüfen.",
        ),
    ],
)
def test_the_page_says_which_model_it_publishes_and_which_it_passed_over(code, passed_over, text):
    model = nbd.Nbd(0.5, 80.0, ((0.01, 0.0), (0.0, 9.0)), -100.0, 50, 30, 12.0)
    found = published_model.Published(model, code, passed_over, {"nbd": model})
    assert plain(backtest_findings.published(found)) == text


def test_the_range_of_the_value_says_what_it_was_widened_by():
    band = intervals.Band(616_142.0, 1_019_539.0)
    how = {"proven": None, "window_days": 273, "horizon_days": 365, "style": STYLE}
    shown = plain(backtest_findings.value_range(band, ratios=[0.9, 0.75, 1.05], **how))
    assert shown == (
        "Rechnen Sie mit 616.142 € bis 1.019.539 €. An 3 früheren Stichtagen erreichte dieselbe "
        "Rechnung für 273 Tage 75 % bis 105 % des tatsächlichen Umsatzes; der Bereich lässt "
        "entsprechend Platz, und mehr für 365 Tage. Er soll in 90 % der Fälle halten."
    )
    held = how | {"proven": pd.Series([True, False]), "horizon_days": 273}
    low = plain(backtest_findings.value_range(band, ratios=[0.9, 0.8], **held))
    assert "des tatsächlichen Umsatzes, jedes Mal zu wenig; der Bereich lässt" in low
    assert low.endswith("kannte, hielt in der Probe an 1 von 2 Stichtagen.")
    high = plain(backtest_findings.value_range(band, ratios=[1.2], **held))
    assert ", jedes Mal zu viel; der Bereich lässt entsprechend Platz. Er soll" in high
    alone = plain(backtest_findings.value_range(band, ratios=[], **how))
    assert "Dieser Bereich ist zu eng" in alone


@pytest.mark.parametrize(
    ("bias", "size", "text"),
    [
        (-0.14, 0.14, "Seine Summe liegt an jedem Stichtag unter, im Mittel 14,0 % unter dem, was"),
        (0.2, 0.2, "Seine Summe liegt an jedem Stichtag über, im Mittel 20,0 % über dem, was"),
        (0.01, 0.1, "Seine Summe liegt mal über, mal unter, im Mittel 10,0 % neben dem, was"),
    ],
)
def test_sums_on_both_sides_of_the_truth_do_not_cancel(bias, size, text):
    found = judged(bias=bias, bias_size=size)
    assert text in plain(backtest_findings.verdict(found, style=STYLE).sentence)
    assert text in plain(backtest_findings.money(found, style=STYLE))


def test_where_nobody_buys_is_the_best_forecast_no_value_is_recommended():
    shown = backtest_findings.verdict(judged("worse", best_naive="nobody_buys"), style=STYLE)
    assert plain(shown.consequence) == (
        "Verwenden Sie die Kundenwerte nicht: Schon „Niemand kauft“ trifft besser."
    )


@pytest.mark.parametrize(
    ("counts", "money", "usable"),
    [
        ({"code": "better"}, {"code": "better"}, True),
        ({"code": "tied"}, {"code": "worse", "bias_size": 0.5}, True),
        ({"code": "better"}, {"code": "worse", "bias_size": 0.51}, False),
        ({"code": "better"}, {"code": "tied", "bias_size": 0.7}, True),
        ({"code": "worse"}, {"code": "better"}, False),
        ({"code": "untested"}, {"code": "untested"}, False),
        ({"code": "tied", "reasons": ("signal",)}, {"code": "tied"}, False),
    ],
)
def test_values_are_shown_where_the_model_is_worth_having(counts, money, usable):
    assert gates.is_usable(judged(**counts), paid=judged(**money)) is usable


def test_the_rule_of_the_backtests_is_stated_with_its_numbers():
    text = plain(backtest_findings.rule(style=STYLE))
    for number in (
        STYLE.share(gates.MIN_RMSE_GAIN),
        STYLE.number(gates.MAX_CONCORDANCE_LOSS),
        STYLE.share(gates.MAX_BIAS_LOSS),
    ):
        assert str(number).replace(NBSP, " ") in text


def test_every_forecast_and_problem_has_a_german_name():
    assert {*forecast_measures.NAIVE, *purchase_models.MODELS} == set(backtest_findings.NAMES)
    assert set(backtest_findings.MEASURED) == set(measured_coverage.pooled().index)


def test_the_measured_coverage_is_said_with_its_worst_case():
    table = backtest_findings.measured_coverage()
    text = plain(backtest_findings.coverage(table, style=STYLE))
    worst = table["total_value_widened"].min()
    assert text.startswith("Versprochen sind 90 %. Außerhalb dieses Berichts wurde ")
    assert f"in {str(STYLE.share(worst)).replace(NBSP, ' ')} der Fälle. Für Ihre Daten" in text


@pytest.mark.parametrize(
    ("code", "start"),
    [
        ("better", "Auch beim Umsatz ist das Modell besser"),
        ("tied", "Beim Umsatz ist das Modell gleichauf"),
        ("worse", "Beim Umsatz ist das Modell schlechter"),
        ("untested", "Beim Umsatz lässt sich das Modell an keinem Stichtag prüfen."),
    ],
)
def test_the_verdict_on_revenue_is_one_sentence(code, start):
    assert plain(backtest_findings.money(judged(code), style=STYLE)).startswith(start)


def test_without_a_usable_model_the_page_says_what_to_plan_with():
    text = plain(value_findings.no_value(recent=1000.0, horizon_days=365, style=STYLE))
    assert text.endswith("1.000 € in den letzten 365 Tagen.")


def test_the_value_without_a_horizon_says_how_much_of_it_comes_soon():
    text = plain(value_findings.residual(400.0, within=100.0, horizon_days=365, style=STYLE))
    assert "400 € wert; 25 % davon fallen in die nächsten 365 Tage" in text


def test_the_names_of_the_verdicts_are_those_that_fatal_may_name():
    untested = outputs.Missing("Daten")
    shown = (
        backtest_findings.verdict(judged(), style=STYLE),
        assumption_findings.verdict(
            independence=untested, rhythm=untested, cohorts=untested, chosen=untested
        ),
        value_findings.second_opinion(opinion(), style=STYLE),
        churn_findings.churn_quality(untrained(), style=STYLE),
        churn_findings.guards(pd.DataFrame({"auc": []}), moved=[], style=STYLE),
    )
    # That of the data is worded in data_findings.
    assert ("datenqualitaet", *(one.name for one in shown)) == labels.VERDICTS


def test_the_rule_of_the_lifecycle_is_stated_with_its_numbers():
    limits = lifecycle.Pauses(usual=61.4, long=207.0, second_purchase=83.0)
    text = plain(findings.lifecycle_rule(limits, style=STYLE))
    steady = "bei 2 wöchentlichen Blicken in Folge"
    for number in (
        steady,
        "83 Tage her",
        "75 % seiner eigenen Pausen",
        "95 %",
        "0,7",
        "0,3",
        "61 und 207",
    ):
        assert number in text


# properties


def all_suppressed(table: pd.DataFrame) -> pd.DataFrame:
    numbers = table.select_dtypes("number").columns
    return table.assign(**dict.fromkeys(numbers, NAN))


SUPPRESSED = {
    "months": lambda: findings.months(all_suppressed(months()), style=STYLE),
    "months_alt": lambda: findings.months_alt(all_suppressed(months()), style=STYLE),
    "order_counts": lambda: findings.order_counts(all_suppressed(order_counts()), style=STYLE),
    "order_counts_alt": lambda: findings.order_counts_alt(
        all_suppressed(order_counts()), style=STYLE
    ),
    "concentration": lambda: findings.concentration(
        all_suppressed(concentration()), what="des Umsatzes", style=STYLE
    ),
    "concentration_alt": lambda: findings.concentration_alt(
        all_suppressed(concentration()), style=STYLE
    ),
    "segments": lambda: findings.segments(all_suppressed(sizes()), style=STYLE),
    "shares_alt": lambda: findings.shares_alt(all_suppressed(sizes()), style=STYLE),
    "grid": lambda: findings.grid(all_suppressed(grid()), style=STYLE),
    "lifecycle": lambda: findings.lifecycle(all_suppressed(states()), style=STYLE),
    "by_frequency": lambda: value_findings.by_frequency(
        all_suppressed(by_frequency()), style=STYLE
    ),
    "by_frequency_alt": lambda: value_findings.by_frequency_alt(
        all_suppressed(by_frequency()), style=STYLE
    ),
    "tracking": lambda: value_findings.tracking(weeks(actual=0.0, expected=0.0), style=STYLE),
    "deciles": lambda: value_findings.deciles(all_suppressed(deciles()), style=STYLE),
    "deciles_alt": lambda: value_findings.deciles_alt(all_suppressed(deciles()), style=STYLE),
    "calibration": lambda: churn_findings.calibration(all_suppressed(bins()), style=STYLE),
    "calibration_alt": lambda: churn_findings.calibration_alt(all_suppressed(bins()), style=STYLE),
}


@pytest.mark.parametrize("name", SUPPRESSED)
def test_a_table_that_is_all_suppressed_gives_a_dash_or_says_so_and_no_figure(name):
    text = plain(SUPPRESSED[name]())
    assert "–" in text or "zu klein" in text
    assert "nan" not in text.lower() and "inf " not in text
    figures = [n.value for n in SUPPRESSED[name]().values.values() if n.unit != "count"]
    assert not any(isinstance(value, float) for value in figures)


def test_groups_that_are_hidden_are_not_counted_as_missed():
    hidden = bins().assign(customers=[40, 40, 3])
    shown = privacy.suppress(hidden, count="customers", k=5)
    assert shown["predicted"].notna().sum() == 1
    text = plain(churn_findings.calibration(shown, style=STYLE))
    assert text.startswith("In 1 von 1 Gruppen") and "beträgt 20,0 Prozentpunkte" in text


def test_the_largest_segment_may_be_hidden_and_another_is_named():
    shown = sizes()
    shown.loc["Spitzenkunden"] = NAN
    assert plain(findings.segments(shown, style=STYLE)).startswith("Stammkunden: 30 %")


def test_one_hidden_state_hides_the_sum_of_both():
    shown = states()
    shown.loc["Bindung gefährdet"] = NAN
    assert plain(findings.lifecycle(shown, style=STYLE)).startswith("– Kunden mit mehreren Käufen")
    assert plain(findings.lifecycle(shown, style=STYLE)).endswith("bisher – des Umsatzes")


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_base_smaller_than_k_shows_neither_money_nor_shares_nor_days(n):
    sentence = findings.base(
        summary(n), orders=orders(), as_of=pd.Timestamp("1998-06-30"), k=5, style=STYLE
    )
    shown = {number.unit for number in sentence.values.values() if number.value is not None}
    assert shown <= {"count"} and len(sentence.values) == 1
    assert "1997" not in plain(sentence)


@pytest.mark.parametrize("label", ["{x}", "{auc}", "{", "Modell 2", "½", "{0.__class__}"])
def test_a_label_is_said_as_it_is(label):
    one = findings.segments(sizes().rename({"Spitzenkunden": label}), style=STYLE)
    assert plain(one).startswith(label)
    two = churn_findings.importance(importance(), label=label, style=STYLE)
    assert plain(two).startswith(f"{label}: ")
    named = importance().rename({"Zeit seit dem letzten Kauf": label})
    three = churn_findings.importance(named, label="Boosting", style=STYLE)
    assert plain(three).endswith(f"„{label}“")


def test_the_tables_are_left_as_they_were():
    for make, say in (
        (months, findings.months_alt),
        (sizes, findings.segments),
        (states, findings.lifecycle),
        (grid, findings.grid),
        (by_frequency, value_findings.by_frequency),
        (bins, churn_findings.calibration),
    ):
        table, before = make(), make()
        say(table, style=STYLE)
        pd.testing.assert_frame_equal(table, before)


def test_the_sentences_fit_the_tables_that_the_package_makes(sample_orders):
    from workbench.summary import summarise

    as_of = sample_orders["date"].max()
    customers = summarise(sample_orders, as_of=as_of)
    shown = privacy.suppress(cohorts.monthly_revenue(sample_orders), count="known_customers", k=5)
    assert "%" in plain(findings.months(shown, style=STYLE))
    assert "€" in plain(findings.months_alt(shown, style=STYLE))
    counts = privacy.suppress(cohorts.order_counts(customers), count="customers", k=5)
    text = plain(findings.order_counts_alt(counts, style=STYLE))
    assert text.endswith("Kunden 7 Mal oder öfter.")
    scores = segments.score(customers)
    sized = privacy.suppress(segments.segment_sizes(customers, scores), count="customers", k=5)
    assert findings.segments(sized, style=STYLE).values["segment"].value in segments.SEGMENTS
    cells = privacy.suppress(segments.score_grid(scores), count="customers", k=5)
    assert "die Note 1 für die Häufigkeit" in plain(findings.grid(cells, style=STYLE))


# messages


def test_an_unknown_caution_is_refused():
    with pytest.raises(KeyError, match="unknown"):
        value_findings.caution("unknown")
