"""The environments that a Pipeline document declares, and what is wrong with how its steps use them."""

from collections.abc import Collection, Iterator, Mapping

from mlops_runner.errors import Diagnostic
from mlops_runner.plan.environment import DEFAULT, Declared, Need
from mlops_runner.specs.load import Loaded
from mlops_runner.specs.nearest import nearest
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.step_environments import System

KERNEL = "ipykernel"  # what runs notebooks
CALLABLE = (3, 11)  # the oldest Python in which a function can be called


def environments(pipeline: Loaded[Pipeline]) -> dict[str, Declared]:
    """Return the environments by name: the project's own, and those for some of the steps."""
    spec, document = pipeline.spec, pipeline.document
    own = spec.dependencies
    place = document.place(("dependencies", "lock")) if own.lock else None
    found = {DEFAULT: Declared(DEFAULT, own.lock, None, tuple(_needs(own.system)), place)}
    for name, declared in spec.envs.items():
        place = document.place(("envs", name, "lock"))
        found[name] = Declared(name, declared.lock, declared.python, tuple(_needs(declared.system)), place)
    return found


def check_environments(pipeline: Loaded[Pipeline]) -> Iterator[Diagnostic]:
    """Yield what is wrong with the environments that steps name: unknown ones, and those in which they cannot run."""
    declared = pipeline.spec.envs
    for name, step in pipeline.spec.steps.items():
        place = pipeline.document.place(("steps", name, "env"))
        if step.env not in {DEFAULT, *declared}:
            hint = nearest(step.env, declared) or "declare it under envs, beside steps"
            yield Diagnostic("unknown-environment", f'there is no environment "{step.env}"', place, hint)
        elif step.env != DEFAULT and step.kind == "python" and _old(declared[step.env].python):
            message = f"a function cannot be called in Python {declared[step.env].python}, which is too old"
            yield Diagnostic("old-python", message, place, "take Python 3.11 or newer, or make it a command")


def check_kernels(pipeline: Loaded[Pipeline], pinned: Mapping[str, Collection[str]]) -> Iterator[Diagnostic]:
    """Yield a complaint for every notebook in an environment that cannot run it. pinned: names, by environment."""
    for name, step in pipeline.spec.steps.items():
        if step.kind == "notebook" and step.env != DEFAULT and KERNEL not in pinned[step.env]:
            message = f"{name} is a notebook, and {pipeline.spec.envs[step.env].lock} does not hold {KERNEL}"
            place = pipeline.document.place(("steps", name, "env"))
            yield Diagnostic("no-kernel", message, place, f"add {KERNEL} to the lock of {step.env}")


def unused_environments(pipeline: Loaded[Pipeline]) -> Iterator[Diagnostic]:
    """Advise to remove the environments that no step runs in."""
    used = {step.env for step in pipeline.spec.steps.values()}
    for name in pipeline.spec.envs:
        if name not in used:
            place = pipeline.document.place(("envs", name), key=True)
            message, hint = f"no step runs in the environment {name}", f"remove it, or use it: env: {name}"
            yield Diagnostic("unused-environment", message, place, hint, "warning")


def _old(python: str | None) -> bool:
    return python is not None and tuple(map(int, python.split("."))) < CALLABLE


def _needs(system: System) -> Iterator[Need]:
    yield from (Need("package", name, versions) for name, versions in system.packages.items())
    yield from (Need("program", name, versions) for name, versions in system.programs.items())
    if system.nvidia_driver is not None:
        yield Need("driver", "nvidia", system.nvidia_driver)
