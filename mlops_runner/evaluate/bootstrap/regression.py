"""Metrics of predicted numbers on resampled rows."""

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import on_grid, ratio, weighed
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.values import Floats, Integers, Sample
from mlops_runner.evaluate.weights import Weight, mean_of, middle

ORDERED = ("median_absolute_error", "max_error")
# A spread that is smaller than this share of the squared target is what rounding leaves of none.
NO_SPREAD = 1e-12


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts."""
    errors = np.abs(sample.scores - sample.target)
    sums = _Sums(sample, errors)
    means = tuple(metric for metric in metrics if metric not in ORDERED)
    order: Integers = np.argsort(errors, kind="stable")
    ranked = errors[order]
    each = None if sample.weight is None else on_grid(sample.weight)[order]

    def statistic(counts: Counts) -> dict[str, Floats]:
        found = sums.of(counts, means) if means else {}
        if len(means) < len(metrics):
            held = counts.ordered(order)
            found |= {metric: _ranked(metric, held, ranked, each) for metric in metrics if metric in ORDERED}
        return found

    return statistic


class _Sums:
    """What the means are made of: weight, error, squared error, relative error, target and squared target per row."""

    def __init__(self, sample: Sample, errors: Floats) -> None:
        target = sample.target
        centred = target - mean_of(target, sample.weight)
        relative = np.divide(errors, np.abs(target), out=np.zeros_like(errors), where=target != 0)
        self.columns = weighed([errors, errors**2, relative, centred, centred**2], sample.weight)
        self.largest = float(np.max(centred**2, initial=0.0))

    def of(self, counts: Counts, metrics: tuple[str, ...]) -> dict[str, Floats]:
        rows, error, squared, relative, centred, spread = (counts.weights @ self.columns).T
        spread = spread - ratio(centred**2, rows)
        spread = np.where(spread <= NO_SPREAD * rows * self.largest, 0.0, spread)
        values = {
            "mae": ratio(error, rows),
            "rmse": np.sqrt(ratio(squared, rows)),
            "mape": ratio(relative, rows),
            "r2": 1 - ratio(squared, spread),
        }
        return {metric: values[metric] for metric in metrics}


def _ranked(metric: str, held: Integers, ranked: Floats, each: Weight) -> Floats:
    """Take the middle or the last of the errors that a resample holds, which lie in rising order."""
    if metric == "max_error":
        last = held.shape[1] - 1 - np.argmax(held[:, ::-1] > 0, axis=1)
        return np.where(held.any(axis=1), ranked[last], np.nan)
    rows = np.cumsum(held if each is None else held * each, axis=1)
    return np.array([middle(ranked, upto) if upto[-1] > 0 else np.nan for upto in rows])


METRICS = ("rmse", "mae", "median_absolute_error", "max_error", "mape", "r2")
