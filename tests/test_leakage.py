"""The 15 ways in which a churn model learns the future, each put in on purpose and noticed.

Four of them concern the fitting of a model and are put in where that is tested,
in test_churn_training.py: what is fitted to the customers of the test origin (4), resampling
before the split (5), hyper-parameters (12) and a threshold (13) chosen on the test origin.
"""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell

from workbench import churn_features, companions, intake, purchase_models, run, summary, synthetic
from workbench.churn_features import build, label, moved_future, suspicious
from workbench.schema import DataError

DAY = pd.Timedelta(days=1)
ORIGIN = pd.Timestamp("2025-03-31")
WINDOW = {"origin": ORIGIN, "horizon_days": 91, "gap_days": 14}


@pytest.fixture(scope="module")
def shop() -> intake.Base:
    """Musterhandel with all its tables, as it is at the end of 2025."""
    return intake.read("dataset:beispiel", tables=dict.fromkeys(companions.FORMS, "")).base


@pytest.fixture(scope="module")
def then() -> intake.Base:
    """The same shop as its files were at the origin."""
    tables = dict.fromkeys(companions.FORMS, "")
    return intake.read("dataset:beispiel", tables=tables, as_of=ORIGIN).base


@pytest.fixture(scope="module")
def known(shop) -> pd.DataFrame:
    """What the shop knew at the origin, and what happened after it."""
    later = shop.orders[shop.orders["date"] > ORIGIN]
    return pd.concat([shop.known(ORIGIN), later], ignore_index=True)


@pytest.fixture(scope="module")
def churned(shop, known) -> pd.Series:
    customers = build(known, **WINDOW).index
    return label(shop.orders, customers=customers, as_of=shop.as_of, **WINDOW)


def honest(orders, tables):
    """Fit the purchase model to the past and make all features of it."""
    past = orders[orders["date"] <= ORIGIN]
    model = purchase_models.fit("bg_nbd", summary.profiles_of(past, as_of=ORIGIN))
    return build(orders, tables=tables, purchase_model=model, **WINDOW)


def last_days(orders: pd.DataFrame) -> pd.Series:
    return orders[orders["amount"] >= 0].groupby("customer_id")["date"].max()


def test_the_check_finds_nothing_in_honest_features(shop, known, churned):
    assert moved_future(honest, orders=known, origin=ORIGIN, tables=shop.details) == []
    features = honest(known, shop.details)
    assert suspicious(features, churned).empty


def test_the_file_of_today_gives_the_features_that_the_file_of_the_origin_gave(shop, then):
    today = build(shop.known(ORIGIN), tables=shop.details, **WINDOW)
    before = build(then.orders, tables=then.details, **WINDOW)
    pd.testing.assert_frame_equal(today, before, check_exact=True)


def test_trap_1_recency_of_the_full_file(sample_orders):
    origin = pd.Timestamp("1997-12-31")
    window = {"origin": origin, "horizon_days": 91, "gap_days": 0}

    def leaky(orders, tables):
        silence = (orders["date"].max() - last_days(orders)).dt.days
        return build(orders, **window).assign(days_since_last=silence.astype(float))

    assert moved_future(leaky, orders=sample_orders, origin=origin) == ["days_since_last"]
    features = leaky(sample_orders, {})
    churned = label(
        sample_orders, customers=features.index, as_of=pd.Timestamp("1998-06-30"), **window
    )
    stopwatch = summary.summarise(sample_orders, as_of=origin)["days_since_last"]
    alarms = suspicious(features, churned, stopwatch=stopwatch)
    assert alarms.index.tolist() == ["days_since_last"]
    assert alarms["auc"].item() == pytest.approx(0.95, abs=5e-3)
    # What was known at the origin is far below the alarm.
    assert suspicious(build(sample_orders, **window), churned).empty


