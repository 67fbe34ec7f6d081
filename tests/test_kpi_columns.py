import pandas as pd
import pytest

from workbench.cohorts import monthly_revenue
from workbench.kpi_columns import by_month, by_period
from workbench.periods import Periods, by_customer, choose

DAY = pd.Timestamp("2024-01-01")
TWO = Periods(28, DAY, DAY + pd.Timedelta(days=55))
BEFORE, NOW = "2024-01-10", "2024-02-10"


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


BASE = orders(("anna", BEFORE, 5), ("anna", NOW, 7), ("ben", "2023-06-01", 9), ("ben", NOW, 4))


def test_answers_of_a_period_are_promoters_detractors_and_marks():
    survey = pd.DataFrame(
        {
            "customer_id": ["anna", "anna", "anna", "ben", "stranger"],
            "date": pd.to_datetime([NOW, "2024-02-11", BEFORE, NOW, NOW]),
            "nps": pd.array([9, 6, 10, None, 10], dtype="Int64"),
            "satisfaction": [4.0, None, 1.0, 5.0, 5.0],
        }
    )
    now, before = by_period(BASE, periods=TWO, tables={"survey": survey})
    names = ["answers", "promoters", "detractors", "ratings", "marks", "answered", "rated"]
    assert now[names].to_numpy(float).tolist() == [[2, 1, 1, 1, 4, 1, 1], [0, 0, 0, 1, 5, 0, 1]]
    assert before.loc["anna", ["answers", "promoters", "marks"]].tolist() == [1, 1, 1]


def test_a_complaint_is_quick_by_the_next_day_and_the_last_ones_are_not_due_yet():
    complaints = pd.DataFrame(
        {
            "customer_id": ["anna"] * 5,
            "received": pd.to_datetime(
                ["2024-02-01 18:00", "2024-02-02", "2024-02-03", "2024-02-24", "2024-02-25"],
                format="mixed",
            ),
            "first_response": pd.to_datetime(
                ["2024-02-02 09:00", "2024-02-04", None, "2024-02-24", None], format="mixed"
            ),
        }
    )
    now, before = by_period(BASE, periods=TWO, tables={"complaints": complaints})
    row = now.loc["anna", ["cases", "cases_due", "quick_cases", "complained"]]
    assert row.tolist() == [5, 4, 2, 1]
    assert now.loc["ben", ["cases", "complained"]].tolist() == [0, 0]
    assert before["cases"].tolist() == [0, 0]


def test_tables_that_are_not_there_leave_their_columns_missing():
    now, _ = by_period(BASE, periods=TWO, tables={})
    assert now[["answers", "marks", "cases", "new_referred"]].isna().all(axis=None)
    assert now.drop(columns=["answers", "cases"]).notna().any(axis=None)


def test_the_window_of_a_second_purchase_counts_in_the_period_in_which_it_ends():
    table = orders(
        ("in time", "2023-11-20", 1),
        ("in time", "2024-02-18", 1),
        ("a day late", "2023-11-20", 1),
        ("a day late", "2024-02-19", 1),
        ("not over", "2023-11-28", 1),
        ("before", "2023-10-01", 1),
    )
    now, before = by_period(table, periods=TWO, tables={})
    assert now.loc[now["window_90"]].index.tolist() == ["a day late", "in time"]
    assert now.loc[now["repeated_90"]].index.tolist() == ["in time"]
    assert before.loc[before["window_90"]].index.tolist() == []


def test_whole_months_hold_the_revenue_of_known_and_new_customers(sample_orders):
    """The same as the monthly table of 01, month by month."""
    compared = choose(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"))
    index = by_customer(sample_orders, periods=compared).index
    months = monthly_revenue(sample_orders)
    for back, span in ((0, slice("1997-10", "1998-06")), (1, slice("1997-01", "1997-09"))):
        found = by_month(sample_orders, index, periods=compared, back=back)
        for name in ("known", "new"):
            expected = months.loc[span, f"revenue_{name}"].tolist()
            assert found[name].sum(axis=0).tolist() == pytest.approx(expected)


def test_too_few_whole_months_give_none():
    assert by_month(BASE, pd.Index(["anna", "ben"]), periods=TWO, back=0) == {}


def test_the_margin_is_that_of_the_lines_of_a_period():
    lines = pd.DataFrame(
        {
            "customer_id": ["anna", "anna", "ben", None, "anna"],
            "date": pd.to_datetime([NOW, NOW, NOW, NOW, BEFORE]),
            "amount": [10.0, 5.0, 8.0, 99.0, 4.0],
            "margin": [3.0, None, -1.0, 50.0, 2.0],
        }
    )
    now, before = by_period(BASE, periods=TWO, tables={}, lines=lines)
    assert now[["margin", "margin_revenue"]].to_numpy().tolist() == [[3, 10], [-1, 8]]
    assert before[["margin", "margin_revenue"]].to_numpy().tolist() == [[2, 4], [0, 0]]
    plain, _ = by_period(BASE, periods=TWO, tables={}, lines=lines.drop(columns="margin"))
    assert plain["margin"].isna().all()
