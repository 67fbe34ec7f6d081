import itertools

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import PathPatch, Rectangle

from workbench import plots
from workbench.formats import Style
from workbench.migration import balance, flows, shown
from workbench.migration_plots import LABEL, LOOKS, plot_flows

STYLE = Style("de_DE", "EUR")
DAYS = (pd.Timestamp("2024-06-30"), pd.Timestamp("2024-12-31"))
ORDER = ("oft", "selten", "still")


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def draw(before: list[str], after: list[str], *, k: int = 5):
    first = pd.Series(before).rename(index=str)
    table = flows(first, pd.Series(after).rename(index=str), order=ORDER)
    return plot_flows(shown(table, k=k), balance(table, k=k), days=DAYS, style=STYLE)


def bands(ax) -> list[float]:
    """Heights at the left end."""
    patches = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
    return [patch.get_path().vertices[0, 1] - patch.get_path().vertices[7, 1] for patch in patches]


def nodes(ax) -> list[float]:
    return [patch.get_height() for patch in ax.patches if isinstance(patch, Rectangle)]


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_nodes_and_bands_are_as_high_as_their_customers():
    ax = draw(["oft"] * 100 + ["still"] * 100, ["oft"] * 60 + ["still"] * 40 + ["still"] * 100)
    left_often, left_still, right_often, right_still = nodes(ax)
    assert left_often == pytest.approx(left_still)
    assert right_still == pytest.approx(right_often * 140 / 60)
    widest, *others = bands(ax)
    assert widest == pytest.approx(left_still)
    assert others == pytest.approx([left_often * 0.6, left_often * 0.4])
    assert legend(ax) == ["bleibt", "steigt auf", "steigt ab"]
    texts = [text.get_text() for text in ax.texts]
    assert {"30.06.2024", "31.12.2024", "oft\n100", "still\n140"} <= set(texts)
    assert not any("selten" in text for text in texts)


def test_a_way_up_a_way_down_and_new_customers_look_unlike_without_colour():
    ax = draw(
        ["oft"] * 10 + ["still"] * 20, ["still"] * 10 + ["oft"] * 8 + ["still"] * 12 + ["oft"] * 9
    )
    seen = {
        (patch.get_hatch(), patch.get_alpha())
        for patch in ax.patches
        if isinstance(patch, PathPatch)
    }
    assert len(seen) == len(LOOKS) == 4
    assert legend(ax)[-1] == "neuer Kunde"


def test_labels_never_lie_on_each_other():
    before = ["oft"] * 9 + ["selten"] * 8 + ["still"] * 5000
    ax = draw(before, before)
    for side in ("right", "left"):
        places = sorted(
            text.get_position()[1]
            for text in ax.texts
            if text.get_ha() == side and "\n" in text.get_text()
        )
        assert min(b - a for a, b in itertools.pairwise(places)) >= LABEL


def test_what_is_suppressed_is_drawn_as_nothing():
    ax = draw(["oft"] * 20 + ["selten"] * 20, ["still"] * 3 + ["oft"] * 17 + ["selten"] * 20)
    # Three left; the others of their group would give them away.
    assert len(bands(ax)) == 1
    assert not draw(["oft"] * 30, ["oft"] * 30, k=100).patches


def test_a_size_that_is_withheld_is_called_the_least_there_is():
    before = pd.Series(["oft"] * 30 + ["selten"] * 30).rename(index=str)
    table = flows(before, before.replace("selten", "still"), order=ORDER)
    sizes = balance(table, k=5)
    seen = shown(table, k=5).copy()
    seen.loc[("selten", "oft"), "customers"] = float("nan")
    sizes.loc["selten", "customers"] = float("nan")
    ax = plot_flows(seen, sizes, days=DAYS, style=STYLE)
    texts = [text.get_text() for text in ax.texts]
    assert "selten\nmind. 30" in texts
    assert "oft\n30" in texts and "still\n30" in texts
