"""The optional tables of survey and complaints to what the page of feedback is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench import feedback_outcomes
from workbench.comment_themes import Themes
from workbench.feedback_findings import answer_groups, half_years
from workbench.nps import DETRACTOR, FEWEST_ANSWERS, PROMOTER

NPS_COLUMNS = ("group", "answers", "customers", "promoters", "passives", "detractors")
NPS_COLUMNS += ("nps", "nps_low", "nps_high")
STEP_COLUMNS = ("stage", "complaints", "customers", "share", "low", "high")
TOPIC_COLUMNS = ("category", "complaints", "customers", "per_thousand")
TOPIC_COLUMNS += ("resolved_share", "followed_up_share")
OUTCOME_COLUMNS = ("group", "customers", "bought_share", "matched_share")
OUTCOME_COLUMNS += ("bought_difference", "low", "high")
THEME_COLUMNS = ("words", "comments", "customers", "nps", "bought_share", "quote")
_ORDER_CLASSES = {1: "1", 2: "2", 3: "3-4", 5: "5-9", 10: "10+"}
_SURVEY = ("customer_id", "date", "nps", "satisfaction", "comment")
_COMPLAINTS = ("customer_id", "received", "first_response", "resolved", "category", "followed_up")


def survey(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the answers, or a table without a row where there is no survey."""
    if "survey" in tables:
        return tables["survey"].reset_index(drop=True)
    empty = pd.DataFrame({name: pd.Series(dtype="str") for name in _SURVEY})
    types = {"date": "datetime64[us]", "nps": "Int64", "satisfaction": float}
    return empty.astype(types)


def complaints(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the complaints, or a table without a row where there is none."""
    if "complaints" in tables:
        return tables["complaints"].reset_index(drop=True)
    empty = pd.DataFrame({name: pd.Series(dtype="str") for name in _COMPLAINTS})
    days = dict.fromkeys(("received", "first_response", "resolved"), "datetime64[us]")
    return empty.astype(days | {"followed_up": "boolean"})


def last_waves(answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the answers of the last half-year with any, and those of the one before it."""
    named = half_years(answers["date"])
    waves = sorted(set(named[answers["nps"].notna()]))[-2:]
    parts = [answers[named == wave] for wave in reversed(waves)]
    nothing = answers.iloc[:0]
    last, before = [*parts, nothing, nothing][:2]
    return last, before


def order_classes(customers: pd.DataFrame) -> pd.Series:
    """Name the class of each customer by number of purchases, in an order that sorts.

    Parameters
    ----------
    customers : DataFrame
        From `summary.summarise`.
    """
    edges = list(_ORDER_CLASSES)
    place = np.searchsorted(edges, customers["n_orders"], side="right") - 1
    names = list(_ORDER_CLASSES.values())
    kind = pd.CategoricalDtype(names, ordered=True)
    classes = pd.Series([names[at] for at in place], index=customers.index, name="group")
    return classes.astype(kind).cat.remove_unused_categories()


def answered(answers: pd.DataFrame, *, customers: pd.Index) -> pd.Series:
    """Say of each customer whether there is an answer of hers."""
    given = set(answers.loc[answers["nps"].notna(), "customer_id"])
    return pd.Series(customers.isin(given), index=customers, name="answered")


def last_answers(answers: pd.DataFrame, *, customers: pd.Index) -> pd.Series:
    """Return the last answer of each customer who bought and answered."""
    given = answers[answers["nps"].notna() & answers["customer_id"].isin(customers)]
    ordered = given.sort_values(["customer_id", "date", "nps"], kind="stable")
    return ordered.groupby("customer_id")["nps"].last().astype(float)


def orders_since(orders: pd.DataFrame, day: pd.Timestamp) -> int:
    """Count the purchases from a day on."""
    since = orders["date"] >= day.normalize()
    return int((since & (orders["amount"] >= 0)).sum())


def answer_events(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the answers as events of promoters, passives and detractors."""
    given = answers[answers["nps"].notna()]
    return given[["customer_id", "date"]].assign(group=answer_groups(given["nps"]))


def complaint_events(complaints: pd.DataFrame) -> pd.DataFrame:
    """Return the complaints as events of one group."""
    named = complaints.rename(columns={"received": "date"})
    return named[["customer_id", "date"]].assign(group="Beschwerde")


def together(*found: Any) -> pd.DataFrame:
    """Put the groups that could be compared into one table."""
    tables = [table for table in found if isinstance(table, pd.DataFrame)]
    if not tables:
        columns = [*OUTCOME_COLUMNS[1:], "imbalance"]
        empty = pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
        return empty.rename_axis("group")
    return pd.concat(tables)


def themes(
    answers: pd.DataFrame,
    found: Themes,
    *,
    orders: pd.DataFrame,
    as_of: pd.Timestamp,
    days: int,
) -> pd.DataFrame:
    """Set beside each theme what those who wrote of it answered, and whether they bought again.

    Returns
    -------
    DataFrame
        Indexed by `theme`: `words`, `comments`, `customers`, `nps` (points;
        missing with fewer than `FEWEST_ANSWERS` answers),
        `bought_share` (share of the comments whose next `days` are over that a
        purchase followed).
    """
    given = answers[found.of_comment.notna()].assign(theme=found.of_comment)
    net = (given["nps"] >= PROMOTER).astype(float) - (given["nps"] <= DETRACTOR).astype(float)
    by_theme = net.where(given["nps"].notna()).groupby(given["theme"])
    points = (100 * by_theme.mean()).where(by_theme.count() >= FEWEST_ANSWERS)
    bought = feedback_outcomes.bought_after(given, orders=orders, as_of=as_of, days=days)
    shares = bought.groupby(given["theme"]).mean()
    columns = ["words", "comments", "customers"]
    return found.words[columns].assign(nps=points, bought_share=shares)
