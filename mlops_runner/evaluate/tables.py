"""Tables of measurements: every model on every side, and on every slice of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.values import Measurement, Options, Sample, Side, Unmeasured


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a measurement was taken. slice: None for all rows of the side."""

    model: str
    split: str
    slice: str | None
    metric: str


Table = Mapping[Cell, Measurement]


def rounded(value: Measurement, digits: int) -> Measurement:
    """Round a measurement; adding 0.0 turns -0.0, which JSON would show, into 0.0."""
    return value if isinstance(value, Unmeasured) else round(value, digits) + 0.0


def measure_side(options: Options, model: str, side: Side, sample: Sample, metrics: tuple[str, ...]) -> Table:
    """Measure a model on one side and on the slices of the side, rounded to the digits the spec declares."""
    digits = options.evaluation.digits
    return {
        Cell(model, side.name, part, metric): rounded(
            measure(metric, rows) if isinstance(rows, Sample) else rows, digits
        )
        for part, rows in _parts(options, side, sample)
        for metric in metrics
    }


def slice_rows(side: Side, name: str) -> int:
    """Count the rows of a side that belong to a slice."""
    return int(np.count_nonzero(side.slices[name]))


def _parts(options: Options, side: Side, sample: Sample) -> Iterator[tuple[str | None, Sample | Unmeasured]]:
    yield None, sample
    for name, spec in options.evaluation.slices.items():
        rows = slice_rows(side, name)
        too_few = rows < spec.min_rows
        yield name, Unmeasured(f"{rows} rows < {spec.min_rows}") if too_few else sample.only(side.slices[name])
