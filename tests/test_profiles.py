import numpy as np
import pandas as pd
import pytest

from workbench import profiles
from workbench.profiles import MAX_GROUPS, MIN_CUSTOMERS, REST, UNKNOWN
from workbench.schema import TooFewData

ORDER = ("VIP", "Treu", "Neu", "Leer")


def base(*rows: tuple) -> tuple[pd.Series, pd.Series]:
    """Return attribute and segment of so many customers: (attribute, segment, n)."""
    pairs = [(value, segment) for value, segment, n in rows for _ in range(n)]
    index = pd.Index([f"c{i:04d}" for i in range(len(pairs))], name="customer_id")
    table = pd.DataFrame(pairs, columns=["attribute", "segment"], index=index, dtype="str")
    return profiles.grouped(table["attribute"]), table["segment"]


def random_base(seed: int, *, n: int = 300, tie: float = 0.0) -> tuple[pd.Series, pd.Series]:
    chance = np.random.default_rng(seed)
    segment = chance.integers(0, 3, n)
    value = np.where(chance.random(n) < tie, segment, chance.integers(0, 5, n))
    index = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")
    texts = pd.Series([f"w{v}" for v in value], index=index, dtype="str")
    known = texts.where(chance.random(n) > 0.1)
    return profiles.grouped(known), pd.Series([ORDER[s] for s in segment], index=index)


# by hand


def test_groups_are_counted_in_each_segment_and_the_unknown_apart():
    attribute, segment = base(
        ("jung", "VIP", 6), ("alt", "VIP", 2), ("jung", "Treu", 3), ("alt", "Treu", 9)
    )
    attribute = attribute.iloc[:-1]
    table = profiles.cross(attribute, segment, order=ORDER)
    assert table.index.unique("group").tolist() == ["alt", "jung", UNKNOWN]
    assert table.index.unique("segment").tolist() == ["VIP", "Treu"]
    assert table["customers"].tolist() == [2, 8, 6, 3, 0, 1]
    assert table["segment_share"].iloc[:4].tolist() == [2 / 8, 8 / 11, 6 / 8, 3 / 11]
    assert table["mean_share"].iloc[:4].tolist() == [10 / 19, 10 / 19, 9 / 19, 9 / 19]
    assert table["relative"].iloc[0] == pytest.approx((2 / 8) / (10 / 19))
    assert table.loc[UNKNOWN, ["segment_share", "mean_share", "relative"]].isna().all().all()


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["100K+", "Under 15K", "15-24K", "35-49K"], ["Under 15K", "15-24K", "35-49K", "100K+"]),
        (["unter 20", "20-29", "5+", "4"], ["4", "5+", "unter 20", "20-29"]),
        (["web", "laden", "telefon"], ["laden", "telefon", "web"]),
        (["1980-1989", "1970-1979"], ["1970-1979", "1980-1989"]),
    ],
)
def test_groups_stand_in_the_order_of_their_numbers_or_names(values, order):
    assert profiles.grouped(pd.Series(values)).cat.categories.tolist() == order


def test_of_too_many_groups_the_rarest_are_one():
    values = [f"k{i:02d}" for i in range(MAX_GROUPS + 3) for _ in range(40 - i)]
    groups = profiles.grouped(pd.Series([*values, None]))
    assert len(groups.cat.categories) == MAX_GROUPS
    assert groups.cat.categories[-1] == REST
    assert (groups == REST).sum() == sum(40 - i for i in range(MAX_GROUPS - 1, MAX_GROUPS + 3))
    assert groups.isna().sum() == 1
    exact = profiles.grouped(pd.Series([f"k{i}" for i in range(MAX_GROUPS)]))
    assert REST not in exact.cat.categories


def test_the_statistic_is_pearsons_and_v_is_cramers_without_its_bias():
    # Two by two, by hand: 30 10 / 10 30, chi-square 20 of 80 customers.
    attribute, segment = base(
        ("a", "VIP", 30), ("a", "Treu", 10), ("b", "VIP", 10), ("b", "Treu", 30)
    )
    found = profiles.associate(attribute, segment, seed=1)
    assert found.chi_square == pytest.approx(20)
    assert (found.degrees, found.n_customers) == (1, 80)
    # Bergsma (2013): phi² less 1/79, over the corrected side less 1.
    assert found.cramers_v == pytest.approx(np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79)))
    assert found.v_low < found.cramers_v < found.v_high
    assert found.p_value == 1 / 2001


def test_of_several_tests_only_those_hold_that_hold_together():
    # Holm (1979): 0.05/3, 0.05/2, 0.05; the second fails, so the third does too.
    p_values = pd.Series([0.04, 0.01, 0.03], index=["c", "a", "b"])
    assert profiles._holm(p_values).to_dict() == {"a": True, "b": False, "c": False}
    assert profiles._holm(pd.Series([0.01, 0.02, 0.05])).all()


