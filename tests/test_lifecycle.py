import numpy as np
import pandas as pd
import pytest

from workbench import lifecycle
from workbench.lifecycle import STATES, pauses, raw_states, state_sizes, states
from workbench.schema import DataError
from workbench.summary import summarise

SEEDS = range(20)
AS_OF = pd.Timestamp("2024-12-31")


def orders(**days: list[int]) -> pd.DataFrame:
    """Orders of 10 each, so many days before the as-of day."""
    rows = [(name, AS_OF - pd.Timedelta(days=d), 10.0) for name, own in days.items() for d in own]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def random_orders(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": chance.integers(0, 60, 250).astype(str),
            "date": AS_OF - pd.to_timedelta(chance.integers(0, 300, 250), unit="D"),
            "amount": chance.exponential(20, 250),
        }
    )
    return table.drop_duplicates(["customer_id", "date"], ignore_index=True)


def random_p_alive(summary: pd.DataFrame, seed: int) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).random(len(summary)), index=summary.index)


# by hand


def test_pauses_are_measured_between_purchase_days():
    found = pauses(orders(anna=[100, 90, 70], ben=[60, 20], cleo=[5]), as_of=AS_OF)
    # Pauses 10, 20, 40: 75 % quantile 30, 95 % quantile 38; second purchases 10, 40: 32.5.
    assert found.usual == pytest.approx(30)
    assert found.long == pytest.approx(38)
    assert found.second_purchase == pytest.approx(32.5)


def placed(p_alive: dict[str, float] | None = None, **days: list[int]) -> dict[str, str]:
    table = orders(**days)
    summary = summarise(table, as_of=AS_OF)
    alive = pd.Series(1.0, index=summary.index) if p_alive is None else pd.Series(p_alive)
    return raw_states(table, summary, as_of=AS_OF, p_alive=alive).to_dict()


# Three customers whose pauses are 10, 10, ..., so that the limits are 10 days for all.
TENS = {name: [first, first - 10, first - 20] for name, first in (("x", 25), ("y", 26), ("z", 27))}


def test_one_time_buyers_have_states_of_their_own_whatever_their_p_alive():
    found = placed(new=[10], late=[11], old=[300], today=[0], **TENS)
    assert [found[name] for name in ("new", "late", "old", "today")] == [
        "Aktivierung",
        "Einmalkäufer (still)",
        "Einmalkäufer (still)",
        "Aktivierung",
    ]
    gone = placed(dict.fromkeys(["new", *TENS], 0.0), new=[10], **TENS)
    assert gone["new"] == "Aktivierung"


def test_repeat_buyers_follow_their_p_alive():
    alive = {"a": 0.29, "b": 0.3, "c": 0.7, "d": 0.71, "x": 1.0, "y": 1.0, "z": 1.0}
    found = placed(alive, a=[15, 5], b=[15, 5], c=[15, 5], d=[15, 5], **TENS)
    assert [found[name] for name in "abcd"] == [
        "Rückgewinnung",
        "Bindung gefährdet",
        "Bindung gefährdet",
        "Bindung aktiv",
    ]


def test_repeat_buyers_follow_their_silence():
    days = {f"s{i}": [12, 2] for i in range(18)}
    days |= {"slow": [35, 5], "slower": [36, 6], "quiet": [21, 11], "gone": [50, 40]}
    # Twenty pauses of 10 and two of 30: 95 % of the way from the 20th to the 21st is 29.
    assert pauses(orders(**days), as_of=AS_OF)[:2] == pytest.approx((10, 29))
    found = placed(**days)
    assert found["s0"] == "Bindung aktiv"
    assert found["quiet"] == "Bindung gefährdet"
    assert found["gone"] == "Rückgewinnung"
    assert found["slow"] == found["slower"] == "Reaktiviert"


def test_who_came_back_after_a_long_pause_is_reactivated():
    steady = {f"s{i:02d}": [32, 22, 12, 2] for i in range(20)}
    found = placed(back=[210, 10], **steady)
    assert found["back"] == "Reaktiviert"
    assert found["s00"] == "Bindung aktiv"


def test_three_pauses_make_a_rhythm_of_ones_own():
    steady = {f"s{i:02d}": [32, 22, 12, 2] for i in range(20)}
    slow = [290, 200, 110, 20]
    # Silent for 20 days: far beyond the others' 10, well within the own 90.
    assert placed(own=slow, **steady)["own"] not in ("Bindung gefährdet", "Rückgewinnung")
    assert placed(own=slow[1:], **steady)["own"] in ("Bindung gefährdet", "Rückgewinnung")


def test_who_always_comes_after_ninety_days_is_active_and_not_reactivated():
    steady = {f"s{i:02d}": [32, 22, 12, 2] for i in range(20)}
    assert placed(own=[290, 200, 110, 20], **steady)["own"] == "Bindung aktiv"


