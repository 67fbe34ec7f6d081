"""The optional tables beside the transactions: read, put into types, matched, and accounted for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from workbench import companion_cells as cells
from workbench import companion_columns as shapes
from workbench import consents, crm_columns, identifiers, sources
from workbench.column_names import PRESETS, LacksColumns
from workbench.crm_columns import Crm
from workbench.dialects import Fact
from workbench.schema import DataError, ParameterError, TableForm
from workbench.sources import Source
from workbench.transactions import COLLECTIVE, FIRST_DAY, SHOWN_LINES, SHOWN_VALUES

FORMS = {
    "customers": TableForm(
        "customers",
        needed=("customer_id",),
        ids=("customer_id", "referred_by"),
        days=("programme_since",),
        numbers=("points",),
        texts=("postcode", "country", *shapes.GROUPS_OF_PEOPLE, "first_channel"),
    ),
    "consent": TableForm(
        "consent",
        needed=("customer_id", "channel", "status"),
        ids=("customer_id",),
        days=("date",),
        texts=("channel", "status", "source"),
    ),
    "erasure": TableForm("erasure", needed=("customer_id",), ids=("customer_id",)),
    "contacts": TableForm(
        "contacts",
        needed=("customer_id", "date"),
        ids=("customer_id",),
        days=("date",),
        numbers=("cost",),
        texts=("channel", "campaign", "group", "response"),
    ),
    "survey": TableForm(
        "survey",
        needed=("customer_id", "date"),
        ids=("customer_id",),
        days=("date",),
        numbers=("nps", "satisfaction"),
        texts=("comment",),
    ),
    "complaints": TableForm(
        "complaints",
        needed=("customer_id", "received"),
        ids=("customer_id",),
        days=("received", "first_response", "resolved"),
        texts=("category", "followed_up"),
    ),
    "contracts": TableForm(
        "contracts",
        needed=("customer_id", "start"),
        ids=("customer_id",),
        days=("start", "end"),
        texts=("tariff", "end_reason"),
        open_days=("end",),
    ),
    "budget": TableForm(
        "budget",
        needed=("period", "acquisition_budget", "retention_budget"),
        numbers=("acquisition_budget", "retention_budget"),
        texts=("period", "channel"),
    ),
}
LABELS = {
    "customers": "Kundenstamm",
    "consent": "Einwilligungen",
    "erasure": "Löschliste",
    "contacts": "Kontakte",
    "survey": "Befragung",
    "complaints": "Beschwerden",
    "contracts": "Verträge",
    "labelled": "Datensatz mit Label",
    "budget": "Budgets",
}
# Why a row is not in the table, in the order in which the reasons are given.
REASONS = {
    "missing_customer": "ohne Kundennummer",
    "repeated_header": "wiederholte Kopfzeile",
    "collective_customer": "Sammelkunde",
    "several_customers": "mehrere Kundennummern in einer Zelle",
    "erased": "auf der Löschliste",
    "objected": "Widerspruch gegen die Profilbildung",
    "not_done": "geplant, aber nicht erledigt",
    "incoming": "vom Kunden ausgegangen",
    "no_status": "ohne Status",
    "no_channel": "ohne Kanal",
    "no_label": "ohne Label",
    "no_day": "ohne Datum",
    "not_a_day": "Datum ist kein Tag",
    "before_first": f"vor dem {FIRST_DAY:%d.%m.%Y}",
    "after_as_of": "nach dem Stichtag",
    "end_not_a_day": "Ende ist kein Tag",
    "ended_before_start": "endet vor dem Beginn",
    "duplicate": "exakt doppelte Zeile",
    "superseded": "durch eine andere Angabe überholt",
}
MATCHES = {
    "customers": "Kunden in der Tabelle",
    "customers_known": "davon mit Bestellungen",
    "customers_unknown": "davon ohne Bestellungen, zum Beispiel Interessenten",
    "customers_unknown_alike": (
        "davon bis auf führende Nullen oder Großschreibung gleich einem Kunden mit Bestellungen"
    ),
    "customers_without_row": "Kunden mit Bestellungen, die in der Tabelle fehlen",
}
# Label of every count, by its code.
CHECKS = MATCHES | shapes.CHECKS

_PEOPLE = ("missing_customer", "repeated_header", "collective_customer", "erased")
# Only the exports of a CRM are judged by these.
_OF_CRM = ("several_customers", "not_done", "incoming")
_DAYS = ("no_day", "not_a_day", "before_first", "after_as_of")
_EVENTS = (*_PEOPLE, "objected", *_DAYS, "duplicate")
_REASONS_OF = {
    "customers": (*_PEOPLE, "objected", "duplicate"),
    "consent": (*_PEOPLE, "no_status", "no_channel", *_DAYS, "superseded"),
    "erasure": ("missing_customer", "repeated_header", "duplicate"),
    "contacts": _EVENTS,
    "survey": _EVENTS,
    "complaints": _EVENTS,
    "contracts": (*_EVENTS[:-1], "end_not_a_day", "ended_before_start", "duplicate"),
    "labelled": (*_PEOPLE, "objected", "no_label", "duplicate"),
    "budget": ("repeated_header", "after_as_of", "duplicate"),
}
_COLLECTIVE = rf"^(?:{'|'.join(COLLECTIVE)})(?:$|[^a-zäöüß])"
# Texts in which anything may stand; a customer's number has no business in them.
_FREE_TEXTS = {
    "customers": ("country", *shapes.GROUPS_OF_PEOPLE, "first_channel"),
    "consent": ("channel", "source"),
    "contacts": ("channel", "campaign", "reaction"),
    "complaints": ("category",),
    "contracts": ("tariff", "end_reason"),
    "budget": ("channel",),
}
_YEAR = re.compile(r"(?:19|20)\d\d")
# The day that a row belongs to.
_DAY_OF = {"consent": "date", "contacts": "date", "survey": "date", "complaints": "received"}
_DAY_OF |= {"contracts": "start"}


class Companion(NamedTuple):
    """An optional table up to a day, and how it comes from the rows that were read.

    Attributes
    ----------
    name : str
        A key of `FORMS`.
    table : DataFrame
        Every column of the form, missing where the source has none, and those
        that its function in `companion_columns` adds. Sorted by its columns
        in order; of ``customers`` the index is `customer_id`. An id that the
        transactions have is written as they write it. In texts, ids, addresses
        and numbers that name a person give way to marks.
    checks : DataFrame
        `code`, `label` (German) and `n`: first the keys of `MATCHES`, then
        what stands out in the table's own columns. They overlap. Codes that
        start with ``customers`` count people.
    balance : DataFrame
        First row ``read``, then one row per reason, last row ``kept``;
        read = dropped + kept, in lines of the source: one consent to two
        channels is one line.

        - `reason` (str): ``read``, a key of `REASONS`, or ``kept``
        - `label` (str): the same in German
        - `n_rows` (int), `share` (float): rows, and as a share of those read
        - `customers` (int): customers among those rows
        - `first_lines` (str): the first line numbers of what was dropped
        - `values` (str): for days that are none, what stands there
    label, sha256, n_rows
        Of the source, as in `sources.Source`.
    facts : tuple of Fact
        What its user should know of the reading.
    identified : DataFrame
        As in `identifiers.judge`: which columns name a person, by their names.
    left_out : DataFrame
        Of ``contacts``: `campaign`, `group` and `customers`, how many of those
        in it are erased or objected, whatever the day. Of others: no row.
    opt_outs : DataFrame
        Of ``contacts``: `customer_id`, `channel` and `date` of contacts whose
        customer wanted no more of them, whatever the day. Of others: no row.
    """

    name: str
    table: pd.DataFrame
    checks: pd.DataFrame
    balance: pd.DataFrame
    label: str
    sha256: str
    n_rows: int
    facts: tuple[Fact, ...]
    identified: pd.DataFrame
    left_out: pd.DataFrame
    opt_outs: pd.DataFrame


def read(
    name: str,
    x: str | Path,
    *,
    known_customers: Iterable[str],
    as_of: pd.Timestamp,
    columns: Mapping[str, str] | str | None = None,
    dialect: Mapping[str, str] | None = None,
    crm: Crm | None = None,
    erased: Iterable[str] = (),
    objected: Iterable[str] = (),
) -> Companion:
    """Read one of the optional tables as it was known on a day.

    What happened after `as_of` changes nothing: such rows are left out, and so
    are later days in a row that stays. A complaint that was resolved later is
    open. The order of the rows does not matter.

    Parameters
    ----------
    name : str
        Which table, a key of `FORMS`.
    x : str or Path
        A source, as in `sources.read`. It may have no rows.
    known_customers : iterable of str
        Ids as the transactions write them; compared by `id_keys`.
    as_of : Timestamp
        Last day that counts.
    columns : mapping or str, optional
        Our names to the source's, or a preset. Left out, the header must hold
        what is needed under our names, or else under the German ones of
        ``column_names.PRESETS["deutsch"]``, or else under those of `crm`.
    dialect : mapping, optional
        As in `sources.read`.
    crm : Crm, optional
        The CRM that the transactions are from, and how its deals name the
        customer: so must its other tables.
    erased : iterable of str
        Ids that may stand in no table; their rows are dropped, also as
        `referred_by`. An erasure list itself is never thinned.
    objected : iterable of str
        The same for those of `consents.objected`; consents are kept.

    Returns
    -------
    Companion

    Raises
    ------
    DataError
        If the source cannot be read, lacks a column in both languages, holds
        two different rows for one customer or overlapping budgets, a status
        that is unknown, or a column of which most cells are not what they
        should be; or if a table of a CRM knows none of the customers of its deals.
    ParameterError
        If `name` is unknown, or as in `sources.read`.
    """
    if name not in FORMS:
        raise ParameterError(f"name={name!r} must be one of {', '.join(FORMS)}.")
    source = _source(FORMS[name], x, columns=columns, dialect=dialect, crm=crm)
    companion = assemble(
        name,
        source,
        form=FORMS[name],
        shape=_SHAPES[name],
        known_customers=known_customers,
        as_of=as_of,
        erased=erased,
        objected=objected,
    )
    if source.crm:
        _check_matched(companion, source)
    return companion


def assemble(
    name: str,
    source: Source,
    *,
    form: TableForm,
    shape: Callable[..., shapes.Shaped],
    known_customers: Iterable[str],
    as_of: pd.Timestamp,
    erased: Iterable[str],
    objected: Iterable[str],
) -> Companion:
    """Judge the rows of a source, make values of them, and account for both.

    Parameters
    ----------
    name : str
        A key of `LABELS`.
    source : Source
        What was read; its connection is closed.
    form : TableForm
        What it may hold.
    shape : callable
        Takes the rows as text, `source` and `as_of`, and gives values and counts.
    known_customers, as_of, erased, objected
        As in `read`.
    """
    gone = {"erased": _keys(erased), "objected": _keys(objected)}
    ordering = set(known_customers)
    named = ordering.union(*gone.values())
    gone = {reason: keys for reason, keys in gone.items() if reason in _REASONS_OF[name]}
    known = pd.Series(sorted(ordering), dtype="str")
    known = known[~cells.id_keys(known).isin(set().union(*gone.values()))]
    rows = _judge(_rows(source, form, known), gone, source=source, name=name)
    rows, counts = shape(rows, source=source, as_of=as_of)

    columns_shown = [*form.columns, *_ADDED.get(name, ())]
    table = rows.loc[rows["reason"] == "", columns_shown]
    ids = named.union(rows.get("customer_id", ()))
    texts = _FREE_TEXTS.get(name, [text for text in form.texts if text != "label"])
    table = _without_ids(table, ids, texts=texts, name=name)
    left_out = _without_ids(
        _left_out(rows, as_of=as_of, name=name), ids, texts=("campaign",), name=name
    )
    table = table.sort_values(columns_shown, ignore_index=True)
    if "customer_id" in table:
        counts = _matches(table["customer_id"], known, name=name) | counts
    return Companion(
        name=name,
        table=table.set_index("customer_id") if name == "customers" else table,
        checks=pd.DataFrame(
            {
                "code": list(counts),
                "label": [CHECKS[code] for code in counts],
                "n": pd.Series(list(counts.values()), dtype="int64"),
            }
        ),
        balance=_balance(rows, name=name, of_crm=source.crm is not None),
        label=source.label,
        sha256=source.sha256,
        n_rows=source.n_rows,
        facts=source.facts,
        identified=identifiers.judge(source.columns_found, used=source.columns, samples={}),
        left_out=left_out,
        opt_outs=_opt_outs(rows, name=name),
    )


def check_reach(listed: Iterable[str], known: Iterable[str], *, what: str) -> None:
    """Refuse a list that misses customers only because its ids are written in another way.

    A spreadsheet takes the zeros off ``00123``; the list then removes nobody,
    and nothing else would say so.

    Parameters
    ----------
    listed : iterable of str
        Ids of customers who are to be removed.
    known : iterable of str
        Ids of all customers, as the transactions write them.
    what : str
        What lists them, for the message.

    Raises
    ------
    DataError
        If listed ids match no customer by `id_keys`, but one up to leading
        zeros, capitals or the form of a letter. No id is shown.
    """
    keys, customers = (
        pd.Series(sorted(_keys(ids)), dtype="str") for ids in (list(listed), list(known))
    )
    missed = keys[~keys.isin(customers)]
    alike = missed[_loose(missed).isin(set(_loose(customers)))]
    if alike.empty:
        return
    zeros = int(alike.str.lstrip("0").isin(set(customers.str.lstrip("0"))).sum())
    raise DataError(
        f"{len(alike)} of {len(keys)} ids of {what} match no customer as they are written, but "
        f"one up to leading zeros ({zeros}), or capitals or the form of a letter "
        f"({len(alike) - zeros}). Write them as the transactions do; take out those that mean "
        "somebody else."
    )


def free_texts(texts: pd.Series, *, ids: Iterable[str]) -> pd.Series:
    """Replace what names a person in texts: ids as whole words, addresses, long numbers.

    Parameters
    ----------
    texts : Series of str
        May have missing values.
    ids : iterable of str
        Customers; those of fewer than 4 characters stay.

    Examples
    --------
    >>> free_texts(pd.Series(["Nr KD-4711, anna@example.org"]), ids=["KD-4711"]).tolist()
    ['Nr [Kundennummer], [E-Mail]']
    """
    hide = cells.id_hider(ids)

    def clean(text: str) -> str:
        # An id within an address would tear it, and what is left would not be known as one.
        shown, end = [], 0
        for place in identifiers.locate(text):
            shown += [hide(text[end : place.start]), text[place.start : place.end]]
            end = place.end
        return identifiers.scrub("".join([*shown, hide(text[end:])]))

    cleaned = {text: clean(text) for text in texts.dropna().unique()}
    return texts.map(cleaned, na_action="ignore").astype(texts.dtype)


def label_ids(ids: Iterable[str]) -> list[str]:
    """Return the ids that tell a customer within a label: „Sommer 2024" names none.

    Examples
    --------
    >>> label_ids(["2024", "4711", "K-2024"])
    ['4711', 'K-2024']
    """
    return [text for text in ids if not _YEAR.fullmatch(text.strip())]


def _without_ids(
    table: pd.DataFrame, ids: set[str], *, texts: Iterable[str], name: str
) -> pd.DataFrame:
    """Clean the texts of a table; a comment needs no year that is a customer's number."""
    wanted = ids if name == "survey" else label_ids(sorted(ids))
    return table.assign(**{column: free_texts(table[column], ids=wanted) for column in texts})


