"""What a step of the project's own says of itself: names and single values, kept in the lock as its metrics."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_runner.errors import Diagnostic, StepFailed


def metrics_of(found: Any, what: str) -> dict[str, Any]:
    """Return what a step says of itself: names and single values, mappings in it taken apart. Raises StepFailed."""
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise StepFailed(_odd(f"{what} {type(found).__name__}, not a mapping"))
    plain: dict[str, Any] = {}
    for name, value in _flat(found):
        if name in plain:
            raise StepFailed(_odd(f"{what} {name} twice"))
        plain[name] = value
        if not isinstance(value, bool | int | float | str | None):
            raise StepFailed(_odd(f"{what} {name} of type {type(value).__name__}, which is no single value"))
        if isinstance(value, float) and not math.isfinite(value):
            raise StepFailed(_odd(f"{what} {name} = {value}, which is not finite"))
    return plain


def _flat(found: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and values; of a mapping in it, with the names above and a dot between."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value.item() if hasattr(value, "item") else value


def _odd(message: str) -> Diagnostic:
    return Diagnostic("wrong-metrics", message, hint='give names and single values, as in {"rows": 120}')
