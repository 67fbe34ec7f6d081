import pandas as pd
import pytest

from workbench import intake, labelled_sets
from workbench.schema import DataError, ParameterError

AS_OF = pd.Timestamp("2025-06-30")


@pytest.fixture
def read(tmp_path):
    """Write lines as a CSV file and read them as a labelled set."""

    def write_and_read(*lines, columns=None, without=(), **settings):
        path = tmp_path / "set.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return labelled_sets.read(
            path,
            columns=columns or {},
            without=without,
            **{"known_customers": ("1", "2"), "as_of": AS_OF} | settings,
        )

    return write_and_read


def rows(n, *cells):
    """Lines of so many customers; `{n}` is the number of the line, `{flag}` 0 and 1 in turn."""
    return [",".join(cells).format(n=i, flag=i % 2) for i in range(1, n + 1)]


def decisions(companion):
    return companion.identified.set_index("column")["decision"].to_dict()


def dropped(companion):
    n_rows = companion.balance.set_index("reason")["n_rows"].drop(["read", "kept"])
    return n_rows[n_rows > 0].to_dict()


# By hand


def test_numbers_days_and_texts_become_features(read):
    found = read(
        "ID;Response;Income;Since;Kind;Note;Same;PLZ",
        "2;1;1.234,50;04.09.2012;a;eins;3;01067",
        "1;0;;14.09.2012;b;zwei;3;80331",
        *(f"{n};0;2.000,00;01.09.2012;a;wort {n}x;3;01067" for n in range(3, 33)),
        columns={"customer_id": "ID", "label": "Response"},
    )
    table = found.table
    assert list(table.columns) == ["label", "Since", "Income", "Kind", "PLZ"]
    assert table.index.name == "customer_id" and table.index[:2].tolist() == ["1", "10"]
    assert table["label"].dtype == bool and table["label"].sum() == 1
    assert table.loc["2", "Income"] == 1234.5 and pd.isna(table.loc["1", "Income"])
    assert table.loc[["1", "2", "3"], "Since"].tolist() == [0, 10, 13]
    assert table.loc[["1", "2"], "Kind"].tolist() == ["b", "a"]
    assert table.loc["2", "PLZ"] == "01067"
    assert decisions(found) == {
        "ID": "pseudonymised",
        "Response": "used",
        "Income": "used",
        "Since": "used",
        "Kind": "used",
        "Note": "unrepeated",
        "Same": "constant",
        "PLZ": "used",
    }
    counts = found.checks.set_index("code")["n"]
    assert counts[["customers", "customers_known", "events", "others"]].tolist() == [32, 2, 1, 31]


def test_columns_that_name_people_are_left_out_by_name_or_content(read):
    found = read(
        "customer_id,label,Nachname,contact,score",
        *rows(40, "{n}", "{flag}", "Muster {n}", "k{n}@example.org", "{n}"),
    )
    assert list(found.table) == ["label", "score"]
    assert decisions(found)["Nachname"] == decisions(found)["contact"] == "dropped"
    kinds = found.identified.set_index("column")["kind"]
    assert (kinds["Nachname"], kinds["contact"]) == ("name", "email")


def test_columns_can_be_left_out_by_wish(read):
    lines = ["customer_id,label,before,after", *rows(30, "{n}", "{flag}", "{n}", "{flag}")]
    found = read(*lines, without=["after"])
    assert list(found.table) == ["label", "before"]
    assert decisions(found)["after"] == "left_out"


def test_a_few_cells_that_are_no_number_are_empty_and_counted(read):
    lines = [f"{n},{n % 2},{'viel' if n == 7 else n}" for n in range(1, 41)]
    found = read("customer_id,label,x", *lines)
    assert found.table["x"].isna().sum() == 1
    assert found.checks.set_index("code").loc["cells_unreadable", "n"] == 1
    found = read(
        "customer_id,label,x", *[f"{n},{n % 2},{'viel' if n < 25 else n}" for n in range(40)]
    )
    assert found.table["x"].dtype == "str"


def test_rows_without_a_label_a_customer_or_twice_are_dropped_with_their_reason(read):
    found = read(
        "customer_id,label,x",
        *("1,1,5", "1,1,5", "2,,6", ",0,7", "Barverkauf,0,8", "3,0,9", "4,ja,1", "5,nein,2"),
        erased=["3"],
        objected=["5"],
    )
    assert found.table.index.tolist() == ["1", "4"]
    assert found.table["label"].tolist() == [True, True]
    assert dropped(found) == {
        "missing_customer": 1,
        "collective_customer": 1,
        "erased": 1,
        "objected": 1,
        "no_label": 1,
        "duplicate": 1,
    }


def test_who_is_left_out_does_not_move_the_last_day(read):
    lines = ["customer_id,label,since", "1,1,2024-01-01", "2,0,2024-02-01", "3,0,2024-03-01"]
    assert read(*lines).table["since"].tolist() == [60, 29, 0]
    assert read(*lines, erased=["3"]).table["since"].tolist() == [31, 0]


def test_german_headers_are_known(read):
    assert read("kunde_id,label,x", "1,1,2", "2,0,3").table["x"].tolist() == [2, 3]


