import random
from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import periods, returns, revenue_bridge, sources, transactions
from workbench.schema import DataError, check_orders
from workbench.sources import Source
from workbench.transactions import clean

ITEMS = ("customer_id", "date", "quantity", "unit_price", "order_id", "product_id")


def source_of(rows, columns=("customer_id", "date", "amount")) -> Source:
    """A source of rows of text, line 2 being the first."""
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
    return Source(
        relation=connection.table("raw_lines"),
        connection=connection,
        name="rows",
        label="rows",
        currency="",
        embedded=False,
        n_rows=len(rows),
        sha256="",
        columns_found=tuple(columns),
        columns={name: name for name in columns},
        dialect=None,
        facts=(),
    )


def orders(cleaned: transactions.Cleaned) -> dict[str, float]:
    """Amounts by day; by customer and day where there are several customers."""
    table = cleaned.orders
    days = table["date"].dt.strftime("%m-%d")
    return dict(zip(days, table["amount"], strict=True))


def found(cleaned: transactions.Cleaned) -> dict[str, tuple[int, float]]:
    """Lines and money of the returns that were matched, partly matched and not matched."""
    counts = cleaned.counts.set_index("code")
    return {
        code.removeprefix("returns_"): (int(counts.loc[code, "n"]), counts.loc[code, "amount"])
        for code in returns.COUNTS
    }


def balance(cleaned: transactions.Cleaned) -> dict[str, tuple[int, float]]:
    table = cleaned.balance[cleaned.balance["n_rows"] > 0]
    pairs = zip(table["n_rows"], table["amount"], strict=True)
    return dict(zip(table["reason"], pairs, strict=True))


# by hand


FOUR = [
    ("anna", "2024-01-01", "20.00"),
    ("anna", "2024-02-01", "20.00"),
    ("anna", "2024-02-01", "5.00"),
    ("anna", "2024-03-01", "-20.00"),
    ("anna", "2024-04-01", "30.00"),
    ("anna", "2024-04-01", "-7.00"),
]


@pytest.mark.parametrize(
    ("policy", "days", "account"),
    [
        (
            "net",
            {"01-01": 20.0, "02-01": 5.0, "04-01": 23.0},
            {"read": (6, 48.0), "return_settled": (1, 0.0), "kept": (5, 48.0)},
        ),
        (
            "same_day",
            {"01-01": 20.0, "02-01": 25.0, "03-01": -20.0, "04-01": 23.0},
            {"read": (6, 48.0), "kept": (6, 48.0)},
        ),
        (
            "drop",
            {"01-01": 20.0, "02-01": 25.0, "04-01": 30.0},
            {"read": (6, 48.0), "return_dropped": (2, -27.0), "kept": (4, 75.0)},
        ),
        (
            "separate",
            {"01-01": 20.0, "02-01": 25.0, "04-01": 30.0},
            {"read": (6, 48.0), "return_separate": (2, -27.0), "kept": (4, 75.0)},
        ),
    ],
)
def test_each_policy_gives_the_orders_and_the_balance_written_out_here(policy, days, account):
    cleaned = clean(source_of(FOUR), max_loss=1.0, returns=policy)
    assert orders(cleaned) == days
    assert balance(cleaned) == account
    assert found(cleaned) == {
        "returns": (2, -27.0),
        "matched": (1, -20.0),
        "partial": (0, 0.0),
        "unmatched": (1, -7.0),
        "met": (1, -20.0),
    }
    aside = cleaned.returned["date"].dt.strftime("%m-%d").tolist()
    assert aside == (["03-01", "04-01"] if policy == "separate" else [])
    assert cleaned.returned["amount"].sum() == (-27.0 if policy == "separate" else 0.0)


def items(*rows: tuple) -> Source:
    return source_of([("anna", *row) for row in rows], ITEMS)


def test_a_return_meets_the_nearest_earlier_purchase_of_its_product():
    cleaned = clean(
        items(
            ("2024-01-01", "2", "10", "B1", "tea"),
            ("2024-02-01", "2", "10", "B2", "tea"),
            ("2024-02-15", "2", "10", "B3", "cup"),
            ("2024-03-01", "-1", "10", "R1", "tea"),
            ("2024-04-01", "2", "10", "B4", "tea"),
        ),
        max_loss=1.0,
    )
    assert orders(cleaned) == {"01-01": 20.0, "02-01": 10.0, "02-15": 20.0, "04-01": 20.0}
    assert found(cleaned)["matched"] == (1, -10.0)


