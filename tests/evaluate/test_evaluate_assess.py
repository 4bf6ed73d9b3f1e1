import json

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from mlops_runner.errors import InvalidInput
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

RNG = np.random.default_rng(7)
SIZES = {"train": 200, "validation": 80, "test": 90}
TARGETS = {name: RNG.integers(0, 2, rows) for name, rows in SIZES.items()}
SIDES = {name: Side(name, target, {"first": np.arange(len(target)) < 18}) for name, target in TARGETS.items()}


def noisy(spread):
    return {n: np.clip(t * 0.5 + 0.25 + RNG.normal(0, spread, len(t)), 0, 1) for n, t in TARGETS.items()}


SCORES = {
    "baseline": {name: np.full(rows, 0.4) for name, rows in SIZES.items()},
    "weak": noisy(0.5),
    "strong": noisy(0.2),
    "twin": {},
}
SCORES["twin"] = SCORES["strong"]


def evaluation(**more):
    base = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("roc_auc", "recall", "precision")}
    return Evaluation.model_validate(base | more)


def options(select=None, **more):
    return Options("binary", ("no", "yes"), select or Select(metric="roc_auc"), evaluation(**more))


def codes(error):
    return [diagnostic.code for diagnostic in error.value.diagnostics]


def test_the_best_candidate_wins_and_the_first_of_equals():
    assert assess(options(), SIDES, SCORES).winner == "strong"
    assert assess(options(Select(metric="roc_auc", direction="minimize")), SIDES, SCORES).winner == "weak"


def test_the_baseline_never_wins():
    perfect = {**SCORES, "baseline": {name: target.astype(float) for name, target in TARGETS.items()}}
    assert assess(options(), SIDES, perfect).winner == "strong"


def test_metrics_are_those_of_scikit_learn_at_the_models_own_threshold():
    rule = {"rule": "cost", "false_negative": 5.0, "false_positive": 1.0}
    found = assess(options(threshold=rule), SIDES, SCORES).as_json()
    decided = SCORES["weak"]["test"] >= found["thresholds"]["weak"]
    assert found["thresholds"]["weak"] != found["thresholds"]["strong"]
    assert found["metrics"]["weak"]["test"] == {
        "roc_auc": round(roc_auc_score(TARGETS["test"], SCORES["weak"]["test"]), 6),
        "recall": round(recall_score(TARGETS["test"], decided), 6),
        "precision": round(precision_score(TARGETS["test"], decided), 6),
    }


def test_the_threshold_carries_its_rule_side_and_cost():
    rule = {"rule": "cost", "false_negative": 5.0, "false_positive": 1.0}
    found = assess(options(threshold=rule), SIDES, SCORES).as_json()["threshold"]
    decided, target = SCORES["strong"]["validation"] >= found["value"], TARGETS["validation"]
    cost = 5 * int((~decided & (target == 1)).sum()) + int((decided & (target == 0)).sum())
    assert found == {"rule": "cost", "value": found["value"], "split": "validation", "cost": cost}


def test_without_a_rule_the_threshold_is_one_half():
    assert assess(options(), SIDES, SCORES).as_json()["threshold"] == {"rule": "fixed", "value": 0.5}


def test_a_slice_with_too_few_rows_is_null_with_the_reason():
    found = assess(options(slices={"first": {"column": "row", "max": 18.0}}), SIDES, SCORES).as_json()
    assert found["slices"]["first"]["test"]["rows"] == 18
    assert found["slices"]["first"]["test"]["metrics"]["strong"]["recall"] is None
    reasons = {entry["reason"] for entry in found["unmeasured"] if entry["slice"] == "first"}
    assert reasons == {"18 rows < 30"}


def test_a_slice_with_enough_rows_is_measured_on_those_rows_only():
    small = {"first": {"column": "row", "max": 18.0, "min_rows": 5}}
    found = assess(options(slices=small), SIDES, SCORES).as_json()["slices"]["first"]["test"]["metrics"]["strong"]
    assert found["roc_auc"] == round(roc_auc_score(TARGETS["test"][:18], SCORES["strong"]["test"][:18]), 6)


