import csv
import hashlib
import io
import json
import stat
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import cli, consents, crm_export, crm_gate, crm_profiles, intake, pseudonyms
from workbench.schema import DataError, ParameterError

IDS = ["00123", "45", "K-7", "Ä 9"]
NOTES = {"version": "0.1.0", "as_of": "2025-12-31"}


def scores_of(ids: list[str]) -> pd.DataFrame:
    n = len(ids)
    return pd.DataFrame(
        {
            "customer_id": ids,
            "r_score": [5, 1, 3, 2][:n],
            "f_score": [4, 1, 3, 2][:n],
            "m_score": [5, 1, 3, 2][:n],
            "segment": ["Spitzenkunden", "Ruhende", "Aufmerksamkeit nötig", "Ruhende"][:n],
            "state": ["Bindung aktiv", "Rückgewinnung", "Bindung gefährdet", "Aktivierung"][:n],
            "may_be_listed": [True, False, True, True][:n],
            "clv": [1234.567, -3.2, None, 20.0][:n],
            "value_low": [1.0, -9.0, None, 0.0][:n],
            "value_high": [2000.0, 4.0, None, 60.0][:n],
            "p_purchase": [0.9, 0.05, 0.2, 0.3][:n],
        }
    ).astype({"customer_id": "str", "segment": "str", "state": "str"})


def make_run(folder: Path, *, scores: pd.DataFrame, consent=None, pseudonymised=False) -> Path:
    """Lay a finished run on disk, as `publication` leaves it, with little in it."""
    run = folder / "report"
    intake.write_table(scores, run / crm_export.SCORES)
    if consent is not None:
        intake.write_table(consent, run / crm_export.CONSENT)
    digest = hashlib.sha256((run / crm_export.SCORES).read_bytes()).hexdigest()
    data = {"name": "laden", "as_of": NOTES["as_of"], "currency": "EUR", "sha256": "ab" * 32}
    data["pseudonymised"] = pseudonymised
    if pseudonymised:
        data["key_fingerprint"] = pseudonyms.fingerprint(pseudonyms.key())
    manifest = {
        "data": data,
        "parameters": {"horizon_days": 365, "churn_horizon_days": 91},
        "versions": {"workbench": NOTES["version"]},
        "verdicts": {},
        "files": {crm_export.SCORES.as_posix(): {"sha256": digest}},
    }
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return run


def keys_file(
    folder: Path, rows: list[tuple], columns: str = "customer_id,crm_id,email,name"
) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns.split(","))
    writer.writerows(rows)
    (folder / "keys.csv").write_text(text.getvalue(), encoding="utf-8")
    return str(folder / "keys.csv")


