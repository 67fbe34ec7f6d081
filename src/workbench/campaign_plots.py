"""Effects of campaigns and the Qini curve -> drawings."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, INK, OBSERVED, QUIET, TALL, axes, legend, write_axis

# Letters in a line of a label: the intervals need the room.
LONGEST_LABEL = 28


def plot_effects(
    rows: pd.DataFrame, *, no_trial: str, style: Style, ax: Axes | None = None
) -> Axes:
    """Draw each change with its bounds beside the line of no change.

    Parameters
    ----------
    rows : DataFrame
        Indexed by label: `change_number`, `change_low_number`,
        `change_high_number` (purchases per customer; missing: suppressed) and
        `trial_kind` (text).
    no_trial : str
        The kind of those that no lot drew: they are drawn apart.
    style : Style
        How numbers are written.
    """
    ax = axes(ax, TALL)
    y = np.arange(len(rows))[::-1]
    ax.axvline(0, color=INK, lw=1, ls=":", label="kein Unterschied")
    by_lot = (rows["trial_kind"] != no_trial).to_numpy()
    known = rows["change_low_number"].notna().to_numpy()
    for chosen, colour, marker, label in (
        (by_lot & known, OBSERVED, "o", "Versuch"),
        (~by_lot & known, QUIET, "s", no_trial),
    ):
        part = rows[chosen]
        if len(part):
            spread = [
                part["change_number"] - part["change_low_number"],
                part["change_high_number"] - part["change_number"],
            ]
            ax.errorbar(
                part["change_number"],
                y[chosen],
                xerr=np.maximum(spread, 0),
                fmt=marker,
                color=colour,
                capsize=3,
                lw=1.4,
                label=label,
            )
    ax.set_yticks(y, [textwrap.fill(name, LONGEST_LABEL) for name in rows.index])
    ax.set(xlabel="zusätzliche Käufe je Kunde", ylim=(-0.6, len(rows) - 0.4))
    write_axis(ax.xaxis, style, "number", 1)
    legend(ax)
    return ax


def plot_list(curve: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw what a list brings by its length, in the order of a score and by lot.

    Parameters
    ----------
    curve : DataFrame
        `list_share`, `gain_number`, `gain_low_number`, `gain_high_number` and
        `random_number` (purchases per customer of the whole list).
    style : Style
        How numbers are written.
    """
    ax = axes(ax)
    share = curve["list_share"]
    ax.fill_between(
        share,
        curve["gain_low_number"].astype(float),
        curve["gain_high_number"].astype(float),
        color=OBSERVED,
        alpha=0.2,
        lw=0,
    )
    ax.plot(share, curve["gain_number"], color=OBSERVED, label="nach Wertung geordnet")
    ax.plot(share, curve["random_number"], color=EXPECTED, ls="--", label="nach Los")
    ax.axhline(0, color=INK, lw=0.8, ls=":")
    ax.set(xlabel="Angesprochener Teil der Liste", ylabel="zusätzliche Käufe je Kunde", xlim=(0, 1))
    write_axis(ax.xaxis, style, "share")
    write_axis(ax.yaxis, style, "number", 3)
    legend(ax)
    return ax
