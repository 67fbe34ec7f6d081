"""Tables of contracts to drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import OBSERVED, axes, write_axis


def plot_survival(curve: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw which share of contracts still runs so many months after its start, with its bounds.

    Parameters
    ----------
    curve : DataFrame
        Indexed by `months`: `kept_share`, `low`, `high` (0 to 1; missing: suppressed).
    """
    ax = axes(ax)
    shown = curve.dropna(subset=["kept_share"])
    months = [0, *shown.index]
    low, high = [1.0, *shown["low"]], [1.0, *shown["high"]]
    ax.fill_between(months, low, high, step="post", color=OBSERVED, alpha=0.25, lw=0)
    ax.step(months, [1.0, *shown["kept_share"]], where="post", color=OBSERVED)
    ax.set(
        xlabel="Monate seit Vertragsbeginn",
        ylabel="Anteil der Verträge, die noch laufen",
        xlim=(0, None),
        ylim=(0, 1.02),
    )
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "share")
    return ax


def plot_rates(rates: pd.DataFrame, *, label: str, style: Style, ax: Axes | None = None) -> Axes:
    """Draw which share of contracts ended in each period, with its bounds.

    Parameters
    ----------
    rates : DataFrame
        Indexed by `period` (first day): `end_rate`, `low`, `high` (0 to 1; missing: suppressed).
    label : str
        What a period is called.
    """
    ax = axes(ax)
    x = np.arange(len(rates))
    spread = [rates["end_rate"] - rates["low"], rates["high"] - rates["end_rate"]]
    ax.errorbar(
        x,
        rates["end_rate"],
        yerr=np.abs(spread),
        fmt="o",
        ls="-",
        color=OBSERVED,
        capsize=3,
        lw=1.2,
    )
    step = max(1, -(-len(rates) // 6))
    ax.set_xticks(x[::step], [f"{day.month:02d}/{day.year}" for day in rates.index[::step]])
    ax.set(
        xlabel=f"{label}, Beginn",
        ylabel="Anteil der laufenden Verträge, die endeten",
        ylim=(0, None),
    )
    write_axis(ax.yaxis, style, "share")
    return ax
