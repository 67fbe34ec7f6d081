"""Nasty files as a shop may send them: the customers and the sum that must come out, or a refusal.

The files and what is wrong with them stand in the manifest beside them.
"""

import csv
import itertools
import json
import math
import re
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import workbench_here

from workbench import (
    cli,
    intake,
    periods,
    published_model,
    purchase_models,
    revenue_bridge,
    second_opinion,
    summary,
)
from workbench import returns as settling
from workbench.schema import NotIdentified

COLUMNS = {
    "03_semicolon_decimal_comma.csv": (
        "{customer_id: Kundennummer, date: Bestelldatum, amount: Betrag, order_id: Bestellnr}"
    ),
    # Names are never guessed: this one is asked for as it is.
    "11_wrong_columns.csv": "{}",
}
REFUSALS = {
    "07_duplicate_header.csv": r"'amount'",
    "09_empty_file.csv": r"09_empty_file.csv is empty: it has 0 bytes",
    "10_header_only.csv": r"has a header but no",
    "11_wrong_columns.csv": r"lacks \['customer_id', 'date', 'amount'\].*\"customer_id\": \"cust\"",
    "12_ragged_rows.csv": r"line 51\b.*line 121\b",
    "17_negative_amounts_only.csv": r"no purchases: all 218 amounts.*returns_sign",
    "34_mixed_date_formats.csv": r"ambiguous, written in more than one way.*dd/mm/yyyy.*line \d+",
}
FILES = 21


