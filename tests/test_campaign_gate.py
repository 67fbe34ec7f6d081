import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import campaign_gate, campaign_lists, control_groups
from workbench.consents import GRANTS, STATUSES
from workbench.crm_gate import CONTROL, TARGET
from workbench.customer_groups import GROUPS
from workbench.schema import ParameterError


def customers(rows: list[tuple]) -> pd.DataFrame:
    names = ["customer_group", "p_purchase", "clv", "may_be_listed", "pressed", "gain", "cost"]
    index = pd.Index([f"c{i:02}" for i in range(len(rows))], name="customer_id")
    return pd.DataFrame(rows, columns=names, index=index)


def consent_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "channel", "status"], dtype="str")


def reasons(people: pd.DataFrame, consent, *, channel="email", groups=(), rule="lohnend"):
    return campaign_gate.reasons(
        people,
        consent=consent,
        channel=channel,
        pressed=people["pressed"],
        meant=campaign_gate.chosen(people, groups=groups, rule=rule),
        gain=people["gain"],
    )


# by hand

EVERY = [
    ("Neukunden", 0.2, 10.0, True, False, 3.0, 1.0),
    ("Neukunden", 0.2, 20.0, False, True, 3.0, 1.0),
    ("Neukunden", 0.2, 30.0, True, True, 3.0, 1.0),
    ("Stammkunden", 0.9, 60.0, True, False, 3.0, 1.0),
    ("Neukunden", 0.2, 40.0, True, False, 0.0, 1.0),
    ("Neukunden", 0.2, 50.0, True, False, 2.0, 1.0),
    ("Stammkunden", 0.9, 60.0, False, True, -3.0, 1.0),
    ("Stammkunden", 0.9, 60.0, False, True, -3.0, 1.0),
]


def test_the_first_reason_counts_and_all_add_up():
    people = customers(EVERY)
    rows = [(name, "email", "opt_in") for name in people.index[:6]]
    consent = consent_of(*rows, ("c06", "email", "widerspruch"), ("c07", "email", "keine"))
    reason = reasons(people, consent, groups=["Neukunden"])
    costs = {"budget": 1.0, "fixed_cost": 0.0}
    open_still = people[reason.isin(["", "not_worth"])]
    ranked = campaign_lists.rank(open_still, control_share=0.0, **costs)
    group = pd.Series(TARGET, index=ranked.listed)
    ranked, group = campaign_lists.cut(ranked, group=group, least=1, **costs)
    reason = campaign_lists.settle(reason, ranked)
    assert reason.tolist() == [
        *("", "former", "pressed", "not_chosen", "not_worth", "beyond_budget"),
        *("objection", "no_legal_basis"),
    ]
    found = campaign_gate.counts(reason, group=group)
    assert found.index.tolist() == [*campaign_gate.REASONS, CONTROL, TARGET]
    assert found["customers"].tolist() == [1] * 7 + [0, 1]
    assert found["customers"].sum() == len(people)


def test_an_unknown_group_is_refused_with_those_that_there_are():
    with pytest.raises(ParameterError, match=r"\['Stammkundn'\]; the groups are VIP-Kunden, Sta"):
        campaign_gate.chosen(customers(EVERY), groups=["Stammkundn"], rule="lohnend")


def test_equal_customers_are_chosen_together():
    people = customers(EVERY)
    chosen = campaign_gate.chosen(people, groups=[], rule="wertvoll")
    assert people.index[chosen].tolist() == ["c03", "c06", "c07"]
    alike = people.assign(clv=5.0)
    assert campaign_gate.chosen(alike, groups=[], rule="wertvoll").all()


def test_without_consents_all_other_reasons_still_count():
    reason = reasons(customers(EVERY), None, rule="gefaehrdet")
    assert reason.tolist() == ["", "former", "pressed", "not_chosen", "not_worth", "", "former",
                               "former"]  # fmt: skip


# properties

statuses = st.sampled_from([*STATUSES, None])
person = st.tuples(
    st.sampled_from(GROUPS),
    st.floats(0, 1),
    st.sampled_from([0.0, 5.0, 20.0]),
    *(st.booleans(), st.booleans()),
    st.sampled_from([-1.0, 0.0, 1.0, 2.5]),
    st.sampled_from([0.0, 0.5, 2.0]),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(person, statuses, statuses, statuses), min_size=1, max_size=10),
    st.sampled_from(sorted(campaign_gate.CHANNELS)),
    st.sampled_from([0.0, 1.0, 4.0]),
    st.sampled_from([0.0, 0.2, 0.5]),
    st.randoms(use_true_random=False),
)
def test_nobody_is_on_a_list_without_a_basis_and_no_order_of_rows_changes_it(
    drawn, channel, budget, share, shuffled
):
    people = customers([row for row, *_ in drawn])
    rows = [
        (customer, name, status)
        for customer, (_, own, every, profiling) in zip(people.index, drawn, strict=True)
        for name, status in ((channel, own), ("alle", every), ("profiling", profiling))
        if status is not None
    ]

    def plan(table: pd.DataFrame, said: list[tuple]) -> tuple[pd.Series, pd.Series]:
        reason = reasons(table, consent_of(*said), channel=channel)
        open_still = table[reason.isin(["", "not_worth"])]
        costs = {"budget": budget, "fixed_cost": 0.5}
        ranked = campaign_lists.rank(open_still, control_share=share, **costs)
        group = control_groups.draw(table.loc[ranked.listed], share=share, seed=7)
        ranked, group = campaign_lists.cut(ranked, group=group, least=1, **costs)
        return campaign_lists.settle(reason, ranked), group

    reason, group = plan(people, rows)
    said = {(customer, name): status for customer, name, status in rows}
    for customer in group.index:
        own = said.get((customer, channel), said.get((customer, "alle")))
        assert own in GRANTS
        assert own == "opt_in" or channel == "email"
        assert "widerspruch" not in (
            said.get((customer, "alle")),
            said.get((customer, "profiling")),
        )
        assert people.loc[customer, "may_be_listed"]
        assert not people.loc[customer, "pressed"]
        assert people.loc[customer, "gain"] > 0
    assert set(group.index) == set(reason.index[reason == ""])
    assert set(group) <= {TARGET, CONTROL}
    counts = campaign_gate.counts(reason, group=group)
    assert counts["customers"].sum() == len(people)
    contacted = people.loc[group.index[group == TARGET]]
    if len(group):
        assert contacted["gain"].sum() > 0.5
    if budget:
        assert contacted["cost"].sum() <= max(0, budget - 0.5) + 1e-9

    order = list(people.index)
    shuffled.shuffle(order)
    shuffled.shuffle(rows)
    again, same = plan(people.loc[order], rows)
    pd.testing.assert_series_equal(again.sort_index(), reason)
    pd.testing.assert_series_equal(same, group)
