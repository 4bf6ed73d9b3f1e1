"""Metrics of the order of scores on resampled rows: rows are sorted once, a resample only changes their counts."""

from collections.abc import Callable, Mapping

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import MANTISSA_BITS
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.ranking import Order, order_of
from mlops_runner.evaluate.values import Floats, Integers, Sample


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts; multiclass: the mean over classes, one against the rest."""
    if sample.task == "binary":
        orders = [order_of(sample.target == 1, sample.scores)]
    else:
        orders = [order_of(sample.target == k, sample.scores[:, k]) for k in range(len(sample.classes))]

    def statistic(counts: Counts) -> dict[str, Floats]:
        found = [measure_order(order, counts, metrics) for order in orders]
        return {metric: np.mean([one[metric] for one in found], axis=0) for metric in metrics}

    return statistic


def measure_order(order: Order, counts: Counts, metrics: tuple[str, ...]) -> dict[str, Floats]:
    """Measure one order of rows; NaN for resamples that lack rows of a kind."""
    hits, misses = counts.ordered(order.positives), _running(counts.ordered(order.negatives))
    below = misses.take(order.below, axis=1)
    number, others = hits.sum(axis=1), misses[:, -1]
    missing = (number == 0) | (others == 0)
    found = {}
    for metric in metrics:
        with np.errstate(invalid="ignore", divide="ignore"):
            found[metric] = np.where(missing, np.nan, FORMS[metric](order, hits, misses, below))
    return found


def _running(counts: Integers) -> Integers:
    """Return running totals that start with 0."""
    totals = np.zeros((counts.shape[0], counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(counts, axis=1, out=totals[:, 1:])
    return totals


def _roc_auc(order: Order, hits: Integers, misses: Integers, below: Integers) -> Floats:
    """Share of pairs in the right order, ties half, in whole numbers until the division."""
    upto = misses.take(order.upto, axis=1)
    pairs = 2 * hits.sum(axis=1).astype(np.float64) * misses[:, -1]
    return np.asarray(np.einsum("ij,ij->i", hits, below + upto) / pairs)


def _average_precision(order: Order, hits: Integers, misses: Integers, below: Integers) -> Floats:
    number = hits.sum(axis=1)[:, None]
    found = number - _running(hits).take(order.own, axis=1)
    decided = found + misses[:, -1:] - below
    # Precisions as whole multiples of a power of two: their sum is then exact.
    unit = 2.0 ** (MANTISSA_BITS - len(order.positives).bit_length())
    precision = np.rint(found / np.maximum(decided, 1) * unit)
    return np.asarray((precision * hits).sum(axis=1) / unit / number[:, 0])


FORMS: Mapping[str, Callable[[Order, Integers, Integers, Integers], Floats]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}