def records(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8")
    assert not text.startswith("\ufeff")
    assert "\r" not in text
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.fixture
def run(tmp_path) -> Path:
    return make_run(tmp_path, scores=scores_of(IDS))


# by hand


def test_a_file_for_salesforce_is_to_the_letter(run, tmp_path):
    done = crm_export.export(run, crm="salesforce", out=tmp_path / "out")
    lines = (done.folder / "kunden.csv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == (
        '"Kundennr_Ext__c","Segment__c","Lebenszyklus_Phase__c","RFM_Code__c","CLV_12m__c",'
        '"CLV_Untergrenze__c","CLV_Obergrenze__c","Kaufwahrsch_365d__c","Modell_Stand__c",'
        '"Modell_Version__c"'
    )
    assert lines[1] == (
        '"00123","Spitzenkunden","Bindung aktiv","545",1234.57,1.00,2000.00,0.9000,'
        '"2025-12-31","0.1.0"'
    )
    assert lines[2].startswith('"45","Ruhende","Rückgewinnung","111",-3.20,-9.00,4.00,')
    assert ',"#N/A","#N/A","#N/A",0.2000,' in lines[3]
    assert lines[-1] == ""


def test_files_are_for_their_owner_alone_and_the_manifest_fits_them(run, tmp_path):
    done = crm_export.export(run, crm="hubspot", out=tmp_path / "out")
    assert stat.S_IMODE(done.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in done.folder.iterdir()} == {0o600}
    manifest = json.loads((done.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"] == done.rows == 4
    assert manifest["customers"] == 4
    assert set(manifest["files"]) == {"kunden.csv", "felder.xlsx"}
    for name, facts in manifest["files"].items():
        content = (done.folder / name).read_bytes()
        assert facts["sha256"] == hashlib.sha256(content).hexdigest()
        assert facts["bytes"] == len(content)
    assert manifest["files"]["kunden.csv"]["columns"] == list(
        records(done.folder / "kunden.csv")[0]
    )


def test_the_sheets_for_people_name_every_field(run, tmp_path):
    done = crm_export.export(run, crm="hubspot", out=tmp_path / "out")
    book = openpyxl.load_workbook(done.folder / "felder.xlsx")
    to_make = list(book["Felder anlegen"].iter_rows(min_row=2, values_only=True))
    meanings = list(book["Datenlexikon"].iter_rows(min_row=2, values_only=True))
    columns = list(records(done.folder / "kunden.csv")[0])
    assert [row[0] for row in to_make] == [row[0] for row in meanings] == columns
    segment = to_make[1]
    assert segment[:4] == (
        *("wb_segment", "Segment", "Dropdown select"),
        "aufmerksamkeit_noetig; ruhende; spitzenkunden",
    )
    assert meanings[4][4] == "EUR"


def test_every_value_comes_back_from_excel(run, tmp_path):
    done = crm_export.export(run, crm="excel", out=tmp_path / "out")
    sheet = openpyxl.load_workbook(done.folder / "kunden.xlsx")["Kunden"]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[0] for row in rows] == IDS
    assert rows[0][3:7] == ("545", 1234.57, 1, 2000)
    assert rows[2][4] is None


# keys, pseudonyms


def test_pseudonyms_are_made_readable_by_the_table_of_keys(tmp_path):
    hidden = pseudonyms.pseudonymise(pd.Series(IDS, dtype="str"), key=pseudonyms.key())
    run = make_run(tmp_path, scores=scores_of(list(hidden)), pseudonymised=True)
    keys = keys_file(tmp_path, [("00123", "9001", "", ""), ("K-7", "9003", "", "")])
    done = crm_export.export(run, crm="pipedrive", keys=keys, out=tmp_path / "out")
    found = records(done.folder / "kunden.csv")
    assert [
        (row["Pipedrive System ID - Person"], row["Person - Kundennummer"]) for row in found
    ] == [
        *(("9001", "00123"), ("9003", "K-7")),
    ]
    assert [row["Person - RFM-Code"] for row in found] == ["545", "333"]
    assert done.left_out[["reason", "customers"]].values.tolist() == [["no_key", 2]]
    assert "k_" not in (done.folder / "kunden.csv").read_text(encoding="utf-8")


def test_another_key_and_a_missing_table_are_refused(tmp_path, monkeypatch):
    hidden = pseudonyms.pseudonymise(pd.Series(IDS, dtype="str"), key=pseudonyms.key())
    run = make_run(tmp_path, scores=scores_of(list(hidden)), pseudonymised=True)
    with pytest.raises(ParameterError, match="the run holds pseudonyms"):
        crm_export.export(run, crm="salesforce", out=tmp_path / "out")
    keys = keys_file(tmp_path, [("00123", "9001", "", "")])
    monkeypatch.setenv("WORKBENCH_KEY", "11" * 32)
    with pytest.raises(ParameterError, match="made under another key"):
        crm_export.export(run, crm="salesforce", keys=keys, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_rows_for_one_customer_are_nobodys(run, tmp_path):
    rows = [
        ("00123", "1", "", ""),
        ("00123", "2", "", ""),
        ("45", "", "", ""),
        ("K-7", "3", "", ""),
    ]
    done = crm_export.export(
        run, crm="hubspot", keys=keys_file(tmp_path, rows), out=tmp_path / "out"
    )
    assert [row["Record ID"] for row in records(done.folder / "kunden.csv")] == ["3"]
    assert done.left_out[["reason", "customers"]].values.tolist() == [
        *(["no_key", 1], ["ambiguous_key", 1], ["no_crm_key", 1]),
    ]
    assert done.rows + done.left_out["customers"].sum() == len(IDS)


# consent


def test_a_list_for_a_channel_holds_those_with_a_legal_basis(tmp_path):
    consent = pd.DataFrame(
        {
            "customer_id": ["00123", "45", "K-7", "Ä 9"],
            "channel": "email",
            "status": ["opt_in", "opt_in", "bestandskunde_7_3", "keine"],
        }
    ).astype("str")
    run = make_run(tmp_path, scores=scores_of(IDS), consent=consent)
    done = crm_export.export(run, crm="hubspot", channel="email", out=tmp_path / "out")
    found = records(done.folder / "kunden.csv")
    assert {row["kundennr_ext"]: row["hs_legal_basis"] for row in found} == {
        "00123": "Freely given consent from contact",
        "K-7": "Legitimate interest – existing customer",
    }
    assert done.left_out[["reason", "customers"]].values.tolist() == [
        *(["no_legal_basis", 1], ["former", 1]),
    ]


def test_who_shares_an_address_with_an_objection_or_a_control_is_not_written_to(tmp_path):
    consent = pd.DataFrame({"customer_id": IDS, "channel": "email", "status": "opt_in"})
    consent.loc[0, "status"] = "widerspruch"
    scores = scores_of(IDS).assign(
        may_be_listed=True, campaign_group=["Ziel", "Kontrolle", "Ziel", "Ziel"]
    )
    run = make_run(tmp_path, scores=scores.iloc[:4], consent=consent.astype("str"))
    mails = ["a@example.org", "b@example.org", "A@Example.org", "b@example.org"]
    how = {"crm": "hubspot", "channel": "email", "out": tmp_path / "out"}
    rows = list(zip(IDS, mails, strict=True))
    keys = keys_file(tmp_path, rows, columns="customer_id,email")
    with pytest.raises(DataError, match=r"2 an objection to .*, 2 drawn into the control group"):
        crm_export.export(run, keys=keys, **how)
    rows[3] = (IDS[3], "d@example.org")
    keys = keys_file(tmp_path, rows, columns="customer_id,email")
    done = crm_export.export(run, keys=keys, **how)
    assert done.rows == 1


def test_no_list_is_made_without_a_table_of_consents(run, tmp_path):
    with pytest.raises(ParameterError, match="no table of consents, so nobody may be contacted"):
        crm_export.export(run, crm="hubspot", channel="email", out=tmp_path / "out")


# refusals


def test_refusals_are_one_sentence_and_write_nothing(run, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    cases = {
        "no published run": {"run": tmp_path},
        "Pipedrive does not know a customer by the firm's number": {"crm": "pipedrive"},
        "must be one of salesforce": {"crm": "sap"},
        "lies in the folder of the run": {"out": run / "export"},
        "is there already": {"out": tmp_path},
    }
    for message, changed in cases.items():
        wanted = {"run": run, "crm": "salesforce", "out": tmp_path / "out"} | changed
        with pytest.raises((DataError, ParameterError), match=message) as caught:
            crm_export.export(wanted.pop("run"), **wanted)
        assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_scores_that_were_changed_after_the_run_are_refused(run, tmp_path):
    intake.write_table(scores_of(IDS).iloc[:2], run / crm_export.SCORES)
    with pytest.raises(DataError, match="is not as the run published it"):
        crm_export.export(run, crm="salesforce", out=tmp_path / "out")


def test_ids_that_a_spreadsheet_would_run_are_left_out_of_csv_and_safe_in_excel(tmp_path):
    ids = ["=1+1", "+49 170 1", "@x", "-5"]
    run = make_run(tmp_path, scores=scores_of(ids))
    done = crm_export.export(run, crm="salesforce", out=tmp_path / "csv")
    assert [row["Kundennr_Ext__c"] for row in records(done.folder / "kunden.csv")] == ["+49 170 1"]
    assert done.left_out[["reason", "customers"]].values.tolist() == [["formula", 3]]
    done = crm_export.export(run, crm="excel", out=tmp_path / "xlsx")
    sheet = openpyxl.load_workbook(done.folder / "kunden.xlsx")["Kunden"]
    assert sorted(row[0].value for row in sheet.iter_rows(min_row=2)) == sorted(ids)
    assert {row[0].data_type for row in sheet.iter_rows(min_row=2)} == {"s"}


# properties


@pytest.mark.parametrize("crm", crm_profiles.PROFILES)
def test_the_same_run_gives_the_same_bytes(run, tmp_path, crm):
    keys = keys_file(tmp_path, [(text, str(n), "", f"Name {n}") for n, text in enumerate(IDS)])
    first, second = (
        crm_export.export(run, crm=crm, keys=keys, out=tmp_path / name).folder for name in "ab"
    )
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


@pytest.mark.parametrize(("limit", "files"), [("max_rows", 2), ("max_bytes", 4)])
def test_no_file_is_larger_than_the_crm_takes(run, tmp_path, monkeypatch, limit, files):
    small = crm_profiles.PROFILES["hubspot"]._replace(
        **{limit: {"max_rows": 3, "max_bytes": 1}[limit]}
    )
    monkeypatch.setitem(crm_profiles.PROFILES, "hubspot", small)
    done = crm_export.export(run, crm="hubspot", out=tmp_path / "out")
    parts = sorted(done.folder.glob("kunden-*.csv"))
    assert len(parts) == files
    assert [row["kundennr_ext"] for part in parts for row in records(part)] == IDS


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_hostile_texts_come_back_or_are_left_out_and_counted(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("hostile")
    ids = [f"c{number}" for number in range(len(names))]
    offered = crm_export.HandOver(
        (crm_export.crm_fields._external_id(),), pd.DataFrame(index=pd.Index(ids))
    )
    people = pd.DataFrame({"external_id": ids, "name": names, "reason": ""}, index=ids)
    profile = crm_profiles.PROFILES["pipedrive"]
    columns, table = crm_export._written(offered, people=people, profile=profile)
    reason = crm_export._without_formulas(people["reason"], table, profile=profile)
    kept = table[(reason == "").to_numpy()]
    files = crm_export._files(columns, kept, profile=profile, day=pd.Timestamp("2025-12-31"))
    (folder / "kunden.csv").write_bytes(files["kunden.csv"][1])
    text = (folder / "kunden.csv").read_bytes().decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    expected = [crm_profiles.clean_text(name) for name in names]
    assert [row[0] for row in rows[1:]] == [
        name for name in expected if not crm_profiles.is_formula(name)
    ]
    assert not any(crm_profiles.is_formula(value) for row in rows for value in row)


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Ziel", "Kontrolle", None]),
            st.booleans(),
            st.sampled_from([*consents.STATUSES, None]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(sorted(crm_gate.CHANNELS)),
)
def test_no_file_for_contacting_holds_a_control_customer(tmp_path_factory, drawn, channel):
    folder = tmp_path_factory.mktemp("campaign")
    ids = [f"K{number}" for number in range(len(drawn))]
    groups, listed, statuses = zip(*drawn, strict=True)
    scores = pd.DataFrame({"customer_id": ids, "may_be_listed": listed})
    scores["campaign_group"] = pd.Series(groups, dtype="str")
    said = {"customer_id": ids, "channel": crm_gate.CHANNELS[channel], "status": statuses}
    consent = pd.DataFrame(said).dropna().astype("str")
    run = make_run(folder, scores=scores, consent=consent)
    enough = consents.GRANTS if channel == "email" else ("opt_in",)
    wanted = {
        name
        for name, (group, may, status) in zip(ids, drawn, strict=True)
        if group == "Ziel" and may and status in enough
    }
    if not wanted:
        with pytest.raises(DataError, match="nobody is left"):
            crm_export.export(run, crm="hubspot", channel=channel, out=folder / "out")
        return
    done = crm_export.export(run, crm="hubspot", channel=channel, out=folder / "out")
    rows = [row for path in done.folder.glob("kunden*.csv") for row in records(path)]
    assert {row["kundennr_ext"] for row in rows} == wanted
    assert {row["wb_kampagne_gruppe"] for row in rows} == {"ziel"}
    assert done.rows + done.left_out["customers"].sum() == len(ids)


# command line


def test_the_command_says_what_it_wrote_and_refuses_with_two(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.main, ["export", str(run), "--crm", "salesforce"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "customers  4"
    assert done.output.splitlines()[-1].endswith("exports/laden-salesforce-2025-12-31")
    assert (tmp_path / "exports" / "laden-salesforce-2025-12-31" / "kunden.csv").is_file()
    again = CliRunner().invoke(cli.main, ["export", str(run), "--crm", "salesforce"])
    assert again.exit_code == 2
    assert again.output.count("workbench: ") == 1
