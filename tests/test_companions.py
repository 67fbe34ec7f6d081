import pandas as pd
import pytest

from workbench import companions, consents
from workbench.companion_cells import id_keys
from workbench.schema import DataError, ParameterError

AS_OF = pd.Timestamp("2025-06-30")


@pytest.fixture
def read(tmp_path):
    """Write lines as a CSV file and read them as one of the tables."""

    def write_and_read(name, *lines, known=("1", "2", "3"), **settings):
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return companions.read(
            name, path, known_customers=known, **{"as_of": AS_OF, "columns": None} | settings
        )

    return write_and_read


def n_rows(companion):
    return companion.balance.set_index("reason")["n_rows"]


def count(companion):
    return companion.checks.set_index("code")["n"]


def dropped(companion):
    """The reasons that dropped a row, and how many."""
    rows = n_rows(companion).drop(["read", "kept"])
    return rows[rows > 0].to_dict()


# By hand


def test_master_data_are_cut_to_what_a_group_needs(read):
    found = read(
        "customers",
        "customer_id,postcode,country,birth_year_group,first_channel,referred_by,programme_since",
        "2,01067,DE,1970-1979,E-Mail,1,2024-01-02",
        "1,8001,CH,1985,laden,,2025-07-01",
        "9,1067,DE,1893,web,,irgendwann",
        "8,80,DE,2030,web,,",
    )
    assert found.table.index.tolist() == ["1", "2", "8", "9"]
    assert found.table["postcode"].tolist() == ["80", "01", "80", "01"]
    assert found.table["first_channel"].tolist() == ["laden", "email", "web", "web"]
    assert found.table.loc["2", "referred_by"] == "1"
    assert found.table["birth_year_group"].isna().tolist() == [False, False, True, True]
    assert found.table["programme_since"].isna().tolist() == [True, False, True, True]
    expected = {
        "customers": 4,
        "customers_known": 2,
        "customers_unknown": 2,
        "customers_unknown_alike": 0,
        "customers_without_row": 1,
        "postcodes_cut": 3,
        "postcodes_zero_lost": 1,
        "birth_years_exact": 3,
        "birth_years_implausible": 2,
        "programme_unreadable": 1,
        "programme_after_as_of": 1,
        "points_unusable": 0,
        "referred": 1,
        "referrers_removed": 0,
    }
    assert count(found).to_dict() == expected


def test_a_country_stays_as_it_stands_even_namibia(read):
    found = read("customers", "customer_id,country", "1,NA", "2,Österreich")
    assert found.table["country"].tolist() == ["NA", "Österreich"]


def test_each_dropped_row_has_the_first_reason_that_fits(read):
    found = read(
        "contacts",
        "customer_id,date,note",
        "1,2025-01-01,a",
        ",2025-01-01,b",
        "customer_id,date,note",
        "Barverkauf 2,2025-01-01,c",
        "2,,d",
        "2,gestern,e",
        "2,1970-01-01,f",
        "2,2025-07-01,g",
        "1,2025-01-01,a",
        "3,2025-01-01,h",
        "7,2025-01-01,i",
        "1,2025-01-01,other",
        "1,2025-06-30 23:59,late",
        "5,2025-01-01,j",
        "2,2025-01-01,k",
        erased=["3.0"],
        objected=["7 "],
    )
    rows = n_rows(found)
    assert rows["read"] == found.n_rows == 15
    assert rows["kept"] == 5
    assert rows.drop(["read", "kept"]).to_dict() == dict.fromkeys(rows.index[1:-1], 1)
    balance = found.balance.set_index("reason")
    assert balance.loc["not_a_day", "values"] == "line 7: 'gestern'"
    assert balance.loc["not_a_day", "first_lines"] == "7"
    assert balance.loc["duplicate", "first_lines"] == "10"
    assert balance.loc["repeated_header", "label"] == "wiederholte Kopfzeile"
    assert found.table["customer_id"].tolist() == ["1", "1", "1", "2", "5"]
    assert found.table["date"].dt.normalize().equals(found.table["date"])


