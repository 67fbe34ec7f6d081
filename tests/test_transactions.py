import csv
import math
import random
from collections import defaultdict
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import sources, transactions
from workbench.schema import DataError, check_orders, purchase_days
from workbench.transactions import TooMuchLost, clean

COLUMNS = ("customer_id", "date", "amount")


@pytest.fixture
def source():
    """Make a source of rows of text."""

    def make(*rows: tuple, columns: tuple[str, ...] = COLUMNS) -> sources.Source:
        return items_of(*rows, columns=columns)

    return make


def items_of(*rows: tuple, columns: tuple[str, ...]) -> sources.Source:
    """A source of plain text as `sources.read` gives it; line 2 is the first."""
    connection = duckdb.connect()
    cells = ", ".join(f"cells[{i + 1}] AS {name}" for i, name in enumerate(columns))
    connection.execute(
        f"""
        CREATE TABLE raw_lines AS
        SELECT line + 1 AS line, {cells}, md5_number(to_json(cells)::VARCHAR) AS fingerprint
        FROM (SELECT unnest($lines::BIGINT[]) AS line, unnest($rows::VARCHAR[][]) AS cells)
        """,
        {"lines": list(range(1, len(rows) + 1)), "rows": [list(row) for row in rows]},
    )
    return sources.Source(
        relation=connection.table("raw_lines"),
        connection=connection,
        name="items",
        label="items.csv",
        currency="",
        embedded=False,
        n_rows=len(rows),
        sha256="",
        columns_found=columns,
        columns={name: name for name in columns},
        dialect=None,
        facts=(),
    )


def source_in(folder, rows, columns=COLUMNS) -> sources.Source:
    path = folder / "orders.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return sources.read(path, columns={})


def orders(cleaned: transactions.Cleaned) -> list[tuple]:
    table = cleaned.orders
    days = table["date"].dt.strftime("%Y-%m-%d")
    return list(zip(table["customer_id"], days, table["amount"], strict=True))


def dropped(cleaned: transactions.Cleaned) -> dict[str, tuple]:
    balance = cleaned.balance.set_index("reason")
    lost = balance.loc[(balance["n_rows"] > 0) & balance.index.isin(transactions.REASONS)]
    columns = lost[["n_rows", "amount", "customers", "first_lines"]]
    return dict(zip(lost.index, columns.itertuples(index=False, name=None), strict=True))


def counts(cleaned: transactions.Cleaned) -> dict[str, int]:
    return dict(zip(cleaned.counts["code"], cleaned.counts["n"], strict=True))


# by hand


def test_all_lines_of_a_customer_on_one_day_are_one_order(source):
    cleaned = clean(
        source(
            ("00123", "2024-01-31 23:59:59", "0.10"),
            ("00123", "2024-01-31", "0.20"),
            ("00123", "2024-02-01T00:00", "5"),
            ("anna", "2024-01-31 08:00:00.123456", "7.5"),
        ),
        max_loss=0.0,
    )
    assert orders(cleaned) == [
        ("00123", "2024-01-31", 0.3),
        ("00123", "2024-02-01", 5.0),
        ("anna", "2024-01-31", 7.5),
    ]
    assert (cleaned.first_day, cleaned.last_day) == (
        pd.Timestamp("2024-01-31"),
        pd.Timestamp("2024-02-01"),
    )


def test_a_small_export_gives_the_balance_written_out_here(source):
    cleaned = clean(
        source(
            ("anna", "2024-01-01", "10.00"),
            ("anna", "2024-01-01", "-4.00"),
            ("NULL", "2024-01-02", "3.00"),
            ("customer_id", "date", "amount"),
            ("ben", "2024-01-02", "zehn"),
            ("ben", "2024-01-03", "0.00"),
            ("anna", "2024-01-04", "-2.50"),
            ("ben", "2024-06-01", "20.00"),
        ),
        max_loss=1.0,
        as_of=pd.Timestamp("2024-03-31"),
    )
    assert orders(cleaned) == [
        ("anna", "2024-01-01", 6.0),
        ("anna", "2024-01-04", -2.5),
        ("ben", "2024-01-03", 0.0),
    ]
    columns = ["reason", "n_rows", "share", "amount", "customers", "first_lines", "values"]
    table = cleaned.balance[columns].set_index("reason", drop=False)
    assert list(table.index) == ["read", *transactions.REASONS, "kept"]
    assert table[table["n_rows"] > 0].to_numpy().tolist() == [
        ["read", 8, 1.0, 26.5, 2, "", ""],
        ["missing_customer", 1, 0.125, 3.0, 0, "4", ""],
        ["repeated_header", 1, 0.125, 0.0, 0, "5", ""],
        ["amount_not_a_number", 1, 0.125, 0.0, 1, "6", "6: 'zehn'"],
        ["after_as_of", 1, 0.125, 20.0, 1, "9", ""],
        ["kept", 4, 0.5, 3.5, 2, "", ""],
    ]
    assert table.loc["duplicate"].tolist() == ["duplicate", 0, 0.0, 0.0, 0, "", ""]
    assert counts(cleaned) == {
        "rows": 8,
        "rows_without_customer": 1,
        "purchases_without_customer": 1,
        "repeated_headers": 1,
        "amounts_not_a_number": 1,
        "duplicate_rows_read": 0,
        "cancellations": 0,
        "rows_usable": 4,
        "customers": 2,
        "purchases": 1,
        "customers_with_purchases": 1,
        "receipts_of_purchases": 0,
        "zero_amounts": 1,
        "negative_amounts": 2,
        "customers_with_returns": 1,
        "customers_net_negative": 0,
        "no_products": 0,
        "duplicate_rows": 0,
        "returns": 2,
        "returns_matched": 0,
        "returns_partial": 0,
        "returns_unmatched": 2,
        "returns_met": 0,
        "orders": 2,
        "zero_orders": 1,
        "buyers": 2,
    }
    money = cleaned.counts.set_index("code")["amount"]
    assert money[["rows", "purchases_without_customer", "rows_usable"]].tolist() == [26.5, 3.0, 3.5]
    assert money[["returns_unmatched", "orders"]].tolist() == [-6.5, 6.0]
    assert math.isnan(money["customers"])
    assert (cleaned.currency, len(cleaned.returned)) == ("", 0)


