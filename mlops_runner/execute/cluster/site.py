"""What runs of others leave in the process of a Dask worker: bytes, processes that start steps, steps under way.

The functions at the end are called from the runner, by name, through the scheduler; they answer at once.
"""

import shutil
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_runner.execute.cluster.fitness import differences_here
from mlops_runner.execute.cluster.folder import Entry, survey
from mlops_runner.execute.cluster.objects import Objects
from mlops_runner.execute.cluster.parcel import Parcel, Piece, Terms
from mlops_runner.execute.isolation import Worker

_SITES: dict[tuple[str, str], "Site"] = {}  # by address of the worker, and run
_GUARD = threading.Lock()


@dataclass(slots=True)
class Attempt:
    """A step on its way through a worker. over: set when nobody wants anything of it any more."""

    folder: Path
    pieces: dict[str, Piece]
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    over: threading.Event = field(default_factory=threading.Event)
    asked: bool = False  # somebody takes what it wrote


class Site:
    """One run in one worker."""

    def __init__(self, folder: Path, terms: Terms) -> None:
        self.objects = Objects(folder / "objects")
        self.differences = differences_here(terms)
        self.attempts: dict[str, Attempt] = {}
        self._folder = folder
        self._terms = terms
        self._idle: list[Worker] = []
        self._started = 0
        self._guard = threading.Lock()
        self._closed = False

    def warm(self, count: int) -> None:
        """Start processes ahead of the steps: what they import takes a second."""
        if not self.differences:
            self._idle += [self._worker() for _ in range(count)]

    def worker(self) -> Worker:
        """Return a process that starts steps, which is the taker's to give back or to close."""
        with self._guard:
            return self._idle.pop() if self._idle else self._worker()

    def give_back(self, worker: Worker) -> None:
        """Keep a process for the next step."""
        with self._guard:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.close()

    def enter(self, parcel: Parcel) -> Attempt:
        """Begin with a step."""
        attempt = Attempt(self._folder / uuid.uuid4().hex, {piece.path: piece for piece in parcel.pieces})
        with self._guard:
            attempt.folder.mkdir(mode=0o700, parents=True)
            self.attempts[attempt.token] = attempt
            if self._closed:
                attempt.over.set()
        return attempt

    def leave(self, attempt: Attempt) -> None:
        """Forget a step, and whatever it wrote."""
        with self._guard:
            del self.attempts[attempt.token]
            closed = self._closed and not self.attempts
        shutil.rmtree(self._folder if closed else attempt.folder, ignore_errors=True)

    def close(self) -> None:
        """End what runs; the folder goes with the last step."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
            attempts = list(self.attempts.values())
        for attempt in attempts:
            attempt.over.set()
        threading.Thread(target=_end, args=(idle,), daemon=True).start()  # the worker has others to answer
        if not attempts:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _worker(self) -> Worker:
        self._started += 1
        worker = Worker(self._terms.room, self._folder / f"home-{self._started}")
        worker.equip(self._terms.levels)
        return worker


def _end(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.dismiss()
    for worker in workers:
        worker.close()


def site_of(dask_worker: Any, terms: Terms) -> Site:
    """Return the place of a run in a worker; what earlier runs left, whose runner is gone, makes room for it."""
    address = dask_worker.address
    with _GUARD:
        if (address, terms.run) not in _SITES:
            for key in [key for key, site in _SITES.items() if key[0] == address and not site.attempts]:
                _SITES.pop(key).close()
            folder = Path(dask_worker.local_directory) / f"mlops-{terms.run}"
            _SITES[address, terms.run] = Site(folder, terms)
        return _SITES[address, terms.run]


def open_site(terms: Terms, dask_worker: Any) -> list[str]:
    """Make ready for a run, and say what differs from what it needs."""
    fresh = (dask_worker.address, terms.run) not in _SITES
    site = site_of(dask_worker, terms)
    if fresh:
        site.warm(dask_worker.state.nthreads)
    return site.differences


def close_site(run: str, dask_worker: Any) -> None:
    """Let go of a run, and end what it has under way here."""
    with _GUARD:
        site = _SITES.pop((dask_worker.address, run), None)
    if site:
        site.close()


def receive(run: str, name: str, transfer: str, chunk: tuple[bytes, bool], dask_worker: Any) -> bool:
    """Take a chunk of an object, and whether it is the last; say whether the content is what its name says."""
    data, last = chunk
    return _SITES[dask_worker.address, run].objects.receive(name, transfer, data, last=last)


def look(run: str, token: str, dask_worker: Any) -> list[Entry]:
    """Say what a step has left in its folder."""
    attempt = _attempt(run, token, dask_worker)
    attempt.asked = True
    return survey(attempt.folder / "work", attempt.pieces)


def read(run: str, token: str, parts: Sequence[tuple[str, int, int]], dask_worker: Any) -> list[bytes]:
    """Return parts of files that a step has left: path, first byte, number of bytes."""
    attempt = _attempt(run, token, dask_worker)
    attempt.asked = True
    return [_part(attempt.folder / "work" / path, first, count) for path, first, count in parts]


def leave(run: str, token: str, dask_worker: Any) -> None:
    """Let a step go whose files were taken."""
    _attempt(run, token, dask_worker).over.set()


def _part(path: Path, first: int, count: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(first)
        return stream.read(count)


def _attempt(run: str, token: str, dask_worker: Any) -> Attempt:
    return _SITES[dask_worker.address, run].attempts[token]
