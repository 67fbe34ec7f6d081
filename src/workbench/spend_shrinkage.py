"""A customer's own mean amount, drawn towards that of the base as far as chance makes it vary.

It asks for no distribution: amounts of one customer vary around his mean by `within`, the means
of customers around the base's by `between` (standard deviations, currency).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd

from workbench.newton import NORMAL_975
from workbench.schema import DataError, TooFewData, check_orders, purchase_days

PARAMETERS = ("base", "slope", "within", "between")
MIN_REPEAT_CUSTOMERS = 4
# Of the variance within customers: repeat purchases beyond each customer's first one.
MIN_FURTHER_PURCHASES = 4
# As many as Gamma-Gamma asks for: among fewer, a slope is mostly chance.
MIN_CUSTOMERS_FOR_SLOPE = 20


@dataclass(frozen=True)
class SpendShrinkage:
    """A fitted shrinkage of mean amounts.

    Attributes
    ----------
    base : float
        Expected amount of a customer with at most one repeat purchase, before
        his own is known.
    slope : float
        What that rises per unit of ln x with the number x of repeat purchases.
    within, between : float
        Standard deviation of a customer's amounts around his mean, and of the
        customers' means around the base's.
    mean : float
        Of all repeat purchases.
    covariance : tuple of tuples of float
        Of base and slope.
    n_customers, n_purchases : int
        Repeat buyers, and their repeat purchases.
    """

    name: ClassVar[str] = "spend_shrinkage"

    base: float
    slope: float
    within: float
    between: float
    mean: float
    covariance: tuple[tuple[float, ...], ...] = field(repr=False)
    n_customers: int
    n_purchases: int

    @property
    def k(self) -> float:
        """Repeat purchases after which the own mean counts half; infinite if means do not vary."""
        return (self.within / self.between) ** 2 if self.between > 0 else math.inf


class _Amounts(NamedTuple):
    x: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def add_variance(summary: pd.DataFrame, *, orders: pd.DataFrame) -> pd.DataFrame:
    """Add to a summary how much the amounts of each customer's repeat purchases vary.

    Parameters
    ----------
    summary : DataFrame
        Indexed by `customer_id`: `frequency` (count).
    orders : DataFrame
        The orders that the summary counts, in any order. A row with a negative
        amount is a day of returns and no purchase.

    Returns
    -------
    DataFrame
        The summary with `amount_variance` (currency squared; 0 with fewer than
        two repeat purchases).

    Raises
    ------
    DataError
        If the table of orders breaks its promise, or its repeat purchases are
        not those that the summary counts.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": ["anna"] * 3 + ["ben"],
    ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-21", "2024-01-05"]),
    ...     "amount": [10.0, 20.0, 40.0, 15.0],
    ... })
    >>> summary = pd.DataFrame({"frequency": [2, 0]}, index=["anna", "ben"])
    >>> add_variance(summary, orders=orders)["amount_variance"].tolist()
    [200.0, 0.0]
    """
    check_orders(orders)
    bought = purchase_days(orders).sort_values(["customer_id", "date"])
    repeat = bought[bought["customer_id"].duplicated()].groupby("customer_id")["amount"]
    counted = repeat.size().reindex(summary.index, fill_value=0)
    differs = counted != summary["frequency"]
    if differs.any() or repeat.ngroups > (counted > 0).sum():
        raise DataError(
            f"orders and summary count different repeat purchases: {repeat.size().sum()} against "
            f"{summary['frequency'].sum()}, with {differs.sum()} of {len(summary)} customers "
            "apart. Pass the orders up to the day of the summary."
        )
    variance = repeat.var().reindex(summary.index).fillna(0.0)
    return summary.assign(amount_variance=variance)


def fit(amounts: pd.DataFrame) -> SpendShrinkage:
    """Estimate the shrinkage by moments from repeat buyers.

    The variance within customers is pooled; that between them is what their
    means vary beyond it, and 0 if they vary less. Base and slope are the
    weighted regression of the means on ln x. The slope is what ties spend to
    frequency: it is 0 where all customers have the same x, or fewer than
    `MIN_CUSTOMERS_FOR_SLOPE` bought again. Amounts of 0 count.

    Parameters
    ----------
    amounts : DataFrame
        From `add_variance`: `frequency`, `monetary_value`, `amount_variance`.

    Raises
    ------
    DataError
        If a column is missing, or a value is negative or missing.
    TooFewData
        If fewer than `MIN_REPEAT_CUSTOMERS` customers bought again, or fewer
        than `MIN_FURTHER_PURCHASES` repeat purchases came after the first
        repeat purchase of a customer.

    References
    ----------
    Bühlmann and Straub (1970), Mitteilungen der Vereinigung Schweizerischer
    Versicherungsmathematiker 70, 111-133; Hachemeister (1975), Credibility for
    regression models, in: Kahn (ed.), Credibility: Theory and Applications,
    129-163, for a base that depends on what is known of the customer.

    Examples
    --------
    Four customers who each bought again for the same two amounts differ by chance alone.

    >>> amounts = pd.DataFrame({"frequency": [2] * 4, "monetary_value": [20.0] * 4,
    ...                         "amount_variance": [50.0] * 4})
    >>> model = fit(amounts)
    >>> round(model.base, 9), model.between, model.k
    (20.0, 0.0, inf)
    """
    _check_amounts(amounts, ("frequency", "monetary_value", "amount_variance"))
    known = _repeat_buyers(amounts)
    x = known.x
    n_further = int((x - 1).sum())
    for what, have, need in (
        ("customers with a repeat purchase", x.size, MIN_REPEAT_CUSTOMERS),
        ("purchases after a customer's first repeat purchase", n_further, MIN_FURTHER_PURCHASES),
    ):
        if have < need:
            raise TooFewData(
                f"a shrinkage of mean amounts needs {need} {what}; {len(amounts)} customers have "
                f"{have}. Take a longer calibration period or more customers.",
                have=have,
                need=need,
            )

    within = float(((x - 1) * known.variance).sum()) / n_further
    has_slope = x.size >= MIN_CUSTOMERS_FOR_SLOPE and np.ptp(x) > 0
    at = np.log(x) if has_slope else np.zeros_like(x)
    between = _between(known, at, within=within)

    varies = between + within > 0
    weight = 1 / (between + within / x) if varies else x
    intercept, slope, center, spread = _regress(known.mean, at, weight)
    slope_variance = 1 / spread if varies and spread > 0 else 0.0
    base_variance = 1 / float(weight.sum()) if varies else 0.0
    shared = -center * slope_variance
    return SpendShrinkage(
        base=intercept,
        slope=slope,
        within=math.sqrt(within),
        between=math.sqrt(between),
        mean=float((x * known.mean).sum() / x.sum()),
        covariance=(
            (base_variance + center**2 * slope_variance, shared),
            (shared, slope_variance),
        ),
        n_customers=x.size,
        n_purchases=int(x.sum()),
    )


def expected_spend(model: SpendShrinkage, summary: pd.DataFrame) -> pd.Series:
    """Return each customer's expected amount per future purchase.

    With x repeat purchases of mean m it is ``b + x / (x + k) * (m - b)``, where
    b is ``base + slope * ln(x)``, at least 0, and `base` for who has none.

    Parameters
    ----------
    model : SpendShrinkage
    summary : DataFrame
        `frequency` and `monetary_value` (currency), any index.

    Returns
    -------
    Series
        `expected_spend` (currency), same index.

    References
    ----------
    Bühlmann and Straub (1970), as in `fit`.
    """
    expected, _ = _expected(model, summary)
    return pd.Series(expected, index=summary.index, name="expected_spend")


def simulate(
    model: SpendShrinkage,
    summary: pd.DataFrame,
    *,
    purchases: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draw the money of so many future purchases of each customer.

    A customer's mean is a Gamma with the expected spend as its mean and the
    variance that shrinkage leaves, ``between**2 * k / (x + k)``. Given it,
    amounts are Gamma with the same relative spread for all customers, so that
    over all of them they vary by `within`; the sum of n has n times the shape.

    Parameters
    ----------
    model : SpendShrinkage
    summary : DataFrame
        `frequency` and `monetary_value` (currency), any index.
    purchases : array of int
        How many purchases, in the order of the summary.
    generator : Generator
        Two draws per customer.

    Returns
    -------
    array of float
        Currency; 0 without a purchase.
    """
    expected, weight = _expected(model, summary)
    means = _gamma(expected, (1 - weight) * model.between**2, generator)
    relative = model.within**2 / max(model.between**2 + model.mean**2, np.finfo(float).tiny)
    return _gamma(purchases * means, purchases * relative * means**2, generator)


