import numpy as np
import pandas as pd
import pytest

from workbench import assortment, lines
from workbench.schema import TooFewData

END = pd.Timestamp("2024-12-31")


def kept(rows: pd.DataFrame) -> lines.Lines:
    return lines.of_frame(rows)


def receipts(baskets, *, customers: int = 60, seed: int = 1) -> pd.DataFrame:
    """A line per good; receipts one a day and customer, spread over the year."""
    chance = np.random.default_rng(seed)
    rows = []
    for number, goods in enumerate(baskets):
        day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(number * 365 / len(baskets)))
        customer = f"c{chance.integers(customers):03d}"
        for good in goods:
            rows.append((customer, day, number, good, 1.0, 2.0, False))
    names = ["customer_id", "date", "order_no", "product_id", "quantity", "amount", "is_return"]
    return pd.DataFrame(rows, columns=names)


def linked(n: int = 900, *, seed: int = 1) -> list[list[str]]:
    """Half of those who take A take B too, one in five of the others; C is by chance."""
    chance = np.random.default_rng(seed)
    baskets = []
    for _ in range(n):
        has_a = chance.random() < 0.4
        has_b = chance.random() < (0.5 if has_a else 0.2)
        goods = [name for name, there in (("Apfel", has_a), ("Birne", has_b)) if there]
        goods += ["Chili"] if chance.random() < 0.3 or not goods else []
        baskets.append(goods)
    return baskets


# by hand


def test_support_confidence_and_lift_are_counted_in_baskets():
    baskets = [["Apfel", "Birne"]] * 100 + [["Apfel"]] * 100 + [["Birne"]] * 50 + [["Chili"]] * 150
    found = assortment.pairs(
        kept(receipts(baskets)), unit="product_id", min_support=0.01, until=END
    )
    assert found.baskets == 400
    row = found.table.iloc[0]
    assert (row["first"], row["second"], row["baskets"]) == ("Apfel", "Birne", 100)
    assert row["support"] == 0.25
    assert row["confidence"] == 0.5
    assert row["confidence_back"] == pytest.approx(2 / 3)
    assert row["lift"] == pytest.approx(100 * 400 / (200 * 150))
    assert row["lift_low"] < row["lift"] < row["lift_high"]


def test_returns_and_later_days_are_in_no_basket():
    rows = receipts([["Apfel", "Birne"]] * 300)
    back = rows.head(50).assign(amount=-2.0, is_return=True, order_no=9_000)
    found = assortment.bestsellers(
        kept(pd.concat([rows, back])), unit="product_id", until=pd.Timestamp("2024-09-30")
    )
    assert found.loc["Apfel", "baskets"] == (rows["date"] <= "2024-09-30").sum() // 2
    assert found["basket_share"].tolist() == [1.0, 1.0]
    assert 0 < found.loc["Apfel", "returned_share"] < 0.2


def test_the_unit_is_the_category_where_there_are_enough_of_them():
    rows = receipts([["Apfel", "Birne"]] * 20)
    assert assortment.unit_of(None) == ""
    assert assortment.unit_of(kept(rows)) == "product_id"
    few = rows.assign(category="Wein")
    assert assortment.unit_of(kept(few)) == "product_id"
    many = rows.assign(category=[f"K{number % 12}" for number in range(len(rows))])
    assert assortment.unit_of(kept(many)) == "category"
    assert assortment.unit_of(kept(few.drop(columns="product_id"))) == "category"


def test_few_baskets_are_said():
    with pytest.raises(TooFewData, match="there are 5 baskets up to 2024-12-31; 200 are needed"):
        assortment.pairs(
            kept(receipts([["Apfel", "Birne"]] * 5)), unit="product_id", min_support=0.1, until=END
        )


