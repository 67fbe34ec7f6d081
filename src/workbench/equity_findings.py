"""Tables of next purchases, membership, equity and retention to German sentences and labels."""

from __future__ import annotations

import pandas as pd

from workbench.equity import RISK_EDGES, NewCustomer
from workbench.formats import Style
from workbench.intervals import Band
from workbench.next_purchase import LONGEST_DAYS
from workbench.outputs import KeyFigure, Sentence, say
from workbench.schema import DAYS_PER_YEAR

THIRDS = {1: "oberes Drittel", 2: "mittleres Drittel", 3: "unteres Drittel"}
READINGS = {
    "churn_relative": "Abwanderung sinkt um diesen Anteil",
    "retention_relative": "Bindung steigt um diesen Anteil",
    "retention_points": "Bindung steigt um so viele Prozentpunkte",
}
PAYBACK = {
    "no_cost": "kein Budget bekannt",
    "first_purchase": "mit dem ersten Kauf",
    "in_horizon": "im Zeitraum",
    "not_in_horizon": "nicht im Zeitraum",
}
# A list with at least this share of hits is called certain enough.
SURE = 0.9
# What five per cent more retention are said to bring in profit.
CLAIMED = Band(0.25, 0.95)
# What a chance to leave is, in the models that know one.
LEAVING = {
    "bg_nbd": "nach einem Wiederholungskauf zu gehen",
    "mbg_nbd": "nach einem Kauf zu gehen",
    "pareto_nbd": "binnen eines Jahres zu gehen",
}


def timing_classes(timing: pd.DataFrame, *, style: Style) -> pd.DataFrame:
    """Name the classes of days in German.

    Parameters
    ----------
    timing : DataFrame
        From `next_purchase.timing`; numbers may be suppressed, but not
        `from_days` and `to_days`.
    style : Style
        How numbers are written.

    Returns
    -------
    DataFrame
        Indexed by `expected_within` (text): the other columns of `timing`.
    """
    names = [
        _days_text(row.from_days, row.to_days, style=style)
        for row in timing.itertuples(index=False)
    ]
    return timing.drop(columns=["from_days", "to_days"]).set_index(
        pd.Index(names, name="expected_within")
    )


