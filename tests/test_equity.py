import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from workbench import datasets, intake, purchase_models, spend, summary
from workbench.equity import (
    acquisition_costs,
    channel_costs,
    cohorts,
    discounted_repeats,
    earnings,
    first_purchases,
    new_customer,
    payback,
    value_by_risk,
)
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.pareto_nbd import ParetoNbd
from workbench.purchases import BgNbd
from workbench.schema import DataError

NOT_FITTED = ((), 0.0, 0, 0, 1.0)
MODELS = [
    BgNbd(0.243, 4.414 * 7, 0.793, 2.426, *NOT_FITTED),
    MbgNbd(0.525, 6.183 * 7, 0.891, 1.614, *NOT_FITTED),
    ParetoNbd(0.553, 10.578 * 7, 0.606, 11.669 * 7, *NOT_FITTED),
    Nbd(0.385, 12.072 * 7, *NOT_FITTED),
]
START, AS_OF = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")


def orders(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"amount": float}).assign(date=pd.to_datetime(table["date"]))


def spending(*rows):
    table = pd.DataFrame(rows, columns=["first_day", "last_day", "channel", "acquisition_budget"])
    days = {name: pd.to_datetime(table[name]) for name in ("first_day", "last_day")}
    return table.assign(**days)


@pytest.fixture(scope="module")
def shop():
    """Musterhandel, with what it spent on acquisition."""
    beside = datasets.companions("beispiel")
    tables = {name: str(beside[name]) for name in ("budget", "customers")}
    return intake.read("dataset:beispiel", pseudonymise="off", tables=tables)


@pytest.fixture
def first():
    return first_purchases(
        orders(
            ("a", "2024-01-05", 10),
            ("a", "2024-05-05", 99),
            ("b", "2024-03-31", 20),
            ("c", "2024-04-01", 30),
            ("d", "2024-11-01", 50),
            ("e", "2025-01-01", 70),
        ),
        as_of=AS_OF,
    )


# by hand


def test_a_steady_buyer_is_worth_the_discounted_sum_of_his_purchases():
    """Ten purchases a year for sure: an annuity, paid continuously."""
    model = Nbd(1e7, 1e7 * 36.5, *NOT_FITTED)
    found = discounted_repeats(model, horizon_days=730, annual_discount_rate=0.1)
    assert found.loc[0] == 0
    assert found.loc[365] == pytest.approx(10 * (1 - 1 / 1.1) / np.log(1.1), rel=1e-6)
    assert found.loc[730] == pytest.approx(10 * (1 - 1 / 1.21) / np.log(1.1), rel=1e-6)
    one = new_customer(
        model,
        first_purchase=40.0,
        spend=20.0,
        horizon_days=365,
        annual_discount_rate=0.0,
        margin=0.5,
    )
    assert one == pytest.approx((20.0, 10.0, 100.0, 120.0), rel=1e-6)


def test_the_first_purchase_is_the_earliest_up_to_the_day(first):
    assert first.index.tolist() == ["a", "b", "c", "d"]
    assert first["amount"].tolist() == [10, 20, 30, 50]
    assert first["quarter"].dt.strftime("%m").tolist() == ["01", "01", "04", "10"]


def test_quarters_that_do_not_differ_more_than_chance_get_one_mean():
    found = cohorts(
        first_purchases(
            orders(
                *((f"a{n}", "2024-01-05", 10 + n) for n in range(5)),
                *((f"b{n}", "2024-05-05", 10 + n) for n in range(3)),
            ),
            as_of=AS_OF,
        ),
        repeat_value=7.0,
        margin=0.5,
    )
    assert found["customers"].tolist() == [5, 3]
    assert found["first_basket"].tolist() == [12, 11]
    assert found["first_basket_shrunk"].tolist() == pytest.approx([11.625, 11.625])
    assert found["new_value"].tolist() == pytest.approx([12.8125, 12.8125])


def test_a_quarter_keeps_of_its_own_mean_what_its_size_makes_credible():
    """Written out: variance within 2, between 98, weights 2/(2 + 2/98)."""
    found = cohorts(
        first_purchases(
            orders(
                *(("a", "2024-01-05", 9), ("b", "2024-01-05", 11)),
                *(("c", "2024-05-05", 23), ("d", "2024-05-05", 25)),
            ),
            as_of=AS_OF,
        ),
        repeat_value=0.0,
        margin=1.0,
    )
    within, between = 2.0, (2 * 49 * 2 - 2) / 2
    weight = 2 / (2 + within / between)
    assert found["first_basket_shrunk"].tolist() == pytest.approx(
        [17 - 7 * weight, 17 + 7 * weight]
    )


