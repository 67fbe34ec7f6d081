import numpy as np
import pandas as pd
import pytest

from workbench import formats, kpi_findings, outputs
from workbench.kpi_book import KPIS
from workbench.kpi_plots import plot_bridge
from workbench.periods import Periods
from workbench.plots import figure
from workbench.revenue_bridge import Bridge

STYLE = formats.style(locale="de_DE", currency="EUR")
YEAR = Periods(365, pd.Timestamp("2021-01-01"), pd.Timestamp("2023-12-31"))
HALF = Periods(182, pd.Timestamp("2023-01-01"), pd.Timestamp("2023-12-31"))


def text(sentence):
    return str(sentence).replace("\xa0", " ")


@pytest.fixture
def measured():
    rows = {
        "new": [300, 300.0, 270.0, 330.0, np.nan, np.nan, np.nan, ""],
        "revenue": [900, 1000.0, 900.0, 1100.0, 800.0, 50.0, 350.0, "higher"],
        "retention": [700, 0.568, 0.531, 0.604, np.nan, np.nan, np.nan, ""],
        "churn": [700, 0.432, 0.396, 0.469, 0.3, 0.05, 0.2, "higher"],
        "gini": [900, 0.57, 0.54, 0.6, 0.58, -0.05, 0.02, "same"],
    }
    columns = ["customers", "value", "value_low", "value_high", "previous"]
    columns += ["change_low", "change_high", "movement"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("kpi")


@pytest.fixture
def steps():
    parts = pd.DataFrame(
        {"customers": [20.0, 8, 30, 25, 40], "change": [900.0, 100.0, 400.0, -300.5, -600.0]},
        index=pd.Index(["new", "reactivated", "growth", "decline", "lost"], name="part"),
    )
    return Bridge(parts, 2000.5, 2500.0, 95.0, 83.0)


def test_each_row_has_its_unit_its_digits_and_a_word(measured):
    rows = kpi_findings.table(measured)
    assert rows["label"].tolist()[:2] == ["Neukunden", "Umsatz"]
    assert [text(word) for word in rows["direction"]] == [
        *("kein Vergleich", "↑ besser", "kein Vergleich", "↑ schlechter", "→ unverändert")
    ]
    columns = {"label": ("Kennzahl", "text"), "now": ("Wert", "by:unit", "by:digits")}
    shown = outputs.table(rows, name="zahlen", caption="", columns=columns, style=STYLE)
    texts = [cell.replace("\xa0", " ") for _, cell in shown.payload()["texts"]]
    assert texts == ["300", "1.000 €", "56,8 %", "43,2 %", "0,57"]


def test_every_figure_of_the_book_is_shown_or_said_to_lack_something(measured):
    shown = kpi_findings.table(measured)["label"]
    lacking = kpi_findings.lacking(measured)
    assert {kpi.label for kpi in KPIS.values()} <= {*shown, *lacking["label"]}
    assert not set(shown) & set(lacking["label"])
    assert lacking["needs"].str.len().gt(5).all()
    assert len({kpi.label for kpi in KPIS.values()}) == len(KPIS)


def test_the_lead_names_what_got_better_and_worse(measured):
    assert text(kpi_findings.lead(measured, style=STYLE)) == (
        "Von 700 Käufern des Vorzeitraums kauften 56,8 % wieder (53,1 % bis 60,4 %). "
        "Besser als davor: Umsatz. Schlechter als davor: Abwanderungsquote."
    )
    calm = measured.loc[["new", "gini"]]
    assert text(kpi_findings.lead(calm, style=STYLE)) == (
        "Gegenüber dem Vorzeitraum ist nichts klar besser oder schlechter geworden."
    )
    closed = text(kpi_findings.lead(measured.drop("new"), style=STYLE))
    assert closed.endswith("niemand neu hinzu; so können Umsatz und Kundenzahl nur fallen.")


def test_the_method_warns_of_seasons_and_of_a_missing_past():
    assert text(kpi_findings.rule(YEAR, style=STYLE)) == (
        "Vom 01.01.2023 bis zum 31.12.2023 (365 Tage); „Davor“ sind die 365 Tage zuvor"
    )
    long = text(kpi_findings.method(YEAR, customers=900, style=STYLE))
    assert "2.000 Ziehungen" in long
    assert "Jahreszeit" not in long
    assert "kein weiterer" not in long
    short = text(kpi_findings.method(HALF, customers=200_000, style=STYLE))
    assert "500 Ziehungen" in short
    assert "Jahreszeit" in short
    assert "kein weiterer" in short


def test_the_bridge_is_told_and_drawn_from_one_total_to_the_other(steps):
    assert text(kpi_findings.bridge(steps, style=STYLE)) == (
        "Der Umsatz stieg um 500 € auf 2.500 €; am meisten brachte: Neukunden (900 €); "
        "am meisten kostete: Abwanderung (-600 €)"
    )
    same = text(kpi_findings.bridge(steps._replace(now=2000.5), style=STYLE))
    assert same.startswith("Der Umsatz blieb bei 2.000 €; am meisten")
    rows = kpi_findings.bridge_rows(steps)
    assert rows.index.tolist()[0] == "Umsatz im Vorzeitraum"
    assert rows["contribution"].tolist() == [2000.5, 900, 100, 400, -300.5, -600, 2500]
    assert rows.loc["Neukunden", "contribution_share"] == pytest.approx(900 / 2000.5)
    ax = plot_bridge(rows, style=STYLE)
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert sorted(bars) == sorted(
        [
            *((0, 2000.5), (0, 2500), (2000.5, 900), (2900.5, 100), (3000.5, 400)),
            *((3400.5, -300.5), (3100, -600)),
        ]
    )
    assert {bar.get_hatch() for bar in ax.patches} == {"", "//", "xx"}
    assert ax.get_xlabel() == "Umsatz in EUR"


def test_steps_that_are_too_small_leave_one_gap_and_the_stairs_still_meet(steps):
    parts = steps.parts.copy()
    parts.loc[["reactivated", "decline"]] = np.nan
    rows = kpi_findings.bridge_rows(steps._replace(parts=parts))
    ax = plot_bridge(rows, style=STYLE)
    ends = [line.get_xdata()[0] for line in ax.lines]
    assert ends[0] == 2000.5
    assert ends[-1] == 2500
    assert [label.get_text() for label in ax.texts].count("zu klein") == 2
    named = figure(
        plot_bridge(rows, style=STYLE),
        name="bruecke",
        title=kpi_findings.bridge(steps, style=STYLE),
        alt=kpi_findings.bridge_alt(steps, style=STYLE),
        caption=kpi_findings.BRIDGE_RULE,
        data=rows,
        columns={"label": ("", "text"), "contribution": ("Beitrag", "money", 2)},
        style=STYLE,
    )
    assert "5 Stufen" in named.plain()


def test_a_bridge_of_hardly_anybody_says_so(steps):
    nothing = Bridge(steps.parts * np.nan, np.nan, np.nan, np.nan, np.nan)
    assert "zu klein" in text(kpi_findings.bridge(nothing, style=STYLE))
    ax = plot_bridge(kpi_findings.bridge_rows(nothing), style=STYLE)
    assert [label.get_text() for label in ax.texts] == ["zu klein"] * 7


def test_factors_are_named_and_those_who_stayed_are_told_apart():
    index = pd.MultiIndex.from_product(
        [["all", "both"], ["active", "frequency", "basket"]], names=["group", "factor"]
    )
    split = pd.DataFrame(
        {
            "customers": [100.0, 100, 100, 40, 40, 40],
            "previous": [70.0, 2.5, 80, 40, 3, 80],
            "now": [90.0, 2.6, 78, 40, 3.5, 79],
            "change": [4000.0, 500, -300, 0, 900, -100],
            "change_low": [3000.0, -100, -900, 0, 500, -400],
            "change_high": [5000.0, 1100, 300, 0, 1300, 200],
        },
        index=index,
    )
    assert text(kpi_findings.factors_lead(split, style=STYLE)) == (
        "Den Umsatz bewegte am stärksten: Zahl der Kunden (4.000 €). Wer in beiden Zeiträumen "
        "kaufte, kaufte häufiger und gab je Kauf etwa gleich viel aus."
    )
    rows = kpi_findings.factors(split)
    assert rows["label"].tolist()[:3] == ["Zahl der Kunden", "Käufe je Kunde", "Betrag je Kauf"]
    assert rows["contribution_low"].tolist()[3:] == [0, 500, -400]
    assert rows["digits"].tolist()[:2] == [None, 2]
    empty = split.iloc[:0]
    assert "genug Kunden" in text(kpi_findings.factors_lead(empty, style=STYLE))
    assert kpi_findings.factors(empty).empty
    hidden = split * np.nan
    assert "genug Kunden" in text(kpi_findings.factors_lead(hidden, style=STYLE))
