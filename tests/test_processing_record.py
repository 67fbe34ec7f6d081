import itertools
from types import SimpleNamespace

import pandas as pd
import pytest

from workbench import companions, intake, processing_record
from workbench.dialects import Fact
from workbench.formats import Style
from workbench.identifiers import judge
from workbench.outputs import Missing

K = 5
N = 100
AS_OF = pd.Timestamp("2025-06-30")
NAMES = [f"K-{n:04d}" for n in range(N)]


@pytest.fixture
def beside(tmp_path):
    """Write optional tables and read them beside the orders of 100 customers."""

    def read(*, known=NAMES, **tables):
        found = {}
        for name, (lines, settings) in tables.items():
            path = tmp_path / f"{name}.csv"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            found[name] = companions.read(
                name, path, **{"known_customers": known, "as_of": AS_OF} | settings
            )
        orders = pd.DataFrame({"customer_id": known, "date": AS_OF, "amount": 1.0})
        return SimpleNamespace(companions=found, base=SimpleNamespace(stored=orders))

    return read


def consent(statuses, **settings):
    rows = [f"{name},email,{status}" for name, status in zip(NAMES, statuses, strict=False)]
    return (["customer_id,channel,status", *rows], settings)


def survey(customers, *, answers="9", **settings):
    rows = [
        f"{name},2025-01-01,{answer}"
        for name, answer in zip(customers, itertools.cycle(answers), strict=False)
    ]
    return (["customer_id,date,nps", *rows], settings)


def shown(reading):
    """Every count of the pages on the optional tables, by table."""
    steps = processing_record.companion_steps(reading, k=K)
    checks = processing_record.companion_checks(reading, k=K)
    overview = processing_record.companions(reading, k=K)
    numbers = {}
    for label in overview["label"]:
        one = overview.set_index("label").loc[label]
        cells = [*one, *steps.loc[steps["label"] == label, ["n_rows", "customers"]].to_numpy().flat]
        cells += checks.loc[checks["label"] == label, "n"].tolist()
        numbers[label] = {int(cell) for cell in cells if not pd.isna(cell)}
    return numbers


def check_no_small_difference(reading):
    """No count, and no difference of two or with the customers in all, is a small group."""
    for label, numbers in shown(reading).items():
        for one, other in itertools.combinations(sorted({0, N} | numbers), 2):
            assert not 0 < other - one < K, (label, one, other)


def group_of(table):
    return SimpleNamespace(made_of={"category": pd.DataFrame(table)}, ids=pd.Series(["K-0001"]))


# By hand


def test_how_a_source_is_written_is_listed():
    facts = processing_record.reading_facts((Fact("delimiter", ";", "Trennzeichen", "Semikolon"),))
    assert facts.to_numpy().tolist() == [["Trennzeichen", "Semikolon"]]
    none = processing_record.reading_facts(())
    assert none.to_numpy().tolist() == [["Schreibweise", "durch das Format bestimmt"]]


def test_what_is_obeyed_and_what_names_a_person_is_not_shown():
    texts = pd.Series(["Tee\u202e", "a@example.org", "/home/anna/x", "Nr k-0001", "Sommer 2024"])
    assert processing_record.visible(texts, ids=["K-0001", "2024"]).tolist() == [
        "Tee\ufffd",
        "[E-Mail]",
        "[nicht gezeigt]",
        "Nr [Kundennummer]",
        "Sommer 2024",
    ]
    assert processing_record.visible(pd.Series(["Nr K-0001"])).tolist() == ["Nr K-0001"]


def test_a_category_is_shown_without_the_id_of_a_customer():
    table = {"group": ["Tee", "für K-0001"], "customers": [3, 1], "revenue": [75.0, 25.0]}
    shown_groups = processing_record.made_of(group_of(table), "category")
    assert shown_groups["group"].tolist() == ["Tee", "für [Kundennummer]"]
    assert shown_groups["revenue_share"].tolist() == [0.75, 0.25]
    nothing = processing_record.made_of(group_of(table | {"revenue": [0.0, 0.0]}), "category")
    assert nothing["revenue_share"].isna().all()
    missing = processing_record.made_of(group_of(table), "channel")
    assert isinstance(missing, Missing) and missing.needs == "eine Spalte mit Kanälen"


def test_every_column_of_every_table_has_its_decision(beside):
    reading = beside(survey=survey(NAMES[:20]))
    reading.identified = judge(["Kunde", "E-Mail"], used={"customer_id": "Kunde"}, samples={})
    for pseudonymised, told in ((True, "durch ein Pseudonym ersetzt"), (False, "verwendet")):
        reading.pseudonymised = pseudonymised
        columns = processing_record.columns(reading)
        assert columns["label"].tolist() == ["Bestellungen"] * 2 + ["Befragung"] * 3
        assert columns["column"].tolist() == ["Kunde", "E-Mail", "customer_id", "date", "nps"]
        assert columns["decision"].iloc[0] == told
        row = columns.iloc[1].tolist()[2:]
        assert row == [
            "E-Mail-Adresse",
            "am Namen",
            "als personenbezogen erkannt und weggelassen",
        ]


