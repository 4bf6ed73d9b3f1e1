"""The example of faults: several labels a row, from the data to the bundle, and once more to the same bytes."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, hamming_loss, roc_auc_score
from sklearn.multioutput import MultiOutputClassifier

from mlops_runner import load_model

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE, PAGE = ROOT / "examples" / "faults", ROOT / "docs" / "multilabel.md"
AVERAGES = ("macro", "micro", "samples")
FAULTS = ["overheated", "worn", "unbalanced", "leaking"]
QUICK = {
    "callables/machines.py": ("DAYS = 3_000", "DAYS = 1_500"),
    "specs/training.yaml": ("n_estimators: 60", "n_estimators: 10"),
    "specs/evaluation.yaml": ("metric: f1_macro, min: 0.5", "metric: f1_macro, min: 0.3"),
}


@pytest.fixture
def faults(example):
    """The example, smaller."""
    return example("faults", QUICK)


def side(project, name):
    rows = pl.read_parquet(project.root / f"artifacts/data/{name}.parquet")
    return rows, rows.select(pl.col(FAULTS).cast(pl.Int64)).to_numpy()


def test_the_example_of_faults_knows_several_and_repeats_itself(faults):
    answer = faults.mlops("run")
    assert answer.code == 0, answer.err
    assert "a label holds at a probability of its threshold or more" in answer.out
    evidence = json.loads(faults.read("artifacts/evaluation/evaluation.json"))
    measured = evidence["metrics"][evidence["winner"]]["test"]
    model = load_model(faults.root, check=True)
    rows, truth = side(faults, "test")
    scores = model.predict(rows)
    decided = np.array([list(one.values()) for one in model.decide(rows)])
    assert list(model.decide(rows.head(1))[0]) == FAULTS
    expected = {
        "f1_macro": f1_score(truth, decided, average="macro"),
        "f1_samples": f1_score(truth, decided, average="samples", zero_division=0),
        "hamming_loss": hamming_loss(truth, decided),
        "roc_auc_macro": roc_auc_score(truth, scores),
        "average_precision_macro": average_precision_score(truth, scores),
    }
    assert {name: measured[name] for name in expected} == {name: round(value, 6) for name, value in expected.items()}
    reference = json.loads(faults.read("artifacts/model/reference.json"))
    assert set(reference["target"]["columns"]) == set(FAULTS)
    assert set(reference["predictions"]["test"]["scores"]) == set(FAULTS)
    answer = faults.mlops("verify", "--rerun", "1")
    assert answer.code == 0, answer.out + answer.err
    assert faults.mlops("model", "card").code == 0
    assert faults.mlops("model", "show").code == 0
    answer = faults.mlops("model", "export", "--format", "onnx")
    assert answer.code != 0
    assert "multilabel" in answer.err or "onnx" in answer.err


TOPICS = {
    "pipeline.yaml": (EXAMPLE / "pipeline.yaml").read_text(),
    "specs/data.yaml": """\
apiVersion: mlops/v1
kind: Data
name: topics
source: {kind: csv, path: topics.csv}
columns:
  side: {type: string, role: ignored}
  x0: {type: float}
  x1: {type: float}
  x2: {type: float}
  x3: {type: float}
  y0: {type: int, role: target}
  y1: {type: int, role: target}
  y2: {type: int, role: target}
split: {kind: predefined, column: side}
""",
    "specs/training.yaml": """\
apiVersion: mlops/v1
kind: Training
name: topics
task: multilabel
seed: 11
preprocessing:
  numeric: {scale: none}
baseline: {trainer: sklearn, estimator: sklearn.dummy.DummyClassifier}
candidates:
  forest: {trainer: sklearn, estimator: sklearn.ensemble.RandomForestClassifier, params: {n_estimators: 20}}
  linear: {trainer: sklearn, estimator: sklearn.linear_model.LogisticRegression, params: {max_iter: 500}}
select: {metric: f1_macro}
""",
    "specs/evaluation.yaml": """\
