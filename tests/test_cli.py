from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench import cli

GOOD = "customer_id,date,amount\n00123,2024-01-05,10.50\n00123,2024-03-01,20\nb,2024-02-01,5\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str):
    return CliRunner().invoke(cli.main, list(arguments))


def test_check_prints_what_a_source_holds_in_english(folder):
    (folder / "shop.csv").write_text(GOOD)
    done = call("check", "shop.csv")
    assert done.exit_code == 0
    assert "customers  2" in done.output
    assert "orders     3, 2024-01-05 to 2024-03-01" in done.output
    assert "revenue    35.50 EUR" in done.output
    assert "kept" in done.output
    assert "ä" not in done.output


def test_check_of_the_embedded_data_gives_its_facts():
    done = call("check", "dataset:cdnow")
    assert done.exit_code == 0
    for fact in ("69659 rows", "customers  23570", "orders     67591", "2500315.63 USD"):
        assert fact in done.output


BAD_FILES = {
    "nothing.csv": ("", "is empty"),
    "head.csv": ("customer_id,date,amount\n", "no data rows|no transactions|header"),
    "names.csv": ("cust,date,amount\na,2024-01-01,1\n", r"lacks \['customer_id'\]; it has"),
    "negative.csv": ("customer_id,date,amount\na,2024-01-01,-1\n", "all 1 amounts are negative"),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("name", [*BAD_FILES, "missing.csv"])
def test_bad_files_are_refused_with_one_sentence_and_nothing_is_written(folder, command, name):
    import re

    text, message = BAD_FILES.get(name, (None, "does not exist"))
    if text is not None:
        (folder / name).write_text(text)
    before = sorted(folder.iterdir())
    arguments = ["check", name] if command == "check" else ["run", "--transactions", name]
    done = call(*arguments)
    assert done.exit_code == 2
    complaint = [line for line in done.output.splitlines() if line.startswith("workbench: ")]
    assert len(complaint) == 1
    assert re.search(message, complaint[0])
    assert "Traceback" not in done.output
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "horizont_days", "3"], "parameter horizont_days is unknown. Did you mean horizon_"),
        (["-p", "horizon_days", "drei"], "parameter horizon_days='drei' is no whole number"),
        (["-p", "annual_discount_rate", "0,1"], "annual_discount_rate='0,1' is no number"),
        (["-p", "as_of", "31.12.2025"], "as_of='31.12.2025' is no ISO date"),
        (["-p", "run_dir", "x"], "parameter run_dir is unknown"),
        (["-p", "fatal", "[clv]"], r"fatal names ['clv']; the verdicts are"),
        (["-p", "columns", "{customer: x"], "is no valid YAML"),
        (["--only", "07"], "notebook '07' is unknown"),
        (["nowhere.yml"], "configuration nowhere.yml does not exist"),
    ],
)
def test_bad_parameters_are_refused_before_a_kernel_starts(folder, arguments, message):
    done = call("run", *arguments)
    assert done.exit_code == 2
    assert done.output.startswith("workbench: ")
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_given_parameters_win_over_the_configuration(folder, monkeypatch):
    from workbench import run

    (folder / "shop.yml").write_text("as_of: 2024-06-30\nk: 7\ntransactions: shop.csv\n")
    seen = {}
    monkeypatch.setattr(
        run, "run", lambda values, **_: seen.update(values) or run.Outcome(0, Path("x"), "")
    )
    done = call("run", "shop.yml", "-p", "k", "9", "--out", "there")
    assert done.exit_code == 0
    assert seen == {
        "as_of": "2024-06-30",
        "k": "9",
        "transactions": "shop.csv",
        "out": "there",
    }
    assert done.output.strip() == "x"


def test_help_names_the_two_commands():
    done = call("--help")
    assert done.exit_code == 0
    assert "check" in done.output
    assert "run" in done.output
