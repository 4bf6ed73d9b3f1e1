"""The fence around a step under --strict: of the project, it opens what it declares, and changes its own folder alone.

The kernel holds it (Landlock), so it holds commands and libraries, too. What lies outside the project stays readable.
"""

import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute import landlock
from mlops_runner.execute.landlock import EVERYTHING, READ, Access
from mlops_runner.execute.messages import Fence, Request
from mlops_runner.execute.mirror import MIRROR

PACKAGE = Path(__file__).parents[1]
DENIED = "Permission denied"
UNWATCHED = "this kernel has no Landlock: --strict notices what Python opens itself, not what commands and libraries do"


def available() -> bool:
    """Say whether the kernel can hold a fence."""
    return landlock.version() > 0


def enclose(request: Request) -> None:
    """Put this process, and all that it starts, behind the fence of its step, if there is one and the kernel can.

    Raises OSError.
    """
    if request.fence is not None and available():
        landlock.restrict(_grants(request.fence, Path(request.work), request.interpreter))


def _grants(fence: Fence, work: Path, interpreter: str) -> Iterator[tuple[str, Access]]:
    closed = [os.path.realpath(path) for path in fence.closed]
    yield from ((path, READ) for path in landlock.around(closed))
    yield from ((path, EVERYTHING) for path in (*_devices(closed), str(work)))
    yield from ((path, READ) for path in _interpreter(interpreter) if any(_within(path, folder) for folder in closed))
    yield from ((path, READ) for path in (*fence.shown, *_linked(work / MIRROR)))
    yield from ((path, Access.READ_DIR) for path in fence.listed)


def _interpreter(other: str) -> Iterator[str]:
    """Yield the folders in which the interpreters and their packages lie. other: that of the step's environment."""
    own = (Path(other).parents[1],) if other else ()
    prefixes = (*own, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, PACKAGE)
    yield from map(os.path.realpath, dict.fromkeys(map(str, prefixes)))


def _devices(closed: Collection[str]) -> Iterator[str]:
    """Yield where programs write that write no file; of a project that lies in memory not all of it."""
    whole = not any(_within(folder, "/dev") for folder in closed)
    yield from ("/dev",) if whole else (f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))


def _linked(folder: Path) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_symlink():
            yield os.path.realpath(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            yield from _linked(Path(entry.path))


def _within(path: str, folder: str) -> bool:
    return path != folder and Path(path).is_relative_to(folder)


def explained(error: StepFailed, log: str, project: Path, inputs: Collection[str]) -> StepFailed:
    """Say of a step that failed behind the fence that this may be why, and which file it was, if its words tell."""
    lines = [line for text in (*(found.message for found in error.diagnostics), log) for line in text.splitlines()]
    denied = "\n".join(line for line in lines if DENIED in line)
    if not denied or not available():
        return error
    found = re.search(rf"{re.escape(os.path.realpath(project))}/([^:'\"\n]+)", denied)
    if found and found[1] in inputs:
        return error
    what = f"it opened {found[1]} in the project" if found else "it was refused a file, perhaps one of the project"
    hint = "declare it, or run without --strict"
    first, *others = error.diagnostics
    return StepFailed(
        [first, Diagnostic("undeclared", f"{what}, which it does not declare", first.place, hint), *others]
    )
