import hashlib
import json
import os
import random
import sqlite3
import stat
from pathlib import Path
from unittest import mock

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import (
    churn_features,
    consents,
    databases,
    evaluation,
    intake,
    pseudonyms,
    sources,
    transactions,
    typed_cells,
    workbooks,
)
from workbench import orders as order_tables
from workbench import returns as settling
from workbench.schema import DataError, check_orders
from workbench.summary import default_holdout_days, split, summarise
from workbench.transactions import TooMuchLost

OPTIONS = {
    "columns": {},
    "as_of": None,
    "currency": "",
    "duplicates": "report",
    "max_loss": 0.35,
    "pseudonymise": "off",
}
# Anna returns in February what she bought in January; who is on a list stands in no table.
RETURNING = (
    "anna,2024-01-10,30,tea",
    "anna,2024-01-20,20,cup",
    "anna,2024-02-10,-30,tea",
    "ben,2024-01-15,10,tea",
    "carl,2024-01-15,10,tea",
    "dora,2024-02-29,10,tea",
)
RETURNING_HEADER = "customer_id,date,amount,product_id"
LINES = (
    "00123,1998-01-31,10.50",
    "123,1998-01-31,7",
    "00123,1998-02-28 23:59,5",
    "Müller & Söhne,1998-03-01,0",
    "anna,1998-03-01,20",
    "anna,1998-03-15,-5",
)


@pytest.fixture
def export(tmp_path):
    """Write an export and return its path."""

    def write(*lines: str, name: str = "kunden.csv", header: str = "customer_id,date,amount"):
        path = tmp_path / name
        path.write_text("\n".join([header, *(lines or LINES)]) + "\n", encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return str(folder)


def read(x: str, **changed) -> intake.Reading:
    return intake.read(x, **(OPTIONS | changed))


def load(x: str, *, run_dir: str, **changed) -> intake.Base:
    return intake.load(x, run_dir=run_dir, **(OPTIONS | changed))


def files(folder) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(root, name), folder)
        for root, _, names in os.walk(folder)
        for name in names
    )


def check_same(one: intake.Base, two: intake.Base) -> None:
    pd.testing.assert_frame_equal(one.orders, two.orders, check_exact=True)
    for field in ("first_day", "as_of", "name", "label", "currency", "returns"):
        assert getattr(one, field) == getattr(two, field)
    lines = [
        base.unsettled.connection.sql(f"FROM {base.unsettled.table} ORDER BY ALL").fetchall()
        for base in (one, two)
    ]
    assert lines[0] == lines[1]


# by hand


def test_a_reading_is_the_base_and_the_account_of_its_cleaning(export):
    path = export()
    reading = read(path)
    base = reading.base
    assert base.orders["customer_id"].tolist() == [
        "00123",
        "00123",
        "123",
        "Müller & Söhne",
        "anna",
        "anna",
    ]
    assert base.orders["amount"].tolist() == [10.5, 5.0, 7.0, 0.0, 20.0, -5.0]
    assert base.as_of == pd.Timestamp("1998-03-15")
    assert (base.name, base.currency) == ("kunden", "EUR")
    assert "kunden" in base.label
    assert reading.n_rows == 6
    with open(path, "rb") as file:
        assert reading.sha256 == hashlib.sha256(file.read()).hexdigest()
    balance = reading.balance.set_index("reason")["n_rows"]
    assert (balance["read"], balance["never_bought"], balance["kept"]) == (6, 0, 6)
    check_orders(base.orders)


def test_the_as_of_day_is_the_one_given_and_cuts_the_orders(export):
    base = read(export(), as_of=pd.Timestamp("1998-02-28")).base
    assert base.as_of == pd.Timestamp("1998-02-28")
    assert base.orders["date"].max() == pd.Timestamp("1998-02-28")
    later = read(export(), as_of=pd.Timestamp("1998-12-31")).base
    assert later.as_of == pd.Timestamp("1998-12-31") and len(later.orders) == 6


def test_an_as_of_day_years_after_the_data_is_refused(export):
    with pytest.raises(DataError, match="1023 days after the last line of the source, 1998-03-15"):
        read(export(), as_of=pd.Timestamp("2001-01-01"))


