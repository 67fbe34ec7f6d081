"""Profiles of the segments to German sentences, worded by rule, and the attributes of a profile."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.formats import Style
from workbench.outputs import Missing, Sentence, say
from workbench.profiles import (
    CONFIDENCE,
    MIN_CUSTOMERS,
    N_DRAWS,
    REST,
    SIGNIFICANT,
    UNKNOWN,
    Profile,
)

# Attributes by the kind of profile.
KINDS = {
    "demographic": (
        *("birth_year_group", "age_group", "gender", "income_group", "household_size"),
        *("occupation", "customer_type"),
    ),
    "geographic": ("country", "country_part", "postcode_area"),
    "channel": ("first_channel", "main_channel"),
    "category": ("main_category",),
}
ATTRIBUTES = {
    "birth_year_group": "Geburtsjahre",
    "age_group": "Alter",
    "gender": "Geschlecht",
    "income_group": "Einkommen",
    "household_size": "Personen im Haushalt",
    "occupation": "Beruf",
    "customer_type": "Kundentyp",
    "country": "Land",
    "country_part": "Bundesland oder Kanton",
    "postcode_area": "Postleitgebiet",
    "first_channel": "Erster Kanal",
    "main_channel": "Wichtigster Kanal",
    "main_category": "Wichtigste Kategorie",
}
# What a profile of each kind needs.
NEEDS = {
    "demographic": "Alter, Geschlecht, Einkommen, Haushalt oder Kundentyp im Kundenstamm",
    "geographic": "Land oder Postleitzahl im Kundenstamm, mit mehr als einem Wert",
    "channel": "Kanäle, im Kundenstamm oder in den Bestellungen",
    "category": "Kategorien in den Bestellungen",
}
PSYCHOGRAPHIC = Missing("eine Befragung mit Fragen zu Lebensstil, Einstellungen oder Vorlieben")
# Where Cramér's V begins to be called so.
CLOSE, MODERATE = 0.3, 0.1


def of_kind(found: Profile | Missing, kind: str) -> Profile | Missing:
    """Keep the attributes of one of `KINDS`; say what it lacks where there are none."""
    names = [] if isinstance(found, Missing) else found.associations.index
    own = [name for name in names if name in KINDS[kind]]
    if not own:
        return Missing(NEEDS[kind])
    return Profile(found.cells.loc[own], found.associations.loc[own])


def overview(found: Profile, *, style: Style) -> Sentence:
    """Say how many attributes hang together with the segments."""
    sure = found.associations[found.associations["is_sure"]]
    if sure.empty:
        return say(
            "Keines von {alle} Merkmalen hängt nachweisbar mit der Gruppe zusammen: Wer die Kunden "
            "einer Gruppe sind, unterscheidet sich nicht von den anderen. Was sie trennt, ist ihr "
            "Verhalten.",
            alle=style.count(len(found.associations)),
        )
    return say(
        "{sicher} von {alle} Merkmalen hängen nachweisbar mit der Gruppe zusammen, am engsten "
        f"{ATTRIBUTES[sure.index[0]]} ({_closeness(sure['cramers_v'].iloc[0])}, Cramérs V {{v}})."
        if len(sure) > 1
        else "Nur {sicher} von {alle} Merkmalen hängt nachweisbar mit der Gruppe zusammen: "
        f"{ATTRIBUTES[sure.index[0]]} ({_closeness(sure['cramers_v'].iloc[0])}, Cramérs V {{v}}).",
        sicher=style.count(len(sure)),
        alle=style.count(len(found.associations)),
        v=style.number(sure["cramers_v"].iloc[0], digits=2),
    )


def lead(cells: pd.DataFrame, associations: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whether the segments differ in an attribute, how closely, and where most.

    Parameters
    ----------
    cells : DataFrame
        From `profiles.hide_small_profile`.
    associations : DataFrame
        Of `profiles.Profile`.
    style : Style
        How to write numbers.
    """
    sure = associations[associations["is_sure"]]
    if sure.empty:
        names = _and([ATTRIBUTES[name] for name in associations.index])
        return say(
            f"Ein Zusammenhang ist nicht nachgewiesen ({names}): Die Gruppen unterscheiden sich "
            "darin nicht mehr, als der Zufall es macht."
        )
    name, best = sure.index[0], sure.iloc[0]
    text = (
        f"{ATTRIBUTES[name]} und Gruppe hängen {_closeness(best['cramers_v'])} zusammen "
        "(Cramérs V {v}, Unsicherheitsbereich {von} bis {bis})"
    )
    values = {
        "v": style.number(best["cramers_v"], digits=2),
        "von": style.number(best["v_low"], digits=2),
        "bis": style.number(best["v_high"], digits=2),
    }
    place = _standing_out(cells.loc[name])
    if place is not None:
        group, segment = place
        row = cells.loc[(name, group, segment)]
        text += ": Am deutlichsten ist „{gruppe}“ bei {segment}, {anteil} statt {mittel}"
        values |= {
            "gruppe": style.text(group),
            "segment": style.text(segment),
            "anteil": style.share(row["segment_share"]),
            "mittel": style.share(row["mean_share"]),
        }
    others = [ATTRIBUTES[other] for other in sure.index[1:]]
    rest = f" Nachgewiesen ist der Zusammenhang auch für: {_and(others)}." if others else ""
    return say(text + "." + rest, **values)


