"""Programs that steps run: what is called, with which variables, and how it is started without forking."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from mlops_runner.errors import Diagnostic
from mlops_runner.execute.isolation import GPU_VARIABLE, THREAD_VARIABLES, blas_kernel
from mlops_runner.execute.messages import Request
from mlops_runner.execute.mirror import MIRROR

INTERPRETER = "python"
SHELL = ("/bin/sh", "-eu", "-c")


def spawn(request: Request) -> int:
    """Start the program of a step in a process group of its own, and return its process. Raises OSError.

    What it says goes into the step's log. The caller waits for it.

    A process that only becomes another program need not be forked: this one may be large.
    """
    work = Path(request.work)
    with (work / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command_of(request), cwd=work / MIRROR, env=environment_of(request), stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, process_group=0,
        )  # fmt: skip
    process.returncode = 0  # otherwise it would be waited for here when this value goes
    return process.pid


def become(request: Request) -> NoReturn:
    """Become the program of a step, in its folder and with its variables. Raises OSError."""
    os.chdir(Path(request.work) / MIRROR)
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and what it becomes would, too
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    command = command_of(request)
    os.execvpe(command[0], command, environment_of(request))  # noqa: S606


def command_of(request: Request) -> list[str]:
    """Return the program and its arguments."""
    if "shell" in request.config:
        return [*SHELL, request.config["shell"]]
    program, *arguments = request.config["command"]
    return [request.interpreter or sys.executable if program == INTERPRETER else program, *arguments]


def environment_of(request: Request) -> dict[str, str]:
    """Return the variables that a program sees: those of every step, and what its spec gives it."""
    code = Path(request.work) / MIRROR / os.path.relpath(request.code, request.project)
    ours = {
        "PATH": search_path(request.interpreter),
        "PYTHONPATH": str(code),
        "HOME": request.work,
        "TMPDIR": request.work,
    }
    return {
        **os.environ,
        **ours,
        **variables_of(request.interpreter),
        **told(request),
        **request.config.get("variables", {}),
        **request.secrets,
    }


def search_path(interpreter: str = "") -> str:
    """Return where programs are looked for: beside the interpreter of a step first."""
    return os.pathsep.join((str(Path(interpreter or sys.executable).parent), "/usr/local/bin", os.defpath))


def variables_of(interpreter: str) -> dict[str, str]:
    """Return the variables that depend on what is installed beside an interpreter, if it is not the runner's."""
    packages = Path(interpreter).parents[1].glob("lib/python*/site-packages") if interpreter else ()
    return dict(blas_kernel(map(str, packages))) if interpreter else {}


def told(request: Request) -> dict[str, str]:
    """Return the variables that tell libraries which threads and graphics processors a step has."""
    threads = dict.fromkeys(THREAD_VARIABLES, str(request.execution["threads"]))
    return {**threads, GPU_VARIABLE: ",".join(request.gpus)}


def no_program(program: str, error: OSError) -> Diagnostic:
    """Say that there is no such program."""
    hint = "a program of the project is named in code; others are looked for beside python, in /usr/local/bin and /bin"
    return Diagnostic("no-program", f"{program} cannot be run: {error.strerror}", hint=hint)
