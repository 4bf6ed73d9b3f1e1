"""What is known of each step, by the lock, the journal and what this run has settled; and what becomes known."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlops_runner import journal
from mlops_runner.digest import FileDigest
from mlops_runner.durable import sync_everything
from mlops_runner.errors import Diagnostic, InvalidInput, PlanMismatch, StepFailed
from mlops_runner.execute.aside import AsideShelf
from mlops_runner.execute.executed import same_outputs
from mlops_runner.execute.lacking import missing, not_returned
from mlops_runner.execute.left import Left
from mlops_runner.execute.process import Ran
from mlops_runner.execute.result import How, Known, Result, Task
from mlops_runner.execute.shelf import Shelf
from mlops_runner.execute.sources import Source, Stored, sources_of
from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock, Output, Scalar, Stage
from mlops_runner.plan.build import addresses, known_external
from mlops_runner.plan.key import Resolved, resolve_inputs, step_key, taken
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.values import with_values
from mlops_runner.store.inputs import Inputs
from mlops_runner.store.layout import Layout
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

SYNC_SECONDS = 1.0  # what a power cut may cost


# Names the files of a step's code that have changed since their fingerprints, which are given, were taken.
ChangedCode = Callable[[Step, Mapping[str, str]], Sequence[str]]


@dataclass
class Ledger:
    """The results of one project's steps. Whatever is kept is journaled at once, and stands where it belongs."""

    layout: Layout
    lock: Lock
    facts: Facts
    inputs: Inputs
    changed_code: ChangedCode
    note: Callable[[str], None]
    force: bool = False
    aside: bool = False
    left: Sequence[Step] | None = None  # steps that stay as they are locked; None: the run is about all there are
    store: ObjectStore = field(init=False)
    stats: StatCache = field(init=False)
    shelf: Shelf = field(init=False)
    settled: dict[str, Result] = field(default_factory=dict)
    _left: Left = field(init=False)
    _locked: dict[str, Stage] = field(init=False)  # by key
    _unsynced: bool = False
    _synced: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.stats = self.inputs.stats
        self.store = ObjectStore(self.layout.root, self.stats)
        self.shelf = (AsideShelf if self.aside else Shelf)(self.layout, self.store, self.stats, self.note)
        self._left = Left(self.left or (), self.lock)
        self._locked = {stage.key: stage for stage in reversed(list(self.lock.stages.values()))}

    @functools.cached_property
    def finished(self) -> dict[str, Finished]:
        """What had finished here before, by key."""
        return journal.read(self.layout.journal)

    @functools.cached_property
    def _seconds(self) -> dict[str, float]:
        """By step, how long its last execution took."""
        return {done.step: done.seconds for done in self.finished.values()}

    def expected(self, step: Step) -> float | None:
        """Return how many seconds a step took the last time."""
        return self._seconds.get(step.name)

    def look(self, step: Step) -> Result | Task:
        """Return the result of a step that need not run, or else what is to run; its producers are settled.

        Raises InvalidInput for inputs that are not there.
        """
        stage = self.lock.stages.get(step.name)
        if step.frozen:
            return self._frozen(step, stage)
        step = self._with_values(step)
        external, _ = known_external(step, stage, self.facts)
        outputs = {item.producer: self._paths(item.producer) for item in step.files if item.producer is not None}
        resolved, unknown = resolve_inputs(step, outputs, external)
        if unknown:
            raise InvalidInput([missing(step, item, self.facts) for item in unknown])
        key = step_key(step, resolved, self.facts.code_of(step), self.facts.environment_of(step).digest)
        known = None if (self.force or step.always) and not step.fetches else self._known(step, key)
        if known and (brought := self.shelf.bring(step.output, known.outputs)):
            files, restored = brought
            how: How = "restored" if restored or stage is None or stage.key != key else "unchanged"
            return Result(step, how, self._stage(step, key, resolved, known, files), files)
        if absent := [item for item in step.inputs if item.path in self.facts.absent]:
            raise InvalidInput([missing(step, item, self.facts) for item in absent])
        return Task(step, key, resolved)

    def _with_values(self, step: Step) -> Step:
        """Return a step with what it takes from others. Raises InvalidInput for what they did not return."""
        returned = {str(item.producer): self._returned(str(item.producer)) for item in step.values}
        found, lacking = with_values(step, returned)
        if lacking:
            raise InvalidInput([not_returned(step, item, returned[str(item.producer)]) for item in lacking])
        return found

    def _returned(self, name: str) -> Mapping[str, Scalar]:
        return self._left.metrics(name) if name in self._left else self.settled[name].stage.metrics

    def sources(self, step: Step) -> dict[str, Source]:
        """Return what a step is shown. Raises InvalidInput, StepFailed, PlanMismatch."""
        self._refuse_mixed(step)
        produced = functools.partial(self._produced, step)
        return sources_of(step, self.layout.root, self.inputs, produced) | self._previous(step)

    def keep(self, task: Task, ran: Ran) -> Result:
        """Keep what a step wrote, and journal it.

        Raises PlanMismatch if what it read, or its code, is no longer what it was.
        """
        step = task.step
        self._refuse_changed(step)
        self.shelf.keep(step.output, ran.out, ran.files)
        reply = ran.reply
        done = Finished(task.key, step.name, ran.files, reply.metrics, reply.gates, ran.seconds, reply.local)
        journal.append(self.layout.journal, done)
        self._unsynced = True
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()
        known = Known({}, reply.metrics, reply.gates)
        stage = self._stage(step, task.key, task.resolved, known, ran.files)
        differs = self._differs(step, task.key, ran)
        warnings = (*reply.warnings, *ran.surprises)
        return Result(
            step, "ran", stage, ran.files, ran.seconds, ran.peak_kib, differs or (), differs == (), warnings
        )  # fmt: skip

    def sync(self) -> None:
        """Have what was kept survive a power cut, too. Until then, objects that it tore are found by their digests."""
        if self._unsynced:
            sync_everything(self.layout.root, self.store.folder)  # the cache may lie on another disk
            self._unsynced, self._synced = False, time.monotonic()

    def _frozen(self, step: Step, stage: Stage | None) -> Result:
        """Keep the locked result of a step that is never run. Raises InvalidInput for one that is not here."""
        if stage is None:
            message, hint = f"{step.name} is frozen, and nothing of it is locked", "run it once without frozen"
            raise InvalidInput(Diagnostic("frozen", message, step.place("frozen"), hint))
        brought = self.shelf.bring(step.output, {step.name_of(path): found for path, found in stage.outputs.items()})
        if brought is None:
            message = f"{step.name} is frozen, and its artifacts are neither here nor in the cache"
            raise InvalidInput(Diagnostic("frozen", message, step.place("frozen"), "run: dvc pull"))
        files, restored = brought
        return Result(step, "restored" if restored else "unchanged", stage, files)

    def _known(self, step: Step, key: str) -> Known | None:
        own = self.lock.stages.get(step.name)
        if stage := own if own and own.key == key else self._locked.get(key):
            outputs = {step.name_of(path): output for path, output in stage.outputs.items()}
            return Known(outputs, stage.metrics, stage.gates, stage.accepted)
        if done := self.finished.get(key):
            return Known({n: Output(d.md5, d.sha256) for n, d in done.outputs.items()}, done.metrics, done.gates)
        return None

    def _refuse_mixed(self, step: Step) -> None:
        """Refuse a folder or pattern that takes in what steps write, and other files beside: these would be left out.

        What earlier runs left there is no such file.
        """
        problems = []
        for path in dict.fromkeys(item.path for item in step.files if item.producer is not None):
            items = [item for item in step.files if item.path == path and item.producer is not None]
            declared = {output for item in items for output in self._step(str(item.producer)).outputs}
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

    def _step(self, name: str) -> Step:
        return self._left.step(name) if name in self._left else self.settled[name].step

    def _produced(self, step: Step, item: Input) -> dict[str, Stored]:
        """Return what a settled step, or one that is left as it is locked, wrote of an input."""
        assert item.producer is not None
        if item.producer in self._left:
            return self._left.stored(item, step, self.store, self.shelf)
        producer, paths = self.settled[item.producer], self._paths(item.producer)
        files = {path: producer.files[producer.step.name_of(path)] for path in taken(item, paths)}
        return {
            path: Stored(self._readable(producer.step, producer.step.name_of(path), digest), digest.sha256)
            for path, digest in files.items()
        }

    def _paths(self, name: str) -> dict[str, str]:
        """Return what a settled step, or one that is left as it is locked, wrote: path → sha256."""
        if name in self._left:
            return self._left.paths(name)
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

    def _refuse_changed(self, step: Step) -> None:
        for item in step.files:
            if changed := self._changed(step, item):
                message = f"{changed} changed while {step.name} was reading it"
                hint = "run again when it is quiet" if item.producer is None else "a step must not write what it reads"
                raise PlanMismatch(Diagnostic("input-changed", message, step.input_place(item), hint))
        if files := self.changed_code(step, self.facts.code_of(step)):
            message = f"{files[0]} changed while {step.name} was running"
            raise PlanMismatch(Diagnostic("code-changed", message, step.place(""), "run again when it is quiet"))

    def _changed(self, step: Step, item: Input) -> str | None:
        """Name what has changed of an input. What lies in the store is whole again afterwards, where that can be."""
        if item.producer is None:
            found = self.inputs.look(item.path)
            return item.path if found is None or found.digest != self.facts.external[item.path] else None
        if item.producer in self._left:
            return None
        producer = self.settled[item.producer]
        for path in taken(item, self._paths(item.producer)):
            digest = producer.files[producer.step.name_of(path)]
            if not self.shelf.stored(digest):
                self._produced(step, item)
                return path
        return None

    def _differs(self, step: Step, key: str, ran: Ran) -> tuple[str, ...] | None:
        """Name the outputs that are not what the same key produced before; None when it is not locked to compare."""
        locked = self._locked.get(key)
        if locked is None or locked.repro == "none" or locked.accepted:
            return None
        then = {step.name_of(path): output.sha256 for path, output in locked.outputs.items()}
        now = {name: digest.sha256 for name, digest in ran.files.items()}
        different = {name for name in then.keys() | now.keys() if then.get(name) != now.get(name)}
        told = str(step.config.get("executed"))
        if told in different & then.keys() and self._tells_the_same(locked.outputs[told].md5, ran.files[told].md5):
            different.remove(told)
        return tuple(sorted(different))

    def _tells_the_same(self, one: str, other: str) -> bool:
        """Say whether two executed notebooks differ in their texts alone, which are in no key."""
        paths = [self.store.path(md5) for md5 in (one, other)]
        return all(path.exists() for path in paths) and same_outputs(*(path.read_bytes() for path in paths))

    def _stage(self, step: Step, key: str, resolved: Resolved, known: Known, files: Mapping[str, FileDigest]) -> Stage:
        return Stage(
            key=key,
            spec=step.spec,
            env=step.env,
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
