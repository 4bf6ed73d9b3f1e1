"""Metrics of the order of scores: a model is good when positives stand above negatives."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlops_runner.evaluate.values import Floats, Integers, Mask, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import Weight, counted


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Positives and negatives, each by rising score, and where the positives' scores lie among both.

    below, upto: how many negatives have a lower score than a positive, and one that is not higher; own: how many
    positives have a lower score. weight: shape (rows,), how much each row counts, or None.
    """

    positives: Integers
    negatives: Integers
    below: Integers
    upto: Integers
    own: Integers
    weight: Weight = None


def order_of(positive: Mask, scores: Floats, weight: Weight = None) -> Order:
    """Sort the rows of both classes."""
    above, under = np.flatnonzero(positive), np.flatnonzero(~positive)
    positives = above[np.argsort(scores[above], kind="stable")]
    negatives = under[np.argsort(scores[under], kind="stable")]
    high, low = scores[positives], scores[negatives]
    below, upto = np.searchsorted(low, high, side="left"), np.searchsorted(low, high, side="right")
    return Order(positives, negatives, below, upto, np.searchsorted(high, high, side="left"), weight)


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
    hits, misses = _counted(order)
    lower = np.concatenate([[0.0], np.cumsum(misses)])
    pairs = 2 * hits.sum() * lower[-1]
    return float(np.sum(hits * (lower[order.below] + lower[order.upto])) / pairs)


def precision_of(order: Order) -> float:
    """Average precision, of rows among which some are positive."""
    hits, misses = _counted(order)
    found, others = _from(hits)[order.own], _from(misses)[order.below]
    return float(np.average(found / (found + others), weights=hits))


def _counted(order: Order) -> tuple[Floats, Floats]:
    """Return how much the positives and the negatives count, each by rising score."""
    each = counted(order.weight, len(order.positives) + len(order.negatives))
    return each[order.positives], each[order.negatives]


def _from(values: Floats) -> Floats:
    """Return the sums of each value and those behind it, and at last 0."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


def _one_vs_rest(sample: Sample, leaf: Callable[[Order], float]) -> Measurement:
    present = np.bincount(sample.target, minlength=max(len(sample.classes), 2)) > 0
    if np.count_nonzero(present) < 2:
        return Unmeasured("rows of one class only")
    if sample.task == "binary":
        return leaf(order_of(sample.target == 1, sample.scores, sample.weight))
    if not present.all():
        return Unmeasured(f"no rows of class {sample.classes[int(np.argmin(present))]}")
    orders = [order_of(sample.target == k, sample.scores[:, k], sample.weight) for k in range(len(sample.classes))]
    return float(np.mean([leaf(order) for order in orders]))
