"""The runner's side of a cluster: places for as many steps as may run at a time, wherever Dask puts them.

Steps that fetch run here: their credentials, their network and their data bases are those of this machine. So do
searches, which have their fits made on the cluster.
"""

import contextlib
import math
import select
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.cluster.connection import connected, opened
from mlops_runner.execute.cluster.dispatch import TICK, Dispatch, Slot
from mlops_runner.execute.cluster.fitness import needed, runner_digest
from mlops_runner.execute.cluster.parcel import Terms, pack
from mlops_runner.execute.cluster.searching import Question, Searching
from mlops_runner.execute.isolation import Exit, Lane, Level, Room, Worker
from mlops_runner.execute.messages import Request
from mlops_runner.plan.environment import Need, python_minor
from mlops_runner.store.stats import StatCache

SEARCH = "search"
HERE = frozenset({"source", SEARCH})


@dataclass(frozen=True, slots=True)
class Terrain:
    """What a cluster is asked for. scheduler: its address, or None for a cluster on this machine, of `jobs` workers.

    searches: whether a step has more to do at a time than itself. distributions: what a worker must have installed,
    name → version; needs: which parts of the machine.
    """

    scheduler: str | None
    jobs: int
    searches: bool
    distributions: Mapping[str, str]
    needs: tuple[Need, ...]
    stats: StatCache


Spot = Slot | Lane


class Away:
    """Runs steps on a cluster. Closing it cancels what runs there."""

    def __init__(self, room: Room, folder: Path, terrain: Terrain) -> None:
        self._room = room
        self._folder = folder
        self._terrain = terrain
        self._exits = contextlib.ExitStack()
        self._here: dict[str, Worker] = {}  # by kind
        self._searches: dict[Lane, Searching] = {}
        self._questions: deque[Question] = deque()

    def equip(self, levels: Sequence[Level]) -> None:
        """Connect, and make the workers ready. Raises StepFailed, InvalidInput."""
        terrain, self._levels = self._terrain, levels
        wanted = terrain.jobs if terrain.searches else max(level.lanes for level in levels)
        single = tuple(replace(level, lanes=1) for level in levels)
        distributions = needed(terrain.distributions)
        self._terms = Terms(
            uuid.uuid4().hex, self._room, single, python_minor(), runner_digest(), distributions, terrain.needs
        )
        workers = min(wanted, terrain.jobs)
        client = self._exits.enter_context(connected(terrain.scheduler, self._folder / "cluster", workers))
        offer = opened(client, self._terms, terrain.scheduler is None)
        self._dispatch = self._exits.enter_context(contextlib.closing(Dispatch(client, self._terms.run, offer, wanted)))

    def free(self, kind: str) -> Spot | None:
        """Return a place where a step of a kind can start now."""
        if kind not in HERE:
            return self._dispatch.free()
        if kind not in self._here:
            worker = self._exits.enter_context(contextlib.closing(Worker(self._room, self._folder / f"home-{kind}")))
            worker.equip([Level(tuple(m for level in self._levels for m in level.modules if kind == SEARCH), 1)])
            self._here[kind] = worker
        return self._here[kind].free(kind)

    def start(self, lane: Spot, request: Request) -> None:
        """Submit a step. Raises StepFailed."""
        try:
            if isinstance(lane, Slot):
                parcel, objects = pack(self._terms, request, self._sha256)
                self._dispatch.submit(lane, parcel, objects, Path(request.work))
                return
            if request.kind == SEARCH:
                self._searches[lane] = Searching(self._terms, request, self._sha256)
                request = replace(request, jobs=len(self._dispatch.slots), elsewhere=True)
        except OSError as error:
            message = f"{error.filename} cannot be sent: {error.strerror}"
            raise StepFailed(Diagnostic("input-gone", message, hint="run again when it is quiet")) from None
        self._here[request.kind].start(lane, request)

    def _sha256(self, path: Path) -> str:
        return self._terrain.stats.digest(path).sha256

    def wait(self, seconds: float | None = None) -> list[tuple[Spot, Exit | None]]:
        """Wait until steps have ended; after so many `seconds`, say nothing. Raises StepFailed for a lost cluster."""
        until = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            busy = {worker: [lane for lane in worker.lanes if not lane.idle] for worker in self._here.values()}
            waited: list[Dispatch | Lane | Searching] = [self._dispatch, *self._searches.values()]
            there = [*waited, *(lane for lanes in busy.values() for lane in lanes)]
            ready, _, _ = select.select(there, [], [], max(0.0, min(TICK, until - time.monotonic())))
            for search in self._searches.values():
                if search in ready:
                    self._questions += search.questions()
            heard: list[tuple[Spot, Exit | None]] = [*self._returned()]
            for worker in [worker for worker, lanes in busy.items() if any(lane in ready for lane in lanes)]:
                heard += worker.wait()
            for lane, ended in heard:
                if isinstance(lane, Lane) and ended and lane in self._searches:
                    self._end_search(self._searches.pop(lane))
            self._ask()
            if heard or time.monotonic() >= until:
                return heard
            self._dispatch.look()

    def _returned(self) -> Iterator[tuple[Slot, Exit]]:
        """Yield the steps that have ended; fits are answered. Raises StepFailed when the cluster is lost."""
        for slot, ended in self._dispatch.heard():
            question, slot.question = slot.question, None
            if question is None:
                yield slot, ended
            elif question.search in self._searches.values():
                question.search.answer(question, ended)

    def _ask(self) -> None:
        """Have as many fits made as there are places for. Raises StepFailed."""
        while self._questions and (slot := self.free("fit")):
            question = self._questions.popleft()
            question.work.mkdir()
            assert isinstance(slot, Slot)
            slot.question = question
            self._dispatch.submit(slot, question.search.parcel_of(question), question.search.objects, question.work)

    def _end_search(self, search: Searching) -> None:
        """Forget what a search has asked for and does not need any more."""
        self._questions = deque(question for question in self._questions if question.search is not search)
        for slot in self._dispatch.slots:
            if slot.question and slot.question.search is search:
                self._dispatch.cancel(slot)
        search.close()

    def dismiss(self) -> None:
        """Leave it to `close`: what is not cancelled would go on."""

    def close(self) -> None:
        """Cancel what runs, and leave the cluster; one on this machine ends."""
        self._exits.close()


class Clusters:
    """Gives a run its cluster, when a step has to run."""

    def __init__(self, folder: Path, terrain: Callable[[], Terrain]) -> None:
        self._folder = folder
        self._terrain = terrain

    def take(self, room: Room) -> Away:
        """Return the executor of a run, which is the taker's to close."""
        return Away(room, self._folder, self._terrain())
