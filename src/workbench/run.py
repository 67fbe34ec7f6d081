"""The notebooks in order, through papermill, into one folder that appears whole or not at all."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from workbench import __version__, findings, formats, intake, parameters, report
from workbench.parameters import Parameters
from workbench.report import Failure
from workbench.schema import ParameterError

PUBLISHED, VERDICT_FAILED, REFUSED, BROKEN = 0, 1, 2, 3
FIRST = "01_daten"
# Data that a notebook refuses are the user's affair; everything else that it raises is ours.
REFUSALS = frozenset({"DataError", "ParameterError", "TooMuchLost"})
CELL_TIMEOUT_SECONDS = 900
START_TIMEOUT_SECONDS = 120
KERNEL = "python3"
# One thread per kernel: two notebooks side by side fight over the cores otherwise.
KERNEL_ENVIRONMENT = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}
VERSIONS_OF = ("duckdb", "lifetimes", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy")

Progress = Callable[[str, int, int], None]


class Refusal(NamedTuple):
    """A notebook that refused its data, in the words of the error."""

    message: str


class Outcome(NamedTuple):
    """How a run ended: the exit status, the file to look at, and why."""

    status: int
    path: Path | None
    message: str


def notebooks_folder() -> Path:
    """Return the folder of the notebooks beside the package.

    Raises
    ------
    FileNotFoundError
        If the package was installed without them.
    """
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    if not (folder / f"{FIRST}.ipynb").is_file():
        raise FileNotFoundError(
            f"the notebooks are not at {folder}. Install the project with 'pip install -e .'."
        )
    return folder


def declared_parameters(folder: Path) -> dict[str, list[str]]:
    """Return the names that each notebook's parameters cell declares, by stem."""
    return {
        path.stem: list(papermill.inspect_notebook(str(path)))
        for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    }


def run(
    given: Mapping[str, Any],
    *,
    only: Sequence[str] = (),
    folder: Path | None = None,
    progress: Progress = lambda stem, done, cells: None,
    cell_timeout_seconds: int = CELL_TIMEOUT_SECONDS,
) -> Outcome:
    """Run the notebooks and publish their report.

    Parameters
    ----------
    given : mapping
        Parameters by name, unchecked.
    only : sequence of str
        Numbers or stems of the notebooks wanted beside 01; empty is all.
    folder : Path, optional
        Where the notebooks are; beside the package when not given.
    progress : callable
        Called with stem, cells done and cells in all.
    cell_timeout_seconds : int
        Longest time for one cell.

    Returns
    -------
    Outcome
        Status 0 published, 1 published with a failed fatal verdict, 2 refused
        and nothing written, 3 broken and nothing published.

    Raises
    ------
    ParameterError
        If a parameter or a notebook's name is wrong; nothing was written.
    """
    folder = notebooks_folder() if folder is None else folder
    declared = declared_parameters(folder)
    names = {name for cell in declared.values() for name in cell}
    checked = parameters.check(given, declared=names | {"fatal", "out"})
    chosen = [FIRST, *_choose(only, declared)]
    unknown = [name for name in checked.fatal if name not in findings.VERDICTS]
    if unknown:
        raise ParameterError(f"fatal names {unknown}; the verdicts are {list(findings.VERDICTS)}.")

    reports = Path(checked.out).expanduser().absolute().parent if checked.out else _reports()
    if checked.out:
        _check_replaceable(Path(checked.out).expanduser().absolute())
    created = _make_folders(reports)
    work = Path(tempfile.mkdtemp(prefix=".run-", dir=reports))
    started, clock = datetime.now(UTC), time.monotonic()
    try:
        with _environment():
            durations, ends = _execute_all(
                chosen, declared, checked, folder, work, progress, cell_timeout_seconds
            )
        refusals = [end for end in ends if isinstance(end, Refusal)]
        failures = [end for end in ends if isinstance(end, Failure)]
        if refusals:
            return Outcome(REFUSED, None, refusals[0].message)
        if failures:
            return _keep_failure(work, failures, reports=reports)

        durations["notebooks"] = time.monotonic() - clock
        context = _context(work, checked, {n for stem in chosen for n in declared[stem]})
        pages = _write_pages(work, chosen, context)
        held_back = _held_back(work)
        if held_back:
            return _keep_failure(work, held_back, reports=reports)
        _join_scores(work, chosen)
        verdicts = {
            verdict["name"]: verdict["passed"] for page in pages for verdict in page.verdicts
        }
        durations["all"] = time.monotonic() - clock
        name = _origin(work)["name"]
        _write_manifest(work, checked, verdicts, started=started, durations=durations)
        (work / intake.ORIGIN).unlink()
        target = Path(checked.out).expanduser().absolute() if checked.out else reports / name
        _publish(work, target)
        failed = [verdict for verdict in checked.fatal if not verdicts.get(verdict, False)]
        if failed:
            text = f"published, but the fatal verdict {', '.join(failed)} was not passed."
            return Outcome(VERDICT_FAILED, target / "index.html", text)
        return Outcome(PUBLISHED, target / "index.html", "")
    finally:
        shutil.rmtree(work, ignore_errors=True)
        _remove_empty(created)


