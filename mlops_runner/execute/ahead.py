"""The worker of a run, which may be started before it is certain that a step will run.

It imports what every step needs while the documents are read. Nothing depends on the guess: a worker that no step
needs is ended, and one whose room is not what the steps ask for is replaced.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlops_runner.execute.isolation import Room, Worker


class Workers:
    """Gives a run its worker. `folder` is where steps run; nobody else may use it.

    interrupted: whether a killed run had left the folder.
    """

    def __init__(self, folder: Path, *, interrupted: bool = False) -> None:
        self.interrupted = interrupted
        self._home = folder / "home"
        self._ahead: Worker | None = None

    def expect(self, room: Room) -> None:
        """Start a worker, because it is likely that one with this room is needed."""
        self._ahead = Worker(room, self._home)

    def take(self, room: Room) -> Worker:
        """Return a worker with this room, which is the taker's to close."""
        ahead, self._ahead = self._ahead, None
        if ahead and ahead.room == room:
            return ahead
        if ahead:
            ahead.close()
        return Worker(room, self._home)

    def close(self) -> None:
        """End the worker that nobody took."""
        if self._ahead:
            self._ahead.close()


@contextlib.contextmanager
def workers_in(folder: Path) -> Iterator[Workers]:
    """Yield what gives workers while the block runs; what is in the folder before goes, and so does what is left.

    The caller holds the project's lock.
    """
    workers = Workers(folder, interrupted=folder.exists())
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield workers
    finally:
        workers.close()
        shutil.rmtree(folder, ignore_errors=True)
