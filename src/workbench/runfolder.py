"""The folder of a run on disk: made beside its place, put there whole, or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.schema import ParameterError

PRIVATE = "customers"


def check_replaceable(target: Path) -> None:
    """Refuse to replace anything but a report as it was published, or an empty folder.

    Raises
    ------
    ParameterError
        If something else is at `target`, or files were added to a report there.
    """
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise ParameterError(f"{target} is a file, not the folder of a report; move it away.")
    files = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    extra = sorted(files - _listed(target / "manifest.json"))
    if extra:
        raise ParameterError(
            f"{target} is there already and no report as it was published: it holds {extra[0]}. "
            "Name another folder with out, or move that file away."
        )


def free_name(folder: Path) -> Path:
    """Return the folder's name, with a number behind it where it is taken."""
    names = (folder, *(folder.with_name(f"{folder.name}-{n}") for n in range(2, 10_000)))
    return next(path for path in names if not path.exists())


def _listed(manifest: Path) -> set[str]:
    """Files that a manifest of ours names, itself included; none where it is not ours."""
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        return {*content["files"], manifest.name} if "verdicts" in content else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


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
