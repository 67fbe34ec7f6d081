import gc
import gzip
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from workbench import sources, textfiles
from workbench.schema import DataError, ParameterError, TableForm

HEADER = "customer_id,date,amount\n"
ERASURE = TableForm("erasure", needed=("customer_id",), ids=("customer_id",))


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


def test_what_is_plain_or_can_not_be_read_stays_the_text_that_stands_in_the_file(file):
    source = sources.read(
        file(HEADER + '00123,2024-01-31,12.50\n" a ",,"1,234.5"\nNULL,Summe,12x\n'),
        columns={},
    )
    assert rows(source) == [
        (2, "00123", "2024-01-31", "12.50"),
        (3, " a ", "", "1234.5"),
        (4, "NULL", "Summe", "12x"),
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
    text = HEADER + '1,2024-01-01,1\n\n2,"am\n",2\n3,2024-01-03,3\n\n\n4,2024-01-04,4'
    source = sources.read(file(text), columns={})
    assert rows(source, "line, customer_id") == [(2, "1"), (4, "2"), (6, "3"), (9, "4")]


def test_lines_keep_their_numbers_however_many_blank_lines_there_are(file, monkeypatch):
    monkeypatch.setattr(textfiles, "_BATCH", 3)
    source = sources.read(file(HEADER + "1,2024-01-31,5\n\n" * 10), columns={})
    assert [line for (line,) in rows(source, "line")] == list(range(2, 22, 2))


@pytest.mark.parametrize("start", ["\n", "\n \n", "sep=,\n\n", "\nsep=,\n"])
def test_blank_lines_before_the_header_are_none(file, start):
    source = sources.read(file(start + HEADER + "1,2024-01-31,5\n"), columns={})
    assert rows(source) == [(start.count("\n") + 2, "1", "2024-01-31", "5")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_that_needs_one_column_may_have_one(file, end):
    text = end.join(["", "kunde_id", "00123", "", '"7\n8"', "9", "", ""])
    source = sources.read(file(text), columns="deutsch", form=ERASURE)
    assert rows(source, "line, customer_id") == [(3, "00123"), (5, "7\n8"), (7, "9")]
    assert (source.n_rows, source.columns_found) == (3, ("kunde_id",))


def test_a_table_that_needs_one_column_may_have_more(file):
    text = "kunde_id;grund\n00123;Wunsch\n7;\n"
    source = sources.read(file(text), columns="deutsch", form=ERASURE)
    assert rows(source, "line, customer_id") == [(2, "00123"), (3, "7")]
    assert source.dialect.delimiter == ";"


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


def test_the_german_preset_knows_the_names_of_line_items(file):
    names = "kunde_id;datum;betrag;beleg_id;artikel;kategorie;menge;rabatt;deckungsbeitrag;kanal"
    cells = "1;2024-01-31;5,50;B1;A7;Wein;2;0,50;1,25;Laden"
    source = sources.read(file(f"{names};waehrung\n{cells};EUR\n"), columns="deutsch")
    ours = "product_id, category, quantity, discount, margin, channel, currency"
    assert rows(source, ours) == [("A7", "Wein", "2", "0.50", "1.25", "Laden", "EUR")]


def test_quantity_and_unit_price_may_stand_for_the_amount(file):
    text = "customer_id;date;Menge;Preis\n1;2024-01-31;2;1.234,50\n"
    columns = {"quantity": "Menge", "unit_price": "Preis"}
    source = sources.read(file(text), columns=columns)
    assert rows(source, "quantity, unit_price") == [("2", "1234.50")]
    assert source.columns == {"customer_id": "customer_id", "date": "date", **columns}


def test_the_delimiter_is_the_one_that_also_cuts_the_lines(file):
    text = "customer_id;date, local;amount, net, EUR\n1;2024-01-31;5,50\n2;2024-02-01;7,50\n"
    source = sources.read(file(text), columns={"date": "date, local", "amount": "amount, net, EUR"})
    assert rows(source) == [(2, "1", "2024-01-31", "5.50"), (3, "2", "2024-02-01", "7.50")]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_first_line_of_an_excel_export_says_the_delimiter(file, first, mark):
    text = f"{first}\r\ncustomer_id;date;amount\r\n1;2024-01-31;5,50\r\n\r\n2;2024-02-01;7\r\n"
    source = sources.read(file(mark + text.encode()), columns={})
    assert rows(source) == [(3, "1", "2024-01-31", "5.50"), (5, "2", "2024-02-01", "7")]
    assert source.dialect.delimiter == ";"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_letters_of_any_encoding_are_read(file, encoding):
    text = HEADER + "Müller & Söhne €,2024-01-31,5\n"
    source = sources.read(file(text.encode(encoding)), columns={})
    assert rows(source, "line, customer_id") == [(2, "Müller & Söhne €")]
    assert source.dialect.encoding == encoding


def test_a_closing_quote_after_a_sharp_s_does_not_make_a_windows_file_utf8(file):
    lines = ["Müller", "Größe", "Öz", "„Spaß“", *["Jäger"] * 20]
    text = HEADER + "".join(f"{name},2024-01-31,5\n" for name in lines)
    source = sources.read(file(text.encode("cp1252")), columns={})
    assert [name for (name,) in rows(source, "customer_id")] == lines


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt"])
def test_a_packed_file_is_read_like_the_plain_one(file, suffix):
    content = (HEADER + "Müller,2024-01-31,5\n").encode("cp1252")
    plain = sources.read(file(content, f"Umsatz 2024.{suffix}"), columns={})
    packed = sources.read(file(gzip.compress(content), f"Umsatz 2024.{suffix}.GZ"), columns={})
    assert rows(plain) == rows(packed) == [(2, "Müller", "2024-01-31", "5")]
    assert plain.name == packed.name == "umsatz_2024"


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "jsonl.gz"])
def test_json_lines_are_read_by_key_with_their_line(file, suffix):
    lines = [
        {"Kunden Nr": "00123", "date": "2024-01-31", "amount": 12.5, "tags": [1, {"a": 2}]},
        None,
        {"amount": 1.234, "Kunden Nr": 7, "date": "2024-02-01T10:00:00Z"[:10], "x/y": "ß"},
        {"amount": None, "date": "2024-02-02", "Kunden Nr": "a"},
    ]
    text = "\n".join("" if line is None else json.dumps(line) for line in lines)
    content = text.encode()
    packed = gzip.compress(content) if suffix.endswith(".gz") else content
    source = sources.read(file(packed, f"orders.{suffix}"), columns={"customer_id": "Kunden Nr"})
    assert rows(source) == [
        (1, "00123", "2024-01-31", "12.5"),
        (3, "7", "2024-02-01", "1.234"),
        (4, "a", "2024-02-02", ""),
    ]
    assert source.columns_found == ("Kunden Nr", "amount", "date", "tags", "x/y")


