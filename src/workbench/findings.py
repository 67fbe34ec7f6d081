"""Tables to German sentences: what a section found, computed and worded by rule."""

from __future__ import annotations

import math

import pandas as pd

from workbench import discrimination
from workbench.evaluation import MAX_CONCORDANCE_LOSS, MIN_RMSE_GAIN, PurchaseVerdict
from workbench.formats import Number, Style
from workbench.outputs import Sentence, Verdict, say
from workbench.spend import Independence

VERDICTS = ("clv_holdout", "clv_second_opinion", "churn_quality")
SECOND_OPINION_TOLERANCE = 1e-4

ROLES = {"earlier": "Rückblick", "validation": "Auswahl", "test": "Prüfung"}
HOLDOUT_LABEL = "Kaufmodell besser als einfache Verfahren"
MODELS = {"bg_nbd": "BG/NBD", "gamma_gamma": "Gamma-Gamma"}
UNITS = {"1": "ohne Einheit", "weeks": "Wochen", "days": "Tage", "currency": "Währung"}
FORECASTS = {
    "bgnbd": "BG/NBD-Modell",
    "same_count_again": "gleich viele Käufe wie bisher",
    "own_rate": "eigene Kaufrate",
    "population_mean": "alle wie der Durchschnitt",
    "nobody_buys": "niemand kauft",
}
CAUTIONS = {
    "": "Die Anpassung ist eindeutig: Es gibt genau eine beste Lösung, und sie ist gut bestimmt.",
    "no_dropout": "Achtung: Nach dem Modell wandert fast niemand ab. Die Daten sagen zu wenig "
    "darüber, wer gegangen ist; die Aktivitätswahrscheinlichkeit ist dann kaum zu gebrauchen.",
    "flat_ridge": "Achtung: Mehrere Lösungen sind fast gleich gut. Summen sind verlässlicher als "
    "Werte einzelner Kunden.",
}
# Where P(alive) or a purchase forecast is compared with what came, the reader wants a
# word for the direction and a size without sign.
BELOW, ABOVE = "unter", "über"


def base(
    summary: pd.DataFrame, *, orders: pd.DataFrame, as_of: pd.Timestamp, k: int, style: Style
) -> Sentence:
    """Say who the customers are and how many of them came back."""
    if len(summary) < k:
        return say(
            "Die Daten enthalten {kunden} Kunden; das sind zu wenige, um mehr über sie zu zeigen.",
            kunden=style.count(len(summary)),
        )
    return say(
        "Vom {von} bis zum {bis} haben {kunden} Kunden an {tage} Kauftagen {umsatz} ausgegeben; "
        "{anteil} von ihnen kauften mehr als einmal.",
        von=style.date(orders["date"].min()),
        bis=style.date(as_of),
        kunden=style.count(len(summary)),
        tage=style.count(summary["n_orders"].sum()),
        umsatz=style.money(summary["revenue"].sum()),
        anteil=style.share((summary["frequency"] > 0).mean(), digits=1),
    )


