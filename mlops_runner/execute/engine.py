"""The engine: for each step, as soon as what it reads stands, does the least that makes its artifacts stand.

Unchanged ones stay, known ones come back from the store, the rest runs, several at a time where they do not wait for
each other. Whatever finishes is journaled at once, so that a kill loses nothing that finished; pointers and lock are
written when all steps are settled.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlops_runner import journal
from mlops_runner.digest import FileDigest
from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError, PlanMismatch, StepFailed
from mlops_runner.execute.ahead import Workers
from mlops_runner.execute.aside import AsideShelf
from mlops_runner.execute.handlers import levels
from mlops_runner.execute.isolation import Exit, Lane, Room, Worker, threads_of
from mlops_runner.execute.mirror import Seen
from mlops_runner.execute.process import Ground, Ran, conclude, keep_log, make_work_folder, prepare, seen_by
from mlops_runner.execute.publish import Publisher
from mlops_runner.execute.result import How, Result
from mlops_runner.execute.schedule import Schedule
from mlops_runner.execute.shelf import Shelf
from mlops_runner.execute.sources import Source, Stored, sources_of
from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock, Output, Stage
from mlops_runner.plan.build import addresses, known_external
from mlops_runner.plan.key import Resolved, resolve_inputs, step_key, taken
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Input, Step
from mlops_runner.store.inputs import Inputs
from mlops_runner.store.layout import Layout
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

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
class Known:
    """A result that need not be computed again, and where it was found."""

    outputs: Mapping[str, Output]
    metrics: Mapping[str, float | int | None | str | bool]
    gates: Mapping[str, str]
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A step that must run, with its key and inputs."""

    step: Step
    key: str
    resolved: Resolved


@dataclass(frozen=True, slots=True)
class Execution:
    """A task that runs: its folder, when it started (monotonic seconds), and what lay there before."""

    task: Task
    work: Path
    started: float
    seen: Seen


