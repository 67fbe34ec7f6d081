import numpy as np
import pandas as pd
import pytest

from workbench import phases, privacy
from workbench.lifecycle import STATES, state_sizes
from workbench.phases import MODELS, basket_ratio, growth, place, prospects, sizes
from workbench.schema import ParameterError

SEEDS = range(20)
AS_OF = pd.Timestamp("2024-12-31")


def orders(**amounts: list[float]) -> pd.DataFrame:
    """One purchase a month, the last one on the as-of day."""
    rows = [
        (name, AS_OF - pd.DateOffset(months=len(own) - 1 - i), amount)
        for name, own in amounts.items()
        for i, amount in enumerate(own)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def one_of_each() -> pd.Series:
    index = pd.Index([f"c{i}" for i in range(len(STATES))], name="customer_id")
    return pd.Series(STATES, index=index, name="state")


def base(seed: int, n: int = 120) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, pd.DataFrame]:
    """Summary, states, orders and the table of customers of a random base."""
    chance = np.random.default_rng(seed)
    index = pd.Index([f"c{i:03d}" for i in range(n)], name="customer_id")
    table = orders(**{name: list(chance.integers(1, 9, 6) * 10.0) for name in index})
    summary = pd.DataFrame({"revenue": table.groupby("customer_id")["amount"].sum()})
    state = pd.Series(chance.choice(np.array(STATES), n), index=index, name="state")
    brought = pd.Series(chance.choice([*index[:30], None], n + 10), dtype=object)
    names = pd.Index([*index, *(f"p{i}" for i in range(10))], name="customer_id")
    return summary, state, table, pd.DataFrame({"referred_by": brought.to_numpy()}, index=names)


# by hand


def test_each_model_has_a_phase_for_every_state():
    for model in MODELS.values():
        assert set(model.of_state) == set(STATES)
        assert set(model.of_state.values()) <= set(model.phases)
        assert model.title == ", ".join(name for name in model.phases if name != phases.LEFT)


def test_the_default_model_puts_silent_customers_into_win_back():
    found = place(one_of_each(), phase_model="akquisition-bindung", orders=orders(), as_of=AS_OF)
    assert dict(zip(STATES, found, strict=True)) == {
        "Aktivierung": "Aktivierung",
        "Einmalkäufer (still)": "Rückgewinnung",
        "Bindung aktiv": "Bindung",
        "Bindung gefährdet": "Bindung",
        "Rückgewinnung": "Rückgewinnung",
        "Reaktiviert": "Bindung",
    }


@pytest.mark.parametrize(
    ("phase_model", "expected"),
    [
        ("aufmerksamkeit-treue", ["Kauf", "Abgewandert", "Treue", "Treue", "Abgewandert", "Treue"]),
        (
            "erkennung-loyalitaet",
            ["Kauf", "Abgewandert", "Loyalität", "Loyalität", "Abgewandert", "Loyalität"],
        ),
        ("erkennung-entscheidung", ["Entscheidungsphase"] * 6),
    ],
)
def test_other_models_see_what_purchases_show(phase_model, expected):
    found = place(one_of_each(), phase_model=phase_model, orders=orders(), as_of=AS_OF)
    assert found.tolist() == expected


def test_growing_baskets_and_referrals_come_before_loyalty():
    table = orders(
        grows=[10, 10, 10, 15], steady=[10, 10, 10, 10], both=[1, 1, 9, 9], gone=[1, 1, 9, 9]
    )
    state = pd.Series(
        ["Bindung aktiv", "Bindung gefährdet", "Reaktiviert", "Rückgewinnung"],
        index=["grows", "steady", "both", "gone"],
    )
    traits = pd.DataFrame({"referred_by": ["both", None]}, index=["grows", "steady"])
    found = place(
        state,
        phase_model="akquisition-empfehlungen",
        orders=table,
        as_of=AS_OF,
        customers=traits,
    )
    assert found.tolist() == ["Umsatzsteigerung", "Bindung", "Empfehlungen", "Abgewandert"]


def test_the_later_half_of_the_baskets_is_compared_with_the_earlier_one():
    table = orders(
        even=[10, 20, 30, 60], odd=[10, 10, 99, 20, 20], few=[1, 9, 9], free=[0, 0, 5, 5]
    )
    assert basket_ratio(table, as_of=AS_OF).to_dict() == {"even": 3.0, "odd": 2.0}
    # A day of returns is no purchase, and what comes later is not known.
    back = pd.DataFrame(
        {"customer_id": ["even"], "date": [AS_OF - pd.Timedelta(days=3)], "amount": -9.0}
    )
    more = pd.DataFrame(
        {"customer_id": ["even"], "date": [AS_OF + pd.Timedelta(days=3)], "amount": 900.0}
    )
    pd.testing.assert_series_equal(
        basket_ratio(pd.concat([table, back, more]), as_of=AS_OF), basket_ratio(table, as_of=AS_OF)
    )


