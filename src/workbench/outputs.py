"""What a notebook hands to the report: sentences, key figures, tables, figures, verdicts.

Each record shows itself in JupyterLab and carries the same content as JSON under
a media type of its own; page, index, table files and manifest are made from that JSON.
"""

from __future__ import annotations

import html
import math
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from workbench.formats import Number, Style
from workbench.schema import NotIdentified, TooFewData

KPI = "application/vnd.workbench.kpi+json"
TABLE = "application/vnd.workbench.table+json"
FIGURE = "application/vnd.workbench.figure+json"
FINDING = "application/vnd.workbench.finding+json"
VERDICT = "application/vnd.workbench.verdict+json"
MISSING = "application/vnd.workbench.missing+json"
MEDIA_TYPES = (KPI, TABLE, FIGURE, FINDING, VERDICT, MISSING)

# Digits beyond these differ between processors and would break byte-identical reports.
SIGNIFICANT_DIGITS = 10
NO_SOLUTION = "eine eindeutige Lösung; das Verfahren findet auf diesen Daten keine"
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Sentence:
    """A computed sentence: a template and the numbers that fill it."""

    template: str
    values: Mapping[str, Number] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence as the reader sees it."""
        return self.template.format(**{name: str(value) for name, value in self.values.items()})

    def payload(self) -> dict[str, Any]:
        """Return the JSON form: text, template and the values by name."""
        return {
            "text": str(self),
            "template": self.template,
            "values": {
                name: {"value": _plain(number.value), "unit": number.unit, "text": number.text}
                for name, number in self.values.items()
            },
        }


def say(template: str, /, **values: Number) -> Sentence:
    """Fill a template with numbers, each of which the report's tables will hold.

    Parameters
    ----------
    template : str
        German text with ``{name}`` for each number and no digit of its own.
    **values : Number
        Made by a `formats.Style`.

    Raises
    ------
    ValueError
        If a digit is typed into the template, or a name has no value.

    Examples
    --------
    >>> style = Style("de_DE", "EUR")
    >>> print(say("{n} Kunden kaufen wieder.", n=style.count(1234)))
    1.234 Kunden kaufen wieder.
    """
    parts = list(string.Formatter().parse(template))
    typed = "".join(text for text, *_ in parts)
    if any(character.isnumeric() for character in typed):
        raise ValueError(f"a digit is typed into {template!r}. Compute it and pass it by name.")
    unknown = [name for _, name, *_ in parts if name is not None and name not in values]
    if unknown:
        raise ValueError(f"{template!r} asks for {unknown}, which were not given.")
    used = {name for _, name, *_ in parts}
    return Sentence(template, {name: value for name, value in values.items() if name in used})


class _Output:
    """Show a record in JupyterLab and hand its JSON to the report."""

    media_type: str

    def payload(self) -> dict[str, Any]:
        raise NotImplementedError

    def plain(self) -> str:
        raise NotImplementedError

    def markup(self) -> str:
        return f"<pre>{_html(self.plain())}</pre>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            self.media_type: self.payload(),
            "text/html": self.markup(),
            "text/plain": self.plain(),
        }


@dataclass(frozen=True)
class KeyFigure:
    """One number that matters, with its label and a note on how to read it."""

    name: str
    label: str
    number: Number
    note: str | Sentence = ""
    headline: bool = False


@dataclass(frozen=True)
class KeyFigures(_Output):
    """A row of tiles; those marked `headline` stand on the first page too."""

    figures: tuple[KeyFigure, ...]
    media_type = KPI

    def payload(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "key_figures": [
                {
                    "name": figure.name,
                    "label": figure.label,
                    "value": _plain(figure.number.value),
                    "unit": figure.number.unit,
                    "text": figure.number.text,
                    "note": _sentence(figure.note).payload(),
                    "headline": figure.headline,
                }
                for figure in self.figures
            ]
        }

    def plain(self) -> str:
        """Return one line per key figure."""
        width = max((len(figure.label) for figure in self.figures), default=0)
        return "\n".join(f"{f.label:<{width}}  {f.number.text}" for f in self.figures)

    def markup(self) -> str:
        """Return tiles for JupyterLab."""
        tiles = "".join(
            "<div style='border-left:4px solid #2f6fb0;padding:.3em .8em;min-width:9em'>"
            f"<div>{_html(f.label)}</div>"
            f"<div style='font-size:1.5em;font-weight:600'>{_html(f.number.text)}</div>"
            f"<div style='opacity:.75'>{_html(str(f.note))}</div></div>"
            for f in self.figures
        )
        return f"<div style='display:flex;flex-wrap:wrap;gap:1em'>{tiles}</div>"


def key_figures(*figures: KeyFigure) -> KeyFigures:
    """Show key figures side by side.

    Raises
    ------
    ValueError
        If a name is not lower-case ASCII with underscores or stands twice.
    """
    _check_names([figure.name for figure in figures])
    return KeyFigures(tuple(figures))


@dataclass(frozen=True)
class Table(_Output):
    """A table of aggregates: one row label, then columns with units."""

    name: str
    caption: Sentence
    columns: tuple[tuple[str, str, str], ...]
    cells: tuple[tuple[Number, ...], ...]
    media_type = TABLE

    def payload(self) -> dict[str, Any]:
        """Return the JSON form: columns, plain values and texts."""
        return {
            "name": self.name,
            "caption": self.caption.payload(),
            "columns": [
                {"key": key, "label": label, "unit": unit} for key, label, unit in self.columns
            ],
            "values": [[_plain(cell.value) for cell in row] for row in self.cells],
            "texts": [[cell.text for cell in row] for row in self.cells],
        }

    def plain(self) -> str:
        """Return the table as aligned text."""
        rows = [[label for _, label, _ in self.columns]]
        rows += [[cell.text for cell in row] for row in self.cells]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                text.ljust(width) if unit == "text" else text.rjust(width)
                for text, width, (_, _, unit) in zip(row, widths, self.columns, strict=True)
            ).rstrip()
            for row in rows
        )

    def markup(self) -> str:
        """Return a plain HTML table for JupyterLab."""
        head = "".join(f"<th>{_html(label)}</th>" for _, label, _ in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{_html(cell.text)}</td>" for cell in row) + "</tr>"
            for row in self.cells
        )
        caption = _html(str(self.caption))
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def table(
    data: pd.DataFrame,
    *,
    name: str,
    caption: str | Sentence,
    columns: Mapping[str, Sequence[Any]],
    style: Style,
) -> Table:
    """Choose, name and write the columns of a table.

    Parameters
    ----------
    data : DataFrame
        Aggregates only. Its index is used like a column where it has a name.
    name : str
        File name without ending; lower-case ASCII.
    caption : str or Sentence
        What one row is.
    columns : mapping
        Our column to ``(label, unit)`` or ``(label, unit, digits)``; units as
        in `Style.write`. A unit ``by:COLUMN`` takes the unit of each row
        from that column.
    style : Style
        How numbers are written.

    Raises
    ------
    ValueError
        If a column is missing or the name is not fit for a file.
    """
    _check_names([name])
    flat = data.reset_index() if data.index.name or data.index.nlevels > 1 else data
    told = [rule for _, *rules in columns.values() for rule in rules if _names_column(rule)]
    by_row = [rule.removeprefix("by:") for rule in told]
    lacking = [key for key in (*columns, *by_row) if key not in flat.columns]
    if lacking:
        raise ValueError(f"table {name!r} asks for {lacking}; there are {list(flat.columns)}.")
    written = [
        [
            style.write(value, *how)
            for value, *how in zip(flat[key], *(_by_row(flat, rule) for rule in rules), strict=True)
        ]
        for key, (_, *rules) in columns.items()
    ]
    heads = tuple(
        (key, label, "number" if unit.startswith("by:") else unit)
        for key, (label, unit, *_) in columns.items()
    )
    return Table(name, _sentence(caption), heads, tuple(zip(*written, strict=True)))


@dataclass(frozen=True)
class Figure(_Output):
    """A drawing with the finding as title, a text for those who cannot see it, and its data."""

    name: str
    title: Sentence
    alt: Sentence
    caption: Sentence
    svg: str
    data: Table
    media_type = FIGURE

    def payload(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "title": self.title.payload(),
            "alt": self.alt.payload(),
            "caption": self.caption.payload(),
            "svg": self.svg,
            "data": self.data.payload(),
        }

    def plain(self) -> str:
        """Return title and alternative text."""
        return f"{self.title}\n{self.alt}"

    def markup(self) -> str:
        """Return the drawing with title and caption for JupyterLab."""
        return (
            f"<figure style='margin:0'><p style='font-weight:600'>{_html(str(self.title))}"
            f"</p><div role='img' aria-label='{html.escape(str(self.alt), quote=True)}'>"
            f"{self.svg}</div><figcaption>{_html(str(self.caption))}</figcaption></figure>"
        )


@dataclass(frozen=True)
class Finding(_Output):
    """A computed sentence that says what a table or figure shows."""

    name: str
    sentence: Sentence
    headline: bool = False
    media_type = FINDING

    def payload(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "sentence": self.sentence.payload(),
            "headline": self.headline,
        }

    def plain(self) -> str:
        """Return the sentence."""
        return str(self.sentence)

    def markup(self) -> str:
        """Return the sentence in bold for JupyterLab."""
        return f"<p><strong>{_html(self.plain())}</strong></p>"


def finding(name: str, sentence: Sentence, *, headline: bool = False) -> Finding:
    """Show a computed sentence; a `headline` stands on the first page too."""
    _check_names([name])
    return Finding(name, sentence, headline)


@dataclass(frozen=True)
class Verdict(_Output):
    """Whether a model or the data pass a stated test, and what follows from it."""

    name: str
    label: str
    passed: bool
    sentence: Sentence
    consequence: Sentence
    media_type = VERDICT

    def payload(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "label": self.label,
            "passed": self.passed,
            "sentence": self.sentence.payload(),
            "consequence": self.consequence.payload(),
        }

    def plain(self) -> str:
        """Return the verdict on one line."""
        return f"{self.label}: {self._word()}. {self.sentence} {self.consequence}"

    def markup(self) -> str:
        """Return the verdict as a paragraph for JupyterLab."""
        mark = "✓" if self.passed else "✗"
        head, body = f"{mark} {self.label}: {self._word()}.", f"{self.sentence} {self.consequence}"
        return f"<p><strong>{_html(head)}</strong> {_html(body)}</p>"

    def _word(self) -> str:
        return "bestanden" if self.passed else "nicht bestanden"


@dataclass(frozen=True)
class Missing(_Output):
    """A section that the data do not bear; it is false in a condition."""

    needs: str
    have: Number | None = None
    need: Number | None = None
    media_type = MISSING

    def __bool__(self) -> bool:
        """Return False, so that ``if model:`` skips what depends on it."""
        return False

    def sentence(self) -> Sentence:
        """Return the German sentence that stands in the section's place."""
        needs = Number(self.needs, "text", self.needs)
        if self.have is None or self.need is None:
            return say("Für diese Auswertung fehlt: {was}.", was=needs)
        return say(
            "Für diese Auswertung fehlt: {was} (vorhanden: {vorhanden}, nötig: mindestens "
            "{noetig}).",
            was=needs,
            vorhanden=self.have,
            noetig=self.need,
        )

    def payload(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"sentence": self.sentence().payload()}

    def markup(self) -> str:
        """Return the sentence as a paragraph for JupyterLab."""
        return f"<p>{_html(self.plain())}</p>"

    def plain(self) -> str:
        """Return the sentence."""
        return str(self.sentence())


