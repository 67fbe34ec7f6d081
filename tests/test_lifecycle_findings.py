import pandas as pd
import pytest

from workbench import lifecycle_findings, phases
from workbench.formats import Style
from workbench.outputs import Sentence
from workbench.phases import MODELS, Growth

STYLE = Style("de_DE", "EUR")
NAN = float("nan")


def plain(sentence: Sentence) -> str:
    """Return the text with ordinary spaces."""
    return str(sentence).replace("\u00a0", " ")


def sizes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "basis": ["none", "purchases", "purchases", "purchases"],
            "customers": [NAN, 100.0, 300.0, 600.0],
            "customer_share": [NAN, 0.1, 0.3, 0.6],
            "revenue": [NAN, 10.0, 70.0, 20.0],
            "revenue_share": [NAN, 0.1, 0.7, 0.2],
        },
        index=pd.Index(MODELS["akquisition-bindung"].phases, name="phase"),
    )


def steps() -> pd.DataFrame:
    return pd.DataFrame(
        {"customers": [99, 50], "dropped_share": [0.6, 0.3], "low": [0.5, 0.2], "high": [0.7, 0.4]},
        index=pd.Index([1, 2], name="step"),
    )


# by hand


def test_the_model_is_printed_with_the_phases_that_have_no_data():
    model = MODELS["akquisition-bindung"]
    assert plain(lifecycle_findings.phase_model(model, sizes=sizes(), style=STYLE)) == (
        "Modell: Akquisition, Aktivierung, Bindung, Rückgewinnung. Ohne Daten: Akquisition"
    )
    full = sizes().assign(basis="purchases")
    assert plain(lifecycle_findings.phase_model(model, sizes=full, style=STYLE)).endswith(
        "Alle Phasen zeigen sich in den Daten"
    )


def test_each_phase_says_how_it_is_known_or_what_it_would_take():
    words = lifecycle_findings.named_phases(sizes())["basis"]
    assert words["Akquisition"].startswith("ohne Daten; nötig: Stammdaten mit Interessenten")
    assert words["Bindung"] == "aus den Käufen"
    other = pd.DataFrame(
        {"basis": ["customers", "outside", "customers"]},
        index=["Empfehlungen", "Abgewandert", "Abwägung"],
    )
    referred, left, prospects = lifecycle_findings.named_phases(other)["basis"]
    assert "geworben" in referred and "keine Phase" in left and "Interessenten" in prospects
    for model in MODELS.values():
        unseen = pd.DataFrame({"basis": phases.UNSEEN}, index=list(model.phases)[:1])
        assert "nötig" in lifecycle_findings.named_phases(unseen)["basis"].item()


def test_the_largest_phase_and_the_one_with_the_revenue_are_named():
    assert plain(lifecycle_findings.phases(sizes(), style=STYLE)) == (
        "Die meisten Kunden (60 %) stehen in der Phase Rückgewinnung, den meisten Umsatz (70 %) "
        "brachte die Phase Bindung."
    )
    one = plain(lifecycle_findings.phases(sizes().loc[["Bindung"]], style=STYLE))
    assert one.startswith(
        "Die meisten Kunden (30 %) stehen in der Phase Bindung; sie brachten 70 %"
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Growth(50, 50, 9, 0.4, 0.6), "nicht auch der Zufall"),
        (Growth(80, 20, 9, 0.7, 0.87), "Die Beträge steigen"),
        (Growth(20, 80, 9, 0.13, 0.3), "Die Beträge sinken"),
    ],
)
def test_growth_is_compared_with_chance(found, verdict):
    text = plain(lifecycle_findings.growth(found, k=5, style=STYLE))
    assert verdict in text and f"{found.grown} aktive Kunden" in text and "25 %" in text


def test_the_largest_obstacle_is_named_with_its_interval():
    text = plain(lifecycle_findings.obstacle(steps(), step=1, window_days=182, style=STYLE))
    assert text == (
        "Das größte Hindernis: vom ersten zum zweiten Kauf gehen 60 % der Kunden binnen 182 Tagen "
        "nicht weiter (Unsicherheitsbereich: 50 % bis 70 %)."
    )
    assert "182 Tagen" in plain(lifecycle_findings.steps_rule(window_days=182, style=STYLE))
    named = lifecycle_findings.named_steps(steps())
    assert named.index.tolist() == ["Vom ersten zum zweiten Kauf", "Vom zweiten zum dritten Kauf"]


# properties


def test_what_is_suppressed_is_not_said():
    hidden = sizes().assign(customers=NAN, customer_share=NAN, revenue=NAN, revenue_share=NAN)
    sentences = (
        lifecycle_findings.phases(hidden, style=STYLE),
        lifecycle_findings.obstacle(steps(), step=None, window_days=182, style=STYLE),
        lifecycle_findings.growth(Growth(4, 90, 1, 0.1, 0.2), k=5, style=STYLE),
    )
    for sentence in sentences:
        text = plain(sentence)
        assert "nan" not in text and not any(sign.isdigit() for sign in text)
