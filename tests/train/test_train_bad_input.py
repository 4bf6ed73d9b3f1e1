"""Tables as they should not be: every trainer either learns what there is, or says in one sentence what is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from train_tables import preprocessing, sklearn, training, xgboost

from mlops_runner.errors import InvalidInput
from mlops_runner.specs.data import Column
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit

CLASSIFIERS = {
    "logistic": sklearn("linear_model.LogisticRegression"),
    "histogram": sklearn("ensemble.HistGradientBoostingClassifier", max_iter=5),
    "forest": sklearn("ensemble.RandomForestClassifier", n_estimators=5),
    "xgboost": xgboost(5),
    "calibrated": xgboost(5).model_copy(update={"calibrate": "sigmoid"}),
    "balanced": sklearn("linear_model.LogisticRegression").model_copy(update={"class_weight": "balanced"}),
}
SPECS = {
    "plain": preprocessing(),
    "scaled": preprocessing(numeric={"scale": "standard", "clip": (0.05, 0.95), "indicator": True}),
    "encoded": preprocessing(categorical={"encode": "target"}, numeric={"scale": "robust"}),
}


def attempt(folder: Path, train: pl.DataFrame, validation: pl.DataFrame, trainer: Any, **fields: Any) -> np.ndarray:
    """Train on two frames whose target is y, and predict the second."""
    folder.mkdir(parents=True, exist_ok=True)
    train.write_parquet(folder / "train.parquet")
    validation.write_parquet(folder / "validation.parquet")
    kinds = {pl.Float64: "float", pl.Int64: "int", pl.String: "string", pl.Boolean: "bool"}
    declared = {
        name: Column(type=kinds[type(dtype) if not isinstance(dtype, type) else dtype], max_missing=1.0,
                     role="target" if name == "y" else "feature")
        for name, dtype in train.schema.items()
    }  # fmt: skip
    fit(training(**fields), trainer, declared, folder, folder / "out", lambda _: None)
    return predict(load_candidate(folder / "out"), validation)


def rows(count: int, seed: int, width: int = 3) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    frame = pl.DataFrame(random.normal(size=(count, width)), schema=[f"f{index}" for index in range(width)])
    text = pl.Series("city", random.choice(["a", "b"], count))
    y = pl.Series("y", np.where(np.arange(count) % 2, "yes", "no"))
    return frame.with_columns(text, y)


@pytest.mark.parametrize("trainer", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_two_rows_are_enough_to_answer(tmp_path: Path, trainer: Any, spec: Any) -> None:
    found = attempt(tmp_path, rows(2, 1), rows(2, 2), trainer, preprocessing=spec)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("trainer", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_more_features_than_rows_are_learned(tmp_path: Path, trainer: Any) -> None:
    found = attempt(tmp_path, rows(50, 1, 100), rows(20, 2, 100), trainer, preprocessing=SPECS["encoded"])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("trainer", CLASSIFIERS.values(), ids=CLASSIFIERS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_constant_and_empty_features_are_no_obstacle(tmp_path: Path, trainer: Any, spec: Any) -> None:
    odd = {"same": pl.lit(3.5), "none": pl.lit(None, pl.Float64), "no_text": pl.lit(None, pl.String),
           "one_text": pl.lit("x"), "no_truth": pl.lit(None, pl.Boolean)}  # fmt: skip
    train, validation = (rows(count, seed).with_columns(**odd) for count, seed in ((60, 1), (20, 2)))
    assert np.isfinite(attempt(tmp_path, train, validation, trainer, preprocessing=spec)).all()


@pytest.mark.parametrize(
    ("labels", "positive"),
    [(["no", "yes"], "yes"), ([False, True], True), ([0, 1], 1), ([10, 20], 20), ([0.0, 1.0], 1.0), ([-0.5, 2.5], 2.5)],
)
@pytest.mark.parametrize("name", ["logistic", "xgboost", "calibrated"])
def test_labels_of_any_type_are_learned(tmp_path: Path, labels: list[Any], positive: Any, name: str) -> None:
    def labelled(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(y=pl.Series([labels[int(value > 0)] for value in frame["f0"]]))

    validation = labelled(rows(40, 2))
    found = attempt(tmp_path, labelled(rows(80, 1)), validation, CLASSIFIERS[name], positive=positive)
    assert found[validation["f0"].to_numpy() > 0.3].mean() > 0.6 > found[validation["f0"].to_numpy() < -0.3].mean()


def test_one_class_only_is_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match='has only "yes"'):
        attempt(tmp_path, rows(10, 1).with_columns(y=pl.lit("yes")), rows(4, 2), CLASSIFIERS["logistic"])


@pytest.mark.parametrize("name", ["logistic", "histogram", "xgboost", "balanced"])
def test_a_class_that_is_missing_in_validation_is_no_obstacle(tmp_path: Path, name: str) -> None:
    alone = rows(20, 2).filter(pl.col("y") == "no")
    assert len(attempt(tmp_path, rows(60, 1), alone, CLASSIFIERS[name])) == 10


@pytest.mark.parametrize("trainer", [xgboost(20, 3), sklearn("ensemble.HistGradientBoostingClassifier").model_copy(
    update={"early_stopping_rounds": 3})])  # fmt: skip
def test_early_stopping_watches_a_validation_side_of_one_class(tmp_path: Path, trainer: Any) -> None:
    assert len(attempt(tmp_path, rows(60, 1), rows(20, 2).filter(pl.col("y") == "no"), trainer)) == 10


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinite_numbers_are_named(tmp_path: Path, side: int, value: float) -> None:
    frames = [rows(20, 1), rows(20, 2)]
    frames[side] = frames[side].with_columns(f1=pl.when(pl.col("f1") > 0).then(value).otherwise(pl.col("f1")))
    with pytest.raises(InvalidInput, match='column "f1" holds an infinite number'):
        attempt(tmp_path, *frames, CLASSIFIERS["xgboost"])


@pytest.mark.parametrize("path", ["linear_model.Ridge", "ensemble.HistGradientBoostingRegressor", "svm.SVR"])
def test_a_regression_of_a_constant_answers_the_constant(tmp_path: Path, path: str) -> None:
    frames = [rows(30, seed).with_columns(y=pl.lit(7.5)) for seed in (1, 2)]
    fields = {"task": "regression", "baseline": sklearn("dummy.DummyRegressor"), "candidates": {"one": sklearn(path)}}
    found = attempt(tmp_path, *frames, sklearn(path), **fields, positive=None)
    np.testing.assert_allclose(found, 7.5)


def test_numbers_whose_squares_overflow_are_named(tmp_path: Path) -> None:
    frames = [rows(30, seed).with_columns(f0=pl.col("f0") * 1e300) for seed in (1, 2)]
    with pytest.raises(InvalidInput, match='column "f0" holds numbers so large that their squares overflow'):
        attempt(tmp_path, *frames, CLASSIFIERS["logistic"], preprocessing=preprocessing(numeric={"scale": "standard"}))
