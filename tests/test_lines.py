import random
import stat
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import assortment, intake, lines, pseudonyms, sources, transactions
from workbench import orders as order_tables
from workbench.schema import DataError

HEADER = "customer_id,date,amount,order_id,product_id,category,quantity,discount,channel,currency"
RECEIPTS = (
    "anna,2024-01-02 09:00,12.50,B7,tea,drinks,2,0.50,web,EUR",
    "anna,2024-01-02 09:00,4.95,B7,VERSAND,postage,1,,web,EUR",
    "anna,2024-02-01,-6.25,R1,tea,drinks,-1,-0.25,shop,EUR",
    ",2024-01-02,3.01,B8,cup,,1,0,n/a,EUR",
    "Barverkauf,2024-01-03,8,,cup,china,1,0,shop,EUR",
    "Barverkauf,2024-01-03,8,,cup,china,1,0,shop,CHF",
    ",2024-01-04,free,B9,cup,china,1,0,shop,EUR",
    ",someday,5,B9,cup,china,1,0,shop,EUR",
    ",2024-01-04,5,B9,cup,china,-1,0,shop,EUR",
    ",2024-03-09,5,B9,cup,china,1,0,shop,EUR",
    "Summe,2024-01-04,99,,,,,,,EUR",
    "carl,2024-01-05,20,B10,tea,drinks,4,many,web,EUR",
    "dora,2024-01-06,7,B11,pot,china,1,0,web,EUR",
)


@pytest.fixture
def export(tmp_path):
    """Write an export and return its path."""

    def write(*rows: str, name: str = "shop.csv", header: str = HEADER) -> str:
        path = tmp_path / name
        path.write_text("\n".join([header, *(rows or RECEIPTS)]) + "\n", encoding="utf-8")
        return str(path)

    return write


def read(x: str, **changed) -> intake.Reading:
    return intake.read(x, **({"max_loss": 1.0, "pseudonymise": "off"} | changed))


def all_of(kept: lines.Lines) -> pd.DataFrame:
    return lines.query(kept, "FROM lines")


# --- by hand ---------------------------------------------------------------------------------


def test_lines_are_kept_as_they_were_booked_and_only_those_that_count(export):
    erased = export("dora", name="erased.csv", header="customer_id")
    base = read(export(), as_of=pd.Timestamp("2024-03-01"), tables={"erasure": erased}).base
    found = all_of(base.lines)
    assert list(found) == [*lines.KINDS, "is_goods"]
    assert found["customer_id"].fillna("nobody").tolist() == [
        *("anna", "anna", "nobody", "nobody", "carl", "anna")
    ]
    assert found["date"].dt.strftime("%d.%m.").tolist() == [
        *("02.01.", "02.01.", "02.01.", "03.01.", "05.01.", "01.02.")
    ]
    table = found.sort_values(["date", "amount"]).reset_index(drop=True)
    assert table["amount"].tolist() == [3.01, 4.95, 12.5, 8, 20, -6.25]
    assert table["product_id"].tolist() == ["cup", "VERSAND", "tea", "cup", "tea", "tea"]
    assert table["category"].fillna("-").tolist() == [
        *("-", "postage", "drinks", "china", "drinks", "drinks")
    ]
    assert table["channel"].fillna("-").tolist() == ["-", "web", "web", "shop", "web", "shop"]
    assert table["quantity"].tolist() == [1, 1, 2, 1, 4, -1]
    # What is no number is missing.
    assert table["discount"].fillna(9).tolist() == [0, 9, 0.5, 0, 9, -0.25]
    assert table["is_return"].tolist() == [False] * 5 + [True]
    assert table["is_goods"].tolist() == [True, False] + [True] * 4
    # Anna's receipt, an unknown's, none, Carl's, and the return's own.
    receipts = table["order_no"]
    assert (
        receipts[1] == receipts[2]
        and receipts.isna().tolist() == [False] * 3 + [True] + [False] * 2
    )
    assert sorted(receipts.dropna().unique()) == [1, 2, 3, 4]
    # The order is settled, the lines are not.
    assert base.orders["amount"].tolist() == [11.2, 20.0]


def test_what_the_source_does_not_have_is_missing_in_every_line(export):
    path = export("anna,2024-01-02,5,web", header="customer_id,date,amount,channel")
    kept = read(path).base.lines
    assert kept.columns == ("customer_id", "date", "channel", "amount", "is_return")
    assert all_of(kept).isna().all().to_dict() == {
        name: name in ("order_no", "product_id", "category", "quantity", "discount", "margin")
        for name in [*lines.KINDS, "is_goods"]
    }


