import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from workbench import clusters
from workbench.clusters import Search, features, scaled, search, stability, without_groups
from workbench.schema import NotIdentified, TooFewData
from workbench.summary import summarise

CENTRES = np.array([[0.0, 0, 0, 0], [6, 0, 3, 0], [0, 6, 0, 3]])


@pytest.fixture(autouse=True, scope="module")
def fewer_samples():
    """A third of the samples: what is tested here is clear."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "N_BOOTSTRAPS", 16)
        patch.setattr(clusters, "N_ROUGH_BOOTSTRAPS", 6)
        yield


def cloud(points: np.ndarray) -> pd.DataFrame:
    names = [f"c{i:04d}" for i in range(len(points))]
    return pd.DataFrame(points, index=pd.Index(names, name="customer_id"))


def blobs(seed: int, n: int = 180) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return cloud(CENTRES[np.arange(n) % 3] + chance.normal(size=(n, 4)))


def shuffled(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: chance.permutation(column) for name, column in table.items()}, index=table.index
    )


def look(points: pd.DataFrame, *, seed: int = 1) -> Search:
    return search(points, value=points.iloc[:, 0], seed=seed)


@pytest.fixture(scope="module")
def customers(sample_orders) -> pd.DataFrame:
    return summarise(sample_orders, as_of=pd.Timestamp("1998-06-30"))


@pytest.fixture(scope="module")
def three() -> Search:
    return look(blobs(1))


# by hand


def test_measures_are_those_of_repeat_buyers_alone():
    summary = pd.DataFrame(
        {
            "frequency": [0, 2, 1],
            "recency": [0.0, 60.0, 10.0],
            "T": [50.0, 100.0, 40.0],
            "days_since_last": [50.0, 40.0, 30.0],
            "n_orders": [1, 3, 2],
            "revenue": [9.0, 90.0, -4.0],
        },
        index=["a", "b", "c"],
    )
    assert features(summary).to_dict("index") == {
        "b": {"days_since_last": 40, "n_orders": 3, "basket": 30, "gap": 30},
        "c": {"days_since_last": 30, "n_orders": 2, "basket": 0, "gap": 10},
    }


def test_measures_are_scaled_by_their_middle_half():
    table = pd.DataFrame({"a": np.expm1(np.arange(101.0)), "b": np.expm1(np.arange(101.0) / 2)})
    found = scaled(table)
    assert found["a"].to_numpy() == pytest.approx((np.arange(101) - 50) / 50)
    pd.testing.assert_series_equal(found["a"], found["b"], check_names=False)


def test_a_measure_whose_middle_half_is_alike_is_scaled_by_its_spread():
    values = np.where(np.arange(100) < 90, 1.0, np.arange(100.0))
    table = pd.DataFrame({"a": values, "b": np.arange(100.0), "c": 1.0})
    found = scaled(table)
    assert list(found) == ["a", "b"]
    assert found["a"].std(ddof=0) == pytest.approx(1)


def test_the_silhouette_is_that_of_scikit_learn():
    points = blobs(3).to_numpy()
    chance = np.random.default_rng(1)
    own, fits = clusters._silhouettes(points, chance)
    for value, fit in zip(own, fits, strict=True):
        assert value == pytest.approx(silhouette_score(points, fit.labels_), abs=1e-12)


def test_a_table_without_groups_keeps_values_and_correlation():
    chance = np.random.default_rng(2)
    normal = chance.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 4000)
    points = np.column_stack([np.exp(normal[:, 0]), np.round(normal[:, 1])])
    drawn = without_groups(points, chance)
    assert np.array_equal(np.sort(drawn, axis=0), np.sort(points, axis=0))
    assert spearmanr(drawn).statistic == pytest.approx(spearmanr(points).statistic, abs=0.02)
    assert not np.array_equal(drawn, points)


def test_hennigs_limits_have_words():
    assert [stability(j) for j in (0.59, 0.74, 0.84, 1.0)] == [
        *("unreliable", "pattern", "stable", "highly_stable")
    ]


# clouds with and without groups


def test_three_clear_groups_are_found_and_natural(three):
    assert (three.code, three.n_groups) == ("natural", 3)
    assert min(three.jaccard) > 0.9
    assert three.p_value == 0.05
    blob = np.arange(len(three.labels)) % 3
    # Nearly everybody is with those of his own blob.
    assert pd.crosstab(three.labels, blob).max().sum() > 0.97 * len(blob)


def test_groups_are_numbered_by_their_mean_value(three):
    # The value is the first measure: the second blob has the most of it.
    means = blobs(1)[0].groupby(three.labels).mean()
    assert means.is_monotonic_decreasing
    assert list(means.index) == [1, 2, 3]


@pytest.mark.parametrize("seed", range(2))
def test_shuffled_customers_have_no_stable_groups(customers, seed):
    points = scaled(features(customers)).sample(250, random_state=seed)
    assert look(shuffled(points, seed), seed=seed).code == "constructed"


@pytest.mark.parametrize("seed", range(2))
def test_one_normal_cloud_has_no_stable_groups(seed):
    chance = np.random.default_rng(seed)
    points = chance.normal(size=(200, 4)) @ chance.normal(size=(4, 4))
    assert look(cloud(points), seed=seed).code == "constructed"


def test_an_even_cloud_and_a_skewed_one_have_no_stable_groups():
    chance = np.random.default_rng(5)
    assert look(cloud(chance.random((200, 4)))).code == "constructed"
    assert look(cloud(np.exp(chance.normal(size=(200, 4))))).code == "constructed"


# properties


def test_the_order_of_rows_and_the_number_of_threads_change_nothing(three):
    mixed = blobs(1).sample(frac=1, random_state=4)
    with threadpool_limits(limits=2):
        again = look(mixed)
    pd.testing.assert_frame_equal(again.table, three.table)
    pd.testing.assert_series_equal(again.labels, three.labels)
    assert again[1:6] == three[1:6]


def test_of_many_customers_a_sample_is_searched_and_all_get_a_group(monkeypatch, three):
    monkeypatch.setattr(clusters, "MAX_SAMPLED", 120)
    found = look(blobs(1))
    assert (found.code, found.n_groups) == ("natural", 3)
    assert found.labels.index.equals(three.labels.index)
    assert (found.labels == three.labels).mean() > 0.97


def test_customers_are_searched_by_what_they_did(customers):
    before = customers.copy()
    found = clusters.find(customers.iloc[:400], seed=2)
    pd.testing.assert_frame_equal(customers, before)
    again = customers.iloc[:400].query("frequency > 0")
    assert found.labels.index.equals(again.index)
    assert again["revenue"].groupby(found.labels).mean().is_monotonic_decreasing


# messages


def test_too_few_repeat_buyers_are_counted(customers):
    few = customers[customers["frequency"] > 0].iloc[:99]
    with pytest.raises(TooFewData, match=r"^groups need 100 customers .*; 99 have one") as raised:
        clusters.find(few, seed=1)
    assert (raised.value.have, raised.value.need) == (99, 100)


def test_customers_who_are_all_alike_are_refused():
    table = pd.DataFrame({"a": [1.0, 2.0] * 60, "b": [3.0, 4.0] * 60, "c": 5.0})
    with pytest.raises(NotIdentified, match=r"^2 of 120 repeat buyers differ, in 2 of 3"):
        scaled(table)
