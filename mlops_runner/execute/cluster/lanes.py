"""The runner's side of a cluster: places for as many steps as may run at a time, wherever Dask puts them.

Steps that fetch run here: their credentials, their network and their data bases are those of this machine.
"""

import contextlib
import math
import os
import queue
import select
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker

from mlops_runner.errors import Diagnostic, MlopsError, StepFailed
from mlops_runner.execute.cluster.attempt import execute, topic_of
from mlops_runner.execute.cluster.connection import SCHEDULER_HINT, connected, counted, opened
from mlops_runner.execute.cluster.courier import Courier, DamagedError
from mlops_runner.execute.cluster.fitness import needed, runner_digest
from mlops_runner.execute.cluster.parcel import Piece, Sealed, Terms, pack
from mlops_runner.execute.cluster.site import close_site
from mlops_runner.execute.isolation import Exit, Lane, Level, Room, Worker
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.plan.environment import python_minor
from mlops_runner.store.stats import StatCache

HERE = frozenset({"source"})
CARRIERS = 4  # transfers at a time
TICK_SECONDS = 2.0
LONELY_SECONDS = 60.0  # without any worker


@dataclass(frozen=True, slots=True)
class Terrain:
    """What a cluster is asked for. scheduler: its address, or None for a cluster on this machine, of `jobs` workers.

    distributions: what a worker must have installed, name → version.
    """

    scheduler: str | None
    jobs: int
    distributions: Mapping[str, str]
    stats: StatCache


@dataclass(eq=False, slots=True)
class Slot:
    """A place for one step: the task it is now, and what is known of its files."""

    key: str = ""
    work: Path = Path()
    future: Future[Any] | None = None
    objects: dict[str, Path] = field(default_factory=dict)
    pieces: dict[str, Piece] = field(default_factory=dict)
    taking: bool = False
    busy: bool = False  # until the engine has heard how its step ended


Spot = Slot | Lane
Heard = tuple[Slot, Exit] | MlopsError


