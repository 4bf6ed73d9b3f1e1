"""Columns in which each value may appear only once."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, rows_complaint
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `unique`, which the role id implies. Missing values do not count as equal."""
    for name, column in table.declared(spec.columns).items():
        if column.unique or column.role == "id":
            broken = pl.col(name).is_duplicated() & pl.col(name).is_not_null()
            complain = rows_complaint("shares its value", "share their value with another row")
            reason = "the role id means one row per value" if column.role == "id" else "remove the repeated rows"
            yield Check("not-unique", broken.sum(), complain, name, broken, reason)
