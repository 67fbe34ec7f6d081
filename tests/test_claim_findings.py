import numpy as np
import pandas as pd
import pytest

from workbench import claim_findings, claims, formats, outputs
from workbench.claim_book import CLAIMS, NUMERIC
from workbench.claim_plots import plot_ratios
from workbench.periods import Periods
from workbench.revenue_ratio import COLUMNS, design
from workbench.tested_claims import Judged

STYLE = formats.style(locale="de_DE", currency="EUR")
HALF = Periods(273, pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30"))
WAYS = {
    "naive": [1139, 1218, 181.6, 30.6, 5.94, 5.32, 6.70, 5.1, 5.8, 0.226],
    "landmark": [811, 1546, 89.52, 16.03, 5.58, 4.44, 7.03, np.nan, 6.3, 0.229],
    "basket": [1139, 2357, 38.3, 33.0, 1.16, 1.08, 1.27, 1.19, 1.16, 0.002],
}


def text(sentence):
    return str(sentence).replace("\xa0", " ")


def readings(**rows) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*claims.COLUMNS])
    return table.rename_axis("reading").assign(mean=0.4, mean_other=0.5)


@pytest.fixture
def tested():
    ratios = pd.DataFrame.from_dict(WAYS, orient="index", columns=list(COLUMNS))
    ratios = ratios.rename_axis("way").astype(float)
    names = {"ratio": "value", "ratio_low": "low", "ratio_high": "high"}
    names |= {"existing_customers": "customers", "new_customers": "customers_other"}
    costs = readings(a=[4.0, 3.5, 4.5, 540.0, 418.0]).set_axis([0.0]).rename_axis("reading")
    return Judged(
        readings={
            "seven_times": ratios.rename(columns=names).rename_axis("reading"),
            "five_percent": claims.own_retention(
                800, 1000, periods=HALF, annual_discount_rate=0.10
            ),
            "revenue_growth": readings(
                known=[0.02, -0.05, 0.09, 900.0, np.nan],
                stayed=[0.1, 0.05, 0.15, 700.0, np.nan],
                nobody_left=[0.4, 0.3, 0.5, 300.0, np.nan],
            ),
            "acquisition_cost": costs.assign(cost_new=24.0, cost_kept=6.0),
            "budget_share": readings(all=[0.82, np.nan, np.nan, 0.0, np.nan]),
            "satisfied_buy": readings(adjusted=[1.2, 1.1, 1.3, 300.0, 200.0]),
            "complaints": readings(
                adjusted=[0.7, 0.6, 0.8, 90.0, 900.0], resolved=[0.8, 0.7, 0.9, 80.0, 900.0]
            ),
        },
        ratios=ratios,
        friends=pd.DataFrame(
            {"customers": [9.0, 8, 7, 6]},
            index=["friends", "barnacles", "butterflies", "strangers"],
        ),
        days=design(HALF),
        new_share=0.46,
    )


def told(tested, name):
    return text(claim_findings.sentences(tested, periods=HALF, style=STYLE)[name])


def test_the_verdict_on_seven_times_names_all_ways_and_what_up_to_means(tested):
    assert told(tested, "seven_times") == (
        "Ein Bestandskunde brachte das 5,58-Fache eines neuen (4,44 bis 7,03), gezählt ab dem "
        "01.07.1997. Über die ganze Zeit ist es das 5,94-Fache, je Kauf das 1,16-Fache. Das "
        "7-Fache erreichten 22,9 % der Bestandskunden. Die Behauptung liegt knapp im "
        "Unsicherheitsbereich Ihrer Daten. „Bis zu“ lässt sich nicht widerlegen; geprüft ist, was "
        "im Mittel gilt."
    )
    few = tested._replace(readings={"seven_times": tested.readings["seven_times"].loc[["naive"]]})
    assert told(few, "seven_times").startswith(
        "Ein Bestandskunde brachte das 5,94-Fache eines neuen (5,32 bis 6,70). Das 7-Fache"
    )


def test_each_measured_claim_has_a_sentence_with_its_own_words(tested):
    assert "2 dieser 3 Lesarten" not in told(tested, "five_percent")
    assert "Kundenbindungsrate von 80,0 %" in told(tested, "five_percent")
    assert "für 25 % hätten 62 % davon bleiben müssen." in told(tested, "revenue_growth")
    assert "Ein neuer Kunde kostete 24,00 €, ein gehaltener 6,00 €" in told(
        tested, "acquisition_cost"
    )
    assert told(tested, "budget_share").startswith(
        "In die Gewinnung gehen 82,0 % der Budgets; neue Kunden brachten im letzten Zeitraum 46,0 %"
    )
    assert told(tested, "satisfied_buy").endswith("(1,10 bis 1,30). Das passt zur Behauptung.")
    assert told(tested, "complaints").startswith("Nach einer gelösten Beschwerde kauften 40,0 %")
    assert told(tested, "complaints").endswith("Den Rückgang glich auch eine Lösung nicht aus.")


def test_growth_that_cannot_reach_the_claim_is_told_so(tested):
    low = tested.readings["revenue_growth"].assign(value=[0.02, 0.1, 0.1])
    found = tested._replace(readings=tested.readings | {"revenue_growth": low})
    assert "auch wenn niemand gegangen wäre, käme weniger dabei heraus." in told(
        found, "revenue_growth"
    )


