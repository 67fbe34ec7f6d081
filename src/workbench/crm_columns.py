"""The headers of a CRM's exports: which of them stand for our columns, and what a won deal is.

A preset is named by its user, so taking its headers is no guess. Headers that say the same are
variants (an API name, a label, its German form), of which a file may have one; different fields
that may stand for one column are ways, of which the first that a file has counts. docs/crm.md lists
them, and where each is from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from workbench.day_formats import Fact
from workbench.schema import DataError

Ways = tuple[tuple[str, ...], ...]

LABELS = {"salesforce": "Salesforce", "hubspot": "HubSpot", "pipedrive": "Pipedrive"}
# What the exports hold, by the name of our table.
RECORDS = {"transactions": "deals", "customers": "customers", "contacts": "contacts"}
# Columns of a CRM's export beside ours: whether a deal is won, an activity done, a mail received.
WON, DONE, DIRECTION = "won", "done", "direction"
# In the place of an id: several of them. HubSpot lists all records that belong to a deal.
SEVERAL = r"\s*[0-9]+\s*(?:;\s*[0-9]+\s*)+;?\s*"
# Columns that only `workbench export` writes.
EXTERNAL_IDS = {
    "salesforce": "Kundennr_Ext__c",
    "hubspot": "kundennr_ext",
    "pipedrive": "Person - Kundennummer",
}

_SALESFORCE_ID = r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?"
_YES = ("true", "1", "yes", "ja", "wahr")
_WON = ("won", "gewonnen")
# How a won deal is marked, in lower case and without the pipeline in brackets behind it.
WON_WORDS = {
    "salesforce": (*_YES, "closed won", *_WON),
    "hubspot": (*_YES, "closed won", "closedwon", "abgeschlossen und gewonnen", *_WON),
    "pipedrive": _WON,
}
DONE_WORDS = (*_YES, "done", "erledigt")
INCOMING_WORDS = ("incoming_email", "incoming email", "incoming", "inbound")

_COLUMNS: dict[str, dict[str, dict[str, Ways]]] = {
    "salesforce": {
        "transactions": {
            "date": (("CloseDate", "Close Date"),),
            "amount": (("Amount",),),
            "currency": (("CurrencyIsoCode", "Opportunity Currency"), ("Amount Currency",)),
            "order_id": (("Id", "Opportunity ID"),),
            WON: (("IsWon", "Won"), ("StageName", "Stage")),
        },
        "customers": {
            "postcode": (
                ("BillingPostalCode", "Billing Zip/Postal Code"),
                ("ShippingPostalCode", "Shipping Zip/Postal Code"),
                ("MailingPostalCode", "Mailing Zip/Postal Code"),
            ),
            "country": (
                ("BillingCountry", "Billing Country"),
                ("ShippingCountry", "Shipping Country"),
                ("MailingCountry", "Mailing Country"),
            ),
            "customer_type": (("Type", "Account Type"),),
            "first_channel": (("AccountSource", "Account Source"), ("LeadSource", "Lead Source")),
        },
        "contacts": {
            "date": (("Member First Associated Date",), ("CreatedDate", "Created Date")),
            "campaign": (("Campaign Name",), ("CampaignId", "Campaign ID")),
            "channel": (("Campaign Type",),),
            "response": (("HasResponded", "Responded"), ("Status", "Member Status")),
        },
    },
    "hubspot": {
        "transactions": {
            "date": (("Close Date", "closedate", "Abschlussdatum"),),
            "amount": (
                ("Amount", "Betrag"),
                ("Amount in company currency", "Betrag in Firmenwährung"),
            ),
            "currency": (("Currency", "deal_currency_code"),),
            "order_id": (("Record ID", "Deal ID", "hs_object_id", "Datensatz-ID"),),
            WON: (
                ("Is Closed Won", "hs_is_closed_won"),
                ("Deal Stage", "dealstage", "Deal-Phase"),
            ),
        },
        "customers": {
            "postcode": (("Postal Code", "zip"),),
            "country": (("Country/Region", "Country"),),
            "customer_type": (("Type",),),
            "first_channel": (
                ("Original Traffic Source", "hs_analytics_source"),
                ("Original Source",),
                ("Original Source Type",),
            ),
        },
        "contacts": {
            "date": (("Activity date", "hs_timestamp"),),
            DIRECTION: (
                ("Email direction", "hs_email_direction"),
                ("Call direction", "hs_call_direction"),
            ),
        },
    },
    "pipedrive": {
        "transactions": {
            "date": (
                ("Deal - Won time", "Deal - Datum des gewonnenen Deals"),
                ("Deal - Deal closed on", "Deal - Closed on", "Deal - Deal abgeschlossen am"),
            ),
            "amount": (("Deal - Value", "Deal - Wert"),),
            "currency": (("Deal - Currency of Value",), ("Deal - Currency",)),
            "order_id": (("Deal - ID",), ("Deal - Pipedrive System ID",)),
            WON: (("Deal - Status",),),
        },
        "customers": {
            "postcode": (
                ("Organization - ZIP/Postal code of Address",),
                ("Organization - Address - ZIP/Postal code of Address",),
            ),
            "country": (
                ("Organization - Country of Address",),
                ("Organization - Address - Country of Address",),
            ),
        },
        "contacts": {
            "date": (("Activity - Due date",), ("Activity - Marked as done time",)),
            "channel": (("Activity - Type",),),
            DONE: (("Activity - Done",),),
        },
    },
}
# Who the customer is, and in the exports of a CRM how he is named: the firm before the person, the
# id before the name. The tables beside the deals name him as the deals do.
_KINDS = {
    "firm_id": ("the firm, by its id", "Firma, nach ihrer Nummer im CRM"),
    "firm_name": ("the firm, by its name", "Firma, nach ihrem Namen"),
    "person_id": ("the person, by an id", "Person, nach ihrer Nummer im CRM"),
    "person_name": ("the person, by name", "Person, nach ihrem Namen"),
}
_CUSTOMERS: dict[str, dict[str, dict[str, Ways]]] = {
    "salesforce": {
        "transactions": {
            "firm_id": (("AccountId", "Account ID"),),
            "firm_name": (("Account Name",),),
            "person_id": (("ContactId", "Contact ID"),),
        },
        "customers": {
            # A list of contacts has an id of its own beside that of the account.
            "firm_id": (("Id", "Account ID", "AccountId"),),
            "firm_name": (("Name", "Account Name"),),
            "person_id": (("Id", "Contact ID"),),
        },
        "contacts": {
            "firm_id": (("AccountId", "Account ID"),),
            "firm_name": (("Account Name",), ("CompanyOrAccount", "Company (Account)")),
            "person_id": (("ContactId", "Contact ID"),),
        },
    },
    "hubspot": {
        "transactions": {
            "firm_id": (
                ("Associated Company IDs (Primary)",),
                ("Associated Company IDs", "Associated Company ID"),
            ),
            "firm_name": (
                ("Associated Company (Primary)", "Associated Company Names (Primary)"),
                ("Associated Company",),
            ),
            "person_id": (("Associated Contact IDs", "Associated Contact ID"),),
        },
        "customers": {
            "firm_id": (("Record ID", "Company ID", "hs_object_id", "Datensatz-ID"),),
            "firm_name": (("Company name", "Name"),),
            "person_id": (("Record ID", "Contact ID", "hs_object_id", "Datensatz-ID"),),
        },
        "contacts": {
            "firm_id": (
                ("Associated Company IDs (Primary)",),
                ("Associated Company IDs", "Associated Company ID"),
            ),
            "firm_name": (("Associated Company (Primary)",), ("Associated Company",)),
            "person_id": (("Associated Contact IDs", "Associated Contact ID"),),
        },
    },
    "pipedrive": {
        "transactions": {
            "firm_id": (("Deal - Organization ID",), ("Organization - ID", "Organisation - ID")),
            "firm_name": (("Deal - Organization", "Deal - Organisation"), ("Organization",)),
            "person_id": (("Deal - Contact person ID",), ("Person - ID",)),
            "person_name": (
                ("Deal - Contact person", "Deal - Kontaktperson"),
                ("Contact person",),
            ),
        },
        "customers": {
            "firm_id": (
                ("Organization - ID", "Organisation - ID"),
                ("Organization - Pipedrive System ID",),
            ),
            "firm_name": (("Organization - Name", "Organisation - Name"),),
            "person_id": (("Person - ID",), ("Person - Pipedrive System ID",)),
            "person_name": (("Person - Name",),),
        },
        "contacts": {
            "firm_id": (("Activity - Organization ID",), ("Organization - ID",)),
            "firm_name": (("Activity - Organization",), ("Organization",)),
            "person_id": (("Activity - Contact person ID",), ("Person - ID",)),
            "person_name": (
                ("Activity - Contact person", "Activity - Person"),
                ("Contact person",),
            ),
        },
    },
}
# What a reader calls the columns of a deal.
_GERMAN = {"customer_id": "Kunde", "date": "Datum", "amount": "Betrag", "currency": "Währung"}
_GERMAN |= {"order_id": "Geschäft", WON: "gewonnen"}
_NEEDED = {
    "transactions": ("customer_id", "date", "amount", WON),
    "customers": ("customer_id",),
    "contacts": ("customer_id", "date"),
}


class Crm(NamedTuple):
    """A CRM, and how its deals name the customer.

    Attributes
    ----------
    name : str
        A key of `LABELS`.
    customer : str
        ``firm_id``, ``firm_name``, ``person_id`` or ``person_name``; or the header of a
        column that the user named. Empty as long as no deals were read.
    """

    name: str
    customer: str = ""


def has_table(table: str) -> bool:
    """Say whether the exports of a CRM fill one of our tables."""
    return table in RECORDS


def extra_columns(table: str) -> tuple[str, ...]:
    """Name the columns of texts that are read of a table's export beside ours."""
    return {"transactions": (WON,), "contacts": (DONE, DIRECTION)}.get(table, ())


