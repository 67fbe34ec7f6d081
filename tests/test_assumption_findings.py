import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END

from workbench import (
    assumption_findings,
    cohort_drift,
    example_receipts,
    example_shop,
    regularity,
    spend,
    spend_models,
    spend_shrinkage,
    summary,
)
from workbench.formats import Style
from workbench.outputs import Missing
from workbench.spend_models import SpendChoice

STYLE = Style("de_DE", "EUR")
MISSING = Missing("mehr Daten")
GAMMA_GAMMA = spend.GammaGamma(6.0, 4.0, 15.0, (), 0.0, 1, 1.0)


def _rhythm(code, shape=1.0):
    return regularity.Regularity(shape, shape - 0.1, shape + 0.1, code, 500)


def _drift(code, change=0.0):
    return cohort_drift.CohortDrift(
        change, change - 0.1, change + 0.1, code, 91, 500, pd.DataFrame()
    )


def _shrinkage(*, slope=2.0, within=6.0, between=4.0):
    return spend_shrinkage.SpendShrinkage(
        30.0, slope, within, between, 33.0, ((1.0, 0.0), (0.0, 1.0)), 40, 90
    )


def _verdict(**changed):
    sound = {
        "independence": spend.Independence(0.05, 0.0, 0.1, 500),
        "rhythm": _rhythm("random"),
        "cohorts": _drift("stable"),
        "chosen": SpendChoice(GAMMA_GAMMA, "holds"),
    }
    return assumption_findings.verdict(**sound | changed)


# By hand


def test_the_rhythm_is_said_with_its_interval_and_what_follows():
    found = regularity.Regularity(2.04, 1.9, 2.2, "regular", 500)

    assert str(assumption_findings.regularity(found, style=STYLE)) == (
        "Die Kunden kaufen regelmäßiger, als es die Kaufmodelle annehmen (Regelmäßigkeit 2,04, "
        "Unsicherheitsbereich 1,90 bis 2,20; 1 heißt zufällig, mehr heißt regelmäßiger). Wer "
        "ungewöhnlich lange schweigt, ist häufiger schon fort, als die Modelle annehmen."
    )


def test_bunches_and_chance_have_their_own_words():
    bunched = str(assumption_findings.regularity(_rhythm("irregular", 0.5), style=STYLE))
    chance = str(assumption_findings.regularity(_rhythm("random"), style=STYLE))

    assert bunched.startswith("Die Kunden kaufen in Schüben (Regelmäßigkeit 0,50")
    assert "häufiger noch Kunde" in bunched
    assert chance.startswith("Die Kunden kaufen, soweit zu erkennen, etwa so zufällig")
    assert "Wer lange" not in chance


@pytest.mark.parametrize(
    ("code", "change", "head", "word"),
    [
        ("rising", 0.25, "Spätere Kunden kaufen häufiger wieder als frühere", "25,0\xa0% mehr"),
        ("falling", -0.25, "Spätere Kunden kaufen seltener wieder", "25,0\xa0% weniger"),
        ("stable", -0.02, "Dass spätere Kunden anders kaufen als frühere", "2,0\xa0% weniger"),
    ],
)
def test_the_drift_is_said_with_direction_and_interval(code, change, head, word):
    text = str(assumption_findings.drift(_drift(code, change), style=STYLE))

    assert text.startswith(head)
    assert "In den ersten 91 Tagen nach dem ersten Kauf kommt die spätere Hälfte" in text
    assert f"der Neukunden auf {word} Wiederholungskäufe je Kunde als die frühere" in text


def test_the_interval_of_a_drift_has_a_direction_at_each_end():
    text = str(assumption_findings.drift(_drift("stable", -0.02), style=STYLE))

    assert "(Unsicherheitsbereich: 12,0\xa0% weniger bis 8,0\xa0% mehr)" in text


def test_the_choice_of_spend_model_says_why():
    def text(code, **model):
        chosen = SpendChoice(_shrinkage(**model) if model else GAMMA_GAMMA, code)
        return str(assumption_findings.spend_choice(chosen, style=STYLE))

    assert text("holds").startswith("Der Betrag je Kauf kommt aus dem Gamma-Gamma-Modell")
    assert text("tied", slope=2.0).endswith(
        "Deshalb wird das eigene Mittel jedes Kunden zum Durchschnitt der Kunden mit ähnlich "
        "vielen Käufen gezogen: Bei 2,2 Wiederholungskäufen zählen beide gleich viel."
    )
    assert "zum Durchschnitt gezogen: Bei" in text("too_few_data", slope=0.0)
    assert "gilt der Durchschnitt für alle" in text("no_interior_optimum", between=0.0)
    assert "stets denselben Betrag" in text("infinite_mean", within=0.0)


def test_the_error_of_amounts_is_set_against_the_better_naive_mean():
    accuracy = pd.DataFrame(
        {
            "customers": [491] * 3,
            "spend_mae": [16.37, 17.35, 18.92],
            "spend_rmse": [27.0, 30.0, 31.6],
            "bias": [-0.048, -0.046, -0.084],
        },
        index=pd.Index(["gamma_gamma", "own_mean", "base_mean"], name="forecast"),
    )

    assert str(assumption_findings.spend_error(accuracy, style=STYLE)) == (
        "Bei 491 Wiederkäufern, die im Prüfzeitraum kauften, liegt der erwartete Betrag je Kauf im "
        "Mittel um 16,37\xa0€ daneben. Der Fehler (RMSE) ist um 10,0\xa0% kleiner als der des "
        "besten einfachen Verfahrens, „Eigener Durchschnittsbetrag“; die Summe liegt 4,8\xa0% "
        "unter dem, was bezahlt wurde."
    )
    named = assumption_findings.spend_accuracy(accuracy)
    assert named.index[0] == "Gamma-Gamma"


