import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from workbench import churn_features, effects, feature_book, reasons, stored_model
from workbench.formats import Style
from workbench.reasons import PHRASES, Phrase, Reference
from workbench.schema import DataError

STYLE = Style("de_DE", "EUR")
MIDDLE = Reference("beim mittleren Kunden", pd.Series({"days_since_last": 30.0, "n_orders": 4.0}))


def line(table: pd.DataFrame) -> pd.Series:
    """Let silence raise the risk and purchases lower it."""
    return expit((table["days_since_last"] - 30) / 30 - (table["n_orders"] - 4) / 2)


@pytest.fixture
def three() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "days_since_last": [96.0, 30.0, 1.0],
            "n_orders": [4.0, 1.0, 12.0],
            "usual_gap_days": [30.4, np.nan, 8.0],
        },
        index=pd.Index(["anna", "ben", "cem"], name="customer_id"),
    )


def tell(features: pd.DataFrame, **changes) -> pd.DataFrame:
    terms = {
        "reference": MIDDLE,
        "groups": {name: [name] for name in ("days_since_last", "n_orders")},
        "predict": line,
        "phrases": PHRASES,
    } | changes
    predict, phrases = terms.pop("predict"), terms.pop("phrases")
    moved = reasons.contributions(features, predict=predict, **terms)
    return reasons.in_words(features, contributions=moved, phrases=phrases, style=STYLE, **terms)


# --- by hand ---------------------------------------------------------------------------------


def test_contributions_are_differences_of_log_odds_to_the_middle_customer(three):
    table = reasons.contributions(
        three,
        predict=line,
        reference=MIDDLE,
        groups={"n_orders": ["n_orders"], "days_since_last": ["days_since_last"]},
    )
    assert table.columns.tolist() == ["days_since_last", "n_orders"]
    assert table.loc["anna"].tolist() == pytest.approx([66 / 30, 0])
    assert table.loc["ben"].tolist() == pytest.approx([0, 1.5])
    assert table.loc["cem"].tolist() == pytest.approx([-29 / 30, -4])


def test_three_customers_in_words(three):
    table = tell(three)
    assert table.columns.tolist() == ["reason_1", "reason_2", "reason_3"]
    assert table.loc["anna"].tolist() == ["seit 96 Tagen kein Kauf, üblich sind 30", "", ""]
    assert table.loc["ben"].tolist() == ["erst 1 Kauf (beim mittleren Kunden 4)", "", ""]
    # Nothing raises his risk.
    assert table.loc["cem"].tolist() == ["", "", ""]


def test_the_strongest_reason_stands_first(three):
    both = three.assign(days_since_last=[96.0, 150.0, 1.0])
    words = tell(both).loc["ben"]
    assert words["reason_1"] == "seit 150 Tagen kein Kauf (beim mittleren Kunden 30)"
    assert words["reason_2"] == "erst 1 Kauf (beim mittleren Kunden 4)"


def test_an_own_rhythm_on_the_other_side_is_no_comparison(three):
    # 96 days are much to the base and little to her.
    slow = three.assign(usual_gap_days=[120.0, np.nan, 8.0])
    assert tell(slow).loc["anna", "reason_1"] == (
        "seit 96 Tagen kein Kauf (beim mittleren Kunden 30)"
    )


def test_an_own_rhythm_that_reads_the_same_is_no_comparison(three):
    slow = three.assign(usual_gap_days=[95.8, np.nan, 8.0])
    assert tell(slow).loc["anna", "reason_1"] == (
        "seit 96 Tagen kein Kauf (beim mittleren Kunden 30)"
    )


def test_one_day_is_one_day(three):
    near = three.assign(days_since_last=1.0, usual_gap_days=np.nan)
    words = tell(near, predict=lambda table: expit(-table["days_since_last"] / 10))
    assert words["reason_1"].unique().tolist() == [
        "letzter Kauf erst vor 1 Tag (beim mittleren Kunden 30)"
    ]
    often = three.assign(usual_gap_days=1.2)
    assert tell(often).loc["anna", "reason_1"] == "seit 96 Tagen kein Kauf, üblich ist 1"


