import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from workbench import purchase_models, purchase_windows
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchases import BgNbd

NO_ERRORS = ((0.0,) * 4,) * 4
CUSTOMERS = pd.DataFrame(
    {
        "frequency": [0, 0, 1, 3, 30, 200],
        "recency": [0.0, 0.0, 5.0, 200.0, 250.0, 690.0],
        "T": [1.0, 400.0, 90.0, 365.0, 300.0, 700.0],
    }
)


def mean_over_rates(model, x: float, age: float, silent) -> float:
    """Return E[silent(rate)] of the rate that is left to an alive customer, by quadrature."""
    rate = stats.gamma(model.r + x, scale=1 / (model.alpha + age))
    # The share of the customers is the variable, so that no density has a pole.
    return integrate.quad(lambda u: silent(rate.ppf(u)), 0, 1, limit=200, epsabs=1e-10)[0]


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
@pytest.mark.parametrize("gap", [1, 30, 200])
def test_dropout_after_purchases_agrees_with_quadrature(kind, gap):
    model = kind(0.243, 30.9, 0.793, 2.426, NO_ERRORS, -9.0, 9, 9, 9.0)
    found = purchase_windows.p_no_purchase(model, CUSTOMERS, gap_days=gap, horizon_days=91)
    alive = purchase_models.p_alive(model, CUSTOMERS)
    for row, customer in CUSTOMERS.iterrows():
        b = model.b + customer["frequency"] + (kind is MbgNbd)
        shape, clock = model.r + customer["frequency"], model.alpha + customer["T"]

        def buys(p, shape=shape, clock=clock):
            z = clock + p * gap
            return (clock / z) ** shape - (clock / (z + 91)) ** shape

        leaving = stats.beta(model.a, b)
        mean = integrate.quad(lambda u: buys(leaving.ppf(u)), 0, 1, epsabs=1e-11)[0]  # noqa: B023
        assert found[row] == pytest.approx(1 - alive[row] * mean, abs=1e-8)


@pytest.mark.parametrize("gap", [1, 30, 200])
@pytest.mark.parametrize("horizon", [7, 365])
def test_pareto_agrees_with_quadrature_over_the_day_of_the_purchase(gap, horizon):
    model = ParetoNbd(0.553, 74.0, 0.606, 81.7, NO_ERRORS, -9.0, 9, 9, 9.0)
    found = purchase_windows.p_no_purchase(model, CUSTOMERS, gap_days=gap, horizon_days=horizon)
    alive = purchase_models.p_alive(model, CUSTOMERS)
    for row, customer in CUSTOMERS.iterrows():
        shape, clock = model.r + customer["frequency"], model.alpha + customer["T"]
        beta = model.beta + customer["T"]

        def buys_at(days, shape=shape, clock=clock, beta=beta):
            density = shape / clock * (clock / (clock + days)) ** (shape + 1)
            return density * (beta / (beta + gap + days)) ** model.s

        mean = integrate.quad(buys_at, 0, horizon, epsabs=1e-12, limit=500)[0]
        assert found[row] == pytest.approx(1 - alive[row] * mean, abs=1e-8)


def test_nbd_forgets_the_gap_and_a_short_gap_is_nearly_none():
    nbd = Nbd(0.5, 80.0, ((0.0, 0.0), (0.0, 0.0)), -9.0, 9, 9, 9.0)
    late, now = (
        purchase_windows.p_no_purchase(nbd, CUSTOMERS, gap_days=gap, horizon_days=91)
        for gap in (50, 0)
    )
    assert late.tolist() == pytest.approx(now.tolist(), abs=1e-12)
    for model in (
        BgNbd(0.243, 30.9, 0.793, 2.426, NO_ERRORS, -9.0, 9, 9, 9.0),
        MbgNbd(0.5, 40.0, 0.6, 1.3, NO_ERRORS, -9.0, 9, 9, 9.0),
        ParetoNbd(0.553, 74.0, 0.606, 81.7, NO_ERRORS, -9.0, 9, 9, 9.0),
    ):
        chances = [
            purchase_windows.p_no_purchase(model, CUSTOMERS, gap_days=gap, horizon_days=91)
            for gap in (0, 1, 100, 10_000)
        ]
        assert (chances[1] - chances[0]).between(0, 0.02).all()
        assert (chances[2] > chances[1]).all() and (chances[3] > chances[2]).all()


@pytest.mark.parametrize("kind", ["bg_nbd", "mbg_nbd", "pareto_nbd"])
def test_the_probability_after_a_gap_agrees_with_simulated_customers(kind):
    record = purchase_models.RECORDS[kind]
    model = record(0.6, 40.0, 0.8, 2.0, NO_ERRORS, -9.0, 9, 9, 9.0)
    customer = CUSTOMERS.iloc[[3]]
    found = purchase_windows.p_no_purchase(model, customer, gap_days=60, horizon_days=91)
    many = customer.loc[customer.index.repeat(40_000)].reset_index(drop=True)
    generator = np.random.default_rng(5)
    n = len(many)
    rate = generator.gamma(model.r + 3, 1 / (model.alpha + 365), n)
    if kind == "pareto_nbd":
        leaves_after_purchase = np.zeros(n)
        end = generator.exponential(1 / generator.gamma(model.s, 1 / (model.beta + 365), n))
    else:
        b = model.b + 3 + (kind == "mbg_nbd")
        leaves_after_purchase, end = generator.beta(model.a, b, n), np.full(n, np.inf)
    is_there = generator.random(n) < purchase_models.p_alive(model, customer).iloc[0]
    day, bought = np.zeros(n), np.zeros(n, bool)
    while is_there.any():
        day += generator.exponential(1 / rate)
        is_there &= day <= np.minimum(end, 151)
        bought |= is_there & (day > 60)
        is_there &= generator.random(n) >= leaves_after_purchase
    assert found.iloc[0] == pytest.approx(1 - bought.mean(), abs=4 * np.sqrt(0.25 / len(many)))
