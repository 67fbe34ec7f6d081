import numpy as np
import pandas as pd
import pytest

from workbench import customer_groups, group_probe, purchase_models, summary
from workbench.discrimination import wilson

AS_OF = pd.Timestamp("1998-06-30")


@pytest.fixture(scope="module")
def looked(sample_orders):
    def known(day):
        return sample_orders[sample_orders["date"] <= day]

    split = summary.split(sample_orders, as_of=AS_OF, holdout_days=273)
    model = purchase_models.fit(
        "bg_nbd", summary.profiles(summary.summarise(sample_orders, as_of=AS_OF))
    )
    return group_probe.look_back(split, known=known, model=model), split


# by hand


def test_a_group_shows_what_was_expected_and_what_came():
    index = pd.Index(["a", "b", "c"], name="customer_id")
    group = pd.Series(["Stammkunden", "Neukunden", "Stammkunden"], index=index)
    expected = pd.DataFrame({"p_purchase": [0.8, 0.3, 0.6], "money": [10.0, 2.0, 6.0]}, index=index)
    actual = pd.DataFrame({"purchases": [2, 0, 0], "revenue": [30.0, 0.0, -1.0]}, index=index)
    found = group_probe.compare(group, expected=expected.iloc[::-1], actual=actual.iloc[::-1])
    assert found.index.tolist() == ["Stammkunden", "Neukunden"]
    low, high = wilson(np.array(1), np.array(2))
    assert found.loc["Stammkunden"].tolist() == pytest.approx(
        [2, 0.7, 0.5, float(low), float(high), 16.0, 29.0]
    )
    assert found.loc["Neukunden", ["predicted", "observed"]].tolist() == [0.3, 0]


# against an authority: CDNOW's sample, whose truth is known


def test_the_groups_of_cdnow_hold_everybody_and_all_that_was_bought(looked):
    probe, split = looked
    assert (probe.day, probe.days) == (pd.Timestamp("1997-09-30"), 273)
    assert probe.table["customers"].sum() == 2357
    bought = (split.holdout["purchases"] > 0).sum()
    assert (probe.table["observed"] * probe.table["customers"]).sum() == pytest.approx(bought)
    assert probe.table["actual_money"].sum() == pytest.approx(split.holdout["revenue"].sum())
    assert set(probe.table.index) <= set(customer_groups.GROUPS)
    assert {"kind", "presence"} <= set(probe.table.columns)
    inside = (probe.table["low"] <= probe.table["observed"]) & (
        probe.table["observed"] <= probe.table["high"]
    )
    assert inside.all()
    # VIPs are expected to buy far more often than who bought once, and they do.
    vip, once = probe.table.loc["VIP-Kunden"], probe.table.loc["Einmalkäufer"]
    assert vip["predicted"] > 3 * once["predicted"] and vip["observed"] > 3 * once["observed"]