def test_a_return_beyond_the_nearest_purchase_goes_on_to_the_one_before():
    cleaned = clean(
        items(
            ("2024-01-01", "2", "10", "B1", "tea"),
            ("2024-02-01", "2", "10", "B2", "tea"),
            ("2024-02-01", "1", "3", "B2", "cup"),
            ("2024-03-01", "-3", "10", "R1", "tea"),
        ),
        max_loss=1.0,
    )
    assert orders(cleaned) == {"01-01": 10.0, "02-01": 3.0}
    assert found(cleaned)["matched"] == (1, -30.0)


def test_what_no_purchase_covers_is_subtracted_on_the_day_of_the_return():
    cleaned = clean(
        items(
            ("2024-01-01", "1", "10", "B1", "tea"),
            ("2024-01-01", "1", "9", "B1", "cup"),
            ("2024-03-01", "-3", "10", "R1", "tea"),
            ("2024-03-01", "1", "50", "B2", "pot"),
            ("2024-04-01", "-1", "5", "R2", "tea"),
        ),
        max_loss=1.0,
    )
    assert orders(cleaned) == {"01-01": 9.0, "03-01": 30.0, "04-01": -5.0}
    assert balance(cleaned) == {"read": (5, 34.0), "kept": (5, 34.0)}
    assert found(cleaned) == {
        "returns": (2, -35.0),
        "matched": (0, 0.0),
        "partial": (1, -30.0),
        "unmatched": (1, -5.0),
        "met": (1, -10.0),
    }


def test_a_return_that_names_its_order_meets_that_one():
    columns = ("customer_id", "date", "amount", "order_id")
    rows = [
        ("anna", "2024-01-01", "100", "B1"),
        ("anna", "2024-02-01", "100", "B2"),
        ("anna", "2024-03-01", "-30", "B1"),
    ]
    cleaned = clean(source_of(rows, columns), max_loss=1.0)
    assert orders(cleaned) == {"01-01": 70.0, "02-01": 100.0}


def test_a_return_meets_no_later_purchase_and_nobody_elses():
    rows = [
        ("anna", "2024-02-01", "20"),
        ("anna", "2024-01-01", "-20"),
        ("ben", "2023-12-01", "20"),
    ]
    cleaned = clean(source_of(rows), max_loss=1.0)
    assert cleaned.orders["amount"].tolist() == [-20.0, 20.0, 20.0]
    assert balance(cleaned) == {"read": (3, 20.0), "kept": (3, 20.0)}


@pytest.mark.parametrize("policy", ["net", "same_day"])
def test_a_customer_who_never_bought_is_dropped_with_rows_and_money(policy):
    rows = [
        ("anna", "2024-01-01", "20"),
        ("ben", "2024-01-01", "-5"),
        ("ben", "2024-02-01", "3"),
        ("ben", "2024-02-01", "-7"),
    ]
    cleaned = clean(source_of(rows), max_loss=1.0, returns=policy)
    assert orders(cleaned) == {"01-01": 20.0}
    assert balance(cleaned) == {"read": (4, 11.0), "never_bought": (3, -9.0), "kept": (1, 20.0)}
    with pytest.raises(
        transactions.TooMuchLost,
        match=r"dropped 75.0% of 4 rows.*; 75.0% belong to customers with returns and no purchase",
    ):
        clean(source_of(rows), max_loss=0.5, returns=policy)


def test_a_return_before_the_first_purchase_known_is_of_nobody_until_that_purchase():
    rows = [
        ("anna", "2024-01-01", "20"),
        ("ben", "2024-01-05", "-5"),
        ("ben", "2024-02-01", "30"),
    ]
    early = clean(source_of(rows), max_loss=1.0, as_of=pd.Timestamp("2024-01-31"))
    assert early.orders["customer_id"].tolist() == ["anna"]
    late = clean(source_of(rows), max_loss=1.0)
    assert late.orders["amount"].tolist() == [20.0, -5.0, 30.0]
    known = returns.restate(
        late.stored, late.unsettled, policy="net", as_of=pd.Timestamp("2024-01-31")
    )
    pd.testing.assert_frame_equal(known, early.orders)


