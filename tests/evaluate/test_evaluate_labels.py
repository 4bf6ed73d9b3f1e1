"""Several labels a row: metrics as scikit-learn has them, a threshold for each label, and what is shown of them."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_runner.errors import InvalidInput
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.bootstrap.decisions import trials
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.found_slices import losses_of
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import known_metrics
from mlops_runner.evaluate.values import Options, Side, Unmeasured, sample_of
from mlops_runner.evaluate.worst_rows import Shown, worst_rows
from mlops_runner.reports.builders.evaluation import build_evaluation_report
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.render import render
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

LABELS = ("hot", "worn", "loud")
AVERAGED = [(f"{name}_{how}", name, how) for name in ("precision", "recall", "f1") for how in ("micro", "macro")]
RNG = np.random.default_rng(5)
TARGET = (RNG.random((300, 3)) < [0.4, 0.25, 0.1]).astype(np.int64)
GOOD = np.clip(0.25 + 0.4 * TARGET + RNG.normal(0, 0.15, TARGET.shape), 0, 1)
CONSTANT = np.tile(TARGET.mean(axis=0), (300, 1))


def labelled(target, scores, cuts=(0.5, 0.5, 0.5)):
    return sample_of("multilabel", LABELS, np.array(target), np.array(scores), cuts)


@given(rows=st.integers(1, 30), seed=st.integers(0, 9999))
@settings(deadline=None)
def test_decisions_are_measured_as_scikit_learn_does(rows, seed):
    rng = np.random.default_rng(seed)
    found = labelled(rng.random((rows, 3)) < 0.3, rng.random((rows, 3)).round(1), (0.4, 0.7, 0.5))
    truth, decided = found.target, found.decisions
    expected = {
        name: getattr(sk, f"{metric}_score")(truth, decided, average=how, zero_division=0)
        for name, metric, how in [*AVERAGED, ("f1_samples", "f1", "samples")]
    }
    expected |= {"hamming_loss": sk.hamming_loss(truth, decided), "subset_accuracy": sk.accuracy_score(truth, decided)}
    for name, value in expected.items():
        measured = measure(name, found)
        assert isinstance(measured, Unmeasured) or measured == pytest.approx(value, abs=1e-14), name


def test_probabilities_and_orders_are_measured_as_scikit_learn_does():
    found = labelled(TARGET, GOOD)
    assert measure("roc_auc_macro", found) == pytest.approx(sk.roc_auc_score(TARGET, GOOD, average="macro"), abs=1e-14)
    average = sk.average_precision_score(TARGET, GOOD, average="macro")
    assert measure("average_precision_macro", found) == pytest.approx(average, abs=1e-14)
    losses = [sk.log_loss(TARGET[:, at], GOOD[:, at]) for at in range(3)]
    assert measure("log_loss", found) == pytest.approx(np.mean(losses), abs=1e-14)
    briers = [sk.brier_score_loss(TARGET[:, at], GOOD[:, at]) for at in range(3)]
    assert measure("brier", found) == pytest.approx(np.mean(briers), abs=1e-14)


def test_a_label_without_both_kinds_of_rows_is_left_out_of_what_looks_at_orders():
    target = TARGET * [1, 1, 0]
    both = [sk.roc_auc_score(target[:, at], GOOD[:, at]) for at in (0, 1)]
    assert measure("roc_auc_macro", labelled(target, GOOD)) == pytest.approx(np.mean(both), abs=1e-14)
    found = measure("average_precision_macro", labelled(TARGET * 0, GOOD))
    assert found == Unmeasured("no label has rows with it and rows without it")


def test_nothing_to_find_and_nothing_found_cannot_be_measured():
    nothing = labelled(np.zeros((4, 3)), np.zeros((4, 3)))
    for name in ("f1_micro", "f1_macro", "f1_samples", "precision_micro", "recall_macro"):
        assert measure(name, nothing) == Unmeasured("no row has a label, and none is decided to have one")
    assert (measure("hamming_loss", nothing), measure("subset_accuracy", nothing)) == (0.0, 1.0)


def test_scores_of_labels_need_not_sum_to_one_but_must_be_probabilities():
    assert measure("log_loss", labelled([[1, 1, 0]], [[0.9, 0.9, 0.1]])) == pytest.approx(-np.log(0.9))
    assert measure("log_loss", labelled([[1, 1, 0]], [[1.9, 0.9, 0.1]])) == Unmeasured(
        "the scores are not probabilities"
    )


def test_only_whole_rows_that_are_right_are_a_share_of_rows():
    sample = labelled(TARGET, GOOD)
    assert trials("subset_accuracy", sample).all()
    assert trials("f1_micro", sample) is None


def assessed(models, target=TARGET, masks=None, **fields):
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": tuple(sorted(known_metrics(TASK)))}
    evaluation = Evaluation.model_validate({**head, **fields})
    options = Options(TASK, LABELS, Select(metric="f1_macro"), evaluation)
    sides = {"validation": Side("validation", TARGET, masks or {}), "test": Side("test", target, masks or {})}
    scores = {name: dict.fromkeys(sides, values) for name, values in models.items()}
    return assess(options, sides, scores, Extras(seed=1))


TASK = "multilabel"
MODELS = {"baseline": CONSTANT, "new": GOOD}
F1 = {"threshold": {"rule": "f_beta", "beta": 1, "split": "validation"}}


def test_every_label_has_the_threshold_that_the_rule_gives_it_alone():
    found = assessed(MODELS, **F1)
    for at, cut in enumerate(found.thresholds["new"].value):
        decided = {value: sk.f1_score(TARGET[:, at], GOOD[:, at] >= value) for value in (*np.unique(GOOD[:, at]), cut)}
        assert decided[cut] == max(decided.values())
    flat = found.flat_metrics()
    assert [flat[f"threshold.{label}"] for label in LABELS] == list(found.thresholds["new"].value)
    assert found.as_json()["threshold"]["value"] == list(found.thresholds["new"].value)


def test_a_budget_of_alarms_is_one_for_each_label():
    found = assessed(MODELS, threshold={"rule": "alarm_budget", "count": 20, "split": "validation"})
    decided = found.known.samples["new"]["validation"].decisions.sum(axis=0)
    assert (decided <= 20).all()
    assert (decided > 15).all()


def test_a_label_that_leaves_the_rule_without_a_meaning_is_named():
    rule = {"rule": "recall_at_precision", "precision": 1.0, "split": "validation"}
    with pytest.raises(InvalidInput, match='side "validation", label "hot": no threshold reaches a precision of 1'):
        assessed(MODELS, threshold=rule)


def test_gates_judge_labels_by_intervals_and_against_the_baseline():
    gates = {
        "useful": {"kind": "absolute", "metric": "f1_macro", "min": 0.7, "decide_on": "interval"},
        "worth_it": {"kind": "baseline", "metric": "roc_auc_macro", "margin": 0.2, "decide_on": "interval"},
        "too_much": {"kind": "absolute", "metric": "subset_accuracy", "min": 0.99},
        "first": {"kind": "slices", "metric": "hamming_loss", "max": 0.5},
    }
    masks = {"half": np.arange(300) < 150}
    slices = {"half": {"column": "number", "max": 150}}
    found = assessed(MODELS, masks=masks, gates=gates, slices=slices, **F1)
    answers = {gate.name: gate.answer for gate in found.gates}
    assert answers == {"useful": "pass", "worth_it": "pass", "too_much": "fail", "first": "pass"}


def test_the_report_shows_every_label_and_says_which_has_no_order():
    evidence = assessed(MODELS, target=TARGET * [1, 1, 0], **F1).as_json()
    assert evidence["labels"]["loud"]["test"] == {"with": 0, "without": 300}
    assert evidence["curves"]["unordered"] == ["loud"]
    row = evidence["curves"]["per_label"][0]
    assert row["average_precision"] == round(sk.average_precision_score(TARGET[:, 0], GOOD[:, 0]), 6)
    assert [one["label"] for one in evidence["curves"]["pr"]] != []
    evidence |= {"worst_rows": None, "contributions": None, "found_slices": None}
    page = render(build_evaluation_report(evidence, ReportContext(name="faults")), "markdown")
    assert "All rows of the side have loud, or none has" in page
    assert "| hot |" in page.replace("  ", "")


def test_the_worst_rows_name_their_labels():
    sample = labelled([[1, 0, 1], [0, 0, 0]], [[0.1, 0.2, 0.1], [0.1, 0.1, 0.1]])
    name, losses = losses_of(sample)
    assert name == "squared error of the probabilities"
    rows = worst_rows(pl.DataFrame({"a": [1, 2]}), sample, losses, Shown(["a"], frozenset()), 2)
    assert [(row["target"], row["decision"]) for row in rows] == [("hot, loud", "none"), ("none", "none")]
