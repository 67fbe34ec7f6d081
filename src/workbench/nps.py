"""Answers of a survey to one row per group: Net Promoter Score, satisfaction, who answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import customer_bootstrap
from workbench.discrimination import wilson
from workbench.schema import DataError, TooFewData

PROMOTER, DETRACTOR = 9, 6
HIGHEST = 10
# Below, a score swings by tens of points from chance alone; groups are not shown.
FEWEST_ANSWERS = 30
CONFIDENCE = 0.95
_Z = 1.959963984540054


class Score(NamedTuple):
    """A Net Promoter Score with its uncertainty.

    Attributes
    ----------
    answers : int
        Valid answers; blanks do not count.
    promoters, passives, detractors : float
        Shares of the answers 9 to 10, 7 to 8 and 0 to 6.
    nps, se : float
        100 (promoters - detractors) and its standard error, in points.
    low, high : float
        95 % interval, adjusted Wald, in points.
    """

    answers: int
    promoters: float
    passives: float
    detractors: float
    nps: float
    se: float
    low: float
    high: float


class Change(NamedTuple):
    """The difference of two scores.

    Attributes
    ----------
    points, low, high : float
        Later less earlier, with a 95 % interval of drawing customers: who
        answered twice is drawn with both answers.
    earlier, later, both : int
        Customers who answered before, after, and both times.
    """

    points: float
    low: float
    high: float
    earlier: int
    later: int
    both: int


def score(answers: pd.Series) -> Score:
    """Compute the Net Promoter Score of one group.

    The interval adds three answers, three quarters of one each to promoters and
    detractors, before the usual formula: it covers better in small groups.

    Parameters
    ----------
    answers : Series
        Whole numbers from 0 to 10; a missing value is no answer.

    Raises
    ------
    DataError
        If an answer is another number: a code such as 11 for "no answer" must
        be blanked before it is counted.
    TooFewData
        If nobody answered.

    References
    ----------
    Rocks (2016), Interval estimation for the "Net Promoter Score", The American
    Statistician 70 (4), 365-372.

    Examples
    --------
    >>> found = score(pd.Series([10, 9, 9, 8, 3, None]))
    >>> found.answers, round(found.nps, 1), round(found.low, 1), round(found.high, 1)
    (5, 40.0, -29.8, 79.8)
    """
    given = _valid(answers)
    n, up, down = len(given), int((given >= PROMOTER).sum()), int((given <= DETRACTOR).sum())
    p, d = up / n, down / n
    wide_p, wide_d = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3)
    middle, half = wide_p - wide_d, _Z * _deviation(wide_p, wide_d) / (n + 3) ** 0.5
    return Score(
        answers=n,
        promoters=p,
        passives=1 - p - d,
        detractors=d,
        nps=100 * (p - d),
        se=100 * _deviation(p, d) / n**0.5,
        low=100 * max(middle - half, -1.0),
        high=100 * min(middle + half, 1.0),
    )


def by_group(survey: pd.DataFrame, *, group: pd.Series) -> pd.DataFrame:
    """Compute the score and the satisfaction of each group of answers.

    A group with fewer than `FEWEST_ANSWERS` answers keeps its counts and loses
    its figures.

    Parameters
    ----------
    survey : DataFrame
        `customer_id`, `nps`, `satisfaction`, a row per answer.
    group : Series
        Indexed like `survey`; a missing group is left out.

    Returns
    -------
    DataFrame
        Indexed by `group`, sorted: `answers`, `customers`, `promoters`,
        `passives`, `detractors` (shares), `nps`, `nps_low`, `nps_high` (points).
    """
    valid = survey[survey["nps"].notna() & group.notna()]
    rows = {}
    for name, part in valid.groupby(group[valid.index], sort=True):
        found = score(part["nps"])
        shown = found.answers >= FEWEST_ANSWERS
        figures = [found.promoters, found.passives, found.detractors]
        figures += [found.nps, found.low, found.high]
        rows[name] = [
            found.answers,
            part["customer_id"].nunique(),
            *(figures if shown else [np.nan] * len(figures)),
        ]
    table = pd.DataFrame.from_dict(
        rows,
        orient="index",
        columns=[
            *("answers", "customers", "promoters", "passives", "detractors"),
            *("nps", "nps_low", "nps_high"),
        ],
    )
    return table.astype({"answers": int, "customers": int}).rename_axis("group")


def change(earlier: pd.DataFrame, later: pd.DataFrame, *, seed: int) -> Change:
    """Compare two waves of a survey, whoever answered in them.

    Customers are drawn, each with all answers: so the interval is right for
    two sets of people, for the same people asked twice, and for a mixture.

    Parameters
    ----------
    earlier, later : DataFrame
        `customer_id`, `nps`; a row per answer.
    seed : int
        Of the draws.

    Raises
    ------
    TooFewData
        If a wave has fewer than `FEWEST_ANSWERS` answers.
    """
    waves = [wave[wave["nps"].notna()] for wave in (earlier, later)]
    fewest = min(len(wave) for wave in waves)
    if fewest < FEWEST_ANSWERS:
        raise TooFewData(
            f"a wave of the survey has {fewest} answers; {FEWEST_ANSWERS} are needed to compare.",
            have=fewest,
            need=FEWEST_ANSWERS,
        )
    people = pd.Index(sorted(set(waves[0]["customer_id"]) | set(waves[1]["customer_id"])))
    columns = np.column_stack([_per_customer(wave, people) for wave in waves])

    def difference(weights: np.ndarray) -> np.ndarray:
        net_before, n_before, net_after, n_after = customer_bootstrap.totals(weights, columns).T
        with np.errstate(invalid="ignore"):
            return (100 * (net_after / n_after - net_before / n_before))[:, None]

    estimate = difference(np.ones((1, len(people))))[0]
    draws = customer_bootstrap.resample(difference, customers=len(people), seed=seed)
    low, high = customer_bootstrap.interval(estimate, draws)
    answered = [set(wave["customer_id"]) for wave in waves]
    return Change(
        points=float(estimate[0]),
        low=float(low[0]),
        high=float(high[0]),
        earlier=len(answered[0]),
        later=len(answered[1]),
        both=len(answered[0] & answered[1]),
    )


def satisfaction(survey: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Compute the mean mark and the share of the two best marks.

    Parameters
    ----------
    survey : DataFrame
        `customer_id`, `satisfaction` (1 to 5, or 1 to 10; higher is better).
    seed : int
        Of the draws of customers.

    Returns
    -------
    DataFrame
        Rows ``mean`` and ``top_two``: `estimate`, `lower`, `upper` (marks; a
        share), `answers`, `customers`.

    Raises
    ------
    TooFewData
        If fewer than `FEWEST_ANSWERS` gave a mark.
    """
    given = survey[survey["satisfaction"].notna()]
    if len(given) < FEWEST_ANSWERS:
        raise TooFewData(
            f"{len(given)} answers have a mark of satisfaction; {FEWEST_ANSWERS} are needed.",
            have=len(given),
            need=FEWEST_ANSWERS,
        )
    scale = 5 if given["satisfaction"].max() <= 5 else HIGHEST
    marks = given.assign(top=(given["satisfaction"] >= scale - 1).astype(float), one=1.0)
    sums = marks.groupby("customer_id", sort=True)[["satisfaction", "top", "one"]].sum()

    def means(weights: np.ndarray) -> np.ndarray:
        total = customer_bootstrap.totals(weights, sums.to_numpy(float))
        return total[:, :2] / total[:, 2:]

    estimate = means(np.ones((1, len(sums))))[0]
    low, high = customer_bootstrap.interval(
        estimate, customer_bootstrap.resample(means, customers=len(sums), seed=seed)
    )
    return pd.DataFrame(
        {
            "estimate": estimate,
            "lower": low,
            "upper": high,
            "answers": len(given),
            "customers": len(sums),
        },
        index=pd.Index(["mean", "top_two"], name="measure"),
    )


