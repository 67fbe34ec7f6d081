import duckdb
import numpy as np
import pandas as pd
import pytest

from workbench import cohort_retention, cohorts, intake
from workbench.cohorts import LAST_ORDER_COUNT, monthly_revenue, order_counts
from workbench.schema import DataError, TooFewData
from workbench.summary import summarise

SEEDS = range(20)
FEW_SEEDS = range(5)


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


def test_a_cohort_is_followed_from_the_month_of_its_first_purchase():
    table = cohort_retention.retention(
        orders(
            ("anna", "2024-01-31", 10),
            ("anna", "2024-02-01", 10),
            ("ben", "2024-01-02", 10),
            ("ben", "2024-03-05", 0),
            ("ben", "2024-03-06", 10),
            ("cleo", "2024-03-03", 10),
            ("cleo", "2024-02-03", -10),
        ),
        as_of=pd.Timestamp("2024-03-31"),
        length="M",
    )
    january, march = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-01")
    assert table.index.tolist() == [(day, age) for day in (january, march) for age in range(3)]
    assert table["customers"].tolist() == [2, 2, 2, 1, 1, 1]
    assert table["buyers"].fillna(-1).tolist() == [2, 1, 1, 1, -1, -1]
    assert table["bought_share"].fillna(-1).tolist() == [1, 0.5, 0.5, 1, -1, -1]
    assert table["is_over"].tolist() == [True] * 4 + [False] * 2
    assert table["period"].iloc[-1] == pd.Timestamp("2024-05-01")


def test_a_month_that_is_not_over_is_missing_and_never_zero():
    table = orders(("anna", "2024-01-05", 1), ("anna", "2024-02-05", 1))
    early = cohort_retention.retention(table, as_of=pd.Timestamp("2024-02-28"), length="M")
    assert early["bought_share"].tolist()[:1] == [1] and np.isnan(early["bought_share"].iloc[1])
    whole = cohort_retention.retention(table, as_of=pd.Timestamp("2024-02-29"), length="M")
    assert whole["bought_share"].tolist() == [1, 1]
    quarters = cohort_retention.retention(table, as_of=pd.Timestamp("2024-06-29"), length="Q")
    assert quarters["buyers"].fillna(-1).tolist() == [1, -1]


def test_few_periods_are_months_and_many_are_years():
    table = orders(("anna", "2020-01-05", 1))
    lengths = [
        cohorts.period_length(table, as_of=pd.Timestamp(day), longest=24)
        for day in ("2021-12-31", "2022-01-01", "2025-12-31", "2026-01-01", "2060-01-01")
    ]
    assert lengths == ["M", "Q", "Q", "Y", "Y"]
    layers = [
        cohorts.layer_length(table, as_of=pd.Timestamp(day))
        for day in ("2020-02-01", "2021-06-30", "2021-07-01")
    ]
    assert layers == ["Q", "Q", "Y"]


def newcomers(*counts: int) -> pd.DataFrame:
    """Return orders in which so many customers buy for the first time in each month."""
    months = pd.period_range("2024-01", periods=len(counts), freq="M")
    return orders(
        *(
            (f"{month}-{i}", str(month.start_time.date()), 1.0)
            for month, n in zip(months, counts, strict=True)
            for i in range(n)
        )
    )


@pytest.mark.parametrize(
    ("counts", "as_of", "is_closed", "is_truncated"),
    [
        ((6, 6, 6, 6), "2024-04-30", False, False),
        ((10, 6, 6, 6), "2024-04-30", False, True),
        ((9, 6, 6, 6), "2024-04-30", False, False),
        ((10, 6, 0, 0, 0, 6, 6), "2024-07-31", False, True),
        ((10, 6, 6), "2024-05-31", False, False),
        ((10, 6, 6), "2024-06-01", True, False),
        ((10, 6, 6, 6), "2025-01-01", True, True),
    ],
)
def test_a_crowded_first_month_and_months_without_anybody_new_are_told(
    counts, as_of, is_closed, is_truncated
):
    begun = cohorts.beginning(newcomers(*counts), as_of=pd.Timestamp(as_of))
    assert (begun.is_closed, begun.is_truncated) == (is_closed, is_truncated)
    assert begun.first_month == pd.Timestamp("2024-01-01")


