import numpy as np
import pandas as pd
import pytest

from workbench import schema, summary, synthetic

WORLD = {"r": 0.8, "alpha_days": 60.0, "a": 0.8, "b": 2.4}
MONEY = {"p": 6.25, "q": 3.74, "v": 15.44}
START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2024-12-30")


def _orders(seed, n_customers=500):
    return synthetic.purchases(
        **WORLD,
        **MONEY,
        n_customers=n_customers,
        start=START,
        acquisition_days=180,
        end=END,
        seed=seed,
    )


def _customers(seed, n_customers=500):
    return synthetic.purchase_summary(
        **WORLD,
        n_customers=n_customers,
        acquisition_days=180,
        n_days=(END - START).days,
        seed=seed,
    )


# By hand


def test_customers_who_never_return_have_one_order_each():
    orders = synthetic.purchases(
        **WORLD | {"alpha_days": 1e12},
        **MONEY,
        n_customers=12,
        start=START,
        acquisition_days=1,
        end=END,
        seed=1,
    )

    assert list(orders["customer_id"]) == [f"{number:02d}" for number in range(1, 13)]
    assert (orders["date"] == START).all()


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_orders_keep_the_promises_of_the_table(seed):
    orders = _orders(seed)

    schema.check_orders(orders)
    assert orders["customer_id"].nunique() == 500
    assert orders["date"].between(START, END).all()
    first = orders.groupby("customer_id")["date"].min()
    assert (first < START + pd.Timedelta(days=180)).all()
    pd.testing.assert_frame_equal(orders, _orders(seed))


@pytest.mark.parametrize("seed", range(5))
def test_the_short_cut_gives_the_summary_of_the_same_orders(seed):
    long_way = summary.summarise(_orders(seed), as_of=END)

    short_cut = _customers(seed)

    for column in ("frequency", "recency", "T"):
        assert (short_cut[column].to_numpy() == long_way[column].to_numpy()).all()


def test_another_seed_gives_other_customers():
    assert not _orders(1).equals(_orders(2))


# Against an authority


def test_amounts_have_the_mean_of_the_gamma_gamma_model():
    orders = _orders(3, n_customers=20_000).groupby("customer_id")["amount"].mean()

    assert orders.mean() == pytest.approx(6.25 * 15.44 / 2.74, rel=0.02)


def test_the_share_who_leave_at_once_is_that_of_the_beta_distribution():
    # At thousands of orders a day everyone buys until he leaves; on the first
    # day, which counts as the first order, all others fall together.
    customers = synthetic.purchase_summary(
        r=5.0, alpha_days=100.0, a=2.0, b=3.0, n_customers=50_000, acquisition_days=1,
        n_days=20_000, seed=4,
    )  # fmt: skip

    once_again = (customers["frequency"] == 1).mean()

    assert once_again == pytest.approx(2 / 5, abs=0.02)


# Messages


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="q=0 must be positive"):
        synthetic.purchases(
            **WORLD,
            **MONEY | {"q": 0},
            n_customers=1,
            start=START,
            acquisition_days=1,
            end=END,
            seed=1,
        )
    with pytest.raises(ValueError, match="acquisition_days=32 is longer than the 31 days"):
        synthetic.purchase_summary(**WORLD, n_customers=1, acquisition_days=32, n_days=30, seed=1)


def test_a_world_of_two_months_ends_on_its_last_day():
    customers = synthetic.purchase_summary(
        **WORLD, n_customers=2000, acquisition_days=31, n_days=30, seed=1
    )

    assert customers["T"].min() == 0
    assert (customers["recency"] <= customers["T"]).all()
    assert np.isin(customers["frequency"] == 0, [True, False]).all()