def _source(
    form: TableForm,
    x: str | Path,
    *,
    columns: Mapping[str, str] | str | None,
    dialect: Mapping[str, str] | None,
    crm: Crm | None,
) -> Source:
    """Read a source under the names given, or else under ours, the German ones or a CRM's."""
    if columns is not None:
        return sources.read(x, columns=columns, dialect=dialect, form=form)
    refusals = []
    crms = [crm] if crm and crm_columns.has_table(form.name) else []
    for names in ({}, "deutsch", *crms):
        # Columns are sought before anything else; a refusal for another reason is the one to show.
        try:
            return sources.read(x, columns=names, dialect=dialect, form=form)
        except LacksColumns as error:
            refusals.append(error)
    first, last = refusals[0], refusals[-1]
    of_crm = f" nor, of {crm_columns.LABELS[crms[0].name]}, {last.wanted}" if crms else ""
    optional = [name for name in form.columns if name not in form.needed]
    raise DataError(
        f"{first.label} has neither the columns {list(form.needed)} nor, in German, "
        f"{[PRESETS['deutsch'][name] for name in form.needed]}{of_crm}; it has "
        f"{list(first.found)}. "
        f"Rename its columns, all in one language; it may also have {optional}."
    ) from first


def _check_matched(companion: Companion, source: Source) -> None:
    """Refuse a table of a CRM in which nobody is a customer of the deals: it names others."""
    n = companion.checks.set_index("code")["n"]
    if n["customers"] == 0 or n["customers_known"] > 0:
        return
    raise DataError(
        f"none of the {n['customers']} customers in {source.label}, by "
        f"{source.columns['customer_id']!r}, has won deals. Export the records that the deals name "
        "as customers, with the ids that the deals have."
    )


