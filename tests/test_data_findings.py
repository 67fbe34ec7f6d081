import inspect
import re

import numpy as np
import pandas as pd
import pytest

from workbench import data_findings, labels, outputs, quality, rhythm
from workbench.formats import Style
from workbench.quality import CAUTION, GOOD, RULES, SERIOUS, UNTESTED

NBSP = "\u00a0"
NAN = float("nan")
STYLE = Style("de_DE", "EUR")
SECOND, THIRD = rhythm.STAGES.values()


def plain(text: object) -> str:
    return str(text).replace(NBSP, " ")


def orders(*days: str, customers: int = 6) -> pd.DataFrame:
    rows = [(f"c{n}", day, 10.0) for n in range(customers) for day in days]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]"})


def inspection(*, far: tuple = (), silent: tuple = (), people: int = 900, **found):
    """Make an inspection; each keyword is a check with its value and status."""
    checks = pd.DataFrame(
        {"value": 0.0, "unit": [r.unit for r in RULES.values()], "status": GOOD, "people": people},
        index=pd.Index(list(RULES), name="check"),
    )
    for check, (value, status) in found.items():
        checks.loc[check, ["value", "status"]] = [value, status]
    table = orders("2024-01-02", "2024-06-30")
    core = quality.Core(table, pd.Timestamp("2024-06-30"), pd.DatetimeIndex(list(far)))
    return quality.Inspection(checks, core, pd.DatetimeIndex(list(silent)))


def cells(purchases: np.ndarray, *, days: int = 4) -> pd.DataFrame:
    periods = pd.to_datetime(["2024-01-01", "2024-02-01"])
    index = pd.MultiIndex.from_product([periods, rhythm.WEEKDAYS], names=["period", "weekday"])
    table = pd.DataFrame({"days": days, "purchases": purchases.ravel()}, index=index)
    return table.assign(purchases_per_day=table["purchases"] / days)


def curves(second: float, third: float | None = None, *, week: int = 26) -> pd.DataFrame:
    rows = [(SECOND, week, second)] + ([] if third is None else [(THIRD, week, third)])
    table = pd.DataFrame(rows, columns=["stage", "week", "bought_share"])
    table = table.assign(low=table["bought_share"] - 0.01, high=table["bought_share"] + 0.02)
    return table.set_index(["stage", "week"])


def silences(*shares: float) -> pd.DataFrame:
    index = pd.Index(["bis 4 Wochen", "bis 13 Wochen", "über 52 Wochen"], name="silence")
    return pd.DataFrame({"customer_share": shares, "revenue_share": shares}, index=index)


# by hand


def test_good_data_pass_without_a_hint():
    verdict = data_findings.quality_verdict(inspection(), k=5, style=STYLE)
    assert (verdict.name, verdict.passed) == ("datenqualitaet", True)
    assert plain(verdict.sentence) == (
        "Keine der 15 Prüfungen zeigt einen Mangel oder gibt einen Hinweis."
    )
    assert plain(verdict.consequence) == "Die Zahlen dürfen verwendet werden."


@pytest.mark.parametrize(("n", "verb"), [(1, "1 gibt"), (2, "2 geben")])
def test_hints_do_not_fail_the_data_but_are_to_be_heeded(n, verb):
    hinted = dict.fromkeys(list(RULES)[:n], (0.1, CAUTION))
    verdict = data_findings.quality_verdict(inspection(**hinted), k=5, style=STYLE)
    assert verdict.passed
    assert plain(verdict.sentence).endswith(f"einen Mangel, {verb} einen Hinweis.")
    assert "beachten Sie die Hinweise" in plain(verdict.consequence)


def test_a_defect_fails_the_data_with_its_reason_and_figure():
    found = inspection(
        money_without_customer=(0.314, SERIOUS), lines_without_customer=(0.6, SERIOUS)
    )
    verdict = data_findings.quality_verdict(found, k=5, style=STYLE)
    assert not verdict.passed
    assert plain(verdict.sentence) == (
        "2 von 15 Prüfungen zeigen einen Mangel. 31,4 % des Umsatzes vor Retouren tragen keine "
        "Kundennummer; sie fehlen in jeder Auswertung je Kunde. 60,0 % der Zeilen tragen keine "
        "Kundennummer."
    )
    values = verdict.payload()["sentence"]["values"]
    assert values["money_without_customer_wert"]["value"] == 0.314


def test_a_mistyped_year_is_named():
    found = inspection(far=("2924-03-01",), far_days=(1, SERIOUS))
    assert plain(data_findings.quality_verdict(found, k=5, style=STYLE).sentence) == (
        "1 von 15 Prüfungen zeigt einen Mangel. Weit ab von allen anderen Käufen: 1 Tag "
        "(01.03.2924), vermutlich ein Schreibfehler im Datum; berichtigen Sie die Quelle, oder "
        "geben Sie den Stichtag vor. Die übrigen Käufe liegen zwischen dem 02.01.2024 und dem "
        "30.06.2024."
    )


