"""The folder of a run on disk: made beside its place, put there whole, or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.schema import ParameterError

PRIVATE = "customers"


def check_replaceable(target: Path) -> None:
    """Refuse to replace anything but an older report or an empty folder.

    Raises
    ------
    ParameterError
        If something else is at `target`.
    """
    is_report = (target / "manifest.json").is_file() and (target / "index.html").is_file()
    if target.exists() and not is_report and (target.is_file() or any(target.iterdir())):
        raise ParameterError(f"out {target} is there already and no report; name another folder.")


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Make a private folder for a run in progress, and leave no trace of it.

    Folders above that had to be made go too, unless something was put there.
    """
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".run-", dir=parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def publish(work: Path, target: Path) -> None:
    """Put a finished folder in the place of an older one, which stays until then."""
    for folder in (work, *(path for path in work.rglob("*") if path.is_dir())):
        folder.chmod(0o700 if folder.name == PRIVATE else 0o755)
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
