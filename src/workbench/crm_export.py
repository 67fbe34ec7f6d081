"""A finished run to a folder of files that a CRM imports; ids are made readable here alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from workbench import companion_cells as cells
from workbench import (
    crm_fields,
    crm_gate,
    crm_profiles,
    intake,
    pseudonyms,
    runfolder,
    sources,
    workbook_files,
)
from workbench.crm_fields import EXTERNAL_ID, Field, HandOver
from workbench.crm_profiles import LEGAL_BASIS, LEGAL_BASIS_FIELD, Profile
from workbench.schema import DataError, ParameterError, TableForm

SCORES = Path(runfolder.PRIVATE) / "scores.parquet"
CONSENT = Path(runfolder.PRIVATE) / "table_consent.parquet"
KEYS = TableForm(
    "keys", needed=("customer_id",), ids=("customer_id", "crm_id"), texts=("email", "name")
)
_FIELD_SHEET = ("Feld", "Bezeichnung", "Typ", "Werte", "Objekt", "Anlegen")
_DICTIONARY = ("Feld", "Bezeichnung", "Bedeutung", "Meaning", "Einheit", "Spalte im Lauf")
_UNITS = {"share": "0 bis 1", "number": "Anzahl", "day": "JJJJ-MM-TT"}


class _Finished(NamedTuple):
    """A run that was published: its folder, its manifest and its scores."""

    folder: Path
    manifest: Mapping[str, Any]
    scores: pd.DataFrame


class Written(NamedTuple):
    """What an export wrote.

    Attributes
    ----------
    folder : Path
        With the files for the CRM, ``felder.xlsx`` and ``manifest.json``.
    rows : int
        Customers in it.
    left_out : DataFrame
        As `crm_gate.counts` gives it; rows and those left out are all
        customers of the run.
    """

    folder: Path
    rows: int
    left_out: pd.DataFrame


def export(
    run: Path,
    *,
    crm: str,
    keys: str = "",
    columns: Mapping[str, str] | str = {},
    channel: str = "",
    out: Path | None = None,
) -> Written:
    """Write what a run says of each customer as a CRM imports it.

    Where the run's ids are pseudonyms, the table of keys gives the ids back:
    the key of the run must be the one of today. Files are for their owner
    alone, and the folder appears whole or not at all.

    Parameters
    ----------
    run : Path
        Folder of a published run.
    crm : str
        A key of `crm_profiles.PROFILES`.
    keys : str
        Source, as in `sources.read`, of `customer_id` and what the CRM knows
        a customer by: `crm_id`, `email`, `name`. Empty where neither the run
        nor the CRM needs one.
    columns : mapping or str
        Our names of its columns to theirs.
    channel : str
        Only who may be contacted on it (a key of `crm_gate.CHANNELS`); empty:
        everybody, for fields of the CRM and not for contacting.
    out : Path, optional
        Folder to be made; ``exports/NAME-CRM-DAY`` when not given.

    Raises
    ------
    DataError
        If the folder is no published run, the keys do not fit, or nobody is left.
    ParameterError
        If a parameter is wrong, a table is missing that it asks for, or the
        folder is there already.
    """
    profile = crm_profiles.profile(crm)
    finished = _finished(run)
    about = _about(finished.manifest)
    target = _target(finished, profile, channel=channel, day=about.as_of, out=out)
    given = _keys(keys, columns=columns) if keys else None
    if given is None and finished.manifest["data"]["pseudonymised"]:
        raise ParameterError(
            "the run holds pseudonyms. Name the table that holds your customer numbers with --keys."
        )
    gate = _gate(finished, channel=channel)
    people = _people(finished, given=given, profile=profile, reason=gate.reason)
    offered = crm_fields.hand_over(finished.scores, run=about)
    if channel:
        values = offered.values.assign(**{LEGAL_BASIS: gate.legal_basis})
        offered = HandOver((*offered.fields, LEGAL_BASIS_FIELD), values)
    names, table = _written(offered, people=people, profile=profile)
    people = people.assign(reason=_without_formulas(people["reason"], table, profile=profile))
    table = table[(people["reason"] == "").to_numpy()].sort_index()
    if table.empty:
        left = crm_gate.counts(people["reason"])
        why = ", ".join(
            f"{n} {text}" for text, n in zip(left["label"], left["customers"], strict=True)
        )
        raise DataError(f"nobody is left of {len(people)} customers: {why}. Nothing was written.")
    files = _files(names, table, profile=profile, day=about.as_of)
    files["felder.xlsx"] = (None, _sheets(offered.fields, crm=crm, about=about))
    left_out = crm_gate.counts(people["reason"])
    manifest = _manifest(
        finished, crm=crm, channel=channel, files=files, names=names, left_out=left_out
    )
    _publish(target, {name: content for name, (_, content) in files.items()}, manifest)
    return Written(target, len(table), left_out)


def _finished(run: Path) -> _Finished:
    """Read a published run; its scores must be the ones that it published."""
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        stated = manifest["files"][SCORES.as_posix()]["sha256"]
        found = hashlib.sha256((run / SCORES).read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{run} is no published run: it has no manifest.json with {SCORES.as_posix()}. "
            "Name the folder that holds index.html."
        ) from error
    if found != stated:
        raise DataError(
            f"{(run / SCORES).as_posix()} is not as the run published it. Run the workbench again."
        )
    scores = intake.read_table(run / SCORES).set_index("customer_id").sort_index()
    return _Finished(run, manifest, scores)


def _about(manifest: Mapping[str, Any]) -> crm_fields.Run:
    values = manifest["parameters"]
    return crm_fields.Run(
        as_of=pd.Timestamp(manifest["data"]["as_of"]),
        version=manifest["versions"]["workbench"],
        horizon_days=int(values["horizon_days"]),
        churn_horizon_days=int(values["churn_horizon_days"]),
        currency=manifest["data"]["currency"],
    )


def _target(
    finished: _Finished, profile: Profile, *, channel: str, day: pd.Timestamp, out: Path | None
) -> Path:
    parts = (finished.manifest["data"]["name"], profile.name, channel, f"{day:%Y-%m-%d}")
    target = out or Path("exports") / "-".join(part for part in parts if part)
    target = target.expanduser().absolute()
    if target.exists():
        raise ParameterError(f"{target} is there already. Name another folder with --out.")
    if finished.folder.absolute() in target.parents:
        raise ParameterError(
            f"{target} lies in the folder of the run, which may be published. Name another folder "
            "with --out."
        )
    return target


def _keys(x: str, *, columns: Mapping[str, str] | str) -> pd.DataFrame:
    """Read the table of keys: `customer_id` and what it has of the others, without blanks."""
    source = sources.read(x, columns=columns, form=KEYS)
    found = [name for name in KEYS.columns if name in source.relation.columns]
    table = source.relation.order("line").project(", ".join(found)).df()
    source.connection.close()
    return table.apply(lambda column: cells.stripped(column.astype("str")))


def _gate(finished: _Finished, *, channel: str) -> crm_gate.Gate:
    if not channel:
        return crm_gate.open_to_all(finished.scores.index)
    if not (finished.folder / CONSENT).is_file():
        raise ParameterError(
            f"the run has no table of consents, so nobody may be contacted by {channel}. Run it "
            "with the parameter consent, or leave --channel out."
        )
    consent = intake.read_table(finished.folder / CONSENT)
    return crm_gate.for_contact(finished.scores, consent=consent, channel=channel)


def _people(
    finished: _Finished, *, given: pd.DataFrame | None, profile: Profile, reason: pd.Series
) -> pd.DataFrame:
    """Return per customer of the run the id as the firm writes it, the CRM's key, the reason."""
    people = pd.DataFrame({EXTERNAL_ID: reason.index, "reason": reason}, index=reason.index)
    usable = [name for name in profile.keys if given is not None and name in given]
    if profile.needs_key and not usable:
        raise ParameterError(
            f"{profile.label} does not know a customer by the firm's number. Name a table with "
            f"customer_id and {' or '.join(profile.keys)} with --keys."
        )
    if given is None:
        return people
    matched = given.assign(customer_id=_as_in_run(finished, given["customer_id"]))
    matched[EXTERNAL_ID] = cells.id_keys(given["customer_id"])
    matched = matched[matched["customer_id"].isin(people.index)]
    if matched.empty:
        raise DataError(
            f"none of the {len(people)} customers of the run is among the {len(given)} rows of the "
            "table of keys. Check that the ids are written as in the purchases."
        )
    often = set(matched.loc[matched["customer_id"].duplicated(), "customer_id"])
    matched = matched.drop_duplicates("customer_id").set_index("customer_id")
    is_first = people["reason"] == ""
    # A missing key comes before every other reason: of such a customer nothing can be said.
    people["reason"] = people["reason"].where(people.index.isin(matched.index), "no_key")
    people["reason"] = people["reason"].mask(is_first & people.index.isin(often), "ambiguous_key")
    people[EXTERNAL_ID] = matched[EXTERNAL_ID].reindex(people.index).fillna("")
    people["reason"] = _with_shared(people["reason"], said=reason, keys=matched)
    if usable:
        # One key for all: a CRM takes one column to find its records by.
        key = usable[0]
        people[key] = matched[key].reindex(people.index).fillna("")
        lacks = (people["reason"] == "") & (people[key] == "")
        if key == "crm_id" or profile.needs_key:
            people["reason"] = people["reason"].mask(lacks, "no_crm_key")
    return people


