"""Orders to churn panels at several origins, with the purchase model's own probability.

`churn` and `purchases` do not know each other; here their tables meet.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import pandas as pd

from workbench import churn, purchases, snapshots, summary
from workbench.schema import NotIdentified, TooFewData

# Models that read several features and so have something to tell about them.
TELLING = ("logistic", "boosting")


def panels(
    orders: pd.DataFrame,
    *,
    origins: Sequence[pd.Timestamp],
    horizon_days: int,
    as_of: pd.Timestamp,
    known: summary.Known | None = None,
) -> dict[pd.Timestamp, snapshots.Panel]:
    """Make the panel of each origin.

    The purchase model is fitted to what was known at the origin. Where one of
    the origins does not bear it, no panel has its column.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, in any order.
    origins : sequence of Timestamp
        From `snapshots.origins`.
    horizon_days : int
        Length of the outcome window.
    as_of : Timestamp
        Last complete day.
    known : callable, optional
        Gives the orders as they were known on a day, as in `snapshots.panel`.

    Returns
    -------
    dict of Timestamp to Panel
    """
    # Settling the returns of a day again is the costly step, and three readers ask for each day.
    as_known = functools.cache(known or (lambda day: orders))
    bare = {
        origin: snapshots.panel(
            orders,
            origin=origin,
            horizon_days=horizon_days,
            gap_days=0,
            as_of=as_of,
            known=as_known,
        )
        for origin in origins
    }
    made = {
        origin: panel._replace(
            features=_with_purchase_model(
                panel.features,
                as_known(origin),
                origin=origin,
                horizon_days=horizon_days,
            )
        )
        for origin, panel in bare.items()
    }
    if all(snapshots.P_NO_PURCHASE in panel.features for panel in made.values()):
        return made
    return {
        origin: panel._replace(
            features=panel.features.drop(columns=snapshots.P_NO_PURCHASE, errors="ignore")
        )
        for origin, panel in made.items()
    }


def features(orders: pd.DataFrame, *, origin: pd.Timestamp, horizon_days: int) -> pd.DataFrame:
    """Return the churn features of one origin, with `p_no_purchase` where a model fits.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day; later rows than `origin` are ignored.
    origin : Timestamp
        Last day that counts.
    horizon_days : int
        Length of the outcome window.
    """
    table = snapshots.features(orders, origin=origin, horizon_days=horizon_days)
    return _with_purchase_model(table, orders, origin=origin, horizon_days=horizon_days)


def _with_purchase_model(
    table: pd.DataFrame, orders: pd.DataFrame, *, origin: pd.Timestamp, horizon_days: int
) -> pd.DataFrame:
    """Add the purchase model's probability of no purchase, where the origin bears a fit."""
    past = summary.summarise(orders, as_of=origin)
    try:
        model = purchases.fit(summary.profiles(past))
    except (TooFewData, NotIdentified):
        return table
    bought = purchases.p_purchase(model, past, days=horizon_days)
    return table.assign(**{snapshots.P_NO_PURCHASE: 1 - bought})


def explained(
    test: churn.Backtest, panels: Mapping[pd.Timestamp, snapshots.Panel], *, seed: int
) -> churn.ChurnModel:
    """Return the model whose features are worth taking apart.

    That is the chosen one where it reads several features, else the logistic
    regression fitted to the same origins.
    """
    if test.chosen in TELLING:
        return test.model
    earlier = {origin: panel for origin, panel in panels.items() if origin < test.test_origin}
    return churn.fit_final(earlier, name="logistic", seed=seed)
