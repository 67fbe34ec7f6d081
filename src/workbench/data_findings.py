"""Tables of rhythm and data quality to German sentences, texts for drawings, and a verdict."""

from __future__ import annotations

import math

import pandas as pd

from workbench import quality
from workbench.formats import Number, Style
from workbench.outputs import Sentence, Verdict, say
from workbench.quality import CAUTION, SERIOUS, UNTESTED, Inspection, Rule
from workbench.rhythm import CONFIDENCE, MIN_CUSTOMERS, SILENCE_WEEKS, STAGES, WEEKDAYS

VERDICT_NAME = "datenqualitaet"
VERDICT_LABEL = "Datenqualität"
CHECKS = {
    "money_without_customer": "Umsatz ohne Kundennummer",
    "lines_without_customer": "Zeilen ohne Kundennummer",
    "unreadable_lines": "Zeilen, die nicht lesbar sind",
    "repeated_lines": "Zeilen, die eine frühere wiederholen",
    "zero_orders": "Käufe mit Betrag null",
    "largest_order": "Anteil des größten Kaufs am Umsatz",
    "crowd_customers": "Kundennummern, die wie Sammelkunden kaufen",
    "far_days": "Kauftage weit ab von allen anderen",
    "silent_weeks": "Wochen ohne einen Kauf",
    "last_week": "Käufe der letzten sieben Tage, gemessen am Üblichen",
    "days_to_month_end": "Fehlt am Ende des letzten Monats",
    "days_since_last_line": "Vom letzten Kauf bis zum Stichtag",
    "history_days": "Länge der Geschichte",
    "customers": "Kunden",
    "repeat_customers": "Kunden mit einem zweiten Kauf",
}
# What a finding says beyond its figure: what to do or to bear in mind.
REASONS = {
    "money_without_customer": "{wert} des Umsatzes vor Retouren tragen keine Kundennummer; sie "
    "fehlen in jeder Auswertung je Kunde",
    "lines_without_customer": "{wert} der Zeilen tragen keine Kundennummer",
    "unreadable_lines": "{wert} der Zeilen sind nicht lesbar und fehlen; die Tabelle der "
    "Bereinigung nennt die Gründe",
    "repeated_lines": "{wert} der Zeilen wiederholen eine frühere; prüfen Sie, ob ein Teil der "
    "Daten doppelt ausgegeben wurde",
    "zero_orders": "{wert} der Käufe haben den Betrag null; prüfen Sie, ob Preise fehlen",
    "largest_order": "ein einzelner Kauf macht mehr als {grenze} des Umsatzes aus; prüfen Sie, ob "
    "er stimmt",
    "crowd_customers": "{wert} Kundennummern kaufen so oft, dass dahinter mehrere Personen stehen "
    "können, etwa eine Kasse",
    "far_days": "weit ab von allen anderen Käufen: {wert} ({tage}), vermutlich ein Schreibfehler "
    "im Datum; berichtigen Sie die Quelle, oder geben Sie den Stichtag vor. Die übrigen Käufe "
    "liegen zwischen dem {von} und dem {bis}",
    "silent_weeks": "mitten in den Daten: {wert} ohne einen einzigen Kauf, die erste ab dem "
    "{erste}; prüfen Sie, ob dort Daten fehlen",
    "last_week": "die letzten sieben Tage bringen nur {wert} der üblichen Zahl von Käufen; "
    "vielleicht fehlen die letzten Buchungen",
    "days_to_month_end": "dem letzten Monat fehlen {wert}; vergleichen Sie ihn nicht mit vollen "
    "Monaten",
    "days_since_last_line": "der letzte Kauf liegt {wert} vor dem Stichtag; so viel Stille zählt "
    "wie weggebliebene Kunden",
    "history_days": "die Geschichte umfasst nur {wert}; was im Jahr schwankt, ist noch nicht zu "
    "erkennen",
    "customers": "Zahl der Kunden: {wert}; das sind wenige, Anteile und Modelle sind "
    "entsprechend unsicher",
    "repeat_customers": "Kunden mit einem zweiten Kauf: {wert}; für Modelle sind das wenige",
}
# Where the value speaks of so few that it is not shown.
FEW = {
    "crowd_customers": "einige wenige Kundennummern kaufen so oft, dass dahinter mehrere Personen "
    "stehen können, etwa eine Kasse",
    "repeat_customers": "für Modelle haben wenige Kunden ein zweites Mal gekauft; die Zahl bleibt "
    "ungenannt",
}
HIDDEN = ": die Zahl bleibt ungenannt, weil zu wenige Kunden dahinterstehen"
SHOWN_DAYS = 5
# A weekday stands out when it brings a third more than the mean of all days.
STANDS_OUT = 4 / 3
# With more cells suppressed the weekdays that are shown are not those that sell.
MAX_SUPPRESSED = 0.1
# The mark in weeks at which the sentences read the curves.
HALF_YEAR = 26