@pytest.mark.parametrize(
    "nothing",
    ["", "  ", "\t", "\u00a0", "NaN", "NULL", "n/a", "#N/A", "None", "-", " null ", "<NA>", "#NV"],
)
def test_what_stands_for_nothing_is_no_customer(source, nothing):
    cleaned = clean(source(("anna", "2024-01-01", "1"), (nothing, "2024-01-01", "2")), max_loss=1.0)
    assert dropped(cleaned) == {"missing_customer": (1, 2.0, 0, "3")}


@pytest.mark.parametrize("name", ["=1+1", "+49", "-x", "@a", "\tx", " anna ", "nancy", "0", "00"])
def test_an_id_is_kept_as_it_is_written(source, name):
    assert orders(clean(source((name, "2024-01-01", "1")), max_loss=0.0)) == [
        (name, "2024-01-01", 1.0)
    ]


@pytest.mark.parametrize(
    ("text", "amount"),
    [("5", 5.0), ("+5.", 5.0), (".5", 0.5), (" 1234.5678 ", 1234.5678), ("1e3", 1000.0)],
)
def test_amounts_have_a_decimal_point(source, text, amount):
    assert orders(clean(source(("a", "2024-01-01", text)), max_loss=0.0))[0][2] == amount


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "inf", "1,5", "1.234,56", "1,234.56", "1_000", "12 EUR", "5-", "0x1", "1e99", "٣"],
)
def test_what_is_no_number_is_dropped_with_line_and_value(source, text):
    cleaned = clean(source(("a", "2024-01-01", "1"), ("b", "2024-01-01", text)), max_loss=1.0)
    assert dropped(cleaned) == {"amount_not_a_number": (1, 0.0, 1, "3")}
    assert (
        cleaned.balance.set_index("reason").loc["amount_not_a_number", "values"] == f"3: {text!r}"
    )


def test_a_balance_names_five_lines_and_ten_values(source):
    good = [("a", "2024-01-01", "1")] * 20
    bad = [("a", "2024-01-01", f"x{i}") for i in range(12)]
    row = clean(source(*good, *bad), max_loss=1.0).balance.set_index("reason")
    row = row.loc["amount_not_a_number"]
    assert row["first_lines"] == "22, 23, 24, 25, 26"
    assert row["values"].split(", ")[::9] == ["22: 'x0'", "31: 'x9'"]


@pytest.mark.parametrize(
    ("amounts", "order"),
    [
        (["10", "-4"], 6.0),
        (["10", "0"], 10.0),
        (["0", "0"], 0.0),
        (["5", "-5"], None),
        (["5", "-5", "0"], None),
    ],
)
def test_a_day_is_a_purchase_if_its_sum_is_positive_or_all_its_lines_are_free(
    source, amounts, order
):
    rows = [("anna", "2024-01-01", "1")] + [("ben", "2024-02-01", amount) for amount in amounts]
    cleaned = clean(source(*rows), max_loss=1.0, returns="same_day")
    expected = [] if order is None else [("ben", "2024-02-01", order)]
    assert orders(cleaned)[1:] == expected
    assert set(dropped(cleaned)) == ({"return_day"} if order is None else set())
    assert cleaned.last_day == pd.Timestamp("2024-02-01")


