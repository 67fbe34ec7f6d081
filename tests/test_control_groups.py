import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import control_groups
from workbench.crm_gate import CONTROL, TARGET
from workbench.customer_groups import GROUPS

person = st.tuples(st.sampled_from(GROUPS[:3]), st.integers(0, 6).map(float))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(person, max_size=40),
    st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 0.99]),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
def test_every_stratum_has_its_share_and_no_order_of_rows_changes_it(rows, share, seed, shuffled):
    index = pd.Index([f"c{i:02}" for i in range(len(rows))], name="customer_id", dtype="str")
    people = pd.DataFrame(rows, columns=["customer_group", "clv"], index=index)
    people["clv"] = people["clv"].astype(float)
    group = control_groups.draw(people, share=share, seed=seed)
    assert set(group) <= {TARGET, CONTROL}
    is_control = group == CONTROL
    assert is_control.sum() == math.floor(round(share * len(people), 9) + 0.5)
    stratum = control_groups.strata(people)
    for name in stratum.unique():
        inside = is_control[stratum == name]
        assert abs(inside.sum() - share * len(inside)) < 1

    order = list(people.index)
    shuffled.shuffle(order)
    pd.testing.assert_series_equal(
        control_groups.draw(people.loc[order], share=share, seed=seed), group
    )


def test_customers_worth_the_same_are_in_one_stratum():
    people = pd.DataFrame(
        {"customer_group": "Neukunden", "clv": [1.0, 2.0, 2.0, 2.0, 9.0]}, index=list("abcde")
    )
    names = control_groups.strata(people)
    assert names[["b", "c", "d"]].nunique() == 1
    assert names.nunique() == 2


def test_the_lot_falls_on_everybody_and_another_seed_draws_others():
    people = pd.DataFrame(
        {"customer_group": "Neukunden", "clv": np.arange(40.0)},
        index=pd.Index([f"c{i:02}" for i in range(40)], name="customer_id"),
    )
    times = sum(control_groups.draw(people, share=0.2, seed=seed) == CONTROL for seed in range(60))
    # Each has a chance of about 8 in 40; three thirds of 14, 13 and 13 get 3, 3 and 2.
    assert times.between(2, 25).all()
    assert times.sum() == 60 * 8


@pytest.mark.parametrize(("sizes", "share", "wanted"), [
    ([15], 0.2, [3]), ([3, 3, 4], 0.5, [2, 1, 2]), ([1, 1, 1], 0.3, [1, 0, 0]), ([], 0.2, []),
])  # fmt: skip
def test_remainders_go_to_the_largest_first(sizes, share, wanted):
    customers = pd.Series(sizes, index=list("abc")[: len(sizes)], dtype=int)
    assert control_groups.sizes(customers, share=share).tolist() == wanted