def test_numbers_as_text_in_json_have_a_dialect_like_any_text(file):
    line = '{"customer_id": "1", "date": "31.12.2025", "amount": "1.234,50"}\n'
    source = sources.read(file(line, "orders.jsonl"), columns={})
    assert rows(source) == [(1, "1", "2025-12-31", "1234.50")]


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


def test_a_folder_of_parquet_is_read_in_the_order_of_its_names(tmp_path):
    row = "SELECT '{}' AS customer_id, DATE '2024-01-31' AS date, {} AS amount"
    (tmp_path / "orders" / "year=2024").mkdir(parents=True)
    parquet(tmp_path / "orders" / "b.parquet", row.format("b", 2))
    parquet(tmp_path / "orders" / "a.parquet", row.format("a", 1))
    parquet(tmp_path / "orders" / "year=2024" / "c[1].parquet", row.format("c", 3))
    parquet(tmp_path / "orders" / "_hidden.parquet", "SELECT 1 AS x")
    source = sources.read(tmp_path / "orders", columns={})
    assert rows(source, "line, customer_id, amount") == [
        (1, "a", "1"),
        (2, "b", "2"),
        (3, "c", "3"),
    ]
    assert source.columns_found == ("customer_id", "date", "amount")
    assert source.name == "orders"
    first = source.sha256
    parquet(tmp_path / "orders" / "a.parquet", row.format("a", 9))
    assert sources.read(tmp_path / "orders", columns={}).sha256 != first