@pytest.mark.parametrize(("amounts", "money"), [(["4", "-10"], -6.0), (["0", "-5"], -5.0)])
def test_a_day_with_a_negative_sum_is_kept_with_its_money_and_is_no_purchase(
    source, amounts, money
):
    later = [("anna", "2024-02-01", amount) for amount in amounts]
    cleaned = clean(source(("anna", "2024-01-01", "1"), *later), max_loss=0.0, returns="same_day")
    assert orders(cleaned) == [("anna", "2024-01-01", 1.0), ("anna", "2024-02-01", money)]
    assert dropped(cleaned) == {}
    assert counts(cleaned)["orders"] == len(purchase_days(cleaned.orders)) == 1


def test_equal_lines_are_kept_and_counted_or_dropped_on_demand(source):
    rows = [("a", "2024-01-01", "5"), ("a", "2024-01-01", "5"), ("a", "2024-01-01", "5")]
    reported = clean(source(*rows), max_loss=1.0)
    assert (orders(reported)[0][2], counts(reported)["duplicate_rows"]) == (15.0, 2)
    assert dropped(reported) == {}
    cut = clean(source(*rows), max_loss=1.0, duplicates="drop")
    assert (orders(cut)[0][2], counts(cut)["duplicate_rows"]) == (5.0, 2)
    assert dropped(cut) == {"duplicate": (2, 10.0, 1, "3, 4")}


def test_an_order_that_stands_twice_is_one_order(source):
    rows = [
        ("a", "2024-01-01", "5", "B1"),
        ("a", "2024-01-01", "5", "B1"),
        ("a", "2024-01-01", "5", "B2"),
        ("a", "2024-01-01", "1", ""),
        ("a", "2024-01-01", "1", ""),
    ]
    cleaned = clean(source(*rows, columns=(*COLUMNS, "order_id")), max_loss=1.0)
    assert dropped(cleaned) == {"duplicate": (1, 5.0, 1, "3")}
    assert orders(cleaned) == [("a", "2024-01-01", 12.0)]


def test_equal_lines_of_one_order_with_several_lines_are_kept(source):
    rows = [
        ("a", "2024-01-01", "5", "B1"),
        ("a", "2024-01-01", "5", "B1"),
        ("a", "2024-01-01", "7", "B1"),
    ]
    cleaned = clean(source(*rows, columns=(*COLUMNS, "order_id")), max_loss=0.0)
    assert orders(cleaned) == [("a", "2024-01-01", 17.0)]
    assert counts(cleaned)["duplicate_rows"] == 1


def test_lines_that_differ_in_a_column_nobody_asked_for_are_no_duplicates(source):
    rows = [("a", "2024-01-01", "5", "Tee"), ("a", "2024-01-01", "5", "Kaffee")]
    cleaned = clean(source(*rows, columns=(*COLUMNS, "artikel")), max_loss=0.0, duplicates="drop")
    assert orders(cleaned) == [("a", "2024-01-01", 10.0)]


def test_as_of_is_the_last_day_that_counts_and_its_rows_are_not_lost(source):
    rows = [("a", "2024-01-31 23:00:00", "5"), ("a", "2024-02-01", "5"), ("b", "2024-03-01", "9")]
    cleaned = clean(source(*rows), max_loss=0.0, as_of=pd.Timestamp("2024-01-31"))
    assert orders(cleaned) == [("a", "2024-01-31", 5.0)]
    assert dropped(cleaned) == {"after_as_of": (2, 14.0, 2, "3, 4")}
    assert cleaned.last_day == pd.Timestamp("2024-01-31")


def test_people_on_a_list_are_left_out_and_point_at_no_line(source):
    """Blanks and the .0 of floating point in either place do not save anybody from erasure."""
    rows = source(
        ("123", "2024-01-01", "5"),
        (" 77 ", "2024-01-01", "7"),
        ("9", "2024-01-02", "abc"),
        ("anna", "2024-01-02", "11"),
        ("ben", "2024-01-02", "13"),
    )
    cleaned = clean(
        rows, max_loss=0.0, erased=["123.0", "77", "9", "gone"], objected=["ben ", "77"]
    )
    assert orders(cleaned) == [("anna", "2024-01-02", 11.0)]
    assert dropped(cleaned) == {"erased": (3, 12.0, 3, ""), "objected": (1, 13.0, 1, "")}
    kinds = cleaned.balance.set_index("reason")["kind"]
    assert kinds["erased"] == kinds["objected"] == kinds["after_as_of"] == "left_out"


