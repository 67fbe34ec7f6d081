"""Tables of what measures may cost -> drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, OBSERVED, TALL, axes, legend, write_axis


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
