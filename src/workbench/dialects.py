"""How an export writes numbers, days and ids: found over whole columns, stated, and made plain.

Nothing is decided line by line. A column that can be read in two ways that differ is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from workbench import day_formats
from workbench.day_formats import DATE_FORMATS, MAX_FORMS, MAX_LENGTH, Fact, Form, examples
from workbench.schema import NEVER, DataError, ParameterError, TableForm
from workbench.textfiles import BLANKS, ENCODINGS, quoted

KEYS = ("encoding", "delimiter", "decimal", "thousands", "date_format", "returns_sign")

_BLANK = f"[{BLANKS}]"
_SIGN = "[+\u2212-]"
_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP"} | {c: c for c in ("EUR", "CHF", "USD", "GBP")}
# The longer before the shorter: the point of Fr. is no decimal point.
_CURRENCIES |= dict.fromkeys(("SFr.", "sFr.", "Fr.", "SFr", "sFr", "Fr"), "CHF")
_CURRENCY = "(?:" + "|".join(re.escape(sign) for sign in _CURRENCIES) + ")"
_GROUPS = {"": "", ".": "[.]", ",": "[,]", "'": "['\u2019]", " ": "[ \u00a0\u2007\u2009\u202f]"}
# How a part of the dialect is called in German, and its values in English and German.
_LABELS = {"encoding": "Zeichensatz", "delimiter": "Trennzeichen", "decimal": "Dezimalzeichen"}
_LABELS |= {"thousands": "Tausenderzeichen", "date_format": "Datumsformat"}
_LABELS |= {"returns_sign": "Vorzeichen von Retouren"}
_ENGLISH = {"": "none", ",": "comma", ".": "point", ";": "semicolon", "\t": "tab", " ": "blank"}
_ENGLISH |= {"+": "plus", "-": "minus"}
_GERMAN = (
    {"": "keines", ",": "Komma", ".": "Punkt", ";": "Semikolon", "\t": "Tabulator"}
    | {"|": "senkrechter Strich", "'": "Apostroph", " ": "Leerzeichen"}
    | {"+": "Plus, Käufe haben ein Minus", "-": "Minus"}
    | {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 mit Kennung (BOM)", "utf-16": "UTF-16"}
    | {"cp1252": "Windows-1252", "iso": "Jahr-Monat-Tag (ISO 8601)", "ymd": "Jahr, Monat, Tag"}
    | {"dmy": "Tag, Monat, Jahr", "mdy": "Monat, Tag, Jahr", "excel": "Tageszahl von Excel"}
    | {"epoch": "Sekunden oder Millisekunden seit 1970"}
)
_IDS = {"customer_id": "Kundennummern", "order_id": "Belegnummern", "product_id": "Artikelnummern"}
_IDS |= {"referred_by": "Nummern der Werber"}


class Dialect(NamedTuple):
    """How a source writes what it holds.

    Attributes
    ----------
    encoding : str
        One of `textfiles.ENCODINGS`; '' where there is none to know (Parquet).
    delimiter : str
        Between two fields; '' where there is none.
    decimal, thousands : str
        Signs in numbers; `thousands` is '' where there is none, ``'`` stands
        for both apostrophes and a blank for every kind of blank.
    date_format : str
        One of `DATE_FORMATS`, or a format of strptime.
    returns_sign : str
        ``-`` where returns are negative, ``+`` where purchases are.
    origin : mapping
        ``detected`` or ``given`` for each part that the source shows.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    thousands: str = ""
    date_format: str = "iso"
    returns_sign: str = "-"
    origin: Mapping[str, str] = {}


class Reading(NamedTuple):
    """The dialect, what to state of it, and the ISO 4217 code beside the numbers ('' if none)."""

    dialect: Dialect
    facts: tuple[Fact, ...]
    currency: str


class _Style(NamedTuple):
    """A decimal sign and a thousands sign."""

    decimal: str
    thousands: str = ""


