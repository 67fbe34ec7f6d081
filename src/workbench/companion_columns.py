"""The rows of each optional table: values for text, a reason for what is left out, and counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from workbench import companion_cells as cells
from workbench import consents
from workbench.schema import NEVER, DataError
from workbench.sources import Source

# Label of every count, by its code.
CHECKS = {
    "postcodes_cut": "ganze Postleitzahlen (quasi-identifizierend), auf zwei Stellen gekürzt",
    "postcodes_zero_lost": "davon deutsche, denen die führende Null fehlte",
    "birth_years_exact": "Geburtsjahre statt Jahrgangsgruppen (quasi-identifizierend)",
    "birth_years_implausible": "Jahrgänge vor 1900 oder nach dem Stichtag, gelten als leer",
    "programme_unreadable": "Programmbeginn ist kein Tag, gilt als leer",
    "programme_after_as_of": "Programmbeginn nach dem Stichtag, gilt als leer",
    "points_unusable": "Punktestand negativ oder keine Zahl, gilt als leer",
    "referred": "geworbene Kunden",
    "referrers_removed": "davon mit einem Werber, der zu entfernen war",
    **{f"status_{status}": f"Angaben: {label}" for status, label in consents.STATUSES.items()},
    "undated": "Angaben ohne Datum, die gelten (ein Widerspruch vor allen anderen)",
    "objections_without_channel": "Widersprüche ohne Kanal, sie gelten für alle Kanäle",
    "objections_beyond_channels": (
        "Widersprüche gegen Werbung oder auf unbekanntem Kanal, sie gelten für alle Kanäle"
    ),
    "refusals_after_as_of": "Widersprüche und Widerrufe nach dem Stichtag, sie gelten schon",
    "customers_objected": (
        "Kunden mit Widerspruch gegen Profilbildung oder Werbung oder auf allen Kanälen"
    ),
    "customers_to_remove": "Kunden mit Bestellungen, die zu entfernen sind",
    "treatment": "Kontakte der Kampagnengruppe",
    "control": "Zeilen der Kontrollgruppe",
    "group_unreadable": "Gruppe unbekannt, gilt als leer",
    "customers_in_both_groups": "Kunden, die in einer Kampagne in beiden Gruppen stehen",
    "responses": "Kontakte mit Reaktion",
    "response_unreadable": "Reaktion unbekannt, gilt als leer",
    "cost_unusable": "Kosten negativ oder keine Zahl, gelten als leer",
    "nps_answers": "Antworten auf die Empfehlungsfrage (0 bis 10)",
    "nps_other_codes": "andere Angaben zur Empfehlungsfrage, gelten als leer",
    "satisfaction_answers": "Antworten zur Zufriedenheit",
    "satisfaction_scale": "höchste Note der Zufriedenheit (5 oder 10)",
    "satisfaction_unusable": "Zufriedenheit außerhalb der Skala, gilt als leer",
    "comments": "Kommentare",
    "open": "offene Beschwerden am Stichtag",
    "resolved_after_as_of": "davon nach dem Stichtag gelöst",
    "first_response_after_as_of": "Erstreaktion nach dem Stichtag, gilt als ausstehend",
    "steps_unreadable": "Erstreaktion oder Lösung ist kein Tag, gilt als leer",
    "out_of_order": "Beschwerden, deren Schritte nicht in der Reihenfolge der Zeit stehen",
    "followed_up": "nachverfolgte Beschwerden",
    "followed_up_unreadable": "Nachverfolgung unbekannt, gilt als leer",
    "running": "laufende Verträge am Stichtag",
    "ended_after_as_of": "davon mit einem Ende nach dem Stichtag, es gilt als unbekannt",
    "ended": "beendete Verträge",
    "customers_with_several": "Kunden mit mehreren Verträgen",
    "events": "Kunden mit dem Ereignis (Label 1)",
    "others": "Kunden ohne das Ereignis (Label 0)",
    "cells_unreadable": "Zellen, die keine Zahl oder kein Tag sind, gelten als leer",
    "budgets_empty": "Budgets ohne Angabe",
    "periods_beyond_as_of": "Zeiträume, die über den Stichtag hinausreichen",
}
FIRST_BIRTH_YEAR = 1900
# Columns of the customers that put people into groups, for profiles.
GROUPS_OF_PEOPLE = (
    *("birth_year_group", "age_group", "gender", "income_group", "household_size"),
    *("occupation", "customer_type"),
)
# From this share of answers on, those above 5 are marks and no codes for „keine Angabe".
SHARE_ABOVE_FIVE = 0.05

_NO_DAY = ("no_day", "not_a_day", "before_first")
_GROUPS = {
    **dict.fromkeys(("treatment", "kampagne", "kampagnengruppe", "testgruppe"), "treatment"),
    **dict.fromkeys(("ziel", "zielgruppe"), "treatment"),
    **dict.fromkeys(("control", "kontrolle", "kontrollgruppe", "vergleichsgruppe"), "control"),
}
FLAGS = {
    **dict.fromkeys(("ja", "j", "yes", "y", "1", "1.0", "true", "wahr"), True),
    **dict.fromkeys(("nein", "n", "no", "0", "0.0", "false", "falsch"), False),
}
# Who only opens a mail has not done what it asks for.
_RESPONSES = {
    **FLAGS,
    **dict.fromkeys(("geklickt", "gekauft", "bestellt", "eingelöst", "clicked", "bought"), True),
    **dict.fromkeys(("keine", "geöffnet", "opened", "unzustellbar", *consents.OPT_OUTS), False),
    # The two states that every campaign of Salesforce starts with.
    **{"responded": True, "sent": False},
}
# What stands in place of the last day of a contract that has none yet.
_RUNNING = ("laufend", "läuft", "aktiv", "offen", "unbefristet", "running", "active", "open", NEVER)
# What stands between the channels of one cell.
_AND = r"\s*[/,;+&|]\s*|\s+und\s+"
_GERMANY = ("de", "deu", "d", "deutschland", "germany")


class Shaped(NamedTuple):
    """The rows of a table with values for text, those left out with a reason, and its counts."""

    rows: pd.DataFrame
    counts: dict[str, int]


def customers(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Keep one row per customer, with a postcode of two signs.

    What is called a group of birth years may hold a single year: it stays and
    is counted.
    """
    whole, lost = _postcodes(rows)
    since = cells.days(rows["programme_since"]).dt.normalize()
    points = cells.numbers(rows["points"])
    points = points.where(points >= 0)
    year = rows["birth_year_group"].str.extract(r"(?<!\d)(\d{4})(?!\d)")[0].astype(float)
    implausible = (year < FIRST_BIRTH_YEAR) | (year > as_of.year)
    stands_out = {
        "postcodes_cut": whole.str.len() > 2,
        "postcodes_zero_lost": lost,
        "birth_years_exact": rows["birth_year_group"].str.fullmatch(r"\d{4}(?:\.0)?"),
        "birth_years_implausible": implausible,
        "programme_unreadable": cells.unread(rows["programme_since"], since),
        "programme_after_as_of": since > as_of,
        "points_unusable": cells.unread(rows["points"], points),
        "referred": ~cells.is_blank(rows["referred_by"]),
        "referrers_removed": rows["referrer_removed"],
    }
    rows = rows.assign(
        postcode=whole.str[:2],
        country=rows["country"].where(rows["country"] != ""),
        **{name: cells.filled(rows[name]) for name in GROUPS_OF_PEOPLE},
        first_channel=cells.filled(consents.channel_names(rows["first_channel"])),
        referred_by=cells.filled(rows["referred_by"]),
        programme_since=since.where(since <= as_of),
        points=points,
    )
    rows["birth_year_group"] = rows["birth_year_group"].mask(implausible)
    values = rows.columns.difference(["line", "fingerprint", "reason"])
    rows = cells.dropped(rows, "duplicate", cells.kept(rows).duplicated(values))
    kept = cells.kept(rows)
    cells.check_one_row(kept, source=source)
    return Shaped(rows, _counted(stands_out, kept))


