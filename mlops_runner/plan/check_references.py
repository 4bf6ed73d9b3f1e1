"""What params of steps stand for: whether it can be, and is, there."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.load import Loaded
from mlops_runner.specs.locations import Path
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.references import reference
from mlops_runner.specs.steps import CustomStep


def check_references(pipeline: Loaded[Pipeline], name: str, step: CustomStep) -> Iterator[Diagnostic]:
    """Yield what is wrong with the params of a step that stand for something else; its matrix is in order."""
    for param, value in step.params.items():
        if reference(value) is None:
            yield from _nested(pipeline, ("steps", name, "params", param), value)


def _nested(pipeline: Loaded[Pipeline], path: Path, value: Any) -> Iterator[Diagnostic]:
    """A value from elsewhere is a whole param: nothing looks for it deeper down."""
    match value:
        case dict():
            pairs = list(value.items())
        case list() | tuple():
            pairs = list(enumerate(value))
        case _:
            return
    for key, inner in pairs:
        if reference(inner) is None:
            yield from _nested(pipeline, (*path, key), inner)
        else:
            message, hint = "a value from elsewhere is a param of its own", "move it up, and give it a name"
            yield Diagnostic("nested-reference", message, pipeline.document.place((*path, key)), hint)
