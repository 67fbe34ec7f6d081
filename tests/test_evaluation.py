import numpy as np
import pandas as pd
import pytest
from conftest import HOLDOUT_DAYS, HOLDOUT_END
from scipy.stats import spearmanr

from workbench import evaluation, purchases, summary
from workbench.schema import DataError

SEEDS = range(20)


@pytest.fixture(scope="module")
def split(sample_orders) -> summary.Split:
    return summary.split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)


@pytest.fixture(scope="module")
def bgnbd(split) -> purchases.BgNbd:
    return purchases.fit(summary.profiles(split.calibration))


def orders_of(rows: list[tuple[str, str]]) -> pd.DataFrame:
    orders = pd.DataFrame(rows, columns=["customer_id", "date"])
    return orders.assign(date=pd.to_datetime(orders["date"]), amount=1.0)


def random_orders(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 100, 120), unit="D")
    customers = [f"c{i:02d}" for i in random.integers(0, 30, 120)]
    orders = pd.DataFrame({"customer_id": customers, "date": days, "amount": 1.0})
    return orders.drop_duplicates(["customer_id", "date"], ignore_index=True)


def ten_weeks_linear(ages: np.ndarray) -> np.ndarray:
    return ages / 70


# --- by hand ---------------------------------------------------------------------------------


def test_accuracy_by_hand():
    actual = pd.Series([0, 3, 1], index=["anna", "ben", "cem"])
    forecasts = pd.DataFrame({"model": [2.0, 2.0, 3.0]}, index=actual.index)
    row = evaluation.accuracy(forecasts, actual=actual).loc["model"]
    assert row["mae"] == pytest.approx(5 / 3)
    assert row["rmse"] == pytest.approx(np.sqrt(9 / 3))
    assert row["bias"] == pytest.approx(7 / 4 - 1)
    assert row["wape"] == pytest.approx(5 / 4)
    assert row["msle"] == pytest.approx(
        (np.log(3) ** 2 + np.log(4 / 3) ** 2 + np.log(4 / 2) ** 2) / 3
    )
    # Ranks 1.5 1.5 3 against 1 3 2; of three pairs one is in order, one tied, one reversed.
    assert row["rank_correlation"] == pytest.approx(0.0)
    assert row["concordance"] == pytest.approx(0.5)


def test_a_constant_forecast_has_no_rank_correlation_and_orders_half_of_the_pairs():
    actual = pd.Series([0, 3, 1])
    table = evaluation.accuracy(pd.DataFrame({"mean": [1.0, 1.0, 1.0]}), actual=actual)
    assert np.isnan(table.loc["mean", "rank_correlation"])
    assert table.loc["mean", "concordance"] == 0.5


def test_without_a_purchase_there_is_no_relative_error():
    table = evaluation.accuracy(pd.DataFrame({"model": [1.0, 0.5]}), actual=pd.Series([0, 0]))
    assert table.loc["model", ["bias", "wape", "rank_correlation", "concordance"]].isna().all()
    assert table.loc["model", "mae"] == 0.75


def test_by_frequency_by_hand_keeps_empty_classes():
    calibration = pd.DataFrame(
        {"frequency": [0, 0, 2, 5], "recency": [0.0, 0.0, 5.0, 9.0], "T": [9.0] * 4}
    )
    table = evaluation.by_frequency(
        calibration,
        actual=pd.Series([0, 1, 2, 3]),
        expected=pd.Series([0.2, 0.4, 1.0, 2.0]),
        top=2,
    )
    assert table.index.tolist() == [0, 1, 2]
    assert table["customers"].tolist() == [2, 0, 2]
    assert table["actual"].iloc[[0, 2]].tolist() == [0.5, 2.5]
    assert table["expected"].iloc[[0, 2]].tolist() == pytest.approx([0.3, 1.5])
    assert table.iloc[1][["actual", "expected"]].isna().all()


def test_tracking_by_hand():
    orders = orders_of(
        [
            ("anna", "2024-01-01"),
            ("anna", "2024-01-07"),  # last day of week 1
            ("anna", "2024-01-08"),  # first day of week 2
            ("ben", "2024-01-08"),
            ("ben", "2024-01-21"),  # last day of week 3
            ("cem", "2024-01-15"),  # after the cutoff: not tracked
            ("cem", "2024-01-16"),
        ]
    )
    table = evaluation.tracking(
        orders,
        cutoff=pd.Timestamp("2024-01-14"),
        as_of=pd.Timestamp("2024-01-23"),
        expected_repeat=ten_weeks_linear,
    )
    assert table.index.tolist() == [1, 2, 3]
    assert table["last_day"].dt.day.tolist() == [7, 14, 21]
    assert table["is_holdout"].tolist() == [False, False, True]
    assert table["actual"].tolist() == [1, 1, 1]
    assert table["cumulative_actual"].tolist() == [1, 2, 3]
    # Anna is 7, 14, 21 days old at the ends, ben 0, 7, 14; one tenth of a purchase a week.
    assert table["cumulative_expected"].tolist() == pytest.approx([0.1, 0.3, 0.5])
    assert table["expected"].tolist() == pytest.approx([0.1, 0.2, 0.2])


