import numpy as np
import pandas as pd
import pytest

from workbench import customer_groups, group_findings, lifecycle, segments
from workbench.customer_groups import GROUPS, Overlap
from workbench.formats import Style
from workbench.outputs import Sentence

STYLE = Style("de_DE", "EUR")
NAN = float("nan")


def plain(sentence: Sentence | str) -> str:
    """Return the text with ordinary spaces."""
    return str(sentence).replace("\u00a0", " ")


def cards() -> pd.DataFrame:
    customers = np.array([50, 150, 200, 100, 150, 50, 300])
    revenue = np.array([4000.0, 3000, 1000, 200, 800, 600, 400])
    expected = np.array([900.0, 800, 300, 200, 50, 40, 60])
    return pd.DataFrame(
        {
            "customers": customers.astype(float),
            "customer_share": customers / 1000,
            "revenue": revenue,
            "revenue_share": revenue / 10000,
            "median_basket": 20.0,
            "median_gap": 30.0,
            "p_purchase": 0.5,
            "expected_revenue": expected,
            "expected_share": expected / expected.sum(),
        },
        index=pd.Index(GROUPS, name="customer_group"),
    )


def states() -> pd.DataFrame:
    table = pd.DataFrame(
        {"customers": 10.0, "revenue_share": 0.1, "expected_revenue": 700.0},
        index=pd.Index(lifecycle.STATES, name="state"),
    )
    table.loc["Bindung gefährdet", "customers"] = 1234.0
    return table


def hidden(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**dict.fromkeys(table.select_dtypes("number").columns, NAN))


# by hand


def test_who_is_active_and_what_the_vips_brought():
    text = plain(group_findings.who(cards(), style=STYLE))
    assert text == (
        "500 Kunden (50 %) sind aktiv; die Gruppe VIP-Kunden stellt 5 % der Kunden und brachte "
        "40 % des Umsatzes."
    )


def test_without_vips_the_group_with_the_most_revenue_is_named():
    text = plain(group_findings.who(cards().drop("VIP-Kunden"), style=STYLE))
    assert "die Gruppe Stammkunden stellt 15 % der Kunden" in text


def test_the_two_groups_that_carry_the_future_are_named():
    text = plain(group_findings.ahead(cards(), horizon_days=365, style=STYLE))
    assert text == (
        "Den erwarteten Umsatz der nächsten 365 Tage tragen vor allem VIP-Kunden (38 %) und "
        "Stammkunden (34 %)."
    )


def test_who_is_at_risk_comes_first():
    text = plain(group_findings.at_risk(states().loc["Bindung gefährdet"], style=STYLE))
    assert text.startswith("Am dringendsten: 1.234 Kunden mit mehreren Käufen pausieren")
    assert "an ihnen hängen 700 € erwarteter Umsatz" in text
    without = states().assign(expected_revenue=NAN).loc["Bindung gefährdet"]
    assert "erwarteter" not in plain(group_findings.at_risk(without, style=STYLE))


def test_the_tiles_hold_the_figures_of_the_first_screen():
    found = {
        tile.name: plain(tile.number)
        for tile in group_findings.tiles(cards(), states(), horizon_days=365, style=STYLE)
    }
    assert found == {
        "active": "50 %",
        "vip_revenue": "40 %",
        "at_risk": "1.234",
        "one_time": "30 %",
    }


def test_the_title_names_the_largest_group_and_the_one_that_brought_most():
    assert plain(group_findings.title(cards(), style=STYLE)) == (
        "Am meisten Umsatz brachte die Gruppe VIP-Kunden (40 %), am größten ist die Gruppe "
        "Einmalkäufer (30 % der Kunden)"
    )
    alone = plain(group_findings.title(cards().loc[["Stammkunden"]], style=STYLE))
    assert alone == "Stammkunden: 15 % der Kunden, 30 % des Umsatzes"


def test_the_overlap_is_counted_unless_it_speaks_of_too_few():
    text = plain(group_findings.overlap(Overlap(regular=40, vip=20, both=12), k=5, style=STYLE))
    assert text.startswith("12 von 40 Kunden") and "zu den 20 VIP-Kunden" in text
    for few in (Overlap(40, 20, 17), Overlap(15, 20, 12), Overlap(40, 20, 3)):
        text = plain(group_findings.overlap(few, k=5, style=STYLE))
        assert not any(sign.isdigit() for sign in text)


