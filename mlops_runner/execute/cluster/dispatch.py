"""Parcels under way: given to Dask, sent what they lack, relieved of what they wrote; threads do the carrying.

Whatever happens to a step on the cluster ends as one word to the engine: that its slot's step has ended, with a reply
in its folder that says how.
"""

import contextlib
import os
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker

from mlops_runner.errors import Diagnostic, MlopsError, StepFailed
from mlops_runner.execute.cluster.attempt import execute, topic_of
from mlops_runner.execute.cluster.connection import SCHEDULER_HINT, Offer, counted
from mlops_runner.execute.cluster.courier import Courier, DamagedError
from mlops_runner.execute.cluster.parcel import Parcel, Piece, Sealed
from mlops_runner.execute.cluster.searching import Question
from mlops_runner.execute.cluster.site import close_site
from mlops_runner.execute.isolation import Exit
from mlops_runner.execute.messages import Reply

CARRIERS = 4  # transfers at a time
TICK = 2.0  # seconds between looks
LONELY_SECONDS = 60.0  # without any worker


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
    question: Question | None = None  # the fit of a search that it is


Heard = tuple[Slot, Exit] | MlopsError


class Dispatch:
    """So many slots of a cluster, for one run."""

    def __init__(self, client: Client, run: str, offer: Offer, slots: int) -> None:
        self.slots = [Slot() for _ in range(min(slots, offer.slots))]
        self._client = client
        self._run = run
        self._offer = offer
        self._courier = Courier(client, run)
        self._guard = threading.RLock()
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        self._carriers = ThreadPoolExecutor(CARRIERS, "carrier")
        self._met = self._looked = time.monotonic()
        self._closing = False
        client.subscribe_topic(topic_of(run), self._told)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a step has ended."""
        return self._woken

    def free(self) -> Slot | None:
        """Return a slot that no step is in, nor its end unheard."""
        return next((slot for slot in self.slots if not slot.busy), None)

    def submit(self, slot: Slot, parcel: Parcel, objects: dict[str, Path], work: Path) -> None:
        """Give a step to the cluster. Raises StepFailed."""
        request = parcel.request
        threads = int(request.execution.get("threads", 1))
        if self._offer.threads is not None and threads > self._offer.threads:
            message = f"it declares {threads} threads, and no worker has more than {self._offer.threads}"
            raise StepFailed(Diagnostic("no-room", message, hint="start a worker with more: --resources threads=N"))
        resources = {} if self._offer.threads is None else {"threads": threads}
        with self._guard:
            slot.busy = True
            slot.key, slot.work, slot.taking = f"mlops-{request.kind}-{uuid.uuid4().hex}", work, False
            slot.objects, slot.pieces = objects, {piece.path: piece for piece in parcel.pieces}
            key = slot.key
            try:
                slot.future = self._client.submit(execute, Sealed(parcel), key=key, pure=False, resources=resources)
            except (OSError, RuntimeError, ValueError) as error:
                raise _lost(str(error)) from None
        slot.future.add_done_callback(lambda future: self._ended(key, future))

    def heard(self) -> Iterator[tuple[Slot, Exit]]:
        """Yield the steps that have ended since. Raises StepFailed when the cluster is lost."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)
        while not self._heard.empty():
            found = self._heard.get()
            if isinstance(found, MlopsError):
                raise found
            found[0].busy = False
            yield found

    def cancel(self, slot: Slot) -> None:
        """Let a step go whose result nobody wants; it counts as ended."""
        if key := slot.key:  # else it has just ended, and that will be heard
            self._finish(slot, key, Exit(0, 0))

    def close(self) -> None:
        """Cancel everything, and have the workers forget the run."""
        self._closing = True
        self._carriers.shutdown(wait=False, cancel_futures=True)
        for slot in self.slots:
            if slot.future:
                slot.future.release()
        with contextlib.suppress(OSError, TimeoutError, RuntimeError, ValueError):
            if self._client.status == "running":
                self._client.run(close_site, self._run, on_error="ignore")
        with self._guard:
            os.close(self._wake)
            os.close(self._woken)

    def _told(self, event: tuple[float, Any]) -> None:
        """Hear what a worker says. This is the client's thread: others do the work."""
        said = event[1]
        slot = self._slot(said["task"])
        if slot and not self._closing:
            with contextlib.suppress(RuntimeError):  # it is being closed
                self._carriers.submit(self._send if said["what"] == "lacks" else self._take, slot, said)

    def _slot(self, key: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.key == key), None)

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
            self._finish(slot, said["task"], Exit(said["code"], said["peak"], said["over"]))

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
        with self._guard:
            if not self._closing:
                os.write(self._wake, b" ")

    def look(self) -> None:
        """See whether there is anybody left to wait for."""
        now = time.monotonic()
        if now - self._looked < TICK or not any(slot.key for slot in self.slots):
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
