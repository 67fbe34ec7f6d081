"""What campaigns changed -> the rows of the tables, with German names and the unit of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import privacy
from workbench.campaign_log import NO_CONTROL, NOT_OVER, TRIAL, Log
from workbench.campaign_readings import Reading, Targeting
from workbench.campaign_returns import Returns

# Campaigns in the table, the latest.
MOST_SHOWN = 12
ALPHA = 0.05
TRIAL_BY_LOT, NO_TRIAL = "Versuch", "kein Versuch"
STATUSES = {
    TRIAL: "mit Vergleichsgruppe",
    NO_CONTROL: "ohne Vergleichsgruppe",
    NOT_OVER: "Zeitraum noch nicht vorbei",
}
OUTCOMES = {
    "bought": ("Anteil mit Kauf", "share", 1),
    "orders": ("Käufe je Kunde", "number", 2),
    "revenue": ("Umsatz je Kunde", "money", 2),
    "margin": ("Deckungsbeitrag je Kunde", "money", 2),
}
COVARIATES = {
    "orders_before": ("Käufe im gleich langen Zeitraum davor", "number", 2),
    "orders_ever": ("Käufe in der ganzen Zeit davor", "number", 2),
    "days_since_last": ("Tage seit dem letzten Kauf", "number", 0),
    "revenue_before": ("Umsatz im gleich langen Zeitraum davor", "money", 2),
    "revenue_ever": ("Umsatz in der ganzen Zeit davor", "money", 2),
    "days_since_first": ("Tage seit dem ersten Kauf", "number", 0),
}
SEGMENTS = {
    "none": "Noch ohne Kauf",
    "new": "Neue Kunden",
    "once": "Einmalkäufer",
    "several": "Mehrfachkäufer",
    "frequent": "Vielkäufer",
}
PARTS = {
    "first": "Drittel mit der höchsten Wertung",
    "second": "Mittleres Drittel",
    "last": "Drittel mit der niedrigsten Wertung",
}
ITEMS = {
    "margin": ("Zusätzlicher Deckungsbeitrag", "money", 2),
    "cost": ("Kosten der Kontakte", "money", 2),
    "net": ("Was bleibt", "money", 2),
    "roi": ("Was bleibt, je Einheit der Kosten", "number", 1),
}
GAP_COLUMNS = (*("label", "treated_each", "control_each", "plain_each", "plain_low", "plain_high"),)
EFFECT_COLUMNS = ("label", "change_each", "change_low", "change_high")
INTERVAL_COLUMNS = (
    *("label", "change_number", "change_low_number", "change_high_number", "trial_kind"),
)
SEGMENT_COLUMNS = (
    *("segment", "customers", "change_number", "change_low_number", "change_high_number"),
    *("p_holm", "proof"),
)
CURVE_COLUMNS = (
    *("list_share", "gain_number", "gain_low_number", "gain_high_number", "random_number"),
)
CHANNEL_COLUMNS = (
    *("channel", "customers", "cost_each", "response_share", "unsubscribed_share"),
    *("bought_share", "revenue_each"),
)
CAMPAIGN_COLUMNS = (
    *("campaign", "campaign_day", "channel", "treated", "control", "cost_each"),
    *("response_share", "unsubscribed_share", "bought_share", "revenue_each", "reading"),
)
CHANGES = {"effect": "change_number", "low": "change_low_number", "high": "change_high_number"}


def campaigns(
    log: Log, contacts: pd.DataFrame, *, readings: tuple[Reading, ...], k: int
) -> pd.DataFrame:
    """Put the latest campaigns into rows: groups, what followed, and how to read it.

    Parameters
    ----------
    log : Log
        From `campaign_log.read`.
    contacts : DataFrame
        From `campaign_returns.contacts`, by campaign.
    readings : tuple of Reading
        Of those campaigns with groups that could be read.
    k : int
        Smallest group shown.
    """
    by_lot = {one.trial.name: NO_TRIAL if one.effect is None else TRIAL_BY_LOT for one in readings}
    sizes = log.campaigns[["first_day", "channel", "treated", "control", "status"]]
    sizes = sizes.rename(columns={"first_day": "campaign_day"})
    sizes = privacy.suppress(sizes, count="treated", parts=["control"], k=k)
    shares = ["response_share", "unsubscribed_share", "bought_share", "revenue_each"]
    table = sizes.join(contacts[[*shares, "cost_each"]])
    status = table["status"].map(STATUSES)
    names = [by_lot.get(name, told) for name, told in status.items()]
    return table.assign(reading=names).iloc[-MOST_SHOWN:]


def gap_rows(readings: tuple[Reading, ...], *, k: int) -> pd.DataFrame:
    """Put what both groups did after each campaign into rows, each with its unit.

    Parameters
    ----------
    readings : tuple of Reading
        From `campaign_readings.readings`.
    k : int
        Where a group has fewer buyers, nothing is shown.
    """
    columns = {
        **{"treated_mean": "treated_each", "control_mean": "control_each"},
        **{"effect": "plain_each", "low": "plain_low", "high": "plain_high"},
    }
    parts = []
    for one in readings:
        name = one.trial.name + ("" if one.effect is not None else f" ({NO_TRIAL})")
        parts.append(_outcome_rows(one, one.plain, name=name, columns=columns, k=k))
    return pd.concat(parts, ignore_index=True)


def effect_rows(readings: tuple[Reading, ...], *, k: int) -> pd.DataFrame:
    """Put the effects of the campaigns by lot into rows, each with its unit.

    Parameters
    ----------
    readings, k
        As in `gap_rows`; at least one is by lot.
    """
    columns = {"effect": "change_each", "low": "change_low", "high": "change_high"}
    parts = [
        _outcome_rows(one, one.effect, name=one.trial.name, columns=columns, k=k)
        for one in readings
        if one.effect is not None
    ]
    return pd.concat(parts, ignore_index=True)


def _outcome_rows(
    reading: Reading, table: pd.DataFrame, *, name: str, columns: dict[str, str], k: int
) -> pd.DataFrame:
    told = pd.DataFrame([OUTCOMES[outcome] for outcome in table.index])
    told.columns = ["label", "unit", "digits"]
    buyers = reading.trial.people.groupby("treated")["bought"].sum()
    few = bool(((buyers > 0) & (buyers < k)).any())
    values = table[list(columns)].rename(columns=columns).reset_index(drop=True)
    return told.assign(label=name + ": " + told["label"], **(values * np.nan if few else values))


def balance_rows(reading: Reading) -> pd.DataFrame:
    """Put what was known before into rows, each with its unit."""
    table = reading.balance.table
    told = pd.DataFrame(
        [COVARIATES[name] for name in table.index], columns=["covariate", "unit", "digits"]
    )
    return told.assign(
        treated_each=table["treated_mean"].to_numpy(),
        control_each=table["control_mean"].to_numpy(),
        gap_sd=table["gap"].to_numpy(),
    )


def segment_rows(table: pd.DataFrame, *, names: dict[str, str]) -> pd.DataFrame:
    """Put the effect by segment or part of the list into rows.

    Parameters
    ----------
    table : DataFrame
        As from `campaign_effects.by_segment`, small groups blanked.
    names : dict
        German name of each row: `SEGMENTS` or `PARTS`.
    """
    rows = table.rename(index=names).rename_axis("segment")
    proof = [
        "–" if pd.isna(p) else "kein Nachweis" if p >= ALPHA else "mehr" if up > 0 else "weniger"
        for p, up in zip(rows["p_holm"], rows["effect"], strict=True)
    ]
    return rows.rename(columns=CHANGES).assign(
        customers=rows["treated"] + rows["control"], proof=proof
    )


def interval_rows(readings: tuple[Reading, ...], table: pd.DataFrame | None) -> pd.DataFrame:
    """Put the effect of every campaign and of the last one's segments under each other.

    Parameters
    ----------
    readings : tuple of Reading
        From `campaign_readings.readings`; without a lot the difference is shown.
    table : DataFrame or None
        Segments of the last campaign by lot, small groups blanked.
    """
    rows = [
        {
            "label": reading.trial.name,
            **{new: reading.main[old] for old, new in CHANGES.items()},
            "trial_kind": NO_TRIAL if reading.effect is None else TRIAL_BY_LOT,
        }
        for reading in readings
    ]
    if table is not None:
        for name, row in table.rename(index=SEGMENTS).iterrows():
            changes = {new: row[old] for old, new in CHANGES.items()}
            rows.append({"label": f"davon {name}", **changes, "trial_kind": TRIAL_BY_LOT})
    return pd.DataFrame(rows).set_index("label")


def curve_rows(found: Targeting, *, k: int) -> pd.DataFrame:
    """Return the points of the curve that lie far enough apart to be shown."""
    curve = found.qini.curve
    shown = privacy.suppress_nested(curve.iloc[1:], count="customers", k=k)
    table = pd.concat([curve.iloc[:1], shown.dropna()]).reset_index()
    names = {"share": "list_share", "gain": "gain_number", "random": "random_number"}
    return table.rename(columns=names | {"low": "gain_low_number", "high": "gain_high_number"})


def account_rows(found: Returns) -> pd.DataFrame:
    """Put cost, margin and what is left into rows, each with its unit."""
    told = pd.DataFrame(
        [ITEMS[name] for name in found.table.index], columns=["label", "unit", "digits"]
    )
    values = found.table.reset_index(drop=True)
    return told.assign(
        value_each=values["value"], value_low=values["low"], value_high=values["high"]
    )
