"""Rows that stay on the disk: read column by column, batch by batch, or some of them, so that never all are held."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.train.features import Schema, matrix_of, refuse_infinity


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """The rows of a Parquet file, under the names that polars.DataFrame has for what they can be asked.

    query: what reads them; asked for a few rows, it reads few. batch_rows: how many are held at a time.
    """

    query: pl.LazyFrame
    schema: pl.Schema
    height: int
    batch_rows: int

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names()

    @overload
    def __getitem__(self, key: str, /) -> pl.Series: ...
    @overload
    def __getitem__(self, key: NDArray[np.int64], /) -> pl.DataFrame: ...
    def __getitem__(self, key: str | NDArray[np.int64], /) -> pl.Series | pl.DataFrame:
        """Return a column, or the rows at some positions, in that order."""
        return self.select(key).to_series() if isinstance(key, str) else self._rows(key)

    def select(self, columns: Any, /) -> pl.DataFrame:
        """Evaluate expressions over all rows, and hold what comes of them."""
        return self.query.select(columns).collect(engine="streaming")

    def head(self, rows: int, /) -> pl.DataFrame:
        """Return the first rows."""
        return self.query.head(rows).collect()

    def parts(self, name: str) -> Iterator[pl.Series]:
        """Yield a column batch by batch."""
        for first in range(0, self.height, self.batch_rows):
            yield self.query.select(name).slice(first, self.batch_rows).collect().to_series()

    def batches(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield batch after batch, with the position of its first row; an empty one where there are no rows."""
        for first in range(0, max(1, self.height), self.batch_rows):
            yield first, self.query.slice(first, self.batch_rows).collect()

    def _rows(self, positions: NDArray[np.int64]) -> pl.DataFrame:
        order = np.argsort(positions, kind="stable")
        rising, found = np.asarray(positions)[order], [self.query.head(0).collect()]
        for first in range(0, self.height, self.batch_rows):
            start, end = np.searchsorted(rising, (first, first + self.batch_rows))
            if start < end:
                found.append(self.query.slice(first, self.batch_rows).collect()[rising[start:end] - first])
        return pl.concat(found)[np.argsort(order, kind="stable")]


AnyRows = pl.DataFrame | StoredRows


def stored_rows(path: Path, batch_rows: int) -> StoredRows:
    """Return the rows of a Parquet file with all their columns."""
    query = pl.scan_parquet(path, glob=False)
    height = int(query.select(pl.len()).collect().item())
    return StoredRows(query, query.collect_schema(), height, batch_rows)


def stored_matrix(rows: StoredRows, schema: Schema) -> StoredRows:
    """Return the features of stored rows as `matrix` does. Raises InvalidInput as it does."""
    query = rows.query.select(matrix_of(dict(rows.schema), schema))
    found = replace(rows, query=query, schema=query.collect_schema())
    refuse_infinity(found)
    return found
