import pandas as pd

from workbench import labelled_findings
from workbench.formats import Style
from workbench.labelled_models import Judged
from workbench.outputs import Sentence

NBSP = "\u00a0"
STYLE = Style("de_DE", "EUR")


def plain(sentence: Sentence) -> str:
    """Return the text with ordinary spaces, after checking that each number is used."""
    assert all("{" + name + "}" in sentence.template for name in sentence.values)
    return str(sentence).replace(NBSP, " ")


def judged(name: str, *, skill: float = 0.25) -> Judged:
    quality = pd.DataFrame(
        {
            "customers": 2240,
            "events": 334,
            "auc": 0.897,
            "auc_low": 0.881,
            "auc_high": 0.913,
            "brier_skill": skill,
        },
        index=["base_rate", "logistic"],
    )
    return Judged(name, quality, quality, quality, {}, pd.Series(dtype=int))


def test_the_set_and_the_chosen_model_are_told_with_their_figures():
    told = plain(labelled_findings.overview(judged("logistic"), features=25, style=STYLE))
    assert told == (
        "Von 2.240 Kunden trat das Ereignis bei 14,9 % ein. Aus 25 Merkmalen ordnet „Logistische "
        "Regression“ die Kunden mit einer Trennschärfe von 0,897 (Unsicherheitsbereich 0,881 bis "
        "0,913; Zufall wäre 0,5). Der Brier-Wert ist 25,0 % kleiner, als wenn man allen den "
        "mittleren Anteil zuschriebe."
    )
    worse = judged("logistic", skill=-0.1)
    assert "10,0 % größer" in plain(labelled_findings.overview(worse, features=25, style=STYLE))


def test_where_the_base_rate_wins_nothing_can_be_told():
    told = plain(labelled_findings.overview(judged("base_rate"), features=3, style=STYLE))
    assert told.endswith("Aus 3 Merkmalen lässt sich nicht sagen, bei wem.")


def test_the_rule_of_choice_has_its_numbers():
    told = plain(labelled_findings.choice_rule(style=STYLE))
    assert "höchstens 1 % über dem besten" in told


def test_the_page_says_what_a_set_without_time_costs():
    told = plain(labelled_findings.limits(style=STYLE))
    assert "Jeder der 5 Teile" in told and "ob ein Modell altert" in told


def test_a_feature_that_tells_too_much_is_named_fit_for_a_page():
    none = pd.DataFrame({"auc": []})
    assert plain(labelled_findings.alarms(none, style=STYLE)).startswith("Kein Merkmal allein")
    found = pd.DataFrame({"auc": [0.99, 0.95]}, index=["Kündigung an a@example.org", "x"])
    told = plain(labelled_findings.alarms(found, style=STYLE))
    assert "Das Merkmal „Kündigung an [E-Mail]“ allein erreicht eine Trennschärfe von 0,990" in told


def test_groups_of_features_are_called_by_the_first():
    found = pd.DataFrame(
        {"features": ["Income, MntWines, Visits", "Kind"], "auc_loss": [0.05, 0.01]},
        index=["Income", "Kind"],
    )
    named = labelled_findings.named(found)
    assert named.index.tolist() == ["Income (mit 2 ähnlichen)", "Kind"]
    assert named.index.name == "feature"
