import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END

from workbench.orders import of_frame
from workbench.schema import SUMMARY_COLUMNS, DataError, TooFewData, check_summary
from workbench.summary import (
    default_holdout_days,
    profiles,
    profiles_of,
    recent_revenue,
    split,
    summarise,
)

SEEDS = range(20)


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


THREE = orders(
    ("ben", "2024-01-05", 15),
    ("anna", "2024-01-21", 40),
    ("anna", "2024-01-01", 10),
    ("cleo", "2024-01-31", 0),
    ("anna", "2024-01-11", 20),
    ("00123", "2024-02-01", 7),
)
AS_OF = pd.Timestamp("2024-01-31")


def random_orders(seed: int, *, customers: int = 30, days: int = 120) -> pd.DataFrame:
    """One row per customer and day, in no order, with money that does not add up exactly."""
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, customers, 200).astype(str),
            "date": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(chance.integers(0, days, 200), unit="D"),
            "amount": chance.exponential(20, 200).round(2) * chance.integers(0, 2, 200),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def by_slow_loop(table: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    rows = {}
    for customer in sorted(set(table["customer_id"])):
        own = table[(table["customer_id"] == customer) & (table["date"] <= as_of)]
        own = own.sort_values("date")
        if len(own) == 0:
            continue
        first, last = own["date"].iloc[0], own["date"].iloc[-1]
        repeats = list(own["amount"])[1:]
        rows[customer] = {
            "frequency": len(repeats),
            "recency": float((last - first).days),
            "T": float((as_of - first).days),
            "monetary_value": sum(repeats) / len(repeats) if repeats else 0.0,
            "days_since_last": float((as_of - last).days),
            "n_orders": len(own),
            "revenue": sum(own["amount"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("customer_id")


# by hand


def test_three_customers_give_the_table_written_out_here():
    table = summarise(THREE, as_of=AS_OF)
    assert list(table.columns) == list(SUMMARY_COLUMNS)
    assert table.index.name == "customer_id"
    assert table.reset_index().to_numpy().tolist() == [
        ["anna", 2, 20.0, 30.0, 30.0, 10.0, 3, 70.0],
        ["ben", 0, 0.0, 26.0, 0.0, 26.0, 1, 15.0],
        ["cleo", 0, 0.0, 0.0, 0.0, 0.0, 1, 0.0],
    ]
    kinds = [kind.kind for kind in table.dtypes]
    assert kinds == ["i", "f", "f", "f", "f", "i", "f"]


def test_the_as_of_day_itself_counts():
    table = summarise(THREE, as_of=pd.Timestamp("2024-01-21"))
    assert table.loc["anna", ["frequency", "recency", "T"]].tolist() == [2, 20, 20]
    table = summarise(THREE, as_of=pd.Timestamp("2024-01-20"))
    assert table.loc["anna", ["frequency", "recency", "T"]].tolist() == [1, 10, 19]
    assert "cleo" not in table.index


def test_the_first_purchase_is_not_in_the_monetary_value_and_is_in_the_revenue():
    table = summarise(
        orders(("a", "2024-01-01", 1000), ("a", "2024-01-02", 0), ("a", "2024-01-03", 5)),
        as_of=AS_OF,
    )
    assert table.loc["a", ["monetary_value", "revenue"]].tolist() == [2.5, 1005.0]


def test_leap_days_and_turns_of_the_year_are_days_like_others():
    table = summarise(
        orders(("a", "2023-12-31", 1), ("a", "2024-03-01", 1)), as_of=pd.Timestamp("2025-01-01")
    )
    assert table.loc["a", ["recency", "T"]].tolist() == [61.0, 367.0]


def test_customers_are_sorted_as_text():
    ids = ["10", "9", "b", "a", "B", "00123", "ä"]
    table = summarise(orders(*((c, "2024-01-01", 1) for c in ids)), as_of=AS_OF)
    assert list(table.index) == sorted(ids)


def test_a_split_cuts_by_date_and_keeps_who_was_known():
    cut = split(THREE, as_of=AS_OF, holdout_days=15)
    assert (cut.cutoff, cut.end, cut.holdout_days) == (pd.Timestamp("2024-01-16"), AS_OF, 15)
    assert cut.calibration.index.tolist() == ["anna", "ben"]
    assert cut.calibration.loc["anna", ["frequency", "T", "revenue"]].tolist() == [1, 15, 30]
    assert cut.holdout.reset_index().to_numpy().tolist() == [["anna", 1, 40.0], ["ben", 0, 0.0]]
    assert cut.holdout.dtypes.map(lambda kind: kind.kind).tolist() == ["i", "f"]


def test_the_cutoff_day_belongs_to_the_calibration_and_the_next_to_the_holdout():
    table = orders(("a", "2024-01-01", 1), ("a", "2024-01-10", 2), ("a", "2024-01-11", 4))
    cut = split(table, as_of=pd.Timestamp("2024-01-15"), holdout_days=5)
    assert cut.calibration.loc["a", ["frequency", "revenue"]].tolist() == [1, 3]
    assert cut.holdout.loc["a"].tolist() == [1, 4]


def test_orders_after_the_end_are_in_neither_period():
    table = orders(("a", "2024-01-01", 1), ("a", "2024-01-15", 2), ("a", "2024-01-16", 4))
    cut = split(table, as_of=pd.Timestamp("2024-01-15"), holdout_days=5)
    assert cut.holdout.loc["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("span", "days"),
    [(0, 7), (1, 7), (13, 7), (14, 7), (15, 14), (28, 14), (29, 21), (544, 273), (545, 273)],
)
def test_the_default_holdout_is_half_the_span_in_whole_weeks_rounded_up(span, days):
    first = pd.Timestamp("1997-01-01")
    assert default_holdout_days(first, as_of=first + pd.Timedelta(days=span)) == days


def test_profiles_count_equal_customers():
    summary = pd.DataFrame(
        {"frequency": [1, 0, 1, 0], "recency": [7.0, 0, 7, 0], "T": [14.0, 14, 14, 20]}
    )
    table = profiles(summary)
    assert list(table.columns) == ["frequency", "recency", "T", "customers"]
    assert table.to_numpy().tolist() == [[0, 0, 14, 1], [0, 0, 20, 1], [1, 7, 14, 2]]


def test_a_day_of_returns_is_money_and_nothing_else():
    table = orders(
        ("anna", "2024-01-01", -3),
        ("anna", "2024-01-05", 10),
        ("anna", "2024-01-06", -4),
        ("anna", "2024-01-15", 20),
        ("anna", "2024-01-20", -50),
        ("ben", "2024-01-08", -9),
    )
    found = summarise(table, as_of=pd.Timestamp("2024-01-25"))
    assert found.reset_index().to_numpy().tolist() == [
        ["anna", 1, 10.0, 20.0, 20.0, 10.0, 2, -27.0]
    ]
    assert recent_revenue(table, as_of=pd.Timestamp("2024-01-25"), days=10) == -50.0
    cut = split(table, as_of=pd.Timestamp("2024-01-25"), holdout_days=12)
    assert cut.start == pd.Timestamp("2024-01-05")
    assert cut.calibration["revenue"].tolist() == [3.0]
    assert cut.holdout.reset_index().to_numpy().tolist() == [["anna", 1, -30.0]]


# properties


def with_returns(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Orders with days of returns of customers who buy, and of one who never does."""
    chance = np.random.default_rng(seed)
    back = pd.DataFrame(
        {
            "customer_id": chance.choice([*table["customer_id"].unique(), "never"], 60),
            "date": pd.Timestamp("2023-12-20")
            + pd.to_timedelta(chance.integers(0, 140, 60), unit="D"),
            "amount": -chance.exponential(20, 60).round(2) - 0.01,
        }
    )
    both = pd.concat([table, back], ignore_index=True)
    return both.drop_duplicates(["customer_id", "date"], ignore_index=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_days_of_returns_change_revenue_by_their_money_and_nothing_else(seed):
    bought, as_of = random_orders(seed), pd.Timestamp("2024-03-15")
    table = with_returns(bought, seed)
    plain, found = summarise(bought, as_of=as_of), summarise(table, as_of=as_of)
    pd.testing.assert_frame_equal(found.drop(columns="revenue"), plain.drop(columns="revenue"))
    back = table[(table["amount"] < 0) & (table["date"] <= as_of)]
    back = back.groupby("customer_id")["amount"].sum().reindex(plain.index, fill_value=0.0)
    np.testing.assert_allclose(found["revenue"] - plain["revenue"], back, atol=1e-9)
    assert (back < 0).any()
    one, two = (split(t, as_of=as_of, holdout_days=30) for t in (bought, table))
    assert one.start == two.start
    assert (one.holdout["purchases"] == two.holdout["purchases"]).all()
    assert one.holdout["revenue"].sum() > two.holdout["revenue"].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_in_a_database_give_the_same_tables_to_the_last_bit(seed):
    table, as_of = with_returns(random_orders(seed), seed), pd.Timestamp("2024-03-15")
    stored = of_frame(table)
    stored.connection.execute("SET threads = 4")
    for one, two in (
        (summarise(table, as_of=as_of), summarise(stored, as_of=as_of)),
        (profiles_of(table, as_of=as_of), profiles_of(stored, as_of=as_of)),
        (profiles(summarise(table, as_of=as_of)), profiles_of(stored, as_of=as_of)),
        (
            split(table, as_of=as_of, holdout_days=30).holdout,
            split(stored, as_of=as_of, holdout_days=30).holdout,
        ),
    ):
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert recent_revenue(table, as_of=as_of, days=20) == recent_revenue(
        stored, as_of=as_of, days=20
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_summary_is_that_of_the_slow_loop(seed):
    table = random_orders(seed)
    as_of = pd.Timestamp("2024-03-15")
    pd.testing.assert_frame_equal(
        summarise(table, as_of=as_of), by_slow_loop(table, as_of), check_index_type=False
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_summary_keeps_its_promises(seed):
    table = random_orders(seed)
    before = table.copy()
    summary = summarise(table, as_of=pd.Timestamp("2024-03-15"))
    check_summary(summary)
    assert (summary["recency"] <= summary["T"]).all()
    assert (summary["days_since_last"] == summary["T"] - summary["recency"]).all()
    assert (summary["n_orders"] == summary["frequency"] + 1).all()
    assert summary.index.is_monotonic_increasing and summary.index.is_unique
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_and_columns_changes_no_bit(seed):
    table = random_orders(seed)
    shuffled = table.sample(frac=1, random_state=seed)[["amount", "customer_id", "date"]]
    as_of = table["date"].max()
    pd.testing.assert_frame_equal(
        summarise(table, as_of=as_of), summarise(shuffled, as_of=as_of), check_exact=True
    )
    one, two = (split(t, as_of=as_of, holdout_days=40) for t in (table, shuffled))
    pd.testing.assert_frame_equal(one.calibration, two.calibration, check_exact=True)
    pd.testing.assert_frame_equal(one.holdout, two.holdout, check_exact=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_later_rows_change_nothing(seed):
    table = random_orders(seed)
    as_of = pd.Timestamp("2024-03-15")
    later = table["date"] > as_of
    assert later.any()
    expected = summarise(table, as_of=as_of)
    moved = table.assign(
        date=table["date"].where(~later, table["date"] + pd.Timedelta(days=900)),
        amount=table["amount"].where(~later, 1e9),
    )
    for other in (table[~later], moved):
        pd.testing.assert_frame_equal(summarise(other, as_of=as_of), expected, check_exact=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_moving_the_future_changes_nothing_in_the_calibration(seed):
    table = random_orders(seed)
    as_of, cutoff = pd.Timestamp("2024-04-24"), pd.Timestamp("2024-03-15")
    expected = split(table, as_of=as_of, holdout_days=40)
    assert expected.cutoff == cutoff and expected.holdout["purchases"].sum() > 0
    later = table["date"] > cutoff
    deleted = table[~later]
    delayed = table.assign(date=table["date"] + pd.to_timedelta(later * 1000, unit="D"))
    dearer = table.assign(amount=table["amount"].where(~later, table["amount"] * 7 + 1))
    strangers = table.assign(customer_id=table["customer_id"].where(~later, "new"))
    strangers = strangers.drop_duplicates(["customer_id", "date"])
    for future in (deleted, delayed, dearer, strangers):
        moved = split(future, as_of=as_of, holdout_days=40)
        pd.testing.assert_frame_equal(moved.calibration, expected.calibration, check_exact=True)
        assert moved.cutoff == cutoff
    assert split(deleted, as_of=as_of, holdout_days=40).holdout.to_numpy().sum() == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_and_holdout_make_the_whole(seed):
    table = random_orders(seed)
    as_of = table["date"].max()
    whole, cut = summarise(table, as_of=as_of), split(table, as_of=as_of, holdout_days=40)
    known = whole.loc[cut.calibration.index]
    assert cut.holdout.index.equals(cut.calibration.index)
    n_orders = cut.calibration["n_orders"] + cut.holdout["purchases"]
    assert (n_orders == known["n_orders"]).all()
    revenue = cut.calibration["revenue"] + cut.holdout["revenue"]
    np.testing.assert_allclose(revenue, known["revenue"], rtol=1e-12)


def by_groupby(summary: pd.DataFrame) -> list[tuple]:
    counted = summary.groupby(["frequency", "recency", "T"], sort=True).size()
    return [(*map(float, key), n) for key, n in counted.items()]


def as_rows(table: pd.DataFrame) -> list[tuple]:
    return [(*map(float, row[:3]), int(row[3])) for row in table.itertuples(index=False)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1, 1 / 7, 0.5, 10_000_000, 1e12])
def test_profiles_are_those_of_a_groupby_at_every_scale_of_time(seed, scale):
    summary = summarise(random_orders(seed, days=20), as_of=pd.Timestamp("2024-01-25"))
    summary[["recency", "T"]] *= scale
    table = profiles(summary)
    assert as_rows(table) == by_groupby(summary)
    assert table["customers"].sum() == len(summary)
    assert [kind.kind for kind in table.dtypes] == ["i", "f", "f", "i"]


@pytest.mark.parametrize("seed", SEEDS)
def test_profiles_do_not_depend_on_the_order_of_customers(seed):
    summary = summarise(random_orders(seed), as_of=pd.Timestamp("2024-05-01"))
    before = summary.copy()
    shuffled = summary.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(profiles(summary), profiles(shuffled))
    pd.testing.assert_frame_equal(summary, before)


def test_profiles_do_not_merge_frequencies_that_differ_by_a_fraction():
    summary = pd.DataFrame({"frequency": [1.0, 1.5], "recency": [7.0, 7.0], "T": [14.0, 14.0]})
    assert as_rows(profiles(summary)) == [(1.0, 7.0, 14.0, 1), (1.5, 7.0, 14.0, 1)]


# against an authority


def of_lifetimes(table: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return lifetimes' own summary; what its import does to pandas and warnings is undone."""
    option = "mode.chained_assignment"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chained_assignment = pd.get_option(option)
        try:
            from lifetimes.utils import summary_data_from_transaction_data

            return summary_data_from_transaction_data(
                table,
                "customer_id",
                "date",
                monetary_value_col="amount",
                observation_period_end=as_of,
                freq="D",
            )
        finally:
            pd.set_option(option, chained_assignment)


@pytest.mark.parametrize("as_of", [CALIBRATION_END, HOLDOUT_END])
def test_the_sample_is_summarised_as_lifetimes_does(sample_orders, as_of):
    ours, theirs = summarise(sample_orders, as_of=as_of), of_lifetimes(sample_orders, as_of)
    columns = ["frequency", "recency", "T", "monetary_value"]
    pd.testing.assert_frame_equal(
        ours[columns].astype(float), theirs[columns], check_index_type=False, rtol=1e-12
    )


def test_the_master_is_summarised_as_lifetimes_does(master_orders):
    ours = summarise(master_orders, as_of=CALIBRATION_END)
    theirs = of_lifetimes(master_orders, CALIBRATION_END)
    columns = ["frequency", "recency", "T", "monetary_value"]
    pd.testing.assert_frame_equal(
        ours[columns].astype(float), theirs[columns], check_index_type=False, rtol=1e-12
    )


def test_the_sample_has_the_published_counts_of_cdnow(sample_orders):
    assert (len(sample_orders), sample_orders["customer_id"].nunique()) == (6_696, 2_357)
    cut = split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)
    assert (cut.cutoff, cut.end) == (CALIBRATION_END, HOLDOUT_END)
    assert len(cut.calibration) == len(cut.holdout) == 2_357
    assert cut.calibration["frequency"].sum() == 2_457
    assert (cut.calibration["frequency"] == 0).sum() == 1_411
    assert (cut.calibration["frequency"] > 0).sum() == 946
    assert cut.holdout["purchases"].sum() == 1_882
    assert len(profiles(cut.calibration)) == 1_016
    assert profiles(cut.calibration)["customers"].sum() == 2_357


def test_the_classes_of_frequency_are_those_published(sample_orders):
    cut = split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)
    classes = cut.calibration["frequency"].clip(upper=7)
    groups = cut.holdout["purchases"].groupby(classes)
    assert groups.size().tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    published = [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
    np.testing.assert_allclose(groups.mean(), published, rtol=0, atol=0.0005)


def test_the_master_has_the_published_counts_of_cdnow(master_orders):
    cut = split(master_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)
    assert len(cut.calibration) == 23_570
    assert cut.holdout["purchases"].sum() == 19_684
    assert (cut.calibration["frequency"] > 0).sum() == 9_451
    spent = (cut.calibration["frequency"] > 0) & (cut.calibration["monetary_value"] > 0)
    assert spent.sum() == 9_450


def test_half_of_cdnow_is_39_weeks(master_orders):
    first = master_orders["date"].min()
    assert default_holdout_days(first, as_of=HOLDOUT_END) == HOLDOUT_DAYS


# messages


def test_a_day_before_the_first_purchase_is_refused_with_both_days():
    match = "^no purchase up to as_of=2023-12-31; the first one is on 2024-01-01. Take a later"
    with pytest.raises(DataError, match=match):
        summarise(THREE, as_of=pd.Timestamp("2023-12-31"))
    with pytest.raises(DataError, match=match):
        profiles_of(THREE, as_of=pd.Timestamp("2023-12-31"))


def test_a_broken_table_of_orders_is_refused():
    with pytest.raises(DataError, match=r"^1 of 6 amounts are infinite"):
        summarise(THREE.assign(amount=[1, 1, 1, 1, 1, float("inf")]), as_of=AS_OF)


@pytest.mark.parametrize("days", [0, -1])
def test_a_holdout_has_at_least_a_day(days):
    with pytest.raises(ValueError, match=f"^holdout_days={days} must be at least 1"):
        split(THREE, as_of=AS_OF, holdout_days=days)


def test_a_holdout_longer_than_the_data_says_what_there_is_and_what_it_needs():
    with pytest.raises(TooFewData, match=r"^no purchase before a holdout of 40 days: .* 30 days "):
        split(THREE, as_of=AS_OF, holdout_days=40)
    with pytest.raises(TooFewData) as caught:
        split(THREE, as_of=AS_OF, holdout_days=31)
    assert (caught.value.have, caught.value.need) == (30, 31)
    assert len(split(THREE, as_of=AS_OF, holdout_days=30).calibration) == 1


def test_a_broken_table_of_orders_is_not_split():
    with pytest.raises(DataError, match=r"^orders is empty"):
        split(THREE.iloc[:0], as_of=AS_OF, holdout_days=1)


def test_profiles_of_a_broken_summary_are_refused():
    with pytest.raises(DataError, match=r"^1 of 1 rows break"):
        profiles(pd.DataFrame({"frequency": [0], "recency": [1.0], "T": [2.0]}))
