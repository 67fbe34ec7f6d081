"""The release gate: what must not stand in a page or a table that leaves the house.

What a finding says never repeats what was found: three characters at most.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

from workbench import identifiers, pseudonyms

# Attributes whose address a browser follows or loads.
ADDRESSES = {"action", "background", "data", "formaction", "href", "ping", "poster", "src"}
ADDRESSES |= {"srcset", "xlink:href"}
# Attributes that hold words for the reader.
WORDS = {"alt", "aria-label", "content", "data-v", "title"}
# Attributes that hold nothing but form.
FORM = {"class", "d", "points", "style", "transform", "viewbox"}
REMOTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
REMOTE_STYLE = re.compile(r"@import|url\(\s*[\"']?(?!#|data:|[\"'\s])", re.IGNORECASE)
SCHEME = re.compile(r"\s*(?!data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
LEAKS = {
    "a path of a machine": re.compile(
        r"(?<![\w.])/(?:home|root|tmp|Users|mnt|opt|private|srv|var)/\S*|\b[a-z]:\\\S*|file://\S*",
        re.IGNORECASE,
    ),
    "a traceback": re.compile(r"Traceback \(most recent call last\)|\x1b\["),
    "a warning of the program": re.compile(r"\b[A-Z]\w*Warning:|ipykernel_\d+"),
}
USERINFO = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/@]*:[^\s/@]+@", re.IGNORECASE)
# Four numbers with points between them are a version as often as an IP address.
PERSONAL = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "bank_account": "an IBAN",
}
SHOWN = 5
HINT = 3

# An id of digits alone, and of the marks that stand in figures and days, is told from a figure
# by its length only.
ID_CHARACTERS = 6
ID_DIGITS = 9
# So many words, with blanks between them, an id may have to be found.
ID_WORDS = 4

PUNCTUATION = ".,;:!?()[]{}<>\"'„“”‚‘’»«"

SECRET_CHARACTERS = 8
SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWORT|PASSWD|PASSPHRASE|CREDENTIAL|(?:KEYS?|PASS|PWD)(?:_|$)",
    re.IGNORECASE,
)
FOLDER_NAMES = {"PWD", "OLDPWD"}
ORDINARY = {"anonymous", "changeme", "disabled", "enabled", "optional", "passwort", "password"}
ORDINARY |= {"readonly", "required", "undefined", "unlimited", "workbench"}
PATH = re.compile(r"(?:~|\.{1,2})?/|[A-Za-z]:\\")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+@\S+")

# A spreadsheet takes a cell that begins like this for a formula, also in full width.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
# Heads of a column with a customer in each row, as `identifiers.plain_name` writes them.
CUSTOMER_NAMES = re.compile(
    r"kund(?:e|in)|(?:kunden?|kd)(?:nr|nummer|id|kennung|kennzeichen|konto)"
    r"|(?:customer|client|user|member)(?:id|no|nr|number)|customer|client"
    r"|mitglieds(?:nr|nummer)|pseudonym(?:kunden?|derkunden?)?"
)
# Fewer customers than this are as many as an ordinary table has rows.
MIN_CUSTOMERS = 50
MIN_IDS = 3
# Classes of customers are so many times fewer than customers.
MANY_TIMES = 10
NEARLY = 0.9


def check_page(html: str, *, secrets: Collection[str] = (), ids: Collection[str] = ()) -> None:
    """Refuse a page that loads something, leaks something or shows a program's output.

    Parameters
    ----------
    html : str
        A finished page.
    secrets : collection of str
        What must not stand anywhere in it, as from `secrets_of`; shorter ones
        than 8 characters are not looked for.
    ids : collection of str
        The customers' ids; a frozenset where many pages are checked. Looked
        for as whole words are those of at least 6 characters, and of at least
        9 digits where they have nothing but digits and the marks of figures
        and days. Shorter ones collide with figures, and one that is written
        like a German word with the prose: for them the guarantee is that no
        table is at customer level, see `check_structure`.

    Raises
    ------
    ValueError
        If the page would load anything from a network or from a file beside
        it, holds an e-mail address, a telephone number, an IBAN, a pseudonym, a
        password in an address, a secret, a customer's id, a column of
        customers, an absolute path of a machine, a traceback or a warning, an
        event handler in an attribute, a download whose cell a spreadsheet
        would run, or an image without `alt`; with the lines.

    Examples
    --------
    >>> check_page("<p>Umsatz je Kunde</p>")
    >>> check_page("<p>Fragen an info@example.org</p>")
    Traceback (most recent call last):
        ...
    ValueError: the page must not be published, 1 finding: line 1 holds an e-mail address that
    begins with 'inf'. Correct the notebook or the data.
    """
    gate = _Gate(_Wanted(secrets, ids), html)
    gate.feed(html)
    gate.close()
    _refuse("page", [*gate.problems, *gate.wanted.ids_by_line(gate.words)])


def check_table(text: str, *, secrets: Collection[str] = (), ids: Collection[str] = ()) -> None:
    r"""Refuse a CSV table that leaks something, or of which a spreadsheet would run a cell.

    Parameters
    ----------
    text : str
        CSV with a header line and commas.
    secrets, ids
        As in `check_page`; an id is also found where it is a whole cell.

    Raises
    ------
    ValueError
        If a column is called like a customer's id, or a cell holds what
        `check_page` refuses in words, or begins like a formula and is no plain
        number; with the lines.

    Examples
    --------
    >>> check_table("segment,revenue\nTreue Kunden,-12.5\n")
    >>> check_table("segment,revenue\n=1+1,2\n")
    Traceback (most recent call last):
        ...
    ValueError: the table must not be published, 1 finding: line 2 holds a formula in the column
    'segment'. Correct the notebook or the data.
    """
    wanted, words = _Wanted(secrets, ids), []
    problems = list(_table_problems(text, wanted, words, delimiter=","))
    _refuse("table", [*problems, *wanted.ids_by_line(words)])


def check_structure(table: Mapping[str, Any], *, customers: int, ids: Collection[str] = ()) -> None:
    """Refuse a table with a row for each customer, whatever its ids look like.

    That is a table with a column that is called like a customer's id, with a
    column of texts half of which are ids (three at least), or with as many rows
    as the base has customers, or a tenth less where a text names each row. A
    table by days, by months or by equal steps may have any number of rows; and
    the rows of a base of fewer than 50 customers are not counted.

    Parameters
    ----------
    table : mapping
        Payload of an `outputs.Table`: `name`, `columns`, `values`.
    customers : int
        Customers of the base.
    ids : collection of str
        Their ids, short ones too; a frozenset where many tables are checked.

    Raises
    ------
    ValueError
        If the table is at customer level.
    """
    heads = [(column["key"], column["label"]) for column in table["columns"]]
    named = [key for key, label in heads if _names_customer(key) or _names_customer(label)]
    rows = table["values"]
    known = ids if isinstance(ids, set | frozenset) else frozenset(ids)
    holding = [
        key
        for i, (key, _) in enumerate(heads)
        if _are_ids({row[i] for row in rows}, known)
        and not _are_counted([row[i] for row in rows], customers=customers)
    ]
    if named or holding:
        why = f"its column {(named or holding)[0]!r} holds customers"
    elif _is_row_for_each([row[0] for row in rows if row], customers):
        why = f"it has {len(rows)} rows for {customers} customers"
    else:
        return
    raise ValueError(
        f"table {table['name']!r} must not be published: {why}. "
        "Publish groups of customers; rows about people go to intake.write_customers."
    )


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets among the variables of an environment, longest first.

    A secret is the value of a variable whose name speaks of a key, token,
    secret, password, pass phrase or credential, and in any variable what stands
    before the ``@`` of an address. It has at least 8 characters and is neither
    an ordinary word nor the path of a file; of one with several lines each line
    counts.

    Parameters
    ----------
    environment : mapping
        Names to values, as `os.environ`.

    Examples
    --------
    >>> secrets_of({"DB": "postgresql://shop:geheim-1234@db/shop", "SSH_KEY": "/home/a/.ssh/id"})
    ('geheim-1234',)
    """
    found: set[str] = set()
    for name, value in environment.items():
        if SECRET_NAME.search(name) and name.upper() not in FOLDER_NAMES:
            found |= {line.strip() for line in value.splitlines() if not _is_path(line.strip())}
        for address in URL.findall(value):
            written = urlsplit(address).netloc.rpartition("@")[0]
            user, _, password = written.partition(":")
            found |= {password or user, unquote(password or user)}
    fit = {text for text in found if len(text) >= SECRET_CHARACTERS}
    return tuple(sorted((t for t in fit if t.lower() not in ORDINARY), key=lambda t: (-len(t), t)))


