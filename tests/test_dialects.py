import datetime as dt
import random
from decimal import Decimal

import duckdb
import pytest
from babel.numbers import format_currency
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import sources
from workbench.dialects import Dialect, check_settings
from workbench.schema import DataError, ParameterError, TableForm


@pytest.fixture
def read(tmp_path):
    """Write the cells of one column beside plain others, and read them."""

    def reader(cells: list[str], *, column: str = "amount", **dialect: str) -> sources.Source:
        plain = {"customer_id": "k1", "date": "2024-01-31", "amount": "5"}
        lines = ["|".join(plain)]
        lines += ["|".join((plain | {column: cell}).values()) for cell in cells]
        path = tmp_path / "export.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return sources.read(path, columns={}, dialect=dialect)

    return reader


def texts(source: sources.Source, column: str = "amount") -> list[str]:
    return [text for (text,) in source.relation.order("line").project(column).fetchall()]


def stated(source: sources.Source) -> dict[str, str]:
    return {fact.code: fact.text for fact in source.facts}


# by hand


@pytest.mark.parametrize(
    ("cells", "plain", "decimal", "thousands"),
    [
        (["1.234,56", "7,5"], ["1234.56", "7.5"], ",", "."),
        (["1'234.56", "7.5"], ["1234.56", "7.5"], ".", "'"),
        (["1\u2019234.56", "7.5"], ["1234.56", "7.5"], ".", "'"),
        (["1,234.56", "7.5"], ["1234.56", "7.5"], ".", ","),
        (["1,234,567.89"], ["1234567.89"], ".", ","),
        (["1 234,56", "7,5"], ["1234.56", "7.5"], ",", " "),
        (["1\u00a0234,56"], ["1234.56"], ",", " "),
        (["1\u202f234,56"], ["1234.56"], ",", " "),
        (["1.234.567", "1.234"], ["1234567", "1234"], ",", "."),
        (["1.234", "0.500"], ["1.234", "0.500"], ".", ""),
        (["1.234", "1234.500"], ["1.234", "1234.500"], ".", ""),
        (["1,234", "5,5"], ["1.234", "5.5"], ",", ""),
        (["1.234", "5,5"], ["1234", "5.5"], ",", "."),
        (["1,234", "5.5"], ["1234", "5.5"], ".", ","),
        (["1'234"], ["1234"], ".", "'"),
        (["12", "1234"], ["12", "1234"], ".", ""),
        (["1e-05", "2.5E+3", "-1e2"], ["1e-05", "2.5E+3", "-1e2"], ".", ""),
        (["12.", ".5"], ["12.", ".5"], ".", ""),
    ],
)
def test_a_column_of_numbers_tells_its_signs(read, cells, plain, decimal, thousands):
    source = read(cells)
    assert texts(source) == plain
    assert (source.dialect.decimal, source.dialect.thousands) == (decimal, thousands)


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("-1.234,56", "-1234.56"),
        ("1.234,56-", "-1234.56"),
        ("+1.234,56", "1234.56"),
        ("\u22121.234,56", "-1234.56"),
        ("1.234,56 €", "1234.56"),
        ("1.234,56\u00a0€", "1234.56"),
        ("€ 1.234,56", "1234.56"),
        ("-€1.234,56", "-1234.56"),
        ("€-1.234,56", "-1234.56"),
        ("1.234,56- €", "-1234.56"),
        ("1.234,56 €-", "-1234.56"),
        ("1.234,56 EUR", "1234.56"),
        ("EUR 1.234,56", "1234.56"),
        ("  1.234,56\t", "1234.56"),
        ("--1.234,56", "--1.234,56"),
        ("-1.234,56-", "-1.234,56-"),
        ("1.234,56x", "1.234,56x"),
        ("1.23,4", "1.23,4"),
        ("1.2345,6", "1.2345,6"),
        ("", ""),
        ("NaN", "NaN"),
        ("12,5x", "12,5x"),
    ],
)
def test_sign_and_currency_stand_before_or_after_and_what_is_no_number_stays(read, cell, plain):
    assert texts(read([cell, "2.345,67"])) == [plain, "2345.67"]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["5 €", "6,50 EUR", "7"], "EUR"),
        (["CHF-1\u2019234.56"], "CHF"),
        (["$5.50"], "USD"),
        (["5.50"], ""),
    ],
)
def test_the_currency_beside_the_numbers_is_that_of_the_source(read, cells, code):
    assert read(cells).currency == code


