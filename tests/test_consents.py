import itertools

import pandas as pd
import pytest

from workbench import consents
from workbench.schema import ParameterError


def said(*rows):
    """Consents as `companions.read` makes them."""
    return pd.DataFrame(rows, columns=["customer_id", "channel", "status"], dtype="str")


def allowed(consent, *, channel="email", by="opt_in", customers=("1", "2", "3", "4", "5")):
    may = consents.may_contact(consent, customers=customers, channel=channel, by=by)
    return may.index[may].tolist()


# By hand


def test_only_express_consent_lets_advertising_through():
    consent = said(
        ("1", "email", "opt_in"),
        ("2", "email", "bestandskunde_7_3"),
        ("3", "email", "keine"),
        ("4", "email", "widerspruch"),
    )
    assert allowed(consent) == ["1"]
    assert allowed(consent, by="bestandskunde_7_3") == ["1", "2"]


def test_paragraph_7_3_speaks_of_electronic_mail_alone():
    consent = said(
        ("1", "telefon", "bestandskunde_7_3"),
        ("2", "post", "bestandskunde_7_3"),
        ("3", "newsletter", "bestandskunde_7_3"),
        ("4", "telefon", "opt_in"),
    )
    assert allowed(consent, channel="Telefon", by="bestandskunde_7_3") == ["4"]
    assert allowed(consent, channel="post", by="bestandskunde_7_3") == []
    assert allowed(consent, channel="newsletter", by="bestandskunde_7_3") == ["3"]


def test_a_consent_to_all_channels_speaks_where_nothing_else_was_said():
    consent = said(("1", "alle", "opt_in"), ("2", "alle", "opt_in"), ("2", "email", "keine"))
    assert allowed(consent) == ["1"]
    assert allowed(consent, channel="telefon") == ["1", "2"]


def test_an_absolute_objection_closes_every_channel():
    consent = said(
        ("1", "email", "opt_in"),
        ("1", "profiling", "widerspruch"),
        ("2", "email", "opt_in"),
        ("2", "alle", "widerspruch"),
        ("3", "email", "opt_in"),
        ("3", "telefon", "widerspruch"),
        ("4", "email", "opt_in"),
        ("4", "profiling", "keine"),
    )
    assert consents.objected(consent).tolist() == ["1", "2"]
    assert allowed(consent) == ["3", "4"]


def test_ids_meet_despite_blanks_and_the_point_of_a_float():
    consent = said(("1.0", "email", "opt_in"), ("2", "email", "opt_in"), ("2 ", "alle", "keine"))
    assert allowed(consent, customers=[" 1", "2\u00a0", "02"]) == [" 1", "2\u00a0"]
    blocked = said(("2", "email", "opt_in"), ("2 ", "profiling", "widerspruch"))
    assert allowed(blocked, customers=["2"]) == []
    listed = consents.found_among([" 1", "1", "01"], listed=["1.0"])
    assert listed.tolist() == [" 1", "1"]


def test_an_objection_without_a_day_outranks_every_row_with_one():
    rows = pd.DataFrame(
        {
            "customer_id": ["1", "1", "2", "2"],
            "channel": "email",
            "status": ["widerspruch", "opt_in", "keine", "opt_in"],
            "date": pd.to_datetime([None, "2025-01-01", None, "2025-01-01"]),
            "source": None,
            "line": [2, 3, 4, 5],
        }
    )
    assert consents.in_force(rows).tolist() == [True, False, False, True]


def test_an_objection_to_advertising_or_on_an_unknown_channel_closes_every_channel():
    channels = ["werbung", "rauchzeichen", "alle", "profiling"]
    for channel in channels:
        consent = said(("1", "email", "opt_in"), ("1", channel, "widerspruch"))
        assert consents.objected(consent).tolist() == ["1"]
        assert allowed(consent) == []
    for channel in ("telefon", "post"):
        consent = said(("1", "email", "opt_in"), ("1", channel, "widerspruch"))
        assert consents.objected(consent).empty
        assert allowed(consent) == ["1"]