def headers(crm: str, table: str) -> set[str]:
    """Return every header of an export that is known."""
    ways = [*_COLUMNS[crm][table].values(), *_CUSTOMERS[crm][table].values()]
    return {header for way in ways for variants in way for header in variants}


def choose(
    crm: Crm,
    table: str,
    found: Collection[str],
    *,
    given: Mapping[str, str],
    columns: Iterable[str],
    label: str,
) -> tuple[dict[str, str], Crm]:
    """Find our columns under the headers of a CRM, as far as they are there.

    Parameters
    ----------
    crm : Crm
        Of a table beside the deals, with the customer as the deals name him.
    table : str
        A key of `RECORDS`.
    found : collection of str
        The headers of the file. Capitals, and blanks at their ends, do not matter.
    given : mapping
        Our columns to headers, where the user says so; they come before the preset.
    columns : iterable of str
        All of our columns: what stands in the file under our own name is taken too.
    label : str
        What a user knows the file by.

    Returns
    -------
    dict, Crm
        Our columns to headers of the file, and the CRM with the customer that they name.

    Raises
    ------
    DataError
        If the file has two variants of a header.
    """
    present = {_plain(header): header for header in reversed(list(found))}
    chosen = {}
    for kind, ways in _kinds(crm, table).items():
        header = _first(ways, present, ours="customer_id", label=label)
        if header and "customer_id" not in given:
            chosen["customer_id"], crm = header, crm._replace(customer=kind)
            break
    columns_of = _COLUMNS[crm.name][table]
    for ours, ways in columns_of.items():
        if ours in given or (ours == "currency" and _is_converted(chosen, given, columns_of)):
            continue
        header = _first(ways, present, ours=ours, label=label)
        chosen |= {ours: header} if header else {}
    chosen = {ours: ours for ours in columns if ours in found} | chosen
    chosen |= {ours: theirs for ours, theirs in given.items() if theirs in found}
    if "customer_id" in given:
        crm = crm._replace(customer=_kind_of(given["customer_id"], crm.name, table))
    return chosen, crm