def test_a_header_that_is_repeated_is_known_under_its_own_names(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("Nr; Tag;Wert\n1;2024-01-01;5\nNr; Tag;Wert\nNr;2024-01-02;7\n")
    columns = {"customer_id": "Nr", "date": "Tag", "amount": "Wert"}
    cleaned = clean(sources.read(path, columns=columns), max_loss=1.0)
    assert dropped(cleaned) == {"repeated_header": (1, 0.0, 0, "3")}
    assert orders(cleaned)[1] == ("Nr", "2024-01-02", 7.0)


def test_a_row_without_customer_may_lack_its_date(source):
    cleaned = clean(source(("a", "2024-01-01", "5"), ("", "Summe", "5")), max_loss=1.0)
    assert dropped(cleaned) == {"missing_customer": (1, 5.0, 0, "3")}


def test_a_source_can_be_cleaned_twice(source):
    raw = source(("a", "2024-01-01", "5"), ("a", "2024-02-01", "6"))
    early = clean(raw, max_loss=1.0, as_of=pd.Timestamp("2024-01-15"))
    late = clean(raw, max_loss=1.0)
    assert (len(early.orders), len(late.orders)) == (1, 2)


def test_parquet_gives_the_same_orders_as_csv(tmp_path):
    generator = random.Random(5)
    rows = [
        (
            f"{generator.randrange(20):03d}",
            f"2024-01-{generator.randrange(1, 29):02d}",
            f"{generator.randrange(-300, 9000) / 100:.2f}",
        )
        for _ in range(300)
    ]
    text = source_in(tmp_path, rows)
    path = tmp_path / "orders.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT customer_id, date::TIMESTAMP AS date, amount::DOUBLE AS amount "
        f"FROM read_csv('{tmp_path}/orders.csv', all_varchar=true)) TO '{path}' (FORMAT parquet)"
    )
    typed = sources.read(path, columns={})
    first, second = clean(text, max_loss=1.0), clean(typed, max_loss=1.0)
    pd.testing.assert_frame_equal(first.orders, second.orders)
    pd.testing.assert_frame_equal(
        first.balance.drop(columns="first_lines"), second.balance.drop(columns="first_lines")
    )


ITEMS = ("customer_id", "date", "quantity", "unit_price")


def test_an_amount_is_quantity_times_price_in_decimals_rounded_away_from_zero():
    cleaned = clean(
        items_of(
            ("anna", "2024-01-01", "3", "0.1"),
            ("ben", "2024-01-01", "0.5", "0.0001"),
            ("carl", "2024-01-01", "1e3", " 0.30000000000000004 "),
            ("dora", "2024-01-01", "2.5", "1.11111"),
            ("dora", "2024-01-02", "-0.5", "0.0003"),
            columns=ITEMS,
        ),
        max_loss=1.0,
    )
    assert orders(cleaned) == [
        ("anna", "2024-01-01", 0.3),
        ("ben", "2024-01-01", 0.0001),
        ("carl", "2024-01-01", 300.0),
        ("dora", "2024-01-01", 2.7778),
        ("dora", "2024-01-02", -0.0002),
    ]
    assert dropped(cleaned) == {}


@pytest.mark.parametrize(
    ("quantity", "price"), [("", "2"), ("2", "x"), ("1,5", "2"), ("9" * 12, "9" * 12)]
)
def test_a_quantity_or_price_that_is_no_number_makes_no_amount(quantity, price):
    good = ("anna", "2024-01-01", "1", "1")
    cleaned = clean(
        items_of(good, good, ("ben", "2024-01-01", quantity, price), columns=ITEMS), max_loss=1.0
    )
    assert dropped(cleaned) == {"amount_not_a_number": (1, 0.0, 1, "4")}
    values = cleaned.balance.set_index("reason").loc["amount_not_a_number", "values"]
    assert values == f"4: '{quantity} × {price}'"


def test_an_amount_beside_quantity_and_price_is_the_amount():
    columns = (*ITEMS, "amount")
    cleaned = clean(items_of(("anna", "2024-01-01", "2", "5", "9"), columns=columns), max_loss=0.0)
    assert orders(cleaned) == [("anna", "2024-01-01", 9.0)]


def test_a_negative_quantity_with_a_positive_amount_is_dropped_and_named():
    columns = (*COLUMNS, "quantity")
    rows = [("anna", "2024-01-01", "20", "1"), ("anna", "2024-01-05", "20", "-1")]
    cleaned = clean(items_of(*rows, columns=columns), max_loss=0.5)
    assert dropped(cleaned) == {"signs_differ": (1, 20.0, 1, "3")}
    with pytest.raises(TooMuchLost, match=r"50.0% have a negative quantity and a positive amount"):
        clean(items_of(*rows, columns=columns), max_loss=0.3)


@pytest.mark.parametrize(
    "name",
    ["Barverkauf", "LAUFKUNDSCHAFT", " sammelkunde ", "Diverse", "Barverkauf 2", "diverse-01"],
)
def test_who_stands_for_everyone_is_no_customer(source, name):
    cleaned = clean(source(("anna", "2024-01-01", "1"), (name, "2024-01-01", "2")), max_loss=1.0)
    assert dropped(cleaned) == {"collective_customer": (1, 2.0, 0, "3")}


@pytest.mark.parametrize("name", ["Diversey", "Barverkäuferin", "Herr Diverse", "diversität"])
def test_a_longer_name_is_a_customer(source, name):
    assert len(clean(source((name, "2024-01-01", "2")), max_loss=0.0).orders) == 1


