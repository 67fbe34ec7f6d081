"""Executed notebooks in a run's folder to pages, table files, joined scores and the manifest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from workbench import __version__, formats, intake, pseudonyms, release, report
from workbench.pages import data_tables
from workbench.parameters import Parameters
from workbench.report import Context, Failure, Page

VERSIONS_OF = ("duckdb", "lifetimes", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy")
REVENUE_NOTE = (
    "Alle Werte sind Umsatz, nicht Gewinn: Der Parameter margin steht auf seinem Vorgabewert."
)
ALARM = "Dieser Bericht hat eine verlangte Prüfung nicht bestanden: "
# What says where a run was or how it went differs between equal runs.
NOT_SHOWN = {"run_dir", "out"}


def source_shown(x: str) -> str:
    """Return a source without the folders above the file: they say where it was, not what."""
    return x if x.startswith("dataset:") else Path(x).name


def query_shown(query: str) -> str:
    """Return the name of a table, but of a SELECT only its hash: it may name customers."""
    words = query.split()
    if len(words) < 2:
        return query
    return f"SELECT, SHA-256 {hashlib.sha256(' '.join(words).encode()).hexdigest()}"


def values_shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a page may show them."""
    sources = {name: source_shown(values[name]) for name in intake.SOURCES if name in values}
    query = {"query": query_shown(values["query"])} if "query" in values else {}
    return {**values, **sources, **query}


def read_origin(work: Path) -> dict[str, Any]:
    """Read where the data of a run are from, as `intake.hand_over` wrote it."""
    return json.loads((work / intake.ORIGIN).read_text(encoding="utf-8"))


def make_context(work: Path, checked: Parameters, *, declared: Iterable[str]) -> Context:
    """Collect what all pages of a run share.

    Parameters
    ----------
    work : Path
        The run's folder.
    checked : Parameters
        All parameters of the run.
    declared : iterable of str
        Names that the notebooks of this run declare; the others are not shown.
    """
    origin = read_origin(work)
    style = formats.style(locale=checked.locale, currency=origin["currency"])
    shown = set(declared) - NOT_SHOWN
    values = {name: getattr(checked, name) for name in Parameters.model_fields if name in shown}
    values = values_shown(values)
    facts = (
        ("Gelesene Zeilen", style.count(origin["rows_read"]).text),
        ("Prüfsumme der Daten (SHA-256)", origin["sha256"]),
        ("Währung", origin["currency"]),
        ("Parameter", ", ".join(f"{name} = {value!r}" for name, value in values.items())),
        ("Programm", f"workbench {__version__}, Python {platform.python_version()}"),
        ("Pakete", ", ".join(f"{name} {version}" for name, version in _versions().items())),
    )
    return Context(
        source=origin["label"],
        as_of=style.date(origin["as_of"]).text,
        facts=facts,
        notes=(REVENUE_NOTE,) if "margin" in shown and checked.margin == 1 else (),
    )


def failed_verdicts(pages: Sequence[Page], *, fatal: Sequence[str]) -> list[str]:
    """Return those fatal verdicts that no page passed."""
    passed = {verdict["name"] for page in pages for verdict in page.verdicts if verdict["passed"]}
    return [name for name in fatal if name not in passed]


def _alarm(pages: Sequence[Page], failed: Sequence[str]) -> str:
    """Name the fatal verdicts that were not passed, each with its reason."""
    shown = {verdict["name"]: verdict for page in pages for verdict in page.verdicts}
    reasons = [
        f"{shown[name]['label']}. {shown[name]['sentence']['text']}"
        if name in shown
        else f"{name} (nicht erreicht)."
        for name in failed
    ]
    return ALARM + " ".join(reasons)


def write_pages(
    work: Path, *, stems: Sequence[str], context: Context, locale: str, fatal: Sequence[str]
) -> list[Page]:
    """Write the pages, the first page and the table files of the executed notebooks.

    Swiss readers get ss for ß.

    Raises
    ------
    ValueError
        If a notebook's outputs are not fit for a page.
    """
    notebooks = {
        stem: nbformat.read(work / "notebooks" / f"{stem}.ipynb", as_version=4) for stem in stems
    }
    pages = [report.read_page(notebook, stem=stem) for stem, notebook in notebooks.items()]
    failed = failed_verdicts(pages, fatal=fatal)
    if failed:
        context = context._replace(alarm=_alarm(pages, failed))
    for stem, notebook in notebooks.items():
        text = report.render_page(notebook, stem=stem, context=context, siblings=pages)
        (work / f"{stem}.html").write_text(_spelled(text, locale), encoding="utf-8")
    index = report.render_index(pages, context=context)
    (work / "index.html").write_text(_spelled(index, locale), encoding="utf-8")
    (work / "tables").mkdir()
    for name, text in report.table_files(pages).items():
        (work / name).write_text(text, encoding="utf-8", newline="")
    return pages


