"""German comments to themes: their words, how many customers, and sentences that name nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from workbench.schema import TooFewData

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

# With fewer, reading them all takes an afternoon and says more.
FEWEST_COMMENTS = 200
THEMES = range(3, 9)
TOP_WORDS = 6
NAME_WORDS = 3
RESAMPLES = 6
# Half of the words of a theme come back in other customers' comments.
STABLE = 0.5
_WORD = r"(?u)\b[^\W\d_]{3,}\b"
# Words without a subject of their own. Negations stay: without them praise and blame look alike.
_STOP = """
    aber alle allem allen aller alles als also andere anderen auch auf aus ausser bei beim bin
    bis bisher bitte das dass dein deine dem den denn der des dessen dich die dies diese diesem
    diesen dieser dieses doch dort durch ebenfalls eher ein eine einem einen einer eines einfach
    einmal etwas euch euer eure fast fuer ganz gar gegen gibt habe haben hat hatte hatten hier
    ich ihm ihn ihnen ihr ihre ihrem ihren ihrer immer ins ist jede jedem jeden jeder jedes jetzt
    kann koennen konnte man manchmal mehr mein meine meinem meinen meiner mich mir mit muss nach
    noch nun nur oder ohnehin schon sehr seid sein seine seit sich sie sind sogar sollte sowie
    ueber uns unser unsere und unter viel viele vom von vor waere war waren was weil weiter
    welche wenn wer werden wie wieder will wir wird wurde wurden zum zur zwar zwischen
