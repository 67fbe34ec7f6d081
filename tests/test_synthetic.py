import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench import purchase_models, schema, summary, synthetic

WORLD = {"r": 0.8, "alpha_days": 60.0, "a": 0.8, "b": 2.4}
MONEY = {"p": 6.25, "q": 3.74, "v": 15.44}
START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2024-12-30")
WORLDS = {
    "bg_nbd": {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.4},
    "mbg_nbd": {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.4},
    "pareto_nbd": {"r": 0.8, "alpha": 60.0, "s": 0.6, "beta": 90.0},
    "nbd": {"r": 0.8, "alpha": 60.0},
}


def _orders(seed, n_customers=500):
    return synthetic.purchases(
        **WORLD,
        **MONEY,
        n_customers=n_customers,
        start=START,
        acquisition_days=180,
        end=END,
        seed=seed,
    )


def _customers(seed, n_customers=500):
    return synthetic.purchase_summary(
        **WORLD,
        n_customers=n_customers,
        acquisition_days=180,
        n_days=(END - START).days,
        seed=seed,
    )


def _orders_of(model, seed, **changes):
    sizes = {"n_customers": 500, "start": START, "acquisition_days": 180, "end": END}
    return synthetic.orders(
        model, **{"parameters": WORLDS[model]} | MONEY | sizes | changes, seed=seed
    )


def _histories(model, seed, **changes):
    sizes = {"n_customers": 500, "acquisition_days": 180, "n_days": 700, "future_days": 300}
    return synthetic.histories(model, **{"parameters": WORLDS[model]} | sizes | changes, seed=seed)


