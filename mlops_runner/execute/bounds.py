"""What a step may take, watched from beside it: its time, the memory of all its processes, what it writes.

Memory is what these processes hold, not what they ask for: libraries and threads ask for much that they never touch,
and mapped files are not theirs. It is looked at several times a second, as Linux tells it; elsewhere it has no end.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from mlops_runner.execute import descendants
from mlops_runner.execute.forks import kill_group
from mlops_runner.execute.messages import Over, Request

LOOK_SECONDS = 0.1
SHARE = 20  # looking takes at most one part in so many of the time
GRACE_SECONDS = 3.0  # between being asked to end and being ended
IDLE_SECONDS = 5.0  # a wake-up that is lost costs this, not the run
HELD = (b"Pss_Anon", b"Pss_Shmem", b"SwapPss")  # pages that several processes share count in parts


class Bounds:
    """The bounds of one step: its process is asked to end, or ended, as soon as it exceeds one.

    A notebook watches the time itself, and knows the cell. When it takes too much memory, its kernel is ended: it says
    which cell that was.
    """

    def __init__(self, request: Request, process: int) -> None:
        self.over: Over = ""
        self._process = process
        self._work = request.work
        self._spared = request.kind == "notebook"
        now = time.monotonic()
        self._most = {name: most for name, most in request.bounds.items() if name != "time"}
        self._ends = now + request.bounds["time"] if "time" in request.bounds and not self._spared else None
        self._look = now if self._most else None

    def patience(self) -> float:
        """Return how many seconds may pass until `hold`."""
        due = min(at for at in (self._ends, self._look, time.monotonic() + IDLE_SECONDS) if at is not None)
        return max(0.0, due - time.monotonic())

    def hold(self) -> None:
        """Look, if it is time to, and end what is beyond its bounds."""
        now = time.monotonic()
        if self._ends is not None and now >= self._ends:
            if self.over:
                self._ends = None
                kill_group(self._process)
            else:
                self.over, self._ends = "time", now + GRACE_SECONDS
                ask_to_end(self._process)
        if self._look is not None and now >= self._look:
            if "memory" in self._most and held_below(os.getpid()) > self._most["memory"]:
                self._end_at_once("memory")
            elif "disk" in self._most and written_below(self._work) > self._most["disk"]:
                self._end_at_once("disk")
            self._look = time.monotonic() + max(LOOK_SECONDS, SHARE * (time.monotonic() - now))

    def _end_at_once(self, over: Over) -> None:
        self.over = self.over or over
        if self._spared and over == "memory":
            for process in reversed(descendants.below(self._process)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
        else:
            kill_group(self._process)


def ask_to_end(process: int) -> None:
    """Ask a step's process, and what it has started unless that left the group, to end."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGTERM)


def held_below(process: int) -> int:
    """Return how many bytes of memory all processes below another one hold together."""
    found = descendants.below(process)
    return sum(map(_held, found))


def _held(process: int) -> int:
    """Return what a process holds; one that is gone holds nothing."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(HELD)) * 1024


def written_below(folder: str) -> int:
    """Return how many bytes of the disk the files below a folder take up; links are not followed."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    total += written_below(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
