import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln
from scipy.stats import chi2

from workbench import (
    column_names,
    example_comments,
    example_mailings,
    example_receipts,
    example_shop,
    example_world,
    purchases,
    sources,
    spend,
    summary,
)

FOLDER = Path(__file__).resolve().parents[1] / "data" / "beispiel"
NOBODY = ("", example_receipts.COLLECTIVE)
# A campaign's effect is a difference of two means; three standard errors fail once in 370 draws.
STANDARD_ERRORS = 3


@pytest.fixture(scope="module")
def shop():
    return example_shop.make(seed=example_shop.SEED)


@pytest.fixture(scope="module", params=range(3))
def any_shop(request):
    return example_shop.make(seed=request.param)


def _rows(name):
    file_name, _ = example_shop.FILES[name]
    text = (FOLDER / file_name).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def _orders(shop):
    lines = shop.transactions
    bought = lines[~lines["customer_id"].isin(NOBODY) & (lines["quantity"] > 0)]
    return bought.groupby(["customer_id", "date"], as_index=False)["amount"].sum()


def _experiment(shop):
    """Participants with group, orders in the window and true effect."""
    contacts = shop.contacts
    named = contacts["campaign"] == example_mailings.EXPERIMENT.name
    people = contacts[named].set_index("customer_id")
    days = (_orders(shop)["date"] - example_mailings.EXPERIMENT.day).dt.days
    inside = _orders(shop)[days.between(1, example_mailings.EXPERIMENT_DAYS)]
    truth = shop.truth_customers.set_index("customer_id")
    return pd.DataFrame(
        {
            "treated": people["group"] == "kampagne",
            "orders": inside.groupby("customer_id").size().reindex(people.index, fill_value=0),
            "effect": truth["campaign_effect"].reindex(people.index),
            "segment": truth["campaign_segment"].reindex(people.index),
        }
    )


def _uplift(people):
    """Difference of means and its standard error."""
    with_it, without = (people.loc[people["treated"] == flag, "orders"] for flag in (True, False))
    variance = with_it.var() / len(with_it) + without.var() / len(without)
    return with_it.mean() - without.mean(), float(np.sqrt(variance))


# By hand


def test_the_stored_files_are_those_that_the_seed_gives(shop, tmp_path):
    example_shop.write(shop, tmp_path)

    for file_name, _ in example_shop.FILES.values():
        made, stored = (tmp_path / file_name).read_bytes(), (FOLDER / file_name).read_bytes()
        assert made == stored, f"{file_name} differs; write it anew"
    stored_files = {path.name for path in FOLDER.iterdir()}
    assert stored_files == {name for name, _ in example_shop.FILES.values()} | {"README.md"}


def test_numbers_and_days_are_written_as_in_germany(shop, tmp_path):
    parameters = pd.DataFrame(
        {
            "day": pd.to_datetime(["2025-02-01", None]),
            "amount": [-1234.5, np.nan],
            "count": pd.array([3, None], dtype="Int64"),
            "text": ["00123", 'so; "so"'],
        }
    )

    example_shop.write(shop._replace(truth_parameters=parameters), tmp_path)

    written = (tmp_path / "wahrheit_parameter.csv").read_bytes()
    assert written == (
        b"\xef\xbb\xbfparameter;wert;einheit;bedeutung\r\n"
        b'01.02.2025;-1.234,50;3;00123\r\n;;;"so; ""so"""\r\n'
    )


def test_the_files_are_small_and_end_their_lines_as_windows_does():
    contents = [(FOLDER / name).read_bytes() for name, _ in example_shop.FILES.values()]

    assert sum(map(len, contents)) < 2_000_000
    for content in contents:
        assert content.startswith(b"\xef\xbb\xbf")
        assert content.count(b"\n") == content.count(b"\r\n") > 1


def test_the_headers_are_those_of_the_german_preset(shop):
    preset = column_names.PRESETS["deutsch"]

    for name, (_, header) in example_shop.FILES.items():
        pairs = list(zip(getattr(shop, name).columns, header.split(), strict=True))
        assert pairs == [(ours, preset.get(ours, theirs)) for ours, theirs in pairs], name
        unmapped = {ours for ours, _ in pairs} - set(preset)
        assert name.startswith("truth") or unmapped <= {"name", "email"}, name


