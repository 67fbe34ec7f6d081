import numpy as np
import pandas as pd
import pytest

from workbench import return_curve, rhythm
from workbench.schema import DataError, TooFewData

SEEDS = range(20)
START = pd.Timestamp("2024-01-01")
# The square of the normal quantile of 97.5 %.
Z2 = 3.841458820694124


def orders_of(days: dict[str, list[int]], amount: float = 10.0) -> pd.DataFrame:
    """Orders of each customer on so many days after the start."""
    rows = [(name, START + pd.Timedelta(days=day), amount) for name in days for day in days[name]]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def day(n: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=n)


def twenty_return_and_twenty_do_not() -> pd.DataFrame:
    back = {f"back{i:02d}": [0, 10] for i in range(20)}
    gone = {f"gone{i:02d}": [0] for i in range(20)}
    return orders_of(back | gone)


def random_orders(seed: int, n_customers: int = 300, n_days: int = 700) -> pd.DataFrame:
    """Gaps of one Pareto distribution (Lomax), so that all silences are alike."""
    random = np.random.default_rng(seed)
    starts = random.integers(0, 200, n_customers)
    gaps = np.ceil(60 * random.pareto(0.8, (n_customers, 60))).astype(int)
    days = np.column_stack([starts, starts[:, None] + np.cumsum(np.maximum(gaps, 1), axis=1)])
    return orders_of(
        {f"c{i:04d}": [int(d) for d in row if d <= n_days] for i, row in enumerate(days)}
    )


def slow_share(orders: pd.DataFrame, *, n_days: int, silent: int, followup: int) -> float:
    """Follow every silence day by day and multiply the shares that stay away."""
    silences = []
    for _, own in orders.groupby("customer_id"):
        bought = sorted((own["date"] - START).dt.days)
        for i, start in enumerate(bought):
            if i + 1 < len(bought):
                silences.append((bought[i + 1] - start, True))
            else:
                silences.append((n_days - start, False))
    stays = 1.0
    for d in range(silent + 1, silent + followup + 1):
        at_risk = [ends for ends in silences if ends[0] >= d]
        back = [ends for ends in at_risk if ends == (d, True)]
        stays *= 1 - len(back) / len(at_risk)
    return 1 - stays


# By hand


def test_of_forty_customers_and_sixty_silences_twenty_end():
    curve = return_curve.estimate(twenty_return_and_twenty_do_not(), origin=day(60))
    # Silences: 20 of 10 days, 20 open for 50 and 20 open for 60; so 30 are seen for 50 days.
    assert curve.index.tolist() == [7, 14, 21]
    assert curve["customers"].tolist() == [40, 40, 40]
    assert curve["at_risk"].tolist() == [60, 40, 40]
    assert curve["followup_days"].tolist() == [43, 36, 29]
    assert curve["return_share"].tolist() == pytest.approx([1 / 3, 0, 0])
    # After no return at all the upper bound is Wilson's.
    assert curve.loc[14, ["low", "high"]].tolist() == pytest.approx([0, Z2 / (40 + Z2)])
    assert return_curve.churn_horizon_days(curve, max_return_share=0.15) == 14


def test_the_bounds_are_greenwoods_on_the_log_log_scale():
    curve = return_curve.estimate(twenty_return_and_twenty_do_not(), origin=day(60))
    error = np.sqrt(20 / (60 * 40))
    reach = np.sqrt(Z2) * error / -np.log(2 / 3)
    bounds = [1 - (2 / 3) ** np.exp(-reach), 1 - (2 / 3) ** np.exp(reach)]
    assert curve.loc[7, ["low", "high"]].tolist() == pytest.approx(bounds)


def test_a_purchase_on_the_last_silent_day_is_no_return_after_it():
    back = {f"c{i:02d}": [0, 14] for i in range(40)}
    curve = return_curve.estimate(orders_of(back), origin=day(90))
    assert curve.loc[7, "return_share"] == pytest.approx(0.5)
    assert curve.loc[14, "at_risk"] == 40
    assert curve.loc[14, "return_share"] == 0