def test_a_claim_that_cannot_be_measured_says_what_it_takes(tested):
    assert told(tested, "care") == (
        "Nicht messbar; es fehlt: ein Versuch, in dem ausgelost wurde, wer gepflegt wird."
    )
    nothing = tested._replace(readings={}, ratios=pd.DataFrame(), friends=pd.DataFrame())
    every = claim_findings.sentences(nothing, periods=HALF, style=STYLE)
    assert list(every) == list(CLAIMS)
    assert all(text(sentence).startswith("Nicht messbar") for sentence in every.values())
    assert claim_findings.less_leaving(nothing).empty
    assert claim_findings.cost_rows(nothing, style=STYLE).empty
    assert len(claim_findings.five_percent(nothing, annual_discount_rate=0.1)) == len(claims.RATES)


def test_the_table_shows_each_claim_with_its_number_its_unit_and_a_word(tested):
    rows = claim_findings.summary(tested)
    columns = {
        "claim": ("Behauptung", "text"),
        "claimed": ("Behauptet", "by:unit", "by:digits"),
        "now": ("Wert", "by:unit", "by:digits"),
        "verdict": ("Ergebnis", "text"),
    }
    shown = outputs.table(rows, name="zahlen", caption="", columns=columns, style=STYLE)
    texts = [[cell.replace("\xa0", " ") for cell in row] for row in shown.payload()["texts"]]
    assert texts[0][1:] == ["7,00", "5,58", "knapp im Unsicherheitsbereich"]
    assert texts[2][1:] == ["25 %", "2 %", "Ihre Daten zeigen weniger"]
    assert texts[-1][1:] == ["–", "–", "nicht messbar"]
    assert len(texts) == len(CLAIMS)


def test_the_lead_counts_what_fits_what_does_not_and_what_stays_open(tested):
    assert text(claim_findings.lead(tested, style=STYLE)) == (
        "Von 16 Behauptungen sind 7 an Ihren Daten messbar. Mit ihnen vereinbar: 3; nicht "
        "vereinbar: 4; ohne klaren Unterschied: 0."
    )


def test_evidence_has_its_numbers_as_values_and_a_source_where_there_is_one():
    rows = claim_findings.evidence(style=STYLE)
    assert rows["claim"].tolist() == [claim.text for claim in CLAIMS.values()]
    gfk = text(rows["known"].iloc[0])
    assert "(2018) stellten Stammkunden 32 % der Kunden und 66 % des Umsatzes" in gfk
    assert "das 4,1-Fache" in gfk
    assert rows["source"].str.len().gt(0).all()
    assert set(NUMERIC) < set(CLAIMS)


def test_budget_splits_are_told_in_words(tested):
    table = tested.readings["acquisition_cost"]
    table = pd.concat([table] * 3).set_axis([-0.25, 0.0, 0.5]).rename_axis("reading")
    found = tested._replace(readings={"acquisition_cost": table})
    assert [text(split) for split in claim_findings.cost_rows(found, style=STYLE)["split"]] == [
        "25 % des Bindungsbudgets galten neuen Kunden",
        "wie gebucht",
        "50 % des Akquisebudgets galten Bestandskunden",
    ]


def test_the_rule_of_five_percent_says_how_the_interest_is_converted():
    how = {"annual_discount_rate": 0.10, "style": STYLE}
    assert "273 Tage" in text(claim_findings.five_percent_rule(HALF, **how))
    assert "umgerechnet" not in text(
        claim_findings.five_percent_rule(HALF._replace(days=365), **how)
    )
    assert "in den 133 Tagen danach" in text(claim_findings.effects_rule(HALF, style=STYLE))


def test_ways_are_named_drawn_and_described(tested):
    ways = claim_findings.ways(tested)
    ax = plot_ratios(ways, claimed=7, style=STYLE)
    points, _, bars = ax.containers[0]
    assert points.get_xdata().tolist() == [5.94, 5.58, 1.16]
    ends = [bar[:, 0].tolist() for bar in bars[0].get_segments()]
    assert ends[1] == pytest.approx([4.44, 7.03])
    assert sorted(line.get_xdata()[0] for line in ax.lines[:2]) == [1, 7]
    assert ax.get_xscale() == "log"
    assert text(claim_findings.ways_title(tested, style=STYLE)) == (
        "Je nachdem, wie man fragt, bringt ein Bestandskunde das 1,2- bis 5,9-Fache eines Neukunden"
    )
    assert "Am kleinsten: Späterer Kauf gegen ersten Kauf (1,2)" in text(
        claim_findings.ways_alt(tested, style=STYLE)
    )
    assert "Stichtag 01.07.1997, danach 364 Tage" in text(
        claim_findings.ways_rule(tested, style=STYLE)
    )


def test_suppressed_ways_are_left_out_of_the_drawing(tested):
    one = tested.ratios.copy()
    one.loc["landmark"] = np.nan
    ax = plot_ratios(claim_findings.ways(tested._replace(ratios=one)), claimed=7, style=STYLE)
    assert ax.containers[0][0].get_xdata().tolist() == [5.94, 1.16]
    assert len(ax.get_yticklabels()) == 3
    assert claim_findings.friends(tested).index[1].startswith("Anhängliche")