@pytest.mark.parametrize(
    ("bought", "given_back", "met"),
    [
        ("2024-01-01 10:00", "2024-01-01 10:12", True),
        ("2024-01-01 10:00", "2024-01-01 10:00", True),
        ("2024-01-01 10:12", "2024-01-01 10:00", False),
        ("2024-01-01 10:12", "2024-01-01", True),
        ("2024-01-01", "2024-01-01 10:00", True),
        ("2024-01-01 00:00:00", "2024-01-01 00:00:00", True),
        ("2024-01-02", "2024-01-01", False),
    ],
)
def test_on_one_day_the_time_says_what_is_earlier(bought, given_back, met):
    rows = [("anna", bought, "20"), ("anna", given_back, "-20"), ("ben", "2024-01-01", "1")]
    for lines in (rows, rows[::-1]):
        cleaned = clean(source_of(lines), max_loss=1.0)
        assert found(cleaned)["matched"][0] == met


def test_an_order_that_came_back_in_full_is_no_order_and_nothing_is_lost():
    rows = [
        ("anna", "2024-01-01 09:15", "1", "168469.60", "1", "paper"),
        ("anna", "2024-01-01 09:27", "-1", "168469.60", "C2", "paper"),
        ("anna", "2024-01-09", "1", "1", "3", "paper"),
    ]
    cleaned = clean(source_of(rows, ITEMS), max_loss=0.0)
    assert orders(cleaned) == {"01-09": 1.0}
    assert balance(cleaned) == {
        "read": (3, 1.0),
        "return_settled": (1, 0.0),
        "order_returned": (1, 0.0),
        "kept": (1, 1.0),
    }


def test_a_return_of_a_free_line_makes_no_order():
    rows = [
        ("anna", "2024-01-01", "-3", "0", "1", "tea"),
        ("anna", "2024-01-02", "1", "2", "2", ""),
    ]
    cleaned = clean(source_of(rows, ITEMS), max_loss=1.0)
    assert balance(cleaned) == {"read": (2, 2.0), "return_day": (1, 0.0), "kept": (1, 2.0)}
    assert cleaned.balance.set_index("reason").loc["return_day", "kind"] == "settled"
    assert found(cleaned)["unmatched"] == (1, 0.0)


def test_a_return_after_as_of_reduces_nothing():
    early = clean(source_of(FOUR), max_loss=1.0, as_of=pd.Timestamp("2024-02-29"))
    assert orders(early) == {"01-01": 20.0, "02-01": 25.0}


# properties


class Line(NamedTuple):
    customer_id: str
    date: str
    quantity: str
    unit_price: str
    order_id: str
    product_id: str

    @property
    def money(self) -> Decimal:
        return Decimal(self.quantity) * Decimal(self.unit_price)


