import numpy as np
import pandas as pd
import pytest
from conftest import CALIBRATION_END, HOLDOUT_DAYS, HOLDOUT_END
from scipy.optimize import minimize
from scipy.special import gammaln

from workbench import (
    backtests,
    evaluation,
    gates,
    purchases,
    sources,
    spend,
    synthetic,
    transactions,
)
from workbench.backtests import Forecast
from workbench.schema import DataError, NotIdentified, TooFewData

SEEDS = range(8)
START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-30")


def bg_nbd(days: int) -> backtests.Model:
    def forecast(past: pd.DataFrame, profiles: pd.DataFrame) -> Forecast:
        model = purchases.fit(profiles)
        return Forecast(
            purchases.expected_purchases(model, past, days=days),
            lambda ages: purchases.expected_repeat_purchases(model, ages),
        )

    return forecast


def nbd(days: int) -> backtests.Model:
    """Nobody leaves: gamma-Poisson, fitted by a general optimiser."""

    def forecast(past: pd.DataFrame, profiles: pd.DataFrame) -> pd.Series:
        x, age, customers = (
            profiles[name].to_numpy(float) for name in ("frequency", "T", "customers")
        )

        def loss(theta: np.ndarray) -> float:
            r, alpha = np.exp(theta)
            terms = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)
            return -float(customers @ terms) / customers.sum()

        r, alpha = np.exp(minimize(loss, [0.0, 4.0], method="Nelder-Mead", tol=1e-9).x)
        return (r + past["frequency"]) / (alpha + past["T"]) * days

    return forecast


def of_spend(past: pd.DataFrame, orders: pd.DataFrame) -> pd.Series:
    return spend.expected_spend(spend.fit(past), past)


def simulated(seed: int, *, n_customers: int = 1500) -> pd.DataFrame:
    return synthetic.purchases(
        **{"r": 0.25, "alpha_days": 31, "a": 0.8, "b": 2.4, "p": 6.25, "q": 3.74, "v": 15.44},
        n_customers=n_customers,
        start=START,
        acquisition_days=90,
        end=END,
        seed=seed,
    )