def test_large_counts_of_a_table_are_all_shown(beside):
    reading = beside(survey=survey([*NAMES[:60], *(f"P-{n}" for n in range(20))]))
    overview = processing_record.companions(reading, k=K)
    assert overview.to_numpy().tolist() == [["Befragung", 80, 80, 80, 60]]
    checks = processing_record.companion_checks(reading, k=K).set_index("check")["n"]
    assert checks.notna().all()
    assert checks["Kunden mit Bestellungen, die in der Tabelle fehlen"] == 40
    steps = processing_record.companion_steps(reading, k=K)
    assert steps["reason"].tolist() == ["gelesen", "behalten"]
    assert steps["n_rows"].tolist() == steps["customers"].tolist() == [80, 80]


def test_a_table_without_people_has_no_customers_and_all_its_rows(beside):
    budget = (["period,acquisition_budget,retention_budget", "2024,1,2", "2025,1,"], {})
    reading = beside(budget=budget)
    overview = processing_record.companions(reading, k=K).iloc[0]
    assert overview[["n_read", "n_kept"]].tolist() == [2, 2]
    assert overview[["customers", "customers_known"]].isna().all()
    steps = processing_record.companion_steps(reading, k=K)
    assert steps["n_rows"].tolist() == [2, 2]
    assert steps["customers"].isna().all()
    assert processing_record.companion_checks(reading, k=K)["n"].tolist() == [1, 1]


def test_rows_of_nobody_are_counted_however_few(beside):
    lines, settings = survey(NAMES[:60])
    reading = beside(survey=([*lines, ",2025-01-01,9"], settings))
    steps = processing_record.companion_steps(reading, k=K).set_index("reason")
    assert steps["n_rows"].tolist() == [61, 1, 60]
    assert steps.loc["ohne Kundennummer", "first_lines"] == "62"


def test_few_who_objected_are_in_neither_a_count_nor_what_is_left(beside):
    reading = beside(survey=survey(NAMES[:60], objected=NAMES[:3]), known=NAMES)
    steps = processing_record.companion_steps(reading, k=K).set_index("reason")
    assert steps.loc["Widerspruch gegen die Profilbildung"].isna().tolist() == [
        *(False, True, True, False),
    ]
    assert steps.loc["gelesen", ["n_rows", "customers"]].isna().all()
    assert steps.loc["behalten", "n_rows"] == 57
    assert steps["first_lines"].tolist() == ["", "", ""]
    overview = processing_record.companions(reading, k=K).iloc[0]
    assert pd.isna(overview["n_read"]) and overview["n_kept"] == 57


def test_what_completes_a_small_part_is_blank_too(beside):
    checks = processing_record.companion_checks(
        beside(consent=consent(["opt_in"] * 60 + ["keine"] * 20 + ["widerspruch"] * 3)), k=K
    ).set_index("check")["n"]
    assert checks["Angaben: eingewilligt"] == 60
    assert pd.isna(checks["Angaben: keine Einwilligung"])
    assert pd.isna(checks["Angaben: widersprochen"])


def test_a_whole_that_is_blank_is_no_sum_of_parts_that_are_shown(beside):
    reading = beside(
        consent=consent(["opt_in"] * 60 + ["keine"] * 37),
        survey=survey(NAMES[:97], answers=["9"] * 2 + ["77"]),
    )
    checks = processing_record.companion_checks(reading, k=K).set_index("check")["n"]
    assert checks["Angaben: eingewilligt"] == 60
    assert pd.isna(checks["Angaben: keine Einwilligung"])
    assert checks.filter(like="Empfehlungsfrage").isna().tolist() == [False, True]
    steps = processing_record.companion_steps(reading, k=K)
    assert steps[["n_rows", "customers"]].isna().all(axis=None)


def test_objections_that_are_blank_are_counted_nowhere(beside):
    lines = [f"{name},alle,widerspruch" for name in NAMES[:20]]
    lines += [f"{name},email,{'keine' if i < 3 else 'opt_in'}" for i, name in enumerate(NAMES[20:])]
    reading = beside(consent=(["customer_id,channel,status", *lines[:90]], {}))
    checks = processing_record.companion_checks(reading, k=K)
    objections = checks[checks["check"].str.contains("widersprochen|^Kunden mit Wider")]
    assert len(objections) == 2 and objections["n"].isna().all()


def test_few_contracts_that_ended_are_not_what_is_left_of_all(beside):
    lines = [f"{name},2024-01-01,{'2024-06-30' if i < 3 else ''}" for i, name in enumerate(NAMES)]
    reading = beside(contracts=(["customer_id,start,end", *lines[:60]], {}))
    checks = processing_record.companion_checks(reading, k=K).set_index("check")["n"]
    assert checks[["laufende Verträge am Stichtag", "beendete Verträge"]].isna().all()


