import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END

from workbench import pareto_nbd, purchase_models, purchases, second_opinion, spend, summary
from workbench.nbd import Nbd

PURCHASE_MODELS = ("bg_nbd", "mbg_nbd", "pareto_nbd")
FRESH = """
import logging, warnings
import numpy as np, pandas as pd, scipy.special
from workbench import purchases, spend, summary, synthetic

def state():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chained = pd.get_option("mode.chained_assignment")
    return (
        list(warnings.filters), warnings.showwarning, chained, pd.get_option("display.width"),
        np.geterr(), np.get_printoptions(), logging.root.level, list(logging.root.handlers),
        scipy.special.geterr(), np.random.get_state()[1].tolist(), np.random.get_state()[2],
    )

np.seterr(all="raise")
np.random.seed(1)
before = state()
from workbench import second_opinion
import sys
assert "lifetimes" not in sys.modules
assert state() == before

customers = synthetic.purchase_summary(
    r=0.5, alpha_days=60, a=0.8, b=2.4, n_customers=100, acquisition_days=60, n_days=365, seed=1
)
amount = np.random.default_rng(1).gamma(3.0, 10.0, 100)
customers["monetary_value"] = np.where(customers["frequency"] > 0, amount, 0.0)
profiles = summary.profiles(customers)
for name in ("bg_nbd", "mbg_nbd", "pareto_nbd"):
    assert second_opinion.fit_purchases(profiles, name=name).error == ""
    assert state() == before, name
assert second_opinion.fit_spend(customers).error == ""
assert "lifetimes" in sys.modules
assert state() == before

equal = pd.DataFrame({"frequency": [1, 2, 3, 4, 5], "monetary_value": [10.0] * 5})
refused = second_opinion.fit_spend(equal)
assert refused.error == "ConvergenceError", refused
assert state() == before
"""


@pytest.fixture(scope="module")
def sample(sample_orders):
    return summary.summarise(sample_orders, as_of=CALIBRATION_END)


@pytest.fixture(scope="module")
def compared(sample):
    """CDNOW's sample: a table of each purchase model with Gamma-Gamma."""
    profiles, money = summary.profiles(sample), spend.fit(sample)
    return {
        name: second_opinion.compare(
            purchase_models.fit(name, profiles), money, profiles=profiles, summary=sample
        )
        for name in PURCHASE_MODELS
    }


def _all_alike(n_customers, seed):
    """Customers who all leave after a purchase with probability 1/4, seen for one year."""
    rng = np.random.default_rng(seed)
    waits = rng.exponential(size=(n_customers, 60))
    day = np.cumsum(waits, axis=1) / rng.gamma(0.5, 1 / 30, (n_customers, 1))
    x = np.minimum((day <= 365).sum(axis=1), rng.geometric(0.25, n_customers))
    last = day[np.arange(n_customers), np.maximum(x, 1) - 1]
    return pd.DataFrame({"frequency": x, "recency": np.where(x > 0, last, 0.0), "T": 365.0})


# By hand


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bg_nbd", [("r", "1"), ("alpha", "days"), ("a", "1"), ("b", "1")]),
        ("mbg_nbd", [("r", "1"), ("alpha", "days"), ("a", "1"), ("b", "1")]),
        ("pareto_nbd", [("r", "1"), ("alpha", "days"), ("s", "1"), ("beta", "days")]),
    ],
)
def test_the_table_has_one_row_per_parameter_with_its_unit(compared, name, parameters):
    table = compared[name]

    assert list(table.columns) == list(second_opinion.COLUMNS)
    assert list(zip(table["model"], table["parameter"], table["unit"], strict=True)) == [
        *((name, *row) for row in parameters),
        (name, "log_likelihood", "1"),
        ("gamma_gamma", "p", "1"),
        ("gamma_gamma", "q", "1"),
        ("gamma_gamma", "v", "currency"),
        ("gamma_gamma", "log_likelihood", "1"),
    ]


