import numpy as np
import pandas as pd
import pytest

from workbench import claim_effects
from workbench.periods import Periods
from workbench.schema import TooFewData

DAY = pd.Timestamp("2022-01-01")
LONG = Periods(365, DAY, DAY + pd.Timedelta(days=1094))
EVENT = pd.Timestamp("2023-06-01")
SEED = 3


def orders(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    table = table.astype({"date": "datetime64[us]", "amount": float})
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def shop(*, n: int, back: dict[str, int]) -> pd.DataFrame:
    """Groups of customers who bought a week before the event; so many of each are back in May."""
    rows = []
    for group, n_back in back.items():
        rows += [(f"{group}{i:03d}", EVENT - pd.Timedelta(days=5), 10) for i in range(n)]
        rows += [(f"{group}{i:03d}", EVENT + pd.Timedelta(days=60), 20) for i in range(n_back)]
    return orders(rows)


def survey(n: int, *, marks: dict[str, float], nps: dict[str, int]) -> pd.DataFrame:
    names = [f"{group}{i:03d}" for group in marks for i in range(n)]
    table = pd.DataFrame({"customer_id": names, "date": EVENT})
    return table.assign(
        satisfaction=[marks[name[0]] for name in names],
        nps=pd.array([nps[name[0]] for name in names], dtype="Int64"),
    )


def test_satisfied_customers_who_buy_twice_as_often_have_a_ratio_of_two():
    table = shop(n=50, back={"g": 40, "b": 20})
    answers = survey(50, marks={"g": 4.0, "b": 3.0}, nps={"g": 9, "b": 9})
    found = claim_effects.satisfied_buy(table, survey=answers, periods=LONG, fewest=30, seed=SEED)
    assert found["value"].tolist() == pytest.approx([2, 2])
    assert found.loc["raw", ["mean", "mean_other"]].tolist() == pytest.approx([0.8, 0.4])


def test_an_answer_without_time_after_it_does_not_count():
    table = shop(n=50, back={"g": 40, "b": 20})
    answers = survey(50, marks={"g": 4.0, "b": 3.0}, nps={"g": 9, "b": 9})
    late = Periods(365, DAY, EVENT + pd.Timedelta(days=100))
    with pytest.raises(TooFewData):
        claim_effects.satisfied_buy(table, survey=answers, periods=late, fewest=30, seed=SEED)


def test_on_a_scale_of_ten_a_four_is_no_good_mark():
    table = shop(n=40, back={"a": 20, "b": 20, "c": 20})
    answers = survey(40, marks={"a": 8.0, "b": 7.9, "c": 4.0}, nps={"a": 9, "b": 8, "c": 9})
    found = claim_effects.satisfied_recommend(table, survey=answers, fewest=30, seed=SEED)
    assert found.loc["raw", ["customers", "customers_other"]].tolist() == [40, 80]
    assert found.loc["raw", ["mean", "mean_other"]].tolist() == [1.0, 0.5]


def test_the_index_of_recommending_is_that_of_both_means():
    table = pd.concat(
        [shop(n=40, back={"n": 0, "k": 0}), orders([(f"k{i:03d}", DAY, 5) for i in range(40)])]
    )
    answers = survey(40, marks={"n": 4.0, "k": 4.0}, nps={"n": 8, "k": 9})
    found = claim_effects.referral_index(table, survey=answers, fewest=30, seed=SEED)
    assert found["value"].tolist() == pytest.approx([112.5])
    assert found["mean"].tolist() == [9.0]


def test_complaints_are_compared_with_days_before_any_complaint_and_told_by_their_end():
    table = shop(n=60, back={"c": 15, "o": 45})
    cases = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(60)],
            "received": EVENT + pd.Timedelta(hours=15),
            "resolved": [EVENT + pd.Timedelta(days=20)] * 40 + [pd.NaT] * 20,
        }
    )
    how = {"periods": LONG, "fewest": 30, "seed": SEED}
    found = claim_effects.complaints(table, cases=cases, k=5, **how)
    assert found.index.tolist() == ["adjusted", "raw", "resolved", "unresolved"]
    assert found.loc["adjusted", "value"] == pytest.approx(0.25 / 0.75)
    assert found.loc["resolved", "value"] == pytest.approx((15 / 40) / 0.75)
    assert found.loc["unresolved", "value"] == 0
    assert claim_effects.complaints(table, cases=cases, k=21, **how).index.tolist() == [
        "adjusted",
        "raw",
    ]


def test_no_complaint_at_all_bears_no_comparison():
    nothing = pd.DataFrame(
        {"customer_id": pd.Series(dtype="str"), "received": pd.Series(dtype="datetime64[us]")}
    ).assign(resolved=pd.Series(dtype="datetime64[us]"))
    with pytest.raises(TooFewData):
        claim_effects.complaints(
            shop(n=9, back={"c": 2}), cases=nothing, periods=LONG, fewest=5, k=5, seed=SEED
        )


