"""The parameters of a run: names, types, bounds and German help, checked before a kernel starts.

The defaults and the help stand in the notebooks' parameters cells too; a test compares them.
"""

from __future__ import annotations

import datetime as dt
import difflib
import itertools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pandas as pd
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from workbench import formats
from workbench.identifiers import find
from workbench.schema import ParameterError


def _iso_day_or_empty(value: str) -> str:
    if value:
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("is no ISO date such as 1998-06-30") from None
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError("is no ISO date such as 1998-06-30")
    return value


def _currency_or_empty(value: str) -> str:
    if value:
        try:
            formats.style(locale="de_DE", currency=value)
        except ValueError:
            raise ValueError("is no ISO 4217 code such as EUR") from None
    return value


def _names_nobody(value: str) -> str:
    if found := find(value):
        raise ValueError(f"holds what names a person ({found[0]}), and stands on every page")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, bool) or (
        isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]+\s*", value)
    ):
        raise ValueError("is no whole number")
    return value


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is no number (with a decimal point)")
    return value


def _switch(value: Any) -> Any:
    # YAML knows on and off as true and false.
    spelled = {"true": "on", "false": "off"}
    return spelled.get(str(value).lower(), value)


def _four_rising(value: dict[str, list[float]]) -> dict[str, list[float]]:
    for name, limits in value.items():
        if name not in ("recency_days", "money"):
            raise ValueError(f"has {name}; it takes recency_days and money")
        rises = all(low < high for low, high in itertools.pairwise(limits))
        if len(limits) != 4 or not rises or not limits[0] > 0:
            raise ValueError(f"needs four rising numbers above 0 for {name}")
    return value


Switch = Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)]
Words = Annotated[str, AfterValidator(_names_nobody)]
Whole = Annotated[int, BeforeValidator(_whole)]
Decimal = Annotated[float, BeforeValidator(_no_bool)]
ScoreLimits = Annotated[dict[str, list[Decimal]], AfterValidator(_four_rising)]
IsoDay = Annotated[str, AfterValidator(_iso_day_or_empty)]
Currency = Annotated[str, AfterValidator(_currency_or_empty)]


