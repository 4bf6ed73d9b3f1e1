"""Metrics of scores read as probabilities."""

from dataclasses import dataclass

import numpy as np

from mlops_runner.evaluate.values import Floats, Integers, Measurement, Sample, Unmeasured
from mlops_runner.evaluate.weights import Weight, counted, mean_of, worth
from mlops_runner.specs.task import DECIDED_BY_THRESHOLD

BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Rows grouped by score; one entry per bin that is not empty, in order of the scores.

    counts: rows; weight: what they count together; worth: how many rows of equal weight tell as much.
    """

    counts: Integers
    weight: Floats
    worth: Floats
    mean_score: Floats
    rate: Floats
    low: Floats
    high: Floats


def brier_of_rows(sample: Sample) -> Floats:
    """Squared distance to the truth, per row: binary in 0..1, multiclass summed over classes in 0..2.

    Multilabel: the mean over the labels, in 0..1.
    """
    if sample.task == "multilabel":
        return np.asarray(np.mean((sample.scores - sample.target) ** 2, axis=1))
    if sample.task == "binary":
        return np.asarray((sample.scores - sample.target) ** 2)
    truth = np.eye(len(sample.classes))[sample.target]
    return np.asarray(np.sum((sample.scores - truth) ** 2, axis=1))


def log_loss_of_rows(sample: Sample) -> Floats:
    """Minus the logarithm of the true class's probability, clipped to [eps, 1 - eps] of a double, per row.

    Multilabel: the mean over the labels.
    """
    if sample.task in DECIDED_BY_THRESHOLD:
        given = np.where(sample.target == 1, sample.scores, 1 - sample.scores)
    else:
        given = np.take_along_axis(sample.scores, sample.target[:, None], axis=1)[:, 0]
    eps = np.finfo(np.float64).eps
    losses = np.asarray(-np.log(np.clip(given, eps, 1 - eps)))
    return losses if losses.ndim == 1 else np.asarray(np.mean(losses, axis=1))


def confidence(sample: Sample) -> tuple[Floats, Integers]:
    """Return what calibration is about, per row: a probability, and whether what it promises came true.

    Binary: of the positive class. Multiclass: of the decided class (Guo et al. 2017, eq. 5).
    """
    if sample.task == "binary":
        return sample.scores, np.asarray(sample.target, dtype=np.int64)
    return sample.scores.max(axis=1), (sample.target == sample.decisions).astype(np.int64)


def brier(sample: Sample) -> Measurement:
    """Mean squared distance to the truth (Brier 1950)."""
    return mean_of(brier_of_rows(sample), sample.weight)


def log_loss(sample: Sample) -> Measurement:
    """Mean of -log(probability of the true class)."""
    return mean_of(log_loss_of_rows(sample), sample.weight)


def ece(sample: Sample) -> Measurement:
    """Expected calibration error over bins of about as many rows; weights count within the bins and between them."""
    if len(sample.target) < BINS:
        return Unmeasured(f"{len(sample.target)} rows < {BINS} bins")
    bins = equal_mass_bins(*confidence(sample), sample.weight)
    return float(np.sum(bins.weight * np.abs(bins.rate - bins.mean_score)) / bins.weight.sum())


def equal_mass_bins(scores: Floats, outcome: Integers, weight: Weight = None, bins: int = BINS) -> Bins:
    """Group rows into bins of about equal size by score; equal scores stay together, so row order does not matter.

    scores, outcome, weight: shape (rows,), rows >= 1; outcome is 0 or 1; weights are above 0 and do not move the bins.
    """
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, scores, side="right")
    _, group = np.unique(place, return_inverse=True)
    counts = np.bincount(group)
    low, high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(low, group, scores)
    np.maximum.at(high, group, scores)
    each = counted(weight, len(scores))
    total = np.asarray(np.bincount(group, each), dtype=np.float64)
    mean, rate = np.bincount(group, scores * each) / total, np.bincount(group, outcome * each) / total
    return Bins(counts, total, worth(each, group), mean, rate, low, high)
