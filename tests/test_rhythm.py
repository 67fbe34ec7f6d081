import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from workbench import rhythm
from workbench.rhythm import kaplan_meier
from workbench.schema import DataError, TooFewData
from workbench.summary import summarise

SEEDS = range(20)
AS_OF = pd.Timestamp("2024-12-31")
SECOND, THIRD = rhythm.STAGES.values()


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


def random_orders(seed: int, *, n: int = 900, customers: int = 120) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, customers, n).astype(str),
            "date": pd.Timestamp("2023-11-15")
            + pd.to_timedelta(chance.integers(0, 400, n), unit="D"),
            "amount": chance.exponential(20, n),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def curve(times: list[int], events: list[bool]) -> pd.DataFrame:
    return kaplan_meier(pd.Series(times), pd.Series(events))


# by hand


def test_a_day_of_returns_is_no_day_in_the_rhythm_of_a_customer():
    bought = orders(("anna", "2024-01-08", 5), ("anna", "2024-01-29", 5), ("ben", "2024-01-30", 5))
    back = orders(
        ("anna", "2024-01-01", -1),
        ("anna", "2024-01-15", -1),
        ("anna", "2024-02-02", -1),
        ("cleo", "2024-01-16", -1),
    )
    table = pd.concat([bought, back])
    for one, two in (
        (rhythm.gaps(bought, as_of=AS_OF), rhythm.gaps(table, as_of=AS_OF)),
        (rhythm.calendar(bought, last_day=AS_OF), rhythm.calendar(table, last_day=AS_OF)),
        (rhythm.waiting(bought, as_of=AS_OF, nth=1), rhythm.waiting(table, as_of=AS_OF, nth=1)),
    ):
        pd.testing.assert_frame_equal(one, two)
    assert rhythm.gaps(table, as_of=AS_OF)["days"].tolist() == [21]


def test_the_estimate_is_the_product_of_the_shares_that_stay():
    table = curve([1, 2, 2, 3, 5], [True, True, False, False, True])
    # 1 of 5, then 1 of 4; a customer censored on day 2 is at risk on day 2; then 1 of 1.
    assert table["at_risk"].tolist() == [5, 4, 2, 1]
    assert table["events"].tolist() == [1, 1, 0, 1]
    assert table["censored"].tolist() == [0, 1, 1, 0]
    np.testing.assert_allclose(table["survival"], [0.8, 0.6, 0.6, 0.0], atol=1e-15)


def test_the_variance_is_greenwoods():
    table = curve([1, 2, 2, 3, 5], [True, True, False, False, True])
    first = 0.8 * np.sqrt(1 / (5 * 4))
    second = 0.6 * np.sqrt(1 / (5 * 4) + 1 / (4 * 3))
    np.testing.assert_allclose(table["standard_error"], [first, second, second, np.nan])


def test_the_bounds_come_from_the_log_log_scale():
    table = curve([1, 2, 2, 3], [True, True, False, False])
    z, survival = norm.ppf(0.975), 0.75
    theta = z * np.sqrt(1 / (4 * 3)) / abs(np.log(survival))
    assert table.loc[1, "lower"] == pytest.approx(survival ** np.exp(theta))
    assert table.loc[1, "upper"] == pytest.approx(survival ** np.exp(-theta))


def test_without_censoring_the_error_is_that_of_a_share():
    table = curve(list(range(1, 11)), [True] * 10)
    share = table["survival"].iloc[:-1]
    np.testing.assert_allclose(table["standard_error"].iloc[:-1], np.sqrt(share * (1 - share) / 10))


def test_before_the_first_event_everything_is_certain():
    table = curve([1, 4], [False, True])
    assert table.loc[1, ["survival", "lower", "upper"]].tolist() == [1.0, 1.0, 1.0]
    assert table.loc[1, "standard_error"] == 0


def test_where_nobody_is_left_there_are_no_bounds():
    table = curve([1, 4], [True, True])
    assert table.loc[4, "survival"] == 0
    assert table.loc[4, ["standard_error", "lower", "upper"]].isna().all()


def test_waiting_ends_with_the_next_purchase_or_with_the_day_of_reference():
    log = orders(
        ("anna", "2024-01-11", 1), ("anna", "2024-01-01", 1), ("anna", "2024-01-31", 1),
        ("ben", "2024-12-30", 1), ("cleo", "2024-12-31", 1), ("dora", "2025-01-01", 1),
    )  # fmt: skip
    first = rhythm.waiting(log, as_of=AS_OF, nth=1)
    assert first["days"].to_dict() == {"anna": 10, "ben": 1, "cleo": 0}
    assert first["bought"].to_dict() == {"anna": True, "ben": False, "cleo": False}
    second = rhythm.waiting(log, as_of=AS_OF, nth=2)
    assert second.to_dict("index") == {"anna": {"days": 20, "bought": True}}


