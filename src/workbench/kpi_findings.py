"""Tables of key figures and of the change of revenue to what a page shows: rows and sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench.formats import Style
from workbench.kpi_book import ELSEWHERE, KPIS
from workbench.outputs import Sentence, say
from workbench.periods import Periods
from workbench.revenue_bridge import Bridge
from workbench.schema import DAYS_PER_YEAR

_ARROWS = {"higher": "↑", "lower": "↓", "same": "→"}
_WORDS = {("higher", 1): "besser", ("lower", 1): "schlechter"}
_WORDS |= {("lower", -1): "besser", ("higher", -1): "schlechter"}
_WORDS |= {("higher", 0): "höher", ("lower", 0): "niedriger"}
_SAME = "unverändert"
PARTS = {
    "before": "Umsatz im Vorzeitraum",
    "new": "Neukunden",
    "reactivated": "Zurückgekehrte",
    "growth": "Ausbau",
    "decline": "Rückgang",
    "lost": "Abwanderung",
    "returns_only": "Nur Retouren",
    "now": "Umsatz im Zeitraum",
}
FACTORS = {
    "active": "Zahl der Kunden",
    "frequency": "Käufe je Kunde",
    "basket": "Betrag je Kauf",
}
BRIDGE_RULE = (
    "Neukunden kauften zum ersten Mal, Zurückgekehrte nach einem Zeitraum ohne Kauf. Ausbau und "
    "Rückgang: Kunden beider Zeiträume, die mindestens so viel oder weniger ausgaben als davor. "
    "Abwanderung: Käufer des Vorzeitraums ohne Kauf im Zeitraum. Retouren sind abgezogen; Beträge "
    "unter einem Cent sind so gerundet, dass die Summe stimmt."
)
GROUPS = {"all": "Alle Kunden", "both": "Käufer in beiden Zeiträumen"}


def rule(periods: Periods, *, style: Style) -> Sentence:
    """State which periods are compared."""
    return say(
        "Vom {von} bis zum {bis} ({tage}); „Davor“ sind die {tage} zuvor",
        tage=style.days(periods.days),
        von=style.date(periods.start(0)),
        bis=style.date(periods.as_of),
    )


def method(periods: Periods, *, customers: int, style: Style) -> Sentence:
    """State how the intervals come about, and what the comparison cannot tell."""
    text = (
        "„Von“ und „Bis“ begrenzen den Unsicherheitsbereich von {sicher}: Anteile nach Wilson, "
        "alles andere aus {ziehungen} Ziehungen der Kunden mit Zurücklegen."
    )
    text += "" if periods.days == DAYS_PER_YEAR else _SHORT
    text += "" if periods.holds(2) else _NO_PAST
    return say(
        text,
        sicher=style.share(customer_bootstrap.LEVEL),
        ziehungen=style.count(customer_bootstrap.n_resamples(customers)),
    )


_SHORT = (
    " Die Daten umfassen keine zwei Jahre: Jeder Zeitraum ist deshalb die Hälfte der Zeit in "
    "ganzen Wochen, und im Vergleich steckt auch die Jahreszeit."
)
_NO_PAST = (
    " Was auf früheren Käufen beruht, hat keinen Vergleich, weil vor dem Vorzeitraum kein weiterer "
    "ganzer Zeitraum liegt."
)


def table(measured: pd.DataFrame) -> pd.DataFrame:
    """Name the key figures and say in a word which way each has moved.

    Parameters
    ----------
    measured : DataFrame
        From `kpis.measure`.

    Returns
    -------
    DataFrame
        One row per figure: `label`, `meaning`, `customers`, `now`, `now_low`,
        `now_high`, `previous`, `direction` (text), `unit` and `digits`.
    """
    book = [KPIS[name] for name in measured.index]
    renamed = {"value": "now", "value_low": "now_low", "value_high": "now_high"}
    return (
        measured.rename(columns=renamed)
        .assign(
            label=[kpi.label for kpi in book],
            meaning=[kpi.meaning for kpi in book],
            direction=[direction(name, measured.loc[name, "movement"]) for name in measured.index],
            unit=[kpi.unit for kpi in book],
            digits=pd.Series([kpi.digits for kpi in book], index=measured.index, dtype=object),
        )
        .reset_index(drop=True)
    )


def direction(name: str, movement: str) -> str:
    r"""Say whether a movement is good news; an arrow shows the way of the number itself.

    Examples
    --------
    >>> direction("churn", "lower"), direction("revenue", "same"), direction("gini", "")
    ('↓\xa0besser', '→\xa0unverändert', 'kein Vergleich')
    """
    if not movement:
        return "kein Vergleich"
    # A space that does not break keeps the arrow with its word.
    return f"{_ARROWS[movement]}\u00a0{_WORDS.get((movement, KPIS[name].better), _SAME)}"


def lacking(measured: pd.DataFrame) -> pd.DataFrame:
    """List the key figures that are not shown, and what each would take.

    Parameters
    ----------
    measured : DataFrame
        From `kpis.measure`.

    Returns
    -------
    DataFrame
        `label` and `needs`, both text.
    """
    rows = [(kpi.label, kpi.lacks) for name, kpi in KPIS.items() if name not in measured.index]
    return pd.DataFrame([*rows, *ELSEWHERE], columns=["label", "needs"])


def lead(measured: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many of the customers before bought again, and what got better or worse."""
    words = {name: direction(name, measured.loc[name, "movement"]) for name in measured.index}
    better = [KPIS[name].label for name, word in words.items() if word.endswith("besser")]
    worse = [KPIS[name].label for name, word in words.items() if word.endswith("schlechter")]
    text, numbers = "", {}
    if "retention" in measured.index and pd.notna(measured.loc["retention", "value"]):
        row = measured.loc["retention"]
        text = "Von {kunden} Käufern des Vorzeitraums kauften {anteil} wieder ({von} bis {bis}). "
        numbers = {
            "kunden": style.count(row["customers"]),
            "anteil": style.share(row["value"], digits=1),
            "von": style.share(row["value_low"], digits=1),
            "bis": style.share(row["value_high"], digits=1),
        }
    if better:
        text += "Besser als davor: {besser}. "
    if worse:
        text += "Schlechter als davor: {schlechter}. "
    if not better and not worse:
        text += "Gegenüber dem Vorzeitraum ist nichts klar besser oder schlechter geworden."
    if "new" not in measured.index:
        text += " Im Zeitraum kam niemand neu hinzu; so können Umsatz und Kundenzahl nur fallen."
    return say(
        " ".join(text.split()),
        besser=style.text(", ".join(better)),
        schlechter=style.text(", ".join(worse)),
        **numbers,
    )


