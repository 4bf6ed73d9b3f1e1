"""A program as a step: it takes the place of the step's process, in the folder where its inputs lie."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.sources import MIRROR
from mlops_runner.execute.stages.common_steps import threads_of
from mlops_runner.execute.stages.limits import Limits, limits_of, within

INTERPRETER = "python"
SHELL = ("/bin/sh", "-eu", "-c")


def execute(request: Request) -> Reply:
    """Run the program. Without limits it replaces this process, and its exit code is the answer."""
    os.chdir(Path(request.work) / MIRROR)
    command, environment = command_of(request), environment_of(request)
    limits = limits_of(request.access)
    if limits == Limits():
        _become(command, environment)
    return within(limits, command[0], lambda: _run(command, environment))


def command_of(request: Request) -> list[str]:
    """Return the program and its arguments."""
    if "shell" in request.config:
        return [*SHELL, request.config["shell"]]
    program, *arguments = request.config["command"]
    return [sys.executable if program == INTERPRETER else program, *arguments]


def environment_of(request: Request) -> dict[str, str]:
    """Return the variables that the program sees: those of every step, and what its spec gives it."""
    folders = (str(Path(sys.executable).parent), "/usr/local/bin", os.defpath)
    code = Path(request.work) / MIRROR / os.path.relpath(request.code, request.project)
    ours = {"PATH": os.pathsep.join(folders), "PYTHONPATH": str(code)}
    return {**os.environ, **ours, **threads_of(request), **request.config.get("variables", {}), **request.secrets}


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606
    except OSError as error:
        raise StepFailed(no_program(command[0], error)) from None


def _run(command: list[str], environment: dict[str, str]) -> Reply:
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise StepFailed(no_program(command[0], error)) from None
    if done.returncode:
        raise StepFailed(failed(done.returncode))
    return Reply("done")


def no_program(program: str, error: OSError) -> Diagnostic:
    """Say that there is no such program."""
    hint = "a program of the project is named in code; others are looked for beside python, in /usr/local/bin and /bin"
    return Diagnostic("no-program", f"{program} cannot be run: {error.strerror}", hint=hint)


def failed(code: int) -> Diagnostic:
    """Say how a program ended; a negative code is a signal."""
    how = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
    return Diagnostic("command-failed", f"its command {how}", hint="all it said is in the step's log")
