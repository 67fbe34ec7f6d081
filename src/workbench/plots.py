"""Tables to drawings: the only module that knows matplotlib.

A drawing function takes a computed table and draws; `figure` turns the result into what
the report shows.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbench import outputs
from workbench.formats import Style

# Contrast of at least 3:1 on a white and on a dark page.
OBSERVED = "#2f74c0"
EXPECTED = "#cf6a10"
QUIET = "#7b858f"
# Stands for the page's own text colour until the drawing is written.
INK = "#123456"
SIZE = (6.2, 3.5)
TALL = (6.2, 4.3)
# So many shades of one colour can be told apart.
N_SHADES = 5
# Letters in a line of a label.
LONGEST_LABEL = 34


def use_style() -> None:
    """Set fonts, colours and number format of all drawings of a notebook."""
    mpl.rcParams.update(
        {
            "figure.figsize": SIZE,
            "figure.facecolor": "none",
            "figure.constrained_layout.use": True,
            "axes.facecolor": "none",
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "font.family": ["DejaVu Sans"],
            "font.size": 10,
            "legend.frameon": False,
            "lines.linewidth": 2,
            "savefig.facecolor": "none",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def figure(
    ax: Axes,
    *,
    name: str,
    title: outputs.Sentence,
    alt: outputs.Sentence,
    caption: str | outputs.Sentence,
    data: pd.DataFrame,
    columns: Mapping[str, Sequence[Any]],
    style: Style,
) -> outputs.Figure:
    """Turn a drawing into what the report shows, and close it.

    Parameters
    ----------
    ax : Axes
        Drawn on a figure of its own.
    name : str
        File name of the data without ending; lower-case ASCII, unique in a run.
    title : Sentence
        The finding.
    alt : Sentence
        What is to be seen, for those who cannot see it.
    caption : str or Sentence
        How to read the drawing.
    data, columns, style
        The table behind it, as in `outputs.table`.
    """
    table = outputs.table(data, name=name, caption=caption, columns=columns, style=style)
    svg = _svg(ax, name=name)
    return outputs.Figure(name, title, alt, table.caption, svg, table)


def plot_monthly_revenue(months: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw revenue by month, new customers stacked on known ones.

    Parameters
    ----------
    months : DataFrame
        Indexed by month start: `revenue_known`, `revenue_new` (currency).
    """
    ax = axes(ax)
    x = np.arange(len(months))
    known, new = months["revenue_known"].fillna(0), months["revenue_new"].fillna(0)
    ax.bar(x, known, width=0.75, color=OBSERVED, label="Bestandskunden")
    ax.bar(
        x,
        new,
        width=0.75,
        bottom=known,
        color=EXPECTED,
        hatch="//",
        edgecolor="white",
        linewidth=0,
        label="Neukunden (Monat des ersten Kaufs)",
    )
    step = max(1, -(-len(months) // 6))
    ax.set_xticks(x[::step], [f"{day.month:02d}/{day.year}" for day in months.index[::step]])
    ax.set(xlabel="Monat", ylabel=f"Umsatz in {style.currency}")
    write_axis(ax.yaxis, style, "count")
    legend(ax)
    return ax


def plot_order_counts(counts: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how many customers bought on 1, 2, ... days.

    Parameters
    ----------
    counts : DataFrame
        Indexed by `n_orders` (text, the last one open): `customers`.
    """
    ax = axes(ax)
    bars = ax.bar(counts.index, counts["customers"].fillna(0), width=0.75, color=OBSERVED)
    ax.bar_label(bars, [style.write(n, "count").text for n in counts["customers"]], padding=2)
    ax.set(xlabel="Käufe je Kunde", ylabel="Anzahl Kunden")
    write_axis(ax.yaxis, style, "count")
    return ax


def plot_concentration(curve: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the share of the total that the best customers hold.

    Parameters
    ----------
    curve : DataFrame
        Indexed by `top_share`, rising to 1: `share_of_total` (0 to 1).
    """
    ax = axes(ax)
    held = curve["share_of_total"]
    ax.plot([0, *held.index], [0, *held], color=OBSERVED, label="Ihre Kunden")
    ax.plot([0, 1], [0, 1], color=QUIET, ls="--", lw=1.2, label="alle gleich")
    ax.set(
        xlabel="Anteil der Kunden, die besten zuerst",
        ylabel="Anteil am Gesamtwert",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    write_axis(ax.xaxis, style, "share")
    write_axis(ax.yaxis, style, "share")
    legend(ax)
    return ax


def plot_segments(sizes: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw each group's share of customers beside its share of revenue.

    Parameters
    ----------
    sizes : DataFrame
        Indexed by the group's name: `customer_share`, `revenue_share`.
    """
    ax = axes(ax, TALL)
    y = np.arange(len(sizes))[::-1]
    ax.barh(
        y + 0.2,
        sizes["customer_share"].fillna(0),
        height=0.38,
        color=QUIET,
        label="Anteil der Kunden",
    )
    ax.barh(
        y - 0.2,
        sizes["revenue_share"].fillna(0),
        height=0.38,
        color=OBSERVED,
        hatch="//",
        edgecolor="white",
        linewidth=0,
        label="Anteil am Umsatz",
    )
    ax.set_yticks(y, sizes.index)
    ax.set(xlabel="Anteil")
    write_axis(ax.xaxis, style, "share")
    legend(ax)
    return ax


def plot_score_grid(grid: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the number of customers in each cell of recency by frequency score.

    Parameters
    ----------
    grid : DataFrame
        Indexed by `r_score` and `f_score`: `customers` (missing: suppressed).
    """
    ax = axes(ax, TALL)
    cells = grid["customers"].unstack("f_score").sort_index(ascending=False)
    shade = LinearSegmentedColormap.from_list("shade", ["#e8f0f9", "#1c4f8a"])
    shade = shade.with_extremes(bad="#dfe3e8")
    counts = cells.to_numpy(float)
    shares = np.sqrt(counts / max(1.0, cells.fillna(0).to_numpy().max()))
    shade = LinearSegmentedColormap.from_list("shade", ["#e8f0f9", "#1c4f8a"])
    # Empty and suppressed cells stay as the page is.
    shade = shade.with_extremes(bad="none")
    ax.imshow(np.where(counts > 0, shares, np.nan), cmap=shade, vmin=0, vmax=1, aspect="auto")
    for row, col in np.ndindex(cells.shape):
        text = style.write(cells.iloc[row, col], "count").text
        filled = "white" if shares[row, col] > 0.74 else "black"
        colour = filled if counts[row, col] > 0 else INK
        ax.text(col, row, text, ha="center", va="center", color=colour)
    ax.set_xticks(range(cells.shape[1]), cells.columns)
    ax.set_yticks(range(cells.shape[0]), cells.index)
    ax.set(
        xlabel="Häufigkeit (Note, höher ist besser)",
        ylabel="letzter Kauf (Note, höher ist frischer)",
    )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def plot_calendar(cells: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how many purchases a day of each weekday brings, period by period.

    Parameters
    ----------
    cells : DataFrame
        Indexed by `period` (first day) and `weekday`, every combination, in
        the order drawn: `purchases_per_day` (missing: suppressed, or no such
        day), `days` (count).
    """
    ax = axes(ax, TALL)
    grid = cells["purchases_per_day"].unstack("period", sort=False)
    x, y = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[0]))
    values, days = grid.to_numpy(float), cells["days"].unstack("period", sort=False).to_numpy()
    top = np.nanmax(values) if (values > 0).any() else 1.0
    levels = MaxNLocator(nbins=N_SHADES, min_n_ticks=2).tick_values(0, top)
    shade = LinearSegmentedColormap.from_list("shade", ["#d3e3f4", "#123a68"], N=len(levels) - 1)
    norm = BoundaryNorm(levels, shade.N)
    sold, small = values > 0, np.isnan(values) & (days > 0)
    box = {"height": 0.92, "width": 0.92, "linewidth": 0}
    ax.bar(x[sold], bottom=y[sold] - 0.46, color=shade(norm(values[sold])), **box)
    ax.scatter(x[small], y[small], marker="x", s=12, lw=1, color=QUIET, label="zu wenige Kunden")
    if small.any():
        legend(ax)
    ax.set_yticks(range(len(grid)), [name[:2] for name in grid.index])
    step = max(1, -(-grid.shape[1] // 6))
    starts = [f"{day.month:02d}/{day.year}" for day in grid.columns[::step]]
    ax.set_xticks(range(0, grid.shape[1], step), starts)
    ax.set(
        xlim=(-0.6, grid.shape[1] - 0.4),
        ylim=(len(grid) - 0.4, -0.6),
        xlabel="Zeitraum, Beginn",
        ylabel="Wochentag",
    )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    key = ScalarMappable(norm=norm, cmap=shade)
    bar = ax.figure.colorbar(key, ax=ax, location="bottom", shrink=0.7, aspect=30, pad=0.03)
    bar.set_label("Käufe je Tag; leer: keine")
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v, digits=0).text))
    if levels[1] % 1:
        write_axis(bar.ax.xaxis, style, "number", 1)
    return ax


def plot_gap_classes(classes: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the share of gaps between two purchases in each class of length.

    Parameters
    ----------
    classes : DataFrame
        Indexed by `gap` (text, shortest first): `gap_share` (0 to 1).
    """
    ax = axes(ax, TALL)
    y = np.arange(len(classes))[::-1]
    bars = ax.barh(y, classes["gap_share"].fillna(0), height=0.7, color=OBSERVED)
    ax.bar_label(bars, [style.share(v).text for v in classes["gap_share"]], padding=3)
    ax.set_yticks(y, classes.index)
    ax.set(xlabel="Anteil der Abstände", ylabel="Abstand zum vorigen Kauf")
    ax.margins(x=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    write_axis(ax.xaxis, style, "share")
    return ax


def plot_next_purchase(curves: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw which share has bought again after so many weeks, with its bounds.

    Parameters
    ----------
    curves : DataFrame
        Indexed by `stage` (text; two at most) and `week`: `bought_share`, `low`,
        `high` (0 to 1; missing: suppressed).
    """
    ax = axes(ax)
    looks = zip((OBSERVED, EXPECTED), ("-", "--"), strict=True)
    for (stage, curve), (colour, line) in zip(
        curves.dropna(subset=["bought_share"]).groupby("stage", sort=False), looks, strict=False
    ):
        weeks = [0, *curve.index.get_level_values("week")]
        low, high = [0, *curve["low"]], [0, *curve["high"]]
        ax.fill_between(weeks, low, high, step="post", color=colour, alpha=0.25, lw=0)
        share = [0, *curve["bought_share"]]
        ax.step(weeks, share, where="post", color=colour, ls=line, label=stage)
    ax.set(
        xlabel="Wochen seit dem vorigen Kauf",
        ylabel="Anteil mit nächstem Kauf",
        xlim=(0, None),
        ylim=(0, 1),
    )
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "share")
    if ax.lines:
        legend(ax)
    return ax


def plot_by_frequency(comparison: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw actual against expected holdout purchases by calibration frequency.

    Parameters
    ----------
    comparison : DataFrame
        Indexed by frequency: `actual` and `expected` mean purchases.
    """
    ax = axes(ax)
    labels = [str(value) for value in comparison.index]
    ax.plot(labels, comparison["actual"], marker="o", color=OBSERVED, label="beobachtet")
    ax.plot(labels, comparison["expected"], marker="s", ls="--", color=EXPECTED, label="erwartet")
    ax.set(
        xlabel="Wiederholungskäufe im Beobachtungszeitraum",
        ylabel="mittlere Käufe im Prüfzeitraum",
        ylim=(0, None),
    )
    legend(ax)
    return ax


def plot_tracking(weeks: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw cumulative repeat purchases, actual and expected, by week.

    Parameters
    ----------
    weeks : DataFrame
        Indexed by week: `cumulative_actual`, `cumulative_expected` and
        `is_holdout`.
    """
    ax = axes(ax)
    ax.plot(weeks.index, weeks["cumulative_actual"], color=OBSERVED, label="beobachtet")
    ax.plot(weeks.index, weeks["cumulative_expected"], color=EXPECTED, ls="--", label="erwartet")
    cutoff_week = int((~weeks["is_holdout"]).sum())
    ax.axvline(cutoff_week, color=QUIET, lw=1.2, ls=":")
    ax.annotate("Ende des Lernens ", (cutoff_week, ax.get_ylim()[1]), ha="right", va="top")
    ax.set(
        xlabel="Woche seit Beginn der Daten",
        ylabel="Wiederholungskäufe, aufsummiert",
        ylim=(0, None),
    )
    write_axis(ax.yaxis, style, "count")
    legend(ax)
    return ax


def plot_deciles(deciles: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the mean value of a customer in each tenth of the base, the best tenth first.

    Parameters
    ----------
    deciles : DataFrame
        Indexed by decile 1 to 10: `mean_value` (currency).
    """
    ax = axes(ax)
    labels = [str(value) for value in deciles.index]
    bars = ax.bar(labels, deciles["mean_value"].fillna(0), width=0.75, color=OBSERVED)
    ax.bar_label(
        bars,
        [style.write(v, "money", 0).text for v in deciles["mean_value"]],
        padding=2,
        fontsize=9,
    )
    ax.set(
        xlabel="Zehntel der Kunden, das wertvollste zuerst",
        ylabel=f"mittlerer Kundenwert in {style.currency}",
    )
    write_axis(ax.yaxis, style, "count")
    return ax


def plot_quality(quality: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the AUC of each forecast, the chosen one filled.

    Parameters
    ----------
    quality : DataFrame
        Indexed by label: `auc` and `chosen` (bool).
    """
    ax = axes(ax)
    y = np.arange(len(quality))[::-1]
    colours = [OBSERVED if chosen else QUIET for chosen in quality["chosen"]]
    bars = ax.barh(y, quality["auc"], height=0.6, color=colours)
    ax.bar_label(bars, [style.number(value, digits=3).text for value in quality["auc"]], padding=3)
    labels = [
        f"{name} (gewählt)" if chosen else name
        for name, chosen in zip(quality.index, quality["chosen"], strict=True)
    ]
    ax.set_yticks(y, labels)
    ax.axvline(0.5, color=INK, lw=1, ls=":")
    ax.set(xlabel="Trennschärfe (AUC); gepunktet: Zufall", xlim=(0, 1))
    write_axis(ax.xaxis, style, "number", 1)
    return ax


def plot_calibration(bins: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw observed against predicted shares with their Wilson bounds.

    Parameters
    ----------
    bins : DataFrame
        `predicted`, `observed`, `low`, `high` (0 to 1).
    """
    ax = axes(ax)
    bins = bins.dropna(subset=["predicted", "observed"])
    spread = [bins["observed"] - bins["low"], bins["high"] - bins["observed"]]
    ax.plot([0, 1], [0, 1], color=QUIET, ls="--", lw=1.2, label="Vorhersage trifft genau")
    ax.errorbar(
        bins["predicted"],
        bins["observed"],
        yerr=np.abs(spread),
        fmt="o",
        color=OBSERVED,
        capsize=3,
        lw=1.2,
        label="Gruppen von Kunden",
    )
    ax.set(
        xlabel="vorhergesagte Wahrscheinlichkeit",
        ylabel="tatsächlicher Anteil",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )
    write_axis(ax.xaxis, style, "share")
    write_axis(ax.yaxis, style, "share")
    legend(ax)
    return ax


def plot_importance(importance: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how much AUC is lost when a feature is shuffled.

    Parameters
    ----------
    importance : DataFrame
        Indexed by label, most important first: `auc_loss`.
    """
    ax = axes(ax, TALL)
    y = np.arange(len(importance))[::-1]
    ax.barh(y, importance["auc_loss"], height=0.6, color=OBSERVED)
    ax.set_yticks(y, [textwrap.fill(name, LONGEST_LABEL) for name in importance.index])
    ax.set(xlabel="Verlust an Trennschärfe")
    write_axis(ax.xaxis, style, "number", 2)
    return ax


def plot_timing(classes: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the share of customers by the day by which they are expected back.

    Parameters
    ----------
    classes : DataFrame
        Indexed by the class (text, the soonest first): `customer_share` (0 to 1;
        missing: suppressed).
    """
    ax = axes(ax)
    y = np.arange(len(classes))[::-1]
    bars = ax.barh(y, classes["customer_share"].fillna(0), height=0.7, color=OBSERVED)
    labels = [style.write(v, "share", 0).text for v in classes["customer_share"]]
    ax.bar_label(bars, labels, padding=3)
    ax.set_yticks(y, classes.index)
    ax.set(xlabel="Anteil der Kunden")
    ax.margins(x=0.12)
    write_axis(ax.xaxis, style, "share")
    return ax


def plot_value_by_risk(cells: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw each cell of value by risk, the darker the more of all value it holds.

    Parameters
    ----------
    cells : DataFrame
        Indexed by value and risk (text, every combination, in the order
        drawn): `customers` (count), `value_share` (0 to 1); missing: suppressed.
    """
    ax = axes(ax, TALL)
    held = cells["value_share"].unstack(sort=False)
    customers = cells["customers"].unstack(sort=False)
    shades = np.sqrt(held.to_numpy(float) / max(1e-9, held.fillna(0).to_numpy().max()))
    shade = LinearSegmentedColormap.from_list("shade", ["#e8f0f9", "#1c4f8a"])
    filled = (customers > 0).to_numpy() & ~np.isnan(shades)
    colours = shade.with_extremes(bad="none")
    ax.imshow(np.where(filled, shades, np.nan), cmap=colours, vmin=0, vmax=1, aspect="auto")
    for row, col in np.ndindex(held.shape):
        n = style.write(customers.iloc[row, col], "count").text
        part = style.write(held.iloc[row, col], "share", 0).text
        text = f"{n} Kunden\n{part} des Werts" if filled[row, col] else n
        dark = "white" if shades[row, col] > 0.74 else "black"
        colour = dark if filled[row, col] else INK
        ax.text(col, row, text, ha="center", va="center", color=colour)
    ax.set_xticks(range(held.shape[1]), held.columns)
    ax.set_yticks(range(held.shape[0]), held.index)
    ax.set(xlabel="Wahrscheinlichkeit, nicht zu kaufen", ylabel="Kundenwert")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def plot_group_values(bands: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the value of each group with its interval.

    Parameters
    ----------
    bands : DataFrame
        Indexed by the group's name: `value`, `low_money`, `high_money`
        (currency; missing: suppressed).
    """
    ax = axes(ax, TALL)
    y = np.arange(len(bands))[::-1]
    spread = [bands["value"] - bands["low_money"], bands["high_money"] - bands["value"]]
    looks = {"fmt": "o", "color": OBSERVED, "capsize": 3, "lw": 1.2}
    # A forecast may lie beyond the middle of its simulated futures.
    ax.errorbar(bands["value"], y, xerr=np.maximum(spread, 0), **looks)
    ax.set_yticks(y, bands.index)
    ax.set(xlabel=f"Summe der Kundenwerte in {style.currency}", xlim=(0, None))
    write_axis(ax.xaxis, style, "count")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4))
    return ax


def legend(ax: Axes) -> None:
    """Put the legend above the drawing, where no data can be."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.3)


def axes(ax: Axes | None, size: tuple[float, float] = SIZE) -> Axes:
    """Return the axes given, or those of a new figure."""
    return plt.subplots(figsize=size)[1] if ax is None else ax


def write_axis(axis: Any, style: Style, unit: str, digits: int | None = None) -> None:
    """Write the numbers of an axis as the reader expects them."""
    if unit == "count":
        axis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    axis.set_major_formatter(FuncFormatter(lambda v, _: style.write(v, unit, digits).text))


def _svg(ax: Axes, *, name: str) -> str:
    """Write a drawing without date, with ids of its own and in the page's text colour."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "workbench", "svg.fonttype": "path"}):
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(ax.figure)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    # A style element inside a page would reach beyond the drawing.
    svg = re.sub(r"<style.*?</style>\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg stroke-linejoin="round" ', 1)
    svg = re.sub(r'\sxmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    return _smaller(svg.replace(INK, "currentColor").strip())


def _smaller(svg: str) -> str:
    """Write a drawing in half the signs, to hundredths of a point."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r'\sid="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    # Outlines of glyphs are whole numbers, scaled down by a factor that must stay exact.
    svg = re.sub(r"scale\([^)]*\)|-?\d+\.\d{3,}", _to_hundredths, svg)
    svg = re.sub(r'transform="translate\((-?[\d.]+) 0\)" ?/>', r'x="\1"/>', svg)
    svg = re.sub(r"(<use [^>]*?)\s*/>", r"\1/>", svg)
    svg = re.sub(r">\s+<", "><", re.sub(r"\s{2,}", " ", svg))
    svg = re.sub(r'\b(d|style)="([^"]*)"', lambda found: f'{found[1]}="{_tight(found[2])}"', svg)
    svg, n_empty = svg.replace("<defs></defs>", ""), 1
    while n_empty:
        # A group that says nothing of what is in it.
        svg, n_empty = re.subn(r"<g>((?:(?!</?g\b).)*)</g>", r"\1", svg)
    return svg


def _tight(text: str) -> str:
    """Take out the blanks that neither a path nor a style needs."""
    return re.sub(r" ?([A-Za-z;:]) ", r"\1", text).strip()


def _to_hundredths(found: re.Match[str]) -> str:
    text = found[0]
    return text if text.startswith("scale") else f"{float(text):.2f}".rstrip("0").rstrip(".")