# Properties


def test_the_verdict_passes_where_nothing_speaks_against_the_models():
    found = _verdict()

    assert (found.name, found.label) == ("clv_assumptions", "Voraussetzungen des Modells")
    assert found.passed
    assert str(found.sentence) == "Keine der geprüften Annahmen ist nach der Regel verletzt."


@pytest.mark.parametrize(
    ("changed", "reason", "follows"),
    [
        ({"rhythm": _rhythm("regular", 2.0)}, "recht regelmäßig", "häufiger schon fort"),
        ({"rhythm": _rhythm("irregular", 0.5)}, "in Schüben", "häufiger noch Kunde"),
        ({"cohorts": _drift("rising", 0.3)}, "häufiger wieder", "eher zu niedrig"),
        ({"cohorts": _drift("falling", -0.3)}, "seltener wieder", "eher zu hoch"),
        (
            {"independence": spend.Independence(0.3, 0.2, 0.4, 500)},
            "Betrag und Häufigkeit zusammenhängen",
            "auch nach der Häufigkeit",
        ),
        ({"chosen": SpendChoice(_shrinkage(), "infinite_mean")}, "sehr große Käufe", "Prüfen Sie"),
        ({"chosen": SpendChoice(_shrinkage(), "no_interior_optimum")}, "Gamma-Gamma", "einfacher"),
    ],
)
def test_each_assumption_can_fail_the_verdict(changed, reason, follows):
    found = _verdict(**changed)

    assert not found.passed
    assert str(found.sentence).startswith("Gegen die Annahmen spricht, dass ")
    assert reason in str(found.sentence)
    assert follows in str(found.consequence)


def test_several_failures_stand_in_one_sentence_and_none_twice():
    found = _verdict(
        independence=spend.Independence(0.3, 0.2, 0.4, 500),
        chosen=SpendChoice(_shrinkage(), "tied"),
        rhythm=_rhythm("regular", 2.0),
        cohorts=_drift("falling", -0.3),
    )

    assert str(found.sentence) == (
        "Gegen die Annahmen spricht, dass Betrag und Häufigkeit zusammenhängen, dass die Kunden "
        "recht regelmäßig kaufen und dass spätere Kunden seltener wieder kaufen als frühere."
    )


def test_what_could_not_be_tested_is_said_and_does_not_fail():
    found = _verdict(rhythm=MISSING, cohorts=MISSING)

    assert found.passed
    assert str(found.sentence).endswith(
        "Nicht zu prüfen war, wie regelmäßig die Kunden kaufen und ob spätere Kunden anders kaufen "
        "als frühere."
    )


def test_nothing_tested_does_not_pass():
    found = _verdict(independence=MISSING, rhythm=MISSING, cohorts=MISSING, chosen=MISSING)

    assert not found.passed
    assert str(found.sentence) == "Keine der Annahmen ließ sich prüfen."
    few = _verdict(chosen=SpendChoice(_shrinkage(), "too_few_data"))
    assert few.passed


def test_the_rule_states_every_threshold():
    text = str(assumption_findings.rule(style=STYLE))
    for number in ("0,1 ", "0,80", "1,25", "10\xa0%"):
        assert number in text


# Against an authority


def test_cdnow_passes_as_the_literature_that_fits_these_models_to_it_would_have_it(sample_orders):
    split = summary.split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)
    known = sample_orders[sample_orders["date"] <= CALIBRATION_END]

    found = assumption_findings.verdict(
        independence=spend.independence(split.calibration),
        rhythm=regularity.estimate(sample_orders, seed=1),
        cohorts=cohort_drift.measure(sample_orders, as_of=HOLDOUT_END, age_days=133, seed=1),
        chosen=spend_models.choose(known, summary=split.calibration),
    )

    assert found.passed


def test_musterhandel_passes_because_its_customers_buy_by_the_models_but_for_christmas():
    lines = example_shop.make(seed=example_shop.SEED).transactions
    people = ~lines["customer_id"].isin(("", example_receipts.COLLECTIVE))
    bought = lines[people & (lines["quantity"] > 0)]
    orders = bought.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    as_of = orders["date"].max()
    age_days = cohort_drift.default_age_days(orders["date"].min(), as_of=as_of)
    customers = summary.summarise(orders, as_of=as_of)

    rhythm = regularity.estimate(orders, seed=1)
    cohorts = cohort_drift.measure(orders, as_of=as_of, age_days=age_days, seed=1)
    independence = spend.independence(customers)
    chosen = spend_models.choose(orders, summary=customers)

    assert rhythm.shape == pytest.approx(1.0273, abs=5e-5)
    assert rhythm.lower < 1 < rhythm.upper
    assert cohorts.change == pytest.approx(0.0397, abs=5e-5)
    assert cohorts.lower < 0 < cohorts.upper
    assert independence.lower < 0 < independence.upper
    assert chosen.code == "holds"
    assert assumption_findings.verdict(
        independence=independence, rhythm=rhythm, cohorts=cohorts, chosen=chosen
    ).passed
