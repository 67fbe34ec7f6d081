import pandas as pd
import pytest

from workbench import cohort_findings
from workbench.cohorts import Beginning
from workbench.formats import Style

NAN = float("nan")
STYLE = Style("de_DE", "EUR")
JANUARY, FEBRUARY = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")


def plain(sentence) -> str:
    return str(sentence).replace("\u00a0", " ")


def begun(**changes) -> Beginning:
    usual = Beginning(
        idle_months=0, is_closed=False, first_month=JANUARY, times_usual=1.0, is_truncated=False
    )
    return usual._replace(**changes)


def triangle(*shares: float) -> pd.DataFrame:
    cells = pd.MultiIndex.from_product(
        [[JANUARY, FEBRUARY], range(len(shares) // 2)], names=["cohort_start", "age"]
    )
    return pd.DataFrame({"bought_share": shares}, index=cells)


def curve(*shares: float) -> pd.DataFrame:
    ages = pd.RangeIndex(1, len(shares) + 1, name="age")
    table = pd.DataFrame({"bought_share": shares}, index=ages)
    return table.assign(customers=1000 - 100 * ages.to_numpy()).where(table["bought_share"].notna())


def layers(*revenue: float) -> pd.DataFrame:
    cells = pd.MultiIndex.from_product(
        [[JANUARY, FEBRUARY], ["Q4/2023", "Q1/2024"]], names=["period", "layer"]
    )
    return pd.DataFrame({"revenue": revenue}, index=cells)


def test_the_page_says_whether_the_cohorts_are_those_of_new_customers():
    assert "lassen sich vergleichen" in plain(cohort_findings.beginning(begun(), style=STYLE))
    old = begun(times_usual=2.95, is_truncated=True)
    text = plain(cohort_findings.beginning(old, style=STYLE))
    assert text.startswith("Die erste Kohorte, ab 01.01.2024, hat 3,0-mal so viele Kunden")
    assert "geschlossene" not in text
    few = begun(times_usual=NAN)
    assert "zu wenige Monate" in plain(cohort_findings.beginning(few, style=STYLE))
    closed = begun(idle_months=15, is_closed=True, times_usual=NAN)
    text = plain(cohort_findings.beginning(closed, style=STYLE))
    assert text.startswith("Seit 15 Monaten kommt kein neuer Kunde hinzu")
    both = begun(idle_months=15, is_closed=True, times_usual=2.0, is_truncated=True)
    text = plain(cohort_findings.beginning(both, style=STYLE))
    assert "erste Kohorte" in text and "geschlossene Gruppe" in text


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ((1, 0.2, 1, 0.3), "Im Monat nach dem ersten Kauf kauften je nach Kohorte 20 % bis 30 % "),
        ((1, 0.2, 1, NAN), "Im Monat nach dem ersten Kauf kauften 20 % wieder"),
        ((1, NAN, 1, NAN), "Noch ist keine Kohorte alt und groß genug"),
        ((1, 1), "Noch ist keine Kohorte alt und groß genug"),
    ],
)
def test_the_title_names_how_far_the_cohorts_lie_apart(shares, text):
    title = cohort_findings.retention(triangle(*shares), length="M", style=STYLE)
    assert plain(title).startswith(text)


def test_the_triangle_is_described_by_its_size_and_its_lowest_cell():
    alt = plain(
        cohort_findings.retention_alt(triangle(1, 0.2, 0.1, 1, 0.3, NAN), length="Q", style=STYLE)
    )
    assert "eine Zeile je Kohorte (2), eine Spalte je Quartal" in alt
    assert alt.endswith("10 % bei der Kohorte ab 01.01.2024, 2 Quartale danach.")
    bare = cohort_findings.retention_alt(triangle(1, NAN, 1, NAN), length="Q", style=STYLE)
    assert "niedrigsten" not in plain(bare)


def test_the_curve_is_told_from_its_first_to_its_last_point():
    title = cohort_findings.decay(curve(0.149, 0.1, 0.063), length="M", style=STYLE)
    assert plain(title) == "1 Monat nach dem ersten Kauf kaufen 14,9 %, 3 Monate danach 6,3 %"
    one = cohort_findings.decay(curve(NAN, 0.1), length="Q", style=STYLE)
    assert plain(one) == "2 Quartale nach dem ersten Kauf kaufen 10,0 %"
    none = cohort_findings.decay(curve(NAN, NAN), length="Q", style=STYLE)
    assert plain(none) == "Zu wenige Käufer, um den Verlauf zu zeigen"
    alt = plain(cohort_findings.decay_alt(curve(0.149, NAN, 0.063), length="M", style=STYLE))
    assert alt.endswith("Der höchste Anteil ist 14,9 %, der niedrigste 6,3 %.")
    assert "zu klein" in plain(cohort_findings.decay_alt(curve(NAN), length="M", style=STYLE))


def test_the_rule_of_the_curve_says_who_is_in_it():
    rule = plain(cohort_findings.decay_rule(curve(0.2, 0.1), begun=begun(), style=STYLE))
    assert "anfangs 900 Kunden, zuletzt 800" in rule and "95 %" in rule
    assert "fehlt" not in rule
    old = begun(is_truncated=True)
    rule = plain(cohort_findings.decay_rule(curve(NAN), begun=old, style=STYLE))
    assert "anfangs" not in rule
    assert rule.endswith("Die erste Kohorte fehlt, weil sie alte Kunden enthält.")


@pytest.mark.parametrize(
    ("revenue", "text"),
    [
        ((100, 50, 60, 40), "im Zeitraum ab 01.02.2024, kamen 60 % des Umsatzes von Kunden, die "),
        ((100, 50, 60, NAN), "im Zeitraum ab 01.01.2024, kamen 67 % des Umsatzes von Kunden, die "),
        ((100, 0, 60, NAN), "Von den Zeiträumen mit mehreren Schichten sind Teile zu klein"),
        ((NAN, 50, 60, NAN), "Von jedem Zeitraum sind Teile zu klein, um gezeigt zu werden"),
        ((1, 1, -5, 1), "Von jedem Zeitraum sind Teile zu klein, um gezeigt zu werden"),
    ],
)
def test_the_stack_tells_what_those_bring_who_began_earlier(revenue, text):
    assert text in plain(cohort_findings.stack(layers(*revenue), style=STYLE))


def test_a_stack_of_one_layer_tells_of_its_rise_and_fall():
    one = layers(100, 50, 60, 40).drop("Q1/2024", level="layer")
    assert plain(cohort_findings.stack(one, style=STYLE)) == (
        "Der ganze Umsatz ruht auf Kunden aus Q4/2023: im stärksten Zeitraum 100 €, im letzten 60 €"
    )


def test_the_stack_is_described_by_its_largest_layer():
    alt = plain(cohort_findings.stack_alt(layers(100, 50, 60, NAN), style=STYLE))
    assert alt.endswith("Am meisten Umsatz insgesamt bringt die Schicht Q4/2023: 160 €.")
    assert "Am meisten" not in plain(
        cohort_findings.stack_alt(layers(NAN, NAN, NAN, NAN), style=STYLE)
    )