def shuffle_futures(orders: pd.DataFrame, *, cutoff: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Deal what comes after a day among the customers who first bought in the same month."""
    random = np.random.default_rng(seed)
    first = orders.groupby("customer_id")["date"].min()
    first = first[first <= cutoff]
    other = {}
    for _, month in first.groupby(first.dt.strftime("%Y-%m")):
        other |= dict(zip(month.index, random.permutation(month.index), strict=True))
    dealt = orders["customer_id"].map(other).fillna(orders["customer_id"])
    is_later = orders["date"] > cutoff
    return orders.assign(customer_id=orders["customer_id"].mask(is_later, dealt))


def without_signal(orders: pd.DataFrame, days: tuple[pd.Timestamp, ...], *, seed: int):
    """Deal anew after every origin, so that no origin's past tells of its future."""
    for number, day in enumerate(days):
        orders = shuffle_futures(orders, cutoff=day, seed=100 * seed + number)
    return orders


def orders_of(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return orders.assign(date=pd.to_datetime(orders["date"]))


THREE = orders_of(
    [
        ("anna", "2024-01-01", 10.0),
        ("anna", "2024-01-11", 20.0),
        ("anna", "2024-01-25", 30.0),
        ("anna", "2024-01-31", 40.0),
        ("ben", "2024-01-06", 5.0),
        ("ben", "2024-01-26", 7.0),
        ("cem", "2024-01-21", 8.0),
        ("dora", "2024-01-29", 9.0),
    ]
)
FIRST, SECOND = pd.Timestamp("2024-01-11"), pd.Timestamp("2024-01-21")


def of_three(**models: backtests.Model) -> backtests.Backtest:
    return backtests.run(
        THREE,
        origins=[FIRST, SECOND],
        horizon_days=10,
        as_of=pd.Timestamp("2024-01-31"),
        models=models,
        spend=lambda past, orders: pd.Series(10.0, index=past.index),
    )


def judged(truth: list[float], **forecasts: list[float]) -> backtests.Backtest:
    """A backtest at one origin of customers who all bought twice before, once a month on average.

    Customer i buys `truth[i]` times in the 30 days after it.
    """
    names = [f"c{number:03d}" for number in range(len(truth))]
    rows = [(name, day, 1.0) for name in names for day in ("2024-01-01", "2024-01-31")]
    for name, count in zip(names, truth, strict=True):
        days = pd.date_range("2024-03-02", periods=int(count))
        rows += [(name, str(day.date()), 1.0) for day in days]
    models = {
        name: (lambda past, _, values=values: pd.Series(values, index=past.index, dtype=float))
        for name, values in forecasts.items()
    }
    return backtests.run(
        orders_of(rows),
        origins=[pd.Timestamp("2024-03-01")],
        horizon_days=30,
        as_of=pd.Timestamp("2024-03-31"),
        models=models,
    )


@pytest.fixture(scope="module")
def cdnow(sample_orders) -> backtests.Backtest:
    """Sample, calibration and holdout of the literature."""
    return backtests.run(
        sample_orders,
        origins=[CALIBRATION_END],
        horizon_days=HOLDOUT_DAYS,
        as_of=HOLDOUT_END,
        models={"nbd": nbd(HOLDOUT_DAYS), "bg_nbd": bg_nbd(HOLDOUT_DAYS)},
        spend=of_spend,
    )


@pytest.fixture(scope="module")
def uci(shared) -> pd.DataFrame:
    """UCI Online Retail gross of returns, without the free orders."""
    ours = ("customer_id", "date", "quantity", "unit_price", "order_id", "product_id")
    theirs = ("CustomerID", "InvoiceDate", "Quantity", "UnitPrice", "InvoiceNo", "StockCode")
    source = sources.read(
        shared / "data" / "online_retail_uci.parquet",
        columns=dict(zip(ours, theirs, strict=True)),
    )
    orders = transactions.clean(source, max_loss=1, returns="drop").orders
    return orders[orders["amount"] > 0]


# by hand


@pytest.mark.parametrize(
    ("n_days", "calibrations", "step_days", "code"),
    [
        (500, [100, 200, 300, 400], 100, "disjoint"),
        (499, [199, 299, 399], 100, "disjoint"),
        (400, [100, 200, 300], 100, "disjoint"),
        (399, [99, 199, 299], 100, "overlapping"),  # the first calibration is too short
        (300, [50, 125, 200], 75, "overlapping"),
        (200, [50, 75, 100], 25, "overlapping"),
        (199, [50, 99], 49, "few"),
        (175, [50, 75], 25, "few"),
        (174, [74], 24, "few"),
        (150, [50], 0, "few"),
    ],
)
def test_origins_by_hand(n_days, calibrations, step_days, code):
    orders = orders_of([("anna", "2024-01-01", 1.0)])
    as_of = START + pd.Timedelta(days=n_days - 1)
    placed = backtests.origins(orders, as_of=as_of, horizon_days=100)
    assert [(day - START).days + 1 for day in placed.days] == calibrations
    assert (placed.step_days, placed.code) == (step_days, code)


def test_the_latest_origins_are_kept():
    orders = orders_of([("anna", "2023-01-01", 1.0)])
    keywords = {"as_of": END, "horizon_days": 30}
    every = backtests.origins(orders, max_origins=99, **keywords)
    assert backtests.origins(orders, max_origins=4, **keywords).days == every.days[-4:]
    assert backtests.origins(orders, **keywords).days == every.days[-8:]
    assert backtests.origins(orders, max_origins=2, **keywords).code == "few"
    assert every.days[-1] + pd.Timedelta(days=30) == END


def test_a_first_order_that_was_returned_still_starts_the_data():
    orders = orders_of([("anna", "2024-02-01", 1.0)])
    keywords = {"as_of": END, "horizon_days": 91}
    assert len(backtests.origins(orders, **keywords).days) == 3
    assert backtests.origins(orders, **keywords).code == "overlapping"
    assert backtests.origins(orders, first_day=START, **keywords).code == "disjoint"


def test_a_backtest_by_hand():
    test = of_three(one=lambda past, _: pd.Series(1.0, index=past.index))
    assert test.origins == (FIRST, SECOND)
    assert test.purchases.actual.loc[FIRST].to_dict() == {"anna": 0, "ben": 0}
    # Dora came after the second origin; the windows end on 21 and 31 January.
    assert test.purchases.actual.loc[SECOND].to_dict() == {"anna": 2, "ben": 1, "cem": 0}
    assert test.revenue.actual.loc[SECOND].to_dict() == {"anna": 70, "ben": 7, "cem": 0}
    assert test.revenue.forecasts.loc[SECOND, "one"].tolist() == [10, 10, 10]
    assert test.purchases.forecasts.loc[SECOND, "last_period"].tolist() == [0, 0, 1]
    assert test.purchases.forecasts.loc[SECOND, "own_rate"].tolist() == [0.5, 0, 0]
    assert test.purchases.measures.loc[(SECOND, "one"), "mae"] == pytest.approx(2 / 3)
    assert test.revenue.measures.loc[(SECOND, "one"), "mae"] == pytest.approx((60 + 3 + 10) / 3)
    assert test.customers.loc[SECOND, "frequency"].tolist() == [1, 0, 0]
    assert test.customers.loc[SECOND, "cohort"].tolist() == ["2024-01"] * 3
    assert test.failures.empty and test.tracking.empty


def test_days_of_returns_change_the_truth_of_money_and_no_count():
    bought = simulated(3, n_customers=200)
    first, last = bought["date"].min(), bought["date"].max()
    back = bought.sort_values("date").groupby("customer_id").tail(1).assign(amount=-5.0)
    back["date"] += pd.Timedelta(days=1)
    stranger = back.iloc[:1].assign(customer_id="never", date=first - pd.Timedelta(days=3))
    table = pd.concat([bought, back, stranger]).drop_duplicates(["customer_id", "date"])
    how = {"as_of": last, "horizon_days": 100}
    placed = backtests.origins(bought, **how)
    assert backtests.origins(table, **how) == placed
    one, two = (
        backtests.run(t, origins=placed.days, models={"bg_nbd": bg_nbd(100)}, **how)
        for t in (bought, table)
    )
    pd.testing.assert_frame_equal(one.customers, two.customers)
    pd.testing.assert_series_equal(one.purchases.actual, two.purchases.actual)
    pd.testing.assert_frame_equal(one.purchases.measures, two.purchases.measures)
    pd.testing.assert_frame_equal(one.tracking, two.tracking)
    assert one.revenue.actual.sum() > two.revenue.actual.sum()


def test_a_model_gets_the_summary_and_its_profiles():
    given = {}

    def model(past, profiles):
        given[len(past)] = profiles["customers"].sum()
        return past["frequency"].astype(float)

    of_three(model=model)
    assert given == {2: 2, 3: 3}


def test_a_model_that_does_not_fit_is_recorded_and_the_others_go_on():
    def picky(past, profiles):
        if len(past) < 3:
            raise TooFewData("two customers are too few", have=2, need=3)
        return past["frequency"].astype(float)

    def lost(past, profiles):
        raise NotIdentified("no optimum")

    test = of_three(picky=picky, lost=lost)
    assert test.failures.to_dict("list") == {
        "origin": [FIRST, FIRST, SECOND],
        "model": ["picky", "lost", "lost"],
        "code": ["too_few_data", "not_identified", "not_identified"],
        "message": ["two customers are too few", "no optimum", "no optimum"],
    }
    assert test.purchases.forecasts["lost"].isna().all()
    assert "picky" not in test.purchases.measures.loc[FIRST].index
    assert "picky" in test.purchases.measures.loc[SECOND].index
    assert gates.verdict(test, model="lost").code == "untested"
    choice = gates.choose(test)
    assert (choice.name, choice.code) == ("picky", "only_one")
    assert choice.table["n_origins"].to_dict() == {"picky": 1, "lost": 0}


def test_spend_that_does_not_fit_leaves_the_purchases():
    test = backtests.run(
        THREE,
        origins=[SECOND],
        horizon_days=10,
        as_of=pd.Timestamp("2024-01-31"),
        models={"one": lambda past, _: pd.Series(1.0, index=past.index)},
        spend=of_spend,
    )
    assert test.failures[["model", "code"]].values.tolist() == [["spend", "too_few_data"]]
    assert test.purchases.forecasts["one"].tolist() == [1, 1, 1]
    assert test.revenue.forecasts["one"].isna().all()
    assert gates.money_verdict(test, model="one").code == "untested"


def test_forecasts_know_the_day_and_the_truth_the_end_of_the_window():
    asked = []

    def known(day):
        asked.append(day)
        # A return of 22 January, of anna's order of the 11th.
        back = (THREE["customer_id"] == "anna") & (THREE["date"] == FIRST)
        seen = THREE[~back] if day > SECOND else THREE
        return seen[seen["date"] <= day]

    def model(past, _):
        return Forecast(past["frequency"].astype(float), lambda ages: ages / 10)

    test = backtests.run(
        THREE,
        origins=[SECOND],
        horizon_days=10,
        as_of=pd.Timestamp("2024-01-31"),
        models={"model": model},
        known=known,
    )
    assert asked == [SECOND, pd.Timestamp("2024-01-31")]
    # Whole weeks: up to the 21st anna's return is not known; up to the 28th she and ben buy.
    weeks = test.tracking.loc[(SECOND, "model")]
    assert weeks["cumulative_actual"].tolist() == [0, 1, 1, 3]
    assert test.customers.loc[SECOND, "frequency"].tolist() == [1, 0, 0]
    assert test.purchases.actual.loc[SECOND].tolist() == [2, 1, 0]


def test_the_error_of_origins_counts_equally_by_hand():
    test = judged([0, 0, 0, 6], good=[0, 0, 0, 5], bad=[3, 0, 0, 0])
    found = gates.verdict(test, model="good")
    # Everybody has bought once in 60 days since the first purchase: last period 0, own rate .5.
    assert found.best_naive == "own_rate"
    assert found.error_gain == pytest.approx(1 - np.sqrt(1 / (3 * 0.25 + 5.5**2)))
    assert (found.n_origins, found.n_origins_won) == (1, 1)
    table = gates.choose(test).table
    assert table["error"].to_dict() == pytest.approx({"good": 1 / 6, "bad": np.sqrt(45 / 36)})
    assert table["bias_size"].to_dict() == pytest.approx({"good": 1 / 6, "bad": 1 / 2})


BOUGHT = [0, 0, 0, 0, 1, 1, 2, 3, 4, 5] * 20


@pytest.mark.parametrize(
    ("forecast", "code", "reasons"),
    [
        (BOUGHT, "better", ()),
        ([0.6 * count for count in BOUGHT], "better", ()),
        # The right sum for everybody: a lower error, and no word about anybody.
        ([1.6] * 200, "tied", ("signal",)),
        ([5 - count for count in BOUGHT], "worse", ("error", "order", "sum", "signal")),
        ([count + 1.3 for count in BOUGHT], "tied", ("sum",)),
        ([count + 3 for count in BOUGHT], "worse", ("error", "sum")),
    ],
)
def test_the_verdict_follows_its_rule(forecast, code, reasons):
    # Naive forecasts of .5 each, "own_rate", are 68.75 % below the sum; a constant orders half.
    test = judged(BOUGHT, model=forecast)
    found = gates.verdict(test, model="model")
    assert (found.code, found.reasons) == (code, reasons)


def test_the_simplest_of_those_that_tie_is_chosen():
    truth = np.array(BOUGHT, float)
    close, far = truth + 0.5, truth + 0.6
    test = judged(BOUGHT, mbg_nbd=close - 0.001, pareto_nbd=close - 0.002, bg_nbd=close, nbd=far)
    choice = gates.choose(test)
    assert (choice.name, choice.code) == ("bg_nbd", "simplest_of_tied")
    assert choice.table.index.tolist() == ["nbd", "bg_nbd", "mbg_nbd", "pareto_nbd"]
    assert choice.table["is_tied"].tolist() == [False, True, True, True]


def test_a_model_whose_sum_is_further_off_does_not_tie():
    truth = np.array(BOUGHT, float)
    up_and_down = np.where(np.arange(200) % 2, 0.5, -0.5)
    test = judged(BOUGHT, nbd=truth + 0.5, bg_nbd=(truth + 0.5 + up_and_down).clip(0))
    flat = judged(BOUGHT, nbd=truth + 0.5, bg_nbd=truth + 0.4999)
    assert gates.choose(flat).name == "nbd"
    assert gates.choose(test).name == "nbd"
    alternating = judged(BOUGHT, nbd=truth + 1.5, bg_nbd=(truth + 3 * up_and_down).clip(0))
    choice = gates.choose(alternating)
    assert (choice.name, choice.code) == ("bg_nbd", "lowest_error")


def test_without_a_model_none_is_chosen():
    assert gates.choose(judged([0, 1]))[:2] == ("", "none")


def test_where_nobody_buys_nothing_is_tested():
    assert gates.verdict(judged([0, 0], model=[0, 0]), model="model").code == "untested"


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_after_an_origin_changes_no_forecast(seed):
    orders = simulated(seed, n_customers=400)
    day = pd.Timestamp("2024-06-30")
    later = orders["date"] > day
    # Every later order a day later and dearer; those of the last day are in nobody's window.
    moved = orders.assign(date=orders["date"].mask(later, orders["date"] + pd.Timedelta(days=1)))
    moved["amount"] = moved["amount"].mask(later, 999.0)
    keywords = {
        "origins": [day],
        "horizon_days": 150,
        "as_of": END,
        "models": {"nbd": nbd(150)},
        "spend": lambda past, orders: past["monetary_value"],
    }
    test, other = (backtests.run(table, **keywords) for table in (orders, moved))
    pd.testing.assert_frame_equal(test.customers, other.customers, check_exact=True)
    for ours, theirs in ((test.purchases, other.purchases), (test.revenue, other.revenue)):
        pd.testing.assert_frame_equal(ours.forecasts, theirs.forecasts, check_exact=True)
    assert not test.revenue.actual.equals(other.revenue.actual)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_nothing(seed):
    orders = simulated(seed, n_customers=400)
    before = orders.copy()
    keywords = {
        "origins": [pd.Timestamp("2024-05-31"), pd.Timestamp("2024-08-31")],
        "horizon_days": 90,
        "as_of": END,
        "models": {"nbd": nbd(90)},
        "spend": lambda past, orders: past["monetary_value"],
    }
    test = backtests.run(orders, **keywords)
    turned = backtests.run(orders.sample(frac=1, random_state=seed), **keywords)
    for part in ("customers", "failures", "tracking"):
        pd.testing.assert_frame_equal(getattr(test, part), getattr(turned, part), check_exact=True)
    for part in ("purchases", "revenue"):
        ours, theirs = getattr(test, part), getattr(turned, part)
        pd.testing.assert_series_equal(ours.actual, theirs.actual, check_exact=True)
        pd.testing.assert_frame_equal(ours.forecasts, theirs.forecasts, check_exact=True)
        pd.testing.assert_frame_equal(ours.measures, theirs.measures, check_exact=True)
    assert gates.verdict(test, model="nbd") == gates.verdict(turned, model="nbd")
    pd.testing.assert_frame_equal(orders, before)


@pytest.fixture(scope="module")
def simulated_verdicts() -> pd.DataFrame:
    """Of BG/NBD on its own world, as it is and without individual signal; a row per seed."""
    rows = []
    for seed in SEEDS:
        orders = simulated(seed)
        days = backtests.origins(orders, as_of=END, horizon_days=91).days
        assert len(days) == 3
        row = {}
        for name, table in (("real", orders), ("dealt", without_signal(orders, days, seed=seed))):
            test = backtests.run(
                table,
                origins=days,
                horizon_days=91,
                as_of=END,
                models={"bg_nbd": bg_nbd(91)},
                spend=of_spend,
            )
            row[name] = gates.verdict(test, model="bg_nbd")
            row[f"{name}_money"] = gates.money_verdict(test, model="bg_nbd")
        rows.append(row)
    return pd.DataFrame(rows, index=SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_individual_signal_no_model_is_better(simulated_verdicts, seed):
    for name in ("dealt", "dealt_money"):
        found = simulated_verdicts.loc[seed, name]
        assert found.code in ("tied", "worse", "untested")
        assert found.code == "untested" or "signal" in found.reasons


def test_most_bases_without_individual_signal_bear_a_fit(simulated_verdicts):
    codes = [found.code for found in simulated_verdicts["dealt"]]
    assert codes.count("untested") <= 2


def test_the_true_model_lowers_the_error_and_is_mostly_better(simulated_verdicts):
    real = simulated_verdicts["real"]
    assert min(found.signal for found in real) > 8
    assert min(found.error_gain_lower for found in real) > 0
    assert sum(found.code == "better" for found in real) >= 6


def test_money_in_cents_has_the_same_verdict(sample_orders, cdnow):
    cents = backtests.run(
        sample_orders.assign(amount=100 * sample_orders["amount"]),
        origins=[CALIBRATION_END],
        horizon_days=HOLDOUT_DAYS,
        as_of=HOLDOUT_END,
        models={"bg_nbd": bg_nbd(HOLDOUT_DAYS)},
        spend=of_spend,
    )
    ours, theirs = (gates.money_verdict(test, model="bg_nbd") for test in (cdnow, cents))
    assert ours[:6] == theirs[:6]
    # Rounding may turn round a pair of customers whose forecasts are all but equal.
    assert ours[6:] == pytest.approx(theirs[6:], rel=1e-5)


def test_the_figures_of_a_verdict_are_those_of_the_model():
    test = judged(BOUGHT, model=[0.6 * count for count in BOUGHT])
    found = gates.verdict(test, model="model")
    assert found.bias == pytest.approx(-0.4)
    assert found.bias_size == pytest.approx(0.4)
    assert found.concordance == 1
    assert found.naive_concordance == 0.5


# against an authority


@pytest.mark.parametrize(
    ("name", "mae", "rmse", "bias", "wape", "msle"),
    [
        ("bg_nbd", 0.7855, 1.6080, -0.121, 0.984, 0.234),
        ("same_count_again", 0.8973, 1.9710, 0.306, 1.124, 0.349),
        ("own_rate", 1.0237, 2.2119, 0.557, 1.282, 0.401),
        ("nobody_buys", 0.7985, 2.2064, -1.000, 1.000, 0.463),
    ],
)
def test_measures_on_cdnow_are_the_reference_table(cdnow, name, mae, rmse, bias, wape, msle):
    row = cdnow.purchases.measures.loc[(CALIBRATION_END, name)]
    assert row["mae"] == pytest.approx(mae, abs=0.00005)
    assert row["rmse"] == pytest.approx(rmse, abs=0.00005)
    assert row[["bias", "wape", "msle"]].tolist() == pytest.approx([bias, wape, msle], abs=0.0005)
    assert cdnow.purchases.actual.sum() == 1882


def test_on_cdnow_bg_nbd_is_better_than_all_and_nobody_buys_is_the_least(cdnow):
    found = gates.verdict(cdnow, model="bg_nbd")
    assert (found.code, found.best_naive) == ("better", "same_count_again")
    assert found.error_gain == pytest.approx(1 - 1.6080 / 1.9710, abs=0.0001)
    assert 0 < found.error_gain_lower < found.error_gain < found.error_gain_upper
    assert found.bias == pytest.approx(-0.121, abs=0.0005)
    at_end = cdnow.purchases.measures.loc[CALIBRATION_END]
    for name in ("rmse", "deviance", "msle"):
        assert at_end.loc["bg_nbd", name] < 0.75 * at_end.loc["nobody_buys", name]
    for name in ("concordance", "gini", "top_decile"):
        assert at_end.loc["bg_nbd", name] > at_end.loc["nobody_buys", name] + 0.2
    assert gates.money_verdict(cdnow, model="bg_nbd").code == "better"


def test_nbd_whom_nobody_leaves_does_not_pass_on_cdnow(cdnow):
    found = gates.verdict(cdnow, model="nbd")
    assert (found.code, found.reasons) == ("tied", ("sum",))
    choice = gates.choose(cdnow)
    assert (choice.name, choice.code) == ("bg_nbd", "lowest_error")


def test_classes_of_frequency_and_the_tracking_of_cdnow_are_the_references(cdnow, sample_orders):
    table = backtests.by_frequency(cdnow, forecast="bg_nbd", origin=CALIBRATION_END)
    assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert table["actual"].tolist() == pytest.approx(
        [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359], abs=0.0005
    )
    assert table["expected"].tolist() == pytest.approx(
        [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157], abs=0.0005
    )
    weeks = cdnow.tracking.loc[(CALIBRATION_END, "bg_nbd")].loc[20:25]
    assert weeks["cumulative_actual"].tolist() == [1359, 1414, 1484, 1517, 1573, 1672]
    assert weeks["cumulative_expected"].tolist() == pytest.approx(
        [1312.458, 1387.346, 1460.392, 1531.713, 1601.418, 1669.6], abs=0.0025
    )


def test_tenths_of_cdnow_add_up_and_fall(cdnow):
    table = backtests.by_decile(cdnow.purchases, forecast="bg_nbd", origin=CALIBRATION_END)
    assert (table["actual"] * table["customers"]).sum() == pytest.approx(1882)
    assert table["expected"].is_monotonic_decreasing
    share = table["actual"].iloc[0] * table["customers"].iloc[0] / 1882
    measured = cdnow.purchases.measures.loc[(CALIBRATION_END, "bg_nbd"), "top_decile"]
    assert share == pytest.approx(measured)


def test_shuffled_cdnow_is_not_better(sample_orders):
    placed = backtests.origins(sample_orders, as_of=HOLDOUT_END, horizon_days=91)
    assert len(placed.days) == 5 and placed.code == "disjoint"
    test = backtests.run(
        without_signal(sample_orders, placed.days, seed=1),
        origins=placed.days,
        horizon_days=91,
        as_of=HOLDOUT_END,
        models={"bg_nbd": bg_nbd(91)},
    )
    found = gates.verdict(test, model="bg_nbd")
    assert (found.code, found.best_naive) == ("worse", "cohort_mean")
    assert abs(found.signal) < 2


def test_on_online_retail_the_last_period_is_the_better_forecast(uci):
    """Reference: mean absolute errors of 1.441 and 1.512, where dropout has collapsed."""
    day = pd.Timestamp("2011-06-08")
    test = backtests.run(
        uci,
        origins=[day],
        horizon_days=184,
        as_of=pd.Timestamp("2011-12-09"),
        models={"bg_nbd": bg_nbd(184), "nbd": nbd(184)},
    )
    assert test.failures[["model", "code"]].values.tolist() == [["bg_nbd", "not_identified"]]
    assert gates.choose(test)[:2] == ("nbd", "only_one")
    mae = test.purchases.measures.loc[day, "mae"]
    assert mae["last_period"] == pytest.approx(1.441, abs=0.0005)
    assert mae["nbd"] == pytest.approx(1.512, abs=0.0005)
    found = gates.verdict(test, model="nbd")
    assert (found.code, found.best_naive) == ("worse", "last_period")
    assert found.error_gain == pytest.approx(-0.095, abs=0.005)
    assert found.error_gain_upper < 0
    assert found.reasons == ("error", "sum")


# messages


def test_too_short_a_history_is_refused_with_the_numbers():
    orders = orders_of([("anna", "2024-01-01", 1.0)])
    with pytest.raises(
        TooFewData, match=r"149 days .* forecast of 100 days: that needs 150"
    ) as info:
        backtests.origins(orders, as_of=START + pd.Timedelta(days=148), horizon_days=100)
    assert (info.value.have, info.value.need) == (149, 150)
    with pytest.raises(ValueError, match="horizon_days=0 and max_origins=8 must be at least 1"):
        backtests.origins(orders, as_of=END, horizon_days=0)


def test_a_run_says_what_is_wrong_with_its_parameters():
    keywords = {"horizon_days": 10, "as_of": pd.Timestamp("2024-01-30"), "models": {}}
    with pytest.raises(ValueError, match="ends on 2024-01-31, 1 days after the last complete day"):
        backtests.run(THREE, origins=[SECOND], **keywords)
    with pytest.raises(ValueError, match="2 origins, 1 of them different"):
        backtests.run(THREE, origins=[FIRST, FIRST], **keywords)
    with pytest.raises(ValueError, match="0 origins"):
        backtests.run(THREE, origins=[], **keywords)
    with pytest.raises(ValueError, match=r"models may not be called \['own_rate'\]"):
        of_three(own_rate=nbd(10))
    with pytest.raises(ValueError, match="horizon_days=0 must be at least 1"):
        backtests.run(THREE, origins=[FIRST], **keywords | {"horizon_days": 0})


def test_a_model_must_answer_for_the_customers_it_was_asked_about():
    with pytest.raises(DataError, match="one answers for 1 customers, not for the 2"):
        of_three(one=lambda past, _: pd.Series([1.0], index=past.index[:1]))
    with pytest.raises(DataError, match="2 of 2 values of forecast 'minus'"):
        of_three(minus=lambda past, _: pd.Series(-1.0, index=past.index))
    with pytest.raises(DataError, match="2 of 2 values of forecast 'missing'"):
        of_three(missing=lambda past, _: pd.Series(np.nan, index=past.index))


def test_an_unknown_model_or_forecast_is_named():
    test = of_three()
    with pytest.raises(ValueError, match="'pareto' is no model of this backtest"):
        gates.verdict(test, model="pareto")
    with pytest.raises(ValueError, match="no forecast 'pareto' at origin 2024-01-11"):
        backtests.by_decile(test.purchases, forecast="pareto", origin=FIRST)


def test_classes_are_those_of_evaluation():
    test = of_three()
    table = backtests.by_frequency(test, forecast="own_rate", origin=SECOND, top=1)
    expected = evaluation.by_frequency(
        test.customers.loc[SECOND],
        actual=test.purchases.actual.loc[SECOND],
        expected=test.purchases.forecasts.loc[SECOND, "own_rate"],
        top=1,
    )
    pd.testing.assert_frame_equal(table, expected)