def response(answered: pd.Series, *, group: pd.Series) -> pd.DataFrame:
    """Count who answered, group by group.

    Parameters
    ----------
    answered : Series of bool
        Indexed by customer: gave at least one answer.
    group : Series
        Indexed by customer.

    Returns
    -------
    DataFrame
        Indexed by `group`: `customers`, `answered` (counts), `response_share`,
        `low`, `high` (95 % interval after Wilson).
    """
    counted = answered.groupby(group, sort=True).agg(["size", "sum"]).astype(int)
    low, high = wilson(counted["sum"].to_numpy(), counted["size"].to_numpy())
    return pd.DataFrame(
        {
            "customers": counted["size"],
            "answered": counted["sum"],
            "response_share": counted["sum"] / counted["size"],
            "low": low,
            "high": high,
        }
    ).rename_axis("group")


def weighted(last: pd.Series, *, group: pd.Series, sizes: Mapping[str, int]) -> float:
    """Weigh each customer's last answer so that the groups stand as in the base.

    Who answers is not like who does not. Groups nobody answered in cannot be
    weighed up and are left out.

    Parameters
    ----------
    last : Series
        Indexed by customer: the last answer, 0 to 10.
    group : Series
        Indexed by customer.
    sizes : mapping
        Group to its number of customers in the base.

    Returns
    -------
    float
        The score in points.

    Examples
    --------
    >>> last = pd.Series([10, 10, 10, 0], index=list("abcd"))
    >>> group = pd.Series(["viel", "viel", "viel", "wenig"], index=list("abcd"))
    >>> weighted(last, group=group, sizes={"viel": 50, "wenig": 50})
    0.0
    """
    given = _valid(last)
    net = (given >= PROMOTER).astype(float) - (given <= DETRACTOR)
    means = net.groupby(group.reindex(given.index)).mean()
    weights = pd.Series(dict(sizes), dtype=float).reindex(means.index)
    return float(100 * (means * weights).sum() / weights.sum())


def _valid(answers: pd.Series) -> pd.Series:
    given = answers.dropna().astype(float)
    bad = given[~(given.between(0, HIGHEST) & (given % 1 == 0))]
    if len(bad):
        raise DataError(
            f"{len(bad)} of {len(given)} answers are no whole number from 0 to {HIGHEST}, like "
            f"{bad.iloc[0]:g}. Blank the codes that mean no answer first."
        )
    if given.empty:
        raise TooFewData("nobody answered the question.", have=0, need=1)
    return given


def _deviation(p: float, d: float) -> float:
    return float(np.sqrt(max(p + d - (p - d) ** 2, 0.0)))


def _per_customer(wave: pd.DataFrame, people: pd.Index) -> np.ndarray:
    """Return promoters less detractors, and answers, of each customer."""
    given = _valid(wave["nps"])
    net = (given >= PROMOTER).astype(float) - (given <= DETRACTOR)
    sums = pd.DataFrame({"net": net, "n": 1.0}).groupby(wave["customer_id"]).sum()
    return sums.reindex(people, fill_value=0.0).to_numpy()
