import numpy as np
import pandas as pd
import pytest

from workbench import uplift
from workbench.schema import DataError, TooFewData


def mailed(table, campaign):
    """Score and curve of visits, from what was known before the mail."""
    both = table[table["segment"].isin([campaign, "No E-Mail"])]
    treated = both["segment"] == campaign
    known = both[["recency", "history", "mens", "womens", "newbie"]].astype(float)
    known = known.assign(
        web=both["channel"] == "Web",
        phone=both["channel"] == "Phone",
        urban=both["zip_code"] == "Urban",
        rural=both["zip_code"] == "Rural",
    ).astype(float)
    scores = uplift.score(both["visit"], treated=treated, covariates=known, seed=1)
    found = uplift.qini(
        scores, both["visit"], treated=treated, reuse=uplift.REUSE, seed=1, resamples=300
    )
    return found, uplift.parts(scores, both["visit"], treated=treated, covariates=known)


def invented(seed, n=600):
    """The mail changes whom `a` is large for the better, the others for the worse."""
    chance = np.random.default_rng(seed)
    known = pd.DataFrame({"a": chance.normal(size=n), "b": chance.normal(size=n)})
    treated = pd.Series(chance.permutation(n) < n // 2)
    outcome = known["b"] + treated * known["a"] + chance.normal(size=n)
    return outcome, treated, known


# --- by hand --------------------------------------------------------------------------------


def test_the_curve_is_what_the_treated_did_less_as_many_of_the_others():
    people = list("abcdefgh")
    scores = pd.Series([4.0, 4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 1.0], index=people)
    treated = pd.Series([1, 0, 1, 0, 0, 1, 0, 1], index=people) == 1
    outcome = pd.Series([2.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 3.0], index=people)
    found = uplift.qini(scores, outcome, treated=treated, reuse=1, seed=1, resamples=20)
    # After b: 2 - 1 * 1/1. After e: 3 - 2 * 2/3. After g: 3 - 3 * 3/4. At the end: 6 - 3 * 4/4.
    gains = np.array([0, 1, 3 - 4 / 3, 0.75, 3]) / 4
    assert found.curve["gain"].tolist() == pytest.approx(gains.tolist())
    assert found.curve.index.tolist() == [0, 0.25, 0.5, 0.75, 1.0]
    assert found.curve["random"].tolist() == pytest.approx([0, 0.1875, 0.375, 0.5625, 0.75])
    expected = np.trapezoid(gains - found.curve["random"], found.curve.index)
    assert found.coefficient == pytest.approx(expected)
    assert found.curve["customers"].tolist() == [0, 1, 2, 3, 4]


def test_a_perfect_score_has_the_largest_area():
    # A quarter is won, a quarter lost: up to 1/4 at a quarter, back to 0 at the end.
    n = 400
    effect = np.repeat([1.0, 0.0, 0.0, -1.0], n // 4)
    treated = pd.Series(np.tile([True, False], n // 2))
    outcome = pd.Series(1.0 + effect * treated)
    found = uplift.qini(pd.Series(effect), outcome, treated=treated, reuse=1, seed=1, resamples=100)
    assert found.coefficient == pytest.approx(0.25 * 0.25 / 2 * 2 + 0.25 * 0.5)
    assert found.low > 0.1
    upside_down = uplift.qini(
        pd.Series(-effect), outcome, treated=treated, reuse=1, seed=1, resamples=100
    )
    assert upside_down.coefficient == pytest.approx(-found.coefficient)


def test_a_score_by_lot_has_no_area():
    areas = []
    for seed in range(30):
        outcome, treated, _ = invented(seed)
        lot = pd.Series(np.random.default_rng(seed + 1000).random(len(outcome)))
        found = uplift.qini(lot, outcome, treated=treated, reuse=1, seed=seed, resamples=100)
        areas.append((found.coefficient, found.low <= 0 <= found.high))
    coefficients, held = np.array(areas).T
    assert abs(coefficients.mean()) < 3 * coefficients.std() / np.sqrt(len(areas))
    assert held.mean() > 0.8
    same = uplift.qini(
        pd.Series(1.0, outcome.index), outcome, treated=treated, reuse=1, seed=1, resamples=9
    )
    assert same.coefficient == 0


def test_scores_that_were_learnt_here_widen_the_interval():
    outcome, treated, known = invented(1)
    found = [
        uplift.qini(known["a"], outcome, treated=treated, reuse=reuse, seed=1, resamples=200)
        for reuse in (1.0, uplift.REUSE)
    ]
    widths = [one.high - one.low for one in found]
    assert widths[1] == pytest.approx(np.sqrt(uplift.REUSE) * widths[0])
    assert found[0].coefficient == found[1].coefficient
    pd.testing.assert_frame_equal(found[0].curve, found[1].curve)


# --- scores ---------------------------------------------------------------------------------


def test_scores_find_whom_the_mail_changes():
    outcome, treated, known = invented(1)
    scores = uplift.score(outcome, treated=treated, covariates=known, seed=1)
    assert np.corrcoef(scores, known["a"])[0, 1] > 0.9
    found = uplift.qini(scores, outcome, treated=treated, reuse=1, seed=1, resamples=200)
    assert found.low > 0
    parts = uplift.parts(scores, outcome, treated=treated, covariates=known)
    assert parts.index.tolist() == ["first", "second", "last"]
    assert parts.loc["first", "low"] > 0 > parts.loc["last", "high"]


def test_no_score_has_seen_the_outcome_of_its_customer():
    outcome, treated, known = invented(2)
    expected = uplift.score(outcome, treated=treated, covariates=known, seed=1)
    moved = outcome.copy()
    moved.iloc[7] += 1e6
    found = uplift.score(moved, treated=treated, covariates=known, seed=1)
    assert found.iloc[7] == expected.iloc[7]
    assert (found != expected).mean() > 0.5


def test_rows_in_another_order_give_the_same_bits():
    outcome, treated, known = invented(3)
    mixed = np.random.default_rng(1).permutation(len(known))
    mixed_up = (outcome.iloc[mixed], treated.iloc[mixed], known.iloc[mixed])
    tables = []
    for y, arm, x in ((outcome, treated, known), mixed_up):
        scores = uplift.score(y, treated=arm, covariates=x, seed=1)
        found = uplift.qini(scores.loc[y.index], y, treated=arm, reuse=1, seed=1, resamples=50)
        tables.append((scores, found.curve))
    pd.testing.assert_series_equal(tables[0][0], tables[1][0], check_exact=True)
    pd.testing.assert_frame_equal(tables[0][1], tables[1][1], check_exact=True)


def test_small_groups_and_other_customers_are_refused():
    outcome, treated, known = invented(4, n=150)
    with pytest.raises(TooFewData, match="75 customers, fewer than 100"):
        uplift.score(outcome, treated=treated, covariates=known, seed=1)
    with pytest.raises(DataError, match="other customers"):
        uplift.qini(outcome.iloc[1:], outcome, treated=treated, reuse=1, seed=1)


# --- Hillstrom (2008): an e-mail by lot ------------------------------------------------------


def test_a_list_by_score_beats_the_lot_for_the_women_s_mail(hillstrom):
    found, parts = mailed(hillstrom, "Womens E-Mail")
    assert found.low > 0
    assert found.coefficient == pytest.approx(0.0070, abs=0.0010)
    assert parts.loc["first", "low"] > parts.loc["last", "high"]


def test_nothing_shows_that_a_list_by_score_beats_the_lot_for_the_men_s_mail(hillstrom):
    found, parts = mailed(hillstrom, "Mens E-Mail")
    assert found.low < 0 < found.high
    # It wins everybody about alike.
    assert (parts["low"] > 0.05).all()
