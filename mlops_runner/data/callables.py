"""Functions of the project that the data stage calls, and the complaints when they cannot be called or raise."""

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic, InvalidInput, Place, StepFailed
from mlops_runner.specs.complaints import nearest

MESSAGE_CHARACTERS = 300


def call(path: str, project: Path, positional: Sequence[Any], arguments: Mapping[str, Any]) -> Any:
    """Call `package.module:function`. InvalidInput when it cannot be called so, StepFailed when it raises.

    What is given by position is the table.
    """
    function = _function(path, project)
    _must_accept(function, path, positional, arguments)
    try:
        return function(*positional, **arguments)
    except (Exception, SystemExit) as error:
        raise StepFailed(_raised(error, path, project)) from error


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


def _must_accept(
    function: Callable[..., Any], path: str, positional: Sequence[Any], arguments: Mapping[str, Any]
) -> None:
    try:
        inspect.signature(function).bind(*positional, **arguments)
    except TypeError as error:
        given = ", ".join([*("the table" for _ in positional), *arguments]) or "no arguments"
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