def test_the_latest_consent_holds_and_on_one_day_the_strictest(read):
    found = read(
        "consent",
        "customer_id,channel,status,date,source",
        "1,E-Mail,Opt-In,2024-01-01,Laden",
        "1,email,WIDERSPRUCH,2024-03-01,Brief",
        "1,email,opt_in,2024-02-01,Konto",
        "2,email,opt_in,2024-05-05,b",
        "2,e-mail,keine,2024-05-05,a",
        "3,telefon,opt_in,2025-07-01,später",
        "3,telefon,Bestandskunde 7 3,2024-01-01,",
        "3,email,widerspruch,2025-07-02,später",
    )
    holds = found.table[["customer_id", "channel", "status"]].to_numpy().tolist()
    assert holds == [
        ["1", "email", "widerspruch"],
        ["2", "email", "keine"],
        ["3", "email", "widerspruch"],
        ["3", "telefon", "bestandskunde_7_3"],
    ]
    assert dropped(found) == {"after_as_of": 1, "superseded": 3}
    assert count(found)["refusals_after_as_of"] == 1


def test_a_refusal_after_the_day_holds_for_whoever_is_contacted_today(read):
    header = "customer_id,channel,status,date"
    granted = ("1,email,opt_in,2024-01-01", "2,email,bestandskunde_7_3,2024-01-01")
    later = ("1,email,keine,2025-07-01", "2,email,widerspruch,2025-07-01")
    found = read("consent", header, *granted, *later, "2,email,opt_in,2025-07-09")
    assert consents.standing(found.table, customers=["1", "2"], channel="email").tolist() == [
        "keine", "widerspruch",
    ]  # fmt: skip
    assert dropped(found) == {"after_as_of": 1, "superseded": 2}


def test_who_unsubscribed_in_the_log_is_named_whatever_the_day(read):
    found = read(
        "contacts",
        "customer_id,date,channel,group,response",
        "1,2025-01-01,E-Mail,kampagne,Abgemeldet",
        "1,2025-02-01,E-Mail,kampagne,geklickt",
        "2,2025-07-01,,kampagne,unsubscribed",
        "2,2025-01-05,email,kampagne,opt-out",
        "3,2025-01-01,post,kampagne,keine",
        erased=["3"],
    )
    assert count(found)["response_unreadable"] == 0
    told = found.opt_outs.astype("str").fillna("").to_numpy().tolist()
    assert told[0] == ["1", "email", "2025-01-01"]
    assert sorted(told[1:]) == [["2", "", "2025-07-01"], ["2", "email", "2025-01-05"]]


def test_what_may_be_an_objection_is_kept_and_a_consent_without_a_day_is_not(read):
    found = read(
        "consent",
        "customer_id,channel,status,date",
        "1,email,widerspruch,irgendwann",
        "1,email,opt_in,2025-01-01",
        "2,email,opt_in,",
        "2,post,keine,",
        "3,,widerspruch,2020-01-01",
        "3,,opt_in,2025-01-01",
        "3,telefon,,2025-01-01",
        "3,email,opt_in,2025-01-01",
        "4,email,opt_in,2025-01-01",
    )
    holds = found.table[["customer_id", "channel", "status"]].to_numpy().tolist()
    assert holds == [
        ["1", "email", "widerspruch"],
        ["2", "post", "keine"],
        ["3", "alle", "widerspruch"],
        ["3", "email", "opt_in"],
        ["4", "email", "opt_in"],
    ]
    assert dropped(found) == {"no_status": 1, "no_channel": 1, "no_day": 1, "superseded": 1}
    assert count(found)["objections_without_channel"] == 1
    assert consents.objected(found.table).tolist() == ["3"]


def test_without_any_day_the_strictest_consent_holds(read):
    found = read("consent", "customer_id,channel,status", "1,email,opt_in", "1,email,keine")
    assert found.table["status"].tolist() == ["keine"]


def test_an_erasure_finds_its_customer_despite_blanks_and_the_point_of_a_float(read):
    found = read(
        "erasure",
        "customer_id,grund",
        " 17850 ,a",
        "12345.0,b",
        "00123\u00a0,c",
        "Barverkauf,d",
        ",e",
        "17850,f",
        "999,g",
        "4711x,h",
        known=["17850", "12345 ", "00123", "123", "4711X"],
    )
    listed = found.table["customer_id"]
    assert listed.tolist() == ["00123", "12345 ", "17850", "4711x", "999", "Barverkauf"]
    assert dropped(found) == {"missing_customer": 1, "duplicate": 1}
    assert count(found).to_dict() == {
        "customers": 6,
        "customers_known": 3,
        "customers_unknown": 3,
        "customers_unknown_alike": 1,
        "customers_to_remove": 3,
    }


