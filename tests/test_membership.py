import numpy as np
import pandas as pd
import pytest

from workbench import purchase_models, spend, summary
from workbench.membership import lists, probability
from workbench.schema import DataError

SEED = 20050401


def table(*values):
    names = [f"c{place:03d}" for place in range(len(values))]
    return pd.DataFrame({"value": values}, index=pd.Index(names, name="customer_id"), dtype=float)


def fixed(model, part, generator):
    """A world without chance; the model scales the value."""
    return np.ones(len(part)), model * part["value"].to_numpy()


# by hand


def test_without_chance_the_most_valuable_are_those_with_the_largest_values():
    found = probability([1.0, 2.0], table(*range(20)), simulate=fixed, share=0.1, seed=1)
    assert found.tolist() == [0.0] * 18 + [1.0, 1.0]
    assert found.name == "p_top" and found.index[0] == "c000"


def test_customers_tied_at_the_border_share_the_places_left():
    found = probability([1.0], table(9, 5, 5, 5, 1), simulate=fixed, share=0.4, seed=1)
    np.testing.assert_allclose(found, [1, 1 / 3, 1 / 3, 1 / 3, 0])


def test_a_customer_who_brings_nothing_is_never_among_them():
    found = probability([1.0], table(9, 0, 0, 0, 0), simulate=fixed, share=0.4, seed=1)
    assert found.tolist() == [1, 0, 0, 0, 0]


def test_a_share_of_less_than_one_customer_is_one_customer():
    found = probability([1.0], table(3, 9, 1), simulate=fixed, share=0.1, seed=1)
    assert found.tolist() == [0, 1, 0]


def test_a_list_of_everybody_finds_them_all():
    chance = pd.Series([0.5, 0.25, 0.25], index=["a", "b", "c"], name="p_top")
    found = lists(chance, by=pd.Series([1.0, 3.0, 3.0], index=["a", "b", "c"]), shares=[0.3, 1])
    assert found["customers"].tolist() == [1, 3]
    assert found["expected_members"].tolist() == [0.25, 1.0]
    assert found["hit_share"].tolist() == pytest.approx([0.25, 1 / 3])
    assert found["found_share"].tolist() == [0.25, 1.0]


def test_nobody_to_find_is_missing_and_no_division_by_zero():
    nobody = pd.Series([0.0, 0.0], index=["a", "b"])
    assert lists(nobody, by=nobody, shares=[0.5])["found_share"].isna().all()


# properties


def poisson(model, part, generator):
    return np.ones(len(part)), generator.poisson(model * part["value"]).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_the_chances_add_up_to_the_places(seed):
    base = table(*np.random.default_rng(seed).gamma(2, 3, 300))
    found = probability([1.0] * 50, base, simulate=poisson, share=0.1, seed=seed)
    assert found.sum() == pytest.approx(30)
    assert found.between(0, 1).all()
    again = probability([1.0] * 50, base, simulate=poisson, share=0.1, seed=seed)
    pd.testing.assert_series_equal(found, again)


def test_the_chance_keeps_its_promise_in_a_world_whose_truth_is_known():
    base = table(*np.random.default_rng(SEED).gamma(1.5, 4, 3000))
    found = probability([1.0] * 200, base, simulate=poisson, share=0.1, seed=SEED)
    rng = np.random.default_rng(7)
    # What comes true is a future that no draw has seen; forty of them, each with its own tenth.
    truth = probability([1.0] * 40, base, simulate=poisson, share=0.1, seed=int(rng.integers(1e9)))
    for low, high in [(0.02, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.98)]:
        group = found.between(low, high)
        assert group.sum() > 20
        assert truth[group].mean() == pytest.approx(found[group].mean(), abs=0.03)


def test_it_agrees_with_ranking_every_future_by_itself():
    base = table(*np.random.default_rng(2).gamma(1.5, 400, 200))
    drawn = np.random.default_rng(5)
    slow = np.zeros(200)
    for _ in range(30):
        value = pd.Series(poisson(1.0, base, drawn)[1])
        # An equal share of the places for those tied at the border.
        first, last = (
            value.rank(method="min", ascending=False),
            value.rank(method="max", ascending=False),
        )
        slow += ((20 - first + 1) / (last - first + 1)).clip(0, 1)
    fast = probability([1.0] * 30, base, simulate=poisson, share=0.1, seed=5)
    np.testing.assert_allclose(fast, slow / 30)


# against an authority


def test_a_list_of_cdnow_holds_as_many_of_its_best_as_promised(sample_orders):
    """Learn to September 1997, list a tenth, and see who spent most up to June 1998."""
    split = summary.split(sample_orders, as_of=pd.Timestamp("1998-06-30"), holdout_days=273)
    base, profiles = split.calibration, summary.profiles(split.calibration)
    model, money = purchase_models.fit("pareto_nbd", profiles), spend.fit(base)

    def simulate(one, part, generator):
        counts = purchase_models.simulate(one, part, days=273, generator=generator)
        return counts, spend.simulate(money, part, purchases=counts, generator=generator)

    # The parameters of 2,357 customers hardly matter beside the chance of a single one.
    chance = probability([model] * 100, base, simulate=simulate, share=0.1, seed=SEED)
    expected = purchase_models.expected_purchases(model, base, days=273)
    value = expected * spend.expected_spend(money, base)
    found = lists(chance, by=value, shares=[0.1, 0.3])
    assert found["customers"].tolist() == [236, 707]

    spent = split.holdout["revenue"]
    best = spent[spent >= spent.nlargest(236).min()].index
    for share, row in found.iterrows():
        listed = value.nlargest(int(row["customers"])).index
        hits = len(best.intersection(listed))
        # About three standard deviations of so many independent chances.
        assert hits == pytest.approx(row["expected_members"], abs=24), share


# messages


def test_what_cannot_be_asked_is_refused():
    base = table(1, 2)
    with pytest.raises(ValueError, match=r"share=10 must lie between 0 and 1: write 0\.1"):
        probability([1.0], base, simulate=fixed, share=10, seed=1)
    with pytest.raises(ValueError, match="models is empty"):
        probability([], base, simulate=fixed, seed=1)
    with pytest.raises(DataError, match="summary is empty"):
        probability([1.0], base.iloc[:0], simulate=fixed, seed=1)
    with pytest.raises(DataError, match="about 2 customers and by about 1"):
        lists(base["value"], by=base["value"].iloc[:1])
    with pytest.raises(ValueError, match=r"shares \[2\] are outside"):
        lists(base["value"], by=base["value"], shares=[2])