def _with_shared(reason: pd.Series, *, said: pd.Series, keys: pd.DataFrame) -> pd.Series:
    """Leave out whom the CRM knows by the same address as one who objected or is not contacted."""
    for name in ("crm_id", "email"):
        if name not in keys:
            continue
        key = keys[name].reindex(reason.index).fillna("").str.casefold()
        for why in ("objection", "control"):
            taken = set(key[said == why]) - {""}
            reason = reason.mask((reason == "") & key.isin(taken), why)
    return reason


def _as_in_run(finished: _Finished, ids: pd.Series) -> pd.Series:
    """Write the ids of the keys as the run does, pseudonyms where it has pseudonyms."""
    if not finished.manifest["data"]["pseudonymised"]:
        known = pd.Series(finished.scores.index, dtype="str")
        spelled = dict(zip(cells.id_keys(known), known, strict=True))
        return cells.id_keys(ids).map(lambda key: spelled.get(key, "")).astype("str")
    key = pseudonyms.key()
    if pseudonyms.fingerprint(key) != finished.manifest["data"]["key_fingerprint"]:
        raise ParameterError(
            "the run was made under another key, so its pseudonyms lead to nobody. Name the key "
            f"of the run in {pseudonyms.FILE_VARIABLE} or {pseudonyms.KEY_VARIABLE}."
        )
    spelled = cells.id_keys(ids)
    filled = spelled[spelled != ""]
    return pseudonyms.pseudonymise(filled, key=key).reindex(ids.index).fillna("")


