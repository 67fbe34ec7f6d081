"""The optional tables and the lines to the attributes of each customer that a profile may use."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.companion_columns import GROUPS_OF_PEOPLE
from workbench.line_profiles import CHOICES, main_choice
from workbench.lines import Lines
from workbench.regions import regions

PLACES = ("country", "country_part", "postcode_area", "postcode_area_2")
_MASTER = ("country", "postcode", *GROUPS_OF_PEOPLE, "first_channel")


def collect(
    tables: Mapping[str, pd.DataFrame],
    lines: pd.DataFrame | Lines | None,
    *,
    customers: pd.Index,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Gather what is known of each customer beside the orders.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The optional tables; of these, ``customers`` counts.
    lines : DataFrame or Lines or None
        As in `line_profiles.main_choice`.
    customers : Index
        Who is described; others are left out.
    as_of : Timestamp
        Last day that counts.

    Returns
    -------
    DataFrame
        Indexed by `customers`, text, missing where unknown: those of the groups of
        people, `first_channel`, `PLACES`, `main_category` and `main_channel` that
        are known of anybody.
    """
    given = tables.get("customers", pd.DataFrame(index=customers[:0]))
    master = given.reindex(index=customers, columns=list(_MASTER)).astype("str")
    choices = {name: main_choice(lines, name, as_of=as_of) for name in CHOICES}
    chosen = pd.DataFrame({name: found.reindex(customers) for name, found in choices.items()})
    places = regions(master[["country", "postcode"]])
    every = pd.concat([master[[*GROUPS_OF_PEOPLE, "first_channel"]], places, chosen], axis=1)
    return every.dropna(axis=1, how="all")
