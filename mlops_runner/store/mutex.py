"""One runner at a time: an flock on a file that is never removed, free at once when its holder dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from mlops_runner.errors import Diagnostic, LockBusy

POLL_SECONDS = 0.1


@contextlib.contextmanager
def exclusive(path: Path, timeout: float, who: str = "another mlops") -> Iterator[None]:
    """Hold the lock while the block runs; wait for it up to `timeout` seconds. Raises LockBusy, OSError.

    `who` is called the holder when it is another.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        _acquire(descriptor, time.monotonic() + timeout, timeout, who)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, deadline: float, timeout: float, who: str) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                waited = f" (waited {timeout:g} s)" if timeout else ""
                hint = "wait for it, or give --lock-timeout SECONDS"
                message = f"{who} works on this project{waited}"
                raise LockBusy(Diagnostic("lock-busy", message, hint=hint)) from None
            time.sleep(POLL_SECONDS)
        else:
            return
