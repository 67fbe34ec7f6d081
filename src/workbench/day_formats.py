"""How an export writes days: one format for all of a table, found, stated and made ISO.

What can be read in two ways that differ is refused; nothing is decided line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from workbench.schema import DataError
from workbench.textfiles import SHOWN_LINES, quoted

DATE_FORMATS = ("iso", "dmy", "mdy", "ymd", "epoch", "excel")
# Instants are read on the clock of one zone, because a shop's day ends at its own midnight;
# Vienna and Zurich have kept Berlin's time since 1981.
ZONE = "Europe/Berlin"
# As in POSIX: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068.
LAST_SHORT_YEAR = 68

# What stands for a column of days in the SQL that reads it.
DAY_COLUMN = "{day}"
MAX_LENGTH = 40
MAX_FORMS = 10_000

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
_HALF_DAY = re.compile(r"(\d{1,2})/\d{1,2}/\d{4} +\d{1,2}:\d{2}(:\d{2})? ?[AP]M", re.IGNORECASE)
_SHORT_YEAR = re.compile(r"\d+[./-]\d+[./-]\d\d(?!\d)")
_ORDERS = {"first": "dmy", "second": "mdy"}


class Fact(NamedTuple):
    """Something about the reading of a source that its user should know.

    Attributes
    ----------
    code : str
        A part of the dialect, ``short_years``, ``time_zone``, ``currency``,
        ``parentheses``, or ``joined_``, ``kept_``, ``blanks_`` or
        ``scientific_`` before the name of a column of ids; of a CRM's export
        ``preset``, ``customer`` and ``won``.
    text : str
        English, for the command line.
    label, value : str
        German, for the report.
    """

    code: str
    text: str
    label: str
    value: str


IN_ZONE = Fact(
    "time_zone",
    f"instants are read on the clock of {ZONE}",
    "Zeitzone",
    f"{ZONE}; Zeitangaben mit Abstand zu UTC sind umgerechnet",
)


class Form(NamedTuple):
    """Cells that look alike: how many, the first of them, and which of its numbers is a day."""

    n: int
    line: int
    text: str
    day: str = ""


def find(
    connection: duckdb.DuckDBPyConnection,
    columns: list[str],
    given: Mapping[str, str],
    *,
    label: str,
) -> tuple[str, str, list[Fact]]:
    """Find the one format of all days; give it, the SQL of their ISO text, and what to state.

    In the SQL, `DAY_COLUMN` stands for the column.
    """
    kinds = _day_kinds(connection, columns)
    date_format = given.get("date_format") or _day_format(kinds, label=label)
    if date_format == "iso" and {"iso", "offset"} <= set(kinds):
        raise DataError(
            f"dates in {label} are mixed: {_kinds_said(kinds)}. "
            "Write all of them with an offset from UTC, or none."
        )
    if date_format == "epoch":
        day = _epoch_day(connection, columns, label=label)
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
        facts.append(IN_ZONE)
    return date_format, day, facts


def _day_kinds(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> dict[str, list[Form]]:
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
            FROM (SELECT text, count(*) AS n, min(line) AS line FROM ({_cells(columns)}) GROUP BY 1)
            WHERE length(text) <= {MAX_LENGTH} AND regexp_matches(text, '[0-9]')
        )
        GROUP BY form, day ORDER BY 1 DESC, form, day LIMIT {MAX_FORMS}
        """
    ).fetchall()
    kinds: dict[str, list[Form]] = {}
    for n, first, _, day in rows:
        form = Form(n, first["line"], first["text"], day)
        matching = (kind for kind, (_, is_a, _) in _KINDS.items() if re.fullmatch(is_a, form.text))
        kinds.setdefault(next(matching, ""), []).append(form)
    return kinds


def _day_format(kinds: Mapping[str, list[Form]], *, label: str) -> str:
    """Decide the format of a whole column from the kinds in it."""
    known = {kind: forms for kind, forms in kinds.items() if kind not in ("", "number")}
    if not known and kinds:
        raise DataError(
            f"no date in {label} is of a format that can be told: {_kinds_said(kinds)}. Say it, "
            f'like dialect={{"date_format": "{_likely(kinds)}"}}; day numbers of Excel are '
            '"excel", seconds or milliseconds since 1970 are "epoch".'
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
            f'12th: {examples(unclear)}. Say dialect={{"date_format": "dmy"}} or "mdy".'
        )
    if ordered:
        return next(iter(orders), "dmy")
    return _KINDS[next(iter(known))][2] if known else "iso"


def _likely(kinds: Mapping[str, list[Form]]) -> str:
    """Write a format to say: that of a clock of twelve hours, or an example."""
    halves = [form for form in kinds.get("", []) if _HALF_DAY.fullmatch(form.text)]
    if not halves:
        return "%d %b %Y"
    matches = [_HALF_DAY.fullmatch(form.text) for form in halves]
    day = "%d/%m" if any(int(match[1]) > 12 for match in matches) else "%m/%d"
    return f"{day}/%Y %I:%M{':%S' if all(match[2] for match in matches) else ''} %p"