class _Texts(yaml.BaseLoader):
    """Read every value as the text that stands there, so that 010 is not 8, and no name twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a name is no text", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class Parameters(BaseModel):
    """Every parameter that a notebook may declare, with its default and its German help."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transactions: str = Field("dataset:cdnow", min_length=1, description="Quelle der Bestellungen")
    query: str = Field("", description="Tabelle, SELECT oder Tabellenblatt der Quelle")
    columns: dict[str, str] | str = Field(
        {}, description="unsere Spaltennamen zu Ihren, oder eine Vorlage wie salesforce"
    )
    dialect: dict[str, str] = Field({}, description="Schreibweise der Quelle, leer: wird erkannt")
    customers: str = Field("", description="Quelle der Kundenstammdaten")
    consent: str = Field("", description="Quelle der Einwilligungen und Widersprüche")
    erasure: str = Field("", description="Quelle der Löschliste")
    contacts: str = Field("", description="Quelle der Kontakte und Kampagnen")
    survey: str = Field("", description="Quelle der Befragung")
    complaints: str = Field("", description="Quelle der Beschwerden")
    contracts: str = Field("", description="Quelle der Verträge mit Beginn und Ende")
    labelled: str = Field("", description="Quelle eines Datensatzes mit Label und Merkmalen")
    labelled_columns: dict[str, str] = Field(
        {}, description="seine Spalten für customer_id und label"
    )
    labelled_without: list[str] = Field([], description="seine Spalten, die keine Merkmale sind")
    budget: str = Field("", description="Quelle der Budgets")
    run_dir: str = Field("", description="Ordner eines laufenden Berichts, sonst leer")
    as_of: IsoDay = Field("", description="Stichtag, leer: letzter Tag der Daten")
    holdout_days: Whole = Field(
        0, ge=0, le=36500, description="Prüfzeitraum in Tagen, 0: halbe Zeitspanne"
    )
    compare_days: Whole = Field(
        0,
        ge=0,
        le=36500,
        description="Vergleichstag: so viele Tage davor, 0: ein Jahr, sonst halbe Zeitspanne",
    )
    horizon_days: Whole = Field(365, ge=1, le=36500, description="so viele Tage blicken wir voraus")
    churn_horizon_days: Whole = Field(
        91, ge=0, le=3650, description="Abwanderung: so viele Tage ohne Kauf, 0: aus den Daten"
    )
    gap_days: Whole = Field(
        0, ge=0, le=365, description="Vorlauf: so viele Tage bis zum Beginn des Zeitfensters"
    )
    max_return_share: Decimal = Field(
        0.15, gt=0, lt=1, description="so viele dürfen nach der Kaufpause noch wiederkommen"
    )
    success_rate: Decimal = Field(
        0.1, ge=0, le=1, description="Anteil der Abwanderer, die ein Angebot hält"
    )
    incentive: Decimal = Field(5.0, ge=0, description="Kosten des Angebots, das jemand annimmt")
    contact_cost: Decimal = Field(0.5, ge=0, description="Kosten je Ansprache")
    uptake: Decimal = Field(
        0.5, ge=0, le=1, description="Anteil der Bleibenden, die das Angebot auch annehmen"
    )
    campaign_cost: Decimal = Field(0.0, ge=0, description="feste Kosten der Aktion")
    point_value: Decimal = Field(
        0.0, ge=0, description="Wert eines Punktes im Kundenprogramm, 0: unbekannt"
    )
    campaign_groups: list[str] = Field([], description="Kundengruppen der Aktion, leer: alle")
    campaign_rule: Literal["lohnend", "gefaehrdet", "wertvoll"] = Field(
        "lohnend", description="wer davon: lohnend (alle), gefaehrdet oder wertvoll"
    )
    campaign_channel: Literal["email", "telefon", "post"] = Field(
        "email", description="Kanal der Aktion: email, telefon oder post"
    )
    campaign_budget: Decimal = Field(0.0, ge=0, description="Budget der Aktion, 0: keine Grenze")
    contact_limit: Whole = Field(2, ge=1, description="so viele Kontakte sind genug")
    contact_days: Whole = Field(
        30, ge=1, le=3650, description="in so vielen Tagen bis zum Stichtag"
    )
    control_share: Decimal = Field(
        0.2, ge=0, lt=1, description="Anteil der Liste, der zum Vergleich nicht angesprochen wird"
    )
    campaign_days: Whole = Field(
        56, ge=1, le=365, description="so viele Tage nach dem Kontakt zählt, was gekauft wird"
    )
    min_support: Decimal = Field(
        0.02, gt=0, lt=1, description="Anteil der Warenkörbe, in dem ein Paar mindestens liegt"
    )
    annual_discount_rate: Decimal = Field(
        0.10, ge=0, lt=1, description="Abzinsung je Jahr, effektiver Satz"
    )
    margin: Decimal = Field(1.0, gt=0, le=1, description="Deckungsbeitrag als Anteil am Umsatz")
    currency: Currency = Field("", description="Währung, leer: die der Daten, sonst EUR")
    locale: Literal["de_DE", "de_AT", "de_CH"] = Field(
        "de_DE", description="Schreibweise der Zahlen"
    )
    returns: Literal["net", "same_day", "drop", "separate"] = Field(
        "net", description="Retouren: net verrechnet, same_day, drop, separate"
    )
    duplicates: Literal["report", "drop"] = Field(
        "report", description="gleiche Zeilen: report behält und zählt, drop entfernt"
    )
    max_loss: Decimal = Field(
        0.35, ge=0, le=1, description="höchster Anteil, den die Bereinigung entfernen darf"
    )
    pseudonymise: Switch = Field(
        "auto", description="Kundennummern ersetzen: auto heißt bei eigenen Daten"
    )
    score_rule: Literal["rank", "limits"] = Field(
        "rank", description="Noten: rank vergleicht die Kunden, limits nimmt feste Grenzen"
    )
    score_limits: ScoreLimits = Field({}, description="feste Grenzen, leer: aus dem Kaufrhythmus")
    money_score: Literal["revenue", "last_year", "basket"] = Field(
        "revenue", description="Note für den Betrag: revenue, last_year oder basket (je Kauf)"
    )
    phase_model: Literal[
        "akquisition-bindung",
        "akquisition-empfehlungen",
        "aufmerksamkeit-treue",
        "erkennung-loyalitaet",
        "erkennung-entscheidung",
    ] = Field("akquisition-bindung", description="Phasenmodell des Lebenszyklus")
    winback: bool = Field(False, description="dürfen ehemalige Kunden auf eine Liste")
    purpose: Words = Field("", description="Zweck der Auswertung, für den Steckbrief")
    legal_basis: Words = Field("", description="Rechtsgrundlage, für den Steckbrief")
    retention: Words = Field("", description="Aufbewahrung, für den Steckbrief")
    k: Whole = Field(5, ge=1, description="kleinste Gruppe, die gezeigt wird")
    fatal: list[str] = Field([], description="Prüfungen, die den Lauf mit Status 1 beenden")
    seed: Whole = Field(20050401, ge=0, lt=2**32, description="Startwert für jeden Zufall")
    out: str = Field("", description="Ordner des Berichts, leer: reports/<Name der Quelle>")