def test_trap_2_a_label_that_overlaps_the_time_of_the_features(shop, known, churned):
    def seen_before_the_window(make) -> int:
        """Count the labels that change when everybody buys on the last day of the gap."""
        last = ORIGIN + WINDOW["gap_days"] * DAY
        rows = pd.DataFrame({"customer_id": churned.index, "date": last, "amount": 1.0})
        added = pd.concat([shop.orders, rows]).drop_duplicates(["customer_id", "date"])
        return int((make(added) != make(shop.orders)).sum())

    def right(orders):
        return label(orders, customers=churned.index, as_of=shop.as_of, **WINDOW)

    def leaky(orders):
        return label(
            orders, customers=churned.index, as_of=shop.as_of, **(WINDOW | {"gap_days": 0})
        )

    assert seen_before_the_window(right) == 0
    assert seen_before_the_window(leaky) > 100


def test_trap_3_a_purchase_model_fitted_to_the_future(shop, known):
    def leaky(orders, tables):
        later = summary.summarise(orders, as_of=shop.as_of)
        first_known = build(orders, **WINDOW).index
        model = purchase_models.fit("bg_nbd", summary.profiles(later.loc[first_known]))
        return build(orders, purchase_model=model, **WINDOW)

    changed = moved_future(leaky, orders=known, origin=ORIGIN)
    assert changed == ["p_no_purchase", "expected_purchases", "p_alive"]
    model = purchase_models.fit("bg_nbd", summary.profiles_of(known, as_of=shop.as_of))
    with pytest.raises(DataError, match=r"fitted to 13\d\d customers, but only 9\d\d had bought"):
        build(known, purchase_model=model, **WINDOW)


def test_trap_6_a_column_of_the_master_data_that_is_overwritten_later(shop, known, churned):
    status = pd.Series(np.where(churned, "inaktiv", "aktiv"), index=churned.index)
    customers = shop.tables["customers"].assign(
        status=status, last_login=last_days(shop.orders), newsletter=(~churned).astype(float)
    )
    tables = shop.tables | {"customers": customers}
    overwritten = ["status", "last_login", "newsletter"]

    def leaky(orders, tables):
        return honest(orders, tables).join(tables["customers"][overwritten])

    assert moved_future(leaky, orders=known, origin=ORIGIN, tables=tables) == overwritten
    alarms = suspicious(leaky(known, tables).drop(columns="last_login"), churned)
    assert alarms.index.tolist() == ["status", "newsletter"]
    # The columns that may be read are named; any other is not.
    pd.testing.assert_frame_equal(honest(known, tables), honest(known, shop.tables))


def test_trap_6_a_complaint_whose_solution_has_become_known(shop, known):
    def leaky(orders, tables):
        still_open = tables["complaints"].groupby("customer_id")["is_open"].sum()
        features = build(orders, tables=tables, **WINDOW)
        return features.assign(
            open_complaints=still_open.reindex(features.index).fillna(0).astype(float)
        )

    changed = moved_future(leaky, orders=known, origin=ORIGIN, tables=shop.tables)
    assert changed == ["open_complaints"]


def test_trap_7_a_return_of_tomorrow_in_the_order_of_today(shop, then):
    features = build(then.orders, **WINDOW)
    pd.testing.assert_frame_equal(build(shop.known(ORIGIN), **WINDOW), features, check_exact=True)
    # The orders of today have been lowered by returns that nobody knew at the origin.
    leaky = build(shop.orders, **WINDOW)
    both = leaky.index.intersection(features.index)
    differs = leaky.loc[both, "log_mean_basket"] != features.loc[both, "log_mean_basket"]
    assert differs.any()


def test_trap_8_a_customer_who_came_after_the_origin(shop, known):
    def leaky(orders, tables):
        everybody = pd.Index(sorted(set(orders["customer_id"])), name="customer_id")
        return honest(orders, tables).reindex(everybody)

    changed = moved_future(leaky, orders=known, origin=ORIGIN, tables=shop.tables)
    assert changed[0] == "customer_id"
    first = known[known["amount"] >= 0].groupby("customer_id")["date"].min()
    assert (first[honest(known, shop.tables).index] <= ORIGIN).all()