def test_the_reader_finds_how_the_file_is_written():
    source = sources.read(FOLDER / "transaktionen.csv", columns="deutsch")

    dialect = source.dialect
    assert (dialect.encoding, dialect.delimiter) == ("utf-8-sig", ";")
    assert (dialect.decimal, dialect.thousands, dialect.date_format) == (",", ".", "dmy")
    assert source.n_rows == len(_rows("transactions"))


def test_the_codebook_names_the_seed_and_every_file_and_column():
    codebook = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert f"Startwert des Zufalls ist {example_shop.SEED}" in codebook
    for file_name, header in example_shop.FILES.values():
        section = codebook.split(f"### `{file_name}`")[1].split("\n#")[0]
        assert [name for name in header.split() if f"`{name}`" not in section] == []


def test_the_codebook_tells_the_experiment_as_it_is():
    codebook = (FOLDER / "README.md").read_text(encoding="utf-8")
    mailing = example_mailings.EXPERIMENT

    assert f'„{mailing.name}" vom {mailing.day:%d.%m.%Y}' in codebook
    assert f"der {example_mailings.EXPERIMENT_DAYS} Tage danach" in codebook
    assert f"in den letzten {example_mailings.FRESH_DAYS} Tagen" in codebook
    assert example_mailings.FREQUENT_ORDERS == 5 and "mindestens fünf Bestellungen" in codebook


def test_leading_zeros_survive():
    known = [row["kunde_id"] for row in _rows("customers")]

    assert known[0] == "000101" and len(set(known)) == example_world.N_PEOPLE
    assert {len(name) for name in known} == {6}
    assert any(row["plz2"].startswith("0") for row in _rows("customers"))
    ids = {row["kunde_id"] for row in _rows("transactions")} - set(NOBODY)
    assert {len(name) for name in ids} == {6}


# Properties


def test_the_same_seed_gives_the_same_shop_and_another_one_another(shop):
    again = example_shop.make(seed=example_shop.SEED)
    other = example_shop.make(seed=1)

    for name, table, same in zip(shop._fields, shop, again, strict=True):
        pd.testing.assert_frame_equal(table, same, obj=name)
    assert not shop.transactions.equals(other.transactions)


def test_every_id_is_known_or_unknown_on_purpose(any_shop):
    known = set(any_shop.customers["customer_id"])
    assert known.isdisjoint({example_world.UNKNOWN_BUYER, *example_world.UNKNOWN})

    for name in ("transactions", "consent", "erasure", "contacts", "survey", "complaints"):
        strangers = set(getattr(any_shop, name)["customer_id"]) - known - set(NOBODY)
        meant = {example_world.UNKNOWN_BUYER} if name == "transactions" else example_world.UNKNOWN
        assert strangers and strangers <= set(meant), name
    referrers = set(any_shop.customers["referred_by"]) - {""}
    assert referrers - known == {example_world.UNKNOWN[1]}
    assert set(any_shop.truth_customers["customer_id"]) <= known


def test_prospects_never_buy_and_everybody_with_a_truth_does(any_shop):
    buyers = set(any_shop.transactions["customer_id"]) - {*NOBODY, example_world.UNKNOWN_BUYER}

    assert buyers == set(any_shop.truth_customers["customer_id"])
    assert len(any_shop.customers) - len(buyers) == example_world.N_PROSPECTS


def test_returns_never_exceed_their_purchases(any_shop):
    lines = any_shop.transactions
    item = ["customer_id", "product_id"]
    back = lines["quantity"] < 0
    assert (back == (lines["amount"] < 0)).all()
    assert lines.loc[back, "order_id"].str.startswith("R").nunique() == 2

    for column in ("quantity", "amount"):
        ordered = lines.sort_values("date", kind="stable")
        left = ordered.groupby(item)[column].cumsum()
        # A basket's own prices differ by cents from piece to piece.
        assert left.min() > -0.005
    named = lines[~lines["order_id"].str.startswith("R")]
    assert named.groupby([*item, "order_id"])["quantity"].sum().min() >= 0
    assert named.groupby([*item, "order_id"])["amount"].sum().min() > -0.005