def read_config(path: Path) -> dict[str, Any]:
    """Read a flat YAML of parameters, the file that ``papermill -f`` takes too.

    Raises
    ------
    ParameterError
        If the file is missing, no YAML, or no flat mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ParameterError(f"configuration {path} does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"configuration {path} cannot be read: {error}.") from error
    try:
        content = yaml.load(text, Loader=_Texts)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise ParameterError(f"configuration {path} is no valid YAML{line}.") from error
    if content in (None, ""):
        return {}
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ParameterError(f"configuration {path} is no list of 'name: value' lines.")
    return content


def read_value(name: str, text: str) -> Any:
    """Turn the text of ``-p NAME VALUE`` into what the parameter takes.

    Text stays text, so that ``00123`` keeps its zeros; a mapping or a list is
    read as YAML.
    """
    field = Parameters.model_fields.get(name)
    if field is None or not _takes_collection(field.annotation):
        return text
    try:
        return yaml.load(text, Loader=_Texts)
    except yaml.YAMLError as error:
        raise ParameterError(f"parameter {name}={text!r} is no valid YAML.") from error


def check(values: Mapping[str, Any], *, declared: Iterable[str]) -> Parameters:
    """Check given parameters against what the notebooks declare.

    Parameters
    ----------
    values : mapping
        Given names and values.
    declared : iterable of str
        Names that at least one notebook, or the run itself, knows.

    Raises
    ------
    ParameterError
        With one sentence for the first thing that is wrong.
    """
    known = sorted(set(declared) - {"run_dir"})
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
            raise ParameterError(f"parameter {name} is unknown. {hint}")
    try:
        return Parameters(**values)
    except ValidationError as error:
        raise ParameterError(_one_sentence(error, values)) from error


def as_of_day(text: str) -> pd.Timestamp | None:
    """Return the as-of day as a Timestamp, or None where it is left to the data."""
    return pd.Timestamp(text) if text else None


def _takes_collection(annotation: Any) -> bool:
    options = get_args(annotation) if get_origin(annotation) not in (dict, list) else (annotation,)
    return any(get_origin(option) in (dict, list) for option in options)


def _one_sentence(error: ValidationError, values: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    field, given = Parameters.model_fields[name], values[name]
    expected = {
        "int_parsing": "is no whole number",
        "int_type": "is no whole number",
        "int_from_float": "is no whole number",
        "float_parsing": "is no number (with a decimal point)",
        "float_type": "is no number (with a decimal point)",
        "string_type": "is no text",
        "string_too_short": "is empty",
        "dict_type": "is no mapping such as {customer_id: KundenNr}",
        "list_type": "is no list such as [clv_backtest]",
    }.get(first["type"])
    if name == "dialect":
        expected = "is no mapping such as {date_format: dmy}"
    if name == "labelled_columns":
        expected = "is no mapping such as {customer_id: ID, label: Response}"
    if name == "labelled_without":
        expected = "is no list such as [Z_Revenue]"
    if name == "campaign_groups":
        expected = "is no list such as [Stammkunden]"
    if name == "columns":
        expected = "is no mapping such as {customer_id: KundenNr} and no preset"
    if expected is None:
        message = str(first["msg"]).removeprefix("Value error, ")
        expected = message if message.startswith(("is ", "holds ")) else _lower_first(message)
        expected = expected.replace("input should be", "should be")
    return f"parameter {name}={given!r} {expected}; its default is {field.default!r}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
