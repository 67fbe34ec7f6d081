from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import (
    formats,
    matching,
    measure_plots,
    programme_findings,
    programmes,
    referrals,
)

STYLE = formats.style(locale="de_DE", currency="EUR")
BEISPIEL = Path(__file__).resolve().parents[1] / "data" / "beispiel"
AS_OF = pd.Timestamp("2025-12-31")


@pytest.fixture(scope="module")
def shop():
    how = {"sep": ";", "dtype": "str", "encoding": "utf-8-sig", "keep_default_na": False}
    lines = pd.read_csv(BEISPIEL / "transaktionen.csv", **how)
    lines = lines[~lines["betrag"].str.startswith("-")]
    lines = lines[~lines["kunde_id"].isin(["", "Barverkauf"])]
    days = pd.to_datetime(lines["datum"], format="%d.%m.%Y").astype("datetime64[us]")
    orders = pd.DataFrame({"customer_id": lines["kunde_id"], "date": days, "amount": 10.0})
    orders = orders.drop_duplicates(["customer_id", "date"], ignore_index=True)
    people = pd.read_csv(BEISPIEL / "kunden.csv", **how).drop_duplicates("kunde_id")
    since = pd.to_datetime(people["programm_seit"], format="%d.%m.%Y", errors="coerce")
    return orders, pd.DataFrame({"programme_since": since.to_numpy()}, index=people["kunde_id"])


@pytest.fixture(scope="module")
def joined(shop):
    orders, traits = shop
    return programmes.around_joining(orders, since=traits["programme_since"], as_of=AS_OF, seed=1)


def orders_of(*days, customer="a"):
    dates = pd.to_datetime(list(days))
    return pd.DataFrame({"customer_id": customer, "date": dates, "amount": 10.0})