def test_a_source_whose_lines_say_no_more_than_its_orders_has_none(export):
    assert read(export("anna,2024-01-02,5", header="customer_id,date,amount")).base.lines is None


@pytest.mark.parametrize(("duplicates", "n"), [("report", 3), ("drop", 2)])
def test_an_unknown_customers_line_that_stands_twice_is_dropped_like_any_other(
    export, duplicates, n
):
    twice = ",2024-01-02,5,,cup"
    path = export(
        "anna,2024-01-02,5,,cup", twice, twice, header="customer_id,date,amount,order_id,product_id"
    )
    assert len(all_of(read(path, duplicates=duplicates).base.lines)) == n


def test_an_order_of_an_unknown_customer_that_stands_twice_is_one(export):
    twice = ",2024-01-02,5,B2"
    path = export("anna,2024-01-02,5,B1", twice, twice, header="customer_id,date,amount,order_id")
    assert all_of(read(path).base.lines)["amount"].tolist() == [5, 5]


def test_a_table_and_its_copy_in_a_database_give_the_same_answers():
    rows = pd.DataFrame(
        {
            "customer_id": ["anna", None, "ben"],
            "date": pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-03"]),
            "amount": [0.1, 0.2, 0.0],
            "quantity": [1, 2, -1],
        }
    )
    sql = "SELECT * FROM lines WHERE date <= $day::DATE ORDER BY date"
    one, two = (lines.query(of, sql, day="2024-01-03") for of in (rows, lines.of_frame(rows)))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert one["is_return"].tolist() == [False, False, True]
    assert lines.query(rows, sql, day="2024-01-01")["customer_id"].isna().tolist() == [True]


def test_a_run_hands_its_lines_over_to_the_owner_alone(export, tmp_path):
    for how in ("off", "on"):
        reading, run_dir = read(export(), pseudonymise=how), tmp_path / how
        intake.hand_over(reading, run_dir=str(run_dir))
        base = intake.load("", run_dir=str(run_dir))
        pd.testing.assert_frame_equal(all_of(base.lines), all_of(reading.base.lines))
        assert base.lines.columns == reading.base.lines.columns
        assert stat.S_IMODE((run_dir / intake.LINES).stat().st_mode) == 0o600
    known = all_of(base.lines)["customer_id"].dropna()
    assert known.str.fullmatch(pseudonyms.PATTERN).all()
    assert set(known) == set(base.orders["customer_id"])


