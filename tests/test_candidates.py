import math

import numpy as np
import pandas as pd
import pytest

from workbench import backtests, candidates, clv, intervals, purchases, spend, summary

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
    return model, money, customers, profiles, clv.score(model, money, customers, **TERMS)


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
    assert second["high_money"] / second["forecast_money"] == pytest.approx(math.exp(misses[0]))
    assert second["forecast_money"] / second["low_money"] == pytest.approx(math.exp(misses[0]))
    for row in shown.itertuples():
        assert row.inside == (row.low_money <= row.actual_money <= row.high_money)


def test_simulated_values_are_on_average_the_expected_ones(fitted):
    model, money, customers, profiles, scores = fitted
    draws = candidates.value_draws(
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
    more = clv.score(model, in_cents, cents, **TERMS)
    one, hundred = (
        candidates.value_draws(
            model, one_money, table, base, profiles=profiles, horizon_days=365, seed=1
        ).totals
        for one_money, table, base in ((money, scores, customers), (in_cents, more, cents))
    )
    np.testing.assert_allclose(hundred["value"], 100 * one["value"], rtol=1e-6)
    assert (hundred["purchases"] == one["purchases"]).all()
