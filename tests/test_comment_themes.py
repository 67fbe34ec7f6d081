import numpy as np
import pandas as pd
import pytest

from workbench import comment_themes
from workbench.schema import TooFewData

SUBJECTS = {
    "lieferung": [
        "Lieferung kam verspätet",
        "Paket wurde beschädigt geliefert",
        "Bote klingelte nicht",
    ],
    "beratung": ["Beratung war freundlich", "Mitarbeiterin erklärte Kaffeemaschine geduldig"],
    "preis": ["Preise sind gestiegen", "Versandkosten finde ich teuer"],
}


def world(n: int = 300, seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        subject = SUBJECTS[list(SUBJECTS)[number % 3]]
        text = ". ".join(chance.permutation(subject)[:2])
        own = f" Gruß, Ottokar{number} Kasimir{number}." if number % 5 == 0 else "."
        rows.append((f"c{number % 250:03d}", text + own))
    return pd.DataFrame(rows, columns=["customer_id", "comment"])


def test_subjects_that_are_built_in_come_back():
    comments = world()
    found = comment_themes.find(comments, seed=1)
    truth = np.array([list(SUBJECTS)[number % 3] for number in range(len(comments))])
    purity = pd.crosstab(found.of_comment.to_numpy(), truth).max(axis=1).sum() / len(comments)
    assert purity > 0.95
    assert found.stability > 0.5
    assert found.words["comments"].is_monotonic_decreasing
    assert found.words["comments"].sum() == found.of_comment.notna().sum()


def test_no_word_of_a_quotation_is_used_by_fewer_than_k():
    comments = world()
    found = comment_themes.find(comments, seed=1)
    quotes = comment_themes.quotes(comments, found, k=5)
    assert quotes.notna().any()
    for text in quotes.dropna():
        assert "Ottokar" not in text and "Kasimir" not in text
        for word in text.lower().rstrip(".").split():
            users = comments[comments["comment"].str.lower().str.contains(rf"\b{word}\b")]
            assert users["customer_id"].nunique() >= 5
    assert comment_themes.quotes(comments, found, k=10_000).isna().all()


def test_order_and_repetition_change_nothing():
    comments = world()
    found = comment_themes.find(comments, seed=1)
    shuffled = comment_themes.find(comments.sample(frac=1, random_state=4), seed=1)
    pd.testing.assert_frame_equal(found.words, shuffled.words)
    pd.testing.assert_series_equal(found.of_comment, shuffled.of_comment.sort_index())


def test_umlauts_and_swiss_spelling_are_one_word():
    assert comment_themes.plain_text("Größe") == comment_themes.plain_text("Groesse")
    assert not {"nicht", "kein", "nie", "ohne"} & comment_themes.STOP_WORDS


def test_few_comments_are_to_be_read():
    with pytest.raises(TooFewData, match="there are 20 comments; themes need 200"):
        comment_themes.find(world(20), seed=1)
