"""Smallest and largest value of a numeric column."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, rows_complaint
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Column, Data


def compile_checks(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `min` and `max`; a weight is never below zero."""
    for name, column in table.declared(spec.columns).items():
        yield from _limits(name, column)


def _limits(name: str, column: Column) -> Iterator[Check]:
    low, high = column.min, column.max
    if column.role == "weight" and column.type in {"float", "int"}:
        low = max(low or 0.0, 0.0)
    if low is not None:
        yield _check(name, pl.col(name) < low, f"below {low:g} (min)")
    if high is not None:
        yield _check(name, pl.col(name) > high, f"above {high:g} (max)")


def _check(name: str, broken: pl.Expr, what: str) -> Check:
    complain = rows_complaint(f"is {what}", f"are {what}")
    return Check("out-of-range", broken.sum(), complain, name, broken, "correct the values, or widen the range")
