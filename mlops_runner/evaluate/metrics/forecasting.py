"""Metrics of forecasts: errors as a share of what was, and against the seasonal naive forecast."""

import numpy as np

from mlops_runner.evaluate.values import Floats, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import mean_of, total_of


def smape_of_rows(sample: Sample) -> Floats:
    """Return 2 |error| / (|target| + |prediction|) per row; 0 where all of them are 0. Shape (rows,), from 0 to 2."""
    size = np.abs(sample.target) + np.abs(sample.scores)
    errors = 2 * np.abs(sample.scores - sample.target)
    return np.asarray(np.divide(errors, size, out=np.zeros_like(errors), where=size != 0))


def smape(sample: Sample) -> Measurement:
    """Return the symmetric mean absolute percentage error as a share (Makridakis 1993; without the factor 100)."""
    return mean_of(smape_of_rows(sample), sample.weight)


def wape(sample: Sample) -> Measurement:
    """Return the sum of |error| as a share of the sum of |target| (Kolassa and Schütz 2007, MAD/mean)."""
    total = total_of(np.abs(sample.target), sample.weight)
    if total == 0:
        return Unmeasured("the target is 0 in all rows")
    return total_of(np.abs(sample.scores - sample.target), sample.weight) / total


def mase(sample: Sample) -> Measurement:
    """Return the mean of |error| over the row's scale (Hyndman and Koehler 2006, equation 3, seasonal form).

    The scale of a series is the mean |difference| between each value of the training side and that a season before.
    """
    if sample.scale is None:
        return Unmeasured("the errors have no scale")
    unknown = int(np.count_nonzero(np.isnan(sample.scale)))
    if unknown:
        return Unmeasured(
            f"{unknown} rows are of series that do not change from season to season in training, or are not there"
        )
    return mean_of(np.abs(sample.scores - sample.target) / sample.scale, sample.weight)
