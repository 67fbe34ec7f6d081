import math

import numpy as np
import pandas as pd
import pytest

from workbench import economics, economics_findings, formats, inequality, measure_plots, offers
from workbench.schema import DataError

STYLE = formats.style(locale="de_DE", currency="EUR")
OFFER = offers.Offer(success_rate=0.1, incentive=5.0, contact_cost=0.5, uptake=0.5, fixed_cost=0.0)


def people(seed=1, n=400):
    chance = np.random.default_rng(seed)
    p = chance.uniform(0.05, 0.95, n)
    spend = chance.gamma(4, 10, n)
    index = pd.Index([f"c{i:04}" for i in range(n)], name="customer_id")
    return pd.DataFrame(
        {"p_purchase": p, "expected_spend": spend, "clv": 3 * p * spend}, index=index
    )


def groups_of(table):
    names = np.where(table["p_purchase"] > 0.5, "Stammkunden", "Einmalkäufer")
    return pd.Series(names, table.index, name="customer_group")


def cards(table, *, margin=1.0):
    return economics.ceilings(economics.groups(table, by=groups_of(table), margin=margin))


# --- by hand --------------------------------------------------------------------------------


def test_two_customers_by_hand():
    table = pd.DataFrame(
        {"clv": [30.0, 10.0], "p_purchase": [0.5, 0.3], "expected_spend": [20.0, 40.0]},
        index=["anna", "ben"],
    )
    by = pd.Series("alle", table.index, name="customer_group")
    found = economics.thresholds(
        economics.ceilings(economics.groups(table, by=by, margin=0.5)), offer=OFFER
    ).loc["alle"]
    assert found["buyer_value"] == pytest.approx(40 / 0.8)
    assert found["once_value"] == pytest.approx(0.5 * (0.5 * 20 + 0.3 * 40) / 0.8)
    assert found["ceiling_two"] == pytest.approx(1.0)
    assert found["once_five"] == pytest.approx(0.05 * 13.75)
    assert found["needed_effect"] == pytest.approx((0.5 + 0.4 * 0.5 * 5) / 45)
    assert found["assumed_effect"] == pytest.approx(0.06)
    assert found["cost_each"] == pytest.approx(0.5 + (0.2 + 0.06) * 5)
    assert found["gain_each"] == pytest.approx(0.06 * 50 - 1.8)
    assert found["gain_once"] == pytest.approx(0.06 * 13.75 - 1.8)
    assert found["highest_incentive"] == pytest.approx((0.06 * 50 - 0.5) / 0.26)


def test_an_effect_that_cannot_be_reached_is_missing():
    table = people().assign(clv=lambda t: 0.1 * t["p_purchase"])
    found = economics.thresholds(cards(table), offer=OFFER)
    assert found["needed_effect"].isna().all()
    assert found["highest_incentive"].isna().all()


# --- properties -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_needed_effect_earns_nothing_and_the_highest_incentive_too(seed):
    found = economics.thresholds(cards(people(seed)), offer=OFFER)
    for _, row in found.iterrows():
        rate = row["needed_effect"] / (1 - row["p_purchase"])
        needed = OFFER.__class__(rate, 5.0, 0.5, 0.5, 0.0)
        p, value = 1 - row["p_purchase"], row["buyer_value"]
        assert offers.contact_gain(p, value=value, offer=needed) == pytest.approx(0, abs=1e-9)
        dear = OFFER.__class__(0.1, row["highest_incentive"], 0.5, 0.5, 0.0)
        assert offers.contact_gain(p, value=value, offer=dear) == pytest.approx(0, abs=1e-9)


def test_return_less_cost_is_the_gain():
    found = economics.thresholds(cards(people()), offer=OFFER)
    assert (found["return_each"] - found["cost_each"]).to_numpy() == pytest.approx(
        found["gain_each"].to_numpy()
    )


def test_amounts_times_100_give_ceilings_times_100_and_the_order_of_rows_changes_nothing():
    table = people()
    scaled = table.assign(clv=100 * table["clv"], expected_spend=100 * table["expected_spend"])
    money = ["buyer_value", "once_value", "ceiling_one", "once_five"]
    assert cards(scaled)[money].to_numpy() == pytest.approx(100 * cards(table)[money].to_numpy())
    pd.testing.assert_frame_equal(cards(table.iloc[::-1]), cards(table))


def test_the_groups_add_up_to_all_customers():
    table = people()
    all_of = economics.groups(
        table, by=pd.Series("alle", table.index, name="customer_group"), margin=1.0
    )
    parts = economics.groups(table, by=groups_of(table), margin=1.0)
    total = (parts["customers"] * parts["p_purchase"] * parts["buyer_value"]).sum()
    assert total == pytest.approx(table["clv"].sum())
    assert parts["customers"].sum() == all_of.loc["alle", "customers"]


# --- acquisition ----------------------------------------------------------------------------


