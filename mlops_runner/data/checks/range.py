"""Smallest and largest value of a column."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Column, Data
from mlops_runner.specs.data_checks import AnyRule, RangeRule
from mlops_runner.specs.data_values import NUMBERS, Type, Value, limit, written

CODE = "out-of-range"


def compile_limits(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `min` and `max`; a weight is never below zero."""
    for name, column in table.declared(spec.columns).items():
        low = _lowest(column)
        ends = (("min", low, "below"), ("max", column.max, "above"))
        for field, end, word in ends:
            if end is not None:
                value, what = limit(end, column.type), f"{word} {written(end)} ({field})"
                mask = Mask(pl.col(name) < value if field == "min" else pl.col(name) > value)
                words, hint = (f"is {what}", f"are {what}"), "correct the values, or widen the range"
                at = f"columns.{name}.{field}"
                yield Check(at, "range", CODE, mask, (name,), words, hint, path=at)


def compile_rule(rule: AnyRule, _at: str, spec: Data) -> Iterator[Check]:
    """Compile a range rule: one check for both ends."""
    assert isinstance(rule, RangeRule)
    kind = spec.columns[rule.column].type
    low, high = _end(rule.min, kind), _end(rule.max, kind)
    value = pl.col(rule.column)
    if low is None:
        broken, what = value > high, f"above {written(rule.max)} (max)"
    elif high is None:
        broken, what = value < low, f"below {written(rule.min)} (min)"
    else:
        broken, what = (value < low) | (value > high), f"outside {written(rule.min)} to {written(rule.max)}"
    says = (f"is {what}", f"are {what}", "correct the values, or widen the range")
    yield row_check(rule, (rule.column,), Mask(broken), CODE, says)


def _lowest(column: Column) -> float | None:
    if column.role == "weight" and column.type in NUMBERS:
        return max(column.min or 0.0, 0.0)
    return column.min


def _end(given: float | str | None, kind: Type) -> Value | None:
    return None if given is None else limit(given, kind)
