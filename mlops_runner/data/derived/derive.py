"""Add the derived columns to a table, those of the past for every series over its whole time: before it is divided.

Of a table that is scanned, only the columns that tell series and time, those that are looked at, and the derived ones
are held in memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.derived.parts import part_of
from mlops_runner.data.derived.timeline import NO_TIME, Timeline, timeline, uneven
from mlops_runner.data.derived.windows import Values, Window, difference, lagged, rolled
from mlops_runner.data.repeats import chosen
from mlops_runner.data.table import Table, counted
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_derived import Series
from mlops_runner.specs.data_derived_kinds import Calendar, Difference, Lag, Made, Past, Rolling


@dataclass(frozen=True, slots=True)
class DerivedStep:
    """What a step made: how many values of each column are missing, and the rows that left for it."""

    kind: str
    missing: Mapping[str, int]
    dropped: int
    left: int

    def __str__(self) -> str:
        known = ", ".join(f"{name} {count}" for name, count in self.missing.items() if count)
        lacking = f"{counted(sum(self.missing.values()), 'value')} missing" + (f" ({known})" if known else "")
        rows = f"; {counted(self.dropped, 'row')} dropped, {self.left} left" if self.dropped else ""
        return f"{self.kind}: {counted(len(self.missing), 'column')}, {lacking}{rows}"


@dataclass(frozen=True, slots=True, eq=False)
class WithDerived:
    """The table with its derived columns, what each step made, and what is wrong or not what it seems.

    series: how many there are. holes: moments that they lack between their first and their last.
    """

    table: Table
    steps: tuple[DerivedStep, ...] = ()
    said: tuple[Diagnostic, ...] = ()
    series: int = 0
    holes: int = 0

    def lines(self) -> Iterator[str]:
        """Yield what the log says."""
        if self.series:
            holes = f", {counted(self.holes, 'moment')} missing between first and last" if self.holes else ""
            yield f"{counted(self.series, 'series', 'series')}{holes}"
        yield from map(str, self.steps)


def derive(spec: Data, table: Table) -> WithDerived:
    """Order the series and derive the columns. Rows keep their order; those without a full past leave on demand.

    A table that lacks a column which is needed stays as it is: that was complained about before. It also does when
    moments are missing, doubled or off the step, or no row would be left; `said` then holds the errors.
    """
    nothing = spec.series is None and not spec.derived
    if nothing or not table.height or not needed(spec) <= set(table.names):
        return WithDerived(table)
    try:
        return _derived(spec, table)
    except InvalidInput as error:
        return WithDerived(table, said=error.diagnostics)


def _derived(spec: Data, table: Table) -> WithDerived:
    series = spec.series
    line = NO_TIME if series is None else timeline(series, table, spec.columns)
    said = () if series is None else tuple(_said(line, series, table))
    holes = 0 if series is None or series.every is None else line.holes
    if not spec.derived:
        return WithDerived(table, (), said, line.count, holes)
    sources = {name: table.column(name) for name in dict.fromkeys(n for step in spec.derived for n in step.columns)}
    columns: dict[str, pl.Series] = {}
    steps, stays = list[DerivedStep](), np.ones(table.height, np.bool_)
    for step in spec.derived:
        made = _parts(step, sources) if isinstance(step, Calendar) else _made(step, sources, line)
        columns |= made
        before = int(np.count_nonzero(stays))
        if not isinstance(step, Calendar) and step.missing == "drop":
            stays &= ~np.any([values.is_null().to_numpy() for values in made.values()], axis=0)
        left = int(np.count_nonzero(stays))
        steps.append(DerivedStep(step.kind, {n: v.null_count() for n, v in made.items()}, before - left, left))
    if not stays.any():
        raise InvalidInput(_nothing_left(spec, table, line))
    joined = _joined(table, columns, stays)
    return WithDerived(joined, tuple(steps), said, line.count, holes)


def needed(spec: Data) -> set[str]:
    """Return the columns without which nothing can be derived."""
    ordering = {spec.series.time, *spec.series.by} if spec.series else set()
    return ordering | {name for step in spec.derived for name in step.columns}


def _parts(step: Calendar, sources: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
    return {made.name: part_of(sources[made.source], made.what).alias(made.name) for made in step.made()}


def _made(step: Past, sources: Mapping[str, pl.Series], line: Timeline) -> dict[str, pl.Series]:
    """Compute the columns of a step, in the order in which it names them."""
    found: dict[str, pl.Series] = {}
    match step:
        case Lag():
            found = {made.name: lagged(sources[made.source], line, made.shift) for made in step.made()}
        case Difference():
            values = {name: Values.of(sources[name]) for name in step.columns}
            found = {made.name: difference(values[made.source], line, made.shift, made.span) for made in step.made()}
        case Rolling():
            for (source, size), several in _windows(step).items():
                window = Window(step.shift, size, step.min_values or size)
                numbers = rolled(Values.of(sources[source]), line, window, step.statistics)
                found |= {made.name: numbers[made.what] for made in several}
    return {name: values.alias(name) for name, values in found.items()}


def _windows(step: Rolling) -> dict[tuple[str, int], list[Made]]:
    """Group the columns of a step by what they look at: statistics of one window are computed together."""
    found: dict[tuple[str, int], list[Made]] = {}
    for made in step.made():
        found.setdefault((made.source, made.span), []).append(made)
    return found


def _joined(table: Table, columns: Mapping[str, pl.Series], stays: NDArray[np.bool_]) -> Table:
    both = table.derive(pl.concat([table.lazy, pl.DataFrame(list(columns.values())).lazy()], how="horizontal"))
    mask = pl.Series(stays)
    return both if mask.all() else both.derive(chosen(both.lazy, mask), mask)


def _said(line: Timeline, series: Series, table: Table) -> Iterator[Diagnostic]:
    rows = uneven(line, series, table)
    if rows:
        message = (
            f'{table.origin}: column "{series.time}": {counted(rows, "row stands", "rows stand")} at another distance '
            "from the row before than most do; a lag counts rows, not time"
        )
        yield Diagnostic("uneven-steps", message, hint="declare series.every", severity="warning")


def _nothing_left(spec: Data, table: Table, line: Timeline) -> Diagnostic:
    longest = int(line.elapsed.max()) + 1
    reach = max(_reach(made) for step in spec.derived if not isinstance(step, Calendar) for made in step.made())
    message = (
        f"{table.origin}: no row has a full past: the longest series has {counted(longest, 'step')}, and the derived "
        f"columns reach {counted(reach, 'step')} back"
    )
    return Diagnostic("short-series", message, hint="take shorter lags or windows, or missing: keep")


def _reach(made: Made) -> int:
    """Return how many steps back the earliest value lies that a column needs."""
    return made.shift + {"lag": 0, "difference": made.span}.get(made.what, made.span - 1)
