from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import (
    churn_features,
    companions,
    feature_book,
    formats,
    intake,
    orders,
    purchase_models,
    reasons,
    summary,
    synthetic,
)
from workbench.purchases import BgNbd
from workbench.schema import DataError

SEEDS = range(20)
DAY = pd.Timedelta(days=1)
ORIGIN = pd.Timestamp("2024-04-15")
NO_ERRORS = ((0.0,) * 4,) * 4


def orders_of(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.assign(date=pd.to_datetime(table["date"]))


def random_orders(seed: int, *, first: str = "2022-12-01", n_days: int = 700) -> pd.DataFrame:
    """Purchases, free orders and days of returns of 40 customers."""
    random = np.random.default_rng(seed)
    amount = random.gamma(2, 20, 300).round(2)
    amount[:10], amount[10:25] = 0.0, -amount[10:25]
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in random.integers(0, 40, 300)],
            "date": pd.Timestamp(first)
            + pd.to_timedelta(random.integers(0, n_days, 300), unit="D"),
            "amount": amount,
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


@pytest.fixture(scope="module")
def shop() -> intake.Base:
    """Musterhandel with all its tables."""
    return intake.read("dataset:beispiel", tables=dict.fromkeys(companions.FORMS, "")).base


@pytest.fixture
def three_customers() -> pd.DataFrame:
    return orders_of(
        [
            ("anna", "2024-01-01", 10.0),
            ("anna", "2024-01-11", 30.0),
            ("anna", "2024-01-31", 20.0),
            ("anna", "2024-02-05", -6.0),  # a day of returns
            ("anna", "2024-02-15", 99.0),  # after the origin
            ("ben", "2024-01-21", 40.0),
            ("cem", "2024-02-10", 0.0),  # on the origin, for free
            ("dora", "2024-02-11", 50.0),  # not yet there
        ]
    )


# --- by hand ---------------------------------------------------------------------------------


def test_features_of_three_customers_by_hand(three_customers):
    table = churn_features.build(
        three_customers, origin=pd.Timestamp("2024-02-10"), horizon_days=20, gap_days=0
    )
    assert table.index.tolist() == ["anna", "ben", "cem"]
    assert table.index.name == "customer_id"
    assert table["days_since_last"].tolist() == [10, 20, 0]
    assert table["n_orders"].tolist() == [3, 1, 1]
    assert table["T"].tolist() == [40, 20, 0]
    assert table["is_one_time"].tolist() == [0, 1, 1]
    # Anna's gaps are 10 and 20 days: median 15, mean 15, spread 5.
    assert table["silence_ratio"].tolist() == pytest.approx([10 / 15, 1, 1])
    assert table["gap_variation"].tolist() == pytest.approx([5 / 15, 0, 0])
    assert table["days_to_second"].tolist() == [10, 20, 0]
    # The window is 2024-01-22 to 2024-02-10, the one before 2024-01-02 to 2024-01-21.
    assert table["recent_orders"].tolist() == [1, 0, 1]
    assert table["purchase_trend"].tolist() == pytest.approx([0, np.log(1 / 2), np.log(2)])
    # Twelfths of a year count from the origin: ages of 40, 30 and 10 days lie in 1, 0 and 0.
    assert table["active_months"].tolist() == [2, 1, 1]
    # Baskets are 20, 40 and 0 in the mean, and so 20 over all customers.
    assert table["log_mean_basket"].tolist() == pytest.approx(np.log([2, 3, 1]))
    assert table["log_median_basket"].tolist() == pytest.approx(np.log([2, 3, 1]))
    assert table["log_first_basket"].tolist() == pytest.approx(np.log([1.5, 3, 1]))
    # 10, 30, 20: a line rises by 5 a purchase, a quarter of their mean.
    assert table["basket_slope"].tolist() == pytest.approx([0.25, 0, 0])
    assert table["first_month"].tolist() == [1, 1, 2]
    assert table["return_days"].tolist() == [1, 0, 0]
    assert table["return_share"].tolist() == pytest.approx([6 / 60, 0, 0])


