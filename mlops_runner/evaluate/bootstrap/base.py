"""The table that binds every metric to the leaf that computes it on resampled rows, and the one way to call them."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from mlops_runner.evaluate.bootstrap import (
    decisions,
    forecasting,
    labels,
    probabilities,
    quantiles,
    queries,
    ranking,
    regression,
)
from mlops_runner.evaluate.bootstrap.values import Counts, Statistic
from mlops_runner.evaluate.metrics.quantiles import METRICS as QUANTILES
from mlops_runner.evaluate.metrics.queries import PER_QUERY
from mlops_runner.evaluate.values import Floats, Sample

# (sample, the metrics of the family that are wanted) -> their statistic; called once per sample.
Prepare: TypeAlias = Callable[[Sample, tuple[str, ...]], Statistic]

FAMILIES: Mapping[str, Prepare] = {
    **dict.fromkeys(ranking.FORMS, ranking.prepare),
    **dict.fromkeys((*probabilities.COSTS, "ece"), probabilities.prepare),
    **dict.fromkeys(decisions.FORMS, decisions.prepare),
    **dict.fromkeys(regression.METRICS, regression.prepare),
    **dict.fromkeys(forecasting.METRICS, forecasting.prepare),
    **dict.fromkeys(QUANTILES, quantiles.prepare),
    **dict.fromkeys(PER_QUERY, queries.prepare),
}


def statistic_of(sample: Sample, metrics: tuple[str, ...]) -> Statistic:
    """Return what computes the metrics from counts. They must have been measured on the sample itself.

    A row of weight 0 is as if it were not there, as it is for the metrics.
    """
    rows = None if sample.weight is None or sample.weight.all() else np.flatnonzero(sample.weight)
    sample = sample.counting
    wanted: dict[Prepare, list[str]] = {}
    for metric in metrics:
        family = labels.family_of(metric) if sample.task == "multilabel" else FAMILIES[metric]
        wanted.setdefault(family, []).append(metric)
    # Squares of huge predictions overflow; such a resample is then one that could not be measured.
    with np.errstate(all="ignore"):
        parts = [prepare(sample, tuple(names)) for prepare, names in wanted.items()]

    def statistic(counts: Counts) -> dict[str, Floats]:
        with np.errstate(all="ignore"):
            held = counts if rows is None else counts.only(rows)
            return {name: values for part in parts for name, values in part(held).items()}

    return statistic
