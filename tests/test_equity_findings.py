import numpy as np
import pandas as pd
import pytest

from workbench import equity, equity_findings, formats, next_purchase, outputs, retention_whatif
from workbench.equity import NewCustomer
from workbench.equity_findings import (
    channel_costs,
    claim,
    cost_rule,
    earnings_alt,
    earnings_rule,
    group_values,
    group_values_alt,
    group_values_rule,
    key_figures,
    members,
    members_rule,
    new_customer,
    payback,
    readings,
    readings_rule,
    retention,
    timing_alt,
    timing_classes,
    timing_rule,
    value_by_risk,
    value_by_risk_alt,
    value_by_risk_cells,
    value_by_risk_rule,
)
from workbench.intervals import Band

STYLE = formats.style(locale="de_DE", currency="EUR")
NEW = NewCustomer(13.31, 1.505, 20.83, 34.14)
QUARTERS = pd.date_range("2024-01-01", periods=4, freq="QS", name="quarter")


def text(sentence):
    return str(sentence).replace("\xa0", " ")


@pytest.fixture
def timing():
    return pd.DataFrame(
        {
            "from_days": [1.0, 31.0, 366.0, np.nan],
            "to_days": [30.0, 365.0, np.nan, np.nan],
            "customers": [10, 20, 30, 40],
            "customer_share": [0.1, 0.2, 0.3, 0.4],
        }
    )


@pytest.fixture
def bands():
    return pd.DataFrame(
        {
            "value": [1000.0, 400.0, np.nan],
            "low_money": [700.0, 300.0, np.nan],
            "high_money": [1300.0, 600.0, np.nan],
        },
        index=pd.Index(["Stammkunden", "Neukunden", "Ruhende"], name="segment"),
    )


@pytest.fixture
def paid():
    return pd.DataFrame(
        {
            "payback": ["first_purchase", "in_horizon", "not_in_horizon", "no_cost"],
            "payback_days": [0.0, 120.0, np.nan, np.nan],
            "cac": [9.0, 13.0, 99.5, np.nan],
        },
        index=QUARTERS,
    )


@pytest.fixture
def cells():
    rng = np.random.default_rng(1)
    values, risk = pd.Series(rng.gamma(1, 50, 300)), pd.Series(rng.uniform(0, 1, 300))
    return equity.value_by_risk(values, risk=risk)


@pytest.fixture
def what_if():
    return pd.DataFrame(
        {"value": 1000.0, "difference": [5.0, 65.0, 68.0], "change": [0.005, 0.065, 0.068]},
        index=pd.Index(retention_whatif.READINGS, name="reading"),
    )


# by hand


def test_classes_of_days_are_named(timing):
    named = timing_classes(timing, style=STYLE)
    assert [text(name) for name in named.index] == [
        *("bis 30 Tage", "31 bis 365 Tage", "über 365 Tage", "kein Tag zu nennen"),
    ]
    assert named.index.name == "expected_within"
    assert named.columns.tolist() == ["customers", "customer_share"]
    one = timing.assign(to_days=[1.0, np.nan, np.nan, np.nan], from_days=[1.0, 2.0, 2.0, np.nan])
    assert text(timing_classes(one, style=STYLE).index[0]) == "bis 1 Tag"


def test_next_purchases_are_said_without_what_is_suppressed(timing):
    assert text(equity_findings.next_purchase(timing, style=STYLE)) == (
        "10,0 % der Kunden haben in 30 Tagen eher wieder gekauft als nicht. Bei 40,0 % ist "
        "wahrscheinlicher, dass sie in 5 Jahren nicht wiederkommen; für sie nennen wir keinen Tag."
    )
    hidden = timing.assign(customer_share=[np.nan, 0.2, 0.3, 0.4])
    assert text(equity_findings.next_purchase(hidden, style=STYLE)).startswith("Bei 40,0 % ist")
    hidden = timing.assign(customer_share=np.nan)
    assert "zu klein" in text(equity_findings.next_purchase(hidden, style=STYLE))
    named = timing_classes(timing, style=STYLE)
    assert text(timing_alt(named, style=STYLE)).endswith(
        "am größten ist „kein Tag zu nennen“ mit 40 % der Kunden."
    )