def test_quarters_of_unequal_size_are_drawn_towards_the_credible_mean():
    """Within 800 / 5 = 160, between (965.5 - 320) / 5 = 129.1, weights .6174, .7635, .6174."""
    baskets = {"2024-01-05": [0, 20], "2024-05-05": [14, 34, 14, 34], "2024-08-05": [31, 51]}
    rows = [
        (f"{day}-{place}", day, amount)
        for day, amounts in baskets.items()
        for place, amount in enumerate(amounts)
    ]
    found = cohorts(first_purchases(orders(*rows), as_of=AS_OF), repeat_value=0.0, margin=1.0)
    # The mean of the means, weighted so, is 24.927; that of all baskets is 24.75.
    assert found["first_basket_shrunk"].tolist() == pytest.approx(
        [15.7109, 24.2193, 34.8506], abs=5e-4
    )


def test_a_budget_is_spread_over_its_days_and_divided_by_those_who_came(first):
    budget = spending(
        ("2024-01-01", "2024-01-31", "web", 31.0),
        ("2024-02-01", "2024-03-31", "web", 60.0),
        ("2024-01-01", "2024-12-31", "laden", 366.0),
    )
    found = acquisition_costs(first, budget=budget, start=START, as_of=AS_OF)
    assert found["customers"].tolist() == [2, 1, 0, 1]
    assert found["acquisition_budget"].tolist() == pytest.approx([182, 91, 92, 92])
    assert found["cac"].tolist()[:2] == pytest.approx([91, 91])
    assert np.isnan(found["cac"].iloc[2]) and found["cac"].iloc[3] == pytest.approx(92)


def test_a_quarter_without_a_stated_budget_has_no_cost_and_uncovered_days_do_not_count(first):
    budget = spending(
        ("2024-01-01", "2024-02-29", "web", 60.0), ("2024-04-01", "2024-06-30", "web", np.nan)
    )
    found = acquisition_costs(first, budget=budget, start=START, as_of=AS_OF)
    assert found.index.strftime("%m").tolist() == ["01", "04"]
    # b came in March, which no budget covers.
    assert found["customers"].tolist() == [1, 1]
    assert found["cac"].iloc[0] == 60 and np.isnan(found["cac"].iloc[1])


def test_each_channel_pays_for_the_customers_who_came_by_it(first):
    budget = spending(
        ("2024-01-01", "2024-12-31", "web", 100.0),
        ("2024-01-01", "2024-06-30", "laden", 30.0),
        ("2024-01-01", "2024-12-31", "post", 0.0),
    )
    came_by = pd.Series(["web", "laden", "web", "laden"], index=list("abcd"))
    found = channel_costs(first, budget=budget, channels=came_by, start=START, as_of=AS_OF)
    assert found.index.tolist() == ["web", "laden"]
    assert found["customers"].tolist() == [2, 1]
    assert found["cac"].tolist() == [50, 30]


def test_the_cost_of_a_customer_is_back_on_the_first_day_that_earned_it():
    quarters = pd.date_range("2024-01-01", periods=4, freq="QS", name="quarter")
    table = pd.DataFrame({"first_margin": 10.0, "new_value": 16.0}, index=quarters)
    costs = pd.DataFrame({"cac": [9.0, 13.0, 17.0]}, index=quarters[:3])
    repeats = pd.Series([0.0, 1.0, 2.0, 3.0])
    found = payback(table, costs=costs, repeats=repeats, repeat_margin=2.0)
    assert found["payback"].tolist() == [
        *("first_purchase", "in_horizon", "not_in_horizon", "no_cost"),
    ]
    assert found["payback_days"].tolist()[:2] == [0, 2]
    assert found["payback_days"].isna().tolist() == [False, False, True, True]
    assert found["net_value"].tolist()[:3] == [7, 3, -1]
    curve = earnings(repeats, first_margin=10.0, repeat_margin=2.0, cac=13.0)
    assert curve["earned"].tolist() == [10, 12, 14, 16] and (curve["cac"] == 13).all()


