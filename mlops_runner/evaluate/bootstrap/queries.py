"""Metrics of rankings on resampled queries: a query is drawn whole, so that its value never changes."""

import numpy as np

from mlops_runner.evaluate.bootstrap.exact import ratio, weighed
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.queries import PER_QUERY, ranked, weight_of_queries
from mlops_runner.evaluate.values import Floats, Sample


def prepare(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts, which are the same for all rows of a query."""
    assert sample.query is not None
    _, row = np.unique(sample.query, return_index=True)
    of = ranked(sample)
    relevant = np.maximum.reduceat(of.relevance, of.first) > 0
    columns = weighed([PER_QUERY[metric](of) for metric in metrics], weight_of_queries(of, sample))

    def statistic(counts: Counts) -> dict[str, Floats]:
        queries = counts.weights.take(row, axis=1)
        sums = queries @ columns
        values = ratio(sums[:, 1:], sums[:, :1])
        values[~(queries @ relevant > 0)] = np.nan
        return {metric: values[:, at] for at, metric in enumerate(metrics)}

    return statistic