def test_days_before_the_first_are_dropped_as_what_stands_for_no_date(source):
    rows = [
        ("a", "1899-12-30", "1"),
        ("a", "1979-12-31 23:59", "2"),
        ("a", "1980-01-01", "3"),
        ("b", "1970-01-01", "4"),
    ]
    cleaned = clean(source(*rows), max_loss=1.0)
    assert orders(cleaned) == [("a", "1980-01-01", 3.0)]
    assert dropped(cleaned) == {"before_first": (3, 7.0, 2, "2, 3, 5")}
    assert cleaned.first_day == pd.Timestamp("1980-01-01")
    with pytest.raises(TooMuchLost, match=r"75.0% are before 1980-01-01"):
        clean(source(*rows), max_loss=0.5)


def test_one_currency_is_named_and_lines_without_one_say_nothing():
    columns = (*COLUMNS, "currency")
    rows = [("a", "2024-01-01", "1", "eur "), ("a", "2024-01-02", "1", ""), ("", "", "", "USD")]
    cleaned = clean(items_of(*rows, columns=columns), max_loss=1.0)
    assert (cleaned.currency, len(cleaned.orders)) == ("EUR", 2)


def test_lines_that_are_no_goods_and_cancelling_receipts_are_counted_and_kept():
    columns = (*COLUMNS, "order_id", "product_id")
    rows = [
        ("a", "2024-01-01", "10", "1001", "85123A"),
        ("a", "2024-01-01", "3", "1001", "post"),
        ("a", "2024-01-02", "5", "1002", "VERSAND"),
        ("a", "2024-01-03", "-1", "C1003", "D"),
    ]
    cleaned = clean(items_of(*rows, columns=columns), max_loss=1.0)
    found = counts(cleaned)
    assert (found["no_products"], found["cancellations"]) == (3, 1)
    assert cleaned.counts.set_index("code").loc["no_products", "amount"] == 7.0
    assert cleaned.orders["amount"].tolist() == [13.0, 5.0, -1.0]
    lettered = [(*row[:3], "C1", row[4]) for row in rows]
    assert counts(clean(items_of(*lettered, columns=columns), max_loss=1.0))["cancellations"] == 0


# properties


IDS = st.sampled_from(["anna", "ben", "00123", "=1", "Ärmel", "", " ", "NaN", "n/a"])
DAYS = st.sampled_from(["2024-01-01", "2024-01-01 12:00:00", "2024-01-02", "2024-03-31T09:30"])
# Few small amounts, so that days often cancel out; and any amount, so that sums are not round.
CENTS = (st.sampled_from([-500, 0, 500]) | st.integers(-20_000, 50_000)).map(
    lambda cents: f"{Decimal(cents) / 100:.2f}"
)
ORDER_IDS = st.sampled_from(["B1", "B2", "B3", "", "NULL"])
GOOD_ROWS = st.tuples(IDS, DAYS, CENTS | st.just("0"), ORDER_IDS)
BAD_ROWS = st.tuples(
    IDS, DAYS | st.just("2024-01-05"), st.sampled_from(["", "x", "1,50", "NaN"]), ORDER_IDS
)
TABLES = st.tuples(
    st.lists(GOOD_ROWS, min_size=1, max_size=30), st.lists(BAD_ROWS, max_size=5)
).map(
    # Twelve plain purchases keep the table from being refused as a whole.
    lambda parts: [
        *(("carl", "2024-02-01", "1.00", f"C{i}") for i in range(12)),
        *parts[0],
        *parts[1],
    ]
)


@settings(max_examples=35, deadline=None, derandomize=True)
@given(rows=TABLES, duplicates=st.sampled_from(transactions.DUPLICATES), seed=st.integers(0, 99))
def test_kept_and_dropped_are_read_and_the_order_of_rows_does_not_matter(rows, duplicates, seed):
    columns = (*COLUMNS, "order_id")
    cleaned = clean(
        items_of(*rows, columns=columns), max_loss=1.0, duplicates=duplicates, returns="same_day"
    )
    shuffled = random.Random(seed).sample(rows, len(rows))
    again = clean(
        items_of(*shuffled, columns=columns),
        max_loss=1.0,
        duplicates=duplicates,
        returns="same_day",
    )

    check_orders(cleaned.orders)
    pd.testing.assert_frame_equal(cleaned.orders, again.orders)
    pd.testing.assert_frame_equal(cleaned.counts, again.counts)
    places = ["first_lines", "values"]
    pd.testing.assert_frame_equal(
        cleaned.balance.drop(columns=places), again.balance.drop(columns=places)
    )

    cents = [round(amount * 100) for amount in cleaned.balance["amount"]]
    n_rows = cleaned.balance["n_rows"].tolist()
    assert n_rows[0] == sum(n_rows[1:]) == len(rows)
    read = sum((Decimal(amount) for _, _, amount, _ in rows if is_number(amount)), Decimal())
    assert cents[0] == sum(cents[1:]) == int(read * 100)
    assert cents[-1] == round(cleaned.orders["amount"].sum() * 100)
    assert cleaned.balance["customers"].iloc[-1] == cleaned.orders["customer_id"].nunique()
    assert {day_of(row): row[2] for row in orders(cleaned)} == slow_orders(rows, duplicates)


