"""What is known of each customer when measures are planned: from the run, or computed here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from workbench import (
    clv,
    customer_groups,
    intake,
    lifecycle,
    outlook,
    pages,
    published_model,
    spend_models,
    summary,
)

# Whose columns about customers are joined; the first two are needed.
NEEDED = ("02_segmentierung", "03_clv")
JOINED = (*NEEDED, "04_churn")
VALUES = ("customer_group", "clv", "p_purchase", "expected_spend")


def scores(run_dir: str) -> pd.DataFrame | None:
    """Join what the other notebooks of a run wrote about each customer.

    Parameters
    ----------
    run_dir : str
        Folder of the run, or empty.

    Returns
    -------
    DataFrame or None
        Indexed and sorted by `customer_id`; None outside a run, and where the
        notebooks on groups and values wrote nothing.

    Raises
    ------
    MergeError
        If a customer stands twice in a table.
    """
    folder = Path(run_dir) / intake.CUSTOMERS_FOLDER
    paths = [folder / f"{stem}.parquet" for stem in JOINED]
    if not run_dir or not all(path.is_file() for path in paths[: len(NEEDED)]):
        return None
    first, *others = [
        intake.read_table(path).set_index("customer_id") for path in paths if path.is_file()
    ]
    return first.join(others, validate="one_to_one").sort_index()


def alone(
    orders: pd.DataFrame,
    people: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    horizon_days: int,
    annual_discount_rate: float,
    margin: float,
    winback: bool,
) -> pd.DataFrame:
    """Compute groups and values without a run, and without testing them.

    The models are those that 03 takes where it can test nothing.

    Parameters
    ----------
    orders : DataFrame
        One row per customer and day, up to `as_of`.
    people : DataFrame
        From `summary.summarise` of these orders.
    as_of : Timestamp
        Last day of the data.
    horizon_days, annual_discount_rate, margin : float
        As in `clv.score`.
    winback : bool
        As in `lifecycle.may_be_listed`.

    Returns
    -------
    DataFrame
        Indexed by `customer_id`: `customer_group`, `may_be_listed` and the columns
        of `clv.score`.

    Raises
    ------
    TooFewData
        If there are too few repeat purchases for a model of purchases or of spend.
    NotIdentified
        If every model of purchases collapses.
    """
    model = published_model.take(summary.profiles(people), choice=None).model
    spend = spend_models.choose(orders, summary=people).model
    valued = clv.score(
        model,
        people,
        expected_spend=spend_models.expected_spend(spend, people),
        horizon_days=horizon_days,
        annual_discount_rate=annual_discount_rate,
        margin=margin,
    )
    alive: Callable[[pd.DataFrame], pd.Series] = partial(outlook.p_alive_then, model=model)
    state = lifecycle.states(orders, as_of=as_of, p_alive=alive)
    listed = lifecycle.may_be_listed(state, winback=winback)
    return valued.join([customer_groups.place(people, state=state), listed])


def has_values(known: Any) -> bool:
    """Say whether groups and values of single customers are known, and any of them is worth money.

    Parameters
    ----------
    known : DataFrame or anything else
        From `scores` or `alone`; what is no table has none.
    """
    if not isinstance(known, pd.DataFrame) or not set(VALUES) <= set(known.columns):
        return False
    return bool(known["clv"].sum() > 0)


def page(run_dir: str, *, stem: str) -> pages.Page | None:
    """Read what an earlier page of the same run says, from its structured outputs.

    Parameters
    ----------
    run_dir : str
        Folder of the run, or empty.
    stem : str
        For example ``03_clv``.

    Returns
    -------
    Page or None
        None outside a run, and where that page is no part of it.
    """
    path = Path(run_dir) / "notebooks" / f"{stem}.ipynb"
    if not run_dir or not path.is_file():
        return None
    return pages.read_page(nbformat.read(path, as_version=4), stem=stem)


def table_of(said: pages.Page | None, *, name: str) -> pd.DataFrame | None:
    """Return a table of a page as it was shown: cells that were blank are missing.

    Parameters
    ----------
    said : Page or None
        From `page`.
    name : str
        Of the table.
    """
    tables = () if said is None else pages.data_tables(said)
    found = next((table for table in tables if table["name"] == name), None)
    if found is None:
        return None
    return pd.DataFrame(found["values"], columns=[column["key"] for column in found["columns"]])


def values_of(said: pages.Page | None, *, finding: str) -> dict[str, Any]:
    """Return the numbers of a sentence of a page by name; empty where it is not said.

    Parameters
    ----------
    said : Page or None
        From `page`.
    finding : str
        Name of the sentence.
    """
    findings = () if said is None else said.findings
    told = next((one["sentence"]["values"] for one in findings if one["name"] == finding), {})
    return {name: number["value"] for name, number in told.items()}


def passed(said: pages.Page | None, *, verdict: str) -> bool | None:
    """Say whether a page of the run passed a test; None where it did not come to it.

    Parameters
    ----------
    said : Page or None
        From `page`.
    verdict : str
        Name of the test.
    """
    verdicts = () if said is None else said.verdicts
    return next((bool(one["passed"]) for one in verdicts if one["name"] == verdict), None)
