import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlops_runner.evaluate.metrics import labels
from mlops_runner.evaluate.metrics.base import LEAVES, measure
from mlops_runner.evaluate.metrics.names import METRICS, better, known_metrics
from mlops_runner.evaluate.values import Unmeasured, sample_of

TARGET = np.array([0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0, 1])
SCORES = np.array([0.1, 0.4, 0.35, 0.8, 0.9, 0.2, 0.55, 0.6, 0.05, 0.5, 0.3, 0.7])
LABELS = np.array([0, 1, 2, 2, 1, 0, 1, 2, 0, 1])
PROBABILITIES = np.array(
    [[6, 2, 2], [1, 7, 2], [2, 2, 6], [5, 1, 4], [3, 6, 1], [8, 1, 1], [2, 3, 5], [1, 2, 7], [4, 4, 2], [1, 8, 1]]
) / 10  # fmt: skip


def binary(target, scores, threshold=0.5):
    return sample_of("binary", ("no", "yes"), np.array(target), np.array(scores), threshold)


def multiclass(target=LABELS, scores=PROBABILITIES):
    return sample_of("multiclass", ("a", "b", "c"), np.array(target), np.array(scores), None)


def regression(target, predicted):
    return sample_of("regression", (), np.array(target), np.array(predicted), None)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("roc_auc", sk.roc_auc_score(TARGET, SCORES)),
        ("average_precision", sk.average_precision_score(TARGET, SCORES)),
        ("brier", sk.brier_score_loss(TARGET, SCORES)),
        ("log_loss", sk.log_loss(TARGET, SCORES)),
        ("accuracy", sk.accuracy_score(TARGET, SCORES >= 0.5)),
        ("balanced_accuracy", sk.balanced_accuracy_score(TARGET, SCORES >= 0.5)),
        ("precision", sk.precision_score(TARGET, SCORES >= 0.5)),
        ("recall", sk.recall_score(TARGET, SCORES >= 0.5)),
        ("specificity", sk.recall_score(TARGET, SCORES >= 0.5, pos_label=0)),
        ("f1", sk.f1_score(TARGET, SCORES >= 0.5)),
        ("matthews", sk.matthews_corrcoef(TARGET, SCORES >= 0.5)),
    ],
)
def test_binary_metrics_agree_with_scikit_learn(metric, expected):
    assert measure(metric, binary(TARGET, SCORES)) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("roc_auc", sk.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr", average="macro")),
        ("log_loss", sk.log_loss(LABELS, PROBABILITIES)),
        ("brier", sk.brier_score_loss(LABELS, PROBABILITIES)),
        ("average_precision", sk.average_precision_score(np.eye(3)[LABELS], PROBABILITIES, average="macro")),
        ("accuracy", sk.accuracy_score(LABELS, PROBABILITIES.argmax(1))),
        ("balanced_accuracy", sk.balanced_accuracy_score(LABELS, PROBABILITIES.argmax(1))),
        ("matthews", sk.matthews_corrcoef(LABELS, PROBABILITIES.argmax(1))),
        ("f1_macro", sk.f1_score(LABELS, PROBABILITIES.argmax(1), average="macro")),
        ("f1_micro", sk.f1_score(LABELS, PROBABILITIES.argmax(1), average="micro")),
        ("precision_macro", sk.precision_score(LABELS, PROBABILITIES.argmax(1), average="macro")),
        ("recall_macro", sk.recall_score(LABELS, PROBABILITIES.argmax(1), average="macro")),
    ],
)
def test_multiclass_metrics_agree_with_scikit_learn(metric, expected):
    assert measure(metric, multiclass()) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        ("rmse", sk.root_mean_squared_error),
        ("mae", sk.mean_absolute_error),
        ("median_absolute_error", sk.median_absolute_error),
        ("max_error", sk.max_error),
        ("mape", sk.mean_absolute_percentage_error),
        ("r2", sk.r2_score),
    ],
)
def test_regression_metrics_agree_with_scikit_learn(metric, function):
    actual, predicted = [3.0, -0.5, 2.0, 7.0, 4.25], [2.5, 0.0, 2.0, 8.0, 5.5]
    assert measure(metric, regression(actual, predicted)) == pytest.approx(function(actual, predicted), abs=1e-12)