@dataclass(slots=True)
class Engine:
    """Executes the steps of a plan against one project."""

    layout: Layout
    lock: Lock
    facts: Facts
    code: Path
    workers: Workers
    listener: Listener
    before_executing: Callable[[], None]
    jobs: int
    force: bool = False
    aside: bool = False  # keep what is made in the store alone; leave folder, pointers and lock as they are
    store: ObjectStore = field(init=False)
    stats: StatCache = field(init=False)
    inputs: Inputs = field(init=False)
    shelf: Shelf = field(init=False)
    finished: dict[str, Finished] = field(init=False)
    settled: dict[str, Result] = field(default_factory=dict)
    _worker: Worker | None = None
    _schedule: Schedule = field(init=False)
    _total: int = 0
    _threads: int = 1
    _seconds: dict[str, float] = field(init=False)  # by step, of its last execution
    _locked: dict[str, Stage] = field(init=False)  # by key
    _tasks: list[Task] = field(default_factory=list)
    _running: dict[Lane, Execution] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stats = StatCache(self.layout.stats)
        self.inputs = Inputs(self.layout)
        self.store = ObjectStore(self.layout.root, self.stats)
        shelf = AsideShelf if self.aside else Shelf
        self.shelf = shelf(self.layout, self.store, self.stats, self.listener.note)
        self.finished = journal.read(self.layout.journal)
        self._seconds = {done.step: done.seconds for done in self.finished.values()}
        self._locked = {stage.key: stage for stage in reversed(list(self.lock.stages.values()))}

    def run(self, steps: Sequence[Step]) -> list[Result]:
        """Settle all steps, then write pointers and lock. Raises StepFailed, InvalidInput, PlanMismatch."""
        self._total, self._threads = len(steps), threads_of(steps)
        try:
            self._settle_all(steps)
            if self._worker:
                self._worker.dismiss()  # it takes itself apart while the rest is written
            if not self.aside:
                self._publish()
        finally:
            if self._worker:
                self._worker.close()
            self.stats.save()
        return [self.settled[step.name] for step in steps]

    def _publish(self) -> None:
        publisher = Publisher(self.layout.root, self.store, self.shelf, self.finished.values())
        publisher.publish(self.lock, self.facts.environment, self.settled)

    def _settle_all(self, steps: Sequence[Step]) -> None:
        """Settle what can be settled, start what can be started, wait, and so on. A failure starts nothing new."""
        self._schedule = Schedule(steps)
        failures: list[MlopsError] = []
        while True:
            if not failures:
                try:
                    self._advance()
                except MlopsError as error:
                    failures.append(error)
            if not self._running and (failures or not self._tasks):
                break
            failures += self._hear()
        if failures:
            raise _together(failures)

    def _advance(self) -> None:
        """Settle every step whose inputs stand and whose result is known; start the others, as far as there is room."""
        while step := self._schedule.take():
            task = self._task(step)
            if isinstance(task, Result):
                self._settled(task)
            else:
                self._tasks.append(task)
        self._tasks.sort(key=lambda task: self._schedule.position(task.step))
        if self._tasks and self._worker is None:
            self._start_worker()
        waiting = []
        for number, task in enumerate(self._tasks):
            if len(self._running) >= self.jobs:
                waiting += self._tasks[number:]
                break
            if not self._start(task):
                waiting.append(task)
        self._tasks = waiting

    def _settled(self, result: Result) -> None:
        self.settled[result.name] = result
        self._schedule.settled(result.name)
        self.listener.settled(result)

    def _task(self, step: Step) -> Result | Task:
        """Return the result of a step that need not run, or else what is to run."""
        stage = self.lock.stages.get(step.name)
        external, _ = known_external(step, stage, self.facts)
        outputs = {item.producer: self._paths(item.producer) for item in step.inputs if item.producer is not None}
        resolved, unknown = resolve_inputs(step, outputs, external)
        if unknown:
            raise InvalidInput([_missing(step, item) for item in unknown])
        key = step_key(step, resolved, self.facts.code_of(step), self.facts.environment.digest)
        known = None if self.force and not step.fetches else self._known(step, key)
        if known and (brought := self.shelf.bring(step.output, known.outputs)):
            files, restored = brought
            how: How = "restored" if restored or stage is None or stage.key != key else "unchanged"
            return Result(step, how, self._stage(step, key, resolved, known, files), files)
        if absent := [item for item in step.inputs if item.path in self.facts.absent]:
            raise InvalidInput([_missing(step, item) for item in absent])
        return Task(step, key, resolved)

    def _start(self, task: Task) -> bool:
        """Start a step if there is room for it, and say whether."""
        assert self._worker is not None
        lane = self._worker.free(task.step.kind) if self._has_room_for(task.step) else None
        if lane is None:
            return False
        step = task.step
        work = make_work_folder(self.layout.work)
        sources = self._sources(step) | self._previous(step)
        programs = tuple(self.facts.code_of(step)) if step.kind == "command" else ()
        ground = Ground(self.layout.root, self.code, programs, self.jobs, self._memory(task))
        request = prepare(step, sources, work, ground)
        self.listener.started(step, self._schedule.position(step) + 1, self._total, self._seconds.get(step.name))
        self._worker.start(lane, request)
        self._running[lane] = Execution(task, work, time.monotonic(), seen_by(sources, ground))
        return True

    def _has_room_for(self, step: Step) -> bool:
        """Say whether a step may start now. A search runs alone, because it uses all processors itself."""
        alone = SEARCH in {execution.task.step.kind for execution in self._running.values()}
        return not self._running if step.kind == SEARCH else not alone and len(self._running) < self.jobs

    def _memory(self, task: Task) -> Path | None:
        return self.layout.searches / f"{task.key.partition(':')[2]}.jsonl" if task.step.kind in REMEMBERING else None

    def _hear(self) -> list[MlopsError]:
        """Wait until a step ends or a lane is ready; settle what ended. Returns how steps failed."""
        assert self._worker is not None
        failures = []
        for lane, ended in self._worker.wait():
            if ended is not None:
                execution = self._running.pop(lane)
                try:
                    self._settled(self._finish(execution, ended))
                except MlopsError as error:
                    failures.append(error)
                    self._tell_who_still_runs(execution.task.step)
                finally:
                    shutil.rmtree(execution.work, ignore_errors=True)
        return failures

    def _tell_who_still_runs(self, failed: Step) -> None:
        if names := ", ".join(sorted(execution.task.step.name for execution in self._running.values())):
            self.listener.note(f"{failed.name} failed; what already runs may finish: {names} (Ctrl-C stops it)")

    def _known(self, step: Step, key: str) -> Known | None:
        own = self.lock.stages.get(step.name)
        if stage := own if own and own.key == key else self._locked.get(key):
            outputs = {step.name_of(path): output for path, output in stage.outputs.items()}
            return Known(outputs, stage.metrics, stage.gates, stage.accepted)
        if done := self.finished.get(key):
            return Known({n: Output(d.md5, d.sha256) for n, d in done.outputs.items()}, done.metrics, done.gates)
        return None

    def _finish(self, execution: Execution, ended: Exit) -> Result:
        """Keep what a step wrote, and journal it."""
        task, step = execution.task, execution.task.step
        try:
            ran = conclude(step, execution.work, ended, time.monotonic() - execution.started, execution.seen)
        finally:
            keep_log(self.layout.logs, step, execution.work)
        self._refuse_changed_inputs(step)
        self.shelf.keep(step.output, ran.out, ran.files)
        done = Finished(
            task.key, step.name, ran.files, ran.reply.metrics, ran.reply.gates, ran.seconds, ran.reply.local
        )
        journal.append(self.layout.journal, done)
        if memory := self._memory(task):  # not before: a kill in between would lose every trial
            memory.unlink(missing_ok=True)
        known = Known({}, ran.reply.metrics, ran.reply.gates)
        stage = self._stage(step, task.key, task.resolved, known, ran.files)
        differs = self._differs(step, task.key, ran)
        return Result(
            step,
            "ran",
            stage,
            ran.files,
            ran.seconds,
            ran.peak_kib,
            differs or (),
            differs == (),
            (*ran.reply.warnings, *ran.surprises),
        )

    def _start_worker(self) -> None:
        self.before_executing()
        remaining = [*(task.step for task in self._tasks), *self._schedule.remaining()]
        self._worker = self.workers.take(Room(self._threads))
        self._worker.equip(levels(remaining, min(self.jobs, len(remaining))))

    def _sources(self, step: Step) -> dict[str, Source]:
        self._refuse_mixed(step)
        return sources_of(step, self.layout.root, self.inputs, self._produced)

    def _refuse_mixed(self, step: Step) -> None:
        """Refuse a folder or pattern that takes in what steps write, and other files beside: these would be left out.

        What earlier runs left there is no such file.
        """
        problems = []
        for path in dict.fromkeys(item.path for item in step.inputs if item.producer is not None):
            items = [item for item in step.inputs if item.path == path and item.producer is not None]
            declared = {output for item in items for output in self.settled[str(item.producer)].step.outputs}
            if any(f"{path}/".startswith(f"{output}/") for output in declared):
                continue
            present = {file.relative_to(self.layout.root).as_posix() for file in self.inputs.files(path).values()}
            shown = {name for name in present if not name.endswith(".dvc") and "/." not in f"/{name}"}
            if others := sorted(shown - self._ever_written()):
                message = f"{path} takes in what steps write, and also {others[0]}, which none does"
                hint = "keep what steps write in a folder of its own, or name the files one by one"
                problems.append(Diagnostic("mixed-input", message, step.input_place(items[0]), hint))
        if problems:
            raise InvalidInput(problems)

    def _ever_written(self) -> set[str]:
        """Return the paths that steps of this project write, or have written."""
        locked = {path for stage in self.lock.stages.values() for path in stage.outputs}
        settled = {path for result in self.settled.values() for path in result.stage.outputs}
        return locked | settled | {path for done in self.finished.values() for path in done.outputs}

    def _produced(self, item: Input) -> dict[str, Stored]:
        """Return what a settled step wrote of an input."""
        assert item.producer is not None
        producer, paths = self.settled[item.producer], self._paths(item.producer)
        files = {path: producer.files[producer.step.name_of(path)] for path in taken(item, paths)}
        return {
            path: Stored(self._readable(producer.step, producer.step.name_of(path), digest), digest.sha256)
            for path, digest in files.items()
        }

    def _paths(self, name: str) -> dict[str, str]:
        """Return what a settled step wrote: path → sha256."""
        result = self.settled[name]
        return {result.step.path_of(file): digest.sha256 for file, digest in result.files.items()}

    def _previous(self, step: Step) -> dict[str, Source]:
        """Return what the last locked version of a step wrote, as far as it is here: `previous.<file>`."""
        stage = self.lock.stages.get(step.name)
        locked = {path.rpartition("/")[2]: output for path, output in stage.outputs.items()} if stage else {}
        found = {}
        for name in step.previous:
            if name in locked and self.store.verified(locked[name].md5, locked[name].sha256):
                found[f"previous.{name}"] = Source({name: self.store.path(locked[name].md5)}, False, {})
        return found

    def _readable(self, producer: Step, name: str, digest: FileDigest) -> Path:
        path = self.shelf.readable(producer.output, name, digest)
        if path is None:
            message = f"{producer.path_of(name)} was damaged after {producer.name} had finished"
            raise StepFailed(Diagnostic("artifact-damaged", message, producer.place(""), "run again: it is made anew"))
        return path

    def _refuse_changed_inputs(self, step: Step) -> None:
        for item in (item for item in step.inputs if item.producer is None):
            found = self.inputs.look(item.path)
            if found is None or found.digest != self.facts.external[item.path]:
                message = f"{item.path} changed while {step.name} was reading it"
                raise PlanMismatch(
                    Diagnostic("input-changed", message, step.input_place(item), "run again when it is quiet")
                )

    def _differs(self, step: Step, key: str, ran: Ran) -> tuple[str, ...] | None:
        """Name the outputs that are not what the same key produced before; None when it is not locked to compare."""
        locked = self._locked.get(key)
        if locked is None or locked.repro == "none" or locked.accepted:
            return None
        then = {step.name_of(path): output.sha256 for path, output in locked.outputs.items()}
        now = {name: digest.sha256 for name, digest in ran.files.items()}
        return tuple(sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)))

    def _stage(self, step: Step, key: str, resolved: Resolved, known: Known, files: Mapping[str, FileDigest]) -> Stage:
        return Stage(
            key=key,
            spec=step.spec,
            repro=step.repro,
            code=self.facts.code_of(step),
            inputs=dict(resolved.files),
            addresses=addresses(step, self.lock.stages.get(step.name), self.facts),
            outputs={step.path_of(name): Output(d.md5, d.sha256) for name, d in files.items()},
            params=step.params,
            metrics=dict(known.metrics),
            gates=dict(known.gates),
            accepted=known.accepted,
        )


def _missing(step: Step, item: Input) -> Diagnostic:
    if item.producer is not None:
        message = f"{item.path} is not among what {item.producer} wrote"
        return Diagnostic("not-written", message, step.input_place(item), f"see its outputs: mlops why {item.producer}")
    hint = f"if DVC tracks it: dvc pull {item.path}"
    return Diagnostic("missing-input", f"{item.path} is not there", step.input_place(item), hint)


def _together(failures: Sequence[MlopsError]) -> MlopsError:
    """Return one error for several steps that failed: of the first one's kind, with what all have to say."""
    return failures[0] if len(failures) == 1 else type(failures[0])([d for f in failures for d in f.diagnostics])