def test_the_file_lies_where_only_its_owner_looks_and_goes_with_the_connection(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = pd.DataFrame(
        {"customer_id": ["anna"], "date": pd.to_datetime(["2024-01-01"]), "amount": [1.0]}
    )
    kept = lines.of_frame(rows)
    (folder,) = (path.parent for path in tmp_path.glob("*/lines.parquet"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    del kept
    assert not folder.exists()


# --- properties ------------------------------------------------------------------------------

SOLD = st.lists(
    st.tuples(
        st.sampled_from(["anna", "ben", "", "Barverkauf"]),
        st.sampled_from(["2024-01-01", "2024-01-02 10:00", "2024-02-01"]),
        st.sampled_from(["12.5", "-12.5", "0", "3.01", "x"]),
        st.sampled_from(["B1", "B2", "B3", ""]),
        st.sampled_from(["tea", "cup", ""]),
    ),
    max_size=25,
).map(lambda rows: [("carl", "2024-01-01", "1.25", "B4", "pot"), *rows])


@settings(max_examples=8, deadline=None, derandomize=True)
@given(rows=SOLD, seed=st.integers(0, 99), threads=st.integers(1, 4))
def test_neither_rows_nor_threads_change_a_byte_and_lines_add_up_to_the_balance(
    rows, seed, threads, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("lines")
    found, shuffled = [], random.Random(seed).sample(rows, len(rows))
    for name, table in (("one", rows), ("two", shuffled)):
        path = folder / f"{name}.csv"
        header = ("customer_id", "date", "amount", "order_id", "product_id")
        path.write_text("\n".join(map(",".join, [header, *table])) + "\n")
        source = sources.read(path, columns={})
        source.connection.execute(f"SET threads = {1 if name == 'one' else threads}")
        cleaned = transactions.clean(source, max_loss=1.0)
        names = pd.DataFrame({"customer_id": ["anna", "ben", "carl"], "name": ["k", "l", "m"]})
        kept = lines.keep(source.connection, columns=source.columns, names=names, salt="salt")
        lines.write(kept, folder / name)
        found.append((folder / name).read_bytes())
    assert found[0] == found[1]
    balance = cleaned.balance.set_index("reason")
    used = ["kept", *(balance.index[balance["kind"] == "settled"]), "never_bought"]
    known = all_of(kept).dropna(subset="customer_id")
    assert len(known) == balance.loc[used, "n_rows"].sum()
    assert known["amount"].sum() == pytest.approx(balance.loc[used, "amount"].sum(), abs=1e-9)


def test_many_lines_are_written_alike_by_any_number_of_threads(tmp_path):
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "customer_id": random.integers(0, 5000, 300_000).astype(str),
            "date": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(random.integers(0, 300, 300_000), unit="D"),
            "amount": random.integers(0, 10_000, 300_000) / 100,
            "product_id": random.integers(0, 99, 300_000).astype(str),
        }
    )
    contents = []
    for threads, table in ((1, rows), (4, rows[::-1])):
        with pytest.MonkeyPatch.context() as patch:
            connection = order_tables.connect()
            connection.execute(f"SET threads = {threads}")
            patch.setattr(order_tables, "connect", lambda found=connection: found)
            kept = lines.of_frame(table)
        path = tmp_path / str(threads)
        lines.write(kept, path)
        groups = connection.execute(
            f"SELECT count(DISTINCT row_group_id) FROM parquet_metadata('{path}')"
        ).fetchall()
        assert groups == [(3,)]
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_people_who_are_erased_or_object_are_in_no_line():
    reading = intake.read("dataset:beispiel", tables={"erasure": "", "consent": ""})
    left_out = reading.balance.set_index("reason").loc[["erased", "objected"], "n_rows"].sum()
    assert left_out == 552
    assert len(all_of(reading.base.lines)) == reading.n_rows - left_out


# --- against an authority --------------------------------------------------------------------


def test_online_retail_has_all_its_invoices_and_the_pair_that_is_bought_most(shared):
    reading = intake.read(
        str(shared / "data" / "online_retail_uci.parquet"),
        columns={
            **{"customer_id": "CustomerID", "date": "InvoiceDate", "quantity": "Quantity"},
            **{"unit_price": "UnitPrice", "order_id": "InvoiceNo", "product_id": "StockCode"},
        },
    )
    kept = reading.base.lines
    found = lines.query(
        kept,
        """
        SELECT count(*) AS n, count(customer_id) AS n_known,
               sum(amount) FILTER (customer_id IS NOT NULL) AS known,
               sum(amount) FILTER (customer_id IS NULL AND amount > 0) AS unknown_purchases,
               count(DISTINCT order_no) FILTER (amount > 0 AND product_id <> 'B') AS invoices
        FROM lines
        """,
    ).iloc[0]
    assert found["n"] == reading.n_rows == 541_909
    assert found["n_known"] == 541_909 - 135_080
    # Net of returns with an id; purchases without one, as the description of the data says.
    assert round(found["known"], 2) == 8_300_065.81
    assert round(found["unknown_purchases"], 2) == 1_755_276.64
    # The three invoices of product B adjust bad debt.
    assert found["invoices"] == 19_959
    pair = lines.query(
        kept,
        """
        SELECT count(*) FILTER (a AND b) AS both, count(*) FILTER (a) AS a, count(*) FILTER (b) AS b
        FROM (SELECT bool_or(product_id = '22386') AS a, bool_or(product_id = '85099B') AS b
              FROM lines WHERE amount > 0 AND product_id <> 'B' GROUP BY order_no)
        """,
    ).iloc[0]
    assert pair["both"] / 19_959 == pytest.approx(0.0413, abs=5e-5)
    assert pair["both"] / pair["a"] == pytest.approx(0.677, abs=5e-4)
    assert pair["both"] / pair["b"] == pytest.approx(0.395, abs=5e-4)
    found = assortment.pairs(kept, unit="product_id", min_support=0.04, until=reading.base.as_of)
    # Here the one receipt counts that books an adjustment as a purchase of product B.
    assert found.baskets == 19_959 + 1
    rule = found.table.set_index(["first", "second"]).loc[("22386", "85099B")]
    assert round(rule["support"], 4) == 0.0413
    assert round(rule["confidence"], 3) == 0.677
    assert round(rule["confidence_back"], 3) == 0.395
    assert round(rule["lift"], 2) == 6.47


# --- messages --------------------------------------------------------------------------------


def test_a_file_that_lacks_a_column_is_refused(tmp_path):
    intake.write_table(pd.DataFrame({"customer_id": ["anna"]}), tmp_path / "lines.parquet")
    match = r"^lines.parquet lacks \['date', 'amount', 'is_return'\]. Run 01_daten into its folder"
    with pytest.raises(DataError, match=match):
        lines.read(order_tables.connect(), Path(tmp_path / "lines.parquet"))