def quality_table(checks: pd.DataFrame, *, style: Style) -> pd.DataFrame:
    """Write the checks for the report.

    Parameters
    ----------
    checks : DataFrame
        As in `quality.Inspection`, small values hidden.

    Returns
    -------
    DataFrame
        `label`, `measured`, `unit`, `rule` (its limits in words) and `status`.
    """
    rules = [_limits(quality.RULES[check], style=style) for check in checks.index]
    return pd.DataFrame(
        {
            "label": [CHECKS[check] for check in checks.index],
            "measured": checks["value"].to_numpy(),
            "unit": checks["unit"].to_numpy(),
            "rule": rules,
            "status": checks["status"].to_numpy(),
        }
    )


def quality_rule(*, style: Style) -> Sentence:
    """State the rule behind the verdict on the data."""
    return say(
        "Regel: Die Daten bestehen, wenn keine der {pruefungen} Prüfungen einen Mangel zeigt. Ein "
        "Hinweis schadet nicht, ist aber zu beachten. Wie eine Sammelnummer kauft, wer an "
        "mindestens {anteil} der Verkaufstage und mindestens {kaeufe}-mal kauft und {mal}-mal so "
        "oft wie der mittlere Kunde.",
        pruefungen=style.count(len(quality.RULES)),
        anteil=style.share(quality.CROWD_DAYS),
        kaeufe=style.count(quality.CROWD_ORDERS),
        mal=style.count(quality.CROWD_TIMES),
    )


def quality_verdict(found: Inspection, *, k: int, style: Style) -> Verdict:
    """Say whether the data may be used, for which reasons, and what follows."""
    n_hints = int((found.checks["status"] == CAUTION).sum())
    n_serious = int((found.checks["status"] == SERIOUS).sum())
    n = style.count(len(found.checks))
    if found.passed:
        sentence = say(
            "Keine der {pruefungen} Prüfungen zeigt einen Mangel, {hinweise} "
            + ("gibt" if n_hints == 1 else "geben")
            + " einen Hinweis."
            if n_hints
            else "Keine der {pruefungen} Prüfungen zeigt einen Mangel oder gibt einen Hinweis.",
            pruefungen=n,
            hinweise=style.count(n_hints),
        )
        consequence = (
            say("Die Zahlen dürfen verwendet werden; beachten Sie die Hinweise.")
            if n_hints
            else say("Die Zahlen dürfen verwendet werden.")
        )
    else:
        reasons = _reasons(found, status=SERIOUS, k=k, style=style)
        sentence = say(
            "{maengel} von {pruefungen} Prüfungen "
            + ("zeigt" if n_serious == 1 else "zeigen")
            + " einen Mangel. "
            + reasons.template,
            maengel=style.count(n_serious),
            pruefungen=n,
            **reasons.values,
        )
        consequence = say("Klären Sie das, bevor Sie nach den Zahlen dieses Berichts entscheiden.")
    return Verdict(VERDICT_NAME, VERDICT_LABEL, found.passed, sentence, consequence)


def hints(found: Inspection, *, k: int, style: Style) -> Sentence:
    """Name what is to be borne in mind, and what could not be tested."""
    parts = []
    if (found.checks["status"] == CAUTION).any():
        reasons = _reasons(found, status=CAUTION, k=k, style=style)
        parts.append(say("Zu beachten: " + reasons.template, **reasons.values))
    untested = found.checks.index[found.checks["status"] == UNTESTED]
    if len(untested):
        named = "; ".join(f"„{CHECKS[check]}“" for check in untested)
        parts.append(say("Auf diesen Daten nicht prüfbar: " + named + "."))
    if not parts:
        return say("Hinweise gibt es nicht.")
    values = {name: number for part in parts for name, number in part.values.items()}
    return say(" ".join(part.template for part in parts), **values)


