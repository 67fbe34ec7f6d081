"""Rankings of customers by risk or gain to money: what a list of the first of them would bring."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from workbench.offers import Offer, aligned, check_amount, checked, contact_gain, expected_gain
from workbench.schema import DataError

# Shares of the customers at which a profit curve is read.
SHARES = np.arange(101) / 100
N_DRAWS = 1000
CONFIDENCE = 0.95
# Verbraken, Verbeke and Baesens (2013): the success rate of an offer, where nothing is known of it.
SUCCESS = {"alpha": 6.0, "beta": 14.0}
MEAN_SUCCESS = SUCCESS["alpha"] / (SUCCESS["alpha"] + SUCCESS["beta"])


class Profit(NamedTuple):
    """The best that a ranking allows.

    Attributes
    ----------
    per_customer : float
        Profit over all customers, contacted or not (currency).
    contacted_share : float
        Share of the customers that is contacted for it (0 to 1).
    """

    per_customer: float
    contacted_share: float


class _Ranking(NamedTuple):
    """Positions of the customers, highest score first, and the last one of each score."""

    order: np.ndarray
    last: np.ndarray


def maximum_profit(churned: pd.Series, score: pd.Series, *, clv: float, offer: Offer) -> Profit:
    """Find the highest profit that a ranking allows where everybody is worth the same.

    Lists end where the score changes: equal scores are contacted together. The
    length is chosen with the outcome known, so that it is a measure of the
    ranking and no forecast.

    Parameters
    ----------
    churned : Series
        Indexed by `customer_id`: who left (bool).
    score : Series
        Same customers; higher is contacted first.
    clv : float
        Value of a customer who stays (currency).
    offer : Offer
        Its fixed cost is left out.

    Returns
    -------
    Profit
        Of the shortest best list; 0 where none pays.

    Raises
    ------
    DataError
        If the two hold other customers, or a value is missing.

    References
    ----------
    Verbeke, Dejaeger, Martens, Hur and Baesens (2012), European Journal of
    Operational Research 218 (1), 211-229.
    """
    check_amount(clv=clv)
    share, churn_rate = _hull(churned, score)
    gain = contact_gain(churn_rate, value=clv, offer=offer)
    pays = gain > 0
    return Profit(float(np.sum((share * gain)[pays])), float(np.sum(share[pays])))


def empc(
    churned: pd.Series,
    score: pd.Series,
    *,
    clv: float,
    incentive: float,
    contact_cost: float,
    alpha: float,
    beta: float,
) -> Profit:
    """Expect the maximum profit of a ranking where the success rate is not known.

    The success rate follows a beta distribution; for each rate the list has
    its best length. Everybody who would stay anyway takes the offer. On a
    stretch of the ranking's ROC convex hull with the churn rate q, contacting
    pays from ``gamma = (c + (1 - q) delta) / (q (CLV - delta))`` on; the gain
    above it is integrated exactly.

    Parameters
    ----------
    churned : Series
        Indexed by `customer_id`: who left (bool).
    score : Series
        Same customers; higher is contacted first.
    clv : float
        Value of a customer who stays (currency).
    incentive, contact_cost : float
        Of the offer where it is taken, and of a contact (currency, >= 0).
    alpha, beta : float
        Of the success rate's distribution, whose mean is ``alpha / (alpha + beta)``;
        the authors take 6 and 14.

    Returns
    -------
    Profit
        Means over the success rate.

    Raises
    ------
    DataError
        If the two hold other customers, or a value is missing.
    ValueError
        If `clv` is not above `incentive`, or a parameter is out of bounds.

    References
    ----------
    Verbraken, Verbeke and Baesens (2013), IEEE Transactions on Knowledge and Data
    Engineering 25 (5), 961-973.

    Examples
    --------
    >>> churned = pd.Series([False, True] * 4)
    >>> score = pd.Series([.1, .2, .3, .4, .5, .7, .8, .9])
    >>> measure = empc(churned, score, clv=200, incentive=10, contact_cost=1, alpha=6, beta=14)
    >>> round(measure.per_customer, 6)
    23.875593
    """
    offer = Offer(0.0, incentive, contact_cost, 1.0, 0.0)
    if not (alpha > 0 and beta > 0):
        raise ValueError(f"alpha={alpha} and beta={beta} must be above 0.")
    if not incentive < clv < math.inf:
        raise ValueError(f"clv={clv} must be above incentive={incentive}, and finite.")
    share, churn_rate = _hull(churned, score)
    cost = offer.contact_cost + (1 - churn_rate) * offer.incentive
    worth = churn_rate * (clv - offer.incentive)
    # Where nobody leaves, no success rate makes a contact pay.
    pays_from = np.minimum(np.divide(cost, worth, out=np.ones_like(cost), where=worth > 0), 1.0)
    is_above = 1 - betainc(alpha, beta, pays_from)
    rate_above = alpha / (alpha + beta) * (1 - betainc(alpha + 1, beta, pays_from))
    profit = share * (worth * rate_above - cost * is_above)
    return Profit(float(profit.sum()), float(np.sum(share * is_above)))


def profit_curves(
    scores: pd.DataFrame, *, churned: pd.Series, clv: pd.Series, offer: Offer
) -> pd.DataFrame:
    """Calculate the profit of contacting the first 0, 1, ... 100 % of each ranking.

    Every customer counts with the own value and with what happened. Equal scores
    at the border of the list are averaged, so that a score that is the same for
    all stands for a list drawn by lot.

    Parameters
    ----------
    scores : DataFrame
        Indexed by `customer_id`, one column per ranking; higher is contacted
        first.
    churned : Series
        Same customers: who left without a contact (bool).
    clv : Series
        Same customers: value of one who stays (currency), as known before.
    offer : Offer
        What a contact costs and brings.

    Returns
    -------
    DataFrame
        Indexed by `contacted_share`: `customers` (count, may be a fraction) and
        one column per ranking, the profit of the campaign (currency). Nobody
        contacted is no campaign and has no fixed cost.

    Raises
    ------
    DataError
        If the tables hold other customers, or a value is missing.
    """
    scores, gain = _scored(scores, churned=churned, clv=clv, offer=offer)
    customers = SHARES * len(scores)
    curves = pd.DataFrame({"customers": customers}, index=pd.Index(SHARES, name="contacted_share"))
    for name in scores.columns:
        ranking = _ranking(scores[name])
        seen = np.append(0, ranking.last + 1)
        total = np.append(0.0, np.cumsum(gain[ranking.order])[ranking.last])
        curves[name] = np.interp(customers, seen, total)
        curves.loc[SHARES > 0, name] -= offer.fixed_cost
    return curves


def best_shares(curves: pd.DataFrame) -> pd.Series:
    """Choose for each ranking the share of customers to contact.

    Take the curves of an earlier origin than the one that judges: the best share
    of the same customers looks better than it is.

    Parameters
    ----------
    curves : DataFrame
        From `profit_curves`.

    Returns
    -------
    Series
        `contacted_share`, indexed by `ranking`; the smallest of equally good
        ones, 0 where no campaign pays.
    """
    best = curves.drop(columns="customers").idxmax()
    return best.rename("contacted_share").rename_axis("ranking")


def judge(
    scores: pd.DataFrame,
    *,
    shares: pd.Series,
    churned: pd.Series,
    clv: pd.Series,
    offer: Offer,
    seed: int,
) -> pd.DataFrame:
    """Judge lists whose length was chosen elsewhere, with an interval of their profit.

    The interval is a bootstrap of the customers: in each of `N_DRAWS` draws the
    customers are ranked anew and the same share is contacted. It does not hold
    how unsure the offer's success rate is; that is an assumption.

    Parameters
    ----------
    scores, churned, clv, offer
        As in `profit_curves`, of customers that did not choose the shares.
    shares : Series
        Share to contact, 0 to 1, indexed by the columns of `scores`.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        Indexed by `ranking`: `contacted_share`, `customers` (contacted, count, may be a
        fraction), `churn_rate` (share of them who left; NaN where nobody is
        contacted), `profit` (currency), `profit_low` and
        `profit_high` (its bounds of 95 %).

    Raises
    ------
    DataError
        If the tables hold other customers, or a value is missing.
    ValueError
        If a share is missing or outside 0 to 1.

    References
    ----------
    Efron (1979), Annals of Statistics 7 (1), 1-26.
    """
    lacking = [name for name in scores.columns if not 0 <= shares.get(name, math.nan) <= 1]
    if lacking:
        raise ValueError(f"shares for {lacking} are missing or outside 0 to 1.")
    scores, gain = _scored(scores, churned=churned, clv=clv, offer=offer)
    left = churned.reindex(scores.index).to_numpy(float)
    n, once = len(scores), np.ones(len(scores))
    rankings = {name: _ranking(scores[name]) for name in scores.columns}

    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in rankings}
    for _ in range(N_DRAWS):
        times = np.bincount(random.integers(0, n, n), minlength=n)
        for name, ranking in rankings.items():
            drawn[name].append(_first(gain, times, ranking=ranking, share=shares[name]))

    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    rows = {}
    for name, ranking in rankings.items():
        share = float(shares[name])
        fixed = offer.fixed_cost if share > 0 else 0.0
        leavers = _first(left, once, ranking=ranking, share=share)
        low, high = np.quantile(drawn[name], tails) - fixed
        rows[name] = {
            "contacted_share": share,
            "customers": share * n,
            "churn_rate": leavers / (share * n) if share > 0 else math.nan,
            "profit": _first(gain, once, ranking=ranking, share=share) - fixed,
            "profit_low": low,
            "profit_high": high,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("ranking")


def _first(values: np.ndarray, times: np.ndarray, *, ranking: _Ranking, share: float) -> float:
    """Sum the values of the first share of a ranking, each customer being there so many times."""
    weight = times[ranking.order]
    seen = np.cumsum(weight)[ranking.last]
    wanted = share * seen[-1]
    # The group of equal scores at the border of the list counts in part.
    group = int(np.searchsorted(seen, wanted))
    start = int(ranking.last[group - 1]) + 1 if group else 0
    before = seen[group - 1] if group else 0
    stop = int(ranking.last[group]) + 1
    listed = np.sum(weight[:start] * values[ranking.order[:start]])
    at_border = np.sum(weight[start:stop] * values[ranking.order[start:stop]])
    part = (wanted - before) / (seen[group] - before) if wanted > before else 0.0
    return float(listed + part * at_border)


def _ranking(score: pd.Series) -> _Ranking:
    falling = -score.to_numpy(float)
    order = np.argsort(falling, kind="stable")
    changes = np.flatnonzero(np.diff(falling[order]))
    return _Ranking(order, np.append(changes, len(score) - 1))


def _hull(churned: pd.Series, score: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Divide a ranking at the vertices of its ROC convex hull: share and churn rate of each part.

    The parts are the blocks of an isotonic regression of the outcome on the score.
    """
    score = checked(score.sort_index(), name="score")
    left = aligned(churned, index=score.index, name="churned")
    _check_outcome(left)
    groups = left.groupby(-score.to_numpy(float)).agg(["size", "sum"]).to_numpy(float)
    size, leavers = groups.T
    pooled = isotonic_regression(leavers / size, weights=size, increasing=False)
    size = np.add.reduceat(size, pooled.blocks[:-1])
    return size / len(score), np.add.reduceat(leavers, pooled.blocks[:-1]) / size


def _scored(
    scores: pd.DataFrame, *, churned: pd.Series, clv: pd.Series, offer: Offer
) -> tuple[pd.DataFrame, np.ndarray]:
    """Sort the customers, so that sums do not depend on their order, and find what each brought."""
    scores = scores.sort_index()
    for name in scores.columns:
        checked(scores[name], name=name)
    left = aligned(churned, index=scores.index, name="churned")
    _check_outcome(left)
    return scores, expected_gain(left, clv=clv, offer=offer).to_numpy()


def _check_outcome(left: pd.Series) -> None:
    n_bad = int((~left.isin([0.0, 1.0])).sum())
    if n_bad:
        raise DataError(f"{n_bad} of {len(left)} values of 'churned' are neither True nor False.")
