import numpy as np
import pandas as pd
import pytest

from workbench import seasonality
from workbench.schema import DataError, TooFewData


def months(values, start: str = "2022-01") -> pd.Series:
    index = pd.period_range(start, periods=len(values), freq="M").to_timestamp()
    return pd.Series(np.asarray(values, dtype=float), index=index.rename("month"))


FACTORS = np.array([0.7, 0.8, 0.9, 1.0, 1.0, 1.1, 1.0, 0.9, 1.0, 1.1, 1.2, 1.3])

# by hand


def test_whole_months_alone_count_and_what_came_back_is_taken_off():
    rows = [
        ("anna", "2024-01-10", 10),
        ("anna", "2024-02-10", 20),
        ("ben", "2024-02-11", 5),
        ("ben", "2024-04-11", -2),
        ("ben", "2024-05-01", 50),
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    table = table.astype({"date": "datetime64[us]", "amount": float})
    first = pd.Timestamp("2024-01-10")
    whole = seasonality.whole_months(table, first_day=first, as_of=pd.Timestamp("2024-05-30"))
    assert whole.index.tolist() == [pd.Timestamp(f"2024-0{m}-01") for m in (2, 3, 4)]
    assert whole["revenue"].tolist() == [25, 0, -2]
    assert whole["new_customers"].tolist() == [1, 0, 0]
    early = pd.Timestamp("2024-01-01")
    assert len(seasonality.whole_months(table, first_day=early, as_of=first)) == 0


def test_a_season_upon_a_level_is_found_again():
    found = seasonality.decompose(months(100 * np.tile(FACTORS, 3)))
    assert found.indices["index"].to_numpy() == pytest.approx(FACTORS / FACTORS.mean(), rel=1e-9)
    assert found.months["adjusted"].to_numpy() == pytest.approx(100 * FACTORS.mean())
    assert found.months["trend"].isna().sum() == 12
    assert found.months["trend"].dropna().to_numpy() == pytest.approx(100.0 * FACTORS.mean())
    assert found.indices.index.tolist() == list(seasonality.MONTHS)
    assert found.indices["n_ratios"].tolist() == [2] * 12


def test_a_month_counts_where_the_calendar_puts_it():
    found = seasonality.decompose(months(100 * np.roll(np.tile(FACTORS, 3), -6), start="2021-07"))
    assert found.indices.loc["Dezember", "index"] == pytest.approx(1.3 / FACTORS.mean())


def test_two_years_measure_every_month_once_and_bear_no_interval():
    found = seasonality.decompose(months(100 * np.tile(FACTORS, 2)))
    assert found.indices["n_ratios"].tolist() == [1] * 12
    assert found.indices[["index_low", "index_high"]].isna().all().all()


def test_the_interval_is_that_of_ratios_that_scatter_alike():
    chance = np.random.default_rng(3)
    values = months(100 * np.tile(FACTORS, 4) * np.exp(chance.normal(0, 0.1, 48)))
    found = seasonality.decompose(values)
    # The slow way: each ratio to the mean of its year around, month by month.
    ratios = {month: [] for month in range(1, 13)}
    for i in range(6, 42):
        window = values.iloc[i - 6 : i + 7].to_numpy()
        trend = (window[0] / 2 + window[1:12].sum() + window[12] / 2) / 12
        ratios[values.index[i].month].append(values.iloc[i] / trend)
    means = np.array([np.mean(ratios[month]) for month in range(1, 13)])
    squares = sum(((np.array(ratios[m]) - means[m - 1]) ** 2).sum() for m in ratios)
    # Student's quantile with 24 degrees of freedom at 1 - 0.025 / 12.
    reach = 3.1663 * np.sqrt(squares / 24 / 3)
    scale = 1 / means.mean()
    assert found.indices["index"].to_numpy() == pytest.approx(means * scale)
    assert found.indices["index_high"].to_numpy() == pytest.approx(
        (means + reach) * scale, rel=1e-4
    )


def test_a_jump_is_found_where_it_is_and_as_large_as_it_is():
    chance = np.random.default_rng(1)
    level = np.where(np.arange(30) < 14, 100.0, 150.0)
    found = seasonality.largest_shift(
        months(level * np.exp(chance.normal(0, 0.02, 30))), is_adjusted=True, seed=1
    )
    assert found.month == pd.Timestamp("2023-03-01")
    assert found.change == pytest.approx(0.5, abs=0.1)
    assert found.p_value < 0.001
    assert found.n_months == 30 and found.is_adjusted


def test_growth_that_levels_off_is_no_jump():
    chance = np.random.default_rng(2)
    growth = np.exp(1.2 * np.linspace(0, 1, 30) - 0.6 * np.linspace(0, 1, 30) ** 2)
    found = seasonality.largest_shift(
        months(growth * np.exp(chance.normal(0, 0.1, 30))), is_adjusted=False, seed=1
    )
    assert found.p_value > 0.05


def test_a_small_month_is_blank_and_has_no_trend_around_it():
    index = months([1, 2, 3]).index
    whole = pd.DataFrame(
        {"known_customers": [9, 0, 9], "new_customers": [0, 4, 5], "revenue": [1.0, 2.0, 3.0]},
        index=index,
    )
    trend = pd.DataFrame({"trend": [5.0, 6.0, 7.0]}, index=index)
    season = seasonality.Season(trend, pd.DataFrame())
    shown = seasonality.hide_small(whole, season, k=5)
    assert shown["revenue"].fillna(-1).tolist() == [1, -1, 3]
    assert shown["trend"].isna().all()
    assert seasonality.hide_small(whole, season, k=1)["trend"].tolist() == [5, 6, 7]
    assert "trend" not in seasonality.hide_small(whole, None, k=5)


def test_a_shift_is_sought_without_the_season_only_where_the_season_is_sure():
    chance = np.random.default_rng(3)
    for power, is_sure in ((1, True), (0, False)):
        factors = np.tile(FACTORS, 3) ** power
        values = months(100 * factors * np.exp(chance.normal(0, 0.05, 36)))
        found = seasonality.decompose(values)
        whole = pd.DataFrame({"revenue": values})
        assert bool(seasonality.sure_months(found)) == is_sure
        wanted = found.months["adjusted"] if is_sure else values
        assert seasonality.level(whole, found).tolist() == wanted.tolist()
    assert seasonality.level(whole, None).name == "revenue"


# properties


def test_a_jump_by_chance_alone_is_as_rare_as_it_says():
    chance = np.random.default_rng(7)
    small = [
        seasonality.largest_shift(
            months(np.exp(chance.normal(0, 0.2, 18))), is_adjusted=False, seed=i
        ).p_value
        for i in range(60)
    ]
    assert 0 <= np.mean(np.array(small) < 0.05) <= 0.15
    assert 0.35 < np.mean(small) < 0.65


def test_the_same_seed_gives_the_same_judgement_and_money_has_no_unit():
    values = months(np.exp(np.random.default_rng(3).normal(5, 0.2, 20)))
    one = seasonality.largest_shift(values, is_adjusted=False, seed=4)
    other = seasonality.largest_shift(values * 100, is_adjusted=False, seed=4)
    assert one == seasonality.largest_shift(values, is_adjusted=False, seed=4)
    assert one.month == other.month and one.p_value == other.p_value
    assert one.change == pytest.approx(other.change)


# against an authority


def test_the_closed_group_of_cdnow_falls_when_its_first_purchases_are_over(master_orders):
    whole = seasonality.whole_months(
        master_orders, first_day=pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30")
    )
    found = seasonality.largest_shift(whole["revenue"], is_adjusted=False, seed=1)
    assert len(whole) == 18
    assert found.month == pd.Timestamp("1997-04-01")
    assert found.change < -0.5 and found.p_value < 0.01


# messages


def test_less_than_two_years_bear_no_season():
    with pytest.raises(TooFewData, match=r"needs 24 whole months in a row .* there are 23") as e:
        seasonality.decompose(months(np.arange(1, 24)))
    assert (e.value.have, e.value.need) == (23, 24)
    with pytest.raises(TooFewData, match=r"needs 12 whole months"):
        seasonality.largest_shift(months(np.arange(1, 12)), is_adjusted=False, seed=1)


def test_a_month_without_revenue_is_refused_and_what_comes_after_it_is_kept():
    values = months([*range(1, 10), 0, 0, *range(1, 20)])
    with pytest.raises(DataError, match=r"2 of 30 months have no revenue, the first is 2022-10-01"):
        seasonality.decompose(values)
    kept = seasonality.unbroken(pd.DataFrame({"revenue": values}))
    assert kept.index[0] == pd.Timestamp("2022-12-01") and len(kept) == 19
    whole = pd.DataFrame({"revenue": months([1, 2])})
    assert seasonality.unbroken(whole).equals(whole)
    assert seasonality.unbroken(pd.DataFrame({"revenue": months([1, -2])})).empty
