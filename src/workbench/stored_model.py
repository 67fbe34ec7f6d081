"""A fitted churn model: a record that predicts, and its file, which holds no pickle."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from workbench import discrimination, recalibration
from workbench.schema import DataError, NotIdentified

# Who bought once can only come for the first time again: another question, and another model.
# Who holds a contract may leave whatever he bought.
POPULATIONS = ("repeat", "one_time", "contract")
P_NO_PURCHASE = "p_no_purchase"
# A text that so few have is taken together with the other rare ones.
MIN_KNOWN = 20
FORMAT = 1
FACTS, PIPELINE = "model.json", "pipeline.skops"
# Types that skops does not know to be harmless, and that our pipelines are made of.
TRUSTED = frozenset(
    {"numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"}
)
# Another version of these may read a fitted model otherwise, or compute other last digits.
VERSIONED = ("scikit-learn", "numpy", "scipy")


class Calibration(NamedTuple):
    """A rising curve from a model's probability to the one that is published.

    Attributes
    ----------
    method : str
        ``none``; ``sigmoid``, a line in log odds; ``isotonic``, a line through
        points.
    slope, intercept : float
        Of the line in log odds.
    points, values : tuple of float
        Probabilities of the model, and what they become.
    """

    method: str
    slope: float = 1.0
    intercept: float = 0.0
    points: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


class Model(NamedTuple):
    """A fitted model of one population.

    Attributes
    ----------
    population : str
        One of `POPULATIONS`.
    name : str
        Key of `labels.MODEL_LABELS`.
    kinds : dict of str to str
        The columns that it reads, to ``number`` or ``text``.
    pipeline : Pipeline or None
        None for `base_rate` and `bgnbd`, which are not fitted to features.
    rate : float
        Share of the training rows with the event.
    calibration : Calibration
    """

    population: str
    name: str
    kinds: dict[str, str]
    pipeline: Pipeline | None
    rate: float
    calibration: Calibration


class Stored(NamedTuple):
    """A model from a file, and what it was made of.

    Attributes
    ----------
    model : Model
    horizon_days, gap_days : int
        Length of the outcome window, and the days between origin and window.
    origin : Timestamp
        Last origin whose labels the model knows.
    data_hash : str
        Of the data that it was fitted to.
    versions : dict of str to str
        Of the libraries that fitted it.
    """

    model: Model
    horizon_days: int
    gap_days: int
    origin: pd.Timestamp
    data_hash: str
    versions: dict[str, str]


def members(features: pd.DataFrame, *, population: str) -> pd.DataFrame:
    """Return the customers of one population, sorted by `customer_id`.

    Raises
    ------
    ValueError
        If there is no such population.
    DataError
        If `n_orders` is missing, or a customer stands twice.
    """
    if population not in POPULATIONS:
        raise ValueError(f"population {population!r} is unknown; there are {list(POPULATIONS)}.")
    if "n_orders" not in features:
        raise DataError("features lacks ['n_orders'], which tells repeat from one-time buyers.")
    n_twice = int(features.index.duplicated().sum())
    if n_twice:
        raise DataError(f"features holds {n_twice} customers twice. Give one row for each.")
    if population == "contract":
        return features.sort_index()
    is_repeat = features["n_orders"] > 1
    return features[is_repeat if population == "repeat" else ~is_repeat].sort_index()


def predict(model: Model, features: pd.DataFrame) -> pd.Series:
    """Predict the probability of the event of the model's population.

    Parameters
    ----------
    model : Model
        From `churn_training` or `load`.
    features : DataFrame
        Customers of that population, from `members`. Other columns than those of
        the model are not read.

    Returns
    -------
    Series
        `probability` (0 ... 1), indexed and sorted by `customer_id`: of no
        purchase for `repeat`, of the second purchase for `one_time`, of the end of the last
        contract for `contract`.

    Raises
    ------
    DataError
        If a column that the model reads is missing or of another kind, or a
        customer belongs to the other population.
    """
    known = members(features, population=model.population)
    n_other = len(features) - len(known)
    if n_other:
        raise DataError(
            f"{n_other} of {len(features)} customers do not belong to the population "
            f"{model.population!r}. Take them out with stored_model.members."
        )
    return calibrated(model.calibration, uncalibrated(model, known))


def uncalibrated(model: Model, features: pd.DataFrame) -> pd.Series:
    """Predict as `predict` does, before the curve; customers are those of `members`."""
    table = table_of(features, model.kinds)
    if model.name == "base_rate":
        probability = np.full(len(features), model.rate)
    elif model.pipeline is None:
        silent = table[P_NO_PURCHASE].to_numpy()
        discrimination.check_probability(silent, name=P_NO_PURCHASE)
        probability = silent if model.population == "repeat" else 1 - silent
    elif features.empty:
        probability = np.empty(0)
    else:
        with threadpool_limits(limits=1):
            probability = model.pipeline.predict_proba(table)[:, 1]
    return pd.Series(probability, index=features.index, name="probability")


def calibrated(curve: Calibration, raw: pd.Series) -> pd.Series:
    """Put probabilities through a curve."""
    probability = raw.to_numpy(float)
    if curve.method == "sigmoid":
        smallest = discrimination.SMALLEST
        log_odds = logit(np.clip(probability, smallest, 1 - smallest))
        probability = expit(curve.intercept + curve.slope * log_odds)
    elif curve.method == "isotonic":
        probability = np.interp(probability, curve.points, curve.values)
    return pd.Series(probability, index=raw.index, name="probability")


def new_pipeline(name: str, kinds: Mapping[str, str], *, seed: int) -> Pipeline:
    """Make the pipeline of a model, not yet fitted.

    Whatever it learns from features, such as a median or a scale, it learns from
    the rows that it is fitted to.

    Parameters
    ----------
    name : str
        Key of `labels.MODEL_LABELS`; ``boosting`` gives trees, any other a logistic
        regression.
    kinds : mapping of str to str
        As in `Model`.
    seed : int
        Seed of the boosting.
    """
    numbers = [column for column, kind in kinds.items() if kind == "number"]
    texts = [column for column, kind in kinds.items() if kind == "text"]
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=MIN_KNOWN, sparse_output=False
    )
    if name == "boosting":
        # The trees take a missing value as it is.
        prepared = "passthrough"
        model = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=120,
            max_depth=3,
            min_samples_leaf=40,
            early_stopping=False,
            random_state=seed,
        )
    else:
        prepared = Pipeline(
            [
                # Like a logarithm for large values, and defined for zero and below.
                ("log", FunctionTransformer(np.arcsinh, feature_names_out="one-to-one")),
                ("impute", SimpleImputer(strategy="median", add_indicator=True)),
                ("scale", StandardScaler()),
            ]
        )
        model = LogisticRegression(solver="newton-cholesky")
    columns = [("numbers", prepared, numbers), ("texts", one_hot, texts)]
    used = [part for part in columns if part[2]]
    return Pipeline([("columns", ColumnTransformer(used)), ("model", model)])


def fit_curve(raw: pd.Series, event: pd.Series, *, method: str) -> Calibration | None:
    """Fit a rising curve from predicted probabilities to those that were observed.

    Parameters
    ----------
    raw : Series
        From `uncalibrated`.
    event : Series
        Same customers: did it happen (bool).
    method : str
        As in `Calibration`.

    Returns
    -------
    Calibration or None
        None where the line in log odds falls, and would turn the model's order
        round, or has no finite optimum.
    """
    if method == "none":
        return Calibration("none")
    if method == "isotonic":
        # Laplace's rule of succession: a step on which nothing happened is no certainty.
        smallest = 1 / (len(raw) + 2)
        fitted = IsotonicRegression(y_min=smallest, y_max=1 - smallest, out_of_bounds="clip")
        fitted.fit(raw.to_numpy(), event.to_numpy(float))
        points, values = fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist()
        return Calibration("isotonic", points=tuple(points), values=tuple(values))
    try:
        line = recalibration.recalibrate(event, raw.to_frame("raw")).loc["raw"]
    except NotIdentified:
        return None
    if raw.nunique() == 1:
        return Calibration("sigmoid", intercept=float(line["in_the_large"]))
    if not line["slope"] > 0:
        return None
    return Calibration("sigmoid", float(line["slope"]), float(line["intercept"]))


def kind(values: pd.Series) -> str:
    """Tell whether a feature is a ``number`` or a ``text``.

    Raises
    ------
    DataError
        If it is neither.
    """
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    known = values.dropna()
    if isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(known):
        return "text"
    raise DataError(
        f"feature {values.name!r} is of type {values.dtype}; a feature is a number or a text."
    )


def table_of(features: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Take the columns of a model, numbers as float and texts as plain strings.

    Raises
    ------
    DataError
        If a column is missing or of another kind, or a number is infinite.
    """
    missing = [column for column in kinds if column not in features]
    if missing:
        raise DataError(
            f"features lacks {missing}, which the model reads. Make them from the same tables as "
            "those that it was fitted to."
        )
    numeric = {
        column: "number" if pd.api.types.is_numeric_dtype(dtype) else ""
        for column, dtype in features.dtypes.items()
    }
    for column, wanted in kinds.items():
        values = features[column]
        # Most are what they should be, which the type alone tells.
        if numeric[column] != wanted and not values.isna().all() and kind(values) != wanted:
            raise DataError(f"feature {column!r} is a {kind(values)}; the model reads a {wanted}.")
    numbers = [column for column, wanted in kinds.items() if wanted == "number"]
    values = features[numbers].to_numpy(float, na_value=np.nan)
    for column, n_infinite in zip(numbers, np.isinf(values).sum(axis=0), strict=True):
        if n_infinite:
            raise DataError(f"{n_infinite} of {len(values)} values of {column!r} are infinite.")
    table = pd.DataFrame(values, features.index, numbers)
    for column in (column for column, wanted in kinds.items() if wanted == "text"):
        text = features[column]
        table[column] = text.astype(object).where(text.notna(), "").astype(str)
    return table[list(kinds)]


