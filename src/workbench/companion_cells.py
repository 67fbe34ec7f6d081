"""One cell of an optional table: text to an id, a day, a number or a choice, or a refusal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from workbench.schema import DataError
from workbench.sources import Source
from workbench.transactions import FIRST_DAY, MISSING, SHOWN_LINES

SHOWN_CHARACTERS = 30
# Shorter ids are words and figures of every text.
LEAST_ID_CHARACTERS = 4
ID_MARK = "[Kundennummer]"

# Also the byte order mark and the blank without width, which Python does not count as blanks.
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\ufeff"
_DAY = r"[12]\d{3}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_PIECES = re.compile(r"\w+|\W")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def stripped(texts: pd.Series) -> pd.Series:
    """Take every kind of blank off both ends."""
    return texts.str.strip(_BLANKS)


def id_keys(ids: pd.Series) -> pd.Series:
    """Return what an id is compared by: without blanks around it and the ``.0`` of a float.

    An umlaut of one sign is one of two. Leading zeros and capitals count:
    ``00123`` and ``123`` are two customers.

    Examples
    --------
    >>> id_keys(pd.Series([" 12345.0", "00123\u00a0", "K-1.0"])).tolist()
    ['12345', '00123', 'K-1.0']
    """
    composed = stripped(ids.astype("str")).str.normalize("NFC")
    return composed.str.replace(r"^([0-9]+)\.0+$", r"\1", regex=True)


def id_hider(ids: Iterable[str]) -> Callable[[str], str]:
    """Return what replaces each of the ids that stands as whole words in a text.

    Capitals do not matter; an id of fewer than `LEAST_ID_CHARACTERS` stays.

    Examples
    --------
    >>> id_hider(["KD-4711", "123"])("Nr. kd-4711, nicht KD-47110 oder 123")
    'Nr. [Kundennummer], nicht KD-47110 oder 123'
    """
    wanted = set(id_keys(pd.Series(list(ids), dtype="str")))
    wanted = {key.casefold() for key in wanted if len(key) >= LEAST_ID_CHARACTERS}
    lengths: dict[str, set[int]] = {}
    for key in wanted:
        pieces = _PIECES.findall(key)
        lengths.setdefault(pieces[0], set()).add(len(pieces))

    def hide(text: str) -> str:
        written = _PIECES.findall(unicodedata.normalize("NFC", text))
        pieces = [piece.casefold() for piece in written]
        if lengths.keys().isdisjoint(pieces):
            return text
        shown, start = [], 0
        while start < len(pieces):
            # The longest first: of two ids one may begin the other.
            for n in sorted(lengths.get(pieces[start], ()), reverse=True):
                if "".join(pieces[start : start + n]) in wanted:
                    shown.append(ID_MARK)
                    start += n
                    break
            else:
                shown.append(written[start])
                start += 1
        return "".join(shown)

    return hide


def is_blank(texts: pd.Series) -> pd.Series:
    """Say where nothing stands, or what stands for nothing, as in `transactions.MISSING`."""
    return texts.str.lower().isin(MISSING)


def filled(texts: pd.Series) -> pd.Series:
    """Return the texts, missing where `is_blank`."""
    return texts.mask(is_blank(texts))


def days(texts: pd.Series) -> pd.Series:
    """Read ISO days, with or without a time of day; what is none is missing."""
    fits = texts.str.fullmatch(_DAY)
    moments = pd.to_datetime(texts.where(fits), format="ISO8601", errors="coerce")
    return moments.astype("datetime64[us]")


def numbers(texts: pd.Series) -> pd.Series:
    """Read numbers with a decimal point; what is none is missing."""
    return pd.to_numeric(texts.where(texts.str.fullmatch(_NUMBER)), errors="coerce").astype(float)


def chosen(texts: pd.Series, known: Mapping[str, object]) -> pd.Series:
    """Look up what a text in lower case means; what is unknown is missing."""
    return stripped(texts).str.lower().astype(object).map(known)


def unread(texts: pd.Series, values: pd.Series) -> pd.Series:
    """Say where something stands of which no value could be made."""
    return values.isna() & ~is_blank(texts)


def dropped(rows: pd.DataFrame, reason: str, where: pd.Series) -> pd.DataFrame:
    """Give a reason to those of some rows that have none yet.

    Parameters
    ----------
    rows : DataFrame
        `reason` (str): why a row is left out, or ''.
    reason : str
        A key of `companions.REASONS`.
    where : Series of bool
        May lack rows; those stay as they are.
    """
    where = where.reindex(rows.index, fill_value=False) & (rows["reason"] == "")
    return rows.assign(reason=rows["reason"].mask(where, reason))


def kept(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without a reason to leave them out."""
    return rows[rows["reason"] == ""]


