import pandas as pd
import pytest

from workbench import gates, published_model, purchase_models, summary, synthetic
from workbench.schema import TooFewData


def choice_of(name: str, **errors: float) -> gates.Choice:
    table = pd.DataFrame({"error": errors}).rename_axis("model")
    return gates.Choice(name, "lowest_error", table)


@pytest.fixture(scope="module")
def groups(sample_orders) -> pd.DataFrame:
    return summary.profiles(summary.summarise(sample_orders, as_of=pd.Timestamp("1997-09-30")))


@pytest.fixture(scope="module")
def nobody_leaves() -> pd.DataFrame:
    """Customers who buy for ever: dropout is not identified."""
    customers = synthetic.purchase_summary(
        r=1.2, alpha_days=60, a=1e-4, b=10, n_customers=1500, acquisition_days=200, n_days=700,
        seed=3,
    )  # fmt: skip
    return summary.profiles(customers)


def test_the_model_that_the_backtests_chose_is_published(groups):
    choice = choice_of("pareto_nbd", pareto_nbd=0.7, bg_nbd=0.69, nbd=0.9)
    found = published_model.take(groups, choice=choice)
    assert (found.model.name, found.code, found.passed_over) == ("pareto_nbd", "chosen", {})
    assert list(found.fits) == list(purchase_models.MODELS)


def test_without_backtests_the_best_known_model_is_published(groups):
    found = published_model.take(groups, choice=None)
    assert (found.model.name, found.code) == ("bg_nbd", "untested")


def test_a_model_that_collapses_on_all_data_gives_way_to_the_next_best(nobody_leaves):
    choice = choice_of("bg_nbd", bg_nbd=0.7, nbd=0.71, pareto_nbd=0.9)
    found = published_model.take(nobody_leaves, choice=choice)
    assert (found.model.name, found.code) == ("nbd", "next_best")
    assert found.passed_over == {
        "bg_nbd": purchase_models.collapsed(found.fits["bg_nbd"]),
    }


def test_the_best_known_model_is_the_one_published_without_backtests(
    groups, nobody_leaves, monkeypatch
):
    for profiles in (groups, nobody_leaves):
        published = published_model.take(profiles, choice=None)
        assert published_model.best_known(profiles) == published.model
    monkeypatch.setattr(purchase_models.pareto_nbd, "fit", None)  # dear, and not asked
    assert published_model.best_known(groups).name == "bg_nbd"


def test_the_table_has_every_model_with_the_published_one_marked(groups):
    choice = choice_of("mbg_nbd", mbg_nbd=0.7, bg_nbd=0.69)
    found = published_model.take(groups, choice=choice)
    table = published_model.table(found, choice=choice)
    assert list(table.index) == ["mbg_nbd", "bg_nbd", "pareto_nbd", "nbd"]
    assert list(table["is_published"]) == [True, False, False, False]
    bg = found.fits["bg_nbd"]
    assert table.loc["bg_nbd", "aic"] == pytest.approx(8 - 2 * bg.log_likelihood)
    assert table.loc["bg_nbd", "error"] == 0.69
    assert table["error"].isna().tolist() == [False, False, True, True]


def test_too_few_customers_are_counted():
    few = pd.DataFrame({"frequency": [1, 0], "recency": [3.0, 0.0], "T": [9.0, 9.0],
                        "customers": [2, 3]})  # fmt: skip
    with pytest.raises(TooFewData) as problem:
        published_model.take(few, choice=None)
    assert problem.value.have == 2
    with pytest.raises(TooFewData) as problem:
        published_model.best_known(few)
    assert problem.value.have == 2