def test_a_customer_not_yet_there_is_not_expected_to_buy():
    orders = orders_of([("anna", "2024-01-01"), ("ben", "2024-01-10")])
    table = evaluation.tracking(
        orders,
        cutoff=pd.Timestamp("2024-01-14"),
        as_of=pd.Timestamp("2024-01-14"),
        expected_repeat=lambda ages: np.ones_like(ages),
    )
    assert table["cumulative_expected"].tolist() == [1, 2]


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_nothing(seed):
    orders = random_orders(seed)
    as_of = pd.Timestamp("2024-04-09")
    split = summary.split(orders, as_of=as_of, holdout_days=40)
    calibration, made = split.calibration, split.holdout["purchases"]
    before = calibration.copy()
    turned = calibration.sample(frac=1, random_state=seed)
    there = pd.DataFrame({"own_rate": calibration["frequency"] / (calibration["T"] + 1)})
    back = there.loc[turned.index]
    pd.testing.assert_frame_equal(
        evaluation.accuracy(there, actual=made),
        evaluation.accuracy(back, actual=made[::-1]),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(
        evaluation.by_frequency(calibration, actual=made, expected=there["own_rate"]),
        evaluation.by_frequency(turned, actual=made, expected=back["own_rate"]),
        check_exact=True,
    )
    keywords = {"cutoff": split.cutoff, "as_of": as_of, "expected_repeat": ten_weeks_linear}
    pd.testing.assert_frame_equal(
        evaluation.tracking(orders, **keywords),
        evaluation.tracking(orders.sample(frac=1, random_state=seed), **keywords),
        check_exact=True,
    )
    pd.testing.assert_frame_equal(calibration, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_tracking_is_the_slow_loop(seed):
    orders = random_orders(seed)
    cutoff, as_of = pd.Timestamp("2024-02-29"), pd.Timestamp("2024-04-09")
    table = evaluation.tracking(
        orders, cutoff=cutoff, as_of=as_of, expected_repeat=np.sqrt, step_days=5
    )
    start = orders["date"].min()
    for step, row in table.iterrows():
        end = start + pd.Timedelta(days=5 * step - 1)
        made, expected = 0, 0.0
        for _, own in orders.groupby("customer_id"):
            first = own["date"].min()
            if first <= min(cutoff, end):
                made += int((own["date"] <= end).sum()) - 1
                expected += np.sqrt((end - first).days + 1)
        assert row["last_day"] == end
        assert row["cumulative_actual"] == made
        assert row["cumulative_expected"] == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_after_the_last_day_change_no_step(seed):
    orders = random_orders(seed)
    as_of = pd.Timestamp("2024-03-01")
    keywords = {
        "cutoff": pd.Timestamp("2024-02-15"),
        "as_of": as_of,
        "expected_repeat": ten_weeks_linear,
    }
    late = orders["date"] > as_of
    moved = orders.assign(date=orders["date"].mask(late, orders["date"] + pd.Timedelta(days=500)))
    pd.testing.assert_frame_equal(
        evaluation.tracking(orders, **keywords), evaluation.tracking(moved, **keywords)
    )
    pd.testing.assert_frame_equal(
        evaluation.tracking(orders, **keywords), evaluation.tracking(orders[~late], **keywords)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_rank_correlation_is_that_of_scipy(seed):
    random = np.random.default_rng(seed)
    actual = pd.Series(random.poisson(1.0, 80))
    forecast = pd.Series(random.poisson(1.0, 80) + 0.5 * actual)
    table = evaluation.accuracy(pd.DataFrame({"model": forecast}), actual=actual)
    assert table.loc["model", "rank_correlation"] == pytest.approx(
        spearmanr(forecast, actual).statistic
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_concordance_is_the_slow_loop_over_pairs(seed):
    random = np.random.default_rng(seed)
    actual = pd.Series(random.poisson(1.0, 40))
    forecast = pd.Series(random.poisson(1.0, 40) + 0.5 * actual)
    points = [
        0.5 if forecast[i] == forecast[j] else float(forecast[i] > forecast[j])
        for i in range(40)
        for j in range(40)
        if actual[i] > actual[j]
    ]
    table = evaluation.accuracy(pd.DataFrame({"model": forecast}), actual=actual)
    assert table.loc["model", "concordance"] == pytest.approx(np.mean(points))


def test_two_customers_are_in_order_or_they_are_not():
    forecasts = pd.DataFrame({"right": [1.0, 2.0], "wrong": [2.0, 1.0], "same": [1.0, 1.0]})
    table = evaluation.accuracy(forecasts, actual=pd.Series([0, 3]))
    assert table["concordance"].to_dict() == {"right": 1.0, "wrong": 0.0, "same": 0.5}


def test_breaking_ties_by_chance_lowers_spearman_but_not_concordance(split):
    # The reason why the verdict does not use Spearman's coefficient.
    count = split.calibration["frequency"].astype(float)
    noise = pd.Series(np.random.default_rng(1).uniform(0, 0.5, len(count)), index=count.index)
    forecasts = pd.DataFrame({"tied": count, "broken": count + noise})
    table = evaluation.accuracy(forecasts, actual=split.holdout["purchases"])
    lost = table.loc["tied"] - table.loc["broken"]
    assert lost["rank_correlation"] > 0.05
    assert abs(lost["concordance"]) < 0.01


# --- against an authority --------------------------------------------------------------------


def test_holdout_purchases_by_frequency_are_those_of_the_reference(split, bgnbd):
    table = evaluation.by_frequency(
        split.calibration,
        actual=split.holdout["purchases"],
        expected=purchases.expected_purchases(bgnbd, split.calibration, days=HOLDOUT_DAYS),
    )
    assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert table["actual"].tolist() == pytest.approx(
        [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359], abs=0.0005
    )
    assert table["expected"].tolist() == pytest.approx(
        [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157], abs=0.0005
    )


def test_cumulative_repeat_purchases_are_those_of_the_reference(sample_orders, split, bgnbd):
    table = evaluation.tracking(
        sample_orders,
        cutoff=split.cutoff,
        as_of=HOLDOUT_END,
        expected_repeat=lambda ages: purchases.expected_repeat_purchases(bgnbd, ages),
    )
    weeks = table.loc[20:25]
    assert weeks["cumulative_actual"].tolist() == [1359, 1414, 1484, 1517, 1573, 1672]
    # To two millionths: the last printed digit would need the very same optimiser.
    assert weeks["cumulative_expected"].tolist() == pytest.approx(
        [1312.458, 1387.346, 1460.392, 1531.713, 1601.418, 1669.6], abs=0.0025
    )
    assert len(table) == 78 and not table["is_holdout"].loc[39] and table["is_holdout"].loc[40]
    assert table["cumulative_actual"].loc[39] == 2457
    assert table["cumulative_actual"].loc[78] == 2457 + 1882


# --- messages --------------------------------------------------------------------------------


def test_other_customers_are_counted_in_the_message():
    forecasts = pd.DataFrame({"model": [1.0, 2.0]}, index=["anna", "ben"])
    with pytest.raises(DataError, match="3 customers are in only one of actual"):
        evaluation.accuracy(forecasts, actual=pd.Series([1, 2, 0], index=["ben", "cem", "dora"]))


def test_a_customer_twice_is_refused():
    forecasts = pd.DataFrame({"model": [1.0, 2.0]}, index=["anna", "anna"])
    with pytest.raises(DataError, match="holds a customer twice"):
        evaluation.accuracy(forecasts, actual=pd.Series([1, 2], index=["anna", "ben"]))


def test_negative_and_missing_forecasts_are_counted():
    forecasts = pd.DataFrame({"model": [-1.0, np.nan, 2.0]})
    with pytest.raises(DataError, match="2 of 3 values of forecast 'model'"):
        evaluation.accuracy(forecasts, actual=pd.Series([1, 2, 3]))


def test_tracking_says_what_is_missing():
    orders = orders_of([("anna", "2024-01-10")])
    keywords = {"expected_repeat": np.sqrt}
    with pytest.raises(DataError, match="no purchase up to cutoff=2024-01-01"):
        evaluation.tracking(
            orders, cutoff=pd.Timestamp("2024-01-01"), as_of=HOLDOUT_END, **keywords
        )
    with pytest.raises(ValueError, match="no whole step of 7 days after 2024-01-10"):
        evaluation.tracking(
            orders,
            cutoff=pd.Timestamp("2024-01-12"),
            as_of=pd.Timestamp("2024-01-15"),
            **keywords,
        )
