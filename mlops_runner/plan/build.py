"""Build a plan: compare what the specs ask for with what the lock recorded, step by step, without side effects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.model import Lock, Scalar, Stage
from mlops_runner.plan.key import Outputs, Resolved, resolve_inputs, step_key
from mlops_runner.plan.model import Facts, Plan, PlannedStep, Reason
from mlops_runner.plan.reasons import explain, unexplained
from mlops_runner.plan.select import Selection, selected
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.values import Returned, as_locked, with_values


def build_plan(pipeline: str, steps: Sequence[Step], lock: Lock, facts: Facts) -> Plan:
    """Decide for every step whether it is new, must rerun, is unchanged, was renamed, or depends on what runs first."""
    builder = _Builder({step.name: step for step in steps}, lock, facts)
    planned = [builder.decide(step) for step in steps]
    kept = builder.steps.keys() | builder.renamed
    removed = [PlannedStep(name, "remove") for name in sorted(lock.stages) if name not in kept]
    return Plan(pipeline, (*planned, *removed), facts.notes)


def build_part(pipeline: str, steps: Sequence[Step], lock: Lock, facts: Facts, selection: Selection) -> Plan:
    """Decide for the selected steps alone: what they read of the others is what these wrote when they were locked.

    Raises UsageFailure for a selection that matches nothing.
    """
    chosen = selected(steps, selection)
    partial = behind(steps, lock, facts, chosen)
    builder = _Builder({step.name: step for step in steps}, lock, facts, {s.name for s in steps} - chosen)
    planned = []
    for step in steps:
        if step.name in chosen:
            planned.append(builder.decide(step))
        elif stage := lock.stages.get(step.name):
            builder.stands(step, stage)
    return Plan(pipeline, tuple(planned), facts.notes, selection, partial)


def behind(steps: Sequence[Step], lock: Lock, facts: Facts, chosen: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the steps that are not locked as the specs imply; or may not be after a run of the chosen.

    A step that runs every time is not behind for that.
    """
    calm = [replace(s, access={**s.access, "always": False}) if s.always else s for s in steps]
    found: dict[str, None] = {}
    for planned in build_plan("", calm, lock, facts).steps:
        follows = planned.step is not None and any(item.producer in found for item in planned.step.inputs)
        if follows or (planned.name not in chosen and planned.action != "unchanged"):
            found[planned.name] = None
    return tuple(found)


def written(step: Step, stage: Stage) -> Outputs:
    """Return what a locked stage of the same key wrote, at the paths where the step writes it: path → sha256."""
    return {step.path_of(step.name_of(path)): output.sha256 for path, output in stage.outputs.items()}


def refuse_unpinned(steps: Sequence[Step]) -> None:
    """Refuse to run while a step would have to fetch what no digest pins. Raises InvalidInput."""
    hint = "run: mlops data refresh"
    found = [step for step in steps if step.fetches and not step.pinned]
    if found:
        raise InvalidInput(
            Diagnostic("not-pinned", "the source is not pinned yet", step.place("source"), hint) for step in found
        )


