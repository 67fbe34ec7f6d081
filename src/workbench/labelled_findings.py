"""Tables of a labelled set to German sentences."""

from __future__ import annotations

import pandas as pd

from workbench.churn_features import MAX_AUC
from workbench.formats import Style
from workbench.labelled_models import Judged
from workbench.labels import MODEL_LABELS
from workbench.model_choice import MAX_EXCESS, N_FOLDS
from workbench.outputs import Sentence, say
from workbench.processing_record import visible

NEEDS = "ein Datensatz mit Kundennummer, Label und Merkmalen"
EVENT_NEEDS = "genug Kunden mit und ohne das Ereignis"
FEATURE_NEEDS = "ein Merkmal mit mehr als einem Wert"


def overview(judged: Judged, *, features: int, style: Style) -> Sentence:
    """Say how large the set is, and how well it can be told who had the event.

    Parameters
    ----------
    judged : Judged
        From `labelled_models.judge`.
    features : int
        Columns of features.
    style : Style
        How numbers are written.
    """
    row = judged.quality.loc[judged.name]
    text = "Von {kunden} Kunden trat das Ereignis bei {anteil} ein. "
    numbers = {
        "kunden": style.count(row["customers"]),
        "anteil": style.share(row["events"] / row["customers"], digits=1),
        "merkmale": style.count(features),
    }
    if judged.name == "base_rate":
        return say(text + "Aus {merkmale} Merkmalen lässt sich nicht sagen, bei wem.", **numbers)
    return say(
        text + "Aus {merkmale} Merkmalen ordnet „{verfahren}“ die Kunden mit einer Trennschärfe "
        "von {auc} (Unsicherheitsbereich {von} bis {bis}; Zufall wäre {zufall}). Der Brier-Wert "
        "ist {skill} "
        + ("kleiner" if row["brier_skill"] > 0 else "größer")
        + ", als wenn man allen den mittleren Anteil zuschriebe.",
        verfahren=style.text(MODEL_LABELS[judged.name]),
        auc=style.number(row["auc"], digits=3),
        von=style.number(row["auc_low"], digits=3),
        bis=style.number(row["auc_high"], digits=3),
        zufall=style.number(0.5, digits=1),
        skill=style.share(abs(row["brier_skill"]), digits=1),
        **numbers,
    )


def limits(*, style: Style) -> Sentence:
    """Say what it costs that a set has no time."""
    return say(
        "Der Datensatz kennt keine Zeit. Geprüft ist deshalb an Kunden und nicht an späteren "
        "Tagen: Jeder der {teile} Teile wird von Modellen beurteilt, die ihn nicht kannten. Ob ein "
        "Merkmal erst nach dem Ausgang feststand, ob ein Modell altert und ob künftige Kunden "
        "anders sind, zeigt das nicht; im Betrieb ist die Prognose eher schlechter als hier.",
        teile=style.count(N_FOLDS),
    )


def choice_rule(*, style: Style) -> Sentence:
    """State how the models were judged and chosen."""
    return say(
        "Jeder Kunde ist von Modellen beurteilt, die ihn nicht kannten. Gewählt wird das "
        "einfachste, dessen Log-Verlust höchstens {verlust} über dem besten liegt oder sich von "
        "ihm nicht unterscheiden lässt.",
        verlust=style.share(MAX_EXCESS),
    )


def alarms(found: pd.DataFrame, *, style: Style) -> Sentence:
    """Say whether a feature alone orders the customers too well to be known before the outcome.

    Parameters
    ----------
    found : DataFrame
        From `churn_features.suspicious`.
    style : Style
        How numbers are written.
    """
    if found.empty:
        return say(
            "Kein Merkmal allein ordnet die Kunden verdächtig gut (Grenze: eine Trennschärfe von "
            "{grenze}).",
            grenze=style.number(MAX_AUC, digits=1),
        )
    return say(
        "Achtung: Das Merkmal „{merkmal}“ allein erreicht eine Trennschärfe von {auc}. Vermutlich "
        "stand es erst nach dem Ausgang fest; lassen Sie es weg und rechnen Sie neu.",
        merkmal=style.text(visible(pd.Series([str(found.index[0])])).iloc[0]),
        auc=style.number(found["auc"].iloc[0], digits=3),
    )


def named(importance: pd.DataFrame) -> pd.DataFrame:
    """Name the groups of `effects.importance` by their first feature, fit for a page."""
    groups = [features.split(", ") for features in importance["features"]]
    first = visible(pd.Series(importance.index.astype("str")))
    names = [
        name + (f" (mit {len(group) - 1} ähnlichen)" if len(group) > 1 else "")
        for name, group in zip(first, groups, strict=True)
    ]
    return importance.set_axis(pd.Index(names, name="feature"))
