"""Which module checks which kind of trainer."""

from importlib import import_module
from typing import Any, Protocol

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_trainers import Trainer

CHECKS = {
    "sklearn": "mlops_runner.train.trainer_checks.sklearn",
    "xgboost": "mlops_runner.train.trainer_checks.xgboost",
    "python": "mlops_runner.train.trainer_checks.python",
    "command": "mlops_runner.train.trainer_checks.command",
    "naive": "mlops_runner.train.trainer_checks.naive",
}


class TrainerCheck(Protocol):
    """The function of every leaf."""

    def check(self, trainer: Any, task: Task) -> tuple[Diagnostic, ...]:
        """Say what is wrong with the trainer's spec, without data."""


def check(trainer: Trainer, task: Task) -> tuple[Diagnostic, ...]:
    """Say what is wrong with a trainer's spec for a task: estimators, parameters. Needs no data and no library."""
    module: TrainerCheck = import_module(CHECKS[trainer.trainer])
    return module.check(trainer, task)
