"""Executed notebooks to a German report: pages, first page, failure page and table files.

A page is made from the structured outputs of `outputs` and the prose of the notebook;
nothing is read from HTML, and the same notebooks give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from xml.etree import ElementTree

from jinja2 import Environment
from markupsafe import Markup
from nbconvert.exporters import TemplateExporter
from nbformat import NotebookNode
from traitlets import default
from traitlets.config import Config

from workbench.glossary import terms_in
from workbench.outputs import FIGURE, FINDING, KPI, MEDIA_TYPES, MISSING, TABLE, VERDICT
from workbench.pages import Page, Payload, data_tables, read_body, read_page
from workbench.tablefiles import FOLDER, download_address, table_files

# As matplotlib names the outline of a glyph, behind the name of the drawing.
_GLYPH = re.compile(r'"(#?)[a-z0-9_]+-DejaVuSans(?:-(\w)\w*)?-(\w+)"')
_OUTLINE = re.compile(r'<path id="(glyph\w+)" [^>]*/>')

__all__ = [
    "Context",
    "Failure",
    "Page",
    "read_page",
    "render_failure",
    "render_index",
    "render_page",
    "table_files",
]

SORTABLE_FROM_ROWS = 6
REASONS = {
    "exception": "Eine Zelle ist mit einem Fehler abgebrochen.",
    "timeout": "Eine Zelle hat länger gerechnet als erlaubt und wurde beendet.",
    "dead_kernel": "Der Rechenprozess (Kernel) ist während des Laufs abgestürzt.",
    "no_kernel": "Der Rechenprozess (Kernel) konnte nicht gestartet werden.",
    "gate": "Die Freigabeprüfung hat diese Seite zurückgehalten.",
}
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
SVG_FORBIDDEN = {"a", "animate", "foreignObject", "script", "set"}


class Context(NamedTuple):
    """What all pages of a run share.

    Attributes
    ----------
    source : str
        Name of the data set.
    as_of : str
        Last day in the data, as shown.
    facts : tuple of (str, str)
        Rows of „Herkunft dieses Berichts": hash of the data, parameters,
        versions. Nothing that differs between two runs on the same input.
    notes : tuple of str
        Sentences that hold for the whole report.
    alarm : str
        Why the report should not be used, shown on top of every page; or empty.
    """

    source: str
    as_of: str
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    alarm: str = ""


class Failure(NamedTuple):
    """Why a notebook gave no page.

    Attributes
    ----------
    notebook : str
        Its name.
    cell : str
        Which cell: its number, its first line, or both; empty if none ran.
    reason : str
        One of `REASONS`.
    message : str
        Name and text of the exception.
    traceback : str
        As Python printed it; colour codes are removed.
    """

    notebook: str
    cell: str
    reason: str
    message: str
    traceback: str = ""


def render_page(
    notebook: NotebookNode, *, stem: str, context: Context, siblings: Sequence[Page]
) -> str:
    """Render an executed notebook as one HTML file that loads nothing.

    Parameters
    ----------
    notebook : NotebookNode
        Executed, version 4.
    stem : str
        File name of the page without ending.
    context : Context
        What all pages of the run share.
    siblings : sequence of Page
        All pages of the run in the order of the navigation.

    Returns
    -------
    str
        HTML; `release.check_page` has not been asked yet.

    Raises
    ------
    ValueError
        As `read_page`, or if a drawing is not plain SVG.
    """
    body = read_body(notebook, stem=stem)
    report = {
        "page": body.page,
        "context": context,
        "siblings": siblings,
        "contents": body.contents,
        "terms": terms_in(body.words),
    }
    html, _ = _exporter().from_notebook_node(body.notebook, resources={"report": report})
    return _with_each_outline_once(html)


def _sort_key(value: Any) -> Any:
    """Return what a column is sorted by: far more digits than are shown, and no more."""
    if value is None:
        return ""
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _with_each_outline_once(html: str) -> str:
    """Let the drawings of a page share the outlines of their glyphs: the first of each stays."""
    seen: set[str] = set()

    def first(outline: re.Match[str]) -> str:
        is_new = outline[1] not in seen
        seen.add(outline[1])
        return outline[0] if is_new else ""

    shared = _GLYPH.sub(r'"\1glyph\2\3"', html)
    return _OUTLINE.sub(first, shared).replace("<defs></defs>", "")


def render_index(pages: Sequence[Page], *, context: Context) -> str:
    """Render the first page: what matters, the verdicts, and where to read on.

    Parameters
    ----------
    pages : sequence of Page
        All pages of the run in order.
    context : Context
        What they share.

    Raises
    ------
    ValueError
        If two tables have one name, as in `table_files`.
    """
    verdicts = [(page, verdict) for page in pages for verdict in page.verdicts]
    own = table_files(pages)
    named = {
        page.stem: {table["name"]: table["caption"]["text"] for table in data_tables(page)}
        for page in pages
    }
    for tables in named.values():
        for name in tables:
            del own[f"{FOLDER}/{name}.csv"]
    return _render(
        "first.html.j2",
        context=context,
        siblings=pages,
        headlines=[item for page in pages for item in page.findings if item["headline"]],
        tiles=[
            (page, [item for item in page.key_figures if item["headline"]])
            for page in pages
            if any(item["headline"] for item in page.key_figures)
        ],
        verdicts=verdicts,
        n_passed=sum(verdict["passed"] for _, verdict in verdicts),
        # Two sections of a page may lack the same thing.
        hints=[
            (page, text)
            for page in pages
            for text in dict.fromkeys(note["sentence"]["text"] for note in page.missing)
        ],
        tables=named,
        summaries=list(own),
        folder=FOLDER,
    )


def render_failure(failures: Sequence[Failure], *, context: Context) -> str:
    """Render what went wrong, for the person who repairs it; never published.

    Raises
    ------
    ValueError
        If there is no failure, or a reason is not one of `REASONS`.
    """
    if not failures:
        raise ValueError("failures is empty. Render the report instead.")
    unknown = sorted({failure.reason for failure in failures} - set(REASONS))
    if unknown:
        raise ValueError(f"reasons {unknown} are unknown; take some of {', '.join(REASONS)}.")
    plain = [
        failure._replace(
            message=ANSI.sub("", failure.message), traceback=ANSI.sub("", failure.traceback)
        )
        for failure in failures
    ]
    return _render("failure.html.j2", context=context, failures=plain, siblings=())


class _ReportExporter(TemplateExporter):
    """Render a notebook through the packaged template, with everything escaped."""

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_name")
    def _template_name_default(self) -> str:
        return "report"

    @default("template_file")
    def _template_file_default(self) -> str:
        return "page.html.j2"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(files("workbench") / "templates")]

    @property
    def default_config(self) -> Config:
        """Return nbconvert's defaults with our media types in front."""
        config = Config({"NbConvertBase": {"display_data_priority": list(MEDIA_TYPES)}})
        config.merge(super().default_config)
        return config

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.autoescape = True
        environment.trim_blocks = environment.lstrip_blocks = True
        environment.filters |= {"download": download_address, "drawing": _drawing}
        environment.globals |= {
            "kinds": {
                "key_figures": KPI,
                "table": TABLE,
                "figure": FIGURE,
                "finding": FINDING,
                "verdict": VERDICT,
                "missing": MISSING,
            },
            "reasons": REASONS,
            "sortable_from": SORTABLE_FROM_ROWS,
            "sort_key": _sort_key,
            "style_sheet": _packaged("report.css"),
            "script": _packaged("report.js"),
            "script_hash": _script_hash(_packaged("report.js")),
        }
        return environment


