"""Run the notebooks on their defaults and store the key figures that nbval holds.

Everything else is stripped: outputs, execution counts, and what papermill leaves behind.
"""

import tempfile
from pathlib import Path

import nbformat
import papermill

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
KEPT = "nbval-check-output"


def store(path: Path) -> None:
    """Run one notebook and write it back with the outputs of its check cells alone."""
    with tempfile.TemporaryDirectory() as folder:
        done = Path(folder) / path.name
        papermill.execute_notebook(str(path), str(done), kernel_name="python3", progress_bar=False)
        executed = nbformat.read(done, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    for cell, run in zip(notebook.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            kept = KEPT in cell.metadata.get("tags", [])
            cell.outputs = run.outputs if kept else []
            cell.execution_count = run.execution_count if kept else None
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = cell.execution_count
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for notebook_path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        store(notebook_path)
