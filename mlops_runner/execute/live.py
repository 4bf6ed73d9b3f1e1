"""What running steps say, while they say it: cleared of secrets, for those who watch, and in files to be followed.

Only whole lines are passed on: half a secret would not be recognised.
"""

import contextlib
import fcntl
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from mlops_runner.execute.logs import LOG, log_of
from mlops_runner.execute.secrets import hidden
from mlops_runner.plan.steps import Step

SUFFIX = ".live"  # of the file that can be followed; its writer holds a lock on it
LOOK_SECONDS = 0.2
MOST_LINES = 5  # that are remembered for those who watch
MOST_BYTES = 1 << 20  # that are read at a time, and that a line may have
FOLLOWED_BYTES = 64 << 20  # what is written of one step; the rest is in its log when it has ended

_END_OF_LINE = re.compile(rb"[\r\n]+")


class LiveLog:
    """The log of one step that runs. `last` holds its last lines."""

    def __init__(self, step: Step, work: Path, logs: Path, values: Mapping[str, str]) -> None:
        self.last: Sequence[str] = ()
        self._from = work / LOG
        self._to = live_of(logs, step)
        self._values = values
        self._stream: IO[bytes] | None = None
        self._read = 0
        self._part = b""

    def look(self) -> None:
        """Pass on what was said since."""
        try:
            with self._from.open("rb") as stream:
                stream.seek(self._read)
                data = stream.read(MOST_BYTES)
        except OSError:
            return
        self._read += len(data)
        said, self._part = _whole(self._part + data)
        if said:
            clear = hidden(said, self._values)
            self._follow(clear)
            lines = [line for line in _END_OF_LINE.split(clear) if line.strip()]
            kept = deque([*self.last, *(line.decode("utf-8", "replace") for line in lines[-MOST_LINES:])], MOST_LINES)
            self.last = tuple(kept)

    def close(self) -> None:
        """The step has ended: what it said is in its log now. What a killed run left goes, too."""
        self._to.unlink(missing_ok=True)
        if self._stream:
            self._stream.close()

    def _follow(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # as on a full disk: it can be watched all the same
            if self._stream is None:
                self._to.parent.mkdir(parents=True, exist_ok=True)
                self._to.unlink(missing_ok=True)
                self._stream = self._to.open("xb", buffering=0)
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._stream.tell() < FOLLOWED_BYTES:
                self._stream.write(data)


def _whole(data: bytes) -> tuple[bytes, bytes]:
    """Return the whole lines of what was read, and the part of the one that has not ended; one without end is cut."""
    end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    return (data[:end], data[end:]) if len(data) - end <= MOST_BYTES else (data[:end], b"")


class LiveLogs:
    """Looks at the logs of all that run, several times a second, as long as something runs."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, LiveLog] = {}
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, step: Step, work: Path, values: Mapping[str, str]) -> LiveLog:
        """Look at the log of a step that starts."""
        found = LiveLog(step, work, self._logs, values)
        with self._lock:
            self._running[step.name] = found
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return found

    def remove(self, step: Step) -> None:
        """Look away from a step that has ended; its log is kept."""
        with self._lock:
            self._running.pop(step.name).close()

    def close(self) -> None:
        """Look no more."""
        self._done.set()
        if self._thread:
            self._thread.join()
        for name in list(self._running):
            self._running.pop(name).close()

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            with self._lock:
                for found in self._running.values():
                    found.look()


def live_of(logs: Path, step: Step) -> Path:
    """Return where what a running step says can be followed."""
    return logs / f"{step.file_name}{SUFFIX}"


def said_by(logs: Path, step: Step, *, follow: bool) -> Iterator[bytes]:
    """Yield what a step has said in its last execution; with `follow`, of one that runs also what it says from now on.

    Yields nothing where it was never executed.
    """
    seen = 0
    with contextlib.suppress(FileNotFoundError), live_of(logs, step).open("rb") as stream:
        while data := stream.read():
            seen += len(data)
            yield data
        while follow and _is_written(stream.fileno()):
            time.sleep(LOOK_SECONDS)
            while data := stream.read():
                seen += len(data)
                yield data
        if live_of(logs, step).exists():  # it runs on, or its runner was killed
            return
    with contextlib.suppress(FileNotFoundError), log_of(logs, step).open("rb") as stream:
        stream.seek(seen)
        while data := stream.read(MOST_BYTES):
            yield data


def _is_written(descriptor: int) -> bool:
    """Say whether a runner still writes a file: then it holds a lock on it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
