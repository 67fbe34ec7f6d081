import re
import sqlite3
import traceback
from pathlib import Path

import duckdb
import psycopg
import pytest
import sqlalchemy

from workbench import databases, sources, transactions
from workbench.schema import DataError, ParameterError

# The same purchases in the types of each database. Dates, cents, NULL, a float, an instant.
ROWS = [
    (
        "00123",
        "2024-01-31 12:49:00",
        "1234.50",
        17850.0,
        0.1,
        "Müller",
        True,
        "2024-06-01 22:30:00",
    ),
    ("00123", "2024-02-29 00:00:00", "-3.00", None, 1e-7, None, False, "2024-01-01 23:00:00"),
    ("7", "2024-12-31 23:59:59.5", "0.10", 2.0, 5.0, "a;b|c", None, None),
    ("7", "2024-12-31 23:59:59.5", "0.10", 2.0, 5.0, "a;b|c", None, None),
    ("ß", "2024-03-01 08:00:00", "19.99", 3.0, 1e16, "'\"", True, "2024-03-31 01:30:00"),
]
NAMES = ("customer_id", "date", "amount", "order_id", "quantity", "category", "paid", "booked")
TYPES = "text, timestamp, decimal(18,2), double, double, text, boolean, timestamptz"


def columns_of(types: str) -> str:
    return ", ".join(
        f"{name} {kind}"
        for name, kind in zip(NAMES, re.split(r", (?![^(]*\))", types), strict=True)
    )


def rows_in(zone: str = "+00") -> list[tuple]:
    return [(*row[:7], row[7] and row[7] + zone) for row in ROWS]


@pytest.fixture
def duckdb_file(tmp_path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.execute(f"CREATE TABLE orders ({columns_of(TYPES)})")
        connection.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * 8)})", rows_in())
    return path


@pytest.fixture
def sqlite_file(tmp_path) -> Path:
    path = tmp_path / "shop.db"
    types = "text, text, text, real, real, text, text, text"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE orders ({columns_of(types)})")
        rows = [(*row[:6], {True: "true", False: "false"}.get(row[6]), row[7]) for row in rows_in()]
        connection.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * 8)})", rows)
    connection.close()
    return path


@pytest.fixture(scope="session")
def server(postgres) -> str:
    """The address of a server that holds the orders; its password is in `password`."""
    with psycopg.connect(postgres.address, password=postgres.password) as connection:
        types = TYPES.replace("double", "double precision")
        connection.execute(f"CREATE TABLE orders ({columns_of(types)})")
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO orders VALUES ({', '.join(['%s'] * 8)})", rows_in())
        connection.execute("CREATE SCHEMA sales")
        connection.execute('CREATE VIEW sales."Offene Posten" AS SELECT * FROM orders')
        connection.execute("CREATE SEQUENCE counter")
    return postgres.address


@pytest.fixture
def password(postgres, monkeypatch) -> str:
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    return postgres.password


def plain(source: sources.Source) -> list[tuple]:
    names = [name for name in source.relation.columns if name not in ("line", "fingerprint")]
    return source.relation.project(", ".join(names)).order("ALL").fetchall()


def lines(source: sources.Source) -> list[tuple]:
    return source.relation.order("line").fetchall()


# by hand


def test_a_table_becomes_exact_text_in_the_order_of_its_texts(sqlite_file):
    source = sources.read(f"sqlite:///{sqlite_file}", columns={}, query="orders")
    wanted = "line, customer_id, date, amount, order_id, quantity"
    assert source.relation.order("line").project(wanted).fetchall() == [
        (1, "00123", "2024-01-31 12:49:00", "1234.50", "17850", "0.1"),
        (2, "00123", "2024-02-29 00:00:00", "-3.00", "", "1e-07"),
        (3, "7", "2024-12-31 23:59:59.5", "0.10", "2", "5.0"),
        (4, "7", "2024-12-31 23:59:59.5", "0.10", "2", "5.0"),
        (5, "ß", "2024-03-01 08:00:00", "19.99", "3", "1e+16"),
    ]
    assert (source.name, source.label) == ("shop_orders", "shop.db: orders")
    assert (source.n_rows, source.columns_found, source.embedded) == (5, NAMES, False)


def test_a_select_is_read_under_the_names_that_it_gives(sqlite_file):
    query = "SELECT customer_id AS nr, date, amount FROM orders WHERE category LIKE '%ü%:x' || '' ;"
    source = sources.read(
        f"sqlite:///{sqlite_file}", columns={"customer_id": "nr"}, query=query.replace(":x", "%")
    )
    assert [row[1] for row in lines(source)] == ["00123"]
    assert (source.name, source.label) == ("shop_abfrage", "shop.db: Abfrage")


