"""Second purchases, the trend of cohorts and the season to German sentences, worded by rule."""

from __future__ import annotations

import pandas as pd

from workbench.cohort_drift import MIN_CHANGE
from workbench.cohort_trend import AGE_DAYS, CohortTrend, Slope
from workbench.cohorts import CONFIDENCE, Beginning
from workbench.formats import Number, Style
from workbench.outputs import Missing, Sentence, say
from workbench.rhythm import MARK_WEEKS, MIN_CUSTOMERS
from workbench.schema import DAYS_PER_YEAR
from workbench.seasonality import SIGNIFICANT, Season, Shift, sure_months
from workbench.second_purchases import EVERYBODY

# Cohorts of so many days or more have seen every season twice.
SEASONS_DAYS = 2 * DAYS_PER_YEAR
UNITS = {"repeat_share": "share", "revenue_each": "money"}
BOTH = {
    "rising": "Neuere Kohorten sind besser als ältere",
    "falling": "Neuere Kohorten sind schlechter als ältere",
    "stable": "Dass neuere Kohorten besser oder schlechter sind als ältere, ist nicht zu erkennen",
}
REPEAT = {
    "rising": "von neueren Kohorten kaufen mehr Kunden wieder",
    "falling": "von neueren Kohorten kaufen weniger Kunden wieder",
    "stable": "beim Wiederkauf ist kein Unterschied zu erkennen",
}
REVENUE = {
    "rising": "neuere Kohorten bringen mehr Umsatz je Kunde",
    "falling": "neuere Kohorten bringen weniger Umsatz je Kunde",
    "stable": "beim Umsatz je Kunde ist kein Unterschied zu erkennen",
}