def test_who_moves_to_dearer_goods_is_counted():
    rows = []
    for number in range(200):
        for part, day in (("before", "2024-02-01"), ("after", "2024-10-01")):
            dear = part == "after" and number < 80
            good = f"{'teuer' if dear else 'billig'}{number % 3}"
            rows.append((f"c{number:03d}", pd.Timestamp(day), good, 50.0 if dear else 5.0))
    rows += [("z", pd.Timestamp("2024-03-01"), f"mittel{n}", 20.0) for n in range(3)]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "product_id", "amount"])
    table = table.assign(quantity=1.0, is_return=False, order_no=range(len(table)))
    found = assortment.price_moves(kept(table), as_of=END, days=180)
    assert found["customers"].to_dict() == {"up": 80, "same": 120, "down": 0}
    assert found.loc["up", "low"] < 0.4 < found.loc["up", "high"]


# properties


def test_the_interval_of_the_lift_holds_the_truth_in_95_of_100_worlds():
    truth = (0.4 * 0.5) / (0.4 * (0.4 * 0.5 + 0.6 * 0.2))
    both = np.array([0.4 * 0.5, 0.4, 0.4 * 0.5 + 0.6 * 0.2])
    inside, n = 0, 600
    chance = np.random.default_rng(5)
    cells = [both[0], both[1] - both[0], both[2] - both[0], 1 - both[1] - both[2] + both[0]]
    for drawn in chance.multinomial(n, cells, size=2_000):
        together, first, second = drawn[0], drawn[0] + drawn[1], drawn[0] + drawn[2]
        lift = together * n / (first * second)
        variance = assortment._log_lift_variance(together / n, first / n, second / n)
        half = 1.96 * np.sqrt(variance / n)
        inside += lift * np.exp(-half) <= truth <= lift * np.exp(half)
    assert 0.935 < inside / 2_000 < 0.965


def test_a_link_is_found_and_chance_is_not():
    found = assortment.pairs(
        kept(receipts(linked())), unit="product_id", min_support=0.02, until=END
    ).table.set_index(["first", "second"])
    assert found.loc[("Apfel", "Birne"), "lift_low"] > 1
    assert found.loc[("Apfel", "Chili"), "lift_low"] < 1


def test_suggestions_beat_popularity_where_goods_belong_together_and_not_where_they_do_not():
    chance = np.random.default_rng(2)
    rows = []
    for number in range(3_000):
        customer = int(chance.integers(500))
        taste = customer % 4
        day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(chance.integers(366)))
        for good in chance.choice(8, size=2, replace=False):
            rows.append((f"c{customer:03d}", day, number, f"{taste}-{good}", 1.0, 2.0, False))
        rows.append(
            (f"c{customer:03d}", day, number, f"alle-{chance.integers(6)}", 1.0, 2.0, False)
        )
    names = ["customer_id", "date", "order_no", "product_id", "quantity", "amount", "is_return"]
    table = pd.DataFrame(rows, columns=names)
    how = {"unit": "product_id", "as_of": END, "seed": 1}
    found = assortment.trial(kept(table), **how)
    assert found.is_better
    assert found.hit_share > found.popular_share
    shuffled = table.assign(product_id=chance.permutation(table["product_id"]))
    assert not assortment.trial(kept(shuffled), **how).is_better


def test_the_order_of_rows_changes_nothing_and_the_trial_knows_nothing_of_its_days():
    rows = receipts(linked(1_200), customers=200)
    shuffled = rows.sample(frac=1, random_state=3)
    how = {"unit": "product_id", "until": END}
    first, second = (
        assortment.pairs(kept(table), min_support=0.02, **how).table for table in (rows, shuffled)
    )
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(
        assortment.suggestions(kept(rows), **how), assortment.suggestions(kept(shuffled), **how)
    )
    later = rows["date"] > pd.Timestamp("2024-12-01")
    moved = rows.assign(product_id=rows["product_id"].where(~later, "Chili"))
    day = pd.Timestamp("2024-12-01")
    pd.testing.assert_frame_equal(
        assortment.suggestions(kept(rows), unit="product_id", until=day),
        assortment.suggestions(kept(moved), unit="product_id", until=day),
    )
