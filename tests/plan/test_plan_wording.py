"""Reasons in words, and what this machine adds to a plan."""

import pytest
from plan_values import LOCK, STEPS, pipeline, plan, produced, trainer

from mlops_runner.digest import digest_bytes
from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock
from mlops_runner.plan.local import LocalNote, local_notes
from mlops_runner.plan.model import Reason
from mlops_runner.plan.wording import describe
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason("new", "data"), "not in pipeline.lock yet"),
        (Reason("upstream-runs", "data"), "depends on data, which runs first"),
        (Reason("param-changed", "params.C", 1.0, 0.5), "params.C 1.0 → 0.5"),
        (Reason("param-changed", "params.C", 1, "1"), 'params.C 1 → "1"'),
        (Reason("param-changed", "positive", None, True), "positive null → true"),
        (Reason("param-changed", "column", "income", "mean radius"), 'column income → "mean radius"'),
        (Reason("param-added", "params.C", None, 1), "params.C = 1 is new"),
        (Reason("param-added", "positive", None, None), "positive = null is new"),
        (Reason("param-removed", "params.C", False, None), "params.C (was false) is gone"),
        (Reason("code-changed", "a.py", "a1:a", "a1:b"), "code a.py changed"),
        (Reason("code-changed", "a.py", None, "a1:b"), "code a.py is new"),
        (Reason("code-changed", "a.py", "a1:a", None), "code a.py is gone"),
        (Reason("input-changed", "a.csv", "sha256:a", "sha256:b"), "input a.csv changed"),
        (Reason("input-changed", "a.csv", None, "sha256:b"), "input a.csv is new"),
        (Reason("input-changed", "a.csv", "sha256:a", None), "input a.csv is gone"),
        (Reason("environment-changed", "dependencies", "e1:a", "e1:b"), "the environment differs: other dependencies"),
        (Reason("environment-changed", "python", "3.11", "3.12"), "the environment differs: python 3.11 → 3.12"),
        (Reason("environment-changed", "environment", None, "e1:b"), "its environment is not in pipeline.lock"),
        (Reason("renamed", "name", "train.a", "train.b"), "was train.a"),
        (Reason("missing-input", "a.csv"), "input a.csv is not there and never was locked"),
        (Reason("spec-changed", "spec", "c1:a", "c1:b"), "the columns it reads, their order, or a default changed"),
        (Reason("runner-changed", "this version does it differently"), "this version does it differently"),
        (Reason("reproducibility", "reproducibility", "bitwise", "none"), "reproducibility bitwise → none"),
    ],
)
def test_a_reason_is_one_clause(reason, words):
    assert describe(reason) == words


# -- local notes


@pytest.fixture
def notes(tmp_path):
    def look(found, lock=LOCK, finished=()):
        done = {record.key: record for record in finished}
        return local_notes(found, lock, lambda: done, tmp_path, StatCache(tmp_path / "stats.json"))

    return look


def contents(step, key):
    """The bytes of which `produced` tells the digests."""
    return {name: f"{key} {name}".encode() for name in produced(step, key)}


def place(root, step, key):
    for name, data in contents(step, key).items():
        path = root / step.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def store(root, step, key):
    place(root, step, key)
    for name, data in contents(step, key).items():
        ObjectStore(root).add(root / step.output / name, digest_bytes(data))


def states(found):
    return {name: note.state for name, note in found.items()}


def test_what_lies_where_it_belongs_is_here(notes, tmp_path):
    for step in STEPS:
        place(tmp_path, step, LOCK.stages[step.name].key)
    assert states(notes(plan())) == dict.fromkeys(LOCK.stages, "here")


def test_what_is_neither_here_nor_stored_must_be_built_again(notes):
    assert states(notes(plan())) == dict.fromkeys(LOCK.stages, "rebuild")


def test_what_is_stored_can_be_restored(notes, tmp_path):
    step, key = STEPS[1], LOCK.stages["train.a"].key
    store(tmp_path, step, key)
    for name in contents(step, key):
        (tmp_path / step.output / name).unlink()
    assert notes(plan())["train.a"] == LocalNote("restore")


def test_what_was_changed_by_hand_is_named(notes, tmp_path):
    step, key = STEPS[1], LOCK.stages["train.a"].key
    store(tmp_path, step, key)
    (tmp_path / step.output / "model.ubj").write_bytes(b"mine")
    assert notes(plan())["train.a"] == LocalNote("restore", None, (f"{step.output}/model.ubj",))


def test_what_finished_here_under_this_key_need_not_run(notes, tmp_path):
    steps = pipeline(trainer("a", depth=9), STEPS[2])
    found = plan(steps)
    key = found.find("train.a").key
    assert notes(found)["train.a"].state == "run"
    store(tmp_path, steps[1], key)
    finished = Finished(key, "train.a", produced(steps[1], key), seconds=7.0)
    assert notes(found, finished=[finished])["train.a"] == LocalNote("restore", 7.0)


def test_a_step_whose_key_is_not_known_yet_runs(notes):
    found = plan(lock=Lock())
    assert notes(found, Lock())["evaluate"].state == "run"


def test_a_removed_stage_has_no_note(notes):
    assert "train.b" not in notes(plan(pipeline(STEPS[1])))
