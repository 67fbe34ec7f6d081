"""Complaints to the steps of handling them: how many reach each step, and how long it takes."""

from __future__ import annotations

import pandas as pd

from workbench import rhythm
from workbench.discrimination import wilson
from workbench.schema import TooFewData

# Received, answered, solved, asked again later.
STEPS = {
    "received": "Erfassung",
    "first_response": "Analyse und erste Antwort",
    "resolved": "Lösung",
    "followed_up": "Nachverfolgung",
}
TIMES = ("first_response", "resolved")
SLOW = 0.9
# Below, a quantile of a time is the time of a few people.
FEWEST = 20
# A second complaint so soon after the first speaks of the same trouble.
REPEAT_DAYS = 90


def steps(complaints: pd.DataFrame) -> pd.DataFrame:
    """Count the complaints that reached each step; open ones may still get there.

    Parameters
    ----------
    complaints : DataFrame
        As `companions.read` makes it, up to the as-of day.

    Returns
    -------
    DataFrame
        Indexed by `step` in the order of `STEPS`: `complaints`, `customers`,
        `share` of those received, `low`, `high` (95 % interval after Wilson).

    Raises
    ------
    TooFewData
        If there is no complaint.
    """
    n = _check(complaints, need=1)
    reached = {
        "received": pd.Series(True, index=complaints.index),
        "first_response": complaints["first_response"].notna(),
        "resolved": complaints["resolved"].notna(),
        "followed_up": complaints["followed_up"].fillna(False).astype(bool),
    }
    counts = pd.Series({step: int(there.sum()) for step, there in reached.items()})
    low, high = wilson(counts.to_numpy(), n)
    people = {
        step: complaints.loc[there, "customer_id"].nunique() for step, there in reached.items()
    }
    return pd.DataFrame(
        {
            "complaints": counts,
            "customers": pd.Series(people),
            "share": counts / n,
            "low": low,
            "high": high,
        }
    ).rename_axis("step")


def times(complaints: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Measure how long the first answer and the solution take, open cases included.

    A complaint that waits still will take longer than it has by now. To leave it
    out would make a shop look quick that answers only the easy ones; so the
    times are those of Kaplan and Meier.

    Parameters
    ----------
    complaints : DataFrame
        As in `steps`.
    as_of : Timestamp
        The day up to which is known what happened.

    Returns
    -------
    DataFrame
        Indexed by `step` (of `TIMES`): `complaints`, `customers`, `waiting`
        (counts), `median_days`, `slow_days` (nine in ten are done by then);
        missing where so many are not done in the time observed.

    Raises
    ------
    TooFewData
        If there are fewer than `FEWEST` complaints.
    """
    n = _check(complaints, need=FEWEST)
    rows = {}
    for step in TIMES:
        done = complaints[step].notna()
        days = (complaints[step].fillna(as_of) - complaints["received"]).dt.days.clip(lower=0)
        curve = rhythm.kaplan_meier(days.astype(float), done)
        rows[step] = {
            "complaints": n,
            "customers": complaints["customer_id"].nunique(),
            "waiting": int((~done).sum()),
            "median_days": _reached(curve, 0.5),
            "slow_days": _reached(curve, SLOW),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def by_category(complaints: pd.DataFrame, *, orders: int) -> pd.DataFrame:
    """Count complaints by what they are about.

    Parameters
    ----------
    complaints : DataFrame
        As in `steps`.
    orders : int
        Purchases in the same span of time.

    Returns
    -------
    DataFrame
        Indexed by `category`, the most frequent first: `complaints`,
        `customers`, `per_thousand` (complaints per thousand purchases),
        `resolved_share`, `followed_up_share`.
    """
    _check(complaints, need=1)
    named = complaints.assign(category=complaints["category"].fillna("ohne Angabe"))
    groups = named.groupby("category", sort=True)
    table = pd.DataFrame(
        {
            "complaints": groups.size(),
            "customers": groups["customer_id"].nunique(),
            "per_thousand": 1000 * groups.size() / max(orders, 1),
            "resolved_share": groups["resolved"].agg(lambda days: days.notna().mean()),
            "followed_up_share": groups["followed_up"].agg(
                lambda asked: asked.fillna(False).astype(bool).mean()
            ),
        }
    )
    return table.sort_values(["complaints", "per_thousand"], ascending=False, kind="stable")


def repeated(complaints: pd.DataFrame, *, as_of: pd.Timestamp) -> tuple[int, int]:
    """Count complaints that were followed by another one of the same customer.

    Only complaints at least `REPEAT_DAYS` before the as-of day count, so that
    each had the same time.

    Returns
    -------
    tuple of int
        Complaints with another one within `REPEAT_DAYS` days, and all that count.
    """
    ordered = complaints.sort_values(["customer_id", "received"], kind="stable")
    following = ordered.groupby("customer_id")["received"].shift(-1)
    soon = (following - ordered["received"]).dt.days <= REPEAT_DAYS
    observed = (as_of - ordered["received"]).dt.days >= REPEAT_DAYS
    return int((soon & observed).sum()), int(observed.sum())


def _check(complaints: pd.DataFrame, *, need: int) -> int:
    n = len(complaints)
    if n < need:
        raise TooFewData(f"there are {n} complaints; {need} are needed.", have=n, need=need)
    return n


def _reached(curve: pd.DataFrame, share: float) -> float:
    """Return the first day by which so large a share is done; missing where it never is."""
    done = curve.index[curve["survival"] <= 1 - share + 1e-12]
    return float(done[0]) if len(done) else float("nan")