def test_old_customers_are_not_in_the_pool_of_cohorts():
    table = pd.concat(
        [newcomers(10, 4, 4, 4), newcomers(10, 2).assign(date=pd.Timestamp("2024-02-20"))]
    ).drop_duplicates(["customer_id", "date"])
    as_of = pd.Timestamp("2024-04-30")
    begun = cohorts.beginning(table, as_of=as_of)
    pooled = cohort_retention.decay(
        cohort_retention.retention(table, as_of=as_of, length="M"), begun=begun
    )
    assert begun.is_truncated
    assert pooled["customers"].tolist() == [8, 4]
    assert pooled["buyers"].tolist() == [0, 0]
    everybody = begun._replace(is_truncated=False)
    pooled = cohort_retention.decay(
        cohort_retention.retention(table, as_of=as_of, length="M"), begun=everybody
    )
    assert pooled["customers"].tolist() == [18, 14, 10]
    assert pooled["bought_share"].tolist() == [10 / 18, 0, 0]
    # Wilson (1927) for 10 of 18, from the formula with z = 1.96.
    assert pooled.loc[1, ["low", "high"]].tolist() == pytest.approx([0.3372, 0.7544], abs=1e-4)


def test_the_revenue_of_a_month_is_stacked_by_when_its_customers_began():
    stack = cohorts.revenue_stack(
        orders(
            ("anna", "2024-01-05", 10),
            ("anna", "2024-04-05", 20),
            ("ben", "2024-02-05", 3),
            ("ben", "2024-02-06", 4),
            ("cleo", "2024-04-06", 5),
            ("cleo", "2024-01-06", -1),
            ("dora", "2024-01-06", -100),
        ),
        as_of=pd.Timestamp("2024-04-30"),
        length="M",
        layer_length="Q",
    )
    months = [pd.Timestamp(f"2024-0{month}-01") for month in (1, 2, 3, 4)]
    assert stack.index.tolist() == [(m, q) for m in months for q in ("Q1/2024", "Q2/2024")]
    # Cleo gave something back months before the data know of a purchase: an old customer.
    assert stack["revenue"].tolist() == [9, 0, 7, 0, 0, 0, 20, 5]
    assert stack["customers"].tolist() == [2, 0, 1, 0, 0, 0, 1, 1]
    assert stack["new_customers"].tolist() == [1, 0, 1, 0, 0, 0, 0, 1]
    assert (stack["known_customers"] == stack["customers"] - stack["new_customers"]).all()


def test_of_many_layers_the_earliest_are_one():
    table = orders(*((f"c{year}", f"{year}-06-01", 1.0 * year) for year in range(2010, 2020)))
    stack = cohorts.revenue_stack(
        table, as_of=pd.Timestamp("2019-12-31"), length="Y", layer_length="Y"
    )
    layers = stack.index.unique("layer").tolist()
    assert layers == ["bis 2014", "2015", "2016", "2017", "2018", "2019"]
    assert stack["revenue"].sum() == sum(range(2010, 2020))
    assert stack["revenue"].xs("bis 2014", level="layer").sum() == sum(range(2010, 2015))


# properties


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_the_triangle_is_that_of_a_slow_loop(seed):
    table = random_orders(seed)
    as_of = pd.Timestamp("2024-05-10")
    triangle = cohort_retention.retention(table, as_of=as_of, length="M")
    known = table[table["date"] <= as_of]
    first = known.groupby("customer_id")["date"].min().dt.strftime("%Y-%m")
    for (start, age), row in triangle.iterrows():
        period = start + pd.DateOffset(months=age)
        members = set(first.index[first == f"{start:%Y-%m}"])
        assert row["period"] == period and row["customers"] == len(members)
        if period + pd.DateOffset(months=1) > as_of + pd.Timedelta(days=1):
            assert np.isnan(row["buyers"]) and np.isnan(row["bought_share"]) and not row["is_over"]
            continue
        inside = known[known["date"].dt.strftime("%Y-%m") == f"{period:%Y-%m}"]
        buyers = members & set(inside["customer_id"])
        assert row["buyers"] == len(buyers) and row["others"] == len(members - buyers)
        assert row["bought_share"] == len(buyers) / len(members)


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_cohorts_know_neither_the_order_of_rows_nor_what_came_later(seed):
    table = random_orders(seed)
    before = table.copy()
    as_of = pd.Timestamp("2024-03-31")
    other = table.sample(frac=1, random_state=seed)
    known = table[table["date"] <= as_of]
    for make in (
        lambda rows: cohort_retention.retention(rows, as_of=as_of, length="M"),
        lambda rows: cohorts.revenue_stack(rows, as_of=as_of, length="M", layer_length="Q"),
    ):
        expected = make(table)
        pd.testing.assert_frame_equal(make(other), expected, check_exact=True)
        pd.testing.assert_frame_equal(make(known), expected, check_exact=True)
    assert cohorts.beginning(other, as_of=as_of)[:3] == cohorts.beginning(known, as_of=as_of)[:3]
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_neither_a_cell_of_the_triangle_nor_a_difference_tells_of_fewer_than_k(seed):
    table = random_orders(seed)
    as_of = pd.Timestamp("2024-05-31")
    triangle = cohort_retention.retention(table, as_of=as_of, length="M")
    shown = cohort_retention.hide_small(triangle, k=5)
    over, seen = triangle[triangle["is_over"]], shown["buyers"].notna()
    for column in ("buyers", "others", "customers"):
        assert not over.loc[seen, column].between(1, 4).any()
    assert shown["bought_share"].notna().equals(seen) and not (seen & ~triangle["is_over"]).any()
    begun = cohorts.beginning(table, as_of=as_of)
    pooled = cohort_retention.hide_small_decay(triangle, begun=begun, k=5)["buyers"]
    assert not pooled.between(1, 4).any()
    cells = cohort_retention._pooled_cells(triangle, begun=begun)
    cells = cells[cells["is_over"]]
    for age, total in pooled.dropna().items():
        told = shown.loc[cells.index, "buyers"].xs(age, level="age")
        rest = total - told.sum()
        assert told.notna().all() or (told.isna().sum() > 1 and rest >= 5)


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


