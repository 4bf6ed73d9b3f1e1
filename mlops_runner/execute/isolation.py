"""The declared environment of a step's process, and the worker that starts one process a step.

The worker imports the heavy libraries once and then forks: a step starts from a clean interpreter that has run no
step before it, in milliseconds. Only the variables named here exist in it. `Lane`s let steps run side by side.
"""

import contextlib
import json
import os
import platform
import select
import site
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.messages import Over, Request
from mlops_runner.plan.steps import Step

LAST_LINES = 12
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"

# The worker must be of this very package, wherever it lies, but its folder must not hide other modules.
_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); from mlops_runner.execute.worker import main; "
    "sys.path.append(sys.path.pop(0)); main(light=sys.argv[2:] == ['light'])"
)
FEW = 64  # open sockets that travel in one message; the kernel takes some two hundred


@dataclass(frozen=True, slots=True)
class Room:
    """What varies between the processes of a run and those of a clean-room rerun."""

    threads: int
    hash_seed: int = 0
    light: bool = False  # steps run programs alone, and need nothing imported


@dataclass(frozen=True, slots=True)
class Exit:
    """How a step's process ended: exit code (negative: signal), peak memory in KiB, and what it had too much of."""

    code: int
    peak_kib: int
    over: Over = ""


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
        GPU_VARIABLE: "",
        **blas_kernel(sys.path),
        **_user_packages(),
        **threads,
    }


def threads_of(steps: Iterable[Step]) -> int:
    """Return the number of threads the steps of a pipeline declare; a step that declares none shares the others'."""
    return max(map(threads, steps), default=1)


def room_of(steps: Sequence[Step], hash_seed: int = 0) -> Room:
    """Return the room that the steps of a pipeline need."""
    return Room(threads_of(steps), hash_seed, all(step.kind == "command" for step in steps))


def threads(step: Step) -> int:
    """Return the number of threads that a step declares."""
    return int(str(step.execution.get("threads", 1)))


@dataclass(frozen=True, slots=True)
class Level:
    """Modules that the worker imports before it forks `lanes` lanes, and the kinds of step these serve (none: all)."""

    modules: tuple[str, ...]
    lanes: int
    kinds: frozenset[str] = frozenset()


class Lane:
    """A place where one step at a time can run, each in a process of its own."""

    def __init__(self, channel: socket.socket, kinds: frozenset[str]) -> None:
        self.idle = False
        self._channel = channel
        self._kinds = kinds
        self._heard = b""

    def serves(self, kind: str) -> bool:
        """Say whether a step of a kind can be started here now."""
        return self.idle and (not self._kinds or kind in self._kinds)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._channel.fileno()

    def start(self, request: Request) -> None:
        """Have a step run. Raises OSError when the lane has died."""
        self.idle = False
        self._channel.sendall(request.encode().encode() + b"\n")

    def listen(self) -> Exit | None:
        """Read what the lane has to say: that it is ready (None), or how its step ended. Raises EOFError."""
        while not self._heard.endswith(b"\n"):
            chunk = self._channel.recv(4096)
            if not chunk:
                raise EOFError
            self._heard += chunk
        words, self._heard = self._heard.decode().split(), b""
        self.idle = True
        return None if words == ["ready"] else Exit(int(words[0]), int(words[1]), cast("Over", "".join(words[2:])))

    def close(self) -> None:
        """Let go of the lane, which ends it and what runs there."""
        self._channel.close()


