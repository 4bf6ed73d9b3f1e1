"""The family of checks: what a leaf compiles to, and the table that finds the leaves.

A leaf turns the spec into expressions; all of them are measured in one pass over the table, and only the checks that
fail are asked for rows to show.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol, cast

import polars as pl

from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data

CHECKS: Mapping[str, str] = {
    "rows": "mlops_runner.data.checks.rows",
    "missing": "mlops_runner.data.checks.missing",
    "range": "mlops_runner.data.checks.range",
    "allowed": "mlops_runner.data.checks.allowed",
    "unique": "mlops_runner.data.checks.unique",
    "target": "mlops_runner.data.checks.target",
    "duplicates": "mlops_runner.data.checks.duplicates",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One condition.

    `measure` is an expression with one value; `complain` gets that value and says what is wrong with it, or None.
    `broken` is a mask over the rows that marks the ones to show; `column` is the column whose values are shown.
    """

    code: str
    measure: pl.Expr
    complain: Callable[[Any], str | None]
    column: str | None = None
    broken: pl.Expr | None = None
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"


class Compiler(Protocol):
    """Turns what the spec says into checks. Only columns that the table holds may be used."""

    def __call__(self, spec: Data, table: Table) -> Iterable[Check]:
        """Return the checks of one leaf."""
        ...


def compile_checks(spec: Data, table: Table) -> tuple[Check, ...]:
    """Compile every leaf in the order of the table above."""
    leaves = (cast(Compiler, import_module(module).compile_checks) for module in CHECKS.values())
    return tuple(check for leaf in leaves for check in leaf(spec, table))


def rows_complaint(one: str, many: str) -> Callable[[Any], str | None]:
    """Complain when a count of rows is not zero: `1 row is …`, `3 rows are …`."""

    def complain(count: Any) -> str | None:
        if not count:
            return None
        return f"1 row {one}" if count == 1 else f"{count} rows {many}"

    return complain
