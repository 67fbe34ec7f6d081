"""Groups of customers to German sentences: who they are, where they stand, what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from workbench import labels
from workbench.backtest_findings import NAMES
from workbench.customer_groups import GONE_GROUPS, GROUPS, REGULAR_ORDERS, VIP_SHARE, Overlap
from workbench.findings import leading
from workbench.formats import Style
from workbench.outputs import KeyFigure, Sentence, say
from workbench.score_rules import BY_RANK, PAUSE_SHARES

MONEY: Mapping[str, str] = {
    "revenue": "bisheriger Umsatz",
    "last_year": "Umsatz des letzten Jahres",
    "basket": "mittlerer Betrag je Kauf",
}
# Labels so short that the table of a past day fits the page.
PROBE_COLUMNS: Mapping[str, tuple[Any, ...]] = labels.of(
    *("customer_group", "customers", "predicted", "observed", "low", "high", "forecast_money"),
    "actual_money",
    predicted="Chance",
    observed="Kauften",
    forecast_money="Umsatz erwartet",
    actual_money="Umsatz",
)
# Groups of customers who are not active any more.
GONE = [*GONE_GROUPS, "Einmalkäufer"]

# One step for each group: who knows only this row still knows what to do on Monday.
GROUP_STEPS: Mapping[str, str] = {
    "VIP-Kunden": "Persönlich betreuen, mit Vorrang statt Rabatt; zuerst, wer gefährdet ist.",
    "Stammkunden": "Im Rhythmus ansprechen, Passendes zum letzten Kauf zeigen, kein Rabatt.",
    "Wiederkäufer": "Nach der üblichen Pause erinnern; der nächste Kauf macht den Rhythmus.",
    "Neukunden": "Zum zweiten Kauf führen, solange die übliche Frist läuft.",
    "Gelegenheitskäufer": "Nur zu Anlässen und günstig ansprechen, kleinen Anreiz erproben.",
    "Überfällige Stammkunden": "Nachfragen, was fehlt; zurückholen, wer am meisten brachte.",
    "Einmalkäufer": "Nur günstig ansprechen; klären, woran der zweite Kauf scheitert.",
}
SEGMENT_STEPS: Mapping[str, str] = {
    "Spitzenkunden": "Binden: Vorrang, Dank, Neues zuerst; nicht mit Rabatt locken.",
    "Treue Kunden": "Passendes zum letzten Kauf zeigen und um Empfehlung bitten.",
    "Aufsteiger": "Den nächsten Kauf anbahnen, bevor die übliche Pause um ist.",
    "Erstkäufer": "Willkommen heißen und zum zweiten Kauf führen.",
    "Vielversprechende": "An den ersten Kauf anknüpfen, bevor er vergessen ist.",
    "Aufmerksamkeit nötig": "Jetzt erinnern, mit einem Anlass statt mit Rabatt.",
    "Einschlafende": "Einmal günstig erinnern; wer nicht antwortet, bleibt in Ruhe.",
    "Gefährdete": "Zurückholen, zuerst, wer bisher am meisten brachte.",
    "Unbedingt halten": "Persönlich nachfragen, was fehlt; ein Angebot darf etwas kosten.",
    "Ruhende": "Kein Geld einsetzen, allenfalls ein Massenversand.",
}


def group_rules(*, style: Style) -> pd.DataFrame:
    """State the rule of each group.

    Returns
    -------
    DataFrame
        Indexed by `customer_group`: `rule` (German), `next_step`.
    """
    second, last, orders = (style.count(n) for n in (2, REGULAR_ORDERS - 1, REGULAR_ORDERS))
    share = style.share(VIP_SHARE)
    rules = {
        "VIP-Kunden": say(
            "Mehrmals gekauft, nicht in der Rückgewinnung und nach bisherigem Umsatz unter den "
            "besten {anteil} aller, die noch da sind",
            anteil=share,
        ),
        "Stammkunden": say(
            "Ab {kaeufe} Käufen, nicht in der Rückgewinnung, kein VIP", kaeufe=orders
        ),
        "Wiederkäufer": say(
            "{von} bis {bis} Käufe, nicht in der Rückgewinnung, kein VIP", von=second, bis=last
        ),
        "Neukunden": say("Ein Kauf; die übliche Frist bis zum zweiten läuft noch"),
        "Gelegenheitskäufer": say(
            "{von} bis {bis} Käufe, in der Rückgewinnung", von=second, bis=last
        ),
        "Überfällige Stammkunden": say("Ab {kaeufe} Käufen, in der Rückgewinnung", kaeufe=orders),
        "Einmalkäufer": say("Ein Kauf; die übliche Frist bis zum zweiten ist um"),
    }
    table = pd.DataFrame(
        {
            "rule": [str(rules[name]) for name in GROUPS],
            "next_step": [GROUP_STEPS[name] for name in GROUPS],
        },
        index=pd.Index(GROUPS, name="customer_group"),
    )
    return table


def with_steps(cards: pd.DataFrame, *, steps: Mapping[str, str]) -> pd.DataFrame:
    """Add to each group its recommended next step, `next_step`."""
    return cards.assign(next_step=[steps[name] for name in cards.index])


def who(cards: pd.DataFrame, *, style: Style) -> Sentence:
    """Say who is still there, and what the most valuable ones brought.

    Parameters
    ----------
    cards : DataFrame
        From `customer_groups.cards`, suppressed.
    """
    there = active(cards)
    text, numbers = "", {}
    if there["customers"].notna().all() and not there.empty:
        text = "{da} Kunden ({anteil}) sind aktiv"
        numbers["da"] = style.count(there["customers"].sum())
        numbers["anteil"] = style.share(there["customer_share"].sum())
    best = cards["revenue_share"].idxmax() if cards["revenue_share"].notna().any() else None
    if "VIP-Kunden" in cards.index and pd.notna(cards.loc["VIP-Kunden", "revenue_share"]):
        best = "VIP-Kunden"
    if best is not None:
        text += "; die " if text else "Die "
        text += "Gruppe {gruppe} stellt {kunden} der Kunden und brachte {umsatz} des Umsatzes"
        numbers["gruppe"] = style.text(best)
        numbers["kunden"] = style.share(cards.loc[best, "customer_share"])
        numbers["umsatz"] = style.share(cards.loc[best, "revenue_share"])
    return say(f"{text or 'Jede Gruppe ist zu klein, um gezeigt zu werden'}.", **numbers)


def ahead(cards: pd.DataFrame, *, horizon_days: int, style: Style) -> Sentence:
    """Say which groups the expected revenue rests on.

    Parameters
    ----------
    cards : DataFrame
        From `customer_groups.cards` with scores, suppressed.
    horizon_days : int
        As in the scores.
    """
    shown = cards.dropna(subset=["expected_revenue"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um zu zeigen, was von ihr zu erwarten ist.")
    first, *others = shown.sort_values("expected_revenue", ascending=False, kind="stable").index
    text = (
        "Den erwarteten Umsatz der nächsten {tage} Tage tragen vor allem {erste} ({anteil_erste})"
    )
    numbers = {
        "tage": style.count(horizon_days),
        "erste": style.text(first),
        "anteil_erste": style.share(shown.loc[first, "expected_share"]),
    }
    if others:
        text += " und {zweite} ({anteil_zweite})"
        numbers["zweite"] = style.text(others[0])
        numbers["anteil_zweite"] = style.share(shown.loc[others[0], "expected_share"])
    return say(f"{text}.", **numbers)


def at_risk(at_stake: pd.Series, *, style: Style) -> Sentence:
    """Say how many repeat buyers pause for longer than usual, and what hangs on them.

    Parameters
    ----------
    at_stake : Series
        The row `Bindung gefährdet` of the table of states: `customers`,
        `revenue_share`, `expected_revenue` (NaN where there is no usable model).
    """
    if pd.isna(at_stake["customers"]) or at_stake["customers"] == 0:
        return say(
            "Niemand pausiert länger als üblich, ohne schon verloren zu sein, oder es sind zu "
            "wenige, um sie zu zeigen."
        )
    text = "Am dringendsten: {kunden} Kunden mit mehreren Käufen pausieren länger als sonst und "
    text += "sind noch nicht verloren"
    numbers = {"kunden": style.count(at_stake["customers"])}
    if pd.notna(at_stake["expected_revenue"]):
        text += "; an ihnen hängen {umsatz} erwarteter Umsatz"
        numbers["umsatz"] = style.money(at_stake["expected_revenue"])
    return say(f"{text}. Sprechen Sie sie vor allen anderen an.", **numbers)


def tiles(
    cards: pd.DataFrame, states: pd.DataFrame, *, horizon_days: int, style: Style
) -> tuple[KeyFigure, ...]:
    """Return the key figures of the first screen.

    Parameters
    ----------
    cards : DataFrame
        From `customer_groups.cards`, suppressed.
    states : DataFrame
        From `lifecycle.state_sizes` with `expected_revenue`, suppressed.
    horizon_days : int
        Of the expected revenue.
    """
    missing = pd.Series(float("nan"), index=cards.columns)
    one_time = _row(cards, "Einmalkäufer", missing)
    vip = _row(cards, "VIP-Kunden", missing)
    risk = states.loc["Bindung gefährdet"]
    there = active(cards)["customer_share"].sum(skipna=False)
    rhythm = "im eigenen Rhythmus oder in der Frist bis zum zweiten Kauf"
    if "Neukunden" in cards.index and pd.isna(cards.loc["Neukunden", "customers"]):
        rhythm = "im eigenen Rhythmus; ohne die Neukunden, von denen zu wenige da sind"
    note = say("")
    if pd.notna(risk["expected_revenue"]):
        note = say(
            "an ihnen hängen {umsatz} in {tage} Tagen",
            umsatz=style.money(risk["expected_revenue"]),
            tage=style.count(horizon_days),
        )
    return (
        KeyFigure("active", "Aktive Kunden", style.share(there), rhythm, headline=True),
        KeyFigure(
            "vip_revenue",
            "Umsatzanteil der VIP-Kunden",
            style.share(vip["revenue_share"]),
            say("von {anteil} der Kunden", anteil=style.share(vip["customer_share"], digits=1)),
            headline=True,
        ),
        KeyFigure("at_risk", "Gefährdete Kunden", style.count(risk["customers"]), note),
        KeyFigure("one_time", "Einmalkäufer", style.share(one_time["customer_share"])),
    )


def segment_tiles(sizes: pd.DataFrame, *, style: Style) -> tuple[KeyFigure, ...]:
    """Return the key figures where only the segments are known: nobody bought twice.

    Parameters
    ----------
    sizes : DataFrame
        From `segments.segment_sizes`, suppressed.
    """
    best = leading(sizes)
    shares = sizes.reindex([best]).iloc[0]
    return (
        KeyFigure("best_segment", "Umsatzstärkstes Segment", style.text(best), headline=True),
        KeyFigure("best_segment_revenue", "Anteil am Umsatz", style.share(shares["revenue_share"])),
        KeyFigure(
            "best_segment_customers", "Anteil der Kunden", style.share(shares["customer_share"])
        ),
    )


def title(cards: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which group is the largest and which one brought most.

    Parameters
    ----------
    cards : DataFrame
        From `customer_groups.cards`, suppressed.
    """
    best = leading(cards)
    if best is None:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    largest = str(cards["customer_share"].idxmax())
    numbers = {
        "beste": style.text(best),
        "umsatz": style.share(cards.loc[best, "revenue_share"]),
        "kunden": style.share(cards.loc[best, "customer_share"]),
    }
    if largest == best:
        return say("{beste}: {kunden} der Kunden, {umsatz} des Umsatzes", **numbers)
    return say(
        "Am meisten Umsatz brachte die Gruppe {beste} ({umsatz}), am größten ist die Gruppe "
        "{groesste} ({anteil} der Kunden)",
        groesste=style.text(largest),
        anteil=style.share(cards.loc[largest, "customer_share"]),
        **numbers,
    )


