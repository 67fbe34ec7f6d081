"""Kernels that start as forks of one process, which has imported what the notebooks need.

Most of a short notebook is spent on starting Python and on imports; multiprocessing's forkserver
does both once. Where there is none, kernels start as Jupyter starts them.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager

LAUNCHER = "ipykernel_launcher"
OF_KERNELS = ("ipykernel.kernelapp", "ipykernel.ipkernel")
# A kernel does not import from the folder it is started in, and matplotlib must know of
# Jupyter's back end before it is imported.
OF_SERVER = {"PYTHONSAFEPATH": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
# Of the server, where this is imported before a kernel is forked.
SEARCH_PATH = tuple(sys.path)
_one_at_a_time = threading.Lock()


def imported(notebook: nbformat.NotebookNode, *, package: str) -> list[str]:
    """Return the modules of a package that a notebook imports from it, in their order.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> cells = [new_code_cell("from shop import till, door"), new_code_cell("import os")]
    >>> imported(new_notebook(cells=cells), package="shop")
    ['shop.till', 'shop.door']
    """
    found = {}
    for cell in notebook.cells:
        with contextlib.suppress(SyntaxError):
            body = ast.parse(cell.source).body if cell.cell_type == "code" else []
            for line in (line for line in body if isinstance(line, ast.ImportFrom)):
                names = [alias.name for alias in line.names] if line.module == package else [""]
                found |= {f"{line.module}.{name}".rstrip("."): None for name in names}
    return [name for name in found if name.startswith(f"{package}.")]


def manager(modules: Iterable[str]) -> type[AsyncKernelManager]:
    """Return the class of kernel managers whose kernels find modules imported.

    Parameters
    ----------
    modules : iterable of str
        Imported once, unless an earlier run in this process has chosen others: then kernels
        import themselves what is missing.
    """
    # On macOS a fork of a process that has used the system's libraries may crash.
    if sys.platform != "linux" or "forkserver" not in multiprocessing.get_all_start_methods():
        return AsyncKernelManager
    forkserver.set_forkserver_preload([__name__, *OF_KERNELS, *modules])
    before = {name: os.environ.get(name) for name in OF_SERVER}
    os.environ.update({name: os.environ.get(name, value) for name, value in OF_SERVER.items()})
    try:
        forkserver.ensure_running()
    finally:
        for name in (name for name, value in before.items() if value is None):
            del os.environ[name]
    return ForkManager


class ForkManager(AsyncKernelManager):
    """A manager whose kernel is a fork of the server."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        """Fork a kernel; one that is no Python, or a server that has died, starts it as usual."""
        forked = None
        if LAUNCHER in kernel_cmd:
            arguments = kernel_cmd[kernel_cmd.index(LAUNCHER) + 1 :]
            cwd, env = str(kw.get("cwd") or os.getcwd()), dict(kw.get("env") or os.environ)
            with contextlib.suppress(EOFError, OSError):
                forked = fork(arguments, cwd=cwd, env=env)
        if forked is None:
            await super()._async_launch_kernel(kernel_cmd, **kw)
            return
        provisioner = self.provisioner
        # A session of its own makes it the leader of a group with the same number.
        provisioner.pid = provisioner.pgid = forked.pid
        provisioner.process, provisioner.cwd = forked, cwd
        self._reconcile_connection_info(provisioner.connection_info)


class Fork:
    """A forked process with what Jupyter asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, process: ForkServerProcess) -> None:
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for its end."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def fork(arguments: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> Fork:
    """Start a kernel as a fork of the server.

    Parameters
    ----------
    arguments : sequence of str
        Those of ipykernel's launcher.
    cwd : str
        Its working folder.
    env : mapping of str to str
        Its whole environment.

    Raises
    ------
    EOFError, OSError
        If the server does not answer.
    """
    process = ForkServerProcess(target=_become_kernel, args=(arguments, cwd, env))
    # Multiprocessing would run the script that runs here again in the fork.
    with _one_at_a_time:
        main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main
    return Fork(process)


def _become_kernel(arguments: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
    """Make this fork a kernel like any other, and run it."""
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.path[:] = SEARCH_PATH
    # The variable that tells a kernel of its parent was read by the import.
    sys.argv = [LAUNCHER, *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    from ipykernel import kernelapp

    try:
        kernelapp.launch_new_instance()
    finally:
        # Multiprocessing leaves without them, and temporary folders would stay.
        atexit._run_exitfuncs()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
