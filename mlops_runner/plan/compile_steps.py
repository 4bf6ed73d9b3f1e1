"""The steps that a pipeline declares itself: each instance with its values filled in."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops_runner.errors import Place
from mlops_runner.plan.compile_parts import dump, places_below
from mlops_runner.plan.demand import GPUS, MEMORY, POOL
from mlops_runner.plan.matrix import Instance, filled, filled_text, instances
from mlops_runner.plan.params import at, paths_taken
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.values import PARAMS, later, quoted
from mlops_runner.plan.versions import COMMAND_VERSION, NOTEBOOK_VERSION, PYTHON_VERSION
from mlops_runner.specs.base import bytes_of, seconds
from mlops_runner.specs.load import Loaded
from mlops_runner.specs.locations import Document
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.references import StepValue, reference
from mlops_runner.specs.steps import CommandStep, CustomStep, PythonStep

PER_INSTANCE = ("inputs", "outputs", "params", "variables", "metrics", "executed")
HANDLING = ("retries", "always", "frozen")
VERSIONS = {"python": PYTHON_VERSION, "command": COMMAND_VERSION, "notebook": NOTEBOOK_VERSION}


def custom_steps(pipeline: Loaded[Pipeline]) -> Iterator[Step]:
    """Yield the steps of the Pipeline document, in its order; their inputs do not know yet who writes them."""
    for name, spec in pipeline.spec.steps.items():
        places = places_of_step(pipeline, name)
        placed: dict[tuple[tuple[str, str], ...], dict[str, Place]] = {}  # many instances take the same params
        for instance in instances(name, spec):
            taken = tuple(paths_taken(spec, instance.values).items())
            if taken not in placed:
                placed[taken] = {**places, **dict(_places_of_shared(pipeline.document, taken))}
            yield _step(pipeline.spec, spec, instance, placed[taken])


def places_of_step(pipeline: Loaded[Pipeline], name: str) -> dict[str, Place]:
    """Place a step and everything that it says."""
    document = pipeline.document
    places = dict(places_below(document, ("steps", name), ""))
    places = {path.lstrip("."): place for path, place in places.items()}
    executed = {f"execution.{key}": places[f"resources.{key}"] for key in ("threads",) if f"resources.{key}" in places}
    reproducibility = places.get("reproducibility", document.place(("reproducibility",)))
    return {**places, **executed, "reproducibility": reproducibility}


def _places_of_shared(document: Document, taken: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Place]]:
    """Place params that a step takes from the pipeline where their values are written."""
    for name, path in taken:
        above = ("params", *path.split("."))
        yield from places_below(document, above, f"{PARAMS}{name}")
        yield f"{PARAMS}{name}", document.place(above)


def _step(pipeline: Pipeline, spec: CustomStep, instance: Instance, places: Mapping[str, Place]) -> Step:
    said = dump(spec)
    config = {key: filled(said[key], instance.values) for key in PER_INSTANCE if key in said}
    values = tuple(_values(spec, instance))
    unknown = {name: later(name) for name in (item.name.removeprefix(PARAMS) for item in values)}
    if unknown:
        config["params"] = {name: value for name, value in config["params"].items() if name not in unknown}
    if taken := paths_taken(spec, instance.values):
        config["params"] |= {name: at(pipeline.params, path) for name, path in taken.items()}
    code: tuple[str, ...] = ()
    if isinstance(spec, PythonStep):
        code = (spec.callable,)
        config["callable"] = spec.callable
        inputs = tuple(Input(name, path) for name, path in config.get("inputs", {}).items())
    else:
        inputs = tuple(Input(path, path) for path in config.get("inputs", ()))
        if isinstance(spec, CommandStep):
            code = spec.code
            config |= _what_is_run(spec, {**config.get("params", {}), **instance.values, **unknown})
        else:
            code = (spec.notebook,)
            config["notebook"] = spec.notebook
    access: dict[str, Any] = {"secrets": {name: {"secret": name} for name in spec.secrets}} if spec.secrets else {}
    access |= {name: said[name] for name in HANDLING if name in said} | _taken_up(spec)
    return Step(
        instance.name, spec.kind, VERSIONS[spec.kind], config, places,
        output="",
        inputs=(*inputs, *values),
        code=code,
        repro=spec.reproducibility or pipeline.reproducibility,
        execution={"threads": spec.resources.threads},
        access=access,
        env=spec.env,
    )  # fmt: skip


def _taken_up(spec: CustomStep) -> dict[str, Any]:
    """Return what a step may not exceed, what it takes of what steps share, and how long it waits to be tried again."""
    resources, found = spec.resources, dict[str, Any]()
    sizes = {name: bytes_of(size) for name in ("memory", "disk") if (size := getattr(resources, name)) is not None}
    if bounds := sizes | ({"time": seconds(spec.timeout)} if spec.timeout else {}):
        found["bounds"] = bounds
    takes = {name: amount for name, amount in ((MEMORY, sizes.get("memory", 0)), (GPUS, resources.gpus)) if amount}
    takes |= {f"{POOL}{name}": amount for name, amount in resources.pools.items()}
    if takes:
        found["takes"] = takes
    if spec.retry_delay:
        found["retry_delay"] = seconds(spec.retry_delay)
    return found


def _values(spec: CustomStep, instance: Instance) -> Iterator[Input]:
    """Yield the params of a step that are values of other steps."""
    for name, param in spec.params.items():
        match reference(param):
            case StepValue(step, value):
                producer, value = (filled_text(text, instance.values) for text in (step, value))
                yield Input(f"{PARAMS}{name}", value, producer, value=True)


def _what_is_run(spec: CommandStep, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the command with its values: as they are in a list of arguments, quoted in a text for the shell."""
    if spec.shell is not None:
        return {"shell": filled_text(spec.shell, values, quoted)}
    return {"command": [filled_text(argument, values) for argument in spec.command or ()]}