def test_contacts_know_the_groups_of_an_export(read):
    rows = [f"{i};01.06.2025;{group}" for i, group in enumerate(("Ziel", "Kontrolle"), start=1)]
    found = read("contacts", "kunde_id;datum;gruppe", *rows)
    assert found.table["group"].tolist() == ["treatment", "control"]


def test_contacts_read_groups_and_responses_in_german(read):
    found = read(
        "contacts",
        "kunde_id;datum;kanal;kampagne;gruppe;kosten;reaktion",
        "1;01.06.2025;E-Mail;Sommer;Kampagne;0,12;ja",
        "2;01.06.2025;E-Mail;Sommer;KONTROLLE;0,00;",
        "3;01.06.2025;Brief;Sommer;treatment;-1,50;geöffnet",
        "3;02.06.2025;Brief;Sommer;control;1,50;geklickt",
        "3;03.06.2025;Brief;Sommer;B;1,50;vielleicht",
        "3;14.06.2025;;;;;0",
    )
    table = found.table
    assert table["channel"].tolist()[:5] == ["email", "email", "post", "post", "post"]
    assert table["group"].tolist()[:4] == ["treatment", "control", "treatment", "control"]
    assert table["group"].isna().tolist() == [False] * 4 + [True] * 2
    answers = [True, None, False, True, None, False]
    assert table["response"].astype(object).where(table["response"].notna(), None).tolist() == (
        answers
    )
    assert table["cost"].isna().tolist() == [False, False, True, False, False, True]
    expected = {
        "treatment": 2,
        "control": 2,
        "group_unreadable": 1,
        "responses": 2,
        "response_unreadable": 1,
        "cost_unusable": 1,
        "customers_in_both_groups": 1,
    }
    assert count(found)[list(expected)].to_dict() == expected


def test_no_code_for_no_answer_is_a_promoter(read):
    found = read(
        "survey",
        "customer_id,date,nps,satisfaction,comment",
        *(f"1,2025-01-{1 + n:02d},{n},{1 + n % 5},-" for n in range(11)),
        "2,2025-01-01,11,9,gut",
        "2,2025-01-02,-1,0,",
        "2,2025-01-03,99,,",
        "2,2025-01-04,9.5,,",
        "2,2025-01-05,k. A.,,",
        "2,2025-01-06,9.0,,",
        "2,2025-01-07,,,",
        *(f"3,2025-02-{day:02d},,4," for day in range(1, 21)),
    )
    assert sorted(found.table["nps"].dropna()) == sorted([*range(11), 9])
    assert found.table["nps"].dtype == "Int64"
    assert found.table["satisfaction"].max() == 5
    assert found.table["comment"].dropna().tolist() == ["gut"]
    expected = {
        "nps_answers": 12,
        "nps_other_codes": 5,
        "satisfaction_answers": 31,
        "satisfaction_unusable": 2,
        "comments": 1,
        "satisfaction_scale": 5,
    }
    assert count(found)[list(expected)].to_dict() == expected


def test_satisfaction_up_to_ten_is_declared(read):
    marks = [f"{n % 3},2025-01-{1 + n:02d},{1 + n}" for n in range(10)]
    found = read("survey", "customer_id,date,satisfaction", *marks)
    assert found.table["satisfaction"].max() == 10
    assert count(found)["satisfaction_scale"] == 10


def test_a_complaint_that_was_solved_later_is_open_on_the_day(read):
    found = read(
        "complaints",
        "customer_id,received,first_response,resolved,category,followed_up",
        "1,2025-06-01 09:30,2025-06-01,2025-06-03,Lieferung,ja",
        "1,2025-06-20,2025-06-25,2025-07-02,Lieferung,ja",
        "2,2025-06-29,2025-07-01,,Qualität,nein",
        "2,2025-05-05,2025-05-04,2025-05-10,-,n",
        "3,2025-05-05,,2025-05-01,,?",
        "3,2025-05-06,,erledigt,,1",
    )
    table = found.table
    assert table["received"].iloc[0] == pd.Timestamp("2025-06-01 09:30")
    assert table["received"].dt.day.tolist() == [1, 20, 5, 29, 5, 6]
    assert table["is_open"].tolist() == [False, True, False, True, False, False]
    assert table["in_order"].tolist() == [True, True, False, True, False, True]
    assert table["resolved"].isna().tolist() == [False, True, False, True, False, True]
    assert table["followed_up"].isna().tolist() == [False, True, False, False, True, False]
    expected = {
        "open": 2,
        "resolved_after_as_of": 1,
        "first_response_after_as_of": 1,
        "steps_unreadable": 1,
        "out_of_order": 2,
        "followed_up": 2,
        "followed_up_unreadable": 1,
    }
    assert count(found)[list(expected)].to_dict() == expected


