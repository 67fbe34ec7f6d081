import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.formats import LOCALES, NOTHING, UNITS, Number, Style, style

NBSP, APOSTROPHE = "\u00a0", "\u2019"
GERMAN = Style("de_DE", "EUR")
AUSTRIAN = Style("de_AT", "EUR")
SWISS = Style("de_CH", "CHF")


# by hand


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (GERMAN, 1234.56, f"1.234,56{NBSP}€"),
        (GERMAN, -1234.56, f"-1.234,56{NBSP}€"),
        (GERMAN, 0, f"0,00{NBSP}€"),
        (GERMAN, -0.004, f"0,00{NBSP}€"),
        (AUSTRIAN, 1234.56, f"€{NBSP}1.234,56"),
        (AUSTRIAN, -1234.56, f"-€{NBSP}1.234,56"),
        (AUSTRIAN, -0.004, f"€{NBSP}0,00"),
        (SWISS, 1234.56, f"CHF{NBSP}1{APOSTROPHE}234.56"),
        (SWISS, -1234.56, f"CHF-1{APOSTROPHE}234.56"),
        (SWISS, -0.004, f"CHF{NBSP}0.00"),
        (SWISS, 1234567.8, f"CHF{NBSP}1{APOSTROPHE}234{APOSTROPHE}567.80"),
    ],
)
def test_money_stands_as_the_country_writes_it(write, value, text):
    assert write.money(value, digits=2).text == text


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (GERMAN, f"1.235{NBSP}€"),
        (AUSTRIAN, f"€{NBSP}1.235"),
        (SWISS, f"CHF{NBSP}1{APOSTROPHE}235"),
        (Style("de_DE", "JPY"), f"1.235{NBSP}¥"),
        (Style("de_DE", "USD"), f"1.235{NBSP}$"),
        (Style("de_AT", "USD"), f"${NBSP}1.235"),
        (Style("de_CH", "EUR"), f"EUR{NBSP}1{APOSTROPHE}235"),
        (Style("de_DE", "CHF"), f"1.235{NBSP}CHF"),
    ],
)
def test_money_is_written_without_decimals_unless_asked_for(write, text):
    assert write.money(1234.56).text == text


def test_the_yen_gets_the_decimals_asked_for_like_any_other():
    assert Style("de_DE", "JPY").money(1234.5, digits=2).text == f"1.234,50{NBSP}¥"


@pytest.mark.parametrize(
    ("write", "text"),
    [(GERMAN, f"12,3{NBSP}%"), (AUSTRIAN, f"12,3{NBSP}%"), (SWISS, "12.3%")],
)
def test_the_percent_sign_stands_apart_except_in_switzerland(write, text):
    assert write.share(0.1234, digits=1).text == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 0, "0"),
        (1, 0, "100"),
        (0.999, 0, "100"),
        (-0.0004, 1, "0,0"),
        (-0.004, 0, "0"),
        (-0.121, 1, "-12,1"),
        (12.5, 0, "1.250"),
        (0.0000123, 5, "0,00123"),
    ],
)
def test_shares_are_percentages(value, digits, text):
    assert GERMAN.share(value, digits=digits).text == f"{text}{NBSP}%"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.4, "0"),
        (-0.4, "0"),
        (0.6, "1"),
        (-0.6, "-1"),
        (999.5, "1.000"),
        (23570, "23.570"),
        (-1234567, "-1.234.567"),
        (1e15, "1.000.000.000.000.000"),
    ],
)
def test_counts_are_whole_in_text_and_value(value, text):
    number = GERMAN.count(value)
    assert number == Number(round(value), "count", text)
    assert isinstance(number.value, int)


def test_a_half_is_rounded_to_the_even_neighbour_in_every_unit():
    # The rule of Babel, NumPy and Python; the text and the value agree on it.
    halves = [0.5, 1.5, 2.5, -0.5, -1.5]
    rounded = ["0", "2", "2", "0", "-2"]
    assert [GERMAN.count(half).text for half in halves] == rounded
    assert [GERMAN.money(half).text.split(NBSP)[0] for half in halves] == rounded
    assert [GERMAN.days(half).text.split(NBSP)[0] for half in halves] == rounded
    assert [GERMAN.number(half, digits=0).text for half in halves] == rounded
    assert [GERMAN.share(half / 100).text.split(NBSP)[0] for half in halves] == rounded


@pytest.mark.parametrize("value", [0.005, 1.005, 2.675, 0.125, 10.345])
def test_the_same_value_is_rounded_alike_as_number_and_as_money(value):
    money = GERMAN.money(value, digits=2).text.split(NBSP)[0]
    assert GERMAN.number(value, digits=2).text == money


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234.5, 2, "1.234,50"),
        (0.25163, 4, "0,2516"),
        (-0.4, 1, "-0,4"),
        (7, 0, "7"),
        (0, 3, "0,000"),
    ],
)
def test_a_number_has_the_digits_asked_for(value, digits, text):
    assert GERMAN.number(value, digits=digits).text == text


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(-0.4, 0, "0"), (-0.004, 2, "0,00"), (-0.0, 1, "0,0")]
)
def test_a_number_that_rounds_to_zero_has_no_sign(value, digits, text):
    assert GERMAN.number(value, digits=digits).text == text


