"""Metrics of forecasts on resampled rows."""

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import ratio, weighed
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.forecasting import smape_of_rows
from mlops_runner.evaluate.values import Floats, Sample

METRICS = ("smape", "wape", "mase")


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts."""
    errors = np.abs(sample.scores - sample.target)
    scaled = errors if sample.scale is None else errors / sample.scale
    table = weighed([errors, np.abs(sample.target), smape_of_rows(sample), scaled], sample.weight)

    def statistic(counts: Counts) -> dict[str, Floats]:
        rows, error, size, symmetric, own = (counts.weights @ table).T
        values = {"smape": ratio(symmetric, rows), "wape": ratio(error, size), "mase": ratio(own, rows)}
        return {metric: values[metric] for metric in metrics}

    return statistic
