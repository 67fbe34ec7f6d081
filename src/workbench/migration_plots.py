"""Ways of customers between the groups of two days -> an alluvial drawing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path

from workbench.formats import Style
from workbench.migration import GONE, NEW
from workbench.plots import EXPECTED, INK, OBSERVED, QUIET, axes

# Narrow, so that its letters stay readable on a phone.
SIZE = (5.2, 6.0)
NODE_WIDTH = 0.05
# Of the height: so much stands between two nodes, and so much a label takes.
GAP, LABEL = 0.012, 0.062
LOOKS = {
    "stay": {"label": "bleibt", "facecolor": QUIET, "alpha": 0.45},
    "up": {"label": "steigt auf", "facecolor": OBSERVED, "alpha": 0.75},
    "down": {"label": "steigt ab", "facecolor": EXPECTED, "alpha": 0.75, "hatch": "////"},
    "new": {"label": "neuer Kunde", "facecolor": QUIET, "alpha": 0.75, "hatch": "...."},
}


def plot_flows(
    flows: pd.DataFrame,
    balance: pd.DataFrame,
    *,
    days: Sequence[pd.Timestamp],
    style: Style,
    ax: Axes | None = None,
) -> Axes:
    """Draw the ways of customers from the groups of one day to those of a later one.

    Ways too small to be shown are left open, so a node may be wider than its ways.

    Parameters
    ----------
    flows : DataFrame
        From `migration.shown`.
    balance : DataFrame
        From `migration.balance`: the customers of each group on both days, the best
        group first.
    days : sequence of Timestamp
        The earlier and the later day.
    """
    ax = axes(ax, SIZE)
    counts = flows["customers"].fillna(0)
    order = list(balance.index)
    left = _heights(counts, balance["customers"], level="before", order=[*order, NEW])
    right = _heights(counts, balance["customers_after"], level="after", order=[*order, GONE])
    unit = min(_unit(left), _unit(right))
    starts, ends = _places(left, unit), _places(right, unit)
    partly = [
        _partly_shown(flows, sizes) for sizes in (balance["customers"], balance["customers_after"])
    ]
    sides = ((starts, left, -NODE_WIDTH, "right"), (ends, right, 1.0, "left"))
    for day, (places, heights, x, side), least in zip(days, sides, partly, strict=True):
        _draw_nodes(ax, places, heights, unit=unit, x=x, side=side, least=least, style=style)
        edge = x + NODE_WIDTH if side == "right" else x
        ax.text(edge, 1.03, style.date(day).text, ha=side, va="bottom", fontweight="bold")
    _draw_bands(ax, counts[counts > 0], starts, ends, order=order, unit=unit)
    ax.set(xlim=(-0.72, 1.72), ylim=(-0.01, 1.08))
    ax.axis("off")
    patches = [
        Patch(**look, edgecolor="white", linewidth=0)
        for kind, look in LOOKS.items()
        if kind != "new" or NEW in starts
    ]
    ax.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
    return ax


def _heights(
    counts: pd.Series, customers: pd.Series, *, level: str, order: Sequence[str]
) -> pd.Series:
    """Return the customers of each group on one side; what is suppressed counts as its ways."""
    drawn = counts.groupby(level=level, sort=False).sum().reindex(order).fillna(0)
    heights = customers.reindex(order).fillna(drawn)
    return heights[heights > 0]


def _partly_shown(flows: pd.DataFrame, sizes: pd.Series) -> set[str]:
    """Return the groups whose size is withheld, so that their ways shown are the least there is."""
    level = "before" if sizes.name == "customers" else "after"
    hidden = flows["customers"].isna().groupby(level=level).any()
    return {str(name) for name in hidden.index[hidden] if pd.isna(sizes.get(name))}


def _unit(heights: pd.Series) -> float:
    """Return the height of one customer, so that all nodes with their labels fill the drawing."""
    low, high = 0.0, 1.0 / max(heights.sum(), 1.0)
    for _ in range(60):
        middle = (low + high) / 2
        filled = (middle * heights).clip(lower=LABEL).sum() + GAP * (len(heights) - 1)
        low, high = (middle, high) if filled < 1 else (low, middle)
    return low


def _places(heights: pd.Series, unit: float) -> dict[str, float]:
    """Return the upper edge of each node, the first one at the top."""
    top, places = 1.0, {}
    for name, height in heights.items():
        room = max(unit * height, LABEL)
        places[str(name)] = top - (room - unit * height) / 2
        top -= room + GAP
    return places


def _draw_nodes(
    ax: Axes,
    places: dict[str, float],
    heights: pd.Series,
    *,
    unit: float,
    x: float,
    side: str,
    least: set[str],
    style: Style,
) -> None:
    for name, top in places.items():
        height = unit * heights[name]
        ax.add_patch(Rectangle((x, top - height), NODE_WIDTH, height, facecolor=INK, linewidth=0))
        beside = x - 0.02 if side == "right" else x + NODE_WIDTH + 0.02
        text = f"{name}\n{'mind. ' if name in least else ''}{style.count(heights[name]).text}"
        ax.text(beside, top - height / 2, text, ha=side, va="center", linespacing=1.05)


def _draw_bands(
    ax: Axes,
    counts: pd.Series,
    starts: dict[str, float],
    ends: dict[str, float],
    *,
    order: Sequence[str],
    unit: float,
) -> None:
    rank = {name: place for place, name in enumerate([*order, GONE])}
    starts, ends, bands = dict(starts), dict(ends), []
    for (before, after), n in counts.items():
        bands.append((n, starts[before], ends[after], _kind(before, after, rank)))
        starts[before] -= unit * n
        ends[after] -= unit * n
    # Small ones lie on large ones.
    for n, start, end, kind in sorted(bands, key=lambda band: -band[0]):
        path = _band(start, end, unit * n)
        look = {name: value for name, value in LOOKS[kind].items() if name != "label"}
        ax.add_patch(PathPatch(path, edgecolor="white", linewidth=0, **look))


def _kind(before: str, after: str, rank: dict[str, int]) -> str:
    if before == NEW:
        return "new"
    if before == after:
        return "stay"
    return "up" if rank[after] < rank[before] else "down"


def _band(start: float, end: float, height: float) -> Path:
    """Return a band that leaves and arrives level."""
    there = [(0, start), (0.5, start), (0.5, end), (1, end)]
    back = [(1, end - height), (0.5, end - height), (0.5, start - height), (0, start - height)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return Path([*there, *back, (0, start)], codes)
