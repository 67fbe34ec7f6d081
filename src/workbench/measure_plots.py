"""Tables of what measures may cost -> drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, INK, OBSERVED, QUIET, TALL, axes, legend, write_axis

# What stands below the points of a drawing around joining, in the order of time.
WINDOWS = {"earlier": "vorletzter Zeitraum", "before": "letzter Zeitraum", "after": "danach"}


def plot_around_joining(table: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how many more purchases members make than like customers, before and after joining.

    Parameters
    ----------
    table : DataFrame
        Of `programmes.around_joining`, indexed by `measure`: `difference`, `low`,
        `high` (purchases per customer).
    style : Style
        How numbers are written.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes(ax)
    shown = table.loc[list(WINDOWS)]
    x = np.arange(len(shown))
    ax.axhline(0, color=QUIET, lw=1)
    ax.axvline(1.5, color=QUIET, lw=1, ls=":")
    ax.vlines(x, shown["low"], shown["high"], color=OBSERVED, lw=1.6)
    ax.plot(x, shown["difference"], "o", color=OBSERVED)
    where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    ax.annotate("Beitritt", (1.5, 1), xytext=(4, -12), **where)
    ax.set_xticks(x, WINDOWS.values())
    ax.set(xlim=(-0.5, 2.5), ylabel="mehr Käufe je Kunde")
    write_axis(ax.yaxis, style, "number")
    return ax


def plot_returns(cards: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw what a contact brings in each group, from one purchase to many, beside its cost.

    Parameters
    ----------
    cards : DataFrame
        From `economics.thresholds`, indexed by group: `return_once`, `return_each`,
        `cost_each` (currency; missing: suppressed).
    style : Style
        How numbers are written.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes(ax, TALL)
    y = np.arange(len(cards))[::-1]
    ends = cards[["return_once", "return_each"]]
    ax.hlines(y, ends.min(axis=1), ends.max(axis=1), color=OBSERVED, lw=1.2)
    ax.plot(ends["return_once"], y, "s", color=OBSERVED, label="Ertrag, nur ein Kauf")
    ax.plot(ends["return_each"], y, "o", color=OBSERVED, label="Ertrag, wie übrige Käufer")
    ax.plot(cards["cost_each"], y, "x", color=EXPECTED, ms=8, mew=2, label="Kosten")
    ax.set_yticks(y, cards.index)
    ax.set(xlabel=f"je Ansprache, in {style.currency}", xlim=(0, None))
    write_axis(ax.xaxis, style, "count")
    legend(ax)
    return ax


def plot_list_gain(
    curve: pd.DataFrame, *, best: int, length: int, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw what a list brings by its length, with the best length and the one of the budget.

    Parameters
    ----------
    curve : DataFrame
        From `campaign_lists.curve`, indexed by length: `list_gain` (currency;
        missing: suppressed).
    best, length : int
        Lengths to mark: the best one, and the one that is taken.
    style : Style
        How numbers are written.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes(ax)
    shown = curve["list_gain"].dropna()
    ax.plot(shown.index, shown, color=OBSERVED)
    ax.axhline(0, color=QUIET, lw=0.8)
    if best in shown.index:
        ax.plot(best, shown[best], "o", color=EXPECTED, ms=8, label="beste Länge")
    if length < best and length in shown.index:
        ax.plot(length, shown[length], "s", color=INK, ms=7, label="so weit reicht das Budget")
    ax.set(
        xlabel="Kunden auf der Liste",
        ylabel=f"erwarteter Gewinn in {style.currency}",
        xlim=(0, None),
    )
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "count")
    if ax.get_legend_handles_labels()[0]:
        legend(ax)
    return ax
