"""How an export writes numbers, days and ids: found over whole columns, stated, and made plain.

Nothing is decided line by line. A column that can be read in two ways that differ is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from workbench.schema import DataError, ParameterError
from workbench.textfiles import BLANKS, ENCODINGS, ID_COLUMNS, SHOWN_LINES, quoted

NUMBER_COLUMNS = ("amount", "quantity", "unit_price", "discount", "margin")
KEYS = ("encoding", "delimiter", "decimal", "thousands", "date_format")
DATE_FORMATS = ("iso", "dmy", "mdy", "ymd", "epoch", "excel")
# Instants are read on the clock of one zone, because a shop's day ends at its own midnight;
# Vienna and Zurich have kept Berlin's time since 1981.
ZONE = "Europe/Berlin"
# As in POSIX: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068.
LAST_SHORT_YEAR = 68

_MAX_LENGTH = 40
_MAX_FORMS = 10_000
_BLANK = f"[{BLANKS}]"
_SIGN = "[+\u2212-]"
_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP"} | {c: c for c in ("EUR", "CHF", "USD", "GBP")}
_CURRENCY = "(?:" + "|".join(re.escape(sign) for sign in _CURRENCIES) + ")"
_GROUPS = {"": "", ".": "[.]", ",": "[,]", "'": "['\u2019]", " ": "[ \u00a0\u2007\u2009\u202f]"}
_TIME = r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)"
_DAYS = {
    "iso": rf"\d{{4}}-\d{{2}}-\d{{2}}{_TIME}?",
    "offset": rf"\d{{4}}-\d{{2}}-\d{{2}}{_TIME} ?(?:Z|[+-]\d{{2}}(?::?\d{{2}})?)",
    "dmy": rf"\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}}){_TIME}?",
    "ymd": rf"\d{{4}}[./-]?\d{{2}}[./-]?\d{{2}}{_TIME}?",
    "epoch": r"\d{9,13}(?:[.,]\d{1,6})?",
    "excel": r"\d{2,7}(?:[.,]\d+)?",
}
_DAYS["mdy"] = _DAYS["dmy"]
# What can stand in a column of days: its name in a refusal, its pattern, and its format.
_KINDS = {
    "iso": ("YYYY-MM-DD", _DAYS["iso"], "iso"),
    "offset": ("YYYY-MM-DD with an offset from UTC", _DAYS["offset"], "iso"),
    "dots": ("dd.mm.yyyy", rf"\d{{1,2}}\.\d{{1,2}}\.\d{{4}}{_TIME}?", "dmy"),
    "short": ("dd.mm.yy", rf"\d{{1,2}}\.\d{{1,2}}\.\d{{2}}{_TIME}?", "dmy"),
    "/": ("", rf"\d{{1,2}}/\d{{1,2}}/(?:\d{{4}}|\d{{2}}){_TIME}?", ""),
    "-": ("", rf"\d{{1,2}}-\d{{1,2}}-\d{{4}}{_TIME}?", ""),
    "compact": ("yyyymmdd", rf"\d{{8}}{_TIME}?", "ymd"),
    "year_first": ("yyyy/mm/dd", rf"\d{{4}}[/.]\d{{2}}[/.]\d{{2}}{_TIME}?", "ymd"),
    "number": ("a number", r"\d+(?:[.,]\d+)?", ""),
}
_SHORT_YEAR = re.compile(r"\d+[./-]\d+[./-]\d\d(?!\d)")
_ORDERS = {"first": "dmy", "second": "mdy"}

# How a part of the dialect is called in German, and its values in English and German.
_LABELS = {"encoding": "Zeichensatz", "delimiter": "Trennzeichen", "decimal": "Dezimalzeichen"}
_LABELS |= {"thousands": "Tausenderzeichen", "date_format": "Datumsformat"}
_ENGLISH = {"": "none", ",": "comma", ".": "point", ";": "semicolon", "\t": "tab", " ": "blank"}
_GERMAN = (
    {"": "keines", ",": "Komma", ".": "Punkt", ";": "Semikolon", "\t": "Tabulator"}
    | {"|": "senkrechter Strich", "'": "Apostroph", " ": "Leerzeichen"}
    | {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 mit Kennung (BOM)", "utf-16": "UTF-16"}
    | {"cp1252": "Windows-1252", "iso": "Jahr-Monat-Tag (ISO 8601)", "ymd": "Jahr, Monat, Tag"}
    | {"dmy": "Tag, Monat, Jahr", "mdy": "Monat, Tag, Jahr", "excel": "Tageszahl von Excel"}
    | {"epoch": "Sekunden oder Millisekunden seit 1970"}
)
_IDS = dict(zip(ID_COLUMNS, ("Kundennummern", "Belegnummern", "Artikelnummern"), strict=True))


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
    origin : mapping
        ``detected`` or ``given`` for each part that the source shows.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    thousands: str = ""
    date_format: str = "iso"
    origin: Mapping[str, str] = {}


class Fact(NamedTuple):
    """Something about the reading of a source that its user should know.

    Attributes
    ----------
    code : str
        A part of the dialect, ``short_years``, ``time_zone``, ``currency``, or
        ``joined_`` or ``kept_`` before the name of a column of ids.
    text : str
        English, for the command line.
    label, value : str
        German, for the report.
    """

    code: str
    text: str
    label: str
    value: str


_IN_ZONE = Fact(
    "time_zone",
    f"instants are read on the clock of {ZONE}",
    "Zeitzone",
    f"{ZONE}; Zeitangaben mit Abstand zu UTC sind umgerechnet",
)


class Reading(NamedTuple):
    """The dialect, what to state of it, and the ISO 4217 code beside the numbers ('' if none)."""

    dialect: Dialect
    facts: tuple[Fact, ...]
    currency: str


class _Form(NamedTuple):
    """Cells that look alike: how many, the first of them, and which of its numbers is a day."""

    n: int
    line: int
    text: str
    day: str = ""


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
        or empty for none) and `date_format` (one of `DATE_FORMATS`, or a format
        of strptime such as ``%d.%m.%Y``). What is left out is found.

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
    ):
        if key in given and not re.fullmatch(takes, given[key]):
            raise ParameterError(f"dialect has {key}={given[key]!r}; it must be {said}.")
    if given.get("thousands", "") == given.get("decimal"):
        raise ParameterError(f"dialect has {given['decimal']!r} as decimal and as thousands sign.")
    return given


def read(
    connection: duckdb.DuckDBPyConnection,
    *,
    names: Mapping[str, str],
    typed: Iterable[str],
    instants: bool,
    file_parts: Mapping[str, str],
    given: Mapping[str, str],
    label: str,
) -> Reading:
    """Find how the cells of the table `raw_lines` are written, and make `plain_lines` of them.

    `plain_lines` has the same rows and columns, with ISO days, numbers with a
    decimal point, and ids without the ``.0`` of floating point. What is no
    day or no number stays as it stands.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Holds `raw_lines`, as `textfiles.store` makes it; it is dropped.
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
    numbers = [name for name in NUMBER_COLUMNS if name in names and name not in typed]
    style, shows_style, facts = _numbers(connection, numbers, given, label)
    currency = "".join(fact.value for fact in facts)
    parts = dict(file_parts) | style._asdict()
    texts = {name: name for name in names} | {name: _plain(name, style) for name in numbers}

    date_format, day = "", "date"
    if "date" in typed:
        if "date_format" in given:
            raise ParameterError(
                f"dialect has a date_format, but {names['date']!r} of {label} is a column of days "
                "by its type. Leave it out."
            )
        facts += [_IN_ZONE] if instants else []
    else:
        date_format, day, more = _days(connection, given, label=label)
        parts["date_format"] = date_format
        facts += more
    for name in ID_COLUMNS:
        if name in names and name not in typed:
            texts[name], more = _ids(connection, name)
            facts += more

    cells = ", ".join(f"{sql} AS {name}" for name, sql in (texts | {"day": day}).items())
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
    connection.execute(
        "CREATE VIEW plain_lines AS "
        "SELECT * EXCLUDE day REPLACE (coalesce(day, date) AS date) FROM read_lines"
    )
    # In a column of ISO days, transactions.clean refuses what is none and says how to write it.
    if "date_format" in given or date_format not in ("", "iso"):
        _check_days(connection, date_format, header=names["date"], label=label)

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
            f"no other number tells which: {_examples(unclear)}. If {sign!r} is the decimal "
            f'sign, say dialect={{"decimal": "{sign}"}}; if it stands between thousands, say '
            f'dialect={{"decimal": "{other}"}}.'
        )
    first: dict[str, _Form] = {}
    for form in sorted(numbers, key=lambda form: form.line):
        for sign in re.findall(_CURRENCY, form.text):
            first.setdefault(_CURRENCIES[sign], form)
    if len(first) > 1:
        raise DataError(
            f"numbers in {label} are in {len(first)} currencies, {', '.join(sorted(first))}: "
            f"{_examples(first.values())}. Export one of them at a time, or convert them first."
        )
    facts = [
        Fact("currency", f"currency beside the numbers: {code}", "Währung der Beträge", code)
        for code in first
    ]
    shows = any(not _value(form, _Style(".")).isdigit() for form in numbers)
    return fitting[0], shows, facts