def _kinds_said(kinds: Mapping[str, list[Form]]) -> str:
    """Name the kinds, how many cells are of each, and the first of them."""
    said: dict[str, list[Form]] = {}
    for kind, forms in kinds.items():
        for form in forms:
            name = _KINDS[kind][0] if kind else "another form"
            if kind in ("/", "-"):
                orders = {"dmy": f"dd{kind}mm{kind}yyyy", "mdy": f"mm{kind}dd{kind}yyyy"}
                name = orders.get(_ORDERS.get(form.day, ""), " or ".join(orders.values()))
            said.setdefault(name, []).append(form)
    first = {name: min(forms, key=lambda form: form.line) for name, forms in said.items()}
    return "; ".join(
        f"{name} ({sum(form.n for form in said[name])}, {examples([first[name]])})"
        for name in sorted(said, key=lambda name: first[name].line)
    )


def _cells(columns: list[str]) -> str:
    """Write the SQL of all cells of some columns, one below the other."""
    return " UNION ALL ".join(f'SELECT line, "{name}" AS text FROM raw_lines' for name in columns)


def _day(date_format: str) -> str:
    """Write the SQL of a day as ISO text, with its time if it has one; NULL if it is none."""
    arranged = DAY_COLUMN
    if date_format == "ymd":
        arranged = f"regexp_replace({DAY_COLUMN}, '^(....)[./-]?(..)[./-]?(..)', '\\1-\\2-\\3')"
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
        instant = f"try_cast(regexp_replace({DAY_COLUMN}, ' ([Z+-])', '\\1') AS TIMESTAMPTZ)"
        moment = f"timezone('{ZONE}', {instant})"
    return (
        f"CASE WHEN regexp_full_match({DAY_COLUMN}, {quoted(_DAYS[date_format])}) "
        f"THEN CASE WHEN contains({DAY_COLUMN}, ':') THEN {moment}::VARCHAR "
        f"ELSE try_cast({arranged} AS DATE)::VARCHAR END END"
    )


def _said_day(date_format: str) -> str:
    """Write the SQL of a day in a format of strptime."""
    moment = f"try_strptime({DAY_COLUMN}, {quoted(date_format)})"
    if re.search("%[zZ]", date_format):
        moment = f"timezone('{ZONE}', {moment})"
    return f"{moment}{'' if re.search('%[HIcX]', date_format) else '::DATE'}::VARCHAR"


def _epoch_day(connection: duckdb.DuckDBPyConnection, columns: list[str], *, label: str) -> str:
    """Write the SQL of seconds or milliseconds since 1970; the size of all of them tells which."""
    fits = f"regexp_full_match({DAY_COLUMN}, {quoted(_DAYS['epoch'])})"
    number = f"try_cast(replace({DAY_COLUMN}, ',', '.') AS DECIMAL(20, 6))"
    low, high = connection.execute(
        f"SELECT min({number}), max({number}) FROM ({_cells(columns)}) WHERE {fits}".replace(
            DAY_COLUMN, "text"
        )
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
    number = f"try_cast(replace({DAY_COLUMN}, ',', '.') AS DOUBLE)"
    moment = f"(TIMESTAMP '1899-12-30' + to_seconds(round({number} * 86400)::BIGINT))"
    return (
        f"CASE WHEN regexp_full_match({DAY_COLUMN}, {quoted(_DAYS['excel'])}) AND {number} >= 61 "
        f"THEN CASE WHEN {number} = trunc({number}) THEN {moment}::DATE::VARCHAR "
        f"ELSE {moment}::VARCHAR END END"
    )


def check(
    connection: duckdb.DuckDBPyConnection,
    date_format: str,
    name: str,
    *,
    header: str,
    among: str,
    label: str,
) -> None:
    """Refuse cells with digits that are no day of the format, in the lines `among` selects."""
    # A year of another millennium is one of two digits, read as four.
    rows = connection.execute(
        f"""
        SELECT count(*) OVER (), line, "{name}" FROM read_lines
        WHERE ({name}_day IS NULL OR {name}_day[1] NOT IN ('1', '2'))
        AND regexp_matches("{name}", '[0-9]') AND "{name}" <> trim($header) AND {among}
        ORDER BY line LIMIT {SHOWN_LINES}
        """,
        {"header": header},
    ).fetchall()
    if rows:
        shown = examples(Form(1, line, text[:MAX_LENGTH]) for _, line, text in rows)
        raise DataError(
            f"{rows[0][0]} dates in {label} are no days of the format {date_format!r}: {shown}. "
            "Correct them, or say another date_format."
        )


def examples(forms: Iterable[Form]) -> str:
    """Quote the first of some forms, each with its line."""
    first = sorted(forms, key=lambda form: form.line)[:SHOWN_LINES]
    return ", ".join(f"line {form.line}: {form.text!r}" for form in first)