def test_a_contract_runs_until_the_day_that_is_known(read):
    found = read(
        "contracts",
        "Kunde;kunde_id;beginn;ende;tarif;kuendigungsgrund",
        "a;1;01.03.2023;28.02.2025;Basis;Umzug",
        "b;1;01.03.2025;;Plus;",
        "c;2;01.01.2024;31.12.2025;Basis;Preis",
        "d;2;01.02.2024;31.12.9999;Basis;",
        "e;3;01.01.2024;unbefristet;;",
        "f;3;01.01.2024;gekündigt;;",
        "g;3;01.06.2024;01.05.2024;;",
        "h;3;01.07.2025;;;",
        "e;3;01.01.2024;unbefristet;;",
        "i;;01.01.2024;;;",
        "j;3;05.05.2025;05.05.2025;;",
    )
    table = found.table
    assert list(table) == ["customer_id", "start", "end", "tariff", "end_reason"]
    assert table["customer_id"].tolist() == ["1", "1", "2", "2", "3", "3"]
    ended = table.dropna(subset=["end"])
    assert ended["end"].tolist() == [pd.Timestamp("2025-02-28"), pd.Timestamp("2025-05-05")]
    assert ended["end_reason"].fillna("").tolist() == ["Umzug", ""]
    assert table["end_reason"].notna().sum() == 1
    assert dropped(found) == {
        "missing_customer": 1,
        "after_as_of": 1,
        "end_not_a_day": 1,
        "ended_before_start": 1,
        "duplicate": 1,
    }
    expected = {"running": 4, "ended_after_as_of": 1, "ended": 2, "customers_with_several": 3}
    assert count(found)[list(expected)].to_dict() == expected


def test_ends_that_are_no_days_are_refused_where_they_are_most(read):
    lines = [f"1,2025-01-0{n},vielleicht" for n in range(1, 4)]
    message = r"3 of 3 values of 'end' .* are not days, or empty while the contract runs"
    with pytest.raises(DataError, match=message):
        read("contracts", "customer_id,start,end", *lines)


def test_budget_periods_have_a_first_and_a_last_day(read):
    found = read(
        "budget",
        "zeitraum;kanal;akquise_budget;bestand_budget",
        "2024;Web;1.200,50;0",
        "Q4/2023;Web;10;20,5",
        "2024-02;Post;1;",
        "2025-q2;Post;1;2",
        "2025;Web;5;5",
        "2025-Q3;Post;9;9",
        "2024-02;Post;1;",
    )
    spans = found.table.set_index("period")[["first_day", "last_day"]].map(lambda day: f"{day:%F}")
    assert spans.loc["2024"].tolist() == ["2024-01-01", "2024-12-31"]
    assert spans.loc["2023-Q4"].tolist() == ["2023-10-01", "2023-12-31"]
    assert spans.loc["2024-02"].tolist() == ["2024-02-01", "2024-02-29"]
    assert spans.loc["2025-Q2"].tolist() == ["2025-04-01", "2025-06-30"]
    assert found.table["acquisition_budget"].sum() == 1217.5
    assert dropped(found) == {"after_as_of": 1, "duplicate": 1}
    assert count(found).to_dict() == {"budgets_empty": 1, "periods_beyond_as_of": 1}


def test_who_is_erased_is_no_referrer_either(read):
    found = read(
        "customers",
        "customer_id,referred_by",
        "1,2.0",
        "2,3",
        "3, 3 ",
        erased=["2"],
    )
    assert found.table.index.tolist() == ["1", "3"]
    assert found.table.loc["3", "referred_by"] == "3"
    assert pd.isna(found.table.loc["1", "referred_by"])
    assert count(found)["referrers_removed"] == 1
    assert count(found)["customers_without_row"] == 0


def test_ids_take_the_spelling_of_the_transactions(read):
    found = read(
        "survey",
        "customer_id,date,nps",
        "1.0,2025-01-01,5",
        " 2 ,2025-01-01,5",
        "A 3,2025-01-01,5",
        "007,2025-01-01,5",
        known=["1", " 2", "7", "a 3"],
    )
    assert found.table["customer_id"].tolist() == [" 2", "007", "1", "A 3"]
    assert count(found)["customers_known"] == 2
    assert count(found)["customers_unknown_alike"] == 2
    assert count(found)["customers_without_row"] == 2


