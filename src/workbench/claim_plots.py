"""Ratios with their bounds to a drawing."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from workbench.formats import Style
from workbench.plots import EXPECTED, INK, OBSERVED, TALL, axes, legend, write_axis

# Letters in a line of a label: the bounds need the room.
LONGEST_LABEL = 28
# Ticks of an axis on which multiples lie equally far apart.
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def plot_ratios(
    ways: pd.DataFrame, *, claimed: float, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw each ratio with its bounds, beside 1 and beside what is claimed.

    Parameters
    ----------
    ways : DataFrame
        Indexed by the way to compare (text): `ratio`, `ratio_low`, `ratio_high`
        (missing: suppressed or none).
    claimed : float
        The ratio of the claim.
    """
    ax = axes(ax, TALL)
    y = np.arange(len(ways))[::-1]
    shown = (ways["ratio"] > 0).to_numpy() & (ways["ratio_low"] > 0).to_numpy()
    table = ways[shown]
    spread = [table["ratio"] - table["ratio_low"], table["ratio_high"] - table["ratio"]]
    looks = {"fmt": "o", "color": OBSERVED, "capsize": 3, "lw": 1.4, "label": "Ihre Daten"}
    ax.axvline(1, color=INK, lw=1, ls=":", label="gleich viel")
    ax.axvline(claimed, color=EXPECTED, lw=1.4, ls="--", label="behauptet")
    if len(table):
        ax.errorbar(table["ratio"], y[shown], xerr=np.maximum(spread, 0), **looks)
    for place, value, edge in zip(y[shown], table["ratio"], table["ratio_high"], strict=True):
        ax.annotate(
            style.number(value, digits=1).text,
            (edge, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(TICKS))
    ax.xaxis.set_minor_locator(NullLocator())
    write_axis(ax.xaxis, style, "number", 1)
    ax.set_yticks(y, [textwrap.fill(name, LONGEST_LABEL) for name in ways.index])
    ax.set(xlabel="Bestand durch Neue (Vielfaches)", ylim=(-0.6, len(ways) - 0.4))
    ax.margins(x=0.15)
    legend(ax)
    return ax
