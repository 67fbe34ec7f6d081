"""Exports of Salesforce, HubSpot and Pipedrive, written here as the three write them, and read."""

import csv
import io
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import (
    cli,
    column_names,
    companions,
    crm_columns,
    crm_fields,
    crm_profiles,
    findings,
    formats,
    identifiers,
    intake,
    sources,
    transactions,
)
from workbench.column_names import LacksColumns
from workbench.schema import TRANSACTIONS, DataError, ParameterError

# A deal: its id, its customer, its day, its amount, whether it is won.
DEALS = [
    ("11", "501", 31, 5, "1000.50", True),
    ("12", "501", 3, 6, "99.90", False),
    ("13", "502", 13, 6, "500.00", True),
    ("14", "502", 14, 6, "", None),
    ("15", "501", 20, 6, "250.25", True),
]
WON_MONEY, READ_MONEY = 1750.75, 1850.65
# What a CRM calls a deal's id, customer, day, amount and status, how it writes the day and the
# number, what it writes for won, lost and open, and how the file is made.
EXPORTS = {
    "salesforce, Data Loader": (
        "salesforce",
        ("Id", "AccountId", "CloseDate", "Amount", "IsWon"),
        ("2024-{m:02}-{d:02}", "."),
        ("true", "false", "false"),
        {"quoted": True},
    ),
    "salesforce, report in Germany": (
        "salesforce",
        ("Opportunity ID", "Account ID", "Close Date", "Amount", "Stage"),
        ("{d:02}.{m:02}.2024", ","),
        ("Closed Won", "Closed Lost", "Prospecting"),
        {"quoted": True},
    ),
    "salesforce, report without ids": (
        "salesforce",
        ("Opportunity ID", "Account Name", "Close Date", "Amount", "Stage"),
        ("{d:02}.{m:02}.2024", "."),
        ("Closed Won", "Closed Lost", "Prospecting"),
        {"quoted": True},
    ),
    "salesforce, report in America": (
        "salesforce",
        ("Opportunity ID", "Account ID", "Close Date", "Amount", "Won"),
        ("{m}/{d}/2024", "."),
        ("1", "0", "0"),
        {"quoted": True, "bom": True},
    ),
    "hubspot": (
        "hubspot",
        ("Record ID", "Associated Company IDs (Primary)", "Close Date", "Amount", "Deal Stage"),
        ("2024-{m:02}-{d:02} 14:22", "."),
        ("Closed Won (Sales Pipeline)", "Closed Lost (Sales Pipeline)", "Contract Sent"),
        {"quoted": True, "bom": True},
    ),
    "hubspot, internal names": (
        "hubspot",
        ("hs_object_id", "Associated Contact IDs", "closedate", "amount", "hs_is_closed_won"),
        ("2024-{m:02}-{d:02}", "."),
        ("true", "false", "false"),
        {},
    ),
    "hubspot, German": (
        "hubspot",
        ("Datensatz-ID", "Associated Company IDs", "Abschlussdatum", "Betrag", "Deal-Phase"),
        ("2024-{m:02}-{d:02} 14:22", "."),
        ("Abgeschlossen und gewonnen", "Abgeschlossen und verloren", "Vertrag gesendet"),
        {"bom": True},
    ),
    "pipedrive": (
        "pipedrive",
        ("Deal - ID", "Deal - Organization", "Deal - Won time", "Deal - Value", "Deal - Status"),
        ("2024-{m:02}-{d:02} 09:01:07", "."),
        ("Won", "Lost", "Open"),
        {"crlf": True},
    ),
    "pipedrive, German": (
        "pipedrive",
        (
            *("Deal - ID", "Deal - Kontaktperson", "Deal - Datum des gewonnenen Deals"),
            *("Deal - Wert", "Deal - Status"),
        ),
        ("2024-{m:02}-{d:02} 09:01:07", "."),
        ("Gewonnen", "Verloren", "Offen"),
        {"crlf": True},
    ),
}