def test_ece_is_the_mean_gap_between_score_and_rate_over_bins_of_equal_mass():
    scores = np.repeat([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95], 2)
    assert measure("ece", binary([0, 1] * 10, scores)) == pytest.approx(0.25)


def test_ece_does_not_depend_on_the_order_of_rows_with_equal_scores():
    target = np.array([1] * 15 + [0] * 15)
    assert measure("ece", binary(target, np.full(30, 0.4))) == pytest.approx(0.1)
    assert measure("ece", binary(target[::-1], np.full(30, 0.4))) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("metric", "sample", "reason"),
    [
        ("roc_auc", binary([1, 1], [0.2, 0.9]), "rows of one class only"),
        ("average_precision", binary([0, 0], [0.2, 0.9]), "rows of one class only"),
        ("balanced_accuracy", binary([0, 0], [0.2, 0.9]), "rows of one class only"),
        ("matthews", binary([0, 0], [0.2, 0.9]), "rows of one class only"),
        ("recall", binary([0, 0], [0.2, 0.9]), "no positive rows"),
        ("specificity", binary([1, 1], [0.2, 0.9]), "no negative rows"),
        ("precision", binary([0, 1], [0.2, 0.3]), "no row is decided positive"),
        ("f1", binary([0, 0], [0.2, 0.3]), "no positive rows, and none decided positive"),
        ("accuracy", binary([], []), "no rows"),
        ("ece", binary([0, 1], [0.2, 0.3]), "2 rows < 10 bins"),
        ("brier", binary([0, 1], [-3.0, 7.5]), "the scores are not probabilities"),
        ("roc_auc", multiclass([0, 0, 1], PROBABILITIES[:3]), "no rows of class c"),
        ("log_loss", multiclass([0, 1, 2], [[0.9, 0.9, 0.9]] * 3), "the scores are not probabilities"),
        ("r2", regression([2.0, 2.0], [1.0, 3.0]), "the target is the same in all rows"),
        ("mape", regression([0.0, 2.0], [1.0, 3.0]), "the target is 0 in 1 rows"),
        ("rmse", regression([0.0, 2.0], [1e300, 3.0]), "the result is not a finite number"),
    ],
)
def test_what_cannot_be_measured_says_why(metric, sample, reason):
    assert measure(metric, sample) == Unmeasured(reason)


def test_matthews_is_zero_when_all_decisions_are_the_same():
    assert measure("matthews", binary([0, 1, 1], [0.9, 0.9, 0.9])) == 0.0


def test_a_certain_and_wrong_probability_gives_a_finite_log_loss():
    assert measure("log_loss", binary([1, 0], [0.0, 0.5])) == pytest.approx(sk.log_loss([1, 0], [0.0, 0.5]))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=30), st.floats(0, 1))
@settings(deadline=None)
def test_no_binary_metric_ever_crashes_warns_or_gives_nan(rows, threshold):
    sample = binary([int(one) for one, _ in rows], [score for _, score in rows], threshold)
    for metric in known_metrics("binary"):
        value = measure(metric, sample)
        assert isinstance(value, Unmeasured) or np.isfinite(value)


def test_every_name_has_a_function_and_every_function_a_name():
    assert set(LEAVES) | set(labels.LEAVES) == set(METRICS)
    assert set(labels.LEAVES) == known_metrics("multilabel")


def test_names_say_which_tasks_and_which_way_is_better():
    assert "rmse" in known_metrics("regression")
    assert known_metrics("binary").isdisjoint(known_metrics("regression"))
    assert (better("rmse"), better("brier"), better("roc_auc")) == ("lower", "lower", "higher")


def test_the_names_are_free_of_heavy_imports():
    code = (
        "import sys, mlops_runner.evaluate.metrics.names; sys.exit(any(m in sys.modules for m in ('numpy', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