def test_a_colon_and_a_percent_sign_in_a_select_are_no_parameters(server, password):
    query = "/* all */ SELECT *, ':x' AS a, '%s' AS b FROM orders WHERE category LIKE 'M%' OR false"
    source = sources.read(server, columns={}, query=query)
    assert (source.n_rows, source.columns_found[-2:]) == (1, ("a", "b"))


def test_a_view_in_a_schema_is_found_by_its_exact_name(server, password):
    source = sources.read(server, columns={}, query="sales.Offene Posten")
    assert source.n_rows == 5
    assert re.fullmatch(r"127.0.0.1/postgres: sales.Offene Posten", source.label)
    assert source.name == "postgres_sales_offene_posten"


def test_a_password_file_serves_as_well_as_the_environment(server, postgres, tmp_path, monkeypatch):
    path = tmp_path / "pgpass"
    path.write_text(f"127.0.0.1:*:*:workbench:{postgres.password}\n")
    path.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(path))
    assert sources.read(server, columns={}, query="orders").n_rows == 5


@pytest.mark.parametrize("address", ["postgresql://", "postgresql+psycopg://"])
def test_both_names_of_the_driver_mean_the_same(server, password, address):
    x = server.replace("postgresql://", address)
    assert sources.read(x, columns={}, query="orders").n_rows == 5


def test_other_types_of_a_server_become_text_without_stopping_the_reading(server, password):
    query = """
        SELECT 'b' || i AS customer_id, date '2024-01-31' AS date, 'NaN'::numeric AS amount,
               'f47ac10b-58cc-4372-a567-0e02b2c3d479'::uuid AS order_id, 7::bigint AS product_id,
               1.5::real AS quantity, '{"a": 1}'::jsonb AS category, '\\x78'::bytea AS channel,
               ARRAY[1, 2] AS list, interval '1 day' AS span, time '08:30' AS clock
        FROM generate_series(1, 2) AS s(i)
    """
    source = sources.read(server, columns={}, query=query)
    uuid = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
    row = ("2024-01-31", "NaN", uuid, "7", "1.5", '{"a": 1}', "x")
    names = "customer_id, date, amount, order_id, product_id, quantity, category, channel"
    assert source.relation.order("line").project(names).fetchall() == [("b1", *row), ("b2", *row)]
    with pytest.raises(DataError, match=r"cannot be read: .*timestamp too large"):
        sources.read(
            server,
            columns={},
            query="SELECT 'a' AS customer_id, 5 AS amount, 'infinity'::timestamp AS date",
        )


def test_a_path_with_signs_of_an_address_is_read(sqlite_file, tmp_path):
    path = sqlite_file.rename(tmp_path / "käufe 100%?#.db")
    address = sqlalchemy.URL.create("sqlite", database=str(path))
    assert sources.read(str(address), columns={}, query="orders").n_rows == 5


# properties


def test_the_same_rows_give_the_same_lines_from_every_database_and_parquet(
    server, password, sqlite_file, duckdb_file, tmp_path
):
    parquet = tmp_path / "orders.parquet"
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        connection.execute(f"COPY orders TO '{parquet}' (FORMAT parquet)")
    reference = sources.read(parquet, columns={"date": "booked", "channel": "date"})
    found = [
        sources.read(x, columns={"date": "booked", "channel": "date"}, query="orders")
        for x in (server, f"sqlite:///{sqlite_file}", f"duckdb:///{duckdb_file}")
    ]
    assert ("ß", "2024-03-31 03:30:00", "19.99") in [row[:3] for row in plain(reference)]
    for source in found:
        assert plain(source) == plain(reference)
        assert lines(source) == lines(found[0])
        assert source.sha256 == found[0].sha256
        assert "time_zone" in [fact.code for fact in source.facts]


def test_the_same_rows_give_the_same_orders_byte_for_byte(
    server, password, sqlite_file, duckdb_file, tmp_path
):
    parquet, rounded = tmp_path / "orders.parquet", tmp_path / "rounded.db"
    with duckdb.connect(str(duckdb_file), read_only=True) as connection:
        connection.execute(f"COPY orders TO '{parquet}' (FORMAT parquet)")
    # A column called NUMERIC is one of floating point in SQLite: 1234.5 and not 1234.50.
    with sqlite3.connect(rounded) as connection:
        connection.execute("ATTACH ? AS shop", [str(sqlite_file)])
        connection.execute("CREATE TABLE orders (customer_id, date, amount NUMERIC, order_id)")
        names = "customer_id, date, amount, order_id"
        connection.execute(f"INSERT INTO orders SELECT {names} FROM shop.orders")
    connection.close()
    found = {
        transactions.clean(
            sources.read(x, columns={}, query=query), max_loss=0.5, returns="same_day"
        )
        .orders.to_csv()
        .encode()
        for x, query in (
            (parquet, ""),
            (server, "orders"),
            (f"sqlite:///{sqlite_file}", "orders"),
            (f"sqlite:///{rounded}", "orders"),
            (f"duckdb:///{duckdb_file}", "orders"),
        )
    }
    assert len(found) == 1