LINES = st.builds(
    Line,
    st.sampled_from(["anna", "ben", "", "Barverkauf 1"]),
    st.sampled_from(
        ["2024-01-01", "2024-01-01 12:00", "2024-01-02", "2024-01-02 08:00", "2024-02-01"]
    ),
    st.integers(-4, 5).map(str),
    st.sampled_from(["0", "1.50", "2.25", "3"]),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "tea", "cup"]),
)
# One purchase of another customer, so that no table is refused for having none.
TABLES = st.lists(LINES, min_size=1, max_size=40).map(
    lambda lines: [Line("carl", "2024-01-01", "1", "1", "9", "pot"), *lines]
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    lines=TABLES,
    policy=st.sampled_from(returns.POLICIES),
    duplicates=st.sampled_from(transactions.DUPLICATES),
    seed=st.integers(0, 99),
)
def test_every_policy_does_what_the_slow_loop_does_in_any_order_of_rows(
    lines, policy, duplicates, seed
):
    cleaned = clean(source_of(lines, ITEMS), max_loss=1.0, returns=policy, duplicates=duplicates)
    shuffled = random.Random(seed).sample(lines, len(lines))
    again = clean(source_of(shuffled, ITEMS), max_loss=1.0, returns=policy, duplicates=duplicates)

    check_orders(cleaned.orders)
    pd.testing.assert_frame_equal(cleaned.orders, again.orders)
    pd.testing.assert_frame_equal(cleaned.counts, again.counts)
    pd.testing.assert_frame_equal(cleaned.returned, again.returned)
    places = ["first_lines", "values"]
    pd.testing.assert_frame_equal(
        cleaned.balance.drop(columns=places), again.balance.drop(columns=places)
    )

    cents = [round(amount * 100) for amount in cleaned.balance["amount"]]
    n_rows = cleaned.balance["n_rows"].tolist()
    assert n_rows[0] == sum(n_rows[1:]) == len(lines)
    assert cents[0] == sum(cents[1:]) == sum(line.money for line in lines) * 100
    assert cents[-1] == round(cleaned.orders["amount"].sum() * 100)
    assert cleaned.balance["customers"].iloc[-1] == cleaned.orders["customer_id"].nunique()
    aside = cleaned.balance.set_index("reason").loc["return_separate", "amount"]
    assert cleaned.returned["amount"].sum() == pytest.approx(aside, abs=1e-9)

    days, counted = slow_days(lines, policy, duplicates)
    got = dict(
        zip(
            zip(
                cleaned.orders["customer_id"],
                cleaned.orders["date"].dt.strftime("%Y-%m-%d"),
                strict=True,
            ),
            cleaned.orders["amount"],
            strict=True,
        )
    )
    assert got == {day: float(amount) for day, amount in days.items()}
    assert {code: n for code, (n, _) in found(cleaned).items()} == counted
    if policy in ("net", "same_day"):
        kept = cleaned.balance["reason"].isin(["kept", "never_bought"])
        usable = sum(line.money for line in usable_lines(lines, duplicates))
        assert round(cleaned.balance.loc[kept, "amount"].sum() * 100) == usable * 100


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    lines=TABLES,
    policy=st.sampled_from(returns.POLICIES),
    day=st.sampled_from(["2024-01-01", "2024-01-02"]),
)
def test_settling_again_up_to_a_day_is_cleaning_up_to_that_day(lines, policy, day):
    as_of = pd.Timestamp(day)
    cleaned = clean(source_of(lines, ITEMS), max_loss=1.0)
    try:
        expected = clean(source_of(lines, ITEMS), max_loss=1.0, returns=policy, as_of=as_of).orders
    except DataError:
        expected = cleaned.orders.iloc[:0]
    found = returns.restate(cleaned.stored, cleaned.unsettled, policy=policy, as_of=as_of)
    pd.testing.assert_frame_equal(found, expected)


def usable_lines(lines, duplicates) -> list[Line]:
    usable = [line for line in lines if line.customer_id in ("anna", "ben", "carl")]
    of_order = defaultdict(set)
    for line in usable:
        if not is_return(line):
            of_order[line.order_id].add(line)
    whole = all(len(same) == 1 for name, same in of_order.items() if name)
    kept, seen = [], set()
    for line in usable:
        if line not in seen or not (duplicates == "drop" or (whole and line.order_id)):
            kept.append(line)
        seen.add(line)
    return kept


def is_return(line: Line) -> bool:
    return Decimal(line.quantity) < 0


def moment(line: Line) -> tuple[str, str]:
    day, _, time = line.date.partition(" ")
    return day, time or ("99:99" if is_return(line) else "")