def test_all_columns_of_numbers_are_read_alike(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        "customer_id;date;quantity;unit_price;discount;margin;category\n"
        "1;2024-01-31;1.000;1.234,50 €;0,5-;7;1,5\n"
    )
    source = sources.read(path, columns={})
    assert source.relation.project(
        "quantity, unit_price, discount, margin, category"
    ).fetchall() == [("1000", "1234.50", "-0.5", "7", "1,5")]
    assert "amount" not in source.columns


@pytest.mark.parametrize(
    ("cells", "plain", "date_format"),
    [
        (["2024-01-31", "2024-02-01"], ["2024-01-31", "2024-02-01"], "iso"),
        (["2024-01-31 14:05"], ["2024-01-31 14:05:00"], "iso"),
        (["2024-01-31T14:05:06.5"], ["2024-01-31 14:05:06.5"], "iso"),
        (["31.12.2025", "1.2.2025"], ["2025-12-31", "2025-02-01"], "dmy"),
        (["31.12.2025 14:05"], ["2025-12-31 14:05:00"], "dmy"),
        (["31.12.25", "01.02.69", "01.02.68"], ["2025-12-31", "1969-02-01", "2068-02-01"], "dmy"),
        (["31/12/2025", "01/02/2025"], ["2025-12-31", "2025-02-01"], "dmy"),
        (["12/31/2025", "01/02/2025"], ["2025-12-31", "2025-01-02"], "mdy"),
        (
            ["12/31/25 8:26", "1/2/25 18:26:30"],
            ["2025-12-31 08:26:00", "2025-01-02 18:26:30"],
            "mdy",
        ),
        (["31-12-2025", "01-02-2025"], ["2025-12-31", "2025-02-01"], "dmy"),
        (["20251231", "20250102"], ["2025-12-31", "2025-01-02"], "ymd"),
        (["2025/12/31"], ["2025-12-31"], "ymd"),
        (["01/01/2025", "2/2/2025"], ["2025-01-01", "2025-02-02"], "dmy"),
        (["31.12.2025", "", "n/a"], ["2025-12-31", "", "n/a"], "dmy"),
    ],
)
def test_a_column_of_days_tells_its_format(read, cells, plain, date_format):
    source = read(cells, column="date")
    assert texts(source, "date") == plain
    assert source.dialect.date_format == date_format


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("2024-06-01T22:30:00Z", "2024-06-02 00:30:00"),
        ("2024-06-01T22:30:00+02:00", "2024-06-01 22:30:00"),
        ("2024-06-01 22:30:00.25 +0200", "2024-06-01 22:30:00.25"),
        ("2024-01-31 23:30-05", "2024-02-01 05:30:00"),
        ("2024-12-31T23:30:00Z", "2025-01-01 00:30:00"),
    ],
)
def test_offsets_become_the_clock_of_the_one_stated_zone(read, cell, plain):
    source = read([cell, "2024-06-01T12:00:00Z"], column="date")
    assert texts(source, "date") == [plain, "2024-06-01 14:00:00"]
    assert stated(source)["time_zone"] == "instants are read on the clock of Europe/Berlin"


@pytest.mark.parametrize(
    ("cells", "date_format", "plain"),
    [
        (["01/02/2025"], "dmy", ["2025-02-01"]),
        (["01/02/2025"], "mdy", ["2025-01-02"]),
        (["05.01.25"], "dmy", ["2025-01-05"]),
        (["01-02-25"], "mdy", ["2025-01-02"]),
        (["Dec 05, 2010"], "%b %d, %Y", ["2010-12-05"]),
        (["12/31/2025 1:05 PM"], "%m/%d/%Y %I:%M %p", ["2025-12-31 13:05:00"]),
        (["31.12.2025 23:30 +0000"], "%d.%m.%Y %H:%M %z", ["2026-01-01 00:30:00"]),
        (
            ["45000", "45000.5", "45000,25"],
            "excel",
            ["2023-03-15", "2023-03-15 12:00:00", "2023-03-15 06:00:00"],
        ),
        (["1717281000", "1717281000.5"], "epoch", ["2024-06-02 00:30:00", "2024-06-02 00:30:00.5"]),
        (["1717281000123"], "epoch", ["2024-06-02 00:30:00.123"]),
        (["2025-12-31"], "iso", ["2025-12-31"]),
        (["20251231"], "ymd", ["2025-12-31"]),
    ],
)
def test_a_format_that_is_given_is_taken(read, cells, date_format, plain):
    source = read(cells, column="date", date_format=date_format)
    assert texts(source, "date") == plain
    assert source.dialect.date_format == date_format
    assert source.dialect.origin["date_format"] == "given"