def test_parquet_from_pandas_keeps_categories_instants_and_decimals(tmp_path):
    path = parquet(
        tmp_path / "orders.parquet",
        "SELECT 'a'::ENUM('a', 'b') AS customer_id, TIMESTAMPTZ '2024-06-01 22:30:00+00' AS date,"
        " 1234.50::DECIMAL(9,2) AS amount, 2.5::FLOAT AS quantity",
    )
    source = sources.read(path, columns={})
    assert rows(source, "customer_id, date, amount, quantity") == [
        ("a", "2024-06-02 00:30:00", "1234.50", "2.5")
    ]
    assert "time_zone" in [fact.code for fact in source.facts]


def test_text_in_parquet_has_a_dialect_like_any_text(tmp_path):
    path = parquet(
        tmp_path / "orders.parquet",
        "SELECT '007' AS customer_id, '31.12.2025' AS date, '1.234,50 €' AS amount",
    )
    source = sources.read(path, columns={})
    assert rows(source) == [(1, "007", "2025-12-31", "1234.50")]
    assert source.currency == "EUR"


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


def test_cdnow_is_read_without_importing_lifetimes_and_what_is_slow_to_import():
    code = (
        "import sys; from workbench import sources; sources.read('dataset:cdnow', columns={});"
        "print(*{'lifetimes', 'sqlalchemy', 'openpyxl', 'scipy.stats'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n")


def test_no_bar_is_drawn_where_python_is_a_dialogue():
    code = (
        "import sys; from workbench import orders, sources;"
        "made = [sources._connect(), orders.connect(), orders._engine()];"
        "ask = \"SELECT current_setting('enable_progress_bar')\";"
        "print(*{one.execute(ask).fetchone() for one in made})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "(False,)\n"


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
        (
            "34_mixed_date_formats.csv",
            r"ambiguous, .*YYYY-MM-DD \(37, line 2: '2010-12-01'\); dd/mm/yyyy or mm/dd/yyyy "
            r"\(33, line 3: .*dd.mm.yy \(.*yyyymmdd \(.*dd/mm/yyyy \(.*mm/dd/yyyy \(",
        ),
        ("12_ragged_rows.csv", "2 of 218 rows .* 4 fields .*: line 51 has 6, line 121 has 3"),
    ],
)
def test_nasty_files_are_refused_by_name_and_line(shared, name, message):
    with pytest.raises(DataError, match=message):
        sources.read(shared / "data" / "messy" / name, columns={"date": "order_date"})


@pytest.mark.parametrize(
    ("name", "columns", "money", "dialect"),
    [
        (
            "03_semicolon_decimal_comma.csv",
            {
                "customer_id": "Kundennummer",
                "date": "Bestelldatum",
                "amount": "Betrag",
                "order_id": "Bestellnr",
            },
            "71084.25",
            (";", ",", ".", "dmy"),
        ),
        (
            "23_thousands_separators.csv",
            {"date": "order_date"},
            "71084250.00",
            (",", ".", ",", "iso"),
        ),
    ],
)
def test_files_in_another_dialect_give_the_customers_days_and_sum_of_the_reference(
    shared, name, columns, money, dialect
):
    folder = shared / "data" / "messy"
    source = sources.read(folder / name, columns=columns)
    plain = sources.read(folder / "01_clean_reference.csv", columns={"date": "order_date"})
    days = "customer_id, date[:10] AS day, order_id"
    assert source.relation.project(days).order("ALL").fetchall() == (
        plain.relation.project(days).order("ALL").fetchall()
    )
    total = source.relation.aggregate("sum(amount::DECIMAL(18, 2))::VARCHAR").fetchall()
    assert total == [(money,)]
    assert source.dialect[1:5] == dialect


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
    with pytest.raises(
        DataError, match="'cdnwo' is unknown; there are: beispiel, cdnow, complete-journey"
    ):
        sources.read("dataset:cdnwo", columns={})


def test_a_mapping_for_an_embedded_data_set_is_refused():
    with pytest.raises(ValueError, match="does not apply to dataset:cdnow"):
        sources.read("dataset:cdnow", columns={"date": "Tag"})


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nothing.csv does not exist"):
        sources.read(tmp_path / "nothing.csv", columns={})


