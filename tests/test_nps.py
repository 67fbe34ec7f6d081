import numpy as np
import pandas as pd
import pytest

from workbench import companions, nps
from workbench.schema import DataError, TooFewData


def answers(*, promoters: int, passives: int = 0, detractors: int = 0) -> pd.Series:
    return pd.Series([10] * promoters + [7] * passives + [3] * detractors)


def survey(marks, *, ids=None) -> pd.DataFrame:
    marks = list(marks)
    ids = [f"c{n}" for n in range(len(marks))] if ids is None else ids
    return pd.DataFrame({"customer_id": ids, "nps": marks, "satisfaction": 4.0})


# by hand


def test_a_score_is_promoters_less_detractors_and_blanks_do_not_count():
    found = nps.score(pd.Series([10, 9, 8, 7, 6, 0, None, None]))
    assert found.answers == 6
    assert (found.promoters, found.passives, found.detractors) == pytest.approx((1 / 3,) * 3)
    assert found.nps == pytest.approx(0)
    assert found.se == pytest.approx(100 * np.sqrt(2 / 3 / 6))


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [(25, -12, 48), (50, -3, 41), (100, 4, 35), (250, 10, 30), (500, 13, 27), (1000, 15, 25)],
)
def test_adjusted_wald_gives_the_printed_intervals(n, low, high):
    """Promoters 45 %, detractors 25 %: the counts of n answers, shares kept."""
    up, down = 0.45 * n, 0.25 * n
    p, d = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3)
    half = 1.959964 * np.sqrt((p + d - (p - d) ** 2) / (n + 3))
    assert (round(100 * (p - d - half)), round(100 * (p - d + half))) == (low, high)
    if n % 20 == 0:
        found = nps.score(
            answers(promoters=int(up), detractors=int(down), passives=n - int(up) - int(down))
        )
        assert (round(found.low), round(found.high)) == (low, high)


def test_groups_with_few_answers_keep_their_counts_and_lose_their_figures():
    table = survey([10] * 30 + [3] * 29)
    groups = nps.by_group(table, group=pd.Series(["viel"] * 30 + ["wenig"] * 29))
    assert groups["answers"].to_dict() == {"viel": 30, "wenig": 29}
    assert groups.loc["viel", "nps"] == 100
    assert groups.loc["wenig", ["nps", "nps_low", "promoters"]].isna().all()


def test_the_share_of_the_two_best_marks_follows_the_scale():
    marks = survey([9] * 40).assign(satisfaction=[5.0] * 10 + [4.0] * 10 + [1.0] * 20)
    found = nps.satisfaction(marks, seed=1)
    assert found.loc["mean", "estimate"] == pytest.approx(2.75)
    assert found.loc["top_two", "estimate"] == pytest.approx(0.5)
    wide = marks.assign(satisfaction=[10.0] * 10 + [9.0] * 10 + [5.0] * 20)
    assert nps.satisfaction(wide, seed=1).loc["top_two", "estimate"] == pytest.approx(0.5)
    with pytest.raises(TooFewData):
        nps.satisfaction(marks.iloc[:5], seed=1)


def test_who_answered_is_counted_group_by_group():
    answered = pd.Series([True, False, True, True], index=list("abcd"))
    found = nps.response(answered, group=pd.Series(["1", "1", "2", "2"], index=list("abcd")))
    assert found["answered"].tolist() == [1, 2]
    assert found["response_share"].tolist() == [0.5, 1.0]
    assert (found["low"] < found["response_share"]).all()


# properties


def test_the_change_of_the_same_people_is_surer_than_that_of_others():
    chance = np.random.default_rng(3)
    before = chance.integers(0, 11, 200)
    after = np.clip(before + 1, 0, 10)
    same = nps.change(survey(before), survey(after), seed=1)
    others = nps.change(survey(before), survey(after, ids=[f"d{n}" for n in range(200)]), seed=1)
    assert same.both == 200 and others.both == 0
    assert same.points == pytest.approx(others.points)
    assert same.high - same.low < 0.6 * (others.high - others.low)


def test_an_unchanged_wave_has_no_change_and_order_changes_nothing():
    table = survey(np.random.default_rng(4).integers(0, 11, 120))
    found = nps.change(table, table, seed=1)
    assert found.points == 0 and found.low == 0 and found.high == 0
    shuffled = table.sample(frac=1, random_state=2)
    assert nps.change(shuffled, table.iloc[::-1], seed=1) == found


def test_two_waves_need_enough_answers():
    with pytest.raises(TooFewData, match="has 3 answers; 30 are needed"):
        nps.change(survey([9, 9, 9]), survey([9] * 40), seed=1)


# against an authority


def test_the_airport_survey_has_its_published_score(shared, tmp_path):
    codes = pd.read_csv(shared / "data" / "sfo_survey_2017.csv", usecols=["NETPRO"])["NETPRO"]
    raw = pd.DataFrame({"customer_id": codes.index.astype(str), "date": "2017-05-01", "nps": codes})
    raw.to_csv(tmp_path / "survey.csv", index=False)
    known = pd.Series(raw["customer_id"], dtype="str")
    read = companions.read(
        "survey",
        tmp_path / "survey.csv",
        known_customers=known,
        as_of=pd.Timestamp("2017-12-31"),
    )
    found = nps.score(read.table["nps"])
    assert found.answers == 2746
    assert round(found.promoters, 4) == 0.5229
    assert round(found.detractors, 4) == 0.1245
    assert round(found.nps, 2) == 39.84
    assert round(found.se, 2) == 1.33


def test_a_code_for_no_answer_is_refused_and_never_a_promoter(shared):
    codes = pd.read_csv(shared / "data" / "sfo_survey_2017.csv", usecols=["NETPRO"])["NETPRO"]
    wrong = 100 * ((codes >= 9).mean() - (codes <= 6).mean())
    assert round(wrong, 1) != 39.8
    with pytest.raises(DataError, match=r"are no whole number from 0 to 10, like 11\. Blank"):
        nps.score(codes)


def test_nobody_answered_is_too_few():
    with pytest.raises(TooFewData):
        nps.score(pd.Series([None, None], dtype="Int64"))
