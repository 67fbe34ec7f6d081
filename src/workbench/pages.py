"""An executed notebook as one page: title, question, prose and the structured outputs in order."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workbench.outputs import FIGURE, FINDING, KPI, MEDIA_TYPES, MISSING, TABLE, VERDICT

DROPPED_TAGS = {"parameters", "injected-parameters", "setup", "nur-labor"}
# Ids that the template itself gives; a heading of the same name gets a number.
TAKEN_IDS = ("inhalt", "glossar", "herkunft", "theme", "print")
# The lines of a first cell that say what the notebook asks, reads and writes.
QUESTION = re.compile(r"\*\*Frage[.:]?\*\*[.:]?\s*")
PLUMBING = re.compile(r"\*\*(Liest|Schreibt)\b", re.IGNORECASE)

Payload = dict[str, Any]


class Heading(NamedTuple):
    """One line of a table of contents."""

    level: int
    text: str
    anchor: str


class Page(NamedTuple):
    """What one notebook says, as JSON payloads of `outputs` in the order shown.

    Attributes
    ----------
    stem : str
        File name without ending, for example ``03_clv``.
    title, question : str
        From the first cell, as plain text.
    key_figures, findings, verdicts, tables, figures, missing : tuple of dict
        The payloads by kind; key figures one by one, not by row of tiles.
    """

    stem: str
    title: str
    question: str
    key_figures: tuple[Payload, ...] = ()
    findings: tuple[Payload, ...] = ()
    verdicts: tuple[Payload, ...] = ()
    tables: tuple[Payload, ...] = ()
    figures: tuple[Payload, ...] = ()
    missing: tuple[Payload, ...] = ()


class Body(NamedTuple):
    """A page with what only its own rendering needs.

    Attributes
    ----------
    page : Page
        Title, question and payloads.
    notebook : NotebookNode
        The shown cells alone: markdown cells hold finished HTML, code cells
        hold no source and only our media types. Where the first section has a
        headline, its first and last cell are marked `opens` and `closes`.
    contents : tuple of Heading
        The headings of levels 2 and 3.
    words : str
        All text of the page, for the glossary.
    """

    page: Page
    notebook: NotebookNode
    contents: tuple[Heading, ...]
    words: str


def read_page(notebook: NotebookNode, *, stem: str) -> Page:
    """Collect title, question and structured outputs of an executed notebook.

    Cells tagged `DROPPED_TAGS` are left out, as is every output that is not
    one of `outputs.MEDIA_TYPES`. A note on missing data that a section repeats
    is kept once.

    Parameters
    ----------
    notebook : NotebookNode
        Executed, version 4.
    stem : str
        File name of the page without ending.

    Raises
    ------
    ValueError
        If the first markdown cell has no ``# `` heading, a later cell has one,
        or a shown cell wrote to stderr or failed.
    """
    return read_body(notebook, stem=stem).page


def read_body(notebook: NotebookNode, *, stem: str) -> Body:
    """Read a page together with its shown cells and headings; raises as `read_page`."""
    shown = [
        (position, cell)
        for position, cell in enumerate(notebook.cells, start=1)
        if not DROPPED_TAGS & set(cell.metadata.get("tags", ()))
    ]
    first = next((cell for _, cell in shown if cell.cell_type == "markdown"), None)
    title, question, rest = _lead("" if first is None else first.source, stem=stem)

    prose = _Prose(stem)
    found: dict[str, list[Payload]] = {kind: [] for kind in MEDIA_TYPES}
    cells: list[NotebookNode] = []
    missing_here, n_sections = set(), 0
    for position, cell in shown:
        if cell.cell_type == "markdown":
            cells.append(new_markdown_cell(prose.html(rest if cell is first else cell.source)))
            if prose.n_sections > n_sections:
                missing_here, n_sections = set(), prose.n_sections
        elif cell.cell_type == "code":
            _check_outputs(cell, position=position, stem=stem)
            kept = []
            for kind, payload in _structured(cell):
                if kind == MISSING:
                    if payload["sentence"]["text"] in missing_here:
                        continue
                    missing_here.add(payload["sentence"]["text"])
                kept.append(new_output("display_data", data={kind: payload}))
                found[kind].append(payload)
            cells.append(new_code_cell(outputs=kept))
        else:
            continue
        # Random ids of new cells would differ between two runs.
        cells[-1].update(id=f"cell-{position}", metadata={"section": prose.n_sections})

    page = Page(
        stem=stem,
        title=title,
        question=question,
        key_figures=tuple(figure for row in found[KPI] for figure in row["key_figures"]),
        findings=tuple(found[FINDING]),
        verdicts=tuple(found[VERDICT]),
        tables=tuple(found[TABLE]),
        figures=tuple(found[FIGURE]),
        missing=tuple(found[MISSING]),
    )
    _mark_glance(cells)
    words = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return Body(
        page=page,
        notebook=new_notebook(cells=cells),
        contents=tuple(prose.headings),
        words="\n".join([Markup("\n".join(words)).striptags(), *_labels(page)]),
    )


def sentences(page: Page) -> Iterator[tuple[str, Payload]]:
    """Yield every computed sentence of a page with the place where it stands.

    A place is ``kind.name.part``, for example ``figure.value_curve.title``.
    """
    for figure in page.key_figures:
        yield f"key_figure.{figure['name']}.note", figure["note"]
    for finding in page.findings:
        yield f"finding.{finding['name']}.sentence", finding["sentence"]
    for verdict in page.verdicts:
        for part in ("sentence", "consequence"):
            yield f"verdict.{verdict['name']}.{part}", verdict[part]
    for table in page.tables:
        yield f"table.{table['name']}.caption", table["caption"]
    for figure in page.figures:
        for part in ("title", "alt", "caption"):
            yield f"figure.{figure['name']}.{part}", figure[part]
    for number, note in enumerate(page.missing, start=1):
        yield f"missing.{number}.sentence", note["sentence"]


def data_tables(page: Page) -> tuple[Payload, ...]:
    """Return the page's tables and the tables behind its figures."""
    return (*page.tables, *(figure["data"] for figure in page.figures))