def test_every_customer_stands_in_one_cell_of_value_by_risk():
    values = pd.Series([9.0, 8.0, 3.0, 3.0, 1.0, 0.0], index=list("fedcba"))
    risk = pd.Series([0.1, 0.9, 0.5, 0.8, 0.95, 1.0], index=list("fedcba"))
    found = value_by_risk(values, risk=risk)
    assert found.shape == (9, 5)
    assert found["customers"].tolist() == [1, 0, 1, 0, 1, 1, 0, 0, 2]
    assert found.loc[(1, "low"), "value"] == 9
    assert found[["value_share", "customer_share"]].sum().tolist() == pytest.approx([1, 1])
    assert np.isnan(found.loc[(1, "middle"), "mean_value"])
    pd.testing.assert_frame_equal(found, value_by_risk(values[::-1], risk=risk))


# properties


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_daily_sum_is_the_integral_over_the_horizon(model):
    """By parts: what is bought by each moment, at the speed at which money loses value."""
    daily = np.log(1.15) / 365
    repeats = discounted_repeats(model, horizon_days=1095, annual_discount_rate=0.15)

    def bought(days):
        return purchase_models.expected_repeat_purchases(model, np.array([days]))[0]

    lost = quad(lambda t: np.exp(-daily * t) * bought(t), 0, 1095, epsrel=1e-10)[0]
    exact = np.exp(-daily * 1095) * bought(1095.0) + daily * lost
    assert repeats.iloc[-1] == pytest.approx(exact, rel=1e-6)
    undiscounted = discounted_repeats(model, horizon_days=1095, annual_discount_rate=0.0)
    assert undiscounted.iloc[-1] == pytest.approx(bought(1095.0), rel=1e-12)
    assert repeats.is_monotonic_increasing and repeats.iloc[-1] < undiscounted.iloc[-1]


def test_money_is_unit_safe():
    terms = {"horizon_days": 365, "annual_discount_rate": 0.1, "margin": 0.3}
    euros = new_customer(MODELS[0], first_purchase=30.0, spend=35.0, **terms)
    cents = new_customer(MODELS[0], first_purchase=3000.0, spend=3500.0, **terms)
    assert cents.value == pytest.approx(100 * euros.value)


@pytest.mark.parametrize("seed", range(20))
def test_shrinking_keeps_the_order_and_stays_between_the_mean_and_the_own_mean(seed):
    rng = np.random.default_rng(seed)
    days = START + pd.to_timedelta(rng.integers(0, 366, 200), unit="D")
    table = first_purchases(
        pd.DataFrame(
            {
                "customer_id": [f"{n:03d}" for n in range(200)],
                "date": days,
                "amount": rng.gamma(2, 10, 200) * (1 + days.quarter),
            }
        ),
        as_of=AS_OF,
    )
    found = cohorts(table, repeat_value=0.0, margin=1.0)
    own, shrunk = found["first_basket"], found["first_basket_shrunk"]
    assert shrunk.min() >= own.min() and shrunk.max() <= own.max()
    assert np.ptp(shrunk) <= np.ptp(own)
    assert (shrunk.rank() == own.rank()).all() or np.ptp(shrunk) == 0


def test_what_is_spent_does_not_depend_on_how_it_is_cut(first):
    year = spending(("2024-01-01", "2024-12-31", "web", 366.0))
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    cut = spending(
        *((day, day + pd.offsets.MonthEnd(0), "web", float(day.days_in_month)) for day in months)
    )
    whole = acquisition_costs(first, budget=year, start=START, as_of=AS_OF)
    parts = acquisition_costs(first, budget=cut, start=START, as_of=AS_OF)
    pd.testing.assert_frame_equal(whole, parts)


# against an authority


@pytest.mark.parametrize("model", MODELS[:3], ids=lambda model: model.name)
def test_a_new_customer_buys_as_often_as_simulated_ones(model):
    """A hundred thousand lives lived day by day, from the definition of each model."""
    rng, n, horizon = np.random.default_rng(1), 100_000, 365.0
    rate = rng.gamma(model.r, 1 / model.alpha, n)
    if model.name == "pareto_nbd":
        life = rng.exponential(1.0, n) / rng.gamma(model.s, 1 / model.beta, n)
        leaving = np.zeros(n)
    else:
        life, leaving = np.full(n, np.inf), rng.beta(model.a, model.b, n)
    here = np.arange(n)
    if model.name == "mbg_nbd":
        here = here[rng.random(n) >= leaving]
    time, worth = np.zeros(n), 0.0
    while here.size:
        time[here] += rng.exponential(1.0, here.size) / np.maximum(rate[here], 1e-300)
        here = here[time[here] < np.minimum(horizon, life[here])]
        worth += (1.1 ** (-time[here] / 365)).sum()
        here = here[rng.random(here.size) >= leaving[here]]
    found = discounted_repeats(model, horizon_days=365, annual_discount_rate=0.1).iloc[-1]
    assert found == pytest.approx(worth / n, rel=0.02)