def test_trap_9_a_window_that_the_file_does_not_hold_in_full(shop, churned):
    # The export ran in the course of a day, of which half the orders are missing.
    last_complete = ORIGIN + 60 * DAY
    export = shop.orders[shop.orders["date"] <= last_complete + DAY]
    keywords = {"customers": churned.index, **WINDOW}
    with pytest.raises(ValueError, match="45 days after the last complete day 2025-05-30"):
        label(export, as_of=last_complete, **keywords)
    # Who takes the end of the window for the last complete day sees churners who are none.
    leaky = label(export, as_of=ORIGIN + 105 * DAY, **keywords)
    assert leaky.sum() > churned.sum()


def test_trap_10_accounts_that_were_merged_later(shop, known):
    buyers = sorted(set(known.loc[known["date"] <= ORIGIN, "customer_id"]))
    merged_into = pd.Series(buyers[1], index=buyers[:1])
    customers = shop.tables["customers"].assign(merged_into=merged_into)

    def leaky(orders, tables):
        into = tables["customers"]["merged_into"].dropna()
        names = orders["customer_id"].map(into).fillna(orders["customer_id"])
        merged = orders.assign(customer_id=names).groupby(["customer_id", "date"], as_index=False)
        return build(merged["amount"].sum(), **WINDOW)

    tables = {"customers": customers}
    assert leaky(known, tables).index.tolist() == [
        name for name in build(known, **WINDOW).index if name != buyers[0]
    ]
    assert moved_future(leaky, orders=known, origin=ORIGIN, tables=tables)[0] == "customer_id"
    # Ids that look alike are not merged either.
    alike = known[known["customer_id"] == buyers[0]].assign(customer_id="0" + buyers[0])
    found = build(pd.concat([known, alike]), **WINDOW)
    assert found.at["0" + buyers[0], "n_orders"] == found.at[buyers[0], "n_orders"]


def test_trap_11_contacts_that_were_made_because_of_the_score(shop, known):
    riskiest = honest(known, shop.tables)["p_no_purchase"].nlargest(200).index
    mailing = pd.DataFrame(
        {"customer_id": riskiest, "date": ORIGIN + 7 * DAY, "group": "treatment"}
    )
    contacts = pd.concat([shop.tables["contacts"], mailing], ignore_index=True)
    tables = shop.tables | {"contacts": contacts}

    def leaky(orders, tables):
        features = honest(orders, tables)
        n_contacts = tables["contacts"].groupby("customer_id").size()
        return features.assign(contacts=n_contacts.reindex(features.index).fillna(0).astype(float))

    changed = moved_future(leaky, orders=known, origin=ORIGIN, tables=tables)
    assert changed == ["contacts"]
    pd.testing.assert_frame_equal(honest(known, tables), honest(known, shop.tables))


def test_trap_11_a_response_that_came_after_the_origin(shop, known):
    answered = pd.DataFrame(
        {
            "customer_id": known["customer_id"].iloc[:1],
            "date": ORIGIN - DAY,
            "group": "treatment",
            "response": pd.array([True], dtype="boolean"),
        }
    )
    contacts = pd.concat([shop.tables["contacts"], answered], ignore_index=True)
    tables = shop.tables | {"contacts": contacts}

    def leaky(orders, tables):
        past = tables["contacts"][tables["contacts"]["date"] <= ORIGIN]
        responses = past["response"].fillna(False).groupby(past["customer_id"]).sum()
        features = honest(orders, tables)
        return features.assign(responses=responses.reindex(features.index).fillna(0).astype(float))

    assert moved_future(leaky, orders=known, origin=ORIGIN, tables=tables) == ["responses"]
    assert moved_future(honest, orders=known, origin=ORIGIN, tables=tables) == []


