"""Tables of migration -> German sentences, computed and worded by rule."""

from __future__ import annotations

import math

import pandas as pd

from workbench.ageing import Chance
from workbench.formats import Style
from workbench.migration import GONE, NEW
from workbench.outputs import Sentence, say
from workbench.segment_memory import Memory

# A test that finds more than this by chance in one of twenty cases.
ALPHA = 0.05
# Movement beyond chance of less than this share of the customers is small.
SMALL_EXCESS = 0.05


def moved(share: float, *, day: pd.Timestamp, style: Style) -> Sentence:
    """Say which part of the customers changed the segment."""
    if math.isnan(share):
        return say("Wie viele Kunden das Segment wechselten, ist zu klein, um gezeigt zu werden")
    return say(
        "{anteil} der Kunden vom {tag} stehen heute in einem anderen Segment",
        anteil=style.share(share),
        tag=style.date(day),
    )


def flows_alt(flows: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the alluvial drawing.

    Parameters
    ----------
    flows : DataFrame
        From `migration.shown`.
    """
    shown = flows["customers"].dropna()
    moves = _moves(flows)["customers"].dropna()
    if moves.empty or moves.max() == 0:
        return say(
            "Bänder von den Segmenten links zu den Segmenten rechts; gezeigt werden {wege} Wege.",
            wege=style.count((shown > 0).sum()),
        )
    start, end = moves.idxmax()
    return say(
        "Bänder von den Segmenten links zu den Segmenten rechts, {wege} Wege. Das breiteste Band "
        "zwischen zwei Segmenten führt mit {kunden} Kunden von „{von}“ zu „{nach}“.",
        wege=style.count((shown > 0).sum()),
        kunden=style.count(moves.max()),
        von=style.text(start),
        nach=style.text(end),
    )


def flows_caption(
    *, days: tuple[pd.Timestamp, pd.Timestamp], is_fixed: bool, style: Style
) -> Sentence:
    """Say how to read the drawing, and which limits hold.

    Parameters
    ----------
    days : tuple of Timestamp
        The earlier and the later day.
    is_fixed : bool
        Whether the limits of the scores are fixed, and not those of the earlier day.
    """
    limits = "fest" if is_fixed else "an beiden Tagen die vom {von}"
    return say(
        "Links die Segmente am {von}, rechts am {bis}, mit der Zahl der Kunden. Die Breite eines "
        "Bandes ist die Zahl der Kunden auf diesem Weg. Auf und ab meint die Reihenfolge im Bild. "
        f"Die Grenzen der Noten sind {limits}. Zu kleine Gruppen fehlen.",
        von=style.date(days[0]),
        bis=style.date(days[1]),
    )


def balance_caption(*, days: tuple[pd.Timestamp, pd.Timestamp], style: Style) -> Sentence:
    """Say how the columns of the balance add up."""
    return say(
        "Je Segment: Kunden am {von}, weniger die Abgänge, dazu die Zugänge aus anderen Segmenten "
        "und neue Kunden, ergibt die Kunden am {bis}. Netto ohne neue Kunden. Ein Strich steht "
        "für eine zu kleine Gruppe oder eine Zahl, die eine solche verriete.",
        von=style.date(days[0]),
        bis=style.date(days[1]),
    )


def money(flows: pd.DataFrame, *, days: int, style: Style) -> Sentence:
    """Say on which way between two segments most revenue was lost, and where most came.

    Parameters
    ----------
    flows : DataFrame
        From `migration.shown`, with `revenue_before` and `revenue_after`.
    days : int
        Length of each of the two times.
    """
    moves = _moves(flows).dropna(subset=["customers"])
    change = moves["revenue_after"] - moves["revenue_before"]
    parts, values = [], {"tage": style.count(days)}
    for sign, verb, name in ((-1, "ging verloren", "minus"), (1, "kam hinzu", "plus")):
        if change.empty or not (sign * change).max() > 0:
            continue
        start, end = (sign * change).idxmax()
        row = moves.loc[(start, end)]
        parts.append(
            f"Am meisten Umsatz {verb}, wo {{kunden_{name}}} Kunden von „{{von_{name}}}“ zu "
            f"„{{nach_{name}}}“ wechselten: {{davor_{name}}} in den {{tage}} Tagen bis zum "
            f"früheren Tag, {{danach_{name}}} in ebenso langer Zeit bis heute."
        )
        values |= {
            f"kunden_{name}": style.count(row["customers"]),
            f"von_{name}": style.text(start),
            f"nach_{name}": style.text(end),
            f"davor_{name}": style.money(row["revenue_before"]),
            f"danach_{name}": style.money(row["revenue_after"]),
        }
    if not parts:
        return say("Kein Wechsel ist groß genug, um seinen Umsatz zu zeigen.")
    return say(" ".join(parts), **values)


def chance(result: Chance, flows: pd.DataFrame, *, share: float, style: Style) -> Sentence:
    """Say whether customers moved otherwise than chance and ageing alone would have it.

    Parameters
    ----------
    result : Chance
        From `ageing.compare`.
    flows : DataFrame
        From `migration.shown`, with the columns of `result.flows`.
    share : float
        From `migration.moved_share`.
    """
    if result.p_value >= ALPHA:
        text = "Mehr als Zufall und Älterwerden steckt nach diesen Daten nicht dahinter"
        if math.isnan(share):
            return say(text + " (p-Wert {p}).", p=style.number(result.p_value))
        return say(
            text + ": In Zukünften, in denen jeder weiterkauft wie bisher oder irgendwann geht, "
            "wechseln im Mittel {erwartet} der Kunden das Segment; beobachtet sind {beobachtet} "
            "(p-Wert {p}).",
            erwartet=style.share(result.moved, digits=1),
            beobachtet=style.share(share, digits=1),
            p=style.number(result.p_value),
        )
    small = result.distance - result.usual < SMALL_EXCESS
    text = "Die Kunden wanderten anders, als Zufall und Älterwerden es ergeben"
    text += ", doch nur wenig" if small else ""
    text += (
        ": {abstand} von ihnen müssten in einem anderen Segment stehen, damit das Bild der "
        "Erwartung gliche; allein durch Zufall wären es {ueblich} (p-Wert {p})."
    )
    values = {
        "abstand": style.share(result.distance, digits=1),
        "ueblich": style.share(result.usual, digits=1),
        "p": style.number(result.p_value),
    }
    way = _most_unexpected(flows)
    if way is not None:
        where = " der Weg von „{von}“ zu „{nach}“" if way[0] != way[1] else ", wer in „{von}“ blieb"
        text += f" Am weitesten daneben liegt{where}: {{kunden}} Kunden, erwartet waren "
        text += "{erwartet} ({unten} bis {oben})."
        row = flows.loc[way]
        values |= {"von": style.text(way[0]), "nach": style.text(way[1])}
        values |= {
            "kunden": style.count(row["customers"]),
            "erwartet": style.count(row["expected_customers"]),
            "unten": style.count(row["expected_low"]),
            "oben": style.count(row["expected_high"]),
        }
    return say(text, **values)


def memory(result: Memory, *, days: tuple[pd.Timestamp, ...], style: Style) -> Sentence:
    """Say whether where customers go depends on where they came from.

    Parameters
    ----------
    result : Memory
        From `migration.memory`.
    days : tuple of Timestamp
        The three days.
    """
    values = {
        "erster": style.date(days[0]),
        "zweiter": style.date(days[1]),
        "dritter": style.date(days[2]),
        "chi": style.number(result.chi_square, digits=1),
        "grade": style.count(result.degrees),
        "p": style.number(result.p_value, digits=3),
        "v": style.number(result.association),
    }
    measured = " (Chi-Quadrat {chi} bei {grade} Freiheitsgraden, p-Wert {p}, Cramérs V {v})"
    if result.p_value >= ALPHA:
        return say(
            "Kein Nachweis, dass es darauf ankommt, woher ein Kunde kam: Wohin er wandert, erklärt "
            f"schon die Gruppe, in der er steht{measured}. Geprüft ist das am {{erster}}, "
            "{zweiter} und {dritter}; wer die Wege fortschreibt, nimmt an, dass es so bleibt.",
            **values,
        )
    text = f"Wohin ein Kunde wandert, hängt auch davon ab, woher er kam{measured}."
    if result.group is not None:
        text += (
            " Wer am {zweiter} zu „{gruppe}“ gehörte und am {erster} zu „{wenig}“, war am "
            "{dritter} zu {unten} noch dort; wer zuvor zu „{viel}“ gehörte, zu {oben}."
        )
        values |= {
            "gruppe": style.text(result.group),
            "wenig": style.text(result.from_low),
            "viel": style.text(result.from_high),
            "unten": style.share(result.stayed_low),
            "oben": style.share(result.stayed_high),
        }
    text += " Wer die Wege einfach fortschreibt, irrt sich also."
    return say(text, **values)


def _moves(flows: pd.DataFrame) -> pd.DataFrame:
    """Keep the ways between two different groups."""
    start, end = (flows.index.get_level_values(name) for name in ("before", "after"))
    return flows[(start != end) & (start != NEW) & (end != GONE)]


def _most_unexpected(flows: pd.DataFrame) -> tuple[str, str] | None:
    """Return the way whose count is farthest outside of its range, in customers."""
    shown = flows.dropna(subset=["customers", "expected_customers"])
    n = shown["customers"]
    outside = (n < shown["expected_low"]) | (n > shown["expected_high"])
    gap = (n - shown["expected_customers"]).abs()[outside]
    return None if gap.empty else gap.idxmax()
