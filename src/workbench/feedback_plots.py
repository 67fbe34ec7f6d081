"""Tables of survey and complaints to drawings."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.formats import Style
from workbench.plots import EXPECTED, OBSERVED, QUIET, axes, legend, write_axis


def plot_waves(waves: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw the Net Promoter Score of each half-year with its bounds.

    Parameters
    ----------
    waves : DataFrame
        Indexed by `group` (text): `nps`, `nps_low`, `nps_high` (points; missing: suppressed).
    """
    ax = axes(ax)
    x = np.arange(len(waves))
    spread = [waves["nps"] - waves["nps_low"], waves["nps_high"] - waves["nps"]]
    ax.errorbar(x, waves["nps"], yerr=np.abs(spread), fmt="o-", color=OBSERVED, capsize=4, lw=1.2)
    ax.axhline(0, color=QUIET, lw=0.8)
    ax.set_xticks(x, list(waves.index))
    ax.set(xlabel="Halbjahr", ylabel="NPS in Punkten", xlim=(-0.5, len(waves) - 0.5))
    write_axis(ax.yaxis, style, "count")
    return ax


def plot_steps(steps: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw which share of the complaints reached each step.

    Parameters
    ----------
    steps : DataFrame
        Indexed by `step` (German): `share`, `complaints` (missing: suppressed).
    """
    ax = axes(ax)
    y = np.arange(len(steps))[::-1]
    ax.barh(y, steps["share"], color=OBSERVED, height=0.6)
    for place, share in zip(y, steps["share"], strict=True):
        ax.annotate(
            style.share(share).text,
            (0 if np.isnan(share) else share, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_yticks(y, list(steps.index))
    ax.set(xlabel="Anteil der Beschwerden", xlim=(0, 1.12))
    write_axis(ax.xaxis, style, "share")
    return ax


def plot_outcomes(outcomes: pd.DataFrame, *, style: Style, ax: Axes | None = None) -> Axes:
    """Draw who bought again, beside customers like them.

    Parameters
    ----------
    outcomes : DataFrame
        Indexed by `group` (text): `bought_share`, `matched_share` (missing: suppressed).
    """
    ax = axes(ax)
    y = np.arange(len(outcomes))[::-1]
    ax.hlines(y, outcomes["matched_share"], outcomes["bought_share"], color=QUIET, lw=2)
    ax.plot(outcomes["bought_share"], y, "o", color=OBSERVED, label="diese Kunden", ms=8)
    ax.plot(
        outcomes["matched_share"],
        y,
        "s",
        color=EXPECTED,
        label="ähnliche Kunden",
        ms=8,
        mfc="white",
    )
    ax.set_yticks(y, list(outcomes.index))
    ax.set(xlabel="Anteil mit einem Kauf danach", xlim=(0, 1), ylim=(-0.6, len(outcomes) - 0.4))
    write_axis(ax.xaxis, style, "share")
    legend(ax)
    return ax
