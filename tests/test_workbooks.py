import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from workbench import sources, textfiles, workbooks
from workbench.schema import DataError, TableForm

NAMES = ("customer_id", "date", "amount")
DAY = datetime.date(2024, 1, 31)
ERASURE = TableForm("erasure", needed=("customer_id",), ids=("customer_id",))


@pytest.fixture
def book(tmp_path):
    """Write a workbook of sheets, each a list of rows, and give its path."""

    def write(*, name: str = "orders.xlsx", epoch=None, **sheets: list[tuple]) -> Path:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.active)
        if epoch is not None:
            workbook.epoch = epoch
        for title, rows in sheets.items():
            sheet = workbook.create_sheet(title)
            for row in rows:
                sheet.append(row)
        workbook.save(tmp_path / name)
        return tmp_path / name

    return write


def changed(path: Path, part: str, old: str, new: str) -> Path:
    """Replace text in a part of a workbook, as another program might have written it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in parts[part]
    parts[part] = parts[part].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def rows(source: sources.Source, columns: str = "line, customer_id, date, amount") -> list[tuple]:
    return source.relation.order("line").project(columns).fetchall()


# by hand


def test_cells_become_exact_text_and_lines_are_rows_of_the_sheet(book):
    path = book(
        Umsatz=[
            (*NAMES, "order_id", "quantity", "category", "channel"),
            ("00123", DAY, 0.1, 17850, 2, "Wein", True),
            (7, datetime.datetime(2024, 2, 1, 12, 49), -12.5, 17851.0, 5.0, 12, "#N/A"),
            (),
            (7.5, DAY, 1234567890123456, "B1", 1e-7, None, datetime.time(8, 30)),
        ]
    )
    source = sources.read(path, columns={})
    assert rows(source, ", ".join(source.relation.columns[:-1])) == [
        (2, "00123", "2024-01-31", "0.1", "17850", "2", "Wein", "true"),
        (3, "7", "2024-02-01 12:49:00", "-12.5", "17851", "5", "12", "#N/A"),
        (5, "7.5", "2024-01-31", "1234567890123456", "B1", "1e-07", "", "08:30:00"),
    ]
    assert (source.name, source.label, source.n_rows) == ("orders", "orders.xlsx", 3)
    sheet = source.facts[0]
    assert (sheet.code, sheet.value) == ("sheet", "Umsatz, Spaltennamen in Zeile 1")
    assert "date_format" not in [fact.code for fact in source.facts]


def test_text_in_a_workbook_has_a_dialect_like_any_text(book):
    path = book(Umsatz=[NAMES, ("1", "31.12.2025", "1.234,50 €"), ("2", "1.2.2025", "7,00 €")])
    source = sources.read(path, columns={})
    assert rows(source) == [(2, "1", "2025-12-31", "1234.50"), (3, "2", "2025-02-01", "7.00")]
    assert (source.currency, source.dialect.date_format) == ("EUR", "dmy")


def test_words_and_errors_stand_in_a_typed_column_as_they_are(book):
    path = book(
        Umsatz=[NAMES, ("1", DAY, 1.234), ("2", "offen", "#DIV/0!"), ("3", "#N/A", "n/a"), NAMES]
    )
    assert rows(sources.read(path, columns={})) == [
        (2, "1", "2024-01-31", "1.234"),
        (3, "2", "offen", "#DIV/0!"),
        (4, "3", "#N/A", "n/a"),
        (5, *NAMES),
    ]


def test_title_rows_above_the_names_are_none(book):
    path = book(
        Umsatz=[
            (),
            ("Umsatz je Kunde und Tag", None, None, None),
            ("Stand:", DAY, "Filter:", "alle", "kein", "Konto"),
            (),
            (None, *NAMES, None, None),
            (None, "1", DAY, 5, None, None),
            (None, "2", DAY, 6, None, "Notiz"),
            (),
        ]
    )
    source = sources.read(path, columns={})
    assert rows(source) == [(6, "1", "2024-01-31", "5"), (7, "2", "2024-01-31", "6")]
    assert source.columns_found == ("", *NAMES)


def test_a_sheet_is_taken_by_its_name(book):
    path = book(
        Januar=[NAMES, ("1", DAY, 5)], Februar=[NAMES, ("2", DAY, 6)], Leer=[(), (None, "")]
    )
    source = sources.read(path, columns={}, query="Februar")
    assert rows(source, "customer_id") == [("2",)]
    assert (source.name, source.label) == ("orders_februar", "orders.xlsx: Februar")


def test_hidden_and_empty_sheets_do_not_count_unless_they_are_named(book):
    path = book(Listen=[NAMES, ("2", DAY, 6)], Umsatz=[NAMES, ("1", DAY, 5)], Leer=[])
    workbook = openpyxl.load_workbook(path)
    workbook["Listen"].sheet_state = "hidden"
    workbook.save(path)
    assert rows(sources.read(path, columns={}), "customer_id") == [("1",)]
    assert rows(sources.read(path, columns={}, query="Listen"), "customer_id") == [("2",)]


def test_days_of_a_workbook_from_1904_are_the_days_shown(book):
    path = book(epoch=CALENDAR_MAC_1904, Umsatz=[NAMES, ("1", DAY, 5)])
    assert rows(sources.read(path, columns={}), "date") == [("2024-01-31",)]


def test_plain_numbers_are_days_of_excel_if_that_is_said(book):
    path = book(Umsatz=[NAMES, ("1", 45322, 5), ("2", 45323.5, 5)])
    source = sources.read(path, columns={}, dialect={"date_format": "excel"})
    assert rows(source, "date") == [("2024-01-31",), ("2024-02-01 12:00:00",)]


def test_a_formula_counts_with_its_stored_value_and_one_without_is_counted(book):
    path = book(Umsatz=[NAMES, ("1", DAY, "=2+3"), ("2", DAY, "=A2"), ("3", DAY, 7)])
    path = changed(path, "xl/worksheets/sheet1.xml", "<f>2+3</f><v />", "<f>2+3</f><v>5</v>")
    source = sources.read(path, columns={})
    assert rows(source, "amount") == [("5",), ("",), ("7",)]
    formulas = next(fact for fact in source.facts if fact.code == "formulas")
    assert formulas.value == "1, gelten als leer"


def test_merged_titles_and_cells_over_columns_do_not_matter(book):
    path = book(Umsatz=[("Umsatz",), NAMES, ("1", DAY, 5), ("Summe", None, None, "Ende")])
    workbook = openpyxl.load_workbook(path)
    workbook.active.merge_cells("A1:C1")
    workbook.active.merge_cells("A4:C4")
    workbook.save(path)
    assert rows(sources.read(path, columns={}), "line, customer_id") == [(3, "1"), (4, "Summe")]


def test_a_number_that_is_formatted_as_a_day_and_is_none_stands_as_an_error(book):
    path = book(Umsatz=[NAMES, ("1", DAY, 5), ("2", 99_999_999, 5)])
    workbook = openpyxl.load_workbook(path)
    workbook.active["B3"].number_format = "dd.mm.yyyy"
    workbook.save(path)
    assert rows(sources.read(path, columns={}), "date") == [("2024-01-31",), ("#VALUE!",)]


def test_a_wrong_size_in_the_sheet_is_not_believed(book):
    path = book(Umsatz=[NAMES, ("1", DAY, 5), ("2", DAY, 6)])
    path = changed(path, "xl/worksheets/sheet1.xml", 'ref="A1:C3"', 'ref="A1"')
    assert rows(sources.read(path, columns={}), "customer_id") == [("1",), ("2",)]


def test_a_workbook_may_hold_another_table_of_one_column(book):
    path = book(Liste=[("Löschliste",), ("kunde_id",), ("00123",), (124,)])
    source = sources.read(path, columns="deutsch", form=ERASURE)
    assert rows(source, "line, customer_id") == [(3, "00123"), (4, "124")]


def test_the_same_workbook_gives_the_same_lines_whatever_the_batch(book, monkeypatch):
    path = book(Umsatz=[NAMES, *((str(i), DAY, i / 7) for i in range(25))])
    whole = sources.read(path, columns={})
    monkeypatch.setattr("workbench.typed_cells._BATCH", 4)
    monkeypatch.setattr(workbooks, "_CHUNK_BYTES", 300)
    assert rows(sources.read(path, columns={})) == rows(whole)


# messages


def test_several_sheets_with_data_are_refused_with_their_names(book):
    path = book(Januar=[NAMES, ("1", DAY, 5)], Februar=[NAMES, ("2", DAY, 6)])
    with pytest.raises(DataError, match=r"2 sheets with data: Januar, Februar.*query='Januar'"):
        sources.read(path, columns={})
    with pytest.raises(DataError, match=r"no sheet 'März'; there are: Januar, Februar"):
        sources.read(path, columns={}, query="März")


def test_an_empty_workbook_is_refused(book):
    with pytest.raises(DataError, match=r"orders.xlsx is empty"):
        sources.read(book(Umsatz=[]), columns={})
    with pytest.raises(DataError, match="the sheet 'Leer' is empty"):
        sources.read(book(Umsatz=[NAMES], Leer=[]), columns={}, query="Leer")
    with pytest.raises(DataError, match="no transactions"):
        sources.read(book(Umsatz=[NAMES]), columns={})


def test_a_missing_column_is_named_with_those_found(book):
    path = book(Umsatz=[("Bericht",), ("Kunde", "Tag", "Umsatz"), ("1", DAY, 5)])
    with pytest.raises(DataError, match=r"lacks .*it has \['Kunde', 'Tag', 'Umsatz'\]"):
        sources.read(path, columns={})


def test_a_sheet_without_names_is_refused(book):
    with pytest.raises(DataError, match="none has 3 texts"):
        sources.read(book(Umsatz=[(1, DAY, 5), (2, DAY, 6)]), columns={})


def test_a_name_that_stands_twice_is_refused_with_its_row(book):
    path = book(Umsatz=[("Bericht",), (*NAMES, "amount"), ("1", DAY, 5, 6)])
    with pytest.raises(DataError, match=r"more than one column called \['amount'\] in row 2"):
        sources.read(path, columns={})


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((DAY, 5), ("31.12.2025", 5), r"'date' .* a day in line 2: '2024-01-31', a text in line 3"),
        ((DAY, 5), (45322, 5), r"'date' .* a day in line 2: .* a number in line 3: '45322'"),
        ((DAY, 1.234), (DAY, "12,50"), r"'amount' .* line 2: '1.234', a text in line 3: '12,50'"),
        ((DAY, 5), (DAY, DAY), r"'amount' .* line 2: '5', a day in line 3: '2024-01-31'"),
    ],
)
def test_a_column_of_mixed_cells_is_refused_with_the_first_of_each(book, first, second, message):
    with pytest.raises(DataError, match=message):
        sources.read(book(Umsatz=[NAMES, ("1", *first), ("2", *second)]), columns={})


@pytest.mark.parametrize("number", [1234567890123456, 1.23456789012345e19])
def test_an_id_longer_than_excel_keeps_is_refused_unless_it_is_text(book, number):
    path = book(Umsatz=[NAMES, (1, DAY, 5), (number, DAY, 5)])
    with pytest.raises(DataError, match=r"'customer_id' .* more than 15 digits, .* line 3"):
        sources.read(path, columns={})
    path = book(Umsatz=[NAMES, (1, DAY, 5), ("1234567890123456", DAY, 5)])
    assert rows(sources.read(path, columns={}), "customer_id") == [("1",), ("1234567890123456",)]


def test_cells_merged_over_rows_of_the_table_are_refused(book):
    path = book(Umsatz=[NAMES, ("1", DAY, 5), (None, DAY, 6), ("2", DAY, 7)])
    workbook = openpyxl.load_workbook(path)
    workbook.active.merge_cells("A2:A3")
    workbook.save(path)
    with pytest.raises(DataError, match=r"1 merged cells .* like A2:A3 .* Unmerge them"):
        sources.read(path, columns={})


def test_day_numbers_of_a_workbook_from_1904_are_refused(book):
    path = book(epoch=CALENDAR_MAC_1904, Umsatz=[NAMES, ("1", 43860, 5)])
    with pytest.raises(DataError, match=r"counts its days from 1904, and 'date'"):
        sources.read(path, columns={}, dialect={"date_format": "excel"})


def test_a_protected_workbook_is_refused(tmp_path):
    path = tmp_path / "orders.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000)
    with pytest.raises(DataError, match="protected by a password"):
        sources.read(path, columns={})


@pytest.mark.parametrize("ending", ["xls", "ods"])
def test_other_spreadsheets_are_refused_with_what_can_be_read(tmp_path, ending):
    path = tmp_path / f"orders.{ending}"
    path.write_bytes(b"x")
    with pytest.raises(DataError, match=rf"'\.{ending}'; what can be read ends in .*\.xlsx"):
        sources.read(path, columns={})


def test_a_workbook_that_unpacks_to_far_more_is_refused_before_it_is_opened(book, monkeypatch):
    monkeypatch.setattr(textfiles, "FREE_UNPACKED_BYTES", 1 << 20)
    path = book(Umsatz=[NAMES, ("1", DAY, 5)])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * 20_000_000)
    monkeypatch.setattr(openpyxl, "load_workbook", None)
    with pytest.raises(DataError, match=r"has \d+ bytes and unpacks to 20\d+, more than 100 times"):
        sources.read(path, columns={})


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/worksheets/sheet1.xml", "</sheetData>", ""),
        ("xl/worksheets/sheet1.xml", 'r="A2"', 'r="2A"'),
        ("xl/workbook.xml", "</sheets>", "</sheet>"),
        ("[Content_Types].xml", "workbook", "werkbook"),
        (
            "xl/workbook.xml",
            "<workbook ",
            '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><workbook ',
        ),
    ],
)
def test_a_broken_workbook_is_refused_with_its_cause(book, part, old, new):
    path = changed(book(Umsatz=[NAMES, ("1", DAY, 5)]), part, old, new)
    with pytest.raises(DataError, match=r"orders.xlsx cannot be read as a workbook") as refusal:
        sources.read(path, columns={})
    assert refusal.value.__cause__ is not None


def test_what_is_no_workbook_is_refused(tmp_path):
    path = tmp_path / "orders.xlsx"
    path.write_text("customer_id,date,amount\n")
    with pytest.raises(DataError, match=r"orders.xlsx is no workbook: File is not a zip file"):
        sources.read(path, columns={})


def test_a_row_beyond_those_of_excel_is_refused(book, monkeypatch):
    path = changed(
        book(Umsatz=[NAMES, ("1", DAY, 5)]),
        "xl/worksheets/sheet1.xml",
        '<row r="2">',
        '<row r="99999999999">',
    )
    monkeypatch.setattr(workbooks, "MAX_ROWS", 1000)
    with pytest.raises(DataError, match="has a row beyond 1000"):
        sources.read(path, columns={})
