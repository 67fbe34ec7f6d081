import numpy as np
import pandas as pd

from workbench import feedback_findings as findings
from workbench import feedback_plots, feedback_tables, formats
from workbench.nps import Change

STYLE = formats.style(locale="de_DE", currency="EUR")


def test_a_change_is_called_one_only_where_the_interval_leaves_zero_out():
    clear = Change(8.0, 2.0, 14.0, 300, 320, 40)
    assert "Das ist mehr als Zufall." in str(findings.change(clear, style=STYLE))
    unclear = clear._replace(low=-1.0)
    assert "keine erkennbare Änderung" in str(findings.change(unclear, style=STYLE))


def outcomes(**changed) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "customers": [200, 40],
            "bought_share": [0.8, 0.5],
            "matched_share": [0.7, 0.7],
            "bought_difference": [0.1, -0.2],
            "low": [0.02, -0.3],
            "high": [0.18, -0.1],
            "imbalance": [0.1, 0.2],
        },
        index=pd.Index(["Fürsprecher", "Beschwerde"], name="group"),
    )
    return table.assign(**changed)


def test_the_group_that_differs_most_is_named_and_none_where_none_does():
    assert str(findings.outcomes_title(outcomes(), style=STYLE)).startswith("Beschwerde: 50")
    unclear = outcomes(low=-0.5, high=0.5)
    assert "Keine Gruppe" in str(findings.outcomes_title(unclear, style=STYLE))
    assert "Zusammenhang, keine Ursache" in str(
        findings.outcomes(outcomes(), days=180, style=STYLE)
    )
    unlike = outcomes(imbalance=0.4)
    assert "Ganz ähnlich sind sie" in str(findings.outcomes(unlike, days=180, style=STYLE))


def test_the_step_before_which_most_is_lost_is_named():
    steps = pd.DataFrame(
        {"share": [1.0, 0.95, 0.9, 0.4]}, index=["Erfassung", "Antwort", "Lösung", "Nachverfolgung"]
    )
    assert "„Nachverfolgung“" in str(findings.funnel_title(steps, style=STYLE))
    hidden = steps.assign(share=np.nan)
    assert "zu wenige Beschwerden" in str(findings.funnel_title(hidden, style=STYLE))


def test_the_waves_before_the_last_are_those_that_went_before():
    waves = pd.DataFrame({"nps": [20.0, 30.0, 41.0]}, index=["2024/1", "2024/2", "2025/1"])
    assert (
        str(findings.waves_title(waves, style=STYLE))
        == "Zuletzt lag der NPS bei 41, davor zwischen 20 und 30 Punkten"
    )
    assert "liegt bei 41" in str(findings.waves_title(waves.tail(1), style=STYLE))


def test_few_repeated_complaints_are_not_counted_out():
    assert "zu wenige" in str(findings.repeats(2, 180, k=5, style=STYLE))
    assert "5,0\u00a0%" in str(findings.repeats(9, 180, k=5, style=STYLE))


def test_without_tables_there_is_an_answer_less_survey():
    empty = feedback_tables.survey({})
    assert len(empty) == 0 and {"nps", "date", "comment"} <= set(empty)
    last, before = feedback_tables.last_waves(empty)
    assert len(last) == len(before) == 0
    assert len(feedback_tables.complaints({})) == 0
    assert feedback_tables.together(None).empty


def test_the_last_two_half_years_with_an_answer_are_compared():
    days = pd.to_datetime(["2023-02-01", "2024-03-01", "2024-09-01", "2025-02-01"])
    answers = pd.DataFrame({"customer_id": list("abcd"), "date": days, "nps": [9, 9, 2, None]})
    last, before = feedback_tables.last_waves(answers)
    assert last["customer_id"].tolist() == ["c"]
    assert before["customer_id"].tolist() == ["b"]


def test_drawings_show_the_numbers_of_their_tables():
    waves = pd.DataFrame(
        {"nps": [20.0, 30.0], "nps_low": [10.0, 22.0], "nps_high": [29.0, 41.0]},
        index=["2024/1", "2024/2"],
    )
    ax = feedback_plots.plot_waves(waves, style=STYLE)
    assert ax.lines[0].get_ydata().tolist() == [20.0, 30.0]
    table = outcomes()
    ax = feedback_plots.plot_outcomes(table, style=STYLE)
    drawn = {line.get_label(): line.get_xdata().tolist() for line in ax.lines}
    assert drawn["diese Kunden"] == [0.8, 0.5]
    assert drawn["ähnliche Kunden"] == [0.7, 0.7]
    steps = pd.DataFrame({"share": [1.0, 0.5]}, index=["Erfassung", "Lösung"])
    ax = feedback_plots.plot_steps(steps, style=STYLE)
    assert [bar.get_width() for bar in ax.patches] == [1.0, 0.5]
    assert ax.get_xlabel() == "Anteil der Beschwerden"
