import pandas as pd
import pytest

from workbench import cohort_trend_findings as findings
from workbench.cohort_trend import CohortTrend, Slope
from workbench.cohorts import Beginning
from workbench.formats import Style
from workbench.outputs import Missing
from workbench.seasonality import MONTHS, Season, Shift
from workbench.second_purchases import EVERYBODY, WINDOWS

NAN = float("nan")
STYLE = Style("de_DE", "EUR")
STARTS = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
USUAL = Beginning(
    idle_months=0, is_closed=False, first_month=STARTS[0], times_usual=1.0, is_truncated=False
)


def plain(sentence) -> str:
    return str(sentence).replace("\u00a0", " ")


def rates(*shares: float) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([[EVERYBODY], WINDOWS], names=["layer", "window_days"])
    table = pd.DataFrame({"repeat_share": shares, "customers": [900, 500, 120]}, index=index)
    return table.assign(low=table["repeat_share"] - 0.01, high=table["repeat_share"] + 0.01)


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        (
            (0.292, 0.375, 0.459),
            "Binnen 90 Tagen nach dem ersten Kauf kaufen 29,2 % wieder (Unsicherheitsbereich "
            "28,2 % bis 30,2 %); binnen 365 Tagen sind es 45,9 % der 120, die so lange beobachtet "
            "sind.",
        ),
        (
            (0.292, NAN, NAN),
            "Binnen 90 Tagen nach dem ersten Kauf kaufen 29,2 % wieder (Unsicherheitsbereich "
            "28,2 % bis 30,2 %).",
        ),
        ((NAN, NAN, NAN), "Noch ist niemand lange genug beobachtet, oder es sind zu wenige."),
    ],
)
def test_the_rate_is_named_with_its_window_and_those_who_reach_it(shares, text):
    assert plain(findings.repeat_rates(rates(*shares), style=STYLE)) == text


def curves(**shares: dict[int, float]) -> pd.DataFrame:
    rows = {(name, week): share for name, at in shares.items() for week, share in at.items()}
    index = pd.MultiIndex.from_tuples(rows, names=["layer", "week"])
    return pd.DataFrame({"bought_share": list(rows.values())}, index=index)


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        (
            {"alt": {4: 0.1, 13: 0.2, 26: 0.3}, "neu": {4: 0.2, 13: 0.4}},
            "Nach 13 Wochen haben je nach Kohorte 20 % (alt) bis 40 % (neu) ein zweites Mal "
            "gekauft",
        ),
        (
            {"alt": {4: 0.1, 13: 0.2, 26: 0.3}},
            "Nach 26 Wochen haben 30 % der Kohorte alt ein zweites Mal gekauft",
        ),
        ({"alt": {4: NAN, 5: 0.2}}, "Zu wenige Käufer, um die Kurven zu zeigen"),
    ],
)
def test_the_curves_are_compared_at_the_last_mark_that_several_reach(shares, text):
    assert plain(findings.curves(curves(**shares), style=STYLE)) == text


def test_the_curves_are_described_by_the_highest_end():
    alt = plain(
        findings.curves_alt(curves(alt={4: 0.1, 26: 0.3}, neu={4: 0.2, 13: 0.4}), style=STYLE)
    )
    assert alt.endswith(
        "eine je Kohorte (2). Am höchsten endet die Kohorte neu: 40 % nach 13 Wochen."
    )
    assert "endet" not in plain(findings.curves_alt(curves(alt={4: NAN}), style=STYLE))


def slope(code: str, change: float = 0.2) -> Slope:
    return Slope(change, change - 0.15, change + 0.15, code)


def cohorts_table(*shares: float) -> pd.DataFrame:
    table = pd.DataFrame({"repeat_share": shares}, index=STARTS[: len(shares)])
    return table.assign(
        repeat_share_fitted=[0.3, 0.25, 0.2][: len(shares)],
        revenue_each=100 * table["repeat_share"],
        revenue_each_fitted=[20, 25, 30][: len(shares)],
    )


def trend(repeat: str, revenue: str) -> CohortTrend:
    return CohortTrend(
        slope(repeat), slope(revenue, -0.3), "M", 900, False, cohorts_table(0.2, 0.3, 0.25)
    )


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (("rising", "rising"), "Neuere Kohorten sind besser als ältere. Von der ersten"),
        (("falling", "falling"), "Neuere Kohorten sind schlechter als ältere. Von"),
        (("stable", "stable"), "Dass neuere Kohorten besser oder schlechter sind als ältere, ist "),
        (
            ("falling", "stable"),
            "Von neueren Kohorten kaufen weniger Kunden wieder, beim Umsatz je Kunde ist kein "
            "Unterschied zu erkennen. Von",
        ),
        (
            ("rising", "falling"),
            "Von neueren Kohorten kaufen mehr Kunden wieder, neuere Kohorten bringen weniger "
            "Umsatz je Kunde. Von",
        ),
    ],
)
def test_newer_cohorts_are_judged_by_a_rule(codes, text):
    sentence = plain(findings.trend(trend(*codes), begun=USUAL, style=STYLE))
    assert sentence.startswith(text)
    assert (
        "beim Wiederkauf binnen 90 Tagen 20,0 % mehr (Unsicherheitsbereich: 5,0 % mehr bis 35,0 % "
        "mehr) und beim Umsatz je Kunde 30,0 % weniger (Unsicherheitsbereich: 45,0 % weniger bis "
        "15,0 % weniger)" in sentence
    )
    assert sentence.endswith("Die Saison, in der eine Kohorte begann, steckt darin.")


