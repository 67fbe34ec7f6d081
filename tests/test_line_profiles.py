import pandas as pd
import pytest

from workbench import customer_attributes
from workbench.line_profiles import main_choice

AS_OF = pd.Timestamp("2024-06-30")


def lines(*rows: tuple) -> pd.DataFrame:
    names = ["customer_id", "date", "category", "amount", "product_id"]
    table = pd.DataFrame(rows, columns=names)
    return table.astype({"date": "datetime64[us]", "amount": float})


def test_a_customer_is_named_by_what_he_spends_most_on_less_what_came_back():
    found = main_choice(
        lines(
            ("anna", "2024-01-01", "Tee", 9, "p1"),
            ("anna", "2024-01-02", "Kaffee", 8, "p2"),
            ("anna", "2024-01-03", "Tee", -5, "p1"),
            ("ben", "2024-01-01", "Tee", 3, "p1"),
            ("ben", "2024-01-01", "Kaffee", 3, "p2"),
            ("cleo", "2024-07-01", "Tee", 3, "p1"),
            ("dora", "2024-01-01", "Versand", 90, "POST"),
            ("dora", "2024-01-01", "Tee", 1, "p1"),
            ("emil", "2024-01-01", None, 4, "p1"),
            (None, "2024-01-01", "Tee", 4, "p1"),
            ("finn", "2024-01-01", "Tee", -4, "p1"),
        ),
        "main_category",
        as_of=AS_OF,
    )
    # Postage is no goods, and what came later does not count.
    assert found.to_dict() == {"anna": "Kaffee", "ben": "Kaffee", "dora": "Tee"}
    assert found.name == "main_category"


def test_a_source_that_does_not_say_it_names_nobody():
    table = lines(("anna", "2024-01-01", "Tee", 9, "p1"))
    assert main_choice(table, "main_channel", as_of=AS_OF).empty
    assert main_choice(None, "main_category", as_of=AS_OF).empty


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_lines_changes_nothing(seed):
    table = lines(
        *((f"c{i % 9}", "2024-01-01", f"k{i % 5}", (7 * i) % 11, "p1") for i in range(60))
    )
    expected = main_choice(table, "main_category", as_of=AS_OF)
    shuffled = table.sample(frac=1, random_state=seed)
    pd.testing.assert_series_equal(main_choice(shuffled, "main_category", as_of=AS_OF), expected)


def test_what_is_known_of_customers_is_gathered_and_what_of_nobody_left_out():
    master = pd.DataFrame(
        {"age_group": ["19-24", None], "country": ["AT", None], "postcode": ["10", None]},
        index=pd.Index(["anna", "zoe"], name="customer_id"),
    )
    people = pd.Index(["anna", "ben"], name="customer_id")
    found = customer_attributes.collect(
        {"customers": master},
        lines(("ben", "2024-01-01", "Tee", 9, "p1")),
        customers=people,
        as_of=AS_OF,
    )
    assert found.index.equals(people)
    assert found.loc["anna"].dropna().to_dict() == {
        **{"age_group": "19-24", "country": "Österreich"},
        **{"postcode_area": "AT 1…", "postcode_area_2": "AT 10…"},
    }
    assert found.loc["ben"].dropna().to_dict() == {"main_category": "Tee"}


def test_without_tables_and_lines_nothing_is_known():
    people = pd.Index(["anna"], name="customer_id")
    found = customer_attributes.collect({}, None, customers=people, as_of=AS_OF)
    assert found.shape == (1, 0)
