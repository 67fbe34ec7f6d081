import numpy as np
import pandas as pd
import pytest

from workbench import rhythm, second_purchases
from workbench.schema import TooFewData
from workbench.second_purchases import EVERYBODY, WINDOWS

FEW_SEEDS = range(5)


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def random_orders(seed: int, *, n_customers: int = 60) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    n = 4 * n_customers
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, n_customers, n).astype(str),
            "date": pd.Timestamp("2023-01-01")
            + pd.to_timedelta(chance.integers(0, 500, n), unit="D"),
            "amount": chance.exponential(20, n),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


# by hand


def test_only_those_count_who_were_observed_as_long_as_the_window():
    rates = second_purchases.repeat_rates(
        orders(
            ("anna", "2024-01-01", 1),
            ("anna", "2024-03-31", 1),
            ("ben", "2024-01-01", 1),
            ("ben", "2024-04-01", 1),
            ("cleo", "2024-04-10", 1),
            ("cleo", "2024-04-11", 1),
            ("dora", "2024-01-02", 1),
            ("dora", "2024-01-20", -1),
        ),
        as_of=pd.Timestamp("2024-06-29"),
    )
    assert rates.loc[EVERYBODY, "customers"].tolist() == [3, 2, 0]
    # Anna came back after 90 days, Ben after 91.
    assert rates.loc[EVERYBODY, "buyers"].tolist() == [1, 2, 0]
    assert rates.loc[EVERYBODY, "since"].tolist() == [1, 1, 0]
    assert rates.loc["01/2024", "customers"].tolist() == [3, 2, 0]
    assert rates.loc["04/2024", "customers"].tolist() == [0, 0, 0]
    assert rates.loc[EVERYBODY, "repeat_share"].tolist()[:2] == [1 / 3, 1]
    assert rates.loc[(EVERYBODY, 365), ["repeat_share", "low", "high"]].isna().all()
    # Wilson (1927) for 1 of 3, from the formula.
    low, high = rates.loc[(EVERYBODY, 90), ["low", "high"]]
    assert (low, high) == pytest.approx((0.0615, 0.7923), abs=1e-4)


@pytest.mark.parametrize(
    ("days", "names"),
    [
        (["2024-01-05", "2024-05-05"], ["01/2024", "05/2024"]),
        ([f"2024-{m:02d}-01" for m in range(1, 8)], ["Q1/2024", "Q2/2024", "Q3/2024"]),
        (["2020-01-01"] + [f"20{y}-{m:02d}-01" for y in (21, 22) for m in (1, 4, 7)], None),
        (
            [f"{year}-01-01" for year in range(2010, 2018)],
            ["bis 2013", "2014", "2015", "2016", "2017"],
        ),
    ],
)
def test_there_are_few_cohorts_and_of_many_years_the_earliest_are_one(days, names):
    table = orders(*((f"c{i}", day, 1.0) for i, day in enumerate(days)))
    cohort = second_purchases.cohort_of(table, as_of=pd.Timestamp("2024-12-31"))
    names = names or ["2020", "2021", "2022"]
    assert cohort.cat.categories.tolist() == names
    assert cohort.index.tolist() == sorted(table["customer_id"])


def test_the_curve_of_a_cohort_is_the_estimate_for_its_customers_alone():
    table = random_orders(0, n_customers=400)
    as_of = pd.Timestamp("2024-05-31")
    curves = second_purchases.curves(table, as_of=as_of)
    cohort = second_purchases.cohort_of(table, as_of=as_of)
    wait = rhythm.waiting(table, as_of=as_of, nth=1)
    for name in curves.index.unique("layer"):
        own = wait[cohort[wait.index] == name]
        estimate = rhythm.kaplan_meier(own["days"], own["bought"])
        for week in (4, 13):
            at = estimate[estimate.index <= 7 * week].iloc[-1]
            row = curves.loc[(name, week)]
            assert row["bought_share"] == pytest.approx(1 - at["survival"], abs=1e-12)
            assert row["low"] == pytest.approx(1 - at["upper"], abs=1e-12)
            assert row["customers"] == len(own)


