"""Everything that was measured, as gates and reports ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlops_runner.evaluate.bootstrap.intervals import Bounds, percentile_interval
from mlops_runner.evaluate.bootstrap.replicates import Replicates
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.metrics.names import better
from mlops_runner.evaluate.tables import Cell, Table
from mlops_runner.evaluate.values import CHAMPION, Cut, Floats, Measurement, Options, Sample, Side, Unmeasured

NO_INTERVALS = "intervals are turned off"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The numbers of an assessment. thresholds: per model; bounds: the interval of every cell that was resampled."""

    options: Options
    extras: Extras
    winner: str
    sides: Mapping[str, Side]
    samples: Mapping[str, Mapping[str, Sample]]
    thresholds: Mapping[str, Cut]
    table: Table
    replicates: Mapping[str, Replicates]
    bounds: Mapping[Cell, Bounds]

    def value(self, cell: Cell) -> Measurement:
        """Return one number."""
        if cell.model == CHAMPION and CHAMPION not in self.samples:
            return Unmeasured(self.extras.no_champion)
        return self.table[cell]

    def interval(self, cell: Cell) -> Bounds:
        """Return the interval of a number that was measured."""
        return self.bounds.get(cell, Unmeasured(NO_INTERVALS))

    def gain_replicates(self, cell: Cell, other: Cell) -> Floats | None:
        """Return how much better `cell` is than `other`, resample by resample; None where they were not resampled."""
        if cell.split not in self.replicates:
            return None
        found = self.replicates[cell.split].difference(cell, other)
        return found if found is None or better(cell.metric) == "higher" else -found

    def gain_interval(self, cell: Cell, other: Cell) -> Bounds:
        """Return the interval of how much better `cell` is than `other`, on the same resamples."""
        found = self.gain_replicates(cell, other)
        return Unmeasured(NO_INTERVALS) if found is None else self.percentiles(found)

    def percentiles(self, replicates: Floats) -> Bounds:
        """Return the interval at the declared level."""
        intervals = self.options.evaluation.intervals
        assert intervals is not None
        return percentile_interval(replicates, intervals.level, self.options.evaluation.digits)

    def gain(self, cell: Cell, other: Cell) -> Measurement:
        """Return how much better `cell` is than `other`: positive when it is, whichever way the metric improves."""
        one, two = self.value(cell), self.value(other)
        if isinstance(one, Unmeasured):
            return one
        if isinstance(two, Unmeasured):
            return two
        difference = one - two if better(cell.metric) == "higher" else two - one
        return round(difference, self.options.evaluation.digits) + 0.0


def share_above(replicates: Floats, limit: float = 0.0) -> float:
    """Return the share of measured resamples that are above a limit; those at it count half."""
    known = replicates[np.isfinite(replicates)]
    return float(np.mean((known > limit) + 0.5 * (known == limit)))
