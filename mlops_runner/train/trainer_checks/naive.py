"""Columns of a naive forecast."""

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_trainers import NaiveTrainer


def check(trainer: NaiveTrainer, task: Task) -> tuple[Diagnostic, ...]:  # noqa: ARG001
    """Complain about nothing: the columns are held against the Data document when the plan is made."""
    return ()
