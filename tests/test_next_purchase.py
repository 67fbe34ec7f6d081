import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from workbench import next_purchase, purchase_models, summary, synthetic
from workbench.mbg_nbd import MbgNbd
from workbench.nbd import Nbd
from workbench.next_purchase import dates, expect, timing
from workbench.pareto_nbd import ParetoNbd
from workbench.purchases import BgNbd
from workbench.schema import DataError

NOT_FITTED = ((), 0.0, 0, 0, 1.0)
MODELS = [
    BgNbd(0.243, 4.414 * 7, 0.793, 2.426, *NOT_FITTED),
    MbgNbd(0.525, 6.183 * 7, 0.891, 1.614, *NOT_FITTED),
    ParetoNbd(0.553, 10.578 * 7, 0.606, 11.669 * 7, *NOT_FITTED),
    Nbd(0.385, 12.072 * 7, *NOT_FITTED),
]
names = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def customers(**columns):
    return pd.DataFrame(columns, dtype=float)


@pytest.fixture(scope="module")
def base(sample_orders):
    return summary.summarise(sample_orders, as_of=pd.Timestamp("1998-06-30"))


# by hand


def test_a_rate_known_for_sure_gives_the_exponential_day():
    """Without leaving, and r as large as this, everyone buys every ten days."""
    model = Nbd(1e7, 1e8, *NOT_FITTED)
    found = expect(model, customers(frequency=[0], recency=[0], T=[5]), horizon_days=1e5).iloc[0]
    assert found["next_median_days"] == pytest.approx(10 * np.log(2), rel=2e-3)
    assert found["next_low_days"] == pytest.approx(-10 * np.log(0.95), abs=0.02)
    assert found["next_high_days"] == pytest.approx(-10 * np.log(0.05), rel=2e-3)
    assert found["p_next_purchase"] == found["p_comes_back"] == 1


def test_who_is_more_likely_gone_has_a_range_but_no_median_day():
    found = expect(MODELS[0], customers(frequency=[5], recency=[60], T=[500]), horizon_days=365)
    assert found["p_comes_back"].item() < 0.01
    assert np.isnan(found["next_median_days"].item())
    assert 0 < found["next_low_days"].item() < found["next_high_days"].item() < 365


def test_a_chance_that_rounds_to_nothing_has_no_day():
    model = MbgNbd(500.0, 10.0, 1.0, 1.0, *NOT_FITTED)
    found = expect(model, customers(frequency=[0], recency=[0], T=[3650]), horizon_days=30).iloc[0]
    assert found["p_next_purchase"] == found["p_comes_back"] == 0
    assert found[["next_median_days", "next_low_days", "next_high_days"]].isna().all()


def test_classes_of_days_hold_every_customer_once():
    expected = pd.DataFrame(
        {
            "next_median_days": [30.0, 30.1, 91.0, 365.0, 366.0, np.nan],
            "p_next_purchase": [0.9, 0.8, 0.7, 0.5, 0.4, 0.1],
        }
    )
    found = timing(expected)
    assert found["customers"].tolist() == [1, 2, 1, 1, 1]
    assert found["from_days"].tolist()[:4] == [1, 31, 92, 366]
    assert found["to_days"].tolist()[:3] == [30, 91, 365]
    assert found[["from_days", "to_days"]].iloc[-1].isna().all()
    np.testing.assert_allclose(found["expected_buyers"], [0.9, 1.5, 0.5, 0.4, 0.1])
    assert found["customer_share"].sum() == pytest.approx(1)


def test_days_become_dates_and_missing_ones_stay_missing():
    ahead = pd.DataFrame(
        {"next_median_days": [np.nan, 1.0], "next_low_days": 0.2, "next_high_days": 9.5},
        index=["b", "a"],
    )
    found = dates(ahead, as_of=pd.Timestamp("2024-02-28"))
    assert found.index.tolist() == ["b", "a"]
    assert found["next_median_date"].isna().tolist() == [True, False]
    assert found.loc["a"].tolist() == [
        pd.Timestamp("2024-02-29"),
        pd.Timestamp("2024-02-29"),
        pd.Timestamp("2024-03-09"),
    ]


# properties


@names
def test_days_read_from_the_grid_are_those_of_a_root_finder(model):
    known = customers(
        frequency=[0, 1, 3, 12, 40, 200],
        recency=[0, 30, 200, 500, 540, 545],
        T=[3, 90, 260, 520, 545, 546],
    )
    found = expect(model, known, horizon_days=365)
    for place in range(len(known)):
        one = known.iloc[[place]]

        def missing(log_days, chance, one=one):
            days = np.expm1(log_days)
            silent = purchase_models.p_no_purchase(model, one, days=days).item()
            return 1 - silent - chance

        within = missing(np.log1p(365), 0)
        chances = {
            "next_median_days": 0.5,
            "next_low_days": 0.05 * within,
            "next_high_days": 0.95 * within,
        }
        for column, chance in chances.items():
            if np.isnan(found[column].iloc[place]):
                assert missing(np.log1p(1825), chance) < 0
                continue
            root = np.expm1(brentq(missing, 0, np.log1p(1825), args=(chance,), xtol=1e-12))
            assert found[column].iloc[place] == pytest.approx(root, rel=2e-3, abs=0.02)


