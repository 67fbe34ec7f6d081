"""Judged claims to what a page shows: rows, and German sentences with a verdict by rule."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from workbench import claim_effects, claims, customer_bootstrap, outputs, tested_claims
from workbench.claim_book import CLAIMS
from workbench.formats import NOTHING, Style
from workbench.outputs import Sentence, say
from workbench.periods import Periods
from workbench.retention_whatif import READINGS, STEP
from workbench.revenue_ratio import WINSOR
from workbench.schema import DAYS_PER_YEAR
from workbench.tested_claims import MIN_CUSTOMERS, Judged

WAYS = {
    "naive": "Mehrfachkäufer gegen Einmalkäufer, ganze Zeit",
    "landmark": "Dieselben ab einem Stichtag, Nichtkäufer mit null",
    "basket": "Späterer Kauf gegen ersten Kauf",
    "year": "Bestand gegen Neue im selben Zeitraum",
    "year_buyers": "dasselbe, nur wer darin kaufte",
    "year_exposure": "dasselbe, je Tag als Kunde",
    "within_stayed": "Derselbe Kunde später gegen früher, nur wer blieb",
    "within_all": "dasselbe, alle",
}
FRIENDS = {
    "friends": "Wahre Freunde: lange Kunde, viel Umsatz",
    "barnacles": "Anhängliche: lange Kunde, wenig Umsatz",
    "butterflies": "Schmetterlinge: kurz Kunde, viel Umsatz",
    "strangers": "Fremde: kurz Kunde, wenig Umsatz",
}
FIVE_PERCENT = ("rate_of", "retention", "multiple", *READINGS, "elasticity")
# How a verdict stands in a table, and in a sentence.
_WORDS = {
    "inside": "im Unsicherheitsbereich",
    "just_inside": "knapp im Unsicherheitsbereich",
    "just_outside": "knapp außerhalb",
    "less": "Ihre Daten zeigen weniger",
    "more": "Ihre Daten zeigen mehr",
    "supported": "passt zu Ihren Daten",
    "contradicted": "widerspricht Ihren Daten",
    "open": "kein klarer Unterschied",
    "missing": "nicht messbar",
}
_CLAUSES = {
    "inside": "Die Behauptung liegt im Unsicherheitsbereich Ihrer Daten.",
    "just_inside": "Die Behauptung liegt knapp im Unsicherheitsbereich Ihrer Daten.",
    "just_outside": "Die Behauptung liegt knapp außerhalb des Unsicherheitsbereichs Ihrer Daten.",
    "less": "Ihre Daten zeigen weniger, als behauptet wird.",
    "more": "Ihre Daten zeigen mehr, als behauptet wird.",
    "supported": "Das passt zur Behauptung.",
    "contradicted": "Das widerspricht der Behauptung.",
    "open": "Ein klarer Unterschied ist das nicht.",
}
_AFTER_COMPLAINTS = {
    "contradicted": "Den Rückgang glich auch eine Lösung nicht aus.",
    "open": "Ein Rückgang ist damit nicht zu erkennen.",
}
UP_TO = " „Bis zu“ lässt sich nicht widerlegen; geprüft ist, was im Mittel gilt."


def summary(tested: Judged) -> pd.DataFrame:
    """Name the claims with what is claimed, what the data show, and the verdict in words.

    Returns
    -------
    DataFrame
        One row per claim: `claim`, `verdict` (text), `claimed`, `claimed_to`,
        `now`, `now_low`, `now_high` (numbers; missing where there is none),
        `unit` and `digits`.
    """
    table = tested_claims.summary(tested)
    names = table.index
    digits = {"share": 0, "number": 2}
    renamed = {"value": "now", "low": "now_low", "high": "now_high"}
    return (
        table.reset_index(drop=True)
        .rename(columns=renamed)
        .assign(
            claim=[CLAIMS[name].text for name in names],
            verdict=table["verdict"].map(_WORDS).to_numpy(),
            unit=[CLAIMS[name].unit for name in names],
            digits=[0 if name == "referral_index" else digits[CLAIMS[name].unit] for name in names],
        )
    )


def lead(tested: Judged, *, style: Style) -> Sentence:
    """Say how many of the claims could be measured, and how many hold."""
    words = tested_claims.summary(tested)["verdict"]
    measured = words[words != "missing"]
    fits = measured.isin(["inside", "just_inside", "supported", "more"])
    opens = measured == "open"
    return say(
        "Von {alle} Behauptungen sind {gemessen} an Ihren Daten messbar. Mit ihnen vereinbar: "
        "{passen}; nicht vereinbar: {dagegen}; ohne klaren Unterschied: {offen}.",
        dagegen=style.count((~fits & ~opens).sum()),
        offen=style.count(opens.sum()),
        alle=style.count(len(words)),
        gemessen=style.count(len(measured)),
        passen=style.count(fits.sum()),
    )


def sentences(tested: Judged, *, periods: Periods, style: Style) -> dict[str, Sentence]:
    """Write a verdict on every claim, or what it takes to measure it.

    Returns
    -------
    dict of str to Sentence
        All of `claim_book.CLAIMS`.
    """
    verdicts = tested_claims.summary(tested)["verdict"]
    found = {}
    for name, claim in CLAIMS.items():
        if verdicts[name] == "missing":
            lacks = style.text(claim.lacks)
            found[name] = say("Nicht messbar; es fehlt: {was}.", was=lacks)
        else:
            text, numbers = _TELLERS[name](tested, periods, style)
            clauses = _CLAUSES | (_AFTER_COMPLAINTS if name == "complaints" else {})
            found[name] = say(f"{text} {clauses[verdicts[name]]}{_add(name)}", **numbers)
    return found


def verdict_rows(told: dict[str, Sentence], names: tuple[str, ...]) -> pd.DataFrame:
    """List claims with their sentences, as `claim` and `sentence` (text)."""
    return pd.DataFrame(
        {"claim": [CLAIMS[n].text for n in names], "sentence": [str(told[n]) for n in names]}
    )


def evidence(*, style: Style) -> pd.DataFrame:
    """List what is known about each claim and where that stands.

    Returns
    -------
    DataFrame
        `claim`, `known` and `source`, all text.
    """
    rows = []
    for claim in CLAIMS.values():
        numbers = {
            name: style.write(value, unit, 1 if unit == "number" else None)
            for name, (value, unit) in claim.numbers.items()
        }
        rows.append((claim.text, str(say(claim.known, **numbers)), claim.source or NOTHING))
    return pd.DataFrame(rows, columns=["claim", "known", "source"])


def ways(tested: Judged) -> pd.DataFrame:
    """Name the ways to compare known and new customers, the days in words.

    Returns
    -------
    DataFrame
        The columns of `revenue_ratio.compare`, indexed by `way` (text).
    """
    return tested.ratios.rename(index=WAYS).rename_axis("way")


def ways_rule(tested: Judged, *, style: Style) -> Sentence:
    """State the days behind the ways."""
    days = tested.days
    return say(
        "Bestand heißt je nach Zeile: zwei Käufe oder mehr, oder erster Kauf vor dem Zeitraum. "
        "Stichtag {stichtag}, danach {danach}; Zeitraum {von} bis {bis}; eigene erste und spätere "
        "Zeit je {eigene}. Gekappt: auf beiden Seiten je {gekappt} der kleinsten und größten "
        "Beträge auf die Grenze gesetzt. Bereich {sicher}, Kunden mit Zurücklegen gezogen.",
        stichtag=style.date(days.landmark),
        danach=style.days(days.after_days),
        von=style.date(days.year_start),
        bis=style.date(days.year_end),
        eigene=style.days(days.own_days),
        gekappt=style.share(WINSOR),
        sicher=style.share(customer_bootstrap.LEVEL),
    )


def ways_title(tested: Judged, *, style: Style) -> Sentence:
    """Say between which factors the ways lie."""
    shown = tested.ratios["ratio"].dropna()
    return say(
        "Je nachdem, wie man fragt, bringt ein Bestandskunde das {kleinstes}- bis "
        "{groesstes}-Fache eines Neukunden",
        kleinstes=style.number(shown.min(), digits=1),
        groesstes=style.number(shown.max(), digits=1),
    )


def ways_alt(tested: Judged, *, style: Style) -> Sentence:
    """Describe the drawing of the ways."""
    shown = tested.ratios.dropna(subset=["ratio"]).rename(index=WAYS)
    return say(
        "Ein Punkt mit Unsicherheitsbereich für jede von {arten} Arten zu vergleichen, auf einer "
        "Achse, die Vielfache gleich weit auseinander zeigt. Am kleinsten: {tief} ({klein}), am "
        "größten: {hoch} ({gross}). Senkrechte Linien stehen bei {eins} und bei {behauptet}.",
        arten=style.count(len(shown)),
        tief=style.text(shown["ratio"].idxmin()),
        klein=style.number(shown["ratio"].min(), digits=1),
        hoch=style.text(shown["ratio"].idxmax()),
        gross=style.number(shown["ratio"].max(), digits=1),
        eins=style.count(1),
        behauptet=style.count(CLAIMS["seven_times"].claimed),
    )


def five_percent(tested: Judged, *, annual_discount_rate: float) -> pd.DataFrame:
    """Put the table of the literature beside the readings at the firm's own rate.

    Returns
    -------
    DataFrame
        `rate_of` (text), `retention`, `multiple`, the three readings of
        `retention_whatif.READINGS` as columns, and `elasticity`.
    """
    table = claims.five_percent(claims.RATES, annual_discount_rate=annual_discount_rate)
    table = table.reset_index().assign(rate_of="Beispiel")
    own = tested.readings.get("five_percent")
    if own is None or own["value"].isna().any():
        return table
    row = own["value"].to_dict() | {
        "rate_of": "Ihre Kunden",
        **own[["retention", "multiple", "elasticity"]].iloc[0].to_dict(),
    }
    return pd.concat([pd.DataFrame([row]), table], ignore_index=True)


def five_percent_rule(periods: Periods, *, annual_discount_rate: float, style: Style) -> Sentence:
    """State what the readings are and how the own rate is treated."""
    text = (
        "Änderung des Kundenwerts, wenn die Abwanderung um {schritt} ihres Werts sinkt, die "
        "Bindung um {schritt} ihres Werts steigt oder um {punkte} Prozentpunkte; abgezinst mit "
        "{zins} im Jahr. Elastizität: Prozent mehr Wert je Prozent mehr Bindung."
    )
    if periods.days != DAYS_PER_YEAR:
        text += " Ihre Rate gilt für {tage}; der Zins ist auf diese Zeit umgerechnet."
    return say(
        text,
        schritt=style.share(STEP),
        punkte=style.count(100 * STEP),
        zins=style.share(annual_discount_rate),
        tage=style.days(periods.days),
    )


def less_leaving(tested: Judged) -> pd.DataFrame:
    """List what would have stayed of the revenue before had fewer left; empty if not shown."""
    table = tested.readings.get("revenue_growth")
    value = float("nan") if table is None else table.loc["nobody_left", "value"]
    found = claims.less_leaving(value).reset_index()
    return found if value > 0 else found.iloc[:0]


def cost_rows(tested: Judged, *, style: Style) -> pd.DataFrame:
    """List the cost of a new and a kept customer under each split of the budgets; empty without.

    Returns
    -------
    DataFrame
        `split` (text), `cost_new`, `cost_kept` (currency), `ratio`,
        `ratio_low`, `ratio_high`.
    """
    table = tested.readings.get("acquisition_cost")
    if table is None:
        return pd.DataFrame()
    names = {"value": "ratio", "low": "ratio_low", "high": "ratio_high"}
    splits = [str(_split(share, style)) for share in table.index]
    return table.rename(columns=names).assign(split=splits).reset_index(drop=True)


def _split(share: float, style: Style) -> Sentence:
    """Say what part of a budget is taken to have served the other purpose."""
    if not share:
        return say("wie gebucht")
    text = "{teil} des Akquisebudgets galten Bestandskunden"
    if share < 0:
        text = "{teil} des Bindungsbudgets galten neuen Kunden"
    return say(text, teil=style.share(abs(share)))


def friends(tested: Judged) -> pd.DataFrame:
    """Name the four groups by tenure and revenue."""
    return tested.friends.rename(index=FRIENDS).rename_axis("friends")


def effects_rule(periods: Periods, *, style: Style) -> Sentence:
    """State how groups are compared in the claims without a number."""
    return say(
        "Verglichen wird, wer in den {tage} Tagen danach kauft, zwischen Kunden mit gleich "
        "vielen und gleich lange zurückliegenden Käufen; jede Seite braucht {mindestens} Kunden. "
        "Ein Zusammenhang ist noch keine Ursache.",
        tage=style.count(claim_effects.after_days(periods)),
        mindestens=style.count(MIN_CUSTOMERS),
    )


def _add(name: str) -> str:
    return UP_TO if "bis zu" in CLAIMS[name].text.lower() else ""


def _range(row: pd.Series, style: Style, unit: str, digits: int) -> dict[str, outputs.Number]:
    names = {"wert": "value", "von": "low", "bis": "high"}
    return {key: style.write(row[name], unit, digits) for key, name in names.items()}


def _seven_times(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    table = tested.readings["seven_times"]
    row = tested_claims.main(tested, "seven_times")
    numbers = _range(row, style, "number", 2)
    text = "Ein Bestandskunde brachte das {wert}-Fache eines neuen ({von} bis {bis}){seit}."
    has_landmark = row.name == "landmark"
    since = say(", gezählt ab dem {tag}", tag=style.date(tested.days.landmark))
    numbers["seit"] = style.text(since if has_landmark else "")
    others = table["value"].reindex(["naive", "basket"])
    if has_landmark and others.notna().all():
        text += " Über die ganze Zeit ist es das {naiv}-Fache, je Kauf das {korb}-Fache."
        numbers["naiv"] = style.number(others["naive"])
        numbers["korb"] = style.number(others["basket"])
    if pd.notna(row["share_reaching"]):
        text += " Das {behauptet}-Fache erreichten {anteil} der Bestandskunden."
        numbers["anteil"] = style.share(row["share_reaching"], digits=1)
        numbers["behauptet"] = style.count(CLAIMS["seven_times"].claimed)
    return text, numbers


def _five_percent(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    table = tested.readings["five_percent"]
    claim = CLAIMS["five_percent"]
    inside = table["value"].between(claim.claimed, claim.claimed_to).sum()
    text = (
        "Bei Ihrer Kundenbindungsrate von {rate} hebt das den Wert eines Kunden um {weniger} "
        "(Abwanderung {schritt} geringer), {mehr} (Bindung {schritt} höher) oder {punkte} (Bindung "
        "{zahl} Prozentpunkte höher). {drin} dieser {alle} Lesarten liegen zwischen {von} und "
        "{bis}; Gewinn ist keine davon, denn die Kosten der Bindung fehlen."
    )
    numbers = {
        "rate": style.share(table["retention"].iloc[0], digits=1),
        "weniger": style.share(table.loc["churn_relative", "value"], digits=1),
        "mehr": style.share(table.loc["retention_relative", "value"], digits=1),
        "punkte": style.share(table.loc["retention_points", "value"], digits=1),
        "schritt": style.share(STEP),
        "zahl": style.count(100 * STEP),
        "drin": style.count(inside),
        "alle": style.count(len(table)),
        "von": style.share(claim.claimed),
        "bis": style.share(claim.claimed_to),
    }
    return text, numbers


def _revenue_growth(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    table = tested.readings["revenue_growth"]
    numbers = _range(table.loc["known"], style, "share", 1)
    numbers["blieb"] = style.share(table.loc["stayed", "value"], digits=1)
    numbers["gegangen"] = style.share(table.loc["nobody_left", "value"], digits=1)
    text = (
        "Alle Bestandskunden zusammen änderten den Umsatz um {wert} ({von} bis {bis}), die "
        "gebliebenen um {blieb}. Mit den Abgewanderten gingen {gegangen} des Umsatzes; "
    )
    claimed = CLAIMS["revenue_growth"].claimed
    if table.loc["nobody_left", "value"] < claimed:
        return text + "auch wenn niemand gegangen wäre, käme weniger dabei heraus.", numbers
    numbers["anteil"] = style.share(claimed / table.loc["nobody_left", "value"])
    numbers["behauptet"] = style.share(claimed)
    return text + "für {behauptet} hätten {anteil} davon bleiben müssen.", numbers


def _acquisition_cost(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    row = tested_claims.main(tested, "acquisition_cost")
    numbers = _range(row, style, "number", 2)
    numbers["neu"] = style.money(row["cost_new"], digits=2)
    numbers["alt"] = style.money(row["cost_kept"], digits=2)
    return (
        "Ein neuer Kunde kostete {neu}, ein gehaltener {alt}: das {wert}-Fache ({von} bis {bis}). "
        "Ob sich beides lohnt, sagt nicht dieses Verhältnis, sondern was ein Kunde bringt; das "
        "steht auf der Seite Kundenwert.",
        numbers,
    )


def _budget_share(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    row = tested_claims.main(tested, "budget_share")
    text = "In die Gewinnung gehen {wert} der Budgets{und}."
    beside = say(
        "; neue Kunden brachten im letzten Zeitraum {umsatz} des Umsatzes",
        umsatz=style.share(tested.new_share, digits=1),
    )
    numbers = {
        "wert": style.share(row["value"], digits=1),
        "und": style.text(beside if pd.notna(tested.new_share) else ""),
    }
    return text, numbers


def _referral_index(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    row = tested_claims.main(tested, "referral_index")
    numbers = _range(row, style, "number", 0)
    numbers["alt"] = style.number(row["mean"], digits=1)
    numbers["neu"] = style.number(row["mean_other"], digits=1)
    return (
        "Auf die Empfehlungsfrage antworten Kunden mit mehreren Käufen im Mittel {alt}, solche mit "
        "einem {neu}; der Index ist {wert} ({von} bis {bis}).",
        numbers,
    )


def _cost_to_serve(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    row = tested_claims.main(tested, "cost_to_serve")
    numbers = _range(row, style, "number", 2)
    numbers["spaeter"] = style.share(row["mean"], digits=1)
    numbers["erst"] = style.share(row["mean_other"], digits=1)
    return (
        "Vom Umsatz späterer Käufe bleiben {spaeter}, vom Umsatz erster {erst}: das {wert}-Fache "
        "({von} bis {bis}). Was Service und Werbung kosten, steht nicht in den Zeilen.",
        numbers,
    )


def _tenure(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    row = tested_claims.main(tested, "tenure")
    numbers = _range(row, style, "number", 2)
    numbers["lang"] = style.money(row["mean"])
    numbers["kurz"] = style.money(row["mean_other"])
    return (
        "Wer länger Kunde ist, brachte im letzten Zeitraum {lang}, wer kürzer, {kurz}: das "
        "{wert}-Fache ({von} bis {bis}).",
        numbers,
    )


def _shares(
    what: str, name: str
) -> Callable[[Judged, Periods, Style], tuple[str, dict[str, outputs.Number]]]:
    """Tell a ratio of two shares; `what` names both sides."""

    def tell(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
        row = tested_claims.main(tested, name)
        numbers = _range(row, style, "number", 2)
        numbers["ihr"] = style.share(row["mean"], digits=1)
        numbers["andere"] = style.share(row["mean_other"], digits=1)
        numbers["tage"] = style.count(claim_effects.after_days(periods))
        numbers["geloesten"] = style.text("gelösten " if row.name == "resolved" else "")
        return (
            f"{what} Bei gleicher Vorgeschichte das {{wert}}-Fache ({{von}} bis {{bis}}).",
            numbers,
        )

    return tell


def _referred_value(tested: Judged, periods: Periods, style: Style) -> tuple[str, dict]:
    row = tested_claims.main(tested, "referred_value")
    numbers = _range(row, style, "number", 2)
    numbers["ihr"] = style.money(row["mean"])
    numbers["andere"] = style.money(row["mean_other"])
    numbers["tage"] = style.count(claim_effects.after_days(periods))
    return (
        "Geworbene Kunden brachten in den ersten {tage} Tagen {ihr}, andere {andere}; im selben "
        "Quartal gekommen das {wert}-Fache ({von} bis {bis}).",
        numbers,
    )


_TELLERS = {
    "seven_times": _seven_times,
    "five_percent": _five_percent,
    "revenue_growth": _revenue_growth,
    "acquisition_cost": _acquisition_cost,
    "budget_share": _budget_share,
    "referral_index": _referral_index,
    "cost_to_serve": _cost_to_serve,
    "tenure": _tenure,
    "satisfied_buy": _shares(
        "Nach einer guten Note kauften {ihr} in den {tage} Tagen danach wieder, nach einer "
        "schlechteren {andere}.",
        "satisfied_buy",
    ),
    "satisfied_recommend": _shares(
        "Von den Zufriedenen sind {ihr} Fürsprecher, von den anderen {andere}.",
        "satisfied_recommend",
    ),
    "referred_value": _referred_value,
    "programme": _shares(
        "Nach dem Beitritt kauften {ihr} in den {tage} Tagen danach wieder, an gewöhnlichen Tagen "
        "{andere}.",
        "programme",
    ),
    "complaints": _shares(
        "Nach einer {geloesten}Beschwerde kauften {ihr} in den {tage} Tagen danach wieder, an "
        "gewöhnlichen Tagen {andere}.",
        "complaints",
    ),
}