def test_the_currency_given_goes_before_that_of_the_source(export):
    assert read(export(), currency="CHF").base.currency == "CHF"
    assert read("dataset:cdnow").base.currency == "USD"


def test_columns_are_mapped_before_they_are_read(export):
    path = export(header="KundenNr,Tag,Umsatz")
    columns = {"customer_id": "KundenNr", "date": "Tag", "amount": "Umsatz"}
    pd.testing.assert_frame_equal(
        read(path, columns=columns).base.orders, read(export()).base.orders
    )


def test_a_notebook_alone_reads_the_source(export):
    path = export()
    check_same(load(path, run_dir=""), read(path).base)


def test_inside_a_run_what_01_wrote_is_what_the_others_load(export, run_dir):
    reading = read(export(), currency="CHF")
    intake.hand_over(reading, run_dir=run_dir)
    check_same(load("nicht/da.csv", run_dir=run_dir), reading.base)


def test_a_run_holds_its_tables_and_one_origin(export, run_dir):
    path = export()
    intake.hand_over(read(path), run_dir=run_dir)
    names = ["ids.parquet", "orders.parquet", "origin.json", "unsettled.parquet"]
    assert files(run_dir) == [f"customers/{name}" for name in names]
    with open(os.path.join(run_dir, "customers", "origin.json"), encoding="utf-8") as file:
        origin = json.load(file)
    assert origin | {"label": "", "sha256": ""} == {
        "name": "kunden",
        "label": "",
        "currency": "EUR",
        "first_day": "1998-01-31",
        "as_of": "1998-03-15",
        "returns": "net",
        "pseudonymised": False,
        "sha256": "",
        "rows_read": 6,
        "orders": 5,
        "customers": 4,
    }
    assert path not in json.dumps(origin)


def test_ids_and_dates_come_back_as_they_were_handed_over(export, run_dir):
    reading = read(export())
    intake.hand_over(reading, run_dir=run_dir)
    loaded = load("", run_dir=run_dir).orders
    assert loaded["customer_id"].tolist()[:3] == ["00123", "00123", "123"]
    assert loaded.dtypes.equals(reading.base.orders.dtypes)
    assert loaded["date"].dtype == "datetime64[us]"
    assert (loaded["date"] == loaded["date"].dt.normalize()).all()


def test_a_notebooks_columns_about_customers_are_written_sorted(run_dir):
    index = pd.Index(["b", "00123", "a"], name="customer_id")
    table = pd.DataFrame({"clv": [1.5, 2.5, np.nan], "segment": ["x", "ß", "{y}"]}, index=index)
    before = table.copy()
    intake.write_customers(table, run_dir=run_dir, notebook="03_clv")
    assert files(run_dir) == ["customers/03_clv.parquet"]
    found = intake.read_table(os.path.join(run_dir, "customers", "03_clv.parquet"))
    assert found["customer_id"].tolist() == ["00123", "a", "b"]
    assert found["clv"].tolist()[::2] == [2.5, 1.5] and np.isnan(found["clv"][1])
    assert found["segment"].tolist() == ["ß", "{y}", "x"]
    pd.testing.assert_frame_equal(table, before)


def test_a_notebook_alone_writes_nothing(export, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    path = export()
    monkeypatch.chdir(empty)
    intake.hand_over(read(path), run_dir="")
    table = pd.DataFrame({"clv": [1.0]}, index=pd.Index(["a"], name="customer_id"))
    intake.write_customers(table, run_dir="", notebook="03_clv")
    load(path, run_dir="")
    assert files(empty) == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_rows_about_people_are_for_their_owner_only(export, run_dir, mask):
    before = os.umask(mask)
    try:
        intake.hand_over(read(export()), run_dir=run_dir)
        table = pd.DataFrame({"clv": [1.0]}, index=pd.Index(["a"], name="customer_id"))
        intake.write_customers(table, run_dir=run_dir, notebook="03_clv")
    finally:
        os.umask(before)
    for name in files(run_dir):
        if name.endswith(".parquet"):
            mode = stat.S_IMODE(os.stat(os.path.join(run_dir, name)).st_mode)
            assert mode == 0o600, name


# properties


def test_the_same_table_gives_the_same_bytes(tmp_path):
    chance = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 9999, 5000).astype(str),
            "date": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(chance.integers(0, 900, 5000), unit="D"),
            "amount": chance.exponential(20, 5000),
            "n": chance.integers(0, 9, 5000),
        }
    )
    before = table.copy()
    for name in ("one", "two"):
        intake.write_table(table.copy(), tmp_path / name / "t.parquet")
    one, two = ((tmp_path / name / "t.parquet").read_bytes() for name in ("one", "two"))
    assert one == two
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(intake.read_table(tmp_path / "one" / "t.parquet"), table)