def test_the_order_of_the_rows_changes_nothing(server, password):
    up, down = (
        sources.read(server, columns={}, query=f"SELECT * FROM orders ORDER BY amount {way}")
        for way in ("ASC", "DESC")
    )
    assert lines(up) == lines(down)
    assert up.sha256 == down.sha256
    fewer = sources.read(server, columns={}, query="SELECT * FROM orders WHERE amount > 0.1")
    assert fewer.sha256 != up.sha256


def test_a_batch_more_or_less_changes_nothing(server, password, monkeypatch):
    whole = sources.read(server, columns={}, query="orders")
    monkeypatch.setattr("workbench.typed_cells._BATCH", 2)
    monkeypatch.setattr(databases, "_BATCH", 3)
    assert lines(sources.read(server, columns={}, query="orders")) == lines(whole)


def test_the_database_is_only_read(server, password, sqlite_file):
    with pytest.raises(DataError, match="read-only transaction"):
        sources.read(server, columns={}, query="SELECT nextval('counter')")
    with pytest.raises(DataError, match="data-modifying"):
        sources.read(
            server, columns={}, query="WITH gone AS (DELETE FROM orders RETURNING *) TABLE gone"
        )
    before = sqlite_file.read_bytes()
    sources.read(f"sqlite:///{sqlite_file}", columns={}, query="orders")
    with pytest.raises(DataError, match="readonly database"):
        sources.read(
            f"sqlite:///{sqlite_file}",
            columns={},
            query="WITH gone AS (SELECT 1) DELETE FROM orders",
        )
    assert sqlite_file.read_bytes() == before


# messages


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://anna:geheim77@127.0.0.1/shop",
        "postgresql://anna@127.0.0.1/shop?password=geheim77",
        "postgresql://anna@127.0.0.1/shop?sslpassword=geheim77",
        "postgresql://anna:geheim77@127.0.0.1:port/shop",
        "mysql://anna:geheim77@127.0.0.1/shop",
        "postgresql://anna:geh@im@geheim77@127.0.0.1/shop",
    ],
)
def test_an_address_with_a_password_is_refused_without_repeating_it(address):
    with pytest.raises(DataError) as refusal:
        sources.read(address, columns={}, query="orders")
    error, said = refusal.value, ""
    while error is not None:
        said += f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert "geheim77" not in said
    assert "anna" not in said


def test_where_to_put_the_password_is_said():
    with pytest.raises(DataError, match=r"PGPASSWORD or the file ~/.pgpass"):
        sources.read("postgresql://a:b@localhost/shop", columns={}, query="orders")


def test_a_wrong_password_is_refused_without_it(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "falsch77")
    with pytest.raises(DataError, match="password authentication failed") as refusal:
        sources.read(server, columns={}, query="orders")
    assert "falsch77" not in "".join(traceback.format_exception(refusal.value))


def test_a_server_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "geheim77")
    with pytest.raises(DataError, match=r"127.0.0.1/shop cannot be read: .*refused") as refusal:
        sources.read("postgresql://anna@127.0.0.1:1/shop", columns={}, query="orders")
    assert "geheim77" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_table_that_is_not_there_is_refused_with_the_nearest(server, password, duckdb_file):
    for x in (server, f"duckdb:///{duckdb_file}"):
        with pytest.raises(DataError, match=r"'Orders' is neither .* which has orders\. Say one"):
            sources.read(x, columns={}, query="Orders")
    with pytest.raises(DataError, match=r"which has orders.*like query='orders'"):
        sources.read(server, columns={}, query="order")
    with pytest.raises(DataError, match=r"query='' is neither a SELECT nor a table .* has orders"):
        sources.read(server, columns={}, query="")


@pytest.mark.parametrize(
    "query", ["DELETE FROM orders", "DROP TABLE orders", "PRAGMA user_version", "VALUES (1)"]
)
def test_a_statement_that_is_no_select_is_refused(sqlite_file, query):
    with pytest.raises(DataError, match="neither a SELECT nor a table"):
        sources.read(f"sqlite:///{sqlite_file}", columns={}, query=query)


def test_two_statements_are_refused(sqlite_file):
    with pytest.raises(ParameterError, match="a ';' before its end"):
        sources.read(
            f"sqlite:///{sqlite_file}", columns={}, query="SELECT * FROM orders; DELETE FROM orders"
        )


