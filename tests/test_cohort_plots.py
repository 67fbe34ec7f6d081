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
    return pd.DataFrame({"share": shares, "is_over": is_over}, index=cells)


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
        {"share": [0.2, NAN, 0.1], "low": [0.15, NAN, 0.05], "high": [0.25, NAN, 0.15]},
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