def test_a_feature_called_like_one_of_ours_gets_another_name(read):
    found = read(
        "customer_id,Response,Label,x,X",
        *("1,1,2,1,1", "2,0,3,2,5"),
        columns={"label": "Response"},
    )
    assert list(found.table) == ["label", "Label (2)", "x", "X (2)"]


def test_texts_lose_what_names_a_customer(read):
    known = [f"KD-{n}000" for n in range(1, 5)]
    lines = [f"{n},{n % 2},{'VIP KD-1000' if n % 3 else 'neu'}" for n in range(60)]
    found = read("customer_id,label,group", *lines, known_customers=known)
    assert set(found.table["group"]) == {"VIP [Kundennummer]", "neu"}


# Properties


def test_the_order_of_rows_and_columns_changes_nothing(read):
    header, *lines = ["customer_id,label,x,kind", *rows(40, "{n}", "{flag}", "{n}", "t{flag}")]
    found = read(header, *lines)
    turned = [",".join(reversed(line.split(","))) for line in (header, *reversed(lines))]
    again = read(*turned)
    assert set(again.table) == set(found.table)
    pd.testing.assert_frame_equal(again.table[list(found.table)], found.table)


def test_rows_read_are_rows_kept_and_dropped(read):
    found = read("customer_id,label,x", "1,1,5", "1,1,5", "2,,6", "3,0,9")
    n_rows = found.balance.set_index("reason")["n_rows"]
    assert n_rows["read"] == n_rows.drop("read").sum() == found.n_rows == 4


def test_a_set_without_rows_or_features_is_read(read):
    assert read("customer_id,label,x").table.empty
    found = read("customer_id,label", "1,1", "2,0")
    assert list(found.table) == ["label"] and len(found.table) == 2


def test_typed_columns_of_a_parquet_file_are_read_as_what_they_are(tmp_path):
    table = pd.DataFrame(
        {
            "customer_id": [f"c{n}" for n in range(40)],
            "label": [n % 2 == 0 for n in range(40)],
            "income": [None if n == 3 else n * 1.5 for n in range(40)],
            "since": pd.date_range("2024-01-01", periods=40),
            "kind": ["a", "b"] * 20,
        }
    )
    intake.write_table(table, tmp_path / "set.parquet")
    found = labelled_sets.read(
        tmp_path / "set.parquet", columns={}, without=(), known_customers=(), as_of=AS_OF
    ).table
    assert found["label"].tolist() == table.set_index("customer_id")["label"][found.index].tolist()
    assert found.loc["c4", "income"] == 6.0 and pd.isna(found.loc["c3", "income"])
    assert found.loc["c0", "since"] == 39
    assert set(found["kind"]) == {"a", "b"}


# Against an authority


def test_marketing_campaign_has_its_published_counts(shared):
    found = labelled_sets.read(
        shared / "data" / "marketing_campaign.csv",
        columns={"customer_id": "ID", "label": "Response"},
        without=(),
        known_customers=(),
        as_of=AS_OF,
    )
    table = found.table
    assert len(table) == 2240 and table["label"].sum() == 334
    assert table["Income"].isna().sum() == 24 and table["Complain"].sum() == 21
    assert sorted(table["Year_Birth"])[:3] == [1893, 1899, 1900]
    # The last of them came on 29 June 2014, customer 5524 on 4 September 2012.
    assert table.loc["5524", "Dt_Customer"] == 663
    constant = {name for name, kind in decisions(found).items() if kind == "constant"}
    assert constant == {"Z_CostContact", "Z_Revenue"}


# Messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": {"x": "y"}}, r"labelled_columns has the keys \['x'\]; allowed are"),
        ({"without": ["label"]}, r"labelled_without names \['label'\], which the set cannot be"),
        ({"without": ["z"]}, r"labelled_without names \['z'\], which the set lacks; it has .*'x'"),
    ],
)
def test_a_wrong_name_is_refused_with_those_that_are_there(read, settings, message):
    with pytest.raises(ParameterError, match=message):
        read("customer_id,label,x", "1,1,2", **settings)


def test_columns_that_are_missing_are_refused_with_a_mapping_to_paste(read):
    message = (
        r"set.csv lacks \['customer_id', 'label'\]; it has \['ID', 'Response'\]. Say which they "
        r"are, like labelled_columns=\{customer_id: ID, label: Response\}."
    )
    with pytest.raises(DataError, match=message):
        read("ID,Response", "1,1")
    with pytest.raises(DataError, match=r"lacks \['Id'\]; it has \['ID', 'Response'\]"):
        read("ID,Response", "1,1", columns={"customer_id": "Id", "label": "Response"})


def test_a_label_that_is_neither_0_nor_1_is_refused_with_its_line(read):
    with pytest.raises(DataError, match=r"1 of 2 values of 'label' .* are not 0 or 1.*line 3: '2'"):
        read("customer_id,label", "1,1", "2,2")


def test_two_rows_of_one_customer_that_differ_are_refused(read):
    with pytest.raises(DataError, match=r"1 customers in set.csv .* in lines 2 and 4\. Keep one"):
        read("customer_id,label,x", "1,1,2", "2,0,2", "1,0,2")
