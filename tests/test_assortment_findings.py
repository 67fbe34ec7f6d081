import pandas as pd
import pytest

from workbench import assortment_findings as findings
from workbench import formats
from workbench.assortment import Pairs, Trial

STYLE = formats.style(locale="de_DE", currency="EUR")


def moves(up: int, same: int, down: int) -> pd.DataFrame:
    counts = pd.Series([up, same, down], index=["up", "same", "down"])
    share = counts / counts.sum()
    return pd.DataFrame(
        {"customers": counts, "share": share, "low": share - 0.05, "high": share + 0.05}
    )


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ((40, 40, 20), "Es überwiegt der Aufstieg."),
        ((20, 40, 40), "Es überwiegt der Abstieg."),
        ((30, 38, 32), "Weder Aufstieg noch Abstieg überwiegt"),
    ],
)
def test_the_sentence_on_prices_follows_the_intervals(counts, told):
    assert told in str(findings.price_moves(moves(*counts), days=365, style=STYLE))


def test_suggestions_are_promised_only_where_they_beat_the_bestsellers():
    found = Trial(139, 0.4, 0.2, 0.2, 0.1, 0.3, pd.Timestamp("2025-12-02"))
    assert "Die Vorschläge sind besser als die Bestenliste" in str(
        findings.trial(found, style=STYLE)
    )
    chance = found._replace(difference=0.02, low=-0.03)
    assert "deshalb schreiben wir keine Vorschläge" in str(findings.trial(chance, style=STYLE))


def test_the_strongest_pair_that_may_be_shown_is_named():
    table = pd.DataFrame(
        {
            "first": ["A", "Kaffee"],
            "second": ["B", "Becher"],
            "lift": [float("nan"), 3.14],
            "lift_low": [float("nan"), 2.0],
            "lift_high": [float("nan"), 4.5],
        }
    )
    told = str(findings.pairs(Pairs(table, 900), table, style=STYLE))
    assert "„Kaffee“ und „Becher“" in told and "3,1-mal" in told and "900 Warenkörben" in told
    nothing = table.assign(lift=float("nan"))
    assert "zu wenige Kunden" in str(findings.pairs(Pairs(table, 900), nothing, style=STYLE))
