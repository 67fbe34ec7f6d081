import numpy as np
import pandas as pd
import pytest

from workbench import segment_memory
from workbench.schema import TooFewData
from workbench.segment_memory import measure_groups

START = pd.Timestamp("2024-01-01")
DAY, LATER = pd.Timestamp("2024-06-30"), pd.Timestamp("2024-12-31")


def many_orders(n: int = 40) -> pd.DataFrame:
    """Customers who bought in January; the even ones again in May and in November."""
    rows = [(f"c{i:02d}", f"2024-01-{1 + i % 28:02d}", 10.0) for i in range(n)]
    again = ("2024-05-02", "2024-11-05")
    rows += [(f"c{i:02d}", day, 10.0) for i in range(0, n, 2) for day in again]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.assign(date=pd.to_datetime(table["date"]))


# by hand


def test_three_days_lie_in_equal_distance():
    days = segment_memory.three_days(START, as_of=LATER, days=400)
    assert days[2] == LATER
    assert days[2] - days[1] == days[1] - days[0] == pd.Timedelta(days=119)
    near = segment_memory.three_days(START, as_of=LATER, days=30)
    assert near[2] - near[0] == pd.Timedelta(days=60)


def test_a_chain_without_memory_and_one_with_it_are_told_apart():
    chance = np.random.default_rng(3)
    second = pd.Series(chance.choice(["oft", "selten"], 4000))
    first = pd.Series(chance.choice(["oft", "selten"], 4000))
    without = pd.Series(chance.choice(["oft", "selten"], 4000))
    assert measure_groups(first, second, without, k=5, seed=1).p_value > 0.05
    back = first.where(chance.random(4000) < 0.3, without)
    found = measure_groups(first, second, back, k=5, seed=1)
    assert found.p_value == 0.001
    assert found.degrees == 2
    assert found.association == pytest.approx(0.3, abs=0.05)
    assert found.stayed_high - found.stayed_low == pytest.approx(0.3, abs=0.06)
    assert found.from_high == found.group


def test_the_chi_square_is_that_of_each_table():
    first = pd.Series(list("aaaabbbb") * 5)
    third = pd.Series(list("aaabbbba") * 5)
    second = pd.Series(["a"] * 40)
    # Cells 15, 5, 5, 15 where 10 each are expected.
    found = measure_groups(first, second, third, k=5, seed=1)
    assert found.chi_square == pytest.approx(4 * 25 / 10)
    assert found.association == pytest.approx(0.5)


# properties


def test_the_same_seed_gives_the_same_memory_in_any_order_of_rows():
    chance = np.random.default_rng(4)
    second, third = (
        pd.Series(chance.choice(["oft", "selten", "still"], 300)).rename(
            lambda place: f"c{place:03d}"
        )
        for _ in range(2)
    )
    three = second.where(second.index < "c150", "selten"), second, third
    mixed = [table.sample(frac=1, random_state=2) for table in three]
    found = measure_groups(*three, k=5, seed=9)
    assert found.group is not None
    assert measure_groups(*mixed, k=5, seed=9) == found


def test_the_memory_of_a_shop_rests_on_what_was_known_on_each_day():
    table = many_orders()
    asked = []

    def known(day: pd.Timestamp) -> pd.DataFrame:
        asked.append(day)
        return table[table["date"] <= day]

    days = segment_memory.three_days(START, as_of=LATER, days=119)
    found = segment_memory.measure(known, days=days, k=5, seed=1)
    assert asked == list(days)
    assert found.customers == 40


# messages


def test_too_few_customers_on_the_first_day_are_counted():
    table = many_orders()
    with pytest.raises(TooFewData, match=r"^2 customers had bought by 2024-01-01"):
        segment_memory.measure(lambda day: table, days=(START, DAY, LATER), k=5, seed=1)