# Of styles that read a column alike the first is taken: no thousands sign before there is one.
_STYLES = tuple(_Style(*signs) for signs in (".", ",", ".,", ",.", ".'", ", ", ",'", ". "))


def check_settings(dialect: Mapping[str, str] | None) -> dict[str, str]:
    """Check the parts of a dialect that a user gives.

    Parameters
    ----------
    dialect : mapping or None
        `encoding` (one of `textfiles.ENCODINGS`), `delimiter` (one sign),
        `decimal` (``.`` or ``,``), `thousands` (``.``, ``,``, ``'``, a blank,
        or empty for none), `date_format` (one of `DATE_FORMATS`, or a format
        of strptime such as ``%d.%m.%Y``) and `returns_sign` (``+`` for an export
        that writes purchases with a minus). What is left out is found, but for
        the sign of returns, which is then a minus.

    Returns
    -------
    dict
        The same, with one sign for all apostrophes and one for all blanks.

    Raises
    ------
    ParameterError
        If a key or a value is none of these.

    Examples
    --------
    >>> check_settings({"decimal": ",", "thousands": "\u2019"})
    {'decimal': ',', 'thousands': "'"}
    """
    given = {key: str(value) for key, value in (dialect or {}).items()}
    unknown = [key for key in given if key not in KEYS]
    if unknown:
        raise ParameterError(
            f"dialect has the keys {unknown}, which it does not know; allowed are {list(KEYS)}."
        )
    for sign, pattern in _GROUPS.items():
        if re.fullmatch(pattern, given.get("thousands", "-")):
            given["thousands"] = sign
    encodings, formats = ", ".join(ENCODINGS), ", ".join(DATE_FORMATS)
    for key, takes, said in (
        ("encoding", "|".join(ENCODINGS), f"one of {encodings}"),
        ("delimiter", r"[^\w\s\"'.]|[\t ]", "one sign like ;"),
        ("decimal", "[.,]", "a point or a comma"),
        ("thousands", "[.,' ]?", "a point, a comma, an apostrophe, a blank, or empty for none"),
        ("date_format", "|".join((*DATE_FORMATS, ".*%.*")), f"%d.%m.%Y or one of {formats}"),
        ("returns_sign", "[+-]", "- where returns are negative, or + where purchases are"),
    ):
        if key in given and not re.fullmatch(takes, given[key]):
            raise ParameterError(f"dialect has {key}={given[key]!r}; it must be {said}.")
    if given.get("thousands", "") == given.get("decimal"):
        raise ParameterError(f"dialect has {given['decimal']!r} as decimal and as thousands sign.")
    return given