def next_purchase(timing: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many customers are expected soon, and for how many no day can be named.

    Parameters
    ----------
    timing : DataFrame
        From `next_purchase.timing`, suppressed.
    style : Style
        How numbers are written.
    """
    soon, never = timing.iloc[0], timing.iloc[-1]
    parts, numbers = [], {}
    if pd.notna(soon["customer_share"]):
        parts.append("{bald} der Kunden haben in {tage} Tagen eher wieder gekauft als nicht.")
        numbers = {
            "bald": style.share(soon["customer_share"], digits=1),
            "tage": style.count(soon["to_days"]),
        }
    if pd.notna(never["customer_share"]) and never["customer_share"] > 0:
        parts.append(
            "Bei {nie} ist wahrscheinlicher, dass sie in {jahre} Jahren nicht wiederkommen; für "
            "sie nennen wir keinen Tag."
        )
        numbers["nie"] = style.share(never["customer_share"], digits=1)
        numbers["jahre"] = style.count(LONGEST_DAYS / DAYS_PER_YEAR)
    return say(" ".join(parts) or "Die Gruppen sind zu klein, um gezeigt zu werden.", **numbers)


def timing_title(timing: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many customers are still expected back at all.

    Parameters
    ----------
    timing : DataFrame
        From `next_purchase.timing`, suppressed.
    style : Style
        How numbers are written.
    """
    never = timing.iloc[-1]["customer_share"]
    if pd.isna(never):
        return say("Wie viele Kunden noch zu erwarten sind, zeigen wir nicht")
    return say(
        "Für {anteil} der Kunden ist ein nächster Kauf zu erwarten", anteil=style.share(1 - never)
    )


def timing_alt(classes: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of customers by the day by which they are expected.

    Parameters
    ----------
    classes : DataFrame
        From `timing_classes`.
    style : Style
        How numbers are written.
    """
    shown = classes["customer_share"].dropna()
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden.")
    return say(
        "Balken für {zahl} Gruppen nach dem erwarteten Tag des nächsten Kaufs; am größten ist "
        "„{gruppe}“ mit {anteil} der Kunden.",
        zahl=style.count(len(classes)),
        gruppe=style.text(shown.idxmax()),
        anteil=style.share(shown.max()),
    )


def timing_rule(*, style: Style) -> Sentence:
    """Say which day of the next purchase is meant."""
    return say(
        "Gemeint ist der Tag, bis zu dem ein Kunde mit einer Wahrscheinlichkeit von {haelfte} "
        "wieder gekauft hat. Je länger er schweigt, desto weiter rückt dieser Tag hinaus.",
        haelfte=style.share(0.5),
    )


def members(lists: pd.DataFrame, *, share: float, style: Style) -> Sentence:
    """Say how many of a list of the first customers will be among the most valuable.

    Parameters
    ----------
    lists : DataFrame
        From `membership.lists`, with a row for `share`.
    share : float
        Of the customers: who is most valuable, and how long the list is.
    style : Style
        How numbers are written.
    """
    row = lists.loc[share]
    text = (
        "Von den {liste} Kunden mit dem höchsten Kundenwert ({anteil} aller Kunden) werden "
        "voraussichtlich {treffer} wirklich zu den wertvollsten {anteil} gehören, das sind {quote} "
        "der Liste."
    )
    if row["hit_share"] < SURE:
        text += " Wer dazugehören wird, steht heute also nicht fest."
    return say(
        text,
        liste=style.count(row["customers"]),
        anteil=style.share(share),
        treffer=style.count(row["expected_members"]),
        quote=style.share(row["hit_share"]),
    )


def members_rule(*, n_futures: int, share: float, style: Style) -> Sentence:
    """Say how the chance of belonging to the most valuable is counted."""
    return say(
        "Gezählt wird, in wie vielen von {zahl} simulierten Verläufen ein Kunde zu den "
        "wertvollsten {anteil} gehört. Parameter, Käufe und Beträge sind jedes Mal neu gezogen.",
        zahl=style.count(n_futures),
        anteil=style.share(share),
    )


def group_values(bands: pd.DataFrame, *, what: str, style: Style) -> Sentence:
    """Say which group is worth most, and how sure that is.

    Parameters
    ----------
    bands : DataFrame
        From `intervals.group_bands`, suppressed.
    what : str
        What a group is called, such as „das Segment“.
    style : Style
        How numbers are written.
    """
    shown = bands.dropna(subset=["value"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    best = shown.loc[shown["value"].idxmax()]
    others = shown.drop(best.name)
    apart = bool((others["high_money"] < best["low_money"]).all())
    return say(
        "Am meisten wert ist {was} „{gruppe}“ mit {wert} (Bereich: {von} bis {bis})"
        + ("" if apart or others.empty else "; die Bereiche überschneiden sich"),
        was=style.text(what),
        gruppe=style.text(best.name),
        wert=style.money(best["value"]),
        von=style.money(best["low_money"]),
        bis=style.money(best["high_money"]),
    )


def group_values_alt(bands: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of groups with their intervals."""
    shown = bands.dropna(subset=["value"])
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden.")
    return say(
        "Punkte mit Bereich für {zahl} Gruppen, von {klein} bis {gross}.",
        zahl=style.count(len(shown)),
        klein=style.money(shown["value"].min()),
        gross=style.money(shown["value"].max()),
    )


def group_values_rule(*, style: Style, level: float) -> Sentence:
    """Say how the intervals of groups come about, and what they do not promise."""
    return say(
        "Bereiche zu {sicher} aus simulierten Verläufen, aufgeweitet um denselben Faktor wie beim "
        "ganzen Kundenstamm. Einzelne Gruppen können weiter danebenliegen, denn im Ganzen gleichen "
        "sich Fehler aus.",
        sicher=style.share(level),
    )


def key_figures(
    *, customers: int, value: float, band: Band, new: NewCustomer, style: Style
) -> tuple[KeyFigure, ...]:
    """Put the value of the base beside that of one new customer.

    Parameters
    ----------
    customers : int
        Existing ones.
    value : float
        Sum of their `clv`.
    band : Band
        The widened interval of the sum.
    new : NewCustomer
        From `equity.new_customer`.
    style : Style
        How numbers are written.
    """
    return (
        KeyFigure(
            "customer_equity",
            "Kundenstammwert",
            style.money(value),
            say(
                "zu rechnen ist mit {von} bis {bis}",
                von=style.money(band.low),
                bis=style.money(band.high),
            ),
            headline=True,
        ),
        KeyFigure(
            "value_per_customer", "Je vorhandenem Kunden", style.money(value / customers, digits=2)
        ),
        KeyFigure(
            "new_customer_value",
            "Wert eines neuen Kunden",
            style.money(new.value, digits=2),
            say("davon {erst} mit dem ersten Kauf", erst=style.money(new.first_margin, digits=2)),
            headline=True,
        ),
        KeyFigure(
            "new_customer_repeats",
            "Wiederholungskäufe eines neuen Kunden",
            style.number(new.repeat_purchases),
        ),
    )


def new_customer(new: NewCustomer, *, horizon_days: int, margin: float, style: Style) -> Sentence:
    """Say what a new customer brings, and with which purchases.

    Parameters
    ----------
    new : NewCustomer
        From `equity.new_customer`.
    horizon_days : int
        That of the value.
    margin : float
        That of the value; with 1 it is revenue.
    style : Style
        How numbers are written.
    """
    later = new.repeat_value / new.value if new.value > 0 else 0.0
    what = "Umsatz" if margin == 1 else "Deckungsbeitrag"
    limit = (
        " Was seine Gewinnung kosten darf, sagt erst der Deckungsbeitrag (Parameter „margin“)."
        if margin == 1
        else " Mehr darf seine Gewinnung nicht kosten."
    )
    return say(
        "Ein neuer Kunde bringt in {tage} Tagen voraussichtlich {wert} "
        + what
        + "; {spaeter} davon kommen erst nach dem ersten Kauf."
        + limit,
        tage=style.count(horizon_days),
        wert=style.money(new.value, digits=2),
        spaeter=style.share(later),
    )


def payback(table: pd.DataFrame, *, horizon_days: int, style: Style) -> Sentence:
    """Say in how many quarters a new customer earns what it cost to win him.

    Parameters
    ----------
    table : DataFrame
        From `equity.payback`; suppressed quarters count as unknown.
    horizon_days : int
        How far the earnings reach.
    style : Style
        How numbers are written.
    """
    known = table[(table["payback"] != "no_cost") & table["cac"].notna()]
    if known.empty:
        return say(
            "Was ein neuer Kunde kostet, ist für kein Quartal bekannt. Dafür fehlt ein Budget."
        )
    counts = known["payback"].value_counts()
    numbers = {
        "alle": style.count(len(known)),
        "sofort": style.count(counts.get("first_purchase", 0)),
        "spaeter": style.count(counts.get("in_horizon", 0)),
        "laengste": style.count(known["payback_days"].max()),
        "nie": style.count(counts.get("not_in_horizon", 0)),
        "tage": style.count(horizon_days),
        "von": style.money(known["cac"].min(), digits=2),
        "bis": style.money(known["cac"].max(), digits=2),
    }
    parts = {
        "first_purchase": "Im Mittel aller Kanäle deckt in {sofort} von {alle} Quartalen schon der "
        "erste Kauf diese Kosten.",
        "in_horizon": "In {spaeter} von {alle} Quartalen decken erst spätere Käufe diese Kosten, "
        "nach höchstens {laengste} Tagen.",
        "not_in_horizon": "In {nie} von {alle} Quartalen reichen {tage} Tage nicht.",
    }
    said = [text for code, text in parts.items() if counts.get(code, 0)]
    return say(" ".join(["Ein neuer Kunde kostete zwischen {von} und {bis}.", *said]), **numbers)


def channel_costs(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say by which channel a new customer costs most, and by which least.

    Parameters
    ----------
    table : DataFrame
        From `equity.channel_costs`, suppressed.
    style : Style
        How numbers are written.
    """
    known = table["cac"].dropna()
    if known.empty:
        return say("Für keinen Kanal ist bekannt, was ein neuer Kunde kostet")
    if len(known) == 1:
        return say(
            "Über „{kanal}“ kostet ein neuer Kunde {kosten}",
            kanal=style.text(known.index[0]),
            kosten=style.money(known.iloc[0], digits=2),
        )
    return say(
        "Am teuersten ist ein neuer Kunde über „{teuer}“ ({hoch}), am günstigsten über „{billig}“ "
        "({niedrig})",
        teuer=style.text(known.idxmax()),
        hoch=style.money(known.max(), digits=2),
        billig=style.text(known.idxmin()),
        niedrig=style.money(known.min(), digits=2),
    )


def cost_rule() -> Sentence:
    """Say what the cost of a new customer holds and what it does not."""
    return say(
        "Akquisitionskosten sind das Budget für neue Kunden, geteilt durch alle neuen Kunden "
        "derselben Zeit. Wer auch ohne Werbung gekommen wäre, zählt mit; was ein weiterer Kunde "
        "kosten würde, kann deshalb höher sein."
    )


def earnings_alt(earnings: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of what a new customer has earned by each day."""
    numbers = {
        "von": style.money(earnings["earned"].iloc[0], digits=2),
        "bis": style.money(earnings["earned"].iloc[-1], digits=2),
        "tage": style.count(earnings.index[-1]),
    }
    text = "Steigende Linie von {von} am Tag des ersten Kaufs auf {bis} nach {tage} Tagen"
    if earnings["cac"].notna().all():
        text += "; waagerechte Linie der Kosten bei {kosten}"
        numbers["kosten"] = style.money(earnings["cac"].iloc[0], digits=2)
    return say(text + ".", **numbers)


def earnings_rule(*, annual_discount_rate: float, style: Style) -> Sentence:
    """Say what the line of earnings adds up."""
    return say(
        "Was ein neuer Kunde bis zu jedem Tag voraussichtlich verdient hat, den ersten Kauf "
        "eingeschlossen, abgezinst mit {zins} im Jahr.",
        zins=style.share(annual_discount_rate, digits=1),
    )


def value_by_risk_cells(cells: pd.DataFrame, *, style: Style) -> pd.DataFrame:
    """Name the cells of value by risk in German.

    Parameters
    ----------
    cells : DataFrame
        From `equity.value_by_risk` with its default borders; may be suppressed.
    style : Style
        How numbers are written.
    """
    low, high = (style.share(edge) for edge in RISK_EDGES)
    risks = {"low": f"unter {low}", "middle": f"{low} bis {high}", "high": f"ab {high}"}
    return cells.rename(index=THIRDS, level="value_third").rename(index=risks, level="risk")


def value_by_risk(cells: pd.DataFrame, *, horizon_days: int, style: Style) -> Sentence:
    """Say how much value lies with valuable customers who will probably not buy.

    Parameters
    ----------
    cells : DataFrame
        From `equity.value_by_risk`, suppressed.
    horizon_days : int
        That of value and risk.
    style : Style
        How numbers are written.
    """
    unlikely = cells.loc[[(1, "middle"), (1, "high")]].sum(skipna=False)
    numbers = {"tage": style.count(horizon_days)}
    if pd.isna(unlikely["customers"]):
        return say(
            "Wie viele Kunden im wertvollsten Drittel in {tage} Tagen eher nicht kaufen, zeigen "
            "wir nicht: Die Gruppen sind zu klein",
            **numbers,
        )
    if unlikely["customers"] == 0:
        return say(
            "Im wertvollsten Drittel kaufen alle Kunden in {tage} Tagen eher als nicht", **numbers
        )
    return say(
        "Im wertvollsten Drittel gibt es {kunden} Kunden, die in {tage} Tagen eher nicht kaufen; "
        "auf sie entfallen {anteil} des Kundenstammwerts",
        kunden=style.count(unlikely["customers"]),
        anteil=style.share(unlikely["value_share"]),
        **numbers,
    )


def value_by_risk_rule(*, horizon_days: int, style: Style) -> Sentence:
    """Say what rows, columns and shades of the heat map mean."""
    return say(
        "Zeilen: Drittel der Kunden nach Kundenwert. Spalten: Wahrscheinlichkeit, in den nächsten "
        "{tage} Tagen nicht zu kaufen. Je dunkler eine Zelle, desto mehr Wert liegt in ihr.",
        tage=style.count(horizon_days),
    )


def value_by_risk_alt(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the heat map of value by risk.

    Parameters
    ----------
    cells : DataFrame
        From `value_by_risk_cells`.
    style : Style
        How numbers are written.
    """
    shown = cells["value_share"].where(cells["customers"] > 0).dropna()
    if shown.empty:
        return say("Jede Zelle ist zu klein, um gezeigt zu werden.")
    value, risk = shown.idxmax()
    return say(
        "Raster aus drei Wertklassen und drei Risikoklassen. Am meisten Wert liegt in der Zelle "
        "„{wert}“, Risiko „{risiko}“: {anteil}.",
        wert=style.text(value),
        risiko=style.text(risk),
        anteil=style.share(shown.max()),
    )


def readings(table: pd.DataFrame) -> pd.DataFrame:
    """Name the readings of a what-if table in German."""
    return table.rename(index=READINGS)


def readings_rule(*, step: float, model: str, style: Style) -> Sentence:
    """Say what each reading changes in the model."""
    return say(
        "Jeder Kunde hat seine eigene Wahrscheinlichkeit, " + LEAVING[model] + ". Sie sinkt um "
        "{schritt} ihrer selbst, oder die Wahrscheinlichkeit zu bleiben steigt um {schritt} ihrer "
        "selbst, oder sie steigt um {punkte} Prozentpunkte, höchstens auf {alles}. Was ein Kunde "
        "je Kauf ausgibt und wie oft er kauft, solange er bleibt, ändert sich nicht.",
        schritt=style.share(step),
        punkte=style.count(100 * step),
        alles=style.share(1.0),
    )


def retention(
    table: pd.DataFrame, *, step: float, horizon_days: int, model: str, style: Style
) -> Sentence:
    """Say how far the readings of the same change lie apart in the value of the base.

    Parameters
    ----------
    table : DataFrame
        From `retention_whatif.existing_customers`.
    step : float
        Size of the change.
    horizon_days : int
        That of the values.
    model : str
        Name of the purchase model, a key of `LEAVING`.
    style : Style
        How numbers are written.
    """
    low, high = table.loc[table["change"].idxmin()], table.loc[table["change"].idxmax()]
    return say(
        "„{schritt} mehr Bindung“ hebt den Kundenstammwert der nächsten {tage} Tage je nach Lesart "
        "um {von} bis {bis}, das sind {von_geld} bis {bis_geld}. Geändert wird die "
        "Wahrscheinlichkeit, " + LEAVING[model] + ". Ein Gewinn ist das nicht: Was die Bindung "
        "kostet, ist nicht abgezogen.",
        schritt=style.share(step),
        tage=style.count(horizon_days),
        von=style.share(low["change"], digits=1),
        bis=style.share(high["change"], digits=1),
        von_geld=style.money(low["difference"]),
        bis_geld=style.money(high["difference"]),
    )


def claim(table: pd.DataFrame, *, step: float, style: Style) -> Sentence:
    """Hold the readings against the claim that five per cent more retention nearly double profit.

    Parameters
    ----------
    table : DataFrame
        From `retention_whatif`: `change` by reading.
    step : float
        Size of the change.
    style : Style
        How numbers are written.

    References
    ----------
    Reichheld and Sasser (1990), Zero defections: quality comes to services, Harvard Business
    Review 68 (5), 105-111.
    """
    n_inside = sum(CLAIMED.holds(change) for change in table["change"])
    return say(
        "Oft heißt es, {schritt} mehr Kundenbindung brächten {von} bis {bis} mehr Gewinn. Das war "
        "ein Rechenbeispiel für den Wert eines Kunden, keine Messung von Gewinnen. Mit Ihren Daten "
        "liegen {drin} von {alle} Lesarten in diesem Bereich.",
        schritt=style.share(step),
        von=style.share(CLAIMED.low),
        bis=style.share(CLAIMED.high),
        drin=style.count(n_inside),
        alle=style.count(len(table)),
    )


def _days_text(from_days: float, to_days: float, *, style: Style) -> str:
    """Name one class of days ahead."""
    if pd.isna(from_days):
        return "kein Tag zu nennen"
    if pd.isna(to_days):
        return f"über {style.days(from_days - 1)}"
    if from_days == 1:
        return f"bis {style.days(to_days)}"
    return f"{style.count(from_days)} bis {style.days(to_days)}"