def judged_days(
    rows: pd.DataFrame, column: str, *, as_of: pd.Timestamp
) -> tuple[pd.Series, pd.Series]:
    """Read a column of days, and say why one cannot count; '' where it can."""
    day = days(rows[column])
    reasons = pd.Series("", index=rows.index, dtype="str")
    reasons = reasons.mask(day < FIRST_DAY, "before_first")
    reasons = reasons.mask(day.dt.normalize() > as_of, "after_as_of")
    reasons = reasons.mask(day.isna(), "not_a_day")
    return day, reasons.mask(is_blank(rows[column]), "no_day")


def check_mostly(
    rows: pd.DataFrame, column: str, *, bad: pd.Series, what: str, source: Source
) -> None:
    """Refuse a column of which more than half of the kept, filled cells are bad.

    Parameters
    ----------
    rows : DataFrame
        `line`, `reason`, and the column as text.
    column : str
        Our name.
    bad : Series of bool
        Which cells cannot be used; an empty one may be among them.
    what : str
        What the cells should be, for the message.
    source : Source
        Where they are from.
    """
    rows = kept(rows)
    bad = bad[rows.index]
    n_asked = int((bad | ~is_blank(rows[column])).sum())
    if 2 * bad.sum() > n_asked:
        raise DataError(
            f"{_bad_cells(rows, column, bad=bad, of=n_asked, what=what, source=source)} "
            "Correct the column, or leave it out."
        )


def check_all(
    rows: pd.DataFrame, column: str, *, bad: pd.Series, what: str, source: Source
) -> None:
    """Refuse a column of which any kept cell is bad; parameters as in `check_mostly`."""
    rows = kept(rows)
    bad = bad[rows.index]
    if bad.any():
        said = _bad_cells(rows, column, bad=bad, of=len(rows), what=what, source=source)
        raise DataError(f"{said} Correct them.")


def check_one_row(rows: pd.DataFrame, *, source: Source) -> None:
    """Refuse rows of which several speak of one customer and say different things.

    Parameters
    ----------
    rows : DataFrame
        `customer_id` and `line`; no two are equal.
    source : Source
        Where they are from.
    """
    differing = rows[rows.duplicated("customer_id", keep=False)]
    if differing.empty:
        return
    lines = differing.groupby("customer_id")["line"]
    told = lines.agg(lambda n: " and ".join(map(str, n[:SHOWN_LINES])))
    first = told[differing["customer_id"].unique()[:SHOWN_LINES]]
    raise DataError(
        f"{len(told)} customers in {source.label} have rows that differ, the first in lines "
        f"{'; '.join(first)}. Keep one row for each customer."
    )


def shown(rows: pd.DataFrame, column: str) -> str:
    """Quote the cells of a column with their lines, cut to what a message can hold."""
    return ", ".join(
        f"line {line}: {text[:SHOWN_CHARACTERS]!r}"
        for line, text in zip(rows["line"], rows[column], strict=True)
    )


def _bad_cells(
    rows: pd.DataFrame, column: str, *, bad: pd.Series, of: int, what: str, source: Source
) -> str:
    first = shown(rows[bad].head(SHOWN_LINES), column)
    return (
        f"{int(bad.sum())} of {of} values of {source.columns[column]!r} in {source.label} "
        f"are not {what}, the first in {first}."
    )
