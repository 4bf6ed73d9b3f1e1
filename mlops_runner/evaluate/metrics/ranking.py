"""Metrics of the order of scores: a model is good when positives stand above negatives."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlops_runner.evaluate.values import Floats, Integers, Mask, Measurement, Sample, Unmeasured


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Positives and negatives, each by rising score, and where the positives' scores lie among both.

    below, upto: how many negatives have a lower score than a positive, and one that is not higher; own: how many
    positives have a lower score.
    """

    positives: Integers
    negatives: Integers
    below: Integers
    upto: Integers
    own: Integers


def order_of(positive: Mask, scores: Floats) -> Order:
    """Sort the rows of both classes."""
    above, under = np.flatnonzero(positive), np.flatnonzero(~positive)
    positives = above[np.argsort(scores[above], kind="stable")]
    negatives = under[np.argsort(scores[under], kind="stable")]
    high, low = scores[positives], scores[negatives]
    below, upto = np.searchsorted(low, high, side="left"), np.searchsorted(low, high, side="right")
    return Order(positives, negatives, below, upto, np.searchsorted(high, high, side="left"))


def roc_auc(sample: Sample) -> Measurement:
    """Area under the ROC curve: the share of pairs of a positive and a negative in the right order, ties half.

    (Hanley and McNeil 1982.) Multiclass: mean over classes, one against the rest.
    """
    return _one_vs_rest(sample, area)


def average_precision(sample: Sample) -> Measurement:
    """Sum of precision times the steps of recall, without interpolation; multiclass: mean over classes."""
    return _one_vs_rest(sample, precision_of)


def area(order: Order) -> float:
    """Area under the ROC curve, of rows of both kinds."""
    pairs = 2 * len(order.positives) * len(order.negatives)
    return float(order.below.sum() + order.upto.sum()) / pairs


def precision_of(order: Order) -> float:
    """Average precision, of rows among which some are positive."""
    found = len(order.positives) - order.own
    return float(np.mean(found / (found + len(order.negatives) - order.below)))


def _one_vs_rest(sample: Sample, leaf: Callable[[Order], float]) -> Measurement:
    present = np.bincount(sample.target, minlength=max(len(sample.classes), 2)) > 0
    if np.count_nonzero(present) < 2:
        return Unmeasured("rows of one class only")
    if sample.task == "binary":
        return leaf(order_of(sample.target == 1, sample.scores))
    if not present.all():
        return Unmeasured(f"no rows of class {sample.classes[int(np.argmin(present))]}")
    return float(np.mean([leaf(order_of(sample.target == k, sample.scores[:, k])) for k in range(len(sample.classes))]))