def slow_days(lines, policy, duplicates) -> tuple[dict, dict[str, int]]:
    """Follow the four policies return by return, purchase by purchase."""
    lines = usable_lines(lines, duplicates)
    left = [abs(line.money) for line in lines]
    by_order = lambda line: (line.order_id, line.product_id) if line.order_id else None  # noqa: E731
    by_item = lambda line: line.product_id or abs(line.money)  # noqa: E731
    for key in (by_order, by_item):
        givers = [i for i, line in enumerate(lines) if is_return(line)]
        # Of several at one moment the smaller goes first, and the larger purchase is on top.
        for i in sorted(givers, key=lambda i: (moment(lines[i]), left[i])):
            takers = [
                j
                for j, line in enumerate(lines)
                if not is_return(line)
                and line.customer_id == lines[i].customer_id
                and key(line) is not None
                and key(line) == key(lines[i])
                and moment(line) <= moment(lines[i])
            ]
            started = {j: left[j] for j in takers}
            for j in sorted(takers, key=lambda j: (moment(lines[j]), started[j]), reverse=True):
                met = min(left[i], left[j])
                left[i], left[j] = left[i] - met, left[j] - met

    met = [abs(line.money) - rest for line, rest in zip(lines, left, strict=True)]
    given = [i for i, line in enumerate(lines) if is_return(line)]
    counted = {
        "returns": len(given),
        "matched": sum(met[i] > 0 and left[i] == 0 for i in given),
        "partial": sum(met[i] > 0 and left[i] > 0 for i in given),
        "unmatched": sum(met[i] == 0 for i in given),
        "met": sum(met[i] > 0 for i in given),
    }
    days = defaultdict(list)
    for i, line in enumerate(lines):
        if policy in ("drop", "separate") and is_return(line):
            continue
        if policy == "net" and is_return(line) and met[i] > 0 and left[i] == 0:
            continue
        sign = -1 if is_return(line) else 1
        due = sign * left[i] if policy == "net" else line.money
        days[line.customer_id, line.date[:10]].append((due, is_return(line) or line.money > 0))
    sums = {day: sum(due for due, _ in rows) for day, rows in days.items()}
    bought = {
        day for day, amount in sums.items() if amount > 0 or not any(paid for _, paid in days[day])
    }
    buyers = {customer for customer, _ in bought}
    return {
        day: amount
        for day, amount in sums.items()
        if day in bought or (amount < 0 and day[0] in buyers)
    }, counted


def test_the_number_of_threads_does_not_matter():
    generator = random.Random(7)
    rows = [
        (
            f"{generator.randrange(40)}",
            f"2024-{generator.randrange(1, 13):02d}-{generator.randrange(1, 29):02d}",
            f"{generator.choice([-2, -1, 1, 1, 2, 3])}",
            f"{generator.randrange(1, 4)}.99",
            f"{generator.randrange(3000)}",
            f"p{generator.randrange(5)}",
        )
        for _ in range(5000)
    ]
    source = source_of(rows, ITEMS)
    source.connection.execute("SET threads = 4")
    many = clean(source, max_loss=1.0)
    source.connection.execute("SET threads = 1")
    one = clean(source, max_loss=1.0)
    pd.testing.assert_frame_equal(many.orders, one.orders, check_exact=True)
    pd.testing.assert_frame_equal(many.balance, one.balance, check_exact=True)
    assert found(many)["matched"][0] > 500


# against an authority


@pytest.fixture(scope="module")
def uci(shared) -> Source:
    """UCI Online Retail, its columns under our names."""
    theirs = ("CustomerID", "InvoiceDate", "Quantity", "UnitPrice", "InvoiceNo", "StockCode")
    path = shared / "data" / "online_retail_uci.parquet"
    return sources.read(path, columns=dict(zip(ITEMS, theirs, strict=True)))


class Uci(NamedTuple):
    """What became of it under one policy, and its judged lines of one customer's paper."""

    cleaned: transactions.Cleaned
    judged: list[tuple]


UCI_END = pd.Timestamp("2011-12-09")


@pytest.fixture(scope="module")
def uci_cleaned(uci) -> dict[str, Uci]:
    """UCI Online Retail up to its last day, by policy."""
    found = {}
    for policy in returns.POLICIES:
        cleaned = clean(uci, max_loss=0.35, returns=policy, as_of=UCI_END)
        (judged,) = uci.connection.execute(
            "SELECT list((order_id, reason, due::DOUBLE) ORDER BY line) FROM judged "
            "WHERE customer_id = '16446' AND product_id = '23843'"
        ).fetchall()[0]
        found[policy] = Uci(cleaned, judged)
    return found


