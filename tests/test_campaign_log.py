import numpy as np
import pandas as pd
import pytest

from workbench import campaign_log, lines
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2025-12-31")
COLUMNS = ["customer_id", "date", "campaign", "group", "cost", "response", "reaction"]


def contacts_of(*rows, channel="email"):
    table = pd.DataFrame(rows, columns=COLUMNS).assign(channel=channel)
    text = dict.fromkeys(["customer_id", "campaign", "group", "reaction", "channel"], "str")
    table = table.astype(text | {"response": "boolean", "cost": "float64"})
    return table.assign(date=pd.to_datetime(table["date"]).astype("datetime64[us]"))


def orders_of(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    dates = pd.to_datetime(table["date"]).astype("datetime64[us]")
    return table.assign(date=dates).astype({"customer_id": "str", "amount": "float64"})


def read(contacts, orders, *, days=30, goods=None):
    return campaign_log.read(
        contacts, orders=orders, lines=goods, as_of=AS_OF, days=days, margin=0.4
    )


LOG = contacts_of(
    ("a", "2025-06-02", "Mai", "treatment", 0.1, True, "geklickt"),
    ("a", "2025-06-09", "Mai", "treatment", 0.2, False, "Abgemeldet"),
    ("b", "2025-06-02", "Mai", "treatment", None, None, None),
    ("c", "2025-05-20", "Mai", "control", 0.0, None, None),
    ("d", "2025-06-02", "Mai", "control", 0.0, None, None),
    ("e", "2025-06-02", "Mai", "treatment", 0.1, False, "keine"),
    ("e", "2025-06-02", "Mai", "control", 0.0, None, None),
    ("f", "2025-06-02", "Mai", None, 0.1, None, None),
    ("a", "2025-03-01", "Post", None, 1.5, None, None),
    ("a", "2025-12-24", "Neu", "treatment", 1.0, None, None),
    ("b", "2025-12-24", "Neu", "control", 0.0, None, None),
    ("a", "2025-01-01", None, None, 1.0, None, None),
)
ORDERS = orders_of(
    ("a", "2025-06-01", 70.0),
    ("a", "2025-06-02", 10.0),
    ("a", "2025-07-02", 20.0),
    ("a", "2025-07-03", 99.0),
    ("c", "2025-05-25", 99.0),
    ("c", "2025-06-20", 30.0),
    ("c", "2025-06-21", -5.0),
    ("z", "2025-06-03", 99.0),
)


# --- by hand --------------------------------------------------------------------------------


def test_who_was_in_which_group_and_what_followed():
    log = read(LOG, ORDERS)
    mai = log.people[log.people["campaign"] == "Mai"].set_index("customer_id")
    groups = ["treated", "treated", "control", "control", "both", "none"]
    assert mai["group"].tolist() == groups
    # From the day of the first contact to thirty days after it, both included.
    assert mai.loc["a", ["orders", "revenue", "bought"]].tolist() == [2, 30.0, 1]
    # The control customer's own day was nobody's contact: the campaign's day stands for it; the
    # day of returns is no purchase, but money.
    assert mai.loc["c", "day"] == pd.Timestamp("2025-06-02")
    assert mai.loc["c", ["orders", "revenue", "margin"]].tolist() == [1, 25.0, 10.0]
    assert mai.loc["b", ["orders", "revenue", "bought"]].tolist() == [0, 0.0, 0]
    assert mai.loc["a", "contacts"] == 2
    assert mai.loc["a", "cost"] == pytest.approx(0.3)
    assert np.isnan(mai.loc["b", "cost"])
    assert mai.loc["a", ["response", "unsubscribed"]].tolist() == [0.5, 1.0]


def test_what_each_campaign_can_be_read_as():
    log = read(LOG, ORDERS)
    assert log.campaigns["status"].to_dict() == {
        "Post": "no_control",
        "Mai": "trial",
        "Neu": "not_over",
    }
    counts = log.campaigns.loc["Mai", ["treated", "control", "both", "none"]]
    assert counts.tolist() == [2, 2, 1, 1]
    assert log.unnamed == 1
    neu = log.people[log.people["campaign"] == "Neu"]
    assert neu[list(campaign_log.OUTCOMES)].isna().all(axis=None)


def test_a_window_that_ends_on_the_last_day_is_over():
    contacts = contacts_of(("a", "2025-12-01", "Advent", None, None, None, None))
    assert read(contacts, ORDERS, days=30).campaigns["status"].tolist() == ["no_control"]
    assert read(contacts, ORDERS, days=31).campaigns["status"].tolist() == ["not_over"]


def test_waves_keep_the_days_that_the_log_gives_to_control_customers():
    contacts = contacts_of(
        ("a", "2025-06-02", "Mai", "treatment", 0.1, None, None),
        ("b", "2025-06-09", "Mai", "treatment", 0.1, None, None),
        ("c", "2025-06-09", "Mai", "control", 0.0, None, None),
        ("d", "2025-06-05", "Mai", "control", 0.0, None, None),
    )
    people = read(contacts, ORDERS).people.set_index("customer_id")
    assert people["day"].dt.day.to_dict() == {"a": 2, "b": 9, "c": 9, "d": 2}


def test_what_was_known_ends_the_day_before():
    def known(day):
        assert day == pd.Timestamp("2025-06-01")
        return ORDERS[ORDERS["date"] <= day]

    (trial,) = campaign_log.trials(read(LOG, ORDERS), known=known, days=30, most=5)
    assert trial.people.index.tolist() == ["a", "b", "c", "d"]
    assert trial.people["treated"].tolist() == [True, True, False, False]
    past = trial.covariates
    assert past.loc["a"].tolist() == [1, 1, 1, 70.0, 70.0, 1]
    # Who never bought is as long without a purchase as the longest of the others.
    assert past.loc["b", ["orders_ever", "days_since_last"]].tolist() == [0, 8]


def test_segments_follow_from_the_past_alone():
    past = pd.DataFrame(
        {
            "orders_ever": [0, 1, 1, 4, 5, 2],
            "days_since_first": [300, 180, 181, 300, 20, 20],
        }
    )
    expected = ["new", "new", "once", "several", "frequent", "new"]
    assert list(campaign_log._segments(past)) == expected
    many = pd.concat([past.iloc[[0]]] * campaign_log.FEWEST_APART)
    assert set(campaign_log._segments(many)) == {"none"}


def test_the_margin_of_the_lines_counts_where_each_has_one():
    goods = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "c"],
            "date": pd.to_datetime(["2025-06-01", "2025-06-02", "2025-06-20", "2025-06-20"]),
            "amount": [70.0, 10.0, 20.0, 30.0],
            "margin": [9.0, 3.0, -1.0, 12.0],
        }
    ).astype({"customer_id": "str", "date": "datetime64[us]"})
    log = read(LOG, ORDERS, goods=lines.of_frame(goods))
    mai = log.people[log.people["campaign"] == "Mai"].set_index("customer_id")
    assert log.measured_margin
    assert mai["margin"].round(6).to_dict() == {"a": 2, "b": 0, "c": 12, "d": 0, "e": 0, "f": 0}
    some = goods.assign(margin=goods["margin"].where(goods["margin"] != 12))
    log = read(LOG, ORDERS, goods=lines.of_frame(some))
    assert not log.measured_margin
    assert log.people.set_index(["campaign", "customer_id"]).loc[("Mai", "a"), "margin"] == 12


# --- properties -----------------------------------------------------------------------------


def test_the_order_of_rows_changes_nothing():
    expected = read(LOG, ORDERS)
    found = read(LOG.iloc[::-1], ORDERS.iloc[::-1])
    pd.testing.assert_frame_equal(found.people, expected.people)
    pd.testing.assert_frame_equal(found.campaigns, expected.campaigns)


def test_no_name_of_a_campaign_is_too_few_data():
    with pytest.raises(TooFewData, match="no contact has the name of a campaign"):
        read(LOG[LOG["campaign"].isna()], ORDERS)
