"""Dates: days since 1970-01-01 and parts of the calendar, treated like numbers; or as sine and cosine where they cycle.

A date comes as days with a fraction (see `features.matrix`); everything is UTC.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.specs.base import Part
from mlops_runner.specs.training_preprocessing import DatePart, DatePreprocessing, NumericPreprocessing
from mlops_runner.train.columns.numbers import Numbers, fit_numbers
from mlops_runner.train.features import Output

# Part → (its smallest value, how many values until it comes round).
CYCLES: dict[DatePart, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "weekday": (1, 7),
    "day_of_year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 60),
}
ORDERED = ("days", "year")
DAY_IN_MILLISECONDS = 86_400_000
DIGITS = 12  # libraries differ in the last digits of a sine


class Dates(Part):
    """The parts of one column: numbers first, then cycles."""

    kind: Literal["date"] = "date"
    feature: str
    numbers: Numbers
    cycles: tuple[DatePart, ...] = ()
    fill: bool = True

    def outputs(self) -> Iterator[Output]:
        """Name the columns that come out."""
        for output in self.numbers.outputs():
            part, _, mark = output.name.partition("=")
            name = self.feature if part == "days" else f"{self.feature}.{part}"
            yield Output(f"{name}={mark}" if mark else name, self.feature, part in ORDERED and not mark)
        for part in self.cycles:
            yield Output(f"{self.feature}.{part}.sin", self.feature)
            yield Output(f"{self.feature}.{part}.cos", self.feature)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, outputs). A missing date stands in the middle of a cycle, unless missing is passed on."""
        days = frame[self.feature]
        numbers = [column.feature for column in self.numbers.columns]
        found = self.numbers.apply(_parts(days, numbers)) if numbers else np.empty((len(days), 0))
        return np.column_stack([found, *(self._cycle(days, part) for part in self.cycles)])

    def _cycle(self, days: pl.Series, part: DatePart) -> NDArray[np.float64]:
        first, period = CYCLES[part]
        values = _part(days, part).to_numpy() - first
        missing = np.isnan(values)
        turn = [2 * math.pi * step / period for step in range(period)]
        circle = np.array([(round(math.sin(a), DIGITS), round(math.cos(a), DIGITS)) for a in turn])
        x = circle[np.where(missing, 0, values).astype(np.int64)]
        x[missing] = 0.0 if self.fill else np.nan
        return x


def fit_dates(feature: str, frame: pl.DataFrame, spec: DatePreprocessing, numeric: NumericPreprocessing) -> Dates:
    """Learn how the parts of the training rows are filled and scaled."""
    cycles = tuple(part for part in spec.parts if spec.cyclic and part in CYCLES)
    numbers = [part for part in spec.parts if part not in cycles]
    fitted = fit_numbers(dict.fromkeys(numbers, numeric), _parts(frame[feature], numbers)) if numbers else None
    return Dates(feature=feature, numbers=fitted or Numbers(columns=()), cycles=cycles, fill=numeric.impute != "none")


def _parts(days: pl.Series, parts: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame([_part(days, part).alias(part) for part in parts])


def _part(days: pl.Series, part: str) -> pl.Series:
    if part == "days":
        return days
    # To the millisecond: a float of days cannot hold microseconds for long.
    moments = (days.fill_nan(None) * DAY_IN_MILLISECONDS).round().cast(pl.Int64).cast(pl.Datetime("ms"))
    found = {
        "year": moments.dt.year, "month": moments.dt.month, "day": moments.dt.day, "weekday": moments.dt.weekday,
        "day_of_year": moments.dt.ordinal_day, "hour": moments.dt.hour, "minute": moments.dt.minute,
    }[part]()  # fmt: skip
    return found.cast(pl.Float64).fill_null(float("nan"))