@pytest.mark.parametrize(("decimal", "plain"), [(".", "1.234"), (",", "1234")])
def test_a_decimal_sign_that_is_given_tells_what_the_numbers_do_not(read, decimal, plain):
    source = read(["1.234"], decimal=decimal)
    assert texts(source) == [plain]
    assert source.dialect.origin["decimal"] == "given"
    assert source.dialect.origin["thousands"] == "detected"


@pytest.mark.parametrize(("thousands", "plain"), [("", "1.234"), (".", "1234")])
def test_so_does_a_thousands_sign(read, thousands, plain):
    assert texts(read(["1.234"], thousands=thousands)) == [plain]


@pytest.mark.parametrize(
    ("ids", "plain", "code"),
    [
        (["12345.0", "12345", "00123"], ["12345", "12345", "00123"], "joined_customer_id"),
        (["12345.0", "67.0"], ["12345", "67"], "joined_customer_id"),
        (["12345.0", "", "NaN"], ["12345", "", "NaN"], "joined_customer_id"),
        (["12345.0", "K-7"], ["12345.0", "K-7"], "kept_customer_id"),
        (["12345.50", "00123"], ["12345.50", "00123"], None),
    ],
)
def test_ids_of_floating_point_are_joined_by_one_rule_and_stated(read, ids, plain, code):
    source = read(ids, column="customer_id")
    assert texts(source, "customer_id") == plain
    assert [c for c in stated(source) if c.endswith("customer_id")] == ([code] if code else [])


def test_joined_ids_are_counted_with_their_first_line(read):
    source = read(["00123", "12345.0", "12345", "7.0"], column="customer_id")
    assert stated(source)["joined_customer_id"] == (
        "2 of 4 customer_ids like 12345.0, the first in line 3, are read as 12345"
    )
    (fact,) = [fact for fact in source.facts if fact.code == "joined_customer_id"]
    assert (fact.label, fact.value) == ("Kundennummern auf „.0“", "2 von 4, gelesen ohne „.0“")


