import numpy as np
import pandas as pd
import pytest

from workbench import segments
from workbench.schema import DataError
from workbench.segments import (
    GRID,
    SEGMENTS,
    STATES,
    CutOffs,
    cutoffs_of,
    lifecycle,
    pauses,
    score,
    score_grid,
    segment_sizes,
    state_sizes,
)
from workbench.summary import summarise

SEEDS = range(20)
AS_OF = pd.Timestamp("2024-12-31")


def orders(**days: list[int]) -> pd.DataFrame:
    """Orders of 10 each, so many days before the as-of day."""
    rows = [(name, AS_OF - pd.Timedelta(days=d), 10.0) for name, own in days.items() for d in own]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def customers(**columns) -> pd.DataFrame:
    n = len(columns["days_since_last"])
    table = pd.DataFrame({"n_orders": 1, "revenue": 1.0} | columns)
    table.index = pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id")
    table["frequency"] = table["n_orders"] - 1
    table["recency"] = np.where(table["frequency"] > 0, 1.0, 0.0)
    table["T"] = table["days_since_last"] + table["recency"]
    return table


def tied_customers(seed: int, n: int = 200) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return customers(
        days_since_last=chance.integers(0, 12, n).astype(float),
        n_orders=chance.geometric(0.4, n),
        revenue=chance.integers(0, 6, n) * 10.0,
    )


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


# by hand: scores


def test_every_cell_of_the_grid_has_a_name_and_every_name_a_cell():
    assert GRID.shape == (5, 5)
    assert list(GRID.index) == list(GRID.columns) == [1, 2, 3, 4, 5]
    assert set(GRID.to_numpy().ravel()) == set(SEGMENTS)
    assert len(set(SEGMENTS)) == len(SEGMENTS)


@pytest.mark.parametrize(
    ("n_orders", "f_score"),
    [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (11, 5), (500, 5)],
)
def test_the_classes_of_frequency_are_fixed(n_orders, f_score):
    assert score(customers(days_since_last=[1.0], n_orders=[n_orders]))["f_score"].item() == f_score


def test_five_customers_get_the_five_scores():
    scores = score(customers(days_since_last=[10.0, 50, 20, 40, 30], revenue=[5.0, 1, 4, 2, 3]))
    assert scores["r_score"].tolist() == [5, 1, 4, 2, 3]
    assert scores["m_score"].tolist() == [5, 1, 4, 2, 3]
    assert scores["f_score"].tolist() == [1] * 5
    expected = ["Neukunden", "Ruhende", "Vielversprechende", "Ruhende", "Einschlafende"]
    assert scores["segment"].tolist() == expected


def test_ten_customers_with_ties_get_the_score_of_their_middle_rank():
    # Ranks of 0: mean of 1..6 = 3.5, ceil(5 * 3.5 / 10) = 2; of 1: mean of 7..10 = 8.5 -> 5.
    scores = score(customers(days_since_last=[3.0] * 10, revenue=[0.0] * 6 + [1.0] * 4))
    assert scores["m_score"].tolist() == [2] * 6 + [5] * 4
    assert scores["r_score"].tolist() == [3] * 10


def test_limits_of_another_day_score_the_customers_of_this_one():
    frozen = cutoffs_of(
        customers(days_since_last=[10.0, 50, 20, 40, 30], revenue=[5.0, 1, 4, 2, 3])
    )
    assert frozen == CutOffs((40, 30, 20, 10), (2, 3, 5, 10), (2, 3, 4, 5))
    later = customers(
        days_since_last=[9.0, 35, 41, 10], n_orders=[1, 2, 4, 12], revenue=[9.0, 2.5, 0, 4]
    )
    scores = score(later, cutoffs=frozen)
    assert scores["r_score"].tolist() == [5, 2, 1, 5]
    assert scores["f_score"].tolist() == [1, 2, 3, 5]
    assert scores["m_score"].tolist() == [5, 2, 1, 4]
    assert scores["segment"].tolist() == ["Neukunden", "Ruhende", "Gefährdete", "Spitzenkunden"]


