"""Rows that arrive in batches → one Parquet file, in bounded memory.

The bytes depend on the rows alone: neither the size of the batches nor the number of threads shows in them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

# Written down because they decide the bytes: defaults of the library may move.
COMPRESSION_LEVEL = 3
ROW_GROUP = 131_072


def write_snapshot(batches: Callable[[], Iterator[pl.DataFrame]], schema: pl.Schema, target: Path) -> None:
    """Write all batches. Raises what their iterator raises as it is, OSError when the file cannot be written.

    What stands in `target` is then no Parquet.
    """
    caught: list[Exception] = []

    def source(
        _columns: list[str] | None, _predicate: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            yield from batches()
        except Exception as error:
            caught.append(error)
            raise

    rows = register_io_source(source, schema=schema)
    try:
        rows.sink_parquet(
            target,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            statistics=True,
            row_group_size=ROW_GROUP,
            maintain_order=True,
            engine="streaming",
        )
    except Exception as error:
        if caught:  # the library wraps it in an error of its own
            raise caught[0] from None
        if "os error" not in str(error):
            raise
        raise OSError(str(error).rpartition(": ")[2]) from error