class _Wanted:
    """What is looked for in the words of a page or a table."""

    def __init__(self, secrets: Collection[str], ids: Collection[str]) -> None:
        self.secrets = [text for text in secrets if len(text) >= SECRET_CHARACTERS]
        self.ids = ids if isinstance(ids, set | frozenset) else frozenset(ids)

    def in_words(self, text: str) -> Iterator[str]:
        """Say what a text holds that a reader must not see."""
        has_password = bool(USERINFO.search(text))
        if has_password:
            yield "holds a password in an address"
        for place in identifiers.locate(text):
            # What stands before the @ of such an address is the password.
            if place.kind in PERSONAL and not (has_password and place.kind == "email"):
                hint = text[place.start : place.start + HINT]
                yield f"holds {PERSONAL[place.kind]} that begins with {hint!r}"
        for what, pattern in LEAKS.items():
            match = pattern.search(text)
            if match:
                yield f"holds {what}: {self.shown(match.group())!r}"

    def hidden(self, text: str) -> Iterator[str]:
        """Say whether a secret or a pseudonym stands in a text."""
        if any(secret in text for secret in self.secrets):
            yield "holds a secret of this machine"
        if pseudonyms.PREFIX in text and pseudonyms.PATTERN.search(text):
            yield "holds a customer's pseudonym"

    def ids_by_line(self, words: Sequence[tuple[int, str]]) -> Iterator[str]:
        """Say which ids stand in texts, given with their lines."""
        # One look at all of them; the lines are of interest only where there is something.
        if self.ids_in("\n\0\n".join(text for _, text in words)):
            for line, text in words:
                for found in sorted(self.ids_in(text)):
                    yield f"line {line} holds a customer's id that begins with {found[:HINT]!r}"

    def ids_in(self, text: str) -> set[str]:
        """Return the ids that stand in a text as whole words."""
        if not self.ids or len(text) < ID_CHARACTERS:
            return set()
        return {found for found in _words_of(text) & self.ids if _is_telling(found)}

    def shown(self, text: str) -> str:
        """Return the beginning of a text without what the gate is there to keep back."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        for found in self.ids_in(text):
            text = text.replace(found, f"{found[:HINT]}…")
        text = pseudonyms.PATTERN.sub(f"{pseudonyms.PREFIX}…", text)
        text = re.sub(r"//[^/@\s]*@", "//…@", text)
        text = re.sub(r"\?\S*", "?…", text)
        return identifiers.scrub(text)[:80]


class _Gate(HTMLParser):
    def __init__(self, wanted: _Wanted, html: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.problems: list[str] = []
        self.words: list[tuple[int, str]] = []
        self.inside = ""
        self.column_head = False
        # Scripts and styles too; what is written with entities is found in its own place.
        for number, line in enumerate(html.split("\n"), start=1):
            if any(secret in line for secret in wanted.secrets):
                self.problems.append(f"line {number} holds a secret of this machine")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        given = {name: value or "" for name, value in attrs}
        self.column_head = tag == "th" and given.get("scope") != "row"
        if tag == "img" and "alt" not in given:
            self._report("has an image without alt")
        for name, value in given.items():
            if name in ADDRESSES:
                self._check_address(tag, name, value)
            elif name.startswith("on"):
                self._report(f"has an event handler, {tag} {name}")
            elif name in WORDS:
                self._check_words(value)
            elif REMOTE_STYLE.search(value):
                self._report(f"loads {self.wanted.shown(value)!r} ({tag} {name})")
            if name not in ADDRESSES | WORDS | FORM:
                self._check_hidden(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = self.inside
        self.handle_starttag(tag, attrs)
        self.inside = inside

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""
        if tag == "th":
            self.column_head = False

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            if REMOTE_STYLE.search(data) or "//" in data:
                self._report("loads something in its style sheet")
        elif self.inside == "script":
            if re.search(r"https?:|[\"'`]//|\bfetch\(|XMLHttpRequest|\bimport\b", data):
                self._report("loads something in its script")
        else:
            self._check_words(data)
            if self.column_head and _names_customer(data):
                self._report(f"has a table with a column of customers, {data.strip()!r}")

    def handle_comment(self, data: str) -> None:
        self._check_words(data)

    def _check_address(self, tag: str, name: str, value: str) -> None:
        if not value.startswith("data:"):
            self._check_hidden(unquote(value))
        if name == "srcset" or REMOTE.match(value) or SCHEME.match(value):
            self._report(f"loads {self.wanted.shown(value)!r} ({tag} {name})")
        elif value.startswith("data:text/csv"):
            download = unquote(value.partition(",")[2])
            cells: list[tuple[int, str]] = []
            for problem in _table_problems(download, self.wanted, cells, delimiter=";"):
                self._report(f"offers a table of which {problem}")
            self.words += [(self.getpos()[0], cell) for _, cell in cells]
        elif value.startswith("data:text/"):
            self._check_words(unquote(value))
        elif value.startswith("data:"):
            return
        elif value.startswith("/"):
            shown = self.wanted.shown(value)
            self._report(f"points at {shown!r} on this machine ({tag} {name})")
        elif tag != "a" and not value.startswith("#"):
            self._report(f"loads {self.wanted.shown(value)!r} from beside it ({tag} {name})")

    def _check_words(self, text: str) -> None:
        if text.strip():
            for problem in self.wanted.in_words(text):
                self._report(problem)
            self._check_hidden(text)

    def _check_hidden(self, text: str) -> None:
        self.words.append((self.getpos()[0], text))
        for problem in self.wanted.hidden(text):
            if f"line {self.getpos()[0]} {problem}" not in self.problems:
                self._report(problem)

    def _report(self, problem: str) -> None:
        self.problems.append(f"line {self.getpos()[0]} {problem}")


def _refuse(what: str, problems: Sequence[str]) -> None:
    if problems:
        n = len(problems)
        more = f"; and {n - SHOWN} more" if n > SHOWN else ""
        raise ValueError(
            f"the {what} must not be published, {n} finding{'s' if n > 1 else ''}: "
            f"{'; '.join(problems[:SHOWN])}{more}. Correct the notebook or the data."
        )


def _table_problems(
    text: str, wanted: _Wanted, words: list[tuple[int, str]], *, delimiter: str
) -> Iterator[str]:
    """Say what is wrong with a table, and put its cells with their lines into `words`."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    head: list[str] = []
    for cells in reader:
        line = f"line {reader.line_num}"
        for cell in cells if not head else ():
            if _names_customer(cell):
                yield f"{line} has a column of customers, {cell!r}"
        head = head or cells
        words += [(reader.line_num, cell) for cell in cells]
        for position, cell in enumerate(cells):
            if PLAIN_NUMBER.fullmatch(cell):
                continue
            if cell.startswith(FORMULA_STARTS):
                column = wanted.shown(head[position]) if position < len(head) else ""
                yield f"{line} holds a formula in the column {column!r}"
            for problem in (*wanted.in_words(cell), *wanted.hidden(cell)):
                yield f"{line} {problem}"


