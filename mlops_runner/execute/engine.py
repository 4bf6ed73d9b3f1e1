"""The engine: for each step, as soon as what it reads stands, does the least that makes its artifacts stand.

Unchanged ones stay, known ones come back from the store, the rest runs, several at a time where they do not wait for
each other. Whatever finishes is journaled at once, so that a kill loses nothing that finished; pointers and lock are
written when all steps are settled.
"""

import heapq
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlops_runner.errors import Diagnostic, MlopsError, StepFailed
from mlops_runner.execute.ahead import Workers
from mlops_runner.execute.fence import UNWATCHED, available, explained
from mlops_runner.execute.handlers import levels
from mlops_runner.execute.isolation import Exit, Lane, Room, Worker, room_of, threads
from mlops_runner.execute.ledger import Ledger, Task
from mlops_runner.execute.libraries import libraries
from mlops_runner.execute.messages import Fence
from mlops_runner.execute.mirror import Seen
from mlops_runner.execute.process import Ground, conclude, keep_log, log_tail, make_work_folder, prepare, seen_by
from mlops_runner.execute.publish import Publisher
from mlops_runner.execute.result import Result
from mlops_runner.execute.schedule import Schedule
from mlops_runner.plan.names import listed
from mlops_runner.plan.steps import PROGRAMS, Step
from mlops_runner.store.repository import dvc_root

SEARCH = "search"
REMEMBERING = frozenset({SEARCH, "refit"})  # they do many things, and remember those that are done


class Listener(Protocol):
    """Told what happens, in order."""

    def started(self, step: Step, position: int, total: int, expected: float | None) -> None:
        """A step starts; `expected` are seconds from earlier runs."""

    def settled(self, result: "Result") -> None:
        """A step's artifacts stand."""

    def note(self, text: str) -> None:
        """Something a person should know."""


class Silence:
    """A listener that nobody listens to."""

    def started(self, step: Step, position: int, total: int, expected: float | None) -> None:
        """Say nothing."""

    def settled(self, result: Result) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A task that runs: its folder, when it started (monotonic seconds), and what lay there before."""

    task: Task
    work: Path
    started: float
    seen: Seen


@dataclass(slots=True)
class Engine:
    """Executes the steps of a plan against one project.

    interpreter_of: makes the environment of a name ready for the steps that run in it, and says where its Python is.
    jobs: steps that may run at a time; processors: how many threads these may have together, if that counts.
    """

    ledger: Ledger
    code: Path
    workers: Workers
    listener: Listener
    interpreter_of: Callable[[str], str]
    jobs: int
    processors: int | None = None
    keep_going: bool = False
    strict: bool = False
    _worker: Worker | None = None
    _schedule: Schedule = field(init=False)
    _total: int = 0
    _room: Room = field(init=False)
    _tasks: list[tuple[int, Task]] = field(default_factory=list)
    _running: dict[Lane, Execution] = field(default_factory=dict)
    _failures: list[MlopsError] = field(default_factory=list)
    _tries: Counter[str] = field(default_factory=Counter)

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
            if self.keep_going or not self._failures:
                self._advance()
            if not self._running and (not self._tasks or (self._failures and not self.keep_going)):
                break
            self._hear()
        if self._failures:
            if left := [step.name for step in self._schedule.remaining()]:
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
                heapq.heappush(self._tasks, (self._schedule.position(step), found))
        if self._tasks and self._worker is None:
            self._start_worker()
        waiting = []
        while self._tasks and len(self._running) < self.jobs:
            task = heapq.heappop(self._tasks)
            if not self._started(task[1]):
                waiting.append(task)
        for task in waiting:
            heapq.heappush(self._tasks, task)

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

    def _started(self, task: Task) -> bool:
        """Start a step if there is room for it; say whether it waits no longer."""
        assert self._worker is not None
        lane = self._worker.free(task.step.kind) if self._has_room_for(task.step) else None
        if lane is None:
            return False
        try:
            self._start(task, lane, self._worker)
        except MlopsError as error:
            self._failures.append(error)
        return True

    def _start(self, task: Task, lane: Lane, worker: Worker) -> None:
        step, layout = task.step, self.ledger.layout
        sources = self.ledger.sources(step)
        programs = tuple(self.ledger.facts.code_of(step)) if step.kind in PROGRAMS else ()
        jobs = self.jobs if self.processors is None else max(1, self.processors // threads(step))
        fence = self._fence(step) if self.strict and not step.built_in else None
        interpreter = self.interpreter_of(step.env)
        ground = Ground(layout.root, self.code, programs, jobs, self._memory(task), fence, interpreter)
        work = make_work_folder(layout.work)
        request = prepare(step, sources, work, ground)
        self.listener.started(step, self._schedule.position(step) + 1, self._total, self.ledger.expected(step))
        worker.start(lane, request)
        self._running[lane] = Execution(task, work, time.monotonic(), seen_by(sources, ground))

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

    def _has_room_for(self, step: Step) -> bool:
        """Say whether a step may start now. A search runs alone, because it uses all processors itself."""
        running = [execution.task.step for execution in self._running.values()]
        if not running:
            return True
        if SEARCH in {step.kind, *(other.kind for other in running)} or len(running) >= self.jobs:
            return False
        return self.processors is None or sum(map(threads, (step, *running))) <= self.processors

    def _memory(self, task: Task) -> Path | None:
        remembered = self.ledger.layout.searches / f"{task.key.partition(':')[2]}.jsonl"
        return remembered if task.step.kind in REMEMBERING else None

    def _hear(self) -> None:
        """Wait until a step ends or a lane is ready; settle what ended."""
        assert self._worker is not None
        for lane, ended in self._worker.wait():
            if ended is not None:
                execution = self._running.pop(lane)
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
            said = error.diagnostics[0].message.partition("\n")[0]
            self.listener.note(f"{said}; trying again ({self._tries[step.name]} of {allowed})")
            heapq.heappush(self._tasks, (self._schedule.position(step), task))
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
            log = log_tail(execution.work / "log.txt")
            raise explained(error, log, self.ledger.layout.root, execution.seen.inputs) from error
        finally:
            keep_log(self.ledger.layout.logs, step, execution.work)
        if self.strict and (surprises := ran.surprises):
            message = f"step {step.name} did what it does not declare: {'; '.join(surprises)}"
            raise StepFailed(Diagnostic("undeclared", message, step.place(""), "declare it, or run without --strict"))
        result = self.ledger.keep(task, ran)
        if memory := self._memory(task):  # not before: a kill in between would lose every trial
            memory.unlink(missing_ok=True)
        return result

    def _start_worker(self) -> None:
        remaining = [*(task.step for _, task in self._tasks), *self._schedule.remaining()]
        self._worker = self.workers.take(self._room)
        shared = libraries(remaining, self._room, self.ledger.facts, self.code)
        self._worker.equip(levels(remaining, min(self.jobs, len(remaining)), shared))


def _together(failures: Sequence[MlopsError]) -> MlopsError:
    """Return one error for several steps that failed: of the first one's kind, with what all have to say."""
    return failures[0] if len(failures) == 1 else type(failures[0])([d for f in failures for d in f.diagnostics])
