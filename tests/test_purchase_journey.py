import numpy as np
import pandas as pd
import pytest

from workbench.purchase_journey import default_window_days, obstacle, steps
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2024-12-31")


def orders(customers: dict[str, list[int]]) -> pd.DataFrame:
    """Orders so many days before the as-of day."""
    rows = [
        (name, AS_OF - pd.Timedelta(days=d), 10.0) for name, own in customers.items() for d in own
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


# by hand


def test_a_step_is_who_goes_on_within_the_window_and_how_soon():
    table = orders(
        {f"a{i:02d}": [300, 290] for i in range(10)}
        | {f"b{i:02d}": [300, 260] for i in range(10)}
        | {f"c{i:02d}": [300] for i in range(20)}
    )
    found = steps(table, as_of=AS_OF, window_days=100)
    assert found.index.tolist() == [1, 2]
    assert found["customers"].tolist() == [40, 20]
    assert found.loc[1, "dropped_share"] == pytest.approx(0.5)
    # A quarter after 10 days is half of the half that goes on.
    assert found.loc[1, "median_days"] == 10
    assert found.loc[2, "dropped_share"] == 1 and np.isnan(found.loc[2, "median_days"])
    assert found.loc[1, "low"] < 0.5 < found.loc[1, "high"]
    early = steps(table, as_of=AS_OF, window_days=20)
    assert early.loc[1, "dropped_share"] == pytest.approx(0.75)
    assert obstacle(found) == 2


def test_who_is_not_observed_for_long_is_not_lost():
    old = {f"o{i:02d}": [300, 270] for i in range(20)} | {f"q{i:02d}": [300] for i in range(20)}
    new = {f"n{i:02d}": [5] for i in range(60)}
    found = steps(orders(old | new), as_of=AS_OF, window_days=100)
    # Of the hundred, twenty have bought again; of those observed for long, half.
    assert found.loc[1, "dropped_share"] == pytest.approx(0.5)


def test_at_most_four_steps_and_none_with_too_few_customers():
    many = {f"c{i:02d}": list(range(0, 80, 10)) for i in range(20)}
    assert steps(orders(many), as_of=AS_OF, window_days=30).index.tolist() == [1, 2, 3, 4]
    few = {f"c{i:02d}": [50, 40] if i < 19 else [50] for i in range(20)}
    assert steps(orders(few), as_of=AS_OF, window_days=30).index.tolist() == [1]


def test_a_window_that_ends_before_anybody_goes_on_loses_everybody():
    late = {f"c{i:02d}": [100, 10] for i in range(20)}
    found = steps(orders(late), as_of=AS_OF, window_days=5)
    assert found.loc[1, "dropped_share"] == 1 and np.isnan(found.loc[1, "median_days"])


def test_the_window_is_half_of_the_data_and_at_most_a_year():
    first = pd.Timestamp("2024-01-01")
    assert default_window_days(first, as_of=pd.Timestamp("2024-12-31")) == 182
    assert default_window_days(first, as_of=pd.Timestamp("2030-12-31")) == 365
    assert default_window_days(first, as_of=first) == 1


def test_hidden_steps_are_no_obstacle():
    table = pd.DataFrame({"dropped_share": [0.3, np.nan, 0.2]}, index=[1, 2, 3])
    assert obstacle(table) == 1
    assert obstacle(table.assign(dropped_share=np.nan)) is None


# properties


def test_neither_the_order_of_rows_nor_the_future_matters():
    chance = np.random.default_rng(1)
    table = orders({f"c{i:03d}": sorted({*chance.integers(0, 300, 4)}) for i in range(80)})
    as_of = AS_OF - pd.Timedelta(days=60)
    expected = steps(table, as_of=as_of, window_days=90)
    moved = table.assign(
        date=table["date"] + pd.to_timedelta((table["date"] > as_of) * 99, unit="D")
    )
    for other in (moved, table.sample(frac=1, random_state=1)):
        pd.testing.assert_frame_equal(steps(other, as_of=as_of, window_days=90), expected)


# messages


def test_a_handful_of_customers_is_too_few():
    with pytest.raises(TooFewData, match=r"^3 customers are too few to follow; 20 are needed"):
        steps(orders({"a": [1], "b": [2], "c": [3]}), as_of=AS_OF, window_days=30)
