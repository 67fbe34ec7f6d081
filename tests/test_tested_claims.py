import numpy as np
import pandas as pd
import pytest

from workbench import tested_claims
from workbench.claim_book import CLAIMS, NUMERIC
from workbench.periods import Periods, choose
from workbench.tested_claims import main, measure, summary, verdict

DAY = pd.Timestamp("2022-01-01")
LONG = Periods(365, DAY, DAY + pd.Timedelta(days=1094))
ALONE = {"seven_times", "five_percent", "revenue_growth", "tenure"}


def row(value: float, low: float = np.nan, high: float = np.nan) -> pd.Series:
    return pd.Series({"value": value, "low": low, "high": high})


def random_orders(seed: int, n: int = 200) -> pd.DataFrame:
    """Customers who come on any day, and buy one to nine times, all at random."""
    chance = np.random.default_rng(seed)
    start, times = chance.integers(0, 1050, n), chance.geometric(0.3, n).clip(max=9)
    customer = np.repeat(np.arange(n), times)
    later = chance.random(len(customer)) * (1094 - start[customer])
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in customer],
            "date": DAY + pd.to_timedelta((start[customer] + later).astype(int), unit="D"),
            "amount": np.round(chance.exponential(30, len(customer)), 2),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def tables(seed: int) -> dict[str, pd.DataFrame]:
    chance = np.random.default_rng(seed)
    names = np.array([f"c{i:03d}" for i in range(200)])
    day = DAY + pd.to_timedelta(chance.integers(500, 900, 200), unit="D")
    coin = chance.random(200) < 0.4
    return {
        "customers": pd.DataFrame(
            {
                "referred_by": pd.Series(np.where(coin, "c000", None), index=names),
                "programme_since": pd.Series(day.where(coin), index=names),
            }
        ),
        "survey": pd.DataFrame(
            {
                "customer_id": names,
                "date": day,
                "nps": pd.array(chance.integers(0, 11, 200), dtype="Int64"),
                "satisfaction": chance.integers(1, 6, 200).astype(float),
            }
        ),
        "complaints": pd.DataFrame(
            {"customer_id": names[:120], "received": day[:120], "resolved": day[:120]}
        ),
        "budget": pd.DataFrame(
            {
                "first_day": [DAY],
                "last_day": [LONG.as_of],
                "acquisition_budget": [9000.0],
                "retention_budget": [1000.0],
            }
        ),
    }


def every(orders, *, seed=1, given=None, k=5, periods=LONG):
    return measure(
        orders,
        periods=periods,
        tables=given or {},
        lines=None,
        annual_discount_rate=0.10,
        k=k,
        seed=seed,
    )


@pytest.fixture(scope="module")
def full():
    return every(random_orders(1), given=tables(1), k=1)


# by hand


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (4.0, 9.0, "inside"),
        (4.44, 7.03, "just_inside"),
        (6.8, 9.0, "just_inside"),
        (4.0, 6.7, "just_outside"),
        (7.3, 9.0, "just_outside"),
        (4.0, 6.6, "less"),
        (7.4, 9.0, "more"),
        (np.nan, np.nan, "less"),
    ],
)
def test_a_number_is_judged_by_its_place_beside_the_interval(low, high, expected):
    assert verdict("seven_times", row(5.5, low, high)) == expected


def test_what_is_no_sample_is_compared_as_it_is():
    words = [verdict("budget_share", row(share)) for share in (0.9, 0.87, 0.8, 0.97)]
    assert words == ["inside", "just_outside", "less", "more"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.2, "less"),
        (0.1, 0.24, "just_outside"),
        (0.1, 0.255, "just_inside"),
        (0.1, 0.5, "inside"),
        (0.4, 0.6, "inside"),
        (0.97, 1.5, "just_outside"),
        (1.1, 1.5, "more"),
        (-0.5, -0.1, "less"),
    ],
)
def test_a_range_is_met_where_it_touches_the_interval(low, high, expected):
    assert verdict("five_percent", row((low + high) / 2, low, high)) == expected


def test_a_claim_without_a_number_is_judged_by_where_there_is_no_effect():
    places = [(1.1, 1.5), (0.5, 0.9), (0.9, 1.1)]
    words = [verdict("satisfied_buy", row(1.0, *place)) for place in places]
    assert words == ["supported", "contradicted", "open"]
    assert verdict("satisfied_buy", row(np.nan)) == "missing"


