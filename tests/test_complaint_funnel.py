import numpy as np
import pandas as pd
import pytest

from workbench import complaint_funnel
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2024-12-31")


def complaints(*rows) -> pd.DataFrame:
    """Rows of customer, day received, days to answer and solution (None: open), asked again."""
    start = pd.Timestamp("2024-01-01")
    table = pd.DataFrame(
        [
            {
                "customer_id": customer,
                "received": start + pd.Timedelta(days=day),
                "first_response": pd.NaT
                if first is None
                else start + pd.Timedelta(days=day + first),
                "resolved": pd.NaT if last is None else start + pd.Timedelta(days=day + last),
                "category": "Lieferung" if day % 2 else None,
                "followed_up": asked,
            }
            for customer, day, first, last, asked in rows
        ]
    )
    return table.astype({"followed_up": "boolean", "category": "str"})


def test_each_step_counts_what_reached_it():
    found = complaint_funnel.steps(
        complaints(("a", 1, 1, 5, True), ("a", 20, 2, None, None), ("b", 30, None, None, False))
    )
    assert found["complaints"].tolist() == [3, 2, 1, 1]
    assert found["customers"].tolist() == [2, 1, 1, 1]
    assert found["share"].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3])


def test_open_cases_make_the_wait_longer_and_are_not_left_out():
    quick = [(f"c{n}", n, 0, 2, True) for n in range(12)]
    waiting = [(f"d{n}", n, 1, None, None) for n in range(12)]
    found = complaint_funnel.times(complaints(*quick, *waiting), as_of=AS_OF)
    assert found.loc["resolved", "waiting"] == 12
    assert found.loc["first_response", "median_days"] == 0
    # Half are solved after two days, and nobody knows when the others will be.
    assert found.loc["resolved", "median_days"] == 2
    assert np.isnan(found.loc["resolved", "slow_days"])
    alone = complaint_funnel.times(
        complaints(*quick, *(row for row in [(f"e{n}", n, 0, 2, True) for n in range(8)])),
        as_of=AS_OF,
    )
    assert alone.loc["resolved", "slow_days"] == 2


def test_complaints_are_counted_per_thousand_purchases_by_what_they_are_about():
    found = complaint_funnel.by_category(
        complaints(("a", 1, 0, 1, True), ("b", 3, 0, None, None), ("c", 4, 0, 1, None)), orders=500
    )
    assert found["complaints"].to_dict() == {"Lieferung": 2, "ohne Angabe": 1}
    assert found.loc["Lieferung", "per_thousand"] == 4
    assert found.loc["Lieferung", "resolved_share"] == 0.5


def test_only_complaints_with_the_same_time_count_as_repeated():
    table = complaints(
        ("a", 0, 0, 1, None), ("a", 60, 0, 1, None), ("b", 10, 0, 1, None), ("b", 360, 0, 1, None)
    )
    assert complaint_funnel.repeated(table, as_of=AS_OF) == (1, 3)


def test_too_few_complaints_are_said():
    with pytest.raises(TooFewData, match="there are 1 complaints; 20 are needed"):
        complaint_funnel.times(complaints(("a", 1, 0, 1, True)), as_of=AS_OF)
    with pytest.raises(TooFewData):
        complaint_funnel.steps(complaints(("a", 1, 0, 1, True)).iloc[:0])
