"""Metrics that are weighted by a column, in a real pipeline: the numbers, the keys, what is said, what is refused."""

import json
import random

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as sk

from mlops_runner import load_model

EVALUATION, DATA, TRAINING = "specs/evaluation.yaml", "specs/data.yaml", "specs/training.yaml"
TRUST = "  trust: {type: float, role: weight}\n"
TARGET = "  bought: {type: string, role: target"


@pytest.fixture
def weighable(fresh):
    """The shop with a column of weights, of which some are 0."""
    draw = random.Random(8)
    head, *rows = fresh.read("data/visits.csv").splitlines()
    rows = [f"{row},{draw.choice([0, 0.5, 1, 1, 2, 7.5])}" for row in rows]
    fresh.write("data/visits.csv", "\n".join([f"{head},trust", *rows]) + "\n")
    fresh.edit(DATA, TARGET, TRUST + TARGET)
    fresh.edit(EVALUATION, "[roc_auc, accuracy]", "[roc_auc, accuracy, log_loss]\nthreshold: {rule: f_beta}")
    return fresh


def weigh(project):
    project.edit(EVALUATION, "threshold:", "weighted: true\nthreshold:")


def evidence(project):
    return json.loads(project.read("artifacts/evaluation/evaluation.json"))


def run(project, *options):
    answer = project.call("run", *options)
    assert answer.code == 0, answer.err
    return answer


def test_weighted_metrics_are_those_of_scikit_learn_and_say_what_they_are(weighable):
    weigh(weighable)
    run(weighable)
    found = evidence(weighable)
    model = load_model(weighable.root / "artifacts/model")
    rows = pl.read_parquet(weighable.root / "artifacts/data/test.parquet")
    score, weight = model.predict_proba(rows)[:, 1], rows["trust"].to_numpy()
    truth = (rows["bought"] == "yes").to_numpy()
    numbers = found["metrics"][found["winner"]]["test"]
    decided = score >= found["threshold"]["value"]
    assert numbers["roc_auc"] == round(sk.roc_auc_score(truth, score, sample_weight=weight), 6)
    assert numbers["accuracy"] == round(sk.accuracy_score(truth, decided, sample_weight=weight), 6)
    assert numbers["log_loss"] == round(sk.log_loss(truth, score, sample_weight=weight), 6)
    assert numbers["accuracy"] != round(float(np.mean(truth == decided)), 6)
    assert (found["weight"], found["rows"]["test"]) == ("trust", 50)
    assert "All metrics are weighted by trust" in weighable.call("report", "--format", "markdown").out
    assert "Weighted by" in weighable.call("report", "--format", "text").out
    assert "Weighted by" in weighable.call("model", "card", "--format", "markdown").out
    assert "      weight: trust\n" in weighable.read("pipeline.lock")
    assert weighable.call("verify", "--rerun", "1").code == 0


def test_weighing_metrics_trains_nothing_again_and_is_named_where_metrics_are_compared(weighable):
    run(weighable)
    assert "weight" not in evidence(weighable)
    weighable.commit("unweighted")
    weigh(weighable)
    assert weighable.to_do() == {"evaluate": "rerun", "package": "unknown"}
    run(weighable)
    weighable.commit("weighted")
    said = "metrics are weighted by trust, and were not weighted before: their differences say nothing about the model"
    text = weighable.call("diff", "HEAD~1..HEAD")
    assert said in text.out
    assert "better)" not in text.out
    assert "worse)" not in text.out
    assert f"M{said[1:]}." in weighable.call("diff", "HEAD~1..HEAD", "--format", "markdown").out
    assert said in weighable.call("gate", "--baseline", "HEAD~1").out
    assert "metrics are not weighted alike: 1 by nothing, 2 by trust" in weighable.call("exp", "compare", "1", "2").out
    weighable.edit(EVALUATION, "weighted: true\n", "")
    assert weighable.call("run").code == 0
    assert "executed" not in weighable.call("plan").out


def test_the_search_the_choice_and_the_refits_are_weighted_too(weighable):
    search = "    search: {method: grid, space: {max_depth: {values: [1, 3]}}}\n"
    weighable.edit(TRAINING, "    rounds: 5\n", f"    rounds: 5\n{search}")
    weighable.edit(DATA, "stratify: bought}", "stratify: bought}\nfolds: {count: 3, seed: 5}")
    weighable.write(EVALUATION, weighable.read(EVALUATION) + "learning_curve: {shares: [0.5]}\n")
    run(weighable)
    before = {name: weighable.read(f"artifacts/{name}") for name in FILES}
    weigh(weighable)
    rerun = {name for name, action in weighable.to_do().items() if action == "rerun"}
    assert rerun == {"search.boosted", "select", "refit.logistic", "refit.boosted", "evaluate"}
    run(weighable)
    after = {name: weighable.read(f"artifacts/{name}") for name in FILES}
    assert {name for name in FILES if before[name] != after[name]} == {
        "searches/boosted/trials.json",
        refits(weighable),
    }
    assert evidence(weighable)["winner"] == json.loads(after["selection/winner.json"])["winner"]
    curve = evidence(weighable)["learning_curve"]
    assert curve[-1]["validation"] == evidence(weighable)["metrics"][evidence(weighable)["winner"]]["validation"]


FILES = (
    "searches/boosted/trials.json", "selection/winner.json", "refits/logistic/refits.json", "refits/boosted/refits.json"
)  # fmt: skip


def refits(project):
    return f"refits/{evidence(project)['winner']}/refits.json"


def test_a_weight_below_zero_is_refused_with_the_data(weighable):
    weighable.write("data/visits.csv", weighable.read("data/visits.csv").replace(",7.5\n", ",-1\n", 1))
    weigh(weighable)
    answer = weighable.call("run")
    assert answer.code == 65
    assert 'column "trust": 1 row is below 0 (min)' in answer.err


def test_a_missing_weight_of_a_test_row_is_refused_with_its_row(weighable):
    weighable.edit(DATA, TRUST, TRUST.replace("weight}", "weight, max_missing: 1.0}"))
    lines = weighable.read("data/visits.csv").splitlines()
    weighable.write("data/visits.csv", "\n".join([*lines, *(f"{n}.5,desk,yes," for n in range(9))]) + "\n")
    weigh(weighable)
    answer = weighable.call("run")
    assert answer.code == 65
    assert 'weight column "trust" must hold numbers from 0 up' in answer.err
    assert "the first is row" in answer.err
