"""The rows of every series in the order of time, and where the row some steps before each of them stands.

A step is the distance that the spec declares, counted from the first moment of the series; a moment that is not there
leaves a hole. Without a declared distance a step is a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.split import number
from mlops_runner.data.table import SHOWN_ROWS, Table, counted, first_rows
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Column
from mlops_runner.specs.data_derived import CALENDAR, Series, parts_of

Integers = NDArray[np.int64]

MICROSECONDS = {"s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86_400 * 10**6, "w": 7 * 86_400 * 10**6}
MONTHS = {"mo": 1, "y": 12}
# Steps of all series, laid end to end, are numbered in 64 bits.
MOST_STEPS = 2**62


Shown = tuple[Table, pl.Series, Column | None]


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The rows in the order of series and time. All arrays have the shape (rows,).

    order: positions in the table. series: number of the series, from 0. elapsed: steps since its first moment. keys:
    rise by as much as steps pass within a series.
    """

    order: Integers
    series: Integers
    elapsed: Integers
    keys: Integers

    def before(self, steps: int) -> Integers:
        """Return, for each row of the table, the position of the row of its series so many steps before; -1: none."""
        here = np.arange(len(self.order))
        reaches = self.elapsed >= steps
        guess = np.maximum(here - steps, 0)
        found = np.where(reaches & (self.keys[guess] == self.keys - steps), guess, -1)
        # Behind a hole the row stands nearer than its number says.
        rest = np.flatnonzero(reaches & (found < 0))
        wanted = self.keys[rest] - steps
        at = np.searchsorted(self.keys, wanted)
        found[rest] = np.where(self.keys[at] == wanted, at, -1)
        positions = np.empty_like(found)
        positions[self.order] = np.where(found >= 0, self.order[found], -1)
        return positions

    @property
    def holes(self) -> int:
        """Count the moments that the series lack between their first and their last."""
        if not len(self.order):
            return 0
        last = np.append(self.series[1:] != self.series[:-1], True)
        return int((self.elapsed[last] + 1).sum()) - len(self.order)

    @property
    def count(self) -> int:
        """Number of series."""
        return int(self.series[-1]) + 1 if len(self.series) else 0


_NONE = np.empty(0, np.int64)
NO_TIME = Timeline(_NONE, _NONE, _NONE, _NONE)


def timeline(spec: Series, table: Table, columns: Mapping[str, Column]) -> Timeline:
    """Order the rows. Raises InvalidInput for missing moments or names, and for moments doubled or off the step."""
    times = table.column(spec.time)
    names = [table.column(name) for name in spec.by]
    _refuse([_missing(values, table) for values in (times, *names)])
    ticks = _ticks(times, spec.every)
    codes = series_codes(names, len(times))
    order = np.lexsort((ticks, codes))
    ticks, codes = ticks[order], codes[order]
    begins = np.append(True, codes[1:] != codes[:-1])[: len(order)]
    again = np.append(False, (codes[1:] == codes[:-1]) & (ticks[1:] == ticks[:-1]))[: len(order)]
    shown = (table, times, columns.get(spec.time))
    _refuse([_doubled(np.sort(order[again]), shown, spec)])
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    if spec.every is None:
        return Timeline(order, codes, np.arange(len(order)) - first, np.arange(len(order)))
    elapsed, off = np.divmod(ticks - ticks[first], _unit(spec.every, times.dtype))
    _refuse([_off_step(np.sort(order[off != 0]), shown, spec)])
    return Timeline(order, codes, elapsed, _keys(codes, elapsed, spec, table))


def uneven(found: Timeline, spec: Series, table: Table) -> int:
    """Count the rows that stand further from the row before than most do; 0 where the step is declared."""
    if spec.every is not None or len(found.order) < 3:
        return 0
    ticks = _ticks(table.column(spec.time), None)[found.order]
    gaps = np.diff(ticks)[found.elapsed[1:] > 0]
    distances, rows = np.unique(gaps, return_counts=True)
    return int(len(gaps) - rows.max()) if len(distances) else 0


def _ticks(times: pl.Series, every: str | int | None) -> Integers:
    """Number the moments: days, microseconds or whole numbers; months where steps are of the calendar."""
    if isinstance(every, str) and parts_of(every)[1] in CALENDAR:
        months = times.dt.year().cast(pl.Int64) * 12 + times.dt.month().cast(pl.Int64)
        return months.to_numpy()
    return times.to_physical().cast(pl.Int64).to_numpy()


def _unit(every: str | int, dtype: pl.DataType) -> int:
    if isinstance(every, int):
        return every
    size, unit = parts_of(every)
    if unit in CALENDAR:
        return size * MONTHS[unit]
    return size * MICROSECONDS[unit] // (MICROSECONDS["d"] if dtype == pl.Date else 1)


def series_codes(names: Sequence[pl.Series], rows: int) -> Integers:
    """Number the series in the order of their names."""
    codes = np.zeros(rows, np.int64)
    for values in names:
        own, distinct = number(values)
        # Numbered anew after each column, so that no product of counts outgrows 64 bits.
        codes = np.unique(codes * distinct + own, return_inverse=True)[1].astype(np.int64)
    return codes


def _keys(codes: Integers, elapsed: Integers, spec: Series, table: Table) -> Integers:
    span = int(elapsed.max(initial=0)) + 1
    if span * (int(codes.max(initial=0)) + 1) > MOST_STEPS:
        message = f'{table.origin}: column "{spec.time}": series of up to {span} steps are too long'
        raise InvalidInput(Diagnostic("too-many-steps", message, hint="declare a longer series.every"))
    return codes * span + elapsed


def _refuse(found: Sequence[Diagnostic | None]) -> None:
    if problems := [one for one in found if one is not None]:
        raise InvalidInput(problems)


def _missing(values: pl.Series, table: Table) -> Diagnostic | None:
    lost = values.is_null().arg_true()
    if not len(lost):
        return None
    shown = first_rows(table, lost.head(SHOWN_ROWS + 1).to_list())
    message = f'{table.origin}: column "{values.name}": {counted(len(lost), "value is", "values are")} missing: {shown}'
    return Diagnostic("missing-series-value", message, hint="every row needs its series and its moment")


def _doubled(rows: Integers, shown: Shown, spec: Series) -> Diagnostic | None:
    if not len(rows):
        return None
    words = counted(len(rows), "row repeats", "rows repeat")
    told = spec.by and f"drop duplicates, or name what else tells series apart: by: [{', '.join(spec.by)}, …]"
    hint = told or "drop duplicates, or name the columns that tell series apart: by: […]"
    return Diagnostic(
        "doubled-moment", f"{_place(shown)} {words} a moment of the series: {_rows(rows, shown)}", hint=hint
    )


def _off_step(rows: Integers, shown: Shown, spec: Series) -> Diagnostic | None:
    if not len(rows):
        return None
    words = counted(len(rows), "row is", "rows are")
    message = f"{_place(shown)} {words} not a whole number of {spec.every} after the first of the series"
    return Diagnostic("off-step", f"{message}: {_rows(rows, shown)}", hint="correct series.every, or round the moments")


def _place(shown: Shown) -> str:
    return f'{shown[0].origin}: column "{shown[1].name}":'


def _rows(rows: Integers, shown: Shown) -> str:
    table, times, column = shown
    positions = rows[: SHOWN_ROWS + 1].tolist()
    return first_rows(table, positions, times.gather(positions[:SHOWN_ROWS]).to_list(), column)
