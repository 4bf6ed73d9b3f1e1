"""A program with limits as a step: this process watches it. Without limits, none is needed: see `execute.commands`."""

import os
import subprocess
from pathlib import Path

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.commands import command_of, environment_of, no_program
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.mirror import MIRROR
from mlops_runner.execute.stages.limits import limits_of, within


def execute(request: Request) -> Reply:
    """Run the program, and end it when it does not keep to its limits."""
    os.chdir(Path(request.work) / MIRROR)
    command = command_of(request)
    return within(limits_of(request.access), command[0], lambda: _run(command, environment_of(request)))


def _run(command: list[str], environment: dict[str, str]) -> Reply:
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise StepFailed(no_program(command[0], error)) from None
    if done.returncode:
        code = done.returncode
        how = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
        raise StepFailed(Diagnostic("command-failed", f"its command {how}", hint="all it said is in the step's log"))
    return Reply("done")