def written(
    path: Path,
    header: tuple[str, ...],
    rows: list[tuple],
    *,
    quoted: bool = False,
    bom: bool = False,
    crlf: bool = False,
) -> Path:
    text = io.StringIO()
    end = "\r\n" if crlf else "\n"
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(text, quoting=quoting, lineterminator=end)
    writer.writerows([header, *rows])
    path.write_bytes(text.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    return path


def deals(folder: Path, export: str, rows=DEALS, **more: str) -> Path:
    """Write deals as one of `EXPORTS`, with further columns that hold the same in each row."""
    _, header, (day, point), status, how = EXPORTS[export]
    told = {True: status[0], False: status[1], None: status[2]}
    lines = [
        (
            deal,
            customer,
            day.format(d=d, m=m),
            amount.replace(".", point),
            told[won],
            *more.values(),
        )
        for deal, customer, d, m, amount, won in rows
    ]
    return written(folder / "deals.csv", (*header, *more), lines, **how)


def read(path: Path, columns, **how) -> intake.Reading:
    tables = {name: str(table) for name, table in how.pop("tables", {}).items()}
    return intake.read(str(path), columns=columns, tables=tables, pseudonymise="off", **how)


def dropped(balance: pd.DataFrame) -> dict[str, int]:
    rows = balance.set_index("reason")["n_rows"].drop(["read", "kept"])
    return rows[rows > 0].to_dict()


# deals


@pytest.mark.parametrize("export", EXPORTS)
def test_the_deals_that_were_won_are_the_purchases_to_the_cent(tmp_path, export):
    reading = read(deals(tmp_path, export), EXPORTS[export][0])
    balance = reading.balance.set_index("reason")
    assert balance.loc["read", ["n_rows", "amount"]].tolist() == [5, READ_MONEY]
    assert balance.loc["kept", ["n_rows", "amount"]].tolist() == [3, WON_MONEY]
    assert dropped(reading.balance) == {"not_won": 2}
    assert balance.loc["not_won", "kind"] == "left_out"
    assert balance.loc["not_won", "amount"] == 99.9
    assert balance.loc["not_won", "first_lines"] == "3, 5"
    lost, still_open = EXPORTS[export][3][1:]
    assert repr(lost) in balance.loc["not_won", "values"]
    assert repr(still_open) in balance.loc["not_won", "values"]
    orders = reading.base.orders
    assert orders["amount"].tolist().count(500.0) == 1
    assert orders["date"].dt.strftime("%m-%d").sort_values().tolist() == ["05-31", "06-13", "06-20"]
    assert orders["customer_id"].nunique() == 2
    assert reading.columns == dict(
        zip(("order_id", "customer_id", "date", "amount", "won"), EXPORTS[export][1], strict=True)
    )
    assert [fact.code for fact in reading.facts[:3]] == ["preset", "customer", "won"]


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Won", "won ", "Lost", "Open", ""]),
            st.integers(0, 10**7),
            st.integers(1, 28),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_what_was_kept_and_what_was_lost_add_up_to_what_was_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("deals")
    header = EXPORTS["pipedrive"][1]
    lines = [
        (i, i % 3, f"2024-05-{day:02}", f"{cents / 100:.2f}", status)
        for i, (status, cents, day) in enumerate(rows)
    ]
    path = written(folder / "deals.csv", header, [*lines, (99, 1, "2024-06-01", "1.00", "Won")])
    source = sources.read(path, columns="pipedrive")
    balance = transactions.clean(source, max_loss=0.0).balance.set_index("reason")
    won = [cents for status, cents, _ in rows if status.strip().lower() == "won"]
    assert balance.loc["kept", "n_rows"] == len(won) + 1
    assert round(balance.loc["kept", "amount"] * 100) == sum(won) + 100
    assert round(balance.loc["read", "amount"] * 100) == sum(cents for _, cents, _ in rows) + 100
    assert balance.loc["not_won", "n_rows"] == len(rows) - len(won)
    parts = balance.drop("read")[["n_rows", "amount"]].sum()
    assert parts["n_rows"] == balance.loc["read", "n_rows"]
    assert round(parts["amount"], 2) == round(balance.loc["read", "amount"], 2)


def test_a_deal_that_closes_after_the_day_asked_for_is_left_out(tmp_path):
    path = deals(tmp_path, "hubspot")
    reading = read(path, "hubspot", as_of=pd.Timestamp("2024-06-15"))
    assert dropped(reading.balance) == {"not_won": 2, "after_as_of": 1}


def test_a_lost_deal_of_who_is_to_be_forgotten_is_not_pointed_at(tmp_path):
    path = deals(tmp_path, "salesforce, Data Loader")
    erasure = written(tmp_path / "erasure.csv", ("customer_id",), [("501",)])
    reading = read(path, "salesforce", tables={"erasure": erasure})
    steps = reading.balance.set_index("reason")
    assert dropped(reading.balance) == {"not_won": 1, "erased": 3}
    assert steps.loc["not_won", "first_lines"] == "5"


def test_a_repeated_header_and_totals_are_not_counted_as_lost_deals(tmp_path):
    path = deals(tmp_path, "pipedrive")
    header = ",".join(EXPORTS["pipedrive"][1])
    path.write_bytes(path.read_bytes() + f"{header}\r\n,Summe,,1850.65,\r\n".encode())
    reading = read(path, "pipedrive", max_loss=0.6)
    assert dropped(reading.balance) == {"not_won": 2, "repeated_header": 1, "total_row": 1}


def test_the_currency_of_the_deals_is_that_of_the_report(tmp_path):
    path = deals(tmp_path, "pipedrive", **{"Deal - Currency of Value": "CHF"})
    assert read(path, "pipedrive").base.currency == "CHF"
    text = path.read_text().replace("CHF", "EUR", 1)
    path.write_text(text)
    with pytest.raises(DataError, match="holds 2 currencies: CHF in 2 lines, EUR in 1 lines"):
        read(path, "pipedrive")


def test_an_amount_in_the_firms_own_currency_has_not_that_of_the_deal(tmp_path):
    header = EXPORTS["hubspot"][1]
    path = deals(tmp_path, "hubspot", Currency="USD")
    assert read(path, "hubspot").base.currency == "USD"
    text = path.read_text(encoding="utf-8-sig").replace(header[3], "Betrag in Firmenwährung", 1)
    path.write_text(text)
    assert read(path, "hubspot").base.currency == "EUR"


def test_an_amount_that_the_user_names_has_no_currency_of_the_preset(tmp_path):
    more = {"Currency": "USD", "Amount in company currency": "10"}
    path = deals(tmp_path, "hubspot", **more)
    mapping = {"preset": "hubspot", "amount": "Amount in company currency"}
    reading = read(path, mapping)
    assert reading.base.currency == "EUR"
    assert reading.balance.set_index("reason").loc["kept", "amount"] == 30.0


def test_days_that_can_be_read_in_two_ways_are_refused_as_ever(tmp_path):
    rows = [(deal, who, 5, 6, amount, won) for deal, who, _, _, amount, won in DEALS]
    with pytest.raises(DataError, match=r"date_format"):
        read(deals(tmp_path, "salesforce, report in America", rows), "salesforce")


@pytest.mark.parametrize(
    "export", ["salesforce, Data Loader", "hubspot, German", "pipedrive, German"]
)
def test_without_the_status_deals_are_refused(tmp_path, export):
    path = deals(tmp_path, export)
    path.write_bytes(path.read_bytes().replace(EXPORTS[export][1][4].encode(), b"Whatever", 1))
    with pytest.raises(DataError, match="lost deals would count as revenue") as refused:
        read(path, EXPORTS[export][0])
    assert "'Whatever'" in str(refused.value)
    assert f'columns={{"preset": "{EXPORTS[export][0]}", "won": "?"}}' in str(refused.value)
    mapping = {"preset": EXPORTS[export][0], "won": "Whatever"}
    assert dropped(read(path, mapping).balance) == {"not_won": 2}


def test_the_preset_of_another_crm_is_refused_and_the_right_one_named(tmp_path):
    with pytest.raises(DataError) as refused:
        read(deals(tmp_path, "salesforce, Data Loader"), "pipedrive")
    message = str(refused.value)
    assert message.startswith("deals.csv lacks, of deals from Pipedrive, customer_id (")
    assert "it has ['Id', 'AccountId', 'CloseDate', 'Amount', 'IsWon']" in message
    assert message.endswith("Its columns are those of salesforce: say columns='salesforce'.")
    assert "\n" not in message


def test_two_variants_of_one_column_are_refused(tmp_path):
    path = deals(tmp_path, "salesforce, Data Loader", **{"Account ID": "7"})
    with pytest.raises(DataError, match="has both 'AccountId' and 'Account ID', and either may"):
        read(path, "salesforce")


def test_the_id_comes_before_the_name_and_the_firm_before_the_person(tmp_path):
    more = {"Associated Company (Primary)": "Muster GmbH", "Associated Contact IDs": "9"}
    path = deals(tmp_path, "hubspot", **more)
    reading = read(path, "hubspot")
    assert reading.columns["customer_id"] == "Associated Company IDs (Primary)"
    fact = {fact.code: fact for fact in reading.facts}["customer"]
    assert "not 'Associated Company (Primary)', 'Associated Contact IDs'" in fact.text
    assert fact.value.startswith("Firma, nach ihrer Nummer im CRM: „Associated Company IDs")
    mapping = {"preset": "hubspot", "customer_id": "Associated Contact IDs"}
    assert read(path, mapping).base.orders["customer_id"].unique().tolist() == ["9"]


def test_a_deal_of_several_customers_is_nobodys_and_counted(tmp_path):
    rows = [*DEALS, ("16", "501;502", 21, 6, "40.00", True), ("17", "501; 503", 22, 6, "2", False)]
    reading = read(deals(tmp_path, "hubspot", rows), "hubspot")
    balance = reading.balance.set_index("reason")
    assert dropped(reading.balance) == {"not_won": 3, "several_customers": 1}
    assert balance.loc["several_customers", ["amount", "kind"]].tolist() == [40.0, "lost"]
    with pytest.raises(transactions.TooMuchLost, match="name several customers at once"):
        read(deals(tmp_path, "hubspot", rows[-2:] + rows[:1]), "hubspot", max_loss=0.01)


def test_deals_of_which_none_is_won_are_refused_with_what_stands_there(tmp_path):
    rows = [(*row[:5], False if row[5] else None) for row in DEALS]
    with pytest.raises(DataError) as refused:
        read(deals(tmp_path, "pipedrive", rows), "pipedrive")
    assert "none of 5 deals in deals.csv is won: 'Deal - Status' holds 'Lost', 'Open'" in str(
        refused.value
    )


@pytest.mark.parametrize("status", ["Closed Won & Paid", "Gewonnen - Bestandskunde"])
def test_a_stage_of_the_firms_own_that_may_mean_won_is_refused(tmp_path, status):
    path = deals(tmp_path, "salesforce, report in Germany")
    path.write_text(path.read_text().replace("Closed Lost", status))
    with pytest.raises(DataError, match=f"1 of 5 deals in deals.csv have '{status}' in 'Stage'"):
        read(path, "salesforce")
    path.write_text(path.read_text().replace(status, "nicht gewonnen"))
    assert dropped(read(path, "salesforce").balance) == {"not_won": 2}


def test_the_products_of_a_deal_do_not_count_its_amount_twice(tmp_path):
    path = deals(tmp_path, "salesforce, Data Loader", Product="A")
    line = path.read_text().splitlines()[1].replace('"A"', '"B"')
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=r"1 deals in deals\.csv stand in several lines"):
        read(path, "salesforce")


