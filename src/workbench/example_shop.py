"""The invented shop „Musterhandel": every table that a run can read, and the truth behind them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import example_comments as comments
from workbench import example_mailings as mailings
from workbench import example_receipts as receipts
from workbench import example_world as world
from workbench.schema import DAYS_PER_WEEK

SEED = 20251231
PLAIN_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "ë": "e"})
RETENTION_COSTS = {"email": 240.0, "post": 90.0, "telefon": 310.0}
N_PERSONAL, N_ERASED = 10, 6
COMPLAINTS = {
    "Lieferung": 0.38,
    "Qualität": 0.22,
    "Retoure": 0.2,
    "Rechnung": 0.12,
    "Beratung": 0.08,
}


class ExampleShop(NamedTuple):
    """The tables of the shop, under our names, and what is true of it.

    Attributes
    ----------
    transactions, customers, consent, erasure, contacts, survey, complaints, budget : DataFrame
        What a shop knows; columns in the order of `FILES`, under our names.
    truth_customers : DataFrame
        One row per customer who bought: `purchase_rate` (orders per week
        while he stays, mean of the year), `leaving_probability` (after each
        repeat purchase), `left` (day, missing while he stays), `mean_spend`
        (EUR per order, before returns); and of those in the experiment
        `campaign_segment` and `campaign_effect` (expected orders more in the
        `example_mailings.EXPERIMENT_DAYS` days after it, given what is true
        of him on its day).
    truth_parameters : DataFrame
        `parameter`, `value`, `unit`, `meaning` (German).
    """

    transactions: pd.DataFrame
    customers: pd.DataFrame
    consent: pd.DataFrame
    erasure: pd.DataFrame
    contacts: pd.DataFrame
    survey: pd.DataFrame
    complaints: pd.DataFrame
    budget: pd.DataFrame
    truth_customers: pd.DataFrame
    truth_parameters: pd.DataFrame


# File of each table, and the German name of each of its columns, in order.
FILES: dict[str, tuple[str, str]] = {
    "transactions": (
        "transaktionen.csv",
        "kunde_id datum betrag beleg_id artikel kategorie menge rabatt deckungsbeitrag kanal "
        "waehrung",
    ),
    "customers": (
        "kunden.csv",
        "kunde_id name email plz2 land geburtsjahr_gruppe kundentyp erstkanal geworben_von "
        "programm_seit",
    ),
    "consent": ("einwilligung.csv", "kunde_id kanal status datum quelle"),
    "erasure": ("loeschliste.csv", "kunde_id"),
    "contacts": ("kontakte.csv", "kunde_id datum kanal kampagne gruppe kosten reaktion"),
    "survey": ("befragung.csv", "kunde_id datum nps zufriedenheit kommentar"),
    "complaints": (
        "beschwerden.csv",
        "kunde_id eingang erstreaktion geloest kategorie nachverfolgt",
    ),
    "budget": ("kosten.csv", "zeitraum kanal akquise_budget bestand_budget"),
    "truth_customers": (
        "wahrheit_kunden.csv",
        "kunde_id kaufrate_je_woche abwanderung_je_wiederkauf abgewandert_am mittlerer_betrag "
        "kampagne_segment kampagne_wirkung",
    ),
    "truth_parameters": ("wahrheit_parameter.csv", "parameter wert einheit bedeutung"),
}
# Decimals of what is no money.
DECIMALS = {"purchase_rate": 6, "leaving_probability": 6, "campaign_effect": 6, "value": 6}


def make(*, seed: int) -> ExampleShop:
    """Invent the shop: its customers, what they buy and say, and what is true of them.

    Customers enter over the whole span, buy and leave as BG/NBD says, spend
    as Gamma-Gamma says, and every rate follows the season. What else is known
    of a customer (type, channel, programme, referral, rating, complaint) is
    drawn given what is true of him, so that it tells something and yet
    changes neither model.

    Parameters
    ----------
    seed : int
        The same seed gives the same tables; `SEED` gives those in
        ``data/beispiel``.

    Examples
    --------
    >>> shop = make(seed=SEED)
    >>> len(shop.customers), shop.transactions["date"].max()
    (1500, Timestamp('2025-12-31 00:00:00'))
    """
    streams = iter(np.random.default_rng(seed).spawn(9))
    people = world.draw_people(next(streams))
    consent = mailings.draw_consent(next(streams), people)
    visits = world.draw_visits(next(streams), people)
    people = people.assign(left=visits[visits["leaves"]].set_index("person")["day"])
    mail = mailings.send(next(streams), people, visits, consent)
    transactions = receipts.draw_lines(next(streams), people, mail.visits)
    customers = _customers(next(streams), people, mail)
    survey = _survey(next(streams), people, customers, mail)
    complaints = _complaints(next(streams), people, mail.visits)
    rng = next(streams)
    return ExampleShop(
        transactions=transactions,
        customers=customers,
        consent=mailings.with_refusals(consent, mail.refused),
        erasure=_erasure(rng, people),
        contacts=mail.contacts,
        survey=survey,
        complaints=complaints,
        budget=_budget(rng, people, mail.contacts),
        truth_customers=_truth_customers(people, mail.experiment),
        truth_parameters=_truth_parameters(mail.experiment),
    )


def write(shop: ExampleShop, folder: Path) -> None:
    """Write every table as a German export: `;`, decimal comma, dd.mm.yyyy, BOM, CRLF.

    Parameters
    ----------
    shop : ExampleShop
        From `make`.
    folder : Path
        Must exist; files in it named as in `FILES` are replaced.
    """
    for table_name, (file_name, header) in FILES.items():
        table = getattr(shop, table_name)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        writer.writerow(header.split())
        cells = [_german(table[name], DECIMALS.get(name, 2)) for name in table]
        writer.writerows(zip(*cells, strict=True))
        (folder / file_name).write_bytes(text.getvalue().encode("utf-8-sig"))


def _german(column: pd.Series, digits: int) -> list[str]:
    """Write a column as a German office program does; what is missing is empty."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.strftime("%d.%m.%Y").fillna("").tolist()
    if pd.api.types.is_float_dtype(column):
        to_german = str.maketrans(",.", ".,")
        return ["" if np.isnan(x) else f"{x:,.{digits}f}".translate(to_german) for x in column]
    return ["" if pd.isna(x) else str(x) for x in column]


