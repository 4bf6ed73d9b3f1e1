"""The target must be known in every row, and must vary; of several, each must."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from mlops_runner.data.checks.base import Check, Mask, Measure
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data

CLASS_TYPES = frozenset({"string", "bool", "int"})


def compile_limits(spec: Data, table: Table) -> Iterator[Check]:
    """Compile the checks of the target column."""
    for name, column in table.declared(spec.columns).items():
        if column.role != "target":
            continue
        value, at = pl.col(name), f"columns.{name}.role"
        known, words = Mask(value.is_null(), count=value.null_count()), ("has no target", "have no target")
        hint = "remove rows without a target in cleaning, or where the data is written"
        yield Check("target is known", "target", "missing-target", known, (name,), words, hint, path=at)
        if column.type in CLASS_TYPES:
            varies = Measure(value.drop_nulls().n_unique(), _constant)
            hint = "take a file with all cases, or another target"
            yield Check("target varies", "target", "constant-target", varies, (name,), hint=hint, path=at)


def _constant(values: Any) -> str | None:
    return "the target has one single value: there is nothing to learn" if values == 1 else None
