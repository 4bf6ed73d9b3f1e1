"""Commands: a list of arguments, whose program is declared."""

import json
import os

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.task import Task
from mlops_runner.specs.training_trainers import CommandTrainer


def check(trainer: CommandTrainer, task: Task) -> tuple[Diagnostic, ...]:  # noqa: ARG001
    """Complain about a command that was meant for a shell. Needs no data."""
    program = trainer.command[0]
    if len(program.split()) > 1:
        message = f'"{program}" is not a program: a command is a list of arguments'
        return (Diagnostic("shell-command", message, hint=f"write {json.dumps(program.split())}"),)
    if "/" in program and not program.startswith("/") and os.path.normpath(program) not in trainer.files:
        message = f'"{program}" is a file of the project that files does not name'
        return (Diagnostic("undeclared-file", message, hint="add it to files, so that it is in the key"),)
    return ()
