import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from workbench import sources
from workbench.schema import DataError

HEADER = "customer_id,date,amount\n"


@pytest.fixture
def file(tmp_path):
    """Write a file and give its path."""

    def write(content: str | bytes, name: str = "orders.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def parquet(path: Path, query: str) -> Path:
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def rows(source: sources.Source, columns: str = "line, customer_id, date, amount") -> list[tuple]:
    return source.relation.order("line").project(columns).fetchall()


# by hand


def test_every_column_stays_the_text_that_stands_in_the_file(file):
    source = sources.read(
        file(HEADER + '00123,2024-01-31,12.50\n" a ",,"1,234.5"\nNULL,31.1.2024,\n'), columns={}
    )
    assert rows(source) == [
        (2, "00123", "2024-01-31", "12.50"),
        (3, " a ", "", "1,234.5"),
        (4, "NULL", "31.1.2024", ""),
    ]
    assert (source.n_rows, source.columns_found) == (3, ("customer_id", "date", "amount"))
    assert (source.name, source.label, source.currency) == ("orders", "orders.csv", "")
    assert not source.embedded


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_header(file, delimiter):
    text = "\n".join(
        map(delimiter.join, [("customer_id", "date", "amount"), ("1", "2024-01-31", "5.5")])
    )
    assert rows(sources.read(file(text), columns={})) == [(2, "1", "2024-01-31", "5.5")]


def test_a_delimiter_in_a_quoted_column_name_does_not_count(file):
    text = 'customer_id;date;amount;"a,b,c,d,e"\n1;2024-01-31;5.5;x\n'
    source = sources.read(file(text), columns={})
    assert source.columns_found == ("customer_id", "date", "amount", "a,b,c,d,e")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark_do_not_matter(file, end, mark):
    text = f"customer_id,date,amount{end}Ärmel,2024-01-31,1{end}2,2024-02-01,2{end}"
    source = sources.read(file(mark + text.encode()), columns={})
    assert rows(source, "line, customer_id") == [(2, "Ärmel"), (3, "2")]


def test_lines_are_numbered_as_an_editor_shows_them(file):
    text = HEADER + '1,2024-01-01,1\n\n2,"2024-01\n-02",2\n3,2024-01-03,3\n\n\n4,2024-01-04,4'
    source = sources.read(file(text), columns={})
    assert rows(source, "line, customer_id") == [(2, "1"), (4, "2"), (6, "3"), (9, "4")]


def test_columns_maps_our_names_to_theirs(file):
    text = "Umsatz,Nr,Tag,Beleg\n5,007,2024-01-31,B1\n"
    columns = {"customer_id": "Nr", "date": "Tag", "amount": "Umsatz", "order_id": "Beleg"}
    source = sources.read(file(text), columns=columns)
    assert rows(source, "customer_id, date, amount, order_id") == [("007", "2024-01-31", "5", "B1")]
    assert source.columns == columns


def test_a_name_that_is_not_mapped_stands_for_itself(file):
    source = sources.read(
        file("customer_id,order_date,amount,order_id\n1,2024-01-31,5,B1\n"),
        columns={"date": "order_date"},
    )
    assert rows(source, "date, order_id") == [("2024-01-31", "B1")]


def test_the_german_preset_takes_the_german_names_with_and_without_the_order(file):
    with_order = file("kunde_id;datum;betrag;beleg_id\n1;2024-01-31;5;B1\n", "mit.csv")
    without = file("kunde_id;datum;betrag\n1;2024-01-31;5\n", "ohne.csv")
    assert "order_id" in sources.read(with_order, columns="deutsch").relation.columns
    assert "order_id" not in sources.read(without, columns="deutsch").relation.columns


def test_only_lines_equal_in_all_columns_share_a_fingerprint(file):
    text = "customer_id,date,amount,note\n1,2024-01-31,5,a\n1,2024-01-31,5,b\n1,2024-01-31,5,a\n"
    first, second, third = rows(sources.read(file(text), columns={}), "line, fingerprint")
    assert first[1] == third[1] != second[1]


def test_cells_do_not_run_together_in_a_fingerprint(file):
    text = "customer_id,date,amount,a,b\n1,2024-01-31,5,x,\n1,2024-01-31,5,,x\n"
    first, second = rows(sources.read(file(text), columns={}), "line, fingerprint")
    assert first[1] != second[1]


def test_parquet_types_become_exact_text(tmp_path):
    path = parquet(
        tmp_path / "orders.parquet",
        "SELECT 17850.0::DOUBLE AS customer_id, TIMESTAMP '2024-01-31 12:49:00' AS date,"
        " 0.1::DOUBLE AS amount, 536365 AS order_id"
        " UNION ALL SELECT NULL, DATE '2024-02-01', 7.25, NULL",
    )
    assert rows(sources.read(path, columns={}), "line, customer_id, date, amount, order_id") == [
        (1, "17850", "2024-01-31 12:49:00", "0.1", "536365"),
        (2, "", "2024-02-01 00:00:00", "7.25", ""),
    ]


def test_parquet_decimals_keep_their_digits(tmp_path):
    path = parquet(
        tmp_path / "orders.parquet",
        "SELECT '007' AS customer_id, DATE '2024-01-31' AS date, 1234.50::DECIMAL(18,2) AS amount",
    )
    assert rows(sources.read(path, columns={})) == [(1, "007", "2024-01-31", "1234.50")]


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Umsätze 2024 (final)", "umsatze_2024_final"),
        ("..%$", "source"),
        ("a" * 200, "a" * 120),
        ("umsatz[1]", "umsatz_1"),
    ],
)
def test_the_name_is_fit_for_a_folder(file, stem, name):
    source = sources.read(file(HEADER + "1,2024-01-31,5\n", f"{stem}.csv"), columns={})
    assert source.name == name