def read(
    connection: duckdb.DuckDBPyConnection,
    *,
    form: TableForm,
    names: Mapping[str, str],
    typed: Iterable[str],
    instants: bool,
    file_parts: Mapping[str, str],
    given: Mapping[str, str],
    label: str,
) -> Reading:
    """Find how the cells of the table `raw_lines` are written, and make `plain_lines` of them.

    `plain_lines` has the same rows and columns, with ISO days, numbers with a
    decimal point, ids without the ``.0`` of floating point and with their
    accents composed (NFC), and returns negative. Ids of customers that differ
    only in blanks at their ends are one without them. What is no day or no
    number stays as it stands.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds `raw_lines`, as `textfiles.store` makes it; it is dropped.
    form : TableForm
        What our columns hold. All days of a table are written in one way, and
        so are all numbers.
    names : mapping
        Our names, the columns of `raw_lines`, to those of the source.
    typed : iterable of str
        Our names of columns whose type says that they are numbers or days.
    instants : bool
        The days come from a type that knows UTC.
    file_parts : mapping
        `encoding` and `delimiter` of the file, where it has them.
    given : mapping
        What `check_settings` gave.
    label : str
        What a user knows the source by.

    Raises
    ------
    DataError
        If numbers or days are written in more than one way, can be read in
        two ways, carry a sign for debit and credit, are in more than one
        currency, or do not fit what is given.
    ParameterError
        If what is given does not apply to the source.
    """
    numbers = [name for name in form.numbers if name in names and name not in typed]
    style, shows_style, facts = _numbers(connection, numbers, given, label)
    currency = "".join(fact.value for fact in facts if fact.code == "currency")
    parts = dict(file_parts) | style._asdict()
    parts |= {key: given[key] for key in ("returns_sign",) if key in given}
    if "returns_sign" in given and "amount" not in form.numbers:
        raise ParameterError(
            f"dialect has a returns_sign, but {label} is read as {form.name}, which have no "
            "returns. Leave it out."
        )
    texts = {name: f'"{name}"' for name in names} | {name: _plain(name, style) for name in numbers}

    date_format, days = "", [name for name in form.days if name in names and name not in typed]
    if days:
        date_format, day, more = day_formats.find(connection, days, given, label=label)
        parts["date_format"] = date_format
        texts |= {f"{name}_day": day.replace(day_formats.DAY_COLUMN, f'"{name}"') for name in days}
        facts += more
    elif "date_format" in given:
        columns = ", ".join(repr(names[name]) for name in form.days if name in names)
        raise ParameterError(
            f"dialect has a date_format, but {columns} of {label} is a column of days "
            "by its type. Leave it out."
        )
    facts += [day_formats.IN_ZONE] if instants and day_formats.IN_ZONE not in facts else []
    for name in form.ids:
        if name in names and name not in typed:
            texts[name], more = _ids(connection, name)
            facts += more

    cells = ", ".join(f"{sql} AS {name}" for name, sql in texts.items())
    try:
        connection.execute(
            f"CREATE TABLE read_lines AS SELECT line, {cells}, fingerprint FROM raw_lines"
        )
    except duckdb.InvalidInputException as error:
        raise ParameterError(
            f"dialect has date_format={date_format!r}, which DuckDB's strptime does not know. "
            "Use signs such as %d, %m, %Y, %H and %M."
        ) from error
    connection.execute("DROP TABLE raw_lines")
    plain = ", ".join(
        f'coalesce({name}_day, "{name}") AS {name}' if name in days else f'"{name}"'
        for name in names
    )
    connection.execute(
        f"CREATE VIEW plain_lines AS SELECT line, {plain}, fingerprint FROM read_lines"
    )
    if given.get("returns_sign") == "+":
        _turn_signs(connection, names)
    # In a column of ISO days, transactions.clean refuses what is none and says how to write it.
    if "date_format" in given or date_format not in ("", "iso"):
        among = "trim(customer_id) <> ''" if "customer_id" in names else "true"
        for name in days:
            never = f" AND {name}_day IS DISTINCT FROM '{NEVER}'" if name in form.open_days else ""
            day_formats.check(
                connection,
                date_format,
                name,
                header=names[name],
                among=among + never,
                label=label,
            )

    hidden = () if shows_style else _Style._fields
    shown = [key for key in KEYS if key in given or (key in parts and key not in hidden)]
    origin = {key: "given" if key in given else "detected" for key in shown}
    stated = [_part_fact(key, parts[key], origin[key]) for key in shown]
    return Reading(Dialect(**parts, origin=origin), (*stated, *facts), currency)


