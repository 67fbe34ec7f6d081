"""The notebooks in order, through papermill, into one folder that appears whole or not at all."""

from __future__ import annotations

import ast
import itertools
import json
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from workbench import campaign_gate, intake, kernels, labels, parameters, publication, runfolder
from workbench.parameters import Parameters
from workbench.report import Failure, Page
from workbench.schema import ParameterError

PUBLISHED, VERDICT_FAILED, REFUSED, BROKEN = 0, 1, 2, 3
FIRST = "01_daten"
# It joins what the others wrote of each customer, so that it waits for them.
LAST = ("05_massnahmen",)
# Data that a notebook refuses are the user's affair; everything else that it raises is ours.
REFUSALS = frozenset({"DataError", "LacksColumns", "ParameterError", "TooMuchLost"})
CELL_TIMEOUT_SECONDS = 900
START_TIMEOUT_SECONDS = 120
KERNEL = "python3"
ENGINE = "nbclient-saved-once"
# One thread per kernel: two notebooks side by side fight over the cores otherwise.
KERNEL_ENVIRONMENT = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}

Progress = Callable[[str, int, int], None]


class SavedOnce(NBClientEngine):
    """Papermill's own engine, but for the notebook being written at its end alone.

    Papermill writes the whole notebook before and after each cell, which costs
    more than most cells do. Nobody reads it before the run is over.
    """

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, **kwargs: Any
    ) -> None:
        """Run the cells while the manager knows no file to write to."""
        path, nb_man.output_path = nb_man.output_path, None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        finally:
            nb_man.output_path = path


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
    intake.check_sources(getattr(checked, name) for name in (*intake.SOURCES, "query"))
    chosen = [FIRST, *_choose(only, declared)]
    campaign_gate.check_groups(checked.campaign_groups)
    unknown = [name for name in checked.fatal if name not in labels.VERDICTS]
    if unknown:
        raise ParameterError(f"fatal names {unknown}; the verdicts are {list(labels.VERDICTS)}.")

    target = Path(checked.out).expanduser().absolute() if checked.out else None
    if target:
        runfolder.check_replaceable(target)
    reports = target.parent if target else Path.cwd() / "reports"
    with runfolder.work_folder(reports) as work:
        started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        with _environment():
            kernel_manager = kernels.manager(_modules(folder, chosen))
            seconds, ends = _execute_all(
                *(chosen, declared, checked, folder, work, progress),
                *(cell_timeout_seconds, kernel_manager),
            )
        refusals = [end for end in ends if isinstance(end, Refusal)]
        if refusals:
            return Outcome(REFUSED, None, refusals[0].message)
        failures = [end for end in ends if isinstance(end, Failure)]
        seconds["notebooks"] = time.monotonic() - clock
        pages: list[Page] = []
        if not failures:
            pages, failures = _write(work, chosen, checked, declared)
        if failures:
            return _keep_failure(work, failures, kept=runfolder.free_name(reports / "failed"))

        verdicts = {
            verdict["name"]: verdict["passed"] for page in pages for verdict in page.verdicts
        }
        seconds["all"] = time.monotonic() - clock
        publication.write_manifest(
            work, checked, verdicts=verdicts, started=started, seconds=seconds
        )
        target = target or reports / publication.read_origin(work)["name"]
        runfolder.check_replaceable(target)
        for name in intake.PASSING:
            (work / name).unlink(missing_ok=True)
        runfolder.publish(work, target)
    failed = publication.failed_verdicts(pages, fatal=checked.fatal)
    text = f"published, but the fatal verdict {', '.join(failed)} was not passed or not reached."
    status = VERDICT_FAILED if failed else PUBLISHED
    return Outcome(status, target / "index.html", text if failed else "")


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
    manager: type[AsyncKernelManager],
) -> tuple[dict[str, float], list[Failure | Refusal]]:
    """Run 01, then the others two at a time, then `LAST`; who fails does not stop the others."""
    durations: dict[str, float] = {}

    def execute(stem: str) -> Failure | Refusal | None:
        begin = time.monotonic()
        values = _changed_values(checked, declared[stem]) | {"run_dir": str(work)}
        try:
            return _execute(folder / f"{stem}.ipynb", work, values, progress, timeout, manager)
        finally:
            durations[stem] = time.monotonic() - begin

    (work / "notebooks").mkdir()
    first = execute(chosen[0])
    if first is not None:
        return durations, [first]
    # The later notebooks take longer; started first, they leave no thread idle at the end.
    at_once = [stem for stem in reversed(chosen[1:]) if stem not in LAST]
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(execute, at_once))
    results += [execute(stem) for stem in chosen if stem in LAST]
    return durations, [end for end in results if end is not None]


