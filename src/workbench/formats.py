"""Numbers, money, shares and dates as a German-speaking reader expects them.

A `Number` keeps the value beside its text, so that what a page shows and what a
table file holds have one origin.
"""

from __future__ import annotations

import decimal
import math
from typing import Any, NamedTuple

import pandas as pd
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent, is_currency

LOCALES = ("de_DE", "de_AT", "de_CH")
NOTHING = "–"
# The largest float has 309 digits before the point.
LONGEST_NUMBER = 400


class Number(NamedTuple):
    """A value with its unit and its text; `str()` gives the text."""

    value: Any
    unit: str
    text: str

    def __str__(self) -> str:
        """Return the text that the reader sees."""
        return self.text


class Style(NamedTuple):
    r"""How one report writes its numbers.

    Attributes
    ----------
    locale : str
        One of `LOCALES`.
    currency : str
        ISO 4217 code, for example ``EUR``.

    Examples
    --------
    >>> style = Style("de_DE", "EUR")
    >>> print(style.count(23570), style.number(0.25163, digits=4))
    23.570 0,2516
    >>> style.share(0.4712, digits=1).text
    '47,1\xa0%'
    """

    locale: str
    currency: str

    def count(self, value: float) -> Number:
        """Write a whole number."""
        return self._write(value, "count", lambda v: format_decimal(v, "#,##0", self.locale))

    def number(self, value: float, *, digits: int = 2) -> Number:
        """Write a decimal number with a fixed count of digits."""
        return self._write(
            value,
            "number",
            lambda v: format_decimal(_rounded(v, digits), _pattern(digits), self.locale),
        )

    def money(self, value: float, *, digits: int = 0) -> Number:
        """Write an amount in the report's currency."""
        return self._write(value, "money", lambda v: self._currency(v, digits))

    def share(self, value: float, *, digits: int = 0) -> Number:
        """Write a share of 0 to 1 as a percentage."""
        return self._write(value, "share", lambda v: self._percent(v, digits))

    def days(self, value: float) -> Number:
        """Write a duration in whole days."""
        return self._write(value, "days", lambda v: self._unit(v, "Tag", "Tage"))

    def weeks(self, value: float) -> Number:
        """Write a duration in whole weeks."""
        return self._write(value, "weeks", lambda v: self._unit(v, "Woche", "Wochen"))

    def date(self, value: pd.Timestamp) -> Number:
        """Write a day; the value becomes its ISO text."""
        if _is_nothing(value):
            return Number(None, "date", NOTHING)
        day = pd.Timestamp(value)
        return Number(
            day.date().isoformat(), "date", format_date(day.date(), "medium", locale=self.locale)
        )

    def text(self, value: object) -> Number:
        """Keep a text as it is."""
        return Number(None if _is_nothing(value) else str(value), "text", _text_or_dash(value))

    def write(self, value: Any, unit: str, digits: int | None = None) -> Number:
        """Write a value by the name of its unit.

        Parameters
        ----------
        value : number, Timestamp or str
            Missing values become a dash.
        unit : str
            ``count``, ``number``, ``money``, ``share``, ``days``, ``weeks``,
            ``date`` or ``text``.
        digits : int, optional
            For ``number``, ``money`` and ``share``; else the unit's own default.

        Raises
        ------
        ValueError
            If the unit is unknown.
        """
        if unit not in UNITS:
            raise ValueError(f"unit {unit!r} is unknown; take one of {', '.join(UNITS)}.")
        method = getattr(self, unit)
        has_digits = digits is not None and unit in ("number", "money", "share")
        return method(value, digits=digits) if has_digits else method(value)

    def _write(self, value: float, unit: str, text: Any) -> Number:
        if _is_nothing(value) or math.isinf(float(value)):
            return Number(None, unit, NOTHING)
        plain = round(float(value)) if unit == "count" else float(value)
        with decimal.localcontext(prec=LONGEST_NUMBER):
            return Number(plain, unit, text(plain))

    def _currency(self, value: float, digits: int) -> str:
        shown = _rounded(value, digits)
        # Babel keeps two decimals for most currencies; the patterns below are CLDR's own
        # for the locale with the decimals asked for.
        decimals = "0" if digits == 0 else "0." + "0" * digits
        pattern = {
            "de_DE": f"#,##{decimals}\u00a0¤",
            "de_AT": f"¤\u00a0#,##{decimals}",
            "de_CH": f"¤\u00a0#,##{decimals};¤-#,##{decimals}",
        }[self.locale]
        return format_currency(
            shown, self.currency, pattern, locale=self.locale, currency_digits=False
        )

    def _percent(self, value: float, digits: int) -> str:
        sign = "%" if self.locale == "de_CH" else "\u00a0%"
        return format_percent(_rounded(value, digits + 2), _pattern(digits) + sign, self.locale)

    def _unit(self, value: float, one: str, many: str) -> str:
        shown = round(value)
        word = one if abs(shown) == 1 else many
        return f"{format_decimal(shown, '#,##0', self.locale)}\u00a0{word}"


UNITS = ("count", "number", "money", "share", "days", "weeks", "date", "text")


def style(*, locale: str, currency: str) -> Style:
    """Check a locale and a currency and return the style of a report.

    Raises
    ------
    ValueError
        If the locale is not one of `LOCALES` or the currency no ISO code.
    """
    if locale not in LOCALES:
        raise ValueError(f"locale {locale!r} is unknown; take one of {', '.join(LOCALES)}.")
    if not is_currency(currency):
        raise ValueError(f"currency {currency!r} is no ISO 4217 code such as EUR.")
    return Style(locale, currency)


def _pattern(digits: int) -> str:
    return "#,##0" if digits == 0 else "#,##0." + "0" * digits


def _rounded(value: float, digits: int) -> decimal.Decimal:
    """Round half to even as the value is written, and without the sign of a zero."""
    return round(decimal.Decimal(repr(value)), digits) + decimal.Decimal(0)


def _is_nothing(value: object) -> bool:
    return value is None or (not isinstance(value, str) and bool(pd.isna(value)))


def _text_or_dash(value: object) -> str:
    return NOTHING if _is_nothing(value) else str(value)
