"""Weights of classes and rows: equal to the last digit to what scikit-learn does with them by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight
from train_tables import by_hand, columns, schema, sklearn, table, trained, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_trainers import PythonTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit
from mlops_runner.train.sides import side_of
from mlops_runner.train.targets import encode_target
from mlops_runner.train.trainer_checks.base import check
from mlops_runner.train.weights import training_weights

LOGISTIC = "linear_model.LogisticRegression"


def weighing(trainer: Any, weight: object) -> Any:
    return type(trainer).model_validate({**trainer.model_dump(exclude_none=True), "class_weight": weight})


def positives(folder: Path, trainer: Any, task: str = "binary") -> float:
    _, candidate = trained(folder, trainer, task)
    return float(predict(load_candidate(candidate), table(100, 2, task)).mean())


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("named", [None, {"yes": 3.0}, {"10": 3.0, "20": 0.5}])
def test_class_weights_give_the_digits_of_a_plain_script(tmp_path: Path, task: str, named: Any) -> None:
    if named and (task == "binary") != ("yes" in named):
        pytest.skip("classes of another task")
    _, folder = trained(tmp_path, weighing(sklearn(LOGISTIC), named or "balanced"), task)
    reads = schema(task)
    x, xv = by_hand(task)
    y = encode_target(table(200, 1, task)["y"], reads)
    names = [str(value) for value in reads.classes]
    by_class = {names.index(name): weight for name, weight in named.items()} if named else "balanced"
    plain = LogisticRegression(class_weight=by_class, random_state=7).fit(x, y)
    expected = plain.predict_proba(xv)
    found = predict(load_candidate(folder), table(100, 2, task))
    np.testing.assert_array_equal(found, expected[:, 1] if task == "binary" else expected)


def test_balanced_counts_rows_by_their_own_weight() -> None:
    frame = table(200, 1).with_columns(trust=pl.when(pl.col("y") == "yes").then(3.0).otherwise(1.0))
    reads = schema()
    side = side_of(frame, type(reads)(reads.task, "y", "yes", reads.classes, reads.features, "trust"))
    found = training_weights("balanced", reads, side)
    assert found is not None
    assert found[side.y == 1].sum() == pytest.approx(found[side.y == 0].sum())
    plain = compute_class_weight("balanced", classes=np.array([0, 1]), y=side.y)
    unweighted = training_weights("balanced", reads, side_of(frame, reads))
    np.testing.assert_array_equal(unweighted, plain[side.y])


@pytest.mark.parametrize("trainer", [sklearn(LOGISTIC), sklearn("naive_bayes.GaussianNB"), xgboost(3)])
def test_a_heavier_class_becomes_likelier(tmp_path: Path, trainer: Any) -> None:
    assert positives(tmp_path, weighing(trainer, {"yes": 10})) > positives(tmp_path, trainer) + 0.05


def test_the_validation_side_is_not_weighed_by_class(tmp_path: Path) -> None:
    """Early stopping watches the rows as they come."""
    curves = []
    for weight in ({"yes": 1.0}, {"yes": 50.0}):
        _, folder = trained(tmp_path, weighing(xgboost(1), weight))
        curves.append(load_candidate(folder).record.curve["validation"]["logloss"][0])
    assert curves[1] > curves[0]


def test_a_class_that_is_not_there_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match='names "yess", which is not a value of target "y"') as caught:
        trained(tmp_path, weighing(sklearn(LOGISTIC), {"yess": 2}))
    assert caught.value.diagnostics[0].hint == 'did you mean "yes"?'


def test_boolean_classes_are_named_as_in_yaml(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    for side in ("train", "validation"):
        frame = pl.read_parquet(data / f"{side}.parquet").with_columns(y=pl.col("y") == "yes")
        frame.write_parquet(data / f"{side}.parquet")
    declared = {**columns(), "y": Column(type="bool", role="target")}
    spec = training(positive=True)
    fit(spec, weighing(sklearn("dummy.DummyClassifier"), {"true": 1000}), declared, data, tmp_path, lambda _: None)
    assert predict(load_candidate(tmp_path), table(10, 2))[0] > 0.99


def test_an_estimator_that_weighs_no_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="KNeighborsClassifier weighs no rows, so it cannot use class_weight"):
        trained(tmp_path, weighing(sklearn("neighbors.KNeighborsClassifier"), "balanced"))


def test_classes_are_weighed_in_one_place() -> None:
    twice = weighing(sklearn(LOGISTIC, class_weight="balanced"), "balanced")
    assert [found.code for found in check(twice, "binary")] == ["given-twice"]
    assert [found.code for found in check(weighing(xgboost(scale_pos_weight=2.0), "balanced"), "binary")] == [
        "given-twice"
    ]


def test_a_regression_has_no_classes_to_weigh() -> None:
    with pytest.raises(ValueError, match="a regression task has no classes to weigh"):
        training("regression", candidates={"one": weighing(sklearn("linear_model.Ridge"), "balanced")})


def test_a_function_without_weight_cannot_weigh_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "weightless.py").write_text("def train(x, y, *, seed): ...\n")
    monkeypatch.syspath_prepend(tmp_path / "code")
    trainer = PythonTrainer(trainer="python", callable="weightless:train", class_weight="balanced")
    with pytest.raises(StepFailed, match='has no argument "weight", so it cannot use class_weight'):
        trained(tmp_path, trainer)
