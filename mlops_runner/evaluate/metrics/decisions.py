"""Metrics of decisions, all computed from one table of counts: rows are the truth, columns the decision."""

import numpy as np

from mlops_runner.evaluate.values import Floats, Integers, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import mean_of, shares


def confusion(sample: Sample) -> Integers | Floats:
    """Count rows per (true class, decided class), or add up their weights; shape (classes, classes)."""
    assert sample.decisions is not None
    size = max(len(sample.classes), 2)
    place = sample.target * size + sample.decisions
    return np.bincount(place, sample.weight, minlength=size * size).reshape(size, size)


def _share(part: float, whole: float, nothing: str) -> Measurement:
    return Unmeasured(nothing) if whole == 0 else float(part / whole)


def accuracy(sample: Sample) -> Measurement:
    """Share of rows that are decided rightly."""
    return mean_of(np.asarray(sample.target == sample.decisions, dtype=np.float64), sample.weight)


def precision(sample: Sample) -> Measurement:
    """tp / (tp + fp)."""
    (_, fp), (_, tp) = confusion(sample).tolist()
    return _share(tp, tp + fp, "no row is decided positive")


def recall(sample: Sample) -> Measurement:
    """tp / (tp + fn)."""
    _, (fn, tp) = confusion(sample).tolist()
    return _share(tp, tp + fn, "no positive rows")


def specificity(sample: Sample) -> Measurement:
    """tn / (tn + fp)."""
    (tn, fp), _ = confusion(sample).tolist()
    return _share(tn, tn + fp, "no negative rows")


def f1(sample: Sample) -> Measurement:
    """2 tp / (2 tp + fp + fn), which is 0 as soon as one positive row exists and none is found."""
    (_, fp), (fn, tp) = confusion(sample).tolist()
    return _share(2 * tp, 2 * tp + fp + fn, "no positive rows, and none decided positive")


def balanced_accuracy(sample: Sample) -> Measurement:
    """Mean recall over the classes that have rows."""
    counts = confusion(sample)
    rows = counts.sum(axis=1)
    if np.count_nonzero(rows) < 2:
        return Unmeasured("rows of one class only")
    present = rows > 0
    return float(np.mean(np.diag(counts)[present] / rows[present]))


def matthews(sample: Sample) -> Measurement:
    """Matthews correlation (Gorodkin 2004, R_K); 0 by convention when all decisions are the same."""
    counts = confusion(sample).astype(np.float64)
    true, decided, rows = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    if np.count_nonzero(true) < 2:
        return Unmeasured("rows of one class only")
    if np.count_nonzero(decided) < 2:
        return 0.0
    scale = np.sqrt(rows**2 - decided @ decided) * np.sqrt(rows**2 - true @ true)
    return float((np.trace(counts) * rows - true @ decided) / scale)


def _per_class(wanted: Integers | Floats, counts: Integers | Floats) -> Floats:
    """Right decisions as a share of `wanted` rows, per class in use; a class with none wanted counts as 0."""
    used = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    return shares(np.diag(counts)[used], wanted[used])


def precision_macro(sample: Sample) -> Measurement:
    """Mean precision over the classes that occur; a class that is never decided counts as 0, as in scikit-learn."""
    counts = confusion(sample)
    return float(np.mean(_per_class(counts.sum(axis=0), counts)))


def recall_macro(sample: Sample) -> Measurement:
    """Mean recall over the classes that occur; a class that is only decided counts as 0, as in scikit-learn."""
    counts = confusion(sample)
    return float(np.mean(_per_class(counts.sum(axis=1), counts)))


def f1_macro(sample: Sample) -> Measurement:
    """Mean over the classes that occur of 2 tp / (true + decided)."""
    counts = confusion(sample)
    return float(np.mean(2 * _per_class(counts.sum(axis=0) + counts.sum(axis=1), counts)))


def f1_micro(sample: Sample) -> Measurement:
    """F1 of the pooled counts; with one class per row it equals the accuracy."""
    return accuracy(sample)