def test_a_programme_that_only_picks_frequent_buyers_shows_raw_and_not_adjusted():
    """Who buys monthly joins; the chance to buy again is the same for equal pasts."""
    rows = [(f"r{i:03d}", DAY + pd.Timedelta(days=28 * m), 9) for i in range(60) for m in range(39)]
    rows += [
        (f"s{i:03d}", DAY + pd.Timedelta(days=400 * m), 9) for i in range(60) for m in range(3)
    ]
    joined = {f"r{i:03d}": DAY + pd.Timedelta(days=28 * (5 + i % 9)) for i in range(40)}
    customers = pd.DataFrame({"programme_since": pd.Series(joined)})
    found = claim_effects.programme(
        orders(rows), customers=customers, periods=LONG, fewest=30, seed=SEED
    )
    assert found.loc["raw", "value"] > 1.05
    assert found.loc["adjusted", "value"] == pytest.approx(1)


def test_a_table_of_customers_of_whom_nobody_joined_bears_no_comparison():
    rows = [(f"r{i:03d}", DAY + pd.Timedelta(days=28 * m), 9) for i in range(60) for m in range(39)]
    nobody = pd.Series(pd.NaT, index=["r000"], dtype="datetime64[us]")
    with pytest.raises(TooFewData):
        claim_effects.programme(
            orders(rows),
            customers=pd.DataFrame({"programme_since": nobody}),
            periods=LONG,
            fewest=30,
            seed=SEED,
        )


def test_referred_customers_are_compared_with_those_of_their_quarter():
    rows, referred = [], {}
    for quarter, (n_referred, n_other, amount) in enumerate(((10, 40, 10), (40, 10, 100))):
        day = DAY + pd.Timedelta(days=100 * quarter)
        for i in range(n_referred + n_other):
            name = f"q{quarter}{i:03d}"
            rows.append((name, day, amount * (2 if i < n_referred else 1)))
            referred[name] = "somebody" if i < n_referred else None
    customers = pd.DataFrame({"referred_by": pd.Series(referred)})
    found = claim_effects.referred_value(
        orders(rows), customers=customers, periods=LONG, fewest=30, seed=SEED
    )
    assert found.loc["adjusted", "value"] == pytest.approx(2)
    assert found.loc["raw", "value"] > 5


def test_long_and_short_customers_fall_into_four_groups():
    start = LONG.start(0)
    rows = []
    for i in range(40):
        for group, since, amount in (("l", 700, 30), ("s", 100, 10)):
            name = f"{group}{i:02d}"
            rows.append((name, start - pd.Timedelta(days=since), 5))
            rows.append((name, start - pd.Timedelta(days=20), 5))
            rows.append((name, start + pd.Timedelta(days=20), amount if i % 4 else 100))
    found, friends = claim_effects.tenure(orders(rows), periods=LONG, fewest=30, seed=SEED)
    assert found.loc["raw", "value"] == pytest.approx((30 * 30 + 1000) / (30 * 10 + 1000))
    assert friends["customers"].to_dict() == {
        "friends": 10,
        "barnacles": 30,
        "butterflies": 10,
        "strangers": 30,
    }
    assert friends["revenue_share"].sum() == pytest.approx(1)
    assert friends["is_long"].tolist() == [True, True, False, False]


def test_the_margin_rate_of_later_purchases_is_divided_by_that_of_first_ones():
    rows = [(f"c{i:02d}", DAY, 10.0, 2.0) for i in range(40)]
    rows += [(f"c{i:02d}", DAY, 90.0, None) for i in range(40)]
    rows += [(f"c{i:02d}", DAY + pd.Timedelta(days=9), 20.0, 6.0) for i in range(35)]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "margin"])
    found = claim_effects.cost_to_serve(table, as_of=LONG.as_of, fewest=30, seed=SEED)
    row = found.loc["margin_rate"]
    assert row[["mean", "mean_other", "value"]].tolist() == pytest.approx([0.3, 0.2, 1.5])
    assert row[["customers", "customers_other"]].tolist() == [35, 40]
    with pytest.raises(TooFewData, match=r"^35 customers have a later purchase with a margin"):
        claim_effects.cost_to_serve(table, as_of=LONG.as_of, fewest=36, seed=SEED)


@pytest.mark.parametrize(("days", "expected"), [(1095, 182), (728, 182), (364, 91), (60, 14)])
def test_the_time_after_an_event_is_a_quarter_of_short_data(days, expected):
    found = claim_effects.after_days(Periods(28, DAY, DAY + pd.Timedelta(days=days - 1)))
    assert found == expected


def test_seeds_decide_about_bounds_alone():
    table = shop(n=50, back={"g": 40, "b": 20})
    answers = survey(50, marks={"g": 4.0, "b": 3.0}, nps={"g": 9, "b": 9})
    how = {"survey": answers, "periods": LONG, "fewest": 30}
    one, two = (claim_effects.satisfied_buy(table, seed=seed, **how) for seed in (1, 2))
    assert (one["value"] == two["value"]).all()
    assert (one["low"] != two["low"]).any()
    pd.testing.assert_frame_equal(claim_effects.satisfied_buy(table, seed=1, **how), one)
    assert np.isfinite(one).all(axis=None)