def test_uci_online_retail_gives_the_figures_of_its_description(uci):
    """Rows, cancellations, duplicates and money as the data set's README counts them."""
    counts = clean(uci, max_loss=0.35).counts.set_index("code")
    n, amount = counts["n"], counts["amount"].round(2)
    assert n["rows"] == 541_909
    assert n["rows_without_customer"] == 135_080
    assert amount["purchases_without_customer"] == 1_755_276.64
    assert n["cancellations"] == 9_288
    assert n["duplicate_rows_read"] == 5_268
    assert (n["purchases"], amount["purchases"]) == (397_884, 8_911_407.90)
    assert (n["customers_with_purchases"], n["receipts_of_purchases"]) == (4_338, 18_532)
    assert amount["rows_usable"] == 8_300_065.81
    assert (n["returns"], amount["returns"]) == (8_905, -611_342.09)
    assert n[["returns_matched", "returns_partial", "returns_unmatched"]].sum() == 8_905


@pytest.mark.parametrize(
    ("policy", "adds_up_to"),
    [
        ("net", 8_300_065.81),
        ("same_day", 8_300_065.81),
        ("drop", 8_911_407.90),
        ("separate", 8_911_407.90),
    ],
)
def test_uci_keeps_its_money_under_every_policy(uci_cleaned, policy, adds_up_to):
    cleaned = uci_cleaned[policy].cleaned
    amount = cleaned.balance.set_index("reason")["amount"]
    assert round(amount["kept"] + amount["never_bought"], 2) == adds_up_to
    assert amount["return_day"] == 0
    assert round(cleaned.orders["amount"].sum(), 2) == round(amount["kept"], 2)
    assert round(amount.iloc[1:].sum(), 2) == round(amount["read"], 2) == 9_747_747.93
    aside = -611_342.09 if policy == "separate" else 0.0
    assert round(cleaned.returned["amount"].sum(), 2) == aside
    n_rows = cleaned.balance["n_rows"]
    assert n_rows.iloc[0] == n_rows.iloc[1:].sum() == 541_909

    compared = periods.choose(cleaned.orders["date"].min(), as_of=UCI_END)
    found = revenue_bridge.bridge(cleaned.stored, periods=compared)
    money = [found.before, *found.parts["change"].tolist(), -found.now]
    assert sum(Decimal(repr(amount)) for amount in money) == 0 < found.now


def test_the_order_cancelled_after_twelve_minutes_finds_its_cancellation(uci_cleaned):
    net, judged = uci_cleaned["net"]
    assert judged == [("581483", "order_returned", 0.0), ("C581484", "return_settled", 0.0)]
    kept = net.orders[net.orders["customer_id"] == "16446"]
    assert kept["date"].tolist() == [pd.Timestamp("2011-05-18")]
    assert kept["amount"].tolist() == [2.90]

    dropped = uci_cleaned["drop"].cleaned.orders
    assert dropped.loc[dropped["customer_id"] == "16446", "amount"].max() == 168_469.60


# messages


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="returns='nett' must be one of net, same_day, drop"):
        clean(source_of(FOUR), max_loss=0.0, returns="nett")


def test_dropped_returns_count_as_lost():
    with pytest.raises(
        transactions.TooMuchLost,
        match=r"dropped 33.3% of 6 rows.*; 33.3% are returns, which returns='drop' leaves out",
    ):
        clean(source_of(FOUR), max_loss=0.3, returns="drop")
    assert len(clean(source_of(FOUR), max_loss=0.0, returns="separate").orders) == 3


def test_what_was_known_on_a_day_is_what_cleaning_up_to_that_day_gives(uci, uci_cleaned):
    """Settling the kept lines again equals reading the export again, for every policy and day."""
    cleaned = uci_cleaned["net"].cleaned
    for day in (pd.Timestamp("2011-06-08"), UCI_END):
        for policy in returns.POLICIES:
            if day == UCI_END:
                expected = uci_cleaned[policy].cleaned.orders
            else:
                expected = clean(uci, max_loss=1, returns=policy, as_of=day).orders
            found = returns.restate(cleaned.stored, cleaned.unsettled, policy=policy, as_of=day)
            pd.testing.assert_frame_equal(found, expected)
    assert cleaned.unsettled.n_rows < 0.35 * uci.n_rows