class Worker:
    """A process that starts one process a step. Closing it, or the death of this process, ends what it runs.

    It begins to import what every step needs at once, and waits to be told what the steps are.
    """

    def __init__(self, room: Room, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.room = room
        self.lanes: list[Lane] = []
        self._used = False
        self._log = home / "worker.log"
        self._control, theirs = socket.socketpair()
        with theirs, self._log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _BOOTSTRAP,
                    str(Path(__file__).parents[2]),
                    *(["light"] if room.light else []),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment(room, home),
                cwd=home,
                start_new_session=True,  # Ctrl-C reaches the runner, which ends the steps in order
            )

    def equip(self, levels: Sequence[Level]) -> None:
        """Say what steps will need; lanes get ready level by level. Raises StepFailed when the worker has died."""
        channels = []
        for level in levels:
            pairs = [socket.socketpair() for _ in range(level.lanes)]
            self.lanes += [Lane(ours, level.kinds) for ours, _ in pairs]
            channels += [theirs for _, theirs in pairs]
        plan = json.dumps([[level.modules, level.lanes] for level in levels])
        try:
            for first in range(0, len(channels), FEW):
                socket.send_fds(self._control, [b" "], [c.fileno() for c in channels[first : first + FEW]])
            self._control.sendall(plan.encode() + b"\n")
        except OSError:
            raise self._dead() from None
        finally:
            for channel in channels:
                channel.close()

    def free(self, kind: str) -> Lane | None:
        """Return a lane where a step of a kind can start now."""
        return next((lane for lane in self.lanes if lane.serves(kind)), None)

    def start(self, lane: Lane, request: Request) -> None:
        """Start a step in a lane. Raises StepFailed when the lane has died."""
        self._used = True
        try:
            lane.start(request)
        except OSError:
            raise self._dead() from None

    def wait(self, seconds: float | None = None) -> list[tuple[Lane, Exit | None]]:
        """Wait until lanes have something to say, and return it: how a step ended, or None for one that is ready now.

        After so many `seconds`, nothing. Raises StepFailed when a lane dies, once the others that had something to say
        were heard.
        """
        ready, _, _ = select.select([lane for lane in self.lanes if not lane.idle], [], [], seconds)
        if not ready and seconds is not None:
            return []
        heard = []
        for lane in ready:
            with contextlib.suppress(EOFError, OSError):  # a dead lane stays ready: it is met again
                heard.append((lane, lane.listen()))
        if not heard:
            raise self._dead()
        return heard

    def run(self, request: Request) -> Exit:
        """Run one step in a process of its own and wait for its end. Raises StepFailed when the worker dies."""
        while (lane := self.free(request.kind)) is None:
            self.wait()
        self.start(lane, request)
        while True:
            for other, ended in self.wait():
                if other is lane and ended:
                    return ended

    def _dead(self) -> StepFailed:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        words = ":\n" + "\n".join(f"    {line}" for line in lines) if lines else ""
        message = f"the process that starts steps has died{words}"
        return StepFailed(Diagnostic("worker-died", message, hint="run: mlops doctor"))

    def dismiss(self) -> None:
        """Tell the worker to end, with whatever it runs, and do not wait for it."""
        for lane in self.lanes:
            lane.close()
        self._control.close()
        if not self._used:  # nothing has to be ended in order, and it would listen only after what it imports
            self._process.kill()

    def close(self) -> None:
        """End the worker and whatever it runs."""
        self.dismiss()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _user_packages() -> Mapping[str, str]:
    """Say where `pip install --user` put its packages, if they are in use: without a home they are not found."""
    folder = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    return {"PYTHONUSERBASE": site.getuserbase()} if folder in sys.path else {}


def blas_kernel(folders: Iterable[str]) -> Mapping[str, str]:
    """Pin OpenBLAS to one kernel that every current CPU has: otherwise each CPU model rounds in its own way.

    The Haswell kernel that NumPy 2.5 brings reads past the end of its memory (a product of 1000 x 341 by 341 x 6 ends
    the process); the older kernel does not. NumPy's version is part of the environment's digest, and so is the choice.
    """
    if platform.machine() not in {"x86_64", "AMD64"}:
        return {}
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    if " avx2 " in flags and " fma " in flags:
        return {"OPENBLAS_CORETYPE": "Haswell" if _numpy_minor(folders) < (2, 5) else "Sandybridge"}
    return {}


def _numpy_minor(folders: Iterable[str]) -> tuple[int, int]:
    """Return NumPy's version by the name of its metadata folder: importing it takes a tenth of a second."""
    found = (info for entry in folders if entry for info in Path(entry).glob("numpy-*.dist-info"))
    name = next((info.name for info in found), "numpy-0.0.dist-info")
    major, minor, *_ = name.removeprefix("numpy-").removesuffix(".dist-info").split(".")
    return int(major), int(minor)