def test_gaps_are_the_days_between_neighbouring_purchases():
    log = orders(
        ("ben", "2024-03-01", 1), ("anna", "2024-01-11", 1), ("anna", "2024-01-01", 1),
        ("anna", "2024-01-31", 1),
    )  # fmt: skip
    table = rhythm.gaps(log, as_of=AS_OF)
    assert table.to_dict("list") == {
        "customer_id": ["anna", "anna"],
        "nth": [1, 2],
        "days": [10, 20],
    }


def test_a_gap_of_seven_days_is_one_week_and_of_eight_is_two():
    gaps = pd.DataFrame({"customer_id": ["a", "a", "b"], "days": [7, 8, 366]})
    table = rhythm.gap_classes(gaps)
    assert table.loc["bis 1 Woche"].tolist() == [1, 1 / 3, 1]
    assert table.loc["bis 2 Wochen", "gaps"] == 1
    assert table.loc["über 52 Wochen", "gaps"] == 1
    assert table.index[0] == "bis 1 Woche"


def test_the_calendar_relates_purchases_to_the_days_there_were():
    log = orders(("anna", "2024-01-01", 1), ("ben", "2024-01-01", 1), ("ben", "2024-01-08", 1))
    table = rhythm.calendar(log, last_day=pd.Timestamp("2024-01-10"))
    january = pd.Timestamp("2024-01-01")
    assert table.loc[(january, "Montag")].tolist() == [2, 3, 2, 1.5]
    assert table.loc[(january, "Donnerstag")].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("last", "periods"),
    [("2026-12-31", 36), ("2027-01-01", 13), ("2032-12-31", 36), ("2033-01-01", 10)],
)
def test_months_become_quarters_and_then_years(last, periods):
    log = orders(("anna", "2024-01-15", 1), ("anna", last, 1))
    table = rhythm.calendar(log, last_day=pd.Timestamp(last))
    starts = table.index.unique("period")
    assert (len(starts), starts[0]) == (periods, pd.Timestamp("2024-01-01"))


def test_the_base_is_divided_by_the_time_since_the_last_purchase():
    log = orders(("anna", "2024-12-03", 30), ("ben", "2024-12-02", 10), ("cleo", "2023-01-01", 60))
    table = rhythm.base_by_silence(summarise(log, as_of=AS_OF))
    assert table["customers"].to_dict() == {
        "bis 4 Wochen": 1, "bis 13 Wochen": 1, "bis 26 Wochen": 0, "bis 52 Wochen": 0,
        "über 52 Wochen": 1,
    }  # fmt: skip
    assert table.loc["über 52 Wochen", "revenue_share"] == 0.6