def followed(customers: dict[str, tuple[list[int], list[float]]]) -> dict[str, str]:
    """States of customers with these purchases, and this P(alive) at the last looks.

    Three others with pauses of 900 days make all limits so long that P(alive) decides.
    """
    others = {name: [1000 + shift, 100 + shift] for name, shift in (("x", 0), ("y", 1), ("z", 2))}
    table = orders(**{name: days for name, (days, _) in customers.items()}, **others)
    today = summarise(table, as_of=AS_OF)["T"]

    def p_alive(summary: pd.DataFrame) -> pd.Series:
        back = ((today.reindex(summary.index) - summary["T"]) / 7).astype(int)
        known = {name: seen for name, (_, seen) in customers.items() if name in back}
        at = {name: ([1.0] * 13 + seen)[-1 - back[name]] for name, seen in known.items()}
        return pd.Series(at).reindex(summary.index).fillna(1.0)

    return states(table, as_of=AS_OF, p_alive=p_alive).to_dict()


def test_two_looks_in_a_row_move_down_and_four_move_up():
    quiet = [1000, 100]
    found = followed(
        {
            "late": (quiet, [0.5]),
            "later": (quiet, [0.5, 0.5]),
            "gone": (quiet, [0.1, 0.1]),
            "between": (quiet, [0.1, 0.5]),
            "three": (quiet, [0.5] * 10 + [0.9] * 3),
            "four": (quiet, [0.5] * 9 + [0.9] * 4),
            "broken": (quiet, [0.5] * 8 + [0.9] * 3 + [0.5] + [0.9]),
        }
    )
    assert found["late"] == found["four"] == "Bindung aktiv"
    assert found["later"] == found["between"] == "Bindung gefährdet"
    assert found["three"] == found["broken"] == "Bindung gefährdet"
    assert found["gone"] == "Rückgewinnung"


def test_who_hovers_at_a_limit_does_not_flip_from_week_to_week():
    # The same customer in successive weeks: each week the looks begin one later.
    here, there = 0.69, 0.71
    every_second = ([here, there] * 20)[:20]
    twice_in_three = ([here, here, there] * 20)[:20]
    weeks = range(7)
    found = followed(
        {f"second{week}": ([1000, 100], every_second[week : week + 13]) for week in weeks}
        | {f"third{week}": ([1000, 100], twice_in_three[week : week + 13]) for week in weeks}
    )
    assert {found[f"second{week}"] for week in weeks} == {"Bindung aktiv"}
    assert {found[f"third{week}"] for week in weeks} == {"Bindung gefährdet"}
    # By the day alone the first would be elsewhere every week.
    alone = [
        placed(
            {"a": p, "x": 1.0, "y": 1.0, "z": 1.0},
            a=[1000, 100],
            x=[1000, 100],
            y=[1001, 101],
            z=[1002, 102],
        )["a"]
        for p in every_second[12:19]
    ]
    assert alone == ["Bindung gefährdet", "Bindung aktiv"] * 3 + ["Bindung gefährdet"]


def test_a_purchase_that_ends_a_long_silence_counts_at_once():
    found = followed(
        {
            "silent": ([1000, 100], [0.1] * 12 + [0.9]),
            "back": ([1000, 100, 3], [0.1] * 12 + [0.9]),
            "three": ([1000, 100, 18], [0.1] * 10 + [0.9] * 3),
            "four": ([1000, 100, 25], [0.1] * 9 + [0.9] * 4),
            "again": ([1000, 100, 25], [0.1] * 9 + [0.9] * 2 + [0.5] * 2),
        }
    )
    assert found["silent"] == "Rückgewinnung"
    assert found["back"] == found["three"] == "Reaktiviert"
    assert found["four"] == "Bindung aktiv"
    assert found["again"] == "Bindung gefährdet"


def test_one_time_buyers_are_confirmed_too_and_start_anew_with_the_second_purchase():
    found = followed(
        {
            "new": ([898], []),
            "late": ([905], []),
            "later": ([910], []),
            "second": ([902, 2], [0.5]),
            "today": ([0], []),
        }
    )
    assert found["new"] == found["late"] == found["today"] == "Aktivierung"
    assert found["later"] == "Einmalkäufer (still)"
    assert found["second"] == "Bindung gefährdet"


def test_looks_before_anybody_bought_twice_are_left_out():
    assert states(orders(a=[9, 2], b=[30]), as_of=AS_OF).to_dict() == {
        "a": "Bindung aktiv",
        "b": "Einmalkäufer (still)",
    }