def _rows(source: Source, form: TableForm, known: pd.Series) -> pd.DataFrame:
    """Return the rows of a source as text, with every column of the form, by line."""
    # pandas has no number as wide as the fingerprint, of which half tells enough rows apart.
    half = "(fingerprint & 18446744073709551615)::UBIGINT"
    relation = source.relation.project(f"* REPLACE ({half} AS fingerprint)")
    rows = relation.df().sort_values("line", ignore_index=True)
    source.connection.close()
    texts = dict.fromkeys((*form.columns, *source.columns), "str")
    rows = rows.reindex(columns=["line", "fingerprint", *texts], fill_value="").astype(texts)
    for column in form.ids:
        rows[column] = _spelled(rows[column], known)
        if source.crm:
            rows[column] = crm_columns.same_ids(rows[column], known, crm=source.crm)
    day_text = rows[_DAY_OF[form.name]] if form.name in _DAY_OF else ""
    return rows.assign(reason="", day_text=day_text).astype({"reason": "str", "day_text": "str"})


def _spelled(ids: pd.Series, known: pd.Series) -> pd.Series:
    """Write each id as the transactions do, where they have it."""
    keys = cells.id_keys(ids)
    spelling = dict(zip(cells.id_keys(known)[::-1], known[::-1], strict=True))
    respelled = keys.map(lambda key: spelling.get(key, key)).astype("str")
    return ids.where(ids.isin(known), respelled)


