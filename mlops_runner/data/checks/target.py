"""The target must be known in every row, and must vary."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check, rows_complaint
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data

CLASS_TYPES = frozenset({"string", "bool", "int"})


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile the checks of the target column."""
    for name, column in table.declared(spec.columns).items():
        if column.role != "target":
            continue
        hint = "remove rows without a target where the data is written"
        complain = rows_complaint("has no target", "have no target")
        yield Check("missing-target", pl.col(name).null_count(), complain, name, pl.col(name).is_null(), hint)
        if column.type in CLASS_TYPES:
            yield Check("constant-target", pl.col(name).drop_nulls().n_unique(), _constant, name)


def _constant(values: Any) -> str | None:
    return "the target has one single value: there is nothing to learn" if values == 1 else None
