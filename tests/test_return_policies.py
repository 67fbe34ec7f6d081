import math

import numpy as np
import pytest
from conftest import CALIBRATION_END, HOLDOUT_END

from workbench import clv, purchases, return_policies, spend, summary

TERMS = {"horizon_days": 365, "annual_discount_rate": 0.10, "margin": 0.5}


# By hand


def test_the_value_of_the_base_is_the_sum_of_its_scores(sample_orders):
    half = sample_orders.assign(amount=sample_orders["amount"] / 2)

    found = return_policies.compare(
        {"net": half, "drop": sample_orders}, model="bg_nbd", as_of=HOLDOUT_END, **TERMS
    )

    customers = summary.summarise(sample_orders, as_of=HOLDOUT_END)
    scores = clv.score(
        purchases.fit(summary.profiles(customers)),
        customers,
        expected_spend=spend.expected_spend(spend.fit(customers), customers),
        **TERMS,
    )
    assert found.index.tolist() == ["net", "drop"]
    assert found.loc["drop", "value"] == pytest.approx(scores["clv"].sum(), rel=1e-12)
    assert found.loc["drop", "mean_value"] == pytest.approx(scores["clv"].mean(), rel=1e-12)
    assert found.loc["drop", ["customers", "orders"]].tolist() == [2357, len(sample_orders)]
    assert found.loc["drop", "revenue"] == pytest.approx(sample_orders["amount"].sum(), rel=1e-12)
    np.testing.assert_allclose(
        found.loc["net", ["revenue", "value", "mean_value"]].astype(float),
        found.loc["drop", ["revenue", "value", "mean_value"]].astype(float) / 2,
        rtol=1e-9,
    )


# Properties


def test_orders_that_bear_no_model_have_no_value_but_are_counted(sample_orders):
    first = sample_orders.sort_values("date").drop_duplicates("customer_id").head(50)

    found = return_policies.compare(
        {"drop": first}, model="bg_nbd", as_of=CALIBRATION_END, **TERMS
    ).loc["drop"]

    assert found[["customers", "orders"]].tolist() == [50, 50]
    assert math.isnan(found["value"])
    assert math.isnan(found["mean_value"])