def _customers(rng: np.random.Generator, people: pd.DataFrame, mail: mailings.Mail) -> pd.DataFrame:
    """Draw the master data; who buys often joined the programme more often."""
    first = rng.choice(comments.FIRST_NAMES, world.N_PEOPLE)
    last = rng.choice(comments.LAST_NAMES, world.N_PEOPLE)
    email = [
        f"{a}.{b}{number}@example.org".lower().translate(PLAIN_LETTERS)
        for a, b, number in zip(first, last, range(101, 101 + world.N_PEOPLE), strict=True)
    ]
    country = rng.choice(["DE", "AT", "CH"], world.N_PEOPLE, p=[0.84, 0.10, 0.06])
    area = np.where(
        country == "DE", rng.integers(1, 100, world.N_PEOPLE), rng.integers(10, 90, world.N_PEOPLE)
    )
    decades = [f"{year}-{year + 9}" for year in range(1940, 2010, 10)]
    born = rng.choice(
        [*decades, ""], world.N_PEOPLE, p=[0.04, 0.11, 0.19, 0.21, 0.2, 0.12, 0.03, 0.10]
    )
    referrer = np.append(people["customer_id"], "")[people["referrer"]]
    if (people["referrer"] >= 0).any():
        referrer[np.flatnonzero(people["referrer"] >= 0)[-1]] = world.UNKNOWN[1]
    joins = rng.random(world.N_PEOPLE) < np.minimum(0.8, 4 * DAYS_PER_WEEK * people["rate"])
    joined = mail.visits.groupby("person")["day"].agg(lambda days: rng.choice(days))
    since = joined.reindex(people.index).where(joins)
    return pd.DataFrame(
        {
            "customer_id": people["customer_id"],
            "name": np.char.add(np.char.add(first, " "), last),
            "email": np.where(~mail.reachable & (rng.random(world.N_PEOPLE) < 0.4), "", email),
            "postcode": np.where(rng.random(world.N_PEOPLE) < 0.03, "", [f"{n:02d}" for n in area]),
            "country": country,
            "birth_year_group": born,
            "customer_type": np.where(people["business"], "geschäftlich", "privat"),
            "first_channel": people["channel"],
            "referred_by": referrer,
            "programme_since": world.dates(since),
        }
    )