def test_even_purchases_have_no_clumpiness_and_a_burst_has_nearly_one():
    even = orders_of([("anna", f"2024-01-{day}", 1.0) for day in ("01", "11", "21")])
    burst = orders_of([("ben", "2024-01-01", 1.0), ("ben", "2024-01-02", 1.0)])
    keywords = {"horizon_days": 10, "gap_days": 0}
    # The open gap counts with the origin itself: 10, 10 and 9 + 1 days.
    found = churn_features.build(even, origin=pd.Timestamp("2024-01-30"), **keywords)
    assert found.at["anna", "clumpiness"] == pytest.approx(0, abs=1e-9)
    day = pd.Timestamp("2024-01-01") + 999 * DAY
    found = churn_features.build(burst, origin=day, **keywords)
    entropy = 0.001 * np.log(0.001) + 0.999 * np.log(0.999)
    assert found.at["ben", "clumpiness"] == pytest.approx(1 + entropy / np.log(2), abs=1e-9)


def test_the_peak_season_is_the_two_busiest_months_of_the_last_year():
    rows = [("anna", "2022-12-24", 1.0), ("anna", "2023-12-24", 1.0), ("ben", "2023-06-01", 1.0)]
    rows += [("ben", "2024-01-05", 1.0), ("cem", "2021-06-01", 1.0), ("cem", "2021-07-01", 1.0)]
    keywords = {"origin": ORIGIN, "horizon_days": 30, "gap_days": 0}
    # December and January, with two purchases; those of 2021 are too old to tell.
    found = churn_features.build(orders_of(rows), **keywords)
    assert found["peak_share"].tolist() == [1, 0.5, 0]
    # Without a whole year nobody knows the season.
    found = churn_features.build(orders_of(rows[1:4]), **keywords)
    assert found["peak_share"].tolist() == [0, 0]


def test_optional_tables_count_up_to_the_origin_by_hand(three_customers):
    days = {name: pd.Timestamp(f"2024-02-{name}") for name in ("01", "05", "10", "11")}
    late = days["10"] + pd.Timedelta(hours=23)
    tables = {
        "complaints": pd.DataFrame(
            {
                "customer_id": ["anna", "anna", "anna", "ben"],
                "received": [pd.Timestamp("2024-01-02"), days["05"], late, days["11"]],
                "resolved": [days["10"], days["11"], pd.NaT, pd.NaT],
            }
        ),
        "survey": pd.DataFrame(
            {
                "customer_id": ["anna", "anna", "anna", "ben", "cem"],
                "date": [days["01"], days["05"], days["11"], days["11"], days["01"]],
                "nps": pd.array([3, 9, 0, 10, None], dtype="Int64"),
            }
        ),
        "contacts": pd.DataFrame(
            {
                "customer_id": ["anna", "anna", "anna", "ben", "cem"],
                "date": [ORIGIN - 500 * DAY, pd.Timestamp("2024-01-11"), *[days["10"]] * 3],
                "group": ["treatment", None, "treatment", "control", "treatment"],
                "response": pd.array([True, True, True, None, False], dtype="boolean"),
            }
        ),
        "customers": pd.DataFrame(
            {"first_channel": ["web", None], "customer_type": ["privat", "privat"]},
            index=pd.Index(["anna", "ben"], name="customer_id"),
        ),
    }
    found = churn_features.build(
        three_customers,
        origin=pd.Timestamp("2024-02-10"),
        horizon_days=20,
        gap_days=0,
        tables=tables,
    )
    # Two in the last 20 days; the first was solved on the origin, the second a day later.
    assert found["complaints"].tolist() == [2, 0, 0]
    assert found["open_complaints"].tolist() == [2, 0, 0]
    assert found["last_nps"].tolist() == [9, 7, 7]
    assert found["nps_missing"].tolist() == [0, 1, 1]
    # More than a year ago; 30 days ago, with a response that is known; on the origin, without.
    assert found["contacts"].tolist() == [2, 0, 1]
    assert found["responses"].tolist() == [1, 0, 0]
    assert found["first_channel"].tolist() == ["web", "unbekannt", "unbekannt"]
    assert found["customer_type"].tolist() == ["privat", "privat", "unbekannt"]


