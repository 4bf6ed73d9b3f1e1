"""Metrics of the order of scores on resampled rows: rows are sorted once, a resample only changes their counts."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import MANTISSA_BITS, on_grid
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.ranking import Order, order_of
from mlops_runner.evaluate.values import Floats, Integers, Sample
from mlops_runner.evaluate.weights import Weight, shares

# Counts of rows, or sums of their weights.
Numbers: TypeAlias = Integers | Floats


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts; multiclass: the mean over classes, one against the rest."""
    if sample.task == "binary":
        orders = [order_of(sample.target == 1, sample.scores, sample.weight)]
    else:
        orders = [order_of(sample.target == k, sample.scores[:, k], sample.weight) for k in range(len(sample.classes))]

    def statistic(counts: Counts) -> dict[str, Floats]:
        found = [measure_order(order, counts, metrics) for order in orders]
        return {metric: np.mean([one[metric] for one in found], axis=0) for metric in metrics}

    return statistic


def measure_order(order: Order, counts: Counts, metrics: tuple[str, ...]) -> dict[str, Floats]:
    """Measure one order of rows; NaN for resamples that lack rows of a kind."""
    each = None if order.weight is None else on_grid(order.weight)
    hits = _weighed(counts.ordered(order.positives), each, order.positives)
    misses = _running(_weighed(counts.ordered(order.negatives), each, order.negatives))
    below = misses.take(order.below, axis=1)
    number, others = hits.sum(axis=1), misses[:, -1]
    missing = (number == 0) | (others == 0)
    found = {}
    for metric in metrics:
        with np.errstate(invalid="ignore", divide="ignore"):
            found[metric] = np.where(missing, np.nan, FORMS[metric](order, hits, misses, below))
    return found


def _weighed(counts: Integers, each: Weight, rows: Integers) -> Numbers:
    return counts if each is None else counts * each[rows]


def _running(counts: Numbers) -> Numbers:
    """Return running totals that start with 0."""
    totals = np.zeros((counts.shape[0], counts.shape[1] + 1), dtype=counts.dtype)
    np.cumsum(counts, axis=1, out=totals[:, 1:])
    return totals


def _products(hits: Numbers, values: Numbers) -> Floats:
    """Sum products by resample: of counts exactly, of weights in the order of the rows, so on every machine alike."""
    if hits.dtype == np.int64:
        return np.asarray(np.einsum("ij,ij->i", hits, values))
    return np.asarray(_running(hits * values)[:, -1])


def _roc_auc(order: Order, hits: Numbers, misses: Numbers, below: Numbers) -> Floats:
    """Share of pairs in the right order, ties half; without weights in whole numbers until the division."""
    upto = misses.take(order.upto, axis=1)
    pairs = 2 * hits.sum(axis=1).astype(np.float64) * misses[:, -1]
    return np.asarray(_products(hits, below + upto) / pairs)


def _average_precision(order: Order, hits: Numbers, misses: Numbers, below: Numbers) -> Floats:
    number = hits.sum(axis=1)[:, None]
    found = number - _running(hits).take(order.own, axis=1)
    decided = found + misses[:, -1:] - below
    # Precisions as whole multiples of a power of two: their sum is then exact.
    unit = 2.0 ** (MANTISSA_BITS - len(order.positives).bit_length())
    precision = np.rint(shares(found, decided) * unit)
    return np.asarray(_products(hits, precision) / unit / number[:, 0])


FORMS: Mapping[str, Callable[[Order, Numbers, Numbers, Numbers], Floats]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}