def test_the_trend_says_whom_it_leaves_out_and_what_a_closed_group_tells():
    old = USUAL._replace(is_truncated=True)
    assert "fehlen darin" in plain(
        findings.trend(trend("stable", "stable"), begun=old, style=STYLE)
    )
    long = trend("stable", "stable")
    years = pd.to_datetime(["2021-01-01", "2022-01-01", "2023-01-01"])
    long = long._replace(cohorts=long.cohorts.set_axis(years))
    assert "Saison" not in plain(findings.trend(long, begun=USUAL, style=STYLE))
    closed = USUAL._replace(is_closed=True)
    text = plain(findings.trend(trend("stable", "stable"), begun=closed, style=STYLE))
    assert text.endswith("über heutige Neukunden sagt das nichts.")


def test_a_measure_is_told_by_its_ends():
    table = cohorts_table(0.2, 0.4, NAN)
    assert plain(findings.trend_title(table, "repeat_share", style=STYLE)) == (
        "Binnen 90 Tagen kaufen je nach Kohorte 20 % bis 40 % wieder"
    )
    assert plain(findings.trend_title(table, "revenue_each", style=STYLE)) == (
        "In den ersten 90 Tagen bringt ein Kunde je nach Kohorte 20 € bis 40 €"
    )
    alt = plain(findings.trend_alt(table, "repeat_share", style=STYLE))
    assert "eine Gerade, die fällt" in alt
    assert alt.endswith("Kohorte ab 01.02.2024 mit 40 %, der niedrigste bei 20 %.")
    assert "die steigt" in plain(findings.trend_alt(table, "revenue_each", style=STYLE))
    bare = cohorts_table(NAN)
    assert "zu klein" in plain(findings.trend_title(bare, "repeat_share", style=STYLE))
    assert plain(findings.trend_alt(bare, "repeat_share", style=STYLE)).endswith("je Kohorte (1).")


def season(*, sure: bool) -> Season:
    indices = pd.DataFrame(
        {"index": 1.0, "index_low": 0.7, "index_high": 1.3, "n_ratios": 2},
        index=pd.Index(MONTHS, name="calendar_month"),
    )
    indices.loc["Dezember", ["index", "index_high"]] = 1.4, 1.6
    indices.loc["Februar", "index"] = 0.8
    if sure:
        indices.loc["Dezember", "index_low"] = 1.2
    return Season(pd.DataFrame(), indices)


def test_a_season_is_sure_or_named_as_unsure():
    text = plain(findings.season(season(sure=True), style=STYLE))
    assert text == (
        "Am stärksten ist der Dezember mit 140 % eines mittleren Monats, am schwächsten der "
        "Februar mit 80 %. Sicher verschieden vom mittleren Monat: Dezember."
    )
    text = plain(findings.season(season(sure=False), style=STYLE))
    assert "Sicher ist das nicht: Manche Monate sind erst 2-mal gemessen" in text


def jump(p_value: float, change: float = -0.62, *, is_adjusted: bool = False) -> Shift:
    return Shift(STARTS[1], change, p_value, 18, is_adjusted)


def test_a_jump_is_told_where_it_is_more_than_chance():
    text = plain(findings.shift(jump(0.3), begun=USUAL, style=STYLE))
    assert text.startswith("Ein Sprung des Umsatzes auf ein anderes Niveau ist nicht nachgewiesen")
    text = plain(findings.shift(jump(0.004), begun=USUAL, style=STYLE))
    assert text.startswith("Ab 01.02.2024 liegt der Umsatz auf einem anderen Niveau, 62 % tiefer")
    assert "in 0,4 % der Fälle vor" in text and text.endswith("auch sie kann der Grund sein.")
    closed = USUAL._replace(is_closed=True)
    assert "Die ersten Käufe sind vorbei" in plain(
        findings.shift(jump(0.004), begun=closed, style=STYLE)
    )
    text = plain(findings.shift(jump(0.004, 0.5, is_adjusted=True), begun=USUAL, style=STYLE))
    assert "50 % höher" in text and "Saison" not in text


def test_the_drawing_marks_a_sure_jump_alone():
    assert findings.shift_month(jump(0.004)) == STARTS[1]
    assert findings.shift_month(jump(0.01)) is None
    assert findings.shift_month(Missing("ein volles Jahr")) is None


def test_months_are_told_by_their_middle_and_ends():
    table = pd.DataFrame({"revenue": [100.0, NAN, 300.0]}, index=STARTS)
    assert plain(findings.months_title(table, style=STYLE)) == (
        "Ein Monat bringt in der Mitte 200 € Umsatz, der schwächste 100 €, der stärkste 300 €"
    )
    assert plain(findings.months_alt(table, style=STYLE)) == (
        "Säulen für 3 volle Monate. Der höchste Umsatz liegt im Monat ab 01.03.2024 mit 300 €, "
        "der niedrigste beträgt 100 €."
    )
    bare = table.assign(revenue=NAN)
    assert "zu klein" in plain(findings.months_title(bare, style=STYLE))
    assert "zu klein" in plain(findings.months_alt(bare, style=STYLE))


def test_the_rules_name_their_limits():
    assert "mindestens 10 %" in plain(findings.trend_rule(style=STYLE))
    assert "weniger als 30 Kunden" in plain(findings.curves_rule(style=STYLE))
    assert "95 %" in plain(findings.repeat_rates_rule(style=STYLE))
    assert "95 %" in plain(findings.season_rule(style=STYLE))