@names
def test_the_longer_a_customer_is_silent_the_later_he_is_expected(model):
    silence = np.arange(0, 600, 30.0)
    known = customers(
        frequency=np.full(len(silence), 6), recency=np.full(len(silence), 200), T=200 + silence
    )
    found = expect(model, known, horizon_days=91)
    assert (found["p_next_purchase"].diff().dropna() < 0).all()
    assert (found["p_comes_back"].diff().dropna() <= 0).all()
    median = found["next_median_days"]
    shown = median.dropna()
    assert len(shown) >= 2 and (shown.diff().dropna() > 0).all()
    # Once it is gone it stays gone.
    assert median.isna().is_monotonic_increasing


@names
def test_rows_in_any_order_and_in_chunks_of_any_size_get_the_same_days(model, base, monkeypatch):
    part = base.iloc[:200]
    whole = expect(model, part, horizon_days=91)
    monkeypatch.setattr(next_purchase, "CHUNK", 17)
    mixed = part.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        expect(model, mixed, horizon_days=91).sort_index(), whole, rtol=1e-12
    )


def test_of_those_who_buy_again_nine_in_ten_do_so_in_their_range():
    """40,000 customers of a known BG/NBD world, and what they did in the year after."""
    world = {"r": 0.5, "alpha_days": 40.0, "a": 0.8, "b": 3.0, "n_customers": 40_000, "seed": 3}
    start, as_of = pd.Timestamp("2020-01-01"), pd.Timestamp("2021-06-30")
    orders = synthetic.purchases(
        **world, p=6.0, q=4.0, v=15.0, start=start, acquisition_days=180, end=as_of + _year()
    )
    known = summary.summarise(orders, as_of=as_of)
    later = orders[orders["date"] > as_of].groupby("customer_id")["date"].min()
    ahead = (later - as_of).dt.days.reindex(known.index)
    model = BgNbd(0.5, 40.0, 0.8, 3.0, *NOT_FITTED)
    found = expect(model, known, horizon_days=365)
    bought = ahead.notna()

    # A day of the table is the day in which the moment falls.
    inside = (ahead >= np.ceil(found["next_low_days"])) & (
        ahead <= np.ceil(found["next_high_days"])
    )
    n_bought = int(bought.sum())
    assert n_bought > 10_000
    assert inside[bought].mean() == pytest.approx(0.9, abs=0.02)
    # No wider than it must be: both ends are missed about as often.
    assert (ahead[bought] < np.ceil(found["next_low_days"][bought])).mean() == pytest.approx(
        0.05, abs=0.02
    )
    error = 4 * np.sqrt((found["p_next_purchase"] * (1 - found["p_next_purchase"])).sum())
    assert found["p_next_purchase"].sum() == pytest.approx(n_bought, abs=error)
    # Half of those with a median day have bought by it.
    has_median = found["next_median_days"] < 365
    by_then = ahead[has_median] <= np.ceil(found["next_median_days"][has_median])
    assert by_then.mean() == pytest.approx(0.5, abs=0.02)


def _year():
    return pd.Timedelta(days=365)


# against an authority


def test_the_customers_of_cdnow_are_expected_as_the_model_says_of_all(base):
    model = purchase_models.fit("bg_nbd", summary.profiles(base))
    found = expect(model, base, horizon_days=91)
    silent = purchase_models.p_no_purchase(model, base, days=91)
    np.testing.assert_allclose(found["p_next_purchase"], 1 - silent, atol=1e-12)
    assert (found["p_comes_back"] >= found["p_next_purchase"]).all()
    table = timing(found)
    assert table["customers"].sum() == 2357
    assert table["expected_buyers"].sum() == pytest.approx((1 - silent).sum())


# messages


def test_a_horizon_that_is_none_is_refused(base):
    with pytest.raises(ValueError, match="horizon_days=0 must be positive"):
        expect(MODELS[0], base, horizon_days=0)
    with pytest.raises(ValueError, match="level=90 must lie between 0 and 1"):
        expect(MODELS[0], base, horizon_days=30, level=90)
    with pytest.raises(DataError, match="1 of 1 rows break"):
        expect(MODELS[0], customers(frequency=[1], recency=[9], T=[5]), horizon_days=30)
