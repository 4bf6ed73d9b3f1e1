"""How many rows the table must have."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check, Measure
from mlops_runner.data.table import Table, counted
from mlops_runner.specs.data import Data


def compile_limits(spec: Data, table: Table) -> Iterator[Check]:
    """Compile the bounds of the row count."""
    limits = spec.checks.rows

    def judge(height: Any) -> str | None:
        if height < limits.min:
            return f"{counted(height, 'row')} < {limits.min} (checks.rows.min)"
        if limits.max is not None and height > limits.max:
            return f"{counted(height, 'row')} > {limits.max} (checks.rows.max)"
        return None

    measure = Measure(pl.lit(table.height), judge)
    hint = "is the source complete, and the right one?"
    yield Check("rows", "rows", "row-count", measure, hint=hint, path="checks.rows")