def _survey(
    rng: np.random.Generator, people: pd.DataFrame, customers: pd.DataFrame, mail: mailings.Mail
) -> pd.DataFrame:
    """Ask those who may be written to after an order; who is about to leave rates lower."""
    asked = mail.visits[mail.visits["person"].map(mail.reachable) & (mail.visits["day"] >= 184)]
    asked = asked[rng.random(len(asked)) < 0.3]
    day = asked["day"] + rng.integers(4, 15, len(asked))
    last = people["customer_id"].map(mail.refused)[asked["person"]]
    in_time = (day < world.N_DAYS).to_numpy() & ~(last.to_numpy() <= world.dates(day).to_numpy())
    person, day = asked["person"].to_numpy()[in_time], day.to_numpy()[in_time]
    n = len(person)
    line = (
        world.value("nps_achse")
        + world.value("nps_steigung") * people["leaving"].to_numpy()[person]
    )
    nps = np.clip(np.rint(line + rng.normal(0, world.value("nps_streuung"), n)), 0, 10)
    satisfaction = np.clip(np.rint(1 + 0.4 * nps + rng.normal(0, 0.5, n)), 1, 5)
    given = pd.array(nps.astype(int), dtype="Int64")
    given[rng.choice(n, n // 40, replace=False)] = pd.NA
    given[rng.choice(n, 5, replace=False)] = 11
    survey = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[person],
            "date": world.dates(day),
            "nps": given,
            "satisfaction": satisfaction.astype(int),
            "comment": _texts(rng, customers.loc[person], nps),
        }
    )
    survey.loc[rng.choice(n, 2, replace=False), "customer_id"] = world.UNKNOWN
    return survey.sort_values(["date", "customer_id"], ignore_index=True)


def _texts(rng: np.random.Generator, customers: pd.DataFrame, nps: np.ndarray) -> np.ndarray:
    """Write some of those asked a comment, and a few of them more than they should."""
    texts = np.full(len(nps), "", dtype=object)
    for i in np.flatnonzero(rng.random(len(nps)) < 0.6):
        praise_share = float(np.clip(nps[i] - 4, 0, 6) / 6)
        texts[i] = comments.compose(rng, praise_share=praise_share)
    for k, i in enumerate(rng.choice(np.flatnonzero(texts != ""), N_PERSONAL, replace=False)):
        hint = comments.PERSONAL[k % len(comments.PERSONAL)].format(
            digit=k,
            email=f"kontakt{k}@example.org",
            order_id=f"B{1000 + 37 * k:06d}",
            name=customers["name"].iloc[i],
        )
        texts[i] = f"{texts[i]} {hint}"
    swiss = (customers["country"] == "CH").to_numpy()
    texts[swiss] = [text.replace("ß", "ss") for text in texts[swiss]]
    return texts