def test_of_the_weeks_of_a_curve_those_too_close_are_blanked_and_the_marks_last():
    index = pd.MultiIndex.from_product([[SECOND], [2, 3, 4, 5, 6]], names=["stage", "week"])
    buyers = np.array([3, 9, 10, 10, 40])
    curves = pd.DataFrame({"buyers": buyers, "later": 40 - buyers}, index=index)
    shown = rhythm.thin(curves, k=5)["buyers"]
    # Week 2 speaks of 3, week 3 lies 1 below the mark in week 4.
    np.testing.assert_array_equal(shown, [np.nan, np.nan, 10, 10, 40])


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_later_rows_and_the_argument_do_not_matter(seed):
    log = random_orders(seed)
    as_of = pd.Timestamp("2024-11-30")
    before = log.copy()
    shuffled = log.sample(frac=1, random_state=seed)
    known = log[log["date"] <= as_of]
    for other in (shuffled, known):
        for table in (rhythm.gaps, rhythm.next_purchase):
            expected = table(log, as_of=as_of)
            pd.testing.assert_frame_equal(table(other, as_of=as_of), expected, check_exact=True)
        pd.testing.assert_frame_equal(
            rhythm.calendar(other, last_day=as_of), rhythm.calendar(log, last_day=as_of)
        )
    pd.testing.assert_frame_equal(log, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_calendar_counts_every_purchase_and_every_day_once(seed):
    log = random_orders(seed)
    last = log["date"].max()
    table = rhythm.calendar(log, last_day=last)
    assert table["purchases"].sum() == len(log)
    assert table["days"].sum() == (last - log["date"].min()).days + 1
    assert (table["customers"] <= table["purchases"]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fast_estimate_is_that_of_the_slow_loop(seed):
    chance = np.random.default_rng(seed)
    days = pd.Series(chance.integers(0, 30, 80))
    happened = pd.Series(chance.random(80) < 0.6)
    table = kaplan_meier(days, happened)
    survival, variance = 1.0, 0.0
    for day in sorted(set(days)):
        n, d = (days >= day).sum(), ((days == day) & happened).sum()
        survival *= 1 - d / n
        variance += d / (n * (n - d)) if n > d else np.nan
        assert table.loc[day, "survival"] == pytest.approx(survival, abs=1e-12)
        if survival > 0:
            assert table.loc[day, "standard_error"] == pytest.approx(survival * variance**0.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_curve_rises_within_its_bounds_and_reads_the_estimate_at_whole_weeks(seed):
    log = random_orders(seed)
    as_of = pd.Timestamp("2024-12-31")
    curves = rhythm.next_purchase(log, as_of=as_of)
    assert set(curves.index.unique("stage")) == {SECOND, THIRD}
    for nth, stage in rhythm.STAGES.items():
        one = curves.loc[stage]
        assert one["bought_share"].is_monotonic_increasing
        assert ((one["low"] <= one["bought_share"]) & (one["bought_share"] <= one["high"])).all()
        assert (one["waiting"] >= rhythm.MIN_CUSTOMERS).all()
        wait = rhythm.waiting(log, as_of=as_of, nth=nth)
        daily = kaplan_meier(wait["days"], wait["bought"])["survival"]
        week = one.index[-1]
        assert one.loc[week, "bought_share"] == 1 - daily[daily.index <= 7 * week].iloc[-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_thinned_curves_never_tell_of_fewer_than_k(seed):
    curves = rhythm.next_purchase(random_orders(seed), as_of=AS_OF)
    shown = rhythm.thin(curves, k=5)
    for stage, one in shown.groupby("stage"):
        total = curves.loc[stage, ["buyers", "later"]].iloc[0].sum()
        told = np.unique([0, *one["buyers"].dropna(), total])
        assert (np.diff(told) >= 5).all()
    assert shown["bought_share"].notna().any()


def test_the_estimate_recovers_the_waiting_times_behind_censored_data():
    chance = np.random.default_rng(1)
    true = chance.geometric(0.02, 20000)
    censored = chance.integers(1, 200, 20000)
    table = kaplan_meier(pd.Series(np.minimum(true, censored)), pd.Series(true <= censored))
    for day in (10, 50, 100):
        assert table.loc[day, "survival"] == pytest.approx(0.98**day, abs=0.012)
        assert table.loc[day, "lower"] < 0.98**day < table.loc[day, "upper"]


# against an authority


def test_the_estimate_is_that_of_the_leukaemia_trial_of_freireich():
    """Remission of 21 patients under 6-MP, in weeks; Kaplan-Meier and Greenwood errors.

    Freireich et al. (1963), Blood 21, 699-716, as in Kalbfleisch and Prentice (2002) and
    Kleinbaum and Klein (2012), Survival Analysis, chapter 2.
    """
    events = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    table = curve(events + censored, [True] * 9 + [False] * 12)
    published = {
        6: (0.857, 0.0764),
        7: (0.807, 0.0869),
        10: (0.753, 0.0963),
        13: (0.690, 0.1068),
        16: (0.627, 0.1141),
        22: (0.538, 0.1282),
        23: (0.448, 0.1346),
    }
    for week, (survival, error) in published.items():
        assert table.loc[week, "survival"] == pytest.approx(survival, abs=0.0005)
        assert table.loc[week, "standard_error"] == pytest.approx(error, abs=0.00005)


def test_the_share_with_a_second_purchase_in_the_closed_cohort_of_cdnow(master_orders):
    # Everybody was observed for 455 days or more, so within a year the estimate is a share.
    as_of = pd.Timestamp("1998-06-30")
    curves = rhythm.next_purchase(master_orders, as_of=as_of)
    wait = rhythm.waiting(master_orders, as_of=as_of, nth=1)
    for week in rhythm.MARK_WEEKS:
        plain = (wait["bought"] & (wait["days"] <= 7 * week)).mean()
        assert curves.loc[(SECOND, week), "bought_share"] == pytest.approx(plain, abs=1e-12)
    assert curves.loc[(SECOND, 26), "bought_share"] == pytest.approx(0.3763, abs=0.00005)
    assert curves.loc[(THIRD, 26), "bought_share"] == pytest.approx(0.5573, abs=0.00005)


# messages


def test_too_few_second_purchases_bear_no_curve():
    log = orders(("anna", "2024-01-01", 1), ("anna", "2024-02-01", 1), ("ben", "2024-01-01", 1))
    with pytest.raises(TooFewData, match="30 customers with a second purchase; there are 1") as one:
        rhythm.next_purchase(log, as_of=AS_OF)
    assert (one.value.have, one.value.need) == (1, 30)


def test_where_nobody_came_back_there_are_no_gaps_to_classify():
    gaps = rhythm.gaps(orders(("anna", "2024-01-01", 1)), as_of=AS_OF)
    with pytest.raises(TooFewData, match="nobody bought twice"):
        rhythm.gap_classes(gaps)


def test_observations_must_be_there_and_not_negative():
    with pytest.raises(DataError, match="no observation"):
        curve([], [])
    with pytest.raises(DataError, match="1 of 2 observations"):
        curve([-1, 2], [True, True])


def test_a_day_before_all_purchases_is_refused():
    with pytest.raises(DataError, match="no purchase up to 2020-01-01"):
        rhythm.gaps(orders(("anna", "2024-01-01", 1)), as_of=pd.Timestamp("2020-01-01"))
