"""Metrics of predicted quantiles: what they cost, and how many targets lie where the quantile promises."""

from collections.abc import Callable

import numpy as np

from mlops_runner.evaluate.metrics.names import METRICS as KNOWN
from mlops_runner.evaluate.metrics.names import quantile_of
from mlops_runner.evaluate.values import Floats, Measurement, Sample
from mlops_runner.evaluate.weights import mean_of

METRICS = tuple(name for name in KNOWN if quantile_of(name) is not None)


def pinball_of_rows(sample: Sample, quantile: float) -> Floats:
    """Return quantile x (target - prediction) where the target is above it, else (1 - quantile) x the distance.

    (Koenker and Bassett 1978.) Shape (rows,).
    """
    above = sample.target - sample.scores
    return np.asarray(np.maximum(quantile * above, (quantile - 1) * above))


def covered_rows(sample: Sample) -> Floats:
    """Return 1 for every row whose target is not above the prediction, else 0."""
    return np.asarray(sample.target <= sample.scores, dtype=np.float64)


def loss_of(metric: str) -> Callable[[Sample], Measurement]:
    """Return the function that computes one of the metrics of this module."""
    quantile = quantile_of(metric)
    assert quantile is not None
    if metric.startswith("pinball"):
        return lambda sample: mean_of(pinball_of_rows(sample, quantile), sample.weight)
    return lambda sample: abs(mean_of(covered_rows(sample), sample.weight) - quantile)
