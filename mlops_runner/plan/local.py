"""Local notes on a plan: what this machine need not compute again, what it lacks, and how long things took here.

For people only. Nothing of this is in the plan's JSON or digest, which are the same on every machine.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock, Output
from mlops_runner.plan.model import Plan
from mlops_runner.plan.steps import Step
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

State = Literal["here", "restore", "rebuild", "run"]


@dataclass(frozen=True, slots=True)
class LocalNote:
    """What a run would really do with a step here, and the seconds it took the last time it was executed."""

    state: State
    seconds: float | None = None
    altered: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


def local_notes(
    plan: Plan,
    lock: Lock,
    finished: Callable[[], Mapping[str, Finished]],
    root: Path,
    stats: StatCache,
    difference: Callable[[str, str], str] = lambda *_: "",
) -> dict[str, LocalNote]:
    """Return a note for every step that would still exist.

    `finished` reads what has finished here: not called where every step stands as it is locked. `difference` says how
    an input differs from one with a given digest, or nothing where that is not known here.
    """
    looking = _Looking(root, stats, lock, finished)
    notes = {}
    for planned in plan.steps:
        if planned.step is None:
            continue
        stands, altered = looking.state(planned.step, planned.key)
        if stands == "here" and planned.action == "unchanged":
            notes[planned.name] = LocalNote("here")
            continue
        changed = [(r.what, str(r.old)) for r in planned.reasons if r.code == "input-changed" and r.old and r.new]
        told = tuple(f"{path}: {text}" for path, then in changed if (text := difference(path, then)))
        state: State = "restore" if stands == "here" else stands
        notes[planned.name] = LocalNote(state, looking.seconds.get(planned.name), altered, told)
    return notes


class _Looking:
    """What is known of keys, and what lies here of it."""

    def __init__(
        self, root: Path, stats: StatCache, lock: Lock, finished: Callable[[], Mapping[str, Finished]]
    ) -> None:
        self._root, self._stats, self._finished = root, stats, functools.cache(finished)
        self._locked = {stage.key: stage for stage in lock.stages.values()}

    @functools.cached_property
    def _store(self) -> ObjectStore:
        return ObjectStore(self._root)

    @functools.cached_property
    def seconds(self) -> dict[str, float]:
        """By step, how long its last execution took."""
        return {done.step: done.seconds for done in self._finished().values()}

    def state(self, step: Step, key: str | None) -> tuple[State, tuple[str, ...]]:
        """Say where the result of a key is, and which files of the project are not as it would have them."""
        outputs = self._known(step, key)
        if outputs is None:
            return "run", ()
        standing = {path: _standing(self._stats, f"{self._root}/{path}", output) for path, output in outputs.items()}
        lacking = [path for path, found in standing.items() if not found]
        if not lacking:
            return "here", ()
        stored = all(self._store.path(outputs[path].md5).exists() for path in lacking)
        return "restore" if stored else "rebuild", tuple(path for path, found in standing.items() if found is False)

    def _known(self, step: Step, key: str | None) -> Mapping[str, Output] | None:
        """Return what a key is known to lead to, at the paths where the step writes it."""
        if key is None:
            return None
        if stage := self._locked.get(key):
            return {step.path_of(step.name_of(path)): output for path, output in stage.outputs.items()}
        if done := self._finished().get(key):
            return {step.path_of(name): Output(digest.md5, digest.sha256) for name, digest in done.outputs.items()}
        return None


def _standing(stats: StatCache, path: str, output: Output) -> bool | None:
    """Say whether a file has the recorded content; None when it is not there."""
    try:
        return stats.digest(path).sha256 == output.sha256
    except OSError:
        return None