def test_a_column_under_our_own_name_is_read_beside_the_crms(tmp_path):
    path = deals(tmp_path, "hubspot", category="Wartung")
    assert read(path, "hubspot").columns["category"] == "category"


def test_presets_that_do_not_fit_are_refused():
    erasure = companions.FORMS["erasure"]
    for columns, form, message in (
        ("sap", TRANSACTIONS, "there are: deutsch, salesforce, hubspot, pipedrive"),
        ({"preset": "sap"}, TRANSACTIONS, "columns='sap' names no preset"),
        ({"preset": "hubspot", "wonn": "x"}, TRANSACTIONS, r"keys \['wonn'\]"),
        ({"won": "x"}, TRANSACTIONS, r"keys \['won'\]"),
        ("hubspot", erasure, "the preset 'hubspot' has no columns of erasure"),
    ):
        with pytest.raises(ParameterError, match=message):
            column_names.names(columns, form)
    mixed = column_names.names({"preset": "deutsch", "amount": "Umsatz"}, TRANSACTIONS)
    assert (mixed.theirs["date"], mixed.theirs["amount"]) == ("datum", "Umsatz")
    with pytest.raises(ParameterError, match="columns='hubspot' does not apply to dataset:cdnow"):
        sources.read("dataset:cdnow", columns="hubspot")