def probe(shown: pd.DataFrame, *, day: pd.Timestamp, days: int, style: Style) -> Sentence:
    """Say how well the chances of a past day came true, and where they were furthest off.

    Parameters
    ----------
    shown : DataFrame
        From `group_probe.look_back`, suppressed.
    day : Timestamp
        The past day.
    days : int
        Length of the window after it.
    """
    told = shown.dropna(subset=["predicted"])
    if told.empty:
        return say("Jede Gruppe ist zu klein, um ihre Aussicht zu prüfen.")
    off = (told["predicted"] - told["observed"]).abs()
    worst = str(off.idxmax())
    mean = (off * told["customers"]).sum() / told["customers"].sum()
    return say(
        "Am {tag} vorhergesagt, nach {tage} Tagen gezählt: Die Chance auf einen Kauf lag im Mittel "
        "um {punkte} Prozentpunkte daneben, am weitesten bei der Gruppe {gruppe} ({vorher} "
        "vorhergesagt, {nachher} kauften).",
        tag=style.date(day),
        tage=style.count(days),
        punkte=style.number(100 * mean, digits=1),
        gruppe=style.text(worst),
        vorher=style.share(told.loc[worst, "predicted"]),
        nachher=style.share(told.loc[worst, "observed"]),
    )


def score_rule(rule: str, *, kind: str, given: Collection[str] = (), style: Style) -> Sentence:
    """Say where the limits of the scores come from.

    Parameters
    ----------
    rule, kind : str
        As in `score_rules.cutoffs`.
    given : collection of str
        Limits given by the user.
    """
    money = MONEY[kind]
    if rule == BY_RANK:
        return say(
            "Grenzen der Noten: nach dem Rang unter allen Kunden, je ein Fünftel; für die "
            "Häufigkeit feste Klassen. Betrag: {betrag}",
            betrag=style.text(money),
        )
    days = (
        "vorgegeben" if "recency_days" in given else "aus den Kaufpausen ({anteile} sind dann um)"
    )
    amounts = "vorgegeben" if "money" in given else "Vielfache des mittleren Kaufs"
    return say(
        f"Feste Grenzen der Noten. Tage seit dem letzten Kauf: {days}; Betrag ({{betrag}}): "
        f"{amounts}",
        betrag=style.text(money),
        anteile=style.text(", ".join(style.share(share).text for share in PAUSE_SHARES)),
    )


