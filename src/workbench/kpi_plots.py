"""Tables of the change of revenue to drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, INK, OBSERVED, QUIET, TALL, axes, write_axis


def plot_bridge(rows: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the way from one revenue to the next as stairs, the first total at the top.

    Parameters
    ----------
    rows : DataFrame
        Indexed by `label` (text), the two totals first and last: `contribution`
        (currency; missing: suppressed) and `is_total`. What the suppressed
        steps hold together is one gap without a bar.
    """
    ax = axes(ax, TALL)
    change = rows["contribution"].to_numpy(float)
    total = rows["is_total"].to_numpy(bool)
    gap = np.isnan(change) & ~total
    step = np.where(total | gap, 0.0, change)
    if gap.any():
        step[np.flatnonzero(gap)[0]] = change[-1] - change[0] - step.sum()
    end = change[0] + np.cumsum(step)
    start = np.where(total, 0.0, end - step)
    width = np.where(total, change, np.where(gap, 0.0, step))
    looks = [
        (total, QUIET, ""),
        (~total & (width > 0), OBSERVED, "//"),
        (~total & (width < 0), EXPECTED, "xx"),
    ]
    y = np.arange(len(rows))[::-1]
    for chosen, colour, hatch in looks:
        ax.barh(
            y[chosen],
            width[chosen],
            left=start[chosen],
            height=0.6,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
        )
    # A thin line leads from the end of each step to the start of the next.
    for i in range(len(rows) - 1):
        ax.plot([end[i], end[i]], [y[i] - 0.3, y[i + 1] + 0.3], color=INK, lw=0.8)
    for i, text in enumerate(_texts(rows, style)):
        ax.annotate(
            text,
            (max(start[i], start[i] + width[i]), y[i]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_yticks(y, rows.index)
    ax.set(xlabel=f"Umsatz in {style.currency}")
    ax.margins(x=0.2)
    ax.set_xlim(left=min(0.0, end.min()))
    write_axis(ax.xaxis, style, "count")
    ax.locator_params(axis="x", nbins=5)
    return ax


def _texts(rows: pd.DataFrame, style: Style) -> list[str]:
    """Write each step with its sign; a suppressed one says so."""
    written = []
    for value, is_total in zip(rows["contribution"], rows["is_total"], strict=True):
        sign = "+" if not is_total and value > 0 else ""
        written.append("zu klein" if np.isnan(value) else sign + style.money(value).text)
    return written
