from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from train_tables import columns, preprocessing, trained, training, write_sides, xgboost

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.job import prepare
from mlops_runner.train.sides import read_sides
from mlops_runner.train.trainer_checks.base import check
from mlops_runner.train.trainers.devices import _used, refuse_absent
from mlops_runner.train.trainers.xgboost import train


@pytest.mark.parametrize(("task", "shape"), [("binary", (100,)), ("multiclass", (100, 3)), ("regression", (100,))])
def test_every_task_gives_predictions_of_its_shape(tmp_path: Path, task: str, shape: tuple[int, ...]) -> None:
    found, folder = trained(tmp_path, xgboost(rounds=5), task)
    predictions = predict(load_candidate(folder), pl.read_parquet(tmp_path / "data" / "validation.parquet"))
    assert predictions.shape == shape
    assert found.metrics == {"rounds": 5}


def test_early_stopping_keeps_the_best_rounds_alone(tmp_path: Path) -> None:
    found, folder = trained(tmp_path, xgboost(rounds=200, stop=3, eta=1.0))
    candidate = load_candidate(folder)
    losses = candidate.record.curve["validation"]["logloss"]
    assert candidate.record.best_iteration == losses.index(min(losses))
    assert candidate.model.num_boosted_rounds() == found.metrics["rounds"] == candidate.record.best_iteration + 1
    assert len(losses) == candidate.record.best_iteration + 1 + 3


def test_early_stopping_needs_validation_rows(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data")
    pl.read_parquet(data / "validation.parquet").clear().write_parquet(data / "validation.parquet")
    with pytest.raises(InvalidInput, match="needs a validation side"):
        trained(tmp_path, xgboost(stop=3))
    assert trained(tmp_path, xgboost())[0].metrics == {"rounds": 10}


def test_unknown_params_get_the_nearest_name() -> None:
    first, second = check(xgboost(max_dept=3, nthread=4), "binary")
    assert (first.code, first.hint) == ("unknown-param", 'did you mean "max_depth"?')
    assert (second.code, second.hint) == ("given-elsewhere", "remove it; set threads in the spec")


def test_a_param_that_has_no_effect_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match='xgboost does not use "huber_slope"'):
        trained(tmp_path, xgboost(rounds=1, huber_slope=2.0))


def test_an_objective_that_gives_no_probabilities_is_refused() -> None:
    assert [d.code for d in check(xgboost(objective="binary:hinge"), "binary")] == ["unsuitable-objective"]
    assert [d.code for d in check(xgboost(objective="reg:gamma"), "regression")] == []
    assert [d.code for d in check(xgboost(booster="gblinear"), "binary")] == ["unsuitable-booster"]


@pytest.mark.parametrize(
    ("params", "words"),
    [({"max_depth": -3}, "value -3 for Parameter max_depth"), ({"eval_metric": "acc"}, "Unknown metric function acc")],
)
def test_what_xgboost_refuses_is_a_failed_step_without_its_stack(
    tmp_path: Path, params: dict[str, object], words: str
) -> None:
    with pytest.raises(StepFailed, match=words) as caught:
        trained(tmp_path, xgboost(**params))
    assert "Stack trace" not in str(caught.value)
    assert ".cc" not in str(caught.value)


def test_a_training_that_diverges_is_an_error_with_its_round(tmp_path: Path) -> None:
    data = write_sides(tmp_path / "data", "regression")
    for side in ("train", "validation"):
        frame = pl.read_parquet(data / f"{side}.parquet").with_columns(pl.col("y") * 1e30)
        frame.write_parquet(data / f"{side}.parquet")
    with pytest.raises(StepFailed, match="training diverged: rmse on the train side is inf after 1 rounds"):
        trained(tmp_path, xgboost(), "regression")


def test_missing_numbers_may_reach_the_trees(tmp_path: Path) -> None:
    spec = preprocessing(numeric={"impute": "none"}, categorical={"encode": "ordinal"})
    _, folder = trained(tmp_path, xgboost(), preprocessing=spec)
    assert predict(load_candidate(folder), pl.read_parquet(tmp_path / "data" / "train.parquet")).shape == (200,)


def test_gain_names_the_columns_that_matter(tmp_path: Path) -> None:
    _, folder = trained(tmp_path, xgboost())
    importance = load_candidate(folder).record.importance
    best = max(importance.outputs, key=lambda output: output.value)
    assert importance.kind == "gain"
    assert best.feature in {"age", "rooms"}
    assert {output.output for output in importance.outputs} >= {
        "age",
        "never",
        "city=Köln",
        "city=(missing)",
        "vip=true",
    }


@pytest.mark.parametrize("stop", [None, 3])
def test_nobody_looking_at_the_curves_changes_no_model(tmp_path: Path, stop: int | None) -> None:
    sides = read_sides(training(), columns(), write_sides(tmp_path))
    job = prepare(training(), xgboost(30, stop), sides, lambda _: None).job
    seen, unseen = (train(xgboost(30, stop), replace(job, curves=curves)) for curves in (True, False))
    assert seen.model.save_raw() == unseen.model.save_raw()
    assert (set(seen.curve), set(unseen.curve)) == ({"train", "validation"}, {"validation"} if stop else set())


def test_a_gpu_that_is_not_there_fails_the_step_instead_of_going_on_without_it(monkeypatch):
    monkeypatch.setattr("mlops_runner.train.trainers.devices._used", lambda _: "cpu")
    with pytest.raises(StepFailed) as failed:
        refuse_absent("cuda")
    assert failed.value.diagnostics[0].code == "no-device"
    assert "device: cpu" in failed.value.diagnostics[0].hint
    refuse_absent("cpu")


def test_xgboost_says_which_device_it_uses():
    assert _used("cpu") == "cpu"