# properties


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_rates_are_those_of_a_slow_loop_in_any_order_of_rows(seed):
    table = random_orders(seed)
    before = table.copy()
    as_of = pd.Timestamp("2024-03-31")
    rates = second_purchases.repeat_rates(table, as_of=as_of)
    other = second_purchases.repeat_rates(table.sample(frac=1, random_state=seed), as_of=as_of)
    pd.testing.assert_frame_equal(other, rates, check_exact=True)
    pd.testing.assert_frame_equal(table, before)
    known = table[table["date"] <= as_of]
    for window in WINDOWS:
        customers = buyers = 0
        for _, days in known.groupby("customer_id")["date"]:
            days = sorted(days)
            if (as_of - days[0]).days >= window:
                customers += 1
                buyers += len(days) > 1 and (days[1] - days[0]).days <= window
        row = rates.loc[(EVERYBODY, window)]
        assert (row["customers"], row["buyers"]) == (customers, buyers)
    parts = rates.drop(EVERYBODY, level="layer")
    sums = parts.groupby("window_days")[["customers", "buyers", "others", "since"]].sum()
    pd.testing.assert_frame_equal(sums, rates.loc[EVERYBODY][sums.columns], check_dtype=False)


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_no_rate_tells_of_fewer_than_k_nor_does_a_total(seed):
    rates = second_purchases.repeat_rates(random_orders(seed), as_of=pd.Timestamp("2024-05-31"))
    shown = second_purchases.hide_small_rates(rates, k=5)
    assert shown.index.equals(rates.index)
    seen = shown["repeat_share"].notna()
    counts = ["customers", "buyers", "others", "since"]
    for column in counts:
        assert not rates.loc[seen, column].between(1, 4).any()
    for window in WINDOWS:
        if not seen[(EVERYBODY, window)]:
            continue
        parts = rates.xs(window, level="window_days").drop(EVERYBODY)
        hidden = parts[shown["customers"].xs(window, level="window_days").drop(EVERYBODY).isna()]
        assert len(hidden) != 1
        assert not hidden[counts].sum().between(1, 4).any()


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_no_week_of_a_curve_tells_of_fewer_than_k(seed):
    curves = second_purchases.curves(
        random_orders(seed, n_customers=300), as_of=pd.Timestamp("2024-05-31")
    )
    shown = second_purchases.hide_small_curves(curves, k=5)
    seen = shown["bought_share"].notna()
    assert seen.any()
    assert not curves.loc[seen, "buyers"].between(1, 4).any()
    steps = curves.loc[seen, "buyers"].groupby("layer", observed=True).diff().dropna()
    assert not steps.between(1, 4).any()


# against an authority


def test_the_closed_cohort_of_cdnow_comes_back_as_01_says(sample_orders):
    rates = second_purchases.repeat_rates(sample_orders, as_of=pd.Timestamp("1998-06-30"))
    # All of them were observed for a year, so that the rate is a plain share.
    row = rates.loc[(EVERYBODY, 365)]
    days = sample_orders.sort_values(["customer_id", "date"]).groupby("customer_id")["date"]
    gap = (days.nth(1).to_numpy() - days.first()[days.size() > 1].to_numpy()).astype(
        "timedelta64[D]"
    )
    assert row["customers"] == 2_357
    assert row["buyers"] == int((gap.astype(int) <= 365).sum())


# messages


def test_too_few_second_purchases_of_every_cohort_bear_no_curve():
    table = orders(("anna", "2024-01-01", 1), ("anna", "2024-02-01", 1))
    with pytest.raises(TooFewData, match=r"30 customers of one cohort .* the best has 1"):
        second_purchases.curves(table, as_of=pd.Timestamp("2024-06-30"))