def is_number(text: str) -> bool:
    return text not in ("", "x", "1,50", "NaN")


def day_of(row: tuple) -> tuple[str, str]:
    return row[0], row[1][:10]


def slow_orders(rows: list[tuple], duplicates: str) -> dict[tuple[str, str], float]:
    """Follow the policy line by line, with nothing but a loop."""
    nothing = ("", " ", "NaN", "n/a", "NULL")
    usable = [row for row in rows if row[0] not in nothing and is_number(row[2])]
    of_order = defaultdict(set)
    for row in usable:
        if Decimal(row[2]) >= 0:
            of_order[row[3]].add(row)
    whole_orders = all(len(of_order[name]) == 1 for name in of_order if name not in nothing)
    days, seen = defaultdict(list), set()
    for row in usable:
        is_order = whole_orders and row[3] not in nothing
        if row not in seen or not (duplicates == "drop" or is_order):
            days[day_of(row)].append(Decimal(row[2]))
        seen.add(row)
    sums = {day: sum(amounts) for day, amounts in days.items()}
    bought = {day for day, amounts in days.items() if sums[day] > 0 or not any(amounts)}
    buyers = {customer for customer, _ in bought}
    return {
        day: float(money)
        for day, money in sums.items()
        if day in bought or (money < 0 and day[0] in buyers)
    }


def test_the_number_of_threads_and_the_order_of_lines_do_not_matter(tmp_path):
    source = sources.read("dataset:cdnow", columns={})
    source.connection.execute("SET threads = 4")
    many = clean(source, max_loss=0.0)
    source.connection.execute("SET threads = 1")
    one = clean(source, max_loss=0.0)
    rows = source.relation.project("customer_id, date, amount").fetchall()
    random.Random(1).shuffle(rows)
    shuffled = clean(source_in(tmp_path, rows), max_loss=0.0)
    pd.testing.assert_frame_equal(many.orders, one.orders, check_exact=True)
    pd.testing.assert_frame_equal(many.balance, one.balance, check_exact=True)
    pd.testing.assert_frame_equal(many.orders, shuffled.orders, check_exact=True)


@pytest.mark.parametrize("seed", range(5))
def test_rows_after_as_of_change_no_order(tmp_path, seed):
    generator = random.Random(seed)
    early = [("a", f"2024-01-{1 + i:02d}", str(generator.randrange(-3, 20))) for i in range(28)]
    late = [("a", f"2024-02-{1 + i:02d}", str(generator.randrange(-99, 99))) for i in range(28)]
    as_of = pd.Timestamp("2024-01-31")
    alone = clean(source_in(tmp_path, early), max_loss=1.0, as_of=as_of)
    mixed = clean(source_in(tmp_path, late + early), max_loss=1.0, as_of=as_of)
    pd.testing.assert_frame_equal(alone.orders, mixed.orders)
    assert (alone.first_day, alone.last_day) == (mixed.first_day, mixed.last_day)


# against an authority


def test_cdnow_gives_the_published_orders(master_orders):
    cleaned = clean(sources.read("dataset:cdnow", columns={}), max_loss=0.0)
    pd.testing.assert_frame_equal(cleaned.orders, master_orders, rtol=1e-12, atol=0)
    found = counts(cleaned)
    assert (found["rows"], found["customers"], found["zero_amounts"]) == (69_659, 23_570, 80)
    assert found["duplicate_rows"] == 255
    assert (cleaned.first_day, cleaned.last_day) == (
        pd.Timestamp("1997-01-01"),
        pd.Timestamp("1998-06-30"),
    )


@pytest.mark.parametrize(
    ("name", "customers", "money", "lost"),
    [
        ("01_clean_reference.csv", 60, 71084.25, {}),
        ("02_utf8_bom.csv", 60, 71084.25, {}),
        ("08_header_repeated_midfile.csv", 60, 71084.25, {"repeated_header": 2}),
        ("14_one_customer.csv", 1, 545.48, {}),
        ("15_all_one_time_buyers.csv", 60, 22782.54, {}),
        ("18_refunds_larger_than_purchases.csv", 60, 45117.29, {}),
        ("19_zero_amounts.csv", 60, 64018.13, {}),
        ("20_bad_amounts.csv", 60, 67769.59, {"amount_not_a_number": 8}),
        ("25_missing_customer_ids.csv", 60, 67260.49, {"missing_customer": 12}),
        ("29_formula_injection.csv", 61, 71084.25, {}),
        ("37_duplicated_rows.csv", 60, 71084.25, {"duplicate": 32}),
        ("38_unsorted.csv", 60, 71084.25, {}),
    ],
)
def test_nasty_files_give_the_customers_and_the_sum_of_their_manifest(
    shared, name, customers, money, lost
):
    source = sources.read(shared / "data" / "messy" / name, columns={"date": "order_date"})
    cleaned = clean(source, max_loss=0.35)
    assert cleaned.orders["customer_id"].nunique() == customers
    assert round(cleaned.orders["amount"].sum(), 2) == money
    assert {reason: row[0] for reason, row in dropped(cleaned).items()} == lost