def test_a_table_seen_backwards_is_written_like_any_other(tmp_path):
    table = pd.DataFrame({"customer_id": ["a", "b", "c"], "clv": [1.0, 2.0, 3.0]})
    intake.write_table(table.iloc[::-1], tmp_path / "t.parquet")
    assert intake.read_table(tmp_path / "t.parquet")["clv"].tolist() == [3.0, 2.0, 1.0]


def test_the_order_of_a_notebooks_rows_changes_no_byte(run_dir):
    index = pd.Index([str(i) for i in range(500)], name="customer_id")
    table = pd.DataFrame({"clv": np.random.default_rng(2).random(500)}, index=index)
    intake.write_customers(table, run_dir=run_dir, notebook="a")
    intake.write_customers(table.sample(frac=1, random_state=1), run_dir=run_dir, notebook="b")
    folder = os.path.join(run_dir, "customers")
    contents = []
    for name in ("a", "b"):
        with open(os.path.join(folder, f"{name}.parquet"), "rb") as file:
            contents.append(file.read())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("seed", range(5))
def test_both_ways_in_give_the_same_summary(tmp_path, seed):
    chance = np.random.default_rng(seed)
    days = pd.Timestamp("1999-12-20") + pd.to_timedelta(chance.integers(0, 90, 60), unit="D")
    cents = chance.integers(-500, 9000, 60)
    ids = chance.choice(["007", "7", "ä", "a b", "1e5", "c,d"], 60)
    lines = [f'"{c}",{d:%Y-%m-%d},{m / 100:.2f}' for c, d, m in zip(ids, days, cents, strict=True)]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(["customer_id,date,amount", *lines]), encoding="utf-8")
    run_dir = tmp_path / "run"
    reading = read(str(path), max_loss=1.0)
    intake.hand_over(reading, run_dir=str(run_dir))
    loaded = load(str(path), run_dir=str(run_dir), max_loss=1.0)
    check_same(loaded, reading.base)
    pd.testing.assert_frame_equal(
        summarise(loaded.orders, as_of=loaded.as_of),
        summarise(reading.base.orders, as_of=reading.base.as_of),
        check_exact=True,
    )


def test_the_order_of_lines_changes_no_byte_of_what_is_handed_over(export, tmp_path):
    contents = []
    for name, lines in (("a", LINES), ("b", LINES[::-1])):
        intake.hand_over(read(export(*lines)), run_dir=str(tmp_path / name))
        contents.append((tmp_path / name / intake.ORDERS).read_bytes())
    assert contents[0] == contents[1]


SOLD = st.lists(
    st.tuples(
        st.sampled_from(["anna", "ben", "00123"]),
        st.sampled_from(["2024-01-01", "2024-01-02", "2024-02-01"]),
        st.sampled_from(["12.5", "-12.5", "0", "3.01", "-4"]),
        st.sampled_from(["tea", "cup"]),
    ),
    max_size=25,
).map(lambda rows: [("carl", "2024-01-01", "1.25", "pot"), *rows])
SOLD_COLUMNS = ("customer_id", "date", "amount", "product_id")


def written_in(folder: Path, source: sources.Source) -> tuple[bytes, bytes]:
    """The two files of a run that hold orders, as bytes."""
    cleaned = transactions.clean(source, max_loss=1.0)
    order_tables.write(cleaned.stored, folder / "orders")
    settling.write_unsettled(cleaned.unsettled, folder / "unsettled")
    return (folder / "orders").read_bytes(), (folder / "unsettled").read_bytes()


