import numpy as np
import pandas as pd
import pytest

from workbench import formats
from workbench.claims import (
    RATES,
    SHIFTS,
    acquisition_cost,
    budget_share,
    five_percent,
    growth,
    less_leaving,
    own_retention,
)
from workbench.discrimination import wilson
from workbench.periods import Periods
from workbench.retention_whatif import constant_retention
from workbench.schema import TooFewData

DAY = pd.Timestamp("2024-01-01")
TWO = Periods(28, DAY, DAY + pd.Timedelta(days=55))
BEFORE, NOW = "2024-01-10", "2024-02-10"
STYLE = formats.style(locale="de_DE", currency="EUR")


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def budget(*rows: tuple) -> pd.DataFrame:
    columns = ["first_day", "last_day", "acquisition_budget", "retention_budget"]
    return pd.DataFrame(rows, columns=columns)


def some_orders() -> pd.DataFrame:
    """Ten new, twelve kept (each spends two more), eight lost, six reactivated."""
    rows = [(f"new {i}", NOW, 5) for i in range(10)]
    rows += [(f"kept {i}", BEFORE, 10) for i in range(12)]
    rows += [(f"kept {i}", NOW, 12) for i in range(12)]
    rows += [(f"lost {i}", BEFORE, 10) for i in range(8)]
    rows += [(f"back {i}", "2023-11-01", 3) for i in range(6)]
    rows += [(f"back {i}", NOW, 4) for i in range(6)]
    return orders(*rows)


# by hand


def test_known_customers_change_revenue_by_what_they_did_in_both_periods():
    found = growth(some_orders(), periods=TWO, seed=1)
    assert found["value"].to_dict() == pytest.approx(
        {"known": (24 - 80 + 24) / 200, "stayed": 24 / 200, "nobody_left": 80 / 200}
    )
    assert found["customers"].to_dict() == {"known": 26, "stayed": 12, "nobody_left": 8}
    assert (found["low"] <= found["value"]).all()
    assert (found["high"] >= found["value"]).all()
    assert less_leaving(0.4)["gain"].tolist() == pytest.approx([0.02, 0.04, 0.1, 0.2, 0.4])


def test_the_cost_of_a_new_customer_is_divided_by_that_of_one_who_was_kept():
    money = budget((TWO.start(0), TWO.as_of, 400.0, 120.0))
    found = acquisition_cost(some_orders(), periods=TWO, budget=money, k=5, seed=1)
    assert found.index.tolist() == list(SHIFTS)
    assert found.loc[0.0, ["cost_new", "cost_kept", "value"]].tolist() == [40, 10, 4]
    assert found.loc[0.25, ["cost_new", "cost_kept"]].tolist() == pytest.approx([30, 220 / 12])
    assert found.loc[-0.25, ["cost_new", "cost_kept"]].tolist() == pytest.approx([43, 90 / 12])
    assert found.loc[0.0, ["customers", "customers_other"]].tolist() == [10, 12]
    assert found["value"].is_monotonic_decreasing
    assert found.loc[0.0, "low"] < 4 < found.loc[0.0, "high"]


def test_the_share_of_budgets_has_no_bounds():
    found = budget_share(budget((DAY, TWO.as_of, 90.0, 10.0)), periods=TWO)
    assert found["value"].tolist() == pytest.approx([0.9])
    assert found[["low", "high"]].isna().all(axis=None)


def test_a_rate_of_a_year_takes_the_yearly_interest_and_the_bounds_of_wilson():
    year = Periods(365, DAY, DAY + pd.Timedelta(days=1500))
    found = own_retention(400, 500, periods=year, annual_discount_rate=0.10)
    expected = constant_retention(0.8, annual_discount_rate=0.10)["change"]
    pd.testing.assert_series_equal(found["value"], expected, check_names=False)
    low, high = wilson(400, 500)
    bounds = [
        constant_retention(float(r), annual_discount_rate=0.10)["change"] for r in (low, high)
    ]
    assert found["low"].tolist() == pytest.approx(np.minimum(*bounds).tolist())
    assert found["high"].tolist() == pytest.approx(np.maximum(*bounds).tolist())
    assert (found["retention"] == 0.8).all()
    assert found["elasticity"].iloc[0] == pytest.approx(1.1 / 0.3)


def test_a_shorter_period_takes_its_part_of_the_interest():
    half = Periods(182, DAY, DAY + pd.Timedelta(days=700))
    found = own_retention(400, 500, periods=half, annual_discount_rate=0.10)
    rate = 1.1 ** (182 / 365) - 1
    assert found["multiple"].iloc[0] == pytest.approx(0.8 / (0.2 + rate))


# against domain.md, section 3.2


def test_the_table_of_five_percent_comes_out_to_the_printed_digit():
    printed = """
        0.60 1,20  7,6 12 20 2,20
        0.70 1,75  6,1 15 22 2,75
        0.80 2,67  4,7 21 28 3,67
        0.85 3,40  4,0 27 32 4,40
        0.90 4,50  3,1 35 41 5,50
        0.93 5,47  2,5 45 49 6,47
    """
    table = five_percent(RATES, annual_discount_rate=0.10)
    lines = [line.split() for line in printed.strip().splitlines()]
    assert [float(line[0]) for line in lines] == list(table.index)
    for line, (_, row) in zip(lines, table.iterrows(), strict=True):
        written = [
            STYLE.number(row["multiple"]).text,
            STYLE.share(row["churn_relative"], digits=1).text[:-2],
            STYLE.share(row["retention_relative"]).text[:-2],
            STYLE.share(row["retention_points"]).text[:-2],
            STYLE.number(row["elasticity"]).text,
        ]
        assert written == line[1:]


# messages


def test_a_day_without_a_budget_or_without_new_customers_is_refused():
    short = budget((TWO.start(0), TWO.as_of - pd.Timedelta(days=7), 400.0, 120.0))
    with pytest.raises(TooFewData, match=r"^budgets cover 75% of the 28 days") as caught:
        acquisition_cost(some_orders(), periods=TWO, budget=short, k=5, seed=1)
    assert (caught.value.have, caught.value.need) == (21, 28)
    whole = budget((TWO.start(0), TWO.as_of, 400.0, 120.0))
    closed = some_orders()[~some_orders()["customer_id"].str.startswith("new")]
    with pytest.raises(TooFewData, match=r"^0 customers are new, or were kept"):
        acquisition_cost(closed, periods=TWO, budget=whole, k=5, seed=1)


def test_nothing_spent_and_nothing_sold_before_are_refused():
    with pytest.raises(TooFewData, match=r"^no budget is stated"):
        budget_share(budget((DAY, TWO.as_of, np.nan, 10.0)), periods=TWO)
    with pytest.raises(TooFewData, match=r"^the period before had no revenue"):
        growth(orders(("anna", NOW, 5)), periods=TWO, seed=1)


@pytest.mark.parametrize("retained", [0, 20])
def test_a_rate_of_nothing_or_of_all_is_refused(retained):
    with pytest.raises(TooFewData, match=rf"^{retained} of 20 customers bought again"):
        own_retention(retained, 20, periods=TWO, annual_discount_rate=0.10)
