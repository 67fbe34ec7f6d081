"""Direct identifiers: which columns of a source name a person, and what a text gives away."""

from __future__ import annotations

import bisect
import ipaddress
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from workbench.schema import DataError

KINDS = {
    "name": "Name",
    "email": "E-Mail-Adresse",
    "phone": "Telefonnummer",
    "address": "Anschrift",
    "birth_date": "Geburtsdatum",
    "bank_account": "Bankverbindung",
    "official_id": "Steuer- oder Ausweisnummer",
    "ip_address": "IP-Adresse",
}
DECISIONS = {
    "used": "verwendet",
    "pseudonymised": "durch ein Pseudonym ersetzt",
    "dropped": "als personenbezogen erkannt und weggelassen",
    "not_read": "nicht eingelesen",
}
# What a scrubbed text says instead.
MARKS = {
    "email": "[E-Mail]",
    "phone": "[Telefon]",
    "bank_account": "[IBAN]",
    "ip_address": "[IP-Adresse]",
}
NUMBER_MARK = "[Nummer]"
# From this share of a column's values on, they make it what they are. Four numbers with points
# between them may be a version, and a code may look like a telephone number.
LEAST_SHARE = {"email": 0.05, "bank_account": 0.05, "phone": 0.2, "ip_address": 0.5}

# Whose it is, before the word that tells what it is.
_WHOSE = (
    r"(?:kunden?|kd|customer|cust|client|user|benutzer|contact|kontakt|ansprechpartner|account"
    r"|konto|person|rechnungs?|bestell(?:er|ung)?|order|billing|bill|billto|invoice|liefer(?:ungs?)?"
    r"|shipping|ship|shipto|soldto|delivery|versand|buyer|kaeufer|empfaenger|recipient|absender"
    r"|sender|mitglieds?|member|gast|guest|patient(?:en)?|inhaber|holder|owner|payer|zahler"
    r"|mitarbeiter|employee|private?|geschaeft(?:s|lich)?|business|work|home|haupt|main|primaere?"
    r"|primary|secondary|default|legal|crm|my|meine?|ihre?|your|des|der|of|to"
    r"|address|adress(?:e|en)?|anschrift|mailing|other|assistant|asst|additional)*"
)
# What may stand behind it.
_WHICH = (
    r"(?:nr|nummer|number|no|num|private?|geschaeftlich|dienstlich|work|home|value|wert|kunden?"
    r"|customer|kontakt|contact|bestellers?|kaeufers?|unternehmens|arbeit|buero|other|des|der|und"
    r"|and|\d+)*"
)
# As a CRM calls the people and firms of its records, and those who look after them.
_ORGANISATION = r"organi[sz]ation"
_IN_CRM = (
    r"(?:contact|kontakt)person|primarycontact|associated(?:contact|company(?:names)?)(?:primary)?"
    rf"|(?:deal|person|activity|contact){_ORGANISATION}|{_ORGANISATION}name|unternehmensname"
    r"|company(?:or)?account|(?:created|lastmodified)by|zustaendigermitarbeiter(?:fuer[a-z]+)?"
    r"|(?:account|opportunity|deal|contact|kontakt|company|person|organi[sz]ation|campaign|lead)"
    r"(?:owner|besitzer|eigentuemer)"
)
_PLACE_IN_CRM = (
    rf"{_ORGANISATION}(?:address|adresse)"
    rf"|{_ORGANISATION}(?:address)?(?:apartmentsuiteno|housenumber|streetroadname"
    r"|citytownvillagelocality|fullcombinedaddress)of[a-z]*address"
)
_STREET = (
    r"(?:adress(?:e|en|zeile|zusatz)|address(?:line)?|anschrift|strassen?(?:name)?"
    r"|street(?:name|address)?|str|haus(?:nr|nummer)|house(?:no|number)|(?:wohn)?ort|stadt|city"
    r"|town|postfach|pobox)"
)
_NAMES = {
    "email": r"e?mail(?:adress(?:e|en)|address(?:es)?|addr|id)?",
    "ip_address": r"(?:remote)?ip(?:v4|v6|adress(?:e|en)|address|addr)?|remoteaddr",
    "phone": (
        r"(?:(?:tele)?fon|tel(?:ephone)?|phone|mobile?|handy|mobilfunk|mobiltelefon|mobile?phone"
        r"|cell(?:phone)?|(?:tele)?fax|rufnummer|durchwahl|festnetz|whatsapp|vorwahl)+"
    ),
    "bank_account": (
        r"iban|bic|swift(?:code)?|konto(?:nr|nummer|no)|ktonr|kto|bank(?:konto|verbindung|account)"
        r"|bankaccountnumber|(?:kreditkarten?|creditcard|card)(?:nr|nummer|number|no)|kreditkarte"
        r"|creditcard|mandatsreferenz"
    ),
    "official_id": (
        r"steuer(?:nr|nummer|id|idnr|identifikationsnummer)|(?:ust|umsatzsteuer)id(?:ent)?"
        r"|uid(?:nr|nummer)|vat(?:id|no|number|regno|registrationnumber)|tax(?:id|no|number)|ssn"
        r"|socialsecuritynumber|sozialversicherungsnummer|sv(?:nr|nummer)|ahv(?:nr|nummer)"
        r"|(?:personal)?ausweis(?:nr|nummer)?|(?:reise)?pass(?:nr|nummer)|reisepass"
        r"|passport(?:no|number)?|fuehrerschein|nationalid|idcard(?:no|number)"
    ),
    "birth_date": (
        r"geb(?:urts)?(?:dat(?:um)?|tag)|geb|geboren(?:am)?|dob|birth(?:date|day)"
        r"|date(?:of)?birth|dayofbirth"
    ),
    "address": (
        rf"(?:plz|zip|postcode)?{_STREET}(?:{_STREET}|und|and|zusatz|zeile|line)*|{_PLACE_IN_CRM}"
    ),
    "name": (
        r"(?:name|(?:vor|nach|zu|familien|ruf|geburts|maedchen)name|vorundnachname|(?:first|last"
        r"|sur|given|family|middle|full|fore|nick)name|firma|firmenname|company(?:name)?"
        rf"|ansprechpartner|kontoinhaber|karteninhaber|cardholder|(?:deal|activity)?(?:{_IN_CRM}))+"
    ),
}
# A shop calls its receipts by names too: "Order name" is the number of one.
_NOT = {"name": r"(?!order|invoice|bestell)"}
_BY_NAME = {
    kind: re.compile(f"{_NOT.get(kind, '')}{_WHOSE}(?:{words}){_WHICH}")
    for kind, words in _NAMES.items()
}