def test_a_list_says_how_many_of_it_will_be_members():
    table = pd.DataFrame(
        {"customers": [236], "expected_members": [96.4], "hit_share": [0.408]},
        index=pd.Index([0.1], name="list_share"),
    )
    assert text(members(table, share=0.1, style=STYLE)) == (
        "Von den 236 Kunden mit dem höchsten Kundenwert (10 % aller Kunden) werden "
        "voraussichtlich 96 wirklich zu den wertvollsten 10 % gehören, das sind 41 % der Liste. "
        "Wer dazugehören wird, steht heute also nicht fest."
    )
    sure = members(table.assign(hit_share=0.95), share=0.1, style=STYLE)
    assert "nicht fest" not in text(sure)


def test_the_group_worth_most_is_named_and_overlap_is_said(bands):
    assert text(group_values(bands, what="das Segment", style=STYLE)) == (
        "Am meisten wert ist das Segment „Stammkunden“ mit 1.000 € (Bereich: 700 € bis 1.300 €)"
    )
    wider = bands.assign(low_money=[500.0, 300.0, np.nan])
    assert text(group_values(wider, what="das Segment", style=STYLE)).endswith("überschneiden sich")
    assert text(group_values_alt(bands, style=STYLE)) == (
        "Punkte mit Bereich für 2 Gruppen, von 400 € bis 1.000 €."
    )
    assert "zu 90 %" in text(group_values_rule(style=STYLE, level=0.9))


def test_a_new_customer_is_worth_more_than_the_first_purchase():
    sentence = new_customer(NEW, horizon_days=365, margin=0.4, style=STYLE)
    assert text(sentence) == (
        "Ein neuer Kunde bringt in 365 Tagen voraussichtlich 34,14 € Deckungsbeitrag; 61 % davon "
        "kommen erst nach dem ersten Kauf. Mehr darf seine Gewinnung nicht kosten."
    )
    assert "Umsatz" in text(new_customer(NEW, horizon_days=365, margin=1.0, style=STYLE))
    shown = outputs.key_figures(
        *key_figures(customers=100, value=5000.0, band=Band(4000.0, 6500.0), new=NEW, style=STYLE)
    )
    assert [text(figure.number) for figure in shown.figures] == [
        *("5.000 €", "50,00 €", "34,14 €", "1,50"),
    ]
    assert text(shown.figures[0].note) == "zu rechnen ist mit 4.000 € bis 6.500 €"


def test_payback_counts_the_quarters_by_what_they_earn(paid):
    assert text(payback(paid, horizon_days=365, style=STYLE)) == (
        "Ein neuer Kunde kostete zwischen 9,00 € und 99,50 €. Im Mittel aller Kanäle deckt in 1 "
        "von 3 Quartalen schon der erste Kauf diese Kosten. In 1 von 3 Quartalen decken erst "
        "spätere Käufe diese Kosten, "
        "nach höchstens 120 Tagen. In 1 von 3 Quartalen reichen 365 Tage nicht."
    )
    early = text(payback(paid.iloc[:1], horizon_days=365, style=STYLE))
    assert "höchstens" not in early
    assert "fehlt ein Budget" in text(payback(paid.iloc[3:], horizon_days=365, style=STYLE))


def test_channels_are_compared_by_cost():
    table = pd.DataFrame({"cac": [41.04, 8.25, np.nan]}, index=["anzeige", "laden", "web"])
    assert text(channel_costs(table, style=STYLE)) == (
        "Am teuersten ist ein neuer Kunde über „anzeige“ (41,04 €), am günstigsten über „laden“ "
        "(8,25 €)"
    )
    assert text(channel_costs(table.iloc[:1], style=STYLE)) == (
        "Über „anzeige“ kostet ein neuer Kunde 41,04 €"
    )
    assert "keinen Kanal" in text(channel_costs(table.iloc[2:], style=STYLE))
    assert "geteilt durch alle neuen Kunden" in text(cost_rule())


