"""Metrics of predicted quantiles on resampled rows."""

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import ratio, weighed
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.names import quantile_of
from mlops_runner.evaluate.metrics.quantiles import covered_rows, pinball_of_rows
from mlops_runner.evaluate.values import Floats, Sample


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts."""
    quantiles = [quantile_of(metric) or 0.0 for metric in metrics]
    pinball = [metric.startswith("pinball") for metric in metrics]
    columns = [
        pinball_of_rows(sample, quantile) if loss else covered_rows(sample)
        for quantile, loss in zip(quantiles, pinball, strict=True)
    ]
    table = weighed(columns, sample.weight)

    def statistic(counts: Counts) -> dict[str, Floats]:
        sums = counts.weights @ table
        means = ratio(sums[:, 1:], sums[:, :1])
        gaps = np.abs(means - np.array(quantiles))
        return {name: means[:, at] if pinball[at] else gaps[:, at] for at, name in enumerate(metrics)}

    return statistic