def _number_forms(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> list[_Form]:
    """Group the cells that may be numbers by form: a 9 for each digit, and whether 0 leads."""
    around = f"(?:{_SIGN}|{_BLANK}|{_CURRENCY}|[SH])*"
    digits = "[0-9.,'\u2019 \u00a0\u2007\u2009\u202f]*[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?"
    cells = " UNION ALL ".join(f"SELECT line, {name} AS text FROM raw_lines" for name in columns)
    before = quoted("+-\u2212" + BLANKS + "".join(_CURRENCIES))
    rows = connection.execute(
        f"""
        SELECT n, first FROM (
            SELECT count(*) AS n, min({{'line': line, 'text': text}}) AS first,
                   translate(text, '0123456789', '9999999999') AS form,
                   ltrim(text, {before})[1] = '0' AS has_zero
            FROM ({cells}) WHERE length(text) <= {_MAX_LENGTH}
            GROUP BY form, has_zero
        )
        WHERE regexp_full_match(first.text, {quoted(around + digits + around)})
        ORDER BY n DESC, form, has_zero LIMIT {_MAX_FORMS}
        """
    ).fetchall()
    return [_Form(n, first["line"], first["text"]) for n, first in rows]


def _body(style: _Style) -> str:
    """Write the pattern of a number's digits and signs in a style."""
    decimal, group = re.escape(style.decimal), _GROUPS[style.thousands]
    grouped = f"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{decimal}[0-9]*)?|" if group else ""
    plain = f"(?:[0-9]+(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return f"(?:{grouped}{plain})"


def _number(style: _Style) -> str:
    """Write the pattern of a whole cell: one sign at most, and a currency before or after."""
    sign, currency, gap, body = _SIGN, _CURRENCY, f"{_BLANK}*", _body(style)
    lead = f"(?:{sign}{gap}(?:{currency}{gap})?|{currency}{gap}(?:{sign}{gap})?)?"
    trail = f"(?:{gap}{sign}(?:{gap}{currency})?|{gap}{currency}(?:{gap}{sign})?)?"
    return f"(?:{lead}{body}(?:{gap}{currency})?|(?:{currency}{gap})?{body}{trail})"


_NUMBERS = {style: re.compile(_number(style)) for style in _STYLES}
_BODIES = {style: re.compile(_body(style)) for style in _STYLES}


def _value(form: _Form, style: _Style) -> str:
    """Read the first number of a form in a style; '' if it is none."""
    if not _NUMBERS[style].fullmatch(form.text):
        return ""
    body = _BODIES[style].search(form.text).group()
    body = re.sub(_GROUPS[style.thousands], "", body) if style.thousands else body
    return body.replace(style.decimal, ".").rstrip(".")


def _plain(column: str, style: _Style) -> str:
    """Write the SQL of a number with a decimal point; what is no number stays as it stands."""
    body = f"regexp_extract({column}, {quoted(_body(style))})"
    if style.thousands:
        body = f"regexp_replace({body}, {quoted(_GROUPS[style.thousands])}, '', 'g')"
    if style.decimal != ".":
        body = f"replace({body}, '{style.decimal}', '.')"
    # A sign inside the number is that of an exponent.
    minus = quoted("^[^0-9.,]*[\u2212-]|[\u2212-][^0-9]*$")
    return (
        f"CASE WHEN regexp_full_match({column}, {quoted(_number(style))}) "
        f"THEN CASE WHEN regexp_matches({column}, {minus}) THEN '-' ELSE '' END || {body} "
        f"ELSE {column} END"
    )


def _check_debit_credit(forms: list[_Form], *, label: str) -> None:
    marked_number = re.compile(f"(?:{'|'.join(map(_number, _STYLES))}){_BLANK}*[SH]")
    marked = [form for form in forms if marked_number.fullmatch(form.text)]
    if marked:
        raise DataError(
            f"{sum(form.n for form in marked)} numbers in {label} end in S or H (Soll or Haben): "
            f"{_examples(marked)}. Which of the two is a purchase is not known here: export the "
            "amounts with a sign, returns negative."
        )


def _no_style(
    numbers: list[_Form], allowed: list[_Style], settings: Mapping[str, str], *, label: str
) -> str:
    best = max(allowed, key=lambda style: sum(form.n for form in numbers if _value(form, style)))
    fitting = [form for form in numbers if _value(form, best)]
    others = [form for form in numbers if not _value(form, best)]
    n, n_others = sum(form.n for form in numbers), sum(form.n for form in others)
    if settings:
        return (
            f"{n_others} of {n} numbers in {label} do not fit the dialect {settings}: "
            f"{_examples(others)}. Correct the dialect, or leave it out."
        )
    return (
        f"{n} numbers in {label} are written in more than one way: {n - n_others} like "
        f"{_examples(fitting[:1])}, but {n_others} like {_examples(others)}. "
        "Write all of them in one way."
    )


def _days(
    connection: duckdb.DuckDBPyConnection, given: Mapping[str, str], *, label: str
) -> tuple[str, str, list[Fact]]:
    """Find the one format of all days; give it, the SQL of their ISO text, and what to state."""
    kinds = _day_kinds(connection)
    date_format = given.get("date_format") or _day_format(kinds, label=label)
    if date_format == "iso" and {"iso", "offset"} <= set(kinds):
        raise DataError(
            f"dates in {label} are mixed: {_kinds_said(kinds)}. "
            "Write all of them with an offset from UTC, or none."
        )
    if date_format == "epoch":
        day = _epoch_day(connection, label=label)
    elif date_format == "excel":
        day = _excel_day()
    elif date_format not in DATE_FORMATS:
        day = _said_day(date_format)
    else:
        day = _day("offset" if "offset" in kinds and date_format == "iso" else date_format)
    facts = []
    texts = [form.text for forms in kinds.values() for form in forms]
    if date_format in ("dmy", "mdy") and any(_SHORT_YEAR.match(text) for text in texts):
        last, first = LAST_SHORT_YEAR, LAST_SHORT_YEAR + 1
        text = f"years of two digits: 00 to {last} are 20.., {first} to 99 are 19.."
        german = f"00 bis {last} gelten als 20.., {first} bis 99 als 19.."
        facts.append(Fact("short_years", text, "Zweistellige Jahre", german))
    if date_format == "epoch" or re.search("%[zZ]", date_format) or "offset" in kinds:
        facts.append(_IN_ZONE)
    return date_format, day, facts


def _day_kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, list[_Form]]:
    """Group what stands for a day by kind; what is none of `_KINDS` is under ''."""
    number = "try_cast(regexp_extract(text, '^([0-9]+)[/-]([0-9]+)[/-]', {}) AS INTEGER)"
    rows = connection.execute(
        f"""
        SELECT sum(n)::BIGINT, min({{'line': line, 'text': text}}), form, day
        FROM (
            SELECT n, line, text, {number.format(1)} AS a, {number.format(2)} AS b,
                   regexp_replace(translate(text, '0123456789', '9999999999'),
                                  '[^0-9TZ :./+-]+', 'a', 'g') AS form,
                   CASE WHEN a > 12 THEN 'first' WHEN b > 12 THEN 'second'
                        WHEN a <> b THEN 'either' ELSE '' END AS day
            FROM (SELECT date AS text, count(*) AS n, min(line) AS line FROM raw_lines GROUP BY 1)
            WHERE length(text) <= {_MAX_LENGTH} AND regexp_matches(text, '[0-9]')
        )
        GROUP BY form, day ORDER BY 1 DESC, form, day LIMIT {_MAX_FORMS}
        """
    ).fetchall()
    kinds: dict[str, list[_Form]] = {}
    for n, first, _, day in rows:
        form = _Form(n, first["line"], first["text"], day)
        matching = (kind for kind, (_, is_a, _) in _KINDS.items() if re.fullmatch(is_a, form.text))
        kinds.setdefault(next(matching, ""), []).append(form)
    return kinds


