"""Tables of cohorts to drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from workbench.cohorts import period_name
from workbench.formats import Style
from workbench.plots import INK, N_SHADES, OBSERVED, QUIET, TALL, axes, legend, write_axis

AGES = {"M": "Monate nach dem ersten Kauf", "Q": "Quartale nach dem ersten Kauf"}
AGES["Y"] = "Jahre nach dem ersten Kauf"
# With more columns than these a share does not fit into its cell.
MAX_WRITTEN = 9
# Layers from the oldest to the newest, dark to light; the pattern tells them apart without colour.
SHADES = ("#123a68", "#2f74c0", "#6fa3d8", "#cf6a10", "#e39a55", "#f2cfa8")
HATCHES = ("", "//", "..", "\\\\", "xx", "--")


def plot_retention(
    triangle: pd.DataFrame, *, length: str, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw the share of each cohort that buys, by age.

    Parameters
    ----------
    triangle : DataFrame
        Indexed by `cohort_start` and `age`: `share` (0 to 1; missing: not yet
        over, or suppressed), `is_over` (bool).
    length : {"M", "Q", "Y"}
        Length of a period.
    """
    ax = axes(ax, TALL)
    later = triangle[triangle.index.get_level_values("age") > 0]
    grid = later["share"].unstack("age")
    values = grid.to_numpy(float)
    is_over = later["is_over"].unstack("age").to_numpy(bool)
    top = np.nanmax(values) if np.isfinite(values).any() else 1.0
    levels = MaxNLocator(nbins=N_SHADES, min_n_ticks=2).tick_values(0, max(top, 0.01))
    shade = LinearSegmentedColormap.from_list("shade", ["#d3e3f4", "#123a68"], N=len(levels) - 1)
    norm = BoundaryNorm(levels, shade.N)
    y, x = np.nonzero(np.isfinite(values))
    box = {"height": 0.92, "width": 0.92, "linewidth": 0}
    ax.bar(x, bottom=y - 0.46, color=shade(norm(values[y, x])), **box)
    if grid.shape[1] <= MAX_WRITTEN:
        for row, column in zip(y, x, strict=True):
            dark = norm(values[row, column]) > (shade.N - 1) / 2
            text = style.share(values[row, column]).text
            colour = "white" if dark else "black"
            ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    hidden_y, hidden_x = np.nonzero(is_over & ~np.isfinite(values))
    if len(hidden_y):
        looks = {"marker": "x", "s": 12, "lw": 1, "color": QUIET}
        ax.scatter(hidden_x, hidden_y, label="zu wenige Kunden", **looks)
        legend(ax)
    names = [period_name(pd.Period(start, freq=length)) for start in grid.index]
    step = max(1, -(-len(names) // 12))
    ax.set_yticks(range(0, len(names), step), names[::step])
    step = max(1, -(-grid.shape[1] // 12))
    ax.set_xticks(range(0, grid.shape[1], step), grid.columns[::step])
    ax.set(
        xlim=(-0.6, grid.shape[1] - 0.4),
        ylim=(len(grid) - 0.4, -0.6),
        xlabel=AGES[length],
        ylabel="Erster Kauf",
    )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    key = ScalarMappable(norm=norm, cmap=shade)
    bar = ax.figure.colorbar(key, ax=ax, location="bottom", shrink=0.7, aspect=30, pad=0.03)
    bar.set_label("Anteil der Kohorte, der kauft; leer: noch nicht vorbei")
    bar.outline.set_visible(False)
    write_axis(bar.ax.xaxis, style, "share", 0 if levels[1] >= 0.01 else 1)
    return ax


def plot_decay(pooled: pd.DataFrame, *, length: str, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the share of customers who buy, by age, with its bounds.

    Parameters
    ----------
    pooled : DataFrame
        Indexed by `age`: `share`, `low`, `high` (0 to 1; missing: suppressed).
    length : {"M", "Q", "Y"}
        Length of a period.
    """
    ax = axes(ax)
    shown = pooled.dropna(subset=["share"])
    ax.fill_between(shown.index, shown["low"], shown["high"], color=OBSERVED, alpha=0.25, lw=0)
    ax.plot(shown.index, shown["share"], color=OBSERVED, marker="o", ms=4)
    top = shown["high"].max() if len(shown) else 1.0
    ax.set(xlabel=AGES[length], ylabel="Anteil der Kunden, der kauft", ylim=(0, 1.15 * top))
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "share")
    return ax


def plot_stack(revenue: pd.DataFrame, *, length: str, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the revenue of each period, stacked by when its customers began.

    Parameters
    ----------
    revenue : DataFrame
        Indexed by `period` (first day) and `layer` (text, the earliest first; as
        many as `SHADES` at most): `revenue` (currency; missing: suppressed).
    length : {"M", "Q", "Y"}
        Length of a period.
    """
    ax = axes(ax, TALL)
    layers = revenue["revenue"].unstack(sort=False).fillna(0)
    x = np.arange(len(layers))
    above, below = np.zeros(len(layers)), np.zeros(len(layers))
    looks = zip(SHADES, HATCHES, strict=True)
    for name, (colour, hatch) in zip(layers.columns, looks, strict=False):
        values = layers[name].to_numpy()
        bottom = np.where(values >= 0, above, below)
        look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        ax.bar(x, values, width=0.8, bottom=bottom, label=name, **look)
        above, below = above + values.clip(min=0), below + values.clip(max=0)
    ax.axhline(0, color=INK, lw=0.8)
    names = [period_name(pd.Period(start, freq=length)) for start in layers.index]
    step = max(1, -(-len(names) // 6))
    ax.set_xticks(x[::step], names[::step])
    ax.set(xlabel="Zeitraum", ylabel=f"Umsatz in {style.currency}")
    write_axis(ax.yaxis, style, "count")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
    return ax
