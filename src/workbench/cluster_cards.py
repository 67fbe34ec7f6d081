"""Groups of repeat buyers -> their names by rule, a card for each, and where they stand."""

from __future__ import annotations

import string

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from workbench.clusters import FEATURES

# What a group is called whose median lies low or high among all repeat buyers.
WORDS = {
    "n_orders": ("kauft selten", "kauft oft"),
    "days_since_last": ("zuletzt da", "lange still"),
    "basket": ("kleine Beträge", "große Beträge"),
    "gap": ("kurze Abstände", "lange Abstände"),
}
PLACES = {
    "n_orders": "place_frequency",
    "days_since_last": "place_recency",
    "basket": "place_basket",
    "gap": "place_gap",
}
# So far from the middle of all a median has to lie to be worth a word.
NOTABLE = 0.1
MIDDLE = "mittleres Verhalten"
ONCE = "Einmalkäufer"


def positions(measured: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Say where the middle customer of each group stands among all repeat buyers.

    Parameters
    ----------
    measured : DataFrame
        From `clusters.features`.
    labels : Series
        From `clusters.find`.

    Returns
    -------
    DataFrame
        Indexed by the name of the group (`cluster`): `place_frequency`,
        `place_recency` (of the time since the last purchase), `place_basket`
        and `place_gap`, each the median of the share of repeat buyers below (0 to
        1, equal ones count half).
    """
    rank = (measured.rank() - 0.5) / len(measured)
    middle = rank.groupby(labels.reindex(rank.index)).median()
    return middle.set_axis(pd.Index(names(middle), name="cluster"))[list(PLACES)].rename(
        columns=PLACES
    )


def names(middle: pd.DataFrame) -> list[str]:
    """Name groups by the measures in which they stand farthest from the middle.

    Two words, or as many as it takes to tell the groups apart; a letter where
    even four do not.

    Parameters
    ----------
    middle : DataFrame
        One row per group: its place from 0 (lowest) to 1 in each measure.

    Examples
    --------
    >>> names(pd.DataFrame({"days_since_last": [0.1, 0.5], "n_orders": [0.9, 0.45],
    ...                     "basket": [0.5, 0.5], "gap": [0.3, 0.55]}))
    ['Kauft oft, zuletzt da', 'Mittleres Verhalten']
    """
    for n_words in range(2, len(FEATURES) + 1):
        found = [_name(row, n_words) for _, row in middle.iterrows()]
        if len(set(found)) == len(found):
            return found
    letters = string.ascii_uppercase
    return [f"{name} ({letters[found[:i].count(name)]})" for i, name in enumerate(found)]


def cards(summary: pd.DataFrame, labels: pd.Series, *, called: pd.Index) -> pd.DataFrame:
    """Describe each group, and the one-time buyers as a group by definition.

    Parameters
    ----------
    summary : DataFrame
        From `summary.summarise`.
    labels : Series
        From `clusters.find`.
    called : Index
        Name of each group, as in `positions`.

    Returns
    -------
    DataFrame
        Indexed by `cluster`: `customers`, `customer_share`, `revenue` (currency),
        `revenue_share`, `median_basket` (currency), `median_days_since_last`,
        `median_orders`, `median_gap` (days; missing for one-time buyers) and
        `kind` (``repeat`` or ``once``).
    """
    named = name_all(summary, labels, called=called)
    orders = summary["n_orders"]
    measured = pd.DataFrame(
        {
            "median_basket": summary["revenue"] / orders,
            "median_days_since_last": summary["days_since_last"],
            "median_orders": orders,
            "median_gap": (summary["recency"] / summary["frequency"].where(orders > 1)),
        }
    )
    revenue = summary["revenue"].groupby(named).sum()
    table = pd.DataFrame({"customers": named.value_counts(), "revenue": revenue})
    table["customer_share"] = table["customers"] / len(summary)
    table["revenue_share"] = table["revenue"] / summary["revenue"].sum()
    table = table.join(measured.groupby(named).median())
    table["kind"] = np.where(table.index == ONCE, "once", "repeat")
    order = [name for name in (*called, ONCE) if name in table.index]
    shown = ["customers", "customer_share", "revenue", "revenue_share", *measured.columns, "kind"]
    return table.loc[order, shown].rename_axis("cluster")


def name_all(summary: pd.DataFrame, labels: pd.Series, *, called: pd.Index) -> pd.Series:
    """Return the name of each customer's group, indexed like the summary.

    Parameters
    ----------
    summary, labels, called
        As in `cards`.
    """
    own = labels.map(dict(enumerate(called, start=1)))
    return own.reindex(summary.index).fillna(ONCE).rename("cluster")


def agreement(labels: pd.Series, other: pd.Series) -> float:
    """Return the adjusted Rand index of two groupings of the customers of the first.

    It is 1 if they are the same and 0 if they agree only by chance.

    References
    ----------
    Hubert and Arabie (1985), Journal of Classification 2, 193-218.

    Examples
    --------
    >>> agreement(pd.Series({"a": 1, "b": 1, "c": 2}), pd.Series({"c": "x", "a": "y", "b": "y"}))
    1.0
    """
    return float(adjusted_rand_score(labels, other.reindex(labels.index)))


def _name(place: pd.Series, n_words: int) -> str:
    """Join the words of the measures farthest from the middle, in the order of `WORDS`."""
    far = (place - 0.5).abs()
    notable = far[far >= NOTABLE].sort_values(ascending=False, kind="stable").index[:n_words]
    words = [
        low if place[name] < 0.5 else high for name, (low, high) in WORDS.items() if name in notable
    ]
    name = ", ".join(words) or MIDDLE
    return name[0].upper() + name[1:]
