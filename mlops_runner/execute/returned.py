"""What a step of the project's own says of itself: names and single values, kept in the lock as its metrics."""

import math
from collections.abc import Mapping
from typing import Any

from mlops_runner.errors import Diagnostic, StepFailed


def metrics_of(found: Any, what: str) -> dict[str, Any]:
    """Return what a step says of itself: names and single values. Raises StepFailed for anything else."""
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise StepFailed(_odd(f"{what} {type(found).__name__}, not a mapping"))
    plain = {str(name): value.item() if hasattr(value, "item") else value for name, value in found.items()}
    for name, value in plain.items():
        if not isinstance(value, bool | int | float | str | None):
            raise StepFailed(_odd(f"{what} {name} of type {type(value).__name__}, which is no single value"))
        if isinstance(value, float) and not math.isfinite(value):
            raise StepFailed(_odd(f"{what} {name} = {value}, which is not finite"))
    return plain


def _odd(message: str) -> Diagnostic:
    return Diagnostic("wrong-metrics", message, hint='give names and single values, as in {"rows": 120}')
