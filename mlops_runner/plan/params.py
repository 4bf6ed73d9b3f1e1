"""The pipeline's params that steps take in the place of their own."""

from collections.abc import Mapping
from typing import Any

from mlops_runner.plan.matrix import filled_text
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.references import SharedParam, reference
from mlops_runner.specs.steps import CustomStep


def paths_taken(step: CustomStep, values: Mapping[str, Scalar]) -> dict[str, str]:
    """Return which of the pipeline's params an instance of a step takes: name of its own param → path."""
    found = {name: reference(param) for name, param in step.params.items()}
    return {name: filled_text(one.path, values) for name, one in found.items() if isinstance(one, SharedParam)}


def at(params: Mapping[str, Any], path: str) -> Any:
    """Return what a dotted path leads to. Raises KeyError where it leads nowhere."""
    value: Any = params
    for part in path.split("."):
        if not isinstance(value, Mapping):
            raise KeyError(path)
        value = value[part]
    return value
