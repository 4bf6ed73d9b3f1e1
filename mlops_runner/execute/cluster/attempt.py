"""One step in a Dask worker, as a task of Dask: it owns the step's folder, and returns when nobody wants the step.

It tells the runner by events, which pass through the scheduler: that it lacks objects, and that the step has ended.
The runner answers by calling `site`. What is not answered for a while is told again.
"""

import select
import time
from collections.abc import Callable
from typing import Any

from distributed import get_worker

from mlops_runner.execute.cluster.fitness import said
from mlops_runner.execute.cluster.folder import lay_out
from mlops_runner.execute.cluster.objects import QUIET_SECONDS
from mlops_runner.execute.cluster.parcel import Parcel, Sealed
from mlops_runner.execute.cluster.site import Attempt, Site, site_of
from mlops_runner.execute.isolation import Exit, Worker
from mlops_runner.execute.messages import Request

LOOK_SECONDS = 0.2  # how often it looks whether the step is still wanted
ALIVE = frozenset({"executing", "long-running"})  # what Dask calls a task that is wanted and runs

Answer = tuple[str, str]  # what came of it, and why
Tell = Callable[[dict[str, Any]], None]


def topic_of(run: str) -> str:
    """Return the name under which events of a run are sent."""
    return f"mlops-{run}"


def execute(sealed: Sealed) -> Answer:
    """Do a step: `left` when its files were taken or nobody wants them, else `refused` or `failed` with the reason."""
    dask_worker, parcel = get_worker(), sealed.open()
    key = str(dask_worker.get_current_task())

    def tell(what: dict[str, Any]) -> None:
        event = {"task": key, "address": dask_worker.address, **what}
        dask_worker.log_event(topic_of(parcel.terms.run), event)

    def wanted() -> bool:
        task = dask_worker.state.tasks.get(key)
        return task is not None and task.state in ALIVE and dask_worker.status.name == "running"

    try:
        site = site_of(dask_worker, parcel.terms)
        if site.differences:
            return "refused", said(site.differences)
        attempt = site.enter(parcel)
        try:
            _Stay(site, attempt, parcel, tell, wanted).run()
        finally:
            site.leave(attempt)
    except Exception as error:  # told to the runner: what a task of Dask raises is logged with what it was given
        return "failed", f"{type(error).__name__}: {error}"
    return "left", ""


class _GoneError(Exception):
    pass


class _Stay:
    """A step's stay in a worker, from the first lacking byte to the last taken one."""

    def __init__(self, site: Site, attempt: Attempt, parcel: Parcel, tell: Tell, wanted: Callable[[], bool]) -> None:
        self._site = site
        self._attempt = attempt
        self._parcel = parcel
        self._tell = tell
        self._wanted = wanted

    def run(self) -> None:
        """Fetch, run, and offer what was written."""
        try:
            self._fetch()
            request = lay_out(self._attempt.folder, self._parcel, self._site.objects.path)
            self._offer(self._executed(request))
        except _GoneError:
            pass

    def _look(self) -> None:
        if self._attempt.over.is_set() or not self._wanted():
            raise _GoneError

    def _fetch(self) -> None:
        objects, pieces = self._site.objects, (*self._parcel.pieces, *self._parcel.modules)
        while lacking := objects.lacking(pieces):
            if asked := objects.to_ask(lacking):
                self._tell({"what": "lacks", "objects": asked})
            objects.wait(LOOK_SECONDS)
            self._look()

    def _executed(self, request: Request) -> Exit:
        worker = self._site.worker()
        try:
            ended = self._ended(worker, request)
        except BaseException:
            worker.close()  # and with it the step
            raise
        self._site.give_back(worker)
        return ended

    def _ended(self, worker: Worker, request: Request) -> Exit:
        while (lane := worker.free(request.kind)) is None:
            self._heard(worker)
        worker.start(lane, request)
        while (ended := self._heard(worker)) is None:
            pass
        return ended

    def _heard(self, worker: Worker) -> Exit | None:
        """Return how the step ended, if it did within a moment."""
        busy = [lane for lane in worker.lanes if not lane.idle]
        ready, _, _ = select.select(busy, [], [], LOOK_SECONDS)
        self._look()
        return next((ended for _, ended in worker.wait() if ended), None) if ready else None

    def _offer(self, ended: Exit) -> None:
        """Say that the step has ended, until its files were taken."""
        told = -QUIET_SECONDS
        while not self._attempt.over.is_set() and self._wanted():
            asked, self._attempt.asked = self._attempt.asked, False
            if asked:
                told = time.monotonic()
            elif time.monotonic() - told >= QUIET_SECONDS:
                told = time.monotonic()
                self._tell(
                    {
                        "what": "ended",
                        "token": self._attempt.token,
                        "code": ended.code,
                        "peak": ended.peak_kib,
                        "over": ended.over,
                    }
                )
            self._attempt.over.wait(LOOK_SECONDS)
