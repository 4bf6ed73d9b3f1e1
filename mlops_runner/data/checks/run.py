"""Measure every check in one pass, then fetch rows to show for the few that failed."""

import polars as pl

from mlops_runner.data.checks.base import Check, compile_checks
from mlops_runner.data.table import SHOWN_ROWS, Table, first_rows
from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import Data


def run_checks(spec: Data, table: Table) -> list[Diagnostic]:
    """Return what the checks found, warnings included, in the order of the spec."""
    checks = compile_checks(spec, table)
    if not checks:
        return []
    # Aliases are positions: two checks may measure the same column.
    measured = table.frame.select(check.measure.alias(str(index)) for index, check in enumerate(checks)).row(0)
    found = [(check, check.complain(value)) for check, value in zip(checks, measured, strict=True)]
    return [_diagnostic(check, text, spec, table) for check, text in found if text is not None]


def _diagnostic(check: Check, text: str, spec: Data, table: Table) -> Diagnostic:
    where = f'{table.origin}: column "{check.column}": ' if check.column else f"{table.origin}: "
    shown = f": {_shown(check.broken, check, spec, table)}" if check.broken is not None else ""
    return Diagnostic(check.code, f"{where}{text}{shown}", hint=check.hint, severity=check.severity)


def _shown(broken: pl.Expr, check: Check, spec: Data, table: Table) -> str:
    positions = table.frame.select(broken.arg_true().head(SHOWN_ROWS + 1)).to_series().to_list()
    if check.column is None:
        return first_rows(table, positions)
    values = table.frame[check.column].gather(positions).to_list()
    return first_rows(table, positions, values, spec.columns[check.column])
