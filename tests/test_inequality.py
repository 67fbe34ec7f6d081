import pandas as pd
import pytest

from workbench import inequality
from workbench.schema import DataError


def test_concentration_by_hand_takes_part_of_the_customer_at_the_border():
    table = inequality.concentration(pd.Series([1, 5, 1, 2, 1]), shares=[0.2, 0.3, 0.5, 1])
    assert table["share_of_total"].tolist() == pytest.approx([0.5, 0.6, 0.75, 1.0])
    assert table["customers"].tolist() == pytest.approx([1, 1.5, 2.5, 5])


def test_concentration_of_nothing_is_missing():
    assert inequality.concentration(pd.Series([0.0, 0.0]))["share_of_total"].isna().all()


def test_equal_customers_hold_equal_shares():
    table = inequality.concentration(pd.Series([3.0] * 7), shares=[0.1, 0.5, 1.0])
    assert table["share_of_total"].tolist() == pytest.approx([0.1, 0.5, 1.0])


def test_concentration_refuses_what_is_no_share():
    with pytest.raises(ValueError, match=r"shares \[0, 1.5\] are outside"):
        inequality.concentration(pd.Series([1.0]), shares=[0, 0.5, 1.5])
    with pytest.raises(DataError, match="1 of 2 values"):
        inequality.concentration(pd.Series([1.0, -1.0]))
    with pytest.raises(DataError, match="values is empty"):
        inequality.concentration(pd.Series([], dtype=float))


def test_deciles_by_hand():
    values = pd.Series(range(1, 21), index=[f"c{n:02d}" for n in range(20)], dtype=float)
    table = inequality.deciles(values)
    assert table["customers"].tolist() == [2] * 10
    assert table["mean_value"].tolist() == [19.5 - 2 * n for n in range(10)]
    assert table["value_share"].sum() == pytest.approx(1)


def test_deciles_differ_by_one_customer_at_most_and_hold_everybody():
    for n in (3, 10, 11, 23, 99):
        table = inequality.deciles(pd.Series(1.0, index=[f"c{i:03d}" for i in range(n)]))
        assert table["customers"].sum() == n
        assert table["customers"].max() - table["customers"].min() <= 1


def test_order_of_customers_changes_no_decile():
    values = pd.Series([5.0, 5, 5, 1, 1, 9, 2, 2, 2, 7, 7, 3], index=list("abcdefghijkl"))
    shuffled = values.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(inequality.deciles(values), inequality.deciles(shuffled))