def test_what_was_found_and_what_was_given_is_stated_in_both_languages(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("customer_id;date;amount\nMüller;31.12.25;1.234,50 €\n", encoding="cp1252")
    source = sources.read(path, columns={}, dialect={"decimal": ","})
    assert source.dialect == Dialect(
        "cp1252",
        ";",
        ",",
        ".",
        "dmy",
        origin={
            "encoding": "detected",
            "delimiter": "detected",
            "decimal": "given",
            "thousands": "detected",
            "date_format": "detected",
        },
    )
    assert [fact.text for fact in source.facts] == [
        "encoding: cp1252 (detected)",
        "delimiter: semicolon (detected)",
        "decimal: comma (given)",
        "thousands: point (detected)",
        "date_format: dmy (detected)",
        "currency beside the numbers: EUR",
        "years of two digits: 00 to 68 are 20.., 69 to 99 are 19..",
    ]
    assert {fact.label: fact.value for fact in source.facts} == {
        "Zeichensatz": "Windows-1252 (erkannt)",
        "Trennzeichen": "Semikolon (erkannt)",
        "Dezimalzeichen": "Komma (vorgegeben)",
        "Tausenderzeichen": "Punkt (erkannt)",
        "Datumsformat": "Tag, Monat, Jahr (erkannt)",
        "Währung der Beträge": "EUR",
        "Zweistellige Jahre": "00 bis 68 gelten als 20.., 69 bis 99 als 19..",
    }


def test_signs_that_no_number_shows_are_not_stated(read):
    assert not {"decimal", "thousands"} & set(stated(read(["5", "1200"])))


def test_amounts_of_an_export_that_writes_purchases_with_a_minus_are_turned(read):
    source = read(["-1.234,50", "12,00-", "3,5", "0,00", "offen", "-"], returns_sign="+")
    assert texts(source) == ["1234.50", "12.00", "-3.5", "0.00", "offen", "-"]
    assert stated(source)["returns_sign"] == "returns_sign: plus (given)"
    assert source.dialect.returns_sign == "+"
    same = read(["-1.234,50"], returns_sign="-")
    assert texts(same) == ["-1234.50"]


@pytest.mark.parametrize(
    ("names", "cells", "plain"),
    [
        ("amount,quantity", ["-5,-2", "-7,-1", "3,1"], ["5,2", "7,1", "-3,-1"]),
        ("amount,quantity", ["-5,2", "-7,1", "3,-1"], ["5,2", "7,1", "-3,-1"]),
        ("unit_price,quantity", ["5,-2", "7,-1", "3,1"], ["5,2", "7,1", "3,-1"]),
    ],
)
def test_quantities_are_turned_where_purchases_have_a_minus_there(tmp_path, names, cells, plain):
    path = tmp_path / "export.csv"
    lines = [f"customer_id,date,{names}", *(f"k1,2024-01-31,{cell}" for cell in cells)]
    path.write_text("\n".join(lines), encoding="utf-8")
    source = sources.read(path, columns={}, dialect={"returns_sign": "+"})
    first, second = (texts(source, name) for name in names.split(","))
    assert [f"{a},{b}" for a, b in zip(first, second, strict=True)] == plain


def test_a_repeated_header_and_a_line_without_customer_do_not_disturb(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        "Nr;Tag 1;Wert\n1;31.12.2025;1,50\nNr;Tag 1;Wert\n;Summe 2025;1,50\n", encoding="utf-8"
    )
    columns = {"customer_id": "Nr", "date": "Tag 1", "amount": "Wert"}
    source = sources.read(path, columns=columns)
    assert texts(source, "date") == ["2025-12-31", "Tag 1", "Summe 2025"]
    assert texts(source) == ["1.50", "Wert", "1.50"]


# properties


SIGNS = [(".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (".", "\u2019"), (",", "\u00a0")]
FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%y"]
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16"]


def written(amount: Decimal, decimal: str, thousands: str) -> str:
    plain = f"{abs(amount):,.2f}".translate({ord(","): "T", ord("."): "D"})
    sign = "-" if amount < 0 else ""
    return sign + plain.replace("T", thousands).replace("D", decimal)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_same_table_in_any_dialect_gives_the_same_relation(tmp_path_factory, data):
    days = st.dates(dt.date(1970, 1, 1), dt.date(2068, 12, 31))
    cents = st.integers(-10_000_000, 10_000_000).map(lambda n: Decimal(n) / 100)
    ids = st.sampled_from(["00123", "Müller", "Größe & Co", "7"])
    rows = data.draw(st.lists(st.tuples(ids, days, cents), min_size=1, max_size=15))
    # A day after the 12th tells dd/mm from mm/dd.
    rows.append(("Özil", dt.date(2024, 1, 31), Decimal("-1234567.89")))
    decimal, thousands = data.draw(st.sampled_from(SIGNS))
    encoding = data.draw(st.sampled_from(ENCODINGS))
    day_format = data.draw(st.sampled_from(FORMATS))
    delimiter = data.draw(st.sampled_from([";", "\t", "|", ","]))
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    cells = [["customer_id", "date", "amount"]]
    for customer, day, amount in rows:
        text = written(amount, decimal, thousands)
        text = f'"{text}"' if delimiter in text else text
        cells.append([customer, day.strftime(day_format), text])
    path = tmp_path_factory.mktemp("dialect") / "export.csv"
    path.write_bytes(end.join(delimiter.join(row) for row in cells).encode(encoding))

    source = sources.read(path, columns={})
    found = source.relation.order("line").project("line, customer_id, date, amount").fetchall()
    assert found == [
        (line, customer, day.isoformat(), f"{amount:.2f}")
        for line, (customer, day, amount) in enumerate(rows, start=2)
    ]
    assert source.dialect.encoding == encoding
    assert source.dialect.delimiter == delimiter


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_lines_does_not_matter(read, seed):
    cells = ["1.234", "5,5", "12", "1.000.000", "-7,25-", "x"]
    random.Random(seed).shuffle(cells)
    plain = {"1.234": "1234", "5,5": "5.5", "1.000.000": "1000000"}
    assert texts(read(cells)) == [plain.get(cell, cell) for cell in cells]


# against an authority


@pytest.mark.parametrize(
    ("number", "locale", "currency"),
    [
        (n, locale, currency)
        for n in (0.05, 1234.56, -1234567.89, 12.0)
        for locale, currency in (
            ("de_DE", "EUR"),
            ("de_AT", "EUR"),
            ("de_CH", "CHF"),
            ("en_US", "USD"),
            ("fr_FR", "EUR"),
        )
    ],
)
def test_money_as_the_unicode_locales_write_it_is_read(read, number, locale, currency):
    cells = [format_currency(n, currency, locale=locale) for n in (number, 7654.32)]
    source = read(cells)
    assert [float(text) for text in texts(source)] == [number, 7654.32]
    assert source.currency == currency


# messages


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["1.234", "5.678", "12"],
            r"2 numbers .* two ways.* line 2: '1.234'\. If '\.' is the decimal sign, say "
            r'dialect=\{"decimal": "\."\}; .*\{"decimal": ","\}',
        ),
        (["1,234"], r"1 numbers .* two ways"),
        (
            ["1.50", "2.50", "1,50"],
            r"3 numbers .* more than one way: 2 like line 2: '1.50', but 1 like line 4: '1,50'",
        ),
        (["1.234,50", "1'234,50"], "more than one way"),
        (["1.234.567", "1.5"], "more than one way"),
        (["12,50 S", "7,00 H"], r"2 numbers .* end in S or H .*line 2: '12,50 S'"),
        (["12,50H"], "Soll or Haben"),
        (["5 €", "5 CHF"], r"2 currencies, CHF, EUR: line 2: '5 €', line 3: '5 CHF'"),
    ],
)
def test_numbers_that_can_be_read_in_two_ways_are_refused(read, cells, message):
    with pytest.raises(DataError, match=message):
        read(cells)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["01/02/2025", "03/04/2025"], r"dd/mm or mm/dd, because no day .*line 2: '01/02/2025'"),
        (
            ["13/02/2025", "02/13/2025"],
            r"dd/mm/yyyy \(1, line 2: '13/02/2025'\); mm/dd/yyyy \(1, line 3: '02/13/2025'\)",
        ),
        (["2025-01-31", "31.01.2025"], r"YYYY-MM-DD \(1, line 2.*dd.mm.yyyy \(1, line 3"),
        (["31/01/2025", "31-01-2025"], "more than one way"),
        (["2025-01-31", "2025-01-31T12:00:00Z"], "with an offset from UTC, or none"),
        (["Dec 05, 2010"], r"no date .* can be told: another form \(1, line 2: 'Dec 05, 2010'\)"),
        (["45000", "45001"], r"a number \(2, line 2: '45000'\).* are \"excel\""),
        (["1717281000"], '"epoch"'),
        (["31.12.2025", "31.02.2025"], r"1 dates .* no days of the format 'dmy': line 3: '31.02"),
    ],
)
def test_days_that_can_be_read_in_two_ways_are_refused(read, cells, message):
    with pytest.raises(DataError, match=message):
        read(cells, column="date")


