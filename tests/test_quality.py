import numpy as np
import pandas as pd
import pytest

from workbench import quality
from workbench.quality import CAUTION, GOOD, RULES, SERIOUS, UNTESTED, core, hide_small, inspect
from workbench.schema import DataError

SEEDS = range(20)
REASONS = (
    "missing_customer", "repeated_header", "collective_customer", "erased", "amount_not_a_number",
    "signs_differ", "before_first", "after_as_of", "duplicate",
)  # fmt: skip
LEFT_OUT = ("erased", "after_as_of")


def shop(*, customers: int = 1200, days: int = 397, first: str = "2024-01-01") -> pd.DataFrame:
    """Make a shop without a flaw: every customer buys twice, and somebody on every day."""
    table = pd.DataFrame(
        {
            "customer_id": [f"c{n:05d}" for n in range(customers)] * 2,
            "date": pd.Timestamp(first)
            + pd.to_timedelta(np.arange(2 * customers) % days, unit="D"),
            "amount": 10.0,
        }
    )
    return table.astype({"date": "datetime64[us]"}).drop_duplicates(["customer_id", "date"])


def balance(n_read: int = 1000, amount: float = 0.0, **dropped: int) -> pd.DataFrame:
    rows = [("read", n_read, "", 0.0)]
    for reason in REASONS:
        kind = "left_out" if reason in LEFT_OUT else "lost"
        rows.append((reason, dropped.get(reason, 0), kind, amount if reason in dropped else 0.0))
    rows.append(("kept", n_read - sum(dropped.values()), "", 0.0))
    return pd.DataFrame(rows, columns=["reason", "n_rows", "kind", "amount"])


def counts(**given: tuple[int, float]) -> pd.DataFrame:
    found = {
        "rows": (1000, np.nan),
        "duplicate_rows_read": (0, np.nan),
        "purchases": (1000, 1000.0),
        "purchases_without_customer": (0, 0.0),
    } | given
    return pd.DataFrame([{"code": c, "n": n, "amount": a} for c, (n, a) in found.items()])


def inspected(orders: pd.DataFrame, *, as_of=None, lines=None, counted=None) -> quality.Inspection:
    return inspect(
        orders,
        balance=balance() if lines is None else lines,
        counts=counts() if counted is None else counted,
        as_of=orders["date"].max() if as_of is None else pd.Timestamp(as_of),
    )


def status(found: quality.Inspection, check: str) -> str:
    return found.checks.loc[check, "status"]


def value(found: quality.Inspection, check: str) -> float:
    return found.checks.loc[check, "value"]


def with_order(orders: pd.DataFrame, day: str, amount: float = 10.0) -> pd.DataFrame:
    row = pd.DataFrame({"customer_id": ["extra"], "date": [pd.Timestamp(day)], "amount": [amount]})
    return pd.concat([orders, row.astype({"date": "datetime64[us]"})], ignore_index=True)


# by hand


def test_a_day_of_returns_is_no_purchase_but_lowers_the_revenue():
    bought = shop()
    back = with_order(bought, "2024-06-01", -5000.0)
    one, two = inspected(bought), inspected(back)
    assert len(two.core.purchases) == len(two.core.orders) - 1 == len(bought)
    changed = one.checks["value"].compare(two.checks["value"]).index
    assert set(changed) == {"largest_order"}
    assert value(two, "largest_order") > value(one, "largest_order")


def test_a_flawless_shop_passes_every_check():
    orders = shop()
    orders = orders[orders["date"] <= "2025-01-31"]
    found = inspected(orders)
    assert found.checks["status"].eq(GOOD).all()
    assert list(found.checks.index) == list(RULES)
    assert found.passed


@pytest.mark.parametrize(
    ("check", "lines", "counted", "share"),
    [
        ("lines_without_customer", {"missing_customer": 60, "collective_customer": 40}, {}, 0.1),
        ("unreadable_lines", {"amount_not_a_number": 20, "signs_differ": 30}, {}, 0.05),
        ("repeated_lines", {}, {"duplicate_rows_read": (50, np.nan)}, 0.05),
        ("money_without_customer", {}, {"purchases_without_customer": (9, 250.0)}, 0.2),
    ],
)
def test_shares_of_lines_and_money_are_cautions_between_their_limits(check, lines, counted, share):
    found = inspected(shop(), lines=balance(**lines), counted=counts(**counted))
    assert value(found, check) == pytest.approx(share)
    assert status(found, check) == CAUTION


def test_money_of_collective_customers_is_money_without_a_customer():
    found = inspected(shop(), lines=balance(amount=1000.0, collective_customer=5))
    assert value(found, "money_without_customer") == 0.5
    assert status(found, "money_without_customer") == SERIOUS


def test_lines_that_are_not_ours_to_judge_do_not_dilute_the_shares():
    found = inspected(shop(), lines=balance(missing_customer=50, after_as_of=300, erased=200))
    assert value(found, "lines_without_customer") == 0.1


@pytest.mark.parametrize(("limit", "expected"), [(0.05, GOOD), (0.0501, CAUTION), (0.26, SERIOUS)])
def test_a_limit_itself_is_still_good(limit, expected):
    counted = counts(purchases=(1, 1 - limit), purchases_without_customer=(1, limit))
    assert status(inspected(shop(), counted=counted), "money_without_customer") == expected


