"""Which rows repeat another one, in eight bytes a row instead of a comparison of all values."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from mlops_runner.data.table import MARK, Table

# Columns that tell most rows apart come first, so that few rows have to be looked at as a whole.
TELLING = (pl.Float64, pl.Datetime, pl.String, pl.Int64, pl.Date)
FIRST_LOOK = 3


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
    some = _duplicated(table.select(pl.struct(ordered[:FIRST_LOOK]).hash()).to_series())
    if not some.any() or len(names) <= FIRST_LOOK:
        return some if some.any() else None
    hashes = chosen(table.lazy.select(ordered), some).select(pl.struct(pl.all()).hash())
    entirely = _duplicated(hashes.collect(engine="streaming").to_series())
    if not entirely.any():
        return None
    return some.clone().scatter(some.arg_true().filter(~entirely), False)


def _duplicated(hashes: pl.Series) -> pl.Series:
    """Mark the hashes that appear more than once. Sorting takes 16 bytes a row, where a table of hashes takes 60."""
    ordered = np.sort(hashes.to_numpy())
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return hashes.is_in(pl.Series(twice).implode())


def chosen(rows: pl.LazyFrame, mask: pl.Series) -> pl.LazyFrame:
    """Keep the rows that a mask marks; Boolean, shape (rows,). Unlike a filter by a literal, it stays where it is."""
    both = pl.concat([rows, mask.alias(MARK).to_frame().lazy()], how="horizontal")
    return both.filter(pl.col(MARK)).select(pl.exclude(MARK))


def _rank(dtype: pl.DataType) -> int:
    return next((rank for rank, kind in enumerate(TELLING) if dtype == kind), len(TELLING))