def _day_format(kinds: Mapping[str, list[_Form]], *, label: str) -> str:
    """Decide the format of a whole column from the kinds in it."""
    known = {kind: forms for kind, forms in kinds.items() if kind not in ("", "number")}
    if not known and kinds:
        raise DataError(
            f"no date in {label} is of a format that can be told: {_kinds_said(kinds)}. Say it, "
            'like dialect={"date_format": "%d %b %Y"}; day numbers of Excel are "excel", seconds '
            'or milliseconds since 1970 are "epoch".'
        )
    # Years of two and of four digits after dots are one format, and the offset is judged later.
    families = {{"short": "dots", "offset": "iso"}.get(kind, kind) for kind in known}
    ordered = known.get("/", []) + known.get("-", [])
    orders = {_ORDERS[form.day] for form in ordered if form.day in _ORDERS}
    if len(families) > 1 or len(orders) > 1:
        raise DataError(
            f"dates in {label} are ambiguous, written in more than one way: {_kinds_said(kinds)}. "
            "Write all of them in one way, best as YYYY-MM-DD."
        )
    unclear = [form for form in ordered if form.day == "either"]
    if unclear and not orders:
        raise DataError(
            f"dates in {label} are ambiguous, dd/mm or mm/dd, because no day is after the "
            f'12th: {_examples(unclear)}. Say dialect={{"date_format": "dmy"}} or "mdy".'
        )
    if ordered:
        return next(iter(orders), "dmy")
    return _KINDS[next(iter(known))][2] if known else "iso"