def matched(**rows):
    columns = ["cases", "controls", "difference", "low", "high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return matching.Matched(table.rename_axis("measure"), 50, 90, 0)


# --- by hand --------------------------------------------------------------------------------


def test_the_windows_around_a_purchase_by_hand():
    days = ["2025-01-01", "2025-03-01", "2025-05-31", "2025-08-15", "2025-08-29", "2025-08-30"]
    days += ["2025-11-28", "2025-11-29"]
    orders = orders_of(*days)
    found = programmes._events(orders, as_of=pd.Timestamp("2025-11-29"))
    row = found.set_index("date").loc["2025-08-30"]
    # 91 days before lie from 2025-05-31 on, 182 from 2025-03-01 on; 91 after up to 2025-11-29.
    assert (row["earlier"], row["before"], row["after"]) == (1, 3, 2)
    assert row["change"] == -1
    assert found["date"].max() == pd.Timestamp("2025-08-30")


def test_members_and_others_are_counted_apart():
    people = pd.DataFrame(
        {"n_orders": [4, 1, 2], "revenue": [40.0, 5.0, 9.0]},
        index=pd.Index(["a", "b", "c"], name="customer_id"),
    )
    since = pd.Series([pd.Timestamp("2025-01-01")], index=["a"])
    found = programmes.members_apart(people, since=since)
    assert found.loc["member"].tolist() == [1, 1.0, 4.0, 40.0]
    assert found.loc["other"].tolist() == [2, 0.5, 1.5, 7.0]


# --- the truth is known: the programme of the example shop does nothing ------------------------


def test_no_effect_of_a_programme_without_one_is_claimed(joined):
    row = joined.table.loc["change"]
    assert row["low"] < 0 < row["high"]
    text = str(programme_findings.effect(joined, style=STYLE))
    assert "kein Nachweis" in text


def test_members_buy_more_although_the_programme_does_nothing(shop):
    orders, traits = shop
    n_orders = orders.groupby("customer_id").size()
    people = pd.DataFrame({"n_orders": n_orders, "revenue": 10.0 * n_orders})
    apart = programmes.members_apart(people, since=traits["programme_since"])
    assert apart.loc["member", "orders_each"] > 1.3 * apart.loc["other", "orders_each"]
    assert "kein Erfolg des Programms" in str(programme_findings.members(apart, style=STYLE))


def test_an_effect_that_is_there_is_found(shop):
    orders, traits = shop
    since = traits["programme_since"].dropna()
    more = [
        pd.DataFrame({"customer_id": since.index, "date": since + pd.Timedelta(days=d)})
        for d in (11, 25, 39, 60)
    ]
    more = pd.concat(more).assign(amount=10.0)
    more = more[more["date"] <= AS_OF]
    both = pd.concat([orders, more]).drop_duplicates(["customer_id", "date"])
    both = both[both["customer_id"].isin(orders["customer_id"])].reset_index(drop=True)
    found = programmes.around_joining(
        both, since=traits["programme_since"], as_of=AS_OF, seed=1
    ).table.loc["change"]
    assert found["low"] > 1


def test_days_after_the_last_one_and_the_order_of_rows_change_nothing(shop, joined):
    orders, traits = shop
    later = (
        orders.drop_duplicates("customer_id").iloc[:50].assign(date=AS_OF + pd.Timedelta(days=3))
    )
    mixed = pd.concat([orders, later]).sample(frac=1, random_state=1).reset_index(drop=True)
    again = programmes.around_joining(mixed, since=traits["programme_since"], as_of=AS_OF, seed=1)
    pd.testing.assert_frame_equal(again.table, joined.table)


# --- open points ----------------------------------------------------------------------------


def test_open_points_are_valued_whole_and_by_who_comes_again():
    points = pd.Series({"a": 200.0, "b": 100.0, "c": 0.0, "d": np.nan, "e": 50.0})
    p_purchase = pd.Series({"b": 0.25, "a": 0.5, "c": 0.9})
    row = programmes.open_points(points, p_purchase=p_purchase, point_value=0.1)
    # e is not known: he is taken to buy.
    assert row.to_dict() == {"customers": 3, "points": 350, "liability": 35, "expected": 17.5}
    text = str(programme_findings.open_points(row, k=3, horizon_days=365, style=STYLE))
    assert "35" in text and "18" in text
    hidden = programme_findings.open_points(row, k=4, horizon_days=365, style=STYLE)
    assert "zu wenige" in str(hidden)
    bare = programmes.open_points(points, p_purchase=None, point_value=0.1)
    text = str(programme_findings.open_points(bare, k=3, horizon_days=365, style=STYLE))
    assert text.endswith("kostet das 35\xa0€.") and np.isnan(bare["expected"])
    with pytest.raises(ValueError, match="point_value=0"):
        programmes.open_points(points, p_purchase=None, point_value=0)


def test_the_drawing_around_joining_shows_three_differences_and_the_zero_line(joined):
    ax = measure_plots.plot_around_joining(joined.table, style=STYLE)
    drawn = ax.lines[-1].get_ydata().tolist()
    assert drawn == joined.table["difference"].iloc[:3].tolist()
    assert ax.lines[0].get_ydata() == [0, 0]
    assert "danach" in str(programme_findings.joining_title(joined, style=STYLE))
    assert "null" in str(programme_findings.joining_alt(joined, style=STYLE))


# --- what the sentence says ------------------------------------------------------------------


def test_whatever_came_out_no_sentence_says_that_the_programme_did_it():
    level = (1.0, 1.0, 0.0, -0.2, 0.2)
    for change in ((0.5, 0.0, 0.5, 0.1, 0.9), (0, 0, -0.5, -0.9, -0.1), (0, 0, 0, -1, 1)):
        text = str(programme_findings.effect(matched(before=level, change=change), style=STYLE))
        assert "kein Beweis" in text or "beweist nichts" in text or "kein Nachweis" in text
    apart = matched(before=(2.0, 1.0, 1.0, 0.5, 1.5), change=(0, 0, 0.5, 0.1, 0.9))
    assert "nicht sauber" in str(programme_findings.effect(apart, style=STYLE))


# --- referrals --------------------------------------------------------------------------------


def test_the_share_of_referred_customers_by_hand_and_small_groups_blank():
    people = pd.DataFrame({"T": [10] * 20 + [800] * 20}, index=[f"c{i:02}" for i in range(40)])
    by = pd.Series([f"c{20 + i}" for i in range(6)], index=[f"c{i:02}" for i in range(6)])
    found = referrals.rate(people, referred_by=by, k=5)
    assert found["share"] == pytest.approx(0.3)
    assert found["referrer_share"] == pytest.approx(6 / 40)
    assert referrals.rate(people, referred_by=by.iloc[:4], k=5).isna().all()


def test_referred_customers_are_compared_within_their_quarter():
    n = 240
    chance = np.random.default_rng(1)
    old = np.arange(n) % 2 == 0
    referred = np.where(old, np.arange(n) % 3 == 0, np.arange(n) % 5 == 0)
    index = pd.Index([f"c{i:03}" for i in range(n)], name="customer_id")
    people = pd.DataFrame(
        {
            "T": np.where(old, 700, 20),
            "revenue": np.where(old, 300.0, 50.0) + 40 * referred + chance.normal(0, 5, n),
        },
        index=index,
    )
    by = pd.Series("c001", index).where(referred)
    found = referrals.value(
        people, values=pd.Series(10.0, index), referred_by=by, as_of=AS_OF, margin=0.5, seed=1
    )
    row = found.table.loc["total"]
    assert row["low"] < 20 < row["high"]
    assert row["high"] - row["low"] < 5
    reward = referrals.highest_reward(found, cac=7.0)
    assert reward["reward"] == pytest.approx(row["difference"] + 7)
    assert reward["reward_low"] == pytest.approx(row["low"] + 7)
    assert referrals.highest_reward(found, cac=float("nan"))["saved"] == 0


def test_a_reward_is_never_below_nothing_and_no_difference_is_called_none():
    none = matched(total=(5.0, 20.0, -15.0, -40.0, 10.0))
    limit = referrals.highest_reward(none, cac=float("nan"))
    assert limit["reward"] == 0 and limit["reward_low"] == 0
    assert "kein Nachweis" in str(programme_findings.reward(none, limit, style=STYLE))
