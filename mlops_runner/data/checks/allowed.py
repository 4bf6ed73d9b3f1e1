"""The only values that a column may hold."""

from collections.abc import Iterator, Sequence

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.data.table import Table
from mlops_runner.data.types import DTYPES
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AllowedRule, AnyRule
from mlops_runner.specs.data_values import Type, typed, written

CODE = "not-allowed"
WORDS = ("holds another value than allowed", "hold other values than allowed")
MOST_SHOWN = 10


def compile_limits(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `allowed`. Missing values are the business of `max_missing`."""
    for name, column in table.declared(spec.columns).items():
        if column.allowed is not None:
            mask, hint = membership(name, column.allowed, column.type), _hint(column.allowed)
            at = f"columns.{name}.allowed"
            yield Check(at, "allowed", CODE, mask, (name,), WORDS, hint, path=at)


def compile_rule(rule: AnyRule, _at: str, spec: Data) -> Iterator[Check]:
    """Compile an allowed rule."""
    assert isinstance(rule, AllowedRule)
    mask = membership(rule.column, rule.values, spec.columns[rule.column].type)
    yield row_check(rule, (rule.column,), mask, CODE, (*WORDS, _hint(rule.values)))


def membership(name: str, given: Sequence[Scalar], kind: Type) -> Mask:
    """Mark values that are none of those given."""
    values = [typed(value, kind) for value in given if value is not None]
    return Mask(pl.col(name).is_in(pl.Series(values, dtype=DTYPES[kind]).implode()).not_())


def _hint(given: Sequence[Scalar]) -> str:
    shown = [written(value) for value in given if value is not None]
    return f"allowed: {', '.join(shown[:MOST_SHOWN])}" + (", …" if len(shown) > MOST_SHOWN else "")
