import numpy as np
import pandas as pd
import pytest

from workbench import equity, purchase_models, summary
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchases import BgNbd
from workbench.retention_whatif import (
    READINGS,
    constant_retention,
    elasticity,
    existing_customers,
    multiple,
    new_customer,
)
from workbench.schema import NotIdentified

NOT_FITTED = ((), 0.0, 0, 0, 1.0)
# Table 2 of Fader, Hardie and Lee (2005), time in days.
CDNOW = BgNbd(0.243, 4.414 * 7, 0.793, 2.426, *NOT_FITTED)
MODELS = [
    CDNOW,
    MbgNbd(0.525, 6.183 * 7, 0.891, 1.614, *NOT_FITTED),
    ParetoNbd(0.553, 10.578 * 7, 0.606, 11.669 * 7, *NOT_FITTED),
]
NBD = Nbd(0.385, 12.072 * 7, *NOT_FITTED)
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
TERMS = {"horizon_days": 365.0, "annual_discount_rate": 0.1}


@pytest.fixture(scope="module")
def base(sample_orders):
    return summary.summarise(sample_orders, as_of=pd.Timestamp("1998-06-30"))


# by hand


@pytest.mark.parametrize(
    ("retention", "once", "churn", "relative", "points", "per_cent"),
    [
        (0.60, 1.20, 7.6, 12, 20, 2.20),
        (0.70, 1.75, 6.1, 15, 22, 2.75),
        (0.80, 2.67, 4.7, 21, 28, 3.67),
        (0.85, 3.40, 4.0, 27, 32, 4.40),
        (0.90, 4.50, 3.1, 35, 41, 5.50),
        (0.93, 5.47, 2.5, 45, 49, 6.47),
    ],
)
def test_the_table_of_the_five_per_cent(retention, once, churn, relative, points, per_cent):
    """Constant retention at a discount rate of 10 %, to half the last digit."""
    found = constant_retention(retention, annual_discount_rate=0.1)
    assert multiple(retention, annual_discount_rate=0.1) == pytest.approx(once, abs=0.005)
    change = 100 * found["change"]
    assert change["churn_relative"] == pytest.approx(churn, abs=0.05)
    assert change["retention_relative"] == pytest.approx(relative, abs=0.5)
    assert change["retention_points"] == pytest.approx(points, abs=0.5)
    assert elasticity(retention, annual_discount_rate=0.1) == pytest.approx(per_cent, abs=0.005)


@pytest.mark.parametrize(
    ("retention", "rate", "figure"), [(0.8, 0.12, 3.50), (0.9, 0.12, 5.09), (0.9, 0.10, 5.50)]
)
def test_one_per_cent_of_retention_is_up_to_five_of_value(retention, rate, figure):
    assert elasticity(retention, annual_discount_rate=rate) == pytest.approx(figure, abs=0.005)


def test_nobody_can_be_kept_more_than_surely():
    found = constant_retention(0.98, annual_discount_rate=0.1)
    assert found["retention"].tolist() == pytest.approx([0.981, 1, 1])


def test_customers_who_all_leave_alike_are_changed_by_formula():
    """a and b so large that everyone leaves with one half, and buys daily for sure."""
    model = BgNbd(1e7, 1e7, 1e7, 1e7, *NOT_FITTED)
    found = new_customer(model, horizon_days=365, annual_discount_rate=0.0)
    assert found["repeats"].iloc[0] == pytest.approx(2, rel=1e-3)
    changed = {"churn_relative": 0.475, "retention_relative": 0.475, "retention_points": 0.45}
    for reading, leaving in changed.items():
        assert found.loc[reading, "new_repeats"] == pytest.approx(1 / leaving, rel=1e-3)


def test_customers_who_all_leave_alike_in_time_are_changed_by_formula():
    """A rate of ln 2 a year: half are gone after one."""
    model = ParetoNbd(1e7, 1e7, 1e7, 1e7 * 365 / np.log(2), *NOT_FITTED)
    found = new_customer(model, horizon_days=1e4, annual_discount_rate=0.0)
    for reading, gone in [("churn_relative", 0.475), ("retention_points", 0.45)]:
        rate = -np.log1p(-gone) / 365
        days = -np.expm1(-rate * 1e4) / rate
        assert found.loc[reading, "new_repeats"] == pytest.approx(days, rel=1e-3)


# properties


@each_model
def test_the_unchanged_count_is_that_of_the_model(model):
    for years in (1, 5):
        found = new_customer(model, horizon_days=365.0 * years, annual_discount_rate=0.0)
        ages = np.array([365.0 * years])
        exact = purchase_models.expected_repeat_purchases(model, ages)[0]
        assert found["repeats"].iloc[0] == pytest.approx(exact, rel=2e-3)
        terms = {"horizon_days": 365 * years, "annual_discount_rate": 0.15}
        discounted = equity.discounted_repeats(model, **terms).iloc[-1]
        assert new_customer(model, **terms)["repeats"].iloc[0] == pytest.approx(
            discounted, rel=2e-3
        )


@each_model
def test_every_reading_adds_value_and_more_so_for_a_larger_step(model, base):
    values = purchase_models.expected_purchases(model, base, days=365)
    small = existing_customers(model, base, values=values, **TERMS, step=0.02)
    large = existing_customers(model, base, values=values, **TERMS, step=0.05)
    assert (small["change"] > 0).all() and (large["change"] > small["change"]).all()
    assert large.index.tolist() == list(READINGS)
    np.testing.assert_allclose(large["value"] + large["difference"], large["new_value"])
    np.testing.assert_allclose(large["difference"] / large["value"], large["change"])
    # What one buys without ever leaving is the most that keeping can bring.
    rate = (model.r + base["frequency"]) / (model.alpha + base["T"])
    assert large["new_value"].max() < (rate * 365).sum()


