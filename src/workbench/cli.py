"""The command line: `workbench run`, `workbench check` and `workbench export`."""

from __future__ import annotations

import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench import __version__
from workbench.parameters import Parameters, as_of_day, check, read_config, read_value
from workbench.schema import DataError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

PARAMETER = click.option(
    "-p",
    "given",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="a notebook parameter; may be repeated",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Turn a table of purchases into a German report on the customers."""


@main.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--transactions", metavar="X", help="a file, a folder, a database or dataset:NAME")
@click.option("--out", metavar="DIR", help="folder of the report; else reports/NAME")
@PARAMETER
@click.option("--only", multiple=True, metavar="NUMBER", help="01 and this notebook; repeatable")
def run(
    config: Path | None,
    transactions: str | None,
    out: str | None,
    given: tuple[tuple[str, str], ...],
    only: tuple[str, ...],
) -> None:
    """Run the notebooks and publish the report.

    CONFIG is a flat YAML of notebook parameters. Exit status: 0 published,
    1 published but a fatal verdict failed, 2 refused, 3 broken.
    """
    # Ended from outside, a run cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from workbench import run as runner  # papermill and nbconvert take a second to import

    try:
        values = read_config(config) if config else {}
        values |= {name: read_value(name, text) for name, text in given}
        values |= {"transactions": transactions} if transactions is not None else {}
        values |= {"out": out} if out is not None else {}
        progress = _bar if sys.stderr.isatty() else _lines
        outcome = runner.run(values, only=only, progress=progress)
    except (ParameterError, DataError) as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or 'the folder of the report'}: {error.strerror or error}.")
    except KeyboardInterrupt:
        click.echo("workbench: interrupted; nothing was published.", err=True)
        sys.exit(130)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    if outcome.message:
        click.echo(f"workbench: {outcome.message}", err=True)
    if outcome.path:
        click.echo(outcome.path)
    sys.exit(outcome.status)


@main.command("check")
@click.argument("x", metavar="X")
@PARAMETER
def check_source(x: str, given: tuple[tuple[str, str], ...]) -> None:
    """Read a transaction source and print what it holds and what a run would drop.

    Exit status 0 if a run would take it, 2 if not.
    """
    from workbench import intake, orders  # DuckDB and pandas take most of a second to import

    try:
        values = {name: read_value(name, text) for name, text in given} | {"transactions": x}
        checked = check(values, declared=Parameters.model_fields)
        reading = intake.read(
            checked.transactions,
            query=checked.query,
            columns=checked.columns,
            dialect=checked.dialect,
            tables={name: getattr(checked, name) for name in intake.TABLES},
            labelled_columns=checked.labelled_columns,
            labelled_without=checked.labelled_without,
            as_of=as_of_day(checked.as_of),
            currency=checked.currency,
            returns=checked.returns,
            duplicates=checked.duplicates,
            max_loss=checked.max_loss,
            # Nothing that is printed here speaks of one customer, so no key need be made.
            pseudonymise="off",
        )
    except (ParameterError, DataError) as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{x}: {error.strerror or error}.")
    found = orders.extent(reading.base.stored)
    click.echo(f"source     {reading.base.label} ({reading.n_rows} rows)")
    span = f"{found.first_day:%Y-%m-%d} to {found.last_day:%Y-%m-%d}"
    click.echo(f"customers  {found.customers}")
    click.echo(f"orders     {found.purchases}, {span}")
    click.echo(f"revenue    {found.revenue:.2f} {reading.base.currency}")
    click.echo(f"as of      {reading.base.as_of:%Y-%m-%d}")
    if reading.facts:
        click.echo("\nhow it is written\n" + "\n".join(fact.text for fact in reading.facts))
    click.echo("\nfrom what was read to what was kept\n" + _table(reading.balance))
    click.echo("\ncounts, which overlap\n" + _table(reading.counts))
    for name, companion in reading.companions.items():
        click.echo(f"\n{name}: {companion.label}")
        for fact in companion.facts:
            click.echo(fact.text)
        click.echo(_table(companion.balance))
        click.echo(_table(companion.checks))


@main.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--crm", required=True, metavar="NAME", help="salesforce, hubspot, pipedrive, excel")
@click.option("--keys", default="", metavar="X", help="customer_id with crm_id, email or name")
@click.option(
    "--columns", default="", metavar="MAP", help="our names of the columns of X to theirs"
)
@click.option(
    "--channel", default="", metavar="NAME", help="who may be contacted: email, phone, post"
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="else exports/...")
def export(run: Path, crm: str, keys: str, columns: str, channel: str, out: Path | None) -> None:
    """Write what a finished run says of each customer as a CRM imports it.

    RUN is the folder of a report. Customer numbers stand in these files: they
    are for their owner alone and never go into the report. Exit status 0 if
    written, 2 if refused and nothing was written.
    """
    from workbench import crm_export

    try:
        names = read_value("columns", columns) if columns else {}
        done = crm_export.export(run, crm=crm, keys=keys, columns=names, channel=channel, out=out)
    except (ParameterError, DataError) as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or run}: {error.strerror or error}.")
    click.echo(f"customers  {done.rows}")
    for label, n in zip(done.left_out["label"], done.left_out["customers"], strict=True):
        click.echo(f"left out   {n}: {label}")
    click.echo(done.folder)


def _table(table: pd.DataFrame) -> str:
    """Write a balance or counts, leaving out what is empty."""
    shown = table.drop(columns="label")
    if "n_rows" in shown:
        shown = shown[(shown["n_rows"] > 0) | shown["reason"].isin(["read", "kept"])]
    shown = shown[[name for name in shown if (shown[name].astype(str) != "").any()]]
    written = {
        "amount": lambda money: "" if math.isnan(money) else f"{money:.2f}",
        "share": lambda share: f"{share:.4f}",
    }
    return shown.to_string(index=False, formatters=written)


def _refuse(message: str) -> None:
    click.echo(f"workbench: {message}", err=True)
    sys.exit(2)


def _bar(stem: str, done: int, cells: int) -> None:
    width = 30
    filled = width * done // cells
    click.echo(
        f"\r\x1b[K{stem:<16} [{'#' * filled:<{width}}] {done}/{cells} cells", err=True, nl=False
    )


def _lines(stem: str, done: int, cells: int) -> None:
    if done in (0, cells):
        click.echo(f"{stem}: {'started' if done == 0 else 'finished'}", err=True)


if __name__ == "__main__":
    main()