def test_ids_meet_in_both_forms_of_an_umlaut(read):
    assert id_keys(pd.Series(["Mu\u0308ller"])).tolist() == ["M\u00fcller"]
    found = read("erasure", "customer_id", "Mu\u0308ller", known=["M\u00fcller"])
    assert found.table["customer_id"].tolist() == ["M\u00fcller"]
    assert count(found)["customers_to_remove"] == 1


def test_an_objection_to_advertising_or_on_an_unknown_channel_counts_for_every_channel(read):
    found = read(
        "consent",
        "customer_id;channel;status;date",
        "1;Werbung;widerspruch;2024-01-01",
        "1;email;opt_in;2025-01-01",
        "2;Rauchzeichen;widerspruch;2024-01-01",
        "2;Direktwerbung;widerspruch;2024-01-02",
        "3;Werbung;widerspruch;2024-01-01",
        "3;Marketing;opt_in;2024-02-01",
        "4;Rauchzeichen;opt_in;2024-01-01",
        "5;telefon;widerspruch;2024-01-01",
    )
    assert found.table[["customer_id", "channel", "status"]].to_numpy().tolist() == [
        ["1", "alle", "widerspruch"],
        ["1", "email", "opt_in"],
        ["2", "alle", "widerspruch"],
        ["3", "werbung", "opt_in"],
        ["4", "rauchzeichen", "opt_in"],
        ["5", "telefon", "widerspruch"],
    ]
    assert consents.objected(found.table).tolist() == ["1", "2"]
    assert count(found)["objections_beyond_channels"] == 2
    assert dropped(found) == {"superseded": 2}
    may = consents.may_contact(found.table, customers=list("12345"), channel="email", by="opt_in")
    assert not may.any()


def test_one_line_may_speak_of_two_channels(read):
    found = read(
        "consent",
        "customer_id;channel;status;date",
        "1;E-Mail/Newsletter;widerspruch;2024-01-01",
        "2;Telefon und Post;opt_in;2024-01-01",
        "2;telefon;keine;2024-02-01",
        "3;E-Mail, Rauchzeichen;widerspruch;2024-02-01",
    )
    assert found.table[["customer_id", "channel", "status"]].to_numpy().tolist() == [
        ["1", "email", "widerspruch"],
        ["1", "newsletter", "widerspruch"],
        ["2", "post", "opt_in"],
        ["2", "telefon", "keine"],
        ["3", "alle", "widerspruch"],
        ["3", "email", "widerspruch"],
    ]
    rows = n_rows(found)
    assert rows["read"] == rows["kept"] == 4
    balance = found.balance.set_index("reason")
    assert balance.loc["kept", "customers"] == 3


def test_an_id_in_a_free_text_gives_way_to_a_mark(read):
    found = read(
        "survey",
        "customer_id;date;comment",
        "KD-701295;2025-01-01;Nr KD-701295, nicht KD-7012951 oder XKD-701295",
        "KD-701296;2025-01-02;kd-701295/4711 und 47110, 123, Mu\u0308ller & So\u0308hne!",
        "anna@example.org;2025-01-03;von anna@example.org, Tel. 0171 471199",
        "4711;2025-01-04;seit 2019",
        known=["4711", "123", "4711", "M\u00fcller & S\u00f6hne", "2019", "0171"],
        erased=["KD-701295x"],
    )
    assert found.table.set_index("customer_id")["comment"].to_dict() == {
        "KD-701295": "Nr [Kundennummer], nicht KD-[Nummer] oder XKD-701295",
        "KD-701296": "[Kundennummer]/[Kundennummer] und 47110, 123, [Kundennummer]!",
        "anna@example.org": "von [E-Mail], Tel. [Telefon]",
        "4711": "seit [Kundennummer]",
    }