def known_external(step: Step, stage: Stage | None, facts: Facts) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the digests of what a step reads and no step writes.

    What is absent counts as its locked digest and is named, unless the pointer of DVC says that it is another one now.
    What a pipeline below writes is known by its lock.
    """
    outside = [item for item in step.inputs if item.producer is None]
    external = {item.path: facts.external[item.path] for item in outside if item.path in facts.external}
    counted = []
    for item in outside:
        locked = stage.inputs.get(item.path) if stage else None
        if item.path in facts.absent and item.path in external:
            counted.append(item.path)
        elif item.path in facts.absent and locked and not _moved(item, stage, facts):
            external[item.path] = locked.removeprefix("sha256:")
            counted.append(item.path)
    return external, tuple(counted)


def addresses(step: Step, stage: Stage | None, facts: Facts) -> dict[str, str]:
    """Return under which md5 DVC keeps the inputs that it tracks: of what is there, else as it was locked."""
    present = {item.path: f"md5:{facts.addresses[item.path]}" for item in step.inputs if item.path in facts.addresses}
    absent = {item.path for item in step.inputs if item.path in facts.absent}
    locked = {path: address for path, address in stage.addresses.items() if path in absent} if stage else {}
    return {**locked, **present}


def _moved(item: Input, stage: Stage | None, facts: Facts) -> bool:
    """Say whether the pointer of an input that is not there names something else than was locked."""
    pointer, locked = facts.pointers.get(item.path), stage.addresses.get(item.path) if stage else None
    return pointer is not None and locked is not None and locked != f"md5:{pointer.md5}"


@dataclass(slots=True)
class _Builder:
    """A plan in the making: what the steps decided so far have written, and which stages went on under a new name.

    returned: the metrics of the steps that are settled.
    """

    steps: Mapping[str, Step]
    lock: Lock
    facts: Facts
    left: Collection[str] = ()  # names of steps that are not looked at: they stay as they are locked
    settled: dict[str, Outputs] = field(default_factory=dict)
    returned: dict[str, Mapping[str, Scalar]] = field(default_factory=dict)
    renamed: set[str] = field(default_factory=set)
    by_key: dict[str, list[str]] | None = None

    def decide(self, step: Step) -> PlannedStep:
        """Decide for a step whose producers are decided."""
        if step.fetches and not step.pinned:
            reason = Reason("not-pinned", "source", place=step.place("source"))
            return PlannedStep(step.name, "unresolved", step, None, (reason,))
        if lacking := [
            item for item in step.inputs if item.producer in self.left and item.producer not in self.settled
        ]:
            reasons = tuple(Reason("not-locked", i.path, i.producer, place=step.input_place(i)) for i in lacking)
            return PlannedStep(step.name, "unresolved", step, None, reasons)
        stage = self.lock.stages.get(step.name)
        if step.frozen:
            return self._frozen(step, stage)
        step, unreturned = with_values(step, self.returned)
        external, counted = known_external(step, stage, self.facts)
        settled = {path: digest for path, digest in external.items() if path not in self.facts.behind}
        resolved, unknown = resolve_inputs(step, self.settled, settled)
        unknown += unreturned
        if missing := [item for item in unknown if self._is_missing(item)]:
            return PlannedStep(step.name, "unresolved", step, None, _missing(step, missing, self.returned))
        if unknown:
            return self._pending(step, stage, resolved, unknown)
        key = self._key(step, resolved)
        if stage and stage.key == key and step.always:
            return PlannedStep(step.name, "rerun", step, key, (Reason("always", "always", place=step.place("always")),))
        if stage and stage.key == key:
            self.stands(step, stage)
            return PlannedStep(step.name, "unchanged", step, key, (), counted)
        if before := self._renamed_from(key):
            self.renamed.add(before)
            self.stands(step, self.lock.stages[before])
            reason = Reason("renamed", "name", before, step.name, _declared(step))
            return PlannedStep(step.name, "rename", step, key, (reason,), counted)
        if stage is None:
            return PlannedStep(step.name, "add", step, key, (_new(step),), counted)
        reasons = tuple(explain(step, stage, self.lock, resolved, self.facts)) or (unexplained(step, stage),)
        return PlannedStep(step.name, "rerun", step, key, reasons, counted)

    def _frozen(self, step: Step, stage: Stage | None) -> PlannedStep:
        """Keep what is locked of a step, whatever it would be now."""
        if stage is None:
            reason = Reason("frozen-unlocked", step.name, place=step.place("frozen"))
            return PlannedStep(step.name, "unresolved", step, None, (reason,))
        self.stands(step, stage)
        return PlannedStep(step.name, "unchanged", step, stage.key)

    def stands(self, step: Step, stage: Stage) -> None:
        """Take what a stage recorded as the result of a step."""
        self.settled[step.name] = written(step, stage)
        self.returned[step.name] = stage.metrics

    def _is_missing(self, item: Input) -> bool:
        """Say whether no run could bring what is not known: nothing is there, or its producer wrote other files."""
        if item.producer is None:
            return item.path not in self.facts.pointers and item.path not in self.facts.behind
        return item.producer in self.settled

    def _pending(self, step: Step, stage: Stage | None, resolved: Resolved, unknown: Sequence[Input]) -> PlannedStep:
        producers = dict.fromkeys(item.producer for item in unknown if item.producer is not None)
        late = dict.fromkeys(folder for item in unknown for folder in self.facts.behind.get(item.path, ()))
        waits = [Reason("upstream-runs", name) for name in producers]
        waits += [Reason("pipeline-behind", folder) for folder in late]
        elsewhere = [item for item in unknown if item.producer is None and item.path not in self.facts.behind]
        pointed = tuple(self._pointed(stage, item) for item in elsewhere)
        if stage is None:
            return PlannedStep(step.name, "add", step, None, (_new(step), *pointed, *waits))
        then = as_locked(step, stage, unknown)
        own = (*pointed, *explain(then, stage, self.lock, resolved, self.facts, unknown))
        if not own and stage.spec != then.spec:
            own = (unexplained(then, stage),)
        return PlannedStep(step.name, "rerun" if own else "unknown", step, None, (*own, *waits))

    def _pointed(self, stage: Stage | None, item: Input) -> Reason:
        """Say that an input must be brought before its content is known."""
        pointer = self.facts.pointers[item.path]
        locked = stage.addresses.get(item.path) if stage else None
        code = "pointer-moved" if locked else "input-elsewhere"
        return Reason(code, item.path, locked, f"md5:{pointer.md5}", pointer.place)

    def _renamed_from(self, key: str) -> str | None:
        """Find a stage of this key that no step of its own name keeps: of names that are gone first."""
        if self.by_key is None:
            self.by_key = {}
            for name, stage in self.lock.stages.items():
                self.by_key.setdefault(stage.key, []).append(name)
        found = [name for name in self.by_key.get(key, ()) if name not in self.renamed]
        found.sort(key=lambda name: (name in self.steps, name))
        return next((name for name in found if not self._keeps(name, key)), None)

    def _keeps(self, name: str, key: str) -> bool:
        """Say whether the step of a name still has the key that its stage recorded."""
        if name not in self.steps:
            return False
        if name in self.left:
            return True
        step, unreturned = with_values(self.steps[name], self.returned)
        external, _ = known_external(step, self.lock.stages[name], self.facts)
        resolved, unknown = resolve_inputs(step, self.settled, external)
        return not unknown and not unreturned and self._key(step, resolved) == key

    def _key(self, step: Step, resolved: Resolved) -> str:
        return step_key(step, resolved, self.facts.code_of(step), self.facts.environment_of(step).digest)


def _missing(step: Step, items: Sequence[Input], returned: Returned) -> tuple[Reason, ...]:
    return tuple(_lacks(step, item, returned) for item in items)


def _lacks(step: Step, item: Input, returned: Returned) -> Reason:
    place = step.input_place(item)
    if item.value:
        return Reason("no-value", item.path, item.producer, ", ".join(returned[str(item.producer)]), place)
    return Reason("missing-input" if item.producer is None else "not-written", item.path, item.producer, place=place)


def _new(step: Step) -> Reason:
    return Reason("new", step.name, place=_declared(step))


def _declared(step: Step) -> Place:
    if not step.built_in:
        return step.place("")
    return step.place("trainer" if step.kind in {"train", "refit"} else "")
