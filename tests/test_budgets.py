import numpy as np
import pandas as pd
import pytest

from workbench.budgets import Spent, spent

DAY = pd.Timestamp("2024-01-01")


def budget(*rows: tuple) -> pd.DataFrame:
    columns = ["first_day", "last_day", "acquisition_budget", "retention_budget"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(
        dict.fromkeys(columns[:2], "datetime64[us]") | dict.fromkeys(columns[2:], float)
    )


def test_a_budget_counts_with_its_days_inside_and_channels_add_up():
    table = budget(
        ("2023-12-01", "2023-12-31", 1000, 1000),
        ("2023-12-31", "2024-01-09", 100, 20),
        ("2024-01-08", "2024-01-09", 10, 2),
    )
    found = spent(table, since=DAY, until=pd.Timestamp("2024-01-08"))
    assert found == pytest.approx(Spent(80 + 5, 16 + 1, 1))


def test_days_without_a_budget_are_told_and_money_that_is_not_stated_is_missing():
    table = budget(("2024-01-03", "2024-01-04", 10, np.nan), ("2024-01-09", "2024-01-09", 5, 1))
    found = spent(table, since=DAY, until=pd.Timestamp("2024-01-10"))
    assert found.acquisition == 15
    assert np.isnan(found.retention)
    assert found.covered == pytest.approx(0.3)
    assert (
        spent(table, since=pd.Timestamp("2024-01-05"), until=DAY + pd.Timedelta(days=7)).covered
        == 0
    )


def test_what_lies_outside_changes_nothing():
    inside = ("2024-01-03", "2024-01-04", 10, 3)
    outside = ("2025-01-01", "2025-12-31", np.nan, np.nan)
    span = {"since": DAY, "until": pd.Timestamp("2024-01-10")}
    assert spent(budget(inside, outside), **span) == spent(budget(inside), **span)
