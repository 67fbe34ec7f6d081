import numpy as np
import pandas as pd
import pytest

from workbench import contract_lives
from workbench.schema import TooFewData

AS_OF = pd.Timestamp("2024-12-31")


def table(*rows) -> pd.DataFrame:
    """Contracts of lines like ``anna 2024-01-01 2024-03-31 Basis``; ``-`` is none."""
    cells = pd.DataFrame([row.split() for row in rows])
    named = cells.set_axis(["customer_id", "start", "end", "tariff"][: cells.shape[1]], axis=1)
    named = named.replace("-", pd.NA).astype("str")
    days = {name: pd.to_datetime(named[name]) for name in ("start", "end")}
    return named.assign(**days)


def many(n, *, seed, monthly=0.05, customers=None) -> pd.DataFrame:
    """Contracts from 2022 on that end with the same chance on every day."""
    chance = np.random.default_rng(seed)
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(chance.integers(0, 1000, n), unit="D")
    days = np.ceil(chance.exponential(30 / monthly, n))
    end = pd.Series(start + pd.to_timedelta(days, unit="D"))
    ids = chance.integers(0, customers or 10 * n, n)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(ids).astype("str"),
            "start": start,
            "end": end.where(end <= AS_OF),
            "tariff": chance.choice(["Basis", "Plus"], n),
        }
    )


# By hand


def test_the_curve_is_that_of_greenwood_by_hand():
    # 60 contracts of two lengths: 30 end after 61 days, 10 after 122, 20 run for 200 days.
    rows = [f"a{n} 2024-01-01 2024-03-02" for n in range(30)]
    rows += [f"b{n} 2024-01-01 2024-05-02" for n in range(10)]
    rows += [f"c{n} 2024-06-14 -" for n in range(20)]
    curve = contract_lives.survival(table(*rows), as_of=AS_OF)
    # Thirty are observed for 122 days, a third of a year, and only twenty longer.
    assert curve.index.tolist() == [1, 2, 3, 4]
    assert curve["kept_share"].tolist() == [1.0, 0.5, 0.5, pytest.approx(1 / 3)]
    assert curve["ended"].tolist() == [0, 30, 30, 40]
    assert curve["ended_later"].tolist() == [40, 10, 10, 0]
    assert curve["observed"].tolist() == [60, 60, 30, 30]
    # Greenwood: the variance of log S is 30 / (60 * 30) = 1 / 60; bounds on the log(-log) scale.
    reach = 1.959963984540054 * np.sqrt(1 / 60) / np.log(2)
    assert curve.loc[2, "low"] == pytest.approx(0.5 ** np.exp(reach), abs=1e-12)
    assert curve.loc[2, "high"] == pytest.approx(0.5 ** np.exp(-reach), abs=1e-12)
    assert (curve.loc[1, "low"], curve.loc[1, "high"]) == (1.0, 1.0)


def test_a_contract_runs_up_to_its_last_day_and_not_on_it():
    found = table("anna 2024-01-01 2024-03-31", "ben 2024-03-31 -")
    for day, expected in (
        ("2023-12-31", [False, False]),
        ("2024-03-30", [True, False]),
        ("2024-03-31", [False, True]),
    ):
        assert contract_lives.runs(found, day=pd.Timestamp(day)).tolist() == expected