def test_lifetimes_has_every_purchase_model_but_nbd():
    assert [name for name in purchase_models.MODELS if second_opinion.has(name)] == [
        *PURCHASE_MODELS
    ]
    assert second_opinion.has("gamma_gamma")
    assert not second_opinion.has("spend_shrinkage")


def test_a_model_that_lifetimes_lacks_has_no_row(sample):
    never_leave = Nbd(0.4, 80.0, (), 0.0, 1, 1, 1.0)
    profiles = summary.profiles(sample)

    neither = second_opinion.compare(never_leave, object(), profiles=profiles, summary=sample)
    money = second_opinion.compare(
        never_leave, spend.fit(sample), profiles=profiles, summary=sample
    )

    assert list(neither.columns) == list(second_opinion.COLUMNS)
    assert neither.empty and second_opinion.likelihood_differences(neither).empty
    assert neither["relative_difference"].dtype == float
    assert set(money["model"]) == {"gamma_gamma"}


# Properties


def test_on_a_flat_ridge_the_parameters_differ_and_the_likelihood_does_not():
    customers = _all_alike(1000, seed=13)
    profiles = summary.profiles(customers)
    ours = purchases.fit(profiles)
    assert ours.condition > 1e6

    table = second_opinion.compare(ours, None, profiles=profiles, summary=customers)

    table = table.set_index("parameter")
    assert abs(table.loc["b", "relative_difference"]) > 1e-4
    assert abs(second_opinion.likelihood_differences(table.reset_index())["bg_nbd"]) < 1e-6


def test_where_lifetimes_stops_short_in_silence_its_likelihood_is_the_lower_one():
    buyers = pd.DataFrame(
        {
            "frequency": [900, 1200, 700, 5, 1, 0],
            "recency": [2999.0, 2990.0, 2980.0, 2000.0, 10.0, 0.0],
            "T": 3000.0,
            "customers": 30,
        }
    )
    ours = pareto_nbd.fit(buyers)

    table = second_opinion.compare(ours, None, profiles=buyers, summary=buyers)

    assert (table["lifetimes_error"] == "").all()
    assert second_opinion.likelihood_differences(table)["pareto_nbd"] < -100


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_the_same_profiles_give_the_same_bits_whatever_was_drawn_before(sample, name):
    profiles = summary.profiles(sample)

    first = second_opinion.fit_purchases(profiles, name=name)
    np.random.standard_normal()

    assert second_opinion.fit_purchases(profiles, name=name) == first


# Against an authority


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_lifetimes_agrees_to_six_digits_on_cdnow(compared, name):
    table = compared[name]

    assert (table["relative_difference"].abs() < 2e-6).all()
    assert (table["lifetimes_error"] == "").all()
    np.testing.assert_allclose(
        table["relative_difference"], table["lifetimes"] / table["workbench"] - 1
    )


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_lifetimes_reaches_our_likelihood_on_cdnow(compared, name):
    differences = second_opinion.likelihood_differences(compared[name])

    assert list(differences.index) == [name, "gamma_gamma"]
    assert (differences.abs() < 1e-8).all()


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # Fader, Hardie and Lee (2005), Marketing Science 24 (2), table 2.
        ("bg_nbd", {"r": (0.243, 3), "alpha": (4.414, 3), "a": (0.793, 3), "b": (2.426, 3)}),
        (
            "pareto_nbd",
            {"r": (0.553, 3), "alpha": (10.578, 3), "s": (0.606, 3), "beta": (11.67, 2)},
        ),
        # lifetimes' own test of its fitter.
        ("mbg_nbd", {"r": (0.525, 3), "alpha": (6.183, 3), "a": (0.891, 3), "b": (1.614, 3)}),
    ],
)
def test_lifetimes_finds_what_is_published_for_cdnow(compared, name, published):
    theirs = compared[name].iloc[:4].set_index("parameter")
    in_weeks = theirs["lifetimes"] / theirs["unit"].map({"1": 1, "days": 7})

    for parameter, (value, digits) in published.items():
        assert in_weeks[parameter] == pytest.approx(value, abs=0.5 * 10**-digits), parameter


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_weighted_profiles_are_to_lifetimes_what_single_customers_are(sample, name):
    one_each = sample[["frequency", "recency", "T"]].assign(customers=1)

    single = second_opinion.fit_purchases(one_each, name=name).parameters

    weighted = second_opinion.fit_purchases(summary.profiles(sample), name=name).parameters
    assert single == pytest.approx(weighted, rel=1e-6)