def _complaints(
    rng: np.random.Generator, people: pd.DataFrame, visits: pd.DataFrame
) -> pd.DataFrame:
    """Draw complaints about orders; who leaves complained more often and was called less."""
    leaves = visits["leaves"].to_numpy()
    chance = np.where(leaves, world.value("beschwerde_geht"), world.value("beschwerde_bleibt"))
    about = visits[rng.random(len(visits)) < chance]
    n = len(about)
    followed = np.where(
        about["leaves"], world.value("nachverfolgt_geht"), world.value("nachverfolgt_bleibt")
    )
    received = (about["day"] + rng.integers(1, 11, n)).to_numpy(float)
    answered = received + rng.geometric(0.45, n) - 1
    resolved = answered + rng.geometric(0.16, n) - 1
    never = rng.random(n) < 0.05
    complaints = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[about["person"]],
            "received": world.dates(received),
            "first_response": world.dates(np.where(answered < world.N_DAYS, answered, np.nan)),
            "resolved": world.dates(np.where((resolved < world.N_DAYS) & ~never, resolved, np.nan)),
            "category": rng.choice(list(COMPLAINTS), n, p=list(COMPLAINTS.values())),
            "followed_up": np.where(rng.random(n) < followed, "ja", "nein"),
        }
    )
    complaints = complaints[received < world.N_DAYS].reset_index(drop=True)
    complaints.loc[0, "customer_id"] = world.UNKNOWN[0]
    return complaints.sort_values(["received", "customer_id"], ignore_index=True)


def _erasure(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    buyers = people.loc[people["buys"], "customer_id"].to_numpy()
    names = [*rng.choice(buyers, N_ERASED, replace=False), world.UNKNOWN[0]]
    return pd.DataFrame({"customer_id": sorted(names)})


def _budget(rng: np.random.Generator, people: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Add up a budget per quarter and channel: for each new customer, or what mailings cost."""
    new = people[people["buys"]]
    entered = world.dates(new["entry"]).dt.to_period("Q").to_numpy()
    sent = contacts["date"].dt.to_period("Q")
    costs = {channel: cost for channel, (_, cost) in world.FIRST_CHANNELS.items()}
    rows = []
    for quarter in pd.period_range(world.START, world.END, freq="Q"):
        label = f"Q{quarter.quarter}/{quarter.year}"
        for channel, cost in (costs | {world.REFERRAL: world.REFERRAL_COST}).items():
            n_new = int(((entered == quarter) & (new["channel"] == channel)).sum())
            rows.append((label, channel, round(cost * n_new * rng.lognormal(0, 0.1), 2), 0.0))
        for channel, fixed in RETENTION_COSTS.items():
            mailed = contacts.loc[(sent == quarter) & (contacts["channel"] == channel), "cost"]
            kept = mailed.sum() + fixed * rng.lognormal(0, 0.1)
            rows.append((label, channel, 0.0, round(float(kept), 2)))
    return pd.DataFrame(
        rows, columns=["period", "channel", "acquisition_budget", "retention_budget"]
    )


def _truth_customers(people: pd.DataFrame, experiment: pd.DataFrame) -> pd.DataFrame:
    buyers = people[people["buys"]].join(experiment)
    return pd.DataFrame(
        {
            "customer_id": buyers["customer_id"],
            "purchase_rate": buyers["rate"] * DAYS_PER_WEEK,
            "leaving_probability": buyers["leaving"],
            "left": world.dates(buyers["left"]).to_numpy(),
            "mean_spend": buyers["mean_spend"],
            "campaign_segment": buyers["segment"],
            "campaign_effect": buyers["effect"],
        }
    ).reset_index(drop=True)


def _truth_parameters(experiment: pd.DataFrame) -> pd.DataFrame:
    """List the world, what comments are about, and what the experiment brings on average."""
    rows = [(name, *known) for name, known in world.TRUTH.items()]
    for topic, shares in comments.TOPICS.items():
        for mood, share in zip(("lob", "tadel"), shares, strict=True):
            meaning = f"erste Sätze zum Thema {topic} unter denen mit {mood.capitalize()}"
            rows.append((f"thema_{mood}_{topic.lower()}", share, "Anteil", meaning))
    rows.append(
        (
            "wirkung_mittel",
            float(experiment["effect"].mean()),
            "Bestellungen",
            f"{mailings.EXPERIMENT.name}: Mittel der wahren Wirkung über alle Teilnehmer",
        )
    )
    return pd.DataFrame(rows, columns=["parameter", "value", "unit", "meaning"])