def save(
    model: Model,
    path: Path,
    *,
    horizon_days: int,
    gap_days: int,
    origin: pd.Timestamp,
    data_hash: str,
) -> None:
    """Write a model to a file: its numbers as JSON, its pipeline in the format of skops.

    The same model gives the same bytes.

    Parameters
    ----------
    model : Model
        From `churn_training.refit`.
    path : Path
        The file; an older one is replaced.
    horizon_days, gap_days : int
        Length of the outcome window, and the days between origin and window.
    origin : Timestamp
        Last origin whose labels the model knows.
    data_hash : str
        Of the data that it was fitted to.

    Raises
    ------
    ModuleNotFoundError
        If the model has a pipeline and skops is not installed.

    References
    ----------
    skops, "Secure persistence", https://skops.readthedocs.io/en/stable/persistence.html
    """
    data = b"" if model.pipeline is None else _repeatable(_skops().dumps(model.pipeline))
    facts = {
        "format": FORMAT,
        "population": model.population,
        "name": model.name,
        "features": model.kinds,
        "rate": model.rate,
        "calibration": model.calibration._asdict(),
        "pipeline_sha256": hashlib.sha256(data).hexdigest(),
        "horizon_days": horizon_days,
        "gap_days": gap_days,
        "origin": origin.date().isoformat(),
        "data_hash": data_hash,
        "versions": _versions(),
    }
    text = json.dumps(facts, indent=2, allow_nan=False).encode()
    path.write_bytes(_zipped({FACTS: text, PIPELINE: data}))


