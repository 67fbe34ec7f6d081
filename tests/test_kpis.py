import numpy as np
import pandas as pd
import pytest

from workbench import intake, kpis, periods
from workbench.discrimination import wilson
from workbench.kpi_book import KPIS
from workbench.periods import Periods, choose
from workbench.revenue_factors import FACTORS, decompose, shown

DAY = pd.Timestamp("2024-01-01")
TWO = Periods(28, DAY, DAY + pd.Timedelta(days=55))
THREE = Periods(28, DAY - pd.Timedelta(days=28), DAY + pd.Timedelta(days=55))
BEFORE, NOW = "2024-01-10", "2024-02-10"
CDNOW = choose(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"))


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 60, 250).astype(str),
            "date": DAY + pd.to_timedelta(chance.integers(-28, 56, 250), unit="D"),
            "amount": np.round(chance.normal(20, 12, 250), 2),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def measure(table, *, compared=TWO, tables=None, k=1, seed=1):
    return kpis.measure(table, periods=compared, tables=tables or {}, k=k, seed=seed)


@pytest.fixture(scope="module")
def cdnow(sample_orders):
    return measure(sample_orders, compared=CDNOW, k=5)


@pytest.fixture(scope="module")
def example():
    names = ("customers", "survey", "complaints", "budget")
    base = intake.load("dataset:beispiel", run_dir="", tables=dict.fromkeys(names, ""))
    compared = periods.choose(base.first_day, as_of=base.as_of)
    found = kpis.measure(
        base.stored, periods=compared, tables=base.tables, lines=base.lines, k=5, seed=1
    )
    return base, found


# by hand


def test_the_figures_of_five_customers_are_those_of_their_definitions():
    found = measure(
        orders(
            ("anna", BEFORE, 10),
            ("anna", NOW, 30),
            ("anna", "2024-02-12", 30),
            ("ben", BEFORE, 20),
            ("cleo", "2023-06-01", 5),
            ("cleo", NOW, 20),
            ("dora", NOW, 15),
            ("emil", "2023-06-01", 7),
            ("emil", BEFORE, 7),
            ("emil", NOW, 5),
        )
    )
    expected = {
        "revenue": (100, 37),
        "active": (4, 3),
        "revenue_each": (25, 37 / 3),
        "frequency": (5 / 4, 1),
        "basket": (20, 37 / 3),
        "new": (1, np.nan),
        "reactivated": (1, np.nan),
        "known_share": (0.85, np.nan),
        "retention": (2 / 3, np.nan),
        "retention_new": (1 / 2, np.nan),
        "retention_known": (1, np.nan),
        "balance": (3 / 3, np.nan),
        "churn": (1 / 3, np.nan),
        "top_tenth": (0.4 * 60 / 100, 0.3 * 20 / 37),
    }
    for name, values in expected.items():
        assert found.loc[name, ["value", "previous"]].tolist() == pytest.approx(
            values, nan_ok=True
        ), name
    assert found["customers"][["revenue", "new", "retention", "retention_new"]].tolist() == [
        *(4, 1, 3, 2)
    ]


def test_shares_of_customers_have_the_interval_of_wilson(cdnow):
    row = cdnow.loc["retention"]
    retained = round(row["value"] * row["customers"])
    assert row[["value_low", "value_high"]].tolist() == pytest.approx(
        np.ravel(wilson(retained, int(row["customers"]))).tolist()
    )


def test_what_rests_on_the_past_is_compared_once_the_data_hold_a_period_before_both():
    table = random_orders(3)
    for compared, has_past in ((TWO, False), (THREE, True)):
        found = measure(table, compared=compared)
        kept = found.loc[["new", "reactivated", "known_share", "retention", "balance", "churn"]]
        assert kept["previous"].notna().tolist() == [has_past] * len(kept)
        assert (kept["movement"] != "").tolist() == [has_past] * len(kept)
        assert found.loc["revenue", "previous"] > 0


def test_the_previous_value_is_what_was_measured_then():
    table = random_orders(4)
    four = Periods(28, DAY - pd.Timedelta(days=56), THREE.as_of)
    now = measure(table, compared=four)
    then = measure(table, compared=Periods(28, four.first_day, four.end(1)))
    both = now.index.intersection(then.index)
    assert {"retention", "known_share", "basket", "gini"} <= set(both)
    values = then.loc[both, "value"]
    pd.testing.assert_series_equal(now.loc[both, "previous"], values, check_names=False)


def test_small_groups_are_in_no_figure():
    rows = [(f"kept {i}", when, 5 + i) for i in range(9) for when in (BEFORE, NOW)]
    rows += [(f"lost {i}", BEFORE, 5) for i in range(6)]
    rows += [(f"new {i}", NOW, 5) for i in range(2)]
    found = measure(orders(*rows), k=5)
    assert found.loc["active", "value"] == 11
    for name in ("new", "known_share", "spread_new"):
        assert name not in found.index or found.loc[name].drop("movement").isna().all(), name
    assert measure(orders(*rows), k=1).loc["new", "value"] == 2


def test_a_budget_that_leaves_a_day_open_gives_no_cost_of_a_new_customer():
    table = random_orders(5)
    columns = ["first_day", "last_day", "acquisition_budget", "retention_budget"]
    whole = pd.DataFrame([(TWO.start(0), TWO.as_of, 100.0, 0.0)], columns=columns)
    found = measure(table, tables={"budget": whole})
    assert found.loc["cac", "value"] == pytest.approx(100 / found.loc["new", "value"])
    short = whole.assign(last_day=TWO.as_of - pd.Timedelta(days=1))
    assert "cac" not in measure(table, tables={"budget": short}).index


# properties