@pytest.mark.parametrize("crm", crm_columns.LABELS)
@pytest.mark.parametrize("columns", [{}, "its own"])
def test_what_we_export_is_never_taken_for_purchases(tmp_path, crm, columns):
    fields = [crm_fields.Field("segment", "Segment", "choice", 0, "", "")]
    fields.append(crm_fields.Field(crm_fields.EXTERNAL_ID, "Kundennummer", "id", 0, "", ""))
    header = tuple(crm_profiles.header(field, crm=crm) for field in fields)
    path = written(tmp_path / "kunden.csv", header, [("Ruhende", "501")], quoted=True)
    with pytest.raises(LacksColumns, match="is one that `workbench export` writes") as refused:
        read(path, crm if columns else {})
    assert refused.value.found == header


# customers


def accounts(folder: Path, header: tuple[str, ...], *rows: tuple) -> Path:
    return written(folder / "accounts.csv", header, list(rows), quoted=True, bom=True)


PEOPLE = ("anna@example.org", "Anna Muster", "+49 171 1234567", "Hauptstr. 1")
ACCOUNTS = {
    "salesforce, Data Loader": (
        *("Id", "Name", "Phone", "BillingStreet", "BillingPostalCode", "BillingCountry"),
        *("Type", "AccountSource"),
    ),
    "salesforce, report in Germany": (
        *("Account ID", "Account Name", "Phone", "Billing Street", "Billing Zip/Postal Code"),
        *("Billing Country", "Type", "Account Source"),
    ),
    "hubspot": (
        *("Record ID", "Company name", "Phone Number", "Street Address", "Postal Code"),
        *("Country/Region", "Type", "Original Traffic Source"),
    ),
}


