import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from workbench import plots, profile_plots
from workbench.formats import Style
from workbench.profiles import UNKNOWN

NAN = float("nan")
STYLE = Style("de_DE", "EUR")


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    """Draw as a notebook does, and leave neither figures nor settings behind."""
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def cells(**relative: tuple) -> pd.DataFrame:
    names = ["attribute", "group", "segment"]
    rows = {
        (attribute.split("_")[0], attribute.split("_")[1], f"S{i}"): value
        for attribute, values in relative.items()
        for i, value in enumerate(values)
    }
    index = pd.MultiIndex.from_tuples(rows, names=names)
    return pd.DataFrame({"relative": list(rows.values())}, index=index)


def test_a_row_is_a_group_and_darker_is_more_than_usual():
    table = cells(Alter_jung=(0.5, 1.0, 4.0), Alter_alt=(2.0, NAN, 0.0), Land_DE=(1.0, 1.0, 1.0))
    ax = profile_plots.plot_profile(table, style=STYLE)
    (image,) = ax.images
    depth = np.ma.filled(image.get_array(), NAN)
    assert depth[0].tolist() == pytest.approx([0, 0.5, 1])
    assert depth[1][0] == pytest.approx(1) and np.isnan(depth[1][1]) and depth[1][2] == 0
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        *("Alter: jung", "Alter: alt", "Land: DE"),
    ]
    texts = [text.get_text() for text in ax.texts]
    assert texts[:5] == ["50\u00a0%", "100\u00a0%", "400\u00a0%", "200\u00a0%", "–"]
    # One line between two attributes.
    assert len(ax.lines) == 1


def test_rows_and_columns_without_a_number_and_the_unknown_are_left_out():
    table = cells(Alter_jung=(0.5, NAN), Alter_alt=(NAN, NAN))
    unknown = table.iloc[:2].rename(index={"jung": UNKNOWN}, level="group").assign(relative=1.0)
    ax = profile_plots.plot_profile(pd.concat([table, unknown]), style=STYLE)
    # Of a single attribute the title tells the name.
    assert [text.get_text() for text in ax.get_yticklabels()] == ["jung"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["S0"]


def test_a_profile_of_suppressed_cells_is_drawn_and_long_names_are_cut():
    name = "ein sehr langer Name einer Kategorie"
    ax = profile_plots.plot_profile(cells(**{f"Ware_{name}": (NAN, NAN)}), style=STYLE)
    (label,) = [text.get_text() for text in ax.get_yticklabels()]
    assert label.endswith("…") and len(label) == profile_plots.LONGEST_NAME
