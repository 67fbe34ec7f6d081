import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END

from workbench import spend, summary
from workbench.schema import DataError, NotIdentified, TooFewData

PARAMETERS = {"p": 6.25, "q": 3.74, "v": 15.44}


@pytest.fixture(scope="module")
def sample(sample_orders):
    return summary.summarise(sample_orders, as_of=CALIBRATION_END)


@pytest.fixture(scope="module")
def fitted(sample):
    return spend.fit(sample)


def _spenders(seed, n=300):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.4, n) - 1
    amount = rng.gamma(6.0 * np.maximum(x, 1), 1 / rng.gamma(3.7, 1 / 15, n)) / np.maximum(x, 1)
    return pd.DataFrame({"frequency": x, "monetary_value": np.where(x > 0, amount, 0.0)})


# By hand


def test_with_p_one_a_single_repeat_purchase_is_lomax():
    one = pd.DataFrame({"frequency": [1], "monetary_value": [30.0]})

    value = spend.derivatives(one, p=1.0, q=2.0, v=10.0).value

    assert value == pytest.approx(math.log(2 * 10**2 / 40**3), rel=1e-14)


def test_expected_spend_weighs_the_own_mean_against_the_population():
    model = spend.GammaGamma(2.0, 3.0, 10.0, (), 0.0, 1, 1.0)
    table = pd.DataFrame({"frequency": [0, 4], "monetary_value": [0.0, 25.0]}, index=["a", "b"])

    expected = spend.expected_spend(model, table)

    # The population's mean is 2 * 10 / 2; four purchases weigh 2 * 4 / (2 * 4 + 2).
    assert expected.loc["a"] == pytest.approx(10)
    assert expected.loc["b"] == pytest.approx(0.8 * 25 + 0.2 * 10)


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_expected_spend_lies_between_own_and_population_mean(seed):
    table = _spenders(seed)
    model = spend.GammaGamma(6.25, 3.74, 15.44, (), 0.0, 1, 1.0)

    expected = spend.expected_spend(model, table)

    population = 6.25 * 15.44 / 2.74
    own = table["monetary_value"].where(table["frequency"] > 0, population)
    assert (expected <= np.maximum(own, population) * (1 + 1e-12)).all()
    assert (expected >= np.minimum(own, population) * (1 - 1e-12)).all()


def test_gradient_and_hessian_are_those_of_finite_differences(sample):
    exact = spend.derivatives(sample, **PARAMETERS)

    for i, name in enumerate(PARAMETERS):
        step = 1e-5 * PARAMETERS[name]
        above = spend.derivatives(sample, **PARAMETERS | {name: PARAMETERS[name] + step})
        below = spend.derivatives(sample, **PARAMETERS | {name: PARAMETERS[name] - step})
        slope = (above.value - below.value) / (2 * step)
        assert exact.gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)
        bend = (above.gradient - below.gradient) / (2 * step)
        np.testing.assert_allclose(exact.hessian[i], bend, rtol=1e-6)


def test_a_hundredfold_amount_gives_a_hundredfold_spend(sample, fitted):
    cents = sample.assign(monetary_value=sample["monetary_value"] * 100)

    model = spend.fit(cents)

    assert (model.p, model.q) == pytest.approx((fitted.p, fitted.q), rel=1e-9)
    assert model.v == pytest.approx(100 * fitted.v, rel=1e-9)
    np.testing.assert_allclose(
        spend.expected_spend(model, cents), 100 * spend.expected_spend(fitted, sample), rtol=1e-9
    )


def test_row_order_does_not_change_a_byte(sample, fitted):
    assert spend.fit(sample.sample(frac=1, random_state=1)) == fitted


def test_simulated_money_is_on_average_what_is_expected(sample, fitted):
    three = np.full(len(sample), 3)
    drawn = [
        spend.simulate(fitted, sample, purchases=three, generator=np.random.default_rng(seed)).sum()
        for seed in range(40)
    ]
    expected = 3 * spend.expected_spend(fitted, sample).sum()
    assert np.mean(drawn) == pytest.approx(expected, rel=0.02)
    none = spend.simulate(fitted, sample, purchases=0 * three, generator=np.random.default_rng(1))
    assert (none == 0).all()


def test_known_parameters_come_back():
    rng = np.random.default_rng(7)
    n = 40_000
    x = rng.geometric(0.3, n)
    mean = rng.gamma(6.0 * x, 1 / rng.gamma(3.7, 1 / 15, n)) / x

    model = spend.fit(pd.DataFrame({"frequency": x, "monetary_value": mean}))

    errors = np.sqrt(np.diag(model.covariance))
    gaps = np.array([model.p, model.q, model.v]) - (6.0, 3.7, 15.0)
    assert (np.abs(gaps) < 3 * errors).all()
    assert (errors / (6.0, 3.7, 15.0) < 0.05).all()


