"""The release gate: what must not stand in a page that leaves the house."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

# Attributes whose address a browser follows or loads.
ADDRESSES = {"action", "background", "data", "formaction", "href", "ping", "poster", "src"}
ADDRESSES |= {"srcset", "xlink:href"}
# Attributes that hold words for the reader.
WORDS = {"alt", "aria-label", "content", "data-v", "title"}
REMOTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
REMOTE_STYLE = re.compile(r"@import|url\(\s*[\"']?(?!#|data:|[\"'\s])", re.IGNORECASE)
SCHEME = re.compile(r"\s*(?!data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
LEAKS = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE),
    "a path of a machine": re.compile(
        r"(?<![\w.])/(?:home|root|tmp|Users|mnt|opt|private|srv|var)/\S*|\b[a-z]:\\\S*|file://\S*",
        re.IGNORECASE,
    ),
    "a traceback": re.compile(r"Traceback \(most recent call last\)|\x1b\["),
    "a warning of the program": re.compile(r"\b[A-Z]\w*Warning:|ipykernel_\d+"),
}
SHOWN = 5


def check_page(html: str) -> None:
    """Refuse a page that loads something, leaks something or shows a program's output.

    Parameters
    ----------
    html : str
        A finished page.

    Raises
    ------
    ValueError
        If the page would load anything from a network or from a file beside
        it, holds an e-mail address, an absolute path of a machine, a traceback
        or a warning, an event handler in an attribute, or an image without
        `alt`; with the lines.

    Examples
    --------
    >>> check_page("<p>Umsatz je Kunde</p>")
    >>> check_page("<p>Fragen an info@example.org</p>")
    Traceback (most recent call last):
        ...
    ValueError: the page must not be published, 1 finding: line 1 holds an e-mail address:
    'info@example.org'. Correct the notebook or the data.
    """
    gate = _Gate()
    gate.feed(html)
    gate.close()
    if gate.problems:
        n = len(gate.problems)
        more = f"; and {n - SHOWN} more" if n > SHOWN else ""
        raise ValueError(
            f"the page must not be published, {n} finding{'s' if n > 1 else ''}: "
            f"{'; '.join(gate.problems[:SHOWN])}{more}. Correct the notebook or the data."
        )


class _Gate(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        given = {name: value or "" for name, value in attrs}
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
                self._report(f"loads {value[:80]!r} ({tag} {name})")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = self.inside
        self.handle_starttag(tag, attrs)
        self.inside = inside

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            if REMOTE_STYLE.search(data) or "//" in data:
                self._report("loads something in its style sheet")
        elif self.inside == "script":
            if re.search(r"https?:|[\"'`]//|\bfetch\(|XMLHttpRequest|\bimport\b", data):
                self._report("loads something in its script")
        else:
            self._check_words(data)

    def handle_comment(self, data: str) -> None:
        self._check_words(data)

    def _check_address(self, tag: str, name: str, value: str) -> None:
        if name == "srcset" or REMOTE.match(value) or SCHEME.match(value):
            self._report(f"loads {value[:80]!r} ({tag} {name})")
        elif value.startswith("data:text/"):
            self._check_words(unquote(value))
        elif value.startswith("data:"):
            return
        elif value.startswith("/"):
            self._report(f"points at {value[:80]!r} on this machine ({tag} {name})")
        elif tag != "a" and not value.startswith("#"):
            self._report(f"loads {value[:80]!r} from beside it ({tag} {name})")

    def _check_words(self, text: str) -> None:
        for what, pattern in LEAKS.items():
            match = pattern.search(text)
            if match:
                self._report(f"holds {what}: {match.group()[:80]!r}")

    def _report(self, problem: str) -> None:
        self.problems.append(f"line {self.getpos()[0]} {problem}")
