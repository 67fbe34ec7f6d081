"""Our names of columns to those of a source: as they are mapped, or by a preset, or a refusal."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import NamedTuple

from workbench import crm_columns
from workbench.crm_columns import Crm
from workbench.day_formats import Fact
from workbench.schema import TRANSACTIONS, DataError, ParameterError, TableForm

# What may stand for the amount of a line.
FACTORS = ("quantity", "unit_price")
# Names of columns in other languages than ours: one word stands for one column in every table.
PRESETS: dict[str, dict[str, str]] = {
    "deutsch": {
        "customer_id": "kunde_id",
        "date": "datum",
        "amount": "betrag",
        "order_id": "beleg_id",
        "product_id": "artikel",
        "category": "kategorie",
        "quantity": "menge",
        "unit_price": "einzelpreis",
        "discount": "rabatt",
        "margin": "deckungsbeitrag",
        "channel": "kanal",
        "currency": "waehrung",
        "postcode": "plz2",
        "country": "land",
        "birth_year_group": "geburtsjahr_gruppe",
        **{"age_group": "altersgruppe", "gender": "geschlecht", "occupation": "beruf"},
        **{"income_group": "einkommensgruppe", "household_size": "haushaltsgroesse"},
        "customer_type": "kundentyp",
        "first_channel": "erstkanal",
        "referred_by": "geworben_von",
        **{"programme_since": "programm_seit", "points": "punkte"},
        "status": "status",
        "source": "quelle",
        "campaign": "kampagne",
        "group": "gruppe",
        "cost": "kosten",
        "response": "reaktion",
        "nps": "nps",
        "satisfaction": "zufriedenheit",
        "comment": "kommentar",
        "received": "eingang",
        "first_response": "erstreaktion",
        "resolved": "geloest",
        "followed_up": "nachverfolgt",
        "period": "zeitraum",
        "acquisition_budget": "akquise_budget",
        "retention_budget": "bestand_budget",
        "start": "beginn",
        "end": "ende",
        "tariff": "tarif",
        "end_reason": "kuendigungsgrund",
        "label": "label",
    },
}
MAX_COLUMNS = 2000

# Only the suggestion in a refusal uses these; a column is never taken because of its name.
_COMMON_NAMES = {
    "customer_id": ("customer_id", "kunde_id", "kundennummer", "kundennr", "customer", "cust"),
    "date": ("date", "order_date", "invoice_date", "datum", "bestelldatum"),
    "amount": ("amount", "betrag", "umsatz", "revenue", "total", "dollar_value"),
    "order_id": ("order_id", "beleg_id", "bestellnummer", "bestellnr", "invoice_no"),
    "quantity": ("quantity", "menge", "anzahl", "qty"),
    "unit_price": ("unit_price", "einzelpreis", "stueckpreis", "price"),
}


class LacksColumns(DataError):
    """A source lacks columns that its table needs.

    Attributes
    ----------
    label : str
        What a user knows the source by.
    found : tuple of str
        Its columns.
    wanted : str
        Those that it lacks, under the names that would do.
    """

    def __init__(self, message: str, *, label: str, found: tuple[str, ...], wanted: str) -> None:
        super().__init__(message)
        self.label, self.found, self.wanted = label, found, wanted


class Names(NamedTuple):
    """What is asked of a table: its columns, and what they are called in the source.

    Attributes
    ----------
    form : TableForm
        Of the table; of a CRM's export with the columns that are read beside ours.
    theirs : dict
        Our names to the source's, as far as they are mapped.
    needed : tuple of str
        Columns that the user promised, beside those that the form needs.
    crm : Crm or None
        Whose headers stand for what is not mapped.
    """

    form: TableForm
    theirs: dict[str, str]
    needed: tuple[str, ...] = ()
    crm: Crm | None = None

    @property
    def headers(self) -> set[str]:
        """All headers that may stand for a column."""
        known = crm_columns.headers(self.crm.name, self.form.name) if self.crm else set()
        return known | {self.theirs.get(ours, ours) for ours in self.form.columns}


class Chosen(NamedTuple):
    """Our columns to those of one source, and what its user should know of the choice."""

    columns: dict[str, str]
    crm: Crm | None = None
    facts: tuple[Fact, ...] = ()


def names(columns: Mapping[str, str] | str | Crm, form: TableForm) -> Names:
    """Read what a user says of the columns of a table.

    Parameters
    ----------
    columns : mapping, str or Crm
        Our names to the source's, the name of a preset (one of `PRESETS` or a CRM),
        or both: a mapping with the key ``preset``, whose other names come first. A
        `Crm` is the preset of a table beside the CRM's deals.
    form : TableForm
        Which columns there are.

    Raises
    ------
    ParameterError
        If a key is not ours, or there is no such preset.
    """
    given: dict[str, str] = {}
    crm = columns if isinstance(columns, Crm) else None
    preset = columns if isinstance(columns, str) else ""
    if crm is None and not isinstance(columns, str):
        given = dict(columns)
        preset = given.pop("preset", "")
    if preset and preset not in PRESETS and preset not in crm_columns.LABELS:
        raise ParameterError(
            f"columns={preset!r} names no preset; there are: "
            f"{', '.join([*PRESETS, *crm_columns.LABELS])}. "
            "Take one of them, or a mapping of our names to yours."
        )
    crm = Crm(preset) if preset in crm_columns.LABELS else crm
    if crm and not crm_columns.has_table(form.name):
        raise ParameterError(
            f"the preset {crm.name!r} has no columns of {form.name}. Map our names to yours."
        )
    if crm:
        extra = crm_columns.extra_columns(form.name)
        form = form._replace(texts=(*form.texts, *extra))
    _check_mapping(given, form)
    # A preset offers an optional column; a mapping of the user promises it.
    return Names(form, PRESETS.get(preset, {}) | given, tuple(given), crm)


def _check_mapping(given: Mapping[str, str], form: TableForm) -> None:
    unknown = [ours for ours in given if ours not in form.columns]
    if unknown:
        raise ParameterError(
            f"columns has the keys {unknown}, which are not ours; "
            f"allowed are {list(form.columns)}. "
            "A key is our name, its value is the name in the file."
        )
    theirs = list(given.values())
    twice = sorted({name for name in theirs if theirs.count(name) > 1})
    if twice:
        raise ParameterError(f"columns maps more than one of our names to {twice}.")


def choose(found: tuple[str, ...], asked: Names, *, label: str) -> Chosen:
    """Find each of our columns under its name in the source, or say what is missing.

    Raises
    ------
    LacksColumns
        If one that is needed is not there.
    DataError
        If there are too many columns, or two that may be the same one of ours.
    """
    if len(found) > MAX_COLUMNS:
        raise DataError(
            f"{label} has {len(found)} columns, more than the {MAX_COLUMNS} that are read. "
            "Export the columns that are needed."
        )
    if asked.crm:
        return _of_crm(found, asked, asked.crm, label=label)
    wanted = {ours: asked.theirs.get(ours, ours) for ours in asked.form.columns}
    present = {ours for ours, theirs in wanted.items() if theirs in found}
    promised = present | set(asked.needed)
    needed = {*asked.form.needed, *asked.needed}
    is_transactions = asked.form.name == TRANSACTIONS.name
    if is_transactions and "amount" not in promised and promised & set(FACTORS):
        needed = needed - {"amount"} | set(FACTORS)
    chosen = {ours: theirs for ours, theirs in wanted.items() if ours in needed | present}
    missing = [theirs for theirs in chosen.values() if theirs not in found]
    if not missing:
        return Chosen(chosen)
    if not is_transactions:
        hint = f"Name its columns {', '.join(chosen)}, or as the preset 'deutsch' does."
    elif written := crm_columns.exported(found):
        hint = crm_columns.no_purchases(written)
    else:
        hint = (
            f"Map our names to yours, like columns={_suggest(chosen, found)}; "
            "quantity and unit_price may stand for the amount."
        )
    raise LacksColumns(
        f"{label} lacks {missing}; it has {list(found)}. {hint}",
        label=label,
        found=found,
        wanted=str(missing),
    )


def _of_crm(found: tuple[str, ...], asked: Names, crm: Crm, *, label: str) -> Chosen:
    """Find our columns under the headers of a CRM, or say what is missing."""
    table = asked.form.name
    chosen, customer = crm_columns.choose(
        crm, table, found, given=asked.theirs, columns=asked.form.columns, label=label
    )
    needed = crm_columns.needed(crm, table)
    missing = [ours for ours in dict.fromkeys((*needed, *asked.needed)) if ours not in chosen]
    if not missing:
        facts = crm_columns.facts(customer, table, chosen, found)
        return Chosen(chosen, customer, tuple(facts))
    wanted = "; ".join(
        repr(asked.theirs[ours])
        if ours in asked.theirs
        else f"{ours} ({', '.join(map(repr, crm_columns.offers(crm, table, ours)))})"
        for ours in missing
    )
    raise LacksColumns(
        f"{label} lacks, of {crm_columns.RECORDS[table]} from {crm_columns.LABELS[crm.name]}, "
        f"{wanted}; it has {list(found)}. {_hint(found, crm, chosen, missing, table=table)}",
        label=label,
        found=found,
        wanted=wanted,
    )


def _hint(
    found: tuple[str, ...],
    crm: Crm,
    chosen: Mapping[str, str],
    missing: list[str],
    *,
    table: str,
) -> str:
    """Say what to do about an export that lacks columns."""
    if table != TRANSACTIONS.name:
        return "Export it too."
    if written := crm_columns.exported(found):
        return crm_columns.no_purchases(written)
    others = [name for name in crm_columns.LABELS if crm_columns.is_complete(name, found)]
    if others:
        return f"Its columns are those of {others[0]}: say columns={others[0]!r}."
    lost = "Without it, lost deals would count as revenue. " if crm_columns.WON in missing else ""
    paste = {"preset": crm.name} | {ours: chosen.get(ours, "?") for ours in missing}
    return (
        f"{lost}Export what is missing, or say what it is called, like "
        f"columns={json.dumps(paste, ensure_ascii=False)}."
    )


def _suggest(chosen: Mapping[str, str], found: tuple[str, ...]) -> str:
    """Write a mapping to paste: what was found, the nearest name for the rest, or '?'."""
    free = [name for name in found if name and name not in chosen.values()]
    suggestion = {}
    for ours, theirs in chosen.items():
        near = theirs if theirs in found else _nearest(ours, theirs, free)
        free = [name for name in free if name != near]
        suggestion[ours] = near
    return json.dumps(suggestion, ensure_ascii=False)


def _nearest(ours: str, theirs: str, free: list[str]) -> str:
    plain = {name.lower().replace(" ", "_"): name for name in free}
    for wanted in (theirs, *_COMMON_NAMES.get(ours, ())):
        match = difflib.get_close_matches(wanted.lower(), plain, n=1, cutoff=0.7)
        if match:
            return plain[match[0]]
    return "?"
