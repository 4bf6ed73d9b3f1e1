"""What differs between two locks: every fact that differs is named, and nothing else."""

from dataclasses import replace

import pytest

from mlops_runner.lock.compare import Change, compare
from mlops_runner.lock.model import Environment, Lock, Output, Stage

STAGE = Stage(
    "k1:a", "c1:a", code={"a.py": "a1:a"}, inputs={"i": "sha256:a"}, outputs={"o": Output("m", "s")},
    params={"p": 1}, metrics={"auc": 0.5}, gates={"g": "pass"},
)  # fmt: skip
ENVIRONMENT = Environment("e1:a", "3.11")


def changes(old, new):
    return list(compare(Lock({}, {"a": old} if old else {}), Lock({}, {"a": new} if new else {})))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"params": {"p": 2}}, [("params", "p", 1, 2)]),
        ({"params": {"p": 1.0}}, [("params", "p", 1, 1.0)]),
        ({"params": {"p": True}}, [("params", "p", 1, True)]),
        ({"params": {}}, [("params", "p", 1, None)]),
        ({"params": {"p": 1, "q": 2}}, [("params", "q", None, 2)]),
        ({"metrics": {"auc": None}}, [("metrics", "auc", 0.5, None)]),
        ({"gates": {"g": "fail"}}, [("gates", "g", "pass", "fail")]),
        ({"inputs": {"i": "sha256:b"}}, [("inputs", "i", "sha256:a", "sha256:b")]),
        ({"outputs": {"o": Output("m", "t")}}, [("outputs", "o", "s", "t")]),
        ({"code": {"b.py": "a1:a"}}, [("code", "a.py", "a1:a", None), ("code", "b.py", None, "a1:a")]),
        ({"repro": "none"}, [("spec", "reproducibility", "bitwise", "none")]),
        ({"accepted": "fine", "key": "k1:b"}, [("spec", "accepted", None, "fine")]),
        ({"key": "k1:b", "spec": "c1:b"}, [("spec", "key", "k1:a", "k1:b")]),
        ({"key": "k1:b", "params": {"p": 2}}, [("params", "p", 1, 2)]),
    ],
)
def test_each_fact_that_differs_is_named(facts, expected):
    assert [(c.part, c.name, c.old, c.new) for c in changes(STAGE, replace(STAGE, **facts))] == expected


def test_a_stage_that_came_or_went_is_one_change():
    assert changes(None, STAGE) == [Change("a", "stage", "a", None, "k1:a")]
    assert changes(STAGE, None) == [Change("a", "stage", "a", "k1:a", None)]


def test_only_the_facts_of_an_environment_that_differ_are_named():
    found = list(compare(Lock({"default": ENVIRONMENT}), Lock({"default": replace(ENVIRONMENT, digest="e1:b")})))
    assert found == [Change("", "environment", "digest", "e1:a", "e1:b")]


@pytest.mark.parametrize(
    ("old", "new", "delta"), [(1, 3, 2), (0.5, 1, 0.5), (True, 2, None), (None, 1, None), ("a", "b", None)]
)
def test_a_delta_is_of_numbers(old, new, delta):
    assert Change("a", "metrics", "m", old, new).delta == delta
