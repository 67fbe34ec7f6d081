import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from workbench import offers, retention_profit
from workbench.offers import Offer
from workbench.schema import DataError

SEEDS = range(20)
SEED = 20050401
OFFER = Offer(success_rate=0.3, incentive=10, contact_cost=1, uptake=1, fixed_cost=0)
PAPER = {"clv": 200, "incentive": 10, "contact_cost": 1, "alpha": 6, "beta": 14}


def customers(seed: int, n: int = 300, digits: int = 6) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Draw who left, a risk that is right about it, and values."""
    random = np.random.default_rng(seed)
    index = pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")
    risk = pd.Series(random.beta(1, 4, n).round(digits), index=index)
    churned = pd.Series(random.random(n) < risk, index=index)
    return churned, risk, pd.Series(random.gamma(1, 150, n).round(2), index=index)


def changed(**fields: float) -> Offer:
    return dataclasses.replace(OFFER, **fields)


def gain_of_list(churned: pd.Series, value: pd.Series, listed: list[str], offer: Offer) -> float:
    """Add up the campaign customer by customer."""
    total = 0.0
    for name in listed:
        if churned[name]:
            total += offer.success_rate * (value[name] - offer.incentive)
        else:
            total -= offer.uptake * offer.incentive
        total -= offer.contact_cost
    return total


# By hand


def test_a_profit_curve_adds_up_customer_by_customer():
    index = list("abcd")
    churned = pd.Series([True, False, True, False], index=index)
    value = pd.Series([110.0, 50.0, 60.0, 10.0], index=index)
    scores = pd.DataFrame({"rank": [4, 3, 2, 1], "lot": [1, 1, 1, 1]}, index=index)
    curves = retention_profit.profit_curves(
        scores, churned=churned, clv=value, offer=changed(fixed_cost=2)
    )
    # Gains 29, -11, 14, -11, and 2 for the campaign.
    assert curves.loc[[0, 0.25, 0.5, 0.75, 1], "rank"].tolist() == pytest.approx(
        [0, 27, 16, 30, 19]
    )
    assert curves.loc[[0, 0.25, 0.5, 1], "lot"].tolist() == pytest.approx([0, 3.25, 8.5, 19])
    assert curves["customers"].iloc[[0, 50, 100]].tolist() == [0, 2, 4]
    assert retention_profit.best_shares(curves).to_dict() == {"rank": 0.75, "lot": 1.0}


def test_equal_scores_at_the_border_are_averaged():
    churned, value = pd.Series([True, True, False]), pd.Series([110.0, 110.0, 0.0])
    scores = pd.DataFrame({"rank": [2, 1, 1]})
    shares = pd.Series({"rank": 2 / 3})
    judged = retention_profit.judge(
        scores, shares=shares, churned=churned, clv=value, offer=OFFER, seed=SEED
    )
    assert judged.loc["rank", "profit"] == pytest.approx(29 + (29 - 11) / 2)
    assert judged.loc["rank", "churn_rate"] == pytest.approx(1.5 / 2)


def test_no_campaign_is_best_where_none_pays():
    churned, risk, value = customers(1)
    curves = retention_profit.profit_curves(
        risk.to_frame("risk"), churned=churned, clv=value, offer=changed(fixed_cost=1e6)
    )
    share = retention_profit.best_shares(curves)
    judged = retention_profit.judge(
        risk.to_frame("risk"), shares=share, churned=churned, clv=value, offer=OFFER, seed=SEED
    )
    row = judged.loc["risk"]
    assert (row[["contacted_share", "customers", "profit", "profit_low", "profit_high"]] == 0).all()
    assert np.isnan(row["churn_rate"])


# Properties


def test_the_campaign_formula_is_the_profit_curve_where_all_are_worth_the_same():
    offer = changed(fixed_cost=25, uptake=0.7)
    for seed in SEEDS:
        churned, risk, value = customers(seed)
        value[:] = 200.0
        shares = pd.Series({"risk": 0.2})
        table = retention_profit.judge(
            risk.to_frame("risk"), shares=shares, churned=churned, clv=value, offer=offer, seed=1
        )
        profit = offers.campaign_profit(
            200,
            customers=len(churned),
            contacted_share=0.2,
            churn_rate=churned.mean(),
            lift=table.loc["risk", "churn_rate"] / churned.mean(),
            offer=offer,
        )
        assert table.loc["risk", "profit"] == pytest.approx(profit)


def test_the_curve_is_the_slow_sum_over_each_list():
    for seed in SEEDS:
        churned, risk, value = customers(seed, n=100)
        curves = retention_profit.profit_curves(
            risk.to_frame("risk"), churned=churned, clv=value, offer=OFFER
        )
        ranked = list(risk.sort_values(ascending=False).index)
        for n in (1, 10, 55, 100):
            slow = gain_of_list(churned, value, ranked[:n], OFFER)
            assert curves["risk"].iloc[n] == pytest.approx(slow)


def test_empc_is_the_numerical_integral_of_the_best_list():
    for seed in range(6):
        churned, risk, _ = customers(seed, n=80, digits=seed % 3 + 1)
        table = pd.DataFrame({"churned": churned, "score": risk}).groupby("score")["churned"]
        counts = table.agg(["sum", "size"]).iloc[::-1].cumsum()
        left, stayed = counts["sum"] / 80, (counts["size"] - counts["sum"]) / 80

        def best(gamma, left=left, stayed=stayed):
            profit = left * (gamma * 190 - 1) - stayed * 11
            return max(0.0, profit.max()) * beta_distribution.pdf(gamma, 6, 14)

        with np.errstate(under="ignore"):
            expected = quad(best, 0, 1, limit=300, epsabs=1e-7)[0]
        measure = retention_profit.empc(churned, risk, **PAPER)
        assert measure.per_customer == pytest.approx(expected, abs=1e-5)


def test_maximum_profit_is_the_best_of_all_lists_that_keep_equals_together():
    offer = changed(uptake=0.6)
    for seed in SEEDS:
        churned, risk, value = customers(seed, n=60, digits=seed % 3 + 1)
        value[:] = 200.0
        lists = [list(risk.index[risk >= border]) for border in risk.unique()]
        profits = [gain_of_list(churned, value, listed, offer) / 60 for listed in lists]
        best = retention_profit.maximum_profit(churned, risk, clv=200, offer=offer)
        assert best.per_customer == pytest.approx(max(0, *profits))
        assert best.contacted_share in [0, *(pytest.approx(len(listed) / 60) for listed in lists)]


def test_not_knowing_the_success_rate_is_worth_the_freedom_to_choose_the_list():
    for seed in SEEDS:
        churned, risk, _ = customers(seed)
        best = retention_profit.maximum_profit(churned, risk, clv=200, offer=OFFER)
        assert retention_profit.empc(churned, risk, **PAPER).per_customer >= best.per_customer


def test_a_cheat_is_worth_more_than_a_model_and_noise_is_worth_less():
    churned, risk, _ = customers(3, n=3000)
    noise = pd.Series(np.random.default_rng(4).random(3000), index=risk.index)
    cheat = churned.astype(float)
    worth = [
        retention_profit.empc(churned, score, **PAPER).per_customer
        for score in (cheat, risk, noise)
    ]
    assert worth[0] > 1.2 * worth[1] > 1.2 * worth[2]


def test_money_in_cents_gives_a_hundred_times_the_profit():
    offer = changed(fixed_cost=30)
    cents = changed(incentive=1000, contact_cost=100, fixed_cost=3000)
    churned, risk, value = customers(5)
    shares = pd.Series({"risk": 0.3})
    known = {"shares": shares, "churned": churned, "seed": SEED}
    in_euros = retention_profit.judge(risk.to_frame("risk"), clv=value, offer=offer, **known)
    in_cents = retention_profit.judge(risk.to_frame("risk"), clv=100 * value, offer=cents, **known)
    money = ["profit", "profit_low", "profit_high"]
    assert in_cents[money].to_numpy() == pytest.approx(100 * in_euros[money].to_numpy())
    assert (in_cents["churn_rate"] == in_euros["churn_rate"]).all()


def test_the_order_of_rows_changes_nothing_and_no_argument_is_changed():
    churned, risk, value = customers(6)
    scores = pd.DataFrame({"risk": risk.round(1), "value": value})
    before = [table.copy() for table in (churned, scores, value)]
    shares = pd.Series({"risk": 0.25, "value": 0.1})
    known = {"shares": shares, "offer": OFFER, "seed": SEED}
    table = retention_profit.judge(scores, churned=churned, clv=value, **known)
    shuffled = retention_profit.judge(
        scores.sample(frac=1, random_state=1), churned=churned[::-1], clv=value, **known
    )
    pd.testing.assert_frame_equal(table, shuffled, check_exact=True)
    for argument, copy in zip((churned, scores, value), before, strict=True):
        assert argument.equals(copy)


def test_a_list_does_not_depend_on_the_other_rankings():
    churned, risk, value = customers(7)
    known = {"churned": churned, "clv": value, "offer": OFFER, "seed": SEED}
    shares = pd.Series({"risk": 0.25, "value": 0.1})
    both = retention_profit.judge(
        pd.DataFrame({"value": value, "risk": risk}), shares=shares, **known
    )
    alone = retention_profit.judge(risk.to_frame("risk"), shares=shares, **known)
    assert both.loc["risk"].equals(alone.loc["risk"])


def test_the_interval_holds_the_profit_of_many_customers_about_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(retention_profit, "N_DRAWS", 300)
    churned, risk, value = customers(8, n=100_000)
    shares = pd.Series({"risk": 0.2})
    known = {"shares": shares, "offer": OFFER}
    with monkeypatch.context() as few:
        few.setattr(retention_profit, "N_DRAWS", 1)
        truth = retention_profit.judge(
            risk.to_frame("risk"), churned=churned, clv=value, seed=1, **known
        )
    truth = truth.loc["risk", "profit"] / 100_000
    held = 0
    for seed in range(100):
        drawn = risk.sample(500, random_state=seed).index
        row = retention_profit.judge(
            risk[drawn].to_frame("risk"), churned=churned[drawn], clv=value[drawn], seed=1, **known
        ).loc["risk"]
        held += row["profit_low"] / 500 <= truth <= row["profit_high"] / 500
    # Of 100 intervals of 95 %, fewer than 88 or all hold it with a chance of less than 1 %.
    assert 88 <= held <= 99


# Against an authority


def test_empc_is_the_published_reference():
    churned = pd.Series([False, True] * 4)
    score = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    measure = retention_profit.empc(churned, score, **PAPER)
    assert measure.per_customer == pytest.approx(23.875593418348124, abs=1e-12)
    # The optimal fraction as the package empulse 0.13.1 gives it.
    assert measure.contacted_share == pytest.approx(0.8743700763487141, abs=1e-12)


def test_empc_and_maximum_profit_are_those_of_empulse():
    metrics = pytest.importorskip("empulse.metrics")
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        churned, risk, _ = customers(seed, n=200, digits=seed % 3 + 1)
        alpha, beta, clv = random.uniform(0.8, 12), random.uniform(1, 20), random.uniform(30, 400)
        incentive, contact_cost = random.uniform(0.5, 25), random.uniform(0.1, 5)
        costs = {"clv": clv, "incentive_cost": incentive, "contact_cost": contact_cost}
        arrays = churned.to_numpy(int), risk.to_numpy()
        measure = retention_profit.empc(
            churned,
            risk,
            clv=clv,
            incentive=incentive,
            contact_cost=contact_cost,
            alpha=alpha,
            beta=beta,
        )
        theirs = metrics.empc_score(*arrays, alpha=alpha, beta=beta, **costs)
        share = metrics.empc_score.optimal_rate(*arrays, alpha=alpha, beta=beta, **costs)
        assert measure == pytest.approx((theirs, share), abs=1e-9)
        offer = changed(incentive=incentive, contact_cost=contact_cost)
        best = retention_profit.maximum_profit(churned, risk, clv=clv, offer=offer)
        theirs = metrics.mpc_score(*arrays, accept_rate=0.3, **costs)
        assert best.per_customer == pytest.approx(theirs, abs=1e-9)


# Messages


def test_a_customer_without_a_value_is_refused_and_counted():
    churned, risk, value = customers(9)
    value.iloc[[3, 5]] = np.nan
    with pytest.raises(DataError, match=r"2 of 300 values of 'clv' are missing or infinite"):
        retention_profit.profit_curves(
            risk.to_frame("risk"), churned=churned, clv=value, offer=OFFER
        )


def test_other_customers_and_what_is_no_outcome_are_refused_and_counted():
    churned, risk, _ = customers(10)
    with pytest.raises(DataError, match="1 customers are only in 'churned' or only in the ranking"):
        retention_profit.empc(churned.iloc[1:], risk, **PAPER)
    with pytest.raises(DataError, match="values of 'churned' are neither True nor False"):
        retention_profit.empc(risk, risk, **PAPER)
    with pytest.raises(DataError, match="no customer"):
        retention_profit.empc(churned.iloc[:0], risk.iloc[:0], **PAPER)


def test_parameters_out_of_bounds_are_refused():
    churned, risk, value = customers(12)
    with pytest.raises(ValueError, match="clv=5 must be above incentive=10"):
        retention_profit.empc(churned, risk, **PAPER | {"clv": 5})
    with pytest.raises(ValueError, match="alpha=0 and beta=14 must be above 0"):
        retention_profit.empc(churned, risk, **PAPER | {"alpha": 0})
    with pytest.raises(ValueError, match=r"shares for \['risk'\] are missing or outside 0 to 1"):
        retention_profit.judge(
            risk.to_frame("risk"),
            shares=pd.Series({"value": 0.1}),
            churned=churned,
            clv=value,
            offer=OFFER,
            seed=SEED,
        )