def test_labels_by_hand_leave_the_gap_out():
    later = orders_of(
        [
            ("anna", "2024-01-15", 1.0),  # last day of the gap
            ("ben", "2024-01-16", 1.0),  # first day of the window
            ("cem", "2024-01-25", 0.0),  # last day of the window, for free
            ("dora", "2024-01-26", 1.0),  # one day late
            ("emil", "2024-01-20", 1.0),  # not known at the origin
            ("fritz", "2024-01-20", -5.0),  # only returned something
        ]
    )
    churned = churn_features.label(
        later,
        origin=pd.Timestamp("2024-01-10"),
        gap_days=5,
        horizon_days=10,
        customers=pd.Index(["fritz", "dora", "cem", "ben", "anna"]),
        as_of=pd.Timestamp("2024-01-25"),
    )
    assert churned.to_dict() == {
        "anna": True,
        "ben": False,
        "cem": False,
        "dora": True,
        "fritz": True,
    }
    assert churned.name == "churned" and churned.dtype == bool
    assert churned.index.is_monotonic_increasing and churned.index.name == "customer_id"


def test_eligible_is_who_bought_within_a_year_or_twice_the_horizon():
    table = pd.DataFrame({"days_since_last": [0.0, 364.0, 365.0, 399.0, 400.0]})
    assert churn_features.eligible(table, horizon_days=91).tolist() == [True] * 2 + [False] * 3
    assert churn_features.eligible(table, horizon_days=200).tolist() == [True] * 4 + [False]


def test_suspicious_names_what_orders_the_customers_too_well_in_either_direction():
    index = pd.Index(list("abcd"), name="customer_id")
    table = pd.DataFrame(
        {
            "honest": [1.0, 3.0, 2.0, 4.0],
            "status": ["aktiv", "aktiv", "inaktiv", "inaktiv"],
            "last_login": [9.0, 8.0, 1.0, 2.0],
        },
        index=index,
    )
    churned = pd.Series([False, False, True, True], index=index)
    found = churn_features.suspicious(table, churned)
    assert found["auc"].to_dict() == {"status": 1.0, "last_login": 1.0}
    assert churn_features.suspicious(table, churned, max_auc=0.75).index.tolist()[-1] == "honest"
    # That the reason for leaving is missing tells who stays.
    reason = table.assign(reason_code=[np.nan, np.nan, 3.0, 3.0])[["honest", "reason_code"]]
    assert churn_features.suspicious(reason, churned).index.tolist() == ["reason_code"]


def test_where_the_stopwatch_is_nearly_right_only_more_than_that_is_suspicious():
    index = pd.RangeIndex(100, name="customer_id")
    churned = pd.Series(index >= 50, index=index)
    # Two of the 50 who stay stand above all who leave: 100 of 2,500 pairs are turned round.
    stopwatch = pd.Series(index, index=index, dtype=float).mask(index < 2, 1000.0)
    table = pd.DataFrame({"days_since_last": stopwatch, "status": churned.astype(float)})
    assert churn_features.suspicious(table, churned)["auc"].tolist() == [1.0, 0.96]
    found = churn_features.suspicious(table, churned, stopwatch=stopwatch)
    assert found.index.tolist() == ["status"]


