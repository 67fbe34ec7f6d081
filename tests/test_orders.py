import os
import stat

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import orders as order_tables
from workbench.orders import customers, extent, of_frame, query, read, renamed, write
from workbench.schema import DataError, purchase_days

FOUR = pd.DataFrame(
    {
        "customer_id": ["ben", "anna", "anna", "00123"],
        "date": pd.to_datetime(["2024-01-05", "2024-02-01", "2024-01-01", "2024-03-01"]),
        "amount": [0.0, -4.5, 10.1, 20.2],
    }
).astype({"date": "datetime64[us]"})
TABLES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(-900, 9000)),
    min_size=1,
    max_size=60,
    unique_by=lambda row: row[:2],
).map(
    lambda rows: pd.DataFrame(
        {
            "customer_id": ["anna", *(f"{customer:02d}" for customer, _, _ in rows)],
            "date": pd.Timestamp("2024-01-01")
            + pd.to_timedelta([0, *(day for _, day, _ in rows)], unit="D").as_unit("us"),
            "amount": [1.0, *(cents / 100 for _, _, cents in rows)],
        }
    )
)


# by hand


def test_a_table_and_its_copy_in_a_database_give_the_same_answers():
    for orders in (FOUR, of_frame(FOUR)):
        found = extent(orders)
        assert found[:3] == (3, 3, 25.8)
        assert (found.first_day, found.last_day) == (
            pd.Timestamp("2024-01-01"),
            pd.Timestamp("2024-03-01"),
        )
        assert customers(orders).tolist() == ["00123", "anna", "ben"]
        counted = query(orders, "SELECT count(*) AS n FROM orders WHERE NOT is_purchase")
        assert counted["n"].tolist() == [1]


def test_the_frame_is_sorted_and_read_once():
    stored = of_frame(FOUR)
    assert stored.frame["amount"].tolist() == [20.2, 10.1, -4.5, 0.0]
    assert stored.frame.dtypes.equals(FOUR.dtypes)
    assert stored.frame is stored.frame


def test_other_ids_stand_for_the_customers_and_the_first_table_stays():
    stored = of_frame(FOUR)
    names = pd.DataFrame({"customer_id": ["00123", "anna", "ben"], "name": ["c", "b", "a"]})
    hidden = renamed(stored, names)
    assert hidden.frame["customer_id"].tolist() == ["a", "b", "b", "c"]
    assert hidden.frame["amount"].tolist() == [0.0, 10.1, -4.5, 20.2]
    assert stored.frame["customer_id"].tolist() == ["00123", "anna", "anna", "ben"]


def test_what_was_written_is_read_back(tmp_path):
    path = tmp_path / "it's orders.parquet"
    stored = of_frame(FOUR)
    write(stored, path)
    again = read(order_tables.connect(), path)
    pd.testing.assert_frame_equal(again.frame, stored.frame, check_exact=True)


def test_what_does_not_fit_into_memory_lies_where_only_its_owner_looks():
    connection = order_tables.connect()
    (folder,) = connection.execute("SELECT current_setting('temp_directory')").fetchall()[0]
    assert stat.S_IMODE(os.stat(os.path.dirname(folder)).st_mode) == 0o700
    del connection
    assert not os.path.exists(os.path.dirname(folder))


# properties


@settings(max_examples=30, deadline=None, derandomize=True)
@given(table=TABLES, seed=st.integers(0, 99))
def test_neither_rows_nor_threads_change_a_bit(table, seed, tmp_path_factory):
    shuffled = table.sample(frac=1, random_state=seed)
    one, two = of_frame(table), of_frame(shuffled)
    two.connection.execute("SET threads = 4")
    assert extent(one) == extent(two) == extent(table) == extent(shuffled)
    pd.testing.assert_frame_equal(one.frame, two.frame, check_exact=True)
    path = tmp_path_factory.mktemp("orders")
    write(one, path / "one")
    write(two, path / "two")
    assert (path / "one").read_bytes() == (path / "two").read_bytes()
    assert extent(table).purchases == len(purchase_days(table))


def test_a_large_table_is_written_alike_by_any_number_of_threads(tmp_path):
    contents = []
    for threads, way in ((1, "ASC"), (4, "DESC")):
        connection = order_tables.connect()
        connection.execute(f"SET threads = {threads}")
        stored = order_tables.store(
            connection,
            f"""
            SELECT (i % 70001)::VARCHAR AS customer_id, DATE '2020-01-01' + (i // 70001)::INTEGER
                   AS date, (hash(i) % 10000)::DOUBLE / 100 AS amount
            FROM range(500000) AS rows(i) ORDER BY i {way}
            """,
        )
        write(stored, tmp_path / way)
        contents.append((tmp_path / way).read_bytes())
    assert contents[0] == contents[1]


def test_sums_of_cents_are_exact():
    chance = np.random.default_rng(1)
    cents = chance.integers(-10_000, 100_000, 5000)
    table = pd.DataFrame(
        {
            "customer_id": [str(n) for n in range(5000)],
            "date": pd.Timestamp("2024-01-01"),
            "amount": cents / 100,
        }
    )
    assert extent(table).revenue == cents.sum() / 100


# messages


def test_a_table_that_breaks_its_promise_is_not_stored():
    with pytest.raises(DataError, match="1 of 4 orders have no customer_id"):
        of_frame(FOUR.assign(customer_id=["a", "b", None, "c"]))
