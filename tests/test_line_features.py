import numpy as np
import pandas as pd
import pytest

from workbench import churn_features, line_features, lines

DAY = pd.Timedelta(days=1)
ORIGIN = pd.Timestamp("2024-03-31")
COLUMNS = ["customer_id", "date", "amount", "product_id", "category", "discount", "channel"]
ROWS = pd.DataFrame(
    [
        ("anna", "2024-01-01", 9.0, "tea", "drinks", 0, "web"),
        ("anna", "2024-01-01", 4.9, "VERSAND", "postage", 0, "web"),
        ("anna", "2024-02-01", 9.0, "tea", "drinks", 1.5, "shop"),
        ("anna", "2024-03-20", 5.0, "cup", "china", 0, "web"),
        ("anna", "2024-03-20", 5.0, "pot", "china", None, "shop"),
        ("anna", "2024-03-25", -9.0, "tea", "drinks", -1.5, "phone"),
        ("anna", "2024-04-01", -5.0, "cup", "china", 0, "web"),  # after the origin
        ("anna", "2024-04-01", 99.0, "hat", "clothes", 9, "fair"),
        ("ben", "2024-03-31", 7.0, "tea", None, 0, None),
        (None, "2024-02-01", 7.0, "tea", "drinks", 0, "shop"),
    ],
    columns=COLUMNS,
).astype({"date": "datetime64[us]"})
CUSTOMERS = pd.Index(["anna", "ben", "cem"], name="customer_id")


def build(rows: pd.DataFrame, **changed) -> pd.DataFrame:
    how = {"origin": ORIGIN, "window_days": 30, "customers": CUSTOMERS}
    return line_features.build(rows, **(how | changed))


def random_rows(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    n = 400
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in random.integers(0, 30, n)],
            "date": pd.Timestamp("2023-12-01")
            + pd.to_timedelta(random.integers(0, 240, n), unit="D").as_unit("us"),
            "amount": random.integers(-3, 20, n) / 4,
            "product_id": random.choice(["tea", "cup", "POST", "hat"], n),
            "category": pd.array(random.choice([*"abcdef", ""], n), dtype="str"),
            "discount": random.choice([0, 0, 0.5], n),
            "channel": random.choice(["web", "shop", "phone"], n),
        }
    ).replace({"category": {"": None}})


# --- by hand ---------------------------------------------------------------------------------


def test_features_of_three_customers_by_hand():
    found = build(ROWS)
    assert found.index.equals(CUSTOMERS)
    # Anna bought two lines of drinks and, in the last 30 days, two of china.
    assert found["n_categories"].tolist() == [2, 0, 0]
    assert found["top_category_share"].tolist() == [0.5, 0, 0]
    assert found["category_entropy"].tolist() == pytest.approx([np.log(2), 0, 0])
    assert found["new_categories"].tolist() == [1, 0, 0]
    # One of her four lines of goods came back, and one had a discount.
    assert found["returned_share"].tolist() == [0.25, 0, 0]
    assert found["discounted_share"].tolist() == [0.25, 0, 0]
    # Nobody buys where he returns; of two channels on the last day the first by name.
    assert found["n_channels"].tolist() == [2, 0, 0]
    assert found["last_channel"].tolist() == ["shop", "unbekannt", "unbekannt"]


def test_who_returns_more_lines_than_he_bought_has_a_share_of_one():
    rows = pd.DataFrame({"customer_id": "anna", "date": ORIGIN, "amount": [5.0, -2.0, -3.0]})
    assert build(rows)["returned_share"].tolist() == [1, 0, 0]


def test_only_what_the_source_has_becomes_a_feature():
    by_category = ["n_categories", "top_category_share", "category_entropy", "new_categories"]
    for absent, gone in (
        ("category", by_category),
        ("discount", ["discounted_share"]),
        ("channel", ["n_channels", "last_channel"]),
    ):
        for rows in (ROWS.drop(columns=absent), lines.of_frame(ROWS.drop(columns=absent))):
            found = build(rows)
            pd.testing.assert_frame_equal(found, build(ROWS).drop(columns=gone))