def repeat_rates(shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which share of all customers bought again within each window.

    Parameters
    ----------
    shown : DataFrame
        From `second_purchases.hide_small_rates`.
    """
    rates = shown.xs(EVERYBODY, level="layer").dropna(subset=["repeat_share"])
    if rates.empty:
        return say("Noch ist niemand lange genug beobachtet, oder es sind zu wenige.")
    first, last = rates.index[0], rates.index[-1]
    text = (
        "Binnen {erst} Tagen nach dem ersten Kauf kaufen {anteil} wieder (Unsicherheitsbereich "
        "{von} bis {bis})"
    )
    values = {
        "erst": style.count(first),
        "anteil": style.share(rates.loc[first, "repeat_share"], digits=1),
        "von": style.share(rates.loc[first, "low"], digits=1),
        "bis": style.share(rates.loc[first, "high"], digits=1),
    }
    if last != first:
        text += "; binnen {dann} Tagen sind es {mehr} der {kunden}, die so lange beobachtet sind"
        values["dann"] = style.count(last)
        values["kunden"] = style.count(rates.loc[last, "customers"])
        values["mehr"] = style.share(rates.loc[last, "repeat_share"], digits=1)
    return say(text + ".", **values)


def repeat_rates_rule(*, style: Style) -> Sentence:
    """State who counts in a window."""
    return say(
        "Anteil mit zweitem Kauf; je Frist zählt nur, wer nach dem ersten Kauf so lange beobachtet "
        "ist. Unsicherheitsbereich nach Wilson, {sicherheit}.",
        sicherheit=style.share(CONFIDENCE),
    )


def curves(shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far the cohorts lie apart at the last mark that several of them reach.

    Parameters
    ----------
    shown : DataFrame
        From `second_purchases.hide_small_curves`.
    """
    marks = shown["bought_share"].dropna()
    marks = marks[marks.index.get_level_values("week").isin(MARK_WEEKS)]
    if marks.empty:
        return say("Zu wenige Käufer, um die Kurven zu zeigen")
    reached = marks.groupby("week").size()
    week = reached.index[reached >= min(2, reached.max())].max()
    at = marks.xs(week, level="week")
    if len(at) == 1:
        return say(
            "Nach {wochen} haben {anteil} der Kohorte {name} ein zweites Mal gekauft",
            wochen=style.weeks(week),
            anteil=style.share(at.iloc[0]),
            name=style.text(at.index[0]),
        )
    return say(
        "Nach {wochen} haben je nach Kohorte {von} ({tief}) bis {bis} ({hoch}) ein zweites Mal "
        "gekauft",
        wochen=style.weeks(week),
        von=style.share(at.min()),
        tief=style.text(at.idxmin()),
        bis=style.share(at.max()),
        hoch=style.text(at.idxmax()),
    )


def curves_alt(shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the curves of the second purchase by cohort."""
    ends = shown["bought_share"].dropna().groupby("layer", sort=False).tail(1)
    text = "Steigende Kurven des zweiten Kaufs mit Unsicherheitsband, eine je Kohorte ({n})."
    if ends.empty:
        return say(text, n=style.count(len(shown.index.unique("layer"))))
    (name, week), share = ends.idxmax(), ends.max()
    return say(
        text + " Am höchsten endet die Kohorte {name}: {anteil} nach {wochen}.",
        n=style.count(len(shown.index.unique("layer"))),
        name=style.text(name),
        anteil=style.share(share),
        wochen=style.weeks(week),
    )


def curves_rule(*, style: Style) -> Sentence:
    """State how the curves are made and where they end."""
    return say(
        "Nach Kaplan und Meier, Band nach Greenwood ({sicherheit}). Eine Kurve endet, wo weniger "
        "als {kunden} Kunden noch warten; eine Kohorte mit weniger Wiederkäufern hat keine.",
        sicherheit=style.share(CONFIDENCE),
        kunden=style.count(MIN_CUSTOMERS),
    )


def trend(found: CohortTrend, *, begun: Beginning, style: Style) -> Sentence:
    """Say whether newer cohorts are better or worse, by how much, and what to bear in mind."""
    codes = (found.repeat.code, found.revenue.code)
    if codes[0] == codes[1]:
        text = BOTH[codes[0]]
    else:
        text = f"{REPEAT[codes[0]]}, {REVENUE[codes[1]]}"
        text = text[0].upper() + text[1:]
    repeat, values = _change("wieder", found.repeat, style)
    revenue, more = _change("umsatz", found.revenue, style)
    text += (
        f". Von der ersten zur letzten Kohorte sind es beim Wiederkauf binnen {{tage}} Tagen "
        f"{repeat} und beim Umsatz je Kunde {revenue}."
    )
    if begun.is_truncated:
        text += " Die Kunden des ersten Monats fehlen darin, weil viele von ihnen alte Kunden sind."
    if begun.is_closed:
        text += " Alle Kohorten liegen nah beieinander; über heutige Neukunden sagt das nichts."
    elif (found.cohorts.index[-1] - found.cohorts.index[0]).days < SEASONS_DAYS:
        text += " Die Saison, in der eine Kohorte begann, steckt darin."
    return say(text, tage=style.count(AGE_DAYS), **values, **more)


def trend_rule(*, style: Style) -> Sentence:
    """State the rule behind the sentence on the trend."""
    return say(
        "Regel: besser oder schlechter heißt, dass sich die Gerade von der ersten zur letzten "
        "Kohorte um mindestens {aenderung} hebt oder senkt und ihr Unsicherheitsbereich von "
        "{sicherheit} null nicht enthält. Streuen die Kohorten stärker um die Gerade, als ihre "
        "Kunden erklären, wird der Bereich entsprechend weiter.",
        aenderung=style.share(MIN_CHANGE),
        sicherheit=style.share(CONFIDENCE),
    )


def trend_title(shown: pd.DataFrame, measure: str, *, style: Style) -> Sentence:
    """Say how far the cohorts lie apart in a measure.

    Parameters
    ----------
    shown : DataFrame
        From `cohort_trend.hide_small`.
    measure : {"repeat_share", "revenue_each"}
        Which.
    style : Style
        How to write numbers.
    """
    values = shown[measure].dropna()
    if values.empty:
        return say("Jede Kohorte ist zu klein, um gezeigt zu werden")
    text = {
        "repeat_share": "Binnen {tage} Tagen kaufen je nach Kohorte {von} bis {bis} wieder",
        "revenue_each": "In den ersten {tage} Tagen bringt ein Kunde je nach Kohorte {von} bis "
        "{bis}",
    }[measure]
    return say(
        text,
        tage=style.count(AGE_DAYS),
        von=style.write(values.min(), UNITS[measure], 0),
        bis=style.write(values.max(), UNITS[measure], 0),
    )


def trend_alt(shown: pd.DataFrame, measure: str, *, style: Style) -> Sentence:
    """Describe the drawing of a measure by cohort."""
    values, line = shown[measure].dropna(), shown[f"{measure}_fitted"].dropna()
    text = "Ein Punkt mit Unsicherheitsbereich je Kohorte ({n})"
    if values.empty:
        return say(text + ".", n=style.count(len(shown)))
    return say(
        text + ", dazu eine Gerade, die "
        f"{'steigt' if line.iloc[-1] > line.iloc[0] else 'fällt'}. Der höchste Punkt liegt bei der "
        "Kohorte ab {beginn} mit {hoch}, der niedrigste bei {tief}.",
        n=style.count(len(shown)),
        beginn=style.date(values.idxmax()),
        hoch=style.write(values.max(), UNITS[measure], 0),
        tief=style.write(values.min(), UNITS[measure], 0),
    )


def season(found: Season, *, style: Style) -> Sentence:
    """Say which calendar months are surely above or below the average month."""
    indices = found.indices
    best, worst = indices["index"].idxmax(), indices["index"].idxmin()
    values = {
        "stark": style.text(best),
        "oben": style.share(indices.loc[best, "index"]),
        "schwach": style.text(worst),
        "unten": style.share(indices.loc[worst, "index"]),
        "mal": style.count(indices["n_ratios"].min()),
    }
    text = (
        "Am stärksten ist der {stark} mit {oben} eines mittleren Monats, am schwächsten der "
        "{schwach} mit {unten}."
    )
    sure = sure_months(found)
    if not sure:
        text += (
            " Sicher ist das nicht: Manche Monate sind erst {mal}-mal gemessen, und kein Monat "
            "hebt sich mehr ab, als Monate ohnehin schwanken."
        )
    else:
        text += " Sicher verschieden vom mittleren Monat: {sicher}."
        values["sicher"] = style.text(", ".join(sure))
    return say(text, **values)


def season_rule(*, style: Style) -> Sentence:
    """State how the indices are made."""
    return say(
        "Klassische Zerlegung: Umsatz eines Monats, geteilt durch den Trend, das gleitende Mittel "
        "über zwölf Monate; gemittelt je Kalendermonat. Unsicherheitsbereich von "
        "{sicherheit} für alle Monate zugleich.",
        sicherheit=style.share(CONFIDENCE),
    )


def shift_month(found: Shift | Missing) -> pd.Timestamp | None:
    """Return the first month on another level, where that is more than chance."""
    is_sure = not isinstance(found, Missing) and found.p_value < SIGNIFICANT
    return found.month if is_sure else None


def shift(found: Shift, *, begun: Beginning, style: Style) -> Sentence:
    """Say whether the revenue has moved to another level, and since when."""
    values = {
        "monat": style.date(found.month),
        "zufall": style.share(found.p_value, digits=1),
        "um": style.share(abs(found.change)),
    }
    if found.p_value >= SIGNIFICANT:
        return say(
            "Ein Sprung des Umsatzes auf ein anderes Niveau ist nicht nachgewiesen: Der größte, ab "
            "{monat}, käme durch Zufall allein in {zufall} der Fälle ebenso groß vor.",
            **values,
        )
    text = (
        "Ab {monat} liegt der Umsatz auf einem anderen Niveau, {um} "
        + ("höher" if found.change > 0 else "tiefer")
        + " als vorher, neben dem glatten Verlauf. Durch Zufall allein käme ein so großer Sprung "
        "in {zufall} der Fälle vor."
    )
    if begun.is_closed:
        text += " In einer geschlossenen Gruppe heißt das: Die ersten Käufe sind vorbei."
    elif not found.is_adjusted:
        text += " Die Saison ist nicht herausgerechnet; auch sie kann der Grund sein."
    return say(text, **values)


def months_alt(months: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of the revenue of whole months."""
    revenue = months["revenue"].dropna()
    if revenue.empty:
        return say("Säulen je Monat; jeder Monat ist zu klein, um gezeigt zu werden.")
    return say(
        "Säulen für {n} volle Monate. Der höchste Umsatz liegt im Monat ab {beginn} mit {hoch}, "
        "der niedrigste beträgt {tief}.",
        n=style.count(len(months)),
        beginn=style.date(revenue.idxmax()),
        hoch=style.money(revenue.max()),
        tief=style.money(revenue.min()),
    )


def months_title(months: pd.DataFrame, *, style: Style) -> Sentence:
    """Say what a month brings in the middle, and how far the months lie apart."""
    revenue = months["revenue"].dropna()
    if revenue.empty:
        return say("Jeder Monat ist zu klein, um gezeigt zu werden")
    return say(
        "Ein Monat bringt in der Mitte {mitte} Umsatz, der schwächste {tief}, der stärkste {hoch}",
        mitte=style.money(revenue.median()),
        tief=style.money(revenue.min()),
        hoch=style.money(revenue.max()),
    )


def _change(name: str, slope: Slope, style: Style) -> tuple[str, dict[str, Number]]:
    """Word a change with its interval; each number has its direction beside it."""
    ends = {name: slope.change, f"{name}_von": slope.lower, f"{name}_bis": slope.upper}
    middle, lower, upper = (
        f"{{{end}}} {'mehr' if value >= 0 else 'weniger'}" for end, value in ends.items()
    )
    numbers = {end: style.share(abs(value), digits=1) for end, value in ends.items()}
    return f"{middle} (Unsicherheitsbereich: {lower} bis {upper})", numbers