def title(cells: pd.DataFrame, associations: pd.DataFrame, *, style: Style) -> Sentence:
    """Say where a group of the closest attribute is most clearly more frequent than usual.

    Parameters
    ----------
    cells, associations, style
        As in `lead`.
    """
    sure = associations.index[associations["is_sure"]]
    if sure.empty:
        return say("Kein nachgewiesener Unterschied zwischen den Gruppen")
    place = _standing_out(cells.loc[sure[0]])
    if place is None:
        return say(f"{ATTRIBUTES[sure[0]]} unterscheidet die Gruppen; jede Zelle ist zu klein")
    row = cells.loc[(sure[0], *place)]
    return say(
        f"{ATTRIBUTES[sure[0]]} „{{gruppe}}“ ist bei {{segment}} häufiger: {{anteil}} statt "
        "{mittel}",
        gruppe=style.text(place[0]),
        segment=style.text(place[1]),
        anteil=style.share(row["segment_share"]),
        mittel=style.share(row["mean_share"]),
    )


def alt(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the heat map of a profile."""
    shown = cells["relative"].dropna()
    groups = cells.index.droplevel("segment").unique()
    text = (
        "Raster mit einer Zeile je Ausprägung ({zeilen}) und einer Spalte je Gruppe ({spalten}); "
        "dunkler heißt mehr als im Durchschnitt aller Kunden."
    )
    values = {
        "zeilen": style.count((groups.get_level_values("group") != UNKNOWN).sum()),
        "spalten": style.count(len(cells.index.unique("segment"))),
    }
    if shown.empty:
        return say(text, **values)
    attribute, group, segment = shown.idxmax()
    return say(
        text + f" Am dunkelsten ist {ATTRIBUTES[attribute]} „{{gruppe}}“ bei {{segment}}: "
        "{mal} des Durchschnitts.",
        **values,
        gruppe=style.text(group),
        segment=style.text(segment),
        mal=style.share(shown.max()),
    )


def rule(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """State how to read the heat map, and of how many customers nothing is known."""
    unknown = cells.xs(UNKNOWN, level="group")["customers"].groupby("attribute").sum(min_count=1)
    text = (
        "Zahl: Anteil in der Gruppe, gemessen am Anteil unter allen Kunden; {gleich} heißt wie im "
        "Durchschnitt. Ein Strich steht für zu wenige Kunden."
    )
    if unknown.notna().any() and unknown.max() > 0:
        text += " Ohne Angabe sind je Merkmal bis zu {fehlt} Kunden; sie zählen nicht mit."
        return say(text, gleich=style.share(1.0), fehlt=style.count(unknown.max()))
    return say(text, gleich=style.share(1.0))


def association_rule(*, style: Style) -> Sentence:
    """State how the measure of association is made, and when it counts as shown."""
    return say(
        "Cramérs V: null heißt kein Zusammenhang, eins heißt, das eine verrät das andere. Bereich "
        "von {sicherheit} aus {ziehungen} neu gezogenen Kundenstämmen. Chi-Quadrat-Test durch "
        "Vertauschen der Kunden; nachgewiesen heißt unter {grenze}, nach Holm, neben den anderen "
        "Merkmalen der Tabelle.",
        sicherheit=style.share(CONFIDENCE),
        ziehungen=style.count(N_DRAWS),
        grenze=style.share(SIGNIFICANT),
    )


def association_table(associations: pd.DataFrame) -> pd.DataFrame:
    """Name the attributes of `profiles.Profile.associations`, and write whether they are sure."""
    named = associations.rename(index=ATTRIBUTES)
    return named.assign(is_sure=np.where(named["is_sure"], "ja", "nein"))


def named(cells: pd.DataFrame) -> pd.DataFrame:
    """Name the attributes of a profile in German."""
    return cells.rename(index=ATTRIBUTES, level="attribute")


def areas(shown: pd.DataFrame, *, style: Style) -> Sentence:
    """Say where customers bring more or have gone more often, if that is more than chance.

    Parameters
    ----------
    shown : DataFrame
        From `profiles.areas`, suppressed.
    """
    rows = shown.drop(index=[UNKNOWN, REST], errors="ignore").dropna(subset=["revenue_each"])
    if rows.empty:
        return say("Jede Gegend ist zu klein, um gezeigt zu werden.")
    best, worst = rows["revenue_each"].idxmax(), rows["revenue_each"].idxmin()
    text, values = "Beim Umsatz je Kunde überlappen sich die Unsicherheitsbereiche.", {}
    if rows.loc[best, "revenue_low"] > rows.loc[worst, "revenue_high"]:
        text = "Je Kunde bringt {best} am meisten Umsatz ({viel}), {worst} am wenigsten ({wenig})."
        values = {
            "best": style.text(best),
            "viel": style.money(rows.loc[best, "revenue_each"]),
            "worst": style.text(worst),
            "wenig": style.money(rows.loc[worst, "revenue_each"]),
        }
    if "gone_share" not in rows:
        return say(text, **values)
    high, low = rows["gone_share"].idxmax(), rows["gone_share"].idxmin()
    if rows.loc[high, "low"] > rows.loc[low, "high"]:
        text += " Ehemalige sind in {oft} am häufigsten ({mehr}), in {selten} am seltensten"
        text += " ({weniger})."
        values |= {
            "oft": style.text(high),
            "mehr": style.share(rows.loc[high, "gone_share"]),
            "selten": style.text(low),
            "weniger": style.share(rows.loc[low, "gone_share"]),
        }
    else:
        text += " Beim Anteil der Ehemaligen ist kein Unterschied nachgewiesen."
    return say(text, **values)


def areas_rule(*, style: Style) -> Sentence:
    """State which areas are shown apart, and who has gone."""
    return say(
        "Gegenden mit mindestens {kunden} Kunden, die anderen zusammen. Ehemalig ist, wer in der "
        "Phase Rückgewinnung oder Einmalkäufer (still) steht; Unsicherheitsbereich nach Wilson, "
        "{sicherheit}.",
        kunden=style.count(MIN_CUSTOMERS),
        sicherheit=style.share(CONFIDENCE),
    )


def _standing_out(cells: pd.DataFrame) -> tuple[str, str] | None:
    """Return group and segment of the cell that lies furthest above what is usual."""
    shown = cells.dropna(subset=["segment_share", "mean_share"])
    shown = shown[(shown["segment_share"] > shown["mean_share"]) & (shown["customers"] > 0)]
    if shown.empty:
        return None
    usual = shown["mean_share"]
    n = shown["customers"] / shown["segment_share"]
    return ((shown["segment_share"] - usual) / np.sqrt(usual * (1 - usual) / n)).idxmax()


def _closeness(v: float) -> str:
    return "eng" if v >= CLOSE else "mäßig" if v >= MODERATE else "schwach"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " und " + names[-1]
