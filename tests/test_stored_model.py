import json
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from workbench import recalibration, stored_model
from workbench.schema import DataError
from workbench.stored_model import Calibration, Model

SEED = 20050401
ORIGIN = pd.Timestamp("2024-03-31")
FACTS = {"horizon_days": 91, "gap_days": 7, "origin": ORIGIN, "data_hash": "5a" * 32}
WINDOW = {"horizon_days": 91, "gap_days": 7}
KINDS = {"days_since_last": "number", "first_channel": "text", "trend": "number"}
needs_skops = pytest.mark.skipif(find_spec("skops") is None, reason="skops is not installed")


def features_of(seed: int, *, n: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "n_orders": random.integers(2, 9, n),
            "days_since_last": random.integers(0, 300, n),
            "p_no_purchase": random.random(n),
            "trend": np.where(random.random(n) < 0.2, np.nan, random.normal(size=n)),
            "first_channel": random.choice(["Laden", "Netz", None], n),
        },
        index=pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id"),
    )


def fitted(name: str, *, calibration: Calibration | None = None) -> Model:
    features = features_of(1)
    event = np.random.default_rng(2).random(len(features)) < features["days_since_last"] / 300
    pipeline = stored_model.new_pipeline(name, KINDS, seed=SEED)
    pipeline.fit(stored_model.table_of(features, KINDS), event.to_numpy())
    return Model("repeat", name, KINDS, pipeline, float(event.mean()), calibration or CURVES[0])


PLAIN = Model("repeat", "bgnbd", {"p_no_purchase": "number"}, None, 0.4, Calibration("none"))
CURVES = (
    Calibration("none"),
    Calibration("sigmoid", 1.25, -0.5),
    Calibration("isotonic", points=(0.1, 0.4, 0.8), values=(0.05, 0.5, 0.9)),
)