@settings(max_examples=10, deadline=None, derandomize=True)
@given(rows=SOLD, seed=st.integers(0, 99), batch=st.integers(1, 9), threads=st.integers(1, 4))
def test_neither_rows_nor_batches_nor_threads_change_a_byte_of_the_orders(
    rows, seed, batch, threads, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("batches")
    shuffled = random.Random(seed).sample(rows, len(rows))
    for name, lines in (("one", rows), ("two", shuffled)):
        with sqlite3.connect(folder / f"{name}.db") as connection:
            connection.execute(f"CREATE TABLE orders ({', '.join(SOLD_COLUMNS)})")
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", lines)
        connection.close()
        workbook = openpyxl.Workbook()
        for line in (SOLD_COLUMNS, *lines):
            workbook.active.append(line)
        workbook.save(folder / f"{name}.xlsx")

    found = set()
    for name, size in (("one", 10_000), ("two", batch)):
        with (
            mock.patch.object(databases, "_BATCH", size),
            mock.patch.object(typed_cells, "_BATCH", size),
            mock.patch.object(workbooks, "_CHUNK_BYTES", 97 * size),
        ):
            for x, query in (
                (f"sqlite:///{folder / name}.db", "orders"),
                (str(folder / f"{name}.xlsx"), ""),
            ):
                source = sources.read(x, columns={}, query=query)
                source.connection.execute(f"SET threads = {1 if name == 'one' else threads}")
                found.add(written_in(folder, source))
    assert len(found) == 1


@pytest.mark.parametrize("pseudonymise", ["off", "on"])
def test_a_server_hands_over_the_same_bytes_as_a_parquet_file(
    postgres, tmp_path, monkeypatch, pseudonymise
):
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    columns = "customer_id text, date timestamp, amount decimal(18, 2), order_id text"
    chance = np.random.default_rng(4)
    rows = [
        (
            f"{chance.integers(0, 60):05d}",
            str(pd.Timestamp("2024-01-01") + pd.Timedelta(hours=int(chance.integers(0, 4000)))),
            f"{chance.choice([-1, 2]) * chance.integers(1, 6) * 1.25:.2f}",
            f"B{chance.integers(0, 300)}" if chance.random() < 0.8 else None,
        )
        for _ in range(1500)
    ]
    parquet = tmp_path / "shop.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE shop ({columns})")
        connection.executemany("INSERT INTO shop VALUES (?, ?, ?, ?)", rows)
        connection.execute(f"COPY shop TO '{parquet}' (FORMAT parquet)")
    with psycopg.connect(postgres.address, password=postgres.password) as connection:
        connection.execute("DROP TABLE IF EXISTS shop")
        connection.execute(f"CREATE TABLE shop ({columns})")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO shop VALUES (%s, %s, %s, %s)", rows[::-1])
    for name, x, query in (("file", str(parquet), ""), ("server", postgres.address, "shop")):
        reading = read(x, query=query, max_loss=1.0, pseudonymise=pseudonymise)
        intake.hand_over(reading, run_dir=str(tmp_path / name))
    for table in (intake.ORDERS, intake.UNSETTLED, intake.LINES):
        one, two = ((tmp_path / name / table).read_bytes() for name in ("file", "server"))
        assert one == two
    assert reading.base.unsettled.n_rows > 500


def test_what_a_run_holds_is_summed_up_without_a_table_of_orders(export, run_dir):
    intake.hand_over(read(export()), run_dir=run_dir)
    loaded = load("", run_dir=run_dir)
    found = summarise(loaded.stored, as_of=loaded.as_of)
    assert "frame" not in vars(loaded.stored)
    pd.testing.assert_frame_equal(
        found, summarise(loaded.orders, as_of=loaded.as_of), check_exact=True
    )


# messages


def test_a_run_without_orders_is_refused(run_dir):
    match = "^run_dir .* holds no customers/orders.parquet. Run 01_daten into it first."
    with pytest.raises(DataError, match=match):
        load("dataset:cdnow", run_dir=run_dir)


