"""How many targets a task has, and what a label can be: code, message, way out and place of each refusal."""

import shutil
from pathlib import Path

import pytest

from mlops_runner.errors import InvalidInput
from mlops_runner.plan.check import check_core
from mlops_runner.specs.load import folder_reader, load_core

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "faults"
DATA, TRAINING, EVALUATION = "specs/data.yaml", "specs/training.yaml", "specs/evaluation.yaml"
FAIR = "{kind: fairness, column: hall, criterion: equal_opportunity, max_difference: 0.1}"
FOREST = "    estimator: sklearn.ensemble.RandomForestClassifier\n"


def project(folder, *edits):
    shutil.copytree(EXAMPLE, folder / "faults")
    for file, old, new in edits:
        path = folder / "faults" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    return load_core(folder_reader(folder / "faults"))


def test_the_example_is_right(tmp_path):
    assert list(check_core(project(tmp_path))) == []


@pytest.mark.parametrize(
    ("edits", "code", "message", "hint"),
    [
        ([(DATA, f"{name}: {{type: {kind}, role: target", f"{name}: {{type: {kind}, role: ignored")
          for name, kind in (("worn", "bool"), ("unbalanced", "bool"), ("leaking", "int"))],
         "target-count", "1 column has the role target; a multilabel task needs several, one for each label",
         "set role: target on every label, or task: binary"),
        ([(TRAINING, "multilabel", "binary\npositive: true")],
         "target-count", "4 columns have the role target; exactly one must",
         "set role: target on one column, or task: multilabel"),
        ([(DATA, "worn: {type: bool", "worn: {type: string")],
         "target-type", 'label "worn" is string; a label is a bool, or an int 0 or 1',
         "write a column for each label, true or false"),
        ([(DATA, "allowed: [0, 1]", "allowed: [0, 1, 2]")],
         "target-type", 'label "leaking" may be 2; a label is 0 or 1', "allowed: [0, 1]"),
        ([(EVALUATION, "log_loss]", "log_loss, accuracy]")], "unknown-metric", 'metric "accuracy" is not known', None),
        ([(EVALUATION, "threshold:", "intervals: {stratify: target}\nthreshold:")], "needless-stratify",
         "resamples are stratified by class, and a row of a multilabel task has many labels", "stratify: none"),
        ([(EVALUATION, "gates:", f"gates:\n  fair: {FAIR}")], "wrong-task",
         "a fairness gate needs a binary task; this one is multilabel", None),
        ([(EVALUATION, "gates:", "gates:\n  sure: {kind: calibration, max: 0.1}")],
         "unknown-metric", 'metric "ece" is not known', None),
    ],
)  # fmt: skip
def test_a_contradiction_is_told_where_it_is_written(tmp_path, edits, code, message, hint):
    found = list(check_core(project(tmp_path, *edits)))
    assert [(one.code, one.message) for one in found][:1] == [(code, message)]
    assert hint is None or found[0].hint == hint


def test_weights_of_classes_are_refused(tmp_path):
    words = "class_weight weighs rows by their class, and a row of a multilabel task has many labels"
    with pytest.raises(InvalidInput, match=words):
        project(tmp_path, (TRAINING, FOREST, f"{FOREST}    class_weight: balanced\n"))