def _numbers(
    connection: duckdb.DuckDBPyConnection, columns: list[str], given: Mapping[str, str], label: str
) -> tuple[_Style, bool, list[Fact]]:
    """Find the one style that reads every number, whether it shows, and the one currency."""
    said = {key: given[key] for key in _Style._fields if key in given}
    allowed = [style for style in _STYLES if said.items() <= style._asdict().items()]
    forms = _number_forms(connection, columns) if columns else []
    _check_debit_credit(forms, label=label)
    numbers = [form for form in forms if any(_value(form, style) for style in _STYLES)]
    fitting = [style for style in allowed if all(_value(form, style) for form in numbers)]
    if not fitting:
        raise DataError(_no_style(numbers, allowed, said, label=label))
    unclear = [form for form in numbers if len({_value(form, style) for style in fitting}) > 1]
    if unclear:
        sign, other = (".", ",") if "." in unclear[0].text else (",", ".")
        raise DataError(
            f"{sum(form.n for form in unclear)} numbers in {label} can be read in two ways, and "
            f"no other number tells which: {examples(unclear)}. If {sign!r} is the decimal "
            f'sign, say dialect={{"decimal": "{sign}"}}; if it stands between thousands, say '
            f'dialect={{"decimal": "{other}"}}.'
        )
    first: dict[str, Form] = {}
    for form in sorted(numbers, key=lambda form: form.line):
        for sign in re.findall(_CURRENCY, form.text):
            first.setdefault(_CURRENCIES[sign], form)
    if len(first) > 1:
        raise DataError(
            f"numbers in {label} are in {len(first)} currencies, {', '.join(sorted(first))}: "
            f"{examples(first.values())}. Export one of them at a time, or convert them first."
        )
    facts = [
        Fact("currency", f"currency beside the numbers: {code}", "Währung der Beträge", code)
        for code in first
    ]
    inside = [form for form in numbers if "(" in form.text]
    if inside:
        n, line = sum(form.n for form in inside), min(form.line for form in inside)
        text = f"{n} numbers in parentheses are read as negative, the first in line {line}"
        german = f"{n}, als negativ gelesen, zuerst in Zeile {line}"
        facts.append(Fact("parentheses", text, "Zahlen in Klammern", german))
    shows = any(not _value(form, _Style(".")).isdigit() for form in numbers)
    return fitting[0], shows, facts