def test_acquisition_takes_the_last_four_quarters_with_a_cost():
    quarters = pd.DataFrame(
        {
            "quarter": ["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01", "2025-01-01"],
            "customers": [100.0, 10.0, math.nan, 30.0, 20.0],
            "new_value": [999.0, 40.0, math.nan, 60.0, 50.0],
            "cac": [1.0, 10.0, math.nan, 20.0, math.nan],
        }
    )
    found = economics.acquisition(quarters, last=2)
    assert found["customers"] == 40
    assert found["new_value"] == pytest.approx((10 * 40 + 30 * 60) / 40)
    assert found["cac"] == pytest.approx((10 * 10 + 30 * 20) / 40)
    assert found["return_on_cost"] == pytest.approx(55 / 17.5)


def test_without_a_cost_there_is_no_acquisition():
    quarters = pd.DataFrame({"quarter": ["2024-01-01"], "customers": [9.0], "new_value": [4.0]})
    assert economics.acquisition(None) is None
    assert economics.acquisition(quarters) is None
    assert economics.acquisition(quarters.assign(cac=math.nan)) is None


# --- sentences ------------------------------------------------------------------------------


def test_the_sentence_names_the_groups_in_which_a_contact_pays_and_those_in_which_not():
    table = people().assign(
        clv=lambda t: np.where(t["p_purchase"] > 0.5, 3 * t["clv"], 0.2 * t["p_purchase"])
    )
    found = economics.thresholds(cards(table), offer=OFFER)
    text = str(economics_findings.thresholds(found, offer=OFFER, style=STYLE))
    assert "in 1 von 2 Gruppen, am meisten bei „Stammkunden“" in text
    assert "nicht in: Einmalkäufer" in text
    assert "nur ein Versuch" in text


def test_blank_groups_are_in_no_sentence_and_not_compared():
    table = cards(people())
    table.loc["Einmalkäufer"] = math.nan
    found = economics.thresholds(table, offer=OFFER)
    assert "Einmalkäufer" not in str(economics_findings.ceiling(found, style=STYLE))
    acquired = pd.Series({"cac": 10.0, "new_value": 30.0, "net_value": 20.0, "quarters": 4})
    acquired["return_on_cost"] = 3.0
    rows = economics_findings.compared(acquired, found)
    assert rows.index.tolist() == [economics_findings.ACQUISITION, "Stammkunden"]
    assert rows.loc[economics_findings.ACQUISITION, "return_on_cost"] == pytest.approx(3.0)
    text = str(economics_findings.acquisition(acquired, rows, style=STYLE))
    assert "das 3,0-Fache" in text and "Gruppe „Stammkunden“" in text


def test_tenths_by_value_hold_everybody_and_their_ceilings_are_named():
    table = people(n=205)
    by = inequality.decile_of(table["clv"])
    tenths = economics.ceilings(economics.groups(table, by=by, margin=1.0))
    assert tenths["customers"].sum() == 205 and tenths.index.tolist() == list(range(1, 11))
    best = table.loc[by.index[by == 1]]
    value = best["clv"].sum() / best["p_purchase"].sum()
    assert tenths.loc[1, "ceiling_five"] == pytest.approx(0.05 * value)
    text = str(economics_findings.decile_ceilings(tenths, style=STYLE))
    assert STYLE.money(0.02 * value, digits=2).text in text and "im 6. Zehntel" in text
    few = tenths.reindex([1])
    assert "zu wenige" in str(economics_findings.decile_ceilings(few, style=STYLE))


def test_more_retention_may_cost_what_it_adds_spread_over_all_customers():
    readings = pd.DataFrame(
        {"reading": ["a", "b"], "difference": [300.0, 900.0], "change": [0.01, 0.03], "x": [1, 2]}
    )
    budget = economics.retention_budget(readings, customers=600)
    assert budget["ceiling_each"].tolist() == [0.5, 1.5]
    text = str(economics_findings.retention_budget(budget, horizon_days=365, style=STYLE))
    assert "zwischen 0,50" in text and "1,50" in text
    with pytest.raises(ValueError, match="customers=0"):
        economics.retention_budget(readings, customers=0)


# --- messages -------------------------------------------------------------------------------


def test_bad_values_are_counted():
    table = people(n=10)
    table.iloc[0, 0] = 2.0
    table.iloc[1, 2] = math.nan
    with pytest.raises(DataError, match=r"^2 of 10 customers have no group, no value"):
        economics.groups(table, by=groups_of(table), margin=1.0)
    with pytest.raises(ValueError, match=r"^margin=30 must be above 0"):
        economics.groups(table, by=groups_of(table), margin=30)


# --- drawing --------------------------------------------------------------------------------


def test_the_drawing_holds_return_and_cost_of_each_group():
    found = economics.thresholds(cards(people()), offer=OFFER)
    ax = measure_plots.plot_returns(found, style=STYLE)
    drawn = {line.get_label(): line.get_xdata().tolist() for line in ax.lines}
    assert drawn["Kosten"] == found["cost_each"].tolist()
    assert drawn["Ertrag, nur ein Kauf"] == found["return_once"].tolist()
    assert [text.get_text() for text in ax.get_yticklabels()] == found.index.tolist()
    assert "EUR" in ax.get_xlabel()
    title = str(economics_findings.returns_title(found, style=STYLE))
    n = int((found["gain_once"] > 0).sum())
    assert title.startswith(f"In {n} von 2 Gruppen")
    assert found["return_once"].sub(found["cost_each"]).tolist() == pytest.approx(
        found["gain_once"].tolist()
    )
