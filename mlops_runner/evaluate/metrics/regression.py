"""Metrics of predicted numbers."""

import numpy as np

from mlops_runner.evaluate.values import Floats, Measurement, Sample, Unmeasured


def _errors(sample: Sample) -> Floats:
    return np.asarray(np.abs(sample.scores - sample.target))


def rmse(sample: Sample) -> Measurement:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean(_errors(sample) ** 2)))


def mae(sample: Sample) -> Measurement:
    """Mean absolute error."""
    return float(np.mean(_errors(sample)))


def median_absolute_error(sample: Sample) -> Measurement:
    """Median absolute error."""
    return float(np.median(_errors(sample)))


def max_error(sample: Sample) -> Measurement:
    """Largest absolute error."""
    return float(np.max(_errors(sample)))


def mape(sample: Sample) -> Measurement:
    """Mean of |error| / |target|. A target of 0 has no relative error, so that it cannot be measured then."""
    zeros = int(np.count_nonzero(sample.target == 0))
    if zeros:
        return Unmeasured(f"the target is 0 in {zeros} rows")
    return float(np.mean(_errors(sample) / np.abs(sample.target)))


def r2(sample: Sample) -> Measurement:
    """1 - (squared errors) / (squared distances of the target to its mean)."""
    spread = float(np.sum((sample.target - np.mean(sample.target)) ** 2))
    if spread == 0:
        return Unmeasured("the target is the same in all rows")
    return 1 - float(np.sum(_errors(sample) ** 2)) / spread
