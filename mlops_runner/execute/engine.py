"""The engine: for each step, as soon as what it reads stands, does the least that makes its artifacts stand.

Unchanged ones stay, known ones come back from the store, the rest runs, several at a time where they do not wait for
each other. Whatever finishes is journaled at once, so that a kill loses nothing that finished; pointers and lock are
written when all steps are settled.
"""

import heapq
import shutil
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic, MlopsError, StepFailed
from mlops_runner.execute.executor import Executor, Executors
from mlops_runner.execute.fence import UNWATCHED, available, explained
from mlops_runner.execute.handlers import levels
from mlops_runner.execute.isolation import Exit, Room, room_of
from mlops_runner.execute.ledger import Ledger
from mlops_runner.execute.libraries import libraries
from mlops_runner.execute.listener import Listener
from mlops_runner.execute.live import LiveLogs
from mlops_runner.execute.logs import keep_log, log_tail
from mlops_runner.execute.messages import Fence
from mlops_runner.execute.mirror import Seen
from mlops_runner.execute.process import Ground, conclude, make_work_folder, prepare, seen_by
from mlops_runner.execute.publish import Publisher
from mlops_runner.execute.result import Result, Task
from mlops_runner.execute.schedule import Schedule
from mlops_runner.plan.demand import GPUS, THREADS, Capacity, Demand, Floor, Waiting, demand_of
from mlops_runner.plan.names import listed
from mlops_runner.plan.steps import PROGRAMS, Step
from mlops_runner.store.repository import dvc_root

MOST_DELAY = 3600.0  # seconds between two tries
REMEMBERING = frozenset({"search", "refit"})  # they do many things, and remember those that are done


@dataclass(frozen=True, slots=True)
class Execution:
    """A task that runs: its folder, when it started (monotonic seconds), what lay there before, what it takes up."""

    task: Task
    work: Path
    started: float
    seen: Seen
    demand: Demand
    gpus: Sequence[str]


