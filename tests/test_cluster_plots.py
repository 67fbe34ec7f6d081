import matplotlib.pyplot as plt
import pandas as pd
import pytest

from workbench import plots
from workbench.cluster_plots import LOOKS, plot_positions, plot_search
from workbench.formats import Style

STYLE = Style("de_DE", "EUR")


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_search_is_drawn_beside_tables_without_groups():
    table = pd.DataFrame(
        {"silhouette": [0.3, 0.5], "reference": [0.2, 0.25], "reference_high": [0.22, 0.28]},
        index=pd.Index([2, 3], name="n_groups"),
    )
    ax = plot_search(table.assign(jaccard=0.9), style=STYLE)
    for line, column in zip(ax.lines, table, strict=True):
        assert line.get_xdata().tolist() == [2, 3]
        assert line.get_ydata().tolist() == table[column].tolist()
    assert len({line.get_linestyle() for line in ax.lines}) == 3
    assert ax.get_ylim() == pytest.approx((0, 0.55))
    assert legend(ax) == ["Ihre Wiederkäufer", "ohne Gruppen", "ohne Gruppen, höchstens"]


def test_each_group_has_a_sign_for_each_measure():
    names = ["Kauft oft, zuletzt da", "Kauft selten"]
    places = pd.DataFrame({name: [0.9, 0.2] for name in LOOKS}, index=names)
    ax = plot_positions(places, style=STYLE)
    assert len(ax.collections) == 4
    assert all(signs.get_offsets()[:, 0].tolist() == [0.9, 0.2] for signs in ax.collections)
    assert len({look[1] for look in LOOKS.values()}) == 4
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["Kauft oft,\nzuletzt da", "Kauft selten"]
    assert legend(ax) == [look[0] for look in LOOKS.values()]