def _written(
    offered: HandOver, *, people: pd.DataFrame, profile: Profile
) -> tuple[list[str], pd.DataFrame]:
    """Name every column as the CRM does and write every value as it reads it."""
    crm, values = profile.name, offered.values
    columns: dict[str, list[str | Decimal | None]] = {}
    for key in (name for name in profile.keys if name in people):
        texts = [crm_profiles.clean_text(text) or None for text in people[key]]
        columns[crm_profiles.KEY_HEADERS[crm, key]] = texts
    for field in offered.fields:
        given = people[EXTERNAL_ID] if field.name == EXTERNAL_ID else values[field.name]
        columns[crm_profiles.header(field, crm=crm)] = [
            crm_profiles.cell(value, field=field, crm=crm) for value in given
        ]
    table = pd.DataFrame(columns, index=pd.Index(people[EXTERNAL_ID], name=None), dtype=object)
    return list(columns), table


def _without_formulas(reason: pd.Series, table: pd.DataFrame, *, profile: Profile) -> pd.Series:
    """Leave out whose texts a spreadsheet would run; in a workbook a text never is."""
    if profile.name == "excel":
        return reason
    is_bad = table.map(lambda value: isinstance(value, str) and crm_profiles.is_formula(value))
    return reason.mask((reason == "") & is_bad.any(axis=1).to_numpy(), "formula")


