"""The profile of a data set: what its rows look like, column by column, small enough to keep with every version.

Up to EXACT_ROWS rows all figures are exact and each column is read once. Above that they come from two passes over
batches: edges are quantiles of every n-th row and listed categories the most frequent of the batches, both decided by
the rows alone; the counts of them are exact, `unique` may be an estimate and is then marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.describe.categories import Categories, count_values
from mlops_runner.data.describe.distinct import Uniques
from mlops_runner.data.describe.effective import inefficiency
from mlops_runner.data.describe.numbers import Numbers
from mlops_runner.data.row_digest import without_nan
from mlops_runner.digest import Json
from mlops_runner.specs.data import Column, Data, TimeSplit

# Raise it when the meaning or shape of an entry changes; readers of older files must keep working.
PROFILE_VERSION = 2
EXACT_ROWS = 1 << 22
# Values in memory at a time.
CELLS = 1 << 24
MOST_COLUMNS = 256
# Rows of a sample that quantiles are taken from, and of the series that the effective size is estimated on.
SAMPLE_ROWS = 1 << 20
SERIES_ROWS = 1 << 16
TARGET_EDGES = 101
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
ROW, PLACE = "\0row", "\0place"


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is kept of each column; `shown` says that personal data and ids are described as other columns are."""

    edges: int
    categories: int
    shown: bool = False

    @classmethod
    def fitting(cls, columns: Mapping[str, Column], *, shown: bool = False) -> "Detail":
        """Return what keeps the file of a wide table small: 1 024 edges for 128 columns, 21 for 6 000 and more."""
        words = sum(column.type in {"string", "bool"} for column in columns.values())
        numbers = len(columns) - words
        return cls(_between(21, 131_072 // max(1, numbers), 1_024), _between(20, 40_000 // max(1, words), 1_000), shown)


def profile(sides: Mapping[str, pl.LazyFrame], spec: Data, rows: Mapping[str, int]) -> Json:
    """Describe the train side, and the target on every side that has rows (`rows` counts them).

    A side is a query that gives its rows in their order each time it is asked. Personal data and ids contribute
    counts, never values.
    """
    columns = describe(sides["train"], spec.columns, rows["train"], Detail.fitting(spec.columns), time_of(spec))
    return {
        "profile_version": PROFILE_VERSION,
        "rows": dict(rows),
        "columns": columns,
        "target": _targets(sides, spec, rows),
    }


def _targets(sides: Mapping[str, pl.LazyFrame], spec: Data, rows: Mapping[str, int]) -> Json:
    """Describe the target on every side that has rows: `column` and `sides`; of several `columns`, by name and side."""
    detail = Detail(TARGET_EDGES, TARGET_EDGES)
    names = spec.with_role("target")
    kinds = {name: spec.columns[name] for name in names}
    found = {side: describe(query, kinds, rows[side], detail) for side, query in sides.items() if rows[side]}
    by_name: dict[str, Json] = {name: {side: entries[name] for side, entries in found.items()} for name in names}
    return {"columns": by_name} if len(names) > 1 else {"column": names[0], "sides": by_name[names[0]]}


def time_of(spec: Data) -> str | None:
    """Return the column that orders the rows in time, if there is one."""
    if isinstance(spec.split, TimeSplit):
        return spec.split.time
    return next(iter(spec.with_role("time")), None)


def describe(
    rows: pl.LazyFrame, columns: Mapping[str, Column], height: int, detail: Detail, time: str | None = None
) -> dict[str, Json]:
    """Describe columns of a query with `height` rows; with `time`, effective sizes take neighbours into account."""
    ratios = _inefficiencies(rows, time, columns, detail) if time else {}
    found: dict[str, Json] = {}
    for names in _groups(columns, height):
        looks = {name: _Look(columns[name], detail, _stride(height)) for name in names}
        _show(rows, looks, height)
        found |= {name: look.entry(height, ratios.get(name, 1.0)) for name, look in looks.items()}
    return found


def _stride(height: int) -> int:
    return 1 if height <= EXACT_ROWS else -(-height // SAMPLE_ROWS)


def _groups(columns: Mapping[str, Column], height: int) -> Iterator[list[str]]:
    """Divide the columns so that what is held of them at a time is bounded."""
    names = list(columns)
    size = _between(1, CELLS // max(1, min(height, EXACT_ROWS)), MOST_COLUMNS)
    for at in range(0, len(names), size):
        yield names[at : at + size]


def _show(rows: pl.LazyFrame, looks: "Mapping[str, _Look]", height: int) -> None:
    """Show every column its rows: at once, or in two passes over batches."""
    if height <= EXACT_ROWS:
        frame = rows.select(list(looks)).collect(engine="streaming")
        for name, look in looks.items():
            look.whole(frame[name])
        return
    for batch in _batches(rows, list(looks), height):
        for name, look in looks.items():
            look.first(batch[name])
    for look in looks.values():
        look.settle()
    for batch in _batches(rows, list(looks), height):
        for name, look in looks.items():
            look.second(batch[name])


def _batches(rows: pl.LazyFrame, names: Sequence[str], height: int) -> Iterator[pl.DataFrame]:
    size = max(1, CELLS // len(names))
    for at in range(0, height, size):
        yield rows.select(names).slice(at, size).collect(engine="streaming")


class _Look:
    """One column on its way through the passes."""

    def __init__(self, column: Column, detail: Detail, stride: int) -> None:
        self._column, self._missing, self._known = column, 0, 0
        self._of: Uniques | Numbers | Categories
        if is_private(column) and not detail.shown:
            self._of = Uniques()
        elif column.type in {"string", "bool"}:
            self._of = Categories(detail.categories)
        else:
            self._of = Numbers(detail.edges, stride)

    def whole(self, values: pl.Series) -> None:
        """See all values at once."""
        if (batch := self.first(values)) is not None:
            self._of.settle()
            self._of.count(batch)

    def first(self, values: pl.Series) -> Any:
        """See a batch for the first time; return its known values as the description takes them, None without any."""
        known = _known(values)
        self._known += len(known)
        self._missing += len(values) - len(known)
        batch = self._taken(known)
        if batch is not None:
            self._of.look(batch)
        return batch

    def settle(self) -> None:
        """Decide, after the first pass, what is counted in the second."""
        if self._known:
            self._of.settle()

    def second(self, values: pl.Series) -> None:
        """See a batch for the second time."""
        if (batch := self._taken(_known(values))) is not None:
            self._of.count(batch)

    def _taken(self, known: pl.Series) -> Any:
        if not len(known):
            return None
        if isinstance(self._of, Uniques):
            return _physical(known)
        if isinstance(self._of, Categories):
            return count_values(known)
        # Minus zero becomes zero.
        return _physical(known).sort().to_numpy() + 0

    def entry(self, height: int, ratio: float) -> dict[str, Json]:
        """Return what is known of the column; `ratio` is how many of its rows are worth an independent one."""
        unique, exact = self._of.unique() if self._known else (0, True)
        counts: dict[str, Json] = {"type": self._column.type, "role": self._column.role, "rows": height}
        counts |= {"missing": self._missing, "unique": unique, **({} if exact else {"estimated": True})}
        if isinstance(self._of, Uniques) or not self._known:
            return counts
        return {**counts, "effective": max(1, round(self._known / ratio)), **self._values(self._of)}

    def _values(self, of: Numbers | Categories) -> dict[str, Json]:
        if isinstance(of, Categories):
            return {**of.distribution(), **of.lengths()}
        edges, counts = of.distribution()
        if self._column.type in {"date", "datetime"}:
            unit = timedelta(days=1) if self._column.type == "date" else timedelta(microseconds=1)
            moments: list[Json] = [_moment(edge, unit) for edge in edges]
            return {"min": moments[0], "max": moments[-1], "edges": moments, **counts}
        return {"min": edges[0], "max": edges[-1], **of.moments(), "edges": list(edges), **counts}


def _moment(physical: float | int, unit: timedelta) -> str:
    moment = EPOCH + unit * int(physical)
    return moment.date().isoformat() if unit == timedelta(days=1) else moment.isoformat()


def is_private(column: Column) -> bool:
    """Whether no value of the column may be shown."""
    return "pii" in column.tags or column.role == "id"


def _inefficiencies(rows: pl.LazyFrame, time: str, columns: Mapping[str, Column], detail: Detail) -> dict[str, float]:
    """Measure, on the first rows in time, by how much the rows of each column must be divided.

    The series is whether a number is above its median, or a category the most frequent one; missing values are left
    out of it.
    """
    wanted = [name for name, column in columns.items() if detail.shown or not is_private(column)]
    first = _first_in_time(rows, time, _between(1, CELLS // len(columns), SERIES_ROWS))
    if isinstance(first, slice):
        series = rows.select(wanted).head(first.stop).collect(engine="streaming")
    else:
        chosen = rows.select(wanted).with_row_index(ROW).filter(pl.col(ROW).is_in(first.implode()))
        places = pl.DataFrame({ROW: first}).with_row_index(PLACE)
        series = chosen.collect(engine="streaming").join(places, on=ROW).sort(PLACE).select(wanted)
    return {name: inefficiency(_above(_known(series[name]))) for name in wanted}


def _first_in_time(rows: pl.LazyFrame, time: str, most: int) -> slice | pl.Series:
    """Return the positions of the first rows in time, those of one moment in their order; rows without one are out."""
    times = rows.select(time).collect(engine="streaming").to_series()
    if not times.null_count() and times.is_sorted():
        return slice(0, most)
    order = times.arg_sort(nulls_last=True).head(len(times) - times.null_count())
    keys = pl.DataFrame({"time": times.gather(order), "row": order}).sort("time", "row", maintain_order=True)
    return keys["row"].head(most)


def _above(known: pl.Series) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(0, np.bool_)
    if known.dtype in (pl.String, pl.Boolean):
        counted = count_values(known).sort(["count", "value"], descending=[True, False])
        chosen = known == counted["value"][0]
    else:
        values = _physical(known)
        chosen = values > values.sort()[(len(values) - 1) // 2]
    return np.asarray(chosen.to_numpy(), np.bool_)


def _physical(values: pl.Series) -> pl.Series:
    return values.to_physical() if values.dtype.is_temporal() else values


def _known(values: pl.Series) -> pl.Series:
    found = without_nan(values)
    return found.drop_nulls() if found.null_count() else found


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))
