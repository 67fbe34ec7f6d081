"""What the customers of the example shop buy and send back: every line of every receipt."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench import example_world as world

N_PAIRS = 20
LARGE = 80_000
COLLECTIVE, N_COLLECTIVE, N_NAMELESS = "Barverkauf", 45, 25
SHIPPING, SHIPPING_FEE, SHIPPING_COST, FREE_SHIPPING_FROM = "VERSAND", 4.95, 5.60, 50.0
CATEGORIES = ("Kaffee", "Küche", "Garten", "Wohnen", "Büro", "Kinder")
# Whose customers like the other as well.
NEIGHBOURS = (1, 0, 3, 2, 5, 4)
MARGINS = (0.42, 0.34, 0.30, 0.38, 0.24, 0.36)
PRODUCTS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("Filtertüten", 3.5), ("Filterkaffee", 6.9), ("Grüner Tee", 8.5), ("Espressobohnen", 14.9),
     ("Teekanne", 24.9), ("Probierpaket", 34.9), ("Milchaufschäumer", 59.0),
     ("Kaffeemühle", 119.0), ("Siebträger", 249.0), ("Kaffeevollautomat", 399.0)),
    (("Geschirrtuch", 4.5), ("Kochlöffel", 7.5), ("Schneidebrett", 14.5), ("Kaffeebecher", 9.9),
     ("Küchenmesser", 39.0), ("Pfanne", 54.0), ("Backformen", 26.0), ("Topfset", 139.0),
     ("Standmixer", 98.0), ("Küchenmaschine", 329.0)),
    (("Blumensamen", 3.2), ("Pflanzerde", 9.5), ("Gießkanne", 17.9), ("Gartenschere", 24.5),
     ("Pflanzkübel", 38.0), ("Gartenschlauch", 49.0), ("Hochbeet", 119.0), ("Sonnenschirm", 89.0),
     ("Gartenbank", 239.0), ("Rasenmäher", 349.0)),
    (("Kerzen", 5.9), ("Bilderrahmen", 12.9), ("Kissen", 19.9), ("Vase", 29.9), ("Decke", 44.9),
     ("Tischlampe", 64.0), ("Spiegel", 98.0), ("Teppich", 179.0), ("Regal", 249.0),
     ("Sessel", 329.0)),
    (("Notizbuch", 4.9), ("Stifteset", 8.9), ("Druckerpapier", 16.9), ("Ordnerpaket", 24.0),
     ("Schreibtischlampe", 42.0), ("Rollcontainer", 129.0), ("Tastatur", 69.0),
     ("Bürostuhl", 259.0), ("Monitor", 199.0), ("Schreibtisch", 379.0)),
    (("Malbuch", 4.2), ("Knete", 6.9), ("Puzzle", 12.9), ("Bilderbuch", 16.5),
     ("Holzeisenbahn", 49.0), ("Brettspiel", 32.0), ("Puppenhaus", 119.0), ("Bauklötze", 24.9),
     ("Laufrad", 79.0), ("Kletterdreieck", 219.0)),
)  # fmt: skip
COMPANIONS = {
    "Filterkaffee": "Filtertüten",
    "Espressobohnen": "Kaffeebecher",
    "Küchenmesser": "Schneidebrett",
    "Pfanne": "Kochlöffel",
    "Blumensamen": "Pflanzerde",
    "Pflanzkübel": "Pflanzerde",
    "Kissen": "Decke",
    "Notizbuch": "Stifteset",
    "Druckerpapier": "Ordnerpaket",
    "Holzeisenbahn": "Bauklötze",
    "Puzzle": "Bilderbuch",
}
QUANTITIES = np.array([1, 2, 3, 4, 6, 10])
QUANTITY_SHARES = np.array([0.70, 0.17, 0.06, 0.04, 0.02, 0.01])
PRODUCT_NAMES = tuple(name for goods in PRODUCTS for name, _ in goods)
PRICES = np.array([price for goods in PRODUCTS for _, price in goods])
PER_CATEGORY = len(PRODUCTS[0])
LOG_PRICES = np.log(PRICES.reshape(len(CATEGORIES), PER_CATEGORY, 1) * QUANTITIES)
COMPANION_OF = {PRODUCT_NAMES.index(a): PRODUCT_NAMES.index(b) for a, b in COMPANIONS.items()}
# What has a companion is liked, so that the pair is seen often.
LOG_LIKING = np.log(
    [[2.5 if name in COMPANIONS else 1.0 for name, _ in goods] for goods in PRODUCTS]
)
# By category, product and quantity.
LOG_SHARES = np.log(QUANTITY_SHARES) + LOG_LIKING[:, :, np.newaxis]
LINE_COLUMNS = ["customer_id", "day", "order_id", "channel", "product_id", "category", "quantity",
                "cents", "discount", "margin"]  # fmt: skip


def draw_lines(
    rng: np.random.Generator, people: pd.DataFrame, visits: pd.DataFrame
) -> pd.DataFrame:
    """Turn every order into lines, and some lines into returns.

    An order's lines add up to a Gamma-Gamma amount, shipping included.
    Customers without a name, a collective one and some unknown ones order too.

    Parameters
    ----------
    rng : Generator
    people : DataFrame
        From `example_world.draw_people`.
    visits : DataFrame
        `person` (row of `people`) and `day` of every order.

    Returns
    -------
    DataFrame
        `customer_id`, `date`, `amount`, `order_id`, `product_id`, `category`,
        `quantity`, `discount`, `margin`, `channel`, `currency`; money in EUR;
        sorted by day and receipt.

    References
    ----------
    Fader and Hardie (2013), The Gamma-Gamma model of monetary value.
    """
    strangers = [COLLECTIVE] * N_COLLECTIVE + [""] * N_NAMELESS + [world.UNKNOWN_BUYER]
    orders = pd.DataFrame(
        {
            "customer_id": [*people["customer_id"][visits["person"]], *strangers],
            "person": [*visits["person"], *[-1] * len(strangers)],
            "day": [*visits["day"], *rng.integers(0, world.N_DAYS, len(strangers))],
        }
    )
    orders = orders.sort_values(["day", "customer_id"], kind="stable", ignore_index=True)
    shape = rng.gamma(world.value("p"), 1.0, len(orders))
    typical = world.value("q") / world.value("v")
    scale = np.append(people["scale"], typical)[orders["person"]]
    cents = np.maximum((100 * shape / scale).round().astype(int), 200)

    tastes = _tastes(rng)
    bargain = np.append(people["discount_taste"], 0.0)[orders["person"]]
    discounted = rng.random(len(orders)) < bargain
    channels = _sales_channels(rng, people, orders)
    lines = []
    for i, order in enumerate(orders.itertuples()):
        head = (order.customer_id, order.day, f"B{i + 1:06d}", channels[i])
        total, fee = cents[i], round(100 * SHIPPING_FEE)
        if channels[i] != "laden" and 3 * fee < total < 100 * FREE_SHIPPING_FROM:
            total -= fee
            lines.append((*head, SHIPPING, "Versand", 1, fee, 0, fee - round(100 * SHIPPING_COST)))
        for amount, product, quantity in _basket(rng, total, tastes[order.person]):
            category = product // PER_CATEGORY
            discount = round(amount / 9) if discounted[i] else 0
            cost = (amount + discount) * (1 - MARGINS[category] + rng.normal(0, 0.02))
            goods = (PRODUCT_NAMES[product], CATEGORIES[category], quantity)
            lines.append((*head, *goods, amount, discount, amount - round(cost)))
    return _finished(_with_returns(rng, pd.DataFrame(lines, columns=LINE_COLUMNS)))


def _tastes(rng: np.random.Generator) -> np.ndarray:
    """Draw each person's shares of the categories; the last row is everybody else's."""
    main = rng.integers(0, len(CATEGORIES), world.N_PEOPLE)
    weights = np.full((world.N_PEOPLE + 1, len(CATEGORIES)), 0.5)
    weights[np.arange(world.N_PEOPLE), main] = 4.0
    weights[np.arange(world.N_PEOPLE), np.array(NEIGHBOURS)[main]] = 2.0
    tastes = rng.standard_gamma(weights)
    tastes[-1] = 1.0
    return np.cumsum(tastes / tastes.sum(axis=1, keepdims=True), axis=1)


def _sales_channels(
    rng: np.random.Generator, people: pd.DataFrame, orders: pd.DataFrame
) -> np.ndarray:
    """Draw a channel for each order: mostly the shop or the web, as the customer came."""
    in_shop = np.append(people["channel"] == "laden", False)[orders["person"]]
    draw = rng.random(len(orders))
    mostly = np.where(in_shop, "laden", "web")
    channel = np.where(draw < 0.8, mostly, np.where(draw < 0.92, "laden", "telefon"))
    return np.where(orders["customer_id"] == COLLECTIVE, "laden", channel)


def _basket(rng: np.random.Generator, total: int, taste: np.ndarray) -> list[tuple[int, int, int]]:
    """Draw goods that add up to a total: cents, product and quantity of each line.

    Of several baskets the one whose list prices come nearest is taken; the
    rest of the difference is variants and the prices of the day.
    """
    n_lines = 1 + min(rng.poisson(1.2), total // 1500, 4)
    if total > LARGE:
        n_lines = 1  # who orders for a firm orders many of one thing
    together = world.value("ergaenzung")
    best, best_misfit = [], np.inf
    for _ in range(4):
        targets = np.log(total / 100 * rng.dirichlet(np.full(n_lines, 4.0)))
        basket: dict[int, int] = {}
        for i, target in enumerate(targets):
            category = min(int(taste.searchsorted(rng.random())), len(CATEGORIES) - 1)
            companion = COMPANION_OF.get(next(iter(basket), -1), -1)
            if i and rng.random() < together and companion not in (-1, *basket):
                basket[companion] = 1
                continue
            fit = -0.5 * ((LOG_PRICES[category] - target) / 0.25) ** 2
            fit += LOG_SHARES[category]
            for product in basket:
                if product // PER_CATEGORY == category:
                    fit[product % PER_CATEGORY] = -np.inf
            weights = np.exp(fit - fit.max()).cumsum()
            cell = int(weights.searchsorted(rng.random() * weights[-1]))
            row, column = divmod(cell, len(QUANTITIES))
            basket[category * PER_CATEGORY + row] = int(QUANTITIES[column])
        listed = np.array([PRICES[product] * n for product, n in basket.items()])
        misfit = abs(np.log(total / 100 / listed.sum()))
        if misfit < best_misfit:
            ends = np.round(total * np.cumsum(listed) / listed.sum()).astype(int)
            amounts = np.diff(ends, prepend=0)
            best = list(zip(amounts.tolist(), basket, basket.values(), strict=True))
            best_misfit = misfit
    return best


def _with_returns(rng: np.random.Generator, lines: pd.DataFrame) -> pd.DataFrame:
    """Add returns, whole or of some pieces, and write some pairs of pieces as two equal lines."""
    whole = ["cents", "discount", "margin"]
    pairs = np.flatnonzero((lines["quantity"] == 2) & (lines[whole] % 2 == 0).all(axis=1))
    split = rng.choice(pairs, N_PAIRS, replace=False)
    named = ~lines["customer_id"].isin(["", COLLECTIVE])
    back = (
        (rng.random(len(lines)) < world.value("retoure")) & named & (lines["category"] != "Versand")
    )
    back[split] = False
    gone = lines[back].reset_index(drop=True)
    gone["day"] += rng.integers(4, 31, len(gone))
    gone = gone[gone["day"] < world.N_DAYS].reset_index(drop=True)
    pieces = np.where(rng.random(len(gone)) < 0.6, gone["quantity"], 1)
    for name in whole:
        gone[name] = -np.trunc(gone[name] * pieces / gone["quantity"]).astype(int)
    gone["quantity"] = -pieces
    own = rng.random(len(gone)) < 0.4
    gone["order_id"] = np.where(
        own, [f"R{number:06d}" for number in range(1, len(gone) + 1)], gone["order_id"]
    )
    lines = lines.astype({name: int for name in whole})
    lines.loc[split, [*whole, "quantity"]] //= 2
    lines = pd.concat([lines, lines.loc[split], gone])
    return lines.sort_values(["day", "order_id", "cents"], kind="stable", ignore_index=True)


def _finished(lines: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": lines["customer_id"],
            "date": world.dates(lines["day"]),
            "amount": lines["cents"] / 100,
            "order_id": lines["order_id"],
            "product_id": lines["product_id"],
            "category": lines["category"],
            "quantity": lines["quantity"],
            "discount": lines["discount"] / 100,
            "margin": lines["margin"] / 100,
            "channel": lines["channel"],
            "currency": "EUR",
        }
    )
