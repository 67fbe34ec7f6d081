"""The invented people of the example shop: when they come, how they buy, and when they leave."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.schema import DAYS_PER_WEEK

START, END = pd.Timestamp("2023-07-01"), pd.Timestamp("2025-12-31")
N_DAYS = (END - START).days + 1
N_PEOPLE, N_PROSPECTS = 1500, 120
# Ids that `customers` does not have, as it happens in every shop: one ordered, the others stand
# only in the tables beside the orders.
UNKNOWN_BUYER, UNKNOWN = "999901", ("999902", "999903")
# Value, unit and meaning (German, as they are written) of what an analysis may try to find out.
TRUTH: dict[str, tuple[float, str, str]] = {
    "r": (0.80, "", "BG/NBD: Form der Gamma-Verteilung der Kaufraten"),
    "alpha": (9.0, "Wochen", "BG/NBD: Rate der Gamma-Verteilung der Kaufraten"),
    "a": (0.70, "", "BG/NBD: erster Parameter der Beta-Verteilung der Abwanderung je Wiederkauf"),
    "b": (2.80, "", "BG/NBD: zweiter Parameter derselben Verteilung"),
    "p": (4.0, "", "Gamma-Gamma: Form der Beträge je Bestellung"),
    "q": (3.0, "", "Gamma-Gamma: Form der Verteilung der Skala"),
    "v": (48.0, "EUR", "Gamma-Gamma: Rate der Verteilung der Skala"),
    "weihnachten": (1.40, "Faktor", "Kaufrate vom 15.11. bis 20.12. gegenüber dem übrigen Jahr"),
    "ergaenzung": (0.50, "Anteil", "weitere Zeilen, in denen der Begleitartikel gekauft wird"),
    "retoure": (0.04, "Anteil", "Warenzeilen, die ganz oder zum Teil zurückkommen"),
    "wirkung_neukunden": (0.45, "Bestellungen", "Kampagne: zusätzlich je Kunde, der noch kauft"),
    "wirkung_uebrige": (0.20, "Bestellungen", "Kampagne: zusätzlich je Kunde, der noch kauft"),
    "wirkung_vielkaeufer": (-0.55, "Anteil", "Kampagne: dieser Anteil der Bestellungen entfällt"),
    "wirkung_sendungen": (0.0, "Bestellungen", "Wirkung aller anderen Sendungen"),
    "nps_achse": (9.6, "Punkte", "NPS ohne Abwanderung, vor Rundung und Begrenzung auf 0 bis 10"),
    "nps_steigung": (-9.0, "Punkte", "Änderung des NPS je 1 der Abwanderung je Wiederkauf"),
    "nps_streuung": (1.4, "Punkte", "Standardabweichung um diese Gerade"),
    "beschwerde_bleibt": (0.03, "Anteil", "Käufe mit Beschwerde, wenn der Kunde danach bleibt"),
    "beschwerde_geht": (0.14, "Anteil", "Käufe mit Beschwerde, wenn der Kunde danach geht"),
    "nachverfolgt_bleibt": (0.60, "Anteil", "nachverfolgte Beschwerden derer, die bleiben"),
    "nachverfolgt_geht": (0.30, "Anteil", "nachverfolgte Beschwerden derer, die gehen"),
    "geworben": (0.16, "Anteil", "geworbene Kunden, mal (1 - Abwanderung je Wiederkauf)²"),
}
# Share of new customers, and acquisition cost for each in EUR.
FIRST_CHANNELS = {
    "web": (0.40, 16),
    "anzeige": (0.26, 41),
    "social": (0.20, 27),
    "laden": (0.14, 9),
}
REFERRAL, REFERRAL_COST = "empfehlung", 20


def value(name: str) -> float:
    """Return a parameter of `TRUTH`."""
    return TRUTH[name][0]


def dates(days: np.ndarray | pd.Series) -> pd.Series:
    """Turn days since `START` into dates; a missing day is a missing date."""
    return pd.Series(START + pd.to_timedelta(np.asarray(days, float), unit="D")).astype(
        "datetime64[us]"
    )


def clock() -> np.ndarray:
    """Return the time that counts for rates at the start of each day: a year has its days."""
    days = pd.date_range(START, END)
    month_day = days.month * 100 + days.day
    pace = np.where((month_day >= 1115) & (month_day <= 1220), value("weihnachten"), 1.0)
    year = days.year == 2024
    return np.concatenate([[0.0], np.cumsum(pace / pace[year].mean())])


def draw_people(rng: np.random.Generator) -> pd.DataFrame:
    """Draw everybody in the order in which they enter, and what is true of them.

    Returns
    -------
    DataFrame
        One row per person, numbered.

        - `customer_id` (text), `entry` (day since `START`)
        - `buys` (bool): the others are prospects, of whom `rate`, `leaving`
          and `scale` say nothing
        - `rate` (orders per day, mean of the year), `leaving` (probability
          after each repeat purchase), `scale` (per EUR), `mean_spend` (EUR)
        - `channel` (text), `discount_taste` (0 to 1), `business` (bool)
        - `referrer` (row of who recommended the shop; -1 for nobody)
    """
    time_at = clock()
    entry = np.sort(
        np.searchsorted(time_at, rng.uniform(0, time_at[-1], N_PEOPLE), side="right") - 1
    )
    scale = rng.gamma(value("q"), 1 / value("v"), N_PEOPLE)
    leaving = rng.beta(value("a"), value("b"), N_PEOPLE)
    people = pd.DataFrame(
        {
            "customer_id": [f"{number:06d}" for number in range(101, 101 + N_PEOPLE)],
            "entry": entry,
            "buys": True,
            "rate": rng.gamma(value("r"), 1 / (value("alpha") * DAYS_PER_WEEK), N_PEOPLE),
            "leaving": leaving,
            "scale": scale,
            "mean_spend": value("p") / scale,
            "channel": rng.choice(
                list(FIRST_CHANNELS), N_PEOPLE, p=[share for share, _ in FIRST_CHANNELS.values()]
            ),
            "discount_taste": rng.beta(0.6, 3.4, N_PEOPLE),
        }
    )
    people.loc[rng.choice(N_PEOPLE, N_PROSPECTS, replace=False), "buys"] = False
    # Who spends more is more often a firm; who stays longer was and has more often recommended.
    people["business"] = rng.random(N_PEOPLE) < np.minimum(0.6, people["mean_spend"] / 800)
    referred = rng.random(N_PEOPLE) < value("geworben") * (1 - leaving) ** 2
    people["referrer"] = -1
    for person in np.flatnonzero(referred & people["buys"]):
        known = np.flatnonzero(people["buys"] & (people["entry"] < people["entry"][person]))
        if known.size:
            chances = (1 - leaving[known]) ** 2
            people.loc[person, "referrer"] = rng.choice(known, p=chances / chances.sum())
    people.loc[people["referrer"] >= 0, "channel"] = REFERRAL
    return people


def draw_visits(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Draw every day with an order, as BG/NBD says, with the season's pace.

    Parameters
    ----------
    rng : Generator
    people : DataFrame
        From `draw_people`.

    Returns
    -------
    DataFrame
        `person` (row of `people`), `day` (since `START`), sorted by both; and
        `leaves` (bool), true where the person never orders again.

    References
    ----------
    Fader, Hardie and Lee (2005), Marketing Science 24 (2), 275-284.
    """
    time_at = clock()
    rate, leaving = people["rate"].to_numpy(), people["leaving"].to_numpy()
    person = np.flatnonzero(people["buys"])
    time = time_at[people["entry"].to_numpy()[person]]
    first = people["entry"].to_numpy()[person]
    # One round per order; each but the first may be the last.
    rounds = [pd.DataFrame({"person": person, "day": first, "leaves": False})]
    while person.size:
        time = time + rng.exponential(1.0, person.size) / rate[person]
        known = time < time_at[-1]
        person, time = person[known], time[known]
        leaves = rng.random(person.size) < leaving[person]
        day = np.searchsorted(time_at, time, side="right") - 1
        rounds.append(pd.DataFrame({"person": person, "day": day, "leaves": leaves}))
        person, time = person[~leaves], time[~leaves]
    return pd.concat(rounds).groupby(["person", "day"], as_index=False)["leaves"].any()