@pytest.mark.parametrize(
    ("value", "days", "weeks"),
    [
        (1, f"1{NBSP}Tag", f"1{NBSP}Woche"),
        (0, f"0{NBSP}Tage", f"0{NBSP}Wochen"),
        (-1, f"-1{NBSP}Tag", f"-1{NBSP}Woche"),
        (2, f"2{NBSP}Tage", f"2{NBSP}Wochen"),
        (1.4, f"1{NBSP}Tag", f"1{NBSP}Woche"),
        (-0.4, f"0{NBSP}Tage", f"0{NBSP}Wochen"),
        (36500, f"36.500{NBSP}Tage", f"36.500{NBSP}Wochen"),
    ],
)
def test_durations_name_their_unit_in_singular_and_plural(value, days, weeks):
    assert GERMAN.days(value).text == days
    assert GERMAN.weeks(value).text == weeks


@pytest.mark.parametrize("locale", LOCALES)
def test_a_day_is_written_with_points_and_kept_as_iso(locale):
    for day in (pd.Timestamp("2025-12-31"), "2025-12-31", np.datetime64("2025-12-31")):
        written = Style(locale, "EUR").date(day)
        assert written == Number("2025-12-31", "date", "31.12.2025")


def test_texts_stay_as_they_are():
    assert GERMAN.text("<b>{x} 1</b>") == Number("<b>{x} 1</b>", "text", "<b>{x} 1</b>")
    assert GERMAN.text("") == Number("", "text", "")
    assert GERMAN.text(7) == Number("7", "text", "7")


@pytest.mark.parametrize("missing", [None, math.nan, np.nan, pd.NA, pd.NaT, np.float32("nan")])
@pytest.mark.parametrize("unit", UNITS)
def test_what_is_missing_is_a_dash_without_value(unit, missing):
    assert GERMAN.write(missing, unit) == Number(None, unit, NOTHING)


@pytest.mark.parametrize("missing", [None, pd.NaT, math.nan])
def test_a_missing_day_is_a_dash_too_when_asked_for_directly(missing):
    assert GERMAN.date(missing) == Number(None, "date", NOTHING)


@pytest.mark.parametrize("value", [math.inf, -math.inf, np.float64("inf")])
@pytest.mark.parametrize("unit", ["count", "number", "money", "share", "days", "weeks"])
def test_what_is_infinite_is_a_dash_without_value(unit, value):
    assert GERMAN.write(value, unit) == Number(None, unit, NOTHING)


@pytest.mark.parametrize("value", [1e20, 1e29, -1e100, 1.7e308])
@pytest.mark.parametrize("unit", ["count", "number", "money", "share", "days", "weeks"])
def test_a_huge_value_is_written_and_does_not_crash(unit, value):
    assert GERMAN.write(value, unit).unit == unit


@pytest.mark.parametrize(
    "value", [np.int64(3), np.int8(3), np.float32(3), np.float64(3), np.uint16(3)]
)
def test_numpy_scalars_become_plain_numbers(value):
    for unit in ("count", "number", "money", "share", "days"):
        number = GERMAN.write(value, unit)
        assert type(number.value) in (int, float)
        assert number == GERMAN.write(3, unit)


def test_a_value_is_written_by_the_name_of_its_unit():
    assert GERMAN.write(0.5, "share", 1) == GERMAN.share(0.5, digits=1)
    assert GERMAN.write(5, "money") == GERMAN.money(5)
    assert GERMAN.write(5, "number", 3) == GERMAN.number(5, digits=3)
    assert GERMAN.write(5, "weeks") == GERMAN.weeks(5)
    assert GERMAN.write("x", "text") == GERMAN.text("x")


@pytest.mark.parametrize("unit", ["count", "days", "weeks", "text", "date"])
def test_a_unit_without_decimals_keeps_its_own_form_when_digits_are_given(unit):
    value = "2025-12-31" if unit == "date" else 3
    assert GERMAN.write(value, unit, 2) == GERMAN.write(value, unit)


def test_str_of_a_number_is_its_text():
    assert str(GERMAN.money(5, digits=2)) == f"5,00{NBSP}€"
    assert f"{GERMAN.count(1000)!s}" == "1.000"


# properties


@given(st.floats(-1e12, 1e12), st.integers(0, 6), st.sampled_from(LOCALES))
def test_a_written_number_reads_back_as_the_value(value, digits, locale):
    text = Style(locale, "EUR").number(value, digits=digits).text
    plain = text.replace(APOSTROPHE, "") if locale == "de_CH" else text.replace(".", "")
    assert float(plain.replace(",", ".")) == pytest.approx(
        value, abs=0.5000001 * 10.0**-digits, rel=1e-12
    )


@given(st.floats(-1e20, 1e20))
def test_the_value_behind_a_text_is_not_rounded_except_for_counts(value):
    assert GERMAN.money(value).value == value
    assert GERMAN.share(value).value == value
    assert GERMAN.days(value).value == value
    assert GERMAN.count(value).value == round(value)


# messages


def test_a_locale_must_be_one_of_three():
    with pytest.raises(ValueError, match=r"^locale 'en_US' is unknown; take one of de_DE, de_AT"):
        style(locale="en_US", currency="EUR")


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "€", "12E", "E1R", "ÄÖÜ", "QQQ"])
def test_a_currency_must_be_an_iso_code(currency):
    with pytest.raises(ValueError, match=f"^currency '{currency}' is no ISO 4217 code such as EUR"):
        style(locale="de_DE", currency=currency)


@pytest.mark.parametrize("currency", ["EUR", "CHF", "USD", "JPY", "GBP"])
@pytest.mark.parametrize("locale", LOCALES)
def test_known_locales_and_currencies_give_a_style(locale, currency):
    assert style(locale=locale, currency=currency) == Style(locale, currency)


@pytest.mark.parametrize("unit", ["", "euro", "_write", "write", "locale", "by:unit"])
def test_an_unknown_unit_is_refused_with_the_known_ones(unit):
    with pytest.raises(ValueError, match=f"^unit '{unit}' is unknown; take one of count, number"):
        GERMAN.write(1, unit)
