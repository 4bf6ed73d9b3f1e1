"""A function of the project that returns the rows."""

import inspect
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from mlops_runner.data.columns import compare_columns
from mlops_runner.data.table import Reading, Table
from mlops_runner.errors import Diagnostic, InvalidInput, Place, StepFailed
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_sources import PythonSource

MESSAGE_CHARACTERS = 300


def read(spec: Data, project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Call the function with params and input paths; see `sources.base.Reader`. StepFailed when it raises."""
    source = spec.source
    assert isinstance(source, PythonSource)
    function = _function(source.callable, project)
    arguments = _arguments(source, inputs)
    _must_accept(function, source.callable, arguments)
    try:
        result = function(**arguments)
    except (Exception, SystemExit) as error:
        raise StepFailed(_raised(error, source.callable, project)) from error
    if not isinstance(result, pl.DataFrame):
        return Reading(None, (_not_a_frame(result, source.callable),))
    return Reading(Table(result, source.callable), tuple(compare_columns(result.columns, spec, source.callable)))


def _function(path: str, project: Path) -> Callable[..., Any]:
    module_name, _, name = path.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise StepFailed(_raised(error, path, project)) from error
        hint = f"create {module_name.replace('.', '/')}.py in the project"
        raise InvalidInput(Diagnostic("unknown-callable", f'{path}: no module "{error.name}"', hint=hint)) from error
    except (Exception, SystemExit) as error:
        raise StepFailed(_raised(error, path, project)) from error
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        message = f'{path}: the module has no function "{name}"'
        raise InvalidInput(Diagnostic("unknown-callable", message, hint=nearest(name, vars(module))))
    return function


def _arguments(source: PythonSource, inputs: Mapping[str, Path]) -> dict[str, Any]:
    twice = sorted(set(source.params) & set(source.inputs))
    if twice:
        message = f'{source.callable}: "{twice[0]}" is a parameter and an input'
        raise InvalidInput(Diagnostic("invalid-arguments", message, hint="rename one of them"))
    return {**source.params, **{name: inputs[name] for name in source.inputs}}


def _must_accept(function: Callable[..., Any], path: str, arguments: Mapping[str, Any]) -> None:
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        given = ", ".join(arguments) or "no arguments"
        message = f"{path}: the function cannot be called with {given}: {error}"
        raise InvalidInput(Diagnostic("invalid-arguments", message, hint="compare params and inputs")) from error
    except ValueError:
        return  # Callables written in C have no signature to compare with.


def _raised(error: BaseException, path: str, project: Path) -> Diagnostic:
    """Name the exception, and the line of the project's own code that is closest to where it was raised."""
    root = project.resolve()
    frames = [(Path(f.filename).resolve(), f.lineno or 1) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((Path(error.filename).resolve(), error.lineno or 1))
    own = [(file, line) for file, line in frames if file.is_relative_to(root) and _is_users(file)]
    place = Place(own[-1][0].relative_to(root).as_posix(), own[-1][1]) if own else None
    at = f" at {place.file}:{place.line}" if place else ""
    text = " ".join(str(error).split())[:MESSAGE_CHARACTERS]
    message = f"{path} raised {type(error).__name__}{at}" + (f": {text}" if text else "")
    return Diagnostic("user-code-raised", message, place)


def _is_users(file: Path) -> bool:
    # An environment, and this package in a checkout, may lie inside the project without being its code.
    return "site-packages" not in file.parts and file != Path(__file__).resolve()


def _not_a_frame(result: object, path: str) -> Diagnostic:
    kind = f"{type(result).__module__}.{type(result).__qualname__}"
    hint = "return a polars.DataFrame"
    if isinstance(result, pl.LazyFrame):
        hint = "call .collect() before returning"
    elif kind.startswith("pandas."):
        hint = "convert it with polars.from_pandas"
    return Diagnostic("wrong-result", f"{path} returned {kind}, not polars.DataFrame", hint=hint)