def test_a_gap_moves_the_window_of_the_purchase_model(three_customers):
    model = BgNbd(0.5, 20.0, 0.8, 2.5, NO_ERRORS, -9.0, 3, 1, 9.0)
    keywords = {"origin": pd.Timestamp("2024-02-10"), "horizon_days": 20}
    found = churn_features.build(three_customers, gap_days=10, purchase_model=model, **keywords)
    past = summary.summarise(three_customers, as_of=keywords["origin"])
    to_30, to_10 = (purchase_models.expected_purchases(model, past, days=days) for days in (30, 10))
    assert found["expected_purchases"].tolist() == pytest.approx((to_30 - to_10).tolist())
    assert (
        found["p_alive"].tolist()
        == purchase_models.p_alive(model, past[["frequency", "recency", "T"]]).tolist()
    )
    found = churn_features.build(three_customers, gap_days=0, purchase_model=model, **keywords)
    silent = purchase_models.p_no_purchase(model, past, days=20)
    assert found["p_no_purchase"].tolist() == silent.tolist()


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_features_are_those_of_the_slow_loop(seed):
    table, days = random_orders(seed), 60
    found = churn_features.build(table, origin=ORIGIN, horizon_days=days, gap_days=0)
    past = table[table["date"] <= ORIGIN]
    bought = past[past["amount"] >= 0].sort_values("date")
    last_year = bought[bought["date"] > ORIGIN - 365 * DAY]["date"].dt.month.value_counts()
    pair = max(
        range(1, 13),
        key=lambda one: (last_year.get(one, 0) + last_year.get(one % 12 + 1, 0), -one),
    )
    peak = (pair, pair % 12 + 1) if bought["date"].min() <= ORIGIN - 365 * DAY else ()
    usual = bought.groupby("customer_id")["amount"].mean().mean()
    expected = {}
    for customer_id, own in bought.groupby("customer_id"):
        age = (ORIGIN - own["date"]).dt.days.to_numpy()
        amount, gaps, n = own["amount"].to_numpy(), -np.diff(age), len(own)
        parts = np.append(gaps, age[-1] + 1) / (age[0] + 1)
        recent, previous = (age < days).sum(), ((age >= days) & (age < 2 * days)).sum()
        returns = past[(past["customer_id"] == customer_id) & (past["amount"] < 0)]["amount"]
        slope = np.polyfit(range(n), amount, 1)[0] / amount.mean() if n > 1 and sum(amount) else 0
        expected[customer_id] = {
            "days_since_last": age[-1],
            "silence_ratio": age[-1] / np.median(gaps) if n > 1 else 1,
            "n_orders": n,
            "recent_orders": recent,
            "purchase_trend": np.log((recent + 1) / (previous + 1)),
            "active_months": len({one * 12 // 365 for one in age if one < 365}),
            "is_one_time": n == 1,
            "days_to_second": gaps[0] if n > 1 else age[0],
            "log_mean_basket": np.log1p(amount.mean() / usual),
            "log_median_basket": np.log1p(np.median(amount) / usual),
            "log_first_basket": np.log1p(amount[0] / usual),
            "basket_slope": slope,
            "T": age[0],
            "first_month": own["date"].iloc[0].month,
            "gap_variation": gaps.std() / gaps.mean() if n > 2 else 0,
            "clumpiness": 1 + (parts * np.log(parts)).sum() / np.log(n) if n > 1 else 0,
            "peak_share": own["date"].dt.month.isin(peak).mean(),
            "return_days": len(returns),
            "return_share": -returns.sum() / amount.sum() if amount.sum() else 0,
        }
    slow = pd.DataFrame.from_dict(expected, orient="index").rename_axis("customer_id")
    pd.testing.assert_frame_equal(found, slow.astype(float), rtol=0, atol=2e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_rows_and_later_rows_change_no_bit_and_the_argument_stays(seed):
    keywords = {"origin": ORIGIN, "horizon_days": 60, "gap_days": 7}
    table = random_orders(seed)
    before = table.copy()
    found = churn_features.build(table, **keywords)
    late = table["date"] > ORIGIN
    assert late.any()
    moved = table.assign(date=table["date"].mask(late, table["date"] + 500 * DAY))
    shuffled = table.sample(frac=1, random_state=seed)
    for other in (table[~late], moved, shuffled, table[::-1], orders.of_frame(shuffled)):
        again = churn_features.build(other, **keywords)
        pd.testing.assert_frame_equal(again, found, check_exact=True)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_features_are_finite_and_free_of_the_unit_of_money(seed):
    keywords = {"origin": ORIGIN, "horizon_days": 60, "gap_days": 7}
    table = random_orders(seed)
    found = churn_features.build(table, **keywords)
    assert np.isfinite(found).all(axis=None)
    assert found["clumpiness"].between(0, 1).all()
    assert (found["basket_slope"].abs() <= 2).all()
    cents = table.assign(amount=(table["amount"] * 100).round())
    in_cents = churn_features.build(cents, **keywords)
    pd.testing.assert_frame_equal(in_cents, found, check_exact=True)


def test_customers_described_in_parts_get_the_same_bits(monkeypatch):
    keywords = {"origin": ORIGIN, "horizon_days": 60, "gap_days": 7}
    table = random_orders(1)
    found = churn_features.build(table, **keywords)
    monkeypatch.setattr(churn_features, "PURCHASES_AT_ONCE", 20)
    for other in (table, orders.of_frame(table)):
        again = churn_features.build(other, **keywords)
        pd.testing.assert_frame_equal(again, found, check_exact=True)


def test_order_of_the_rows_of_optional_tables_changes_no_bit(shop):
    origin = pd.Timestamp("2025-03-31")
    keywords = {"origin": origin, "horizon_days": 91, "gap_days": 0}
    known = shop.known(origin)
    found = churn_features.build(known, tables=shop.tables, **keywords)
    shuffled = {name: rows.sample(frac=1, random_state=3) for name, rows in shop.tables.items()}
    again = churn_features.build(known, tables=shuffled, **keywords)
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    assert (found[["complaints", "open_complaints", "contacts", "responses"]].sum() > 0).all()
    empty = {name: rows.iloc[:0] for name, rows in shop.tables.items()}
    without = churn_features.build(known, tables=empty, **keywords)
    assert without["contacts"].sum() == 0 and (without["nps_missing"] == 1).all()
    assert list(without) == list(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_are_the_slow_loop_and_know_only_their_window(seed):
    table = random_orders(seed)
    features = churn_features.build(table, origin=ORIGIN, horizon_days=30, gap_days=7)
    keywords = {"origin": ORIGIN, "gap_days": 7, "horizon_days": 30, "customers": features.index}
    as_of = ORIGIN + 37 * DAY
    churned = churn_features.label(table, as_of=as_of, **keywords)
    for customer_id, own in table[table["amount"] >= 0].groupby("customer_id"):
        days = (own["date"] - ORIGIN).dt.days
        assert (days.min() <= 0) == (customer_id in churned.index)
        if days.min() <= 0:
            assert churned[customer_id] == (not ((days > 7) & (days <= 37)).any())
    in_window = table[table["date"].between(ORIGIN + 8 * DAY, as_of)]
    again = churn_features.label(in_window[::-1], as_of=as_of, **keywords)
    pd.testing.assert_series_equal(again, churned)


def test_the_book_has_every_column_in_order_and_nothing_else(shop):
    origin = pd.Timestamp("2025-03-31")
    known = shop.known(origin)
    model = purchase_models.fit("bg_nbd", summary.profiles_of(known, as_of=origin))
    found = churn_features.build(
        known,
        origin=origin,
        horizon_days=91,
        gap_days=14,
        tables=shop.details,
        purchase_model=model,
    )
    assert list(found) == list(feature_book.BOOK)
    for name, one in feature_book.BOOK.items():
        assert (found[name].dtype == float) == (one.unit != "text")
    assert not found.isna().any(axis=None)
    grouped = feature_book.groups(found)
    assert sorted(one for names in grouped.values() for one in names) == sorted(feature_book.BOOK)
    assert list(grouped) == list(feature_book.GROUPS.values())


def test_every_feature_has_german_words_with_the_names_that_reasons_use():
    table = feature_book.table()
    assert table.index.tolist() == list(feature_book.BOOK)
    assert (table != "").all(axis=None) and table["label"].is_unique
    assert table["meaning"].str.endswith(".").all()
    for name in feature_book.BOOK.keys() & reasons.PHRASES.keys():
        assert feature_book.BOOK[name].label == reasons.PHRASES[name].label
    units = {one.unit for one in feature_book.BOOK.values()}
    assert units <= set(feature_book.UNITS)


def test_reasons_can_be_told_of_every_feature_that_is_a_number(shop):
    origin = pd.Timestamp("2025-03-31")
    known = shop.known(origin)
    model = purchase_models.fit("bg_nbd", summary.profiles_of(known, as_of=origin))
    features = churn_features.build(
        known,
        origin=origin,
        horizon_days=91,
        gap_days=0,
        tables=shop.details,
        purchase_model=model,
    )
    phrases = feature_book.phrases()
    features = features[list(phrases)]
    groups = {name: [name] for name in features}
    strength = pd.DataFrame(0.0, index=features.index, columns=sorted(features))
    reference = reasons.Reference("beim mittleren Kunden", features.median())
    for name in features:
        told = reasons.in_words(
            features,
            contributions=strength.assign(**{name: 1.0}),
            reference=reference,
            groups=groups,
            phrases=phrases,
            style=formats.style(locale="de_DE", currency="EUR"),
        )["reason_1"]
        assert not told.str.contains("{", regex=False).any()
        assert not told.str.contains("[", regex=False).any()
        assert (told != "").all()


def test_honest_features_of_customers_who_buy_every_other_week_raise_no_alarm():
    weekly = synthetic.purchases(
        **{"r": 1.5, "alpha_days": 14.0, "a": 0.793, "b": 2.426, "p": 6.25, "q": 3.74, "v": 15.44},
        n_customers=4000,
        start=pd.Timestamp("2022-01-01"),
        acquisition_days=600,
        end=pd.Timestamp("2024-11-30"),
        seed=1,
    )
    window = {"origin": pd.Timestamp("2024-08-31"), "horizon_days": 91, "gap_days": 0}
    model = purchase_models.fit("bg_nbd", summary.profiles_of(weekly, as_of=window["origin"]))
    table = churn_features.build(weekly, purchase_model=model, **window)
    churned = churn_features.label(
        weekly, customers=table.index, as_of=pd.Timestamp("2024-11-30"), **window
    )
    stopwatch = summary.summarise(weekly, as_of=window["origin"])["days_since_last"]
    for who in (table.index, table.index[churn_features.eligible(table, horizon_days=91)]):
        judged = (table.loc[who], churned[who])
        assert not churn_features.suspicious(*judged).empty
        assert churn_features.suspicious(*judged, stopwatch=stopwatch[who]).empty
        status = table.loc[who].assign(status=churned[who].astype(float))
        alarms = churn_features.suspicious(status, churned[who], stopwatch=stopwatch[who])
        assert alarms.index.tolist() == ["status"]


# --- against an authority --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "figures"),
    [
        ("1997-12-31", {"days_since_last": 0.799, "n_orders": 0.796, "p_no_purchase": 0.794}),
        ("1998-04-01", {"days_since_last": 0.829, "n_orders": 0.820, "p_no_purchase": 0.834}),
    ],
)
def test_single_features_reach_the_published_auc_on_cdnow(sample_orders, origin, figures):
    keywords = {"origin": pd.Timestamp(origin), "horizon_days": 91, "gap_days": 0}
    model = purchase_models.fit(
        "bg_nbd", summary.profiles_of(sample_orders, as_of=keywords["origin"])
    )
    found = churn_features.build(sample_orders, purchase_model=model, **keywords)
    # The second window ends a day after the data.
    churned = churn_features.label(
        sample_orders, customers=found.index, as_of=pd.Timestamp("1998-07-01"), **keywords
    )
    assert 1 - churned.mean() == pytest.approx(
        {"1997-12-31": 0.164, "1998-04-01": 0.127}[origin], abs=5e-4
    )
    auc = churn_features.suspicious(found, churned, max_auc=0.5)["auc"]
    for name, figure in figures.items():
        assert auc[name] == pytest.approx(figure, abs=5e-4)
    # P(alive) orders them below chance, since it is 1 for every one-time buyer.
    assert 1 - auc["p_alive"] == pytest.approx(
        {"1997-12-31": 0.329, "1998-04-01": 0.350}[origin], abs=5e-4
    )
    assert churn_features.suspicious(found, churned).empty


# --- messages --------------------------------------------------------------------------------


def test_messages_say_what_is_wrong(three_customers):
    keywords = {"horizon_days": 5, "gap_days": 0}
    with pytest.raises(DataError, match="no purchase up to origin=2023-12-31"):
        churn_features.build(three_customers, origin=pd.Timestamp("2023-12-31"), **keywords)
    with pytest.raises(ValueError, match="horizon_days=0 must be at least 1"):
        churn_features.build(three_customers, origin=ORIGIN, horizon_days=0, gap_days=0)
    with pytest.raises(ValueError, match="gap_days=-1 at least 0"):
        churn_features.build(three_customers, origin=ORIGIN, horizon_days=1, gap_days=-1)
    later = pd.Timestamp("2024-02-12")
    label = {"customers": pd.Index(["anna"]), "origin": pd.Timestamp("2024-02-10"), **keywords}
    with pytest.raises(ValueError, match="ends on 2024-02-15, 3 days after the last complete day"):
        churn_features.label(three_customers, as_of=later, **label)
    with pytest.raises(DataError, match="there is no customer at origin 2024-02-10"):
        churn_features.label(
            three_customers,
            as_of=later + 9 * DAY,
            **(label | {"customers": pd.Index([], dtype="str")}),
        )
    with pytest.raises(DataError, match="1 rows of features and 2 of labels"):
        churn_features.suspicious(
            pd.DataFrame({"one": [1.0]}, index=["anna"]),
            pd.Series([True, False], index=["anna", "ben"]),
        )
    with pytest.raises(DataError, match=r"\['height'\] are no features of the book"):
        feature_book.groups(["T", "height"])


def test_the_codebook_has_a_line_for_every_feature():
    book = (Path(__file__).resolve().parents[1] / "docs" / "codebook.md").read_text("utf-8")
    for name, row in feature_book.table().iterrows():
        assert f"| `{name}` | {row['label']} | {row['unit']} | {row['meaning']} |" in book