def test_states_are_counted_with_their_past_revenue():
    summary = pd.DataFrame({"revenue": [10.0, 30.0, 60.0]}, index=["a", "b", "c"])
    state = pd.Series(["Bindung aktiv", "Aktivierung", "Bindung aktiv"], index=["a", "b", "c"])
    expected = pd.Series([1.0, 2.0, 4.0], index=summary.index)
    sizes = state_sizes(summary, state.iloc[::-1], expected=expected.iloc[::-1])
    assert sizes.index.tolist() == list(STATES)
    assert sizes.loc["Bindung aktiv"].tolist() == [
        2,
        pytest.approx(2 / 3),
        70.0,
        0.7,
        "repeat",
        "there",
        5.0,
    ]
    assert sizes.loc["Aktivierung"].tolist() == [
        1,
        pytest.approx(1 / 3),
        30.0,
        0.3,
        "once",
        "once",
        2.0,
    ]
    assert sizes.loc["Reaktiviert"].tolist() == [0, 0, 0, 0, "repeat", "there", 0]
    assert state_sizes(summary, state)["expected_revenue"].isna().all()


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_the_future_moved_changes_no_state(seed):
    table = random_orders(seed)
    as_of = AS_OF - pd.Timedelta(days=60)
    summary = summarise(table, as_of=as_of)
    alive = random_p_alive(summary, seed)
    expected = raw_states(table, summary, as_of=as_of, p_alive=alive)
    later = table["date"] > as_of
    moved = table.assign(date=table["date"] + pd.to_timedelta(later * 500, unit="D"))
    for other in (table[~later], moved):
        found = raw_states(other, summary, as_of=as_of, p_alive=alive)
        pd.testing.assert_series_equal(found, expected)
        assert pauses(other, as_of=as_of) == pauses(table, as_of=as_of)


@pytest.mark.parametrize("seed", SEEDS)
def test_states_do_not_depend_on_the_order_of_rows_and_add_up(seed):
    table = random_orders(seed)
    summary = summarise(table, as_of=AS_OF)
    alive = random_p_alive(summary, seed)
    state = raw_states(table, summary, as_of=AS_OF, p_alive=alive)
    assert state.index.equals(summary.index) and state.name == "state"
    assert state.isin(STATES).all()
    shuffled = table.sample(frac=1, random_state=seed)
    more = pd.concat([alive.sample(frac=1, random_state=seed), pd.Series({"stranger": 0.5})])
    again = raw_states(shuffled, summary, as_of=AS_OF, p_alive=more)
    pd.testing.assert_series_equal(again, state)
    one_time = summary["frequency"] == 0
    assert state[one_time].isin(["Aktivierung", "Einmalkäufer (still)"]).all()
    assert not state[~one_time].isin(["Aktivierung", "Einmalkäufer (still)"]).any()
    sizes = state_sizes(summary, state)
    assert sizes["customers"].sum() == len(summary)
    assert sizes["revenue_share"].sum() == pytest.approx(1, abs=1e-12)


def test_steady_states_know_nothing_of_the_future_and_of_the_order_of_rows():
    table = random_orders(1)
    as_of = AS_OF - pd.Timedelta(days=60)
    expected = states(table, as_of=as_of)
    assert expected.index.equals(summarise(table, as_of=as_of).index)
    assert expected.isin(STATES).all() and expected.name == "state"
    later = table["date"] > as_of
    moved = table.assign(date=table["date"] + pd.to_timedelta(later * 500, unit="D"))
    for other in (moved, table.sample(frac=1, random_state=1)):
        pd.testing.assert_series_equal(states(other, as_of=as_of), expected)


# messages


def test_customers_without_p_alive_are_counted():
    table = orders(a=[15, 5], b=[15, 5], c=[1])
    summary = summarise(table, as_of=AS_OF)
    with pytest.raises(DataError, match=r"^p_alive lacks 2 of 3 customers of the summary"):
        raw_states(table, summary, as_of=AS_OF, p_alive=pd.Series({"a": 1.0}))


def test_customers_whose_p_alive_is_missing_are_counted():
    table = orders(a=[15, 5], b=[15, 5], c=[1])
    summary = summarise(table, as_of=AS_OF)
    alive = pd.Series({"a": 1.0, "b": np.nan, "c": np.nan})
    with pytest.raises(DataError, match=r"^p_alive lacks 2 of 3 customers of the summary"):
        raw_states(table, summary, as_of=AS_OF, p_alive=alive)


def test_a_base_of_one_time_buyers_has_no_pauses():
    table = orders(a=[15], b=[5])
    summary = summarise(table, as_of=AS_OF)
    match = "^nobody bought twice by 2024-12-31; there is no pause to measure"
    with pytest.raises(DataError, match=match):
        pauses(table, as_of=AS_OF)
    with pytest.raises(DataError, match=match):
        raw_states(table, summary, as_of=AS_OF, p_alive=pd.Series(1.0, index=summary.index))


def test_the_limits_of_the_lifecycle_are_in_order():
    assert lifecycle.USUAL_PAUSE < lifecycle.LONG_PAUSE
    assert lifecycle.LIKELY_GONE < lifecycle.LIKELY_ALIVE
