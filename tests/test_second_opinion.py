import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END

from workbench import purchases, second_opinion, spend, summary

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
    )

before = state()
from workbench import second_opinion
import sys
assert "lifetimes" not in sys.modules
assert state() == before

customers = synthetic.purchase_summary(
    r=0.5, alpha_days=60, a=0.8, b=2.4, n_customers=400, acquisition_days=60, n_days=365, seed=1
)
amount = np.random.default_rng(1).gamma(3.0, 10.0, 400)
customers["monetary_value"] = np.where(customers["frequency"] > 0, amount, 0.0)
profiles = summary.profiles(customers)
second_opinion.fit_lifetimes(profiles, customers)
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
    profiles = summary.profiles(sample)
    return second_opinion.compare(
        purchases.fit(profiles), spend.fit(sample), profiles=profiles, summary=sample
    )


# By hand


def test_the_table_has_one_row_per_parameter_with_its_unit(compared):
    assert list(compared.columns) == list(second_opinion.COLUMNS)
    assert list(zip(compared["model"], compared["parameter"], compared["unit"], strict=True)) == [
        ("bg_nbd", "r", "1"),
        ("bg_nbd", "alpha", "days"),
        ("bg_nbd", "a", "1"),
        ("bg_nbd", "b", "1"),
        ("gamma_gamma", "p", "1"),
        ("gamma_gamma", "q", "1"),
        ("gamma_gamma", "v", "currency"),
    ]


# Against an authority


def test_lifetimes_agrees_to_six_digits_on_cdnow(compared):
    assert (compared["relative_difference"].abs() < 2e-6).all()
    assert (compared["lifetimes_error"] == "").all()
    np.testing.assert_allclose(
        compared["relative_difference"], compared["lifetimes"] / compared["workbench"] - 1
    )


def test_weighted_profiles_are_to_lifetimes_what_single_customers_are(sample):
    one_each = sample[["frequency", "recency", "T"]].assign(customers=1)

    single = second_opinion.fit_purchases(one_each).parameters

    weighted = second_opinion.fit_purchases(summary.profiles(sample)).parameters
    assert single == pytest.approx(weighted, rel=1e-7)


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


def test_options_stay_as_they_are_where_a_user_changed_them(sample):
    with pytest.warns(pd.errors.Pandas4Warning):
        before = pd.get_option("mode.chained_assignment")

    second_opinion.fit_spend(sample)

    with pytest.warns(pd.errors.Pandas4Warning):
        assert pd.get_option("mode.chained_assignment") == before