def test_a_run_whose_origin_is_gone_is_refused_like_one_without_orders(export, run_dir):
    intake.hand_over(read(export()), run_dir=run_dir)
    os.remove(os.path.join(run_dir, "customers", "origin.json"))
    with pytest.raises(
        DataError, match=r"^run_dir .* holds no customers/origin.json. Run 01_daten"
    ):
        load("dataset:cdnow", run_dir=run_dir)


def test_a_run_whose_orders_were_tampered_with_is_refused(export, run_dir):
    reading = read(export())
    intake.hand_over(reading, run_dir=run_dir)
    for change, problem in (
        ({"amount": -1.0}, "0 purchases"),
        ({"customer_id": None}, "6 missing values"),
    ):
        broken = reading.base.orders.assign(**change)
        intake.write_table(broken, Path(run_dir) / intake.ORDERS)
        with pytest.raises(DataError, match=f"^orders.parquet holds .*{problem}.*Run 01_daten"):
            load("", run_dir=run_dir)


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nichts.csv does not exist"):
        read(str(tmp_path / "nichts.csv"))


def test_a_source_that_loses_too_much_is_refused(export):
    path = export("anna,1998-01-01,5", ",1998-01-01,5", ",1998-01-02,5")
    with pytest.raises(TooMuchLost, match=r"^cleaning dropped 66\.7% of "):
        read(path)
    assert len(read(path, max_loss=1.0).base.orders) == 1


def test_what_was_known_on_a_day_knows_no_later_return(export, run_dir):
    path = export(*RETURNING, header=RETURNING_HEADER)
    reading = read(path)
    assert reading.base.orders["customer_id"].tolist() == ["anna", "ben", "carl", "dora"]
    intake.hand_over(reading, run_dir=run_dir)
    for base in (reading.base, load(path, run_dir=run_dir)):
        known = base.known(pd.Timestamp("2024-01-31"))
        assert known["customer_id"].tolist() == ["anna", "anna", "ben", "carl"]
        assert known["amount"].tolist() == [30.0, 20.0, 10.0, 10.0]
        assert {policy: len(orders) for policy, orders in base.by_policy().items()} == {
            "net": 4,
            "same_day": 6,
            "drop": 5,
            "separate": 5,
        }


def test_pseudonyms_stand_for_ids_in_every_file_of_a_run(export, run_dir):
    lines = [line.replace("ben", "ben@example.org") for line in RETURNING]
    contacts = export(
        "ben@example.org,2024-01-02", "x,2024-01-03", name="c.csv", header="customer_id,date"
    )
    path = export(*lines, header=RETURNING_HEADER)
    open_, hidden = (
        read(path, pseudonymise=how, tables={"contacts": contacts}) for how in ("off", "on")
    )
    # An address as id is replaced whatever was asked.
    assert open_.pseudonymised and hidden.pseudonymised
    pd.testing.assert_frame_equal(open_.base.orders, hidden.base.orders)
    assert hidden.base.orders["customer_id"].str.fullmatch(pseudonyms.PATTERN).all()
    assert sorted(hidden.base.orders["amount"]) == [10, 10, 10, 20]

    intake.hand_over(hidden, run_dir=run_dir)
    kept = {
        name: intake.read_table(Path(run_dir) / name)
        for name in files(run_dir)
        if name.endswith("t")
    }
    ids = kept.pop("customers/ids.parquet")
    assert ids["customer_id"].tolist() == ["anna", "ben@example.org", "carl", "dora", "x"]
    assert kept.pop("customers/contacts_left_out.parquet").empty
    assert set(kept) == {
        f"customers/{n}.parquet" for n in ("lines", "orders", "unsettled", "table_contacts")
    }
    for table in kept.values():
        assert table["customer_id"].str.fullmatch(pseudonyms.PATTERN).all()
    both = set(kept["customers/table_contacts.parquet"]["customer_id"]) & set(
        hidden.base.orders["customer_id"]
    )
    assert len(both) == 1


