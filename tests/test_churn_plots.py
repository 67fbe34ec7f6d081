import matplotlib.pyplot as plt
import pandas as pd
import pytest

from workbench import churn_findings, churn_plots, outputs, plots
from workbench.formats import Style

NAN = float("nan")
STYLE = Style("de_DE", "EUR")


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    """Draw as a notebook does, and leave neither figures nor settings behind."""
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def course() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "value": [10.0, 20.0, 30.0, 40.0],
            "effect": [-0.12, 0.05, NAN, 0.2],
            "customers": [0.0, 50.0, NAN, 60.0],
        }
    )


def marks(axis) -> list[str]:
    return [axis.get_major_formatter()(value, 0) for value in (1.0, 2.5)]


# --- by hand ---------------------------------------------------------------------------------


def test_an_effect_is_a_line_in_points_over_the_values_of_the_feature():
    table = course()
    before = table.copy()
    ax = churn_plots.plot_effect(table, label="Tage seit dem letzten Kauf", style=STYLE)
    zero, line = ax.lines
    assert set(zero.get_ydata()) == {0}
    # What is suppressed is not drawn.
    assert line.get_xdata().tolist() == [10, 20, 40]
    assert line.get_ydata().tolist() == pytest.approx([-12, 5, 20])
    assert ax.get_xlabel() == "Tage seit dem letzten Kauf"
    assert ax.get_ylabel() == "Änderung des Risikos (Prozentpunkte)"
    assert ax.get_title() == ""
    pd.testing.assert_frame_equal(table, before)


def test_values_close_together_are_written_with_a_decimal_and_others_without():
    wide = churn_plots.plot_effect(course(), label="Tage", style=STYLE)
    assert marks(wide.xaxis) == ["1", "2"] and marks(wide.yaxis) == ["1,0", "2,5"]
    narrow = course().assign(value=[1.0, 1.5, 2.0, 2.5])
    ax = churn_plots.plot_effect(narrow, label="Verhältnis", style=STYLE)
    assert marks(ax.xaxis) == ["1,0", "2,5"]


# --- properties ------------------------------------------------------------------------------


def test_an_effect_is_drawn_where_it_is_asked_for():
    _, ax = plt.subplots()
    assert churn_plots.plot_effect(course(), label="Tage", style=STYLE, ax=ax) is ax
    assert len(plt.get_fignums()) == 1


def test_an_effect_that_is_all_suppressed_is_an_empty_drawing():
    hidden = course().assign(effect=NAN)
    ax = churn_plots.plot_effect(hidden, label="Tage", style=STYLE)
    assert len(ax.lines[1].get_xdata()) == 0


def test_a_figure_of_an_effect_can_be_shown():
    figure = plots.figure(
        churn_plots.plot_effect(course(), label="Tage seit dem letzten Kauf", style=STYLE),
        name="churn_verlauf",
        title=churn_findings.effect(course(), feature="days_since_last", style=STYLE),
        alt=churn_findings.effect_alt(course(), style=STYLE),
        caption="Zusammenhang, keine Ursache.",
        data=course(),
        columns={"value": ("Tage", "number", 1), "effect": ("Änderung", "share", 1)},
        style=STYLE,
    )
    assert isinstance(figure, outputs.Figure) and "<svg" in figure.svg
