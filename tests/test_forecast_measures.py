from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END
from scipy.stats import spearmanr
from sklearn.metrics import mean_poisson_deviance, roc_auc_score

from workbench import forecast_measures, summary
from workbench.schema import DataError

SEEDS = range(20)
DAY = pd.Timestamp("2024-03-01")


@pytest.fixture(scope="module")
def naive(sample_orders) -> tuple[pd.DataFrame, pd.DataFrame]:
    past = summary.summarise(sample_orders, as_of=CALIBRATION_END)
    return forecast_measures.naive_forecasts(
        sample_orders, past=past, origin=CALIBRATION_END, horizon_days=HOLDOUT_DAYS
    )


def forecast(orders: pd.DataFrame, *, horizon_days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    past = summary.summarise(orders, as_of=DAY)
    return forecast_measures.naive_forecasts(
        orders, past=past, origin=DAY, horizon_days=horizon_days
    )


def orders_of(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return orders.assign(date=pd.to_datetime(orders["date"]))


def random_orders(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 100, 150), unit="D")
    customers = [f"c{i:02d}" for i in random.integers(0, 30, 150)]
    amounts = random.gamma(2, 20, 150).round(2)
    orders = pd.DataFrame({"customer_id": customers, "date": days, "amount": amounts})
    return orders.drop_duplicates(["customer_id", "date"], ignore_index=True)


def tied_case(seed: int) -> tuple[pd.Series, pd.Series]:
    """Forecasts with many ties, and what came, of 30 customers."""
    random = np.random.default_rng(seed)
    customers = [f"c{i:02d}" for i in range(30)]
    actual = pd.Series(random.poisson(1.0, 30).astype(float), index=customers)
    return (actual + random.poisson(1.0, 30)).clip(upper=3), actual


# by hand


def test_naive_forecasts_by_hand():
    # The calibration has 61 days, 2024-01-01 to 2024-03-01; a quarter of it is 15.25 days.
    orders = orders_of(
        [
            ("anna", "2024-01-01", 10.0),
            ("anna", "2024-01-31", 20.0),
            ("anna", "2024-02-15", 40.0),  # silent for 15 days
            ("ben", "2024-01-21", 5.0),
            ("ben", "2024-02-14", 7.0),  # silent for 16 days
            ("cem", "2024-03-01", 9.0),
            ("cem", "2024-03-02", 99.0),  # not known on the day
        ]
    )
    counts, money = forecast(orders, horizon_days=30)
    assert counts["own_rate"].tolist() == pytest.approx([2 / 60 * 30, 1 / 40 * 30, 0])
    assert counts["same_count_again"].tolist() == pytest.approx([2 / 61 * 30, 1 / 61 * 30, 0])
    # The last 30 days start on 2024-02-01; cem's first purchase counts.
    assert counts["last_period"].tolist() == [1, 1, 1]
    # January: 3 repeat purchases in 100 customer days. March has none: the mean of all.
    assert counts["cohort_mean"].tolist() == pytest.approx([3 / 100 * 30] * 3)
    assert counts["hiatus"].tolist() == pytest.approx([1, 0, 0])
    assert counts["nobody_buys"].tolist() == [0, 0, 0]

    assert money["own_rate"].tolist() == pytest.approx([60 / 60 * 30, 7 / 40 * 30, 0])
    assert money["same_count_again"].tolist() == pytest.approx([60 / 61 * 30, 7 / 61 * 30, 0])
    assert money["last_period"].tolist() == [40, 7, 9]
    assert money["cohort_mean"].tolist() == pytest.approx([67 / 100 * 30] * 3)
    assert money["hiatus"].tolist() == pytest.approx([30, 0, 0])


def test_what_came_back_is_money_of_a_window_and_no_purchase():
    table = orders_of(
        [("anna", "2024-01-02", 5.0), ("anna", "2024-01-03", -9.0), ("ben", "2024-01-03", -1.0)]
    )
    found = forecast_measures.in_window(
        table, after=pd.Timestamp("2024-01-01"), until=pd.Timestamp("2024-01-03")
    )
    assert found.reset_index().to_numpy().tolist() == [["anna", 1, -4.0], ["ben", 0, -1.0]]


def test_money_may_be_negative_and_purchases_may_not():
    actual = pd.Series([-4.0, 8.0, 0.0], index=["anna", "ben", "cem"])
    forecasts = pd.DataFrame({"model": [-1.0, 4.0, 1.0]}, index=actual.index)
    table = forecast_measures.of_money(forecasts, actual=actual)
    assert table.loc["model", ["mae", "bias", "concordance"]].tolist() == [
        pytest.approx(8 / 3),
        0.0,
        1.0,
    ]
    assert "msle" not in table
    with pytest.raises(DataError, match="1 of 3 values of actual are missing, infinite or < 0"):
        forecast_measures.of_counts(forecasts, actual=actual)
    all_back = forecast_measures.of_money(forecasts, actual=actual - 5)
    assert all_back[["bias", "top_decile"]].isna().all(axis=None)


def test_a_cohort_has_its_own_mean():
    orders = orders_of(
        [
            ("anna", "2024-01-31", 1.0),
            ("anna", "2024-02-10", 1.0),
            ("ben", "2024-02-10", 1.0),
        ]
    )
    counts, _ = forecast(orders, horizon_days=30)
    assert counts["cohort_mean"].tolist() == [1 / 30 * 30, 0]


def test_a_last_period_longer_than_the_calibration_is_stretched():
    orders = orders_of([("anna", "2024-02-20", 3.0), ("anna", "2024-02-25", 5.0)])
    counts, money = forecast(orders, horizon_days=22)  # the calibration has 11 days
    assert counts["last_period"].tolist() == [4]
    assert money["last_period"].tolist() == [16]


def test_deviance_and_its_floor_by_hand():
    actual = pd.Series([0, 3, 1])
    table = forecast_measures.of_counts(
        pd.DataFrame({"model": [0.5, 2.0, 1.0], "nobody": 0.0}), actual=actual
    )
    of_ben = 2 * (3 * np.log(3 / 2) - 1)
    assert table.loc["model", "deviance"] == pytest.approx((2 * 0.5 + of_ben) / 3)
    floored = 2 * (3 * np.log(300) + np.log(100) - 4 + 3 * 0.01)
    assert table.loc["nobody", "deviance"] == pytest.approx(floored / 3)


def test_gini_and_the_top_tenth_by_hand():
    actual = pd.Series([0, 0, 0, 0, 0, 0, 0, 0, 2, 6])
    forecasts = pd.DataFrame(
        {
            "right": range(10),
            "wrong": range(10, 0, -1),
            "tied": [0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
            "constant": 1,
        }
    )
    table = forecast_measures.of_counts(forecasts, actual=actual)
    assert table["top_decile"].tolist() == pytest.approx([0.75, 0, 1 / 3, 0.1])
    # Ranks less 5.5: own 3.5 * 2 + 4.5 * 6 = 34; tied at 9 - 5.5 = 3.5 each, 28.
    assert table["gini"].tolist() == pytest.approx([1, -1, 28 / 34, 0])


def test_without_a_purchase_nothing_is_captured():
    table = forecast_measures.of_counts(
        pd.DataFrame({"model": [1.0, 2.0]}), actual=pd.Series([0, 0])
    )
    assert table[["gini", "top_decile"]].isna().all(axis=None)


def test_tenths_by_hand_divide_a_customer_at_the_border():
    forecast = pd.Series([3.0, 2.0, 1.0], index=["anna", "ben", "cem"])
    actual = pd.Series([0.0, 2.0, 7.0], index=["cem", "ben", "anna"])
    table = forecast_measures.by_decile(forecast, actual=actual)
    assert table["customers"].tolist() == pytest.approx([0.3] * 10)
    # The fourth tenth is one third anna and two thirds ben.
    assert table["actual"].iloc[[0, 3, 9]].tolist() == pytest.approx([7, 7 / 3 + 4 / 3, 0])
    assert table["expected"].iloc[[0, 3, 9]].tolist() == pytest.approx([3, 1 + 4 / 3, 1])


def test_signal_by_hand_compares_within_cohorts_only():
    cohort = pd.Series(["a", "a", "b", "b"])
    across = pd.Series([1.0, 1.0, 2.0, 2.0])
    assert forecast_measures.signal(across, actual=across, cohort=cohort) == 0
    # Two pairs in order: each adds 2 / 36 with a variance of (2 / 36)^2.
    right = pd.Series([1.0, 2.0, 1.0, 2.0])
    assert forecast_measures.signal(right, actual=right, cohort=cohort) == pytest.approx(2**0.5)
    assert forecast_measures.signal(-right, actual=right, cohort=cohort) == pytest.approx(-(2**0.5))


def test_a_gain_is_the_share_of_rmse_that_is_saved():
    naive_loss = pd.Series([4.0, 0.0, 8.0])
    assert forecast_measures.rmse_gain(naive_loss / 4, naive_loss=naive_loss) == (0.5, 0.5, 0.5)
    assert forecast_measures.rmse_gain(naive_loss, naive_loss=naive_loss) == (0, 0, 0)
    mixed = forecast_measures.rmse_gain(pd.Series([1.0, 2.0, 0.0]), naive_loss=naive_loss)
    assert mixed.gain == 0.5 and mixed.lower < 0.5 < mixed.upper
    assert forecast_measures.rmse_gain(0 * naive_loss, naive_loss=naive_loss).gain == 1
    assert forecast_measures.rmse_gain(naive_loss, naive_loss=0 * naive_loss).gain == -np.inf
    assert forecast_measures.rmse_gain(0 * naive_loss, naive_loss=0 * naive_loss).gain == 0


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_and_later_rows_change_no_naive_forecast(seed):
    orders = random_orders(seed)
    later = orders["date"] > DAY
    moved = orders.assign(date=orders["date"].mask(later, orders["date"] + pd.Timedelta(days=99)))
    moved["amount"] = moved["amount"].mask(later, 1e6)
    there = forecast(orders, horizon_days=40)
    for table, other in zip(there, forecast(moved[::-1], horizon_days=40), strict=True):
        pd.testing.assert_frame_equal(table, other, check_exact=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_no_measure(seed):
    forecasts, actual = tied_case(seed)
    table = forecasts.to_frame("model") + 0.3
    turned = table.sample(frac=1, random_state=seed)
    cohort = pd.Series(np.where(actual.index < "c12", "a", "b"), index=actual.index)
    pd.testing.assert_frame_equal(
        forecast_measures.of_counts(table, actual=actual),
        forecast_measures.of_counts(turned, actual=actual[::-1]),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(
        forecast_measures.by_decile(table["model"], actual=actual),
        forecast_measures.by_decile(turned["model"], actual=actual[::-1]),
        check_exact=True,
    )
    assert forecast_measures.signal(
        table["model"], actual=actual, cohort=cohort
    ) == forecast_measures.signal(turned["model"], actual=actual[::-1], cohort=cohort)


@pytest.mark.parametrize("seed", SEEDS)
def test_ties_are_averaged_like_the_slow_loop_over_chances(seed):
    forecast, actual = tied_case(seed)
    captured = 0.0
    for customer in forecast.index:
        above = (forecast > forecast[customer]).sum()
        tied = (forecast == forecast[customer]).sum()
        captured += actual[customer] * min(max(3 - above, 0), tied) / tied
    table = forecast_measures.of_counts(forecast.to_frame("model"), actual=actual)
    tenths = forecast_measures.by_decile(forecast, actual=actual)
    assert table.loc["model", "top_decile"] == pytest.approx(captured / actual.sum())
    assert tenths["actual"].iloc[0] * 3 == pytest.approx(captured)
    assert tenths["actual"].sum() * 3 == pytest.approx(actual.sum())
    assert tenths["expected"].sum() * 3 == pytest.approx(forecast.sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_gini_is_the_area_under_the_curve_of_what_is_captured(seed):
    forecast, actual = tied_case(seed)

    def area(order: pd.Series) -> float:
        mean = actual.groupby(order).transform("mean")
        held = mean.iloc[np.argsort(-order.to_numpy(), kind="stable")].cumsum() / actual.sum()
        return float(np.trapezoid(np.concatenate([[0], held]), dx=1 / 30)) - 0.5

    table = forecast_measures.of_counts(forecast.to_frame("model"), actual=actual)
    assert table.loc["model", "gini"] == pytest.approx(area(forecast) / area(actual))


def test_money_in_cents_has_the_same_shares():
    forecast, actual = tied_case(1)
    euros = forecast_measures.of_money(forecast.to_frame("model") + 0.3, actual=actual)
    cents = forecast_measures.of_money(
        100 * (forecast.to_frame("model") + 0.3), actual=100 * actual
    )
    expected = euros.assign(mae=100 * euros["mae"], rmse=100 * euros["rmse"])
    pd.testing.assert_frame_equal(cents, expected)


def test_chance_gives_the_signal_mean_0_and_variance_1():
    cohort = pd.Series(list("aaabbbb"))
    forecast = pd.Series([0.0, 1.0, 5.0, 2.0, 2.0, 0.0, 1.0])
    actual = np.array([0.0, 2.0, 2.0, 1.0, 0.0, 0.0, 4.0])
    found = [
        forecast_measures.signal(forecast, actual=pd.Series([*first, *second]), cohort=cohort)
        for first in permutations(actual[:3])
        for second in permutations(actual[3:])
    ]
    assert np.mean(found) == pytest.approx(0, abs=1e-12)
    assert np.var(found) == pytest.approx(1)


def test_the_interval_of_a_gain_is_that_of_a_bootstrap_of_customers():
    random = np.random.default_rng(1)
    naive_loss = pd.Series(random.exponential(1.0, 800))
    loss = 0.8 * naive_loss + pd.Series(random.exponential(0.1, 800))
    found = forecast_measures.rmse_gain(loss, naive_loss=naive_loss)
    drawn = random.integers(0, 800, (2000, 800))
    gains = 1 - np.sqrt(loss.to_numpy()[drawn].sum(1) / naive_loss.to_numpy()[drawn].sum(1))
    assert (found.lower, found.upper) == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=5e-4)
    assert found.gain == pytest.approx(1 - np.sqrt(loss.sum() / naive_loss.sum()))


# against an authority


@pytest.mark.parametrize(
    ("name", "mae", "rmse", "bias", "wape", "msle"),
    [
        ("same_count_again", 0.8973, 1.9710, 0.306, 1.124, 0.349),
        ("own_rate", 1.0237, 2.2119, 0.557, 1.282, 0.401),
        ("nobody_buys", 0.7985, 2.2064, -1.000, 1.000, 0.463),
    ],
)
def test_naive_forecasts_of_cdnow_are_in_the_reference_table(
    sample_orders, naive, name, mae, rmse, bias, wape, msle
):
    split = summary.split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)
    row = forecast_measures.of_counts(naive[0], actual=split.holdout["purchases"]).loc[name]
    assert row["mae"] == pytest.approx(mae, abs=0.00005)
    assert row["rmse"] == pytest.approx(rmse, abs=0.00005)
    assert row[["bias", "wape", "msle"]].tolist() == pytest.approx([bias, wape, msle], abs=0.0005)


@pytest.mark.parametrize("seed", SEEDS)
def test_deviance_is_that_of_scikit_learn(seed):
    forecast, actual = tied_case(seed)
    table = forecast_measures.of_counts((forecast + 0.1).to_frame("model"), actual=actual)
    assert table.loc["model", "deviance"] == pytest.approx(
        mean_poisson_deviance(actual, forecast + 0.1)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_gini_of_buyers_is_twice_the_auc_less_one(seed):
    forecast, actual = tied_case(seed)
    bought = (actual > 0).astype(float)
    table = forecast_measures.of_counts(forecast.to_frame("model"), actual=bought)
    assert table.loc["model", "gini"] == pytest.approx(2 * roc_auc_score(bought, forecast) - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_signal_of_one_cohort_is_spearman_times_root_n_less_one(seed):
    forecast, actual = tied_case(seed)
    found = forecast_measures.signal(
        forecast, actual=actual, cohort=pd.Series("a", index=actual.index)
    )
    assert found == pytest.approx(spearmanr(forecast, actual).statistic * np.sqrt(29))


# messages


def test_tenths_of_other_customers_are_refused():
    with pytest.raises(DataError, match="holds 2 customers, and 2 customers are in only one"):
        forecast_measures.by_decile(pd.Series([1.0, 2.0]), actual=pd.Series([1.0, 2.0], [1, 2]))
    with pytest.raises(DataError, match="holds 0 customers"):
        forecast_measures.by_decile(pd.Series(dtype=float), actual=pd.Series(dtype=float))


def test_a_horizon_without_a_day_is_refused():
    with pytest.raises(ValueError, match="horizon_days=0 must be at least 1"):
        forecast(orders_of([("anna", "2024-02-20", 3.0)]), horizon_days=0)
