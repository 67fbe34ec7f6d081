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
from workbench.plots import (
    EXPECTED,
    INK,
    N_SHADES,
    OBSERVED,
    QUIET,
    TALL,
    axes,
    legend,
    write_axis,
)

AGES = {"M": "Monate nach dem ersten Kauf", "Q": "Quartale nach dem ersten Kauf"}
AGES["Y"] = "Jahre nach dem ersten Kauf"
# With more columns than these a share does not fit into its cell.
MAX_WRITTEN = 9
# Layers from the oldest to the newest, dark to light; the pattern tells them apart without colour.
SHADES = ("#123a68", "#2f74c0", "#6fa3d8", "#cf6a10", "#e39a55", "#f2cfa8")
HATCHES = ("", "//", "..", "\\\\", "xx", "--")
# Curves from the oldest cohort to the newest: colour, line, marker.
CURVES = (
    ("#123a68", "-", "o"),
    ("#2f74c0", "--", "s"),
    ("#7b858f", "-.", "^"),
    ("#cf6a10", ":", "D"),
    ("#b8860b", (0, (5, 1, 1, 1, 1, 1)), "v"),
)


def plot_retention(
    triangle: pd.DataFrame, *, length: str, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw the share of each cohort that buys, by age.

    Parameters
    ----------
    triangle : DataFrame
        Indexed by `cohort_start` and `age`: `bought_share` (0 to 1; missing: not yet
        over, or suppressed), `is_over` (bool).
    length : {"M", "Q", "Y"}
        Length of a period.
    """
    ax = axes(ax, TALL)
    later = triangle[triangle["is_over"] & (triangle.index.get_level_values("age") > 0)]
    grid = later["bought_share"].unstack("age")
    values = grid.to_numpy(float)
    is_over = later["is_over"].unstack("age", fill_value=False).to_numpy(bool)
    ends = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    levels = MaxNLocator(nbins=N_SHADES, min_n_ticks=2).tick_values(ends[0], ends[1] + 0.001)
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
        Indexed by `age`: `bought_share`, `low`, `high` (0 to 1; missing: suppressed).
    length : {"M", "Q", "Y"}
        Length of a period.
    """
    ax = axes(ax)
    shown = pooled.dropna(subset=["bought_share"])
    ax.fill_between(shown.index, shown["low"], shown["high"], color=OBSERVED, alpha=0.25, lw=0)
    ax.plot(shown.index, shown["bought_share"], color=OBSERVED, marker="o", ms=4)
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


def plot_second_purchase(curves: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw by cohort which share has bought a second time after so many weeks, with its bounds.

    Parameters
    ----------
    curves : DataFrame
        Indexed by `layer` (text; as many as `CURVES` at most) and `week`:
        `bought_share`, `low`, `high` (0 to 1; missing: suppressed).
    """
    ax = axes(ax, TALL)
    shown = curves.dropna(subset=["bought_share"]).groupby("layer", sort=False)
    for (name, curve), (colour, line, marker) in zip(shown, CURVES, strict=False):
        weeks = [0, *curve.index.get_level_values("week")]
        low, high = [0, *curve["low"]], [0, *curve["high"]]
        ax.fill_between(weeks, low, high, step="post", color=colour, alpha=0.15, lw=0)
        share = [0, *curve["bought_share"]]
        look = {"color": colour, "ls": line, "marker": marker, "ms": 5, "lw": 1.6}
        marks = max(1, len(weeks) // 6)
        ax.step(weeks, share, where="post", label=name, markevery=marks, **look)
    ax.set(
        xlabel="Wochen seit dem ersten Kauf",
        ylabel="Anteil mit zweitem Kauf",
        xlim=(0, None),
        ylim=(0, 1),
    )
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "share")
    if ax.lines:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
    return ax


def plot_trend(
    cohorts: pd.DataFrame, measure: str, *, length: str, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw a measure of each cohort with its bounds, and the line through all of them.

    Parameters
    ----------
    cohorts : DataFrame
        Indexed by `cohort_start` (first day): the measure and, with the endings
        ``_low``, ``_high`` and ``_fitted``, its bounds and line (missing: suppressed).
    measure : {"repeat_share", "revenue_each"}
        What to draw.
    length : {"W", "M", "Q", "Y"}
        Length of a cohort.
    """
    ax = axes(ax)
    x, value = np.arange(len(cohorts)), cohorts[measure]
    spread = [value - cohorts[f"{measure}_low"], cohorts[f"{measure}_high"] - value]
    looks = {"fmt": "o", "color": OBSERVED, "capsize": 3, "lw": 1.2, "ms": 5}
    ax.errorbar(x, value, yerr=spread, label="Kohorte", **looks)
    ax.plot(x, cohorts[f"{measure}_fitted"], color=EXPECTED, ls="--", label="Gerade durch alle")
    names = [f"{day.day:02d}.{day.month:02d}." for day in cohorts.index]
    if length != "W":
        names = [period_name(pd.Period(day, freq=length)) for day in cohorts.index]
    step = max(1, -(-len(names) // 6))
    ax.set_xticks(x[::step], names[::step])
    label = {
        "repeat_share": "Anteil mit Wiederkauf",
        "revenue_each": f"Umsatz je Kunde in {style.currency}",
    }
    ax.set(xlabel="Erster Kauf ab", ylabel=label[measure], ylim=(0, None))
    write_axis(ax.yaxis, style, "share" if measure == "repeat_share" else "count")
    legend(ax)
    return ax


def plot_months(
    months: pd.DataFrame, *, shift: pd.Timestamp | None, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw the revenue of each month, with its trend and the month of a shift of level.

    Parameters
    ----------
    months : DataFrame
        Indexed by `month` (first day), without holes: `revenue` and, where there is
        one, `trend` (currency; missing: suppressed, or at an end).
    shift : Timestamp or None
        First month on another level.
    """
    ax = axes(ax)
    x = np.arange(len(months))
    ax.bar(x, months["revenue"].fillna(0), width=0.75, color=OBSERVED, label="Umsatz")
    if "trend" in months and months["trend"].notna().any():
        ax.plot(x, months["trend"], color=INK, lw=2, label="Trend (zwölf Monate)")
    if shift is not None:
        at = months.index.get_loc(shift) - 0.5
        ax.axvline(at, color=EXPECTED, ls="--", lw=1.6, label="neues Niveau ab hier")
    step = max(1, -(-len(months) // 6))
    ax.set_xticks(
        x[::step], [period_name(pd.Period(day, freq="M")) for day in months.index[::step]]
    )
    ax.set(xlabel="Monat", ylabel=f"Umsatz in {style.currency}")
    write_axis(ax.yaxis, style, "count")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
    return ax