def test_the_landmark_stands_for_seven_times_and_the_budget_as_booked_for_its_cost(full):
    assert main(full, "seven_times").name == "landmark"
    assert main(full, "acquisition_cost").name == 0
    assert main(full, "five_percent").name == "retention_relative"
    assert main(full, "care").isna().all()
    ways = full.readings["seven_times"].copy()
    ways.loc["landmark", "value"] = np.nan
    assert main(full._replace(readings={"seven_times": ways}), "seven_times").name == "naive"
    only = full._replace(readings={"seven_times": ways.loc[["landmark", "basket"]]})
    assert main(only, "seven_times").isna().all()


# properties


def test_every_claim_of_the_book_is_judged_with_all_tables_and_without(full):
    found = summary(full)
    assert found.index.tolist() == list(CLAIMS)
    missing = found.index[found["verdict"] == "missing"]
    assert set(missing) == {"cost_to_serve", "personalisation", "care", "switching"}
    alone = every(random_orders(1), k=1)
    assert set(alone.readings) == ALONE
    assert set(summary(alone).query("verdict != 'missing'").index) == ALONE
    assert found["claimed"].notna().sum() == found.loc[list(NUMERIC), "claimed"].size == 6


def test_row_order_and_later_rows_change_nothing(full):
    later = pd.DataFrame({"customer_id": ["c000"], "date": [DAY + pd.Timedelta(days=1500)]})
    moved = pd.concat([random_orders(1), later.assign(amount=1e4)]).sample(frac=1, random_state=1)
    turned = {name: table.sample(frac=1, random_state=2) for name, table in tables(1).items()}
    found = summary(every(moved, given=turned, k=1))
    pd.testing.assert_frame_equal(found, summary(full))


def test_noise_supports_no_claim_about_effects():
    """Answers, complaints and referrals by lot: few of the intervals leave out 1."""
    names = ["satisfied_buy", "satisfied_recommend", "referred_value", "programme", "complaints"]
    words = [
        summary(every(random_orders(seed), given=tables(seed))).loc[names, "verdict"]
        for seed in range(2)
    ]
    assert (pd.concat(words) == "open").sum() >= 8


def test_small_groups_are_shown_nowhere():
    orders = random_orders(3, n=30)
    tested = every(orders, k=300)
    assert set(summary(tested)["verdict"]) == {"missing"}
    assert tested.ratios.empty


def test_a_small_part_of_the_bridge_closes_all_that_would_give_it_away(full):
    start = LONG.start(0)
    lost = pd.DataFrame(
        {"customer_id": ["x1", "x2"], "date": start - pd.Timedelta(days=9), "amount": 5.0}
    )
    few_lost = pd.concat([random_orders(1), lost])
    last = few_lost[few_lost["date"] < start].drop_duplicates("customer_id")
    last = last[~last["customer_id"].isin(["x1", "x2"])]
    base = pd.concat([few_lost, last.assign(date=start + pd.Timedelta(days=3))])
    base = base.drop_duplicates(["customer_id", "date"])
    tested = every(base, given=tables(1))
    assert not {"five_percent", "revenue_growth", "acquisition_cost"} & set(tested.readings)
    years = ["year", "year_buyers", "year_exposure"]
    assert tested.ratios.loc[years, "existing_customers"].isna().all()
    assert np.isnan(tested.new_share)
    assert full.ratios.loc[years, "existing_customers"].notna().all()


def test_friends_are_suppressed_within_long_and_short():
    friends = pd.DataFrame(
        {"customers": [3, 40, 50, 60], "revenue": 1.0, "is_long": [True, True, False, False]}
    )
    blanked = tested_claims._suppressed(friends, k=5)
    assert blanked["revenue"].isna().tolist() == [True, True, False, False]


# against real data


def test_the_claims_on_cdnow(sample_orders):
    compared = choose(pd.Timestamp("1997-01-01"), as_of=pd.Timestamp("1998-06-30"))
    tested = every(sample_orders, periods=compared)
    found = summary(tested)
    assert found.loc["seven_times", "verdict"] in ("just_inside", "just_outside")
    assert found.loc["five_percent", "verdict"] == "less"
    assert found.loc["tenure", "verdict"] == "open"
    assert tested.new_share == 0