def test_an_ending_that_cannot_be_read_is_refused_with_those_that_can(file):
    with pytest.raises(DataError, match=r"'\.xls'; what can be read ends in \.csv, .*parquet"):
        sources.read(file("x", "orders.xls"), columns={})


def test_bytes_that_are_not_the_encoding_given_are_refused_with_their_line(file):
    path = file(HEADER.encode() + b"1,2024-01-31,5\n" * 200_000 + b"M\xfcller,2024-01-31,5\n")
    with pytest.raises(DataError, match="not UTF-8: line 200002 holds the byte 0xFC"):
        sources.read(path, columns={}, dialect={"encoding": "utf-8"})


def test_utf8_is_not_read_as_another_encoding(file):
    with pytest.raises(DataError, match=r"is UTF-8 and not cp1252: 1 letters .* in line 2"):
        sources.read(
            file(HEADER + "Müller,2024-01-31,5\n"), columns={}, dialect={"encoding": "cp1252"}
        )


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_a_byte_order_mark_is_not_overruled(file, encoding):
    path = file((HEADER + "Ä,2024-01-31,5\n").encode("utf-8-sig"))
    with pytest.raises(DataError, match=f"mark of utf-8-sig, and is not {encoding}"):
        sources.read(path, columns={}, dialect={"encoding": encoding})
    assert sources.read(path, columns={}, dialect={"encoding": "utf-8"}).n_rows == 1


def test_a_byte_that_windows_does_not_have_is_refused_with_its_line(file):
    with pytest.raises(DataError, match="not cp1252: line 3 holds the byte 0x81"):
        sources.read(
            file(HEADER.encode() + b"1,2024-01-31,5\nM\x81ller,2024-01-31,5\n"), columns={}
        )


def test_two_encodings_in_one_file_are_refused_with_a_line_of_each(file):
    path = file(HEADER.encode() + "Müller,2024-01-31,5\n".encode() + b"M\xfcller,2024-01-31,5\n")
    with pytest.raises(
        DataError, match=r"mixes encodings: line 2 holds UTF-8, and line 3 the byte 0xFC"
    ):
        sources.read(path, columns={})


def test_a_nul_byte_is_refused_with_its_line(file):
    with pytest.raises(DataError, match="line 3 holds a NUL byte"):
        sources.read(file(HEADER + "1,2024-01-31,5\n\0,2024-01-31,5\n"), columns={})


def test_utf16_without_a_mark_is_refused_with_what_to_say_and_then_read(file):
    path = file((HEADER + "Ä,2024-01-31,5\n").encode("utf-16-le"))
    with pytest.raises(DataError, match=r"line 1 holds a NUL byte.*utf-16"):
        sources.read(path, columns={})
    source = sources.read(path, columns={}, dialect={"encoding": "utf-16"})
    assert rows(source) == [(2, "Ä", "2024-01-31", "5")]


def test_a_letter_cut_by_the_end_of_a_block_is_no_error(file, monkeypatch):
    monkeypatch.setattr(textfiles, "_CHUNK_BYTES", 7)
    path = file(HEADER + "äöü,2024-01-31,5\n" * 7)
    source = sources.read(path, columns={})
    assert (source.n_rows, source.dialect.encoding) == (7, "utf-8")
    path = file(HEADER.encode() + "äöü,2024-01-31,5\n".encode() * 7 + b"\xc3,2024-01-31,5\n")
    with pytest.raises(DataError, match="line 9 the byte 0xC3"):
        sources.read(path, columns={})


def test_a_broken_gzip_file_is_refused(file):
    packed = gzip.compress((HEADER + "1,2024-01-31,5\n").encode())
    for name, content in (("cut.csv.gz", packed[:-9]), ("none.csv.gz", b"customer_id")):
        with pytest.raises(DataError, match=f"{name} cannot be unpacked after"):
            sources.read(file(content, name), columns={})