def freshness(found: Inspection, *, given: bool, k: int, style: Style) -> Sentence:
    """Say up to which day the data reach, and what that means for the day of reference.

    Parameters
    ----------
    found : Inspection
        From `quality.inspect`.
    given : bool
        Whether the reader set the day of reference.
    k : int
        Of fewer customers no day is named.
    """
    if found.core.orders["customer_id"].nunique() < k:
        return say("Für so wenige Kunden nennen wir keine Kauftage.")
    days, as_of = found.core.purchases["date"], found.core.as_of
    reach = "Der erste Kauf in den Daten ist vom {von}, der letzte vom {bis}. "
    values = {"von": style.date(days.min()), "bis": style.date(days.max())}
    if not given:
        return say(
            reach + "Ein Stichtag wurde nicht vorgegeben, deshalb gilt der letzte Tag der Daten. "
            "Was danach geschah, kennt dieser Bericht nicht: Vergleichen Sie den Tag mit dem "
            "Datum, an dem Sie ihn lesen.",
            **values,
        )
    if days.max() == as_of:
        return say(reach + "Das ist der vorgegebene Stichtag.", **values)
    return say(
        reach + "Bis zum vorgegebenen Stichtag, dem {stichtag}, vergehen {tage} ohne Kauf.",
        **values,
        stichtag=style.date(as_of),
        tage=style.days((as_of - days.max()).days),
    )


