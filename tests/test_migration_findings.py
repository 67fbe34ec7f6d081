import pandas as pd
import pytest

from workbench import migration_findings as findings
from workbench.ageing import Chance
from workbench.formats import Style
from workbench.migration import GONE, NEW, flows, shown
from workbench.segment_memory import Memory

STYLE = Style("de_DE", "EUR")
NAN = float("nan")
DAYS = (pd.Timestamp("2024-06-30"), pd.Timestamp("2024-12-31"))
ORDER = ("oft", "selten")


def ways(**columns) -> pd.DataFrame:
    """Of 30 who bought often 20 still do; of 40 who seldom did, 15 do now; 6 are new."""
    before = pd.Series(["oft"] * 30 + ["selten"] * 40).rename(index=str)
    after = ["oft"] * 20 + ["selten"] * 10 + ["oft"] * 15 + ["selten"] * 25 + ["oft"] * 6
    table = flows(before, pd.Series(after).rename(index=str), order=ORDER)
    return shown(table.assign(**columns), k=5)


def with_money() -> pd.DataFrame:
    return ways(
        revenue_before=[900.0, 500.0, 100.0, 80.0, 0.0, 0.0],
        revenue_after=[950.0, 120.0, 300.0, 70.0, 60.0, 0.0],
    )


def chance(**changed) -> Chance:
    return Chance(
        **{
            "flows": pd.DataFrame(),
            "distance": 0.2,
            "usual": 0.05,
            "p_value": 0.01,
            "moved": 0.31,
            "model": "bg_nbd",
        }
        | changed
    )


def memory(**changed) -> Memory:
    return Memory(
        **{
            "chi_square": 12.34,
            "degrees": 4,
            "p_value": 0.001,
            "association": 0.21,
            "customers": 70,
            "group": "oft",
            "from_low": "selten",
            "from_high": "oft",
            "stayed_low": 0.2,
            "stayed_high": 0.7,
        }
        | changed
    )


def test_the_title_says_how_many_moved():
    text = str(findings.moved(0.357, day=DAYS[0], style=STYLE))
    assert text.startswith("36\u00a0% der Kunden vom 30.06.2024 stehen heute in einem anderen")
    assert "zu klein" in str(findings.moved(NAN, day=DAYS[0], style=STYLE))


def test_the_drawing_is_described_by_its_widest_band_between_two_groups():
    text = str(findings.flows_alt(ways(), style=STYLE))
    assert "5 Wege" in text
    assert "mit 15 Kunden von „selten“ zu „oft“" in text
    few = flows(pd.Series({"a": "oft"}), pd.Series({"a": "oft"}), order=ORDER)
    assert "0 Wege" in str(findings.flows_alt(shown(few, k=5), style=STYLE))


def test_the_ways_with_the_largest_loss_and_gain_are_named():
    text = str(findings.money(with_money(), days=184, style=STYLE))
    assert "ging verloren, wo 10 Kunden von „oft“ zu „selten“ wechselten: 500\u00a0€" in text
    assert "kam hinzu, wo 15 Kunden von „selten“ zu „oft“ wechselten: 100\u00a0€" in text
    assert "in den 184 Tagen" in text


def test_money_of_new_customers_is_no_move():
    table = with_money()
    table.loc[(NEW, "oft"), "revenue_after"] = 99_999.0
    assert "99.999" not in str(findings.money(table, days=184, style=STYLE))


def test_without_a_gain_only_the_loss_is_named():
    table = with_money()
    table["revenue_after"] = 0.0
    text = str(findings.money(table, days=184, style=STYLE))
    assert "verloren" in text and "hinzu" not in text
    table["customers"] = NAN
    assert "groß genug" in str(findings.money(table, days=184, style=STYLE))


