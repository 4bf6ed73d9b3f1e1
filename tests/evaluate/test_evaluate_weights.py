"""Metrics of weighted rows: those of scikit-learn, and of the rows written out as often as they count."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.evaluate.bootstrap.base import statistic_of
from mlops_runner.evaluate.bootstrap.draws import Units, draw
from mlops_runner.evaluate.bootstrap.values import counts_of
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import PERCENTS, known_metrics
from mlops_runner.evaluate.values import Unmeasured, sample_of

CLASSES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "multilabel": ("a", "b", "c")}
TASKS = ("binary", "multiclass", "multilabel", "regression", "forecasting", "ranking")
ALL = [(task, metric) for task in TASKS for metric in sorted(known_metrics(task))]
# Its bins hold as many rows each, so that repeating a row moves them.
BY_ROWS = {"ece"}


def sample(task, rows, seed, *, ties=False):
    """Rows of a task; with ties there are few distinct scores and errors."""
    rng = np.random.default_rng(seed)
    digits = 1 if ties else 8
    if task in {"regression", "forecasting", "ranking"}:
        target = rng.integers(0, 3, rows) if task == "ranking" else rng.normal(2, 1, rows).round(digits)
        found = sample_of(task, (), target, rng.normal(2, 1, rows).round(digits), None)
        if task == "ranking":
            return replace(found, query=np.unique(rng.integers(0, max(1, rows // 4), rows), return_inverse=True)[1])
        return replace(found, scale=rng.random(rows) + 0.5) if task == "forecasting" else found
    if task == "multilabel":
        target, scores = rng.random((rows, 3)) < 0.4, rng.random((rows, 3)).round(digits)
        return sample_of(task, CLASSES[task], target, scores, (0.4, 0.6, 0.5))
    target = rng.integers(0, len(CLASSES[task]), rows)
    if task == "binary":
        return sample_of(task, CLASSES[task], target, rng.random(rows).round(digits), 0.4)
    raw = rng.random((rows, 3)).round(digits) + 0.1
    return sample_of(task, CLASSES[task], target, raw / raw.sum(axis=1, keepdims=True), None)


def weights(found, values):
    """Give rows weights; the rows of a query the same."""
    values = np.asarray(values, dtype=float)
    return replace(found, weight=values if found.query is None else values[found.query])


def written_out(found, counts):
    """Repeat the rows; of a ranking the queries, each time as another one."""
    if found.query is None:
        rows = np.repeat(np.arange(len(counts)), counts)
        return replace(found.only(np.ones(len(counts), dtype=bool)), **rows_of(found, rows), weight=None)
    copies = [(query, copy) for query in range(found.query.max() + 1) for copy in range(counts[query])]
    rows = [np.flatnonzero(found.query == query) for query, _ in copies]
    numbers = np.concatenate([np.full(len(one), at) for at, one in enumerate(rows)] or [np.zeros(0, dtype=int)])
    chosen = np.concatenate(rows or [np.zeros(0, dtype=int)])
    return replace(found, **(rows_of(found, chosen) | {"query": numbers}), weight=None)


def rows_of(found, rows):
    names = ("target", "scores", "decisions", "query", "scale")
    return {name: None if getattr(found, name) is None else getattr(found, name)[rows] for name in names}


def theirs(metric, of, weight):
    """What scikit-learn makes of a metric; None for those it does not have."""
    y, p, d, few = of.target, of.scores, of.decisions, len(of.classes)
    given = {"sample_weight": weight}
    zero = {"zero_division": 0.0, **given}
    one = np.eye(few)[y] if of.task == "multiclass" else y
    name, _, percent = metric.rpartition("_at_")
    if of.task == "ranking":
        return _ranking(metric, of)
    if name == "pinball":
        return sk.mean_pinball_loss(y, p, alpha=int(percent) / 100, **given)
    if name == "coverage_gap":
        return abs(np.average(y <= p, weights=weight) - int(percent) / 100)
    if (metric.endswith("_macro") and metric[:3] in {"roc", "ave"}) or metric in {"roc_auc", "average_precision"}:
        function = sk.roc_auc_score if metric.startswith("roc") else sk.average_precision_score
        return function(one, p, average="macro", **given) if of.task != "binary" else function(y, p, **given)
    return {
        "brier": lambda: np.average(((p - one) ** 2).mean(axis=1) if of.task == "multilabel" else (p - y) ** 2
                                    if of.task == "binary" else ((p - one) ** 2).sum(axis=1), weights=weight),
        "log_loss": lambda: np.mean([sk.log_loss(y[:, at], p[:, at], **given) for at in range(few)])
        if of.task == "multilabel" else sk.log_loss(y, p, **given),
        "accuracy": lambda: sk.accuracy_score(y, d, **given),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, d, **given),
        "matthews": lambda: sk.matthews_corrcoef(y, d, **given),
        "precision": lambda: sk.precision_score(y, d, **zero),
        "recall": lambda: sk.recall_score(y, d, **zero),
        "specificity": lambda: sk.recall_score(1 - y, 1 - d, **zero),
        "f1": lambda: sk.f1_score(y, d, **zero),
        "precision_macro": lambda: sk.precision_score(y, d, average="macro", **zero),
        "recall_macro": lambda: sk.recall_score(y, d, average="macro", **zero),
        "f1_macro": lambda: sk.f1_score(y, d, average="macro", **zero),
        "precision_micro": lambda: sk.precision_score(y, d, average="micro", **zero),
        "recall_micro": lambda: sk.recall_score(y, d, average="micro", **zero),
        "f1_micro": lambda: sk.f1_score(y, d, average="micro", **zero),
        "f1_samples": lambda: sk.f1_score(y, d, average="samples", **zero),
        "subset_accuracy": lambda: sk.accuracy_score(y, d, **given),
        "hamming_loss": lambda: sk.hamming_loss(y, d, **given),
        "rmse": lambda: sk.root_mean_squared_error(y, p, **given),
        "mae": lambda: sk.mean_absolute_error(y, p, **given),
        "median_absolute_error": lambda: sk.median_absolute_error(y, p, **given),
        "mape": lambda: sk.mean_absolute_percentage_error(y, p, **given),
        "r2": lambda: sk.r2_score(y, p, **given),
        "max_error": lambda: sk.max_error(y[weight > 0], p[weight > 0]),
        "smape": lambda: np.average(2 * np.abs(y - p) / (np.abs(y) + np.abs(p)), weights=weight),
        "wape": lambda: np.sum(weight * np.abs(y - p)) / np.sum(weight * np.abs(y)),
        "mase": lambda: np.average(np.abs(y - p) / of.scale, weights=weight),
        "ece": lambda: None,
    }[metric]()  # fmt: skip


def _ranking(metric, of):
    """The weighted mean over the queries; scikit-learn has it of NDCG, query by query."""
    queries = [of.only(of.query == number) for number in range(of.query.max() + 1)]
    weight = np.array([query.weight[0] for query in queries])
    name, _, cut = metric.partition("_at_")
    if name == "ndcg":
        cut = int(cut) if cut else None
        values = [sk.ndcg_score([q.target], [q.scores], k=cut) if len(q.target) > 1 else float(q.target[0] > 0)
                  for q in queries]  # fmt: skip
    else:
        values = [measure(metric, replace(query, query=query.query * 0, weight=None)) for query in queries]
        values = [0.0 if isinstance(value, Unmeasured) else value for value in values]
    return np.average(values, weights=weight)


@pytest.mark.parametrize(("task", "metric"), ALL)
@pytest.mark.parametrize("zeros", [False, True])
def test_a_weighted_metric_is_that_of_scikit_learn(task, metric, zeros):
    rng = np.random.default_rng(5)
    found = sample(task, 80, 3)
    found = weights(found, rng.exponential(1, 80) * ((rng.random(80) > 0.3) if zeros else 1))
    value, expected = measure(metric, found), theirs(metric, found, found.weight)
    if expected is not None:
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-13)
        assert value != measure(metric, replace(found, weight=None)) or metric == "max_error" or metric in WITHOUT_CUT


# Cuts that lie behind the last row of every query here.
WITHOUT_CUT = {f"{name}_at_{cut}" for name in ("recall",) for cut in (20, 50, 100)}


def test_every_percentage_is_tried():
    assert {f"pinball_at_{percent}" for percent in PERCENTS} < known_metrics("regression")


@pytest.mark.parametrize(("task", "metric"), [pair for pair in ALL if pair[1] not in BY_ROWS])
@given(rows=st.integers(2, 25), seed=st.integers(0, 10_000), ties=st.booleans())
@settings(max_examples=10, deadline=None)
def test_a_row_of_weight_three_counts_as_three_rows(task, metric, rows, seed, ties):
    found = sample(task, rows, seed, ties=ties)
    counts = np.random.default_rng(seed).integers(0, 4, rows)
    value, expected = measure(metric, weights(found, counts)), measure(metric, written_out(found, counts))
    if isinstance(expected, Unmeasured):
        assert isinstance(value, Unmeasured)
    else:
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(("task", "metric"), ALL)
@given(rows=st.integers(2, 40), seed=st.integers(0, 10_000), ties=st.booleans())
@settings(max_examples=10, deadline=None)
def test_a_weighted_metric_of_counts_is_that_of_the_rows_written_out(task, metric, rows, seed, ties):
    rng = np.random.default_rng(seed)
    found = sample(task, rows, seed, ties=ties)
    found = weights(found, rng.exponential(1, rows) * (rng.random(rows) > 0.2))
    if isinstance(measure(metric, found), Unmeasured):
        return
    queries = None if found.query is None else found.query
    units = Units((np.arange(rows if queries is None else queries.max() + 1),), queries)
    counts = np.concatenate(list(draw(units, 6, (seed,))))
    values = statistic_of(found, (metric,))(counts_of(counts))[metric]
    for value, row in zip(values, counts, strict=True):
        drawn = row if queries is None else row[np.unique(queries, return_index=True)[1]]
        expected = measure(metric, _drawn(found, drawn))
        if isinstance(expected, Unmeasured):
            assert np.isnan(value)
        else:
            assert value == pytest.approx(expected, rel=1e-7, abs=1e-9)


def _drawn(found, counts):
    """Write a resample out with its weights."""
    if found.query is None:
        rows = np.repeat(np.arange(len(counts)), counts)
        return replace(found, **rows_of(found, rows), weight=found.weight[rows])
    weight = np.array([found.weight[found.query == query][0] for query in range(len(counts))])
    whole = written_out(found, counts)
    each = np.repeat(weight, counts)
    return replace(whole, weight=each[whole.query] if len(whole.query) else np.zeros(0))


@pytest.mark.parametrize(("task", "metric"), ALL)
def test_the_unit_of_weights_does_not_matter(task, metric):
    found = weights(sample(task, 60, 1), np.random.default_rng(2).exponential(1, 60))
    value = measure(metric, found)
    for unit in (1e-9, 2.0, 1e12):
        assert measure(metric, replace(found, weight=found.weight * unit)) == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("task", "metric"), ALL)
def test_weights_that_are_all_zero_measure_nothing(task, metric):
    assert measure(metric, weights(sample(task, 30, 1), np.zeros(30))) == Unmeasured("all rows have the weight 0")


def test_calibration_bins_hold_as_many_rows_whatever_they_count():
    """Ten bins of two rows, none of which comes true: every row's score is its gap."""
    scores = np.repeat(np.arange(10) / 10 + 0.05, 2)
    target = np.zeros(20, dtype=int)
    found = sample_of("binary", ("no", "yes"), target, scores, 0.5)
    weight = np.where(np.arange(20) < 10, 1.0, 3.0)
    expected = np.average(scores, weights=weight)
    assert measure("ece", replace(found, weight=weight)) == pytest.approx(expected)


def test_a_constant_target_explains_nothing_by_any_weight():
    weight = np.random.default_rng(1).random(7)
    found = sample_of("regression", (), np.full(7, 0.1), np.arange(7.0), None)
    assert measure("r2", replace(found, weight=weight)) == Unmeasured("the target is the same in all rows")


def test_a_row_of_huge_weight_decides():
    found = sample("binary", 50, 4)
    weight = np.ones(50)
    weight[0] = 1e300
    found = replace(found, weight=weight)
    assert measure("accuracy", found) == float(found.target[0] == found.decisions[0])


def test_weights_beyond_all_numbers_are_an_answer():
    found = replace(sample("regression", 5, 1), weight=np.full(5, 1e308))
    assert measure("mae", found) == Unmeasured("the result is not a finite number")