@pytest.mark.parametrize(
    ("cells", "dialect", "message"),
    [
        (["1.50"], {"decimal": ","}, r"1 of 1 numbers .* do not fit .*'decimal': ','.*'1.50'"),
        (["1.234,50"], {"thousands": ""}, r"do not fit .*'thousands': ''"),
        (["1'234.50"], {"thousands": ","}, "do not fit"),
    ],
)
def test_signs_that_do_not_fit_are_refused_with_examples(read, cells, dialect, message):
    with pytest.raises(DataError, match=message):
        read(cells, **dialect)


@pytest.mark.parametrize(
    ("cells", "date_format", "message"),
    [
        (["31/12/2025"], "mdy", "1 dates .* no days of the format 'mdy': line 2: '31/12/2025'"),
        (["31.12.2025"], "iso", "no days of the format 'iso'"),
        (["31.12.25"], "%d.%m.%Y", "no days of the format"),
        (["2025-12-31"], "excel", "no days of the format 'excel'"),
        (["1717281000", "1717281000123"], "epoch", "seconds and milliseconds"),
        (["5"], "excel", "no days of the format"),
    ],
)
def test_a_format_that_does_not_fit_is_refused_with_examples(read, cells, date_format, message):
    with pytest.raises(DataError, match=message):
        read(cells, column="date", date_format=date_format)