def test_where_everybody_returns_on_one_day_the_lower_bound_is_wilsons():
    long = {f"d{i:02d}": [0, 60] for i in range(40)}
    everybody = return_curve.estimate(orders_of(long), origin=day(60))
    assert everybody.loc[7, "return_share"] == 1
    assert everybody.loc[7, ["low", "high"]].tolist() == pytest.approx([1 - Z2 / (40 + Z2), 1])


def test_the_day_of_a_return_of_goods_is_no_purchase():
    orders = twenty_return_and_twenty_do_not()
    goods = orders_of({f"gone{i:02d}": [20] for i in range(20)}, amount=-5.0)
    free = orders_of({f"gone{i:02d}": [20] for i in range(20)}, amount=0.0)
    plain = return_curve.estimate(orders, origin=day(60))
    with_goods = return_curve.estimate(pd.concat([orders, goods]), origin=day(60))
    pd.testing.assert_frame_equal(plain, with_goods)
    with_free = return_curve.estimate(pd.concat([orders, free]), origin=day(60))
    assert with_free.loc[14, "return_share"] == pytest.approx(20 / 60)


def test_the_shortest_silence_is_chosen_and_a_share_just_as_high_will_do():
    curve = pd.DataFrame({"return_share": [0.5, 0.15, 0.2, 0.1]}, index=[7, 14, 21, 28])
    assert return_curve.churn_horizon_days(curve, max_return_share=0.15) == 14
    assert return_curve.churn_horizon_days(curve, max_return_share=0.149) == 28


# Properties