def test_trap_14_two_orders_on_one_day_as_a_repeat_purchase(known):
    buyer = known["customer_id"].iloc[0]
    lines = pd.concat([known, known[known["customer_id"] == buyer]], ignore_index=True)
    n_twice = int((known["customer_id"] == buyer).sum())
    with pytest.raises(DataError, match=f"{n_twice} of {len(lines)} orders share customer and day"):
        build(lines, **WINDOW)
    days = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    assert (
        build(days, **WINDOW).at[buyer, "n_orders"] == build(known, **WINDOW).at[buyer, "n_orders"]
    )


def test_trap_15_categories_encoded_with_what_happened_later(shop, known):
    def leaky(orders, tables):
        features = honest(orders, tables)
        churned = label(orders, customers=features.index, as_of=shop.as_of, **WINDOW)
        rate = churned.astype(float).groupby(features["first_channel"]).transform("mean")
        return features.assign(first_channel=rate)

    changed = moved_future(leaky, orders=known, origin=ORIGIN, tables=shop.tables)
    assert changed == ["first_channel"]


def test_noise_raises_no_alarm_and_a_copy_of_the_label_does(known, churned):
    random = np.random.default_rng(7)
    noise = pd.DataFrame(random.normal(size=(len(churned), 20)), index=churned.index).add_prefix(
        "noise_"
    )
    assert suspicious(noise, churned).empty
    copied = noise.assign(copy=churned.astype(float) + 0.1 * noise["noise_0"])
    assert suspicious(copied, churned).index.tolist() == ["copy"]
    assert churn_features.MAX_AUC > 0.84


def test_a_customer_type_that_is_overwritten_later_ends_a_run_with_1(tmp_path, monkeypatch):
    """Nothing in the file tells when: the cells of 04 have to find it in what it predicts."""
    end = pd.Timestamp("2025-06-30")
    orders = synthetic.orders(
        "mbg_nbd",
        parameters={"r": 1.5, "alpha": 45.0, "a": 0.8, "b": 4.0},
        **{"p": 6.25, "q": 3.74, "v": 15.44},
        n_customers=300,
        start=pd.Timestamp("2024-04-01"),
        acquisition_days=120,
        end=end,
        seed=1,
    )
    silence = (end - last_days(orders)).dt.days
    # Whoever keeps the list marks those who have been silent since about the last origin.
    kind = silence.lt(85).map({True: "aktiv", False: "verloren"}).rename("customer_type")
    orders.to_csv(tmp_path / "orders.csv", index=False)
    kind.to_csv(tmp_path / "customers.csv")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(_guards_alone(), folder / "01_daten.ipynb")
    monkeypatch.chdir(tmp_path)

    given = {"transactions": "orders.csv", "customers": "customers.csv"}
    outcome = run.run(given | {"fatal": ["churn_guards"]}, folder=folder)

    assert outcome.status == 1
    assert "the fatal verdict churn_guards was not passed" in outcome.message
    marked = re.search(r'class="alarm">(.*?)</p>', outcome.path.read_text("utf-8"))[1]
    assert "Kein Merkmal kennt die Zukunft. „Kundentyp“ allein ordnet" in marked
    verdicts = json.loads((outcome.path.parent / "manifest.json").read_text("utf-8"))["verdicts"]
    # The forecast itself looks fine: only the guard knows better.
    assert verdicts == {"churn_quality": True, "churn_guards": False}


def _guards_alone() -> nbformat.NotebookNode:
    """Return those cells of 04 that lead to its guards, as the only notebook of a run."""
    path = Path(__file__).parents[1] / "notebooks" / "04_churn.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    reading = new_code_cell(
        "from workbench import intake\n"
        "tables = {'customers': customers}\n"
        "reading = intake.read(transactions, columns=columns, tables=tables)\n"
        "intake.hand_over(reading, run_dir=run_dir)"
    )
    writing = new_code_cell(
        "intake.write_customers(people[[]], run_dir=run_dir, notebook='01_daten')"
    )
    steps = ("04-03", "04-26", "04-05", "04-06", "04-07", "04-10", "04-37")
    notebook.cells = [
        *(cells["04-00"], cells["04-02"], reading),
        *(cells[step] for step in steps),
        writing,
    ]
    return notebook
