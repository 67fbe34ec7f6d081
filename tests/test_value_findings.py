import math

import pandas as pd
import pytest

from workbench import purchase_models, spend, summary, value_findings
from workbench.value_findings import Fitted


@pytest.fixture(scope="module")
def fitted(sample_orders):
    people = summary.summarise(sample_orders, as_of=pd.Timestamp("1997-09-30"))
    profiles = summary.profiles(people)
    return Fitted(purchase_models.fit("bg_nbd", profiles), profiles, spend.fit(people))


def test_both_models_of_a_day_stand_below_each_other_with_profile_likelihood_intervals(fitted):
    day = pd.Timestamp("1997-09-30")

    table = value_findings.fits({day: fitted})

    assert table["model"].unique().tolist() == ["BG/NBD", "Gamma-Gamma"]
    assert (table["fitted_to"] == day).all()
    ends = purchase_models.parameter_intervals(fitted.model, profiles=fitted.profiles)
    b = table.set_index("parameter").loc["b"]
    assert (b["lower"], b["upper"]) == tuple(ends.loc["b"])


def test_the_table_of_parameters_says_where_the_data_leave_an_end_open():
    table = pd.DataFrame({"lower": [0.5, 0.2], "upper": [2.0, 0.9]})
    closed = str(value_findings.parameter_rule(table))
    assert closed.endswith("(Profil-Likelihood).")

    above = str(value_findings.parameter_rule(table.assign(upper=[2.0, math.inf])))
    assert above == closed + " Ein Strich heißt: Die Daten setzen keine obere Grenze."

    below = str(value_findings.parameter_rule(table.assign(lower=[0.0, 0.2])))
    assert below == closed + " Eine Null heißt: Die Daten setzen keine untere Grenze."
