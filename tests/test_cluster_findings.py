import pandas as pd
import pytest

from workbench import cluster_findings as findings
from workbench.clusters import Search
from workbench.formats import Style
from workbench.mixtures import Mixtures

STYLE = Style("de_DE", "EUR")
NAN = float("nan")


def search(code: str = "natural", **changed) -> Search:
    table = pd.DataFrame(
        {
            "silhouette": [0.30, 0.52],
            "reference": [0.29, 0.31],
            "reference_high": [0.31, 0.33],
            "excess": [0.01, 0.21],
            "jaccard": [0.7, 0.9],
        },
        index=pd.Index([2, 3], name="n_groups"),
    )
    values = {
        "table": table,
        "code": code,
        "n_groups": 3,
        "p_value": 0.05,
        "jaccard": (0.95, 0.91, 0.9),
        "reference_jaccard": 0.62,
        "labels": pd.Series([1, 2, 3] * 40),
    }
    return Search(**values | changed)


def cards() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customers": [10, 20, 30, 60],
            "customer_share": [0.1, 0.2, 0.2, 0.5],
            "revenue_share": [0.5, 0.2, 0.2, 0.1],
            "kind": ["repeat"] * 3 + ["once"],
        },
        index=pd.Index(
            ["Kauft oft", "Kauft selten", "Lange still", "Einmalkäufer"], name="cluster"
        ),
    )


@pytest.mark.parametrize(
    ("code", "headline", "said"),
    [
        ("natural", "bilden 3 natürliche Gruppen", "Natürliche Gruppen: Die 120 Wiederkäufer"),
        ("reproducible", "aber 3 reproduzierbare", "nicht als Entdeckung"),
        ("constructed", "Keine stabilen Gruppen", "Keine stabilen Gruppen: Ein Verfahren teilt"),
    ],
)
def test_headline_and_sentence_say_what_kind_of_groups_there_are(code, headline, said):
    assert headline in str(findings.title(search(code), style=STYLE))
    assert said in str(findings.verdict(search(code), style=STYLE))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"p_value": 0.1}, "nicht weiter auseinander als in Tabellen ohne Gruppen"),
        (
            {"jaccard": (0.9, 0.74)},
            "kehren sie nicht verlässlich wieder (Jaccard 0,74, nötig 0,75)",
        ),
        ({}, "in Tabellen ohne Gruppen kehren sie ebenso gut wieder"),
    ],
)
def test_where_there_are_no_groups_the_reason_is_given(changed, why):
    assert why in str(findings.verdict(search("constructed", **changed), style=STYLE))


def test_the_search_is_described_at_the_number_chosen():
    text = str(findings.search_alt(search(), style=STYLE))
    assert "Bei 3 Gruppen beträgt die Silhouette 0,52" in text
    assert "im Mittel 0,31 und höchstens 0,33" in text


@pytest.mark.parametrize(
    ("agreement", "word"), [(0.19, "wenig"), (0.2, "manches"), (0.5, "viel"), (1.0, "viel")]
)
def test_what_groupings_have_in_common_has_a_word(agreement, word):
    assert f"{word} gemeinsam" in str(findings.segments(agreement, style=STYLE))
    found = Mixtures(pd.DataFrame(), 6, 3, agreement)
    text = str(findings.clouds(found, search(), style=STYLE))
    assert f"{word} gemeinsam" in text and "nach BIC 6 und nach ICL 3;" in text


def test_the_group_of_repeat_buyers_with_the_most_revenue_is_named():
    text = str(findings.cards_title(cards(), style=STYLE))
    assert text == "„Kauft oft“: 10\u00a0% der Kunden, 50\u00a0% des Umsatzes"
    hidden = cards().assign(revenue_share=NAN)
    assert "zu klein" in str(findings.cards_title(hidden, style=STYLE))


def test_cards_say_how_stable_each_group_is():
    table = findings.with_stability(cards(), search(jaccard=(0.95, 0.8, 0.5)))
    assert table["stability"].tolist() == [
        *("sehr stabil", "stabil", "unzuverlässig", "nach Definition")
    ]
    assert table["jaccard"].tolist()[:3] == [0.95, 0.8, 0.5]


def test_places_are_described_by_their_extremes():
    places = pd.DataFrame(
        {"place_frequency": [0.9, 0.2, NAN], "place_recency": [0.1, 0.4, NAN]},
        index=["Kauft oft", "Kauft selten", "Lange still"],
    )
    text = str(findings.positions_alt(places, style=STYLE))
    assert "häufigsten kauft „Kauft oft“, am längsten still ist „Kauft selten“" in text
    empty = str(findings.positions_alt(places * NAN, style=STYLE))
    assert "„–“" in empty