@pytest.mark.parametrize("length", ["M", "Q", "Y"])
def test_the_stack_of_cdnow_adds_up_in_cents(master_orders, length):
    stack = cohorts.revenue_stack(
        master_orders, as_of=pd.Timestamp("1998-06-30"), length=length, layer_length="Q"
    )
    # The sum of the file: data/README.md.
    assert round(stack["revenue"].sum(), 2) == 2_500_315.63


def in_cents(rows: pd.DataFrame, *, length: str) -> tuple[int, int]:
    """Return the stack's sum and that of the orders of customers who bought, in cents."""
    stack = cohorts.revenue_stack(rows, as_of=rows["date"].max(), length=length, layer_length="Q")
    buyers = rows.loc[rows["amount"] >= 0, "customer_id"].unique()
    cents = (100 * rows.loc[rows["customer_id"].isin(buyers), "amount"]).round().astype(int)
    return round(100 * stack["revenue"].sum()), int(cents.sum())


@pytest.mark.parametrize("length", ["M", "Q"])
def test_the_stack_of_online_retail_adds_up_in_cents(shared, length):
    path = shared / "data" / "online_retail_uci.parquet"
    rows = duckdb.sql(
        f"""
        SELECT CustomerID::INTEGER::VARCHAR AS customer_id, InvoiceDate::DATE::TIMESTAMP AS date,
               round(sum(Quantity * UnitPrice), 2)::DOUBLE AS amount
        FROM '{path}' WHERE CustomerID IS NOT NULL GROUP BY ALL
        """
    ).df()
    stacked, added = in_cents(rows.astype({"customer_id": "str"}), length=length)
    assert stacked == added


def test_the_stack_of_musterhandel_adds_up_in_cents():
    rows = intake.load("dataset:beispiel", run_dir="", pseudonymise="off").orders
    stacked, added = in_cents(rows, length="M")
    assert stacked == added


def test_cdnow_is_a_closed_group_of_new_customers(master_orders):
    begun = cohorts.beginning(master_orders, as_of=pd.Timestamp("1998-06-30"))
    assert begun.is_closed and not begun.is_truncated and begun.idle_months == 15


# messages


def test_no_cohort_with_a_period_behind_it_bears_no_curve():
    table = orders(("anna", "2024-01-05", 1))
    as_of = pd.Timestamp("2024-01-31")
    triangle = cohort_retention.retention(table, as_of=as_of, length="M")
    with pytest.raises(TooFewData, match=r"no cohort has a whole period behind it"):
        cohort_retention.decay(triangle, begun=cohorts.beginning(table, as_of=as_of))


def test_a_day_before_the_first_purchase_is_refused():
    with pytest.raises(DataError, match=r"no purchase up to 2023-01-01"):
        cohorts.beginning(newcomers(1), as_of=pd.Timestamp("2023-01-01"))


def test_a_broken_table_of_orders_is_refused():
    with pytest.raises(DataError, match=r"^orders is empty"):
        monthly_revenue(orders())


def test_an_empty_summary_is_refused():
    with pytest.raises(DataError, match=r"^summary is empty"):
        order_counts(summary_of())
