import numpy as np
import polars as pl
import pytest
from train_tables import schema

from mlops_runner.errors import InvalidInput
from mlops_runner.train.targets import classes_of, encode_target


def refusal(values: list[object], task: str, positive: object = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        classes_of(pl.Series("y", values), task, positive)
    return f"{caught.value.diagnostics[0].message} | {caught.value.diagnostics[0].hint}"


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        (["good", "bad"], "bad", ("good", "bad")),
        (["good", "bad"], "good", ("bad", "good")),
        ([0, 1], 1, (0, 1)),
        ([0.0, 1.0], 1, (0.0, 1.0)),
        ([True, False], False, (True, False)),
    ],
)
def test_the_positive_value_is_the_second_class(values: list[object], positive: object, expected: object) -> None:
    assert classes_of(pl.Series("y", values), "binary", positive) == expected


def test_classes_are_sorted_and_regression_has_none() -> None:
    assert classes_of(pl.Series("y", [10, 9, 10, 2]), "multiclass", None) == (2, 9, 10)
    assert classes_of(pl.Series("y", [1.5]), "regression", None) == ()


def test_a_positive_value_that_does_not_occur_gets_the_nearest_name() -> None:
    assert 'did you mean "Yes" (text)?' in refusal(["Yes", "No"], "binary", "yes")
    assert 'did you mean "1" (text)?' in refusal(["0", "1"], "binary", 1)
    assert "did you mean true (boolean)?" in refusal([True, False], "binary", "true")
    assert "write one of" in refusal(["a", "b"], "binary", "positive")


def test_a_number_is_not_a_boolean() -> None:
    assert "positive 1 (number) is not a value" in refusal([True, False], "binary", 1)


def test_a_binary_target_has_exactly_two_values() -> None:
    assert "has 3 values" in refusal(["a", "b", "c"], "binary", "a")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_one_class_is_nothing_to_learn(task: str) -> None:
    assert 'only "a" (text) in the training rows' in refusal(["a", "a"], task, "a")


def test_missing_targets_are_counted() -> None:
    assert "missing in 2 of 4 rows" in refusal(["a", None, "b", None], "multiclass")
    assert "missing in 1 of 2 rows" in refusal([float("nan"), 1.0], "multiclass")


def test_targets_become_numbers() -> None:
    assert encode_target(pl.Series("y", ["no", "yes", "no"]), schema("binary")).tolist() == [0, 1, 0]
    assert encode_target(pl.Series("y", [20, 0, 10]), schema("multiclass")).tolist() == [2, 0, 1]
    values = encode_target(pl.Series("y", [2, 3]), schema("regression"))
    assert values.dtype == np.float64
    assert values.tolist() == [2.0, 3.0]


def test_a_class_that_training_never_had_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"has 30 \(number\), which no training row has"):
        encode_target(pl.Series("y", [0, 30]), schema("multiclass"))


@pytest.mark.parametrize(
    ("values", "words"),
    [(["a"], "holds String"), ([float("inf")], "infinite"), ([None, 1.0], "missing in 1 of 2 rows")],
)
def test_a_regression_target_is_a_finite_number(values: list[object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        encode_target(pl.Series("y", values), schema("regression"))