def test_the_nasty_amounts_are_listed_with_line_and_value(shared):
    path = shared / "data" / "messy" / "20_bad_amounts.csv"
    balance = clean(sources.read(path, columns={"date": "order_date"}), max_loss=0.35).balance
    assert balance.set_index("reason").loc["amount_not_a_number", "values"] == (
        "22: '', 47: 'NaN', 72: 'n/a', 97: '#N/A', 122: '-', 147: 'NULL', 172: 'abc', 197: '12,5x'"
    )


def test_refunds_of_the_nasty_file_are_counted_and_their_money_is_in_the_balance(shared):
    path = shared / "data" / "messy" / "18_refunds_larger_than_purchases.csv"
    cleaned = clean(sources.read(path, columns={"date": "order_date"}), max_loss=0.35)
    found = counts(cleaned)
    assert (found["negative_amounts"], found["customers_with_returns"]) == (6, 6)
    assert found["customers_net_negative"] == 6
    balance = cleaned.balance.set_index("reason")["amount"].round(2)
    assert balance[["read", "kept"]].tolist() == [45117.29, 45117.29]
    back = cleaned.orders.loc[cleaned.orders["amount"] < 0, "amount"]
    assert (len(back), round(back.sum(), 2)) == (6, -25966.96)


def test_a_nasty_file_of_returns_alone_is_refused(shared):
    path = shared / "data" / "messy" / "17_negative_amounts_only.csv"
    with pytest.raises(DataError, match="all 218 amounts are negative"):
        clean(sources.read(path, columns={"date": "order_date"}), max_loss=0.35)


# messages


@pytest.mark.parametrize(
    "text",
    ["", "31.01.2024", "01/02/2024", "20240131", "2024-02-30", "2024-01-31 25:00", "24-01-31"],
)
def test_a_day_that_is_not_iso_is_refused_with_line_and_value(source, text):
    raw = source(("a", "2024-01-01", "1"), ("b", text, "2"))
    with pytest.raises(DataError, match=f"1 of 2 dates .* line 3: {text!r}.*YYYY-MM-DD"):
        clean(raw, max_loss=1.0)


@pytest.mark.parametrize("offset", ["Z", "+01:00", "+0100", "-05", " +02:00"])
def test_an_offset_is_refused_with_line_and_value(source, offset):
    raw = source(("a", "2024-01-01", "1"), ("b", f"2024-01-31T12:00:00{offset}", "2"))
    with pytest.raises(DataError, match=r"1 of 2 dates .*time zone offset, .*line 3.*local time"):
        clean(raw, max_loss=1.0)


def test_mostly_unreadable_amounts_are_refused_with_the_first_that_says_something(source):
    raw = source(("a", "2024-01-01", ""), ("b", "2024-01-01", "1.234,56"), ("c", "2024-01-01", "1"))
    with pytest.raises(DataError, match=r"2 of 3 amounts .* decimal point.* line 3: '1.234,56'"):
        clean(raw, max_loss=1.0)


def test_returns_alone_are_refused(source):
    raw = source(("a", "2024-01-01", "-1"), ("b", "2024-01-01", "-2"))
    with pytest.raises(DataError, match=r"no purchases: all 2 amounts are negative.*returns_sign"):
        clean(raw, max_loss=0.0)


def test_days_that_are_all_returned_leave_no_purchase(source):
    raw = source(("a", "2024-01-01", "1"), ("a", "2024-01-01", "-1"), ("", "2024-01-01", "1"))
    with pytest.raises(
        DataError, match="no purchase is left of 3 rows: 1 missing_customer, 2 return_day"
    ):
        clean(raw, max_loss=1.0, returns="same_day")
    with pytest.raises(DataError, match="1 return_settled, 1 order_returned"):
        clean(raw, max_loss=1.0)


def test_an_as_of_before_the_first_purchase_leaves_none(source):
    raw = source(("a", "2024-01-01", "1"))
    with pytest.raises(DataError, match="no purchase is left of 1 rows: 1 after_as_of"):
        clean(raw, max_loss=0.0, as_of=pd.Timestamp("2023-12-31"))