@pytest.mark.parametrize(
    ("name", "header", "column"),
    [
        ("contacts", "date;campaign", "campaign"),
        ("contacts", "date;response", "reaction"),
        ("complaints", "received;category", "category"),
        ("customers", "programme_since;customer_type", "customer_type"),
        ("customers", "programme_since;country", "country"),
        ("customers", "programme_since;birth_year_group", "birth_year_group"),
    ],
)
def test_every_text_is_without_ids_addresses_and_numbers(name, header, column, read):
    text = "K-100 zu K-200 und K-300, a@example.org"
    filler = [f"K-{n};2025-01-01;nein" for n in (101, 102)]
    found = read(
        name,
        f"customer_id;{header}",
        f"K-100;2025-01-01;{text}",
        *filler,
        known=["K-200"],
        erased=["K-300"],
    )
    hidden = "[Kundennummer] zu [Kundennummer] und [Kundennummer], [E-Mail]"
    assert hidden in found.table[column].tolist()


def test_where_a_consent_is_from_is_without_ids(read):
    found = read("consent", "customer_id;channel;status;source", "K-100;email;opt_in;Karte K-100")
    assert found.table["source"].tolist() == ["Karte [Kundennummer]"]


def test_the_year_in_the_name_of_a_campaign_is_no_customer(read):
    found = read("contacts", "customer_id;date;campaign", "2024;2025-01-01;Sommer 2024")
    assert found.table["campaign"].tolist() == ["Sommer 2024"]


def test_a_list_reaches_its_customers_or_nobody_that_is_like_them():
    known = ["00100", "100", "b", "M\u00fcller"]
    companions.check_reach(["100", "00100", "b", "Mu\u0308ller", "7"], known, what="the list")
    companions.check_reach([], known, what="the list")
    companions.check_reach(["7"], [], what="the list")


# Properties