def test_the_hash_is_that_of_the_bytes(file):
    path = file(b"\xef\xbb\xbfcustomer_id,date,amount\r\n1,2024-01-31,5\r\n")
    assert (
        sources.read(path, columns={}).sha256
        == "5fc5c00d87f76f9d14a3471113d966cb3f2cfe6d0a6a7dd239ce15a6b7b19111"
    )


def test_reading_leaves_nothing_behind(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = file(HEADER + "1,2024-01-31,5\n")
    sources.read(path, columns={})
    assert list(tmp_path.iterdir()) == [path]


# against an authority


def test_cdnow_has_the_rows_and_customers_of_the_published_master():
    source = sources.read("dataset:cdnow", columns={})
    n_rows, n_customers, n_zero, first, last = source.relation.aggregate(
        "count(*), count(DISTINCT customer_id), count(*) FILTER (amount = '0.00'),"
        " min(date), max(date)"
    ).fetchall()[0]
    assert (n_rows, n_customers, n_zero) == (69_659, 23_570, 80)
    assert (first, last) == ("1997-01-01", "1998-06-30")
    assert source.n_rows == 69_659
    assert (source.name, source.label, source.currency) == ("cdnow", "CDNOW", "USD")
    assert source.embedded


def test_cdnow_has_255_exact_duplicate_lines():
    source = sources.read("dataset:cdnow", columns={})
    n = source.relation.aggregate("count(*) - count(DISTINCT fingerprint)").fetchall()
    assert n == [(255,)]


def test_cdnow_ids_keep_their_zeros_and_lines_their_numbers():
    source = sources.read("dataset:cdnow", columns={})
    assert rows(source)[:2] == [
        (2, "00001", "1997-01-01", "11.77"),
        (3, "00002", "1997-01-12", "12.00"),
    ]


def test_cdnow_is_read_without_importing_lifetimes():
    code = (
        "import sys; from workbench import sources; sources.read('dataset:cdnow', columns={});"
        "sys.exit('lifetimes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_online_retail_gives_the_published_rows(shared):
    source = sources.read(
        shared / "data" / "online_retail_uci.parquet",
        columns={
            "customer_id": "CustomerID",
            "date": "InvoiceDate",
            "amount": "UnitPrice",
            "order_id": "InvoiceNo",
        },
    )
    n_rows, n_without, n_cancelled, n_distinct = source.relation.aggregate(
        "count(*), count(*) FILTER (customer_id = ''), count(*) FILTER (order_id LIKE 'C%'),"
        " count(DISTINCT fingerprint)"
    ).fetchall()[0]
    assert (n_rows, n_without, n_cancelled) == (541_909, 135_080, 9_288)
    assert n_rows - n_distinct == 5_268
    assert source.relation.filter("customer_id LIKE '%.%'").fetchall() == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("07_duplicate_header.csv", r"more than one column called \['amount'\]"),
        ("09_empty_file.csv", "09_empty_file.csv is empty: it has 0 bytes"),
        ("10_header_only.csv", "header but no transactions"),
        ("11_wrong_columns.csv", r"lacks \['customer_id', 'amount'\].*'cust'.*'umsatz'"),
        ("12_ragged_rows.csv", "2 of 218 rows .* 4 fields .*: line 51 has 6, line 121 has 3"),
    ],
)
def test_nasty_files_are_refused_by_name_and_line(shared, name, message):
    with pytest.raises(DataError, match=message):
        sources.read(shared / "data" / "messy" / name, columns={"date": "order_date"})