def _files(
    names: Sequence[str], table: pd.DataFrame, *, profile: Profile, day: pd.Timestamp
) -> dict[str, tuple[int | None, bytes]]:
    """Return name, rows and bytes of each file of customers, none larger than the CRM takes."""
    rows = list(table.itertuples(index=False, name=None))
    if profile.name == "excel":
        sheets = {
            f"Kunden{number}": (names, part)
            for number, part in _numbered(_cut(rows, profile.max_rows))
        }
        return {"kunden.xlsx": (len(rows), workbook_files.workbook(sheets, day=day))}
    parts = list(_csv_parts(names, rows, profile=profile))
    return {f"kunden{number}.csv": part for number, part in _numbered(parts)}


def _numbered(parts: Sequence[Any]) -> list[tuple[str, Any]]:
    if len(parts) == 1:
        return [("", parts[0])]
    return [(f"-{number:03d}", part) for number, part in enumerate(parts, start=1)]


def _cut(rows: list[Any], size: int) -> list[list[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _csv_parts(
    names: Sequence[str], rows: list[tuple[Any, ...]], *, profile: Profile
) -> Iterator[tuple[int, bytes]]:
    """Write CSV with comma and LF, texts in quotes, numbers bare, in UTF-8 without a mark."""
    head = _csv_line(names)
    lines, size = [head], len(head)
    for row in rows:
        line = _csv_line([profile.null if value is None else value for value in row])
        is_full = len(lines) > profile.max_rows or size + len(line) > profile.max_bytes
        if is_full and len(lines) > 1:
            yield len(lines) - 1, b"".join(lines)
            lines, size = [head], len(head)
        lines.append(line)
        size += len(line)
    yield len(lines) - 1, b"".join(lines)


def _csv_line(values: Sequence[str | Decimal]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(values)
    return line.getvalue().encode("utf-8")


def _sheets(fields: Sequence[Field], *, crm: str, about: crm_fields.Run) -> bytes:
    """Write what an administrator has to make, and what every field means, for people to read."""
    profile = crm_profiles.profile(crm)
    to_make, meanings = [], []
    for field in fields:
        name = crm_profiles.header(field, crm=crm)
        options = "; ".join(
            crm_profiles.option(text, field=field, crm=crm) for text in field.options
        )
        there_already = crm == "hubspot" and field.name == LEGAL_BASIS
        make = "vorhanden" if there_already else "anlegen"
        kind = crm_profiles.field_type(field, crm=crm)
        to_make.append((name, field.label, kind, options, profile.record, make))
        unit = about.currency if field.kind == "money" else _UNITS.get(field.kind, "Text")
        source = field.source or "der Lauf selbst"
        meanings.append((name, field.label, field.meaning, field.meaning_en, unit, source))
    sheets = {"Felder anlegen": (_FIELD_SHEET, to_make), "Datenlexikon": (_DICTIONARY, meanings)}
    return workbook_files.workbook(sheets, day=about.as_of)


def _manifest(
    finished: _Finished,
    *,
    crm: str,
    channel: str,
    files: Mapping[str, tuple[int | None, bytes]],
    names: Sequence[str],
    left_out: pd.DataFrame,
) -> dict[str, Any]:
    data = finished.manifest["data"]
    listed = {}
    for name, (rows, content) in sorted(files.items()):
        listed[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        if rows is not None:
            listed[name] |= {"rows": rows, "columns": list(names)}
    return {
        "crm": crm,
        "channel": channel,
        "as_of": data["as_of"],
        "customers": len(finished.scores),
        "rows": sum(rows for rows, _ in files.values() if rows is not None),
        "left_out": left_out.to_dict("records"),
        "run": {
            "name": data["name"],
            "sha256": data["sha256"],
            "workbench": finished.manifest["versions"]["workbench"],
        },
        "files": listed,
    }


def _publish(target: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    """Write everything into a private folder beside, and rename it when it is whole."""
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    with runfolder.work_folder(target.parent) as work:
        for name, content in (files | {"manifest.json": text.encode()}).items():
            (work / name).write_bytes(content)
            (work / name).chmod(0o600)
        work.chmod(0o700)
        work.rename(target)
