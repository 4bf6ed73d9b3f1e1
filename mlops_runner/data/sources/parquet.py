"""Parquet files: typed columns, read as they are stored."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from mlops_runner.data.columns import compare_columns
from mlops_runner.data.table import Reading, Table
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_sources import ParquetSource


def read(spec: Data, _project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Read the declared columns; see `sources.base.Reader`."""
    source = spec.source
    assert isinstance(source, ParquetSource)
    try:
        with inputs["source"].open("rb") as stream:
            found = list(pl.read_parquet_schema(stream))
            wanted = [name for name in spec.columns if name in set(found)]
            stream.seek(0)
            frame = pl.read_parquet(stream, columns=wanted)
    # A damaged file can make the parser panic, which is no subclass of its errors.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).splitlines()[0][:200]
        message = f"{source.path}: the file cannot be read as Parquet: {reason}"
        return Reading(None, (Diagnostic("malformed-parquet", message, hint="is it complete, and Parquet?"),))
    return Reading(Table(frame, source.path), tuple(compare_columns(found, spec, source.path)))
