"""Figures of a run stand beside those of a plain script that does the same by hand: equal to the last digit."""

import json
import random
import subprocess
import sys

import pytest

from mlops_runner.execute.isolation import Room, environment

DIGITS = 12
DATA = """\
apiVersion: mlops/v1
kind: Data
name: plain
source: {kind: csv, path: data/rows.csv}
columns:
  age: {type: float, max_missing: 1}
  rooms: {type: int}
  city: {type: string, max_missing: 1}
  y: {type: TYPE, role: target}
split: {kind: random, seed: 3, validation: 0.25, test: 0.25}
"""
TRAINING = """\
apiVersion: mlops/v1
kind: Training
name: plain
task: TASK
seed: 11
preprocessing:
  numeric: {impute: median, scale: standard}
baseline: {trainer: sklearn, estimator: sklearn.dummy.DUMMY}
candidates:
  linear: {trainer: sklearn, estimator: sklearn.linear_model.LINEAR}
  boosted: {trainer: xgboost, rounds: 200, early_stopping_rounds: 10, params: {max_depth: 3, learning_rate: 0.2}}
select: {metric: SELECT, direction: DIRECTION}
"""
EVALUATION = f"""\
apiVersion: mlops/v1
kind: Evaluation
name: plain
metrics: METRICS
digits: {DIGITS}
"""
SCRIPT = """
import json, sys
import numpy as np
import polars as pl
import xgboost
from sklearn import metrics as m
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

task, names, digits = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
sides = {side: pl.read_parquet(f"artifacts/data/{side}.parquet") for side in ("train", "validation", "test")}
classes = sorted(sides["train"]["y"].unique()) if task != "regression" else []
frames = {side: frame.select("age", "rooms", pl.col("city").fill_null("(none)")) for side, frame in sides.items()}
y = {side: np.searchsorted(classes, frame["y"]) if classes else frame["y"].to_numpy() for side, frame in sides.items()}
numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
cities = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
prepare = ColumnTransformer([("numbers", numbers, ["age", "rooms"]), ("cities", cities, ["city"])]).fit(frames["train"])
x = {side: np.ascontiguousarray(prepare.transform(frame)) for side, frame in frames.items()}

linear = (LogisticRegression if classes else Ridge)(random_state=11).fit(x["train"], y["train"])
rows = {side: xgboost.DMatrix(x[side], y[side], nthread=1) for side in x}
objective = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}[task]
params = {"objective": objective, "max_depth": 3, "learning_rate": 0.2, "seed": 11, "nthread": 1}
params |= {"num_class": len(classes)} if task == "multiclass" else {}
watched = [(rows["validation"], "validation")]
booster = xgboost.train(params, rows["train"], 200, watched, early_stopping_rounds=10, verbose_eval=False)
kept = booster[: booster.best_iteration + 1]


def linear_scores(side):
    found = linear.predict_proba(x[side]) if classes else linear.predict(x[side])
    return found[:, 1] if task == "binary" else found


labels = list(range(len(classes)))
decided = (lambda s: (s >= 0.5).astype(int)) if task == "binary" else (lambda s: s.argmax(axis=1))
by_hand = {
    "roc_auc": m.roc_auc_score,
    "average_precision": m.average_precision_score,
    "brier": m.brier_score_loss,
    "log_loss": lambda t, s: m.log_loss(t, s, labels=labels),
    "accuracy": lambda t, s: m.accuracy_score(t, decided(s)),
    "balanced_accuracy": lambda t, s: m.balanced_accuracy_score(t, decided(s)),
    "f1": lambda t, s: m.f1_score(t, decided(s)),
    "f1_macro": lambda t, s: m.f1_score(t, decided(s), average="macro"),
    "matthews": lambda t, s: m.matthews_corrcoef(t, decided(s)),
    "rmse": m.root_mean_squared_error,
    "mae": m.mean_absolute_error,
    "r2": m.r2_score,
}
scores = {"linear": linear_scores, "boosted": lambda side: kept.predict(rows[side]).astype(np.float64)}
print(json.dumps({
    model: {side: {name: round(float(by_hand[name](y[side], of(side))), digits) for name in names} for side in x}
    for model, of in scores.items()
}))
"""
TASKS = {
    "binary": ("string", ["roc_auc", "average_precision", "brier", "log_loss", "accuracy", "f1", "matthews"]),
    "multiclass": ("string", ["log_loss", "accuracy", "balanced_accuracy", "f1_macro"]),
    "regression": ("float", ["rmse", "mae", "r2"]),
}


def rows(task):
    draw = random.Random(8)
    lines = ["age,rooms,city,y"]
    for _ in range(600):
        age, rooms, city = draw.gauss(40, 12), draw.randint(1, 7), draw.choice(["Bonn", "Köln", "Aachen", ""])
        score = age / 12 - rooms / 2 + (city == "Köln") + draw.gauss(0, 1)
        y = {"binary": "yes" if score > 1.5 else "no", "multiclass": "abc"[(score > 1) + (score > 2.5)]}.get(
            task, score
        )
        lines.append(f"{'' if draw.random() < 0.1 else repr(age)},{rooms},{city},{y}")
    return "\n".join(lines) + "\n"


def declare(project, task):
    kind, metrics = TASKS[task]
    words = {"TASK": task, "TYPE": kind, "METRICS": json.dumps(metrics), "SELECT": metrics[0]}
    words["DIRECTION"] = "maximize" if metrics[0] == "roc_auc" else "minimize"
    words["DUMMY"] = "DummyRegressor" if task == "regression" else "DummyClassifier"
    words["LINEAR"] = "Ridge" if task == "regression" else "LogisticRegression"
    for name, text in (("data", DATA), ("training", TRAINING), ("evaluation", EVALUATION)):
        for word, value in words.items():
            text = text.replace(word, value)
        project.write(f"specs/{name}.yaml", text)
    if task == "binary":
        project.edit("specs/training.yaml", "task: binary\n", 'task: binary\npositive: "yes"\n')
    project.write("data/rows.csv", rows(task))


@pytest.mark.parametrize("task", TASKS)
def test_a_plain_script_computes_the_same_figures(fresh, task, tmp_path):
    declare(fresh, task)
    answer = fresh.mlops("run", "--no-report")
    assert answer.code == 0, answer.err
    found = json.loads(fresh.read("artifacts/evaluation/evaluation.json"))["metrics"]
    command = [sys.executable, "-c", SCRIPT, task, json.dumps(TASKS[task][1]), str(DIGITS)]
    env = environment(Room(1), tmp_path)  # the threads and the BLAS kernel that a step has
    done = subprocess.run(command, cwd=fresh.root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    by_hand = json.loads(done.stdout)
    assert {model: found[model] for model in by_hand} == by_hand