def test_a_select_that_the_database_refuses_is_refused_with_its_cause(
    server, password, sqlite_file, duckdb_file
):
    for x in (server, f"sqlite:///{sqlite_file}", f"duckdb:///{duckdb_file}"):
        with pytest.raises(DataError, match=r"cannot be read: .*umsatz") as refusal:
            sources.read(x, columns={}, query="SELECT umsatz FROM orders")
        assert refusal.value.__suppress_context__


def test_two_columns_of_one_name_are_refused(server, password, sqlite_file, duckdb_file):
    for x in (server, f"sqlite:///{sqlite_file}", f"duckdb:///{duckdb_file}"):
        with pytest.raises(DataError, match=r"more than one column called \['date'\]"):
            sources.read(x, columns={}, query="SELECT date, amount, date FROM orders")


def test_a_missing_column_of_a_table_is_refused_like_in_a_file(sqlite_file):
    with pytest.raises(DataError, match=r"shop.db: orders lacks \['umsatz'\]; it has"):
        sources.read(f"sqlite:///{sqlite_file}", columns={"amount": "umsatz"}, query="orders")


def test_numbers_and_text_in_one_column_of_sqlite_are_refused(sqlite_file):
    query = "SELECT customer_id, date, iif(customer_id = '7', '1.234', 12.5) AS amount FROM orders"
    with pytest.raises(DataError, match=r"'amount' .* mixes kinds .* number .*'12.5'.* '1.234'"):
        sources.read(f"sqlite:///{sqlite_file}", columns={}, query=query)


@pytest.mark.parametrize("backend", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_or_no_database_is_refused(tmp_path, backend):
    (tmp_path / "none.db").write_text("customer_id,date,amount\n" * 100)
    with pytest.raises(DataError, match=r"shop.db does not exist"):
        sources.read(f"{backend}:///{tmp_path}/shop.db", columns={}, query="orders")
    with pytest.raises(DataError, match=r"none.db cannot be read"):
        sources.read(f"{backend}:///{tmp_path}/none.db", columns={}, query="orders")
    with pytest.raises(DataError, match=f"Write {backend}:///file.db"):
        sources.read(f"{backend}://", columns={}, query="orders")


def test_a_table_without_rows_is_refused(sqlite_file):
    with pytest.raises(DataError, match="no transactions"):
        sources.read(
            f"sqlite:///{sqlite_file}", columns={}, query="SELECT * FROM orders WHERE false"
        )


def test_a_part_of_a_file_does_not_apply_to_a_database(sqlite_file):
    with pytest.raises(ParameterError, match="encoding, which does not apply to a database"):
        sources.read(
            f"sqlite:///{sqlite_file}",
            columns={},
            query="orders",
            dialect={"encoding": "utf-8"},
        )


def test_a_query_does_not_apply_to_a_text_file(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("customer_id,date,amount\n1,2024-01-31,5\n")
    with pytest.raises(ParameterError, match=r"query='orders' does not apply to orders.csv"):
        sources.read(path, columns={}, query="orders")


# what a review of the intake found


def test_bytes_are_text_or_refused(tmp_path):
    path = tmp_path / "bytes.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (customer_id, date, amount, more)")
        rows = [(b"anna", "2024-01-31", b"10", b"\xff"), ("anna", b"2024-02-01", "10", b"x")]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
        connection.execute("CREATE TABLE broken AS SELECT * FROM orders")
        connection.execute("INSERT INTO broken VALUES ('b', '2024-01-31', ?, '')", [b"\xff1"])
    connection.close()
    source = sources.read(f"sqlite:///{path}", columns={}, query="orders")
    assert source.relation.project("customer_id, date, amount").order("date").fetchall() == [
        ("anna", "2024-01-31", "10"),
        ("anna", "2024-02-01", "10"),
    ]
    with pytest.raises(DataError, match=r"'amount' of .*broken holds bytes.*no text in UTF-8"):
        sources.read(f"sqlite:///{path}", columns={}, query="broken")


def test_bytes_of_a_duckdb_file_are_text_or_refused(tmp_path):
    path = tmp_path / "bytes.duckdb"
    with duckdb.connect(str(path)) as connection:
        for name, blob in (("orders", "M\\xC3\\xBCller"), ("broken", "\\xFF")):
            connection.execute(
                f"CREATE TABLE {name} AS SELECT '{blob}'::BLOB AS customer_id, "
                "DATE '2024-01-31' AS date, 1.5 AS amount"
            )
    source = sources.read(f"duckdb:///{path}", columns={}, query="orders")
    assert source.relation.project("customer_id").fetchall() == [("M\u00fcller",)]
    with pytest.raises(DataError, match=r"'customer_id' of .*broken holds bytes"):
        sources.read(f"duckdb:///{path}", columns={}, query="broken")
