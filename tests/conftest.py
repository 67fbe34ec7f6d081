import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

CALIBRATION_END = pd.Timestamp("1997-09-30")
HOLDOUT_END = pd.Timestamp("1998-06-30")
HOLDOUT_DAYS = 273


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


def workbench_run(cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", "run", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory) -> Path:
    """The report of the embedded data set, made as a user would."""
    folder = tmp_path_factory.mktemp("run")
    done = workbench_run(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "reports" / "cdnow" / "index.html")
    return folder / "reports" / "cdnow"
