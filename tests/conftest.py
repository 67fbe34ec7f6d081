import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

# No test makes a key in the settings of who runs it.
os.environ["WORKBENCH_KEY"] = "5a" * 32

CALIBRATION_END = pd.Timestamp("1997-09-30")
HOLDOUT_END = pd.Timestamp("1998-06-30")
HOLDOUT_DAYS = 273
# Files that take long go first, so that no worker is left alone with one at the end; those that
# need no run of their own before the browser, which would wait for the first run of test_run.
LONGEST = ("test_run.py", "02_segmentierung.ipynb", "04_churn.ipynb", "03_clv.ipynb")
LONGEST += ("test_returns.py", "test_messy.py", "test_browser.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; within a file the order stays."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


def _cdnow(name: str, columns: list[str], *, header_lines: int) -> pd.DataFrame:
    spec = importlib.util.find_spec("lifetimes")
    folder = Path(spec.submodule_search_locations[0]) / "datasets"
    lines = pd.read_csv(folder / name, sep=r"\s+", names=columns, skiprows=header_lines, dtype=str)
    lines["date"] = pd.to_datetime(lines["date"], format="%Y%m%d")
    lines["amount"] = lines["amount"].astype(float)
    return lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()


@pytest.fixture(scope="session")
def sample_orders() -> pd.DataFrame:
    """CDNOW's 1/10 sample, one row per customer and day."""
    return _cdnow(
        "CDNOW_sample.txt", ["master_id", "customer_id", "date", "cds", "amount"], header_lines=0
    )


@pytest.fixture(scope="session")
def master_orders() -> pd.DataFrame:
    """CDNOW's full master, one row per customer and day."""
    return _cdnow("CDNOW_master.txt", ["customer_id", "date", "cds", "amount"], header_lines=1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real and nasty data beside the project; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder shared/ with real data is not beside the project")
    return folder


@pytest.fixture(scope="session")
def hillstrom(shared) -> pd.DataFrame:
    """64,000 customers of an e-mail test by lot (Hillstrom 2008), numbered; not to be changed."""
    table = pd.read_csv(shared / "data" / "hillstrom_email_2008.csv")
    table.index = pd.Index([f"{i:05d}" for i in table.index], name="customer_id")
    return table


def workbench_run(cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the command as a user does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", "run", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def workbench_here(cwd: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command in this process, which need not import everything again."""
    from workbench import cli

    with contextlib.chdir(cwd):
        done = CliRunner().invoke(cli.main, ["run", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def _made_once(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker who asks for it makes, and the others wait for."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / name, base / f"{name}-done"
    with (base / f"{name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory) -> Path:
    """The report of the embedded data set, made as a user would; not to be changed."""

    def make(folder: Path) -> None:
        done = workbench_run(folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == str(folder / "reports" / "cdnow" / "index.html")

    return _made_once(tmp_path_factory, "run", make) / "reports" / "cdnow"


@pytest.fixture(scope="session")
def beispiel(tmp_path_factory) -> Path:
    """The report of Musterhandel, all its tables, contracts, a labelled set; not to be changed."""

    def make(folder: Path) -> None:
        _write_contracts_and_labels(folder)
        done = workbench_run(
            folder,
            *("--transactions", "dataset:beispiel", "-p", "pseudonymise", "on"),
            *("-p", "contracts", "vertraege.csv", "-p", "labelled", "liste.csv"),
            *("-p", "labelled_columns", "{customer_id: Nr, label: Antwort}"),
            *("-p", "purpose", "Kundenbindung", "-p", "legal_basis", "berechtigtes Interesse"),
        )
        assert done.returncode == 0, done.stderr

    return _made_once(tmp_path_factory, "beispiel", make) / "reports" / "beispiel"


def _write_contracts_and_labels(folder: Path) -> None:
    """Give Musterhandel contracts, which end sooner for who buys less, and a list of answers."""
    shop = Path(__file__).resolve().parents[1] / "data" / "beispiel" / "transaktionen.csv"
    lines = pd.read_csv(shop, sep=";", dtype=str, encoding="utf-8-sig").dropna(subset=["kunde_id"])
    days = pd.to_datetime(lines["datum"], format="%d.%m.%Y").groupby(lines["kunde_id"])
    first, n = days.min(), days.ngroups
    chance = np.random.default_rng(11)
    life = np.ceil(chance.exponential(np.where(days.nunique() > 4, 2000, 250)))
    end = first + pd.to_timedelta(life, unit="D")
    pd.DataFrame(
        {
            "kunde_id": first.index,
            "beginn": first.dt.strftime("%d.%m.%Y"),
            "ende": end.dt.strftime("%d.%m.%Y").where(end <= "2025-12-31", ""),
            "tarif": chance.choice(["Basis", "Plus"], n),
            "kuendigungsgrund": chance.choice(["Preis", "Umzug"], n),
        }
    ).to_csv(folder / "vertraege.csv", sep=";", index=False)
    answers = first.index[:200]
    money = chance.gamma(2.0, 30.0, len(answers)).round(2)
    answered = chance.random(len(answers)) < np.where(money > 50, 0.7, 0.2)
    pd.DataFrame(
        {
            "Nr": answers,
            "Antwort": answered.astype(int),
            "revenue": money,
            "segment": chance.choice(["Alt", "Neu"], len(answers)),
        }
    ).to_csv(folder / "liste.csv", index=False)


class Postgres(NamedTuple):
    """A server on this machine: its address without a password, and the password."""

    address: str
    password: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of its own on the loopback; tests skip where it is not installed."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), shutil.which("initdb")]
    if found[0] is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    programs = Path(found[-2] if len(found) > 1 else found[0]).resolve().parent
    with tempfile.TemporaryDirectory(prefix="postgres-") as name, socket.socket() as probe:
        folder, password = Path(name), secrets.token_urlsafe(16)
        (folder / "password").write_text(password)
        become = []
        if os.geteuid() == 0:
            # The server refuses to run as root.
            user = pwd.getpwnam("nobody")
            become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
            become.append("--clear-groups")
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [*become, programs / program, "--pgdata", folder / "data", *arguments],
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=60,
            )

        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(
            "initdb",
            *("--username=workbench", "--pwfile=password", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
        )
        run("pg_ctl", "start", "--wait", "--log=log", f"--options={settings}")
        try:
            yield Postgres(f"postgresql://workbench@127.0.0.1:{port}/postgres", password)
        finally:
            run("pg_ctl", "stop", "--mode=immediate")
