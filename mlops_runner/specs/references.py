"""What may stand in the place of a step's param: a value that another step returned, or a param of the pipeline."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StepValue:
    """`{step: tune, value: best}`: one of the metrics of a step, or of an instance of one."""

    step: str
    value: str


@dataclass(frozen=True, slots=True)
class SharedParam:
    """`{param: model.depth}`: one of the pipeline's params, or all below a key."""

    path: str


def reference(param: Any) -> StepValue | SharedParam | None:
    """Return what a param stands for; None for one that is its own value."""
    match param:
        case {"step": str(step), "value": str(value), **rest} if not rest:
            return StepValue(step, value)
        case {"param": str(path), **rest} if not rest:
            return SharedParam(path)
    return None
