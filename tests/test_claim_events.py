import numpy as np
import pandas as pd
import pytest

from workbench import claim_events
from workbench.claim_events import classes, look, ordinary_days, ratio
from workbench.schema import TooFewData

DAY = pd.Timestamp("2024-01-01")


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def events(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "date"]).astype({"date": "datetime64[us]"})


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 20, 150).astype(str),
            "date": DAY + pd.to_timedelta(chance.integers(0, 300, 150), unit="D"),
            "amount": chance.normal(10, 8, 150),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


# by hand


def test_the_day_of_an_event_belongs_to_the_past():
    bought = orders(("a", "2024-01-01", 5), ("a", "2024-01-10", 5), ("b", "2024-01-05", 5))
    asked = events(
        ("a", "2024-01-10"), ("a", "2024-01-09"), ("b", "2024-01-04"), ("c", "2024-01-09")
    )
    found = look(bought, asked, days=1)
    assert found.index.tolist() == [0, 1]
    assert found["n_before"].tolist() == [2, 1]
    assert found["silent_days"].tolist() == [0, 8]
    assert found["bought"].tolist() == [False, True]


def test_returns_are_no_purchase():
    bought = orders(("a", "2024-01-01", 5), ("a", "2024-01-03", -2))
    found = look(bought, events(("a", "2024-01-02")), days=9)
    assert found[["n_before", "bought"]].to_numpy().tolist() == [[1, False]]


def test_ordinary_days_are_purchases_and_first_days_of_a_month_with_time_after_them():
    bought = orders(("a", "2024-01-15", 5), ("a", "2024-02-01", 5), ("b", "2024-03-20", 5))
    found = ordinary_days(bought, as_of=pd.Timestamp("2024-04-10"), days=10)
    assert sorted(zip(found["customer_id"], found["date"].dt.strftime("%m-%d"), strict=True)) == [
        ("a", "01-15"),
        ("a", "02-01"),
        ("a", "03-01"),
        ("b", "03-20"),
    ]


def test_only_rows_of_one_class_are_compared():
    """In each class the exposed buy twice as often; they are mostly in the class that buys less."""
    outcome, exposed, stratum = [], [], []
    for kind, n_exposed, n_other, share in ((0, 80, 20, 0.1), (1, 20, 80, 0.4)):
        for is_exposed, n, mean in ((True, n_exposed, 2 * share), (False, n_other, share)):
            outcome += [1.0] * round(n * mean) + [0.0] * (n - round(n * mean))
            exposed += [is_exposed] * n
            stratum += [kind] * n
    found = ratio(
        np.array(outcome),
        exposed=np.array(exposed),
        stratum=np.array(stratum),
        customer=np.arange(200),
        fewest=30,
        seed=1,
    )
    assert found.loc["adjusted", "value"] == pytest.approx(2)
    assert found.loc["raw", "value"] == pytest.approx((32 / 100) / (34 / 100))
    assert (found["low"] < found["value"]).all()
    assert found.loc["raw", ["customers", "customers_other"]].tolist() == [100, 100]


# properties


@pytest.mark.parametrize("seed", range(5))
def test_looking_back_is_the_slow_loop(seed):
    bought = random_orders(seed)
    chance = np.random.default_rng(seed)
    asked = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 22, 60).astype(str),
            "date": DAY + pd.to_timedelta(chance.integers(-10, 320, 60), unit="D"),
        }
    )
    found = look(bought.sample(frac=1, random_state=seed), asked, days=30)
    days = bought[bought["amount"] >= 0].groupby("customer_id")["date"].apply(sorted)
    for i, event in asked.iterrows():
        own = days.get(event["customer_id"], [])
        past = [day for day in own if day <= event["date"]]
        if not past:
            assert i not in found.index
            continue
        after = [d for d in own if event["date"] < d <= event["date"] + pd.Timedelta(days=30)]
        expected = [len(past), (event["date"] - past[-1]).days, bool(after)]
        assert found.loc[i, ["n_before", "silent_days", "bought"]].tolist() == expected


@pytest.mark.parametrize("seed", range(3))
def test_noise_has_a_ratio_of_one_in_its_interval_and_customers_are_drawn_with_all_rows(seed):
    chance = np.random.default_rng(seed)
    customer = np.repeat(np.arange(150), 8)
    rows = {
        "outcome": np.repeat(chance.random(150) < 0.5, 8).astype(float),
        "exposed": np.repeat(chance.random(150) < 0.5, 8),
        "stratum": chance.integers(0, 3, 1200),
    }
    found = ratio(**_named(rows), customer=customer, fewest=30, seed=seed)
    alone = ratio(**_named(rows), customer=np.arange(1200), fewest=30, seed=seed)
    assert found.loc["adjusted", "low"] < 1 < found.loc["adjusted", "high"]
    width = (found["high"] - found["low"]) / (alone["high"] - alone["low"])
    assert (width > 1.8).all()


def _named(rows):
    return {"outcome": rows["outcome"], "exposed": rows["exposed"], "stratum": rows["stratum"]}


def test_classes_are_those_of_the_edges():
    history = pd.DataFrame({"n_before": [1, 2, 3, 4, 5, 90], "silent_days": [0, 0, 0, 0, 0, 0]})
    assert len(set(classes(history))) == len(claim_events.FREQUENCY_EDGES)
    history = pd.DataFrame({"n_before": 1, "silent_days": [0, 1, 7, 8, 30, 31, 90, 91, 900]})
    assert pd.factorize(classes(history))[0].tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_many_customers_have_fewer_ordinary_months(monkeypatch):
    bought = orders(*[(str(i), "2023-01-15", 5) for i in range(10)])
    every = ordinary_days(bought, as_of=pd.Timestamp("2024-01-31"), days=0)
    monkeypatch.setattr(claim_events, "MOST_ROWS", 60)
    fewer = ordinary_days(bought, as_of=pd.Timestamp("2024-01-31"), days=0)
    assert (len(every), len(fewer)) == (10 + 120, 10 + 60)


# messages


def test_too_few_customers_on_a_side_are_refused():
    with pytest.raises(TooFewData, match=r"^2 customers on one side") as caught:
        ratio(
            np.ones(9),
            exposed=np.arange(9) < 4,
            stratum=np.zeros(9, int),
            customer=np.array([0, 0, 1, 1, 2, 3, 4, 5, 6]),
            fewest=3,
            seed=1,
        )
    assert (caught.value.have, caught.value.need) == (2, 3)
