"""The search for groups and where the groups stand -> drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, INK, OBSERVED, QUIET, TALL, axes, legend, write_axis

LOOKS = {
    "place_frequency": ("Häufigkeit", "o", OBSERVED),
    "place_recency": ("Zeit seit dem letzten Kauf", "s", EXPECTED),
    "place_basket": ("Betrag je Kauf", "^", INK),
    "place_gap": ("Abstand der Käufe", "D", QUIET),
}


def plot_search(search: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how far apart the groups lie, beside tables without groups.

    Parameters
    ----------
    search : DataFrame
        Indexed by `n_groups`: `silhouette`, `reference`, `reference_high`.
    """
    ax = axes(ax)
    search = search[["silhouette", "reference", "reference_high"]]
    n = search.index
    high = {"color": QUIET, "ls": ":", "lw": 1.2}
    ax.plot(n, search["silhouette"], color=OBSERVED, marker="o", label="Ihre Wiederkäufer")
    ax.plot(n, search["reference"], color=EXPECTED, ls="--", marker="s", label="ohne Gruppen")
    ax.plot(n, search["reference_high"], **high, label="ohne Gruppen, höchstens")
    top = 1.1 * float(search.max(axis=None))
    ax.set(xlabel="Zahl der Gruppen", ylabel="Trennung (Silhouette)", ylim=(0, top))
    write_axis(ax.xaxis, style, "count")
    write_axis(ax.yaxis, style, "number", 2)
    legend(ax)
    return ax


def plot_positions(positions: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw where the middle customer of each group stands in each measure.

    Parameters
    ----------
    positions : DataFrame
        From `cluster_cards.positions` (0 to 1; missing: suppressed).
    """
    ax = axes(ax, TALL)
    y = np.arange(len(positions))[::-1]
    ax.axvline(0.5, color=QUIET, lw=1, ls=":")
    for place, (name, (label, marker, colour)) in enumerate(LOOKS.items()):
        # A little apart, so that none hides another.
        height = y + 0.12 * (1.5 - place)
        ax.scatter(positions[name], height, marker=marker, color=colour, s=42, label=label)
    ax.set_yticks(y, [name.replace(", ", ",\n") for name in positions.index])
    ax.set(
        xlabel="Stelle unter allen Wiederkäufern (links klein, rechts groß)",
        xlim=(0, 1),
        ylim=(-0.6, len(positions) - 0.4),
    )
    ax.grid(axis="y", color=QUIET, lw=0.4)
    write_axis(ax.xaxis, style, "share")
    legend(ax)
    return ax
