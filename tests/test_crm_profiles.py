from decimal import Decimal

import pandas as pd
import pytest

from workbench import crm_profiles
from workbench.crm_fields import Field
from workbench.schema import ParameterError

SEGMENT = Field("segment", "Segment", "choice", 0, "", "")
MONEY = Field("clv_12m", "Kundenwert 12 Monate", "money", 2, "", "")
SHARE = Field("kaufwahrsch_365d", "Kaufwahrscheinlichkeit", "share", 4, "", "")
DAY = Field("modell_stand", "Stand", "day", 0, "", "")
TEXT = Field("naechste_kategorie", "Nächste Kategorie", "text", 0, "", "")


def test_numbers_have_a_point_fixed_places_and_no_separator():
    assert crm_profiles.cell(-1234.5, field=MONEY, crm="salesforce") == Decimal("-1234.50")
    assert str(crm_profiles.cell(1234567.891, field=MONEY, crm="hubspot")) == "1234567.89"
    assert str(crm_profiles.cell(0.12345, field=SHARE, crm="pipedrive")) == "0.1234"
    assert str(crm_profiles.cell(1e-9, field=SHARE, crm="pipedrive")) == "0.0000"


def test_days_are_iso_and_nothing_is_nothing():
    assert crm_profiles.cell(pd.Timestamp("2025-12-31"), field=DAY, crm="hubspot") == "2025-12-31"
    for nothing in (None, float("nan"), pd.NaT, pd.NA):
        assert crm_profiles.cell(nothing, field=TEXT, crm="salesforce") is None


def test_hubspot_keeps_ascii_values_and_the_others_the_german_word():
    written = {
        crm: crm_profiles.cell("Einmalkäufer (still)", field=SEGMENT, crm=crm)
        for crm in crm_profiles.PROFILES
    }
    assert written.pop("hubspot") == "einmalkaeufer_still"
    assert set(written.values()) == {"Einmalkäufer (still)"}


def test_legal_bases_are_hubspots_own_words():
    field = crm_profiles.LEGAL_BASIS_FIELD
    assert crm_profiles.cell("opt_in", field=field, crm="hubspot") == (
        "Freely given consent from contact"
    )
    assert crm_profiles.cell("bestandskunde_7_3", field=field, crm="hubspot") == (
        "Legitimate interest – existing customer"
    )
    assert crm_profiles.header(field, crm="hubspot") == "hs_legal_basis"
    assert crm_profiles.header(field, crm="salesforce") == "Rechtsgrundlage__c"


@pytest.mark.parametrize("sign", crm_profiles.TRIGGERS)
def test_what_a_spreadsheet_may_run_is_recognised(sign):
    assert crm_profiles.is_formula(f"{sign}HYPERLINK(1)")


@pytest.mark.parametrize("text", ["+49 170 1234567", "+4930", "K-1", "1-2", "a=b", "", " =1"])
def test_telephone_numbers_and_plain_texts_are_no_formulas(text):
    assert not crm_profiles.is_formula(text)


def test_control_characters_go_and_accents_are_composed():
    assert crm_profiles.cell("Ka\u0308se\x00\x07", field=TEXT, crm="salesforce") == "Käse"


def test_a_header_of_salesforce_is_an_api_name():
    assert crm_profiles.header(MONEY, crm="salesforce") == "CLV_12m__c"
    assert crm_profiles.header(SHARE, crm="salesforce") == "Kaufwahrsch_365d__c"


def test_every_kind_of_field_has_a_type_in_every_crm():
    for crm in crm_profiles.PROFILES:
        for kind in ("id", "text", "choice", "number", "money", "share", "day"):
            assert crm_profiles.field_type(SEGMENT._replace(kind=kind), crm=crm)


def test_an_unknown_crm_is_refused_with_those_that_there_are():
    with pytest.raises(ParameterError, match="crm='sugar' must be one of salesforce, hubspot"):
        crm_profiles.profile("sugar")
