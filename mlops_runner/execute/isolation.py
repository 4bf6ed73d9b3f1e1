"""The declared environment of a step's process, and the worker that starts one process a step.

The worker imports the heavy libraries once and then forks: a step starts from a clean interpreter that has run no
step before it, in milliseconds. Only the variables named here exist in it.
"""

import contextlib
import os
import platform
import site
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.messages import Request
from mlops_runner.plan.steps import Step

LAST_LINES = 12
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip

# The worker must be of this very package, wherever it lies, but its folder must not hide other modules.
_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); from mlops_runner.execute.worker import main; "
    "sys.path.append(sys.path.pop(0)); main(sys.argv[2:])"
)


@dataclass(frozen=True, slots=True)
class Room:
    """What varies between the processes of a run and those of a clean-room rerun."""

    threads: int
    hash_seed: int = 0


@dataclass(frozen=True, slots=True)
class Exit:
    """How a step's process ended: exit code (negative: signal), peak memory in KiB."""

    code: int
    peak_kib: int


def environment(room: Room, home: Path) -> dict[str, str]:
    """Return the whole environment of a step's process."""
    threads = dict.fromkeys(THREAD_VARIABLES, str(room.threads))
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": str(room.hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        "CUDA_VISIBLE_DEVICES": "",
        **_blas_kernel(),
        **_user_packages(),
        **threads,
    }


def threads_of(steps: Iterable[Step]) -> int:
    """Return the number of threads the steps of a pipeline declare; a step that declares none shares the others'."""
    return max((int(str(step.execution.get("threads", 1))) for step in steps), default=1)


class Worker:
    """A process that starts one process a step. Closing it, or the death of this process, ends what it runs."""

    def __init__(self, room: Room, home: Path, preload: Iterable[str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / "worker.log"
        self._ready = False
        package = str(Path(__file__).parents[2])
        with self._log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOTSTRAP, package, *preload],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(room, home),
                cwd=home,
                start_new_session=True,  # Ctrl-C reaches the runner, which ends the steps in order
                text=True,
            )

    def wait(self) -> None:
        """Wait until everything is imported. Raises StepFailed when the worker dies of it."""
        assert self._process.stdout is not None
        if not self._ready and self._process.stdout.readline() != "ready\n":
            raise self._dead()
        self._ready = True

    def run(self, request: Request) -> Exit:
        """Run one step in a process of its own and wait for its end. Raises StepFailed when the worker dies."""
        self.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(request.encode() + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().split()
        except BrokenPipeError:
            answer = []
        if len(answer) != 2:
            raise self._dead()
        return Exit(int(answer[0]), int(answer[1]))

    def _dead(self) -> StepFailed:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        words = ":\n" + "\n".join(f"    {line}" for line in lines) if lines else ""
        message = f"the process that starts steps has died{words}"
        return StepFailed(Diagnostic("worker-died", message, hint="run: mlops doctor"))

    def close(self) -> None:
        """End the worker and whatever it runs."""
        with contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def _user_packages() -> Mapping[str, str]:
    """Say where `pip install --user` put its packages, if they are in use: without a home they are not found."""
    folder = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    return {"PYTHONUSERBASE": site.getuserbase()} if folder in sys.path else {}


def _blas_kernel() -> Mapping[str, str]:
    """Pin OpenBLAS to one kernel where every current CPU has it: otherwise each CPU model rounds in its own way."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        return {}
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return {"OPENBLAS_CORETYPE": "Haswell"} if " avx2 " in flags and " fma " in flags else {}