@pytest.fixture(scope="module")
def recovery():
    """The script that measures how often intervals hold the truth."""
    path = Path(__file__).parents[1] / "benchmarks" / "recovery.py"
    spec = importlib.util.spec_from_file_location("recovery", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# By hand


def test_customers_who_never_return_have_one_order_each():
    orders = synthetic.purchases(
        **WORLD | {"alpha_days": 1e12},
        **MONEY,
        n_customers=12,
        start=START,
        acquisition_days=1,
        end=END,
        seed=1,
    )

    assert list(orders["customer_id"]) == [f"{number:02d}" for number in range(1, 13)]
    assert (orders["date"] == START).all()


def test_who_leaves_right_after_the_first_order_is_known_to_one_model_alone():
    """Rates so high that only leaving keeps anybody from a second order within the day."""
    always = {"r": 50.0, "alpha": 1.0, "a": 2.0, "b": 3.0}
    sizes = {"n_customers": 20_000, "acquisition_days": 1, "n_days": 100, "future_days": 1}
    once = {
        model: (_histories(model, 1, parameters=always, **sizes)["frequency"] == 0).mean()
        for model in ("bg_nbd", "mbg_nbd")
    }

    assert once["bg_nbd"] == 0
    assert once["mbg_nbd"] == pytest.approx(2 / 5, abs=0.02)


def test_twice_the_demand_brings_twice_the_orders():
    """Rare orders, so that hardly two fall on one day."""
    rare = {"r": 5.0, "alpha": 2000.0}
    n_days = (END - START).days + 1
    demand = np.where(np.arange(n_days) < 400, 1.0, 2.0)
    orders = _orders_of(
        "nbd", 2, parameters=rare, n_customers=20_000, acquisition_days=1, demand=demand
    )
    later = orders[orders["date"] > START]
    early = later["date"] < START + pd.Timedelta(days=400)

    per_day = early.sum() / 399, (~early).sum() / (n_days - 400)
    assert per_day[0] == pytest.approx(20_000 * 5 / 2000, rel=0.03)
    assert per_day[1] == pytest.approx(2 * per_day[0], rel=0.03)


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_orders_keep_the_promises_of_the_table(seed):
    orders = _orders(seed)

    schema.check_orders(orders)
    assert orders["customer_id"].nunique() == 500
    assert orders["date"].between(START, END).all()
    first = orders.groupby("customer_id")["date"].min()
    assert (first < START + pd.Timedelta(days=180)).all()
    pd.testing.assert_frame_equal(orders, _orders(seed))


@pytest.mark.parametrize("seed", range(5))
def test_the_short_cut_gives_the_summary_of_the_same_orders(seed):
    long_way = summary.summarise(_orders(seed), as_of=END)

    short_cut = _customers(seed)

    for column in ("frequency", "recency", "T"):
        assert (short_cut[column].to_numpy() == long_way[column].to_numpy()).all()


@pytest.mark.parametrize("model", WORLDS)
@pytest.mark.parametrize("seed", range(5))
def test_every_model_keeps_the_promises_of_both_tables(model, seed):
    orders = _orders_of(model, seed)
    schema.check_orders(orders)
    assert orders["customer_id"].nunique() == 500
    assert orders["date"].between(START, END).all()
    pd.testing.assert_frame_equal(orders, _orders_of(model, seed))

    customers = _histories(model, seed)
    assert (customers["recency"] <= customers["T"]).all()
    assert ((customers["recency"] == 0) == (customers["frequency"] == 0)).all()
    assert customers["T"].between(700 - 180, 700).all()
    pd.testing.assert_frame_equal(customers, _histories(model, seed))


@pytest.mark.parametrize("seed", range(5))
def test_the_orders_of_bg_nbd_are_those_of_purchases(seed):
    pd.testing.assert_frame_equal(_orders_of("bg_nbd", seed), _orders(seed))


@pytest.mark.parametrize("model", WORLDS)
def test_even_demand_changes_no_order(model):
    even = np.ones((END - START).days + 1)

    pd.testing.assert_frame_equal(_orders_of(model, 1, demand=even), _orders_of(model, 1))


def test_another_seed_gives_other_customers():
    assert not _orders(1).equals(_orders(2))


# Against an authority


def test_amounts_have_the_mean_of_the_gamma_gamma_model():
    orders = _orders(3, n_customers=20_000).groupby("customer_id")["amount"].mean()

    assert orders.mean() == pytest.approx(6.25 * 15.44 / 2.74, rel=0.02)


def test_the_share_who_leave_at_once_is_that_of_the_beta_distribution():
    # At thousands of orders a day everyone buys until he leaves; on the first
    # day, which counts as the first order, all others fall together.
    customers = synthetic.purchase_summary(
        r=5.0, alpha_days=100.0, a=2.0, b=3.0, n_customers=50_000, acquisition_days=1,
        n_days=20_000, seed=4,
    )  # fmt: skip

    once_again = (customers["frequency"] == 1).mean()

    assert once_again == pytest.approx(2 / 5, abs=0.02)


@pytest.mark.parametrize("model", WORLDS)
def test_customers_buy_as_often_as_the_formula_of_their_model_says(model):
    """The formulas are held by the papers' figures in the tests of each model."""
    names = purchase_models.MODELS[model].PARAMETERS
    unknown = {"covariance": (), "log_likelihood": 0.0, "n_customers": 0, "n_repeat": 0}
    truth = purchase_models.RECORDS[model](
        *(WORLDS[model][name] for name in names), **unknown, condition=1.0
    )
    customers = _histories(model, 5, n_customers=40_000)
    until = {"frequency": customers["T"], "purchases": customers["T"] + 300}

    expected = {
        name: purchase_models.expected_repeat_purchases(truth, ages.to_numpy()).mean()
        for name, ages in until.items()
    }
    expected["purchases"] -= expected["frequency"]

    for name, mean in expected.items():
        error = customers[name].std() / math.sqrt(len(customers))
        assert customers[name].mean() == pytest.approx(mean, abs=4 * error)


@pytest.mark.parametrize(
    ("model", "n_bases"), [("bg_nbd", 40), ("mbg_nbd", 40), ("pareto_nbd", 16), ("nbd", 40)]
)
def test_intervals_of_95_percent_hold_the_truth_of_simulated_bases(recovery, model, n_bases):
    found = {model: recovery.measured(model, n_bases=n_bases, n_customers=1500)}

    parameters = recovery.parameter_table(found)
    assert (parameters["no_optimum"] <= 1).all()
    # By chance, so few intervals hold the truth once in a thousand times.
    assert (parameters["held"] * n_bases >= stats.binom.ppf(0.001, n_bases, 0.95)).all()
    of_customers = recovery.customer_table(found).loc[model]
    assert of_customers["covered_fairly"] == pytest.approx(0.9, abs=0.02)
    assert of_customers["covered"] > of_customers["covered_fairly"]
    of_nobody = recovery.no_purchase_table(found)[model]
    assert of_nobody["actual"].to_numpy() == pytest.approx(of_nobody["expected"], abs=0.04)


# Messages


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="q=0 must be positive"):
        synthetic.purchases(
            **WORLD,
            **MONEY | {"q": 0},
            n_customers=1,
            start=START,
            acquisition_days=1,
            end=END,
            seed=1,
        )
    with pytest.raises(ValueError, match="acquisition_days=32 is longer than the 31 days"):
        synthetic.purchase_summary(**WORLD, n_customers=1, acquisition_days=32, n_days=30, seed=1)


def test_a_world_that_no_model_describes_is_refused():
    with pytest.raises(ValueError, match="there is no purchase model 'arima'; there are"):
        synthetic.orders("arima", parameters={}, **MONEY, n_customers=1, start=START,
                         acquisition_days=1, end=END, seed=1)  # fmt: skip
    with pytest.raises(ValueError, match=r"nbd has the parameters \['r', 'alpha'\], not \['r'\]"):
        _histories("nbd", 1, parameters={"r": 1.0})
    with pytest.raises(ValueError, match="beta=-1 must be positive"):
        _histories("pareto_nbd", 1, parameters=WORLDS["pareto_nbd"] | {"beta": -1})
    with pytest.raises(ValueError, match="demand has 3 numbers, 2 of them positive, for 730 days"):
        _orders_of("nbd", 1, demand=np.array([1.0, 0.0, 1.0]))


def test_a_world_of_two_months_ends_on_its_last_day():
    customers = synthetic.purchase_summary(
        **WORLD, n_customers=2000, acquisition_days=31, n_days=30, seed=1
    )

    assert customers["T"].min() == 0
    assert (customers["recency"] <= customers["T"]).all()
    assert np.isin(customers["frequency"] == 0, [True, False]).all()