def consent(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Keep what each customer said last about each channel, and whatever may be an objection.

    Without a day an objection holds, a refusal counts as the oldest row, and a
    grant cannot be proven and is left out. Without a channel, or on one that
    is unknown, an objection is one on all channels, unless a later row says
    something else of the same channel. A line that names two channels is a row
    for each. A source without any day is taken as of `as_of`.

    A refusal after `as_of` holds too: whom a run lists is contacted today, and
    not on that day.
    """
    status = consents.status_names(rows["status"]).mask(cells.is_blank(rows["status"]), "")
    is_objection, is_grant = status == consents.OBJECTION, status.isin(consents.GRANTS)
    day, cannot_count = cells.judged_days(rows, "date", as_of=as_of)
    later = cannot_count == "after_as_of"
    no_channel = cells.is_blank(rows["channel"])
    later_refusal = later & status.isin(consents.REFUSALS)

    rows = cells.dropped(rows, "after_as_of", later & ~later_refusal)
    rows = cells.dropped(rows, "no_status", status == "")
    known = status.isin(consents.STATUSES)
    cells.check_all(
        rows, "status", bad=~known, what=f"one of {', '.join(consents.STATUSES)}", source=source
    )
    rows = cells.dropped(rows, "no_channel", no_channel & ~is_objection)
    if "date" in source.columns:
        unproven = is_grant & (cannot_count != "")
        cells.check_mostly(rows, "date", bad=unproven, what="days", source=source)
        for reason in _NO_DAY:
            rows = cells.dropped(rows, reason, unproven & (cannot_count == reason))
    rows = rows.assign(
        status=status,
        date=day.dt.normalize().where((cannot_count == "") | later_refusal),
        channel=rows["channel"].mask(no_channel, consents.EVERY_CHANNEL),
        source=cells.filled(rows["source"]),
        no_channel=no_channel,
        is_later=later_refusal,
    )
    rows = _by_channel(rows)
    rows = cells.dropped(rows, "superseded", ~consents.in_force(cells.kept(rows)))
    beyond = (rows["status"] == consents.OBJECTION) & ~rows["channel"].isin(
        [*consents.CHANNELS, "profiling", consents.EVERY_CHANNEL]
    )
    rows = rows.assign(channel=rows["channel"].mask(beyond, consents.EVERY_CHANNEL))
    # Two that were objections on channels of their own may have become one.
    rows = cells.dropped(rows, "superseded", ~consents.in_force(cells.kept(rows)))
    kept = cells.kept(rows)
    counts = _counted(
        {f"status_{name}": rows["status"] == name for name in consents.STATUSES}
        | {
            "undated": rows["date"].isna(),
            "objections_without_channel": rows["no_channel"],
            "objections_beyond_channels": beyond,
            "refusals_after_as_of": rows["is_later"],
        },
        kept,
    )
    counts["customers_objected"] = len(consents.objected(kept))
    return Shaped(rows, counts)


def erasure(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Keep each id once."""
    again = cells.id_keys(cells.kept(rows)["customer_id"]).duplicated()
    return Shaped(cells.dropped(rows, "duplicate", again), {})


def contacts(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Read who was contacted, in which group of the campaign, at what cost, with what response.

    `response` says whether the contact did what was asked for; an opened mail
    did not. `reaction` keeps what the source says.
    """
    rows = _events(rows, "date", source=source, as_of=as_of)
    group = cells.chosen(rows["group"], _GROUPS).astype("str")
    response = cells.chosen(rows["response"], _RESPONSES).astype("boolean")
    cost = cells.numbers(rows["cost"])
    cost = cost.where(cost >= 0)
    no_group = cells.unread(rows["group"], group)
    no_response = cells.unread(rows["response"], response)
    no_cost = cells.unread(rows["cost"], cost)
    cells.check_mostly(rows, "group", bad=no_group, what="kampagne or kontrolle", source=source)
    cells.check_mostly(rows, "response", bad=no_response, what="ja or nein", source=source)
    cells.check_mostly(rows, "cost", bad=no_cost, what="numbers from 0 on", source=source)
    rows = rows.assign(
        channel=cells.filled(consents.channel_names(rows["channel"])),
        campaign=cells.filled(rows["campaign"]),
        group=group,
        reaction=cells.filled(rows["response"]),
        response=response,
        cost=cost,
    )
    kept = cells.kept(rows)
    groups = kept.groupby(["customer_id", "campaign"], as_index=False)["group"].nunique()
    counts = _counted(
        {
            "treatment": group == "treatment",
            "control": group == "control",
            "group_unreadable": no_group,
            "responses": response.fillna(False),
            "response_unreadable": no_response,
            "cost_unusable": no_cost,
        },
        kept,
    )
    counts["customers_in_both_groups"] = groups.loc[groups["group"] > 1, "customer_id"].nunique()
    return Shaped(rows, counts)


def survey(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Read answers: whole marks from 0 to 10, and satisfaction on the scale that it shows.

    Any other code, such as 11 or 99 for no answer, is an empty answer and
    never a promoter. The scale of satisfaction ends at 10 where more than
    `SHARE_ABOVE_FIVE` of the marks from 1 to 10 lie above 5, else at 5.
    """
    rows = _events(rows, "date", source=source, as_of=as_of)
    mark = cells.numbers(rows["nps"])
    nps = mark.where(mark.between(0, 10) & (mark % 1 == 0)).astype("Int64")
    satisfaction = cells.numbers(rows["satisfaction"])
    marks = satisfaction[(rows["reason"] == "") & satisfaction.between(1, 10)]
    top = 10 if (marks > 5).sum() > SHARE_ABOVE_FIVE * len(marks) else 5
    satisfaction = satisfaction.where(satisfaction.between(1, top))
    no_nps = cells.unread(rows["nps"], nps)
    no_satisfaction = cells.unread(rows["satisfaction"], satisfaction)
    cells.check_mostly(rows, "nps", bad=no_nps, what="whole numbers from 0 to 10", source=source)
    cells.check_mostly(
        rows, "satisfaction", bad=no_satisfaction, what="marks of 1 to 5 or 1 to 10", source=source
    )
    rows = rows.assign(nps=nps, satisfaction=satisfaction, comment=cells.filled(rows["comment"]))
    counts = _counted(
        {
            "nps_answers": nps.notna(),
            "nps_other_codes": no_nps,
            "satisfaction_answers": satisfaction.notna(),
            "satisfaction_unusable": no_satisfaction,
            "comments": rows["comment"].notna(),
        },
        cells.kept(rows),
    )
    counts["satisfaction_scale"] = top if counts["satisfaction_answers"] else 0
    return Shaped(rows, counts)


def complaints(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Read complaints as they stood at the end of a day; a time of day is kept.

    `is_open` says that there was no solution yet, and `in_order` that the
    steps that are known lie on days one after the other. What was solved later
    has not been followed up yet.
    """
    rows = _events(rows, "received", source=source, as_of=as_of)
    answered, resolved = cells.days(rows["first_response"]), cells.days(rows["resolved"])
    followed_up = cells.chosen(rows["followed_up"], FLAGS).astype("boolean")
    no_answer = cells.unread(rows["first_response"], answered)
    no_solution = cells.unread(rows["resolved"], resolved)
    no_flag = cells.unread(rows["followed_up"], followed_up)
    cells.check_mostly(rows, "first_response", bad=no_answer, what="days", source=source)
    cells.check_mostly(rows, "resolved", bad=no_solution, what="days", source=source)
    cells.check_mostly(rows, "followed_up", bad=no_flag, what="ja or nein", source=source)

    answered_later = answered.dt.normalize() > as_of
    resolved_later = resolved.dt.normalize() > as_of
    answered, resolved = answered.mask(answered_later), resolved.mask(resolved_later)
    first, second, third = (step.dt.normalize() for step in (rows["received"], answered, resolved))
    rows = rows.assign(
        first_response=answered,
        is_open=cells.is_blank(rows["resolved"]) | resolved_later,
        in_order=~((second < first) | (third < second) | (third < first)),
        resolved=resolved,
        category=cells.filled(rows["category"]),
        followed_up=followed_up.mask(resolved_later),
    )
    counts = _counted(
        {
            "open": rows["is_open"],
            "resolved_after_as_of": resolved_later,
            "first_response_after_as_of": answered_later,
            "steps_unreadable": no_answer | no_solution,
            "out_of_order": ~rows["in_order"],
            "followed_up": rows["followed_up"].fillna(False),
            "followed_up_unreadable": no_flag,
        },
        cells.kept(rows),
    )
    return Shaped(rows, counts)


def contracts(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Read contracts as they stood at the end of a day; `end` is the last day of a contract.

    A contract without an end, or with one after `as_of`, runs. Whether one ran that ends on what
    is no day, or before it starts, is not known, and it is left out.
    """
    rows = _events(rows, "start", source=source, as_of=as_of)
    end = cells.days(rows["end"]).dt.normalize()
    told = cells.stripped(rows["end"]).str.lower().str.removesuffix(" 00:00:00")
    runs = told.isin(_RUNNING)
    unread = cells.unread(rows["end"], end) & ~runs
    said = "days, or empty while the contract runs"
    cells.check_mostly(rows, "end", bad=unread, what=said, source=source)
    rows = cells.dropped(rows, "end_not_a_day", unread)
    rows = cells.dropped(rows, "ended_before_start", end < rows["start"])
    later = end > as_of
    rows = rows.assign(
        end=end.mask(later),
        tariff=cells.filled(rows["tariff"]),
        end_reason=cells.filled(rows["end_reason"]).mask(end.isna() | later),
    )
    kept = cells.kept(rows)
    counts = _counted(
        {
            "running": rows["end"].isna(),
            "ended_after_as_of": later,
            "ended": rows["end"].notna(),
        },
        kept,
    )
    several = kept["customer_id"].value_counts() > 1
    return Shaped(rows, counts | {"customers_with_several": int(several.sum())})


def budget(rows: pd.DataFrame, *, source: Source, as_of: pd.Timestamp) -> Shaped:
    """Read what was spent in a year, a quarter or a month, no day twice on one channel.

    `period` is written ``2025``, ``2025-Q1`` or ``2025-03`` (``Q1/2025`` is
    read too); `first_day` and `last_day` are those of the period.
    """
    period = rows["period"].str.upper().str.replace(r"\.0$", "", regex=True)
    period = period.str.replace(r"^(Q[1-4])[/ -]?(\d{4})$", r"\2-\1", regex=True)
    period = period.str.replace(r"^(\d{4})[/ ]?(Q[1-4])$", r"\1-\2", regex=True)
    wrong = ~period.str.fullmatch(r"(?:19|20)\d\d(?:-Q[1-4]|-0[1-9]|-1[0-2])?")
    said = "a period like 2025, 2025-Q1 or 2025-03"
    cells.check_all(rows, "period", bad=wrong, what=said, source=source)
    amounts = {}
    for column in ("acquisition_budget", "retention_budget"):
        amount = cells.numbers(rows[column])
        amounts[column] = amount.where(amount >= 0)
        wrong = cells.unread(rows[column], amounts[column])
        cells.check_all(rows, column, bad=wrong, what="a number from 0 on", source=source)
    # A repeated header has no period; any one keeps its row in line.
    first_day, last_day = _spans(period.where(rows["reason"] == "", "2000"))
    rows = rows.assign(
        period=period,
        channel=cells.filled(consents.channel_names(rows["channel"])),
        first_day=first_day,
        last_day=last_day,
        **amounts,
    )
    rows = cells.dropped(rows, "after_as_of", first_day > as_of)
    again = cells.kept(rows).duplicated(["period", "channel", *amounts])
    rows = cells.dropped(rows, "duplicate", again)
    kept = cells.kept(rows)
    _check_overlaps(kept, source)
    return Shaped(
        rows,
        {
            "budgets_empty": int(kept[list(amounts)].isna().sum().sum()),
            "periods_beyond_as_of": int((kept["last_day"] > as_of).sum()),
        },
    )


def _by_channel(rows: pd.DataFrame) -> pd.DataFrame:
    """Make a row for each channel that a line names, under the channel's one name."""
    whole = consents.channel_names(rows["channel"])
    parts = rows.assign(channel=whole.str.split(_AND, regex=True)).explode(
        "channel", ignore_index=True
    )
    parts = parts.astype({"channel": "str"})
    parts = parts.assign(channel=consents.channel_names(parts["channel"]))
    # A stroke at the end names no further channel.
    empty = (parts["channel"] == "") & parts.duplicated("line", keep=False)
    parts = parts[~empty].drop_duplicates(["line", "channel"])
    return parts.reset_index(drop=True)


def _counted(where: Mapping[str, pd.Series], kept: pd.DataFrame) -> dict[str, int]:
    return {code: int(rows[kept.index].sum()) for code, rows in where.items()}


def _events(
    rows: pd.DataFrame, column: str, *, source: Source, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Leave out what has no day, one after `as_of`, or repeats a row in every column."""
    day, cannot_count = cells.judged_days(rows, column, as_of=as_of)
    no_day = cannot_count.isin(_NO_DAY)
    cells.check_mostly(rows, column, bad=no_day, what="days", source=source)
    for reason in (*_NO_DAY, "after_as_of"):
        rows = cells.dropped(rows, reason, cannot_count == reason)
    rows = cells.dropped(rows, "duplicate", cells.kept(rows)["fingerprint"].duplicated())
    return rows.assign(**{column: day if column == "received" else day.dt.normalize()})


def _postcodes(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return postcodes without a country before them, and say which had lost their first zero."""
    whole = rows["postcode"].str.replace(r"^(?:D|DE|A|AT|CH|LI|FL)[ -]+(?=\d)", "", regex=True)
    whole = whole.str.replace(r"^(\d+)\.0$", r"\1", regex=True)
    is_german = rows["country"].str.lower().isin(_GERMANY)
    lost = whole.str.fullmatch(r"\d{4}") & is_german
    return cells.filled(whole.mask(lost, "0" + whole)), lost


def _check_overlaps(budgets: pd.DataFrame, source: Source) -> None:
    """Refuse two budgets for one day on one channel: a year and its quarters count twice."""
    budgets = budgets.sort_values(["first_day", "last_day", "line"])
    for _, spans in budgets.groupby("channel", dropna=False):
        reached = spans["last_day"].cummax().shift()
        overlapping = spans[spans["first_day"] <= reached]
        if not overlapping.empty:
            second = overlapping.iloc[0]
            first = spans[spans["last_day"] >= second["first_day"]].iloc[0]
            raise DataError(
                f"{len(overlapping)} budgets in {source.label} overlap another of the same "
                f"channel, the first in lines {first['line']} and {second['line']}: "
                f"{first['period']} and {second['period']}. Write each day's budget once."
            )


def _spans(periods: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the first and last day of years, quarters and months."""
    parts = periods.str.extract(r"^(\d{4})(?:-Q(\d)|-(\d\d))?$")
    year, quarter, month = (parts[i].astype(float) for i in range(3))
    start = month.fillna(quarter * 3 - 2).fillna(1)
    length = pd.Series(12, index=periods.index).mask(quarter.notna(), 3).mask(month.notna(), 1)
    first = pd.to_datetime(pd.DataFrame({"year": year, "month": start, "day": 1}))
    following = start + length - 1
    ends = {"year": year + following // 12, "month": following % 12 + 1, "day": 1}
    last = pd.to_datetime(pd.DataFrame(ends)) - pd.Timedelta(days=1)
    return first.astype("datetime64[us]"), last.astype("datetime64[us]")
