import json
import math

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END

from workbench import spend, spend_models, spend_shrinkage, summary
from workbench.schema import DataError, TooFewData

START = pd.Timestamp("2024-01-01")
AS_OF = START + pd.Timedelta(days=399)


def _orders(amounts):
    """One customer per list of amounts, bought on days in a row."""
    number = np.repeat(np.arange(len(amounts)), [len(own) for own in amounts])
    day = np.concatenate([np.arange(len(own)) for own in amounts])
    return pd.DataFrame(
        {
            "customer_id": [f"{n:05d}" for n in number],
            "date": START + pd.to_timedelta(day, unit="D"),
            "amount": np.concatenate(amounts),
        }
    )


def _world(seed, *, n=1500, tie=0.0):
    """Customers whose mean amount rises with their rate by `tie`."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.6, 5.0, n)
    mean = np.exp(3.5 + 0.4 * rng.standard_normal(n) + tie * np.log(rate + 0.3))
    return _orders([mean[i] * rng.gamma(5.0, 0.2, 1 + rng.poisson(rate[i])) for i in range(n)])


def _choose(orders, as_of=AS_OF):
    return spend_models.choose(orders, summary=summary.summarise(orders, as_of=as_of))


@pytest.fixture(scope="module")
def split(sample_orders):
    return summary.split(sample_orders, as_of=HOLDOUT_END, holdout_days=HOLDOUT_DAYS)


@pytest.fixture(scope="module")
def amounts(sample_orders, split):
    known = sample_orders[sample_orders["date"] <= CALIBRATION_END]
    return spend_shrinkage.add_variance(split.calibration, orders=known)


@pytest.fixture(scope="module", params=spend_models.MODELS)
def model(request, amounts):
    return spend_models.fit(request.param, amounts)


# By hand


def test_errors_are_those_written_out():
    calibration = pd.DataFrame(
        {"frequency": [4] * 20 + [0, 4], "monetary_value": [30.0] * 10 + [10.0] * 10 + [0.0, 99.0]}
    )
    holdout = pd.DataFrame({"purchases": [2] * 20 + [1, 0], "revenue": [40.0] * 20 + [500.0, 0.0]})
    model = spend_shrinkage.SpendShrinkage(18.0, 0.0, 6.0, 3.0, 18.0, ((0.0, 0.0),) * 2, 9, 9)

    found = spend_models.accuracy(model, calibration, holdout=holdout)

    # k = 4 puts the expected amounts at 24 and 14 against 20 that were paid; the one-time buyer
    # and who stayed away are not judged, but the latter's mean is in that of the base.
    base = (300 + 100 + 99) / 21
    assert found.index.tolist() == ["spend_shrinkage", "own_mean", "base_mean"]
    assert found["customers"].tolist() == [20] * 3
    assert found["spend_mae"].tolist() == pytest.approx([5, 10, base - 20])
    assert found["spend_rmse"].tolist() == pytest.approx([math.sqrt(26), 10, base - 20])
    assert found["bias"].tolist() == pytest.approx([-0.05, 0, base / 20 - 1])


def test_spend_is_tied_only_where_the_whole_interval_is_beyond_a_tenth():
    intervals = [(0.05, 0.4), (0.11, 0.2), (-0.2, -0.11), (-0.4, 0.3), (-0.2, -0.05)]
    tied = [
        spend_models.is_tied(spend.Independence((low + high) / 2, low, high, 99))
        for low, high in intervals
    ]
    assert tied == [False, True, True, False, False]


# Properties


def test_each_choice_has_its_code_and_its_model():
    rng = np.random.default_rng(3)
    tail = 75 / rng.gamma(0.7, 1.0, 400)
    cases = {
        "holds": _world(1),
        "tied": _world(1, tie=0.4),
        "infinite_mean": _orders(
            [mean * rng.gamma(5.0, 0.2, 1 + rng.geometric(0.3)) for mean in tail]
        ),
        "no_interior_optimum": _orders([[10.0] * 4] * 40),
        "too_few_data": _orders([list(rng.gamma(5.0, 4.0, 4)) for _ in range(15)]),
    }
    chosen = {code: _choose(orders) for code, orders in cases.items()}

    assert {code: one.code for code, one in chosen.items()} == {code: code for code in cases}
    names = {code: one.model.name for code, one in chosen.items()}
    assert names.pop("holds") == "gamma_gamma"
    assert set(names.values()) == {"spend_shrinkage"}


def test_customers_with_one_frequency_have_nothing_to_be_tied_to():
    rng = np.random.default_rng(3)
    orders = _orders([mean * rng.gamma(5.0, 0.2, 4) for mean in rng.gamma(9.0, 4.0, 200)])

    assert _choose(orders).code == "holds"


def test_a_model_answers_as_its_module_does(model, split, amounts):
    module = spend_models.MODELS[model.name]
    table = split.calibration
    counts = np.arange(len(table)) % 4

    expected = spend_models.expected_spend(model, table)
    drawn = spend_models.simulate(
        model, table, purchases=counts, generator=np.random.default_rng(5)
    )

    assert model == module.fit(amounts)
    pd.testing.assert_series_equal(expected, module.expected_spend(model, table))
    again = module.simulate(model, table, purchases=counts, generator=np.random.default_rng(5))
    assert (drawn == again).all()
    pd.testing.assert_frame_equal(
        spend_models.parameter_table(model), module.parameter_table(model)
    )


def test_a_model_is_stored_and_read_back_without_loss(model):
    stored = json.loads(json.dumps(spend_models.to_json(model), allow_nan=False))

    assert spend_models.from_json(stored) == model


def test_an_infinite_k_is_stored_as_plain_numbers():
    model = _choose(_orders([[10.0] * 4] * 40)).model

    stored = json.dumps(spend_models.to_json(model), allow_nan=False)

    assert model.k == math.inf
    assert spend_models.from_json(json.loads(stored)) == model


def test_row_order_does_not_change_the_choice():
    orders = _world(2, tie=0.4)
    assert _choose(orders.sample(frac=1, random_state=1)) == _choose(orders)


# Against an authority


def test_cdnow_keeps_the_gamma_gamma_of_fader_and_hardie(sample_orders, master_orders):
    known = sample_orders[sample_orders["date"] <= CALIBRATION_END]
    chosen = _choose(known, as_of=CALIBRATION_END)

    assert chosen.code == "holds"
    assert (chosen.model.p, chosen.model.q, chosen.model.v) == pytest.approx(
        (6.25, 3.74, 15.44), abs=5e-3
    )
    assert _choose(master_orders, as_of=HOLDOUT_END).code == "holds"


def test_both_models_beat_the_naive_means_on_cdnows_holdout(model, split):
    found = spend_models.accuracy(model, split.calibration, holdout=split.holdout)

    assert found["customers"].tolist() == [491] * 3
    rmse = {"gamma_gamma": 28.0578, "spend_shrinkage": 28.3343}[model.name]
    assert found["spend_rmse"].tolist() == pytest.approx([rmse, 29.6536, 31.6306], abs=5e-5)
    for measure in ("spend_mae", "spend_rmse"):
        assert found[measure].idxmin() == model.name


# Messages


def test_too_few_purchases_for_either_model_are_counted():
    with pytest.raises(TooFewData, match="needs 4 customers with a repeat purchase"):
        _choose(_orders([[10.0, 12.0]] * 3))


def test_too_few_judged_customers_are_counted(model, split):
    few = split.calibration.index[:60]
    with pytest.raises(TooFewData, match=r"needs 20 repeat buyers .*; \d+ of 60 are") as info:
        spend_models.accuracy(model, split.calibration.loc[few], holdout=split.holdout.loc[few])
    assert info.value.need == 20 > info.value.have

    with pytest.raises(DataError, match="different customers"):
        spend_models.accuracy(model, split.calibration, holdout=split.holdout.iloc[1:])


def test_an_unknown_model_is_named(amounts):
    with pytest.raises(ValueError, match=r"no spend model 'mean'; there are \['gamma_gamma'"):
        spend_models.fit("mean", amounts)


def test_a_broken_store_is_refused(model):
    stored = spend_models.to_json(model)
    with pytest.raises(ValueError, match="lacks its name"):
        spend_models.from_json({name: stored[name] for name in stored if name != "name"})
    with pytest.raises(ValueError, match=r"unknown fields \['w'\] and lacks \['n_customers'\]"):
        broken = {name: stored[name] for name in stored if name != "n_customers"}
        spend_models.from_json(broken | {"w": 1.0})
    with pytest.raises(ValueError, match=r"n_customers=2\.5 .* not a whole number"):
        spend_models.from_json(stored | {"n_customers": 2.5})
    with pytest.raises(ValueError, match="not a square of numbers"):
        spend_models.from_json(stored | {"covariance": [[1.0], [2.0]]})
    first = "p" if model.name == "gamma_gamma" else "within"
    with pytest.raises(ValueError, match=f"'{first}'.* must be positive"):
        spend_models.from_json(stored | {first: -1.0})