def test_a_gzip_file_that_inflates_a_thousandfold_is_refused(file, monkeypatch):
    monkeypatch.setattr(textfiles, "FREE_UNPACKED_BYTES", 1 << 20)
    packed = gzip.compress(HEADER.encode() + b"1,2024-01-31,5\n" * 1_000_000)
    with pytest.raises(
        DataError, match=r"bomb.csv.gz has \d+ bytes .* more than 100 times as many"
    ):
        sources.read(file(packed, "bomb.csv.gz"), columns={})


@pytest.mark.parametrize("name", ["long.csv", "long.jsonl"])
def test_a_line_of_a_million_letters_is_refused_with_its_number(file, name):
    line = '{"customer_id": 1, "date": "2024-01-31", "amount": 5}\n'
    start = HEADER + "1,2024-01-31,5\n" if name.endswith(".csv") else 2 * line
    with pytest.raises(DataError, match="line 3 is longer than the 131072 bytes") as refusal:
        sources.read(file(start + "x" * 1_000_000 + "\n", name), columns={})
    assert "xxx" not in str(refusal.value)


def test_a_json_line_that_is_no_object_is_refused_with_its_number(file):
    line = '{"customer_id": 1, "date": "2024-01-31", "amount": 5}\n'
    with pytest.raises(DataError, match="line 3, line 4 is no JSON object"):
        sources.read(file(line + "\n" + '{"customer_id": \n' + "[1]\n", "orders.jsonl"), columns={})


def test_a_folder_without_parquet_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is a folder without a .parquet file"):
        sources.read(tmp_path, columns={})


def test_a_folder_of_parquet_whose_files_differ_is_refused(tmp_path):
    parquet(
        tmp_path / "a.parquet", "SELECT 1 AS customer_id, DATE '2024-01-31' AS date, 5 AS amount"
    )
    parquet(tmp_path / "b.parquet", "SELECT 1 AS customer_id, DATE '2024-01-31' AS date")
    with pytest.raises(DataError, match=r"b.parquet lacks 'amount'"):
        sources.read(tmp_path, columns={})


@pytest.mark.parametrize(
    ("name", "key"),
    [("o.parquet", "delimiter"), ("o.parquet", "encoding"), ("o.jsonl", "delimiter")],
)
def test_a_part_that_a_file_does_not_have_is_refused(file, name, key):
    given = {"delimiter": ";", "encoding": "cp1252"}[key]
    with pytest.raises(
        ParameterError, match=f"dialect has a {key}, which does not apply to {name}"
    ):
        sources.read(file("x", name), columns={}, dialect={key: given})


def test_a_dialect_for_an_embedded_data_set_is_refused():
    with pytest.raises(ParameterError, match=r"dialect=.*does not apply to dataset:cdnow"):
        sources.read("dataset:cdnow", columns={}, dialect={"decimal": ","})


def test_a_delimiter_that_is_not_in_the_header_is_refused(file):
    with pytest.raises(DataError, match="line 1 holds no ';', so there is one column"):
        sources.read(file(HEADER + "1,2024-01-31,5\n"), columns={}, dialect={"delimiter": ";"})


def test_a_file_of_one_column_is_refused(file):
    with pytest.raises(DataError, match="line 1 holds no comma, semicolon, tab or bar"):
        sources.read(file("customer_id\n1\n"), columns={})


def test_rows_with_more_fields_than_a_header_of_one_are_refused(file):
    with pytest.raises(DataError, match=r"1 of 2 rows have not the 1 fields .*: line 3 has 2"):
        sources.read(file("customer_id\n1\n2,3\n"), columns={}, form=ERASURE)


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


# what a review of the intake found


def test_what_is_spilled_to_disk_is_for_nobody_else_and_goes_with_the_connection(file):
    source = sources.read(file(HEADER + "a,2024-01-31,1\n"), columns={})
    source.connection.execute("SET memory_limit = '30MB'")
    source.connection.execute("CREATE TABLE big AS SELECT random() AS x FROM range(8000000)")
    (place,) = source.connection.execute("SELECT current_setting('temp_directory')").fetchone()
    private = Path(place).parent
    assert any(Path(place).iterdir())
    assert private.stat().st_mode & 0o777 == 0o700
    del source
    gc.collect()
    assert not private.exists()


