"""Tables of the return after a silence and of the money of a campaign to drawings."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, INK, OBSERVED, QUIET, axes, legend, write_axis


def plot_return_curve(
    curve: pd.DataFrame,
    *,
    max_return_share: float,
    horizon_days: int | None,
    style: Style,
    ax: Axes | None = None,
) -> Axes:
    """Draw which share of customers comes back after a silence, with its bounds.

    Parameters
    ----------
    curve : DataFrame
        Indexed by `silent_days`: `return_share`, `low`, `high` (0 to 1; missing:
        suppressed).
    max_return_share : float
        At most this share may still come back.
    horizon_days : int or None
        The silence chosen; None where there is none.
    """
    ax = axes(ax)
    shown = curve.dropna(subset=["return_share"])
    ax.fill_between(shown.index, shown["low"], shown["high"], color=OBSERVED, alpha=0.25, lw=0)
    ax.plot(shown.index, shown["return_share"], color=OBSERVED, label="kommt wieder")
    ax.axhline(max_return_share, color=EXPECTED, ls="--", lw=1.2, label="Grenze")
    if horizon_days is not None:
        ax.axvline(horizon_days, color=INK, ls=":", lw=1.2, label="gewählt")
    ax.set(
        xlabel="Tage ohne Kauf",
        ylabel="Anteil, der wieder kauft",
        xlim=(0, None),
        ylim=(0, 1),
    )
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "share")
    legend(ax)
    return ax


def plot_profit_curve(
    curves: pd.DataFrame,
    *,
    contacted_share: float,
    style: Style,
    ax: Axes | None = None,
) -> Axes:
    """Draw the profit of a campaign by the share of customers contacted.

    Parameters
    ----------
    curves : DataFrame
        Indexed by `contacted_share` (0 to 1), one column per ranking under its
        label, three at most: profit (currency; missing: suppressed).
    contacted_share : float
        The share chosen.
    """
    ax = axes(ax)
    looks = zip((OBSERVED, EXPECTED, QUIET), ("-", "--", "-."), strict=True)
    for name, (colour, line) in zip(curves.columns, looks, strict=False):
        profit = curves[name].dropna()
        ax.plot(profit.index, profit, color=colour, ls=line, label=name)
    ax.axhline(0, color=INK, lw=0.8)
    ax.axvline(contacted_share, color=INK, ls=":", lw=1.2, label="gewählt")
    ax.set(
        xlabel="Anteil der Kunden, die angesprochen werden",
        ylabel=f"Gewinn der Aktion in {style.currency}",
        xlim=(0, 1),
    )
    write_axis(ax.xaxis, style, "share")
    write_axis(ax.yaxis, style, "count")
    legend(ax)
    return ax


def plot_effect(course: pd.DataFrame, *, label: str, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how the predicted risk changes along one feature.

    Parameters
    ----------
    course : DataFrame
        `value` of the feature, `effect` (change of the probability; missing:
        suppressed).
    label : str
        German name of the feature.
    """
    ax = axes(ax)
    shown = course.dropna(subset=["effect"])
    ax.axhline(0, color=QUIET, lw=1)
    ax.plot(shown["value"], 100 * shown["effect"], color=OBSERVED, marker="o", ms=4)
    ax.set(xlabel=label, ylabel="Änderung des Risikos (Prozentpunkte)")
    narrow = shown["value"].max() - shown["value"].min() < 10
    write_axis(ax.xaxis, style, "number", 1 if narrow else 0)
    write_axis(ax.yaxis, style, "number", 1)
    return ax
