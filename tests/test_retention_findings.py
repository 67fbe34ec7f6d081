import math
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from workbench import churn_plots, offers, outputs, plots, retention_findings, retention_profit
from workbench.formats import Style
from workbench.offers import Offer
from workbench.outputs import Sentence
from workbench.retention_profit import Profit

NBSP = "\u00a0"
NAN = float("nan")
STYLE = Style("de_DE", "EUR")
OFFER = Offer(success_rate=0.3, incentive=10, contact_cost=1, uptake=1, fixed_cost=250)


@pytest.fixture(autouse=True)
def style_and_no_open_figures():
    """Draw as a notebook does, and leave neither figures nor settings behind."""
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def plain(sentence: Sentence) -> str:
    """Return the text with ordinary spaces, after checking that each number is used."""
    assert all("{" + name + "}" in sentence.template for name in sentence.values)
    return str(sentence).replace(NBSP, " ")


def curve() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customers": [2326.0, 1905.0],
            "at_risk": [3133.0, 1905.0],
            "followup_days": [365.0, 270.0],
            "return_share": [0.3728, 0.1430],
            "low": [0.3551, 0.1242],
            "high": [0.3911, 0.1644],
        },
        index=pd.Index([91, 273], name="silent_days"),
    )


def hidden_first() -> pd.DataFrame:
    table = curve()
    table.loc[91] = NAN
    return table


def judged(profit: float = 4200.0, *, low: float = 900.0, high: float = 7600.0, share=0.15):
    row = [share, 353.6, 0.312, profit, low, high]
    table = pd.DataFrame(
        [row, [0.5, 1178.5, 0.2, -1200.0, -9.0, 9.0], [0.0, 0.0, NAN, 0.0, 0.0, 0.0]],
        index=pd.Index(list(retention_findings.RANKINGS), name="ranking"),
    )
    table.columns = [
        *("contacted_share", "customers", "churn_rate"),
        *("profit", "profit_low", "profit_high"),
    ]
    return table


def curves() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customers": [0.0, 50.0, 100.0],
            "by_gain": [0.0, 900.0, -400.0],
            "by_risk": [0.0, 300.0, -400.0],
            "by_lot": [0.0, -200.0, -400.0],
        },
        index=pd.Index([0.0, 0.5, 1.0], name="contacted_share"),
    )


# By hand


def test_the_title_of_the_return_curve_says_who_still_comes_back_and_in_what_time():
    within_a_year = retention_findings.return_title(curve(), horizon_days=91, style=STYLE)
    assert plain(within_a_year) == (
        "Nach 91 Tagen ohne Kauf kommen innerhalb eines Jahres noch 37,3 % der Kunden wieder"
    )
    never = retention_findings.return_title(curve(), horizon_days=None, style=STYLE)
    assert plain(never) == (
        "Auch nach 273 Tagen ohne Kauf kommen in den nächsten 270 Tagen noch 14,3 % der Kunden "
        "wieder"
    )


def test_the_horizon_is_explained_with_its_bounds_and_where_the_data_end():
    known = {"max_return_share": 0.15, "style": STYLE}
    assert plain(retention_findings.horizon(curve(), horizon_days=273, **known)) == (
        "Als abgewandert gilt hier, wer 273 Tage lang nicht kauft. Das ist die kürzeste Pause in "
        "ganzen Wochen, nach der höchstens 15 % der Kunden in den nächsten 270 Tagen "
        "wiederkommen: 14,3 % (Unsicherheitsbereich: 12,4 % bis 16,4 %). Weiter reichen die Daten "
        "nicht; in einem ganzen Jahr wären es eher mehr."
    )
    whole_year = plain(retention_findings.horizon(curve(), horizon_days=91, **known))
    assert "innerhalb eines Jahres wiederkommen" in whole_year
    assert "Weiter reichen" not in whole_year
    figure = retention_findings.horizon_figure(273, style=STYLE)
    assert figure.number.text == f"273{NBSP}Tage"


def test_the_return_curve_is_described_without_its_hidden_rows():
    known = {"max_return_share": 0.15, "style": STYLE}
    assert plain(retention_findings.return_alt(curve(), horizon_days=273, **known)) == (
        "Linie mit Unsicherheitsband: Nach 91 Tagen ohne Kauf kommen 37 % der Kunden wieder, nach "
        "273 Tagen 14 %. Waagerecht die Grenze von 15 %, senkrecht die gewählten 273 Tage."
    )
    text = plain(retention_findings.return_alt(hidden_first(), horizon_days=None, **known))
    assert text.startswith("Linie mit Unsicherheitsband: Nach 273 Tagen")
    assert "senkrecht" not in text
    nothing = retention_findings.return_alt(curve() * NAN, horizon_days=None, **known)
    assert plain(nothing).startswith("Leere Zeichnung")


