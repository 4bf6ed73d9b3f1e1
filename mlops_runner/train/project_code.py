"""Functions of the project: found by name, called, and blamed at their own line when they fail."""

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from mlops_runner.errors import Diagnostic, MlopsError, Place, StepFailed

LIBRARIES = frozenset({"site-packages", "dist-packages"})
CALLABLE_FAILED = "callable-failed"
OWN = str(Path(__file__).parents[1])


def find(path: str, key: str) -> Callable[..., Any]:
    """Import `package.module:function`. key: of the spec, for the hint. Raises StepFailed."""
    module, name = path.split(":")
    found = getattr(import_module(module), name, None)
    if not callable(found):
        message = f"module {module} has no function {name}"
        raise StepFailed(Diagnostic("unknown-callable", message, hint=f"correct the key {key}"))
    return found  # type: ignore[no-any-return]


def guarded(who: str, call: Callable[[], Any]) -> Any:
    """Call. Whatever the project's code raises becomes a StepFailed that names the line; memory is not its line's."""
    try:
        return call()
    except (MlopsError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())[:500]
        diagnostic = Diagnostic(
            CALLABLE_FAILED,
            f"{who}: {type(error).__name__}: {text}",
            _place(error.__traceback__),
            "the function itself raised this",
        )
        raise StepFailed(diagnostic) from error


def _place(trace: TracebackType | None) -> Place | None:
    """Find the deepest line of the project's own code, which is imported from the front of the search path."""
    root = Path(sys.path[0]).resolve()
    for frame in reversed(traceback.extract_tb(trace)):
        path = Path(frame.filename)
        foreign = path.is_relative_to(OWN) or bool(set(path.parts) & LIBRARIES)
        if not foreign and path.is_file() and path.is_relative_to(root):
            return Place(str(path.relative_to(root)), frame.lineno or 1)
    return None
