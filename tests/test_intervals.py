import math

import numpy as np
import pandas as pd
import pytest

from workbench import intervals, purchases, spend, summary
from workbench.intervals import (
    Band,
    Predictive,
    band,
    group_bands,
    miss,
    predict,
    refits,
    resampled,
    widened,
)
from workbench.schema import NotIdentified, TooFewData

SEED = 20050401


@pytest.fixture(scope="module")
def sample(sample_orders):
    return summary.split(sample_orders, as_of=pd.Timestamp("1998-06-30"), holdout_days=273)


# by hand


def test_a_table_drawn_again_has_as_many_customers_and_no_empty_profile():
    table = pd.DataFrame({"frequency": [0, 1, 5], "customers": [90, 9, 1]})
    drawn = resampled(table, n_draws=50, seed=SEED)
    assert len(drawn) == 50
    for one in drawn:
        assert one["customers"].sum() == 100
        assert (one["customers"] > 0).all()
    assert any(len(one) < 3 for one in drawn)
    mean = np.mean([one.loc[one["frequency"] == 0, "customers"].sum() for one in drawn])
    assert mean == pytest.approx(90, abs=2)


def test_the_interval_of_simulated_sums_is_their_middle():
    found = band(pd.Series(np.arange(101.0)), level=0.9)
    assert found == (pytest.approx(5), pytest.approx(95))
    assert Band(5.0, 95.0).holds(5.0) and not Band(5.0, 95.0).holds(95.1)


def test_a_miss_is_symmetric_in_too_much_and_too_little():
    assert miss(forecast=100, truth=50) == pytest.approx(math.log(2))
    assert miss(forecast=50, truth=100) == pytest.approx(math.log(2))
    assert miss(forecast=0, truth=0) == 0
    assert miss(forecast=0, truth=1) == miss(forecast=1, truth=0) == math.inf


def test_past_misses_widen_an_interval_and_never_narrow_it():
    plain = Band(95.0, 105.0)
    assert widened(plain, forecast=100, misses=[]) == plain
    assert widened(plain, forecast=100, misses=[0.001]) == plain
    wide = widened(plain, forecast=100, misses=[0.0, math.log(1.25), 0.1])
    assert wide == (pytest.approx(80), pytest.approx(125))


def test_with_many_misses_the_rank_follows_the_level():
    misses = [n / 100 for n in range(1, 20)]
    wide = widened(Band(100, 100), forecast=100, misses=misses, level=0.9)
    assert math.log(wide.high / 100) == pytest.approx(0.18)


def test_each_group_is_widened_by_the_factor_of_the_total():
    values = pd.Series([60.0, 40.0, 300.0], index=["a", "b", "c"])
    groups = pd.Series(["alt", "alt", "neu"], index=values.index, name="segment")
    draws = pd.DataFrame({"alt": np.linspace(90, 110, 101), "neu": np.linspace(200, 400, 101)})
    drawn = Predictive(pd.DataFrame(), pd.DataFrame(), draws)
    found = group_bands(drawn, values=values, groups=groups, misses=[math.log(1.25)])
    assert found.index.name == "segment"
    assert found["customers"].tolist() == [2, 1]
    assert found["value"].tolist() == [100, 300]
    assert found.loc["alt"].tolist()[2:] == pytest.approx([91, 109, 80, 125])
    assert found.loc["neu"].tolist()[2:] == pytest.approx([210, 390, 210, 390])
    plain = group_bands(drawn, values=values, groups=groups, misses=[])
    assert plain["low_money"].tolist() == plain["model_low_money"].tolist()


# properties


def test_a_known_world_is_covered_as_often_as_promised():
    """Poisson counts with a known rate: nothing but chance is left to the interval."""
    rng = np.random.default_rng(SEED)
    base = pd.DataFrame({"rate": rng.gamma(2, 2, size=4000)})

    def simulate(model, part, generator):
        counts = generator.poisson(model * part["rate"])
        return counts, 2.0 * counts

    found = predict([1.0] * 400, base, simulate=simulate, seed=SEED)
    truth = rng.poisson(base["rate"])
    inside = (truth >= found.customers["purchases_low"]) & (
        truth <= found.customers["purchases_high"]
    )
    # Whole numbers cannot give exactly 90 %; the interval holds at least as much.
    assert 0.88 < inside.mean() < 0.98
    inside = [
        band(found.totals["purchases"]).holds(rng.poisson(base["rate"]).sum()) for _ in range(200)
    ]
    assert 0.83 < np.mean(inside) < 0.97
    assert (found.totals["value"] == 2 * found.totals["purchases"]).all()