def test_shares_are_those_of_the_slow_loop():
    for seed in range(4):
        orders = random_orders(seed, n_customers=60)
        curve = return_curve.estimate(orders, origin=day(700))
        for silent in curve.index[[0, len(curve) // 2, -1]]:
            row = curve.loc[silent]
            slow = slow_share(orders, n_days=700, silent=silent, followup=int(row["followup_days"]))
            assert row["return_share"] == pytest.approx(slow)


def test_a_row_is_the_curve_of_those_still_silent_with_the_clock_set_back():
    for seed in range(3):
        orders = random_orders(seed, n_customers=100)
        curve = return_curve.estimate(orders, origin=day(700))
        waits = pd.concat([rhythm.waiting(orders, as_of=day(700), nth=nth) for nth in range(1, 62)])
        late = waits[waits["days"] > 91]
        rest = rhythm.kaplan_meier(late["days"] - 91, late["bought"]).loc[:365].iloc[-1]
        row = curve.loc[91]
        assert row["at_risk"] == len(late)
        assert row["customers"] == late.index.nunique()
        bounds = [1 - rest["survival"], 1 - rest["upper"], 1 - rest["lower"]]
        assert row[["return_share", "low", "high"]].tolist() == pytest.approx(bounds)


def test_without_censoring_the_share_is_a_plain_count():
    """Every silence that starts is followed for a year after it has lasted 91 days."""
    back = {f"back{i:02d}": [0, 100 + i] for i in range(40)}
    gone = {f"gone{i:02d}": [0] for i in range(60)}
    curve = return_curve.estimate(orders_of(back | gone), origin=day(1000))
    late = 40 + 60 + 40
    assert curve.loc[91, "return_share"] == pytest.approx(40 / late)


def test_later_orders_and_the_order_of_rows_change_nothing():
    for seed in SEEDS:
        orders = random_orders(seed, n_customers=50)
        before = orders.copy()
        curve = return_curve.estimate(orders, origin=day(500))
        later = orders["date"].where(
            orders["date"] <= day(500), orders["date"] + pd.Timedelta(days=3)
        )
        moved = orders.assign(date=later).sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(curve, return_curve.estimate(moved, origin=day(500)))
        pd.testing.assert_frame_equal(orders, before)


def test_shares_lie_in_their_bounds_and_groups_shrink():
    for seed in SEEDS:
        curve = return_curve.estimate(random_orders(seed), origin=day(700))
        assert ((curve["low"] <= curve["return_share"]) & (curve["low"] >= 0)).all()
        assert ((curve["return_share"] <= curve["high"]) & (curve["high"] <= 1)).all()
        assert (curve["customers"] <= curve["at_risk"]).all()
        assert (curve[["customers", "at_risk"]].diff().iloc[1:] <= 0).all(axis=None)
        needed = np.minimum(curve.index, return_curve.MIN_FOLLOWUP_DAYS)
        assert (curve["followup_days"] >= needed).all()


# Against an authority


def test_the_interval_holds_the_share_of_a_known_distribution_about_as_often_as_it_says():
    # Of gaps longer than h, ((60 + h) / (60 + h + 365)) ** .8 are longer than h + 365.
    truth = 1 - ((60 + 91) / (60 + 91 + 365)) ** 0.8
    rows = [return_curve.estimate(random_orders(s), origin=day(700)).loc[91] for s in range(40)]
    held = sum(row["low"] <= truth <= row["high"] for row in rows)
    # Of 40 intervals of 95 %, fewer than 34 hold it with a chance of less than 1 %.
    assert held >= 34
    assert np.mean([row["return_share"] for row in rows]) == pytest.approx(truth, abs=0.015)


def test_cdnow_at_the_end_of_its_data(sample_orders):
    """Counted here, not published: after a quarter of silence more than a third come back."""
    curve = return_curve.estimate(sample_orders, origin=pd.Timestamp("1998-06-30"))
    assert curve.loc[91, "customers"] == 2326
    assert curve.loc[91, "return_share"] == pytest.approx(0.373, abs=5e-4)
    assert curve.loc[91, "followup_days"] == 365
    assert return_curve.churn_horizon_days(curve, max_return_share=0.15) == 273
    assert curve.loc[273, "followup_days"] == 270


# Messages


def test_a_curve_that_never_gets_there_says_how_low_it_gets():
    orders = twenty_return_and_twenty_do_not()
    curve = return_curve.estimate(orders, origin=day(60)).iloc[:1]
    with pytest.raises(TooFewData, match=r"at least 33\.3% of customers come back after every"):
        return_curve.churn_horizon_days(curve, max_return_share=0.15)
    with pytest.raises(TooFewData, match="silence of up to 7 days") as shortage:
        return_curve.churn_horizon_days(curve, max_return_share=0.15)
    assert (shortage.value.have, shortage.value.need) == (7, 14)


def test_too_few_silences_are_counted():
    with pytest.raises(
        TooFewData, match=r"5 of 5 silences .* are observed for 14 days"
    ) as shortage:
        return_curve.estimate(orders_of({f"c{i}": [0] for i in range(5)}), origin=day(90))
    assert (shortage.value.have, shortage.value.need) == (5, 30)
    with pytest.raises(TooFewData, match="0 of 40 silences"):
        return_curve.estimate(orders_of({f"c{i}": [0] for i in range(40)}), origin=day(13))
    with pytest.raises(TooFewData, match="no purchase up to origin=2023-12-31"):
        return_curve.estimate(orders_of({"anna": [0]}), origin=day(-1))


def test_bad_parameters_and_tables_are_refused():
    curve = pd.DataFrame({"return_share": [0.1]}, index=[7])
    with pytest.raises(ValueError, match=r"max_return_share=1 must be above 0 and below 1"):
        return_curve.churn_horizon_days(curve, max_return_share=1)
    twice = pd.concat([twenty_return_and_twenty_do_not()] * 2)
    with pytest.raises(DataError, match="share customer and day"):
        return_curve.estimate(twice, origin=day(60))
