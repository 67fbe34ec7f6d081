import numpy as np
import pandas as pd
import pytest

from workbench import feedback_outcomes
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2024-12-31")
START = pd.Timestamp("2023-01-01")


def world(*, harm: float, seed: int = 1, n: int = 400):
    """Orders; half of the customers complain once, which keeps some from buying again."""
    chance = np.random.default_rng(seed)
    rows, events = [], []
    for number in range(n):
        customer = f"c{number:03d}"
        first = int(chance.integers(0, 200))
        days = np.unique(first + np.cumsum(chance.integers(20, 90, 12)))
        event = int(chance.integers(200, 500))
        complains = number % 2 == 0
        leaves = event if complains and chance.random() < harm else int(chance.integers(150, 800))
        for day in (first, *days):
            if day == first or day <= leaves:
                rows.append((customer, START + pd.Timedelta(days=int(day)), 20.0))
        if complains:
            events.append((customer, START + pd.Timedelta(days=event), "Beschwerde"))
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    orders = orders.drop_duplicates(["customer_id", "date"])
    return orders, pd.DataFrame(events, columns=["customer_id", "date", "group"])


def compared(orders, events, **changed):
    wanted = {"as_of": AS_OF, "days": 120, "seed": 5} | changed
    return feedback_outcomes.after(events, orders=orders, **wanted)


def test_harm_that_is_built_in_is_found_and_none_where_there_is_none():
    hurt = compared(*world(harm=0.5)).loc["Beschwerde"]
    assert hurt["high"] < 0
    assert hurt["bought_share"] < 0.35 < hurt["matched_share"]
    harmless = compared(*world(harm=0.0)).loc["Beschwerde"]
    assert harmless["low"] < 0 < harmless["high"]
    assert harmless["imbalance"] < 0.25


def test_a_state_is_what_the_slow_loop_counts():
    orders, _ = world(harm=0.3, n=40)
    past = feedback_outcomes.landmarks(orders.sample(frac=1, random_state=3))
    for day in ("2023-03-01", "2023-08-15", "2024-02-01"):
        date = pd.Timestamp(day)
        number = (date - pd.Timestamp("1970-01-01")).days
        found = feedback_outcomes._states(past, number, days=60)
        for customer, state in found.iterrows():
            own = orders[orders["customer_id"] == customer]
            before = own[own["date"] <= date]
            after = own[(own["date"] > date) & (own["date"] <= date + pd.Timedelta(days=60))]
            assert state["n_orders"] == len(before)
            assert state["bought"] == bool(len(after))
            if len(before):
                assert state["days_since_last"] == (date - before["date"].max()).days
                assert state["age"] == (date - before["date"].min()).days
                assert state["mean_basket"] == pytest.approx(before["amount"].mean())


def test_what_comes_after_the_window_changes_nothing():
    orders, events = world(harm=0.3, n=200)
    before = compared(orders, events, as_of=pd.Timestamp("2024-06-30"))
    later = orders["date"] > pd.Timestamp("2024-06-30")
    moved = orders.assign(date=orders["date"].where(~later, orders["date"] + pd.Timedelta(days=9)))
    moved = moved.drop_duplicates(["customer_id", "date"])
    pd.testing.assert_frame_equal(before, compared(moved, events, as_of=pd.Timestamp("2024-06-30")))


def test_the_order_of_rows_changes_nothing():
    orders, events = world(harm=0.3, n=200)
    shuffled = compared(
        orders.sample(frac=1, random_state=1), events.sample(frac=1, random_state=2)
    )
    pd.testing.assert_frame_equal(compared(orders, events), shuffled)


def test_events_whose_time_is_not_over_do_not_count():
    orders, events = world(harm=0.3, n=40)
    with pytest.raises(TooFewData, match="the largest group has 0 customers"):
        compared(orders, events, as_of=pd.Timestamp("2023-04-01"))


def test_a_purchase_after_an_event_is_found_and_an_open_time_is_missing():
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "date": pd.to_datetime(["2024-01-01", "2024-03-01", "2024-01-01"]),
            "amount": 5.0,
        }
    )
    events = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "nobody"],
            "date": pd.to_datetime(["2024-01-31", "2024-01-31", "2024-12-01", "2024-01-31"]),
        }
    )
    found = feedback_outcomes.bought_after(events, orders=orders, as_of=AS_OF, days=60)
    assert found.iloc[:2].tolist() == [1.0, 0.0]
    assert found.iloc[2:].isna().all()