def _words_of(text: str) -> set[str]:
    """Return what may be an id in a text: words, codes, and up to `ID_WORDS` words in a row."""
    words = set(re.findall(r"\w+", text))
    words |= set(re.findall(r"[\w-]+", text))
    words |= set(re.findall(r"[\w.]+(?:[./#:@+&|-]+\w+)*", text))
    parts = text.split()
    firsts = [part.lstrip(PUNCTUATION) for part in parts]
    lasts = [part.rstrip(PUNCTUATION) for part in parts]
    words |= {*parts, *(part.strip(PUNCTUATION) for part in parts)}
    for n in range(2, ID_WORDS + 1):
        middle = [parts[i : len(parts) - n + 1 + i] for i in range(1, n - 1)]
        for begins, ends in ((parts, parts), (firsts, lasts)):
            words |= set(map(" ".join, zip(begins, *middle, ends[n - 1 :], strict=False)))
    # Part of a number is no id.
    numbers = set(re.findall(r"(?<!\w)(?<!\d[.,])\d+(?!\w)(?![.,]\d)", text))
    return {word for word in words if not word.isdecimal()} | numbers


def _is_telling(text: str) -> bool:
    """Say whether an id found in words can only be an id."""
    figures = re.sub(r"[\s.,:/+-]", "", text)
    if figures.isdecimal():
        return len(figures) >= ID_DIGITS
    is_word = text.isalpha() and text[1:].islower()
    return len(text) >= ID_CHARACTERS and not is_word