def test_ids_that_differ_only_in_blanks_at_their_ends_are_one_and_others_keep_them(file):
    source = sources.read(
        file(HEADER + " 77 ,2024-01-31,1\n77,2024-01-31,1\n 5 ,2024-01-31,1\n6 ,2024-01-31,1\n"
             "\u00a06,2024-01-31,1\n"),
        columns={},
    )  # fmt: skip
    assert [row[1] for row in rows(source)] == ["77", "77", " 5 ", "6", "6"]
    stated = {fact.code: fact for fact in source.facts}["blanks_customer_id"]
    assert stated.text == (
        "4 customer_ids with blanks at their ends, the first in line 2; those that differ in "
        "nothing else are one, the others stay"
    )
    assert stated.label == "Kundennummern mit Leerzeichen am Rand"


def test_an_id_is_the_same_however_its_umlaut_is_composed(file):
    source = sources.read(
        file(HEADER + "Mu\u0308ller,2024-01-31,1\nM\u00fcller,2024-01-31,1\n"), columns={}
    )
    assert [row[1] for row in rows(source)] == ["M\u00fcller"] * 2


def test_ids_in_scientific_notation_stay_and_are_stated(file):
    source = sources.read(
        file(HEADER + "1.23E+05,2024-01-31,1\n2E10,2024-01-31,1\n123000,2024-01-31,1\n"),
        columns={},
    )
    assert [row[1] for row in rows(source)] == ["1.23E+05", "2E10", "123000"]
    stated = {fact.code: fact.text for fact in source.facts}["scientific_customer_id"]
    assert stated == (
        "1 customer_ids like 1.23E+05, the first in line 2, stay; their last digits may be lost"
    )


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("SH", "SHs", r"'SH',.*holds H, S\b"),
        ("Soll/Haben", ["Soll", " haben ", ""], r"'Soll/Haben',.*holds haben, Soll\b"),
        ("Vorzeichen", "+-+", r"'Vorzeichen',.*holds \+, -"),
        ("dc", "DCd", r"'dc',.*holds C, D\b"),
        ("Belegart", ["Rechnung", "Gutschrift", "Rechnung"], r"'Belegart',.*holds Gutschrift\b"),
        ("Typ", ["Verkauf", "STORNO", ""], r"'Typ',.*holds STORNO\b"),
        ("type", ["Sale", "Credit", "Sale"], r"'type',.*holds Credit\b"),
        ("Transaction Type", ["Order", "Return", "Order"], r"'Transaction Type',.*holds Return\b"),
    ],
)
def test_returns_that_hide_in_a_column_of_their_own_are_refused(file, name, values, said):
    lines = "".join(f"k{i},2024-01-31,{i + 1},{value}\n" for i, value in enumerate(values))
    with pytest.raises(DataError, match=said) as refused:
        sources.read(file(f"customer_id,date,amount,{name}\n{lines}"), columns={})
    assert "minus" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "values", "amounts"),
    [
        ("SH", "SHS", (1, -2, 3)),
        ("SH", "SSS", (1, 2, 3)),
        ("SH", "SHX", (1, 2, 3)),
        ("size", "SHS", (1, 2, 3)),
        ("Belegart", ["Gutschrift"] * 3, (1, 2, 3)),
        ("Typ", ["Credit", "PayPal", "Cash"], (1, 2, 3)),
        ("type", ["wholesale", "retail", "retail"], (1, 2, 3)),
    ],
)
def test_a_column_that_hides_no_returns_is_none_of_ours(file, name, values, amounts):
    lines = "".join(f"k,2024-01-31,{x},{v}\n" for x, v in zip(amounts, values, strict=True))
    assert sources.read(file(f"customer_id,date,amount,{name}\n{lines}"), columns={}).n_rows == 3


def test_a_key_that_stands_twice_in_an_object_is_refused_with_its_line(file):
    twice = '{"customer_id":"a","date":"2024-01-31","amount":1}\n' * 2 + (
        '{"customer_id":"a","customer_id":"b","date":"2024-01-31","amount":1}\n'
    )
    with pytest.raises(DataError, match=r"line 3.*'customer_id' twice"):
        sources.read(file(twice, "orders.jsonl"), columns={})