@pytest.mark.parametrize("export", ACCOUNTS)
def test_customers_are_what_the_crm_holds_of_those_who_bought(tmp_path, export):
    row = ("Anna Muster", "+49 171 1234567", "Hauptstr. 1", "01067", "DE", "Customer", "Web")
    table = accounts(tmp_path, ACCOUNTS[export], ("501", *row), ("777", *row))
    crm = EXPORTS[export][0]
    reading = read(deals(tmp_path, export), crm, tables={"customers": table})
    found = reading.companions["customers"]
    assert found.table.index.tolist() == ["501", "777"]
    known = found.table.loc["501", ["postcode", "country", "customer_type", "first_channel"]]
    assert known.tolist() == ["01", "DE", "Customer", "web"]
    assert found.checks.set_index("code").loc["customers_known", "n"] == 1
    assert not found.table.astype(str).isin(PEOPLE).any(axis=None)
    decided = found.identified.set_index("column")["decision"]
    assert (decided.iloc[1:4] == "dropped").all()
    assert found.facts[0].text.startswith(f"columns of {crm_columns.LABELS[crm]}: customer_id is")


@pytest.mark.parametrize(("in_deals", "in_accounts"), [(15, 18), (18, 15), (18, 18)])
def test_the_two_forms_of_a_salesforce_id_are_one_customer(tmp_path, in_deals, in_accounts):
    long = {"501": "001D000000IqhSLIAZ", "502": "001D000000IqhSlIAZ"}
    rows = [(deal, long[who][:in_deals], *rest) for deal, who, *rest in DEALS]
    table = accounts(tmp_path, ("Id", "BillingCountry"), (long["501"][:in_accounts], "DE"))
    path = deals(tmp_path, "salesforce, Data Loader", rows)
    found = read(path, "salesforce", tables={"customers": table}).companions["customers"]
    assert found.table.index.tolist() == [long["501"][:in_deals]]
    assert found.checks.set_index("code").loc["customers_known", "n"] == 1


