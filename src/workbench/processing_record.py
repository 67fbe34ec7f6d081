"""What was read, what became of it, and why it may be processed: the record that 01 prints."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from workbench import orders as order_tables
from workbench.companions import LABELS, MATCHES, Companion, free_texts, label_ids
from workbench.dialects import Fact
from workbench.formats import Style
from workbench.identifiers import DECISIONS, KINDS
from workbench.intake import Reading
from workbench.labelled_sets import DECISIONS as OF_LABELLED
from workbench.outputs import Missing, Sentence, say
from workbench.release import LEAKS

ORDERS = "Bestellungen"
NOT_GIVEN = "nicht angegeben"
NOT_SHOWN = "[nicht gezeigt]"
# A row of the record, of the reading of a source.
_COLUMNS = ["label", "value_text"]
# What a terminal or a browser would obey instead of showing it.
_UNSEEN = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
_GROUPS = {"category": "eine Spalte mit Kategorien", "channel": "eine Spalte mit Kanälen"}
# Steps of rows in which nobody is.
_NOBODY = ["missing_customer", "repeated_header"]
# Each of these and the customers in all give the others away.
_MATCHED = {*MATCHES, "customers_to_remove"} - {"customers"}
# Counts that share out the rows kept.
_SHARED_OUT = (
    "status_",
    "treatment|control|group_unreadable",
    "nps_",
    "satisfaction_answers|satisfaction_unusable",
    "running|ended$",
    "events$|others$",
)
# Those that say how many objections there are at least.
_OBJECTIONS = "status_widerspruch|objections_|customers_objected"
_BY = {"name": "am Namen", "content": "am Inhalt", "both": "an Name und Inhalt", "": ""}


def reading_facts(facts: tuple[Fact, ...]) -> pd.DataFrame:
    """List how a source is written: `label` and `value_text`, German."""
    rows = [(fact.label, fact.value) for fact in facts]
    return pd.DataFrame(rows or [("Schreibweise", "durch das Format bestimmt")], columns=_COLUMNS)


def visible(texts: pd.Series, ids: Collection[str] = ()) -> pd.Series:
    """Make texts from outside fit for a page.

    A sign that is not seen but obeyed gives way to a mark, and so does what the
    release gate would hold back: the page would not appear for the name of one
    category. The id of a customer does as well, unless it may be a year.
    """
    shown = texts.str.replace(_UNSEEN, "\ufffd", regex=True).astype("str")
    shown = free_texts(shown, ids=label_ids(ids))
    for pattern in LEAKS.values():
        shown = shown.str.replace(pattern, NOT_SHOWN, regex=True)
    return shown


def made_of(reading: Reading, column: str) -> pd.DataFrame | Missing:
    """Return what was kept of the lines by category or channel, with the share of the revenue."""
    if column not in reading.made_of:
        return Missing(_GROUPS[column])
    table = reading.made_of[column]
    total = table["revenue"].sum()
    share = table["revenue"] / total if total > 0 else float("nan")
    return table.assign(group=visible(table["group"], reading.ids), revenue_share=share)


def columns(reading: Reading) -> pd.DataFrame:
    """List the columns of every source and what becomes of each.

    Returns
    -------
    DataFrame
        `label` (the table), `column`, `kind`, `recognised_by` and `decision`,
        German.
    """
    tables = {
        ORDERS: reading.identified,
        **{LABELS[name]: companion.identified for name, companion in reading.companions.items()},
    }
    identified = pd.concat(tables, names=["label"]).reset_index("label")
    decision = identified["decision"]
    if not reading.pseudonymised:
        decision = decision.replace("pseudonymised", "used")
    return pd.DataFrame(
        {
            "label": identified["label"],
            "column": visible(identified["column"]),
            "kind": identified["kind"].map(KINDS).fillna(""),
            "recognised_by": identified["recognised_by"].map(_BY),
            "decision": decision.map(DECISIONS | OF_LABELLED),
        }
    )


def companions(reading: Reading, *, k: int) -> pd.DataFrame | Missing:
    """List the optional tables: what was read of each, and whom it speaks of.

    Returns
    -------
    DataFrame
        `label` (German), `n_read`, `n_kept` (rows), `customers` and
        `customers_known` (counts; missing where they would give fewer than `k`
        customers away, and where a table speaks of nobody).
    """
    if not reading.companions:
        return Missing("eine der freiwilligen Tabellen")
    rows = []
    for companion in reading.companions.values():
        steps, checks = _suppressed(companion, n_customers=_customers(reading), k=k)
        n = checks.set_index("code")["n"].reindex(["customers", "customers_known"])
        n_rows = steps.set_index("reason")["n_rows"]
        rows.append([LABELS[companion.name], n_rows["read"], n_rows["kept"], *n])
    return pd.DataFrame(rows, columns=["label", "n_read", "n_kept", "customers", "customers_known"])


def companion_steps(reading: Reading, *, k: int) -> pd.DataFrame:
    """List what became of the rows of each optional table.

    Returns
    -------
    DataFrame
        `label` (the table) and `reason` (German), `n_rows`, `customers` (missing
        as in `companions`) and `first_lines` (texts; empty for people who are
        left out and for small groups).
    """
    steps = pd.concat(
        _suppressed(companion, n_customers=_customers(reading), k=k).steps.assign(
            table=LABELS[companion.name], is_there=companion.balance["n_rows"] > 0
        )
        for companion in reading.companions.values()
    )
    steps = steps[steps["is_there"]]
    unnamed = steps["n_rows"].isna() | steps["reason"].isin(["erased", "objected"])
    return pd.DataFrame(
        {
            "label": steps["table"],
            "reason": steps["label"],
            "n_rows": steps["n_rows"],
            "customers": steps["customers"],
            "first_lines": steps["first_lines"].mask(unnamed, ""),
        }
    )


def companion_checks(reading: Reading, *, k: int) -> pd.DataFrame:
    """List what stands out in each optional table.

    Returns
    -------
    DataFrame
        `label` (the table), `check` (German) and `n` (missing as in
        `companions`).
    """
    checks = pd.concat(
        _suppressed(companion, n_customers=_customers(reading), k=k).checks.assign(
            table=LABELS[companion.name], is_there=companion.checks["n"] > 0
        )
        for companion in reading.companions.values()
    )
    checks = checks[checks["is_there"]]
    return pd.DataFrame({"label": checks["table"], "check": checks["label"], "n": checks["n"]})


class _Suppressed(NamedTuple):
    """Steps and checks of a table as a page may show them; what it may not is missing."""

    steps: pd.DataFrame
    checks: pd.DataFrame


def _customers(reading: Reading) -> int:
    return order_tables.extent(reading.base.stored).customers


def _suppressed(companion: Companion, *, n_customers: int, k: int) -> _Suppressed:
    """Blank each count from which fewer than `k` customers could be worked out.

    A row may be all that a customer has, so rows count like people. No count
    that stays differs by 1 to `k` - 1 from another of its table, unless the two
    share nobody, or from the customers in all, which every report shows.
    """
    steps = companion.balance.astype({"n_rows": float, "customers": float})
    checks = companion.checks.astype({"n": float})
    if "customers" not in set(checks["code"]):
        return _Suppressed(steps.assign(customers=float("nan")), checks)
    people = steps[~steps["reason"].isin(_NOBODY)]
    n_nobody = steps.loc[steps["reason"].isin(_NOBODY), "n_rows"].sum()
    few = people.index[people["customers"].between(1, k - 1)]
    read, kept = people.index[0], people.index[-1]
    counted = checks.index[checks["code"] != "satisfaction_scale"]

    shown = [float(n_customers)]

    def stay(counts: pd.Series) -> dict[int, bool]:
        """Judge counts that share nobody: what lies between two of them is no group."""
        close = {i: [n, *(abs(n - other) for other in shown)] for i, n in counts.items()}
        stays = {i: not any(0 < gap < k for gap in gaps) for i, gaps in close.items()}
        shown.extend(n for i, n in counts.items() if stays[i])
        return stays

    # What is most worth showing first. What was read is shown beside the rows of nobody.
    rows = people["n_rows"].mask(people.index == read, people["n_rows"] - n_nobody)
    rows = rows.drop(few)
    customers, n_rows, told = {}, dict.fromkeys(few, False), {}
    for i in (kept, read, *people.index[1:-1]):
        customers |= stay(people.loc[[i], "customers"])
    for i in rows.index[::-1]:
        n_rows |= stay(rows.loc[[i]])
    for parts in _SHARED_OUT:
        told |= stay(checks.loc[checks["code"].str.match(parts), "n"])
    for i in counted.difference(list(told)):
        told |= stay(checks.loc[[i], "n"])

    for column, stays in (("customers", customers), ("n_rows", n_rows)):
        # The rest of what was read is a step that is blank.
        stays[read] &= all(stays.values())
        steps.loc[[i for i in stays if not stays[i]], column] = float("nan")
    hidden = pd.Series({i: not told.get(i, True) for i in checks.index})
    for parts in _SHARED_OUT:
        shares = checks.loc[checks["code"].str.match(parts), "n"]
        hidden |= _completing(shares, hidden, is_sum_told=n_rows[kept], k=k)
    if hidden[checks["code"] == "status_widerspruch"].any():
        hidden |= checks["code"].str.match(_OBJECTIONS)
    matched = checks["code"].isin(_MATCHED)
    if hidden[matched | (checks["code"] == "customers")].any():
        hidden |= matched
    return _Suppressed(steps, checks.assign(n=checks["n"].mask(hidden)))


def _completing(parts: pd.Series, hidden: pd.Series, *, is_sum_told: bool, k: int) -> pd.Series:
    """Say which parts of a whole to blank, smallest first, until nothing completes another.

    Where their sum is told, those blank are two and hold `k` together; where
    it is not, one that is blank keeps it so.
    """
    blank = hidden[parts.index] & (parts > 0)
    for i in parts[(parts > 0) & ~blank].sort_values(kind="stable").index:
        if is_sum_told and (not blank.any() or (blank.sum() > 1 and parts[blank].sum() >= k)):
            break
        if not is_sum_told and parts[blank].sum() >= k:
            break
        blank[i] = True
    return blank.reindex(hidden.index, fill_value=False)


def record(
    reading: Reading, *, purpose: str, legal_basis: str, retention: str, k: int, style: Style
) -> pd.DataFrame:
    """Describe the processing, as a controller has to be able to.

    Parameters
    ----------
    reading : Reading
        What was read.
    purpose, legal_basis, retention : str
        In the words of who runs it; empty is said to be missing.
    k : int
        Smallest group shown.
    style : Style
        How to write numbers and days.

    Returns
    -------
    DataFrame
        `label` and `value_text`, German.

    References
    ----------
    Regulation (EU) 2016/679 (GDPR), articles 5, 13 and 30.
    """
    base = reading.base
    n_rows = reading.balance.set_index("reason")["n_rows"]
    tables = [reading.identified, *(one.identified for one in reading.companions.values())]
    found = pd.concat(tables)
    dropped = found.loc[found["decision"] == "dropped", "column"]
    unread = found.loc[found["decision"].isin(["not_read", "left_out"]), "column"]
    names = list(reading.columns.values())
    shown = "durch Pseudonyme ersetzt; der Schlüssel liegt außerhalb des Berichts"
    first_day = order_tables.extent(base.stored).first_day
    days = f"{style.date(first_day).text} bis {style.date(base.as_of).text}"
    rows = [
        ("Zweck", purpose or NOT_GIVEN),
        ("Rechtsgrundlage", legal_basis or NOT_GIVEN),
        ("Aufbewahrung", retention or NOT_GIVEN),
        ("Zeitraum der Daten", days),
        ("Eingelesene Spalten der Bestellungen", ", ".join(visible(pd.Series(names, dtype="str")))),
        ("Nicht eingelesene Spalten", ", ".join(visible(unread)) or "keine"),
        ("Als personenbezogen weggelassene Spalten", ", ".join(visible(dropped)) or "keine"),
        ("Kundennummern", shown if reading.pseudonymised else "unverändert"),
        ("Zeilen von der Löschliste", _given(reading, "erasure", n_rows["erased"], style)),
        ("Zeilen mit Widerspruch", _given(reading, "consent", n_rows["objected"], style)),
        ("Kleinste gezeigte Gruppe", f"{style.count(k).text} Kunden"),
        ("Angaben zu einzelnen Kunden", "nur im Ordner „customers“ des Laufs, nicht im Bericht"),
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _given(reading: Reading, table: str, n: int, style: Style) -> str:
    if table not in reading.companions:
        return "keine Tabelle angegeben"
    return style.count(n).text


def gaps(*, purpose: str, legal_basis: str, retention: str) -> Sentence:
    """Say what the record still lacks."""
    given = {"der Zweck": purpose, "die Rechtsgrundlage": legal_basis, "die Frist": retention}
    missing = [name for name, text in given.items() if not text]
    if not missing:
        return say("Zweck, Rechtsgrundlage und Aufbewahrung sind angegeben.")
    listed = ", ".join(missing[:-1]) + " und " * (len(missing) > 1) + missing[-1]
    verb = "fehlen" if len(missing) > 1 else "fehlt"
    return say(
        f"Noch {verb} {listed}. Wer den Bericht verantwortet, trägt das als Parameter ein; "
        "diese Seite ersetzt keine Rechtsberatung."
    )