def test_where_nobody_reached_a_score_nobody_can():
    # All alike: the middle rank earns a 3, and 4 and 5 are out of reach.
    frozen = cutoffs_of(customers(days_since_last=[3.0] * 10, revenue=[7.0] * 10))
    assert frozen.recency_days == (3.0, 3.0, -np.inf, -np.inf)
    assert frozen.money == (7.0, 7.0, np.inf, np.inf)
    other = score(customers(days_since_last=[0.0, 3, 4], revenue=[99.0, 7, 6]), cutoffs=frozen)
    assert other["r_score"].tolist() == other["m_score"].tolist() == [3, 3, 1]


def test_the_segment_is_the_cell_of_recency_and_frequency():
    table = tied_customers(1)
    scores = score(table)
    for row in scores.itertuples():
        assert row.segment == GRID.loc[row.r_score, row.f_score]


def test_segments_are_described_by_size_money_and_rhythm():
    table = customers(
        days_since_last=[10.0, 30, 50, 70], n_orders=[1, 2, 1, 2], revenue=[10.0, 30, 20, 40]
    )
    scores = pd.DataFrame({"segment": ["Neukunden", "Aufsteiger"] * 2}, index=table.index)
    sizes = segment_sizes(table, scores)
    assert sizes.index.tolist() == ["Aufsteiger", "Neukunden"]
    assert sizes.index.name == "segment"
    assert sizes.to_dict("index") == {
        "Aufsteiger": {
            "customers": 2,
            "customer_share": 0.5,
            "revenue": 70.0,
            "revenue_share": 0.7,
            "median_basket": 17.5,
            "median_days_since_last": 50.0,
            "median_orders": 2.0,
        },
        "Neukunden": {
            "customers": 2,
            "customer_share": 0.5,
            "revenue": 30.0,
            "revenue_share": 0.3,
            "median_basket": 15.0,
            "median_days_since_last": 30.0,
            "median_orders": 1.0,
        },
    }


def test_scores_are_matched_by_customer_and_not_by_position():
    table = tied_customers(3)
    scores = score(table)
    pd.testing.assert_frame_equal(
        segment_sizes(table, scores.sample(frac=1, random_state=1)), segment_sizes(table, scores)
    )


def test_a_score_grid_has_every_cell_with_its_name():
    table = tied_customers(4)
    scores = score(table)
    grid = score_grid(scores)
    assert grid.shape == (25, 2) and grid.index.names == ["r_score", "f_score"]
    assert grid["customers"].sum() == len(table)
    assert (grid["customers"] == 0).any()
    for (r, f), row in grid.iterrows():
        assert row["segment"] == GRID.loc[r, f]
        assert row["customers"] == ((scores["r_score"] == r) & (scores["f_score"] == f)).sum()


# by hand: lifecycle


def test_pauses_are_measured_between_purchase_days():
    found = pauses(orders(anna=[100, 90, 70], ben=[60, 20], cleo=[5]), as_of=AS_OF)
    # Pauses 10, 20, 40: 75 % quantile 30, 95 % quantile 38; second purchases 10, 40: 32.5.
    assert found.usual == pytest.approx(30)
    assert found.long == pytest.approx(38)
    assert found.second_purchase == pytest.approx(32.5)


def states(p_alive: dict[str, float] | None = None, **days: list[int]) -> dict[str, str]:
    table = orders(**days)
    summary = summarise(table, as_of=AS_OF)
    alive = pd.Series(1.0, index=summary.index) if p_alive is None else pd.Series(p_alive)
    return lifecycle(table, summary, as_of=AS_OF, p_alive=alive).to_dict()


# Three customers whose pauses are 10, 10, ..., so that the limits are 10 days for all.
TENS = {name: [first, first - 10, first - 20] for name, first in (("x", 25), ("y", 26), ("z", 27))}


def test_one_time_buyers_have_states_of_their_own_whatever_their_p_alive():
    found = states(new=[10], late=[11], old=[300], today=[0], **TENS)
    assert [found[name] for name in ("new", "late", "old", "today")] == [
        "Aktivierung",
        "Einmalkäufer (still)",
        "Einmalkäufer (still)",
        "Aktivierung",
    ]
    gone = states(dict.fromkeys(["new", *TENS], 0.0), new=[10], **TENS)
    assert gone["new"] == "Aktivierung"