_BLANK = " \u00a0\u202f"
_EMAIL = re.compile(r"(?<![\w.%+'-])[\w.%+'-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}")
_PHONE = re.compile(
    rf"""(?<![\w+=&#%@_])(?<![\w)][-/])(?<!\d[.,:])\(?(?:
        # +49 171 1234567, +41 (0)44 668 18 00, 0049 30 123456
        (?:\+[{_BLANK}]?[1-9]
          |00[{_BLANK}]?(?=49|43|41|423|420|3[1-39]|4[4-8]|35[1-9])\d)
        (?:[{_BLANK}()/-]{{0,3}}\d){{8,14}}
        # 0171 1234567, (030) 12 34 56-78, 044 668 18 00
        |0[1-9]\d{{1,4}}(?:\)?[{_BLANK}/-]{{1,3}}|\))\d(?:[{_BLANK}-]?\d){{2,10}}
        # 01 234 56 78 in Vienna, but neither 01/2024 nor 01-05-2024
        |01(?![/-](?:19|20)\d\d(?!\d))[{_BLANK}/-]{{1,3}}\d{{3}}(?:[{_BLANK}-]?\d){{3,6}}
        # mobile numbers of Germany, Austria and Switzerland in one piece
        |01[567]\d{{8,9}}|06[5-9]\d{{8,9}}|07[5-9]\d{{7}}
    )(?![\w@])(?![.,:/-]\d)""",
    re.VERBOSE,
)
# Length of an IBAN by country, SWIFT's IBAN registry: the European ones.
_IBAN_LENGTHS = {
    **{"AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20},
    **{"ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26},
    **{"IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15},
    **{"PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27},
}
_IBAN_START = re.compile(r"(?<![0-9A-Za-z])([A-Za-z]{2})[0-9]{2}(?=\s?[0-9A-Za-z])")
_IBANS = {
    country: re.compile(rf"(?:[{_BLANK}]?[0-9A-Za-z]){{{length}}}(?![0-9A-Za-z])")
    for country, length in _IBAN_LENGTHS.items()
}
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IP = re.compile(
    rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\w.]|,\d)"
    r"|(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])",
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"(?<!\d)(?<!\d[.,])\d{7,}(?![.,]?\d)")


class Place(NamedTuple):
    """Where a text holds personal data.

    Attributes
    ----------
    start, end : int
        First character, and the one behind the last.
    kind : str
        One of `MARKS`.
    """

    start: int
    end: int
    kind: str


def judge(
    columns: Sequence[str], *, used: Mapping[str, str], samples: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Say of each column of a source whether it names a person, and what becomes of it.

    A column is recognised by its name, German or English, or by what its
    values are. Names and postal addresses have no form of their own and are
    recognised by the column's name alone; a postcode and a year of birth
    describe a person but do not name one.

    Parameters
    ----------
    columns : sequence of str
        The source's own column names.
    used : mapping
        Our names to the source's, of the columns that are read.
    samples : mapping
        Column to some of its values as text; the empty ones do not count.

    Returns
    -------
    DataFrame
        One row per column, in the order of the source.

        - `column` (str): the source's name
        - `kind` (str): one of `KINDS`, or ''
        - `recognised_by` (str): ``name``, ``content``, ``both`` or ''
        - `evidence` (float): share of the sampled values that are of this
          kind; missing if there are none or the kind has no form of its own
        - `decision` (str): one of `DECISIONS`

    Examples
    --------
    >>> judge(
    ...     ["Kunde", "E-Mail", "Kanal"],
    ...     used={"customer_id": "Kunde", "channel": "Kanal"},
    ...     samples={"E-Mail": ["anna@example.org"], "Kanal": ["Laden"]},
    ... )
       column   kind recognised_by  evidence       decision
    0   Kunde                            NaN  pseudonymised
    1  E-Mail  email          both       1.0        dropped
    2   Kanal                            NaN           used
    """
    rows = []
    for column in columns:
        shares = _shares(samples.get(column, ()))
        by_name = _kind_of_name(column)
        enough = [k for k, share in shares.items() if share >= LEAST_SHARE[k]]
        by_content = max(enough, key=shares.__getitem__, default="")
        kind = by_content or by_name
        if by_content:
            recognised_by = "both" if by_name == by_content else "content"
        else:
            recognised_by = "name" if by_name else ""
        rows.append(
            {
                "column": column,
                "kind": kind,
                "recognised_by": recognised_by,
                "evidence": shares.get(kind, math.nan),
                "decision": _decision(column, kind, used),
            }
        )
    return pd.DataFrame(
        rows, columns=["column", "kind", "recognised_by", "evidence", "decision"]
    ).astype({"evidence": float})


def check_used(judged: pd.DataFrame) -> None:
    """Refuse a source of which a column that is read holds what names a person.

    The customer's id may: it is replaced by a pseudonym. A column that only is
    called like an identifier passes, for its values do not bear it out.

    Parameters
    ----------
    judged : DataFrame
        As `judge` returns it.

    Raises
    ------
    DataError
        If there is such a column; its values are not shown.
    """
    exposed = judged[
        (judged["decision"] == "used") & judged["recognised_by"].isin(["content", "both"])
    ]
    if not exposed.empty:
        first = exposed.iloc[0]
        more = f" (and {len(exposed) - 1} more)" if len(exposed) > 1 else ""
        raise DataError(
            f"column {first['column']!r}{more} would be read, and {first['evidence']:.0%} of its "
            f"sampled values are of the kind {first['kind']}. Take it out of columns, or replace "
            "these values in the export."
        )


def locate(text: str) -> list[Place]:
    """Find e-mail addresses, telephone numbers, IBANs and IP addresses in a text, in order.

    A telephone number is one that is written as such: with ``+`` or ``00`` and
    the country, with its area code apart, or a mobile number of Germany,
    Austria or Switzerland. An IBAN is a European one whose check digits hold.
    """
    places: list[Place] = []
    for kind, find_all in _FINDERS.items():
        found = [Place(match.start(), match.end(), kind) for match in find_all(text)]
        places = sorted([*places, *(place for place in found if _is_free(place, places))])
    return places


def find(text: str) -> list[str]:
    """Return the kinds of personal data in a text, in the order of `KINDS`.

    Examples
    --------
    >>> find("Rufen Sie 0171 1234567 an oder schreiben Sie an anna@example.org.")
    ['email', 'phone']
    >>> find("Am 31.12.2025 waren es 1.234.567 Kunden und 12.345,67 €.")
    []
    """
    found = {place.kind for place in locate(text)}
    return [kind for kind in KINDS if kind in found]


def scrub(text: str) -> str:
    """Replace what names a person by what it is; also every number of seven digits and more.

    Such a number may be a customer's or a receipt's. Names and postal addresses
    stay: they have no form by which they could be told.

    Examples
    --------
    >>> scrub("Bestellung 4711008150, bitte an anna@example.org oder +49 171 1234567!")
    'Bestellung [Nummer], bitte an [E-Mail] oder [Telefon]!'
    """
    # What stood beside an address or a number may show only when that is gone.
    while places := locate(text):
        for place in reversed(places):
            text = text[: place.start] + MARKS[place.kind] + text[place.end :]
    clean = _LONG_NUMBER.sub(NUMBER_MARK, text)
    return text if clean == text else scrub(clean)


def plain_name(column: str) -> str:
    """Return a column's name without case, accents and separators; ä becomes ae.

    Examples
    --------
    >>> plain_name("Rechnung_Straße / Nr.")
    'rechnungstrassenr'
    """
    text = unicodedata.normalize("NFKC", column).casefold()
    text = text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", text))


def _decision(column: str, kind: str, used: Mapping[str, str]) -> str:
    if column in (used.get("customer_id"), used.get("referred_by")):
        return "pseudonymised"
    if column in used.values():
        return "used"
    return "dropped" if kind else "not_read"


def _kind_of_name(column: str) -> str:
    name = plain_name(column)
    return next((kind for kind, pattern in _BY_NAME.items() if pattern.fullmatch(name)), "")


def _shares(values: Sequence[str]) -> dict[str, float]:
    """Return the share of the values that hold each kind; empty where there is no value."""
    filled = [value for value in values if isinstance(value, str) and value.strip()]
    kinds = [find(value) for value in filled]
    return {kind: sum(kind in k for k in kinds) / len(filled) for kind in MARKS} if filled else {}


def _is_free(place: Place, places: Sequence[Place]) -> bool:
    """Say whether a place touches none of the others, which are in order."""
    before = bisect.bisect_left(places, (place.end,))
    return before == 0 or places[before - 1].end <= place.start


def _emails(text: str) -> Iterator[re.Match[str]]:
    return _EMAIL.finditer(text) if "@" in text else iter(())


def _ibans(text: str) -> Iterator[re.Match[str]]:
    for start in _IBAN_START.finditer(text):
        form = _IBANS.get(start[1].upper())
        match = form.match(text, start.start()) if form else None
        if match:
            plain = re.sub(rf"[{_BLANK}]", "", match.group())
            digits = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
            if int(digits) % 97 == 1 and 2 <= int(plain[2:4]) <= 98:
                yield match


def _ips(text: str) -> Iterator[re.Match[str]]:
    for match in _IP.finditer(text):
        if ":" not in match.group():
            yield match
        elif len(re.findall(r"[0-9a-f]+", match.group(), re.IGNORECASE)) > 2:
            try:
                ipaddress.IPv6Address(match.group())
            except ValueError:
                continue
            yield match


def _phones(text: str) -> Iterator[re.Match[str]]:
    for match in _PHONE.finditer(text):
        # Austrian figures are written +12 345 678, with blanks that do not break.
        if re.fullmatch(r"\+\d{1,3}(?:[\u00a0\u202f]\d{3})+", match.group()):
            continue
        if match.group().isdecimal() and _is_code(match.group()):
            continue
        if 7 <= sum(character.isdecimal() for character in match.group()) <= 17:
            yield match


def _is_code(digits: str) -> bool:
    """Tell a code by its length or its check digit: padded ids, ISBN-10 and trade items."""
    if digits.startswith("00"):
        return len(digits) < 12
    if len(digits) == 10:
        return sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11 == 0
    weighted = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(digits)))
    return len(digits) == 12 and weighted % 10 == 0


_FINDERS: dict[str, Callable[[str], Iterator[re.Match[str]]]] = {
    "email": _emails,
    "bank_account": _ibans,
    "ip_address": _ips,
    "phone": _phones,
}
