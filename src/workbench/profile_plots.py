"""Profiles of the segments to drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from workbench.formats import Style
from workbench.plots import INK, axes
from workbench.profiles import UNKNOWN

WIDTH, ROW_HEIGHT, AROUND = 6.2, 0.3, 1.6
# Half and double of the average are as far as the shades reach.
SHADE_ENDS = (0.5, 2.0)
LONGEST_NAME = 26


def plot_profile(cells: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw how far each segment lies above or below all customers, group by group.

    Parameters
    ----------
    cells : DataFrame
        Indexed by `attribute` (German), `group` and `segment`, in the order drawn:
        `relative` (1: as all customers; missing: suppressed).
    """
    known = cells[cells.index.get_level_values("group") != UNKNOWN]
    grid = known["relative"].unstack("segment", sort=False)
    # Of a row or a column without a number the data of the drawing say enough.
    numbered = grid.dropna(how="all").dropna(axis=1, how="all")
    grid = grid if numbered.empty else numbered
    height = AROUND + ROW_HEIGHT * len(grid)
    ax = axes(ax, (WIDTH, height))
    low, high = np.log(SHADE_ENDS)
    values = grid.to_numpy(float)
    with np.errstate(divide="ignore"):
        depth = ((np.log(values) - low) / (high - low)).clip(0, 1)
    shade = LinearSegmentedColormap.from_list("shade", ["#f1f5fa", "#1c4f8a"])
    # Suppressed cells stay as the page is.
    ax.imshow(depth, cmap=shade.with_extremes(bad="none"), vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(grid.shape):
        value = values[row, column]
        dark = "white" if depth[row, column] > 0.6 else "black"
        colour = INK if np.isnan(value) else dark
        text = style.share(value).text
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    attributes = grid.index.get_level_values("attribute")
    for row in np.flatnonzero(attributes[1:] != attributes[:-1]):
        ax.axhline(row + 0.5, color=INK, lw=1)
    is_one = attributes.nunique() == 1
    ax.set_yticks(range(len(grid)), [_name("" if is_one else a, g) for a, g in grid.index])
    ax.set_xticks(range(grid.shape[1]), grid.columns, rotation=35, ha="right")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _name(attribute: str, group: str) -> str:
    """Write a group, cut to what fits, after its attribute where there are several."""
    short = group if len(group) <= LONGEST_NAME else group[: LONGEST_NAME - 1] + "…"
    return f"{attribute}: {short}" if attribute else short
