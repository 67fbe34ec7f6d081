import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from workbench import outputs, plots, segments
from workbench.formats import Style

NBSP = "\u00a0"
STYLE = Style("de_DE", "EUR")
NAN = float("nan")


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    """Draw as a notebook does, and leave neither figures nor settings behind."""
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def months(n: int = 3, **columns) -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=n, freq="MS", name="month")
    table = {"revenue_known": np.arange(n) * 10.0, "revenue_new": np.arange(n)[::-1] * 5.0}
    return pd.DataFrame(table | columns, index=index)


def order_counts() -> pd.DataFrame:
    index = pd.Index(["1", "2", "3+"], name="n_orders")
    return pd.DataFrame({"customers": [1411.0, 439.0, NAN]}, index=index)


def concentration() -> pd.DataFrame:
    index = pd.Index([0.1, 0.5, 1.0], name="top_share")
    return pd.DataFrame({"share_of_total": [0.5, 0.9, 1.0]}, index=index)


def sizes() -> pd.DataFrame:
    index = pd.Index(["Stammkunden", "Neukunden", "Ruhende"], name="segment")
    return pd.DataFrame(
        {"customer_share": [0.2, 0.8, NAN], "revenue_share": [0.7, 0.3, NAN]}, index=index
    )


def grid(customers: list[float] | None = None) -> pd.DataFrame:
    cells = segments.GRID.stack().rename("segment").to_frame()
    return cells.assign(customers=np.arange(25.0) if customers is None else customers)


def by_frequency() -> pd.DataFrame:
    index = pd.Index(["0", "1", "7+"], name="frequency")
    return pd.DataFrame({"actual": [0.2, 0.7, 6.4], "expected": [0.2, 0.5, 6.2]}, index=index)


def weeks() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cumulative_actual": [1.0, 5.0, 9.0, 14.0],
            "cumulative_expected": [2.0, 5.0, 8.0, 12.5],
            "is_holdout": [False, False, True, True],
        },
        index=pd.RangeIndex(1, 5, name="step"),
    )


def deciles() -> pd.DataFrame:
    index = pd.RangeIndex(1, 4, name="decile")
    return pd.DataFrame({"mean_value": [1234.5, 20.4, NAN]}, index=index)


def quality() -> pd.DataFrame:
    index = pd.Index(["Stoppuhr", "Boosting"], name="prediction")
    return pd.DataFrame({"auc": [0.8, 0.5], "chosen": [True, False]}, index=index)


def bins() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "predicted": [0.1, 0.5, NAN],
            "observed": [0.2, 0.4, NAN],
            "low": [0.1, 0.3, NAN],
            "high": [0.4, 0.6, NAN],
        }
    )


def importance() -> pd.DataFrame:
    index = pd.Index(["Zeit seit dem letzten Kauf", "Käufe"], name="label")
    return pd.DataFrame({"auc_loss": [0.12, 0.01]}, index=index)


def calendar(per_day: list[float] | None = None) -> pd.DataFrame:
    periods = pd.to_datetime(["2024-01-01", "2024-02-01"])
    index = pd.MultiIndex.from_product(
        [periods, ["Montag", "Dienstag", "Sonntag"]], names=["period", "weekday"]
    )
    values = [10.0, 20.0, 0.0, 30.0, NAN, NAN] if per_day is None else per_day
    return pd.DataFrame({"purchases_per_day": values, "days": [4, 4, 4, 4, 4, 0]}, index=index)


def gap_classes() -> pd.DataFrame:
    index = pd.Index(["bis 1 Woche", "bis 2 Wochen", "über 2 Wochen"], name="gap")
    return pd.DataFrame({"gap_share": [0.6, 0.4, NAN]}, index=index)


def next_purchase() -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [["zweiter Kauf", "dritter Kauf"], [1, 2, 3]], names=["stage", "week"]
    )
    share = np.array([0.1, NAN, 0.3, 0.2, 0.4, 0.5])
    return pd.DataFrame(
        {"bought_share": share, "low": share - 0.05, "high": share + 0.05}, index=index
    )


