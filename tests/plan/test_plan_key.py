"""Keys and plan digests, pinned: a change here means that recorded keys no longer hold, and needs a new prefix."""

import math
from dataclasses import replace

import pytest
from plan_values import CSV, ENVIRONMENT, FACTS, LOCK, STEPS, plan, trainer

from mlops_runner.errors import Place
from mlops_runner.lock.model import Lock
from mlops_runner.plan.codec import plan_digest
from mlops_runner.plan.key import Resolved, same_metric, step_key
from mlops_runner.plan.steps import Input, flatten

RESOLVED = Resolved({"train": "11"}, {"artifacts/data/train.parquet": "sha256:11"})
STEP = trainer("a", execution={"seed": 7, "threads": 1, "device": "cpu"})
CODE = {"rules.py": "a1:aa"}


def key(step=STEP, resolved=RESOLVED, code=CODE, environment=ENVIRONMENT.digest):
    return step_key(step, resolved, code, environment)


def test_the_digest_of_a_spec_is_pinned():
    assert STEP.spec == "c1:f6d7c4c8ce27e2022924e17fb4e28997"


def test_the_key_of_a_step_is_pinned():
    assert key() == "k1:274956469d7e691b14e5b14eb17e2bb4"
    assert key(replace(STEP, repro="tolerance")) == "k1:c9f39ee2a43415a7dd802b85ea01a323"


def test_the_digest_of_a_plan_is_pinned():
    assert plan_digest(plan()) == "p1:7f6c5c79f8348c4e83c703749a7ef6f9"
    assert plan_digest(plan(lock=Lock())) == "p1:960e5a899b26a358c1bdbab080691dde"


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, name="train.other"),
        replace(STEP, output="elsewhere/other"),
        replace(STEP, places={"": Place("other.yaml", 99, 9)}),
        replace(STEP, inputs=(Input("train", "moved/train.parquet", "data"),)),
        replace(STEP, code=("other:name",)),
        replace(STEP, config=dict(reversed(STEP.config.items())), execution=dict(reversed(STEP.execution.items()))),
    ],
)
def test_names_paths_and_places_are_no_part_of_a_key(other):
    assert key(other) == key()


@pytest.mark.parametrize(
    "other",
    [
        {"step": replace(STEP, kind="evaluate")},
        {"step": replace(STEP, version=2)},
        {"step": replace(STEP, config={"trainer": {"depth": 3.0}})},
        {"step": replace(STEP, config={"trainer": {"depth": True}})},
        {"step": replace(STEP, execution={**STEP.execution, "seed": 8})},
        {"step": replace(STEP, execution={**STEP.execution, "threads": 2})},
        {"step": replace(STEP, execution={**STEP.execution, "device": "gpu"})},
        {"step": replace(STEP, repro="tolerance")},
        {"resolved": Resolved({"train": "12"}, {})},
        {"resolved": Resolved({"validation": "11"}, {})},
        {"resolved": Resolved({"train": {"a": "11"}}, {})},
        {"code": {"rules.py": "a1:bb"}},
        {"code": {"other.py": "a1:aa"}},
        {"code": {}},
        {"environment": "e1:bb"},
    ],
)
def test_everything_that_can_change_a_result_is_part_of_a_key(other):
    assert key(**other) != key()


def test_a_plan_digest_does_not_depend_on_places_or_notes():
    elsewhere = [replace(step, places={name: Place("x.yaml", 77, 7) for name in step.places}) for step in STEPS]
    facts = replace(FACTS, external={CSV: "22"})
    noted = replace(facts, notes=("a note",))
    assert plan_digest(plan(elsewhere, facts=noted)) == plan_digest(plan(facts=facts))


def test_a_plan_digest_depends_on_what_would_be_done_and_why():
    plans = [
        plan(), plan(lock=Lock()), plan(STEPS[:-1]), plan(facts=replace(FACTS, external={CSV: "22"})),
        plan(facts=replace(FACTS, external={CSV: "33"})), replace(plan(), pipeline="other"),
    ]  # fmt: skip
    assert len({plan_digest(found) for found in plans}) == len(plans)


def test_an_absent_input_that_counts_as_locked_is_the_same_plan():
    absent = replace(FACTS, external={}, absent=frozenset({CSV}))
    assert plan_digest(plan(facts=absent)) == plan_digest(plan())
    assert plan(lock=LOCK, facts=absent).find("data").counted_as_locked


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, 1.0 + 1e-12, True), (1.0, 1.0 + 1e-6, False), (1e12, 1e12 + 1, True), (0.0, 1e-12, True), (1, 1.0, True),
        (None, None, True), (None, 0.0, False), ("a", "a", True), ("a", "b", False), ("1", 1, False),
        (math.nan, math.nan, True), (math.nan, 1.0, False), (math.inf, math.inf, True), (math.inf, -math.inf, False),
        (math.inf, 1e308, False),
    ],
)  # fmt: skip
def test_metrics_are_compared_with_a_relative_tolerance(one, other, same):
    assert same_metric(one, other) is same
    assert same_metric(other, one) is same


@pytest.mark.parametrize(
    ("value", "leaves"),
    [
        ({"a": 1}, {"a": 1}), ({"a": {"b": [1, {"c": None}]}}, {"a.b.0": 1, "a.b.1.c": None}),
        ({"a": {}, "b": [], "c": ()}, {"a": "{}", "b": "[]", "c": "[]"}), ({"a.b": 1}, {"a.b": 1}),
    ],
)  # fmt: skip
def test_a_config_is_flattened_to_its_leaves(value, leaves):
    assert dict(flatten(value)) == leaves
