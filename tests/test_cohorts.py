import numpy as np
import pandas as pd
import pytest

from workbench.cohorts import LAST_ORDER_COUNT, monthly_revenue, order_counts
from workbench.schema import DataError
from workbench.summary import summarise

SEEDS = range(20)


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 40, 250).astype(str),
            "date": pd.Timestamp("2023-11-15")
            + pd.to_timedelta(chance.integers(0, 200, 250), unit="D"),
            "amount": chance.exponential(20, 250),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


# by hand


def test_what_comes_back_is_taken_off_the_month_in_which_it_came_back():
    table = monthly_revenue(
        orders(
            ("anna", "2023-12-30", -2),
            ("anna", "2024-01-02", 10),
            ("anna", "2024-01-31", -1),
            ("anna", "2024-02-05", -4),
            ("ben", "2024-02-06", 7),
        )
    )
    assert table.to_dict("list") == {
        "known_customers": [1, 0, 1],
        "new_customers": [0, 1, 1],
        "revenue_known": [-2.0, 0.0, -4.0],
        "revenue_new": [0.0, 9.0, 7.0],
    }


def test_a_customer_is_new_in_the_month_of_the_first_purchase_only():
    table = monthly_revenue(
        orders(
            ("anna", "2024-01-31", 10),
            ("anna", "2024-01-02", 1),
            ("anna", "2024-03-01", 20),
            ("ben", "2024-03-31", 5),
            ("cleo", "2024-03-15", 0),
        )
    )
    assert table.index.tolist() == [pd.Timestamp(f"2024-0{m}-01") for m in (1, 2, 3)]
    assert table.index.name == "month"
    assert table.to_dict("list") == {
        "known_customers": [0, 0, 1],
        "new_customers": [1, 0, 2],
        "revenue_known": [0.0, 0.0, 20.0],
        "revenue_new": [11.0, 0.0, 5.0],
    }
    assert table.dtypes.map(lambda kind: kind.kind).tolist() == list("iiff")


def test_one_order_is_one_month():
    table = monthly_revenue(orders(("a", "2024-02-29", 7)))
    assert table.to_numpy().tolist() == [[0, 1, 0, 7]]


def test_months_run_through_the_turn_of_the_year():
    table = monthly_revenue(orders(("a", "2023-12-31", 7), ("a", "2024-01-01", 3)))
    assert table.index.tolist() == [pd.Timestamp("2023-12-01"), pd.Timestamp("2024-01-01")]
    assert table["revenue_known"].tolist() == [0, 3]


def summary_of(*n_orders: int) -> pd.DataFrame:
    n = pd.Series(n_orders, index=[f"c{i}" for i in range(len(n_orders))], dtype=int)
    return pd.DataFrame(
        {
            "frequency": n - 1,
            "recency": (n > 1) * 1.0,
            "T": 9.0,
            "n_orders": n,
            "revenue": n * 10.0,
        }
    )


def test_customers_are_counted_by_their_purchase_days():
    table = order_counts(summary_of(1, 1, 1, 2, 7, 8, 100))
    assert table.index.tolist() == ["1", "2", "3", "4", "5", "6", "7+"]
    assert table.index.name == "n_orders"
    assert table["customers"].tolist() == [3, 1, 0, 0, 0, 0, 3]
    assert table["revenue"].tolist() == [30, 20, 0, 0, 0, 0, 1150]
    assert table["customer_share"].tolist() == pytest.approx([3 / 7, 1 / 7, 0, 0, 0, 0, 3 / 7])
    assert table["revenue_share"].tolist() == pytest.approx(
        [30 / 1200, 20 / 1200, 0, 0, 0, 0, 1150 / 1200]
    )
    assert len(table) == LAST_ORDER_COUNT


def test_revenue_of_nothing_has_no_shares():
    table = order_counts(summary_of(1, 2).assign(revenue=0.0))
    assert table["customer_share"].tolist()[:2] == [0.5, 0.5]
    assert table["revenue_share"].isna().all()


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_months_add_up_to_the_whole(seed):
    table = random_orders(seed)
    before = table.copy()
    months = monthly_revenue(table)
    pd.testing.assert_frame_equal(table, before)
    assert months["new_customers"].sum() == table["customer_id"].nunique()
    pairs = table.assign(month=table["date"].dt.to_period("M"))[["customer_id", "month"]]
    buyers = months["known_customers"] + months["new_customers"]
    assert buyers.sum() == len(pairs.drop_duplicates())
    revenue = months["revenue_new"] + months["revenue_known"]
    assert revenue.sum() == pytest.approx(table["amount"].sum())
    assert months.index.equals(pd.date_range(months.index[0], months.index[-1], freq="MS"))


@pytest.mark.parametrize("seed", SEEDS)
def test_months_are_those_of_a_slow_loop(seed):
    table = random_orders(seed)
    months = monthly_revenue(table)
    first = table.groupby("customer_id")["date"].min().dt.strftime("%Y-%m")
    for day, row in months.iterrows():
        label = f"{day:%Y-%m}"
        inside = table[table["date"].dt.strftime("%Y-%m") == label]
        new = inside["customer_id"].map(first) == label
        assert row["known_customers"] == inside[~new]["customer_id"].nunique()
        assert row["new_customers"] == inside[new]["customer_id"].nunique()
        assert row["revenue_new"] == pytest.approx(inside[new]["amount"].sum())
        assert row["revenue_known"] == pytest.approx(inside[~new]["amount"].sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_no_bit(seed):
    table = random_orders(seed)
    shuffled = table.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        monthly_revenue(shuffled), monthly_revenue(table), check_exact=True
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_past_months_do_not_know_the_later_ones(seed):
    table = random_orders(seed)
    early = table[table["date"] < "2024-03-01"]
    months = monthly_revenue(early)
    pd.testing.assert_frame_equal(
        months, monthly_revenue(table).loc[: months.index[-1]], check_exact=True, check_freq=False
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_order_counts_add_up_to_the_base(seed):
    summary = summarise(random_orders(seed), as_of=pd.Timestamp("2024-12-31"))
    before = summary.copy()
    table = order_counts(summary)
    pd.testing.assert_frame_equal(summary, before)
    assert table["customers"].sum() == len(summary)
    assert table["customer_share"].sum() == pytest.approx(1, abs=1e-12)
    assert table["revenue"].sum() == pytest.approx(summary["revenue"].sum())
    assert table["revenue_share"].sum() == pytest.approx(1, abs=1e-12)


# against an authority


def test_cdnow_is_a_cohort_of_three_months(sample_orders):
    months = monthly_revenue(sample_orders)
    assert len(months) == 18
    assert months["new_customers"].iloc[:3].sum() == 2_357
    assert months["new_customers"].iloc[3:].sum() == 0
    assert months["known_customers"].iloc[0] == 0
    revenue = months["revenue_known"] + months["revenue_new"]
    assert revenue.sum() == pytest.approx(sample_orders["amount"].sum())


# messages


def test_a_broken_table_of_orders_is_refused():
    with pytest.raises(DataError, match=r"^orders is empty"):
        monthly_revenue(orders())


def test_an_empty_summary_is_refused():
    with pytest.raises(DataError, match=r"^summary is empty"):
        order_counts(summary_of())
