import numpy as np
import pandas as pd
import pytest

from workbench.periods import Periods
from workbench.revenue_ratio import WAYS, Design, compare, design, shown
from workbench.schema import TooFewData

START = pd.Timestamp("1997-01-01")
CDNOW = Periods(273, START, pd.Timestamp("1998-06-30"))
DAYS = Design(
    as_of=pd.Timestamp("2024-12-31"),
    landmark=pd.Timestamp("2024-06-30"),
    after_days=60,
    year_start=pd.Timestamp("2024-01-01"),
    year_end=pd.Timestamp("2024-12-31"),
    own_days=100,
)


def orders(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.astype({"date": "datetime64[us]", "amount": float})


@pytest.fixture(scope="module")
def cdnow(sample_orders):
    """The days of domain.md: status on 1997-07-02, revenue of the 52 weeks after it."""
    days = design(CDNOW)._replace(landmark=pd.Timestamp("1997-07-02"))
    return compare(sample_orders, days=days, claimed=7, seed=20050401)


# by hand


def test_each_way_counts_its_own_customers_and_days():
    found = compare(
        orders(
            ("anna", "2023-05-01", 10),
            ("anna", "2024-02-01", 20),
            ("anna", "2024-08-01", 30),
            ("anna", "2024-09-01", 99),
            ("ben", "2024-03-02", 12),
            ("cleo", "2024-12-31", 8),
            ("dora", "2023-01-01", 16),
            ("dora", "2023-04-11", 4),
            ("dora", "2025-01-01", 1000),
        ),
        days=DAYS,
        claimed=3,
        seed=1,
    )
    expected = {
        # anna and dora bought twice, ben and cleo once
        "naive": (2, 2, (159 + 20) / 2, 10.0),
        # by 2024-06-30 ben alone had bought once; 2024-07-01 to 2024-08-29 count
        "landmark": (2, 1, 15.0, 0.0),
        "basket": (2, 4, (149 + 4) / 4, (10 + 12 + 8 + 16) / 4),
        "year": (2, 2, 149 / 2, 10.0),
        "year_buyers": (1, 2, 149.0, 10.0),
        "year_exposure": (2, 2, 149 / 732, 20 / (305 + 1)),
        # stretches of 100 days: anna bought in none of her second one, dora on its first day
        "within_stayed": (1, 1, 4.0, 16.0),
        "within_all": (3, 3, 4 / 3, (10 + 16 + 12) / 3),
    }
    assert found.index.tolist() == list(WAYS)
    columns = ["existing_customers", "new_customers", "mean_existing", "mean_new"]
    for way, values in expected.items():
        assert found.loc[way, columns].tolist() == pytest.approx(values), way
    assert found.loc["naive", "ratio"] == pytest.approx(8.95)
    assert np.isnan(found.loc["landmark", ["ratio", "ratio_low"]].tolist()).all()
    assert found.loc["naive", "share_reaching"] == 0.5
    assert found.loc["naive", "ratio_median"] == pytest.approx(8.95)
    assert found.loc["basket", "ratio_median"] == pytest.approx(25 / 11)


def test_few_customers_on_a_side_are_not_shown_nor_is_a_share_of_few():
    table = pd.DataFrame(
        {
            "existing_customers": [100.0, 100.0, 4.0],
            "new_customers": [50.0, 50.0, 50.0],
            "ratio": 2.0,
            "share_reaching": [0.05, 0.03, 0.5],
        }
    )
    blanked = shown(table, k=5)
    assert blanked["ratio"].isna().tolist() == [False, False, True]
    assert blanked["share_reaching"].isna().tolist() == [False, True, True]


def test_the_days_follow_from_what_the_data_hold():
    found = design(Periods(365, pd.Timestamp("2023-07-02"), pd.Timestamp("2025-12-31")))
    assert (found.landmark, found.after_days) == (pd.Timestamp("2025-01-01"), 364)
    assert (found.year_start, found.year_end) == (
        pd.Timestamp("2025-01-01"),
        pd.Timestamp("2025-12-31"),
    )
    assert found.own_days == 301
    mid_year = design(Periods(365, pd.Timestamp("2020-01-01"), pd.Timestamp("2025-06-30")))
    assert mid_year.year_end == pd.Timestamp("2024-12-31")
    assert mid_year.own_days == 365
    short = design(Periods(182, pd.Timestamp("2010-12-01"), pd.Timestamp("2011-12-09")))
    assert short.after_days == 182
    assert (short.year_start, short.year_end) == (
        pd.Timestamp("2011-06-11"),
        pd.Timestamp("2011-12-09"),
    )


# properties


@pytest.mark.parametrize("seed", range(5))
def test_row_order_and_later_rows_change_nothing(sample_orders, seed):
    some = sample_orders[sample_orders["customer_id"].str[-1] == str(seed)]
    found = compare(some, days=design(CDNOW), claimed=7, seed=seed)
    later = orders(("9999", "1998-07-01", 1000))
    moved = pd.concat([some, later]).sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(compare(moved, days=design(CDNOW), claimed=7, seed=seed), found)


# against domain.md, section 3.4


def test_seven_times_is_naively_5_94_on_cdnow(cdnow):
    row = cdnow.loc["naive"]
    assert row["ratio"] == pytest.approx(5.94, abs=0.005)
    assert row[["ratio_low", "ratio_high"]].tolist() == pytest.approx([5.31, 6.67], abs=0.15)
    n, money = row["existing_customers"], row["existing_customers"] * row["mean_existing"]
    assert n / (n + row["new_customers"]) == pytest.approx(0.48, abs=0.005)
    others = row["new_customers"] * row["mean_new"]
    assert money / (money + others) == pytest.approx(0.85, abs=0.005)


def test_seven_times_is_5_58_from_a_landmark_on(cdnow):
    row = cdnow.loc["landmark"]
    assert row["ratio"] == pytest.approx(5.58, abs=0.005)
    assert row[["ratio_low", "ratio_high"]].tolist() == pytest.approx([4.44, 7.03], abs=0.15)
    assert row[["mean_existing", "mean_new"]].tolist() == pytest.approx([89.52, 16.03], abs=0.005)
    assert row[["existing_customers", "new_customers"]].tolist() == [811, 1546]


def test_a_later_basket_is_1_16_times_the_first(cdnow):
    assert cdnow.loc["basket", "ratio"] == pytest.approx(1.16, abs=0.005)


def test_a_closed_group_has_nobody_new_in_the_year(cdnow):
    assert not {"year", "year_buyers", "year_exposure"} & set(cdnow.index)


# messages


def test_one_purchase_of_each_customer_leaves_nothing_to_compare():
    base = orders(("anna", "2024-12-01", 1), ("ben", "2024-12-02", 1))
    with pytest.raises(TooFewData, match=r"^2 customers up to 2024-12-31 are either all new"):
        compare(base, days=DAYS, claimed=7, seed=1)