def needed(crm: Crm, table: str) -> tuple[str, ...]:
    """Name the columns without which an export cannot be read."""
    # What is only planned is no contact.
    done = (DONE,) if DONE in _COLUMNS[crm.name][table] else ()
    return (*_NEEDED[table], *done)


def offers(crm: Crm, table: str, ours: str) -> list[str]:
    """List headers that would do for one of our columns, one of each way."""
    ways = _COLUMNS[crm.name][table].get(ours, ())
    if ours == "customer_id":
        ways = tuple(kind[0] for kind in _kinds(crm, table).values())
    return [variants[0] for variants in ways]


def facts(crm: Crm, table: str, chosen: Mapping[str, str], found: Collection[str]) -> list[Fact]:
    """Say which headers were taken, who the customer is, and which deals count."""
    label, header = LABELS[crm.name], chosen["customer_id"]
    present = {_plain(name): name for name in found}
    others = [
        present[_plain(name)]
        for kind in _CUSTOMERS[crm.name][table]
        for variants in _CUSTOMERS[crm.name][table][kind]
        for name in variants
        if _plain(name) in present and present[_plain(name)] != header
    ]
    english, german = _KINDS.get(crm.customer, ("what the user says", "nach Ihrer Angabe"))
    told = [
        Fact(
            "preset",
            f"columns of {label}: "
            + ", ".join(f"{ours} is {theirs!r}" for ours, theirs in chosen.items()),
            f"Spalten aus {label}",
            ", ".join(f"{_GERMAN.get(ours, ours)} „{theirs}“" for ours, theirs in chosen.items()),
        ),
        Fact(
            "customer",
            f"a customer is {english}: {header!r}"
            + (f", and not {', '.join(map(repr, others))}" if others else ""),
            "Kunde ist",
            f"{german}: „{header}“"
            + (f", nicht {', '.join(f'„{name}“' for name in others)}" if others else ""),
        ),
    ]
    if table == "transactions":
        words = ", ".join(map(repr, WON_WORDS[crm.name]))
        told.append(
            Fact(
                "won",
                f"only won deals are purchases: {chosen[WON]!r} is one of {words}",
                "Kauf ist",
                f"ein gewonnenes Geschäft, nach der Spalte „{chosen[WON]}“",
            )
        )
    return told