def _modules(folder: Path, stems: Sequence[str]) -> list[str]:
    """Return what of this package notebooks import, each module once."""
    notebooks = (nbformat.read(folder / f"{stem}.ipynb", as_version=4) for stem in stems)
    found = (kernels.imported(notebook, package=__package__) for notebook in notebooks)
    return list(dict.fromkeys(itertools.chain.from_iterable(found)))


def _execute(
    path: Path,
    work: Path,
    values: Mapping[str, Any],
    progress: Progress,
    timeout: int,
    manager: type[AsyncKernelManager],
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
    papermill_engines.register(ENGINE, SavedOnce)
    failure = None
    try:
        papermill.execute_notebook(
            str(path),
            str(output),
            parameters=dict(values),
            engine_name=ENGINE,
            kernel_name=KERNEL,
            progress_bar=False,
            autosave_cell_every=0,
            record_timing=False,
            execution_timeout=timeout,
            start_timeout=START_TIMEOUT_SECONDS,
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            kernel_manager_class=manager,
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
        _clean(output)
    progress(stem, cells, cells)
    return failure


def _changed_values(checked: Parameters, names: Iterable[str]) -> dict[str, Any]:
    defaults = Parameters()
    return {
        name: getattr(checked, name)
        for name in names
        if getattr(checked, name) != getattr(defaults, name)
    }


def _clean(path: Path) -> None:
    """Take out of an executed notebook what differs between two equal runs, and the paths."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.source = _without_paths(cell.source)
    nbformat.write(notebook, path)


def _without_paths(source: str) -> str:
    """Write the injected parameters again, without the folders above the data and the run."""
    lines = []
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Assign):
            continue
        name, value = statement.targets[0].id, ast.literal_eval(statement.value)
        value = ".." if name == "run_dir" else publication.values_shown({name: value})[name]
        is_text = isinstance(value, str)
        written = json.dumps(value, ensure_ascii=False) if is_text else repr(value)
        lines.append(f"{name} = {written}")
    return "\n".join(["# Parameters", *lines])


def _write(
    work: Path, chosen: Sequence[str], checked: Parameters, declared: Mapping[str, list[str]]
) -> tuple[list[Page], list[Failure]]:
    """Write pages, tables and scores; whatever breaks here is a fault of ours and is kept."""
    try:
        names = {name for stem in chosen for name in declared[stem]}
        context = publication.make_context(work, checked, declared=names)
        pages = publication.write_pages(
            work, stems=chosen, context=context, locale=checked.locale, fatal=checked.fatal
        )
        publication.join_scores(work, stems=chosen)
        return pages, publication.held_back(work, pages=pages, environment=os.environ)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return [], [Failure("report", "", "exception", message, traceback.format_exc())]


def _keep_failure(work: Path, failures: Sequence[Failure], *, kept: Path) -> Outcome:
    publication.write_failure(work, failures)
    runfolder.publish(work, kept)
    named = "; ".join(f"{f.notebook}: {_first_line(f.message)}" for f in failures)
    return Outcome(BROKEN, kept / "index.html", f"nothing was published. {named}")


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


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no message"
