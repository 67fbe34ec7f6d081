"""A model's predictions to what each feature does in them: one row per group or class of values.

What is measured is how the model uses a feature, which is a connection and not a cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage

from workbench import discrimination
from workbench.schema import DataError, TooFewData

# A table of features -> the predicted probability of the event, with the index of the table.
Predict = Callable[[pd.DataFrame], pd.Series]

# Features whose ranks correlate so strongly, either way, can stand in for each other.
SAME_FROM = 0.7
N_SHUFFLES = 5
N_CLASSES = 20
# Beyond these quantiles a curve would show the values of single customers and rest on few.
TAIL = 0.025


def correlated(features: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Put features together that say nearly the same of the customers.

    Hierarchical clustering with complete linkage on 1 - |Spearman's rank
    correlation|: within a group every pair correlates by at least .7
    (`SAME_FROM`), rising or falling. A feature with one value only is alone.

    Parameters
    ----------
    features : DataFrame
        One row per customer and origin, numbers only.

    Returns
    -------
    dict of str to tuple of str
        Name of the group, its alphabetically first feature, to all of its features,
        both in alphabetical order.

    Raises
    ------
    DataError
        If a value is missing.

    References
    ----------
    Spearman (1904), American Journal of Psychology 15 (1), 72-101.

    Examples
    --------
    >>> features = pd.DataFrame({"age": [1, 2, 3, 4], "old": [1, 4, 9, 16], "spend": [5, 1, 4, 2]})
    >>> correlated(features)
    {'age': ('age', 'old'), 'spend': ('spend',)}
    """
    _check_complete(features)
    names = sorted(features.columns)
    if len(names) < 2:
        return {name: (name,) for name in names}
    ranks = features[names].rank().to_numpy()
    ranks = ranks - ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    unit = ranks / np.where(length > 0, length, 1.0)
    # Pair by pair and rounded, so that threads and order of rows cannot decide at the threshold.
    pairs = [
        round(1 - abs(float((unit[:, one] * unit[:, other]).sum())), 9)
        for one in range(len(names))
        for other in range(one + 1, len(names))
    ]
    labels = fcluster(
        linkage(pairs, method="complete"), t=round(1 - SAME_FROM, 9), criterion="distance"
    )
    members: dict[int, list[str]] = {}
    for name, label in zip(names, labels, strict=True):
        members.setdefault(int(label), []).append(name)
    return {group[0]: tuple(group) for group in sorted(members.values())}