@pytest.mark.parametrize("seed", range(5))
def test_row_order_later_rows_and_units_of_money_change_nothing_else(seed):
    table = random_orders(seed)
    found = measure(table)
    later = orders(("0", "2024-09-01", 50))
    moved = measure(pd.concat([table, later]).sample(frac=1, random_state=seed))
    pd.testing.assert_frame_equal(moved, found)
    cents = measure(table.assign(amount=100 * table["amount"]))
    money = ["revenue", "revenue_each", "basket"]
    numbers = found.columns.drop(["movement", "customers"])
    expected = found.copy()
    expected.loc[money, numbers] *= 100
    pd.testing.assert_frame_equal(cents, expected)


@pytest.mark.parametrize("seed", range(5))
def test_an_interval_holds_its_value_and_the_movement_is_that_of_the_difference(seed):
    found = measure(random_orders(seed), compared=THREE)
    assert (found["value_low"] <= found["value"] + 1e-12).all()
    assert (found["value_high"] >= found["value"] - 1e-12).all()
    compared = found.dropna(subset=["change_low"])
    assert ((compared["change_low"] > 0) == (compared["movement"] == "higher")).all()
    assert ((compared["change_high"] < 0) == (compared["movement"] == "lower")).all()
    assert set(found["movement"]) <= {"higher", "lower", "same", ""}


def test_the_same_seed_gives_the_same_bounds_and_another_one_others():
    table = random_orders(6)
    pd.testing.assert_frame_equal(measure(table, seed=2), measure(table, seed=2))
    other = measure(table, seed=3)
    assert (other["value_low"] != measure(table, seed=2)["value_low"]).any()
    pd.testing.assert_series_equal(other["value"], measure(table, seed=2)["value"])


@pytest.mark.parametrize("seed", range(5))
def test_the_factors_add_up_to_the_change_of_revenue(seed):
    table = random_orders(seed)
    table = table[table["amount"] >= 0]
    split = decompose(table, periods=TWO, seed=1)
    money = [table.loc[table["date"].between(TWO.start(b), TWO.end(b)), "amount"] for b in (1, 0)]
    every = split.loc["all"]
    assert every["change"].sum() == pytest.approx(money[1].sum() - money[0].sum())
    assert every["now"].prod() == pytest.approx(money[1].sum())
    assert every["previous"].prod() == pytest.approx(money[0].sum())
    assert split.loc[("both", "active"), "change"] == 0
    assert (split["change_low"] <= split["change"] + 1e-9).all()


def test_a_group_without_revenue_has_no_factors():
    nobody_stayed = orders(("anna", BEFORE, 5), ("ben", NOW, 6))
    assert decompose(nobody_stayed, periods=TWO, seed=1).index.tolist() == [
        ("all", factor) for factor in FACTORS
    ]
    assert decompose(orders(("ben", NOW, 6)), periods=TWO, seed=1).empty


def test_factors_hide_with_the_parts_of_the_bridge():
    split = decompose(random_orders(1), periods=TWO, seed=1)
    parts = pd.DataFrame({"customers": [5.0, 9.0]})
    assert shown(split, parts=parts) is split
    hidden = shown(split, parts=pd.DataFrame({"customers": [np.nan, 9.0]}))
    assert hidden["customers"].isna().all()
    assert hidden.loc["both"].isna().all(axis=None)
    assert hidden.loc["all", "change"].notna().all()
    assert shown(split, parts=parts.assign(customers=np.nan)).isna().all(axis=None)


# against real data


def test_cdnow_is_a_closed_group_that_shrinks_and_whose_buyers_buy_more_often(cdnow):
    assert not {"new", "spread_new", "nps", "cac", "repeat_90"} & set(cdnow.index)
    assert cdnow.loc["known_share", ["value", "value_low", "value_high"]].tolist() == [1, 1, 1]
    assert cdnow.loc[["active", "revenue"], "movement"].tolist() == ["lower", "lower"]
    assert cdnow.loc[["frequency", "revenue_each"], "movement"].tolist() == ["higher", "higher"]
    assert cdnow.loc["churn", "value"] + cdnow.loc["retention", "value"] == pytest.approx(1)


def test_all_optional_tables_of_the_example_bring_their_figures(example):
    base, found = example
    assert set(KPIS) == set(found.index)
    survey = base.tables["survey"]
    survey = survey[survey["customer_id"].isin(base.orders["customer_id"])]
    since = base.as_of - pd.Timedelta(days=364)
    nps = survey.loc[(survey["date"] >= since), "nps"].dropna().astype(float)
    assert found.loc["nps", "value"] == pytest.approx(100 * ((nps >= 9).mean() - (nps <= 6).mean()))
    assert found.loc["referred", "customers"] == found.loc["new", "value"]
    repeats = [name for name in KPIS if name.startswith("repeat_")]
    assert found.loc[repeats, "value"].notna().all()
    assert found.loc[repeats, "previous"].isna().all()
    assert found.loc["margin", "value"] < found.loc["revenue", "value"]


def test_two_thousand_resamples_of_the_sample_are_drawn_at_once(cdnow, sample_orders):
    """The bounds of revenue per buyer are those of resampled customers, drawn one by one."""
    start = CDNOW.start(0)
    revenue = sample_orders[sample_orders["date"] >= start].groupby("customer_id")["amount"].sum()
    chance = np.random.default_rng(9)
    values = revenue.to_numpy()
    loop = [chance.choice(values, len(values)).mean() for _ in range(1000)]
    row = cdnow.loc["revenue_each", ["value_low", "value_high"]]
    assert row.tolist() == pytest.approx(np.quantile(loop, [0.025, 0.975]).tolist(), rel=0.02)
