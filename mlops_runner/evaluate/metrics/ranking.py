"""Metrics of the order of scores: a model is good when positives stand above negatives."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from mlops_runner.evaluate.values import Floats, Mask, Measurement, Sample, Unmeasured


def roc_auc(sample: Sample) -> Measurement:
    """Area under the ROC curve; multiclass: mean over classes, one against the rest."""
    return _one_vs_rest(sample, lambda positive, scores: float(roc_auc_score(positive, scores)))


def average_precision(sample: Sample) -> Measurement:
    """Sum of precision times the steps of recall, without interpolation; multiclass: mean over classes."""
    return _one_vs_rest(sample, lambda positive, scores: float(average_precision_score(positive, scores)))


def _one_vs_rest(sample: Sample, leaf: Callable[[Mask, Floats], float]) -> Measurement:
    present = np.bincount(sample.target, minlength=max(len(sample.classes), 2)) > 0
    if np.count_nonzero(present) < 2:
        return Unmeasured("rows of one class only")
    if sample.task == "binary":
        return leaf(sample.target == 1, sample.scores)
    if not present.all():
        return Unmeasured(f"no rows of class {sample.classes[int(np.argmin(present))]}")
    return float(np.mean([leaf(sample.target == k, sample.scores[:, k]) for k in range(len(sample.classes))]))