def importance(
    features: pd.DataFrame,
    truth: pd.Series,
    *,
    predict: Predict,
    groups: Mapping[str, Sequence[str]],
    seed: int,
) -> pd.DataFrame:
    """Measure how much worse predictions get when features are shuffled among the customers.

    The features of a group are shuffled together, so that none can stand in for
    another. Take customers that the model was not fitted to: on its own it would be
    praised for what it learned by heart.

    Parameters
    ----------
    features : DataFrame
        Indexed by `customer_id`, or by `origin` and `customer_id`.
    truth : Series
        Same index: did the event happen (bool).
    predict : callable
        Takes a table like `features` and gives the probability of the event, 0 ... 1.
    groups : mapping of str to sequence of str
        Name to features, from `correlated` or chosen.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    DataFrame
        Indexed by `group`, the largest loss of AUC first, then by name.

        - `features`: its features, separated by a comma
        - `auc_loss`: AUC as it is less the mean AUC of 5 shuffles (`N_SHUFFLES`)
        - `log_loss_gain`: mean log loss of the shuffles less that as it is, nats
        - `..._low`, `..._high`: 95 % interval of each, customers drawn; a feature
          that says nothing has 0 inside in 95 of 100 cases

    Raises
    ------
    DataError
        If truth has other rows, a feature of a group is missing, or a prediction is.

    References
    ----------
    Breiman (2001), Machine Learning 45 (1), 5-32: shuffling. Intervals of the difference
    of two AUCs: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44 (3), 837-845.
    """
    features = features.sort_index()
    lacking = sorted({name for group in groups.values() for name in group} - set(features.columns))
    if lacking:
        raise DataError(f"features lacks {lacking}, which the groups name.")
    event = discrimination.events_of(truth, index=features.index)
    customers = discrimination.customer_codes(features.index)
    base = _probability(predict, features)
    auc, auc_terms = discrimination.auc_terms(event, base)
    losses = discrimination.log_losses(event, base)

    random = np.random.default_rng(seed)
    # All groups are shuffled alike, so that neither their order nor their count matters.
    orders = [random.permutation(len(features)) for _ in range(N_SHUFFLES)]
    rows = {}
    for name in sorted(groups):
        columns = list(groups[name])
        shuffled = [_probability(predict, _shuffled(features, columns, order)) for order in orders]
        judged = [discrimination.auc_terms(event, one) for one in shuffled]
        lost = auc_terms - np.mean([terms for _, terms in judged], axis=0)
        gained = np.mean([discrimination.log_losses(event, one) for one in shuffled], axis=0)
        gained = gained - losses
        rows[name] = {
            "features": ", ".join(columns),
            **_bounded("auc_loss", auc - np.mean([one for one, _ in judged]), lost, customers),
            **_bounded(
                "log_loss_gain", gained.mean(), (gained - gained.mean()) / len(gained), customers
            ),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return table.sort_values("auc_loss", ascending=False, kind="stable")


def local_effects(features: pd.DataFrame, *, feature: str, predict: Predict) -> pd.DataFrame:
    """Follow the predicted probability along one feature, all others left as they are.

    Accumulated local effects (ALE): customers are put into classes by the feature's
    quantiles. In each class the prediction at its upper end is compared with that at
    its lower end, for the customers in it, and the mean changes are added up. So no
    customer gets a value far from his own, as in a partial dependence.

    Parameters
    ----------
    features : DataFrame
        As in `importance`.
    feature : str
        A numeric column of it.
    predict : callable
        As in `importance`.

    Returns
    -------
    DataFrame
        One row per end of a class, in order; 20 classes (`N_CLASSES`) or fewer, as
        ends that fall together are one. Customers below the 2.5 % or above the 97.5 %
        quantile are in no class (`TAIL`).

        - `value`: the end, a value that occurs, in the feature's unit
        - `effect`: change of the probability against the mean of the customers in the
          classes, in points of 0 ... 1
        - `customers`: rows in the class that ends here; 0 at the first end

    Raises
    ------
    TooFewData
        If the feature takes a single value between the two quantiles.
    DataError
        If the column or a value of it is missing.

    References
    ----------
    Apley and Zhu (2020), Journal of the Royal Statistical Society B 82 (4), 1059-1086,
    equations 15 and 16; centred on the middle of each class.
    """
    if feature not in features:
        raise DataError(f"features lacks {feature!r}; it has {list(features.columns)}.")
    _check_complete(features[[feature]])
    features = features.sort_index()
    values = features[feature].to_numpy(float)
    shares = np.linspace(TAIL, 1 - TAIL, N_CLASSES + 1)
    ends = np.unique(np.quantile(values, shares, method="inverted_cdf"))
    if len(ends) < 2:
        raise TooFewData(
            f"{feature!r} is {ends[0]:g} for all but {2 * TAIL:.0%} of {len(values)} customers: it "
            "has no curve. Leave it out.",
            have=1,
            need=2,
        )
    inside = (values >= ends[0]) & (values <= ends[-1])
    known = features[inside]
    place = np.maximum(np.searchsorted(ends, values[inside]), 1)
    upper = _probability(predict, known.assign(**{feature: ends[place]}))
    lower = _probability(predict, known.assign(**{feature: ends[place - 1]}))

    # Every end is a value that occurs: no class but the one below the first end is empty.
    n = np.bincount(place)
    summed = np.bincount(place, weights=upper - lower)
    rise = np.concatenate([[0.0], np.cumsum(summed[1:] / n[1:])])
    centre = (n[1:] * (rise[1:] + rise[:-1]) / 2).sum() / n.sum()
    return pd.DataFrame({"value": ends, "effect": rise - centre, "customers": n})


def _shuffled(features: pd.DataFrame, columns: list[str], order: np.ndarray) -> pd.DataFrame:
    return features.assign(**{name: features[name].to_numpy()[order] for name in columns})


def _bounded(
    name: str, estimate: float, terms: np.ndarray, customers: np.ndarray
) -> dict[str, float]:
    half = discrimination.Z * discrimination.standard_error(terms, customers=customers)
    return {name: estimate, f"{name}_low": estimate - half, f"{name}_high": estimate + half}


def _probability(predict: Predict, features: pd.DataFrame) -> np.ndarray:
    predicted = predict(features)
    if not predicted.index.equals(features.index):
        raise DataError(
            f"predict gave {len(predicted)} rows for {len(features)} customers, or others than "
            "asked for. It must keep the sorted index."
        )
    probability = predicted.to_numpy(float)
    discrimination.check_probability(probability, name="prediction")
    return probability


def _check_complete(features: pd.DataFrame) -> None:
    n_missing = features.isna().sum()
    if n_missing.any():
        counted = {name: int(n) for name, n in n_missing.items() if n}
        raise DataError(f"of {len(features)} rows, features are missing: {counted}. Fill them.")
