"""Gates at their edges, with planted candidates: one reaches a limit exactly, one misses it by a row."""

import pytest

RULES = '''\
"""Candidates that answer a known share of the rows rightly."""

import numpy as np
from sklearn.tree import DecisionTreeClassifier


def train(x, y, *, seed, rows):
    """Learn rows 0 to `rows` as they are and the others the wrong way round: every row has a number of its own."""
    known = np.arange(1, 401, dtype=float)[:, None]
    truth = (np.arange(1, 401) % 2 == 0).astype(int)
    told = np.where(np.arange(400) < rows, truth, 1 - truth)
    return DecisionTreeClassifier(random_state=seed).fit(known, told)
'''
DATA = """\
apiVersion: mlops/v1
kind: Data
name: edges
source: {kind: csv, path: data/rows.csv}
columns:
  number: {type: int}
  side: {type: string, role: ignored}
  y: {type: bool, role: target}
split: {kind: predefined, column: side}
"""
TRAINING = """\
apiVersion: mlops/v1
kind: Training
name: edges
task: binary
positive: true
seed: 1
baseline: {trainer: python, callable: callables.rule:train, params: {rows: 280}}
candidates:
  planted: {trainer: python, callable: callables.rule:train, params: {rows: ROWS}}
select: {metric: accuracy}
"""
EVALUATION = """\
apiVersion: mlops/v1
kind: Evaluation
name: edges
metrics: [accuracy]
gates:
  edge: GATE
"""


def planted(project, rows, gate):
    """A candidate that is right in the first rows - 200 of the 200 test rows; the baseline is right in 80."""
    lines = [
        f"{n},{'train' if n <= 100 else 'validation' if n <= 200 else 'test'},{str(n % 2 == 0).lower()}"
        for n in range(1, 401)
    ]
    project.write("data/rows.csv", "number,side,y\n" + "\n".join(lines) + "\n")
    project.write("callables/rule.py", RULES)
    project.write("specs/data.yaml", DATA)
    project.write("specs/training.yaml", TRAINING.replace("ROWS", str(rows)))
    project.write("specs/evaluation.yaml", EVALUATION.replace("GATE", gate))


@pytest.mark.parametrize(
    ("rows", "gate", "code", "said"),
    [
        (380, "{kind: absolute, metric: accuracy, min: 0.9}", 0, ">= 0.9"),
        (379, "{kind: absolute, metric: accuracy, min: 0.9}", 3, "accuracy 0.895 "),
        (380, "{kind: baseline, metric: accuracy, margin: 0.5}", 0, "= 0.5 "),
        (379, "{kind: baseline, metric: accuracy, margin: 0.5}", 3, "= 0.495 "),
    ],
)
def test_a_limit_that_is_reached_exactly_passes_and_one_row_less_fails(fresh, rows, gate, code, said):
    planted(fresh, rows, gate)
    answer = fresh.mlops("run", "--no-report")
    assert answer.code == code, answer.err
    assert said in answer.out