def test_a_shop_has_what_cleaning_must_see(any_shop):
    lines = any_shop.transactions
    counts = lines["customer_id"].value_counts()

    receipts = lines.drop_duplicates("order_id")["customer_id"].value_counts()
    assert receipts[example_receipts.COLLECTIVE] == example_receipts.N_COLLECTIVE
    assert receipts[""] == example_receipts.N_NAMELESS
    assert counts[list(NOBODY)].sum() < 0.03 * len(lines)
    assert lines.duplicated().sum() == example_receipts.N_PAIRS
    assert (lines["product_id"] == example_receipts.SHIPPING).sum() > 100
    assert lines["date"].between(example_world.START, example_world.END).all()
    assert not lines.drop(columns="customer_id").isna().any().any()


def test_some_lines_are_above_a_thousand_euros(shop):
    assert (shop.transactions["amount"] > 1000).sum() >= 3


def test_goods_cost_about_what_they_are_listed_at(any_shop):
    lines = any_shop.transactions
    goods = lines[(lines["quantity"] > 0) & (lines["category"] != "Versand")]
    prices = dict(zip(example_receipts.PRODUCT_NAMES, example_receipts.PRICES, strict=True))

    ratio = goods["amount"] / goods["quantity"] / goods["product_id"].map(prices)

    assert ratio.median() == pytest.approx(1, abs=0.02)
    assert ratio.between(0.8, 1.25).mean() > 0.97
    assert len(prices) == 60 and goods["category"].nunique() == 6


def test_nobody_buys_after_leaving(any_shop):
    last = _orders(any_shop).groupby("customer_id")["date"].max()
    left = any_shop.truth_customers.set_index("customer_id")["left"].dropna()

    assert (last[left.index] <= left).all()
    # Few left with an order that the campaign then took away.
    assert (last[left.index] == left).mean() > 0.97


def test_no_mail_goes_to_whom_it_must_not(any_shop):
    consent = any_shop.consent
    refused = consent[consent["status"] == "widerspruch"].set_index(["customer_id", "channel"])
    contacts = any_shop.contacts
    key = pd.MultiIndex.from_frame(contacts[["customer_id", "channel"]])

    end = refused["date"].reindex(key).to_numpy()

    assert not (contacts["date"].to_numpy() > end).any()
    assert set(consent["status"]) == {"opt_in", "bestandskunde_7_3", "keine", "widerspruch"}
    assert set(consent["channel"]) == {"email", "telefon", "post", "profiling"}
    assert not consent.duplicated(["customer_id", "channel"]).any()


def test_complaints_are_answered_and_resolved_in_this_order(any_shop):
    table = any_shop.complaints

    assert (table["received"] <= table["first_response"]).sum() == table["first_response"].count()
    assert (table["first_response"] <= table["resolved"]).sum() == table["resolved"].count()
    assert table["resolved"].isna().any()


def test_answers_have_a_few_codes_that_are_none(any_shop):
    nps = any_shop.survey["nps"]

    assert (nps == 11).sum() == 5
    assert 0 < nps.isna().sum() < 0.05 * len(nps)
    assert nps[nps != 11].dropna().between(0, 10).all()
    assert any_shop.survey["satisfaction"].between(1, 5).all()


def test_comments_are_many_and_differ(shop):
    comments = shop.survey["comment"][shop.survey["comment"] != ""]

    assert len(comments) > 400
    assert comments.nunique() > 0.5 * len(comments)
    for moods in (example_comments.PRAISE, example_comments.BLAME):
        assert set(moods) == set(example_comments.TOPICS)
        sentences = [sentence for said in moods.values() for sentence in said]
        assert len(sentences) == len(set(sentences))
    for shares in zip(*example_comments.TOPICS.values(), strict=True):
        assert sum(shares) == pytest.approx(1)


def test_swiss_comments_have_no_sharp_s(shop):
    swiss = shop.customers.loc[shop.customers["country"] == "CH", "customer_id"]

    comments = shop.survey.loc[shop.survey["customer_id"].isin(swiss), "comment"]

    assert comments.str.len().sum() > 100
    assert not comments.str.contains("ß").any()