def load(path: Path) -> Stored:
    """Read a model from a file that `save` wrote, on a machine with the same versions.

    Nothing in the file is run; but the nodes of a boosting's trees are taken as
    they stand. Load your own files.

    Raises
    ------
    DataError
        If the file is none of `save`, was damaged, holds other things than our
        pipelines, or was written with other versions.
    ModuleNotFoundError
        If the model has a pipeline and skops is not installed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts, data = json.loads(archive.read(FACTS)), archive.read(PIPELINE)
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise DataError(
            f"{path.name} is no stored model. Make it with stored_model.save."
        ) from error
    if facts.get("format") != FORMAT:
        raise DataError(
            f"{path.name} has format {facts.get('format')}, and this version reads {FORMAT}. "
            "Train the model again."
        )
    here = _versions()
    other = [
        f"{name} {version} (here {here.get(name)})"
        for name, version in facts["versions"].items()
        if here.get(name) != version
    ]
    if other:
        raise DataError(
            f"{path.name} was written with {', '.join(other)}. Install that, or train the model "
            "again."
        )
    if hashlib.sha256(data).hexdigest() != facts["pipeline_sha256"]:
        raise DataError(f"the pipeline in {path.name} is not the one that was written to it.")
    curve = facts["calibration"]
    model = Model(
        population=facts["population"],
        name=facts["name"],
        kinds=facts["features"],
        pipeline=_pipeline(data, label=path.name) if data else None,
        rate=facts["rate"],
        calibration=Calibration(
            **curve | {"points": tuple(curve["points"]), "values": tuple(curve["values"])}
        ),
    )
    return Stored(
        model=model,
        horizon_days=facts["horizon_days"],
        gap_days=facts["gap_days"],
        origin=pd.Timestamp(facts["origin"]),
        data_hash=facts["data_hash"],
        versions=facts["versions"],
    )


def score(stored: Stored, features: pd.DataFrame, *, horizon_days: int, gap_days: int) -> pd.Series:
    """Predict with a stored model, without a new fit.

    Parameters
    ----------
    stored : Stored
        From `load`.
    features : DataFrame
        As in `predict`, at a new origin.
    horizon_days, gap_days : int
        With which the features were made.

    Returns
    -------
    Series
        As from `predict`: bit for bit what the model gave before it was stored.

    Raises
    ------
    DataError
        If the model was made for another outcome window, or as in `predict`.
    """
    if (horizon_days, gap_days) != (stored.horizon_days, stored.gap_days):
        raise DataError(
            f"the stored model predicts {stored.horizon_days} days after a gap of "
            f"{stored.gap_days}, not {horizon_days} after {gap_days}. Train one for this window."
        )
    return predict(stored.model, features)


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in VERSIONED}


def _skops() -> ModuleType:
    try:
        import skops.io
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "skops is needed to store or load a fitted pipeline, and is not installed. "
            "Install skops 0.16 or later."
        ) from error
    return skops.io


def _pipeline(data: bytes, *, label: str) -> Pipeline:
    skops_io = _skops()
    strange = sorted(set(skops_io.get_untrusted_types(data=data)) - TRUSTED)
    if strange:
        raise DataError(f"{label} holds {strange}, which is no part of our models. Do not use it.")
    pipeline: Any = skops_io.loads(data, trusted=sorted(TRUSTED))
    return pipeline


def _repeatable(data: bytes) -> bytes:
    """Name the objects in a file of skops by their place, where it took memory addresses."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = members.pop("schema.json").decode()
    found = re.findall(r'"(?:__id__|file)": "?(\d+)', schema)
    numbers = {old: str(number) for number, old in enumerate(dict.fromkeys(found), start=1)}
    schema = re.sub(
        r'("(?:__id__|file)": "?)(\d+)', lambda match: match[1] + numbers[match[2]], schema
    )
    renamed = {re.sub(r"^\d+", lambda match: numbers[match[0]], name): name for name in members}
    ordered = {new: members[renamed[new]] for new in sorted(renamed)}
    return _zipped({"schema.json": schema.encode()} | ordered)


def _zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            # A member without a date of its own has that of the first day that zip knows.
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