def test_repeat_buyers_follow_their_p_alive():
    alive = {"a": 0.29, "b": 0.3, "c": 0.7, "d": 0.71, "x": 1.0, "y": 1.0, "z": 1.0}
    found = states(alive, a=[15, 5], b=[15, 5], c=[15, 5], d=[15, 5], **TENS)
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
    found = states(**days)
    assert found["s0"] == "Bindung aktiv"
    assert found["quiet"] == "Bindung gefährdet"
    assert found["gone"] == "Rückgewinnung"
    assert found["slow"] == found["slower"] == "Reaktiviert"


def test_who_came_back_after_a_long_pause_is_reactivated():
    steady = {f"s{i:02d}": [32, 22, 12, 2] for i in range(20)}
    found = states(back=[210, 10], **steady)
    assert found["back"] == "Reaktiviert"
    assert found["s00"] == "Bindung aktiv"


def test_three_pauses_make_a_rhythm_of_ones_own():
    steady = {f"s{i:02d}": [32, 22, 12, 2] for i in range(20)}
    slow = [290, 200, 110, 20]
    # Silent for 20 days: far beyond the others' 10, well within the own 90.
    assert states(own=slow, **steady)["own"] not in ("Bindung gefährdet", "Rückgewinnung")
    assert states(own=slow[1:], **steady)["own"] in ("Bindung gefährdet", "Rückgewinnung")


def test_who_always_comes_after_ninety_days_is_active_and_not_reactivated():
    steady = {f"s{i:02d}": [32, 22, 12, 2] for i in range(20)}
    assert states(own=[290, 200, 110, 20], **steady)["own"] == "Bindung aktiv"


def test_states_are_counted_with_their_past_revenue():
    summary = pd.DataFrame({"revenue": [10.0, 30.0, 60.0]}, index=["a", "b", "c"])
    state = pd.Series(["Bindung aktiv", "Aktivierung", "Bindung aktiv"], index=["a", "b", "c"])
    sizes = state_sizes(summary, state.iloc[::-1])
    assert sizes.index.tolist() == list(STATES)
    assert sizes.loc["Bindung aktiv"].tolist() == [2, pytest.approx(2 / 3), 70.0, 0.7, "repeat"]
    assert sizes.loc["Aktivierung"].tolist() == [1, pytest.approx(1 / 3), 30.0, 0.3, "once"]
    assert sizes.loc["Reaktiviert"].tolist() == [0, 0, 0, 0, "repeat"]


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_keep_their_promises_on_tied_data(seed):
    table = tied_customers(seed)
    before = table.copy()
    scores = score(table)
    pd.testing.assert_frame_equal(table, before)
    assert scores.index.equals(table.index)
    for column, source, better in (
        ("r_score", "days_since_last", -1),
        ("f_score", "n_orders", 1),
        ("m_score", "revenue", 1),
    ):
        assert scores[column].between(1, 5).all()
        assert scores[column].dtype.kind == "i"
        by_value = scores[column].groupby(table[source] * better)
        assert (by_value.nunique() == 1).all()
        assert by_value.first().is_monotonic_increasing
    assert scores["segment"].isin(SEGMENTS).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_own_limits_are_the_middle_ranks_and_foreign_ones_keep_equal_values_together(seed):
    table, other = tied_customers(seed), tied_customers(seed + 100)
    scores = score(table)
    for column, values in (("r_score", -table["days_since_last"]), ("m_score", table["revenue"])):
        by_rank = np.ceil(5 * values.rank(method="average") / len(values))
        assert (scores[column] == by_rank).all()
    pd.testing.assert_frame_equal(score(table, cutoffs=cutoffs_of(table)), scores)
    foreign = score(other, cutoffs=cutoffs_of(table))
    alone = pd.concat([score(other.iloc[[i]], cutoffs=cutoffs_of(table)) for i in range(20)])
    pd.testing.assert_frame_equal(foreign.iloc[:20], alone)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_changes_no_score_and_no_size(seed):
    table = tied_customers(seed)
    shuffled = table.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(score(shuffled).sort_index(), score(table))
    pd.testing.assert_frame_equal(score_grid(score(shuffled)), score_grid(score(table)))


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_add_up_to_the_base(seed):
    table = random_orders(seed)
    summary = summarise(table, as_of=AS_OF)
    sizes = segment_sizes(summary, score(summary))
    assert sizes["customers"].sum() == len(summary)
    assert sizes["customer_share"].sum() == pytest.approx(1, abs=1e-12)
    assert sizes["revenue"].sum() == pytest.approx(summary["revenue"].sum())
    assert sizes["revenue_share"].sum() == pytest.approx(1, abs=1e-12)
    assert (sizes["customers"] > 0).all()
    order = [SEGMENTS.index(name) for name in sizes.index]
    assert order == sorted(order)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_in_cents_gives_the_same_scores(seed):
    table = tied_customers(seed)
    pd.testing.assert_frame_equal(score(table.assign(revenue=table["revenue"] * 100)), score(table))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_future_moved_changes_no_state(seed):
    table = random_orders(seed)
    as_of = AS_OF - pd.Timedelta(days=60)
    summary = summarise(table, as_of=as_of)
    alive = random_p_alive(summary, seed)
    expected = lifecycle(table, summary, as_of=as_of, p_alive=alive)
    later = table["date"] > as_of
    moved = table.assign(date=table["date"] + pd.to_timedelta(later * 500, unit="D"))
    for other in (table[~later], moved):
        found = lifecycle(other, summary, as_of=as_of, p_alive=alive)
        pd.testing.assert_series_equal(found, expected)
        assert pauses(other, as_of=as_of) == pauses(table, as_of=as_of)