def test_a_profile_ranks_the_attributes_and_leaves_out_what_is_hardly_known():
    close, segment = random_base(1, tie=0.6)
    none, _ = random_base(2)
    attributes = pd.DataFrame(
        {
            "none": none.astype("str").reindex(segment.index),
            "close": close.astype("str"),
            "alike": "x",
            "few": pd.Series("y", index=segment.index[:5]),
        }
    )
    found = profiles.profile(attributes, segment, order=ORDER, seed=1)
    assert found.associations.index.tolist() == ["close", "none"]
    assert found.associations["is_sure"].tolist() == [True, False]
    assert found.cells.index.unique("attribute").tolist() == ["close", "none"]
    # Rounded, so that no suppressed cell follows from the statistic.
    assert found.associations["chi_square"].iloc[0] % 1 == 0
    assert found.associations["cramers_v"].iloc[0] == round(
        found.associations["cramers_v"].iloc[0], 2
    )


def test_areas_are_the_smallest_in_which_most_customers_have_neighbours():
    index = pd.Index([f"c{i:03d}" for i in range(110)], name="customer_id")
    fine = ["DE 1"] * 35 + ["DE 2"] * 30 + ["DE 3"] * 29 + ["AT 1"] * 6 + [None] * 10
    places = pd.DataFrame(
        {"country": [None if f is None else f[:2] for f in fine], "area": fine}, index=index
    )
    people = pd.DataFrame({"revenue": np.arange(110.0)}, index=index)
    gone = pd.Series([True] * 7 + [False] * 103, index=index)
    table = profiles.areas(places, people, gone=gone)
    assert table.index.tolist() == ["DE 1", "DE 2", REST, UNKNOWN]
    assert table["customers"].tolist() == [35, 30, 35, 10]
    assert table["revenue_each"].tolist() == [17, 49.5, 82, 104.5]
    assert table["gone"].tolist() == [7, 0, 0, 0]
    assert table.loc["DE 1", "gone_share"] == 0.2
    # Wilson (1927) for 7 of 35.
    assert table.loc["DE 1", ["low", "high"]].tolist() == pytest.approx([0.1004, 0.3589], abs=1e-4)
    assert "gone" not in profiles.areas(places, people, gone=None)


# properties


@pytest.mark.parametrize("seed", range(8))
def test_no_cell_nor_a_difference_tells_of_fewer_than_k(seed):
    attribute, segment = random_base(seed, n=120)
    table = profiles.cross(attribute, segment, order=ORDER)
    shown = profiles.hide_small(table, k=5)
    assert table["customers"].sum() == len(segment)
    seen = shown["customers"].notna()
    assert not table.loc[seen, "customers"].between(1, 4).any()
    assert shown.loc[~seen, ["segment_share", "relative"]].isna().all().all()
    for level in ("group", "segment"):
        hidden = table["customers"].where(~seen).groupby(level)
        n, people = hidden.count(), hidden.sum()
        assert not ((n == 1) | people.between(1, 4)).any() or (~seen).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_customers_changes_nothing_and_the_seed_all_chance(seed):
    attribute, segment = random_base(seed, tie=0.3)
    order = segment.sample(frac=1, random_state=seed).index
    one = profiles.associate(attribute, segment, seed=3)
    assert profiles.associate(attribute.reindex(order), segment.reindex(order), seed=3) == one
    assert profiles.associate(attribute, segment, seed=4) != one


def test_the_interval_covers_and_the_test_keeps_its_level():
    # In the population every third customer has the value of his segment, the others any of five.
    joint = np.full((3, 5), (1 - 0.3) / 15)
    joint[range(3), range(3)] += 0.3 / 3
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    true = np.sqrt(((joint - expected) ** 2 / expected).sum() / 2)
    bound = [profiles.associate(*random_base(seed, tie=0.3), seed=seed) for seed in range(20)]
    assert sum(one.v_low <= true <= one.v_high for one in bound) >= 17
    free = [profiles.associate(*random_base(seed), seed=seed) for seed in range(20)]
    assert sum(one.v_low == 0 for one in free) >= 17
    assert sum(one.p_value < 0.05 for one in free) <= 4


# messages


def test_too_few_customers_with_an_attribute_bear_no_profile():
    attribute, segment = base(("a", "VIP", 20), ("b", "Treu", MIN_CUSTOMERS - 21))
    with pytest.raises(TooFewData, match=r"needs 30 customers of two segments .* there are 29"):
        profiles.associate(attribute, segment, seed=1)
    attribute, segment = base(("a", "VIP", 40), ("a", "Treu", 40))
    with pytest.raises(TooFewData, match=r"there are 0"):
        profiles.associate(attribute, segment, seed=1)
    with pytest.raises(TooFewData, match=r"there is no attribute"):
        profiles.profile(pd.DataFrame(index=segment.index), segment, order=ORDER, seed=1)
    with pytest.raises(TooFewData, match=r"there are 0"):
        profiles.profile(attribute.astype("str").to_frame(), segment, order=ORDER, seed=1)


def test_areas_without_neighbours_are_refused():
    index = pd.Index([f"c{i}" for i in range(40)], name="customer_id")
    people = pd.DataFrame({"revenue": 1.0}, index=index)
    places = pd.DataFrame({"country": ["DE"] * 20 + ["AT"] * 20}, index=index)
    with pytest.raises(TooFewData, match=r"two areas with 30 customers each .* largest has 20"):
        profiles.areas(places, people, gone=None)
    with pytest.raises(TooFewData, match=r"the largest has 0"):
        profiles.areas(places[[]], people, gone=None)