def test_the_rate_of_a_month_counts_contracts_that_ran_when_it_began():
    others = [f"c{n} 2024-02-10 -" for n in range(28)]
    found = contract_lives.rates(
        table(
            "anna 2024-01-15 2024-02-01",
            *(f"b{n} 2024-01-15 2024-02-29" for n in range(29)),
            "b0 2024-01-20 -",
            "carl 2024-02-01 2024-02-20",
            "dora 2024-02-10 2024-03-01",
            *others,
        ),
        as_of=pd.Timestamp("2024-04-29"),
        length="M",
    )
    assert found.index.tolist() == [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-03-01")]
    assert found["contracts"].tolist() == [31, 30]
    assert found["customers"].tolist() == [30, 30]
    assert found["ended"].tolist() == [30, 1]
    assert found["customers_ended"].tolist() == [30, 1]
    assert found["end_rate"].tolist() == [pytest.approx(30 / 31), pytest.approx(1 / 30)]
    # Wilson for 1 of 30: (p + z²/60 ± z sqrt(p (1 - p) / 30 + z²/3600)) / (1 + z²/30).
    z, p = 1.959963984540054, 1 / 30
    half = z * np.sqrt(p * (1 - p) / 30 + z**2 / 3600) / (1 + z**2 / 30)
    middle = (p + z**2 / 60) / (1 + z**2 / 30)
    assert found["low"].iloc[1] == pytest.approx(middle - half)
    assert found["high"].iloc[1] == pytest.approx(middle + half)
    # In February, Dora, Carl and 28 others began; in March nobody.
    assert found["fewest"].tolist() == [30, 1]


def test_who_began_between_two_rows_is_a_group_too():
    rows = [f"a{n} 2024-01-10 -" for n in range(40)] + ["b 2024-02-10 -", "c 2024-02-11 -"]
    found = contract_lives.rates(table(*rows), as_of=AS_OF, length="M")
    assert found["fewest"].tolist()[:2] == [2, 42]


def test_a_rate_begins_with_thirty_contracts():
    rows = [f"a{n} 2024-01-10 -" for n in range(29)] + ["b 2024-02-10 -"]
    found = contract_lives.rates(table(*rows), as_of=AS_OF, length="M")
    assert found.index[0] == pd.Timestamp("2024-03-01")


def test_tariffs_are_compared_over_the_last_year():
    found = contract_lives.by_tariff(
        table(
            "anna 2023-01-01 2024-06-30 Basis",
            "ben 2023-01-01 - Basis",
            "carl 2023-01-01 - -",
            "dora 2024-06-01 2024-07-31 Plus",
            "emil 2022-01-01 2023-01-01 Plus",
        ),
        as_of=AS_OF,
    )
    assert found.index.tolist() == ["Basis", "unbekannt"]
    assert found["contracts"].tolist() == [2, 1]
    assert found["ended"].tolist() == [1, 0]


def test_who_changes_to_another_contract_does_not_leave():
    found = table(
        "anna 2023-01-01 2024-02-09",
        "anna 2024-02-10 -",
        "ben 2023-01-01 2024-02-10",
        "carl 2023-01-01 2024-01-05",
        "dora 2023-01-01 2024-03-15",
        "emil 2023-01-01 -",
    )
    origin = pd.Timestamp("2024-01-01")
    held = contract_lives.holders(found, origin=origin)
    assert held.index.tolist() == ["anna", "ben", "carl", "dora", "emil"]
    # The window is from 12 January to 10 February: carl left in the gap, dora after it.
    told = contract_lives.left(
        found, origin=origin, gap_days=10, horizon_days=30, customers=held.index[::-1]
    )
    assert told.to_dict() == {
        "anna": False,
        "ben": True,
        "carl": False,
        "dora": False,
        "emil": False,
    }


def test_holders_are_described_by_what_was_known():
    found = table(
        "anna 2023-01-01 2024-06-30 Basis",
        "anna 2023-12-01 - Plus",
        "anna 2022-01-01 2022-12-31 Alt",
        "ben 2024-02-01 - -",
        "carl 2022-01-01 2023-12-31 Basis",
    )
    told = contract_lives.holders(found, origin=pd.Timestamp("2024-01-01"))
    assert told.to_dict("index") == {
        "anna": {
            "contract_days": 365.0,
            "contracts_running": 2.0,
            "contracts_ended": 1.0,
            "tariff": "Plus",
        }
    }


def test_reasons_are_counted_with_those_that_nobody_gave():
    found = table("anna 2024-01-01 2024-02-01", "ben 2024-01-01 2024-02-01", "carl 2024-01-01 -")
    found["end_reason"] = ["Preis", pd.NA, pd.NA]
    told = contract_lives.reasons(found, as_of=AS_OF)
    assert told["contracts"].to_dict() == {"Preis": 1, "unbekannt": 1}
    assert told["contract_share"].tolist() == [0.5, 0.5]


# Properties


@pytest.mark.parametrize("seed", range(5))
def test_what_comes_after_the_day_and_the_order_of_rows_change_nothing(seed):
    now = many(400, seed=seed, customers=300)
    day = pd.Timestamp("2024-06-30")
    changed = now[now["start"] <= day].sample(frac=1, random_state=seed)
    changed = changed.assign(end=changed["end"].where(changed["end"] <= day, AS_OF))
    for told in (
        lambda rows: contract_lives.survival(rows, as_of=day),
        lambda rows: contract_lives.rates(rows, as_of=day, length="Q"),
        lambda rows: contract_lives.by_tariff(rows, as_of=day),
        lambda rows: contract_lives.holders(rows, origin=day),
    ):
        pd.testing.assert_frame_equal(told(now), told(changed))


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_the_rate_find_the_chance_that_made_them(seed):
    found = many(3000, seed=seed)
    curve = contract_lives.survival(found, as_of=AS_OF)
    expected = np.exp(-0.05 * curve.index / 30 * 365 / 12)
    assert (curve["low"] - 0.02 < expected).all() and (expected < curve["high"] + 0.02).all()
    rates = contract_lives.rates(found, as_of=AS_OF, length="Q")
    monthly = 1 - np.exp(-0.05 * 91.3 / 30)
    assert rates["end_rate"].mean() == pytest.approx(monthly, abs=0.015)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_no_step_between_two_months_that_stay_speaks_of_fewer_than_k(k):
    found = many(600, seed=k, customers=450)
    curve = contract_lives.survival(found, as_of=AS_OF)
    shown = contract_lives.thin(curve, k=k)
    kept = curve[shown["kept_share"].notna()]
    steps = np.diff([0, *kept["customers_ended"]])
    same = np.diff([0, *kept["ended"]]) == 0
    assert ((steps >= k) | same).all()
    assert len(kept) >= 3
    assert kept["customers_ended_later"].iloc[-1] >= k or kept["ended_later"].iloc[-1] == 0


def test_the_length_of_a_period_grows_with_what_must_be_hidden():
    found = many(600, seed=1)
    lengths = [contract_lives.period_length(found, as_of=AS_OF, k=k) for k in (1, 20, 200)]
    assert lengths == ["M", "Q", "Y"]


# Messages


def test_too_few_ends_are_counted():
    rows = [f"a{n} 2024-01-01 2024-03-01" for n in range(29)]
    with pytest.raises(TooFewData, match="needs 30 contracts that ended; there are 29") as caught:
        contract_lives.survival(table(*rows), as_of=AS_OF)
    assert (caught.value.have, caught.value.need) == (29, 30)


def test_without_a_contract_a_year_ago_there_is_no_rate_by_tariff():
    with pytest.raises(TooFewData, match="no contract ran on 2024-01-01") as caught:
        contract_lives.by_tariff(table("anna 2024-03-01 - Basis"), as_of=AS_OF)
    assert (caught.value.have, caught.value.need) == (305, 365)


def test_without_contracts_there_are_no_rates():
    none = table("anna 2024-03-01 -").iloc[:0]
    assert contract_lives.rates(none, as_of=AS_OF, length="M").empty
    assert contract_lives.period_length(none, as_of=AS_OF, k=5) == "Y"