def test_whom_a_campaign_lacks_is_counted_by_group_and_goes_with_the_run(export, run_dir):
    rows = ("anna,kampagne", "carl,kampagne", "ben,kontrolle", "x,kontrolle", "dora,")
    log = [f"{row.split(',')[0]},2024-01-03,Mai,{row.split(',')[1]}" for row in rows]
    tables = {
        "contacts": export(*log, name="c.csv", header="customer_id,date,campaign,group"),
        "erasure": export("carl", "x", "dora", name="e.csv", header="customer_id"),
    }
    reading = read(export(*RETURNING, header=RETURNING_HEADER), tables=tables)
    expected = [["Mai", "control", 1], ["Mai", "treatment", 1]]
    assert reading.base.left_out.values.tolist() == expected
    intake.hand_over(reading, run_dir=run_dir)
    kept = intake.load("", run_dir=run_dir, tables=dict.fromkeys(tables, ""))
    assert kept.left_out.values.tolist() == expected


def test_a_labelled_set_and_contracts_go_with_the_run(export, run_dir):
    lines = [f"{name},{n % 2},{n}" for n, name in enumerate(("anna", "ben", "carl", "x"))]
    tables = {
        "labelled": export(*lines, name="l.csv", header="Kunde,Antwort,Punkte"),
        "contracts": export(
            *("anna,2024-01-01,2024-01-31", "ben,2024-02-01,", "carl,2024-03-01,"),
            name="v.csv",
            header="customer_id,start,end",
        ),
        "erasure": export("carl", name="e.csv", header="customer_id"),
    }
    reading = read(
        export(*RETURNING, header=RETURNING_HEADER),
        tables=tables,
        labelled_columns={"customer_id": "Kunde", "label": "Antwort"},
    )
    labelled = reading.base.tables["labelled"]
    assert labelled.index.tolist() == ["anna", "ben", "x"]
    assert labelled["Punkte"].tolist() == [0, 1, 3]
    contracts = reading.base.tables["contracts"]
    assert contracts["customer_id"].tolist() == ["anna", "ben"]
    assert contracts["end"].isna().tolist() == [False, True]
    intake.hand_over(reading, run_dir=run_dir)
    base = load("unread", run_dir=run_dir, tables=tables)
    pd.testing.assert_frame_equal(base.tables["labelled"], labelled)
    days = ["customer_id", "start", "end"]
    pd.testing.assert_frame_equal(base.tables["contracts"][days], contracts[days])
    assert base.tables["contracts"][["tariff", "end_reason"]].isna().all(axis=None)
    assert set(base.tables) == {"labelled", "contracts"}


def test_embedded_data_keep_their_ids_unless_a_table_of_ones_own_is_beside(export):
    assert not intake.read("dataset:cdnow", pseudonymise="auto").pseudonymised
    assert intake.read(export(), pseudonymise="auto").pseudonymised
    contracts = export("00001,1998-01-01", name="v.csv", header="customer_id,start")
    beside = intake.read("dataset:cdnow", tables={"contracts": contracts}, pseudonymise="auto")
    assert beside.pseudonymised


def test_who_is_erased_or_objects_is_in_no_table(export):
    erasure = export("ben", " carl ", name="e.csv", header="customer_id")
    consent = export(
        "dora,profiling,widerspruch,2030-01-01",
        name="w.csv",
        header="customer_id,channel,status,date",
    )
    contacts = export(
        "ben,2024-01-02",
        "dora,2024-01-03",
        "anna,2024-01-03",
        name="c.csv",
        header="customer_id,date",
    )
    tables = {"erasure": erasure, "consent": consent, "contacts": contacts, "survey": ""}
    reading = read(export(*RETURNING, header=RETURNING_HEADER), tables=tables)
    assert reading.base.orders["customer_id"].tolist() == ["anna"]
    assert reading.companions["contacts"].table["customer_id"].tolist() == ["anna"]
    n_rows = reading.balance.set_index("reason")["n_rows"]
    assert (n_rows["erased"], n_rows["objected"]) == (2, 1)
    assert set(reading.companions) == {"erasure", "consent", "contacts"}