def test_break_even_says_how_good_a_list_must_be():
    def text(clv: float, churn_rate: float) -> str:
        return plain(
            retention_findings.break_even(clv, churn_rate=churn_rate, offer=OFFER, style=STYLE)
        )

    assert text(200, 0.05) == (
        "Bei einem mittleren Kundenwert von 200,00 € lohnt sich die Ansprache, wenn mehr als "
        "16,4 % der Angesprochenen abwandern würden; unter allen Kunden sind es 5,0 %. Eine Liste "
        "muss also 3,28-mal so viele von ihnen enthalten wie eine ausgeloste."
    )
    assert text(200, 0.2).endswith("Das erreicht schon eine ausgeloste Liste.")
    assert text(12, 0.2) == (
        "Bei einem mittleren Kundenwert von 12,00 € lohnt sich die Ansprache nie, auch wenn jeder "
        "Angesprochene abwandern würde."
    )


def test_the_title_of_the_profit_says_as_much_as_the_interval_bears():
    def text(**numbers: float) -> str:
        return plain(retention_findings.profit_title(judged(**numbers), style=STYLE))

    assert text() == (
        "15 % der Kunden anzusprechen hätte sich unter diesen Annahmen gelohnt: 4.200 € Gewinn"
    )
    assert text(low=-10.0) == (
        "Ob es sich gelohnt hätte, 15 % der Kunden anzusprechen, ist nicht sicher"
    )
    assert text(profit=-4200.0, low=-9000.0, high=-1.0) == (
        "15 % der Kunden anzusprechen hätte unter diesen Annahmen 4.200 € gekostet"
    )
    assert text(share=0.0) == "Unter diesen Annahmen lohnt es sich nicht, Kunden anzusprechen"


def test_the_profit_is_told_with_its_bounds_and_where_it_was_chosen():
    assert plain(retention_findings.profit(judged(), style=STYLE)) == (
        "Wie lang die Liste ist, hat ein früherer Stichtag bestimmt; geprüft ist sie am letzten. "
        "Die ersten 15 % der Kunden anzusprechen, geordnet nach erwartetem Gewinn, hätte 4.200 € "
        "gebracht (Unsicherheitsbereich des Gewinns: 900 € bis 7.600 €). Von den Angesprochenen "
        "wären 31,2 % ohne Ansprache abgewandert."
    )
    loss = plain(retention_findings.profit(judged(-300.0, low=-500.0, high=20.0), style=STYLE))
    assert "hätte 300 € gekostet (Unsicherheitsbereich des Gewinns: -500 € bis 20 €)" in loss
    assert "niemanden" in plain(retention_findings.profit(judged(share=0.0), style=STYLE))


def test_the_rankings_stand_beside_each_other():
    assert plain(retention_findings.rankings(judged(), style=STYLE)).endswith(
        "nach erwartetem Gewinn geordnet 4.200 €, nach Risiko geordnet -1.200 €, ausgelost 0 €."
    )


def test_the_profit_curves_are_described_without_their_hidden_rows():
    text = plain(retention_findings.profit_alt(curves(), contacted_share=0.4, style=STYLE))
    assert text == (
        "Linien des Gewinns über dem Anteil der angesprochenen Kunden. Nach erwartetem Gewinn "
        "geordnet ist er mit 900 € bei 50 % am höchsten und beträgt am rechten Rand -400 €; nach "
        "Risiko geordnet sind es höchstens 300 €. Senkrecht der gewählte Anteil von 40 %."
    )
    nothing = retention_findings.profit_alt(curves() * NAN, contacted_share=0.4, style=STYLE)
    assert plain(nothing).startswith("Leere Zeichnung")


def test_assumptions_are_named_as_such():
    assert plain(retention_findings.assumptions(OFFER, style=STYLE)).startswith(
        "Angenommen ist: Von den Angesprochenen, die sonst abwandern, bleiben 30 %. Von denen, die "
        "ohnehin bleiben, lösen 100 % das Angebot trotzdem ein. Eine Einlösung kostet 10,00 €, "
        "eine Ansprache 1,00 €, die Aktion als Ganzes 250 €."
    )


def test_the_expected_profit_is_money_for_each_customer():
    text = plain(
        retention_findings.expected_profit(
            Profit(23.8756, 0.8744), mean_success_rate=0.3, style=STYLE
        )
    )
    assert "von 30 % angenommen" in text
    assert "23,88 € je Kunde (EMPC)" in text
    assert "87 % der Kunden" in text