def _kinds_said(kinds: Mapping[str, list[_Form]]) -> str:
    """Name the kinds, how many cells are of each, and the first of them."""
    said: dict[str, list[_Form]] = {}
    for kind, forms in kinds.items():
        for form in forms:
            name = _KINDS[kind][0] if kind else "another form"
            if kind in ("/", "-"):
                orders = {"dmy": f"dd{kind}mm{kind}yyyy", "mdy": f"mm{kind}dd{kind}yyyy"}
                name = orders.get(_ORDERS.get(form.day, ""), " or ".join(orders.values()))
            said.setdefault(name, []).append(form)
    first = {name: min(forms, key=lambda form: form.line) for name, forms in said.items()}
    return "; ".join(
        f"{name} ({sum(form.n for form in said[name])}, {_examples([first[name]])})"
        for name in sorted(said, key=lambda name: first[name].line)
    )


def _day(date_format: str) -> str:
    """Write the SQL of a day as ISO text, with its time if it has one; NULL if it is none."""
    arranged = "date"
    if date_format == "ymd":
        arranged = "regexp_replace(date, '^(....)[./-]?(..)[./-]?(..)', '\\1-\\2-\\3')"
    if date_format in ("dmy", "mdy"):
        tens, ones = divmod(LAST_SHORT_YEAR, 10)
        lead, rest = r"^(\d+[./-]\d+[./-])", r"(\D.*)?$"
        for years, century in ((rf"[0-{tens - 1}]\d|{tens}[0-{ones}]", 20), (r"\d\d", 19)):
            short = quoted(f"{lead}({years}){rest}")
            arranged = f"regexp_replace({arranged}, {short}, '\\1{century}\\2\\3')"
        order = r"\3-\2-\1" if date_format == "dmy" else r"\3-\1-\2"
        long = r"'^(\d+)[./-](\d+)[./-](\d{4})'"
        arranged = f"regexp_replace({arranged}, {long}, '{order}')"
    moment = f"try_cast({arranged} AS TIMESTAMP)"
    if date_format == "offset":
        instant = "try_cast(regexp_replace(date, ' ([Z+-])', '\\1') AS TIMESTAMPTZ)"
        moment = f"timezone('{ZONE}', {instant})"
    return (
        f"CASE WHEN regexp_full_match(date, {quoted(_DAYS[date_format])}) "
        f"THEN CASE WHEN contains(date, ':') THEN {moment}::VARCHAR "
        f"ELSE try_cast({arranged} AS DATE)::VARCHAR END END"
    )