def test_organisations_are_found_by_the_name_that_the_deals_have(tmp_path):
    rows = [(deal, f"Firma {who}", *rest) for deal, who, *rest in DEALS]
    header = ("Organization - ID", "Organization - Name", "Organization - Country of Address")
    table = accounts(tmp_path, header, ("1", "Firma 501", "Austria"), ("2", "Firma 502", "Italy"))
    reading = read(deals(tmp_path, "pipedrive", rows), "pipedrive", tables={"customers": table})
    found = reading.companions["customers"]
    assert found.checks.set_index("code").loc["customers_known", "n"] == 2
    assert sorted(found.table["country"]) == ["Austria", "Italy"]
    # A name is no number: it never stays, whatever is asked for.
    assert reading.pseudonymised
    assert not found.table.index.str.contains("Firma").any()


def test_a_number_of_the_firms_own_joins_the_tables(tmp_path):
    path = deals(tmp_path, "pipedrive", **{"Kundennummer": "KD-1"})
    table = accounts(tmp_path, ("Kundennummer", "Organization - ID"), ("KD-1", "5"), ("KD-2", "6"))
    mapping = {"preset": "pipedrive", "customer_id": "Kundennummer"}
    found = read(path, mapping, tables={"customers": table}).companions["customers"]
    assert found.checks.set_index("code").loc["customers_known", "n"] == 1


@pytest.mark.parametrize(
    "header", [("customer_id", "country"), ("kunde_id", "land")], ids=["ours", "German"]
)
def test_a_table_under_our_names_stands_beside_the_deals_of_a_crm(tmp_path, header):
    table = accounts(tmp_path, header, ("501", "DE"))
    reading = read(deals(tmp_path, "hubspot"), "hubspot", tables={"customers": table})
    found = reading.companions["customers"]
    assert found.table["country"].tolist() == ["DE"]
    assert "preset" not in [fact.code for fact in found.facts]


def test_records_of_other_people_than_the_deals_name_are_refused(tmp_path):
    table = accounts(tmp_path, ("Record ID", "Email"), ("9001", PEOPLE[0]), ("9002", PEOPLE[0]))
    with pytest.raises(DataError, match=r"none of the 2 customers in accounts\.csv, by 'Record"):
        read(deals(tmp_path, "hubspot"), "hubspot", tables={"customers": table})
    contacts = accounts(tmp_path, ("Id", "AccountId", "Email"), ("3", "501", PEOPLE[0]))
    path = deals(tmp_path, "salesforce, Data Loader")
    with pytest.raises(DataError, match="has both 'Id' and 'AccountId'"):
        read(path, "salesforce", tables={"customers": contacts})


def test_a_table_of_nobody_knows_says_what_would_do(tmp_path):
    table = accounts(tmp_path, ("Firma", "Ort"), ("Muster", "Wien"))
    with pytest.raises(DataError) as refused:
        read(deals(tmp_path, "hubspot"), "hubspot", tables={"customers": table})
    message = str(refused.value)
    assert "neither the columns ['customer_id'] nor, in German, ['kunde_id'] nor, of HubSpot, " in (
        message
    )
    assert "it has ['Firma', 'Ort']" in message


# contacts