def test_key_figures_are_list_profit_and_break_even():
    shown = retention_findings.figures(judged(), clv=200, offer=OFFER, style=STYLE)
    assert [figure.number.text.replace(NBSP, " ") for figure in shown.figures] == [
        *("15 %", "4.200 €", "16,4 %"),
    ]
    never = retention_findings.figures(judged(), clv=5, offer=OFFER, style=STYLE).figures[2]
    assert never.number.text == "–"
    assert str(never.note) == "lohnt sich bei keinem Anteil"


def test_the_return_curve_is_drawn_with_its_border_and_the_choice():
    ax = churn_plots.plot_return_curve(
        curve(), max_return_share=0.15, horizon_days=273, style=STYLE
    )
    line, border, chosen = ax.lines
    assert line.get_xdata().tolist() == [91, 273]
    assert line.get_ydata().tolist() == [0.3728, 0.1430]
    assert set(border.get_ydata()) == {0.15}
    assert set(chosen.get_xdata()) == {273}
    assert ax.get_xlabel() == "Tage ohne Kauf"
    assert ax.get_ylabel() == "Anteil, der wieder kauft"
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["kommt wieder", "Grenze", "gewählt"]


def test_a_return_curve_without_choice_has_no_mark_and_hides_what_is_suppressed():
    ax = churn_plots.plot_return_curve(
        hidden_first(), max_return_share=0.15, horizon_days=None, style=STYLE
    )
    assert len(ax.lines) == 2
    assert ax.lines[0].get_xdata().tolist() == [273]


def test_profit_curves_are_lines_in_the_currency_of_the_report():
    named = curves().drop(columns="customers").rename(columns=retention_findings.RANKINGS)
    named.loc[0.5, "durch das Los"] = NAN
    swiss = Style("de_CH", "CHF")
    ax = churn_plots.plot_profit_curve(named, contacted_share=0.4, style=swiss)
    assert ax.lines[0].get_ydata().tolist() == [0, 900, -400]
    assert ax.lines[2].get_xdata().tolist() == [0, 1]
    assert set(ax.lines[3].get_ydata()) == {0}
    assert set(ax.lines[4].get_xdata()) == {0.4}
    assert ax.get_ylabel() == "Gewinn der Aktion in CHF"
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [*retention_findings.RANKINGS.values(), "gewählt"]


# Properties


def test_a_figure_of_each_drawing_can_be_shown():
    known = {"max_return_share": 0.15, "horizon_days": 273, "style": STYLE}
    figure = plots.figure(
        churn_plots.plot_return_curve(curve(), **known),
        name="wiederkehrkurve",
        title=retention_findings.return_title(curve(), horizon_days=273, style=STYLE),
        alt=retention_findings.return_alt(curve(), **known),
        caption=retention_findings.return_caption(),
        data=curve(),
        columns={"silent_days": ("Tage ohne Kauf", "count")},
        style=STYLE,
    )
    assert "<svg" in figure.svg
    shown = curves().drop(columns="customers")
    figure = plots.figure(
        churn_plots.plot_profit_curve(shown, contacted_share=0.5, style=STYLE),
        name="gewinnkurve",
        title=retention_findings.profit_title(judged(), style=STYLE),
        alt=retention_findings.profit_alt(curves(), contacted_share=0.5, style=STYLE),
        caption=retention_findings.profit_caption(),
        data=shown,
        columns={"by_gain": ("Gewinn", "money")},
        style=STYLE,
    )
    assert isinstance(figure, outputs.Figure)


def test_the_tables_of_the_package_fit_the_sentences():
    """Nothing is renamed between the calculation and what is said of it."""
    index = pd.Index([f"c{i:02d}" for i in range(60)], name="customer_id")
    churned = pd.Series([i % 3 == 0 for i in range(60)], index=index)
    risk, value = churned * 0.5 + 0.2, pd.Series(range(60), index=index) * 10.0
    scores = offers.rankings(risk, clv=value, offer=replace(OFFER, fixed_cost=0))
    known = {"churned": churned, "clv": value, "offer": OFFER}
    table = retention_profit.profit_curves(scores, **known)
    shares = retention_profit.best_shares(table)
    result = retention_profit.judge(scores, shares=shares, seed=1, **known)
    assert set(result.index) == set(retention_findings.RANKINGS)
    for sentence in (
        retention_findings.profit_title(result, style=STYLE),
        retention_findings.profit(result, style=STYLE),
        retention_findings.rankings(result, style=STYLE),
        retention_findings.profit_alt(table, contacted_share=shares["by_gain"], style=STYLE),
    ):
        assert "–" not in plain(sentence)
    shown = retention_findings.figures(result, clv=value.mean(), offer=OFFER, style=STYLE)
    assert not any(math.isnan(figure.number.value) for figure in shown.figures)