def active(cards: pd.DataFrame) -> pd.DataFrame:
    """Keep the groups of active customers; without the new ones where these are hidden.

    Hidden new customers would follow from the sum of all. So they are left out, and
    what is shown of the others adds up.
    """
    there = cards.drop(index=GONE, errors="ignore")
    is_hidden = there["customers"].isna() & (there.index == "Neukunden")
    return there[~is_hidden]


def overlap(found: Overlap, *, k: int, style: Style) -> Sentence:
    """Say how many customers are regular and VIPs at once."""
    parts = (found.both, found.vip - found.both, found.regular - found.both)
    if any(0 < part < k for part in parts):
        return say(
            "Wie viele Kunden zugleich Stammkunden und VIP sind, wird nicht gezeigt: zu wenige."
        )
    return say(
        "{beide} von {stamm} Kunden, die nach der Zahl ihrer Käufe Stammkunden sind, gehören zu "
        "den {vip} VIP-Kunden und stehen nur dort.",
        beide=style.count(found.both),
        stamm=style.count(found.regular),
        vip=style.count(found.vip),
    )


def cards_rule(
    model: str | None, *, horizon_days: int, annual_discount_rate: float, style: Style
) -> Sentence:
    """Say how the columns of a table of groups are computed, and by which model.

    Parameters
    ----------
    model : str or None
        Name of the purchase model; None where none may be used.
    """
    if model is None:
        return say(
            "Gewohnheiten der Gruppen; Aussichten fehlen, weil kein Kaufmodell die Probe besteht"
        )
    return say(
        "Gewohnheiten der Gruppen und Aussichten für die nächsten {tage} Tage nach {modell}, der "
        "Umsatz mit {zins} im Jahr abgezinst",
        tage=style.count(horizon_days),
        zins=style.share(annual_discount_rate),
        modell=style.text(NAMES[model]),
    )


def _row(table: pd.DataFrame, name: str, missing: pd.Series) -> pd.Series:
    return table.loc[name] if name in table.index else missing