def test_who_unsubscribed_in_the_log_of_contacts_may_not_be_written_to(export):
    consent = export(
        "anna,email,opt_in,2023-01-01",
        "dora,email,opt_in,2023-01-01",
        name="w.csv",
        header="customer_id,channel,status,date",
    )
    contacts = export(
        "dora,2024-01-03,email,abgemeldet", name="c.csv", header="customer_id,date,channel,response"
    )
    tables = {"consent": consent, "contacts": contacts}
    for pseudonymise in ("off", "on"):
        reading = read(
            export(*RETURNING, header=RETURNING_HEADER), tables=tables, pseudonymise=pseudonymise
        )
        base = reading.base
        customers = sorted(base.orders["customer_id"].unique())
        may = consents.permissions(base.tables["consent"], customers=customers)["may_email"]
        assert (len(customers), int(may.sum())) == (4, 1)
        pd.testing.assert_frame_equal(reading.companions["consent"].table, base.tables["consent"])


def test_an_objection_that_misses_a_customer_by_a_zero_is_refused(export):
    orders = export("0012,2024-01-01,5", "34,2024-01-02,7")
    header = "customer_id,channel,status,date"
    said = ("0012,email,opt_in,2023-01-01", "12,email,widerspruch,2023-06-01")
    consent = export(*said, name="w.csv", header=header)
    with pytest.raises(DataError, match="1 of 1 ids of the objections of the consent table match"):
        read(orders, tables={"consent": consent})
    granted = export(said[0], "56,email,widerspruch,2023-06-01", name="v.csv", header=header)
    assert len(read(orders, tables={"consent": granted}).base.tables["consent"]) == 2


def test_a_currency_that_the_data_contradict_is_refused(export):
    path = export("anna,2024-01-01,5 €", "ben,2024-01-02,7 €")
    assert read(path, currency="EUR").base.currency == "EUR"
    with pytest.raises(DataError, match="currency=USD, but the amounts are in EUR"):
        read(path, currency="USD")


def test_returns_after_a_cutoff_change_nothing_that_is_known_or_judged_at_it(export):
    """The first order of all comes back in the holdout, and so does every third one."""
    days = pd.date_range("2024-01-01", periods=200, freq="D")
    lines = [f"c{n % 40:02d},{day:%Y-%m-%d},{10 + n},p{n}" for n, day in enumerate(days)]
    late = [f"c{n % 40:02d},2024-07-15,-{10 + n},p{n}" for n in range(0, 150, 3)]
    late += ["zoe,2024-07-16,5,q"]
    cutoff, found = pd.Timestamp("2024-05-31"), []
    for name, more in (("before.csv", late[-1:]), ("after.csv", late)):
        base = read(export(*lines, *more, name=name, header=RETURNING_HEADER)).base
        days_held = (base.as_of - cutoff).days
        known = base.known(cutoff)
        test = split(base.orders, as_of=base.as_of, holdout_days=days_held, known=base.known)
        tracked = evaluation.tracking(
            base.orders,
            cutoff=cutoff,
            as_of=base.as_of,
            known=known,
            expected_repeat=lambda ages: ages / 50,
        )
        origin = cutoff - pd.Timedelta(days=30)
        window = {"origin": origin, "horizon_days": 30, "gap_days": 0}
        features = churn_features.build(base.known(origin), **window)
        churned = churn_features.label(
            base.known(cutoff), customers=features.index, as_of=base.as_of, **window
        )
        past = tracked[tracked["last_day"] <= cutoff]
        tables = [known, test.calibration, past, features, churned.to_frame()]
        held = default_holdout_days(base.first_day, as_of=base.as_of)
        found.append((tables, (held, test.start), len(base.orders)))
    (tables, facts, n_before), (tables_after, facts_after, n_after) = found
    for before, after in zip(tables, tables_after, strict=True):
        pd.testing.assert_frame_equal(before, after)
    assert facts == facts_after
    assert n_before - n_after == len(late) - 1


def test_an_optional_table_in_another_currency_is_refused(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "customer_id,date,amount\nanna,2024-01-02,10 EUR\nben,2024-02-03,12 EUR\n", "utf-8"
    )
    (tmp_path / "budget.csv").write_text(
        "period,channel,acquisition_budget,retention_budget\n2024-01,web,1000 CHF,50 CHF\n", "utf-8"
    )
    with pytest.raises(DataError, match=r"budget \(budget.csv\) are in CHF, .* purchases in EUR"):
        intake.read(str(tmp_path / "orders.csv"), tables={"budget": str(tmp_path / "budget.csv")})
