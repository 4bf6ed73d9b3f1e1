"""Columns in which each value, or each combination of values, may appear only once."""

from collections.abc import Iterator, Sequence

import polars as pl

from mlops_runner.data.checks.base import Check, Mask
from mlops_runner.data.checks.rules import row_check
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, UniqueRule

CODE = "not-unique"
WORDS = ("shares its value", "share their value with another row")


def compile_limits(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `unique`, which the role id implies. Missing values do not count as equal."""
    for name, column in table.declared(spec.columns).items():
        if column.unique or column.role == "id":
            reason = "the role id means one row per value" if column.role == "id" else "remove the repeated rows"
            at = f"columns.{name}.{'unique' if column.unique else 'role'}"
            yield Check(at, "unique", CODE, repeated((name,)), (name,), WORDS, reason, path=at)


def compile_rule(rule: AnyRule, _at: str, _spec: Data) -> Iterator[Check]:
    """Compile a unique rule."""
    assert isinstance(rule, UniqueRule)
    words = WORDS if len(rule.columns) == 1 else ("agrees with another row", "agree with another row")
    says = (*words, "remove the repeated rows")
    yield row_check(rule, rule.columns, repeated(rule.columns), CODE, says)


def repeated(names: Sequence[str]) -> Mask:
    """Mark the rows whose values appear more than once; a row in which one of them is missing is equal to none."""
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in names)
    if len(names) == 1:
        value = pl.col(names[0])
        return Mask(
            value.is_duplicated() & known, suspect=value.count() - value.drop_nulls().n_unique(), differ=tuple(names)
        )
    rows = pl.struct(names)
    # Equal rows have equal hashes, so as many hashes as rows mean that no two are equal.
    return Mask(
        rows.is_duplicated() & known, suspect=known.sum() - rows.hash().filter(known).n_unique(), differ=tuple(names)
    )