def bridge_rows(found: Bridge) -> pd.DataFrame:
    """Put the two totals before and after the parts of a bridge.

    Parameters
    ----------
    found : Bridge
        From `revenue_bridge.shown`.

    Returns
    -------
    DataFrame
        Indexed by `label` (text, in the order drawn): `customers`,
        `contribution` (currency; that of a total is the total itself),
        `contribution_share` (of the revenue before) and `is_total`.
    """
    rows = found.parts[["customers", "change"]].assign(is_total=False)
    rows = rows.rename(columns={"change": "contribution"})
    rows.loc["before"] = [found.customers_before, found.before, True]
    rows.loc["now"] = [found.customers_now, found.now, True]
    order = [name for name in PARTS if name in rows.index]
    whole = found.before if found.before > 0 else np.nan
    rows = rows.loc[order].assign(contribution_share=lambda t: t["contribution"] / whole)
    return rows.rename(index=PARTS).rename_axis("label").astype({"is_total": bool})


def bridge(found: Bridge, *, style: Style) -> Sentence:
    """Say how revenue changed, and what brought and what cost the most."""
    change = found.parts["change"].dropna()
    if np.isnan(found.before) or change.empty:
        return say("Die Gruppen sind zu klein, um gezeigt zu werden")
    most, least = change.idxmax(), change.idxmin()
    text = "Der Umsatz {ging} um {um} auf {jetzt}"
    if found.now == found.before:
        text = "Der Umsatz blieb bei {jetzt}"
    if change[most] > 0:
        text += "; am meisten brachte: {gewinn} ({plus})"
    if change[least] < 0:
        text += "; am meisten kostete: {verlust} ({minus})"
    return say(
        text,
        ging=style.text("stieg" if found.now > found.before else "sank"),
        um=style.money(abs(found.now - found.before)),
        jetzt=style.money(found.now),
        gewinn=style.text(PARTS[most]),
        plus=style.money(change[most]),
        verlust=style.text(PARTS[least]),
        minus=style.money(change[least]),
    )