def test_of_many_far_days_the_first_are_named():
    far = pd.date_range("2924-03-01", periods=7)
    text = plain(
        data_findings.quality_verdict(
            inspection(far=tuple(far), far_days=(7, SERIOUS)), k=5, style=STYLE
        ).sentence
    )
    assert "7 Tage (01.03.2924, " in text
    assert "05.03.2924 und weitere)" in text


def test_hints_name_their_figures_and_what_could_not_be_tested():
    found = inspection(
        silent=("2024-05-06",),
        silent_weeks=(1, CAUTION),
        days_to_month_end=(22, CAUTION),
        last_week=(NAN, UNTESTED),
    )
    assert plain(data_findings.hints(found, k=5, style=STYLE)) == (
        "Zu beachten: Mitten in den Daten: 1 Woche ohne einen einzigen Kauf, die erste ab dem "
        "06.05.2024; prüfen Sie, ob dort Daten fehlen. Dem letzten Monat fehlen 22 Tage; "
        "vergleichen Sie ihn nicht mit vollen Monaten. Auf diesen Daten nicht prüfbar: "
        "„Käufe der letzten sieben Tage, gemessen am Üblichen“."
    )
    assert plain(data_findings.hints(inspection(), k=5, style=STYLE)) == ("Hinweise gibt es nicht.")


def test_figures_about_few_people_are_not_told():
    found = inspection(people=3, **dict.fromkeys(RULES, (3.0, CAUTION)))
    text = plain(data_findings.hints(found, k=5, style=STYLE))
    assert "Einige wenige Kundennummern kaufen so oft" in text
    # All but a few may have bought twice as well; so nothing is said of "few".
    assert "Für Modelle haben wenige Kunden ein zweites Mal gekauft" in text
    assert "Länge der Geschichte: die Zahl bleibt ungenannt" in text
    # The limit of the largest order is a rule, not a figure about people.
    assert re.findall(r"\d+ %", text) == ["5 %"]


@pytest.mark.parametrize(
    ("check", "limits"),
    [
        ("money_without_customer", "Hinweis: mehr als 5 %; Mangel: mehr als 25 %"),
        ("far_days", "Mangel: mehr als 0 Tage"),
        ("last_week", "Hinweis: weniger als 50 %"),
        ("history_days", "Hinweis: weniger als 365 Tage; Mangel: weniger als 182 Tage"),
    ],
)
def test_the_table_states_the_limits_of_every_rule(check, limits):
    table = data_findings.quality_table(inspection().checks, style=STYLE).set_index("label")
    assert plain(table.loc[data_findings.CHECKS[check], "rule"]) == limits


@pytest.mark.parametrize(
    ("given", "as_of", "part"),
    [
        (False, "2024-06-30", "Ein Stichtag wurde nicht vorgegeben"),
        (True, "2024-06-30", "Das ist der vorgegebene Stichtag."),
        (True, "2024-07-10", "dem 10.07.2024, vergehen 10 Tage ohne Kauf"),
    ],
)
def test_freshness_says_where_the_data_end(given, as_of, part):
    found = inspection()
    found = found._replace(core=found.core._replace(as_of=pd.Timestamp(as_of)))
    text = plain(data_findings.freshness(found, given=given, k=5, style=STYLE))
    assert text.startswith("Der erste Kauf in den Daten ist vom 02.01.2024, der letzte vom 30.06.")
    assert part in text
    assert "2024" not in plain(data_findings.freshness(found, given=given, k=7, style=STYLE))


def test_a_weekday_that_stands_out_is_named():
    purchases = np.full((2, 7), 10.0)
    purchases[:, 3] = 30
    assert plain(data_findings.calendar(cells(purchases), style=STYLE)) == (
        "Am meisten wird am Donnerstag gekauft, 2,3-mal so viel wie im Durchschnitt der Wochentage"
    )
    even = plain(data_findings.calendar(cells(np.full((2, 7), 10.0)), style=STYLE))
    assert even.startswith("Kein Wochentag ragt heraus")


def test_no_weekday_is_named_where_too_much_is_suppressed():
    purchases = np.full((2, 7), 10.0)
    purchases[:, 3], purchases[0, :5] = 90, NAN
    text = plain(data_findings.calendar(cells(purchases), style=STYLE))
    assert text.startswith("Die Käufe verteilen sich auf zu viele Felder")
    assert "klein" in plain(data_findings.calendar_alt(cells(purchases), style=STYLE))


def test_the_gap_in_the_middle_is_told():
    gaps = pd.DataFrame({"customer_id": list("abcde"), "days": [1, 2, 30, 40, 50]})
    assert plain(data_findings.gaps(gaps, k=5, style=STYLE)) == (
        "Die Hälfte der Abstände zwischen zwei Käufen dauert höchstens 30 Tage, ein Viertel mehr "
        "als 40 Tage"
    )
    assert "30" not in plain(data_findings.gaps(gaps, k=6, style=STYLE))