def test_one_order_that_makes_the_revenue_is_found_but_its_share_is_hidden():
    orders = shop()
    found = inspected(with_order(orders, "2024-05-05", orders["amount"].sum()))
    assert value(found, "largest_order") == pytest.approx(0.5)
    assert status(found, "largest_order") == SERIOUS
    assert np.isnan(hide_small(found.checks, k=5).loc["largest_order", "value"])


def test_a_customer_who_buys_like_a_till_is_found():
    orders = shop()
    till = pd.DataFrame({"customer_id": "till", "date": orders["date"].unique(), "amount": 10.0})
    found = inspected(pd.concat([orders, till]))
    assert (value(found, "crowd_customers"), status(found, "crowd_customers")) == (1, CAUTION)
    assert np.isnan(hide_small(found.checks, k=5).loc["crowd_customers", "value"])
    assert found.passed


def test_the_year_2924_is_named_and_nothing_is_measured_with_it():
    orders = shop()
    orders = orders[orders["date"] <= "2025-01-31"]
    found = inspected(with_order(orders, "2924-03-01"))
    assert found.core.far_days.tolist() == [pd.Timestamp("2924-03-01")]
    assert found.core.as_of == pd.Timestamp("2025-01-31")
    assert status(found, "far_days") == SERIOUS
    assert found.checks.drop(index="far_days")["status"].eq(GOOD).all()


def test_a_mistyped_day_long_ago_leaves_the_day_of_reference():
    found = core(with_order(shop(), "1999-03-01"), as_of=pd.Timestamp("2025-03-01"))
    assert found.far_days.year.tolist() == [1999]
    assert found.as_of == pd.Timestamp("2025-03-01")
    assert len(found.orders) == len(shop())


def test_a_silent_year_between_two_real_halves_is_not_far():
    halves = pd.concat([shop(), shop(first="2028-01-01").assign(amount=5.0)], ignore_index=True)
    assert core(halves, as_of=halves["date"].max()).far_days.empty


def test_weeks_without_a_purchase_are_counted_and_named():
    orders = shop()
    hole = orders["date"].between("2024-05-06", "2024-05-19")
    found = inspected(orders[~hole])
    assert found.silent_weeks.tolist() == [pd.Timestamp("2024-05-06"), pd.Timestamp("2024-05-13")]
    assert status(found, "silent_weeks") == CAUTION
    month = orders["date"].between("2024-05-06", "2024-06-02")
    assert status(inspected(orders[~month]), "silent_weeks") == SERIOUS


def test_a_shop_that_sells_seldom_has_no_silent_weeks_to_test():
    found = inspected(shop().iloc[::10])
    assert status(found, "silent_weeks") == UNTESTED
    assert status(found, "last_week") == UNTESTED
    assert len(found.silent_weeks) == 0


def test_a_last_week_with_few_bookings_is_a_caution():
    orders = shop()
    last = orders["date"].max()
    thinned = orders[(orders["date"] <= last - pd.Timedelta(days=7)) | (orders["date"] == last)]
    found = inspected(thinned)
    assert value(found, "last_week") == pytest.approx(1 / 7, rel=0.2)
    assert status(found, "last_week") == CAUTION


@pytest.mark.parametrize(("silent", "expected"), [(7, GOOD), (8, CAUTION), (32, SERIOUS)])
def test_silence_before_the_day_of_reference_counts_in_days(silent, expected):
    orders = shop()
    found = inspected(orders, as_of=orders["date"].max() + pd.Timedelta(days=silent))
    assert value(found, "days_since_last_line") == silent
    assert status(found, "days_since_last_line") == expected


def test_the_days_missing_to_the_end_of_the_month_are_counted():
    found = inspected(shop(), as_of="2025-02-05")
    assert value(found, "days_to_month_end") == 23


@pytest.mark.parametrize(("n", "expected"), [(1000, GOOD), (999, CAUTION), (99, SERIOUS)])
def test_few_customers_are_a_caution_and_very_few_a_defect(n, expected):
    assert status(inspected(shop(customers=n)), "customers") == expected


def test_of_fewer_than_k_customers_only_their_number_is_told():
    shown = hide_small(inspected(shop(customers=3)).checks, k=5)["value"]
    assert shown.dropna().index.tolist() == ["crowd_customers", "customers"]


# properties


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_the_order_of_rows_nor_later_orders_matter(seed):
    orders = shop(customers=300)
    chance = np.random.default_rng(seed)
    orders["amount"] = chance.exponential(20, len(orders)).round(2)
    as_of = pd.Timestamp("2024-10-31")
    expected = inspected(orders, as_of=as_of).checks
    shuffled = orders.sample(frac=1, random_state=seed)
    known = orders[orders["date"] <= as_of]
    for other in (shuffled, known):
        found = inspected(other, as_of=as_of).checks
        pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12)


def test_every_rule_has_a_limit_and_the_serious_one_lies_beyond():
    for rule in RULES.values():
        limits = [limit for limit in (rule.caution, rule.serious) if limit is not None]
        assert limits
        assert limits == sorted(limits, reverse=rule.at_least)


# against an authority


def test_cdnow_has_none_of_these_flaws(master_orders):
    """Fader, Hardie and Lee use the full master as it is."""
    found = inspected(master_orders, as_of="1998-06-30")
    assert found.checks["status"].eq(GOOD).all()
    assert value(found, "customers") == 23570
    assert value(found, "history_days") == 545
    assert value(found, "zero_orders") == pytest.approx(80 / 67591)


# messages


def test_a_day_before_all_purchases_is_refused():
    with pytest.raises(DataError, match="no purchase up to as_of=2020-01-01"):
        core(shop(), as_of=pd.Timestamp("2020-01-01"))