def test_a_new_customer_of_the_cdnow_sample(sample_orders):
    as_of = pd.Timestamp("1998-06-30")
    base = summary.summarise(sample_orders, as_of=as_of)
    model = purchase_models.fit("bg_nbd", summary.profiles(base))
    money = spend.fit(base)
    first = first_purchases(sample_orders, as_of=as_of)
    one = new_customer(
        model,
        first_purchase=first["amount"].mean(),
        spend=money.p * money.v / (money.q - 1),
        horizon_days=365,
        annual_discount_rate=0.1,
        margin=1.0,
    )
    # The first basket is a mean of the data, 32.76 over 2,357 customers.
    assert one.first_margin == pytest.approx(
        sample_orders.sort_values("date").groupby("customer_id")["amount"].first().mean()
    )
    # They did buy again, within the year after their first purchase, as often as expected.
    age = sample_orders["date"] - sample_orders["customer_id"].map(first["date"])
    in_year = age.between(pd.Timedelta(days=1), pd.Timedelta(days=365)).sum() / len(first)
    assert one.repeat_purchases == pytest.approx(in_year, rel=0.06)


def test_the_example_shop_spent_what_its_file_says(shop):
    base, budget = shop.base, shop.companions["budget"].table
    first = first_purchases(base.orders, as_of=base.as_of)
    span = {"start": base.first_day, "as_of": base.as_of}
    found = acquisition_costs(first, budget=budget, **span)
    assert found["customers"].sum() == len(first) == 1379
    # The first order is on the second day of the first budget: that day's part is left out.
    opening = budget[budget["first_day"] == budget["first_day"].min()]["acquisition_budget"].sum()
    spent = budget["acquisition_budget"].sum() - opening / 92
    assert found["acquisition_budget"].sum() == pytest.approx(spent)
    assert found["cac"].between(20, 29).all()

    came_by = shop.companions["customers"].table["first_channel"]
    by_channel = channel_costs(first, budget=budget, channels=came_by, **span)
    assert by_channel.index.tolist() == ["anzeige", "social", "empfehlung", "web", "laden"]
    assert by_channel["acquisition_budget"].sum() == pytest.approx(spent)
    assert by_channel["customers"].sum() == 1378


def test_a_new_customer_of_the_example_shop_buys_as_its_world_says(shop):
    """Fitted to two and a half years, against the parameters from which the shop was made."""
    truth = pd.read_csv(
        datasets.EXAMPLE_FOLDER / "wahrheit_parameter.csv",
        sep=";",
        decimal=",",
        encoding="utf-8-sig",
        index_col="parameter",
    )["wert"]
    world = BgNbd(truth["r"], truth["alpha"] * 7, truth["a"], truth["b"], *NOT_FITTED)
    base = summary.summarise(shop.base.orders, as_of=shop.base.as_of)
    model = purchase_models.fit("bg_nbd", summary.profiles(base))
    terms = {"horizon_days": 365, "annual_discount_rate": 0.1}
    found = discounted_repeats(model, **terms).iloc[-1]
    # Christmas and a campaign come on top of the rate that the parameters give.
    assert found == pytest.approx(discounted_repeats(world, **terms).iloc[-1], rel=0.06)


# messages


def test_what_is_out_of_range_is_refused():
    terms = {"horizon_days": 365, "annual_discount_rate": 0.1}
    with pytest.raises(ValueError, match=r"margin=30 must be above 0 and at most 1"):
        new_customer(MODELS[0], first_purchase=1.0, spend=1.0, margin=30, **terms)
    with pytest.raises(ValueError, match="horizon_days=0 must be at least 1"):
        discounted_repeats(MODELS[0], horizon_days=0, annual_discount_rate=0.1)
    with pytest.raises(ValueError, match=r"write 0\.10 for 10 %"):
        discounted_repeats(MODELS[0], horizon_days=10, annual_discount_rate=10)
    values = pd.Series([1.0, 2.0], index=["a", "b"])
    with pytest.raises(DataError, match="1 of 2 customers have no value, a negative one, or no ri"):
        value_by_risk(values, risk=pd.Series([0.5], index=["a"]))