class Away:
    """Runs steps on a cluster. Closing it cancels what runs there."""

    def __init__(self, room: Room, folder: Path, terrain: Terrain) -> None:
        self._room = room
        self._folder = folder
        self._terrain = terrain
        self._run = uuid.uuid4().hex
        self._exits = contextlib.ExitStack()
        self._slots: list[Slot] = []
        self._guard = threading.RLock()
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._woken, self._wake = os.pipe()
        self._exits.callback(os.close, self._wake)
        self._exits.callback(os.close, self._woken)
        self._carriers = ThreadPoolExecutor(CARRIERS, "carrier")
        self._met = time.monotonic()
        self._looked = self._met
        self._closing = False
        self._here: Worker | None = None

    def equip(self, levels: Sequence[Level]) -> None:
        """Connect, and make the workers ready. Raises StepFailed, InvalidInput."""
        wanted = max(level.lanes for level in levels)
        single = tuple(replace(level, lanes=1) for level in levels)
        distributions = needed(self._terrain.distributions)
        self._terms = Terms(self._run, self._room, single, python_minor(), runner_digest(), distributions)
        scheduler = self._terrain.scheduler
        workers = min(wanted, self._terrain.jobs)
        self._client: Client = self._exits.enter_context(connected(scheduler, self._folder / "cluster", workers))
        self._exits.callback(self._let_go)
        self._offer = opened(self._client, self._terms, scheduler is None)
        self._courier = Courier(self._client, self._run)
        self._client.subscribe_topic(topic_of(self._run), self._told)
        self._slots = [Slot() for _ in range(min(wanted, self._offer.slots))]

    def free(self, kind: str) -> Spot | None:
        """Return a place where a step of a kind can start now."""
        if kind not in HERE:
            return next((slot for slot in self._slots if not slot.busy), None)
        if self._here is None:
            self._here = self._exits.enter_context(contextlib.closing(Worker(self._room, self._folder / "home")))
            self._here.equip([Level((), 1)])
        return self._here.free(kind)

    def start(self, lane: Spot, request: Request) -> None:
        """Submit a step. Raises StepFailed."""
        if isinstance(lane, Lane):
            assert self._here is not None
            self._here.start(lane, request)
            return
        try:
            parcel, objects = pack(self._terms, request, lambda path: self._terrain.stats.digest(path).sha256)
        except OSError as error:
            message = f"{error.filename} cannot be sent: {error.strerror}"
            raise StepFailed(Diagnostic("input-gone", message, hint="run again when it is quiet")) from None
        threads = int(request.execution.get("threads", 1))
        if self._offer.threads is not None and threads > self._offer.threads:
            message = f"it declares {threads} threads, and no worker has more than {self._offer.threads}"
            raise StepFailed(Diagnostic("no-room", message, hint="start a worker with more: --resources threads=N"))
        resources = {} if self._offer.threads is None else {"threads": threads}
        with self._guard:
            lane.busy = True
            lane.key, lane.work, lane.taking = f"mlops-{request.kind}-{uuid.uuid4().hex}", Path(request.work), False
            lane.objects, lane.pieces = objects, {piece.path: piece for piece in parcel.pieces}
            key = lane.key
            try:
                lane.future = self._client.submit(execute, Sealed(parcel), key=key, pure=False, resources=resources)
            except (OSError, RuntimeError, ValueError) as error:
                raise _lost(str(error)) from None
        lane.future.add_done_callback(lambda future: self._ended(key, future))

    def wait(self, seconds: float | None = None) -> list[tuple[Spot, Exit | None]]:
        """Wait until steps have ended; after so many `seconds`, say nothing. Raises StepFailed for a lost cluster."""
        until = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            lanes = [lane for lane in self._here.lanes if not lane.idle] if self._here else []
            waited: list[int | Lane] = [self._woken, *lanes]
            ready, _, _ = select.select(waited, [], [], max(0.0, min(TICK_SECONDS, until - time.monotonic())))
            heard: list[tuple[Spot, Exit | None]] = []
            if self._woken in ready:
                os.read(self._woken, 4096)
            if self._here and any(lane in ready for lane in lanes):
                heard += self._here.wait()
            with contextlib.suppress(queue.Empty):
                while True:
                    found = self._heard.get_nowait()
                    if isinstance(found, MlopsError):
                        raise found
                    found[0].busy = False
                    heard.append(found)
            if heard or time.monotonic() >= until:
                return heard
            self._look()

    def dismiss(self) -> None:
        """Leave it to `close`: what is not cancelled would go on."""

    def close(self) -> None:
        """Cancel what runs, and leave the cluster; one on this machine ends."""
        self._closing = True
        self._carriers.shutdown(wait=False, cancel_futures=True)
        self._exits.close()

    def _let_go(self) -> None:
        for slot in self._slots:
            if slot.future:
                slot.future.release()
        with contextlib.suppress(OSError, TimeoutError, RuntimeError, ValueError):
            if self._client.status == "running":
                self._client.run(close_site, self._run, on_error="ignore")

    def _told(self, event: tuple[float, Any]) -> None:
        """Hear what a worker says. This is the client's thread: others do the work."""
        said = event[1]
        slot = self._slot(said["task"])
        if slot and not self._closing:
            with contextlib.suppress(RuntimeError):  # it is being closed
                self._carriers.submit(self._send if said["what"] == "lacks" else self._take, slot, said)

    def _slot(self, key: str) -> Slot | None:
        return next((slot for slot in self._slots if slot.key == key), None)

    def _send(self, slot: Slot, said: Mapping[str, Any]) -> None:
        """Send what a worker lacks. If that fails, it asks again, or another worker does."""
        with contextlib.suppress(OSError, TimeoutError):
            for name in said["objects"]:
                if slot.key != said["task"]:
                    return
                try:
                    self._courier.send(said["address"], name, slot.objects[name])
                except (FileNotFoundError, DamagedError) as error:
                    self._fail(slot, said["task"], "input-changed", str(error), "run again when it is quiet")
                    return

    def _take(self, slot: Slot, said: Mapping[str, Any]) -> None:
        """Take what a step wrote. If that fails, it is offered again, there or by the next worker."""
        with self._guard:
            if slot.taking or slot.key != said["task"]:
                return
            slot.taking = True
        try:
            self._courier.take(said["address"], said["token"], slot.work, slot.pieces)
        except DamagedError as error:
            self._fail(slot, said["task"], "damaged", str(error), "run again")
        except (OSError, TimeoutError):
            slot.taking = False
        else:
            with contextlib.suppress(OSError, TimeoutError):
                self._courier.leave(said["address"], said["token"])
            self._finish(slot, said["task"], Exit(said["code"], said["peak"]))

    def _ended(self, key: str, future: Future[Any]) -> None:
        """Hear that a task has ended before its files were taken."""
        slot = self._slot(key)
        if self._closing or slot is None:
            return
        if future.status == "finished":
            how, why = future.result()
            if how == "left":
                return
            hint = "see docs/distributed.md" if how == "failed" else "install there what is installed here"
            self._fail(slot, key, "environment-differs" if how == "refused" else "worker-failed", why, hint)
        elif future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                why = "the workers that it ran on were lost, one after the other"
                self._fail(slot, key, "worker-lost", why, "out of memory there? the logs of the workers may say")
            else:
                self._fail(slot, key, "worker-failed", f"{type(error).__name__}: {error}", "see docs/distributed.md")
        else:
            self._say(_lost("the scheduler is gone"))

    def _fail(self, slot: Slot, key: str, code: str, why: str, hint: str) -> None:
        """Have a step fail that nobody could run."""
        reply = Reply("failed", diagnostics=(Diagnostic(code, f"on the cluster: {why}", hint=hint),))
        with self._guard:
            if slot.key == key:
                (slot.work / "reply.json").unlink(missing_ok=True)
                (slot.work / "reply.json").write_text(reply.encode(), encoding="utf-8")
                self._finish(slot, key, Exit(0, 0))

    def _finish(self, slot: Slot, key: str, ended: Exit) -> None:
        with self._guard:
            if slot.key != key:
                return
            future, slot.key, slot.future = slot.future, "", None  # in this order: what is released counts as cancelled
            if future:
                future.release()
        self._say((slot, ended))

    def _say(self, what: Heard) -> None:
        self._heard.put(what)
        with contextlib.suppress(OSError):
            os.write(self._wake, b" ")

    def _look(self) -> None:
        """See whether there is anybody left to wait for."""
        now = time.monotonic()
        if now - self._looked < TICK_SECONDS or not any(slot.key for slot in self._slots):
            return
        self._looked = now
        try:
            if counted(self._client):
                self._met = now
        except (OSError, TimeoutError, RuntimeError, ValueError) as error:
            raise _lost(str(error)) from None
        if now - self._met > LONELY_SECONDS:
            message = f"the Dask cluster has had no worker for {LONELY_SECONDS:g} seconds"
            raise StepFailed(Diagnostic("no-workers", message, hint="start one: dask worker ADDRESS; then run again"))


def _lost(why: str) -> StepFailed:
    message = f"the Dask scheduler is lost: {why.partition(chr(10))[0] or 'no answer'}"
    return StepFailed(Diagnostic("scheduler-lost", message, hint=f"what finished is kept; {SCHEDULER_HINT}"))


class Clusters:
    """Gives a run its cluster, when a step has to run."""

    def __init__(self, folder: Path, terrain: Callable[[], Terrain]) -> None:
        self._folder = folder
        self._terrain = terrain

    def take(self, room: Room) -> Away:
        """Return the executor of a run, which is the taker's to close."""
        return Away(room, self._folder, self._terrain())