def rewritten(path: Path, **changes) -> Path:
    """Change facts in a stored file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(members["model.json"]) | changes
    members["model.json"] = json.dumps(facts).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


# --- by hand ---------------------------------------------------------------------------------


def test_curves_by_hand():
    raw = pd.Series([0.2, 0.5, 0.9], index=["anna", "ben", "cem"])
    none, sigmoid, isotonic = (stored_model.calibrated(curve, raw) for curve in CURVES)
    assert none.tolist() == raw.tolist()
    assert sigmoid["ben"] == pytest.approx(expit(-0.5))
    assert sigmoid["anna"] == pytest.approx(expit(1.25 * np.log(0.25) - 0.5))
    # A third of the way from .05 to .5; a quarter of the way from .5 to .9; beyond the last.
    assert isotonic.tolist() == pytest.approx([0.2, 0.6, 0.9])


def test_the_steps_of_six_customers_by_hand():
    raw = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    event = pd.Series([False, True, False, True, True, True])
    curve = stored_model.fit_curve(raw, event, method="isotonic")
    # The second and third are pooled to one half; nothing is closer to 0 or 1 than 1 in 6 + 2.
    values = stored_model.calibrated(curve, raw).tolist()
    assert values == pytest.approx([0.125, 0.5, 0.5, 0.875, 0.875, 0.875])


def test_the_line_of_a_constant_is_the_rate_of_the_later_origin():
    event = pd.Series([True] * 3 + [False] * 7)
    curve = stored_model.fit_curve(pd.Series(0.5, index=event.index), event, method="sigmoid")
    assert curve.slope == 1
    assert expit(curve.intercept) == pytest.approx(0.3)


def test_members_by_hand():
    features = pd.DataFrame({"n_orders": [3, 1, 2]}, index=["cem", "ben", "anna"])
    repeat, once = (stored_model.members(features, population=p) for p in ("repeat", "one_time"))
    assert repeat.index.tolist() == ["anna", "cem"] and once.index.tolist() == ["ben"]


def test_what_is_stored_can_be_read_without_us(tmp_path):
    stored_model.save(PLAIN, tmp_path / "model.zip", **FACTS)
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        facts = json.loads(archive.read("model.json"))
        assert archive.read("pipeline.skops") == b""
    assert facts["name"] == "bgnbd" and facts["features"] == {"p_no_purchase": "number"}
    assert (facts["horizon_days"], facts["gap_days"], facts["origin"]) == (91, 7, "2024-03-31")
    assert facts["data_hash"] == "5a" * 32
    assert set(facts["versions"]) == {"scikit-learn", "numpy", "scipy"}


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.method)
def test_a_model_of_numbers_predicts_the_same_bits_from_its_file(tmp_path, curve):
    model = PLAIN._replace(calibration=curve)
    stored_model.save(model, tmp_path / "model.zip", **FACTS)
    stored = stored_model.load(tmp_path / "model.zip")
    assert stored.model == model
    assert (stored.horizon_days, stored.gap_days, stored.origin) == (91, 7, ORIGIN)
    assert stored.data_hash == "5a" * 32
    week = features_of(7)
    before = stored_model.predict(model, week)
    after = stored_model.score(stored, week, **WINDOW)
    assert after.to_numpy().tobytes() == before.to_numpy().tobytes()
    assert after.index.equals(before.index)


@needs_skops
@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_a_pipeline_scores_next_week_with_the_same_bits_from_its_file(tmp_path, name):
    model = fitted(name, calibration=CURVES[2])
    stored_model.save(model, tmp_path / "model.zip", **FACTS)
    stored = stored_model.load(tmp_path / "model.zip")
    week = features_of(7)
    before = stored_model.predict(model, week)
    after = stored_model.score(stored, week.sample(frac=1, random_state=1), **WINDOW)
    assert after.to_numpy().tobytes() == before.to_numpy().tobytes()
    assert before.nunique() > 50
    assert stored.model._replace(pipeline=None) == model._replace(pipeline=None)


@needs_skops
@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_the_same_model_gives_the_same_file(tmp_path, name):
    for path in (tmp_path / "one.zip", tmp_path / "two.zip"):
        stored_model.save(fitted(name), path, **FACTS)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    again = stored_model.load(tmp_path / "one.zip").model
    stored_model.save(again, tmp_path / "two.zip", **FACTS)
    week = features_of(7)
    twice = stored_model.load(tmp_path / "two.zip").model
    assert stored_model.predict(twice, week).equals(stored_model.predict(again, week))


@needs_skops
def test_no_pickle_is_in_the_file(tmp_path):
    stored_model.save(fitted("boosting"), tmp_path / "model.zip", **FACTS)
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        (tmp_path / "inner.zip").write_bytes(archive.read("pipeline.skops"))
    with zipfile.ZipFile(tmp_path / "inner.zip") as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".json", ".npy"}
        for name in archive.namelist():
            # numpy marks an array of objects, which it would pickle, by this type.
            assert b"'descr': '|O'" not in archive.read(name)[:128]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_curves_rise_and_stay_probabilities(seed, method):
    random = np.random.default_rng(seed)
    raw = pd.Series(random.random(200))
    event = pd.Series(random.random(200) < raw**2)
    curve = stored_model.fit_curve(raw, event, method=method)
    line = stored_model.calibrated(curve, pd.Series(np.linspace(0, 1, 101)))
    assert line.is_monotonic_increasing and line.between(0, 1).all()
    assert stored_model.calibrated(curve, raw).mean() == pytest.approx(event.mean(), abs=0.01)


@pytest.mark.parametrize("dtype", ["Float64", "Int64", "float32", "bool"])
def test_numbers_of_every_type_are_read(dtype):
    values = pd.Series([1, 0, 1], index=list("abc")).astype(dtype)
    table = stored_model.table_of(values.to_frame("x"), {"x": "number"})
    assert table["x"].dtype == float and table["x"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_that_a_value_is_missing_may_be_the_signal(name):
    features = features_of(1)
    missing = features["trend"].isna()
    table = stored_model.table_of(features, KINDS)
    pipeline = stored_model.new_pipeline(name, KINDS, seed=SEED).fit(table, missing)
    risk = pd.Series(pipeline.predict_proba(table)[:, 1], index=features.index)
    assert risk[missing].min() > 0.8 and risk[~missing].max() < 0.2


def test_missing_numbers_and_texts_of_every_type_are_read():
    table = pd.DataFrame(
        {
            "number": pd.array([1.5, None], dtype="Float64"),
            "text": pd.Series(["Laden", None], dtype="str"),
            "category": pd.Categorical(["Netz", None]),
            "object": pd.Series(["Messe", None], dtype=object),
            "nothing": [None, None],
        }
    )
    kinds = {"number": "number", "nothing": "number"}
    kinds |= dict.fromkeys(("text", "category", "object"), "text")
    read = stored_model.table_of(table, kinds)
    assert np.isnan(read.loc[1, "number"]) and read["nothing"].isna().all()
    assert read.loc[0, ["text", "category", "object"]].tolist() == ["Laden", "Netz", "Messe"]
    assert read.loc[1, ["text", "category", "object"]].tolist() == ["", "", ""]


# --- against an authority --------------------------------------------------------------------


def test_the_sigmoid_is_the_line_of_cox():
    random = np.random.default_rng(3)
    raw = pd.Series(random.random(500))
    event = pd.Series(random.random(500) < expit(0.7 * np.log(raw / (1 - raw)) + 0.4))
    curve = stored_model.fit_curve(raw, event, method="sigmoid")
    # Cox (1958): after the line, slope 1 and intercept 0 are the best.
    after = stored_model.calibrated(curve, raw)
    row = recalibration.recalibrate(event, after.to_frame("after")).loc["after"]
    assert row["slope"] == pytest.approx(1) and row["intercept"] == pytest.approx(0, abs=1e-8)


# --- messages --------------------------------------------------------------------------------


def test_a_falling_line_and_one_without_an_end_are_no_curve():
    raw = pd.Series([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    falling = pd.Series([True, True, False, True, False, False])
    assert stored_model.fit_curve(raw, falling, method="sigmoid") is None
    assert stored_model.fit_curve(raw, raw > 0.5, method="sigmoid") is None


def test_other_versions_are_refused_by_name(tmp_path):
    path = tmp_path / "model.zip"
    stored_model.save(PLAIN, path, **FACTS)
    rewritten(path, versions={"scikit-learn": "1.2.3"})
    with pytest.raises(DataError, match=r"^model.zip was written with scikit-learn 1.2.3 \(here"):
        stored_model.load(path)
    with pytest.raises(DataError, match=r"model.zip has format 2, and this version reads 1"):
        stored_model.load(rewritten(path, format=2))


def test_other_features_are_refused_by_name(tmp_path):
    stored_model.save(PLAIN, tmp_path / "model.zip", **FACTS)
    stored = stored_model.load(tmp_path / "model.zip")
    week = features_of(7)
    with pytest.raises(DataError, match=r"features lacks \['p_no_purchase'\], which the model"):
        stored_model.score(stored, week.drop(columns="p_no_purchase"), **WINDOW)
    with pytest.raises(DataError, match="'p_no_purchase' is a text; the model reads a number"):
        stored_model.score(stored, week.assign(p_no_purchase="viel"), **WINDOW)
    with pytest.raises(DataError, match="400 of 400 values of 'p_no_purchase' are infinite"):
        stored_model.score(stored, week.assign(p_no_purchase=np.inf), **WINDOW)
    with pytest.raises(DataError, match="is a number or a text"):
        stored_model.score(stored, week.assign(p_no_purchase=ORIGIN), **WINDOW)


def test_another_window_is_refused(tmp_path):
    stored_model.save(PLAIN, tmp_path / "model.zip", **FACTS)
    stored = stored_model.load(tmp_path / "model.zip")
    with pytest.raises(DataError, match="predicts 91 days after a gap of 7, not 60 after 7"):
        stored_model.score(stored, features_of(7), horizon_days=60, gap_days=7)


def test_customers_of_the_other_population_are_counted():
    week = features_of(7)
    week.iloc[:3, 0] = 1
    with pytest.raises(DataError, match="3 of 400 customers do not belong to the population"):
        stored_model.predict(PLAIN, week)
    with pytest.raises(DataError, match="holds 2 customers twice"):
        stored_model.predict(PLAIN, week.iloc[[5, 5, 6, 6]])
    with pytest.raises(DataError, match=r"features lacks \['n_orders'\]"):
        stored_model.predict(PLAIN, week.drop(columns="n_orders"))


def test_a_file_that_is_none_or_was_damaged_is_refused(tmp_path):
    path = tmp_path / "model.zip"
    path.write_bytes(b"kunde;betrag\n")
    with pytest.raises(DataError, match=r"model.zip is no stored model"):
        stored_model.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", b"{}")
    with pytest.raises(DataError, match=r"model.zip is no stored model"):
        stored_model.load(path)
    stored_model.save(PLAIN, path, **FACTS)
    with pytest.raises(DataError, match="is not the one that was written to it"):
        stored_model.load(rewritten(path, pipeline_sha256="0"))


@needs_skops
def test_a_file_with_foreign_code_is_refused(tmp_path):
    strange = Pipeline([("model", FunctionTransformer(zipfile.main))])
    model = fitted("logistic")._replace(pipeline=strange)
    stored_model.save(model, tmp_path / "model.zip", **FACTS)
    with pytest.raises(DataError, match=r"model.zip holds \['zipfile.main'\]"):
        stored_model.load(tmp_path / "model.zip")


def test_without_skops_a_pipeline_is_not_stored_and_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(ModuleNotFoundError, match="skops is needed to store or load"):
        stored_model.save(fitted("logistic"), tmp_path / "model.zip", **FACTS)
    assert not (tmp_path / "model.zip").exists()
