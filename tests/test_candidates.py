import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import (
    backtests,
    candidates,
    clv,
    intervals,
    measured_coverage,
    purchase_models,
    purchases,
    spend,
    spend_models,
    spend_shrinkage,
    summary,
)

AS_OF = pd.Timestamp("1998-06-30")
TERMS = {"horizon_days": 365, "annual_discount_rate": 0.1, "margin": 1.0}


@pytest.fixture(scope="module")
def test_of_cdnow(sample_orders):
    placed = backtests.origins(sample_orders, as_of=AS_OF, horizon_days=91)
    return backtests.run(
        sample_orders,
        origins=placed.days,
        horizon_days=91,
        as_of=AS_OF,
        models=candidates.forecasters(days=91),
        spend=candidates.money,
    )


@pytest.fixture(scope="module")
def fitted(sample_orders):
    customers = summary.summarise(sample_orders, as_of=AS_OF)
    profiles = summary.profiles(customers)
    model, money = purchases.fit(profiles), spend.fit(customers)
    amounts = spend.expected_spend(money, customers)
    scores = clv.score(model, customers, expected_spend=amounts, **TERMS)
    return model, money, customers, profiles, scores


def test_every_purchase_model_is_a_candidate_and_says_what_it_forecasts(test_of_cdnow):
    assert set(test_of_cdnow.models) == {"nbd", "bg_nbd", "mbg_nbd", "pareto_nbd"}
    last = test_of_cdnow.purchases.forecasts.loc[test_of_cdnow.origins[-1]]
    assert last[["bg_nbd", "mbg_nbd", "nbd"]].notna().all().all()
    assert (last[["bg_nbd", "mbg_nbd", "nbd"]] >= 0).all().all()


def test_a_model_that_collapses_has_no_forecast():
    """Whoever never leaves: the same purchases every week, up to the last day."""
    rng = np.random.default_rng(3)
    rows = [
        (f"c{n}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day)))
        for n in range(60)
        for day in np.unique(np.append(rng.choice(364, size=rng.integers(2, 30)), 364))
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "date"]).assign(amount=1.0)
    past = summary.summarise(orders, as_of=pd.Timestamp("2024-12-30"))
    with pytest.raises(candidates.NotIdentified):
        candidates.forecasters(days=30)["bg_nbd"](past, summary.profiles(past))


def test_a_band_is_judged_by_misses_of_earlier_origins_alone(test_of_cdnow):
    misses = candidates.revenue_misses(test_of_cdnow, model="bg_nbd")
    shown = candidates.coverage(test_of_cdnow, model="bg_nbd")
    assert len(misses) == len(test_of_cdnow.origins) == len(shown) + 1
    second = shown.iloc[0]
    factor = math.exp(1.6448536269514722 * misses[0])
    assert second["high_money"] / second["forecast_money"] == pytest.approx(factor)
    assert second["forecast_money"] / second["low_money"] == pytest.approx(factor)
    for row in shown.itertuples():
        assert row.inside == (row.low_money <= row.actual_money <= row.high_money)


def value_draws(
    model, money, scores, customers, *, profiles, horizon_days, seed, groups=None
) -> intervals.Predictive:
    models = candidates.refits(model, profiles=profiles, seed=seed)
    simulate = candidates.futures(money, scores, horizon_days=horizon_days)
    return intervals.predict(models, customers, simulate=simulate, groups=groups, seed=seed)


def test_simulated_values_are_on_average_the_expected_ones(fitted):
    model, money, customers, profiles, scores = fitted
    draws = value_draws(
        model, money, scores, customers, profiles=profiles, horizon_days=365, seed=1
    )
    assert len(draws.totals) == intervals.N_DRAWS
    assert draws.totals["value"].mean() == pytest.approx(scores["clv"].sum(), rel=0.03)
    assert intervals.band(draws.totals["value"]).holds(scores["clv"].sum())
    assert (draws.customers["value_low"] <= draws.customers["value_high"]).all()


def test_amounts_times_a_hundred_give_values_times_a_hundred(fitted, sample_orders):
    model, money, customers, profiles, scores = fitted
    cents = summary.summarise(sample_orders.assign(amount=lambda t: t["amount"] * 100), as_of=AS_OF)
    in_cents = spend.fit(cents)
    more = clv.score(model, cents, expected_spend=spend.expected_spend(in_cents, cents), **TERMS)
    one, hundred = (
        value_draws(
            model, one_money, table, base, profiles=profiles, horizon_days=365, seed=1
        ).totals
        for one_money, table, base in ((money, scores, customers), (in_cents, more, cents))
    )
    np.testing.assert_allclose(hundred["value"], 100 * one["value"], rtol=1e-6)
    assert (hundred["purchases"] == one["purchases"]).all()


@pytest.fixture(scope="module")
def coverage():
    """The script that measures how often intervals hold what came."""
    path = Path(__file__).parents[1] / "benchmarks" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_allowance_is_the_normal_quantile_and_grows_with_the_root_of_time():
    z = 1.6448536269514722
    one_window = {"window_days": 91, "horizon_days": 91}
    assert candidates.allowance([0.3, 0.4], **one_window) == pytest.approx([z * math.sqrt(0.125)])
    four_windows = {"window_days": 91, "horizon_days": 364}
    assert candidates.allowance([0.1], **four_windows) == pytest.approx([2 * z * 0.1])
    assert candidates.allowance([0.1, math.inf], **four_windows) == [math.inf]
    assert candidates.allowance([], **four_windows) == []
    # A longer window is no promise that the horizon will be hit better.
    assert candidates.allowance([0.1], window_days=364, horizon_days=91) == pytest.approx([z * 0.1])
    with pytest.raises(ValueError, match="window_days=0 and horizon_days=9 must be positive"):
        candidates.allowance([0.1], window_days=0, horizon_days=9)