def test_a_group_is_told_by_its_first_feature_that_shows_a_difference():
    features = pd.DataFrame(
        {"a": [1.04, 5.0, 1.04], "b": [9.0, 2.0, 2.0], "c": [0.0, 0.0, 3.0]},
        index=pd.Index(["anna", "ben", "cem"], name="customer_id"),
    )
    phrases = {
        "b": Phrase("viel b: {value}", "wenig b: {value}", "B"),
        "a": Phrase("viel a: {value}", "wenig a: {value}", "A"),
    }
    words = tell(
        features,
        predict=lambda table: expit(20 * table["a"] + table["b"] - 20),
        reference=Reference("beim mittleren Kunden", pd.Series({"a": 1.0, "b": 2.0})),
        groups={"a": ["a", "b"]},
        phrases=phrases,
    )["reason_1"]
    assert words.tolist() == [
        "viel b: 9 (beim mittleren Kunden 2)",
        "viel a: 5 (beim mittleren Kunden 1)",
        # 1.04 and 1 are the same to a reader, but not to the model.
        "leicht auffällig: B",
    ]


@pytest.mark.parametrize(
    ("unit", "value", "middle", "written"),
    [
        ("number", 2.449, 1.0, "x: 2,4 (beim mittleren Kunden 1)"),
        ("number", 1234.56, 9.97, "x: 1.235 (beim mittleren Kunden 10)"),
        ("share", 0.2549, 0.1, "x: 25\xa0% (beim mittleren Kunden 10\xa0%)"),
        ("money", 1234.56, 99.9, "x: 1.235\xa0€ (beim mittleren Kunden 100\xa0€)"),
        ("count", 12.0, 4.5, "x: 12 (beim mittleren Kunden 4)"),
    ],
)
def test_no_more_digits_than_sensible(unit, value, middle, written):
    words = tell(
        pd.DataFrame({"x": [value]}, index=pd.Index(["anna"], name="customer_id")),
        predict=lambda table: expit(table["x"] - middle),
        reference=Reference("beim mittleren Kunden", pd.Series({"x": middle})),
        groups={"x": ["x"]},
        phrases={"x": Phrase("", "", "x", unit)},
    )
    assert words["reason_1"].tolist() == [written]


def test_a_feature_without_a_phrase_is_told_by_its_name():
    words = tell(
        pd.DataFrame({"opens": [0.0]}, index=pd.Index(["anna"], name="customer_id")),
        predict=lambda table: expit(-table["opens"]),
        reference=Reference("beim mittleren Kunden", pd.Series({"opens": 3.0})),
        groups={"opens": ["opens"]},
    )
    assert words["reason_1"].tolist() == ["opens: 0 (beim mittleren Kunden 3)"]


# --- properties ------------------------------------------------------------------------------


def drawn(seed: int, n: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "days_since_last": random.integers(0, 300, n).astype(float),
            "n_orders": random.integers(1, 12, n).astype(float),
            "usual_gap_days": np.where(random.random(n) < 0.5, random.gamma(2, 30, n), np.nan),
        },
        index=pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id"),
    )


@pytest.mark.parametrize("seed", range(20))
def test_neither_the_order_of_rows_nor_who_else_is_asked_changes_a_reason(seed):
    features = drawn(seed)
    before = features.copy()
    whole = tell(features)
    pd.testing.assert_frame_equal(whole, tell(features.sample(frac=1, random_state=seed)))
    pd.testing.assert_frame_equal(
        whole, pd.concat([tell(features.iloc[:7]), tell(features.iloc[7:])])
    )
    pd.testing.assert_frame_equal(features, before)


@pytest.mark.parametrize("seed", range(5))
def test_a_reason_is_told_where_odds_rise_by_a_tenth_and_nowhere_else(seed):
    features = drawn(seed)
    moved = reasons.contributions(
        features,
        predict=line,
        reference=MIDDLE,
        groups={"days_since_last": ["days_since_last"], "n_orders": ["n_orders"]},
    )
    told = (tell(features) != "").sum(axis=1)
    assert told.tolist() == (np.exp(moved) >= 1.1).sum(axis=1).tolist()


def test_reasons_of_a_model_without_features_are_empty(three):
    words = tell(three, predict=lambda table: pd.Series(0.8, index=table.index))
    assert (words == "").all(axis=None)


