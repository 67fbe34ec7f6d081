import numpy as np
import pandas as pd
import pytest

from workbench.cluster_cards import ONCE, agreement, cards, name_all, names, positions
from workbench.clusters import FEATURES


def customers() -> pd.DataFrame:
    """Two who buy often, two who buy seldom, one who bought once."""
    return pd.DataFrame(
        {
            "frequency": [9, 7, 1, 1, 0],
            "recency": [90.0, 70.0, 40.0, 60.0, 0.0],
            "T": [100.0, 80.0, 90.0, 100.0, 70.0],
            "days_since_last": [10.0, 10.0, 50.0, 40.0, 70.0],
            "n_orders": [10, 8, 2, 2, 1],
            "revenue": [500.0, 400.0, 20.0, 40.0, 40.0],
        },
        index=pd.Index(list("abcde"), name="customer_id"),
    )


LABELS = pd.Series({"a": 1, "b": 1, "c": 2, "d": 2})
CALLED = pd.Index(["Kauft oft", "Kauft selten"], name="cluster")


def middle(*rows: tuple[float, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(FEATURES))


def test_names_tell_what_is_farthest_from_the_middle():
    assert names(middle((0.1, 0.95, 0.5, 0.3), (0.8, 0.5, 0.7, 0.45))) == [
        "Kauft oft, zuletzt da",
        "Lange still, große Beträge",
    ]


def test_names_grow_until_they_differ_and_take_a_letter_where_they_cannot():
    # columns: days since the last purchase, purchases, basket, gap
    longer = names(middle((0.1, 0.9, 0.3, 0.5), (0.1, 0.9, 0.7, 0.5)))
    assert longer == [
        "Kauft oft, zuletzt da, kleine Beträge",
        "Kauft oft, zuletzt da, große Beträge",
    ]
    same = names(middle((0.1, 0.9, 0.5, 0.5), (0.2, 0.8, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)))
    assert same == [
        "Kauft oft, zuletzt da (A)",
        "Kauft oft, zuletzt da (B)",
        "Mittleres Verhalten (A)",
    ]


def test_positions_are_medians_of_the_share_below():
    table = pd.DataFrame(
        {"days_since_last": [1.0, 2, 3, 4], "n_orders": [4.0, 4, 2, 2], "basket": 1.0, "gap": 1.0},
        index=list("abcd"),
    )
    found = positions(table, LABELS.sample(frac=1, random_state=1))
    assert found.columns.tolist() == [
        *("place_frequency", "place_recency", "place_basket", "place_gap")
    ]
    assert found["place_recency"].tolist() == [0.25, 0.75]
    assert found["place_frequency"].tolist() == [0.75, 0.25]
    assert found["place_basket"].tolist() == [0.5, 0.5]
    assert found.index.tolist() == ["Kauft oft, zuletzt da", "Kauft selten, lange still"]


def test_cards_hold_everybody_and_one_time_buyers_by_definition():
    table = cards(customers(), LABELS, called=CALLED)
    assert table.index.tolist() == [*CALLED, ONCE]
    assert table["customers"].sum() == 5
    assert table["revenue"].tolist() == [900, 60, 40]
    assert table["revenue_share"].sum() == pytest.approx(1)
    often = table.loc["Kauft oft"]
    assert often[["median_basket", "median_orders", "median_days_since_last"]].tolist() == [
        50,
        9,
        10,
    ]
    assert table.loc["Kauft selten", "median_gap"] == 50
    assert np.isnan(table.loc[ONCE, "median_gap"])
    assert table["kind"].tolist() == ["repeat", "repeat", "once"]


def test_a_base_without_one_time_buyers_has_no_card_for_them():
    assert ONCE not in cards(customers().iloc[:4], LABELS, called=CALLED).index


def test_everybody_is_in_exactly_one_group_in_any_order_of_rows():
    everybody = customers()
    found = name_all(everybody, LABELS, called=CALLED)
    assert found.to_dict() == {
        "a": "Kauft oft",
        "b": "Kauft oft",
        "c": "Kauft selten",
        "d": "Kauft selten",
        "e": ONCE,
    }
    mixed = everybody.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        cards(mixed, LABELS, called=CALLED), cards(everybody, LABELS, called=CALLED)
    )


def test_agreement_is_one_for_the_same_groups_and_about_zero_for_chance():
    chance = np.random.default_rng(1)
    labels = pd.Series(chance.integers(1, 4, 3000)).rename(index=str)
    other = pd.Series(chance.integers(1, 6, 3000)).rename(index=str)
    assert agreement(labels, labels.map({1: "x", 2: "y", 3: "z"}).iloc[::-1]) == 1
    assert agreement(labels, other) == pytest.approx(0, abs=0.01)