def _choose(only: Sequence[str], declared: Iterable[str]) -> list[str]:
    others = [stem for stem in declared if stem != FIRST]
    if not only:
        return others
    wanted = set()
    for word in only:
        found = [s for s in (FIRST, *others) if word in (s, s.split("_")[0], s.split("_")[1])]
        if not found:
            raise ParameterError(f"notebook {word!r} is unknown; there are {FIRST}, {others}.")
        wanted.update(found)
    return [stem for stem in others if stem in wanted]


def _execute_all(
    chosen: Sequence[str],
    declared: Mapping[str, list[str]],
    checked: Parameters,
    folder: Path,
    work: Path,
    progress: Progress,
    timeout: int,
) -> tuple[dict[str, float], list[Failure | Refusal]]:
    """Run 01, then the others two at a time; who fails does not stop the others."""
    durations: dict[str, float] = {}

    def execute(stem: str) -> Failure | Refusal | None:
        begin = time.monotonic()
        values = _changed_values(checked, declared[stem]) | {"run_dir": str(work)}
        try:
            return _execute(folder / f"{stem}.ipynb", work, values, progress, timeout)
        finally:
            durations[stem] = time.monotonic() - begin

    (work / "notebooks").mkdir()
    first = execute(chosen[0])
    if first is not None:
        return durations, [first]
    # The later notebooks take longer; started first, they leave no thread idle at the end.
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(execute, reversed(chosen[1:])))
    return durations, [end for end in results if end is not None]


def _execute(
    path: Path, work: Path, values: Mapping[str, Any], progress: Progress, timeout: int
) -> Failure | Refusal | None:
    """Run one notebook; the status comes from what was raised, never from what was stored."""
    stem, output = path.stem, work / "notebooks" / path.name
    cells = sum(cell.cell_type == "code" for cell in nbformat.read(path, as_version=4).cells) + 1
    done = 0

    def count(cell: NotebookNode, cell_index: int) -> None:
        nonlocal done
        done += cell.cell_type == "code"
        progress(stem, min(done, cells - 1), cells)

    progress(stem, 0, cells)
    failure = None
    try:
        papermill.execute_notebook(
            str(path),
            str(output),
            parameters=dict(values),
            kernel_name=KERNEL,
            progress_bar=False,
            autosave_cell_every=0,
            record_timing=False,
            execution_timeout=timeout,
            start_timeout=START_TIMEOUT_SECONDS,
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            on_cell_complete=count,
        )
    except PapermillExecutionError as error:
        if error.ename in REFUSALS:
            return Refusal(error.evalue)
        where = f"{error.cell_index + 1}: {_first_line(error.source)}"
        message = f"{error.ename}: {error.evalue}"
        failure = Failure(stem, where, "exception", message, "\n".join(error.traceback))
    except CellTimeoutError as error:
        failure = Failure(stem, str(done + 1), "timeout", _first_line(str(error)))
    except DeadKernelError as error:
        failure = Failure(stem, str(done + 1), "dead_kernel", _first_line(str(error)))
    except (NoSuchKernel, RuntimeError) as error:
        failure = Failure(stem, "", "no_kernel", f"{type(error).__name__}: {error}")
    if output.is_file():
        _clean(output, work)
    progress(stem, cells, cells)
    return failure


def _changed_values(checked: Parameters, names: Iterable[str]) -> dict[str, Any]:
    defaults = Parameters()
    return {
        name: getattr(checked, name)
        for name in names
        if getattr(checked, name) != getattr(defaults, name)
    }


def _clean(path: Path, work: Path) -> None:
    """Take out of an executed notebook what differs between two equal runs, and the paths."""
    notebook = nbformat.read(path, as_version=4)
    recorded = notebook.metadata.pop("papermill", {})
    notebook.metadata["workbench"] = dict(notebook.metadata.get("workbench", {}))
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.source = _without_paths(cell.source, recorded.get("parameters", {}), work)
    nbformat.write(notebook, path)


def _without_paths(source: str, values: Mapping[str, Any], work: Path) -> str:
    source = source.replace(repr(str(work))[1:-1], "..")
    x = str(values.get("transactions", ""))
    return source.replace(x, _source_shown(x)) if x else source


def _source_shown(x: str) -> str:
    """Return a source without the folders above the file: they say where it was, not what."""
    return x if x.startswith("dataset:") else Path(x).name


def _write_pages(work: Path, chosen: Sequence[str], context: report.Context) -> list[report.Page]:
    notebooks = {
        stem: nbformat.read(work / "notebooks" / f"{stem}.ipynb", as_version=4) for stem in chosen
    }
    pages = [report.read_page(notebook, stem=stem) for stem, notebook in notebooks.items()]
    for stem, notebook in notebooks.items():
        text = report.render_page(notebook, stem=stem, context=context, siblings=pages)
        (work / f"{stem}.html").write_text(text, encoding="utf-8")
    index = report.render_index(pages, context=context)
    (work / "index.html").write_text(index, encoding="utf-8")
    (work / "tables").mkdir()
    for name, text in report.table_files(pages).items():
        (work / name).write_text(text, encoding="utf-8", newline="")
    return pages