def test_growth_counts_both_ways_by_the_same_factor():
    state = pd.Series(["Bindung aktiv"] * 4 + ["Rückgewinnung"], index=list("abcde"))
    ratio = pd.Series([1.25, 0.8, 1.0, 3.0, 3.0], index=list("abcde"))
    found = growth(state, ratio=ratio)
    assert found[:3] == (2, 1, 1)
    assert found.low == pytest.approx(0.2077, abs=1e-4)  # 2 of 3 by Wilson
    assert np.isnan(growth(state, ratio=ratio * 0 + 1).low)


def test_who_never_bought_is_a_prospect():
    traits = pd.DataFrame(index=pd.Index(["anna", "ben", "cleo"]))
    assert prospects(traits, known=pd.Index(["ben", "zoe"])) == 2
    assert prospects(None, known=pd.Index(["ben"])) is None


# properties


def shown(seed: int, *, k: int, phase_model: str, with_customers: bool = True):
    summary, state, table, traits = base(seed)
    states = state_sizes(summary, state)
    states = privacy.suppress(states, count="customers", k=k, within=["kind", "presence"])
    customers = traits if with_customers else None
    how = {"phase_model": phase_model, "customers": customers}
    phase = place(state, orders=table, as_of=AS_OF, **how)
    return summary, phase, sizes(summary, phase, shown_states=states, k=k, **how)


@pytest.mark.parametrize("phase_model", MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_every_customer_is_in_exactly_one_phase(seed, phase_model):
    summary, state, table, traits = base(seed)
    how = {"phase_model": phase_model, "as_of": AS_OF, "customers": traits}
    found = place(state, orders=table, **how)
    assert found.index.equals(state.index) and found.name == "phase"
    assert found.isin(list(MODELS[phase_model].phases)).all()
    again = place(
        state.sample(frac=1, random_state=seed),
        orders=table.sample(frac=1, random_state=seed),
        **how | {"customers": traits.sample(frac=1, random_state=seed)},
    )
    pd.testing.assert_series_equal(again.sort_index(), found)
    table = shown(seed, k=1, phase_model=phase_model)[2]
    assert table.index.tolist() == list(MODELS[phase_model].phases)
    seen = ~table["basis"].isin([phases.UNSEEN]) & table["revenue"].notna()
    assert table.loc[seen, "customers"].sum() == len(summary)
    assert table.loc[seen, "revenue_share"].sum() == pytest.approx(1)


def test_phases_without_data_have_no_number_and_prospects_are_counted_where_they_are_known():
    without = shown(1, k=5, phase_model="akquisition-empfehlungen", with_customers=False)[2]
    assert without.loc[["Akquisition", "Empfehlungen"], "basis"].tolist() == ["none", "none"]
    assert without.loc[["Akquisition", "Empfehlungen"]].drop(columns="basis").isna().all(axis=None)
    found = shown(1, k=5, phase_model="akquisition-empfehlungen")[2]
    assert found.loc["Akquisition", "customers"] == 10
    assert np.isnan(found.loc["Akquisition", "revenue"])
    assert found.loc["Empfehlungen", "customers"] > 0
    few = shown(1, k=11, phase_model="akquisition-bindung")[2]
    assert np.isnan(few.loc["Akquisition", "customers"])


def test_a_phase_that_would_tell_a_hidden_state_is_hidden():
    index = pd.Index([f"c{i:03d}" for i in range(60)], name="customer_id")
    names = ["Aktivierung"] * 3 + ["Einmalkäufer (still)"] * 17 + ["Bindung aktiv"] * 20
    state = pd.Series(names + ["Rückgewinnung"] * 20, index=index)
    summary = pd.DataFrame({"revenue": 1.0}, index=index)
    states = state_sizes(summary, state)
    states = privacy.suppress(states, count="customers", k=5, within=["kind", "presence"])
    found = sizes(
        summary,
        state.map(dict(MODELS["akquisition-bindung"].of_state)),
        phase_model="akquisition-bindung",
        shown_states=states,
        customers=None,
        k=5,
    )
    # 37 in win-back less 20 of the state would be the 17 that hide the 3.
    assert found["customers"].isna().tolist() == [True, True, False, True]


# messages


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(
        ParameterError, match=r"no phase model 'aida'; there are \['akquisition-bin"
    ):
        place(one_of_each(), phase_model="aida", orders=orders(), as_of=AS_OF)