DRAWINGS = {
    "monthly_revenue": (plots.plot_monthly_revenue, months),
    "order_counts": (plots.plot_order_counts, order_counts),
    "concentration": (plots.plot_concentration, concentration),
    "segments": (plots.plot_segments, sizes),
    "score_grid": (plots.plot_score_grid, grid),
    "by_frequency": (plots.plot_by_frequency, by_frequency),
    "tracking": (plots.plot_tracking, weeks),
    "deciles": (plots.plot_deciles, deciles),
    "quality": (plots.plot_quality, quality),
    "calibration": (plots.plot_calibration, bins),
    "importance": (plots.plot_importance, importance),
    "calendar": (plots.plot_calendar, calendar),
    "gap_classes": (plots.plot_gap_classes, gap_classes),
    "next_purchase": (plots.plot_next_purchase, next_purchase),
}


def draw(name: str, table: pd.DataFrame | None = None, *, style: Style = STYLE, **more):
    function, make = DRAWINGS[name]
    if name != "by_frequency":
        more["style"] = style
    return function(make() if table is None else table, **more)


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def heights(container) -> list[float]:
    return [patch.get_height() for patch in container]


def widths(container) -> list[float]:
    return [patch.get_width() for patch in container]


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def make_figure(name: str = "segmente", drawing: str = "concentration") -> outputs.Figure:
    table = DRAWINGS[drawing][1]()
    return plots.figure(
        draw(drawing, table),
        name=name,
        title=outputs.say("Titel"),
        alt=outputs.say("Ersatztext"),
        caption="Legende",
        data=table,
        columns={
            "top_share": ("Anteil", "share"),
            "share_of_total": ("Wert", "share", 1),
        }
        if drawing == "concentration"
        else {},
        style=STYLE,
    )


# by hand: what is drawn