def bridge_alt(found: Bridge, *, style: Style) -> Sentence:
    """Describe the drawing of the bridge."""
    return say(
        "Treppe von {davor} im Vorzeitraum zu {jetzt} im Zeitraum, mit {teile} Stufen dazwischen: "
        "{namen}. Stufen nach oben sind schräg, Stufen nach unten gekreuzt schraffiert.",
        davor=style.money(found.before),
        jetzt=style.money(found.now),
        teile=style.count(len(found.parts)),
        namen=style.text(", ".join(PARTS[name] for name in found.parts.index)),
    )


def factors(split: pd.DataFrame) -> pd.DataFrame:
    """Name groups and factors of the change of revenue.

    Parameters
    ----------
    split : DataFrame
        From `revenue_factors.decompose`, small groups blanked.

    Returns
    -------
    DataFrame
        `group`, `label` (text), `customers`, `previous`, `now`, `contribution`,
        `contribution_low`, `contribution_high` (currency), `unit`, `digits`.
    """
    looks = {"active": ("count", None), "frequency": ("number", 2), "basket": ("money", 2)}
    flat = split.rename(columns=lambda name: name.replace("change", "contribution")).reset_index()
    return flat.assign(
        group=flat["group"].map(GROUPS),
        label=flat["factor"].map(FACTORS),
        unit=[looks[name][0] for name in flat["factor"]],
        digits=pd.Series([looks[name][1] for name in flat["factor"]], dtype=object),
    )


def factors_lead(split: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which factor moved revenue most, and whether those who stayed bought more."""
    every = split.loc["all", "change"] if "all" in split.index else pd.Series(dtype=float)
    if every.isna().all():
        return say("Diese Zerlegung braucht Umsatz und genug Kunden in beiden Zeiträumen.")
    main = every.abs().idxmax()
    text = "Den Umsatz bewegte am stärksten: {faktor} ({betrag})."
    numbers = {
        "faktor": style.text(FACTORS[main]),
        "betrag": style.money(every[main]),
    }
    stayed = split.loc["both"] if "both" in split.index else pd.DataFrame()
    if len(stayed) and stayed["change"].notna().all():
        text += " Wer in beiden Zeiträumen kaufte, {haeufiger} und {mehr}."
        numbers["haeufiger"] = style.text(_moved(stayed.loc["frequency"], _OFTENER))
        numbers["mehr"] = style.text(_moved(stayed.loc["basket"], _DEARER))
    return say(text, **numbers)


_OFTENER = ("kaufte häufiger", "kaufte seltener", "kaufte etwa gleich oft")
_DEARER = (
    "gab je Kauf mehr aus",
    "gab je Kauf weniger aus",
    "gab je Kauf etwa gleich viel aus",
)


def _moved(row: pd.Series, words: tuple[str, str, str]) -> str:
    """Choose the words for up, down and no clear difference."""
    up, down, same = words
    return up if row["change_low"] > 0 else down if row["change_high"] < 0 else same
