"""Metrics of rankings on resampled queries: a query is drawn whole, so that its value never changes."""

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import ratio, whole
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.queries import PER_QUERY, ranked
from mlops_runner.evaluate.values import Floats, Sample


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts, which are the same for all rows of a query."""
    assert sample.query is not None
    _, row = np.unique(sample.query, return_index=True)
    of = ranked(sample)
    scaled = [whole(PER_QUERY[metric](of)) for metric in metrics]
    relevant = np.maximum.reduceat(of.relevance, of.first) > 0
    columns = np.stack([values for values, _ in scaled], axis=1)
    units = np.array([unit for _, unit in scaled])

    def statistic(counts: Counts) -> dict[str, Floats]:
        queries = counts.weights.take(row, axis=1)
        values = ratio(queries @ columns * units, queries.sum(axis=1, keepdims=True))
        values[~(queries @ relevant > 0)] = np.nan
        return {metric: values[:, at] for at, metric in enumerate(metrics)}

    return statistic