# Messages


def test_nothing_of_lifetimes_reaches_the_caller_of_a_fresh_process():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FRESH], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""


def test_where_lifetimes_does_not_converge_its_column_is_empty_and_says_so(sample, capfd):
    ours = purchases.BgNbd(0.5, 30.0, 1.0, 3.0, (), 0.0, 1, 1, 1.0)
    money = spend.GammaGamma(6.0, 4.0, 15.0, (), 0.0, 1, 1.0)
    never_leaves = sample.assign(recency=sample["T"].where(sample["frequency"] > 0, 0.0))

    table = second_opinion.compare(
        ours, money, profiles=summary.profiles(never_leaves), summary=sample
    ).set_index("model")

    failed, fine = table.loc["bg_nbd"], table.loc["gamma_gamma"]
    assert failed["lifetimes"].isna().all() and failed["relative_difference"].isna().all()
    assert (failed["lifetimes_error"] == "ConvergenceError").all()
    assert fine["lifetimes"].notna().all() and (fine["lifetimes_error"] == "").all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("logs", "hessian", "error"),
    [
        ([0.0, 0.0, -800.0, 0.0], np.eye(4), "ConvergenceError"),
        ([0.0, np.nan, 0.0, 0.0], np.eye(4), "ConvergenceError"),
        ([0.0, 0.0, 0.0, 0.0], np.zeros((4, 4)), "LinAlgError"),
    ],
)
def test_a_boundary_that_lifetimes_calls_converged_is_no_fit(
    sample, monkeypatch, logs, hessian, error
):
    profiles = summary.profiles(sample)
    second_opinion.fit_purchases(profiles)
    fitter = sys.modules["lifetimes"].BetaGeoFitter
    monkeypatch.setattr(fitter, "_fit", lambda *_, **__: (np.array(logs), 0.0, hessian))

    assert second_opinion.fit_purchases(profiles) == second_opinion.LifetimesFit({}, error)


def test_too_many_profiles_for_its_pareto_nbd_are_not_fitted_and_the_table_says_so():
    n_profiles = second_opinion.MAX_PARETO_PROFILES + 1
    profiles = pd.DataFrame(
        {"frequency": 1, "recency": 1.0, "T": 2.0 + np.arange(n_profiles), "customers": 1}
    )
    ours = pareto_nbd.ParetoNbd(0.5, 70.0, 0.6, 80.0, (), 0.0, 1, 1, 1.0)

    table = second_opinion.compare(ours, None, profiles=profiles, summary=profiles)

    assert list(table["parameter"]) == ["r", "alpha", "s", "beta", "log_likelihood"]
    assert table["workbench"].notna().all() and table["lifetimes"].isna().all()
    assert (table["lifetimes_error"] == second_opinion.TOO_MANY_PROFILES).all()
    assert second_opinion.likelihood_differences(table).isna().all()


@pytest.mark.parametrize("name", ["nbd", "gamma_gamma", "pnbd"])
def test_a_purchase_model_that_lifetimes_lacks_is_refused(sample, name):
    known = r"\['bg_nbd', 'mbg_nbd', 'pareto_nbd'\]"
    with pytest.raises(ValueError, match=f"no purchase model '{name}'; it has {known}"):
        second_opinion.fit_purchases(summary.profiles(sample), name=name)


def test_options_stay_as_they_are_where_a_user_changed_them(sample):
    with pytest.warns(pd.errors.Pandas4Warning):
        before = pd.get_option("mode.chained_assignment")

    second_opinion.fit_spend(sample)

    with pytest.warns(pd.errors.Pandas4Warning):
        assert pd.get_option("mode.chained_assignment") == before
