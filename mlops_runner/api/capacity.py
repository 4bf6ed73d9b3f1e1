"""What there is for the steps of a run: of this machine, of what the command line says, and of the pools."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.execute import machine
from mlops_runner.plan.demand import GPUS, MEMORY, POOL, THREADS, Capacity, demand_of
from mlops_runner.plan.model import Plan
from mlops_runner.plan.steps import Compiled, Step

if TYPE_CHECKING:
    from mlops_runner.api.project import Project


NOTEBOOK = "notebook"
KERNEL = ("ipykernel", "jupyter_client", "nbclient", "nbformat")  # what notebooks run by
MOST_AWAY = 1024  # steps that may run at a time on a cluster of others, if it has the room


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says there is: steps at a time, bytes of memory, graphics processors; None: as the machine has."""

    jobs: int | None = None
    memory: int | None = None
    gpus: int | None = None
    away: bool = False  # on a cluster of others, which has its own bounds


def capacity_of(compiled: Compiled, steps: Sequence[Step], given: Given) -> tuple[Capacity, tuple[str, ...]]:
    """Return what the steps of a run may take up together, and the names of the graphics processors."""
    taken = {resource for step in steps for resource in step.access.get("takes", {})}
    amounts = {f"{POOL}{name}": amount for name, amount in compiled.pools.items()}
    here, gpus = MOST_AWAY if given.away else machine.processors(), tuple[str, ...]()
    if given.jobs is None and not given.away:
        amounts[THREADS] = here
    if MEMORY in taken and (given.memory is not None or not given.away):
        amounts[MEMORY] = machine.memory() if given.memory is None else given.memory
    if GPUS in taken:
        if not given.away:
            gpus = machine.gpus(os.environ) if given.gpus is None else machine.first_gpus(given.gpus, os.environ)
        amounts[GPUS] = len(gpus)
    return Capacity(given.jobs or here, amounts), gpus


def refuse_lacking(project: "Project", plan: Plan, capacity: Capacity, *, force: bool, away: bool = False) -> None:
    """Refuse a run of steps that need what there is not. Raises InvalidInput. Those that need not run may need it.

    away: the steps run on machines of others, of which it is not known what is installed there.
    """
    bounded = bool({MEMORY, GPUS} & capacity.amounts.keys())
    steps = [planned.step for planned in plan.steps if planned.step is not None]
    lacking = {step.name: [*_lacking(step, capacity)] for step in steps if bounded}
    for step in (step for step in steps if step.kind == NOTEBOOK and not away):
        lacking[step.name] = [*lacking.get(step.name, ()), *_uninstalled(step)]
    if not (problems := {name: found for name, found in lacking.items() if found}):
        return
    if not force:
        notes = project.notes(plan)
        problems = {name: found for name, found in problems.items() if notes[name].state in {"run", "rebuild"}}
    if problems:
        raise InvalidInput(problem for found in problems.values() for problem in found)


def _lacking(step: Step, capacity: Capacity) -> Iterator[Diagnostic]:
    demand = demand_of(step)
    if (wanted := demand.of(GPUS)) > (there := capacity.amounts.get(GPUS, wanted)):
        message = f"step {step.name} needs {_gpus(wanted)}, and here {'is' if there == 1 else 'are'} {_gpus(there)}"
        hint = "run it where there are; or say how many there are: --gpus N"
        yield Diagnostic("no-gpu", message, step.place("resources.gpus"), hint)
    if (wanted := demand.of(MEMORY)) > (there := capacity.amounts.get(MEMORY, wanted)):
        message = f"step {step.name} needs {wanted / 2**30:.3g} GiB of memory, and there are {there / 2**30:.3g} here"
        hint = "run it where there is more; or say how much there is: --memory SIZE"
        yield Diagnostic("no-memory", message, step.place("resources.memory"), hint)


def _uninstalled(step: Step) -> Iterator[Diagnostic]:
    """Yield a complaint if what runs notebooks is not installed here: better now than when all before it is done."""
    if missing := [name for name in KERNEL if find_spec(name) is None]:
        message = f"step {step.name} runs a notebook, and {', '.join(missing)} is not installed"
        yield Diagnostic("missing-extra", message, step.place("notebook"), "pip install mlops_runner[notebook]")


def _gpus(number: int) -> str:
    return f"{number or 'no'} GPU{'' if number == 1 else 's'}"
