import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from workbench import cohort_trend, cohorts
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2024-12-31")


def shop(repeat: list[float], *, per_month: int = 200, amount: float = 10.0) -> pd.DataFrame:
    """Return customers of successive months of 2024 of whom such shares buy again in 30 days."""
    rows = []
    for month, share in enumerate(repeat, start=1):
        start = pd.Timestamp(f"2024-{month:02d}-15")
        for i in range(per_month):
            name = f"{month:02d}-{i:03d}"
            rows.append((name, start, amount))
            if i < share * per_month:
                rows.append((name, start + pd.Timedelta(days=30), amount))
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def measure(table: pd.DataFrame, *, as_of: pd.Timestamp = AS_OF) -> cohort_trend.CohortTrend:
    begun = cohorts.beginning(table, as_of=as_of)
    return cohort_trend.measure(table, as_of=as_of, begun=begun)


# by hand


@pytest.mark.parametrize(
    ("repeat", "code"),
    [
        ([0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5], "rising"),
        ([0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2], "falling"),
        ([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], "stable"),
        # A jump to and fro lies far from any line.
        ([0.2, 0.5, 0.2, 0.5, 0.2, 0.5, 0.4], "stable"),
    ],
)
def test_the_trend_of_cohorts_is_named_by_a_rule(repeat, code):
    found = measure(shop(repeat))
    assert found.repeat.code == code
    assert found.repeat.lower < found.repeat.change < found.repeat.upper
    assert found.length == "M" and found.n_customers == 200 * len(repeat)


def test_the_line_is_that_of_least_squares_over_customers():
    repeat = [0.2, 0.3, 0.25, 0.4, 0.3, 0.35]
    found = measure(shop(repeat))
    starts = [pd.Timestamp(f"2024-{month:02d}-01") for month in range(1, 7)]
    assert found.cohorts.index.tolist() == starts
    assert found.cohorts["repeat_share"].tolist() == pytest.approx(repeat)
    days = np.array([(day - starts[0]).days for day in starts], dtype=float)
    slope, level = np.polyfit(days, repeat, 1)
    assert found.cohorts["repeat_share_fitted"].to_numpy() == pytest.approx(level + slope * days)
    mean = np.mean(repeat)
    assert found.repeat.change == pytest.approx(slope * days[-1] / mean)
    # The interval, from the customers' own scatter and from that of the cohorts.
    within = 200 * sum(p * (1 - p) for p in repeat) / (6 * 200 - 6)
    chi_square = 200 * sum((np.array(repeat) - level - slope * days) ** 2) / within
    spread = 200 * ((days - days.mean()) ** 2).sum()
    error = np.sqrt(max(1, chi_square / 4) * within / spread)
    assert chi_square / 4 > 1
    half = student.ppf(0.975, 4) * error * days[-1] / mean
    assert found.repeat.upper - found.repeat.change == pytest.approx(half)


def test_money_of_the_first_90_days_counts_less_what_came_back():
    table = shop([0.5] * 6, per_month=20)
    returned = table.iloc[[0]].assign(date=table["date"].iloc[0] + pd.Timedelta(days=90), amount=-4)
    late = table.iloc[[0]].assign(date=table["date"].iloc[0] + pd.Timedelta(days=91), amount=900)
    found = measure(pd.concat([table, returned, late], ignore_index=True))
    # Twenty first purchases and ten second ones of 10 each.
    assert found.cohorts["revenue_each"].iloc[0] == pytest.approx((300 - 4) / 20)
    assert found.cohorts["revenue_each"].iloc[1] == pytest.approx(15)


def test_a_cohort_counts_when_all_its_days_were_observed_long_enough():
    table = shop([0.3] * 8)
    # The last day of July and 90 days are the 29th of October.
    days = pd.Timestamp("2024-10-29"), pd.Timestamp("2024-10-28")
    n_cohorts = [len(measure(table, as_of=day).cohorts) for day in days]
    assert n_cohorts == [7, 6]


def test_few_months_are_cut_into_weeks():
    chance = np.random.default_rng(1)
    first = pd.Timestamp("2024-01-01") + pd.to_timedelta(chance.integers(0, 60, 400), unit="D")
    table = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "date": first})
    table = pd.concat([table, table.iloc[:200].assign(date=first[:200] + pd.Timedelta(days=9))])
    found = measure(table.assign(amount=chance.exponential(20, len(table))))
    assert found.length == "W"
    assert (found.cohorts.index.day_name() == "Monday").all()


@pytest.mark.parametrize(
    ("n_years", "per_month", "length"), [(4, 12, "Q"), (7, 4, "Y"), (3, 30, "M")]
)
def test_many_or_small_months_are_joined(n_years, per_month, length):
    chance = np.random.default_rng(2)
    days = pd.date_range("2015-01-15", periods=12 * n_years, freq="30D").repeat(per_month)
    table = pd.DataFrame({"customer_id": [f"c{i:05d}" for i in range(len(days))], "date": days})
    again = table.sample(frac=0.4, random_state=1)
    table = pd.concat([table, again.assign(date=again["date"] + pd.Timedelta(days=20))])
    table = table.assign(amount=chance.exponential(20, len(table)))
    table["date"] = table["date"].astype("datetime64[us]")
    found = measure(table, as_of=table["date"].max() + pd.Timedelta(days=91))
    assert found.length == length


def test_a_crowded_first_month_is_left_out():
    table = shop([0.3] * 8)
    old = shop([0.9], per_month=800).assign(customer_id=lambda t: "old" + t["customer_id"])
    found = measure(pd.concat([table, old], ignore_index=True))
    assert found.without_first
    assert found.cohorts.index[0] == pd.Timestamp("2024-02-01")


# properties


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_and_later_rows_change_nothing(seed):
    table = shop([0.2, 0.3, 0.25, 0.4, 0.3, 0.35], per_month=40)
    before = table.copy()
    later = table.iloc[[0]].assign(date=AS_OF + pd.Timedelta(days=1))
    shuffled = pd.concat([table, later]).sample(frac=1, random_state=seed)
    found, other = measure(table), measure(shuffled)
    pd.testing.assert_frame_equal(found.cohorts, other.cohorts, check_exact=True)
    assert found.repeat == other.repeat and found.revenue == other.revenue
    pd.testing.assert_frame_equal(table, before)


def test_the_interval_covers_no_trend_in_about_95_of_100_shops():
    chance = np.random.default_rng(5)
    inside = 0
    for _ in range(20):
        n_again = chance.binomial(30, 0.4, 6)
        found = measure(shop(list(n_again / 30), per_month=30))
        inside += found.repeat.lower <= 0 <= found.repeat.upper
    assert inside >= 17


def test_small_cohorts_and_those_the_triangle_hides_are_blank():
    small = shop([0.5] * 7, per_month=40)
    few = small["customer_id"].str.startswith("03") & (small["customer_id"].str[3:] > "002")
    table = small[~few]
    found = measure(table)
    shown = cohort_trend.hide_small(found, table, as_of=AS_OF, k=5)
    march = pd.Timestamp("2024-03-01")
    assert found.cohorts.loc[march, "customers"] == 3
    assert shown.loc[march].isna().all()
    assert shown["customers"].isna().sum() == 2


# messages


def test_too_few_cohorts_bear_no_trend():
    with pytest.raises(TooFewData, match=r"needs 4 cohorts observed for 90 days .* there are 2"):
        measure(shop([0.3, 0.4]))


def test_customers_who_are_all_alike_bear_no_trend():
    with pytest.raises(TooFewData, match=r"all 1200 customers are alike"):
        measure(shop([0.0] * 6))