def test_monthly_revenue_stacks_new_customers_on_known_ones():
    ax = draw("monthly_revenue")
    known, new = ax.containers
    assert heights(known) == [0, 10, 20]
    assert heights(new) == [10, 5, 0]
    assert [bar.get_y() for bar in new] == [0, 10, 20]
    assert legend(ax) == ["Bestandskunden", "Neukunden (Monat des ersten Kaufs)"]
    assert ticks(ax.xaxis) == ["01/2024", "02/2024", "03/2024"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Monat", "Umsatz in EUR")


@pytest.mark.parametrize("n", [1, 9, 10, 18, 60])
def test_months_are_labelled_in_steps_so_that_they_do_not_overlap(n):
    labels = ticks(draw("monthly_revenue", months(n)).xaxis)
    assert labels[0] == "01/2024"
    assert 1 <= len(labels) <= 9 and len(set(labels)) == len(labels)


def test_order_counts_are_bars_with_their_count_and_a_dash_for_a_small_group():
    ax = draw("order_counts")
    assert heights(ax.containers[0]) == [1411, 439, 0]
    assert [text.get_text() for text in ax.texts] == ["1.411", "439", "–"]
    assert ticks(ax.xaxis) == ["1", "2", "3+"]
    assert ax.get_ylabel() == "Anzahl Kunden"


def test_concentration_runs_from_nothing_to_all():
    ax = draw("concentration")
    curve, equal = ax.lines
    assert list(curve.get_xdata()) == [0, 0.1, 0.5, 1.0]
    assert list(curve.get_ydata()) == [0, 0.5, 0.9, 1.0]
    assert list(equal.get_xdata()) == list(equal.get_ydata()) == [0, 1]
    assert legend(ax) == ["Ihre Kunden", "alle gleich"]


def test_segments_are_pairs_of_bars_from_top_to_bottom():
    ax = draw("segments")
    customers, revenue = ax.containers
    assert widths(customers) == [0.2, 0.8, 0]
    assert widths(revenue) == [0.7, 0.3, 0]
    middles = [bar.get_y() + bar.get_height() / 2 for bar in customers]
    assert middles == pytest.approx([2.2, 1.2, 0.2])
    assert ticks(ax.yaxis) == ["Stammkunden", "Neukunden", "Ruhende"]
    assert list(ax.get_yticks()) == [2, 1, 0]
    assert legend(ax) == ["Anteil der Kunden", "Anteil am Umsatz"]


def test_the_score_grid_has_the_freshest_row_on_top_and_a_number_in_each_cell():
    ax = draw("score_grid", grid([NAN, *range(1, 24), 1234.0]))
    assert ticks(ax.yaxis) == ["5", "4", "3", "2", "1"]
    assert ticks(ax.xaxis) == ["1", "2", "3", "4", "5"]
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts[(0, 4)] == "–" and texts[(4, 0)] == "1.234" and texts[(1, 4)] == "1"
    assert len(texts) == 25
    shade = ax.images[0].get_array()
    assert shade[0, 4] == 1.0 and shade.mask[4, 0]
    assert "Note" in ax.get_xlabel() and "Note" in ax.get_ylabel()


def test_numbers_in_the_grid_stand_out_from_their_cell():
    ax = draw("score_grid")
    image = ax.images[0]
    for text in ax.texts:
        column, row = map(int, text.get_position())
        *cell, opacity = image.cmap(image.norm(image.get_array()))[row, column]
        if opacity == 0:  # the page shows through, and its own text colour on it
            assert text.get_color() == plots.INK
        else:
            assert contrast(cell, to_rgb(text.get_color())) >= 4.5


def contrast(one, two) -> float:
    """WCAG 2.2, contrast ratio of two sRGB colours."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted([luminance(one), luminance(two)])
    return (high + 0.05) / (low + 0.05)


def test_holdout_purchases_are_two_lines():
    ax = draw("by_frequency")
    actual, expected = ax.lines
    assert list(actual.get_ydata()) == [0.2, 0.7, 6.4]
    assert list(expected.get_ydata()) == [0.2, 0.5, 6.2]
    assert actual.get_linestyle() != expected.get_linestyle()
    assert legend(ax) == ["beobachtet", "erwartet"]
    assert ticks(ax.xaxis) == ["0", "1", "7+"]
    assert ax.get_ylim()[0] == 0


def test_tracking_marks_the_end_of_the_learning():
    ax = draw("tracking")
    actual, expected, end = ax.lines
    assert list(actual.get_xdata()) == [1, 2, 3, 4]
    assert list(actual.get_ydata()) == [1, 5, 9, 14]
    assert list(expected.get_ydata()) == [2, 5, 8, 12.5]
    assert list(end.get_xdata()) == [2, 2]
    assert ax.texts[0].get_text().strip() == "Ende des Lernens"
    assert ax.get_ylim()[0] == 0
    assert legend(ax) == ["beobachtet", "erwartet"]


def test_deciles_are_bars_with_their_money():
    ax = draw("deciles")
    assert heights(ax.containers[0]) == [1234.5, 20.4, 0]
    assert [text.get_text() for text in ax.texts] == [f"1.234{NBSP}€", f"20{NBSP}€", "–"]
    assert ticks(ax.xaxis) == ["1", "2", "3"]
    assert ax.get_ylabel() == "mittlerer Kundenwert in EUR"


def test_quality_names_and_fills_the_chosen_forecast():
    ax = draw("quality")
    bars = ax.containers[0]
    assert widths(bars) == [0.8, 0.5]
    assert ticks(ax.yaxis) == ["Stoppuhr (gewählt)", "Boosting"]
    assert [text.get_text() for text in ax.texts] == ["0,800", "0,500"]
    assert to_hex(bars[0].get_facecolor()) == plots.OBSERVED
    assert to_hex(bars[1].get_facecolor()) == plots.QUIET
    assert list(ax.lines[0].get_xdata()) == [0.5, 0.5]


def test_calibration_has_a_point_with_bounds_for_each_group_shown():
    ax = draw("calibration")
    points = ax.containers[0]
    assert list(points.lines[0].get_xdata()) == [0.1, 0.5]
    assert list(points.lines[0].get_ydata()) == [0.2, 0.4]
    bounds = [segment[:, 1].tolist() for segment in points.lines[2][0].get_segments()]
    assert np.allclose(bounds, [[0.1, 0.4], [0.3, 0.6]])
    assert legend(ax) == ["Vorhersage trifft genau", "Gruppen von Kunden"]


def test_importance_is_the_loss_from_top_to_bottom():
    ax = draw("importance")
    assert widths(ax.containers[0]) == [0.12, 0.01]
    assert ticks(ax.yaxis) == ["Zeit seit dem letzten Kauf", "Käufe"]
    assert list(ax.get_yticks()) == [1, 0]


def test_the_calendar_has_a_box_where_something_was_bought_and_a_cross_where_it_is_hidden():
    ax = draw("calendar")
    boxes = [(box.get_x() + 0.46, box.get_y() + 0.46) for box in ax.patches]
    # Monday on top; nothing was bought on the Sundays, and of one there was no day.
    np.testing.assert_allclose(boxes, [(0, 0), (1, 0), (0, 1)])
    assert ax.collections[0].get_offsets().tolist() == [[1, 1]]
    assert legend(ax) == ["zu wenige Kunden"]
    assert ticks(ax.yaxis) == ["Mo", "Di", "So"]
    assert ticks(ax.xaxis) == ["01/2024", "02/2024"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_the_calendar_is_darker_where_more_was_bought_and_its_key_has_the_shades():
    ax = draw("calendar")
    light = [sum(box.get_facecolor()[:3]) for box in ax.patches]
    assert light[0] > light[2] > light[1]
    key = ax.figure.axes[1]
    assert key.get_xlabel() == "Käufe je Tag; leer: keine"
    assert key.get_xlim() == (0, 30)


def test_a_calendar_of_rare_purchases_has_decimals_in_its_key():
    ax = draw("calendar", calendar([0.1, 0.4, 0.0, 0.2, 0.3, 0.4]))
    assert all("," in text for text in ticks(ax.figure.axes[1].xaxis))
    assert ax.get_legend() is None


def test_gaps_are_bars_from_short_to_long_with_their_share_and_a_dash():
    ax = draw("gap_classes")
    assert widths(ax.containers[0]) == [0.6, 0.4, 0.0]
    assert [text.get_text() for text in ax.texts] == [f"60{NBSP}%", f"40{NBSP}%", "–"]
    assert ticks(ax.yaxis) == ["bis 1 Woche", "bis 2 Wochen", "über 2 Wochen"]


def test_curves_of_the_next_purchase_are_steps_from_nothing_without_the_hidden_weeks():
    ax = draw("next_purchase")
    second, third = ax.lines
    assert second.get_drawstyle() == "steps-post"
    assert list(second.get_xdata()) == [0, 1, 3]
    assert list(second.get_ydata()) == [0, 0.1, 0.3]
    assert list(third.get_ydata()) == [0, 0.2, 0.4, 0.5]
    assert second.get_linestyle() != third.get_linestyle()
    assert len(ax.collections) == 2
    assert legend(ax) == ["zweiter Kauf", "dritter Kauf"]


def test_axes_are_written_in_the_readers_way():
    ax = draw("concentration")
    write = ax.yaxis.get_major_formatter()
    assert write(0.5, 0) == f"50{NBSP}%"
    assert draw("order_counts").yaxis.get_major_formatter()(12000, 0) == "12.000"
    swiss = draw("order_counts", style=Style("de_CH", "CHF"))
    assert swiss.yaxis.get_major_formatter()(12000, 0) == "12\u2019000"
    assert draw("importance").xaxis.get_major_formatter()(0.05, 0) == "0,05"


def test_the_currency_of_the_report_stands_at_the_axis():
    swiss = Style("de_CH", "CHF")
    assert draw("monthly_revenue", style=swiss).get_ylabel() == "Umsatz in CHF"
    assert draw("deciles", style=swiss).get_ylabel() == "mittlerer Kundenwert in CHF"


# properties


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_goes_where_it_is_told_and_has_neither_title_nor_bare_axes(name):
    _, ax = plt.subplots()
    assert draw(name, ax=ax) is ax
    assert len(plt.get_fignums()) == 1
    assert ax.get_title() == ""
    assert ax.get_xlabel()
    assert ax.get_ylabel() or all(ticks(ax.yaxis))


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_leaves_its_table_as_it_was(name):
    table = DRAWINGS[name][1]()
    before = table.copy()
    draw(name, table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("name", sorted(set(DRAWINGS) - {"concentration", "tracking"}))
def test_a_table_in_which_all_is_suppressed_is_drawn(name):
    table = DRAWINGS[name][1]()
    numbers = table.select_dtypes("number").columns
    draw(name, table.assign(**dict.fromkeys(numbers, NAN))).figure.canvas.draw()


def test_a_concentration_with_suppressed_rows_is_drawn_from_what_is_left():
    ax = draw("concentration", concentration().assign(share_of_total=[NAN, NAN, 1.0]))
    ax.figure.canvas.draw()
    x, y = ax.lines[0].get_xdata(), ax.lines[0].get_ydata()
    drawn = [(a, b) for a, b in zip(x, y, strict=True) if b == b]
    assert drawn == [(0, 0), (1, 1)]


@pytest.mark.parametrize("hostile", ["$", "<b>&", "{x}%s\\alpha"])
@pytest.mark.parametrize("name", ["segments", "quality", "importance", "order_counts"])
def test_a_name_of_a_group_is_drawn_as_it_is(name, hostile):
    table = DRAWINGS[name][1]()
    table.index = [hostile, *table.index[1:]]
    ax = draw(name, table)
    axis = ax.xaxis if name == "order_counts" else ax.yaxis
    assert ticks(axis)[0].removesuffix(" (gewählt)") == hostile
    ax.figure.canvas.draw()


def test_use_style_lets_the_page_shine_through():
    assert plt.rcParams["figure.facecolor"] == "none"


@pytest.mark.parametrize("colour", [plots.OBSERVED, plots.EXPECTED, plots.QUIET])
@pytest.mark.parametrize("page", ["#ffffff", "#14181d"])
def test_colours_have_contrast_on_white_and_on_dark(colour, page):
    assert contrast(to_rgb(colour), to_rgb(page)) >= 3


# figures for the report


def test_a_figure_carries_words_table_and_drawing_and_is_closed():
    figure = make_figure()
    assert plt.get_fignums() == []
    assert (figure.name, str(figure.title), str(figure.alt)) == ("segmente", "Titel", "Ersatztext")
    assert str(figure.caption) == "Legende"
    assert figure.data.name == "segmente"
    assert figure.data.payload()["texts"][0] == [f"10{NBSP}%", f"50,0{NBSP}%"]


def test_only_the_drawing_that_was_handed_over_is_closed():
    other = plt.figure()
    make_figure()
    assert plt.get_fignums() == [other.number]


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_clean_holds_together_and_has_the_same_bytes_twice(name):
    svg = make_figure("bild_a", name).svg
    plt.figure()  # another figure is open in between
    assert make_figure("bild_a", name).svg == svg

    assert svg.startswith("<svg ") and svg.endswith("</svg>")
    for unwanted in ("xmlns", "<style", "<metadata", "dc:date", "<script", "<?xml", "<!DOCTYPE"):
        assert unwanted not in svg, unwanted
    assert "http" not in svg and "xlink" not in svg and "Matplotlib" not in svg
    ids = [e.get("id") for e in ElementTree.fromstring(svg).iter() if e.get("id")]
    assert len(set(ids)) == len(ids) > 0
    assert all(found.startswith("bild_a-") for found in ids)
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
    assert {a or b for a, b in references} <= set(ids)


def test_a_name_cannot_leave_the_drawing():
    table = sizes()
    table.index = ["--><script>alert('x')</script>", "]]>&amp;<b>", "\"'"]
    figure = plots.figure(
        draw("segments", table),
        name="x",
        title=outputs.say("T"),
        alt=outputs.say("A"),
        caption="C",
        data=table,
        columns={},
        style=STYLE,
    )
    tags = {element.tag for element in ElementTree.fromstring(figure.svg).iter()}
    assert "script" not in tags and "b" not in tags
    assert "<script" not in re.sub(r"<!--.*?-->", "", figure.svg, flags=re.DOTALL)


def test_two_figures_of_a_page_share_no_id():
    one, two = (set(re.findall(r'\bid="([^"]*)"', make_figure(name).svg)) for name in ("a", "b"))
    assert one and two and not one & two


def test_text_takes_the_colour_of_the_page():
    svg = make_figure().svg
    assert plots.INK not in svg
    assert "currentColor" in svg


def test_figures_are_the_same_whatever_was_set_before():
    one = make_figure().svg
    plt.rcParams.update({"font.size": 20, "svg.hashsalt": None, "axes.facecolor": "red"})
    plots.use_style()
    assert make_figure().svg == one


# messages


def test_a_name_that_is_no_file_name_is_refused():
    with pytest.raises(ValueError, match=r"^name 'Kein Name' must be lower-case ASCII"):
        make_figure("Kein Name")


def test_a_column_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"asks for \['share'\]"):
        plots.figure(
            draw("concentration"),
            name="x",
            title=outputs.say("T"),
            alt=outputs.say("A"),
            caption="C",
            data=concentration(),
            columns={"share": ("S", "share")},
            style=STYLE,
        )
