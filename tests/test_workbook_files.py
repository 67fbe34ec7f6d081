import io
from decimal import Decimal

import openpyxl
import pandas as pd

from workbench import workbook_files

DAY = pd.Timestamp("2025-12-31")
TEXTS = (
    "00123",
    "=1+1",
    "+49 170",
    "@SUM(A1)",
    "-3",
    "1E5",
    "1234567890123456789",
    "Müller\nSöhne",
)


def opened(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_texts_come_back_as_texts_and_marked_as_such():
    content = workbook_files.workbook({"Kunden": (["Text"], [(text,) for text in TEXTS])}, day=DAY)
    cells = [row[0] for row in opened(content)["Kunden"].iter_rows(min_row=2)]
    assert tuple(cell.value for cell in cells) == TEXTS
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}
    assert all(cell.quotePrefix for cell in cells)


def test_numbers_are_numbers_with_their_places_and_nothing_is_empty():
    rows = [(Decimal("-1234.50"), 7, None, DAY)]
    sheet = opened(workbook_files.workbook({"A": (list("abcd"), rows)}, day=DAY))["A"]
    money, count, nothing, day = next(sheet.iter_rows(min_row=2))
    assert (money.value, money.number_format) == (-1234.5, "0.00")
    assert count.value == 7
    assert nothing.value is None
    assert (day.value, day.number_format) == (DAY.to_pydatetime(), "yyyy-mm-dd")


def test_the_same_tables_give_the_same_bytes():
    sheets = {"A": (["x"], [("1",), (Decimal("2.5"),)]), "B": (["y"], [])}
    first, second = (workbook_files.workbook(sheets, day=DAY) for _ in range(2))
    assert first == second
    assert opened(first).properties.modified.year == 2025