def _judge(
    rows: pd.DataFrame, gone: Mapping[str, set[str]], *, source: Source, name: str
) -> pd.DataFrame:
    """Leave out rows of nobody, repeated headers, and those of customers to be removed."""
    is_header = pd.Series(True, index=rows.index)
    for ours, theirs in source.columns.items():
        is_header &= cells.stripped(rows[ours]) == theirs
    if "customer_id" not in rows:
        return cells.dropped(rows, "repeated_header", is_header)
    keys = cells.id_keys(rows["customer_id"])
    nobody = cells.is_blank(keys)
    rows = cells.dropped(rows, "missing_customer", nobody)
    rows = cells.dropped(rows, "repeated_header", is_header)
    if "collective_customer" in _REASONS_OF[name]:
        rows = cells.dropped(
            rows, "collective_customer", keys.str.lower().str.contains(_COLLECTIVE)
        )
    if source.crm:
        rows = _judge_export(rows, keys)
    for reason, removed in gone.items():
        rows = cells.dropped(rows, reason, keys.isin(removed))
    if "referred_by" in rows:
        is_gone = rows["referred_by"].isin(set().union(*gone.values()))
        rows = rows.assign(
            referred_by=rows["referred_by"].mask(is_gone, ""), referrer_removed=is_gone
        )
    return rows