apiVersion: mlops/v1
kind: Evaluation
name: topics
metrics: [f1_macro, f1_micro, f1_samples, hamming_loss, subset_accuracy, roc_auc_macro, average_precision_macro]
threshold: {rule: fixed, value: 0.4}
""",
}


def test_the_figures_are_those_of_a_plain_script(fresh, tmp_path):
    x, y = make_multilabel_classification(400, 4, n_classes=3, n_labels=2, random_state=3)
    sides = np.repeat(["train", "validation", "test"], [240, 80, 80])
    columns = {f"x{at}": x[:, at] for at in range(4)} | {f"y{at}": y[:, at] for at in range(3)}
    sandbox = type(fresh)(tmp_path / "topics")
    for file, text in TOPICS.items():
        sandbox.write(file, text)
    pl.DataFrame({"side": sides, **columns}).write_csv(sandbox.root / "topics.csv")
    sandbox.git("init", "-q", "-b", "main")
    sandbox.commit("topics")
    answer = sandbox.mlops("run", "--no-report")
    assert answer.code == 0, answer.err
    evidence = json.loads(sandbox.read("artifacts/evaluation/evaluation.json"))
    models = {
        "forest": RandomForestClassifier(n_estimators=20, random_state=11),
        "linear": MultiOutputClassifier(LogisticRegression(max_iter=500, random_state=11)),
    }
    for name, model in models.items():
        found = model.fit(x[:240], y[:240]).predict_proba(x[320:])
        scores, truth = np.column_stack([one[:, 1] for one in found]), y[320:]
        decided = scores >= 0.4
        expected = {
            **{f"f1_{how}": f1_score(truth, decided, average=how, zero_division=0) for how in AVERAGES},
            "hamming_loss": hamming_loss(truth, decided),
            "subset_accuracy": accuracy_score(truth, decided),
            "roc_auc_macro": roc_auc_score(truth, scores),
            "average_precision_macro": average_precision_score(truth, scores),
        }
        assert evidence["metrics"][name]["test"] == {key: round(value, 6) for key, value in expected.items()}


def test_a_label_that_no_row_of_the_test_side_has_is_left_out_and_said(faults):
    faults.edit("callables/machines.py", '.with_columns(pl.col("pressure")',
                '.with_columns(side=pl.Series(np.where(np.arange(DAYS) < 900, "train", np.where(np.arange(DAYS) < '
                '1200, "validation", "test"))), worn=pl.Series(faults["worn"] & (np.arange(DAYS) < 1200)))'
                '.with_columns(pl.col("pressure")')  # fmt: skip
    faults.edit("specs/data.yaml", "split: {kind: random, seed: 3, validation: 0.2, test: 0.2}",
                "split: {kind: predefined, column: side}")  # fmt: skip
    faults.edit("specs/data.yaml", "  hall:", "  side: {type: string, role: ignored}\n  hall:")
    answer = faults.mlops("run")
    assert answer.code in {0, 3}, answer.err
    evidence = json.loads(faults.read("artifacts/evaluation/evaluation.json"))
    assert evidence["labels"]["worn"]["test"]["with"] == 0
    assert evidence["curves"]["unordered"] == ["worn"]
    assert "All rows of the side have worn, or none has" in faults.read(".mlops/report.html")


def test_labels_that_cannot_be_learnt_are_told_without_a_traceback(faults):
    faults.edit("callables/machines.py", '.with_columns(pl.col("pressure")',
                '.with_columns(worn=pl.Series(np.arange(DAYS) == 3)).with_columns(pl.col("pressure")')  # fmt: skip
    answer = faults.mlops("run", "--no-report")
    assert answer.code != 0
    assert 'side "validation", label "worn": no positive rows' in answer.err
    assert "Traceback" not in answer.err


def test_the_page_shows_what_the_example_says():
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    names = ("data", "training", "evaluation")
    data, training, evaluation = (yaml.safe_load((EXAMPLE / f"specs/{name}.yaml").read_text()) for name in names)
    assert blocks[0]["columns"].items() <= data["columns"].items()
    assert blocks[0]["task"] == training["task"]
    assert blocks[1].items() <= training["candidates"].items()
    assert blocks[2]["threshold"] == evaluation["threshold"]
    assert blocks[2]["metrics"] == evaluation["metrics"]


def test_the_page_shows_what_plan_says_of_labels_of_another_task(faults):
    faults.edit("specs/training.yaml", "task: multilabel", "task: regression")
    answer = faults.call("plan")
    assert answer.code == 65
    assert answer.err.partition("error[unknown-metric]")[0].strip() in PAGE.read_text()