@pytest.mark.parametrize(
    ("p_value", "distance", "said", "not_said"),
    [
        (0.05, 0.2, "Mehr als Zufall und Älterwerden steckt nach diesen Daten nicht", "anders"),
        (0.049, 0.2, "wanderten anders, als Zufall", "nur wenig"),
        (0.01, 0.099, "doch nur wenig", "steckt"),
        (0.01, 0.101, "wanderten anders, als Zufall", "nur wenig"),
    ],
)
def test_the_size_of_the_surprise_chooses_the_words(p_value, distance, said, not_said):
    table = ways(expected_customers=NAN, expected_low=NAN, expected_high=NAN)
    found = chance(p_value=p_value, distance=distance)
    text = str(findings.chance(found, table, share=0.357, style=STYLE))
    assert said in text and not_said not in text
    assert "Am weitesten" not in text


def test_the_way_farthest_outside_of_its_range_is_named():
    table = ways(
        expected_customers=[18.0, 12.0, 9.0, 31.0, NAN, NAN],
        expected_low=[15.0, 9.0, 5.0, 27.0, NAN, NAN],
        expected_high=[21.0, 15.0, 13.0, 35.0, NAN, NAN],
    )
    # Both ways of the second group are outside by six; the first of them is named.
    text = str(findings.chance(chance(), table, share=0.357, style=STYLE))
    assert "von „selten“ zu „oft“: 15 Kunden, erwartet waren 9 (5 bis 13)" in text


def test_who_stayed_where_others_were_expected_is_named_as_such():
    table = ways(
        expected_customers=[28.0, 2.0, 15.0, 25.0, NAN, NAN],
        expected_low=[25.0, 0.0, 10.0, 20.0, NAN, NAN],
        expected_high=[30.0, 99.0, 20.0, 30.0, NAN, NAN],
    )
    text = str(findings.chance(chance(), table, share=0.357, style=STYLE))
    assert "liegt, wer in „oft“ blieb: 20 Kunden, erwartet waren 28 (25 bis 30)" in text


def test_what_moves_by_chance_stands_beside_what_moved():
    text = str(findings.chance(chance(p_value=0.4), ways(), share=0.357, style=STYLE))
    assert "im Mittel 31,0\u00a0% der Kunden" in text and "beobachtet sind 35,7\u00a0%" in text
    assert "beobachtet" not in str(
        findings.chance(chance(p_value=0.4), ways(), share=NAN, style=STYLE)
    )


def test_memory_is_said_with_an_example():
    days = (pd.Timestamp("2024-01-01"), *DAYS)
    text = str(findings.memory(memory(), days=days, style=STYLE))
    assert "hängt auch davon ab, woher er kam (Chi-Quadrat 12,3 bei 4 Freiheitsgraden" in text
    assert "Wer am 30.06.2024 zu „oft“ gehörte und am 01.01.2024 zu „selten“, war am" in text
    assert "zu 20\u00a0% noch dort" in text and "zu 70\u00a0%" in text
    none = memory(group=None, from_low=None, from_high=None, stayed_low=NAN, stayed_high=NAN)
    assert "noch dort" not in str(findings.memory(none, days=days, style=STYLE))


def test_no_memory_lets_the_ways_be_carried_forward():
    text = str(findings.memory(memory(p_value=0.05), days=(DAYS[0], *DAYS), style=STYLE))
    assert text.startswith("Kein Nachweis") and "nimmt an, dass es so bleibt" in text


def test_captions_name_both_days_and_the_limits():
    of_a_day = str(findings.flows_caption(days=DAYS, is_fixed=False, style=STYLE))
    fixed = str(findings.flows_caption(days=DAYS, is_fixed=True, style=STYLE))
    for text in (of_a_day, fixed, str(findings.balance_caption(days=DAYS, style=STYLE))):
        assert "30.06.2024" in text and "31.12.2024" in text
    assert "an beiden Tagen die vom 30.06.2024" in of_a_day
    assert "Die Grenzen der Noten sind fest." in fixed


def test_customers_of_whom_nothing_is_left_are_no_move_between_groups():
    table = flows(
        pd.Series(["oft"] * 20).rename(index=str),
        pd.Series(["oft"] * 10).rename(index=str),
        order=ORDER,
    )
    assert (("oft", GONE)) in table.index
    assert "führt" not in str(findings.flows_alt(shown(table, k=5), style=STYLE))
