"""How many rows the table must have."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check
from mlops_runner.data.table import Table, counted
from mlops_runner.specs.data import Data


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile the bounds of the row count."""
    limits = spec.checks.rows
    if not table.frame.width:
        return  # No column could be read, so the height says nothing; that was complained about before.

    def complain(height: Any) -> str | None:
        if height < limits.min:
            return f"{counted(height, 'row')} < {limits.min} (checks.rows.min)"
        if limits.max is not None and height > limits.max:
            return f"{counted(height, 'row')} > {limits.max} (checks.rows.max)"
        return None

    yield Check("row-count", pl.lit(table.frame.height), complain, hint="is the source complete, and the right one?")
