import pandas as pd
import pytest

from workbench.schema import (
    DataError,
    NotIdentified,
    TooFewData,
    check_orders,
    check_summary,
    purchase_days,
)


def orders(**columns) -> pd.DataFrame:
    table = {
        "customer_id": ["anna", "anna", "ben"],
        "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-01"]),
        "amount": [10.0, 0.0, 5.0],
    }
    return pd.DataFrame(table | columns)


def summary(**columns) -> pd.DataFrame:
    table = {"frequency": [2, 0], "recency": [20.0, 0.0], "T": [30.0, 26.0]}
    return pd.DataFrame(table | columns, index=["anna", "ben"])


# by hand


def test_a_good_table_of_orders_passes_in_any_order_and_with_more_columns():
    check_orders(orders())
    check_orders(orders().iloc[::-1])
    check_orders(orders(channel="web")[["channel", "amount", "date", "customer_id"]])
    check_orders(orders().astype({"date": "datetime64[s]", "amount": int}))
    check_orders(orders().set_axis([7, 7, 7]))


def test_a_good_summary_passes_in_days_and_in_weeks():
    check_summary(summary())
    check_summary(summary(recency=[30.0, 0.0]))
    check_summary(summary(T=[30.0, 0.0]))
    weeks = summary()
    weeks[["recency", "T"]] /= 7
    check_summary(weeks)


def test_the_special_errors_are_data_errors_and_data_errors_are_value_errors():
    shortage = TooFewData("3 customers are too few.", have=3, need=20)
    assert (shortage.have, shortage.need, str(shortage)) == (3, 20, "3 customers are too few.")
    assert issubclass(TooFewData, DataError)
    assert issubclass(NotIdentified, DataError)
    assert issubclass(DataError, ValueError)


# properties


def test_checking_leaves_the_table_as_it_was():
    table, before = orders(), orders()
    check_orders(table)
    pd.testing.assert_frame_equal(table, before)
    table, before = summary(), summary()
    check_summary(table)
    pd.testing.assert_frame_equal(table, before)


# messages


@pytest.mark.parametrize("column", ["customer_id", "date", "amount"])
def test_a_missing_column_is_named_with_the_columns_there_are(column):
    with pytest.raises(DataError, match=rf"^orders lacks \['{column}'\]; it has \['.*'\]\. Rename"):
        check_orders(orders().drop(columns=column))


def test_several_missing_columns_are_named_together():
    with pytest.raises(DataError, match=r"orders lacks \['customer_id', 'amount'\]; .*\['date'\]"):
        check_orders(orders()[["date"]])


def test_an_empty_table_of_orders_is_refused():
    with pytest.raises(DataError, match=r"^orders is empty. Read a source"):
        check_orders(orders().iloc[:0])


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("customer_id", ["anna", None, float("nan")]),
        ("date", [pd.NaT, pd.NaT, pd.Timestamp("2024-01-01")]),
        ("amount", [None, float("nan"), 1.0]),
    ],
)
def test_missing_values_are_counted(column, values):
    with pytest.raises(DataError, match=f"^2 of 3 orders have no {column}"):
        check_orders(orders(**{column: values}))


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-01", "2024-01-11", "2024-01-01"],
        pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-01"]).tz_localize("UTC"),
        pd.PeriodIndex(["2024-01-01", "2024-01-11", "2024-01-01"], freq="D"),
        [20240101, 20240111, 20240101],
    ],
)
def test_dates_of_another_type_are_refused(dates):
    with pytest.raises(DataError, match=r"^orders\['date'\] is of type .*, not datetime without a"):
        check_orders(orders(date=dates))


def test_dates_with_a_time_of_day_are_counted():
    dates = pd.to_datetime(["2024-01-01 00:00:01", "2024-01-11 23:59:59", "2024-01-01 00:00:00"])
    with pytest.raises(DataError, match=r"^2 of 3 order dates have a time of day"):
        check_orders(orders(date=dates))


def test_days_of_returns_are_allowed_beside_a_purchase_and_are_no_purchases():
    table = orders(amount=[-0.01, 0.0, 5.0])
    check_orders(table)
    assert purchase_days(table)["amount"].tolist() == [0.0, 5.0]


def test_a_table_without_a_purchase_is_refused():
    with pytest.raises(DataError, match=r"^orders holds no purchase: all 3 amounts are negative"):
        check_orders(orders(amount=[-0.01, -1.0, -5.0]))


def test_infinite_amounts_are_counted():
    with pytest.raises(DataError, match=r"^2 of 3 amounts are infinite, or 1e\+14 and more"):
        check_orders(orders(amount=[float("inf"), 1.0, -1e14]))


@pytest.mark.parametrize("amounts", [["10", "20", "5"], ["10,5", "x", ""]])
def test_amounts_that_are_text_are_refused(amounts):
    with pytest.raises(DataError, match="amount"):
        check_orders(orders(amount=amounts))


def test_two_rows_of_a_customer_on_one_day_are_counted():
    dates = pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-01"])
    with pytest.raises(DataError, match=r"^1 of 3 orders share customer and day with another row"):
        check_orders(orders(date=dates))


def test_a_missing_column_of_the_summary_is_named():
    with pytest.raises(DataError, match=r"^summary lacks \['T'\]; it has \['frequency', 'rec"):
        check_summary(summary().drop(columns="T"))


def test_an_empty_summary_is_refused():
    with pytest.raises(DataError, match=r"^summary is empty. Take an as_of"):
        check_summary(summary().iloc[:0])


@pytest.mark.parametrize(
    "broken",
    [
        {"recency": [20.0, -1.0]},
        {"recency": [20.0, 1.0]},
        {"recency": [20.0, 27.0], "frequency": [2, 1]},
        {"frequency": [2, -1]},
        {"frequency": [2, 3]},
        {"frequency": [2.0, float("nan")]},
        {"recency": [20.0, float("nan")]},
        {"T": [30.0, float("nan")]},
        {"T": [30.0, -1.0]},
    ],
)
def test_a_row_that_cannot_be_is_counted_and_located(broken):
    with pytest.raises(DataError, match=r"^1 of 2 rows break .*, the first at position 1"):
        check_summary(summary(**broken))


def test_an_endless_age_is_refused():
    with pytest.raises(DataError, match=r"^1 of 2 rows"):
        check_summary(summary(T=[30.0, float("inf")]))
