"""Rows that are equal in every column."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, rows_complaint
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `duplicate_rows`."""
    policy = spec.checks.duplicate_rows
    if policy == "allow" or not table.frame.width:
        return
    repeated = pl.lit(repeats(table.frame))
    yield Check(
        "duplicate-rows",
        repeated.sum(),
        rows_complaint("equals an earlier row", "equal an earlier row"),
        broken=repeated,
        hint="remove them, or set checks.duplicate_rows: allow",
        severity="error" if policy == "fail" else "warning",
    )


def repeats(frame: pl.DataFrame) -> pl.Series:
    """Mark the rows that equal an earlier one in every column; shape (rows,), Boolean."""
    # Comparing whole rows costs seconds per million; equal hashes leave few candidates, which are compared exactly.
    candidates = frame.hash_rows().is_duplicated()
    again = frame.filter(candidates).select(pl.struct(pl.all()).is_first_distinct().not_()).to_series()
    marks = pl.Series("repeated", [False]).new_from_index(0, frame.height)
    return marks.scatter(candidates.arg_true().filter(again), True)
