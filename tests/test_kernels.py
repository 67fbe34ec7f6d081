import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workbench import kernels, run

TOLD = """
import os, sys
import matplotlib
told = {
    "alone": os.getsid(0) == os.getpid(),
    "cwd": os.getcwd(),
    "given": os.environ.get("GIVEN"),
    "safe": os.environ.get("PYTHONSAFEPATH"),
    "hash": hash("workbench"),
    "path": [name for name in sys.path if name],
    "main": sorted(vars(sys.modules["__main__"]).keys() & {"pytest", "main"}),
    "backend": matplotlib.get_backend(),
}
raise KeyError(repr(told))
"""
SCRIPT = """
import os, sys, time
from workbench import kernels
print("once", flush=True)
kernels.manager([])
kernel = kernels.fork(["-f", os.path.abspath("k.json")], cwd="/", env=dict(os.environ))
while not os.path.exists("k.json"):
    assert kernel.poll() is None
    time.sleep(0.02)
print(kernel.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """One notebook that refuses to go on, and says where it is."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "notebooks"
    made.mkdir()
    cells = [
        new_code_cell('run_dir: str = ""', metadata={"tags": ["parameters"]}),
        new_code_cell(TOLD),
    ]
    spec = {"name": "python3", "display_name": "Python 3"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), made / "01_daten.ipynb")
    return made


@pytest.fixture
def server() -> None:
    with run._environment():
        if kernels.manager([]) is AsyncKernelManager:
            pytest.skip("kernels are forks on Linux alone")


def soon(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not happened() and time.monotonic() < end:
        time.sleep(0.02)
    return happened()


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, or waits for nothing but to be forgotten."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_only_what_a_notebook_imports_of_the_package_counts_and_a_broken_cell_is_left_out():
    cells = [
        new_markdown_cell("from workbench import run"),
        new_code_cell("from workbench import plots, labels as words\nimport numpy"),
        new_code_cell("from workbench import ("),
        new_code_cell("from workbench.outputs import KeyFigure\nfrom . import neighbour"),
    ]
    found = kernels.imported(new_notebook(cells=cells), package="workbench")
    assert found == ["workbench.plots", "workbench.labels", "workbench.outputs"]


def test_a_forked_kernel_is_where_and_what_it_would_be_alone(server, folder, monkeypatch):
    """It has the session, the folder, the environment and the search path of any kernel."""
    monkeypatch.setenv("GIVEN", "now")
    forked = run.run({}, folder=folder).message
    monkeypatch.setattr(kernels, "manager", lambda modules: AsyncKernelManager)
    alone = run.run({}, folder=folder).message
    assert "'alone': True" in forked and "'given': 'now'" in forked
    assert "'safe': None" in forked and "'main': []" in forked
    assert forked == alone


def test_a_system_without_a_fork_server_gets_kernels_as_usual(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert kernels.manager(["workbench.formats"]) is AsyncKernelManager


def test_where_the_server_does_not_answer_a_kernel_starts_as_usual(server, folder, monkeypatch):
    def refuse(*arguments, **others):
        raise EOFError

    monkeypatch.setattr(kernels, "fork", refuse)
    assert "'alone': True" in run.run({}, folder=folder).message


def test_kernels_started_at_once_leave_the_main_module_as_it_was(server, tmp_path):
    main = sys.modules["__main__"]

    def start(name: int) -> kernels.Fork:
        arguments = ["-f", str(tmp_path / f"{name}.json")]
        return kernels.fork(arguments, cwd=str(tmp_path), env=dict(os.environ))

    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(start, range(4)))
    for kernel in started:
        kernel.kill()
        kernel.wait()
    assert sys.modules["__main__"] is main


def test_a_kernel_ends_when_it_is_told_to(server, tmp_path):
    file = tmp_path / "connection.json"
    kernel = kernels.fork(["-f", str(file)], cwd=str(tmp_path), env=dict(os.environ))
    assert soon(file.is_file)
    assert kernel.poll() is None
    kernel.kill()
    assert kernel.wait() == kernel.poll() == -signal.SIGKILL
    kernel.terminate()


def test_who_is_killed_leaves_no_kernel_behind_and_his_script_was_run_once(server, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout.readline() == "once\n"
        pid = int(user.stdout.readline())
        assert not is_gone(pid)
        user.kill()
    assert soon(lambda: is_gone(pid))


def test_what_the_server_needs_is_not_left_in_the_environment(server):
    assert "PYTHONSAFEPATH" not in os.environ