@pytest.fixture
def manifest(shared) -> list[dict[str, str]]:
    with (shared / "data" / "messy" / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def columns_of(name: str) -> str:
    return COLUMNS.get(name, "{date: order_date}")


def check(path, *more: str):
    arguments = ["check", str(path), "-p", "columns", columns_of(path.name), *more]
    return CliRunner().invoke(cli.main, arguments)


def test_every_file_gives_the_customers_and_the_sum_of_the_manifest_or_a_refusal(
    manifest, shared, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert len(manifest) == FILES
    for row in manifest:
        path = shared / "data" / "messy" / row["file"]
        done = check(path)
        if row["expected"] == "reject":
            assert done.exit_code == 2, row["file"]
            assert done.output.startswith("workbench: ")
            assert re.search(REFUSALS[row["file"]], done.output, re.DOTALL), done.output
            assert "Traceback" not in done.output
        else:
            assert done.exit_code == 0, done.output
            assert f"customers  {row['customers_after']}\n" in done.output
            assert abs(kept_of(path) - float(row["sum_amount_after"])) < 0.005, row["file"]
    assert list(tmp_path.iterdir()) == []


def kept_of(path) -> float:
    columns = dict(re.findall(r"(\w+): (\w+)", columns_of(path.name)))
    reading = intake.read(str(path), columns=columns, pseudonymise="off")
    return float(reading.base.orders["amount"].sum())


@pytest.mark.parametrize(
    ("name", "reason", "n_rows", "lines"),
    [
        ("08_header_repeated_midfile.csv", "repeated_header", 2, "102, 203"),
        ("20_bad_amounts.csv", "amount_not_a_number", 8, "22, 47, 72, 97, 122"),
        ("25_missing_customer_ids.csv", "missing_customer", 12, None),
        ("37_duplicated_rows.csv", "duplicate", 32, None),
    ],
)
def test_what_is_dropped_is_counted_with_its_lines(shared, name, reason, n_rows, lines):
    path = shared / "data" / "messy" / name
    balance = intake.read(str(path), columns={"date": "order_date"}, pseudonymise="off").balance
    row = balance.set_index("reason").loc[reason]
    assert row["n_rows"] == n_rows
    assert lines is None or row["first_lines"] == lines


UCI = {
    "customer_id": "CustomerID",
    "date": "InvoiceDate",
    "order_id": "InvoiceNo",
    "product_id": "StockCode",
    "quantity": "Quantity",
    "unit_price": "UnitPrice",
}


# test_returns holds Online Retail to the cent under the other policies too.
@pytest.mark.parametrize(
    ("name", "returns"),
    [
        *itertools.product(["cdnow", "beispiel"], settling.POLICIES),
        ("online_retail_uci.parquet", "net"),
    ],
)
def test_rows_and_cents_add_up_on_every_data_set(shared, name, returns):
    is_file = name.endswith(".parquet")
    x = str(shared / "data" / name) if is_file else f"dataset:{name}"
    reading = intake.read(x, columns=UCI if is_file else {}, returns=returns)
    first, rest = reading.balance.iloc[0], reading.balance.iloc[1:]
    assert first["n_rows"] == rest["n_rows"].sum()
    assert round(first["amount"] * 100) == round(rest["amount"].sum() * 100)
    kept = rest.loc[rest["reason"] == "kept", "amount"].item()
    assert round(reading.base.orders["amount"].sum() * 100) == round(kept * 100)
    if returns in ("net", "same_day"):
        money = rest.set_index("reason")["amount"]
        assert (money[["return_day", "order_returned", "return_settled"]] == 0).all()

    compared = periods.choose(reading.base.first_day, as_of=reading.base.as_of)
    found = revenue_bridge.bridge(reading.base.stored, periods=compared)
    money = [found.before, *found.parts["change"].tolist(), -found.now]
    assert sum(Decimal(repr(amount)) for amount in money) == 0
    assert found.now > 0


def test_check_prints_every_figure_known_of_online_retail(shared):
    columns = json.dumps(UCI)
    path = shared / "data" / "online_retail_uci.parquet"
    done = CliRunner().invoke(cli.main, ["check", str(path), "-p", "columns", columns])
    assert done.exit_code == 0, done.output
    for line in (
        r"read +541909 ",
        r"missing_customer +135080 ",
        r"purchases_without_customer +132220 +1755276\.64",
        r"cancellations +9288 ",
        r"duplicate_rows_read +5268 ",
        r"purchases +397884 +8911407\.90",
        r"customers_with_purchases +4338 ",
        r"receipts_of_purchases +18532 ",
        r"rows_usable +406829 +8300065\.81",
    ):
        assert re.search(rf"^ *{line}", done.output, re.MULTILINE), line


DAY = pd.Timestamp("2011-06-08")


def test_on_online_retail_dropout_is_not_identified_and_the_optimum_is_that_of_nbd(shared):
    # A purchase is a customer's day whose lines, cancellations included, sum to more than zero.
    path = shared / "data" / "online_retail_uci.parquet"
    orders = duckdb.sql(
        f"""
        SELECT CustomerID::BIGINT::TEXT AS customer_id, InvoiceDate::DATE::TIMESTAMP AS date,
               sum(Quantity * UnitPrice) AS amount
        FROM '{path}' WHERE CustomerID IS NOT NULL GROUP BY ALL
        HAVING round(sum(Quantity * UnitPrice), 2) > 0
        """
    ).df()
    orders["customer_id"] = orders["customer_id"].astype("str")
    people = summary.summarise(orders, as_of=DAY)
    groups = summary.profiles(people)
    assert len(people) == 2784
    in_weeks = people["frequency"].sum() * math.log(7)
    nobody_leaves = purchase_models.fit("nbd", groups)
    assert nobody_leaves.log_likelihood + in_weeks == pytest.approx(-12_935.55, abs=0.005)
    with pytest.raises(NotIdentified, match="no interior optimum"):
        purchase_models.fit("bg_nbd", groups)
    assert second_opinion.fit_purchases(groups).error == "ConvergenceError"
    assert published_model.take(groups, choice=None).model.name == "nbd"


def test_the_report_on_online_retail_says_what_is_not_identified_and_what_is_better(
    shared, tmp_path
):
    done = workbench_here(
        tmp_path,
        *("--transactions", str(shared / "data" / "online_retail_uci.parquet"), "--only", "03"),
        *("-p", "columns", json.dumps(UCI), "-p", "returns", "same_day", "-p", "currency", "GBP"),
        *("--out", "uci"),
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "uci" / "03_clv.html").read_text("utf-8")
    assert "Ob und wann Kunden gehen, lässt sich aus diesen Daten nicht bestimmen" in page
    assert "„So viele Käufe wie im letzten Zeitraum“, dem besten von ihnen" in page
    assert "es gibt keine eindeutige Lösung" in page
    with (tmp_path / "uci" / "tables" / "urteile.csv").open(encoding="utf-8") as file:
        passed = {row["name"]: row["passed"] for row in csv.DictReader(file)}
    assert passed["clv_backtest"].lower() == "false"