@pytest.mark.parametrize("value", ['{"id":"a"}', '["a"]'])
def test_an_object_or_list_in_a_chosen_column_is_refused_and_elsewhere_not(file, value):
    rest = '"date":"2024-01-31","amount":1'
    plain = f'{{"customer_id":"a",{rest},"more":{value}}}\n'
    assert sources.read(file(plain, "orders.jsonl"), columns={}).n_rows == 1
    nested = plain + f'{{"customer_id":{value},{rest}}}\n'
    with pytest.raises(DataError, match=r"'customer_id' .*line 2.*object or a list"):
        sources.read(file(nested, "nested.jsonl"), columns={})


@pytest.mark.parametrize("value", ["['a']", "{'id': 'a'}", "MAP {'id': 'a'}"])
def test_a_nested_parquet_column_is_no_id(tmp_path, value):
    path = parquet(
        tmp_path / "orders.parquet",
        f"SELECT {value} AS customer_id, DATE '2024-01-31' AS date, 1.5 AS amount",
    )
    with pytest.raises(DataError, match=r"'customer_id' of orders.parquet holds lists or objects"):
        sources.read(path, columns={})


def test_bytes_in_parquet_are_text_or_refused(tmp_path):
    select = "SELECT '{}'::BLOB AS customer_id, DATE '2024-01-31' AS date, 1.5 AS amount"
    good = parquet(tmp_path / "good.parquet", select.format("M\\xC3\\xBCller"))
    assert rows(sources.read(good, columns={}))[0][1] == "M\u00fcller"
    bad = parquet(tmp_path / "bad.parquet", select.format("\\xFF"))
    with pytest.raises(DataError, match=r"'customer_id' of bad.parquet, line 1, holds bytes"):
        sources.read(bad, columns={})


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("SELECT 'b' AS customer_id, DATE '2024-01-31' AS date", r"b\.parquet lacks 'amount'"),
        (
            "SELECT 'b' AS customer_id, DATE '2024-01-31' AS date, 'x' AS amount",
            r"b\.parquet holds 'amount' as VARCHAR, and a\.parquet as DECIMAL\(2,1\)",
        ),
    ],
)
def test_parquet_files_that_differ_are_named_with_the_column(tmp_path, second, said):
    first = "SELECT 'a' AS customer_id, DATE '2024-01-31' AS date, 1.5 AS amount"
    parquet(tmp_path / "a.parquet", first)
    parquet(tmp_path / "b.parquet", second)
    with pytest.raises(DataError, match=said) as refused:
        sources.read(tmp_path, columns={})
    assert "DuckDB" not in str(refused.value) and str(tmp_path) + "/" not in str(refused.value)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04rest", r"a zip archive.*\.xlsx"),
        (gzip.compress(b"a", mtime=0), r"packed with gzip.*\.gz"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"PAR1\x15\x04", r"Parquet.*\.parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"Excel before 2007"),
        (b"\n <!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf<table border=1>", "a web page"),
    ],
)
@pytest.mark.parametrize("name", ["orders.csv", "orders.txt", "orders.jsonl"])
def test_what_is_no_text_is_called_by_its_name(file, start, what, name):
    with pytest.raises(DataError, match=what):
        sources.read(file(start + b"\0" * 20, name), columns={})


@pytest.mark.parametrize(
    "address",
    [
        " postgresql://anna:s3cret@host/shop",
        "\tpostgresql://host/shop?password=s3cret",
        "host=db user=anna password=s3cret",
        "host=db Password = s3cret",
        "anna:s3cret@host/shop",
        "data/postgresql://anna:s3cret@host",
    ],
)
def test_what_may_hold_a_password_is_never_repeated(address):
    with pytest.raises(DataError, match=r"address of a database") as refused:
        sources.read(address, columns={})
    assert "s3cret" not in str(refused.value)


def test_a_header_of_far_too_many_columns_is_refused(file):
    header = ",".join(f"c{i}" for i in range(2001))
    with pytest.raises(DataError, match="has 2001 columns, more than the 2000"):
        sources.read(file(f"{header}\n"), columns={})