def test_an_erasure_list_shows_all_of_its_matches_or_none(beside):
    lines = ["customer_id", *NAMES[:3], *(f"P-{n}" for n in range(40))]
    checks = processing_record.companion_checks(beside(erasure=(lines, {})), k=K)
    assert checks["n"].isna().tolist() == [False, True, True, True]
    lines = ["customer_id", *NAMES[:30], *(f"P-{n}" for n in range(40))]
    checks = processing_record.companion_checks(beside(erasure=(lines, {})), k=K)
    assert checks["n"].tolist() == [70, 30, 40, 30]


def test_a_record_says_what_is_given_and_what_is_missing():
    words = {"purpose": "Bindung", "legal_basis": "", "retention": "2 Jahre"}
    reading = SimpleNamespace(
        base=SimpleNamespace(
            stored=pd.DataFrame(
                {
                    "customer_id": ["anna", "anna", "anna"],
                    "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-02-01"]),
                    "amount": [-1.0, 5.0, 5.0],
                }
            ),
            as_of=AS_OF,
        ),
        balance=pd.DataFrame(
            {"reason": ["read", "erased", "objected"], "n_rows": [9, 12, 0], "customers": [9, 7, 0]}
        ),
        identified=judge(["Kunde", "E-Mail", "Farbe"], used={"customer_id": "Kunde"}, samples={}),
        companions={
            "erasure": SimpleNamespace(
                identified=judge(["Nr"], used={"customer_id": "Nr"}, samples={})
            )
        },
        columns={"customer_id": "Kunde"},
        pseudonymised=False,
    )
    record = processing_record.record(reading, **words, k=K, style=Style("de_DE", "EUR"))
    told = dict(record.to_numpy().tolist())
    assert told["Zweck"] == "Bindung"
    assert told["Rechtsgrundlage"] == "nicht angegeben"
    assert told["Zeitraum der Daten"] == "02.01.2024 bis 30.06.2025"
    assert told["Nicht eingelesene Spalten"] == "Farbe"
    assert told["Als personenbezogen weggelassene Spalten"] == "E-Mail"
    assert told["Kundennummern"] == "unverändert"
    assert told["Zeilen von der Löschliste"] == "12"
    assert told["Zeilen mit Widerspruch"] == "keine Tabelle angegeben"
    assert str(processing_record.gaps(**words)).startswith("Noch fehlt die Rechtsgrundlage. ")
    assert str(processing_record.gaps(**dict.fromkeys(words, "x"))).endswith("sind angegeben.")


# Properties


@pytest.mark.parametrize("n", [1, 3, 4, 5, 40, 95, 97, 100])
def test_no_difference_of_counts_gives_a_small_group_away(n, beside):
    few = ["opt_in"] * (80 - n % 7) + ["keine"] * 12 + ["widerspruch"] * (n % 7)
    master = [f"{name},{'01067' if i < n else ''}" for i, name in enumerate(NAMES)]
    reading = beside(
        survey=survey(NAMES[:n], answers=["9"] * 20 + ["77"]),
        consent=consent(few),
        customers=(["customer_id,postcode", *master[: max(n, 90)]], {}),
        contacts=(
            ["customer_id,date,group", *(f"{x},2025-01-01,kampagne" for x in NAMES)],
            {"objected": NAMES[:n]},
        ),
        erasure=(["customer_id", *NAMES[:n], *(f"P-{i}" for i in range(n // 2))], {}),
    )
    check_no_small_difference(reading)


def test_two_groups_of_about_one_size_are_both_shown(beside):
    rows = [f"{x},2025-01-01,{'kampagne' if i < 31 else 'kontrolle'}" for i, x in enumerate(NAMES)]
    reading = beside(contacts=(["customer_id,date,group", *rows[:60]], {}))
    checks = processing_record.companion_checks(reading, k=K).set_index("check")["n"]
    assert checks["Kontakte der Kampagnengruppe"] == 31
    assert checks["Zeilen der Kontrollgruppe"] == 29


def test_a_count_that_is_blank_on_one_page_is_on_no_other(beside):
    reading = beside(survey=survey(NAMES[:98]))
    assert shown(reading) == {"Befragung": set()}


def test_without_tables_there_is_nothing_to_list():
    reading = SimpleNamespace(companions={})
    assert isinstance(processing_record.companions(reading, k=K), Missing)


def test_a_whole_reading_can_be_described(tmp_path):
    orders = [f"{name},2025-01-{1 + i % 28:02d},10,Tee" for i, name in enumerate(NAMES)]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(["customer_id,date,amount,category", *orders]), encoding="utf-8")
    table = tmp_path / "survey.csv"
    table.write_text("\n".join(survey(NAMES[:60])[0]), encoding="utf-8")
    reading = intake.read(str(path), tables={"survey": str(table)}, pseudonymise="off")
    assert processing_record.made_of(reading, "category")["revenue_share"].tolist() == [1.0]
    assert shown(reading)["Befragung"] == {40, 60}