def test_groups_add_up_to_the_total_and_chunks_change_no_sum_of_one_draw(monkeypatch):
    base = pd.DataFrame({"rate": np.linspace(0, 3, 50)}, index=[f"c{n:02d}" for n in range(50)])
    groups = pd.Series(np.where(base["rate"] > 1, "viel", "wenig"), index=base.index)

    def simulate(model, part, generator):
        return np.ones(len(part)), part["rate"].to_numpy() * model

    whole = predict([1.0, 2.0], base, simulate=simulate, groups=groups, seed=1)
    monkeypatch.setattr(intervals, "CHUNK", 7)
    parts = predict([1.0, 2.0], base, simulate=simulate, groups=groups, seed=1)
    for one in (whole, parts):
        assert one.groups.columns.tolist() == ["viel", "wenig"]
        np.testing.assert_allclose(one.groups.sum(axis=1), one.totals["value"])
    pd.testing.assert_frame_equal(whole.customers, parts.customers)


def test_the_same_seed_gives_the_same_intervals(sample):
    def simulate(model, part, generator):
        counts = purchases.simulate(model, part, days=91, generator=generator)
        return counts, counts.astype(float)

    model = purchases.fit(summary.profiles(sample.calibration))
    one, two = (
        predict([model] * 20, sample.calibration, simulate=simulate, seed=7).totals
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(one, two)


# against an authority


def test_resampled_cdnow_spreads_its_parameters_as_published_measurements_do(sample):
    """r .214-.270 and alpha 3.48-5.46 weeks: the 95 % bootstrap of the sample."""
    profiles = summary.profiles(sample.calibration)
    model = purchases.fit(profiles)
    start = (model.r, model.alpha, model.a, model.b)
    models = refits(
        lambda table: purchases.fit(table, start=start),
        resampled(profiles, n_draws=200, seed=SEED),
    )
    assert len(models) == 200
    low, high = np.percentile([one.r for one in models], [2.5, 97.5])
    assert (low, high) == (pytest.approx(0.214, abs=0.01), pytest.approx(0.270, abs=0.01))
    low, high = np.percentile([one.alpha / 7 for one in models], [2.5, 97.5])
    assert (low, high) == (pytest.approx(3.48, abs=0.3), pytest.approx(5.46, abs=0.3))


def test_the_holdout_of_cdnow_is_covered_customer_by_customer_and_missed_by_the_plain_total(
    sample,
):
    profiles = summary.profiles(sample.calibration)
    model, money = purchases.fit(profiles), spend.fit(sample.calibration)
    start = (model.r, model.alpha, model.a, model.b)
    models = refits(
        lambda table: purchases.fit(table, start=start),
        resampled(profiles, n_draws=200, seed=SEED),
    )

    def simulate(one, part, generator):
        counts = purchases.simulate(one, part, days=273, generator=generator)
        return counts, spend.simulate(money, part, purchases=counts, generator=generator)

    found = predict(models, sample.calibration, simulate=simulate, seed=SEED)
    actual = sample.holdout["purchases"]
    inside = (actual >= found.customers["purchases_low"]) & (
        actual <= found.customers["purchases_high"]
    )
    assert 0.88 <= inside.mean() <= 0.97
    # The sample bought 1,882 times, more than the model alone thinks possible.
    assert actual.sum() == 1882
    assert not band(found.totals["purchases"]).holds(1882)


# messages


def test_refits_that_mostly_fail_are_refused():
    def fit(table):
        if table == 3:
            return table
        raise TooFewData("too few", have=1, need=2)

    with pytest.raises(NotIdentified, match="only 1 of 4 fits to resampled customers found"):
        refits(fit, [1, 2, 3, 4])
    assert refits(lambda table: table, [1, 2]) == [1, 2]


def test_groups_that_were_not_drawn_are_refused():
    values = pd.Series([1.0, 2.0])
    drawn = Predictive(pd.DataFrame(), pd.DataFrame(), pd.DataFrame({"x": [1.0]}))
    with pytest.raises(ValueError, match=r"groups are \['y'\], those of the draws \['x'\]"):
        group_bands(drawn, values=values, groups=pd.Series(["y", "y"]), misses=[])