@pytest.mark.parametrize("seed", SEEDS)
def test_states_do_not_depend_on_the_order_of_rows_and_add_up(seed):
    table = random_orders(seed)
    summary = summarise(table, as_of=AS_OF)
    alive = random_p_alive(summary, seed)
    state = lifecycle(table, summary, as_of=AS_OF, p_alive=alive)
    assert state.index.equals(summary.index) and state.name == "state"
    assert state.isin(STATES).all()
    shuffled = table.sample(frac=1, random_state=seed)
    more = pd.concat([alive.sample(frac=1, random_state=seed), pd.Series({"stranger": 0.5})])
    again = lifecycle(shuffled, summary, as_of=AS_OF, p_alive=more)
    pd.testing.assert_series_equal(again, state)
    one_time = summary["frequency"] == 0
    assert state[one_time].isin(["Aktivierung", "Einmalkäufer (still)"]).all()
    assert not state[~one_time].isin(["Aktivierung", "Einmalkäufer (still)"]).any()
    sizes = state_sizes(summary, state)
    assert sizes["customers"].sum() == len(summary)
    assert sizes["revenue_share"].sum() == pytest.approx(1, abs=1e-12)


# messages


def test_customers_without_p_alive_are_counted():
    table = orders(a=[15, 5], b=[15, 5], c=[1])
    summary = summarise(table, as_of=AS_OF)
    with pytest.raises(DataError, match=r"^p_alive lacks 2 of 3 customers of the summary"):
        lifecycle(table, summary, as_of=AS_OF, p_alive=pd.Series({"a": 1.0}))


def test_customers_whose_p_alive_is_missing_are_counted():
    table = orders(a=[15, 5], b=[15, 5], c=[1])
    summary = summarise(table, as_of=AS_OF)
    alive = pd.Series({"a": 1.0, "b": np.nan, "c": np.nan})
    with pytest.raises(DataError, match=r"^p_alive lacks 2 of 3 customers of the summary"):
        lifecycle(table, summary, as_of=AS_OF, p_alive=alive)


def test_a_base_of_one_time_buyers_has_no_pauses():
    table = orders(a=[15], b=[5])
    summary = summarise(table, as_of=AS_OF)
    match = "^nobody bought twice by 2024-12-31; there is no pause to measure"
    with pytest.raises(DataError, match=match):
        pauses(table, as_of=AS_OF)
    with pytest.raises(DataError, match=match):
        lifecycle(table, summary, as_of=AS_OF, p_alive=pd.Series(1.0, index=summary.index))


def test_a_broken_summary_is_refused():
    table = tied_customers(1).assign(recency=-1.0)
    with pytest.raises(DataError, match=r"^200 of 200 rows break"):
        score(table)


def test_an_empty_summary_is_refused():
    with pytest.raises(DataError, match=r"^summary is empty"):
        score(tied_customers(1).iloc[:0])


def test_the_limits_of_the_lifecycle_are_in_order():
    assert segments.USUAL_PAUSE < segments.LONG_PAUSE
    assert segments.LIKELY_GONE < segments.LIKELY_ALIVE
