"""Which rows repeat another one, by hashes of eight bytes a row instead of a comparison of all values."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import polars as pl

from mlops_runner.data.row_digest import Words, different
from mlops_runner.data.table import MARK, Table

# Columns that tell most rows apart come first, so that few rows have to be looked at as a whole.
TELLING = (pl.Float64, pl.Datetime, pl.String, pl.Int64, pl.Date)
FIRST_LOOK = 3
# Hashes in memory at a time: a quarter of a gigabyte, and as much again to sort them.
PART_ROWS = 1 << 25
HASH = "\0hash"


def repeats(table: Table, columns: Sequence[str] = (), keep: Literal["first", "last"] = "first") -> pl.Series:
    """Mark the rows that agree with another one in some columns (none: in all), all but the first or last of each.

    Boolean, shape (rows,). Missing values agree with each other.
    """
    names = list(columns) or table.names
    marks = pl.Series("repeated", [False]).new_from_index(0, table.height)
    candidates = _alike(table, names)
    if candidates is None:
        return marks
    rows = chosen(table.lazy.select(names), candidates).collect(engine="streaming")
    distinct = pl.struct(names).is_first_distinct() if keep == "first" else pl.struct(names).is_last_distinct()
    return marks.scatter(candidates.arg_true().filter(rows.select(distinct.not_()).to_series()), True)


def _alike(table: Table, names: Sequence[str]) -> pl.Series | None:
    """Mark the rows whose hash is that of another row; None when there are no such rows."""
    ordered = sorted(names, key=lambda name: _rank(table.schema[name]))
    some = alike(table.lazy.select(ordered[:FIRST_LOOK]), table.height)
    if some is None or len(names) <= FIRST_LOOK:
        return some
    entirely = alike(chosen(table.lazy.select(ordered), some), int(some.sum()))
    if entirely is None:
        return None
    return some.clone().scatter(some.arg_true().filter(~entirely), False)


def alike(rows: pl.LazyFrame, height: int) -> pl.Series | None:
    """Mark the rows of a query whose hash is that of another row: Boolean, shape (rows,); None without any.

    Every part of the hashes is looked at in a pass of its own, so that what is held does not grow with the rows, but
    for the mask.
    """
    twice = pl.concat([pl.Series(_repeated(hashes)) for hashes in _hashes(rows, height)])
    if not len(twice):
        return None
    return rows.select(pl.struct(pl.all()).hash().is_in(twice.implode())).collect(engine="streaming").to_series()


def surplus(table: Table, names: Sequence[str]) -> int:
    """Count the rows, all of their values known, whose hash an earlier row has: none, when all rows differ."""
    rows = table.lazy.select(names).drop_nulls()
    return sum(len(hashes) - len(different(hashes)) for hashes in _hashes(rows, table.height))


def _hashes(rows: pl.LazyFrame, height: int) -> Iterator[Words]:
    value = rows.select(pl.struct(pl.all()).hash().alias(HASH))
    parts = max(1, -(-height // PART_ROWS))
    for part in range(parts):
        some = value if parts == 1 else value.filter(pl.col(HASH) % parts == part)
        yield some.collect(engine="streaming").to_series().to_numpy()


def _repeated(hashes: Words) -> Words:
    """Return the hashes that appear more than once. Sorting takes 16 bytes a row, where a table of hashes takes 60."""
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def chosen(rows: pl.LazyFrame, mask: pl.Series) -> pl.LazyFrame:
    """Keep the rows that a mask marks; Boolean, shape (rows,). Unlike a filter by a literal, it stays where it is."""
    both = pl.concat([rows, mask.alias(MARK).to_frame().lazy()], how="horizontal")
    return both.filter(pl.col(MARK)).select(pl.exclude(MARK))


def _rank(dtype: pl.DataType) -> int:
    return next((rank for rank, kind in enumerate(TELLING) if dtype == kind), len(TELLING))
