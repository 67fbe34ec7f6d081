"""A model's predictions to one row per customer: what raises his risk, in German words.

A reason tells what the model looks at. It is a connection and not a cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from workbench.formats import NOTHING, Style
from workbench.schema import DataError

# A table of features -> the predicted probability of the event, with the index of the table.
Predict = Callable[[pd.DataFrame], pd.Series]

N_REASONS = 3
# Odds raised by less than a tenth are no reason to tell anybody.
MIN_CONTRIBUTION = float(np.log(1.1))
# Probabilities closer to 0 or 1 than this are not told apart.
_SMALLEST = 1e-9
# Numbers from here on are written without decimals.
_WHOLE_FROM = 10


class Phrase(NamedTuple):
    """How a feature is put into words.

    Attributes
    ----------
    above, below : str
        German words for a value above and below the reference, with ``{value}`` and,
        where a word follows the number, ``[one|many]``: the first stands after
        exactly 1. Empty: such a value is told by the label.
    label : str
        German name of the feature.
    unit : str
        ``count``, ``number``, ``money`` or ``share``, as in `formats.Style.write`.
    usual : str
        Column with what is usual for the customer himself, where there is one.
    """

    above: str
    below: str
    label: str
    unit: str = "number"
    usual: str = ""


class Reference(NamedTuple):
    """The customer with whom all others are compared.

    Attributes
    ----------
    name : str
        Who that is, in German with a preposition: "beim mittleren Kunden",
        "beim mittleren Käufer".
    values : Series
        Feature to value: ``features.median()`` of the base or, where half of it has
        long left and the middle customer with it, of those who still buy.
    """

    name: str
    values: pd.Series


# Features whose label says less than these words; `feature_book.phrases` has all features.
PHRASES: dict[str, Phrase] = {
    "days_since_last": Phrase(
        "seit {value} [Tag|Tagen] kein Kauf",
        "letzter Kauf erst vor {value} [Tag|Tagen]",
        "Tage seit dem letzten Kauf",
        "count",
        "usual_gap_days",
    ),
    "n_orders": Phrase(
        "schon {value} [Kauf|Käufe]",
        "erst {value} [Kauf|Käufe]",
        "Zahl der Käufe",
        "count",
    ),
    "recent_orders": Phrase(
        "in letzter Zeit {value} [Kauf|Käufe]",
        "in letzter Zeit {value} [Kauf|Käufe]",
        "Käufe im letzten Zeitfenster",
        "count",
    ),
    "T": Phrase(
        "Kunde seit {value} [Tag|Tagen]",
        "Kunde erst seit {value} [Tag|Tagen]",
        "Alter der Kundenbeziehung",
        "count",
    ),
}


def contributions(
    features: pd.DataFrame,
    *,
    predict: Predict,
    reference: Reference,
    groups: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Measure how much each feature moves a customer's risk away from the middle one.

    The log odds predicted for the customer as he is, less those where the features
    of one group have the reference's values. The contributions of the groups
    need not add up to the whole.

    Parameters
    ----------
    features : DataFrame
        One row per customer.
    predict : callable
        Takes a table like `features` and gives the probability of the event, 0 ... 1.
    reference : Reference
        Has the value that stands for nothing special, whoever else is in the table.
    groups : mapping of str to sequence of str
        Name to the features that are set together, as they say nearly the same.

    Returns
    -------
    DataFrame
        Indexed and sorted like `features`, one column per group in alphabetical order:
        log odds, above 0 where the group raises the risk.

    Raises
    ------
    DataError
        If a feature is missing in the table or the reference, or predict gives other
        rows.

    Examples
    --------
    >>> features = pd.DataFrame({"days": [10.0, 30.0, 70.0]}, index=["anna", "ben", "cem"])
    >>> contributions(
    ...     features,
    ...     predict=lambda table: 1 / (1 + np.exp(-table["days"] / 20)),
    ...     reference=Reference("beim mittleren Kunden", features.median()),
    ...     groups={"days": ["days"]},
    ... )
          days
    anna  -1.0
    ben    0.0
    cem    2.0
    """
    named = {name for group in groups.values() for name in group}
    lacking = sorted(named - set(features.columns)) + sorted(named - set(reference.values.index))
    if lacking:
        raise DataError(f"features or reference lack {lacking}, which the groups name.")
    features = features.sort_index()
    as_is = _log_odds(predict, features)
    moved = {
        name: as_is
        - _log_odds(predict, features.assign(**reference.values[list(groups[name])].to_dict()))
        for name in sorted(groups)
    }
    return pd.DataFrame(moved, index=features.index)