@cache
def _exporter() -> _ReportExporter:
    """Make the exporter once for all pages, which compiles the templates once."""
    return _ReportExporter()


def _render(template: str, **values: Any) -> str:
    return _exporter().environment.get_template(template).render(resources={}, **values)


def _packaged(name: str) -> Markup:
    return Markup((files("workbench") / "templates" / "report" / name).read_text("utf-8"))


def _script_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _drawing(figure: Payload) -> Markup:
    """Return a figure's SVG ready to stand in HTML: named, scalable, free of code."""
    try:
        root = ElementTree.fromstring(figure["svg"])
    except ElementTree.ParseError as error:
        raise ValueError(f"the drawing of figure {figure['name']!r} is not SVG: {error}") from error
    if root.tag not in ("svg", f"{SVG}svg") or "viewBox" not in root.attrib:
        raise ValueError(f"the drawing of figure {figure['name']!r} is no <svg> with a viewBox.")
    for parent in list(root.iter()):
        for metadata in parent.findall(f"{SVG}metadata"):
            parent.remove(metadata)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        names = {name: name.removeprefix(XLINK) for name in element.attrib}
        element.attrib = {
            short: element.attrib[name]
            for name, short in names.items()
            if not short.lower().startswith(("on", "{"))
        }
        if element.tag in SVG_FORBIDDEN:
            raise ValueError(f"the drawing of figure {figure['name']!r} holds a {element.tag}.")
    # Without a size of its own the drawing takes the width that the page gives.
    for side in ("width", "height"):
        root.attrib.pop(side, None)
    root.attrib |= {"role": "img", "aria-label": figure["alt"]["text"]}
    return Markup(ElementTree.tostring(root, encoding="unicode"))