@dataclass(slots=True)
class Engine:
    """Executes the steps of a plan against one project.

    interpreter_of: makes the environment of a name ready for the steps that run in it, and says where its Python is.
    capacity: how many steps may run at a time, and what these may take up together; gpus: the names of those.
    """

    ledger: Ledger
    code: Path
    workers: Executors
    listener: Listener
    interpreter_of: Callable[[str], str]
    capacity: Capacity
    gpus: Sequence[str] = ()
    keep_going: bool = False
    strict: bool = False
    _worker: Executor[Any] | None = None
    _schedule: Schedule = field(init=False)
    _total: int = 0
    _room: Room = field(init=False)
    _floor: Floor = field(init=False)
    _free_gpus: list[str] = field(init=False)
    _live: LiveLogs = field(init=False)
    _waiting: Waiting[Task] = field(default_factory=Waiting)
    _delayed: list[tuple[float, int, Task]] = field(default_factory=list)  # when each is due (monotonic seconds)
    _running: dict[Hashable, Execution] = field(default_factory=dict)
    _failures: list[MlopsError] = field(default_factory=list)
    _tries: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._floor, self._free_gpus = Floor(self.capacity), list(self.gpus)
        self._live = LiveLogs(self.ledger.layout.logs)

    def run(self, steps: Sequence[Step]) -> list[Result]:
        """Settle all steps, then write pointers and lock. Raises StepFailed, InvalidInput, PlanMismatch."""
        self._total, self._room = len(steps), room_of(steps)
        if self.strict and not available() and not all(step.built_in for step in steps):
            self.listener.note(UNWATCHED)
        try:
            self._settle_all(steps)
            if self._worker:
                self._worker.dismiss()  # it takes itself apart while the rest is written
            self.ledger.sync()  # what the lock names comes before the lock
            if not self.ledger.aside:
                self._publish(steps)
        finally:
            if self._worker:
                self._worker.close()
            self._live.close()
            self.ledger.sync()
            self.ledger.stats.save()
        return [self.ledger.settled[step.name] for step in steps]

    def _publish(self, steps: Sequence[Step]) -> None:
        ledger = self.ledger
        settled = {step.name: ledger.settled[step.name] for step in steps}  # in their order, whichever ended first
        publisher = Publisher(ledger.layout.root, ledger.store, ledger.shelf, lambda: ledger.finished.values())
        publisher.publish(ledger.lock, ledger.facts, settled, ledger.left)

    def _settle_all(self, steps: Sequence[Step]) -> None:
        """Settle what can be settled, start what can be started, wait, and so on.

        A failure starts nothing new, unless the run keeps going: then all is done that does not wait for what failed.
        """
        self._schedule = Schedule(steps)
        while True:
            if more := self.keep_going or not self._failures:
                self._advance()
            if not self._running and not (more and (self._waiting or self._delayed)):
                break
            self._hear(more=more)
        if self._failures:
            waiting = [*self._waiting.items(), *(task for _, _, task in self._delayed)]
            if left := [*(task.step.name for task in waiting), *(step.name for step in self._schedule.remaining())]:
                self.listener.note(f"not run, because of what failed: {listed(left)}")
            raise _together(self._failures)

    def _advance(self) -> None:
        """Settle every step whose inputs stand and whose result is known; start the others, as far as there is room."""
        while step := self._schedule.take():
            try:
                found = self._look(step)
            except MlopsError as error:
                self._fail(error)
                if not self.keep_going:
                    return
                continue
            if isinstance(found, Result):
                self._settle(found)
            else:
                self._wait(found)
        while self._delayed and self._delayed[0][0] <= time.monotonic():
            self._wait(heapq.heappop(self._delayed)[2])
        if self._waiting and self._worker is None:
            self._start_worker()
        while task := self._waiting.pop(self._may_start):
            try:
                self._start(task)
            except MlopsError as error:
                self._failures.append(error)

    def _wait(self, task: Task) -> None:
        self._waiting.push(self._schedule.position(task.step), demand_of(task.step), task)

    def _look(self, step: Step) -> Result | Task:
        found = self.ledger.look(step)
        if isinstance(found, Task):
            self.interpreter_of(step.env)
        return found

    def _fail(self, error: MlopsError) -> None:
        if error not in self._failures:  # an environment fails once for all its steps
            self._failures.append(error)

    def _settle(self, result: Result) -> None:
        self.ledger.settled[result.name] = result
        self._schedule.settled(result.name)
        self.listener.settled(result)

    def _may_start(self, demand: Demand) -> bool | None:
        """Say whether there is room for a step; None while nothing serves its kind."""
        assert self._worker is not None
        if self._floor.fits(demand):
            return True if self._worker.free(demand.kind) else None
        return False

    def _start(self, task: Task) -> None:
        step, layout, demand = task.step, self.ledger.layout, demand_of(task.step)
        assert self._worker is not None
        lane = self._worker.free(step.kind)
        assert lane is not None
        sources = self.ledger.sources(step)
        code = tuple(self.ledger.facts.code_of(step))
        programs, modules = (code, ()) if step.kind in PROGRAMS else ((), code)
        gpus = self._free_gpus[: demand.of(GPUS)]
        there = self.capacity.amounts.get(THREADS)
        jobs = self.capacity.jobs if there is None else max(1, there // demand.of(THREADS))
        fence = self._fence(step) if self.strict and not step.built_in else None
        interpreter = self.interpreter_of(step.env)
        ground = Ground(layout.root, self.code, programs, jobs, self._memory(task), fence, interpreter, gpus, modules)
        work = make_work_folder(layout.work)
        request = prepare(step, sources, work, ground)
        self._worker.start(lane, request)
        self._floor.enter(demand)
        self._free_gpus = self._free_gpus[len(gpus) :]
        self._running[lane] = Execution(task, work, time.monotonic(), seen_by(sources, ground), demand, gpus)
        log = self._live.add(step, work, {**request.secrets, **request.surroundings})
        self.listener.started(step, self._schedule.position(step) + 1, self._total, self.ledger.expected(step), log)

    def _fence(self, step: Step) -> Fence:
        """Return what a step is kept from: its pipeline, those beside it and the cache, but for its code and inputs.

        Who imports a module looks at the names beside it.
        """
        root = self.ledger.layout.root
        closed = tuple(map(str, {root, dvc_root(root), self.ledger.store.folder.parents[1]}))
        if step.kind in PROGRAMS:  # they have copies of their code
            return Fence(closed)
        shown = (str(self.code / name) for name in self.ledger.facts.code_of(step))
        return Fence(closed, tuple(shown), (str(self.code),))

    def _memory(self, task: Task) -> Path | None:
        remembered = self.ledger.layout.searches / f"{task.key.partition(':')[2]}.jsonl"
        return remembered if task.step.kind in REMEMBERING else None

    def _hear(self, *, more: bool) -> None:
        """Wait until a step ends, a lane is ready, or if `more` may start, one is due again; settle what ended."""
        assert self._worker is not None
        seconds = max(0.0, self._delayed[0][0] - time.monotonic()) if more and self._delayed else None
        for lane, ended in self._worker.wait(seconds):
            if ended is not None:
                execution = self._running.pop(lane)
                self.listener.ended(execution.task.step)
                self._floor.leave(execution.demand)
                self._free_gpus = sorted((*self._free_gpus, *execution.gpus), key=self.gpus.index)
                try:
                    self._settle(self._finish(execution, ended))
                except MlopsError as error:
                    self._failed(execution.task, error)
                finally:
                    shutil.rmtree(execution.work, ignore_errors=True)

    def _failed(self, task: Task, error: MlopsError) -> None:
        """Try a step again that may be, or count it as failed."""
        step = task.step
        allowed = int(step.access.get("retries", 0))
        if isinstance(error, StepFailed) and self._tries[step.name] < allowed:
            self._tries[step.name] += 1
            said = error.diagnostics[0].message.partition("\n")[0].partition("; its last lines:")[0]
            delay = min(MOST_DELAY, step.access.get("retry_delay", 0.0) * 2 ** (self._tries[step.name] - 1))
            after = f" in {delay:g} s" if delay else ""
            self.listener.note(f"{said}; trying again{after} ({self._tries[step.name]} of {allowed})")
            heapq.heappush(self._delayed, (time.monotonic() + delay, self._schedule.position(step), task))
            return
        self._failures.append(error)
        names = [execution.task.step.name for execution in self._running.values()]
        if names and not self.keep_going:
            self.listener.note(f"{step.name} failed; what already runs may finish: {listed(names)} (Ctrl-C stops it)")

    def _finish(self, execution: Execution, ended: Exit) -> Result:
        """Take in what a step wrote."""
        task, step = execution.task, execution.task.step
        try:
            ran = conclude(step, execution.work, ended, time.monotonic() - execution.started, execution.seen)
        except StepFailed as error:
            if not self.strict or step.built_in:
                raise
            log = log_tail(execution.work)
            raise explained(error, log, self.ledger.layout.root, execution.seen.inputs) from error
        finally:
            keep_log(self.ledger.layout.logs, step, execution.work)
            self._live.remove(step)
        if self.strict and (surprises := ran.surprises):
            message = f"step {step.name} did what it does not declare: {'; '.join(surprises)}"
            raise StepFailed(Diagnostic("undeclared", message, step.place(""), "declare it, or run without --strict"))
        result = self.ledger.keep(task, ran)
        if memory := self._memory(task):  # not before: a kill in between would lose every trial
            memory.unlink(missing_ok=True)
        return result

    def _start_worker(self) -> None:
        remaining = [*(task.step for task in self._waiting.items()), *self._schedule.remaining()]
        self._worker = self.workers.take(self._room)
        shared = libraries(remaining, self._room, self.ledger.facts, self.code)
        self._worker.equip(levels(remaining, min(self.capacity.jobs, len(remaining)), shared))


def _together(failures: Sequence[MlopsError]) -> MlopsError:
    """Return one error for several steps that failed: of the first one's kind, with what all have to say."""
    return failures[0] if len(failures) == 1 else type(failures[0])([d for f in failures for d in f.diagnostics])
