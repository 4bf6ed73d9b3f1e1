"""Metrics of decisions on resampled rows, all from the rows, decisions and hits of each class."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import on_grid, ratio
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.values import Floats, Mask, Sample


class Sums(NamedTuple):
    """Per resample and class, shape (resamples, classes): rows of it, rows decided to be it, and rows that are both.

    Rows of unequal weight are added up by it.
    """

    true: Floats
    decided: Floats
    hits: Floats


Form = Callable[[Sums], Floats]


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts."""
    classes = np.arange(max(len(sample.classes), 2))
    assert sample.decisions is not None
    true = sample.target[:, None] == classes
    decided = sample.decisions[:, None] == classes
    columns = np.concatenate([true, decided, true & decided], axis=1) * on_grid(sample.counted)[:, None]

    def statistic(counts: Counts) -> dict[str, Floats]:
        found = Sums(*np.split(counts.weights @ columns, 3, axis=1))
        return {metric: FORMS[metric](found) for metric in metrics}

    return statistic


def _accuracy(of: Sums) -> Floats:
    return ratio(of.hits.sum(axis=1), of.true.sum(axis=1))


def _balanced_accuracy(of: Sums) -> Floats:
    present = np.count_nonzero(of.true, axis=1)
    recalls = np.divide(of.hits, of.true, out=np.zeros_like(of.hits), where=of.true > 0)
    return np.where(present < 2, np.nan, recalls.sum(axis=1) / np.maximum(present, 1))


def _matthews(of: Sums) -> Floats:
    rows = of.true.sum(axis=1)
    scale = np.sqrt(rows**2 - (of.decided**2).sum(axis=1)) * np.sqrt(rows**2 - (of.true**2).sum(axis=1))
    upper = of.hits.sum(axis=1) * rows - (of.true * of.decided).sum(axis=1)
    value = np.divide(upper, scale, out=np.zeros_like(upper), where=scale > 0)
    return np.where(np.count_nonzero(of.true, axis=1) < 2, np.nan, value)


def _macro(wanted: Form) -> Form:
    """Mean over the classes in use of hits as a share of what is wanted; a class with none wanted counts as 0."""

    def form(of: Sums) -> Floats:
        used = np.count_nonzero(of.true + of.decided, axis=1).astype(np.float64)
        shares = np.divide(of.hits, wanted(of), out=np.zeros_like(of.hits), where=wanted(of) > 0)
        return ratio(shares.sum(axis=1), used)

    return form


FORMS: Mapping[str, Form] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "matthews": _matthews,
    "precision": lambda of: ratio(of.hits[:, 1], of.decided[:, 1]),
    "recall": lambda of: ratio(of.hits[:, 1], of.true[:, 1]),
    "specificity": lambda of: ratio(of.hits[:, 0], of.true[:, 0]),
    "f1": lambda of: ratio(2 * of.hits[:, 1], of.true[:, 1] + of.decided[:, 1]),
    "precision_macro": _macro(lambda of: of.decided),
    "recall_macro": _macro(lambda of: of.true),
    "f1_macro": _macro(lambda of: (of.true + of.decided) / 2),
    "f1_micro": _accuracy,
}


def trials(metric: str, sample: Sample) -> Mask | None:
    """Return the rows that a share is a share of; None for a metric that is no share of rows."""
    if sample.task == "multilabel" and metric != "subset_accuracy":
        return None
    match metric:
        case "accuracy" | "f1_micro" | "subset_accuracy":
            return np.ones(len(sample.target), dtype=np.bool_)
        case "recall":
            return np.asarray(sample.target == 1)
        case "specificity":
            return np.asarray(sample.target == 0)
        case "precision":
            return np.asarray(sample.decisions == 1)
        case _:
            return None