# messages


def test_a_missing_column_is_named_with_a_mapping_to_paste(file):
    with pytest.raises(DataError) as refusal:
        sources.read(file("Kundennummer;Bestelldatum;Gesamt\n1;2024-01-31;5\n"), columns={})
    assert "lacks ['customer_id', 'date', 'amount']" in str(refusal.value)
    assert "it has ['Kundennummer', 'Bestelldatum', 'Gesamt']" in str(refusal.value)
    assert 'columns={"customer_id": "Kundennummer", "date": "Bestelldatum", "amount": "?"}' in str(
        refusal.value
    )


def test_a_mapping_to_a_column_that_is_not_there_is_refused_with_the_nearest(file):
    with pytest.raises(DataError, match=r"lacks \['umsatz'\].*\"amount\": \"Umsatz\""):
        sources.read(
            file("customer_id,date,Umsatz\n1,2024-01-31,5\n"), columns={"amount": "umsatz"}
        )


def test_a_promised_order_id_must_be_there(file):
    with pytest.raises(DataError, match=r"lacks \['beleg'\]"):
        sources.read(file(HEADER + "1,2024-01-31,5\n"), columns={"order_id": "beleg"})


def test_a_missing_column_in_parquet_is_refused_like_in_csv(tmp_path):
    path = parquet(tmp_path / "orders.parquet", "SELECT 1 AS kunde, 2 AS amount")
    with pytest.raises(DataError, match=r"lacks \['customer_id', 'date'\]"):
        sources.read(path, columns={})


def test_an_unknown_key_is_refused_with_the_allowed_ones(file):
    with pytest.raises(ValueError, match=r"\['customer'\].*allowed are \['customer_id', 'date'"):
        sources.read(file(HEADER), columns={"customer": "Nr"})


def test_one_column_cannot_be_two_of_ours(file):
    with pytest.raises(ValueError, match=r"more than one of our names to \['x'\]"):
        sources.read(file(HEADER), columns={"date": "x", "amount": "x"})


def test_an_unknown_preset_is_refused_with_the_known_ones(file):
    with pytest.raises(ValueError, match="'german' names no preset; there are: deutsch"):
        sources.read(file(HEADER), columns="german")


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match="'cdnwo' is unknown; there are: cdnow"):
        sources.read("dataset:cdnwo", columns={})