def same_ids(ids: pd.Series, known: pd.Series, *, crm: Crm) -> pd.Series:
    """Write ids as the deals do, where the CRM has two forms of one.

    Salesforce shows 15 signs in reports; everywhere else three more follow, which
    only repeat the capitals of those before.

    Parameters
    ----------
    ids : Series of str
        Of a table beside the deals.
    known : Series of str
        As the deals write them.

    Examples
    --------
    >>> ids = pd.Series(["001D000000IqhSLIAZ", "001D000000IqhSM"])
    >>> same_ids(ids, pd.Series(["001D000000IqhSL"]), crm=Crm("salesforce")).tolist()
    ['001D000000IqhSL', '001D000000IqhSM']
    """
    if crm.name != "salesforce":
        return ids
    forms = known[known.str.fullmatch(_SALESFORCE_ID)]
    spelled = dict(zip(forms.str[:15], forms, strict=True))
    other = ids.str[:15].map(spelled)
    return ids.where(~ids.str.fullmatch(_SALESFORCE_ID) | other.isna(), other).astype("str")


def exported(found: Collection[str]) -> str:
    """Return the column by which a file of `workbench export` is known; '' if it is none."""
    return next((header for header in EXTERNAL_IDS.values() if header in found), "")


def no_purchases(written: str) -> str:
    """Say that such a file holds no purchases."""
    return (
        f"The column {written!r} is one that `workbench export` writes: it speaks of customers. "
        "Take the CRM's own export of its deals."
    )


def is_complete(name: str, found: Collection[str]) -> bool:
    """Say whether a file has the headers of a CRM's deals.

    Examples
    --------
    >>> is_complete("hubspot", ["Associated Company IDs", "Amount", "Close Date", "Deal Stage"])
    True
    """
    present = {_plain(header) for header in found}
    ways = _COLUMNS[name]["transactions"] | {
        "customer_id": tuple(
            variants for kind in _CUSTOMERS[name]["transactions"].values() for variants in kind
        )
    }
    return all(
        any(_plain(header) in present for variants in ways[ours] for header in variants)
        for ours in _NEEDED["transactions"]
    )


def _plain(header: str) -> str:
    return " ".join(header.split()).casefold()


def _kinds(crm: Crm, table: str) -> dict[str, Ways]:
    """Return the headers that may name the customer, by what they name him by."""
    kinds = _CUSTOMERS[crm.name][table]
    if not crm.customer:
        return kinds
    # A header of the user's own is sought under that name in every table.
    return {
        crm.customer: kinds.get(crm.customer, () if crm.customer in _KINDS else ((crm.customer,),))
    }


def _is_converted(
    chosen: Mapping[str, str], given: Mapping[str, str], ways: Mapping[str, Ways]
) -> bool:
    """Say whether the amount is another one than that which the deal's currency speaks of."""
    own = [_plain(header) for header in ways["amount"][0]]
    return _plain(given.get("amount", chosen.get("amount", ""))) not in own


def _kind_of(header: str, name: str, table: str) -> str:
    """Return what a header names the customer by, or the header itself."""
    for kind, ways in _CUSTOMERS[name][table].items():
        if any(_plain(header) == _plain(known) for variants in ways for known in variants):
            return kind
    return header


def _first(ways: Ways, present: Mapping[str, str], *, ours: str, label: str) -> str | None:
    """Take the first way that a file has; of one way it may have one variant."""
    for variants in ways:
        there = [present[_plain(name)] for name in variants if _plain(name) in present]
        if len(there) > 1:
            raise DataError(
                f"{label} has both {there[0]!r} and {there[1]!r}, and either may be {ours}. "
                "Export only one of them."
            )
        if there:
            return there[0]
    return None