@pytest.mark.parametrize(
    ("second", "third", "text"),
    [
        (0.376, 0.557, "Der zweite Kauf ist die Hürde: Nach 26 Wochen haben ihn 38 % getan; auf "
         "ihn folgt in ebenso langer Zeit bei 56 % der dritte"),
        (0.5, 0.4, "Nach 26 Wochen haben 50 % ein zweites Mal gekauft; auf den zweiten Kauf folgt "
         "in ebenso langer Zeit bei 40 % der dritte"),
        (0.5, None, "Nach 26 Wochen haben 50 % der Kunden ein zweites Mal gekauft"),
        (NAN, None, "Zu wenige Käufer, um die Kurve zu zeigen"),
    ],
)  # fmt: skip
def test_the_next_purchase_is_told_by_half_a_year(second, third, text):
    assert plain(data_findings.next_purchase(curves(second, third), style=STYLE)) == text


def test_a_shorter_curve_is_read_at_its_end():
    text = plain(data_findings.next_purchase(curves(0.3, 0.4, week=9), style=STYLE))
    assert "Nach 9 Wochen" in text


def test_a_share_off_the_curve_has_bounds_or_says_that_it_is_not_there():
    note = data_findings.share_note(curves(0.376), SECOND, 26, style=STYLE)
    assert plain(note) == "Unsicherheitsbereich 36,6 % bis 39,6 %"
    assert "reicht nicht" in plain(data_findings.share_note(curves(0.4), THIRD, 26, style=STYLE))
    assert np.isnan(data_findings.share_at(curves(0.376), SECOND, 52))


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ((0.06, 0.3, 0.64), "6 % der Kunden kauften in den letzten 4 Wochen, 64 % seit über 52 "
         "Wochen nicht mehr"),
        ((0.06, 0.94, NAN), "Die größte Gruppe, 94 % der Kunden, gehört nach ihrem letzten Kauf "
         "zu „bis 13 Wochen“"),
        ((NAN, NAN, NAN), "Jede Gruppe ist zu klein, um gezeigt zu werden"),
    ],
)  # fmt: skip
def test_the_base_is_described_by_its_freshest_and_oldest_part(shares, text):
    assert plain(data_findings.silence(silences(*shares), style=STYLE)) == text


def test_the_rules_are_stated_with_their_numbers():
    text = plain(data_findings.quality_rule(style=STYLE))
    for number in ("15 Prüfungen", "33 %", "30-mal", "10-mal"):
        assert number in text
    text = plain(data_findings.next_purchase_rule(style=STYLE))
    assert "30 Kunden" in text
    assert "95 %" in text


# properties


def test_every_check_has_a_label_and_a_reason_and_the_verdict_a_known_name():
    assert list(data_findings.CHECKS) == list(data_findings.REASONS) == list(RULES)
    assert data_findings.VERDICT_NAME in labels.VERDICTS


@pytest.mark.parametrize("status", [CAUTION, SERIOUS])
@pytest.mark.parametrize("check", RULES)
def test_every_reason_is_a_sentence_with_all_its_figures(check, status):
    found = inspection(far=("2924-03-01",), silent=("2024-05-06",), **{check: (12.0, status)})
    verdict = data_findings.quality_verdict(found, k=5, style=STYLE)
    text = plain(
        verdict.sentence if status == SERIOUS else data_findings.hints(found, k=5, style=STYLE)
    )
    assert text.endswith(".")
    assert "–" not in text
    assert "{" not in text


@pytest.mark.parametrize(
    "sentence",
    [
        lambda: data_findings.calendar_alt(cells(np.full((2, 7), 10.0)), style=STYLE),
        lambda: data_findings.calendar_alt(cells(np.full((2, 7), NAN)), style=STYLE),
        lambda: data_findings.gaps_alt(pd.DataFrame({"gap_share": [NAN]}), style=STYLE),
        lambda: data_findings.gaps_alt(
            pd.DataFrame({"gap_share": [1.0]}, index=["bis 1 Woche"]), style=STYLE
        ),
        lambda: data_findings.silence_alt(silences(0.1, 0.3, 0.6), style=STYLE),
        lambda: data_findings.silence_alt(silences(0.0, NAN, NAN), style=STYLE),
        lambda: data_findings.silence_alt(
            silences(0.1, 0.3, 0.6).assign(revenue_share=NAN), style=STYLE
        ),
        lambda: data_findings.next_purchase_alt(curves(NAN, NAN), style=STYLE),
        lambda: data_findings.next_purchase_alt(curves(0.3, 0.5), style=STYLE),
    ],
)
def test_alternative_texts_are_full_sentences_even_where_all_is_suppressed(sentence):
    text = sentence()
    assert isinstance(text, outputs.Sentence)
    assert plain(text).endswith(".")
    assert "–" not in plain(text)


def test_no_sentence_addresses_the_reader_informally():
    source = inspect.getsource(data_findings)
    assert not re.search(r"\b(du|dein|deine|dir|dich|euch|eure)\b", source, flags=re.IGNORECASE)