def test_no_address_and_no_number_can_reach_anybody():
    found_addresses = found_numbers = 0
    for file_name, _ in example_shop.FILES.values():
        text = (FOLDER / file_name).read_bytes().decode("utf-8-sig")
        addresses = re.findall(r"\S+@([\w.-]+\w)", text)
        assert set(addresses) <= {"example.org"}, file_name
        found_addresses += len(addresses)
        if file_name in ("befragung.csv", "kunden.csv"):
            # Without days, ids and receipts, no other digits in a row are left than phone numbers.
            bare = re.sub(r"\d\d\.\d\d\.\d{4}|^\d{6};|\d{4}-\d{4}|B\d{6}|\w+@\S+|;\d{6};", "", text,
                          flags=re.MULTILINE)  # fmt: skip
            numbers = re.findall(r"\+?\d[\d /-]{4,}\d", bare)
            allowed = r"030 23125 \d{3}|0171 39200\d\d"
            assert [number for number in numbers if not re.fullmatch(allowed, number)] == []
            found_numbers += len(numbers)
    assert found_addresses > 1000 and found_numbers >= 4


# Against an authority


def test_the_campaign_brings_what_it_truly_brings(shop):
    people = _experiment(shop)

    for name, part in [("all", people), *people.groupby("segment")]:
        uplift, error = _uplift(part)
        assert uplift == pytest.approx(part["effect"].mean(), abs=error), name
    by_segment = {name: _uplift(part)[0] for name, part in people.groupby("segment")}
    assert by_segment["Vielkäufer"] < 0 < by_segment["Übrige"] < by_segment["Neukunden"]
    stated = shop.truth_parameters.set_index("parameter")["value"]["wirkung_mittel"]
    assert stated == pytest.approx(people["effect"].mean())


def test_the_campaign_brings_what_it_truly_brings_in_other_draws(any_shop):
    people = _experiment(any_shop)

    for name, part in [("all", people), *people.groupby("segment")]:
        uplift, error = _uplift(part)
        assert abs(uplift - part["effect"].mean()) < STANDARD_ERRORS * error, name
    assert abs(people["treated"].mean() - 0.5) < 0.01


def test_bg_nbd_finds_the_world_again(shop):
    truth = shop.truth_parameters.set_index("parameter")["value"]
    profiles = summary.profiles(summary.summarise(_orders(shop), as_of=example_world.END))

    model = purchases.fit(profiles)

    true = {"r": truth["r"], "alpha": 7 * truth["alpha"], "a": truth["a"], "b": truth["b"]}
    worse = model.log_likelihood - purchases.log_likelihood(profiles, **true)
    assert 0 < 2 * worse < chi2.ppf(0.99, df=4)
    assert model.r / model.alpha == pytest.approx(true["r"] / true["alpha"], rel=0.1)
    left = truth["a"] / (truth["a"] + truth["b"])
    assert model.a / (model.a + model.b) == pytest.approx(left, abs=0.03)


def test_gamma_gamma_finds_the_world_again(shop):
    truth = shop.truth_parameters.set_index("parameter")["value"]
    customers = summary.summarise(_orders(shop), as_of=example_world.END)

    model = spend.fit(customers)

    # Fader and Hardie (2013), equation 1a, at the true p, q and v.
    buyers = customers[customers["frequency"] > 0]
    x, mean = buyers["frequency"].astype(float), buyers["monetary_value"]
    p, q, v = truth[["p", "q", "v"]]
    density = (
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        + (p * x - 1) * np.log(mean) + p * x * np.log(x) - (p * x + q) * np.log(x * mean + v)
    )  # fmt: skip
    assert 0 < 2 * (model.log_likelihood - density.sum()) < chi2.ppf(0.99, df=3)
    assert model.p * model.v / (model.q - 1) == pytest.approx(p * v / (q - 1), rel=0.05)


def test_truths_of_customers_have_the_mean_of_the_world(any_shop):
    truth = any_shop.truth_parameters.set_index("parameter")["value"]
    customers = any_shop.truth_customers

    rate, leaving = customers["purchase_rate"], customers["leaving_probability"]

    n_root = np.sqrt(len(customers))
    assert abs(rate.mean() - truth["r"] / truth["alpha"]) < 3 * rate.std() / n_root
    expected = truth["a"] / (truth["a"] + truth["b"])
    assert abs(leaving.mean() - expected) < 3 * leaving.std() / n_root


