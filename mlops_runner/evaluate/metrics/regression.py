"""Metrics of predicted numbers."""

import numpy as np

from mlops_runner.evaluate.values import Floats, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import mean_of, median_of, total_of


def _errors(sample: Sample) -> Floats:
    return np.asarray(np.abs(sample.scores - sample.target))


def rmse(sample: Sample) -> Measurement:
    """Root of the mean squared error."""
    return float(np.sqrt(mean_of(_errors(sample) ** 2, sample.weight)))


def mae(sample: Sample) -> Measurement:
    """Mean absolute error."""
    return mean_of(_errors(sample), sample.weight)


def median_absolute_error(sample: Sample) -> Measurement:
    """Median absolute error."""
    return median_of(_errors(sample), sample.weight)


def max_error(sample: Sample) -> Measurement:
    """Largest absolute error. Weights do not change it."""
    return float(np.max(_errors(sample)))


def mape(sample: Sample) -> Measurement:
    """Mean of |error| / |target|. A target of 0 has no relative error, so that it cannot be measured then."""
    zeros = int(np.count_nonzero(sample.target == 0))
    if zeros:
        return Unmeasured(f"the target is 0 in {zeros} rows")
    return mean_of(_errors(sample) / np.abs(sample.target), sample.weight)


def r2(sample: Sample) -> Measurement:
    """1 - (squared errors) / (squared distances of the target to its mean)."""
    spread = total_of((sample.target - mean_of(sample.target, sample.weight)) ** 2, sample.weight)
    if spread == 0:
        return Unmeasured("the target is the same in all rows")
    return 1 - total_of(_errors(sample) ** 2, sample.weight) / spread
