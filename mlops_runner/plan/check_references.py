"""What params of steps stand for: whether it is there, can be where it stands, and is read by anybody."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_runner.errors import Diagnostic
from mlops_runner.plan.matrix import combinations, placeholders
from mlops_runner.plan.params import at, paths_taken
from mlops_runner.specs.load import Loaded
from mlops_runner.specs.locations import Path
from mlops_runner.specs.nearest import nearest
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.references import reference
from mlops_runner.specs.steps import CommandStep, CustomStep


def check_references(pipeline: Loaded[Pipeline], name: str, step: CustomStep) -> Iterator[Diagnostic]:
    """Yield what is wrong with the params of a step that stand for something else; its matrix is in order."""
    for param, value in step.params.items():
        if reference(value) is None:
            yield from _nested(pipeline, ("steps", name, "params", param), value)
    said = {*placeholders(step.command), *placeholders(step.shell)} if isinstance(step, CommandStep) else set[str]()
    for param, path in dict.fromkeys(_taken(step)):
        place = pipeline.document.place(("steps", name, "params", param, "param"))
        try:
            found = at(pipeline.spec.params, path)
        except KeyError:
            known = list(_known(pipeline.spec.params))
            hint = nearest(path, known) or "params of the pipeline stand under params, beside steps"
            yield Diagnostic("unknown-param", f'the pipeline has no param "{path}"', place, hint)
        else:
            if param in said and isinstance(found, dict | list):
                message = f"{param} is not a single value, and cannot stand in an argument"
                yield Diagnostic("nested-argument", message, place, "name its parts as params of their own")


def unused_params(pipeline: Loaded[Pipeline]) -> Iterator[Diagnostic]:
    """Advise to remove the pipeline's params that no step takes; the steps are in order."""
    taken = {path for step in pipeline.spec.steps.values() for _, path in _taken(step)}
    for path in _unused(pipeline.spec.params, "", taken):
        place = pipeline.document.place(("params", *path.split(".")), key=True)
        message, hint = f"no step takes the param {path}", f"remove it, or take it: {{param: {path}}}"
        yield Diagnostic("unused-param", message, place, hint, "warning")


def _unused(params: Mapping[str, Any], above: str, taken: set[str]) -> Iterator[str]:
    for key, value in params.items():
        path = f"{above}{key}"
        if path in taken:
            continue
        if isinstance(value, dict) and any(other.startswith(f"{path}.") for other in taken):
            yield from _unused(value, f"{path}.", taken)
        else:
            yield path


def _taken(step: CustomStep) -> Iterator[tuple[str, str]]:
    """Yield the params of a step, and the paths of the pipeline's that its instances take in their place."""
    for values in combinations(step.matrix) if step.matrix else [{}]:
        yield from paths_taken(step, values).items()


def _known(params: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in params.items():
        yield f"{above}{key}"
        if isinstance(value, dict):
            yield from _known(value, f"{above}{key}.")


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
