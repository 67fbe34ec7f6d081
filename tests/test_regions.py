import re

import pandas as pd

from workbench.regions import PARTS, regions


def customers(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["country", "postcode"], dtype="str")


def test_a_country_is_named_and_its_part_where_the_country_says_it():
    found = regions(customers(("DE", "01"), ("at-9", "10"), ("CH-ZH", None), ("FR", "75")))
    assert found["country"].tolist() == ["Deutschland", "Österreich", "Schweiz", "FR"]
    assert found["country_part"].fillna("").tolist() == ["", "Wien", "Zürich", ""]
    assert found["postcode_area"].fillna("").tolist() == ["DE 0…", "AT 1…", "", "FR 7…"]
    assert found["postcode_area_2"].fillna("").tolist() == ["DE 01…", "AT 10…", "", "FR 75…"]


def test_a_postcode_without_a_country_is_an_area_and_one_that_is_none_is_unknown():
    found = regions(customers((None, "12"), ("DE", "1A"), ("DE", "7"), (None, None)))
    assert found["postcode_area_2"].fillna("").tolist() == ["12…", "", "", ""]
    assert found["country"].fillna("").tolist() == ["", "Deutschland", "Deutschland", ""]


def test_a_name_with_a_hyphen_is_no_code():
    assert regions(customers(("Bosnien-Herzegowina", None)))["country"].tolist() == [
        "Bosnien-Herzegowina"
    ]


def test_the_parts_are_those_of_iso_3166_2():
    # 16 Länder, 9 Bundesländer, 26 Kantone.
    assert {country: len(parts) for country, parts in PARTS.items()} == {
        **{"DE": 16, "AT": 9, "CH": 26}
    }
    for parts in PARTS.values():
        assert len(set(parts.values())) == len(parts)
        assert all(re.fullmatch(r"[A-Z]{2}|[1-9]", code) for code in parts)


def test_the_argument_is_unchanged_and_the_index_stays():
    table = customers(("DE", "01")).set_axis(["anna"])
    before = table.copy()
    assert regions(table).index.tolist() == ["anna"]
    pd.testing.assert_frame_equal(table, before)
