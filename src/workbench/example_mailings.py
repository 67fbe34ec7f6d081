"""What the example shop sent to its customers, who allowed it, and what one mailing changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import example_world as world

CONSENT = {
    "email": {"opt_in": 0.44, "bestandskunde_7_3": 0.36, "keine": 0.14, "widerspruch": 0.06},
    "telefon": {"opt_in": 0.10, "keine": 0.30, "widerspruch": 0.08, "nie gefragt": 0.52},
    "post": {"opt_in": 0.20, "keine": 0.75, "widerspruch": 0.05},
    "profiling": {"opt_in": 0.28, "widerspruch": 0.04, "nie gefragt": 0.68},
}
# A letter needs no consent, but heeds an objection.
ALLOWED = {"email": ("opt_in", "bestandskunde_7_3"), "post": ("opt_in", "keine")}
RESPONSES = {
    "email": {"keine": 0.61, "geöffnet": 0.28, "geklickt": 0.10, "abgemeldet": 0.01},
    "post": {"keine": 0.97, "unzustellbar": 0.03},
}


class Mailing(NamedTuple):
    """One mailing, and whom it was meant for.

    Attributes
    ----------
    name, day, channel
        As in the contacts.
    cost : float
        EUR for each contact.
    least_orders, bought_within : int
        Only who ordered so often, the last time within so many days.
    randomised : bool
        Half of them were drawn by lot and got nothing.
    """

    name: str
    day: pd.Timestamp
    channel: str
    cost: float
    least_orders: int
    bought_within: int
    randomised: bool = False


EXPERIMENT = Mailing("Sommeraktion 2025", pd.Timestamp("2025-06-02"), "email", 0.12, 1, 9999, True)
EXPERIMENT_DAYS, FREQUENT_ORDERS, FRESH_DAYS, FREQUENT_REFUSE = 56, 5, 180, 0.04
MAILINGS = (
    Mailing("Weihnachtskatalog 2023", pd.Timestamp("2023-11-13"), "post", 1.45, 1, 9999),
    Mailing("Newsletter Mai 2024", pd.Timestamp("2024-05-06"), "email", 0.06, 1, 180),
    Mailing("Weihnachtskatalog 2024", pd.Timestamp("2024-11-11"), "post", 1.52, 2, 365),
    Mailing("Newsletter März 2025", pd.Timestamp("2025-03-10"), "email", 0.06, 1, 120),
    EXPERIMENT,
    Mailing("Newsletter Oktober 2025", pd.Timestamp("2025-10-06"), "email", 0.06, 1, 240),
)


def draw_consent(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Draw what each person allowed or refused on each channel; no row means: never asked.

    Parameters
    ----------
    rng : Generator
    people : DataFrame
        From `example_world.draw_people`.

    Returns
    -------
    DataFrame
        `customer_id`, `channel`, `status`, `date`, `source`, sorted by the
        first two.
    """
    buys = people["buys"].to_numpy()
    parts = []
    for channel, statuses in CONSENT.items():
        status = rng.choice(list(statuses), world.N_PEOPLE, p=list(statuses.values()))
        status[(status == "bestandskunde_7_3") & ~buys] = "keine"
        entry = people["entry"].to_numpy()
        later = entry + rng.integers(0, world.N_DAYS - entry)
        dated = np.where(status == "widerspruch", later, entry).astype(float)
        source = rng.choice(
            ["Bestellung", "Kundenkonto", "Newsletter"], world.N_PEOPLE, p=[0.6, 0.2, 0.2]
        )
        source[~buys] = "Newsletter"
        source[status == "bestandskunde_7_3"] = "Bestellung"
        source[status == "widerspruch"] = "Nachricht des Kunden"
        source[status == "keine"] = ""
        dated[status == "keine"] = np.nan
        part = pd.DataFrame(
            {
                "customer_id": people["customer_id"],
                "channel": channel,
                "status": status,
                "date": world.dates(dated),
                "source": source,
            }
        )
        parts.append(part[part["status"] != "nie gefragt"])
    unknown = parts[0].head(2).assign(customer_id=world.UNKNOWN)
    consent = pd.concat([*parts, unknown])
    return consent.sort_values(["customer_id", "channel"], ignore_index=True)


def with_refusals(consent: pd.DataFrame, refused: pd.Series) -> pd.DataFrame:
    """Replace the consent to e-mail of those who clicked on „abmelden".

    Parameters
    ----------
    consent : DataFrame
        From `draw_consent`.
    refused : Series
        As in `Mail`.
    """
    day = consent["customer_id"].map(refused)
    gone = (consent["channel"] == "email") & day.notna()
    return consent.assign(
        status=consent["status"].mask(gone, "widerspruch"),
        date=consent["date"].mask(gone, day),
        source=consent["source"].mask(gone, "Abmeldelink"),
    )


class Mail(NamedTuple):
    """What the mailings did.

    Attributes
    ----------
    contacts : DataFrame
        One row per person and mailing, also of the control group.
    visits : DataFrame
        As `example_world.draw_visits` gives them, after the experiment.
    experiment : DataFrame
        Of everybody in it, by row of people: `segment` (German) and `effect`
        (expected orders more in `EXPERIMENT_DAYS` days).
    refused : Series
        Day of leaving the list, missing for most, by customer_id.
    reachable : Series
        Who could be written to by e-mail at first, by row of people.
    """

    contacts: pd.DataFrame
    visits: pd.DataFrame
    experiment: pd.DataFrame
    refused: pd.Series
    reachable: pd.Series