def attempt(
    function: Callable[..., Any], /, *args: Any, needs: str, style: Style, **kwargs: Any
) -> Any:
    """Call a function, or say in German what the data lack for it.

    Parameters
    ----------
    function : callable
        Raises `schema.TooFewData` or `schema.NotIdentified` when the data do
        not bear it; every other error passes.
    needs : str
        German noun phrase: what it needs.
    style : Style
        How numbers are written.

    Returns
    -------
    object or Missing
        The function's result, or a `Missing`, which is false and shows itself.
    """
    try:
        return function(*args, **kwargs)
    except TooFewData as shortage:
        return Missing(needs, style.count(shortage.have), style.count(shortage.need))
    except NotIdentified:
        return Missing(NO_SOLUTION)


def found(result: Any) -> bool:
    """Say whether `attempt` found something; tables, which are neither true nor false, too."""
    return not isinstance(result, bool | Missing | None)


def missing_note(*results: Any) -> Missing | None:
    """Return the first thing that a section lacks, to be shown in its place; None if nothing."""
    return next((result for result in results if isinstance(result, Missing)), None)


def _html(text: str) -> str:
    """Escape a text; JupyterLab would set what stands between two dollar signs as a formula."""
    return html.escape(text).replace("$", "<span>$</span>")


def _sentence(text: str | Sentence) -> Sentence:
    return text if isinstance(text, Sentence) else say(text)


def _names_column(rule: str | int) -> bool:
    return str(rule).startswith("by:")


def _by_row(data: pd.DataFrame, rule: str | int) -> list[Any]:
    """Repeat a unit or a number of digits for each row, or take each row's own."""
    if not _names_column(rule):
        return [rule] * len(data)
    own = data[rule.removeprefix("by:")]
    return [None if pd.isna(v) else v if isinstance(v, str) else int(v) for v in own]


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"name {name!r} must be lower-case ASCII letters, digits and '_'.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice} stand more than once.")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return None
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value
