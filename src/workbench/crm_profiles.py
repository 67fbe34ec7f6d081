"""What each CRM calls a field, how it writes a value, and what it does not take.

Sources: the help pages of the three CRMs, as docs/crm.md lists them.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

import pandas as pd

from workbench.crm_columns import EXTERNAL_IDS
from workbench.crm_fields import EXTERNAL_ID, Field
from workbench.schema import ParameterError

# A cell that begins with one of these is run, or may be, by a spreadsheet (OWASP, CSV injection).
TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# A telephone number is no formula: digits, blanks, one plus in front.
_TELEPHONE = re.compile(r"\+[0-9][0-9 ]*")
_ACRONYMS = {"clv": "CLV", "rfm": "RFM"}
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
LEGAL_BASIS = "rechtsgrundlage"


class Profile(NamedTuple):
    """A CRM as a receiver of a file.

    Attributes
    ----------
    name, label : str
        As on the command line; as its maker writes it.
    record : str
        What it calls a customer.
    null : str
        What stands for no value.
    max_rows, max_bytes : int
        Of one file.
    keys : tuple of str
        Columns of the table of keys that it can use, the best first; it needs
        one of them where `needs_key`.
    needs_key : bool
        It does not know a customer by the firm's number alone.
    """

    name: str
    label: str
    record: str
    null: str
    max_rows: int
    max_bytes: int
    keys: tuple[str, ...]
    needs_key: bool


PROFILES = {
    # 100 MB before base64, which makes 150 MB of it.
    "salesforce": Profile(
        "salesforce", "Salesforce", "Contact", "#N/A", 150_000_000, 100_000_000, (), False
    ),
    "hubspot": Profile(
        *("hubspot", "HubSpot", "Contact", "", 1_048_575, 512_000_000),
        ("crm_id", "email"),
        False,
    ),
    "pipedrive": Profile(
        *("pipedrive", "Pipedrive", "Person", "", 49_999, 50_000_000),
        ("crm_id", "name"),
        True,
    ),
    "excel": Profile("excel", "Excel", "Kunde", "", 1_048_575, 1_000_000_000, ("name",), False),
}
# The header of a key; what is not here is not known to that CRM.
KEY_HEADERS = {
    ("hubspot", "crm_id"): "Record ID",
    ("hubspot", "email"): "Email",
    ("pipedrive", "crm_id"): "Pipedrive System ID - Person",
    ("pipedrive", "name"): "Person - Name",
    ("excel", "name"): "Name",
}
_EXTERNAL_IDS = EXTERNAL_IDS | {"excel": "Kundennummer"}
# HubSpot's own words; the other CRMs get a field of the firm's.
_LEGAL_BASES = {
    "opt_in": ("Freely given consent from contact", "Einwilligung"),
    "bestandskunde_7_3": (
        "Legitimate interest – existing customer",
        "Bestandskunde, § 7 Abs. 3 UWG",
    ),
}
LEGAL_BASIS_FIELD = Field(
    LEGAL_BASIS,
    "Rechtsgrundlage der Ansprache",
    "choice",
    0,
    "warum dieser Kunde auf diesem Weg angesprochen werden darf",
    "why this customer may be contacted on this channel",
    options=tuple(_LEGAL_BASES),
)
_TYPES = {
    "salesforce": {
        "id": "Text(255), External ID, Unique",
        "text": "Text(255)",
        "choice": "Picklist",
        "number": "Number(16, 0)",
        "money": "Currency(16, 2)",
        "share": "Number(1, 4)",
        "day": "Date",
    },
    "hubspot": {
        "id": "Single-line text, unique values",
        "text": "Single-line text",
        "choice": "Dropdown select",
        "number": "Number",
        "money": "Number, currency",
        "share": "Number",
        "day": "Date picker",
    },
    "pipedrive": {
        "id": "Text",
        "text": "Text",
        "choice": "Single option",
        "number": "Numerical",
        "money": "Numerical",
        "share": "Numerical",
        "day": "Date",
    },
    "excel": dict.fromkeys(("id", "text", "choice"), "Text")
    | {"number": "Zahl", "money": "Zahl", "share": "Zahl", "day": "Datum"},
}


def profile(name: str) -> Profile:
    """Return a profile by its name.

    Raises
    ------
    ParameterError
        If there is none of that name.
    """
    if name not in PROFILES:
        raise ParameterError(f"crm={name!r} must be one of {', '.join(PROFILES)}.")
    return PROFILES[name]


def header(field: Field, *, crm: str) -> str:
    """Return what a CRM calls a field.

    Examples
    --------
    >>> field = Field("clv_12m", "Kundenwert 12 Monate", "money", 2, "", "")
    >>> [header(field, crm=name) for name in PROFILES]
    ['CLV_12m__c', 'wb_clv_12m', 'Person - Kundenwert 12 Monate', 'Kundenwert 12 Monate']
    """
    if field.name == EXTERNAL_ID:
        return _EXTERNAL_IDS[crm]
    if crm == "salesforce":
        words = [_ACRONYMS.get(word, word.capitalize()) for word in field.name.split("_")]
        return "_".join(words) + "__c"
    if crm == "hubspot":
        return "hs_legal_basis" if field.name == LEGAL_BASIS else f"wb_{field.name}"
    return f"Person - {field.label}" if crm == "pipedrive" else field.label


def field_type(field: Field, *, crm: str) -> str:
    """Return the type that an administrator chooses when making the field."""
    return _TYPES[crm][field.kind]


def option(text: str, *, field: Field, crm: str) -> str:
    """Return the value of a choice as the CRM stores it.

    HubSpot keeps ASCII in lower case apart from the label that users see.

    Examples
    --------
    >>> field = Field("segment", "Segment", "choice", 0, "", "")
    >>> option("Aufmerksamkeit nötig", field=field, crm="hubspot")
    'aufmerksamkeit_noetig'
    >>> option("Aufmerksamkeit nötig", field=field, crm="salesforce")
    'Aufmerksamkeit nötig'
    """
    if field.name == LEGAL_BASIS:
        return _LEGAL_BASES[text][0 if crm == "hubspot" else 1]
    if crm != "hubspot":
        return text
    plain = unicodedata.normalize("NFKD", text.lower().translate(_ASCII))
    return re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode()).strip("_")


def cell(value: Any, *, field: Field, crm: str) -> str | Decimal | None:
    """Write one value as the CRM reads it: text, a number of fixed places, or None for nothing.

    Days are ISO days; numbers have a decimal point and nothing else. No text
    of a customer's own becomes a number.
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if field.kind in ("number", "money", "share"):
        exact = Decimal(str(float(value)))
        return exact.quantize(Decimal(1).scaleb(-field.digits), rounding=ROUND_HALF_EVEN)
    if field.kind == "day":
        return f"{pd.Timestamp(value):%Y-%m-%d}"
    text = clean_text(str(value))
    return option(text, field=field, crm=crm) if field.kind == "choice" else text


def clean_text(text: str) -> str:
    r"""Compose accents and take out control characters, which no field of a CRM means.

    Examples
    --------
    >>> clean_text("Mu\u0308ller\x00 & So\u0308hne")
    'Müller & Söhne'
    """
    composed = unicodedata.normalize("NFC", text)
    kept = (sign for sign in composed if unicodedata.category(sign) != "Cc" or sign in "\t\r\n")
    return "".join(kept)


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet may run a text as a formula.

    Examples
    --------
    >>> [is_formula(text) for text in ("=1+1", "+49 170 123", "-2+3", "K-7", "＝A1")]
    [True, False, True, False, True]
    """
    return text.startswith(TRIGGERS) and not _TELEPHONE.fullmatch(text)
