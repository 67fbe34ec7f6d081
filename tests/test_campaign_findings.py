import math

import pandas as pd
import pytest

from workbench import campaign_findings, campaign_gain, campaign_gate, formats, trial_power
from workbench.crm_gate import CONTROL, TARGET
from workbench.parameters import Parameters

STYLE = formats.style(locale="de_DE", currency="EUR")


def totals(gain=100.0, usual=0.03, once=0.08) -> pd.DataFrame:
    gains = [gain, gain / 10]
    return pd.DataFrame(
        {
            "list_gain": gains,
            "list_gain_low": [one - 20 for one in gains],
            "list_gain_high": [one + 20 for one in gains],
            "break_even": [usual, once],
        },
        index=pd.Index(["as_others", "once"], name="scenario"),
    )


def headline(*, listed=50, target=40, permitted=True, candidates=60, limited=False) -> str:
    said = campaign_findings.headline(
        totals(), listed=listed, target=target, permitted=permitted, candidates=candidates,
        limited=limited, success_rate=0.1, k=5, style=STYLE,
    )  # fmt: skip
    return str(said)


def test_the_first_sentence_says_what_the_list_brings_or_why_there_is_none():
    assert "kommen 50 Kunden auf die Liste" in headline()
    assert "100\xa0€ (-10\xa0€ bis 120\xa0€)" in headline()
    assert "10 Kunden der Liste bleiben" in headline()
    assert "zum Vergleich" not in headline(target=47)
    assert "50 Kunden" not in headline(listed=0, target=0)
    assert "weniger als 5 Kunden" in headline(listed=8, target=4)
    assert headline(permitted=False).startswith("Ohne Einwilligungen darf niemand angesprochen")
    assert "Auch mit Einwilligungen lohnte sich" in headline(listed=0, target=0, permitted=False)


def test_an_empty_list_is_laid_to_what_emptied_it():
    empty = {"listed": 0, "target": 0}
    for permitted in (True, False):
        said = {"permitted": permitted} | empty
        assert "niemand infrage" in headline(**said, candidates=0)
        assert "für keine Liste, die Gewinn bringt" in headline(**said, limited=True)
        assert "keine Ansprache" in headline(**said)


def test_the_cost_of_the_contacted_stands_beside_the_budget():
    asked = {"channel": "email", "rule": "lohnend", "groups": [], "style": STYLE}
    said = str(campaign_findings.selection(**asked, budget=500.0, cost=498.7))
    assert "kostet voraussichtlich 499\xa0€, das Budget ist 500\xa0€" in said
    for budget, cost in ((0.0, 498.7), (500.0, math.nan)):
        assert "Budget" not in str(campaign_findings.selection(**asked, budget=budget, cost=cost))


def test_the_success_rate_is_set_beside_those_who_come_back_by_themselves():
    back = pd.Series({"silent_days": 350, "followup_days": 365, "return_share": 0.2})
    for rate, words in ((0.1, "eher zu hoch"), (0.3, "viel zu hoch")):
        said = campaign_findings.long_gone(
            back, customers=40, days=352.5, success_rate=rate, style=STYLE
        )
        assert words in str(said)
        assert "kamen bisher 20" in str(said)


def test_every_reason_channel_rule_and_scenario_has_a_name():
    assert set(campaign_findings.REASONS) == {*campaign_gate.REASONS, CONTROL, TARGET}
    assert set(campaign_findings.CHANNELS) == set(campaign_gate.CHANNELS)
    assert set(campaign_findings.SCENARIOS) == set(campaign_gain.SCENARIOS)
    fields = Parameters.model_fields
    assert set(campaign_findings.RULES) == set(fields["campaign_rule"].annotation.__args__)
    assert set(campaign_gate.CHANNELS) == set(fields["campaign_channel"].annotation.__args__)


@pytest.mark.parametrize(
    ("once", "words"),
    [(0.08, "reicht das"), (0.2, "mehr als angenommen"), (math.nan, "trägt sie sich nie")],
)
def test_the_break_even_is_set_beside_the_assumption(once, words):
    said = campaign_findings.break_even(totals(once=once), success_rate=0.1, style=STYLE)
    assert words in str(said)


def test_power_says_whether_the_assumed_effect_would_show():
    of_list = {"base": 0.5, "deviation": 30.0, "gain": 500.0}
    asked = {"share": 0.2, "base": 0.5, "style": STYLE}
    splits = trial_power.splits(20_000, shares=[0.2], **of_list)
    said = str(campaign_findings.power(splits, assumed=0.05, **asked))
    assert "ab 2,5 Prozentpunkten" in said
    assert "5,0 Prozentpunkte, ist groß genug" in said
    few = trial_power.splits(500, shares=[0.2], **of_list)
    assert "je Gruppe 1.565 Kunden nötig" in str(
        campaign_findings.power(few, assumed=0.05, **asked)
    )
    nobody = campaign_findings.power(few.iloc[:0], assumed=0.05, **asked)
    assert "keine Wirkung zeigen" in str(nobody)


def test_opt_outs_are_compared_only_as_far_as_their_intervals_tell():
    table = pd.DataFrame(
        {"contacts": [900, 900], "opted_out": [9, 45], "share": [0.01, 0.05],
         "low": [0.005, 0.037], "high": [0.019, 0.066]},
        index=pd.Index([1, 2], name="contact_number"),
    )  # fmt: skip
    assert "Gefahr, ihn zu vertreiben" in str(campaign_findings.opt_outs(table, style=STYLE))
    alike = table.assign(low=0.001, high=0.2)
    assert "nicht zu belegen" in str(campaign_findings.opt_outs(alike, style=STYLE))
    hidden = table.astype(float)
    hidden.loc[1] = math.nan
    assert "–" in str(campaign_findings.opt_outs(hidden, style=STYLE))


def test_the_title_of_the_curve_names_only_lengths_that_are_drawn():
    curve = pd.DataFrame({"list_gain": [5.0, 9.0]}, index=pd.Index([20, 40], name="list_length"))
    title = {
        (best, length): str(campaign_findings.curve_title(curve, best=best, length=length,
                                                          style=STYLE))
        for best, length in ((40, 40), (40, 20), (22, 20), (3, 3))
    }  # fmt: skip
    assert title[40, 40] == "Am meisten bringt eine Liste von 40 Kunden"
    assert title[40, 20].endswith("; das Budget reicht für 20")
    assert title[22, 20] == "Das Budget reicht für eine Liste von 20 Kunden"
    assert "keine Liste" in title[3, 3]
