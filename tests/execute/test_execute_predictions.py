"""Profiles of predictions: scores by class, decisions, effective sizes in time, and nothing of personal targets."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_runner.evaluate.values import sample_of
from mlops_runner.execute.stages.evaluated_predictions import profiles
from mlops_runner.train.features import Schema

TARGET = {"y": {"type": "string", "role": "target", "tags": []}}


def described(task, classes, scores, threshold=None, columns=TARGET, frame=None):
    schema = Schema(task, "y", classes[-1] if task == "binary" else None, classes, ())
    names = tuple(map(str, classes))
    sample = sample_of(task, names, np.zeros(len(scores)), np.array(scores), threshold)
    frames = {side: pl.DataFrame() if frame is None else frame for side in ("train", "test")}
    return profiles({"train": sample, "test": sample}, schema, frames, columns)["sides"]


def test_a_binary_task_has_the_scores_of_the_positive_class_and_decisions_by_the_threshold():
    found = described("binary", ("no", "yes"), [0.1, 0.2, 0.4, 0.4, 0.9], 0.3)
    assert set(found) == {"test"}  # a model is too sure of the rows it was fitted on
    assert found["test"]["rows"] == 5
    assert (found["test"]["scores"]["yes"]["min"], found["test"]["scores"]["yes"]["max"]) == (0.1, 0.9)
    assert found["test"]["decisions"]["categories"] == [{"value": "yes", "count": 3}, {"value": "no", "count": 2}]


def test_several_classes_have_scores_each():
    found = described("multiclass", (0, 10, 20), [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert list(found["test"]["scores"]) == ["0", "10", "20"]
    assert found["test"]["scores"]["20"]["max"] == 0.8
    assert {entry["value"] for entry in found["test"]["decisions"]["categories"]} == {"0", "20"}


@pytest.mark.parametrize("task", ["regression", "ranking", "forecasting"])
def test_values_are_described_under_the_name_of_the_target(task):
    found = described(task, (), [1.5, 2.5, 3.5])
    assert found["test"]["scores"]["y"]["mean"] == 2.5
    assert found["test"]["decisions"] is None


def test_of_a_personal_target_there_are_counts_alone():
    found = described("binary", ("no", "yes"), [0.1, 0.9], columns={"y": {**TARGET["y"], "tags": ["pii"]}})
    assert found["test"]["scores"]["yes"] == {"type": "float", "role": "target", "rows": 2, "missing": 0, "unique": 2}
    assert "categories" not in found["test"]["decisions"]


def test_rows_in_time_are_worth_fewer_independent_ones():
    scores = np.repeat([0.1, 0.9], 200)
    days = pl.DataFrame({"day": [date(2024, 1, 1) + timedelta(days=step) for step in range(400)]})
    columns = {**TARGET, "day": {"type": "date", "role": "time", "tags": []}}
    alone = described("binary", ("no", "yes"), scores)["test"]["scores"]["yes"]
    in_time = described("binary", ("no", "yes"), scores, columns=columns, frame=days)["test"]["scores"]["yes"]
    assert alone["effective"] == 400
    assert in_time["effective"] < 20
