"""Scores of a run to the fields that a CRM gets: a row is a customer, a field has one meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import DAYS_PER_YEAR

# What a probability of leaving is called; the limits stand in the meaning of the field.
RISK_CLASSES = ("niedrig", "mittel", "hoch")
RISK_LIMITS = (1 / 3, 2 / 3)
EXTERNAL_ID = "external_id"


class Field(NamedTuple):
    """A field of the hand-over.

    Attributes
    ----------
    name : str
        Lower-case ASCII; of it each CRM makes its own name.
    label : str
        German, as users see it.
    kind : {"id", "text", "choice", "number", "money", "share", "day"}
        How it is written. A choice is one of `options`, a text is from the source.
    digits : int
        Places behind the point of numbers, money and shares.
    meaning, meaning_en : str
        One sentence in German and in English.
    source : str
        The columns of ``customers/scores.parquet`` that it is made of; '' for
        what the run says of itself.
    options : tuple of str
        What a choice may be, in German.
    """

    name: str
    label: str
    kind: str
    digits: int
    meaning: str
    meaning_en: str
    source: str = ""
    options: tuple[str, ...] = ()


class Run(NamedTuple):
    """What a run says of itself.

    Attributes
    ----------
    as_of : Timestamp
        Last day that counted.
    version : str
        Of the workbench.
    horizon_days, churn_horizon_days : int
        How far values and chances look ahead; how long a silence counts as
        leaving (0: taken from the data).
    currency : str
        ISO 4217.
    """

    as_of: pd.Timestamp
    version: str
    horizon_days: int
    churn_horizon_days: int
    currency: str


class HandOver(NamedTuple):
    """The fields, and their values.

    Attributes
    ----------
    fields : tuple of Field
        `EXTERNAL_ID` first.
    values : DataFrame
        Indexed by `customer_id`, a column per field but the first. What a
        customer has no value for is missing.
    """

    fields: tuple[Field, ...]
    values: pd.DataFrame


def hand_over(scores: pd.DataFrame, *, run: Run) -> HandOver:
    """Choose from the scores what a CRM needs, a dozen fields at most.

    A field whose columns the run did not write is left out.

    Parameters
    ----------
    scores : DataFrame
        Indexed by `customer_id`, columns as in docs/codebook.md.
    run : Run

    Returns
    -------
    HandOver

    Examples
    --------
    >>> run = Run(pd.Timestamp("2025-12-31"), "0.1.0", 365, 91, "EUR")
    >>> scores = pd.DataFrame(
    ...     {"segment": ["Ruhende"], "clv": [12.5], "churn_probability": [0.7]},
    ...     index=pd.Index(["00123"], name="customer_id"),
    ... )
    >>> hand_over(scores, run=run).values.T
    customer_id                            00123
    segment                              Ruhende
    clv_12m                                 12.5
    abwanderungsrisiko_klasse               hoch
    modell_stand             2025-12-31 00:00:00
    modell_version                         0.1.0
    """
    every = [*_segments(scores), *_values(run), *_risks(run), *_campaign(scores)]
    taken = [
        (field, value) for field, value in every if set(field.source.split()) <= set(scores.columns)
    ]
    fields, columns = [_external_id()], {}
    for field, value in (*taken, *_of_run(run)):
        fields.append(field)
        columns[field.name] = value(scores)
    return HandOver(tuple(fields), pd.DataFrame(columns, index=scores.index))


Value = Callable[[pd.DataFrame], Any]


def _external_id() -> Field:
    return Field(
        EXTERNAL_ID,
        "Kundennummer",
        "id",
        0,
        "Kundennummer der Firma, wie in der Quelle geschrieben",
        "the firm's customer number, as the source writes it",
        "customer_id",
    )


def _segments(scores: pd.DataFrame) -> list[tuple[Field, Value]]:
    phase = "phase" if "phase" in scores else "state"
    return [
        (
            Field(
                "segment",
                "Segment",
                "choice",
                0,
                "Segment nach letztem Kauf und Häufigkeit",
                "segment by recency and frequency",
                "segment",
                _options(scores, "segment"),
            ),
            lambda table: table["segment"],
        ),
        (
            Field(
                "kundengruppe",
                "Kundengruppe",
                "choice",
                0,
                "Kundengruppe nach Zahl der Käufe, Rhythmus und Umsatz",
                "group by number of purchases, rhythm and revenue",
                "customer_group",
                _options(scores, "customer_group"),
            ),
            lambda table: table["customer_group"],
        ),
        (
            Field(
                "lebenszyklus_phase",
                "Phase im Lebenszyklus",
                "choice",
                0,
                "Wo der Kunde im Lebenszyklus steht",
                "where the customer stands in the lifecycle",
                phase,
                _options(scores, phase),
            ),
            lambda table: table[phase],
        ),
        (
            Field(
                "rfm_code",
                "RFM-Code",
                "text",
                0,
                "Noten von 1 (niedrig) bis 5 (hoch) für letzten Kauf, Häufigkeit, Umsatz",
                "scores from 1 (low) to 5 (high) of recency, frequency, money",
                "r_score f_score m_score",
            ),
            _rfm_code,
        ),
    ]


def _values(run: Run) -> list[tuple[Field, Value]]:
    ahead = _span(run.horizon_days)
    label = f"Kundenwert {'12 Monate' if ahead == '12m' else f'{run.horizon_days} Tage'}"
    meaning = f"erwarteter Beitrag der nächsten {run.horizon_days} Tage, abgezinst, {run.currency}"
    english = f"expected contribution of the next {run.horizon_days} days, discounted"
    english = f"{english}, {run.currency}"
    bound = f"Grenze des Bereichs, in dem er mit 90 % liegt, {run.currency}"
    of_bound = f"end of its 90 % interval, {run.currency}"
    chance = f"Wahrscheinlichkeit eines Kaufs in den nächsten {run.horizon_days} Tagen"
    of_chance = f"probability of a purchase in the next {run.horizon_days} days"
    return [
        (Field(f"clv_{ahead}", label, "money", 2, meaning, english, "clv"), _column("clv")),
        (
            Field(
                "clv_untergrenze",
                "Kundenwert, untere Grenze",
                "money",
                2,
                f"untere {bound}",
                f"lower {of_bound}",
                "value_low",
            ),
            _column("value_low"),
        ),
        (
            Field(
                "clv_obergrenze",
                "Kundenwert, obere Grenze",
                "money",
                2,
                f"obere {bound}",
                f"upper {of_bound}",
                "value_high",
            ),
            _column("value_high"),
        ),
        (
            Field(
                f"kaufwahrsch_{run.horizon_days}d",
                f"Kaufwahrscheinlichkeit {run.horizon_days} Tage",
                "share",
                4,
                f"{chance}, 0 bis 1",
                f"{of_chance}, 0 to 1",
                "p_purchase",
            ),
            _column("p_purchase"),
        ),
    ]


def _risks(run: Run) -> list[tuple[Field, Value]]:
    days = f"{run.churn_horizon_days} Tagen" if run.churn_horizon_days else "dem Zeitfenster"
    window = f"{run.churn_horizon_days} days" if run.churn_horizon_days else "the window"
    return [
        (
            Field(
                "abwanderungsrisiko_klasse",
                "Abwanderungsrisiko",
                "choice",
                0,
                f"Risiko, in {days} nicht zu kaufen: niedrig bis ein Drittel, hoch ab zwei "
                "Dritteln; nur Wiederkäufer, die noch nicht lange fort sind",
                f"risk of no purchase in {window}: low up to a third, high from two thirds; "
                "repeat buyers who are not long gone",
                "churn_probability",
                RISK_CLASSES,
            ),
            _risk_class,
        ),
    ]


def _campaign(scores: pd.DataFrame) -> list[tuple[Field, Value]]:
    return [
        (
            Field(
                "naechste_kategorie",
                "Nächste Kategorie",
                "text",
                0,
                "Kategorie, die als Nächstes am besten passt",
                "category that fits best next",
                "next_category",
            ),
            _column("next_category"),
        ),
        (
            Field(
                "kampagne_gruppe",
                "Kampagnengruppe",
                "choice",
                0,
                "Ziel: wird angesprochen; Kontrolle: ausgelost, wird nicht angesprochen",
                "Ziel: to be contacted; Kontrolle: drawn by lot, not to be contacted",
                "campaign_group",
                _options(scores, "campaign_group"),
            ),
            _column("campaign_group"),
        ),
    ]


def _of_run(run: Run) -> list[tuple[Field, Value]]:
    return [
        (
            Field(
                "modell_stand",
                "Stand der Auswertung",
                "day",
                0,
                "letzter Tag, der zählt",
                "last day that counts",
            ),
            lambda table: run.as_of,
        ),
        (
            Field(
                "modell_version",
                "Version der Auswertung",
                "text",
                0,
                "Version des Programms",
                "version of the program",
            ),
            lambda table: run.version,
        ),
    ]


def _span(days: int) -> str:
    return "12m" if days == DAYS_PER_YEAR else f"{days}d"


def _column(name: str) -> Value:
    return lambda table: table[name]


def _options(scores: pd.DataFrame, column: str) -> tuple[str, ...]:
    return tuple(sorted(scores[column].dropna().unique())) if column in scores else ()


def _rfm_code(scores: pd.DataFrame) -> pd.Series:
    digits = scores[["r_score", "f_score", "m_score"]].astype(int).astype("str")
    return digits["r_score"] + digits["f_score"] + digits["m_score"]


def _risk_class(scores: pd.DataFrame) -> pd.Series:
    risk = scores["churn_probability"]
    place = np.searchsorted(RISK_LIMITS, risk.to_numpy(), side="right").clip(max=2)
    named = pd.Series(np.array(RISK_CLASSES, dtype=object)[place], index=scores.index, dtype="str")
    return named.where(risk.notna())
