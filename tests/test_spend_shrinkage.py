import math

import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END

from workbench import spend, spend_shrinkage, summary
from workbench.schema import DataError, TooFewData

MODEL = spend_shrinkage.SpendShrinkage(20.0, 0.0, 6.0, 3.0, 20.0, ((0.0, 0.0), (0.0, 0.0)), 9, 9)


def _table(amounts):
    """One row per customer from the amounts of their repeat purchases."""
    return pd.DataFrame(
        {
            "frequency": [len(own) for own in amounts],
            "monetary_value": [np.mean(own) if own else 0.0 for own in amounts],
            "amount_variance": [np.var(own, ddof=1) if len(own) > 1 else 0.0 for own in amounts],
        }
    )


def _gamma(rng, mean, spread, n):
    return list(rng.gamma((mean / spread) ** 2, spread**2 / mean, n))


def _world(seed, *, n=2000, tie=0.0):
    """Customers whose mean amount rises with their rate by `tie`; table, true means, future."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.6, 5.0, n)
    mean = np.exp(3.5 + 0.5 * rng.standard_normal(n) + tie * np.log(rate + 0.3))
    x, future = rng.poisson(rate), rng.poisson(rate)
    own = [mean[i] * rng.gamma(5.0, 1 / 5.0, x[i]) for i in range(n)]
    return _table([list(amounts) for amounts in own]), mean, future


# By hand


def test_expected_spend_weighs_own_mean_and_base_by_k():
    # k = 6**2 / 3**2 = 4: four purchases weigh a half, twelve three quarters.
    table = pd.DataFrame(
        {"frequency": [0, 4, 12], "monetary_value": [0.0, 30.0, 40.0]}, index=["a", "b", "c"]
    )

    expected = spend_shrinkage.expected_spend(MODEL, table)

    assert MODEL.k == 4
    assert expected.to_dict() == {"a": 20.0, "b": 25.0, "c": 35.0}
    assert expected.name == "expected_spend"


def test_the_base_rises_with_the_logarithm_of_the_count():
    model = spend_shrinkage.SpendShrinkage(
        20.0, 5.0, 6.0, 0.0, 20.0, ((1.0, 0.0), (0.0, 1.0)), 9, 9
    )
    table = pd.DataFrame({"frequency": [0, 1, 8], "monetary_value": [0.0, 99.0, 99.0]})

    expected = spend_shrinkage.expected_spend(model, table)

    assert expected.tolist() == pytest.approx([20, 20, 20 + 5 * math.log(8)])


def test_variances_and_counts_are_those_of_the_repeat_purchases():
    days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"])
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "a", "b", "b", "c"],
            "date": [*days, *days[:2], days[0]],
            "amount": [99.0, 10.0, 20.0, -7.0, 5.0, 8.0, 3.0],
        }
    )
    table = pd.DataFrame({"frequency": [2, 1, 0]}, index=["a", "b", "c"])

    found = spend_shrinkage.add_variance(table, orders=orders)

    assert found["amount_variance"].tolist() == [50.0, 0.0, 0.0]
    assert list(table.columns) == ["frequency"]


def test_equal_amounts_give_everyone_that_amount():
    for amount in (20.0, 19.99):
        table = _table([[amount] * n for n in (1, 2, 3, 1, 2)] + [[]])

        model = spend_shrinkage.fit(table)

        assert model.k == math.inf
        assert spend_shrinkage.expected_spend(model, table).tolist() == pytest.approx([amount] * 6)
        paid = spend_shrinkage.simulate(
            model, table, purchases=np.arange(6), generator=np.random.default_rng(1)
        )
        assert paid == pytest.approx(amount * np.arange(6))


def test_customers_who_never_change_their_amount_keep_it():
    table = _table([[10.0] * 3, [20.0] * 3, [30.0] * 3, [40.0] * 3, []])

    model = spend_shrinkage.fit(table)

    assert (model.within, model.k) == (0, 0)
    assert spend_shrinkage.expected_spend(model, table).tolist() == [10, 20, 30, 40, 25]


# Properties


@pytest.mark.parametrize("seed", range(20))
def test_expected_spend_lies_between_own_mean_and_base(seed):
    table, _, _ = _world(seed, n=60)
    model = spend_shrinkage.fit(table)

    expected = spend_shrinkage.expected_spend(model, table)

    x = table["frequency"]
    base = model.base + model.slope * np.log(x.clip(lower=1))
    own = table["monetary_value"].where(x > 0, base)
    assert (expected <= np.maximum(own, base.clip(lower=0)) + 1e-9).all()
    assert (expected >= np.minimum(own, base.clip(lower=0)) - 1e-9).all()


def test_known_spreads_come_back():
    rng = np.random.default_rng(5)
    mean = rng.normal(100, 12, 20_000)
    x = rng.geometric(0.4, mean.size)
    table = _table([_gamma(rng, m, 30, n) for m, n in zip(mean, x, strict=True)])

    model = spend_shrinkage.fit(table)

    assert model.within == pytest.approx(30, abs=0.4)
    assert model.between == pytest.approx(12, abs=0.6)
    errors = np.sqrt(np.diag(model.covariance))
    assert abs(model.base - 100) < 3 * errors[0]
    assert abs(model.slope) < 3 * errors[1]


def test_it_beats_own_mean_and_base_mean_on_true_means():
    for seed in range(5):
        table, mean, _ = _world(seed)
        expected = spend_shrinkage.expected_spend(spend_shrinkage.fit(table), table)
        known = table["frequency"] > 0
        own = table["monetary_value"]
        errors = [
            float(((forecast - mean)[known] ** 2).mean())
            for forecast in (expected, own, own[known].mean())
        ]
        assert errors[0] < 0.8 * min(errors[1:])


def test_where_spend_is_tied_it_spares_one_time_buyers_what_gamma_gamma_adds():
    biases = {"gamma_gamma": [], "spend_shrinkage": []}
    for seed in range(4):
        table, mean, future = _world(seed, tie=0.25)
        for name, module in (("gamma_gamma", spend), ("spend_shrinkage", spend_shrinkage)):
            expected = module.expected_spend(module.fit(table), table)
            once = (table["frequency"] == 0).to_numpy()
            paid = (future * mean)[once].sum()
            biases[name].append((future * expected)[once].sum() / paid - 1)

    assert np.mean(biases["gamma_gamma"]) > 0.2
    assert abs(np.mean(biases["spend_shrinkage"])) < 0.1


def test_simulated_money_has_the_expected_mean_and_both_variances():
    rng = np.random.default_rng(8)
    table = _table([_gamma(rng, m, 30, 3) for m in rng.normal(100, 20, 4000)])
    model = spend_shrinkage.fit(table)
    expected = spend_shrinkage.expected_spend(model, table)
    weight = 3 / (3 + model.k)

    for n in (1, 5):
        drawn = [
            spend_shrinkage.simulate(
                model, table, purchases=np.full(4000, n), generator=np.random.default_rng(seed)
            )
            for seed in range(20)
        ]
        assert np.mean(drawn) == pytest.approx(n * expected.mean(), rel=0.005)
        spread = np.mean([(paid - n * expected) ** 2 for paid in drawn])
        left = (1 - weight) * model.between**2
        assert spread == pytest.approx(n * model.within**2 + n**2 * left, rel=0.05)


def test_a_hundredfold_amount_gives_a_hundredfold_spend():
    table, _, _ = _world(1)
    factors = pd.Series({"frequency": 1, "monetary_value": 100, "amount_variance": 100**2})
    cents = table * factors

    model, in_cents = spend_shrinkage.fit(table), spend_shrinkage.fit(cents)

    assert in_cents.k == pytest.approx(model.k, rel=1e-9)
    np.testing.assert_allclose(
        spend_shrinkage.expected_spend(in_cents, cents),
        100 * spend_shrinkage.expected_spend(model, table),
        rtol=1e-9,
    )


def test_row_order_does_not_change_a_byte():
    table, _, _ = _world(2)
    assert spend_shrinkage.fit(table.sample(frac=1, random_state=3)) == spend_shrinkage.fit(table)


def test_the_same_seed_draws_the_same_money_and_no_purchase_costs_nothing():
    table, _, _ = _world(2, n=50)
    model = spend_shrinkage.fit(table)
    counts = np.arange(50) % 3

    first, second = (
        spend_shrinkage.simulate(model, table, purchases=counts, generator=np.random.default_rng(4))
        for _ in range(2)
    )

    assert (first == second).all()
    assert (first[counts == 0] == 0).all()
    assert (first[counts > 0] > 0).all()


# Against an authority


def test_variance_components_are_those_of_snedecor_and_cochran():
    # Calcium in four turnip leaves, four determinations each: Statistical Methods (1967),
    # chapter 10, mean square within .0066, variance between leaves .0724.
    leaves = [
        [3.28, 3.09, 3.03, 3.03],
        [3.52, 3.48, 3.38, 3.38],
        [2.88, 2.80, 2.81, 2.76],
        [3.34, 3.38, 3.23, 3.26],
    ]

    model = spend_shrinkage.fit(_table(leaves))

    assert model.within**2 == pytest.approx(0.0066, abs=5e-5)
    assert model.between**2 == pytest.approx(0.0724, abs=5e-5)
    assert model.base == pytest.approx(np.mean(leaves))
    assert model.slope == 0


def test_cdnows_spread_within_customers_is_the_pooled_one_and_its_fit_is_held(sample_orders):
    known = sample_orders[sample_orders["date"] <= CALIBRATION_END]
    table = summary.summarise(known, as_of=CALIBRATION_END)

    model = spend_shrinkage.fit(spend_shrinkage.add_variance(table, orders=known))

    assert (model.n_customers, model.n_purchases) == (946, 2457)
    repeat = known.sort_values(["customer_id", "date"])
    repeat = repeat[repeat["customer_id"].duplicated()]
    centered = repeat["amount"] - repeat.groupby("customer_id")["amount"].transform("mean")
    within = math.sqrt((centered**2).sum() / (len(repeat) - 946))
    assert model.within == pytest.approx(within, rel=1e-12)
    assert (model.base, model.slope) == pytest.approx((31.6177, 5.0673), abs=5e-5)
    assert model.k == pytest.approx(4.3605, abs=5e-5)


# Messages


def test_too_few_repeat_buyers_or_repeat_purchases_are_counted():
    with pytest.raises(
        TooFewData, match=r"needs 4 customers with a repeat purchase; 4 .* 3"
    ) as info:
        spend_shrinkage.fit(_table([[1.0, 2.0], [3.0], [4.0], []]))
    assert (info.value.have, info.value.need) == (3, 4)

    with pytest.raises(TooFewData, match=r"needs 4 purchases after .* 5 customers have 1"):
        spend_shrinkage.fit(_table([[1.0, 2.0], [3.0], [4.0], [5.0], [6.0]]))


def test_orders_that_go_past_the_summary_are_refused(sample_orders):
    table = summary.summarise(sample_orders, as_of=CALIBRATION_END)

    with pytest.raises(DataError, match=r"different repeat purchases: \d+ against 2457"):
        spend_shrinkage.add_variance(table, orders=sample_orders)


def test_missing_columns_and_negative_values_are_named():
    table = _table([[1.0, 2.0]] * 5)
    with pytest.raises(DataError, match=r"lacks \['amount_variance'\]"):
        spend_shrinkage.fit(table.drop(columns="amount_variance"))
    with pytest.raises(DataError, match="5 of 5 rows have a negative or missing value"):
        spend_shrinkage.expected_spend(MODEL, table.assign(monetary_value=-1.0))


def test_the_table_of_parameters_has_errors_for_base_and_slope_only():
    table, _, _ = _world(3)
    model = spend_shrinkage.fit(table)

    found = spend_shrinkage.parameter_table(model).set_index("parameter")

    assert found.index.tolist() == ["base", "slope", "within", "between", "k"]
    assert found["unit"].tolist() == ["currency"] * 4 + ["1"]
    assert found["estimate"].tolist() == [
        model.base, model.slope, model.within, model.between, model.k,
    ]  # fmt: skip
    assert found["standard_error"].notna().tolist() == [True, True, False, False, False]
    assert found.loc["base", "lower"] < model.base < found.loc["base", "upper"]
