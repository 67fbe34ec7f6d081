"""German labels and units of the columns that a report shows: one meaning for each name."""

from __future__ import annotations

from typing import Any

# The verdicts that the parameter `fatal` may name.
VERDICTS = (
    *("datenqualitaet", "clv_backtest", "clv_assumptions", "clv_second_opinion", "churn_quality"),
    "churn_guards",
)

# Churn models, the simplest first: the choice takes the first that is as good as the best.
MODEL_LABELS: dict[str, str] = {
    "base_rate": "Grundrate (alle gleich)",
    "weeks_since_last": "Zeit seit dem letzten Kauf",
    "frequency": "Zahl der Käufe",
    "bgnbd": "Kaufmodell allein",
    "logistic": "Logistische Regression",
    "boosting": "Boosting (Entscheidungsbäume)",
}

COLUMNS: dict[str, tuple[Any, ...]] = {
    # groups of customers
    "customers": ("Kunden", "count"),
    "customer_share": ("Anteil der Kunden", "share", 1),
    "revenue": ("Bisheriger Umsatz", "money"),
    "revenue_share": ("Anteil am Umsatz", "share", 1),
    "top_share": ("Beste Kunden", "share"),
    "share_of_total": ("Ihr Anteil am Gesamten", "share", 1),
    "decile": ("Zehntel", "count"),
    "mean_value": ("Mittlerer Kundenwert", "money", 2),
    "value": ("Summe der Kundenwerte", "money"),
    "value_share": ("Anteil am Wert", "share", 1),
    # cleaning and time
    "label": ("", "text"),
    "n": ("Anzahl", "count"),
    "n_rows": ("Zeilen", "count"),
    "share": ("Anteil", "share", 2),
    "first_lines": ("Zeilen zum Nachsehen", "text"),
    "amount": ("Betrag", "money", 2),
    # how it was read
    "value_text": ("", "text"),
    "group": ("Gruppe", "text"),
    "lines": ("Zeilen", "count"),
    "column": ("Spalte", "text"),
    "kind": ("Personenbezug", "text"),
    "recognised_by": ("Erkannt", "text"),
    "decision": ("Was aus ihr wird", "text"),
    "reason": ("Schritt", "text"),
    "check": ("Auffälligkeit", "text"),
    "n_read": ("Gelesene Zeilen", "count"),
    "n_kept": ("Behaltene Zeilen", "count"),
    "customers_known": ("Davon mit Bestellungen", "count"),
    "month": ("Monat ab", "date"),
    "known_customers": ("Bestandskunden", "count"),
    "new_customers": ("Neukunden", "count"),
    "revenue_known": ("Umsatz Bestandskunden", "money"),
    "revenue_new": ("Umsatz Neukunden", "money"),
    "n_orders": ("Käufe", "text"),
    # rhythm
    "period": ("Zeitraum ab", "date"),
    "weekday": ("Wochentag", "text"),
    "days": ("Tage", "count"),
    "purchases": ("Käufe", "count"),
    "purchases_per_day": ("Käufe je Tag", "number", 1),
    "gap": ("Abstand", "text"),
    "gaps": ("Abstände", "count"),
    "gap_share": ("Anteil der Abstände", "share", 1),
    "silence": ("Letzter Kauf vor", "text"),
    "stage": ("Schritt", "text"),
    "week": ("Woche", "count"),
    "bought_share": ("Anteil mit Kauf", "share", 1),
    # quality
    "measured": ("Gemessen", "by:unit", 1),
    "rule": ("Grenzen", "text"),
    "status": ("Ergebnis", "text"),
    # segments
    "segment": ("Segment", "text"),
    "customer_group": ("Kundengruppe", "text"),
    "state": ("Phase", "text"),
    "median_gap": ("Tage zwischen zwei Käufen (Median)", "count"),
    "p_purchase": ("Chance auf einen Kauf", "share"),
    "expected_revenue": ("Erwarteter Umsatz", "money"),
    "expected_share": ("Anteil am erwarteten Umsatz", "share", 1),
    "next_step": ("Nächster Schritt", "text"),
    "r_score": ("Note letzter Kauf", "count"),
    "f_score": ("Note Häufigkeit", "count"),
    "median_basket": ("Betrag je Kauf (Median)", "money", 2),
    "median_days_since_last": ("Tage seit dem letzten Kauf (Median)", "count"),
    # migration
    "before": ("Von", "text"),
    "after": ("Zu", "text"),
    "expected_customers": ("Erwartete Kunden", "count"),
    "expected_low": ("Erwartet von", "count"),
    "expected_high": ("Erwartet bis", "count"),
    "revenue_before": ("Umsatz davor", "money"),
    "revenue_after": ("Umsatz danach", "money"),
    "left_group": ("Abgänge", "count"),
    "came": ("Zugänge", "count"),
    "customers_after": ("Kunden danach", "count"),
    "net_change": ("Netto", "count"),
    # forecasts of purchases
    "forecast": ("Verfahren", "text"),
    "n_origins": ("Stichtage", "count"),
    "mae": ("Mittlerer Fehler (MAE)", "number", 4),
    "rmse": ("Fehler (RMSE)", "number", 4),
    "bias": ("Abweichung der Summe", "share", 1),
    "wape": ("Fehler je Kauf (WAPE)", "number", 3),
    "concordance": ("Konkordanz", "number", 3),
    "gini": ("Gini-Wert (1: perfekt geordnet)", "number", 3),
    "top_decile": ("Käufe im Zehntel mit der höchsten Vorhersage", "share", 1),
    "forecast_money": ("Vorhergesagt", "money"),
    "actual_money": ("Tatsächlich", "money"),
    "low_money": ("Bereich von", "money"),
    "high_money": ("Bis", "money"),
    "inside": ("Getroffen", "text"),
    "rank_correlation": ("Rangkorrelation", "number", 3),
    "frequency": ("Wiederholungskäufe", "text"),
    "actual": ("Beobachtet", "number", 3),
    "expected": ("Erwartet", "number", 3),
    "step": ("Woche", "count"),
    "last_day": ("Bis", "date"),
    "cumulative_actual": ("Beobachtet", "count"),
    "cumulative_expected": ("Erwartet", "number", 1),
    # returns
    "policy": ("Zählweise", "text"),
    "orders": ("Bestellungen", "count"),
    # purchase models side by side
    "log_likelihood": ("Log-Likelihood", "number", 2),
    "aic": ("AIC", "number", 1),
    "bic": ("BIC", "number", 1),
    "error": ("Fehler gegenüber „Niemand kauft“", "number", 3),
    "problem": ("Anpassung", "text"),
    "is_published": ("Veröffentlicht", "text"),
    # next purchase and membership
    "expected_within": ("Voraussichtlich wieder da", "text"),
    "expected_buyers": ("Erwartete Käufer im Zeitraum", "count"),
    "list_share": ("Länge der Liste", "share"),
    "expected_members": ("Davon voraussichtlich unter den Wertvollsten", "count"),
    "hit_share": ("Treffer in der Liste", "share", 1),
    "found_share": ("Gefundene Wertvollste", "share", 1),
    # value of groups, new customers and retention
    "model_low_money": ("Modell allein von", "money"),
    "model_high_money": ("Modell allein bis", "money"),
    "quarter": ("Quartal ab", "date"),
    "first_basket": ("Erster Kauf im Mittel", "money", 2),
    "first_basket_shrunk": ("Erster Kauf, geglättet", "money", 2),
    "first_margin": ("Beitrag des ersten Kaufs, geglättet", "money", 2),
    "repeat_value": ("Wert späterer Käufe", "money", 2),
    "new_value": ("Wert eines neuen Kunden", "money", 2),
    "acquisition_budget": ("Akquisebudget", "money"),
    "cac": ("Akquisitionskosten je Neukunde", "money", 2),
    "net_value": ("Wert abzüglich Akquisitionskosten", "money", 2),
    "payback_days": ("Tage bis zur Deckung", "count"),
    "payback": ("Kosten gedeckt", "text"),
    "channel": ("Kanal", "text"),
    "day": ("Tag nach dem ersten Kauf", "count"),
    "earned": ("Verdient", "money", 2),
    "value_third": ("Kundenwert", "text"),
    "risk": ("Wahrscheinlichkeit, nicht zu kaufen", "text"),
    "reading": ("Lesart", "text"),
    "retention": ("Bindungsrate", "share", 1),
    "multiple": ("Vielfaches des Jahresbeitrags", "number", 2),
    "change": ("Änderung", "share", 1),
    "value_then": ("Danach", "money"),
    "difference": ("Änderung des Werts", "money"),
    "repeats": ("Wiederholungskäufe heute", "number", 2),
    "new_repeats": ("Wiederholungskäufe geändert", "number", 2),
    # assumptions and intervals
    "cohort": ("Viertel der Neukunden", "count"),
    "start": ("Erster Kauf ab", "date"),
    "purchases_each": ("Wiederholungskäufe je Kunde", "number", 2),
    "revenue_each": ("Umsatz je Kunde", "money", 2),
    "data_set": ("Daten", "text"),
    "origins": ("Prognosen", "count"),
    "customer_purchases": ("Kunden im Bereich (Käufe)", "share", 1),
    "customer_value": ("Kunden im Bereich (Umsatz)", "share", 1),
    "total_value": ("Summe im Bereich des Modells", "share", 1),
    "total_value_widened": ("Summe im erweiterten Bereich", "share", 1),
    # cohorts
    "cohort_start": ("Erster Kauf ab", "date"),
    "age": ("Zeit danach", "count"),
    "buyers": ("Käufer", "count"),
    "layer": ("Erster Kauf", "text"),
    # key figures and the change of revenue
    "meaning": ("Was gezählt wird", "text"),
    "now": ("Wert", "by:unit", "by:digits"),
    "now_low": ("Von", "by:unit", "by:digits"),
    "now_high": ("Bis", "by:unit", "by:digits"),
    "previous": ("Davor", "by:unit", "by:digits"),
    "direction": ("Richtung", "text"),
    "needs": ("Dafür fehlt", "text"),
    "contribution": ("Beitrag", "money", 2),
    "contribution_low": ("Von", "money"),
    "contribution_high": ("Bis", "money"),
    "contribution_share": ("Anteil am Umsatz davor", "share", 1),
    # parameters
    "fitted_to": ("Angepasst bis", "date"),
    "model": ("Modell", "text"),
    "parameter": ("Parameter", "text"),
    "unit": ("Einheit", "text"),
    "estimate": ("Schätzwert", "number", 4),
    "standard_error": ("Standardfehler", "number", 4),
    "lower": ("Von", "number", 4),
    "upper": ("Bis", "number", 4),
    "workbench": ("Unsere Anpassung", "number", 6),
    "lifetimes": ("Paket lifetimes", "number", 6),
    "relative_difference": ("Abweichung", "share", 5),
    # probabilities
    "origin": ("Stichtag", "date"),
    "role": ("Rolle", "text"),
    "prediction": ("Verfahren", "text"),
    "churned": ("Ohne Kauf", "share", 1),
    "auc": ("Trennschärfe (AUC)", "number", 3),
    "brier": ("Brier-Wert", "number", 4),
    "brier_skill": ("Verbesserung gegenüber dem mittleren Anteil", "share", 1),
    "bin": ("Gruppe", "count"),
    "predicted": ("Vorhergesagt", "share", 1),
    "observed": ("Tatsächlich", "share", 1),
    "low": ("Von", "share", 1),
    "high": ("Bis", "share", 1),
    "risk_from": ("Risiko von", "share"),
    "risk_to": ("Bis", "share"),
    "pr_auc": ("Genauigkeit der Liste (PR-AUC)", "number", 3),
    "log_loss": ("Log-Verlust", "number", 4),
    "measure": ("Maß", "text"),
    "age_days": ("Alter in Tagen", "count"),
    "auc_refitted": ("Neu angepasst", "number", 3),
    "auc_loss_low": ("Von", "number", 4),
    "auc_loss_high": ("Bis", "number", 4),
    "effect": ("Änderung des Risikos", "share", 1),
    "value_at_stake": ("Wert auf dem Spiel", "money"),
    # contracts
    "months": ("Monate seit Beginn", "count"),
    "contracts": ("Verträge", "count"),
    "kept_share": ("Anteil, der noch läuft", "share", 1),
    "ended": ("Davon beendet", "count"),
    "end_rate": ("Anteil beendet", "share", 1),
    "tariff": ("Tarif", "text"),
    "end_reason": ("Grund", "text"),
    "contract_share": ("Anteil der beendeten Verträge", "share", 1),
    # return and profit
    "silent_days": ("Tage ohne Kauf", "count"),
    "at_risk": ("Beobachtete Kaufpausen", "count"),
    "followup_days": ("Danach beobachtete Tage", "count"),
    "return_share": ("Anteil, der wieder kauft", "share", 1),
    "contacted_share": ("Angesprochene Kunden", "share"),
    "ranking": ("Reihenfolge", "text"),
    "churn_rate": ("Davon abgewandert", "share", 1),
    "profit": ("Gewinn", "money"),
    "profit_low": ("Gewinn von", "money"),
    "profit_high": ("Gewinn bis", "money"),
    "by_gain": ("Gewinn, nach erwartetem Gewinn geordnet", "money"),
    "by_risk": ("Gewinn, nach Risiko geordnet", "money"),
    "by_lot": ("Gewinn, ausgelost", "money"),
    "feature": ("Merkmal", "text"),
    "auc_loss": ("Verlust an Trennschärfe", "number", 4),
}


def of(*names: str, **labels: str) -> dict[str, tuple[Any, ...]]:
    """Return label and unit of the columns named, as `outputs.table` takes them.

    Parameters
    ----------
    *names : str
        Columns in the order shown.
    **labels : str
        Another label for one of them, where a table needs it.

    Raises
    ------
    KeyError
        If a column is unknown.

    Examples
    --------
    >>> of("segment", "customers", customers="Kundinnen")
    {'segment': ('Segment', 'text'), 'customers': ('Kundinnen', 'count')}
    """
    return {name: (labels.get(name, COLUMNS[name][0]), *COLUMNS[name][1:]) for name in names}