def test_the_members_of_a_campaign_are_contacts_with_a_response(tmp_path):
    header = (
        *("Campaign Name", "Campaign Type", "Member Status", "Responded", "Account ID"),
        *("First Name", "Email", "Member First Associated Date", "First Responded Date"),
    )
    person = ("Anna", PEOPLE[0])
    table = written(
        tmp_path / "campaign_members.csv",
        header,
        [
            ("Herbst", "Email", "Responded", "1", "501", *person, "03.06.2024", "05.06.2024"),
            ("Herbst", "Email", "Sent", "0", "502", *person, "13.06.2024", ""),
            ("Herbst", "Email", "Sent", "0", "", *person, "13.06.2024", ""),
        ],
        quoted=True,
    )
    path = deals(tmp_path, "salesforce, report in Germany")
    found = read(path, "salesforce", tables={"contacts": table}).companions["contacts"]
    assert dropped(found.balance) == {"missing_customer": 1}
    assert found.table["response"].tolist() == [True, False]
    # The day on which the mail went out, also for those who never answered.
    assert found.table["date"].dt.day.tolist() == [3, 13]
    assert found.table["campaign"].unique().tolist() == ["Herbst"]
    assert found.table["channel"].unique().tolist() == ["email"]
    # A CRM knows no control group of its own; the page then says what is missing.
    assert found.table["group"].isna().all()
    assert not found.table.astype(str).isin(PEOPLE).any(axis=None)
    plain = table.read_text().replace('"Responded","Account', '"x","Account')
    table.write_text(plain)
    again = read(path, "salesforce", tables={"contacts": table}).companions["contacts"]
    assert again.table["response"].tolist() == [True, False]


def test_only_what_was_done_is_a_contact(tmp_path):
    header = (
        *("Activity - Type", "Activity - Subject", "Activity - Due date", "Activity - Done"),
        "Activity - Organization",
    )
    table = written(
        tmp_path / "activities.csv",
        header,
        [
            ("Call", "Anna Muster", "2024-06-03", "Done", "501"),
            ("Email", "Anna Muster", "2024-06-04", "Undone", "501"),
        ],
        crlf=True,
    )
    path = deals(tmp_path, "pipedrive")
    found = read(path, "pipedrive", tables={"contacts": table}).companions["contacts"]
    assert dropped(found.balance) == {"not_done": 1}
    assert found.table["channel"].tolist() == ["call"]
    table.write_text(table.read_text().replace("Activity - Done", "x"))
    with pytest.raises(DataError, match=r"of Pipedrive, done \('Activity - Done'\)"):
        read(path, "pipedrive", tables={"contacts": table})


def test_a_mail_from_the_customer_is_no_contact_and_several_are_nobodys(tmp_path):
    header = ("Record ID", "Activity date", "Email direction", "Associated Company IDs")
    table = written(
        tmp_path / "emails.csv",
        header,
        [
            ("1", "2024-06-03 10:00", "EMAIL", "501"),
            ("2", "2024-06-04 10:00", "INCOMING_EMAIL", "501"),
            ("3", "2024-06-05 10:00", "EMAIL", "501;502"),
        ],
        bom=True,
    )
    path = deals(tmp_path, "hubspot")
    found = read(path, "hubspot", tables={"contacts": table}).companions["contacts"]
    assert dropped(found.balance) == {"several_customers": 1, "incoming": 1}
    assert len(found.table) == 1


# the rest


def test_check_says_what_was_recognised(tmp_path):
    table = accounts(tmp_path, ACCOUNTS["hubspot"], ("501", "", "", "", "01067", "DE", "A", "Web"))
    path = deals(tmp_path, "hubspot")
    arguments = ["check", str(path), "-p", "columns", "hubspot", "-p", "customers", str(table)]
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0
    for line in (
        "columns of HubSpot: customer_id is 'Associated Company IDs (Primary)', date is",
        "only won deals are purchases: 'Deal Stage' is one of 'true', '1'",
        "columns of HubSpot: customer_id is 'Record ID', postcode is 'Postal Code'",
        "not_won",
        "revenue    1750.75 EUR",
    ):
        assert line in done.output


def test_the_page_says_how_many_deals_were_not_won(tmp_path):
    balance = read(deals(tmp_path, "pipedrive"), "pipedrive").balance
    style = formats.Style("de_DE", "EUR")
    assert str(findings.cleaning(balance, style=style)) == (
        "Von 5 Zeilen bleiben 3. 2 sind Geschäfte, die nicht gewonnen wurden, und keine Käufe."
    )