def send(
    rng: np.random.Generator, people: pd.DataFrame, visits: pd.DataFrame, consent: pd.DataFrame
) -> Mail:
    """Send every mailing to whom it may reach; the one by lot changes what is bought.

    Parameters
    ----------
    rng : Generator
    people : DataFrame
        From `example_world.draw_people`, and `left` (day, or missing).
    visits, consent : DataFrame
        From `example_world.draw_visits` and `draw_consent`.
    """
    allowed = {channel: _allowed(people, consent, channel) for channel in ALLOWED}
    refused = pd.Series(pd.NaT, index=people["customer_id"], dtype="datetime64[us]")
    parts = []
    for mailing in MAILINGS:
        day = (mailing.day - world.START).days
        past = visits[visits["day"] < day].groupby("person")["day"].agg(["size", "min", "max"])
        past = past.reindex(people.index)
        on_list = allowed[mailing.channel].copy()
        if mailing.channel == "email":
            on_list &= refused.isna().to_numpy()
        picked = (past["size"] >= mailing.least_orders) & (
            day - past["max"] <= mailing.bought_within
        )
        target = people.index[on_list & picked]
        treated = pd.Series(True, index=target)
        if mailing.randomised:
            treated[rng.permutation(target)[: len(target) // 2]] = False
            experiment = _experiment(people.loc[target], past.loc[target], day)
            visits = _with_effect(rng, people, visits, experiment[treated], day)
        frequent = past.loc[target, "size"] >= FREQUENT_ORDERS
        response = _responses(rng, mailing, frequent, treated)
        names = people.loc[target, "customer_id"]
        refused[names[response == "abgemeldet"]] = mailing.day
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": names,
                    "date": mailing.day,
                    "channel": mailing.channel,
                    "campaign": mailing.name,
                    "group": np.where(treated, "kampagne", "kontrolle"),
                    "cost": np.where(treated, mailing.cost, 0.0),
                    "response": response,
                }
            )
        )
    parts.append(parts[-1].head(2).assign(customer_id=world.UNKNOWN))
    contacts = pd.concat(parts, ignore_index=True)
    contacts["date"] = contacts["date"].astype("datetime64[us]")
    return Mail(contacts, visits, experiment, refused, allowed["email"])


def _allowed(people: pd.DataFrame, consent: pd.DataFrame, channel: str) -> pd.Series:
    """Say whom mail of a channel may reach."""
    fits = (consent["channel"] == channel) & consent["status"].isin(ALLOWED[channel])
    return people["customer_id"].isin(consent.loc[fits, "customer_id"])


def _responses(
    rng: np.random.Generator, mailing: Mailing, frequent: pd.Series, treated: pd.Series
) -> np.ndarray:
    """Draw what each did with the mail; frequent buyers leave the list of the experiment sooner."""
    chances = RESPONSES[mailing.channel]
    response = rng.choice(list(chances), len(treated), p=list(chances.values())).astype(object)
    if mailing.randomised:
        response[frequent & (rng.random(len(treated)) < FREQUENT_REFUSE)] = "abgemeldet"
    response[~treated] = ""
    return response


def _experiment(people: pd.DataFrame, past: pd.DataFrame, day: int) -> pd.DataFrame:
    """Return segment and true effect of everybody in the experiment of that day."""
    frequent = past["size"] >= FREQUENT_ORDERS
    fresh = day - past["min"] <= FRESH_DAYS
    segment = np.select([frequent, fresh], ["Vielkäufer", "Neukunden"], "Übrige")
    gain = np.where(fresh, world.value("wirkung_neukunden"), world.value("wirkung_uebrige"))
    # A customer buys at his rate until he leaves, and each order may be the last.
    time_at = world.clock()
    span = time_at[day + 1 + EXPERIMENT_DAYS] - time_at[day + 1]
    expected = -np.expm1(-people["rate"] * people["leaving"] * span) / people["leaving"]
    stays = ~(people["left"] <= day)
    change = np.where(frequent, world.value("wirkung_vielkaeufer") * expected, gain)
    effect = np.where(stays, change, 0.0)
    return pd.DataFrame(
        {"segment": segment, "frequent": frequent, "gain": gain * stays, "effect": effect}
    )


def _with_effect(
    rng: np.random.Generator,
    people: pd.DataFrame,
    visits: pd.DataFrame,
    treated: pd.DataFrame,
    day: int,
) -> pd.DataFrame:
    """Take orders from frequent buyers who were written to, and give the others some."""
    inside = visits["day"].between(day + 1, day + EXPERIMENT_DAYS)
    frequent = visits["person"].isin(treated.index[treated["frequent"]])
    lost = inside & frequent & (rng.random(len(visits)) < -world.value("wirkung_vielkaeufer"))
    more = treated.index[~treated["frequent"] & (rng.random(len(treated)) < treated["gain"])]
    extra = []
    for person in more:
        # Nobody buys after he has left; and two orders on one day would be one.
        last = np.nanmin([people["left"][person], day + EXPERIMENT_DAYS])
        taken = visits.loc[visits["person"] == person, "day"]
        free = np.setdiff1d(np.arange(day + 1, last + 1), taken)
        if free.size:
            extra.append({"person": person, "day": int(rng.choice(free)), "leaves": False})
    return pd.concat([visits[~lost], pd.DataFrame(extra)]).sort_values(
        ["person", "day"], ignore_index=True
    )