def test_every_churn_feature_has_a_phrase_with_the_label_of_the_pages():
    numbers = [name for name, one in feature_book.BOOK.items() if one.unit != "text"]
    phrases = feature_book.phrases()
    assert list(phrases) == numbers and set(PHRASES) <= set(numbers)
    assert {name: phrase.label for name, phrase in phrases.items()} == {
        name: feature_book.label(name) for name in numbers
    }
    assert {name: phrases[name] for name in PHRASES} == PHRASES


def test_words_for_a_feature_stand_in_one_place_and_on_both_sides():
    for name, one in feature_book.BOOK.items():
        assert not (name in PHRASES and (one.above or one.below))
        phrase = feature_book.phrases().get(name, Phrase("", "", ""))
        assert bool(phrase.above) == bool(phrase.below)


def test_most_of_many_customers_get_three_reasons():
    n = 10_000
    random = np.random.default_rng(1)
    names = [f"f{i:02d}" for i in range(20)]
    features = pd.DataFrame(
        random.gamma(2, 50, (n, 20)),
        columns=names,
        index=pd.Index([f"c{i:06d}" for i in range(n)], name="customer_id"),
    )
    slopes = np.linspace(0, 0.02, 20)
    words = tell(
        features,
        predict=lambda table: pd.Series(expit(table.to_numpy() @ slopes - 20), index=table.index),
        reference=Reference("beim mittleren Kunden", features.median()),
        groups={name: [name] for name in names},
        phrases={name: Phrase("viel: {value}", "wenig: {value}", name, "money") for name in names},
    )
    assert (words["reason_3"] != "").mean() > 0.9


# --- on real data ----------------------------------------------------------------------------


def test_reasons_on_cdnow_are_german_phrases_that_fit_the_customer(sample_orders):
    origin, as_of = pd.Timestamp("1998-03-31"), pd.Timestamp("1998-06-30")
    window = {"origin": origin, "horizon_days": 91, "gap_days": 0}
    features = churn_features.build(sample_orders, **window)
    churned = churn_features.label(sample_orders, customers=features.index, as_of=as_of, **window)
    kinds = dict.fromkeys(features, "number")
    pipeline = stored_model.new_pipeline("logistic", kinds, seed=1).fit(features, churned)

    def predict(table: pd.DataFrame) -> pd.Series:
        return pd.Series(pipeline.predict_proba(table)[:, 1], index=table.index)

    risky = predict(features) > 0.9
    told = {}
    for name, base in {
        "beim mittleren Kunden": features,
        "beim mittleren Käufer": features[~churned],
    }.items():
        terms = {
            "reference": Reference(name, base.median()),
            "groups": effects.correlated(features),
        }
        moved = reasons.contributions(features, predict=predict, **terms)
        words = reasons.in_words(
            features,
            contributions=moved,
            phrases=feature_book.phrases(),
            style=STYLE,
            **terms,
        )
        assert words.index.equals(features.index)
        texts = pd.unique(words.to_numpy().ravel())
        assert not [text for text in texts if set(text) & set("{}[]|") or "nan" in text]
        told[name] = (words.loc[risky, "reason_1"] != "").mean()
    # The middle customer bought once, long ago: he is himself a risk, and a poor measure.
    assert told["beim mittleren Kunden"] < 0.6
    assert told["beim mittleren Käufer"] > 0.99


# --- messages --------------------------------------------------------------------------------


def test_what_lacks_is_named(three):
    with pytest.raises(DataError, match=r"lack \['opens', 'opens'\], which the groups name"):
        tell(three, groups={"opens": ["opens"]})
    with pytest.raises(DataError, match="predict gave 1 rows for 3 customers"):
        tell(three, predict=lambda table: line(table).head(1))


def test_contributions_of_other_customers_are_refused(three):
    with pytest.raises(DataError, match="other customers, or another order"):
        reasons.in_words(
            three,
            contributions=pd.DataFrame({"n_orders": [1.0]}, index=["anna"]),
            reference=MIDDLE,
            groups={"n_orders": ["n_orders"]},
            phrases=PHRASES,
            style=STYLE,
        )
