"""Arithmetic over the past of each row: a value depends on the values it is made of and on nothing else.

Windows are added up from their oldest value to the latest, for every row anew: a running sum would carry the rounding
of all rows before into each result, and a row would have other features in a longer table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.derived.timeline import Timeline

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A column of numbers: its values, anything where they are missing, and which are known. Shapes (rows,)."""

    numbers: NDArray[Any]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, series: pl.Series) -> "Values":
        """Read a column; NaN counts as missing."""
        known = series.is_not_null().to_numpy()
        numbers = series.fill_null(0).to_numpy()
        return cls(numbers, known & ~np.isnan(numbers) if numbers.dtype.kind == "f" else known)


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window lies, and how many values of it must be known."""

    shift: int
    size: int
    fewest: int


def lagged(values: pl.Series, line: Timeline, steps: int) -> pl.Series:
    """Return the value some steps before each row; missing where there is none."""
    positions = pl.Series(line.before(steps))
    return values.gather(positions.set(positions < 0, None))


def difference(values: Values, line: Timeline, shift: int, steps: int) -> pl.Series:
    """Return the value `shift` steps before less the one `steps` further back, as float."""
    later, earlier = line.before(shift), line.before(shift + steps)
    known = _known(values, later) & _known(values, earlier)
    with np.errstate(all="ignore"):
        found = values.numbers[later].astype(np.float64) - values.numbers[earlier].astype(np.float64)
    return _series(found, known)


def rolled(values: Values, line: Timeline, window: Window, statistics: Sequence[str]) -> Mapping[str, pl.Series]:
    """Return statistics of a window before each row; missing where too few of its values are known."""
    rows = len(values.numbers)
    low = high = np.zeros(rows, values.numbers.dtype)
    count, total = np.zeros(rows, np.int64), np.zeros(rows)
    for steps in _oldest_first(window):
        at = line.before(steps)
        known, value = _known(values, at), values.numbers[at]
        low = np.where(known & ((count == 0) | (value < low)), value, low)
        high = np.where(known & ((count == 0) | (value > high)), value, high)
        total = total + np.where(known, value, 0).astype(np.float64)
        count += known
    enough = count >= window.fewest
    mean = total / np.maximum(count, 1)
    found = {"sum": total, "mean": mean, "min": low, "max": high}
    if "std" in statistics:
        found["std"] = _deviation(values, line, window, mean)
    return {name: _series(found[name], enough) for name in statistics}


def _deviation(values: Values, line: Timeline, window: Window, mean: Floats) -> Floats:
    """Return the standard deviation of a sample, from the squared distances to the mean (no difference of sums)."""
    squares, count = np.zeros(len(mean)), np.zeros(len(mean), np.int64)
    for steps in _oldest_first(window):
        at = line.before(steps)
        known = _known(values, at)
        squares = squares + np.where(known, values.numbers[at] - mean, 0.0) ** 2
        count += known
    return np.asarray(np.sqrt(squares / np.maximum(count - 1, 1)))


def _oldest_first(window: Window) -> range:
    return range(window.shift + window.size - 1, window.shift - 1, -1)


def _known(values: Values, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (positions >= 0) & values.known[positions]


def _series(values: NDArray[Any], known: NDArray[np.bool_]) -> pl.Series:
    """Return a column whose values are missing where they are not known, or not finite."""
    fits = known & np.isfinite(values)
    return pl.Series(values).set(pl.Series(~fits), None)