class _Prose(IPythonRenderer):
    """Write markdown as HTML without raw HTML, and remember its headings."""

    def __init__(self, stem: str) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False)
        self.stem = stem
        self.headings: list[Heading] = []
        self.n_sections = 0
        self._anchors = set(TAKEN_IDS)

    def html(self, source: str) -> str:
        return _Markdown(renderer=self).render(source)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        plain = Markup(text).striptags()
        if level == 1:
            raise ValueError(
                f"notebook {self.stem} has a second heading of level one, {plain!r}. "
                "Only the first cell has one; use ## here."
            )
        anchor = self._anchor(plain)
        if level <= 3:
            self.headings.append(Heading(level, plain, anchor))
        self.n_sections += level == 2
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        # A page works offline and must read well on paper, so an address is text.
        if re.match(r"[a-z][a-z0-9+.-]*:|//", url, re.IGNORECASE):
            return text if text in (url, html.escape(url)) else f"{text} ({html.escape(url)})"
        return super().link(text, url, title)

    def table(self, text: str) -> str:
        return (
            '<div class="scroll" role="group" tabindex="0" aria-label="Tabelle">'
            f"<table>\n{text}</table></div>\n"
        )

    def _anchor(self, text: str) -> str:
        plain = text.lower().translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}))
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "abschnitt"
        anchor, number = slug, 1
        while anchor in self._anchors:
            number += 1
            anchor = f"{slug}-{number}"
        self._anchors.add(anchor)
        return anchor


class _Markdown(MarkdownWithMath):
    DEFAULT_PLUGINS = ("strikethrough", "table", "def_list")


def _lead(source: str, *, stem: str) -> tuple[str, str, str]:
    """Split the first cell into title, question and the markdown that remains."""
    head, _, rest = source.strip().partition("\n")
    if not re.match(r"# \S", head):
        raise ValueError(
            f"notebook {stem} has no '# ' heading on the first line of its first markdown cell. "
            "Begin it with the title of the page."
        )
    paragraphs = [
        paragraph.strip().rstrip("\\").strip()
        for paragraph in re.split(r"\n\s*\n|\n(?=\*\*(?:Frage|Liest|Schreibt)\b)", rest)
        if paragraph.strip() and not PLUMBING.match(paragraph.strip())
    ]
    asked = [paragraph for paragraph in paragraphs if QUESTION.match(paragraph)]
    question = (asked or paragraphs or [""])[0]
    remaining = "\n\n".join(p for p in paragraphs if p is not question)
    return _plain(head[2:]), _plain(QUESTION.sub("", question, count=1)), remaining


def _plain(markdown: str) -> str:
    return " ".join(Markup(_Prose("").html(markdown)).striptags().split())


def _structured(cell: NotebookNode) -> list[tuple[str, Payload]]:
    return [
        (kind, output.data[kind])
        for output in cell.outputs
        if output.output_type in ("display_data", "execute_result")
        for kind in MEDIA_TYPES
        if kind in output.data
    ]


def _check_outputs(cell: NotebookNode, *, position: int, stem: str) -> None:
    place = f"notebook {stem}, cell {position} ({cell.source.strip().partition(chr(10))[0]!r})"
    for output in cell.outputs:
        if output.output_type == "error":
            raise ValueError(f"{place} failed with {output.ename}: {output.evalue}")
        if output.output_type == "stream" and output.name == "stderr":
            raise ValueError(
                f"{place} wrote to stderr: {output.text.strip()[:200]!r}. "
                "A report shows no warnings: remove the cause."
            )


def _mark_glance(cells: list[NotebookNode]) -> None:
    """Mark where the first section begins and ends, if it holds a headline."""
    first = [cell for cell in cells if cell.metadata["section"] == 1]
    payloads = [
        payload for cell in first if cell.cell_type == "code" for _, payload in _structured(cell)
    ]
    if any(
        item.get("headline")
        for payload in payloads
        for item in payload.get("key_figures", [payload])
    ):
        first[0].metadata["opens"] = first[-1].metadata["closes"] = True


def _labels(page: Page) -> Sequence[str]:
    return [
        page.title,
        page.question,
        *(text["text"] for _, text in sentences(page)),
        *(item["label"] for item in (*page.key_figures, *page.verdicts)),
        *(column["label"] for table in data_tables(page) for column in table["columns"]),
        *(cell for table in data_tables(page) for row in table["texts"] for cell in row),
    ]