def held_back(
    work: Path, *, pages: Sequence[Page], environment: Mapping[str, str]
) -> list[Failure]:
    """Ask the release gate about every page and table; empty when all may go out.

    Parameters
    ----------
    work : Path
        The run's folder, with `intake.IDS` still in it.
    pages : sequence of Page
        What the pages were made of.
    environment : mapping
        Variables whose secrets must stand nowhere.
    """
    origin, secrets = read_origin(work), release.secrets_of(environment)
    ids = frozenset(intake.read_table(work / intake.IDS)["customer_id"])
    if origin["pseudonymised"]:
        secrets = (*secrets, pseudonyms.key().hex())
        ids |= frozenset(intake.read_table(work / intake.ORDERS)["customer_id"])
    files: list[tuple[Path, Callable[..., None]]] = [
        *((path, release.check_page) for path in sorted(work.glob("*.html"))),
        *((path, release.check_table) for path in sorted((work / "tables").glob("*.csv"))),
    ]
    found = []
    for path, check in files:
        try:
            check(path.read_text(encoding="utf-8"), secrets=secrets, ids=ids)
        except ValueError as error:
            found.append(Failure(path.stem, "", "gate", str(error)))
    for page in pages:
        for table in data_tables(page):
            try:
                release.check_structure(table, customers=origin["customers"], ids=ids)
            except ValueError as error:
                found.append(Failure(page.stem, table["name"], "gate", str(error)))
    return found


def join_scores(work: Path, *, stems: Sequence[str]) -> None:
    """Join what each notebook wrote about customers to `customers/scores.parquet`."""
    folder = work / intake.CUSTOMERS_FOLDER
    paths = [folder / f"{stem}.parquet" for stem in stems]
    first, *others = [
        intake.read_table(path).set_index("customer_id") for path in paths if path.is_file()
    ]
    scores = first.join(others, validate="one_to_one") if others else first
    intake.write_table(scores.sort_index().reset_index(), folder / "scores.parquet")


def write_manifest(
    work: Path,
    checked: Parameters,
    *,
    verdicts: Mapping[str, bool],
    started: str,
    seconds: Mapping[str, float],
) -> None:
    """Write `manifest.json`: the only file of a run that differs between equal runs.

    Parameters
    ----------
    work : Path
        The run's folder, complete.
    checked : Parameters
        All parameters of the run.
    verdicts : mapping
        Verdict to whether it was passed.
    started : str
        Time of the start, ISO.
    seconds : mapping
        Step to its duration.
    """
    values = values_shown(checked.model_dump(mode="json", exclude=NOT_SHOWN))
    files = {
        str(path.relative_to(work)): {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(work.rglob("*"))
        if path.is_file() and path.relative_to(work) not in intake.PASSING
    }
    origin = read_origin(work)
    if origin["pseudonymised"]:
        origin["key_fingerprint"] = pseudonyms.fingerprint(pseudonyms.key())
    manifest = {
        "data": origin,
        "parameters": values,
        "seed": checked.seed,
        "versions": {"workbench": __version__, "python": platform.python_version()} | _versions(),
        "verdicts": dict(verdicts),
        "started": started,
        "host": platform.node(),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "files": files,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (work / "manifest.json").write_text(text + "\n", encoding="utf-8")


def write_failure(work: Path, failures: Sequence[Failure]) -> None:
    """Leave nothing in a broken run's folder but its notebooks and a page that names what broke.

    What broke may name somebody: so the folder is for its owner alone.
    """
    work.chmod(0o700)
    for path in (*work.glob("*.html"), work / "tables", work / intake.CUSTOMERS_FOLDER):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    page = report.render_failure(failures, context=Context(source="", as_of=""))
    (work / "index.html").write_text(page, encoding="utf-8")


def _spelled(text: str, locale: str) -> str:
    return text.replace("ß", "ss") if locale == "de_CH" else text


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in VERSIONS_OF}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
