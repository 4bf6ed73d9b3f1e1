"""A function of the project that returns the rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from mlops_runner.data.callables import call
from mlops_runner.data.columns import compare_columns
from mlops_runner.data.table import Reading, Table
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_sources import PythonSource


def read(spec: Data, project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Call the function with params and input paths; see `sources.base.Reader`. StepFailed when it raises."""
    source = spec.source
    assert isinstance(source, PythonSource)
    result = call(source.callable, project, (), _arguments(source, inputs))
    if not isinstance(result, pl.DataFrame):
        return Reading(None, (_not_a_frame(result, source.callable),))
    return Reading(Table(result, source.callable), tuple(compare_columns(result.columns, spec, source.callable)))


def _arguments(source: PythonSource, inputs: Mapping[str, Path]) -> dict[str, Any]:
    twice = sorted(set(source.params) & set(source.inputs))
    if twice:
        message = f'{source.callable}: "{twice[0]}" is a parameter and an input'
        raise InvalidInput(Diagnostic("invalid-arguments", message, hint="rename one of them"))
    return {**source.params, **{name: inputs[name] for name in source.inputs}}


def _not_a_frame(result: object, path: str) -> Diagnostic:
    kind = f"{type(result).__module__}.{type(result).__qualname__}"
    hint = "return a polars.DataFrame"
    if isinstance(result, pl.LazyFrame):
        hint = "call .collect() before returning"
    elif kind.startswith("pandas."):
        hint = "convert it with polars.from_pandas"
    return Diagnostic("wrong-result", f"{path} returned {kind}, not polars.DataFrame", hint=hint)