def _judge_export(rows: pd.DataFrame, keys: pd.Series) -> pd.DataFrame:
    """Leave out rows of a CRM that name several customers, or that are no contact by the firm."""
    rows = cells.dropped(rows, "several_customers", keys.str.fullmatch(crm_columns.SEVERAL))
    if crm_columns.DONE in rows:
        done = cells.stripped(rows[crm_columns.DONE]).str.lower()
        rows = cells.dropped(rows, "not_done", ~done.isin(crm_columns.DONE_WORDS))
    if crm_columns.DIRECTION in rows:
        direction = cells.stripped(rows[crm_columns.DIRECTION]).str.lower()
        rows = cells.dropped(rows, "incoming", direction.isin(crm_columns.INCOMING_WORDS))
    return rows


def _matches(ids: pd.Series, known: pd.Series, *, name: str) -> dict[str, int]:
    """Count how many customers of a table have orders, and the other way round."""
    customers = pd.Series(sorted(set(ids)), dtype="str")
    unknown = customers[~customers.isin(known)]
    alike = _loose(unknown).isin(set(_loose(known)))
    counts = {
        "customers": len(customers),
        "customers_known": len(customers) - len(unknown),
        "customers_unknown": len(unknown),
        "customers_unknown_alike": int(alike.sum()),
    }
    if name == "erasure":
        return counts | {"customers_to_remove": len(consents.found_among(known, listed=customers))}
    known_keys = cells.id_keys(known)
    without = ~known_keys.isin(set(cells.id_keys(customers)))
    return counts | {"customers_without_row": int(without.sum())}


