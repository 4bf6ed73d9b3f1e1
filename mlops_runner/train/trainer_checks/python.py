"""Params of a function of the project: none that the contract itself passes."""

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_trainers import PythonTrainer


def check(trainer: PythonTrainer, task: Task) -> tuple[Diagnostic, ...]:  # noqa: ARG001
    """Complain about a param that the contract itself passes. The project's code is not imported for that."""
    taken = [name for name in ("x", "y", "seed", "weight", "query", "validation") if name in trainer.params]
    return tuple(
        Diagnostic("given-elsewhere", f'param "{name}" of {trainer.callable} is passed by the runner', hint="rename it")
        for name in taken
    )