def _number_forms(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> list[Form]:
    """Group the cells that may be numbers by form: a 9 for each digit, and whether 0 leads."""
    around = f"(?:{_SIGN}|{_BLANK}|{_CURRENCY}|[SH()])*"
    digits = "[0-9.,'\u2019 \u00a0\u2007\u2009\u202f]*[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?"
    cells = " UNION ALL ".join(f"SELECT line, {name} AS text FROM raw_lines" for name in columns)
    before = quoted("+-\u2212()" + BLANKS + "".join(_CURRENCIES))
    rows = connection.execute(
        f"""
        SELECT n, first FROM (
            SELECT count(*) AS n, min({{'line': line, 'text': text}}) AS first,
                   translate(text, '0123456789', '9999999999') AS form,
                   ltrim(text, {before})[1] = '0' AS has_zero
            FROM ({cells}) WHERE length(text) <= {MAX_LENGTH}
            GROUP BY form, has_zero
        )
        WHERE regexp_full_match(first.text, {quoted(around + digits + around)})
        ORDER BY n DESC, form, has_zero LIMIT {MAX_FORMS}
        """
    ).fetchall()
    return [Form(n, first["line"], first["text"]) for n, first in rows]


def _body(style: _Style) -> str:
    """Write the pattern of a number's digits and signs in a style."""
    decimal, group = re.escape(style.decimal), _GROUPS[style.thousands]
    grouped = f"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{decimal}[0-9]*)?|" if group else ""
    plain = f"(?:[0-9]+(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return f"(?:{grouped}{plain})"


def _number(style: _Style) -> str:
    """Write the pattern of a whole cell: one sign or parentheses, a currency before or after."""
    sign, currency, gap, body = _SIGN, _CURRENCY, f"{_BLANK}*", _body(style)
    lead = f"(?:{sign}{gap}(?:{currency}{gap})?|{currency}{gap}(?:{sign}{gap})?)?"
    trail = f"(?:{gap}{sign}(?:{gap}{currency})?|{gap}{currency}(?:{gap}{sign})?)?"
    before, after = f"(?:{currency}{gap})?", f"(?:{gap}{currency})?"
    inside = rf"{before}\({gap}{before}{body}{after}{gap}\){after}"
    return f"(?:{lead}{body}{after}|{before}{body}{trail}|{inside})"


_NUMBERS = {style: re.compile(_number(style)) for style in _STYLES}
_BODIES = {style: re.compile(_body(style)) for style in _STYLES}


def _value(form: Form, style: _Style) -> str:
    """Read the first number of a form in a style; '' if it is none."""
    if not _NUMBERS[style].fullmatch(form.text):
        return ""
    body = _BODIES[style].search(re.sub(_CURRENCY, "", form.text)).group()
    body = re.sub(_GROUPS[style.thousands], "", body) if style.thousands else body
    return body.replace(style.decimal, ".").rstrip(".")


def _plain(column: str, style: _Style) -> str:
    """Write the SQL of a number with a decimal point; what is no number stays as it stands."""
    bare = f"regexp_replace({column}, {quoted(_CURRENCY)}, '', 'g')"
    body = f"regexp_extract({bare}, {quoted(_body(style))})"
    if style.thousands:
        body = f"regexp_replace({body}, {quoted(_GROUPS[style.thousands])}, '', 'g')"
    if style.decimal != ".":
        body = f"replace({body}, '{style.decimal}', '.')"
    # A sign inside the number is that of an exponent.
    minus = quoted("^[^0-9.,]*[(\u2212-]|[\u2212-][^0-9]*$")
    return (
        f"CASE WHEN regexp_full_match({column}, {quoted(_number(style))}) "
        f"THEN CASE WHEN regexp_matches({bare}, {minus}) THEN '-' ELSE '' END || {body} "
        f"ELSE {column} END"
    )


def _turn_signs(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Turn the sign of the amounts, and of the quantities if purchases have a minus there too."""
    turned = [name for name in ("amount", "quantity") if name in names][:1]
    if {"amount", "quantity"} <= set(names):
        same, other = connection.execute(
            """
            SELECT count(*) FILTER (starts_with(quantity, '-')),
                   count(*) FILTER (try_cast(quantity AS DOUBLE) > 0)
            FROM plain_lines WHERE starts_with(amount, '-')
            """
        ).fetchall()[0]
        turned += ["quantity"] if same > other else []
    signs = ", ".join(
        f"CASE WHEN try_cast({name} AS DOUBLE) < 0 THEN {name}[2:] "
        f"WHEN try_cast({name} AS DOUBLE) > 0 THEN '-' || {name} ELSE {name} END AS {name}"
        for name in turned
    )
    connection.execute("ALTER VIEW plain_lines RENAME TO signed_lines")
    connection.execute(f"CREATE VIEW plain_lines AS SELECT * REPLACE ({signs}) FROM signed_lines")


def _check_debit_credit(forms: list[Form], *, label: str) -> None:
    marked_number = re.compile(f"(?:{'|'.join(map(_number, _STYLES))}){_BLANK}*[SH]")
    marked = [form for form in forms if marked_number.fullmatch(form.text)]
    if marked:
        raise DataError(
            f"{sum(form.n for form in marked)} numbers in {label} end in S or H (Soll or Haben): "
            f"{examples(marked)}. Which of the two is a purchase is not known here: export the "
            "amounts with a sign, returns negative."
        )


def _no_style(
    numbers: list[Form], allowed: list[_Style], settings: Mapping[str, str], *, label: str
) -> str:
    best = max(allowed, key=lambda style: sum(form.n for form in numbers if _value(form, style)))
    fitting = [form for form in numbers if _value(form, best)]
    others = [form for form in numbers if not _value(form, best)]
    n, n_others = sum(form.n for form in numbers), sum(form.n for form in others)
    if settings:
        return (
            f"{n_others} of {n} numbers in {label} do not fit the dialect {settings}: "
            f"{examples(others)}. Correct the dialect, or leave it out."
        )
    return (
        f"{n} numbers in {label} are written in more than one way: {n - n_others} like "
        f"{examples(fitting[:1])}, but {n_others} like {examples(others)}. "
        "Write all of them in one way."
    )


def _ids(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, list[Fact]]:
    """Join ids that mean one customer or one thing: 12345.0 and 12345, or blanks at the ends.

    An id keeps its blanks where no other id is left without them, so that it can be found again
    in the system that it comes from.
    """
    text, facts = _blanks(connection, name)
    float_text, more = _floats(connection, name, text)
    return float_text, [*facts, *more, *_scientific(connection, name)]


def _blanks(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, list[Fact]]:
    """Compose letters and their accents, and join ids that differ only in blanks at their ends."""
    # Two ways to write ü differ in their bytes only.
    composed, bare = f"nfc_normalize({name})", f"trim(nfc_normalize({name}), {quoted(BLANKS)})"
    if name != "customer_id":
        return composed, []
    n, line = connection.execute(
        f"SELECT count(*), min(line) FROM raw_lines WHERE {composed} <> {bare} AND {bare} <> ''"
    ).fetchall()[0]
    if n == 0:
        return composed, []
    joined = (
        f"SELECT {bare} FROM raw_lines WHERE {bare} IN (SELECT {bare} FROM raw_lines "
        f"WHERE {composed} <> {bare}) GROUP BY 1 HAVING count(DISTINCT {composed}) > 1"
    )
    fact = Fact(
        f"blanks_{name}",
        f"{n} {name}s with blanks at their ends, the first in line {line}; those that differ in "
        "nothing else are one, the others stay",
        f"{_IDS[name]} mit Leerzeichen am Rand",
        f"{n}, zuerst in Zeile {line}; wo sich Nummern nur darin unterscheiden, gelten sie als "
        "eine, sonst unverändert",
    )
    return f"CASE WHEN {bare} IN ({joined}) THEN {bare} ELSE {composed} END", [fact]


def _scientific(connection: duckdb.DuckDBPyConnection, name: str) -> list[Fact]:
    n, line = connection.execute(
        f"""
        SELECT count(*), min(line) FROM raw_lines
        WHERE regexp_full_match({name}, '[ ]*[0-9]+([.,][0-9]+)?[eE][+][0-9]+[ ]*')
        """
    ).fetchall()[0]
    if n == 0:
        return []
    return [
        Fact(
            f"scientific_{name}",
            f"{n} {name}s like 1.23E+05, the first in line {line}, stay; "
            "their last digits may be lost",
            f"{_IDS[name]} wie 1,23E+05",
            f"{n}, zuerst in Zeile {line}, unverändert; letzte Ziffern können fehlen",
        )
    ]


def _floats(connection: duckdb.DuckDBPyConnection, name: str, plain: str) -> tuple[str, list[Fact]]:
    """Join 12345.0 with 12345 where a column of whole numbers once was one of floating point."""
    n_float, n_whole, n_ids, line = connection.execute(
        f"""
        SELECT count(*) FILTER (regexp_full_match({name}, '[0-9]+[.]0')),
               count(*) FILTER (regexp_full_match({name}, '[0-9]+')),
               count(*) FILTER (regexp_matches({name}, '[0-9]')),
               min(line) FILTER (regexp_full_match({name}, '[0-9]+[.]0'))
        FROM raw_lines
        """
    ).fetchall()[0]
    if n_float == 0:
        return plain, []
    joined = n_whole > 0 or n_float == n_ids
    text, german = ("are read as 12345", "gelesen ohne „.0“") if joined else ("stay", "unverändert")
    fact = Fact(
        f"{'joined' if joined else 'kept'}_{name}",
        f"{n_float} of {n_ids} {name}s like 12345.0, the first in line {line}, {text}",
        f"{_IDS[name]} auf „.0“",
        f"{n_float} von {n_ids}, {german}",
    )
    return f"regexp_replace({plain}, '^([0-9]+)[.]0$', '\\1')" if joined else plain, [fact]


def _part_fact(key: str, value: str, origin: str) -> Fact:
    said = "erkannt" if origin == "detected" else "vorgegeben"
    text = f"{key}: {_ENGLISH.get(value, value)} ({origin})"
    return Fact(key, text, _LABELS[key], f"{_GERMAN.get(value, value)} ({said})")