def _left_out(rows: pd.DataFrame, *, as_of: pd.Timestamp, name: str) -> pd.DataFrame:
    """Count by campaign and group whom a log of contacts names and no table may hold."""
    columns = ["campaign", "group"]
    if name != "contacts":
        return pd.DataFrame(columns=[*columns, "customers"], dtype="str")
    gone = rows[rows["reason"].isin(["erased", "objected"]) & (rows["date"] <= as_of)]
    counts = gone.assign(customer_id=cells.id_keys(gone["customer_id"])).groupby(columns)
    return counts["customer_id"].nunique().rename("customers").reset_index()


def _opt_outs(rows: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """Name who unsubscribed: what somebody does not want holds from any day on."""
    columns = ["customer_id", "channel", "date"]
    if name != "contacts":
        return pd.DataFrame(columns=columns)
    still_here = rows["reason"].isin(["", "after_as_of"])
    told = rows.loc[still_here & consents.opted_out(rows["reaction"]), columns]
    return told.sort_values(columns, ignore_index=True)


def _loose(ids: pd.Series) -> pd.Series:
    return cells.id_keys(ids).str.normalize("NFKC").str.casefold().str.lstrip("0")


def _keys(ids: Iterable[str]) -> set[str]:
    return set(cells.id_keys(pd.Series(list(ids), dtype="str")))


def _balance(rows: pd.DataFrame, *, name: str, of_crm: bool) -> pd.DataFrame:
    """Count the rows by reason, in the order in which the reasons are given."""
    balance = []
    # A line that became two rows is kept where one of them is.
    rows = rows.sort_values(["line", "reason"]).drop_duplicates("line")
    labels = {"read": "gelesen", **REASONS, "kept": "behalten"}
    reasons = [*_REASONS_OF[name]]
    if of_crm:
        before = reasons.index("erased")
        reasons[before:before] = _OF_CRM
    for reason in ("read", *reasons, "kept"):
        part = rows if reason == "read" else rows[rows["reason"] == reason.replace("kept", "")]
        people = part[~part["reason"].isin(["missing_customer", "repeated_header"])]
        bad_days = part.head(SHOWN_VALUES) if reason == "not_a_day" else part.head(0)
        lines = part["line"].head(SHOWN_LINES) if reason in REASONS else []
        balance.append(
            {
                "reason": reason,
                "label": labels[reason],
                "n_rows": len(part),
                "share": len(part) / len(rows) if len(rows) else 0.0,
                "customers": people["customer_id"].nunique() if "customer_id" in rows else 0,
                "first_lines": ", ".join(map(str, lines)),
                "values": cells.shown(bad_days, "day_text"),
            }
        )
    return pd.DataFrame(balance)


_SHAPES: dict[str, Callable[..., shapes.Shaped]] = {
    "customers": shapes.customers,
    "consent": shapes.consent,
    "erasure": shapes.erasure,
    "contacts": shapes.contacts,
    "survey": shapes.survey,
    "complaints": shapes.complaints,
    "contracts": shapes.contracts,
    "budget": shapes.budget,
}
_ADDED = {
    "contacts": ("reaction",),
    "complaints": ("is_open", "in_order"),
    "budget": ("first_day", "last_day"),
}
