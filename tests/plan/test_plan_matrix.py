"""The instances of a step, and their values in its texts."""

import shlex

import pytest

from mlops_runner.plan.matrix import combinations, filled, filled_text, instances
from mlops_runner.specs.step_part import Matrix
from mlops_runner.specs.steps import CommandStep


def names(**matrix):
    values = {"kind": "command", "command": ("true",), "outputs": ("x",), "matrix": matrix}
    return [instance.name for instance in instances("fit", CommandStep.model_validate(values))]


def test_every_combination_is_an_instance_named_by_its_values():
    assert names(axes={"table": ("a", "b"), "depth": (3, 6)}) == ["fit@a,3", "fit@a,6", "fit@b,3", "fit@b,6"]


def test_combinations_are_left_out_and_added():
    axes = {"table": ("a", "b"), "depth": (3, 6)}
    found = names(axes=axes, exclude=({"table": "a", "depth": 6},), include=({"depth": 9, "table": "c"},))
    assert found == ["fit@a,3", "fit@b,3", "fit@b,6", "fit@c,9"]


def test_one_and_true_are_different_values():
    matrix = Matrix.model_validate({"axes": {"x": (1, True, 1.0)}, "exclude": ({"x": True},)})
    assert [values["x"] for values in combinations(matrix)] == [1, 1.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{table}.csv", "a.csv"),
        ("{table}-{depth}", "a-3"),
        ("{{table}}", "{table}"),
        ("${{table}}", "${table}"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("awk '{print $1}'", "awk '{print $1}'"),
        ("{flag} {none}", "true null"),
    ],
)
def test_names_in_braces_become_values(text, expected):
    assert filled_text(text, {"table": "a", "depth": 3, "flag": True, "none": None}) == expected


def test_a_text_that_is_one_name_becomes_the_value_itself():
    assert filled({"d": "{depth}", "e": ["x{depth}"], "f": 2.5}, {"depth": 3}) == {"d": 3, "e": ["x3"], "f": 2.5}


def test_values_in_a_text_for_the_shell_are_quoted():
    hostile = "a; rm -rf $(pwd) `id` 'x'"
    text = filled_text("echo {value}", {"value": hostile}, shlex.quote)
    assert shlex.split(text) == ["echo", hostile]