def test_earnings_are_described_with_and_without_a_cost():
    curve = pd.DataFrame({"earned": [10.0, 12.0], "cac": 11.0}, index=[0, 365])
    assert text(earnings_alt(curve, style=STYLE)) == (
        "Steigende Linie von 10,00 € am Tag des ersten Kaufs auf 12,00 € nach 365 Tagen; "
        "waagerechte Linie der Kosten bei 11,00 €."
    )
    assert "Kosten" not in text(earnings_alt(curve.assign(cac=np.nan), style=STYLE))


def test_value_at_risk_is_said_only_where_enough_customers_are(cells):
    shown = cells.astype(float)
    top = [(1, "middle"), (1, "high")]
    shown.loc[top, "customers"] = [27, 3]
    shown.loc[top, "value_share"] = [0.03, 0.01]
    assert text(value_by_risk(shown, horizon_days=365, style=STYLE)) == (
        "Im wertvollsten Drittel gibt es 30 Kunden, die in 365 Tagen eher nicht kaufen; auf sie "
        "entfallen 4 % des Kundenstammwerts"
    )
    for blank, said in [(np.nan, "zu klein"), (0, "kaufen alle Kunden")]:
        shown.loc[top, "customers"] = [0, blank]
        assert said in text(value_by_risk(shown, horizon_days=365, style=STYLE))
    named = value_by_risk_cells(cells, style=STYLE)
    assert [text(name) for name in named.index[0]] == ["oberes Drittel", "unter 50 %"]
    assert text(value_by_risk_alt(named, style=STYLE)).startswith("Raster aus drei Wertklassen")


def test_readings_of_more_retention_are_told_apart(what_if):
    assert text(retention(what_if, step=0.05, horizon_days=365, model="bg_nbd", style=STYLE)) == (
        "„5 % mehr Bindung“ hebt den Kundenstammwert der nächsten 365 Tage je nach Lesart um "
        "0,5 % bis 6,8 %, das sind 5 € bis 68 €. Geändert wird die Wahrscheinlichkeit, nach einem "
        "Wiederholungskauf zu gehen. Ein Gewinn ist das nicht: Was die Bindung kostet, ist nicht "
        "abgezogen."
    )
    assert "0 von 3 Lesarten" in text(claim(what_if, step=0.05, style=STYLE))
    inside = what_if.assign(change=[0.02, 0.3, 0.9])
    assert "2 von 3 Lesarten" in text(claim(inside, step=0.05, style=STYLE))
    assert readings(what_if).index[0] == "Abwanderung sinkt um diesen Anteil"


def test_rules_say_how_to_read_what_is_shown():
    assert "Wahrscheinlichkeit von 50 %" in text(timing_rule(style=STYLE))
    assert "von 200 simulierten" in text(members_rule(n_futures=200, share=0.1, style=STYLE))
    assert "nächsten 91 Tagen" in text(value_by_risk_rule(horizon_days=91, style=STYLE))
    assert "mit 10,0 % im Jahr" in text(earnings_rule(annual_discount_rate=0.1, style=STYLE))
    rule = text(readings_rule(step=0.05, model="pareto_nbd", style=STYLE))
    assert "binnen eines Jahres zu gehen" in rule and "um 5 Prozentpunkte" in rule


# properties


def test_every_code_has_a_name():
    assert set(equity_findings.READINGS) == set(retention_whatif.READINGS)
    assert set(equity_findings.THIRDS) == set(range(1, equity.N_THIRDS + 1))
    assert next_purchase.LONGEST_DAYS % 365 == 0


def test_where_everything_is_suppressed_nothing_is_shown(timing, bands, cells):
    hidden = timing_classes(timing.assign(customer_share=np.nan), style=STYLE)
    blank = value_by_risk_cells(cells.astype(float) * np.nan, style=STYLE)
    for sentence in (
        timing_alt(hidden, style=STYLE),
        group_values(bands * np.nan, what="das Segment", style=STYLE),
        group_values_alt(bands * np.nan, style=STYLE),
        value_by_risk_alt(blank, style=STYLE),
    ):
        assert "zu klein, um gezeigt zu werden" in text(sentence)
