import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from workbench import formats, plots
from workbench.plots import plot_group_values, plot_timing, plot_value_by_risk

STYLE = formats.style(locale="de_DE", currency="EUR")


@pytest.fixture(autouse=True)
def drawing():
    plots.use_style()
    yield
    plt.close("all")
    plt.rcdefaults()


def texts(ax):
    return [text.get_text().replace("\xa0", " ") for text in ax.texts]


def test_classes_of_days_are_bars_from_the_soonest_down():
    classes = pd.DataFrame({"customer_share": [0.25, np.nan]}, index=["bis 30 Tage", "später"])
    ax = plot_timing(classes, style=STYLE)
    assert [bar.get_width() for bar in ax.patches] == [0.25, 0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["bis 30 Tage", "später"]
    assert ax.get_yticks().tolist() == [1, 0]
    assert texts(ax) == ["25 %", "–"]


def test_cells_of_value_by_risk_say_their_customers_and_value():
    index = pd.MultiIndex.from_product([["oben", "unten"], ["gering", "hoch"]], names=["w", "r"])
    cells = pd.DataFrame(
        {"customers": [1200, np.nan, 0, 40], "value_share": [0.9, np.nan, 0.0, 0.1]}, index=index
    )
    ax = plot_value_by_risk(cells, style=STYLE)
    assert texts(ax) == [
        *("1.200 Kunden\n90 % des Werts", "–", "0", "40 Kunden\n10 % des Werts"),
    ]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["oben", "unten"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["gering", "hoch"]
    shades = ax.images[0].get_array()
    assert shades[0, 0] == 1 and shades[1, 1] == pytest.approx((0.1 / 0.9) ** 0.5)
    assert np.ma.getmaskarray(np.ma.masked_invalid(shades)).sum() == 2
    # Dark letters on light ground, light ones on dark.
    assert [text.get_color() for text in ax.texts][::3] == ["white", "black"]


def test_a_grid_without_a_number_can_be_drawn():
    index = pd.MultiIndex.from_product([["oben"], ["gering", "hoch"]], names=["w", "r"])
    ax = plot_value_by_risk(
        pd.DataFrame({"customers": np.nan, "value_share": np.nan}, index=index), style=STYLE
    )
    assert texts(ax) == ["–", "–"]


def test_groups_are_points_with_their_intervals():
    bands = pd.DataFrame(
        {"value": [100.0, 50.0], "low_money": [80.0, 55.0], "high_money": [130.0, 70.0]},
        index=["A", "B"],
    )
    ax = plot_group_values(bands, style=STYLE)
    points, _, bars = ax.containers[0].lines
    assert points.get_xdata().tolist() == [100, 50]
    ends = [segment[:, 0].tolist() for segment in bars[0].get_segments()]
    # The second forecast lies below its interval; no end is turned round.
    assert ends == [[80, 130], [50, 70]]
    assert ax.get_xlim()[0] == 0
