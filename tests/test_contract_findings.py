import matplotlib.pyplot as plt
import pandas as pd
import pytest

from workbench import contract_findings, contract_plots, outputs, plots
from workbench.formats import Style
from workbench.outputs import Sentence

NBSP = "\u00a0"
NAN = float("nan")
STYLE = Style("de_DE", "EUR")
QUARTERS = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"])


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    """Draw as a notebook does, and leave neither figures nor settings behind."""
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def plain(sentence: Sentence) -> str:
    """Return the text with ordinary spaces, after checking that each number is used."""
    assert all("{" + name + "}" in sentence.template for name in sentence.values)
    return str(sentence).replace(NBSP, " ")


def curve(months=(6, 12, 18)) -> pd.DataFrame:
    return pd.DataFrame(
        {"kept_share": [0.9, 0.62, NAN], "low": [0.85, 0.55, NAN], "high": [0.94, 0.68, NAN]},
        index=pd.Index(months, name="months"),
    )


def rates(index=QUARTERS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "contracts": [100.0, NAN, 300.0],
            "ended": [10.0, NAN, 50.0],
            "end_rate": [0.1, NAN, 1 / 6],
            "low": [0.05, NAN, 0.13],
            "high": [0.17, NAN, 0.21],
        },
        index=pd.Index(index, name="period"),
    )


def test_the_curve_is_read_after_a_year_or_at_its_end():
    told = plain(contract_findings.survival_title(curve(), style=STYLE))
    assert told == "Nach 12 Monaten laufen noch 62 % der Verträge (Bereich 55 % bis 68 %)"
    told = plain(contract_findings.survival_title(curve((3, 7, 9)), style=STYLE))
    assert told.startswith("Nach 7 Monaten laufen noch 62 %")
    told = plain(contract_findings.survival_alt(curve(), style=STYLE))
    assert "von 100 % zu Vertragsbeginn auf 62 % nach 12 Monaten fallen" in told


@pytest.mark.parametrize(("length", "each"), [("M", "Monat"), ("Q", "Quartal"), ("Y", "Jahr")])
def test_the_mean_rate_weighs_periods_by_their_contracts(length, each):
    told = plain(contract_findings.rates_title(rates(), length=length, style=STYLE))
    expected = f"In jedem {each} enden im Mittel 15,0 % der laufenden Verträge, zuletzt 16,7 %"
    assert told == expected
    told = plain(contract_findings.rates_alt(rates(), style=STYLE))
    assert told == "Punkte mit Fehlerbalken für 2 Zeiträume, von 10,0 % bis 16,7 %."


def test_tariffs_that_overlap_may_be_chance():
    named = rates(["Basis", "Klein", "Plus"])
    told = plain(contract_findings.tariffs(named, style=STYLE))
    assert "im Tarif „Plus“ 16,7 %, im Tarif „Basis“ 10,0 %." in told
    assert told.endswith("überlappen: Das kann Zufall sein.")
    named.loc["Plus", "low"] = 0.18
    assert "Zufall" not in plain(contract_findings.tariffs(named, style=STYLE))
    alone = plain(contract_findings.tariffs(named.iloc[:2], style=STYLE))
    assert "zu wenige Tarife" in alone


def test_what_is_suppressed_altogether_is_said_so():
    empty, none = curve().assign(kept_share=NAN), rates().assign(end_rate=NAN)
    for told in (
        contract_findings.survival_title(empty, style=STYLE),
        contract_findings.survival_alt(empty, style=STYLE),
        contract_findings.rates_title(none, length="M", style=STYLE),
        contract_findings.rates_alt(none, style=STYLE),
    ):
        assert "zu klein, um gezeigt zu werden" in str(told)
    contract_plots.plot_survival(empty, style=STYLE)
    contract_plots.plot_rates(none, label="Monat", style=STYLE)


def test_names_from_outside_are_made_fit_for_a_page():
    table = rates(["Basis", "anna@example.org", "Plus\u200b"]).rename_axis("tariff")
    named = contract_findings.named(table)
    assert named.index.name == "tariff"
    assert named.index.tolist() == ["Basis", "[E-Mail]", "Plus\ufffd"]


def test_the_drawings_show_the_numbers_of_their_tables():
    ax = contract_plots.plot_survival(curve(), style=STYLE)
    x, y = ax.lines[0].get_data()
    assert list(x) == [0, 6, 12] and list(y) == [1.0, 0.9, 0.62]
    ax = contract_plots.plot_rates(rates(), label="Quartal", style=STYLE)
    assert ax.get_xlabel() == "Quartal, Beginn"
    assert ax.lines[0].get_ydata()[2] == pytest.approx(1 / 6)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["01/2024", "04/2024", "07/2024"]


def test_the_needs_are_noun_phrases_of_a_missing_note():
    told = str(outputs.Missing(contract_findings.NEEDS).sentence())
    assert told == ("Für diese Auswertung fehlt: eine Tabelle der Verträge mit Beginn und Ende.")