def _said_day(date_format: str) -> str:
    """Write the SQL of a day in a format of strptime."""
    moment = f"try_strptime(date, {quoted(date_format)})"
    if re.search("%[zZ]", date_format):
        moment = f"timezone('{ZONE}', {moment})"
    return f"{moment}{'' if re.search('%[HIcX]', date_format) else '::DATE'}::VARCHAR"


def _epoch_day(connection: duckdb.DuckDBPyConnection, *, label: str) -> str:
    """Write the SQL of seconds or milliseconds since 1970; the size of all of them tells which."""
    fits = f"regexp_full_match(date, {quoted(_DAYS['epoch'])})"
    number = "try_cast(replace(date, ',', '.') AS DECIMAL(20, 6))"
    low, high = connection.execute(
        f"SELECT min({number}), max({number}) FROM raw_lines WHERE {fits}"
    ).fetchall()[0]
    # As milliseconds this is March 1973, as seconds the year 5138.
    border = 100_000_000_000
    if low is not None and low < border <= high:
        raise DataError(
            f"dates in {label} run from {low:.0f} to {high:.0f}, which are seconds and "
            "milliseconds since 1970 in one column. Write all of them in one unit."
        )
    micros = 1_000 if low is not None and low >= border else 1_000_000
    instant = f"timezone('UTC', make_timestamp(({number} * {micros})::BIGINT))"
    return f"CASE WHEN {fits} THEN timezone('{ZONE}', {instant})::VARCHAR END"


