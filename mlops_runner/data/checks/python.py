"""A rule of the user's own: a function of the project that marks the rows that break it."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from mlops_runner.data.callables import call
from mlops_runner.data.checks.base import Check, Context, Found, Look
from mlops_runner.data.checks.rules import marked, row_check
from mlops_runner.data.table import Table, counted
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule, PythonRule


def compile_rule(rule: AnyRule, _at: str, _spec: Data) -> Iterator[Check]:
    """Compile a python rule. The function gets its columns in memory, as a polars.DataFrame, and `params`."""
    assert isinstance(rule, PythonRule)

    def look(table: Table, context: Context) -> Found:
        wanted = list(rule.columns) or table.names
        frame = table.lazy.select(wanted).collect(engine="streaming")
        return marked(_mask(call(rule.callable, context.project, (frame,), rule.params), frame.height, rule.callable))

    says = (f"breaks {rule.callable}", f"break {rule.callable}", "correct the values, or the function")
    yield row_check(rule, rule.columns, Look(look), "rule-broken", says, rule.callable)


def _mask(result: Any, height: int, path: str) -> pl.Series:
    """Take what the function returned for a mask over the rows. InvalidInput when it is none."""
    try:
        mask = pl.Series(result)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        mask = pl.Series([])
    if mask.dtype == pl.Boolean and len(mask) == height:
        return mask
    kind = f"{type(result).__module__}.{type(result).__qualname__}".removeprefix("builtins.")
    detail = f" of {len(mask)} booleans" if mask.dtype == pl.Boolean else ""
    message = f"{path} returned {kind}{detail}, not a mask over the {counted(height, 'row')}"
    hint = "return a Boolean Series, array or list that is true where a row breaks the rule"
    raise InvalidInput(Diagnostic("wrong-result", message, hint=hint))