def test_the_future_that_never_came_and_the_one_in_which_all_comes_back():
    past = ROWS[ROWS["date"] <= ORIGIN]
    sql = "SELECT sum(amount) AS money, count(*) AS n, max(date) AS last FROM lines"
    for rows in (ROWS, lines.of_frame(ROWS)):
        never = lines.query(line_features.moved(rows, origin=ORIGIN, happens=False), sql)
        assert never.iloc[0].tolist() == [past["amount"].sum(), len(past), ORIGIN]
        other = line_features.moved(rows, origin=ORIGIN, happens=True)
        # Everything comes back; Anna, Ben and a new customer buy for 1 each.
        assert lines.query(other, sql).iloc[0].tolist() == [3, 2 * len(past) + 3, ORIGIN + DAY]
        assert other.columns == lines.of_frame(ROWS).columns


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_features_are_those_of_the_slow_loop(seed):
    rows = random_rows(seed)
    customers = pd.Index(sorted(rows["customer_id"].unique()), name="customer_id")
    found = build(rows, customers=customers)
    past = rows[rows["date"] <= ORIGIN]
    for customer in customers:
        own = past[(past["customer_id"] == customer) & (past["product_id"] != "POST")]
        bought = own[own["amount"] >= 0]
        n_bought = max(len(bought), 1)
        counts = bought["category"].value_counts()
        share = counts / counts.sum()
        first = bought.groupby("category")["date"].min()
        last = bought[bought["date"] == bought["date"].max()]["channel"]
        expected = {
            "n_categories": len(counts),
            "top_category_share": share.max() if len(share) else 0,
            "category_entropy": -(share * np.log(share)).sum(),
            "new_categories": (first > ORIGIN - 30 * DAY).sum(),
            "returned_share": min((own["amount"] < 0).sum() / n_bought, 1),
            "discounted_share": (bought["discount"] > 0).sum() / n_bought,
            "n_channels": bought["channel"].nunique(),
        }
        assert found.loc[customer, list(expected)].to_dict() == pytest.approx(expected, abs=1e-8)
        assert found.at[customer, "last_channel"] == (last.min() if len(last) else "unbekannt")


@pytest.mark.parametrize("seed", range(5))
def test_neither_later_lines_nor_order_nor_threads_change_a_bit(seed):
    rows = random_rows(seed)
    customers = pd.Index(sorted(rows["customer_id"].unique()), name="customer_id")
    found = build(rows, customers=customers)
    assert (rows["date"] > ORIGIN).any()
    shuffled = rows.sample(frac=1, random_state=seed)
    stored = lines.of_frame(shuffled)
    stored.connection.execute("SET threads = 4")
    for other in (rows[rows["date"] <= ORIGIN], shuffled, stored):
        again = build(other, customers=customers)
        pd.testing.assert_frame_equal(again, found, check_exact=True)
    cents = build(rows.assign(amount=rows["amount"] * 100), customers=customers)
    pd.testing.assert_frame_equal(cents, found, check_exact=True)


# --- leakage (domain.md 2.3) -----------------------------------------------------------------


def leaks(leaky: dict[str, str]) -> list[str]:
    """Name the features that know the future, some of them computed by the SQL given."""
    rows = random_rows(0)
    bought = rows[(rows["amount"] >= 0) & (rows["date"] <= ORIGIN)]
    orders = bought.groupby(["customer_id", "date"], as_index=False)["amount"].sum()

    def make(orders, tables):
        features = churn_features.build(
            orders, origin=ORIGIN, horizon_days=30, gap_days=0, tables=tables
        )
        for name, sql in leaky.items():
            found = lines.query(
                tables["lines"], f"SELECT customer_id, {sql} AS x FROM lines GROUP BY customer_id"
            ).set_index("customer_id")["x"]
            features[name] = found.reindex(features.index)
        return features

    return churn_features.moved_future(
        make, orders=orders, origin=ORIGIN, tables={"lines": lines.of_frame(rows)}
    )


def test_honest_features_of_lines_know_nothing_that_came_later():
    assert leaks({}) == []


def test_trap_7_a_return_that_was_booked_later():
    returned = "count(*) FILTER (is_return) / count(*)"
    assert leaks({"returned_share": returned}) == ["returned_share"]


def test_trap_15_categories_discounts_and_channels_of_the_future():
    leaky = {
        "n_categories": "count(DISTINCT category)::DOUBLE",
        "discounted_share": "avg((discount > 0)::INTEGER)",
        "last_channel": "max(channel)",
    }
    assert leaks(leaky) == list(leaky)
