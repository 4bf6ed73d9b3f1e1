"""What a run of a random pipeline must do, worked out from texts alone: no digests, no caches, nothing of the runner.

A `World` is all that there is: what a person wrote, the lock, the journal, the cache of objects, the files of the
project. Its texts stand where the runner has digests, and keys are tuples of texts.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from random_pipelines import Draft, Project, matches, takes

Key = tuple[Any, ...]
Texts = Mapping[str, str]  # path → text


class RefusedError(Exception):
    """The run must be refused; `early` when nothing may have run before that."""

    def __init__(self, why: str, *, early: bool) -> None:
        super().__init__(why)
        self.early = early


@dataclass(frozen=True)
class Instance:
    """A step of the pipeline: what it reads and writes; whose value each of its params takes, if one's."""

    name: str
    draft: Draft
    axis: object
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    values: Mapping[str, str]


@dataclass(frozen=True)
class Locked:
    """A stage of the lock, or a line of the journal."""

    key: Key
    outputs: Texts
    value: int


@dataclass
class World:
    """Everything that a run looks at, and everything that it changes."""

    project: Project
    lock: dict[str, Locked] = field(default_factory=dict)
    journal: dict[Key, Locked] = field(default_factory=dict)
    cache: set[str] = field(default_factory=set)
    tree: dict[str, str] = field(default_factory=dict)  # below out

    def instances(self) -> dict[str, Instance]:
        """Return all steps by name, each after those that it reads from."""
        found = [instance for draft in self.project.drafts for instance in self._of(draft)]
        found.sort(key=lambda instance: instance.draft.rank)
        return {instance.name: instance for instance in found}

    def _of(self, draft: Draft) -> Iterator[Instance]:
        for name, axis in draft.instances():
            reads = tuple(read.replace("{a}", str(axis)) for read in draft.reads)
            values = {}
            for param, said in draft.params.items():
                if isinstance(said, tuple) and said[0] == "value":
                    values[param] = self.project.resolve(said)["step"]
            yield Instance(name, draft, axis, reads, tuple(draft.outputs(axis)), values)

    def producers(self, instance: Instance, steps: Mapping[str, Instance]) -> set[str]:
        """Return the names of the steps that a step waits for."""
        found = set(instance.values.values())
        for name, other in steps.items():
            if any(takes(read, written) for read in instance.reads for written in other.writes):
                found.add(name)
        return found

    def selected(self, to: Collection[str], start: Collection[str], only: Collection[str]) -> set[str]:
        """Return the steps that a selection takes: of each kind all that it says."""
        steps = self.instances()
        edges = {name: self.producers(step, steps) for name, step in steps.items()}
        turned = {name: {other for other in edges if name in edges[other]} for name in edges}
        return set(only) | _reached(to, edges) | _reached(start, turned)

    def run(self, chosen: Collection[str] | None) -> set[str]:
        """Do what a run of the chosen steps (None: all) does, and return those that it executes."""
        steps = self.instances()
        settled: dict[str, Locked] = {}
        executed = set()
        before = dict(self.journal)
        names = steps.keys() if chosen is None else chosen
        for name in names:
            if lacking := {other for other in self.producers(steps[name], steps) if not {other} & {*names, *self.lock}}:
                raise RefusedError(f"{name} reads of {lacking}", early=True)
        for name in [name for name in steps if name in names]:
            settled[name], ran = self._settle(steps[name], steps, settled)
            executed |= {name} if ran else set()
        self._publish(chosen, settled, before)
        return executed

    def _settle(
        self, step: Instance, steps: Mapping[str, Instance], settled: Mapping[str, Locked]
    ) -> tuple[Locked, bool]:
        if step.draft.frozen:
            if step.name not in self.lock or not self._stands(self.lock[step.name].outputs):
                raise RefusedError(f"{step.name} is frozen", early=False)
            return self.lock[step.name], False
        shown, from_left = self._shown(step, steps, settled)
        values = {name: {**self.lock, **settled}[other].value for name, other in step.values.items()}
        outside = tuple(read for read in step.reads if self._is_outside(read, steps))
        key = (self._key(step, shown, values), outside)
        locked = [self.lock[step.name]] if step.name in self.lock else []
        locked = [found for found in (*locked, *self.lock.values(), *self.journal.values()) if found.key == key]
        if locked and not step.draft.always and self._stands(locked[0].outputs):
            return locked[0], False
        if any(text not in self.cache and self.tree.get(path) != text for path, text in from_left.items()):
            raise RefusedError(f"{step.name} reads what is nowhere", early=False)
        found = self._execute(step, key, shown, values)
        self.journal[key] = found
        self.cache |= set(found.outputs.values())
        self.tree |= found.outputs
        return found, True

    def _stands(self, outputs: Texts) -> bool:
        """Bring outputs that are somewhere to where they belong; say whether all are."""
        if any(text not in self.cache and self.tree.get(path) != text for path, text in outputs.items()):
            return False
        self.tree |= outputs
        self.cache |= set(outputs.values())
        return True

    def _shown(
        self, step: Instance, steps: Mapping[str, Instance], settled: Mapping[str, Locked]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return what a step is shown, and what of it was written by steps that this run is not about."""
        shown, left = dict[str, str](), dict[str, str]()
        for read in step.reads:
            sources = {path: text for path, text in self.project.sources.items() if matches(read, path)}
            for name, other in steps.items():
                if any(takes(read, path) for path in other.writes):
                    outputs = (settled[name] if name in settled else self.lock[name]).outputs
                    found = {path: text for path, text in outputs.items() if matches(read, path)}
                    if not found:
                        raise RefusedError(f"{name} wrote nothing of {read}", early=False)
                    left |= {} if name in settled else found
                    sources |= found
            shown |= sources
        return shown, left

    def _is_outside(self, read: str, steps: Mapping[str, Instance]) -> bool:
        """Say whether a folder or pattern is one that no step writes into: as a whole, it is another input then."""
        written = any(takes(read, path) for other in steps.values() for path in other.writes)
        return not written and read not in self.project.sources

    def _key(self, step: Instance, shown: Texts, values: Mapping[str, int]) -> Key:
        project, draft = self.project, step.draft
        program = project.program(draft)
        code = [draft.form, project.salt(program)]
        if draft.form == "python":
            code.append(project.salt("project/library.py"))
        if draft.form == "script":
            code.append(str(project.comments.get(program, 0)))  # who knows what a comment is in a program?
        said = tuple(sorted(self._params(step, values).items()))
        paths = (step.reads, step.writes, draft.threads)
        return (tuple(code), draft.how, draft.axis != [], step.axis, said, paths, tuple(sorted(shown.items())))

    def _params(self, step: Instance, values: Mapping[str, int]) -> dict[str, Any]:
        found = {}
        for name, param in step.draft.params.items():
            match param:
                case ("shared", key):
                    found[name] = self.project.shared[key]
                case ("value", _, _):
                    found[name] = values[name]
                case _:
                    found[name] = param
        return found

    def _execute(self, step: Instance, key: Key, shown: Texts, values: Mapping[str, int]) -> Locked:
        draft = step.draft
        said = [str(value) for _, value in sorted(self._params(step, values).items())]
        said += [str(step.axis)] if draft.axis else []
        names = sorted(shown, key=lambda path: (path.count("/"), path))
        text = " ".join(names) + "\n" + "".join(shown[name] for name in names).rstrip("\n")
        count = len(text) % 3
        whole = f"{hashlib.md5(text.encode()).hexdigest()} {' '.join(said)}"
        body = {"all": whole, "size": f"{count} {' '.join(said)}", "const": "same"}[draft.how]
        salt = self.project.salt(self.project.program(draft))
        if draft.form == "python":
            salt += self.project.salt("project/library.py")
        outputs = {}
        for path in step.writes:
            if path.endswith("/"):
                outputs |= {f"{path}{number}": f"{salt} {body} {number}\n" for number in range(count + 1)}
            else:
                outputs[path] = f'{{"v": {count}}}\n' if path.endswith(".json") else f"{salt} {body}\n"
        return Locked(key, outputs, count)

    def _drop_unread(self, lock: Collection[str]) -> None:
        """Let go what steps wrote that are gone, and whose last reader is gone, too."""
        reads = {read for step in self.instances().values() for read in step.reads}
        for name, found in self.lock.items():
            if name not in lock and not any(matches(read, path) for read in reads for path in found.outputs):
                for path in found.outputs:
                    self.project.sources.pop(path, None)

    def _publish(
        self, chosen: Collection[str] | None, settled: Mapping[str, Locked], journal: Mapping[Key, Locked]
    ) -> None:
        steps = self.instances()
        taken = {path for found in settled.values() for path in found.outputs}
        taken |= {path.rstrip("/") for name in settled for path in steps[name].writes}
        kept = {}
        if chosen is not None:
            kept = {
                name: found
                for name, found in self.lock.items()
                if name not in settled and not any(_overlap(path, other) for path in found.outputs for other in taken)
            }
        lock = {**kept, **settled}
        present = {path for found in lock.values() for path in found.outputs}
        self._drop_unread(lock)
        for found in self.lock.values():
            for path, text in found.outputs.items():
                if path not in present and self.tree.get(path) == text:
                    del self.tree[path]
        for name in settled:
            for folder in (path for path in steps[name].writes if path.endswith("/")):
                for path in [path for path in self.tree if path.startswith(folder) and path not in present]:
                    if any(done.outputs.get(path) == self.tree[path] for done in journal.values()):
                        del self.tree[path]
        self.lock = lock


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _reached(names: Collection[str], edges: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges[name]
    return found
