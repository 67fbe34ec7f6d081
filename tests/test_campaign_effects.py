import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench import campaign_effects as effects
from workbench.schema import DataError, TooFewData

OUTCOMES = ["visit", "conversion", "spend"]


def arms(table, campaign):
    both = table[table["segment"].isin([campaign, "No E-Mail"])]
    return both, both["segment"] == campaign


def invented(seed, *, n=400, effect=0.3):
    """Customers with two covariates that say much of the outcome; half of them treated."""
    chance = np.random.default_rng(seed)
    known = pd.DataFrame({"a": chance.gamma(2.0, 1.0, n), "b": chance.normal(size=n)})
    treated = pd.Series(chance.permutation(n) < n // 2)
    y = known["a"] + 0.5 * known["b"] + chance.normal(size=n) + effect * treated
    return pd.DataFrame({"orders": y}), treated, known


# --- by hand --------------------------------------------------------------------------------


def test_holm_by_hand():
    # Sorted .005, .011, .02, .04: times 4, 3, 2, 1 is .02, .033, .04, .04.
    assert effects.holm([0.011, 0.02, 0.04, 0.005]).round(4).tolist() == [0.033, 0.04, 0.04, 0.02]
    # .03 times 2 is .06; the last one may not fall below it.
    assert effects.holm([0.03, 0.04]).round(4).tolist() == [0.06, 0.06]
    assert effects.holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_the_difference_is_the_test_of_welch():
    outcomes, treated, _ = invented(1)
    row = effects.difference(outcomes, treated=treated).loc["orders"]
    y = outcomes["orders"]
    known = stats.ttest_ind(y[treated], y[~treated], equal_var=False)
    interval = known.confidence_interval(0.95)
    assert row["p_value"] == pytest.approx(known.pvalue)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_adjusting_is_cuped_with_a_slope_for_each_group():
    outcomes, treated, known = invented(2)
    row = effects.adjusted(outcomes, treated=treated, covariates=known[["a"]]).loc["orders"]
    means = []
    for arm in (treated, ~treated):
        y, x = outcomes.loc[arm, "orders"], known.loc[arm, "a"]
        theta = np.cov(y, x)[0, 1] / x.var()
        means.append((y - theta * (x - known["a"].mean())).mean())
    assert row["effect"] == pytest.approx(means[0] - means[1])
    assert (row["treated_mean"], row["control_mean"]) == pytest.approx(means)


def test_adjusting_is_least_squares_with_all_interactions():
    outcomes, treated, known = invented(3)
    row = effects.adjusted(outcomes, treated=treated, covariates=known).loc["orders"]
    flag, centred = treated.to_numpy(float)[:, None], (known - known.mean()).to_numpy()
    design = np.hstack([np.ones_like(flag), flag, centred, flag * centred])
    slopes, *_ = np.linalg.lstsq(design, outcomes["orders"], rcond=None)
    bread = np.linalg.inv(design.T @ design)
    residual = outcomes["orders"].to_numpy() - design @ slopes
    leverage = np.einsum("ij,jk,ik->i", design, bread, design)
    meat = design.T @ (design * (residual**2 / (1 - leverage))[:, None])
    assert row["effect"] == pytest.approx(slopes[1])
    assert row["error"] == pytest.approx(np.sqrt((bread @ meat @ bread)[1, 1]))


# --- properties -----------------------------------------------------------------------------


def test_adjusting_by_what_says_much_narrows_the_interval():
    outcomes, treated, known = invented(4)
    plain = effects.difference(outcomes, treated=treated).loc["orders"]
    sharper = effects.adjusted(outcomes, treated=treated, covariates=known).loc["orders"]
    assert sharper["error"] < 0.75 * plain["error"]


def test_a_column_that_says_nothing_new_changes_nothing():
    outcomes, treated, known = invented(5)
    more = known.assign(again=2 * known["a"] - known["b"], same=7.0)
    expected = effects.adjusted(outcomes, treated=treated, covariates=known)
    found = effects.adjusted(outcomes, treated=treated, covariates=more)
    pd.testing.assert_frame_equal(found, expected)


def test_the_order_of_rows_changes_no_bit():
    outcomes, treated, known = invented(6)
    segment = pd.Series(np.where(known["b"] > 0, "x", "y"))
    mixed = np.random.default_rng(1).permutation(len(known))
    expected = effects.by_segment(
        outcomes["orders"], treated=treated, segment=segment, covariates=known
    )
    found = effects.by_segment(
        outcomes["orders"].iloc[mixed],
        treated=treated.iloc[mixed],
        segment=segment.iloc[mixed],
        covariates=known.iloc[mixed],
    )
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_intervals_hold_the_effect():
    inside = []
    for seed in range(60):
        outcomes, treated, known = invented(seed, n=120)
        for row in (
            effects.difference(outcomes, treated=treated),
            effects.adjusted(outcomes, treated=treated, covariates=known),
        ):
            inside.append(row["low"].iloc[0] <= 0.3 <= row["high"].iloc[0])
    assert np.mean(inside[::2]) >= 0.88
    assert np.mean(inside[1::2]) >= 0.88


def test_one_effect_for_all_is_found_to_be_one_and_two_to_be_two():
    p_values = []
    for seed in range(30):
        outcomes, treated, known = invented(seed)
        segment = pd.Series(np.where(known["b"] > 0, "x", "y"))
        outcomes.loc[treated & (segment == "x"), "orders"] += 2.0 * (seed == 0)
        table = effects.by_segment(outcomes["orders"], treated=treated, segment=segment)
        p_values.append(effects.heterogeneity(table).p_value)
    assert p_values[0] < 0.01
    assert np.mean(np.array(p_values[1:]) < 0.05) < 0.2


def test_segments_that_are_too_small_show_counts_alone():
    outcomes, treated, _ = invented(7)
    segment = pd.Series(["few"] * 20 + ["many"] * 380)
    table = effects.by_segment(outcomes["orders"], treated=treated, segment=segment)
    assert table.loc["few", ["treated", "control"]].sum() == 20
    assert table.loc["few"].drop(["treated", "control"]).isna().all()
    assert table.loc["many", "p_holm"] == table.loc["many", "p_value"]


def test_no_interval_where_nobody_buys():
    outcomes, treated, known = invented(8)
    nothing = outcomes * 0
    for table in (
        effects.difference(nothing, treated=treated),
        effects.adjusted(nothing, treated=treated, covariates=known),
    ):
        assert table["effect"].iloc[0] == 0
        assert table[["low", "high", "error", "p_value"]].isna().all(axis=None)


# --- messages -------------------------------------------------------------------------------


def test_a_small_group_and_other_customers_are_refused():
    outcomes, treated, known = invented(9, n=50)
    with pytest.raises(TooFewData, match="25 customers, fewer than 30"):
        effects.difference(outcomes, treated=treated)
    outcomes, treated, known = invented(9)
    with pytest.raises(DataError, match="other customers"):
        effects.adjusted(outcomes, treated=treated, covariates=known.iloc[1:])
    with pytest.raises(DataError, match="1 covariates are missing"):
        effects.adjusted(
            outcomes, treated=treated, covariates=known.drop(3)[["a"]].reindex(known.index)
        )


# --- against an authority: Hillstrom (2008), an e-mail by lot ----------------------------------

KNOWN = {
    "Mens E-Mail": {
        "visit": (".0766", ".0034"),
        "conversion": (".0068",),
        "spend": (".770", ".145"),
    },
    "Womens E-Mail": {
        "visit": (".0452", ".0032"),
        "conversion": (".0031",),
        "spend": (".424", ".130"),
    },
}


@pytest.mark.parametrize("campaign", KNOWN)
def test_uplift_of_hillstrom_to_the_printed_digits(hillstrom, campaign):
    both, treated = arms(hillstrom, campaign)
    table = effects.difference(both[OUTCOMES], treated=treated)
    for outcome, printed in KNOWN[campaign].items():
        digits = len(printed[0]) - 1
        row = table.loc[outcome]
        assert f"{row['effect']:.{digits}f}".lstrip("0") == printed[0]
        if len(printed) > 1:
            assert f"{row['error']:.{digits}f}".lstrip("0") == printed[1]


def test_past_purchases_sharpen_hillstrom_without_moving_it(hillstrom):
    both, treated = arms(hillstrom, "Mens E-Mail")
    known = both[["recency", "history", "mens", "womens", "newbie"]]
    plain = effects.difference(both[OUTCOMES], treated=treated)
    sharper = effects.adjusted(both[OUTCOMES], treated=treated, covariates=known)
    assert (sharper["error"] <= plain["error"]).all()
    assert ((sharper["effect"] - plain["effect"]).abs() < plain["error"] / 2).all()


def test_segments_of_hillstrom(hillstrom):
    both, treated = arms(hillstrom, "Womens E-Mail")
    table = effects.by_segment(both["visit"], treated=treated, segment=both["history_segment"])
    assert len(table) == 7
    assert (table["p_holm"] >= table["p_value"]).all()
    assert (table["p_holm"] < 0.05).all()
    assert effects.heterogeneity(table).freedom == 6
    bought = np.where(both["womens"] == 1, "womens", "mens alone")
    by_goods = pd.Series(bought, index=both.index)
    table = effects.by_segment(both["visit"], treated=treated, segment=by_goods)
    # Who bought women's goods before is won by the women's mail, and hardly anybody else.
    assert table.loc["womens", "low"] > table.loc["mens alone", "high"]
    assert effects.heterogeneity(table).p_value < 1e-6