def test_a_mapping_for_an_embedded_data_set_is_refused():
    with pytest.raises(ValueError, match="does not apply to dataset:cdnow"):
        sources.read("dataset:cdnow", columns={"date": "Tag"})


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nothing.csv does not exist"):
        sources.read(tmp_path / "nothing.csv", columns={})


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        sources.read(tmp_path, columns={})


def test_an_ending_that_cannot_be_read_is_refused_with_those_that_can(file):
    with pytest.raises(DataError, match=r"'\.xlsx'; what can be read ends in \.csv, .*parquet"):
        sources.read(file("x", "orders.xlsx"), columns={})


def test_bytes_that_are_not_utf8_are_refused_with_their_line(file):
    path = file(HEADER.encode() + b"1,2024-01-31,5\n" * 200_000 + b"M\xfcller,2024-01-31,5\n")
    with pytest.raises(DataError, match="not UTF-8: line 200002 holds the byte 0xFC"):
        sources.read(path, columns={})


def test_a_letter_cut_by_the_end_of_a_block_is_no_error(file, monkeypatch):
    monkeypatch.setattr(sources, "_CHUNK_BYTES", 7)
    path = file(HEADER + "äöü,2024-01-31,5\n" * 7)
    assert sources.read(path, columns={}).n_rows == 7
    path = file(HEADER.encode() + "äöü,2024-01-31,5\n".encode() * 7 + b"\xc3,2024-01-31,5\n")
    with pytest.raises(DataError, match="line 9 holds the byte 0xC3"):
        sources.read(path, columns={})


def test_a_file_of_one_column_is_refused(file):
    with pytest.raises(DataError, match="line 1 holds no comma, semicolon, tab or bar"):
        sources.read(file("customer_id\n1\n"), columns={})


def test_ragged_rows_after_a_line_end_in_quotes_are_named_by_their_line(file):
    text = HEADER + '1,"2024\n",5\n\n2,2024-01-31\n' + "3,2024-01-31,5,x\n" * 6
    with pytest.raises(
        DataError, match=r"7 of 8 rows .*: line 5 has 2, line 6 has 4,.* and 2 more"
    ):
        sources.read(file(text), columns={})


def test_an_open_quote_is_refused_with_the_line_that_opens_it(file):
    text = HEADER + '1,"2024-01\n-31",5\n2,"2024-01-31,5\n3,2024-01-31,5\n'
    with pytest.raises(DataError, match="row that starts in line 4 cannot be read: unexpected end"):
        sources.read(file(text), columns={})


def test_mixed_line_ends_are_refused_with_the_cause(file):
    with pytest.raises(DataError, match=r"cannot be read as text.*one kind of line end") as refusal:
        sources.read(
            file("customer_id,date,amount\r\n1,2024-01-31,5\n2,2024-01-31,5\r\n"), columns={}
        )
    assert isinstance(refusal.value.__cause__, duckdb.Error)


def test_the_row_of_a_refusal_by_the_parser_is_not_shown(file):
    path = file(HEADER + "anna," + "x" * 3_000_000 + ",5\n")
    with pytest.raises(DataError, match=r"cannot be read|field larger") as refusal:
        sources.read(path, columns={})
    assert "xxx" not in str(refusal.value)


def test_a_broken_parquet_file_is_refused_with_its_cause(file):
    with pytest.raises(DataError, match="cannot be read as Parquet") as refusal:
        sources.read(file("no parquet", "orders.parquet"), columns={})
    assert isinstance(refusal.value.__cause__, duckdb.Error)


def test_a_parquet_file_without_rows_is_refused(tmp_path):
    path = parquet(
        tmp_path / "orders.parquet",
        "SELECT '1' AS customer_id, '2024-01-31' AS date, 5 AS amount WHERE false",
    )
    with pytest.raises(DataError, match="header but no transactions"):
        sources.read(path, columns={})