# Against an authority


def test_parameters_on_cdnow_are_those_of_fader_and_hardie_2013(fitted):
    assert (fitted.p, fitted.q, fitted.v) == pytest.approx((6.2496, 3.7442, 15.4435), abs=5e-5)
    assert (fitted.p, fitted.q, fitted.v) == pytest.approx((6.25, 3.74, 15.44), abs=5e-3)
    assert fitted.log_likelihood == pytest.approx(-4055.9177, abs=5e-5)
    assert fitted.n_customers == 946


def test_standard_errors_on_cdnow_are_those_published(fitted):
    table = spend.parameter_table(fitted)

    assert list(table["unit"]) == ["1", "1", "currency"]
    published = ((1.1897, 2e-3), (0.2902, 2e-4), (4.160, 2e-3))
    for error, (value, tolerance) in zip(table["standard_error"], published, strict=True):
        assert error == pytest.approx(value, abs=tolerance)


def test_frequency_and_amount_correlate_by_0_1139_on_cdnow(sample):
    found = spend.independence(sample)

    assert found.correlation == pytest.approx(0.1139, abs=5e-5)
    assert found.n == 946
    # Fisher's z: tanh(atanh(.1139) -+ 1.96 / sqrt(943))
    assert (found.lower, found.upper) == pytest.approx((0.0505, 0.1763), abs=1e-4)


def test_parameters_on_the_full_master_are_those_of_the_reference(master_orders):
    master = summary.summarise(master_orders, as_of=CALIBRATION_END)

    model = spend.fit(master)

    assert (model.p, model.q, model.v) == pytest.approx((6.2754, 3.6245, 14.9837), abs=5e-5)
    assert model.n_customers == 9450
    assert int((master["frequency"] > 0).sum()) == 9451


# Messages


def test_too_few_spenders_say_how_many_and_how_many_are_needed():
    with pytest.raises(TooFewData, match=r"needs 20 customers .* 5 of 7 have them") as info:
        spend.fit(
            pd.DataFrame(
                {"frequency": [0, 1, 1, 1, 2, 2, 1], "monetary_value": [0.0] * 2 + [5] * 5}
            )
        )

    assert (info.value.have, info.value.need) == (5, 20)


def test_equal_spenders_have_no_optimum_and_hear_their_amounts():
    equal = pd.DataFrame({"frequency": [1, 2] * 20, "monetary_value": [10.0] * 40})

    with pytest.raises(NotIdentified, match="40 customers, whose mean amounts run from 10 to 10"):
        spend.fit(equal)


def test_huge_orders_leave_gamma_gamma_without_a_mean():
    rng = np.random.default_rng(1)
    x = rng.geometric(0.3, 400)
    mean = rng.gamma(5.0 * x, 1 / rng.gamma(0.7, 1 / 15, 400)) / x
    table = pd.DataFrame({"frequency": x, "monetary_value": mean})

    with pytest.raises(spend.InfiniteMean, match=r"q = 0\.\d+ on 400 customers, not above 1"):
        spend.fit(table)


@pytest.mark.parametrize("q", [0.9, 1.0])
def test_an_infinite_mean_is_refused(fitted, sample, q):
    with pytest.raises(ValueError, match=f"q={q:g} is not above 1: the mean amount .* infinite"):
        spend.expected_spend(dataclasses.replace(fitted, q=q), sample)


def test_negative_and_missing_amounts_are_counted(fitted):
    table = pd.DataFrame({"frequency": [1, 1, 0], "monetary_value": [-1.0, math.nan, 0.0]})

    with pytest.raises(DataError, match="2 of 3 monetary values are negative or missing"):
        spend.expected_spend(fitted, table)
    with pytest.raises(DataError, match="lacks \\['monetary_value'\\]"):
        spend.fit(table[["frequency"]])


def test_no_correlation_among_few_or_equal_customers():
    three = pd.DataFrame({"frequency": [1, 2, 3], "monetary_value": [1.0, 2.0, 3.0]})
    with pytest.raises(TooFewData, match="needs 4 customers"):
        spend.independence(three)

    once = pd.DataFrame({"frequency": [1] * 5, "monetary_value": [1.0, 2.0, 3.0, 4.0, 5.0]})
    with pytest.raises(NotIdentified, match="all 5 repeat buyers have frequency 1"):
        spend.independence(once)


def test_bad_parameters_are_refused(sample):
    with pytest.raises(ValueError, match="must all be positive"):
        spend.derivatives(sample, p=-1.0, q=2.0, v=3.0)