def test_rows_in_any_order_and_money_in_any_unit_change_nothing(base):
    values = pd.Series(np.arange(1.0, len(base) + 1), base.index)
    found = existing_customers(CDNOW, base, values=values, **TERMS)
    mixed = base.sample(frac=1, random_state=1)
    again = existing_customers(CDNOW, mixed, values=100 * values, **TERMS)
    np.testing.assert_allclose(again["change"], found["change"], rtol=1e-12)
    np.testing.assert_allclose(again["difference"], 100 * found["difference"], rtol=1e-9)


# against an authority


@pytest.mark.parametrize(
    ("years", "figures"),
    [(1, (1.8, 14.2, 16.4)), (3, (2.4, 32, 36)), (5, (2.6, 46.8, 50.8))],
)
def test_a_new_customer_of_cdnow_in_three_readings(years, figures):
    """Figures of another program; adaptive integrals, below, are within 0.6 points of them."""
    found = new_customer(CDNOW, horizon_days=365.0 * years, annual_discount_rate=0.0)
    assert (100 * found["change"]).tolist() == pytest.approx(figures, abs=0.6)


@pytest.mark.parametrize(
    ("years", "figures"),
    [
        (1, (1.838, 14.186, 16.348)),
        (3, (2.394, 32.141, 35.477)),
        (5, (2.612, 46.519, 50.592)),
    ],
)
def test_the_readings_are_those_of_adaptive_integration(years, figures):
    """SciPy's adaptive integrals over Beta(a, b), cut where nobody leaves any more."""
    found = new_customer(CDNOW, horizon_days=365.0 * years, annual_discount_rate=0.0)
    assert (100 * found["change"]).tolist() == pytest.approx(figures, abs=0.1)


@pytest.mark.parametrize("model", MODELS[:2], ids=lambda model: model.name)
@pytest.mark.parametrize("reading", READINGS)
def test_lives_lived_with_less_leaving_buy_as_often(model, reading):
    rng, n, horizon = np.random.default_rng(3), 200_000, 365.0
    rate = rng.gamma(model.r, 1 / model.alpha, n)
    p = READINGS[reading](rng.beta(model.a, model.b, n), 0.05)
    is_mbg = model.name == "mbg_nbd"
    here = np.flatnonzero(rng.random(n) >= p) if is_mbg else np.arange(n)
    time, worth = np.zeros(n), 0.0
    while here.size:
        time[here] += rng.exponential(1.0, here.size) / np.maximum(rate[here], 1e-300)
        here = here[time[here] < horizon]
        worth += (1.1 ** (-time[here] / 365)).sum()
        here = here[rng.random(here.size) >= p[here]]
    found = new_customer(model, **TERMS).loc[reading, "new_repeats"]
    assert found == pytest.approx(worth / n, rel=0.02)


@each_model
def test_known_customers_with_less_leaving_buy_as_often_as_simulated(model):
    """Thirty thousand customers with one history, drawn from what the model knows of him."""
    known = pd.DataFrame({"frequency": [4.0], "recency": [200.0], "T": [230.0]})
    values = purchase_models.expected_purchases(model, known, days=365)
    found = existing_customers(
        model, known, values=values, horizon_days=365, annual_discount_rate=0.0
    )
    rng, n = np.random.default_rng(5), 300_000
    rate = rng.gamma(model.r + 4, 1 / (model.alpha + 230), n)
    alive = rng.random(n) < purchase_models.p_alive(model, known).item()
    if model.name == "pareto_nbd":
        mu = rng.gamma(model.s, 1 / (model.beta + 230), n)
        mu = -np.log1p(-READINGS["retention_points"](-np.expm1(-mu * 365), 0.05)) / 365
        stays = np.minimum(rng.exponential(1.0, n) / np.maximum(mu, 1e-300), 365.0)
        counts = rng.poisson(rate * stays)
    else:
        b = model.b + 4 + (model.name == "mbg_nbd")
        p = READINGS["retention_points"](rng.beta(model.a, b, n), 0.05)
        until = np.where(p > 0, rng.geometric(np.maximum(p, 1e-9)), 10**9)
        counts = np.minimum(rng.poisson(rate * 365), until)
    assert found.loc["retention_points", "new_value"] == pytest.approx(
        (counts * alive).mean(), rel=0.02
    )


# messages


def test_a_model_without_leaving_has_nothing_to_change(base):
    with pytest.raises(NotIdentified, match="nbd knows no leaving, so retention cannot change"):
        new_customer(NBD, **TERMS)


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"retention=80 must lie between 0 and 1: write 0\.80"):
        multiple(80, annual_discount_rate=0.1)
    with pytest.raises(ValueError, match=r"annual_discount_rate=0 must lie between 0 and 1"):
        multiple(0.8, annual_discount_rate=0)
    with pytest.raises(ValueError, match=r"step=5 must lie between 0 and 1: write 0\.05 for 5 %"):
        new_customer(CDNOW, **TERMS, step=5)
    with pytest.raises(ValueError, match="horizon_days=0 must be positive"):
        new_customer(CDNOW, horizon_days=0, annual_discount_rate=0.1)
    with pytest.raises(ValueError, match=r"at least 0 and below 1"):
        new_customer(CDNOW, horizon_days=10, annual_discount_rate=10)