def test_every_group_has_a_rule_and_every_name_a_step():
    rules = group_findings.group_rules(style=STYLE)
    assert rules.index.tolist() == list(GROUPS)
    assert rules["rule"].nunique() == len(GROUPS)
    assert f"Ab {customer_groups.REGULAR_ORDERS} Käufen" in rules.loc["Stammkunden", "rule"]
    assert "10 %" in plain(rules.loc["VIP-Kunden", "rule"])
    assert set(group_findings.GROUP_STEPS) == set(GROUPS)
    assert set(group_findings.SEGMENT_STEPS) == set(segments.SEGMENTS)
    for steps in (group_findings.GROUP_STEPS, group_findings.SEGMENT_STEPS):
        assert len(set(steps.values())) == len(steps)
    stepped = group_findings.with_steps(cards(), steps=group_findings.GROUP_STEPS)
    assert stepped.loc["Neukunden", "next_step"] == group_findings.GROUP_STEPS["Neukunden"]


def test_the_caption_names_the_model_or_says_that_there_is_none():
    terms = {"horizon_days": 365, "annual_discount_rate": 0.1, "style": STYLE}
    assert "365 Tage nach BG/NBD" in plain(group_findings.cards_rule("bg_nbd", **terms))
    assert "kein Kaufmodell" in plain(group_findings.cards_rule(None, **terms))


def test_the_rule_of_the_scores_is_stated():
    by_rank = plain(group_findings.score_rule("rank", kind="revenue", style=STYLE))
    assert "Rang" in by_rank and by_rank.endswith("Betrag: bisheriger Umsatz")
    own = plain(group_findings.score_rule("limits", kind="basket", style=STYLE))
    assert "aus den Kaufpausen (50 %, 75 %, 90 %, 95 % sind dann um)" in own
    assert "Vielfache des mittleren Kaufs" in own
    given = ["recency_days", "money"]
    given = plain(group_findings.score_rule("limits", kind="last_year", given=given, style=STYLE))
    assert given.count("vorgegeben") == 2 and "Kaufpausen" not in given


def test_the_chances_of_a_past_day_are_held_against_what_came():
    table = pd.DataFrame(
        {"customers": [100, 300, NAN], "predicted": [0.8, 0.2, NAN], "observed": [0.9, 0.22, NAN]},
        index=["VIP-Kunden", "Einmalkäufer", "Neukunden"],
    )
    when = {"day": pd.Timestamp("2024-06-30"), "days": 182, "style": STYLE}
    assert plain(group_findings.probe(table, **when)) == (
        "Am 30.06.2024 vorhergesagt, nach 182 Tagen gezählt: Die Chance auf einen Kauf lag im "
        "Mittel um 4,0 Prozentpunkte daneben, am weitesten bei der Gruppe VIP-Kunden (80 % "
        "vorhergesagt, 90 % kauften)."
    )
    hidden = plain(group_findings.probe(table * NAN, **when))
    assert not any(sign.isdigit() for sign in hidden)


# properties


@pytest.mark.parametrize(
    "speak",
    [
        lambda: group_findings.who(hidden(cards()), style=STYLE),
        lambda: group_findings.ahead(hidden(cards()), horizon_days=365, style=STYLE),
        lambda: group_findings.at_risk(hidden(states()).loc["Bindung gefährdet"], style=STYLE),
        lambda: group_findings.title(hidden(cards()), style=STYLE),
    ],
)
def test_what_is_suppressed_is_not_said(speak):
    text = plain(speak())
    assert "nan" not in text and "–" not in text
    assert not any(sign.isdigit() for sign in text)


def test_hidden_new_customers_are_left_out_and_a_hidden_regular_group_hides_the_sum():
    table = cards()
    table.loc[["Neukunden", "Einmalkäufer"]] = NAN
    assert plain(group_findings.who(table, style=STYLE)).startswith("400 Kunden (40 %) sind aktiv")
    tile = group_findings.tiles(table, states(), horizon_days=365, style=STYLE)[0]
    assert plain(tile.number) == "40 %" and "ohne die Neukunden" in plain(tile.note)
    table.loc[["Wiederkäufer", "VIP-Kunden"]] = NAN
    assert "aktiv" not in plain(group_findings.who(table, style=STYLE))
    tile = group_findings.tiles(table, states(), horizon_days=365, style=STYLE)[0]
    assert plain(tile.number) == "–"


def test_where_nobody_bought_twice_the_segments_stand_on_the_first_screen():
    sizes = pd.DataFrame(
        {"customer_share": [0.6, 0.4], "revenue_share": [0.3, 0.7]},
        index=pd.Index(["Ruhende", "Erstkäufer"], name="segment"),
    )
    found = [plain(tile.number) for tile in group_findings.segment_tiles(sizes, style=STYLE)]
    assert found == ["Erstkäufer", "70 %", "40 %"]