def _excel_day() -> str:
    """Write the SQL of Excel's day numbers; its first 60 are off, by a 29 February 1900."""
    number = "try_cast(replace(date, ',', '.') AS DOUBLE)"
    moment = f"(TIMESTAMP '1899-12-30' + to_seconds(round({number} * 86400)::BIGINT))"
    return (
        f"CASE WHEN regexp_full_match(date, {quoted(_DAYS['excel'])}) AND {number} >= 61 "
        f"THEN CASE WHEN {number} = trunc({number}) THEN {moment}::DATE::VARCHAR "
        f"ELSE {moment}::VARCHAR END END"
    )


def _check_days(
    connection: duckdb.DuckDBPyConnection, date_format: str, *, header: str, label: str
) -> None:
    """Refuse cells with digits that are no day of the format, where the line has a customer."""
    # A year of another millennium is one of two digits, read as four.
    rows = connection.execute(
        f"""
        SELECT count(*) OVER (), line, date FROM read_lines
        WHERE (day IS NULL OR day[1] NOT IN ('1', '2')) AND regexp_matches(date, '[0-9]')
        AND date <> trim($header) AND trim(customer_id) <> '' ORDER BY line LIMIT {SHOWN_LINES}
        """,
        {"header": header},
    ).fetchall()
    if rows:
        examples = _examples(_Form(1, line, text[:_MAX_LENGTH]) for _, line, text in rows)
        raise DataError(
            f"{rows[0][0]} dates in {label} are no days of the format {date_format!r}: {examples}. "
            "Correct them, or say another date_format."
        )


def _ids(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, list[Fact]]:
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
        return name, []
    joined = n_whole > 0 or n_float == n_ids
    text, german = ("are read as 12345", "gelesen ohne „.0“") if joined else ("stay", "unverändert")
    fact = Fact(
        f"{'joined' if joined else 'kept'}_{name}",
        f"{n_float} of {n_ids} {name}s like 12345.0, the first in line {line}, {text}",
        f"{_IDS[name]} auf „.0“",
        f"{n_float} von {n_ids}, {german}",
    )
    return f"regexp_replace({name}, '^([0-9]+)[.]0$', '\\1')" if joined else name, [fact]


def _part_fact(key: str, value: str, origin: str) -> Fact:
    said = "erkannt" if origin == "detected" else "vorgegeben"
    text = f"{key}: {_ENGLISH.get(value, value)} ({origin})"
    return Fact(key, text, _LABELS[key], f"{_GERMAN.get(value, value)} ({said})")


def _examples(forms: Iterable[_Form]) -> str:
    first = sorted(forms, key=lambda form: form.line)[:SHOWN_LINES]
    return ", ".join(f"line {form.line}: {form.text!r}" for form in first)