def _names_customer(head: str) -> bool:
    return bool(CUSTOMER_NAMES.fullmatch(identifiers.plain_name(head)))


def _are_ids(values: set[Any], ids: Collection[str]) -> bool:
    texts = {value for value in values if isinstance(value, str)}
    n = sum(text in ids for text in texts)
    return n >= MIN_IDS and 2 * n >= len(texts)


def _are_counted(texts: Sequence[Any], *, customers: int) -> bool:
    """Say whether texts are classes 1, 2, 3 ... (`7+`) of a base many times as large, or from 0.

    A shop that numbers its customers from 1 has the same texts for ids.
    """
    plain = [str(text).removesuffix("+") for text in texts]
    counted = [[f"{n}" for n in range(first, first + len(texts))] for first in (0, 1)]
    return plain in counted and customers >= MANY_TIMES * len(texts)


def _is_row_for_each(keys: Sequence[Any], customers: int) -> bool:
    """Say whether rows are as many as customers, and neither days nor equal steps."""
    if customers < MIN_CUSTOMERS or not NEARLY * customers <= len(keys) <= customers:
        return False
    if all(isinstance(key, str) for key in keys):
        is_time = all(re.fullmatch(r"\d{4}-(?:[QW]?\d+)(?:-\d{2})?", key) for key in keys)
        return not is_time and len(set(keys)) == len(keys)
    if len(keys) != customers or not all(isinstance(key, int | float) for key in keys):
        return False
    steps = [b - a for a, b in itertools.pairwise(keys)]
    return max(steps) - min(steps) > 1e-6 * max(abs(step) for step in steps)


def _is_path(value: str) -> bool:
    """Tell a path from a secret that begins with a slash."""
    random = re.search(r"[A-Z]", value) and re.search(r"\d", value)
    return bool(PATH.match(value)) and not random
