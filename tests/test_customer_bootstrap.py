import numpy as np
import pandas as pd
import pytest

from workbench import customer_bootstrap, inequality
from workbench.customer_bootstrap import interval, medians, n_resamples, resample, totals
from workbench.schema import DataError


def resampled(seed: int, *, customers: int = 40, resamples: int = 30, block: int | None = None):
    return resample(
        lambda weights: weights.copy(),
        customers=customers,
        seed=seed,
        resamples=resamples,
        block=block,
    )


# by hand


def test_the_median_of_drawn_customers_counts_each_as_often_as_drawn():
    weights = np.array([[1, 1, 1], [3, 0, 0], [0, 1, 2], [0, 0, 0]])
    found = medians(weights, np.array([7.0, 1.0, 3.0]))
    assert found[:3].tolist() == [3.0, 7.0, 3.0]
    assert np.isnan(found[3])


def test_who_has_no_value_is_in_no_median_and_in_no_share():
    values = np.array([4.0, np.nan, 8.0])
    assert medians(np.ones((1, 3)), values).tolist() == [6.0]
    shares = customer_bootstrap.inequality(np.ones((1, 3)), values, top_share=0.5)
    assert shares[0, 0] == pytest.approx(8 / 12)
    assert np.isnan(medians(np.ones((1, 2)), np.array([np.nan, np.nan]))).all()
    nobody = customer_bootstrap.inequality(np.ones((1, 1)), np.array([np.nan]), top_share=0.1)
    assert np.isnan(nobody).all()


def test_bounds_move_with_the_bias_of_the_resamples():
    draws = np.arange(1000.0)[:, None]
    middle = interval(np.array([499.5]), draws)
    above = interval(np.array([600.0]), draws)
    assert (middle[0][0], middle[1][0]) == pytest.approx((25, 974), abs=1.5)
    assert above[0][0] > middle[0][0] + 40
    assert above[1][0] > middle[1][0] + 10


def test_a_figure_without_a_value_or_with_few_resamples_has_no_bounds():
    draws = np.full((10, 3), 2.0)
    draws[:2, 1] = np.nan
    low, high = interval(np.array([np.nan, 2.0, 2.0]), draws)
    assert np.isnan(low).tolist() == [True, True, False]
    assert (low[2], high[2]) == (2.0, 2.0)


# properties


@pytest.mark.parametrize("seed", range(20))
def test_each_resample_draws_as_many_customers_as_there_are(seed):
    weights = resampled(seed)
    assert (weights.sum(axis=1) == 40).all()
    assert (weights == np.floor(weights)).all()


@pytest.mark.parametrize("block", [1, 7, 30, 500])
def test_the_size_of_a_block_changes_no_draw(block):
    assert (resampled(3, block=block) == resampled(3)).all()


def test_the_seed_decides():
    assert (resampled(3) == resampled(3)).all()
    assert (resampled(3) != resampled(4)).any()


@pytest.mark.parametrize("seed", range(10))
def test_weighted_figures_are_those_of_the_customers_written_out(seed):
    """The slow loop: repeat each customer as often as drawn."""
    chance = np.random.default_rng(seed)
    values = np.round(chance.exponential(20, 25), 1)
    weights = chance.multinomial(25, np.full(25, 1 / 25), size=8).astype(float)
    shares = customer_bootstrap.inequality(weights, values, top_share=0.1)
    found = medians(weights, values)
    summed = totals(weights, np.column_stack([values, values**2]))
    for i, drawn in enumerate(weights.astype(int)):
        written = np.repeat(values, drawn)
        assert found[i] == np.median(written)
        assert summed[i] == pytest.approx([written.sum(), (written**2).sum()])
        apart = np.abs(written[:, None] - written[None, :]).mean()
        assert shares[i, 1] == pytest.approx(apart / (2 * written.mean()))


@pytest.mark.parametrize("seed", range(5))
def test_the_share_of_the_largest_is_that_of_inequality(seed):
    values = np.random.default_rng(seed).exponential(20, 33)
    shares = customer_bootstrap.inequality(np.ones((1, 33)), values, top_share=0.1)
    expected = inequality.concentration(pd.Series(values), shares=[0.1])["share_of_total"]
    assert shares[0, 0] == pytest.approx(expected.iloc[0])


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(7).normal(50, 10, 400)
    draws = resample(lambda w: totals(w, values[:, None]) / 400, customers=400, seed=1)
    low, high = interval(values.mean()[None], draws)
    error = values.std() / np.sqrt(400)
    assert (low[0], high[0]) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.12 * error
    )


def test_large_bases_get_fewer_resamples_for_the_same_work():
    sizes = [1, 50_000, 60_000, 200_000, 10**8]
    assert [n_resamples(n) for n in sizes] == [2000, 2000, 1666, 500, 200]
    assert len(resample(lambda w: w[:, :1], customers=2, seed=1)) == 2000


# messages


def test_nobody_to_draw_from_is_refused():
    with pytest.raises(DataError, match=r"^no customer to draw from"):
        resampled(1, customers=0)