@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        ({"decimals": ","}, r"\['decimals'\], which it does not know; allowed are \['encoding'"),
        ({"encoding": "latin-1"}, "encoding='latin-1'; it must be one of utf-8, utf-8-sig, cp1252"),
        ({"delimiter": "ab"}, "delimiter='ab'; it must be one sign"),
        ({"decimal": "'"}, "a point or a comma"),
        ({"decimal": 5}, "decimal='5'; it must be a point or a comma"),
        ({"thousands": "_"}, "an apostrophe"),
        ({"date_format": "dd.mm.yyyy"}, "iso, dmy, mdy, ymd, epoch, excel"),
        ({"decimal": ",", "thousands": ","}, "',' as decimal and as thousands sign"),
    ],
)
def test_a_setting_that_is_none_is_refused_with_those_that_are(dialect, message):
    with pytest.raises(ParameterError, match=message):
        check_settings(dialect)


def test_a_format_that_is_none_is_refused(read):
    with pytest.raises(ParameterError, match="date_format='%Q'"):
        read(["2024"], column="date", date_format="%Q")


def test_a_format_for_days_by_type_is_refused(tmp_path):
    path = tmp_path / "orders.parquet"
    duckdb.connect().execute(
        "COPY (SELECT 'a' AS customer_id, DATE '2024-01-31' AS date, 1 AS amount)"
        f" TO '{path}' (FORMAT parquet)"
    )
    with pytest.raises(ParameterError, match=r"'date' of orders.parquet is a column of days"):
        sources.read(path, columns={}, dialect={"date_format": "dmy"})


def test_a_sign_of_returns_is_for_transactions_only(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("customer_id,postcode\n1,10\n", encoding="utf-8")
    form = TableForm("customers", needed=("customer_id",), texts=("postcode",))
    with pytest.raises(ParameterError, match="customers, which have no returns"):
        sources.read(path, columns={}, form=form, dialect={"returns_sign": "+"})


def test_a_sign_of_returns_that_is_none_is_refused():
    with pytest.raises(ParameterError, match=r"returns_sign='minus'; it must be - where returns"):
        check_settings({"returns_sign": "minus"})


# what a review of the intake found


@pytest.mark.parametrize(
    ("cells", "plain"),
    [
        (["10.00", "(20.50)"], ["10.00", "-20.50"]),
        (["10,00", "(1.020,50)", "( 3,00 )"], ["10.00", "-1020.50", "-3.00"]),
        (["€ 10,00", "(€ 20,50)", "€ (1,00)", "(2,00) €"], ["10.00", "-20.50", "-1.00", "-2.00"]),
    ],
)
def test_numbers_in_parentheses_are_negative_and_stated(read, cells, plain):
    source = read(cells)
    assert texts(source) == plain
    n = sum("(" in cell for cell in cells)
    assert stated(source)["parentheses"] == (
        f"{n} numbers in parentheses are read as negative, the first in line 3"
    )


def test_a_sign_in_parentheses_is_no_number(read):
    assert texts(read(["10.00", "(-20.50)", "(5.00", "5.00)"])) == [
        *("10.00", "(-20.50)", "(5.00", "5.00)"),
    ]


@pytest.mark.parametrize("sign", ["Fr.", "SFr.", "sFr.", "Fr", "SFr"])
def test_francs_are_swiss(read, sign):
    source = read([f"{sign} 12.50", "5.00", f"-{sign}1'005.50", f"{sign} -7.05", "CHF 5.50"])
    assert texts(source) == ["12.50", "5.00", "-1005.50", "-7.05", "5.50"]
    assert stated(source)["currency"] == "currency beside the numbers: CHF"
    assert texts(read([f"7.50 {sign}", f"{sign}0.05"])) == ["7.50", "0.05"]


def test_days_with_am_and_pm_get_the_format_to_say(read):
    with pytest.raises(DataError, match=r"%m/%d/%Y %I:%M %p"):
        read(["12/31/2025 01:05 PM", "12/30/2025 12:00 AM"], column="date")
    with pytest.raises(DataError, match=r"%m/%d/%Y %I:%M:%S %p"):
        read(["12/31/2025 01:05:10 pm"], column="date")
    with pytest.raises(DataError, match=r"%d/%m/%Y %I:%M %p"):
        read(["31/12/2025 01:05 PM"], column="date")