"""
STOP_WORDS = frozenset(_STOP.split())
_SPELLING = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Themes(NamedTuple):
    """What the comments are about.

    Attributes
    ----------
    words : DataFrame
        Indexed by `theme` (1, 2, ... by number of comments): `name` (its three
        heaviest words), `words` (six), `comments`, `customers` (counts).
    of_comment : Series
        Theme of each comment, indexed like the comments; missing where no word
        is left of one.
    stability : float
        Mean share of words that a theme keeps when customers are drawn anew, 0 to 1.
    """

    words: pd.DataFrame
    of_comment: pd.Series
    stability: float


def find(comments: pd.DataFrame, *, seed: int) -> Themes:
    """Find themes by weighing words and factorising the table of comments and words.

    The number of themes is the largest whose words come back when the customers
    are drawn anew (`STABLE`), else the most stable one.

    Parameters
    ----------
    comments : DataFrame
        `customer_id` and `comment`; missing comments are left out.
    seed : int
        Of the draws.

    Returns
    -------
    Themes

    Raises
    ------
    TooFewData
        If there are fewer than `FEWEST_COMMENTS`.

    References
    ----------
    Lee and Seung (1999), Learning the parts of objects by non-negative matrix
    factorization, Nature 401, 788-791; Greene, O'Callaghan and Cunningham
    (2014), How many topics? Stability analysis for topic models, ECML PKDD.
    """
    given = comments[comments["comment"].notna()].sort_values(["customer_id", "comment"])
    if len(given) < FEWEST_COMMENTS:
        raise TooFewData(
            f"there are {len(given)} comments; themes need {FEWEST_COMMENTS}.",
            have=len(given),
            need=FEWEST_COMMENTS,
        )
    plain = given["comment"].map(plain_text)
    written = _vectorizer().fit(plain)
    table = written.transform(plain)
    names = written.get_feature_names_out()
    spoken = _spelled(given["comment"])
    n_themes, stability = _most_themes(table, customers=given["customer_id"], seed=seed)
    weights, parts = _factorise(table, n_themes, seed=seed)
    has_words = weights.sum(axis=1) > 0
    place = pd.Series(weights.argmax(axis=1), index=given.index).where(has_words)
    order = place.value_counts(sort=False).reindex(range(n_themes), fill_value=0)
    order = order.sort_values(ascending=False, kind="stable").index
    rank = pd.Series(range(1, n_themes + 1), index=order)
    theme = place.map(rank)
    rows = {}
    for old, number in rank.items():
        heaviest = [spoken.get(names[i], names[i]) for i in np.argsort(-parts[old])[:TOP_WORDS]]
        mine = given[theme == number]
        rows[number] = {
            "name": ", ".join(heaviest[:NAME_WORDS]),
            "words": ", ".join(heaviest),
            "comments": len(mine),
            "customers": mine["customer_id"].nunique(),
        }
    words = pd.DataFrame.from_dict(rows, orient="index").rename_axis("theme")
    return Themes(words[words["comments"] > 0], theme.reindex(comments.index), stability)


def quotes(comments: pd.DataFrame, themes: Themes, *, k: int) -> pd.Series:
    """Choose for each theme a sentence in which nothing is anybody's own.

    Every word of it, names and numbers included, is used by at least `k`
    customers; so no name, no order and no rare circumstance can stand in it. A
    theme of fewer than `k` customers has none.

    Parameters
    ----------
    comments : DataFrame
        As in `find`.
    themes : Themes
        Of these comments.
    k : int
        Smallest group shown.

    Returns
    -------
    Series of str
        `quote`, indexed by theme; missing where there is no such sentence.
    """
    given = comments[comments["comment"].notna()]
    parts = given["comment"].str.split(r"(?<=[.!?])\s+", regex=True).explode()
    sentences = pd.DataFrame(
        {
            "customer_id": given["customer_id"].reindex(parts.index),
            "theme": themes.of_comment.reindex(parts.index),
            "text": parts.str.strip(),
        }
    )
    tokens = sentences["text"].str.lower().str.findall(r"\w+")
    used = pd.DataFrame({"customer_id": sentences["customer_id"], "word": tokens}).explode("word")
    common = set(used.groupby("word")["customer_id"].nunique()[lambda n: n >= k].index)
    fit = tokens.map(lambda words: len(words) >= NAME_WORDS and set(words) <= common)
    clear = fit & ~sentences["text"].str.contains("[", regex=False)
    chosen = {}
    for theme, part in sentences[clear & sentences["theme"].notna()].groupby("theme"):
        heavy = set(plain_text(themes.words.loc[theme, "words"]).split())
        hits = part["text"].map(
            lambda text, heavy=heavy: len(set(plain_text(text).split()) & heavy)
        )
        table = part.assign(hits=hits).sort_values(["hits", "text"], ascending=[False, True])
        if themes.words.loc[theme, "customers"] >= k and table["hits"].iloc[0] > 0:
            chosen[theme] = table["text"].iloc[0]
    return pd.Series(chosen, dtype="str", name="quote").reindex(themes.words.index)


def plain_text(text: str) -> str:
    """Write a text in lower case without umlauts and ß, as Swiss and typewriters do.

    Examples
    --------
    >>> plain_text("Größe passt NICHT")
    'groesse passt nicht'
    """
    return re.sub(r"[^\w\s]", " ", text.lower().translate(_SPELLING))


def _vectorizer() -> TfidfVectorizer:
    # A second to import, which who has no comments saves.
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        token_pattern=_WORD,
        lowercase=False,
        stop_words=sorted(STOP_WORDS),
        min_df=5,
        max_df=0.5,
        sublinear_tf=True,
    )


def _factorise(table, n_themes: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.decomposition import NMF

    model = NMF(n_components=n_themes, init="nndsvda", random_state=seed, max_iter=1_000, tol=1e-3)
    weights = model.fit_transform(table)
    return weights, model.components_


def _most_themes(table, *, customers: pd.Series, seed: int) -> tuple[int, float]:
    """Return how many themes, and their stability under drawing customers."""
    codes, people = pd.factorize(customers, sort=True)
    rows_of = [np.flatnonzero(codes == code) for code in range(len(people))]
    chance = np.random.default_rng(seed)
    draws = [
        np.concatenate([rows_of[code] for code in chance.integers(len(people), size=len(people))])
        for _ in range(RESAMPLES)
    ]
    most = min(max(THEMES), min(table.shape) - 1)
    found = {}
    for n_themes in (n for n in THEMES if n <= most):
        words = _top(_factorise(table, n_themes, seed=seed)[1])
        again = [_top(_factorise(table[rows], n_themes, seed=seed)[1]) for rows in draws]
        found[n_themes] = float(np.mean([_agreement(words, other) for other in again]))
    if not found:
        raise TooFewData("the comments share too few words for themes.", have=most, need=THEMES[0])
    stable = [n for n, share in found.items() if share >= STABLE]
    chosen = max(stable) if stable else max(found, key=lambda n: (found[n], -n))
    return chosen, found[chosen]


def _top(parts: np.ndarray) -> list[set[int]]:
    return [set(np.argsort(-part, kind="stable")[:TOP_WORDS]) for part in parts]


def _agreement(words: list[set[int]], other: list[set[int]]) -> float:
    """Return the mean overlap of two lists of themes, each matched with its best partner."""
    from scipy.optimize import linear_sum_assignment

    overlap = np.array([[len(a & b) / len(a | b) for b in other] for a in words])
    return float(overlap[linear_sum_assignment(-overlap)].mean())


def _spelled(comments: pd.Series) -> dict[str, str]:
    """Return the most frequent spelling of each plain word, as people wrote it."""
    words = comments.str.findall(r"[^\W\d_]{3,}").explode().dropna()
    counted = pd.DataFrame({"plain": words.map(plain_text), "word": words}).value_counts()
    table = counted.rename("n").reset_index().sort_values(["n", "word"], ascending=[False, True])
    return table.drop_duplicates("plain").set_index("plain")["word"].to_dict()
