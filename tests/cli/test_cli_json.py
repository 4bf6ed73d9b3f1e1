"""With --json, stdout carries one JSON value, the same bytes every time; people's words go to stderr."""

import json

import pytest

QUIET_ABOUT_TIME = [
    "plan", "plan --base HEAD", "why evaluate", "graph", "gate", "verify", "validate", "validate --format json",
    "diff", "diff HEAD~1..HEAD", "report", "report --format json", "run", "schema", "schema Data",
    "lock prune", "lock resolve",
]  # fmt: skip


@pytest.mark.parametrize("line", QUIET_ABOUT_TIME)
def test_json_is_one_value_and_byte_stable(built, line):
    first = built.call(*line.split(), "--json")
    second = built.call("--json", *line.split())
    assert first.code == second.code == 0, first.err
    assert json.loads(first.out) is not None
    assert first.out == second.out


def test_json_of_a_plan_is_the_same_on_another_machine(built, tmp_path):
    here = built.call("plan", "--json").out
    built.git("clone", "-q", str(built.root), str(tmp_path / "clone"))
    assert built.call("-C", str(tmp_path / "clone"), "plan", "--json").out == here
    assert str(tmp_path) not in here


def test_json_of_invalid_documents_lists_every_problem(fresh):
    fresh.edit("specs/training.yaml", "seed: 11", "sed: 11")
    fresh.edit("specs/data.yaml", "type: float", "type: flaot")
    answer = fresh.call("validate", "--json")
    assert answer.code == 65
    assert {(p["file"], p["line"]) for p in answer.value} >= {("specs/training.yaml", 6), ("specs/data.yaml", 6)}


def test_json_of_an_unreadable_pipeline_is_still_a_list(fresh):
    fresh.write("pipeline.yaml", "a: [\n")
    answer = fresh.call("validate", "--json")
    assert answer.code == 65
    assert [problem["file"] for problem in answer.value] == ["pipeline.yaml"]


def test_annotations_name_an_unreadable_pipeline(fresh):
    fresh.write("pipeline.yaml", "a: [\n")
    answer = fresh.call("validate", "--format", "github")
    assert answer.code == 65
    assert answer.out.startswith("::error title=yaml-syntax,file=pipeline.yaml,line=")


def test_json_of_init_names_the_files(fresh, tmp_path):
    answer = fresh.call("init", str(tmp_path / "new"), "--json")
    assert answer.code == 0
    assert "specs/data.yaml" in {path.split("new/")[1] for path in answer.value["written"]}
    assert fresh.call("init", str(tmp_path / "new"), "--json").value == {"written": []}


def test_json_of_a_run_names_steps_gates_and_metrics(built):
    value = built.call("run", "--json").value
    assert value["passed"] is True
    assert [step["how"] for step in value["steps"]] == ["unchanged"] * 6


def test_json_of_accept_and_prune_says_what_was_done(built):
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    accepted = built.call("lock", "accept", "train.boosted", "--reason", "same trees", "--json")
    assert (accepted.code, accepted.value) == (0, {"accepted": ["train.boosted"], "reason": "same trees"})
    built.edit("specs/training.yaml", "  logistic:\n", "  logit:\n")
    assert built.call("lock", "prune", "--json").value == {"pruned": ["train.logistic"]}


def test_json_of_doctor_lists_what_was_looked_at(built):
    answer = built.call("doctor", "--json")
    assert answer.code == 0, answer.out
    assert {"python", "git", "lock", "cache", "leftovers"} <= {finding["name"] for finding in answer.value}


def test_json_of_verify_names_what_is_wrong_also_after_a_rerun(built):
    (built.object_of("artifacts/model/bundle.json")).unlink()
    (built.root / "artifacts/model/bundle.json").unlink()
    answer = built.call("verify", "--json")
    assert answer.code == 4
    assert [problem["code"] for problem in answer.value] == ["artifact-missing"]
