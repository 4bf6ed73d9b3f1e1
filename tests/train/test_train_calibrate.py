"""Calibration: learned on the validation side, stored with the candidate, beside scikit-learn's own."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from train_tables import by_hand, columns, schema, sklearn, table, trained, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.calibrate import calibrated, fit_calibration
from mlops_runner.train.fit import fit
from mlops_runner.train.targets import encode_target

FOREST = "ensemble.RandomForestClassifier"
LOGISTIC = "linear_model.LogisticRegression"
BINARY, MULTI = schema("binary"), schema("multiclass")


def calibrating(trainer: Any, method: str) -> Any:
    return trainer.model_copy(update={"calibrate": method})


def scores(task: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    if task == "binary":
        p = random.random(4000)
        return p, (random.random(4000) < p**2).astype(np.int64)
    p = random.dirichlet([1, 1, 1], 4000)
    return p, np.array([random.choice(3, p=row**2 / (row**2).sum()) for row in p])


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_forest_is_calibrated_as_scikit_learn_does_it(tmp_path: Path, task: str) -> None:
    _, folder = trained(tmp_path, calibrating(sklearn(FOREST, n_estimators=20, max_depth=4), "isotonic"), task)
    reads, (x, xv) = schema(task), by_hand(task)
    y, yv = (encode_target(table(rows, seed, task)["y"], reads) for rows, seed in ((200, 1), (100, 2)))
    forest = RandomForestClassifier(20, max_depth=4, random_state=7).fit(x, y)
    plain = CalibratedClassifierCV(FrozenEstimator(forest), method="isotonic").fit(xv, yv)
    expected = plain.predict_proba(xv)
    found = predict(load_candidate(folder), table(100, 2, task))
    np.testing.assert_allclose(found, expected[:, 1] if task == "binary" else expected, atol=1e-12)


def test_a_logistic_model_is_calibrated_as_scikit_learn_does_it(tmp_path: Path) -> None:
    """Its decision function is the logit, so both fit the same line."""
    _, folder = trained(tmp_path, calibrating(sklearn(LOGISTIC), "sigmoid"))
    x, xv = by_hand()
    y, yv = (encode_target(table(rows, seed)["y"], BINARY) for rows, seed in ((200, 1), (100, 2)))
    model = LogisticRegression(random_state=7).fit(x, y)
    plain = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid").fit(xv, yv)
    np.testing.assert_allclose(predict(load_candidate(folder), table(100, 2)), plain.predict_proba(xv)[:, 1], atol=2e-4)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_calibration_brings_probabilities_to_what_was_seen(method: str, task: str) -> None:
    p, y = scores(task)
    fitted = fit_calibration(method, schema(task), p[:2000], y[:2000], None)
    after = calibrated(fitted, p[2000:])
    target = y[2000:] if task == "binary" else (y[2000:, None] == np.arange(3)).astype(float)
    assert ((after - target) ** 2).mean() < 0.99 * ((p[2000:] - target) ** 2).mean()
    assert np.abs(after.mean(axis=0) - target.mean(axis=0)).max() < 0.03
    if task == "multiclass":
        np.testing.assert_allclose(after.sum(axis=1), 1)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.1, 9)), min_size=2, max_size=40).filter(
        lambda rows: len({hit for _, hit, _ in rows}) == 2
    ),
    st.sampled_from(["sigmoid", "isotonic"]),
)
@settings(max_examples=150, deadline=None)
def test_a_map_is_finite_and_stays_between_0_and_1(rows: list[tuple[float, bool, float]], method: str) -> None:
    p, y, weight = (np.array(values) for values in zip(*rows, strict=True))
    fitted = fit_calibration(method, BINARY, p, y.astype(np.int64), weight)
    after = calibrated(fitted, np.linspace(0, 1, 101))
    assert ((after >= 0) & (after <= 1)).all()
    assert method == "sigmoid" or (np.diff(after) >= 0).all()
    assert type(fitted).model_validate_json(fitted.model_dump_json()) == fitted


def test_rows_count_by_their_weight() -> None:
    p, y = scores("binary")
    weight = np.where(np.arange(4000) < 2000, 1.0, 0.0)
    some = fit_calibration("isotonic", BINARY, p[:2000], y[:2000], None)
    weighed = fit_calibration("isotonic", BINARY, p, y, weight)
    asked = np.linspace(0.05, 0.95, 50)
    np.testing.assert_allclose(calibrated(weighed, asked), calibrated(some, asked), atol=1e-12)


@pytest.mark.parametrize("trainer", [xgboost(5), sklearn(LOGISTIC)])
def test_the_stored_candidate_holds_its_calibration(tmp_path: Path, trainer: Any) -> None:
    log: list[str] = []
    _, folder = trained(tmp_path, calibrating(trainer, "isotonic"), log=log.append)
    loaded = load_candidate(folder)
    assert loaded.record.calibration is not None
    assert set(predict(loaded, table(300, 9))) <= set(loaded.record.calibration.seen[0]) or len(log) == 1
    assert log == ["calibrate: isotonic learns from 100 validation rows; below 1000 sigmoid is the safer choice"]


def test_nothing_is_stored_where_nothing_is_calibrated(tmp_path: Path) -> None:
    _, folder = trained(tmp_path, sklearn(LOGISTIC))
    assert b"calibration" not in (folder / "candidate.json").read_bytes()


def without(folder: Path, keep: Any, task: str = "binary") -> Path:
    data = write_sides(folder / "data", task)
    pl.read_parquet(data / "validation.parquet").filter(keep).write_parquet(data / "validation.parquet")
    return data


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_class_that_is_missing_in_validation_is_named(tmp_path: Path, method: str) -> None:
    data = without(tmp_path, pl.col("y") != 20, "multiclass")
    with pytest.raises(InvalidInput, match="needs every class on the validation side, and 20 is not there"):
        fit(training("multiclass"), calibrating(sklearn(LOGISTIC), method), columns("multiclass"), data,
            tmp_path / "out", lambda _: None)  # fmt: skip


def test_without_validation_rows_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    data = without(tmp_path, pl.lit(False))
    with pytest.raises(InvalidInput, match="calibrate needs a validation side, and it has no rows"):
        fit(training(), calibrating(sklearn(LOGISTIC), "sigmoid"), columns(), data, tmp_path / "out", lambda _: None)


def test_a_regression_is_not_calibrated() -> None:
    with pytest.raises(ValueError, match="gives no probabilities to calibrate"):
        training("regression", candidates={"one": calibrating(sklearn("linear_model.Ridge"), "sigmoid")})
