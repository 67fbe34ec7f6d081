import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from workbench import cohort_plots, plots
from workbench.formats import Style

NAN = float("nan")
STYLE = Style("de_DE", "EUR")
STARTS = pd.to_datetime(["2024-01-01", "2024-02-01"])


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    """Draw as a notebook does, and leave neither figures nor settings behind."""
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def triangle(*shares: float, is_over: list[bool]) -> pd.DataFrame:
    cells = pd.MultiIndex.from_product(
        [STARTS, range(len(shares) // 2)], names=["cohort_start", "age"]
    )
    return pd.DataFrame({"bought_share": shares, "is_over": is_over}, index=cells)


def layers(*revenue: float) -> pd.DataFrame:
    cells = pd.MultiIndex.from_product([STARTS, ["Q4/2023", "Q1/2024"]], names=["period", "layer"])
    return pd.DataFrame({"revenue": revenue}, index=cells)


def shades(ax) -> list[float]:
    return [float(np.mean(bar.get_facecolor()[:3])) for bar in ax.patches]


def test_the_triangle_is_darker_where_more_buy_and_empty_where_nothing_has_happened():
    table = triangle(1, 0.1, 0.4, 1, 0.2, NAN, is_over=[True] * 5 + [False])
    ax = cohort_plots.plot_retention(table, length="M", style=STYLE)
    assert len(ax.patches) == 3
    first, last, middle = shades(ax)
    assert first > middle > last
    assert [text.get_text() for text in ax.texts] == ["10\u00a0%", "40\u00a0%", "20\u00a0%"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["01/2024", "02/2024"]
    assert ax.get_legend() is None
    assert ax.get_xlabel() == "Monate nach dem ersten Kauf"


def test_a_suppressed_cell_is_marked_and_told_apart_from_one_to_come():
    table = triangle(1, 0.1, NAN, 1, NAN, NAN, is_over=[True] * 5 + [False])
    ax = cohort_plots.plot_retention(table, length="Q", style=STYLE)
    (marks,) = ax.collections
    assert marks.get_offsets().tolist() == [[1, 0], [0, 1]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["zu wenige Kunden"]


def test_a_triangle_of_nothing_but_suppressed_cells_is_drawn():
    table = triangle(1, NAN, 1, NAN, is_over=[True] * 4)
    ax = cohort_plots.plot_retention(table, length="Y", style=STYLE)
    assert len(ax.patches) == 0


def test_many_columns_have_no_numbers():
    n = cohort_plots.MAX_WRITTEN + 2
    table = triangle(*[0.5] * 2 * n, is_over=[True] * 2 * n)
    assert not cohort_plots.plot_retention(table, length="M", style=STYLE).texts


def test_the_curve_stands_on_zero_within_its_band():
    table = pd.DataFrame(
        {"bought_share": [0.2, NAN, 0.1], "low": [0.15, NAN, 0.05], "high": [0.25, NAN, 0.15]},
        index=pd.RangeIndex(1, 4, name="age"),
    )
    ax = cohort_plots.plot_decay(table, length="M", style=STYLE)
    assert ax.lines[0].get_xdata().tolist() == [1, 3]
    assert ax.lines[0].get_ydata().tolist() == [0.2, 0.1]
    assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 0.25


def test_layers_stand_on_each_other_and_what_came_back_below_the_line():
    ax = cohort_plots.plot_stack(layers(100, 50, 60, -10), length="M", style=STYLE)
    boxes = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert boxes == [(0, 100), (0, 60), (100, 50), (0, -10)]
    hatches = [bar.get_hatch() for bar in ax.patches]
    assert hatches[0] != hatches[2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Q4/2023", "Q1/2024"]


def test_each_layer_has_a_look_of_its_own():
    assert len(set(cohort_plots.SHADES)) == len(cohort_plots.SHADES)
    assert len(set(cohort_plots.HATCHES)) == len(cohort_plots.HATCHES) == len(cohort_plots.SHADES)


def test_each_cohort_has_a_curve_from_nothing_and_suppressed_weeks_are_left_out():
    index = pd.MultiIndex.from_product([["2023", "2024"], [1, 2, 3]], names=["layer", "week"])
    table = pd.DataFrame({"bought_share": [0.1, NAN, 0.3, 0.2, 0.3, 0.4]}, index=index)
    table = table.assign(low=table["bought_share"] - 0.05, high=table["bought_share"] + 0.05)
    ax = cohort_plots.plot_second_purchase(table, style=STYLE)
    old, new = ax.lines
    assert old.get_xdata().tolist() == [0, 1, 3] and old.get_ydata().tolist() == [0, 0.1, 0.3]
    assert new.get_ydata().tolist() == [0, 0.2, 0.3, 0.4]
    assert old.get_linestyle() != new.get_linestyle() and old.get_marker() != new.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["2023", "2024"]


@pytest.mark.parametrize(
    ("measure", "length", "label", "ticks"),
    [
        ("repeat_share", "M", "Anteil mit Wiederkauf", ["01/2024", "02/2024"]),
        ("revenue_each", "W", "Umsatz je Kunde in EUR", ["01.01.", "01.02."]),
    ],
)
def test_a_measure_is_a_point_with_bounds_beside_the_line(measure, length, label, ticks):
    table = pd.DataFrame(
        {
            measure: [0.2, 0.3],
            f"{measure}_low": [0.1, 0.25],
            f"{measure}_high": [0.4, 0.35],
            f"{measure}_fitted": [0.21, 0.29],
        },
        index=STARTS,
    )
    ax = cohort_plots.plot_trend(table, measure, length=length, style=STYLE)
    points, line = ax.lines[0], ax.lines[-1]
    assert points.get_ydata().tolist() == [0.2, 0.3]
    assert line.get_ydata().tolist() == [0.21, 0.29]
    (bars,) = ax.collections
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[0.1, 0.4], [0.25, 0.35]]
    assert ax.get_ylabel() == label and ax.get_ylim()[0] == 0
    assert [text.get_text() for text in ax.get_xticklabels()] == ticks


def test_months_are_bars_with_a_trend_and_a_mark_where_the_level_changes():
    table = pd.DataFrame({"revenue": [100.0, NAN]}, index=STARTS)
    bare = cohort_plots.plot_months(table, shift=None, style=STYLE)
    assert [bar.get_height() for bar in bare.patches] == [100, 0] and not bare.lines
    ax = cohort_plots.plot_months(table.assign(trend=[NAN, 80]), shift=STARTS[1], style=STYLE)
    trend, mark = ax.lines
    assert trend.get_ydata()[1] == 80 and mark.get_xdata()[0] == 0.5
    unseen = cohort_plots.plot_months(table.assign(trend=NAN), shift=None, style=STYLE)
    assert not unseen.lines


def test_each_curve_has_a_look_of_its_own():
    assert len({look[0] for look in cohort_plots.CURVES}) == len(cohort_plots.CURVES)
    assert len({look[2] for look in cohort_plots.CURVES}) == len(cohort_plots.CURVES)