def test_customers_spend_what_their_truth_says(any_shop):
    orders = _orders(any_shop).merge(any_shop.truth_customers, on="customer_id")

    ratio = orders["amount"] / orders["mean_spend"]

    assert ratio.mean() == pytest.approx(1, abs=3 * ratio.std() / np.sqrt(len(ratio)))
    # Shape p of a Gamma distribution is one over its squared coefficient of variation.
    truth = any_shop.truth_parameters.set_index("parameter")["value"]
    assert 1 / ratio.var() == pytest.approx(truth["p"], rel=0.1)


def test_who_rates_lower_leaves_sooner(any_shop):
    survey = any_shop.survey[any_shop.survey["nps"] <= 10]
    answers = survey.merge(any_shop.truth_customers, on="customer_id")
    truth = any_shop.truth_parameters.set_index("parameter")["value"]

    inner = answers[answers["leaving_probability"].between(0.05, 0.6)]
    slope = np.polyfit(inner["leaving_probability"], inner["nps"].astype(float), 1)[0]

    assert slope == pytest.approx(truth["nps_steigung"], rel=0.25)
    gone = answers["left"] <= answers["date"]
    assert gone[answers["nps"] <= 6].mean() > gone[answers["nps"] >= 9].mean() + 0.05


def test_before_christmas_a_customer_buys_more(shop):
    orders = _orders(shop)
    repeat = orders[orders.duplicated("customer_id")]
    days = repeat.groupby("date").size().reindex(pd.date_range("2025-09-01", "2025-12-31"))
    before, advent = days[:"2025-11-14"].mean(), days["2025-11-15":"2025-12-20"].mean()

    assert advent / before == pytest.approx(example_world.value("weihnachten"), rel=0.15)


def test_what_is_known_of_a_customer_tells_of_his_truth(shop):
    customers = shop.customers.merge(shop.truth_customers, on="customer_id")
    firm = customers["customer_type"] == "geschäftlich"
    referred = customers["first_channel"] == "empfehlung"
    member = customers["programme_since"].notna()

    spend_of, leaving = customers["mean_spend"], customers["leaving_probability"]
    rate = customers["purchase_rate"]

    assert spend_of[firm].mean() > 1.2 * spend_of[~firm].mean()
    assert leaving[referred].mean() < leaving[~referred].mean() - 0.02
    assert rate[member].mean() > 1.5 * rate[~member].mean()
    assert (referred == (customers["referred_by"] != "")).all()


def test_who_was_picked_for_a_mailing_buys_more_although_it_does_nothing(shop):
    day = pd.Timestamp("2024-05-06")
    chosen = shop.contacts.loc[shop.contacts["date"] == day, "customer_id"]
    orders = _orders(shop)
    after = orders[orders["date"].between(day, day + pd.Timedelta(days=56))]
    known = orders.loc[orders["date"] < day, "customer_id"].unique()
    counts = after.groupby("customer_id").size().reindex(known, fill_value=0)

    picked = counts.index.isin(chosen)

    assert counts[picked].mean() > 1.3 * counts[~picked].mean()


def test_companions_are_bought_together(shop):
    lines = shop.transactions[shop.transactions["quantity"] > 0]
    held = pd.crosstab(lines["order_id"], lines["product_id"]) > 0

    for first, second in example_receipts.COMPANIONS.items():
        both = (held[first] & held[second]).mean()
        assert both > 1.5 * held[first].mean() * held[second].mean(), (first, second)


def test_customers_have_a_favourite_category(shop):
    lines = shop.transactions[~shop.transactions["customer_id"].isin(NOBODY)]
    goods = lines[(lines["quantity"] > 0) & (lines["category"] != "Versand")]
    counts = pd.crosstab(goods["customer_id"], goods["category"])

    shares = counts[counts.sum(axis=1) >= 10].apply(lambda row: row / row.sum(), axis=1)

    assert shares.max(axis=1).mean() > 2 * 1 / 6