def dated(*rows):
    """Consents with the day on which each was said."""
    consent = said(*(row[:3] for row in rows))
    return consent.assign(date=pd.to_datetime([row[3] for row in rows]))


def test_an_objection_to_one_kind_of_mail_closes_the_other_unless_consent_came_later():
    for one, other in (("email", "newsletter"), ("newsletter", "email")):
        objection = ("1", other, "widerspruch", "2025-03-01")
        for status, day, wanted in (
            ("opt_in", "2025-03-02", ["1"]), ("opt_in", "2025-03-01", []), ("opt_in", None, []),
            ("bestandskunde_7_3", "2025-03-02", []),
        ):  # fmt: skip
            consent = dated(objection, ("1", one, status, day))
            assert allowed(consent, channel=one, by="bestandskunde_7_3") == wanted
    everywhere = said(("1", "alle", "opt_in"), ("1", "newsletter", "widerspruch"))
    assert allowed(everywhere) == []
    assert allowed(everywhere, channel="post") == ["1"]


def test_a_consent_withdrawn_on_all_channels_later_is_withdrawn_on_each():
    grant = ("1", "email", "opt_in", "2025-01-01")
    assert allowed(dated(grant, ("1", "alle", "keine", "2025-02-01"))) == []
    assert allowed(dated(grant, ("1", "alle", "keine", "2024-12-31"))) == ["1"]
    assert allowed(dated(grant, ("1", "alle", "keine", None))) == ["1"]


def test_who_unsubscribed_has_objected_until_he_consents_again():
    consent = dated(
        ("1", "email", "opt_in", "2025-01-01"),
        ("2", "email", "opt_in", "2025-06-01"),
        ("3", "email", "bestandskunde_7_3", "2025-01-01"),
        ("4", "post", "opt_in", "2025-01-01"),
    ).assign(source=pd.NA)
    opt_outs = pd.DataFrame(
        {
            "customer_id": ["1", "2", "3", "4"],
            "channel": pd.Series(["email", "email", "newsletter", None], dtype="str"),
            "date": pd.Timestamp("2025-05-01"),
        }
    )
    both = consents.with_opt_outs(consent, opt_outs)
    assert allowed(both, by="bestandskunde_7_3") == ["2"]
    assert allowed(both, channel="post") == []
    assert consents.objected(both).empty
    assert not both.duplicated(["customer_id", "channel"]).any()


def test_a_consent_to_advertising_opens_no_channel():
    assert allowed(said(("1", "werbung", "opt_in"))) == []


def test_channels_that_mean_advertising_have_one_name():
    names = pd.Series(["Werbung", " Direktwerbung", "MARKETING", "E-Mail"])
    assert consents.channel_names(names).tolist() == ["werbung"] * 3 + ["email"]


# Properties


def test_the_strictest_row_of_a_day_holds_in_every_order():
    for order in itertools.permutations(consents.STATUSES):
        rows = pd.DataFrame(
            {
                "customer_id": "1",
                "channel": "email",
                "status": list(order),
                "date": pd.Timestamp("2025-01-01"),
                "source": "",
                "line": range(2, 6),
            }
        )
        assert rows.loc[consents.in_force(rows), "status"].tolist() == ["widerspruch"]


def test_who_is_not_in_the_table_may_not_be_contacted():
    for consent in (said(), said(("9", "email", "opt_in"))):
        may = consents.may_contact(consent, customers=["2", "1"], channel="email", by="opt_in")
        assert may.index.tolist() == ["1", "2"]
        assert may.dtype == bool
        assert not may.any()


def test_a_stricter_ground_never_lets_more_through():
    statuses = [(str(n), "email", status) for n, status in enumerate(consents.STATUSES)]
    customers = [row[0] for row in statuses]
    strict = allowed(said(*statuses), customers=customers)
    wide = allowed(said(*statuses), by="bestandskunde_7_3", customers=customers)
    assert set(strict) < set(wide)


# Messages


def test_an_unknown_ground_is_refused():
    with pytest.raises(ParameterError, match="by='keine' must be one of opt_in, bestandskunde"):
        allowed(said(), by="keine")