def test_a_loss_of_rows_beyond_the_limit_is_refused_with_the_balance(source):
    rows = [("a", "2024-01-01", "1"), ("b", "2024-01-02", "1"), ("", "2024-01-01", "0.5")]
    with pytest.raises(
        TooMuchLost,
        match=r"dropped 33.3% of 3 rows, more than max_loss=0.3; 33.3% have no customer_id",
    ) as refusal:
        clean(source(*rows), max_loss=0.3)
    left = refusal.value.balance.set_index("reason")["n_rows"]
    assert left[left > 0].to_dict() == {"read": 3, "missing_customer": 1, "kept": 2}
    assert isinstance(refusal.value, DataError)
    assert len(clean(source(*rows), max_loss=0.34).orders) == 2


def test_a_loss_of_money_beyond_the_limit_is_refused_and_returns_count_without_sign(source):
    rows = [("a", f"2024-01-{i + 1:02d}", "1") for i in range(10)] + [("b", "2024-02-01", "-30")]
    with pytest.raises(
        TooMuchLost,
        match=r"dropped 75.0% of the money of 11 rows.*; 75.0% belong to customers with",
    ):
        clean(source(*rows), max_loss=0.35)


def test_several_currencies_are_refused_with_their_names_and_counts():
    rows = [("a", "2024-01-01", "1", code) for code in ("EUR", "CHF", "EUR", "")]
    raw = items_of(*rows, columns=(*COLUMNS, "currency"))
    with pytest.raises(
        DataError, match=r"items.csv holds 2 currencies: EUR in 2 lines, CHF in 1 lines\. Export"
    ):
        clean(raw, max_loss=1.0)


def test_a_share_that_is_none_is_refused(source):
    with pytest.raises(ValueError, match="max_loss=35 must be a share"):
        clean(source(("a", "2024-01-01", "1")), max_loss=35)


def test_an_unknown_treatment_of_duplicates_is_refused(source):
    with pytest.raises(ValueError, match="duplicates='keep' must be one of report, drop"):
        clean(source(("a", "2024-01-01", "1")), max_loss=0.0, duplicates="keep")


# what a review of the intake found


@pytest.mark.parametrize(
    "name",
    ["Summe", "GESAMT", "gesamtsumme", "Zwischensumme", "Endsumme", "Total", "Grand Total",
     "Subtotal", " summe: ", "Summe Januar", "Gesamt 2024"],
)  # fmt: skip
def test_a_row_of_totals_is_no_purchase_even_without_a_day(source, name):
    rows = [("anna", "2024-01-01", "1"), (name, "", "2"), (name, "2024-01-01", "2")]
    cleaned = clean(source(*rows), max_loss=1.0)
    assert dropped(cleaned) == {"total_row": (2, 4.0, 0, "3, 4")}
    with pytest.raises(TooMuchLost, match=r"66.7% are rows of totals"):
        clean(source(*rows), max_loss=0.3)


@pytest.mark.parametrize("name", ["Summerfeld", "Totalenergies", "Gesamtschule", "Herr Total", "0"])
def test_a_longer_word_than_a_total_is_a_customer(source, name):
    assert list(clean(source((name, "2024-01-01", "2")), max_loss=0.0).orders["customer_id"]) == [
        name
    ]


@pytest.mark.parametrize(
    "name",
    ["CPD", "cpd 4711", "anonym", "Anonymer Kunde", "Gast", "Gast 3", "Gastkunde", "Barzahler",
     "Barverk.", "Bar-Verkauf", "BARVERKAEUFE", "bar", "Barverka\u0308ufe"],
)  # fmt: skip
def test_a_till_has_more_names_for_everyone(source, name):
    cleaned = clean(source(("anna", "2024-01-01", "1"), (name, "2024-01-01", "2")), max_loss=1.0)
    assert dropped(cleaned) == {"collective_customer": (1, 2.0, 0, "3")}


@pytest.mark.parametrize("name", ["Bar Italia", "Barbara", "Gastro", "Anonyma", "Gasthof Post"])
def test_a_bar_and_an_inn_are_customers(source, name):
    assert len(clean(source((name, "2024-01-01", "2")), max_loss=0.0).orders) == 1


def test_an_id_is_the_same_however_its_umlaut_is_composed_also_on_the_list(source):
    rows = [("Mu\u0308ller", "2024-01-01", "1"), ("M\u00fcller", "2024-01-02", "2")]
    assert set(clean(source(*rows), max_loss=0.0).orders["customer_id"]) == {"M\u00fcller"}
    rows += [("anna", "2024-01-02", "2")]
    for said in ("Mu\u0308ller", "M\u00fcller"):
        cleaned = clean(source(*rows), max_loss=0.0, erased=[said])
        assert list(cleaned.orders["customer_id"]) == ["anna"]


def test_days_that_the_calendar_does_not_have_are_called_so(source):
    with pytest.raises(DataError, match=r"1 of 2 dates in items.csv are no days .*'2025-02-30'"):
        clean(source(("a", "2025-02-28", "1"), ("b", "2025-02-30", "1")), max_loss=0.0)