def _held_back(work: Path) -> list[Failure]:
    """Ask the release gate about every page."""
    found = []
    for path in sorted(work.glob("*.html")):
        try:
            report.check_page(path.read_text(encoding="utf-8"))
        except ValueError as error:
            found.append(Failure(path.stem, "", "gate", str(error)))
    return found


def _join_scores(work: Path, chosen: Sequence[str]) -> None:
    folder = work / intake.CUSTOMERS_FOLDER
    paths = [folder / f"{stem}.parquet" for stem in chosen]
    tables = [intake.read_table(path).set_index("customer_id") for path in paths if path.is_file()]
    scores = tables[0].join(tables[1:], validate="one_to_one") if len(tables) > 1 else tables[0]
    intake.write_table(scores.sort_index().reset_index(), folder / "scores.parquet")


def _context(work: Path, checked: Parameters, declared: Iterable[str]) -> report.Context:
    origin = _origin(work)
    style = formats.style(locale=checked.locale, currency=origin["currency"])
    used = [name for name in Parameters.model_fields if name in set(declared) - {"run_dir"}]
    values = {name: getattr(checked, name) for name in used}
    values["transactions"] = _source_shown(checked.transactions)
    facts = (
        ("Datenquelle", origin["label"]),
        ("Gelesene Zeilen", style.count(origin["rows_read"]).text),
        ("Prüfsumme der Daten (SHA-256)", origin["sha256"]),
        ("Stichtag", style.date(origin["as_of"]).text),
        ("Währung", origin["currency"]),
        ("Parameter", ", ".join(f"{name} = {value!r}" for name, value in values.items())),
        ("Programm", f"workbench {__version__}, Python {platform.python_version()}"),
        ("Pakete", ", ".join(f"{name} {version}" for name, version in _versions().items())),
    )
    return report.Context(
        source=origin["label"], as_of=style.date(origin["as_of"]).text, facts=facts
    )


def _origin(work: Path) -> dict[str, Any]:
    return json.loads((work / intake.ORIGIN).read_text(encoding="utf-8"))


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in VERSIONS_OF}


def _write_manifest(
    work: Path,
    checked: Parameters,
    verdicts: Mapping[str, bool],
    *,
    started: datetime,
    durations: Mapping[str, float],
) -> None:
    values = checked.model_dump(mode="json", exclude={"run_dir", "out"})
    values["transactions"] = _source_shown(checked.transactions)
    files = {
        str(path.relative_to(work)): {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(work.rglob("*"))
        if path.is_file() and path != work / intake.ORIGIN
    }
    manifest = {
        "data": _origin(work),
        "parameters": values,
        "seed": checked.seed,
        "versions": {"workbench": __version__, "python": platform.python_version()} | _versions(),
        "verdicts": dict(verdicts),
        "started": started.isoformat(timespec="seconds"),
        "host": platform.node(),
        "seconds": {name: round(value, 2) for name, value in durations.items()},
        "files": files,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (work / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _keep_failure(work: Path, failures: Sequence[Failure], *, reports: Path) -> Outcome:
    """Keep the broken notebooks and a page that names them beside the reports."""
    kept = reports / "failed"
    for path in (*work.glob("*.html"), work / "tables", work / intake.CUSTOMERS_FOLDER):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    page = report.render_failure(failures, context=report.Context(source="", as_of=""))
    (work / "index.html").write_text(page, encoding="utf-8")
    _publish(work, kept)
    named = "; ".join(f"{f.notebook}: {_first_line(f.message)}" for f in failures)
    return Outcome(BROKEN, kept / "index.html", f"nothing was published. {named}")


def _check_replaceable(target: Path) -> None:
    """Refuse to replace anything but an older report or an empty folder."""
    is_report = (target / "manifest.json").is_file() and (target / "index.html").is_file()
    if target.exists() and not is_report and (target.is_file() or any(target.iterdir())):
        raise ParameterError(f"out {target} is there already and no report; name another folder.")


def _publish(work: Path, target: Path) -> None:
    """Put a finished folder in the place of an older one."""
    for folder in (work, *(path for path in work.rglob("*") if path.is_dir())):
        folder.chmod(0o700 if folder.name == intake.CUSTOMERS_FOLDER.name else 0o755)
    older = work.with_name(work.name + "-older")
    if target.exists():
        target.rename(older)
    try:
        work.rename(target)
    except OSError:
        if older.exists():
            older.rename(target)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _reports() -> Path:
    return Path.cwd() / "reports"


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and return those that were not there, deepest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _environment() -> Iterator[None]:
    """Give the kernels one thread each and take the variables back afterwards."""
    before = {name: os.environ.get(name) for name in KERNEL_ENVIRONMENT}
    os.environ.update(KERNEL_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