EXAMPLES = {
    "customers": ("customer_id,postcode", "3,01067", "1,80331", "2,"),
    "consent": (
        "customer_id,channel,status,date",
        "1,email,opt_in,2025-01-01",
        "1,email,keine,2025-01-01",
        "2,alle,widerspruch,2025-03-01",
    ),
    "erasure": ("customer_id,reason", "2,x", "1,x", "1.0,x"),
    "contacts": (
        "customer_id,date,campaign,cost",
        "3,2025-01-01,b,1",
        "3,2025-01-01,b,1",
        "1,2025-01-01,a,2.5",
    ),
    "survey": ("customer_id,date,nps", "2,2025-01-02,9", "1,2025-01-03,11", "1,2025-01-02,0"),
    "complaints": (
        "customer_id,received,resolved",
        "2,2025-01-02,2025-01-03",
        "1,2025-06-03,",
        "1,2024-01-02,2024-02-01",
    ),
    "contracts": (
        "customer_id,start,end,tariff,end_reason",
        "3,2024-01-02,2025-01-01,Basis,Preis",
        "1,2025-06-03,,Basis,",
        "1,2024-01-02,2024-02-01,,",
    ),
    "budget": (
        "period,channel,acquisition_budget,retention_budget",
        "2025-01,web,1.5,2",
        "2024,,3,4",
        "2025-Q2,web,3,4",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_order_of_rows_and_columns_changes_nothing(name, read):
    header, *lines = EXAMPLES[name]
    found = read(name, header, *lines)
    turned = [",".join(reversed(line.split(","))) for line in (header, *reversed(lines))]
    again = read(name, *turned)
    pd.testing.assert_frame_equal(found.table, again.table)
    pd.testing.assert_frame_equal(found.checks, again.checks)
    unordered = ["reason", "label", "n_rows", "share", "customers"]
    pd.testing.assert_frame_equal(found.balance[unordered], again.balance[unordered])


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_table_without_rows_has_the_columns_and_types_of_one_with_rows(name, read):
    full = read(name, *EXAMPLES[name])
    empty = read(name, EXAMPLES[name][0])
    assert empty.table.empty
    assert empty.table.dtypes.to_dict() == full.table.dtypes.to_dict()
    assert empty.table.index.name == full.table.index.name
    assert n_rows(empty)["read"] == n_rows(empty)["kept"] == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_rows_read_are_rows_kept_and_dropped(name, read):
    found = read(name, *EXAMPLES[name], erased=["1"], objected=["3"])
    rows = n_rows(found)
    assert rows["read"] == rows.drop("read").sum() == found.n_rows
    assert rows["kept"] == len(found.table)
    assert found.balance["share"].iloc[1:].sum() == pytest.approx(1)


LATER = {
    "consent": ("1,email,opt_in,2025-07-01", "3,*,anders,2026-01-01"),
    "contacts": ("1,2025-07-01,a,viel", "2,2026-01-01,c,-5"),
    "survey": ("3,2025-07-01,10", "3,2025-08-01,77"),
    "complaints": ("3,2025-07-01,2025-06-01", "2,2025-09-09,offen"),
    "contracts": ("2,2025-07-01,,Basis,", "3,2026-01-01,2025-01-01,Basis,"),
    "budget": ("2025-Q3,web,7,7", "2026,web,7,7"),
}


@pytest.mark.parametrize("name", LATER)
def test_what_comes_after_the_day_changes_neither_table_nor_counts(name, read):
    before = read(name, *EXAMPLES[name])
    found = read(name, *EXAMPLES[name], *LATER[name])
    pd.testing.assert_frame_equal(found.table, before.table)
    pd.testing.assert_frame_equal(found.checks, before.checks)
    assert n_rows(found)["after_as_of"] == 2


def test_steps_of_a_complaint_after_the_day_are_as_if_they_had_not_been(read):
    header = "customer_id,received,first_response,resolved,followed_up"
    known_later = read("complaints", header, "1,2025-06-01,2025-07-01,2025-07-02,ja")
    known_then = read("complaints", header, "1,2025-06-01,,,")
    pd.testing.assert_frame_equal(known_later.table, known_then.table)


def test_every_reason_and_count_has_a_german_label(read):
    for name, lines in EXAMPLES.items():
        found = read(name, *lines)
        assert found.checks["label"].ne("").all()
        assert found.checks["code"].is_unique
        assert found.balance["label"].ne("").all()
    assert set(companions.LABELS) == {*companions.FORMS, "labelled"} == {*EXAMPLES, "labelled"}


def test_the_example_shop_can_be_read_from_its_german_files(tmp_path):
    example_shop = pytest.importorskip("workbench.example_shop")
    shop = example_shop.make(seed=example_shop.SEED)
    example_shop.write(shop, tmp_path)
    known = set(shop.transactions["customer_id"]) - {"", "Barverkauf"}
    found = {
        name: companions.read(
            name,
            tmp_path / example_shop.FILES[name][0],
            known_customers=known,
            as_of=pd.Timestamp("2025-12-31"),
        )
        for name in companions.FORMS
        if name in example_shop.FILES
    }
    assert set(companions.FORMS) - set(found) == {"contracts"}
    for name, companion in found.items():
        written = getattr(shop, name)
        assert companion.n_rows == len(companion.table) == len(written)
        for column in set(written) & set(companion.table) - {"period", "group", "response"}:
            if companion.table[column].dtype == float:
                total = written[column].astype(float).sum()
                assert companion.table[column].sum() == pytest.approx(total)
    assert count(found["survey"])["nps_other_codes"] == (shop.survey["nps"] == 11).sum()
    in_control = (shop.contacts["group"] == "kontrolle").sum()
    assert count(found["contacts"])["control"] == in_control


# Against an authority


def test_an_airport_survey_has_the_promoters_and_detractors_that_it_reports(shared, tmp_path):
    survey = pd.read_csv(shared / "data" / "sfo_survey_2017.csv", dtype=str, encoding="latin-1")
    # The file names the weekday only; any day stands for those of the survey.
    dated = survey[["RESPNUM", "NETPRO"]].assign(day="2017-12-31")
    dated.to_csv(tmp_path / "sfo.csv", index=False)
    found = companions.read(
        "survey",
        tmp_path / "sfo.csv",
        known_customers=(),
        as_of=pd.Timestamp("2018-01-01"),
        columns={"customer_id": "RESPNUM", "date": "day", "nps": "NETPRO"},
    )
    nps = found.table["nps"].dropna()
    assert len(nps) == count(found)["nps_answers"] == 2746
    assert (nps >= 9).mean() == pytest.approx(0.5229, abs=0.00005)
    assert (nps <= 6).mean() == pytest.approx(0.1245, abs=0.00005)


# Messages


def test_a_header_in_no_language_is_refused_with_both_lists(read):
    message = (
        r"customers.csv has neither the columns \['customer_id'\] nor, in German, \['kunde_id'\]; "
        r"it has \['Kundennummer', 'PLZ'\]. Rename"
    )
    with pytest.raises(DataError, match=message):
        read("customers", "Kundennummer;PLZ", "1;01067")


def test_columns_of_two_languages_are_not_mixed(read):
    with pytest.raises(DataError, match=r"it has \['kunde_id', 'date', 'nps'\]"):
        read("survey", "kunde_id;date;nps", "1;2025-01-01;5")


def test_a_german_file_is_refused_for_what_is_wrong_in_it(read):
    with pytest.raises(DataError, match="ambiguous, dd/mm or mm/dd"):
        read("survey", "kunde_id;datum;nps", "1;01/02/2025;5")
    with pytest.raises(DataError, match="ambiguous, dd/mm or mm/dd"):
        read("survey", "customer_id;date;nps", "1;01/02/2025;5")


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        companions.read("survey", tmp_path / "no.csv", known_customers=(), as_of=AS_OF)


def test_differing_rows_of_one_customer_are_refused_with_their_lines(read):
    with pytest.raises(DataError, match=r"1 customers in .* differ, the first in lines 3 and 5\."):
        read("customers", "customer_id,postcode", "2,80331", "1,01067", "2,80331", "1,80331")


def test_rows_that_differ_in_nothing_that_is_kept_are_one(read):
    found = read(
        "customers",
        "customer_id,postcode,email",
        "1,01067,anna@example.org",
        "1,01069,a@example.org",
    )
    assert dropped(found) == {"duplicate": 1}
    assert found.table["postcode"].tolist() == ["01"]


def test_an_unknown_status_is_refused_with_what_is_known(read):
    message = r"1 of 2 values of 'status' in consent.csv are not one of opt_in, .*line 3: 'evtl'"
    with pytest.raises(DataError, match=message):
        read("consent", "customer_id,channel,status", "1,email,opt_in", "2,email,evtl")


@pytest.mark.parametrize(
    ("name", "header", "cell", "message"),
    [
        ("survey", "date,nps", "2025-01-01,{n}0", "'nps' .* not whole numbers from 0 to 10"),
        ("survey", "date,satisfaction", "2025-01-01,{n}0", "not marks of 1 to 5 or 1 to 10"),
        ("survey", "date,nps", "gestern,{n}", "3 of 3 values of 'date' .* not days.*line 2: 'ges"),
        ("contacts", "date,group", "2025-01-01,{n}a", "not kampagne or kontrolle"),
        ("contacts", "date,response", "2025-01-01,{n}x", "not ja or nein"),
        ("contacts", "date,cost", "2025-01-01,-{n}", "not numbers from 0 on"),
        ("complaints", "received,resolved", "2025-01-01,ja{n}", "'resolved' .* are not days"),
    ],
)
def test_a_column_of_something_else_is_refused(name, header, cell, message, read):
    lines = [f"{n},{cell.format(n=n)}" for n in (2, 3, 4)]
    with pytest.raises(DataError, match=message):
        read(name, f"customer_id,{header}", *lines)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Januar,web,1,1", "'period' in budget.csv are not a period .*line 3: 'Januar'"),
        ("2025-13,web,1,1", "not a period like 2025, 2025-Q1 or 2025-03"),
        ("2025,web,-1,1", "'acquisition_budget' .* are not a number from 0 on"),
        ("2025,web,1,viel", "'retention_budget' .* are not a number from 0 on"),
        ("2024-Q3,web,1,1", "lines 2 and 3: 2024 and 2024-Q3"),
        ("2024,web,1,2", "1 budgets in budget.csv overlap"),
    ],
)
def test_a_budget_that_cannot_be_added_up_is_refused(line, message, read):
    with pytest.raises(DataError, match=message):
        read("budget", "period,channel,acquisition_budget,retention_budget", "2024,web,1,1", line)


def test_an_unknown_table_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="name='kunden' must be one of customers, consent"):
        companions.read("kunden", tmp_path / "x.csv", known_customers=(), as_of=AS_OF)


def test_ids_are_compared_without_blanks_and_the_point_of_a_float():
    keys = id_keys(pd.Series([" 1 ", "\ufeff2.0", "2.50", "00.0", "x.0"]))
    assert keys.tolist() == ["1", "2", "2.50", "00", "x.0"]


def test_a_list_whose_zeros_were_lost_is_refused_without_its_ids():
    message = (
        r"3 of 5 ids of the erasure list match no customer as they are written, but one up to "
        r"leading zeros \(1\), or capitals or the form of a letter \(2\)\. Write them as"
    )
    known = ["00100", "b77", "\uff11\uff12x", "8"]
    with pytest.raises(DataError, match=message) as refusal:
        companions.check_reach(["100", "B77", "12X", "8", "9"], known, what="the erasure list")
    assert not any(listed in str(refusal.value) for listed in ("100", "77", "12X"))