def calendar(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which weekday brings most purchases.

    Parameters
    ----------
    cells : DataFrame
        From `rhythm.calendar`, suppressed.
    """
    per_day = _per_weekday(cells)
    if per_day is None:
        return say("Die Käufe verteilen sich auf zu viele Felder, um einen Wochentag zu nennen")
    best = per_day.idxmax()
    times = per_day.max() / per_day.mean()
    if times < STANDS_OUT:
        return say(
            "Kein Wochentag ragt heraus: Der stärkste, {tag}, bringt das {mal}-Fache des "
            "Durchschnitts",
            tag=style.text(best),
            mal=style.number(times, digits=1),
        )
    return say(
        "Am meisten wird am {tag} gekauft, {mal}-mal so viel wie im Durchschnitt der Wochentage",
        tag=style.text(best),
        mal=style.number(times, digits=1),
    )


def calendar_alt(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the calendar heat map."""
    per_day = _per_weekday(cells)
    periods = cells.index.unique("period")
    if per_day is None:
        return say(
            "Ein Feld je Wochentag und Zeitraum, {zeitraeume} Zeiträume; viele Felder sind zu "
            "klein, um gezeigt zu werden.",
            zeitraeume=style.count(len(periods)),
        )
    by_period = cells.dropna(subset=["purchases"]).groupby("period")[["purchases", "days"]].sum()
    densest = (by_period["purchases"] / by_period["days"]).idxmax()
    return say(
        "Ein Feld je Wochentag und Zeitraum, {zeitraeume} Zeiträume; dunkler heißt mehr Käufe je "
        "Tag. Am dichtesten sind die Käufe in dem Zeitraum, der am {dichtester} beginnt, am "
        "stärksten ist der Wochentag {tag}, am schwächsten {schwach}.",
        zeitraeume=style.count(len(periods)),
        dichtester=style.date(densest),
        tag=style.text(per_day.idxmax()),
        schwach=style.text(per_day.idxmin()),
    )


def gaps(gaps: pd.DataFrame, *, k: int, style: Style) -> Sentence:
    """Say how long the gap in the middle is.

    Parameters
    ----------
    gaps : DataFrame
        From `rhythm.gaps`.
    k : int
        With gaps of fewer customers nothing is said.
    """
    if gaps["customer_id"].nunique() < k:
        return say("Es gibt zu wenige Abstände, um sie zu zeigen")
    days = gaps["days"]
    return say(
        "Die Hälfte der Abstände zwischen zwei Käufen dauert höchstens {mitte}, ein Viertel mehr "
        "als {lang}",
        mitte=style.days(days.quantile(0.5)),
        lang=style.days(days.quantile(0.75)),
    )


def gaps_alt(classes: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of gaps by length."""
    shown = classes["gap_share"].dropna()
    if not shown.max() > 0:
        return say("Balken nach der Länge des Abstands; jeder ist zu klein, um gezeigt zu werden.")
    return say(
        "Balken für {klassen} Längen des Abstands zwischen zwei Käufen, die kürzeste oben. Der "
        "längste Balken, „{haeufigste}“, umfasst {anteil} der Abstände.",
        klassen=style.count(len(classes)),
        haeufigste=style.text(shown.idxmax()),
        anteil=style.share(shown.max()),
    )


def next_purchase(curves: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many buy a second time, and how many of those a third time, within half a year.

    Parameters
    ----------
    curves : DataFrame
        From `rhythm.next_purchase`, suppressed.
    """
    week = _common_week(curves)
    if week is None:
        return say("Zu wenige Käufer, um die Kurve zu zeigen")
    second = curves.loc[(STAGES[1], week), "bought_share"]
    third = share_at(curves, STAGES[2], week)
    if math.isnan(third):
        return say(
            "Nach {wochen} haben {zweiter} der Kunden ein zweites Mal gekauft",
            wochen=style.weeks(week),
            zweiter=style.share(second),
        )
    if third > second:
        return say(
            "Der zweite Kauf ist die Hürde: Nach {wochen} haben ihn {zweiter} getan; auf ihn folgt "
            "in ebenso langer Zeit bei {dritter} der dritte",
            wochen=style.weeks(week),
            zweiter=style.share(second),
            dritter=style.share(third),
        )
    return say(
        "Nach {wochen} haben {zweiter} ein zweites Mal gekauft; auf den zweiten Kauf folgt in "
        "ebenso langer Zeit bei {dritter} der dritte",
        wochen=style.weeks(week),
        zweiter=style.share(second),
        dritter=style.share(third),
    )


def next_purchase_alt(curves: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the curves of the next purchase."""
    shown = curves["bought_share"].dropna()
    if shown.empty:
        return say("Steigende Kurven des nächsten Kaufs; sie sind zu klein, um gezeigt zu werden.")
    ends = shown.groupby("stage", sort=False).tail(1)
    stages = list(ends.index.get_level_values("stage"))
    text, values = "Steigende Kurven, die immer flacher werden, mit Unsicherheitsband.", {}
    for place, stage in zip(("erste", "zweite"), stages, strict=False):
        text += f" Die Kurve „{stage}“ endet nach {{{place}_wochen}} bei {{{place}_anteil}}."
        values[f"{place}_wochen"] = style.weeks(ends.loc[stage].index[0])
        values[f"{place}_anteil"] = style.share(ends.loc[stage].iloc[0])
    return say(text, **values)


def next_purchase_rule(*, style: Style) -> Sentence:
    """State how the curves of the next purchase are made."""
    return say(
        "Nach Kaplan und Meier: Wer am Stichtag noch nicht wieder gekauft hat, zählt so lange mit, "
        "wie wir ihn beobachten. Eine Kurve endet, wo weniger als {kunden} Kunden noch warten; das "
        "Band ist der Unsicherheitsbereich von {sicherheit}.",
        kunden=style.count(MIN_CUSTOMERS),
        sicherheit=style.share(CONFIDENCE),
    )


def share_at(curves: pd.DataFrame, stage: str, week: int) -> float:
    """Read a curve at a week; NaN where it does not reach so far or is suppressed."""
    return float(curves["bought_share"].get((stage, week), math.nan))


def share_note(curves: pd.DataFrame, stage: str, week: int, *, style: Style) -> Sentence:
    """Give the bounds of a share read off a curve."""
    low, high = (float(curves[name].get((stage, week), math.nan)) for name in ("low", "high"))
    if math.isnan(low):
        return say("Die Kurve reicht nicht so weit.")
    return say(
        "Unsicherheitsbereich {von} bis {bis}",
        von=style.share(low, digits=1),
        bis=style.share(high, digits=1),
    )


def silence(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which part of the base bought lately and which not for long.

    Parameters
    ----------
    table : DataFrame
        From `rhythm.base_by_silence`, suppressed.
    """
    fresh, old = table["customer_share"].iloc[0], table["customer_share"].iloc[-1]
    if math.isnan(fresh) or math.isnan(old):
        shown = table["customer_share"].dropna()
        if not shown.max() > 0:
            return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
        return say(
            "Die größte Gruppe, {anteil} der Kunden, gehört nach ihrem letzten Kauf zu „{gruppe}“",
            anteil=style.share(shown.max()),
            gruppe=style.text(shown.idxmax()),
        )
    return say(
        "{frisch} der Kunden kauften in den letzten {kurz}, {alt} seit über {lang} nicht mehr",
        frisch=style.share(fresh),
        kurz=style.weeks(SILENCE_WEEKS[0]),
        alt=style.share(old),
        lang=style.weeks(SILENCE_WEEKS[-1]),
    )


def silence_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the base by the time since the last purchase."""
    shown = table[table["customer_share"] > 0]
    if shown.empty:
        return say("Zwei Balken je Gruppe; jede ist zu klein, um gezeigt zu werden.")
    largest, revenue = shown["customer_share"].idxmax(), shown["revenue_share"].dropna()
    if revenue.empty:
        return say(
            "Ein Balken je Gruppe, Anteil der Kunden; Umsatz gibt es keinen. Die meisten Kunden "
            "hat „{groesste}“ mit {kunden}.",
            groesste=style.text(largest),
            kunden=style.share(shown.loc[largest, "customer_share"]),
        )
    return say(
        "Zwei Balken je Gruppe, Anteil der Kunden und Anteil am Umsatz, für {gruppen} Gruppen nach "
        "der Zeit seit dem letzten Kauf. Die meisten Kunden hat „{groesste}“ mit {kunden}, den "
        "meisten Umsatz „{reichste}“ mit {umsatz}.",
        gruppen=style.count(len(table)),
        groesste=style.text(largest),
        kunden=style.share(shown.loc[largest, "customer_share"]),
        reichste=style.text(revenue.idxmax()),
        umsatz=style.share(revenue.max()),
    )


def _limits(rule: Rule, *, style: Style) -> str:
    """Write the limits of a rule."""
    known = {"hinweis": rule.caution, "mangel": rule.serious}
    values = {
        name: style.write(limit, rule.unit) for name, limit in known.items() if limit is not None
    }
    bad = "weniger als" if rule.at_least else "mehr als"
    parts = [
        f"{word}: {bad} {{{name}}}"
        for name, word in (("hinweis", CAUTION), ("mangel", SERIOUS))
        if name in values
    ]
    return str(say("; ".join(parts), **values))


def _reasons(found: Inspection, *, status: str, k: int, style: Style) -> Sentence:
    """Join the reasons of all checks with a status, each a sentence with its figure."""
    checks = quality.hide_small(found.checks, k=k)
    texts, values = [], {}
    for check, row in checks[checks["status"] == status].iterrows():
        template, filled = REASONS[check], _figures(check, row, found, style=style)
        if math.isnan(row["value"]) and "{wert}" in template:
            template = FEW.get(check, CHECKS[check] + HIDDEN)
        # Two reasons use the same names; in one sentence each needs its own.
        for name, number in filled.items():
            if f"{{{name}}}" in template:
                template = template.replace(f"{{{name}}}", f"{{{check}_{name}}}")
                values[f"{check}_{name}"] = number
        texts.append(template[0].upper() + template[1:] + ".")
    return say(" ".join(texts), **values)


def _figures(check: str, row: pd.Series, found: Inspection, *, style: Style) -> dict[str, Number]:
    """Return the figures that the reason of a check names."""
    rule = quality.RULES[check]
    near = found.core.purchases["date"]
    limit = rule.serious if row["status"] == SERIOUS else rule.caution
    shown = [style.date(day).text for day in found.core.far_days[:SHOWN_DAYS]]
    more = " und weitere" if len(found.core.far_days) > SHOWN_DAYS else ""
    return {
        "wert": style.write(row["value"], rule.unit, 1),
        "grenze": style.write(limit, rule.unit),
        "tage": style.text(", ".join(shown) + more),
        "von": style.date(near.min()),
        "bis": style.date(near.max()),
        "erste": style.date(found.silent_weeks[0] if len(found.silent_weeks) else None),
    }


def _per_weekday(cells: pd.DataFrame) -> pd.Series | None:
    """Mean purchases per day of each weekday; None where too much is suppressed to compare."""
    held = cells[cells["days"] > 0]
    if held["purchases"].isna().mean() > MAX_SUPPRESSED or not held["purchases"].sum() > 0:
        return None
    by_day = held.dropna(subset=["purchases"]).groupby("weekday")[["purchases", "days"]].sum()
    order = [day for day in WEEKDAYS if day in by_day.index]
    return (by_day["purchases"] / by_day["days"]).reindex(order)


def _common_week(curves: pd.DataFrame) -> int | None:
    """Return half a year, or the last week shown of the first curve if that is earlier."""
    if STAGES[1] not in curves.index.get_level_values("stage"):
        return None
    weeks = curves.loc[STAGES[1], "bought_share"].dropna().index
    reached = weeks[weeks <= HALF_YEAR]
    return None if reached.empty else int(reached.max())