def parameter_table(model: SpendShrinkage) -> pd.DataFrame:
    """Put the estimates beside the standard errors and 95 % intervals of base and slope.

    Returns
    -------
    DataFrame
        `parameter` (with `k`, in purchases), `unit`, `estimate`,
        `standard_error`, `lower`, `upper`; no error (NaN) for the spreads.
    """
    error = np.full(len(PARAMETERS) + 1, np.nan)
    error[:2] = np.sqrt(np.diag(model.covariance))
    estimate = np.array([*(getattr(model, name) for name in PARAMETERS), model.k])
    return pd.DataFrame(
        {
            "parameter": [*PARAMETERS, "k"],
            "unit": ["currency"] * len(PARAMETERS) + ["1"],
            "estimate": estimate,
            "standard_error": error,
            "lower": estimate - NORMAL_975 * error,
            "upper": estimate + NORMAL_975 * error,
        }
    )


def _between(known: _Amounts, at: np.ndarray, *, within: float) -> float:
    """Return the variance of means around their regression beyond that of chance."""
    x, n = known.x, float(known.x.sum())
    intercept, slope, center, spread = _regress(known.mean, at, x)
    residual = known.mean - intercept - slope * at
    used, lost = 1, float((x**2).sum()) / n
    if spread > 0:
        used, lost = 2, lost + float((x**2 * (at - center) ** 2).sum()) / spread
    excess = float((x * residual**2).sum()) - (x.size - used) * within
    return max(excess / (n - lost), 0.0)