def test_a_window_is_as_long_as_the_horizon_where_the_data_are_twice_as_long():
    first_day = pd.Timestamp("2024-01-01")
    for n_days, expected in ((800, 365), (730, 365), (729, 364), (100, 50), (1, 1)):
        as_of = first_day + pd.Timedelta(days=n_days - 1)
        assert candidates.window_days(first_day, as_of=as_of, horizon_days=365) == expected


@pytest.mark.parametrize("n_days", [60, 91, 200, 546])
def test_such_a_window_leaves_room_for_three_origins(sample_orders, n_days):
    first_day = sample_orders["date"].min()
    as_of = first_day + pd.Timedelta(days=n_days - 1)
    days = candidates.window_days(first_day, as_of=as_of, horizon_days=365)
    placed = backtests.origins(sample_orders, as_of=as_of, horizon_days=days, first_day=first_day)
    assert len(placed.days) == 3


def test_a_miss_is_the_log_of_what_came_over_the_forecast(test_of_cdnow):
    for misses, compared in (
        (candidates.purchase_misses, test_of_cdnow.purchases),
        (candidates.revenue_misses, test_of_cdnow.revenue),
    ):
        expected, actual = backtests.pair(compared, "bg_nbd", test_of_cdnow.origins[0])
        first = misses(test_of_cdnow, model="bg_nbd")[0]
        assert first == pytest.approx(abs(math.log(actual.sum() / expected.sum())))


@pytest.mark.parametrize("name", ["mbg_nbd", "pareto_nbd", "nbd"])
def test_every_purchase_model_draws_values_whose_mean_is_expected(
    fitted, sample_orders, monkeypatch, name
):
    monkeypatch.setattr(intervals, "N_DRAWS", 40)
    _, _, customers, profiles, _ = fitted
    model = purchase_models.fit(name, profiles)
    # Of the other spend model, so that both are drawn from in this file.
    money = spend_shrinkage.fit(spend_shrinkage.add_variance(customers, orders=sample_orders))
    scores = clv.score(
        model,
        customers,
        expected_spend=spend_models.expected_spend(money, customers),
        **TERMS | {"margin": 0.25},
    )
    segments = pd.Series(np.where(customers["frequency"] > 0, "mehr", "einmal"), customers.index)

    draws = value_draws(
        *(model, money, scores, customers),
        profiles=profiles,
        horizon_days=365,
        seed=1,
        groups=segments,
    )

    assert draws.totals["value"].mean() == pytest.approx(scores["clv"].sum(), rel=0.05)
    assert draws.groups.columns.tolist() == ["einmal", "mehr"]
    np.testing.assert_allclose(draws.groups.sum(axis=1), draws.totals["value"])


def test_no_interval_knows_what_comes_after_its_origin(coverage, sample_orders, monkeypatch):
    """Whoever buys later, or how much, moves no end of any interval."""
    monkeypatch.setattr(intervals, "N_DRAWS", 40)
    origin = pd.Timestamp("1997-12-31")
    after = sample_orders["date"] > origin
    other = sample_orders[~after | (sample_orders.index % 3 == 0)]
    other = other.assign(amount=other["amount"].where(other["date"] <= origin, 7.0))

    def ends(orders):
        cases = coverage.cases_of(
            "CDNOW sample", orders, as_of=pd.Timestamp("1998-06-30"), horizons=[181]
        )
        row = coverage.judged(cases[-1]._replace(origin=origin))
        assert row["misses_value"] == 3
        return row, {name: row[name] for name in row if "_low_" in name or "_high_" in name}

    row, known = ends(sample_orders)
    row_of_other, known_of_other = ends(other)
    assert known == known_of_other
    assert row["actual_value"] > row_of_other["actual_value"]


def test_the_holdout_of_cdnow_lies_outside_the_plain_and_inside_the_widened_interval(
    coverage, sample_orders
):
    """The rows that the report prints can be measured again; 1,882 purchases came."""
    cases = coverage.cases_of("CDNOW sample", sample_orders, horizons=[273])
    rows = pd.DataFrame([coverage.judged(case) for case in cases])
    last = rows.iloc[-1]
    assert last["actual_purchases"] == 1882
    assert not last["plain_purchases"] and last["widened_purchases"]

    again = coverage.summarised(rows).round(3)
    stored = measured_coverage.table()
    kept = stored[(stored["data_set"] == "CDNOW sample") & (stored["horizon_days"] == 273)]
    pd.testing.assert_frame_equal(
        again, kept[again.columns].reset_index(drop=True), check_exact=False, atol=2e-3
    )


def test_stored_coverage_is_what_the_intervals_promise_on_real_data():
    pooled = measured_coverage.pooled()
    stored = measured_coverage.table()
    assert pooled["origins"].sum() == stored["origins"].sum()
    sample = stored[~stored["data_set"].str.startswith("simulated")]
    by_hand = np.average(sample["total_value_widened"], weights=sample["origins"])
    assert pooled.loc["real data", "total_value_widened"] == pytest.approx(by_hand)
    assert stored["customer_purchases_fair"].between(0.88, 0.92).all()
    assert (stored[["customer_purchases", "customer_value"]] >= 0.88).all().all()
    real = pooled.loc["real data"]
    assert (real[["total_purchases_widened", "total_value_widened"]] >= 0.8).all()
    assert (real[["total_purchases", "total_value"]] < 0.5).all()
