"""A model of rows that stay on the disk, from the spec to the evidence."""

import json

import pytest

TRAINING, EVALUATION = "specs/training.yaml", "specs/evaluation.yaml"
LOGISTIC = """\
  logistic:
    trainer: sklearn
    estimator: sklearn.linear_model.LogisticRegression
    params: {C: 1.0, max_iter: 200}
"""
BOOSTED = "  boosted:\n    trainer: xgboost\n    rounds: 5\n"
OUTSIDE = f"{BOOSTED}    external_memory: {{batch_rows: 30}}\n"
GATES = """\
slices:
  desk: {column: device, equals: desk}
find_slices: {min_rows: 5}
gates:
  noise: {kind: robustness, metric: roc_auc, split: test, max_drop: 0.9, perturbation: {kind: noise, sd: 0.1}}
  gaps: {kind: robustness, metric: roc_auc, split: test, max_drop: 0.9, perturbation: {kind: missing, share: 0.2}}
  new: {kind: robustness, metric: roc_auc, split: test, max_drop: 0.9, perturbation: {kind: unseen, share: 0.2}}
  quick: {kind: latency, max_ms: 10000, rows: 7}
"""


def evidence(project):
    return json.loads(project.read("artifacts/evaluation/evaluation.json"))


def test_the_evidence_is_that_of_a_training_in_memory(built):
    built.edit(EVALUATION, "gates:\n", GATES)
    built.edit(TRAINING, LOGISTIC, "")
    assert built.mlops("run").code == 0
    held, model = evidence(built), built.content("artifacts/model")
    built.edit(TRAINING, BOOSTED, OUTSIDE)
    answer = built.mlops("run")
    assert answer.code == 0, answer.err
    assert evidence(built) == held
    found = built.content("artifacts/model")
    assert {name for name in found if found[name] != model[name]} == {
        "artifacts/model/bundle.json",
        "artifacts/model/candidate.json",
    }
    assert json.loads(built.read("artifacts/model/candidate.json"))["batch_rows"] == 30
    assert built.to_do() == {}


def test_it_comes_out_the_same_again(built):
    built.edit(TRAINING, BOOSTED, OUTSIDE)
    assert built.mlops("run").code == 0
    answer = built.mlops("verify", "--rerun", "1")
    assert answer.code == 0, answer.err + answer.out
    built.edit(TRAINING, "batch_rows: 30", "batch_rows: 40")
    assert built.to_do()["train.boosted"] == "rerun"


def test_nothing_of_it_is_left_after_a_failure(built):
    built.edit(TRAINING, BOOSTED, OUTSIDE)
    built.edit(TRAINING, "max_depth: 2", "max_depth: -2")
    answer = built.mlops("run")
    assert answer.code == 1
    assert "error[trainer-refused]: xgboost: value -2 for Parameter max_depth" in answer.err
    assert not list(built.root.rglob("*.page")) + list(built.root.rglob("external-*"))


@pytest.mark.parametrize("rows", ["0", "a lot", "1.5"])
def test_a_number_of_rows_is_a_number_of_rows(built, rows):
    built.edit(TRAINING, BOOSTED, OUTSIDE.replace("30", rows))
    answer = built.mlops("validate")
    line = built.read(TRAINING).splitlines().index(OUTSIDE.replace("30", rows).splitlines()[-1]) + 1
    assert answer.code == 65
    assert f"specs/training.yaml:{line}:35" in answer.err + answer.out