def _regress(
    values: np.ndarray, at: np.ndarray, weight: np.ndarray
) -> tuple[float, float, float, float]:
    """Return intercept, slope, weighted mean of `at` and its weighted squares around it."""
    total = float(weight.sum())
    center = float((weight * at).sum()) / total
    level = float((weight * values).sum()) / total
    spread = float((weight * (at - center) ** 2).sum())
    slope = float((weight * (at - center) * (values - level)).sum()) / spread if spread > 0 else 0.0
    return level - slope * center, slope, center, spread


def _expected(model: SpendShrinkage, summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected spend, and the weight of the own mean in it."""
    _check_amounts(summary, ("frequency", "monetary_value"))
    x = summary["frequency"].to_numpy(float)
    own = summary["monetary_value"].to_numpy(float)
    base = np.maximum(model.base + model.slope * np.log(np.maximum(x, 1)), 0.0)
    signal = x * model.between**2
    weight = np.divide(signal, signal + model.within**2, out=np.zeros_like(x), where=signal > 0)
    return base + weight * (own - base), weight


def _gamma(mean: np.ndarray, variance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw Gamma variates by mean and variance; the mean itself where nothing varies."""
    varies = (variance > 0) & (mean > 0)
    shape = np.divide(mean**2, variance, out=np.ones(len(mean)), where=varies)
    drawn = generator.gamma(shape)
    return np.where(varies, drawn * mean / shape, mean)


def _repeat_buyers(amounts: pd.DataFrame) -> _Amounts:
    """Return the repeat buyers in an order of their own, so that sums do not depend on rows."""
    table = amounts.loc[
        amounts["frequency"] > 0, ["frequency", "monetary_value", "amount_variance"]
    ]
    x, mean, variance = table.to_numpy(float).T
    order = np.lexsort((variance, mean, x))
    return _Amounts(x[order], mean[order], variance[order])


def _check_amounts(table: pd.DataFrame, needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise DataError(
            f"summary lacks {missing}; it has {list(table.columns)}. "
            "Make the table with summary.summarise and spend_shrinkage.add_variance."
        )
    n_broken = int((~(table[list(needed)] >= 0)).any(axis=1).sum())
    if n_broken:
        raise DataError(
            f"{n_broken} of {len(table)} rows have a negative or missing value in {list(needed)}. "
            "Make the table with summary.summarise and spend_shrinkage.add_variance."
        )