def cleaning(balance: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how much the cleaning took away."""
    read, kept = balance.iloc[0], balance.iloc[-1]
    if kept["n_rows"] == read["n_rows"]:
        return say(
            "Alle {gelesen} Zeilen sind brauchbar; es wurde nichts entfernt.",
            gelesen=style.count(read["n_rows"]),
        )
    return say(
        "Von {gelesen} Zeilen bleiben {behalten}; entfernt wurden {entfernt} "
        "({anteil}), jede mit Grund.",
        gelesen=style.count(read["n_rows"]),
        behalten=style.count(kept["n_rows"]),
        entfernt=style.count(read["n_rows"] - kept["n_rows"]),
        anteil=style.share(1 - kept["n_rows"] / read["n_rows"], digits=1),
    )


def months(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which part of the revenue came from known customers."""
    shown = table.dropna()
    total = shown["revenue_known"].sum() + shown["revenue_new"].sum()
    return say(
        "{anteil} des Umsatzes stammt von Kunden, die schon einmal gekauft hatten",
        anteil=style.share(_share_of(shown["revenue_known"].sum(), total)),
    )


def months_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of monthly revenue."""
    revenue = (table["revenue_known"] + table["revenue_new"]).dropna()
    if revenue.empty:
        return say("Säulen je Monat; jeder Monat ist zu klein, um gezeigt zu werden.")
    return say(
        "Säulen für {monate} Monate, geteilt in Bestandskunden und Neukunden. "
        "Der stärkste Monat beginnt am {monat} und bringt {umsatz}.",
        monate=style.count(len(table)),
        monat=style.date(revenue.idxmax()),
        umsatz=style.money(revenue.max()),
    )


def order_counts(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how many customers bought once."""
    return say(
        "{anteil} der Kunden haben an genau einem Tag gekauft",
        anteil=style.share(table["customer_share"].iloc[0]),
    )


def order_counts_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of purchase days per customer."""
    return say(
        "Säulen für die Zahl der Kauftage je Kunde: {einmal} Kunden kauften einmal, "
        "{oft} Kunden an {stufe} oder mehr Tagen.",
        einmal=style.count(table["customers"].iloc[0]),
        oft=style.count(table["customers"].iloc[-1]),
        stufe=style.count(len(table)),
    )


def concentration(table: pd.DataFrame, *, what: str, style: Style) -> Sentence:
    """Say which part of the money, past or expected, the best tenth holds."""
    return say(
        "Das beste Zehntel der Kunden hält {anteil} " + what,
        anteil=style.share(table.loc[0.1, "share_of_total"]),
    )


def concentration_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the concentration curve."""
    return say(
        "Kurve über der Diagonale: Auf die beste Hälfte der Kunden entfallen {haelfte}, "
        "auf das beste Fünftel {fuenftel}.",
        haelfte=style.share(table.loc[0.5, "share_of_total"]),
        fuenftel=style.share(table.loc[0.2, "share_of_total"]),
    )


def segments(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which segment brings most of the revenue, and how small it is."""
    best = leading(sizes)
    if best is None:
        return say("Jedes Segment ist zu klein, um gezeigt zu werden")
    return say(
        "{segment}: {kunden} der Kunden, {umsatz} des Umsatzes",
        segment=style.text(best),
        kunden=style.share(sizes.loc[best, "customer_share"]),
        umsatz=style.share(sizes.loc[best, "revenue_share"]),
    )


def segments_lead(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in a full sentence which segment carries the revenue and which is the largest."""
    best = leading(sizes)
    if best is None:
        return say("Jedes Segment ist zu klein, um gezeigt zu werden.")
    largest = sizes["customer_share"].idxmax()
    return say(
        "Die Gruppe {beste} stellt {kunden} der Kunden und bringt {umsatz} des Umsatzes; "
        "die größte Gruppe, {groesste}, stellt {anteil} und bringt {rest}.",
        beste=style.text(best),
        kunden=style.share(sizes.loc[best, "customer_share"]),
        umsatz=style.share(sizes.loc[best, "revenue_share"]),
        groesste=style.text(largest),
        anteil=style.share(sizes.loc[largest, "customer_share"]),
        rest=style.share(sizes.loc[largest, "revenue_share"]),
    )


def leading(sizes: pd.DataFrame) -> str | None:
    """Return the name of the group with the most revenue; None where all are suppressed."""
    shown = sizes["revenue_share"].dropna()
    return None if shown.empty else str(shown.idxmax())


def shares_alt(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe a drawing of groups by share of customers and of revenue."""
    shown = sizes.dropna(subset=["customer_share"])
    if shown.empty:
        return say("Balken je Gruppe; jede ist zu klein, um gezeigt zu werden.")
    largest = shown["customer_share"].idxmax()
    return say(
        "Zwei Balken je Gruppe, Anteil der Kunden und Anteil am Umsatz, für {gruppen} Gruppen. "
        "Die größte Gruppe heißt {groesste} und umfasst {anteil} der Kunden.",
        gruppen=style.count(len(sizes)),
        groesste=style.text(largest),
        anteil=style.share(shown.loc[largest, "customer_share"]),
    )


def grid(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Say where in the score grid most customers are."""
    shown = cells["customers"].dropna()
    if shown.empty or shown.max() == 0:
        return say("Jede Zelle ist zu klein, um gezeigt zu werden")
    r_score, f_score = shown.idxmax()
    return say(
        "Die größte Gruppe, {kunden} Kunden, hat die Note {r} für den letzten Kauf "
        "und die Note {f} für die Häufigkeit",
        kunden=style.count(shown.max()),
        r=style.count(r_score),
        f=style.count(f_score),
    )


def grid_alt(cells: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the score grid."""
    return say(
        "Gitter aus {zellen} Zellen, Note für den letzten Kauf mal Note für die Häufigkeit, "
        "mit der Zahl der Kunden; dunkler heißt mehr Kunden.",
        zellen=style.count(len(cells)),
    )


def lifecycle(sizes: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how much past revenue stands with customers who are slipping away."""
    slipping = sizes.loc[["Bindung gefährdet", "Rückgewinnung"]].sum(min_count=2)
    return say(
        "{kunden} Wiederkäufer sind gefährdet oder schon still; sie brachten "
        "bisher {anteil} des Umsatzes",
        kunden=style.count(slipping["customers"]),
        anteil=style.share(slipping["revenue_share"]),
    )


def independence(found: Independence, *, style: Style) -> Sentence:
    """Say whether spend per purchase goes with the number of purchases."""
    size = abs(found.correlation)
    word = "kaum" if size < 0.1 else "schwach" if size < 0.3 else "deutlich"
    return say(
        "Kaufbetrag und Häufigkeit hängen " + word + " zusammen "
        "(Korrelation {r}, Unsicherheitsbereich {von} bis {bis}).",
        r=style.number(found.correlation),
        von=style.number(found.lower),
        bis=style.number(found.upper),
    )


def purchase_verdict(verdict: PurchaseVerdict, *, style: Style) -> Verdict:
    """Say whether the purchase model beats the naive forecasts, and what follows."""
    rival = FORECASTS[verdict.best_naive]
    if verdict.passed:
        sentence = say(
            "Das Modell macht {gewinn} weniger Fehler (RMSE) als das beste einfache "
            "Verfahren, „"
            + rival
            + "“. In der Summe liegt es {abweichung} "
            + _side(verdict.bias)
            + " dem, was gekauft wurde; das einfache Verfahren {einfach} "
            + _side(verdict.naive_bias)
            + ".",
            gewinn=style.share(verdict.rmse_gain, digits=1),
            abweichung=style.share(abs(verdict.bias), digits=1),
            einfach=style.share(abs(verdict.naive_bias), digits=1),
        )
        consequence = say(
            "Die Kundenwerte dürfen verwendet werden. Rechnen Sie beim Wert des Kundenstamms mit "
            "einem Fehler wie in der Probe."
        )
    else:
        reasons = [
            text
            for holds, text in (
                (verdict.lower_rmse, "der Fehler (RMSE) ist nicht klein genug"),
                (verdict.keeps_ranking, "die Reihenfolge der Kunden ist schlechter"),
                (verdict.keeps_bias, "die Summe liegt weiter daneben"),
            )
            if not holds
        ]
        sentence = say(
            "Gegenüber „"
            + rival
            + "“, dem besten einfachen Verfahren, besteht das Modell nicht: "
            + "; ".join(reasons)
            + ". Sein Fehler (RMSE) ist um {gewinn} "
            + ("kleiner" if verdict.rmse_gain >= 0 else "größer")
            + ", seine Summe liegt {abweichung} "
            + _side(verdict.bias)
            + " dem, was gekauft wurde.",
            gewinn=style.share(abs(verdict.rmse_gain), digits=1),
            abweichung=style.share(abs(verdict.bias), digits=1),
        )
        consequence = (
            say("Verwenden Sie die Kundenwerte nicht: Schon „niemand kauft“ trifft besser.")
            if verdict.best_naive == "nobody_buys"
            else say("Planen Sie mit dem einfachen Verfahren, nicht mit den Kundenwerten.")
        )
    return Verdict(
        "clv_holdout",
        HOLDOUT_LABEL,
        verdict.passed,
        sentence,
        consequence,
    )


def untested_verdict() -> Verdict:
    """Say that a purchase model was fitted but could not be put to the test."""
    return Verdict(
        "clv_holdout",
        HOLDOUT_LABEL,
        False,
        say(
            "Das Modell konnte nicht geprüft werden: Dafür ist die Geschichte zu kurz oder zu dünn."
        ),
        say("Behandeln Sie die Kundenwerte als ungeprüfte Schätzung."),
    )


def purchase_rule(*, style: Style) -> Sentence:
    """State the rule behind `purchase_verdict`."""
    return say(
        "Regel: Der Fehler (RMSE) muss mindestens {gewinn} kleiner sein als bei jedem einfachen "
        "Verfahren. Die Konkordanz (Anteil der Kundenpaare in richtiger Reihenfolge; Gleichstand "
        "zählt halb) darf höchstens {rang} unter der besten liegen. Die Summe darf nicht weiter "
        "danebenliegen als beim besten einfachen Verfahren.",
        gewinn=style.share(MIN_RMSE_GAIN),
        rang=style.number(MAX_CONCORDANCE_LOSS),
    )


def by_frequency(comparison: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far the expected purchases are from the actual ones in sum."""
    shown = comparison.dropna()
    if shown.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    actual = (shown["customers"] * shown["actual"]).sum()
    expected = (shown["customers"] * shown["expected"]).sum()
    return say(
        "Das Modell erwartet {erwartet} Käufe, gekauft wurde {beobachtet} Mal",
        erwartet=style.count(expected),
        beobachtet=style.count(actual),
    )


def by_frequency_alt(comparison: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the comparison by frequency."""
    return say(
        "Zwei Linien, beobachtete und erwartete mittlere Käufe im Prüfzeitraum, über der Zahl der "
        "Wiederholungskäufe. Beobachtet steigt sie von {unten} auf {oben}, "
        "erwartet von {unten_e} auf {oben_e}.",
        unten=style.number(comparison["actual"].iloc[0]),
        oben=style.number(comparison["actual"].iloc[-1]),
        unten_e=style.number(comparison["expected"].iloc[0]),
        oben_e=style.number(comparison["expected"].iloc[-1]),
    )


def tracking(weeks: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how far apart the two cumulative curves end."""
    last = weeks.iloc[-1]
    gap = _share_of(last["cumulative_expected"], last["cumulative_actual"]) - 1
    return say(
        "Am Ende liegt die erwartete Summe {abweichung} " + _side(gap) + " der beobachteten",
        abweichung=style.share(abs(gap), digits=1),
    )


def tracking_alt(weeks: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the tracking curve."""
    return say(
        "Zwei steigende Kurven über {wochen} Wochen: beobachtet bis {beobachtet}, "
        "erwartet bis {erwartet} Wiederholungskäufe.",
        wochen=style.count(len(weeks)),
        beobachtet=style.count(weeks["cumulative_actual"].iloc[-1]),
        erwartet=style.count(weeks["cumulative_expected"].iloc[-1]),
    )


def second_opinion(comparison: pd.DataFrame, *, style: Style) -> Verdict:
    """Say whether lifetimes finds the same parameters as we do."""
    label = "Zweite Rechnung kommt zum gleichen Ergebnis"
    failed = comparison["lifetimes"].isna()
    largest = comparison["relative_difference"].abs().max()
    agrees = not failed.any() and bool(largest <= SECOND_OPINION_TOLERANCE)
    if failed.any():
        sentence = say(
            "Das Paket lifetimes findet auf diesen Daten keine Lösung; unsere steht allein."
        )
    else:
        sentence = say(
            "Die größte Abweichung zwischen unserer Anpassung und der des Pakets "
            "lifetimes beträgt {abweichung} (erlaubt: {grenze}).",
            abweichung=style.share(largest, digits=5),
            grenze=style.share(SECOND_OPINION_TOLERANCE, digits=2),
        )
    consequence = (
        say("Die Parameter sind durch zwei Programme bestätigt.")
        if agrees
        else say("Lassen Sie die Parameter prüfen, bevor Sie mit den Werten planen.")
    )
    return Verdict("clv_second_opinion", label, agrees, sentence, consequence)


def caution(code: str) -> Sentence:
    """Say whether the fit of the purchase model is well determined."""
    return say(CAUTIONS[code])


def value_note(
    horizon_days: int, annual_discount_rate: float, margin: float, *, style: Style
) -> Sentence:
    """Say what kind of money the value is, over which time, discounted at what rate."""
    kind = "Umsatz" if margin == 1 else "Deckungsbeitrag"
    return say(
        kind + " der nächsten {tage} Tage, abgezinst mit {zins} im Jahr",
        tage=style.count(horizon_days),
        zins=style.share(annual_discount_rate, digits=1),
    )


def window_note(horizon_days: int, *, style: Style) -> Sentence:
    """Say how long the window is."""
    return say("in den nächsten {tage} Tagen", tage=style.count(horizon_days))


def value(scores: pd.DataFrame, *, horizon_days: int, style: Style) -> Sentence:
    """Say what the customers of today are worth."""
    return say(
        "Die {kunden} Kunden von heute sind in den nächsten {tage} Tagen voraussichtlich {wert} "
        "wert, im Mittel {mittel} je Kunde.",
        kunden=style.count(len(scores)),
        tage=style.count(horizon_days),
        wert=style.money(scores["clv"].sum()),
        mittel=style.money(scores["clv"].mean(), digits=2),
    )


def deciles(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say how much more the best tenth is worth than the middle."""
    return say(
        "Ein Kunde im besten Zehntel ist im Mittel {wert} wert, im fünften {mitte}",
        wert=style.money(table["mean_value"].iloc[0]),
        mitte=style.money(table["mean_value"].iloc[4]),
    )


def deciles_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of value by decile."""
    return say(
        "Fallende Säulen für {zahl} Zehntel der Kunden, vom wertvollsten mit {oben} "
        "bis zum letzten mit {unten} je Kunde.",
        zahl=style.count(len(table)),
        oben=style.money(table["mean_value"].iloc[0]),
        unten=style.money(table["mean_value"].iloc[-1]),
    )


def churn_quality(row: pd.Series, *, label: str, is_stopwatch: bool, style: Style) -> Verdict:
    """Say whether the chosen churn forecast is worth having on the test origin."""
    passed = discrimination.is_useful(row)
    sentence = say(
        "Gewählt ist „{verfahren}“: Trennschärfe {auc} (Zufall wäre {zufall}), und die "
        "Wahrscheinlichkeiten sind {skill} "
        + ("besser" if row["brier_skill"] > 0 else "schlechter")
        + " als die bloße Grundrate.",
        auc=style.number(row["auc"], digits=3),
        zufall=style.number(0.5, digits=1),
        verfahren=style.text(label),
        skill=style.share(abs(row["brier_skill"]), digits=1),
    )
    if not passed:
        consequence = say("Verwenden Sie die Risiken nicht, um einzelne Kunden auszuwählen.")
    elif is_stopwatch:
        consequence = say(
            "Die Stoppuhr genügt: Die Zeit seit dem letzten Kauf ordnet die Kunden so gut wie die "
            "aufwendigeren Modelle."
        )
    else:
        consequence = say("Die Risiken dürfen verwendet werden, um Kunden zu ordnen.")
    return Verdict("churn_quality", "Abwanderungsprognose brauchbar", passed, sentence, consequence)


def choice_rule(*, style: Style) -> Sentence:
    """State the rules behind the choice of a churn forecast and its verdict."""
    return say(
        "Alle Verfahren an allen Stichtagen. Gewählt wird das einfachste, dessen Trennschärfe "
        "höchstens {auc} unter der besten liegt und dessen Brier-Wert höchstens {brier} höher ist "
        "als der beste. Brauchbar ist es, wenn seine Trennschärfe mindestens {mindestens} beträgt "
        "und seine Wahrscheinlichkeiten besser sind als die Grundrate.",
        auc=style.number(discrimination.AUC_TOLERANCE),
        brier=style.share(discrimination.BRIER_TOLERANCE),
        mindestens=style.number(discrimination.MIN_AUC, digits=1),
    )


def quality(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which forecast was chosen and how well it sorts."""
    chosen = table[table["chosen"]].iloc[0]
    return say(
        "„{verfahren}“ erreicht {auc}, das beste Verfahren {best}",
        verfahren=style.text(chosen.name),
        auc=style.number(chosen["auc"], digits=3),
        best=style.number(table["auc"].max(), digits=3),
    )


def quality_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of AUC by forecast."""
    return say(
        "Balken der Trennschärfe für {zahl} Verfahren, von {von} bis {bis}.",
        zahl=style.count(len(table)),
        von=style.number(table["auc"].min(), digits=3),
        bis=style.number(table["auc"].max(), digits=3),
    )


def calibration(bins: pd.DataFrame, *, style: Style) -> Sentence:
    """Say in how many classes the prediction lies within the bounds, and how far off it gets."""
    bins = bins.dropna(subset=["predicted"])
    if bins.empty:
        return say("Jede Gruppe ist zu klein, um gezeigt zu werden")
    inside = (bins["predicted"] >= bins["low"]) & (bins["predicted"] <= bins["high"])
    gap = (bins["predicted"] - bins["observed"]).abs().max()
    return say(
        "Die Vorhersage weicht höchstens {abweichung} Prozentpunkte ab; in {drin} von {alle} "
        "Gruppen liegt sie im Unsicherheitsbereich",
        abweichung=style.number(100 * gap, digits=1),
        drin=style.count(int(inside.sum())),
        alle=style.count(len(bins)),
    )


def calibration_alt(bins: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the reliability diagram."""
    return say(
        "Punkte mit Fehlerbalken entlang der Diagonale: vorhergesagt {von} bis {bis}, "
        "tatsächlich {von_t} bis {bis_t}.",
        von=style.share(bins["predicted"].iloc[0]),
        bis=style.share(bins["predicted"].iloc[-1]),
        von_t=style.share(bins["observed"].iloc[0]),
        bis_t=style.share(bins["observed"].iloc[-1]),
    )


def risk(classes: pd.DataFrame, *, horizon_days: int, style: Style) -> Sentence:
    """Say how many customers will probably not buy in the horizon."""
    return say(
        "In den nächsten {tage} Tagen werden voraussichtlich {stille} der {kunden} Kunden nicht "
        "kaufen; {kaeufer} kaufen wieder.",
        tage=style.count(horizon_days),
        stille=style.count(classes["expected_silent"].sum()),
        kunden=style.count(classes["customers"].sum()),
        kaeufer=style.count((classes["customers"] - classes["expected_silent"]).sum()),
    )


def importance(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Say which feature the forecast leans on most."""
    return say(
        "Am meisten sagt: {merkmal}",
        merkmal=style.text(table.index[0]),
    )


def importance_note(label: str) -> Sentence:
    """Say which model was taken apart."""
    return say(
        "Verlust an Trennschärfe je Merkmal, Verfahren: {verfahren}",
        verfahren=Number(label, "text", label),
    )


def importance_alt(table: pd.DataFrame, *, style: Style) -> Sentence:
    """Describe the drawing of importance."""
    return say(
        "Balken für {zahl} Merkmale; das wichtigste kostet {verlust} Trennschärfe, wenn es fehlt.",
        zahl=style.count(len(table)),
        verlust=style.number(table["auc_loss"].iloc[0], digits=3),
    )


def _share_of(part: float, whole: float) -> float:
    """Divide; NaN where the whole is suppressed or nothing."""
    return float(part / whole) if whole > 0 else math.nan


def _side(difference: float) -> str:
    return ABOVE if difference >= 0 else BELOW
