"""Which share of a column may be missing."""

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `max_missing` of every column but the target, which may never be missing."""
    for name, column in table.declared(spec.columns).items():
        if column.role != "target" and column.max_missing < 1:
            yield Check(
                "missing-values",
                pl.col(name).null_count(),
                _complain(column.max_missing, table.frame.height),
                name,
                pl.col(name).is_null(),
                "fill them where the data is written, or raise max_missing",
            )


def _complain(limit: float, rows: int) -> Callable[[Any], str | None]:
    def complain(missing: Any) -> str | None:
        if not rows or missing / rows <= limit:
            return None
        return f"{missing} of {rows} values are missing, {missing / rows:.4g} > {limit:.4g} (max_missing)"

    return complain
