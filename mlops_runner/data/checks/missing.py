"""Which share of a column may be missing."""

from collections.abc import Iterator

import polars as pl

from mlops_runner.data.checks.base import Check, Mask, Tolerance, called
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, MissingRule

WORDS = ("has no value", "have no value")


def compile_limits(spec: Data, table: Table) -> Iterator[Check]:
    """Compile `max_missing` of every column but the target, which may never be missing."""
    for name, column in table.declared(spec.columns).items():
        if column.role != "target" and column.max_missing < 1:
            hint = "fill them where the data is written, or raise max_missing"
            tolerance = Tolerance(column.max_missing, name="max_missing")
            yield _check(f"columns.{name}.max_missing", name, tolerance, hint)


def compile_rule(rule: AnyRule, _at: str, _spec: Data) -> Iterator[Check]:
    """Compile a missing rule: one check for each of its columns."""
    assert isinstance(rule, MissingRule)
    for name in rule.columns:
        found = called(rule, name)
        title = f"{found} ({name})" if rule.name and len(rule.columns) > 1 else found
        yield Check(
            title,
            "missing",
            "missing-values",
            _probe(name),
            (name,),
            WORDS,
            "fill them in cleaning, or allow some",
            Tolerance(rule.max_share, rule.max_count),
            rule.severity,
            rule.name is not None,
        )


def _check(path: str, name: str, tolerance: Tolerance, hint: str) -> Check:
    return Check(path, "missing", "missing-values", _probe(name), (name,), WORDS, hint, tolerance, path=path)


def _probe(name: str) -> Mask:
    # Counting is free where a column has no missing values; a mask over it is not.
    return Mask(pl.col(name).is_null(), count=pl.col(name).null_count())