def test_a_failed_gate_makes_the_assessment_fail():
    gates = {"auc": {"kind": "absolute", "metric": "roc_auc", "min": 0.5}}
    assert assess(options(gates=gates), SIDES, SCORES).passed
    gates["f"] = {"kind": "absolute", "metric": "f1", "min": 0.99}
    found = assess(options(gates=gates), SIDES, SCORES)
    assert not found.passed
    assert [gate.answer for gate in found.gates] == ["pass", "fail"]
    assert "f1" in found.as_json()["metrics"]["strong"]["test"]


def test_a_gate_on_a_small_slice_is_unmeasured():
    gates = {"g": {"kind": "absolute", "metric": "recall", "slice": "first", "min": 0.5}}
    (gate,) = assess(options(gates=gates, slices={"first": {"column": "row", "max": 18.0}}), SIDES, SCORES).gates
    assert gate.comparison == "recall could not be measured: 18 rows < 30"


def test_flat_metrics_are_the_winners_and_the_threshold():
    flat = assess(options(), SIDES, SCORES).flat_metrics()
    assert flat["threshold"] == 0.5
    assert flat["test.roc_auc"] == round(roc_auc_score(TARGETS["test"], SCORES["strong"]["test"]), 6)
    assert len(flat) == 3 * 3 + 1


def test_metrics_are_rounded_to_the_declared_digits():
    assert assess(options(digits=2), SIDES, SCORES).flat_metrics()["test.roc_auc"] in {n / 100 for n in range(101)}


def test_the_same_arrays_give_the_same_bytes():
    rule = {"rule": "f_beta", "beta": 2.0}
    first, second = (json.dumps(assess(options(threshold=rule), SIDES, SCORES).as_json()) for _ in range(2))
    assert first == second


def test_the_json_has_no_nan():
    found = assess(options(metrics=("ece", "precision", "matthews")), SIDES, SCORES).as_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_every_array_that_does_not_fit_is_reported_at_once():
    broken = {**SCORES, "weak": {**SCORES["weak"], "test": np.zeros(3)}, "twin": {"train": np.full(200, np.nan)}}
    with pytest.raises(InvalidInput) as error:
        assess(options(), SIDES, broken)
    assert sorted(codes(error)) == ["scores-missing", "scores-missing", "scores-not-finite", "scores-shape"]


def test_a_side_that_a_rule_needs_must_exist():
    with pytest.raises(InvalidInput, match='no side "validation", but the winner is selected on it'):
        assess(options(), {"test": SIDES["test"]}, SCORES)


def test_a_metric_of_another_task_is_refused():
    with pytest.raises(InvalidInput, match='"rmse" is not known for a binary task'):
        assess(options(metrics=("rmse",)), SIDES, SCORES)


def test_an_undeclared_slice_is_refused():
    gates = {"g": {"kind": "absolute", "metric": "recall", "slice": "nowhere", "min": 0.5}}
    with pytest.raises(InvalidInput, match='slice "nowhere", which is not declared'):
        assess(options(gates=gates), SIDES, SCORES)


def test_a_winner_that_cannot_be_determined_is_an_error():
    sides = {name: Side(name, np.ones(rows, dtype=int)) for name, rows in SIZES.items()}
    with pytest.raises(InvalidInput, match='roc_auc of "weak" on side "validation" could not be measured: rows of one'):
        assess(options(), sides, SCORES)


def test_a_threshold_that_cannot_be_chosen_is_an_error():
    sides = {name: Side(name, np.zeros(rows, dtype=int)) for name, rows in SIZES.items()}
    with pytest.raises(InvalidInput, match='threshold rule f_beta on side "validation": no positive rows'):
        assess(options(threshold={"rule": "f_beta"}), sides, SCORES)


def test_a_target_outside_the_classes_is_refused():
    sides = {**SIDES, "test": Side("test", np.full(90, 2))}
    with pytest.raises(InvalidInput, match='side "test" has targets outside the 2 classes'):
        assess(options(), sides, SCORES)
