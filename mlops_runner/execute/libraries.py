"""Libraries that the project's functions import: the worker imports them once, and not every step again.

Only where no step could tell the difference: all functions get the same threads, and none has variables or secrets that
a library might read when it is imported; and only libraries that are known to live on in forks.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mlops_runner.execute.isolation import Room, threads
from mlops_runner.plan.environment import DEFAULT
from mlops_runner.plan.model import Facts
from mlops_runner.plan.source import read_source
from mlops_runner.plan.steps import Step

KIND = "python"
SHARED = frozenset({"joblib", "matplotlib", "numpy", "pandas", "polars", "scipy", "skops", "sklearn", "xgboost"})


def libraries(steps: Iterable[Step], room: Room, facts: Facts, code: Path) -> tuple[str, ...]:
    """Return the modules that the functions behind steps import, where one import can serve all of them.

    room: that of the worker; code: the folder that functions are imported from.
    """
    functions = [step for step in steps if step.kind == KIND and step.env == DEFAULT]
    if any(_is_special(step, room) for step in functions):
        return ()
    files = {file for step in functions for file in facts.code_of(step)}
    found = {module for file in files for module in _imported(code / file)}
    hidden = {name for name in SHARED if (code / name).exists() or (code / f"{name}.py").exists()}
    return tuple(sorted(module for module in found if module.partition(".")[0] in SHARED - hidden))


def _is_special(step: Step, room: Room) -> bool:
    return bool(step.config.get("variables") or step.access.get("secrets")) or threads(step) != room.threads


def _imported(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, and what it imports from them, which may be modules, too."""
    try:
        source = read_source(file.read_bytes())
    except OSError:
        return
    for found in source.imports:
        if not found.level:
            yield found.module
            yield from (f"{found.module}.{name}" for name in found.names)