def in_words(
    features: pd.DataFrame,
    *,
    contributions: pd.DataFrame,
    reference: Reference,
    groups: Mapping[str, Sequence[str]],
    phrases: Mapping[str, Phrase],
    style: Style,
) -> pd.DataFrame:
    """Tell the three reasons that raise each customer's risk most.

    A group is told by that of its features that stands first in `phrases` and whose
    value, as written, differs from the reference. What is usual for the customer
    himself is named where it lies on the same side of his value as the reference does,
    else the reference is.

    Parameters
    ----------
    features : DataFrame
        One row per customer; also holds the columns that `Phrase.usual` names, where
        they are known.
    contributions : DataFrame
        From `contributions`, same customers.
    reference, groups : Reference, mapping
        As in `contributions`.
    phrases : mapping of str to Phrase
        By feature, for instance `PHRASES`; a feature without one is told by its name.
    style : Style
        How numbers are written.

    Returns
    -------
    DataFrame
        Indexed and sorted by customer: `reason_1` ... `reason_3`, the strongest first;
        empty where fewer groups raise the odds by a tenth or more. Equally strong ones
        stand in alphabetical order of their groups.

    Raises
    ------
    DataError
        If the two tables have other customers.
    """
    features = features.sort_index()
    if not features.index.equals(contributions.index):
        raise DataError("features and contributions have other customers, or another order.")
    order = {name: place for place, name in enumerate(phrases)}
    strength = contributions.to_numpy()
    # The sign is exact: equal strengths keep the order of the columns.
    strongest = np.argsort(-strength, axis=1, kind="stable")[:, :N_REASONS]
    words = np.full((len(features), N_REASONS), "", dtype=object)
    for column, name in enumerate(contributions.columns):
        row, rank = np.nonzero((strongest == column) & (strength[:, [column]] >= MIN_CONTRIBUTION))
        told = _tell_group(
            features.iloc[row],
            sorted(groups[name], key=lambda one: (order.get(one, len(order)), one)),
            reference=reference,
            phrases=phrases,
            style=style,
        )
        words[row, rank] = told
    names = [f"reason_{number}" for number in range(1, N_REASONS + 1)]
    return pd.DataFrame(words, index=features.index, columns=names, dtype="str")


def _tell_group(
    features: pd.DataFrame,
    members: list[str],
    *,
    reference: Reference,
    phrases: Mapping[str, Phrase],
    style: Style,
) -> np.ndarray:
    label = phrases[members[0]].label if members[0] in phrases else members[0]
    told = np.full(len(features), "", dtype=object)
    for name in members:
        phrase = phrases.get(name, Phrase("", "", name))
        left = np.flatnonzero(told == "")
        known = pd.DataFrame({"value": features[name].to_numpy(float)[left], "usual": np.nan})
        if phrase.usual in features:
            known["usual"] = features[phrase.usual].to_numpy(float)[left]
        middle = float(reference.values[name])
        told[left] = _tell(known, middle=middle, whose=reference.name, phrase=phrase, style=style)
    return np.where(told == "", f"leicht auffällig: {label}", told)


def _tell(
    known: pd.DataFrame, *, middle: float, whose: str, phrase: Phrase, style: Style
) -> np.ndarray:
    """Put values into words, or "" where a reader would see no difference."""
    shown = known.apply(_rounded, unit=phrase.unit)
    is_above = known["value"] > middle
    same_side = np.where(is_above, shown["usual"] < shown["value"], shown["usual"] > shown["value"])
    # What is usual for others is said where nothing useful is known of the customer himself.
    shown["usual"] = shown["usual"].where(same_side, np.inf)
    shown["is_above"] = is_above
    middle = float(_rounded(pd.Series([middle]), unit=phrase.unit).iloc[0])

    # Words are made once for each pair of rounded numbers, of which there are few.
    code, pairs = pd.factorize(pd.MultiIndex.from_frame(shown))
    words = []
    for value, usual, above in pairs:
        own = np.isfinite(usual)
        written = _written(value, phrase.unit, style)
        compared = _written(usual if own else middle, phrase.unit, style)
        if written == compared or NOTHING in (written, compared):
            words.append("")
            continue
        verb = "ist" if compared == "1" else "sind"
        ending = f", üblich {verb} {compared}" if own else f" ({whose} {compared})"
        words.append(_beginning(phrase, written, is_above=above) + ending)
    return np.array([*words, ""], dtype=object)[code]


def _beginning(phrase: Phrase, written: str, *, is_above: bool) -> str:
    words = phrase.above if is_above else phrase.below
    if not words:
        return f"{phrase.label}: {written}"
    words = re.sub(r"\[(.*?)\|(.*?)\]", r"\1" if written == "1" else r"\2", words)
    return words.format(value=written)


def _rounded(value: pd.Series, *, unit: str) -> pd.Series:
    if unit == "share":
        return value.round(2)
    if unit == "number":
        return value.round(1).where(value.abs() < _WHOLE_FROM, value.round())
    return value.round()


def _written(value: float, unit: str, style: Style) -> str:
    if unit == "number":
        return style.number(value, digits=0 if float(value).is_integer() else 1).text
    return style.write(value, unit).text


def _log_odds(predict: Predict, features: pd.DataFrame) -> np.ndarray:
    predicted = predict(features)
    if not predicted.index.equals(features.index):
        raise DataError(
            f"predict gave {len(predicted)} rows for {len(features)} customers, or others than "
            "asked for. It must keep the sorted index."
        )
    return logit(np.clip(predicted.to_numpy(float), _SMALLEST, 1 - _SMALLEST))