HEADERS_OF_PEOPLE = """
Name; First Name; LastName; Email; Phone; MobilePhone; Other Phone; Asst. Phone; Account Name
Contact Name; Primary Contact; Mailing Street; MailingCity; Billing Street; Account Owner
Opportunity Owner; Company (Account); Phone Number; Mobile Phone Number; Street Address
Work email; Associated Contact; Associated Company (Primary); Contact owner; Deal owner
Company name; Vorname; Nachname; E-Mail-Adresse; Telefonnummer; Mobiltelefonnummer
Straße und Hausnummer; Name des Unternehmens; Zuständiger Mitarbeiter für Kontakt
Person - Name; Person - First name; Person - Email - Work; Person - Phone - Mobile
Person - E-Mail - Arbeit; Person - Telefon - Arbeit; Person - Nachname; Organization - Name
Organization - Address; Organization - Street/road name of Address; Organisation - Name
Deal - Contact person; Deal - Kontaktperson; Deal - Organization; Deal - Owner; Deal - Besitzer
"""
HEADERS_OF_NOBODY = """
Account ID; AccountId; Amount; CloseDate; Stage; Campaign Name; Lead Source; Opportunity ID
Billing Zip/Postal Code; Billing Country; Record ID; Associated Company IDs (Primary)
Associated Contact IDs; Deal Stage; Close Date; Country/Region; Original Traffic Source
Deal - ID; Deal - Value; Deal - Status; Deal - Won time; Organization - ID; Person - ID
Organization - ZIP/Postal code of Address; Activity - Type; owner; home_owner; Organisation
"""


def test_the_columns_of_a_crm_that_name_people_are_known():
    def kinds(text: str) -> pd.Series:
        names = [name.strip() for line in text.splitlines() for name in line.split(";") if name]
        judged = identifiers.judge([name for name in names if name], used={}, samples={})
        return judged.set_index("column")["kind"]

    named, not_named = kinds(HEADERS_OF_PEOPLE), kinds(HEADERS_OF_NOBODY)
    assert named.index[named == ""].tolist() == []
    assert not_named.index[not_named != ""].tolist() == []


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_neither_the_order_of_the_headers_nor_capitals_and_blanks_matter(data):
    export = data.draw(st.sampled_from(sorted(EXPORTS)))
    crm, header, *_ = EXPORTS[export]
    asked = column_names.names(crm, TRANSACTIONS)
    plain = column_names.choose(header, asked, label="x")
    mixed = data.draw(st.permutations([*header, "Notes"]))
    change = st.sampled_from([str, str.lower, str.upper, "  {} ".format])
    written = [data.draw(change)(name) for name in mixed]
    found = column_names.choose(tuple(written), asked, label="x")
    assert {ours: mixed[written.index(name)] for ours, name in found.columns.items()} == (
        plain.columns
    )
    assert found.crm == plain.crm


def test_a_book_of_excel_is_read_like_a_text_file(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Id", "AccountId", "CloseDate", "Amount", "IsWon"])
    for deal, who, d, m, amount, won in DEALS:
        money = float(amount) if amount else None
        book.active.append([deal, who, datetime(2024, m, d), money, bool(won)])
    book.save(tmp_path / "deals.xlsx")
    balance = read(tmp_path / "deals.xlsx", "salesforce").balance.set_index("reason")
    assert balance.loc["kept", ["n_rows", "amount"]].tolist() == [3, WON_MONEY]
    assert balance.loc["not_won", "n_rows"] == 2


def test_every_header_that_is_taken_is_documented():
    text = (Path(__file__).parents[1] / "docs" / "crm.md").read_text(encoding="utf-8")
    for crm, label in crm_columns.LABELS.items():
        told = text.partition(f"#### {label}\n")[2].partition("\n#")[0]
        for table in crm_columns.RECORDS:
            headers = crm_columns.headers(crm, table)
            assert [header for header in headers if f"`{header}`" not in told] == []
