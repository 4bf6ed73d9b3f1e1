"""Models measured by themselves, before the assessment: which candidate wins, and what a refit of it reaches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_runner.evaluate.assess import NO_EXTRAS, samples_of, select_winner, thresholds_of
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.metrics.names import METRICS, known_metrics
from mlops_runner.evaluate.tables import Cell, rounded
from mlops_runner.evaluate.values import BASELINE, Integers, Mask, Measurement, Reading, Sample, Side
from mlops_runner.specs.training import Select

Scores = Mapping[str, NDArray[Any]]


def winner_of(
    reading: Reading, select: Select, digits: int, sides: Mapping[str, Side], scores: Mapping[str, Scores]
) -> str:
    """Return the candidate that an assessment would select. sides: those it is selected and thresholds are chosen on.

    digits: to which metrics are rounded before they are compared. Raises InvalidInput when it cannot be determined.
    """
    samples = samples_of(reading, sides, scores, thresholds_of(reading, sides, scores, NO_EXTRAS))
    table = {
        Cell(model, select.split, None, select.metric): rounded(measure(select.metric, found[select.split]), digits)
        for model, found in samples.items()
    }
    return select_winner(select, [model for model in scores if model != BASELINE], table)


def measure_all(
    reading: Reading, sides: Mapping[str, Side], scores: Scores, rows: Mapping[str, Integers]
) -> dict[str, dict[str, Measurement]]:
    """Return side -> metric -> value, unrounded, of one model at the threshold that the rule chooses for it.

    All metrics of the task are measured, so that asking for another needs no refit. rows: those that are measured, for
    a side of which not all are. Raises InvalidInput when the threshold cannot be determined.
    """
    model, metrics = "refit", [name for name in METRICS if name in known_metrics(reading.task)]
    thresholds = thresholds_of(reading, sides, {model: scores}, NO_EXTRAS)
    samples = samples_of(reading, sides, {model: scores}, thresholds)[model]
    chosen = {
        side: sample.only(_mask(rows[side], sample)) if side in rows else sample for side, sample in samples.items()
    }
    return {side: {metric: measure(metric, sample) for metric in metrics} for side, sample in chosen.items()}


def _mask(rows: Integers, sample: Sample) -> Mask:
    mask = np.zeros(len(sample.target), dtype=np.bool_)
    mask[rows] = True
    return mask
