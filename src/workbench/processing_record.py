"""What was read, what became of it, and why it may be processed: the record that 01 prints."""

from __future__ import annotations

import pandas as pd

from workbench.companions import LABELS
from workbench.dialects import Fact
from workbench.formats import Style
from workbench.identifiers import DECISIONS, KINDS, scrub
from workbench.intake import Reading
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
_BY = {"name": "am Namen", "content": "am Inhalt", "both": "an Name und Inhalt", "": ""}


def reading_facts(facts: tuple[Fact, ...]) -> pd.DataFrame:
    """List how a source is written: `label` and `value_text`, German."""
    rows = [(fact.label, fact.value) for fact in facts]
    return pd.DataFrame(rows or [("Schreibweise", "durch das Format bestimmt")], columns=_COLUMNS)


def visible(texts: pd.Series) -> pd.Series:
    """Make texts from outside fit for a page.

    A sign that is not seen but obeyed gives way to a mark, and so does what the
    release gate would hold back: the page would not appear for the name of one
    category.
    """
    shown = texts.str.replace(_UNSEEN, "\ufffd", regex=True).map(scrub).astype("str")
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
    return table.assign(group=visible(table["group"]), revenue_share=share)


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
            "decision": decision.map(DECISIONS),
        }
    )


def companions(reading: Reading, *, k: int) -> pd.DataFrame | Missing:
    """List the optional tables: what was read of each, and whom it speaks of.

    Returns
    -------
    DataFrame
        `label` (German), `n_read`, `n_kept` (rows), `customers` and
        `customers_known` (counts; missing where they or their rest are fewer
        than `k`).
    """
    if not reading.companions:
        return Missing("eine der freiwilligen Tabellen")
    rows = []
    for companion in reading.companions.values():
        n = companion.checks.set_index("code")["n"].reindex(["customers", "customers_known"])
        there, known = (float(count) for count in n)
        small = 0 < there < k or 0 < known < k or 0 < there - known < k
        rows.append(
            {
                "label": LABELS[companion.name],
                "n_read": companion.n_rows,
                "n_kept": int(companion.balance["n_rows"].iloc[-1]),
                "customers": float("nan") if 0 < there < k else there,
                "customers_known": float("nan") if small else known,
            }
        )
    return pd.DataFrame(rows, columns=["label", "n_read", "n_kept", "customers", "customers_known"])


def companion_steps(reading: Reading, *, k: int) -> pd.DataFrame:
    """List what became of the rows of each optional table.

    Returns
    -------
    DataFrame
        `label` (the table) and `reason` (German), `n_rows`, `customers` (missing
        where fewer than `k`) and `first_lines` (texts; empty for people who are
        left out and for small groups).
    """
    steps = pd.concat(
        companion.balance[companion.balance["n_rows"] > 0].assign(table=LABELS[companion.name])
        for companion in reading.companions.values()
    )
    small = (steps["customers"] > 0) & (steps["customers"] < k)
    # Together with the steps that are shown, what was read would give a small one away.
    exposed = steps["table"].isin(steps.loc[small, "table"]) & (steps["reason"] == "read")
    unnamed = small | steps["reason"].isin(["erased", "objected"])
    return pd.DataFrame(
        {
            "label": steps["table"],
            "reason": steps["label"],
            "n_rows": steps["n_rows"],
            "customers": steps["customers"].astype(float).mask(small | exposed),
            "first_lines": steps["first_lines"].mask(unnamed, ""),
        }
    )


def companion_checks(reading: Reading, *, k: int) -> pd.DataFrame:
    """List what stands out in each optional table: `label`, `check` (German) and `n`."""
    checks = pd.concat(
        companion.checks[companion.checks["n"] > 0].assign(table=LABELS[companion.name])
        for companion in reading.companions.values()
    )
    small = checks["code"].str.startswith("customers") & (checks["n"] < k)
    # All customers less one part are the other part.
    halves = checks["code"].isin(["customers_known", "customers_unknown"])
    small |= halves & checks["table"].isin(checks.loc[small & halves, "table"])
    return pd.DataFrame(
        {
            "label": checks["table"],
            "check": checks["label"],
            "n": checks["n"].astype(float).mask(small),
        }
    )


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
    unread = found.loc[found["decision"] == "not_read", "column"]
    names = list(reading.columns.values())
    shown = "durch Pseudonyme ersetzt; der Schlüssel liegt außerhalb des Berichts"
    days = f"{style.date(base.orders['date'].min()).text} bis {style.date(base.as_of).text}"
    rows = [
        ("Zweck", purpose or NOT_GIVEN),
        ("Rechtsgrundlage", legal_basis or NOT_GIVEN),
        ("Aufbewahrung", retention or NOT_GIVEN),
        ("Zeitraum der Daten", days),
        ("Verwendete Spalten", ", ".join(visible(pd.Series(names, dtype="str")))),
        ("Nicht eingelesene Spalten", ", ".join(visible(unread)) or "keine"),
        ("Als personenbezogen weggelassene Spalten", ", ".join(visible(dropped)) or "keine"),
        ("Kundennummern", shown if reading.pseudonymised else "unverändert"),
        ("Zeilen von der Löschliste", style.count(n_rows["erased"]).text),
        ("Zeilen mit Widerspruch", style.count(n_rows["objected"]).text),
        ("Kleinste gezeigte Gruppe", f"{style.count(k).text} Kunden"),
        ("Angaben zu einzelnen Kunden", "nur im Ordner „customers“ des Laufs, nicht im Bericht"),
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


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
